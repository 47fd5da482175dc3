-- table: booleans
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: bytes
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: shorts
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: integers
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: longs
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: floats
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: doubles
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: decimals_7_2
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: decimals_18_2
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: decimals_19_2
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: decimals_38_0
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: strings
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: binaries
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: dates
hash(a)
hash(a, b)
xxhash64(a, b)
-- table: timestamps
hash(a)
hash(a, b)
xxhash64(a, b)

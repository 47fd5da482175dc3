-- Structs, arrays and maps: reaching into them, searching and ordering them, making them.
-- table: collections
s.a
s.b
s.c
s.d.e
s.d.f
s
s.c[0]
s.c[1]
ints[i]
ints[l]
ints[id % 3]
texts[i]
reals[i]
decimals[i]
binaries[i]
lists[i]
structs[i]
structs[i].b
lists[i][0]
get(ints, i)
get(texts, 1)
get(structs, i).a
element_at(ints, i)
element_at(ints, 1)
element_at(ints, -1)
element_at(texts, i)
element_at(decimals, i)
element_at(lists, i)
element_at(structs, i)
try_element_at(ints, i)
try_element_at(ints, 2)
try_element_at(texts, -2)
try_element_at(structs, 1)
try_element_at(lists, -1)
try_element_at(ints, 0)
element_at(by_int, i)
element_at(by_text, t)
element_at(by_real, r)
element_at(by_struct, named_struct('a', i))
try_element_at(by_int, i)
by_int[i]
by_int[1]
by_text[t]
by_text['a']
by_real[r]
by_struct[named_struct('a', i)]
size(ints)
size(by_int)
cardinality(lists)
array_size(texts)
size(s.c)
size(lists[0])
array_contains(ints, i)
array_contains(ints, 1)
array_contains(texts, t)
array_contains(reals, r)
array_contains(decimals, 1.5)
array_contains(lists, ints)
array_contains(structs, st)
array_contains(array(1, 2, 3), i)
array_position(ints, i)
array_position(texts, t)
array_position(reals, r)
array_position(lists, ints)
array_position(structs, st)
array_min(ints)
array_min(texts)
array_min(reals)
array_min(decimals)
array_min(binaries)
array_min(lists)
array_min(structs)
array_max(ints)
array_max(texts)
array_max(reals)
array_max(decimals)
array_max(binaries)
array_max(lists)
array_max(structs)
sort_array(ints)
sort_array(ints, false)
sort_array(texts)
sort_array(texts, false)
sort_array(decimals)
sort_array(binaries, false)
sort_array(lists)
sort_array(structs)
sort_array(structs, false)
sort_array(array(i, 1))
@sort_array(reals)
@sort_array(reals, false)
map_keys(by_int)
map_keys(by_struct)
map_values(by_int)
map_values(by_struct)
map_entries(by_text)
map_entries(by_struct)
map_contains_key(by_int, i)
map_contains_key(by_text, t)
map_contains_key(by_real, r)
structs.a
structs.b
map_values(by_struct)[0]
map_entries(by_text).key
array(i)
array(i, 1, id)
array(i, s.a)
array(t, s.b, 'x')
array(ints, s.c)
array(st, named_struct('a', 1, 'b', 'x'))
array(CAST(id AS DECIMAL(25,3)), decimals[0])
named_struct('x', i, 'y', ints, 'z', by_int)
struct(i, t, st)
struct(s.d, r)
map(id, t)
map(i, t)
map(i, t, 1, 'x')
map(t, ints, 'q', s.c)
map(id, st, -1, named_struct('a', 1, 'b', 'x'))
map(st, i)
@map(r, i)
ints IS NULL
ints IS NOT NULL
s IS NULL
s.c IS NULL
by_int IS NOT NULL
ints = array(1, 2, 3)
ints < array(1, 3)
ints <=> s.c
ints >= s.c
st = named_struct('a', 1, 'b', 'a')
st <=> named_struct('a', i, 'b', t)
st < named_struct('a', 1, 'b', 'b')
structs = structs
lists > array(array(1))
coalesce(ints, array(i))
coalesce(st, named_struct('a', i, 'b', t))
if(i > 0, st, named_struct('a', i, 'b', t))
CASE WHEN i > 0 THEN ints WHEN i < 0 THEN s.c END
CASE WHEN i > 0 THEN by_int ELSE map(id, t) END
CAST(st AS STRUCT<x: INT, y: STRING>)
@CAST(ints AS ARRAY<BIGINT>)
@CAST(st AS STRUCT<x: BIGINT, y: STRING>)
hash(ints)
hash(st, lists)
xxhash64(structs)
named_struct('a', ints[id % 2], 'b', t).a
array(ints[0], 1)
if(size(ints) > 0, ints[0], -1)
if(size(ints) > 1 AND ints[1] > 0, element_at(ints, 2), 0)

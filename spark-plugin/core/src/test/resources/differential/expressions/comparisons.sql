-- table: booleans
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: bytes
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: shorts
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: integers
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: longs
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: floats
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: doubles
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: decimals_7_2
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: decimals_18_2
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: decimals_19_2
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: decimals_38_0
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: strings
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: binaries
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: dates
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: timestamps
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END
-- table: wall_times
a = b
a <> b
a < b
a <= b
a > b
a >= b
a <=> b
a IS NULL
a IS NOT NULL
coalesce(a, b)
nullif(a, b)
if(a < b, a, b)
CASE WHEN a = b THEN a WHEN a < b THEN b END

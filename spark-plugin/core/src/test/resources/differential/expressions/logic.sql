-- table: booleans
a AND b
a OR b
NOT a
a AND (b OR NOT a)
(a OR b) AND a IS NOT NULL
-- table: integers
a > 0 AND b > 0
a > 0 OR b > 0
a <> 0 AND 10 / a > 1
a = 0 OR 10 div a > 1
a IN (1, 3, 1000)
a IN (1, NULL)
a IN (b, 1)
a IN (NULL, b)
a NOT IN (b, a + 0)
a IN (0, 10 div a)
a NOT IN (1, 3)
a IN (-2147483648, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
a BETWEEN -1 AND b
CASE WHEN a = 0 THEN 0 ELSE 100 div a END
if(b = 0, NULL, a % b)
coalesce(a, b, 5)
nvl(a, 7)
nvl2(a, b, 7)
-- table: doubles
nanvl(a, b)
isnan(a)
a IN (0.0D, double('NaN'))
a IN (0.0D, b)
-- table: strings
a IN ('abc', '', 'ß')
a IN ('abc', NULL)
a IN (b, 'abc')
CASE a WHEN 'abc' THEN 1 WHEN '' THEN 2 ELSE 3 END
-- table: dates
a IN (DATE'1970-01-01', DATE'2000-02-29')

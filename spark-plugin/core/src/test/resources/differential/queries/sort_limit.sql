SELECT a, id FROM booleans ORDER BY a, id;
SELECT a, b, id FROM booleans ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- Tasks' first rows are merged where they are collected.
-- fallback: TakeOrderedAndProject
SELECT a, id FROM booleans ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM integers ORDER BY a, id;
SELECT a, b, id FROM integers ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM integers ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM longs ORDER BY a, id;
SELECT a, b, id FROM longs ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM longs ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM floats ORDER BY a, id;
SELECT a, b, id FROM floats ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM floats ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM decimals_7_2 ORDER BY a, id;
SELECT a, b, id FROM decimals_7_2 ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM decimals_7_2 ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM decimals_19_2 ORDER BY a, id;
SELECT a, b, id FROM decimals_19_2 ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM decimals_19_2 ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM decimals_38_0 ORDER BY a, id;
SELECT a, b, id FROM decimals_38_0 ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM decimals_38_0 ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM strings ORDER BY a, id;
SELECT a, b, id FROM strings ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM strings ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM binaries ORDER BY a, id;
SELECT a, b, id FROM binaries ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM binaries ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM dates ORDER BY a, id;
SELECT a, b, id FROM dates ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM dates ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM timestamps ORDER BY a, id;
SELECT a, b, id FROM timestamps ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM timestamps ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT a, id FROM wall_times ORDER BY a, id;
SELECT a, b, id FROM wall_times ORDER BY a DESC, b ASC NULLS LAST, id DESC;
-- fallback: TakeOrderedAndProject
SELECT a, id FROM wall_times ORDER BY a DESC NULLS FIRST, id LIMIT 7;
SELECT id FROM integers ORDER BY id LIMIT 5 OFFSET 3;
-- fallback: LocalTableScan
SELECT id + 1 FROM integers ORDER BY id DESC LIMIT 0;
-- fallback: TakeOrderedAndProject
SELECT a, count(*) AS n FROM integers GROUP BY a ORDER BY n DESC, a LIMIT 3;

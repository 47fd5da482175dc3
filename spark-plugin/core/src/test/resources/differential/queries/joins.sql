-- Broadcasts are off, so that all joins are shuffled.
-- all set spark.sql.autoBroadcastJoinThreshold=-1

-- Several keys, keys of different widths, computed keys.
SELECT l.id, r.id FROM integers l JOIN integers r ON l.a = r.b AND l.b = r.a;
SELECT l.id, r.id FROM integers l LEFT JOIN integers r ON l.a = r.b AND l.b = r.a AND l.id = r.id + 1;
SELECT l.id, r.id FROM (SELECT id, a, b FROM integers WHERE id % 3 = 0) l FULL JOIN (SELECT id, a, b FROM integers WHERE id % 4 = 0) r ON l.a = r.a AND l.b <=> r.b;
SELECT l.id, r.id FROM integers l JOIN longs r ON l.a = r.a WHERE l.id % 3 = 0;
SELECT l.id, r.id FROM shorts l LEFT JOIN bytes r ON l.a = r.b;
SELECT l.id, r.id, l.a, r.a FROM decimals_18_2 l JOIN decimals_19_2 r ON l.a = r.a;
SELECT l.id, r.id, l.a, r.a FROM decimals_7_2 l FULL JOIN decimals_18_2 r ON l.a = r.a;
SELECT l.id, r.id FROM decimals_7_2 l JOIN doubles r ON l.a = r.a;
SELECT l.id, r.id FROM floats l JOIN doubles r ON l.a = r.a WHERE l.id % 3 = 1;
SELECT l.id, r.id FROM integers l JOIN integers r ON l.a % 5 = r.b % 3 WHERE l.id < 40;
SELECT l.id, r.id FROM strings l JOIN strings r ON length(l.a) = length(r.b) AND l.id = r.id;
SELECT l.id, r.id FROM strings l JOIN dates r ON substring(l.a, 1, 4) = CAST(year(r.a) AS STRING) WHERE r.id < 5;
SELECT l.id, r.id FROM dates l LEFT JOIN timestamps r ON l.a = CAST(r.a AS DATE) AND r.id % 5 = 0;
SELECT l.id, r.id FROM integers l JOIN longs r ON l.a + 1L = r.a;
-- A key that raises is evaluated for every row of its side.
SELECT l.id FROM integers l JOIN longs r ON 100 div l.a = r.a;
SELECT l.id FROM integers l LEFT JOIN longs r ON l.a = CAST(r.a AS INT);
SELECT l.id FROM (SELECT * FROM integers WHERE a <> 0) l JOIN longs r ON 1000 div l.a = r.a;

-- Structs as keys.
SELECT l.id, r.id FROM (SELECT id, named_struct('x', a, 'y', id % 3) AS s FROM integers) l JOIN (SELECT id, named_struct('x', b, 'y', id % 3) AS s FROM integers WHERE id < 30) r ON l.s = r.s;

-- Conditions beside the keys.
SELECT l.id, r.id FROM integers l JOIN integers r ON l.a = r.a AND l.b < r.b;
SELECT l.id, r.id FROM integers l LEFT JOIN integers r ON l.a = r.a AND l.b < r.b;
SELECT l.id, r.id FROM integers l RIGHT JOIN integers r ON l.a = r.a AND l.b < r.b;
SELECT l.id, r.id FROM integers l FULL JOIN integers r ON l.a = r.a AND l.b < r.b;
SELECT l.id FROM integers l LEFT SEMI JOIN integers r ON l.a = r.a AND l.b < r.b;
SELECT l.id FROM integers l LEFT ANTI JOIN integers r ON l.a = r.a AND l.b < r.b;
SELECT l.id FROM integers l WHERE l.id % 7 = 0 OR EXISTS (SELECT 1 FROM integers r WHERE l.a = r.a AND l.b < r.b);
SELECT l.id FROM integers l WHERE l.id % 7 = 0 OR NOT EXISTS (SELECT 1 FROM integers r WHERE l.a = r.a AND l.b < r.b AND r.id > 50);
-- One that is NULL or false for all pairs.
-- The condition is always false, so that Spark plans nested loops.
-- fallback: BroadcastNestedLoopJoin
SELECT l.id, r.id FROM integers l FULL JOIN integers r ON l.a = r.a AND l.b + r.b < -5000000000L AND l.id < 20;
SELECT l.id, r.id FROM integers l LEFT JOIN integers r ON l.a = r.a AND (l.b > r.b OR l.id = r.id) AND NOT (l.b = 3 AND r.b = 1);
SELECT l.id, r.id FROM strings l LEFT JOIN strings r ON l.id = r.id AND l.a || r.b LIKE '%a%';
SELECT l.id, r.id FROM decimals_18_2 l FULL JOIN decimals_18_2 r ON l.a = r.a AND l.b * 2 > r.b;
-- Conditions that raise, for pairs whose keys are equal and for others.
SELECT l.id, r.id FROM integers l JOIN integers r ON l.a = r.a AND 100 div (l.id - r.id) > 1;
SELECT l.id, r.id FROM integers l JOIN integers r ON l.id = r.id AND 100 div (l.id - r.id + 1) > 1;
SELECT l.id, r.id FROM integers l LEFT JOIN integers r ON l.id = r.id AND 100 div (l.id - r.id + 1) > 1;
SELECT l.id FROM integers l LEFT SEMI JOIN integers r ON l.id = r.id AND 100 div (l.id - r.id + 1) > 1;
SELECT l.id FROM integers l LEFT ANTI JOIN integers r ON l.id = r.id AND 100 div (l.id - r.id) > 1;
SELECT l.id, r.id FROM integers l FULL JOIN integers r ON l.id = r.id AND l.a + r.a > 0;

-- Skew: one key for most rows, one key for all rows, only NULLs.
SELECT count(*), sum(l.id), sum(r.id) FROM (SELECT id, IF(id % 50 = 0, id, 7) AS k FROM strings) l JOIN (SELECT id, IF(id % 100 = 0, id, 7) AS k FROM strings) r ON l.k = r.k;
SELECT count(*), sum(l.id) FROM (SELECT id, id % 1 AS k FROM strings) l LEFT JOIN (SELECT id, id % 1 AS k FROM strings WHERE id < 300) r ON l.k = r.k AND l.id > r.id;
SELECT count(*), sum(l.id), sum(r.id) FROM (SELECT id, a FROM integers WHERE a IS NULL) l FULL JOIN (SELECT id, b FROM integers WHERE b IS NULL) r ON l.a = r.b;
SELECT l.id FROM (SELECT id, a FROM integers WHERE a IS NULL) l LEFT ANTI JOIN integers r ON l.a = r.b;

-- A side without rows.
SELECT l.id, r.id FROM integers l LEFT JOIN (SELECT * FROM integers WHERE id % 1000 = 999) r ON l.a = r.a;
-- fallback: EmptyRelation
SELECT l.id, r.id FROM integers l JOIN (SELECT * FROM integers WHERE id % 1000 = 999) r ON l.a = r.a;
SELECT l.id, r.id FROM (SELECT * FROM integers WHERE id % 1000 = 999) l FULL JOIN integers r ON l.a = r.a;
SELECT l.id FROM integers l LEFT ANTI JOIN (SELECT * FROM integers WHERE id % 1000 = 999) r ON l.a = r.a;

-- Hash joins that were asked for, of either side.
SELECT /*+ SHUFFLE_HASH(l) */ l.id, r.id FROM integers l JOIN integers r ON l.a = r.b;
SELECT /*+ SHUFFLE_HASH(r) */ l.id, r.id FROM integers l JOIN integers r ON l.a = r.b;
SELECT /*+ SHUFFLE_HASH(r) */ l.id, r.id FROM integers l LEFT JOIN integers r ON l.a = r.b AND l.b < r.a;
SELECT /*+ SHUFFLE_HASH(l) */ l.id, r.id FROM integers l LEFT JOIN (SELECT * FROM integers WHERE id % 3 = 0) r ON l.a = r.b AND l.b < r.a;
SELECT /*+ SHUFFLE_HASH(r) */ l.id, r.id FROM integers l RIGHT JOIN integers r ON l.a = r.b AND l.b < r.a;
SELECT /*+ SHUFFLE_HASH(l) */ l.id, r.id FROM integers l FULL JOIN integers r ON l.a = r.b AND l.b < r.a;
SELECT /*+ SHUFFLE_HASH(r) */ l.id FROM integers l LEFT SEMI JOIN integers r ON l.a = r.b AND l.b < r.a;
SELECT /*+ SHUFFLE_HASH(r) */ l.id FROM integers l LEFT ANTI JOIN integers r ON l.a = r.b AND l.b < r.a;
-- Sides of very different size, each way round.
SELECT l.id, r.a FROM strings l JOIN (SELECT * FROM integers WHERE id < 5) r ON l.id = r.id;
SELECT r.id, l.a FROM (SELECT * FROM integers WHERE id < 5) l LEFT JOIN strings r ON l.id = r.id;
SELECT r.id, l.a FROM (SELECT * FROM integers WHERE id < 5) l RIGHT JOIN strings r ON l.id = r.id;
SELECT r.id FROM strings r LEFT SEMI JOIN (SELECT * FROM integers WHERE id < 5) l ON l.id = r.id;
SELECT l.id FROM (SELECT * FROM integers WHERE id < 5) l LEFT SEMI JOIN strings r ON l.id = r.id;
SELECT l.id FROM (SELECT * FROM integers WHERE id < 9) l LEFT ANTI JOIN (SELECT * FROM strings WHERE id % 2 = 0) r ON l.id = r.id;

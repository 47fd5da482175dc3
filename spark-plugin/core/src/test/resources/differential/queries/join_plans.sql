-- Joins among other operators. Broadcasts are off, so that all joins are shuffled.
-- all set spark.sql.autoBroadcastJoinThreshold=-1

-- Chained, by the same key and by different ones.
SELECT l.id, m.id, r.id FROM integers l JOIN integers m ON l.id = m.id JOIN longs r ON l.id = r.id;
SELECT l.id, m.id, r.id FROM integers l LEFT JOIN longs m ON l.id = m.id LEFT JOIN shorts r ON l.id = r.id;
-- fallback: EmptyRelation
SELECT l.id, m.id, r.id FROM integers l JOIN longs m ON l.a = m.a JOIN shorts r ON m.b = r.b WHERE l.id < 30 AND r.id < 10;
SELECT l.id, m.id, r.id FROM integers l FULL JOIN longs m ON l.id = m.id + 1 FULL JOIN shorts r ON m.id = r.id;
SELECT l.id FROM integers l LEFT SEMI JOIN longs m ON l.id = m.id LEFT ANTI JOIN shorts r ON l.id = r.id;
-- A self join.
SELECT l.id, r.id FROM strings l JOIN strings r ON l.a = r.a AND l.id + 1 = r.id;

-- Aggregates above and below.
SELECT l.a, count(*), sum(r.id), max(r.b) FROM integers l JOIN integers r ON l.a = r.a GROUP BY l.a;
SELECT l.a, r.b, count(*) FROM integers l LEFT JOIN longs r ON l.a = r.a GROUP BY l.a, r.b;
SELECT count(*), count(r.id), count(DISTINCT l.a) FROM integers l LEFT JOIN longs r ON l.a = r.a;
SELECT l.a, l.n, r.n FROM (SELECT a, count(*) AS n FROM integers GROUP BY a) l JOIN (SELECT b, sum(id) AS n FROM integers GROUP BY b) r ON l.a = r.b;
SELECT l.a, l.n, r.id FROM (SELECT a, count(*) AS n FROM integers GROUP BY a) l LEFT JOIN integers r ON l.a = r.a;
SELECT l.a, max(r.s), min(r.s) FROM integers l JOIN (SELECT id, a AS s FROM strings) r ON l.id = r.id GROUP BY l.a;
SELECT a, max(s) FROM (SELECT l.a, r.s FROM integers l JOIN (SELECT a, CAST(id AS STRING) AS s FROM integers) r ON l.a = r.a) GROUP BY a;
SELECT DISTINCT l.a, r.b FROM integers l JOIN integers r ON l.a = r.a;
SELECT l.a FROM integers l JOIN integers r ON l.a = r.a GROUP BY l.a HAVING count(*) > 50;

-- Orders above.
SELECT l.id, r.id FROM integers l JOIN longs r ON l.id = r.id ORDER BY l.id;
SELECT l.id, r.id FROM integers l JOIN longs r ON l.a = r.a ORDER BY l.a, l.id, r.id;
SELECT l.id, r.id FROM integers l FULL JOIN longs r ON l.id = r.id + 1 ORDER BY r.id NULLS LAST, l.id;
-- set spark.sql.shuffle.partitions=1
SELECT l.id, r.id FROM integers l JOIN longs r ON l.id = r.id ORDER BY l.id;
-- set spark.sql.shuffle.partitions=1
-- set spark.sql.execution.removeRedundantSorts=true
SELECT l.id, r.id FROM integers l JOIN longs r ON l.id = r.id ORDER BY l.id;
-- fallback: TakeOrderedAndProject
SELECT l.id, r.id FROM integers l JOIN longs r ON l.id = r.id ORDER BY l.id DESC LIMIT 7;
-- The first of a group, in an order that the join would give.
-- fallback: Window
SELECT id, a, row_number() OVER (PARTITION BY id ORDER BY a) AS n FROM (SELECT l.id, r.a FROM integers l JOIN (SELECT id, a FROM longs) r ON l.id = r.id);
-- fallback: Window
SELECT a, id, count(*) OVER (PARTITION BY a) AS n FROM (SELECT l.id, r.a FROM integers l LEFT JOIN longs r ON l.a = r.a WHERE l.id < 20);

-- Subqueries that become joins, and such that do not.
SELECT id FROM integers WHERE a IN (SELECT b FROM longs WHERE id > 20);
SELECT id FROM integers WHERE a IN (SELECT b FROM longs WHERE id > 20) OR id = 3;
SELECT id FROM integers l WHERE EXISTS (SELECT 1 FROM longs r WHERE r.a = l.a AND r.id > l.id);
SELECT id FROM integers l WHERE NOT EXISTS (SELECT 1 FROM longs r WHERE r.a = l.a AND r.id > l.id);
SELECT id FROM integers l WHERE a > (SELECT avg(r.a) FROM integers r WHERE r.b = l.b);
SELECT id, (SELECT max(r.id) FROM longs r WHERE r.a = l.a) FROM integers l;
SELECT id FROM integers WHERE id > (SELECT avg(id) FROM longs) AND id < (SELECT avg(id) FROM longs) + 10;
SELECT l.id FROM integers l JOIN longs r ON l.id = r.id AND l.a > (SELECT min(a) FROM shorts) WHERE r.id < (SELECT max(id) FROM shorts);
SELECT l.id, r.id FROM integers l LEFT JOIN integers r ON l.a = r.a AND l.b + r.b > (SELECT max(a) FROM shorts);
SELECT l.id, r.id FROM integers l JOIN longs r ON l.id + (SELECT min(id) + 1 FROM shorts) = r.id;
-- A subquery without rows is NULL.
SELECT l.id FROM integers l JOIN longs r ON l.id = r.id AND l.a + r.a > (SELECT max(a) FROM shorts WHERE id % 100 = 99);

-- A common table expression, used twice.
WITH t AS (SELECT a, count(*) AS n, sum(id) AS s FROM integers GROUP BY a) SELECT l.a, l.n, r.s FROM t l JOIN t r ON l.a = r.a;
WITH t AS (SELECT a, max(id) AS m FROM integers GROUP BY a) SELECT l.id FROM integers l JOIN t ON l.a = t.a AND l.id = t.m WHERE t.m >= (SELECT avg(m) FROM t);
WITH t AS (SELECT l.id, r.a FROM integers l JOIN longs r ON l.id = r.id) SELECT x.id, y.a FROM t x JOIN t y ON x.id = y.id UNION ALL SELECT id, a FROM t;

-- Set operations are joins by <=>.
SELECT a FROM integers INTERSECT SELECT b FROM longs;
SELECT a, b FROM integers EXCEPT SELECT a, b FROM integers WHERE id > 30;
SELECT a FROM doubles INTERSECT SELECT b FROM doubles WHERE id < 100;

-- Unions below and above.
SELECT l.id, r.id FROM (SELECT id, a FROM integers UNION ALL SELECT id, b FROM integers) l JOIN shorts r ON l.id = r.id;
SELECT l.id FROM integers l JOIN longs r ON l.id = r.id UNION ALL SELECT l.id FROM shorts l LEFT JOIN bytes r ON l.a = r.a;
SELECT a, count(*) FROM (SELECT l.a FROM integers l JOIN longs r ON l.id = r.id UNION ALL SELECT l.a FROM integers l LEFT JOIN bytes r ON l.a = r.a) GROUP BY a;
SELECT l.id, count(*) FROM integers l JOIN (SELECT * FROM longs LIMIT 1000) r ON l.id = r.id GROUP BY l.id;
-- Rows of the JVM on a side.
-- fallback: Range
SELECT l.id, r.id FROM range(20) l JOIN integers r ON l.id = r.id;
-- The first rows in an order that a merge join would have given.
SELECT l.a, r.a FROM integers l JOIN integers r ON l.a = r.a ORDER BY l.a LIMIT 7;
SELECT l.a, l.b FROM integers l LEFT JOIN (SELECT * FROM integers WHERE id % 9 = 0) r ON l.a = r.a AND l.b = r.b ORDER BY l.a DESC, l.b DESC LIMIT 5;

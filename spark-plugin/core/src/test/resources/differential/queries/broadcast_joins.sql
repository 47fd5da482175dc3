-- Joins with a broadcast side: every kind, keys of every type, duplicates and NULLs on both sides.
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM booleans l JOIN booleans r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM booleans l LEFT JOIN (SELECT * FROM booleans WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM booleans WHERE id % 11 = 3) l RIGHT JOIN booleans r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM booleans l LEFT SEMI JOIN (SELECT * FROM booleans WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM booleans l LEFT ANTI JOIN (SELECT * FROM booleans WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM booleans l WHERE l.a NOT IN (SELECT b FROM booleans WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM bytes l JOIN bytes r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM bytes l LEFT JOIN (SELECT * FROM bytes WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM bytes WHERE id % 11 = 3) l RIGHT JOIN bytes r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM bytes l LEFT SEMI JOIN (SELECT * FROM bytes WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM bytes l LEFT ANTI JOIN (SELECT * FROM bytes WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM bytes l WHERE l.a NOT IN (SELECT b FROM bytes WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM shorts l JOIN shorts r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM shorts l LEFT JOIN (SELECT * FROM shorts WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM shorts WHERE id % 11 = 3) l RIGHT JOIN shorts r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM shorts l LEFT SEMI JOIN (SELECT * FROM shorts WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM shorts l LEFT ANTI JOIN (SELECT * FROM shorts WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM shorts l WHERE l.a NOT IN (SELECT b FROM shorts WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM integers l JOIN integers r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM integers l LEFT JOIN (SELECT * FROM integers WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM integers WHERE id % 11 = 3) l RIGHT JOIN integers r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM integers l LEFT SEMI JOIN (SELECT * FROM integers WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM integers l LEFT ANTI JOIN (SELECT * FROM integers WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM integers l WHERE l.a NOT IN (SELECT b FROM integers WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM longs l JOIN longs r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM longs l LEFT JOIN (SELECT * FROM longs WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM longs WHERE id % 11 = 3) l RIGHT JOIN longs r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM longs l LEFT SEMI JOIN (SELECT * FROM longs WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM longs l LEFT ANTI JOIN (SELECT * FROM longs WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM longs l WHERE l.a NOT IN (SELECT b FROM longs WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM floats l JOIN floats r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM floats l LEFT JOIN (SELECT * FROM floats WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM floats WHERE id % 11 = 3) l RIGHT JOIN floats r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM floats l LEFT SEMI JOIN (SELECT * FROM floats WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM floats l LEFT ANTI JOIN (SELECT * FROM floats WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM floats l WHERE l.a NOT IN (SELECT b FROM floats WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM doubles l JOIN doubles r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM doubles l LEFT JOIN (SELECT * FROM doubles WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM doubles WHERE id % 11 = 3) l RIGHT JOIN doubles r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM doubles l LEFT SEMI JOIN (SELECT * FROM doubles WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM doubles l LEFT ANTI JOIN (SELECT * FROM doubles WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM doubles l WHERE l.a NOT IN (SELECT b FROM doubles WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM decimals_7_2 l JOIN decimals_7_2 r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM decimals_7_2 l LEFT JOIN (SELECT * FROM decimals_7_2 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM decimals_7_2 WHERE id % 11 = 3) l RIGHT JOIN decimals_7_2 r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_7_2 l LEFT SEMI JOIN (SELECT * FROM decimals_7_2 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_7_2 l LEFT ANTI JOIN (SELECT * FROM decimals_7_2 WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM decimals_7_2 l WHERE l.a NOT IN (SELECT b FROM decimals_7_2 WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM decimals_18_2 l JOIN decimals_18_2 r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM decimals_18_2 l LEFT JOIN (SELECT * FROM decimals_18_2 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM decimals_18_2 WHERE id % 11 = 3) l RIGHT JOIN decimals_18_2 r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_18_2 l LEFT SEMI JOIN (SELECT * FROM decimals_18_2 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_18_2 l LEFT ANTI JOIN (SELECT * FROM decimals_18_2 WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM decimals_18_2 l WHERE l.a NOT IN (SELECT b FROM decimals_18_2 WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM decimals_19_2 l JOIN decimals_19_2 r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM decimals_19_2 l LEFT JOIN (SELECT * FROM decimals_19_2 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM decimals_19_2 WHERE id % 11 = 3) l RIGHT JOIN decimals_19_2 r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_19_2 l LEFT SEMI JOIN (SELECT * FROM decimals_19_2 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_19_2 l LEFT ANTI JOIN (SELECT * FROM decimals_19_2 WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM decimals_19_2 l WHERE l.a NOT IN (SELECT b FROM decimals_19_2 WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM decimals_38_0 l JOIN decimals_38_0 r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM decimals_38_0 l LEFT JOIN (SELECT * FROM decimals_38_0 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM decimals_38_0 WHERE id % 11 = 3) l RIGHT JOIN decimals_38_0 r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_38_0 l LEFT SEMI JOIN (SELECT * FROM decimals_38_0 WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM decimals_38_0 l LEFT ANTI JOIN (SELECT * FROM decimals_38_0 WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM decimals_38_0 l WHERE l.a NOT IN (SELECT b FROM decimals_38_0 WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM strings l JOIN strings r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM strings l LEFT JOIN (SELECT * FROM strings WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM strings WHERE id % 11 = 3) l RIGHT JOIN strings r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM strings l LEFT SEMI JOIN (SELECT * FROM strings WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM strings l LEFT ANTI JOIN (SELECT * FROM strings WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM strings l WHERE l.a NOT IN (SELECT b FROM strings WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM binaries l JOIN binaries r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM binaries l LEFT JOIN (SELECT * FROM binaries WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM binaries WHERE id % 11 = 3) l RIGHT JOIN binaries r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM binaries l LEFT SEMI JOIN (SELECT * FROM binaries WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM binaries l LEFT ANTI JOIN (SELECT * FROM binaries WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM binaries l WHERE l.a NOT IN (SELECT b FROM binaries WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM dates l JOIN dates r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM dates l LEFT JOIN (SELECT * FROM dates WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM dates WHERE id % 11 = 3) l RIGHT JOIN dates r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM dates l LEFT SEMI JOIN (SELECT * FROM dates WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM dates l LEFT ANTI JOIN (SELECT * FROM dates WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM dates l WHERE l.a NOT IN (SELECT b FROM dates WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM timestamps l JOIN timestamps r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM timestamps l LEFT JOIN (SELECT * FROM timestamps WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM timestamps WHERE id % 11 = 3) l RIGHT JOIN timestamps r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM timestamps l LEFT SEMI JOIN (SELECT * FROM timestamps WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM timestamps l LEFT ANTI JOIN (SELECT * FROM timestamps WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM timestamps l WHERE l.a NOT IN (SELECT b FROM timestamps WHERE id % 11 = 3 AND b IS NOT NULL);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM wall_times l JOIN wall_times r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
SELECT /*+ BROADCAST(r) */ l.id, l.a, r.id, r.b FROM wall_times l LEFT JOIN (SELECT * FROM wall_times WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM wall_times WHERE id % 11 = 3) l RIGHT JOIN wall_times r ON l.a = r.b AND l.id < r.id;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM wall_times l LEFT SEMI JOIN (SELECT * FROM wall_times WHERE id % 11 = 3) r ON l.a = r.b;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM wall_times l LEFT ANTI JOIN (SELECT * FROM wall_times WHERE id % 11 = 3) r ON l.a = r.b AND l.b = r.a;
SELECT l.id, l.a FROM wall_times l WHERE l.a NOT IN (SELECT b FROM wall_times WHERE id % 11 = 3 AND b IS NOT NULL);
-- Several keys, of which some are computed.
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM decimals_18_2 l JOIN decimals_19_2 r ON l.a = r.b AND l.id % 3 = r.id % 4;
SELECT /*+ BROADCAST(r) */ l.id, r.id, r.b FROM integers l JOIN longs r ON l.a = r.b AND l.b = r.a;
-- jvm
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM strings l JOIN strings r ON upper(l.a) = r.b AND l.id % 2 = r.id % 2 WHERE r.id % 13 = 0;
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM floats l JOIN floats r ON l.a = r.a AND l.b = r.b;
-- Residual conditions; one that is NULL is no match.
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM longs l JOIN longs r ON l.a = r.a AND l.b < r.b;
SELECT /*+ BROADCAST(r) */ l.id, r.id, r.a FROM longs l LEFT JOIN longs r ON l.a = r.a AND l.b < r.b AND r.id % 4 = 1;
SELECT /*+ BROADCAST(r) */ l.id FROM doubles l LEFT SEMI JOIN doubles r ON l.a = r.a AND l.b > r.b AND r.id % 9 = 2;
SELECT /*+ BROADCAST(r) */ l.id FROM doubles l LEFT ANTI JOIN doubles r ON l.a = r.a AND l.b > r.b AND r.id % 9 = 2;
-- A residual condition that raises.
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM integers l JOIN integers r ON l.a = r.a AND l.b + r.b > 0;
-- set spark.sql.ansi.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM integers l JOIN integers r ON l.a = r.a AND l.b + r.b > 0;
-- Existence.
SELECT id, a FROM longs l WHERE id < 7 OR EXISTS (SELECT 1 FROM longs r WHERE r.b = l.a AND r.id % 5 = 2);
SELECT id, a IN (SELECT b FROM integers WHERE b > 0) FROM integers WHERE a IS NOT NULL;
SELECT id FROM integers l WHERE id < 7 OR EXISTS (SELECT 1 FROM integers r WHERE r.b = l.a AND r.id < l.id);
-- NOT IN: a NULL in the list, an empty list, a NULL looked for, several columns. With AQE the first
-- join goes.
SELECT id, a FROM integers WHERE a NOT IN (SELECT b FROM integers WHERE id % 3 = 0) UNION ALL SELECT id, b FROM integers WHERE id < 3;
-- set spark.sql.adaptive.enabled=false
SELECT id, a FROM integers WHERE a NOT IN (SELECT b FROM integers WHERE id % 3 = 0);
-- fallback: LocalTableScan
SELECT id, a FROM longs WHERE a NOT IN (SELECT b FROM longs WHERE id < 0);
-- set spark.sql.adaptive.enabled=false
SELECT id, a FROM longs WHERE a NOT IN (SELECT b FROM longs WHERE id < 0);
SELECT id, a FROM longs WHERE a NOT IN (SELECT b FROM longs WHERE b > 5);
SELECT id, a FROM strings WHERE a NOT IN (SELECT b FROM strings WHERE b > 'b');
SELECT id, a FROM longs WHERE (a, b) NOT IN (SELECT b, a FROM longs WHERE b > 5 AND id % 3 = 0);
SELECT id, a FROM longs WHERE (a, b) NOT IN (SELECT b, a FROM longs WHERE b IS NULL AND id % 20 = 9);
-- An empty build side, an empty stream.
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.b FROM longs l JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
-- fallback: EmptyRelation
SELECT /*+ BROADCAST(r) */ l.id, r.b FROM longs l JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.b FROM (SELECT * FROM longs WHERE id < 0) l JOIN longs r ON l.a = r.a;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.b FROM longs l LEFT JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
SELECT /*+ BROADCAST(r) */ l.id, r.b FROM longs l LEFT JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.b FROM (SELECT * FROM longs WHERE id < 0) l LEFT JOIN longs r ON l.a = r.a;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM longs l LEFT SEMI JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
-- fallback: EmptyRelation
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM longs l LEFT SEMI JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM (SELECT * FROM longs WHERE id < 0) l LEFT SEMI JOIN longs r ON l.a = r.a;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM longs l LEFT ANTI JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM longs l LEFT ANTI JOIN (SELECT * FROM longs WHERE id < 0) r ON l.a = r.a;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, l.a FROM (SELECT * FROM longs WHERE id < 0) l LEFT ANTI JOIN longs r ON l.a = r.a;
-- All kinds without AQE.
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM longs l JOIN longs r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM longs WHERE id % 11 = 3) l RIGHT JOIN longs r ON l.a = r.b AND l.id < r.id;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM strings l JOIN strings r ON l.a = r.b WHERE l.id % 5 = 0 AND r.id % 7 < 2;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(l) */ l.id, l.a, r.id, r.b FROM (SELECT * FROM strings WHERE id % 11 = 3) l RIGHT JOIN strings r ON l.a = r.b AND l.id < r.id;
-- Operators below and above, a broadcast used twice, joins in a row.
SELECT /*+ BROADCAST(r) */ l.b, sum(r.n), count(*) FROM longs l JOIN (SELECT b, count(*) AS n FROM longs GROUP BY b) r ON l.a = r.b GROUP BY l.b;
SELECT /*+ BROADCAST(r), BROADCAST(s) */ l.id, r.id, s.id FROM integers l JOIN integers r ON l.a = r.b JOIN integers s ON l.b = s.a WHERE r.id % 10 = 4 AND s.id % 10 = 7;
WITH t AS (SELECT b, count(*) AS n FROM integers GROUP BY b) SELECT /*+ BROADCAST(x), BROADCAST(y) */ l.id, x.n, y.n FROM integers l JOIN t x ON l.a = x.b LEFT JOIN t y ON l.b = y.b;
-- jvm
SELECT /*+ BROADCAST(r) */ l.id, r.s FROM longs l JOIN (SELECT b, struct(a, id) AS s, array(a, b) AS t FROM longs WHERE id % 9 = 1) r ON l.a = r.b;
SELECT id, r.id2 FROM (SELECT id FROM integers UNION ALL SELECT id + 1 FROM integers) l JOIN (SELECT /*+ BROADCAST */ id AS id2 FROM integers WHERE id % 3 = 0) r ON l.id = r.id2;

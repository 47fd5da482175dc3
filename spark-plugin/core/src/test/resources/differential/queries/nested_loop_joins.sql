-- Nested-loop joins and products: conditions that are no equality, or none.
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM integers l JOIN (SELECT * FROM integers WHERE id % 13 = 3) r ON l.a < r.b;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM integers WHERE id % 13 = 3) l JOIN integers r ON l.a < r.b;
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM integers l LEFT JOIN (SELECT * FROM integers WHERE id % 13 = 3) r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM integers WHERE id % 13 = 3) l RIGHT JOIN integers r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(r) */ l.id FROM integers l LEFT SEMI JOIN (SELECT * FROM integers WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT /*+ BROADCAST(r) */ l.id FROM integers l LEFT ANTI JOIN (SELECT * FROM integers WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT id FROM integers l WHERE id < 5 OR EXISTS (SELECT 1 FROM integers r WHERE r.b > l.a AND r.id % 13 = 3);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM longs l JOIN (SELECT * FROM longs WHERE id % 13 = 3) r ON l.a < r.b;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM longs WHERE id % 13 = 3) l JOIN longs r ON l.a < r.b;
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM longs l LEFT JOIN (SELECT * FROM longs WHERE id % 13 = 3) r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM longs WHERE id % 13 = 3) l RIGHT JOIN longs r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(r) */ l.id FROM longs l LEFT SEMI JOIN (SELECT * FROM longs WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT /*+ BROADCAST(r) */ l.id FROM longs l LEFT ANTI JOIN (SELECT * FROM longs WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT id FROM longs l WHERE id < 5 OR EXISTS (SELECT 1 FROM longs r WHERE r.b > l.a AND r.id % 13 = 3);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM doubles l JOIN (SELECT * FROM doubles WHERE id % 13 = 3) r ON l.a < r.b;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM doubles WHERE id % 13 = 3) l JOIN doubles r ON l.a < r.b;
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM doubles l LEFT JOIN (SELECT * FROM doubles WHERE id % 13 = 3) r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM doubles WHERE id % 13 = 3) l RIGHT JOIN doubles r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(r) */ l.id FROM doubles l LEFT SEMI JOIN (SELECT * FROM doubles WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT /*+ BROADCAST(r) */ l.id FROM doubles l LEFT ANTI JOIN (SELECT * FROM doubles WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT id FROM doubles l WHERE id < 5 OR EXISTS (SELECT 1 FROM doubles r WHERE r.b > l.a AND r.id % 13 = 3);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM decimals_18_2 l JOIN (SELECT * FROM decimals_18_2 WHERE id % 13 = 3) r ON l.a < r.b;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM decimals_18_2 WHERE id % 13 = 3) l JOIN decimals_18_2 r ON l.a < r.b;
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM decimals_18_2 l LEFT JOIN (SELECT * FROM decimals_18_2 WHERE id % 13 = 3) r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM decimals_18_2 WHERE id % 13 = 3) l RIGHT JOIN decimals_18_2 r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(r) */ l.id FROM decimals_18_2 l LEFT SEMI JOIN (SELECT * FROM decimals_18_2 WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT /*+ BROADCAST(r) */ l.id FROM decimals_18_2 l LEFT ANTI JOIN (SELECT * FROM decimals_18_2 WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT id FROM decimals_18_2 l WHERE id < 5 OR EXISTS (SELECT 1 FROM decimals_18_2 r WHERE r.b > l.a AND r.id % 13 = 3);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM strings l JOIN (SELECT * FROM strings WHERE id % 13 = 3) r ON l.a < r.b;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM strings WHERE id % 13 = 3) l JOIN strings r ON l.a < r.b;
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM strings l LEFT JOIN (SELECT * FROM strings WHERE id % 13 = 3) r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM strings WHERE id % 13 = 3) l RIGHT JOIN strings r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(r) */ l.id FROM strings l LEFT SEMI JOIN (SELECT * FROM strings WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT /*+ BROADCAST(r) */ l.id FROM strings l LEFT ANTI JOIN (SELECT * FROM strings WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT id FROM strings l WHERE id < 5 OR EXISTS (SELECT 1 FROM strings r WHERE r.b > l.a AND r.id % 13 = 3);
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM dates l JOIN (SELECT * FROM dates WHERE id % 13 = 3) r ON l.a < r.b;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM dates WHERE id % 13 = 3) l JOIN dates r ON l.a < r.b;
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM dates l LEFT JOIN (SELECT * FROM dates WHERE id % 13 = 3) r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(l) */ l.id, r.id, l.a, r.b FROM (SELECT * FROM dates WHERE id % 13 = 3) l RIGHT JOIN dates r ON l.a < r.b AND l.id > r.id;
SELECT /*+ BROADCAST(r) */ l.id FROM dates l LEFT SEMI JOIN (SELECT * FROM dates WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT /*+ BROADCAST(r) */ l.id FROM dates l LEFT ANTI JOIN (SELECT * FROM dates WHERE id % 13 = 3) r ON l.a < r.b AND l.b > r.a;
SELECT id FROM dates l WHERE id < 5 OR EXISTS (SELECT 1 FROM dates r WHERE r.b > l.a AND r.id % 13 = 3);
-- Without a condition.
SELECT /*+ BROADCAST(r) */ l.id, r.id, l.a, r.b FROM shorts l CROSS JOIN shorts r;
SELECT /*+ BROADCAST(r) */ count(*) FROM strings l CROSS JOIN (SELECT id FROM strings WHERE id < 20) r;
SELECT /*+ BROADCAST(r) */ l.id, r.n FROM shorts l LEFT JOIN (SELECT count(*) AS n FROM shorts) r;
-- set spark.sql.adaptive.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM shorts l LEFT JOIN (SELECT id FROM shorts WHERE id < 0) r ON true;
-- fallback: CollectLimit
SELECT id FROM shorts WHERE EXISTS (SELECT 1 FROM integers WHERE a > 5);
-- fallback: CollectLimit
SELECT id FROM shorts WHERE NOT EXISTS (SELECT 1 FROM integers WHERE id < 0);
-- set spark.sql.adaptive.enabled=false
SELECT id FROM shorts l LEFT SEMI JOIN (SELECT * FROM integers WHERE id < 0) r ON l.a <> r.a;
-- A condition that raises: only where Spark evaluates it.
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM integers l JOIN integers r ON l.a + r.b > 0;
-- set spark.sql.ansi.enabled=false
SELECT /*+ BROADCAST(r) */ l.id, r.id FROM integers l JOIN integers r ON l.a + r.b > 0;
SELECT /*+ BROADCAST(r) */ l.id FROM (SELECT * FROM integers WHERE a = 1) l LEFT SEMI JOIN (SELECT * FROM integers WHERE id < 4) r ON l.a < 10 / (r.id - 3);
-- Joins whose unmatched broadcast rows stay are Spark's, but take a native broadcast.
-- fallback: BroadcastNestedLoopJoin, Project, Filter
SELECT /*+ BROADCAST(l) */ l.id, r.id FROM (SELECT * FROM integers WHERE id % 13 = 3) l LEFT JOIN integers r ON l.a < r.b AND r.id % 3 = 1;
-- fallback: BroadcastNestedLoopJoin, Project, Filter
SELECT l.id, r.id FROM (SELECT * FROM integers WHERE id % 13 = 3) l FULL JOIN (SELECT * FROM integers WHERE id % 7 = 3) r ON l.a < r.b;
-- Products of two sides with several partitions each.
-- set spark.sql.autoBroadcastJoinThreshold=-1
-- set spark.sql.files.maxPartitionBytes=700
SELECT l.id, r.id, l.a, r.b FROM shorts l CROSS JOIN integers r;
-- set spark.sql.autoBroadcastJoinThreshold=-1
SELECT l.a, r.b, l.n FROM (SELECT a, count(*) AS n FROM shorts GROUP BY a) l CROSS JOIN (SELECT b, max(id) FROM integers GROUP BY b) r;
-- set spark.sql.autoBroadcastJoinThreshold=-1
-- set spark.sql.adaptive.enabled=false
SELECT l.a, r.b, l.n FROM (SELECT a, count(*) AS n FROM shorts GROUP BY a) l CROSS JOIN (SELECT b, max(id) FROM integers GROUP BY b) r;
-- set spark.sql.autoBroadcastJoinThreshold=-1
-- set spark.sql.files.maxPartitionBytes=700
SELECT l.id, r.id, l.a, r.b FROM shorts l CROSS JOIN integers r WHERE l.a < r.b;
-- set spark.sql.autoBroadcastJoinThreshold=-1
SELECT l.a, r.b, l.n FROM (SELECT a, count(*) AS n FROM shorts GROUP BY a) l CROSS JOIN (SELECT b, max(id) FROM integers GROUP BY b) r WHERE l.a < r.b;
-- set spark.sql.autoBroadcastJoinThreshold=-1
-- set spark.sql.adaptive.enabled=false
SELECT l.a, r.b, l.n FROM (SELECT a, count(*) AS n FROM shorts GROUP BY a) l CROSS JOIN (SELECT b, max(id) FROM integers GROUP BY b) r WHERE l.a < r.b;
-- set spark.sql.autoBroadcastJoinThreshold=-1
-- set spark.sql.files.maxPartitionBytes=700
SELECT l.id, r.id, l.a, r.b FROM shorts l CROSS JOIN integers r WHERE l.a + r.b > 10;
-- set spark.sql.autoBroadcastJoinThreshold=-1
SELECT l.a, r.b, l.n FROM (SELECT a, count(*) AS n FROM shorts GROUP BY a) l CROSS JOIN (SELECT b, max(id) FROM integers GROUP BY b) r WHERE l.a + r.b > 10;
-- set spark.sql.autoBroadcastJoinThreshold=-1
-- set spark.sql.adaptive.enabled=false
SELECT l.a, r.b, l.n FROM (SELECT a, count(*) AS n FROM shorts GROUP BY a) l CROSS JOIN (SELECT b, max(id) FROM integers GROUP BY b) r WHERE l.a + r.b > 10;
-- set spark.sql.autoBroadcastJoinThreshold=-1
SELECT l.id, r.id FROM strings l CROSS JOIN (SELECT * FROM strings WHERE id % 50 = 1) r WHERE l.a < r.b;

-- Groups by keys of several columns and types.
SELECT a, b, count(*), sum(id) FROM longs GROUP BY a, b;
SELECT a, b, id % 3 AS k, count(*) FROM integers GROUP BY a, b, id % 3;
SELECT a, b, count(*) FROM doubles GROUP BY a, b;
SELECT a, b, id % 2 = 0 AS k, count(*), min(id) FROM decimals_19_2 GROUP BY a, b, id % 2 = 0;
SELECT a, id % 5 AS k, max(b) FROM decimals_18_2 GROUP BY a, id % 5;
SELECT a, b, id % 5 AS k, count(*) FROM decimals_38_0 GROUP BY a, b, id % 5;
SELECT DISTINCT a, b, id % 2 AS k FROM timestamps;
SELECT a, b, grouping_id(), count(*) FROM longs GROUP BY CUBE(a, b);

-- Strings of a broadcast side, together and with others.
SELECT /*+ BROADCAST(r) */ r.a, r.b, count(*), sum(l.id) FROM integers l JOIN strings r ON l.id = r.id GROUP BY r.a, r.b;
SELECT /*+ BROADCAST(r) */ r.a, r.b, l.a, count(*), min(r.b), max(r.a) FROM integers l JOIN strings r ON l.id % 50 = r.id GROUP BY r.a, r.b, l.a;
SELECT /*+ BROADCAST(r) */ r.a, r.b, l.b, l.id % 3 AS k, count(*) FROM strings l JOIN strings r ON l.id % 70 = r.id GROUP BY r.a, r.b, l.b, l.id % 3;
SELECT /*+ BROADCAST(r) */ r.a, r.n, l.k, count(*) FROM (SELECT id, id % 2 AS k FROM longs) l JOIN (SELECT id, a, CAST(NULL AS STRING) AS n FROM strings) r ON l.id = r.id GROUP BY r.a, r.n, l.k;
SELECT /*+ BROADCAST(r) */ r.a, r.b, count(*) FROM integers l JOIN (SELECT id, a, CAST(b AS BINARY) AS b FROM strings) r ON l.id % 90 = r.id GROUP BY r.a, r.b;
SELECT /*+ BROADCAST(r), BROADCAST(s) */ r.a, s.b, count(*), sort_array(collect_set(l.id % 2)) FROM integers l JOIN strings r ON l.id = r.id JOIN strings s ON l.id % 60 = s.id GROUP BY r.a, s.b;
-- Rows without a match, whose strings are NULL, beside strings that are.
SELECT /*+ BROADCAST(r) */ r.a, r.b, l.id % 2 AS k, count(*) FROM integers l LEFT JOIN (SELECT * FROM strings WHERE id % 3 = 0) r ON l.id = r.id GROUP BY r.a, r.b, l.id % 2;
SELECT /*+ BROADCAST(r) */ coalesce(r.a, 'none') AS a, r.b, count(*) FROM integers l LEFT JOIN (SELECT * FROM strings WHERE id % 3 = 0) r ON l.id = r.id GROUP BY coalesce(r.a, 'none'), r.b;
SELECT /*+ SHUFFLE_HASH(r) */ r.a, r.b, l.id % 2 AS k, count(*) FROM integers l FULL JOIN (SELECT * FROM strings WHERE id % 5 < 2) r ON l.id = r.id + 7 GROUP BY r.a, r.b, l.id % 2;
-- Some of them NULL in turns.
SELECT /*+ BROADCAST(r) */ r.a, r.b, l.k, grouping_id(), count(*), sum(l.id) FROM (SELECT id, id % 3 AS k FROM integers) l JOIN strings r ON l.id = r.id GROUP BY ROLLUP(r.a, r.b, l.k);
SELECT /*+ BROADCAST(r) */ r.a, r.b, l.k, grouping_id(), count(*) FROM (SELECT id, id % 3 AS k FROM integers) l LEFT JOIN (SELECT * FROM strings WHERE id % 4 > 0) r ON l.id = r.id GROUP BY CUBE(r.a, r.b, l.k);
-- The same strings several times: in other functions, in order, beside each other, through another join.
SELECT /*+ BROADCAST(r) */ upper(r.a), length(r.b), r.a = r.b, r.a || r.b, l.id FROM integers l JOIN strings r ON l.id = r.id WHERE r.a > 'A';
SELECT /*+ BROADCAST(r) */ r.a, r.b, l.id FROM integers l JOIN strings r ON l.id = r.id ORDER BY r.a, r.b, l.id;
SELECT /*+ BROADCAST(r) */ r.a, r.b, l.id FROM integers l LEFT JOIN strings r ON l.id = r.id + 20 ORDER BY r.b DESC, l.id LIMIT 30;
SELECT /*+ BROADCAST(r) */ l.id, r.a, rank() OVER (PARTITION BY r.a ORDER BY r.b, l.id) AS place FROM integers l JOIN strings r ON l.id = r.id;
SELECT /*+ BROADCAST(r), BROADCAST(s) */ s.id, r.a, count(*) FROM integers l JOIN strings r ON l.id = r.id JOIN strings s ON r.a = s.a WHERE s.id < 200 GROUP BY s.id, r.a;
SELECT /*+ SHUFFLE_HASH(r) */ r.a, r.b, named_struct('s', r.a, 'k', l.id) AS s, array(r.a, r.b) AS list FROM integers l JOIN strings r ON l.id = r.id;
SELECT a, b, count(*) FROM (SELECT /*+ BROADCAST(r) */ r.a, r.b FROM integers l JOIN strings r ON l.id = r.id UNION ALL SELECT a, b FROM strings) GROUP BY a, b;

SELECT * FROM collections;
SELECT s, structs, by_struct FROM collections WHERE s.a = 1 OR by_int[1] IS NOT NULL;
SELECT s.d.e, structs.b, id FROM collections WHERE s.d IS NOT NULL AND size(ints) > 0;
SELECT id, lists FROM collections WHERE array_contains(texts, 'a');
-- Rows of rows.
SELECT id, explode(ints) FROM collections;
SELECT id, explode_outer(ints) FROM collections;
SELECT explode(ints) FROM collections;
SELECT id, posexplode(texts) FROM collections;
SELECT s, posexplode_outer(texts) FROM collections;
SELECT id, explode(by_int) FROM collections;
SELECT t, explode_outer(by_struct) FROM collections;
SELECT id, posexplode(by_text) FROM collections;
SELECT posexplode_outer(by_real) FROM collections;
SELECT id, inline(structs) FROM collections;
SELECT id, t, inline_outer(structs) FROM collections;
SELECT inline(map_entries(by_int)) FROM collections;
SELECT id, explode(lists) FROM collections;
SELECT id, col, x FROM collections LATERAL VIEW explode(lists) AS x LATERAL VIEW OUTER explode(x) AS col;
SELECT id, stack(2, i, ints, id, s.c) FROM collections;
SELECT id, stack(3, i, id, 7) AS (a) FROM collections;
SELECT stack(2, t, s.b, 'x') FROM collections WHERE i > 0;
SELECT id, explode(array(i, id, s.a)) FROM collections WHERE id % 3 = 1;
SELECT id, explode(structs.a) FROM collections;
SELECT id, x.b FROM collections LATERAL VIEW explode(structs) AS x WHERE x.a = 1;
SELECT id, explode(sort_array(ints)) FROM collections;
-- jvm
SELECT id, explode(split(repeat('a,', i % 5), ',')) FROM collections WHERE i BETWEEN 0 AND 10;
SELECT x, count(*), sum(id) FROM collections LATERAL VIEW explode(ints) AS x GROUP BY x;
SELECT count(*) FROM collections LATERAL VIEW explode(texts) AS x;
SELECT sum(pos) FROM (SELECT posexplode(ints) FROM collections);
-- Groups by nested keys, and nested payload.
SELECT st, count(*), max(id) FROM collections GROUP BY st;
SELECT ints, count(*) FROM collections GROUP BY ints;
SELECT lists, st.a, sum(id) FROM collections GROUP BY lists, st.a;
SELECT i, count(DISTINCT st) FROM collections GROUP BY i;
SELECT DISTINCT structs FROM collections;
SELECT id % 7, first(s), first(by_int), first(lists) FROM collections GROUP BY id % 7;
SELECT id % 3, max_by(s, id), min_by(structs, id), max(st), min(ints) FROM collections GROUP BY id % 3;
SELECT id, collect_list(st), collect_list(ints) FROM collections GROUP BY id;
SELECT id % 2, sort_array(collect_list(st)) FROM collections GROUP BY id % 2;
SELECT id, collect_list(s) FROM collections GROUP BY id;
SELECT sort_array(collect_set(st)) FROM collections;
-- Order, with nested keys and payload.
SELECT id, s, structs, by_text FROM collections ORDER BY id DESC;
SELECT st, id FROM collections ORDER BY st, id;
SELECT ints, id FROM collections ORDER BY ints DESC NULLS FIRST, id;
-- fallback: TakeOrderedAndProject
SELECT structs, lists, id FROM collections ORDER BY lists, id LIMIT 20;
-- Through shuffles.
SELECT /*+ REPARTITION(5, id) */ * FROM collections;
SELECT /*+ REPARTITION(3, st) */ st, by_struct, texts FROM collections;
SELECT /*+ REPARTITION(4) */ lists, s.d FROM collections;
SELECT /*+ REPARTITION_BY_RANGE(3, ints, id) */ id, ints, s FROM collections;
-- Unions, also of structs with other names.
SELECT id, s.d AS d, ints FROM collections UNION ALL SELECT id, named_struct('e', r, 'f', DATE '2020-01-01'), s.c FROM collections;
SELECT count(*), size(collect_list(x)) FROM (SELECT st AS x FROM collections UNION ALL SELECT named_struct('a', i, 'b', t) FROM collections);
SELECT ints FROM collections INTERSECT ALL SELECT s.c FROM collections;
-- fallback: SortMergeJoin, BroadcastHashJoin, BroadcastExchange, Project
SELECT l.id, l.s, r.structs FROM collections l JOIN collections r ON l.id = r.i;
-- fallback: SortMergeJoin, BroadcastHashJoin, BroadcastExchange, Project
SELECT l.id, r.by_int FROM collections l LEFT JOIN collections r ON l.st.a = r.id AND r.s.a = 1;
SELECT id FROM collections WHERE i = (SELECT max(size(ints)) FROM collections);

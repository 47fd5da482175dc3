-- Sums of decimals with more digits than their type: by one task, and when partial sums are merged.
-- Two partitions' rows, of which each fits and both together do not.
SELECT sum(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2);
SELECT sum(CAST(-9e35 AS DECIMAL(38,2)) - id) FROM range(0, 200, 1, 2);
SELECT try_sum(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2);
SELECT avg(CAST(9e33 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2);
SELECT avg(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2);
SELECT try_avg(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2);
-- Later rows bring the sum back.
SELECT sum(IF(id % 4 < 2, 1, -1) * CAST(9e37 AS DECIMAL(38,0))) FROM range(0, 8, 1, 1);
SELECT sum(IF(id < 2, 1, -1) * CAST(9e37 AS DECIMAL(38,0))) FROM range(0, 4, 1, 2);
SELECT sum(IF(id < 2, 1, -1) * CAST(6e37 AS DECIMAL(38,0))) FROM range(0, 4, 1, 4);
-- By groups.
SELECT id % 1, sum(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2) GROUP BY 1;
SELECT id % 1, avg(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2) GROUP BY 1;
-- set spark.sql.ansi.enabled=false
SELECT sum(CAST(9e37 AS DECIMAL(38,0)) + id), avg(CAST(9e33 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2);
-- set spark.sql.ansi.enabled=false
SELECT avg(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2);
-- set spark.sql.ansi.enabled=false
SELECT avg(CAST(9e37 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 1);
-- set spark.sql.ansi.enabled=false
SELECT id % 1, sum(CAST(9e37 AS DECIMAL(38,0)) + id), avg(CAST(9e33 AS DECIMAL(38,0)) + id) FROM range(0, 2, 1, 2) GROUP BY 1;

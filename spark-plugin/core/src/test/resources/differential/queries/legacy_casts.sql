-- Casts that Spark has without ANSI only.
-- all set spark.sql.ansi.enabled=false
SELECT id, CAST(a AS boolean) FROM timestamps;
SELECT id, CAST(a AS timestamp) FROM booleans;
SELECT id, CAST(a AS binary) FROM bytes;
SELECT id, CAST(a AS binary) FROM shorts;
SELECT id, CAST(a AS binary) FROM integers;
SELECT id, CAST(a AS binary) FROM longs;
SELECT id, CAST(a AS boolean), CAST(a AS int), CAST(a AS bigint), CAST(a AS double), CAST(a AS decimal(10,2)) FROM dates;

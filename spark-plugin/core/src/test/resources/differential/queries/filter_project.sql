SELECT id, a FROM integers WHERE a > 0;
SELECT a FROM strings WHERE b = 'abc';
SELECT id FROM doubles WHERE a > b;
SELECT id FROM doubles WHERE a IS NULL OR a <> a;
SELECT a + 1L FROM integers WHERE a < 1000 AND b IS NOT NULL;
-- A row that the filter drops never raises.
SELECT 100 div a FROM integers WHERE a <> 0;
-- A row that the filter keeps does.
SELECT 100 div a FROM integers WHERE b = 3;
SELECT id FROM integers WHERE 100 div a > 1;
SELECT 1 FROM integers WHERE a = 3;
-- fallback: LocalTableScan
SELECT id, a FROM integers WHERE false;
SELECT id, a, b FROM dates WHERE a >= DATE'1970-01-01' AND a < DATE'2020-01-01';
SELECT id, a, b FROM decimals_18_2 WHERE a BETWEEN 0.01 AND 4.00;
SELECT id, a, b FROM binaries;
SELECT id, a, b FROM timestamps WHERE a < b;
SELECT id, a, b FROM wall_times WHERE a = b;

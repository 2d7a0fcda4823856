-- Sources: which texts are accepted, with whose rights they are read, and how values of each type are taken.
SELECT plan(74);

CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Values, twice" AS SELECT g AS x, g % 7 AS y FROM generate_series(1, 100) g;
CREATE TABLE public."select" AS SELECT g AS x, g % 7 AS y FROM generate_series(1, 100) g;
CREATE TABLE public.values AS TABLE public."select";
CREATE TABLE public.numbers AS TABLE public."select";
CREATE VIEW public.numbers_view AS SELECT x, y FROM public.numbers;
CREATE VIEW public.locking_view AS SELECT x, y FROM public.numbers FOR UPDATE;
CREATE MATERIALIZED VIEW public.numbers_stored AS SELECT x, y FROM public.numbers;
CREATE TABLE public.parts (x int, y int) PARTITION BY RANGE (x);
CREATE TABLE public.parts_low PARTITION OF public.parts FOR VALUES FROM (0) TO (50);
CREATE TABLE public.parts_high PARTITION OF public.parts FOR VALUES FROM (50) TO (1000);
INSERT INTO public.parts SELECT x, y FROM public.numbers;

-- every way to name the same rows
SELECT mlops.training_digest('public.numbers') AS expected \gset
SELECT is(mlops.training_digest(source), :'expected', 'source ' || source)
FROM (VALUES ('numbers'), (' public . numbers '), ('PUBLIC.Numbers'), ('"public"."numbers"'), ('numbers_view'),
	('numbers_stored'), ('parts'), ('"Odd Schema"."Values, twice"'), ('"select"'), ('values'),
	('SELECT * FROM numbers'), ('select x, y from numbers order by random()'), ('TABLE numbers'), ('(TABLE numbers);'),
	('WITH n AS (SELECT * FROM numbers) SELECT x, y FROM n'),
	('SELECT x, y FROM numbers WHERE x <= 50 UNION ALL SELECT x, y FROM numbers WHERE x > 50'),
	('/* a comment */ SELECT * -- another
		FROM numbers')) AS sources (source);

-- a permutation of columns is another schema, but the same rows
SELECT is((SELECT array_agg(d ORDER BY column_name) FROM (SELECT column_name, count, num_nulls, distinct_count FROM mlops.describe('SELECT y, x FROM numbers')) d)::text,
	(SELECT array_agg(d ORDER BY column_name) FROM (SELECT column_name, count, num_nulls, distinct_count FROM mlops.describe('numbers')) d)::text,
	'columns in another order are described alike');

-- what is not a source
SELECT throws_ok($$SELECT mlops.training_digest('nowhere')$$, '42P01', 'relation "nowhere" does not exist');
SELECT throws_ok($$SELECT mlops.training_digest('a.b.c.d')$$, '42601');
SELECT throws_ok($$SELECT mlops.training_digest('')$$, '22023', 'source is empty');
SELECT throws_ok($$SELECT mlops.training_digest('  ;; ')$$, '22023', 'source is empty');
SELECT throws_ok($$SELECT mlops.training_digest('numbers; DROP TABLE numbers')$$, '42601');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT 1; SELECT 2')$$, '22023', 'source holds more than one statement');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT FROM WHERE')$$, '42601');
SELECT throws_ok($$SELECT mlops.training_digest('DELETE FROM numbers')$$, '22023', 'source is the command DELETE, not a query');
SELECT throws_ok($$SELECT mlops.training_digest('DROP TABLE numbers')$$, '22023', 'source is the command DROP TABLE, not a query');
SELECT throws_ok($$SELECT mlops.training_digest('EXPLAIN SELECT 1')$$, '22023', 'source is the command EXPLAIN, not a query');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT * INTO copied FROM numbers')$$, '22023', 'source may not use SELECT INTO');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT x INTO copied FROM numbers UNION SELECT y FROM numbers')$$, '22023', 'source may not use SELECT INTO');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT * FROM numbers WHERE x = $1')$$, '22023', 'source may not have parameters such as $1');
SELECT throws_ok($$SELECT mlops.training_digest('WITH d AS (DELETE FROM numbers RETURNING *) SELECT * FROM d')$$, '22023',
	'source may not change data: it holds a DELETE');
SELECT throws_ok($$SELECT mlops.training_digest('WITH i AS (INSERT INTO numbers VALUES (1, 2) RETURNING *) SELECT * FROM i')$$, '22023',
	'source may not change data: it holds an INSERT');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT * FROM numbers FOR UPDATE')$$, '22023', 'source may not lock rows');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT * FROM (SELECT * FROM numbers FOR SHARE) s')$$, '22023', 'source may not lock rows');
SELECT throws_ok($$SELECT mlops.training_digest('locking_view')$$, '22023', 'source may not lock rows');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT 1 AS x, 2 AS x')$$, '42702', 'feature column "x" occurs twice in the source');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT 1/(x - 50) AS z FROM numbers')$$, '22012', 'division by zero');
SELECT is(mlops.training_digest('numbers'), :'expected', 'nothing was changed by what was refused');

-- rights: the caller's, row security included
DROP ROLE IF EXISTS rows_reader, rows_stranger;
CREATE ROLE rows_reader;
CREATE ROLE rows_stranger;
GRANT SELECT ON public.numbers TO rows_reader;
GRANT SELECT ON public.numbers_view TO rows_stranger;
ALTER TABLE public.parts ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON public.parts TO rows_reader;
CREATE POLICY few ON public.parts TO rows_reader USING (x <= 30);
SET ROLE rows_reader;
SELECT is(mlops.training_digest('numbers'), :'expected', 'a role reads what it may read');
SELECT throws_ok($$SELECT mlops.training_digest('numbers_view')$$, '42501', 'permission denied for view numbers_view');
SELECT is((SELECT max(count) FROM mlops.describe('parts')), 30::bigint, 'row security holds');
SET ROLE rows_stranger;
SELECT throws_ok($$SELECT mlops.training_digest('numbers')$$, '42501', 'permission denied for table numbers');
SELECT is(mlops.training_digest('numbers_view'), :'expected', 'a view is read with the rights of its owner');
RESET ROLE;

-- a statement sees what its transaction has done
BEGIN;
INSERT INTO public.numbers VALUES (1000, 1000);
SELECT isnt(mlops.training_digest('numbers'), :'expected', 'own changes are seen');
ROLLBACK;
SELECT is(mlops.training_digest('numbers'), :'expected', 'and are gone after a rollback');

-- equal values are equal whatever their type
CREATE FUNCTION pg_temp.same(reference text, query text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT is(mlops.training_digest(query), mlops.training_digest(reference), what) $$;
SELECT pg_temp.same('SELECT (g % 100 - 50)::int8 AS v FROM generate_series(1, 1000) g',
	format('SELECT (g %% 100 - 50)::%s AS v FROM generate_series(1, 1000) g', type), 'integers as ' || type)
FROM unnest(ARRAY['int2', 'int4', 'numeric', 'numeric(12,4)', 'float4', 'float8']) AS type;
CREATE TABLE public.numerics AS
	SELECT CASE g % 5 WHEN 0 THEN (hashint8(g)::numeric / 1000) WHEN 1 THEN hashint8(g)::numeric * 10 ^ (g % 60)::numeric
		WHEN 2 THEN hashint8(g)::numeric / 10 ^ (g % 60)::numeric
		WHEN 3 THEN (hashint8(g)::numeric * 4294967296 + hashint8(-g)) / 7
		ELSE hashint8(g)::numeric * 4294967296 + hashint8(-g) END AS v
	FROM generate_series(1, 20000) g
	UNION ALL VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (0), (0.00), (9223372036854775807), (-9223372036854775808),
		(9223372036854775808), (-9223372036854775809), (9007199254740993), (0.1), (1e-300), (1e300);
SELECT pg_temp.same('SELECT v::float8 AS v FROM numerics WHERE abs(v) > 9.3e18 OR v <> trunc(v) OR abs(v) < 9e15',
	'SELECT v FROM numerics WHERE abs(v) > 9.3e18 OR v <> trunc(v) OR abs(v) < 9e15', 'numerics round as the server rounds them');
SELECT pg_temp.same('SELECT v::int8 AS v FROM numerics WHERE v BETWEEN -9223372036854775808 AND 9223372036854775807 AND v = trunc(v)',
	'SELECT v FROM numerics WHERE v BETWEEN -9223372036854775808 AND 9223372036854775807 AND v = trunc(v)', 'integral numerics are integers, to the last digit');
SELECT pg_temp.same('SELECT v FROM (VALUES (0.0::float8), (1), (''NaN''), (''Infinity'')) s(v)',
	'SELECT v FROM (VALUES (''-0''::float8), (1), (-''NaN''::float8), (''Infinity'')) s(v)', '-0 is 0, and NaN is NaN');
CREATE TYPE public.color AS ENUM ('red', 'green', 'blue', 'late');
CREATE DOMAIN public.shade AS varchar(20) CHECK (VALUE <> 'x');
CREATE TABLE public.texts AS SELECT (ARRAY['red', 'green', 'blue', 'late'])[1 + g % 4] AS t, md5((g % 9)::text)::uuid AS u,
	date '2024-01-01' + g % 500 AS d, make_interval(hours => g % 50, days => g % 3) AS i FROM generate_series(0, 999) g;
SELECT pg_temp.same('SELECT t AS v FROM texts', format('SELECT %s AS v FROM texts', expression), 'text as ' || expression)
FROM unnest(ARRAY['t::varchar(40)', 't::char(40)', 't::name', 't::public.color', 't::public.shade']) AS expression;
SELECT pg_temp.same('SELECT u::text AS v FROM texts', 'SELECT u AS v FROM texts', 'a uuid is its text');
SELECT pg_temp.same('SELECT d AS v FROM texts', 'SELECT d::timestamp AS v FROM texts', 'a date is midnight');
SELECT pg_temp.same('SELECT extract(epoch FROM i)::float8 AS v FROM texts', 'SELECT i AS v FROM texts', 'an interval is seconds');
SELECT pg_temp.same('SELECT extract(epoch FROM v)::float8 AS v FROM (VALUES (interval ''1 year 5 mons -3 days 04:05:06.789''), (''-7 mons''), (''100 years 1 us'')) s(v)',
	'SELECT v FROM (VALUES (interval ''1 year 5 mons -3 days 04:05:06.789''), (''-7 mons''), (''100 years 1 us'')) s(v)',
	'an interval of months and years, too');
SELECT pg_temp.same('SELECT ARRAY[g, g % 5]::float8[] AS v FROM generate_series(1, 300) g',
	format('SELECT ARRAY[g, g %% 5]::%s[] AS v FROM generate_series(1, 300) g', type), 'vectors of ' || type)
FROM unnest(ARRAY['int2', 'int4', 'int8', 'numeric']) AS type;

-- different values are different
SELECT isnt(mlops.training_digest('SELECT g AS v FROM generate_series(1, 1000) g'),
	mlops.training_digest('SELECT CASE g WHEN 500 THEN 501 ELSE g END AS v FROM generate_series(1, 1000) g'), 'one changed cell shows');
SELECT isnt(mlops.training_digest('SELECT nullif(g, 500) AS v FROM generate_series(1, 1000) g'),
	mlops.training_digest('SELECT CASE g WHEN 500 THEN 0 ELSE g END AS v FROM generate_series(1, 1000) g'), 'NULL is not 0');
SELECT isnt(mlops.training_digest('SELECT nullif(g % 3, 0)::text AS v FROM generate_series(1, 1000) g'),
	mlops.training_digest('SELECT coalesce(nullif(g % 3, 0)::text, '''') AS v FROM generate_series(1, 1000) g'), 'NULL is not the empty text');

-- vectors of unequal length, and what is no vector
SELECT throws_ok($$SELECT mlops.training_digest('SELECT CASE g WHEN 7 THEN ARRAY[1.0] ELSE ARRAY[1.0, 2.0] END AS v FROM generate_series(1, 10) g')$$,
	'2202E', 'column "v" holds a vector of 1 elements where 2 were expected');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT ARRAY[[1, 2], [3, g]] AS v FROM generate_series(1, 10) g')$$,
	'2202E', 'column "v" holds an array of 2 dimensions');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT ''{}''::float8[] AS v FROM generate_series(1, 10) g')$$,
	'2202E', 'column "v" holds an empty array');

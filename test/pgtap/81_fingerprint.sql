-- Fingerprints: what they see, what they do not, and that a training records the same. Profiles against plain SQL.

SELECT plan(54);
SET client_min_messages = warning;

CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TABLE mixed AS
SELECT i AS id, i::smallint AS s, i::bigint * 1000000007 AS b, (i / 7.0)::real AS r, CASE WHEN i % 11 = 0 THEN NULL ELSE i / 3.0::float8 END AS d,
	(i / 9.0)::numeric(12, 4) AS n, 't' || i % 5 AS t, CASE WHEN i % 2 = 0 THEN 'low' ELSE 'high' END::mood AS mo, i % 3 = 0 AS f,
	date '2024-01-01' + i AS day, timestamptz '2024-01-01 10:00+01' + i * interval '1 hour' AS at, i * interval '1 minute' AS len,
	jsonb_build_object('a', i) AS j, ARRAY[i, i + 1.5]::float8[] AS v, md5(i::text)::uuid AS u, 'x'::char(5) AS c, i % 4 AS y
FROM generate_series(1, 500) AS i;

-- the aggregate
SELECT mlops.fingerprint(m) AS whole FROM mixed AS m \gset
SELECT matches(:'whole'::text, '^[0-9a-f]{32}$', '128 bits');
SELECT is(mlops.fingerprint(m ORDER BY random()), :'whole'::text, 'order of rows does not matter') FROM mixed AS m;
SELECT is(mlops.fingerprint(m), :'whole'::text, 'order of columns does not matter')
FROM (SELECT y, c, u, v, j, len, at, day, f, mo, t, n, d, r, b, s, id FROM mixed) AS m;
SELECT is(mlops.fingerprint(m), :'whole'::text, 'types do not matter where values are equal')
FROM (SELECT id::numeric AS id, s::float8 AS s, b::numeric AS b, r::float8 AS r, d, n::float8 AS n, t::varchar(20) AS t, mo::text AS mo, f, day::timestamp AS day, at, extract(epoch FROM len) AS len, j, v, u::text AS u, c::text AS c, y::bigint AS y FROM mixed) AS m;
SELECT is(mlops.fingerprint('mixed'), :'whole'::text, 'a text is a source');
SELECT is(mlops.fingerprint('SELECT * FROM mixed ORDER BY y'), :'whole'::text, '... or a query');
SELECT is(mlops.fingerprint('mixed'::name), :'whole'::text, '... or a name');
SELECT is(mlops.fingerprint('mixed'::varchar), :'whole'::text, '... or a varchar');
SELECT is(mlops.fingerprint(ROW(m.*)), (SELECT mlops.fingerprint(x) FROM (SELECT id AS f1, y AS f2 FROM mixed) AS x), 'ROW() has columns f1, f2, …') FROM (SELECT id, y FROM mixed) AS m;
SELECT is(mlops.fingerprint(m), NULL, 'no rows, no fingerprint') FROM mixed AS m WHERE false;
SELECT is(mlops.fingerprint('SELECT * FROM mixed WHERE false'), NULL, '... of a source neither');
SELECT is(mlops.fingerprint(CASE WHEN m.id > 10 THEN m END), (SELECT mlops.fingerprint(x) FROM mixed AS x WHERE id > 10), 'rows that are NULL do not count') FROM mixed AS m;
SELECT isnt(mlops.fingerprint(m), :'whole'::text, 'one cell: ' || e) FROM (VALUES
	('s', '{"s": 999}'), ('d', '{"d": null}'), ('r', '{"r": 0.30}'), ('t', '{"t": "t9"}'), ('mo', '{"mo": "low"}'), ('day', '{"day": "2023-01-01"}'), ('v', '{"v": [1, 2]}'), ('j', '{"j": {"a": 0}}')) AS c (e, change),
	LATERAL (SELECT (jsonb_populate_record(x, CASE WHEN id = 7 THEN change::jsonb ELSE '{}' END)).* FROM mixed AS x) AS m GROUP BY e;
SELECT isnt(mlops.fingerprint(m), :'whole'::text, 'two values change places') FROM (SELECT id, s, b, r, d, n, CASE id WHEN 1 THEN 't2' WHEN 2 THEN 't1' ELSE t END AS t, mo, f, day, at, len, j, v, u, c, y FROM mixed) AS m;
SELECT isnt(mlops.fingerprint(m), :'whole'::text, 'a row twice') FROM (SELECT * FROM mixed UNION ALL SELECT * FROM mixed WHERE id = 1) AS m;
SELECT isnt(mlops.fingerprint(m), :'whole'::text, 'a name') FROM (SELECT id, s, b, r, d, n, t, mo, f, day, at, len, j, v, u, c, y AS z FROM mixed) AS m;
SELECT isnt(mlops.fingerprint(x), mlops.fingerprint(z), 'NULL is not zero') FROM (SELECT NULL::int AS a) AS x, (SELECT 0 AS a) AS z;
SELECT is(mlops.fingerprint(x), mlops.fingerprint(z), 'minus zero is zero') FROM (SELECT '-0'::float8 AS a) AS x, (SELECT 0 AS a) AS z;
SELECT isnt(mlops.fingerprint(x), mlops.fingerprint(z), 'integers beyond 2^53 are exact') FROM (SELECT 9007199254740993 AS a) AS x, (SELECT 9007199254740992 AS a) AS z;

-- parallel
CREATE TABLE many AS SELECT i AS id, hashint4(i) AS a, CASE WHEN i % 7 > 0 THEN md5(i::text) END AS b FROM generate_series(1, 60000) AS i;
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
SELECT mlops.fingerprint(m) AS alone FROM many AS m \gset
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ' || query;
END $$;
SELECT matches(string_agg(line, ' '), 'Workers Launched: [12].*Partial Aggregate', 'workers take part')
FROM pg_temp.plan('SELECT mlops.fingerprint(m) FROM many AS m') AS e (line);
SELECT is(mlops.fingerprint(m), :'alone'::text, '... and it is the same') FROM many AS m;
SELECT is(mlops.fingerprint(m), :'alone'::text, 'groups, one of them all') FROM many AS m GROUP BY id > 0;

-- states combine, in any order and grouping: those of parts give that of the whole
CREATE AGGREGATE pg_temp.state_of("row" record) (SFUNC = mlops.fingerprint_accumulate, STYPE = bytea);
CREATE TEMP TABLE parts AS SELECT id % 7 AS part, pg_temp.state_of(m) AS state FROM many AS m GROUP BY 1;
CREATE AGGREGATE pg_temp.merged(bytea) (SFUNC = mlops.fingerprint_combine, STYPE = bytea);
CREATE AGGREGATE pg_temp.combined(bytea) (SFUNC = mlops.fingerprint_combine, STYPE = bytea, FINALFUNC = mlops.fingerprint_final);
SELECT is(pg_temp.combined(state ORDER BY part * sign), :'alone'::text, 'states of parts, ' || what) FROM parts, (VALUES ('forwards', 1), ('backwards', -1)) AS d (what, sign) GROUP BY what;
SELECT is(pg_temp.combined(state), :'alone'::text, '... in groups') FROM (SELECT pg_temp.merged(state) AS state FROM parts GROUP BY part < 3) AS g;
SELECT is(pg_temp.combined(state), :'alone'::text, 'no rows are nothing') FROM (SELECT state FROM parts UNION ALL SELECT NULL) AS g;
SELECT is(octet_length(state) < 100, true, 'a state is small') FROM parts LIMIT 1;

-- what a training records
SELECT version FROM mlops.train('mixed', 'mixed', target => 'y', algorithm => 'naive_bayes', key => 'id', exclude => '{b}');
SELECT is(d.digest, :'whole'::text, 'a training records the fingerprint of all columns') FROM mlops.datasets AS d WHERE name = 'mixed';
SELECT version FROM mlops.train('keyless', 'SELECT * FROM mixed', target => 'd', algorithm => 'linear', weight => 'y', split => '{"method": "group", "column": "t"}');
SELECT is(d.digest, :'whole'::text, '... without a key, with rows skipped, a weight and groups') FROM mlops.datasets AS d WHERE name = 'keyless';
SELECT version FROM mlops.train('sampled', 'SELECT * FROM mixed', target => 'd', algorithm => 'linear', key => 'id', split => '{"method": "time", "column": "at", "sample": 0.5, "test": 0.3}');
SELECT is(d.digest, :'whole'::text, '... of a sample, split by time') FROM mlops.datasets AS d WHERE name = 'sampled';

-- settings of the session change texts, but no hash: not of keys either, which decide who is held out
CREATE TABLE periods AS
SELECT daterange(date '2024-01-01' + i, date '2024-02-01' + i) AS span, tstzrange(timestamptz '2024-01-01 00:00+00' + i * interval '1 hour', NULL) AS since,
	ARRAY[date '2024-01-01' + i, NULL] AS days, point(i / 3.0, i / 7.0) AS place, ARRAY[decode(md5(i::text), 'hex')] AS bytes, i::money AS price,
	ARRAY[i * interval '37 min'] AS lengths, i % 7 AS a, i % 3 AS y
FROM generate_series(1, 300) AS i;
SELECT mlops.fingerprint('periods') AS periods, array_agg(mlops.fingerprint('SELECT ' || attname || ' FROM periods') ORDER BY attnum) AS parts
FROM pg_attribute WHERE attrelid = 'periods'::regclass AND attnum > 0 \gset
SELECT version FROM mlops.train('periods', 'periods', target => 'y', features => '{a}', key => 'span,since,days,place,bytes,lengths', algorithm => 'linear', task => 'regression');
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = -3; SET bytea_output = 'escape'; SET lc_monetary = 'C';
SELECT is(mlops.fingerprint('periods'), :'periods', 'the same fingerprint with other settings');
SELECT is(array_agg(mlops.fingerprint('SELECT ' || attname || ' FROM periods') ORDER BY attnum), :'parts', '... of each column')
FROM pg_attribute WHERE attrelid = 'periods'::regclass AND attnum > 0;
SELECT is((SELECT value FROM mlops.evaluate('periods/1', 'periods') WHERE metric = 'mean_squared_error')::numeric(9, 6), (metrics ->> 'mean_squared_error')::numeric(9, 6),
	'the same rows are held out')
FROM mlops.versions WHERE model = 'periods';
SELECT is(current_setting('DateStyle') || current_setting('TimeZone') || date '2024-02-01' || timestamptz '2024-02-01 00:00+00', 'SQL, DMYAsia/Tokyo01/02/202401/02/2024 09:00:00 JST',
	'settings are left alone');
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET bytea_output; RESET lc_monetary;
SELECT ok(model_identical, 'verified in a session with other settings') FROM mlops.verify('periods/1');

-- the profile
CREATE VIEW profile AS SELECT name, p.* FROM mlops.datasets, jsonb_to_recordset(dataset_profile) AS p (column_name text, data_type text, role text, count int, num_nulls int,
	avg float8, stddev float8, min text, max text, num_zeros int, median float8, quantiles jsonb, distinct_count int, frequent_items jsonb, rows_used int, rows_skipped int, rows_outside_sample int);
SELECT is(string_agg(column_name, ',' ORDER BY o), ':table,id,s,b,r,d,n,t,mo,f,day,at,len,j,v,u,c,y', 'the table, then every column')
FROM mlops.datasets, jsonb_array_elements(dataset_profile) WITH ORDINALITY AS e (p, o), jsonb_to_record(p) AS x (column_name text) WHERE name = 'mixed';
SELECT is((count, rows_used, rows_skipped, rows_outside_sample)::text, '(500,500,0,0)', 'rows') FROM profile WHERE name = 'mixed' AND column_name = ':table';
SELECT is(rows_skipped, 45, 'rows skipped') FROM profile WHERE name = 'keyless' AND column_name = ':table';
SELECT is((p.count, p.num_nulls, p.num_zeros)::text, (SELECT (count(d), count(*) - count(d), 0)::text FROM mixed), 'counts') FROM profile AS p WHERE name = 'mixed' AND column_name = 'd';
SELECT ok(abs(p.avg - x.avg) < 1e-12 * x.avg AND abs(p.stddev - x.sd) < 1e-12 * x.sd AND p.min::float8 = x.min AND p.max::float8 = x.max AND abs(p.median - x.median) < 1e-12 * x.median, 'moments and median')
FROM profile AS p, (SELECT avg(d), stddev(d) AS sd, min(d), max(d), percentile_cont(0.5) WITHIN GROUP (ORDER BY d) AS median FROM
	(SELECT d FROM mixed) AS m) AS x WHERE name = 'mixed' AND column_name = 'd';
SELECT is(p.min || ' ' || p.max, '2024-01-02T00:00:00 2025-05-15T00:00:00', 'dates') FROM profile AS p WHERE name = 'mixed' AND column_name = 'day';
SELECT is(distinct_count, 5, 'levels') FROM profile WHERE name = 'mixed' AND column_name = 't';
SELECT is(frequent_items, (SELECT jsonb_agg(jsonb_build_object('item', y::text, 'count', n) ORDER BY y) FROM (SELECT y, count(*) AS n FROM mixed GROUP BY y) AS c), 'classes of the target')
FROM profile WHERE name = 'mixed' AND column_name = 'y';
SELECT is((data_type, role, count)::text, '(jsonb,other,)', 'columns that are no features') FROM profile WHERE name = 'mixed' AND column_name = 'j';
SELECT version FROM mlops.train('many', 'SELECT id, a, id % 100 AS c, 1e9 + id AS far, a > 0 AS y FROM many', target => 'y', algorithm => 'logistic', key => 'id', exclude => '{a}');
SELECT ok(abs(stddev - (SELECT stddev(id) FROM many)) < 1e-6, 'numbers far from zero') FROM profile WHERE name = 'many' AND column_name = 'far';
SELECT is(distinct_count, 100, 'distinct values of a sample: few') FROM profile WHERE name = 'many' AND column_name = 'c';
SELECT is((SELECT (data_type, role, count, min, max)::text FROM mlops.profiles WHERE model = 'many' AND column_name = 'id'), '(integer,other,,,)', 'people read a view');

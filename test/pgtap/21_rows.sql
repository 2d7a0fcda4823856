-- Rows as training takes them: what is left out, tasks and classes, weights, splits, order.
SELECT plan(60);
SET client_min_messages = warning;

-- description: counts against SQL's own
SELECT results_eq($$SELECT column_name, count, num_nulls, distinct_count FROM mlops.describe('crm.customers') WHERE role = 'feature' ORDER BY 1$$,
	$$SELECT key, count(value), count(*) - count(value), count(DISTINCT value) FROM crm.customers c, jsonb_each_text(to_jsonb(c))
		WHERE key <> 'customer_id' GROUP BY key ORDER BY key COLLATE "C"$$, 'counts of crm.customers');
SELECT results_eq($$SELECT column_name, omitted FROM mlops.describe('crm.customers') WHERE role <> 'feature'$$,
	$$VALUES ('customer_id', 'identifier')$$, 'its key is an identifier');

CREATE TABLE public.mixed AS SELECT g AS id, (g % 2 = 0) AS flag, 7 AS same, NULL::text AS nothing, 'x'::text AS word,
	nullif(1, g % 2) AS one_or_null, md5(g::text) AS hash, gen_random_uuid() AS uuid, (g % 190)::text AS nearly, (g % 170)::text AS fewer,
	jsonb_build_object('a', g) AS doc, g::text::bytea AS bytes, repeat('long ', 300) || g % 3 AS long, ARRAY[g, 1.5] AS v, ARRAY[1.5, 2] AS v_same,
	g + 0.5 AS num, CASE WHEN g % 5 = 0 THEN 'NaN'::float8 ELSE g END AS f
	FROM generate_series(1, 200) g;
SELECT results_eq($$SELECT column_name, kind, coalesce(omitted, '-'), count, num_nulls, distinct_count FROM mlops.describe('mixed')$$,
	$$VALUES ('id', 'numeric', '-', 200::bigint, 0::bigint, 200::bigint), ('flag', 'boolean', '-', 200, 0, 2), ('same', 'numeric', 'constant', 200, 0, 1),
		('nothing', 'categorical', 'constant', 0, 200, 0), ('word', 'categorical', 'constant', 200, 0, 1), ('one_or_null', 'numeric', '-', 100, 100, 1),
		('hash', 'categorical', 'identifier', 200, 0, 200), ('uuid', 'categorical', 'identifier', 200, 0, 200),
		('nearly', 'categorical', 'identifier', 200, 0, 190), ('fewer', 'categorical', '-', 200, 0, 170),
		('doc', NULL, 'type jsonb cannot be a feature', NULL, NULL, NULL), ('bytes', NULL, 'type bytea cannot be a feature', NULL, NULL, NULL),
		('long', 'categorical', 'text too long for a category', NULL, NULL, NULL), ('v', 'vector', '-', 200, 0, 200),
		('v_same', 'vector', 'constant', 200, 0, 1), ('num', 'numeric', '-', 200, 0, 200), ('f', 'numeric', '-', 200, 0, 161)$$,
	'columns that are left out, and why');
SELECT throws_ok($$SELECT * FROM mlops.describe('SELECT 1 AS x WHERE false')$$, 'P0002', 'the source has no rows');
SELECT is((SELECT role FROM mlops.describe('SELECT g::text AS t FROM generate_series(1, 49) g')), 'feature', '49 distinct texts may be a category');
SELECT is((SELECT role FROM mlops.describe('SELECT g::text AS t FROM generate_series(1, 50) g')), 'omitted', '50 are an identifier');

-- physical order does not matter: duplicates, NULLs, NaN, every type
CREATE TABLE public.shuffled AS
	SELECT g % 1000 AS i, (hashint4(g % 1000) % 100)::float4 AS f4, CASE WHEN g % 7 = 0 THEN 'NaN' ELSE (g % 1000) / 3.0::float8 END AS f8,
		nullif((ARRAY['a', 'b', 'c', 'd'])[1 + g % 4], 'd') AS t, date '2020-01-01' + g % 1000 AS d, g % 3 = 0 AS b, (g % 1000) / 7.0 AS n,
		ARRAY[g % 10, g % 7]::float4[] AS v, timestamptz '2020-01-01 00:00+00' + (g % 1000) * interval '1 hour' AS tz
	FROM generate_series(1, 20000) g;
SELECT mlops.training_digest('shuffled') AS expected \gset
SELECT is(mlops.training_digest('SELECT * FROM shuffled ORDER BY random()'), :'expected', 'a random order, ' || i) FROM generate_series(1, 3) i;
SELECT is(mlops.training_digest('SELECT * FROM shuffled ORDER BY i DESC, v'), :'expected', 'another order');

-- tasks and classes
CREATE FUNCTION pg_temp.train(what text, y text, more text DEFAULT '') RETURNS TABLE (task text, classes text[], rows bigint, skipped bigint) LANGUAGE plpgsql AS $$
DECLARE trained record;
BEGIN
	EXECUTE format('SELECT * FROM mlops.train(''m'', %L, target => ''y'', algorithm => ''linear'', key => ''id'' %s)',
		format('SELECT g AS id, (hashint4(g) %% 1000) / 1000.0 AS x, %s AS y FROM generate_series(1, 600) g', y), more) INTO trained;
	RETURN QUERY SELECT trained.task, mlops.classes('m/latest'), trained.rows_train + trained.rows_test, trained.rows_skipped;
END $$;
SELECT is(task, 'regression', 'a float is predicted by regression') FROM pg_temp.train('', 'sin(g)');
SELECT is(task, 'regression', 'so is a numeric') FROM pg_temp.train('', '(g % 2)::numeric');
SELECT is(task, 'regression', 'and an integer of many values') FROM pg_temp.train('', 'g % 40');
SELECT is(task, 'regression', 'and an interval') FROM pg_temp.train('', 'g * interval ''1 hour''');
SELECT is(ARRAY[rows, skipped], ARRAY[500, 100]::bigint[], 'rows without a target are skipped and counted') FROM pg_temp.train('', 'nullif(g % 6, 0)::float8 + g');
SELECT is(ARRAY[rows, skipped], ARRAY[400, 200]::bigint[], 'so are NaN and infinities')
FROM pg_temp.train('', 'CASE g % 6 WHEN 0 THEN ''NaN'' WHEN 1 THEN ''-Infinity'' ELSE g::float8 END');
SELECT throws_ok(format('SELECT * FROM pg_temp.train('''', %L)', y), state, message)
FROM (VALUES ('date ''2020-01-01'' + g', '42804', 'target column "y" of type date cannot be predicted'),
	('ARRAY[g, 1]', '42804', 'target column "y" of type integer[] cannot be predicted'),
	('jsonb_build_array(g)', '0A000', 'target column "y" of type jsonb cannot be predicted'),
	('''one''::text', '22000', 'target column "y" has only one class: "one"'),
	('true', '22000', 'target column "y" has only one class: "true"'),
	('g::text', '22023', NULL), ('NULL::float8', 'P0002', 'no row of the source can be used')) AS bad (y, state, message);

-- what is wrong with columns
SELECT throws_ok(format('SELECT * FROM mlops.train(''m'', %L, target => ''y'', algorithm => ''linear'' %s)',
		'SELECT g AS id, g % 10 AS x, g / 3.0 AS y, g % 3 AS w, jsonb_build_array(g) AS j FROM generate_series(1, 100) g', more), state, message)
FROM (VALUES (', key => ''no''', '42703', 'key column "no" does not exist in the source'),
	(', weight => ''no''', '42703', 'weight column "no" does not exist in the source'),
	(', features => ''{x,no}''', '42703', 'feature column "no" does not exist in the source'),
	(', exclude => ''{no}''', '42703', 'excluded column "no" does not exist in the source'),
	(', features => ''{x,y}''', '22023', 'column "y" cannot be a feature: it is the target, key, weight, offset or split column'),
	(', features => ''{x,x}''', '22023', 'feature "x" is listed twice'),
	(', features => ''{j}''', '0A000', 'column "j" of type jsonb cannot be a feature'),
	(', weight => ''j''', '0A000', NULL), (', key => ''y''', '22023', NULL),
	(', exclude => ''{id,x,w}''', '22023', 'no column of the source can be a feature')) AS bad (more, state, message);

-- weights
SELECT throws_ok(format('SELECT * FROM mlops.train(''m'', %L, target => ''y'', algorithm => ''linear'', weight => ''w'', split => ''"none"'')',
		format('SELECT g %% 10 AS x, g / 3.0 AS y, (%s)::float8 AS w FROM generate_series(1, 100) g', w)), state, message)
FROM (VALUES ('nullif(g, 50)', '22004', 'weight column "w" is NULL in some row'), ('g - 50', '22023', NULL), ('CASE g WHEN 50 THEN ''NaN'' ELSE ''1'' END', '22023', 'weight column "w" is NaN in some row'),
	('CASE g WHEN 50 THEN ''Infinity'' ELSE ''1'' END', '22023', 'weight column "w" is Infinity in some row'), ('0', '22023', 'weight column "w" is 0 in every row')) AS bad (w, state, message);

-- memory: refused with both figures
SET mlops.train_memory = '1MB';
SELECT throws_matching($$SELECT mlops.training_digest('SELECT g, random() AS r FROM generate_series(1, 1000000) g')$$,
	'needs at least \d+ [kMG]B of memory, but "mlops.train_memory" allows \d+ [kMG]B', 'past mlops.train_memory');
SELECT throws_ok($$SELECT mlops.training_digest('SELECT g, random() AS r FROM generate_series(1, 1000000) g')$$, '53200');
RESET mlops.train_memory;

-- splits: everyone who evaluates later finds the same rows
CREATE TABLE public.events AS SELECT g AS id, 'g' || g / 10 AS grp, timestamptz '2024-03-01 00:00+00' + g * interval '10 minutes' AS at,
	g % 4 = 0 AS held, (hashint4(g) % 1000) / 1000.0 AS x, (hashint4(g) > 0) AS y, 1 + g % 3 AS w FROM generate_series(1, 6000) g;
CREATE FUNCTION pg_temp.split_agrees(split text, more text DEFAULT '') RETURNS TABLE (test bigint, untrained bigint, evaluated bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT rows_test, 6000 - rows_train FROM mlops.train(''s'', ''events'', target => ''x'', algorithm => ''linear'', split => %L %s)', split, more) INTO test, untrained;
	SELECT value::bigint INTO evaluated FROM mlops.evaluate('s/latest') WHERE metric = 'rows';
	RETURN NEXT;
END $$;
SELECT is(evaluated, untrained, 'evaluation finds the rows that were not trained on: ' || split || more)
FROM (VALUES ('{"test": 0.3}', ''), ('{"test": 0.3}', ', key => ''id'''), ('{"test": 0.3}', ', key => ''grp, at'''),
	('{"method": "group", "column": "grp", "test": 0.25}', ', key => ''id'''), ('{"method": "time", "column": "at", "test": 0.25}', ''),
	('{"method": "time", "column": "at", "cutoff": "2024-03-31 03:30:00"}', ', key => ''id'''), ('{"method": "column", "column": "held"}', ', key => ''id'''),
	('{"test": 0.3, "sample": 0.5}', ', key => ''id''')) AS splits (split, more), LATERAL pg_temp.split_agrees(split, more);
SELECT is(test, 1500::bigint, 'a flag column is taken as it is') FROM pg_temp.split_agrees('{"method": "column", "column": "held"}');
SELECT ok(abs(test - 1500) <= 15, 'a time share is met up to equal times') FROM pg_temp.split_agrees('{"method": "time", "column": "at", "test": 0.25}');
SELECT is(test, (SELECT count(*) FROM events WHERE at >= timestamptz '2024-03-31 03:30:00'), 'a cutoff is local time')
FROM pg_temp.split_agrees('{"method": "time", "column": "at", "cutoff": "2024-03-31 03:30:00"}');
SET TimeZone = 'America/New_York';
SELECT is((SELECT value::bigint FROM mlops.evaluate('s/latest') WHERE metric = 'rows'), (SELECT rows_test FROM mlops.versions WHERE model = 's' ORDER BY version DESC LIMIT 1),
	'and an instant in any other zone');
RESET TimeZone;
SELECT throws_ok($$SELECT pg_temp.split_agrees('{"method": "time", "column": "w"}')$$, '42804', NULL);
SELECT throws_ok($$SELECT pg_temp.split_agrees('{"method": "column", "column": "grp"}')$$, '42804', NULL);
SELECT throws_ok($$SELECT pg_temp.split_agrees('{"method": "column", "column": "w"}')$$, '22023', NULL);
SELECT throws_ok($$SELECT pg_temp.split_agrees('{"method": "stratified"}')$$, '22023', 'a stratified split needs a target with classes');
SELECT throws_ok($$SELECT * FROM mlops.train('s', 'SELECT id, x, y, true AS held FROM events', target => 'x', algorithm => 'linear', split => '{"method": "column", "column": "held"}')$$,
	'22000', 'the split leaves no row to train on');

-- duplicates stay on one side, and the bits do not depend on physical order
SELECT is(count(version), 3::bigint, 'three orders of the same rows') FROM (VALUES ('SELECT * FROM shuffled WHERE f8 <> ''NaN'''), ('SELECT * FROM shuffled WHERE f8 <> ''NaN'' ORDER BY random()'),
	('SELECT * FROM shuffled WHERE f8 <> ''NaN'' ORDER BY t, i')) AS orders (source), LATERAL mlops.train('order', source, target => 'f8', algorithm => 'linear');
SELECT is((SELECT count(DISTINCT model_sha256) FROM mlops.versions WHERE model = 'order'), 1::bigint, 'give one model');
SELECT ok(abs((SELECT rows_test FROM mlops.train('copies', 'SELECT s.* FROM shuffled s, generate_series(1, 3)', target => 'i', algorithm => 'linear', task => 'regression'))
	- 3 * (SELECT rows_test FROM mlops.train('copies', 'shuffled', target => 'i', algorithm => 'linear', task => 'regression'))) = 0, 'copies of rows go where the row goes');

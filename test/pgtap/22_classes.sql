-- Targets with classes: when a target is one, which classes there are and in which order, the positive one, and splits of them.
SELECT plan(50);
SET client_min_messages = warning;

CREATE TYPE public.size AS ENUM ('small', 'medium', 'large', 'huge');
CREATE FUNCTION pg_temp.train(y text, more text DEFAULT '', n int DEFAULT 1200, algorithm text DEFAULT 'naive_bayes')
RETURNS TABLE (task text, classes text[], positive text, rows bigint, skipped bigint) LANGUAGE plpgsql AS $$
DECLARE
	trained record;
	m jsonb;
BEGIN
	EXECUTE format('SELECT * FROM mlops.train(''m'', %L, target => ''y'', algorithm => %L, key => ''id'' %s)',
		format('SELECT g AS id, hashint4(g) %% 100 + g %% 3 AS x, %s AS y FROM generate_series(1, %s) g', y, n), algorithm, more) INTO trained;
	m := mlops.model_value('m/latest')::jsonb;
	RETURN QUERY SELECT trained.task, mlops.classes('m/latest'), m #>> '{target,positive}',
		trained.rows_train + trained.rows_test, trained.rows_skipped;
END $$;

-- what is inferred
SELECT is((t.task, t.classes, coalesce(t.positive, '-'))::text, (c.task, c.classes, c.positive)::text, 'target ' || y)
FROM (VALUES
	('g % 2 = 0', 'binary', '{false,true}'::text[], 'true'),
	('CASE WHEN g % 2 = 0 THEN ''yes'' ELSE ''no'' END', 'binary', '{no,yes}', 'yes'),
	('CASE WHEN g % 2 = 0 THEN ''Yes'' ELSE ''never'' END', 'binary', '{Yes,never}', 'Yes'),
	('CASE WHEN g % 2 = 0 THEN ''TRUE'' ELSE ''UNKNOWN'' END', 'binary', '{TRUE,UNKNOWN}', 'TRUE'),
	('CASE WHEN g % 2 = 0 THEN ''pos'' ELSE ''quiet'' END', 'binary', '{pos,quiet}', 'pos'),
	('CASE WHEN g % 2 = 0 THEN ''churned'' ELSE ''active'' END', 'binary', '{active,churned}', 'churned'),
	('CASE WHEN g % 2 = 0 THEN ''churned'' ELSE ''stayed'' END', 'binary', '{churned,stayed}', 'stayed'),
	('CASE WHEN g % 2 = 0 THEN ''yes'' ELSE ''positive'' END', 'binary', '{positive,yes}', 'yes'),
	('(ARRAY[''small'', ''huge''])[1 + g % 2]::public.size', 'binary', '{small,huge}', 'huge'),
	('(ARRAY[''small'', ''medium'', ''large'', ''huge''])[1 + g % 4]::public.size', 'multiclass', '{small,medium,large,huge}', '-'),
	('(ARRAY[''b'', ''B'', ''a'', ''ä'', ''''])[1 + g % 5]', 'multiclass', ARRAY['', 'B', 'a', 'b', 'ä'], '-'),
	('g % 2', 'binary', '{0,1}', '1'),
	('1 - g % 2 * 2', 'binary', '{-1,1}', '1'),
	('100 - g % 2 * 98', 'binary', '{2,100}', '100'),
	('(8 + g % 4)::int8', 'multiclass', '{8,9,10,11}', '-'),
	('(g % 20)::int2', 'multiclass', (SELECT array_agg(i::text ORDER BY i) FROM generate_series(0, 19) i), '-'),
	('md5((g % 3)::text)::uuid', 'multiclass', (SELECT array_agg(md5(i::text)::uuid::text ORDER BY md5(i::text)) FROM generate_series(0, 2) i), '-'),
	('(ARRAY[''x'', ''y''])[1 + g % 2]::char(7)', 'binary', '{x,y}', 'y')) AS c (y, task, classes, positive), LATERAL pg_temp.train(y) t;
SELECT is(task, 'regression', 'more than 20 integers are a number') FROM pg_temp.train('g % 21', algorithm => 'linear');
SELECT is(task, 'regression', 'so are few integers on few rows') FROM pg_temp.train('g % 15', n => 299, algorithm => 'linear');
SELECT is(task, 'multiclass', 'on as many as 20 for each they are classes') FROM pg_temp.train('g % 15', n => 300);

-- what is asked for
SELECT is((t.task, t.classes, coalesce(t.positive, '-'))::text, (c.task, c.classes, c.positive)::text, 'target ' || y || more)
FROM (VALUES
	('g % 2 = 0', ', positive => ''false''', 'binary', '{false,true}'::text[], 'false'),
	('CASE WHEN g % 2 = 0 THEN ''yes'' ELSE ''no'' END', ', positive => ''no''', 'binary', '{no,yes}', 'no'),
	('CASE WHEN g % 2 = 0 THEN ''Yes'' ELSE ''No'' END', ', positive => ''yes''', 'binary', '{No,Yes}', 'Yes'),
	('(g % 2)::float8', ', positive => ''0''', 'binary', '{0,1}', '0'),
	('g % 2 * 0.5', ', task => ''classification''', 'binary', '{0,0.5}', '0.5'),
	('(g % 3)::numeric(5,2)', ', task => ''multiclass''', 'multiclass', '{0,1,2}', '-'),
	('g % 30', ', task => ''classification''', 'multiclass', (SELECT array_agg(i::text ORDER BY i) FROM generate_series(0, 29) i), '-'),
	('g % 2', ', task => ''binary''', 'binary', '{0,1}', '1')) AS c (y, more, task, classes, positive), LATERAL pg_temp.train(y, more) t;
SELECT is(task, 'regression', 'two integers may be numbers') FROM pg_temp.train('g % 2', ', task => ''regression''', algorithm => 'linear');
SELECT is(task, 'regression', 'a boolean, too') FROM pg_temp.train('g % 2 = 0', ', task => ''regression''', algorithm => 'linear');

-- what cannot be
SELECT throws_ok(format('SELECT * FROM pg_temp.train(%L, %L, algorithm => %L)', y, more, algorithm), state, message)
FROM (VALUES
	('g % 2 = 0', ', positive => ''maybe''', 'naive_bayes', '22023', 'positive class "maybe" does not occur in target column "y"'),
	('(ARRAY[''a'', ''b'', ''c''])[1 + g % 3]', ', positive => ''a''', 'naive_bayes', '22023', 'target column "y" has 3 classes, a binary task needs two'),
	('(ARRAY[''a'', ''b'', ''c''])[1 + g % 3]', ', task => ''binary''', 'naive_bayes', '22023', 'target column "y" has 3 classes, a binary task needs two'),
	('(ARRAY[''a'', ''b'', ''c''])[1 + g % 3]', ', task => ''regression''', 'linear', '22023', 'target column "y" of type text cannot be predicted by regression'),
	('g::float8', ', task => ''regression'', positive => ''1''', 'linear', '22023', 'a regression has no positive class'),
	('g', ', task => ''classification''', 'naive_bayes', '22023', 'target column "y" has more than 1000 classes, at most 1000 are allowed'),
	('g::text', '', 'naive_bayes', '22023', NULL),
	('1', ', task => ''classification''', 'naive_bayes', '22000', 'target column "y" has only one class: "1"')) AS bad (y, more, algorithm, state, message);

-- rows whose target is missing are no class
SELECT is((classes, rows, skipped)::text, '("{a,b}",800,400)', 'NULL is no class') FROM pg_temp.train('(ARRAY[''a'', ''b'', NULL])[1 + g % 3]');
SELECT is((classes, rows, skipped)::text, '("{0,1}",800,400)', 'nor is NaN') FROM pg_temp.train('(ARRAY[0, 1, ''NaN''::float8])[1 + g % 3]', ', task => ''classification''');

-- stratified splits hold out the same share of every class, and evaluation finds them, whichever class is positive
CREATE TABLE public.rare AS SELECT g AS id, hashint4(g) % 100 AS x, g % 50 = 0 AS b, (ARRAY['a', 'b', 'c', 'd'])[width_bucket(g % 100, ARRAY[0, 2, 30, 60])] AS c
	FROM generate_series(1, 10000) g;
CREATE FUNCTION pg_temp.share(target text, positive text DEFAULT NULL) RETURNS TABLE (trained bigint, held bigint, evaluated bigint) LANGUAGE plpgsql AS $$
BEGIN
	SELECT rows_train, rows_test INTO trained, held FROM mlops.train('strata', 'rare', target => target, positive => positive, algorithm => 'naive_bayes', key => 'id',
		exclude => CASE target WHEN 'b' THEN '{c}' ELSE '{b}' END::text[], split => '{"method": "stratified", "test": 0.25}');
	SELECT value::bigint INTO evaluated FROM mlops.evaluate('strata/latest') WHERE metric = 'rows';
	RETURN NEXT;
END $$;
SELECT is((trained, held, evaluated)::text, '(7500,2500,2500)', 'stratified, the last class is positive') FROM pg_temp.share('b');
SELECT is((SELECT sum(count) FROM mlops.confusion_matrix('strata/latest') WHERE expected_label = 'true'), 50::float8, 'a quarter of the rare class is held out');
SELECT is((trained, held, evaluated)::text, '(7500,2500,2500)', 'stratified, the first class is positive') FROM pg_temp.share('b', 'false');
SELECT is((SELECT sum(count) FROM mlops.confusion_matrix('strata/latest') WHERE expected_label = 'true'), 50::float8, 'the same rows');
SELECT is((trained, held, evaluated)::text, '(7500,2500,2500)', 'stratified, four classes') FROM pg_temp.share('c');
SELECT results_eq($$SELECT expected_label, sum(count) FROM mlops.confusion_matrix('strata/latest') GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('a', 50::float8), ('b', 700), ('c', 750), ('d', 1000)$$, 'a quarter of each');

-- a class that training rows do not have cannot be learned: its rows are left out and counted
CREATE TABLE public.late AS SELECT g AS id, g % 7 AS x, CASE WHEN g > 990 THEN 'new' WHEN g % 2 = 0 THEN 'a' ELSE 'b' END AS y,
	CASE WHEN g > 990 THEN 'new' ELSE 'a' END AS one, g > 800 AS held FROM generate_series(1, 1000) g;
SELECT is((task, rows_train, rows_test, rows_skipped)::text, '(binary,800,190,10)', 'a class of held-out rows only') FROM mlops.train('late', 'late', target => 'y',
	features => '{x}', algorithm => 'naive_bayes', split => '{"method": "column", "column": "held"}');
SELECT is(mlops.classes('late/latest'), '{a,b}', 'is not learned');
SELECT throws_ok($$SELECT * FROM mlops.train('late', 'late', target => 'one', features => '{x}', algorithm => 'naive_bayes', split => '{"method": "column", "column": "held"}')$$,
	'22000', 'the training rows hold only one class of target column "one"');

-- The settings: defaults, ranges, who may change them, and that the prefix is taken.
SELECT plan(18);

-- the library defines them when it is loaded
SELECT ok(mlops.version() IS NOT NULL, 'the library is loaded');
SELECT results_eq(
	$$SELECT name, setting, unit, context, vartype, min_val::bigint FROM pg_settings WHERE name LIKE 'mlops.%' ORDER BY name$$,
	$$VALUES ('mlops.model_cache_size', '65536', 'kB', 'user', 'integer', 0::bigint),
		('mlops.progress_interval', '10000', 'ms', 'user', 'integer', 0),
		('mlops.train_memory', '1048576', 'kB', 'user', 'integer', 1024),
		('mlops.train_workers', '-1', NULL, 'user', 'integer', -1)$$,
	'names, defaults, units, who may set them');
SELECT is_empty($$SELECT name FROM pg_settings WHERE name LIKE 'mlops.%' AND (short_desc = '' OR extra_desc = '')$$, 'each is described');
SELECT is(current_setting('mlops.train_memory'), '1GB', 'shown with a unit');
SELECT lives_ok($$SET mlops.train_memory = '256MB'$$, 'set with a unit');
SELECT is(current_setting('mlops.train_memory'), '256MB', '... and shown');
SELECT throws_ok($$SET mlops.train_memory = '1kB'$$, '22023', NULL, 'too little memory to train in');
SELECT throws_ok($$SET mlops.train_memory = 'much'$$, '22023', NULL, 'no number');
SELECT throws_ok($$SET mlops.train_workers = -2$$, '22023', NULL, 'fewer workers than none');
SELECT throws_ok($$SET mlops.train_workers = 100000$$, '22023', NULL, 'more workers than a server can have');
SELECT lives_ok($$SET mlops.train_workers = 0$$, 'no workers');
SELECT lives_ok($$SET mlops.model_cache_size = 0$$, 'no cache');
SELECT lives_ok($$SET mlops.progress_interval = '5s'$$, 'a time');
SELECT throws_ok($$SET mlops.train_memroy = '1GB'$$, '42602', NULL, 'a misspelt setting is an error');
SELECT lives_ok($$SET ROLE pg_read_all_stats; SET mlops.train_memory = '64MB'; RESET ROLE$$, 'no special right is needed');

-- the limit is kept, and the message names both figures and what to do
SET mlops.train_memory = '1MB';
SET client_min_messages = error;
CREATE FUNCTION train_much() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	PERFORM mlops.train('much', 'SELECT i AS id, i % 7 + random() AS y, random() AS a, random() AS b FROM generate_series(1, 200000) i',
		target => 'y', key => 'id', algorithm => 'linear');
	RETURN 'trained';
EXCEPTION WHEN out_of_memory THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN message || ' / ' || hint;
END $$;
SELECT train_much() AS answer \gset
SELECT matches(:'answer'::text, '^"much" needs .*mlops.train_memory.* allows 1024 kB', 'past the limit training says what is allowed');
SELECT matches(:'answer'::text, '[0-9]+ [kM]B of memory.*Raise "mlops.train_memory"', 'and what it needs and what to do');
SET mlops.train_memory = '256MB';
SELECT is(train_much(), 'trained', 'with more memory it works');

SELECT * FROM finish();

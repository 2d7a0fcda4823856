-- The types mlops.model and mlops.state: text and binary forms, casts, comparison, and what they refuse.
SELECT plan(71);

CREATE TABLE rows AS
SELECT i AS id, i % 17 AS size, (i * i % 101)::float8 / 7 AS "odd ""name",
	(ARRAY['basic', 'größe', E'say "hi"\\ and\nbye', 'plus'])[1 + i % 4] AS plan, i % 3 = 0 AS active,
	date '2024-01-01' + i AS signup, 3 + i % 17 * 0.5 + (i * 37 % 11) AS y
FROM generate_series(1, 400) i;

SET client_min_messages = warning;
SELECT version AS one FROM mlops.train('types', 'rows', target => 'y', key => 'id', algorithm => 'linear', split => '{"method": "none"}') \gset
SELECT version AS two FROM mlops.train('types', 'rows', target => 'size', key => 'id', algorithm => 'linear', exclude => ARRAY['y'], task => 'regression') \gset
SET client_min_messages = notice;

CREATE TABLE models (id int PRIMARY KEY, m mlops.model);
INSERT INTO models SELECT v, mlops.model_value('types/' || v) FROM unnest(ARRAY[1, 2]) v;
SELECT m AS model, m::bytea AS bytes FROM models WHERE id = 1 \gset

CREATE TABLE states (id int PRIMARY KEY, s mlops.state);
INSERT INTO states SELECT active::int, mlops.linear_state(y::float8, ARRAY[size, "odd ""name"]::float8[]) FROM rows GROUP BY active;
INSERT INTO states SELECT 2, mlops.linear_state(y::float8, ARRAY[size::float8]) FROM rows WHERE id = 7;

-- The SQLSTATE that a statement ends with, and how it reads what it is given.
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE FUNCTION outcome_of(bytes bytea, type regtype) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF type = 'mlops.model'::regtype THEN
		PERFORM bytes::mlops.model;
	ELSE
		PERFORM bytes::mlops.state;
	END IF;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- identity
SELECT is(pg_typeof(m)::text, 'mlops.model', 'pg_typeof of a model') FROM models WHERE id = 1;
SELECT is(pg_typeof(s)::text, 'mlops.state', 'pg_typeof of a state') FROM states WHERE id = 0;
SELECT results_eq(
	$$SELECT typname::text COLLATE "default", typlen::int, typbyval, typalign::text, typstorage::text, typsend <> 0, typreceive <> 0 FROM pg_type
		WHERE oid IN ('mlops.model'::regtype, 'mlops.state'::regtype) ORDER BY 1$$,
	$$VALUES ('model', -1, false, 'i', 'e', true, true), ('state', -1, false, 'd', 'x', true, true)$$,
	'both are varlenas; models are stored uncompressed');
SELECT is_empty(
	$$SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_type t ON p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend)
		WHERE t.oid IN ('mlops.model'::regtype, 'mlops.state'::regtype)
		AND NOT (p.provolatile = 'i' AND p.proisstrict AND p.proparallel = 's')$$,
	'input and output are immutable, strict and parallel safe');

-- text form
SELECT is(m::text, translate(encode(m::bytea, 'base64'), E'\n', ''), 'the text form of a model is base64 without line breaks') FROM models WHERE id = 1;
SELECT is(m::text::mlops.model::bytea, m::bytea, 'a model comes back from its text') FROM models WHERE id = 1;
SELECT is(s::text::mlops.state::bytea, s::bytea, 'a state comes back from its text') FROM states WHERE id = 1;
SELECT is(encode(m::bytea, 'base64')::mlops.model::bytea, m::bytea, 'line breaks are accepted') FROM models WHERE id = 1;
SELECT is((' ' || m::text || E' \n')::mlops.model::bytea, m::bytea, 'blanks around are accepted') FROM models WHERE id = 1;
SELECT ok(NULL::text::mlops.model IS NULL, 'NULL is NULL');

-- casts
SELECT is((:'bytes'::bytea::mlops.model)::bytea, :'bytes'::bytea, 'bytea to model and back');
SELECT is(s::bytea::mlops.state::bytea, s::bytea, 'bytea to state and back') FROM states WHERE id = 2;
SELECT results_eq(
	$$SELECT castsource::regtype::text, casttarget::regtype::text, castcontext::text, castmethod::text FROM pg_cast
		WHERE castsource IN ('mlops.model'::regtype, 'mlops.state'::regtype)
		OR casttarget IN ('mlops.model'::regtype, 'mlops.state'::regtype) ORDER BY 1, 2$$,
	$$VALUES ('bytea', 'mlops.model', 'e', 'f'), ('bytea', 'mlops.state', 'e', 'f'), ('mlops.model', 'bytea', 'e', 'f'),
		('mlops.model', 'jsonb', 'e', 'f'), ('mlops.state', 'bytea', 'e', 'f'), ('mlops.state', 'jsonb', 'e', 'f')$$,
	'six casts, all explicit, all through functions');
SELECT throws_ok($$INSERT INTO models VALUES (9, '\x00'::bytea)$$, '42804', NULL, 'bytea is no model without a cast');
SELECT throws_ok($$INSERT INTO states SELECT 9, m FROM models$$, '42804', NULL, 'a model is no state');
SELECT throws_ok($$SELECT m::mlops.state FROM models$$, '42846', NULL, 'not even with a cast');
CREATE TEMP TABLE docs (j jsonb);
SELECT throws_ok($$INSERT INTO docs SELECT m FROM models$$, '42804', NULL, 'a model is no jsonb without a cast');

-- inside
SELECT is(jsonb_typeof(m::jsonb), 'object', 'a model as jsonb') FROM models WHERE id = 1;
SELECT set_eq($$SELECT jsonb_object_keys(m::jsonb) FROM models WHERE id = 1$$,
	ARRAY['algorithm', 'task', 'link', 'outputs', 'seed', 'rows', 'weight', 'target', 'calibration', 'split', 'params', 'features', 'terms',
		'arrays', 'fit_statistics'], 'its keys');
SELECT is(m::jsonb ->> 'algorithm', 'linear', 'the algorithm') FROM models WHERE id = 1;
SELECT is(m::jsonb ->> 'task', 'regression', 'the task') FROM models WHERE id = 1;
SELECT is((m::jsonb ->> 'rows')::int, 400, 'the rows of the fit') FROM models WHERE id = 1;
SELECT is(m::jsonb #>> '{target,name}', 'y', 'the target') FROM models WHERE id = 1;
SELECT is(m::jsonb #>> '{split,method}', 'none', 'the split') FROM models WHERE id = 1;
SELECT set_eq($$SELECT f ->> 'name' FROM models, jsonb_array_elements(m::jsonb -> 'features') f WHERE id = 1$$,
	ARRAY['size', 'odd "name', 'plan', 'active', 'signup'], 'the features, quotes and all');
SELECT set_eq($$SELECT l FROM models, jsonb_array_elements(m::jsonb -> 'features') f,
		jsonb_array_elements_text(f #> '{transforms,0,levels}') l WHERE id = 1 AND f ->> 'name' = 'plan'$$,
	ARRAY['basic', 'größe', E'say "hi"\\ and\nbye', 'plus'], 'the levels, whatever is in them');
SELECT is((m::jsonb #>> '{arrays,estimate,cols}')::int, 1 + jsonb_array_length(m::jsonb -> 'terms'), 'a coefficient for each term and the intercept')
FROM models WHERE id = 1;
SELECT set_eq($$SELECT jsonb_array_elements_text(m::jsonb -> 'terms') FROM models WHERE id = 1$$,
	$$SELECT term FROM mlops.coefficients((SELECT m FROM models WHERE id = 1)) WHERE term <> '(Intercept)'$$,
	'the terms are those of mlops.coefficients');
SELECT is((s::jsonb ->> 'rows')::int, (SELECT count(*)::int FROM rows WHERE active), 'rows of a state') FROM states WHERE id = 1;
SELECT ok(abs((s::jsonb #>> '{means,0}')::float8 - (SELECT avg(size) FROM rows WHERE active)) < 1e-12, 'means of a state') FROM states WHERE id = 1;
SELECT ok(abs((s::jsonb #>> '{target,standard_deviation}')::float8 - (SELECT stddev_pop(y) FROM rows WHERE active)) < 1e-12,
	'standard deviations of a state') FROM states WHERE id = 1;
SELECT is(s::jsonb #>> '{target,standard_deviation}', '0', 'one row has none') FROM states WHERE id = 2;

-- comparison
SELECT is((SELECT count(*) FROM (SELECT DISTINCT m FROM (TABLE models UNION ALL TABLE models) d) x), 2::bigint, 'DISTINCT');
SELECT is((SELECT max(n) FROM (SELECT count(*) AS n FROM (TABLE models UNION ALL TABLE models) d GROUP BY m) x), 2::bigint, 'GROUP BY');
SET enable_hashagg = off;
SELECT is((SELECT count(*) FROM (SELECT DISTINCT s FROM (TABLE states UNION ALL TABLE states) d) x), 3::bigint, 'DISTINCT by sorting');
RESET enable_hashagg;
SELECT results_eq($$SELECT id FROM models ORDER BY m$$, $$SELECT id FROM models ORDER BY m::bytea$$, 'ORDER BY follows the bytes');
SELECT results_eq(
	$$SELECT a.m OPERATOR(mlops.=) b.m, a.m OPERATOR(mlops.<>) b.m, a.m OPERATOR(mlops.<) b.m, a.m OPERATOR(mlops.<=) b.m,
		a.m OPERATOR(mlops.>) b.m, a.m OPERATOR(mlops.>=) b.m FROM models a, models b ORDER BY a.id, b.id$$,
	$$SELECT a.m::bytea = b.m::bytea, a.m::bytea <> b.m::bytea, a.m::bytea < b.m::bytea, a.m::bytea <= b.m::bytea,
		a.m::bytea > b.m::bytea, a.m::bytea >= b.m::bytea FROM models a, models b ORDER BY a.id, b.id$$, 'all operators agree with those of bytea');
SELECT lives_ok($$CREATE UNIQUE INDEX ON states USING btree (s)$$, 'a btree index');
SELECT lives_ok($$CREATE INDEX ON states USING hash (s)$$, 'a hash index');

-- an aggregate of one's own may show what waits for more rows: it looks like, and equals, the state it stands for
CREATE AGGREGATE waiting(float8, float8[]) (SFUNC = mlops.linear_accumulate, STYPE = mlops.state);
CREATE TABLE waiting AS SELECT waiting(y::float8, ARRAY[size, "odd ""name"]::float8[]) AS s FROM rows WHERE active;
SELECT ok(w.s OPERATOR(mlops.=) s.s, 'a waiting state equals its state') FROM waiting w, states s WHERE id = 1;
SELECT is(w.s::text, s.s::text, 'and is shown and dumped as it') FROM waiting w, states s WHERE id = 1;
SELECT is(mlops.state_send(w.s), s.s::bytea, 'and sent') FROM waiting w, states s WHERE id = 1;
SELECT is((SELECT count(*) FROM (SELECT s FROM waiting UNION SELECT s FROM states WHERE id = 1) u), 1::bigint, 'and has its hash');

-- COPY, text and binary; a column's type is not part of the binary file
SELECT current_setting('data_directory') || '/mlops_types_' || pg_backend_pid() AS file \gset
CREATE TABLE copies (id int, m mlops.model, s mlops.state);
COPY (SELECT id, m, s FROM models FULL JOIN states USING (id)) TO :'file' (FORMAT binary);
COPY copies FROM :'file' (FORMAT binary);
SELECT results_eq('SELECT id, m::bytea, s::bytea FROM copies ORDER BY id',
	'SELECT id, m::bytea, s::bytea FROM models FULL JOIN states USING (id) ORDER BY id', 'binary COPY');
TRUNCATE copies;
COPY (SELECT id, m, s FROM models FULL JOIN states USING (id)) TO :'file';
COPY copies FROM :'file';
SELECT results_eq('SELECT id, m::bytea, s::bytea FROM copies ORDER BY id',
	'SELECT id, m::bytea, s::bytea FROM models FULL JOIN states USING (id) ORDER BY id', 'text COPY, which pg_dump uses');
TRUNCATE copies;
COPY (SELECT 1, substr(m::bytea, 1, length(m::bytea) - 1), NULL FROM models WHERE id = 1) TO :'file' (FORMAT binary);
SELECT is(outcome(format('COPY copies FROM %L (FORMAT binary)', :'file')), '22P03', 'binary input checks the bytes');
COPY (SELECT 1, NULL, substr(s::bytea, 1, length(s::bytea) - 1) FROM states WHERE id = 1) TO :'file' (FORMAT binary);
SELECT is(outcome(format('COPY copies FROM %L (FORMAT binary)', :'file')), '22P03', 'of states, too');
COPY (SELECT 1, ''::bytea, ''::bytea) TO :'file' (FORMAT binary);
SELECT is(outcome(format('COPY copies FROM %L (FORMAT binary)', :'file')), '22P03', 'no bytes at all');
COPY (SELECT 'x' WHERE false) TO :'file';
SELECT is((SELECT count(*) FROM copies), 0::bigint, 'nothing refused has come in');

-- forged text
SELECT throws_ok($$SELECT 'not base64!'::mlops.model$$, '22P02', 'invalid input syntax for type mlops.model', 'no base64');
SELECT throws_ok($$SELECT 'abc'::mlops.state$$, '22P02', 'invalid input syntax for type mlops.state', 'half a group');
SELECT throws_ok($$SELECT ''::mlops.model$$, '22P03', NULL, 'empty text');
SELECT throws_ok($$SELECT 'Zm9v'::mlops.model$$, '22P03', 'invalid model: the bytes do not begin as those of a model do', 'other bytes');
SELECT throws_ok(format('SELECT %L::mlops.state', :'model'), '22P03', 'invalid state: the bytes do not begin as those of a state do', 'a model as a state');
SELECT throws_ok(format('SELECT %L::mlops.model', (SELECT s::text FROM states WHERE id = 1)), '22P03', NULL, 'a state as a model');
SELECT is(outcome(format('SELECT %L::mlops.model', repeat('A', 4000000))), '22P03', 'much of nothing');

-- every truncation, every byte changed
SELECT results_eq(
	$$SELECT DISTINCT outcome_of(substr(m::bytea, 1, n), 'mlops.model') FROM models, generate_series(0, length(m::bytea) - 1) n WHERE id = 1$$,
	$$VALUES ('22P03')$$, 'a model cut at any length');
SELECT results_eq(
	$$SELECT DISTINCT outcome_of(substr(s::bytea, 1, n), 'mlops.state') FROM states, generate_series(0, length(s::bytea) - 1) n WHERE id = 1$$,
	$$VALUES ('22P03')$$, 'a state cut at any length');
SELECT results_eq(
	$$SELECT outcome_of(set_byte(m::bytea, n, get_byte(m::bytea, n) # (1 << n % 8)), 'mlops.model'), array_agg(n ORDER BY n) FILTER (WHERE n < 32)
		FROM models, generate_series(0, length(m::bytea) - 1) n WHERE id = 1 GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('0A000', ARRAY[12, 13]), ('22P03', ARRAY(SELECT n FROM generate_series(0, 31) n WHERE n NOT IN (12, 13)))$$,
	'a model with any byte changed: refused, the version as unknown');
SELECT results_eq(
	$$SELECT DISTINCT outcome_of(set_byte(s::bytea, n, get_byte(s::bytea, n) # (1 << n % 8)), 'mlops.state')
		FROM states, generate_series(0, length(s::bytea) - 1) n WHERE id = 1 AND n NOT IN (12, 13)$$,
	$$VALUES ('22P03')$$, 'a state with any byte changed');
SELECT throws_ok(format('SELECT %L::bytea::mlops.model', set_byte(:'bytes'::bytea, 12, 7)), '0A000',
	'model has format version 7.0, but this version of mlops reads up to 1.0', 'a later version says so');
SELECT is(outcome_of(:'bytes'::bytea || '\x00', 'mlops.model'), '22P03', 'a byte too many');

-- bytes that got into a table past the input functions, as a damaged disk would put them there
CREATE TABLE damaged (id int, b bytea, c bytea);
INSERT INTO damaged SELECT n, set_byte(:'bytes'::bytea, n, get_byte(:'bytes'::bytea, n) # 255), set_byte(s::bytea, n, get_byte(s::bytea, n) # 255)
FROM states, generate_series(0, 300, 7) n WHERE states.id = 1 AND n < length(s::bytea) AND n NOT IN (12, 13);
SET allow_system_table_mods = on;
UPDATE pg_attribute SET atttypid = CASE attname WHEN 'b' THEN 'mlops.model'::regtype ELSE 'mlops.state'::regtype END
WHERE attrelid = 'damaged'::regclass AND attname IN ('b', 'c');
RESET allow_system_table_mods;
SELECT results_eq($$SELECT DISTINCT outcome(format('SELECT b::jsonb FROM damaged WHERE id = %s', id)) FROM damaged$$, $$VALUES ('XX001')$$,
	'a damaged model is reported as such');
SELECT results_eq($$SELECT DISTINCT outcome(format('SELECT mlops.predict(b, r) FROM damaged d, rows r WHERE d.id = %s AND r.id = 1', id)) FROM damaged$$,
	$$VALUES ('22P03')$$, 'and does not predict');
SELECT results_eq($$SELECT DISTINCT outcome(format('SELECT mlops.solve(c) FROM damaged WHERE id = %s', id)) FROM damaged$$, $$VALUES ('XX001')$$,
	'a damaged state, too');
SELECT is(outcome('SELECT mlops.merge(c) FROM damaged'), 'XX001', 'and does not merge');

-- anyone may use the types; large values live outside the row
GRANT SELECT ON models TO pg_read_all_stats;
SET ROLE pg_read_all_stats;
SELECT lives_ok($$SELECT m::text::mlops.model::jsonb FROM models$$, 'any role may read and write values');
SELECT lives_ok($$CREATE TEMP TABLE mine (m mlops.model)$$, 'and have columns of them');
RESET ROLE;
CREATE FUNCTION wide(n int) RETURNS mlops.model LANGUAGE plpgsql AS $$
DECLARE
	columns text := (SELECT string_agg(format('(i * %s %% 1009)::float8 AS c%s', k * k + 7, k), ', ') FROM generate_series(1, n) k);
BEGIN
	SET LOCAL client_min_messages = error;
	PERFORM mlops.train('wide', 'SELECT i AS id, (i * 31 % 97)::float8 AS y, ' || columns || ' FROM generate_series(1, 2000) i', target => 'y',
		key => 'id', algorithm => 'linear', split => '{"method": "none"}');
	RETURN mlops.model_value('wide/latest');
END $$;
INSERT INTO models VALUES (3, wide(300));
SELECT ok((SELECT pg_column_size(m) > 20000 AND pg_relation_size(reltoastrelid) > 20000 FROM models, pg_class WHERE id = 3 AND pg_class.oid = 'models'::regclass),
	'a large model is stored outside its row');
SELECT is((SELECT m::bytea FROM models WHERE id = 3), mlops.model_value('wide/latest')::bytea, 'and comes back whole');
SELECT is((SELECT m::text::mlops.model::bytea FROM models WHERE id = 3), mlops.model_value('wide/latest')::bytea, 'through text, too');

SELECT * FROM finish();

-- Erasure: rows go from what is kept, versions say whether they were trained on them, verify expects the rest.

SELECT plan(39);
SET client_min_messages = warning;

CREATE TABLE people AS SELECT i AS id, 'p' || (i + 1) / 2 AS person, i % 2 AS part, hashint4(i) % 100 AS a, i % 9 AS g, timestamptz '2024-01-01' + i * interval '1 hour' AS at,
	hashint4(i) % 100 + hashint4(i + 7) % 150 > 20 AS y FROM generate_series(1, 600) AS i;
CREATE FUNCTION pg_temp.train(model text, split jsonb DEFAULT NULL, key text DEFAULT 'person', snapshot text DEFAULT NULL) RETURNS int LANGUAGE sql AS $$
	SELECT version FROM mlops.train(model, 'SELECT * FROM people;', target => 'y', algorithm => 'logistic', key => key, exclude => CASE WHEN key IS DISTINCT FROM 'id' THEN '{id}'::text[] END, split => split, snapshot => snapshot)$$;
CREATE FUNCTION pg_temp.check(reference text) RETURNS text LANGUAGE sql AS
$$SELECT format('%s %s: %s', data_identical, coalesce(model_identical::text, 'unknown'), detail) FROM mlops.verify(reference)$$;

SELECT pg_temp.train('m');
SELECT pg_temp.train('m', '{"method": "stratified", "test": 0.3}', snapshot => 'kept');
SELECT pg_temp.train('m', '"none"', key => 'id');
SELECT pg_temp.train('m', key => NULL);
SELECT pg_temp.train('m', '{"method": "time", "column": "at", "cutoff": "2024-01-10"}');
SELECT pg_temp.train('m', '{"method": "group", "column": "g"}');
SELECT pg_temp.train('m', '{"method": "hash", "sample": 0.5}');
SELECT pg_temp.train('m', '{"method": "hash", "refit": true}', key => 'person,part');
CREATE TABLE before AS SELECT * FROM people;

-- roles agree with what evaluation leaves out, for every person
CREATE TABLE roles AS SELECT person, f.* FROM (SELECT DISTINCT person FROM people WHERE id <= 120) AS p, mlops.forget('m', person) AS f;
SELECT is((SELECT count(*) FROM people), 600::bigint, 'the source is not touched');
SELECT is((SELECT count(*) FROM kept), 480::bigint, 'kept rows are deleted');
CREATE FUNCTION pg_temp.heldout(v int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE who text;
BEGIN
	FOR who IN SELECT DISTINCT person FROM roles LOOP
		BEGIN
			PERFORM * FROM mlops.evaluate('m/' || v, format('SELECT * FROM people WHERE person = %L', who));
			RETURN NEXT who;
		EXCEPTION WHEN no_data_found THEN NULL;
		END;
	END LOOP;
END $$;
SELECT set_eq(format($$SELECT person FROM roles WHERE version = %s AND role IN ('held out', 'not used')$$, v), format('SELECT pg_temp.heldout(%s)', v), 'roles of version ' || v)
FROM unnest('{1,7,8}'::int[]) AS v;
SELECT is_empty($$SELECT person FROM roles WHERE version = 2 AND role = 'held out' EXCEPT SELECT pg_temp.heldout(2)$$, 'strata: who was held out altogether');
-- strata: classes are known again whatever the target's type prints for them
CREATE TABLE typed AS SELECT id, a, y::int::numeric(5, 2) AS padded_number, CASE WHEN y THEN 'ab' ELSE 'c' END::char(5) AS padded_text, CASE WHEN y THEN 0.1::float8 + 0.2 ELSE 2 END AS long_number FROM people;
SELECT version FROM unnest('{padded_number,padded_text,long_number}'::text[]) AS target,
	LATERAL mlops.train('typed_' || target, format('SELECT id, a, %I FROM typed', target), target => target, task => 'binary', algorithm => 'logistic', key => 'id', split => '{"method": "stratified", "test": 0.32}');
SET extra_float_digits = 0;
CREATE TABLE typed_roles AS SELECT model, id, f.role FROM (VALUES ('typed_padded_number'), ('typed_padded_text'), ('typed_long_number')) AS m (model), typed, mlops.forget(model, id::text) AS f;
RESET extra_float_digits;
SELECT is(count(*) FILTER (WHERE role = 'training'), rows_train::bigint, 'as many rows were trained on as the training counted: ' || model)
FROM typed_roles JOIN mlops.versions USING (model) GROUP BY model, rows_train ORDER BY model;
SELECT is((SELECT count(*) FROM roles WHERE version = 5 AND role = 'training'), (SELECT count(DISTINCT person) FROM people WHERE id <= 120 AND at < '2024-01-10'), 'roles of a split by time');
SELECT is((SELECT count(*) FROM roles WHERE version = 1 AND rows_found = 2 AND rows_erased = 0 AND kept_in IS NULL AND detail = 'the rows are in the source: delete them there'), 60::bigint, 'rows in the source');
SELECT is((SELECT count(*) FROM roles WHERE version = 2 AND rows_found = 2 AND rows_erased = 2 AND kept_in = 'public.kept' AND detail IS NULL), 60::bigint, 'rows that were kept');
SELECT is((SELECT DISTINCT detail FROM roles WHERE version = 4), 'it was trained without a key: rows of a person cannot be told', 'no key');

-- verify
SELECT is(pg_temp.check('m/2'), 't unknown: the data are identical except for 120 erased rows, without which the model cannot be made again', 'kept rows: identical but for the erased');
SELECT is(pg_temp.check('m/1'), 't true: the data are identical, and so is the model', 'the source before its rows go');
DELETE FROM people WHERE id <= 120;
SELECT is(pg_temp.check('m/1'), 't unknown: the data are identical except for 120 erased rows, without which the model cannot be made again', '... and after');
UPDATE people SET a = a + 1 WHERE id = 300;
SELECT matches(pg_temp.check('m/1'), '^f unknown: the data differ', 'another change is still seen');
UPDATE people SET a = a - 1 WHERE id = 300;
DELETE FROM kept WHERE id = 300;
SELECT matches(pg_temp.check('m/2'), '^f unknown: the data differ', '... in kept rows, too');
INSERT INTO kept SELECT * FROM before WHERE id = 300;

-- again
SELECT is((SELECT string_agg(DISTINCT format('%s %s %s', rows_found, rows_erased, detail), '; ') FROM mlops.forget('m', 'p1') WHERE version <= 2),
	'0 0 no row has this key now; what is gone cannot be taken out of the fingerprint', 'nothing is left');
SELECT is(pg_temp.check('m/1'), 't unknown: the data are identical except for 120 erased rows, without which the model cannot be made again', '... and nothing has changed');
SELECT count(*) FROM generate_series(1, 2) AS s, mlops.forget('m', 'p200');
SELECT is((SELECT count(*) FROM mlops.erasures AS e JOIN mlops.inputs AS i USING (dataset_uuid) JOIN mlops.runs AS r USING (run_uuid) WHERE r.name = 'm/1'), 61::bigint, 'the same rows are recorded once');

-- keys of other types, and of several columns
SELECT is((SELECT (role, rows_found)::text FROM mlops.forget('m', '{"id": 500, "person": "p250", "part": 0}'::jsonb) WHERE version = 3), '(training,1)', 'a number');
SELECT is((SELECT (rows_found)::text FROM mlops.forget('m', '{"id": 500, "person": "p250", "part": 0}'::jsonb) WHERE version = 8), '1', 'two columns');
SELECT is((SELECT detail FROM mlops.forget('m', '{"id": 500}'::jsonb) WHERE version = 8), 'the key has no value for column "person"', 'a column is missing');
SELECT throws_ok($$SELECT * FROM mlops.forget('m', '[1]'::jsonb)$$, '22023', 'argument "key" of mlops.forget must be a JSON object or a text', 'no object');
SELECT is((SELECT detail FROM mlops.forget('m', 'abc') WHERE version = 3),
	'the key does not fit its column, or the source can no longer be read: invalid input syntax for type integer: "abc"', 'a key of another type is named first');
SELECT is((SELECT count(*) FROM mlops.forget('m', 'x'' OR true --') WHERE rows_found > 0), 0::bigint, 'a key is a value, whatever it holds');

-- tables of scores
SELECT mlops.promote('m', 1);
SELECT rows FROM mlops.score_into('m', 'SELECT DISTINCT ON (person) * FROM people', 'scores');
SELECT rows FROM mlops.score_into('m/3', 'people', 'scores_by_id');
SELECT results_eq($$SELECT version, rows_found, rows_erased, kept_in, detail FROM mlops.forget('m', 'p290') WHERE role = 'scored'$$,
	$$VALUES (1, 1::bigint, 1::bigint, 'public.scores', NULL), (3, 0, 0, 'public.scores_by_id', 'its rows could not be deleted: invalid input syntax for type integer: "p290"')$$, 'scores of a person go, where the key fits');
SELECT is((SELECT count(*) FROM scores WHERE person = 'p290'), 0::bigint, '... and are gone');
SELECT results_eq($$SELECT rows_erased, kept_in FROM mlops.forget('m', '{"id": 500, "person": "p250"}'::jsonb) WHERE role = 'scored'$$, $$VALUES (1::bigint, 'public.scores'), (1, 'public.scores_by_id')$$, 'an object has the key of each');

-- what is recorded
SELECT is((SELECT count(*) FROM mlops.audit_log WHERE action = 'forget' AND detail::text ~ 'p\d'), 0::bigint, 'the audit log does not name the person');
SELECT is_empty($$SELECT * FROM mlops.check_all()$$, 'the registry is sound');

-- who may
DROP ROLE IF EXISTS forget_stranger;
CREATE ROLE forget_stranger;
SELECT mlops.grant_access('m', 'forget_stranger', 'read');
SET ROLE forget_stranger;
SELECT throws_ok($$SELECT * FROM mlops.forget('m', 'p1')$$, '42501', 'permission denied for model "m"', 'it takes manage');
RESET ROLE;
SELECT mlops.grant_access('m', 'forget_stranger', 'manage');
SET ROLE forget_stranger;
SELECT throws_ok($$SELECT * FROM mlops.forget('m', 'p150')$$, '42501', 'permission denied for table public.kept', '... and the right to delete what was kept');
RESET ROLE;
GRANT DELETE ON kept TO forget_stranger;
SET ROLE forget_stranger;
SELECT is((SELECT detail FROM mlops.forget('m', 'p151') WHERE kept_in = 'public.scores'), 'its rows could not be deleted: permission denied for table public.scores', 'a table of scores that one may not delete from is named');
RESET ROLE;
SELECT is((SELECT count(*) FROM scores WHERE person = 'p151'), 1::bigint, '... and keeps them');
SELECT throws_ok($$SELECT * FROM mlops.forget('nothing', 'p1')$$, '42704', NULL, 'unknown model');
SELECT throws_ok($$SELECT * FROM mlops.forget('m/1', 'p1')$$, '22023', '"m/1" names a version of a model', 'one version');
SELECT mlops.revoke_access('m', 'forget_stranger', 'read'), mlops.revoke_access('m', 'forget_stranger', 'manage');
REVOKE ALL ON kept FROM forget_stranger;
DROP ROLE forget_stranger;

-- sources that end as statements do
CREATE TABLE ended AS SELECT i AS id, (i % 7)::float8 AS x, (i % 7)::float8 + i % 3 AS y FROM generate_series(1, 60) AS i;
SELECT count(*) FROM unnest(ARRAY['SELECT id, x, y FROM ended;', 'SELECT id, x, y FROM ended; -- all of them', 'SELECT id, x, y FROM ended -- all', 'ended', '(TABLE ended);;  /* all */'])
    WITH ORDINALITY AS s (source, i), LATERAL mlops.train('ended', source, target => 'y', key => 'id', algorithm => 'linear');
SELECT is((SELECT array_agg(rows_found ORDER BY version) FROM mlops.forget('ended', '5')), '{1,1,1,1,1}', 'semicolons and comments after a source do not matter');

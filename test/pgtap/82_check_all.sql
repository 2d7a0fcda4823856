-- check_all finds nothing in a sound registry, and each kind of damage once.

SELECT plan(25);
SET client_min_messages = warning;

CREATE TABLE rows AS SELECT i AS id, hashint4(i) % 100 AS a, hashint4(-i) % 100 AS b, hashint4(i) % 100 + hashint4(i + 7) % 150 > 20 AS y FROM generate_series(1, 400) AS i;
SELECT version FROM generate_series(1, 3) AS s, mlops.train('one', 'rows', target => 'y', algorithm => 'logistic', key => 'id', seed => s, tags => '{"a": "b"}');
SELECT version FROM mlops.train('two', 'rows', target => 'b', algorithm => 'linear', key => 'id');
SELECT version FROM mlops.tune('three', 'rows', 'b', 'linear', '{"reg_lambda": [0, 1]}', 'grid', folds => 2, key => 'id');
SELECT mlops.promote('one', 1), mlops.promote('two', 1);
SELECT mlops.promote('one', 2);
SELECT mlops.set_alias('one/1', 'champion'), mlops.set_tag('one', 'k', 'v');
SELECT is_empty($$SELECT * FROM mlops.check_all()$$, 'all is well');
SELECT mlops.delete_version('one/3');
SELECT is_empty($$SELECT * FROM mlops.check_all()$$, '... after a version was deleted');

CREATE FUNCTION pg_temp.damage(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	BEGIN
		EXECUTE statement;
		SELECT string_agg(format('%s %s %s/%s: %s', severity, object, model, version, regexp_replace(finding, '[0-9a-f-]{36,64}', '#', 'g')), ' | ') INTO found FROM mlops.check_all();
		RAISE EXCEPTION USING ERRCODE = 'ZZ001';
	EXCEPTION WHEN SQLSTATE 'ZZ001' THEN RETURN found;
	END;
END $$;

SELECT is(pg_temp.damage($$UPDATE mlops.model_blobs SET data = set_byte(data, 60, get_byte(data, 60) # 1) WHERE sha256 = (SELECT model_sha256 FROM mlops.model_versions WHERE version = 2)$$),
	'error model_blobs one/2: the bytes do not have the hash they are stored under', 'a byte');
SELECT matches(pg_temp.damage($$WITH v AS (UPDATE mlops.model_versions SET model_sha256 = sha256('\x00'), model_bytes = 1 WHERE version = 2 RETURNING 1)
	INSERT INTO mlops.model_blobs SELECT sha256('\x00'), 0, '\x00' FROM v$$), 'error model_blobs one/2: the bytes are no sound model', 'forged bytes');
SELECT matches(pg_temp.damage($$UPDATE mlops.model_blobs SET chunk_no = 1 WHERE sha256 = (SELECT model_sha256 FROM mlops.model_versions WHERE version = 2)$$),
	'error model_blobs /: chunks of # are not 0 to 0 without a gap', 'a gap');
SELECT matches(pg_temp.damage($$INSERT INTO mlops.model_blobs SELECT sha256, 1, '\x00' FROM mlops.model_blobs WHERE sha256 = (SELECT model_sha256 FROM mlops.model_versions WHERE version = 2)$$),
	'error model_versions one/2: \d+ bytes are recorded, \d+ are stored.*error model_blobs one/2: the bytes do not have the hash', 'more bytes');
SELECT is(pg_temp.damage($$DELETE FROM mlops.model_blobs WHERE sha256 = (SELECT model_sha256 FROM mlops.model_versions WHERE version = 2)$$),
	'error model_versions one/2: there are no bytes #', 'no bytes');
SELECT is(pg_temp.damage($$INSERT INTO mlops.model_blobs VALUES (sha256('a'), 0, 'a')$$), 'warning model_blobs /: no version has the 1 bytes #', 'bytes of no version');
SELECT is(pg_temp.damage($$UPDATE mlops.model_versions SET algorithm = 'linear' WHERE version = 2$$),
	'error model_blobs one/2: algorithm linear and task binary are recorded, but the model is logistic for binary', 'another algorithm');
SELECT matches(pg_temp.damage($$DELETE FROM mlops.runs WHERE name = 'one/1'$$),
	'^error inputs /: run # does not exist \| error metrics /: run # does not exist \| error model_versions one/1: run # does not exist \| error params /: run # does not exist \| error tags /: run # does not exist$', 'a run');
SELECT matches(pg_temp.damage($$DELETE FROM mlops.registered_models WHERE name = 'one'$$), 'error aliases /: model # does not exist.*error model_tags.*error model_versions.*error stage_history.*error version_tags', 'a model');
SELECT matches(pg_temp.damage($$DELETE FROM mlops.model_versions WHERE version = 1 AND algorithm = 'logistic'$$), 'error aliases one/1: the version does not exist.*error version_tags one/1', 'a version');
SELECT matches(pg_temp.damage($$DELETE FROM mlops.experiments WHERE name = 'two'$$), 'error registered_models two/: experiment # does not exist.*error runs /: experiment # of run # does not exist', 'an experiment');
SELECT matches(pg_temp.damage($$DELETE FROM mlops.datasets WHERE name = 'two'$$), 'error inputs /: data set # does not exist', 'a data set');
SELECT is(pg_temp.damage($$DELETE FROM mlops.inputs USING mlops.datasets d WHERE d.dataset_uuid = inputs.dataset_uuid AND d.name = 'two'$$), 'warning datasets two/: no run has read data set #', 'an input');
SELECT is(pg_temp.damage($$UPDATE mlops.registered_models SET last_version = 0 WHERE name = 'two'$$), 'error model_versions two/1: the number is above the highest one given out, 0', 'a number');
SELECT is(pg_temp.damage($$UPDATE mlops.model_versions SET stage = CASE version WHEN 1 THEN 'Archived' ELSE 'Archived' END WHERE algorithm = 'logistic'; UPDATE mlops.model_versions SET stage = 'Production' WHERE version = 1 AND algorithm = 'logistic'$$),
	'error registered_models one/1: version in Production, but the history says otherwise', 'a stage changed behind the history');
SELECT is(pg_temp.damage($$DELETE FROM mlops.stage_history WHERE event = (SELECT last_event FROM mlops.registered_models WHERE name = 'two') AND model_id = (SELECT model_id FROM mlops.registered_models WHERE name = 'two')$$),
	'error registered_models two/1: version in Production, but the history says otherwise | error stage_history two/: 2 events are recorded, the highest number is 1', 'an event');
SELECT is(pg_temp.damage($$DELETE FROM mlops.tunings$$), 'error tuning_trials /: search # does not exist', 'a search');
SELECT is(pg_temp.damage($$UPDATE mlops.model_versions SET user_id = 4000000000::oid WHERE version = 2$$), 'warning model_versions one/2: role 4000000000 does not exist', 'an author');
SELECT is(pg_temp.damage($$UPDATE mlops.registered_models SET owner = 4000000000::oid WHERE name = 'two'$$), 'warning registered_models two/: role 4000000000 does not exist', 'an owner');
SELECT is(pg_temp.damage($$INSERT INTO mlops.erasures (dataset_uuid, rows, digest, erased_by) VALUES (gen_random_uuid(), 1, '', 10)$$), 'warning erasures /: data set # does not exist', 'an erasure');
SELECT is_empty($$SELECT * FROM mlops.check_all()$$, 'all of it was taken back');

-- who may
DROP ROLE IF EXISTS check_stranger;
CREATE ROLE check_stranger;
SET ROLE check_stranger;
SELECT throws_ok($$SELECT * FROM mlops.check_all()$$, '42501', 'permission denied for function mlops.check_all', 'not everybody');
SELECT throws_ok($$SELECT * FROM mlops.check_references()$$, '42501', NULL, '... and no way around');
RESET ROLE;
DROP ROLE check_stranger;

-- Proof: verify says "identical" when nothing has changed, and what has when something has.

SELECT plan(40);
SET client_min_messages = warning;

CREATE TABLE rows AS SELECT i AS id, hashint4(i) % 100 AS a, hashint4(-i) % 100 AS b, 'c' || i % 4 AS c, timestamptz '2024-01-01' + i * interval '1 hour' AS at,
	hashint4(i) % 100 + hashint4(i + 7) % 150 > 20 AS y FROM generate_series(1, 800) AS i;
CREATE VIEW seen AS SELECT * FROM rows WHERE id > 0;

CREATE FUNCTION pg_temp.check(reference text) RETURNS text LANGUAGE sql AS
$$SELECT format('data %s, model %s, %s', data_identical, coalesce(model_identical::text, 'unknown'), changes) FROM mlops.verify(reference)$$;

SELECT version FROM mlops.train('plain', 'rows', target => 'y', algorithm => 'logistic', key => 'id', params => '{"reg_lambda": 1}');
UPDATE rows SET b = abs(b);
SELECT version FROM mlops.train('full', 'SELECT * FROM seen', target => 'y', algorithm => 'logistic', key => 'id', calibrate => 'isotonic', threshold => '"f1"', weight => 'b',
	split => '{"method": "time", "column": "at", "test": 0.25, "refit": true}', transform => '{"c": {"encode": "onehot"}}', positive => 'true', seed => 7, tags => '{"x": "y"}');
SELECT version FROM mlops.train('bayes', 'SELECT a, c, y, at FROM rows', target => 'y', algorithm => 'naive_bayes', split => '{"method": "stratified", "sample": 0.7}');

SELECT is(pg_temp.check('full/1'), 'data t, model true, {}', 'nothing has changed: all arguments');
SELECT is(pg_temp.check('bayes/1'), 'data t, model true, {}', '... no key, a sample of strata');
SELECT is((v.model, v.version, v.environment_identical, v.detail)::text, '(full,1,t,"the data are identical, and so is the model")', 'the whole answer') FROM mlops.verify('full', 1) AS v;
SELECT is(pg_temp.check('plain/1'), 'data f, model unknown, {"values of column \"b\""}', 'a column that was updated after the training');
SELECT is((SELECT count(*) FROM mlops.versions), 3::bigint, 'nothing is registered');
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.seen (nothing int);
SELECT set_config('TimeZone', 'Asia/Tokyo', false), set_config('DateStyle', 'SQL, DMY', false), set_config('search_path', 'elsewhere, public', false);
SELECT is((SELECT data_identical AND model_identical FROM mlops.verify('full/1')), true, 'neither search path nor settings of the session matter');
SELECT is(current_setting('TimeZone') || ' ' || current_setting('search_path'), 'Asia/Tokyo elsewhere, public', '... and they are as before');
RESET search_path; RESET TimeZone; RESET DateStyle;
CREATE TABLE again AS SELECT * FROM rows ORDER BY random();
TRUNCATE rows; INSERT INTO rows SELECT * FROM again;
SELECT is(pg_temp.check('full/1'), 'data t, model true, {}', 'the same rows in another order');

-- data
SELECT v.before AS one_cell FROM (SELECT a AS before FROM rows WHERE id = 5) AS v \gset
UPDATE rows SET a = a + 1 WHERE id = 5;
SELECT is(pg_temp.check('full/1'), 'data f, model unknown, {"values of column \"a\""}', 'one cell');
UPDATE rows SET a = :one_cell WHERE id = 5;
SELECT is(pg_temp.check('full/1'), 'data t, model true, {}', '... and back');
UPDATE rows SET c = CASE id WHEN 1 THEN 'c2' ELSE 'c1' END WHERE id IN (1, 2);
SELECT is(pg_temp.check('full/1'), 'data f, model unknown, {}', 'two values changed places: no column has other values, but rows have');
UPDATE rows SET c = CASE id WHEN 1 THEN 'c1' ELSE 'c2' END WHERE id IN (1, 2);
DELETE FROM rows WHERE id = 800;
SELECT is(pg_temp.check('full/1'), 'data f, model unknown, {"rows: 800, now 799"}', 'a row less');
INSERT INTO rows SELECT * FROM again WHERE id = 800;
CREATE OR REPLACE VIEW seen AS SELECT * FROM rows WHERE id > 0 AND true;
SELECT is(pg_temp.check('full/1'), 'data t, model true, {"definition of view public.seen"}', 'a view with another text and the same rows');
CREATE OR REPLACE VIEW seen AS SELECT * FROM rows WHERE id > 10;
SELECT is(pg_temp.check('full/1'), 'data f, model unknown, {"rows: 800, now 790","definition of view public.seen"}', 'a view with other rows');
CREATE OR REPLACE VIEW seen AS SELECT id, a, b, c, at, NOT y AS y FROM rows;
SELECT is(pg_temp.check('full/1'), 'data f, model unknown, {"values of column \"y\"","definition of view public.seen"}', 'a view that turns the target');
DROP VIEW seen;
SELECT is((SELECT (data_identical, model_identical, detail)::text FROM mlops.verify('full/1')),
	'(f,,"the source can no longer be read as it was: relation ""seen"" does not exist")', 'a view that is gone');
CREATE VIEW seen AS SELECT id, a::bigint AS a, b, c, at, y FROM rows;
SELECT is((SELECT (data_identical, model_identical, changes[1])::text FROM mlops.verify('full/1')), '(t,f,"type of column ""a"": integer, now bigint")',
	'a type: the same values, but a model says what types it takes');
DROP VIEW seen;
CREATE VIEW seen AS SELECT id, b, c, at, y FROM rows;
SELECT is((SELECT (data_identical, model_identical, changes[1])::text FROM mlops.verify('full/1')), '(f,,"column ""a"" is gone")', 'a column that is gone');
DROP VIEW seen;
CREATE VIEW seen AS SELECT *, 1 AS z FROM rows;
SELECT is((SELECT (data_identical, model_identical, changes[1])::text FROM mlops.verify('full/1')), '(f,,"column ""z"" is new")', 'a column that is new');
DROP VIEW seen;
CREATE VIEW seen AS SELECT id, a, b, c, at FROM rows;
SELECT matches((SELECT detail FROM mlops.verify('full/1')), 'target column "y" does not exist', 'without the target');
DROP VIEW seen;
CREATE VIEW seen AS SELECT * FROM rows WHERE false;
SELECT is((SELECT (data_identical, detail)::text FROM mlops.verify('full/1')), '(f,"the source can no longer be read as it was: the source has no rows")', 'without rows');
DROP VIEW seen;
CREATE VIEW seen AS SELECT * FROM rows WHERE id > 0;
SELECT is(pg_temp.check('full/1'), 'data t, model true, {}', 'as it was');

-- arguments: forged by who may write the tables
UPDATE mlops.runs SET arguments = jsonb_set(arguments, '{params}', '{"reg_lambda": 2}') WHERE name = 'full/1';
SELECT is((SELECT (data_identical, model_identical)::text FROM mlops.verify('full/1')), '(t,f)', 'one parameter');
SELECT matches((SELECT detail FROM mlops.verify('full/1')), 'parameter "reg_lambda" is recorded as 2, but the model was made with 0', '... is named');
UPDATE mlops.runs SET arguments = jsonb_set(arguments - 'params', '{params}', '{}') WHERE name = 'full/1';
UPDATE mlops.runs SET arguments = jsonb_set(arguments, '{seed}', '8') WHERE name = 'full/1';
SELECT matches((SELECT detail FROM mlops.verify('full/1')), 'seed 8 is recorded, but the model was made with 7', 'the seed');
UPDATE mlops.runs SET arguments = jsonb_set(arguments, '{seed}', '7'), environment = 'an abacus' WHERE name = 'full/1';
SELECT is((SELECT (data_identical, model_identical, environment_identical)::text FROM mlops.verify('full/1')), '(t,t,f)', 'the environment is apart from data and model');
SELECT matches((SELECT detail FROM mlops.verify('full/1')), 'the environment differs: an abacus then, mlops .* now', '... and named');
UPDATE mlops.datasets SET digest = repeat('0', 32) WHERE name = 'full';
SELECT is(pg_temp.check('full/1'), 'data f, model unknown, {}', 'a forged fingerprint');
UPDATE mlops.runs SET arguments = jsonb_set(arguments, '{seed}', '"seven"') WHERE name = 'full/1';
SELECT throws_ok($$SELECT * FROM mlops.verify('full/1')$$, '55000', 'recorded argument "seed" has an unexpected type', 'a damaged record');

-- rows that were kept
SELECT version FROM mlops.train('kept', 'SELECT * FROM seen', target => 'y', algorithm => 'logistic', key => 'id', snapshot => 'kept_rows');
SELECT is((SELECT count(*) FROM public.kept_rows), 800::bigint, 'snapshot keeps the rows');
SELECT is(digest, mlops.fingerprint('kept_rows'), '... those that were read') FROM mlops.datasets WHERE name = 'kept';
UPDATE rows SET a = 0;
SELECT is(pg_temp.check('kept/1'), 'data t, model true, {}', '... and verify reads them');
SELECT throws_ok($$SELECT * FROM mlops.train('kept', 'SELECT * FROM seen', target => 'y', algorithm => 'logistic', key => 'id', snapshot => 'public.kept_rows')$$,
	'42P07', 'relation "kept_rows" already exists', 'a table is never overwritten');
UPDATE kept_rows SET a = 1 WHERE id = 3;
SELECT is(pg_temp.check('kept/1'), 'data f, model unknown, {"values of column \"a\""}', 'kept rows that somebody changed');
UPDATE rows SET y = NULL WHERE id <= 10;
SELECT version FROM mlops.train('volatile', 'SELECT *, random() AS r FROM rows', target => 'y', algorithm => 'logistic', key => 'id', snapshot => 'public."Odd Name"');
SELECT is(pg_temp.check('volatile/1'), 'data t, model true, {}', 'a source that is never the same again');

-- mistakes
SELECT throws_ok($$SELECT * FROM mlops.verify('nothing')$$, '42704', NULL, 'unknown model');
SELECT throws_ok($$SELECT * FROM mlops.verify('full', 9)$$, '42704', NULL, 'unknown version');
SELECT throws_ok($$SELECT * FROM mlops.verify('full/1', 1)$$, '22023', 'model "full/1" names a version, and so does argument "version"', 'two versions');
SELECT throws_ok($$SELECT * FROM mlops.verify('full', -1)$$, '22023', 'argument "version" must be positive, not -1', 'a negative version');
SELECT throws_ok($$SELECT * FROM mlops.verify(NULL)$$, '22004', 'argument "model" of mlops.verify must not be null', 'no model');

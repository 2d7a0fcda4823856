-- Lineage: where a model comes from, what uses it.

SELECT plan(17);
SET client_min_messages = warning;

CREATE SCHEMA raw;
CREATE TABLE raw.events AS SELECT i AS id, hashint4(i) % 100 AS a, hashint4(-i) % 100 AS b, hashint4(i) % 100 + hashint4(i + 7) % 150 > 20 AS y FROM generate_series(1, 400) AS i;
CREATE VIEW raw.clean AS SELECT * FROM raw.events WHERE a IS NOT NULL;
CREATE VIEW features AS SELECT id, a, b, y FROM raw.clean;
SELECT version FROM mlops.train('m', 'SELECT * FROM features', target => 'y', algorithm => 'logistic', key => 'id');
SELECT version FROM mlops.train('m', 'raw.events', target => 'y', algorithm => 'logistic', key => 'id', seed => 2);
SELECT version FROM mlops.train('mm', 'raw.events', target => 'y', algorithm => 'logistic', key => 'id');
SELECT mlops.promote('m', 1);

SELECT results_eq($$SELECT kind, object, relates_to FROM mlops.lineage('m') WHERE direction = 'source'$$,
	$$VALUES ('view', 'public.features', 'm/1'), ('view', 'raw.clean', 'm/1'), ('table', 'raw.events', 'm/1'), ('table', 'raw.events', 'm/2')$$, 'sources, through views');
SELECT results_eq($$SELECT object, version, definition FROM mlops.lineage('m') WHERE direction = 'version'$$,
	$$VALUES ('m/1', 1, 'SELECT * FROM features'), ('m/2', 2, 'raw.events')$$, 'versions with their sources');
SELECT is_empty($$SELECT * FROM mlops.lineage('m') WHERE direction = 'use'$$, 'nothing uses it yet');

CREATE OR REPLACE VIEW features AS SELECT id, a, b, y FROM raw.clean WHERE b > 0;
SELECT unalike((SELECT definition FROM mlops.lineage('m') WHERE object = 'public.features'), '%b > 0%', 'definitions are those of the training');

CREATE VIEW scores AS SELECT id, mlops.predict('m', f) AS score FROM features AS f;
CREATE VIEW top AS SELECT * FROM scores WHERE score > 0.5;
CREATE MATERIALIZED VIEW kept AS SELECT s.id, (SELECT max(mlops.predict('m/2', f)) FROM features AS f WHERE f.id = s.id) AS again FROM top AS s;
CREATE VIEW deep AS WITH w AS (SELECT id, CASE WHEN a > 5 THEN mlops.predict_label('models:/m@best', f) END AS label FROM features AS f) SELECT label, count(*) FROM w GROUP BY label HAVING count(*) > 0;
CREATE VIEW other AS SELECT mlops.predict('mm', f) FROM features AS f;
CREATE VIEW dynamic AS SELECT mlops.predict(CASE WHEN id > 0 THEN 'm' END, f) FROM features AS f;
CREATE FUNCTION score_of(i int) RETURNS float8 STABLE BEGIN ATOMIC SELECT mlops.predict('m'::varchar, f) FROM features AS f WHERE f.id = i; END;
CREATE TABLE defaults (id int, label text DEFAULT mlops.predict_label('m', '{"a": 1, "b": 2}'::jsonb));
CREATE VIEW explained AS SELECT c.term FROM mlops.coefficients('m') AS c;

SELECT is((SELECT string_agg(kind || ' ' || object || ' ' || relates_to || ' ' || coalesce(version::text, '-'), ', ' ORDER BY object COLLATE "C", relates_to COLLATE "C") FROM mlops.lineage('m') WHERE direction = 'use'),
	'view public.deep models:/m@best -, column default public.defaults.label m 1, view public.explained m 1, materialized view public.kept m/2 2, materialized view public.kept public.top -, '
	|| 'function public.score_of(integer) m 1, view public.scores m 1, view public.top public.scores -', 'what uses it: directly, and views upon views');
SELECT mlops.set_alias('m/2', 'best');
SELECT is(version, 2, 'an alias means its version') FROM mlops.lineage('m') WHERE object = 'public.deep';
SELECT mlops.promote('m', 2);
SELECT is(version, 2, 'a name means what is in Production') FROM mlops.lineage('m') WHERE object = 'public.scores';
SELECT matches(definition, 'mlops\.predict\(''m''', 'the definition of a use') FROM mlops.lineage('m') WHERE object = 'public.scores';
SELECT is((SELECT array_agg(object) FROM mlops.lineage('mm') WHERE direction = 'use'), '{public.other}', 'names that begin alike are not confused');
SELECT mlops.rename_model('m', 'n');
SELECT is_empty($$SELECT * FROM mlops.lineage('n') WHERE direction = 'use'$$, 'after a rename the views name no model');
SELECT mlops.rename_model('n', 'm');
DROP VIEW top CASCADE;
SELECT is((SELECT count(*) FROM mlops.lineage('m') WHERE object IN ('public.top', 'public.kept')), 0::bigint, 'what is dropped is gone');

SELECT throws_ok($$SELECT * FROM mlops.lineage('nothing')$$, '42704', NULL, 'unknown model');
SELECT throws_ok($$SELECT * FROM mlops.lineage('m/1')$$, '22023', '"m/1" names a version of a model', 'one version');
SELECT throws_ok($$SELECT * FROM mlops.lineage('m m')$$, NULL, NULL, 'no name');
SELECT is((SELECT count(*) FROM mlops.lineage(NULL)), 0::bigint, 'NULL gives nothing');
DROP ROLE IF EXISTS lineage_stranger;
CREATE ROLE lineage_stranger;
SELECT mlops.grant_access('m', 'lineage_stranger', 'predict');
SET ROLE lineage_stranger;
SELECT throws_ok($$SELECT * FROM mlops.lineage('m')$$, '42501', 'permission denied for model "m"', 'sources need read');
RESET ROLE;
SELECT mlops.grant_access('m', 'lineage_stranger', 'read');
SET ROLE lineage_stranger;
SELECT is((SELECT count(*) FROM mlops.lineage('m') WHERE direction = 'source'), 4::bigint, '... which is enough');
RESET ROLE;
SELECT mlops.revoke_access('m', 'lineage_stranger', 'read'), mlops.revoke_access('m', 'lineage_stranger', 'predict');
DROP ROLE lineage_stranger;

-- Lineage: where a model comes from, what uses it.

SELECT plan(29);
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

-- bodies that are text: a guess, by a pattern
CREATE FUNCTION text_sql(i int) RETURNS float8 LANGUAGE sql AS $$ SELECT mlops.predict('m', f) FROM features AS f WHERE f.id = i $$;
CREATE FUNCTION text_plpgsql() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN mlops.predict_label ( model => 'm@best', f) FROM features AS f LIMIT 1; END $$;
CREATE PROCEDURE text_dynamic() LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT count(mlops.predict(''models:/m/2'', f)) FROM features AS f'; END $$;
CREATE FUNCTION text_other() RETURNS float8 LANGUAGE sql AS $$ SELECT mlops.predict('mm', f) FROM features AS f $$;
CREATE FUNCTION text_unrelated() RETURNS text LANGUAGE sql AS $$ SELECT upper('m') $$;
CREATE FUNCTION text_built() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN mlops.predict(chr(109), f) FROM features AS f; END $$;
SELECT results_eq($$SELECT object, relates_to, version FROM mlops.lineage('m') WHERE kind = 'function text' ORDER BY object COLLATE "C"$$,
	$$VALUES ('public.text_dynamic()', 'models:/m/2', 2), ('public.text_plpgsql()', 'm@best', 2), ('public.text_sql(integer)', 'm', 2)$$, 'bodies that are text');
SET standard_conforming_strings = off; SET escape_string_warning = off;
SELECT is((SELECT count(*) FROM mlops.lineage('m') WHERE kind = 'function text'), 3::bigint, '... whatever backslashes mean in the session');
RESET standard_conforming_strings; RESET escape_string_warning;

-- constraints and policies
CREATE TABLE guarded (id int, a int CHECK (mlops.predict('m', jsonb_build_object('a', a, 'b', 1)) >= 0));
CREATE POLICY only_likely ON guarded USING (mlops.predict('m/1', jsonb_build_object('a', a, 'b', 1)) > 0.5);
SELECT results_eq($$SELECT kind, object, relates_to, version FROM mlops.lineage('m') WHERE kind IN ('constraint', 'policy') ORDER BY kind$$,
	$$VALUES ('constraint', 'public.guarded.guarded_a_check', 'm', 2), ('policy', 'public.guarded.only_likely', 'm/1', 1)$$, 'constraints and policies');

-- a text that is no reference harms nobody but its view
CREATE VIEW nonsense AS SELECT mlops.predict('m/%%% no', f) FROM features AS f;
SELECT lives_ok($$SELECT * FROM mlops.lineage('m')$$, 'a text that is no reference is passed over');
SELECT lives_ok($$SELECT mlops.promote('m', 1); SELECT mlops.promote('m', 2)$$, '... and hinders no promotion');

-- tables of scores
SELECT version FROM mlops.score_into('m', 'SELECT * FROM features', 'public.stored');
SELECT version FROM mlops.score_into('m@best', 'features', 'stored_best');
CREATE VIEW on_stored AS SELECT * FROM stored WHERE score > 0.5;
SELECT results_eq($$SELECT kind, object, relates_to, version, definition IS NOT NULL FROM mlops.lineage('m') WHERE object ~ 'stored' ORDER BY object COLLATE "C"$$,
	$$VALUES ('view', 'public.on_stored', 'public.stored', NULL::int, true), ('score table', 'public.stored', 'm', 2, true), ('score table', 'public.stored_best', 'm@best', 2, true)$$, 'recorded tables, and views upon them');
SELECT mlops.rename_model('m', 'n');
SELECT is((SELECT string_agg(relates_to, ',' ORDER BY object) FROM mlops.lineage('n') WHERE kind = 'score table'), 'n,n@best', 'what is recorded follows a rename');
SELECT mlops.rename_model('n', 'm');
SELECT mlops.promote('m', 1);
SELECT results_eq($$SELECT relation, version, current_version, stale FROM mlops.score_tables ORDER BY relation COLLATE "C"$$,
	$$VALUES ('public.stored', 2, 1, true), ('public.stored_best', 2, 2, false)$$, 'a promotion makes stale what was filled by name');
SELECT mlops.rollback('m');
SELECT is((SELECT count(*) FROM mlops.score_tables WHERE stale), 0::bigint, 'what rolls back to the same bytes is not stale');
SELECT mlops.set_alias('m/1', 'best');
SELECT is((SELECT string_agg(relation, ',') FROM mlops.score_tables WHERE stale), 'public.stored_best', 'an alias that moves makes its tables stale');
DROP TABLE stored_best;
SELECT is((SELECT count(*) FROM mlops.lineage('m') WHERE object ~ 'best'), 0::bigint, 'a table that was dropped is not shown');
SELECT lives_ok($$SELECT * FROM mlops.score_into('mm/1', 'features', 'stored_best')$$, '... and its name is free');

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

-- Attacks through what is stored and read later: tables with policies, sources and gates that act when somebody else runs them,
-- roles that come back, values made of pieces, functions that peek at any view.
SELECT plan(57);
\ir include/registry.sql
SET client_min_messages = warning;

DROP ROLE IF EXISTS ats_owner, ats_mallory, ats_late;
CREATE ROLE ats_owner;
CREATE ROLE ats_mallory;
CREATE ROLE ats_late;
CREATE SCHEMA ats AUTHORIZATION ats_mallory;
GRANT USAGE ON SCHEMA ats TO PUBLIC;
CREATE FUNCTION pg_temp.try(role text, statement text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try_as(role, statement) $$;

-- a table whose rows belong to their readers: 300 to the owner, with large numbers, 100 to mallory
CREATE TABLE public.ledger AS SELECT i AS id, CASE WHEN i % 4 = 0 THEN 'ats_mallory' ELSE 'ats_owner' END AS holder,
    (i % 23)::float8 + CASE WHEN i % 4 = 0 THEN 0 ELSE 1000 END AS x, (i % 23) * 2.0 + i % 3 AS y FROM generate_series(1, 400) i;
ALTER TABLE public.ledger ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.ledger USING (holder = current_user);
GRANT SELECT ON public.ledger TO ats_owner, ats_mallory;
SET ROLE ats_mallory;
SELECT version FROM generate_series(1, 2) s, mlops.train('mine', 'SELECT id, x, y FROM public.ledger', target => 'y', key => 'id', algorithm => 'linear', params => jsonb_build_object('reg_lambda', s));
SELECT mlops.promote('mine', 1);
SELECT mlops.set_gate('mine', 'rmse', threshold => 1e9, source => 'SELECT id, x, y FROM public.ledger', gate => 'g') WHERE false;
SELECT mlops.set_gate('mine', 'root_mean_squared_error', threshold => 1e9, source => 'SELECT id, x, y FROM public.ledger', gate => 'g');
SELECT rows FROM mlops.score_into('mine', 'SELECT id, x FROM public.ledger', 'ats.scores');
RESET ROLE;
SELECT is((SELECT rows_train + rows_test + rows_skipped FROM mlops.versions WHERE model = 'mine' AND version = 1), 100::bigint, 'training reads the rows that its caller may see');
SELECT is((SELECT max::float8 FROM mlops.profiles WHERE model = 'mine' AND version = 1 AND column_name = 'x'), 22::float8, 'the profile tells of no others');
SELECT is((SELECT count(*) FROM ats.scores), 100::bigint, 'neither does a table of scores');
SELECT is(pg_temp.try('ats_mallory', $$SELECT mlops.fingerprint('public.ledger') = (SELECT mlops.fingerprint(l) FROM public.ledger l)$$), 'true', 'nor a fingerprint');
SELECT isnt(pg_temp.try('ats_mallory', $$SELECT mlops.fingerprint('public.ledger')$$), pg_temp.try('ats_owner', $$SELECT mlops.fingerprint('public.ledger')$$), '... which differs by reader');
SELECT is((SELECT value FROM mlops.evaluate('mine/1', rows => 'all') WHERE metric = 'rows'), 100::float8, 'a superuser who evaluates reads what the author may read');
SELECT is((SELECT rows FROM mlops.preview('mine/2') WHERE item = 'rows'), 100::bigint, '... and previews it');
SELECT is((SELECT data_identical AND model_identical FROM mlops.verify('mine/1')), true, '... and verifies it');
SELECT is((SELECT rows_checked < 100 AND passed FROM mlops.check_gates('mine/2')), true, '... and checks gates on it');
SELECT is((SELECT sum(rows_found) FROM mlops.forget('mine', '401')), 0::numeric, '... and forgets');
SELECT is((SELECT sum(rows_found) FROM mlops.forget('mine', '5') WHERE role IS DISTINCT FROM 'scored'), 0::numeric, '... no row of somebody else''s');
SELECT is((SELECT count(*) FROM mlops.forget('mine', '8') WHERE rows_found = 1), 3::bigint, '... but the author''s');

-- a source, a gate and a segment that behave while their author runs them, and not when somebody else does
SET ROLE ats_mallory;
CREATE TABLE ats.loot (who text, what text);
CREATE TABLE ats.points AS SELECT i AS id, (i % 11)::float8 AS x, (i % 11) * 2.0 + i % 3 AS y FROM generate_series(1, 200) i;
CREATE FUNCTION ats.act() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    deed text := nullif(current_setting('ats.deed', true), '');
BEGIN
    IF deed IS NOT NULL THEN
        EXECUTE deed;
    END IF;
    RETURN true;
END $$;
SELECT version FROM generate_series(1, 2) s, mlops.train('spring', 'SELECT id, x, y FROM ats.points WHERE ats.act()', target => 'y', key => 'id', algorithm => 'linear', params => jsonb_build_object('reg_lambda', s));
SELECT mlops.promote('spring', 1);
SELECT mlops.set_gate('spring', condition => 'ats.act()', gate => 'trap', mode => 'dry_run');
RESET ROLE;
SET ROLE ats_owner;
SELECT version FROM mlops.train('secret', 'SELECT id, x, y FROM public.ledger', target => 'y', key => 'id', algorithm => 'linear', tags => '{"hush": "confidential"}');
SELECT mlops.promote('secret', 1);
RESET ROLE;
CREATE TEMP TABLE deeds (deed text);
INSERT INTO deeds VALUES ('INSERT INTO ats.loot VALUES (current_user, ''insert'')'), ('SET LOCAL transaction_read_only = off'), ('RESET ROLE'), ('SET ROLE ats_owner'),
    ('SET SESSION AUTHORIZATION ats_owner'), ('CREATE TABLE ats.made (i int)'), ('CREATE TEMP TABLE made (i int)'), ('SELECT mlops.grant_access(''secret'', ''ats_mallory'', ''manage'')'),
    ('SELECT mlops.promote(''spring'', 2)'), ('SELECT mlops.predict(''secret'', 1)'), ('SELECT mlops.drop_model(''secret'')'), ('DELETE FROM mlops.audit_log'), ('COMMIT');
CREATE FUNCTION pg_temp.done(call text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    d text;
    result text;
BEGIN
    FOR d IN SELECT deed FROM deeds LOOP
        PERFORM set_config('ats.deed', d, true);
        BEGIN
            EXECUTE call INTO result;
            RETURN NEXT format('%s: %s', d, result);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    PERFORM set_config('ats.deed', '', true);
END $$;
SELECT is_empty(format('SELECT pg_temp.done(%L)', call), 'nothing is done by ' || call) FROM (VALUES
    ($$SELECT count(*) FROM mlops.evaluate('spring/1')$$), ($$SELECT count(*) FROM mlops.preview('spring/2')$$), ($$SELECT count(*) FROM mlops.roc_curve('spring/1')$$)) c (call);
-- those that turn errors into a result say so
SELECT is_empty($$SELECT * FROM pg_temp.done('SELECT data_identical FROM mlops.verify(''spring/1'')') r WHERE r LIKE '%: t'$$, 'verify finds no identical data');
SELECT is_empty($$SELECT * FROM pg_temp.done('SELECT passed FROM mlops.check_gates(''spring/2'')') r WHERE r LIKE '%: t'$$, 'no gate passes');
SELECT is_empty($$SELECT * FROM pg_temp.done('SELECT sum(rows_found) FROM mlops.forget(''spring'', ''7'')') r WHERE r !~ ': 0$'$$, 'forget finds nothing');
SELECT is_empty('SELECT * FROM ats.loot', 'nothing was taken');
SELECT is((SELECT count(*) FROM pg_class WHERE relname = 'made'), 0::bigint, '... or made');
SELECT is((SELECT count(*) FROM mlops.grants WHERE model = 'secret') + (SELECT production_version FROM mlops.models WHERE model = 'spring'), 1::bigint, '... or granted, or promoted');
SELECT is(session_user::text || current_user || current_setting('transaction_read_only') || current_setting('role'), 'postgrespostgresoffnone', 'the session is as it was');
SELECT is((SELECT data_identical AND model_identical FROM mlops.verify('spring/1')), true, 'and when it behaves, it works');
SELECT set_config('ats.deed', 'INSERT INTO ats.loot VALUES (current_user, ''own'')', false);
SELECT is(pg_temp.try('ats_mallory', $$SELECT count(*) > 0 FROM mlops.describe('SELECT * FROM ats.points WHERE ats.act()')$$), 'true', 'her own work she may do');
SELECT is((SELECT string_agg(DISTINCT who, ',') FROM ats.loot), 'ats_mallory', '... as herself');
SELECT set_config('ats.deed', '', false);
SELECT alike(pg_temp.try('ats_mallory', call), '22023 | %', call) FROM (VALUES
    ($$SELECT mlops.train('x', 'WITH d AS (DELETE FROM ats.points RETURNING *) SELECT * FROM d', target => 'y', algorithm => 'linear')$$),
    ($$SELECT mlops.train('x', 'SELECT * INTO ats.made FROM ats.points', target => 'y', algorithm => 'linear')$$),
    ($$SELECT mlops.train('x', 'SELECT * FROM ats.points FOR UPDATE', target => 'y', algorithm => 'linear')$$),
    ($$SELECT mlops.set_gate('spring', 'root_mean_squared_error', threshold => 1, source => 'DELETE FROM ats.points')$$)) c (call);
SELECT matches(pg_temp.try('ats_mallory', $$SELECT mlops.train('x', 'SELECT * FROM ats.points; DROP TABLE ats.points', target => 'y', algorithm => 'linear')$$), '^(22023|42601) ', 'two statements');
SELECT matches(pg_temp.try('ats_mallory', format('SELECT mlops.set_gate(%L, condition => %L, gate => %L)', 'spring', c, 'x')), '^(42601|22023) ', 'a condition that is not one expression: ' || c)
FROM unnest('{true) OR (true,"true FROM ats.points","true; DROP TABLE ats.points","true, false","true AS t","",true UNION SELECT true}'::text[]) c;
SELECT is(pg_temp.try('ats_mallory', $$SELECT mlops.set_gate('spring', condition => '(SELECT count(*) FROM ats.points) > 1 -- all', gate => 'x', mode => 'disabled')$$), '', 'a subquery is an expression');

-- a role that is dropped, and another of the same name
SELECT pg_temp.add_version('lates', 'ats_late');
SELECT mlops.grant_access('secret', 'ats_late', 'manage');
SELECT pg_temp.try('ats_late', $$SELECT mlops.set_gate('lates', condition => 'true', gate => 'hers')$$);
SELECT pg_temp.try('ats_late', $$SELECT mlops.start_run('lates')$$);
SELECT is(pg_temp.try('ats_late', $$SELECT mlops.predict('secret', 1) IS NOT NULL AND mlops.has_access('secret', 'manage') AND mlops.has_access('lates', 'manage')$$), 'true', 'a role with a model and a privilege');
SELECT mlops.approve('secret/1') WHERE false;
DROP ROLE ats_late;
CREATE ROLE ats_late;
SELECT alike(pg_temp.try('ats_late', $$SELECT mlops.predict('secret', 1)$$), '42501 | permission denied for model "secret" |%', 'another role of its name has none of it');
SELECT is(pg_temp.try('ats_late', $$SELECT mlops.has_access('secret', 'any') OR mlops.has_access('lates', 'any')$$), 'false', '... not the model');
SELECT is(pg_temp.try('ats_late', $$SELECT (SELECT count(*) FROM mlops.models) + (SELECT count(*) FROM mlops.experiment_runs) + (SELECT count(*) FROM mlops.grants) + (SELECT count(*) FROM mlops.gates)$$), '0', '... and sees none of it');
SELECT is(pg_temp.try('ats_late', $$SELECT mlops.prune_grants()$$), '0', '... nor prunes');
SELECT alike((SELECT message FROM mlops.check_gates('lates/1')), '%author%does not exist%', 'its gate does not run as the other');
SELECT mlops.grant_access('secret', 'ats_late', 'predict');
SELECT is(pg_temp.try('ats_late', $$SELECT mlops.predict('secret', 1) IS NOT NULL AND NOT mlops.has_access('secret', 'manage')$$), 'true', 'a grant of its own counts alone');
SELECT mlops.revoke_access('secret', 'ats_late', 'all');

-- values made of pieces: a header of a model that is in this backend's cache, on other bytes
SELECT count(*) FROM (SELECT mlops.predict('secret', 1), mlops.predict('spring', 1)) s;
SELECT length(mlops.model_value('secret/1')::bytea) AS length, mlops.model_value('secret/1')::bytea AS secret, mlops.model_value('spring/1')::bytea AS own \gset
SELECT alike(pg_temp.try('ats_mallory', format('SELECT mlops.predict(%L::bytea::mlops.model, 1)', forged)), '22P03 | %', 'forged: ' || what) FROM (VALUES
    ('the header of another', substr(:'secret'::bytea, 1, 24) || substr(:'own'::bytea, 25)), ('half of it', substr(:'secret'::bytea, 1, :length / 2)),
    ('one bit', set_bit(:'own'::bytea, 8 * (length(:'own'::bytea) - 30), 1 - get_bit(:'own'::bytea, 8 * (length(:'own'::bytea) - 30)))), ('nothing', ''::bytea), ('more', :'own'::bytea || '\x00')) f (what, forged);
SELECT is(pg_temp.try('ats_mallory', format('SELECT mlops.predict(%L::bytea::mlops.model, 1) = mlops.predict(''spring'', 1)', :'own'::bytea)), 'true', 'while a value of hers scores');

-- rows forged by whoever owns the tables: a version without bytes, a grant of a privilege that there is not
BEGIN;
UPDATE mlops.model_versions v SET model_sha256 = sha256('nothing') FROM mlops.registered_models m WHERE m.model_id = v.model_id AND m.name = 'spring' AND v.version = 1;
SELECT alike(pg_temp.try('ats_mallory', $$SELECT mlops.predict('spring/1', 1)$$), 'XX001 | %', 'a version that points to no bytes');
SELECT throws_ok($$INSERT INTO mlops.model_grants SELECT model_id, 'ats_mallory'::regrole, 'owner', 10 FROM mlops.registered_models$$, '23514');
ROLLBACK;

-- a leaky function against every view of ours
SET ROLE ats_owner;
SELECT mlops.set_gate('secret', 'root_mean_squared_error', threshold => 1e9, gate => 'hushgate'), mlops.set_tag('secret', 'k', 'hushtag'), mlops.set_tag('secret/1', 'k', 'hushtag'), mlops.set_alias('secret/1', 'hushalias'),
    mlops.set_description('secret', 'hushtext'), mlops.set_experiment_tag('secret', 'k', 'hushlabel');
SELECT count(*) FROM mlops.check_gates('secret/1');
SELECT mlops.start_run('hushwork', 'hushrun') AS run \gset
SELECT mlops.log_param(:'run', 'hush', 'hush'), mlops.log_metric(:'run', 'hush', 1), mlops.log_dataset(:'run', 'hush', source_type => 'file'), mlops.set_run_tag(:'run', 'hush', 'hush'), mlops.log_note(:'run', 'hush');
RESET ROLE;
SELECT mlops.approve('secret/1', comment => 'hushcomment');
SELECT version FROM mlops.tune('hushsearch', 'ats.points', 'y', 'linear', '{"reg_lambda": [0, 1]}', 'grid', folds => 2, key => 'id');
CREATE SCHEMA hush AUTHORIZATION ats_owner;
SELECT pg_temp.try('ats_owner', $$SELECT mlops.score_into('secret', 'public.ledger', 'hush.scores', 'id')$$);
SET ROLE ats_mallory;
CREATE TABLE ats.seen (relation text, what text);
CREATE FUNCTION ats.leak(relation text, what text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    INSERT INTO ats.seen VALUES (relation, what);
    RETURN true;
END $$;
DO $$
DECLARE
    v text;
BEGIN
    FOR v IN SELECT relname FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'v' AND has_table_privilege(oid, 'SELECT') AND relname NOT IN ('algorithms', 'training_progress') LOOP
        EXECUTE format('SELECT count(*) FROM mlops.%I x WHERE ats.leak(%1$L, x::text)', v);
    END LOOP;
END $$;
RESET ROLE;
SELECT is_empty($$SELECT * FROM ats.seen WHERE what ~ 'secret|hush|confidential|ats_owner' AND NOT (relation = 'gate_results' AND what LIKE '(spring,%')$$, 'a leaky function sees nothing hidden through any view');
SELECT cmp_ok((SELECT count(DISTINCT relation) FROM ats.seen), '>', 15::bigint, '... though it ran on most of them');
SELECT is_empty($$SELECT relname FROM pg_class v WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'v' AND relname NOT IN ('algorithms', 'training_progress')
    AND NOT EXISTS (SELECT FROM pg_options_to_table(reloptions) WHERE option_name = 'security_barrier' AND option_value::boolean)$$, 'they are security barriers');
CREATE FUNCTION pg_temp.hidden(relation text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM mlops.%I x WHERE x::text ~ %L', relation, 'secret|hush|confidential|ats_owner') INTO n;
    RETURN n;
END $$;
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'v' AND relname NOT IN ('algorithms', 'training_progress', 'mlflow_inputs', 'mlflow_input_tags') AND pg_temp.hidden(relname) = 0$$,
    'and each of them had something to hide');

DROP SCHEMA hush CASCADE;
DROP SCHEMA ats CASCADE;
DROP TABLE public.ledger CASCADE;
DROP OWNED BY ats_mallory, ats_owner, ats_late CASCADE;
DROP ROLE ats_mallory, ats_owner, ats_late;

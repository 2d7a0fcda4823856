-- Stages, the rollback stack, aliases, descriptions, renaming, removal: what they do and what they refuse.
SELECT plan(108);
\ir include/registry.sql

CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.try_as('none', statement) $$;

SELECT pg_temp.add_version('churn', 'postgres') FROM generate_series(1, 4);
SELECT pg_temp.add_version('spare', 'postgres');

-- promote: the row, the stages, one Production
SELECT is(pg_temp.production('churn'), NULL, 'a new model has nothing in Production');
SELECT results_eq($$SELECT * FROM mlops.promote('churn', 1)$$,
    $$VALUES ('churn', 1, 'None', 'Production', NULL::int)$$, 'promote returns what happened');
SELECT results_eq($$SELECT * FROM mlops.promote('churn/2', comment => 'lower loss')$$,
    $$VALUES ('churn', 2, 'None', 'Production', 1)$$, 'a reference names the version');
SELECT results_eq($$SELECT version, stage FROM mlops.versions WHERE model = 'churn' ORDER BY version$$,
    $$VALUES (1, 'Archived'), (2, 'Production'), (3, 'None'), (4, 'None')$$, 'the version before is Archived, others stay');
SELECT results_eq($$SELECT version, stage, promoted_by, comment FROM mlops.deployments WHERE model = 'churn'$$,
    $$VALUES (2, 'Production', 'postgres', 'lower loss')$$, 'deployments tell who and why');
SELECT is((SELECT since FROM mlops.deployments WHERE model = 'churn'),
    (SELECT changed_at FROM mlops.history WHERE model = 'churn' AND to_stage = 'Production' ORDER BY event DESC LIMIT 1),
    'deployments tell since when');
SELECT results_eq($$SELECT version FROM mlops.promote('models:/churn/3')$$, $$VALUES (3)$$, 'the models:/ prefix is accepted');
SELECT results_eq($$SELECT version, to_stage FROM mlops.promote('churn')$$, $$VALUES (4, 'Production')$$,
    'a bare name means the newest version');
SELECT results_eq($$SELECT version, from_stage, to_stage, previous_production FROM mlops.promote('churn', 4)$$,
    $$VALUES (4, 'Production', 'Production', NULL::int)$$, 'promoting what is there already changes nothing');
SELECT is((SELECT count(*) FROM mlops.history WHERE model = 'churn' AND version = 4), 2::bigint, '... and records nothing');
SELECT results_eq($$SELECT version FROM mlops.promote('churn/latest', stage => 'pRODUCTION')$$, $$VALUES (4)$$,
    'stages in any case of letters; latest as a reference');
SELECT results_eq($$SELECT from_stage, to_stage, previous_production FROM mlops.promote('churn/1', stage => 'staging')$$,
    $$VALUES ('Archived', 'Staging', NULL::int)$$, 'to Staging');
SELECT is(pg_temp.production('churn'), 4, '... which leaves Production alone');
SELECT results_eq($$SELECT version FROM mlops.promote('churn/Staging', stage => 'None')$$, $$VALUES (1)$$,
    'the version that is in a stage, by reference');

-- the version as a text: a number, or the stage that the newest goes to
SELECT pg_temp.add_version('text', 'postgres') FROM generate_series(1, 3);
SELECT results_eq(call, expected, call) FROM (VALUES
    ($$SELECT version, to_stage FROM mlops.promote('text', 'staging')$$, $$VALUES (3, 'Staging')$$),
    ($$SELECT version, to_stage FROM mlops.promote('text', '2')$$, $$VALUES (2, 'Production')$$),
    ($$SELECT version, to_stage FROM mlops.promote('text', '1', 'Staging')$$, $$VALUES (1, 'Staging')$$),
    ($$SELECT version, to_stage FROM mlops.promote('text/1', 'Archived')$$, $$VALUES (1, 'Archived')$$),
    ($$SELECT version, to_stage FROM mlops.promote('text', NULL)$$, $$VALUES (3, 'Production')$$),
    ($$SELECT version, to_stage FROM mlops.promote('text', NULL, 'Staging')$$, $$VALUES (3, 'Staging')$$),
    ($$SELECT version, to_stage FROM mlops.promote('text', stage => 'None')$$, $$VALUES (3, 'None')$$),
    ($$SELECT version, to_stage FROM mlops.promote('text', version => 2::smallint)$$, $$VALUES (2, 'Production')$$),
    ($$SELECT version, to_stage FROM mlops.promote(model => 'text', version => 1, stage => 'Production', comment => 'c', force => true)$$, $$VALUES (1, 'Production')$$)) c (call, expected);
PREPARE move AS SELECT version, to_stage FROM mlops.promote($1, $2);
SELECT results_eq($$EXECUTE move('text', '2')$$, $$VALUES (2, 'Production')$$, 'a parameter of unknown type');
SELECT is(pg_temp.try(call), answer, call) FROM (VALUES
    ($$SELECT mlops.promote('text', 'Stagin')$$, '22023 | unknown stage "Stagin" | Perhaps you meant Staging. The stages are None, Staging, Production and Archived.'),
    ($$SELECT mlops.promote('text', '0')$$, '22023 | version 0 is not a version number | Versions are numbered from 1.'),
    ($$SELECT mlops.promote('text', '99999999999999999999')$$, '22023 | version 99999999999999999999 is not a version number | Versions are numbered from 1.'),
    ($$SELECT mlops.promote('text', 'Staging', 'Production')$$, '22023 | "Staging" is not a version number | Name versions by number, or in the reference: ''churn/Staging'', ''churn@champion''.')) c (call, answer);
SELECT mlops.promote('text', 2, 'Archived'), mlops.drop_model('text');

-- rollback: a true stack (4 on 3 on 2 on 1)
SELECT results_eq($$SELECT * FROM mlops.rollback('churn')$$, $$VALUES (4, 3)$$, 'rollback goes back one');
SELECT results_eq($$SELECT * FROM mlops.rollback('churn', 'worse')$$, $$VALUES (3, 2)$$, 'twice goes back two');
SELECT is((SELECT comment FROM mlops.deployments WHERE model = 'churn'), 'worse', 'with a comment');
SELECT results_eq($$SELECT version, from_stage, to_stage, action FROM mlops.history WHERE model = 'churn' ORDER BY event DESC LIMIT 2$$,
    $$VALUES (2, 'Archived', 'Production', 'rollback'), (3, 'Production', 'Archived', 'archive')$$, 'history tells both halves');
SELECT lives_ok($$SELECT mlops.promote('churn/4')$$, 'promote after a rollback');
SELECT results_eq($$SELECT * FROM mlops.rollback('churn')$$, $$VALUES (4, 2)$$, '... stacks upon what was restored');
SELECT results_eq($$SELECT * FROM mlops.rollback('churn')$$, $$VALUES (2, 1)$$, 'down to the first');
SELECT is(pg_temp.try($$SELECT mlops.rollback('churn')$$),
    '55000 | model "churn" has no earlier Production version to roll back to | '
    'The view mlops.history shows its stages; mlops.promote puts any version into Production.', 'nothing below');
SELECT is(pg_temp.production('churn'), 1, 'a failed rollback leaves Production as it was');
SELECT is(pg_temp.try($$SELECT mlops.rollback('spare')$$),
    '55000 | model "spare" has no earlier Production version to roll back to | '
    'The view mlops.history shows its stages; mlops.promote puts any version into Production.', 'never in Production');

-- out of Production by hand: rollback does not bring it back
SELECT lives_ok($$SELECT mlops.promote('churn', 2), mlops.promote('churn', 3)$$, 'two promotions in one statement');
SELECT results_eq($$SELECT from_stage, to_stage, previous_production FROM mlops.promote('churn/3', stage => 'Archived')$$,
    $$VALUES ('Production', 'Archived', 3)$$, 'Production may be left empty');
SELECT is(pg_temp.production('churn'), NULL, '... and is');
SELECT results_eq($$SELECT * FROM mlops.rollback('churn')$$, $$VALUES (NULL::int, 2)$$, 'rollback restores the one before the removed');

-- the stack against a plain array, through random calls
CREATE FUNCTION pg_temp.walk(steps int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    stack int[] := '{}';            -- top last; the top is in Production unless `empty`
    empty boolean := true;
    alive int[] := '{1,2,3,4,5,6}';
    choice float8;
    v int;
    got record;
    target int;
    failed boolean;
BEGIN
    PERFORM setseed(0.42);
    PERFORM pg_temp.add_version('walk', 'postgres') FROM generate_series(1, 6);
    FOR step IN 1 .. steps LOOP
        choice := random();
        IF choice < 0.45 THEN
            v := alive[1 + floor(random() * cardinality(alive))];
            PERFORM mlops.promote('walk', v);
            IF empty OR stack[cardinality(stack)] <> v THEN
                stack := stack || v;
            END IF;
            empty := false;
        ELSIF choice < 0.8 THEN
            target := cardinality(stack) - (NOT empty)::int;
            WHILE target > 0 AND (stack[target] <> ALL (alive) OR (NOT empty AND stack[target] = stack[cardinality(stack)])) LOOP
                target := target - 1;
            END LOOP;
            failed := false;
            BEGIN
                SELECT * INTO got FROM mlops.rollback('walk');
            EXCEPTION WHEN object_not_in_prerequisite_state THEN
                failed := true;
            END;
            IF failed <> (target = 0) THEN
                RETURN format('step %s: rollback failed %s, stack %s', step, failed, stack);
            END IF;
            IF NOT failed THEN
                IF got.to_version <> stack[target] OR got.from_version IS DISTINCT FROM
                        (CASE WHEN NOT empty THEN stack[cardinality(stack)] END) THEN
                    RETURN format('step %s: rollback %s, stack %s', step, got, stack);
                END IF;
                stack := stack[1:target];
                empty := false;
            END IF;
        ELSIF choice < 0.95 THEN
            IF NOT empty THEN
                PERFORM mlops.promote('walk', stack[cardinality(stack)], 'Archived');
                stack := stack[1:cardinality(stack) - 1];
                empty := true;
            END IF;
        ELSE
            v := alive[1 + floor(random() * cardinality(alive))];
            IF cardinality(alive) > 3 AND (empty OR stack[cardinality(stack)] <> v) THEN
                PERFORM mlops.delete_version('walk', v);
                alive := array_remove(alive, v);
            END IF;
        END IF;
        IF pg_temp.production('walk') IS DISTINCT FROM (CASE WHEN NOT empty THEN stack[cardinality(stack)] END) THEN
            RETURN format('step %s: Production is %s, stack %s', step, pg_temp.production('walk'), stack);
        END IF;
    END LOOP;
    RETURN format('agrees, %s left', cardinality(alive));
END $$;
SELECT is(pg_temp.walk(400), 'agrees, 3 left', '400 random calls agree with a plain stack');
SELECT is((SELECT count(*) FROM mlops.history WHERE model = 'walk'),
    (SELECT max(event)::bigint FROM mlops.history WHERE model = 'walk'), 'events are numbered without gaps');

-- transactions
BEGIN;
SELECT mlops.promote('churn/4');
SELECT is(pg_temp.production('churn'), 4, 'inside the transaction');
SAVEPOINT s;
SELECT mlops.rollback('churn');
SELECT is(pg_temp.production('churn'), 2, 'inside the savepoint');
ROLLBACK TO s;
SELECT is(pg_temp.production('churn'), 4, 'after ROLLBACK TO');
ROLLBACK;
SELECT is(pg_temp.production('churn'), 2, 'after ROLLBACK');
CREATE FUNCTION pg_temp.caught() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mlops.promote('churn/4');
    RAISE EXCEPTION 'no';
EXCEPTION WHEN raise_exception THEN
    RETURN current_user || ' ' || current_setting('search_path');
END $$;
SELECT is(pg_temp.caught(), current_user || ' ' || current_setting('search_path'), 'an EXCEPTION block has user and search_path back');
SELECT is(pg_temp.production('churn'), 2, '... and Production');
CREATE FUNCTION pg_temp.caught_inside() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mlops.rename_model('churn', 'spare');
EXCEPTION WHEN duplicate_object THEN
    RETURN current_user || ' ' || current_setting('search_path');
END $$;
SELECT is(pg_temp.caught_inside(), current_user || ' ' || current_setting('search_path'), 'also after an error while switched to the owner');
BEGIN READ ONLY;
SELECT is(pg_temp.try($$SELECT mlops.promote('churn/4')$$), '25006 | cannot execute mlops.promote() in a read-only transaction', 'read-only');
ROLLBACK;

-- refusals of promote
SELECT is(pg_temp.try($$SELECT mlops.promote('churm', 1)$$),
    '42704 | model "churm" does not exist | Perhaps you meant the model "churn".', 'unknown model, nearest name');
SELECT alike(pg_temp.try($$SELECT mlops.promote('zzzzzzzzzzzzz')$$),
    '42704 | model "zzzzzzzzzzzzz" does not exist | The view mlops.models lists %', 'unknown model, nothing near');
SELECT is(pg_temp.try($$SELECT mlops.promote('churn', 9)$$),
    '42704 | version 9 of model "churn" does not exist | Its versions are 1 to 4. | The view mlops.versions lists them.', 'unknown version');
SELECT is(pg_temp.try($$SELECT mlops.promote('spare/2')$$),
    '42704 | version 2 of model "spare" does not exist | Its only version is 1. | The view mlops.versions lists them.', 'one version');
SELECT alike(pg_temp.try($$SELECT mlops.promote('churn', 1, 'Prod')$$),
    '22023 | unknown stage "Prod" | %None, Staging, Production and Archived%', 'unknown stage');
SELECT is(pg_temp.try($$SELECT mlops.promote('churn', 1, 'prodution')$$),
    '22023 | unknown stage "prodution" | Perhaps you meant Production. The stages are None, Staging, Production and Archived.', 'misspelt stage');
SELECT is(pg_temp.try($$SELECT mlops.promote('churn/2', 3)$$),
    '22023 | "churn/2" names a version, and argument "version" does too | Write the one or the other.', 'version twice');
SELECT is(pg_temp.try($$SELECT mlops.promote('churn', 0)$$),
    '22023 | version 0 is not a version number | Versions are numbered from 1.', 'version 0');
SELECT is(pg_temp.try($$SELECT mlops.promote(NULL)$$), '22004 | argument "model" must not be null', 'NULL model');
SELECT is(pg_temp.try($$SELECT mlops.promote('churn', 1, NULL)$$), '22004 | argument "stage" must not be null', 'NULL stage');
SELECT alike(pg_temp.try($$SELECT mlops.promote('churn; DROP TABLE x')$$), '22023 | %', 'not a reference');
SELECT alike(pg_temp.try($$SELECT mlops.rollback('churn/2')$$), '22023 | "churn/2" names a version where a model is wanted | %', 'rollback of a version');

-- force is recorded
SELECT lives_ok($$SELECT mlops.promote('churn/3', force => true)$$, 'force');
SELECT results_eq($$SELECT version, forced FROM mlops.history WHERE model = 'churn' ORDER BY event DESC LIMIT 2$$,
    $$VALUES (3, true), (2, false)$$, 'only the forced event is marked');

-- aliases
SELECT lives_ok($$SELECT mlops.set_alias('churn', 'champion', 3)$$, 'set_alias');
SELECT results_eq($$SELECT version, aliases FROM mlops.versions WHERE model = 'churn' AND aliases IS NOT NULL$$,
    $$VALUES (3, '{champion}'::text[])$$, 'is shown');
SELECT lives_ok($$SELECT mlops.set_alias('churn/1', 'champion'), mlops.set_alias('churn/1', 'b-2_c')$$, 'moves; version by reference');
SELECT results_eq($$SELECT version, aliases FROM mlops.versions WHERE model = 'churn' AND aliases IS NOT NULL$$,
    $$VALUES (1, '{b-2_c,champion}'::text[])$$, 'moved');
SELECT results_eq($$SELECT version FROM mlops.promote('churn@champion', stage => 'Staging')$$, $$VALUES (1)$$, 'promote by alias');
SELECT alike(pg_temp.try($$SELECT mlops.set_alias('churn', '2024', 1)$$), '42602 | invalid alias "2024" | An alias is a letter %', 'digits first');
SELECT alike(pg_temp.try($$SELECT mlops.set_alias('churn', '', 1)$$), '42602 | invalid alias "" | %', 'empty');
SELECT alike(pg_temp.try(format($$SELECT mlops.set_alias('churn', %L, 1)$$, repeat('a', 64))), '42602 | %', '64 characters');
SELECT alike(pg_temp.try($$SELECT mlops.set_alias('churn', 'é', 1)$$), '42602 | %', 'not ASCII');
SELECT is(pg_temp.try($$SELECT mlops.set_alias('churn', 'x')$$), '22023 | which version of model "churn" is meant? | Name it: ''churn/1''.', 'no version');
SELECT alike(pg_temp.try($$SELECT mlops.set_alias('churn', 'x', 77)$$), '42704 | version 77 of model "churn" does not exist | %', 'no such version');
SELECT lives_ok($$SELECT mlops.drop_alias('churn', 'b-2_c')$$, 'drop_alias');
SELECT alike(pg_temp.try($$SELECT mlops.drop_alias('churn', 'b-2_c')$$), '42704 | model "churn" has no alias "b-2_c" | %', 'twice');

-- descriptions and tags
SELECT lives_ok($$SELECT mlops.set_description('churn', 'who leaves'), mlops.set_description('churn/3', 'deeper'),
    mlops.set_tag('churn', 'team', 'crm'), mlops.set_tag('churn/3', 'git', 'abc'), mlops.set_tag('churn/3', 'git', 'def')$$, 'descriptions and tags');
SELECT results_eq($$SELECT description, tags FROM mlops.models WHERE model = 'churn'$$, $$VALUES ('who leaves', '{"team": "crm"}'::jsonb)$$, 'of the model');
SELECT results_eq($$SELECT description, tags FROM mlops.versions WHERE model = 'churn' AND version = 3$$, $$VALUES ('deeper', '{"git": "def"}'::jsonb)$$, 'of the version');
SELECT lives_ok($$SELECT mlops.set_description('churn', NULL), mlops.set_tag('churn', 'team', NULL), mlops.set_tag('churn/3', 'git', NULL)$$, 'removed with NULL');
SELECT is((SELECT row(description, tags)::text FROM mlops.models WHERE model = 'churn'), '(,)', '... gone');

-- rename
SELECT lives_ok($$SELECT mlops.rename_model('churn', 'attrition')$$, 'rename');
SELECT is(pg_temp.production('attrition'), 3, 'everything came along');
SELECT is((SELECT count(*) FROM mlops.history WHERE model = 'attrition' AND version = 3), (SELECT count(*) FROM mlops.stage_history h JOIN mlops.registered_models m USING (model_id) WHERE m.name = 'attrition' AND h.version = 3), 'history too');
SELECT is((SELECT DISTINCT experiment FROM mlops.experiment_runs WHERE model = 'attrition'), 'attrition', 'and the experiment');
SELECT is(pg_temp.add_version('churn', 'postgres'), 1, 'the old name is free');
SELECT is((SELECT DISTINCT experiment FROM mlops.experiment_runs WHERE model = 'churn'), 'churn', '... with an experiment of its own');
SELECT is(pg_temp.try($$SELECT mlops.rename_model('churn', 'attrition')$$), '42710 | model "attrition" already exists', 'name taken');
SELECT alike(pg_temp.try($$SELECT mlops.rename_model('churn', 'a b')$$), '42602 | invalid model name "a b" | %', 'bad name');

-- removal; versions with the same bytes share them
SELECT is((SELECT array_agg(pg_temp.add_version('twin', 'postgres', 'same bytes')) FROM generate_series(1, 3)), '{1,2,3}'::int[], 'three versions of the same bytes');
SELECT is((SELECT count(*) FROM mlops.model_blobs WHERE sha256 = sha256('same bytes')), 1::bigint, 'are stored once');
SELECT lives_ok($$SELECT mlops.promote('twin/1'), mlops.promote('twin/2'), mlops.set_alias('twin/3', 'x'), mlops.set_tag('twin/1', 'k', 'v'), mlops.set_tag('twin/3', 'k', 'v'),
    mlops.set_tag('twin', 'k', 'v'), mlops.grant_access('twin', 'public', 'read')$$, 'set up');
SELECT alike(pg_temp.try($$SELECT mlops.delete_version('twin/2')$$), '55006 | version 2 of model "twin" is in Production | %', 'not out of Production');
SELECT alike(pg_temp.try($$SELECT mlops.delete_version('twin', 3)$$), '55006 | version 3 of model "twin" has the alias "x" | %', 'not under an alias');
SELECT alike(pg_temp.try($$SELECT mlops.delete_version('twin')$$), '22023 | which version of model "twin" is meant? | %', 'never by guess');
SELECT lives_ok($$SELECT mlops.delete_version('twin/1')$$, 'an archived one can go');
SELECT is((SELECT count(*) FROM mlops.model_blobs WHERE sha256 = sha256('same bytes')), 1::bigint, 'the bytes stay for the others');
SELECT alike(pg_temp.try($$SELECT mlops.rollback('twin')$$), '55000 | %', 'rollback passes over a deleted version');
SELECT is((SELECT count(*) FROM mlops.runs WHERE name = 'twin/1'), 0::bigint, 'its run went with it');
SELECT is(pg_temp.add_version('twin', 'postgres'), 4, 'a number is never used again');
SELECT alike(pg_temp.try($$SELECT mlops.drop_model('twin')$$), '55006 | version 2 of model "twin" is in Production | %', 'a model in Production is not dropped');
SELECT lives_ok($$SELECT mlops.promote('twin/2', stage => 'Archived'); SELECT mlops.drop_model('twin')$$, 'dropped after that');
SELECT is((SELECT count(*) FROM mlops.model_blobs WHERE sha256 = sha256('same bytes')), 0::bigint, 'no version, no bytes');
SELECT is_empty($$
    SELECT 'version', model_id::text FROM mlops.model_versions WHERE model_id NOT IN (SELECT model_id FROM mlops.registered_models)
    UNION ALL SELECT 'bytes of version', model_id::text FROM mlops.model_versions WHERE model_sha256 NOT IN (SELECT sha256 FROM mlops.model_blobs WHERE chunk_no = 0)
    UNION ALL SELECT 'run of version', model_id::text FROM mlops.model_versions WHERE run_id NOT IN (SELECT run_uuid FROM mlops.runs)
    UNION ALL SELECT 'run', run_uuid::text FROM mlops.runs WHERE run_uuid NOT IN (SELECT run_id FROM mlops.model_versions)
    UNION ALL SELECT 'experiment of run', run_uuid::text FROM mlops.runs WHERE experiment_id NOT IN (SELECT experiment_id FROM mlops.experiments)
    UNION ALL SELECT 'param', run_uuid::text FROM mlops.params WHERE run_uuid NOT IN (SELECT run_uuid FROM mlops.runs)
    UNION ALL SELECT 'metric', run_uuid::text FROM mlops.metrics WHERE run_uuid NOT IN (SELECT run_uuid FROM mlops.runs)
    UNION ALL SELECT 'tag', run_uuid::text FROM mlops.tags WHERE run_uuid NOT IN (SELECT run_uuid FROM mlops.runs)
    UNION ALL SELECT 'input', run_uuid::text FROM mlops.inputs WHERE run_uuid NOT IN (SELECT run_uuid FROM mlops.runs)
        OR dataset_uuid NOT IN (SELECT dataset_uuid FROM mlops.datasets)
    UNION ALL SELECT 'dataset', dataset_uuid::text FROM mlops.datasets WHERE dataset_uuid NOT IN (SELECT dataset_uuid FROM mlops.inputs)
    UNION ALL SELECT 'bytes', sha256::text FROM mlops.model_blobs WHERE sha256 NOT IN (SELECT model_sha256 FROM mlops.model_versions)
    UNION ALL SELECT 'model tag', model_id::text FROM mlops.model_tags WHERE model_id NOT IN (SELECT model_id FROM mlops.registered_models)
    UNION ALL SELECT 'history', model_id::text FROM mlops.stage_history WHERE model_id NOT IN (SELECT model_id FROM mlops.registered_models)
    UNION ALL SELECT 'grant', model_id::text FROM mlops.model_grants WHERE model_id NOT IN (SELECT model_id FROM mlops.registered_models)
    UNION ALL SELECT 'version tag', model_id::text FROM mlops.version_tags WHERE (model_id, version) NOT IN (SELECT model_id, version FROM mlops.model_versions)
    UNION ALL SELECT 'alias', model_id::text FROM mlops.aliases WHERE (model_id, version) NOT IN (SELECT model_id, version FROM mlops.model_versions)
    UNION ALL SELECT 'experiment', name FROM mlops.experiments WHERE name = 'twin'$$, 'nothing is left over, nothing is missing');
SELECT results_eq($$SELECT action, count(*) FROM mlops.audit WHERE model = 'twin' GROUP BY action ORDER BY action COLLATE "C"$$,
    $$VALUES ('delete_version', 1::bigint), ('drop', 1), ('grant', 1), ('promote', 3), ('set_alias', 1)$$, 'the audit log remembers');

-- Every function that takes a model, with models, versions, aliases, stages, roles and sources that there are not: one clear error each.
SELECT plan(41);
\ir include/registry.sql
SET client_min_messages = warning;

CREATE TABLE rows AS SELECT i AS id, (i % 11)::float8 AS x, (i % 11) * 2.0 + i % 3 AS y, i % 3 = 0 AS b FROM generate_series(1, 200) i;
SELECT version FROM generate_series(1, 2) s, mlops.train('churn', 'rows', target => 'y', key => 'id', algorithm => 'linear', features => '{x}', params => jsonb_build_object('reg_lambda', s));
SELECT mlops.promote('churn', 1), mlops.set_alias('churn/2', 'a');

-- Calls of every function with an argument "model" of type text: what else is required gets a value of its type.
CREATE TEMP TABLE calls AS
SELECT p.proname::text AS name, format(CASE p.prokind WHEN 'p' THEN 'CALL %s(%s)' ELSE 'SELECT * FROM %s(%s)' END, p.oid::regproc,
    string_agg(CASE WHEN a.argname = 'model' THEN '%1$L' ELSE CASE a.type::regtype::text WHEN 'text' THEN CASE a.argname WHEN 'role' THEN '''postgres''' WHEN 'new_owner' THEN '''postgres''' WHEN 'privilege' THEN '''read''' WHEN 'version' THEN '''1''' ELSE '''x''' END WHEN 'integer' THEN '1' WHEN 'bigint' THEN '1' WHEN 'double precision' THEN '1'
        WHEN 'jsonb' THEN '''{}''' WHEN 'boolean' THEN 'true' WHEN '"any"' THEN '1::float8' WHEN 'timestamp with time zone' THEN 'now()' WHEN 'regrole' THEN 'current_user::regrole'
        WHEN 'uuid' THEN '''00000000-0000-0000-0000-000000000001''::uuid' WHEN 'bytea' THEN '''x''::bytea' WHEN 'mlops.model' THEN 'mlops.model_value(''churn/1'')' END || '::' || CASE a.type::regtype::text WHEN '"any"' THEN 'float8' ELSE a.type::regtype::text END END, ', ' ORDER BY a.n)) AS call,
    bool_or(a.argname = 'alias') AS has_alias
FROM pg_proc p CROSS JOIN LATERAL (SELECT a.type, a.n, p.proargnames[a.n] AS argname FROM unnest(p.proargtypes) WITH ORDINALITY a (type, n)) a
WHERE p.pronamespace = 'mlops'::regnamespace AND p.prokind IN ('f', 'p') AND has_function_privilege('public', p.oid, 'EXECUTE')
    AND (a.n <= p.pronargs - p.pronargdefaults OR a.argname = 'version' AND p.proname = 'none')
    AND EXISTS (SELECT FROM unnest(p.proargtypes) WITH ORDINALITY b (type, n) WHERE b.type = 'text'::regtype AND p.proargnames[b.n] = 'model' AND b.n <= p.pronargs - p.pronargdefaults)
GROUP BY p.oid;
SELECT cmp_ok((SELECT count(DISTINCT name) FROM calls), '>', 45::bigint, 'many functions take a model');
SELECT is_empty($$SELECT name, call FROM calls WHERE call !~ '%1' OR call ~ ', ,|\(,'$$, 'each can be called');

CREATE FUNCTION pg_temp.answer(call text, model text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try_as('none', format(call, model)) $$;
-- those that make models, ask whether one is there, or say so in the answer
CREATE TEMP TABLE skipped AS SELECT unnest('{train,tune,run_tuning,log_model,import_chunks,has_access,served_is}'::text[]) AS name;
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, 'nothing') AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c
    WHERE answer IS NULL OR answer !~ '^42704 \| model "nothing" does not exist \| '$$, 'an unknown model');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, 'churm') AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c
    WHERE answer IS NULL OR answer !~ '^42704 \| model "churm" does not exist \| Perhaps you meant the model "churn"'$$, 'the nearest name');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, r) AS answer FROM calls, unnest('{"",churn m,churn/,churn/0,churn/-1,churn@,churn/1/2,churn;x,models:/,churn/99999999999}'::text[]) r WHERE name NOT IN (SELECT name FROM skipped) OR name = 'has_access') c
    WHERE answer IS NULL OR answer !~ '^(22023|42602) \| '$$, 'what is no reference');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, 'churn/9') AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c
    WHERE answer IS NULL OR answer !~ '^(42704 \| version 9 of model "churn" does not exist \| Its versions are 1 to 2|22023 \| |42602 \| )'$$, 'an unknown version, or none is wanted');
SELECT cmp_ok((SELECT count(*) FROM calls WHERE pg_temp.answer(call, 'churn/9') ~ '^42704'), '>', 25::bigint, '... most want one');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, 'churn@nobody') AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c
    WHERE answer IS NULL OR answer !~ '^(42704 \| model "churn" has no alias "nobody" \| |22023 \| |42602 \| )'$$, 'an unknown alias');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, 'churn/Stagging') AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c WHERE answer IS NULL OR answer !~ '^(22023|42602) \| '$$, 'a stage misspelt');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, 'churn/Archived') AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c
    WHERE answer IS NULL OR answer !~ '^(42704 \| model "churn" has no version in (stage )?Archived|22023 \| |42602 \| )'$$, 'an empty stage');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, 'churn@2001-01-01') AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c
    WHERE answer IS NULL OR answer !~ '^(42704 \| |22023 \| |42602 \| )'$$, 'a time before');
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.answer(call, NULL) AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c WHERE answer !~ '^(22004|22023) \| '$$, 'NULL is refused, or gives nothing');
SELECT is((SELECT count(*) FROM mlops.versions), 2::bigint, 'nothing was made');
DROP ROLE IF EXISTS bad_stranger;
CREATE ROLE bad_stranger;
SELECT is_empty($$SELECT name, answer FROM (SELECT name, pg_temp.try_as('bad_stranger', format(call, 'churn')) AS answer FROM calls WHERE name NOT IN (SELECT name FROM skipped)) c
    WHERE answer IS NULL OR answer !~ '^(42501 \| permission denied for model "churn"|42501 \| must be owner of model "churn"|42501 \| permission denied for (run|table|schema)|42602 \|)'$$, 'without a privilege it is denied');
SELECT is(pg_temp.try_as('bad_stranger', $$SELECT mlops.has_access('churn', 'any')$$), 'false', '... has_access says so');
DROP ROLE bad_stranger;

-- aliases are of versions, so there are no circles
SELECT is(pg_temp.try_as('none', $$SELECT mlops.set_alias('churn@a', 'b'), mlops.set_alias('churn@b', 'a'), mlops.set_alias('churn@a', 'a')$$), '', 'an alias of an alias is one of its version');
SELECT is((SELECT array_agg(version) FROM mlops.versions WHERE aliases = '{a,b}'), '{2}'::int[], '... and stays there');

-- sources without rows, roles, metrics, parameters that there are not
SELECT is(pg_temp.try_as('none', call), answer, call) FROM (VALUES
    ($$SELECT mlops.train('e', 'SELECT * FROM rows WHERE false', target => 'y', algorithm => 'linear')$$, NULL),
    ($$SELECT mlops.preview('churn/2', source => 'SELECT * FROM rows WHERE false')$$, 'P0002 | the source has no rows to preview model "churn" on'),
    ($$SELECT mlops.fingerprint('SELECT * FROM rows WHERE false')$$, NULL),
    ($$SELECT rows FROM mlops.score_into('churn', 'SELECT * FROM rows WHERE false', 'empty')$$, '0'),
    ($$SELECT mlops.import_chunks('SELECT NULL::text AS model, 1 AS version, 0 AS chunk_no, ''''::bytea AS data WHERE false')$$, 'P0002 | the source has no chunks | It holds the rows that mlops.export_chunks returned: model, version, chunk_no, data.'),
    ($$SELECT mlops.grant_access('churn', 'nobody at all', 'read')$$, '42704 | role "nobody at all" does not exist'),
    ($$SELECT mlops.revoke_access('churn', 'nobody at all', 'read')$$, '42704 | role "nobody at all" does not exist'),
    ($$SELECT mlops.transfer_ownership('churn', 'nobody at all')$$, '42704 | role "nobody at all" does not exist'),
    ($$SELECT mlops.grant_access('churn', 'public', 'reed')$$, NULL),
    ($$SELECT mlops.set_gate('churn', 'rmsee', threshold => 1)$$, NULL),
    ($$SELECT mlops.tune('churn', 'rows', 'y', 'linear', '{"reg_lambda": [0]}', 'grid', metric => 'rmsee')$$, NULL),
    ($$SELECT mlops.cross_validate('rows', 'y', 'linear', folds => 1)$$, NULL),
    ($$SELECT mlops.prune('churn', keep => -1)$$, '22023 | argument "keep" must be positive | It is the number of newest versions that stay.'),
    ($$SELECT mlops.version_at('churn', NULL)$$, NULL),
    ($$SELECT mlops.end_run('00000000-0000-0000-0000-000000000001')$$, '42704 | run 00000000-0000-0000-0000-000000000001 does not exist | mlops.start_run starts runs; the view mlops.mlflow_runs lists yours.'),
    ($$SELECT mlops.compare_runs('00000000-0000-0000-0000-000000000001')$$, '42704 | run 00000000-0000-0000-0000-000000000001 does not exist, or you may not see it | The view mlops.experiment_runs lists the runs that you may see.'),
    ($$SELECT mlops.set_experiment_tag('nothing', 'k', 'v')$$, '42704 | experiment "nothing" does not exist | mlops.start_run makes experiments; the view mlops.mlflow_experiments lists those that you may see.'),
    ($$SELECT mlops.drop_gate('churn', 'nothing')$$, '42704 | model "churn" has no gate "nothing" | The view mlops.gates lists them.'),
    ($$SELECT mlops.drop_alias('churn', 'nothing')$$, '42704 | model "churn" has no alias "nothing" | The view mlops.versions lists them in its column aliases.'),
    ($$SELECT mlops.promote('churn', 'latest')$$, '22023 | "latest" is neither a version number nor a stage | The reference says which version is meant: mlops.promote(''churn/latest'').'),
    ($$SELECT mlops.import_chunks('rows')$$, '42703 | the source of chunks has no column "model" | It holds the rows that mlops.export_chunks returned: model, version, chunk_no, data.'),
    ($$SELECT mlops.withdraw_approval('churn/1')$$, NULL)) c (call, answer) WHERE answer IS NOT NULL;
SELECT matches(pg_temp.try_as('none', call), '^(' || state || ') \| [a-z"%0-9]', call) FROM (VALUES
    ($$SELECT mlops.train('e', 'SELECT * FROM rows WHERE false', target => 'y', algorithm => 'linear')$$, 'P0002|22023|22000|22003'),
    ($$SELECT mlops.evaluate('churn/1', 'SELECT * FROM rows WHERE false')$$, 'P0002'),
    ($$SELECT mlops.tune('e', 'SELECT * FROM rows WHERE false', 'y', 'linear', '{"reg_lambda": [0]}', 'grid')$$, 'P0002|22023|22000'),
    ($$SELECT mlops.cross_validate('SELECT * FROM rows WHERE false', 'y', 'linear')$$, 'P0002'),
    ($$SELECT mlops.grant_access('churn', 'public', 'reed')$$, '22023'),
    ($$SELECT mlops.set_gate('churn', 'rmsee', threshold => 1)$$, '22023'),
    ($$SELECT mlops.tune('churn', 'rows', 'y', 'linear', '{"reg_lambda": [0]}', 'grid', metric => 'rmsee')$$, '22023'),
    ($$SELECT mlops.cross_validate('rows', 'y', 'linear', folds => 1)$$, '22023'),
    ($$SELECT mlops.withdraw_approval('churn/1')$$, '42704'),
    ($$SELECT mlops.version_at('churn', NULL)$$, '22004')) c (call, state);

-- Nothing refers to what is gone, in any table of the extension: the references are found by the names of columns, so that
-- new tables are covered.
SELECT plan(26);
\ir include/registry.sql
SET client_min_messages = warning;

-- column of a reference, what it refers to; of = NULL: kept on purpose
CREATE TEMP TABLE refers (attribute text, parent text, parent_attribute text);
INSERT INTO refers VALUES ('model_id', 'registered_models', 'model_id'), ('run_uuid', 'runs', 'run_uuid'), ('run_id', 'runs', 'run_uuid'),
    ('dataset_uuid', 'datasets', 'dataset_uuid'), ('experiment_id', 'experiments', 'experiment_id'), ('tuning_id', 'tunings', 'tuning_id'),
    ('model_sha256', 'model_blobs', 'sha256'), ('sha256', 'model_versions', 'model_sha256');
-- what outlives its model or version: the log; the history; scores that somebody stored
CREATE TEMP TABLE outlives (relation text, attribute text, why text);
INSERT INTO outlives VALUES ('audit_log', 'model_id', 'says who dropped it'), ('audit_log', 'version', 'the same'),
    ('stage_history', 'version', 'says what was live when');
CREATE FUNCTION pg_temp.orphans() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    n bigint;
BEGIN
    FOR r IN SELECT c.relname, a.attname, f.parent, f.parent_attribute FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
            JOIN refers f ON f.attribute = a.attname
            WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'r' AND NOT (c.relname = f.parent AND a.attname = f.parent_attribute)
            AND NOT EXISTS (SELECT FROM outlives o WHERE o.relation = c.relname AND o.attribute = a.attname) LOOP
        EXECUTE format('SELECT count(*) FROM mlops.%I t WHERE t.%I IS NOT NULL AND NOT EXISTS (SELECT FROM mlops.%I p WHERE p.%I = t.%2$I)',
            r.relname, r.attname, r.parent, r.parent_attribute) INTO n;
        IF n > 0 THEN RETURN NEXT format('%s of %s without %s: %s', r.attname, r.relname, r.parent, n); END IF;
    END LOOP;
    FOR r IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'r' AND c.relname <> 'model_versions'
            AND 2 = (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('model_id', 'version'))
            AND NOT EXISTS (SELECT FROM outlives o WHERE o.relation = c.relname AND o.attribute = 'version') LOOP
        EXECUTE format('SELECT count(*) FROM mlops.%I t WHERE t.version IS NOT NULL AND t.model_id IS NOT NULL AND NOT EXISTS (SELECT FROM mlops.model_versions v '
            'WHERE v.model_id = t.model_id AND v.version = t.version)', r.relname) INTO n;
        IF n > 0 THEN RETURN NEXT format('version of %s: %s', r.relname, n); END IF;
    END LOOP;
    SELECT count(*) INTO n FROM mlops.tags t WHERE key = 'mlflow.parentRunId' AND NOT EXISTS (SELECT FROM mlops.runs u WHERE replace(u.run_uuid::text, '-', '') = t.value);
    IF n > 0 THEN RETURN NEXT format('parents of runs: %s', n); END IF;
END $$;

-- a model with everything that a model can have, beside another that has it too
DROP ROLE IF EXISTS orphan_risk;
CREATE ROLE orphan_risk;
CREATE TABLE rows AS SELECT i AS id, hashint4(i) % 100 AS a, hashint4(-i) % 100 AS b, hashint4(i) % 100 + hashint4(i + 7) % 150 > 20 AS y FROM generate_series(1, 400) AS i;
CREATE PROCEDURE pg_temp.fill(model text) LANGUAGE plpgsql AS $$
DECLARE
    outer_run uuid;
    run uuid;
BEGIN
    PERFORM mlops.train(model, 'rows', target => 'y', algorithm => 'logistic', key => 'id', tags => '{"a": "b"}', seed => s, params => jsonb_build_object('reg_lambda', s + length(model)),
        snapshot => CASE s WHEN 1 THEN 'kept_' || model END) FROM generate_series(1, 4) s;
    PERFORM mlops.tune(model, 'rows', 'y', 'logistic', '{"reg_lambda": [5, 1]}', 'grid', folds => 2, key => 'id', seed => s) FROM generate_series(1, 2) s;
    outer_run := mlops.start_run(model);
    run := mlops.start_run(model, parent => outer_run, tags => '{"x": "y"}');
    PERFORM mlops.log_param(run, 'p', '1'), mlops.log_metric(run, 'm', 1), mlops.log_dataset(run, 'rows');
    PERFORM mlops.log_model(run, model, mlops.model_value(model || '/1'));
    PERFORM mlops.end_run(run);
    PERFORM mlops.set_experiment_tag(model, 'k', 'v');
    PERFORM mlops.set_tag(model, 'k', 'v'), mlops.set_tag(model || '/3', 'k', 'v'), mlops.set_alias(model || '/2', 'best'), mlops.set_description(model, 'd');
    PERFORM mlops.set_gate(model, 'roc_auc', threshold => 0.1, mode => 'dry_run'), mlops.require_approval(model);
    PERFORM mlops.grant_access(model, 'orphan_risk', 'approve');
    SET LOCAL ROLE orphan_risk;
    PERFORM mlops.approve(model || '/' || v) FROM generate_series(1, 6) v;
    RESET ROLE;
    PERFORM mlops.check_gates(model || '/' || v) FROM generate_series(1, 6) v;
    PERFORM mlops.promote(model, 1), mlops.promote(model, 2);
    PERFORM mlops.score_into(model, 'rows', 'scores_' || model);
    PERFORM mlops.forget(model, '7');
END $$;
CALL pg_temp.fill('m');
CALL pg_temp.fill('n');

CREATE FUNCTION pg_temp.rows_of(of_model text) RETURNS TABLE (relation text, n bigint) LANGUAGE plpgsql AS $$
DECLARE
    id uuid := (SELECT model_id FROM mlops.registered_models WHERE name = of_model);
BEGIN
    FOR relation IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'model_id' WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE format('SELECT count(*) FROM mlops.%I WHERE model_id = $1', relation) INTO n USING id;
        RETURN NEXT;
    END LOOP;
END $$;
CREATE FUNCTION pg_temp.empty_tables() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    t text;
    n bigint;
BEGIN
    FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('SELECT count(*) FROM mlops.%I', t) INTO n;
        IF n = 0 THEN RETURN NEXT t; END IF;
    END LOOP;
END $$;
SELECT is_empty('SELECT pg_temp.empty_tables()', 'every table has rows');
SELECT is_empty($$SELECT relation FROM pg_temp.rows_of('m') WHERE n = 0$$, 'of the model, too');
SELECT is_empty('SELECT pg_temp.orphans()', 'all is well');
SELECT is_empty('SELECT * FROM mlops.check_all()', '... and check_all agrees');
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.rows_of('n');

SELECT lives_ok($$SELECT mlops.delete_version('m/3')$$, 'a version is deleted');
SELECT is_empty('SELECT pg_temp.orphans()', '... with all that refers to it');
SELECT lives_ok($$SELECT mlops.delete_version('m/5')$$, 'one that a search found');
SELECT is_empty('SELECT pg_temp.orphans()', '... with all that refers to it');
SELECT is((SELECT count(*) FROM mlops.tunings t JOIN mlops.registered_models r USING (model_id) WHERE r.name = 'm'), 1::bigint, '... and its search, the other one stays');
SELECT lives_ok($$SELECT mlops.rollback('m'); SELECT * FROM mlops.forget('m', '8')$$, 'a rollback, an erasure');
SELECT lives_ok($$SELECT count(*) FROM mlops.prune('m', 1)$$, 'old versions are pruned');
SELECT is_empty('SELECT pg_temp.orphans()', '... with all that refers to them');
SELECT is_empty('SELECT * FROM mlops.check_all()', 'check_all agrees');
SELECT lives_ok($$SELECT mlops.drop_alias('m', 'best'), mlops.promote('m', version, 'Archived') FROM mlops.deployments WHERE model = 'm' AND stage = 'Production'$$, 'nothing serves any more');
SELECT lives_ok($$SELECT mlops.drop_model('m')$$, 'the model is dropped');
SELECT is_empty('SELECT pg_temp.orphans()', '... with all that refers to it');
SELECT is_empty('SELECT * FROM mlops.check_all()', 'check_all agrees');
SELECT set_eq('SELECT * FROM before', $$SELECT * FROM pg_temp.rows_of('n')$$, 'the other model has all of its rows');
SELECT lives_ok($$SELECT mlops.delete_run(run_id) FROM mlops.experiment_runs WHERE experiment = 'm' AND parent_run_id IS NULL$$, 'a run that others are part of');
SELECT is_empty('SELECT pg_temp.orphans()', '... leaves no parent behind');
SELECT is_empty($$SELECT * FROM mlops.trials WHERE model = 'm'$$, 'trials of searches went with the model');

-- check_all sees orphans in every table: what refers to a thing that is taken away behind its back is named
CREATE FUNCTION pg_temp.unseen(parent text, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    expected text[];
    seen text[];
BEGIN
    BEGIN
        EXECUTE statement;
        expected := ARRAY(SELECT DISTINCT split_part(o, ' ', 3) FROM pg_temp.orphans() o WHERE o ~ (' without ' || parent || ':') UNION SELECT DISTINCT split_part(split_part(o, ':', 1), ' ', 3) FROM pg_temp.orphans() o WHERE parent = 'model_versions' AND o LIKE 'version of %');
        seen := ARRAY(SELECT DISTINCT object FROM mlops.check_all());
        RAISE EXCEPTION USING ERRCODE = 'ZZ001';
    EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
        IF cardinality(expected) = 0 THEN RETURN NEXT 'nothing refers to ' || parent; END IF;
        RETURN QUERY SELECT unnest(expected) EXCEPT SELECT unnest(seen);
    END;
END $$;
SELECT is_empty(format('SELECT pg_temp.unseen(%L, %L)', p, s), 'orphans of ' || p) FROM (VALUES
    ('registered_models', 'DELETE FROM mlops.registered_models'), ('model_versions', 'DELETE FROM mlops.model_versions'), ('runs', 'DELETE FROM mlops.runs'),
    ('datasets', 'DELETE FROM mlops.datasets'), ('experiments', 'DELETE FROM mlops.experiments')) x (p, s);

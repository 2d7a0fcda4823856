-- For tests of the registry: versions without training.  As superuser, straight
-- into the tables, as catalog_add_version writes them; bytes are of no model.
CREATE FUNCTION pg_temp.add_version(model text, role regrole, bytes bytea DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    content bytea := coalesce(bytes, convert_to(model || clock_timestamp()::text || random()::text, 'UTF8'));
    m mlops.registered_models;
    run uuid := gen_random_uuid();
    dataset uuid := gen_random_uuid();
BEGIN
    INSERT INTO mlops.model_blobs VALUES (sha256(content), 0, content) ON CONFLICT DO NOTHING;
    INSERT INTO mlops.experiments (name) VALUES (model) ON CONFLICT DO NOTHING;
    INSERT INTO mlops.registered_models (name, owner, experiment_id)
        SELECT e.name, role, e.experiment_id FROM mlops.experiments e WHERE e.name = add_version.model
        ON CONFLICT DO NOTHING;
    UPDATE mlops.registered_models r SET last_version = last_version + 1, last_event = last_event + 1
        WHERE r.name = add_version.model RETURNING * INTO m;
    INSERT INTO mlops.runs (run_uuid, name, user_id, status, start_time, experiment_id)
        VALUES (run, model || '/' || m.last_version, role, 'FINISHED', now(), m.experiment_id);
    INSERT INTO mlops.params VALUES (run, 'penalty', '0.5');
    INSERT INTO mlops.metrics (run_uuid, key, value, is_nan) VALUES (run, 'roc_auc', 0.75, false), (run, 'log_loss', 0, true);
    INSERT INTO mlops.datasets (dataset_uuid, experiment_id, name, dataset_source) VALUES (dataset, m.experiment_id, model, 'SELECT 1');
    INSERT INTO mlops.inputs VALUES (run, dataset);
    INSERT INTO mlops.model_versions (model_id, version, run_id, model_sha256, model_bytes, algorithm, task, source, target,
            user_id, rows_train, rows_test, rows_skipped, seconds)
        VALUES (m.model_id, m.last_version, run, sha256(content), length(content), 'logistic', 'binary', 'SELECT 1', 'y',
            role, 80, 20, 0, 0.1);
    INSERT INTO mlops.stage_history (model_id, event, version, action, from_stage, to_stage, changed_by)
        VALUES (m.model_id, m.last_event, m.last_version, 'register', 'None', 'None', role);
    RETURN m.last_version;
END $$;

-- Runs one statement as a role: its value as text, or SQLSTATE, message, detail and hint.
-- Dynamic, so that the statement is analysed as that role; the exception block restores the role.
CREATE FUNCTION pg_temp.try_as(role text, statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    result text;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    PERFORM set_config('role', role, true);
    EXECUTE statement INTO result;
    PERFORM set_config('role', 'none', true);
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;

CREATE FUNCTION pg_temp.production(model text) RETURNS integer
LANGUAGE sql AS $$ SELECT production_version FROM mlops.models m WHERE m.model = production.model $$;

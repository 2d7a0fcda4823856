\echo Use "ALTER EXTENSION mlops UPDATE" to load this file. \quit
-- From 0.0.9, which trained, promoted and scored, but had no tracking, gates, searches, proof or explanations.
--
-- What has changed is written out; parts of the script that the older version lacks as a whole are named in lines
-- "-- include FILE", which the build replaces by the file.  A difference to a new installation fails test/t/085_update.pl.
--
-- mlops.train has one argument more and mlops.fingerprint(text) gives another value: views and functions of users that
-- depend on the old ones (BEGIN ATOMIC) must be dropped before.

-- tables

CREATE TABLE mlops.experiment_tags (
    experiment_id uuid NOT NULL,
    key           text NOT NULL,
    value         text NOT NULL,
    PRIMARY KEY (experiment_id, key)
);
COMMENT ON TABLE mlops.experiment_tags IS 'Free key-value labels of experiments.';

CREATE INDEX runs_experiment ON mlops.runs (experiment_id);
CREATE INDEX tags_parent ON mlops.tags (value) WHERE key = 'mlflow.parentRunId';

ALTER TABLE mlops.registered_models ADD COLUMN require_approval boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mlops.registered_models.require_approval IS 'A version needs an approval from somebody else than its author before it enters Production.';
ALTER TABLE mlops.model_grants DROP CONSTRAINT model_grants_privilege_check;
ALTER TABLE mlops.model_grants ADD CONSTRAINT model_grants_privilege_check
    CHECK (privilege IN ('read', 'predict', 'write', 'approve', 'manage'));

CREATE TABLE mlops.approvals (
    model_id    uuid NOT NULL,
    version     integer NOT NULL,
    approver    regrole NOT NULL,
    approved_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    comment     text,
    PRIMARY KEY (model_id, version, approver)
);
COMMENT ON TABLE mlops.approvals IS 'Who approved which version; read mlops.version_approvals.';

CREATE TABLE mlops.model_gates (
    model_id            uuid NOT NULL,
    gate                text COLLATE "C" NOT NULL,
    mode                text NOT NULL CHECK (mode IN ('disabled', 'dry_run', 'enabled')),
    metric              text,
    threshold           float8,
    higher_is_better    boolean,
    min_absolute_change float8,
    min_relative_change float8,
    slice               text,
    max_slice_loss      float8,
    min_slice_rows      bigint,
    source              text,
    query               text,
    condition           text,
    author              regrole NOT NULL,
    search_path         text NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (model_id, gate),
    CHECK ((metric IS NULL) <> (condition IS NULL))
);
COMMENT ON TABLE mlops.model_gates IS 'What a version must pass to enter Production; read mlops.gates.';
COMMENT ON COLUMN mlops.model_gates.author IS 'Whose rights source, slice, query and condition are evaluated with.';
COMMENT ON COLUMN mlops.model_gates.search_path IS 'In force when the gate was set; used whenever it is evaluated.';

CREATE TABLE mlops.gate_checks (
    check_id         uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    model_id         uuid NOT NULL,
    version          integer NOT NULL,
    gate             text NOT NULL,
    mode             text NOT NULL,
    metric           text,
    slice            text,
    value            float8,
    baseline         float8,
    baseline_version integer,
    rows_checked     bigint,
    passed           boolean NOT NULL,
    message          text NOT NULL,
    purpose          text NOT NULL CHECK (purpose IN ('check', 'promote', 'force')),
    checked_at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    checked_by       regrole NOT NULL,
    PRIMARY KEY (check_id)
);
CREATE INDEX gate_checks_version ON mlops.gate_checks (model_id, version, checked_at);
COMMENT ON TABLE mlops.gate_checks IS 'Every evaluation of a gate that was committed; read mlops.gate_results.';

REVOKE ALL ON mlops.experiment_tags, mlops.approvals, mlops.model_gates, mlops.gate_checks FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mlops.experiment_tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.approvals', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_gates',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = author)');
SELECT pg_catalog.pg_extension_config_dump('mlops.gate_checks', '');

-- views

COMMENT ON FUNCTION mlops.has_access(text, text) IS
    'whether the current role has a privilege (read, predict, write, approve, manage, or any) on a model; false for models that do not exist';
COMMENT ON FUNCTION mlops.has_access(uuid, text) IS
    'Internal: whether the current role has a privilege on the model of that id; the filter of the views';

CREATE OR REPLACE VIEW mlops.versions WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       v.stage,
       v.algorithm,
       v.task,
       pg_catalog.encode(v.model_sha256, 'hex') AS model_sha256,
       CASE WHEN r.can_read THEN
           (SELECT pg_catalog.jsonb_object_agg(k.key, CASE WHEN k.is_nan THEN NULL ELSE k.value END ORDER BY k.step)
            FROM mlops.metrics k WHERE k.run_uuid = v.run_id) END AS metrics,
       CASE WHEN r.can_read THEN
           (SELECT pg_catalog.jsonb_object_agg(k.key, k.value)
            FROM mlops.params k WHERE k.run_uuid = v.run_id) END AS params,
       v.rows_train,
       v.rows_test,
       v.rows_skipped,
       v.target,
       v.key,
       CASE WHEN r.can_read THEN v.source END AS source,
       pg_catalog.pg_get_userbyid(v.user_id)::pg_catalog.text COLLATE "default" AS author,
       v.creation_time AS created_at,
       v.last_updated_time AS updated_at,
       v.seconds,
       v.model_bytes,
       v.description,
       (SELECT pg_catalog.array_agg(a.alias COLLATE "default" ORDER BY a.alias) FROM mlops.aliases a
        WHERE a.model_id = v.model_id AND a.version = v.version) AS aliases,
       (SELECT pg_catalog.jsonb_object_agg(t.key, t.value) FROM mlops.version_tags t
        WHERE t.model_id = v.model_id AND t.version = v.version) AS tags,
       v.run_id,
       v.model_id
FROM mlops.registered_models m
JOIN mlops.model_versions v USING (model_id)
CROSS JOIN LATERAL (SELECT mlops.has_access(v.model_id, 'read') AS can_read) r
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON COLUMN mlops.versions.metrics IS 'Of the held-out rows, each at its last step; null where a metric is undefined.';

CREATE OR REPLACE VIEW mlops.history WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       h.event,
       h.version,
       h.action,
       CASE WHEN h.action <> 'register' THEN h.from_stage END AS from_stage,
       h.to_stage,
       h.changed_at,
       pg_catalog.pg_get_userbyid(h.changed_by)::pg_catalog.text COLLATE "default" AS changed_by,
       h.forced,
       h.comment,
       h.model_id
FROM mlops.registered_models m
JOIN mlops.stage_history h USING (model_id)
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON COLUMN mlops.history.from_stage IS 'NULL where the version was registered.';

CREATE VIEW mlops.visible_runs WITH (security_barrier) AS
SELECT r.*
FROM mlops.runs r
WHERE pg_catalog.pg_has_role(r.user_id::pg_catalog.oid, 'USAGE')
   OR EXISTS (SELECT FROM mlops.model_versions v WHERE v.run_id = r.run_uuid AND mlops.has_access(v.model_id, 'read'));
COMMENT ON VIEW mlops.visible_runs IS 'Runs that the current role may see: the filter of the views of runs, not for direct use.';
REVOKE ALL ON mlops.visible_runs FROM PUBLIC;

CREATE OR REPLACE VIEW mlops.experiment_runs WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       e.name AS experiment,
       r.run_uuid AS run_id,
       r.name AS run_name,
       r.status,
       pg_catalog.pg_get_userbyid(r.user_id)::pg_catalog.text COLLATE "default" AS author,
       r.start_time,
       r.end_time,
       r.arguments,
       r.environment,
       r.source_version AS mlops_version,
       (SELECT pg_catalog.jsonb_object_agg(k.key, k.value) FROM mlops.params k WHERE k.run_uuid = r.run_uuid) AS params,
       (SELECT pg_catalog.jsonb_object_agg(k.key, CASE WHEN k.is_nan THEN NULL ELSE k.value END ORDER BY k.step)
        FROM mlops.metrics k WHERE k.run_uuid = r.run_uuid) AS metrics,
       (SELECT pg_catalog.jsonb_object_agg(k.key, k.value) FROM mlops.tags k WHERE k.run_uuid = r.run_uuid) AS tags,
       d.dataset_source AS source,
       d.digest,
       d.dataset_schema AS features,
       d.dataset_profile AS profile,
       d.source_relations,
       d.search_path,
       (SELECT k.value::pg_catalog.uuid FROM mlops.tags k
        WHERE k.run_uuid = r.run_uuid AND k.key = 'mlflow.parentRunId'
          AND k.value ~ '^[0-9a-f]{32}$') AS parent_run_id,
       (SELECT k.value FROM mlops.tags k WHERE k.run_uuid = r.run_uuid AND k.key = 'mlflow.note.content') AS note
FROM mlops.visible_runs r
JOIN mlops.experiments e ON e.experiment_id = r.experiment_id
LEFT JOIN mlops.model_versions v ON v.run_id = r.run_uuid AND mlops.has_access(v.model_id, 'read')
LEFT JOIN mlops.registered_models m ON m.model_id = v.model_id
LEFT JOIN LATERAL (SELECT x.* FROM mlops.inputs i JOIN mlops.datasets x ON x.dataset_uuid = i.dataset_uuid
                   WHERE i.run_uuid = r.run_uuid AND i.context = 'training'
                   ORDER BY x.dataset_uuid LIMIT 1) d ON true;
COMMENT ON VIEW mlops.experiment_runs IS 'Runs of yours and runs that made versions which you may read: arguments, parameters, latest metrics, data, software.';
COMMENT ON COLUMN mlops.experiment_runs.model IS 'The model that the run made a version of, if it made one that you may read.';
COMMENT ON COLUMN mlops.experiment_runs.metrics IS 'Each at its last step; null where undefined.';

-- functions

COMMENT ON FUNCTION mlops.promote(text, integer, text, text, boolean) IS
    'moves a version (argument, or ''churn/3'', or the newest) to a stage; Production asks for gates and approval, and the version that was there becomes Archived; needs manage';

CREATE FUNCTION mlops.promote(model text, version text, stage text DEFAULT NULL,
                              comment text DEFAULT NULL, force boolean DEFAULT false,
                              OUT model text, OUT version integer, OUT from_stage text, OUT to_stage text,
                              OUT previous_production integer)
    AS 'MODULE_PATHNAME', 'mlops_promote_text'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.promote(text, text, text, text, boolean) IS
    'the same with a text: a version number, or a stage, to which the newest version (or the one of ''churn/3'') goes: promote(''churn'', ''Staging'')';
REVOKE ALL ON FUNCTION mlops.promote(text, text, text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.promote(text, text, text, text, boolean) TO PUBLIC;

COMMENT ON FUNCTION mlops.rollback(text, text) IS
    'puts back the version that was in Production before, without asking gates again; twice goes back two; needs manage';
COMMENT ON FUNCTION mlops.grant_access(text, text, text) IS
    'grants privileges (read, predict, write, approve, manage, a comma-separated list, or all) on a model to a role or ''public''; needs manage';

DROP FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb);
CREATE FUNCTION mlops.train(
    model text,
    source text,
    target text DEFAULT NULL,
    algorithm text DEFAULT 'gbm',
    params jsonb DEFAULT '{}',
    features text[] DEFAULT NULL,
    exclude text[] DEFAULT NULL,
    key text DEFAULT NULL,
    weight text DEFAULT NULL,
    task text DEFAULT NULL,
    positive text DEFAULT NULL,
    threshold jsonb DEFAULT NULL,
    calibrate text DEFAULT NULL,
    split jsonb DEFAULT NULL,
    transform jsonb DEFAULT NULL,
    seed bigint DEFAULT 42,
    tags jsonb DEFAULT '{}',
    snapshot text DEFAULT NULL
) RETURNS TABLE (
    model text,
    version integer,
    run_id uuid,
    algorithm text,
    task text,
    rows_train bigint,
    rows_test bigint,
    rows_skipped bigint,
    metrics jsonb,
    seconds float8
)
AS 'MODULE_PATHNAME', 'mlops_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE
COST 1000000 ROWS 1;
COMMENT ON FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb, text) IS
    'Fits a model to the rows of a table, view or SELECT, evaluates it on held-out rows and registers it as a new version.';
REVOKE ALL ON FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb, text) TO PUBLIC;

CREATE FUNCTION mlops.predict_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'mlops_predict_support' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.predict_support(internal) IS
    'tells the planner what a prediction costs and how to fetch no more columns for it than the model needs';
REVOKE ALL ON FUNCTION mlops.predict_support(internal) FROM PUBLIC;

CREATE FUNCTION mlops.served_is(model text, sha256 bytea) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_served_is' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION mlops.served_is(text, bytea) IS
    'Internal: whether a reference means a model with this hash that the caller may predict with; part of rewritten predictions, where the hash is that of planning';
REVOKE ALL ON FUNCTION mlops.served_is(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.served_is(text, bytea) TO PUBLIC;

ALTER FUNCTION mlops.predict(text, "any") SUPPORT mlops.predict_support;
ALTER FUNCTION mlops.predict_label(text, "any") SUPPORT mlops.predict_support;
ALTER FUNCTION mlops.predict_proba(text, "any") SUPPORT mlops.predict_support;

COMMENT ON FUNCTION mlops.progress_slots() IS
    'Internal: rows behind mlops.training_progress. Texts and losses are NULL for trainings of roles whose privileges the caller does not have.';

CREATE FUNCTION mlops.training_digest(source text)
RETURNS text
AS 'MODULE_PATHNAME', 'mlops_training_digest'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION mlops.training_digest(text) IS
    'SHA-256 of the rows of a table, view or SELECT as training reads them; the same for any physical order of rows.';
REVOKE ALL ON FUNCTION mlops.training_digest(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.training_digest(text) TO PUBLIC;

DROP FUNCTION mlops.fingerprint(text);

-- include sql/36_tracking.sql
-- include sql/37_mlflow_views.sql
-- include sql/38_governance.sql
-- include sql/39_lifecycle.sql
-- include sql/39_score_tables.sql
-- include sql/39_transfer.sql
-- include sql/46_cross_validate.sql
-- include sql/47_tune.sql
-- include sql/56_explain.sql
-- include sql/72_fingerprint.sql
-- include sql/80_verify.sql
-- include sql/82_check_all.sql
-- include sql/84_lineage.sql
-- include sql/86_forget.sql
-- include sql/88_citus.sql
-- include sql/99_final.sql

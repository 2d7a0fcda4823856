\echo Use "ALTER EXTENSION mlops UPDATE" to load this file. \quit
-- From 0.0.9, which trained, promoted and scored, but had no tracking, gates, searches, proof or explanations.
--
-- Changes of tables are written out, and so is what must be dropped because its arguments or results differ.  The build puts parts of the
-- script of today into it: "-- include FILE" as it is, where the older version has nothing of it; "-- replace FILE" with CREATE OR REPLACE,
-- where it has.  A difference to a new installation fails test/t/085_update.pl.
--
-- Views and functions of users (BEGIN ATOMIC) that depend on what is dropped here must be dropped before.

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

-- functions with other arguments, results or meanings

DROP FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb);
DROP FUNCTION mlops.model_params(text);
DROP FUNCTION mlops.model_params(mlops.model);
DROP FUNCTION mlops.fingerprint(text);

-- all the rest, in the order of the script

-- replace sql/30_views.sql
-- replace sql/35_registry.sql
-- include sql/36_tracking.sql
-- include sql/37_mlflow_views.sql
-- include sql/38_governance.sql
-- include sql/39_lifecycle.sql
-- include sql/39_score_tables.sql
-- include sql/39_transfer.sql
-- replace sql/40_train.sql
-- include sql/41_read_rows.sql
-- replace sql/45_fit_aggregates.sql
-- include sql/46_cross_validate.sql
-- include sql/47_tune.sql
-- replace sql/50_predict.sql
-- replace sql/55_inspect.sql
-- include sql/56_explain.sql
-- replace sql/60_evaluate.sql
-- replace sql/65_metric_aggregates.sql
-- replace sql/70_progress.sql
-- replace sql/71_describe.sql
-- include sql/72_fingerprint.sql
-- include sql/80_verify.sql
-- include sql/82_check_all.sql
-- include sql/84_lineage.sql
-- include sql/86_forget.sql
-- include sql/88_citus.sql
-- include sql/99_final.sql

-- Internal tables.  No privileges for users: views (30_views.sql) and functions
-- are the surface.  Keys are uuids, names or hashes; no sequences, so that dumps,
-- merges and copies between databases never collide.  Text that C code looks up
-- through an index has collation "C": ASCII, and independent of the library that
-- an operating system upgrade may change.
--
-- There are no foreign keys.  pg_restore --jobs fills the tables of an extension
-- with their constraints in place and in any order (pg_dump records an order for
-- one process only), and would lose whatever came before what it refers to.
-- Instead, everything that concerns a model is written and removed by
-- src/registry and src/pg/catalog_write.c under a lock on the model's row.

CREATE TABLE mlops.experiments (
    experiment_id    uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name             text NOT NULL UNIQUE,
    lifecycle_stage  text NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    creation_time    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_update_time timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE mlops.experiments IS 'Groups of runs; each registered model has an experiment of its name.';

CREATE TABLE mlops.experiment_tags (
    experiment_id uuid NOT NULL,
    key           text NOT NULL,
    value         text NOT NULL,
    PRIMARY KEY (experiment_id, key)
);
COMMENT ON TABLE mlops.experiment_tags IS 'Free key-value labels of experiments.';

CREATE TABLE mlops.runs (
    run_uuid         uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name             text,
    source_type      text NOT NULL DEFAULT 'TRAIN',
    source_name      text,
    entry_point_name text,
    user_id          regrole NOT NULL,
    status           text NOT NULL CHECK (status IN ('SCHEDULED', 'RUNNING', 'FINISHED', 'FAILED', 'KILLED')),
    start_time       timestamptz NOT NULL,
    end_time         timestamptz,
    source_version   text,
    lifecycle_stage  text NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    experiment_id    uuid NOT NULL,
    arguments        jsonb,
    environment      text
);
CREATE INDEX runs_experiment ON mlops.runs (experiment_id);
COMMENT ON TABLE mlops.runs IS 'One row for each training or tracked piece of work; read mlops.experiment_runs.';
COMMENT ON COLUMN mlops.runs.arguments IS 'Every argument of the call as given, for verification and retraining.';
COMMENT ON COLUMN mlops.runs.environment IS 'What results of LAPACK depend on: BLAS build, core type; server version.';
COMMENT ON COLUMN mlops.runs.source_version IS 'Version of mlops.';

CREATE TABLE mlops.params (
    run_uuid uuid NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (run_uuid, key)
);
COMMENT ON TABLE mlops.params IS 'Parameters of runs as they were used, defaults included.';

CREATE TABLE mlops.metrics (
    run_uuid    uuid NOT NULL,
    key         text NOT NULL,
    step        bigint NOT NULL DEFAULT 0,
    value       float8 NOT NULL,
    "timestamp" timestamptz NOT NULL DEFAULT pg_catalog.now(),
    is_nan      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_uuid, key, step)
);
COMMENT ON TABLE mlops.metrics IS 'Metrics of runs; for a training, those of the held-out rows.';
COMMENT ON COLUMN mlops.metrics.is_nan IS 'The metric is undefined; value is then 0.';

CREATE TABLE mlops.tags (
    run_uuid uuid NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (run_uuid, key)
);
COMMENT ON TABLE mlops.tags IS 'Free key-value labels of runs.';
-- runs that are part of a run
CREATE INDEX tags_parent ON mlops.tags (value) WHERE key = 'mlflow.parentRunId';

CREATE TABLE mlops.datasets (
    dataset_uuid        uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    experiment_id       uuid NOT NULL,
    name                text NOT NULL,
    digest              text,
    dataset_source_type text NOT NULL DEFAULT 'sql',
    dataset_source      text NOT NULL,
    dataset_schema      jsonb,
    dataset_profile     jsonb,
    source_relations    jsonb,
    search_path         text
);
COMMENT ON TABLE mlops.datasets IS 'What was read: exact source text, columns, relations and their definitions.';
COMMENT ON COLUMN mlops.datasets.digest IS 'Fingerprint of the rows.';
COMMENT ON COLUMN mlops.datasets.dataset_schema IS 'Features: name, type, kind.';
COMMENT ON COLUMN mlops.datasets.search_path IS 'In force for whoever read the source.';

CREATE TABLE mlops.inputs (
    run_uuid     uuid NOT NULL,
    dataset_uuid uuid NOT NULL,
    context      text NOT NULL DEFAULT 'training',
    PRIMARY KEY (run_uuid, dataset_uuid, context)
);
COMMENT ON TABLE mlops.inputs IS 'Which run read which data set.';

CREATE TABLE mlops.registered_models (
    model_id          uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name              text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_-]{0,62}$'),
    owner             regrole NOT NULL,
    experiment_id     uuid NOT NULL,
    description       text,
    creation_time     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_updated_time timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_version      integer NOT NULL DEFAULT 0,
    last_event        integer NOT NULL DEFAULT 0,
    production_event  integer,
    require_approval  boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE mlops.registered_models IS 'Models by immutable id and unique name; last_version is never reused.';
COMMENT ON COLUMN mlops.registered_models.last_version IS 'Highest version number ever given out.';
COMMENT ON COLUMN mlops.registered_models.require_approval IS 'A version needs an approval from somebody else than its author before it enters Production.';
COMMENT ON COLUMN mlops.registered_models.last_event IS 'Highest number in stage_history.';
COMMENT ON COLUMN mlops.registered_models.production_event IS 'The stage_history event on top of the Production stack: the one that made the present Production version, or, where there is none, the one that rollback would restore.';

CREATE TABLE mlops.model_blobs (
    sha256   bytea NOT NULL CHECK (pg_catalog.octet_length(sha256) = 32),
    chunk_no integer NOT NULL CHECK (chunk_no >= 0),
    data     bytea NOT NULL,
    PRIMARY KEY (sha256, chunk_no)
);
ALTER TABLE mlops.model_blobs ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE mlops.model_blobs IS 'Model bytes by SHA-256, in chunks of at most 8 MB.';

CREATE TABLE mlops.model_versions (
    model_id          uuid NOT NULL,
    version           integer NOT NULL CHECK (version > 0),
    stage             text NOT NULL DEFAULT 'None' CHECK (stage IN ('None', 'Staging', 'Production', 'Archived')),
    run_id            uuid NOT NULL,
    model_sha256      bytea NOT NULL CHECK (pg_catalog.octet_length(model_sha256) = 32),
    model_bytes       bigint NOT NULL,
    algorithm         text NOT NULL,
    task              text NOT NULL,
    source            text,
    target            text,
    key               text,
    user_id           regrole NOT NULL,
    creation_time     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_updated_time timestamptz NOT NULL DEFAULT pg_catalog.now(),
    description       text,
    rows_train        bigint NOT NULL,
    rows_test         bigint NOT NULL,
    rows_skipped      bigint NOT NULL,
    seconds           float8 NOT NULL,
    PRIMARY KEY (model_id, version)
);
CREATE UNIQUE INDEX model_versions_production ON mlops.model_versions (model_id) WHERE stage = 'Production';
CREATE INDEX model_versions_sha256 ON mlops.model_versions (model_sha256);
CREATE INDEX model_versions_run ON mlops.model_versions (run_id);
COMMENT ON TABLE mlops.model_versions IS 'Versions of models; at most one of a model is in Production.';
COMMENT ON COLUMN mlops.model_versions.user_id IS 'Who trained it.';
COMMENT ON COLUMN mlops.model_versions.key IS 'Key columns, comma-separated.';

CREATE TABLE mlops.model_tags (
    model_id uuid NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (model_id, key)
);
COMMENT ON TABLE mlops.model_tags IS 'Free key-value labels of models.';

CREATE TABLE mlops.version_tags (
    model_id uuid NOT NULL,
    version  integer NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (model_id, version, key)
);
COMMENT ON TABLE mlops.version_tags IS 'Free key-value labels of versions.';

CREATE TABLE mlops.aliases (
    model_id uuid NOT NULL,
    alias    text COLLATE "C" NOT NULL CHECK (alias ~ '^[A-Za-z][A-Za-z0-9_-]{0,62}$'),
    version  integer NOT NULL,
    PRIMARY KEY (model_id, alias)
);
COMMENT ON TABLE mlops.aliases IS 'Names for versions: churn@champion.';

CREATE TABLE mlops.stage_history (
    model_id    uuid NOT NULL,
    event       integer NOT NULL,
    version     integer NOT NULL,
    action      text NOT NULL CHECK (action IN ('register', 'promote', 'archive', 'rollback')),
    from_stage  text NOT NULL,
    to_stage    text NOT NULL,
    below       integer,
    changed_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    changed_by  regrole NOT NULL,
    forced      boolean NOT NULL DEFAULT false,
    comment     text,
    PRIMARY KEY (model_id, event)
);
COMMENT ON TABLE mlops.stage_history IS 'Every change of stage, in order; never updated.';
COMMENT ON COLUMN mlops.stage_history.action IS 'register: the version was added; promote: asked for by promote; archive: made room for another Production version; rollback: asked for by rollback.';
COMMENT ON COLUMN mlops.stage_history.below IS 'For events that put a version into Production: the event that was on top of the stack before.';
COMMENT ON COLUMN mlops.stage_history.forced IS 'promote was called with force => true.';

CREATE TABLE mlops.model_grants (
    model_id   uuid NOT NULL,
    grantee    regrole NOT NULL,
    privilege  text NOT NULL CHECK (privilege IN ('read', 'predict', 'write', 'approve', 'manage')),
    granted_by regrole NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (model_id, grantee, privilege)
);
COMMENT ON TABLE mlops.model_grants IS 'Privileges on models; grantee 0 (shown as -) is PUBLIC.';

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

CREATE TABLE mlops.audit_log (
    audit_id   uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    xid        xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    role       regrole NOT NULL,
    action     text NOT NULL,
    model_id   uuid,
    model      text,
    version    integer,
    detail     jsonb
);
COMMENT ON TABLE mlops.audit_log IS 'Committed changes: who trained, promoted, granted, dropped.';
COMMENT ON COLUMN mlops.audit_log.model IS 'Name of the model at the time; kept when the model is gone.';

CREATE INDEX audit_log_model ON mlops.audit_log (model_id, at);

-- Nobody but the extension's owner touches the tables, and pg_dump takes their rows along.
REVOKE ALL ON
    mlops.experiments, mlops.experiment_tags, mlops.runs, mlops.params, mlops.metrics, mlops.tags, mlops.datasets, mlops.inputs,
    mlops.registered_models, mlops.model_blobs, mlops.model_versions, mlops.model_tags, mlops.version_tags,
    mlops.aliases, mlops.stage_history, mlops.model_grants, mlops.approvals, mlops.model_gates, mlops.gate_checks,
    mlops.audit_log
FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('mlops.experiments', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.experiment_tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.runs', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.params', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.metrics', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.datasets', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.inputs', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.registered_models', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_blobs', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_versions', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.version_tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.aliases', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.stage_history', '');
-- Grants to dropped roles are void; dumped as numbers they might come to life as another role elsewhere.
SELECT pg_catalog.pg_extension_config_dump('mlops.model_grants',
    'WHERE grantee = 0 OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = grantee)');
SELECT pg_catalog.pg_extension_config_dump('mlops.approvals', '');
-- Evaluated with the rights of their authors: without the author they are left behind, like grants.
SELECT pg_catalog.pg_extension_config_dump('mlops.model_gates',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = author)');
SELECT pg_catalog.pg_extension_config_dump('mlops.gate_checks', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.audit_log', '');

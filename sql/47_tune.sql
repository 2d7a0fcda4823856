-- Search for parameters.

CREATE TABLE mlops.tunings (
    tuning_id  uuid PRIMARY KEY,
    model      text COLLATE "C" NOT NULL,
    algorithm  text NOT NULL,
    user_id    regrole NOT NULL,
    arguments  jsonb NOT NULL,
    digest     text NOT NULL,
    metric     text NOT NULL,
    start_time timestamptz NOT NULL,
    end_time   timestamptz,
    model_id   uuid,
    version    integer
);
COMMENT ON TABLE mlops.tunings IS 'Searches for parameters; one row for each, its trials are in tuning_trials.';
COMMENT ON COLUMN mlops.tunings.model IS 'Name when the search began.';
COMMENT ON COLUMN mlops.tunings.arguments IS 'Every argument of the call but n_trials and tuning_id: a search goes on only with the same.';
COMMENT ON COLUMN mlops.tunings.digest IS 'Of the rows: a search goes on only with the same.';
COMMENT ON COLUMN mlops.tunings.model_id IS 'Of the version that the best trial became; null while the search has not come to its end.';

CREATE TABLE mlops.tuning_trials (
    tuning_id       uuid NOT NULL,
    trial_id        integer NOT NULL CHECK (trial_id > 0),
    hyperparameters jsonb NOT NULL,
    status          text NOT NULL CHECK (status IN ('SUCCEEDED', 'FAILED')),
    metrics         jsonb,
    score           float8,
    training_loss   float8,
    eval_loss       float8,
    error_message   text,
    seconds         float8 NOT NULL,
    PRIMARY KEY (tuning_id, trial_id)
);
COMMENT ON TABLE mlops.tuning_trials IS 'What a search tried, and how it went.';
COMMENT ON COLUMN mlops.tuning_trials.score IS 'The metric searched by, negated where less is better.';

REVOKE ALL ON mlops.tunings, mlops.tuning_trials FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mlops.tunings', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.tuning_trials', '');

CREATE VIEW mlops.trials WITH (security_barrier) AS
SELECT t.tuning_id,
       COALESCE(m.name, t.model) COLLATE "default" AS model,
       t.algorithm,
       k.trial_id,
       k.hyperparameters,
       k.metrics AS hparam_tuning_evaluation_metrics,
       k.training_loss,
       k.eval_loss,
       k.status,
       k.error_message,
       k.score IS NOT NULL AND k.trial_id = (SELECT b.trial_id FROM mlops.tuning_trials b
                                             WHERE b.tuning_id = k.tuning_id AND b.score IS NOT NULL
                                             ORDER BY b.score DESC, b.trial_id LIMIT 1) AS is_optimal,
       k.seconds,
       t.metric,
       t.version,
       pg_catalog.pg_get_userbyid(t.user_id)::pg_catalog.text COLLATE "default" AS author,
       t.start_time AS started_at
FROM mlops.tunings t
JOIN mlops.tuning_trials k USING (tuning_id)
LEFT JOIN mlops.registered_models m USING (model_id)
WHERE pg_catalog.pg_has_role(t.user_id, 'USAGE') OR mlops.has_access(t.model_id, 'read');
COMMENT ON VIEW mlops.trials IS
    'Trials of searches for parameters that you made, or whose model you may read; evaluation metrics are means over the folds.';
COMMENT ON COLUMN mlops.trials.is_optimal IS 'Best of the trials so far.';
COMMENT ON COLUMN mlops.trials.training_loss IS 'Log loss or mean squared error of at most 20,000 rows that were fitted, mean over the folds.';
COMMENT ON COLUMN mlops.trials.eval_loss IS 'The same of the rows left out.';
COMMENT ON COLUMN mlops.trials.version IS 'Of the model that the best trial became.';
REVOKE ALL ON mlops.trials FROM PUBLIC;
GRANT SELECT ON mlops.trials TO PUBLIC;

CREATE FUNCTION mlops.tune(
    model text,
    source text,
    target text,
    algorithm text,
    space jsonb,
    strategy text DEFAULT 'random',
    n_trials integer DEFAULT NULL,
    metric text DEFAULT NULL,
    folds integer DEFAULT NULL,
    holdout float8 DEFAULT NULL,
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
    tuning_id uuid DEFAULT NULL
) RETURNS TABLE (
    model text,
    version integer,
    run_id uuid,
    tuning_id uuid,
    trials integer,
    best_trial integer,
    hyperparameters jsonb,
    metric text,
    value float8,
    metrics jsonb,
    seconds float8
)
AS 'MODULE_PATHNAME', 'mlops_tune'
LANGUAGE C VOLATILE PARALLEL UNSAFE
COST 10000000 ROWS 1;
COMMENT ON FUNCTION mlops.tune IS
    'Tries parameters out of a space by cross-validation (or on a share held out), fits the best on all training rows and registers that as a new version, in one transaction. Trials are in mlops.trials.';
REVOKE ALL ON FUNCTION mlops.tune FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.tune TO PUBLIC;

CREATE PROCEDURE mlops.run_tuning(
    tuning_id uuid,
    model text,
    source text,
    target text,
    algorithm text,
    space jsonb,
    strategy text DEFAULT 'random',
    n_trials integer DEFAULT NULL,
    metric text DEFAULT NULL,
    folds integer DEFAULT NULL,
    holdout float8 DEFAULT NULL,
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
    tags jsonb DEFAULT '{}'
)
AS 'MODULE_PATHNAME', 'mlops_run_tuning'
LANGUAGE C;
COMMENT ON PROCEDURE mlops.run_tuning IS
    'As mlops.tune, committing after each trial. Called again with the same tuning_id and arguments, after a cancel or with more trials, it goes on with what is left.';
REVOKE ALL ON PROCEDURE mlops.run_tuning FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE mlops.run_tuning TO PUBLIC;

-- Cross-validation.

CREATE FUNCTION mlops.cross_validate(
    source text,
    target text,
    algorithm text DEFAULT 'gbm',
    params jsonb DEFAULT '{}',
    folds integer DEFAULT 5,
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
    seed bigint DEFAULT 42
) RETURNS TABLE (
    metric text,
    mean float8,
    sd float8,
    min float8,
    max float8,
    folds float8[]
)
AS 'MODULE_PATHNAME', 'mlops_cross_validate'
LANGUAGE C VOLATILE PARALLEL UNSAFE
COST 1000000 ROWS 12;
COMMENT ON FUNCTION mlops.cross_validate IS
    'Fits once for each fold on the other rows and evaluates on the fold: mean, standard deviation and values of each metric. The method of split (hash, stratified, group, time) makes the folds.';
REVOKE ALL ON FUNCTION mlops.cross_validate FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.cross_validate TO PUBLIC;

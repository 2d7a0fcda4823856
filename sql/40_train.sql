-- Training.

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
COMMENT ON FUNCTION mlops.train IS
    'Fits a model to the rows of a table, view or SELECT, evaluates it on held-out rows and registers it as a new version.';
REVOKE ALL ON FUNCTION mlops.train FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.train TO PUBLIC;

CREATE FUNCTION mlops.algorithm_parameters(
    OUT algorithm text,
    OUT summary text,
    OUT tasks text[],
    OUT parameter text,
    OUT type text,
    OUT default_value text,
    OUT minimum float8,
    OUT maximum float8,
    OUT choices text[],
    OUT synonyms text[],
    OUT description text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'mlops_algorithm_parameters'
LANGUAGE C IMMUTABLE PARALLEL SAFE
ROWS 50;
COMMENT ON FUNCTION mlops.algorithm_parameters() IS
    'One row for each parameter of each algorithm, from the tables that training validates against.';
REVOKE ALL ON FUNCTION mlops.algorithm_parameters() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.algorithm_parameters() TO PUBLIC;

CREATE VIEW mlops.algorithms AS
SELECT p.algorithm,
       p.summary,
       p.tasks,
       pg_catalog.jsonb_object_agg(p.parameter, CASE WHEN p.type IN ('integer', 'real', 'boolean') THEN p.default_value::pg_catalog.jsonb
                                                     ELSE pg_catalog.to_jsonb(p.default_value) END) FILTER (WHERE p.parameter IS NOT NULL) AS params
FROM mlops.algorithm_parameters() AS p
GROUP BY p.algorithm, p.summary, p.tasks;
COMMENT ON VIEW mlops.algorithms IS 'Algorithms with their tasks and the defaults of their parameters; details in mlops.algorithm_parameters().';
REVOKE ALL ON mlops.algorithms FROM PUBLIC;
GRANT SELECT ON mlops.algorithms TO PUBLIC;

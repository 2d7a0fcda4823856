-- Proof: are data and model still the same?

CREATE TABLE mlops.erasures (
    erasure_id   uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    dataset_uuid uuid NOT NULL,
    rows         bigint NOT NULL CHECK (rows > 0),
    digest       text NOT NULL,
    erased_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    erased_by    regrole NOT NULL
);
CREATE INDEX erasures_dataset ON mlops.erasures (dataset_uuid);
COMMENT ON TABLE mlops.erasures IS 'Rows of data sets that mlops.forget has taken out: how many, and their fingerprint; nothing that names a person.';
REVOKE ALL ON mlops.erasures FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('mlops.erasures', '');

CREATE FUNCTION mlops.verify(model text, version integer DEFAULT NULL)
RETURNS TABLE (model text, version integer, data_identical boolean, model_identical boolean, environment_identical boolean, changes text[], detail text)
AS 'MODULE_PATHNAME', 'mlops_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1;
COMMENT ON FUNCTION mlops.verify(text, integer) IS
    'Reads the source of a version (or the rows kept by snapshot) again, says whether the data are the same and what has changed; when they are the same, trains again as recorded and compares the bytes of the models. Registers nothing.';
REVOKE ALL ON FUNCTION mlops.verify(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.verify(text, integer) TO PUBLIC;

CREATE VIEW mlops.profiles WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       p.column_name,
       p.data_type,
       p.role,
       p.count,
       p.num_nulls,
       p.percent_null,
       p.distinct_count,
       p.avg,
       p.stddev,
       p.min,
       p.max,
       p.median,
       p.quantiles,
       p.num_zeros,
       p.num_nan,
       p.frequent_items,
       v.model_id
FROM mlops.registered_models m
JOIN mlops.model_versions v USING (model_id)
JOIN mlops.inputs i ON i.run_uuid = v.run_id AND i.context = 'training'
JOIN mlops.datasets d USING (dataset_uuid)
CROSS JOIN LATERAL ROWS FROM (pg_catalog.jsonb_to_recordset(d.dataset_profile) AS (
    column_name text, data_type text, role text, count bigint, num_nulls bigint, percent_null float8, distinct_count float8,
    avg float8, stddev float8, min text, max text, median float8, quantiles jsonb, num_zeros bigint, num_nan bigint, frequent_items jsonb))
    WITH ORDINALITY AS p (column_name, data_type, role, count, num_nulls, percent_null, distinct_count, avg, stddev, min, max, median,
    quantiles, num_zeros, num_nan, frequent_items, place)
WHERE mlops.has_access(m.model_id, 'read');
COMMENT ON VIEW mlops.profiles IS 'What trainings have read, column by column, of models that you may read; column :table is the whole table.';
COMMENT ON COLUMN mlops.profiles.quantiles IS 'With median and, for numbers, distinct_count: estimates from a sample by hash.';
REVOKE ALL ON mlops.profiles FROM PUBLIC;
GRANT SELECT ON mlops.profiles TO PUBLIC;

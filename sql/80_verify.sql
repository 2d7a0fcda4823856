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

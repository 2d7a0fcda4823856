-- The schema itself is made by CREATE EXTENSION (mlops.control names it).

COMMENT ON SCHEMA mlops IS
	'machine learning life cycle: train, version, stage, score and monitor models in SQL';

REVOKE ALL ON SCHEMA mlops FROM PUBLIC;
GRANT USAGE ON SCHEMA mlops TO PUBLIC;

CREATE FUNCTION mlops.version() RETURNS text
	AS 'MODULE_PATHNAME', 'mlops_version'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.version() IS 'version of the loaded mlops library';
GRANT EXECUTE ON FUNCTION mlops.version() TO PUBLIC;

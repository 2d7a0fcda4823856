-- Fingerprints of rows: of any query as an aggregate, of a source as a function, the same in both and in every training's record.

CREATE FUNCTION mlops.fingerprint_accumulate(state bytea, "row" record) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_fingerprint_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.fingerprint_accumulate(bytea, record) IS 'transition function of mlops.fingerprint';
REVOKE ALL ON FUNCTION mlops.fingerprint_accumulate(bytea, record) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fingerprint_accumulate(bytea, record) TO PUBLIC;

CREATE FUNCTION mlops.fingerprint_combine(state bytea, other bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_fingerprint_combine'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.fingerprint_combine(bytea, bytea) IS 'combine function of mlops.fingerprint';
REVOKE ALL ON FUNCTION mlops.fingerprint_combine(bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fingerprint_combine(bytea, bytea) TO PUBLIC;

CREATE FUNCTION mlops.fingerprint_final(state bytea) RETURNS text
    AS 'MODULE_PATHNAME', 'mlops_fingerprint_final'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.fingerprint_final(bytea) IS 'final function of mlops.fingerprint';
REVOKE ALL ON FUNCTION mlops.fingerprint_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fingerprint_final(bytea) TO PUBLIC;

CREATE AGGREGATE mlops.fingerprint("row" record) (
    SFUNC = mlops.fingerprint_accumulate,
    STYPE = bytea,
    SSPACE = 64,
    FINALFUNC = mlops.fingerprint_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.fingerprint_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.fingerprint(record) IS
    'Fingerprint of rows, 128 bits as hexadecimal digits: the same in any order of rows and columns, another when a value, a name or a row changes.';
REVOKE ALL ON FUNCTION mlops.fingerprint(record) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fingerprint(record) TO PUBLIC;

CREATE FUNCTION mlops.fingerprint(source text)
RETURNS text
AS 'MODULE_PATHNAME', 'mlops_fingerprint'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION mlops.fingerprint(text) IS
    'Fingerprint of the rows of a table, view or SELECT: what the aggregate gives for its rows, and what a training records.';
REVOKE ALL ON FUNCTION mlops.fingerprint(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fingerprint(text) TO PUBLIC;

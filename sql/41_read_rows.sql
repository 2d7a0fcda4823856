-- How mlops.train and its kin read rows with parallel workers: an aggregate that the planner puts below a Gather.
-- Its first argument stands for a read that is going on in this session; by hand it is an error.

CREATE FUNCTION mlops.read_rows_accumulate(state internal, token bytea, VARIADIC "columns" "any") RETURNS internal
    AS 'MODULE_PATHNAME', 'mlops_read_rows_accumulate'
    LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.read_rows_accumulate(internal, bytea, "any") IS 'transition function of mlops.read_rows';
REVOKE ALL ON FUNCTION mlops.read_rows_accumulate(internal, bytea, "any") FROM PUBLIC;

CREATE FUNCTION mlops.read_rows_combine(state internal, other internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'mlops_read_rows_combine'
    LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.read_rows_combine(internal, internal) IS 'combine function of mlops.read_rows';
REVOKE ALL ON FUNCTION mlops.read_rows_combine(internal, internal) FROM PUBLIC;

CREATE FUNCTION mlops.read_rows_serialize(state internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_read_rows_serialize'
    LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.read_rows_serialize(internal) IS 'serialization function of mlops.read_rows';
REVOKE ALL ON FUNCTION mlops.read_rows_serialize(internal) FROM PUBLIC;

CREATE FUNCTION mlops.read_rows_deserialize(mark bytea, state internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'mlops_read_rows_deserialize'
    LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.read_rows_deserialize(bytea, internal) IS 'deserialization function of mlops.read_rows';
REVOKE ALL ON FUNCTION mlops.read_rows_deserialize(bytea, internal) FROM PUBLIC;

CREATE FUNCTION mlops.read_rows_final(state internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_read_rows_final'
    LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.read_rows_final(internal) IS 'final function of mlops.read_rows';
REVOKE ALL ON FUNCTION mlops.read_rows_final(internal) FROM PUBLIC;

CREATE AGGREGATE mlops.read_rows(token bytea, VARIADIC "columns" "any") (
    SFUNC = mlops.read_rows_accumulate,
    STYPE = internal,
    FINALFUNC = mlops.read_rows_final,
    COMBINEFUNC = mlops.read_rows_combine,
    SERIALFUNC = mlops.read_rows_serialize,
    DESERIALFUNC = mlops.read_rows_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.read_rows(bytea, VARIADIC "any") IS
    'Internal: what mlops.train and its kin read rows with, where parallel workers help; an error when it is called by hand';
REVOKE ALL ON FUNCTION mlops.read_rows(bytea, VARIADIC "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.read_rows(bytea, VARIADIC "any") TO PUBLIC;

-- Least squares as aggregates over (y, x), x an array of any type of numbers: converting an array takes PostgreSQL longer than
-- least squares, and "any" or polymorphic arguments cannot be distributed.  A row with a NULL in y, x or an element of x, and a
-- row with NaN or an infinity, is left out.  A group without rows gives NULL.
--
-- The transition value is a mlops.state that waits for more rows; its functions are not for calling by hand.

CREATE FUNCTION mlops.linear_accumulate(state mlops.state, y float8, x float8[]) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.linear_accumulate(mlops.state, float8, float8[]) IS 'transition function of mlops.linear_fit and mlops.linear_state';
REVOKE ALL ON FUNCTION mlops.linear_accumulate(mlops.state, float8, float8[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_accumulate(mlops.state, float8, float8[]) TO PUBLIC;

CREATE FUNCTION mlops.linear_accumulate(state mlops.state, y float8, x real[]) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.linear_accumulate(mlops.state, float8, real[]) IS 'transition function of mlops.linear_fit and mlops.linear_state';
REVOKE ALL ON FUNCTION mlops.linear_accumulate(mlops.state, float8, real[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_accumulate(mlops.state, float8, real[]) TO PUBLIC;

CREATE FUNCTION mlops.linear_accumulate(state mlops.state, y float8, x integer[]) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.linear_accumulate(mlops.state, float8, integer[]) IS 'transition function of mlops.linear_fit and mlops.linear_state';
REVOKE ALL ON FUNCTION mlops.linear_accumulate(mlops.state, float8, integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_accumulate(mlops.state, float8, integer[]) TO PUBLIC;

CREATE FUNCTION mlops.linear_accumulate(state mlops.state, y float8, x bigint[]) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.linear_accumulate(mlops.state, float8, bigint[]) IS 'transition function of mlops.linear_fit and mlops.linear_state';
REVOKE ALL ON FUNCTION mlops.linear_accumulate(mlops.state, float8, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_accumulate(mlops.state, float8, bigint[]) TO PUBLIC;

CREATE FUNCTION mlops.linear_accumulate(state mlops.state, y float8, x smallint[]) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.linear_accumulate(mlops.state, float8, smallint[]) IS 'transition function of mlops.linear_fit and mlops.linear_state';
REVOKE ALL ON FUNCTION mlops.linear_accumulate(mlops.state, float8, smallint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_accumulate(mlops.state, float8, smallint[]) TO PUBLIC;

CREATE FUNCTION mlops.linear_accumulate(state mlops.state, y float8, x numeric[]) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.linear_accumulate(mlops.state, float8, numeric[]) IS 'transition function of mlops.linear_fit and mlops.linear_state';
REVOKE ALL ON FUNCTION mlops.linear_accumulate(mlops.state, float8, numeric[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_accumulate(mlops.state, float8, numeric[]) TO PUBLIC;

CREATE FUNCTION mlops.linear_combine(state mlops.state, other mlops.state) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_combine'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.linear_combine(mlops.state, mlops.state) IS 'combine function of mlops.linear_fit and mlops.linear_state, transition function of mlops.merge';
REVOKE ALL ON FUNCTION mlops.linear_combine(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_combine(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.linear_state_final(state mlops.state) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_state_final'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.linear_state_final(mlops.state) IS 'final function of mlops.linear_state and mlops.merge: the state as it is stored';
REVOKE ALL ON FUNCTION mlops.linear_state_final(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_state_final(mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.linear_fit_final(state mlops.state) RETURNS mlops.model
    AS 'MODULE_PATHNAME', 'mlops_linear_fit_final'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.linear_fit_final(mlops.state) IS 'final function of mlops.linear_fit: mlops.solve without parameters';
REVOKE ALL ON FUNCTION mlops.linear_fit_final(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_fit_final(mlops.state) TO PUBLIC;

CREATE AGGREGATE mlops.linear_fit(y float8, x float8[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_fit(float8, float8[]) IS 'linear regression of y on the elements of x, with intercept, as a model with features x1, x2, …';
REVOKE ALL ON FUNCTION mlops.linear_fit(float8, float8[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_fit(float8, float8[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_fit(y float8, x real[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_fit(float8, real[]) IS 'linear regression of y on the elements of x, with intercept, as a model with features x1, x2, …';
REVOKE ALL ON FUNCTION mlops.linear_fit(float8, real[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_fit(float8, real[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_fit(y float8, x integer[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_fit(float8, integer[]) IS 'linear regression of y on the elements of x, with intercept, as a model with features x1, x2, …';
REVOKE ALL ON FUNCTION mlops.linear_fit(float8, integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_fit(float8, integer[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_fit(y float8, x bigint[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_fit(float8, bigint[]) IS 'linear regression of y on the elements of x, with intercept, as a model with features x1, x2, …';
REVOKE ALL ON FUNCTION mlops.linear_fit(float8, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_fit(float8, bigint[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_fit(y float8, x smallint[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_fit(float8, smallint[]) IS 'linear regression of y on the elements of x, with intercept, as a model with features x1, x2, …';
REVOKE ALL ON FUNCTION mlops.linear_fit(float8, smallint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_fit(float8, smallint[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_fit(y float8, x numeric[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_fit(float8, numeric[]) IS 'linear regression of y on the elements of x, with intercept, as a model with features x1, x2, …';
REVOKE ALL ON FUNCTION mlops.linear_fit(float8, numeric[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_fit(float8, numeric[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_state(y float8, x float8[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_state_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_state(float8, float8[]) IS 'all that a linear regression of y on the elements of x needs to know of the rows; to be kept, merged and solved';
REVOKE ALL ON FUNCTION mlops.linear_state(float8, float8[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_state(float8, float8[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_state(y float8, x real[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_state_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_state(float8, real[]) IS 'all that a linear regression of y on the elements of x needs to know of the rows; to be kept, merged and solved';
REVOKE ALL ON FUNCTION mlops.linear_state(float8, real[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_state(float8, real[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_state(y float8, x integer[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_state_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_state(float8, integer[]) IS 'all that a linear regression of y on the elements of x needs to know of the rows; to be kept, merged and solved';
REVOKE ALL ON FUNCTION mlops.linear_state(float8, integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_state(float8, integer[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_state(y float8, x bigint[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_state_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_state(float8, bigint[]) IS 'all that a linear regression of y on the elements of x needs to know of the rows; to be kept, merged and solved';
REVOKE ALL ON FUNCTION mlops.linear_state(float8, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_state(float8, bigint[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_state(y float8, x smallint[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_state_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_state(float8, smallint[]) IS 'all that a linear regression of y on the elements of x needs to know of the rows; to be kept, merged and solved';
REVOKE ALL ON FUNCTION mlops.linear_state(float8, smallint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_state(float8, smallint[]) TO PUBLIC;

CREATE AGGREGATE mlops.linear_state(y float8, x numeric[]) (
    SFUNC = mlops.linear_accumulate,
    STYPE = mlops.state,
    SSPACE = 16384,
    FINALFUNC = mlops.linear_state_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.linear_state(float8, numeric[]) IS 'all that a linear regression of y on the elements of x needs to know of the rows; to be kept, merged and solved';
REVOKE ALL ON FUNCTION mlops.linear_state(float8, numeric[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_state(float8, numeric[]) TO PUBLIC;

CREATE AGGREGATE mlops.merge(state mlops.state) (
    SFUNC = mlops.linear_combine,
    STYPE = mlops.state,
    SSPACE = 8192,
    FINALFUNC = mlops.linear_state_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = mlops.linear_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.merge(mlops.state) IS 'the state of all rows that the states were made from; NULLs are ignored';
REVOKE ALL ON FUNCTION mlops.merge(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.merge(mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.solve(state mlops.state, params jsonb DEFAULT '{}') RETURNS mlops.model
    AS 'MODULE_PATHNAME', 'mlops_solve'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.solve(mlops.state, jsonb) IS 'the linear regression of a state; params: those of algorithm linear (reg_lambda, fit_intercept), names (of the elements of x) and target (name of y)';
REVOKE ALL ON FUNCTION mlops.solve(mlops.state, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.solve(mlops.state, jsonb) TO PUBLIC;

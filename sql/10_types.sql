-- The types of models and of mergeable states.  docs/MODEL_FORMAT.md specifies their bytes;
-- the text form is base64, the binary form the bytes.  Input of every kind is decoded and
-- checked completely.  No cast is implicit, and none is without a check.

CREATE TYPE mlops.model;

CREATE FUNCTION mlops.model_in(cstring) RETURNS mlops.model
    AS 'MODULE_PATHNAME', 'mlops_model_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.model_in(cstring) IS 'input of mlops.model from base64';
REVOKE ALL ON FUNCTION mlops.model_in(cstring) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_in(cstring) TO PUBLIC;

CREATE FUNCTION mlops.model_out(mlops.model) RETURNS cstring
    AS 'MODULE_PATHNAME', 'mlops_model_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.model_out(mlops.model) IS 'output of mlops.model as base64';
REVOKE ALL ON FUNCTION mlops.model_out(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_out(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_recv(internal) RETURNS mlops.model
    AS 'MODULE_PATHNAME', 'mlops_model_recv'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.model_recv(internal) IS 'binary input of mlops.model';
REVOKE ALL ON FUNCTION mlops.model_recv(internal) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_recv(internal) TO PUBLIC;

CREATE FUNCTION mlops.model_send(mlops.model) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_model_send'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.model_send(mlops.model) IS 'binary output of mlops.model';
REVOKE ALL ON FUNCTION mlops.model_send(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_send(mlops.model) TO PUBLIC;

CREATE TYPE mlops.model (
    INPUT = mlops.model_in,
    OUTPUT = mlops.model_out,
    RECEIVE = mlops.model_recv,
    SEND = mlops.model_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = external
);
COMMENT ON TYPE mlops.model IS 'a fitted model';
REVOKE ALL ON TYPE mlops.model FROM PUBLIC;
GRANT USAGE ON TYPE mlops.model TO PUBLIC;

CREATE FUNCTION mlops.model_to_jsonb(mlops.model) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mlops_model_to_jsonb'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION mlops.model_to_jsonb(mlops.model) IS 'what is inside a fitted model; used by the cast to jsonb';
REVOKE ALL ON FUNCTION mlops.model_to_jsonb(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_to_jsonb(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_to_bytea(mlops.model) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_model_to_bytea'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_to_bytea(mlops.model) IS 'the bytes of a fitted model; used by the cast to bytea';
REVOKE ALL ON FUNCTION mlops.model_to_bytea(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_to_bytea(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_from_bytea(bytea) RETURNS mlops.model
    AS 'MODULE_PATHNAME', 'mlops_model_from_bytea'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.model_from_bytea(bytea) IS 'a fitted model from its bytes, checked; used by the cast from bytea';
REVOKE ALL ON FUNCTION mlops.model_from_bytea(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_from_bytea(bytea) TO PUBLIC;

CREATE CAST (mlops.model AS jsonb) WITH FUNCTION mlops.model_to_jsonb(mlops.model);
COMMENT ON CAST (mlops.model AS jsonb) IS 'explicit only';
CREATE CAST (mlops.model AS bytea) WITH FUNCTION mlops.model_to_bytea(mlops.model);
COMMENT ON CAST (mlops.model AS bytea) IS 'explicit only';
CREATE CAST (bytea AS mlops.model) WITH FUNCTION mlops.model_from_bytea(bytea);
COMMENT ON CAST (bytea AS mlops.model) IS 'explicit only';

CREATE FUNCTION mlops.model_eq(mlops.model, mlops.model) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_eq'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_eq(mlops.model, mlops.model) IS 'whether the first is equal, byte by byte';
REVOKE ALL ON FUNCTION mlops.model_eq(mlops.model, mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_eq(mlops.model, mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_ne(mlops.model, mlops.model) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_ne'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_ne(mlops.model, mlops.model) IS 'whether the first is not equal';
REVOKE ALL ON FUNCTION mlops.model_ne(mlops.model, mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_ne(mlops.model, mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_lt(mlops.model, mlops.model) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_lt'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_lt(mlops.model, mlops.model) IS 'whether the first comes before, in the order of bytes';
REVOKE ALL ON FUNCTION mlops.model_lt(mlops.model, mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_lt(mlops.model, mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_le(mlops.model, mlops.model) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_le'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_le(mlops.model, mlops.model) IS 'whether the first comes before or equal';
REVOKE ALL ON FUNCTION mlops.model_le(mlops.model, mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_le(mlops.model, mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_gt(mlops.model, mlops.model) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_gt'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_gt(mlops.model, mlops.model) IS 'whether the first comes after, in the order of bytes';
REVOKE ALL ON FUNCTION mlops.model_gt(mlops.model, mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_gt(mlops.model, mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_ge(mlops.model, mlops.model) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_ge'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_ge(mlops.model, mlops.model) IS 'whether the first comes after or equal';
REVOKE ALL ON FUNCTION mlops.model_ge(mlops.model, mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_ge(mlops.model, mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_cmp(mlops.model, mlops.model) RETURNS integer
    AS 'MODULE_PATHNAME', 'mlops_bytes_cmp'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_cmp(mlops.model, mlops.model) IS 'order of bytes, for btree';
REVOKE ALL ON FUNCTION mlops.model_cmp(mlops.model, mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_cmp(mlops.model, mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_hash(mlops.model) RETURNS integer
    AS 'MODULE_PATHNAME', 'mlops_bytes_hash'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_hash(mlops.model) IS 'hash of the bytes';
REVOKE ALL ON FUNCTION mlops.model_hash(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_hash(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_hash_extended(mlops.model, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'mlops_bytes_hash_extended'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.model_hash_extended(mlops.model, bigint) IS 'hash of the bytes with a seed';
REVOKE ALL ON FUNCTION mlops.model_hash_extended(mlops.model, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_hash_extended(mlops.model, bigint) TO PUBLIC;

CREATE OPERATOR mlops.= (
    LEFTARG = mlops.model, RIGHTARG = mlops.model, FUNCTION = mlops.model_eq,
    COMMUTATOR = OPERATOR(mlops.=), NEGATOR = OPERATOR(mlops.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
    HASHES, MERGES
);
COMMENT ON OPERATOR mlops.= (mlops.model, mlops.model) IS 'equal, byte by byte';

CREATE OPERATOR mlops.<> (
    LEFTARG = mlops.model, RIGHTARG = mlops.model, FUNCTION = mlops.model_ne,
    COMMUTATOR = OPERATOR(mlops.<>), NEGATOR = OPERATOR(mlops.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR mlops.<> (mlops.model, mlops.model) IS 'not equal';

CREATE OPERATOR mlops.< (
    LEFTARG = mlops.model, RIGHTARG = mlops.model, FUNCTION = mlops.model_lt,
    COMMUTATOR = OPERATOR(mlops.>), NEGATOR = OPERATOR(mlops.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR mlops.< (mlops.model, mlops.model) IS 'before, in the order of bytes';

CREATE OPERATOR mlops.<= (
    LEFTARG = mlops.model, RIGHTARG = mlops.model, FUNCTION = mlops.model_le,
    COMMUTATOR = OPERATOR(mlops.>=), NEGATOR = OPERATOR(mlops.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR mlops.<= (mlops.model, mlops.model) IS 'before or equal';

CREATE OPERATOR mlops.> (
    LEFTARG = mlops.model, RIGHTARG = mlops.model, FUNCTION = mlops.model_gt,
    COMMUTATOR = OPERATOR(mlops.<), NEGATOR = OPERATOR(mlops.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR mlops.> (mlops.model, mlops.model) IS 'after, in the order of bytes';

CREATE OPERATOR mlops.>= (
    LEFTARG = mlops.model, RIGHTARG = mlops.model, FUNCTION = mlops.model_ge,
    COMMUTATOR = OPERATOR(mlops.<=), NEGATOR = OPERATOR(mlops.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR mlops.>= (mlops.model, mlops.model) IS 'after or equal';

CREATE OPERATOR FAMILY mlops.model_btree_ops USING btree;
COMMENT ON OPERATOR FAMILY mlops.model_btree_ops USING btree IS 'order of bytes, for ORDER BY and DISTINCT';
CREATE OPERATOR CLASS mlops.model_btree_ops DEFAULT FOR TYPE mlops.model USING btree FAMILY mlops.model_btree_ops AS
    OPERATOR 1 mlops.<,
    OPERATOR 2 mlops.<=,
    OPERATOR 3 mlops.=,
    OPERATOR 4 mlops.>=,
    OPERATOR 5 mlops.>,
    FUNCTION 1 mlops.model_cmp(mlops.model, mlops.model);
COMMENT ON OPERATOR CLASS mlops.model_btree_ops USING btree IS 'order of bytes, for ORDER BY and DISTINCT';

CREATE OPERATOR FAMILY mlops.model_hash_ops USING hash;
COMMENT ON OPERATOR FAMILY mlops.model_hash_ops USING hash IS 'hash of bytes, for GROUP BY';
CREATE OPERATOR CLASS mlops.model_hash_ops DEFAULT FOR TYPE mlops.model USING hash FAMILY mlops.model_hash_ops AS
    OPERATOR 1 mlops.=,
    FUNCTION 1 mlops.model_hash(mlops.model),
    FUNCTION 2 mlops.model_hash_extended(mlops.model, bigint);
COMMENT ON OPERATOR CLASS mlops.model_hash_ops USING hash IS 'hash of bytes, for GROUP BY';

CREATE TYPE mlops.state;

CREATE FUNCTION mlops.state_in(cstring) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_state_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.state_in(cstring) IS 'input of mlops.state from base64';
REVOKE ALL ON FUNCTION mlops.state_in(cstring) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_in(cstring) TO PUBLIC;

CREATE FUNCTION mlops.state_out(mlops.state) RETURNS cstring
    AS 'MODULE_PATHNAME', 'mlops_state_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.state_out(mlops.state) IS 'output of mlops.state as base64';
REVOKE ALL ON FUNCTION mlops.state_out(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_out(mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_recv(internal) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_state_recv'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.state_recv(internal) IS 'binary input of mlops.state';
REVOKE ALL ON FUNCTION mlops.state_recv(internal) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_recv(internal) TO PUBLIC;

CREATE FUNCTION mlops.state_send(mlops.state) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_state_send'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.state_send(mlops.state) IS 'binary output of mlops.state';
REVOKE ALL ON FUNCTION mlops.state_send(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_send(mlops.state) TO PUBLIC;

CREATE TYPE mlops.state (
    INPUT = mlops.state_in,
    OUTPUT = mlops.state_out,
    RECEIVE = mlops.state_recv,
    SEND = mlops.state_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = extended
);
COMMENT ON TYPE mlops.state IS 'a mergeable state of a fit';
REVOKE ALL ON TYPE mlops.state FROM PUBLIC;
GRANT USAGE ON TYPE mlops.state TO PUBLIC;

CREATE FUNCTION mlops.state_to_jsonb(mlops.state) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mlops_state_to_jsonb'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION mlops.state_to_jsonb(mlops.state) IS 'what is inside a mergeable state of a fit; used by the cast to jsonb';
REVOKE ALL ON FUNCTION mlops.state_to_jsonb(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_to_jsonb(mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_to_bytea(mlops.state) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_state_to_bytea'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_to_bytea(mlops.state) IS 'the bytes of a mergeable state of a fit; used by the cast to bytea';
REVOKE ALL ON FUNCTION mlops.state_to_bytea(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_to_bytea(mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_from_bytea(bytea) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_state_from_bytea'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.state_from_bytea(bytea) IS 'a mergeable state of a fit from its bytes, checked; used by the cast from bytea';
REVOKE ALL ON FUNCTION mlops.state_from_bytea(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_from_bytea(bytea) TO PUBLIC;

CREATE CAST (mlops.state AS jsonb) WITH FUNCTION mlops.state_to_jsonb(mlops.state);
COMMENT ON CAST (mlops.state AS jsonb) IS 'explicit only';
CREATE CAST (mlops.state AS bytea) WITH FUNCTION mlops.state_to_bytea(mlops.state);
COMMENT ON CAST (mlops.state AS bytea) IS 'explicit only';
CREATE CAST (bytea AS mlops.state) WITH FUNCTION mlops.state_from_bytea(bytea);
COMMENT ON CAST (bytea AS mlops.state) IS 'explicit only';

CREATE FUNCTION mlops.state_eq(mlops.state, mlops.state) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_eq'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_eq(mlops.state, mlops.state) IS 'whether the first is equal, byte by byte';
REVOKE ALL ON FUNCTION mlops.state_eq(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_eq(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_ne(mlops.state, mlops.state) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_ne'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_ne(mlops.state, mlops.state) IS 'whether the first is not equal';
REVOKE ALL ON FUNCTION mlops.state_ne(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_ne(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_lt(mlops.state, mlops.state) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_lt'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_lt(mlops.state, mlops.state) IS 'whether the first comes before, in the order of bytes';
REVOKE ALL ON FUNCTION mlops.state_lt(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_lt(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_le(mlops.state, mlops.state) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_le'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_le(mlops.state, mlops.state) IS 'whether the first comes before or equal';
REVOKE ALL ON FUNCTION mlops.state_le(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_le(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_gt(mlops.state, mlops.state) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_gt'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_gt(mlops.state, mlops.state) IS 'whether the first comes after, in the order of bytes';
REVOKE ALL ON FUNCTION mlops.state_gt(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_gt(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_ge(mlops.state, mlops.state) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_bytes_ge'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_ge(mlops.state, mlops.state) IS 'whether the first comes after or equal';
REVOKE ALL ON FUNCTION mlops.state_ge(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_ge(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_cmp(mlops.state, mlops.state) RETURNS integer
    AS 'MODULE_PATHNAME', 'mlops_bytes_cmp'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_cmp(mlops.state, mlops.state) IS 'order of bytes, for btree';
REVOKE ALL ON FUNCTION mlops.state_cmp(mlops.state, mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_cmp(mlops.state, mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_hash(mlops.state) RETURNS integer
    AS 'MODULE_PATHNAME', 'mlops_bytes_hash'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_hash(mlops.state) IS 'hash of the bytes';
REVOKE ALL ON FUNCTION mlops.state_hash(mlops.state) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_hash(mlops.state) TO PUBLIC;

CREATE FUNCTION mlops.state_hash_extended(mlops.state, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'mlops_bytes_hash_extended'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION mlops.state_hash_extended(mlops.state, bigint) IS 'hash of the bytes with a seed';
REVOKE ALL ON FUNCTION mlops.state_hash_extended(mlops.state, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.state_hash_extended(mlops.state, bigint) TO PUBLIC;

CREATE OPERATOR mlops.= (
    LEFTARG = mlops.state, RIGHTARG = mlops.state, FUNCTION = mlops.state_eq,
    COMMUTATOR = OPERATOR(mlops.=), NEGATOR = OPERATOR(mlops.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
    HASHES, MERGES
);
COMMENT ON OPERATOR mlops.= (mlops.state, mlops.state) IS 'equal, byte by byte';

CREATE OPERATOR mlops.<> (
    LEFTARG = mlops.state, RIGHTARG = mlops.state, FUNCTION = mlops.state_ne,
    COMMUTATOR = OPERATOR(mlops.<>), NEGATOR = OPERATOR(mlops.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR mlops.<> (mlops.state, mlops.state) IS 'not equal';

CREATE OPERATOR mlops.< (
    LEFTARG = mlops.state, RIGHTARG = mlops.state, FUNCTION = mlops.state_lt,
    COMMUTATOR = OPERATOR(mlops.>), NEGATOR = OPERATOR(mlops.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR mlops.< (mlops.state, mlops.state) IS 'before, in the order of bytes';

CREATE OPERATOR mlops.<= (
    LEFTARG = mlops.state, RIGHTARG = mlops.state, FUNCTION = mlops.state_le,
    COMMUTATOR = OPERATOR(mlops.>=), NEGATOR = OPERATOR(mlops.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR mlops.<= (mlops.state, mlops.state) IS 'before or equal';

CREATE OPERATOR mlops.> (
    LEFTARG = mlops.state, RIGHTARG = mlops.state, FUNCTION = mlops.state_gt,
    COMMUTATOR = OPERATOR(mlops.<), NEGATOR = OPERATOR(mlops.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR mlops.> (mlops.state, mlops.state) IS 'after, in the order of bytes';

CREATE OPERATOR mlops.>= (
    LEFTARG = mlops.state, RIGHTARG = mlops.state, FUNCTION = mlops.state_ge,
    COMMUTATOR = OPERATOR(mlops.<=), NEGATOR = OPERATOR(mlops.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR mlops.>= (mlops.state, mlops.state) IS 'after or equal';

CREATE OPERATOR FAMILY mlops.state_btree_ops USING btree;
COMMENT ON OPERATOR FAMILY mlops.state_btree_ops USING btree IS 'order of bytes, for ORDER BY and DISTINCT';
CREATE OPERATOR CLASS mlops.state_btree_ops DEFAULT FOR TYPE mlops.state USING btree FAMILY mlops.state_btree_ops AS
    OPERATOR 1 mlops.<,
    OPERATOR 2 mlops.<=,
    OPERATOR 3 mlops.=,
    OPERATOR 4 mlops.>=,
    OPERATOR 5 mlops.>,
    FUNCTION 1 mlops.state_cmp(mlops.state, mlops.state);
COMMENT ON OPERATOR CLASS mlops.state_btree_ops USING btree IS 'order of bytes, for ORDER BY and DISTINCT';

CREATE OPERATOR FAMILY mlops.state_hash_ops USING hash;
COMMENT ON OPERATOR FAMILY mlops.state_hash_ops USING hash IS 'hash of bytes, for GROUP BY';
CREATE OPERATOR CLASS mlops.state_hash_ops DEFAULT FOR TYPE mlops.state USING hash FAMILY mlops.state_hash_ops AS
    OPERATOR 1 mlops.=,
    FUNCTION 1 mlops.state_hash(mlops.state),
    FUNCTION 2 mlops.state_hash_extended(mlops.state, bigint);
COMMENT ON OPERATOR CLASS mlops.state_hash_ops USING hash IS 'hash of bytes, for GROUP BY';

\echo Use "CREATE EXTENSION mlops" to load this file. \quit

-- sql/00_schema.sql

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

-- sql/01_guard.sql

-- CREATE EXTENSION takes a schema of this name that is there already.  Whoever
-- owns it, or may create in it, could put functions and operators beside ours
-- that are called with the rights of those who use mlops; so it must belong to
-- the installing role or a superuser, let nobody else create, and be empty.
DO $$
DECLARE
    found record;
BEGIN
    SELECT n.oid, r.rolname AS owner, r.rolsuper,
           (SELECT pg_catalog.string_agg(CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'public'
                                              ELSE pg_catalog.pg_get_userbyid(a.grantee)::pg_catalog.text END, ', ')
            FROM pg_catalog.aclexplode(n.nspacl) a LEFT JOIN pg_catalog.pg_roles g ON g.oid OPERATOR(pg_catalog.=) a.grantee
            WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
              AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner AND NOT COALESCE(g.rolsuper, false)) AS creators,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_depend d
            WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
              AND d.refobjid OPERATOR(pg_catalog.=) n.oid
              AND d.deptype OPERATOR(pg_catalog.=) 'n'::pg_catalog."char"
              AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_extension'::pg_catalog.regclass
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                              WHERE e.classid OPERATOR(pg_catalog.=) d.classid AND e.objid OPERATOR(pg_catalog.=) d.objid
                                AND e.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char")) AS strangers
    INTO STRICT found
    FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
    WHERE n.nspname OPERATOR(pg_catalog.=) 'mlops'::pg_catalog.name;

    IF found.owner OPERATOR(pg_catalog.<>) CURRENT_USER AND NOT found.rolsuper THEN
        RAISE EXCEPTION 'schema "mlops" belongs to role "%"', found.owner
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Drop or rename that schema: CREATE EXTENSION mlops makes its own.';
    ELSIF found.creators IS NOT NULL THEN
        RAISE EXCEPTION 'schema "mlops" lets others create objects: %', found.creators
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Revoke the privilege CREATE on the schema, or drop the schema.';
    ELSIF found.strangers OPERATOR(pg_catalog.>) 0::pg_catalog.int8 THEN
        RAISE EXCEPTION 'schema "mlops" is not empty: it contains % objects', found.strangers
            USING ERRCODE = 'duplicate_schema',
                  HINT = 'Drop the schema: CREATE EXTENSION mlops makes its own.';
    END IF;
END
$$;

-- sql/10_types.sql

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

-- sql/20_catalog.sql

-- Internal tables.  No privileges for users: views (30_views.sql) and functions
-- are the surface.  Keys are uuids, names or hashes; no sequences, so that dumps,
-- merges and copies between databases never collide.  Text that C code looks up
-- through an index has collation "C": ASCII, and independent of the library that
-- an operating system upgrade may change.
--
-- There are no foreign keys.  pg_restore --jobs fills the tables of an extension
-- with their constraints in place and in any order (pg_dump records an order for
-- one process only), and would lose whatever came before what it refers to.
-- Instead, everything that concerns a model is written and removed by
-- src/registry and src/pg/catalog_write.c under a lock on the model's row.

CREATE TABLE mlops.experiments (
    experiment_id    uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name             text NOT NULL UNIQUE,
    lifecycle_stage  text NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    creation_time    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_update_time timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE mlops.experiments IS 'Groups of runs; each registered model has an experiment of its name.';

CREATE TABLE mlops.runs (
    run_uuid         uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name             text,
    source_type      text NOT NULL DEFAULT 'TRAIN',
    source_name      text,
    entry_point_name text,
    user_id          regrole NOT NULL,
    status           text NOT NULL CHECK (status IN ('SCHEDULED', 'RUNNING', 'FINISHED', 'FAILED', 'KILLED')),
    start_time       timestamptz NOT NULL,
    end_time         timestamptz,
    source_version   text,
    lifecycle_stage  text NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    experiment_id    uuid NOT NULL,
    arguments        jsonb,
    environment      text
);
COMMENT ON TABLE mlops.runs IS 'One row for each training or tracked piece of work; read mlops.experiment_runs.';
COMMENT ON COLUMN mlops.runs.arguments IS 'Every argument of the call as given, for verification and retraining.';
COMMENT ON COLUMN mlops.runs.environment IS 'What results of LAPACK depend on: BLAS build, core type; server version.';
COMMENT ON COLUMN mlops.runs.source_version IS 'Version of mlops.';

CREATE TABLE mlops.params (
    run_uuid uuid NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (run_uuid, key)
);
COMMENT ON TABLE mlops.params IS 'Parameters of runs as they were used, defaults included.';

CREATE TABLE mlops.metrics (
    run_uuid    uuid NOT NULL,
    key         text NOT NULL,
    step        bigint NOT NULL DEFAULT 0,
    value       float8 NOT NULL,
    "timestamp" timestamptz NOT NULL DEFAULT pg_catalog.now(),
    is_nan      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_uuid, key, step)
);
COMMENT ON TABLE mlops.metrics IS 'Metrics of runs; for a training, those of the held-out rows.';
COMMENT ON COLUMN mlops.metrics.is_nan IS 'The metric is undefined; value is then 0.';

CREATE TABLE mlops.tags (
    run_uuid uuid NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (run_uuid, key)
);
COMMENT ON TABLE mlops.tags IS 'Free key-value labels of runs.';

CREATE TABLE mlops.datasets (
    dataset_uuid        uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    experiment_id       uuid NOT NULL,
    name                text NOT NULL,
    digest              text,
    dataset_source_type text NOT NULL DEFAULT 'sql',
    dataset_source      text NOT NULL,
    dataset_schema      jsonb,
    dataset_profile     jsonb,
    source_relations    jsonb,
    search_path         text
);
COMMENT ON TABLE mlops.datasets IS 'What was read: exact source text, columns, relations and their definitions.';
COMMENT ON COLUMN mlops.datasets.digest IS 'Fingerprint of the rows.';
COMMENT ON COLUMN mlops.datasets.dataset_schema IS 'Features: name, type, kind.';
COMMENT ON COLUMN mlops.datasets.search_path IS 'In force for whoever read the source.';

CREATE TABLE mlops.inputs (
    run_uuid     uuid NOT NULL,
    dataset_uuid uuid NOT NULL,
    context      text NOT NULL DEFAULT 'training',
    PRIMARY KEY (run_uuid, dataset_uuid, context)
);
COMMENT ON TABLE mlops.inputs IS 'Which run read which data set.';

CREATE TABLE mlops.registered_models (
    model_id          uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name              text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_-]{0,62}$'),
    owner             regrole NOT NULL,
    experiment_id     uuid NOT NULL,
    description       text,
    creation_time     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_updated_time timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_version      integer NOT NULL DEFAULT 0,
    last_event        integer NOT NULL DEFAULT 0,
    production_event  integer
);
COMMENT ON TABLE mlops.registered_models IS 'Models by immutable id and unique name; last_version is never reused.';
COMMENT ON COLUMN mlops.registered_models.last_version IS 'Highest version number ever given out.';
COMMENT ON COLUMN mlops.registered_models.last_event IS 'Highest number in stage_history.';
COMMENT ON COLUMN mlops.registered_models.production_event IS 'The stage_history event on top of the Production stack: the one that made the present Production version, or, where there is none, the one that rollback would restore.';

CREATE TABLE mlops.model_blobs (
    sha256   bytea NOT NULL CHECK (pg_catalog.octet_length(sha256) = 32),
    chunk_no integer NOT NULL CHECK (chunk_no >= 0),
    data     bytea NOT NULL,
    PRIMARY KEY (sha256, chunk_no)
);
ALTER TABLE mlops.model_blobs ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE mlops.model_blobs IS 'Model bytes by SHA-256, in chunks of at most 8 MB.';

CREATE TABLE mlops.model_versions (
    model_id          uuid NOT NULL,
    version           integer NOT NULL CHECK (version > 0),
    stage             text NOT NULL DEFAULT 'None' CHECK (stage IN ('None', 'Staging', 'Production', 'Archived')),
    run_id            uuid NOT NULL,
    model_sha256      bytea NOT NULL CHECK (pg_catalog.octet_length(model_sha256) = 32),
    model_bytes       bigint NOT NULL,
    algorithm         text NOT NULL,
    task              text NOT NULL,
    source            text,
    target            text,
    key               text,
    user_id           regrole NOT NULL,
    creation_time     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_updated_time timestamptz NOT NULL DEFAULT pg_catalog.now(),
    description       text,
    rows_train        bigint NOT NULL,
    rows_test         bigint NOT NULL,
    rows_skipped      bigint NOT NULL,
    seconds           float8 NOT NULL,
    PRIMARY KEY (model_id, version)
);
CREATE UNIQUE INDEX model_versions_production ON mlops.model_versions (model_id) WHERE stage = 'Production';
CREATE INDEX model_versions_sha256 ON mlops.model_versions (model_sha256);
CREATE INDEX model_versions_run ON mlops.model_versions (run_id);
COMMENT ON TABLE mlops.model_versions IS 'Versions of models; at most one of a model is in Production.';
COMMENT ON COLUMN mlops.model_versions.user_id IS 'Who trained it.';
COMMENT ON COLUMN mlops.model_versions.key IS 'Key columns, comma-separated.';

CREATE TABLE mlops.model_tags (
    model_id uuid NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (model_id, key)
);
COMMENT ON TABLE mlops.model_tags IS 'Free key-value labels of models.';

CREATE TABLE mlops.version_tags (
    model_id uuid NOT NULL,
    version  integer NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (model_id, version, key)
);
COMMENT ON TABLE mlops.version_tags IS 'Free key-value labels of versions.';

CREATE TABLE mlops.aliases (
    model_id uuid NOT NULL,
    alias    text COLLATE "C" NOT NULL CHECK (alias ~ '^[A-Za-z][A-Za-z0-9_-]{0,62}$'),
    version  integer NOT NULL,
    PRIMARY KEY (model_id, alias)
);
COMMENT ON TABLE mlops.aliases IS 'Names for versions: churn@champion.';

CREATE TABLE mlops.stage_history (
    model_id    uuid NOT NULL,
    event       integer NOT NULL,
    version     integer NOT NULL,
    action      text NOT NULL CHECK (action IN ('register', 'promote', 'archive', 'rollback')),
    from_stage  text NOT NULL,
    to_stage    text NOT NULL,
    below       integer,
    changed_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    changed_by  regrole NOT NULL,
    forced      boolean NOT NULL DEFAULT false,
    comment     text,
    PRIMARY KEY (model_id, event)
);
COMMENT ON TABLE mlops.stage_history IS 'Every change of stage, in order; never updated.';
COMMENT ON COLUMN mlops.stage_history.action IS 'register: the version was added; promote: asked for by promote; archive: made room for another Production version; rollback: asked for by rollback.';
COMMENT ON COLUMN mlops.stage_history.below IS 'For events that put a version into Production: the event that was on top of the stack before.';
COMMENT ON COLUMN mlops.stage_history.forced IS 'promote was called with force => true.';

CREATE TABLE mlops.model_grants (
    model_id   uuid NOT NULL,
    grantee    regrole NOT NULL,
    privilege  text NOT NULL CHECK (privilege IN ('read', 'predict', 'write', 'manage')),
    granted_by regrole NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (model_id, grantee, privilege)
);
COMMENT ON TABLE mlops.model_grants IS 'Privileges on models; grantee 0 (shown as -) is PUBLIC.';

CREATE TABLE mlops.audit_log (
    audit_id   uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    xid        xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    role       regrole NOT NULL,
    action     text NOT NULL,
    model_id   uuid,
    model      text,
    version    integer,
    detail     jsonb
);
COMMENT ON TABLE mlops.audit_log IS 'Committed changes: who trained, promoted, granted, dropped.';
COMMENT ON COLUMN mlops.audit_log.model IS 'Name of the model at the time; kept when the model is gone.';

CREATE INDEX audit_log_model ON mlops.audit_log (model_id, at);

-- Nobody but the extension's owner touches the tables, and pg_dump takes their rows along.
REVOKE ALL ON
    mlops.experiments, mlops.runs, mlops.params, mlops.metrics, mlops.tags, mlops.datasets, mlops.inputs,
    mlops.registered_models, mlops.model_blobs, mlops.model_versions, mlops.model_tags, mlops.version_tags,
    mlops.aliases, mlops.stage_history, mlops.model_grants, mlops.audit_log
FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('mlops.experiments', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.runs', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.params', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.metrics', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.datasets', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.inputs', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.registered_models', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_blobs', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_versions', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.version_tags', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.aliases', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.stage_history', '');
-- Grants to dropped roles are void; dumped as numbers they might come to life as another role elsewhere.
SELECT pg_catalog.pg_extension_config_dump('mlops.model_grants',
    'WHERE grantee = 0 OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = grantee)');
SELECT pg_catalog.pg_extension_config_dump('mlops.audit_log', '');

-- sql/30_views.sql

-- Views for people.  They run with the rights of the extension's owner, so each
-- filters by mlops.has_access, which asks for the rights of whoever reads (also
-- through a view of somebody else's).  security_barrier: no condition of the
-- reader is tried on a row before that filter, however cheap it claims to be.
--
-- A row is shown to those who have any privilege on its model; columns that
-- carry training values or say what was read need `read` and are NULL without.
-- Texts have the database's collation, so that rows compare with those of users.

CREATE FUNCTION mlops.has_access(model text, privilege text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_has_access_name'
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.has_access(text, text) IS
    'whether the current role has a privilege (read, predict, write, manage, or any) on a model; false for models that do not exist';
REVOKE ALL ON FUNCTION mlops.has_access(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.has_access(text, text) TO PUBLIC;

CREATE FUNCTION mlops.has_access(model_id uuid, privilege text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'mlops_has_access_id'
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.has_access(uuid, text) IS
    'whether the current role has a privilege (read, predict, write, manage, or any) on the model of that id; the filter of the views';
REVOKE ALL ON FUNCTION mlops.has_access(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.has_access(uuid, text) TO PUBLIC;

CREATE VIEW mlops.models WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       pg_catalog.pg_get_userbyid(m.owner)::pg_catalog.text COLLATE "default" AS owner,
       m.description,
       COALESCE(p.task, l.task) AS task,
       p.algorithm,
       p.version AS production_version,
       l.version AS latest_version,
       (SELECT pg_catalog.count(*) FROM mlops.model_versions v WHERE v.model_id = m.model_id) AS versions,
       (SELECT pg_catalog.jsonb_object_agg(t.key, t.value) FROM mlops.model_tags t WHERE t.model_id = m.model_id) AS tags,
       m.creation_time AS created_at,
       m.last_updated_time AS updated_at,
       m.model_id
FROM mlops.registered_models m
LEFT JOIN mlops.model_versions p ON p.model_id = m.model_id AND p.stage = 'Production'
LEFT JOIN LATERAL (SELECT v.version, v.task FROM mlops.model_versions v WHERE v.model_id = m.model_id
                   ORDER BY v.version DESC LIMIT 1) l ON true
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.models IS 'Models on which you have a privilege.';
COMMENT ON COLUMN mlops.models.algorithm IS 'Of the version in Production.';
COMMENT ON COLUMN mlops.models.latest_version IS 'The newest version that still exists.';
GRANT SELECT ON mlops.models TO PUBLIC;

CREATE VIEW mlops.versions WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       v.stage,
       v.algorithm,
       v.task,
       pg_catalog.encode(v.model_sha256, 'hex') AS model_sha256,
       CASE WHEN r.can_read THEN
           (SELECT pg_catalog.jsonb_object_agg(k.key, CASE WHEN k.is_nan THEN NULL ELSE k.value END)
            FROM mlops.metrics k WHERE k.run_uuid = v.run_id AND k.step = 0) END AS metrics,
       CASE WHEN r.can_read THEN
           (SELECT pg_catalog.jsonb_object_agg(k.key, k.value)
            FROM mlops.params k WHERE k.run_uuid = v.run_id) END AS params,
       v.rows_train,
       v.rows_test,
       v.rows_skipped,
       v.target,
       v.key,
       CASE WHEN r.can_read THEN v.source END AS source,
       pg_catalog.pg_get_userbyid(v.user_id)::pg_catalog.text COLLATE "default" AS author,
       v.creation_time AS created_at,
       v.last_updated_time AS updated_at,
       v.seconds,
       v.model_bytes,
       v.description,
       (SELECT pg_catalog.array_agg(a.alias COLLATE "default" ORDER BY a.alias) FROM mlops.aliases a
        WHERE a.model_id = v.model_id AND a.version = v.version) AS aliases,
       (SELECT pg_catalog.jsonb_object_agg(t.key, t.value) FROM mlops.version_tags t
        WHERE t.model_id = v.model_id AND t.version = v.version) AS tags,
       v.run_id,
       v.model_id
FROM mlops.registered_models m
JOIN mlops.model_versions v USING (model_id)
CROSS JOIN LATERAL (SELECT mlops.has_access(v.model_id, 'read') AS can_read) r
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.versions IS 'Versions of models on which you have a privilege; metrics, params and source need read.';
COMMENT ON COLUMN mlops.versions.metrics IS 'Of the held-out rows; null where a metric is undefined.';
COMMENT ON COLUMN mlops.versions.params IS 'As used, defaults included.';
GRANT SELECT ON mlops.versions TO PUBLIC;

CREATE VIEW mlops.deployments WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       v.stage,
       h.changed_at AS since,
       pg_catalog.pg_get_userbyid(h.changed_by)::pg_catalog.text COLLATE "default" AS promoted_by,
       h.comment,
       v.algorithm,
       v.task,
       v.model_id
FROM mlops.registered_models m
JOIN mlops.model_versions v USING (model_id)
LEFT JOIN LATERAL (SELECT e.changed_at, e.changed_by, e.comment FROM mlops.stage_history e
                   WHERE e.model_id = v.model_id AND e.version = v.version ORDER BY e.event DESC LIMIT 1) h ON true
WHERE v.stage IN ('Production', 'Staging') AND mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.deployments IS 'Versions in Production and Staging, since when and through whom.';
GRANT SELECT ON mlops.deployments TO PUBLIC;

CREATE VIEW mlops.history WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       h.event,
       h.version,
       h.action,
       h.from_stage,
       h.to_stage,
       h.changed_at,
       pg_catalog.pg_get_userbyid(h.changed_by)::pg_catalog.text COLLATE "default" AS changed_by,
       h.forced,
       h.comment,
       h.model_id
FROM mlops.registered_models m
JOIN mlops.stage_history h USING (model_id)
WHERE mlops.has_access(m.model_id, 'any');
COMMENT ON VIEW mlops.history IS 'Every change of stage, in order of event.';
GRANT SELECT ON mlops.history TO PUBLIC;

CREATE VIEW mlops.experiment_runs WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       v.version,
       e.name AS experiment,
       r.run_uuid AS run_id,
       r.name AS run_name,
       r.status,
       pg_catalog.pg_get_userbyid(r.user_id)::pg_catalog.text COLLATE "default" AS author,
       r.start_time,
       r.end_time,
       r.arguments,
       r.environment,
       r.source_version AS mlops_version,
       (SELECT pg_catalog.jsonb_object_agg(k.key, k.value) FROM mlops.params k WHERE k.run_uuid = r.run_uuid) AS params,
       (SELECT pg_catalog.jsonb_object_agg(k.key, CASE WHEN k.is_nan THEN NULL ELSE k.value END)
        FROM mlops.metrics k WHERE k.run_uuid = r.run_uuid AND k.step = 0) AS metrics,
       (SELECT pg_catalog.jsonb_object_agg(k.key, k.value) FROM mlops.tags k WHERE k.run_uuid = r.run_uuid) AS tags,
       d.dataset_source AS source,
       d.digest,
       d.dataset_schema AS features,
       d.dataset_profile AS profile,
       d.source_relations,
       d.search_path
FROM mlops.registered_models m
JOIN mlops.model_versions v USING (model_id)
JOIN mlops.runs r ON r.run_uuid = v.run_id
JOIN mlops.experiments e ON e.experiment_id = r.experiment_id
LEFT JOIN mlops.inputs i ON i.run_uuid = r.run_uuid AND i.context = 'training'
LEFT JOIN mlops.datasets d ON d.dataset_uuid = i.dataset_uuid
WHERE mlops.has_access(m.model_id, 'read');
COMMENT ON VIEW mlops.experiment_runs IS 'How each version that you may read was trained: arguments, parameters, metrics, data, software.';
GRANT SELECT ON mlops.experiment_runs TO PUBLIC;

CREATE VIEW mlops.grants WITH (security_barrier) AS
SELECT m.name COLLATE "default" AS model,
       CASE WHEN g.grantee::pg_catalog.oid = 0 THEN 'public'
            ELSE pg_catalog.pg_get_userbyid(g.grantee)::pg_catalog.text COLLATE "default" END AS grantee,
       g.privilege,
       pg_catalog.pg_get_userbyid(g.granted_by)::pg_catalog.text COLLATE "default" AS granted_by,
       g.granted_at,
       g.model_id
FROM mlops.registered_models m
JOIN mlops.model_grants g USING (model_id)
WHERE g.grantee::pg_catalog.oid = 0
   OR pg_catalog.pg_has_role(g.grantee::pg_catalog.oid, 'USAGE')
   OR mlops.has_access(m.model_id, 'manage');
COMMENT ON VIEW mlops.grants IS 'Privileges on models: those of yours, of PUBLIC, and all on models that you manage. Owners have every privilege without a grant.';
GRANT SELECT ON mlops.grants TO PUBLIC;

CREATE VIEW mlops.audit WITH (security_barrier) AS
SELECT a.at,
       pg_catalog.pg_get_userbyid(a.role)::pg_catalog.text COLLATE "default" AS role,
       a.action,
       a.model,
       a.version,
       a.detail,
       a.xid,
       a.model_id,
       a.audit_id
FROM mlops.audit_log a
WHERE mlops.has_access(a.model_id, 'manage');
COMMENT ON VIEW mlops.audit IS 'Committed changes to models that you manage; superusers also see those to models that are gone.';
GRANT SELECT ON mlops.audit TO PUBLIC;

-- sql/35_registry.sql

-- Stages, aliases, privileges and the rest of what changes the registry.  Each
-- function checks the rights of the role that calls it, then works as the
-- extension's owner; all see what was committed before they began, and lock the
-- model's row until the transaction ends.  Those that return a row return one
-- row, not a set of rows: beside a set in a SELECT list PostgreSQL evaluates
-- other calls once more to learn that the set has ended.

CREATE FUNCTION mlops.promote(model text, version integer DEFAULT NULL, stage text DEFAULT 'Production',
                              comment text DEFAULT NULL, force boolean DEFAULT false,
                              OUT model text, OUT version integer, OUT from_stage text, OUT to_stage text,
                              OUT previous_production integer)
    AS 'MODULE_PATHNAME', 'mlops_promote'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.promote(text, integer, text, text, boolean) IS
    'moves a version (argument, or ''churn/3'', or the newest) to a stage; the version that was in Production becomes Archived; needs manage';
REVOKE ALL ON FUNCTION mlops.promote(text, integer, text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.promote(text, integer, text, text, boolean) TO PUBLIC;

CREATE FUNCTION mlops.rollback(model text, comment text DEFAULT NULL, OUT from_version integer, OUT to_version integer)
    AS 'MODULE_PATHNAME', 'mlops_rollback'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.rollback(text, text) IS
    'puts back the version that was in Production before; twice goes back two; needs manage';
REVOKE ALL ON FUNCTION mlops.rollback(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rollback(text, text) TO PUBLIC;

CREATE FUNCTION mlops.set_alias(model text, alias text, version integer DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_alias'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_alias(text, text, integer) IS
    'points an alias (''churn@champion'') at a version, moving it if it exists; needs write';
REVOKE ALL ON FUNCTION mlops.set_alias(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_alias(text, text, integer) TO PUBLIC;

CREATE FUNCTION mlops.drop_alias(model text, alias text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_drop_alias'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.drop_alias(text, text) IS 'removes an alias; needs write';
REVOKE ALL ON FUNCTION mlops.drop_alias(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drop_alias(text, text) TO PUBLIC;

CREATE FUNCTION mlops.grant_access(model text, role text, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_grant_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.grant_access(text, text, text) IS
    'grants privileges (read, predict, write, manage, a comma-separated list, or all) on a model to a role or ''public''; needs manage';
REVOKE ALL ON FUNCTION mlops.grant_access(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.grant_access(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.grant_access(model text, role regrole, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_grant_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.grant_access(text, regrole, text) IS 'grants privileges on a model to a role; needs manage';
REVOKE ALL ON FUNCTION mlops.grant_access(text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.grant_access(text, regrole, text) TO PUBLIC;

CREATE FUNCTION mlops.revoke_access(model text, role text, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_revoke_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.revoke_access(text, text, text) IS
    'takes privileges on a model back from a role or ''public''; needs manage';
REVOKE ALL ON FUNCTION mlops.revoke_access(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.revoke_access(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.revoke_access(model text, role regrole, privilege text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_revoke_access'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.revoke_access(text, regrole, text) IS 'takes privileges on a model back from a role; needs manage';
REVOKE ALL ON FUNCTION mlops.revoke_access(text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.revoke_access(text, regrole, text) TO PUBLIC;

CREATE FUNCTION mlops.prune_grants() RETURNS bigint
    AS 'MODULE_PATHNAME', 'mlops_prune_grants'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.prune_grants() IS
    'removes grants to roles that no longer exist, on the models that you manage; returns how many';
REVOKE ALL ON FUNCTION mlops.prune_grants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.prune_grants() TO PUBLIC;

CREATE FUNCTION mlops.transfer_ownership(model text, new_owner text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_transfer_ownership'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.transfer_ownership(text, text) IS
    'gives a model to another role; by its owner, to a role that he can become, or by a superuser';
REVOKE ALL ON FUNCTION mlops.transfer_ownership(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.transfer_ownership(text, text) TO PUBLIC;

CREATE FUNCTION mlops.transfer_ownership(model text, new_owner regrole) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_transfer_ownership'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.transfer_ownership(text, regrole) IS 'gives a model to another role';
REVOKE ALL ON FUNCTION mlops.transfer_ownership(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.transfer_ownership(text, regrole) TO PUBLIC;

CREATE FUNCTION mlops.rename_model(model text, new_name text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_rename_model'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.rename_model(text, text) IS 'renames a model; needs manage';
REVOKE ALL ON FUNCTION mlops.rename_model(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rename_model(text, text) TO PUBLIC;

CREATE FUNCTION mlops.drop_model(model text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_drop_model'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.drop_model(text) IS
    'removes a model that has no version in Production, with all its versions, runs and grants; needs manage';
REVOKE ALL ON FUNCTION mlops.drop_model(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drop_model(text) TO PUBLIC;

CREATE FUNCTION mlops.delete_version(model text, version integer DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_delete_version'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.delete_version(text, integer) IS
    'removes a version (argument, or ''churn/3'') that is not in Production and has no alias; its number is not used again; needs manage';
REVOKE ALL ON FUNCTION mlops.delete_version(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.delete_version(text, integer) TO PUBLIC;

CREATE FUNCTION mlops.set_description(model text, description text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_description'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_description(text, text) IS
    'describes a model (''churn'') or a version (''churn/3''); NULL removes the text; needs write';
REVOKE ALL ON FUNCTION mlops.set_description(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_description(text, text) TO PUBLIC;

CREATE FUNCTION mlops.set_tag(model text, key text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'mlops_set_tag'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_tag(text, text, text) IS
    'labels a model (''churn'') or a version (''churn/3''); a NULL value removes the label; needs write';
REVOKE ALL ON FUNCTION mlops.set_tag(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_tag(text, text, text) TO PUBLIC;

-- sql/40_train.sql

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
    tags jsonb DEFAULT '{}'
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
COMMENT ON FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb) IS
    'Fits a model to the rows of a table, view or SELECT, evaluates it on held-out rows and registers it as a new version.';
REVOKE ALL ON FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.train(text, text, text, text, jsonb, text[], text[], text, text, text, text, jsonb, text, jsonb, jsonb, bigint, jsonb) TO PUBLIC;

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
       pg_catalog.jsonb_object_agg(p.parameter, p.default_value) FILTER (WHERE p.parameter IS NOT NULL) AS params
FROM mlops.algorithm_parameters() AS p
GROUP BY p.algorithm, p.summary, p.tasks;
COMMENT ON VIEW mlops.algorithms IS 'Algorithms with their tasks and the defaults of their parameters; details in mlops.algorithm_parameters().';
REVOKE ALL ON mlops.algorithms FROM PUBLIC;
GRANT SELECT ON mlops.algorithms TO PUBLIC;

-- sql/45_fit_aggregates.sql

-- Least squares as aggregates over (y, x).  A row with a NULL in y, x or an element of x, and a
-- row with NaN or an infinity, is left out.  A group without rows gives NULL.
--
-- The transition value is a mlops.state that waits for more rows; its functions are not for calling by hand.

CREATE FUNCTION mlops.linear_accumulate(state mlops.state, y float8, x float8[]) RETURNS mlops.state
    AS 'MODULE_PATHNAME', 'mlops_linear_accumulate'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.linear_accumulate(mlops.state, float8, float8[]) IS 'transition function of mlops.linear_fit and mlops.linear_state';
REVOKE ALL ON FUNCTION mlops.linear_accumulate(mlops.state, float8, float8[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.linear_accumulate(mlops.state, float8, float8[]) TO PUBLIC;

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

-- sql/50_predict.sql

-- Scores of rows.  Exactly two overloads of each name, by reference (text) and by value (mlops.model): a third would make
-- calls ambiguous.  By name the catalog is read under the query's snapshot, so STABLE; by value nothing but the arguments
-- counts, so IMMUTABLE.  Not STRICT: a NULL among the features is a missing value.  The cost, in units of one operator, is
-- that of some thirty features; it makes parallel plans worth while from about ten thousand rows.

CREATE FUNCTION mlops.predict(model text, VARIADIC features "any") RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_predict' LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict(text, "any") IS
    'score of a row, jsonb object, array or list of values: regression: the value; binary: probability of the positive class; clustering: the cluster; anomaly: the score';
REVOKE ALL ON FUNCTION mlops.predict(text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict(text, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict(model mlops.model, VARIADIC features "any") RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_predict' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict(mlops.model, "any") IS
    'score of a row, jsonb object, array or list of values by a model value';
REVOKE ALL ON FUNCTION mlops.predict(mlops.model, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict(mlops.model, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_label(model text, VARIADIC features "any") RETURNS text
    AS 'MODULE_PATHNAME', 'mlops_predict_label' LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict_label(text, "any") IS 'predicted class, or number of the cluster';
REVOKE ALL ON FUNCTION mlops.predict_label(text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_label(text, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_label(model mlops.model, VARIADIC features "any") RETURNS text
    AS 'MODULE_PATHNAME', 'mlops_predict_label' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict_label(mlops.model, "any") IS 'predicted class, or number of the cluster, by a model value';
REVOKE ALL ON FUNCTION mlops.predict_label(mlops.model, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_label(mlops.model, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_proba(model text, VARIADIC features "any") RETURNS float8[]
    AS 'MODULE_PATHNAME', 'mlops_predict_proba' LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict_proba(text, "any") IS 'probabilities of the classes, in the order of mlops.classes(model)';
REVOKE ALL ON FUNCTION mlops.predict_proba(text, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_proba(text, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_proba(model mlops.model, VARIADIC features "any") RETURNS float8[]
    AS 'MODULE_PATHNAME', 'mlops_predict_proba' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.predict_proba(mlops.model, "any") IS
    'probabilities of the classes, in the order of mlops.classes(model), by a model value';
REVOKE ALL ON FUNCTION mlops.predict_proba(mlops.model, "any") FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_proba(mlops.model, "any") TO PUBLIC;

CREATE FUNCTION mlops.predict_json(model text, features jsonb) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mlops_predict_json' LANGUAGE C STABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION mlops.predict_json(text, jsonb) IS
    'label, score, probabilities, model and version for one JSON object of features';
REVOKE ALL ON FUNCTION mlops.predict_json(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_json(text, jsonb) TO PUBLIC;

CREATE FUNCTION mlops.predict_json(model mlops.model, features jsonb) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'mlops_predict_json' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION mlops.predict_json(mlops.model, jsonb) IS
    'label, score and probabilities for one JSON object of features, by a model value';
REVOKE ALL ON FUNCTION mlops.predict_json(mlops.model, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_json(mlops.model, jsonb) TO PUBLIC;

-- sql/55_inspect.sql

-- What is inside one model, given by reference or by value.  What only tells how to call it needs the privilege to predict
-- (classes, features, check_source); what carries training values needs read.

CREATE FUNCTION mlops.classes(model text)
    RETURNS text[]
    AS 'MODULE_PATHNAME', 'mlops_classes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.classes(text) IS 'labels of the classes, in the order of predict_proba; empty for models without classes';
REVOKE ALL ON FUNCTION mlops.classes(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.classes(text) TO PUBLIC;

CREATE FUNCTION mlops.classes(model mlops.model)
    RETURNS text[]
    AS 'MODULE_PATHNAME', 'mlops_classes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mlops.classes(mlops.model) IS 'labels of the classes, in the order of predict_proba; empty for models without classes';
REVOKE ALL ON FUNCTION mlops.classes(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.classes(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.features(model text)
    RETURNS TABLE ("position" integer, feature text, kind text, type text, width integer, terms integer, transform text)
    AS 'MODULE_PATHNAME', 'mlops_features' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.features(text) IS 'features in the order of predict(), with what is done to them before the algorithm sees them';
REVOKE ALL ON FUNCTION mlops.features(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.features(text) TO PUBLIC;

CREATE FUNCTION mlops.features(model mlops.model)
    RETURNS TABLE ("position" integer, feature text, kind text, type text, width integer, terms integer, transform text)
    AS 'MODULE_PATHNAME', 'mlops_features' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.features(mlops.model) IS 'features in the order of predict(), with what is done to them before the algorithm sees them';
REVOKE ALL ON FUNCTION mlops.features(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.features(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.coefficients(model text, confidence float8 DEFAULT 0.95)
    RETURNS TABLE (class text, term text, estimate float8, std_error float8, statistic float8, p_value float8, conf_low float8, conf_high float8)
    AS 'MODULE_PATHNAME', 'mlops_coefficients' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 30;
COMMENT ON FUNCTION mlops.coefficients(text, float8) IS 'coefficients in the units of the terms, with confidence limits; NULL where aliased or not defined';
REVOKE ALL ON FUNCTION mlops.coefficients(text, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.coefficients(text, float8) TO PUBLIC;

CREATE FUNCTION mlops.coefficients(model mlops.model, confidence float8 DEFAULT 0.95)
    RETURNS TABLE (class text, term text, estimate float8, std_error float8, statistic float8, p_value float8, conf_low float8, conf_high float8)
    AS 'MODULE_PATHNAME', 'mlops_coefficients' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 30;
COMMENT ON FUNCTION mlops.coefficients(mlops.model, float8) IS 'coefficients in the units of the terms, with confidence limits; NULL where aliased or not defined';
REVOKE ALL ON FUNCTION mlops.coefficients(mlops.model, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.coefficients(mlops.model, float8) TO PUBLIC;

CREATE FUNCTION mlops.fit_statistics(model text)
    RETURNS TABLE (statistic text, value float8)
    AS 'MODULE_PATHNAME', 'mlops_fit_statistics' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.fit_statistics(text) IS 'statistics of the fit on its training rows';
REVOKE ALL ON FUNCTION mlops.fit_statistics(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fit_statistics(text) TO PUBLIC;

CREATE FUNCTION mlops.fit_statistics(model mlops.model)
    RETURNS TABLE (statistic text, value float8)
    AS 'MODULE_PATHNAME', 'mlops_fit_statistics' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 20;
COMMENT ON FUNCTION mlops.fit_statistics(mlops.model) IS 'statistics of the fit on its training rows';
REVOKE ALL ON FUNCTION mlops.fit_statistics(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fit_statistics(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.training_info(model text)
    RETURNS TABLE (training_run integer, iteration integer, loss float8, eval_loss float8, learning_rate float8, duration_ms float8)
    AS 'MODULE_PATHNAME', 'mlops_training_info' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION mlops.training_info(text) IS 'loss of each iteration, where the algorithm records it';
REVOKE ALL ON FUNCTION mlops.training_info(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.training_info(text) TO PUBLIC;

CREATE FUNCTION mlops.training_info(model mlops.model)
    RETURNS TABLE (training_run integer, iteration integer, loss float8, eval_loss float8, learning_rate float8, duration_ms float8)
    AS 'MODULE_PATHNAME', 'mlops_training_info' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION mlops.training_info(mlops.model) IS 'loss of each iteration, where the algorithm records it';
REVOKE ALL ON FUNCTION mlops.training_info(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.training_info(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.model_params(model text)
    RETURNS TABLE (param text, value text, is_default boolean, summary text)
    AS 'MODULE_PATHNAME', 'mlops_model_params' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 15;
COMMENT ON FUNCTION mlops.model_params(text) IS 'parameters as the fit used them';
REVOKE ALL ON FUNCTION mlops.model_params(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_params(text) TO PUBLIC;

CREATE FUNCTION mlops.model_params(model mlops.model)
    RETURNS TABLE (param text, value text, is_default boolean, summary text)
    AS 'MODULE_PATHNAME', 'mlops_model_params' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 15;
COMMENT ON FUNCTION mlops.model_params(mlops.model) IS 'parameters as the fit used them';
REVOKE ALL ON FUNCTION mlops.model_params(mlops.model) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_params(mlops.model) TO PUBLIC;

CREATE FUNCTION mlops.check_source(model text, source text)
    RETURNS TABLE (column_name text, expected_type text, actual_type text, status text)
    AS 'MODULE_PATHNAME', 'mlops_check_source' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.check_source(text, text) IS 'what changed in the columns of a table or query since training: ok, type differs, type changed, missing, target, key, split, extra';
REVOKE ALL ON FUNCTION mlops.check_source(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_source(text, text) TO PUBLIC;

CREATE FUNCTION mlops.check_source(model mlops.model, source text)
    RETURNS TABLE (column_name text, expected_type text, actual_type text, status text)
    AS 'MODULE_PATHNAME', 'mlops_check_source' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 20;
COMMENT ON FUNCTION mlops.check_source(mlops.model, text) IS 'what changed in the columns of a table or query since training: ok, type differs, type changed, missing, target, key, split, extra';
REVOKE ALL ON FUNCTION mlops.check_source(mlops.model, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_source(mlops.model, text) TO PUBLIC;

CREATE FUNCTION mlops.model_value(model text)
    RETURNS mlops.model
    AS 'MODULE_PATHNAME', 'mlops_model_value' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mlops.model_value(text) IS 'the model itself as a value; needs the privilege read and is noted in the server log';
REVOKE ALL ON FUNCTION mlops.model_value(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_value(text) TO PUBLIC;

CREATE FUNCTION mlops.model_cache(OUT models bigint, OUT bytes bigint, OUT pinned bigint, OUT hits bigint, OUT decodes bigint)
    AS 'MODULE_PATHNAME', 'mlops_model_cache' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mlops.model_cache() IS
    'decoded models that this session keeps, their bytes, how many are in use, how often one was found and how often one was decoded';
REVOKE ALL ON FUNCTION mlops.model_cache() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.model_cache() TO PUBLIC;

-- sql/60_evaluate.sql

-- Evaluation: every function reads and scores a source once.  Without a source they
-- read the recorded one; rows that the version was trained on are left out unless rows => 'all'.

CREATE FUNCTION mlops.evaluate(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (metric text, value float8)
AS 'MODULE_PATHNAME', 'mlops_evaluate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 24;
COMMENT ON FUNCTION mlops.evaluate(text, text, text) IS 'Metrics of a model on rows that it was not trained on.';
REVOKE ALL ON FUNCTION mlops.evaluate(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.evaluate(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.evaluate(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (metric text, value float8)
AS 'MODULE_PATHNAME', 'mlops_evaluate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 24;
COMMENT ON FUNCTION mlops.evaluate(mlops.model, text, text) IS 'Metrics of a model on rows that it was not trained on.';
REVOKE ALL ON FUNCTION mlops.evaluate(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.evaluate(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.roc_curve(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (threshold float8, recall float8, false_positive_rate float8, true_positives float8, false_positives float8, true_negatives float8, false_negatives float8)
AS 'MODULE_PATHNAME', 'mlops_roc_curve' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1001;
COMMENT ON FUNCTION mlops.roc_curve(text, text, text) IS 'Points of the ROC curve: predicted positive where the score is at least the threshold; at most 1,001 of them.';
REVOKE ALL ON FUNCTION mlops.roc_curve(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_curve(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.roc_curve(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (threshold float8, recall float8, false_positive_rate float8, true_positives float8, false_positives float8, true_negatives float8, false_negatives float8)
AS 'MODULE_PATHNAME', 'mlops_roc_curve' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1001;
COMMENT ON FUNCTION mlops.roc_curve(mlops.model, text, text) IS 'Points of the ROC curve: predicted positive where the score is at least the threshold; at most 1,001 of them.';
REVOKE ALL ON FUNCTION mlops.roc_curve(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_curve(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.confusion_matrix(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (expected_label text, predicted_label text, count float8)
AS 'MODULE_PATHNAME', 'mlops_confusion_matrix' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 9;
COMMENT ON FUNCTION mlops.confusion_matrix(text, text, text) IS 'How often each label was predicted for each true label, by weight.';
REVOKE ALL ON FUNCTION mlops.confusion_matrix(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.confusion_matrix(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.confusion_matrix(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (expected_label text, predicted_label text, count float8)
AS 'MODULE_PATHNAME', 'mlops_confusion_matrix' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 9;
COMMENT ON FUNCTION mlops.confusion_matrix(mlops.model, text, text) IS 'How often each label was predicted for each true label, by weight.';
REVOKE ALL ON FUNCTION mlops.confusion_matrix(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.confusion_matrix(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.calibration(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (lower_bound float8, upper_bound float8, count float8, mean_prediction float8, positive_rate float8)
AS 'MODULE_PATHNAME', 'mlops_calibration' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.calibration(text, text, text) IS 'Predicted against observed share of positives, in ten bins of equal width.';
REVOKE ALL ON FUNCTION mlops.calibration(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.calibration(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.calibration(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (lower_bound float8, upper_bound float8, count float8, mean_prediction float8, positive_rate float8)
AS 'MODULE_PATHNAME', 'mlops_calibration' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.calibration(mlops.model, text, text) IS 'Predicted against observed share of positives, in ten bins of equal width.';
REVOKE ALL ON FUNCTION mlops.calibration(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.calibration(mlops.model, text, text) TO PUBLIC;

CREATE FUNCTION mlops.lift(model text, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (decile integer, count float8, positives float8, lowest_score float8, positive_rate float8, lift float8, gain float8, cumulative_lift float8)
AS 'MODULE_PATHNAME', 'mlops_lift' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.lift(text, text, text) IS 'Deciles of the rows by falling score: share of positives, lift over the average, share of all positives reached.';
REVOKE ALL ON FUNCTION mlops.lift(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.lift(text, text, text) TO PUBLIC;

CREATE FUNCTION mlops.lift(model mlops.model, source text DEFAULT NULL, rows text DEFAULT 'heldout')
RETURNS TABLE (decile integer, count float8, positives float8, lowest_score float8, positive_rate float8, lift float8, gain float8, cumulative_lift float8)
AS 'MODULE_PATHNAME', 'mlops_lift' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION mlops.lift(mlops.model, text, text) IS 'Deciles of the rows by falling score: share of positives, lift over the average, share of all positives reached.';
REVOKE ALL ON FUNCTION mlops.lift(mlops.model, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.lift(mlops.model, text, text) TO PUBLIC;


-- sql/65_metric_aggregates.sql

-- Metrics as aggregates over (truth, prediction [, weight]).  Rows with a NULL are
-- ignored, empty groups give NULL; sums are exact, so plans and row order do not matter.

CREATE FUNCTION mlops.metric_sums_merge(bytea, bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_metric_sums_merge' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_sums_merge(bytea, bytea) IS 'Combine function of metric aggregates.';
CREATE FUNCTION mlops.metric_curve_merge(bytea, bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_curve_merge' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_curve_merge(bytea, bytea) IS 'Combine function of metric aggregates over scored rows.';
REVOKE ALL ON FUNCTION mlops.metric_sums_merge(bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_sums_merge(bytea, bytea) TO PUBLIC;
REVOKE ALL ON FUNCTION mlops.metric_curve_merge(bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_curve_merge(bytea, bytea) TO PUBLIC;

CREATE FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_squared_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_squared_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_squared_error_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_absolute_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_absolute_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_absolute_error_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_percentage_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_percentage_error_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_percentage_error_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_r2_add(bytea, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_r2_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_r2_add(bytea, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_r2_add(bytea, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_r2_add(bytea, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_r2_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_r2_add(bytea, float8, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_log_loss_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_log_loss_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_log_loss_add(bytea, boolean, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_brier_add(bytea, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_brier_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_brier_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_brier_add(bytea, boolean, float8, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean) TO PUBLIC;
CREATE FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_cells_add(bytea, boolean, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_text_cells_add(bytea, text, text) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_text_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_text_cells_add(bytea, text, text) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_text_cells_add(bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_text_cells_add(bytea, text, text) TO PUBLIC;
CREATE FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_text_cells_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_text_cells_add(bytea, text, text, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_curve_add(bytea, boolean, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_curve_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8) TO PUBLIC;
CREATE FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mlops_curve_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) IS 'Transition function of metric aggregates.';
REVOKE ALL ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_curve_add(bytea, boolean, float8, float8) TO PUBLIC;

CREATE FUNCTION mlops.metric_mean_loss_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_mean_loss_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_mean_loss_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_mean_loss_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_mean_loss_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_root_mean_loss_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_root_mean_loss_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_root_mean_loss_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_root_mean_loss_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_root_mean_loss_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_r2_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_r2_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_r2_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_r2_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_r2_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_accuracy_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_accuracy_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_accuracy_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_accuracy_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_accuracy_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_precision_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_precision_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_precision_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_precision_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_precision_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_recall_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_recall_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_recall_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_recall_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_recall_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_f1_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_f1_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_f1_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_f1_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_f1_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_roc_auc_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_roc_auc_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_roc_auc_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_roc_auc_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_roc_auc_final(bytea) TO PUBLIC;
CREATE FUNCTION mlops.metric_average_precision_final(bytea) RETURNS float8
    AS 'MODULE_PATHNAME', 'mlops_average_precision_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.metric_average_precision_final(bytea) IS 'Final function of a metric aggregate.';
REVOKE ALL ON FUNCTION mlops.metric_average_precision_final(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.metric_average_precision_final(bytea) TO PUBLIC;

CREATE AGGREGATE mlops.mse(y float8, prediction float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mse(float8, float8) IS 'Mean squared error.';
REVOKE ALL ON FUNCTION mlops.mse(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mse(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mse(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mse(float8, float8, float8) IS 'Mean squared error, rows weighted.';
REVOKE ALL ON FUNCTION mlops.mse(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mse(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.rmse(y float8, prediction float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_root_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(float8, float8) IS 'Root mean squared error.';
REVOKE ALL ON FUNCTION mlops.rmse(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rmse(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.rmse(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_squared_error_add, STYPE = bytea, FINALFUNC = mlops.metric_root_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(float8, float8, float8) IS 'Root mean squared error, rows weighted.';
REVOKE ALL ON FUNCTION mlops.rmse(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rmse(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mae(y float8, prediction float8) (
    SFUNC = mlops.metric_absolute_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(float8, float8) IS 'Mean absolute error.';
REVOKE ALL ON FUNCTION mlops.mae(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mae(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mae(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_absolute_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(float8, float8, float8) IS 'Mean absolute error, rows weighted.';
REVOKE ALL ON FUNCTION mlops.mae(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mae(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mape(y float8, prediction float8) (
    SFUNC = mlops.metric_percentage_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(float8, float8) IS 'Mean absolute percentage error, as a fraction.';
REVOKE ALL ON FUNCTION mlops.mape(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mape(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.mape(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_percentage_error_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(float8, float8, float8) IS 'Mean absolute percentage error, as a fraction, rows weighted.';
REVOKE ALL ON FUNCTION mlops.mape(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mape(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.r2(y float8, prediction float8) (
    SFUNC = mlops.metric_r2_add, STYPE = bytea, FINALFUNC = mlops.metric_r2_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(float8, float8) IS 'Coefficient of determination; NULL for a constant y.';
REVOKE ALL ON FUNCTION mlops.r2(float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.r2(float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.r2(y float8, prediction float8, weight float8) (
    SFUNC = mlops.metric_r2_add, STYPE = bytea, FINALFUNC = mlops.metric_r2_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(float8, float8, float8) IS 'Coefficient of determination; NULL for a constant y, rows weighted.';
REVOKE ALL ON FUNCTION mlops.r2(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.r2(float8, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.log_loss(label boolean, probability float8) (
    SFUNC = mlops.metric_log_loss_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(boolean, float8) IS 'Mean negative log likelihood of the labels.';
REVOKE ALL ON FUNCTION mlops.log_loss(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_loss(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.log_loss(label boolean, probability float8, weight float8) (
    SFUNC = mlops.metric_log_loss_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss(boolean, float8, float8) IS 'Mean negative log likelihood of the labels, rows weighted.';
REVOKE ALL ON FUNCTION mlops.log_loss(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.log_loss(boolean, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.brier(label boolean, probability float8) (
    SFUNC = mlops.metric_brier_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(boolean, float8) IS 'Mean squared difference of probability and label.';
REVOKE ALL ON FUNCTION mlops.brier(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.brier(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.brier(label boolean, probability float8, weight float8) (
    SFUNC = mlops.metric_brier_add, STYPE = bytea, FINALFUNC = mlops.metric_mean_loss_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier(boolean, float8, float8) IS 'Mean squared difference of probability and label, rows weighted.';
REVOKE ALL ON FUNCTION mlops.brier(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.brier(boolean, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(boolean, boolean) IS 'Share of labels predicted right.';
REVOKE ALL ON FUNCTION mlops.accuracy(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(boolean, boolean, float8) IS 'Share of labels predicted right, rows weighted.';
REVOKE ALL ON FUNCTION mlops.accuracy(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label text, prediction text) (
    SFUNC = mlops.metric_text_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(text, text) IS 'Share of labels predicted right.';
REVOKE ALL ON FUNCTION mlops.accuracy(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(text, text) TO PUBLIC;
CREATE AGGREGATE mlops.accuracy(label text, prediction text, weight float8) (
    SFUNC = mlops.metric_text_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_accuracy_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy(text, text, float8) IS 'Share of labels predicted right, rows weighted.';
REVOKE ALL ON FUNCTION mlops.accuracy(text, text, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.accuracy(text, text, float8) TO PUBLIC;
CREATE AGGREGATE mlops.precision(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_precision_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision(boolean, boolean) IS 'True positives among predicted positives.';
REVOKE ALL ON FUNCTION mlops.precision(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.precision(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.precision(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_precision_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision(boolean, boolean, float8) IS 'True positives among predicted positives, rows weighted.';
REVOKE ALL ON FUNCTION mlops.precision(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.precision(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.recall(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_recall_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall(boolean, boolean) IS 'True positives among positives.';
REVOKE ALL ON FUNCTION mlops.recall(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.recall(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.recall(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_recall_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall(boolean, boolean, float8) IS 'True positives among positives, rows weighted.';
REVOKE ALL ON FUNCTION mlops.recall(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.recall(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.f1(label boolean, prediction boolean) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_f1_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(boolean, boolean) IS 'Harmonic mean of precision and recall.';
REVOKE ALL ON FUNCTION mlops.f1(boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.f1(boolean, boolean) TO PUBLIC;
CREATE AGGREGATE mlops.f1(label boolean, prediction boolean, weight float8) (
    SFUNC = mlops.metric_cells_add, STYPE = bytea, FINALFUNC = mlops.metric_f1_final,
    COMBINEFUNC = mlops.metric_sums_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1(boolean, boolean, float8) IS 'Harmonic mean of precision and recall, rows weighted.';
REVOKE ALL ON FUNCTION mlops.f1(boolean, boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.f1(boolean, boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.roc_auc(label boolean, score float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_roc_auc_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(boolean, float8) IS 'Area under the ROC curve, ties count half; NULL with one class.';
REVOKE ALL ON FUNCTION mlops.roc_auc(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_auc(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.roc_auc(label boolean, score float8, weight float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_roc_auc_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc(boolean, float8, float8) IS 'Area under the ROC curve, ties count half; NULL with one class, rows weighted.';
REVOKE ALL ON FUNCTION mlops.roc_auc(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.roc_auc(boolean, float8, float8) TO PUBLIC;
CREATE AGGREGATE mlops.average_precision(label boolean, score float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_average_precision_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision(boolean, float8) IS 'Area under the precision-recall curve, as a step function.';
REVOKE ALL ON FUNCTION mlops.average_precision(boolean, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.average_precision(boolean, float8) TO PUBLIC;
CREATE AGGREGATE mlops.average_precision(label boolean, score float8, weight float8) (
    SFUNC = mlops.metric_curve_add, STYPE = bytea, FINALFUNC = mlops.metric_average_precision_final,
    COMBINEFUNC = mlops.metric_curve_merge, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision(boolean, float8, float8) IS 'Area under the precision-recall curve, as a step function, rows weighted.';
REVOKE ALL ON FUNCTION mlops.average_precision(boolean, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.average_precision(boolean, float8, float8) TO PUBLIC;

-- sql/70_progress.sql

-- What trainings are doing, in any session of the server.

CREATE FUNCTION mlops.progress_slots(
    OUT pid integer, OUT role oid, OUT database oid, OUT model text, OUT algorithm text, OUT phase text,
    OUT done bigint, OUT total bigint, OUT fraction float8, OUT iteration integer, OUT loss float8,
    OUT started_at timestamptz, OUT workers integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'mlops_progress_slots'
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 5;
COMMENT ON FUNCTION mlops.progress_slots() IS
    'Rows behind mlops.training_progress. Texts and losses are NULL for trainings of roles whose privileges the caller does not have.';
REVOKE ALL ON FUNCTION mlops.progress_slots() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.progress_slots() TO PUBLIC;

CREATE VIEW mlops.training_progress AS
SELECT s.pid,
       pg_catalog.pg_get_userbyid(s.role) AS usename,
       d.datname,
       s.model,
       s.algorithm,
       s.phase,
       s.done,
       s.total,
       s.fraction,
       s.iteration,
       s.loss,
       s.started_at,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.started_at AS elapsed,
       s.workers
FROM mlops.progress_slots() AS s
LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.database;
COMMENT ON VIEW mlops.training_progress IS
    'Trainings that run now, in any session: phase, share done, iteration and loss. Members of the training role and of pg_read_all_stats see the texts, others only counts.';
REVOKE ALL ON mlops.training_progress FROM PUBLIC;
GRANT SELECT ON mlops.training_progress TO PUBLIC;

-- sql/71_describe.sql

-- A source as training reads it.

CREATE FUNCTION mlops.describe(source text)
RETURNS TABLE (column_name text, data_type text, kind text, role text, count bigint, num_nulls bigint, distinct_count bigint, omitted text)
AS 'MODULE_PATHNAME', 'mlops_describe'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 30;
COMMENT ON FUNCTION mlops.describe(text) IS
    'The columns of a table, view or SELECT as training reads them: kind of feature, counts, and why a column would be left out.';
REVOKE ALL ON FUNCTION mlops.describe(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.describe(text) TO PUBLIC;

CREATE FUNCTION mlops.fingerprint(source text)
RETURNS text
AS 'MODULE_PATHNAME', 'mlops_fingerprint'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION mlops.fingerprint(text) IS
    'SHA-256 of the rows of a table, view or SELECT as training reads them; the same for any physical order of rows.';
REVOKE ALL ON FUNCTION mlops.fingerprint(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.fingerprint(text) TO PUBLIC;

-- sql/99_final.sql

-- Runs after every other part: reserved for grants that need the whole surface to exist.

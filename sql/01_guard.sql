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

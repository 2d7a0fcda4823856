-- Runs after every other part.
--
-- ALTER DEFAULT PRIVILEGES of the installing role has given whoever it names the
-- rights on tables, views, functions and types that were created just now: all
-- models, sources and grants to read, or to forge.  Nobody but the owner keeps
-- any, and PUBLIC what every part says: to read views, and to call functions.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT DISTINCT o.what, a.privilege_type, a.grantee
        FROM (SELECT pg_catalog.format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                                       c.oid::pg_catalog.regclass) AS what,
                     CASE c.relkind WHEN 'v' THEN ARRAY['SELECT'] ELSE '{}' END AS open, c.relowner AS owner, c.relacl AS acl
              FROM pg_catalog.pg_class c
              WHERE c.relnamespace OPERATOR(pg_catalog.=) 'mlops'::pg_catalog.regnamespace
                AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f,S}'::pg_catalog."char"[])
              UNION ALL
              SELECT pg_catalog.format('ROUTINE %s', p.oid::pg_catalog.regprocedure), ARRAY['EXECUTE'], p.proowner, p.proacl
              FROM pg_catalog.pg_proc p WHERE p.pronamespace OPERATOR(pg_catalog.=) 'mlops'::pg_catalog.regnamespace
              UNION ALL
              SELECT pg_catalog.format('TYPE %s', t.oid::pg_catalog.regtype), ARRAY['USAGE'], t.typowner, t.typacl
              FROM pg_catalog.pg_type t WHERE t.typnamespace OPERATOR(pg_catalog.=) 'mlops'::pg_catalog.regnamespace) o,
             pg_catalog.aclexplode(o.acl) a
        WHERE a.grantee OPERATOR(pg_catalog.<>) o.owner
          AND (a.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid OR a.privilege_type OPERATOR(pg_catalog.<>) ALL (o.open))
    LOOP
        EXECUTE pg_catalog.format('REVOKE %s ON %s FROM %s', found.privilege_type, found.what,
                                  CASE found.grantee WHEN 0::pg_catalog.oid THEN 'PUBLIC'
                                       ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(found.grantee)) END);
    END LOOP;
END
$$;

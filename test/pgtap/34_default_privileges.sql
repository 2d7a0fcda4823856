-- Default privileges of the installing role do not reach what the extension makes.
SELECT plan(8);
SET client_min_messages = warning;

DROP EXTENSION mlops;
DROP ROLE IF EXISTS dfl_reader;
CREATE ROLE dfl_reader;
CREATE SCHEMA dfl;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO dfl_reader, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO dfl_reader;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO dfl_reader;
CREATE TABLE dfl.probe (x int);
SELECT ok(has_table_privilege('dfl_reader', 'dfl.probe', 'INSERT'), 'tables that are created now are open to the role');
CREATE EXTENSION mlops;

SELECT is_empty($$SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'mlops'::regnamespace AND a.grantee = 'dfl_reader'::regrole$$, '... but not the relations of the extension');
SELECT is_empty($$SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'r' AND a.grantee = 0$$, '... and nobody has its tables');
SELECT is_empty($$SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'v' AND a.grantee = 0 AND a.privilege_type <> 'SELECT'$$, '... and its views are only for reading');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(p.proacl) a
    WHERE p.pronamespace = 'mlops'::regnamespace AND a.grantee = 'dfl_reader'::regrole$$, '... nor its functions');
SELECT is_empty($$SELECT t.typname FROM pg_type t, aclexplode(t.typacl) a
    WHERE t.typnamespace = 'mlops'::regnamespace AND a.grantee = 'dfl_reader'::regrole$$, '... nor its types');

-- what is for everybody still is
SET ROLE dfl_reader;
SELECT lives_ok('SELECT * FROM mlops.models', 'the views for everybody are');
SELECT is(round(mlops.predict((SELECT mlops.linear_fit(2 * i, ARRAY[i]::float8[]) FROM generate_series(1, 5) i), 7)), 14::float8, '... and the functions');
RESET ROLE;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM dfl_reader, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM dfl_reader;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM dfl_reader;
DROP TABLE dfl.probe;
DROP ROLE dfl_reader;

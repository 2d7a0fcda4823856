-- Who may do what: owners, grants, groups, PUBLIC, superusers, dropped roles; what the views show to whom.
SELECT plan(77);
\ir include/registry.sql

BEGIN;
CREATE ROLE priv_owner;
CREATE ROLE priv_group;
CREATE ROLE priv_member IN ROLE priv_group;
CREATE ROLE priv_noinherit NOINHERIT IN ROLE priv_group;
CREATE ROLE priv_stranger;
CREATE ROLE priv_heir IN ROLE priv_owner;
CREATE ROLE "Priv ""odd"" Role";
GRANT priv_stranger TO priv_owner;

SELECT pg_temp.add_version('churn', 'priv_owner') FROM generate_series(1, 3);
SELECT pg_temp.add_version('secret', 'priv_owner');
SELECT pg_temp.add_version('other', 'priv_stranger');

-- What each privilege allows.  Every operation is tried on a fresh state; an operation is allowed if it does not end in 42501.
CREATE TEMP TABLE operation (name text PRIMARY KEY, statement text);
INSERT INTO operation VALUES
    ('promote', $$SELECT mlops.promote('churn', 1)$$),
    ('rollback', $$SELECT mlops.rollback('churn')$$),
    ('set_alias', $$SELECT mlops.set_alias('churn/1', 'a')$$),
    ('drop_alias', $$SELECT mlops.drop_alias('churn', 'a')$$),
    ('set_tag', $$SELECT mlops.set_tag('churn', 'k', 'v')$$),
    ('set_description', $$SELECT mlops.set_description('churn/2', 'x')$$),
    ('grant_access', $$SELECT mlops.grant_access('churn', 'public', 'predict')$$),
    ('revoke_access', $$SELECT mlops.revoke_access('churn', 'public', 'predict')$$),
    ('rename_model', $$SELECT mlops.rename_model('churn', 'churn2')$$),
    ('delete_version', $$SELECT mlops.delete_version('churn/1')$$),
    ('drop_model', $$SELECT mlops.drop_model('churn')$$),
    ('transfer_ownership', $$SELECT mlops.transfer_ownership('churn', 'priv_stranger')$$);

CREATE FUNCTION pg_temp.allowed(role text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    op operation;
    answer text;
    result text[] := '{}';
BEGIN
    FOR op IN SELECT * FROM operation ORDER BY name LOOP
        BEGIN
            answer := pg_temp.try_as(role, op.statement);
            RAISE EXCEPTION USING ERRCODE = 'UNDO1', MESSAGE = coalesce(answer, '');
        EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
            IF SQLERRM NOT LIKE '42501%' THEN
                result := result || op.name;
            END IF;
        END;
    END LOOP;
    RETURN array_to_string(result, ' ');
END $$;

CREATE FUNCTION pg_temp.sees(role text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.try_as(role, $q$SELECT concat_ws(' ',
        (SELECT 'models' FROM mlops.models WHERE model = 'churn'),
        (SELECT DISTINCT 'versions' FROM mlops.versions WHERE model = 'churn'),
        (SELECT DISTINCT 'metrics' FROM mlops.versions WHERE model = 'churn' AND metrics IS NOT NULL),
        (SELECT DISTINCT 'params' FROM mlops.versions WHERE model = 'churn' AND params IS NOT NULL),
        (SELECT DISTINCT 'source' FROM mlops.versions WHERE model = 'churn' AND source IS NOT NULL),
        (SELECT DISTINCT 'runs' FROM mlops.experiment_runs WHERE model = 'churn'),
        (SELECT DISTINCT 'history' FROM mlops.history WHERE model = 'churn'),
        (SELECT DISTINCT 'audit' FROM mlops.audit WHERE model = 'churn'),
        (SELECT string_agg(p, ',') FROM unnest('{read,predict,write,manage}'::text[]) p WHERE mlops.has_access('churn', p)))$q$)
$$;
SELECT mlops.promote('churn', 3);
SELECT mlops.promote('churn', 3, 'Archived');

SELECT is(pg_temp.allowed('priv_stranger'), '', 'without a grant: nothing');
SELECT is(pg_temp.sees('priv_stranger'), '', '... and nothing is shown');

SELECT is(pg_temp.allowed('priv_owner'), (SELECT string_agg(name, ' ' ORDER BY name) FROM operation), 'the owner: everything');
SELECT is(pg_temp.sees('priv_owner'), 'models versions metrics params source runs history audit read,predict,write,manage', '... and everything is shown');
SELECT is(pg_temp.allowed('priv_heir'), (SELECT string_agg(name, ' ' ORDER BY name) FROM operation), 'a member of the owner: everything');

SELECT mlops.grant_access('churn', 'priv_stranger', 'predict');
SELECT is(pg_temp.allowed('priv_stranger'), '', 'predict changes nothing');
SELECT is(pg_temp.sees('priv_stranger'), 'models versions history predict', 'predict: names, versions and stages, no training values');
SELECT mlops.revoke_access('churn', 'priv_stranger', 'predict');

SELECT mlops.grant_access('churn', 'priv_stranger', 'read');
SELECT is(pg_temp.allowed('priv_stranger'), '', 'read changes nothing');
SELECT is(pg_temp.sees('priv_stranger'), 'models versions metrics params source runs history read,predict', 'read shows training values and gives predict');
SELECT mlops.revoke_access('churn', 'priv_stranger', 'read');

SELECT mlops.grant_access('churn', 'priv_stranger', 'write');
SELECT is(pg_temp.allowed('priv_stranger'), 'drop_alias set_alias set_description set_tag', 'write: labels');
SELECT is(pg_temp.sees('priv_stranger'), 'models versions history write', 'write does not give read');
SELECT mlops.revoke_access('churn', 'priv_stranger', 'write');

SELECT mlops.grant_access('churn', 'priv_stranger', 'manage');
SELECT is(pg_temp.allowed('priv_stranger'), (SELECT string_agg(name, ' ' ORDER BY name) FROM operation WHERE name <> 'transfer_ownership'),
    'manage: everything but giving the model away');
SELECT is(pg_temp.sees('priv_stranger'), 'models versions metrics params source runs history audit read,predict,write,manage', 'manage gives the rest');
SELECT mlops.revoke_access('churn', 'priv_stranger', 'all');
SELECT is(pg_temp.sees('priv_stranger'), '', 'revoked at once');

-- groups, PUBLIC, exact and typed names
SELECT mlops.grant_access('churn', 'priv_group', 'read, write');
SELECT is(pg_temp.sees('priv_member'), 'models versions metrics params source runs history read,predict,write', 'through a group');
SELECT is(pg_temp.sees('priv_noinherit'), '', 'NOINHERIT members must SET ROLE');
SELECT is(pg_temp.sees('priv_stranger'), '', 'others not');
SELECT mlops.revoke_access('churn', 'priv_group'::regrole, 'write');
SELECT is(pg_temp.sees('priv_member'), 'models versions metrics params source runs history read,predict', 'part of it revoked, by regrole');
SELECT mlops.revoke_access('churn', 'priv_member', 'read');
SELECT is(pg_temp.sees('priv_member'), 'models versions metrics params source runs history read,predict', 'revoking from the member does not touch the group''s');
SELECT mlops.revoke_access('churn', 'priv_group', 'all');
SELECT mlops.grant_access('churn', 'PUBLIC', 'predict');
SELECT is(pg_temp.sees('priv_stranger'), 'models versions history predict', 'PUBLIC');
SELECT results_eq($$SELECT grantee, privilege, granted_by FROM mlops.grants WHERE model = 'churn'$$, $$VALUES ('public', 'predict', 'postgres')$$, 'PUBLIC in mlops.grants');
SELECT mlops.revoke_access('churn', 'public', 'predict');
SELECT mlops.grant_access('churn', 'Priv "odd" Role', 'predict'), mlops.grant_access('churn', '"Priv ""odd"" Role"'::regrole, 'write');
SELECT is(pg_temp.sees('Priv "odd" Role'), 'models versions history predict,write', 'odd names: exact as text, quoted as regrole');
SELECT results_eq($$SELECT grantee, privilege FROM mlops.grants WHERE model = 'churn' ORDER BY 2$$,
    $$VALUES ('Priv "odd" Role', 'predict'), ('Priv "odd" Role', 'write')$$, '... shown plain');
SELECT mlops.revoke_access('churn', 'Priv "odd" Role', 'all');
SELECT mlops.grant_access('churn', 'priv_stranger', 'predict'), mlops.grant_access('churn', 'priv_stranger', 'predict');
SELECT is((SELECT count(*) FROM mlops.grants WHERE model = 'churn'), 1::bigint, 'granting twice is one grant');
SELECT is((SELECT count(*) FROM mlops.audit WHERE model = 'churn' AND action = 'grant' AND detail = '{"role": "priv_stranger", "privilege": "predict"}'),
    2::bigint, 'and one more line in the audit log');
SELECT mlops.revoke_access('churn', 'priv_stranger', 'all');
SELECT lives_ok($$SELECT mlops.grant_access(model => 'churn', role => current_user, privilege => 'read')$$, 'by name, with current_user');
SELECT mlops.revoke_access('churn', current_user, 'all');

-- refusals
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.try_as('none', statement) $$;
SELECT is(pg_temp.try_as('priv_stranger', $$SELECT mlops.promote('churn', 1)$$),
    '42501 | permission denied for model "churn" | Role "priv_stranger" does not have the privilege "manage" on this model. | '
    'Its owner can grant it: SELECT mlops.grant_access(''churn'', ''priv_stranger'', ''manage'').', 'denied: what is missing and who can give it');
SELECT alike(pg_temp.try_as('priv_stranger', $$SELECT mlops.promote('churn', 99)$$), '42501 | %', 'denied before a version is looked for');
SELECT alike(pg_temp.try_as('priv_stranger', $$SELECT mlops.promote('secrat')$$), '42704 | model "secrat" does not exist | The view mlops.models lists %',
    'the hint never names a model that the role may not see');
SELECT alike(pg_temp.try_as('priv_stranger', $$SELECT mlops.promote('othr')$$), '42704 | model "othr" does not exist | Perhaps you meant the model "other".',
    '... and names one that it may');
SELECT is(pg_temp.try($$SELECT mlops.grant_access('churn', 'priv_nobody', 'read')$$), '42704 | role "priv_nobody" does not exist', 'unknown role');
SELECT is(pg_temp.try($$SELECT mlops.grant_access('churn', '4294967000'::regrole, 'read')$$), '42704 | role with OID 4294967000 does not exist', 'dangling regrole');
SELECT alike(pg_temp.try($$SELECT mlops.grant_access('churn', 'priv_owner', 'select')$$),
    '22023 | unknown privilege "select" | The privileges are read, predict, write, approve and manage; %', 'unknown privilege');
SELECT alike(pg_temp.try($$SELECT mlops.grant_access('churn', 'priv_owner', 'read,,write')$$), '22023 | unknown privilege "" | %', 'empty privilege');
SELECT alike(pg_temp.try($$SELECT mlops.has_access('churn', 'select')$$), '22023 | %', 'has_access: unknown privilege');
SELECT is(pg_temp.try($$SELECT mlops.has_access('nothing', 'any')$$), 'false', 'has_access: false for what does not exist');
SELECT is(pg_temp.try_as('priv_stranger', $$SELECT mlops.has_access('secret', 'any')$$), 'false', '... as for what is hidden');
SELECT is(pg_temp.try($$SELECT mlops.has_access('churn/2', 'any')$$), 'true', 'has_access takes references');
SELECT is(pg_temp.try($$SELECT mlops.has_access(NULL::text, 'any')$$), NULL, 'has_access of NULL');
SELECT is(pg_temp.try_as('priv_stranger', $$SELECT mlops.has_access(gen_random_uuid(), 'any')$$), 'false', 'has_access of an unknown id');

-- grantors: managers, not readers; a manager cannot lock the owner out
SELECT mlops.grant_access('churn', 'priv_member', 'manage');
SELECT is(pg_temp.try_as('priv_member', $$SELECT mlops.grant_access('churn', 'priv_stranger', 'predict')$$), '', 'a manager grants');
SELECT is((SELECT granted_by FROM mlops.grants WHERE model = 'churn' AND grantee = 'priv_stranger'), 'priv_member', 'and is recorded');
SELECT is(pg_temp.try_as('priv_member', $$SELECT mlops.revoke_access('churn', 'priv_owner', 'all')$$), '', 'revoking from the owner');
SELECT is(pg_temp.try_as('priv_owner', $$SELECT mlops.has_access('churn', 'manage')$$), 'true', '... does nothing');
SELECT alike(pg_temp.try_as('priv_stranger', $$SELECT mlops.grant_access('churn', 'priv_stranger', 'manage')$$), '42501 | %', 'nobody raises himself');
SELECT is(pg_temp.try_as('priv_stranger', $$SELECT string_agg(grantee || ':' || privilege, ' ') FROM mlops.grants WHERE model = 'churn'$$),
    'priv_stranger:predict', 'mlops.grants shows one''s own');
SELECT is(pg_temp.try_as('priv_member', $$SELECT string_agg(grantee || ':' || privilege, ' ' ORDER BY grantee) FROM mlops.grants WHERE model = 'churn'$$),
    'priv_member:manage priv_stranger:predict', '... and managers all');

-- ownership
SELECT alike(pg_temp.try_as('priv_member', $$SELECT mlops.transfer_ownership('churn', 'priv_member')$$), '42501 | must be owner of model "churn"', 'a manager cannot take it');
SELECT alike(pg_temp.try_as('priv_owner', $$SELECT mlops.transfer_ownership('churn', 'priv_group')$$), '42501 | must be able to SET ROLE "priv_group" | %', 'nobody is made owner against his will');
SELECT is(pg_temp.try_as('priv_owner', $$SELECT mlops.transfer_ownership('churn', 'priv_stranger')$$), '', 'the owner gives it to a role he can become');
SELECT is((SELECT owner FROM mlops.models WHERE model = 'churn'), 'priv_stranger', 'new owner');
SELECT is(pg_temp.sees('priv_heir'), 'models versions metrics params source runs history audit read,predict,write,manage',
    'the old owner keeps what membership in the new gives');
SELECT is(pg_temp.try($$SELECT mlops.transfer_ownership('churn', 'priv_group'::regrole)$$), '', 'a superuser to any');
SELECT is(pg_temp.sees('priv_heir'), 'models versions history predict', 'then nothing but the new owner''s grant is left');
SELECT alike(pg_temp.try($$SELECT mlops.transfer_ownership('churn', 'public')$$), '42704 | role "public" does not exist', 'not to PUBLIC');
SELECT mlops.transfer_ownership('churn', 'priv_owner');

-- dropped roles: void until pruned
CREATE ROLE priv_gone;
SELECT mlops.grant_access('churn', 'priv_gone', 'read,predict'), mlops.grant_access('secret', 'priv_gone', 'manage');
DROP ROLE priv_gone;
SELECT is((SELECT count(*) FROM mlops.grants WHERE grantee LIKE 'unknown (OID=%)'), 3::bigint, 'dangling grants are shown as such');
SELECT is(pg_temp.sees('Priv "odd" Role'), '', '... and give nobody anything');
SELECT is(pg_temp.try_as('priv_stranger', $$SELECT mlops.prune_grants()$$), '0', 'pruning touches only models that one manages');
SELECT is(pg_temp.try_as('priv_member', $$SELECT mlops.prune_grants()$$), '2', 'a manager of one');
SELECT is((SELECT count(*) FROM mlops.grants WHERE grantee LIKE 'unknown (OID=%)'), 1::bigint, 'the other model keeps its');
SELECT is(mlops.prune_grants(), 1::bigint, 'a superuser prunes all');
SELECT is(mlops.prune_grants(), 0::bigint, 'nothing is left');
SELECT is((SELECT count(*) FROM mlops.grants WHERE model = 'churn'), 2::bigint, 'living grants stay');
CREATE ROLE priv_late;
SELECT pg_temp.add_version('orphan', 'priv_late');
DROP ROLE priv_late;
SELECT alike(pg_temp.try_as('priv_owner', $$SELECT mlops.promote('orphan')$$), '42501 | %', 'a model whose owner was dropped is nobody''s');
SELECT is(pg_temp.try($$SELECT mlops.transfer_ownership('orphan', 'priv_owner')$$), '', 'until a superuser gives it away');
SELECT is(pg_temp.try_as('priv_owner', $$SELECT to_stage FROM mlops.promote('orphan')$$), 'Production', 'then it works again');
ROLLBACK;

-- the tables themselves
BEGIN;
CREATE ROLE priv_stranger;
SELECT is_empty($$SELECT c.relname, p FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
    WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'r' AND has_table_privilege('priv_stranger', c.oid, p)$$, 'no privilege on any table');
SELECT is_empty($$SELECT c.relname, p FROM pg_class c, unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
    WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'v' AND has_table_privilege('priv_stranger', c.oid, p)$$, 'views are for reading');
SELECT is_empty($$SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'mlops'::regnamespace AND c.relkind = 'v'
    AND NOT coalesce('security_barrier=true' = ANY (c.reloptions), false) AND pg_get_viewdef(c.oid) ~ 'has_access'$$, 'filtering views are security barriers');
SELECT is_empty($$SELECT v.relname FROM pg_class v JOIN pg_rewrite r ON r.ev_class = v.oid
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class t ON t.oid = d.refobjid AND t.relkind = 'r' AND t.relnamespace = 'mlops'::regnamespace
    WHERE v.relnamespace = 'mlops'::regnamespace AND v.relkind = 'v' AND pg_get_viewdef(v.oid) !~ 'has_access|visible_runs'$$, 'views over tables filter by has_access, or read runs through the view that does');
SELECT is(has_schema_privilege('priv_stranger', 'mlops', 'CREATE'), false, 'nobody adds objects to the schema');
ROLLBACK;

-- the schema must be ours before anything is put into it
DROP EXTENSION mlops CASCADE;
DROP SCHEMA IF EXISTS mlops CASCADE;
BEGIN;
CREATE ROLE priv_stranger;
CREATE SCHEMA mlops AUTHORIZATION priv_stranger;
SELECT throws_ok('CREATE EXTENSION mlops', '42501', 'schema "mlops" belongs to role "priv_stranger"', 'a schema of somebody else''s is refused');
DROP SCHEMA mlops;
CREATE SCHEMA mlops;
GRANT CREATE ON SCHEMA mlops TO priv_stranger;
SELECT throws_ok('CREATE EXTENSION mlops', '42501', 'schema "mlops" lets others create objects: priv_stranger', 'a schema open to others is refused');
REVOKE CREATE ON SCHEMA mlops FROM priv_stranger;
CREATE FUNCTION mlops.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT throws_ok('CREATE EXTENSION mlops', '42P06', 'schema "mlops" is not empty: it contains 1 objects', 'a schema with strange objects is refused');
DROP FUNCTION mlops.f();
SELECT lives_ok('CREATE EXTENSION mlops', 'an empty schema of one''s own is fine');
SELECT lives_ok('DROP EXTENSION mlops; CREATE EXTENSION mlops', 'and again');
SELECT is((SELECT count(*) FROM mlops.models), 0::bigint, 'a fresh registry, in the same session');
ROLLBACK;

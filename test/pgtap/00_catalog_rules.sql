-- Rules that every object of the extension keeps, whatever it is for. Each assertion lists the offenders: there are none.
SELECT plan(14);

CREATE TEMPORARY VIEW members AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS description
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE d.deptype = 'e' AND e.extname = 'mlops';

CREATE TEMPORARY VIEW functions AS
SELECT p.*, m.description FROM pg_proc p JOIN members m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;

CREATE TEMPORARY VIEW relations AS
SELECT c.*, m.description FROM pg_class c JOIN members m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;

SELECT cmp_ok((SELECT count(*) FROM members), '>', 1::bigint, 'the extension has members');

SELECT is_empty(
	$$SELECT description FROM members WHERE obj_description(objid, classid::regclass::text) IS NULL
		AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
			WHERE classid = 'pg_type'::regclass AND t.oid = objid AND c.relkind <> 'c')
		AND NOT EXISTS (SELECT FROM pg_type t
			WHERE classid = 'pg_type'::regclass AND t.oid = objid AND t.typcategory = 'A')$$,
	'every object has a comment');

SELECT is_empty(
	$$SELECT description FROM members WHERE description NOT LIKE '%mlops%'
		AND classid NOT IN ('pg_cast'::regclass, 'pg_language'::regclass)$$,
	'every object is in schema mlops');

SELECT is_empty(
	$$SELECT description FROM functions WHERE prosecdef$$,
	'no SECURITY DEFINER function');

-- An access list that was never touched is NULL and means: everybody may execute.
SELECT is_empty(
	$$SELECT description FROM functions WHERE proacl IS NULL$$,
	'execution of every function is granted or revoked in so many words');

SELECT is_empty(
	$$SELECT description FROM relations, aclexplode(relacl) a
		WHERE a.grantee = 0 AND NOT (relkind = 'v' AND a.privilege_type = 'SELECT')$$,
	'users may read views and nothing else');

-- Without security_barrier a cheap leaky function in a user's WHERE sees the rows that the view filters out.
SELECT is_empty(
	$$SELECT v.description FROM relations v
		JOIN pg_rewrite r ON r.ev_class = v.oid
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
			AND d.refclassid = 'pg_class'::regclass
		JOIN relations t ON t.oid = d.refobjid AND t.relkind = 'r'
		WHERE v.relkind = 'v'
			AND NOT coalesce(v.reloptions @> ARRAY['security_barrier=true']
				OR v.reloptions @> ARRAY['security_barrier=on'] OR v.reloptions @> ARRAY['security_barrier'], false)$$,
	'views over internal tables are security barriers');

SELECT is_empty(
	$$SELECT description FROM relations
		WHERE relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = relations.oid AND indisprimary)$$,
	'every table has a primary key');

SELECT is_empty(
	$$SELECT description FROM relations
		WHERE relkind = 'r' AND relations.oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'mlops')$$,
	'every table is dumped');

SELECT is_empty(
	$$SELECT description FROM relations WHERE relkind = 'S'$$,
	'no sequences');

SELECT is_empty(
	$$SELECT tgname FROM pg_trigger JOIN relations ON relations.oid = tgrelid WHERE NOT tgisinternal$$,
	'no triggers');

SELECT is_empty(
	$$SELECT description FROM relations WHERE relkind = 'r' AND relpersistence <> 'p'$$,
	'no unlogged tables');

-- What Citus can push to its workers; PostgreSQL parallelises it just as well. (mlops.read_rows never runs where Citus is.)
SELECT is_empty(
	$$SELECT description FROM functions JOIN pg_aggregate a ON a.aggfnoid = functions.oid
		JOIN pg_type t ON t.oid = a.aggtranstype
		WHERE proname <> 'read_rows' AND (t.typtype = 'p' OR a.aggcombinefn <> 0
			AND EXISTS (SELECT FROM unnest(proargtypes) u JOIN pg_type at ON at.oid = u WHERE at.typtype = 'p' AND at.oid <> 'record'::regtype))$$,
	'aggregates have real state types, and real argument types (or whole rows) where they combine');

SELECT is_empty(
	$$SELECT description FROM functions JOIN pg_language l ON l.oid = prolang
		WHERE l.lanname NOT IN ('c', 'internal', 'sql', 'plpgsql')$$,
	'no other languages');

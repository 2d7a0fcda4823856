-- docs/SQL.md: every function, aggregate, view and type of the extension, from the catalog; not what is there for a view only.
\pset format unaligned
\pset tuples_only on
SELECT '# SQL reference

Written by `make docs` from the comments in the catalog; a test compares. Functions and views for which PUBLIC has no privilege, those
whose comment begins with "Internal", and parts of aggregates and types are left out.
';

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid FROM pg_depend AS d
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mlops');

CREATE TEMP VIEW routine AS
SELECT p.oid, p.proname, p.prokind, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
	CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
	coalesce(obj_description(p.oid, 'pg_proc'), '') AS comment
FROM pg_proc AS p JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
WHERE has_function_privilege('public', p.oid, 'EXECUTE') AND coalesce(obj_description(p.oid, 'pg_proc'), '') !~ '^Internal'
	AND NOT EXISTS (SELECT FROM pg_aggregate AS a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn))
	AND NOT EXISTS (SELECT FROM pg_type AS t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend))
	AND NOT EXISTS (SELECT FROM pg_operator AS o WHERE o.oprcode = p.oid)
	AND NOT EXISTS (SELECT FROM pg_amproc AS a WHERE a.amproc = p.oid)
	AND NOT EXISTS (SELECT FROM pg_cast AS c WHERE c.castfunc = p.oid);

SELECT '## Functions and procedures
';
-- a comment stands below the forms that it is about
CREATE TEMP VIEW form AS
SELECT proname, prokind, comment, min(arguments COLLATE "C") AS first,
	string_agg(format(CASE prokind WHEN 'a' THEN E'mlops.%s(%s) → %s' WHEN 'p' THEN E'CALL mlops.%s(%s)' ELSE E'mlops.%s(%s)\n    → %s  (%s)' END, proname, arguments, result, volatility),
		E'\n' ORDER BY arguments COLLATE "C") AS forms
FROM routine GROUP BY proname, prokind, comment;

SELECT format(E'### %s\n\n%s', proname, string_agg(format(E'```\n%s\n```\n\n%s\n', forms, comment), E'\n' ORDER BY first))
FROM form WHERE prokind IN ('f', 'p') GROUP BY proname ORDER BY proname COLLATE "C";

SELECT '## Aggregates
';
SELECT format(E'### %s\n\n%s', proname, string_agg(format(E'```\n%s\n```\n\n%s\n', forms, comment), E'\n' ORDER BY first))
FROM form WHERE prokind = 'a' GROUP BY proname ORDER BY proname COLLATE "C";

SELECT '## Views
';
SELECT format(E'### mlops.%s\n\n%s\n\nColumns: %s.\n%s', c.relname, coalesce(obj_description(c.oid, 'pg_class'), ''),
	string_agg(format('`%s` %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum),
	coalesce(E'\n' || string_agg(format(E'- `%s`: %s\n', a.attname, col_description(c.oid, a.attnum)), '' ORDER BY a.attnum)
		FILTER (WHERE col_description(c.oid, a.attnum) IS NOT NULL), ''))
FROM pg_class AS c JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'v' AND has_table_privilege('public', c.oid, 'SELECT') GROUP BY c.oid, c.relname ORDER BY c.relname COLLATE "C";

SELECT '## Types
';
SELECT format(E'### mlops.%s\n\n%s\n', t.typname, coalesce(obj_description(t.oid, 'pg_type'), ''))
FROM pg_type AS t JOIN member AS m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
WHERE t.typtype = 'b' AND t.typelem = 0 ORDER BY t.typname COLLATE "C";

SELECT '## Settings

More about them: [SETTINGS.md](SETTINGS.md).
';
-- the server knows them once the library is loaded
LOAD 'mlops';
SELECT format(E'- `%s` (%s%s): %s', name, boot_val, ' ' || unit, short_desc) FROM pg_settings WHERE name LIKE 'mlops.%' ORDER BY name COLLATE "C";

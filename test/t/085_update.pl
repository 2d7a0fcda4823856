# ALTER EXTENSION UPDATE: a database of an older script, with models in it, becomes what a new installation is.
# The older script is the first part of today's (test/harness/older_version), so the update brings everything that follows.
use strict;
use warnings;
use MlopsTest;
use Test::More;

my $node = MlopsTest::node('main');
my $version = $node->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'mlops'});
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extension_versions WHERE name = 'mlops' AND version = '0.0.9'}), 1,
	'there is an older version');

# everything about the members: descriptions, owners, privileges, comments, definitions
my $manifest = q{
	SELECT pg_describe_object(d.classid, d.objid, 0), obj_description(d.objid, d.classid::regclass::text),
		(SELECT md5(pg_get_functiondef(p.oid)) || ' ' || (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(p.proacl) a) FROM pg_proc p WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid AND prokind <> 'a'),
		(SELECT md5(pg_get_viewdef(c.oid)) || ' ' || coalesce((SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(c.relacl) a), '') FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid),
		(SELECT string_agg(attname || ' ' || atttypid::regtype || ' ' || attnotnull, ',' ORDER BY attnum) FROM pg_attribute WHERE d.classid = 'pg_class'::regclass AND attrelid = d.objid AND attnum > 0 AND NOT attisdropped)
	FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'mlops'
	WHERE d.deptype = 'e' ORDER BY 1};
my $dumped = q{SELECT c::regclass, w FROM pg_extension, unnest(extconfig, extcondition) AS x (c, w) WHERE extname = 'mlops' ORDER BY 1};

$node->safe_psql('postgres', $_) for 'CREATE DATABASE old', 'CREATE DATABASE new';
$node->safe_psql('new', 'CREATE EXTENSION mlops');
$node->safe_psql('old', q{CREATE EXTENSION mlops VERSION '0.0.9'});
isnt($node->safe_psql('old', $manifest), $node->safe_psql('new', $manifest), 'the versions differ');
$node->safe_psql('old', <<'SQL');
CREATE TABLE rows AS SELECT i AS id, i % 17 AS x, i % 17 * 2.0 + i % 5 AS y FROM generate_series(1, 400) i;
SELECT version FROM mlops.train('price', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'linear');
SELECT mlops.promote('price', 1);
SQL
$node->safe_psql('old', 'ALTER EXTENSION mlops UPDATE');
is($node->safe_psql('old', q{SELECT extversion FROM pg_extension WHERE extname = 'mlops'}), $version, 'updated');
is($node->safe_psql('old', $manifest), $node->safe_psql('new', $manifest), '... to the members of a new installation');
is($node->safe_psql('old', $dumped), $node->safe_psql('new', $dumped), '... whose tables are dumped alike');
is($node->safe_psql('old', q{SELECT data_identical AND model_identical FROM mlops.verify('price')}), 't', 'the model of before can be proved');
is($node->safe_psql('old', q{SELECT count(mlops.predict('price', r)) FROM rows AS r}), 400, '... and predicts');
is($node->safe_psql('old', 'SELECT * FROM mlops.check_all()'), '', 'all is sound');
done_testing();

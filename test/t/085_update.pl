# ALTER EXTENSION UPDATE from 0.0.9: its script is kept as it was, and so are the tables of a database in which it worked.
# The updated database has the members of a new installation, to the last comment and privilege, and its models live on.
use strict;
use warnings;
use File::Basename;
use Cwd 'abs_path';
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = '0.0.9';
my $data = dirname(abs_path(__FILE__)) . "/../data/upgrade";
my $node = MlopsTest::node('main');
my $version = $node->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'mlops'});
$node->safe_psql('postgres', "CREATE DATABASE $_") for 'old', 'new';
$node->safe_psql('new', 'CREATE EXTENSION mlops');
$node->safe_psql('old', "CREATE EXTENSION mlops VERSION '$old'");

# One line for each fact about the members.
my $manifest = q{
WITH member AS (SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS what
		FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'mlops' WHERE d.deptype = 'e'),
	f AS (SELECT what, p.* FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid),
	r AS (SELECT what, c.* FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid),
	t AS (SELECT what, t.* FROM member JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid)
SELECT what || ': ' || fact FROM (
	SELECT what, 'member' AS fact FROM member
	UNION ALL SELECT what, 'comment ' || obj_description(objid, classid::regclass::text) FROM member
	UNION ALL SELECT what, 'address ' || (pg_identify_object_as_address(classid, objid, 0))::text FROM member
	UNION ALL SELECT what, 'initial privileges ' || (SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(i.initprivs) x) FROM member JOIN pg_init_privs i ON i.classoid = classid AND i.objoid = objid
	UNION ALL SELECT what, 'definition ' || pg_get_functiondef(oid) FROM f WHERE prokind <> 'a'
	UNION ALL SELECT what, concat_ws(' ', 'aggregate', to_jsonb(a) - '{aggfnoid,aggtranstype,aggmtranstype}'::text[], a.aggtranstype::regtype, a.aggmtranstype::regtype) FROM f JOIN pg_aggregate a ON a.aggfnoid = f.oid
	UNION ALL SELECT what, 'execution ' || coalesce((SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(proacl) x), 'default') FROM f
	UNION ALL SELECT what, 'privileges ' || coalesce((SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(relacl) x), 'default') FROM r
	UNION ALL SELECT what, 'view ' || pg_get_viewdef(oid) FROM r WHERE relkind = 'v'
	UNION ALL SELECT what, 'options ' || reloptions::text FROM r WHERE reloptions IS NOT NULL
	UNION ALL SELECT what, concat_ws(' ', 'column', attnum, attname, format_type(atttypid, atttypmod), attnotnull, attstorage, attcollation::regcollation, attacl,
			pg_get_expr(d.adbin, d.adrelid), col_description(r.oid, attnum)) FROM r JOIN pg_attribute a ON attrelid = r.oid AND attnum > 0 AND NOT attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = attnum
	UNION ALL SELECT what, 'constraint ' || conname || ' ' || pg_get_constraintdef(c.oid) FROM r JOIN pg_constraint c ON conrelid = r.oid
	UNION ALL SELECT what, 'index ' || pg_get_indexdef(indexrelid) FROM r JOIN pg_index ON indrelid = r.oid
	UNION ALL SELECT what, 'trigger ' || tgname FROM r JOIN pg_trigger ON tgrelid = r.oid
	UNION ALL SELECT what, concat_ws(' ', 'type', typlen, typbyval, typtype, typcategory, typalign, typstorage, typinput, typoutput, typreceive, typsend, typacl) FROM t
	UNION ALL SELECT what, concat_ws(' ', 'cast', c.castcontext, c.castmethod, c.castfunc::regprocedure) FROM member JOIN pg_cast c ON classid = 'pg_cast'::regclass AND c.oid = objid
	UNION ALL SELECT what, concat_ws(' ', 'operator', o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash)
		FROM member JOIN pg_operator o ON classid = 'pg_operator'::regclass AND o.oid = objid
	UNION ALL SELECT what, 'operator of class ' || amopstrategy || ' ' || amopopr::regoperator FROM member JOIN pg_opfamily o ON classid = 'pg_opfamily'::regclass AND o.oid = objid JOIN pg_amop ON amopfamily = o.oid
	UNION ALL SELECT what, 'function of class ' || amprocnum || ' ' || amproc FROM member JOIN pg_opfamily o ON classid = 'pg_opfamily'::regclass AND o.oid = objid JOIN pg_amproc ON amprocfamily = o.oid
	UNION ALL SELECT 'extension', concat_ws(' ', 'dumps', c::regclass, w) FROM pg_extension, unnest(extconfig, extcondition) AS x (c, w) WHERE extname = 'mlops'
	UNION ALL SELECT 'extension', concat_ws(' ', extversion, extrelocatable, extnamespace::regnamespace) FROM pg_extension WHERE extname = 'mlops'
) AS facts (what, fact) WHERE fact IS NOT NULL ORDER BY 1};

sub facts
{
	my ($database) = @_;
	return map { $_ => 1 } split /\x{1}/, $node->safe_psql($database, "SELECT string_agg(x, chr(1)) FROM ($manifest) AS m (x)");
}

# in the old version: rows that it wrote, and the new library before the update
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('old'), '-f', "$data/rows--$old.sql" ], "what $old left behind");
my $scores = q{SELECT count(*), count(*) FILTER (WHERE mlops.predict_proba(format('%s/%s', model, version), c) IS NOT DISTINCT FROM probabilities AND label = mlops.predict_label(format('%s/%s', model, version), c)),
		(SELECT count(*) FILTER (WHERE float8send(mlops.predict(format('%s/%s', model, version), c)) = float8send(score)) FROM expected JOIN cases c USING (id) WHERE model <> 'level')
	FROM expected JOIN cases c USING (id) WHERE model <> 'amount'};
is($node->safe_psql('old', $scores), '120|120|160', 'the new library predicts for the old script, every bit');
my ($status, $out, $err) = $node->psql('old', q{SELECT version FROM mlops.train('amount', 'cases', target => 'v', key => 'id', algorithm => 'linear')});
is($status, 0, '... and trains') or diag($err);
is($out, 3, '... the next version');
my $seen = q{SELECT model, version, stage, model_sha256, metrics, params, author, aliases, tags, description, created_at FROM mlops.versions ORDER BY 1, 2};
my $before = $node->safe_psql('old', $seen);
my $grants = $node->safe_psql('old', 'SELECT model, grantee, privilege FROM mlops.grants ORDER BY 1, 2, 3');

my %was = facts('old');
$node->safe_psql('old', 'ALTER EXTENSION mlops UPDATE');
my (%is, %fresh);
%is = facts('old');
%fresh = facts('new');
cmp_ok(scalar(grep { !$was{$_} } keys %fresh), '>', 500, 'the versions differ in much');
cmp_ok(scalar(keys %fresh), '>', 1500, 'many facts are compared');
is(join("\n", grep { !$is{$_} } sort keys %fresh), '', 'what a new installation has and the update does not');
is(join("\n", grep { !$fresh{$_} } sort keys %is), '', 'what the update has and a new installation does not');
is($node->safe_psql('old', q{SELECT extversion FROM pg_extension WHERE extname = 'mlops'}), $version, 'the version');

# models and rows of before
is($node->safe_psql('old', $scores), '120|120|160', 'models of before predict, every bit');
is($node->safe_psql('old', $seen), $before, 'versions are as they were');
is($node->safe_psql('old', 'SELECT model, grantee, privilege FROM mlops.grants ORDER BY 1, 2, 3'), $grants, '... and grants');
is($node->safe_psql('old', q{SELECT count(*) = 240 AND max(abs(risk - mlops.predict('leaves/2', c))) = 0 FROM risk JOIN cases c USING (id)}), 't', 'a view of before');
is($node->safe_psql('old', q{SET ROLE upd_scorer; SELECT count(mlops.predict('amount', c)) FROM cases c}), 240, 'privileges of before');
($status, $out, $err) = $node->psql('old', q{SET ROLE upd_scorer; SELECT mlops.coefficients('amount')});
like($err, qr/permission denied for model "amount"/, '... and no more');
is($node->safe_psql('old', q{SELECT string_agg(version || ' ' || action || ' ' || to_stage, ', ' ORDER BY event) FROM mlops.history WHERE model = 'amount' AND version < 3}),
	'1 register None, 2 register None, 1 promote Production, 1 archive Archived, 2 promote Production, 2 archive Archived, 1 rollback Production', 'history of before');
is($node->safe_psql('old', 'SELECT * FROM mlops.check_all()'), '', 'all is sound');

# what is new works on them
is($node->safe_psql('old', q{SELECT model_identical, data_identical IS NULL FROM mlops.verify('leaves/2')}), '|t', 'without a fingerprint of then nothing is claimed');
is($node->safe_psql('old', q{SELECT data_identical, model_identical FROM mlops.verify('amount/3')}), 't|t', 'a version that the old script made with the new library is proved');
is($node->safe_psql('old', q{SET ROLE upd_trainer; SELECT mlops.require_approval('leaves'), mlops.set_gate('leaves', 'roc_auc', threshold => 0.5); SELECT passed FROM mlops.check_gates('leaves/1')}), "|\nt", 'gates');
is($node->safe_psql('old', q{SET ROLE upd_trainer; SELECT mlops.grant_access('leaves', 'upd_scorer', 'approve')}), '', 'the new privilege');
is($node->safe_psql('old', q{SELECT version FROM mlops.train('leaves', 'SELECT id, a, b, colour, y FROM cases', target => 'y', key => 'id', algorithm => 'gbm', snapshot => 'kept')}), 4, 'numbers go on');
is($node->safe_psql('old', q{SELECT run_uuid IS NOT NULL AND name = 'amount/1' AND status = 'FINISHED' FROM mlops.mlflow_runs WHERE name = 'amount/1'}), 't', 'runs of before in the new views');
is($node->safe_psql('old', q{SELECT count(*) FROM mlops.lineage('leaves') WHERE object = 'public.risk'}), 1, 'lineage');
is($node->safe_psql('old', q{SELECT rows FROM mlops.score_into('leaves', 'cases', 'stored')}), 240, 'tables of scores');
is($node->safe_psql('old', 'SELECT * FROM mlops.check_all()'), '', 'all is sound');

# and it can be dumped
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $file = $node->basedir . '/updated.sql';
$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('old') ], 'a dump of the updated database');
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('restored') ], '... restores');
is($node->safe_psql('restored', $scores), '120|120|160', '... and predicts, every bit');
done_testing();

# pg_upgrade: models, registry and everything that depends on them come out of a change of the server's major version as they
# went in.  The other server is what test/harness finds (MLOPS_OTHER_PG_CONFIG); the newer of the two takes the older one's cluster.
use strict;
use warnings;
use File::Basename;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $other = $ENV{MLOPS_OTHER_BINDIR};
plan skip_all => 'no second major version of PostgreSQL with its development package is installed (MLOPS_OTHER_PG_CONFIG)' unless $other;

sub major
{
	my ($bindir) = @_;
	my ($version) = `$bindir/pg_config --version` =~ /(\d+)/;
	return $version;
}

my ($here) = grep { -x "$_/initdb" } split /:/, $ENV{PATH};
my ($from, $to) = sort { major($a) <=> major($b) } $here, $other;
diag sprintf 'from PostgreSQL %d to %d', major($from), major($to);

# Checksums must be the same on both sides; the default has changed in 18.
sub cluster
{
	my ($name, $bindir) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, $bindir eq $here ? () : (install_path => dirname($bindir)));
	$node->init(force_initdb => 1, extra => [ '--locale=C.UTF-8', '--encoding=UTF8', '--data-checksums' ]);
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\nmax_worker_processes = 8\nmax_parallel_workers = 4\n");
	return $node;
}

my $old = cluster('old', $from);
$old->start;
$old->safe_psql('postgres', $_) for 'CREATE ROLE keeper', 'CREATE ROLE analyst LOGIN', 'CREATE ROLE seller LOGIN', 'CREATE DATABASE crm';
$old->safe_psql('crm', <<'SQL');
CREATE EXTENSION mlops;
GRANT CREATE ON SCHEMA public TO analyst;
SET ROLE analyst;
CREATE TABLE rows AS SELECT i AS id, hashint4(i) % 1000 / 100.0::float8 AS a, hashint4(i * 7) % 100 / 10.0::float8 AS b,
    CASE WHEN i % 11 > 0 THEN 'c' || i % 5 END AS c, date '2024-01-01' + i % 500 AS day,
    (hashint4(i) % 1000 / 100.0 + hashint4(i * 11) % 300 / 100.0)::float8 AS amount,
    hashint4(i) % 1000 / 100.0 + hashint4(i * 13) % 300 / 100.0 > 0 AS leaves,
    CASE WHEN i % 13 > 0 THEN i * 31 % 7 END AS plan FROM generate_series(1, 3000) i;
ALTER TABLE rows ADD PRIMARY KEY (id);
GRANT SELECT ON rows TO seller;
SELECT version FROM mlops.train('amount', 'SELECT id, a, b, c, amount FROM rows', target => 'amount', key => 'id', algorithm => 'linear');
SELECT version FROM mlops.train('churn', 'SELECT id, a, b, c, day, leaves FROM rows', target => 'leaves', key => 'id', algorithm => 'logistic', calibrate => 'platt', snapshot => 'kept');
SELECT version FROM mlops.train('churn', 'SELECT id, a, b, c, day, leaves FROM rows', target => 'leaves', key => 'id', algorithm => 'gbm', params => '{"n_estimators": 30}');
SELECT version FROM mlops.train('churn', 'SELECT id, a, b, c, day, leaves FROM rows', target => 'leaves', key => 'id', algorithm => 'random_forest', params => '{"n_estimators": 20}', tags => '{"team": "crm"}');
SELECT version FROM mlops.train('plans', 'SELECT id, plan, a, amount * (plan % 3) AS amount FROM rows', target => 'amount', algorithm => 'gbm', params => '{"n_estimators": 20}', transform => '{"plan": "categorical"}');
SELECT mlops.promote('churn/1', comment => 'first'), mlops.promote('churn/2', comment => 'second'), mlops.promote('churn/3', stage => 'Staging'), mlops.promote('amount/1');
SELECT mlops.set_alias('churn/3', 'challenger'), mlops.set_description('churn', 'who leaves'), mlops.set_tag('churn/1', 'git', '4f1c2e');
SELECT mlops.set_gate('churn', 'roc_auc', threshold => 0.5);
SELECT mlops.grant_access('churn', 'seller', 'predict'), mlops.grant_access('amount', 'public', 'read');
SELECT mlops.log_params(run, '{"lambda": 0.1}'), mlops.log_metric(run, 'rmse', 'NaN'), mlops.log_note(run, 'by hand'), mlops.end_run(run)
FROM mlops.start_run('attrition', 'search') AS run;
CREATE TABLE days AS SELECT day, mlops.linear_state(amount, ARRAY[a, b]) AS state FROM rows GROUP BY day;
CREATE TABLE fits AS SELECT mlops.model_value('churn/2') AS fit;
CREATE VIEW scores AS SELECT id, mlops.predict('churn', r) AS score FROM rows AS r;
CREATE MATERIALIZED VIEW kept_scores AS SELECT * FROM scores;
CREATE INDEX ON fits (mlops.classes(fit));
GRANT SELECT ON scores TO seller;
RESET ROLE;
SELECT mlops.grant_access('churn', 'keeper', 'manage');
SQL

# Every fact that must survive.  Floating-point numbers are compared by their shortest exact text, predictions by a hash of it.
my %facts = (
	'models' => 'SELECT * FROM mlops.models ORDER BY model',
	'versions' => 'SELECT * FROM mlops.versions ORDER BY model, version',
	'deployments' => 'SELECT * FROM mlops.deployments ORDER BY model, version',
	'history' => 'SELECT * FROM mlops.history ORDER BY model, event',
	'grants' => 'SELECT * FROM mlops.grants ORDER BY model, grantee, privilege',
	'audit' => 'SELECT * FROM mlops.audit ORDER BY at, audit_id',
	'gates' => 'SELECT * FROM mlops.gates ORDER BY 1, 2',
	'runs' => 'SELECT * FROM mlops.experiment_runs ORDER BY run_id',
	'lineage' => q{SELECT direction, kind, object, relates_to, version FROM mlops.lineage('churn')},
	'model bytes' => q{SELECT model, version, encode(sha256(mlops.model_value(format('%s/%s', model, version))::bytea), 'hex'), model_sha256 FROM mlops.versions ORDER BY 1, 2},
	'coefficients' => q{SELECT * FROM mlops.coefficients('amount'), mlops.classes('churn/3')},
	'a stored value' => q{SELECT encode(sha256(fit::bytea), 'hex') FROM fits},
	'stored states' => q{SELECT mlops.coefficients(mlops.solve(mlops.merge(state))) FROM (SELECT state FROM days ORDER BY day) AS d},
	'a materialized view of scores' => 'SELECT sha256(convert_to(string_agg(score::text, chr(10) ORDER BY id), $$UTF8$$)) FROM kept_scores',
	# privileges that are the default may come back as none
	'privileges on functions' => q{SELECT p.oid::regprocedure, proowner::regrole, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a)
		FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid WHERE d.classid = 'pg_proc'::regclass
		AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mlops') ORDER BY p.oid::regprocedure::text},
	'privileges on tables and views' => q{SELECT c.oid::regclass, relowner::regrole, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM aclexplode(relacl) AS a WHERE a.grantee <> relowner)
		FROM pg_depend d JOIN pg_class c ON c.oid = d.objid WHERE d.classid = 'pg_class'::regclass
		AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mlops') ORDER BY c.oid::regclass::text});
$facts{"predictions of $_"} =
	"SELECT count(score), sha256(convert_to(string_agg(score::text, chr(10) ORDER BY id), 'UTF8')) FROM (SELECT id, mlops.predict('$_', r) AS score FROM rows AS r) AS s"
	for qw(amount churn/1 churn/2 churn/3 churn churn@challenger plans/1);
my @sellers = (q{SELECT sha256(convert_to(string_agg(score::text, ',' ORDER BY id), 'UTF8')) FROM scores},
	q{SELECT mlops.predict('churn', r) FROM rows AS r WHERE id = 7});

sub facts
{
	my ($node) = @_;
	my %answer = map { $_ => $node->safe_psql('crm', $facts{$_}) } keys %facts;
	$answer{"as seller: $_"} = $node->safe_psql('crm', "SET ROLE seller; $_") for @sellers;
	return \%answer;
}

my $before = facts($old);
is($old->safe_psql('crm', 'SELECT * FROM mlops.check_all()'), '', 'sound before');
$old->stop;

my $new = cluster('new', $to);
{
	my $bindir = $to;
	local $ENV{PATH} = "$bindir:$ENV{PATH}";
	my $here_before = Cwd::getcwd();
	chdir $PostgreSQL::Test::Utils::tmp_check or die;
	command_ok([ 'pg_upgrade', '--no-sync', '-b', $from, '-B', $to, '-d', $old->data_dir, '-D', $new->data_dir, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
		'pg_upgrade');
	chdir $here_before or die;
}
$new->start;
is($new->safe_psql('crm', 'SHOW server_version_num') =~ /^(\d\d)/ && $1, major($to), 'the new server runs');
is($new->safe_psql('crm', q{SELECT count(*) FROM pg_database d, pg_extension e WHERE d.datname = current_database() AND extname = 'mlops'}), 1, 'the extension is there');

my $after = facts($new);
for my $fact (sort keys %$before)
{
	isnt($before->{$fact}, '', "there is something to compare: $fact");
	ok($after->{$fact} eq $before->{$fact}, "the same after pg_upgrade: $fact") or diag "before:\n$before->{$fact}\nafter:\n$after->{$fact}";
}
is($new->safe_psql('crm', 'SELECT * FROM mlops.check_all()'), '', 'sound after');
is( $new->safe_psql('crm', q{SELECT model, version, data_identical, model_identical FROM mlops.versions v, LATERAL mlops.verify(v.model, v.version) AS p (m, n, data_identical, model_identical) ORDER BY 1, 2}),
	"amount|1|t|t\nchurn|1|t|t\nchurn|2|t|t\nchurn|3|t|t\nplans|1|t|t", 'verify trains every version again to the same bytes');
isnt($new->psql('crm', q{SET ROLE seller; SELECT * FROM mlops.coefficients('churn/1')}), 0, 'what was not granted is not granted');
is($new->safe_psql('crm', q{SET ROLE analyst; SELECT from_version, to_version FROM mlops.rollback('churn')}), '2|1', 'the stack of promotions is intact');
is($new->safe_psql('crm', q{SET ROLE analyst; SELECT version FROM mlops.train('churn', 'SELECT id, a, b, c, day, leaves FROM rows', target => 'leaves', key => 'id', algorithm => 'gbm')}),
	4, 'and the registry goes on');
$new->stop;
done_testing();

# The registry outside one session: in a dump, on a standby, after a crash, in the server's log.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main', allows_streaming => 1);
$node->safe_psql('postgres', <<'SQL');
CREATE DATABASE source;
CREATE DATABASE target;
CREATE ROLE owner LOGIN;
CREATE ROLE scorer LOGIN;
CREATE ROLE "odd ""name" LOGIN;
CREATE ROLE gone;
SQL
$node->safe_psql('source', <<'SQL');
CREATE EXTENSION mlops;
GRANT CREATE ON SCHEMA public TO owner;
SET ROLE owner;
CREATE TABLE rows AS SELECT i AS id, (i % 17)::float8 AS x, (i % 17) * 2.0::float8 + i % 5 AS y FROM generate_series(1, 400) i;
GRANT SELECT ON rows TO scorer;
SELECT version FROM generate_series(1, 3) s, mlops.train('churn', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'linear', seed => s, tags => '{"a": "b"}');
SELECT mlops.promote('churn/1');
SELECT mlops.promote('churn/2', comment => 'better');
SELECT mlops.promote('churn/3');
SELECT mlops.delete_version('churn/2');
SELECT mlops.set_alias('churn/1', 'champion');
SELECT mlops.set_tag('churn', 'team', 'crm');
SELECT mlops.set_description('churn', E'line\n"two"');
SELECT mlops.grant_access('churn', 'scorer', 'predict');
SELECT mlops.grant_access('churn', 'odd "name', 'read');
SELECT mlops.grant_access('churn', 'public', 'write');
SELECT mlops.grant_access('churn', 'gone', 'manage');
SELECT mlops.set_gate('churn', 'r2_score', threshold => 0.5, mode => 'dry_run');
SELECT mlops.set_gate('churn', query => 'SELECT count(*) AS n FROM rows', condition => 'n > 1', gate => 'enough');
SELECT count(*) FROM mlops.check_gates('churn/1');
SELECT mlops.start_run('outside', 'by hand') AS run \gset
SELECT mlops.log_metric(:'run', 'loss', 'Infinity', 3), mlops.log_param(:'run', 'a', 'b'), mlops.log_note(:'run', 'note'), mlops.log_dataset(:'run', 'rows');
RESET ROLE;
SELECT mlops.approve('churn/1', comment => 'fine');
SET ROLE owner;
RESET ROLE;
DROP ROLE gone;
SQL

# everything that can be seen, as text
my @views = qw(models versions deployments history experiment_runs audit gates gate_results version_approvals mlflow_metrics mlflow_tags mlflow_inputs);
sub content
{
	my ($server, $database) = @_;
	my $grants = $server->safe_psql($database, q{SELECT * FROM mlops.grants WHERE grantee !~ '^unknown' ORDER BY grantee, privilege});
	my $tables = $server->safe_psql($database, q{SELECT string_agg(format('%s %s', relname, oid::regclass), ',' ORDER BY relname) FROM pg_class
		WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'r'});
	return join "\n", $grants, $tables, map { $server->safe_psql($database, "SELECT * FROM mlops.$_ v ORDER BY v::text") } @views;
}
sub scores
{
	my ($server, $database, $reference) = @_;
	return $server->safe_psql($database, "SELECT md5(string_agg(float8send(mlops.predict('$reference', x))::text, ',' ORDER BY id)) FROM rows");
}

# dump and restore, in both formats
for my $format ('plain', 'custom')
{
	my $file = $node->basedir . "/dump.$format";
	$node->safe_psql('postgres', 'DROP DATABASE target');
	$node->safe_psql('postgres', 'CREATE DATABASE target');
	$node->command_ok([ 'pg_dump', "--format=$format", '-f', $file, $node->connstr('source') ], "pg_dump, $format");
	$node->command_ok(
		$format eq 'plain'
		? [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('target') ]
		: [ 'pg_restore', '--exit-on-error', '--jobs=2', '-d', $node->connstr('target'), $file ],
		"restore, $format");
	is(content($node, 'target'), content($node, 'source'), "the same registry, $format");
	is(scores($node, 'target', 'churn'), scores($node, 'source', 'churn'), "the same bits in every score, $format");
	is(scores($node, 'target', 'churn@champion'), scores($node, 'source', 'churn/1'), "aliases too, $format");
}
is($node->safe_psql('source', 'SELECT count(*) FROM mlops.model_grants'), 4, 'a grant to a dropped role stays until it is pruned');
is($node->safe_psql('target', 'SELECT count(*) FROM mlops.model_grants'), 3, '... but is not dumped');
is($node->safe_psql('target', q{SET ROLE owner; SELECT * FROM mlops.rollback('churn')}), '3|1', 'the stack of versions survived, past the deleted one');
is($node->safe_psql('target', q{SET ROLE owner; SELECT version FROM mlops.train('churn', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'linear')}),
	4, 'and the numbering');

# a standby answers and refuses
$node->backup('base');
my $standby = MlopsTest::standby($node, 'base', 'standby');
$node->wait_for_catchup($standby);
is(content($standby, 'source'), content($node, 'source'), 'a standby shows the registry');
is($standby->safe_psql('source', q{SET ROLE scorer; SELECT model || ' ' || production_version FROM mlops.models}), 'churn 3', '... filtered');
is(scores($standby, 'source', 'churn'), scores($node, 'source', 'churn'), '... and scores alike');
my ($status, $out, $error) = $standby->psql('source', q{SET ROLE scorer; SELECT mlops.coefficients('churn')});
like($error, qr/permission denied for model "churn"/, '... with privileges');
($status, $out, $error) = $standby->psql('source', q{SELECT mlops.promote('churn/1')});
like($error, qr/cannot execute mlops\.promote\(\) in a read-only transaction/, '... and promotes nothing');
my $session = $standby->background_psql('source');
is($session->query_safe(q{SELECT version FROM mlops.deployments}), 3, 'a session on the standby');
$session->query_safe(q{SELECT mlops.predict('churn', 1)});
$node->safe_psql('source', q{SELECT mlops.rollback('churn')});
$node->wait_for_catchup($standby);
is($session->query_safe(q{SELECT mlops.predict('churn', 1) = mlops.predict('churn/1', 1)}), 't', '... follows the primary');
$session->quit;

# the standby predicts without a pause while the primary promotes: each statement has one version, the one that its snapshot shows
my $promoter = $node->background_psql('source');
$promoter->query_until(qr/started/, qq{\\echo started\n} . join '', map { "SELECT mlops.promote('churn', " . ($_ % 2 ? 3 : 1) . ");\n" } 1 .. 400);
($status, $out, $error) = $standby->psql('source', <<'SQL');
SET ROLE scorer;
DO $$
DECLARE
	seen int[] := '{}';
	shown int;
	answers int;
	agree boolean;
	n int := 0;
BEGIN
	WHILE n < 20000 AND (n < 500 OR cardinality(seen) < 12) LOOP
		SELECT production_version, (SELECT count(DISTINCT mlops.predict('churn', r.x + 0 * r.id)) FROM (SELECT 2::float8 AS x, id FROM rows LIMIT 20) r),
			mlops.predict('churn', 2) = mlops.predict('churn/' || production_version, 2) INTO shown, answers, agree FROM mlops.models WHERE model = 'churn';
		IF shown IS NULL OR answers <> 1 OR NOT agree THEN
			RAISE EXCEPTION 'version %, % answers, agree %', shown, answers, agree;
		END IF;
		IF seen[cardinality(seen)] IS DISTINCT FROM shown THEN
			seen := seen || shown;
		END IF;
		n := n + 1;
	END LOOP;
	RAISE NOTICE 'changes seen: %', cardinality(seen) - 1;
END $$;
SQL
is($status, 0, 'a standby predicts while the primary promotes') or diag($error);
my ($changes) = $error =~ /changes seen: (\d+)/;
cmp_ok($changes // 0, '>=', 5, '... and follows');
$promoter->quit;
$node->wait_for_catchup($standby);
is(scores($standby, 'source', 'churn'), scores($node, 'source', 'churn'), '... to the end');
$node->safe_psql('source', q{SELECT mlops.promote('churn/1')});

# what was not committed is gone after a crash
$session = $node->background_psql('source');
$session->query_safe(q{BEGIN; SELECT mlops.promote('churn/3'); SELECT mlops.rename_model('churn', 'lost')});
$node->stop('immediate');
eval { $session->quit };
$node->start;
is($node->safe_psql('source', q{SELECT model || ' ' || production_version FROM mlops.models}), 'churn 1', 'a crash takes back what was not committed');

# the log keeps what an EXCEPTION block hides
my $offset = -s $node->logfile;
$node->safe_psql('source', <<'SQL');
SET ROLE scorer;
DO $$ BEGIN PERFORM mlops.promote('churn/3'); EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
SQL
like(slurp_file($node->logfile, $offset), qr/LOG:  role "scorer" was denied "manage" on model "churn"/, 'a denied attempt is logged even if the error is caught');
$offset = -s $node->logfile;
$node->safe_psql('source', q{SET ROLE scorer; SELECT count(*) FROM mlops.versions WHERE mlops.has_access(model, 'manage')});
unlike(slurp_file($node->logfile, $offset), qr/was denied/, '... while asking is not an attempt');
$offset = -s $node->logfile;
$node->psql('source', $_) for q{SET ROLE scorer; SELECT mlops.model_value('churn')}, q{SET ROLE scorer; SELECT * FROM mlops.coefficients('churn')},
	q{SET ROLE scorer; SELECT * FROM mlops.export_chunks('churn')};
is(scalar(() = slurp_file($node->logfile, $offset) =~ /LOG:  role "scorer" was denied "read" on model "churn"/g), 3, 'every way of reading out is an attempt');
$offset = -s $node->logfile;
$node->safe_psql('source', q{BEGIN; SET ROLE owner; SELECT length(mlops.model_value('churn')::bytea); SELECT count(*) FROM mlops.export_chunks('churn/3'); ROLLBACK});
like(slurp_file($node->logfile, $offset), qr/LOG:  role "owner" read version 1 of model "churn" as a value/, 'who read a model out is logged, also when it was rolled back');
like(slurp_file($node->logfile, $offset), qr/LOG:  role "owner" exported version 3 of model "churn"/, '... or exported it');
is($node->safe_psql('source', q{SELECT count(*) FROM mlops.audit WHERE action = 'export'}), 0, '... which leaves no row');
$node->wait_for_catchup($standby);
$offset = -s $standby->logfile;
$standby->safe_psql('source', q{SET ROLE owner; SELECT length(mlops.model_value('churn')::bytea)});
$standby->psql('source', q{SET ROLE scorer; SELECT mlops.model_value('churn')});
like(slurp_file($standby->logfile, $offset), qr/LOG:  role "owner" read version 1 of model "churn" as a value/, 'a standby logs it');
like(slurp_file($standby->logfile, $offset), qr/LOG:  role "scorer" was denied "read" on model "churn"/, '... and who was denied');

done_testing();

# Nothing is lost: a dump of everything, restored and dumped again, is the same; crashes at any moment leave a sound registry.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Time::HiRes 'usleep';
use Test::More;

my $node = MlopsTest::node('main');
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', <<'SQL');
CREATE EXTENSION mlops;
CREATE TABLE rows AS SELECT i AS id, hashint4(i) % 100 AS a, 'c' || i % 5 AS c, date '2024-01-01' + i AS day, hashint4(i) % 100 + hashint4(i + 7) % 150 > 20 AS y FROM generate_series(1, 2000) i;
SELECT version FROM mlops.train('churn', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'logistic', snapshot => 'kept', calibrate => 'platt');
SELECT version FROM mlops.train('churn', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'naive_bayes', split => '{"method": "time", "column": "day"}');
SELECT version FROM mlops.tune('tuned', 'rows', 'a', 'linear', '{"reg_lambda": [0, 1]}', 'grid', key => 'id');
SELECT mlops.promote('churn', 1);
SELECT mlops.promote('churn', 2);
SELECT mlops.set_alias('churn/1', 'first');
SELECT * FROM mlops.forget('churn', '7');
SELECT mlops.grant_access('churn', 'public', 'predict');
CREATE VIEW scores AS SELECT id, mlops.predict('churn', r) AS score FROM rows AS r;
SQL

# names of backup tools' own differ from run to run in later versions
sub dump_of
{
	my ($database) = @_;
	my $file = $node->basedir . "/$database.sql";
	$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr($database) ], "pg_dump of $database");
	return join "\n", sort grep { !/^(--|\\(un)?restrict)/ } split /\n/, slurp_file($file);
}
my $dump = dump_of('source');
$node->safe_psql('postgres', 'CREATE DATABASE target');
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $node->basedir . '/source.sql', '-d', $node->connstr('target') ], 'restore');
ok(dump_of('target') eq $dump, 'the restored database has the same dump, to the last row');
for my $query (
	q{SELECT md5(string_agg(float8send(score)::text, ',' ORDER BY id)) FROM scores},
	q{SELECT version, data_identical, model_identical, detail FROM generate_series(1, 2) AS v, mlops.verify('churn', v)},
	q{SELECT trial_id, hyperparameters, hparam_tuning_evaluation_metrics, is_optimal, version FROM mlops.trials ORDER BY 1},
	q{SELECT direction, kind, object, relates_to, version FROM mlops.lineage('churn')},
	q{SELECT mlops.fingerprint(k) FROM kept AS k})
{
	is($node->safe_psql('target', $query), $node->safe_psql('source', $query), substr($query, 0, 60));
}
is($node->safe_psql('target', 'SELECT * FROM mlops.check_all()'), '', 'the restored registry is sound');

# crashes: sessions train and promote without end, the server is killed at some moment
for my $round (1 .. 4)
{
	my @sessions;
	for my $work (
		q{SELECT version FROM mlops.train('crash', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'logistic', seed => (random() * 1e6)::bigint);},
		q{SELECT mlops.promote('crash/latest') FROM mlops.versions WHERE model = 'crash' LIMIT 1;})
	{
		my $session = $node->background_psql('source', on_error_stop => 0);
		$session->query_until(qr/started/, "\\echo started\n" . $work x 300 . "\n");
		push @sessions, $session;
	}
	usleep(100_000 + int(rand(700_000)));
	$node->stop('immediate');
	eval { $_->quit } for @sessions;
	$node->start;
	my $state = $node->safe_psql('source', q{SELECT count(*) || ' versions, ' || count(*) FILTER (WHERE stage = 'Production') || ' in Production' FROM mlops.versions WHERE model = 'crash'});
	is($node->safe_psql('source', 'SELECT * FROM mlops.check_all()'), '', "round $round: sound after a crash ($state)");
	is($node->safe_psql('source', q{SELECT count(*) - count(DISTINCT run_id) FROM mlops.versions}), 0, '... with a run for each version');
	is($node->safe_psql('source', q{SELECT count(mlops.predict(format('%s/%s', model, version), r)) = count(*) FROM mlops.versions, (SELECT * FROM rows LIMIT 2) AS r WHERE model = 'crash'}), 't', '... and all of them predict');
}
done_testing();

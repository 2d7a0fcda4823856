# Nothing is lost: a dump of everything, restored and dumped again, is the same; crashes at any moment leave a sound registry.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use IPC::Run;
use Time::HiRes qw(time usleep);
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
SELECT mlops.set_experiment_tag('churn', 'k', 'v');
SELECT rows FROM mlops.score_into('churn', 'SELECT * FROM rows', 'stored');
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
	q{SELECT mlops.fingerprint(k) FROM kept AS k},
	q{SELECT * FROM mlops.score_tables},
	q{SELECT * FROM mlops.mlflow_experiment_tags})
{
	is($node->safe_psql('target', $query), $node->safe_psql('source', $query), substr($query, 0, 60));
}
is($node->safe_psql('target', 'SELECT * FROM mlops.check_all()'), '', 'the restored registry is sound');

# crashes: sessions train, promote and fill tables of scores without end, the server is killed at some moment; what was answered is there
my %work = (
	train => q{SELECT 'train ' || version FROM mlops.train('crash', 'SELECT * FROM rows', target => 'y', key => 'id', algorithm => 'logistic', seed => (random() * 1e6)::bigint);},
	promote => q{SELECT 'promote ' || max(event) FROM mlops.history WHERE model = 'crash' AND to_stage = 'Production' AND (SELECT p.version FROM mlops.promote('crash/latest') p) > 0;},
	history => q{SELECT 'history ' || max(event) FROM mlops.history WHERE model = 'crash';},
	fill => q{SELECT 'fill ' || version FROM mlops.score_into('crash/latest', 'rows', 'crash_scores');});
$node->safe_psql('source', $work{train});
for my $round (1 .. 6)
{
	my @sessions;
	for my $what (sort keys %work)
	{
		my $script = $node->basedir . "/$what.sql";
		append_to_file($script, $work{$what} x 400) unless -e $script;
		my $answers = '';
		push @sessions, { answers => \$answers, run => IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('source'), '-f', $script ], '>', \$answers, '2>', \my $errors) };
	}
	my $until = time + 0.2 + rand(0.9);
	while (time < $until) { eval { $_->{run}->pump_nb } for @sessions; usleep(5000) }
	$node->stop('immediate');
	eval { $_->{run}->finish } for @sessions;
	$node->start;
	my %last;
	for my $line (map { split /\n/, ${ $_->{answers} } } @sessions)
	{
		$last{$1} = $2 if $line =~ /^(\w+) (\d+)$/ && (!defined $last{$1} || $2 > $last{$1});
	}
	my $state = $node->safe_psql('source', q{SELECT count(*) || ' versions, ' || count(*) FILTER (WHERE stage = 'Production') || ' in Production' FROM mlops.versions WHERE model = 'crash'});
	is($node->safe_psql('source', 'SELECT * FROM mlops.check_all()'), '', "round $round: sound after a crash ($state)");
	is($node->safe_psql('source', q{SELECT count(*) - count(DISTINCT run_id) FROM mlops.versions}), 0, '... with a run for each version');
	is($node->safe_psql('source', q{SELECT count(mlops.predict(format('%s/%s', model, version), r)) = count(*) FROM mlops.versions, (SELECT * FROM rows LIMIT 2) AS r WHERE model = 'crash'}), 't', '... and all of them predict');
	my ($train, $history, $fill) = map { $last{$_} // 0 } qw(train history fill);
	is($node->safe_psql('source', qq{SELECT max(version) >= $train FROM mlops.versions WHERE model = 'crash'}), 't', "... the last one that was answered, $train, among them");
	is($node->safe_psql('source', qq{SELECT max(event) >= $history FROM mlops.history WHERE model = 'crash'}), 't', "... and event $history");
	is($node->safe_psql('source', q{SELECT to_regclass('crash_scores') IS NULL OR (SELECT version FROM mlops.score_tables WHERE model = 'crash') >= } . $fill), 't', "... and scores of version $fill");
	is($node->safe_psql('source', q{SELECT count(*) FROM mlops.score_tables s, LATERAL (SELECT count(*) AS n, min(model_version) AS low, max(model_version) AS high FROM crash_scores) t WHERE s.model = 'crash' AND (t.n, t.low, t.high) <> (s.rows, s.version, s.version)}), 0, '... which the record tells')
	  if $node->safe_psql('source', q{SELECT to_regclass('crash_scores') IS NOT NULL}) eq 't';
}
cmp_ok($node->safe_psql('source', q{SELECT count(*) FROM mlops.versions WHERE model = 'crash'}), '>', 3, 'the crashes met work');
done_testing();

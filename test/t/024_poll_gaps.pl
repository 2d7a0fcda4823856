# A cancel is served within 100 ms in every phase: what the processor does between two polls is measured, in all processes,
# for every kind of work, on a million rows and on a thousand columns. Not how long a cancel takes on a machine that has
# other things to do: poll_gaps.c counts processor time only.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $LIMIT = 100;

my $node = MlopsTest::node('main');
my $library = MlopsTest::build_module($node, 'poll_gaps');
my @numbers = map { "x$_" } 1 .. 28;
my $columns = join ', ', map { "(hashint4(g * 31 + $_) % 100000 / 7777.0)::real AS x$_" } 1 .. 28;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION mlops;
	CREATE FUNCTION poll_gaps_longest() RETURNS float8 LANGUAGE C AS '$library';
	CREATE FUNCTION poll_gaps_where() RETURNS text LANGUAGE C AS '$library';
	CREATE FUNCTION poll_gaps_spin(float8) RETURNS void LANGUAGE C AS '$library';
	CREATE TABLE numbers AS SELECT g AS id, $columns FROM generate_series(1, 1000000) g;
	CREATE TABLE rows AS SELECT *, x1 * 2 + x2 - x3 * x4 / 5 + hashint4(id) % 1000 / 300.0 AS y, x1 + x2 * x3 / 8 + hashint4(-id) % 1000 / 150.0 > 0 AS b,
		'k' || abs(hashint4(id * 3)) % 5 + (x1 > 3)::int AS k, greatest(0.01, x1 + 13 + hashint4(id) % 100 / 99.0) AS positive,
		(ARRAY['a', 'b', 'c', 'd', 'e', 'f'])[1 + abs(hashint4(id)) % 6] AS t, 'n' || abs(hashint4(id + 5)) % 3000 AS town,
		'c' || abs(hashint4(id * 7)) % 200 AS many FROM numbers;
	DROP TABLE numbers;
	CREATE TABLE wide AS SELECT g AS id, ARRAY(SELECT (hashint4(g * 1009 + i) % 100000 / 7777.0)::real FROM generate_series(1, 1000) i) AS v,
		hashint4(g) % 1000 / 100.0 AS y, hashint4(g) % 3 > 0 AS b, 'c' || abs(hashint4(g * 3)) % 50 AS k FROM generate_series(1, 8192) g;
	VACUUM FREEZE ANALYZE rows;
	VACUUM FREEZE ANALYZE wide;
});

# Runs SQL in a session of its own; the longest stretch without polls there, how many parallel workers there were, the longest in
# one of them, in milliseconds, and where the session was late.
sub longest
{
	my ($workers, $sql) = @_;
	my ($out, $err);
	my $end = -s $node->logfile;
	$node->psql('postgres', qq{
		SET client_min_messages = error;
		SET mlops.train_memory = '4GB';
		SET mlops.train_workers = $workers;
		SET max_parallel_workers_per_gather = $workers;
		LOAD '$library';
		SELECT mlops.version();
		DO \$\$ BEGIN PERFORM poll_gaps_longest(); END \$\$;
		$sql;
		SELECT 'longest ' || poll_gaps_longest();
		SELECT poll_gaps_where();
	}, stdout => \$out, stderr => \$err, on_error_stop => 1);
	my ($own, $where) = $out =~ /^longest ([\d.e-]+)\n(.*)/ms;
	my ($processes, $largest) = (0, 0);
	for my $line (split /\n/, slurp_file($node->logfile, $end))
	{
		next if $line !~ /longest stretch without polls: ([\d.]+) ms/;
		$processes++;
		$largest = $1 if $1 > $largest;
	}
	diag $err if !defined $own;
	return ($own, $processes, $largest, $where);
}

my ($own) = longest(0, 'SELECT poll_gaps_spin(300)');
cmp_ok($own, '>', 250, 'a stretch without polls is seen');
(undef, my $processes, my $largest) = longest(2, q{SET parallel_setup_cost = 0; SELECT count(*) FROM rows WHERE x1 > 0});
cmp_ok($processes, '>', 0, 'workers tell theirs');
cmp_ok($largest, '<', 100, 'and PostgreSQL polls between rows');

my %working;
sub polls
{
	my ($what, $sql) = @_;
	for my $workers (0, 2)
	{
		my ($own, $processes, $largest, $where) = longest($workers, $sql);
		# What our code does between two polls is the same each time; what the kernel adds, giving memory back on a busy machine, is not.
		if (defined $own && ($own >= $LIMIT || $largest >= $LIMIT))
		{
			diag sprintf "%s: %.1f and %.1f ms, once more; late in\n%s", $what, $own, $largest, $where;
			($own, $processes, $largest, $where) = longest($workers, $sql);
		}
		ok(defined $own && $own < $LIMIT, "$what: polls in time, $workers workers allowed") or diag "late in\n$where";
		cmp_ok($largest, '<', $LIMIT, "$what: $processes workers do so, too") if $processes;
		note sprintf '%s: %.1f ms without a poll; %d workers: %.1f ms', $what, $own // -1, $processes, $largest;
		$working{$what} = $processes if $workers;
	}
	return;
}

my $numbers = sprintf q(features => '{%s}'), join ',', @numbers;
my $all = sprintf q(features => '{%s,t,town}'), join ',', @numbers;
sub fit
{
	my ($algorithm, $target, $params, $more) = @_;
	$more //= ", $numbers";
	return "SELECT count(*) FROM mlops.train('$algorithm', 'rows', target => $target, algorithm => '$algorithm', key => 'id', params => '$params' $more)";
}

# a million rows
polls('linear', fit('linear', "'y'", '{}', ", $all"));
polls('logistic, calibrated', fit('logistic', "'b'", '{}', qq{, $numbers, calibrate => 'isotonic', threshold => '"f1"'}));
polls('logistic, six classes', fit('logistic', "'k'", '{"max_iter": 2}'));
polls('elastic_net', fit('elastic_net', "'y'", '{}'));
polls('glm', fit('glm', "'positive'", '{"family": "gamma"}'));
polls('naive_bayes', fit('naive_bayes', "'k'", '{}', ", $all"));
polls('gbm', fit('gbm', "'y'", '{"n_estimators": 5}', ", $all"));
polls('random_forest', fit('random_forest', "'y'", '{"n_estimators": 3}'));
polls('decision_tree', fit('decision_tree', "'b'", '{}'));
polls('isolation_forest', fit('isolation_forest', 'NULL', '{"n_estimators": 20}', ", $numbers, task => 'anomaly'"));

# many classes
my $many = "SELECT count(*) FROM mlops.train('many', 'SELECT * FROM rows WHERE id <= 60000', target => 'many', key => 'id', $numbers, ";
polls('logistic, 200 classes', $many . q{algorithm => 'logistic', params => '{"max_iter": 2}')});
polls('gbm, 200 classes', $many . q{algorithm => 'gbm', params => '{"n_estimators": 1}')});

# a thousand columns
for my $case (['linear', 'y', '{}'], ['logistic', 'b', '{"max_iter": 2}'], ['logistic', 'k', '{"max_iter": 1}'], ['elastic_net', 'y', '{}'],
	['gbm', 'y', '{"n_estimators": 2}'], ['random_forest', 'b', '{"n_estimators": 2}'])
{
	my ($algorithm, $target, $params) = @$case;
	polls("$algorithm of $target, 1000 columns", qq{SELECT count(*) FROM mlops.train('wide', 'wide', target => '$target', algorithm => '$algorithm', key => 'id',
		features => '{v}', params => '$params')});
}

# what else reads and computes
polls('evaluate, regression', q{SELECT count(*) FROM mlops.evaluate('gbm/latest', rows => 'all')});
polls('evaluate, classes', q{SELECT count(*) FROM mlops.evaluate('logistic/latest', rows => 'all')});
polls('roc_curve', q{SELECT count(*) FROM mlops.roc_curve('decision_tree/latest', rows => 'all')});
polls('lift', q{SELECT count(*) FROM mlops.lift('decision_tree/latest', rows => 'all')});
polls('permutation_importance', q{SELECT count(*) FROM mlops.permutation_importance('linear/latest', 'SELECT * FROM rows WHERE id <= 600000', rows => 'all')});
polls('verify', q{SELECT count(*) FROM mlops.verify('linear/latest')});
polls('describe', q{SELECT count(*) FROM mlops.describe('rows')});
polls('cross_validate', "SELECT count(*) FROM mlops.cross_validate('rows', 'b', 'logistic', key => 'id', $numbers, folds => 2)");
polls('tune', "SELECT count(*) FROM mlops.tune('tuned', 'rows', 'b', 'gbm', '{\"num_leaves\": [7, 15], \"n_estimators\": [1]}', n_trials => 2, key => 'id', $numbers)");
polls('score_into', q{SELECT mlops.score_into('gbm/latest', 'SELECT * FROM rows WHERE id <= 300000', 'scores', 'id')});
polls('linear_fit', 'SELECT mlops.linear_fit(y, ARRAY[' . join(', ', @numbers) . ']) IS NULL FROM rows');
polls('fingerprint', q{SELECT mlops.fingerprint('rows')});
polls('training_digest', q{SELECT mlops.training_digest('rows')});
polls('roc_auc', 'SELECT mlops.roc_auc(b, x1) FROM rows');

cmp_ok($working{$_}, '>', 0, "$_: workers were watched") for 'linear', 'logistic, six classes', 'gbm', 'random_forest', 'isolation_forest', 'linear_fit';

done_testing();

# A search that commits each trial: cancelled, it goes on where it was; after a crash as well.
use strict;
use warnings;
use MlopsTest;
use Test::More;

my $node = MlopsTest::node('main');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION mlops;
CREATE TABLE rows AS SELECT i AS id, hashint4(i) % 1000 AS x1, hashint4(i + 1000000) % 1000 AS x2, hashint4(i + 2000000) % 1000 AS x3,
	hashint4(i) % 1000 + hashint4(i + 3000000) % 3000 > 0 AS y FROM generate_series(1, 20000) i;
SQL
my $id = 'b0000000-0000-0000-0000-000000000001';
my $arguments = qq{'churn', 'rows', 'y', 'logistic', '{"reg_lambda": {"min": 0.01, "max": 1000, "scale": "log"}}', n_trials => 8, key => 'id'};
my $call = "CALL mlops.run_tuning('$id', $arguments)";

sub trials { return $node->safe_psql('postgres', "SELECT count(*) FROM mlops.trials WHERE tuning_id = '$id'") }
sub run_until
{
	my ($count) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/started/, "\\echo started\n$call;\n\\echo over\n");
	$node->poll_query_until('postgres', "SELECT count(*) >= $count FROM mlops.trials WHERE tuning_id = '$id'") or die 'no trial was committed';
	return $session;
}

# another session sees trials while the search runs
my $session = run_until(2);
like($node->safe_psql('postgres', 'SELECT model FROM mlops.training_progress'), qr/^(churn \(trial \d+ of 8\))?$/, 'progress tells the trial');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL mlops.run_tuning%' AND pid <> pg_backend_pid()});
$session->query_until(qr/over/, "\n");
eval { $session->quit };
my $kept = trials();
cmp_ok($kept, '>=', 2, "$kept trials are kept after the cancel");
cmp_ok($kept, '<', 8, '... not all');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.versions'), 0, '... and no version');
my $first = $node->safe_psql('postgres', "SELECT trial_id, seconds FROM mlops.trials WHERE tuning_id = '$id' AND trial_id <= $kept ORDER BY 1");

# a crash in the middle
$session = run_until($kept + 1);
$node->stop('immediate');
eval { $session->quit };
$node->start;
cmp_ok(trials(), '>=', $kept + 1, 'a crash keeps what was committed');

$node->safe_psql('postgres', $call);
is(trials(), 8, 'the third call comes to the end');
is($node->safe_psql('postgres', "SELECT trial_id, seconds FROM mlops.trials WHERE tuning_id = '$id' AND trial_id <= $kept ORDER BY 1"), $first, '... without repeating the first');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.versions'), 1, '... with one version');

# all at once gives the same
$node->safe_psql('postgres', "SELECT * FROM mlops.tune($arguments)");
is($node->safe_psql('postgres', 'SELECT count(DISTINCT model_sha256) FROM mlops.versions'), 1, 'mlops.tune chooses and fits the same');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT DISTINCT trial_id, hyperparameters, hparam_tuning_evaluation_metrics, training_loss, is_optimal FROM mlops.trials) t}),
	8, '... from the same trials');

# rolled back, nothing remains
$node->safe_psql('postgres', "BEGIN; SELECT * FROM mlops.tune($arguments, tuning_id => 'b0000000-0000-0000-0000-000000000002'); ROLLBACK");
is($node->safe_psql('postgres', 'SELECT count(DISTINCT tuning_id) FROM mlops.trials'), 2, 'mlops.tune is one transaction');
done_testing();

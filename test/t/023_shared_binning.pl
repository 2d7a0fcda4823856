# Rows are binned by all processes of a training, where workers can read them; the model does not tell who did.
use strict;
use warnings;
use MlopsTest;
use Test::More;

my $node = MlopsTest::node('main');
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');
$node->safe_psql('postgres', q{
	CREATE TABLE rows AS
	SELECT g AS id, hashint4(g)::real AS a, sin(g) AS b, nullif(g % 300, 7) AS c, 'k' || g % 9 AS word, (hashint4(g + 1) % 1000)::real AS d,
		hashint4(g) % 7 + sin(g) > 0 AS y, 1 + g % 4 AS w
	FROM generate_series(1, 300000) g;
	VACUUM ANALYZE rows;
});

# Trains; the model's hash, and rows binned by each process (none: no workers).
sub train
{
	my ($workers, $more) = @_;
	my ($out, $err);
	$node->psql('postgres', qq{
		SET client_min_messages = debug1;
		SET max_parallel_workers_per_gather = $workers;
		SET mlops.train_workers = $workers;
		SELECT count(*) FROM mlops.train('m', 'rows', target => 'y', key => 'id', split => '"none"' $more);
		SELECT model_sha256 FROM mlops.versions WHERE model = 'm' ORDER BY version DESC LIMIT 1;
	}, stdout => \$out, stderr => \$err, on_error_die => 1, on_error_stop => 1);
	my @binned = $err =~ /rows binned by the leader and by \d+ workers: ([\d, ]+)/ ? split /, /, $1 : ();
	return ((split /\n/, $out)[-1], @binned);
}

sub total
{
	my $sum = 0;
	$sum += $_ for @_;
	return $sum;
}

my $plain = q{, params => '{"n_estimators": 2}'};
my ($alone, @none) = train(0, $plain);
is(scalar @none, 0, 'one process needs no workers');
for my $workers (1, 2)
{
	# a worker that the server starts late finds nothing left to do: some training has it in time
	my $helped = 0;
	for (1 .. 20)
	{
		my ($hash, @binned) = train($workers, $plain);
		is($hash, $alone, "the same bits with $workers workers");
		is(total(@binned), 300000, "each row once: @binned");
		$helped = $binned[1] > 0;
		last if $helped;
	}
	ok($helped, "a worker of $workers has binned rows");
}

# places are known before rows are binned, whatever is held out or left out
my $sampled = q{, weight => 'w', params => '{"n_estimators": 4, "early_stopping_rounds": 2, "subsample": 0.5}'};
my ($one) = train(0, $sampled);
my ($hash, @binned) = train(2, $sampled);
is($hash, $one, 'the same bits with weights, samples and rows held out');
is(total(@binned), 300000, "all rows: @binned");

my $balanced = q{, params => '{"n_estimators": 2, "class_weight": "balanced"}'};
($one) = train(0, $balanced);
($hash, @binned) = train(2, $balanced);
is($hash, $one, 'the same bits with class weights');
is("@binned", '300000 0 0', 'which the leader alone has: it bins all rows');

done_testing();

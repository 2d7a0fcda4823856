# Boosting with parallel workers: the same bits for any number of them and any order of rows, workers that really work,
# and nothing left behind by a cancel or a worker that dies.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);

my $node = MlopsTest::node('main');
# segments become files of this server, so that they can be counted
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\nmax_worker_processes = 12\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');

# ties, exact duplicates, NULLs, texts of few and of many values, weights and targets over nine orders of magnitude
$node->safe_psql('postgres', q{
	SELECT setseed(0.5);
	CREATE TABLE rows AS
	SELECT g / 3 AS id, g % 7 AS small, (g / 3) % 1000 AS tied, (ARRAY['red', 'green', 'blue', NULL])[1 + (g / 3) % 4] AS color,
		'c' || (hashint4(g / 3) % 600) AS city, nullif((hashint4(g / 3) % 100)::float8, 0) AS holes, exp(random() * 20 - 10) AS wild,
		10 ^ (9 * random() - 4) AS w, (hashint4(g / 3) % 1000)::real AS h
	FROM generate_series(0, 239999) g;
	ALTER TABLE rows ADD y float8, ADD b boolean, ADD k int;
	UPDATE rows SET y = small + 2 * coalesce(holes, 30) + wild + CASE color WHEN 'red' THEN 20 ELSE 0 END;
	UPDATE rows SET b = y > 60 + 30 * (id % 5), k = least(y / 80, 2)::int;
	UPDATE rows SET y = y * 10 ^ (id % 9);
	CREATE TABLE shuffled AS SELECT * FROM rows ORDER BY random();
	ANALYZE rows;
	ANALYZE shuffled;
});

sub train
{
	my ($workers, $source, $target, $more) = @_;
	my ($out, $err);
	my $features = q{features => '{small,tied,color,city,holes,wild,h}'};
	$node->psql('postgres', qq{
		SET client_min_messages = debug1;
		SET mlops.train_workers = $workers;
		SELECT count(*) FROM mlops.train('m', '$source', target => '$target', key => 'id', $features $more);
		SELECT model_sha256 FROM mlops.versions WHERE model = 'm' ORDER BY version DESC LIMIT 1;
	}, stdout => \$out, stderr => \$err, on_error_die => 1, on_error_stop => 1);
	my @units;
	@units = split /, /, $1 if $err =~ /done by the leader and by \d+ workers: ([\d, ]+)/;
	return ((split /\n/, $out)[-1], \@units);
}

for my $case (['y', q{, params => '{"n_estimators": 8}'}],
	['b', q{, weight => 'w', params => '{"n_estimators": 8, "subsample": 0.7, "colsample_bytree": 0.7, "early_stopping_rounds": 3}'}],
	['k', q{, task => 'multiclass', params => '{"n_estimators": 3}'}],
	['y', q{, params => '{"n_estimators": 4, "objective": "absolute_error"}'}])
{
	my ($target, $more) = @$case;
	my ($alone, $none) = train(0, 'rows', $target, $more);
	is(scalar @$none, 0, "no workers when there may be none$more");
	for my $workers (1, 2, 4)
	{
		my ($hash, $units) = train($workers, $workers == 1 ? 'rows' : 'shuffled', $target, $more);
		is($hash, $alone, "the same bits with $workers workers$more");
		is(scalar @$units, $workers + 1, 'as many processes as were asked for');
		ok((!grep { $_ == 0 } @$units), "each of which divided rows: @$units");
	}
}

sub segments
{
	my @files = glob($node->data_dir . '/pg_dynshmem/*');
	return scalar @files;
}

# What is there once everything has settled; a session that has had workers keeps segments of the server's own.
sub settles
{
	my ($most, $what) = @_;
	my $state = '';
	for (1 .. 100)
	{
		my $workers = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'});
		$state = $workers == 0 && segments() <= $most ? 'settled' : segments() . " segments, $workers workers";
		last if $state eq 'settled';
		usleep(50_000);
	}
	is($state, 'settled', $what);
	return;
}
usleep(50_000) for grep { segments() > 2 } 1 .. 100;
my $resting = segments();

for my $victim ('leader', 'worker')
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query('SET mlops.train_workers = 2; SET client_min_messages = warning');
	$session->query(q{SELECT count(*) FROM mlops.train('d', 'rows', target => 'b', key => 'id', params => '{"n_estimators": 2}')});
	my $before = segments();
	$session->{stdin} .= qq{SELECT count(*) FROM mlops.train('c', 'rows', target => 'b', key => 'id', params => '{"n_estimators": 5000}');\n};
	$session->{run}->pump_nb;
	ok($node->poll_query_until('postgres', qq{SELECT count(*) = 2 FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid}), 'workers are there');
	usleep(500_000);
	my $since = time;
	$node->safe_psql('postgres', $victim eq 'leader' ? "SELECT pg_cancel_backend($pid)"
		: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid LIMIT 1");
	ok($node->poll_query_until('postgres', qq{SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $pid}), "the training ends with its $victim");
	cmp_ok(time - $since, '<', 5, 'soon');
	settles($before, 'nothing is left behind');
	eval { $session->quit };
	settles($resting, 'nor by the end of the session');
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM mlops.versions WHERE model = 'c'}), '0', 'no version of what did not end');

# the server allows no worker at all
$node->append_conf('postgresql.conf', "max_parallel_workers = 0\n");
$node->reload;
my ($hash) = train(0, 'rows', 'y', q{, params => '{"n_estimators": 3}'});
is((train(4, 'rows', 'y', q{, params => '{"n_estimators": 3}'}))[0], $hash, 'the same bits where the server has no workers');

done_testing();

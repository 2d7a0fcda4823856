# Gradient boosting with parallel workers: the same bits for any number of them and any order of rows, workers that really
# work, fewer where workers or memory are short, and nothing left behind by an error, a cancel or a process that dies.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main');
# segments become files of this server, so that they can be counted
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');

# ties, exact duplicates, holes, infinities, a constant column, few and many categories, weights over nine orders of
# magnitude, a target with a heavy tail
$node->safe_psql('postgres', q{
	SELECT setseed(0.5);
	CREATE TABLE rows AS
	SELECT g / 2 AS id, (g / 2) % 7 AS small, (g / 2) % 1000 AS tied, (ARRAY['red', 'green', 'blue', 'violet'])[1 + (g / 2) % 4] AS color,
		'c' || hashint4(g / 2) % 600 AS place, nullif((hashint4(g / 2) % 100)::float8, 0) AS holes,
		CASE (g / 2) % 50 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN 'nan' ELSE sin(g / 2) END::float8 AS wild,
		(hashint4(g / 2) % 1000)::real AS h, date '2020-01-01' + (g / 2) % 800 AS day, ARRAY[sin(g / 2), cos(g / 2), sin(g / 31)]::real[] AS v
	FROM generate_series(0, 219999) g;
	ALTER TABLE rows ADD y float8, ADD w float8, ADD n int, ADD b boolean, ADD far float8;
	UPDATE rows SET y = small + 2 * coalesce(holes, 3) + v[1] + (color = 'red')::int * h / 100, w = exp(random() * 20 - 10), far = h * 10 ^ (small + holes::int % 3);
	UPDATE rows SET n = abs(y)::int % 40, b = y + 60 * random() > 100, y = y + CASE WHEN random() < 0.001 THEN exp(random() * 20) ELSE random() END;
	CREATE TABLE shuffled AS SELECT * FROM rows ORDER BY random();
	VACUUM FREEZE ANALYZE rows;
	VACUUM FREEZE ANALYZE shuffled;
});

my $features = q{, features => '{small,tied,color,place,holes,wild,h,day,v}'};

# Trains; the model's hash, units of work done by each process (none: no workers), what was said.
sub train
{
	my ($workers, $source, $target, $more, $settings) = @_;
	my ($out, $err);
	$settings //= '';
	$node->psql('postgres', qq{
		SET client_min_messages = debug1;
		SET mlops.train_workers = $workers;
		$settings
		SELECT count(*) FROM mlops.train('m', '$source', target => '$target', key => 'id' $more);
		SELECT model_sha256 FROM mlops.versions WHERE model = 'm' ORDER BY version DESC LIMIT 1;
	}, stdout => \$out, stderr => \$err, on_error_die => 1, on_error_stop => 1);
	my @units;
	@units = split /, /, $1 if $err =~ /work done by the leader and by \d+ workers: ([\d, ]+)/;
	return ((split /\n/, $out)[-1], \@units, $err);
}

my @cases = (
	['far', q{, params => '{"n_estimators": 8}'}, 'a target over nine orders of magnitude'],
	['y', q{, params => '{"n_estimators": 12}'}, 'squared error'],
	['y', q{, weight => 'w', params => '{"n_estimators": 10, "subsample": 0.6, "colsample_bytree": 0.7, "colsample_bylevel": 0.8}'}, 'weights and samples'],
	['y', q{, params => '{"n_estimators": 12, "objective": "huber", "max_depth": 5}', split => '{"test": 0.2, "refit": true}'}, 'huber, fitted twice'],
	['n', q{, task => 'regression', params => '{"n_estimators": 15, "objective": "poisson", "early_stopping_rounds": 3, "learning_rate": 0.5}'}, 'early stopping'],
	['b', q{, params => '{"n_estimators": 10, "class_weight": "balanced", "num_leaves": 200, "min_child_samples": 2}'}, 'two classes, many leaves'],
	['y', q{, params => '{"n_estimators": 8, "objective": "absolute_error", "monotone_constraints": "h: 1, tied: -1"}'}, 'medians, constraints'],
	['color', q{, params => '{"n_estimators": 4}'}, 'four classes'],
);
for my $case (@cases)
{
	my ($target, $more, $what) = @$case;
	$more .= $target eq 'color' ? q{, features => '{small,tied,place,holes,h}'} : $features;
	my ($alone, $none) = train(0, 'rows', $target, $more);
	is(scalar @$none, 0, "no workers when there may be none: $what");
	for my $workers (1, 2, 4)
	{
		for my $source ($workers == 2 ? ('rows', 'shuffled') : 'shuffled')
		{
			my ($hash, $units) = train($workers, $source, $target, $more);
			is($hash, $alone, "the same bits with $workers workers from $source: $what");
			is(scalar @$units, $workers + 1, 'as many processes as were asked for');
			is(scalar(grep { $_ == 0 } @$units), 0, "every process has worked: @$units");
		}
	}
}

my $short = q{, params => '{"n_estimators": 5}'} . $features;
my ($alone) = train(0, 'rows', 'y', $short);
my (undef, $auto) = train(-1, 'rows', 'y', $short);
cmp_ok(scalar @$auto, '>', 1, 'workers are used by themselves where the size pays');
(undef, $auto) = train(-1, 'SELECT * FROM rows WHERE id < 5000', 'y', $short);
is(scalar @$auto, 0, 'and are not where it does not');
(undef, $auto) = train(4, 'SELECT * FROM rows WHERE id < 5000', 'y', $short);
is(scalar @$auto, 0, 'nor for rows that one process holds in its cache');

# What is left behind. A session that has had parallel workers keeps one segment of the server's own.
my $resting = MlopsTest::comes_to_rest($node, 'nothing is left behind by all these trainings');

# Cancels in every phase.
MlopsTest::create_cancel_in($node);
my $long = q{SELECT count(*) FROM mlops.train('c', 'SELECT r.*, r.h * k AS scaled FROM rows AS r, generate_series(1, 3) AS k', target => 'y', key => 'id',
	params => '{"n_estimators": 2000}', features => '{small,tied,color,place,holes,wild,h,day,v,scaled}');};

sub session
{
	my ($workers) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query("SET mlops.train_workers = $workers; SET client_min_messages = warning; SET mlops.train_memory = '2GB'");
	return ($session, $pid);
}

sub begin_training
{
	my ($session, $sql) = @_;
	$session->{stdin} .= "$sql\n";
	$session->{run}->pump_nb;
	return;
}

sub idle
{
	my ($pid) = @_;
	return $node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND state = 'active'");
}

for my $workers (0, 2)
{
	my ($session, $pid) = session($workers);
	$session->query(qq{SELECT count(*) FROM mlops.train('w', 'rows', target => 'y', key => 'id' $short)});
	my $before = MlopsTest::left_behind($node);
	for my $phase (['preparing trees', 0], ['fitting', 0], ['fitting', 1], ['fitting', 40])
	{
		my @costs;
		for my $attempt (0 .. 4)
		{
			$session->query('SELECT 1');
			begin_training($session, $long);
			push @costs, $node->safe_psql('postgres', "SELECT * FROM cancel_in($pid, '$phase->[0]', 0.07 * $attempt, $phase->[1])");
			idle($pid);
		}
		MlopsTest::served_in_time("$workers workers, $phase->[0] after $phase->[1]", @costs);
		MlopsTest::settles($node, $before, 'and nothing is left behind');
	}
	eval { $session->quit };
}
MlopsTest::settles($node, $resting, 'nor by the end of the sessions');

# progress, seen from another session: iterations, their loss, workers
{
	my ($session, $pid) = session(2);
	begin_training($session, $long);
	is($node->safe_psql('postgres', qq{SELECT await_phase($pid, 'fitting', 5);
		SELECT algorithm, total, done >= 5, iteration >= 5, loss > 0, workers FROM mlops.training_progress WHERE pid = $pid}),
		"t\ngbm|2000|t|t|t|2", 'progress of each iteration');
	# a leader that is terminated takes its workers with it
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	MlopsTest::settles($node, $resting, 'nothing is left behind by a leader that is terminated');
	eval { $session->quit };
}

# statement_timeout, caught: the transaction goes on, and can train again
{
	my ($out, $err);
	my $result = $node->psql('postgres', qq{
		SET mlops.train_workers = 2;
		SET mlops.train_memory = '2GB';
		SET statement_timeout = '4s';
		DO \$\$ BEGIN
			EXECUTE \$sql\$$long\$sql\$;
		EXCEPTION WHEN query_canceled THEN
			RAISE NOTICE 'stopped in time';
			PERFORM mlops.train('e', 'rows', target => 'y', key => 'id' $short);
		END \$\$;
	}, stdout => \$out, stderr => \$err);
	like($err, qr/stopped in time/, 'statement_timeout ends a training');
	is($result, 0, 'and the transaction may go on');
	is($node->safe_psql('postgres', q{SELECT model_sha256 FROM mlops.versions WHERE model = 'e'}), $alone, 'with another training');
	MlopsTest::settles($node, $resting, 'nothing is left behind by a timeout');
}

# a worker that ends
{
	my ($session, $pid) = session(2);
	my $workers_of = "FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid AND backend_type = 'parallel worker'";
	begin_training($session, $long);
	is($node->safe_psql('postgres', "SELECT await_phase($pid, 'fitting', 3)"), 't', 'a training runs');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(max(pid)) $workers_of");
	ok(idle($pid), 'a worker that is terminated ends the training');
	eval { $session->quit };
	MlopsTest::settles($node, $resting, 'and nothing is left behind');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM mlops.versions WHERE model = 'c'}), '0', 'no version was stored');
}

# other sessions have the server's workers
{
	my ($session, $pid) = session(4);
	$session->query(qq{SELECT count(*) FROM mlops.train('w', 'rows', target => 'y', key => 'id' $short)});
	my $before = MlopsTest::left_behind($node);
	begin_training($session, $long);
	is($node->safe_psql('postgres', "SELECT await_phase($pid, 'fitting', 1)"), 't', 'a training has all workers');
	my ($hash, $units, $said) = train(2, 'rows', 'y', $short);
	is($hash, $alone, 'the same bits where no worker is free');
	is(scalar @$units, 0, 'alone');
	like($said, qr/NOTICE:  fitting with 0 of 2 parallel workers/, 'which is said');
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	idle($pid);
	MlopsTest::settles($node, $before, 'the workers are free again');

	$session->query('SET mlops.train_workers = 3');
	begin_training($session, $long);
	is($node->safe_psql('postgres', "SELECT await_phase($pid, 'fitting', 1)"), 't', 'a training has three of four workers');
	($hash, $units, $said) = train(2, 'rows', 'y', $short);
	is($hash, $alone, 'the same bits where one worker is free');
	is(scalar @$units, 2, 'with that one');
	like($said, qr/NOTICE:  fitting with 1 of 2 parallel workers/, 'which is said, too');
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	idle($pid);
	eval { $session->quit };
	MlopsTest::settles($node, $resting, 'nothing is left behind');
}

# no room for shared memory: files of the server may not become larger than 2 MB
{
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	$node->safe_psql('postgres', 'CHECKPOINT');
	SKIP:
	{
		skip 'no prlimit here', 4 if system("prlimit --pid $postmaster --fsize=2097152: 2>/dev/null") != 0;
		my ($out, $err);
		$node->psql('postgres', qq{
			SET mlops.train_workers = 2;
			SET default_transaction_read_only = on;
			SELECT count(*) FROM mlops.cross_validate('SELECT * FROM rows WHERE id < 50000', target => 'y', key => 'id', folds => 2 $short);
		}, stdout => \$out, stderr => \$err);
		system("prlimit --pid $postmaster --fsize=unlimited:");
		like($err, qr/NOTICE:  not enough shared memory for parallel workers: fitting with one process/, 'a fit without shared memory goes on alone');
		cmp_ok($out, '>', 0, 'and comes to its end') or diag $err;
		unlike($err, qr/ERROR/, 'without an error');
		MlopsTest::settles($node, $resting, 'nothing is left behind');
	}
}

# little memory of one's own: fewer workers before an error that names both figures
{
	my $wide = q{, params => '{"n_estimators": 1, "num_leaves": 20000, "min_child_samples": 1}', features => '{tied,h}', split => '"none"'};
	my ($out, $err);
	my @said;
	for my $memory (map { 120 + 8 * $_ } 0 .. 20)
	{
		$node->psql('postgres', qq{SET mlops.train_workers = 4; SET mlops.train_memory = '${memory}MB';
			SELECT count(*) FROM mlops.train('m', 'SELECT * FROM rows WHERE id < 50000', target => 'y', key => 'id' $wide);}, stdout => \$out, stderr => \$err);
		push @said, $err =~ /ERROR:.* needs at least (\d+ .?B) of memory, but "mlops.train_memory" allows/ ? 'error' :
			$err =~ /NOTICE:  "mlops.train_memory" has room for \d of 4 parallel workers/ ? 'fewer' : 'enough';
		last if $said[-1] eq 'enough';
	}
	is($said[0], 'error', 'too little memory is an error');
	ok((grep { $_ eq 'fewer' } @said) > 0, 'a little more is enough for fewer workers');
	is($said[-1], 'enough', 'and more for all');
}

# the server allows no worker at all
$node->append_conf('postgresql.conf', "max_parallel_workers = 0\n");
$node->reload;
is((train(4, 'rows', 'y', $short))[0], $alone, 'the same bits where the server has no workers');

done_testing();

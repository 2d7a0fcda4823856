# Fits with parallel workers: the same bits for any number of them and any order of rows, workers that really work,
# and nothing left behind by an error, a cancel or a backend that dies.
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

# ties, exact duplicates, NULLs, texts, weights and targets over many orders of magnitude
$node->safe_psql('postgres', q{
	SELECT setseed(0.5);
	CREATE TABLE rows AS
	SELECT g / 3 AS id, g % 7 AS small, (g / 3) % 1000 AS tied, (ARRAY['red', 'green', 'blue', 'violet'])[1 + (g / 3) % 4] AS color,
		nullif((hashint4(g / 3) % 100)::float8, 0) AS holes, exp(random() * 40 - 20) AS wild, random() AS w,
		(hashint4(g / 3) % 1000)::real AS h, date '2020-01-01' + (g / 3) % 800 AS day,
		ARRAY[sin(g / 3), cos(g / 3), sin(g / 30), cos(g / 7), sin(g / 11), cos(g / 13), sin(g / 17), cos(g / 19), sin(g / 23),
			cos(g / 29), sin(g / 31), cos(g / 37)]::real[] AS v
	FROM generate_series(0, 299999) g;
	ALTER TABLE rows ADD y float8;
	UPDATE rows SET y = small + 2 * coalesce(holes, 3) + wild * 1e-3 + v[1];
	CREATE TABLE shuffled AS SELECT * FROM rows ORDER BY random();
	ANALYZE rows;
	ANALYZE shuffled;
});

sub train
{
	my ($workers, $source, $more, $target, $algorithm) = @_;
	my ($out, $err);
	$target //= 'y';
	$algorithm //= 'linear';
	$node->psql('postgres', qq{
		SET client_min_messages = debug1;
		SET mlops.train_workers = $workers;
		SET mlops.train_memory = '2GB';
		SELECT count(*) FROM mlops.train('m', '$source', target => '$target', algorithm => '$algorithm', key => 'id' $more);
		SELECT model_sha256 FROM mlops.versions WHERE model = 'm' ORDER BY version DESC LIMIT 1;
	}, stdout => \$out, stderr => \$err, on_error_die => 1, on_error_stop => 1);
	my @units;
	@units = split /, /, $1 if $err =~ /fitted by the leader and by \d+ workers: ([\d, ]+)/;
	return ((split /\n/, $out)[-1], \@units);
}

for my $more ('', q{, weight => 'w'}, q{, split => '{"test": 0.2, "refit": true}'})
{
	my ($alone, $none) = train(0, 'rows', $more);
	is(scalar @$none, 0, "no workers when there may be none$more");
	for my $workers (1, 2, 4)
	{
		for my $source ($workers == 2 ? ('rows', 'shuffled') : 'shuffled')
		{
			my ($hash, $units) = train($workers, $source, $more);
			is($hash, $alone, "the same bits with $workers workers from $source$more");
			is(scalar @$units, $workers + 1, 'as many processes as were asked for');
		}
	}
}

# algorithms of many passes, with classes, offsets and calibration by folds
for my $case (['logistic', 'small', q{, features => '{tied,color,h,day}', task => 'multiclass'}],
	['logistic', 'color', q{, features => '{small,holes,h,w}'}],
	['logistic', 'b', q{, features => '{tied,color,h,v}', calibrate => 'platt'}],
	['naive_bayes', 'color', q{, features => '{small,holes,h,day}', weight => 'w'}],
	['glm', 'small', q{, features => '{tied,color,h}', task => 'regression', params => '{"family": "poisson"}'}])
{
	my ($algorithm, $target, $more) = @$case;
	my $source = "SELECT *, v[2] > 0.3 AS b FROM rows WHERE id < 60000";
	my ($alone) = train(0, $source, $more, $target, $algorithm);
	my ($hash, $units) = train(2, $source, $more, $target, $algorithm);
	is($hash, $alone, "the same bits with workers: $algorithm of $target");
	is(scalar @$units, 3, 'and workers there were');
}

# a column of more than one segment: workers see it in pieces
$node->safe_psql('postgres', q{
	CREATE TABLE long AS SELECT g AS id, array_fill((g % 10)::real, ARRAY[1300]) AS v, g % 3 = 0 AS y FROM generate_series(1, 41000) g});
my ($alone) = train(0, 'long', q{, split => '"none"'}, 'y', 'naive_bayes');
my ($pieced, $processes) = train(2, 'long', q{, split => '"none"'}, 'y', 'naive_bayes');
is($pieced, $alone, 'the same bits from a column in pieces');
is(scalar @$processes, 3, 'with workers');
$node->safe_psql('postgres', 'DROP TABLE long');

# A worker may come too late for a short fit: each must have had its share at least once.
my @shares = (0) x 3;
for (1 .. 20)
{
	my (undef, $units) = train(2, 'rows', '');
	$shares[$_] += $units->[$_] for 0 .. 2;
	last if !grep { $_ == 0 } @shares;
}
ok($_ > 0, 'every process has fitted units') for @shares;
my (undef, $auto) = train(-1, 'rows', '');
cmp_ok(scalar @$auto, '>', 1, 'workers are used by themselves where the size pays');
(undef, $auto) = train(-1, 'SELECT * FROM rows WHERE id < 5000', '');
is(scalar @$auto, 0, 'and are not where it does not');

# What is left behind. A session that has had parallel workers keeps one segment of the server's own.
my $resting = MlopsTest::comes_to_rest($node, 'nothing is left behind by all these trainings');

my $many = q{SELECT s.* FROM rows s, generate_series(1, 4)};
sub interrupted
{
	my ($phase, $action, $kept) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query('SET mlops.train_workers = 2; SET client_min_messages = warning');
	$session->query(q{SELECT count(*) FROM mlops.train('c', 'rows', target => 'y', algorithm => 'linear', key => 'id')});
	my $before = MlopsTest::left_behind($node);
	my $seen = 0;
	# some phases take milliseconds: the server looks, and acts in the same moment; a phase that was missed is tried again
	for my $attempt (1 .. 5)
	{
		$session->{stdin} .= qq{SELECT count(*) FROM mlops.train('c', '$many', target => 'y', algorithm => 'linear', key => 'id');\n};
		$session->{run}->pump_nb;
		my ($status) = $node->psql('postgres', qq{DO \$\$ BEGIN
			FOR i IN 1 .. 8000 LOOP
				PERFORM FROM mlops.training_progress WHERE pid = $pid AND phase = '$phase';
				IF FOUND THEN PERFORM $action($pid); RETURN; END IF;
				PERFORM pg_sleep(0.001);
			END LOOP;
			RAISE 'not seen'; END \$\$});
		$seen = $status == 0;
		last if $seen;
	}
	ok($seen, "training is at: $phase");
	$node->poll_query_until('postgres', qq{SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND state = 'active'})
		or die 'not interrupted';
	MlopsTest::settles($node, $kept ? $before : $resting, "nothing is left behind by $action at: $phase");
	eval { $session->quit };
	MlopsTest::settles($node, $resting, 'nor by the end of the session');
	return;
}
interrupted($_, 'pg_cancel_backend', 1) for ('reading rows', 'fitting', 'scoring held-out rows');
interrupted('fitting', 'pg_terminate_backend', 0);
# a worker that is ended takes the training with it: nothing waits for its unit
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query('SET mlops.train_workers = 2; SET client_min_messages = warning');
	$session->{stdin} .= qq{SELECT count(*) FROM mlops.train('c', '$many', target => 'y', algorithm => 'linear', key => 'id');\n};
	$session->{run}->pump_nb;
	ok($node->poll_query_until('postgres', qq{SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid}),
		'a worker is terminated');
	ok($node->poll_query_until('postgres', qq{SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $pid}), 'the training has ended');
	eval { $session->quit };
	MlopsTest::settles($node, $resting, 'nothing is left behind by that');
	like(slurp_file($node->logfile), qr/terminating background worker|terminating connection due to administrator command/, 'with an error');
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM mlops.versions WHERE model = 'c'}), '4', 'and no version but those that were finished');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.training_progress'), '0', 'and no progress');

# an error that is caught: the transaction goes on, and can train again
is($node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	SET mlops.train_workers = 2;
	DO $$ BEGIN
		PERFORM mlops.train('e', 'SELECT *, 1 / (id - 90000) AS bad FROM rows', target => 'y', algorithm => 'linear', key => 'id');
	EXCEPTION WHEN division_by_zero THEN
		PERFORM mlops.train('e', 'rows', target => 'y', algorithm => 'linear', key => 'id');
	END $$;
	SELECT count(*) FROM mlops.versions WHERE model = 'e'}), '1', 'after an error that is caught');
MlopsTest::settles($node, $resting, 'nothing is left behind by that');

# fewer workers are free than were asked for
{
	my ($alone) = train(0, 'rows', '');
	$node->append_conf('postgresql.conf', "max_worker_processes = 2\n");
	$node->restart;
	my ($out, $said);
	$node->psql('postgres', q{SET mlops.train_workers = 3;
		SELECT count(*) FROM mlops.train('m', 'rows', target => 'y', algorithm => 'linear', key => 'id');
		SELECT model_sha256 FROM mlops.versions WHERE model = 'm' ORDER BY version DESC LIMIT 1}, stdout => \$out, stderr => \$said);
	like($said, qr/NOTICE:  fitting with 1 of 3 parallel workers/, 'fewer free workers are a NOTICE');
	is((split /\n/, $out)[-1], $alone, 'the same bits with them');
}

# the server allows no worker at all
$node->append_conf('postgresql.conf', "max_parallel_workers = 0\n");
$node->reload;
my ($hash) = train(0, 'rows', '');
is((train(4, 'rows', ''))[0], $hash, 'the same bits where the server has no workers');

done_testing();

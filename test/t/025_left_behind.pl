# Whatever ends a statement that works with parallel workers, in whatever phase (a cancel, a timeout, the end of its session, the
# end of a worker): no shared memory, no temporary file and no worker is left, and a cancel is served in time.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main');
# segments become files of this server, so that they can be counted
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\n");
$node->restart;
my $columns = join ', ', map { "(hashint4(g * 31 + $_) % 100000 / 7777.0)::real AS x$_" } 1 .. 12;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION mlops;
	CREATE TABLE rows AS SELECT g AS id, $columns, 'k' || abs(hashint4(g)) % 5 AS k, hashint4(g) % 1000 / 100.0 AS y, 'n' || abs(hashint4(g + 5)) % 3000 AS town
		FROM generate_series(1, 400000) g;
	VACUUM FREEZE ANALYZE rows;
	-- more rows than the planner thinks: those are read by way of temporary files
	CREATE FUNCTION twice() RETURNS SETOF int LANGUAGE plpgsql PARALLEL SAFE ROWS 1 AS 'BEGIN RETURN NEXT 1; RETURN NEXT 2; END';
	SET client_min_messages = error;
	SELECT count(*) FROM mlops.train('line', 'SELECT * FROM rows WHERE id <= 1000', target => 'y', algorithm => 'linear', key => 'id');
});
MlopsTest::create_cancel_in($node);
# what the server keeps now; at_rest waits until it keeps no more than `expected` files and tells what it keeps then
$node->safe_psql('postgres', q{
	CREATE FUNCTION kept(OUT files bigint, OUT workers bigint) AS $$
		SELECT (SELECT count(*) FROM pg_ls_dir('pg_dynshmem')) + (SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp', true, false)),
			(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker')
	$$ LANGUAGE sql VOLATILE;
	CREATE FUNCTION at_rest(expected bigint) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		state record;
	BEGIN
		FOR i IN 1 .. 500 LOOP
			PERFORM pg_stat_clear_snapshot();
			SELECT * INTO state FROM kept();
			EXIT WHEN state.files <= expected AND state.workers = 0;
			PERFORM pg_sleep(0.01);
		END LOOP;
		RETURN state.files - expected || ' files, ' || state.workers || ' workers';
	END $$;
	-- ends a worker of a session once there is one; false: there never was
	CREATE FUNCTION end_worker(leader int) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 5000 LOOP
			PERFORM pg_stat_clear_snapshot();
			PERFORM pg_sleep(0.001), pg_terminate_backend(pid) FROM pg_stat_activity WHERE leader_pid = leader AND pid <> leader LIMIT 1;
			IF FOUND THEN RETURN true; END IF;
		END LOOP;
		RETURN false;
	END $$;
	CREATE FUNCTION await_end(who int) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 6000 LOOP
			PERFORM pg_stat_clear_snapshot();
			IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = who AND state = 'active') THEN RETURN true; END IF;
			PERFORM pg_sleep(0.005);
		END LOOP;
		RETURN false;
	END $$;
});

my $nothing = '0 files, 0 workers';
my $resting = MlopsTest::comes_to_rest($node, 'nothing is left behind when the tables are made');

# A session that has had parallel workers and rows of no named type: the server itself keeps two segments for it until it ends.
sub session
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query(q{SET client_min_messages = warning; SET mlops.train_memory = '4GB'; SET mlops.train_workers = 2; SET max_parallel_workers_per_gather = 2;
		SET parallel_setup_cost = 0; SELECT count(*) FROM rows WHERE x1 > 0; SELECT count(ROW(id, x1)) FROM rows});
	my $kept = $node->safe_psql('postgres', 'SELECT files FROM kept()');
	return ($session, $pid, $kept);
}

# Sends a statement without waiting for its end; returns when it runs.
sub begin_statement
{
	my ($session, $pid, $sql) = @_;
	$session->query('SELECT 1');
	$session->{stdin} .= "/* begun */ $sql;\n";
	$session->{run}->pump_nb;
	return "DO 'BEGIN FOR i IN 1 .. 5000 LOOP
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND state = ''active'' AND query LIKE ''%begun%'');
		PERFORM pg_sleep(0.001); END LOOP; END'";
}

# statements that one process runs
my %alone = map { $_ => 1 } 'evaluate', 'fingerprint';

# A statement is cancelled at each of the moments (phase or undef, and seconds from there), then a worker of it is ended, then its session.
sub ends
{
	my ($what, $sql, @moments) = @_;
	my ($session, $pid, $kept) = session();
	my @costs;
	for my $moment (@moments)
	{
		my ($phase, $delay) = @$moment;
		my $begun = begin_statement($session, $pid, $sql);
		my $wanted = defined $phase ? "'$phase'" : 'NULL';
		my ($cost, $ended, $left) = split /\n/, $node->safe_psql('postgres',
			"$begun; SELECT * FROM cancel_in($pid, $wanted, $delay); SELECT await_end($pid); SELECT at_rest($kept)");
		push @costs, $cost;
		is($left, $nothing, "$what: a cancel leaves nothing behind, " . ($phase // 'whatever it does') . " for $delay s");
	}
	MlopsTest::served_in_time($what, @costs);

	if (!$alone{$what})
	{
		my $begun = begin_statement($session, $pid, $sql);
		is($node->safe_psql('postgres', "$begun; SELECT end_worker($pid), await_end($pid), at_rest($kept)"), "t|t|$nothing", "$what: nor does the end of a worker");
	}
	my $begun = begin_statement($session, $pid, $sql);
	is($node->safe_psql('postgres', "$begun; SELECT pg_sleep(0.3); SELECT pg_terminate_backend($pid), at_rest($resting)"), "\nt|$nothing", "$what: nor the end of the session");
	eval { $session->quit };
	return;
}

sub fit
{
	my ($algorithm, $target, $params, $more) = @_;
	$more //= '';
	return "SELECT count(*) FROM mlops.train('m', 'SELECT r.* FROM rows AS r, twice()', target => $target, algorithm => '$algorithm', key => 'id', params => '$params' $more)";
}
my @reading = ([ 'reading rows', 0 ], [ 'reading rows', 0.2 ], [ 'ordering rows', 0.02 ]);
ends('linear', fit('linear', "'y'", '{}'), @reading, [ 'fitting', 0 ]);
ends('logistic', fit('logistic', "'k'", '{}'), @reading, [ 'fitting', 0 ], [ 'fitting', 0.1 ]);
ends('naive_bayes', fit('naive_bayes', "'k'", '{}'), @reading, [ 'fitting', 0 ]);
my @trees = ([ 'reading rows', 0.1 ], [ 'preparing trees', 0 ], [ 'preparing trees', 0.1 ], [ 'fitting', 0 ], [ 'fitting', 0.2 ]);
ends('gbm', fit('gbm', "'y'", '{"n_estimators": 500}'), @trees);
ends('random_forest', fit('random_forest', "'y'", '{"n_estimators": 100, "max_depth": 6}'), @trees);
ends('isolation_forest', fit('isolation_forest', 'NULL', '{"n_estimators": 1000, "max_samples": 50000}', q{, task => 'anomaly'}), @trees);

my @moments = map { [ undef, $_ ] } 0.03, 0.1, 0.2, 0.4;
ends('evaluate', q{SELECT count(*) FROM mlops.evaluate('line/1', 'SELECT r.* FROM rows AS r, generate_series(1, 3)', rows => 'all')}, @moments);
ends('fingerprint', q{SELECT mlops.fingerprint('SELECT r.* FROM rows AS r, generate_series(1, 4)')}, @moments);
ends('linear_fit', 'SELECT mlops.linear_fit(y, ARRAY[' . join(', ', map { "x$_" } 1 .. 12) . ']) IS NULL FROM rows, generate_series(1, 40)', @moments);
ends('predict', q{SELECT sum(mlops.predict('line/1', r)) FROM rows AS r, generate_series(1, 40)}, @moments);

# a timeout
{
	my ($session, $pid, $kept) = session();
	$session->query("SET statement_timeout = '1s'");
	for my $algorithm ('gbm', 'random_forest')
	{
		my $begun = begin_statement($session, $pid, fit($algorithm, "'y'", '{"n_estimators": 1000}'));
		is($node->safe_psql('postgres', "$begun; SELECT await_end($pid), at_rest($kept)"), "t|$nothing", "a timeout leaves nothing behind: $algorithm");
	}
	eval { $session->quit };
}

# a cancel that is caught: the transaction goes on and can train with workers
for my $algorithm ('gbm', 'random_forest', 'logistic')
{
	my ($session, $pid, $kept) = session();
	my $target = $algorithm eq 'logistic' ? "'k'" : "'y'";
	my $params = $algorithm eq 'logistic' ? '{"max_iter": 500, "tol": 1e-14}' : '{"n_estimators": 1000, "max_depth": 6}';
	my $long = fit($algorithm, $target, $params) =~ s/SELECT count\(\*\) FROM/PERFORM/r;
	my $begun = begin_statement($session, $pid, qq{DO \$\$ BEGIN
		BEGIN $long; EXCEPTION WHEN query_canceled THEN NULL; END;
		PERFORM mlops.train('caught_$algorithm', 'SELECT * FROM rows WHERE id <= 60000', target => $target, key => 'id', algorithm => '$algorithm', params => '} .
		($algorithm eq 'logistic' ? '{}' : '{"n_estimators": 2, "max_depth": 6}') . qq{'); END \$\$});
	is($node->safe_psql('postgres', "$begun; SELECT await_phase($pid, 'fitting'); SELECT pg_sleep(0.05), pg_cancel_backend($pid); SELECT await_end($pid), at_rest($kept);
			SELECT count(*) FROM mlops.versions WHERE model = 'caught_$algorithm'"), "t\n|t\nt|$nothing\n1", "after a cancel that is caught another training succeeds: $algorithm");
	eval { $session->quit };
}
is($node->safe_psql('postgres', "SELECT at_rest($resting)"), $nothing, 'nothing is left when all sessions have ended');

is($node->safe_psql('postgres', q{SELECT count(*) FROM mlops.versions WHERE model = 'm'}), '0', 'no version was stored');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.training_progress'), '0', 'and no progress shows');

done_testing();

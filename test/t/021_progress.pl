# What another session sees of a training while it runs, who sees what, and how soon a cancel is served in each phase.
use strict;
use warnings;
use MlopsTest;
use Test::More;

my $node = MlopsTest::node('main');
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');
my $columns = join ', ', map { "(hashint4(g * 31 + $_) % 1000)::real AS x$_" } 1 .. 20;
$node->safe_psql('postgres', qq{
	CREATE TABLE rows AS SELECT g AS id, $columns, (ARRAY['a', 'b', 'c', 'd', 'e'])[1 + g % 5] AS t, random() AS y
		FROM generate_series(1, 1000000) g;
	ANALYZE rows;
	CREATE ROLE trainer LOGIN;
	CREATE ROLE colleague LOGIN IN ROLE trainer;
	CREATE ROLE stranger LOGIN;
	CREATE ROLE observer LOGIN IN ROLE pg_read_all_stats;
	GRANT SELECT ON rows TO trainer;
});

MlopsTest::create_cancel_in($node);

my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'trainer' ]);
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query('SET client_min_messages = warning');
my $train = q{SELECT count(*) FROM mlops.train('busy', 'rows', target => 'y', algorithm => 'linear', key => 'id');};

sub begin_training
{
	my ($sql) = @_;
	$session->{stdin} .= "$sql\n";
	$session->{run}->pump_nb;
	return;
}

sub idle
{
	return $node->poll_query_until('postgres', "SELECT state <> 'active' FROM pg_stat_activity WHERE pid = $pid");
}

# who sees what
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.training_progress'), '0', 'nothing runs');
begin_training($train);
ok($node->safe_psql('postgres', "SELECT await_phase($pid, 'reading rows')") eq 't', 'a training shows');
my %expected = (trainer => 'trainer|busy|linear|t', colleague => 'trainer|busy|linear|t', observer => 'trainer|busy|linear|t',
	stranger => 'trainer|||f', postgres => 'trainer|busy|linear|t');
for my $role (sort keys %expected)
{
	is($node->safe_psql('postgres', qq{SET ROLE $role; SELECT usename, model, algorithm, phase IS NOT NULL FROM mlops.training_progress WHERE pid = $pid AND elapsed > '0'}),
		$expected{$role}, "what $role sees");
}
is($node->safe_psql('postgres', q{SET ROLE stranger; SELECT datname, done IS NOT NULL, loss IS NULL FROM mlops.training_progress}), 'postgres|t|t', 'a stranger sees counts');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype = 'advisory' AND objsubid = 77 AND mode = 'ShareLock'"), '1', 'pg_locks shows the slot');
idle();
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.training_progress'), '0', 'nothing is left after the training');

# fractions only grow within a phase, and end at most at 1
$session->query('SELECT 1');
begin_training($train);
my $shares = $node->safe_psql('postgres', qq{
	SELECT await_phase($pid, 'reading rows');
	CREATE TEMP TABLE seen (n serial, phase text, done bigint, fraction float8);
	DO \$\$ BEGIN
		LOOP
			INSERT INTO seen (phase, done, fraction) SELECT phase, done, fraction FROM mlops.training_progress WHERE pid = $pid;
			EXIT WHEN NOT FOUND;
			PERFORM pg_sleep(0.002);
		END LOOP;
	END \$\$;
	SELECT count(*) > 20, max(fraction) <= 1, bool_and(ordered) FROM (
		SELECT fraction, done >= lag(done, 1, 0::bigint) OVER (PARTITION BY phase ORDER BY n) AS ordered FROM seen) s;
});
is($shares, "t\nt|t|t", 'progress goes forward');
idle();

# advisory locks that SQL can take are no slots
is($node->safe_psql('postgres', q{SELECT pg_advisory_lock_shared(77, 77), pg_advisory_lock_shared(77); SELECT count(*) FROM mlops.training_progress}), "|\n0", 'other advisory locks are no trainings');

# NOTICEs at the interval that was set
my ($out, $err);
$node->psql('postgres', "SET mlops.progress_interval = '50ms'; $train", stdout => \$out, stderr => \$err);
cmp_ok(scalar(() = $err =~ /NOTICE:  training "busy": [a-z -]+/g), '>=', 5, 'NOTICEs tell the progress');
like($err, qr/training "busy": reading rows, \d+ %/, 'with shares');
$node->psql('postgres', "SET mlops.progress_interval = 0; $train", stdout => \$out, stderr => \$err);
unlike($err, qr/training "busy":/, 'or not at all');

# cancels, at several moments of each phase
for my $phase ('reading rows', 'ordering rows', 'learning transforms', 'fitting', 'scoring held-out rows')
{
	my @costs;
	for my $attempt (0 .. 8)
	{
		$session->query('SELECT 1');
		begin_training($train);
		my $delay = 0.008 * $attempt;
		push @costs, $node->safe_psql('postgres', "SELECT * FROM cancel_in($pid, '$phase', $delay)");
		idle();
	}
	MlopsTest::served_in_time($phase, @costs);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.training_progress'), '0', 'and nothing shows any more');
}

# errors that are caught, savepoints, a backend that dies
$session->query('SELECT 1');
is($node->safe_psql('postgres', q{
	SET client_min_messages = error;
	BEGIN;
	SAVEPOINT s;
	DO $$ BEGIN PERFORM mlops.train('busy', 'SELECT *, 1 / (id - 1000) AS bad FROM rows', target => 'y', algorithm => 'linear'); EXCEPTION WHEN division_by_zero THEN NULL; END $$;
	SELECT count(*) FROM mlops.training_progress;
	ROLLBACK TO s;
	SELECT count(*) FROM mlops.train('small', 'SELECT * FROM rows WHERE id <= 1000', target => 'y', algorithm => 'linear', key => 'id');
	SELECT count(*) FROM mlops.training_progress;
	COMMIT;
}), "0\n1\n0", 'after an error that is caught, the next training has a slot of its own');
begin_training($train);
ok($node->safe_psql('postgres', "SELECT await_phase($pid, 'fitting')") eq 't', 'a training runs');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.training_progress'), '0', 'the slot of a dead backend is gone');

done_testing();

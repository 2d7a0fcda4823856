# MlopsTest: servers for the tests in test/t, on top of PostgreSQL::Test::Cluster (see its documentation for what a node
# can do: psql, safe_psql, background_psql, poll_query_until, backup, stop('immediate'), …).
package MlopsTest;

use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'usleep';

my $root = dirname(abs_path(__FILE__)) . '/../../..';

# node(NAME, %init): a started server; %init goes to its init (allows_streaming => 1, …)
sub node
{
	my ($name, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ], %init);
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\nmax_worker_processes = 8\nmax_parallel_workers = 4\n");
	$node->start;
	return $node;
}

# standby(PRIMARY, BACKUP, NAME): a started streaming standby made from a backup of PRIMARY
sub standby
{
	my ($primary, $backup, $name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($primary, $backup, has_streaming => 1);
	$node->start;
	return $node;
}

# load_data(NODE, DATABASE): the tables of test/data/load.sql
sub load_data
{
	my ($node, $database) = @_;
	my $here = Cwd::getcwd();
	chdir $root or die;
	$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', 'test/data/load.sql' ],
		'test data loaded');
	chdir $here or die;
	return;
}

# build_module(NODE, NAME): compiles NAME.c of this directory for the server; where the library is
sub build_module
{
	my ($node, $name) = @_;
	my $library = $node->basedir . "/$name.so";
	my $source = dirname(abs_path(__FILE__)) . "/$name.c";
	system("$ENV{MLOPS_CC} -O2 -fPIC -shared -o $library $source") == 0 or die "cannot compile $source";
	return $library;
}

# left_behind(NODE): number of shared segments and temporary files that the server keeps
sub left_behind
{
	my ($node) = @_;
	my @files = (glob($node->data_dir . '/pg_dynshmem/*'), glob($node->data_dir . '/base/pgsql_tmp/*'));
	return scalar @files;
}

# comes_to_rest(NODE, WHAT): tests that nothing is left but the control segment and one of the statistics system; how many that is
sub comes_to_rest
{
	my ($node, $what) = @_;
	for (1 .. 100)
	{
		last if left_behind($node) <= 2;
		usleep(50_000);
	}
	my $resting = left_behind($node);
	cmp_ok($resting, '<=', 2, $what);
	return $resting;
}

# settles(NODE, EXPECTED, WHAT): tests that EXPECTED files are left before long, and no parallel worker
sub settles
{
	my ($node, $expected, $what) = @_;
	my $state = '';
	for (1 .. 100)
	{
		my $workers = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'});
		$state = left_behind($node) . " files, $workers workers";
		last if $state eq "$expected files, 0 workers";
		usleep(50_000);
	}
	is($state, "$expected files, 0 workers", $what);
	return;
}

# create_cancel_in(NODE): SQL functions that wait for a phase of a training, and cancel it there; in one statement, without the
# latencies of clients. cancel_in tells how many milliseconds later the training had ended (wall), and how many of processor
# time that took: the session's own and the most that one of its workers used (processor). The second is what is ours to
# promise: others on the machine change it little. Without a phase it only waits. Both NULL: the phase was not seen, or all had ended.
sub create_cancel_in
{
	my ($node) = @_;
	$node->safe_psql('postgres', q{
		CREATE FUNCTION await_phase(who int, wanted text, least_done bigint DEFAULT 0) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			FOR i IN 1 .. 30000 LOOP
				IF EXISTS (SELECT FROM mlops.training_progress
					WHERE pid = who AND (phase = wanted OR phase IS NULL) AND (least_done = 0 OR done >= least_done)) THEN
					RETURN true;
				END IF;
				PERFORM pg_sleep(0.001);
			END LOOP;
			RETURN false;
		END $$;
		-- milliseconds that a process has had; NULL when it is gone, or where the kernel does not tell
		CREATE FUNCTION processor_ms(who int) RETURNS float8 LANGUAGE plpgsql AS $$
		BEGIN
			RETURN split_part(pg_read_file('/proc/' || who || '/schedstat', 0, 100, true), ' ', 1)::float8 / 1e6;
		EXCEPTION WHEN OTHERS THEN
			RETURN NULL;
		END $$;
		CREATE FUNCTION cancel_in(who int, wanted text, delay float8 DEFAULT 0, least_done bigint DEFAULT 0, OUT wall float8, OUT processor float8)
		LANGUAGE plpgsql AS $$
		DECLARE
			sent timestamptz;
			workers int[];
			before float8[];
			after float8[];
			own float8;
			used float8;
		BEGIN
			IF wanted IS NOT NULL AND NOT await_phase(who, wanted, least_done) THEN RETURN; END IF;
			PERFORM pg_sleep(delay);
			PERFORM pg_stat_clear_snapshot();
			IF coalesce((SELECT state <> 'active' FROM pg_stat_activity WHERE pid = who), true) THEN RETURN; END IF;
			workers := ARRAY(SELECT pid FROM pg_stat_activity WHERE leader_pid = who AND pid <> who);
			before := ARRAY(SELECT processor_ms(w) FROM unnest(workers) w);
			after := before;
			own := processor_ms(who);
			sent := clock_timestamp();
			PERFORM pg_cancel_backend(who);
			LOOP
				FOR i IN 1 .. cardinality(workers) LOOP
					used := processor_ms(workers[i]);
					after[i] := greatest(used, after[i]);
				END LOOP;
				PERFORM pg_stat_clear_snapshot();
				EXIT WHEN coalesce((SELECT state <> 'active' FROM pg_stat_activity WHERE pid = who), true);
				PERFORM pg_sleep(0.0005);
			END LOOP;
			wall := extract(epoch FROM clock_timestamp() - sent) * 1000;
			processor := coalesce(processor_ms(who) - own, wall) + coalesce((SELECT max(a - b) FROM unnest(after, before) u (a, b)), 0);
		END $$;
	});
	return;
}

# served_in_time(WHAT, COST…): tests that cancels, as cancel_in tells them ("wall|processor"), take no more than 100 ms of processor
# time: half of them, since now and then the machine itself is slow. The rest is a diagnostic.
sub served_in_time
{
	my ($what, @costs) = @_;
	my @pairs = map { [ split /\|/ ] } grep { /\d/ } @costs;
	my @processor = sort { $a <=> $b } map { $_->[1] } @pairs;
	note "$what: ", join(', ', map { sprintf '%.1f ms, processor %.1f ms', @$_ } @pairs);
	cmp_ok(scalar @pairs, '>=', 3, "cancelled: $what");
	cmp_ok($processor[$#processor / 2] // 1e9, '<=', 100, "within 100 ms: $what");
	return;
}

1;

# A server whose /dev/shm is too small, as in a container: trees are fitted by fewer processes, or by one, which is said, with the same bits.
# The server runs in a mount namespace of its own, where /dev/shm is a file system of some megabytes.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @inside = ('unshare', '--map-current-user', '--keep-caps', '--mount', 'sh', '-c');
plan skip_all => 'no mount namespaces here'
	if system(@inside, 'mount -t tmpfs -o size=1m tmpfs /dev/shm 2>/dev/null') != 0;

my $node = MlopsTest::node('small');
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = posix\nmax_parallel_workers_per_gather = 0\n");
$node->safe_psql('postgres', q{
	CREATE EXTENSION mlops;
	CREATE TABLE rows AS SELECT g AS id, hashint4(g) % 1000 AS a, hashint4(g + 1) % 1000 / 7.0 AS b, hashint4(g) % 1000 + hashint4(-g) % 500 AS y
		FROM generate_series(1, 400000) AS g;
	VACUUM FREEZE ANALYZE rows;
});

# The model's hash and what was said.
sub train
{
	my ($workers, $arguments) = @_;
	my ($out, $err);
	$arguments //= q{params => '{"n_estimators": 3}'};
	$node->psql('postgres', qq{
		SET mlops.train_workers = $workers;
		SET client_min_messages = debug1;
		SELECT count(*) FROM mlops.train('m', 'rows', target => 'y', key => 'id', $arguments);
		SELECT model_sha256 FROM mlops.versions WHERE model = 'm' ORDER BY version DESC LIMIT 1;
	}, stdout => \$out, stderr => \$err, on_error_stop => 1);
	return ((split /\n/, $out)[-1] // '', $err);
}

my ($parallel, $said) = train(2);
unlike($said, qr/not enough shared memory/, 'workers where there is room');

# slots for trees take the more memory the more processes there are
my $forest = q{algorithm => 'random_forest', params => '{"n_estimators": 8, "max_depth": 5}'};
(my $grown, $said) = train(3, $forest);
unlike($said, qr/not enough shared memory/, 'workers for a forest where there is room');

sub start_with
{
	my ($megabytes) = @_;
	$node->stop;
	is(system(@inside, "mount -t tmpfs -o size=${megabytes}m tmpfs /dev/shm && exec pg_ctl --wait --pgdata \"\$0\" --log \"\$1\" start >/dev/null",
			$node->data_dir, $node->logfile), 0, "the server starts with $megabytes MB of shared memory");
	$node->_update_pid(1);
	return;
}

start_with(72);
(my $fewer, $said) = train(3, $forest);
like($said, qr/NOTICE:  not enough shared memory for 3 parallel workers: fitting with ([12])\b/, 'fewer workers where not all have room');
my ($used) = $said =~ /fitting with ([12])/;
like($said, qr/work done by the leader and by $used workers: (\d+, ?)+/, 'which work');
unlike($said, qr/ERROR|one process/, 'and that is all');
is($fewer, $grown, 'the same bits');

start_with(8);
(my $alone, $said) = train(2);
like($said, qr/NOTICE:  not enough shared memory for parallel workers: fitting with one process/, 'one process where there is none');
unlike($said, qr/ERROR/, 'which is no error');
is($alone, $parallel, 'the same bits');
is((train(0))[0], $parallel, 'as without workers');
($alone, $said) = train(3, $forest);
is(scalar(() = $said =~ /NOTICE:  not enough shared memory/g), 1, 'said once for a forest, too');
is($alone, $grown, 'with the same bits');

done_testing();

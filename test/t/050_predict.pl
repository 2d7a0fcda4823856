# Predictions where there is more than one process: parallel workers, pgbench with prepared statements while versions are
# promoted, a hot standby, a logical subscriber.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main', allows_streaming => 'logical');
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
$node->safe_psql($_, 'CREATE EXTENSION mlops') for qw(postgres subscriber);
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE TABLE line_rows AS SELECT i AS id, (i % 11)::float8 AS x, (i % 13)::int AS z, (ARRAY['a', 'b', 'c'])[1 + i % 3] AS k FROM generate_series(1, 600) i;
	CREATE TABLE many AS SELECT i AS id, (i % 1009)::float8 / 7 AS x, i % 997 AS z, (ARRAY['a', 'b', 'c', 'd'])[1 + i % 4] AS k FROM generate_series(1, 300000) i;
	ANALYZE many;
});
# version v predicts v * 1000 for x = 0, z = 0, k = 'a'
my $train = q{SET client_min_messages = warning; SELECT version FROM mlops.train('line',
	'SELECT *, %d + x * 3 + z * 2 + CASE k WHEN ''b'' THEN 5 WHEN ''c'' THEN 7 ELSE 0 END AS y FROM line_rows', target => 'y', key => 'id', algorithm => 'linear')};
$node->safe_psql('postgres', sprintf($train, $_ * 1000)) for 1 .. 2;
$node->safe_psql('postgres', q{SELECT mlops.promote('line', 1)});

# Parallel workers score the same rows to the same bits, each with a share of them.
my $parallel = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;};
my $serial = q{SET max_parallel_workers_per_gather = 0;};
my $sum = q{SELECT sum(('x' || md5(mlops.predict('line', m)::text))::bit(60)::bigint::numeric), count(*) FROM many m};
is($node->safe_psql('postgres', "$parallel $sum"), $node->safe_psql('postgres', "$serial $sum"), 'parallel = serial');
my $plan = $node->safe_psql('postgres', "$parallel EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, BUFFERS OFF) SELECT sum(mlops.predict('line', m)) FROM many m");
like($plan, qr/Workers Launched: 2/, 'workers ran');
like($plan, qr/Worker 0: +actual rows=1(\.00)? .*Worker 1: +actual rows=1(\.00)? /s, 'each of them aggregated');
my @shares = $plan =~ /Parallel Seq Scan.*?\n(?:.*\n)*?.*Worker 0: +actual rows=(\d+).*\n.*Worker 1: +actual rows=(\d+)/;
ok(@shares == 2 && $shares[0] > 0 && $shares[1] > 0, 'each of them scored rows') or diag($plan);
is($node->safe_psql('postgres', qq{$parallel BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SELECT mlops.promote('line', 2);
		SELECT count(*) FROM many m WHERE round(mlops.predict('line', m) - x * 3 - z * 2 - CASE k WHEN 'b' THEN 5 WHEN 'c' THEN 7 ELSE 0 END) <> 2000 AND k <> 'd'; ROLLBACK;}) =~ s/.*\n//sr,
	'0', 'workers see what the transaction of their leader did');
is($node->safe_psql('postgres', qq{$parallel SELECT count(*) FROM many m WHERE round(mlops.predict(v.model, m)) <> round(mlops.predict('line', m))} =~ s/FROM many m/FROM many m, (SELECT mlops.model_value('line') AS model OFFSET 0) v/r),
	'0', 'by value too');

# One statement never mixes versions, whatever other sessions promote.
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/score.sql", q{SELECT 1 / CASE WHEN round(mlops.predict('line', '{"x": 0, "z": 0, "k": "a"}'::jsonb)) = 1000 * (SELECT version FROM mlops.deployments WHERE model = 'line' AND stage = 'Production') THEN 1 ELSE 0 END;} . "\n");
append_to_file("$dir/many.sql", q{SELECT 1 / CASE WHEN count(DISTINCT round(mlops.predict('line', 0::float8, 0, k))) = 1 THEN 1 ELSE 0 END FROM (SELECT 'a'::text AS k FROM generate_series(1, 500)) s;} . "\n");
append_to_file("$dir/promote.sql", q{SELECT mlops.promote('line', 1 + (random() < 0.5)::int);} . "\n");
for my $mode (qw(prepared extended simple))
{
	$node->command_ok([ 'pgbench', '-n', '-M', $mode, '-c', 4, '-T', 2, '--max-tries=1', '-f', "$dir/score.sql\@6", '-f', "$dir/many.sql\@2", '-f', "$dir/promote.sql\@1", $node->connstr('postgres') ],
		"promotions beside predictions, $mode");
}
my ($out, $err) = run_command([ 'pgbench', '-n', '-M', 'prepared', '-c', 4, '-t', 500, '-f', "$dir/score.sql\@6", '-f', "$dir/many.sql\@2", '-f', "$dir/promote.sql\@1", $node->connstr('postgres') ]);
like($out, qr{number of transactions actually processed: 2000/2000}, 'none of the sessions stopped at a mixture') or diag($err);
like($out, qr{number of failed transactions: 0 }, '... and none failed');

# A standby serves the same predictions and follows promotions in sessions that stay open.
$node->safe_psql('postgres', q{SELECT mlops.promote('line', 1)});
$node->backup('base');
my $standby = MlopsTest::standby($node, 'base', 'standby');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "$parallel $sum"), $node->safe_psql('postgres', "$serial $sum"), 'standby = primary');
my $session = $standby->background_psql('postgres', on_error_stop => 1);
my $ask = q{SELECT round(mlops.predict('line', 0::float8, 0, 'a'))};
is($session->query_safe($ask), '1000', 'an open session on the standby');
$node->safe_psql('postgres', q{SELECT mlops.promote('line', 2)});
$node->wait_for_catchup($standby, 'replay');
is($session->query_safe($ask), '2000', '... follows a promotion');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($session->query_safe($ask), '2000', '... a snapshot on the standby');
$node->safe_psql('postgres', q{SELECT mlops.rollback('line')});
$node->wait_for_catchup($standby, 'replay');
is($session->query_safe($ask), '2000', '... is kept');
$session->query_safe('COMMIT');
is($session->query_safe($ask), '1000', '... and given up');
is($session->query_safe(q{SELECT length(mlops.model_value('line/1')::text) > 0 AND (SELECT count(*) FROM mlops.coefficients('line')) = 5}), 't', 'a model can be inspected there');
$session->quit;
$standby->stop;

# A model's names and levels are Unicode; in a database of another encoding they are that database's characters.
$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin', 'CREATE EXTENSION mlops');
my $letters = q{SELECT i AS id, (ARRAY['caf\u00e9', 'gr\u00fcn', 'plain'])[1 + i % 3] AS "gr\u00f6\u00dfe", (i % 7)::float8 AS x, i % 7 + CASE i % 3 WHEN 0 THEN 100 WHEN 1 THEN 200 ELSE 300 END AS y FROM generate_series(1, 300) i};
$letters =~ s/\\u([0-9a-f]{4})/my $c = chr(hex($1)); utf8::encode($c); $c/ge;
$node->safe_psql('postgres', qq{SET client_min_messages = warning; CREATE TABLE letters AS $letters; SELECT mlops.train('letters', 'letters', target => 'y', key => 'id', algorithm => 'linear', task => 'regression')});
my $value = $node->safe_psql('postgres', q{SELECT mlops.model_value('letters/1')});
my $scores = q{SELECT round(mlops.predict('%s'::mlops.model, r)::numeric, 6) FROM (%s) r WHERE id <= 6 ORDER BY id};
my $utf8 = $node->safe_psql('postgres', sprintf($scores, $value, $letters));
like($utf8, qr/^201\.000000\n302\.000000\n103\.000000\n/, 'letters beyond ASCII');
is($node->safe_psql('latin', "SET client_encoding = 'UTF8'; " . sprintf($scores, $value, $letters)), $utf8, '... in a LATIN1 database');

# A logical subscriber: rows arrive without any message to its sessions.
my @tables = map { "mlops.$_" } qw(registered_models model_versions model_blobs aliases stage_history model_grants);
$node->safe_psql('postgres', 'CREATE PUBLICATION models FOR TABLE ' . join(', ', @tables));
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('models', 'pgoutput')});
my $connection = 'host=' . $node->host . ' port=' . $node->port . ' dbname=postgres';
$node->safe_psql('subscriber', qq{CREATE SUBSCRIPTION models CONNECTION '$connection' PUBLICATION models WITH (create_slot = false, slot_name = 'models')});
$node->wait_for_subscription_sync(undef, 'models', 'subscriber');
$session = $node->background_psql('subscriber', on_error_stop => 1);
is($session->query_safe($ask), '1000', 'an open session on a logical subscriber');
$node->safe_psql('postgres', q{SELECT mlops.promote('line', 2)});
$node->wait_for_catchup('models');
is($session->query_safe($ask), '2000', '... follows a promotion');
$node->safe_psql('postgres', sprintf($train, 3000));
$node->safe_psql('postgres', q{SELECT mlops.promote('line', 3)});
$node->wait_for_catchup('models');
is($session->query_safe($ask), '3000', '... and gets new versions');
$session->quit;
$node->safe_psql('subscriber', 'DROP SUBSCRIPTION models');

done_testing();

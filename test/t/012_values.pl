# Values of mlops.model and mlops.state in users' own tables: dumped and restored, replicated, read after a crash, bit for bit.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main', allows_streaming => 1);
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', <<'SQL');
CREATE EXTENSION mlops;
CREATE TABLE rows AS SELECT i AS id, (i % 17)::float8 AS x, (i * 7 % 23)::float8 AS z, (i % 17) * 2.0::float8 + i % 5 AS y FROM generate_series(1, 500) i;
CREATE TABLE kept (day int PRIMARY KEY, s mlops.state, m mlops.model);
INSERT INTO kept SELECT id % 10, mlops.linear_state(y, ARRAY[x, z]), mlops.linear_fit(y, ARRAY[x, z]) FROM rows GROUP BY 1;
INSERT INTO kept VALUES (11, NULL, NULL);
CREATE MATERIALIZED VIEW merged AS SELECT mlops.solve(mlops.merge(s)) AS m FROM kept;
SQL

# a column that a model computes, whose definition holds the model
my $literal = $node->safe_psql('source', 'SELECT m FROM merged');
$node->safe_psql('source', <<"SQL");
CREATE TABLE scored (id int, x1 float8, x2 float8, score float8 GENERATED ALWAYS AS (mlops.predict('$literal'::mlops.model, x1, x2)) STORED);
INSERT INTO scored SELECT id, x, z FROM rows;
CREATE INDEX ON scored (mlops.predict('$literal'::mlops.model, x1, x2));
SQL

sub contents
{
	my ($from, $database) = @_;
	return $from->safe_psql($database, <<'SQL');
SELECT day, md5(s::bytea), md5(m::bytea), md5(mlops.solve(s)::bytea) FROM kept ORDER BY day;
SELECT md5(m::bytea) FROM merged;
SELECT md5(string_agg(encode(float8send(score), 'hex'), ',' ORDER BY id)) FROM scored;
SELECT md5(string_agg(encode(float8send(mlops.predict((SELECT m FROM merged), x1, x2)), 'hex'), ',' ORDER BY id)) FROM scored;
SQL
}

my $before = contents($node, 'source');
my @lines = split /\n/, $before;
is(scalar @lines, 14, 'there is something to compare');
is($lines[12], $lines[13], 'the generated column is what the model predicts');

for my $format (qw(plain custom))
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/values.$format";
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok([ 'pg_dump', "--format=$format", '-f', $file, $node->connstr('source') ], "pg_dump, $format");
	$node->command_ok(
		$format eq 'plain'
		? [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($format), '-f', $file ]
		: [ 'pg_restore', '--exit-on-error', '-d', $node->connstr($format), $file ],
		"restored, $format");
	is(contents($node, $format), $before, "the same values and predictions, $format");
}

$node->backup('base');
my $standby = MlopsTest::standby($node, 'base', 'standby');
$node->safe_psql('source', 'INSERT INTO kept SELECT day + 20, s, m FROM kept WHERE day < 5');
$before = contents($node, 'source');
$node->wait_for_catchup($standby);
is(contents($standby, 'source'), $before, 'the same on a standby');

$node->stop('immediate');
$node->start;
is(contents($node, 'source'), $before, 'the same after a crash');

done_testing();

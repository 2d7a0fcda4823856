# Versions between databases: COPY out and in without superuser rights; only Production by logical replication, in two ways.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main', allows_streaming => 'logical');
$node->safe_psql('postgres', 'CREATE ROLE trainer LOGIN; CREATE ROLE importer LOGIN; CREATE ROLE scorer LOGIN');
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(factory shop branch);
$node->safe_psql($_, 'CREATE EXTENSION mlops') for qw(factory shop branch);
$node->safe_psql('factory', <<'SQL');
CREATE SCHEMA work AUTHORIZATION trainer;
SET ROLE trainer;
CREATE TABLE work.rows AS SELECT i AS id, i % 7 AS x, (i % 7) * 2.0::float8 + i % 3 AS y FROM generate_series(1, 300) i;
SELECT mlops.train('line', 'SELECT id, x, y * ' || s || ' AS y FROM work.rows', target => 'y', key => 'id', algorithm => 'linear', params => '{"reg_lambda": 0}') FROM generate_series(1, 3) s;
SQL
my $ask = "SELECT round(mlops.predict('%s', 4::int)::numeric, 6)";
my %score = map { $_ => $node->safe_psql('factory', sprintf($ask, "line/$_")) } 1 .. 3;
isnt($score{1}, $score{2}, 'versions differ');

# a change of Production names the scores that are stored
$node->safe_psql('factory', q{SELECT mlops.promote('line/1'); CREATE MATERIALIZED VIEW work.stored AS SELECT id, mlops.predict('line', x) FROM work.rows;
	SELECT mlops.set_tag('line', 'score_tables', 'crm.scores')});
for my $change (q{mlops.promote('line/2')}, q{mlops.rollback('line')})
{
	my ($status, $out, $err) = $node->psql('factory', "SELECT $change");
	like($err, qr/NOTICE: +scores stored from model "line" are now those of another version: crm\.scores, work\.stored\n/, "stale scores are named: $change");
}
$node->safe_psql('factory', 'DROP MATERIALIZED VIEW work.stored');

# COPY, as roles that are nobody
my $file = $node->basedir . '/line.copy';
my ($trainer, $importer) = map { $node->connstr($_->[0]) . " user=$_->[1]" } [ 'factory', 'trainer' ], [ 'shop', 'importer' ];
my $position = -s $node->logfile;
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $trainer, '-c', "\\copy (SELECT * FROM mlops.export_chunks('line/2')) TO '$file' (FORMAT binary)" ], 'exported to a file');
like(slurp_file($node->logfile, $position), qr/LOG: +role "trainer" exported version 2 of model "line"/, '... which the server\'s log tells');
is($node->safe_psql('factory', q{SET ROLE trainer; SELECT role, version FROM mlops.audit WHERE action = 'export'}), 'trainer|2', '... and the audit log');
is($node->psql('factory', q{BEGIN READ ONLY; SELECT count(*) FROM mlops.export_chunks('line/2')}, stdout => \my $count), 0, 'a read-only transaction exports too');
is($count, 2, '... all of it');
$node->safe_psql('shop', 'CREATE SCHEMA inbox AUTHORIZATION importer');
$node->command_ok(
	[
		'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $importer, '-c', 'CREATE TABLE inbox.chunks (model text, version int, chunk_no int, data bytea)',
		'-c', "\\copy inbox.chunks FROM '$file' (FORMAT binary)", '-c', q{SELECT mlops.import_chunks('inbox.chunks', 'parcel')}
	],
	'imported elsewhere');
is($node->safe_psql('shop', sprintf($ask, 'parcel/2')), $score{2}, 'the same scores there');
is($node->safe_psql('shop', 'SELECT model, owner, latest_version FROM mlops.models'), 'parcel|importer|2', 'it belongs to who imported it');

# The registry's own tables into an empty registry, filtered by stage, as GOVERNANCE.md says: predict(name, …) works at the subscriber and follows
# promotions; nothing but what is in Production arrives, bytes included.
my ($publisher, $subscriber) = slurp_file(dirname(abs_path(__FILE__)) . '/../../docs/GOVERNANCE.md') =~
  /^```(?:sql)?\n(CREATE SCHEMA shipping;.*?)^```.*?^```(?:sql)?\n(CREATE SCHEMA shipping;.*?)^```/ms;
ok($publisher && $subscriber, 'the page has both parts of the recipe');
$node->safe_psql('factory', q{SELECT mlops.grant_access('line', 'scorer', 'predict');
	SELECT mlops.train('draft', 'SELECT id, x, y * 9 AS y FROM work.rows', target => 'y', key => 'id', algorithm => 'linear')});
$node->safe_psql('factory', $publisher . q{SELECT pg_create_logical_replication_slot('production', 'pgoutput');});
my $connection = 'host=' . $node->host . ' port=' . $node->port . ' dbname=factory';
$subscriber =~ s/CONNECTION '…' PUBLICATION production/CONNECTION '$connection' PUBLICATION production WITH (create_slot = false, slot_name = 'production')/ or die;
$node->safe_psql('branch', $subscriber);
$node->wait_for_subscription_sync(undef, 'production', 'branch');
my $bytes = q{SELECT string_agg(DISTINCT encode(sha256, 'hex'), ',') FROM %s.model_blobs};
my %sha = map { split /\|/ } split /\n/, $node->safe_psql('factory', q{SELECT version, model_sha256 FROM mlops.versions WHERE model = 'line'});
sub arrived
{
	my ($version, $what) = @_;
	is($node->safe_psql('branch', 'SET ROLE scorer; ' . sprintf($ask, 'line')), $score{$version}, "$what: the subscriber predicts, with the privileges of the publisher");
	is($node->safe_psql('branch', q{SELECT model, version, stage FROM mlops.versions}), "line|$version|Production", '... and has no other version');
	is($node->safe_psql('branch', sprintf($bytes, 'mlops')), $sha{$version}, '... and no other bytes');
	is($node->safe_psql('factory', sprintf($bytes, 'shipping')), $sha{$version}, '... which were never sent');
	return;
}
arrived(1, 'at first');
is($node->safe_psql('branch', 'SELECT name FROM mlops.registered_models'), 'line', 'a model that never was in Production is not named');
$node->safe_psql('factory', q{SELECT mlops.promote('line/3')});
$node->wait_for_catchup('production');
arrived(3, 'after a promotion');
$node->safe_psql('factory', q{SELECT mlops.rollback('line')});
$node->wait_for_catchup('production');
arrived(1, 'after a rollback');
$node->safe_psql('factory', q{SELECT mlops.train('line', 'SELECT id, x, y * 5 AS y FROM work.rows', target => 'y', key => 'id', algorithm => 'linear', params => '{"reg_lambda": 0}')});
$node->wait_for_catchup('production');
arrived(1, 'after a training');
$node->safe_psql('factory', q{SELECT mlops.rename_model('line', 'route')});
$node->wait_for_catchup('production');
is($node->safe_psql('branch', sprintf($ask, 'route')), $score{1}, 'a rename');
$node->safe_psql('factory', q{SELECT mlops.rename_model('route', 'line'); SELECT mlops.archive('line/1')});
$node->wait_for_catchup('production');
my ($status, $out, $err) = $node->psql('branch', sprintf($ask, 'line'));
like($err, qr/model "line" does not exist/, 'and a withdrawal, of the model with its last version');
is($node->safe_psql('branch', 'SELECT count(*) FROM mlops.model_blobs'), 0, '... which leaves no bytes');
$node->safe_psql('factory', q{SELECT mlops.promote('draft/1')});
$node->wait_for_catchup('production');
is($node->safe_psql('branch', 'SELECT model, version FROM mlops.versions'), 'draft|1', 'a model arrives when it enters Production');
is($node->safe_psql('branch', sprintf($ask, 'draft')), $node->safe_psql('factory', sprintf($ask, 'draft')), '... and predicts');
$node->safe_psql('branch', 'DROP SUBSCRIPTION production');
$node->safe_psql('factory', q{DROP TRIGGER serve ON mlops.model_versions; DROP PUBLICATION production});

# A table of values: nothing but what is in Production leaves the database.
my $table = 'CREATE SCHEMA serving; CREATE TABLE serving.models (model text PRIMARY KEY, version int NOT NULL, value mlops.model NOT NULL)';
$node->safe_psql($_, $table) for qw(factory shop);
$node->safe_psql('factory', q{CREATE PUBLICATION serving FOR TABLE serving.models; SELECT pg_create_logical_replication_slot('serving', 'pgoutput')});
$node->safe_psql('shop', qq{CREATE SUBSCRIPTION serving CONNECTION '$connection' PUBLICATION serving WITH (create_slot = false, slot_name = 'serving')});
$node->wait_for_subscription_sync(undef, 'serving', 'shop');
my $ship = q{BEGIN; SELECT mlops.promote('line', %d);
	INSERT INTO serving.models SELECT model, production_version, mlops.model_value(model) FROM mlops.models WHERE model = 'line'
	ON CONFLICT (model) DO UPDATE SET version = EXCLUDED.version, value = EXCLUDED.value; COMMIT};
my $by_value = q{SELECT m.version, round(mlops.predict(m.value, 4::int)::numeric, 6) FROM serving.models m WHERE m.model = 'line'};
for my $version (2, 3)
{
	$node->safe_psql('factory', sprintf($ship, $version));
	$node->wait_for_catchup('serving');
	is($node->safe_psql('shop', $by_value), "$version|$score{$version}", "version $version by value");
}
$node->safe_psql('shop', 'DROP SUBSCRIPTION serving');

done_testing();

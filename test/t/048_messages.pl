# What a training says: as often as it helps, and nothing that a later line takes back.
use strict;
use warnings;
use MlopsTest;
use Test::More;

my $node = MlopsTest::node('main');
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');

# the messages of a statement
sub messages
{
	my ($sql) = @_;
	my ($out, $err);
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 1);
	return $err;
}

sub times_in
{
	my ($text, $what) = @_;
	my @found = $text =~ /$what/g;
	return scalar @found;
}

# a constant term in every group of an aggregate
for my $statement (
	'SELECT count(mlops.linear_fit(i, ARRAY[i % 7, 1]::float8[])) OVER () FROM generate_series(1, 2000) i GROUP BY i % 50',
	'SELECT mlops.solve(s) FROM (SELECT mlops.linear_state(i, ARRAY[i % 7, 1]::float8[]) AS s FROM generate_series(1, 2000) i GROUP BY i % 50) AS q')
{
	my $said = messages($statement);
	is(times_in($said, 'term "x2" is constant'), 3, 'the first three of fifty groups tell');
	is(times_in($said, 'further messages about the fits of this query are not shown'), 1, '... and one line tells of the others');
}
my $two = messages('SELECT mlops.linear_fit(i, ARRAY[i % 7, 1]::float8[]) FROM generate_series(1, 100) i GROUP BY i % 2');
is(times_in($two, 'term "x2" is constant'), 2, 'two groups tell');
is(times_in($two, 'further'), 0, '... all there is');

# a target that does not vary
my $constant = messages(q{SELECT mlops.train('c', 'SELECT i AS id, i % 7 AS x, 5.5 AS y FROM generate_series(1, 100) i', 'y', 'linear', key => 'id')});
is(times_in($constant, 'target "y" is 5.5 in all training rows'), 1, 'a constant target is told');
is(times_in(messages(q{SELECT mlops.train('c', 'SELECT i AS id, i % 7 AS x, i % 2 + 0.5 AS y FROM generate_series(1, 100) i', 'y', 'linear', key => 'id')}),
		'in all training rows'), 0, '... and no other');

# three classes, of which only two are in training rows
my $few = messages(q{SELECT mlops.train('k', 'SELECT i AS id, i AS x, CASE i % 3 WHEN 0 THEN ''a'' WHEN 1 THEN ''b'' ELSE ''c'' END AS y
	FROM generate_series(1, 6) i', 'y', 'naive_bayes', key => 'id', seed => 42)});
like($few, qr/1 of 3 classes of target "y" would be in held-out rows only.*binary classification/s, 'the task follows from the classes that train');
unlike($few, qr/classification with 3 classes/, '... and is told once');
like(messages(q{SELECT mlops.train('k', 'SELECT i AS id, i AS x, i % 3 || ''rd'' AS y FROM generate_series(1, 300) i', 'y', 'naive_bayes', key => 'id')}),
	qr/classification with 3 classes/, 'three classes that train');

# a model that answers another question than the one it replaces
messages(q{SELECT mlops.train('q', 'SELECT i AS id, i % 7 AS x, i % 5 + 0.5 AS y, i % 3 = 0 AS b FROM generate_series(1, 300) i', t, a, key => 'id', exclude => CASE t WHEN 'y' THEN '{b}'::text[] ELSE '{y}' END)
	FROM (VALUES ('y', 'linear'), ('y', 'glm'), ('b', 'logistic')) AS v (t, a)});
is(messages(q{SELECT mlops.promote('q/1'); SELECT mlops.promote('q/2')}), '', 'the same question');
like(messages(q{SELECT mlops.promote('q/3')}),
	qr/NOTICE:  version 3 of model "q" answers another question than version 2.*Version 3 predicts column "b" \(binary\), version 2 predicts column "y" \(regression\)\./s,
	'another one is told');

# what is going on
$node->safe_psql('postgres', q{CREATE TABLE busy AS SELECT i AS id, i * 7919 % 1000 AS x, i % 7 + sin(i) AS y, i % 3 = 0 AS b FROM generate_series(1, 40000) i});
my $progress = q{SET mlops.progress_interval = '1ms'; };
my $folds = messages($progress . q{SELECT count(*) FROM mlops.cross_validate('busy', 'y', 'gbm', '{"n_estimators": 5}', key => 'id', exclude => '{b}', folds => 3)});
like($folds, qr/"cross-validation": fitting \(fold $_ of 3\), \d+ %, iteration/, "fold $_") for 1 .. 3;
unlike($folds, qr/preparing trees[^\n]*iteration/, 'iterations are those of the phase');
my $search = messages($progress . q{SELECT count(*) FROM mlops.tune('t', 'busy', 'y', 'gbm', '{"num_leaves": [3, 7]}', params => '{"n_estimators": 3}', strategy => 'grid',
	key => 'id', exclude => '{b}', folds => 2)});
like($search, qr/"t \(trial $_ of 2\)": fitting \(fold 2 of 2\)/, "trial $_") for 1 .. 2;
my $calibrated = messages($progress . q{SELECT count(*) FROM mlops.train('c', 'busy', 'b', 'gbm', '{"n_estimators": 3}', key => 'id', exclude => '{y}', calibrate => 'platt')});
like($calibrated, qr/fitting \(out of fold 5 of 5\).*fitting, /s, 'calibration, then the fit');

# columns that were renamed
$node->safe_psql('postgres', q{CREATE TABLE shop AS SELECT i AS id, i % 7 AS months, i % 5 AS "Price", 'c' || i % 3 AS town, i + 0.5 AS y FROM generate_series(1, 100) i;
	SELECT mlops.train('shop', 'SELECT * FROM shop', 'y', 'linear', key => 'id')});
sub renamed
{
	my ($columns) = @_;
	return join ', ', messages("SELECT count(*) FROM mlops.check_source('shop/1', '$columns')") =~ /NOTICE: +(.*)/g;
}
is(renamed('SELECT id, months, "Price", town, y FROM shop'), '', 'nothing is missing');
is(renamed('SELECT id, months AS months_2, "Price", town, y, 1 AS other FROM shop'), 'column "months_2" may be feature "months" under another name', 'the nearest name');
is(renamed('SELECT id, months, "Price" AS cost, town, y, true AS news FROM shop'), 'column "cost" may be feature "Price" under another name', 'the only column that fits');
is(renamed('SELECT id, months, "Price" AS cost, town, y, 1 AS other FROM shop'), '', 'one of several is no more likely than the others');
is(renamed('SELECT id, "Price" AS "price_", months AS "Months", town, y FROM shop'),
	'column "Months" may be feature "months" under another name, column "price_" may be feature "Price" under another name', 'several');
is(renamed('SELECT id, months, "Price", town AS y, 1 AS towns FROM shop'), '', 'neither what has another role nor what has another type');
like(messages(q{SELECT count(*) FROM mlops.check_source('shop/1', 'SELECT id, months, "Price" AS cost, town FROM shop')}), qr/SELECT cost AS "Price", /, 'with what to write');

done_testing();

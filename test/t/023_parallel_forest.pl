# Forests with parallel workers: the same bits for any number of them and any physical order of rows, and workers that
# really work.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main');
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');

# ties, exact duplicates, holes, infinities, few and many categories, weights over nine orders of magnitude
$node->safe_psql('postgres', q{
	SELECT setseed(0.5);
	CREATE TABLE rows AS
	SELECT g / 2 AS id, (g / 2) % 7 AS small, (g / 2) % 1000 AS tied, (ARRAY['red', 'green', 'blue', 'violet'])[1 + (g / 2) % 4] AS color,
		'c' || hashint4(g / 2) % 600 AS place, nullif((hashint4(g / 2) % 100)::float8, 0) AS holes,
		CASE (g / 2) % 50 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN 'nan' ELSE sin(g / 2) END::float8 AS wild
	FROM generate_series(0, 219999) g;
	ALTER TABLE rows ADD y float8, ADD w float8, ADD b boolean;
	UPDATE rows SET y = small + 2 * coalesce(holes, 3) + (color = 'red')::int * tied / 10.0 + random(), w = exp(random() * 20 - 10);
	UPDATE rows SET b = y + 60 * random() > 100;
	CREATE TABLE shuffled AS SELECT * FROM rows ORDER BY random();
	VACUUM FREEZE ANALYZE rows;
	VACUUM FREEZE ANALYZE shuffled;
});

# The model's hash, and units of work done by each process (none: no workers).
sub train
{
	my ($workers, $source, $arguments) = @_;
	my ($out, $err);
	$node->psql('postgres', qq{
		SET client_min_messages = debug1;
		SET mlops.train_workers = $workers;
		SELECT count(*) FROM mlops.train('m', '$source', key => 'id', $arguments);
		SELECT model_sha256 FROM mlops.versions WHERE model = 'm' ORDER BY version DESC LIMIT 1;
	}, stdout => \$out, stderr => \$err, on_error_die => 1, on_error_stop => 1);
	my @units;
	@units = split /, /, $1 if $err =~ /work done by the leader and by \d+ workers: ([\d, ]+)/;
	return ((split /\n/, $out)[-1], \@units);
}

my $features = q{features => '{small,tied,color,place,holes,wild}'};
my $forest = qq{algorithm => 'random_forest', $features};
my $isolation = qq{algorithm => 'isolation_forest', task => 'anomaly', $features};
my @cases = (
	[qq{$forest, target => 'y', params => '{"n_estimators": 15, "min_samples_leaf": 20}'}, 'regression'],
	[qq{$forest, target => 'b', weight => 'w', params => '{"n_estimators": 15, "max_depth": 9, "criterion": "entropy"}'}, 'two classes by entropy, weights'],
	[qq{algorithm => 'random_forest', features => '{small,tied,place,holes}', target => 'color', params => '{"n_estimators": 12, "max_depth": 6}'}, 'four classes'],
	[qq{$isolation, params => '{"n_estimators": 60, "contamination": 0.02}'}, 'isolation'],
	[qq{$isolation, weight => 'w', params => '{"n_estimators": 24, "max_samples": 30000}'}, 'isolation, weights, large samples in several batches'],
);
for my $case (@cases)
{
	my ($arguments, $what) = @$case;
	my ($alone, $none) = train(0, 'rows', $arguments);
	is(scalar @$none, 0, "no workers when there may be none: $what");
	for my $workers (1, 3)
	{
		my ($hash, $units) = train($workers, 'shuffled', $arguments);
		is($hash, $alone, "the same bits with $workers workers: $what");
		is(scalar @$units, $workers + 1, 'as many processes as were asked for');
		is(scalar(grep { $_ == 0 } @$units), 0, "every process has worked: @$units");
	}
}

done_testing();

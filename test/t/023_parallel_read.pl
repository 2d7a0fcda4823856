# A source read by parallel workers: they really read, and nothing tells from the result who read what: any number of
# workers, any order of rows, rows that came through files because the planner expected fewer.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = MlopsTest::node('main');
# segments become files of this server, so that they can be counted; small tables are scanned in parallel
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\nmin_parallel_table_scan_size = 0\nparallel_setup_cost = 0\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION mlops');

# every kind of column, with NULLs, NaN, ties and exact duplicates; texts that only some processes will meet
$node->safe_psql('postgres', q{
	SELECT setseed(0.5);
	CREATE TYPE mood AS ENUM ('sad', 'fine', 'glad');
	CREATE DOMAIN share AS real;
	CREATE TABLE rows AS
	SELECT g / 3 AS id, (g % 7)::smallint AS small, hashint8(g / 3) AS wide,
		CASE WHEN g % 11 = 0 THEN NULL ELSE (ARRAY['red', 'green', 'blue', 'violet'])[1 + (g / 3) % 4] END AS color,
		'town ' || ((g / 3) * 7919 % 5003) AS town, (ARRAY['sad', 'fine', 'glad'])[1 + (g / 3) % 3]::mood AS mood,
		CASE WHEN g % 13 = 0 THEN float8 'NaN' WHEN g % 17 = 0 THEN NULL ELSE hashint4(g / 3) % 100 END AS holes,
		(hashint4(g / 3) % 1000)::real::share AS h, ((g / 3) % 977 / 7.0)::numeric(12, 4) AS price,
		date '2020-01-01' + (g / 3) % 800 AS day, timestamptz '2021-03-01 12:00+01' + (g / 3) * interval '1 minute' AS at,
		timestamp '2021-03-01' + (g % 1000) * interval '1 hour' AS seen, (g / 3) % 5 = 0 AS flag, (g % 90) * interval '1 day' AS age,
		random() AS w, md5((g / 30)::text)::uuid AS person, md5(g::text) AS token, json_build_object('g', g) AS extra
	FROM generate_series(0, 239999) g;
	ALTER TABLE rows ADD y float8;
	UPDATE rows SET y = CASE WHEN id % 1000 = 1 THEN NULL WHEN id % 1000 = 2 THEN 'Infinity'
		ELSE small + 2 * coalesce(nullif(holes, 'NaN'), 3) + price::float8 END;
	CREATE TABLE shuffled AS SELECT * FROM rows ORDER BY random();
	CREATE TABLE parts (LIKE rows) PARTITION BY HASH (small);
	CREATE TABLE part0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE part1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO parts SELECT * FROM shuffled;
	CREATE TABLE towns AS SELECT DISTINCT town, length(town) AS size, town > 'town 3' AS north FROM rows;
	CREATE VIEW joined AS SELECT r.*, size, north FROM shuffled r JOIN towns USING (town);
	ANALYZE rows; ANALYZE shuffled; ANALYZE parts; ANALYZE towns;
});

# model, rows each process has read (leader first), rows through files, what was recorded of the data, NOTICEs
sub train
{
	my ($workers, $source, $arguments, $settings) = @_;
	my ($out, $err);
	$source =~ s/'/''/g;
	$settings //= '';
	$node->psql('postgres', qq{
		SET client_min_messages = debug1;
		SET max_parallel_workers_per_gather = $workers;
		$settings
		SELECT count(*) FROM mlops.train('m', '$source', $arguments);
		SELECT concat_ws(' ', encode(model_sha256, 'hex'), rows_train, rows_test, rows_skipped, d.digest, md5(concat(dataset_schema, dataset_profile)))
			FROM mlops.model_versions v JOIN mlops.inputs ON run_uuid = run_id JOIN mlops.datasets d USING (dataset_uuid)
			ORDER BY v.creation_time DESC LIMIT 1;
	}, stdout => \$out, stderr => \$err, on_error_die => 1, on_error_stop => 1);
	my ($rows, $files) = $err =~ /rows read by the leader and by workers: ([\d, ]+); through files: (\d+)/;
	my @rows = split /, /, $rows // '';
	my $notices = join "\n", sort grep { /NOTICE|HINT/ } split /\n/, $err;
	return { hash => (split /\n/, $out)[-1], rows => \@rows, files => $files, notices => $notices };
}

sub sum
{
	my $sum = 0;
	$sum += $_ for @_;
	return $sum;
}

my $numbers = q{target => 'y', key => 'id', algorithm => 'linear', features => '{small,wide,holes,h,price,day,at,seen,flag,age}'};
my @cases = (
	[ 'everything', 'shuffled', q{target => 'y', algorithm => 'gbm', params => '{"n_estimators": 5}', key => 'id'} ],
	[ 'numbers as categories', 'shuffled', q{target => 'y', algorithm => 'linear', features => '{small,wide,holes,h,price,flag,day}',
		transform => '{"small": "categorical", "wide": {"kind": "categorical", "encode": "target", "min_count": 1}, "holes": "categorical", "h": {"kind": "categorical", "max_levels": 20},
			"price": "categorical", "flag": "categorical"}'} ],
	[ 'rows as their own keys', 'shuffled', q{target => 'y', algorithm => 'linear', exclude => '{token,town,person}'} ],
	[ 'numbers, weighted', 'shuffled', qq{$numbers, weight => 'w'} ],
	[ 'a sample', 'shuffled', qq{$numbers, split => '{"sample": 0.3, "test": 0.2}'} ],
	[ 'a time', 'shuffled', qq{$numbers, split => '{"method": "time", "column": "at", "test": 0.25}'} =~ s/,at,/,/r ],
	[ 'a group', 'shuffled', qq{$numbers, split => '{"method": "group", "column": "person", "test": 0.25}'} ],
	[ 'a flag', 'shuffled', qq{$numbers, split => '{"method": "column", "column": "flag"}'} =~ s/,flag,/,/r ],
	[ 'classes', 'shuffled', q{target => 'color', algorithm => 'naive_bayes', features => '{mood,town,holes,h}', key => 'id,small'} ],
	[ 'an enum', 'shuffled', q{target => 'mood', algorithm => 'naive_bayes', features => '{color,holes,price}', key => 'id'} ],
	[ 'partitions', 'parts', $numbers, 'SET enable_partitionwise_aggregate = on;' ],
	[ 'a join', 'joined', q{target => 'north', algorithm => 'logistic', features => '{small,holes,color,size}', key => 'id'} ],
	[ 'a subset', q{SELECT * FROM shuffled WHERE day < '2021-06-01' AND color <> 'red'}, $numbers ],
);
for my $case (@cases)
{
	my ($what, $source, $arguments, $settings) = @$case;
	my $alone = train(0, $source, $arguments, $settings);
	is(scalar @{ $alone->{rows} }, 0, "$what: read by one process when there may be no workers");
	for my $workers (1, 2, 4)
	{
		my $from = $source;
		$from =~ s/shuffled/rows/ if $workers == 2;
		my $shared = train($workers, $from, $arguments, $settings);
		is($shared->{hash}, $alone->{hash}, "$what: the same model, counts and profile with $workers workers");
		is(scalar @{ $shared->{rows} }, $workers + 1, "$what: $workers workers and the leader");
		is(sum(@{ $shared->{rows} }), $node->safe_psql('postgres', "SELECT count(*) FROM ($from) s" =~ s/\((\w+)\)/$1/r), "$what: each row once");
		is($shared->{notices}, $alone->{notices}, "$what: the same notices, each once");
	}
}

# a worker may come too late; each must have had rows at least once
my @shares = (0) x 3;
for (1 .. 10)
{
	my $shared = train(2, 'shuffled', $numbers);
	$shares[$_] += $shared->{rows}[$_] // 0 for 0 .. 2;
	last if !grep { $_ == 0 } @shares;
}
ok($_ > 0, 'every process has read rows') for @shares;

# The planner expects 1/9 of the rows that come: the others go through files.
my $underestimated = q{SELECT * FROM shuffled WHERE hashint4(id) + 0 > -2147483648.5 AND hashint4(small) + 0 < 2147483647.5};
for my $case (@cases[0, 2, 5, 8, 1])
{
	my ($what, undef, $arguments) = @$case;
	my $alone = train(0, $underestimated, $arguments);
	my $shared = train(2, $underestimated, $arguments, 'SET mlops.train_workers = 2;');
	cmp_ok($shared->{files}, '>', 100000, "$what: rows come through files");
	is($shared->{hash}, $alone->{hash}, "$what: the same model through files");
	is($shared->{notices}, $alone->{notices}, "$what: the same notices through files");
}

# more columns than an aggregate has arguments
my $many = join ', ', map { "(id * $_ % 1009)::real AS c$_" } 1 .. 130;
my $alone = train(0, "SELECT *, $many FROM rows", q{target => 'y', algorithm => 'linear', key => 'id', exclude => '{town,token,person}'});
my $shared = train(2, "SELECT *, $many FROM rows", q{target => 'y', algorithm => 'linear', key => 'id', exclude => '{town,token,person}'});
is($shared->{hash}, $alone->{hash}, 'the same model from rows with many columns');
is(sum(@{ $shared->{rows} }), 240000, 'read by several processes');

# texts that are too long and too many: left out for the same reason, whoever meets them
$node->safe_psql('postgres', q{
	CREATE TABLE texts AS SELECT g AS id, g % 10 AS x, CASE WHEN g % 400000 = 7 THEN repeat('x', 2000) ELSE 'n' || g END AS long, 'm' || g AS many, g % 3 = 0 AS y
		FROM generate_series(1, 1200000) g;
	ANALYZE texts});
my $texts = q{target => 'y', algorithm => 'naive_bayes', key => 'id'};
$alone = train(0, 'texts', $texts);
$shared = train(2, 'texts', $texts);
is($shared->{hash}, $alone->{hash}, 'the same model beside texts that are no categories');
is($shared->{notices}, $alone->{notices}, 'left out for the same reasons');
like($alone->{notices}, qr/long texts: long/, 'which are: length');
like($alone->{notices}, qr/identifiers: many/, 'and number');
is(sum(@{ $shared->{rows} }), 1200000, 'read by several processes');
$node->safe_psql('postgres', 'DROP TABLE texts');

# sources that only one process can read, and settings
for my $source ('SELECT *, random() AS noise FROM rows', 'SELECT id, y, ARRAY[h, w] AS v FROM rows', 'SELECT * FROM rows ORDER BY id LIMIT 200000')
{
	is(scalar @{ train(2, $source, $numbers =~ s/, features.*//r)->{rows} }, 0, "one process reads: $source");
}
is(scalar @{ train(2, 'rows', $numbers, 'SET mlops.train_workers = 0;')->{rows} }, 0, 'one process reads where no workers are wanted');
is(scalar @{ train(4, 'rows', $numbers, 'SET mlops.train_workers = 1;')->{rows} }, 2, 'two where one worker is');
is(scalar @{ train(2, 'SELECT * FROM rows WHERE id < 500', $numbers)->{rows} }, 0, 'one where there is little to read');
is(scalar @{ train(2, 'rows', $numbers, 'SET temp_file_limit = 0;')->{rows} }, 0, 'one where files are not allowed');

# the others that read by the same way
for my $query (q{SELECT string_agg(concat_ws(' ', metric, mean, sd), ',') FROM mlops.cross_validate('shuffled', 'y', 'linear', features => '{h,holes,price,color}', key => 'id')},
	q{SELECT mlops.fingerprint('shuffled')})
{
	my @answers = map { $node->safe_psql('postgres', "SET client_min_messages = error; SET max_parallel_workers_per_gather = $_; $query") } 0, 2;
	is($answers[1], $answers[0], "the same answer with workers: $query");
}
like($node->safe_psql('postgres', q{SET client_min_messages = error; SET max_parallel_workers_per_gather = 2;
	SELECT count(*) FROM mlops.train('v', 'rows', target => 'y', algorithm => 'linear', key => 'id');
	SET max_parallel_workers_per_gather = 0; SELECT data_identical, model_identical FROM mlops.verify('v/1')}), qr/^t\|t$/m, 'verified by one process');

# ---------- rights ----------

$node->safe_psql('postgres', q{
	CREATE ROLE clerk;
	CREATE TABLE secured AS SELECT * FROM rows;
	ANALYZE secured;
	ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
	CREATE POLICY low ON secured FOR SELECT TO clerk USING (small < 3);
	GRANT SELECT ON secured TO clerk;
});
my ($out, $err);
$node->psql('postgres', qq{SET client_min_messages = debug1; SET max_parallel_workers_per_gather = 2; SET ROLE clerk;
	SELECT rows_train + rows_test + rows_skipped FROM mlops.train('clerks', 'secured', $numbers)}, stdout => \$out, stderr => \$err);
is((split /\n/, $out)[-1], $node->safe_psql('postgres', 'SELECT count(*) FROM rows WHERE small < 3'), 'row security hides rows from workers, too');
like($err, qr/by workers: \d+, \d+/, 'who did read');
(undef, undef, $err) = $node->psql('postgres', qq{SET max_parallel_workers_per_gather = 2; SET ROLE clerk; SELECT mlops.train('clerks', 'rows', $numbers)});
like($err, qr/permission denied for table rows/, 'nor does anybody read what he may not');

for my $call (q{mlops.read_rows('\x00', 1)}, q{mlops.read_rows(NULL, 1)}, q{mlops.read_rows('\x000102030405060708090a0b0c0d0e0f10111213', id, small)},
	q{mlops.read_rows('\x000102030405060708090a0b0c0d0e0f10111213', VARIADIC ARRAY[id])})
{
	(undef, undef, $err) = $node->psql('postgres', "SET ROLE clerk; SELECT $call FROM secured");
	like($err, qr/ERROR:  mlops.read_rows cannot be called directly/, "refused: $call");
}
is($node->safe_psql('postgres', q{SET ROLE clerk; SELECT mlops.read_rows('\x00', id) FROM secured WHERE false}), 'f', 'no rows, no harm');
$node->safe_psql('postgres', 'REVOKE EXECUTE ON FUNCTION mlops.read_rows FROM PUBLIC');
$node->psql('postgres', qq{SET client_min_messages = debug1; SET max_parallel_workers_per_gather = 2; SET ROLE clerk;
	SELECT count(*) FROM mlops.train('clerks', 'secured', $numbers)}, stdout => \$out, stderr => \$err);
unlike($err, qr/by workers/, 'without the right to call it, one process reads');
is((split /\n/, $out)[-1], '1', 'and all is well');
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION mlops.read_rows TO PUBLIC');

# ---------- errors, memory, cancel, progress ----------

$node->safe_psql('postgres', q{
	CREATE FUNCTION picky(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS $$
	BEGIN
		IF $1 % 20000 = 19999 THEN RAISE 'number % is not liked', $1 USING ERRCODE = 'XY123', HINT = 'Take another.', DETAIL = 'It is odd.'; END IF;
		RETURN $1;
	END $$;
	CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE COST 1000 AS $$
	BEGIN
		IF $1 % 100 = 0 THEN PERFORM pg_sleep(0.001); END IF;
		RETURN $1;
	END $$;
});
my $resting = MlopsTest::comes_to_rest($node, 'nothing is left behind by all these reads');

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query('SET max_parallel_workers_per_gather = 2; SET client_min_messages = warning');
$session->query(qq{SELECT count(*) FROM mlops.train('s', 'rows', $numbers)});
my $working = MlopsTest::left_behind($node);
for my $leader ('on', 'off')
{
	(undef, undef, $err) = $node->psql('postgres', qq{\\set VERBOSITY verbose
		SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = $leader;
		SELECT mlops.train('m', 'SELECT *, picky(id) FROM rows', $numbers)});
	like($err, qr/ERROR:  XY123: number \d+ is not liked/, "SQLSTATE and message arrive (leader reads: $leader)");
	like($err, qr/HINT:  Take another/, 'the hint, too');
	like($err, qr/DETAIL:  It is odd/, 'and the detail');
}
for my $workers (0, 2)
{
	(undef, undef, $err) = $node->psql('postgres', qq{\\set VERBOSITY verbose
		SET max_parallel_workers_per_gather = $workers; SET mlops.train_memory = '10MB'; SELECT mlops.train('m', 'rows', target => 'y', key => 'id')});
	like($err, qr/ERROR:  53200: "m" needs at least \d+ [kMG]B of memory, but "mlops.train_memory" allows 10 MB/, "memory is bounded with $workers workers");
}
(undef, undef, $err) = $node->psql('postgres', qq{\\set VERBOSITY verbose
	SET max_parallel_workers_per_gather = 2; SET mlops.train_memory = '30MB'; SELECT mlops.train('m', '$underestimated', target => 'y', key => 'id')});
like($err, qr/ERROR:  53200: "m" needs at least \d+ [kMG]B of memory, but "mlops.train_memory" allows \d+ [kMG]B/, 'and when more rows come than were expected');

MlopsTest::create_cancel_in($node);
my @costs;
for my $leader ('on', 'off')
{
	$session->query("SET parallel_leader_participation = $leader");
	for my $source ('SELECT *, slow(id) FROM rows', "SELECT *, slow(id) FROM ($underestimated) s")
	{
		$session->{stdin} .= "SELECT mlops.train('s', '" . ($source =~ s/'/''/gr) . "', $numbers);\n";
		$session->{run}->pump_nb;
		# rows of workers are counted, too
		is($node->safe_psql('postgres', "SELECT await_phase($pid, 'reading rows', 60000), (SELECT done BETWEEN 60000 AND 240000 FROM mlops.training_progress WHERE pid = $pid),
				(SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid)"), 't|t|t', "progress counts the rows of all processes (leader reads: $leader)");
		push @costs, $node->safe_psql('postgres', "SELECT * FROM cancel_in($pid, 'reading rows', 0, 60000)");
		MlopsTest::settles($node, $working, 'nothing is left behind by a cancel');
	}
}
MlopsTest::served_in_time('reading rows with workers', @costs);
eval { $session->quit };
MlopsTest::settles($node, $resting, 'nor by the end of the session');

done_testing();

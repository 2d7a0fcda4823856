# Databases of other encodings: names, labels, categories and keys outside ASCII make the same models there as in UTF-8, bit for
# bit, are shown in the encoding of the database, and survive a dump into another one.
use strict;
use warnings;
use MlopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

# a locale to whose library letters outside ASCII are letters, where the system can make one; C has none
my %locale;
my $locales = "$PostgreSQL::Test::Utils::tmp_check/locales";
mkdir $locales;
if (system("localedef -i de_DE -f ISO-8859-1 $locales/de_DE.ISO-8859-1 2>/dev/null") == 0)
{
	$ENV{LOCPATH} = $locales;
	$locale{LATIN1} = 'de_DE.ISO-8859-1';
}
my $node = MlopsTest::node('main');

# the answer in UTF-8, as this file is, whatever the database
sub answer
{
	my ($database, $sql) = @_;
	my ($out, $err);
	my $status = $node->psql($database, "SET client_encoding = 'UTF8'; SET client_min_messages = warning; $sql",
		stdout => \$out, stderr => \$err, on_error_stop => 1);
	return $status == 0 ? $out : "error: $err";
}

sub make_database
{
	my ($name, $encoding) = @_;
	my $ctype = $locale{$encoding} // 'C';
	$node->safe_psql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE '$ctype' TEMPLATE template0");
	$node->safe_psql($name, 'CREATE EXTENSION mlops');
	return;
}

# words of an alphabet; their order by bytes is another one in KOI8
sub rows_of
{
	my (@w) = @_;
	return qq{CREATE TYPE $w[10] AS ENUM ('$w[1]', '$w[0]');
		CREATE TABLE $w[11] AS SELECT '$w[9]' || i AS $w[8], (i % 17)::float8 AS $w[7], (ARRAY['$w[2]', '$w[3]', '$w[4]'])[1 + i * 7 % 3] AS $w[6],
			'$w[5]' || (i * 7919 % 40) AS viele, timestamp '2026-01-01' + i * interval '7 hours' AS $w[2],
			(ARRAY['$w[0]', '$w[1]'])[1 + (i % 17 + i * 7 % 3 + (hashint4(i) % 5) > 10)::int]::$w[10] AS $w[5],
			(ARRAY['$w[0]', '$w[1]', '$w[4]'])[1 + i * 7 % 3] AS dreifach, (i % 17 + i * 7 % 3 + i % 2)::float8 AS y
		FROM generate_series(1, 900) i};
}

sub trainings_of
{
	my (@w) = @_;
	my $roh = "'$w[11]'";
	return (
		qq{'logistic', $roh, '$w[5]', 'logistic', jsonb_build_object('class_weight', jsonb_build_object('$w[0]', 3)), key => '$w[8]', exclude => '{y,dreifach}', positive => '$w[0]',
			calibrate => 'isotonic'},
		qq{'gbm', $roh, 'dreifach', 'gbm', jsonb_build_object('n_estimators', 5), key => '$w[8]', exclude => '{y,$w[5]}', split => '{"method": "stratified"}'},
		qq{'monotone', $roh, 'y', 'gbm', jsonb_build_object('n_estimators', 5, 'monotone_constraints', '$w[7]: 1'), features => '{$w[7],$w[6]}', key => '$w[8]'},
		qq{'linear', $roh, 'y', 'linear', features => '{$w[7],$w[6],$w[2]}', split => '{"method": "group", "column": "viele"}',
			transform => '{"$w[6]": {"order": ["$w[4]", "$w[2]", "$w[3]"]}, "$w[7]": {"scale": "standard"}}'},
		qq{'target', $roh, 'y', 'linear', features => '{viele,$w[6]}', transform => '{"viele": {"encode": "target"}}'},
		qq{'forest', $roh, '$w[5]', 'random_forest', jsonb_build_object('n_estimators', 3), exclude => '{y,dreifach}', key => '$w[8]', threshold => '{"method": "f1"}'},
		qq{'bayes', $roh, '$w[5]', 'naive_bayes', exclude => '{y,dreifach,viele}', key => '$w[8]'});
}

my %words = (
	LATIN1 => [qw(schön häßlich früh spät über entschluß tageszeit größe schlüssel käufer art_ö zürich)],
	KOI8R => [qw(юный ярый абв яма ежи решение время размер ключ покупатель вид город)]);

for my $encoding (sort keys %words)
{
	my @w = @{ $words{$encoding} };
	my $own = lc $encoding;
	my $utf8 = "utf8_for_$own";
	make_database($own, $encoding);
	make_database($utf8, 'UTF8');
	for my $database ($own, $utf8)
	{
		is(answer($database, rows_of(@w)), '', "rows in $database");
		for my $training (trainings_of(@w))
		{
			like(answer($database, "SELECT version FROM mlops.train($training)"), qr/^1$/, "trained in $database: " . substr($training, 0, 12));
		}
	}

	my %questions = (
		'models, bit for bit' => 'SELECT model, model_sha256 FROM mlops.versions ORDER BY model',
		'rows held out' => q{SELECT model, rows_train, rows_test, metrics FROM mlops.versions ORDER BY model},
		'labels' => "SELECT $w[8], mlops.predict_label('logistic/1', r), mlops.predict_label('gbm/1', r) FROM $w[11] AS r ORDER BY 1",
		'scores of rows, JSON and values' => "SELECT $w[8], mlops.predict('logistic/1', r), mlops.predict_json('gbm/1', to_jsonb(r)), mlops.predict('monotone/1', r.$w[7], r.$w[6])
			FROM $w[11] AS r ORDER BY 1",
		'coefficients' => q{SELECT m, c.* FROM unnest('{linear,logistic,target}'::text[]) AS m, mlops.coefficients(m || '/1') AS c},
		'features' => q{SELECT m, f.* FROM unnest('{linear,gbm}'::text[]) AS m, mlops.features(m || '/1') AS f},
		'classes' => q{SELECT mlops.classes('gbm/1'), mlops.classes('logistic/1')},
		'parameters' => q{SELECT p.* FROM mlops.model_params('logistic/1') AS p WHERE param = 'class_weight'},
		'parameters of trees' => q{SELECT p.* FROM mlops.model_params('monotone/1') AS p WHERE param = 'monotone_constraints'},
		'JSON' => q{SELECT mlops.model_value(m || '/1')::jsonb FROM unnest('{linear,logistic,gbm,target,forest,bayes}'::text[]) AS m},
		'evaluation on the rows held out' => q{SELECT * FROM mlops.evaluate('logistic/1')},
		'confusion' => q{SELECT * FROM mlops.confusion_matrix('gbm/1')},
		'explanations' => "SELECT e.* FROM $w[11] AS r, mlops.explain('logistic/1', r) AS e ORDER BY $w[8], e.attribution LIMIT 40",
		'reasons' => "SELECT mlops.reasons('forest/1', 3, r) FROM $w[11] AS r ORDER BY $w[8] LIMIT 20",
		'what runs recorded' => q{SELECT model, params, source, target FROM mlops.versions ORDER BY model},
		'what verify finds' => q{SELECT v.model, data_identical, model_identical FROM unnest('{linear,logistic,gbm,monotone,target,forest,bayes}'::text[]) AS m, mlops.verify(m || '/1') AS v},
		'columns of sources' => "SELECT * FROM mlops.check_source('logistic/1', 'SELECT *, 1 AS $w[9] FROM $w[11]')",
		'descriptions' => "SELECT * FROM mlops.describe('$w[11]')",
		'folds' => "SELECT * FROM mlops.cross_validate('$w[11]', '$w[5]', 'naive_bayes', key => '$w[8]', folds => 3)",
		'aggregates' => qq{SELECT c.* FROM mlops.coefficients((SELECT mlops.solve(mlops.linear_state(y, ARRAY[$w[7]]), '{"names": ["$w[7]"]}') FROM $w[11])) AS c},
	);
	for my $what (sort keys %questions)
	{
		my $expected = answer($utf8, $questions{$what});
		unlike($expected, qr/^error|^$/, "$what: there is something to compare");
		is(answer($own, $questions{$what}), $expected, "$what: the same in $own");
	}
	like(answer($own, "SELECT mlops.predict('linear/1', r) FROM (SELECT 1 AS $w[7]) AS r"), qr/row lacks 2 columns that model "linear" needs: .*"$w[6]"/, 'names in messages');
	like(answer($own, "SELECT mlops.train('m', '$w[11]', '$w[5]', 'logistic', jsonb_build_object('class_weight', jsonb_build_object('$w[3]', 2)), exclude => '{y,dreifach}', key => '$w[8]')"),
		qr/"class_weight" names "$w[3]".*The classes are .*"$w[1]"/s, '... and in those of a fit');

	my $file = "$PostgreSQL::Test::Utils::tmp_check/$own.sql";
	$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr($own) ], "dump of $own");
	$node->safe_psql('postgres', "CREATE DATABASE restored_$own TEMPLATE template0 ENCODING 'UTF8'");
	$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("restored_$own"), '-f', $file ], '... restored as UTF-8');
	is(answer("restored_$own", $questions{$_}), answer($utf8, $questions{$_}), "restored: $_")
		for ('labels', 'scores of rows, JSON and values', 'evaluation on the rows held out', 'what verify finds');
}

# bytes that SQL_ASCII holds are UTF-8 or are refused
make_database('ascii', 'SQL_ASCII');
$node->safe_psql('ascii', q{CREATE TABLE rows AS SELECT i AS id, i % 7 AS x, (ARRAY[convert_from('\\x6bc3a4', 'SQL_ASCII'), 'b'])[1 + i % 2] AS c, (i % 7 + i % 2)::float8 AS y FROM generate_series(1, 300) i});
is($node->safe_psql('ascii', q{SELECT version FROM mlops.train('m', 'rows', 'y', 'linear', key => 'id')}), '1', 'UTF-8 in SQL_ASCII');
my ($out, $err);
$node->safe_psql('ascii', q{UPDATE rows SET c = convert_from('\\x6be4', 'SQL_ASCII') WHERE c <> 'b'});
$node->psql('ascii', q{SELECT version FROM mlops.train('m', 'rows', 'y', 'linear', key => 'id')}, stderr => \$err);
like($err, qr/is not valid UTF-8/, 'other bytes in SQL_ASCII');
is($node->safe_psql('ascii', q{SELECT count(*) FROM mlops.versions}), '1', '... leave nothing behind');

done_testing();

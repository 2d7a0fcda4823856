# Citus: aggregates and predictions run on the workers, with the same answers as on one machine; models are known there.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use MlopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $share = `pg_config --sharedir`);
plan skip_all => 'the extension citus is not installed beside PostgreSQL' unless -e "$share/extension/citus.control";

# a coordinator and two workers; a role has another OID on each
my @nodes = map {
	my $node = PostgreSQL::Test::Cluster->new($_);
	$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
	$node->append_conf('postgresql.conf', <<'CONF');
listen_addresses = '127.0.0.1'
shared_preload_libraries = 'citus'
citus.enable_statistics_collection = off
citus.shard_count = 4
timezone = 'UTC'
CONF
	$node->start;
	$node;
} qw(coordinator worker1 worker2);
my ($coordinator, @workers) = @nodes;
$workers[1]->safe_psql('postgres', "CREATE ROLE other; DROP ROLE other") for 1 .. 9;
$_->safe_psql('postgres', 'CREATE EXTENSION citus; CREATE EXTENSION mlops') for @nodes;

sub sql
{
	my ($query, $role) = @_;
	return $coordinator->safe_psql('postgres', $query, $role ? (extra_params => [ '-U', $role ]) : ());
}

sub fails
{
	my ($node, $query, $wanted, $name, $role) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $query, $role ? (extra_params => [ '-U', $role ]) : ());
	isnt($status, 0, $name);
	like($err, $wanted, '... for that reason');
	return;
}

sql("SELECT citus_set_coordinator_host('127.0.0.1', " . $coordinator->port . ')');
sql("SELECT citus_add_node('127.0.0.1', " . $_->port . ')') for @workers;
sql(<<'SQL');
CREATE ROLE reader LOGIN; CREATE ROLE stranger LOGIN;
CREATE TABLE plain AS SELECT i AS id, i % 40 AS day, hashint4(i) % 1000 / 100.0::float8 AS a, hashint4(i * 7) % 100 / 10.0::float8 AS b, 'c' || i % 3 AS c,
	(hashint4(i) % 1000 / 30.0 + hashint4(i * 11) % 300 / 100.0)::float8 AS y, hashint4(i) % 1000 / 100.0 + hashint4(i * 13) % 900 / 100.0 > 0 AS leaves FROM generate_series(1, 6000) i;
CREATE TABLE spread (LIKE plain);
SELECT create_distributed_table('spread', 'id');
INSERT INTO spread SELECT * FROM plain;
GRANT SELECT ON plain, spread TO reader, stranger;
SQL
is(sql('SELECT count(DISTINCT nodename || nodeport) FROM citus_shards'), 2, 'the rows are on two workers');

# aggregates
for my $aggregate ('mlops.linear_fit(y, ARRAY[a, b])', 'mlops.linear_state(y, ARRAY[a, b])', 'mlops.roc_auc(leaves, a)', 'mlops.rmse(y, a)',
	'mlops.log_loss(leaves, 0.5)', 'mlops.r2(y, b)')
{
	like(sql("EXPLAIN (VERBOSE, COSTS OFF) SELECT $aggregate FROM spread"), qr/Task.*worker_partial_agg/s, "pushed down: $aggregate");
}
for my $number (q{estimate FROM mlops.coefficients((SELECT mlops.linear_fit(y, ARRAY[a, b]) FROM rows)) WHERE term <> '(Intercept)' ORDER BY term LIMIT 1},
	'mlops.roc_auc(leaves, a) FROM rows', 'mlops.rmse(y, a) FROM rows', 'mlops.average_precision(leaves, b) FROM rows', 'mlops.r2(y, b) FROM rows')
{
	my ($here, $there) = map { sql('SELECT ' . $number =~ s/\brows\b/$_/r) } qw(plain spread);
	cmp_ok(abs($here - $there), '<=', 1e-10 * (1 + abs($here)), "the same number: $number");
}
sql(q{CREATE TABLE states (day int, state mlops.state); SELECT create_distributed_table('states', 'day');
	INSERT INTO states SELECT day, mlops.linear_state(y, ARRAY[a, b]) FROM spread GROUP BY day});
my ($stored, $whole) = map { sql("SELECT round(estimate::numeric, 9) FROM mlops.coefficients(mlops.solve((SELECT $_))) ORDER BY term") }
	'mlops.merge(state) FROM states', 'mlops.linear_state(y, ARRAY[a, b]) FROM plain';
is($stored, $whole, 'states that workers keep add up');

# training
for my $algorithm (qw(linear gbm))
{
	sql("SELECT version FROM mlops.train('value', 'SELECT id, a, b, c, y FROM $_', target => 'y', key => 'id', algorithm => '$algorithm', seed => 7)") for qw(plain spread);
}
is(sql(q{SELECT count(*), count(DISTINCT model_sha256) FROM mlops.versions WHERE model = 'value'}), '4|2', 'a distributed table gives the same bytes as a plain one');
sql(q{SELECT version FROM mlops.train('churn', 'SELECT id, a, b, c, leaves FROM spread', target => 'leaves', key => 'id', algorithm => 'logistic')});
sql(q{SELECT mlops.promote('value/2'), mlops.promote('churn/1'), mlops.set_alias('value/4', 'next')});

# by name
fails($coordinator, q{SELECT sum(mlops.predict('value', s)) FROM spread AS s}, qr/model "value" does not exist/, 'workers know no models of themselves');
fails($coordinator, 'SELECT mlops.citus_share()', qr/permission denied/, 'sharing is for the owner of the extension', 'reader');
sql('SELECT mlops.citus_share()');
my $scores = q{SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM (SELECT id, %s AS p FROM %s AS t) AS s};
for my $call (q{mlops.predict('value', t)}, q{mlops.predict('value/4', t)}, q{mlops.predict('value@next', t)}, q{mlops.predict('value/latest', t)},
	q{mlops.predict('value', to_jsonb(t))}, q{mlops.predict('value@next', a, b, c)}, q{mlops.predict_label('churn', t)}, q{mlops.predict_proba('churn', t)},
	q{mlops.predict((SELECT mlops.model_value('value@next')), t)}, q{mlops.predict_label((SELECT mlops.model_value('churn')), t)})
{
	is(sql(sprintf $scores, $call, 'spread'), sql(sprintf $scores, $call, 'plain'), "the same predictions: $call");
	like(sql("EXPLAIN (VERBOSE, COSTS OFF) SELECT $call FROM spread AS t"), qr/Task\s+Query: [^\n]*mlops\.predict/s, '... on the workers');
}
my ($two, $four) = map { sql(sprintf $scores, "mlops.predict('value/$_', t)", 'plain') } 2, 4;
isnt($two, $four, 'two models');

# what the query's own transaction did, and what a plan was made for
for my $call (q{mlops.predict('value', t)}, q{mlops.predict('value', to_jsonb(t))}, q{mlops.predict((SELECT mlops.model_value('value')), t)})
{
	my $query = sprintf $scores, $call, 'spread';
	is(sql("BEGIN; $query; SELECT version FROM mlops.promote('value/4'); $query; ROLLBACK; $query"), "$two\n4\n$four\n$two", "promote, look, roll back: $call");
	is(sql("PREPARE p AS $query; EXECUTE p; EXECUTE p; SELECT version FROM mlops.promote('value/4'); EXECUTE p; SELECT to_version FROM mlops.rollback('value'); EXECUTE p;
		BEGIN; SAVEPOINT s; SELECT version FROM mlops.promote('value/4'); EXECUTE p; ROLLBACK TO s; EXECUTE p; COMMIT; EXECUTE p"),
		"$two\n$two\n4\n$four\n2\n$two\n4\n$four\n$two\n$two", "prepared: $call");
	my $session = $coordinator->background_psql('postgres');
	$session->query_safe("PREPARE p AS $query");
	my @seen = map { $session->query_safe($_) =~ s/\s+//gr } 'EXECUTE p';
	$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	sql(q{SELECT mlops.promote('value/4')});
	push @seen, $session->query_safe('EXECUTE p') =~ s/\s+//gr;
	$session->query_safe('COMMIT');
	push @seen, $session->query_safe('EXECUTE p') =~ s/\s+//gr;
	$session->quit;
	is("@seen", "$two $two $four", "another session promotes: $call");
	sql(q{SELECT mlops.rollback('value')});
}

# privileges: roles by name
isnt(sql(q{SELECT oid FROM pg_roles WHERE rolname = 'reader'}), $workers[1]->safe_psql('postgres', q{SELECT oid FROM pg_roles WHERE rolname = 'reader'}), 'roles have other OIDs on a worker');
my $by_name = sprintf $scores, q{mlops.predict('value/2', t)}, 'spread';
fails($coordinator, $by_name, qr/permission denied for model "value"/, 'no privilege, no prediction', 'reader');
sql(q{SELECT mlops.grant_access('value', 'reader', 'predict')});
is(sql($by_name, 'reader'), $two, 'granted');
fails($coordinator, $by_name, qr/permission denied for model "value"/, 'to one role only', 'stranger');
sql(q{SELECT mlops.revoke_access('value', 'reader', 'predict')});
fails($coordinator, $by_name, qr/permission denied for model "value"/, 'revoked', 'reader');

# a table of scores
sql(q{CREATE TABLE scores (id int PRIMARY KEY, score float8); SELECT create_distributed_table('scores', 'id', colocate_with => 'spread')});
fails($coordinator, q{INSERT INTO scores SELECT id, mlops.predict('value', t) FROM spread AS t}, qr/"value" may mean another version.*mlops\.predict\(\(SELECT/s,
	'what is sent to workers as it stands may not leave the version open');
my $stored_scores = q{SELECT md5(string_agg(score::text, ',' ORDER BY id)) FROM scores};
sql(q{INSERT INTO scores SELECT id, mlops.predict((SELECT mlops.model_value('value')), t) FROM spread AS t});
is(sql($stored_scores), $two, 'INSERT with the value');
sql(q{UPDATE scores SET score = mlops.predict((SELECT mlops.model_value('value/4')), t) FROM spread AS t WHERE t.id = scores.id});
is(sql($stored_scores), $four, 'UPDATE with the value');
sql(q{TRUNCATE scores; INSERT INTO scores SELECT id, mlops.predict('value/2', t) FROM spread AS t});
is(sql($stored_scores), $two, 'INSERT with a version');

# on a worker
is($workers[0]->safe_psql('postgres', sprintf $scores, q{mlops.predict('value/4', t)}, 'spread'), $four, 'a worker that is asked knows versions');
fails($workers[0], q{SELECT mlops.predict('value', 1.0, 1.0, 'c1')}, qr/"value" may mean another version/, 'but not what changes');
fails($workers[0], q{SELECT mlops.promote('value/4')}, qr/registry of this node is a copy/, 'nor may it change anything');

# copies follow: rows that one side has and the other has not
my $differences = q{SELECT count(*) FROM (SELECT model_id, version, stage, model_sha256 FROM mlops.model_versions) AS v FULL JOIN mlops.shared_model_versions AS s USING (model_id, version, stage, model_sha256)
	WHERE v IS NULL OR s IS NULL};
sql(q{SELECT mlops.rename_model('value', 'worth'); SELECT mlops.delete_version('worth', 1); SELECT mlops.drop_alias('worth', 'next')});
sql(q{SELECT version FROM mlops.train('worth', 'SELECT id, a, b, c, y FROM spread', target => 'y', key => 'id', algorithm => 'random_forest', params => '{"n_estimators": 10}'); SELECT mlops.promote('worth/5')});
is(sql($differences), 0, 'copies are those of the registry');
is(sql(sprintf $scores, q{mlops.predict('worth', t)}, 'spread'), sql(sprintf $scores, q{mlops.predict('worth/5', t)}, 'plain'), 'a new version of a renamed model');
fails($coordinator, q{SELECT sum(mlops.predict('value/2', t)) FROM spread AS t}, qr/model "value" does not exist/, 'its old name is gone');
is(sql('SELECT * FROM mlops.check_all()'), '', 'the registry is sound');
is(sql(q{SELECT bool_and(data_identical AND model_identical) FROM mlops.verify('worth/5')}), 't', 'and training can be proved');
sql(q{SELECT mlops.archive('worth', 5); SELECT mlops.drop_model('worth')});
is(sql(q{SELECT (SELECT count(*) FROM mlops.shared_registered_models), (SELECT count(*) FROM mlops.shared_model_versions), (SELECT count(DISTINCT sha256) FROM mlops.shared_model_blobs)}),
	'1|1|1', 'what is dropped is dropped there too');

sql('SELECT mlops.citus_share()');
is(sql($differences), 0, 'sharing once more makes new copies');
# numbers and booleans as categories, and the primary key as key: tables of which only one is distributed
sql(<<'SQL');
CREATE TABLE coded (id int PRIMARY KEY, plan int, size numeric(6, 3), flag boolean, x float8, y float8, late boolean);
INSERT INTO coded SELECT i, CASE WHEN i % 19 <> 0 THEN i * 31 % 12 - 3 END, CASE WHEN i % 23 <> 0 THEN (i * 7919 % 16) / 8.0 END, CASE WHEN i % 5 <> 0 THEN i % 3 = 0 END, hashint4(i) % 1000 / 100.0
	FROM generate_series(1, 3000) i;
UPDATE coded SET y = sin(coalesce(plan, 4) ^ 2) * 3 + coalesce(size, 5) + coalesce(flag::int, 2) + x / 10 + id / 500.0, late = sin(coalesce(plan, 4) ^ 2) + (id * 37 % 11 - 5) / 3.0 > 0;
CREATE TABLE coded_spread (LIKE coded INCLUDING ALL);
SELECT create_distributed_table('coded_spread', 'id');
INSERT INTO coded_spread SELECT * FROM coded;
SQL
my $categories = q{transform => '{"plan": "categorical", "size": "categorical", "flag": "categorical"}'};
for my $case ([ 'coded_gbm', 'y', 'gbm' ], [ 'coded_linear', 'y', 'linear' ], [ 'coded_late', 'late', 'logistic' ])
{
	my ($model, $target, $algorithm) = @$case;
	my $exclude = $target eq 'y' ? 'late' : 'y';
	sql("SELECT mlops.train('$model', '$_', target => '$target', exclude => '{$exclude}', algorithm => '$algorithm', $categories)") for qw(coded coded_spread);
	sql("SELECT mlops.train('$model', 'coded_spread', target => '$target', exclude => '{$exclude}', algorithm => '$algorithm', key => 'id', $categories)");
	sql("SELECT mlops.promote('$model/2')");
	is(sql("SELECT count(*), count(DISTINCT model_sha256) FROM mlops.versions WHERE model = '$model'"), '3|1',
		"$model: the same bytes, distributed or not, and with the primary key given or taken");
	is(sql("SELECT string_agg(feature || ' ' || kind, ',' ORDER BY feature) FROM mlops.features('$model')"), 'flag categorical,plan categorical,size categorical,x numeric',
		'... of numbers that are categories, without the key');
	for my $call ("mlops.predict('$model', t)", "mlops.predict('$model', to_jsonb(t))", "mlops.predict('$model', plan, size, flag, x)", "mlops.predict('$model', plan::numeric, size::float8, flag::int, x)",
		"mlops.predict((SELECT mlops.model_value('$model')), t)", $algorithm eq 'logistic' ? "mlops.predict_label('$model', t)" : ())
	{
		my ($here, $there) = map { sql(sprintf $scores, $call, $_) } qw(coded coded_spread);
		is($there, $here, "the same predictions: $call");
		like(sql("EXPLAIN (VERBOSE, COSTS OFF) SELECT $call FROM coded_spread AS t"), qr/Task\s+Query: [^\n]*mlops\.predict/s, '... on the workers');
	}
}
sql(q{SELECT mlops.train('coded_gbm', 'coded', target => 'y', exclude => '{late}', algorithm => 'gbm')});
isnt(sql(sprintf $scores, q{mlops.predict('coded_gbm/4', t)}, 'coded_spread'), sql(sprintf $scores, q{mlops.predict('coded_gbm/2', t)}, 'coded_spread'), 'categories are not numbers');
is(sql(q{SELECT bool_and(data_identical AND model_identical) FROM mlops.verify('coded_gbm/2')}), 't', 'and training can be proved');
for my $statement (q{mlops.train('coded_notice', 'coded_spread', target => 'y', algorithm => 'linear')},
	q{mlops.train('coded_notice', 'SELECT id, x, y FROM coded_spread WHERE x > 0', target => 'y', algorithm => 'linear')},
	q{mlops.cross_validate('coded_spread', target => 'y', algorithm => 'linear', folds => 3)})
{
	my ($status, $out, $err) = $coordinator->psql('postgres', "SELECT * FROM $statement");
	like($err, qr/NOTICE:  the primary key id of the source is taken as key/, "the primary key of a distributed table: $statement");
}
my ($here, $there) = map { sql("SELECT metric, mean, sd FROM mlops.cross_validate('$_', target => 'y', exclude => '{late}', algorithm => 'gbm', params => '{\"n_estimators\": 10}', folds => 3, $categories) ORDER BY 1") } qw(coded coded_spread);
is($there, $here, 'cross_validate takes it, too');
# what else reads a source
for my $question (q{SELECT * FROM mlops.evaluate('coded_gbm/2', 'SOURCE') ORDER BY metric}, q{SELECT * FROM mlops.evaluate('coded_late/2', 'SELECT * FROM SOURCE WHERE x > 0', rows => 'all') ORDER BY metric},
	q{SELECT * FROM mlops.roc_curve('coded_late/2', 'SOURCE') ORDER BY 1, 2, 3}, q{SELECT * FROM mlops.check_source('coded_gbm/2', 'SOURCE') ORDER BY 1}, q{SELECT * FROM mlops.global_explain('coded_gbm/2', 'SOURCE') ORDER BY 1},
	q{SELECT * FROM mlops.preview('coded_gbm', 4, 'SOURCE', movers => 3)}, q{SELECT mlops.fingerprint('SOURCE')},
	qq{SELECT best_trial, hyperparameters, metrics FROM mlops.tune('coded_tuned', 'SOURCE', 'y', 'gbm', '{"num_leaves": [3, 7]}', strategy => 'grid', exclude => '{late}', params => '{"n_estimators": 10}', $categories)},
	q{SELECT version, rows FROM mlops.score_into('coded_gbm', 'SOURCE', 'SOURCE_scored')}, q{SELECT md5(string_agg(s.id || ' ' || s.score, ',' ORDER BY s.id)) FROM SOURCE_scored AS s})
{
	my ($here, $there) = map { sql($question =~ s/SOURCE/$_/gr) } qw(coded coded_spread);
	isnt($here, '', 'there is something to compare');
	is($there, $here, "the same of a distributed table: $question");
}
fails($coordinator, 'SELECT mlops.fingerprint(t) FROM coded_spread AS t', qr/could not confirm type correctness/, 'Citus distributes no aggregates of whole rows');
sql(q{CREATE TABLE coded_scores (id int PRIMARY KEY, score float8); SELECT create_distributed_table('coded_scores', 'id', colocate_with => 'coded_spread');
	INSERT INTO coded_scores SELECT id, mlops.predict((SELECT mlops.model_value('coded_gbm')), t) FROM coded_spread AS t});
is(sql(q{SELECT md5(string_agg(score::text, ',' ORDER BY id)) FROM coded_scores}), sql(sprintf $scores, q{mlops.predict('coded_gbm', t)}, 'coded'), 'a table of scores');
is($workers[0]->safe_psql('postgres', sprintf $scores, q{mlops.predict('coded_gbm/2', t)}, 'coded_spread'), sql(sprintf $scores, q{mlops.predict('coded_gbm', t)}, 'coded'), 'asked on a worker');

sql('SELECT mlops.citus_unshare()');
is(sql(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'shared\_%' AND relnamespace = 'mlops'::regnamespace}), 0, 'and unsharing leaves none');

# the page about it
my @blocks = slurp_file(dirname(abs_path(__FILE__)) . '/../../docs/CITUS.md') =~ /^```pgsql\n(.*?)^```/msg;
cmp_ok(scalar @blocks, '>', 3, 'the page has examples');
for my $block (@blocks)
{
	my ($status, $out, $err) = $coordinator->psql('postgres', $block, on_error_stop => 1);
	is($status, 0, 'docs/CITUS.md: ' . substr($block, 0, 40)) or diag($err);
}
$_->stop for @nodes;
done_testing();

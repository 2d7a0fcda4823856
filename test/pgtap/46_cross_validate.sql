-- Cross-validation: each fold is what a training without that fold gives, and folds are what the split says.

SELECT plan(26);
SET client_min_messages = warning;

CREATE TEMP TABLE ames AS SELECT * FROM mlops.cross_validate('test.ames', 'sale_price', 'linear', folds => 4,
	features => '{gr_liv_area,overall_cond,neighborhood,lot_frontage}', key => 'id');
SELECT is(count(*), (SELECT count(DISTINCT metric) FROM ames), 'a row for each metric') FROM ames;
SELECT ok(bool_and(array_length(folds, 1) = 4), 'a value for each fold') FROM ames;
SELECT is((SELECT sum(f) FROM ames, unnest(folds) AS f WHERE metric = 'rows'), (SELECT count(*)::float8 FROM test.ames),
	'every row is in one fold');
SELECT ok(bool_and(abs(mean - (SELECT avg(f) FROM unnest(folds) AS f)) <= 1e-12 * abs(mean)
	AND abs(sd - (SELECT stddev(f) FROM unnest(folds) AS f)) <= 1e-9 * abs(mean)
	AND min = (SELECT min(f) FROM unnest(folds) AS f) AND max = (SELECT max(f) FROM unnest(folds) AS f)),
	'mean, sd, min and max are those of the values') FROM ames;
SELECT results_eq($$SELECT * FROM mlops.cross_validate('SELECT * FROM test.ames ORDER BY random()', 'sale_price', 'linear', folds => 4,
	features => '{gr_liv_area,overall_cond,neighborhood,lot_frontage}', key => 'id')$$, 'TABLE ames', 'the order of rows does not matter');
SELECT ok((SELECT folds FROM ames WHERE metric = 'r2_score') <> folds, 'another seed makes other folds')
FROM mlops.cross_validate('test.ames', 'sale_price', 'linear', folds => 4, key => 'id', seed => 7,
	features => '{gr_liv_area,overall_cond,neighborhood,lot_frontage}') WHERE metric = 'r2_score';
SELECT is((SELECT count(*) FROM mlops.versions), 0::bigint, 'nothing is registered');

-- folds by group: two groups and two folds can be told from outside, and trained without
CREATE TEMP TABLE halves AS
SELECT *, id % 2 AS half FROM test.diamonds WHERE id % 10 < 4;
CREATE TEMP TABLE grouped AS SELECT metric, f.value FROM mlops.cross_validate('halves', 'price', 'linear', folds => 2, key => 'id', seed => 1,
	split => '{"method": "group", "column": "half"}'), unnest(folds) AS f (value);
CREATE TEMP TABLE apart AS
SELECT h, key AS metric, value::float8 FROM generate_series(0, 1) AS h, mlops.train('half_' || h, 'SELECT *, half = ' || h || ' AS held FROM halves',
	target => 'price', algorithm => 'linear', key => 'id', exclude => '{half}', split => '{"method": "column", "column": "held"}'),
	jsonb_each_text(metrics) WHERE value IS NOT NULL;
SELECT is((SELECT count(*) FROM grouped WHERE metric = 'rows'), 2::bigint, 'two folds');
SELECT is_empty($$SELECT g.metric, g.value FROM grouped AS g WHERE g.value IS NOT NULL AND NOT EXISTS (SELECT FROM apart AS a
	WHERE a.metric = g.metric AND abs(a.value - g.value) <= 1e-9 * greatest(abs(a.value), 1))$$,
	'a fold has the metrics of a training that holds it out');

-- transforms learn on the other folds only: a random category of many values and a noise target leave nothing to find
CREATE TEMP TABLE noise AS
SELECT i AS id, 'v' || hashint4(i) % 700 AS category, hashint4(i + 77777) % 2 = 0 AS y FROM generate_series(1, 12000) AS i;
SELECT ok(abs(mean - 0.5) < 0.03, 'no leak through target encoding: AUC ' || mean)
FROM mlops.cross_validate('noise', 'y', 'logistic', key => 'id', transform => '{"category": {"encode": "target"}}') WHERE metric = 'roc_auc';

-- by class
CREATE TEMP TABLE rare AS SELECT i AS id, i % 13 + (i % 20 = 0)::int AS x, i % 20 = 0 AS y FROM generate_series(1, 1000) AS i;
SELECT is(folds, '{0.05,0.05,0.05,0.05,0.05}'::float8[], 'stratified folds have the same share of each class')
FROM mlops.cross_validate('rare', 'y', 'logistic', key => 'id', split => '"stratified"',
	threshold => '0') WHERE metric = 'precision';

-- in time: what comes later is never trained on
CREATE TEMP TABLE series AS SELECT i AS id, date '2020-01-01' + i AS day, i AS x, CASE WHEN i <= 500 THEN i ELSE -i END AS y FROM generate_series(1, 1000) AS i;
SELECT is(folds, '{250,250,250}'::float8[], 'parts of equal size, the first only trains')
FROM mlops.cross_validate('series', 'y', 'linear', folds => 3, key => 'id', features => '{x}', split => '{"method": "time", "column": "day"}') WHERE metric = 'rows';
SELECT ok(folds[1] < 1e-9 AND folds[2] > 100 AND folds[3] > 100, 'the turn in the middle is a surprise to the second fold, but not to the first')
FROM mlops.cross_validate('series', 'y', 'linear', folds => 3, key => 'id', features => '{x}', split => '{"method": "time", "column": "day"}')
WHERE metric = 'root_mean_squared_error';
SELECT is(folds, '{250,250,250}'::float8[], 'times of infinity are in the last fold')
FROM mlops.cross_validate('SELECT id, x, y, CASE WHEN id > 900 THEN ''infinity'' ELSE day END AS day FROM series', 'y', 'linear', folds => 3, key => 'id',
	features => '{x}', split => '{"method": "time", "column": "day"}') WHERE metric = 'rows';

-- copies of a row stay together
SELECT ok(bool_and(f::int % 3 = 0), 'three copies of each row are in one fold')
FROM mlops.cross_validate('SELECT r.id, x, y FROM rare AS r, generate_series(1, 3)', 'y', 'logistic', key => 'id'), unnest(folds) AS f WHERE metric = 'rows';
SELECT ok(mean > 0, 'calibration and thresholds work within folds')
FROM mlops.cross_validate('crm.customers', 'churn', 'logistic', folds => 3, key => 'customer_id', threshold => '"f1"', calibrate => 'platt',
	features => '{tenure,contract,monthly_charges}') WHERE metric = 'f1_score';

-- mistakes
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('rare', 'y', 'logistic', folds => 1)$$, '22023', 'argument "folds" must be between 2 and 100, not 1', 'one fold');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('rare', 'y', 'logistic', folds => NULL)$$, '22004', 'argument "folds" of mlops.cross_validate must not be null', 'no folds');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('rare', NULL, 'logistic')$$, '22004', 'argument "target" of mlops.cross_validate must not be null', 'no target');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('rare', 'z', 'logistic')$$, '42703', NULL, 'unknown target');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('rare', 'y', 'logistic', split => '{"method": "hash", "test": 0.2}')$$, '22023',
	'the split of a cross-validation takes no test fraction, cutoff or refit', 'a test fraction');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('rare', 'y', 'logistic', split => '{"method": "column", "column": "x"}')$$, '22023',
	'split method "column" makes no folds', 'a flag');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('SELECT * FROM rare WHERE id <= 20', 'y', 'logistic', folds => 5, key => 'id')$$, '22000',
	NULL, 'a class with one row');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('SELECT * FROM halves', 'price', 'linear', folds => 3, key => 'id', split => '{"method": "group", "column": "half"}')$$,
	'22000', NULL, 'fewer groups than folds');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('SELECT * FROM rare WHERE false', 'y', 'logistic')$$, 'P0002', 'the source has no rows', 'an empty source');
SELECT throws_ok($$SELECT * FROM mlops.cross_validate('rare', 'y', 'logistik')$$, '22023', NULL, 'unknown algorithm');

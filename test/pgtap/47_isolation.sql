-- isolation_forest: training without a target, scores, errors
BEGIN;
SELECT plan(26);
SET client_min_messages = warning;

CREATE TABLE points AS
SELECT i AS id, i % 100 = 0 AS planted,
	sin(i * 12.9898) * 2 + CASE WHEN i % 100 = 0 THEN 9 ELSE 0 END AS a,
	cos(i * 78.233) * 2 - CASE WHEN i % 200 = 0 THEN 8 ELSE 0 END AS b,
	CASE WHEN i % 31 = 0 THEN NULL ELSE (ARRAY['x', 'y', 'z'])[1 + i % 3] END AS kind
FROM generate_series(1, 3000) AS i;

SELECT results_eq($$SELECT task, rows_train, rows_skipped, metrics FROM mlops.train('odd', 'points', algorithm => 'isolation_forest', key => 'id', exclude => '{planted}', split => '"none"')$$,
	$$VALUES ('anomaly', 3000::bigint, 0::bigint, '{}'::jsonb)$$, 'no target; the task follows from the algorithm');
SELECT ok(bool_and(mlops.predict('odd/latest', p) > 0 AND mlops.predict('odd/latest', p) < 1), 'scores lie between 0 and 1') FROM points AS p;
SELECT cmp_ok(mlops.roc_auc(planted, mlops.predict('odd/latest', p)), '>', 0.999::float8, 'planted rows have the highest scores; a label measures them') FROM points AS p;
SELECT ok(mlops.predict('odd/latest', '{"a": 0, "b": 0, "kind": "x"}'::jsonb) < mlops.predict('odd/latest', '{"a": 0, "b": 0, "kind": "never seen"}'::jsonb) + 0.2, 'an unseen category has a score');
SELECT isnt(mlops.predict('odd/latest', '{"a": null, "b": null, "kind": null}'::jsonb), NULL, 'and so has a row without values');
SELECT is(mlops.predict_json('odd/latest', '{"a": 0, "b": 0, "kind": "x"}'::jsonb) -> 'label', 'null'::jsonb, 'predict_json: no label');
SELECT throws_like($$SELECT mlops.predict_label('odd/latest', p) FROM points AS p$$, '%has no labels: its task is anomaly', 'predict_label');
SELECT throws_like($$SELECT mlops.predict_proba('odd/latest', p) FROM points AS p$$, '%has no class probabilities: its task is anomaly', 'predict_proba');
SELECT throws_like($$SELECT * FROM mlops.evaluate('odd/latest')$$, '%has no target to evaluate against', 'evaluate');
SELECT throws_like($$SELECT * FROM mlops.evaluate('odd/latest', 'points')$$, '%has no target to evaluate against', 'evaluate on a source');
SELECT throws_like($$SELECT * FROM mlops.roc_curve('odd/latest', 'points')$$, '%has no target to evaluate against', 'roc_curve');
SELECT ok(model_identical, 'trained again: the same bytes') FROM mlops.verify('odd/latest');

-- explanations are of the logarithm of the score
SELECT cmp_ok(abs(sum(attribution) - ln(mlops.predict('odd/latest', '{"a": 9, "b": 1, "kind": "x"}'::jsonb))), '<', 1e-9::float8, 'attributions add up')
FROM mlops.explain('odd/latest', '{"a": 9, "b": 1, "kind": "x"}'::jsonb);
SELECT bag_eq($$SELECT feature FROM mlops.feature_importance('odd/latest')$$, $$VALUES ('a'), ('b'), ('kind')$$, 'importances');

-- the physical order of rows does not matter, duplicates included
CREATE TABLE doubled AS SELECT a, b, kind FROM points UNION ALL SELECT a, b, kind FROM points WHERE id % 3 = 0;
CREATE TABLE shuffled AS SELECT * FROM doubled ORDER BY md5(a::text || b::text || kind);
SELECT count(*) FROM mlops.train('doubled', 'doubled', algorithm => 'isolation_forest');
SELECT count(*) FROM mlops.train('shuffled', 'shuffled', algorithm => 'isolation_forest');
SELECT is((SELECT model_sha256 FROM mlops.versions WHERE model = 'doubled'), (SELECT model_sha256 FROM mlops.versions WHERE model = 'shuffled'), 'any order of rows gives the same model');

-- contamination
SELECT count(*) FROM mlops.train('odd', 'points', algorithm => 'isolation_forest', key => 'id', exclude => '{planted}', split => '"none"', params => '{"contamination": 0.01}');
SELECT is(count(*) FILTER (WHERE mlops.predict('odd/latest', p) >= threshold), 30::bigint, 'contamination: so many rows reach the threshold')
FROM points AS p, (SELECT value AS threshold FROM mlops.fit_statistics('odd/latest') WHERE statistic = 'threshold') AS t;

-- weights, shares
SELECT count(*) FROM mlops.train('light', 'SELECT *, CASE WHEN planted THEN 0 ELSE 1 END AS w FROM points', algorithm => 'isolation_forest', weight => 'w', key => 'id', exclude => '{planted}', split => '"none"', params => '{"max_samples": 0.1}');
SELECT is(value, 297::float8, 'max_samples as a share of rows with weight') FROM mlops.fit_statistics('light/latest') WHERE statistic = 'samples';

-- mistakes
SELECT throws_like($$SELECT mlops.train('bad', 'points', target => 'planted', algorithm => 'isolation_forest')$$, '%task anomaly has no target', 'a target');
SELECT throws_like($$SELECT mlops.train('bad', 'points', target => 'planted', task => 'anomaly', algorithm => 'isolation_forest')$$, '%task anomaly has no target', 'a target with the task');
SELECT throws_like($$SELECT mlops.train('bad', 'points', task => 'regression', algorithm => 'isolation_forest')$$, '%does not do regression', 'another task');
SELECT throws_like($$SELECT mlops.train('bad', 'points', task => 'anomaly')$$, '%does not do anomaly', 'another algorithm');
SELECT throws_like($$SELECT mlops.train('bad', 'points', algorithm => 'isolation_forest', positive => 'x')$$, '%has no positive class', 'a positive class');
SELECT throws_like($$SELECT mlops.train('bad', 'points', algorithm => 'isolation_forest', threshold => '0.5')$$, 'threshold and calibrate need%', 'a threshold');
SELECT throws_like($$SELECT mlops.train('bad', 'points', algorithm => 'isolation_forest', split => '"stratified"')$$, 'a stratified split needs%', 'strata');
SELECT throws_like($$SELECT mlops.train('bad', 'points', algorithm => 'isolation_forest', params => '{"contamination": 0.7}')$$, '%contamination%', 'contamination out of range');
SELECT throws_like($$SELECT mlops.train('bad', 'SELECT * FROM points WHERE false', algorithm => 'isolation_forest')$$, '%no rows', 'no rows');
ROLLBACK;

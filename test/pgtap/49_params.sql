-- Parameters: weights of classes by name, where values come from, their defaults as JSON.
SELECT plan(32);

-- weights of classes are factors on the weights of their rows
CREATE TABLE weighed AS
SELECT id, glucose, mass, age, diabetes AS label, CASE WHEN glucose < 100 THEN 'low' WHEN glucose < 130 THEN 'middle' ELSE 'high' END AS level,
       CASE diabetes WHEN 'pos' THEN 3 ELSE 0.5 END AS w, CASE WHEN glucose < 100 THEN 4 ELSE 1 END AS w_low
FROM test.pima_diabetes WHERE glucose IS NOT NULL AND mass IS NOT NULL;  -- what is missing takes the weighted mean
CREATE FUNCTION twins(algorithm text, params jsonb, weights jsonb, label text, w text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    others text[] = CASE label WHEN 'label' THEN '{w,w_low,level}' ELSE '{w,w_low,label,glucose}' END;
BEGIN
    PERFORM mlops.train('named', 'weighed', label, algorithm, params || jsonb_build_object('class_weight', weights),
                        exclude => others, key => 'id', split => '"none"');
    PERFORM mlops.train('plain', 'weighed', label, algorithm, params, weight => w, exclude => array_remove(others, w), key => 'id', split => '"none"');
    RETURN algorithm;
END $$;

SELECT twins('logistic', '{}', '{"pos": 3, "neg": 0.5}', 'label', 'w');
SELECT ok(max(abs(a.estimate / b.estimate - 1)) < 1e-8 AND max(abs(a.std_error / b.std_error - 1)) < 1e-8, 'logistic: as rows of that weight')
FROM mlops.coefficients('named/latest') AS a JOIN mlops.coefficients('plain/latest') AS b USING (term);
SELECT mlops.train('bare', 'weighed', 'label', 'logistic', exclude => '{w,w_low,level}', key => 'id', split => '"none"');
SELECT ok(max(abs(a.estimate - b.estimate)) > 0.1, '... which is another model than without')
FROM mlops.coefficients('named/latest') AS a JOIN mlops.coefficients('bare/latest') AS b USING (term);
SELECT twins('logistic', '{}', '{"low": 4}', 'level', 'w_low');
SELECT ok(max(abs(a.estimate / b.estimate - 1)) < 1e-7 AND max(abs(a.std_error / b.std_error - 1)) < 1e-7 AND count(*) = 6,
          'three classes: those that are not named keep their weight')
FROM mlops.coefficients('named/latest') AS a JOIN mlops.coefficients('plain/latest') AS b USING (class, term) WHERE a.estimate <> 0;

CREATE FUNCTION differing(label text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM weighed AS r WHERE mlops.predict_proba('named/latest', r) IS DISTINCT FROM mlops.predict_proba('plain/latest', r)
$$;
SELECT twins('gbm', '{"n_estimators": 10}', '{"pos": 3, "neg": 0.5}', 'label', 'w');
SELECT is(differing('label'), 0::bigint, 'gbm: as rows of that weight, bit for bit');
SELECT twins('gbm', '{"n_estimators": 5}', '{"low": 4}', 'level', 'w_low');
SELECT is(differing('level'), 0::bigint, '... three classes');
SELECT twins('random_forest', '{"n_estimators": 10}', '{"pos": 3, "neg": 0.5}', 'label', 'w');
SELECT is(differing('label'), 0::bigint, 'random_forest');
SELECT twins('decision_tree', '{}', '{"pos": 3, "neg": 0.5}', 'label', 'w');
SELECT is(differing('label'), 0::bigint, 'decision_tree');
SELECT mlops.train('balanced', 'weighed', 'label', 'decision_tree', '{"class_weight": "balanced"}', exclude => '{w,w_low,level}', key => 'id', split => '"none"');
SELECT mlops.train('balanced', 'weighed', 'label', 'decision_tree', jsonb_build_object('class_weight', jsonb_build_object('pos', 752 / (2 * 264.0::float8), 'neg', 752 / (2 * 488.0::float8))),
                   exclude => '{w,w_low,level}', key => 'id', split => '"none"');
SELECT is((SELECT count(*) FROM weighed AS r WHERE mlops.predict('balanced/1', r) IS DISTINCT FROM mlops.predict('balanced/2', r)), 0::bigint,
          'the weights that "balanced" finds can be given');

SELECT mlops.train('flag', 'SELECT id, glucose, mass, diabetes = ''pos'' AS label FROM test.pima_diabetes', 'label', 'logistic', '{"class_weight": {"true": 3}}', key => 'id');
SELECT is((SELECT value FROM mlops.model_params('flag/1') WHERE param = 'class_weight'), '{"true": 3}', 'classes of a boolean target');
SELECT is(mlops.model_value('flag/1')::jsonb #> '{params,class_weight}', '{"true": 3}', 'in the view of a value');
SELECT is((mlops.model_value('flag/1')::text)::mlops.model::text, mlops.model_value('flag/1')::text, 'the value can be written and read');
SELECT is((SELECT array_agg(model_identical) FROM mlops.verify('flag/1')), '{t}', 'verify makes it again');
SELECT is((SELECT count(*) FROM mlops.tune('tuned', 'weighed', 'label', 'logistic', '{"class_weight": ["none", {"pos": 2}]}', strategy => 'grid', folds => 2,
                                           exclude => '{w,w_low,level}', key => 'id')), 1::bigint, 'a search tries them');
SELECT is((SELECT count(DISTINCT eval_loss) FROM mlops.trials WHERE model = 'tuned'), 2::bigint, '... each by itself');

SELECT throws_ok($$SELECT mlops.train('m', 'weighed', 'label', 'logistic', '{"class_weight": {"yes": 3}}')$$, '22023',
    'parameter "class_weight" names "yes", which is not a class of the target', 'a class that is none');
SELECT throws_ok($$SELECT mlops.train('m', 'weighed', 'label', 'gbm', '{"class_weight": {"yes": 3}}')$$, '22023',
    'parameter "class_weight" names "yes", which is not a class of the target', '... of trees');
SELECT throws_ok($$SELECT mlops.train('m', 'weighed', 'label', 'gbm', '{"class_weight": {"pos": "3"}}')$$, '22023',
    'parameter "class_weight" of algorithm "gbm" takes numbers, but "pos" has another value', 'a weight that is no number');
SELECT throws_ok($$SELECT mlops.train('m', 'weighed', 'label', 'gbm', '{"class_weight": {"pos": 0}}')$$, '22023', NULL, 'a weight of zero');
SELECT throws_ok($$SELECT mlops.train('m', 'weighed', 'label', 'gbm', '{"class_weight": {}}')$$, '22023', NULL, 'no weight');
SELECT throws_ok($$SELECT mlops.train('m', 'weighed', 'label', 'gbm', '{"num_leaves": {"pos": 1}}')$$, '22023',
    'parameter "num_leaves" of algorithm "gbm" must be an integer, not an object', 'an object where none belongs');

-- where values come from
SELECT mlops.train('origin', 'weighed', 'label', 'gbm', '{"n_estimators": 5, "num_leaves": 4, "reg_lambda": 1}', exclude => '{w,w_low,level}', key => 'id');
SELECT results_eq($$SELECT param, origin FROM mlops.model_params('origin/1')
                    WHERE param IN ('n_estimators', 'num_leaves', 'learning_rate', 'reg_lambda', 'quantile_alpha') ORDER BY 1$$,
    $$VALUES ('learning_rate', 'chosen'), ('n_estimators', 'given'), ('num_leaves', 'given'), ('quantile_alpha', 'default'), ('reg_lambda', 'default')$$,
    'given, chosen from the data, default: also where the default was given');
SELECT mlops.train('net', 'SELECT id, glucose, mass, age, pressure FROM test.pima_diabetes WHERE pressure IS NOT NULL', 'glucose', 'elastic_net', key => 'id', task => 'regression');
SELECT is((SELECT value::float8 FROM mlops.model_params('net/1') WHERE param = 'alpha' AND origin = 'chosen'),
          (SELECT value FROM mlops.fit_statistics('net/1') WHERE statistic = 'alpha'), 'the penalty that was chosen');
SELECT is((SELECT (params ->> 'alpha')::float8 FROM mlops.versions WHERE model = 'net'),
          (SELECT value FROM mlops.fit_statistics('net/1') WHERE statistic = 'alpha'), '... is recorded with the version');
SELECT mlops.train('net', 'SELECT id, glucose, mass, age, pressure FROM test.pima_diabetes WHERE pressure IS NOT NULL', 'glucose', 'elastic_net', '{"alpha": 0.5}', key => 'id', task => 'regression');
SELECT is((SELECT origin || ' ' || value FROM mlops.model_params('net/2') WHERE param = 'alpha'), 'given 0.5', '... and a given one is told apart');
SELECT ok(mean <> max, 'each fold chooses anew') FROM mlops.cross_validate('SELECT id, glucose, mass, age FROM test.pima_diabetes', 'glucose', 'elastic_net', key => 'id', task => 'regression', folds => 3)
WHERE metric = 'r2_score';

SELECT mlops.train('words', 'weighed', 'label', algorithm, params, exclude => '{w,w_low,level}', key => 'id')
FROM (VALUES (1, 'glm', '{}'::jsonb), (2, 'glm', '{"family": "binomial"}'), (3, 'decision_tree', '{}'), (4, 'decision_tree', '{"criterion": "gini"}')) AS given (n, algorithm, params) ORDER BY n;
SELECT results_eq($$SELECT v.version, p.value, p.origin FROM mlops.versions v, mlops.model_params('words/' || v.version) p
                    WHERE v.model = 'words' AND p.param IN ('family', 'criterion') ORDER BY 1$$,
    $$VALUES (1, 'binomial', 'chosen'), (2, 'binomial', 'given'), (3, 'gini', 'chosen'), (4, 'gini', 'given')$$, 'words that follow from the target, too');
SELECT is((SELECT params ->> 'family' FROM mlops.versions WHERE model = 'words' AND version = 1), 'binomial', '... as the version records them');

-- one parameter in the words of another
SELECT mlops.train('inverse', 'weighed', 'label', 'logistic', params, exclude => '{w,w_low,level}', key => 'id', calibrate => 'platt', split => '{"refit": true}')
FROM (VALUES (1, '{"C": 0.25}'::jsonb), (2, '{"reg_lambda": 4}')) AS given (n, params) ORDER BY n;
SELECT results_eq($$SELECT param, value, origin FROM mlops.model_params('inverse/1') WHERE param IN ('C', 'reg_lambda') ORDER BY 1$$,
    $$VALUES ('C', '0.25', 'given'), ('reg_lambda', '4', 'given')$$, 'the penalty that C stands for is shown as the one in use');
SELECT results_eq($$SELECT term, estimate FROM mlops.coefficients('inverse/1')$$, $$SELECT term, estimate FROM mlops.coefficients('inverse/2')$$,
    '... and makes the same model');

-- defaults
SELECT is(params -> 'max_depth', '-1', 'numbers are numbers') FROM mlops.algorithms WHERE algorithm = 'gbm';
SELECT is(params -> 'fit_intercept', 'true', 'truths are truths') FROM mlops.algorithms WHERE algorithm = 'linear';
SELECT is(params -> 'class_weight', '"none"', 'words are words') FROM mlops.algorithms WHERE algorithm = 'gbm';

SELECT finish();

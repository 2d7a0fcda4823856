-- Why predictions are what they are: attributions add up, agree with what is known of the data, and need the right privileges.
SELECT plan(73);
\ir include/predict.sql

-- linear: attributions by hand; the training rows are those that evaluate leaves out, found one by one
CREATE FUNCTION pg_temp.is_training(id int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mlops.evaluate('lin', format('SELECT * FROM public.lin WHERE id = %s', id));
    RETURN false;
EXCEPTION WHEN no_data_found THEN
    RETURN true;
END $$;
CREATE TABLE pg_temp.training AS SELECT id FROM public.lin WHERE pg_temp.is_training(id);
CREATE TABLE public.explained AS SELECT l.id, e.* FROM public.lin l, mlops.explain('lin', l) e;
SELECT is((SELECT array_agg(feature ORDER BY ord) FROM mlops.explain('lin', 3, 2.5::float8, 7::numeric) WITH ORDINALITY e(feature, value, attribution, ord)),
    (SELECT array_agg(feature ORDER BY feature <> '(baseline)', abs(attribution) DESC) FROM mlops.explain('lin', 3, 2.5::float8, 7::numeric)), 'the baseline first, then what counts most');
SELECT is((SELECT count(*) FROM (SELECT id, sum(attribution) AS s FROM public.explained GROUP BY id) e JOIN public.lin l USING (id) WHERE abs(s - y) > 1e-9), 0::bigint, 'they add up to the prediction');
SELECT is((SELECT count(DISTINCT attribution) FROM public.explained WHERE feature = '(baseline)'), 1::bigint, 'one baseline');
SELECT is((SELECT count(*) FROM public.explained e JOIN public.lin l USING (id),
    (SELECT avg(a) AS a, avg(b) AS b, avg(c) AS c FROM public.lin r WHERE EXISTS (SELECT FROM pg_temp.training WHERE id = r.id)) m
    WHERE feature <> '(baseline)' AND abs(attribution - CASE feature WHEN 'a' THEN 2 * (l.a - m.a) WHEN 'b' THEN -3 * (l.b - m.b) ELSE 0.5 * (l.c::float8 - m.c::float8) END) > 1e-9)
    , 0::bigint, 'coefficient times distance from the mean of the training rows');
SELECT is((SELECT count(*) FROM public.explained e JOIN public.lin l USING (id) WHERE feature = 'a' AND value <> a::text), 0::bigint, 'values as text');
SELECT is((SELECT count(*) FROM (SELECT m.id, sum(attribution) AS s FROM public.mixed m, mlops.explain('mixed', m) GROUP BY m.id) e JOIN public.mixed m USING (id)
    WHERE abs(s - mlops.predict('mixed', m)) > 1e-9 * abs(s)), 0::bigint, 'every kind of feature');
SELECT is((SELECT array_agg(value ORDER BY feature COLLATE "C") FROM public.mixed m, mlops.explain('mixed', m) WHERE m.id = 5 AND feature <> '(baseline)' AND feature NOT IN ('at', 'plain')),
    (SELECT array_agg(v ORDER BY f COLLATE "C") FROM public.mixed m, LATERAL (VALUES ('n', n::text), ('flag', flag::text), ('contract', contract), ('grade', grade::text),
        ('padded', rtrim(padded)), ('code', code::text), ('day', to_char(day, 'YYYY-MM-DD')), ('emb', replace(emb::text, ' ', '')), ('gap', extract(epoch FROM gap)::int::text), ('sv', sv::text),
        ('amount', amount::text)) t(f, v) WHERE m.id = 5 AND f IN (SELECT feature FROM mlops.features('mixed'))), 'texts of values');
SELECT is((SELECT value FROM mlops.explain('lin', NULL::int, 2.5::float8, 7::numeric) WHERE feature = 'a'), NULL, 'a missing value has none');
SELECT is((SELECT count(*) FROM mlops.explain('lin', NULL::public.lin)), 0::bigint, 'no row, no explanation');
SELECT is((SELECT count(*) FROM mlops.explain(NULL::text, 1, 2)), 0::bigint, 'no model either');
SELECT is((SELECT array_agg(e::text ORDER BY e.feature) FROM mlops.explain('lin', 3, 2.5::float8, 7::numeric) e),
    (SELECT array_agg(e::text ORDER BY e.feature) FROM mlops.explain('lin', '{"a": 3, "b": 2.5, "c": 7, "more": 1}'::jsonb) e), 'by jsonb as by values');
SELECT is((SELECT array_agg(e::text ORDER BY e.feature) FROM mlops.explain('lin', 3, 2.5::float8, 7::numeric) e),
    (SELECT array_agg(e::text ORDER BY e.feature) FROM mlops.explain(mlops.model_value('lin'), 3, 2.5::float8, 7::numeric) e), 'by value as by reference');
SELECT matches(pg_temp.failure($$SELECT mlops.explain('lin', 1, 2)$$), '^22023 .*needs 3 features', 'errors of predict');

-- reasons
SELECT is((SELECT mlops.reasons('one', 3, 100)), (SELECT ARRAY[format('x = 100 (+%s)', round(attribution::numeric, 2))] FROM mlops.explain('one', 100) WHERE feature = 'x'), 'a reason');
SELECT is(mlops.reasons('lin', 2, 3, 2.5::float8, 7::numeric), (SELECT array_agg(format('%s = %s (%s)', feature, value, to_char(attribution, 'FMSG99990.00')) ORDER BY ord)
    FROM mlops.explain('lin', 3, 2.5::float8, 7::numeric) WITH ORDINALITY e(feature, value, attribution, ord) WHERE ord IN (2, 3)), 'the two that count most');
SELECT is(cardinality(mlops.reasons('lin', 100, 3, 2.5::float8, 7::numeric)), 3, 'no more than there are');
SELECT is(mlops.reasons('lin', NULL, 3, 2.5::float8, 7::numeric), NULL, 'k NULL');
SELECT is(mlops.reasons('lin', 3, NULL::public.lin), NULL, 'no row');
SELECT matches(pg_temp.failure($$SELECT mlops.reasons('lin', 0, 1, 2.0::float8, 3)$$), '^22023 .*between 1 and', 'k 0');

-- telco_churn, by logistic regression and by trees
SELECT mlops.train('churn', 'crm.customers', target => 'churn', algorithm => 'logistic', key => 'customer_id');
SELECT mlops.train('trees', 'crm.customers', target => 'churn', algorithm => 'gbm', key => 'customer_id');
SELECT mlops.promote('churn', 1), mlops.promote('trees', 1);
CREATE FUNCTION pg_temp.worst(model text) RETURNS float8 LANGUAGE sql AS $$
    SELECT max(abs(s - ln(p / (1 - p)))) FROM (SELECT mlops.predict(model, c) AS p, (SELECT sum(attribution) FROM mlops.explain(model, c)) AS s FROM crm.customers c) x $$;
SELECT cmp_ok(pg_temp.worst('churn'), '<', 1e-9::float8, 'logistic: log-odds');
SELECT cmp_ok(pg_temp.worst('trees'), '<', 1e-9::float8, 'trees: log-odds');
SELECT is((SELECT value FROM crm.customers c, mlops.explain('trees', c) WHERE feature = '(baseline)' LIMIT 1), 'Yes', 'of the positive class');
SELECT is((SELECT count(DISTINCT attribution) FROM (SELECT * FROM crm.customers LIMIT 50) c, mlops.explain('trees', c) WHERE feature = '(baseline)'), 1::bigint, 'one baseline for all');
SELECT is((SELECT (array_agg(feature))[1:2] @> ARRAY['contract'] FROM mlops.global_explain('trees', 'crm.customers')), true, 'the contract counts');
SELECT is((SELECT (array_agg(feature ORDER BY importance_weight * importance_gain DESC))[1:2] @> ARRAY['contract'] FROM mlops.feature_importance('trees')), true, 'in training too');
SELECT is((SELECT max(abs(g.attribution - m.mean)) < 1e-12 FROM mlops.global_explain('trees', 'SELECT * FROM crm.customers ORDER BY customer_id LIMIT 200') g
    JOIN (SELECT feature, avg(abs(attribution)) AS mean FROM (SELECT * FROM crm.customers ORDER BY customer_id LIMIT 200) c, mlops.explain('trees', c) GROUP BY 1) m USING (feature)), true, 'means of sizes');
SELECT is((SELECT count(*) FROM mlops.global_explain('trees', 'SELECT * FROM crm.customers WHERE false')), 0::bigint, 'of no rows');
SELECT matches(pg_temp.failure($$SELECT mlops.global_explain('trees', 'SELECT 1 AS x')$$), '^42703 .*lacks', 'of rows without the features');
SELECT matches((SELECT mlops.reasons('trees', 1, c) FROM crm.customers c ORDER BY mlops.predict('trees', c) DESC LIMIT 1)[1], '^[a-z_]+ = .+ \(\+[0-9]+\.[0-9]{2}\)$', 'what a sales person reads');
SELECT is((SELECT array_agg(e::text) FROM mlops.explain('trees', (SELECT c FROM crm.customers c ORDER BY customer_id LIMIT 1)) e),
    (SELECT array_agg(e::text) FROM crm.customers c, mlops.explain(mlops.model_value('trees'), c) e WHERE c.customer_id = (SELECT min(customer_id) FROM crm.customers)), 'the same by value');

-- several classes: the margin of the class that is predicted
CREATE TABLE public.kinds AS SELECT i AS id, i % 13 AS a, i * 7 % 19 AS b, i * 5 % 11 AS noise,
    CASE WHEN i % 13 > 8 THEN 'high' WHEN i * 7 % 19 > 12 THEN 'middle' ELSE 'low' END AS kind FROM generate_series(1, 900) i;
SELECT mlops.train('kinds', 'public.kinds', target => 'kind', algorithm => 'logistic', key => 'id', params => '{"reg_lambda": 1}');
SELECT mlops.train('kinds', 'public.kinds', target => 'kind', algorithm => 'gbm', key => 'id');
SELECT is((SELECT count(*) FROM public.kinds k, (VALUES (1), (2)) t(v), mlops.explain('kinds/' || v, k) e WHERE feature = '(baseline)' AND value <> mlops.predict_label('kinds/' || v, k)), 0::bigint, 'the predicted class');
-- linear models tell classes apart by differences of margins: the mean of all is taken away, so no class is left without reasons
SELECT is((SELECT count(*) FROM (SELECT mlops.predict_proba('kinds/1', k) AS p, (SELECT sum(attribution) FROM mlops.explain('kinds/1', k)) AS s FROM public.kinds k) x
    WHERE abs(s - (SELECT ln(max(q)) - avg(ln(q)) FROM unnest(p) q)) > 1e-9 * greatest(abs(s), 1)), 0::bigint, 'its log-probability less the mean of all');
SELECT is((SELECT count(*) FROM public.kinds k, unnest(mlops.classes('kinds/1')) WITH ORDINALITY c(class, i), LATERAL (SELECT sum(attribution) AS s FROM mlops.explain_class('kinds/1', c.class, k)) e
    WHERE abs(s - (SELECT ln(p[c.i]) - avg(ln(q)) FROM mlops.predict_proba('kinds/1', k) p, unnest(p) q GROUP BY p)) > 1e-9 * greatest(abs(s), 1)), 0::bigint, 'of each class');
SELECT is((SELECT count(*) FROM public.kinds k, unnest(mlops.classes('kinds/1')) c(class), mlops.explain_class('kinds/1', c.class, k) e WHERE feature = 'a' AND attribution = 0), 0::bigint, 'the first class too');
CREATE FUNCTION pg_temp.softmax_differs(model text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM public.kinds k, LATERAL (SELECT array_agg(s ORDER BY i) AS s FROM unnest(mlops.classes(model)) WITH ORDINALITY c(class, i),
        LATERAL (SELECT exp(sum(attribution)) AS s FROM mlops.explain_class(model, c.class, k)) e) e, mlops.predict_proba(model, k) p
    WHERE (SELECT max(abs(v / (SELECT sum(u) FROM unnest(e.s) u) - p[i])) FROM unnest(e.s) WITH ORDINALITY x(v, i)) > 1e-9 $$;
SELECT is(pg_temp.softmax_differs('kinds/1'), 0::bigint, 'margins of all classes are the probabilities: linear');
SELECT is(pg_temp.softmax_differs('kinds/2'), 0::bigint, 'trees');
SELECT is((SELECT count(*) FROM public.kinds k, LATERAL (SELECT array_agg(e::text) AS e FROM mlops.explain('kinds/2', k) e) e,
    LATERAL (SELECT array_agg(f::text) AS f FROM mlops.explain_class('kinds/2', mlops.predict_label('kinds/2', k), k) f) f WHERE e <> f), 0::bigint, 'the predicted class by name');
SELECT is((SELECT array_agg(e::text) FROM mlops.explain_class('kinds/2', 'low', 1, 2, 3) e), (SELECT array_agg(e::text) FROM mlops.explain_class(mlops.model_value('kinds/2'), 'low', VARIADIC ARRAY[1, 2, 3]) e), 'by value');
SELECT is((SELECT count(*) FROM mlops.explain_class('kinds/2', NULL, 1, 2, 3)), 0::bigint, 'no class, no rows');
SELECT matches(pg_temp.failure($$SELECT mlops.explain_class('kinds/2', 'hihg', 1, 2, 3)$$), '^22023 .*no class "hihg"', 'an unknown class');
SELECT matches(pg_temp.failure($$SELECT mlops.explain_class('lin', 'x', 1, 2, 3)$$), '^0A000 .*regression', 'no classes');
-- of two classes
SELECT is((SELECT count(*) FROM (SELECT * FROM crm.customers LIMIT 50) c, mlops.explain('trees', c) e JOIN LATERAL mlops.explain_class('trees', 'No', c) o USING (feature)
    WHERE e.attribution <> -o.attribution), 0::bigint, 'the other class has the other sign');
SELECT is((SELECT value FROM mlops.explain_class('trees', 'No', (SELECT c FROM crm.customers c LIMIT 1)) WHERE feature = '(baseline)'), 'No', 'and its name');
SELECT is((SELECT feature FROM mlops.global_explain('kinds/2', 'public.kinds') ORDER BY attribution LIMIT 1), 'noise', 'noise counts least');

-- forests average values and probabilities
SELECT mlops.train('forest_value', 'public.lin', target => 'y', algorithm => 'random_forest', key => 'id', params => '{"n_estimators": 20}');
SELECT mlops.train('forest_class', 'public.kinds', target => 'kind', algorithm => 'random_forest', key => 'id', params => '{"n_estimators": 20}');
SELECT mlops.train('tree_class', 'SELECT id, a, b, noise, kind = $$high$$ AS high FROM public.kinds', target => 'high', algorithm => 'decision_tree', key => 'id');
SELECT mlops.train('odd', 'SELECT id, a, b FROM public.kinds', algorithm => 'isolation_forest', key => 'id');
SELECT cmp_ok((SELECT max(abs(mlops.predict('forest_value/1', l) - (SELECT sum(attribution) FROM mlops.explain('forest_value/1', l)))) FROM public.lin l), '<', 1e-9::float8, 'a forest''s value');
SELECT cmp_ok((SELECT max(abs((SELECT max(q) FROM unnest(mlops.predict_proba('forest_class/1', k)) q) - (SELECT sum(attribution) FROM mlops.explain('forest_class/1', k)))) FROM public.kinds k),
    '<', 1e-9::float8, 'a forest''s probability of the predicted class');
SELECT cmp_ok((SELECT max(abs(mlops.predict('tree_class/1', k) - (SELECT sum(attribution) FROM mlops.explain('tree_class/1', k)))) FROM public.kinds k), '<', 1e-9::float8, 'a tree''s probability');
SELECT cmp_ok((SELECT max(abs(ln(mlops.predict('odd/1', k)) - (SELECT sum(attribution) FROM mlops.explain('odd/1', k)))) FROM public.kinds k), '<', 1e-9::float8, 'how odd a row is');

SELECT cmp_ok((SELECT max(abs(1 - mlops.predict('tree_class/1', k) - (SELECT sum(attribution) FROM mlops.explain_class('tree_class/1', 'false', k)))) FROM public.kinds k), '<', 1e-9::float8, 'of the other class');

-- naive Bayes: how much likelier each value is under one class, from counts, means and variances of the rows
SELECT setseed(0.25);
CREATE TABLE public.evidence AS SELECT i AS id, random() + (i % 3 = 0)::int * 0.3 AS x, random() < 0.3 + 0.4 * (i % 3 = 0)::int AS flag,
    (ARRAY['red', 'green', 'blue'])[1 + floor(3 * random() ^ (1 + (i % 3 = 0)::int))::int] AS colour, i % 3 = 0 AS y FROM generate_series(1, 600) i;
SELECT mlops.train('evidence', 'public.evidence', target => 'y', algorithm => 'naive_bayes', key => 'id', split => '"none"');
SELECT cmp_ok((SELECT max(abs(s - ln(p / (1 - p))) / greatest(abs(s), 1)) FROM (SELECT mlops.predict('evidence/1', e) AS p, (SELECT sum(attribution) FROM mlops.explain('evidence/1', e)) AS s
    FROM public.evidence e) x WHERE p BETWEEN 1e-6 AND 1 - 1e-6), '<', 1e-9::float8, 'naive Bayes: they add up to the log-odds');
CREATE VIEW public.densities AS
    WITH per_class AS (SELECT y, count(*) AS n, avg(x) AS m, var_pop(x) + 1e-9 * (SELECT var_pop(x) FROM public.evidence) AS v, (count(*) FILTER (WHERE flag) + 1.0) / (count(*) + 2) AS t FROM public.evidence GROUP BY y),
        colours AS (SELECT c.y, l.colour, ln((SELECT count(*) + 1.0 FROM public.evidence e WHERE e.y = c.y AND e.colour = l.colour) / (c.n + (SELECT count(DISTINCT colour) FROM public.evidence))) AS d
            FROM per_class c, (SELECT DISTINCT colour FROM public.evidence) l)
    SELECT e.id, c.y, ln(c.n / 600.0)::float8 AS prior, -0.5 * ln(c.v) - (e.x - c.m) ^ 2 / (2 * c.v) AS x, ln(CASE WHEN e.flag THEN c.t ELSE 1 - c.t END)::float8 AS flag, o.d::float8 AS colour
    FROM public.evidence e, per_class c JOIN colours o USING (y) WHERE o.colour = e.colour;
SELECT cmp_ok((SELECT max(abs(a.attribution - CASE a.feature WHEN '(baseline)' THEN t.prior - f.prior WHEN 'x' THEN t.x - f.x WHEN 'flag' THEN t.flag - f.flag ELSE t.colour - f.colour END))
    FROM public.evidence e JOIN public.densities t ON t.id = e.id AND t.y JOIN public.densities f ON f.id = e.id AND NOT f.y, mlops.explain('evidence/1', e) a), '<', 1e-9::float8, 'and are ratios of densities, with the prior as the baseline');
SELECT mlops.train('bayes', 'public.kinds', target => 'kind', algorithm => 'naive_bayes', key => 'id');
SELECT is(pg_temp.softmax_differs('bayes/1'), 0::bigint, 'of several classes');
SELECT cmp_ok((SELECT max(abs(s)) FROM public.kinds k, LATERAL (SELECT sum(attribution) AS s FROM unnest(mlops.classes('bayes/1')) c(class), mlops.explain_class('bayes/1', c.class, k) e GROUP BY feature) f), '<', 1e-6::float8, 'which cancel');

-- what has no importances
SELECT matches(pg_temp.failure($$SELECT mlops.feature_importance('bayes/1')$$), '^0A000 .*permutation_importance', 'its importances');

-- importances
SELECT is((SELECT sum(importance_weight) FROM mlops.feature_importance('trees')) > 100, true, 'numbers of splits');
SELECT is((SELECT count(*) FROM mlops.feature_importance('trees') WHERE importance_weight > 0 AND NOT (importance_gain > 0 AND importance_cover > 0)), 0::bigint, 'gain and cover where there are splits');
SELECT is((SELECT array_agg(feature) FROM mlops.feature_importance('lin')), ARRAY['a', 'b', 'c'], 'linear: by coefficient and spread');
SELECT is((SELECT abs(importance_gain - 2 * (SELECT stddev_pop(a) FROM public.lin l WHERE EXISTS (SELECT FROM pg_temp.training WHERE id = l.id))::float8) < 1e-9 FROM mlops.feature_importance('lin') WHERE feature = 'a'),
    true, 'the coefficient times the standard deviation');
SELECT is((SELECT count(*) FROM mlops.feature_importance('lin') WHERE importance_cover IS NOT NULL OR importance_weight <> 1), 0::bigint, 'without cover');

SELECT is((SELECT feature FROM mlops.permutation_importance('kinds/2', 'public.kinds', rows => 'all') ORDER BY importance LIMIT 1), 'noise', 'permutation: noise counts least');
SELECT is((SELECT bool_and(importance > 0.1) FROM mlops.permutation_importance('kinds/2', 'public.kinds', 'accuracy', 'all') WHERE feature <> 'noise'), true, 'the others do');
SELECT is((SELECT array_agg(p::text) FROM mlops.permutation_importance('kinds/2', 'SELECT * FROM public.kinds ORDER BY id', rows => 'all') p),
    (SELECT array_agg(p::text) FROM mlops.permutation_importance('kinds/2', 'SELECT * FROM public.kinds ORDER BY b, id DESC', rows => 'all') p), 'in any order of rows');
SELECT is((SELECT count(*) FROM mlops.permutation_importance('lin')), 3::bigint, 'of the recorded source');
SELECT is((SELECT array_agg(importance > 0 ORDER BY feature) FROM mlops.permutation_importance('lin', 'SELECT -i AS id, i AS a, 1.0::float8 AS b, i % 2::numeric AS c, 2.0 * i - 3 + 0.5 * (i % 2) AS y FROM generate_series(1, 50) i', 'root_mean_squared_error')),
    ARRAY[true, false, true], 'of any source: a column that is constant there says nothing there');
SELECT cmp_ok((SELECT importance FROM mlops.permutation_importance('lin') WHERE feature = 'a'), '>', 5::float8, 'by a loss: the error becomes larger');
SELECT is((SELECT count(*) FROM mlops.permutation_importance(NULL::text)), 0::bigint, 'of no model');
SELECT matches(pg_temp.failure($$SELECT mlops.permutation_importance('lin', metric => 'r2_scor')$$), '^22023 .*r2_score', 'an unknown metric');
SELECT matches(pg_temp.failure($$SELECT mlops.permutation_importance('lin', rows => 'some')$$), '^22023 .*"rows"', 'an unknown choice of rows');

-- losses of iterations
SELECT is((SELECT array_agg(iteration ORDER BY iteration) = array_agg(row_number ORDER BY iteration) FROM (SELECT iteration, row_number() OVER (ORDER BY loss DESC)::int FROM mlops.training_info('trees')) t), true,
    'each iteration of boosting lowers the loss');

-- privileges
BEGIN;
CREATE ROLE explain_caller;
GRANT USAGE ON SCHEMA crm TO explain_caller;
GRANT SELECT ON crm.customers TO explain_caller;
SELECT mlops.grant_access('trees', 'explain_caller', 'predict');
SET ROLE explain_caller;
SELECT is((SELECT count(*) > 10 FROM mlops.explain('trees', (SELECT c FROM crm.customers c LIMIT 1))), true, 'explanations need the privilege to predict');
SELECT matches(pg_temp.failure($$SELECT mlops.feature_importance('trees')$$), '^42501', 'importances need read');
SELECT matches(pg_temp.failure($$SELECT mlops.permutation_importance('trees', 'crm.customers')$$), '^42501', 'permutations too');
SELECT matches(pg_temp.failure($$SELECT mlops.explain('churn', c) FROM crm.customers c$$), '^42501', 'no privilege, no explanation');
RESET ROLE;
ROLLBACK;
SELECT * FROM finish();

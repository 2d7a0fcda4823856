-- Models of classes: probabilities are what the coefficients say, labels follow from them.
SELECT plan(23);
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;

CREATE TABLE public.animals AS
SELECT i AS id, (i * 37 % 101)::float8 / 20 AS u, (i * 53 % 89)::float8 / 20 AS v,
    (ARRAY['ape', 'bee', 'cat'])[1 + (i * 37 % 101 + i * 7919 % 60) % 161 / 54] AS kind,
    i * 37 % 101 + i * 7919 % 60 > 80 AS tall
FROM generate_series(1, 1500) i;
SELECT mlops.train('tall', 'SELECT id, u, v, tall FROM public.animals', target => 'tall', algorithm => 'logistic', key => 'id');
SELECT mlops.promote('tall', 1);
SELECT mlops.train('kind', 'SELECT id, u, v, kind FROM public.animals', target => 'kind', algorithm => 'logistic', key => 'id');
SELECT mlops.promote('kind', 1);

-- two classes
SELECT is(mlops.classes('tall'), ARRAY['false', 'true'], 'labels of a boolean');
CREATE FUNCTION pg_temp.margin(model text, label text, u float8, v float8) RETURNS float8 LANGUAGE sql AS $$
    SELECT sum(estimate * CASE term WHEN '(Intercept)' THEN 1 WHEN 'u' THEN u WHEN 'v' THEN v END)
    FROM mlops.coefficients(model) c WHERE c.class IS NOT DISTINCT FROM label $$;
SELECT is((SELECT count(*) FROM public.animals a WHERE id <= 200 AND (abs(mlops.predict('tall', a) - 1 / (1 + exp(-pg_temp.margin('tall', NULL, u, v)))) <= 1e-14) IS NOT TRUE),
    0::bigint, 'predict is the probability of the positive class');
SELECT is((SELECT count(*) FROM public.animals a WHERE mlops.predict_proba('tall', a) IS DISTINCT FROM ARRAY[1 - mlops.predict('tall', a), mlops.predict('tall', a)]),
    0::bigint, 'predict_proba has both');
SELECT is((SELECT count(*) FROM public.animals a WHERE mlops.predict_label('tall', a) IS DISTINCT FROM (mlops.predict('tall', a) >= 0.5)::text), 0::bigint, 'predict_label decides at one half');
SELECT cmp_ok((SELECT avg((mlops.predict_label('tall', a) = tall::text)::int) FROM public.animals a), '>', 0.8, '... mostly right');
SELECT mlops.train('tall', 'SELECT id, u, v, tall FROM public.animals', target => 'tall', algorithm => 'logistic', key => 'id', threshold => '0.9');
SELECT is((SELECT count(*) FROM public.animals a WHERE mlops.predict_label('tall/2', a) IS DISTINCT FROM (mlops.predict('tall/2', a) >= 0.9)::text), 0::bigint, 'or at the threshold that was asked for');
SELECT mlops.train('tall', 'SELECT id, u, v, tall FROM public.animals', target => 'tall', algorithm => 'logistic', key => 'id', positive => 'false');
SELECT is((SELECT count(*) FROM public.animals a WHERE (abs(mlops.predict('tall/3', a) + mlops.predict('tall/1', a) - 1) <= 1e-9) IS NOT TRUE), 0::bigint, 'the other class as the positive one');
SELECT is((SELECT count(*) FROM public.animals a WHERE mlops.predict('tall/3', a) IS DISTINCT FROM (mlops.predict_proba('tall/3', a))[1]), 0::bigint, '... is first all the same');
SELECT is((SELECT count(*) FROM public.animals a WHERE mlops.predict_json('tall', to_jsonb(a)) IS DISTINCT FROM jsonb_build_object(
        'label', mlops.predict_label('tall', a), 'score', mlops.predict('tall', a),
        'probabilities', jsonb_build_object('false', (mlops.predict_proba('tall', a))[1], 'true', (mlops.predict_proba('tall', a))[2]),
        'model', 'tall', 'version', 1)), 0::bigint, 'predict_json says all of it');
SELECT is((SELECT count(*) FROM public.animals a WHERE (mlops.predict_json('tall', to_jsonb(a)) ->> 'score')::float8 IS DISTINCT FROM mlops.predict('tall', a)), 0::bigint, '... to the last bit');
SELECT is((SELECT count(*) FROM public.animals a, (SELECT mlops.model_value('tall') AS model OFFSET 0) m
    WHERE mlops.predict_label(m.model, a) IS DISTINCT FROM mlops.predict_label('tall', a) OR mlops.predict_proba(m.model, a) IS DISTINCT FROM mlops.predict_proba('tall', a)
        OR mlops.predict_json(m.model, to_jsonb(a)) - 'model' - 'version' IS DISTINCT FROM mlops.predict_json('tall', to_jsonb(a)) - 'model' - 'version'), 0::bigint, 'by value the same');

-- several classes
SELECT is(mlops.classes('kind'), ARRAY['ape', 'bee', 'cat'], 'labels of text');
SELECT is((SELECT count(*) FROM public.animals a,
        LATERAL (SELECT array_agg(exp(coalesce(pg_temp.margin('kind', k, u, v), 0)) ORDER BY k) AS e FROM unnest(mlops.classes('kind')) k) m,
        LATERAL (SELECT array_agg(x / (SELECT sum(y) FROM unnest(e) y) ORDER BY i) AS p FROM unnest(e) WITH ORDINALITY t (x, i)) t,
        LATERAL unnest(p, mlops.predict_proba('kind', a)) d (truth, proba)
    WHERE id <= 100 AND (abs(truth - proba) <= 1e-13) IS NOT TRUE), 0::bigint, 'probabilities are the softmax of the coefficients');
SELECT is((SELECT count(*) FROM public.animals a WHERE (abs((SELECT sum(p) FROM unnest(mlops.predict_proba('kind', a)) p) - 1) <= 1e-15 * 4) IS NOT TRUE), 0::bigint, 'they sum to one');
SELECT is((SELECT count(*) FROM public.animals a WHERE mlops.predict_label('kind', a) <>
        (SELECT k FROM unnest(mlops.classes('kind'), mlops.predict_proba('kind', a)) t (k, p) ORDER BY p DESC LIMIT 1)), 0::bigint, 'the label is the likeliest');
SELECT cmp_ok((SELECT avg((mlops.predict_label('kind', a) = kind)::int) FROM public.animals a), '>', 0.6, '... mostly right');
SELECT is((SELECT count(*) FROM public.animals a WHERE (mlops.predict_json('kind', to_jsonb(a)) ->> 'score')::float8 <>
        (SELECT max(p) FROM unnest(mlops.predict_proba('kind', a)) p)), 0::bigint, 'the score in JSON is the label''s probability');
SELECT matches(pg_temp.state($$SELECT mlops.predict('kind', a) FROM public.animals a$$),
    '^0A000 .*"kind" tells 3 classes apart.*mlops\.predict_label\(\).*mlops\.predict_proba\(\)', 'predict names the functions to use');

-- results of their own memory: kept beyond the call
SELECT is((SELECT count(DISTINCT p) FROM (SELECT mlops.predict_proba('kind', a) AS p FROM public.animals a OFFSET 0) s),
    (SELECT count(DISTINCT mlops.predict_proba('kind', a)) FROM public.animals a), 'arrays are not overwritten by the next row');
SELECT is((SELECT array_agg(l ORDER BY id) FROM (SELECT id, mlops.predict_label('kind', a) AS l FROM public.animals a OFFSET 0) s),
    (SELECT array_agg(mlops.predict_label('kind', u, v) ORDER BY id) FROM public.animals a), 'nor labels');

-- real data, three forms
SELECT mlops.train('churn', 'SELECT * FROM crm.customers', target => 'churn', algorithm => 'logistic', key => 'customer_id');
SELECT is((SELECT count(*) FROM crm.customers c WHERE mlops.predict('churn/1', c) IS DISTINCT FROM mlops.predict('churn/1', to_jsonb(c))), 0::bigint, 'telco_churn: jsonb = row');
SELECT is((SELECT count(*) FROM crm.customers c WHERE mlops.predict('churn/1', c) IS NULL OR mlops.predict('churn/1', c) NOT BETWEEN 0 AND 1), 0::bigint, '... every customer has a probability');
SELECT cmp_ok((SELECT abs(avg(mlops.predict('churn/1', c)) - avg((churn = 'Yes')::int)) FROM crm.customers c), '<', 0.01::float8, '... which are right on average');

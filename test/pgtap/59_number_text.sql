-- What is stored or given as JSON or text is the number itself, whatever the session's extra_float_digits.
SELECT plan(17);
\ir include/predict.sql

CREATE TABLE public.graded AS
SELECT i AS id, i % 7 AS a, (i * 5 % 11)::float8 AS b, CASE WHEN i % 2 = 0 THEN 0.1::float8 + 0.2 ELSE 1.1::float8 * 1.1 END AS grade
FROM generate_series(1, 400) i;
SELECT mlops.train('graded', 'public.graded', target => 'grade', algorithm => 'naive_bayes', key => 'id', task => 'binary');
SELECT mlops.train('settled', 'public.lin', target => 'y', algorithm => 'elastic_net', params => jsonb_build_object('alpha', 0.1::float8 + 0.2), key => 'id');

-- one value for each fact, read back exactly
CREATE FUNCTION pg_temp.facts(tried int) RETURNS TABLE (fact text, value text) LANGUAGE plpgsql AS $$
DECLARE
    run uuid;
BEGIN
    fact := 'predict_json by value';
    value := mlops.predict_json(mlops.model_value('lin'), '{"a": 0.3333, "b": 0.7, "c": 0.1}');
    RETURN NEXT;
    fact := 'predict_json';
    value := mlops.predict_json('lin', '{"a": 0.3333, "b": 0.7, "c": 0.1}');
    RETURN NEXT;
    fact := 'model_params';
    value := (SELECT p.value FROM mlops.model_params('settled/1') p WHERE p.param = 'alpha');
    RETURN NEXT;
    fact := 'evaluate';
    value := (SELECT string_agg(e.metric || float8send(e.value)::text, ' ' ORDER BY e.metric COLLATE "C") FROM mlops.evaluate('graded/1', rows => 'all') e);
    RETURN NEXT;
    run := mlops.start_run('numbers');
    PERFORM mlops.log_metric(run, 'third', 0.1::float8 + 0.2), mlops.log_metric(run, 'none', 'NaN'), mlops.log_metric(run, 'all', '-Infinity');
    fact := 'log_metric';
    value := (SELECT string_agg(m.key || float8send(m.value)::text, ' ' ORDER BY m.key COLLATE "C") FROM mlops.metrics m WHERE m.run_uuid = run);
    RETURN NEXT;
    fact := 'export_chunks';
    value := (SELECT string_agg(convert_from(c.data, 'UTF8'), '') FROM mlops.export_chunks('settled/1') c WHERE chunk_no = 0);
    RETURN NEXT;
    PERFORM mlops.train('again' || tried, 'public.lin', target => 'y', algorithm => 'elastic_net', key => 'id',
        params => jsonb_build_object('alpha', 0.1::numeric + 0.20000000000000004));
    fact := 'metrics of train';
    value := (SELECT string_agg(m.key || float8send(m.value)::text, ' ' ORDER BY m.key COLLATE "C")
        FROM mlops.metrics m JOIN mlops.model_versions v ON v.run_id = m.run_uuid JOIN mlops.registered_models r USING (model_id) WHERE r.name = 'again' || tried);
    RETURN NEXT;
    fact := 'parameters of train';
    value := (SELECT v.params FROM mlops.versions v WHERE v.model = 'again' || tried);
    RETURN NEXT;
END $$;

SET extra_float_digits = 1;
CREATE TEMP TABLE truth AS SELECT * FROM pg_temp.facts(1);
SELECT is((SELECT value FROM truth WHERE fact = 'model_params'), '0.30000000000000004', 'the fewest digits that read back as the number');
SET extra_float_digits = 0;
CREATE TEMP TABLE short AS SELECT * FROM pg_temp.facts(2);
SET extra_float_digits = -15;
CREATE TEMP TABLE shortest AS SELECT * FROM pg_temp.facts(3);
RESET extra_float_digits;
SELECT is(s.value, t.value, format('extra_float_digits = 0: %s', fact)) FROM truth t JOIN short s USING (fact);
SELECT is(s.value, t.value, format('extra_float_digits = -15: %s', fact)) FROM truth t JOIN shortest s USING (fact);
SELECT * FROM finish();

-- Predictions of many rows run in parallel without being told to, and give the same bits.
SELECT plan(16);
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    result text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, VERBOSE) ' || query LOOP
        result := result || line || E'\n';
    END LOOP;
    RETURN result;
END $$;
CREATE FUNCTION pg_temp.cost(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Total Cost')::float8;
END $$;

CREATE TABLE public.many AS SELECT i AS id, i * 7919::bigint % 10007 / 10007.0::float8 AS a, (i * 104729::bigint % 9973 / 9973.0)::real AS b, i % 7 AS c,
    (ARRAY['x', 'y', 'z'])[1 + i % 3] AS d, repeat('-', 40) AS filler FROM generate_series(1, 300000) i;
ANALYZE public.many;
CREATE VIEW public.few AS SELECT id, a, b, c, d, a * 3 - b + CASE d WHEN 'x' THEN 1 ELSE 0 END > 1 + c / 5.0 AS y FROM public.many WHERE id <= 3000;
SELECT mlops.train('line', 'public.few', target => 'y', algorithm => 'logistic', key => 'id');
SELECT mlops.train('trees', 'public.few', target => 'y', algorithm => 'gbm', key => 'id', params => '{"n_estimators": 100, "early_stopping_rounds": 0}');
SELECT mlops.promote('line', 1), mlops.promote('trees', 1);

SELECT matches(pg_temp.plan($$SELECT sum(mlops.predict('line', m)) FROM public.many m$$), 'Workers Launched: [1-9](.|\n)*served_is(.|\n)*Parallel Seq Scan', 'a linear model');
SELECT matches(pg_temp.plan($$SELECT sum(mlops.predict('trees', m)) FROM public.many m$$), 'Workers Launched: [1-9](.|\n)*served_is(.|\n)*Parallel Seq Scan', 'trees');
SELECT matches(pg_temp.plan($$SELECT count(*) FROM public.many m WHERE mlops.predict('trees', m) > 0.5$$), 'Workers Launched: [1-9](.|\n)*Parallel Seq Scan', 'a condition');
SELECT cmp_ok(pg_temp.cost($$SELECT mlops.predict('trees', m) FROM public.many m$$), '>', pg_temp.cost($$SELECT mlops.predict('line', m) FROM public.many m$$), 'trees cost more');
SELECT cmp_ok(pg_temp.cost($$SELECT mlops.predict('line', m) FROM public.many m$$), '<', pg_temp.cost($$SELECT m.id FROM public.many m$$) + 300000 * 0.1, 'both branches are not counted');

SELECT matches(pg_temp.plan($$CREATE TABLE public.scores AS SELECT id, mlops.predict('trees', m) AS p FROM public.many m$$), 'Gather(.|\n)*Workers Launched: [1-9](.|\n)*Parallel Seq Scan(.|\n)*served_is',
    'a table of scores');
SELECT matches(pg_temp.plan($$CREATE MATERIALIZED VIEW public.labels AS SELECT id, mlops.predict_label('trees', m) AS l FROM public.many m$$), 'Gather(.|\n)*Workers Launched: [1-9]', 'a materialized view');

-- what reads a recorded source beside workers, in a statement that writes: it starts no command
SELECT matches(pg_temp.plan(format('CREATE TABLE public.%s AS SELECT count(*) FROM public.many WHERE a >= (SELECT count(*) FROM mlops.%1$s(''line'')) - 100', f)),
    'Function Scan on mlops.' || f || '(.|\n)*Workers Launched: [1-9]', f || ' beside workers')
FROM unnest('{lineage,check_source,global_explain,permutation_importance}'::text[]) AS f;

CREATE TABLE public.in_parallel AS SELECT min(p), max(p), count(*), sum(hashfloat8(p)::bigint), 1 AS v FROM (SELECT mlops.predict('line', m) AS p FROM public.many m) s
    UNION ALL SELECT min(p), max(p), count(*), sum(hashfloat8(p)::bigint), 2 FROM (SELECT mlops.predict('trees', m) AS p FROM public.many m) s;
SET max_parallel_workers_per_gather = 0;
SELECT is((SELECT count(*) FROM (TABLE public.in_parallel EXCEPT (SELECT min(p), max(p), count(*), sum(hashfloat8(p)::bigint), 1 FROM (SELECT mlops.predict('line', m) AS p FROM public.many m) s
    UNION ALL SELECT min(p), max(p), count(*), sum(hashfloat8(p)::bigint), 2 FROM (SELECT mlops.predict('trees', m) AS p FROM public.many m) s)) d), 0::bigint, 'the bits of one process');
SELECT is((SELECT count(*) FROM public.many m WHERE id <= 2000 AND mlops.predict('trees', m) IS DISTINCT FROM mlops.predict('trees', a, b, c, d)), 0::bigint, 'and of values');

SELECT is((SELECT count(*) FROM public.scores s JOIN public.many m USING (id) WHERE s.p IS DISTINCT FROM mlops.predict('trees', m)), 0::bigint, 'in the table as well');

-- a change that is not committed is seen by the workers as well
RESET max_parallel_workers_per_gather;
BEGIN;
SELECT mlops.train('line', 'SELECT id, a, b, c, d, NOT y AS y FROM public.few', target => 'y', algorithm => 'logistic', key => 'id');
SELECT mlops.promote('line', 2);
SELECT is((SELECT round((avg(mlops.predict('line/1', m)) + avg(mlops.predict('line', m)))::numeric, 6) FROM public.many m), 1::numeric, 'the version of the own transaction');
SELECT matches(pg_temp.plan($$SELECT avg(mlops.predict('line', m)) FROM public.many m$$), 'Workers Launched: [1-9]', 'in workers');
ROLLBACK;
SELECT * FROM finish();

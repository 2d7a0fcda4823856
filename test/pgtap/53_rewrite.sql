-- predict(ref, row) as the planner rewrites it: the same scores, fewer columns, and never a wrong version.
SELECT plan(62);
\ir include/predict.sql

-- plan of a query as text
CREATE FUNCTION pg_temp.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    result text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        result := result || line || E'\n';
    END LOOP;
    RETURN result;
END $$;
-- what a query gives and what it gives through a function that the planner cannot look into
CREATE FUNCTION public.plain(model text, r anyelement) RETURNS float8 LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN mlops.predict(model, r); END $$;
CREATE FUNCTION pg_temp.same(query text, message text, rewritten boolean = true) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    differences bigint;
    nrows bigint;
    plan text := pg_temp.plan(replace(query, 'SCORE(', 'mlops.predict('));
BEGIN
    EXECUTE format('SELECT count(*) FROM (%s) q', replace(query, 'SCORE(', 'mlops.predict(')) INTO nrows;
    EXECUTE format('WITH a AS (%s), b AS (%s) SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d',
        replace(query, 'SCORE(', 'mlops.predict('), replace(query, 'SCORE(', 'public.plain(')) INTO differences;
    RETURN NEXT is((plan LIKE '%served_is%', differences, nrows > 0), (rewritten, 0::bigint, true), message);
END $$;

-- where rows come from
SELECT pg_temp.same($$SELECT id, SCORE('lin', l) FROM public.lin l$$, 'a table');
SELECT pg_temp.same($$SELECT id, SCORE('lin', l.*) FROM public.lin l$$, 'a table and a star');
SELECT unalike(pg_temp.plan($$SELECT mlops.predict('lin', l) FROM public.lin l$$), '%ROW(%', 'in the scan the other branch has the row as it is');
SELECT unalike(pg_temp.plan($$SELECT sum(mlops.predict('lin', l)) FROM public.lin l$$), '%l.*%', 'above it the scan puts no row together');
SELECT pg_temp.same($$SELECT sum(SCORE('lin', l)) FROM public.lin l$$, 'an aggregate');
SELECT pg_temp.same($$SELECT id, SCORE('mixed', m) FROM public.mixed m$$, 'every kind of feature, and a dropped column');
SELECT pg_temp.same($$SELECT sum(SCORE('mixed', m)) FROM public.mixed m$$, 'the same above the scan');
SELECT pg_temp.same($$SELECT id, SCORE('one', o) FROM (SELECT id, a AS x FROM public.lin) o$$, 'a subquery: names of its outputs');
SELECT unalike(pg_temp.plan($$SELECT mlops.predict('lin', l) FROM (SELECT *, random() AS r FROM public.lin OFFSET 0) l$$), '%predict(%l.r, %) ELSE%', 'columns that are not needed');
SELECT pg_temp.same($$SELECT id, SCORE('one', o) FROM (SELECT id, a AS x FROM public.lin OFFSET 0) o$$, 'a subquery by itself');
SELECT pg_temp.same($$SELECT SCORE('one', o) FROM (SELECT id, a FROM public.lin OFFSET 0) o(id, x)$$, 'a subquery whose columns have aliases');
SELECT pg_temp.same($$WITH w AS MATERIALIZED (SELECT id, a AS x FROM public.lin) SELECT id, SCORE('one', w) FROM w$$, 'a common table expression');
SELECT pg_temp.same($$WITH w(id, x) AS MATERIALIZED (SELECT id, a FROM public.lin) SELECT sum(SCORE('one', w)) FROM w$$, 'with other names');
CREATE VIEW public.lin_view AS SELECT c, b, id, a FROM public.lin;
SELECT pg_temp.same($$SELECT id, SCORE('lin', v) FROM public.lin_view v$$, 'a view');
CREATE VIEW public.lin_barrier WITH (security_barrier) AS SELECT c, b, id, a FROM public.lin WHERE id > 5;
SELECT pg_temp.same($$SELECT id, SCORE('lin', v) FROM public.lin_barrier v WHERE a > 3$$, 'a view behind a barrier');
CREATE MATERIALIZED VIEW public.lin_stored AS SELECT c, b, id, a FROM public.lin;
SELECT pg_temp.same($$SELECT id, SCORE('lin', v) FROM public.lin_stored v$$, 'a materialized view');
CREATE TABLE public.lin_parts (LIKE public.lin) PARTITION BY LIST (a);
CREATE TABLE public.lin_odd (y float8, junk int, c numeric, b float8, a int, id int);
ALTER TABLE public.lin_odd DROP COLUMN junk;
ALTER TABLE public.lin_parts ATTACH PARTITION public.lin_odd FOR VALUES IN (1, 3, 5, 7);
CREATE TABLE public.lin_rest PARTITION OF public.lin_parts DEFAULT;
INSERT INTO public.lin_parts (id, a, b, c, y) SELECT id, a, b, c, y FROM public.lin;
SELECT pg_temp.same($$SELECT id, SCORE('lin', p) FROM public.lin_parts p$$, 'partitions with columns in other places');
SELECT pg_temp.same($$SELECT id FROM public.lin_parts p WHERE SCORE('lin', p) > 20$$, 'partitions, in a condition');
SELECT pg_temp.same($$SELECT sum(SCORE('lin', p)) FROM public.lin_parts p$$, 'partitions, aggregated');
CREATE TABLE public.lin_child (extra text) INHERITS (public.lin);
INSERT INTO public.lin_child SELECT id + 1000, a + 1, b, c, y, 'x' FROM public.lin;
SELECT pg_temp.same($$SELECT id, SCORE('lin', l) FROM public.lin l$$, 'inheritance');
SELECT unalike(pg_temp.plan($$SELECT mlops.predict('lin', l) FROM public.lin l$$), '%Output: %l_1.*%', 'scans of children put no rows together');
SELECT pg_temp.same($$SELECT SCORE('lin', u) FROM (SELECT a, b, c FROM public.lin UNION ALL SELECT a + 1, b, c FROM public.lin_odd) u$$, 'UNION ALL');
SELECT pg_temp.same($$SELECT SCORE('lin', u) FROM (SELECT a, b, c FROM public.lin UNION SELECT a + 1, b, c FROM public.lin_odd) u$$, 'UNION');
SELECT pg_temp.same($$SELECT SCORE('one', r) FROM (VALUES (1), (2)) r(x)$$, 'a list of values');

-- where they go
SELECT pg_temp.same($$SELECT id FROM public.lin l WHERE SCORE('lin', l) > 30$$, 'conditions');
SELECT pg_temp.same($$SELECT l.id, SCORE('lin', l) FROM public.lin l JOIN public.mixed m USING (id)$$, 'a join');
SELECT pg_temp.same($$SELECT m.id, SCORE('lin', l) FROM public.mixed m LEFT JOIN public.lin l USING (id)$$, 'an outer join: no row, no score');
SELECT is((SELECT count(mlops.predict('lin', l)) FROM public.mixed m LEFT JOIN public.lin l USING (id)), 400::bigint, 'as many scores as there are rows');
SELECT pg_temp.same($$SELECT m.id, SCORE('lin', l) FROM public.mixed m FULL JOIN public.lin l ON l.id = m.id AND l.a > 3$$, 'a full join');
SELECT pg_temp.same($$SELECT m.id, SCORE('lin', l) FROM public.lin_view l RIGHT JOIN public.mixed m USING (id)$$, 'a view that an outer join may leave without a row', false);
SELECT pg_temp.same($$SELECT round(SCORE('lin', l)::numeric, 3), count(*) FROM public.lin l GROUP BY 1$$, 'GROUP BY its score');
SELECT pg_temp.same($$SELECT SCORE('lin', l), count(*) FROM public.lin l GROUP BY l$$, 'GROUP BY the row',
	current_setting('server_version_num')::int < 180000);	-- since 18 the grouped row has a name of its own in the plan
SELECT pg_temp.same($$SELECT SCORE('lin', l), count(*) FROM public.lin l GROUP BY GROUPING SETS ((l), ())$$, 'grouping sets', false);
SELECT pg_temp.same($$SELECT DISTINCT SCORE('lin', l) FROM public.lin l ORDER BY 1 DESC LIMIT 7$$, 'DISTINCT, ORDER BY, LIMIT');
SELECT pg_temp.same($$SELECT id, rank() OVER (ORDER BY SCORE('lin', l)) FROM public.lin l$$, 'window functions');
SELECT pg_temp.same($$SELECT id, (SELECT max(SCORE('lin', k)) FROM public.lin k WHERE k.a = l.a) FROM public.lin l$$, 'a subquery');
SELECT pg_temp.same($$SELECT m.id, s.p FROM public.mixed m, LATERAL (SELECT SCORE('lin', l) AS p FROM public.lin l WHERE l.id = m.id OFFSET 0) s$$, 'LATERAL');

CREATE TABLE public.scored AS SELECT id, a, b, c, NULL::float8 AS score FROM public.lin;
UPDATE public.scored s SET score = mlops.predict('lin', s);
SELECT is((SELECT count(*) FROM public.scored s WHERE score IS DISTINCT FROM public.plain('lin', s)), 0::bigint, 'UPDATE');
INSERT INTO public.scored SELECT l.id + 5000, l.a, l.b, l.c, mlops.predict('lin', l) FROM public.lin l;
SELECT is((SELECT count(*) FROM public.scored s WHERE score IS DISTINCT FROM public.plain('lin', s)), 0::bigint, 'INSERT');
MERGE INTO public.scored s USING public.lin l ON s.id = l.id WHEN MATCHED THEN UPDATE SET score = 2 * mlops.predict('lin', l);
SELECT is((SELECT count(*) FROM public.scored s WHERE id <= 400 AND score IS DISTINCT FROM 2 * public.plain('lin', s)), 0::bigint, 'MERGE');
DELETE FROM public.scored s WHERE mlops.predict('lin', s) > 0;
SELECT is((SELECT count(*) FROM public.scored s WHERE public.plain('lin', s) > 0), 0::bigint, 'DELETE');

-- the other functions of the family
SELECT mlops.train('kind', 'SELECT id, a, b, CASE WHEN a > 11 THEN $$x$$ WHEN b > 3 THEN $$y$$ ELSE $$z$$ END AS kind FROM public.lin', target => 'kind', algorithm => 'gbm', key => 'id');
SELECT mlops.promote('kind', 1);
SELECT is((SELECT count(*) FROM public.lin l WHERE mlops.predict_label('kind', l) IS DISTINCT FROM mlops.predict_label('kind', a, b) OR mlops.predict_label('kind', l) COLLATE "C" < 'x'), 0::bigint, 'labels');
SELECT is((SELECT count(*) FROM public.lin l WHERE mlops.predict_proba('kind', l) IS DISTINCT FROM mlops.predict_proba('kind', a, b)), 0::bigint, 'probabilities');
SELECT matches(pg_temp.plan($$SELECT mlops.predict_label('kind', l), mlops.predict_proba('kind', l) FROM public.lin l$$), 'predict_label\(''kind''::text, (l.)?a, (l.)?b\)(.|\n)*predict_proba\(''kind''::text, (l.)?a, (l.)?b\)',
    'with the columns that they need');

-- what stays as it is
SELECT unalike(pg_temp.plan($$SELECT mlops.predict('lin', ROW(random(), 1, 2)) FROM public.lin$$), '%served_is%', 'rows with volatile parts');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('nothing', l) FROM public.lin l$$), '^42704 .*"nothing"', 'no such model: the error of predict');
SELECT unalike(pg_temp.plan($$SELECT mlops.predict('nothing', l) FROM public.lin l$$), '%served_is%', 'and no error while planning');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', l) FROM (SELECT a, b FROM public.lin) l$$), '^42703 .*"c"', 'a column that is missing');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', l) FROM (SELECT a, b, c, c FROM public.lin) l$$), '^42702 .*"c"', 'a column that is there twice');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', l) FROM (SELECT a, b, c::text FROM public.lin) l$$), '^42804 .*"c"', 'a column of another type');

-- 120 features are too many for an argument list
SELECT format('CREATE TABLE public.wide AS SELECT i AS id, %s, i %% 5 + i %% 7 * 2.0 AS y FROM generate_series(1, 600) i',
    string_agg(format('((i * %s + %s) %% 101)::float8 AS w%s', 2 * n + 3, n, n), ', ')) FROM generate_series(1, 120) n \gexec
SELECT mlops.train('wide', 'public.wide', target => 'y', algorithm => 'linear', key => 'id', params => '{"alpha": 1}');
SELECT mlops.promote('wide', 1);
SELECT pg_temp.same($$SELECT id, SCORE('wide', w) FROM public.wide w$$, '120 features go as a row');
SELECT pg_temp.same($$SELECT sum(SCORE('wide', w)) FROM public.wide w$$, 'the same above the scan');

-- plans that are kept follow promotions, own ones and others
SELECT mlops.train('lin', 'SELECT id, a, b, y + 1000 AS y FROM public.lin WHERE id <= 400', target => 'y', algorithm => 'linear', key => 'id');
SET plan_cache_mode = force_generic_plan;
PREPARE kept AS SELECT round(sum(mlops.predict('lin', l) - l.y)) FROM public.lin l WHERE id <= 400;
CREATE FUNCTION pg_temp.kept() RETURNS numeric LANGUAGE plpgsql AS $$ DECLARE r numeric; BEGIN EXECUTE 'EXECUTE kept' INTO r; RETURN r; END $$;
SELECT is(pg_temp.kept(), 0::numeric, 'a generic plan');
SELECT mlops.promote('lin', 2);
SELECT cmp_ok(pg_temp.kept(), '>', 300000::numeric, 'after a promotion');
SELECT unalike(pg_temp.plan('EXECUTE kept'), '%predict(''lin''::text, l.a, l.b, l.c)%', 'which made it anew');
BEGIN;
SELECT mlops.rollback('lin');
SELECT is(pg_temp.kept(), 0::numeric, 'in a transaction');
ROLLBACK;
SELECT cmp_ok(pg_temp.kept(), '>', 300000::numeric, 'that was rolled back');

-- roles
BEGIN;
CREATE ROLE rewrite_reader;
GRANT SELECT ON public.lin TO rewrite_reader;
SET ROLE rewrite_reader;
SELECT matches(pg_temp.failure('EXECUTE kept'), '^42501 .*"lin"', 'a plan of another role gives no access');
SELECT unalike(pg_temp.plan($$SELECT mlops.predict('lin', l) FROM public.lin l$$), '%served_is%', 'without the privilege EXPLAIN shows no features');
SELECT is(mlops.served_is('lin', (SELECT decode(repeat('00', 32), 'hex'))), false, 'served_is: no');
RESET ROLE;
ROLLBACK;
SELECT is((SELECT array_agg(mlops.served_is(r, h) ORDER BY r, h) FROM (VALUES ('lin/2'), ('lin'), ('lin/1'), ('no such'), ('')) t(r),
    LATERAL (SELECT decode(model_sha256, 'hex') AS h FROM mlops.versions WHERE model = 'lin' AND version = 2) v), ARRAY[false, true, false, true, false], 'served_is by hand');
SELECT is(mlops.served_is('lin', 'abc'), false, 'a hash of another length');
SELECT * FROM finish();

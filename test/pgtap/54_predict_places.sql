-- Places where predict is called: partitions, inheritance, triggers, constraints, aggregates, recursion, dynamic SQL.
SELECT plan(27);
\ir include/predict.sql
CREATE FUNCTION pg_temp.truth(a int, b float8, c numeric) RETURNS float8 LANGUAGE sql AS $$ SELECT 1 + 2 * a - 3 * b + c / 2 $$;

-- partitions with columns in other orders: each has a row type of its own, more of them than a call site remembers
CREATE TABLE public.parted (id int, a int, b float8, c numeric) PARTITION BY HASH (id);
CREATE TABLE public.parted_0 (c numeric, junk text, b float8, a int, id int);
ALTER TABLE public.parted_0 DROP COLUMN junk;
ALTER TABLE public.parted ATTACH PARTITION public.parted_0 FOR VALUES WITH (MODULUS 7, REMAINDER 0);
SELECT format('CREATE TABLE public.parted_%s PARTITION OF public.parted FOR VALUES WITH (MODULUS 7, REMAINDER %s)', i, i) FROM generate_series(1, 6) i \gexec
INSERT INTO public.parted SELECT id, a, b, c FROM public.lin;
SELECT is((SELECT count(*) FROM public.parted p WHERE (abs(mlops.predict('lin', p) - pg_temp.truth(a, b, c)) < 1e-9) IS NOT TRUE), 0::bigint, 'partitions');
SELECT is((SELECT count(*) FROM (SELECT mlops.predict('lin', p) AS s, a, b, c FROM public.parted_0 p UNION ALL SELECT mlops.predict('lin', l), a, b, c FROM public.lin l) u
    WHERE (abs(s - pg_temp.truth(a, b, c)) < 1e-9) IS NOT TRUE), 0::bigint, 'a partition by itself');
CREATE TABLE public.parent (c numeric, a int);
CREATE TABLE public.child (more text, b float8) INHERITS (public.parent);
INSERT INTO public.child (a, b, c) SELECT a, b, c FROM public.lin;
SELECT is((SELECT count(*) FROM public.child p WHERE (abs(mlops.predict('lin', p) - pg_temp.truth(a, b, c)) < 1e-9) IS NOT TRUE), 0::bigint, 'inherited columns');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', p) FROM public.parent p$$), '^42703 .*"b"', 'the parent''s row has the parent''s columns only');

-- rows from everywhere
SELECT is((SELECT count(*) FROM (SELECT unnest(array_agg(l)) AS r FROM public.lin l) s WHERE (abs(mlops.predict('lin', r) - (r).y) < 1e-9) IS NOT TRUE), 0::bigint,
    'rows out of an array');
CREATE FUNCTION public.score(r public.lin) RETURNS float8 LANGUAGE sql STABLE AS $$ SELECT mlops.predict('lin', r) $$;
SELECT is((SELECT count(*) FROM public.lin l WHERE (abs(l.score - y) < 1e-9) IS NOT TRUE), 0::bigint, 'a function of a row, written like a column');
WITH RECURSIVE walk AS (SELECT 1 AS a, 2::float8 AS b, 3::numeric AS c, 0 AS n UNION ALL SELECT a + 1, mlops.predict('lin', w), c, n + 1 FROM walk w WHERE n < 3)
SELECT is((SELECT array_agg(round(b::numeric, 6) ORDER BY n) FROM walk), ARRAY[2, -1.5, 11, -24.5]::numeric(10, 6)[], 'a prediction that feeds the next');
SELECT is((SELECT array_agg(id) FROM (SELECT id FROM public.lin l ORDER BY mlops.predict('lin', l) DESC, id LIMIT 5) s),
    (SELECT array_agg(id) FROM (SELECT id FROM public.lin l ORDER BY round(y::numeric, 6) DESC, id LIMIT 5) s), 'ORDER BY');
SELECT is((SELECT max(abs(w - y)) < 1e-9 FROM (SELECT y, first_value(mlops.predict('lin', l)) OVER (PARTITION BY id) AS w FROM public.lin l) s), true, 'window functions');
SELECT is((SELECT count(*) FROM public.lin l JOIN public.lin k ON round(mlops.predict('lin', l)) = round(mlops.predict('lin', k)) WHERE l.id = 1 AND k.id = 1), 1::bigint, 'join conditions');
SELECT is((SELECT count(*) FROM (SELECT round((4 * mlops.predict('lin', l))::numeric) FROM public.lin l GROUP BY 1) s), (SELECT count(DISTINCT 4 * y) FROM public.lin), 'GROUP BY');

-- triggers, constraints, RETURNING, COPY
CREATE TABLE public.kept (id int, a int, b float8, c numeric, score float8);
CREATE FUNCTION public.score_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.score := mlops.predict('lin', NEW); RETURN NEW; END $$;
CREATE TRIGGER scoring BEFORE INSERT OR UPDATE ON public.kept FOR EACH ROW EXECUTE FUNCTION public.score_new();
INSERT INTO public.kept SELECT id, a, b, c FROM public.lin;
UPDATE public.kept SET a = a + 1;
SELECT is((SELECT count(*) FROM public.kept WHERE (abs(score - pg_temp.truth(a, b, c)) < 1e-9) IS NOT TRUE), 0::bigint, 'NEW in a trigger');
CREATE FUNCTION pg_temp.copied() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    file text := current_setting('data_directory') || '/mlops_copied';
BEGIN
    EXECUTE format('COPY (SELECT id + 1000, a, b, c FROM public.lin) TO %L', file);
    EXECUTE format('COPY public.kept (id, a, b, c) FROM %L', file);
    EXECUTE format('COPY (SELECT 1 WHERE false) TO %L', file);
    RETURN (SELECT count(*) FROM public.kept WHERE id > 1000 AND abs(score - pg_temp.truth(a, b, c)) < 1e-9);
END $$;
SELECT is(pg_temp.copied(), 400::bigint, 'COPY');
ALTER TABLE public.kept ADD CONSTRAINT low CHECK (mlops.predict('lin', a, b, c) < 1000);
SELECT matches(pg_temp.failure('INSERT INTO public.kept VALUES (0, 5000, 0, 0)'), '^23514 .*"low"', 'a check constraint');
INSERT INTO public.kept VALUES (-1, 3, 2, 1) RETURNING round(2 * mlops.predict('lin', kept)) AS returned \gset
SELECT is(:returned, 3, 'RETURNING');

-- prepared statements: generic plans, parameters of every form
PREPARE by_row(int) AS SELECT mlops.predict('lin', l) FROM public.lin l WHERE id = $1;
PREPARE by_values(int, float8, numeric) AS SELECT mlops.predict('lin', $1, $2, $3);
PREPARE by_jsonb(jsonb) AS SELECT mlops.predict('lin', $1);
PREPARE by_array(float8[]) AS SELECT mlops.predict('lin', $1);
PREPARE by_reference(text) AS SELECT mlops.predict($1, 3, 2, 1);
PREPARE by_model(mlops.model) AS SELECT mlops.predict($1, 3, 2, 1);
CREATE FUNCTION pg_temp.execute(statement text, times int) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    p float8;
    seen float8[] := '{}';
BEGIN
    FOR i IN 1..times LOOP
        EXECUTE 'EXECUTE ' || statement INTO p;
        seen := seen || round(p::numeric, 6)::float8;
    END LOOP;
    RETURN (SELECT array_agg(DISTINCT x) FROM unnest(seen) x);
END $$;
SET plan_cache_mode = force_generic_plan;
SELECT is(pg_temp.execute(statement, 7), ARRAY[1.5::float8], 'generic plan ' || statement)
FROM (VALUES ('by_values(3, 2, 1)'), ('by_jsonb(''{"a": 3, "b": 2, "c": 1}'')'), ('by_array(''{3,2,1}'')'), ('by_reference(''lin/1'')')) v (statement);
SELECT is(pg_temp.execute(format('by_model(%L)', mlops.model_value('lin')), 7), ARRAY[1.5::float8], 'generic plan by_model');
SELECT is(pg_temp.execute('by_row(7)', 7), (SELECT ARRAY[round(y::numeric, 6)::float8] FROM public.lin WHERE id = 7), 'generic plan by_row');
SET plan_cache_mode = force_custom_plan;
SELECT is(pg_temp.execute('by_values(3, 2, 1)', 7), ARRAY[1.5::float8], 'custom plans');
RESET plan_cache_mode;

-- recursion through one PL/pgSQL call site, with a model of its own at each level
SELECT mlops.train('lin', 'SELECT id, a, b, c, y + 1000 AS y FROM public.lin', target => 'y', algorithm => 'linear', key => 'id');
CREATE FUNCTION pg_temp.down(n int) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    p float8;
    below float8[] := '{}';
BEGIN
    p := mlops.predict('lin/' || 1 + n % 2, 0, 0, 0);
    IF n > 0 THEN
        below := pg_temp.down(n - 1);
    END IF;
    p := p + mlops.predict('lin/' || 1 + n % 2, 0, 0, 0);
    RETURN below || round(p);
END $$;
SELECT is(pg_temp.down(5), ARRAY[2, 2002, 2, 2002, 2, 2002]::float8[], 'recursion');

-- memory: many rows in each form take none that stays
CREATE FUNCTION pg_temp.growth(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    EXECUTE format(statement, 1000);
    SELECT sum(total_bytes) INTO before FROM pg_backend_memory_contexts;
    EXECUTE format(statement, 200000);
    RETURN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts) - before;
END $$;
SELECT cmp_ok(pg_temp.growth('DO $d$ DECLARE p float8; BEGIN FOR i IN 1..%s LOOP p := ' || call || '; END LOOP; END $d$'), '<', 1000000::bigint, 'no memory stays: ' || call)
FROM unnest(ARRAY['mlops.predict(''lin/1'', i, 2, 1)', 'mlops.predict(''lin/1'', jsonb_build_object(''a'', i, ''b'', 2, ''c'', 1))',
    'mlops.predict(''lin/1'', ARRAY[i::text, ''2'', ''1''])', 'mlops.predict(''lin/'' || 1 + i %% 2, i, 2, 1)']) call;

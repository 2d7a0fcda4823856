-- Which version a reference means: at every moment the one that the statement's snapshot sees, with the privileges of the
-- moment; and what the cache of decoded models may not change about that.
SELECT plan(104);
\ir include/predict.sql

-- Three versions whose predictions differ by 1000 and 2000.
SELECT mlops.train('lin', format('SELECT id, a, b, c, y + %s AS y FROM public.lin', k), target => 'y', algorithm => 'linear', key => 'id')
FROM unnest(ARRAY[1000, 2000]) k;
CREATE FUNCTION pg_temp.version(reference text) RETURNS int LANGUAGE sql VOLATILE AS $$
    SELECT 1 + round((mlops.predict(reference, 0, 0, 0) - 1) / 1000)::int $$;

-- the forms
SELECT is(pg_temp.version('lin'), 1, 'a bare name is the Production version');
SELECT is(pg_temp.version(r), v, r || ' is version ' || v)
FROM (VALUES ('lin/1', 1), ('lin/2', 2), ('lin/3', 3), ('lin/latest', 3), ('lin/LATEST', 3), ('models:/lin/2', 2), ('lin/Production', 1),
    ('lin/production', 1), ('models:/lin', 1), ('lin/none', 3)) t (r, v);
SELECT mlops.set_alias('lin', 'champion', 2);
SELECT is(pg_temp.version('lin@champion'), 2, 'an alias');
SELECT mlops.promote('lin', 2, 'Staging'), mlops.promote('lin', 3, 'staging');
SELECT is(pg_temp.version('lin/Staging'), 3, 'the newest version of a stage');
SELECT is(pg_temp.failure($$SELECT mlops.predict('nobody', 1)$$),
    '42704 | model "nobody" does not exist | The view mlops.models lists the models that you may use; mlops.train makes new ones.', 'unknown model');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lim', 1)$$), '^42704 .*Perhaps you meant the model "lin"', 'unknown model, one is near');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin/9', 1)$$), '^42704 .*version 9 of model "lin"', 'unknown version');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin@nobody', 1)$$), '^42704 .*no alias "nobody".*set_alias', 'unknown alias');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin/Archived', 1)$$), '^42704 .*no version in stage Archived', 'empty stage');
SELECT matches(pg_temp.failure(format('SELECT mlops.predict(%L, 1)', r)), '^22023 .*invalid model reference.*churn/latest', 'not a reference: ' || quote_literal(r))
FROM unnest(ARRAY['', '3lin', 'lin/', 'lin/prod', 'lin/0', 'lin/99999999999', 'lin@', 'lin@-', 'lin@2026-99-01', 'a.b', 'lin ', repeat('x', 64)]) r;
SELECT mlops.train('young', 'public.lin', target => 'y', algorithm => 'linear', key => 'id');
SELECT is(pg_temp.failure($$SELECT mlops.predict('young', 1, 2, 3)$$),
    '42704 | model "young" has no version in Production | '
    'Put one there with SELECT mlops.promote(''young'', 1), or write ''young/latest'' for the newest version.', 'nothing in Production yet');

-- times
SELECT clock_timestamp() AS before_two \gset
SELECT mlops.promote('lin', 2);
SELECT clock_timestamp() AS after_two \gset
SELECT is(pg_temp.version('lin'), 2, 'promoted');
SELECT is(pg_temp.version(format('lin@%s', to_char(:'before_two'::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))), 1,
    'what was in Production before; UTC without a zone');
SELECT is(pg_temp.version(format('lin@%sZ', to_char(:'after_two'::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'))), 2, 'and after');
SELECT is(pg_temp.version(format('lin@%s Asia/Tokyo', to_char(:'before_two'::timestamptz AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD HH24:MI:SS.US'))), 1,
    'in a named zone');
SET TimeZone = 'America/New_York';
SELECT is(pg_temp.version(format('lin@%s', to_char(:'before_two'::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))), 1,
    'the TimeZone of the session does not matter');
RESET TimeZone;
SELECT is(pg_temp.version('lin@2999-12-31'), 2, 'the future is now');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin@2000-01-01', 1)$$), '^42704 .*had no version in Production at 2000-01-01', 'before the first');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin@2026-03-01 12:00 Mars/Olympus', 1)$$), '^22023 .*unknown time zone', 'unknown zone');

-- transactions
SELECT mlops.promote('lin', 1);
BEGIN;
SELECT is(pg_temp.version('lin'), 1, 'before');
SELECT mlops.promote('lin', 3);
SELECT is(pg_temp.version('lin'), 3, 'our own promotion is seen at once');
ROLLBACK;
SELECT is(pg_temp.version('lin'), 1, 'and gone after ROLLBACK');
BEGIN;
SELECT is(pg_temp.version('lin'), 1, 'before');
SAVEPOINT s;
SELECT mlops.promote('lin', 3);
SELECT is(pg_temp.version('lin'), 3, 'inside the savepoint');
ROLLBACK TO s;
SELECT is(pg_temp.version('lin'), 1, 'after ROLLBACK TO');
SELECT mlops.promote('lin', 2);
RELEASE s;
SELECT is(pg_temp.version('lin'), 2, 'after RELEASE');
COMMIT;
SELECT is(pg_temp.version('lin'), 2, 'after COMMIT');

-- one call site of PL/pgSQL lives through all of it; curcid alone would not tell
CREATE FUNCTION pg_temp.failing_promotions() RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    seen int[] := '{}';
BEGIN
    FOR i IN 1..4 LOOP
        BEGIN
            PERFORM mlops.promote('lin', 1 + i % 2 * 2);
            FOR j IN 1..2 LOOP
                seen := seen || pg_temp.version('lin');
            END LOOP;
            RAISE EXCEPTION 'never mind';
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
        seen := seen || pg_temp.version('lin');
    END LOOP;
    RETURN seen;
END $$;
SELECT is(pg_temp.failing_promotions(), ARRAY[3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1, 2], 'promotions undone by EXCEPTION blocks');
CREATE FUNCTION pg_temp.expression_site() RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    seen int[] := '{}';
    p float8;
BEGIN
    FOR i IN 1..6 LOOP
        p := mlops.predict('lin', 0, 0, 0);
        seen := seen || 1 + round((p - 1) / 1000)::int;
        BEGIN
            PERFORM mlops.promote('lin', 1 + i % 3);
            p := mlops.predict('lin', 0, 0, 0);
            seen := seen || 1 + round((p - 1) / 1000)::int;
            IF i % 2 = 0 THEN
                RAISE EXCEPTION 'never mind';
            END IF;
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
    RETURN seen;
END $$;
SELECT is(pg_temp.expression_site(), ARRAY[2, 2, 2, 3, 2, 1, 1, 2, 1, 3, 3, 1], 'a simple expression of PL/pgSQL, half of the promotions undone');
SELECT is(pg_temp.version('lin'), 3, 'what remained');
-- under one fixed snapshot curcid is all that moves, and it is the same before and after an EXCEPTION block rolls back
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(pg_temp.failing_promotions(), ARRAY[3, 3, 3, 1, 1, 3, 3, 3, 3, 1, 1, 3], 'the same in REPEATABLE READ');
SELECT is(pg_temp.expression_site(), ARRAY[3, 2, 2, 3, 2, 1, 1, 2, 1, 3, 3, 1], 'the simple expression too');
ROLLBACK;

CREATE PROCEDURE public.committing(INOUT seen int[]) LANGUAGE plpgsql AS $$
DECLARE
    p float8;
BEGIN
    FOR i IN 1..4 LOOP
        PERFORM mlops.promote('lin', 1 + i % 2);
        p := mlops.predict('lin', 0, 0, 0);
        seen := seen || 1 + round((p - 1) / 1000)::int;
        IF i < 3 THEN
            COMMIT;
        ELSE
            ROLLBACK;
        END IF;
        p := mlops.predict('lin', 0, 0, 0);
        seen := seen || 1 + round((p - 1) / 1000)::int;
    END LOOP;
END $$;
CALL public.committing('{}') \gset
SELECT is(:'seen'::int[], ARRAY[2, 2, 1, 1, 2, 1, 1, 1], 'a procedure that commits and rolls back between calls');

-- a statement keeps its snapshot
SELECT is((SELECT array_agg(DISTINCT pg_temp.version('lin/latest')) FROM generate_series(1, 3)), ARRAY[3], 'one answer in a statement');
BEGIN;
DECLARE old CURSOR FOR SELECT round(mlops.predict('lin', 0, 0, 0)) FROM generate_series(1, 4);
FETCH 1 FROM old;
SELECT mlops.promote('lin', 3);
SELECT is(pg_temp.version('lin'), 3, 'a new statement sees the promotion');
CREATE TEMPORARY TABLE fetched (p float8);
CREATE FUNCTION pg_temp.fetch_one(c refcursor) RETURNS float8 LANGUAGE plpgsql AS $$ DECLARE p float8; BEGIN FETCH c INTO p; RETURN p; END $$;
SELECT is(pg_temp.fetch_one('old'), 1::float8, 'a cursor that was open before does not');
COMMIT;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT round(mlops.predict('lin', 0, 0, 0)) FROM generate_series(1, 4);
SELECT pg_temp.fetch_one('held');
COMMIT;
SELECT mlops.promote('lin', 1);
SELECT is(pg_temp.fetch_one('held'), 2001::float8, 'a cursor held over the commit keeps what it had');
CLOSE held;

-- prepared statements and views follow
PREPARE score AS SELECT 1 + round((mlops.predict('lin', 0, 0, 0) - 1) / 1000)::int AS version;
CREATE TEMPORARY VIEW scores AS SELECT l.id, mlops.predict('lin', l) AS p FROM (SELECT id, a, b, c FROM public.lin) l;
CREATE FUNCTION pg_temp.executed() RETURNS int LANGUAGE plpgsql AS $$ DECLARE v int; BEGIN EXECUTE 'EXECUTE score' INTO v; RETURN v; END $$;
SELECT is(pg_temp.executed(), 1, 'prepared statement');
SELECT is((SELECT min(round(s.p - y)) FROM scores s JOIN public.lin USING (id)), 0::float8, 'view');
SELECT mlops.promote('lin', 2);
SELECT is(pg_temp.executed(), 2, 'prepared statement follows the promotion');
SELECT is((SELECT min(round(s.p - y)) FROM scores s JOIN public.lin USING (id)), 1000::float8, 'view follows');
SELECT mlops.rollback('lin');
SELECT is(pg_temp.executed(), 1, '... and the rollback');
SELECT throws_ok('ALTER TABLE public.lin DROP COLUMN b', '2BP01', NULL, 'a column that scores need cannot be dropped unnoticed');

-- row types that change under a call site
CREATE FUNCTION pg_temp.changing() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    seen text[] := '{}';
    r record;
BEGIN
    CREATE TEMPORARY TABLE changing (a int, b int, c int);
    INSERT INTO changing VALUES (1, 2, 3);
    FOR i IN 1..4 LOOP
        SELECT * INTO r FROM changing;
        BEGIN
            seen := seen || mlops.predict('lin', r)::numeric(10, 2)::text;
        EXCEPTION WHEN undefined_column THEN
            seen := seen || 'no column'::text;
        END;
        IF i = 1 THEN
            ALTER TABLE changing DROP COLUMN a;
        ELSIF i = 2 THEN
            ALTER TABLE changing ADD COLUMN a int DEFAULT 1;
        ELSE
            ALTER TABLE changing ALTER COLUMN a TYPE numeric;
        END IF;
    END LOOP;
    RETURN seen;
END $$;
CREATE TABLE public.changing_type (extra text, a int, b int, c int);
INSERT INTO public.changing_type VALUES ('x', 1, 2, 3);
CREATE FUNCTION pg_temp.changing_type() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    seen text[] := '{}';
    r public.changing_type;
BEGIN
    FOR i IN 1..5 LOOP
        EXECUTE 'SELECT * FROM public.changing_type' INTO r;
        BEGIN
            seen := seen || mlops.predict('lin', r)::numeric(10, 2)::text;
        EXCEPTION WHEN undefined_column THEN
            seen := seen || 'no column'::text;
        END;
        CASE i
            WHEN 1 THEN ALTER TABLE public.changing_type DROP COLUMN extra, ADD COLUMN z int;
            WHEN 2 THEN ALTER TABLE public.changing_type RENAME COLUMN a TO d;
            WHEN 3 THEN ALTER TABLE public.changing_type RENAME COLUMN b TO a;
            WHEN 4 THEN ALTER TABLE public.changing_type RENAME COLUMN d TO b;
            ELSE NULL;
        END CASE;
    END LOOP;
    RETURN seen;
END $$;
SELECT is(pg_temp.changing_type(), ARRAY['-1.50', '-1.50', 'no column', 'no column', '3.50'], 'a named type that changes under the call site');
SELECT is(pg_temp.changing(), ARRAY['-1.50', 'no column', '-1.50', '-1.50'], 'columns come and go');

-- different models in one statement, and one per row
SELECT is((SELECT array_agg(round(mlops.predict(r, 0, 0, 0))::int ORDER BY i) FROM (SELECT i, 'lin/' || 1 + i % 3 AS r FROM generate_series(0, 8) i) s),
    ARRAY[1, 1001, 2001, 1, 1001, 2001, 1, 1001, 2001], 'the reference may differ from row to row');
CREATE TABLE public.shelf AS SELECT v, mlops.model_value('lin/' || v) AS model FROM generate_series(1, 3) v;
SELECT is((SELECT array_agg(round(mlops.predict(s.model, 0, 0, 0))::int ORDER BY i) FROM (SELECT i, 1 + i % 3 AS v FROM generate_series(0, 8) i) n JOIN public.shelf s USING (v)),
    ARRAY[1, 1001, 2001, 1, 1001, 2001, 1, 1001, 2001], 'and so may the value');
CREATE TABLE public.toasted AS SELECT v, model, ''::text AS filler FROM public.shelf WHERE false;
ALTER TABLE public.toasted ALTER COLUMN filler SET STORAGE PLAIN;
INSERT INTO public.toasted SELECT v, model, repeat('x', 4000) FROM public.shelf;
SELECT cmp_ok((SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'public.toasted'::regclass), '>', 0::bigint, 'models out of line');
SELECT is((SELECT array_agg(round(mlops.predict(s.model, 0, 0, 0))::int ORDER BY i) FROM (SELECT i, 1 + i % 3 AS v FROM generate_series(0, 8) i) n JOIN public.toasted s USING (v)),
    ARRAY[1, 1001, 2001, 1, 1001, 2001, 1, 1001, 2001], 'values out of line');
CREATE TEMPORARY TABLE groups AS
SELECT g, mlops.solve(mlops.linear_state(1000 * g + x, ARRAY[x::float8])) AS model FROM generate_series(1, 300) g, generate_series(1, 8) x GROUP BY g;
CREATE TEMPORARY TABLE grouped AS SELECT i, 1 + i * 7919 % 300 AS g FROM generate_series(1, 6000) i;
ANALYZE groups, grouped;
SELECT is((SELECT count(*) FROM grouped JOIN groups USING (g) WHERE round(mlops.predict(model, 5)) IS DISTINCT FROM 1000 * g + 5), 0::bigint, 'one model for each of many groups');
CREATE FUNCTION pg_temp.variable_value() RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    seen int[] := '{}';
    m mlops.model;
BEGIN
    FOR i IN 0..5 LOOP
        SELECT model INTO m FROM public.toasted WHERE v = 1 + i % 3;
        seen := seen || round(mlops.predict(m, 0, 0, 0))::int;
        UPDATE public.toasted SET model = (SELECT model FROM public.shelf WHERE shelf.v = 1 + (toasted.v + i) % 3);
        SELECT model INTO m FROM public.toasted WHERE v = 1;
        seen := seen || round(mlops.predict(m, 0, 0, 0))::int;
    END LOOP;
    RETURN seen;
END $$;
SELECT is(pg_temp.variable_value(), ARRAY[1, 1001, 2001, 2001, 1001, 1, 1, 1001, 2001, 2001, 1001, 1], 'a variable that holds one value after the other');

-- by value: fixed at plan time, in generated columns and indexes
CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
        plan := plan || line || E'\n';
    END LOOP;
    RETURN plan;
END $$;
SELECT unalike(pg_temp.plan_of(format('SELECT mlops.predict(%L::mlops.model, 1, 2, 3)', model)), '%predict%', 'a call by value with constants is folded')
FROM public.shelf WHERE v = 1;
SELECT alike(pg_temp.plan_of('SELECT mlops.predict(''lin'', 1, 2, 3)'), '%predict%', 'a call by name is not');
DO $$ BEGIN
    EXECUTE format('CREATE TABLE public.scored (a int, b float8, c numeric, p float8 GENERATED ALWAYS AS (mlops.predict(%L::mlops.model, a, b, c)) STORED)',
        (SELECT model FROM public.shelf WHERE v = 1));
    EXECUTE format('CREATE INDEX scored_index ON public.scored (mlops.predict(%L::mlops.model, a, b, c))', (SELECT model FROM public.shelf WHERE v = 2));
END $$;
INSERT INTO public.scored SELECT a, b, c FROM public.lin;
SELECT is((SELECT count(*) FROM public.scored s WHERE s.p IS DISTINCT FROM mlops.predict('lin/1', s.a, s.b, s.c)), 0::bigint, 'generated column');
UPDATE public.scored SET a = a + 1;
SELECT is((SELECT count(*) FROM public.scored s WHERE s.p IS DISTINCT FROM mlops.predict('lin/1', s.a, s.b, s.c)), 0::bigint, '... after an update');
SET enable_seqscan = off;
SELECT alike(pg_temp.plan_of(format('SELECT count(*) FROM public.scored WHERE mlops.predict(%L::mlops.model, a, b, c) > 1030', model)), '%Index%scored_index%', 'index on a prediction')
FROM public.shelf WHERE v = 2;
DO $$ BEGIN
    EXECUTE format('CREATE TEMPORARY TABLE found AS SELECT count(*) AS n FROM public.scored WHERE mlops.predict(%L::mlops.model, a, b, c) > 1030',
        (SELECT model FROM public.shelf WHERE v = 2));
END $$;
RESET enable_seqscan;
SELECT is((SELECT n FROM found), (SELECT count(*) FROM public.scored WHERE mlops.predict('lin/2', a, b, c) > 1030), '... finds the same rows');
SELECT is(pg_temp.failure('CREATE INDEX ON public.scored (mlops.predict(''lin'', a, b, c))'),
    '42P17 | functions in index expression must be marked IMMUTABLE', 'by name it cannot be indexed');

-- privileges
CREATE ROLE score_reader;
CREATE ROLE score_group;
GRANT score_group TO score_reader;
GRANT SELECT ON public.lin, public.shelf TO score_reader;
CREATE FUNCTION public.as_role(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    state text;
BEGIN
    PERFORM set_config('role', role, true);
    EXECUTE statement INTO result;
    PERFORM set_config('role', 'none', true);
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
    RETURN state;
END $$;
\set call 'SELECT mlops.predict(''lin/1'', 1, 2, 3) < 0'
SELECT is(public.as_role('score_reader', :'call'), '42501', 'no privilege');
SELECT is(public.as_role('score_reader', 'SELECT mlops.predict(model, 1, 2, 3) < 0 FROM public.shelf WHERE v = 1'), 'true', 'whoever has the value needs none');
SELECT mlops.grant_access('lin', 'score_reader', 'predict');
SELECT is(public.as_role('score_reader', :'call'), 'true', 'granted');
SELECT is(public.as_role('score_reader', 'SELECT count(*) > 0 FROM mlops.features(''lin/1'')'), 'true', '... how to call it is part of predict');
SELECT is(public.as_role('score_reader', 'SELECT count(*) > 0 FROM mlops.coefficients(''lin/1'')'), '42501', '... what is inside is not');
SELECT is(public.as_role('score_reader', 'SELECT length(mlops.model_value(''lin/1'')::text) > 0'), '42501', '... nor the value');
SELECT mlops.revoke_access('lin', 'score_reader', 'predict');
SELECT is(public.as_role('score_reader', :'call'), '42501', 'revoked, in a session that has the model in its cache');
SELECT mlops.grant_access('lin', 'score_group', 'read');
SELECT is(public.as_role('score_reader', :'call'), 'true', 'by membership; read implies predict');
SELECT is(public.as_role('score_reader', 'SELECT length(mlops.model_value(''lin/1'')::text) > 0'), 'true', '... and lets the value out');
CREATE FUNCTION pg_temp.switching() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    seen text[] := '{}';
    p float8;
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['none', 'score_reader', 'none', 'score_reader'] LOOP
        PERFORM set_config('role', role, true);
        BEGIN
            p := mlops.predict('lin/1', 1, 2, 3);
            seen := seen || 'ok'::text;
        EXCEPTION WHEN insufficient_privilege THEN
            seen := seen || 'denied'::text;
        END;
    END LOOP;
    PERFORM set_config('role', 'none', true);
    RETURN seen;
END $$;
SELECT is(pg_temp.switching(), ARRAY['ok', 'ok', 'ok', 'ok'], 'SET ROLE between calls of one site');
SELECT mlops.revoke_access('lin', 'score_group', 'read');
SELECT is(pg_temp.switching(), ARRAY['ok', 'denied', 'ok', 'denied'], '... without the privilege');
BEGIN;
SELECT mlops.grant_access('lin', 'public', 'predict');
SELECT is(public.as_role('score_reader', :'call'), 'true', 'granted to PUBLIC in this transaction');
SAVEPOINT s;
SELECT mlops.revoke_access('lin', 'public', 'predict');
SELECT is(public.as_role('score_reader', :'call'), '42501', 'revoked in a savepoint');
ROLLBACK TO s;
SELECT is(public.as_role('score_reader', :'call'), 'true', '... that is rolled back');
ROLLBACK;
SELECT is(public.as_role('score_reader', :'call'), '42501', 'and all of it');

-- a view runs with the caller's rights on the model, whoever owns the view
GRANT SELECT ON TABLE scores TO score_reader;
CREATE VIEW public.shown AS SELECT l.id, mlops.predict('lin/1', l) AS p FROM (SELECT id, a, b, c FROM public.lin) l;
GRANT SELECT ON public.shown TO score_reader;
SELECT is(public.as_role('score_reader', 'SELECT count(p) > 0 FROM public.shown'), '42501', 'a view does not lend its owner''s privilege');
SELECT mlops.grant_access('lin', 'score_reader', 'predict');
SELECT is(public.as_role('score_reader', 'SELECT count(p) > 0 FROM public.shown'), 'true', '... with the privilege it works');

-- the cache of decoded models
SELECT is((SELECT bytes <= 64 * 1024 * 1024 AND models >= 1 FROM mlops.model_cache()), true, 'models are cached');
SET mlops.model_cache_size = 0;
SELECT is((SELECT array_agg(round(mlops.predict(r, 0, 0, 0))::int ORDER BY i) FROM (SELECT i, 'lin/' || 1 + i % 3 AS r FROM generate_series(0, 5) i) s),
    ARRAY[1, 1001, 2001, 1, 1001, 2001], 'without any room models still work');
SET mlops.model_cache_size = '64kB';
SELECT sum(mlops.predict('lin/' || 1 + i % 3, 0, 0, 0)) + sum(mlops.predict('mixed', m)) + sum(mlops.predict('one', i))
FROM generate_series(1, 6) i, (SELECT * FROM public.mixed WHERE id = 1) m;
SELECT cmp_ok((SELECT bytes FROM mlops.model_cache()), '<=', 65536::bigint, 'the bound is kept');
RESET mlops.model_cache_size;
CREATE TEMPORARY TABLE decodes AS SELECT decodes FROM mlops.model_cache();
SELECT count(mlops.predict('lin/1', l)) FROM public.lin l;
SELECT count(mlops.predict('lin/1', l)), count(mlops.predict('lin/1', a, b, c)) FROM public.lin l;
SELECT cmp_ok((SELECT c.decodes - d.decodes FROM mlops.model_cache() c, decodes d), '<=', 1::bigint, 'a model is decoded once for all rows and statements');
SELECT is((SELECT pinned FROM mlops.model_cache()), 0::bigint, 'nothing stays pinned between statements');

-- damaged bytes are reported with the model's name
SELECT mlops.train('broken', 'SELECT id, a, b, c, y + 5000 AS y FROM public.lin', target => 'y', algorithm => 'linear', key => 'id');
UPDATE mlops.model_blobs SET data = set_byte(data, length(data) - 20, (get_byte(data, length(data) - 20) + 1) % 256)
WHERE sha256 = (SELECT model_sha256 FROM mlops.model_versions v JOIN mlops.registered_models r USING (model_id) WHERE r.name = 'broken');
CREATE FUNCTION pg_temp.context_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    context text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN data_corrupted THEN
    GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
    RETURN context;
END $$;
SELECT matches(pg_temp.context_of($$SELECT mlops.predict('broken/1', 1, 2, 3)$$), 'reading version 1 of model "broken"', 'a changed byte is found');

-- the extension goes and comes back
DROP EXTENSION mlops CASCADE;
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', 1, 2, 3)$$), '^(3F000|42883) ', 'without the extension');
CREATE EXTENSION mlops;
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', 1, 2, 3)$$), '^42704 .*"lin" does not exist', 'a new one knows nothing of the old');
SELECT mlops.train('lin', 'public.lin', target => 'y', algorithm => 'linear', key => 'id');
SELECT is(round(mlops.predict('lin/1', 0, 0, 0)), 1::float8, 'and works in the same session');

DROP OWNED BY score_reader, score_group;
DROP ROLE score_reader, score_group;

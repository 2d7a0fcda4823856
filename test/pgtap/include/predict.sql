-- For tests of prediction: small models whose truth is known, and errors with all their parts.
SET client_min_messages = warning;

-- sqlstate | message | detail | hint, or 'ok'
CREATE FUNCTION pg_temp.failure(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;

-- lin: y = 1 + 2a - 3b + c/2 without noise
CREATE TABLE public.lin AS
SELECT i AS id, i % 17 AS a, (i * 7 % 23)::float8 / 4 AS b, (i * 11 % 29)::numeric AS c,
    1 + 2 * (i % 17) - 3 * ((i * 7 % 23)::float8 / 4) + 0.5 * (i * 11 % 29) AS y
FROM generate_series(1, 400) i;

-- mixed: every kind of feature; y follows n, flag, contract, emb, gap and sv exactly, the dates not at all
CREATE TYPE public.level AS ENUM ('low', 'middle', 'high');
CREATE TABLE public.mixed (
    id int PRIMARY KEY, dropped text, n int, flag boolean, contract text, grade public.level, padded char(6), code uuid,
    day date, at timestamptz, plain timestamp, emb real[], gap interval, sv real, amount numeric(12, 2), y float8);
INSERT INTO public.mixed
SELECT i, 'x', i * 37 % 101, i % 3 = 0, (ARRAY['Month-to-month', 'One year', 'Two year'])[1 + i * 5 % 3],
    (ARRAY['low', 'middle', 'high'])[1 + i * 11 % 7 % 3]::public.level, (ARRAY['ab', 'abc', 'x'])[1 + i * 13 % 5 % 3],
    ('a0000000-0000-0000-0000-00000000000' || i * 17 % 4)::uuid,
    date '2024-01-01' + i * 31 % 700, timestamptz '2024-01-01 00:30:00+00' + i * 7919 % 9001 * interval '1 hour',
    timestamp '2023-06-01' + i * 104729 % 10007 * interval '1 minute', ARRAY[i * 3 % 8 / 8.0, i * 5 % 11 / 10.0, i * 7 % 13 / 3.0]::real[],
    i * 29 % 53 * interval '6 hours', (i * 41 % 97)::real / 10, i * 43 % 89 / 100.0, 0
FROM generate_series(1, 900) i;
UPDATE public.mixed SET y = 3 + n / 2.0 + CASE WHEN flag THEN 10 ELSE 0 END
    + CASE contract WHEN 'One year' THEN 5 WHEN 'Two year' THEN -7 ELSE 0 END
    + CASE grade WHEN 'low' THEN 0 WHEN 'middle' THEN 1 ELSE 4 END
    + CASE padded WHEN 'ab' THEN 0 WHEN 'abc' THEN -2 ELSE 6 END
    + CASE right(code::text, 1) WHEN '0' THEN 0 WHEN '1' THEN 1 WHEN '2' THEN -3 ELSE 2 END
    + emb[1] - 2 * emb[2] + emb[3] / 2 + extract(epoch FROM gap) / 3600 - 3 * sv + amount;
-- A hole in the row type, as ALTER TABLE leaves it.
ALTER TABLE public.mixed DROP COLUMN dropped;

SELECT mlops.train('lin', 'public.lin', target => 'y', algorithm => 'linear', key => 'id');
SELECT mlops.promote('lin', 1);
SELECT mlops.train('mixed', 'public.mixed', target => 'y', algorithm => 'linear', key => 'id');
SELECT mlops.promote('mixed', 1);
-- one: y = 5 + 2x
SELECT mlops.train('one', 'SELECT a AS x, 5.0 + 2 * a AS y, id FROM public.lin', target => 'y', algorithm => 'linear', key => 'id');
SELECT mlops.promote('one', 1);
-- vec: y = v[1] + 10 v[2] + 100 v[3]
SELECT mlops.train('vec', 'SELECT id, ARRAY[a, b, c]::float8[] AS v, a + 10 * b + 100 * c AS y FROM public.lin',
    target => 'y', algorithm => 'linear', key => 'id');
SELECT mlops.promote('vec', 1);

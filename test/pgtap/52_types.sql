-- Values of every kind as features: which types, texts and JSON values stand for one, whatever the session's settings.
SELECT plan(121);
\ir include/predict.sql

-- what() changes one feature of row 7 and gives the prediction; the rest stays
CREATE FUNCTION pg_temp.with_json(key text, value jsonb) RETURNS float8 LANGUAGE sql AS $$
    SELECT mlops.predict('mixed', to_jsonb(m) || jsonb_build_object(key, value)) FROM public.mixed m WHERE id = 7 $$;
CREATE FUNCTION pg_temp.with_row(expression text, name text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    result float8;
    others text := (SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = 'mixed' AND column_name <> name);
BEGIN
    EXECUTE format('SELECT mlops.predict(''mixed'', r) FROM (SELECT %s, %s AS %I FROM public.mixed WHERE id = 7) r', others, expression, name)
        INTO result;
    RETURN result;
END $$;

-- numbers
SELECT is(pg_temp.with_row(x, 'n'), pg_temp.with_json('n', '12'), 'number as ' || x)
FROM unnest(ARRAY['12::smallint', '12::bigint', '12::real', '12::float8', '12::numeric', '12.000']) x;
SELECT is(pg_temp.with_json('n', x::jsonb), pg_temp.with_json('n', '12'), 'number as JSON ' || x)
FROM unnest(ARRAY['12.0', '1.2e1', '"12"', '" 12.0 "', '"1.2e1"']) x;
SELECT is(pg_temp.with_json('n', x::jsonb), pg_temp.with_json('n', 'null'), 'NaN is missing: ' || x) FROM unnest(ARRAY['"NaN"', '"nan"']) x;
SELECT is(pg_temp.with_row('''Infinity''::float8', 'n'), pg_temp.with_json('n', '"Infinity"'), 'infinity as text');
SELECT is(pg_temp.with_row('''-Infinity''::float8', 'n'), pg_temp.with_json('n', '"-inf"'), 'negative infinity as text');
SELECT is(pg_temp.with_json('n', '-0.0'), pg_temp.with_json('n', '0'), 'minus zero is zero');
SELECT matches(pg_temp.failure(format('SELECT pg_temp.with_json(''n'', %L)', x)), '^22P02 .*feature "n" of model "mixed".*Expected is a number', 'no number: ' || x)
FROM unnest(ARRAY['"abc"', '""', '"1 2"', '"1e999"', '"12x"', '"0x"', '"1,5"']) x;
SELECT matches(pg_temp.failure(format('SELECT pg_temp.with_json(''n'', %L)', x)), '^42804 .*feature "n" of model "mixed" cannot be ' || what, 'n is not ' || x)
FROM (VALUES ('true', 'a boolean'), ('[1]', 'an array'), ('{}', 'an object')) v (x, what);
SELECT matches(pg_temp.failure(format('SELECT pg_temp.with_row(%L, ''n'')', x)), '^42804 .*"n"', 'n is not ' || x)
FROM unnest(ARRAY['true', '''5''::text', 'date ''2024-01-01''', 'interval ''1 hour''', 'ARRAY[1]']) x;

-- single precision: decimals mean what a real column would hold
SELECT is(pg_temp.with_json('sv', '0.1'), pg_temp.with_row('0.1::real', 'sv'), 'real from a JSON number');
SELECT is(pg_temp.with_json('sv', '"0.1"'), pg_temp.with_row('0.1::real', 'sv'), 'real from a JSON string');
SELECT isnt(pg_temp.with_row('0.1::float8', 'sv'), pg_temp.with_row('0.1::real', 'sv'), 'a float8 column keeps its precision');
SELECT is(pg_temp.with_json('emb', '[0.1, 0.2, 0.7]'), pg_temp.with_row('ARRAY[0.1, 0.2, 0.7]::real[]', 'emb'), 'real[] from JSON');

-- intervals
SELECT is(pg_temp.with_json('gap', x::jsonb), pg_temp.with_row('interval ''1 day 06:00''', 'gap'), 'interval as ' || x)
FROM unnest(ARRAY['"1 day 06:00:00"', '"P1DT6H"', '"30 hours"', '108000', '"108000"']) x;
SET IntervalStyle = 'sql_standard';
SELECT is(pg_temp.with_json('gap', '"-1 06:00"'), pg_temp.with_row('make_interval(days => -1, hours => 6)', 'gap'), 'IntervalStyle does not matter');
RESET IntervalStyle;
SELECT is(current_setting('IntervalStyle'), 'postgres', '... and is left as it was');
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_json('gap', '"a while"')$$), '^22007 ', 'no interval');
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_row('5', 'gap')$$), '^42804 .*expected is an interval', 'a number column is no interval');

-- booleans
SELECT is(pg_temp.with_json('flag', x::jsonb), pg_temp.with_row('true', 'flag'), 'true as ' || x) FROM unnest(ARRAY['true', '"t"', '"yes"', '" ON "', '1', '"1"']) x;
SELECT is(pg_temp.with_json('flag', x::jsonb), pg_temp.with_row('false', 'flag'), 'false as ' || x) FROM unnest(ARRAY['false', '"False"', '"no"', '0', '0.0']) x;
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_json('flag', '2')$$), '^42804 ', '2 is no boolean');
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_json('flag', '"maybe"')$$), '^22P02 .*Expected is true or false', 'text that is no boolean');
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_row('1', 'flag')$$), '^42804 .*expected is boolean', 'a number column is no boolean');

-- categories
SELECT is(pg_temp.with_row(x, 'contract'), pg_temp.with_json('contract', '"One year"'), 'category as ' || x)
FROM unnest(ARRAY['''One year''::text', '''One year''::varchar(10)', '''One year''::char(20)', '''One year''::name']) x;
SELECT isnt(pg_temp.with_json('contract', '"one year"'), pg_temp.with_json('contract', '"One year"'), 'case of letters matters');
SELECT is(pg_temp.with_json('contract', '"no such"'), pg_temp.with_json('contract', '"neither"'), 'unseen categories are one');
SELECT is(pg_temp.with_row('''low''', 'grade'), pg_temp.with_row('''low''::public.level', 'grade'), 'text for an enum');
SELECT is(pg_temp.with_json('padded', '"ab    "'), pg_temp.with_json('padded', '"ab"'), 'blanks at the end of char(n) do not count');
SELECT isnt(pg_temp.with_json('contract', '"One year "'), pg_temp.with_json('contract', '"One year"'), '... in text they do');
SELECT is(pg_temp.with_json('code', '"A0000000-0000-0000-0000-000000000002"'), pg_temp.with_json('code', '"a0000000-0000-0000-0000-000000000002"'),
    'a uuid is known in any spelling');
SELECT matches(pg_temp.failure(format('SELECT pg_temp.with_json(''contract'', %L)', x)), '^42804 .*expected is a string', 'no category: ' || x) FROM unnest(ARRAY['5', 'true', '[]']) x;
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_row('5', 'contract')$$), '^42804 .*expected is text or an enum', 'a number column is no category');

-- times
SELECT is(pg_temp.with_row(x, 'day'), pg_temp.with_json('day', '"2024-05-06"'), 'date as ' || x) FROM unnest(ARRAY['date ''2024-05-06''', 'timestamp ''2024-05-06''']) x;
SELECT is(pg_temp.with_row('timestamptz ''2024-05-06 10:00+00''', 'at'), pg_temp.with_json('at', x::jsonb), 'timestamptz as ' || x)
FROM unnest(ARRAY['"2024-05-06T10:00:00+00:00"', '"2024-05-06 10:00Z"', '"2024-05-06 12:00+02"', '"2024-05-06 12:00 Europe/Berlin"']) x;
SELECT is(pg_temp.with_json('at', '"2024-05-06T10:00"'), pg_temp.with_json('at', '"2024-05-06T10:00Z"'),
    'without a zone it is the zone of the training session, UTC here');
SELECT is(pg_temp.with_json('plain', '"2024-05-06T10:00+05"'), pg_temp.with_json('plain', '"2024-05-06T10:00"'),
    'a timestamp without time zone is what the clock says, as in a cast');
SELECT matches(pg_temp.failure(format('SELECT pg_temp.with_json(''day'', %L)', x)), '^22007 .*feature "day".*Expected is a date or time', 'no date: ' || x)
FROM unnest(ARRAY['"06.05.2024"', '"05/06/2024"', '"today"', '"2024-02-30"', '"2024"']) x;
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_json('at', '"2024-05-06T10:00 Mars/Olympus"')$$), '^22007 ', 'unknown time zone');
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_row('now()', 'plain')$$), '^42804 .*without time zone', 'timestamptz where the model has no zone');
SELECT matches(pg_temp.failure($$SELECT pg_temp.with_json('day', '20240506')$$), '^42804 ', 'a number is no date');

CREATE TABLE public.before AS SELECT id, mlops.predict('mixed', m) AS p, mlops.predict('mixed', to_jsonb(m)) AS j FROM public.mixed m;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SELECT is((SELECT count(*) FROM public.mixed m JOIN public.before b USING (id) WHERE b.p IS DISTINCT FROM mlops.predict('mixed', m)), 0::bigint,
    'rows score alike under another TimeZone and DateStyle');
SELECT is((SELECT count(*) FROM public.mixed m JOIN public.before b USING (id) WHERE b.j IS DISTINCT FROM mlops.predict('mixed', to_jsonb(m))), 0::bigint, '... JSON too');
RESET TimeZone;
RESET DateStyle;

-- vectors
SELECT is(pg_temp.with_json('emb', x::jsonb), pg_temp.with_row('ARRAY[1, NULL, 3]::int[]', 'emb'), 'vector as ' || x)
FROM unnest(ARRAY['[1, null, 3]', '[1, "NaN", 3]', '"{1,NULL,3}"', '"[1, null, 3]"']) x;
SELECT is(pg_temp.with_row(x, 'emb'), pg_temp.with_json('emb', '[1, 2, 3]'), 'vector as ' || x)
FROM unnest(ARRAY['ARRAY[1, 2, 3]::smallint[]', 'ARRAY[1, 2, 3]::bigint[]', 'ARRAY[1, 2, 3]::real[]', 'ARRAY[1, 2, 3]::float8[]', 'ARRAY[1, 2, 3]::numeric[]']) x;
SELECT matches(pg_temp.failure(format('SELECT pg_temp.with_json(''emb'', %L)', x)), '^(2202E|22P02|42804) .*feature "emb"', 'no vector: ' || x)
FROM unnest(ARRAY['[1, 2]', '[1, 2, 3, 4]', '[]', '[1, 2, "x"]', '[1, 2, [3]]', '5', '"1,2,3"', '"{1,2,3"', '"{1,2,3}}"', '"{1,2,}"', '"{1,,2}"', '{}']) x;
SELECT matches(pg_temp.failure(format('SELECT pg_temp.with_row(%L, ''emb'')', x)), '^(2202E|42804) .*"emb"', 'no vector: ' || x)
FROM unnest(ARRAY['ARRAY[1, 2]', 'ARRAY[[1, 2, 3]]', 'ARRAY[''a'', ''b'', ''c'']', '5']) x;

-- numbers 0 and 1 for booleans where a list of numbers holds them all
SELECT mlops.train('flags', 'SELECT id, a, a % 3 = 0 AS f, a + CASE WHEN a % 3 = 0 THEN 5 ELSE 0 END AS y FROM public.lin',
    target => 'y', algorithm => 'linear', key => 'id', task => 'regression');
SELECT is(mlops.predict('flags/1', ARRAY[4, 1]), mlops.predict('flags/1', 4, true), 'boolean as 1 in an array');
SELECT is(mlops.predict('flags/1', ARRAY[4, 0.0]), mlops.predict('flags/1', 4, false), 'boolean as 0 in an array');
SELECT is(mlops.predict('flags/1', 4, 1), mlops.predict('flags/1', 4, true), 'boolean as 1 in a list');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('flags/1', ARRAY[4, 2])$$), '^22023 .*"f".*boolean', '2 is no boolean');
SELECT is(mlops.predict('flags/1', ARRAY['4', 'yes']), mlops.predict('flags/1', 4, true), 'boolean in a text array');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('flags/1', ARRAY[true, false])$$), '^42804 .*"a"', 'a boolean is no number');

-- predict: the forms of its arguments, that they agree with each other and with the truth, and what it refuses.
SELECT plan(82);
\ir include/predict.sql

-- truth: the targets follow the features without noise
SELECT is((SELECT count(*) FROM public.lin l WHERE (abs(mlops.predict('lin', l) - (1 + 2 * a - 3 * b + c / 2)) <= 1e-9) IS NOT TRUE), 0::bigint,
    'a linear model predicts the line it was drawn on');
SELECT is((SELECT count(*) FROM public.mixed m WHERE (abs(mlops.predict('mixed', m) - y) <= 1e-9) IS NOT TRUE), 0::bigint,
    'with features of every kind as well, held-out rows included');
SELECT is((SELECT count(*) FROM public.lin l JOIN mlops.coefficients('lin') i ON i.term = '(Intercept)'
        JOIN mlops.coefficients('lin') ca ON ca.term = 'a' JOIN mlops.coefficients('lin') cb ON cb.term = 'b'
        JOIN mlops.coefficients('lin') cc ON cc.term = 'c'
    WHERE (abs(mlops.predict('lin', l) - (i.estimate + ca.estimate * a + cb.estimate * b + cc.estimate * c)) <= 1e-12) IS NOT TRUE), 0::bigint,
    'predictions are what the coefficients say');

SELECT is((SELECT count(mlops.predict('mixed', m)) FROM public.mixed m), 900::bigint, 'every row has a prediction');

-- one row in every form: the same bits
CREATE FUNCTION pg_temp.by_values(m public.mixed) RETURNS float8 LANGUAGE sql AS $$
    SELECT mlops.predict('mixed', m.n, m.flag, m.contract, m.grade, m.padded, m.code, m.day, m.at, m.plain, m.emb, m.gap, m.sv, m.amount) $$;
SELECT is((SELECT array_agg(feature ORDER BY position) FROM mlops.features('mixed')),
    ARRAY['n', 'flag', 'contract', 'grade', 'padded', 'code', 'day', 'at', 'plain', 'emb', 'gap', 'sv', 'amount'],
    'features lists them in the order of values');
SELECT is((SELECT count(*) FROM public.mixed m WHERE mlops.predict('mixed', m) IS DISTINCT FROM pg_temp.by_values(m)), 0::bigint, 'values = row');
SELECT is((SELECT count(*) FROM public.mixed m WHERE mlops.predict('mixed', m) IS DISTINCT FROM mlops.predict('mixed', to_jsonb(m))), 0::bigint, 'jsonb = row');
SELECT is((SELECT count(*) FROM public.mixed m WHERE mlops.predict('mixed', m) IS DISTINCT FROM mlops.predict('mixed', to_json(m))), 0::bigint, 'json = row');
SELECT is((SELECT count(*) FROM public.mixed m WHERE mlops.predict('mixed', m) IS DISTINCT FROM mlops.predict('mixed',
        jsonb_build_array(n, flag, contract, grade, padded, code, day, at, plain, emb, gap, sv, amount))), 0::bigint, 'JSON array = row');
SELECT is((SELECT count(*) FROM public.mixed m WHERE mlops.predict('mixed', m) IS DISTINCT FROM mlops.predict('mixed',
        ARRAY[n::text, flag::text, contract, grade::text, padded, code::text, day::text, at::text, plain::text, emb::text, gap::text,
            sv::text, amount::text])), 0::bigint, 'text array = row');
SELECT is((SELECT count(*) FROM public.mixed m WHERE mlops.predict('mixed', m) IS DISTINCT FROM mlops.predict(mlops.model_value('mixed'), m)), 0::bigint,
    'by value = by name');
SELECT is((SELECT count(*) FROM (SELECT code, y, amount, sv, gap, emb, plain, at, day, padded, grade, contract, flag, n FROM public.mixed) r
        JOIN public.mixed m USING (n, flag, contract, day, at, plain, sv, amount)
    WHERE mlops.predict('mixed', r) IS DISTINCT FROM mlops.predict('mixed', m)), 0::bigint, 'the order of columns does not matter');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', ARRAY[3, 2, 1]), 'int[]');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', ARRAY[3, 2, 1]::float8[]), 'float8[]');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', ARRAY[3, 2, 1]::real[]), 'real[]');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', ARRAY[3, 2, 1.0]), 'numeric[]');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', ARRAY['3', '2', '1']), 'text[]');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', VARIADIC ARRAY[3, 2, 1]), 'VARIADIC array');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', '{3,2,1}'), 'array literal');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', '[3, 2, 1]'), 'JSON array literal');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', ' {"c": 1, "a": 3, "b": 2, "other": "x"}'), 'JSON object literal, extra keys ignored');
SELECT is(mlops.predict('lin', 3, 2, 1), mlops.predict('lin', '3', 2::smallint, 1::numeric), 'untyped literals and other number types');
SELECT is(mlops.predict('lin', 3, 2, 1), (SELECT mlops.predict('lin', r) FROM (VALUES (1, 2::bigint, 3::smallint)) r (c, b, a)), 'row of a subselect');
CREATE DOMAIN public.lin_domain AS public.lin CHECK (VALUE IS NOT NULL);
SELECT is((SELECT mlops.predict('lin', (l::public.lin)::public.lin_domain) FROM public.lin l WHERE id = 7),
    (SELECT mlops.predict('lin', l) FROM public.lin l WHERE id = 7), 'domain over a row');
CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
SELECT is(mlops.predict('lin', 3::public.positive, 2, 1), mlops.predict('lin', 3, 2, 1), 'domain over a number');

-- one feature: a scalar and a row are different things
SELECT is(mlops.predict('one', 3), mlops.predict('one', r), 'one feature: scalar = row') FROM (SELECT 3 AS x) r;
SELECT is(mlops.predict('one', 3), mlops.predict('one', '3'), 'one feature: literal');
SELECT is(mlops.predict('one', 3), mlops.predict('one', ARRAY[3]), 'one feature: array of one');
SELECT is(mlops.predict('one', 3), mlops.predict('one', '{"x": 3}'::jsonb), 'one feature: jsonb');

-- a vector is one feature; for numbers it may stand for all of them
SELECT is(mlops.predict('vec', ARRAY[3, 2, 1]), mlops.predict('vec', ARRAY[3, 2, 1]::numeric[]), 'vector: arrays of any number type');
SELECT is(mlops.predict('vec', ARRAY[3, 2, 1]), mlops.predict('vec', '[3, 2, 1]'), 'vector: literal in brackets');
SELECT is(mlops.predict('vec', ARRAY[3, 2, 1]), mlops.predict('vec', '{3,2,1}'), 'vector: literal in braces');
SELECT is(mlops.predict('vec', ARRAY[3, 2, 1]), mlops.predict('vec', '[3, 2, 1]'::jsonb), 'vector: JSON array');
SELECT is(mlops.predict('vec', ARRAY[3, 2, 1]), mlops.predict('vec', '[[3, 2, 1]]'::jsonb), 'vector: JSON array in a list');
SELECT is(mlops.predict('vec', ARRAY[3, 2, 1]), mlops.predict('vec', '{"v": [3, 2, 1]}'), 'vector: in a JSON object');
SELECT is(mlops.predict('vec', ARRAY[3, 2, 1]), (SELECT mlops.predict('vec', r) FROM (SELECT ARRAY[3, 2, 1]::smallint[] AS v) r), 'vector: in a row');

-- NULL: a row that is NULL has no prediction, a value that is NULL is missing
SELECT is(mlops.predict(NULL::text, 1, 2, 3), NULL, 'no model');
SELECT is(mlops.predict(NULL::mlops.model, 1, 2, 3), NULL, 'no model value');
SELECT is(mlops.predict('lin', NULL::public.lin), NULL, 'NULL row');
SELECT is(mlops.predict('lin', NULL::jsonb), NULL, 'NULL jsonb');
SELECT is(mlops.predict('lin', 'null'::jsonb), NULL, 'JSON null');
SELECT is(mlops.predict('lin', NULL::float8[]), NULL, 'NULL array');
SELECT is(mlops.predict('lin', NULL), NULL, 'NULL without a type');
SELECT isnt(mlops.predict('lin', 3, NULL, 1), NULL, 'a NULL among values is missing');
SELECT is(mlops.predict('lin', 3, NULL, 1), mlops.predict('lin', '{"a": 3, "b": null, "c": 1}'), '... as null in JSON');
SELECT is(mlops.predict('lin', 3, NULL, 1), mlops.predict('lin', ARRAY[3, NULL, 1]), '... as NULL in an array');
SELECT is(mlops.predict('lin', 3, NULL, 1), mlops.predict('lin', ARRAY[3, NULL, 1]::float8[]), '... in float8[]');
SELECT is(mlops.predict('lin', 3, NULL, 1), mlops.predict('lin', 3, 'NaN'::float8, 1), '... and as NaN');
SELECT is(mlops.predict('lin', 3, NULL, 1), (SELECT mlops.predict('lin', r) FROM (SELECT 3 AS a, NULL::float8 AS b, 1 AS c) r), '... in a row');
-- one call site, arrays with and without NULLs in turn: nothing of one row stays for the next
CREATE TABLE public.in_turn AS
SELECT i, i::float8 AS a, nullif(i % 3, 1)::float8 AS b, nullif(i % 4, 2)::float8 AS c FROM generate_series(1, 24) i;
SELECT is(count(*) FILTER (WHERE mlops.predict('lin', ARRAY[a, b, c]) IS DISTINCT FROM mlops.predict('lin', a, b, c)), 0::bigint,
    'a NULL in one float8[] says nothing about the next') FROM public.in_turn;
SELECT is(count(*) FILTER (WHERE mlops.predict('lin', ARRAY[a, b, c]::numeric[]) IS DISTINCT FROM mlops.predict('lin', a, b, c)), 0::bigint,
    '... nor in an array of another type') FROM public.in_turn;
SELECT is((SELECT count(mlops.predict('lin', l)) FROM (VALUES (1), (1000)) v (i) LEFT JOIN public.lin l ON l.id = v.i), 1::bigint,
    'the side without a match in a LEFT JOIN gets NULL');

-- what is refused, and how it is said
SELECT is(pg_temp.failure($$SELECT mlops.predict('lin', 1, 2)$$),
    '22023 | model "lin" needs 3 features, but 2 values were given | In order: a, b, c. | '
    'Pass one row or one jsonb object to match features by name; text that holds JSON needs a cast to jsonb.', 'too few values');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', 1, 2, 3, 4)$$), '^22023 .*but 4 values', 'too many values');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', ARRAY[1, 2])$$), '^22023 .*but 2 values', 'array too short');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', '{}'::int[])$$), '^22023 .*but 0 values', 'empty array');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', '[1, 2]'::jsonb)$$), '^22023 .*but 2 values', 'JSON array too short');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', ARRAY[[1, 2, 3]])$$), '^2202E ', 'array of two dimensions');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', '5'::jsonb)$$), '^22023 .*JSON scalar', 'JSON scalar');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', '{"a": 1, "b": 2, "c": 3}'::text)$$), '^22023 .*text that holds JSON needs a cast',
    'JSON in typed text');
SELECT is(pg_temp.failure($$SELECT mlops.predict('lin', r) FROM (SELECT 1 AS a, 2 AS b) r$$),
    '42703 | row has no column "c", which model "lin" needs | mlops.check_source() compares a table or query with what a model needs.', 'missing column');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', r) FROM (SELECT 1 AS a) r$$), '^42703 .*lacks 2 columns.*"b", "c"', 'missing columns are all named');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', r) FROM (SELECT 1 AS a, 2 AS b, 3 AS "C") r$$), 'Perhaps you meant column "C"', 'another case of letters');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', ROW(1, 2, 3))$$), '^42703 .*ROW\(\.\.\.\) does not have', 'ROW() has no names');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', r) FROM (SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS c) r$$), '^42702 ', 'two columns of one name');
SELECT is(pg_temp.failure($$SELECT mlops.predict('lin', r) FROM (SELECT 1 AS a, 'x' AS b, 3 AS c) r$$),
    '42804 | column "b" has a type that model "lin" cannot use | '
    'Column "b" is of type text, but was double precision at training; expected is a number. | '
    'Cast in a sub-select: (SELECT ..., b::double precision FROM ...) AS c.', 'column of another type');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', r) FROM (SELECT true AS a, 'x' AS b, 3 AS c) r$$), '^42804 .*2 columns .*"a".*"b"', 'columns of other types');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', '{"a": 1, "b": 2}'::jsonb)$$), '^42703 .*no key "c"', 'missing key');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', '{"b": 2}'::jsonb)$$), '^42703 .*lacks 2 keys.*"a", "c"', 'missing keys');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('mixed', to_jsonb(m) - 'contract' || '{"contrct": "x"}') FROM public.mixed m$$),
    'no key "contract".*Perhaps you meant key "contrct"', 'the nearest key');
SELECT is(pg_temp.failure($$SELECT mlops.predict('lin', 1, 2, 'x'::text)$$),
    '42804 | feature "c" of model "lin" cannot be given as text | It was numeric at training; expected is a number.', 'value of another type');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', 1, 2, l) FROM public.lin l$$), '^42804 .*A row must be the only argument', 'a row among values');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin', 1, 2, '\x00'::bytea)$$), '^42804 ', 'bytea');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('vec', ARRAY[1, 2])$$), '^2202E .*2 elements', 'vector of another length');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('vec', '[1, 2]')$$), '^2202E .*2 elements', 'vector of another length in text');
SELECT matches(pg_temp.failure($$SELECT mlops.predict('lin')$$), '^42883 ', 'no features at all');
SELECT matches(pg_temp.failure($$PREPARE untyped AS SELECT mlops.predict('lin', $1)$$), '^42P18 ', 'a parameter without a type is refused by the parser');

-- tasks
SELECT matches(pg_temp.failure($$SELECT mlops.predict_label('lin', 1, 2, 3)$$), '^0A000 .*regression.*Use mlops.predict\(\)', 'a regression has no label');
SELECT matches(pg_temp.failure($$SELECT mlops.predict_proba('lin', 1, 2, 3)$$), '^0A000 .*regression', '... and no probabilities');
SELECT is(mlops.predict_json('lin', '{"a": 3, "b": 2, "c": 1}'), jsonb_build_object('label', NULL, 'score', mlops.predict('lin', 3, 2, 1),
    'probabilities', NULL, 'model', 'lin', 'version', 1), 'predict_json of a regression');
SELECT is(mlops.predict_json(mlops.model_value('lin'), '{"a": 3, "b": 2, "c": 1}') ->> 'model', NULL, '... by value names no model');
SELECT is(mlops.predict_json('lin', NULL), NULL, '... of NULL');

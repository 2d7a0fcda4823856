-- A call site that scores many rows goes over to tables of masks: the same bits as before, whichever rows came first.
SELECT plan(5);
SET client_min_messages = warning;

CREATE TABLE many AS
SELECT i AS id, CASE WHEN i % 7 > 0 THEN sin(i) END AS a, (i * 7919 % 1000)::real AS b, (ARRAY['x', 'y', 'z', NULL])[1 + i % 4] AS c, i % 3 AS class,
    sin(i) * (i * 7919 % 1000) > (i % 4) * 50 AS flag
FROM generate_series(1, 3000) i;

CREATE FUNCTION unequal(model text, what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
    EXECUTE format($q$
        WITH upwards AS MATERIALIZED (SELECT id, mlops.%1$I(%2$L, s) AS score FROM (SELECT * FROM many ORDER BY id OFFSET 0) s),
            downwards AS MATERIALIZED (SELECT id, mlops.%1$I(%2$L, s) AS score FROM (SELECT * FROM many ORDER BY id DESC OFFSET 0) s)
        SELECT count(*) FILTER (WHERE to_jsonb(u.score) <> to_jsonb(d.score)) + 3000 - count(u.score)
        FROM upwards u JOIN downwards d USING (id)$q$, what, model) INTO result;
    RETURN result;
END $$;

SELECT lives_ok($$ SELECT mlops.train('binary', 'many', target => 'flag', key => 'id', exclude => '{class}') $$);
SELECT lives_ok($$ SELECT mlops.train('several', 'many', target => 'class', task => 'multiclass', key => 'id', exclude => '{flag}') $$);
SELECT is(unequal('binary/latest', 'predict'), 0::bigint);
SELECT is(unequal('several/latest', 'predict_proba'), 0::bigint);
SELECT is(unequal('several/latest', 'predict_label'), 0::bigint);
SELECT * FROM finish();

-- Metric aggregates against their definitions in plain SQL, weights against copies, plans against each other.

SELECT plan(40);

CREATE TEMP TABLE scored AS
SELECT i, (hashint8(i) % 1000 + 1000) % 1000 < 300 AS label,
	round((abs(hashint8(i * 7 + 1)) % 1000) / 1000.0, 2)::float8 AS p,		-- many ties
	(abs(hashint8(i * 13 + 5)) % 4)::float8 AS w,							-- 0 to 3
	(hashint8(i * 3) % 1000) / 10.0::float8 AS y,
	(hashint8(i * 3) % 1000) / 10.0 + (hashint8(i * 17) % 100) / 10.0::float8 AS yhat
FROM generate_series(1, 400) AS i;
CREATE TEMP TABLE copies AS SELECT s.* FROM scored AS s, generate_series(1, s.w::int);

-- AUC: every pair of a positive and a negative
SELECT is(mlops.roc_auc(label, p),
	(SELECT avg(CASE WHEN a.p > b.p THEN 1 WHEN a.p = b.p THEN 0.5 ELSE 0 END)::float8
	 FROM scored AS a, scored AS b WHERE a.label AND NOT b.label), 'roc_auc counts pairs') FROM scored;
SELECT ok(abs(mlops.roc_auc(label, p, w)
	- (SELECT sum(a.w * b.w * CASE WHEN a.p > b.p THEN 1 WHEN a.p = b.p THEN 0.5 ELSE 0 END) / sum(a.w * b.w)
	   FROM scored AS a, scored AS b WHERE a.label AND NOT b.label)) < 1e-14, 'weighted roc_auc counts weighted pairs') FROM scored;
SELECT is(mlops.roc_auc(label, p, w), (SELECT mlops.roc_auc(label, p) FROM copies), 'roc_auc: a weight is that many copies') FROM scored;
SELECT ok(abs(mlops.roc_auc(label, -p) + mlops.roc_auc(label, p) - 1) < 1e-15, 'roc_auc: reversed scores') FROM scored;
SELECT is(mlops.roc_auc(label, 1.0), 0.5::float8, 'roc_auc: one score for all') FROM scored;
SELECT is(mlops.roc_auc(true, p), NULL, 'roc_auc: no negatives') FROM scored;
SELECT is(mlops.roc_auc(label, p), NULL, 'roc_auc: no rows') FROM scored WHERE false;
SELECT is(mlops.roc_auc(b, x), 1.0::float8, 'roc_auc: infinite scores are scores')
	FROM (VALUES (true, 'infinity'::float8), (false, '-infinity')) AS v (b, x);
SELECT throws_ok($$SELECT mlops.roc_auc(true, 'nan')$$, '22023', 'a score is NaN', 'roc_auc: NaN is no score');

-- average precision: sum of precision at each distinct score times the recall it adds
SELECT ok(abs(mlops.average_precision(label, p) - (
	SELECT sum(precision * (recall - coalesce(before, 0))) FROM (
		SELECT recall, precision, lag(recall) OVER (ORDER BY p DESC) AS before FROM (
			SELECT p, sum(count(*) FILTER (WHERE label)) OVER o / (SELECT count(*) FROM scored WHERE label) AS recall,
				sum(count(*) FILTER (WHERE label)) OVER o / sum(count(*)) OVER o AS precision
			FROM scored GROUP BY p WINDOW o AS (ORDER BY p DESC)) AS curve) AS steps)) < 1e-14, 'average_precision') FROM scored;
SELECT is(mlops.average_precision(label, p, w), (SELECT mlops.average_precision(label, p) FROM copies),
	'average_precision: a weight is that many copies') FROM scored;

-- losses
SELECT ok(abs(mlops.log_loss(label, p) - avg(-ln(CASE WHEN label THEN p ELSE 1 - p END))) < 1e-14, 'log_loss')
	FROM scored WHERE p BETWEEN 0.01 AND 0.99;
SELECT ok(mlops.log_loss(true, 0) BETWEEN 36 AND 37, 'log_loss: an impossible label costs a finite amount');
SELECT is(mlops.log_loss(true, 1), 0::float8, 'log_loss: certainty costs nothing');
SELECT throws_ok('SELECT mlops.log_loss(true, 1.5)', '22023', 'probability 1.5 is not between 0 and 1', 'log_loss wants a probability');
SELECT ok(abs(mlops.brier(label, p) - avg((p - label::int) ^ 2)) < 1e-15, 'brier') FROM scored;
SELECT ok(abs(mlops.mse(y, yhat) - avg((y - yhat) ^ 2)) < 1e-11, 'mse') FROM scored;
SELECT is(mlops.rmse(y, yhat), sqrt(mlops.mse(y, yhat)), 'rmse') FROM scored;
SELECT ok(abs(mlops.mae(y, yhat) - avg(abs(y - yhat))) < 1e-13, 'mae') FROM scored;
SELECT ok(abs(mlops.mape(y, yhat) - avg(abs(y - yhat) / abs(y))) < 1e-12, 'mape') FROM scored WHERE y <> 0;
SELECT ok(abs(mlops.r2(y, yhat) - (1 - sum((y - yhat) ^ 2) / (count(*) * var_pop(y)))) < 1e-13, 'r2') FROM scored;
SELECT is(mlops.r2(y, y), 1::float8, 'r2 of a perfect prediction') FROM scored;
SELECT is(mlops.r2(1, yhat), NULL, 'r2 of a constant target') FROM scored;
SELECT is(mlops.r2(1e9 + v, 1e9 + 2.5), 0::float8, 'r2: a mean of 1e9 costs no digit') FROM generate_series(1, 4) AS v;
SELECT is(mlops.rmse(y, yhat, w), (SELECT mlops.rmse(y, yhat) FROM copies), 'rmse: a weight is that many copies') FROM scored;
SELECT ok(abs(mlops.r2(y, yhat, w) - (SELECT mlops.r2(y, yhat) FROM copies)) < 1e-15, 'r2: a weight is that many copies') FROM scored;
SELECT is(mlops.r2(c, c + i % 3), NULL, 'r2 of a constant target, whose mean is rounded') FROM scored, (SELECT 0.1::float8 AS c) AS v WHERE i < 12;
SELECT is(mlops.r2(c, c + i % 3, w + 0.1), NULL, 'the same with weights') FROM scored, (SELECT 1e9 / 7::float8 AS c) AS v;
SELECT ok(abs(mlops.r2(y + 1e9, yhat + 1e9, w) - mlops.r2(round(y::numeric, 1), round(yhat::numeric, 1), w)) < 1e-6,
	'r2 far from zero') FROM scored;
SELECT throws_ok('SELECT mlops.rmse(1, 2, -1)', '22023', 'weight -1 is not a finite number of zero or more', 'negative weight');

-- labels
SELECT is(mlops.accuracy(label, p > 0.5), avg((label = (p > 0.5))::int)::float8, 'accuracy') FROM scored;
SELECT is(mlops.accuracy(a, b), 0.5::float8, 'accuracy of text labels') FROM (VALUES ('x', 'x'), ('y', 'x')) AS v (a, b);
SELECT is(mlops.precision(label, p > 0.5), (avg(label::int) FILTER (WHERE p > 0.5))::float8, 'precision') FROM scored;
SELECT is(mlops.recall(label, p > 0.5), (avg((p > 0.5)::int) FILTER (WHERE label))::float8, 'recall') FROM scored;
SELECT ok(abs(mlops.f1(label, p > 0.5)
	- 2 / (1 / mlops.precision(label, p > 0.5) + 1 / mlops.recall(label, p > 0.5))) < 1e-15, 'f1 is the harmonic mean') FROM scored;
SELECT is(mlops.precision(label, false), NULL, 'precision without predicted positives') FROM scored;

-- NULLs, groups and order
SELECT is(mlops.rmse(y, nullif(yhat, yhat)), NULL, 'rows with a NULL are ignored') FROM scored;
SELECT is(count(*) FILTER (WHERE auc IS NULL), 1::bigint, 'groups and filters')
	FROM (SELECT i % 3 AS g, mlops.roc_auc(label, p) FILTER (WHERE i % 3 > 0) AS auc FROM scored GROUP BY 1) AS groups;
SELECT is(mlops.rmse(y, yhat ORDER BY i), mlops.rmse(y, yhat ORDER BY i DESC), 'order does not matter to the last bit') FROM scored;

-- the states can only be made by the executor
SELECT throws_ok($$SELECT mlops.metric_mean_loss_final('\x00')$$, '22P03', NULL, 'a forged state is refused');

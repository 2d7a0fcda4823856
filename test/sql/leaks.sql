-- Columns that order the classes almost perfectly are named in training: among many rows, with a rare class, among few rows.
\set VERBOSITY terse
CREATE TABLE leaks AS
SELECT i AS id, r < 300 AS common, r < 4 AS rare, r + i % 7 AS leak, -r AS opposite, r + 3 * (i * 31 % 300) AS weak, i * 7919 % 1000 AS noise
FROM (SELECT i, i * 769 % 1000 AS r FROM generate_series(1, 30000) AS i) AS s;

SELECT mlops.roc_auc(common, -leak) > 0.98 AS leak, mlops.roc_auc(common, opposite) > 0.98 AS opposite, mlops.roc_auc(rare, -leak) > 0.98 AS leak_of_rare,
    mlops.roc_auc(common, -weak) > 0.98 AS weak, mlops.roc_auc(common, noise) > 0.98 AS noise FROM leaks;
SELECT version FROM mlops.train('leak_common', 'leaks', target => 'common', key => 'id', exclude => '{rare}', algorithm => 'naive_bayes');
SELECT version FROM mlops.train('leak_rare', 'leaks', target => 'rare', key => 'id', exclude => '{common,weak}', algorithm => 'naive_bayes');
SELECT version FROM mlops.train('leak_few', 'SELECT * FROM leaks WHERE id <= 500', target => 'common', key => 'id', exclude => '{rare}', algorithm => 'naive_bayes');
DROP TABLE leaks;

-- The quickstart: make demo runs it on a server of its own; with yours, from the top directory of the project:
--   createdb demo && psql -d demo -f docs/quickstart/demo.sql

\set ON_ERROR_STOP on
\pset footer off
\pset null '-'
SET client_min_messages = notice;

\echo
\echo '== Customers of a telecom company'
\ir customers.sql
SELECT count(*) AS customers, count(*) FILTER (WHERE churn = 'Yes') AS left_us,
	round(avg(monthly_charges), 2) AS monthly_charges
FROM crm.customers;

CREATE EXTENSION mlops;

\echo
\echo '== Train: who leaves? One fifth of the customers is held out, by the hash of the key.'
SELECT model, version, algorithm, task, rows_train, rows_test, round(seconds::numeric, 2) AS seconds
FROM mlops.train('churn', 'SELECT * FROM crm.customers', target => 'churn', key => 'customer_id', algorithm => 'logistic');

\echo
\echo '== How good is it on customers it has not seen?'
SELECT metric, round(value::numeric, 4) AS value FROM mlops.evaluate('churn/1');

\echo
\echo '== What drives churn? The strongest terms with their p-values.'
SELECT term, round(estimate::numeric, 5) AS estimate, round(std_error::numeric, 5) AS std_error,
	round(statistic::numeric, 2) AS z, p_value::numeric(6, 5) AS p_value
FROM mlops.coefficients('churn/1')
WHERE p_value IS NOT NULL AND term <> '(Intercept)'
ORDER BY abs(statistic) DESC
LIMIT 10;

\echo
\echo '== A second version: boosted trees (gbm, the default), and a threshold for which a lost customer costs five needless calls.'
SELECT model, version, algorithm, rows_train, rows_test, round(seconds::numeric, 2) AS seconds
FROM mlops.train('churn', 'SELECT * FROM crm.customers', target => 'churn', key => 'customer_id',
	threshold => '{"cost_fp": 1, "cost_fn": 5}');

\echo
\echo '== Compare: both were measured on the same customers. The first calls whoever is likelier to leave than not; the second misses few of them.'
SELECT version, algorithm, round((metrics ->> 'roc_auc')::numeric, 4) AS roc_auc,
	round((metrics ->> 'log_loss')::numeric, 4) AS log_loss,
	round((metrics ->> 'precision')::numeric, 3) AS precision,
	round((metrics ->> 'recall')::numeric, 3) AS recall
FROM mlops.versions
WHERE model = 'churn'
ORDER BY version;

\echo
\echo '== One set of held-out customers may be luck. Cross-validation holds out each fifth in turn.'
SELECT l.metric, round(l.mean::numeric, 4) AS logistic, round(g.mean::numeric, 4) AS gbm,
	(SELECT count(*) FROM unnest(l.folds, g.folds) AS f (logistic, gbm) WHERE f.gbm > f.logistic) AS folds_in_which_gbm_is_higher
FROM mlops.cross_validate('crm.customers', 'churn', 'logistic', key => 'customer_id') AS l
JOIN mlops.cross_validate('crm.customers', 'churn', 'gbm', key => 'customer_id') AS g USING (metric)
WHERE l.metric IN ('roc_auc', 'average_precision');

\echo
\echo '== What do the trees look at? Trees have no coefficients, but every prediction can be taken apart.'
SELECT feature, round(attribution::numeric, 3) AS mean_effect_on_log_odds
FROM mlops.global_explain('churn/2', 'crm.customers')
WHERE feature <> '(baseline)'
ORDER BY attribution DESC
LIMIT 5;

\echo
\echo '== Promote the first, later the second. The one that was in Production becomes Archived.'
SELECT * FROM mlops.promote('churn', 1, comment => 'first model');
SELECT * FROM mlops.promote('churn', 2, comment => 'boosted trees; weighs the cost of a lost customer');

\echo
\echo '== A view for the CRM: explicit columns, so that PostgreSQL knows what the scores need.'
CREATE VIEW crm.churn_risk AS
SELECT c.customer_id AS id, c.contract, c.tenure,
	mlops.predict('churn', c) AS probability,
	mlops.predict_label('churn', c) AS will_leave
FROM (SELECT customer_id, female, senior_citizen, partner, dependents, tenure, phone_service, multiple_lines,
		internet_service, online_security, online_backup, device_protection, tech_support, streaming_tv,
		streaming_movies, contract, paperless_billing, payment_method, monthly_charges, total_charges
	FROM crm.customers) AS c;
COMMENT ON VIEW crm.churn_risk IS 'probability that a customer leaves, from the model in Production';

\echo '   Why these? The three features that count most for each, in the order of their effect.'
SELECT c.customer_id, mlops.reasons('churn', 3, c) AS reasons
FROM crm.customers AS c
WHERE c.customer_id IN (SELECT id FROM crm.churn_risk ORDER BY probability DESC, id LIMIT 3)
ORDER BY 1;

\echo
\echo '   Dropping a column that they need is refused:'
\set ON_ERROR_STOP off
ALTER TABLE crm.customers DROP COLUMN tenure;
\set ON_ERROR_STOP on

\echo
\echo '== A table of scores for tools that sync tables: keyed, refreshed where something changed.'
CREATE TABLE crm.churn_scores (
	customer_id text PRIMARY KEY REFERENCES crm.customers,
	probability float8 NOT NULL,
	will_leave text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO crm.churn_scores AS s (customer_id, probability, will_leave)
SELECT id, probability, will_leave FROM crm.churn_risk
ON CONFLICT (customer_id) DO UPDATE
SET probability = excluded.probability, will_leave = excluded.will_leave, updated_at = now()
WHERE (s.probability, s.will_leave) IS DISTINCT FROM (excluded.probability, excluded.will_leave);

\echo
\echo '== The sales team may read the scores and predict, nothing else.'
SELECT 'CREATE ROLE sales' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sales') \gexec
GRANT USAGE ON SCHEMA crm TO sales;
GRANT SELECT ON crm.churn_risk, crm.churn_scores TO sales;
SELECT mlops.grant_access('churn', 'sales', 'predict');
SET ROLE sales;
SELECT id, contract, tenure, round(probability::numeric, 3) AS probability, will_leave
FROM crm.churn_risk
ORDER BY probability DESC, id
LIMIT 5;
SELECT will_leave, count(*), round(avg(probability)::numeric, 3) AS average_probability
FROM crm.churn_scores
GROUP BY will_leave
ORDER BY will_leave;
\echo '   Customers and the inside of the model are closed to the sales team:'
\set ON_ERROR_STOP off
SELECT count(*) FROM crm.customers;
SELECT count(*) FROM mlops.coefficients('churn');
\set ON_ERROR_STOP on
RESET ROLE;

\echo
\echo '== Roll back: the view follows at once.'
SELECT 'before' AS moment, round(avg(probability)::numeric, 6) AS average_probability,
	count(*) FILTER (WHERE will_leave = 'Yes') AS expected_to_leave
FROM crm.churn_risk;
SELECT * FROM mlops.rollback('churn', comment => 'too many calls');
SELECT 'after' AS moment, round(avg(probability)::numeric, 6) AS average_probability,
	count(*) FILTER (WHERE will_leave = 'Yes') AS expected_to_leave
FROM crm.churn_risk;
SELECT model, version, stage, since::date AS since FROM mlops.deployments;

\echo
\echo '== That was a throw-away server. For yours: sudo make install, CREATE EXTENSION mlops, and README.md.'


-- The quickstart: make demo runs it on a server of its own; with yours, from the top directory of the project:
--   createdb demo && psql -d demo -f docs/quickstart/demo.sql

\set ON_ERROR_STOP on

\echo '== Customers of a telecom company'
\ir customers.sql
SELECT count(*) AS customers, count(*) FILTER (WHERE churn = 'Yes') AS left_us,
	round(avg(monthly_charges), 2) AS monthly_charges
FROM crm.customers;

\echo '== The extension'
CREATE EXTENSION mlops;
SELECT mlops.version();

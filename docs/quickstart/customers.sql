-- The customers of a telecom company as a CRM would hold them. Run from the top directory of the project.

CREATE SCHEMA crm;
COMMENT ON SCHEMA crm IS 'what the sales team sees';

CREATE TABLE crm.customers (
	customer_id text PRIMARY KEY,
	churn text CHECK (churn IN ('Yes', 'No')),
	female boolean,
	senior_citizen boolean,
	partner boolean,
	dependents boolean,
	tenure smallint,
	phone_service boolean,
	multiple_lines text,
	internet_service text,
	online_security text,
	online_backup text,
	device_protection text,
	tech_support text,
	streaming_tv text,
	streaming_movies text,
	contract text,
	paperless_billing boolean,
	payment_method text,
	monthly_charges numeric(8, 2),
	total_charges numeric(10, 2)
);
COMMENT ON TABLE crm.customers IS 'customers of a telecom company, one row each';
COMMENT ON COLUMN crm.customers.churn IS 'has the customer left? Yes or No';
COMMENT ON COLUMN crm.customers.tenure IS 'months since the contract began';
COMMENT ON COLUMN crm.customers.multiple_lines IS 'Yes, No or No phone service';
COMMENT ON COLUMN crm.customers.internet_service IS 'DSL, Fiber optic or No';
COMMENT ON COLUMN crm.customers.contract IS 'Month-to-month, One year or Two year';
COMMENT ON COLUMN crm.customers.monthly_charges IS 'last monthly bill';
COMMENT ON COLUMN crm.customers.total_charges IS 'billed so far; NULL before the first bill';

\copy crm.customers FROM 'docs/quickstart/data/telco_churn.csv' WITH (FORMAT csv, HEADER true)
ANALYZE crm.customers;

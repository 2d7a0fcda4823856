-- Gates and approvals: what they ask, whose rights they have, what they refuse, what they leave behind.
SELECT plan(85);
\ir include/registry.sql
SET client_min_messages = warning;

BEGIN;
CREATE ROLE gate_owner;
CREATE ROLE gate_manager;
CREATE ROLE gate_trainer;
CREATE ROLE gate_risk;
CREATE ROLE gate_stranger;
CREATE SCHEMA gate AUTHORIZATION gate_owner;
SET ROLE gate_owner;
-- y follows x in segment a and b; z is noise.  Keys decide who is held out.
CREATE TABLE gate.rows AS SELECT i AS id, hashint4(i) % 1000 / 100.0::float8 AS x, hashint4(i * 7 + 1) % 1000 / 100.0::float8 AS z,
    CASE WHEN i % 3 = 0 THEN 'a' WHEN i % 3 = 1 THEN 'b' END AS segment,
    hashint4(i) % 1000 / 100.0 + hashint4(i * 11 + 5) % 300 / 100.0 > 0 AS y FROM generate_series(1, 1200) i;
SELECT mlops.train('g', 'gate.rows', target => 'y', key => 'id', algorithm => 'logistic', features => '{z}', split => '{"method": "hash", "test": 0.5}');
SELECT mlops.train('g', 'gate.rows', target => 'y', key => 'id', algorithm => 'logistic', features => '{x}', split => '{"method": "hash", "test": 0.5}');
SELECT mlops.train('g', 'gate.rows', target => 'y', key => 'id', algorithm => 'logistic', features => '{x,z}', split => '{"method": "none"}');
SELECT mlops.train('g', 'SELECT id, x, z, x * 2 + z AS y FROM gate.rows', target => 'y', key => 'id', algorithm => 'linear');
SELECT mlops.grant_access('g', 'gate_manager', 'manage'), mlops.grant_access('g', 'gate_trainer', 'write'), mlops.grant_access('g', 'gate_risk', 'approve');
RESET ROLE;
CREATE FUNCTION pg_temp.try(statement text, role text DEFAULT 'gate_owner') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.try_as(role, statement) $$;
CREATE FUNCTION pg_temp.held_out(version int) RETURNS TABLE (metric text, value float8) LANGUAGE sql AS
$$ SELECT metric, value FROM mlops.evaluate('g/' || version) $$;

-- thresholds: the number is that of evaluate on rows that were held out
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 0.8)$$), '', 'an absolute threshold');
SELECT results_eq($$SELECT gate, value, rows_checked, passed, baseline IS NULL FROM mlops.check_gates('g/2')$$,
    $$SELECT 'roc_auc', (SELECT value FROM pg_temp.held_out(2) WHERE metric = 'roc_auc'), (SELECT value::bigint FROM pg_temp.held_out(2) WHERE metric = 'rows'), true, true$$,
    'is compared with what evaluate says');
SELECT results_eq($$SELECT passed, message ~ '^roc_auc is 0\.[45]\d*, below 0\.8$' FROM mlops.check_gates('g', 1)$$, $$VALUES (false, true)$$, 'a version that fails, with the reason');
SELECT is(pg_temp.try($$SELECT mlops.promote('g/1')$$) ~ '^55000 \| version 1 of model "g" does not pass its gates \| Gate "roc_auc": roc_auc is 0\.[45]\d*, below 0\.8\. \| SELECT \* FROM mlops.check_gates\(''g'', 1\)',
    true, 'does not enter Production');
SELECT is(pg_temp.production('g'), NULL, '... which stays as it was');
SELECT is(pg_temp.try($$SELECT to_stage FROM mlops.promote('g/1', stage => 'Staging')$$), 'Staging', 'other stages ask for nothing');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 0.8, mode => 'DRY_RUN')$$), '', 'a gate is replaced by one of the same name');
SELECT is(pg_temp.try($$SELECT to_stage FROM mlops.promote('g/1')$$), 'Production', 'dry_run only tells');
SELECT results_eq($$SELECT version, mode, purpose, passed FROM mlops.gate_results WHERE purpose <> 'check' ORDER BY checked_at$$, $$VALUES (1, 'dry_run', 'promote', false)$$, '... and is recorded');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 0.8, mode => 'disabled')$$), '', 'disabled');
SELECT is_empty($$SELECT * FROM mlops.check_gates('g/1')$$, '... is not evaluated');
SELECT is(pg_temp.try($$SELECT mlops.drop_gate('g', 'roc_auc')$$), '', 'a gate is dropped');

-- against the version in Production, on the same rows
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'log_loss', min_absolute_change => 0.05, min_relative_change => 0.1, gate => 'better')$$), '', 'a change is asked for');
SELECT results_eq($$SELECT value, baseline, baseline_version, passed FROM mlops.check_gates('g/2')$$,
    $$SELECT (SELECT value FROM pg_temp.held_out(2) WHERE metric = 'log_loss'), (SELECT value FROM pg_temp.held_out(1) WHERE metric = 'log_loss'), 1, true$$,
    'both versions on the same held-out rows; less is better here');
SELECT is(pg_temp.try($$SELECT to_stage FROM mlops.promote('g/2')$$), 'Production', 'the better one enters');
SELECT is((SELECT message FROM mlops.check_gates('g/1')) ~ '^log_loss is [0-9.]+ after [0-9.]+ of version 2, a change for the better of -[0-9.]+ where 0\.05 is asked for$', true, 'the worse one does not');
SELECT is((SELECT message FROM mlops.check_gates('g/2')), 'passed; no other version is in Production to compare with', 'a version is not compared with itself');
SELECT is((SELECT message FROM mlops.check_gates('g/3')), 'it could not be evaluated: the source has no row that neither version 3 nor version 2 was trained on', 'a version that saw every row');
SELECT is((SELECT message FROM mlops.check_gates('g/4')), 'it could not be evaluated: versions 4 and 2 of model "g" do not predict the same', 'another target');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'log_loss', min_relative_change => -10, gate => 'better')$$), '', 'a negative change allows a loss');
SELECT is((SELECT passed FROM mlops.check_gates('g/1')), true, '... and passes');

-- slices
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'log_loss', source => 'SELECT * FROM gate.rows;', slice => 'segment -- thirds', max_slice_loss => 0.01, gate => 'better')$$), '', 'no segment may lose');
SELECT is((SELECT string_agg(concat_ws(' ', slice, passed), ', ' ORDER BY slice NULLS FIRST) FROM mlops.check_gates('g/1')), 't, (null) f, a f, b f', 'each segment is judged, rows without one too');
SELECT is((SELECT sum(rows_checked) FROM mlops.check_gates('g/1') WHERE slice IS NOT NULL), (SELECT rows_checked::numeric FROM mlops.check_gates('g/1') WHERE slice IS NULL), 'together they are all rows');
SELECT is((SELECT value FROM mlops.check_gates('g/1') WHERE slice = 'a'),
    (SELECT value FROM mlops.evaluate('g/1', $$SELECT * FROM gate.rows WHERE segment = 'a'$$) WHERE metric = 'log_loss'), 'with the metric of their rows');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'log_loss', source => 'gate.rows', slice => 'segment', max_slice_loss => 0.01, min_slice_rows => 100000, gate => 'better')$$), '', 'small segments');
SELECT is((SELECT count(*) FROM mlops.check_gates('g/1')), 1::bigint, '... are not judged');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'log_loss', source => 'gate.rows', slice => 'id', max_slice_loss => 0.01, gate => 'better')$$), '', 'too many');
SELECT is((SELECT passed FROM mlops.check_gates('g/1') LIMIT 1), true, '... up to a thousand are fine');
SELECT is(pg_temp.try($$SELECT mlops.drop_gate('g', 'better')$$), '', 'dropped');

-- conditions
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', query => 'SELECT avg(mlops.predict(gate.candidate, r)) AS mean FROM gate.rows r -- all', condition => 'mean BETWEEN 0.3 AND 0.7 -- sane', gate => 'mean')$$), '', 'a condition over a query');
SELECT is((SELECT passed FROM mlops.check_gates('g/1')), true, 'about the candidate');
SELECT is((SELECT message FROM mlops.check_gates('g/4')), 'condition mean BETWEEN 0.3 AND 0.7 -- sane does not hold', '... which may fail');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', condition => '(metrics->>''roc_auc'')::float8 >= (production_metrics->>''roc_auc'')::float8 AND production = ''g/2''', gate => 'mean')$$), '', 'about recorded metrics');
SELECT is((SELECT passed FROM mlops.check_gates('g/1')), false, 'compared with those of Production');
SELECT is((SELECT passed FROM mlops.check_gates('g/2')), false, 'NULL is not true');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', query => 'SELECT id FROM gate.rows', condition => 'id > 2', gate => 'mean')$$), '', 'about many rows');
SELECT is((SELECT message || rows_checked FROM mlops.check_gates('g/1')), 'condition id > 2 does not hold for 2 of 1200 rows1200', 'all must hold');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', query => 'SELECT id FROM gate.rows WHERE false', condition => 'id > 2', gate => 'mean')$$), '', 'about no row');
SELECT is((SELECT message FROM mlops.check_gates('g/1')), 'the query of its condition returned no row', '... fails');

-- whose rights: the author's, who may only read
SET ROLE gate_manager;
CREATE FUNCTION pg_temp.gate_spy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$;
RESET ROLE;
GRANT CREATE, USAGE ON SCHEMA gate TO gate_manager;
SET ROLE gate_manager;
CREATE TABLE gate.loot (who text);
CREATE FUNCTION gate.writes() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO gate.loot VALUES (current_user); RETURN true; END $$;
CREATE FUNCTION gate.unlocks() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN SET transaction_read_only = off; INSERT INTO gate.loot VALUES (current_user); RETURN true; END $$;
CREATE FUNCTION gate.becomes() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN SET ROLE gate_owner; RETURN true; END $$;
CREATE FUNCTION gate.who() RETURNS boolean LANGUAGE sql AS $$ SELECT current_user = 'gate_manager' AND current_setting('search_path') = 'gate, pg_temp' $$;
RESET ROLE;
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', condition => 'gate.writes()', gate => 'mean')$$, 'gate_manager'), '', 'a condition that would write');
SELECT is((SELECT message FROM mlops.check_gates('g/1')), 'it could not be evaluated: cannot execute INSERT in a read-only transaction', '... cannot, though the superuser who asks could');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', condition => 'gate.unlocks()', gate => 'mean')$$, 'gate_manager'), '', 'nor after asking for it');
SELECT alike((SELECT message FROM mlops.check_gates('g/1')), 'it could not be evaluated: %transaction%read%', '... cannot');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', condition => 'gate.becomes()', gate => 'mean')$$, 'gate_manager'), '', 'a condition that would become somebody');
SELECT is((SELECT message FROM mlops.check_gates('g/1')), 'it could not be evaluated: cannot set parameter "role" within security-definer function', '... cannot');
SELECT is_empty('SELECT * FROM gate.loot', 'nothing was written');
SELECT lives_ok($$SET search_path = gate, pg_temp; SET ROLE gate_manager; SELECT mlops.set_gate('g', condition => 'who()', gate => 'mean'); RESET ROLE; RESET search_path$$, 'names are looked up');
SELECT is((SELECT passed FROM mlops.check_gates('g/1')), true, '... on the path of then, as the author');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', query => 'SELECT count(*) AS n FROM gate.rows', condition => 'n > 0', gate => 'mean')$$, 'gate_manager'), '', 'a query over what its author may not read');
SELECT is((SELECT message FROM mlops.check_gates('g/1')), 'it could not be evaluated: permission denied for table rows', '... fails, whoever asks');
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', query => 'SELECT count(*) AS n FROM gate.rows', condition => 'n > 0', gate => 'mean')$$), '', 'a gate of the owner');
SELECT is(pg_temp.try($$SELECT passed FROM mlops.check_gates('g/1')$$, 'gate_manager'), 'true', '... works for a manager who may not read the rows');
SELECT is(pg_temp.try($$SELECT mlops.drop_gate('g', 'mean')$$, 'gate_manager'), '', 'managers drop gates');

-- what is refused
SELECT is(pg_temp.try(call), answer, call) FROM (VALUES
    ($$SELECT mlops.set_gate('nope', 'roc_auc', threshold => 1)$$, '42704 | model "nope" does not exist | The view mlops.models lists the models that you may use; mlops.train makes new ones.'),
    ($$SELECT mlops.set_gate('g', 'roc_acu', threshold => 1)$$, '22023 | unknown metric "roc_acu" | Perhaps you meant roc_auc.'),
    ($$SELECT mlops.set_gate('g', 'roc_auc')$$, '22023 | the gate on roc_auc asks for nothing | Give threshold, min_absolute_change, min_relative_change, or slice and max_slice_loss.'),
    ($$SELECT mlops.set_gate('g')$$, '22023 | a gate needs a metric or a condition | Write mlops.set_gate(model, ''roc_auc'', threshold => 0.8), or condition => ''...'' with query => ''SELECT ...''.'),
    ($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 'NaN')$$, '22023 | argument "threshold" must be finite'),
    ($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 1, mode => 'enable')$$, '22023 | unknown gate mode "enable" | Perhaps you meant enabled. The modes are disabled, dry_run and enabled.'),
    ($$SELECT mlops.set_gate('g', 'roc_auc', slice => 'segment')$$, '22023 | slice and max_slice_loss belong together | Give the expression that makes the segments and how much each may lose at most.'),
    ($$SELECT mlops.set_gate('g', 'roc_auc', source => 'gate.rows', slice => 'sgment', max_slice_loss => 0)$$, '42703 | column "sgment" does not exist | Perhaps you meant to reference the column "s.segment".'),
    ($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 1, source => 'DELETE FROM gate.rows')$$, '22023 | source is the command DELETE, not a query | Give the name of a table or view, or exactly one SELECT.'),
    ($$SELECT mlops.set_gate('g', condition => '1')$$, '42804 | the condition of a gate must be boolean | Compare something: condition => ''n < 100''.'),
    ($$SELECT mlops.drop_gate('g', 'nope')$$, '42704 | model "g" has no gate "nope" | The view mlops.gates lists them.'),
    ($$SELECT mlops.check_gates('g/9')$$, '42704 | version 9 of model "g" does not exist | Its versions are 1 to 4. | The view mlops.versions lists them.')) c (call, answer);
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 0.1)$$, 'gate_trainer') LIKE '42501 %', true, 'gates need manage');

-- force
SELECT is(pg_temp.try($$SELECT mlops.set_gate('g', 'roc_auc', threshold => 0.8)$$), '', 'a gate again');
SELECT is(pg_temp.try($$SELECT to_stage FROM mlops.promote('g/1', force => true, comment => 'outage')$$, 'gate_manager'), 'Production', 'force passes it');
SELECT results_eq($$SELECT h.forced, h.comment, a.role, a.detail->>'failures' ~ 'below 0.8', r.passed FROM mlops.history h, mlops.audit a, mlops.gate_results r
    WHERE h.model = 'g' AND h.event = (SELECT max(event) FROM mlops.history WHERE model = 'g') AND a.model = 'g' AND a.action = 'force' AND r.model = 'g' AND r.purpose = 'force'$$,
    $$VALUES (true, 'outage', 'gate_manager', true, false)$$, 'and leaves marks in history, audit and results');

-- approvals
SELECT is(pg_temp.try($$SELECT mlops.require_approval('g')$$), '', 'approval is required');
SELECT is(pg_temp.try($$SELECT mlops.promote('g/2')$$), '55000 | version 2 of model "g" is not approved | The model requires an approval from somebody else than the version''s author. | Ask a role with the privilege approve to run SELECT mlops.approve(''g'', 2).', 'nothing enters without');
SELECT is(pg_temp.try($$SELECT mlops.approve('g/2')$$), '42501 | the author of version 2 of model "g" cannot approve it | An approval comes from somebody else.', 'not from the author');
SELECT is(pg_temp.try($$SELECT mlops.approve('g/2')$$, 'gate_trainer') LIKE '42501 | permission denied for model "g"%', true, 'nor without the privilege');
SELECT is(pg_temp.try($$SELECT mlops.approve('g')$$, 'gate_risk'), '22023 | which version of model "g" is meant? | Name it: ''g/1''.', 'a version must be named');
SELECT is(pg_temp.try($$SELECT mlops.approve('g/2', comment => 'checked')$$, 'gate_risk') || pg_temp.try($$SELECT mlops.withdraw_approval('g/2')$$, 'gate_risk'), '', 'approved and withdrawn');
SELECT is(pg_temp.try($$SELECT mlops.promote('g/2')$$) LIKE '55000 %not approved%', true, '... is not approved');
SELECT is(pg_temp.try($$SELECT mlops.approve('g/2', comment => 'checked')$$, 'gate_risk'), '', 'approved');
SELECT is(pg_temp.try($$SELECT to_stage FROM mlops.promote('g/2')$$), 'Production', 'enters');
SELECT results_eq($$SELECT version, approver, comment FROM mlops.version_approvals WHERE model = 'g'$$, $$VALUES (2, 'gate_risk', 'checked')$$, 'who approved is seen');
SELECT is(pg_temp.try($$SELECT mlops.promote('g/2')$$, 'gate_risk') LIKE '42501 %', true, 'approving is not promoting');
SELECT results_eq($$SELECT action FROM mlops.audit WHERE model = 'g' AND action ~ 'appr' ORDER BY at$$, $$VALUES ('require_approval'), ('approve'), ('withdraw_approval'), ('approve')$$, 'all of it is in the audit log');
SELECT is(pg_temp.try($$SELECT count(*) FROM mlops.gates$$, 'gate_trainer') || pg_temp.try($$SELECT count(*) FROM mlops.gate_results$$, 'gate_stranger'), '00', 'without read, gates and results are not seen');
ROLLBACK;

-- a cancel ends the statement, not only the gate, and the session goes on; outside a transaction block
SELECT mlops.train('slow', 'SELECT i AS id, i::float8 AS x, i % 5 + i AS y FROM generate_series(1, 50) i', target => 'y', key => 'id', algorithm => 'linear');
SELECT mlops.set_gate('slow', condition => 'pg_sleep(20) IS NOT NULL');
SET statement_timeout = '300ms';
\set ON_ERROR_STOP 0
SELECT mlops.check_gates('slow/1');
\set ON_ERROR_STOP 1
RESET statement_timeout;
SELECT is((SELECT count(*) FROM mlops.gate_results), 0::bigint, 'the session goes on, and nothing was recorded');
SELECT is(current_user::text || current_setting('transaction_read_only'), session_user || 'off', '... as before');

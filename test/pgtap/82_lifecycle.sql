-- Preview, comparison, what was live when, archive, retention, and versions that travel.
SELECT plan(101);
\ir include/registry.sql
SET client_min_messages = warning;

BEGIN;
CREATE ROLE lc_owner;
CREATE ROLE lc_reader;
CREATE ROLE lc_scorer;
CREATE ROLE lc_stranger;
CREATE SCHEMA lc AUTHORIZATION lc_owner;
SET ROLE lc_owner;
CREATE TABLE lc.rows AS SELECT i AS id, i % 7 - 3.0::float8 AS x, CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END AS parity,
    i % 7 - 3.0 + (i % 5 - 2.0) / 2 > 0 AS y, (i % 7) * 2.0::float8 AS v FROM generate_series(1, 700) i;
SELECT mlops.train('b', 'lc.rows', target => 'y', key => 'id', algorithm => 'logistic', features => '{x}', tags => '{"first": "yes"}');
SELECT mlops.train('b', 'lc.rows', target => 'y', key => 'id', algorithm => 'logistic', features => '{x,parity}', params => '{"reg_lambda": 10}');
SELECT mlops.train('r', 'lc.rows', target => 'v', key => 'id', algorithm => 'linear', features => '{x}');
SELECT mlops.train('r', 'lc.rows', target => 'v', key => 'id', algorithm => 'linear', features => '{parity}');
SELECT mlops.train('r', 'SELECT id, x, y AS v FROM lc.rows', target => 'v', key => 'id', algorithm => 'logistic', features => '{x}');
SELECT mlops.grant_access('b', 'lc_reader', 'read'), mlops.grant_access('b', 'lc_scorer', 'predict');
RESET ROLE;
GRANT USAGE ON SCHEMA lc TO lc_reader, lc_scorer;
GRANT SELECT ON lc.rows TO lc_scorer;
CREATE FUNCTION pg_temp.try(statement text, role text DEFAULT 'lc_owner') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.try_as(role, statement) $$;

-- preview, against a computation row by row
SELECT is(pg_temp.try($$SELECT * FROM mlops.preview('b/2')$$), '42704 | model "b" has no version in Production | Put one there with SELECT mlops.promote(''b'', 2), or write ''b/latest'' for the newest version.', 'a preview compares with Production');
SELECT mlops.promote('b/1'), mlops.promote('r/1');
CREATE TEMP TABLE preview AS SELECT * FROM mlops.preview('b/2', source => 'lc.rows', segment => 'parity', movers => 5);
CREATE TEMP TABLE scored AS SELECT r.*, mlops.predict('b/1', r) AS before, mlops.predict('b/2', r) AS after,
    mlops.predict_label('b/1', r) AS label, mlops.predict_label('b/2', r) AS new_label FROM lc.rows r;
SELECT results_eq($$SELECT production, candidate, rows FROM preview WHERE item = 'rows'$$, $$VALUES (700::float8, 700::float8, 700::bigint)$$, 'every row is scored, whether trained on or not');
SELECT is((SELECT count(*) FROM preview p, (SELECT avg(before) b, avg(after) a, stddev(before) sb, stddev(after) sa, min(after) l, max(before) h, avg(abs(after - before)) m FROM scored) s
    WHERE p.section = 'summary' AND CASE p.item WHEN 'mean' THEN abs(p.production - b) + abs(p.candidate - a) WHEN 'stddev' THEN abs(p.production - sb) + abs(p.candidate - sa)
        WHEN 'min' THEN abs(p.candidate - l) WHEN 'max' THEN abs(p.production - h) WHEN 'mean absolute change' THEN abs(p.change - m) END < 1e-12), 5::bigint, 'the summary is that of the scores');
SELECT results_eq($$SELECT item, rows FROM preview WHERE section IN ('flip', 'same label') AND segment IS NULL ORDER BY item$$,
    $$SELECT label || ' -> ' || new_label, count(*) FROM scored GROUP BY 1 ORDER BY 1$$, 'labels before and after');
SELECT results_eq($$SELECT segment, item, rows FROM preview WHERE section IN ('flip', 'same label') AND segment IS NOT NULL ORDER BY 1, 2$$,
    $$SELECT parity, label || ' -> ' || new_label, count(*) FROM scored GROUP BY 1, 2 ORDER BY 1, 2$$, 'by segment');
SELECT is_empty($$SELECT * FROM preview WHERE (section = 'flip') = (split_part(item, ' -> ', 1) = split_part(item, ' -> ', 2)) AND section IN ('flip', 'same label')$$, 'only those that differ are flips');
SELECT is((SELECT count(*) FROM preview p JOIN (SELECT parity, avg(before) b, avg(after) a, count(*) n FROM scored GROUP BY 1) s ON s.parity = p.segment
    WHERE section = 'segment' AND abs(production - b) + abs(candidate - a) < 1e-12 AND rows = n), 2::bigint, 'mean scores by segment');
SELECT is((SELECT sum(rows) FROM preview WHERE section = 'decile'), 700::numeric, 'deciles hold all rows');
SELECT results_eq($$SELECT item, rows FROM preview WHERE section = 'decile' ORDER BY 1$$,
    $$SELECT format('%s -> %s', 10 - floor(b * 10), 10 - floor(a * 10)), count(*) FROM (SELECT (rank() OVER (ORDER BY before) - 1) / 700.0 AS b, (rank() OVER (ORDER BY after) - 1) / 700.0 AS a FROM scored) s GROUP BY 1 ORDER BY 1$$,
    'a decile is the share of rows with a lower score; 1 is the highest');
SELECT results_eq($$SELECT production::bigint, candidate::bigint FROM preview WHERE section = 'distribution' ORDER BY item$$,
    $$SELECT (SELECT count(*) FROM scored WHERE width_bucket(before, 0, 1, 10) = k), (SELECT count(*) FROM scored WHERE width_bucket(after, 0, 1, 10) = k) FROM generate_series(1, 10) k$$, 'the distribution counts scores');
SELECT results_eq($$SELECT round(abs(change)::numeric, 12) FROM preview WHERE section = 'mover'$$,
    $$SELECT round(abs(after - before)::numeric, 12) FROM scored ORDER BY abs(after - before) DESC LIMIT 5$$, 'those that move most, first');
SELECT is((SELECT count(*) FROM preview p JOIN scored s ON s.id::text = p.item AND s.before = p.production AND s.after = p.candidate AND s.parity = p.segment WHERE section = 'mover'), 5::bigint, 'are named by key');
SELECT set_eq($$SELECT * FROM mlops.preview('b/2', source => 'SELECT * FROM lc.rows ORDER BY x, id DESC', segment => 'parity', movers => 0)$$, $$SELECT * FROM preview WHERE section <> 'mover'$$, 'the order of rows says nothing');
SELECT is((SELECT rows FROM mlops.preview('b/2', movers => 3) WHERE item = 'rows'), 700::bigint, 'the recorded source serves');
SELECT is((SELECT count(*) FROM mlops.preview('r/2') WHERE section IN ('flip', 'same label')), 0::bigint, 'numbers have no labels');
SELECT is((SELECT sum(production) FROM mlops.preview('r/2') WHERE section = 'distribution'), 700::float8, '... but a distribution');
SELECT is((SELECT count(*) FROM mlops.preview('b', source => 'SELECT * FROM lc.rows LIMIT 3') WHERE section = 'mover'), 3::bigint, 'few rows, no version: the newest');
SELECT is(pg_temp.production('b'), 1, 'nothing was promoted');
SELECT is(pg_temp.try(call), answer, call) FROM (VALUES
    ($$SELECT mlops.preview('b/1')$$, '22023 | version 1 of model "b" is in Production already | Name the version that would replace it.'),
    ($$SELECT mlops.preview('r/3')$$, '22023 | versions 3 and 1 of model "r" do not predict the same | They differ in task, target, classes or positive class.'),
    ($$SELECT mlops.preview('b/2', source => 'SELECT * FROM lc.rows WHERE false')$$, 'P0002 | the source has no rows to preview model "b" on'),
    ($$SELECT mlops.preview('b/2', source => 'SELECT id, x FROM lc.rows')$$, NULL),
    ($$SELECT mlops.preview('b/2', segment => 'parity')$$, '22023 | a preview by segment needs a source | The segment is an expression over the columns of argument "source".'),
    ($$SELECT mlops.preview('b/2', movers => -1)$$, '22023 | argument "movers" must not be negative'),
    ($$SELECT mlops.preview('b/7')$$, '42704 | version 7 of model "b" does not exist | Its versions are 1 to 2. | The view mlops.versions lists them.')) c (call, answer) WHERE answer IS NOT NULL;
SELECT alike(pg_temp.try($$SELECT mlops.preview('b/2', source => 'SELECT id, x FROM lc.rows')$$), '42703 | %parity%', 'a missing feature is named');
SELECT is(pg_temp.try($$SELECT count(*) > 10 FROM mlops.preview('b/2', source => 'lc.rows')$$, 'lc_scorer'), 'true', 'with predict and rows of one''s own');
SELECT alike(pg_temp.try($$SELECT mlops.preview('b/2')$$, 'lc_scorer'), '42501 | permission denied for model%', '... but not of the recorded source');
SELECT alike(pg_temp.try($$SELECT mlops.preview('b/2', source => 'lc.rows')$$, 'lc_reader'), '42501 | permission denied for table rows%', 'a source is read with the rights of who asks');
SELECT is(pg_temp.try($$SELECT count(*) > 10 FROM mlops.preview('b/2')$$, 'lc_reader'), 'true', 'the recorded one with those of its author');

-- the recorded source has its author's rights, and none of the reader's
SET ROLE lc_owner;
CREATE FUNCTION lc.peek() RETURNS text LANGUAGE sql AS $$ SELECT current_user::text $$;
SELECT mlops.train('spy2', $$SELECT id, x, y FROM lc.rows WHERE lc.peek() = 'lc_owner'$$, target => 'y', key => 'id', algorithm => 'logistic', features => '{x}');
RESET ROLE;
SELECT is((SELECT value FROM mlops.evaluate('spy2/1', rows => 'all') WHERE metric = 'rows'), 700::float8, 'a superuser who evaluates runs the source as its author');

-- comparison
CREATE TEMP TABLE c AS SELECT * FROM mlops.compare('b', 2, 1);
SELECT is((SELECT count(*) FROM c), (SELECT 2 * count(DISTINCT (kind, name)) FROM c), 'every fact for every version');
SELECT results_eq($$SELECT version, number = (SELECT (metrics->>'roc_auc')::float8 FROM mlops.versions v WHERE v.model = 'b' AND v.version = c.version), differs FROM c WHERE kind = 'metric' AND name = 'roc_auc'$$,
    $$VALUES (2, true, true), (1, true, true)$$, 'metrics, in the order asked for');
SELECT results_eq($$SELECT version, value, differs FROM c WHERE kind = 'param' AND name = 'reg_lambda'$$, $$VALUES (2, '10', true), (1, '0', true)$$, 'parameters');
SELECT results_eq($$SELECT version, value, differs FROM c WHERE kind = 'feature' AND name = 'parity'$$, $$VALUES (2, 'text', true), (1, NULL, true)$$, 'features that one lacks');
SELECT results_eq($$SELECT version, value, differs FROM c WHERE kind = 'tag' AND name = 'first'$$, $$VALUES (2, NULL, true), (1, 'yes', true)$$, 'tags');
SELECT is((SELECT bool_or(differs) FROM c WHERE kind = 'data' OR name IN ('target', 'key', 'task')), false, 'what is equal does not differ');
SELECT is((SELECT count(DISTINCT version) FROM mlops.compare('r')), 3::bigint, 'all versions when none is named');
SELECT set_eq($$SELECT name, value FROM mlops.compare_runs((SELECT run_id FROM mlops.versions WHERE model = 'b' AND version = 1)) WHERE kind = 'param'$$, $$SELECT name, value FROM c WHERE version = 1 AND kind = 'param'$$, 'runs too');
SELECT is(pg_temp.try(call), answer, call) FROM (VALUES
    ($$SELECT mlops.compare('b', 1, 9)$$, '42704 | version 9 of model "b" does not exist | Its versions are 1 to 2. | The view mlops.versions lists them.'),
    ($$SELECT mlops.compare('b/1')$$, '22023 | "b/1" names a version where a model is wanted | Write the model''s name alone: ''b''.'),
    ($$SELECT mlops.compare('b', 1, NULL)$$, '22004 | what is to be compared must not be null'),
    ($$SELECT mlops.compare_runs('00000000-0000-0000-0000-000000000001')$$, '42704 | run 00000000-0000-0000-0000-000000000001 does not exist, or you may not see it | The view mlops.experiment_runs lists the runs that you may see.'),
    ($$SELECT mlops.compare_runs(VARIADIC '{}')$$, '22023 | no runs to compare | Name them: mlops.compare_runs(run, another_run).')) t (call, answer);
SELECT alike(pg_temp.try($$SELECT mlops.compare('b')$$, 'lc_scorer'), '42501 %', 'comparing needs read');
SELECT alike(pg_temp.try(format($$SELECT mlops.compare_runs(%L)$$, (SELECT run_id FROM mlops.versions WHERE model = 'b' AND version = 1)), 'lc_stranger'), '42704 | run % does not exist, or you may not see it%', 'runs of others are not seen');

-- what was live when; history only grows
SELECT mlops.promote('b/2');
SELECT is((SELECT mlops.version_at('b', changed_at) FROM mlops.history WHERE model = 'b' AND version = 1 AND action = 'promote'), 1, 'at the moment of its promotion');
SELECT is((SELECT mlops.version_at('b', max(changed_at) - interval '1 microsecond') FROM mlops.history WHERE model = 'b'), 1, 'until the next');
SELECT is(mlops.version_at('b', 'infinity'), 2, 'now');
SELECT is(mlops.version_at('b', '2020-01-01'), NULL, 'before: none');
SELECT is(pg_temp.try($$SELECT mlops.version_at('b', 'infinity')$$, 'lc_scorer') = '2' AND pg_temp.try($$SELECT mlops.version_at('b', now())$$, 'lc_stranger') LIKE '42501 %', true, 'any privilege shows it, none does not');
SELECT is(pg_temp.try($$SELECT mlops.version_at('b/1', now())$$), '22023 | "b/1" names a version where a model is wanted | Write the model''s name alone: ''b''.', 'of a model');
SELECT alike(pg_temp.try(statement), '42501 | permission denied for table stage_history', 'the owner of a model cannot: ' || statement)
FROM (VALUES ('UPDATE mlops.stage_history SET version = 1'), ('DELETE FROM mlops.stage_history'), ('INSERT INTO mlops.stage_history SELECT * FROM mlops.stage_history'), ('TRUNCATE mlops.stage_history')) s (statement);
CREATE TEMP TABLE old_history AS SELECT * FROM mlops.stage_history;
SELECT is(pg_temp.try($$SELECT mlops.archive('b/2', comment => 'withdrawn')$$), '', 'archived');
SELECT is((SELECT to_version FROM mlops.rollback('b')), 1, 'what was archived is not restored');
SELECT lives_ok($$SELECT mlops.promote('b/2'), mlops.rollback('b'), mlops.promote('b/2', stage => 'Staging'), mlops.rename_model('b', 'bb'), mlops.rename_model('bb', 'b'), mlops.set_alias('b/2', 'x'), mlops.drop_alias('b', 'x')$$, 'everything that moves versions');
SELECT is_empty($$SELECT * FROM old_history EXCEPT SELECT * FROM mlops.stage_history$$, '... leaves the history as it was');
SELECT is(pg_temp.try($$SELECT mlops.archive('b')$$), '22023 | which version of model "b" is meant? | Name it: ''b/1''.', 'a version must be named');

-- stored scores
CREATE MATERIALIZED VIEW lc.stored AS SELECT id, mlops.predict('b', r) FROM lc.rows r;
SELECT mlops.set_tag('b', 'score_tables', 'crm.scores');
SELECT is(mlops.version_at('b', 'infinity'), 1, 'version 1 again');
SELECT lives_ok($$SELECT mlops.promote('b/2'), mlops.rollback('b')$$, 'stored scores do not hinder a change');

-- retention
SELECT pg_temp.add_version('p', 'lc_owner') FROM generate_series(1, 9);
SELECT mlops.promote('p/1'), mlops.promote('p/2'), mlops.promote('p/3'), mlops.promote('p/4', stage => 'Staging'), mlops.set_alias('p/5', 'pin'), mlops.set_tag('p/6', 'k', 'v');
SELECT is((SELECT array_agg(version) FROM mlops.prune('p', 2, dry_run => true)), '{1,6,7}', 'Production, Staging, aliases, the one that rollback would restore and the newest stay');
SELECT is((SELECT count(*) FROM mlops.versions WHERE model = 'p'), 9::bigint, 'a dry run deletes nothing');
SELECT is((SELECT array_agg(version) FROM mlops.prune('p', 2)), '{1,6,7}', 'pruned');
SELECT is((SELECT array_agg(version ORDER BY version) FROM mlops.versions WHERE model = 'p'), '{2,3,4,5,8,9}', 'gone');
SELECT is((SELECT count(*) FROM mlops.version_tags t WHERE NOT EXISTS (SELECT FROM mlops.model_versions v WHERE v.model_id = t.model_id AND v.version = t.version))
    + (SELECT count(*) FROM mlops.model_blobs b WHERE NOT EXISTS (SELECT FROM mlops.model_versions v WHERE v.model_sha256 = b.sha256)), 0::bigint, 'with tags and bytes');
SELECT is((SELECT to_version FROM mlops.rollback('p')), 2, 'rollback still works');
SELECT is((SELECT count(*) FROM mlops.prune('p')), 0::bigint, 'nothing to prune');
SELECT is(pg_temp.try($$SELECT mlops.prune('p', 0)$$), '22023 | argument "keep" must be positive | It is the number of newest versions that stay.', 'something is kept');

-- versions that travel
CREATE TABLE lc.parcel AS SELECT * FROM mlops.export_chunks('b/1') UNION ALL SELECT * FROM mlops.export_chunks('b/2');
ALTER TABLE lc.parcel OWNER TO lc_owner;
SELECT results_eq($$SELECT version, count(*) FROM lc.parcel GROUP BY 1 ORDER BY 1$$, $$VALUES (1, 2::bigint), (2, 2)$$, 'a manifest and the bytes');
SELECT is(pg_temp.try($$SELECT mlops.import_chunks('lc.parcel')$$), '42710 | model "b" has, or had, a version 1 | Pass on_conflict => ''renumber'' to take the next number, ''skip'' to leave it out, or another name as argument "model".', 'a number that is taken');
SELECT results_eq($$SELECT version, source_version, status FROM mlops.import_chunks('lc.parcel', on_conflict => 'skip')$$, $$VALUES (NULL::int, 1, 'skipped'), (NULL, 2, 'skipped')$$, 'skip');
SELECT results_eq($$SELECT version, source_version, status FROM mlops.import_chunks('SELECT * FROM lc.parcel WHERE version = 2;', on_conflict => 'renumber')$$, $$VALUES (3, 2, 'renumbered')$$, 'renumber');
SELECT is(pg_temp.try($$SELECT count(*) FROM mlops.import_chunks('SELECT * FROM lc.parcel ORDER BY chunk_no DESC', 'copy')$$), '2', 'another name; chunks in any order');
SELECT results_eq($$SELECT version, stage, model_sha256, metrics, params, tags, rows_train, rows_test, target, key, source FROM mlops.versions WHERE model = 'copy' ORDER BY 1$$,
    $$SELECT version, 'None', model_sha256, metrics, params, tags, rows_train, rows_test, target, key, source FROM mlops.versions WHERE model = 'b' AND version < 3 ORDER BY 1$$, 'the same versions, in no stage');
SELECT is((SELECT count(*) FROM lc.rows r WHERE mlops.predict('copy/2', r) IS DISTINCT FROM mlops.predict('b/2', r)), 0::bigint, 'and scores');
SELECT results_eq($$SELECT author, arguments, environment, features, source_relations, tags->>'mlops.origin' LIKE '%"model": "b"%' FROM mlops.experiment_runs WHERE model = 'copy' AND version = 2$$,
    $$SELECT 'lc_owner', arguments, environment, features, source_relations, true FROM mlops.experiment_runs WHERE model = 'b' AND version = 2$$, 'with lineage and origin; who imports is the author');
SELECT alike(pg_temp.try($$SELECT mlops.evaluate('copy/1')$$), '55000 | version 1 of model "copy" was imported, and its source is that of another database%', 'nobody runs the foreign source');
SELECT is((SELECT value FROM mlops.evaluate('copy/1', 'lc.rows') WHERE metric = 'roc_auc'), (SELECT value FROM mlops.evaluate('b/1') WHERE metric = 'roc_auc'), 'a source of one''s own gives the same metrics: the split travelled');
SELECT results_eq($$SELECT action, model, count(*) FROM mlops.audit WHERE action IN ('export', 'import') GROUP BY 1, 2 ORDER BY 1, 2$$, $$VALUES ('export', 'b', 2::bigint), ('import', 'b', 1), ('import', 'copy', 2)$$, 'all is in the audit log');
SELECT is(pg_temp.try($$SELECT count(*) FROM mlops.export_chunks('b/1')$$, 'lc_reader'), '2', 'read allows exporting');
SELECT alike(pg_temp.try($$SELECT mlops.export_chunks('b/1')$$, 'lc_scorer'), '42501 %', 'predict does not');
SELECT alike(pg_temp.try($$SELECT mlops.import_chunks('lc.parcel', 'copy', 'renumber')$$, 'lc_reader'), '42501 %', 'importing into a model needs write');

CREATE FUNCTION pg_temp.damaged(change text, columns text DEFAULT 'model, version, chunk_no, data') RETURNS text LANGUAGE sql AS $f$
    SELECT pg_temp.try(format($$SELECT mlops.import_chunks(%L, 'damaged')$$, format('SELECT %s FROM lc.parcel WHERE version = 1 %s', columns, change))) $f$;
SELECT alike(pg_temp.damaged(change, coalesce(columns, 'model, version, chunk_no, data')), answer, answer) FROM (VALUES
    ('', 'model, version, chunk_no, CASE chunk_no WHEN 1 THEN set_byte(data, 200, 255 - get_byte(data, 200)) ELSE data END AS data', '22P03 | exported version 1 of model "b" is damaged | Its bytes do not match the SHA-256 of the manifest.%'),
    ('AND chunk_no = 0', NULL, '22P03 | exported version 1 of model "b" is damaged | It has no manifest or no bytes.%'),
    ('AND chunk_no = 1', NULL, '22P03 | exported version 1 of model "b" is damaged | Chunk 0 is missing%'),
    ('UNION ALL SELECT model, version, chunk_no, data FROM lc.parcel WHERE version = 1', NULL, '22P03 | exported version 1 of model "b" is damaged | Chunk 0 is missing, or there more than once.%'),
    ('', $$'other' AS model, version, chunk_no, data$$, '22P03 | exported version 1 of model "other" is damaged | Its manifest is that of another version.%'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 0 THEN '[]' ELSE data END AS data$$, '22P03 | exported version 1 of model "b" is damaged | Its manifest is not a JSON object.%'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 0 THEN '\xff00' ELSE data END AS data$$, '22021 |%'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 1 THEN 'no model' ELSE convert_to(jsonb_set(convert_from(data, 'UTF8')::jsonb, '{sha256}', to_jsonb(encode(sha256('no model'), 'hex')))::text, 'UTF8') END AS data$$, '22P03 |%'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 0 THEN convert_to((convert_from(data, 'UTF8')::jsonb #- '{run,start_time}')::text, 'UTF8') ELSE data END AS data$$, '22P03 | exported version 1 of model "b" is damaged | Its manifest lacks the run, metrics, tags or data sets.%'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 0 THEN convert_to(jsonb_set(convert_from(data, 'UTF8')::jsonb, '{run,metrics}', '[{"key": "a"}]')::text, 'UTF8') ELSE data END AS data$$, '22P03 | exported version 1 of model "b" is damaged | Its manifest lacks %'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 0 THEN convert_to(jsonb_set(convert_from(data, 'UTF8')::jsonb, '{datasets}', '[1]')::text, 'UTF8') ELSE data END AS data$$, '22P03 | exported version 1 of model "b" is damaged | Its manifest lacks %'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 0 THEN convert_to(jsonb_set(convert_from(data, 'UTF8')::jsonb, '{rows_test}', '"many"')::text, 'UTF8') ELSE data END AS data$$, '22P03 | exported version 1 of model "b" is damaged | Member {rows_test} of its manifest is not a count.%'),
    ('', $$model, version, chunk_no, CASE chunk_no WHEN 0 THEN convert_to(jsonb_set(convert_from(data, 'UTF8')::jsonb, '{format_version}', '2')::text, 'UTF8') ELSE data END AS data$$, '0A000 | exported version 1 of model "b" has format version 2 | This version of mlops reads format version 1.'),
    ('AND false', NULL, 'P0002 | the source has no chunks |%'),
    ('', 'model, version, chunk_no', '42703 | the source of chunks has no column "data" | %')) d (change, columns, answer);
SELECT is(pg_temp.try($$SELECT mlops.import_chunks('lc.parcel', 'copy', 'replace')$$), '22023 | argument "on_conflict" cannot be "replace" | Use ''error'', ''renumber'' (take the next number) or ''skip''.', 'on_conflict misspelt');
SELECT is((SELECT count(*) FROM mlops.models WHERE model IN ('damaged', 'other')), 0::bigint, 'nothing damaged was kept');
ROLLBACK;

-- What trainings are doing, in any session of the server.

CREATE FUNCTION mlops.progress_slots(
    OUT pid integer, OUT role oid, OUT database oid, OUT model text, OUT algorithm text, OUT phase text,
    OUT done bigint, OUT total bigint, OUT fraction float8, OUT iteration integer, OUT loss float8,
    OUT started_at timestamptz, OUT workers integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'mlops_progress_slots'
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 5;
COMMENT ON FUNCTION mlops.progress_slots() IS
    'Internal: rows behind mlops.training_progress. Texts and losses are NULL for trainings of roles whose privileges the caller does not have.';
REVOKE ALL ON FUNCTION mlops.progress_slots() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.progress_slots() TO PUBLIC;

CREATE VIEW mlops.training_progress AS
SELECT s.pid,
       pg_catalog.pg_get_userbyid(s.role) AS usename,
       d.datname,
       s.model,
       s.algorithm,
       s.phase,
       s.done,
       s.total,
       s.fraction,
       s.iteration,
       s.loss,
       s.started_at,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.started_at AS elapsed,
       s.workers
FROM mlops.progress_slots() AS s
LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.database;
COMMENT ON VIEW mlops.training_progress IS
    'Trainings that run now, in any session: phase, share done, iteration and loss. Members of the training role and of pg_read_all_stats see the texts, others only counts.';
COMMENT ON COLUMN mlops.training_progress.done IS 'Of the phase, in its own units: rows, blocks, trees.';
COMMENT ON COLUMN mlops.training_progress.total IS 'The same; NULL where it is not known.';
COMMENT ON COLUMN mlops.training_progress.fraction IS 'done / total.';
COMMENT ON COLUMN mlops.training_progress.workers IS 'Parallel workers beside the session itself.';
REVOKE ALL ON mlops.training_progress FROM PUBLIC;
GRANT SELECT ON mlops.training_progress TO PUBLIC;

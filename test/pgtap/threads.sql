-- A backend is a guest: loading the library and calling LAPACK starts no thread (superusers may list /proc/self/task).
SELECT plan(2);

LOAD 'mlops';
SELECT is((SELECT count(*) FROM pg_ls_dir('/proc/self/task')), 1::bigint, 'one thread after LOAD');

-- enough columns for a threaded BLAS to share the work out
SELECT to_regprocedure('mlops.linear_fit(float8, float8[])') IS NOT NULL AS can_fit \gset
\if :can_fit
SELECT count(fitted) AS fitted FROM (
	SELECT mlops.linear_fit(y, x) AS fitted FROM (
		SELECT sum(sin(i * j)) AS y, array_agg(sin(i * j)) AS x
		FROM generate_series(1, 5000) i, generate_series(1, 60) j GROUP BY i) AS rows_of_60) AS fits \gset
\endif
SELECT is((SELECT count(*) FROM pg_ls_dir('/proc/self/task')), 1::bigint, 'one thread after least squares');

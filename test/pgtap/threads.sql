-- A backend is a guest: loading the library and calling LAPACK starts no thread (superusers may list /proc/self/task).
SELECT plan(2);

LOAD 'mlops';
SELECT is((SELECT count(*) FROM pg_ls_dir('/proc/self/task')), 1::bigint, 'one thread after LOAD');

SELECT mlops.version();
SELECT is((SELECT count(*) FROM pg_ls_dir('/proc/self/task')), 1::bigint, 'one thread after a call');

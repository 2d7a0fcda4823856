/*
 * test_harness.c: what the server-free tests stand on: the sanitizers' build, and a LAPACK whose BLAS starts no thread.
 */
#include <dirent.h>
#include <stdlib.h>

#include <lapacke.h>

#include "support.h"

#define N 300

static int
count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int found = 0;

	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL)
		found += entry->d_name[0] != '.';
	closedir(tasks);
	return found;
}

/* Large enough that a threaded BLAS would share the work out. */
static void
lapack_uses_one_thread(void **state)
{
	double *a = malloc(sizeof(double) * N * N);
	double tau[N];

	(void) state;
	assert_non_null(a);
	for (int i = 0; i < N * N; i++)
		a[i] = (double) ((i * 7919L) % 1009) / 1009.0 + (i % (N + 1) == 0);
	assert_int_equal(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, N, N, a, N, tau), 0);
	assert_int_equal(count_threads(), 1);
	free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lapack_uses_one_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_metrics.c: curves of unweighted rows against pairs, and against rows of weight one.
 */
#include "support.h"

#include <math.h>

#include "core/metrics.h"

#define ROWS 700

/* Scores in `levels` steps, so that there are ties; labels that follow them loosely. */
static void
fill(TestRandom *random, int levels, double *score, double *y, double *ones)
{
	for (int i = 0; i < ROWS; i++)
	{
		score[i] = (double) (test_random_bits(random) % (uint64_t) levels) - 3;
		y[i] = test_random_uniform(random) < (score[i] + 4) / (levels + 4);
		ones[i] = 1;
	}
}

static void
counts_are_pairs(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {11};
	double		score[ROWS];
	double		y[ROWS];
	double		ones[ROWS];
	static const int levels[] = {1, 2, 17, 1000000};

	for (size_t k = 0; k < sizeof(levels) / sizeof(levels[0]); k++)
	{
		int64_t		won = 0;	/* twice */
		int64_t		pairs = 0;
		double		auc;
		double		weighted;

		fill(&random, levels[k], score, y, ones);
		for (int a = 0; a < ROWS; a++)
		{
			for (int b = 0; b < ROWS; b++)
			{
				if (y[a] == 0 || y[b] == 1)
					continue;
				won += score[a] > score[b] ? 2 : score[a] == score[b];
				pairs++;
			}
		}
		assert_ok(env, metrics_roc_auc(env, score, y, NULL, ROWS, &auc));
		assert_close(auc, (double) won / 2 / (double) pairs, 1e-15, 1);
		assert_ok(env, metrics_roc_auc(env, score, y, ones, ROWS, &weighted));
		assert_true(auc == weighted);
		assert_ok(env, metrics_average_precision(env, score, y, NULL, ROWS, &auc));
		assert_ok(env, metrics_average_precision(env, score, y, ones, ROWS, &weighted));
		assert_true(auc == weighted);
	}
}

static void
one_class_has_no_area(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		score[] = {1, 2, NAN};
	double		y[] = {1, 1, 0};
	double		auc;

	assert_ok(env, metrics_roc_auc(env, score, y, NULL, 2, &auc));
	assert_true(isnan(auc));
	assert_ok(env, metrics_roc_auc(env, score, y, NULL, 0, &auc));
	assert_true(isnan(auc));
	assert_int_equal(metrics_roc_auc(env, score, y, NULL, 3, &auc), CORE_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_are_pairs, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(one_class_has_no_area, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_metrics.c: curves of unweighted rows against pairs, and against rows of weight one; what weights, constants and biases may not change.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "core/curves.h"
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

/* Weights may have any size: only their ratios count. */
static void
common_factors_do_not_matter(void **state)
{
	static const double factors[] = {1e-300, 1e-160, 1e160, 1e300};
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {12};
	double		score[ROWS];
	double		y[ROWS];
	double		w[ROWS];
	double		scaled[ROWS];
	double		expected;
	double		area;

	fill(&random, 40, score, y, w);
	for (int i = 0; i < ROWS; i++)
		w[i] = test_random_uniform(&random);
	assert_ok(env, metrics_roc_auc(env, score, y, w, ROWS, &expected));
	assert_true(expected > 0.5 && expected < 1);
	for (size_t k = 0; k < sizeof(factors) / sizeof(factors[0]); k++)
	{
		for (int i = 0; i < ROWS; i++)
			scaled[i] = w[i] * factors[k];
		assert_ok(env, metrics_roc_auc(env, score, y, scaled, ROWS, &area));
		assert_close(area, expected, 1e-13, 0);
		/* each class by a factor of its own */
		for (int i = 0; i < ROWS; i++)
			scaled[i] = y[i] > 0 ? w[i] * factors[k] : w[i] / factors[k];
		assert_ok(env, metrics_roc_auc(env, score, y, scaled, ROWS, &area));
		assert_close(area, expected, 1e-13, 0);
	}
}

/* Shares stay within 0 and 1 and counts do not fall below 0, whatever rounding does to sums of weights. */
static void
roc_points_are_shares(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {15};
	double		score[ROWS];
	double		y[ROWS];
	double		w[ROWS];

	for (int round = 0; round < 40; round++)
	{
		RocPoint   *points;
		int64_t		count;

		fill(&random, 1000000, score, y, w);
		for (int i = 0; i < ROWS; i++)
		{
			/* the best scores are all positive, the worst all negative or the other way round */
			y[i] = i < 5 ? round % 2 : i >= ROWS - 5 ? (round + 1) % 2 : y[i];
			score[i] = i < 5 ? 2e6 : i >= ROWS - 5 ? -2e6 + i : score[i];
			w[i] = round % 3 == 0 ? 0.1 : test_random_uniform(&random);
		}
		assert_ok(env, curve_roc(env, score, y, w, ROWS, ROWS + 1, &points, &count));
		for (int64_t i = 0; i < count; i++)
		{
			assert_true(points[i].recall >= 0 && points[i].recall <= 1);
			assert_true(points[i].false_positive_rate >= 0 && points[i].false_positive_rate <= 1);
			assert_true(points[i].true_negatives >= 0 && points[i].false_negatives >= 0);
			assert_true(i == 0 || points[i].recall >= points[i - 1].recall);
			assert_true(i == 0 || points[i].false_positive_rate >= points[i - 1].false_positive_rate);
		}
		assert_true(points[count - 1].recall == 1 && points[count - 1].false_positive_rate == 1);
	}
}

static double
regression_metric(CoreEnv *env, const char *name, const double *response, const double *y, const double *w, int n)
{
	Model		model = {.task = TASK_REGRESSION};
	Metric		metrics[METRIC_MAX];
	int			count;

	assert_ok(env, metrics_compute(env, &model, response, y, w, n, metrics, &count));
	for (int k = 0; k < count; k++)
	{
		if (strcmp(metrics[k].name, name) == 0)
			return metrics[k].value;
	}
	fail();
	return 0;
}

/* A constant leaves nothing to explain, though its mean may differ from it by rounding. */
static void
constant_targets_have_no_r_squared(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {13};

	for (int round = 0; round < 200; round++)
	{
		double		response[8];
		double		y[8];
		double		w[8];
		double		constant = test_random_normal(&random);

		for (int i = 0; i < 8; i++)
		{
			y[i] = i < 7 ? constant : constant + 1;
			response[i] = constant + test_random_normal(&random);
			w[i] = i < 7 ? test_random_uniform(&random) : 0;
		}
		assert_true(isnan(regression_metric(env, "r2_score", response, y, w, 8)));
		assert_true(isnan(regression_metric(env, "explained_variance", response, y, NULL, 7)));
	}
}

/* Predictions that are off by a constant are as good as others to explained_variance, however large it is. */
static void
explained_variance_ignores_a_bias(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {14};
	double		response[ROWS];
	double		biased[ROWS];
	double		y[ROWS];
	double		w[ROWS];

	for (int i = 0; i < ROWS; i++)
	{
		/* multiples of 2^-10, so that the bias is added without rounding */
		y[i] = floor(1024 * test_random_normal(&random)) / 1024;
		response[i] = y[i] + floor(512 * test_random_normal(&random)) / 1024;
		biased[i] = response[i] + 0x1p40;
		w[i] = 1 + test_random_uniform(&random);
	}
	assert_close(regression_metric(env, "explained_variance", biased, y, NULL, ROWS),
				 regression_metric(env, "explained_variance", response, y, NULL, ROWS), 1e-12, 0);
	assert_close(regression_metric(env, "explained_variance", biased, y, w, ROWS),
				 regression_metric(env, "explained_variance", response, y, w, ROWS), 1e-12, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_are_pairs, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(one_class_has_no_area, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(common_factors_do_not_matter, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(roc_points_are_shares, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(constant_targets_have_no_r_squared, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(explained_variance_ignores_a_bias, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

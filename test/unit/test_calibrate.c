/*
 * test_calibrate.c: Platt at a stationary point, isotonic against the max-min formula, thresholds against every threshold.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "core/calibrate.h"

#define N 300

typedef struct Scores
{
	double		p[N];
	double		y[N];
	double		w[N];
	int			n;
} Scores;

/* Scores that are too extreme by `sharpness`; tied ones where `ties`. */
static void
random_scores(TestRandom *random, Scores *scores, int n, double sharpness, bool ties)
{
	scores->n = n;
	for (int i = 0; i < n; i++)
	{
		double		z = 2 * test_random_normal(random) - 0.5;

		scores->y[i] = test_random_uniform(random) < 1 / (1 + exp(-z));
		scores->p[i] = 1 / (1 + exp(-sharpness * z));
		if (ties)
			scores->p[i] = floor(scores->p[i] * 8) / 8;
		scores->w[i] = (double) (test_random_bits(random) % 4);
	}
	scores->y[0] = 0;
	scores->w[0] = 1;
	scores->y[1] = 1;
	scores->w[1] = 1;
}

static double
platt_target(const Scores *scores, const double *w, int i)
{
	double		total = 0;
	double		n[2] = {0, 0};
	int			rows = 0;

	for (int k = 0; k < scores->n; k++)
	{
		total += w != NULL ? w[k] : 1;
		rows += w == NULL || w[k] > 0;
	}
	for (int k = 0; k < scores->n; k++)
		n[(int) scores->y[k]] += (w != NULL ? w[k] : 1) * rows / total;
	return scores->y[i] == 1 ? (n[1] + 1) / (n[1] + 2) : 1 / (n[0] + 2);
}

/* The loss is convex: a zero gradient is the minimum. */
static void
assert_platt_minimum(const Scores *scores, const double *w, const Calibration *calibration)
{
	double		gradient[2] = {0, 0};
	double		size[2] = {0, 0};

	for (int i = 0; i < scores->n; i++)
	{
		double		x = calibration_logit(scores->p[i]);
		double		residual = 1 / (1 + exp(-(calibration->slope * x + calibration->intercept))) - platt_target(scores, w, i);

		residual *= w != NULL ? w[i] : 1;
		gradient[0] += residual * x;
		gradient[1] += residual;
		size[0] += fabs(residual * x);
		size[1] += fabs(residual);
	}
	assert_true(fabs(gradient[0]) < 1e-6 * size[0]);
	assert_true(fabs(gradient[1]) < 1e-6 * size[1]);
}

static void
platt_is_at_its_minimum(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {1};

	for (int round = 0; round < 60; round++)
	{
		Scores		scores;
		Calibration calibration;

		random_scores(&random, &scores, N - round, 0.2 + 0.1 * round, round % 2 == 0);
		assert_ok(env, calibrate_platt(env, scores.p, scores.y, NULL, scores.n, &calibration));
		assert_int_equal(calibration.method, CALIBRATE_PLATT);
		assert_platt_minimum(&scores, NULL, &calibration);
		assert_ok(env, calibrate_platt(env, scores.p, scores.y, scores.w, scores.n, &calibration));
		assert_platt_minimum(&scores, scores.w, &calibration);
	}
}

static void
platt_undoes_sharpening(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {2};
	int			n = 50000;
	double	   *p = env_alloc(env, (size_t) n, sizeof(double));
	double	   *y = env_alloc(env, (size_t) n, sizeof(double));
	Calibration calibration;

	for (int i = 0; i < n; i++)
	{
		double		z = test_random_normal(&random);

		y[i] = test_random_uniform(&random) < 1 / (1 + exp(-z));
		p[i] = 1 / (1 + exp(-(4 * z + 3)));
	}
	assert_ok(env, calibrate_platt(env, p, y, NULL, n, &calibration));
	assert_close(calibration.slope, 0.25, 0.05, 0);
	assert_close(calibration.intercept, -0.75, 0.05, 0);
}

/* Scores that hardly differ, as of a model with a large penalty, are calibrated as if they differed. */
static void
platt_with_scores_close_together(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {21};
	Scores		scores;
	Scores		close;
	Calibration wide;
	Calibration narrow;

	random_scores(&random, &scores, N, 1, false);
	close = scores;
	for (int i = 0; i < N; i++)
		close.p[i] = 1 / (1 + exp(-1e-8 * calibration_logit(scores.p[i])));
	assert_ok(env, calibrate_platt(env, scores.p, scores.y, scores.w, N, &wide));
	assert_ok(env, calibrate_platt(env, close.p, close.y, close.w, N, &narrow));
	assert_true(wide.slope > 0.5);
	for (int i = 0; i < N; i++)
		assert_close(calibration_apply(&narrow, close.p[i]), calibration_apply(&wide, scores.p[i]), 1e-6, 0);
}

static void
platt_with_hard_scores(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		perfect[] = {0, 0, 0, 1, 1, 1};
	double		wrong[] = {1, 1, 1, 0, 0, 0};
	double		same[] = {0.3, 0.3, 0.3, 0.3, 0.3, 0.3};
	double		y[] = {0, 0, 0, 1, 1, 1};
	Calibration calibration;

	/* separated: smoothed targets keep it finite; 4/5 and 1/5 */
	assert_ok(env, calibrate_platt(env, perfect, y, NULL, 6, &calibration));
	assert_close(calibration_apply(&calibration, 1), 0.8, 1e-6, 0);
	assert_close(calibration_apply(&calibration, 0), 0.2, 1e-6, 0);
	assert_int_equal(((TestEnv *) *state)->logs, 0);
	assert_ok(env, calibrate_platt(env, wrong, y, NULL, 6, &calibration));
	assert_true(calibration.slope < 0);
	assert_int_equal(((TestEnv *) *state)->logs, 1);
	/* one score: its probability becomes the mean of the targets */
	assert_ok(env, calibrate_platt(env, same, y, NULL, 6, &calibration));
	assert_close(calibration_apply(&calibration, 0.3), 0.5, 1e-9, 0);
}

/* max over a <= i of min over b >= i of the mean of a .. b, over distinct scores. */
static double
max_min(const double *mean, const double *weight, int n, int i)
{
	double		best = -1;

	for (int a = 0; a <= i; a++)
	{
		double		lowest = 2;

		for (int b = i; b < n; b++)
		{
			double		sum = 0;
			double		total = 0;

			for (int k = a; k <= b; k++)
			{
				sum += weight[k] * mean[k];
				total += weight[k];
			}
			lowest = fmin(lowest, sum / total);
		}
		best = fmax(best, lowest);
	}
	return best;
}

static void
isotonic_is_the_max_min_solution(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {3};

	for (int round = 0; round < 80; round++)
	{
		Scores		scores;
		Calibration calibration;
		const double *w = round % 3 == 0 ? NULL : scores.w;
		double		distinct[64];
		double		mean[64];
		double		weight[64];
		int			n = 0;

		random_scores(&random, &scores, 40, 1, round % 2 == 0);
		assert_ok(env, calibrate_isotonic(env, scores.p, scores.y, w, scores.n, &calibration));
		/* distinct scores, ascending, with their means */
		for (double last = -1;;)
		{
			double		next = 2;

			for (int i = 0; i < scores.n; i++)
				next = scores.p[i] > last && (w == NULL || w[i] > 0) ? fmin(next, scores.p[i]) : next;
			if (next == 2)
				break;
			distinct[n] = last = next;
			mean[n] = weight[n] = 0;
			for (int i = 0; i < scores.n; i++)
			{
				if (scores.p[i] != next)
					continue;
				weight[n] += w != NULL ? w[i] : 1;
				mean[n] += (w != NULL ? w[i] : 1) * scores.y[i];
			}
			mean[n] /= weight[n];
			n++;
		}
		for (int i = 0; i < n; i++)
			assert_close(calibration_apply(&calibration, distinct[i]), max_min(mean, weight, n, i), 1e-12, 1);
		for (int k = 1; k < calibration.nknots; k++)
			assert_true(calibration.x[k - 1] < calibration.x[k] && calibration.y[k - 1] <= calibration.y[k]);
		assert_true(calibration.y[0] >= 0 && calibration.y[calibration.nknots - 1] <= 1);
	}
}

static void
calibration_does_not_depend_on_order_or_unit_of_weights(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {4};
	Scores		scores;
	Scores		reversed;
	Calibration one;
	Calibration other;

	random_scores(&random, &scores, N, 2, true);
	reversed = scores;
	for (int i = 0; i < N; i++)
	{
		reversed.p[i] = scores.p[N - 1 - i];
		reversed.y[i] = scores.y[N - 1 - i];
		reversed.w[i] = scores.w[N - 1 - i] * 0x1p-70;
	}
	assert_ok(env, calibrate_platt(env, scores.p, scores.y, scores.w, N, &one));
	assert_ok(env, calibrate_platt(env, reversed.p, reversed.y, reversed.w, N, &other));
	assert_true(one.slope == other.slope && one.intercept == other.intercept);
	assert_ok(env, calibrate_isotonic(env, scores.p, scores.y, scores.w, N, &one));
	assert_ok(env, calibrate_isotonic(env, reversed.p, reversed.y, reversed.w, N, &other));
	assert_int_equal(one.nknots, other.nknots);
	assert_memory_equal(one.y, other.y, (size_t) one.nknots * sizeof(double));
	assert_memory_equal(one.x, other.x, (size_t) one.nknots * sizeof(double));
}

/* Weights of a confusion matrix at a threshold. */
static void
confusion(const Scores *scores, const double *w, double threshold, double *tp, double *fp, double *fn)
{
	*tp = *fp = *fn = 0;
	for (int i = 0; i < scores->n; i++)
	{
		double		weight = w != NULL ? w[i] : 1;

		if (scores->p[i] >= threshold)
			*(scores->y[i] == 1 ? tp : fp) += weight;
		else if (scores->y[i] == 1)
			*fn += weight;
	}
}

static void
thresholds_are_the_best_of_all(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {5};

	for (int round = 0; round < 200; round++)
	{
		Scores		scores;
		const double *w = round % 2 == 0 ? NULL : scores.w;
		double		cost_fp = (double) (test_random_bits(&random) % 4);
		double		cost_fn = 1 + (double) (test_random_bits(&random) % 9);
		double		f1_threshold = -1;
		double		cost_threshold = -1;
		double		best_f1;
		double		best_cost;
		double		tp;
		double		fp;
		double		fn;

		random_scores(&random, &scores, 5 + round / 4, 1, round % 3 == 0);
		assert_ok(env, threshold_f1(env, scores.p, scores.y, w, scores.n, &f1_threshold));
		assert_ok(env, threshold_cost(env, scores.p, scores.y, w, scores.n, cost_fp, cost_fn, &cost_threshold));
		confusion(&scores, w, f1_threshold, &tp, &fp, &fn);
		best_f1 = 2 * tp / (2 * tp + fp + fn);
		confusion(&scores, w, cost_threshold, &tp, &fp, &fn);
		best_cost = cost_fp * fp + cost_fn * fn;
		for (int i = -1; i < scores.n; i++)
		{
			/* every score, and one above all */
			double		threshold = i < 0 ? 2 : scores.p[i];
			double		f1;
			double		cost;

			if (i >= 0 && w != NULL && w[i] == 0)
				continue;
			confusion(&scores, w, threshold, &tp, &fp, &fn);
			f1 = 2 * tp / (2 * tp + fp + fn);
			cost = cost_fp * fp + cost_fn * fn;
			assert_true(f1 <= best_f1 + 1e-12);
			assert_true(cost >= best_cost - 1e-9);
			/* ties go to the larger threshold */
			if (threshold > f1_threshold)
				assert_true(f1 < best_f1 - 1e-12);
			if (threshold > cost_threshold && threshold <= 1)
				assert_true(cost > best_cost + 1e-9);
		}
	}
}

static void
known_thresholds(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		p[] = {0.1, 0.4, 0.35, 0.8, 1};
	double		y[] = {0, 0, 1, 1, 0};
	double		threshold;

	assert_ok(env, threshold_f1(env, p, y, NULL, 4, &threshold));
	assert_true(threshold == 0.35); /* TP 2, FP 1: F1 0.8; at 0.8: 2/3 */
	/* alarms are dear: nothing is positive, whatever the score */
	assert_ok(env, threshold_cost(env, p, y, NULL, 5, 100, 1, &threshold));
	assert_true(threshold > 1);
	assert_ok(env, threshold_cost(env, p, y, NULL, 4, 1, 100, &threshold));
	assert_true(threshold == 0.35);
	/* alarms are free: every positive row is caught, but no score below it */
	assert_ok(env, threshold_cost(env, p, y, NULL, 5, 0, 1, &threshold));
	assert_true(threshold == 0.35);
}

static void
what_cannot_be_calibrated_is_refused(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		p[] = {0.1, 0.9};
	double		outside[] = {0.1, 1.5};
	double		nan[] = {0.1, NAN};
	double		y[] = {0, 1};
	double		ones[] = {1, 1};
	double		zeros[] = {0, 0};
	double		negative[] = {1, -1};
	double		half[] = {0, 0.5};
	Calibration calibration;
	double		threshold;

	assert_int_equal(calibrate_platt(env, outside, y, NULL, 2, &calibration), CORE_INVALID);
	assert_int_equal(calibrate_platt(env, nan, y, NULL, 2, &calibration), CORE_INVALID);
	assert_int_equal(calibrate_platt(env, p, ones, NULL, 2, &calibration), CORE_NUMERIC);
	assert_int_equal(calibrate_platt(env, p, half, NULL, 2, &calibration), CORE_INVALID);
	assert_int_equal(calibrate_platt(env, p, y, negative, 2, &calibration), CORE_INVALID);
	assert_int_equal(calibrate_isotonic(env, p, y, zeros, 2, &calibration), CORE_NUMERIC);
	assert_int_equal(calibrate_isotonic(env, p, zeros, NULL, 2, &calibration), CORE_NUMERIC);
	assert_int_equal(threshold_f1(env, p, zeros, NULL, 2, &threshold), CORE_NUMERIC);
	assert_int_equal(threshold_cost(env, p, y, NULL, 2, -1, 1, &threshold), CORE_INVALID);
	assert_int_equal(threshold_cost(env, p, y, NULL, 2, 0, 0, &threshold), CORE_INVALID);
	assert_int_equal(threshold_cost(env, p, y, NULL, 0, 1, 1, &threshold), CORE_NUMERIC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(platt_is_at_its_minimum, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(platt_undoes_sharpening, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(platt_with_scores_close_together, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(platt_with_hard_scores, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(isotonic_is_the_max_min_solution, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(calibration_does_not_depend_on_order_or_unit_of_weights, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(thresholds_are_the_best_of_all, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(known_thresholds, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_calibrated_is_refused, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("calibrate", tests, NULL, NULL);
}

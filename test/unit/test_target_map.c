/*
 * test_target_map.c: maps of a regression target against the C library, their inverses, and lambda against a grid.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/transform.h"

#define N 400

/* Yeo and Johnson's formula as published. */
static double
yeo_johnson(double lambda, double y)
{
	if (y >= 0)
		return lambda == 0 ? log1p(y) : (pow(y + 1, lambda) - 1) / lambda;
	return lambda == 2 ? -log1p(-y) : -(pow(1 - y, 2 - lambda) - 1) / (2 - lambda);
}

/* Profile log-likelihood in two passes. */
static double
likelihood(double lambda, const double *y, const double *w, int n)
{
	double		weight = 0;
	double		mean = 0;
	double		variance = 0;
	double		slope = 0;

	for (int i = 0; i < n; i++)
	{
		double		wi = w != NULL ? w[i] : 1;

		weight += wi;
		mean += wi * yeo_johnson(lambda, y[i]);
		slope += wi * copysign(log1p(fabs(y[i])), y[i]);
	}
	mean /= weight;
	for (int i = 0; i < n; i++)
		variance += (w != NULL ? w[i] : 1) * pow(yeo_johnson(lambda, y[i]) - mean, 2);
	return -weight / 2 * log(variance / weight) + (lambda - 1) * slope;
}

static void
values_are_those_of_the_formulae(void **state)
{
	static const double lambdas[] = {0, 0.3, 1, 1.7, 2};

	(void) state;
	for (int i = -60; i <= 60; i++)
	{
		double		y = copysign(ldexp(1, abs(i) - 30), i);

		if (y > 0)
			assert_close(target_map_forward(TARGET_LOG, 0, y), log(y), 1e-14, 1e-14);
		if (y > -1)
			assert_close(target_map_forward(TARGET_LOG1P, 0, y), log1p(y), 1e-14, 0);
		assert_true(target_map_forward(TARGET_NONE, 0, y) == y && target_map_inverse(TARGET_NONE, 0, y) == y);
		for (size_t k = 0; k < 5; k++)
		{
			/* pow(1 + y, l) - 1 loses digits near 0 */
			if (fabs(y) > 0.1)
				assert_close(target_map_forward(TARGET_YEO_JOHNSON, lambdas[k], y), yeo_johnson(lambdas[k], y), 1e-13, 0);
		}
	}
	assert_true(target_map_forward(TARGET_YEO_JOHNSON, 1, 12.5) == 12.5 || fabs(target_map_forward(TARGET_YEO_JOHNSON, 1, 12.5) - 12.5) < 1e-14);
}

static void
inverses_come_back(void **state)
{
	TestRandom	random = {1};

	(void) state;
	for (int i = 0; i < 20000; i++)
	{
		double		y = ldexp(test_random_uniform(&random) - 0.5, (int) (test_random_bits(&random) % 60) - 30);
		double		lambda = i % 7 == 0 ? 0 : i % 7 == 1 ? 2 : 2 * test_random_uniform(&random);
		double		z = target_map_forward(TARGET_YEO_JOHNSON, lambda, y);

		/* the map is strictly increasing and keeps the sign */
		assert_true((y > 0) == (z > 0) && (y < 0) == (z < 0));
		/* an error of an ulp in z is one of |z / (y dz/dy)| ulps in y: at most log(1 + |y|) or 2 */
		assert_close(target_map_inverse(TARGET_YEO_JOHNSON, lambda, z), y, 1e-13, 0);
		if (y > 0)
			assert_close(target_map_inverse(TARGET_LOG, 0, target_map_forward(TARGET_LOG, 0, y)), y, 1e-14, 0);
		if (y > -0.5)
			assert_close(target_map_inverse(TARGET_LOG1P, 0, target_map_forward(TARGET_LOG1P, 0, y)), y, 1e-13, 0);
	}
}

/* With lambda in [0, 2] the image is the whole line. */
static void
every_prediction_has_an_inverse(void **state)
{
	(void) state;
	for (int l = 0; l <= 20; l++)
	{
		double		before = -INFINITY;

		for (double z = -300; z <= 300; z += 0.25)
		{
			double		y = target_map_inverse(TARGET_YEO_JOHNSON, l / 10.0, z);

			assert_true(isfinite(y) && y > before);
			before = y;
		}
	}
}

static void
assert_best_lambda(CoreEnv *env, const double *y, const double *w, int n)
{
	double		lambda;
	double		at_lambda;

	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, y, w, n, &lambda));
	assert_true(lambda >= 0 && lambda <= 2);
	at_lambda = likelihood(lambda, y, w, n);
	for (int i = 0; i <= 2000; i++)
		assert_true(likelihood(i / 1000.0, y, w, n) <= at_lambda + 1e-9 * fabs(at_lambda));
}

static void
lambda_has_the_largest_likelihood(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {2};
	double		y[N];
	double		w[N];

	for (int shape = 0; shape < 5; shape++)
	{
		for (int i = 0; i < N; i++)
		{
			double		z = test_random_normal(&random);

			y[i] = shape == 0 ? z : shape == 1 ? exp(z) : shape == 2 ? -exp(z) : shape == 3 ? z * z * 1e6 : 1e-3 * z + 5;
			w[i] = test_random_uniform(&random) * 1e-6;
		}
		assert_best_lambda(env, y, NULL, N);
		assert_best_lambda(env, y, w, N);
	}
}

static void
normal_targets_stay_and_lognormal_ones_are_logged(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {3};
	double	   *y = env_alloc(env, 20000, sizeof(double));
	double		lambda;

	for (int i = 0; i < 20000; i++)
		y[i] = test_random_normal(&random);
	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, y, NULL, 20000, &lambda));
	assert_close(lambda, 1, 0.05, 0);
	for (int i = 0; i < 20000; i++)
		y[i] = exp(10 + 2 * test_random_normal(&random));
	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, y, NULL, 20000, &lambda));
	assert_close(lambda, 0, 0.01, 1);
}

static void
lambda_does_not_depend_on_order_or_unit_of_weights(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {4};
	double		y[N];
	double		w[N];
	double		lambda;
	double		other;

	for (int i = 0; i < N; i++)
	{
		y[i] = exp(test_random_normal(&random)) - 1;
		w[i] = i % 9 == 0 ? 0 : test_random_uniform(&random);
	}
	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, y, w, N, &lambda));
	for (int i = 0; i < N / 2; i++)
	{
		double		yi = y[i];
		double		wi = w[i];

		y[i] = y[N - 1 - i];
		w[i] = w[N - 1 - i];
		y[N - 1 - i] = yi;
		w[N - 1 - i] = wi;
	}
	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, y, w, N, &other));
	assert_true(lambda == other);
	/* rows of weight 0 teach nothing */
	for (int i = 0; i < N; i++)
		y[i] = w[i] == 0 ? 1e9 : y[i];
	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, y, w, N, &other));
	assert_true(lambda == other);
	for (int i = 0; i < N; i++)
		w[i] *= 1e9;
	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, y, w, N, &other));
	assert_close(other, lambda, 1e-6, 0);
}

static void
targets_outside_the_domain_are_refused(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		zero[] = {1, 0, 2};
	double		minus_one[] = {1, -1, 2};
	double		nan[] = {1, NAN, 2};
	double		constant[] = {3, 3, 3};
	double		lambda;

	assert_int_equal(target_map_learn(env, TARGET_LOG, zero, NULL, 3, &lambda), CORE_INVALID);
	assert_non_null(strstr(env->hint, "yeo_johnson"));
	assert_int_equal(target_map_learn(env, TARGET_LOG1P, minus_one, NULL, 3, &lambda), CORE_INVALID);
	assert_ok(env, target_map_learn(env, TARGET_LOG1P, zero, NULL, 3, &lambda));
	assert_int_equal(target_map_learn(env, TARGET_YEO_JOHNSON, nan, NULL, 3, &lambda), CORE_INVALID);
	assert_int_equal(target_map_learn(env, TARGET_YEO_JOHNSON, constant, NULL, 3, &lambda), CORE_NUMERIC);
	assert_ok(env, target_map_learn(env, TARGET_YEO_JOHNSON, minus_one, NULL, 3, &lambda));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_the_formulae),
		cmocka_unit_test(inverses_come_back),
		cmocka_unit_test(every_prediction_has_an_inverse),
		cmocka_unit_test_setup_teardown(lambda_has_the_largest_likelihood, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(normal_targets_stay_and_lognormal_ones_are_logged, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(lambda_does_not_depend_on_order_or_unit_of_weights, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(targets_outside_the_domain_are_refused, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("target_map", tests, NULL, NULL);
}

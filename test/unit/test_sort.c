/*
 * test_sort.c: the radix sorts against comparisons, quantiles against copies of rows.
 */
#include "support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/sort.h"

/* Numbers of all sizes with many ties; NaN and infinities among them when `special`. */
static void
random_keys(TestRandom *random, double *keys, int64_t n, bool special)
{
	static const double specials[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308};

	for (int64_t i = 0; i < n; i++)
	{
		uint64_t	bits = test_random_bits(random);

		if (special && bits % 4 == 0)
			keys[i] = specials[(bits >> 8) % 9];
		else if (bits % 4 == 1)
			keys[i] = (double) ((bits >> 8) % 10);
		else
			keys[i] = ldexp(test_random_uniform(random) - 0.5, (int) ((bits >> 8) % 200) - 100);
	}
}

/* The order that sort.h promises: NaN last, zeros equal. */
static bool
comes_before_or_with(double a, double b)
{
	return b != b || a <= b;
}

static void
doubles_are_sorted_and_none_is_lost(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {1};
	static const int64_t sizes[] = {0, 1, 2, 47, 48, 49, 1000, 70000};
	const size_t nsizes = sizeof(sizes) / sizeof(sizes[0]);

	for (size_t k = 0; k < 2 * nsizes; k++)
	{
		int64_t		n = sizes[k % nsizes];
		bool		singles = k >= nsizes;
		double	   *keys = env_alloc(env, (size_t) n + 1, sizeof(double));
		double	   *before = env_alloc(env, (size_t) n + 1, sizeof(double));
		int64_t    *order = env_alloc(env, (size_t) n + 1, sizeof(int64_t));
		bool	   *seen = env_alloc(env, (size_t) n + 1, sizeof(bool));

		random_keys(&random, keys, n, true);
		/* single precision, of which the largest are no infinities */
		for (int64_t i = 0; singles && i < n; i++)
			keys[i] = isnan(keys[i]) ? -FLT_MAX : fabs(keys[i]) > FLT_MAX ? FLT_MAX : (float) keys[i];
		memcpy(before, keys, (size_t) n * sizeof(double));
		assert_ok(env, sort_doubles(env, keys, n));
		sort_identity(order, n);
		assert_ok(env, sort_order(env, before, n, order));
		for (int64_t i = 0; i < n; i++)
		{
			/* the two sorts agree, and the second is a permutation */
			assert_true(keys[i] == before[order[i]] || (isnan(keys[i]) && isnan(before[order[i]])));
			assert_false(seen[order[i]]);
			seen[order[i]] = true;
			if (i == 0)
				continue;
			assert_true(comes_before_or_with(keys[i - 1], keys[i]));
			/* stable */
			if (before[order[i - 1]] == before[order[i]] || (isnan(keys[i - 1]) && isnan(keys[i])))
				assert_true(order[i - 1] < order[i]);
		}
	}
}

static void
two_keys_sort_by_both(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {2};
	int64_t		n = 5000;
	double	   *first = env_alloc(env, (size_t) n, sizeof(double));
	double	   *second = env_alloc(env, (size_t) n, sizeof(double));
	int64_t    *order = env_alloc(env, (size_t) n, sizeof(int64_t));

	for (int64_t i = 0; i < n; i++)
	{
		first[i] = (double) (test_random_bits(&random) % 20);
		second[i] = test_random_normal(&random);
	}
	sort_identity(order, n);
	assert_ok(env, sort_order(env, second, n, order));
	assert_ok(env, sort_order(env, first, n, order));
	for (int64_t i = 1; i < n; i++)
	{
		int64_t		a = order[i - 1];
		int64_t		b = order[i];

		assert_true(first[a] < first[b] || (first[a] == first[b] && second[a] <= second[b]));
	}
}

/* Quantile of n unweighted ascending values from its definition: the smallest one with i / n >= p. */
static double
plain_quantile(const double *sorted, int64_t n, int64_t numerator, int64_t denominator, bool average)
{
	for (int64_t i = 1; i <= n; i++)
	{
		/* i / n >= numerator / denominator, in whole numbers */
		if (i * denominator < numerator * n)
			continue;
		if (average && i * denominator == numerator * n && i < n)
			return sorted[i - 1] + (sorted[i] - sorted[i - 1]) / 2;
		return sorted[i - 1];
	}
	return sorted[n - 1];
}

static void
integer_weights_are_copies(void **state)
{
	static const double factors[] = {0x1p-40, 0.1, 1.0 / 3, 7e250};
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {3};

	for (int round = 0; round < 300; round++)
	{
		int64_t		n = 1 + (int64_t) (test_random_bits(&random) % 60);
		WeightedValues weighted = {.n = n};
		WeightedValues copies = {0};

		weighted.value = env_alloc(env, (size_t) n, sizeof(double));
		weighted.weight = env_alloc(env, (size_t) n, sizeof(double));
		copies.value = env_alloc(env, (size_t) n * 4, sizeof(double));
		for (int64_t i = 0; i < n; i++)
		{
			int			times = 1 + (int) (test_random_bits(&random) % 4);

			weighted.value[i] = (double) (test_random_bits(&random) % 30);
			weighted.weight[i] = times;
			while (times-- > 0)
				copies.value[copies.n++] = weighted.value[i];
		}
		assert_ok(env, weighted_sort(env, &weighted));
		assert_ok(env, weighted_sort(env, &copies));
		assert_true(weighted.total == (double) copies.n);
		for (int64_t q = 0; q <= 8; q++)
		{
			for (int average = 0; average < 2; average++)
			{
				double		expected = plain_quantile(copies.value, copies.n, q, 8, average);

				assert_true(weighted_quantile(&copies, (double) q / 8, average) == expected);
				assert_true(weighted_quantile(&weighted, (double) q / 8, average) == expected);
			}
		}
		assert_true(weighted_mode(&weighted) == weighted_mode(&copies));
		/* a common factor changes nothing, rounded or not */
		for (int64_t i = 0; i < n; i++)
			weighted.weight[i] *= factors[round % 4];
		assert_ok(env, weighted_sort(env, &weighted));
		for (int q = 0; q <= 10; q++)
			assert_true(weighted_quantile(&weighted, q / 10.0, true) == plain_quantile(copies.value, copies.n, q, 10, true));
	}
}

static void
known_quantiles(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		four[] = {4, 1, 3, 2};
	double		mode[] = {5, 1, 5, 1, 9};
	WeightedValues values = {.n = 4, .value = four};
	WeightedValues modes = {.n = 5, .value = mode};

	assert_ok(env, weighted_sort(env, &values));
	assert_true(weighted_quantile(&values, 0.5, true) == 2.5);
	assert_true(weighted_quantile(&values, 0.5, false) == 2);
	assert_true(weighted_quantile(&values, 0.25, true) == 1.5);
	assert_true(weighted_quantile(&values, 0, true) == 1);
	assert_true(weighted_quantile(&values, 1, true) == 4);
	assert_ok(env, weighted_sort(env, &modes));
	/* of equally frequent values the smallest */
	assert_true(weighted_mode(&modes) == 1);
}

static void
refused_memory_is_reported(void **state)
{
	TestEnv    *test = *state;
	CoreEnv    *env = &test->core;
	double		keys[100] = {0};
	int64_t		order[100];

	sort_identity(order, 100);
	for (int64_t allowed = 0; allowed < 2; allowed++)
	{
		test->fail_after = test->allocations + allowed;
		assert_int_equal(sort_order(env, keys, 100, order), CORE_NO_MEMORY);
	}
	test->fail_after = test->allocations;
	assert_int_equal(sort_doubles(env, keys, 100), CORE_NO_MEMORY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(doubles_are_sorted_and_none_is_lost, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(two_keys_sort_by_both, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(integer_weights_are_copies, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(known_quantiles, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(refused_memory_is_reported, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("sort", tests, NULL, NULL);
}

/*
 * test_tree_categories.c: splits of ordered categories against the loss that they are said to minimise.
 */
#include "support.h"

#include <math.h>

#include "core/tree_split.h"

#define MANY 9

/* Least of 2 G w + (H + lambda) w^2 + penalty (w - center)^2. */
static double
penalised_loss(double gradient, double hessian, double lambda, double penalty, double center)
{
	double		w = (penalty * center - gradient) / (hessian + lambda + penalty);

	return 2 * gradient * w + (hessian + lambda) * w * w + penalty * (w - center) * (w - center);
}

static TreeSplit
search_ordered(CoreEnv *env, const TreeRules *rules, const TreeSums *sums)
{
	TreeFeature feature = {.categorical = true, .nbins = MANY};
	TreeScale	scale = {1, 1, false};
	TreeNodeSums node = {.min_rows = 1, .groups = UINT64_MAX, .alone = -1, .low = -INFINITY, .high = INFINITY};
	TreeSplit	best = {.feature = -1};
	TreeSearch	search;
	uint32_t	set[1];

	assert_ok(env, tree_search_init(env, rules, &feature, 1, &search));
	search.scale = &scale;
	for (int i = 0; i < MANY; i++)
	{
		node.total.gradient += sums[i].gradient;
		node.total.hessian += sums[i].hessian;
	}
	node.rows = node.total.hessian;
	tree_search_feature(&search, &feature, 0, sums, &node, &best, set);
	return best;
}

/* The gain is that of the best cut of the order when a side also pays for its distance from the node's value. */
static void
test_ordered_categories(void **state)
{
	for (uint64_t seed = 1; seed <= 30; seed++)
	{
		TestRandom	random = {seed};
		TreeRules	rules = {.reg_lambda = seed % 3, .cat_l2 = 5.0 * (double) (seed % 4), .min_data_per_group = 1, .max_cat_threshold = 32};
		TreeSums	sums[MANY + 1] = {{0, 0}};
		double		gradient = 0;
		double		hessian = 0;
		double		own;
		double		value;
		double		gain = 0;

		for (int i = 0; i < MANY; i++)
		{
			sums[i].hessian = 20 + (int64_t) (test_random_bits(&random) % 200);
			sums[i].gradient = (int64_t) (test_random_normal(&random) * 100) + 3 * sums[i].hessian;
			gradient += (double) sums[i].gradient;
			hessian += (double) sums[i].hessian;
		}
		value = -gradient / (hessian + rules.reg_lambda);
		own = penalised_loss(gradient, hessian, rules.reg_lambda, 0, 0);
		for (int cut = 0; cut < MANY; cut++)
		{
			double		ratio = (double) sums[cut].gradient / (double) sums[cut].hessian;
			double		left[2] = {0, 0};
			double		loss;

			for (int i = 0; i < MANY; i++)
			{
				if ((double) sums[i].gradient / (double) sums[i].hessian > ratio)
					continue;
				left[0] += (double) sums[i].gradient;
				left[1] += (double) sums[i].hessian;
			}
			if (left[1] == hessian)
				continue;
			loss = penalised_loss(left[0], left[1], rules.reg_lambda, rules.cat_l2, value) +
				penalised_loss(gradient - left[0], hessian - left[1], rules.reg_lambda, rules.cat_l2, value);
			gain = fmax(gain, own - loss);
		}
		assert_true(gain > 0);
		assert_close(search_ordered(*state, &rules, sums).gain, gain, 1e-9, 0);
	}
}

/* How well categories are told apart does not depend on where the node lies. */
static void
test_ordered_categories_shift(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++)
	{
		TestRandom	random = {seed};
		TreeRules	rules = {.cat_l2 = 10, .min_data_per_group = 1, .max_cat_threshold = 32};
		TreeSums	sums[MANY + 1] = {{0, 0}};
		double		gain;

		for (int i = 0; i < MANY; i++)
		{
			sums[i].hessian = 20 + (int64_t) (test_random_bits(&random) % 200);
			sums[i].gradient = (int64_t) (test_random_normal(&random) * 100);
		}
		gain = search_ordered(*state, &rules, sums).gain;
		for (int i = 0; i < MANY; i++)
			sums[i].gradient += 10 * sums[i].hessian;
		assert_true(gain > 0);
		assert_close(search_ordered(*state, &rules, sums).gain, gain, 1e-9, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ordered_categories, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_ordered_categories_shift, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

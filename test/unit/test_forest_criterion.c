/*
 * test_forest_criterion.c: splits of classes by entropy and by Gini impurity against brute force.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "tree_fit.h"

static int
leaf_count(const TreeFit *fit)
{
	return (int) model_array(&fit->model, "leaf_value")->rows;
}

/* Weight times entropy in bits, or Gini impurity, of the rows with side[i], by its definition. */
static double
uncertainty(const double *y, const double *w, const bool *side, bool which, int n, int nclasses, bool gini)
{
	double		sums[8] = {0};
	double		weight = 0;
	double		impurity = 0;

	for (int i = 0; i < n; i++)
	{
		if (side[i] == which)
		{
			sums[(int) y[i]] += w[i];
			weight += w[i];
		}
	}
	for (int k = 0; k < nclasses; k++)
		if (sums[k] > 0)
			impurity += gini ? sums[k] * (1 - sums[k] / weight) : -sums[k] * log2(sums[k] / weight);
	return impurity;
}

/* One cut: it takes off what the best of all does, numbers, missing values and all sets of categories. */
static void
best_cut_of_classes(void **state)
{
	enum {N = 150, LEVELS = 5};
	CoreEnv    *env = *state;

	for (uint64_t seed = 1; seed <= 24; seed++)
	{
		bool		gini = seed > 12;
		int			nclasses = 2 + (int) (seed % 2);	/* three classes: the order of categories is not always the best */
		TestRandom	random = {seed};
		TreeFit		fit;
		double		x[N];
		double		w[N];
		int			level[N];
		const char *text[N];
		bool		left[N];
		double	   *y;
		double		all;
		double		best = 0;

		tree_fit_init(&fit, env, N, "decision_tree", nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS, nclasses);
		y = fit.rows.data.target;
		for (int i = 0; i < N; i++)
		{
			x[i] = i % 9 == 4 ? NAN : floor(test_random_normal(&random) * 8);
			level[i] = (int) (test_random_bits(&random) % LEVELS);
			text[i] = (const char *[]) {"u", "v", "w", "x", "y"}[level[i]];
			y[i] = x[i] + 4 * test_random_normal(&random) + (nclasses == 2 ? 5 * (level[i] % 3) : 0) > 4;
			y[i] += nclasses == 3 && x[i] + 4 * test_random_normal(&random) < -4 ? 2 - y[i] : 0;
			w[i] = 1 + (double) (i % 3) / 3;
			left[i] = true;
		}
		rows_add_numbers(&fit.rows, "x", x);
		if (nclasses == 2)
			rows_add_texts(&fit.rows, "text", text);
		fit.weight = w;
		tree_fit_set_text(&fit, "criterion", gini ? "gini" : seed % 3 == 0 ? "log_loss" : "entropy");
		tree_fit_set(&fit, "max_depth", 1);
		tree_fit_set(&fit, "min_samples_leaf", 1);
		tree_fit_set(&fit, "cat_smooth", 0);
		tree_fit_run(&fit, 1);
		assert_string_equal(params_choice(&fit.model.params, "criterion"), gini ? "gini" : "entropy");
		all = uncertainty(y, w, left, true, N, nclasses, gini);
		for (int cut = 0; cut < 2 * N + (nclasses == 2 ? 1 << LEVELS : 0); cut++)
		{
			for (int i = 0; i < N && cut >= 2 * N; i++)
				left[i] = (cut - 2 * N) >> level[i] & 1;
			for (int i = 0; i < N && cut < 2 * N; i++)
				left[i] = isnan(x[i]) ? cut >= N : isnan(x[cut % N]) || x[i] <= x[cut % N];
			best = fmax(best, all - uncertainty(y, w, left, true, N, nclasses, gini) - uncertainty(y, w, left, false, N, nclasses, gini));
		}
		assert_int_equal(leaf_count(&fit), 2);
		/* of two classes only the second is counted: half of the impurity */
		assert_close(((const double *) model_array(&fit.model, "node_gain")->data)[0], gini && nclasses == 2 ? best / 2 : best, 1e-10, 0);
	}
}

/* Of 100,000 rows one is of another class: the cut that parts it takes off all of a tiny entropy, and noise nothing. */
static void
entropy_of_nearly_pure_nodes(void **state)
{
	enum {N = 100000};
	CoreEnv    *env = *state;

	for (int nclasses = 2; nclasses <= 3; nclasses++)
	{
		TreeFit		fit;
		double	   *x = env_alloc(env, N, sizeof(double));
		double	   *w = env_alloc(env, N, sizeof(double));
		double		p = 1.0 / N;

		tree_fit_init(&fit, env, N, "decision_tree", nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS, nclasses);
		for (int i = 0; i < N; i++)
		{
			x[i] = i % 97 + 1000 * (i == 555);
			w[i] = 0.1;
			fit.rows.data.target[i] = i == 555 ? nclasses - 1 : 0;
		}
		rows_add_numbers(&fit.rows, "x", x);
		fit.weight = w;
		tree_fit_set_text(&fit, "criterion", "entropy");
		tree_fit_set(&fit, "min_samples_leaf", 1);
		tree_fit_run(&fit, 1);
		assert_int_equal(leaf_count(&fit), 2);
		assert_close(((const double *) model_array(&fit.model, "node_gain")->data)[0], -0.1 * N * (p * log2(p) + (1 - p) * log1p(-p) / log(2)), 1e-9, 0);
	}
}

static void
criterion_fits_the_task(void **state)
{
	CoreEnv    *env = *state;
	static const double x[] = {1, 2, 3, 4};
	static const struct
	{
		Task		task;
		const char *word;
		const char *recorded;	/* NULL: refused */
	}			cases[] = {
		{TASK_REGRESSION, "auto", "squared_error"}, {TASK_REGRESSION, "squared_error", "squared_error"}, {TASK_REGRESSION, "gini", NULL},
		{TASK_REGRESSION, "entropy", NULL}, {TASK_BINARY, "auto", "gini"}, {TASK_BINARY, "gini", "gini"}, {TASK_BINARY, "squared_error", NULL},
		{TASK_MULTICLASS, "log_loss", "entropy"}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TreeFit		fit;

		tree_fit_init(&fit, env, 4, "random_forest", cases[i].task, cases[i].task == TASK_REGRESSION ? 0 : cases[i].task == TASK_BINARY ? 2 : 3);
		rows_add_numbers(&fit.rows, "x", x);
		fit.rows.data.target[3] = 1;
		tree_fit_set_text(&fit, "criterion", cases[i].word);
		assert_int_equal(tree_fit_try(&fit, 1), cases[i].recorded != NULL ? CORE_OK : CORE_INVALID);
		if (cases[i].recorded != NULL)
			assert_string_equal(params_choice(&fit.model.params, "criterion"), cases[i].recorded);
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(best_cut_of_classes),
		TEST(entropy_of_nearly_pure_nodes),
		TEST(criterion_fits_the_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_tree_extremes.c: boosting and forests at the ends of the range of numbers.
 */
#include <math.h>

#include "support.h"

#include "tree_fit.h"

#define N 300

/* In another unit the same model is found: losses of residuals have no unit of their own, with constraints or without. */
static void
test_monotone_units(void **state)
{
	static const char *const losses[] = {"squared_error", "absolute_error", "huber", "quantile"};
	static const double units[] = {0x1p-14, 0x1p14};

	for (int k = 0; k < 8; k++)
	{
		double	   *margins[2];

		for (int scaled = 0; scaled < 2; scaled++)
		{
			TreeFit		fit;
			double	   *x = env_alloc(*state, 2 * N, sizeof(double));

			tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
			tree_fit_fill_regression(&fit, 33, N, x);
			for (int i = 0; i < N; i++)
				fit.rows.data.target[i] *= scaled ? units[k % 2] : 1;
			tree_fit_set_text(&fit, "monotone_constraints", "a: 1, b: -1");
			tree_fit_set_text(&fit, "objective", losses[k / 2]);
			tree_fit_set(&fit, "n_estimators", 30);
			tree_fit_set(&fit, "min_child_samples", 3);
			tree_fit_run(&fit, 1);
			margins[scaled] = tree_fit_margins(&fit);
		}
		for (int i = 0; i < N; i++)
			assert_true(margins[1][i] == units[k % 2] * margins[0][i]);
	}
}

/* A constraint is about values: missing ones may lie on either side of them all. */
static void
test_monotone_missing(void **state)
{
	static const char *const losses[] = {"squared_error", "huber"};

	for (int k = 0; k < 8; k++)
	{
		int			direction = k & 1 ? 1 : -1;
		double		value_of_missing = k & 2 ? 100 : -100;
		TreeFit		fit;
		double	   *x = env_alloc(*state, N, sizeof(double));
		double	   *margins;

		tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
		for (int i = 0; i < N; i++)
		{
			x[i] = i % 11 == 10 ? NAN : i % 11;
			fit.rows.data.target[i] = i % 11 == 10 ? value_of_missing : direction * x[i] + 10 * (i % 11 == 5);
		}
		rows_add_numbers(&fit.rows, "x", x);
		tree_fit_set_text(&fit, "monotone_constraints", direction > 0 ? "x: 1" : "x: -1");
		tree_fit_set_text(&fit, "objective", losses[k / 4]);
		tree_fit_set(&fit, "reg_lambda", 0);
		tree_fit_set(&fit, "min_child_samples", 1);
		tree_fit_set(&fit, "num_leaves", 16);
		tree_fit_set(&fit, "n_estimators", 300);
		tree_fit_run(&fit, 1);
		margins = tree_fit_margins(&fit);
		assert_true(fabs(margins[10] - value_of_missing) < 1);
		for (int i = 1; i < 10; i++)
			assert_true(direction * margins[i] >= direction * margins[i - 1]);
		assert_true(fabs(margins[1] - fit.rows.data.target[1]) < 1);
	}
}

/* How many rows a side has is estimated from its weight; a light row is still one. */
static void
test_light_rows(void **state)
{
	static const double weights[] = {0.4, 0.1, 0x1p-10};

	for (int k = 0; k < 3; k++)
	{
		TreeFit		fit;
		double	   *x = env_alloc(*state, N, sizeof(double));
		double	   *margins;

		tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
		fit.weight = env_alloc(*state, N, sizeof(double));
		for (int i = 0; i < N; i++)
		{
			x[i] = i % 50;
			fit.rows.data.target[i] = i == 49 ? 10 : 0;
			fit.weight[i] = i == 49 ? weights[k] : 1;
		}
		x[49] = 60;
		rows_add_numbers(&fit.rows, "x", x);
		tree_fit_set(&fit, "reg_lambda", 0);
		tree_fit_set(&fit, "min_child_samples", 1);
		tree_fit_set(&fit, "min_child_weight", 0);
		tree_fit_set(&fit, "learning_rate", 1);
		tree_fit_set(&fit, "n_estimators", 1);
		tree_fit_run(&fit, 1);
		margins = tree_fit_margins(&fit);
		assert_close(margins[49], 10, 1e-6, 0);
		assert_close(margins[0], 0, 1e-6, 1);
	}
}

/* Trees grow whatever the unit of target and weights is, or say that it will not do. */
static void
test_units_of_forests(void **state)
{
	static const double units[] = {1, 1e-60, 1e60, 1e-120, 1e-160, 1e-300, 1e200};
	int			refused = 0;

	for (int k = 0; k < 14; k++)
	{
		double		unit = units[k / 2];
		TreeFit		fit;
		double	   *x = env_alloc(*state, N, sizeof(double));
		double	   *margins;

		tree_fit_init(&fit, *state, N, "decision_tree", TASK_REGRESSION, 0);
		fit.weight = env_alloc(*state, N, sizeof(double));
		for (int i = 0; i < N; i++)
		{
			x[i] = i % 3;
			fit.rows.data.target[i] = (i % 3 + 1) * (k % 2 ? unit : 1);
			fit.weight[i] = k % 2 ? 1 : unit;
		}
		rows_add_numbers(&fit.rows, "x", x);
		if (tree_fit_try(&fit, 1) != CORE_OK)
		{
			assert_true(unit < 1e-120 || unit > 1e60);
			refused++;
			continue;
		}
		margins = tree_fit_margins(&fit);
		for (int i = 0; i < N; i++)
			assert_close(margins[i], fit.rows.data.target[i], 1e-12, 0);
	}
	assert_int_equal(refused, 6);
}

/* Where nothing is left to learn, gradients vanish; what is too small to be told from nothing is refused. */
static void
test_vanishing_gradients(void **state)
{
	static const double units[] = {0x1p-96, 0x1p-110, 1e-300};
	TreeFit		fit;
	double	   *x = env_alloc(*state, N, sizeof(double));
	double	   *margins;

	for (int i = 0; i < N; i++)
		x[i] = i % 16;
	tree_fit_init(&fit, *state, N, "gbm", TASK_BINARY, 2);
	for (int i = 0; i < N; i++)
		fit.rows.data.target[i] = x[i] > 4;
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "learning_rate", 1);
	tree_fit_set(&fit, "reg_lambda", 0);
	tree_fit_set(&fit, "min_child_weight", 0);
	tree_fit_set(&fit, "n_estimators", 500);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < N; i++)
		assert_true(x[i] > 4 ? margins[i] > 30 : margins[i] < -30);

	for (int k = 0; k < 6; k++)
	{
		bool		weights = k >= 3;
		double		unit = units[k % 3];

		tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
		fit.weight = env_alloc(*state, N, sizeof(double));
		for (int i = 0; i < N; i++)
		{
			fit.rows.data.target[i] = (weights ? 1 : unit) * x[i];
			fit.weight[i] = weights ? unit : 1;
		}
		rows_add_numbers(&fit.rows, "x", x);
		tree_fit_set(&fit, "learning_rate", 1);
		tree_fit_set(&fit, "reg_lambda", 0);
		tree_fit_set(&fit, "min_child_weight", 0);
		tree_fit_set(&fit, "n_estimators", 3);
		tree_fit_set(&fit, "num_leaves", 16);
		if (unit < 1e-30)
		{
			assert_int_equal(tree_fit_try(&fit, 1), CORE_INVALID);
			continue;
		}
		tree_fit_run(&fit, 1);
		margins = tree_fit_margins(&fit);
		for (int i = 0; i < N; i++)
			assert_true(fabs(margins[i] / (weights ? 1 : unit) - x[i]) < 1e-6);
	}
}

/* Steps that lead away end the fit of all processes; offsets that would are refused. */
static void
test_divergence(void **state)
{
	static const struct
	{
		const char *objective;
		int			nclasses;
		double		learning_rate;
		double		offset;
		CoreStatus	status;
	}			cases[] = {
		{"squared_error", 0, 10, 0, CORE_NUMERIC},
		{"squared_error", 0, 0.1, 1e3, CORE_OK},
		{"squared_error", 0, 0.1, 1e40, CORE_INVALID},
		{"absolute_error", 0, 0.1, -1e40, CORE_INVALID},
		{"poisson", 0, 0.1, 200, CORE_OK},
		{"poisson", 0, 0.1, 800, CORE_INVALID},
		{"tweedie", 0, 0.1, -800, CORE_INVALID},
		{"log_loss", 3, 0.1, 1, CORE_INVALID},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
	{
		TreeFit		fit;
		double	   *x = env_alloc(*state, 2 * N, sizeof(double));

		tree_fit_init(&fit, *state, N, "gbm", cases[k].nclasses > 0 ? TASK_MULTICLASS : TASK_REGRESSION, cases[k].nclasses);
		tree_fit_fill_regression(&fit, 35, N, x);
		for (int i = 0; i < N; i++)
			fit.rows.data.target[i] = cases[k].nclasses > 0 ? i % cases[k].nclasses : fabs(fit.rows.data.target[i]) + 1;
		if (cases[k].offset != 0)
		{
			fit.offset = env_alloc(*state, N, sizeof(double));
			for (int i = 0; i < N; i++)
				fit.offset[i] = i % 50 == 0 ? cases[k].offset : 0;
		}
		tree_fit_set_text(&fit, "objective", cases[k].objective);
		tree_fit_set(&fit, "learning_rate", cases[k].learning_rate);
		tree_fit_set(&fit, "n_estimators", 200);
		assert_int_equal(tree_fit_try(&fit, 2), cases[k].status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_monotone_units, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_monotone_missing, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_light_rows, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_units_of_forests, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_vanishing_gradients, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_divergence, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

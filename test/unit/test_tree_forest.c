/*
 * test_tree_forest.c: decision trees, random forests and isolation forests.
 */
#include <math.h>
#include <string.h>

#include "support.h"

#include "tree_fit.h"

#define N 400

static double
residual_squares(TreeFit *fit)
{
	double	   *margins = tree_fit_margins(fit);
	double		squares = 0;

	for (int64_t i = 0; i < fit->rows.data.nrows; i++)
		squares += (fit->rows.data.target[i] - margins[i]) * (fit->rows.data.target[i] - margins[i]);
	return squares;
}

/* With enough leaves a tree gives back any function of its features, huge offsets, categories and missing values included. */
static void
test_tree_is_exact(void **state)
{
	static const char *const words[] = {"a", "b", "c", "d", "e", "f", "g", NULL};
	TreeFit		fit;
	TestRandom	random = {1};
	double		x[N];
	const char *text[N];
	double	   *margins;

	tree_fit_init(&fit, *state, N, "decision_tree", TASK_REGRESSION, 0);
	for (int i = 0; i < N; i++)
	{
		x[i] = i % 9 == 0 ? NAN : 1e9 + floor(test_random_uniform(&random) * 1000);
		text[i] = words[i % 8];
		fit.rows.data.target[i] = (isnan(x[i]) ? 5000 : fmod(x[i], 997)) + 100 * (i % 8);
	}
	rows_add_numbers(&fit.rows, "x", x);
	rows_add_texts(&fit.rows, "word", text);
	tree_fit_set(&fit, "min_child_samples", 1);
	tree_fit_set(&fit, "cat_smooth", 0);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < N; i++)
		assert_close(margins[i], fit.rows.data.target[i], 1e-9, 1);
}

/* The best cut of all, with the Gini impurity of three classes. */
static void
test_three_classes(void **state)
{
	TreeFit		fit;
	TestRandom	random = {2};
	double		x[N];
	double		best = INFINITY;
	double		found = 0;
	double	   *margins;

	tree_fit_init(&fit, *state, N, "decision_tree", TASK_MULTICLASS, 3);
	for (int i = 0; i < N; i++)
	{
		x[i] = floor(test_random_normal(&random) * 40);
		fit.rows.data.target[i] = (double) (test_random_bits(&random) % 3);
		if (x[i] > 20 && i % 3 > 0)
			fit.rows.data.target[i] = 2;
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "num_leaves", 2);
	tree_fit_set(&fit, "min_child_samples", 1);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int cut = 0; cut < N; cut++)
	{
		double		count[2][3] = {{0}};
		double		impurity = 0;

		for (int i = 0; i < N; i++)
			count[x[i] <= x[cut]][(int) fit.rows.data.target[i]]++;
		for (int side = 0; side < 2; side++)
		{
			double		total = count[side][0] + count[side][1] + count[side][2];

			for (int k = 0; k < 3 && total > 0; k++)
				impurity += count[side][k] * (1 - count[side][k] / total);
		}
		best = fmin(best, impurity);
	}
	for (int i = 0; i < N; i++)
	{
		found += 1 - margins[3 * i + (int) fit.rows.data.target[i]];
	}
	assert_close(found, best, 1e-9, 0);
}

static void
fill_smooth(TreeFit *fit, int64_t n, uint64_t seed, double noise)
{
	TestRandom	random = {seed};
	double	   *x = env_alloc(fit->rows.env, (size_t) n * 3, sizeof(double));

	for (int64_t i = 0; i < n; i++)
	{
		for (int j = 0; j < 3; j++)
			x[j * n + i] = test_random_uniform(&random);
		fit->rows.data.target[i] = sin(6 * x[i]) + x[n + i] * x[n + i] + noise * test_random_normal(&random);
	}
	for (int j = 0; j < 3; j++)
		rows_add_numbers(&fit->rows, (const char *[]) {"a", "b", "c"}[j], x + j * n);
}

/* Out-of-bag error is near the noise that nothing can explain, far from the training error. */
static void
test_out_of_bag(void **state)
{
	TreeFit		fit;
	double		oob;

	tree_fit_init(&fit, *state, 3000, "random_forest", TASK_REGRESSION, 0);
	fill_smooth(&fit, 3000, 3, 0.5);
	tree_fit_set(&fit, "n_estimators", 60);
	tree_fit_set(&fit, "min_child_samples", 1);
	tree_fit_run(&fit, 1);
	oob = model_number(&fit.model, "oob_error");
	assert_true(oob > 0.25 && oob < 0.4);
	assert_true(residual_squares(&fit) / 3000 < 0.4 * oob);
}

/* Without bootstrap and with all features every tree is the same: a forest is a tree. */
static void
test_forest_of_equal_trees(void **state)
{
	TreeFit		tree;
	TreeFit		forest;
	double	   *a;
	double	   *b;

	tree_fit_init(&tree, *state, N, "decision_tree", TASK_REGRESSION, 0);
	tree_fit_init(&forest, *state, N, "random_forest", TASK_REGRESSION, 0);
	fill_smooth(&tree, N, 4, 0.2);
	fill_smooth(&forest, N, 4, 0.2);
	tree_fit_set(&tree, "max_bin", 100);
	tree_fit_set(&forest, "max_bin", 100);
	tree_fit_set(&tree, "min_child_samples", 3);
	tree_fit_set(&forest, "min_child_samples", 3);
	tree_fit_set(&forest, "n_estimators", 4);
	assert_ok(*state, params_set_boolean(*state, &forest.params, "bootstrap", false));
	tree_fit_set(&forest, "max_features", 3);
	tree_fit_run(&tree, 1);
	tree_fit_run(&forest, 1);
	a = tree_fit_margins(&tree);
	b = tree_fit_margins(&forest);
	for (int i = 0; i < N; i++)
		assert_close(a[i], b[i], 1e-12, 1);
}

/* Weight 3 and three copies are the same to a decision tree. */
static void
test_weights(void **state)
{
	TreeFit		once;
	TreeFit		thrice;

	tree_fit_init(&once, *state, N, "decision_tree", TASK_REGRESSION, 0);
	tree_fit_init(&thrice, *state, N, "decision_tree", TASK_REGRESSION, 0);
	fill_smooth(&once, N, 5, 0.2);
	fill_smooth(&thrice, N, 5, 0.2);
	thrice.weight = env_alloc(*state, N, sizeof(double));
	for (int i = 0; i < N; i++)
		thrice.weight[i] = 3;
	tree_fit_run(&once, 1);
	tree_fit_run(&thrice, 1);
	assert_close(residual_squares(&once), residual_squares(&thrice), 1e-12, 0);
}

/* A row far from all others has the highest score; scores are between 0 and 1, ordinary ones near one half. */
static void
test_isolation(void **state)
{
	static const char *const words[] = {"a", "b", "c"};
	TreeFit		fit;
	TestRandom	random = {6};
	double		x[2 * N];
	const char *text[N];
	double	   *margins;
	double		mean = 0;

	tree_fit_init(&fit, *state, N, "isolation_forest", TASK_ANOMALY, 0);
	for (int i = 0; i < N; i++)
	{
		x[i] = test_random_normal(&random);
		x[N + i] = i % 50 == 3 ? NAN : test_random_normal(&random);
		text[i] = words[i % 3];
	}
	x[7] = 9;
	x[N + 7] = -9;
	fit.rows.data.target = NULL;
	rows_add_numbers(&fit.rows, "a", x);
	rows_add_numbers(&fit.rows, "b", x + N);
	rows_add_texts(&fit.rows, "word", text);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < N; i++)
	{
		double		score = exp(margins[i]);

		assert_true(score > 0 && score < 1);
		assert_true(i == 7 || margins[i] < margins[7]);
		mean += score / N;
	}
	assert_true(mean > 0.35 && mean < 0.55);
	assert_true(exp(margins[7]) > 0.6);
}

/* Identical rows cannot be parted: every path ends at the root, which a search tree of as many entries makes 0.5. */
static void
test_isolation_of_equal_rows(void **state)
{
	TreeFit		fit;
	double		x[N];
	double	   *margins;

	tree_fit_init(&fit, *state, N, "isolation_forest", TASK_ANOMALY, 0);
	for (int i = 0; i < N; i++)
		x[i] = i == 0;
	fit.rows.data.target = NULL;
	rows_add_numbers(&fit.rows, "a", x);
	tree_fit_set(&fit, "max_samples", 2);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	assert_close(exp(margins[1]), 0.5, 0.02, 0);
	assert_true(margins[0] >= margins[1]);
}

/* A cancel is served while a large tree is stored, not behind it. */
static void
test_storing_polls(void **state)
{
	enum {NODES = 200001};
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	const double value = 1;
	TreeStoredNode node = {.feature = -1, .cover = 1, .count = 1, .value = &value};
	TreeStore	store;
	Model	   *model;
	double		base = 0;
	int64_t		before = test->polls;

	model = env_alloc(env, 1, sizeof(Model));
	assert_non_null(model);
	tree_store_init(env, &store, 1);
	assert_ok(env, tree_store_add_tree(&store, NODES));
	for (int i = 0; i < NODES; i++)
	{
		node.feature = i < NODES / 2 ? 0 : -1;
		assert_ok(env, tree_store_add_node(&store, &node));
	}
	assert_true(test->polls - before >= NODES / 10000);
	before = test->polls;
	assert_ok(env, tree_store_finish(&store, &base, 1, 1, model));
	assert_true(test->polls - before >= NODES / 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tree_is_exact, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_three_classes, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_out_of_bag, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_forest_of_equal_trees, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_weights, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_isolation, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_isolation_of_equal_rows, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_storing_polls, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_tree_team.c: the same bits for any number of processes.
 */
#include <math.h>
#include <string.h>

#include "support.h"

#include "tree_fit.h"

#define NROWS 40000

/* Numbers with ties, missing values, infinities; categories; few and many values. */
static void
fill_rows(TreeFit *fit, CoreEnv *env, uint64_t seed)
{
	static const char *const words[] = {"red", "green", "blue", "white", NULL};
	TestRandom	random = {seed};
	const char **text = env_alloc(env, NROWS, sizeof(char *));
	double	   *x = env_alloc(env, NROWS * 4, sizeof(double));

	for (int i = 0; i < NROWS; i++)
	{
		x[i] = test_random_normal(&random);
		x[NROWS + i] = floor(test_random_uniform(&random) * 6);
		x[2 * NROWS + i] = test_random_uniform(&random) < 0.1 ? NAN : exp(3 * test_random_normal(&random));
		x[3 * NROWS + i] = test_random_uniform(&random) < 0.01 ? INFINITY : x[i] * x[NROWS + i];
		text[i] = words[test_random_bits(&random) % 5];
	}
	for (int j = 0; j < 4; j++)
		rows_add_numbers(&fit->rows, (const char *[]) {"a", "b", "c", "d"}[j], x + (size_t) j * NROWS);
	rows_add_texts(&fit->rows, "word", text);
	/* so many columns that processes share the search for splits, too */
	for (int j = 0; j < 6; j++)
	{
		double	   *noise = env_alloc(env, NROWS, sizeof(double));

		for (int i = 0; i < NROWS; i++)
			noise[i] = j % 2 ? x[j / 2 * NROWS + i] : floor(test_random_normal(&random) * 10 * (j + 1));
		rows_add_numbers(&fit->rows, (const char *[]) {"e", "f", "g", "h", "i", "j"}[j], noise);
	}
	for (int i = 0; i < NROWS; i++)
	{
		double		f = x[i] + (x[NROWS + i] > 3) - (text[i] != NULL && text[i][0] == 'r') + (isnan(x[2 * NROWS + i]) ? 1 : 0);

		if (fit->task == TASK_REGRESSION)
			fit->rows.data.target[i] = f + 0.1 * test_random_normal(&random);
		else
			fit->rows.data.target[i] = fmin(fit->nclasses - 1, floor(fmax(0, f + 0.5 + test_random_uniform(&random))));
	}
}

static void
assert_same_for_all_teams(TreeFit *fit)
{
	uint64_t	alone;

	tree_fit_run(fit, 1);
	alone = tree_fit_digest(fit);
	for (int processes = 2; processes <= 4; processes++)
	{
		tree_fit_run(fit, processes);
		assert_true(tree_fit_digest(fit) == alone);
	}
	fit->helpers_have_rows = false;
	tree_fit_run(fit, 2);
	assert_true(tree_fit_digest(fit) == alone);
	fit->helpers_have_rows = true;
}

static void
test_regression(void **state)
{
	TreeFit		fit;

	tree_fit_init(&fit, *state, NROWS, "gbm", TASK_REGRESSION, 0);
	tree_fit_set(&fit, "n_estimators", 12);
	fill_rows(&fit, *state, 1);
	assert_same_for_all_teams(&fit);
}

/* Samples of rows and features, weights over nine orders of magnitude, early stopping. */
static void
test_binary_with_everything(void **state)
{
	TreeFit		fit;
	TestRandom	random = {2};

	tree_fit_init(&fit, *state, NROWS, "gbm", TASK_BINARY, 2);
	tree_fit_set(&fit, "n_estimators", 12);
	tree_fit_set(&fit, "subsample", 0.6);
	tree_fit_set(&fit, "colsample_bytree", 0.8);
	tree_fit_set(&fit, "colsample_bylevel", 0.7);
	tree_fit_set(&fit, "early_stopping_rounds", 3);
	tree_fit_set_text(&fit, "monotone_constraints", "a: 1");
	fill_rows(&fit, *state, 2);
	fit.weight = env_alloc(*state, NROWS, sizeof(double));
	for (int i = 0; i < NROWS; i++)
		fit.weight[i] = i % 17 == 0 ? 0 : pow(10, 9 * test_random_uniform(&random) - 4);
	assert_same_for_all_teams(&fit);
}

static void
test_multiclass(void **state)
{
	TreeFit		fit;

	tree_fit_init(&fit, *state, NROWS, "gbm", TASK_MULTICLASS, 3);
	tree_fit_set(&fit, "n_estimators", 4);
	fill_rows(&fit, *state, 3);
	assert_same_for_all_teams(&fit);
}

/* Leaves renewed by medians; targets over nine orders of magnitude. */
static void
test_absolute_error(void **state)
{
	TreeFit		fit;

	tree_fit_init(&fit, *state, NROWS, "gbm", TASK_REGRESSION, 0);
	tree_fit_set_text(&fit, "objective", "absolute_error");
	tree_fit_set(&fit, "n_estimators", 6);
	fill_rows(&fit, *state, 4);
	for (int i = 0; i < NROWS; i++)
		fit.rows.data.target[i] = copysign(pow(10, 9 * fabs(fmod(fit.rows.data.target[i], 1))), fit.rows.data.target[i]);
	assert_same_for_all_teams(&fit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_regression, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_binary_with_everything, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_multiclass, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_absolute_error, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

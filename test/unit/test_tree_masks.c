/*
 * test_tree_masks.c: trees scored by masks give the bits of walks, on values that sit on thresholds and on those that never were in training.
 */
#include "support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/tree_masks.h"
#include "tree_fit.h"

#define N 2000
#define ROWS 3000

static const char *const words[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", NULL};

/* numbers columns of numbers, two of words; the target follows them. */
static void
fill(TreeFit *fit, CoreEnv *env, uint64_t seed, int numbers, int ntexts)
{
	TestRandom	random = {seed};
	double	   *sum = env_alloc(env, N, sizeof(double));

	for (int j = 0; j < numbers; j++)
	{
		double	   *x = env_alloc(env, N, sizeof(double));

		for (int i = 0; i < N; i++)
		{
			x[i] = j % 3 == 0 ? floor(4 * test_random_normal(&random)) : test_random_normal(&random);
			sum[i] += sin(x[i] * (j + 1));
			if (j % 2 == 0 && test_random_uniform(&random) < 0.1)
				x[i] = NAN;
			if (j == 1 && i % 50 == 0)
				x[i] = i % 100 == 0 ? INFINITY : -INFINITY;
		}
		rows_add_numbers(&fit->rows, env_sprintf(env, "x%d", j), x);
	}
	for (int j = 0; j < ntexts; j++)
	{
		const char **text = env_alloc(env, N, sizeof(char *));

		for (int i = 0; i < N; i++)
		{
			int			word = (int) (test_random_bits(&random) % 12);

			text[i] = words[word];
			sum[i] += (word * 7 + j) % 5;
		}
		rows_add_texts(&fit->rows, env_sprintf(env, "w%d", j), text);
	}
	for (int i = 0; i < N; i++)
	{
		double		y = sum[i] + test_random_normal(&random);

		fit->rows.data.target[i] = fit->nclasses > 2 ? (y > 1) + (y > 3) : fit->nclasses == 2 ? y > 2 : y;
	}
}

/* A value that a term might have, or might not. */
static double
any_value(TestRandom *random, const TreeEnsemble *trees, int term, const Term *info)
{
	uint64_t	kind = test_random_bits(random) % 10;

	if (info->categorical)
	{
		static const double odd[] = {NAN, -1, -0.5, 1.5, 1e300, INFINITY, -INFINITY};

		return kind < 7 ? odd[kind] : (double) (test_random_bits(random) % (uint64_t) (info->ncategories + 2));
	}
	switch (kind)
	{
		case 0:
			return NAN;
		case 1:
			return test_random_bits(random) % 2 ? -NAN : -0.0;
		case 2:
			return test_random_bits(random) % 2 ? INFINITY : -INFINITY;
		case 3:
			return test_random_bits(random) % 2 ? DBL_MAX : -DBL_MAX;
		case 4:
			return test_random_normal(random) * 1e-310;
		case 5:
			return test_random_normal(random);
		default:
			break;
	}
	/* a threshold, or its neighbour */
	for (int64_t tried = 0; tried < trees->nnodes; tried++)
	{
		int64_t		node = (int64_t) (test_random_bits(random) % (uint64_t) trees->nnodes);

		if (trees->feature[node] == term)
			return kind < 8 ? trees->threshold[node] : nextafter(trees->threshold[node], kind == 8 ? INFINITY : -INFINITY);
	}
	return 0;
}

static void
assert_same_scores(TreeFit *fit, CoreEnv *env, const Model *fast, uint64_t seed)
{
	const Model *model = &fit->model;
	const TreeEnsemble *trees = model->scorer;
	TestRandom	random = {seed};
	int			nterms = fit->transform->nterms;
	double	   *terms = env_alloc(env, (size_t) nterms, sizeof(double));
	double	   *scratch = env_alloc(env, (size_t) model_scratch_size(model), sizeof(double));
	double		walked[4];
	double		masked[4];

	assert_int_equal(model_scratch_size(model), model_scratch_size(fast));
	for (int i = 0; i < ROWS; i++)
	{
		for (int k = 0; k < nterms; k++)
			terms[k] = any_value(&random, trees, k, &fit->transform->terms[k]);
		model->algorithm->score(model, terms, scratch, walked);
		fast->algorithm->score(fast, terms, scratch, masked);
		assert_memory_equal(walked, masked, sizeof(double) * (size_t) model->noutputs);
	}
}

/* With the registers of this processor and with those of every one. */
static void
assert_hastened(TreeFit *fit, CoreEnv *env)
{
	TreeScorer	scorer = *(const TreeScorer *) fit->model.scorer;
	Model		baseline = fit->model;
	const Model *fast;

	assert_ok(env, model_hasten(env, &fit->model, &fast));
	assert_ptr_not_equal(fast, &fit->model);
	assert_same_scores(fit, env, fast, 5);
	assert_ok(env, tree_masks_create(env, &scorer, true, &scorer.masks));
	assert_non_null(scorer.masks);
	baseline.scorer = &scorer;
	assert_same_scores(fit, env, &baseline, 6);
}

typedef struct Case
{
	const char *algorithm;
	Task		task;
	int			nclasses;
	int			numbers;
	int			texts;
	int			trees;
	int			leaves;
} Case;

static void
test_masks_are_walks(void **state)
{
	static const Case cases[] = {
		{"gbm", TASK_REGRESSION, 0, 5, 0, 37, 31},
		{"gbm", TASK_REGRESSION, 0, 1, 0, 40, 32},
		{"gbm", TASK_BINARY, 2, 9, 2, 33, 33},
		{"gbm", TASK_BINARY, 2, 4, 1, 16, 64},
		{"gbm", TASK_MULTICLASS, 3, 4, 2, 7, 9},
		{"gbm", TASK_REGRESSION, 0, 0, 2, 10, 8},
		{"gbm", TASK_REGRESSION, 0, 3, 0, 1, 2},
		{"random_forest", TASK_MULTICLASS, 3, 5, 1, 21, 40},
		{"random_forest", TASK_REGRESSION, 0, 5, 1, 21, 20},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
	{
		const Case *c = &cases[k];
		TreeFit		fit;

		tree_fit_init(&fit, *state, N, c->algorithm, c->task, c->nclasses);
		fill(&fit, *state, 100 + k, c->numbers, c->texts);
		tree_fit_set(&fit, "n_estimators", c->trees);
		tree_fit_set(&fit, strcmp(c->algorithm, "gbm") == 0 ? "num_leaves" : "max_leaf_nodes", c->leaves);
		tree_fit_run(&fit, 1);
		assert_hastened(&fit, *state);
	}
}

/* More thresholds on one term than a byte tells: tables without maps. */
static void
test_many_thresholds(void **state)
{
	TreeFit		fit;
	double	   *x = env_alloc(*state, N, sizeof(double));
	TestRandom	random = {3};

	tree_fit_init(&fit, *state, N, "random_forest", TASK_REGRESSION, 0);
	for (int i = 0; i < N; i++)
	{
		x[i] = test_random_normal(&random);
		fit.rows.data.target[i] = test_random_normal(&random);
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "n_estimators", 20);
	tree_fit_set(&fit, "max_leaf_nodes", 64);
	tree_fit_run(&fit, 1);
	assert_hastened(&fit, *state);
}

/* Large trees, large sets of categories and other models stay as they are. */
static void
test_not_worth_it(void **state)
{
	TreeFit		fit;
	const Model *fast;

	tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
	fill(&fit, *state, 9, 4, 0);
	tree_fit_set(&fit, "n_estimators", 3);
	tree_fit_set(&fit, "num_leaves", 65);
	tree_fit_run(&fit, 1);
	assert_ok(*state, model_hasten(*state, &fit.model, &fast));
	assert_ptr_equal(fast, &fit.model);
}

/* A constant target gives trees that are leaves. */
static void
test_leaves_alone(void **state)
{
	TreeFit		fit;

	tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
	fill(&fit, *state, 9, 2, 0);
	for (int i = 0; i < N; i++)
		fit.rows.data.target[i] = 3;
	tree_fit_set(&fit, "n_estimators", 3);
	tree_fit_run(&fit, 1);
	assert_hastened(&fit, *state);
}

/* Every allocation may be refused. */
static void
test_memory(void **state)
{
	TestEnv    *env = *state;
	TreeFit		fit;
	const Model *fast;
	CoreStatus	status;
	int64_t		refused = 0;

	tree_fit_init(&fit, *state, N, "gbm", TASK_BINARY, 2);
	fill(&fit, *state, 9, 3, 1);
	tree_fit_set(&fit, "n_estimators", 5);
	tree_fit_run(&fit, 1);
	do
	{
		env->fail_after = env->allocations + refused++;
		status = model_hasten(*state, &fit.model, &fast);
		assert_true(status == CORE_OK || status == CORE_NO_MEMORY);
	} while (status != CORE_OK);
	env->fail_after = -1;
	assert_true(refused > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_masks_are_walks, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_many_thresholds, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_not_worth_it, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_leaves_alone, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_memory, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests_name("tree_masks", tests, NULL, NULL);
}

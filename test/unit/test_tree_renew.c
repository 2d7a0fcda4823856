/*
 * test_tree_renew.c: leaves of losses of residuals against the plain definition: the smallest residual at which the
 * weights of those up to it reach the share of their total.
 */
#include <math.h>
#include <stdlib.h>

#include "support.h"

#include "core/tree_grow.h"
#include "tree_fit.h"
#include "walk.h"

#define MOST 400

typedef enum Weights
{
	NO_WEIGHTS,
	WHOLE,						/* 0 to 3 */
	MANY_ZEROS,
	FRACTIONS,
	MAGNITUDES,					/* over 18 orders, by groups of rows that trees find */
	BEYOND,						/* over 36 orders: sums of the large ones hide the small ones */
	WEIGHT_KINDS
} Weights;

typedef enum Targets
{
	CONTINUOUS,
	FEW,						/* ties, residuals of zero */
	CONSTANT,
	ONE_ODD,					/* constant but for one row */
	LARGE,
	TARGET_KINDS
} Targets;

typedef struct Case
{
	int64_t		n;
	const char *objective;
	double		alpha;
	Weights		weights;
	Targets		targets;
	bool		stops;			/* early stopping */
	bool		offset;
} Case;

typedef struct Residual
{
	double		residual;
	double		weight;
} Residual;

static int
compare_residuals(const void *a, const void *b)
{
	double		x = ((const Residual *) a)->residual;
	double		y = ((const Residual *) b)->residual;

	return x < y ? -1 : x > y;
}

/*
 * Whether `value` is, times the learning rate, the smallest residual at which the weights of those up to it reach p times
 * their total.  Where weights or p are rounded they may miss it by a hair.
 */
static bool
is_lower_quantile(Residual *rows, int n, double p, double hair, double rate, double value)
{
	long double total = 0;
	long double below = 0;

	qsort(rows, (size_t) n, sizeof(Residual), compare_residuals);
	for (int k = 0; k < n; k++)
		total += rows[k].weight;
	for (int i = 0; i < n;)
	{
		long double here = 0;
		int			first = i;

		while (i < n && rows[i].residual == rows[first].residual)
			here += rows[i++].weight;
		if (rate * rows[first].residual == value && below < (p + (long double) hair) * total && below + here >= (p - (long double) hair) * total)
			return true;
		below += here;
	}
	return false;
}

/* Huber's leaves: the lower median plus the mean of what is left, none of it beyond delta. Rows are sorted. */
static double
huber_value(const Residual *rows, int n, double delta)
{
	long double total = 0;
	long double sum = 0;
	double		median;
	int			i = 0;

	for (int k = 0; k < n; k++)
		total += rows[k].weight;
	while ((sum += rows[i].weight) < total / 2)
		i++;
	median = rows[i].residual;
	sum = 0;
	for (int k = 0; k < n; k++)
		sum += rows[k].weight * (long double) fmax(-delta, fmin(delta, rows[k].residual - median));
	return median + (double) (sum / total);
}

static double
target_of(Targets kind, TestRandom *random, int64_t i, double x)
{
	double		noise = test_random_uniform(random);

	switch (kind)
	{
		case CONTINUOUS:
			return sin(6 * x) + noise;
		case FEW:
			return floor(3 * x + 2 * noise);
		case CONSTANT:
			return 7.25;
		case ONE_ODD:
			return i == 3 ? -100 : 7.25;
		default:
			return (noise - 0.5) * pow(10, 9 * test_random_uniform(random));
	}
}

static double
weight_of(Weights kind, TestRandom *random, double x)
{
	double		u = test_random_uniform(random);

	switch (kind)
	{
		case WHOLE:
			return floor(4 * u);
		case MANY_ZEROS:
			return u < 0.8 ? 0 : 1;
		case FRACTIONS:
			return u;
		case MAGNITUDES:
			return (0.5 + u) * pow(10, 18 * x - 9);
		case BEYOND:
			return (0.5 + u) * pow(10, 36 * x - 12);
		default:
			return 1;
	}
}

static void
fill(TreeFit *fit, CoreEnv *env, const Case *c, uint64_t seed)
{
	TestRandom	random = {seed};
	double	   *x = env_alloc(env, (size_t) (2 * c->n), sizeof(double));

	tree_fit_init(fit, env, c->n, "gbm", TASK_REGRESSION, 0);
	fit->weight = c->weights == NO_WEIGHTS ? NULL : env_alloc(env, (size_t) c->n, sizeof(double));
	fit->offset = c->offset ? env_alloc(env, (size_t) c->n, sizeof(double)) : NULL;
	for (int64_t i = 0; i < c->n; i++)
	{
		x[i] = floor(test_random_uniform(&random) * 8) / 8;
		x[c->n + i] = test_random_uniform(&random);
		fit->rows.data.target[i] = target_of(c->targets, &random, i, x[i]);
		if (fit->weight != NULL)
			fit->weight[i] = i == 0 ? 1 : weight_of(c->weights, &random, x[i]);
		if (fit->offset != NULL)
			fit->offset[i] = floor(8 * x[c->n + i]) / 4;
	}
	rows_add_numbers(&fit->rows, "a", x);
	rows_add_numbers(&fit->rows, "b", x + c->n);
	tree_fit_set_text(fit, "objective", c->objective);
	if (c->alpha > 0)
		tree_fit_set(fit, "quantile_alpha", c->alpha);
	tree_fit_set(fit, "n_estimators", 4);
	tree_fit_set(fit, "learning_rate", seed % 2 == 0 ? 1 : 0.3);
	tree_fit_set(fit, "num_leaves", 12);
	tree_fit_set(fit, "min_child_samples", 1 + (double) (seed % 3));
	tree_fit_set(fit, "min_child_weight", 0);
	tree_fit_set(fit, "reg_lambda", seed % 5 == 0 ? 1 : 0);
	if (c->stops)
	{
		tree_fit_set(fit, "early_stopping_rounds", 2);
		tree_fit_set(fit, "validation_fraction", 0.3);
	}
}

/* Rows that teach: of positive weight, not held out by early stopping. */
static bool *
teaching_rows(const TreeFit *fit, CoreEnv *env, const Case *c)
{
	TreeJob		job = {.validation = c->stops ? 0.3 : 0, .validation_seed = fit->seed ^ UINT64_C(0x76616c69646174)};
	bool	   *teaches = env_alloc(env, (size_t) c->n, sizeof(bool));
	int64_t		held_out = 0;

	for (int64_t i = 0; i < c->n; i++)
	{
		bool		counts = fit->weight == NULL || fit->weight[i] > 0;
		bool		held = tree_row_held_out(&job, &fit->rows.data, i);

		teaches[i] = counts && !held;
		held_out += counts && held;
	}
	assert_true(model_number(&fit->model, "rows_validation") == (double) held_out);
	return teaches;
}

/* Every leaf of every tree. */
static int
check_leaves(TreeFit *fit, CoreEnv *env, const Case *c)
{
	const double p = strcmp(c->objective, "quantile") == 0 ? c->alpha : 0.5;
	const double rate = params_number(&fit->params, "learning_rate");
	const double hair = p == 0.5 && c->weights <= MANY_ZEROS ? 0 : 1e-12;
	const double *terms = rows_terms(&fit->rows, fit->transform, false);
	const double *value = model_array(&fit->model, "leaf_value")->data;
	const bool *teaches = teaching_rows(fit, env, c);
	double	   *score = env_alloc(env, (size_t) c->n, sizeof(double));
	int64_t    *leaf = env_alloc(env, (size_t) c->n, sizeof(int64_t));
	Residual   *rows = env_alloc(env, (size_t) c->n, sizeof(Residual));
	int			ntrees;
	int			counting = 0;
	int			checked = 0;
	WalkTree   *trees = walk_trees(env, &fit->model, &ntrees);

	for (int64_t i = 0; i < c->n; i++)
		if (fit->weight == NULL || fit->weight[i] > 0)
			rows[counting++] = (Residual) {fit->rows.data.target[i] - (fit->offset != NULL ? fit->offset[i] : 0), fit->weight != NULL ? fit->weight[i] : 1};
	assert_true(is_lower_quantile(rows, counting, p, hair, 1, *(const double *) model_array(&fit->model, "base_score")->data));
	for (int64_t i = 0; i < c->n; i++)
		score[i] = *(const double *) model_array(&fit->model, "base_score")->data + (fit->offset != NULL ? fit->offset[i] : 0);
	for (int t = 0; t < ntrees; t++)
	{
		for (int64_t i = 0; i < c->n; i++)
			leaf[i] = walk_row(&fit->model, &trees[t], terms + i, (size_t) c->n, NULL);
		for (int64_t node = 0; node < trees[t].count; node++)
		{
			double		found = value[trees[t].leaf[node]];
			int			n = 0;

			if (trees[t].children[node] != 0)
				continue;
			for (int64_t i = 0; i < c->n; i++)
				if (teaches[i] && leaf[i] == node)
					rows[n++] = (Residual) {fit->rows.data.target[i] - score[i], fit->weight != NULL ? fit->weight[i] : 1};
			assert_true(n > 0);
			if (strcmp(c->objective, "huber") == 0)
			{
				double		delta = model_number(&fit->model, "huber_delta");
				double		expected;

				qsort(rows, (size_t) n, sizeof(Residual), compare_residuals);
				expected = rate * huber_value(rows, n, delta);
				assert_true(fabs(found - expected) <= 1e-12 * (fabs(expected) + delta));
			}
			else if (!is_lower_quantile(rows, n, p, hair, rate, found))
				fail_msg("n %d, %s, weights %d, targets %d, tree %d: a leaf of %d rows is %.17g", (int) c->n, c->objective, c->weights, c->targets, t, n, found);
			checked++;
		}
		for (int64_t i = 0; i < c->n; i++)
			score[i] += value[trees[t].leaf[leaf[i]]];
	}
	return checked;
}

static void
run_case(CoreEnv *env, const Case *c, uint64_t seed, int *checked)
{
	TreeFit		fit;
	CoreStatus	status;

	fill(&fit, env, c, seed);
	status = tree_fit_try(&fit, 1);
	if (status == CORE_NUMERIC && c->stops && c->n < 8)
		return;					/* no row is left */
	assert_ok(env, status);
	*checked += check_leaves(&fit, env, c);
}

static void
test_quantiles_of_leaves(void **state)
{
	static const int64_t sizes[] = {2, 3, 4, 7, 40, MOST};
	static const struct
	{
		const char *objective;
		double		alpha;
	}			objectives[] = {{"absolute_error", 0}, {"quantile", 0.1}, {"quantile", 0.9}, {"huber", 0}};
	int			checked = 0;
	uint64_t	seed = 1;

	for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++)
		for (size_t k = 0; k < sizeof(objectives) / sizeof(objectives[0]); k++)
			/* only where rounding leaves no choice of the median */
			for (int weights = 0; weights < (k == 3 ? FRACTIONS : WEIGHT_KINDS); weights++)
				for (int targets = 0; targets < TARGET_KINDS; targets++)
					for (int stops = 0; stops < 2; stops++)
					{
						Case		c = {sizes[size], objectives[k].objective, objectives[k].alpha, (Weights) weights, (Targets) targets, stops == 1, seed % 3 == 0};

						run_case(*state, &c, seed++, &checked);
					}
	assert_true(checked > 5000);
}

/* One weight so large that in sums of all rows little is left of the others: they are told apart among themselves. */
static void
test_one_large_weight(void **state)
{
	const Case	c = {300000, "absolute_error", 0, FRACTIONS, CONTINUOUS, false, false};
	TreeFit		fit;

	fill(&fit, *state, &c, 3);
	for (int64_t i = 0; i < c.n; i++)
		fit.weight[i] = i == 0 ? 0x1p34 : 0.5 + fit.weight[i];
	tree_fit_run(&fit, 1);
	assert_true(check_leaves(&fit, *state, &c) > 20);
}

/* Samples that may be empty: every row's score stays among the targets. */
static void
test_small_samples(void **state)
{
	static const char *const objectives[] = {"absolute_error", "quantile", "huber"};

	for (int k = 0; k < 60; k++)
	{
		const Case	c = {5 + k % 7, objectives[k % 3], 0, k % 2 == 0 ? NO_WEIGHTS : FRACTIONS, CONTINUOUS, k % 4 == 3, false};
		TreeFit		fit;
		double	   *margins;

		fill(&fit, *state, &c, (uint64_t) (2 * k));
		tree_fit_set(&fit, "subsample", 0.02);
		tree_fit_run(&fit, 1);
		margins = tree_fit_margins(&fit);
		for (int64_t i = 0; i < c.n; i++)
			assert_true(margins[i] >= -1 && margins[i] <= 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_large_weight, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_small_samples, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_quantiles_of_leaves, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

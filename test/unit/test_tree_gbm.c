/*
 * test_tree_gbm.c: gradient boosting against brute force, finite differences and its own invariances.
 */
#include <math.h>
#include <string.h>

#include "support.h"

#include "core/hash.h"
#include "core/tree_objective.h"
#include "tree_fit.h"

#define N 300

/* ------------------------------------------------------------ splits */

static double
squares_around_mean(const double *y, const bool *in, bool side, int n)
{
	double		sum = 0;
	double		squares = 0;
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		if (in[i] != side)
			continue;
		sum += y[i];
		squares += y[i] * y[i];
		count++;
	}
	return count > 0 ? squares - sum * sum / count : 0;
}

static double
squares_of_stump(TreeFit *fit)
{
	double	   *margins = tree_fit_margins(fit);
	double		squares = 0;

	for (int i = 0; i < N; i++)
		squares += (fit->rows.data.target[i] - margins[i]) * (fit->rows.data.target[i] - margins[i]);
	return squares;
}

static void
init_stump(TreeFit *fit, CoreEnv *env)
{
	tree_fit_init(fit, env, N, "gbm", TASK_REGRESSION, 0);
	tree_fit_set(fit, "n_estimators", 1);
	tree_fit_set(fit, "num_leaves", 2);
	tree_fit_set(fit, "learning_rate", 1);
	tree_fit_set(fit, "reg_lambda", 0);
	tree_fit_set(fit, "min_child_samples", 7);
}

/* The stump that boosting finds is the best of all cuts of all features, missing values on either side. */
static void
test_best_cut(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++)
	{
		TestRandom	random = {seed};
		TreeFit		fit;
		double		x[3][N];
		double		best = INFINITY;
		double		found;
		bool		left[N];

		init_stump(&fit, *state);
		for (int i = 0; i < N; i++)
		{
			for (int j = 0; j < 3; j++)
				x[j][i] = test_random_uniform(&random) < 0.2 ? NAN : floor(test_random_normal(&random) * (j == 0 ? 2 : 30));
			fit.rows.data.target[i] = test_random_normal(&random) + (x[1][i] > 10) + (isnan(x[2][i]) ? 0.7 : 0);
		}
		for (int j = 0; j < 3; j++)
			rows_add_numbers(&fit.rows, (const char *[]) {"a", "b", "c"}[j], x[j]);
		for (int j = 0; j < 3; j++)
		{
			for (int cut = 0; cut <= N; cut++)
			{
				for (int missing_left = 0; missing_left < 2; missing_left++)
				{
					int			count = 0;
					double		squares;

					for (int i = 0; i < N; i++)
					{
						left[i] = isnan(x[j][i]) ? missing_left : cut == N || (!isnan(x[j][cut]) && x[j][i] <= x[j][cut]);
						count += left[i];
					}
					squares = squares_around_mean(fit.rows.data.target, left, true, N) + squares_around_mean(fit.rows.data.target, left, false, N);
					if (count >= 7 && N - count >= 7 && squares < best)
						best = squares;
				}
			}
		}
		tree_fit_run(&fit, 1);
		found = squares_of_stump(&fit);
		assert_close(found, best, 1e-5, 0);
	}
}

/* Few categories: the best of all one against the rest. */
static void
test_best_category(void **state)
{
	static const char *const words[] = {"a", "b", "c", "d"};

	for (uint64_t seed = 1; seed <= 10; seed++)
	{
		TestRandom	random = {seed};
		TreeFit		fit;
		const char *text[N];
		double		best = INFINITY;

		init_stump(&fit, *state);
		for (int i = 0; i < N; i++)
		{
			text[i] = words[test_random_bits(&random) % 4];
			fit.rows.data.target[i] = test_random_normal(&random) + (text[i][0] == 'c' ? 0.5 : 0);
		}
		rows_add_texts(&fit.rows, "word", text);
		for (int k = 0; k < 4; k++)
		{
			bool		left[N];

			for (int i = 0; i < N; i++)
				left[i] = text[i] == words[k];
			best = fmin(best, squares_around_mean(fit.rows.data.target, left, true, N) + squares_around_mean(fit.rows.data.target, left, false, N));
		}
		tree_fit_run(&fit, 1);
		assert_close(squares_of_stump(&fit), best, 1e-5, 0);
	}
}

/* ------------------------------------------------------------ losses */

static double
loss_at(CoreEnv *env, const TreeObjective *objective, TreeShape *shape, TreeBlock *block, int row, int k, double margin)
{
	double		before = block->score[(size_t) k * (size_t) shape->block_rows + (size_t) row];
	double		loss;

	block->score[(size_t) k * (size_t) shape->block_rows + (size_t) row] = margin;
	loss = tree_loss(env, objective, shape, block);
	block->score[(size_t) k * (size_t) shape->block_rows + (size_t) row] = before;
	(void) tree_loss(env, objective, shape, block);
	return loss;
}

/* With many classes one block is milliseconds of exponentials: it may be interrupted between rows. */
static void
test_many_classes_poll(void **state)
{
	TreeObjective objective = {.loss = LOSS_MULTICLASS};
	TreeShape	shape = {.noutputs = 50, .block_rows = 4096};
	TreeBlock	block = {.nrows = 4096};
	int64_t		before = ((TestEnv *) *state)->polls;

	block.score = env_alloc(*state, 50 * 4096, sizeof(double));
	block.target = env_alloc(*state, 4096, sizeof(double));
	block.shift = env_alloc(*state, 4096, sizeof(double));
	/* equal scores: every class has the share 1/50 */
	assert_close(tree_loss(*state, &objective, &shape, &block), 4096 * log(50), 1e-12, 0);
	assert_true(((TestEnv *) *state)->polls - before >= 4);
}

/* Gradients are the slopes of the loss; hessians, where they are exact, its curvature. */
static void
test_gradients(void **state)
{
	TestRandom	random = {11};

	for (int loss = LOSS_SQUARED; loss <= LOSS_MULTICLASS; loss++)
	{
		TreeObjective objective = {(TreeLoss) loss, 0.3, 0.8, 1.4};
		TreeShape	shape = {0};
		TreeBlock	block = {0};
		TreeBlockStatistics statistics = {0};
		int			noutputs = loss == LOSS_MULTICLASS ? 3 : 1;
		double		factor = loss == LOSS_SQUARED ? 0.5 : 1;	/* what is reported is the square itself */

		shape.noutputs = noutputs;
		shape.block_rows = 64;
		block.nrows = 20;
		block.score = env_alloc(*state, 64 * 3, sizeof(double));
		block.target = env_alloc(*state, 64, sizeof(double));
		block.weight = env_alloc(*state, 64, sizeof(double));
		block.shift = noutputs > 1 ? env_alloc(*state, 64, sizeof(double)) : NULL;
		block.gradient = env_alloc(*state, 64, sizeof(float));
		block.hessian = env_alloc(*state, 64, sizeof(float));
		for (int i = 0; i < block.nrows; i++)
		{
			for (int k = 0; k < noutputs; k++)
				block.score[k * 64 + i] = 1.5 * test_random_normal(&random);
			block.target[i] = loss == LOSS_BINARY ? i % 2 : loss == LOSS_MULTICLASS ? i % 3 : 0.1 + 2 * test_random_uniform(&random);
			block.weight[i] = 0.5 + test_random_uniform(&random);
		}
		for (int k = 0; k < noutputs; k++)
		{
			tree_gradients(*state, &objective, &shape, &block, 0, &statistics);
			tree_gradients(*state, &objective, &shape, &block, k, &statistics);
			for (int i = 0; i < block.nrows; i++)
			{
				double		f = block.score[k * 64 + i];
				double		up = loss_at(*state, &objective, &shape, &block, i, k, f + 1e-4);
				double		down = loss_at(*state, &objective, &shape, &block, i, k, f - 1e-4);
				double		middle = loss_at(*state, &objective, &shape, &block, i, k, f);

				assert_close(block.gradient[i], factor * (up - down) / 2e-4, 1e-4, 1);
				if (loss == LOSS_SQUARED || loss == LOSS_POISSON || loss == LOSS_BINARY || loss == LOSS_TWEEDIE)
					assert_close(block.hessian[i], factor * (up - 2 * middle + down) / 1e-8, 1e-3, 1);
			}
		}
	}
}

/* ------------------------------------------------------------ invariances */

/* A row of weight 2 is two rows; one of weight 0 is none. */
static void
test_weights_are_copies(void **state)
{
	TreeFit		weighted;
	TreeFit		copied;
	double	   *x = env_alloc(*state, 2 * N, sizeof(double));
	double	   *y = env_alloc(*state, 4 * N, sizeof(double));
	double	   *a;
	double	   *b;
	int64_t		n = 0;

	tree_fit_init(&weighted, *state, N, "gbm", TASK_REGRESSION, 0);
	tree_fit_fill_regression(&weighted, 21, N, x);
	weighted.weight = env_alloc(*state, N, sizeof(double));
	for (int i = 0; i < N; i++)
		weighted.weight[i] = i % 3;
	tree_fit_init(&copied, *state, N, "gbm", TASK_REGRESSION, 0);
	for (int i = 0; i < N; i++)
	{
		for (int copy = 0; copy < i % 3; copy++)
		{
			y[n] = x[i];
			y[2 * N + n] = x[N + i];
			copied.rows.data.target[n++] = weighted.rows.data.target[i];
		}
	}
	assert_true(n <= N);
	copied.rows.data.nrows = copied.rows.data.ntrain = n;
	rows_add_numbers(&copied.rows, "a", y);
	rows_add_numbers(&copied.rows, "b", y + 2 * N);
	for (int k = 0; k < 2; k++)
	{
		TreeFit    *fit = k == 0 ? &weighted : &copied;

		tree_fit_set(fit, "n_estimators", 10);
		tree_fit_set(fit, "num_leaves", 8);
		tree_fit_set(fit, "learning_rate", 0.5);
		tree_fit_set(fit, "min_child_samples", 1);
		tree_fit_set(fit, "min_child_weight", 4);
		tree_fit_run(fit, 1);
	}
	a = tree_fit_margins(&weighted);
	b = tree_fit_margins(&copied);
	n = 0;
	for (int i = 0; i < N; i++)
	{
		for (int copy = 0; copy < i % 3; copy++)
			assert_close(a[i], b[n++], 1e-6, 1);
	}
}

/* Predictions never fall with a feature that they may only rise with, whatever the others are. */
static void
test_monotone(void **state)
{
	static const char *const losses[] = {"squared_error", "absolute_error", "poisson", "huber", "quantile"};

	for (int k = 0; k < 5; k++)
	{
		TreeFit		fit;
		TestRandom	random = {31};
		double	   *x = env_alloc(*state, 2 * N, sizeof(double));
		double	   *scratch;

		tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
		tree_fit_fill_regression(&fit, 31, N, x);
		for (int i = 0; i < N; i++)
			fit.rows.data.target[i] = fabs(fit.rows.data.target[i] + test_random_normal(&random));
		tree_fit_set_text(&fit, "monotone_constraints", "a: 1, b: -1");
		tree_fit_set_text(&fit, "objective", losses[k]);
		tree_fit_set(&fit, "n_estimators", 40);
		tree_fit_set(&fit, "min_child_samples", 3);
		tree_fit_run(&fit, 1);
		scratch = env_alloc(*state, (size_t) model_scratch_size(&fit.model), sizeof(double));
		for (int other = 0; other < 20; other++)
		{
			double		last[2] = {-INFINITY, INFINITY};

			for (int step = 0; step <= 64; step++)
			{
				double		by_a[2] = {step / 64.0, other / 20.0};
				double		by_b[2] = {other / 20.0, step / 64.0};
				double		margin;

				fit.model.algorithm->score(&fit.model, by_a, scratch, &margin);
				assert_true(margin >= last[0]);
				last[0] = margin;
				fit.model.algorithm->score(&fit.model, by_b, scratch, &margin);
				assert_true(margin <= last[1]);
				last[1] = margin;
			}
		}
	}
}

/* A parameter of another objective is given in vain: "alpha" is XGBoost's name of the L1 penalty. */
static void
test_parameters_in_vain(void **state)
{
	static const char *const names[] = {"alpha", "alpha", "tweedie_variance_power", "tweedie_variance_power"};
	static const char *const objectives[] = {"squared_error", "quantile", "poisson", "tweedie"};

	for (int k = 0; k < 4; k++)
	{
		const TestEnv *test = *state;
		int			before = test->logs;
		TreeFit		fit;
		double	   *x = env_alloc(*state, 2 * N, sizeof(double));

		tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
		tree_fit_fill_regression(&fit, 37, N, x);
		for (int i = 0; i < N; i++)
			fit.rows.data.target[i] = fabs(fit.rows.data.target[i]);
		tree_fit_set_text(&fit, "objective", objectives[k]);
		tree_fit_set(&fit, names[k], k < 2 ? 0.5 : 1.5);
		tree_fit_set(&fit, "n_estimators", 1);
		tree_fit_run(&fit, 1);
		assert_int_equal(test->logs - before, k % 2 == 0);
	}
}

/* No branch uses features that share no group. */
static void
test_interactions(void **state)
{
	TreeFit		fit;
	TestRandom	random = {41};
	double	   *x = env_alloc(*state, 4 * N, sizeof(double));
	const TreeEnsemble *trees;

	tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
	for (int i = 0; i < 4 * N; i++)
		x[i] = test_random_normal(&random);
	for (int i = 0; i < N; i++)
		fit.rows.data.target[i] = x[i] * x[N + i] + x[2 * N + i] * x[3 * N + i] + x[i] * x[3 * N + i];
	for (int j = 0; j < 4; j++)
		rows_add_numbers(&fit.rows, (const char *[]) {"a", "b", "c", "d"}[j], x + j * N);
	tree_fit_set_text(&fit, "interaction_constraints", "a, b; c, b");
	tree_fit_set(&fit, "n_estimators", 30);
	tree_fit_set(&fit, "min_child_samples", 2);
	tree_fit_run(&fit, 1);
	trees = fit.model.scorer;
	for (int t = 0; t < trees->ntrees; t++)
	{
		int64_t		count = trees->first_node[t + 1] - trees->first_node[t];
		unsigned   *used = env_alloc(*state, (size_t) trees->nnodes, sizeof(unsigned));

		for (int64_t i = trees->first_node[t]; i < trees->first_node[t] + count; i++)
		{
			unsigned	branch;

			if (trees->children[i] == 0)
				continue;
			branch = used[i] | 1u << trees->feature[i];
			assert_true((branch & ~3u) == 0 || (branch & ~6u) == 0 || branch == 8u);
			used[trees->children[i]] = used[trees->children[i] + 1] = branch;
		}
	}
}

/*
 * What a split says that it gains is what it takes off the squares of the rows that pass it: so the histograms it was
 * found in, most of them differences of others, held the sums of just these rows.
 */
static void
assert_gains(CoreEnv *env, int64_t n, int nfeatures, int num_leaves)
{
	TreeFit		fit;
	TestRandom	random = {101};
	double	   *x = env_alloc(env, (size_t) (n * nfeatures), sizeof(double));
	double	   *terms;
	double	   *sum;
	double	   *count;
	double	   *row = env_alloc(env, (size_t) nfeatures, sizeof(double));
	const TreeEnsemble *trees;
	const double *gain;
	int64_t		nnodes;
	double		mean = 0;

	tree_fit_init(&fit, env, n, "gbm", TASK_REGRESSION, 0);
	for (int64_t i = 0; i < n * nfeatures; i++)
		x[i] = i % 11 == 0 ? NAN : floor(30 * test_random_normal(&random));
	for (int64_t i = 0; i < n; i++)
	{
		double		a = isnan(x[i]) ? 50 : x[i];
		double		b = isnan(x[n + i]) ? -50 : x[n + i];

		fit.rows.data.target[i] = a * b / 100 + 10 * test_random_normal(&random);
		mean += fit.rows.data.target[i] / (double) n;
	}
	rows_add(&fit.rows, "v", FEATURE_VECTOR, STORAGE_F64, nfeatures);
	for (int64_t i = 0; i < n * nfeatures; i++)
		rows_put(&fit.rows, 0, i % n, (int) (i / n), x[i]);
	tree_fit_set(&fit, "n_estimators", 1);
	tree_fit_set(&fit, "num_leaves", num_leaves);
	tree_fit_set(&fit, "min_child_samples", 3);
	tree_fit_set(&fit, "reg_lambda", 0);
	tree_fit_run(&fit, 1);
	trees = fit.model.scorer;
	assert_int_equal(trees->nnodes, 2 * num_leaves - 1);
	gain = tree_fit_array(&fit, "node_gain", &nnodes);
	sum = env_alloc(env, (size_t) nnodes, sizeof(double));
	count = env_alloc(env, (size_t) nnodes, sizeof(double));
	terms = rows_terms(&fit.rows, fit.transform, false);
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		node = 0;

		for (int j = 0; j < nfeatures; j++)
			row[j] = terms[(size_t) j * (size_t) n + (size_t) i];
		for (;;)
		{
			sum[node] += fit.rows.data.target[i] - mean;
			count[node]++;
			if (trees->children[node] == 0)
				break;
			node = trees->children[node] + !tree_goes_left(trees, node, fit.transform->terms, row);
		}
	}
	for (int64_t node = 0; node < nnodes; node++)
	{
		int64_t		left = trees->children[node];
		double		taken;

		if (left == 0)
			continue;
		assert_true(count[left] >= 3 && count[left + 1] >= 3);
		taken = sum[left] * sum[left] / count[left] + sum[left + 1] * sum[left + 1] / count[left + 1] - sum[node] * sum[node] / count[node];
		assert_close(gain[node], taken, 2e-3, 10);
	}
}

static void
test_gains(void **state)
{
	assert_gains(*state, 3000, 5, 40);
	/* records that do not move */
	assert_gains(*state, 2000, 62, 40);
	/* more leaves than there are histograms for */
	assert_gains(*state, 4000, 400, 600);
}

/* Leaves keep min_child_samples, also where hessians only suggest how many rows there are. */
static void
test_leaf_sizes(void **state)
{
	TreeFit		fit;
	TestRandom	random = {51};
	double	   *x = env_alloc(*state, 2000, sizeof(double));
	const ModelArray *counts;
	const TreeEnsemble *trees;

	tree_fit_init(&fit, *state, 2000, "gbm", TASK_BINARY, 2);
	fit.weight = env_alloc(*state, 2000, sizeof(double));
	for (int i = 0; i < 2000; i++)
	{
		x[i] = test_random_normal(&random);
		fit.rows.data.target[i] = test_random_uniform(&random) < (x[i] > 1.5 ? 0.99 : 0.05);
		fit.weight[i] = exp(3 * test_random_normal(&random));
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "min_child_samples", 60);
	tree_fit_set(&fit, "num_leaves", 12);
	tree_fit_run(&fit, 1);
	trees = fit.model.scorer;
	counts = model_array(&fit.model, "node_count");
	for (int64_t i = 0; i < trees->nnodes; i++)
		assert_true(((const int64_t *) counts->data)[i] >= 60);
	for (int t = 0; t < trees->ntrees; t++)
		assert_int_equal(((const int64_t *) counts->data)[trees->first_node[t]], 2000);
}

/* The training loss that is recorded is the loss of the model; it falls; early stopping keeps the best. */
static void
test_recorded_losses(void **state)
{
	TreeFit		fit;
	TestRandom	random = {61};
	double	   *x = env_alloc(*state, 3000, sizeof(double));
	const double *loss;
	double	   *margins;
	double		sum = 0;
	int64_t		count;
	int			best = 0;

	tree_fit_init(&fit, *state, 3000, "gbm", TASK_BINARY, 2);
	for (int i = 0; i < 3000; i++)
	{
		x[i] = test_random_normal(&random);
		fit.rows.data.target[i] = test_random_uniform(&random) < 1 / (1 + exp(-2 * x[i]));
	}
	rows_add_numbers(&fit.rows, "x", x);
	tree_fit_set(&fit, "n_estimators", 20);
	tree_fit_run(&fit, 1);
	loss = tree_fit_array(&fit, "training_loss", &count);
	assert_int_equal(count, 20);
	for (int i = 1; i < count; i++)
		assert_true(loss[i] < loss[i - 1]);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < 3000; i++)
		sum += log1p(exp(fit.rows.data.target[i] == 1 ? -margins[i] : margins[i]));
	assert_close(loss[count - 1], sum / 3000, 1e-9, 0);

	tree_fit_set(&fit, "early_stopping_rounds", 5);
	tree_fit_set(&fit, "learning_rate", 0.5);
	fit.params.values[1].number = 200;
	tree_fit_run(&fit, 1);
	loss = tree_fit_array(&fit, "eval_loss", &count);
	for (int i = 1; i < count; i++)
		best = loss[i] < loss[best] ? i : best;
	assert_true(count < 200);
	assert_int_equal(best + 5, count - 1);
	assert_int_equal(((const TreeEnsemble *) fit.model.scorer)->ntrees, best + 1);
}

/* Many rows at once and one by one: the same bits; and those of the plain walk down each tree. */
static void
test_scorers_agree(void **state)
{
	static const char *const words[] = {"a", "b", "c", "d", "e", "f", NULL};
	TreeFit		fit;
	TestRandom	random = {71};
	double	   *x = env_alloc(*state, 1000, sizeof(double));
	const char *text[1000];
	double	   *margins;
	double	   *terms;
	double	   *scratch;
	const TreeEnsemble *trees;

	tree_fit_init(&fit, *state, 1000, "gbm", TASK_MULTICLASS, 3);
	for (int i = 0; i < 1000; i++)
	{
		x[i] = i % 10 == 0 ? NAN : test_random_normal(&random);
		text[i] = words[test_random_bits(&random) % 7];
		fit.rows.data.target[i] = (double) ((x[i] > 0) + (text[i] != NULL && text[i][0] < 'd'));
	}
	rows_add_numbers(&fit.rows, "x", x);
	rows_add_texts(&fit.rows, "word", text);
	tree_fit_set(&fit, "n_estimators", 15);
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	terms = rows_terms(&fit.rows, fit.transform, false);
	scratch = env_alloc(*state, (size_t) model_scratch_size(&fit.model), sizeof(double));
	trees = fit.model.scorer;
	for (int i = 0; i < 1000; i++)
	{
		double		row[2] = {terms[i], terms[1000 + i]};
		double		one[3];
		double		plain[3];

		fit.model.algorithm->score(&fit.model, row, scratch, one);
		memcpy(plain, trees->base, sizeof(plain));
		for (int t = 0; t < trees->ntrees; t++)
		{
			int64_t		node = trees->first_node[t];

			while (trees->children[node] != 0)
				node = trees->children[node] + !tree_goes_left(trees, node, fit.transform->terms, row);
			plain[t % 3] += trees->value[node][0];
		}
		assert_memory_equal(one, margins + 3 * i, sizeof(one));
		assert_memory_equal(one, plain, sizeof(one));
	}
}

/* An offset is part of the margin: a model fitted around the truth has nothing left to learn. */
static void
test_offset(void **state)
{
	TreeFit		fit;
	double	   *x = env_alloc(*state, 2 * N, sizeof(double));
	double	   *margins;

	tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
	tree_fit_fill_regression(&fit, 81, N, x);
	fit.offset = fit.rows.data.target;
	tree_fit_run(&fit, 1);
	margins = tree_fit_margins(&fit);
	for (int i = 0; i < N; i++)
		assert_close(margins[i], 0, 1e-9, 1);
}

/* ------------------------------------------------------------ forged models */

static int32_t *
ints_of(TreeFit *fit, const char *name)
{
	return model_array(&fit->model, name)->data;
}

static void
test_forged_trees(void **state)
{
	TreeFit		fit;
	double	   *x = env_alloc(*state, 2 * N, sizeof(double));
	double	   *threshold;
	uint8_t    *flags;
	int32_t    *feature;
	int			inner = -1;

	tree_fit_init(&fit, *state, N, "gbm", TASK_REGRESSION, 0);
	tree_fit_fill_regression(&fit, 91, N, x);
	tree_fit_set(&fit, "n_estimators", 3);
	tree_fit_run(&fit, 1);
	feature = ints_of(&fit, "node_feature");
	threshold = model_array(&fit.model, "node_threshold")->data;
	flags = model_array(&fit.model, "node_flags")->data;
	for (int i = 0; feature[i] >= 0 || inner < 0; i++)
		inner = feature[i] >= 0 ? i : inner;

#define REFUSED(place, forged) \
	do { \
		__typeof__(place) kept_ = (place); \
		(place) = (forged); \
		assert_int_equal(algorithm_bind(*state, &fit.model), CORE_CORRUPT); \
		(place) = kept_; \
		assert_ok(*state, algorithm_bind(*state, &fit.model)); \
	} while (0)

	REFUSED(feature[inner], 2);
	REFUSED(feature[inner], -2);
	REFUSED(feature[inner], -1);
	REFUSED(threshold[inner], NAN);
	REFUSED(flags[inner], NODE_CATEGORICAL);
	REFUSED(flags[inner], 4);
	REFUSED(ints_of(&fit, "tree_nodes")[0], 0);
	REFUSED(ints_of(&fit, "tree_nodes")[0], INT32_MAX);
	REFUSED(ints_of(&fit, "tree_nodes")[1], ints_of(&fit, "tree_nodes")[1] + 2);
	REFUSED(((double *) model_array(&fit.model, "leaf_value")->data)[0], INFINITY);
	REFUSED(((double *) model_array(&fit.model, "node_cover")->data)[0], -1.0);
	REFUSED(((double *) model_array(&fit.model, "base_score")->data)[0], NAN);
	REFUSED(fit.model.link, LINK_LOGIT);
	for (int i = 0; i < fit.model.narrays; i++)
	{
		if (strstr(fit.model.arrays[i].name, "node_") == fit.model.arrays[i].name || strcmp(fit.model.arrays[i].name, "leaf_value") == 0)
			REFUSED(fit.model.arrays[i].rows, fit.model.arrays[i].rows - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_best_cut, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_best_category, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_gradients, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_many_classes_poll, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_weights_are_copies, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_monotone, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_parameters_in_vain, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_interactions, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_gains, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_leaf_sizes, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_recorded_losses, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_scorers_agree, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_offset, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_forged_trees, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

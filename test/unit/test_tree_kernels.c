/*
 * test_tree_kernels.c: the inner loops of boosting against the plainest ones: gradients with wide vectors, cuts, division
 * of rows, sums.
 */
#include <math.h>
#include <string.h>

#include "support.h"

#include "core/tree_grow.h"

/* ------------------------------------------------------------ wide vectors */

static bool
has_wide_vectors(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx2");
#else
	return false;
#endif
}

static void
fill_scores(TestRandom *random, const TreeShape *shape, TreeBlock *block, TreeLoss loss)
{
	static const double awkward[] = {0, -0.0, 700, -700, 1e6, -1e6, 1e-300, 36.7, -36.7};

	for (int i = 0; i < block->nrows; i++)
	{
		for (int k = 0; k < shape->noutputs; k++)
			block->score[k * shape->block_rows + i] = i % 5 == 0 ? awkward[test_random_bits(random) % 9] : 3 * test_random_normal(random);
		block->target[i] = loss == LOSS_BINARY ? i % 2 : loss == LOSS_MULTICLASS ? i % 3 : exp(test_random_normal(random));
		if (block->weight != NULL)
			block->weight[i] = exp(8 * test_random_normal(random));
	}
}

/* Wide vectors change no bit, for any number of rows. */
static void
test_wide_vectors(void **state)
{
	static const int counts[] = {1, 3, 4, 255, 256, 257, 1000};
	TestRandom	random = {5};
	TreeShape	shape = {0};

	if (!has_wide_vectors())
		skip();
	shape.block_rows = 1024;
	for (int loss = LOSS_SQUARED; loss <= LOSS_MULTICLASS; loss++)
	{
		TreeObjective objective = {(TreeLoss) loss, 0.3, 0.8, 1.4};

		shape.noutputs = loss == LOSS_MULTICLASS ? 3 : 1;
		for (int n = 0; n < 14; n++)
		{
			TreeBlock	block = {0};
			TreeBlockStatistics statistics[2];
			float	   *results[2][2];

			memset(statistics, 0, sizeof(statistics));
			block.nrows = counts[n / 2];
			block.score = env_alloc(*state, 3 * 1024, sizeof(double));
			block.target = env_alloc(*state, 1024, sizeof(double));
			block.weight = n % 2 ? env_alloc(*state, 1024, sizeof(double)) : NULL;
			block.shift = shape.noutputs > 1 ? env_alloc(*state, 1024, sizeof(double)) : NULL;
			fill_scores(&random, &shape, &block, (TreeLoss) loss);
			for (int wide = 0; wide < 2; wide++)
			{
				block.gradient = results[wide][0] = env_alloc(*state, 1024, sizeof(float));
				block.hessian = results[wide][1] = env_alloc(*state, 1024, sizeof(float));
				tree_gradients_on(*state, wide, &objective, &shape, &block, 0, &statistics[wide]);
			}
			assert_memory_equal(results[0][0], results[1][0], 1024 * sizeof(float));
			assert_memory_equal(results[0][1], results[1][1], 1024 * sizeof(float));
			assert_memory_equal(&statistics[0], &statistics[1], sizeof(statistics[0]));
		}
	}
}

/* ------------------------------------------------------------ cuts */

#define CUT_BINS 255

static double
side_score(const TreeRules *rules, double gradient, double hessian)
{
	double		g = fmax(fabs(gradient) - rules->reg_alpha, 0);

	return g * g / (hessian + rules->reg_lambda);
}

/* Gain of a cut, -INFINITY where a side is too light. */
static double
cut_gain(const TreeRules *rules, const TreeNodeSums *node, const TreeSums *sums, int nbins, int cut, bool missing_left)
{
	double		gradient = missing_left ? (double) sums[nbins].gradient : 0;
	double		hessian = missing_left ? (double) sums[nbins].hessian : 0;
	double		all_gradient = (double) node->total.gradient;
	double		all_hessian = (double) node->total.hessian;
	double		least = fmax(rules->min_child_weight, 1);

	for (int bin = 0; bin <= cut; bin++)
	{
		gradient += (double) sums[bin].gradient;
		hessian += (double) sums[bin].hessian;
	}
	if (hessian < least || all_hessian - hessian < least)
		return -INFINITY;
	return side_score(rules, gradient, hessian) + side_score(rules, all_gradient - gradient, all_hessian - hessian) -
		side_score(rules, all_gradient, all_hessian);
}

static void
fill_bins(TestRandom *random, TreeSums *sums, int nbins, bool missing, TreeNodeSums *node)
{
	memset(&node->total, 0, sizeof(node->total));
	memset(sums, 0, sizeof(TreeSums) * (CUT_BINS + 1));
	for (int bin = 0; bin < nbins + missing; bin++)
	{
		if (test_random_bits(random) % 5 == 0)
			continue;
		sums[bin].hessian = (int64_t) (test_random_bits(random) % 1000);
		sums[bin].gradient = (int64_t) (test_random_bits(random) % 20001) - 10000 + 10 * bin;
		node->total.gradient += sums[bin].gradient;
		node->total.hessian += sums[bin].hessian;
	}
	node->rows = node->total.hessian;
}

/* The best cut of a number is as good as the best of all by the formula; wide vectors change no bit. */
static void
test_cuts(void **state)
{
	static const int counts[] = {2, 3, 5, 8, 31, 64, 129, CUT_BINS};
	TestRandom	random = {5};
	TreeScale	scale = {1, 1, false};
	int			found = 0;

	for (int n = 0; n < 400; n++)
	{
		TreeFeature feature = {.nbins = counts[n % 8]};
		TreeRules	rules = {.reg_lambda = n % 3, .reg_alpha = n % 4 == 3 ? 5000 : 0, .min_child_weight = n % 5 * 1000, .min_child_samples = 1};
		TreeNodeSums node = {.groups = UINT64_MAX, .alone = -1, .low = -INFINITY, .high = INFINITY};
		TreeSums	sums[CUT_BINS + 1];
		TreeSplit	best[2] = {{.feature = -1}, {.feature = -1}};
		TreeSearch	search;
		bool		missing = n % 2;
		double		gain = 0;

		fill_bins(&random, sums, feature.nbins, missing, &node);
		assert_ok(*state, tree_search_init(*state, &rules, &feature, 1, &search));
		assert_true(search.wide == has_wide_vectors());
		search.scale = &scale;
		for (int wide = 0; wide <= has_wide_vectors(); wide++)
		{
			search.wide = wide;
			tree_search_feature(&search, &feature, 0, sums, &node, &best[wide], NULL);
		}
		if (has_wide_vectors())
			assert_memory_equal(&best[0], &best[1], sizeof(best[0]));
		for (int left = 0; left <= missing; left++)
			for (int cut = 0; cut < feature.nbins - (missing && !left ? 0 : 1); cut++)
				gain = fmax(gain, cut_gain(&rules, &node, sums, feature.nbins, cut, left));
		assert_close(best[0].gain, gain, 1e-9, 1);
		if (best[0].feature < 0)
			continue;
		found++;
		assert_true(sums[best[0].bin].hessian != 0 || sums[best[0].bin].gradient != 0);
		assert_close(cut_gain(&rules, &node, sums, feature.nbins, best[0].bin, missing && best[0].default_left), gain, 1e-9, 1);
	}
	assert_true(found > 200);
}

/* ------------------------------------------------------------ rows */

/* A grower over random rows; what is known of each row beside it. */
typedef struct RowCase
{
	Team		team;
	TreeGrower	grower;
	TreeFeature features[80];
	int			nrows;
	uint16_t   *bins;			/* [nrows][features] */
	int		   *leaf;			/* [nrows] that each row should be in */
} RowCase;

static void
place_features(RowCase *c, TreeShape *shape, int ncolumns, int nwide)
{
	int			offset = 0;

	memset(c->features, 0, sizeof(c->features));
	for (int j = 0; j < ncolumns + nwide; j++)
	{
		TreeFeature *feature = &c->features[j];

		feature->wide = j >= ncolumns;
		feature->column = feature->wide ? j - ncolumns : j;
		feature->nbins = feature->wide ? 1000 : 3 + j * 252 / 80;
		feature->offset = offset;
		offset += feature->wide ? 1008 : TREE_BIN_STRIDE;
	}
	shape->nfeatures = ncolumns + nwide;
	shape->ncolumns = ncolumns;
	shape->nwide = nwide;
	shape->hist_bins = offset;
	shape->noutputs = 1;
}

static void
fill_row(RowCase *c, TestRandom *random, int row, bool tail)
{
	const TreeShape *shape = &c->grower.data.shape;
	TreeBlock  *block = &c->grower.data.blocks[row / shape->block_rows];
	int			at = row % shape->block_rows;

	block->order[at] = (uint16_t) at;
	block->gradient[at] = (float) (test_random_normal(random) * (tail && row % 997 == 0 ? 1e5 : 1));
	block->hessian[at] = (float) test_random_uniform(random);
	for (int j = 0; j < shape->nfeatures; j++)
	{
		const TreeFeature *feature = &c->features[j];
		int			bin = (int) (test_random_bits(random) % (uint64_t) (feature->nbins + 1));

		c->bins[row * shape->nfeatures + j] = (uint16_t) bin;
		if (feature->wide)
			block->wide[at * shape->nwide + feature->column] = (uint16_t) bin;
		else
			block->records[(size_t) at * (size_t) shape->stride + TREE_RECORD_BINS + (size_t) feature->column] = (uint8_t) bin;
	}
}

static void
row_case_init(RowCase *c, CoreEnv *env, TestRandom *random, int nrows, int ncolumns, int nwide, bool tail)
{
	TreeJob		job;
	TreeExtent *extent;

	memset(&job, 0, sizeof(job));
	memset(c, 0, sizeof(*c));
	place_features(c, &job.shape, ncolumns, nwide);
	c->nrows = nrows;
	job.shape.ntrain = nrows;
	job.num_leaves = 8;
	job.sampling.subsample = 1;
	assert_ok(env, team_init_serial(env, &c->team));
	assert_ok(env, tree_shape_complete(env, &job.shape));
	assert_ok(env, tree_job_complete(env, &c->team, c->features, &job));
	assert_ok(env, tree_job_share(env, &c->team, &job, c->features, &c->grower));
	assert_ok(env, tree_grower_init(&c->grower));
	c->bins = env_alloc(env, (size_t) nrows * (size_t) job.shape.nfeatures, sizeof(uint16_t));
	c->leaf = env_alloc(env, (size_t) nrows, sizeof(int));
	extent = &c->grower.extent;
	for (int row = 0; row < nrows; row++)
	{
		const TreeBlock *block = &c->grower.data.blocks[row / job.shape.block_rows];
		int			at = row % job.shape.block_rows;

		fill_row(c, random, row, tail);
		extent->max_gradient = fmax(extent->max_gradient, fabs(block->gradient[at]));
		extent->max_hessian = fmax(extent->max_hessian, block->hessian[at]);
		extent->gradient_squares += (double) block->gradient[at] * block->gradient[at];
		extent->hessian_squares += (double) block->hessian[at] * block->hessian[at];
		extent->rows++;
	}
	c->grower.scale = tail ? tree_sum_scale(extent) : tree_scale_choose(extent);
	c->grower.scale.precise = tail;	/* by themselves so few rows have no tail */
	c->grower.leaf_scale = tail ? c->grower.scale : tree_leaf_scale(extent);
	assert_true(c->grower.data.shape.moving == (ncolumns <= 60 && nwide == 0));
}

/* What was added to `sums` is what the rows of a leaf add up to; it is cleared. */
static void
assert_sums(RowCase *c, int leaf, int side)
{
	const TreeShape *shape = &c->grower.data.shape;
	const TreeScale *scale = &c->grower.scale;
	TreeSums   *sums = c->grower.shared.partial[side];

	tree_accumulator_flush(&c->grower.accumulator[side], sums);
	for (int row = 0; row < c->nrows; row++)
	{
		const TreeBlock *block = &c->grower.data.blocks[row / shape->block_rows];
		double		g = block->gradient[row % shape->block_rows] * scale->gradient;
		double		h = block->hessian[row % shape->block_rows] * scale->hessian;

		if (c->leaf[row] != leaf)
			continue;
		for (int j = 0; j < shape->nfeatures; j++)
		{
			TreeSums   *bin = &sums[c->features[j].offset + c->bins[row * shape->nfeatures + j]];

			bin->gradient -= scale->precise ? (int64_t) (g + (g < 0 ? -0.5 : 0.5)) : (int64_t) floor((float) g + 32768.5f) - 32768;
			bin->hessian -= (int64_t) (scale->precise ? h + 0.5 : (double) ((float) h + 0.5f));
		}
	}
	for (int i = 0; i < shape->hist_bins; i++)
	{
		assert_int_equal(sums[i].gradient, 0);
		assert_int_equal(sums[i].hessian, 0);
	}
}

/* Segments are the leaves, every row is in one, and a record that moves is still that of its row. */
static void
assert_leaves(RowCase *c, int nleaves)
{
	const TreeShape *shape = &c->grower.data.shape;
	int			seen = 0;

	for (int leaf = 0; leaf < nleaves; leaf++)
	{
		for (int b = 0; b < shape->train_blocks; b++)
		{
			const TreeBlock *block = &c->grower.data.blocks[b];
			const TreeSegment *segment = &c->grower.shared.segments[leaf * shape->train_blocks + b];

			for (int i = segment->first; i < segment->first + segment->count; i++, seen++)
			{
				int			row = b * shape->block_rows + block->order[i];
				const uint8_t *record = block->records + (size_t) (shape->moving ? i : block->order[i]) * (size_t) shape->stride;

				assert_int_equal(c->leaf[row], leaf);
				for (int j = 0; j < shape->ncolumns; j++)
					assert_int_equal(record[TREE_RECORD_BINS + j], c->bins[row * shape->nfeatures + j]);
			}
		}
	}
	assert_int_equal(seen, c->nrows);
}

/* Exact sums over a leaf's rows, as near as the scale says. */
static void
assert_leaf_sums(RowCase *c, int nleaves)
{
	const TreeShape *shape = &c->grower.data.shape;
	TreeLeafSums *sums = c->grower.shared.leaf_sums;

	memset(sums, 0, (size_t) nleaves * sizeof(*sums));
	c->grower.nleaves = nleaves;
	for (int b = 0; b < shape->train_blocks; b++)
		tree_rows_sum(&c->grower, b, sums);
	for (int leaf = 0; leaf < nleaves; leaf++)
	{
		double		expected[2] = {0, 0};
		double		got[2];

		for (int row = 0; row < c->nrows; row++)
		{
			if (c->leaf[row] != leaf)
				continue;
			expected[0] += c->grower.data.blocks[row / shape->block_rows].gradient[row % shape->block_rows];
			expected[1] += c->grower.data.blocks[row / shape->block_rows].hessian[row % shape->block_rows];
		}
		tree_leaf_totals(&c->grower, leaf, &got[0], &got[1]);
		assert_close(got[0], expected[0], 1e-9, c->nrows * c->grower.extent.max_gradient);
		assert_close(got[1], expected[1], 1e-9, c->nrows * c->grower.extent.max_hessian);
	}
}

static void
split_rows(RowCase *c, int leaf, int right, int feature, int bin, int light)
{
	const TreeShape *shape = &c->grower.data.shape;
	TreeSplit  *split = &c->grower.leaves[leaf].split;
	int			counted = 0;
	int			left = 0;

	c->grower.current = leaf;
	c->grower.searching = light >= 0;
	c->grower.light = light;
	split->feature = feature;
	split->bin = bin;
	split->default_left = bin % 2;
	tree_rows_direct(&c->grower, split, NULL);
	for (int b = 0; b < shape->train_blocks; b++)
		left += tree_rows_split(&c->grower, b, right);
	for (int row = 0; row < c->nrows; row++)
	{
		int			x = c->bins[row * shape->nfeatures + feature];

		if (c->leaf[row] == leaf && !(x == c->features[feature].nbins ? split->default_left : x <= bin))
			c->leaf[row] = right;
		counted += c->leaf[row] == leaf;
	}
	assert_int_equal(left, counted);
	if (light == 0 || light == 2)
		assert_sums(c, leaf, 0);
	if (light == 1 || light == 2)
		assert_sums(c, right, 1);
}

/* Any length of record, blocks that are full and not, splits from even to one-sided. */
static void
test_rows(void **state)
{
	static const int columns[][2] = {{1, 0}, {4, 0}, {5, 0}, {13, 0}, {28, 0}, {29, 0}, {44, 0}, {52, 0}, {60, 0}, {61, 0}, {3, 2}, {0, 1}};
	static const int rows[] = {1, 1200, 2, 127, 129, 256, 257, 400, 40000};
	const int	nrows = sizeof(rows) / sizeof(rows[0]);
	TestRandom	random = {8};

	for (int i = 0; i < (int) (sizeof(columns) / sizeof(columns[0])); i++)
	{
		RowCase    *c = env_alloc(*state, 1, sizeof(*c));
		int			last = columns[i][0] + columns[i][1] - 1;

		for (int n = 0; n <= nrows; n++)
		{
			bool		tail = n == nrows;	/* once more */

			row_case_init(c, *state, &random, rows[tail ? 1 : n], columns[i][0], columns[i][1], tail);
			for (int b = 0; b < c->grower.data.shape.train_blocks; b++)
				tree_rows_root(&c->grower, b);
			assert_sums(c, 0, 0);
			split_rows(c, 0, 1, 0, 1, 2);
			split_rows(c, 1, 2, last, c->features[last].nbins / 5, 0);
			split_rows(c, 1, 3, last / 2, c->features[last / 2].nbins - 1, 1);
			split_rows(c, 2, 4, last, c->features[last].nbins / 2, -1);
			assert_leaves(c, 5);
			assert_leaf_sums(c, 5);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wide_vectors, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_cuts, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(test_rows, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

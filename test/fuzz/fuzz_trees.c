/*
 * fuzz_trees.c: arrays of trees made from any bytes. What bind accepts walks like the format says, for one row, for many, and
 * in the copy for many rows, and can be explained; everything else is refused as corrupt.
 *
 * Input: algorithm, shape, numbers of trees, leaves and words, nodes (two bytes); then two bytes for the nodes of each tree, four for
 * each node (term, flags, threshold, cover), one for each leaf value, one for each word.
 */
#include <float.h>
#include <math.h>

#include "core/algorithm.h"
#include "core/explain.h"
#include "core/tree_model.h"
#include "fuzz_support.h"

#define ROWS 19					/* more than walk together */
#define TERMS 4
#define HEADER 7

static const char *const algorithms[] = {"gbm", "random_forest", "decision_tree", "isolation_forest"};

static Term terms[TERMS] = {
	{.feature = 0},
	{.feature = 1},
	{.feature = 1, .categorical = true, .ncategories = 3},
	{.feature = 2, .categorical = true, .ncategories = 70},
};

static const double numbers[16] = {0, 1, -1, 0.5, 2, 32, -2.5, 1e-300, 1.7e308, -1.7e308, 3, 1e9, INFINITY, -INFINITY, NAN, 5};

typedef struct Input
{
	const uint8_t *data;
	size_t		size;
} Input;

static unsigned
next_byte(Input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static void *
add(CoreEnv *env, Model *model, const char *name, ModelArrayType type, int64_t rows, int64_t cols)
{
	void	   *data;

	fuzz_check(model_add_array(env, model, name, type, rows, cols, &data) == CORE_OK);
	return data;
}

static void
fill(CoreEnv *env, Model *model, Input *input)
{
	unsigned	kind = next_byte(input);
	unsigned	shape = next_byte(input);
	int			ntrees = (int) (next_byte(input) % 40);
	int			nleaves = (int) next_byte(input) + (int) (shape >> 4) * 256;
	int			nwords = (int) next_byte(input);
	int			nnodes = (int) (next_byte(input) + 256 * (next_byte(input) % 16));
	int			width;
	int32_t    *tree_nodes;
	int32_t    *feature;
	double	   *threshold;
	double	   *cover;
	uint8_t    *flags;
	double	   *value;
	int32_t    *words;

	model->algorithm = algorithm_find(algorithms[kind % 4]);
	model->noutputs = shape % 4 < 3 ? 1 : 3;
	model->task = kind % 4 == 3 ? TASK_ANOMALY : model->noutputs == 3 ? TASK_MULTICLASS : shape % 2 ? TASK_BINARY : TASK_REGRESSION;
	model->link = kind % 4 == 3 ? LINK_LOG : kind % 4 != 0 ? LINK_IDENTITY : model->noutputs == 3 ? LINK_SOFTMAX : shape % 2 ? LINK_LOGIT : LINK_IDENTITY;
	width = shape & 4 ? model->noutputs : 1;
	tree_nodes = add(env, model, "tree_nodes", ARRAY_I32, ntrees, 1);
	feature = add(env, model, "node_feature", ARRAY_I32, nnodes, 1);
	threshold = add(env, model, "node_threshold", ARRAY_F64, nnodes, 1);
	flags = add(env, model, "node_flags", ARRAY_U8, nnodes, 1);
	cover = add(env, model, "node_cover", ARRAY_F64, nnodes, 1);
	add(env, model, "node_gain", ARRAY_F64, nnodes, 1);
	add(env, model, "node_count", ARRAY_I64, nnodes, 1);
	value = add(env, model, "leaf_value", ARRAY_F64, nleaves, width);
	words = add(env, model, "category_sets", ARRAY_I32, nwords, 1);
	*(double *) add(env, model, "base_score", ARRAY_F64, model->noutputs, 1) = numbers[(shape >> 3) % 2];
	for (int i = 0; i < ntrees; i++)
		tree_nodes[i] = (int16_t) (next_byte(input) + 256 * next_byte(input));
	for (int i = 0; i < nnodes; i++)
	{
		unsigned	at;

		feature[i] = (int8_t) next_byte(input);
		flags[i] = (uint8_t) next_byte(input);
		at = next_byte(input);
		threshold[i] = at < 16 ? numbers[at] : at - 16.0;
		cover[i] = numbers[next_byte(input) % 16];
	}
	for (int i = 0; i < nleaves * width; i++)
	{
		unsigned	at = next_byte(input);

		value[i] = at < 16 ? numbers[at] : (at - 128.0) / 16;
	}
	for (int i = 0; i < nwords; i++)
		words[i] = (int32_t) (next_byte(input) * UINT32_C(0x01010101));
}

static double
term_value(int term, int row)
{
	static const double categories[] = {NAN, 0, 1, 2, 3, 31, 32, 33, 69, 63, 64};

	if (terms[term].categorical)
	{
		double		category = categories[(row + term) % 11];

		return category < terms[term].ncategories ? category : NAN;
	}
	return numbers[(row * (term + 1) + term) % 16];
}

/* By the text of tree_model.h: margins of a row, and whether its leaves are of ordinary size. */
static bool
walk(const Model *model, const double *row, double *margins)
{
	const ModelArray *nodes = model_array(model, "tree_nodes");
	const ModelArray *leaves = model_array(model, "leaf_value");
	const int32_t *feature = model_array(model, "node_feature")->data;
	const double *threshold = model_array(model, "node_threshold")->data;
	const uint8_t *flags = model_array(model, "node_flags")->data;
	const uint32_t *words = model_array(model, "category_sets")->data;
	int			width = (int) leaves->cols;
	int64_t		first = 0;
	int64_t		first_leaf = 0;
	bool		ordinary = true;

	memcpy(margins, model_array(model, "base_score")->data, (size_t) model->noutputs * sizeof(double));
	for (int tree = 0; tree < nodes->rows; tree++)
	{
		int64_t		count = ((const int32_t *) nodes->data)[tree];
		int64_t		at = 0;
		int64_t		inner = 0;
		const double *value;

		/* inner nodes before a node, counted anew at each level */
		while (feature[first + at] >= 0)
		{
			double		x = row[feature[first + at]];
			int64_t		node = first + at;
			bool		left;

			if (flags[node] & NODE_CATEGORICAL)
			{
				int			category = x == x ? (int) x : terms[feature[node]].ncategories;

				left = (words[(int64_t) threshold[node] + category / 32] >> (category % 32)) & 1;
			}
			else
				left = x == x ? x <= threshold[node] : flags[node] & NODE_DEFAULT_LEFT;
			inner = 0;
			for (int64_t i = 0; i < at; i++)
				inner += feature[first + i] >= 0;
			at = 2 * inner + (left ? 1 : 2);
		}
		inner = 0;
		for (int64_t i = 0; i < at; i++)
			inner += feature[first + i] < 0;
		value = (const double *) leaves->data + (first_leaf + inner) * width;
		for (int k = 0; k < width; k++)
		{
			margins[width == 1 ? tree % model->noutputs : k] += value[k];
			ordinary &= fabs(value[k]) < 1e100;
		}
		first += count;
		first_leaf += (count + 1) / 2;
	}
	return ordinary;
}

/* Trees with covers above 0: what goes to the sides adds up, so that attributions must. */
static bool
covers_are_sound(const Model *model)
{
	const ModelArray *cover = model_array(model, "node_cover");
	const ModelArray *leaves = model_array(model, "leaf_value");

	for (int64_t i = 0; i < cover->rows; i++)
	{
		double		c = ((const double *) cover->data)[i];

		if (!(c >= 0.1 && c <= 100))
			return false;
	}
	for (int64_t i = 0; i < leaves->rows * leaves->cols; i++)
	{
		if (fabs(((const double *) leaves->data)[i]) > 100)
			return false;
	}
	return true;
}

static void
explain(CoreEnv *env, const Model *model, const double *row, const double *margins)
{
	Explainer  *explainer;
	double		attribution[3];

	fuzz_check(explainer_create(env, model, &explainer) == CORE_OK);
	for (int k = 0; k < model->noutputs; k++)
	{
		double		sum = explainer_baseline(explainer, k);

		explainer_attribute(explainer, row, k, attribution);
		for (int i = 0; i < 3; i++)
			sum += attribution[i];
		if (covers_are_sound(model))
			fuzz_check(fabs(sum - margins[k]) <= 1e-7 * (1 + fabs(sum)) * (double) (1 + model_array(model, "tree_nodes")->rows));
	}
}

static void
examine(CoreEnv *env, const Model *model)
{
	const Model *fast;
	const Algorithm *algorithm = model->algorithm;
	double	   *x = fuzz_doubles(TERMS * ROWS);
	double	   *scratch = fuzz_doubles((size_t) algorithm->scratch(model));
	double	   *together = fuzz_doubles((size_t) model->noutputs * ROWS);
	double	   *expected = fuzz_doubles((size_t) model->noutputs);
	double	   *alone = fuzz_doubles((size_t) model->noutputs);

	for (int row = 0; row < ROWS; row++)
	{
		for (int term = 0; term < TERMS; term++)
			x[term * ROWS + row] = term_value(term, row);
	}
	fuzz_check(model_hasten(env, model, &fast) == CORE_OK);
	algorithm->score_rows(model, x, ROWS, ROWS, scratch, together);
	for (int row = 0; row < ROWS; row++)
	{
		double		one[TERMS];
		bool		ordinary;

		for (int term = 0; term < TERMS; term++)
		{
			one[term] = x[term * ROWS + row];
			/* infinity is scored as the largest number */
			if (one[term] > DBL_MAX)
				one[term] = DBL_MAX;
		}
		ordinary = walk(model, one, expected);
		algorithm->score(model, one, scratch, alone);
		for (int k = 0; k < model->noutputs; k++)
		{
			double		other = together[row * model->noutputs + k];

			fuzz_check(!ordinary || (alone[k] == expected[k] && other == expected[k]));
		}
		fast->algorithm->score(fast, one, scratch, alone);
		for (int k = 0; k < model->noutputs; k++)
			fuzz_check(!ordinary || alone[k] == expected[k]);
		if (row < 3)
			explain(env, model, one, expected);
	}
	free(x);
	free(scratch);
	free(together);
	free(expected);
	free(alone);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Transform	transform = {.nterms = TERMS, .terms = terms};
	Feature		features[3] = {{0}};
	Model		model = {.transform = &transform, .schema = {.count = 3, .features = features}};
	Input		input = {data, size};
	FuzzEnv		env;
	CoreStatus	status;

	if (size < HEADER)
		return 0;
	fuzz_env_init(&env, size);
	fill(&env.core, &model, &input);
	status = algorithm_bind(&env.core, &model);
	env.limit *= 16;
	if (status == CORE_OK)
		examine(&env.core, &model);
	else
		fuzz_check(status == CORE_CORRUPT && env.core.message[0] != '\0');
	fuzz_env_free(&env);
	return 0;
}

/*
 * algorithm_forest.c
 *	  Algorithms "random_forest" and "decision_tree".
 *
 * A forest averages trees that each see a bootstrap sample of the rows and, for
 * each split, a sample of the features (Breiman, "Random forests", 2001).  How
 * often a row is in a sample is a Poisson number with mean max_samples from the
 * hash of the row, its ordinal among equal rows and the tree, so that samples
 * do not depend on the order of rows.  Rows outside a tree's sample give the
 * out-of-bag error, which is honest without held-out rows.
 *
 * A decision tree is one such tree on all rows and features, with cuts between
 * all distinct values.
 *
 * Memory: 2 bytes a value, 25 a row and 8 a row and class; trees of at most
 * MAX_LEAVES leaves in all.
 */
#include "core/tree_forest.h"

#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/hash.h"
#include "core/real.h"
#include "core/tree_params.h"

#define MAX_LEAVES 2500000		/* of all trees: the model stays below 200 MB */
#define USUAL_LEAVES 600000		/* that min_child_samples aims at by default */
#define SUM_BITS 62
#define POLL_ROWS 16384

#define SHARED_PARAMS \
	{"max_depth", PARAM_INTEGER, -1, -1, TREE_DEPTH_LIMIT, NULL, NULL, \
	"Splits between the root of a tree and a leaf at most; 0 or -1: no limit."}, \
	{"num_leaves", PARAM_INTEGER, 0, 0, MAX_LEAVES, NULL, "max_leaves|max_leaf_nodes|max_leaf", \
	"Leaves of a tree at most; 0: no limit."}, \
	{"min_child_samples", PARAM_INTEGER, NAN, 1, 1e9, NULL, "min_samples_leaf|min_data_in_leaf|min_data", \
	"Rows of a leaf at least; by default from the number of rows."}, \
	{"min_split_gain", PARAM_REAL, 0, 0, INFINITY, NULL, "gamma|min_gain_to_split|min_split_loss", \
	"What a split must take off the weighted impurity at least."}, \
	{"class_weight", PARAM_CHOICE, 0, 0, 0, "none|balanced", NULL, \
	"balanced: classes have equal total weights."}, \
	{"scale_pos_weight", PARAM_REAL, 1, 1e-9, 1e9, NULL, NULL, \
	"Factor on the weights of positive rows of a binary target."}, \
	{"cat_smooth", PARAM_REAL, 10, 0, INFINITY, NULL, NULL, \
	"Weight that is added to each category when categories are ordered."}

static const ParamSpec forest_params[] = {
	{"n_estimators", PARAM_INTEGER, 100, 1, 10000, NULL, "num_trees|num_iterations|ntree",
	"Number of trees."},
	{"max_features", PARAM_REAL, NAN, 0, TREE_MAX_FEATURES, NULL, "mtry|colsample_bynode",
	"Features looked at for each split: a number, or a share up to 1; by default the square root of their number for classes, a third of them for numbers."},
	{"max_samples", PARAM_REAL, 1, 1e-6, 10, NULL, "subsample|bagging_fraction",
	"Size of a tree's sample, as a share of the rows."},
	{"bootstrap", PARAM_BOOLEAN, 1, 0, 1, NULL, NULL,
	"Whether trees see samples drawn with replacement instead of all rows."},
	{"max_bin", PARAM_INTEGER, TREE_MAX_BINS, 2, TREE_MAX_CATEGORIES, NULL, "max_bins",
	"Bins of a numeric feature at most."},
	SHARED_PARAMS,
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

static const ParamSpec tree_params[] = {
	{"max_bin", PARAM_INTEGER, TREE_MAX_CATEGORIES, 2, TREE_MAX_CATEGORIES, NULL, "max_bins",
	"Bins of a numeric feature at most; up to so many distinct values each has its own."},
	SHARED_PARAMS,
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

typedef struct ForestFit
{
	CoreEnv    *env;
	const FitInput *input;
	FitRows		source;			/* with effective weights */
	Team	   *team;
	Model	   *model;
	ForestRows	rows;
	ForestLimits limits;
	TreeBins	bins;
	int			ntrees;
	bool		bootstrap;
	double		max_samples;
	double	   *target;			/* [n] */
	double	   *weight;			/* [n] */
	uint64_t   *hash;			/* [n] of row and ordinal */
	double	   *oob_sum;		/* [n][width] of trees that did not see the row */
	int32_t    *oob_count;
} ForestFit;

static bool
is_forest(const ForestFit *fit)
{
	return strcmp(fit->model->algorithm->name, "random_forest") == 0;
}

/* Rows of positive weight; equal hashes are neighbours in canonical order. */
static CoreStatus
take_rows(ForestFit *fit)
{
	const FitRows *source = &fit->source;
	const uint64_t *hash = source->data->hash;
	uint64_t	ordinal = 0;
	int64_t		n = 0;

	for (int64_t i = 0; i < source->nrows; i++)
		n += fit_row_counts(source, i);
	if (n == 0)
		return env_fail(fit->env, CORE_NUMERIC, "there are no training rows of positive weight");
	if (n > UINT32_MAX)
		return env_fail(fit->env, CORE_TOO_LARGE, "%lld rows are too many", (long long) n);
	fit->rows.n = n;
	CORE_ALLOC(fit->env, fit->target, (size_t) n);
	CORE_ALLOC(fit->env, fit->weight, (size_t) n);
	CORE_ALLOC(fit->env, fit->hash, (size_t) n);
	n = 0;
	for (int64_t i = 0; i < source->nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		if (!fit_row_counts(source, i))
			continue;
		ordinal = n > 0 && i > 0 && hash[i] == hash[i - 1] ? ordinal + 1 : 0;
		fit->target[n] = source->target[i];
		fit->weight[n] = source->weight != NULL ? source->weight[i] : 1;
		fit->hash[n++] = hash_seeded(hash[i], ordinal);
	}
	return CORE_OK;
}

/* The largest power of two with n values of at most `largest` in 62 bits. */
static double
fixed_scale(double largest, double n)
{
	int			bits = SUM_BITS - (ilogb(n) + 1);

	return largest > 0 ? ldexp(1, bits - 1 - ilogb(largest)) : 1;
}

/* Targets and weights as integers whose sums are exact; samples may draw a row many times. */
static CoreStatus
fix_rows(ForestFit *fit)
{
	ForestRows *rows = &fit->rows;
	double		room = (double) rows->n * 64;
	double		largest_weight = 0;
	double		largest_moment = 0;
	int64_t    *moment;
	int64_t    *weight;
	int32_t    *class_of;
	ExactSum	sum;
	ExactSum	total;

	exact_sum_init(&sum);
	exact_sum_init(&total);
	for (int64_t i = 0; i < rows->n; i++)
	{
		exact_sum_add(&sum, fit->weight[i] * fit->target[i]);
		exact_sum_add(&total, fit->weight[i]);
	}
	rows->nclasses = fit->input->nclasses;
	rows->centre = rows->nclasses > 2 ? 0 : exact_sum_value(&sum) / exact_sum_value(&total);
	for (int64_t i = 0; i < rows->n; i++)
	{
		largest_weight = fmax(largest_weight, fit->weight[i]);
		largest_moment = fmax(largest_moment, fabs((fit->target[i] - rows->centre) * fit->weight[i]));
	}
	if (!isfinite(largest_moment) || !isfinite(rows->centre))
		return env_fail(fit->env, CORE_INVALID, "the target is too large for trees");
	rows->scale.hessian = fixed_scale(largest_weight, room);
	rows->scale.gradient = fixed_scale(largest_moment, room);
	CORE_ALLOC(fit->env, weight, (size_t) rows->n);
	CORE_ALLOC(fit->env, moment, rows->nclasses > 2 ? 0 : (size_t) rows->n);
	CORE_ALLOC(fit->env, class_of, rows->nclasses > 2 ? (size_t) rows->n : 0);
	for (int64_t i = 0; i < rows->n; i++)
	{
		weight[i] = tree_fixed(fit->weight[i], rows->scale.hessian);
		weight[i] = weight[i] > 0 ? weight[i] : 1;
		if (rows->nclasses > 2)
			class_of[i] = (int32_t) fit->target[i];
		else
			moment[i] = tree_fixed((fit->target[i] - rows->centre) * fit->weight[i], rows->scale.gradient);
	}
	rows->weight = weight;
	rows->moment = moment;
	rows->class_of = class_of;
	return CORE_OK;
}

static void
configure(ForestFit *fit)
{
	const ParamSet *params = fit->input->params;
	ForestLimits *limits = &fit->limits;
	TreeRules  *rules = &limits->rules;
	bool		forest = is_forest(fit);
	bool		classes = fit->input->task != TASK_REGRESSION;
	double		nterms = fit->input->nterms;
	double		n = (double) fit->rows.n;
	double		least;
	int			num_leaves = params_integer(params, "num_leaves");

	fit->ntrees = forest ? params_integer(params, "n_estimators") : 1;
	fit->bootstrap = forest && params_boolean(params, "bootstrap");
	fit->max_samples = forest ? params_number(params, "max_samples") : 1;
	least = forest ? ceil(n * fit->ntrees / USUAL_LEAVES) : fmax(5, ceil(n / 1000));
	rules->min_child_samples = (int64_t) tree_choose(fit->model, "min_child_samples", least);
	rules->min_split_gain = params_number(params, "min_split_gain");
	rules->min_data_per_group = rules->min_child_samples;
	rules->max_cat_threshold = TREE_MAX_CATEGORIES;
	rules->max_cat_to_onehot = 2;
	rules->cat_smooth = params_number(params, "cat_smooth");
	limits->max_depth = params_integer(params, "max_depth");
	if (limits->max_depth < 1)
		limits->max_depth = TREE_DEPTH_LIMIT;
	limits->max_leaves = MAX_LEAVES / fit->ntrees;
	if (num_leaves > 0 && num_leaves < limits->max_leaves)
		limits->max_leaves = num_leaves;
	limits->max_features = (int) nterms;
	if (forest)
	{
		double		features = tree_choose(fit->model, "max_features", classes ? floor(sqrt(nterms)) : ceil(nterms / 3));

		limits->max_features = (int) (features <= 1 && params_given(params, "max_features") ? ceil(features * nterms) : features);
		limits->max_features = limits->max_features < 1 ? 1 : limits->max_features;
	}
	limits->seed = fit->input->seed;
}

/* A Poisson number: multiplies its probabilities up until they exceed a uniform one. */
static uint8_t
draw_copies(double mean, double uniform)
{
	double		probability = real_exp(-mean);
	double		cumulative = probability;
	int			k = 0;

	while (uniform >= cumulative && k < 60)
	{
		probability *= mean / ++k;
		cumulative += probability;
	}
	return (uint8_t) k;
}

static void
draw_sample(ForestFit *fit, int64_t tree, uint8_t *copies)
{
	uint64_t	seed = hash_seeded((uint64_t) tree, ~fit->input->seed);

	for (int64_t i = 0; i < fit->rows.n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		copies[i] = fit->bootstrap ? draw_copies(fit->max_samples, hash_uniform(fit->hash[i], seed)) : 1;
	}
}

static void
score_out_of_bag(ForestFit *fit, const ForestGrower *grower)
{
	for (int64_t i = 0; i < fit->rows.n; i++)
	{
		const double *values;

		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		if (grower->copies[i] > 0)
			continue;
		values = forest_values(grower, i);
		for (int k = 0; k < grower->width; k++)
			fit->oob_sum[i * grower->width + k] += values[k];
		fit->oob_count[i]++;
	}
}

/* Class with the largest sum; two classes: 1 from one half on. */
static int
oob_class(const ForestFit *fit, const ForestGrower *grower, int64_t row)
{
	const double *sum = fit->oob_sum + row * grower->width;
	int			best = 0;

	if (grower->width == 1)
		return 2 * sum[0] >= fit->oob_count[row];
	for (int k = 1; k < grower->width; k++)
		best = sum[k] > sum[best] ? k : best;
	return best;
}

static CoreStatus
add_out_of_bag(ForestFit *fit, const ForestGrower *grower)
{
	bool		classes = fit->input->task != TASK_REGRESSION;
	ExactSum	errors;
	ExactSum	weights;
	ExactSum	spread;
	double		weight;
	double		error;

	exact_sum_init(&errors);
	exact_sum_init(&weights);
	exact_sum_init(&spread);
	for (int64_t i = 0; i < fit->rows.n; i++)
	{
		double		residual;
		double		deviation = fit->target[i] - fit->rows.centre;

		if (fit->oob_count[i] == 0)
			continue;
		if (classes)
			residual = oob_class(fit, grower, i) != (int) fit->target[i];
		else
			residual = fit->target[i] - fit->oob_sum[i] / fit->oob_count[i];
		exact_sum_add(&errors, fit->weight[i] * residual * residual);
		exact_sum_add(&spread, fit->weight[i] * deviation * deviation);
		exact_sum_add(&weights, fit->weight[i]);
	}
	weight = exact_sum_value(&weights);
	error = weight > 0 ? exact_sum_value(&errors) / weight : NAN;
	if (classes)
		return model_add_number(fit->env, fit->model, "oob_error", error);
	CORE_TRY(model_add_number(fit->env, fit->model, "oob_mean_squared_error", error));
	return model_add_number(fit->env, fit->model, "oob_r_squared", 1 - error * weight / exact_sum_value(&spread));
}

static CoreStatus
grow_trees(ForestFit *fit, ForestGrower *grower, TreeStore *store)
{
	bool		cut = false;

	for (int tree = 0; tree < fit->ntrees; tree++)
	{
		draw_sample(fit, tree, grower->copies);
		CORE_TRY(forest_grow(grower, tree));
		CORE_TRY(forest_store(grower, 1.0 / fit->ntrees, store));
		cut |= (grower->nnodes + 1) / 2 >= MAX_LEAVES / fit->ntrees;
		if (fit->bootstrap)
			score_out_of_bag(fit, grower);
		if (fit->team->progress != NULL)
			fit->team->progress(fit->team, tree + 1, fit->ntrees, NAN);
	}
	if (cut)
		env_log(fit->env, CORE_NOTICE, "trees have been limited to %lld leaves; more \"min_child_samples\" or a lower \"max_depth\" make smaller trees",
				(long long) fit->limits.max_leaves);
	return CORE_OK;
}

static CoreStatus
finish(ForestFit *fit, const ForestGrower *grower, TreeStore *store)
{
	Model	   *model = fit->model;
	double	   *base;

	model->noutputs = grower->width;
	model->link = grower->width > 1 ? LINK_SOFTMAX : LINK_IDENTITY;
	model->rows_train = fit->rows.n;
	CORE_ALLOC(fit->env, base, (size_t) grower->width);
	CORE_TRY(tree_store_finish(store, base, grower->width, fit->input->nterms, model));
	CORE_TRY(model_add_number(fit->env, model, "leaves", (double) store->nleaves));
	CORE_TRY(model_add_number(fit->env, model, "rows", (double) fit->rows.n));
	return fit->bootstrap ? add_out_of_bag(fit, grower) : CORE_OK;
}

static CoreStatus
forest_fit_rows(CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model)
{
	ForestFit  *fit;
	ForestGrower *grower;
	TreeStore	store;

	CORE_ALLOC(env, fit, 1);
	CORE_ALLOC(env, grower, 1);
	fit->env = env;
	fit->input = input;
	fit->source = *rows;
	fit->team = team;
	fit->model = model;
	CORE_TRY(tree_weigh_classes(env, input, &fit->source));
	CORE_TRY(take_rows(fit));
	configure(fit);
	CORE_TRY(fix_rows(fit));
	CORE_TRY(tree_bins_learn(env, input, &fit->source, params_integer(input->params, "max_bin"), &fit->bins, NULL));
	CORE_ALLOC(env, fit->rows.columns, (size_t) input->nterms);
	CORE_TRY(tree_bins_columns(env, &fit->source, &fit->bins, fit->rows.n, fit->rows.columns));
	fit->rows.bins = &fit->bins;
	CORE_TRY(forest_grower_init(env, &fit->rows, &fit->limits, grower));
	if (fit->bootstrap)
	{
		CORE_ALLOC(env, fit->oob_sum, (size_t) fit->rows.n * (size_t) grower->width);
		CORE_ALLOC(env, fit->oob_count, (size_t) fit->rows.n);
	}
	tree_store_init(env, &store, grower->width);
	CORE_TRY(grow_trees(fit, grower, &store));
	return finish(fit, grower, &store);
}

static CoreStatus
forest_bind(CoreEnv *env, Model *model)
{
	if (model->link != (model->task == TASK_MULTICLASS ? LINK_SOFTMAX : LINK_IDENTITY))
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"%s\" for %s cannot have link \"%s\"",
						model->algorithm->name, task_name(model->task), link_name(model->link));
	return tree_model_bind(env, model);
}

/* Shares of many classes become margins: their logs, of which softmax makes shares again. */
static void
share_margins(const Model *model, double *out, int n)
{
	if (model->task != TASK_MULTICLASS)
		return;
	for (int64_t i = 0; i < (int64_t) n * model->noutputs; i++)
		out[i] = real_log(out[i] > 1e-300 ? out[i] : 1e-300);
}

static void
forest_score(const Model *model, const double *terms, double *scratch, double *out)
{
	tree_model_score(model, terms, scratch, out);
	share_margins(model, out, 1);
}

static void
forest_score_rows(const Model *model, const double *x, size_t ld, int n, double *scratch, double *out)
{
	tree_model_score_rows(model, x, ld, n, scratch, out);
	share_margins(model, out, n);
}

const Algorithm algorithm_random_forest = {
	.name = "random_forest",
	.summary = "Random forest: averaged deep trees on bootstrap samples, with out-of-bag error.",
	.tasks = 1u << TASK_REGRESSION | 1u << TASK_BINARY | 1u << TASK_MULTICLASS,
	.profile = PROFILE_TREE,
	.params = forest_params,
	.bind = forest_bind,
	.score = forest_score,
	.scratch = tree_model_scratch,
	.fit_rows = forest_fit_rows,
	.score_rows = forest_score_rows,
};

const Algorithm algorithm_decision_tree = {
	.name = "decision_tree",
	.summary = "One classification or regression tree with exact cuts.",
	.tasks = 1u << TASK_REGRESSION | 1u << TASK_BINARY | 1u << TASK_MULTICLASS,
	.profile = PROFILE_TREE,
	.params = tree_params,
	.bind = forest_bind,
	.score = forest_score,
	.scratch = tree_model_scratch,
	.fit_rows = forest_fit_rows,
	.score_rows = forest_score_rows,
};

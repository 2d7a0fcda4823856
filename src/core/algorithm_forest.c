/*
 * algorithm_forest.c
 *	  Algorithms "random_forest" and "decision_tree".
 *
 * A forest averages trees that each see a bootstrap sample of the rows and, for
 * each split, a sample of the features (Breiman, "Random forests", 2001).  Rows
 * outside a tree's sample give the out-of-bag error, which is honest without
 * held-out rows.  A decision tree is one such tree on all rows and features,
 * with cuts between all distinct values.  See forest.h for how they grow, and
 * for why neither the number of processes nor the order of rows matters.
 *
 * Margins are means of targets, or of shares of classes, over the trees.
 *
 * Memory: a byte a value (two where a feature has more than 255 values), 32 a
 * row and 8 a row and output; each process twice the records of a sample (16
 * bytes a row and a byte a value), and the trees of a batch, 32 MB or two for
 * each process.
 */
#include "core/forest.h"

#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/hash.h"
#include "core/tree_params.h"

#define MODEL_BYTES 200e6		/* of all trees: models have a limit of 256 MB */
#define NODE_BYTES 37.0			/* of a stored node, without values */
#define USUAL_ROWS 1500000		/* of the samples of all trees for each row of min_samples_leaf by default: models of about 40 MB */
#define POLL_ROWS 16384
#define LARGEST_SUM 1e150		/* of targets times weights */
#define SMALLEST_SUM 1e-130		/* of the largest of them: squares of what splits gain are not lost */

#define MAX_LEAVES 1000000		/* of a tree */

#define SHARED_PARAMS \
	{"max_depth", PARAM_INTEGER, -1, -1, TREE_DEPTH_LIMIT, NULL, NULL, \
	"Splits between the root of a tree and a leaf at most; 0 or -1: no limit."}, \
	{"max_leaf_nodes", PARAM_INTEGER, 0, 0, MAX_LEAVES, NULL, "num_leaves|max_leaves|max_leaf", \
	"Leaves of a tree at most, those that gain most; 0: no limit."}, \
	{"min_samples_leaf", PARAM_INTEGER, NAN, 1, 1e9, NULL, "min_child_samples|min_data_in_leaf|min_data|nodesize", \
	"Rows of a leaf at least; by default from task and number of rows."}, \
	{"min_samples_split", PARAM_INTEGER, 2, 2, 1e9, NULL, NULL, \
	"Rows of a node that is split at least."}, \
	{"min_impurity_decrease", PARAM_REAL, 0, 0, INFINITY, NULL, NULL, \
	"What a split must take off the impurity at least, times the node's share of all weight: variance, Gini impurity, or entropy in bits."}, \
	{"criterion", PARAM_CHOICE, 0, 0, 0, "auto|gini|entropy|log_loss|squared_error", NULL, \
	"Impurity that splits reduce; auto: gini for classes, squared_error for numbers; log_loss is entropy."}, \
	{"class_weight", PARAM_WEIGHTS, 0, 1e-9, 1e9, "none|balanced", NULL, \
	"balanced: classes have equal total weights. An object of classes and numbers: factors on the weights of their rows."}, \
	{"scale_pos_weight", PARAM_REAL, 1, 1e-9, 1e9, NULL, NULL, \
	"Factor on the weights of positive rows of a binary target."}, \
	{"cat_smooth", PARAM_REAL, 10, 0, INFINITY, NULL, NULL, \
	"Weight of the mean of all rows when categories are put in order of the target."}

static const ParamSpec forest_params[] = {
	{"n_estimators", PARAM_INTEGER, 100, 1, 10000, NULL, "num_trees|num_iterations|ntree",
	"Number of trees."},
	{"max_features", PARAM_REAL, NAN, 1e-9, TREE_MAX_FEATURES, "sqrt|log2", "mtry|colsample_bynode",
	"Features looked at for each split: a number, a share up to 1, or a function of their number; by default the square root for classes, two thirds for numbers."},
	{"bootstrap", PARAM_BOOLEAN, 1, 0, 1, NULL, NULL,
	"Whether trees see samples drawn with replacement instead of all rows."},
	{"max_samples", PARAM_REAL, 1, 1e-6, 10, NULL, "subsample|bagging_fraction",
	"Size of a tree's sample as a share of the rows; without bootstrap up to 1, drawn without replacement."},
	{"max_bin", PARAM_INTEGER, TREE_MAX_BINS, 2, TREE_MAX_CATEGORIES, NULL, "max_bins",
	"Bins of a numeric feature at most."},
	SHARED_PARAMS,
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

static const ParamSpec tree_params[] = {
	SHARED_PARAMS,
	{"ccp_alpha", PARAM_REAL, 0, 0, INFINITY, NULL, NULL,
	"Price of a leaf in units of the impurity by which the tree is pruned; 0: not."},
	{"max_bin", PARAM_INTEGER, TREE_MAX_CATEGORIES, 2, TREE_MAX_CATEGORIES, NULL, "max_bins",
	"Bins of a numeric feature at most; up to so many distinct values each has its own."},
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

/* The leader's fit. */
typedef struct ForestFit
{
	CoreEnv    *env;
	const FitInput *input;
	FitRows		rows;			/* with effective weights */
	const double *weight;		/* those that were given */
	Team	   *team;
	Model	   *model;
	TreeBins	bins;
	ForestJob	job;
	Forest		forest;
	TreeStore	store;
	bool		cut;
	double	   *set_position;	/* [nfeatures][FOREST_WIDE_GROUPS] of groups of the tree at hand; -1: not stored */
	uint32_t   *set;
	int32_t    *queue;			/* [2 max_leaves] */
	double	   *values;			/* [width] */
} ForestFit;

/* ------------------------------------------------------------ parameters */

static bool
is_forest(const ForestFit *fit)
{
	return fit->model->algorithm->params == forest_params;
}

static int
choose_max_features(ForestFit *fit)
{
	double		nterms = fit->input->nterms;
	double		given = params_number(fit->input->params, "max_features");
	double		features;

	if (isnan(given))
		features = fit->input->task == TASK_REGRESSION ? ceil(nterms * 2 / 3) : floor(sqrt(nterms));
	else if (given < 0)
		features = given == -1 ? floor(sqrt(nterms)) : floor(ilogb(nterms));
	else
		features = given <= 1 ? ceil(given * nterms - 1e-9) : floor(given);
	features = features < 1 ? 1 : features > nterms ? nterms : features;
	/* the record means the same when it is read again: up to 1 is a share */
	tree_record(fit->model, "max_features", features > 1 ? features : 1 / nterms);
	return (int) features;
}

/* The record says what was used. */
static CoreStatus
choose_criterion(ForestFit *fit)
{
	const char *word = params_choice(fit->input->params, "criterion");
	bool		classes = fit->input->task != TASK_REGRESSION;
	const char *used = classes ? "gini" : "squared_error";

	fit->job.entropy = strcmp(word, "entropy") == 0 || strcmp(word, "log_loss") == 0;
	if (strcmp(word, "auto") != 0 && classes != (fit->job.entropy || strcmp(word, "gini") == 0))
	{
		env_fail(fit->env, CORE_INVALID, "criterion \"%s\" does not fit %s", word, task_name(fit->input->task));
		return env_hint(fit->env, CORE_INVALID, classes ? "Classes have criteria \"gini\" and \"entropy\"." : "Numbers have criterion \"squared_error\".");
	}
	return tree_record_word(fit->env, fit->model, "criterion", fit->job.entropy ? "entropy" : used);
}

/* Distinct rows of a tree's sample, as many as chance may ever bring; samples may be all rows when they would be empty. */
static double
most_sampled(const ForestJob *job)
{
	double		expected = (double) job->nrows * (job->bootstrap ? 1 - job->cumulative[0] : job->rate);

	if (!job->out_of_bag || expected < 100)
		return (double) job->nrows;
	return fmin((double) job->nrows, ceil(expected + 10 * sqrt(expected)));
}

/* Leaves of a tree at most: by parameter, by rows, and so that the model does not become too large. */
static void
choose_leaves(ForestFit *fit)
{
	ForestJob  *job = &fit->job;
	int			limit = params_integer(fit->input->params, "max_leaf_nodes");
	double		leaf_bytes = 2 * NODE_BYTES + (double) job->width * sizeof(double);
	double		affordable = MODEL_BYTES / leaf_bytes / job->ntrees;
	double		possible = (double) (job->nrows / job->min_samples_leaf);
	double		leaves = possible < 1 ? 1 : possible;

	if (limit > 0 && limit < leaves)
		leaves = limit;
	if (affordable < leaves)
		leaves = affordable;
	if (MAX_LEAVES < leaves)
		leaves = MAX_LEAVES;
	job->best_first = leaves < possible;
	/* slots of shared memory are for so many */
	leaves = fmin(leaves, floor(most_sampled(job) / (double) job->min_samples_leaf));
	job->max_leaves = leaves < 2 ? 2 : (int32_t) leaves;
}

/*
 * Rows of a leaf by default.  Shares of classes want some rows; beyond that the
 * size of models decides.  A single tree needs more, as nothing averages it.
 */
static double
usual_leaf(const ForestJob *job, bool forest)
{
	double		n = (double) job->nrows;

	if (!forest)
		return fmax(5, ceil(n / 1000));
	return fmax(job->nclasses > 0 ? 5 : 2, ceil(n * job->ntrees / USUAL_ROWS));
}

static CoreStatus
configure(ForestFit *fit)
{
	const ParamSet *params = fit->input->params;
	ForestJob  *job = &fit->job;
	bool		forest = is_forest(fit);

	CORE_TRY(choose_criterion(fit));
	job->nfeatures = fit->input->nterms;
	job->nclasses = fit->input->task == TASK_REGRESSION ? 0 : fit->input->nclasses;
	job->width = job->nclasses > 2 ? job->nclasses : 1;
	job->ntrees = forest ? params_integer(params, "n_estimators") : 1;
	job->seed = fit->input->seed;
	job->bootstrap = forest && params_boolean(params, "bootstrap");
	job->rate = forest ? params_number(params, "max_samples") : 1;
	job->out_of_bag = job->bootstrap || job->rate < 1;
	job->max_features = forest ? choose_max_features(fit) : job->nfeatures;
	job->max_depth = params_integer(params, "max_depth");
	if (job->max_depth < 1)
		job->max_depth = TREE_DEPTH_LIMIT;
	job->min_samples_leaf = (int64_t) tree_choose(fit->model, "min_samples_leaf", usual_leaf(job, forest));
	job->min_samples_split = params_integer(params, "min_samples_split");
	job->min_impurity_decrease = params_number(params, "min_impurity_decrease");
	job->ccp_alpha = forest ? 0 : params_number(params, "ccp_alpha");
	job->cat_smooth = params_number(params, "cat_smooth");
	forest_sample_init(job);
	choose_leaves(fit);
	return CORE_OK;
}

/* ------------------------------------------------------------ rows */

static CoreStatus
count_rows(ForestFit *fit)
{
	for (int64_t i = 0; i < fit->rows.nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		fit->job.nrows += fit_row_counts(&fit->rows, i);
	}
	if (fit->job.nrows == 0)
		return env_fail(fit->env, CORE_NUMERIC, "there are no training rows of positive weight");
	return CORE_OK;
}

static void
fill_row(ForestFit *fit, int64_t from, uint64_t ordinal, const int *bin, ForestRow *row)
{
	row->target = fit->rows.target[from];
	row->weight = fit->rows.weight != NULL ? fit->rows.weight[from] : 1;
	row->hash = hash_seeded(fit->rows.data->hash[from], ordinal);
	for (int f = 0; f < fit->job.nfeatures; f++)
	{
		const ForestFeature *feature = &fit->forest.features[f];
		int			code = bin[(size_t) f * TREE_CHUNK_ROWS];
		uint16_t	wide = (uint16_t) code;

		if (feature->wide)
			memcpy((char *) row + feature->offset, &wide, sizeof(wide));
		else
			*((uint8_t *) row + feature->offset) = (uint8_t) code;
	}
}

/* Rows of positive weight; equal hashes are neighbours in canonical order. */
static CoreStatus
fill_rows(ForestFit *fit)
{
	const FitRows *rows = &fit->rows;
	const uint64_t *hash = rows->data->hash;
	size_t		values = (size_t) TREE_CHUNK_ROWS * (size_t) fit->job.nfeatures;
	uint64_t	ordinal = 0;
	int64_t		filled = 0;
	double	   *x;
	int		   *bin;

	CORE_ALLOC(fit->env, x, values);
	CORE_ALLOC(fit->env, bin, values);
	for (int64_t first = 0; first < rows->nrows; first += TREE_CHUNK_ROWS)
	{
		int			count = rows->nrows - first < TREE_CHUNK_ROWS ? (int) (rows->nrows - first) : TREE_CHUNK_ROWS;

		env_poll(fit->env);
		tree_bins_chunk(rows, &fit->bins, first, count, x, bin);
		for (int i = 0; i < count; i++)
		{
			int64_t		from = first + i;

			ordinal = from > 0 && hash[from] == hash[from - 1] ? ordinal + 1 : 0;
			if (fit_row_counts(rows, from))
				fill_row(fit, from, ordinal, bin + i, forest_row(&fit->forest, filled++));
		}
	}
	env_release(fit->env, x);
	env_release(fit->env, bin);
	return CORE_OK;
}

/* Weights and targets of which sums have squares in range. */
static CoreStatus
check_targets(ForestFit *fit)
{
	double		most_weight = 0;
	double		most = 0;

	for (int64_t i = 0; i < fit->rows.nrows; i++)
	{
		double		weight = fit->rows.weight != NULL ? fit->rows.weight[i] : 1;

		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		if (!(fabs(fit->rows.target[i]) * fmax(1, sqrt(weight)) < LARGEST_SUM && weight < LARGEST_SUM))
		{
			env_fail(fit->env, CORE_INVALID, "a target of %.15g with weight %.15g is too large for trees", fit->rows.target[i], weight);
			return env_hint(fit->env, CORE_INVALID, "Use another unit, or transform the target with \"log\".");
		}
		most_weight = fmax(most_weight, weight);
		most = fmax(most, fabs(fit->rows.target[i]) * weight);
	}
	if (most_weight < SMALLEST_SUM || (most > 0 && most < SMALLEST_SUM))
	{
		env_fail(fit->env, CORE_INVALID, "all %s are too small for trees", most_weight < SMALLEST_SUM ? "weights" : "targets");
		return env_hint(fit->env, CORE_INVALID, "Use another unit.");
	}
	return CORE_OK;
}

static CoreStatus
prepare(ForestFit *fit)
{
	CoreEnv    *env = fit->env;
	int			words;

	fit->weight = fit->rows.weight;
	CORE_TRY(tree_weigh_classes(env, fit->input, &fit->rows));
	CORE_TRY(count_rows(fit));
	CORE_TRY(check_targets(fit));
	CORE_TRY(configure(fit));
	CORE_TRY(tree_bins_learn(env, fit->input, &fit->rows, params_integer(fit->input->params, "max_bin"), &fit->bins));
	CORE_TRY(forest_share(env, fit->team, &fit->bins, &fit->job, &fit->forest));
	CORE_TRY(fill_rows(fit));
	words = TREE_SET_WORDS(fit->job.most_grouped > FOREST_MAX_CODES ? fit->job.most_grouped : FOREST_MAX_CODES);
	CORE_ALLOC(env, fit->set_position, (size_t) fit->job.nfeatures * FOREST_WIDE_GROUPS);
	CORE_ALLOC(env, fit->set, (size_t) words);
	CORE_ALLOC(env, fit->queue, 2 * (size_t) fit->job.max_leaves);
	CORE_ALLOC(env, fit->values, (size_t) fit->job.width);
	tree_store_init(env, &fit->store, fit->job.width);
	return CORE_OK;
}

/* ------------------------------------------------------------ storing trees */

/* Where the set of the categories in groups up to a node's is stored; nodes of a tree share it. */
static CoreStatus
place_groups(ForestFit *fit, const ForestSlot *slot, const ForestNode *node, double *position)
{
	const ForestFeature *feature = &fit->forest.features[node->feature];
	double	   *known = &fit->set_position[(size_t) node->feature * FOREST_WIDE_GROUPS + (size_t) node->bin];
	int			words = TREE_SET_WORDS(feature->nbins);

	if (*known < 0)
	{
		memset(fit->set, 0, (size_t) words * sizeof(uint32_t));
		for (int code = 0; code <= feature->nbins; code++)
		{
			if (slot->maps[feature->map + code] <= node->bin)
				fit->set[code / 32] |= UINT32_C(1) << (code % 32);
		}
		CORE_TRY(tree_store_add_set(&fit->store, fit->set, words, known));
	}
	*position = *known;
	return CORE_OK;
}

static CoreStatus
place_set(ForestFit *fit, const ForestSlot *slot, int number, double *position)
{
	const uint64_t *set = slot->sets + (size_t) number * FOREST_SET_WORDS;
	int			words = TREE_SET_WORDS(fit->forest.features[slot->nodes[number].feature].nbins);

	for (int word = 0; word < words; word++)
		fit->set[word] = (uint32_t) (set[word / 2] >> (word % 2 * 32));
	return tree_store_add_set(&fit->store, fit->set, words, position);
}

static CoreStatus
store_node(ForestFit *fit, const ForestSlot *slot, int number)
{
	const ForestNode *node = &slot->nodes[number];
	int			width = fit->job.width;
	TreeStoredNode stored = {0};

	stored.feature = -1;
	stored.cover = node->cover;
	stored.count = node->rows;
	if (node->children == 0)
	{
		for (int k = 0; k < width; k++)
			fit->values[k] = slot->values[(size_t) number * (size_t) width + (size_t) k] / fit->job.ntrees;
		stored.value = fit->values;
		return tree_store_add_node(&fit->store, &stored);
	}
	stored.feature = node->feature;
	stored.gain = node->gain;
	if (fit->forest.features[node->feature].unordered)
	{
		stored.flags = NODE_CATEGORICAL;
		CORE_TRY(place_set(fit, slot, number, &stored.threshold));
	}
	else if (fit->forest.features[node->feature].grouped)
	{
		stored.flags = NODE_CATEGORICAL;
		CORE_TRY(place_groups(fit, slot, node, &stored.threshold));
	}
	else
	{
		stored.flags = node->default_left ? NODE_DEFAULT_LEFT : 0;
		stored.threshold = node->bin < fit->forest.features[node->feature].nbins - 1 ? fit->bins.edges[node->feature][node->bin] : INFINITY;
	}
	return tree_store_add_node(&fit->store, &stored);
}

static CoreStatus
store_tree(ForestFit *fit, int index)
{
	ForestSlot	slot = forest_slot(&fit->forest, index);
	int			tail = 1;

	fit->cut |= slot.cut;
	for (int i = 0; i < fit->job.nfeatures * FOREST_WIDE_GROUPS; i++)
		fit->set_position[i] = -1;
	CORE_TRY(tree_store_add_tree(&fit->store, slot.nnodes));
	fit->queue[0] = 0;
	for (int head = 0; head < tail; head++)
	{
		int			children = slot.nodes[fit->queue[head]].children;

		if (children != 0)
		{
			fit->queue[tail++] = children;
			fit->queue[tail++] = children + 1;
		}
		CORE_TRY(store_node(fit, &slot, fit->queue[head]));
	}
	return CORE_OK;
}

static CoreStatus
store_batch(ForestFit *fit, int done, int count)
{
	for (int i = 0; i < count; i++)
	{
		env_poll(fit->env);
		CORE_TRY(store_tree(fit, i));
	}
	if (fit->team->progress != NULL)
		fit->team->progress(fit->team, done + count, fit->job.ntrees, NAN);
	return CORE_OK;
}

/* ------------------------------------------------------------ all processes */

/* Batch after batch: trees into slots, then the leader stores them while the others go on to rows out of bag. */
static CoreStatus
grow_forest(Forest *forest, ForestFit *leader)
{
	const ForestJob *job = forest->job;
	int64_t		nblocks = job->out_of_bag ? (job->nrows + FOREST_BLOCK_ROWS - 1) / FOREST_BLOCK_ROWS : 0;
	ForestGrower *grower;

	CORE_TRY(forest_grower_create(forest, &grower));
	if (leader != NULL && forest->team->progress != NULL)
		forest->team->progress(forest->team, 0, job->ntrees, NAN);
	for (int first = 0; first < job->ntrees; first += job->nslots)
	{
		int			count = job->ntrees - first < job->nslots ? job->ntrees - first : job->nslots;
		int64_t		unit;

		while ((unit = team_take(forest->team)) < count)
		{
			forest_grow(grower, first + (int) unit, (int) unit);
			forest->team->units++;
		}
		team_synchronize(forest->team, forest->env, NULL, NULL);
		if (leader != NULL)
			CORE_TRY(store_batch(leader, first, count));
		while ((unit = team_take(forest->team)) < nblocks)
		{
			forest_out_of_bag(forest, first, count, unit);
			forest->team->units++;
		}
		team_synchronize(forest->team, forest->env, NULL, NULL);
	}
	return CORE_OK;
}

/* ------------------------------------------------------------ out of bag */

/* Class with the largest sum; two classes: 1 from one half on. */
static int
bag_class(const ForestRow *row, int width)
{
	int			best = 0;

	if (width == 1)
		return 2 * row->value[0] >= row->bags;
	for (int k = 1; k < width; k++)
		best = row->value[k] > row->value[best] ? k : best;
	return best;
}

typedef struct BagSums
{
	ExactSum	weight;
	ExactSum	errors;
	ExactSum	target;
	int64_t		rows;
} BagSums;

/* Errors of rows that some tree did not see, by the weights that were given. */
static void
sum_errors(const ForestFit *fit, BagSums *sums)
{
	int64_t		filled = 0;

	for (int64_t i = 0; i < fit->rows.nrows; i++)
	{
		double		weight = fit->weight != NULL ? fit->weight[i] : 1;
		const ForestRow *row;
		double		residual;

		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		if (!fit_row_counts(&fit->rows, i))
			continue;
		row = forest_row(&fit->forest, filled++);
		if (row->bags == 0)
			continue;
		if (fit->job.nclasses > 0)
			residual = bag_class(row, fit->job.width) != (int) row->target;
		else
			residual = row->target - row->value[0] / row->bags;
		exact_sum_add(&sums->errors, weight * residual * residual);
		exact_sum_add(&sums->target, weight * row->target);
		exact_sum_add(&sums->weight, weight);
		sums->rows++;
	}
}

static double
sum_spread(const ForestFit *fit, double mean)
{
	ExactSum	spread;
	int64_t		filled = 0;

	exact_sum_init(&spread);
	for (int64_t i = 0; i < fit->rows.nrows; i++)
	{
		const ForestRow *row;

		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		if (!fit_row_counts(&fit->rows, i))
			continue;
		row = forest_row(&fit->forest, filled++);
		if (row->bags > 0)
			exact_sum_add(&spread, (fit->weight != NULL ? fit->weight[i] : 1) * (row->target - mean) * (row->target - mean));
	}
	return exact_sum_value(&spread);
}

/* oob_error: share of rows in error, or mean squared error; oob_score: share of rows told, or R squared. */
static CoreStatus
add_out_of_bag(ForestFit *fit)
{
	CoreEnv    *env = fit->env;
	BagSums    *sums;
	double		weight;
	double		error;
	double		score;

	if (!fit->job.out_of_bag)
		return CORE_OK;
	CORE_ALLOC(env, sums, 1);
	exact_sum_init(&sums->weight);
	exact_sum_init(&sums->errors);
	exact_sum_init(&sums->target);
	sum_errors(fit, sums);
	weight = exact_sum_value(&sums->weight);
	error = exact_sum_value(&sums->errors) / weight;
	if (fit->job.nclasses > 0)
		score = 1 - error;
	else
		score = 1 - exact_sum_value(&sums->errors) / sum_spread(fit, exact_sum_value(&sums->target) / weight);
	CORE_TRY(model_add_number(env, fit->model, "oob_rows", (double) sums->rows));
	if (sums->rows == 0)
		return CORE_OK;
	CORE_TRY(model_add_number(env, fit->model, "oob_error", error));
	return isfinite(score) ? model_add_number(env, fit->model, "oob_score", score) : CORE_OK;
}

/* ------------------------------------------------------------ the algorithms */

static CoreStatus
finish(ForestFit *fit)
{
	Model	   *model = fit->model;
	double	   *base;

	if (fit->cut && params_integer(fit->input->params, "max_leaf_nodes") == 0)
		env_log(fit->env, CORE_NOTICE, "trees have been limited to %d leaves, so that the model does not become too large; with more \"min_samples_leaf\" or less \"max_depth\" they stay smaller",
				fit->job.max_leaves);
	model->noutputs = fit->job.width;
	model->link = LINK_IDENTITY;
	model->rows_train = fit->job.nrows;
	CORE_ALLOC(fit->env, base, (size_t) fit->job.width);
	CORE_TRY(tree_store_finish(&fit->store, base, fit->job.width, fit->input->nterms, model));
	CORE_TRY(model_add_number(fit->env, model, "rows", (double) fit->job.nrows));
	return add_out_of_bag(fit);
}

static CoreStatus
forest_fit_rows(CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model)
{
	ForestFit  *fit;

	CORE_ALLOC(env, fit, 1);
	fit->env = env;
	fit->input = input;
	fit->rows = *rows;
	fit->team = team;
	fit->model = model;
	CORE_TRY(prepare(fit));
	team_start(team);
	CORE_TRY(grow_forest(&fit->forest, fit));
	team_stop(team);
	return finish(fit);
}

static CoreStatus
forest_help_rows(CoreEnv *env, Team *team)
{
	Forest	   *forest;

	CORE_ALLOC(env, forest, 1);
	CORE_TRY(forest_attach(env, team, forest));
	return grow_forest(forest, NULL);
}

static CoreStatus
forest_bind(CoreEnv *env, Model *model)
{
	if (model->link != LINK_IDENTITY)
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"%s\" cannot have link \"%s\"", model->algorithm->name, link_name(model->link));
	CORE_TRY(tree_model_bind(env, model));
	/* shares of classes, to rounding */
	return model->task == TASK_REGRESSION ? CORE_OK : tree_model_check_values(env, model, -1e-9, 1 + 1e-9);
}

const Algorithm algorithm_random_forest = {
	.name = "random_forest",
	.summary = "Random forest: averaged deep trees on bootstrap samples, with out-of-bag error.",
	.tasks = 1u << TASK_REGRESSION | 1u << TASK_BINARY | 1u << TASK_MULTICLASS,
	.profile = PROFILE_TREE,
	.params = forest_params,
	.bind = forest_bind,
	.score = tree_model_score,
	.scratch = tree_model_scratch,
	.fit_rows = forest_fit_rows,
	.help_rows = forest_help_rows,
	.score_rows = tree_model_score_rows,
};

const Algorithm algorithm_decision_tree = {
	.name = "decision_tree",
	.summary = "One classification or regression tree with exact cuts.",
	.tasks = 1u << TASK_REGRESSION | 1u << TASK_BINARY | 1u << TASK_MULTICLASS,
	.profile = PROFILE_TREE,
	.params = tree_params,
	.bind = forest_bind,
	.score = tree_model_score,
	.scratch = tree_model_scratch,
	.fit_rows = forest_fit_rows,
	.score_rows = tree_model_score_rows,
};

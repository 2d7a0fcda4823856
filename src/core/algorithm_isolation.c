/*
 * algorithm_isolation.c
 *	  Algorithm "isolation_forest": rows that random cuts part from the others
 *	  soon are anomalies.
 *
 * Liu, Ting and Zhou, "Isolation forest", 2008.  Each tree takes a sample of
 * max_samples rows, chosen by hash of row, ordinal among equal rows and tree,
 * and cuts a random term at a random number between the least and the largest
 * value, until rows are alone, are all the same, or the depth is
 * log2(max_samples).  The score of a row is 2^(-E[h] / c(max_samples)): h is the
 * number of cuts to its leaf plus c(rows of the leaf), c(n) the mean path length
 * of an unsuccessful search in a binary search tree of n entries.  Around 0.5:
 * ordinary, towards 1: anomalous.  Leaves hold their part of the exponent, so
 * the margin is a sum, log(score), and the link a logarithm.
 *
 * Categories, of which missing is one, are cut into two random groups.  Missing
 * numbers go where a random bit of the node sends them; where all other rows
 * have one value, they are parted from those.  Weights are chances to be in a
 * sample (Efraimidis and Spirakis, "Weighted random sampling with a reservoir",
 * 2006).
 *
 * Cost: a pass over the rows' hashes for each tree; the trees themselves are
 * small.  One process: 100 trees of 256 rows take 10 ms.
 */
#include "core/tree_data.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/real.h"
#include "core/sort.h"
#include "core/tree_model.h"

#define LN2 0.69314718055994530942
#define EULER_GAMMA 0.57721566490153286061
#define POLL_ROWS 65536
#define CHUNK_ROWS 512			/* rows scored at a time */
#define MAX_SAMPLES 65536

static const ParamSpec isolation_params[] = {
	{"n_estimators", PARAM_INTEGER, 100, 1, 10000, NULL, "num_trees|ntree",
	"Number of trees."},
	{"max_samples", PARAM_REAL, 256, 1e-9, MAX_SAMPLES, NULL, "sample_size",
	"Rows that each tree sees, chosen by hash: a number, or a share below 1."},
	{"contamination", PARAM_REAL, NAN, 0, 0.5, NULL, NULL,
	"Share of the training rows that count as anomalies; the model then has their least score as number \"threshold\"."},
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

typedef struct IsolationNode
{
	int			first;			/* rows order[first .. first + count - 1] */
	int			count;
	int			depth;
} IsolationNode;

typedef struct IsolationFit
{
	CoreEnv    *env;
	const FitInput *input;
	const FitRows *rows;
	Model	   *model;
	int64_t		usable;			/* rows of positive weight */
	int			ntrees;
	int			samples;		/* rows of a tree */
	int			max_depth;
	uint64_t	seed;			/* of the tree at hand */
	double	   *x;				/* [samples][nterms], without infinities */
	int		   *order;			/* [samples] */
	int64_t    *chosen;			/* [samples] heap of rows by key */
	double	   *key;
	int		   *terms;			/* [nterms] permutation */
	IsolationNode *queue;		/* [2 samples] */
	uint32_t   *set;
	TreeStore	store;
} IsolationFit;

/* Mean path length of an unsuccessful search in a tree of n entries. */
static double
mean_path(double n)
{
	if (n <= 1)
		return 0;
	if (n == 2)
		return 1;
	return 2 * (real_log(n - 1) + EULER_GAMMA) - 2 * (n - 1) / n;
}

/* ------------------------------------------------------------ samples */

/* Whether entry a of the heap comes after entry b in the tree's own order. */
static bool
comes_after(const IsolationFit *fit, int a, int b)
{
	if (fit->key[a] != fit->key[b])
		return fit->key[a] > fit->key[b];
	return fit->chosen[a] > fit->chosen[b];
}

static void
swap_chosen(IsolationFit *fit, int a, int b)
{
	int64_t		row = fit->chosen[a];
	double		key = fit->key[a];

	fit->chosen[a] = fit->chosen[b];
	fit->key[a] = fit->key[b];
	fit->chosen[b] = row;
	fit->key[b] = key;
}

static void
sift_down(IsolationFit *fit, int root, int count)
{
	int			child;

	while ((child = 2 * root + 1) < count)
	{
		if (child + 1 < count && comes_after(fit, child + 1, child))
			child++;
		if (!comes_after(fit, child, root))
			break;
		swap_chosen(fit, root, child);
		root = child;
	}
}

/* A uniform number, or an exponential one with the weight as its rate: the rows with the least are the sample. */
static double
row_key(const IsolationFit *fit, int64_t row, uint64_t ordinal)
{
	double		uniform = hash_uniform(hash_seeded(fit->rows->data->hash[row], ordinal), fit->seed);

	return fit->rows->weight != NULL ? -real_log1p(-uniform) / fit->rows->weight[row] : uniform;
}

/* The rows with the smallest keys; equal hashes are neighbours in canonical order. */
static void
choose_rows(IsolationFit *fit)
{
	const uint64_t *hash = fit->rows->data->hash;
	uint64_t	ordinal = 0;
	int			count = 0;

	for (int64_t row = 0; row < fit->rows->nrows; row++)
	{
		double		key;

		if (row % POLL_ROWS == 0)
			env_poll(fit->env);
		ordinal = row > 0 && hash[row] == hash[row - 1] ? ordinal + 1 : 0;
		if (!fit_row_counts(fit->rows, row))
			continue;
		key = row_key(fit, row, ordinal);
		if (count < fit->samples)
		{
			fit->key[count] = key;
			fit->chosen[count++] = row;
			for (int root = count / 2 - 1; count == fit->samples && root >= 0; root--)
				sift_down(fit, root, count);
		}
		else if (key < fit->key[0])
		{
			fit->key[0] = key;
			fit->chosen[0] = row;
			sift_down(fit, 0, count);
		}
	}
}

/* Terms of the sample; scoring does not tell infinities from the largest numbers. */
static void
read_sample(IsolationFit *fit)
{
	size_t		nterms = (size_t) fit->input->nterms;

	for (int i = 0; i < fit->samples; i++)
	{
		double	   *x = fit->x + (size_t) i * nterms;

		env_poll(fit->env);
		fit->order[i] = i;
		transform_block(fit->rows->transform, fit->rows->data, fit->chosen[i], 1, fit->rows->training, x, 1);
		for (size_t j = 0; j < nterms; j++)
		{
			if (isinf(x[j]))
				x[j] = x[j] > 0 ? DBL_MAX : -DBL_MAX;
		}
	}
}

/* ------------------------------------------------------------ cuts */

static double
value_at(const IsolationFit *fit, int position, int term)
{
	return fit->x[(size_t) fit->order[position] * (size_t) fit->input->nterms + (size_t) term];
}

static int
category_of(double x, int ncategories)
{
	return x >= 0 && x < ncategories ? (int) x : ncategories;
}

/* A cut between numbers; false when all rows have the same. */
static bool
cut_number(const IsolationFit *fit, const IsolationNode *node, int term, uint64_t seed, TreeStoredNode *cut)
{
	double		low = INFINITY;
	double		high = -INFINITY;
	bool		missing = false;
	double		share = hash_uniform(0, seed);

	for (int i = node->first; i < node->first + node->count; i++)
	{
		double		x = value_at(fit, i, term);

		missing |= x != x;
		low = x < low ? x : low;
		high = x > high ? x : high;
	}
	if (low == high && missing)
	{
		cut->threshold = INFINITY;
		return true;
	}
	if (!(low < high))
		return false;
	cut->threshold = low * (1 - share) + high * share;
	if (!(cut->threshold >= low && cut->threshold < high))
		cut->threshold = low;
	cut->flags = hash_seeded(1, seed) & 1 ? NODE_DEFAULT_LEFT : 0;
	return true;
}

/*
 * Random groups of categories.  Should all rows be in one, the category whose
 * hash is least changes to the other.  False when all rows have the same.
 */
static bool
cut_categories(IsolationFit *fit, const IsolationNode *node, int term, uint64_t seed, TreeStoredNode *cut)
{
	int			ncategories = fit->input->terms[term].ncategories;
	int			first = category_of(value_at(fit, node->first, term), ncategories);
	int			least = first;
	bool		differ = false;
	bool		sides[2] = {false, false};

	cut->set_words = TREE_SET_WORDS(ncategories);
	for (int word = 0; word < cut->set_words; word++)
		fit->set[word] = (uint32_t) hash_seeded((uint64_t) word, seed);
	for (int i = node->first; i < node->first + node->count; i++)
	{
		int			category = category_of(value_at(fit, i, term), ncategories);

		differ |= category != first;
		sides[(fit->set[category / 32] >> (category % 32)) & 1] = true;
		if (hash_seeded((uint64_t) category, ~seed) < hash_seeded((uint64_t) least, ~seed))
			least = category;
	}
	if (!differ)
		return false;
	if (!(sides[0] && sides[1]))
		fit->set[least / 32] ^= UINT32_C(1) << (least % 32);
	cut->set = fit->set;
	cut->flags = NODE_CATEGORICAL;
	return true;
}

/* Tries terms in random order; false when none tells the node's rows apart, or nothing is left to cut. */
static bool
choose_cut(IsolationFit *fit, const IsolationNode *node, uint64_t seed, TreeStoredNode *cut)
{
	int			nterms = fit->input->nterms;

	if (node->count < 2 || node->depth >= fit->max_depth)
		return false;
	for (int i = 0; i < nterms; i++)
	{
		uint64_t	draw = hash_seeded((uint64_t) i, seed);
		int			other = i + (int) (draw % (uint64_t) (nterms - i));
		int			term = fit->terms[other];
		bool		found;

		fit->terms[other] = fit->terms[i];
		fit->terms[i] = term;
		cut->feature = term;
		if (fit->input->terms[term].categorical)
			found = cut_categories(fit, node, term, hash_seeded(draw, seed), cut);
		else
			found = cut_number(fit, node, term, hash_seeded(draw, seed), cut);
		if (found)
			return true;
	}
	cut->feature = -1;
	return false;
}

static bool
goes_left(const IsolationFit *fit, const TreeStoredNode *cut, double x)
{
	int			category;

	if (!(cut->flags & NODE_CATEGORICAL))
		return x != x ? (cut->flags & NODE_DEFAULT_LEFT) != 0 : x <= cut->threshold;
	category = category_of(x, fit->input->terms[cut->feature].ncategories);
	return (cut->set[category / 32] >> (category % 32)) & 1;
}

static int
divide(IsolationFit *fit, const IsolationNode *node, const TreeStoredNode *cut)
{
	int			left = node->first;
	int			right = node->first + node->count;

	while (left < right)
	{
		int			row = fit->order[left];

		if (goes_left(fit, cut, value_at(fit, left, cut->feature)))
			left++;
		else
		{
			fit->order[left] = fit->order[--right];
			fit->order[right] = row;
		}
	}
	return left - node->first;
}

/* Nodes are cut in the order in which they are stored. */
static CoreStatus
grow(IsolationFit *fit)
{
	int			tail = 1;

	for (int i = 0; i < fit->input->nterms; i++)
		fit->terms[i] = i;
	fit->queue[0] = (IsolationNode) {0, fit->samples, 0};
	for (int head = 0; head < tail; head++)
	{
		IsolationNode node = fit->queue[head];
		TreeStoredNode stored = {0};
		double		value;

		stored.cover = node.count;
		stored.count = node.count;
		stored.feature = -1;
		if (choose_cut(fit, &node, hash_seeded((uint64_t) head, fit->seed), &stored))
		{
			int			left = divide(fit, &node, &stored);

			fit->queue[tail++] = (IsolationNode) {node.first, left, node.depth + 1};
			fit->queue[tail++] = (IsolationNode) {node.first + left, node.count - left, node.depth + 1};
		}
		else
		{
			value = -LN2 * (node.depth + mean_path(node.count)) / (mean_path(fit->samples) * fit->ntrees);
			stored.value = &value;
		}
		CORE_TRY(tree_store_add_node(&fit->store, &stored));
	}
	return tree_store_add_tree(&fit->store, tail);
}

/* ------------------------------------------------------------ the fit */

static CoreStatus
alloc_fit(IsolationFit *fit)
{
	CoreEnv    *env = fit->env;
	size_t		samples = (size_t) fit->samples;
	int			most = 0;

	for (int i = 0; i < fit->input->nterms; i++)
	{
		if (fit->input->terms[i].categorical && fit->input->terms[i].ncategories > most)
			most = fit->input->terms[i].ncategories;
	}
	CORE_ALLOC(env, fit->x, samples * (size_t) fit->input->nterms);
	CORE_ALLOC(env, fit->order, samples);
	CORE_ALLOC(env, fit->chosen, samples);
	CORE_ALLOC(env, fit->key, samples);
	CORE_ALLOC(env, fit->terms, (size_t) fit->input->nterms);
	CORE_ALLOC(env, fit->queue, 2 * samples);
	CORE_ALLOC(env, fit->set, (size_t) TREE_SET_WORDS(most));
	return CORE_OK;
}

static CoreStatus
configure(IsolationFit *fit)
{
	const ParamSet *params = fit->input->params;
	double		samples = params_number(params, "max_samples");

	for (int64_t i = 0; i < fit->rows->nrows; i++)
		fit->usable += fit_row_counts(fit->rows, i);
	if (fit->usable < 2)
		return env_fail(fit->env, CORE_NUMERIC, "an isolation forest needs at least two rows of positive weight");
	fit->ntrees = params_integer(params, "n_estimators");
	if (samples < 1)
		samples = ceil(samples * (double) fit->usable);
	samples = samples > MAX_SAMPLES ? MAX_SAMPLES : samples < 2 ? 2 : samples;
	fit->samples = samples > (double) fit->usable ? (int) fit->usable : (int) samples;
	while ((1 << fit->max_depth) < fit->samples)
		fit->max_depth++;
	return CORE_OK;
}

/* The score that `contamination` of the training rows reach, by weight. */
static CoreStatus
add_threshold(IsolationFit *fit)
{
	CoreEnv    *env = fit->env;
	Model	   *model = fit->model;
	double		contamination = params_number(fit->input->params, "contamination");
	WeightedValues scores = {0};
	double	   *x;
	double	   *scratch;
	double		margin[CHUNK_ROWS];

	if (isnan(contamination))
		return CORE_OK;
	CORE_TRY(tree_model_bind(env, model));
	CORE_ALLOC(env, scores.value, (size_t) fit->usable);
	CORE_ALLOC(env, scores.weight, (size_t) fit->usable);
	CORE_ALLOC(env, x, (size_t) CHUNK_ROWS * (size_t) fit->input->nterms);
	CORE_ALLOC(env, scratch, (size_t) tree_model_scratch(model));
	for (int64_t first = 0; first < fit->rows->nrows; first += CHUNK_ROWS)
	{
		int			count = fit->rows->nrows - first < CHUNK_ROWS ? (int) (fit->rows->nrows - first) : CHUNK_ROWS;

		env_poll(env);
		transform_block(fit->rows->transform, fit->rows->data, first, count, fit->rows->training, x, CHUNK_ROWS);
		tree_model_score_rows(model, x, CHUNK_ROWS, count, scratch, margin);
		for (int i = 0; i < count; i++)
		{
			if (!fit_row_counts(fit->rows, first + i))
				continue;
			scores.value[scores.n] = -margin[i];
			scores.weight[scores.n++] = fit->rows->weight != NULL ? fit->rows->weight[first + i] : 1;
		}
	}
	CORE_TRY(weighted_sort(env, &scores));
	CORE_TRY(model_add_number(env, model, "threshold", real_exp(-weighted_quantile(&scores, contamination, false))));
	env_release(env, scores.value);
	env_release(env, scores.weight);
	env_release(env, x);
	env_release(env, scratch);
	return CORE_OK;
}

static CoreStatus
isolation_fit_rows(CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model)
{
	IsolationFit *fit;
	double		base = 0;

	CORE_ALLOC(env, fit, 1);
	fit->env = env;
	fit->input = input;
	fit->rows = rows;
	fit->model = model;
	CORE_TRY(configure(fit));
	CORE_TRY(alloc_fit(fit));
	tree_store_init(env, &fit->store, 1);
	for (int tree = 0; tree < fit->ntrees; tree++)
	{
		fit->seed = hash_seeded((uint64_t) tree, input->seed);
		choose_rows(fit);
		read_sample(fit);
		CORE_TRY(grow(fit));
		if (team->progress != NULL)
			team->progress(team, tree + 1, fit->ntrees, NAN);
	}
	model->link = LINK_LOG;
	model->noutputs = 1;
	model->rows_train = fit->usable;
	CORE_TRY(tree_store_finish(&fit->store, &base, 1, input->nterms, model));
	CORE_TRY(model_add_number(env, model, "samples", fit->samples));
	CORE_TRY(model_add_number(env, model, "rows", (double) fit->usable));
	return add_threshold(fit);
}

static CoreStatus
isolation_bind(CoreEnv *env, Model *model)
{
	if (model->link != LINK_LOG)
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"isolation_forest\" cannot have link \"%s\"", link_name(model->link));
	return tree_model_bind(env, model);
}

const Algorithm algorithm_isolation_forest = {
	.name = "isolation_forest",
	.summary = "Isolation forest: anomaly score from the number of random cuts that part a row from the others.",
	.tasks = 1u << TASK_ANOMALY,
	.profile = PROFILE_TREE,
	.params = isolation_params,
	.bind = isolation_bind,
	.score = tree_model_score,
	.scratch = tree_model_scratch,
	.fit_rows = isolation_fit_rows,
	.score_rows = tree_model_score_rows,
};

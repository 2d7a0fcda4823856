/*
 * algorithm_isolation.c
 *	  Algorithm "isolation_forest": rows that random cuts part from the others
 *	  soon are anomalies.
 *
 * Liu, Ting and Zhou, "Isolation forest", 2008.  Each tree takes the max_samples
 * rows that come first by hash of row and tree, and cuts a random term at a
 * random number between the least and the largest value, categories into two
 * random groups, until rows are alone or the depth is log2(max_samples).  The
 * score of a row is 2^(-E[h] / c(max_samples)): h is the number of cuts to its
 * leaf plus c(rows of the leaf), c(n) the mean path length of a search tree of
 * n entries.  Around 0.5: ordinary, towards 1: anomalous.  Leaves hold their
 * part of the exponent, so the margin is a sum and the link a logarithm.
 *
 * Missing values go where a random bit of the node sends them.  Cost: a pass
 * over the rows' hashes for each tree; the trees themselves are small.
 */
#include "core/tree_model.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/real.h"
#include "core/team.h"

#define LN2 0.69314718055994530942
#define EULER_GAMMA 0.57721566490153286061
#define POLL_ROWS 65536
#define MAX_SAMPLES 65536

static const ParamSpec isolation_params[] = {
	{"n_estimators", PARAM_INTEGER, 100, 1, 10000, NULL, "num_trees|ntree",
	"Number of trees."},
	{"max_samples", PARAM_INTEGER, 256, 2, MAX_SAMPLES, NULL, "sample_size",
	"Rows that each tree sees, chosen by hash."},
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
	int			ntrees;
	int			samples;		/* rows of a tree */
	int			max_depth;
	uint64_t	seed;			/* of the tree at hand */
	double	   *x;				/* [samples][nterms] */
	int		   *order;			/* [samples] */
	int64_t    *chosen;			/* [samples] heap of rows by key */
	uint64_t   *key;
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

/* Whether row a comes after row b in the tree's own order. */
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
	uint64_t	key = fit->key[a];

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

/* The rows with the smallest keys, then in order of keys; the number of them. */
static int
choose_rows(IsolationFit *fit)
{
	int			count = 0;

	for (int64_t row = 0; row < fit->rows->nrows; row++)
	{
		uint64_t	key;

		if (row % POLL_ROWS == 0)
			env_poll(fit->env);
		if (!(fit->rows->weight == NULL || fit->rows->weight[row] > 0))
			continue;
		key = hash_seeded(fit->rows->data->hash[row], fit->seed);
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
	for (int root = count / 2 - 1; root >= 0; root--)
		sift_down(fit, root, count);
	for (int end = count - 1; end > 0; end--)
	{
		swap_chosen(fit, 0, end);
		sift_down(fit, 0, end);
	}
	return count;
}

static double
value_at(const IsolationFit *fit, int position, int term)
{
	return fit->x[(size_t) fit->order[position] * (size_t) fit->input->nterms + (size_t) term];
}

/* Least and largest value of a node's rows; false when they do not differ. */
static bool
value_range(const IsolationFit *fit, const IsolationNode *node, int term, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (int i = node->first; i < node->first + node->count; i++)
	{
		double		x = value_at(fit, i, term);

		if (x < *low)
			*low = x;
		if (x > *high)
			*high = x;
	}
	return *low < *high;
}

/* A cut with rows on both sides by values of a term; false when all have the same. */
static bool
cut_term(IsolationFit *fit, const IsolationNode *node, int term, uint64_t seed, TreeStoredNode *cut)
{
	const Term *info = &fit->input->terms[term];
	double		low;
	double		high;
	double		middle;

	if (!value_range(fit, node, term, &low, &high))
		return false;
	cut->feature = term;
	cut->flags = hash_seeded(3, seed) & 1 ? NODE_DEFAULT_LEFT : 0;
	if (info->categorical)
	{
		cut->set_words = TREE_SET_WORDS(info->ncategories);
		for (int word = 0; word < cut->set_words; word++)
			fit->set[word] = (uint32_t) hash_seeded((uint64_t) word + 4, seed);
		/* the least category goes left, the largest right, so that both sides have rows */
		fit->set[(int) low / 32] |= UINT32_C(1) << ((int) low % 32);
		fit->set[(int) high / 32] &= ~(UINT32_C(1) << ((int) high % 32));
		cut->set = fit->set;
		cut->flags = NODE_CATEGORICAL;
		return true;
	}
	low = low < -1e308 ? -1e308 : low;
	high = high > 1e308 ? 1e308 : high;
	middle = low + hash_uniform(2, seed) * (high / 2 - low / 2) * 2;
	cut->threshold = middle >= low && middle < high ? middle : low;
	return true;
}

static bool
goes_left(const IsolationFit *fit, const TreeStoredNode *cut, double x)
{
	int			category;

	if (!(cut->flags & NODE_CATEGORICAL))
		return x != x ? (cut->flags & NODE_DEFAULT_LEFT) != 0 : x <= cut->threshold;
	category = x != x ? fit->input->terms[cut->feature].ncategories : (int) x;
	return (cut->set[category / 32] >> (category % 32)) & 1;
}

/* Tries terms in random order. */
static bool
choose_cut(IsolationFit *fit, const IsolationNode *node, uint64_t seed, TreeStoredNode *cut)
{
	int			nterms = fit->input->nterms;
	int			start;

	if (node->count < 2 || node->depth >= fit->max_depth)
		return false;
	start = (int) (hash_seeded(1, seed) % (uint64_t) nterms);
	for (int i = 0; i < nterms; i++)
	{
		if (cut_term(fit, node, (start + i) % nterms, seed, cut))
			return true;
	}
	return false;
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

static CoreStatus
grow(IsolationFit *fit, int count)
{
	int			tail = 1;
	int64_t		first_node = fit->store.nnodes;

	CORE_TRY(tree_store_add_tree(&fit->store, 1));
	fit->queue[0] = (IsolationNode) {0, count, 0};
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
	fit->store.tree_nodes[fit->store.ntrees - 1] = (int32_t) (fit->store.nnodes - first_node);
	return CORE_OK;
}

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
	CORE_ALLOC(env, fit->queue, 2 * samples);
	CORE_ALLOC(env, fit->set, (size_t) TREE_SET_WORDS(most));
	return CORE_OK;
}

static CoreStatus
isolation_fit_rows(CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model)
{
	IsolationFit *fit;
	double		base = 0;
	int64_t		usable = 0;

	for (int64_t i = 0; i < rows->nrows; i++)
		usable += rows->weight == NULL || rows->weight[i] > 0;
	if (usable < 2)
		return env_fail(env, CORE_NUMERIC, "an isolation forest needs at least two rows of positive weight");
	CORE_ALLOC(env, fit, 1);
	fit->env = env;
	fit->input = input;
	fit->rows = rows;
	fit->ntrees = params_integer(input->params, "n_estimators");
	fit->samples = params_integer(input->params, "max_samples");
	if (fit->samples > usable)
		fit->samples = (int) usable;
	while ((1 << fit->max_depth) < fit->samples)
		fit->max_depth++;
	CORE_TRY(alloc_fit(fit));
	tree_store_init(env, &fit->store, 1);
	for (int tree = 0; tree < fit->ntrees; tree++)
	{
		int			count;

		fit->seed = hash_seeded((uint64_t) tree, input->seed);
		count = choose_rows(fit);
		for (int i = 0; i < count; i++)
		{
			env_poll(env);
			fit->order[i] = i;
			transform_block(rows->transform, rows->data, fit->chosen[i], 1, rows->training, fit->x + (size_t) i * (size_t) input->nterms, 1);
		}
		CORE_TRY(grow(fit, count));
		if (team->progress != NULL)
			team->progress(team, tree + 1, fit->ntrees, NAN);
	}
	model->link = LINK_LOG;
	model->noutputs = 1;
	model->rows_train = usable;
	CORE_TRY(tree_store_finish(&fit->store, &base, 1, input->nterms, model));
	CORE_TRY(model_add_number(env, model, "samples", fit->samples));
	return model_add_number(env, model, "rows", (double) usable);
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

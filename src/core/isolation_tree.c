/*
 * isolation_tree.c
 *	  Cuts of one tree; see isolation.h and algorithm_isolation.c.
 *
 * Cost: 50 ns for each row of the sample and level; 0.1 ms for 256 rows.
 */
#include "core/isolation.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/real.h"

#define POLL_VALUES 16384
#define LN2 0.69314718055994530942
#define EULER_GAMMA 0.57721566490153286061

size_t
isolation_slot_bytes(const IsolationJob *job)
{
	return sizeof(IsolationSlot) + (size_t) job->samples * 2 * sizeof(IsolationNode);
}

CoreStatus
isolation_grower_create(CoreEnv *env, const Team *team, const IsolationJob *job, IsolationGrower **result)
{
	IsolationGrower *grower;

	CORE_ALLOC(env, grower, 1);
	grower->env = env;
	grower->team = team;
	grower->job = job;
	CORE_ALLOC(env, grower->order, (size_t) job->samples);
	CORE_ALLOC(env, grower->terms, (size_t) job->nterms);
	CORE_ALLOC(env, grower->set, (size_t) TREE_SET_WORDS(job->most_categories));
	*result = grower;
	return CORE_OK;
}

/* ------------------------------------------------------------ cuts */

static double
value_at(const IsolationGrower *grower, int position, int term)
{
	const double *values = team_table_at(grower->team, &grower->job->values, grower->first_value + grower->order[position]);

	return values[term];
}

static int
category_of(double x, int ncategories)
{
	return x >= 0 && x < ncategories ? (int) x : ncategories;
}

/* A cut between numbers; false when all rows have the same. */
static bool
cut_number(const IsolationGrower *grower, IsolationNode *node, int term, uint64_t seed)
{
	double		low = INFINITY;
	double		high = -INFINITY;
	bool		missing = false;
	double		share = hash_uniform(0, seed);

	for (int i = node->first; i < node->first + node->count; i++)
	{
		double		x = value_at(grower, i, term);

		missing |= x != x;
		low = x < low ? x : low;
		high = x > high ? x : high;
	}
	if (low == high && missing)
	{
		node->threshold = INFINITY;
		return true;
	}
	if (!(low < high))
		return false;
	node->threshold = low * (1 - share) + high * share;
	if (!(node->threshold >= low && node->threshold < high))
		node->threshold = low;
	node->flags = hash_seeded(1, seed) & 1 ? NODE_DEFAULT_LEFT : 0;
	return true;
}

static bool
in_set(const uint32_t *set, int category)
{
	return (set[category / 32] >> (category % 32)) & 1;
}

static void
fill_set(const IsolationNode *node, int ncategories, uint32_t *set)
{
	int			words = TREE_SET_WORDS(ncategories);

	for (int word = 0; word < words; word++)
		set[word] = (uint32_t) hash_seeded((uint64_t) word, node->seed);
	if (node->turned >= 0)
		set[node->turned / 32] ^= UINT32_C(1) << (node->turned % 32);
}

/*
 * Random groups of categories.  Should all rows be in one, the category whose
 * hash is least changes to the other.  False when all rows have the same.
 */
static bool
cut_categories(IsolationGrower *grower, IsolationNode *node, int term, uint64_t seed)
{
	int			ncategories = grower->job->ncategories[term];
	int			first = category_of(value_at(grower, node->first, term), ncategories);
	int			least = first;
	bool		differ = false;
	bool		sides[2] = {false, false};

	node->seed = seed;
	node->turned = -1;
	fill_set(node, ncategories, grower->set);
	for (int i = node->first; i < node->first + node->count; i++)
	{
		int			category = category_of(value_at(grower, i, term), ncategories);

		differ |= category != first;
		sides[in_set(grower->set, category)] = true;
		if (hash_seeded((uint64_t) category, ~seed) < hash_seeded((uint64_t) least, ~seed))
			least = category;
	}
	if (!differ)
		return false;
	if (!(sides[0] && sides[1]))
	{
		node->turned = least;
		fill_set(node, ncategories, grower->set);
	}
	node->flags = NODE_CATEGORICAL;
	return true;
}

/* Tries terms in random order; false when none tells the node's rows apart, or nothing is left to cut. */
static bool
choose_cut(IsolationGrower *grower, IsolationNode *node, uint64_t seed)
{
	int			nterms = grower->job->nterms;

	if (node->count < 2 || node->depth >= grower->job->max_depth)
		return false;
	for (int i = 0; i < nterms; i++)
	{
		uint64_t	draw = hash_seeded((uint64_t) i, seed);
		int			other = i + (int) (draw % (uint64_t) (nterms - i));
		int32_t		term = grower->terms[other];
		bool		found;

		if (i % 64 == 0 || node->count > POLL_VALUES)
			env_poll(grower->env);
		grower->terms[other] = grower->terms[i];
		grower->terms[i] = term;
		if (grower->job->ncategories[term] >= 0)
			found = cut_categories(grower, node, term, hash_seeded(draw, seed));
		else
			found = cut_number(grower, node, term, hash_seeded(draw, seed));
		if (!found)
			continue;
		node->feature = term;
		return true;
	}
	return false;
}

static bool
goes_left(const IsolationGrower *grower, const IsolationNode *node, double x)
{
	if (!(node->flags & NODE_CATEGORICAL))
		return x != x ? (node->flags & NODE_DEFAULT_LEFT) != 0 : x <= node->threshold;
	return in_set(grower->set, category_of(x, grower->job->ncategories[node->feature]));
}

/* Rows that go left first; returns how many. */
static int
divide(IsolationGrower *grower, const IsolationNode *node)
{
	int			left = node->first;
	int			right = node->first + node->count;

	while (left < right)
	{
		int32_t		row = grower->order[left];

		if (goes_left(grower, node, value_at(grower, left, node->feature)))
			left++;
		else
		{
			grower->order[left] = grower->order[--right];
			grower->order[right] = row;
		}
	}
	return left - node->first;
}

static void
add_node(IsolationSlot *tree, int first, int count, int depth)
{
	IsolationNode *node = &tree->nodes[tree->nnodes++];

	memset(node, 0, sizeof(*node));
	node->first = first;
	node->count = count;
	node->depth = depth;
	node->feature = -1;
}

void
isolation_grow(IsolationGrower *grower, int tree_number, int slot)
{
	const IsolationJob *job = grower->job;
	IsolationSlot *tree = isolation_slot(grower->team, job, slot);

	grower->seed = hash_seeded((uint64_t) tree_number, job->seed);
	grower->first_value = (int64_t) slot * job->samples;
	for (int i = 0; i < job->nterms; i++)
		grower->terms[i] = i;
	for (int i = 0; i < job->samples; i++)
		grower->order[i] = i;
	tree->nnodes = 0;
	add_node(tree, 0, job->samples, 0);
	for (int head = 0; head < tree->nnodes; head++)
	{
		IsolationNode *node = &tree->nodes[head];
		int			left;

		if (!choose_cut(grower, node, hash_seeded((uint64_t) head, grower->seed)))
			continue;
		left = divide(grower, node);
		add_node(tree, node->first, left, node->depth + 1);
		add_node(tree, node->first + left, node->count - left, node->depth + 1);
	}
}

/* ------------------------------------------------------------ the finished tree */

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

CoreStatus
isolation_store(IsolationGrower *grower, int slot, TreeStore *store)
{
	const IsolationJob *job = grower->job;
	const IsolationSlot *tree = isolation_slot(grower->team, job, slot);

	for (int i = 0; i < tree->nnodes; i++)
	{
		const IsolationNode *node = &tree->nodes[i];
		TreeStoredNode stored = {0};
		double		value;

		stored.feature = node->feature;
		stored.cover = node->count;
		stored.count = node->count;
		stored.threshold = node->threshold;
		stored.flags = node->flags;
		if (node->feature < 0)
		{
			value = -LN2 * (node->depth + mean_path(node->count)) / (mean_path(job->samples) * job->ntrees);
			stored.value = &value;
		}
		else if (node->flags & NODE_CATEGORICAL)
		{
			fill_set(node, job->ncategories[node->feature], grower->set);
			stored.set = grower->set;
			stored.set_words = TREE_SET_WORDS(job->ncategories[node->feature]);
		}
		CORE_TRY(tree_store_add_node(store, &stored));
	}
	return tree_store_add_tree(store, tree->nnodes);
}

/*
 * isolation_tree.c
 *	  Sample and cuts of one tree; see isolation.h and algorithm_isolation.c.
 *
 * Cost: 5 ns a row for the sample; the tree itself is small.
 */
#include "core/isolation.h"

#include <math.h>
#include <string.h>

#include "core/hash.h"
#include "core/real.h"

#define POLL_ROWS 65536
#define POLL_VALUES 16384

size_t
isolation_slot_bytes(const IsolationJob *job)
{
	return sizeof(IsolationSlot) + (size_t) job->samples * (2 * sizeof(IsolationNode) + sizeof(int64_t));
}

int64_t *
isolation_chosen(const IsolationJob *job, IsolationSlot *slot)
{
	return (int64_t *) (slot->nodes + 2 * (size_t) job->samples);
}

CoreStatus
isolation_grower_create(CoreEnv *env, const Team *team, const IsolationJob *job, IsolationGrower **result)
{
	IsolationGrower *grower;

	CORE_ALLOC(env, grower, 1);
	grower->env = env;
	grower->team = team;
	grower->job = job;
	CORE_ALLOC(env, grower->key, (size_t) job->samples);
	CORE_ALLOC(env, grower->order, (size_t) job->samples);
	CORE_ALLOC(env, grower->terms, (size_t) job->nterms);
	CORE_ALLOC(env, grower->set, (size_t) TREE_SET_WORDS(job->most_categories));
	*result = grower;
	return CORE_OK;
}

/* ------------------------------------------------------------ samples */

/* Whether entry a of the heap comes after entry b in the tree's own order. */
static bool
comes_after(const IsolationGrower *grower, int a, int b)
{
	if (grower->key[a] != grower->key[b])
		return grower->key[a] > grower->key[b];
	return grower->chosen[a] > grower->chosen[b];
}

static void
swap_chosen(IsolationGrower *grower, int a, int b)
{
	int64_t		row = grower->chosen[a];
	double		key = grower->key[a];

	grower->chosen[a] = grower->chosen[b];
	grower->key[a] = grower->key[b];
	grower->chosen[b] = row;
	grower->key[b] = key;
}

static void
sift_down(IsolationGrower *grower, int root, int count)
{
	int			child;

	while ((child = 2 * root + 1) < count)
	{
		if (child + 1 < count && comes_after(grower, child + 1, child))
			child++;
		if (!comes_after(grower, child, root))
			break;
		swap_chosen(grower, root, child);
		root = child;
	}
}

/* A row that may be among those with the least keys; *count of them are known. */
static inline void
offer(IsolationGrower *grower, int64_t row, double key, int *count)
{
	int			samples = grower->job->samples;

	if (*count < samples)
	{
		grower->key[*count] = key;
		grower->chosen[(*count)++] = row;
		for (int root = *count / 2 - 1; *count == samples && root >= 0; root--)
			sift_down(grower, root, samples);
	}
	else if (key < grower->key[0])
	{
		grower->key[0] = key;
		grower->chosen[0] = row;
		sift_down(grower, 0, samples);
	}
}

static uint64_t
tree_seed(const IsolationJob *job, int tree)
{
	return hash_seeded((uint64_t) tree, job->seed);
}

/* Keys are uniform numbers, or exponential ones with the weight as their rate; the least of them are the sample. */
void
isolation_choose(IsolationGrower *grower, int tree, int slot)
{
	const IsolationJob *job = grower->job;
	const Team *team = grower->team;
	uint64_t	seed = tree_seed(job, tree);
	int			count = 0;

	grower->chosen = isolation_chosen(job, isolation_slot(team, job, slot));
	for (int64_t first = 0; first < job->nrows; first += POLL_ROWS)
	{
		int64_t		n = first + POLL_ROWS < job->nrows ? POLL_ROWS : job->nrows - first;
		/* so many rows, from a multiple of a power of two, are in one piece */
		const uint64_t *hash = team_table_at(team, &job->rows, first);
		const double *weight = job->weighted ? team_table_at(team, &job->weights, first) : NULL;

		env_poll(grower->env);
		for (int64_t i = 0; i < n; i++)
		{
			double		uniform;

			if (weight != NULL && !(weight[i] > 0))
				continue;
			uniform = hash_uniform(hash[i], seed);
			offer(grower, first + i, weight != NULL ? -real_log1p(-uniform) / weight[i] : uniform, &count);
		}
	}
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

void
isolation_fill_set(const IsolationNode *node, int ncategories, uint32_t *set)
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
	isolation_fill_set(node, ncategories, grower->set);
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
		isolation_fill_set(node, ncategories, grower->set);
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

	grower->seed = tree_seed(job, tree_number);
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

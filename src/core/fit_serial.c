/*
 * fit_serial.c
 *	  Passes over blocks in one process, and the tree that every driver merges in.
 *
 * The tree is that of a binary counter over the block index: two states of
 * equal size merge as soon as the second is complete, and what is left at the
 * end is joined from the right.  A worker that takes blocks first .. first +
 * 2^k - 1, with first a multiple of 2^k, therefore computes a whole subtree, and
 * any division of the blocks into such ranges gives the bits of one process.
 *
 * Memory: one state for each level of the tree, at most log2(blocks) + 2.
 */
#include "core/algorithm.h"

#include <string.h>

#define MAX_LEVELS 64

/* States of complete subtrees; level k holds 2^k blocks. */
typedef struct MergeTree
{
	void	   *pending[MAX_LEVELS];	/* waiting for a right-hand neighbour, or NULL */
	void	   *spare[MAX_LEVELS];
	int			nspare;
} MergeTree;

static CoreStatus
take_state(CoreEnv *env, const FitPlan *plan, MergeTree *tree, void **state)
{
	if (tree->nspare > 0)
		*state = tree->spare[--tree->nspare];
	else
		*state = env_alloc(env, 1, plan->state_size);
	return *state != NULL ? CORE_OK : CORE_NO_MEMORY;
}

/* Adds one block's state, which the tree then owns. */
static CoreStatus
push_state(CoreEnv *env, const FitPlan *plan, MergeTree *tree, void *state)
{
	int			level = 0;

	for (; tree->pending[level] != NULL; level++)
	{
		void	   *left = tree->pending[level];

		CORE_TRY(plan->algorithm->merge(env, plan, left, state));
		tree->spare[tree->nspare++] = state;
		tree->pending[level] = NULL;
		state = left;
	}
	tree->pending[level] = state;
	return CORE_OK;
}

/* Joins the remainders from the right; NULL for no block at all. */
static CoreStatus
join_states(CoreEnv *env, const FitPlan *plan, MergeTree *tree, void **result)
{
	void	   *right = NULL;

	for (int level = 0; level < MAX_LEVELS; level++)
	{
		void	   *left = tree->pending[level];

		if (left == NULL)
			continue;
		if (right != NULL)
		{
			CORE_TRY(plan->algorithm->merge(env, plan, left, right));
			tree->spare[tree->nspare++] = right;
		}
		tree->pending[level] = NULL;
		right = left;
	}
	*result = right;
	return CORE_OK;
}

CoreStatus
fit_merge_range(CoreEnv *env, const FitPlan *plan, const void *iterate, BlockReader read_block, void *context, int64_t first, int64_t count, void *state)
{
	const Algorithm *algorithm = plan->algorithm;
	MergeTree	tree = {{NULL}, {NULL}, 0};
	void	   *joined;

	for (int64_t i = 0; i < count; i++)
	{
		DesignBlock block;
		void	   *leaf;

		env_poll(env);
		memset(&block, 0, sizeof(block));
		CORE_TRY(read_block(env, context, first + i, &block));
		CORE_TRY(take_state(env, plan, &tree, &leaf));
		memset(leaf, 0, plan->state_size);
		algorithm->state_init(plan, iterate, leaf);
		CORE_TRY(algorithm->accumulate(env, plan, iterate, leaf, &block));
		CORE_TRY(push_state(env, plan, &tree, leaf));
	}
	CORE_TRY(join_states(env, plan, &tree, &joined));

	if (joined != NULL)
		memcpy(state, joined, plan->state_size);
	else
	{
		memset(state, 0, plan->state_size);
		algorithm->state_init(plan, iterate, state);
	}
	env_release(env, joined);
	while (tree.nspare > 0)
		env_release(env, tree.spare[--tree.nspare]);
	return CORE_OK;
}

CoreStatus
fit_serial(CoreEnv *env, const FitPlan *plan, BlockReader read_block, void *context, int64_t nblocks, void *iterate)
{
	const Algorithm *algorithm = plan->algorithm;
	void	   *state;
	bool		done = false;

	state = env_alloc(env, 1, plan->state_size);
	if (state == NULL)
		return CORE_NO_MEMORY;
	memset(iterate, 0, plan->iterate_size);
	CORE_TRY(algorithm->start(env, plan, iterate));
	for (int pass = 0; !done; pass++)
	{
		int64_t		count = nblocks;

		if (algorithm->pass_blocks != NULL)
			count = algorithm->pass_blocks(plan, iterate, nblocks);
		if (pass >= plan->max_passes)
			return env_fail(env, CORE_NUMERIC, "algorithm \"%s\" did not finish in %d passes", algorithm->name, plan->max_passes);
		CORE_TRY(fit_merge_range(env, plan, iterate, read_block, context, 0, count, state));
		CORE_TRY(algorithm->step(env, plan, iterate, state, &done));
	}
	env_release(env, state);
	return CORE_OK;
}

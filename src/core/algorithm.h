/*
 * algorithm.h
 *	  One contract for every algorithm.
 *
 * A fit is: begin -> repeat { state_init; accumulate every block; merge states
 * in a fixed binary tree; step } until done -> finish.
 *
 * `plan` is what begin derived from parameters and shape; it is read-only
 * afterwards and identical in every process (a parallel worker calls begin with
 * the same input).  `iterate` and `state` are flat, pointer-free buffers whose
 * sizes begin fixed: the driver keeps them where it likes, shared memory
 * included.  `iterate` carries what a pass needs from the last one (current
 * coefficients); workers only read it.  accumulate and merge must give the same
 * bits for the same blocks and the same tree, so results do not depend on the
 * number of processes.
 *
 * A new algorithm is one file and one line in algorithm_registry.c.
 */
#ifndef CORE_ALGORITHM_H
#define CORE_ALGORITHM_H

#include "core/model.h"

#define BLOCK_ROWS 4096			/* rows of a block in canonical order; part of the definition of results */

/* Rows of the design: no intercept column; algorithms add their own. */
typedef struct DesignBlock
{
	int			nrows;			/* <= BLOCK_ROWS */
	int			nterms;
	const double *x;			/* column-major, x[term * ld + row] */
	size_t		ld;
	const double *y;			/* regression: (mapped) value; classification: class index, binary 1 = positive */
	const double *w;			/* NULL: all 1; zero-weight rows contribute nothing */
	const double *offset;		/* on the margin scale; NULL: all 0 */
	const uint64_t *hash;		/* canonical hash of row or group, for folds by hash_seeded */
} DesignBlock;

typedef struct FitInput
{
	const ParamSet *params;
	Task		task;
	int			nterms;
	const Term *terms;			/* [nterms], for messages */
	int			nclasses;		/* as coded in y */
	char	  **classes;		/* labels in code order, for messages */
	int64_t		nrows;			/* training rows */
	uint64_t	seed;
} FitInput;

typedef struct FitPlan
{
	const struct Algorithm *algorithm;
	FitInput	input;
	size_t		state_size;		/* bytes, multiple of 64 */
	size_t		iterate_size;	/* bytes, multiple of 64 */
	int			max_passes;		/* upper bound, for progress */
	void	   *private;		/* the algorithm's */
} FitPlan;

/* The rows of a fit, for algorithms that need all of them at once. */
typedef struct FitRows
{
	const Dataset *data;
	const Transform *transform;
	int64_t		nrows;			/* rows 0 .. nrows-1 are fitted */
	const double *target;		/* as DesignBlock.y; NULL: no target */
	const double *weight;		/* NULL: all 1; rows of weight 0 are left out */
	const double *offset;		/* on the margin scale; NULL: all 0 */
	bool		training;		/* out-of-fold encodings */
} FitRows;

typedef struct Team Team;		/* core/team.h */

typedef struct Algorithm
{
	const char *name;
	const char *summary;		/* one sentence */
	unsigned	tasks;			/* bit (1 << Task) for each supported task */
	TransformProfile profile;
	const ParamSpec *params;	/* ends with name == NULL */

	CoreStatus	(*begin) (CoreEnv *env, const FitInput *input, FitPlan *plan);
	/* Fills the first iterate (zeroed before the call). */
	CoreStatus	(*start) (CoreEnv *env, const FitPlan *plan, void *iterate);
	/* Zeroed before the call. */
	void		(*state_init) (const FitPlan *plan, const void *iterate, void *state);
	CoreStatus	(*accumulate) (CoreEnv *env, const FitPlan *plan, const void *iterate, void *state, const DesignBlock *block);
	/* state = state + other, other's rows following state's. */
	CoreStatus	(*merge) (CoreEnv *env, const FitPlan *plan, void *state, const void *other);
	/* Uses the merged state; sets *done when no further pass is needed. */
	CoreStatus	(*step) (CoreEnv *env, const FitPlan *plan, void *iterate, const void *state, bool *done);
	/* Writes link, noutputs, arrays and numbers into the model. */
	CoreStatus	(*finish) (CoreEnv *env, const FitPlan *plan, const void *iterate, Model *model);

	/* Checks the arrays of a model (decoded from untrusted bytes) and sets model->scorer. */
	CoreStatus	(*bind) (CoreEnv *env, Model *model);
	/* Margins of one row of terms; out[noutputs]. Order of additions is fixed. */
	void		(*score) (const Model *model, const double *terms, double *scratch, double *out);
	int			(*scratch) (const Model *model);	/* doubles `score` needs; NULL: none */

	/*
	 * How many leading blocks (1 .. nblocks) the pass that starts from this
	 * iterate reads; NULL: all of them.  Rows are in hash order, so leading
	 * blocks are a random sample: good for early iterations.  Every driver must
	 * honour it, because results depend on it.
	 */
	int64_t		(*pass_blocks) (const FitPlan *plan, const void *iterate, int64_t nblocks);

	/*
	 * Algorithms that need rows instead of passes over blocks have these, and
	 * none of begin .. finish.  fit_rows runs in the leader of a team, fits and
	 * finishes the model; help_rows is what the team's other processes run
	 * (NULL: the leader is always alone).  Both give the same bits for any
	 * number of processes.
	 */
	CoreStatus	(*fit_rows) (CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model);
	CoreStatus	(*help_rows) (CoreEnv *env, Team *team);

	/*
	 * Margins of n rows of terms, column-major as in DesignBlock, into
	 * out[n][noutputs]: the bits of `score`, faster for many rows.  NULL: use
	 * `score`.  scratch as for `score`.
	 */
	void		(*score_rows) (const Model *model, const double *x, size_t ld, int n, double *scratch, double *out);
} Algorithm;

extern const Algorithm *algorithm_find(const char *name);	/* or NULL */
extern const Algorithm *algorithm_at(int i);	/* NULL past the end */
/* "unknown algorithm", with the nearest name as the hint. */
extern CoreStatus algorithm_lookup(CoreEnv *env, const char *name, const Algorithm **algorithm);

/*
 * The serial driver, for tests and for data that fit one process: blocks come
 * from `read_block(context, index, block)`, nblocks of them, 0-based, in order.
 * The parallel driver in pg/ merges in exactly the same tree.
 */
typedef CoreStatus (*BlockReader) (CoreEnv *env, void *context, int64_t index, DesignBlock *block);
extern CoreStatus fit_serial(CoreEnv *env, const FitPlan *plan, BlockReader read_block, void *context, int64_t nblocks, void *iterate);
/*
 * One state for blocks first .. first+count-1, merged in the fixed tree: a
 * binary counter over block index, remainders joined from the right.  With
 * first a multiple of a power of two >= count this is a subtree of the whole.
 */
extern CoreStatus fit_merge_range(CoreEnv *env, const FitPlan *plan, const void *iterate, BlockReader read_block, void *context, int64_t first, int64_t count, void *state);

extern CoreStatus algorithm_bind(CoreEnv *env, Model *model);

#endif							/* CORE_ALGORITHM_H */

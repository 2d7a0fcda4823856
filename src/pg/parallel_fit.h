/*
 * parallel_fit.h
 *	  Passes of a fit shared with PostgreSQL's parallel workers.
 */
#ifndef PG_PARALLEL_FIT_H
#define PG_PARALLEL_FIT_H

#include "postgres.h"

#include "pg/fit_driver.h"

/* What the server takes for parallel workers by itself, when a shortage is an error: see shared_segment_fits. */
#define SERVER_SEGMENT_BYTES ((Size) 1024 * 1024)

/* Workers that the settings allow, before any look at the size of the job. */
extern int	parallel_fit_allowed_workers(void);

/* Tells the user when the server had fewer free workers than were wanted. */
extern void parallel_fit_notice_launched(int launched, int wanted);

/*
 * Whether a fit of that size would use workers, so that rows are worth placing
 * in shared memory: mlops.train_workers, server limits, and `values` = rows x
 * columns.
 */
extern bool parallel_fit_plausible(int64 nrows, double values);

/*
 * Runs all passes into `iterate` (plan->iterate_size bytes).  False, with a
 * NOTICE when the user would not expect it, when the job is better done or can only be
 * done by this process alone; nothing has happened then.
 */
extern bool parallel_fit(PgEnv *env, const FitJob *job, const FitPlan *plan, void *iterate);

/* A block of rows in terms: what every driver feeds to accumulate. */
typedef struct FitBlocks
{
	const FitJob *job;
	double	   *x;				/* transform->nterms columns of BLOCK_ROWS doubles */
	struct PiecedArray *pieced; /* arrays of the job that lie in pieces; NULL: none */
	double	   *moments;		/* records of all blocks, as in FitJob, that this process may write; or NULL */
} FitBlocks;

extern void fit_blocks_init(CoreEnv *env, FitBlocks *blocks, const FitJob *job);
/* Reads a block; records its moments when nobody has. */
extern void fit_blocks_read(FitBlocks *blocks, int64 index, DesignBlock *block);
/* Records the moments of blocks that were never read as they are scored. */
extern void fit_blocks_complete_moments(PgEnv *env, const FitJob *job);

#endif							/* PG_PARALLEL_FIT_H */

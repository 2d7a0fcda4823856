/*
 * fit_driver.h
 *	  Runs the passes of a fit over a resident data set, with parallel workers
 *	  where the size pays; the same bits for any number of them.
 */
#ifndef PG_FIT_DRIVER_H
#define PG_FIT_DRIVER_H

#include "postgres.h"

#include "core/algorithm.h"
#include "core/dataset.h"
#include "pg/pg_env.h"

typedef struct FitJob
{
	const Algorithm *algorithm;
	FitInput	input;
	Transform  *transform;
	const Dataset *data;
	int64		nrows;			/* rows 0 .. nrows-1 are fitted (ntrain, or all for refit) */
	const double *weight;		/* overrides data->weight (folds); NULL: data->weight */
	const double *target;		/* mapped target; NULL: data->target */
	bool		training;		/* out-of-fold encodings */
	double	   *moments;		/* a record of term_moments.h for each block, zeroed: made of blocks as they are scored; NULL: not wanted */
} FitJob;

/* How many blocks the rows of the job make. */
static inline int64
fit_job_blocks(const FitJob *job)
{
	return (job->nrows + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

/* Fits and finishes into `model` (link, outputs, arrays, numbers). */
extern void fit_run(PgEnv *env, const FitJob *job, Model *model);

#endif							/* PG_FIT_DRIVER_H */

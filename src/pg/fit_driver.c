/*
 * fit_driver.c
 *	  Runs the passes of a fit over a resident data set; see fit_driver.h.
 *
 * Blocks of BLOCK_ROWS rows in canonical order are transformed when they are
 * needed and not kept: a block of 28 terms takes 0.9 MB, and transforming it
 * costs about as much as reading it back would.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "pg/fit_driver.h"
#include "pg/progress.h"

typedef struct BlockSource
{
	const FitJob *job;
	double	   *x;				/* nterms columns of BLOCK_ROWS */
	int64		nblocks;
	int64		blocks_read;	/* over all passes */
} BlockSource;

static CoreStatus
read_block(CoreEnv *env, void *context, int64_t index, DesignBlock *block)
{
	BlockSource *blocks = context;
	const FitJob *job = blocks->job;
	const Dataset *data = job->data;
	const double *target = job->target != NULL ? job->target : data->target;
	const double *weight = job->weight != NULL ? job->weight : data->weight;
	int64		first = index * BLOCK_ROWS;

	block->nrows = (int) Min(BLOCK_ROWS, job->nrows - first);
	block->nterms = job->transform->nterms;
	block->ld = BLOCK_ROWS;
	transform_block(job->transform, data, first, block->nrows, job->training, blocks->x, block->ld);
	block->x = blocks->x;
	block->y = target != NULL ? target + first : NULL;
	block->w = weight != NULL ? weight + first : NULL;
	block->offset = data->offset != NULL ? data->offset + first : NULL;
	block->hash = data->hash + first;
	progress_update(++blocks->blocks_read % Max(blocks->nblocks, 1));
	return CORE_OK;
}

void
fit_run(PgEnv *env, const FitJob *job, Model *model)
{
	CoreEnv    *core = &env->core;
	FitPlan		plan;
	BlockSource blocks = {0};
	void	   *iterate;
	size_t		elements;

	memset(&plan, 0, sizeof(plan));
	plan.algorithm = job->algorithm;
	plan.input = job->input;
	pg_env_check(core, job->algorithm->begin(core, &job->input, &plan));

	blocks.job = job;
	blocks.nblocks = (job->nrows + BLOCK_ROWS - 1) / BLOCK_ROWS;
	if (!size_multiply((size_t) job->transform->nterms, BLOCK_ROWS, &elements))
		elements = SIZE_MAX;
	blocks.x = env_alloc(core, elements, sizeof(double));
	iterate = env_alloc(core, 1, plan.iterate_size);
	if (blocks.x == NULL || iterate == NULL)
		pg_env_check(core, CORE_NO_MEMORY);

	progress_phase("fitting", blocks.nblocks);
	pg_env_check(core, fit_serial(core, &plan, read_block, &blocks, blocks.nblocks, iterate));
	pg_env_check(core, job->algorithm->finish(core, &plan, iterate, model));
	env_release(core, blocks.x);
	env_release(core, iterate);
}

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
#include "pg/parallel_fit.h"
#include "pg/progress.h"
#include "pg/tree_driver.h"

typedef struct SerialBlocks
{
	FitBlocks	blocks;
	int64		nblocks;
	int64		blocks_read;	/* over all passes */
} SerialBlocks;

static CoreStatus
read_block(CoreEnv *env, void *context, int64_t index, DesignBlock *block)
{
	SerialBlocks *serial = context;

	fit_blocks_read(&serial->blocks, index, block);
	progress_update(serial->blocks_read++ % serial->nblocks + 1);
	return CORE_OK;
}

static void
fit_alone(PgEnv *env, const FitJob *job, const FitPlan *plan, void *iterate)
{
	SerialBlocks serial = {0};

	fit_blocks_init(&env->core, &serial.blocks, job);
	serial.nblocks = Max(fit_job_blocks(job), 1);
	progress_phase("fitting", serial.nblocks);
	pg_env_check(&env->core, fit_serial(&env->core, plan, read_block, &serial, serial.nblocks, iterate));
	env_release(&env->core, serial.blocks.x);
}

void
fit_run(PgEnv *env, const FitJob *job, Model *model)
{
	CoreEnv    *core = &env->core;
	FitPlan		plan;
	void	   *iterate;

	if (job->algorithm->fit_rows != NULL)
	{
		tree_driver_fit(env, job, model);
		return;
	}
	memset(&plan, 0, sizeof(plan));
	plan.algorithm = job->algorithm;
	plan.input = job->input;
	pg_env_check(core, job->algorithm->begin(core, &job->input, &plan));
	iterate = env_alloc(core, 1, plan.iterate_size);
	if (iterate == NULL)
		pg_env_check(core, CORE_NO_MEMORY);

	if (!parallel_fit(env, job, &plan, iterate))
		fit_alone(env, job, &plan, iterate);
	pg_env_check(core, job->algorithm->finish(core, &plan, iterate, model));
	env_release(core, iterate);
}

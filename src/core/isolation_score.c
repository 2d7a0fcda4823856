/*
 * isolation_score.c
 *	  Scores of the training rows by a team; see isolation.h.
 *
 * The leader turns rows into terms, which takes a hundredth of the time of
 * walking them down 100 trees; a block is a unit of work.  Margins do not depend
 * on who scores.
 *
 * Cost: 12 ns for each row and tree of 256 rows.  Memory: 8 MB of blocks.
 */
#include "core/isolation.h"

#define BLOCK_ROWS_MOST 256
#define BLOCK_BYTES ((size_t) 1024 * 1024)
#define BLOCKS_BYTES ((size_t) 8 * 1024 * 1024)
#define BLOCKS_LEAST 8			/* where rows have many terms these take more */
#define POLL_WALKS 65536		/* rows x trees between polls: 2 ms */

void
isolation_plan_blocks(IsolationJob *job, int64_t nrows)
{
	size_t		row_bytes = ((size_t) job->nterms + 1) * sizeof(double);
	int64_t		most;

	job->nrows = nrows;
	job->block_rows = BLOCK_BYTES / row_bytes < BLOCK_ROWS_MOST ? (int32_t) (BLOCK_BYTES / row_bytes) : BLOCK_ROWS_MOST;
	if (job->block_rows < 1)
		job->block_rows = 1;
	job->nblocks = (int32_t) (BLOCKS_BYTES / isolation_block_bytes(job));
	if (job->nblocks < BLOCKS_LEAST)
		job->nblocks = BLOCKS_LEAST;
	most = (nrows + job->block_rows - 1) / job->block_rows;
	if (job->nblocks > most)
		job->nblocks = (int32_t) most;
}

size_t
isolation_block_bytes(const IsolationJob *job)
{
	return (size_t) job->block_rows * ((size_t) job->nterms + 1) * sizeof(double);
}

/* Rows of a block, of which the first is `first`. */
static int
block_count(const IsolationJob *job, int64_t first)
{
	return job->nrows - first < job->block_rows ? (int) (job->nrows - first) : job->block_rows;
}

static double *
block_terms(const Team *team, const IsolationJob *job, int64_t block)
{
	return team_table_at(team, &job->blocks, block);
}

static double *
block_margins(const Team *team, const IsolationJob *job, int64_t block)
{
	return block_terms(team, job, block) + (size_t) job->nterms * (size_t) job->block_rows;
}

static void
write_terms(CoreEnv *env, const Team *team, const IsolationJob *job, const FitRows *rows, int64_t first, int64_t nblocks)
{
	for (int64_t block = 0; block < nblocks; block++, first += job->block_rows)
	{
		env_poll(env);
		transform_block(rows->transform, rows->data, first, block_count(job, first), rows->training, block_terms(team, job, block),
						(size_t) job->block_rows);
	}
}

static void
collect_margins(CoreEnv *env, const Team *team, const IsolationJob *job, int64_t first, int64_t nblocks, double *margin)
{
	for (int64_t block = 0; block < nblocks; block++, first += job->block_rows)
	{
		const double *scored = block_margins(team, job, block);
		int			count = block_count(job, first);

		env_poll(env);
		for (int i = 0; i < count; i++)
			margin[first + i] = scored[i];
	}
}

static void
score_block(CoreEnv *env, const Team *team, const IsolationJob *job, const Model *model, int64_t block, int count, double *scratch)
{
	int			step = POLL_WALKS / job->ntrees > 16 ? POLL_WALKS / job->ntrees : 16;

	for (int first = 0; first < count; first += step)
	{
		env_poll(env);
		tree_model_score_rows(model, block_terms(team, job, block) + first, (size_t) job->block_rows,
							  count - first < step ? count - first : step, scratch, block_margins(team, job, block) + first);
	}
}

CoreStatus
isolation_score_rows(CoreEnv *env, Team *team, const IsolationJob *job, const Model *model, const FitRows *rows, double *margin)
{
	double	   *scratch = NULL;
	int64_t		step = (int64_t) job->nblocks * job->block_rows;

	if (model != NULL)
		CORE_ALLOC(env, scratch, (size_t) tree_model_scratch(model));
	for (int64_t first = 0; first < job->nrows; first += step)
	{
		int64_t		left = (job->nrows - first + job->block_rows - 1) / job->block_rows;
		int64_t		nblocks = left < job->nblocks ? left : job->nblocks;
		int64_t		block;

		if (rows != NULL)
			write_terms(env, team, job, rows, first, nblocks);
		team_synchronize(team, env, NULL, NULL);
		for (; model != NULL && (block = team_take(team)) < nblocks; team->units++)
			score_block(env, team, job, model, block, block_count(job, first + block * job->block_rows), scratch);
		team_synchronize(team, env, NULL, NULL);
		if (margin != NULL)
			collect_margins(env, team, job, first, nblocks, margin);
	}
	env_release(env, scratch);
	return CORE_OK;
}

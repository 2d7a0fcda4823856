/*
 * parallel_fit.c
 *	  Passes of a fit shared with PostgreSQL's parallel workers; see parallel_fit.h.
 *
 * The blocks of a pass are divided into units of 2^k blocks.  Every process,
 * the leader too, takes the next unit from a counter, accumulates and merges its
 * blocks (a subtree of the serial driver's tree) and leaves the state in the
 * unit's slot; the leader merges the slots in the same tree and takes the step.
 * The bits of the result therefore do not depend on who took what.  Between passes workers sleep on
 * a condition variable.
 *
 * Shared memory: rows (placed there when they were read, or copied), the flat
 * job, and the states.  All of it is taken before parallel mode begins; when it
 * does not fit, the caller carries on alone.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "postmaster/bgworker_internals.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "core/term_moments.h"
#include "pg/fit_flat.h"
#include "pg/guc.h"
#include "pg/parallel_abandon.h"
#include "pg/parallel_fit.h"
#include "pg/progress.h"
#include "pg/shared_segment.h"

#define KEY_SHARED UINT64CONST(0x6d6c6f7073000001)
#define MAX_UNITS 64			/* slots for states */
#define MIN_UNITS 8				/* fewer are not worth the trouble of sharing */
#define AUTO_VALUES 3e6			/* rows x terms from which workers are started by themselves */
#define AUTO_BLOCKS 16			/* blocks for each worker that is started by itself */
#define WAIT_MS 200
#define PROCESSES (MAX_PARALLEL_WORKER_LIMIT + 1)

typedef struct FitShared
{
	dsm_handle	job_segment;
	Size		job_offset;
	dsm_handle	moments_segment;	/* DSM_HANDLE_INVALID: moments are not wanted from workers */
	Size		moments_offset;
	dsm_handle	state_segment;
	Size		iterate_offset;
	Size		states_offset;
	Size		state_size;
	Size		iterate_size;
	int64		unit_blocks;
	int			nsegments;
	dsm_handle	segments[FLAT_MAX_SEGMENTS];

	/* pass number in the upper half: a ticket is good in the pass it was drawn in only */
	pg_atomic_uint64 ticket;	/* next unit */
	pg_atomic_uint64 limit;		/* units of the pass */
	pg_atomic_uint64 blocks;	/* blocks of the pass; valid while its tickets are */
	pg_atomic_uint32 completed;	/* units done in this pass */
	pg_atomic_uint32 finished;	/* no further pass */
	ConditionVariable next_pass;
	ConditionVariable pass_done;
	pg_atomic_uint64 taken[PROCESSES];	/* units done by each process: 0 leader, then workers */
} FitShared;

/* One process' view. */
typedef struct FitProcess
{
	PgEnv	   *env;
	FitShared  *shared;
	const FitPlan *plan;
	FitBlocks	blocks;
	char	   *iterate;
	char	   *states;
	double	   *moments;		/* leader: of all blocks, in shared memory; or NULL */
	int			number;			/* 0: leader */
	ParallelWork work;			/* leader */
} FitProcess;

extern PGDLLEXPORT void parallel_fit_worker_main(dsm_segment *segment, shm_toc *toc);

/* ---------- blocks ---------- */

/* Whether blocks come in the encoding that scores, not out of fold. */
static bool
reads_as_scored(const FitJob *job)
{
	for (int k = 0; k < job->transform->nfeatures; k++)
	{
		if (job->training && job->transform->features[k].fold_codes != NULL)
			return false;
	}
	return true;
}

void
fit_blocks_init(CoreEnv *env, FitBlocks *blocks, const FitJob *job)
{
	blocks->job = job;
	blocks->pieced = NULL;
	blocks->moments = reads_as_scored(job) ? job->moments : NULL;
	blocks->x = env_alloc(env, (size_t) job->transform->nterms, sizeof(double) * BLOCK_ROWS);
	if (blocks->x == NULL)
		pg_env_check(env, CORE_NO_MEMORY);
}

void
fit_blocks_read(FitBlocks *blocks, int64 index, DesignBlock *block)
{
	const FitJob *job = blocks->job;
	const Dataset *data = job->data;
	int64		first = index * BLOCK_ROWS;
	const double *target;
	const double *weight;

	fit_select_pieces(blocks->pieced, first);
	target = job->target != NULL ? job->target : data->target;
	weight = job->weight != NULL ? job->weight : data->weight;
	block->nrows = (int) Min(BLOCK_ROWS, job->nrows - first);
	block->nterms = job->transform->nterms;
	block->ld = BLOCK_ROWS;
	transform_block(job->transform, data, first, block->nrows, job->training, blocks->x, block->ld);
	block->x = blocks->x;
	block->y = target != NULL ? target + first : NULL;
	block->w = weight != NULL ? weight + first : NULL;
	block->offset = data->offset != NULL ? data->offset + first : NULL;
	block->hash = dataset_fold_hash(data) + first;
	if (blocks->moments != NULL)
	{
		double	   *record = blocks->moments + (Size) index * term_moments_doubles(block->nterms);

		if (!term_moments_made(record))
			term_moments_record(block, record);
	}
}

void
fit_blocks_complete_moments(PgEnv *env, const FitJob *job)
{
	FitJob		scored = *job;
	FitBlocks	blocks;

	scored.training = false;
	fit_blocks_init(&env->core, &blocks, &scored);
	for (int64 i = 0; i < fit_job_blocks(job); i++)
	{
		DesignBlock block;

		CHECK_FOR_INTERRUPTS();
		if (!term_moments_made(job->moments + (Size) i * term_moments_doubles(job->transform->nterms)))
			fit_blocks_read(&blocks, i, &block);
	}
	env_release(&env->core, blocks.x);
}

static CoreStatus
read_block(CoreEnv *env, void *context, int64_t index, DesignBlock *block)
{
	fit_blocks_read(context, index, block);
	return CORE_OK;
}

/* ---------- what every process does ---------- */

static uint64
pass_of(uint64 packed)
{
	return packed >> 32;
}

/* Takes a unit of the current pass; false when there is none left. */
static bool
take_unit(FitShared *shared, uint32 *unit, uint32 *nunits)
{
	uint64		ticket = pg_atomic_fetch_add_u64(&shared->ticket, 1);
	uint64		limit = pg_atomic_read_u64(&shared->limit);

	*unit = (uint32) ticket;
	*nunits = (uint32) limit;
	return pass_of(ticket) == pass_of(limit) && *unit < *nunits;
}

static void
run_units(FitProcess *process)
{
	FitShared  *shared = process->shared;
	uint32		unit;
	uint32		nunits;

	while (take_unit(shared, &unit, &nunits))
	{
		int64		first = (int64) unit * shared->unit_blocks;
		int64		count = Min(shared->unit_blocks, (int64) pg_atomic_read_u64(&shared->blocks) - first);

		pg_env_check(&process->env->core,
					 fit_merge_range(&process->env->core, process->plan, process->iterate, read_block, &process->blocks,
									 first, count, process->states + (Size) unit * shared->state_size));
		pg_atomic_fetch_add_u64(&shared->taken[process->number], 1);
		/* a full barrier: the state is visible before the count */
		if (pg_atomic_fetch_add_u32(&shared->completed, 1) + 1 == nunits)
			ConditionVariableSignal(&shared->pass_done);
		if (process->number == 0)
			progress_update(pg_atomic_read_u32(&shared->completed));
	}
}

/* ---------- workers ---------- */

static void
ignore_message(CoreEnv *env, CoreLogLevel level, const char *message)
{
}

/* The leader's plan, made again; the leader has told the user already what begin has to say. */
static void
plan_again(PgEnv *env, const FitJob *job, const FitShared *shared, FitPlan *plan)
{
	void		(*log) (CoreEnv *, CoreLogLevel, const char *) = env->core.log;

	env->core.log = ignore_message;
	memset(plan, 0, sizeof(*plan));
	plan->algorithm = job->algorithm;
	plan->input = job->input;
	pg_env_check(&env->core, job->algorithm->begin(&env->core, &job->input, plan));
	env->core.log = log;
	if (plan->state_size != shared->state_size || plan->iterate_size != shared->iterate_size)
		elog(ERROR, "a parallel worker planned another fit than its leader");
}

void
parallel_fit_worker_main(dsm_segment *segment, shm_toc *toc)
{
	FitShared  *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	char	  **addresses = palloc(sizeof(char *) * FLAT_MAX_SEGMENTS);
	List	   *mapped = NIL;
	FitProcess	process = {0};
	PiecedArray *pieced;
	FitPlan		plan;
	PgEnv		env;
	FitJob	   *job;
	uint64		pass;

	/* late: the leader has finished and may be taking its memory away */
	if (pg_atomic_read_u32(&shared->finished) != 0)
		return;

	pg_env_init(&env, CurrentMemoryContext, 0, "parallel worker");
	for (int i = 0; i < shared->nsegments; i++)
		addresses[i] = shared_segment_map(&mapped, shared->segments[i]);
	job = fit_unflatten(&env.core, shared_segment_map(&mapped, shared->job_segment) + shared->job_offset, addresses, &pieced);

	plan_again(&env, job, shared, &plan);

	process.env = &env;
	process.shared = shared;
	process.plan = &plan;
	process.number = ParallelWorkerNumber + 1;
	process.iterate = shared_segment_map(&mapped, shared->state_segment) + shared->iterate_offset;
	process.states = shared_segment_map(&mapped, shared->state_segment) + shared->states_offset;
	fit_blocks_init(&env.core, &process.blocks, job);
	process.blocks.pieced = pieced;
	if (shared->moments_segment != DSM_HANDLE_INVALID)
		process.blocks.moments = (double *) (shared_segment_map(&mapped, shared->moments_segment) + shared->moments_offset);

	do
	{
		pass = pass_of(pg_atomic_read_u64(&shared->ticket));
		run_units(&process);
		ConditionVariablePrepareToSleep(&shared->next_pass);
		while (pg_atomic_read_u32(&shared->finished) == 0 && pass_of(pg_atomic_read_u64(&shared->ticket)) == pass)
			ConditionVariableSleep(&shared->next_pass, PG_WAIT_EXTENSION);
		ConditionVariableCancelSleep();
	} while (pg_atomic_read_u32(&shared->finished) == 0);

	shared_segment_unmap(mapped);
}

/* ---------- leader ---------- */

int
parallel_fit_allowed_workers(void)
{
	int			wanted = guc_train_workers >= 0 ? guc_train_workers : max_parallel_workers_per_gather;

	if (!IsUnderPostmaster || IsInParallelMode() || max_parallel_workers == 0)
		return 0;
	return Min(wanted, max_parallel_workers);
}

void
parallel_fit_notice_launched(int launched, int wanted)
{
	if (launched < wanted)
		ereport(NOTICE,
				(errmsg("fitting with %d of %d parallel workers", launched, wanted),
				 errhint("No other worker of the server was free. Raise \"max_parallel_workers\" and \"max_worker_processes\", or lower \"mlops.train_workers\".")));
}

bool
parallel_fit_plausible(int64 nrows, double values)
{
	if (nrows < (int64) MIN_UNITS * BLOCK_ROWS || parallel_fit_allowed_workers() == 0)
		return false;
	return guc_train_workers > 0 || values >= AUTO_VALUES;
}

static int
wanted_workers(const FitJob *job, int64 nblocks)
{
	/* NULL bitmaps must lie in one segment */
	if (job->nrows / 8 > (int64) SHARED_SEGMENT_MAX)
		return 0;
	if (nblocks < MIN_UNITS || !parallel_fit_plausible(job->nrows, (double) job->nrows * job->transform->nterms))
		return 0;
	if (guc_train_workers >= 0)
		return parallel_fit_allowed_workers();
	return (int) Min(parallel_fit_allowed_workers(), Max(nblocks / AUTO_BLOCKS, 1));
}

/* Smallest power of two of blocks that leaves at most `units` units. */
static int64
choose_unit_blocks(int64 nblocks, int64 units)
{
	int64		unit_blocks = 1;

	while ((nblocks + unit_blocks - 1) / unit_blocks > units)
		unit_blocks *= 2;
	return unit_blocks;
}

static Size
moments_size(const FitJob *job)
{
	if (job->moments == NULL || !reads_as_scored(job))
		return 0;
	return (Size) fit_job_blocks(job) * term_moments_doubles(job->transform->nterms) * sizeof(double);
}

/* A place for moments that all processes record; NULL without room: fit_blocks_complete_moments records them then. */
static double *
share_moments(CoreEnv *env, const FitJob *job, SharedArena *arena, FitShared *header)
{
	Size		size = moments_size(job);
	double	   *moments = size > 0 && size <= SHARED_SEGMENT_BYTES ? shared_arena_alloc(arena, size) : NULL;

	header->moments_segment = DSM_HANDLE_INVALID;
	if (moments != NULL)
	{
		env_clear(env, moments, size);
		(void) shared_arena_locate(moments, size, &header->moments_segment, &header->moments_offset);
	}
	return moments;
}

/* Everything that workers read, in shared memory; false when there is no room. */
static bool
share_job(const FitJob *job, const FitPlan *plan, int64 nblocks, SharedArena *arena, FitShared *header, FitProcess *leader)
{
	FlatFit    *flat = palloc(sizeof(FlatFit));
	Size		units = Min(MAX_UNITS, (SHARED_SEGMENT_BYTES - plan->iterate_size) / plan->state_size);
	char	   *bytes;
	char	   *states;

	if (plan->iterate_size > SHARED_SEGMENT_BYTES / 2 || units < MIN_UNITS)
		return false;
	header->unit_blocks = choose_unit_blocks(nblocks, (int64) units);
	units = (Size) ((nblocks + header->unit_blocks - 1) / header->unit_blocks);
	if (!fit_flatten(&leader->env->core, job, arena, flat))
		return false;
	bytes = shared_arena_alloc(arena, flat->length);
	states = shared_arena_alloc(arena, plan->iterate_size + units * plan->state_size);
	if (bytes == NULL || states == NULL)
		return false;
	memcpy(bytes, flat->bytes, flat->length);

	(void) shared_arena_locate(bytes, flat->length, &header->job_segment, &header->job_offset);
	(void) shared_arena_locate(states, plan->iterate_size, &header->state_segment, &header->iterate_offset);
	header->states_offset = header->iterate_offset + plan->iterate_size;
	header->state_size = plan->state_size;
	header->iterate_size = plan->iterate_size;
	header->nsegments = flat->nsegments;
	memcpy(header->segments, flat->segments, sizeof(dsm_handle) * flat->nsegments);
	leader->iterate = states;
	leader->states = states + plan->iterate_size;
	leader->moments = share_moments(&leader->env->core, job, arena, header);
	pfree(flat->bytes);
	pfree(flat);
	return true;
}

/* Bytes of rows that are not in shared memory yet, of the states, and of what each worker takes for itself. */
static Size
extra_bytes(const FitJob *job, const FitPlan *plan, int nworkers)
{
	Size		own = sizeof(double) * BLOCK_ROWS * job->transform->nterms + 8 * plan->state_size;
	Size		bytes = 2 * 1024 * 1024 + plan->iterate_size + MAX_UNITS * plan->state_size + moments_size(job) + nworkers * own;
	FitRowArray arrays[FIT_ROW_ARRAYS];
	dsm_handle	handle;
	Size		offset;

	fit_row_arrays(job, arrays);
	for (int i = 0; i < FIT_ROW_ARRAYS; i++)
	{
		if (arrays[i].values != NULL && !shared_arena_locate(arrays[i].values, sizeof(double), &handle, &offset))
			bytes += sizeof(double) * arrays[i].nrows;
	}
	for (int c = 0; c < job->data->schema.count; c++)
	{
		const Column *column = &job->data->columns[c];

		if (!shared_arena_locate(column->values, 1, &handle, &offset))
			bytes += storage_size(column->storage) * column->feature->width * job->data->nrows;
	}
	return bytes;
}

/* As many workers as the budget has room for. */
static int
affordable_workers(const PgEnv *env, const FitJob *job, const FitPlan *plan, int wanted)
{
	Size		room = env->budget - Min(env->used, env->budget);
	int			nworkers = wanted;

	while (env->budget > 0 && nworkers > 0 && extra_bytes(job, plan, nworkers) > room)
		nworkers--;
	if (nworkers < wanted)
		ereport(NOTICE,
				(errmsg("\"mlops.train_memory\" has room for %d of %d parallel workers", nworkers, wanted),
				 errhint("Raise \"mlops.train_memory\" for more, or lower \"mlops.train_workers\".")));
	return nworkers;
}

static void
start_pass(FitProcess *leader, uint64 pass, int64 nblocks)
{
	FitShared  *shared = leader->shared;
	uint64		nunits = (uint64) ((nblocks + shared->unit_blocks - 1) / shared->unit_blocks);

	pg_atomic_write_u32(&shared->completed, 0);
	pg_atomic_write_u64(&shared->blocks, (uint64) nblocks);
	/* tickets of the last pass are void from here ... */
	(void) pg_atomic_exchange_u64(&shared->limit, pass << 32 | nunits);
	/* ... and those of this one good from here */
	(void) pg_atomic_exchange_u64(&shared->ticket, pass << 32);
	ConditionVariableBroadcast(&shared->next_pass);
}

static void
await_units(FitProcess *leader)
{
	FitShared  *shared = leader->shared;
	uint32		nunits = (uint32) pg_atomic_read_u64(&shared->limit);

	ConditionVariablePrepareToSleep(&shared->pass_done);
	while (pg_atomic_read_u32(&shared->completed) < nunits)
	{
		(void) ConditionVariableTimedSleep(&shared->pass_done, WAIT_MS, PG_WAIT_EXTENSION);
		progress_update(pg_atomic_read_u32(&shared->completed));
	}
	ConditionVariableCancelSleep();
	pg_read_barrier();
}

/*
 * The units' states in the tree of fit_serial: a binary counter over complete
 * units; the last unit, when it is short, holds the remainder and is joined
 * first, from the right.
 */
static const void *
merge_units(FitProcess *leader, int64 nblocks)
{
	FitShared  *shared = leader->shared;
	CoreEnv    *core = &leader->env->core;
	const FitPlan *plan = leader->plan;
	int64		complete = nblocks / shared->unit_blocks;
	char	   *pending[64] = {NULL};
	char	   *right = NULL;

	for (int64 unit = 0; unit < complete; unit++)
	{
		char	   *state = leader->states + (Size) unit * shared->state_size;
		int			level = 0;

		CHECK_FOR_INTERRUPTS();
		for (; pending[level] != NULL; level++)
		{
			pg_env_check(core, plan->algorithm->merge(core, plan, pending[level], state));
			state = pending[level];
			pending[level] = NULL;
		}
		pending[level] = state;
	}
	if (nblocks % shared->unit_blocks != 0)
		right = leader->states + (Size) complete * shared->state_size;
	for (int level = 0; level < (int) lengthof(pending); level++)
	{
		if (pending[level] == NULL)
			continue;
		if (right != NULL)
			pg_env_check(core, plan->algorithm->merge(core, plan, pending[level], right));
		right = pending[level];
	}
	return right;
}

static void
run_passes(FitProcess *leader, int64 nblocks)
{
	const Algorithm *algorithm = leader->plan->algorithm;
	CoreEnv    *core = &leader->env->core;
	bool		done = false;

	memset(leader->iterate, 0, leader->plan->iterate_size);
	pg_env_check(core, algorithm->start(core, leader->plan, leader->iterate));
	for (int pass = 0; !done; pass++)
	{
		int64		count = nblocks;

		if (pass >= leader->plan->max_passes)
			pg_env_check(core, env_fail(core, CORE_NUMERIC, "algorithm \"%s\" did not finish in %d passes",
										algorithm->name, leader->plan->max_passes));
		if (algorithm->pass_blocks != NULL)
			count = algorithm->pass_blocks(leader->plan, leader->iterate, nblocks);
		progress_phase("fitting", (count + leader->shared->unit_blocks - 1) / leader->shared->unit_blocks);
		start_pass(leader, (uint64) pass + 1, count);
		run_units(leader);
		await_units(leader);
		pg_env_check(core, algorithm->step(core, leader->plan, leader->iterate, merge_units(leader, count), &done));
	}
}

static FitShared *
create_shared(ParallelContext *context, const FitShared *header)
{
	FitShared  *shared = shm_toc_allocate(context->toc, sizeof(FitShared));

	memcpy(shared, header, sizeof(FitShared));
	pg_atomic_init_u64(&shared->ticket, 0);
	pg_atomic_init_u64(&shared->limit, 0);
	pg_atomic_init_u64(&shared->blocks, 0);
	pg_atomic_init_u32(&shared->completed, 0);
	pg_atomic_init_u32(&shared->finished, 0);
	ConditionVariableInit(&shared->next_pass);
	ConditionVariableInit(&shared->pass_done);
	for (int i = 0; i < PROCESSES; i++)
		pg_atomic_init_u64(&shared->taken[i], 0);
	shm_toc_insert(context->toc, KEY_SHARED, shared);
	return shared;
}

static void
report_shares(const FitShared *shared, int launched)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i <= launched; i++)
		appendStringInfo(&list, "%s" UINT64_FORMAT, i > 0 ? ", " : "", pg_atomic_read_u64((pg_atomic_uint64 *) &shared->taken[i]));
	ereport(DEBUG1,
			(errmsg_internal("units of %d blocks fitted by the leader and by %d workers: %s",
							 (int) shared->unit_blocks, launched, list.data)));
	pfree(list.data);
}

static void
launch_workers(FitProcess *leader, const FitShared *header, int nworkers)
{
	ParallelContext *context;

	EnterParallelMode();
	context = CreateParallelContext("mlops", "parallel_fit_worker_main", nworkers);
	leader->work.context = context;
	shm_toc_estimate_chunk(&context->estimator, sizeof(FitShared));
	shm_toc_estimate_keys(&context->estimator, 1);
	InitializeParallelDSM(context);
	leader->shared = create_shared(context, header);
	LaunchParallelWorkers(context);
	parallel_fit_notice_launched(context->nworkers_launched, nworkers);
	progress_workers(context->nworkers_launched);
}

static void
dismiss_workers(FitProcess *leader)
{
	ParallelContext *context = leader->work.context;

	pg_atomic_write_u32(&leader->shared->finished, 1);
	ConditionVariableBroadcast(&leader->shared->next_pass);
	WaitForParallelWorkersToFinish(context);
	report_shares(leader->shared, context->nworkers_launched);
	progress_workers(0);
	leader->work.context = NULL;
	DestroyParallelContext(context);
	ExitParallelMode();
}

static void
run_with_workers(FitProcess *leader, const FitShared *header, int nworkers, int64 nblocks)
{
	leader->work.owner = CurrentResourceOwner;
	PG_ENSURE_ERROR_CLEANUP(parallel_abandon, PointerGetDatum(&leader->work));
	launch_workers(leader, header, nworkers);
	run_passes(leader, nblocks);
	dismiss_workers(leader);
	PG_END_ENSURE_ERROR_CLEANUP(parallel_abandon, PointerGetDatum(&leader->work));
}

bool
parallel_fit(PgEnv *env, const FitJob *job, const FitPlan *plan, void *iterate)
{
	int64		nblocks = fit_job_blocks(job);
	int			nworkers = wanted_workers(job, nblocks);
	MemoryContext context;
	MemoryContext old;
	FitShared  *header;
	FitProcess	leader = {0};
	Size		extra;

	if (nworkers == 0)
		return false;
	nworkers = affordable_workers(env, job, plan, nworkers);
	if (nworkers == 0)
		return false;
	extra = extra_bytes(job, plan, nworkers);

	context = AllocSetContextCreate(CurrentMemoryContext, "mlops parallel fit", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	header = palloc0(sizeof(FitShared));
	leader.env = env;
	leader.plan = plan;
	if (!share_job(job, plan, nblocks, shared_arena_create(context, extra), header, &leader) ||
		!shared_segment_fits(SERVER_SEGMENT_BYTES))
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		ereport(NOTICE,
				(errmsg("not enough shared memory for parallel workers: fitting with one process"),
				 errhint("Enlarge /dev/shm, or set \"mlops.train_workers\" to 0.")));
		return false;
	}
	pg_env_account(env, extra);
	fit_blocks_init(&env->core, &leader.blocks, job);
	leader.blocks.moments = leader.moments;
	run_with_workers(&leader, header, nworkers, nblocks);
	memcpy(iterate, leader.iterate, plan->iterate_size);
	if (leader.moments != NULL)
		memcpy(job->moments, leader.moments, moments_size(job));

	env_release(&env->core, leader.blocks.x);
	pg_env_unaccount(env, extra);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return true;
}

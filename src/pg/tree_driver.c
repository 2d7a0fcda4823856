/*
 * tree_driver.c
 *	  A core Team of this process and PostgreSQL's parallel workers; see
 *	  tree_driver.h and core/team.h.
 *
 * Pieces of the team are arrays in dynamic shared memory, taken before parallel
 * mode begins.  When they do not fit, they are private memory and this process
 * carries on alone.  Workers attach to the pieces and run help_rows; nothing of
 * the fit is made again there.  Where the rows lie in shared memory, too, workers
 * are told where (fit_flat.h) and help to prepare them; nothing is copied for that.
 *
 * Waiting is on a condition variable, which serves cancels, timeouts and errors
 * of workers.  What ends one process ends all: an error or the death of a worker
 * reaches the leader as an error at its next poll, and the leader's abort
 * terminates workers, waits for them and removes the memory.
 */
#include "postgres.h"

#include <math.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "core/team.h"
#include "pg/fit_flat.h"
#include "pg/guc.h"
#include "pg/parallel_abandon.h"
#include "pg/parallel_fit.h"
#include "pg/progress.h"
#include "pg/shared_arena.h"
#include "pg/shared_segment.h"
#include "pg/tree_driver.h"

#define KEY_SHARED UINT64CONST(0x6d6c6f7074000001)
#define ROWS_PER_PROCESS 16384	/* fewer are not worth a process */
#define AUTO_VALUES 5e5			/* rows x terms from which workers are started by themselves */

/* Where bytes of shared memory are, for any process. */
typedef struct SharedPlace
{
	dsm_handle	segment;
	Size		offset;
} SharedPlace;

/* What workers find, at the place that the parallel context names. */
typedef struct TreeTeamShared
{
	TeamSync	sync;
	ConditionVariable advanced; /* the generation did, or the size is known */
	pg_atomic_uint32 size;		/* processes; 0: not known yet */
	pg_atomic_uint64 units[TEAM_MAX_SIZE];	/* of work done by each process */
	pg_atomic_uint64 prepared[TEAM_MAX_SIZE];	/* rows that each made ready */
	char		algorithm[NAMEDATALEN];
	Size		job_bytes;		/* of the flat job; 0: workers do without the rows */
	SharedPlace job;
	int			nsegments;		/* that the flat job refers to */
	dsm_handle	segments[FLAT_MAX_SEGMENTS];
	int			capacity;
	int			npieces;
	SharedPlace pieces[FLEXIBLE_ARRAY_MEMBER];
} TreeTeamShared;

/* The leader's team. */
typedef struct TreeTeam
{
	Team		team;			/* first */
	PgEnv	   *env;
	const FitJob *job;
	int			nworkers;		/* wanted; 0: this process is alone */
	int			refused;		/* most workers that shared memory was too small for */
	SharedArena *arena;			/* of the pieces; NULL: they are private */
	Size		accounted;
	TeamSync   *own_sync;		/* of this process alone */
	ParallelWork work;
	TreeTeamShared *shared;
	bool		growing;		/* progress has been told of trees */
} TreeTeam;

extern PGDLLEXPORT void tree_driver_worker_main(dsm_segment *segment, shm_toc *toc);

/* ---------- both sides ---------- */

static TreeTeamShared *
team_shared(Team *team)
{
	return (TreeTeamShared *) team->sync;
}

static void
team_sleep(Team *team, unsigned generation)
{
	TreeTeamShared *shared = team_shared(team);

	ConditionVariablePrepareToSleep(&shared->advanced);
	while (atomic_load(&shared->sync.generation) == generation)
		ConditionVariableSleep(&shared->advanced, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

static void
team_wake(Team *team)
{
	ConditionVariableBroadcast(&team_shared(team)->advanced);
}

static void
rows_of_job(const FitJob *job, FitRows *rows)
{
	rows->data = job->data;
	rows->transform = job->transform;
	rows->nrows = job->nrows;
	rows->target = job->target != NULL ? job->target : job->data->target;
	rows->weight = job->weight != NULL ? job->weight : job->data->weight;
	rows->offset = job->data->offset;
	rows->training = job->training;
}

/* ---------- workers ---------- */

/* All segments, from another one in each process: they unmap them in that order, too (see parallel_abandon.c). */
static void
map_in_turn(List **mapped, const TreeTeamShared *shared, int rank)
{
	int			count = shared->npieces + shared->nsegments;
	int			first = (int) ((int64) rank * count / shared->capacity);

	for (int i = 0; i < count; i++)
	{
		int			at = (first + i) % count;

		(void) shared_segment_map(mapped, at < shared->npieces ? shared->pieces[at].segment : shared->segments[at - shared->npieces]);
	}
}

static char *
map_place(List **mapped, const SharedPlace *place)
{
	return shared_segment_map(mapped, place->segment) + place->offset;
}

/* The rows as the leader has them, NULL when it alone has them. */
static const FitRows *
find_rows(PgEnv *env, List **mapped, const TreeTeamShared *shared)
{
	char	  **addresses;
	PiecedArray *pieced;
	FitRows    *rows;

	if (shared->job_bytes == 0)
		return NULL;
	addresses = palloc(sizeof(char *) * Max(shared->nsegments, 1));
	for (int i = 0; i < shared->nsegments; i++)
		addresses[i] = shared_segment_map(mapped, shared->segments[i]);
	rows = palloc0(sizeof(FitRows));
	rows_of_job(fit_unflatten(&env->core, map_place(mapped, &shared->job), addresses, &pieced), rows);
	return rows;
}

void
tree_driver_worker_main(dsm_segment *segment, shm_toc *toc)
{
	List	   *mapped = NIL;
	TreeTeamShared *shared = (TreeTeamShared *) map_place(&mapped, shm_toc_lookup(toc, KEY_SHARED, false));
	Team		team = {0};
	PgEnv		env;

	pg_env_init(&env, CurrentMemoryContext, 0, "parallel worker");
	team.rank = ParallelWorkerNumber + 1;
	team.capacity = shared->capacity;
	team.sync = &shared->sync;
	team.npieces = shared->npieces;
	team.pieces = palloc(sizeof(void *) * Max(shared->npieces, 1));
	map_in_turn(&mapped, shared, team.rank);
	for (int i = 0; i < shared->npieces; i++)
		team.pieces[i] = map_place(&mapped, &shared->pieces[i]);
	team.rows = find_rows(&env, &mapped, shared);
	team.sleep = team_sleep;
	team.wake = team_wake;

	ConditionVariablePrepareToSleep(&shared->advanced);
	while (pg_atomic_read_u32(&shared->size) == 0)
		ConditionVariableSleep(&shared->advanced, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	team.size = (int) pg_atomic_read_u32(&shared->size);

	pg_env_check(&env.core, algorithm_find(shared->algorithm)->help_rows(&env.core, &team));
	pg_atomic_write_u64(&shared->units[team.rank], (uint64) team.units);
	pg_atomic_write_u64(&shared->prepared[team.rank], (uint64) team.prepared);
	shared_segment_unmap(mapped);
}

/* ---------- the leader's memory ---------- */

static void
carry_on_alone(TreeTeam *tree)
{
	tree->nworkers = 0;
	ereport(NOTICE,
			(errmsg("not enough shared memory for parallel workers: fitting with one process"),
			 errhint("Enlarge /dev/shm, or set \"mlops.train_workers\" to 0.")));
}

/* As many workers as the budget has room for beside the pieces; accounts their private memory. */
static void
account_workers(TreeTeam *tree, Size pieces, Size own)
{
	PgEnv	   *env = tree->env;
	Size		room = env->budget > env->used ? env->budget - env->used : 0;
	int			wanted = tree->nworkers;

	room -= Min(room, pieces + 2 * own);	/* this process takes as much, and keeps trees */
	if (env->budget > 0)
		tree->nworkers = (int) Min((Size) wanted, room / Max(own, 1));
	if (tree->nworkers < wanted)
		ereport(NOTICE,
				(errmsg("\"mlops.train_memory\" has room for %d of %d parallel workers", tree->nworkers, wanted)));
	pg_env_account(env, tree->nworkers * own);
	tree->accounted += tree->nworkers * own;
}

/* The pieces did not fit: they are to be made for fewer workers. */
static void
ask_for_less(TreeTeam *tree, Size own)
{
	pg_env_unaccount(tree->env, tree->nworkers * own);
	tree->accounted -= tree->nworkers * own;
	shared_arena_release(tree->arena);
	tree->arena = NULL;
	tree->refused = Max(tree->refused, tree->nworkers);
	tree->nworkers -= Max(tree->nworkers / 4, 1);
	tree->team.capacity = 1 + tree->nworkers;
	if (tree->nworkers == 0)
		carry_on_alone(tree);
}

static CoreStatus
leader_reserve(Team *team, CoreEnv *core, const size_t *sizes, int count, size_t own)
{
	TreeTeam   *tree = (TreeTeam *) team;
	Size		pieces = 0;

	if (tree->nworkers == 0)
		return CORE_OK;
	for (int i = 0; i < count; i++)
		pieces += sizes[i];
	account_workers(tree, pieces, own);
	if (tree->nworkers == 0)
		return CORE_OK;
	tree->arena = shared_arena_create(CurrentMemoryContext, 0);
	if (!shared_arena_reserve(tree->arena, sizes, count) || !shared_segment_fits(SERVER_SEGMENT_BYTES))
		ask_for_less(tree, own);
	else if (tree->refused > 0)
		ereport(NOTICE,
				(errmsg("not enough shared memory for %d parallel workers: fitting with %d", tree->refused, tree->nworkers),
				 errhint("Enlarge /dev/shm, or lower \"mlops.train_workers\".")));
	return CORE_OK;
}

static void *
share_in_arena(TreeTeam *tree, Size size, bool zeroed)
{
	char	   *piece;

	pg_env_account(tree->env, size);
	piece = shared_arena_alloc(tree->arena, size);
	if (piece == NULL)
	{
		pg_env_unaccount(tree->env, size);
		return NULL;
	}
	tree->accounted += size;
	if (zeroed)
		env_clear(&tree->env->core, piece, size);
	return piece;
}

static CoreStatus
leader_share(Team *team, CoreEnv *core, size_t size, bool zeroed, void **piece)
{
	TreeTeam   *tree = (TreeTeam *) team;

	*piece = NULL;
	if (tree->nworkers > 0)
	{
		if (tree->arena == NULL)
			tree->arena = shared_arena_create(CurrentMemoryContext, 0);
		*piece = share_in_arena(tree, size, zeroed);
		if (*piece == NULL)
			carry_on_alone(tree);
	}
	if (*piece == NULL)
		*piece = env_alloc(core, size, 1);
	return *piece != NULL ? CORE_OK : CORE_NO_MEMORY;
}

static void
release_pieces(TreeTeam *tree)
{
	dsm_handle	segment;
	Size		offset;

	for (int i = 0; i < tree->team.npieces; i++)
	{
		if (!shared_arena_locate(tree->team.pieces[i], 1, &segment, &offset))
			env_release(&tree->env->core, tree->team.pieces[i]);
	}
	if (tree->arena != NULL)
		shared_arena_release(tree->arena);
	pg_env_unaccount(tree->env, tree->accounted);
}

/* ---------- the leader's workers ---------- */

static bool
is_shared(const void *array, Size bytes)
{
	dsm_handle	segment;
	Size		offset;

	return array == NULL || shared_arena_locate(array, bytes, &segment, &offset);
}

/* Whether workers can read all rows where they are. */
static bool
rows_are_shared(const FitJob *job)
{
	const Dataset *data = job->data;
	FitRowArray arrays[FIT_ROW_ARRAYS];

	fit_row_arrays(job, arrays);
	for (int i = 0; i < FIT_ROW_ARRAYS; i++)
	{
		if (!is_shared(arrays[i].values, (Size) arrays[i].nrows * sizeof(double)))
			return false;
	}
	for (int c = 0; c < data->schema.count; c++)
	{
		const Column *column = &data->columns[c];

		if (!is_shared(column->values, (Size) data->nrows * storage_size(column->storage) * column->feature->width) ||
			!is_shared(column->nulls, (Size) (data->nrows + 63) / 64 * sizeof(uint64)))
			return false;
	}
	return true;
}

/* Tells workers where the rows are; they do without them when that takes memory that is not there. */
static void
share_rows(TreeTeam *tree)
{
	PgEnv	   *env = tree->env;
	TreeTeamShared *shared = tree->shared;
	FlatFit    *flat;
	char	   *bytes;

	if (!tree->team.needs_rows || !rows_are_shared(tree->job))
		return;
	flat = palloc(sizeof(FlatFit));
	if (!fit_flatten(&env->core, tree->job, tree->arena, flat) ||
		(env->budget > 0 && flat->length > env->budget - Min(env->used, env->budget)) ||
		(bytes = shared_arena_alloc(tree->arena, flat->length)) == NULL)
		return;
	pg_env_account(env, flat->length);
	tree->accounted += flat->length;
	memcpy(bytes, flat->bytes, flat->length);
	(void) shared_arena_locate(bytes, flat->length, &shared->job.segment, &shared->job.offset);
	memcpy(shared->segments, flat->segments, sizeof(dsm_handle) * flat->nsegments);
	shared->nsegments = flat->nsegments;
	shared->job_bytes = flat->length;
	pfree(flat->bytes);
	pfree(flat);
}

static TreeTeamShared *
create_shared(TreeTeam *tree)
{
	Team	   *team = &tree->team;
	TreeTeamShared *shared;

	shared = shared_arena_alloc(tree->arena, offsetof(TreeTeamShared, pieces) + (Size) team->npieces * sizeof(SharedPlace));
	if (shared == NULL)
		return NULL;
	memset(shared, 0, sizeof(*shared));
	ConditionVariableInit(&shared->advanced);
	pg_atomic_init_u32(&shared->size, 0);
	for (int i = 0; i < TEAM_MAX_SIZE; i++)
	{
		pg_atomic_init_u64(&shared->units[i], 0);
		pg_atomic_init_u64(&shared->prepared[i], 0);
	}
	strlcpy(shared->algorithm, tree->job->algorithm->name, sizeof(shared->algorithm));
	shared->capacity = team->capacity;
	shared->npieces = team->npieces;
	for (int i = 0; i < team->npieces; i++)
	{
		SharedPlace *place = &shared->pieces[i];

		if (!shared_arena_locate(team->pieces[i], 1, &place->segment, &place->offset))
			elog(ERROR, "a piece of a team is not in shared memory");
	}
	return shared;
}

static void
launch_workers(TreeTeam *tree)
{
	ParallelContext *context;
	SharedPlace *place;

	EnterParallelMode();
	context = CreateParallelContext("mlops", "tree_driver_worker_main", tree->nworkers);
	tree->work.context = context;
	shm_toc_estimate_chunk(&context->estimator, sizeof(SharedPlace));
	shm_toc_estimate_keys(&context->estimator, 1);
	InitializeParallelDSM(context);
	place = shm_toc_allocate(context->toc, sizeof(SharedPlace));
	(void) shared_arena_locate(tree->shared, 1, &place->segment, &place->offset);
	shm_toc_insert(context->toc, KEY_SHARED, place);
	LaunchParallelWorkers(context);
	/* every process must take part in synchronisations: an error here when one does not start */
	WaitForParallelWorkersToAttach(context);
}

static void
dismiss_workers(TreeTeam *tree)
{
	ParallelContext *context = tree->work.context;

	progress_workers(0);
	tree->work.context = NULL;
	DestroyParallelContext(context);
	ExitParallelMode();
	tree->team.sync = tree->own_sync;
}

static void
leader_start(Team *team)
{
	TreeTeam   *tree = (TreeTeam *) team;
	int			launched;

	if (tree->nworkers == 0)
		return;
	tree->shared = create_shared(tree);
	if (tree->shared != NULL)
		share_rows(tree);
	if (tree->shared == NULL || !shared_segment_fits(SERVER_SEGMENT_BYTES))
	{
		carry_on_alone(tree);
		return;
	}
	launch_workers(tree);
	launched = tree->work.context->nworkers_launched;
	parallel_fit_notice_launched(launched, tree->nworkers);
	if (launched == 0)
	{
		dismiss_workers(tree);
		return;
	}
	team->size = 1 + launched;
	team->sync = &tree->shared->sync;
	pg_atomic_write_u32(&tree->shared->size, (uint32) team->size);
	ConditionVariableBroadcast(&tree->shared->advanced);
	progress_workers(launched);
}

static void
report(const TreeTeam *tree, const char *what, int64 own, pg_atomic_uint64 *others)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, INT64_FORMAT, own);
	for (int rank = 1; rank < tree->team.size; rank++)
		appendStringInfo(&list, ", " UINT64_FORMAT, pg_atomic_read_u64(&others[rank]));
	ereport(DEBUG1,
			(errmsg_internal("%s by the leader and by %d workers: %s", what, tree->team.size - 1, list.data)));
	pfree(list.data);
}

static void
report_units(const TreeTeam *tree)
{
	report(tree, "rows binned", tree->team.prepared, tree->shared->prepared);
	report(tree, "units of work done", tree->team.units, tree->shared->units);
}

static void
leader_stop(Team *team)
{
	TreeTeam   *tree = (TreeTeam *) team;

	if (tree->work.context == NULL)
		return;
	WaitForParallelWorkersToFinish(tree->work.context);
	report_units(tree);
	dismiss_workers(tree);
}

static void
leader_progress(Team *team, int64_t done, int64_t total, double loss)
{
	TreeTeam   *tree = (TreeTeam *) team;

	if (!tree->growing)
		progress_phase("fitting", total);
	tree->growing = true;
	if (!isnan(loss))
		progress_metric((int) done, loss);
	progress_update(done);
}

static int
wanted_workers(const FitJob *job)
{
	int64		allowed = Min(parallel_fit_allowed_workers(), TEAM_MAX_SIZE - 1);

	if (job->algorithm->help_rows == NULL ||
		(guc_train_workers < 0 && (double) job->nrows * job->transform->nterms < AUTO_VALUES))
		return 0;
	return (int) Max(Min(allowed, job->nrows / ROWS_PER_PROCESS - 1), 0);
}

static void
team_init(TreeTeam *tree, PgEnv *env, const FitJob *job)
{
	Team	   *team = &tree->team;

	pg_env_check(&env->core, team_init_serial(&env->core, team));
	tree->env = env;
	tree->job = job;
	tree->own_sync = team->sync;
	tree->nworkers = wanted_workers(job);
	team->capacity = 1 + tree->nworkers;
	team->reserve = leader_reserve;
	team->share = leader_share;
	team->start = leader_start;
	team->stop = leader_stop;
	team->sleep = team_sleep;
	team->wake = team_wake;
	team->progress = leader_progress;
}

void
tree_driver_fit(PgEnv *env, const FitJob *job, Model *model)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops trees", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CoreEnv    *core = &env->core;
	TreeTeam   *tree = palloc0(sizeof(TreeTeam));
	FitRows		rows = {0};

	rows_of_job(job, &rows);
	team_init(tree, env, job);
	progress_phase("preparing trees", 0);
	tree->work.owner = CurrentResourceOwner;
	PG_ENSURE_ERROR_CLEANUP(parallel_abandon, PointerGetDatum(&tree->work));
	pg_env_check(core, job->algorithm->fit_rows(core, &job->input, &rows, &tree->team, model));
	PG_END_ENSURE_ERROR_CLEANUP(parallel_abandon, PointerGetDatum(&tree->work));
	release_pieces(tree);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

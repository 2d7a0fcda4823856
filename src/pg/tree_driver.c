/*
 * tree_driver.c
 *	  A core Team of this process and PostgreSQL's parallel workers; see
 *	  tree_driver.h and core/team.h.
 *
 * Pieces of the team are dynamic shared memory, taken before parallel mode
 * begins; when one is refused, the pieces that follow are private memory and
 * this process carries on alone.  Waiting is on a condition variable, which
 * serves cancels and errors of workers; an abort ends the workers and removes
 * the memory.
 */
#include "postgres.h"

#include <math.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "core/team.h"
#include "pg/parallel_fit.h"
#include "pg/progress.h"
#include "pg/shared_segment.h"
#include "pg/tree_driver.h"

#define KEY_SHARED UINT64CONST(0x6d6c6f7074000001)
#define MAX_PIECES 1024
#define ROWS_PER_PROCESS 16384	/* fewer are not worth a process */
#define SERVER_SEGMENT_BYTES (1024 * 1024)
#define ZERO_STEP ((Size) 4 * 1024 * 1024)	/* bytes cleared between polls */

/* What workers find. */
typedef struct TreeTeamShared
{
	TeamSync	sync;
	ConditionVariable advanced; /* the generation did, or the size is known */
	pg_atomic_uint32 size;		/* processes; 0: not known yet */
	char		algorithm[NAMEDATALEN];
	int			capacity;
	int			npieces;
	dsm_handle	pieces[MAX_PIECES];
	pg_atomic_uint64 units[TEAM_MAX_SIZE];	/* of work done by each process */
} TreeTeamShared;

/* The leader's team. */
typedef struct TreeTeam
{
	Team		team;			/* first */
	PgEnv	   *env;
	const FitJob *job;
	int			nworkers;
	bool		alone;			/* no workers, or no room for what they need */
	dsm_segment *segments[MAX_PIECES];
	int			nsegments;
	Size		accounted;
	ParallelContext *context;
	TreeTeamShared *shared;
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

/* ---------- workers ---------- */

void
tree_driver_worker_main(dsm_segment *segment, shm_toc *toc)
{
	TreeTeamShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	void	  **pieces = palloc(sizeof(void *) * Max(shared->npieces, 1));
	dsm_segment **segments = palloc(sizeof(dsm_segment *) * Max(shared->npieces, 1));
	Team		team = {0};
	PgEnv		env;

	pg_env_init(&env, CurrentMemoryContext, 0, "parallel worker");
	for (int i = 0; i < shared->npieces; i++)
	{
		segments[i] = dsm_attach(shared->pieces[i]);
		if (segments[i] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("could not map dynamic shared memory segment")));
		pieces[i] = dsm_segment_address(segments[i]);
	}
	ConditionVariablePrepareToSleep(&shared->advanced);
	while (pg_atomic_read_u32(&shared->size) == 0)
		ConditionVariableSleep(&shared->advanced, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();

	team.rank = ParallelWorkerNumber + 1;
	team.size = (int) pg_atomic_read_u32(&shared->size);
	team.capacity = shared->capacity;
	team.sync = &shared->sync;
	team.pieces = pieces;
	team.npieces = shared->npieces;
	team.sleep = team_sleep;
	team.wake = team_wake;
	pg_env_check(&env.core, algorithm_find(shared->algorithm)->help_rows(&env.core, &team));
	pg_atomic_write_u64(&shared->units[team.rank], (uint64) team.units);
	for (int i = 0; i < shared->npieces; i++)
		dsm_detach(segments[i]);
}

/* ---------- leader ---------- */

static void
carry_on_alone(TreeTeam *tree)
{
	tree->alone = true;
	ereport(NOTICE,
			(errmsg("not enough shared memory for parallel workers: fitting with one process"),
			 errhint("Enlarge /dev/shm, or set \"mlops.train_workers\" to 0.")));
}

static void
clear(char *memory, Size size)
{
	for (Size done = 0; done < size; done += ZERO_STEP)
	{
		CHECK_FOR_INTERRUPTS();
		memset(memory + done, 0, Min(ZERO_STEP, size - done));
	}
}

static CoreStatus
leader_share(Team *team, CoreEnv *core, size_t size, void **piece)
{
	TreeTeam   *tree = (TreeTeam *) team;
	dsm_segment *segment = NULL;

	if (!tree->alone)
	{
		pg_env_account(tree->env, size);
		if (tree->nsegments < MAX_PIECES)
			segment = shared_segment_create(size);
		if (segment == NULL)
		{
			pg_env_unaccount(tree->env, size);
			carry_on_alone(tree);
		}
	}
	if (segment == NULL)
	{
		*piece = env_alloc(core, size, 1);
		return *piece != NULL ? CORE_OK : CORE_NO_MEMORY;
	}
	tree->accounted += size;
	tree->segments[tree->nsegments++] = segment;
	*piece = dsm_segment_address(segment);
	clear(*piece, size);
	return CORE_OK;
}

/* The server's own segment for parallel workers comes later, when a shortage would be an error. */
static bool
room_for_server(void)
{
	dsm_segment *segment = shared_segment_create(SERVER_SEGMENT_BYTES);

	if (segment == NULL)
		return false;
	dsm_detach(segment);
	return true;
}

static void
create_shared(TreeTeam *tree)
{
	TreeTeamShared *shared = shm_toc_allocate(tree->context->toc, sizeof(TreeTeamShared));

	memset(shared, 0, sizeof(*shared));
	ConditionVariableInit(&shared->advanced);
	pg_atomic_init_u32(&shared->size, 0);
	for (int i = 0; i < TEAM_MAX_SIZE; i++)
		pg_atomic_init_u64(&shared->units[i], 0);
	strlcpy(shared->algorithm, tree->job->algorithm->name, sizeof(shared->algorithm));
	shared->capacity = tree->team.capacity;
	shared->npieces = tree->nsegments;
	for (int i = 0; i < tree->nsegments; i++)
		shared->pieces[i] = dsm_segment_handle(tree->segments[i]);
	shm_toc_insert(tree->context->toc, KEY_SHARED, shared);
	tree->shared = shared;
}

static void
leader_start(Team *team)
{
	TreeTeam   *tree = (TreeTeam *) team;

	progress_phase("fitting", 0);
	if (!tree->alone && !room_for_server())
		carry_on_alone(tree);
	if (tree->alone)
		return;
	EnterParallelMode();
	tree->context = CreateParallelContext("mlops", "tree_driver_worker_main", tree->nworkers);
	shm_toc_estimate_chunk(&tree->context->estimator, sizeof(TreeTeamShared));
	shm_toc_estimate_keys(&tree->context->estimator, 1);
	InitializeParallelDSM(tree->context);
	create_shared(tree);
	LaunchParallelWorkers(tree->context);
	/* every process must take part in synchronisations: an error here when one does not start */
	WaitForParallelWorkersToAttach(tree->context);
	team->sync = &tree->shared->sync;
	team->size = 1 + tree->context->nworkers_launched;
	pg_atomic_write_u32(&tree->shared->size, (uint32) team->size);
	ConditionVariableBroadcast(&tree->shared->advanced);
	progress_workers(tree->context->nworkers_launched);
}

static void
report_units(const TreeTeam *tree)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, INT64_FORMAT, (int64) tree->team.units);
	for (int rank = 1; rank < tree->team.size; rank++)
		appendStringInfo(&list, ", " UINT64_FORMAT, pg_atomic_read_u64(&tree->shared->units[rank]));
	ereport(DEBUG1,
			(errmsg_internal("units of work done by the leader and by %d workers: %s", tree->team.size - 1, list.data)));
	pfree(list.data);
}

static void
leader_stop(Team *team)
{
	TreeTeam   *tree = (TreeTeam *) team;

	if (tree->context == NULL)
		return;
	WaitForParallelWorkersToFinish(tree->context);
	report_units(tree);
	progress_workers(0);
	DestroyParallelContext(tree->context);
	ExitParallelMode();
	tree->context = NULL;
	tree->shared = NULL;
	team->sync = NULL;
}

static void
leader_progress(Team *team, int64_t done, int64_t total, double loss)
{
	if (done == 1)
		progress_phase("fitting", total);
	progress_update(done);
	if (!isnan(loss))
		progress_metric((int) done, loss);
}

static int
wanted_workers(const FitJob *job)
{
	int			allowed = Min(parallel_fit_allowed_workers(), TEAM_MAX_SIZE - 1);

	if (job->algorithm->help_rows == NULL ||
		!parallel_fit_plausible(job->nrows, (double) job->nrows * job->transform->nterms))
		return 0;
	return (int) Min(allowed, Max(job->nrows / ROWS_PER_PROCESS - 1, 0));
}

void
tree_driver_fit(PgEnv *env, const FitJob *job, Model *model)
{
	CoreEnv    *core = &env->core;
	const Dataset *data = job->data;
	TreeTeam   *tree = palloc0(sizeof(TreeTeam));
	Team	   *team = &tree->team;
	FitRows		rows = {0};

	rows.data = data;
	rows.transform = job->transform;
	rows.nrows = job->nrows;
	rows.target = job->target != NULL ? job->target : data->target;
	rows.weight = job->weight != NULL ? job->weight : data->weight;
	rows.offset = data->offset;
	rows.training = job->training;

	pg_env_check(core, team_init_serial(core, team));
	tree->env = env;
	tree->job = job;
	tree->nworkers = wanted_workers(job);
	tree->alone = tree->nworkers == 0;
	team->capacity = 1 + tree->nworkers;
	team->share = leader_share;
	team->start = leader_start;
	team->stop = leader_stop;
	team->sleep = team_sleep;
	team->wake = team_wake;
	team->progress = leader_progress;
	progress_phase("preparing trees", 0);
	pg_env_check(core, job->algorithm->fit_rows(core, &job->input, &rows, team, model));
	for (int i = 0; i < tree->nsegments; i++)
		dsm_detach(tree->segments[i]);
	pg_env_unaccount(env, tree->accounted);
	pfree(tree);
}

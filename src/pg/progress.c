/*
 * progress.c
 *	  What a training is doing; see progress.h.
 *
 * The slot is a small dynamic shared memory segment.  Other sessions find it
 * without anything preloaded: its handle is published in the tag of an advisory
 * lock with a fourth field that no SQL function can take (those use 1 and 2),
 * so the lock table is the directory, and pg_locks shows the lock as well.  The
 * writer brackets each change with a counter that is odd meanwhile; readers copy
 * until they saw it even and unchanged.
 *
 * Lock and segment belong to the resource owner in force at progress_begin, which
 * drops both on abort and at exit; callbacks only forget what is gone.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "pg/guc.h"
#include "pg/progress.h"
#include "pg/shared_segment.h"

#define PROGRESS_MAGIC 0x6d6c7067	/* "mlpg" */
#define PROGRESS_LOCK_FIELD 77
#define PROGRESS_COLUMNS 13
#define READ_ATTEMPTS 1000

typedef struct ProgressData
{
	int32		pid;
	Oid			role;
	Oid			database;
	int32		workers;
	int32		iteration;		/* 0: none yet */
	double		loss;			/* NaN: none yet */
	int64		done;
	int64		total;			/* 0: unknown */
	TimestampTz started;
	char		model[NAMEDATALEN];
	char		algorithm[NAMEDATALEN];
	char		phase[NAMEDATALEN];
} ProgressData;

typedef struct ProgressSlot
{
	uint32		magic;
	pg_atomic_uint32 changes;	/* odd while the writer is inside */
	pg_atomic_uint64 counted;	/* done in this phase, as far as its processes count it themselves */
	ProgressData data;
} ProgressSlot;

/* This backend's training. */
static struct
{
	int			depth;			/* nested trainings report to the outermost */
	int			nest_level;		/* of the transaction at progress_begin */
	ResourceOwner owner;
	ProgressData data;
	ProgressSlot *slot;			/* NULL: shared memory was refused */
	dsm_segment *segment;
	LOCKTAG		tag;
	TimestampTz announced;
	char		part[32];		/* such as "fold 2 of 5", shown behind the phase */
} current;

PG_FUNCTION_INFO_V1(mlops_progress_slots);

/* ---------- writing ---------- */

static void
publish(void)
{
	ProgressSlot *slot = current.slot;

	if (slot == NULL)
		return;
	pg_atomic_write_u32(&slot->changes, pg_atomic_read_u32(&slot->changes) + 1);
	pg_write_barrier();
	slot->data = current.data;
	pg_write_barrier();
	pg_atomic_write_u32(&slot->changes, pg_atomic_read_u32(&slot->changes) + 1);
}

static void
open_slot(void)
{
	dsm_segment *segment = shared_segment_create(sizeof(ProgressSlot));
	ProgressSlot *slot;

	if (segment == NULL)
		return;
	slot = dsm_segment_address(segment);
	memset(slot, 0, sizeof(*slot));
	pg_atomic_init_u32(&slot->changes, 0);
	pg_atomic_init_u64(&slot->counted, 0);
	slot->data = current.data;
	pg_write_barrier();
	slot->magic = PROGRESS_MAGIC;

	SET_LOCKTAG_ADVISORY(current.tag, MyDatabaseId, dsm_segment_handle(segment), (uint32) MyProcPid, PROGRESS_LOCK_FIELD);
	if (LockAcquire(&current.tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		dsm_detach(segment);
		return;
	}
	current.segment = segment;
	current.slot = slot;
}

void
progress_begin(const char *model, const char *algorithm)
{
	if (current.depth > 0)
	{
		current.depth++;
		return;
	}
	memset(&current, 0, sizeof(current));
	current.nest_level = GetCurrentTransactionNestLevel();
	current.owner = CurrentResourceOwner;
	current.data.pid = MyProcPid;
	current.data.role = GetUserId();
	current.data.database = MyDatabaseId;
	current.data.loss = get_float8_nan();
	current.data.started = GetCurrentTimestamp();
	strlcpy(current.data.model, model, sizeof(current.data.model));
	strlcpy(current.data.algorithm, algorithm, sizeof(current.data.algorithm));
	strlcpy(current.data.phase, "starting", sizeof(current.data.phase));
	current.announced = current.data.started;
	open_slot();
	current.depth = 1;
}

static void
announce(void)
{
	const ProgressData *data = &current.data;
	const char *share = "";
	const char *fit = "";

	if (data->total > 0)
		share = psprintf(", %d %%", (int) (100.0 * (double) Min(data->done, data->total) / (double) data->total));
	else if (data->done > 0)
		share = psprintf(", " INT64_FORMAT " done", data->done);
	if (data->iteration > 0)
		fit = isnan(data->loss) ? psprintf(", iteration %d", data->iteration) :
			psprintf(", iteration %d, loss %.6g", data->iteration, data->loss);
	ereport(NOTICE,
			(errmsg("training \"%s\": %s%s%s", data->model, data->phase, share, fit)));
}

void
progress_update(int64 done)
{
	TimestampTz now;

	if (current.depth == 0)
		return;
	current.data.done = done;
	publish();
	if (guc_progress_interval_ms == 0)
		return;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(current.announced, now, guc_progress_interval_ms))
		return;
	current.announced = now;
	announce();
}

void
progress_phase(const char *phase, int64 total)
{
	char		name[sizeof(current.data.phase)] = "";

	if (current.depth == 0)
		return;
	if (current.part[0] != '\0')
		snprintf(name, sizeof(name), "%s (%s)", phase, current.part);
	else
		strlcpy(name, phase, sizeof(name));
	if (strcmp(name, current.data.phase) != 0)
	{
		/* those of the phase before say nothing of this one */
		current.data.iteration = 0;
		current.data.loss = get_float8_nan();
		memcpy(current.data.phase, name, sizeof(name));
	}
	current.data.total = total;
	if (current.slot != NULL)
		pg_atomic_write_u64(&current.slot->counted, 0);
	progress_update(0);
}

bool
progress_counter(dsm_handle *segment, Size *offset)
{
	if (current.slot == NULL)
		return false;
	*segment = dsm_segment_handle(current.segment);
	*offset = (Size) ((char *) &current.slot->counted - (char *) current.slot);
	return true;
}

void
progress_part(const char *part)
{
	strlcpy(current.part, part != NULL ? part : "", sizeof(current.part));
}

void
progress_metric(int iteration, double loss)
{
	if (current.depth == 0)
		return;
	current.data.iteration = iteration;
	current.data.loss = loss;
	publish();
}

void
progress_workers(int workers)
{
	if (current.depth == 0)
		return;
	current.data.workers = workers;
	publish();
}

void
progress_end(void)
{
	ResourceOwner owner = CurrentResourceOwner;

	if (current.depth == 0 || --current.depth > 0)
		return;
	if (current.segment != NULL)
	{
		/* the lock is remembered under the owner that took it */
		CurrentResourceOwner = current.owner;
		LockRelease(&current.tag, ShareLock, false);
		CurrentResourceOwner = owner;
		dsm_detach(current.segment);
	}
	memset(&current, 0, sizeof(current));
}

/* The resource owner drops lock and segment; here they are only forgotten. */
static void
forget_at_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		memset(&current, 0, sizeof(current));
}

static void
forget_at_subabort(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && current.depth > 0 &&
		GetCurrentTransactionNestLevel() <= current.nest_level)
		memset(&current, 0, sizeof(current));
}

void
progress_init(void)
{
	RegisterXactCallback(forget_at_end, NULL);
	RegisterSubXactCallback(forget_at_subabort, NULL);
}

/* ---------- reading ---------- */

static void
copy_data(ProgressSlot *slot, ProgressData *data)
{
	for (int i = 0; i < READ_ATTEMPTS; i++)
	{
		uint32		before = pg_atomic_read_u32(&slot->changes);

		pg_read_barrier();
		*data = slot->data;
		pg_read_barrier();
		if (before % 2 == 0 && pg_atomic_read_u32(&slot->changes) == before)
			return;
	}
	/* the writer died inside: what is there is as good as it gets; texts stay terminated */
	data->model[NAMEDATALEN - 1] = '\0';
	data->algorithm[NAMEDATALEN - 1] = '\0';
	data->phase[NAMEDATALEN - 1] = '\0';
}

static void
copy_slot(ProgressSlot *slot, ProgressData *data)
{
	copy_data(slot, data);
	data->done = Max(data->done, (int64) pg_atomic_read_u64(&slot->counted));
}

/* False when the segment is gone or is not a slot of that process. */
static bool
read_slot(dsm_handle handle, int pid, ProgressData *data)
{
	dsm_segment *segment = dsm_find_mapping(handle);
	bool		attached = segment == NULL;
	ProgressSlot *slot;
	bool		found;

	if (attached)
		segment = dsm_attach(handle);
	if (segment == NULL)
		return false;
	slot = dsm_segment_address(segment);
	found = dsm_segment_map_length(segment) >= sizeof(ProgressSlot) && slot->magic == PROGRESS_MAGIC;
	if (found)
	{
		copy_slot(slot, data);
		found = data->pid == pid;
	}
	if (attached)
		dsm_detach(segment);
	return found;
}

static void
put_slot(ReturnSetInfo *rsinfo, const ProgressData *data)
{
	bool		visible = has_privs_of_role(GetUserId(), data->role) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	Datum		values[PROGRESS_COLUMNS];
	bool		nulls[PROGRESS_COLUMNS] = {false};

	values[0] = Int32GetDatum(data->pid);
	values[1] = ObjectIdGetDatum(data->role);
	values[2] = ObjectIdGetDatum(data->database);
	nulls[3] = nulls[4] = nulls[5] = !visible;
	values[3] = CStringGetTextDatum(data->model);
	values[4] = CStringGetTextDatum(data->algorithm);
	values[5] = CStringGetTextDatum(data->phase);
	values[6] = Int64GetDatum(data->done);
	values[7] = Int64GetDatum(data->total);
	nulls[7] = data->total == 0;
	nulls[8] = data->total == 0;
	values[8] = Float8GetDatum(data->total == 0 ? 0 : (double) Min(data->done, data->total) / (double) data->total);
	values[9] = Int32GetDatum(data->iteration);
	nulls[9] = data->iteration == 0;
	values[10] = Float8GetDatum(data->loss);
	nulls[10] = !visible || isnan(data->loss);
	values[11] = TimestampTzGetDatum(data->started);
	values[12] = Int32GetDatum(data->workers);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
mlops_progress_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	LockData   *locks;

	InitMaterializedSRF(fcinfo, 0);
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		ProgressData data;

		if (lock->locktag.locktag_type != LOCKTAG_ADVISORY || lock->locktag.locktag_field4 != PROGRESS_LOCK_FIELD ||
			(lock->holdMask & LOCKBIT_ON(ShareLock)) == 0)
			continue;
		if (read_slot(lock->locktag.locktag_field2, lock->pid, &data))
			put_slot(rsinfo, &data);
	}
	return (Datum) 0;
}

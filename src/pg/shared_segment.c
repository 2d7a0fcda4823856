/*
 * shared_segment.c
 *	  Dynamic shared memory that may be refused; see shared_segment.h.
 *
 * The server reports a full /dev/shm as an ERROR.  Creating the segment in a
 * subtransaction turns that into an answer; one segment of 64 MB takes about
 * 15 ms, so a cancel between segments is served in time.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/shared_segment.h"

static bool
is_shortage(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_INSUFFICIENT_RESOURCES ||
		sqlstate == ERRCODE_SYSTEM_ERROR || sqlstate == ERRCODE_IO_ERROR;
}

dsm_segment *
shared_segment_create(Size size)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *volatile segment = NULL;

	Assert(size <= SHARED_SEGMENT_MAX);
	CHECK_FOR_INTERRUPTS();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (segment != NULL)
			dsm_pin_mapping(segment);	/* outlives the subtransaction */
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (!is_shortage(error->sqlerrcode))
			ReThrowError(error);
		FreeErrorData(error);
		segment = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (segment != NULL)
		dsm_unpin_mapping(segment);
	return segment;
}

bool
shared_segment_fits(Size size)
{
	dsm_segment *segment = shared_segment_create(size);

	if (segment == NULL)
		return false;
	dsm_detach(segment);
	return true;
}

char *
shared_segment_map(List **mapped, dsm_handle handle)
{
	dsm_segment *segment = dsm_find_mapping(handle);

	if (segment == NULL)
	{
		segment = dsm_attach(handle);
		if (segment == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("could not map dynamic shared memory segment")));
		*mapped = lappend(*mapped, segment);
	}
	return dsm_segment_address(segment);
}

void
shared_segment_unmap(List *mapped)
{
	ListCell   *cell;

	foreach(cell, mapped)
		dsm_detach(lfirst(cell));
}

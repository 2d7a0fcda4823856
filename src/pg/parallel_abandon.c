/*
 * parallel_abandon.c
 *	  The first thing that a leader does when an error ends its parallel workers; see
 *	  parallel_abandon.h.
 *
 * Giving shared memory back takes 0.2 to 0.3 ms a megabyte, most of it in the
 * process that unmaps it last.  Left to the abort of the transaction, which
 * waits for the workers' end first, that is the leader, alone.  Here it unmaps
 * while they end, so that the last one is some worker, another one for each
 * segment where they map them in different orders, on several processors.
 */
#include "postgres.h"

#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#include "pg/parallel_abandon.h"
#include "pg/shared_arena.h"

void
parallel_abandon(int code, Datum arg)
{
	ParallelWork *work = (ParallelWork *) DatumGetPointer(arg);
	ParallelContext *context = work->context;

	if (context == NULL)
		return;
	work->context = NULL;		/* the abort of the transaction waits for it */
	/* as an abort begins: detaching takes locks, and what it sleeps on may be in that memory */
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	for (int i = 0; i < context->nworkers_launched; i++)
	{
		if (context->worker[i].bgwhandle != NULL)
			TerminateBackgroundWorker(context->worker[i].bgwhandle);
	}
	shared_arena_release_owned(work->owner);
}

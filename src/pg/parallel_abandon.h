/*
 * parallel_abandon.h
 *	  What a leader does first when an error ends its parallel workers.
 */
#ifndef PG_PARALLEL_ABANDON_H
#define PG_PARALLEL_ABANDON_H

#include "postgres.h"

#include "access/parallel.h"
#include "utils/resowner.h"

typedef struct ParallelWork
{
	ParallelContext *context;	/* NULL: no workers at the time */
	ResourceOwner owner;		/* of the statement's shared arenas */
} ParallelWork;

/*
 * A callback of PG_ENSURE_ERROR_CLEANUP for a ParallelWork: ends its workers
 * without waiting for them and gives all arenas of the owner back, so nothing
 * may read them between the error and the abort of the owner.
 */
extern void parallel_abandon(int code, Datum work);

#endif							/* PG_PARALLEL_ABANDON_H */

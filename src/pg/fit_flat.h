/*
 * fit_flat.h
 *	  A fit job as flat bytes and shared arrays, for parallel workers of the same binary.
 *
 * Structures are copied as they are and their pointers put right on the other
 * side: leader and workers run the same library on the same machine.  Row
 * arrays (columns, target, weight, offset, hash) are not copied when they lie
 * in a shared arena already.
 */
#ifndef PG_FIT_FLAT_H
#define PG_FIT_FLAT_H

#include "postgres.h"

#include "pg/fit_driver.h"
#include "pg/shared_arena.h"

#define FLAT_MAX_SEGMENTS 1024

typedef struct FlatFit
{
	char	   *bytes;
	Size		length;
	int			nsegments;
	dsm_handle	segments[FLAT_MAX_SEGMENTS];
} FlatFit;

/*
 * Flattens the job; row arrays outside of shared memory are copied into `arena`.
 * False when it has no room.  In CurrentMemoryContext.
 */
extern bool fit_flatten(const FitJob *job, SharedArena *arena, FlatFit *flat);

/*
 * The reverse: `addresses` are those of the segments in this process.  Small
 * structures in memory of `env`, arrays where they are.  The job may be read
 * (begin, accumulate, merge), not scored or encoded.
 */
extern FitJob *fit_unflatten(CoreEnv *env, char *bytes, char *const *addresses);

#endif							/* PG_FIT_FLAT_H */

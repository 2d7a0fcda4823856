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
 * An array that is too large for one segment lies in pieces of piece_rows rows;
 * before rows of another piece are read, the pointer to it is moved.
 */
typedef struct PiecedArray
{
	char	  **pointer;		/* in the job: as if piece 0 were followed by the others */
	Size		row_bytes;
	int64		piece_rows;		/* a multiple of BLOCK_ROWS */
	int			npieces;
	char	  **pieces;
	struct PiecedArray *next;
} PiecedArray;

/* One number for each row; values may be NULL. */
typedef struct FitRowArray
{
	const void *values;
	int64		nrows;
} FitRowArray;

#define FIT_ROW_ARRAYS 7

/* All row arrays of a job but columns: targets, weights, offsets, hashes. */
extern void fit_row_arrays(const FitJob *job, FitRowArray *arrays);

/*
 * Flattens the job; row arrays outside of shared memory are copied into `arena`.
 * False when it has no room.  In CurrentMemoryContext.
 */
extern bool fit_flatten(CoreEnv *env, const FitJob *job, SharedArena *arena, FlatFit *flat);

/*
 * The reverse: `addresses` are those of the segments in this process.  Small
 * structures in memory of `env`, arrays where they are.  The job may be read
 * (begin, accumulate, merge), not scored or encoded.
 */
extern FitJob *fit_unflatten(CoreEnv *env, char *bytes, char *const *addresses, PiecedArray **pieced);
/* Makes rows first .. first + BLOCK_ROWS - 1 readable; first is a multiple of BLOCK_ROWS. */
extern void fit_select_pieces(PiecedArray *pieced, int64 first);

#endif							/* PG_FIT_FLAT_H */

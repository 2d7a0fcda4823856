/*
 * shared_arena.h
 *	  Arrays in dynamic shared memory, for parallel workers to read.
 *
 * An arena takes segments as it grows and gives arrays out of them; an array
 * never spans segments.  It lives as long as the memory context it was made in
 * or the resource owner in force then, whichever ends first.  Any pointer into
 * a live arena of this process can be turned into (segment, offset), which
 * other processes can use.
 */
#ifndef PG_SHARED_ARENA_H
#define PG_SHARED_ARENA_H

#include "postgres.h"

#include "storage/dsm.h"
#include "utils/resowner.h"

typedef struct SharedArena SharedArena;

/* `expected`: bytes that will be asked for, to size segments; 0 when they are reserved.  Not in parallel mode. */
extern SharedArena *shared_arena_create(MemoryContext context, Size expected);
/*
 * Takes the memory for arrays of these sizes, which are then asked for in this
 * order, at once: all of it, or none and false; arrays handed out before
 * stay.  Arrays above SHARED_SEGMENT_MAX are passed over.
 */
extern bool shared_arena_reserve(SharedArena *arena, const Size *sizes, int count);
/*
 * 64-byte aligned, not zeroed.  NULL for arrays above SHARED_SEGMENT_MAX, and
 * when shared memory is short: then for every later call, too.
 */
extern void *shared_arena_alloc(SharedArena *arena, Size size);
/* Gives all segments back now. */
extern void shared_arena_release(SharedArena *arena);
/* The same of all arenas of a resource owner that is about to be aborted. */
extern void shared_arena_release_owned(ResourceOwner owner);
/* Whether the bytes lie in a live arena; if so, where. */
extern bool shared_arena_locate(const void *pointer, Size size, dsm_handle *segment, Size *offset);

#endif							/* PG_SHARED_ARENA_H */

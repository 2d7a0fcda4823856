/*
 * shared_segment.h
 *	  Dynamic shared memory that may be refused.
 */
#ifndef PG_SHARED_SEGMENT_H
#define PG_SHARED_SEGMENT_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/dsm.h"

#define SHARED_SEGMENT_BYTES ((Size) 64 * 1024 * 1024)	/* usual size: takes about 25 ms */
#define SHARED_SEGMENT_MAX ((Size) 192 * 1024 * 1024)	/* for one array that is larger */

/*
 * A segment of at most SHARED_SEGMENT_MAX bytes, or NULL when the system has no
 * room for it (a full /dev/shm, no slot left); other errors are raised.  It
 * belongs to the current resource owner: an abort of the (sub)transaction
 * removes it, so does dsm_detach.  Not in parallel mode.  Not zeroed.
 */
extern dsm_segment *shared_segment_create(Size size);
/* Whether there is room for one, this moment. */
extern bool shared_segment_fits(Size size);

/*
 * Maps memory that nobody of this process has touched, by reading: the kernel
 * then maps 16 pages with one fault, when writing one.
 */
static inline void
shared_segment_touch(const void *start, Size size)
{
	const volatile char *bytes = start;

	for (Size i = 0; i < size; i += 4096)
		(void) bytes[i];
}

/*
 * Address of a segment of another process, mapped when it is not yet; `mapped`
 * collects segments, NIL at first.  An ERROR when the segment is gone.
 */
extern char *shared_segment_map(List **mapped, dsm_handle handle);
extern void shared_segment_unmap(List *mapped);

#endif							/* PG_SHARED_SEGMENT_H */

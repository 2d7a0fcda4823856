/*
 * shared_segment.h
 *	  Dynamic shared memory that may be refused.
 */
#ifndef PG_SHARED_SEGMENT_H
#define PG_SHARED_SEGMENT_H

#include "postgres.h"

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

#endif							/* PG_SHARED_SEGMENT_H */

/*
 * progress.h
 *	  What a training is doing: NOTICEs for its own session, and a dynamic shared
 *	  memory slot that mlops.training_progress reads from any session.
 */
#ifndef PG_PROGRESS_H
#define PG_PROGRESS_H

#include "postgres.h"

#include "storage/dsm.h"

/* One training at a time per backend; nested calls report to the outermost. */
extern void progress_begin(const char *model, const char *algorithm);
/* total 0: unknown. Cheap: writes the slot, now and then a NOTICE. */
extern void progress_phase(const char *phase, int64 total);
/* Which of several fits the phases from here on belong to, "fold 2 of 5"; NULL: there is but one. */
extern void progress_part(const char *part);
extern void progress_update(int64 done);
extern void progress_metric(int iteration, double loss);
/*
 * Where the processes that take part may count what is done in this phase
 * themselves: a pg_atomic_uint64 that progress_phase has set to 0.  False:
 * nobody looks.
 */
extern bool progress_counter(dsm_handle *segment, Size *offset);
/* Parallel workers that take part beside this process. */
extern void progress_workers(int workers);
/* Also runs by itself when the (sub)transaction aborts. */
extern void progress_end(void);
extern void progress_init(void);	/* called by _PG_init */

#endif							/* PG_PROGRESS_H */

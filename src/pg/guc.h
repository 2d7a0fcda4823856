/*
 * guc.h
 *	  Settings of the extension.
 */
#ifndef PG_GUC_H
#define PG_GUC_H

extern int	guc_train_memory_kb;	/* mlops.train_memory, default 1 GB */
extern int	guc_model_cache_kb;	/* mlops.model_cache_size, default 64 MB */
extern int	guc_train_workers;	/* mlops.train_workers: parallel workers beside the leader, -1: from
								 * max_parallel_workers_per_gather and the size of the data */
extern int	guc_progress_interval_ms;	/* mlops.progress_interval: NOTICE every so often, 0: none; default 10 s */

extern void guc_init(void);		/* called by _PG_init */

#endif							/* PG_GUC_H */

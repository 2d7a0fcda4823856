/*
 * guc.c
 *	  Settings of the extension; see guc.h.  docs/ and SHOW describe the same.
 *
 * All may be set by any user, like work_mem: they bound what a session may take
 * and say, never what it may read.
 */
#include "postgres.h"

#include <limits.h>

#include "postmaster/bgworker_internals.h"
#include "utils/guc.h"

#include "pg/guc.h"

int			guc_train_memory_kb = 1024 * 1024;
int			guc_model_cache_kb = 64 * 1024;
int			guc_train_workers = -1;
int			guc_progress_interval_ms = 10000;

void
guc_init(void)
{
	DefineCustomIntVariable("mlops.train_memory",
							"Sets the maximum memory to be used by one training.",
							"Counts the rows, the transformed blocks and the state of the fit. Past it, training stops with an error that names what it needs.",
							&guc_train_memory_kb,
							1024 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("mlops.model_cache_size",
							"Sets the memory that a session keeps for decoded models.",
							"0 keeps none beyond the current call.",
							&guc_model_cache_kb,
							64 * 1024, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("mlops.train_workers",
							"Sets the number of parallel workers that a training uses beside its own process.",
							"-1 derives it from max_parallel_workers_per_gather and the size of the data. Results do not depend on it.",
							&guc_train_workers,
							-1, -1, MAX_PARALLEL_WORKER_LIMIT,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("mlops.progress_interval",
							"Sets the time between progress messages of a training.",
							"0 turns the messages off; mlops.training_progress shows the progress all the same.",
							&guc_progress_interval_ms,
							10000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("mlops");
}

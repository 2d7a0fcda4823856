/*
 * mlops.c: the module itself: its magic, what happens when it is loaded, its version.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "pg/guc.h"
#include "pg/model_ref.h"
#include "pg/progress.h"

MLOPS_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(mlops_version);

void
_PG_init(void)
{
	guc_init();
	model_cache_init();
	progress_init();
}

Datum
mlops_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(MLOPS_VERSION));
}

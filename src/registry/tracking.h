/*
 * tracking.h
 *	  What the functions that write to a run have in common.
 */
#ifndef REGISTRY_TRACKING_H
#define REGISTRY_TRACKING_H

#include "postgres.h"

#include "fmgr.h"

#include "pg/catalog_exec.h"

typedef struct TrackedRun
{
	pg_uuid_t	run_uuid;
	Oid			user;			/* who asks */
	pg_uuid_t	experiment_id;
	TimestampTz started;
} TrackedRun;

/*
 * Checks that the command may write and that argument 0 is a run of the
 * caller's, and keeps the run from being ended or deleted until the end of the
 * transaction.  ERROR 42704 for unknown runs, 42501 for those of others, and
 * with must_run 55000 for a run that has ended.
 */
extern void tracked_run_open(FunctionCallInfo fcinfo, const char *function, bool must_run, TrackedRun *run);

/* Text of argument `argno`, which is a key: ERROR 22023 when empty or longer than 250 characters. */
extern char *tracked_key(FunctionCallInfo fcinfo, int argno);

/* Text of a jsonb argument that must be an object; ERROR 22023 otherwise or for a bad key, 22004 when NULL. */
extern char *tracked_object(FunctionCallInfo fcinfo, int argno, const char *name);

#endif							/* REGISTRY_TRACKING_H */

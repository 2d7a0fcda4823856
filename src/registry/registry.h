/*
 * registry.h
 *	  What the functions that change the registry have in common.
 *
 * Such a function reads its arguments, calls registry_lock, does its statements
 * between catalog_begin and catalog_end, and calls registry_changed where scores
 * may change.
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "postgres.h"

#include "fmgr.h"

#include "pg/catalog.h"
#include "pg/catalog_exec.h"
#include "pg/compat.h"
#include "pg/model_ref.h"

typedef struct Registered
{
	Oid			user;			/* who asked */
	ModelRow	model;			/* its row is locked */
	VersionRow	version;		/* .version 0: none was asked for */
	bool		newest;			/* neither reference nor argument named a version: version is the newest */
	int32		last_event;
	bool		has_production_event;
	int32		production_event;
} Registered;

/* What a bare name without a version argument means. */
typedef enum BareName
{
	BARE_NAME_MODEL,			/* the model itself */
	BARE_NAME_NEWEST,			/* its newest version */
	BARE_NAME_ERROR				/* refused: name a version */
} BareName;

/*
 * Checks that the command may write, that the caller has the privilege, and
 * locks the model's row until the end of the transaction; everything in
 * `target` was read after that.  version 0: as `reference` says ('churn/3',
 * 'churn@champion', …).  ERROR 42704 for unknown models and versions, 42501
 * without the privilege, 22023 when reference and version both name one.
 */
extern void registry_lock(const char *function, const char *reference, int32 version, BareName bare,
						  Privilege privilege, Registered *target);

/*
 * After rows were removed: in REPEATABLE READ, ERROR 40001 when `query` ($1 is
 * `id`) still finds some that the transaction's snapshot does not show.  Between
 * catalog_begin and catalog_end.
 */
extern void registry_require_gone(const char *query, CatalogArg id);

/* Plans and cached models of every session are looked at again once this commits. */
extern void registry_changed(void);

/* Argument as a C string; ERROR 22004 naming it when NULL. */
extern char *registry_text(FunctionCallInfo fcinfo, int argno, const char *name);
/* 0 when NULL; ERROR 22023 when not positive. */
extern int32 registry_version(FunctionCallInfo fcinfo, int argno);

/* The name alone, of a reference that may name no version; ERROR 22023 otherwise. */
extern char *registry_bare_name(const char *reference);

/* {"key": "value"}, a value of NULL as null. */
extern char *registry_detail(const char *key, const char *value);

/* Removes target->version with its tags, approvals, run and bytes; the caller has seen that it may go. */
extern void registry_delete_version(const Registered *target);

/*
 * Removes runs that no version refers to, with all that was logged to them and
 * data sets that no other run read.  Between catalog_begin and catalog_end.
 */
extern void registry_remove_runs(const pg_uuid_t *runs, int count);

/*
 * NOTICE that names the stored scores that another version made: tables that
 * mlops.score_into filled and whose reference means other bytes now; where what
 * `served` changed, also materialized views that lineage finds, and what the
 * model's tag "score_tables" names.  Runs as the caller.
 */
extern void registry_tell_stale(const Registered *target, bool served);

#endif							/* REGISTRY_REGISTRY_H */

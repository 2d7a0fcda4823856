/*
 * catalog_exec.h
 *	  Statements on the extension's tables, for functions that change the registry.
 */
#ifndef PG_CATALOG_EXEC_H
#define PG_CATALOG_EXEC_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "pg/extension.h"

/*
 * Statements on the extension's tables, run through SPI as the extension's
 * owner between catalog_begin and catalog_end; each sees what was committed
 * before it (READ COMMITTED) and all earlier ones.  Results are in
 * SPI_tuptable.  Arguments only: no SQL text is ever built from values.
 */
typedef struct CatalogWork
{
	RoleSwitch access;
} CatalogWork;

typedef struct CatalogArg
{
	Oid			type;
	Datum		value;
	bool		isnull;
} CatalogArg;

extern void catalog_begin(CatalogWork *work);
extern void catalog_end(CatalogWork *work);
#define CATALOG_MAX_ARGS 20
/* Rows processed; ERROR (cannot happen) unless the statement is an INSERT, UPDATE, DELETE or SELECT. */
extern uint64 catalog_execute(const char *sql, int nargs, const CatalogArg *args);
/* A SELECT under the active snapshot: more about what a catalog_find function found, whatever others have committed since. */
extern uint64 catalog_read(const char *sql, int nargs, const CatalogArg *args);
/* Column (1-based) of the first row returned by the last statement. */
extern Datum catalog_result(int column, bool *isnull);

extern CatalogArg arg_text(const char *text);	/* NULL: SQL null; also for jsonb, with a cast in the statement */
extern CatalogArg arg_uuid(const pg_uuid_t *uuid);
extern CatalogArg arg_int4(int32 value);
extern CatalogArg arg_int8(int64 value);
extern CatalogArg arg_float8(double value);
extern CatalogArg arg_bool(bool value);
extern CatalogArg arg_role(Oid role);	/* regrole */
extern CatalogArg arg_time(TimestampTz value);
extern CatalogArg arg_bytea(const uint8 *bytes, Size length);

/*
 * Makes what other sessions have committed by now, and what this command has
 * done so far, visible to the catalog_find functions (in REPEATABLE READ: the
 * transaction's snapshot).  For functions that change the registry.
 */
extern void catalog_push_snapshot(void);
extern void catalog_pop_snapshot(void);

/* A row of mlops.audit_log; between catalog_begin and catalog_end. version 0: none; role: who asked; detail: jsonb text or NULL. */
extern void catalog_audit(Oid role, const char *action, const pg_uuid_t *model_id, const char *model, int32 version, const char *detail);

#endif							/* PG_CATALOG_EXEC_H */

/*
 * catalog_exec.c
 *	  Statements on the extension's tables; see catalog_exec.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/catalog_exec.h"
#include "pg/catalog_scan.h"

void
catalog_begin(CatalogWork *work)
{
	if (catalog_is_copy())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the model registry of this node is a copy"),
				 errdetail("This is a worker of Citus; it can only predict."),
				 errhint("Connect to the coordinator.")));
	extension_enter(&work->access);
	SPI_connect();
}

void
catalog_end(CatalogWork *work)
{
	SPI_finish();
	extension_leave(&work->access);
}

static uint64
execute(const char *sql, int nargs, const CatalogArg *args, bool read_only)
{
	Oid			types[CATALOG_MAX_ARGS];
	Datum		values[CATALOG_MAX_ARGS];
	char		nulls[CATALOG_MAX_ARGS + 1] = "";
	int			result;

	Assert(nargs <= CATALOG_MAX_ARGS);
	for (int i = 0; i < nargs; i++)
	{
		types[i] = args[i].type;
		values[i] = args[i].value;
		nulls[i] = args[i].isnull ? 'n' : ' ';
	}
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, read_only, 0);
	if (result < 0)
		elog(ERROR, "registry statement failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

uint64
catalog_execute(const char *sql, int nargs, const CatalogArg *args)
{
	/* a parallel operation cannot start a command; only what reads is called in one */
	return execute(sql, nargs, args, IsInParallelMode());
}

uint64
catalog_read(const char *sql, int nargs, const CatalogArg *args)
{
	return execute(sql, nargs, args, true);
}

Datum
catalog_result(int column, bool *isnull)
{
	if (SPI_tuptable == NULL || SPI_processed == 0)
		elog(ERROR, "registry statement returned no row");
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, isnull);
}

CatalogArg
arg_text(const char *text)
{
	if (text == NULL)
		return (CatalogArg) {TEXTOID, (Datum) 0, true};
	return (CatalogArg) {TEXTOID, CStringGetTextDatum(text), false};
}

CatalogArg
arg_uuid(const pg_uuid_t *uuid)
{
	return (CatalogArg) {UUIDOID, UUIDPGetDatum(uuid), false};
}

CatalogArg
arg_int4(int32 value)
{
	return (CatalogArg) {INT4OID, Int32GetDatum(value), false};
}

CatalogArg
arg_int8(int64 value)
{
	return (CatalogArg) {INT8OID, Int64GetDatum(value), false};
}

CatalogArg
arg_float8(double value)
{
	return (CatalogArg) {FLOAT8OID, Float8GetDatum(value), false};
}

CatalogArg
arg_bool(bool value)
{
	return (CatalogArg) {BOOLOID, BoolGetDatum(value), false};
}

CatalogArg
arg_role(Oid role)
{
	return (CatalogArg) {REGROLEOID, ObjectIdGetDatum(role), false};
}

CatalogArg
arg_time(TimestampTz value)
{
	return (CatalogArg) {TIMESTAMPTZOID, TimestampTzGetDatum(value), false};
}

CatalogArg
arg_bytea(const uint8 *bytes, Size length)
{
	bytea	   *value = palloc(VARHDRSZ + length);

	SET_VARSIZE(value, VARHDRSZ + length);
	memcpy(VARDATA(value), bytes, length);
	return (CatalogArg) {BYTEAOID, PointerGetDatum(value), false};
}

void
catalog_push_snapshot(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
catalog_pop_snapshot(void)
{
	PopActiveSnapshot();
}

void
catalog_audit(Oid role, const char *action, const pg_uuid_t *model_id, const char *model, int32 version,
			  const char *detail)
{
	CatalogArg	args[] = {
		arg_role(role), arg_text(action), arg_uuid(model_id), arg_text(model), arg_int4(version), arg_text(detail)
	};

	catalog_execute("INSERT INTO mlops.audit_log (role, action, model_id, model, version, detail) "
					"VALUES ($1, $2, $3, $4, NULLIF($5, 0), $6::pg_catalog.jsonb)",
					lengthof(args), args);
}

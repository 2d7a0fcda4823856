/*
 * check_all.c
 *	  mlops.check_all: is everything that is stored still sound?
 *
 * Every model's bytes are read, hashed and decoded, as they would be to score
 * with it; references between tables, which have no foreign keys, are followed
 * in SQL (sql/82_check_all.sql).  One model is in memory at a time.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/algorithm.h"
#include "format/model_format.h"
#include "pg/catalog.h"
#include "pg/catalog_exec.h"
#include "pg/compat.h"
#include "pg/pg_env.h"

#define COLUMNS 5

PG_FUNCTION_INFO_V1(mlops_check_all);

/* A stored model, and one of the versions that have it. */
typedef struct StoredModel
{
	Datum		sha256;			/* bytea */
	char	   *model;
	int32		version;
	char	   *algorithm;
	char	   *task;
} StoredModel;

static void
require_owner(void)
{
	Oid			owner = extension_owner();

	if (has_privs_of_role(GetUserId(), owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for function mlops.check_all"),
			 errdetail("It reads every model; only members of role \"%s\" may call it.", GetUserNameFromId(owner, false))));
}

static void
put_finding(ReturnSetInfo *result, const StoredModel *stored, const char *finding)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};

	values[0] = CStringGetTextDatum("error");
	values[1] = CStringGetTextDatum("model_blobs");
	values[2] = CStringGetTextDatum(stored->model);
	values[3] = Int32GetDatum(stored->version);
	values[4] = CStringGetTextDatum(finding);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
check_references(ReturnSetInfo *result)
{
	uint64		found = catalog_execute("SELECT severity, object, model, version, finding FROM mlops.check_references() "
										"ORDER BY severity, object, model, version, finding", 0, NULL);

	for (uint64 i = 0; i < found; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
}

static StoredModel *
list_models(MemoryContext context, uint64 *count)
{
	MemoryContext spi;
	StoredModel *list;

	*count = catalog_execute("SELECT DISTINCT ON (v.model_sha256) v.model_sha256, COALESCE(m.name, v.model_id::pg_catalog.text), v.version, "
							 "v.algorithm, v.task FROM mlops.model_versions v LEFT JOIN mlops.registered_models m USING (model_id) "
							 "WHERE EXISTS (SELECT FROM mlops.model_blobs b WHERE b.sha256 = v.model_sha256) "
							 "ORDER BY v.model_sha256, m.name, v.version", 0, NULL);
	spi = MemoryContextSwitchTo(context);
	list = palloc0(sizeof(StoredModel) * Max(*count, 1));
	for (uint64 i = 0; i < *count; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	descriptor = SPI_tuptable->tupdesc;
		bool		isnull;

		list[i].sha256 = PointerGetDatum(DatumGetByteaPCopy(SPI_getbinval(tuple, descriptor, 1, &isnull)));
		list[i].model = TextDatumGetCString(SPI_getbinval(tuple, descriptor, 2, &isnull));
		list[i].version = DatumGetInt32(SPI_getbinval(tuple, descriptor, 3, &isnull));
		list[i].algorithm = TextDatumGetCString(SPI_getbinval(tuple, descriptor, 4, &isnull));
		list[i].task = TextDatumGetCString(SPI_getbinval(tuple, descriptor, 5, &isnull));
	}
	MemoryContextSwitchTo(spi);
	return list;
}

/* All chunks in order, as one; gaps are found elsewhere and give another hash here. */
static uint8 *
read_bytes(const StoredModel *stored, Size *length)
{
	CatalogArg	key = {BYTEAOID, stored->sha256, false};
	uint64		chunks = catalog_execute("SELECT data FROM mlops.model_blobs WHERE sha256 = $1 ORDER BY chunk_no", 1, &key);
	uint8	   *bytes;
	bool		isnull;

	*length = 0;
	for (uint64 i = 0; i < chunks; i++)
	{
		bytea	   *data = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		*length += VARSIZE_ANY_EXHDR(data);
	}
	if (*length > MODEL_MAX_BYTES)
		return NULL;
	bytes = palloc(Max(*length, 1));
	*length = 0;
	for (uint64 i = 0; i < chunks; i++)
	{
		bytea	   *data = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		memcpy(bytes + *length, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
		*length += VARSIZE_ANY_EXHDR(data);
	}
	return bytes;
}

/* What is wrong with the bytes, or NULL. */
static const char *
check_bytes(const StoredModel *stored)
{
	PgEnv		env;
	Model	   *model;
	uint8		digest[32];
	Size		length;
	uint8	   *bytes = read_bytes(stored, &length);

	if (bytes == NULL)
		return "the bytes are longer than a model may be";
	catalog_sha256(bytes, length, digest);
	if (memcmp(digest, VARDATA_ANY(DatumGetByteaPP(stored->sha256)), sizeof(digest)) != 0)
		return "the bytes do not have the hash they are stored under";
	pg_env_init(&env, CurrentMemoryContext, 0, "checking a model");
	if (model_decode(&env.core, bytes, length, false, &model) != CORE_OK)
		return psprintf("the bytes are no sound model: %s", env.core.message);
	if (strcmp(model->algorithm->name, stored->algorithm) != 0 || strcmp(task_name(model->task), stored->task) != 0)
		return psprintf("algorithm %s and task %s are recorded, but the model is %s for %s", stored->algorithm, stored->task,
						model->algorithm->name, task_name(model->task));
	return NULL;
}

Datum
mlops_check_all(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller = CurrentMemoryContext;
	CatalogWork work;
	StoredModel *stored;
	uint64		count;

	InitMaterializedSRF(fcinfo, 0);
	require_owner();
	catalog_begin(&work);
	check_references(result);
	stored = list_models(caller, &count);
	catalog_end(&work);

	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext one = AllocSetContextCreate(caller, "mlops check", ALLOCSET_DEFAULT_SIZES);
		const char *finding;

		CHECK_FOR_INTERRUPTS();
		catalog_begin(&work);
		MemoryContextSwitchTo(one);
		finding = check_bytes(&stored[i]);
		if (finding != NULL)
			put_finding(result, &stored[i], finding);
		catalog_end(&work);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(one);
	}
	return (Datum) 0;
}

/*
 * compare.c
 *	  Versions of a model, or runs, laid side by side.
 *
 * The result is long: one row for each fact and version, also where a version
 * lacks the fact, so that every fact has as many rows as versions are compared.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "pg/model_ref.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_compare);
PG_FUNCTION_INFO_V1(mlops_compare_runs);

/* Facts of the runs of `things (id, run_uuid)`. */
#define RUN_FACTS \
	"SELECT 'metric' AS kind, k.key AS name, t.id, CASE WHEN k.is_nan THEN NULL ELSE k.value::pg_catalog.text END AS value, " \
	"CASE WHEN k.is_nan THEN NULL ELSE k.value END AS number " \
	"FROM things t JOIN (SELECT DISTINCT ON (run_uuid, key) * FROM mlops.metrics ORDER BY run_uuid, key, step DESC) k USING (run_uuid) " \
	"UNION ALL SELECT 'param', p.key, t.id, p.value, NULL FROM things t JOIN mlops.params p USING (run_uuid) " \
	"UNION ALL SELECT 'tag', g.key, t.id, g.value, NULL FROM things t JOIN mlops.tags g USING (run_uuid) " \
	"UNION ALL SELECT 'data', f.name, t.id, f.value, NULL " \
	"FROM things t JOIN mlops.inputs i ON i.run_uuid = t.run_uuid AND i.context = 'training' " \
	"JOIN mlops.datasets d USING (dataset_uuid) " \
	"CROSS JOIN LATERAL (VALUES ('source', d.dataset_source), ('digest', d.digest)) f (name, value) " \
	"UNION ALL SELECT 'feature', c.value ->> 'name', t.id, c.value ->> 'type', NULL " \
	"FROM things t JOIN mlops.inputs i ON i.run_uuid = t.run_uuid AND i.context = 'training' " \
	"JOIN mlops.datasets d USING (dataset_uuid) " \
	"CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof(d.dataset_schema) " \
	"WHEN 'array' THEN d.dataset_schema ELSE '[]' END) c "

/* Every fact of every thing, and whether the things differ in it. */
#define SIDE_BY_SIDE \
	"SELECT n.kind, n.name, t.id, f.value, f.number, " \
	"pg_catalog.min(f.value) OVER w IS DISTINCT FROM pg_catalog.max(f.value) OVER w " \
	"OR pg_catalog.count(f.value) OVER w NOT IN (0, pg_catalog.count(*) OVER w) " \
	"FROM (SELECT DISTINCT kind, name FROM facts) n CROSS JOIN things t " \
	"LEFT JOIN facts f ON f.kind = n.kind AND f.name = n.name AND f.id = t.id " \
	"WINDOW w AS (PARTITION BY n.kind, n.name) " \
	"ORDER BY pg_catalog.array_position('{version,metric,param,data,feature,tag}'::pg_catalog.text[], n.kind), " \
	"n.name COLLATE \"C\", t.place"

static void
put_rows(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		values[6];
		bool		nulls[6];

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < 6; k++)
			values[k] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, k + 1, &nulls[k]);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
}

/* Elements of an array argument without nulls; *count 0 when the argument is NULL. */
static Datum *
elements(FunctionCallInfo fcinfo, int argno, Oid type, int *count)
{
	Datum	   *values;
	bool	   *nulls;

	*count = 0;
	if (PG_ARGISNULL(argno))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), type, type == UUIDOID ? UUID_LEN : sizeof(int32), type != UUIDOID,
					  type == UUIDOID ? TYPALIGN_CHAR : TYPALIGN_INT, &values, &nulls, count);
	for (int i = 0; i < *count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("what is to be compared must not be null")));
	return values;
}

/* compare(model, VARIADIC versions): all versions when none is named */
Datum
mlops_compare(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	ModelRow	model;
	CatalogWork work;
	Datum	   *versions;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	if (!catalog_find_model(name, &model))
		catalog_unknown_model(name);
	access_require(&model.model_id, model.name, model.owner, PRIVILEGE_READ);
	versions = elements(fcinfo, 1, INT4OID, &count);
	for (int i = 0; i < count; i++)
	{
		VersionRow	version;

		CHECK_FOR_INTERRUPTS();
		if (!catalog_find_version(&model.model_id, DatumGetInt32(versions[i]), &version))
			catalog_unknown_version(&model, DatumGetInt32(versions[i]));
	}

	catalog_begin(&work);
	{
		CatalogArg	args[] = {arg_uuid(&model.model_id), {INT4ARRAYOID, PG_GETARG_DATUM(1), count == 0}};

		catalog_execute("WITH things AS (SELECT v.version AS id, v.run_id AS run_uuid, "
						"COALESCE(pg_catalog.array_position($2, v.version), v.version) AS place, v.* "
						"FROM mlops.model_versions v WHERE v.model_id = $1 AND ($2 IS NULL OR v.version = ANY ($2))), "
						"facts AS (" RUN_FACTS
						"UNION ALL SELECT 'version', f.name, t.id, f.value, f.number FROM things t CROSS JOIN LATERAL (VALUES "
						"('stage', t.stage, NULL::pg_catalog.float8), ('algorithm', t.algorithm, NULL), ('task', t.task, NULL), "
						"('author', pg_catalog.pg_get_userbyid(t.user_id)::pg_catalog.text, NULL), "
						"('created_at', t.creation_time::pg_catalog.text, NULL), "
						"('model_sha256', pg_catalog.encode(t.model_sha256, 'hex'), NULL), "
						"('model_bytes', t.model_bytes::pg_catalog.text, t.model_bytes), "
						"('rows_train', t.rows_train::pg_catalog.text, t.rows_train), "
						"('rows_test', t.rows_test::pg_catalog.text, t.rows_test), "
						"('seconds', t.seconds::pg_catalog.text, t.seconds), "
						"('target', t.target, NULL), ('key', t.key, NULL)) f (name, value, number)) "
						SIDE_BY_SIDE, lengthof(args), args);
	}
	put_rows(fcinfo);
	catalog_end(&work);
	return (Datum) 0;
}

/* Whether the caller may see a run: his own, or one that made a version which he may read. */
static void
require_visible_run(const pg_uuid_t *run)
{
	Oid			user = GetUserId();
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	id = arg_uuid(run);
	CatalogWork work;
	pg_uuid_t  *models;
	Oid		   *owners;
	uint64		count;
	bool		isnull;
	bool		visible;

	catalog_begin(&work);
	visible = catalog_execute("SELECT user_id FROM mlops.runs WHERE run_uuid = $1", 1, &id) > 0 &&
		has_privs_of_role(user, DatumGetObjectId(catalog_result(1, &isnull)));
	count = catalog_execute("SELECT m.model_id, m.owner FROM mlops.model_versions v "
							"JOIN mlops.registered_models m USING (model_id) WHERE v.run_id = $1", 1, &id);
	models = MemoryContextAlloc(caller, sizeof(pg_uuid_t) * Max(count, 1));
	owners = MemoryContextAlloc(caller, sizeof(Oid) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
	{
		models[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		owners[i] = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
	}
	catalog_end(&work);
	for (uint64 i = 0; i < count && !visible; i++)
		visible = access_allowed(&models[i], owners[i], PRIVILEGE_READ);
	if (!visible)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("run %s does not exist, or you may not see it",
						DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(run)))),
				 errhint("The view mlops.experiment_runs lists the runs that you may see.")));
}

/* compare_runs(VARIADIC runs) */
Datum
mlops_compare_runs(PG_FUNCTION_ARGS)
{
	CatalogWork work;
	Datum	   *runs;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	runs = elements(fcinfo, 0, UUIDOID, &count);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no runs to compare"),
				 errhint("Name them: mlops.compare_runs(run, another_run).")));
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		require_visible_run(DatumGetUUIDP(runs[i]));
	}

	catalog_begin(&work);
	{
		CatalogArg	arg = {UUIDARRAYOID, PG_GETARG_DATUM(0), false};

		catalog_execute("WITH things AS (SELECT r.run_uuid AS id, r.run_uuid, pg_catalog.array_position($1, r.run_uuid) AS place "
						"FROM mlops.runs r WHERE r.run_uuid = ANY ($1)), facts AS (" RUN_FACTS ") " SIDE_BY_SIDE, 1, &arg);
	}
	put_rows(fcinfo);
	catalog_end(&work);
	return (Datum) 0;
}

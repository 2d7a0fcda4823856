/*
 * log.c
 *	  What a running run records: parameters, metrics, data sets, models.
 *
 * Parameters never change; logging the same one again with the same value is
 * allowed, so that a repeated call does no harm.  A metric has one value for
 * each step.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/algorithm.h"
#include "pg/model_ref.h"
#include "pg/params_json.h"
#include "pg/source.h"
#include "pg/value.h"
#include "registry/registry.h"
#include "registry/tracking.h"

PG_FUNCTION_INFO_V1(mlops_log_param);
PG_FUNCTION_INFO_V1(mlops_log_params);
PG_FUNCTION_INFO_V1(mlops_log_metric);
PG_FUNCTION_INFO_V1(mlops_log_metrics);
PG_FUNCTION_INFO_V1(mlops_log_dataset);
PG_FUNCTION_INFO_V1(mlops_log_model);

#define METRIC_VALUES \
	"(SELECT j.key, CASE pg_catalog.jsonb_typeof(j.value) WHEN 'null' THEN 'NaN' " \
	"ELSE (j.value #>> '{}')::pg_catalog.float8 END AS value FROM pg_catalog.jsonb_each($2::pg_catalog.jsonb) j)"

static void
log_params(const TrackedRun *run, const char *object)
{
	CatalogArg	args[] = {arg_uuid(&run->run_uuid), arg_text(object)};
	CatalogWork work;
	bool		isnull;

	catalog_begin(&work);
	catalog_execute("INSERT INTO mlops.params (run_uuid, key, value) "
					"SELECT $1, j.key, COALESCE(j.value, 'null') FROM pg_catalog.jsonb_each_text($2::pg_catalog.jsonb) j "
					"ORDER BY j.key ON CONFLICT DO NOTHING", lengthof(args), args);
	/* what was there, also from a session that we waited for, must be equal */
	if (catalog_execute("SELECT p.key, p.value, COALESCE(j.value, 'null') FROM mlops.params p "
						"JOIN pg_catalog.jsonb_each_text($2::pg_catalog.jsonb) j ON j.key = p.key "
						"WHERE p.run_uuid = $1 AND p.value <> COALESCE(j.value, 'null') ORDER BY p.key LIMIT 1",
						lengthof(args), args) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("parameter \"%s\" of the run is recorded already", TextDatumGetCString(catalog_result(1, &isnull))),
				 errdetail("Its value is \"%s\", not \"%s\".", TextDatumGetCString(catalog_result(2, &isnull)),
						   TextDatumGetCString(catalog_result(3, &isnull))),
				 errhint("Parameters do not change; start another run.")));
	catalog_end(&work);
}

/* log_param(run, key, value) */
Datum
mlops_log_param(PG_FUNCTION_ARGS)
{
	char	   *key = tracked_key(fcinfo, 1);
	char	   *value = registry_text(fcinfo, 2, "value");
	TrackedRun	run;

	tracked_run_open(fcinfo, "mlops.log_param()", true, &run);
	log_params(&run, registry_detail(key, value));
	PG_RETURN_VOID();
}

/* log_params(run, params) */
Datum
mlops_log_params(PG_FUNCTION_ARGS)
{
	char	   *object = tracked_object(fcinfo, 1, "params");
	TrackedRun	run;

	tracked_run_open(fcinfo, "mlops.log_params()", true, &run);
	log_params(&run, object);
	PG_RETURN_VOID();
}

/* Arguments `argno` (step) and the next (timestamp). */
static void
log_metrics(FunctionCallInfo fcinfo, const TrackedRun *run, const char *object, int argno)
{
	TimestampTz at = PG_ARGISNULL(argno + 1) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(argno + 1);
	CatalogArg	args[] = {
		arg_uuid(&run->run_uuid), arg_text(object), arg_int8(PG_ARGISNULL(argno) ? 0 : PG_GETARG_INT64(argno)), arg_time(at)
	};
	CatalogWork work;
	bool		isnull;

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time of a metric must be finite")));
	catalog_begin(&work);
	if (catalog_execute("SELECT j.key FROM pg_catalog.jsonb_each($1::pg_catalog.jsonb) j "
						"WHERE pg_catalog.jsonb_typeof(j.value) NOT IN ('number', 'null') "
						"AND j.value NOT IN ('\"NaN\"', '\"Infinity\"', '\"-Infinity\"') ORDER BY j.key LIMIT 1", 1, &args[1]) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" is not a number", TextDatumGetCString(catalog_result(1, &isnull))),
				 errhint("A metric is a number, null, \"NaN\", \"Infinity\" or \"-Infinity\".")));
	catalog_execute("INSERT INTO mlops.metrics (run_uuid, key, step, value, is_nan, \"timestamp\") "
					"SELECT $1, m.key, $3, CASE WHEN m.value = 'NaN' THEN 0 ELSE m.value END, m.value = 'NaN', $4 "
					"FROM " METRIC_VALUES " m ORDER BY m.key "
					"ON CONFLICT (run_uuid, key, step) DO UPDATE SET value = EXCLUDED.value, is_nan = EXCLUDED.is_nan, "
					"\"timestamp\" = EXCLUDED.\"timestamp\"", lengthof(args), args);
	catalog_end(&work);
}

/* log_metric(run, key, value, step, timestamp) */
Datum
mlops_log_metric(PG_FUNCTION_ARGS)
{
	char	   *key = tracked_key(fcinfo, 1);
	StringInfoData object;
	TrackedRun	run;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"value\" must not be null"),
				 errhint("Record an undefined metric as 'NaN'.")));
	initStringInfo(&object);
	appendStringInfoChar(&object, '{');
	escape_json(&object, key);
	appendStringInfoString(&object, ": ");
	if (isfinite(PG_GETARG_FLOAT8(2)))
		json_append_number(&object, PG_GETARG_FLOAT8(2));
	else
		escape_json(&object, double_to_shortest_decimal(PG_GETARG_FLOAT8(2)));
	appendStringInfoChar(&object, '}');

	tracked_run_open(fcinfo, "mlops.log_metric()", true, &run);
	log_metrics(fcinfo, &run, object.data, 3);
	PG_RETURN_VOID();
}

/* log_metrics(run, metrics, step, timestamp) */
Datum
mlops_log_metrics(PG_FUNCTION_ARGS)
{
	char	   *object = tracked_object(fcinfo, 1, "metrics");
	TrackedRun	run;

	tracked_run_open(fcinfo, "mlops.log_metrics()", true, &run);
	log_metrics(fcinfo, &run, object, 2);
	PG_RETURN_VOID();
}

/* Columns of a source as MLflow's schema: name and type. */
static char *
columns_json(const Source *source)
{
	TupleDesc	descriptor = source_descriptor(source);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		appendStringInfoString(&json, i > 0 ? ", {\"name\": " : "{\"name\": ");
		escape_json(&json, NameStr(attribute->attname));
		appendStringInfoString(&json, ", \"type\": ");
		escape_json(&json, value_type_name(attribute->atttypid, attribute->atttypmod));
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

static char *
json_argument(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		return NULL;
	return DatumGetCString(DirectFunctionCall1(jsonb_out, PG_GETARG_DATUM(argno)));
}

/* log_dataset(run, source, name, context, source_type, digest, schema, profile) */
Datum
mlops_log_dataset(PG_FUNCTION_ARGS)
{
	char	   *text = registry_text(fcinfo, 1, "source");
	char	   *name = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "name");
	char	   *context = registry_text(fcinfo, 3, "context");
	char	   *type = registry_text(fcinfo, 4, "source_type");
	char	   *schema = json_argument(fcinfo, 6);
	char	   *relations = NULL;
	pg_uuid_t  *result = palloc(sizeof(pg_uuid_t));
	TrackedRun	run;
	CatalogWork work;
	bool		isnull;

	/* analysed as the caller, who must be able to read it; nothing is read */
	if (strcmp(type, "sql") == 0)
	{
		Source	   *source = source_open(text);

		relations = source_relations_json(source);
		if (schema == NULL)
			schema = columns_json(source);
		source_close(source);
	}
	tracked_run_open(fcinfo, "mlops.log_dataset()", true, &run);
	{
		CatalogArg	args[] = {
			arg_uuid(&run.experiment_id), arg_text(name != NULL ? name : "dataset"),
			arg_text(PG_ARGISNULL(5) ? NULL : registry_text(fcinfo, 5, "digest")), arg_text(type), arg_text(text),
			arg_text(schema), arg_text(json_argument(fcinfo, 7)), arg_text(relations),
			arg_text(relations != NULL ? namespace_search_path : NULL), arg_uuid(&run.run_uuid), arg_text(context)
		};

		catalog_begin(&work);
		catalog_execute("WITH d AS (INSERT INTO mlops.datasets (experiment_id, name, digest, dataset_source_type, dataset_source, "
						"dataset_schema, dataset_profile, source_relations, search_path) VALUES ($1, $2, $3, $4, $5, "
						"$6::pg_catalog.jsonb, $7::pg_catalog.jsonb, $8::pg_catalog.jsonb, $9) RETURNING dataset_uuid) "
						"INSERT INTO mlops.inputs (run_uuid, dataset_uuid, context) SELECT $10, d.dataset_uuid, $11 FROM d "
						"RETURNING dataset_uuid", lengthof(args), args);
		*result = *DatumGetUUIDP(catalog_result(1, &isnull));
		catalog_end(&work);
	}
	PG_RETURN_UUID_P(result);
}

/*
 * The text of what the run read for training, if it is a query.  A version's
 * source runs later with the rights of who made the version, so it must be his
 * text: in somebody else's run (of a role that he is a member of, or to a
 * superuser, of anybody) it is not, and the version has no source.
 */
static char *
training_source(const TrackedRun *run)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	args[] = {arg_uuid(&run->run_uuid), arg_role(run->user)};
	CatalogWork work;
	char	   *source = NULL;
	bool		isnull;

	catalog_begin(&work);
	if (catalog_execute("SELECT d.dataset_source FROM mlops.runs r JOIN mlops.inputs i USING (run_uuid) "
						"JOIN mlops.datasets d USING (dataset_uuid) "
						"WHERE r.run_uuid = $1 AND r.user_id = $2 AND i.context = 'training' "
						"AND d.dataset_source_type = 'sql'", lengthof(args), args) == 1)
		source = MemoryContextStrdup(caller, TextDatumGetCString(catalog_result(1, &isnull)));
	catalog_end(&work);
	return source;
}

/* log_model(run, model, value, tags) */
Datum
mlops_log_model(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 1, "model"));
	char	   *tags = tracked_object(fcinfo, 3, "tags");
	struct varlena *value;
	const Model *model;
	NewVersion	version = {0};
	AddedVersion added;
	TrackedRun	run;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"value\" must not be null")));
	tracked_run_open(fcinfo, "mlops.log_model()", true, &run);
	catalog_check_new_version(name);
	value = PG_DETOAST_DATUM(PG_GETARG_DATUM(2));
	model = model_value_open(PointerGetDatum(value))->model;

	version.model = name;
	version.algorithm = model->algorithm->name;
	version.task = task_name(model->task);
	version.bytes = (const uint8 *) VARDATA(value);
	version.length = VARSIZE(value) - VARHDRSZ;
	version.source = training_source(&run);
	version.target = model->target.name;
	version.key = model->split.key;
	version.tags_json = tags;
	version.rows_train = model->rows_train;
	version.seconds = Max(0, (double) (GetCurrentTimestamp() - run.started) / 1e6);
	version.started = run.started;
	version.run = &run.run_uuid;
	version.action = "log_model";
	catalog_add_version(&version, &added);
	PG_RETURN_INT32(added.version);
}

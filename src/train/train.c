/*
 * train.c
 *	  mlops.train: a source in, a registered version out.
 *
 * Reads the source once as the caller, fits, evaluates on the held-out rows and
 * registers, all in the caller's transaction: on an error nothing remains.
 * Memory lives in one context per job and is accounted against
 * mlops.train_memory.
 */
#include "postgres.h"

#include <cblas.h>

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "format/model_format.h"
#include "pg/catalog.h"
#include "pg/catalog_exec.h"
#include "pg/compat.h"
#include "pg/encoding.h"
#include "pg/guc.h"
#include "pg/params_json.h"
#include "pg/progress.h"
#include "pg/source.h"
#include "train/profile.h"
#include "train/train.h"
#include "train/transform_options.h"

PG_FUNCTION_INFO_V1(mlops_train);

char *
train_environment(void)
{
	return psprintf("mlops %s, PostgreSQL %s, OpenBLAS core %s", MLOPS_VERSION, PG_VERSION,
					openblas_get_corename());
}

static char *
schema_json(const FeatureSchema *schema)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	for (int i = 0; i < schema->count; i++)
	{
		const Feature *feature = &schema->features[i];

		appendStringInfoString(&out, i > 0 ? ", {\"name\": " : "{\"name\": ");
		escape_json(&out, encoding_text_from_utf8(feature->name));
		appendStringInfoString(&out, ", \"type\": ");
		escape_json(&out, encoding_text_from_utf8(feature->type_name));
		appendStringInfo(&out, ", \"kind\": \"%s\"}", feature_kind_name(feature->kind));
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}

Datum
train_metrics_jsonb(const Metric *metrics, int nmetrics)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	for (int i = 0; i < nmetrics; i++)
	{
		if (i > 0)
			appendStringInfoString(&out, ", ");
		escape_json(&out, metrics[i].name);
		appendStringInfoString(&out, ": ");
		json_append_number(&out, metrics[i].value);
	}
	appendStringInfoChar(&out, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

void
train_request(const TrainArguments *arguments, SplitSpec *split, DatasetRequest *request)
{
	memset(request, 0, sizeof(*request));
	request->target = arguments->target;
	request->weight = arguments->weight;
	for (int i = 0; i < arguments->params.count; i++)
		if (strcmp(arguments->params.specs[i].name, "offset") == 0)
			request->offset = arguments->params.values[i].text;
	request->keys = arguments->keys;
	request->nkeys = arguments->nkeys;
	request->features = arguments->features;
	request->nfeatures = arguments->nfeatures;
	request->exclude = arguments->exclude;
	request->nexclude = arguments->nexclude;
	request->references = transform_options_references(arguments->transform, &request->nreferences);
	request->categories = transform_options_categories(arguments->transform, &request->ncategories);
	request->task = arguments->task;
	request->tasks = arguments->algorithm->tasks;
	request->positive = arguments->positive;
	request->split = split;
	request->group_or_time_column = split->column;
}

/*
 * Makes the table of the source's rows, as the caller and with his rights; what
 * is then read is the table, so that both are the same rows.
 */
static Source *
make_snapshot(const TrainArguments *arguments, const Source *source)
{
	char	   *statement = psprintf("CREATE TABLE %s AS %s", arguments->snapshot, source_query(source));

	progress_phase("keeping rows", 0);
	SPI_connect();
	if (SPI_execute(statement, false, 0) < 0)
		elog(ERROR, "could not make table %s", arguments->snapshot);
	SPI_finish();
	return source_open(psprintf("SELECT * FROM %s", arguments->snapshot));
}

static void
read_rows(PgEnv *env, TrainArguments *arguments, Source *source, DatasetResult *rows)
{
	DatasetRequest request;
	Source	   *kept;

	train_request(arguments, &arguments->split, &request);
	request.fingerprint = true;
	if (arguments->snapshot == NULL)
	{
		progress_phase("reading rows", (int64) source_estimate(source));
		dataset_read(env, source, &request, rows);
		return;
	}
	kept = make_snapshot(arguments, source);
	catalog_push_snapshot();
	dataset_read(env, kept, &request, rows);
	catalog_pop_snapshot();
	source_close(kept);
}

double
train_store(PgEnv *env, const TrainArguments *arguments, const Source *source, const Model *model,
			const DatasetResult *rows, const char *profile, int64 rows_test, const Metric *metrics, int nmetrics, TimestampTz started,
			AddedVersion *added)
{
	NewVersion	version = {0};
	StringInfoData params;
	ParamSet	used;
	char		digest[FINGERPRINT_DIGITS + 1];
	uint8	   *bytes;
	Size		length;

	progress_phase("storing", 0);
	pg_env_check(&env->core, model_encode(&env->core, model, 0, &bytes, &length));
	initStringInfo(&params);
	pg_env_check(&env->core, params_copy(&env->core, &model->params, &used));
	params_text_from_utf8(&used);
	params_to_json(&params, &used);
	version.model = arguments->model;
	version.algorithm = model->algorithm->name;
	version.task = task_name(model->task);
	version.bytes = bytes;
	version.length = length;
	version.source = arguments->source;
	version.search_path = namespace_search_path;
	version.relations_json = source_relations_json(source);
	version.target = arguments->target;
	version.key = arguments->key;
	version.arguments_json = arguments->arguments_json;
	version.params_json = params.data;
	version.tags_json = arguments->tags_json;
	version.schema_json = schema_json(&model->schema);
	fingerprint_text(&rows->fingerprint, digest);
	version.digest = digest;
	version.profile_json = profile;
	version.environment = train_environment();
	version.metrics = metrics;
	version.nmetrics = nmetrics;
	version.rows_train = model->rows_train;
	version.rows_test = rows_test;
	version.rows_skipped = rows->rows_skipped;
	version.seconds = (double) (GetCurrentTimestamp() - started) / 1e6;
	version.started = started;
	catalog_add_version(&version, added);
	return version.seconds;
}

static void
return_row(FunctionCallInfo fcinfo, const TrainArguments *arguments, const Model *model,
		   const AddedVersion *added, int64 rows_test, int64 rows_skipped,
		   const Metric *metrics, int nmetrics, double seconds)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		values[10];
	bool		nulls[10] = {false};
	pg_uuid_t	run = added->run_uuid;

	values[0] = CStringGetTextDatum(arguments->model);
	values[1] = Int32GetDatum(added->version);
	values[2] = UUIDPGetDatum(&run);
	values[3] = CStringGetTextDatum(model->algorithm->name);
	values[4] = CStringGetTextDatum(task_name(model->task));
	values[5] = Int64GetDatum(model->rows_train);
	values[6] = Int64GetDatum(rows_test);
	values[7] = Int64GetDatum(rows_skipped);
	values[8] = train_metrics_jsonb(metrics, nmetrics);
	values[9] = Float8GetDatum(seconds);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
mlops_train(PG_FUNCTION_ARGS)
{
	static const TrainArgument order[] = {
		TRAIN_ARG_MODEL, TRAIN_ARG_SOURCE, TRAIN_ARG_TARGET, TRAIN_ARG_ALGORITHM, TRAIN_ARG_PARAMS, TRAIN_ARG_FEATURES,
		TRAIN_ARG_EXCLUDE, TRAIN_ARG_KEY, TRAIN_ARG_WEIGHT, TRAIN_ARG_TASK, TRAIN_ARG_POSITIVE, TRAIN_ARG_THRESHOLD,
		TRAIN_ARG_CALIBRATE, TRAIN_ARG_SPLIT, TRAIN_ARG_TRANSFORM, TRAIN_ARG_SEED, TRAIN_ARG_TAGS,
		TRAIN_ARG_SNAPSHOT
	};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext job = AllocSetContextCreate(caller, "mlops train", ALLOCSET_DEFAULT_SIZES);
	TimestampTz started = GetCurrentTimestamp();
	PgEnv		env;
	TrainInput	input;
	TrainArguments arguments;
	Source	   *source;
	DatasetResult rows = {0};
	Model	   *model;
	Metric		metrics[METRIC_MAX];
	int			nmetrics = 0;
	int64		rows_test;
	char	   *profile;
	AddedVersion added;
	double		seconds;

	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(job);
	pg_env_init(&env, job, (Size) guc_train_memory_kb * 1024, NULL);
	train_input_from_call(&input, fcinfo, "mlops.train", order, lengthof(order));
	train_arguments_read(&env.core, &input, &arguments);
	env.object = arguments.model;
	catalog_check_new_version(arguments.model);

	progress_begin(arguments.model, arguments.algorithm->name);
	source = train_open_source(&env.core, &input, &arguments);
	read_rows(&env, &arguments, source, &rows);
	rows_test = rows.data.nrows - rows.data.ntrain;
	profile = profile_json(&env, source_descriptor(source), &rows);
	train_warn_constant(&rows.data, rows.task, arguments.target);
	train_warn_leaks(&env, &rows.data, rows.task);
	model = train_fit(&env, &arguments, &rows, metrics, &nmetrics);
	seconds = train_store(&env, &arguments, source, model, &rows, profile, rows_test, metrics, nmetrics, started, &added);
	source_close(source);
	progress_end();

	return_row(fcinfo, &arguments, model, &added, rows_test, rows.rows_skipped,
			   metrics, nmetrics, seconds);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(job);
	return (Datum) 0;
}

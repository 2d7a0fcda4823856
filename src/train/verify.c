/*
 * verify.c
 *	  mlops.verify: are the data still those of a training, and do they still give
 *	  the same model?
 *
 * The source (or the rows kept by `snapshot`) is read again as the version's
 * author, on the search path and with the settings of the training: a text that
 * somebody stored must not run with the rights of whoever checks it.  When its fingerprint
 * is the recorded one, the recorded arguments are run again and the bytes
 * compared; nothing is registered.  Otherwise profiles and definitions tell what
 * has changed.  Cost: that of the training.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "format/model_format.h"
#include "pg/catalog_exec.h"
#include "pg/compat.h"
#include "pg/guc.h"
#include "pg/progress.h"
#include "pg/stored_sql.h"
#include "pg/subtransaction.h"
#include "train/profile.h"
#include "train/train.h"
#include "train/version_record.h"

PG_FUNCTION_INFO_V1(mlops_verify);

typedef enum Identical
{
	IDENTICAL_UNKNOWN,
	IDENTICAL_NO,
	IDENTICAL_YES
} Identical;

typedef struct Verification
{
	PgEnv		env;
	ResolvedModel resolved;
	VersionRecord record;
	TrainArguments arguments;
	DatasetResult rows;
	char	   *read_error;		/* NULL: the source could be read */
	char	   *profile;
	char	   *relations;
	Identical	data;
	Identical	model;
	bool		erased;			/* identical but for erased rows */
	Datum		changes;		/* text[] */
	int			nchanges;
	StringInfoData detail;
} Verification;

/* ---------- reading ---------- */

static void
read_source(void *context)
{
	Verification *verification = context;
	Source	   *recorded;
	Source	   *source;
	DatasetRequest request;
	RoleSwitch save;

	stored_sql_begin(&save, verification->record.author, verification->record.search_path, "the source");
	recorded = source = source_open(verification->record.source);

	verification->relations = source_relations_json(recorded);
	if (verification->arguments.snapshot != NULL)
		source = source_open(psprintf("SELECT * FROM %s", verification->arguments.snapshot));
	train_request(&verification->arguments, &verification->arguments.split, &request);
	request.fingerprint = true;
	request.private_memory = true;
	dataset_read(&verification->env, source, &request, &verification->rows);
	verification->profile = profile_json(&verification->env, source_descriptor(source), &verification->rows);
	stored_sql_end(&save);
}

/* An error while reading may be the answer. */
static void
try_source(Verification *verification)
{
	ErrorData  *error = subtransaction_run(read_source, verification);

	if (error == NULL)
		return;
	if (!version_source_changed(error->sqlerrcode))
		ReThrowError(error);
	verification->read_error = error->message;
}

/* ---------- comparing data ---------- */

/* Columns, values, rows and definitions that differ between two records, as sentences. */
static const char changes_query[] =
"WITH old AS (SELECT e.c, e.n FROM pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb) WITH ORDINALITY AS e (c, n)),"
" new AS (SELECT e.c, e.n FROM pg_catalog.jsonb_array_elements($2::pg_catalog.jsonb) WITH ORDINALITY AS e (c, n)),"
" rows AS (SELECT (SELECT old.c ->> 'count' FROM old WHERE old.n = 1) AS was, (SELECT new.c ->> 'count' FROM new WHERE new.n = 1) AS now),"
" columns AS (SELECT COALESCE(o.c ->> 'column_name', n.c ->> 'column_name') AS name, o.c AS was, n.c AS now, COALESCE(o.n, n.n) AS place"
"  FROM (SELECT * FROM old WHERE old.n > 1) o FULL JOIN (SELECT * FROM new WHERE new.n > 1) n ON n.c ->> 'column_name' = o.c ->> 'column_name'),"
" relations AS (SELECT COALESCE(o.r ->> 'relation', n.r ->> 'relation') AS name, o.r AS was, n.r AS now"
"  FROM pg_catalog.jsonb_array_elements($3::pg_catalog.jsonb) o (r)"
"  FULL JOIN pg_catalog.jsonb_array_elements($4::pg_catalog.jsonb) n (r) ON n.r ->> 'relation' = o.r ->> 'relation'),"
" found (kind, place, change) AS ("
"  SELECT 1, 0, pg_catalog.format('rows: %s, now %s', was, now) FROM rows WHERE was IS DISTINCT FROM now"
"  UNION ALL SELECT 2, place, pg_catalog.format('column \"%s\" is gone', name) FROM columns WHERE now IS NULL"
"  UNION ALL SELECT 3, place, pg_catalog.format('column \"%s\" is new', name) FROM columns WHERE was IS NULL"
"  UNION ALL SELECT 4, place, pg_catalog.format('type of column \"%s\": %s, now %s', name, was ->> 'data_type', now ->> 'data_type')"
"   FROM columns WHERE was ->> 'data_type' <> now ->> 'data_type'"
"  UNION ALL SELECT 5, place, pg_catalog.format('values of column \"%s\"', name)"
"   FROM columns, rows WHERE columns.was ->> 'fingerprint' <> columns.now ->> 'fingerprint' AND rows.was = rows.now"
"  UNION ALL SELECT 6, 0, pg_catalog.format('relation %s is no longer read', name) FROM relations WHERE now IS NULL"
"  UNION ALL SELECT 7, 0, pg_catalog.format('relation %s is read', name) FROM relations WHERE was IS NULL"
"  UNION ALL SELECT 8, 0, pg_catalog.format('definition of %s %s', was ->> 'kind', name) FROM relations"
"   WHERE was ->> 'definition' IS DISTINCT FROM now ->> 'definition' AND was IS NOT NULL AND now IS NOT NULL"
"  UNION ALL SELECT 9, 0, pg_catalog.format('columns of %s %s', was ->> 'kind', name) FROM relations"
"   WHERE was -> 'columns' IS DISTINCT FROM now -> 'columns' AND was IS NOT NULL AND now IS NOT NULL)"
" SELECT pg_catalog.array_agg(change ORDER BY kind, place, change COLLATE \"C\"), pg_catalog.count(*)::pg_catalog.int4 FROM found";

static void
find_changes(Verification *verification)
{
	MemoryContext caller = CurrentMemoryContext;
	const VersionRecord *record = &verification->record;
	CatalogWork work;
	CatalogArg	args[] = {
		arg_text(record->profile != NULL ? record->profile : "[]"), arg_text(record->profile != NULL ? verification->profile : "[]"),
		arg_text(record->relations != NULL ? record->relations : "[]"),
		arg_text(record->relations != NULL ? verification->relations : "[]")
	};
	bool		isnull;

	catalog_begin(&work);
	catalog_execute(changes_query, lengthof(args), args);
	verification->nchanges = DatumGetInt32(catalog_result(2, &isnull));
	if (verification->nchanges > 0)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		verification->changes = PointerGetDatum(DatumGetArrayTypePCopy(catalog_result(1, &isnull)));
		MemoryContextSwitchTo(spi);
	}
	catalog_end(&work);
}

static void
compare_data(Verification *verification)
{
	const VersionRecord *record = &verification->record;
	Fingerprint recorded;
	char		now[FINGERPRINT_DIGITS + 1];
	char		expected[FINGERPRINT_DIGITS + 1];
	StringInfo	detail = &verification->detail;

	if (verification->read_error != NULL)
	{
		verification->data = IDENTICAL_NO;
		appendStringInfo(detail, "the source can no longer be read as it was: %s", verification->read_error);
		return;
	}
	find_changes(verification);
	if (record->digest == NULL || !fingerprint_parse(record->digest, &recorded))
	{
		appendStringInfoString(detail, "no fingerprint of the rows was recorded");
		return;
	}
	fingerprint_text(&verification->rows.fingerprint, now);
	fingerprint_subtract(&recorded, &record->erased);
	fingerprint_text(&recorded, expected);
	verification->data = strcmp(now, record->digest) == 0 || strcmp(now, expected) == 0 ? IDENTICAL_YES : IDENTICAL_NO;
	verification->erased = record->erased_rows > 0 && strcmp(now, expected) == 0 && strcmp(now, record->digest) != 0;
	if (verification->erased)
		appendStringInfo(detail, "the data are identical except for " INT64_FORMAT " erased rows, without which the model cannot be made again",
						 record->erased_rows);
	else
		appendStringInfoString(detail, verification->data == IDENTICAL_YES ? "the data are identical" : "the data differ");
}

/* ---------- comparing models ---------- */

static const char *
params_text(const ParamSet *params, int i)
{
	const ParamValue *value = &params->values[i];

	if (value->text != NULL)
		return value->text;
	if (value->list_length > 0)
		return psprintf("%d numbers from %g", value->list_length, value->list[0]);
	return isnan(value->number) ? "none" : psprintf("%.15g", value->number);
}

/* A record that says otherwise than the model itself is a better answer than that bytes differ. */
static void
compare_params(Verification *verification, const Model *made)
{
	const ModelHandle *handle = model_ref_open(psprintf("%s/%d", verification->resolved.model.name,
														verification->resolved.version.version), PRIVILEGE_READ);
	const ParamSet *stored = &handle->model->params;

	if (handle->model->algorithm != made->algorithm)
	{
		appendStringInfo(&verification->detail, "; algorithm \"%s\" is recorded, but the model is of algorithm \"%s\"",
						 made->algorithm->name, handle->model->algorithm->name);
		return;
	}
	for (int i = 0; i < stored->count && i < made->params.count; i++)
		if (strcmp(params_text(stored, i), params_text(&made->params, i)) != 0)
			appendStringInfo(&verification->detail, "; parameter \"%s\" is recorded as %s, but the model was made with %s",
							 stored->specs[i].name, params_text(&made->params, i), params_text(stored, i));
	if (handle->model->seed != made->seed)
		appendStringInfo(&verification->detail, "; seed " UINT64_FORMAT " is recorded, but the model was made with " UINT64_FORMAT,
						 made->seed, handle->model->seed);
}

static void
compare_model(Verification *verification)
{
	CoreEnv    *core = &verification->env.core;
	Metric		metrics[METRIC_MAX];
	int			nmetrics;
	Model	   *model;
	uint8	   *bytes;
	Size		length;
	uint8		digest[32];

	verification->env.core.log = NULL;
	model = train_fit(&verification->env, &verification->arguments, &verification->rows, metrics, &nmetrics);
	pg_env_check(core, model_encode(core, model, 0, &bytes, &length));
	catalog_sha256(bytes, length, digest);
	verification->model = memcmp(digest, verification->resolved.version.sha256, sizeof(digest)) == 0 ? IDENTICAL_YES : IDENTICAL_NO;
	if (verification->model == IDENTICAL_YES)
	{
		appendStringInfoString(&verification->detail, ", and so is the model");
		return;
	}
	appendStringInfoString(&verification->detail, ", but the model is another");
	compare_params(verification, model);
}

static void
compare_environment(Verification *verification, const char *now)
{
	if (verification->record.environment != NULL && strcmp(verification->record.environment, now) != 0)
		appendStringInfo(&verification->detail, "; the environment differs: %s then, %s now", verification->record.environment, now);
}

/* ---------- the function ---------- */

static void
resolve(FunctionCallInfo fcinfo, Verification *verification)
{
	char	   *reference;
	ModelRef	ref;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"model\" of mlops.verify must not be null")));
	reference = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
	{
		model_ref_parse(reference, &ref);
		if (ref.kind != REF_PRODUCTION)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" names a version, and so does argument \"version\"", reference),
					 errhint("Give one of them.")));
		if (PG_GETARG_INT32(1) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"version\" must be positive, not %d", PG_GETARG_INT32(1))));
		reference = psprintf("%s/%d", ref.name, PG_GETARG_INT32(1));
	}
	model_ref_resolve(reference, PRIVILEGE_READ, &verification->resolved);
}

static void
put_result(ReturnSetInfo *result, const Verification *verification, const char *environment)
{
	const VersionRecord *record = &verification->record;
	Datum		values[7];
	bool		nulls[7] = {false};

	values[0] = CStringGetTextDatum(verification->resolved.model.name);
	values[1] = Int32GetDatum(verification->resolved.version.version);
	values[2] = BoolGetDatum(verification->data == IDENTICAL_YES);
	nulls[2] = verification->data == IDENTICAL_UNKNOWN;
	values[3] = BoolGetDatum(verification->model == IDENTICAL_YES);
	nulls[3] = verification->model == IDENTICAL_UNKNOWN;
	values[4] = BoolGetDatum(record->environment != NULL && strcmp(record->environment, environment) == 0);
	nulls[4] = record->environment == NULL;
	values[5] = verification->nchanges > 0 ? verification->changes :
		PointerGetDatum(construct_empty_array(TEXTOID));
	values[6] = CStringGetTextDatum(verification->detail.data);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
mlops_verify(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext job = AllocSetContextCreate(caller, "mlops verify", ALLOCSET_DEFAULT_SIZES);
	Verification *verification;
	TrainInput	input;
	char	   *environment;
	int			level;

	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(job);
	verification = palloc0(sizeof(Verification));
	initStringInfo(&verification->detail);
	resolve(fcinfo, verification);
	version_record_read(&verification->resolved, &verification->record);
	pg_env_init(&verification->env, job, (Size) guc_train_memory_kb * 1024, verification->resolved.model.name);
	level = version_record_settings(&verification->record);
	train_input_from_record(&input, verification->record.arguments, "mlops.verify");
	train_arguments_read(&verification->env.core, &input, &verification->arguments);
	environment = train_environment();

	progress_begin(verification->resolved.model.name, verification->arguments.algorithm->name);
	try_source(verification);
	compare_data(verification);
	if (verification->data == IDENTICAL_YES && !verification->erased)
		compare_model(verification);
	compare_environment(verification, environment);
	progress_end();
	AtEOXact_GUC(true, level);
	put_result((ReturnSetInfo *) fcinfo->resultinfo, verification, environment);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(job);
	return (Datum) 0;
}

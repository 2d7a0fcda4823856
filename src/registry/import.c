/*
 * import.c
 *	  Versions from another database: mlops.import_chunks.
 *
 * The chunks are read as the caller, one version at a time, and nothing in them
 * is trusted: the model's bytes must match the manifest's SHA-256 and decode,
 * and what the manifest says becomes rows, never SQL.  The recorded source is
 * kept as a text that nothing runs: it is somebody else's.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/algorithm.h"
#include "core/params.h"
#include "format/model_format.h"
#include "pg/model_cache.h"
#include "pg/source.h"
#include "registry/registry.h"
#include "registry/transfer.h"

PG_FUNCTION_INFO_V1(mlops_import_chunks);

typedef enum OnConflict
{
	CONFLICT_ERROR,
	CONFLICT_RENUMBER,
	CONFLICT_SKIP
} OnConflict;

/* One version in the source. */
typedef struct Parcel
{
	char	   *model;			/* as exported */
	int32		version;
	MemoryContext context;
	char	   *manifest;		/* in the server's encoding */
	uint8	   *bytes;
	Size		length;
	Size		capacity;
	int32		next_chunk;
} Parcel;

static OnConflict
conflict_argument(const char *word)
{
	static const char *const words[] = {"error", "renumber", "skip"};

	for (size_t i = 0; i < lengthof(words); i++)
		if (pg_strcasecmp(word, words[i]) == 0)
			return (OnConflict) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"on_conflict\" cannot be \"%s\"", word),
			 errhint("Use 'error', 'renumber' (take the next number) or 'skip'.")));
}

static void pg_attribute_noreturn()
bad_parcel(const Parcel *parcel, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("exported version %d of model \"%s\" is damaged", parcel->version, parcel->model),
			 errdetail_internal("%s", detail),
			 errhint("Export it again with mlops.export_chunks; every chunk must arrive.")));
}

/* ---------- reading ---------- */

static const char chunks_hint[] = "It holds the rows that mlops.export_chunks returned: model, version, chunk_no, data.";

static bool
receive_name(TupleTableSlot *slot, void *context)
{
	List	  **parcels = context;
	Parcel	   *parcel;
	MemoryContext old;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("columns model and version of the chunks must not be null")));
	old = MemoryContextSwitchTo(GetMemoryChunkContext(parcels));
	parcel = palloc0(sizeof(Parcel));
	parcel->model = TextDatumGetCString(slot->tts_values[0]);
	parcel->version = DatumGetInt32(slot->tts_values[1]);
	if (parcel->version < 1 || parcel->version > EXPORT_MAX_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("exported version %d of model \"%s\" is not a version number from 1 to %d", parcel->version,
						parcel->model, EXPORT_MAX_VERSION)));
	*parcels = lappend(*parcels, parcel);
	MemoryContextSwitchTo(old);
	return true;
}

static void
check_columns(const char *subquery)
{
	static const char *const names[] = {"model", "version", "chunk_no", "data"};
	Source	   *source = source_open(subquery);
	TupleDesc	descriptor = source_descriptor(source);

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		int			column = 0;

		while (column < descriptor->natts && strcmp(NameStr(TupleDescAttr(descriptor, column)->attname), names[i]) != 0)
			column++;
		if (column == descriptor->natts)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the source of chunks has no column \"%s\"", names[i]),
					 errhint("%s", chunks_hint)));
	}
	source_close(source);
}

/* The versions in the source. */
static List *
list_parcels(const char *subquery)
{
	List	  **parcels = palloc0(sizeof(List *));
	Source	   *source;

	check_columns(subquery);
	source = source_open(psprintf("SELECT DISTINCT s.model::pg_catalog.text COLLATE \"C\", s.version::pg_catalog.int4 "
									  "FROM (%s) AS s ORDER BY 1, 2", subquery));
	(void) source_run(source, receive_name, parcels);
	source_close(source);
	if (*parcels == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the source has no chunks"),
				 errhint("%s", chunks_hint)));
	return *parcels;
}

static void
append_bytes(Parcel *parcel, const char *bytes, Size length)
{
	if (length > MODEL_MAX_BYTES - parcel->length)
		bad_parcel(parcel, "The model is larger than a model can be.");
	if (parcel->length + length > parcel->capacity)
	{
		parcel->capacity = Max(parcel->length + length, parcel->capacity * 2);
		parcel->bytes = parcel->bytes == NULL ? MemoryContextAllocHuge(parcel->context, parcel->capacity) :
			repalloc_huge(parcel->bytes, parcel->capacity);
	}
	memcpy(parcel->bytes + parcel->length, bytes, length);
	parcel->length += length;
}

static bool
receive_chunk(TupleTableSlot *slot, void *context)
{
	Parcel	   *parcel = context;
	bytea	   *data;
	Size		length;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		bad_parcel(parcel, "A chunk has no number or no data.");
	if (DatumGetInt32(slot->tts_values[0]) != parcel->next_chunk)
		bad_parcel(parcel, psprintf("Chunk %d is missing, or there more than once.",
									Min(parcel->next_chunk, DatumGetInt32(slot->tts_values[0]))));
	data = DatumGetByteaPP(slot->tts_values[1]);
	length = VARSIZE_ANY_EXHDR(data);
	if (parcel->next_chunk++ > 0)
		append_bytes(parcel, VARDATA_ANY(data), length);
	else
	{
		MemoryContext old = MemoryContextSwitchTo(parcel->context);
		char	   *text;

		if (length > EXPORT_MAX_MANIFEST)
			bad_parcel(parcel, "The manifest is too large.");
		text = pnstrdup(VARDATA_ANY(data), length);
		parcel->manifest = pg_any_to_server(text, (int) strlen(text), PG_UTF8);
		MemoryContextSwitchTo(old);
	}
	return true;
}

static void
read_parcel(Parcel *parcel, const char *subquery)
{
	Source	   *source = source_open(psprintf("SELECT s.chunk_no::pg_catalog.int4, s.data::pg_catalog.bytea FROM (%s) AS s "
											  "WHERE s.model::pg_catalog.text OPERATOR(pg_catalog.=) %s::pg_catalog.text "
											  "AND s.version::pg_catalog.int4 OPERATOR(pg_catalog.=) %d ORDER BY 1",
											  subquery, quote_literal_cstr(parcel->model), parcel->version));

	(void) source_run(source, receive_chunk, parcel);
	source_close(source);
	if (parcel->next_chunk < 2)
		bad_parcel(parcel, "It has no manifest or no bytes.");
}

/* ---------- checking ---------- */

/* The manifest belongs to this parcel and these bytes. */
static void
check_manifest(const Parcel *parcel)
{
	CatalogArg	arg = arg_text(parcel->manifest);
	CatalogWork work;
	uint8		digest[32];
	char		hex[65];
	char	   *format;
	bool		same_name;
	bool		same_digest;

	catalog_sha256(parcel->bytes, parcel->length, digest);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);

	catalog_begin(&work);
	if (catalog_execute("SELECT 1 WHERE pg_catalog.jsonb_typeof($1::pg_catalog.jsonb) = 'object'", 1, &arg) == 0)
		bad_parcel(parcel, "Its manifest is not a JSON object.");
	catalog_execute("SELECT j.m ->> 'format', j.m ->> 'format_version', j.m ->> 'model', j.m ->> 'version', j.m ->> 'sha256' "
					"FROM (SELECT $1::pg_catalog.jsonb) AS j (m)", 1, &arg);
#define FIELD(n) SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, n)
	format = FIELD(1);
	if (format == NULL || strcmp(format, EXPORT_FORMAT) != 0)
		bad_parcel(parcel, "Its manifest is not one that mlops.export_chunks wrote.");
	if (FIELD(2) == NULL || strcmp(FIELD(2), "1") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("exported version %d of model \"%s\" has format version %s", parcel->version, parcel->model,
						FIELD(2) != NULL ? FIELD(2) : "unknown"),
				 errdetail("This version of mlops reads format version 1.")));
	same_name = FIELD(3) != NULL && strcmp(FIELD(3), parcel->model) == 0 &&
		FIELD(4) != NULL && strcmp(FIELD(4), psprintf("%d", parcel->version)) == 0;
	same_digest = FIELD(5) != NULL && strcmp(FIELD(5), hex) == 0;
#undef FIELD
	if (!same_name)
		bad_parcel(parcel, "Its manifest is that of another version.");
	if (!same_digest)
		bad_parcel(parcel, "Its bytes do not match the SHA-256 of the manifest.");
	if (catalog_execute("SELECT 1 FROM (SELECT $1::pg_catalog.jsonb) AS j (m) WHERE pg_catalog.jsonb_typeof(m -> 'tags') = 'object' "
						"AND pg_catalog.jsonb_typeof(m #> '{run,params}') = 'object' "
						"AND pg_catalog.jsonb_typeof(m #> '{run,tags}') = 'object' "
						"AND pg_catalog.jsonb_typeof(m #> '{run,metrics}') = 'array' "
						"AND pg_catalog.jsonb_typeof(m -> 'datasets') = 'array' AND m #>> '{run,start_time}' IS NOT NULL "
						"AND NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof(m #> '{run,metrics}') "
						"WHEN 'array' THEN m #> '{run,metrics}' ELSE '[]' END) k (j) WHERE k.j ->> 'key' IS NULL OR k.j ->> 'step' IS NULL "
						"OR k.j ->> 'value' IS NULL OR k.j ->> 'is_nan' IS NULL OR k.j ->> 'timestamp' IS NULL) "
						"AND NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof(m -> 'datasets') "
						"WHEN 'array' THEN m -> 'datasets' ELSE '[]' END) d (j) WHERE d.j ->> 'name' IS NULL OR d.j ->> 'source' IS NULL "
						"OR d.j ->> 'source_type' IS NULL OR d.j ->> 'context' IS NULL)", 1, &arg) == 0)
		bad_parcel(parcel, "Its manifest lacks the run, metrics, tags or data sets.");
	catalog_end(&work);
}

/* ---------- storing ---------- */

/* A text member of the manifest, in CurrentMemoryContext. */
static char *
member(const Parcel *parcel, const char *path)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	args[] = {arg_text(parcel->manifest), arg_text(path)};
	CatalogWork work;
	char	   *value;

	catalog_begin(&work);
	catalog_execute("SELECT $1::pg_catalog.jsonb #>> $2::pg_catalog.text[]", lengthof(args), args);
	value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (value != NULL)
		value = MemoryContextStrdup(caller, value);
	catalog_end(&work);
	return value;
}

static int64
count_member(const Parcel *parcel, const char *path)
{
	char	   *value = member(parcel, path);
	char	   *end = NULL;
	int64		count = value == NULL ? 0 : strtoll(value, &end, 10);

	if (value != NULL && (end == value || *end != '\0' || count < 0))
		bad_parcel(parcel, psprintf("Member %s of its manifest is not a count.", path));
	return count;
}

/* The run of the other database, with a new id; its experiment is set when the model is known. */
static pg_uuid_t
add_run(const Parcel *parcel)
{
	CatalogArg	args[] = {arg_text(parcel->manifest), arg_role(GetUserId()), arg_text(MLOPS_VERSION)};
	CatalogWork work;
	pg_uuid_t	run;
	bool		isnull;

	catalog_begin(&work);
	catalog_execute("INSERT INTO mlops.runs (name, source_type, source_name, entry_point_name, user_id, status, start_time, "
					"end_time, source_version, experiment_id, arguments, environment) "
					"SELECT r.j ->> 'name', COALESCE(r.j ->> 'source_type', 'TRAIN'), r.j ->> 'source_name', "
					"'mlops.import_chunks', $2, 'FINISHED', (r.j ->> 'start_time')::pg_catalog.timestamptz, "
					"(r.j ->> 'end_time')::pg_catalog.timestamptz, COALESCE(r.j ->> 'source_version', $3), "
					"pg_catalog.gen_random_uuid(), r.j -> 'arguments', r.j ->> 'environment' "
					"FROM (SELECT $1::pg_catalog.jsonb -> 'run') AS r (j) RETURNING run_uuid", lengthof(args), args);
	run = *DatumGetUUIDP(catalog_result(1, &isnull));
	catalog_end(&work);
	return run;
}

/* What was logged to the run, and where the version comes from. */
static void
fill_run(const Parcel *parcel, const pg_uuid_t *run, const pg_uuid_t *model_id)
{
	static const char *const parts[] = {
		"UPDATE mlops.runs r SET experiment_id = m.experiment_id FROM mlops.registered_models m "
		"WHERE m.model_id = $3 AND r.run_uuid = $2 AND $1::pg_catalog.text IS NOT NULL",
		"INSERT INTO mlops.params (run_uuid, key, value) SELECT $2, p.key, COALESCE(p.value, 'null') "
		"FROM pg_catalog.jsonb_each_text($1::pg_catalog.jsonb #> '{run,params}') p WHERE $3 IS NOT NULL",
		"INSERT INTO mlops.tags (run_uuid, key, value) SELECT $2, t.key, t.value "
		"FROM pg_catalog.jsonb_each_text($1::pg_catalog.jsonb #> '{run,tags}') t "
		"WHERE t.value IS NOT NULL AND t.key NOT IN ('mlops.origin', 'mlflow.parentRunId') AND $3 IS NOT NULL",
		"INSERT INTO mlops.metrics (run_uuid, key, step, value, is_nan, \"timestamp\") "
		"SELECT $2, k.j ->> 'key', (k.j ->> 'step')::pg_catalog.int8, (k.j ->> 'value')::pg_catalog.float8, "
		"(k.j ->> 'is_nan')::pg_catalog.bool, (k.j ->> 'timestamp')::pg_catalog.timestamptz "
		"FROM pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb #> '{run,metrics}') AS k (j) WHERE $3 IS NOT NULL",
		"WITH d AS (INSERT INTO mlops.datasets (experiment_id, name, digest, dataset_source_type, dataset_source, "
		"dataset_schema, dataset_profile, source_relations, search_path, dataset_uuid) "
		"SELECT r.experiment_id, x.j ->> 'name', x.j ->> 'digest', x.j ->> 'source_type', x.j ->> 'source', "
		"NULLIF(x.j -> 'schema', 'null'), NULLIF(x.j -> 'profile', 'null'), NULLIF(x.j -> 'relations', 'null'), "
		"x.j ->> 'search_path', pg_catalog.md5($2::pg_catalog.text || x.n::pg_catalog.text)::pg_catalog.uuid "
		"FROM mlops.runs r, pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb -> 'datasets') WITH ORDINALITY AS x (j, n) "
		"WHERE r.run_uuid = $2) "
		"INSERT INTO mlops.inputs (run_uuid, dataset_uuid, context) "
		"SELECT $2, pg_catalog.md5($2::pg_catalog.text || x.n::pg_catalog.text)::pg_catalog.uuid, x.j ->> 'context' "
		"FROM pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb -> 'datasets') WITH ORDINALITY AS x (j, n) "
		"WHERE $3 IS NOT NULL",
		"INSERT INTO mlops.tags (run_uuid, key, value) SELECT $2, 'mlops.origin', pg_catalog.jsonb_build_object("
		"'model', m.j -> 'model', 'version', m.j -> 'version', 'stage', m.j -> 'stage', 'author', m.j -> 'author', "
		"'created_at', m.j -> 'created_at', 'run_id', m.j #> '{run,run_id}')::pg_catalog.text "
		"FROM (SELECT $1::pg_catalog.jsonb) AS m (j) WHERE $3 IS NOT NULL"
	};
	CatalogArg	args[] = {arg_text(parcel->manifest), arg_uuid(run), arg_uuid(model_id)};
	CatalogWork work;

	catalog_begin(&work);
	for (size_t i = 0; i < lengthof(parts); i++)
		catalog_execute(parts[i], lengthof(args), args);
	catalog_end(&work);
}

/* Names the version in errors about single members of its manifest. */
static void
parcel_error_context(void *arg)
{
	const Parcel *parcel = arg;

	errcontext("import of version %d of model \"%s\"", parcel->version, parcel->model);
}

/* True when the version is not to be imported. ERROR when its number is taken and that is not allowed. */
static bool
number_is_taken(const Parcel *parcel, const char *name, OnConflict conflict)
{
	Registered	target;
	ModelRow	model;
	bool		exists;

	catalog_push_snapshot();
	exists = catalog_find_model(name, &model);
	catalog_pop_snapshot();
	if (!exists)
		return false;
	registry_lock("mlops.import_chunks()", name, 0, BARE_NAME_MODEL, PRIVILEGE_WRITE, &target);
	if (parcel->version > target.model.last_version || conflict == CONFLICT_RENUMBER)
		return false;
	if (conflict == CONFLICT_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" has, or had, a version %d", name, parcel->version),
				 errhint("Pass on_conflict => 'renumber' to take the next number, 'skip' to leave it out, or another name as argument \"model\".")));
	ereport(NOTICE,
			(errmsg("skipped version %d of model \"%s\": the number is taken", parcel->version, name)));
	return true;
}

/* Returns the version's number here. */
static int32
store_parcel(const Parcel *parcel, const char *name, OnConflict conflict)
{
	MemoryContext decoded;
	const Model *model = model_decode_in(CurrentMemoryContext, parcel->bytes, parcel->length,
										 psprintf("%s/%d", parcel->model, parcel->version), false, &decoded);
	pg_uuid_t	run = add_run(parcel);
	NewVersion	version = {0};
	AddedVersion added;

	version.model = name;
	version.algorithm = model->algorithm->name;
	version.task = task_name(model->task);
	version.bytes = parcel->bytes;
	version.length = parcel->length;
	version.source = member(parcel, "{source}");
	version.target = model->target.name;
	version.key = member(parcel, "{key}");
	version.tags_json = member(parcel, "{tags}");
	version.rows_train = count_member(parcel, "{rows_train}");
	version.rows_test = count_member(parcel, "{rows_test}");
	version.rows_skipped = count_member(parcel, "{rows_skipped}");
	version.seconds = 0;
	version.started = GetCurrentTimestamp();
	version.run = &run;
	version.action = "import";
	version.number = parcel->version;
	catalog_add_version(&version, &added);
	if (added.version != parcel->version && conflict != CONFLICT_RENUMBER)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("another session has just added versions to model \"%s\"", name),
				 errhint("Import it again.")));
	fill_run(parcel, &run, &added.model_id);
	return added.version;
}

static void
put_result(ReturnSetInfo *set, const Parcel *parcel, const char *name, int32 version, const char *status)
{
	Datum		values[5] = {
		CStringGetTextDatum(name), Int32GetDatum(version), CStringGetTextDatum(parcel->model),
		Int32GetDatum(parcel->version), CStringGetTextDatum(status)
	};
	bool		nulls[5] = {false, version == 0};

	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

/* import_chunks(source, model, on_conflict) */
Datum
mlops_import_chunks(PG_FUNCTION_ARGS)
{
	char	   *subquery = source_subquery(registry_text(fcinfo, 0, "source"));
	char	   *rename = PG_ARGISNULL(1) ? NULL : registry_bare_name(registry_text(fcinfo, 1, "model"));
	OnConflict	conflict = conflict_argument(registry_text(fcinfo, 2, "on_conflict"));
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	PreventCommandIfReadOnly("mlops.import_chunks()");
	PreventCommandIfParallelMode("mlops.import_chunks()");
	foreach(cell, list_parcels(subquery))
	{
		Parcel	   *parcel = lfirst(cell);
		const char *name = rename != NULL ? rename : parcel->model;
		MemoryContext caller;
		int32		version = 0;

		CHECK_FOR_INTERRUPTS();
		catalog_check_model_name(name);
		catalog_check_new_version(name);
		parcel->context = AllocSetContextCreate(CurrentMemoryContext, "mlops import", ALLOCSET_DEFAULT_SIZES);
		caller = MemoryContextSwitchTo(parcel->context);
		if (!number_is_taken(parcel, name, conflict))
		{
			ErrorContextCallback callback = {error_context_stack, parcel_error_context, parcel};

			error_context_stack = &callback;
			read_parcel(parcel, subquery);
			check_manifest(parcel);
			version = store_parcel(parcel, name, conflict);
			error_context_stack = callback.previous;
		}
		MemoryContextSwitchTo(caller);
		put_result((ReturnSetInfo *) fcinfo->resultinfo, parcel, name, version,
				   version == 0 ? "skipped" : version == parcel->version ? "imported" : "renumbered");
		MemoryContextDelete(parcel->context);
	}
	return (Datum) 0;
}

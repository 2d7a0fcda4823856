/*
 * catalog_write.c
 *	  Adding a version with its run, parameters, metrics, data set and bytes; see
 *	  catalog.h.
 *
 * The model's row is locked last and what follows is short, so sessions that
 * train the same model queue up only at the very end.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/model_name.h"
#include "format/model_format.h"
#include "pg/access.h"
#include "pg/catalog.h"
#include "pg/catalog_exec.h"

#define CHUNK_BYTES ((Size) 8 * 1024 * 1024)

void
catalog_check_model_name(const char *name)
{
	if (!model_name_valid(name, strlen(name)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid model name \"%s\"", name),
				 errhint("A model's name is a letter or underscore followed by at most 62 letters, digits, "
						 "underscores or hyphens, all ASCII.")));
}

void
catalog_check_alias_name(const char *alias)
{
	if (!model_alias_valid(alias, strlen(alias)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid alias \"%s\"", alias),
				 errhint("An alias is a letter followed by at most 62 letters, digits, underscores or "
						 "hyphens, all ASCII.")));
	/* churn@latest beside churn/latest would only mislead */
	if (pg_strcasecmp(alias, "latest") == 0 || model_stage(alias) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("alias \"%s\" is reserved", alias),
				 errhint("Stages and the newest version are written behind a slash: 'model/%s'.", alias)));
}

void
catalog_check_new_version(const char *model)
{
	ModelRow	row;

	PreventCommandIfReadOnly("mlops.train()");
	PreventCommandIfParallelMode("mlops.train()");
	catalog_check_model_name(model);
	if (catalog_find_model(model, &row))
		access_require(&row.model_id, row.name, row.owner, PRIVILEGE_WRITE);
}

/* False when the chunk was there and may be. */
static bool
insert_chunk(CatalogArg key, int32 number, const uint8 *bytes, Size length, bool may_exist)
{
	CatalogArg	args[] = {key, arg_int4(number), arg_bytea(bytes, length)};
	uint64		rows;

	if (may_exist)
		rows = catalog_execute("INSERT INTO mlops.model_blobs (sha256, chunk_no, data) VALUES ($1, $2, $3) "
							   "ON CONFLICT DO NOTHING", lengthof(args), args);
	else
		rows = catalog_execute("INSERT INTO mlops.model_blobs (sha256, chunk_no, data) VALUES ($1, $2, $3)",
							   lengthof(args), args);
	pfree(DatumGetPointer(args[2].value));
	return rows > 0;
}

/*
 * Stores the bytes unless they are there, and keeps them from being deleted
 * until this transaction ends (the version that refers to them is not yet
 * visible to others).
 */
static void
store_blob(const uint8 digest[32], const uint8 *bytes, Size length)
{
	CatalogArg	key = arg_bytea(digest, 32);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (catalog_execute("SELECT 1 FROM mlops.model_blobs WHERE sha256 = $1 AND chunk_no = 0 FOR KEY SHARE",
							1, &key) > 0)
			return;
		if (insert_chunk(key, 0, bytes, Min(CHUNK_BYTES, length), true))
			break;
		/* another session has just stored the same bytes: lock them, or store them if they went again */
	}
	for (Size done = CHUNK_BYTES; done < length; done += CHUNK_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		insert_chunk(key, (int32) (done / CHUNK_BYTES), bytes + done, Min(CHUNK_BYTES, length - done), false);
	}
}

static void
create_experiment_and_model(const char *name, Oid owner)
{
	CatalogArg	args[] = {arg_text(name), arg_role(owner)};

	catalog_execute("INSERT INTO mlops.experiments (name) VALUES ($1) ON CONFLICT DO NOTHING", 1, args);
	catalog_execute("INSERT INTO mlops.registered_models (name, owner, experiment_id) "
					"SELECT e.name, $2, e.experiment_id FROM mlops.experiments e WHERE e.name = $1 FOR KEY SHARE "
					"ON CONFLICT DO NOTHING", lengthof(args), args);
}

/*
 * Makes the model if there is none of that name; afterwards the caller's
 * privilege to add versions is certain.
 */
static void
find_or_create_model(const char *name, Oid user, ModelRow *row)
{
	for (;;)
	{
		bool		found;
		CatalogWork work;

		CHECK_FOR_INTERRUPTS();
		catalog_push_snapshot();
		found = catalog_find_model(name, row);
		if (found)
			access_require(&row->model_id, row->name, row->owner, PRIVILEGE_WRITE);
		catalog_pop_snapshot();
		if (found)
			return;

		/* waits for a session that is creating the same name; then one of us finds it */
		catalog_begin(&work);
		create_experiment_and_model(name, user);
		catalog_end(&work);
	}
}

/* The row that a new version gets its number from, as the UPDATE that locked it returned it. */
typedef struct LockedModel
{
	pg_uuid_t	experiment_id;
	char		name[NAMEDATALEN];
	int32		event;
} LockedModel;

/* Takes the next number, with the model's row locked; false when another session has dropped the model meanwhile. */
static bool
take_number(AddedVersion *added, LockedModel *model, int32 wanted)
{
	CatalogArg	args[] = {arg_uuid(&added->model_id), arg_int4(wanted)};
	bool		isnull;

	if (catalog_execute("UPDATE mlops.registered_models SET last_version = GREATEST(last_version + 1, $2), last_event = last_event + 1, "
						"last_updated_time = pg_catalog.now() WHERE model_id = $1 "
						"RETURNING last_version, last_event, experiment_id, name, pg_catalog.gen_random_uuid()", lengthof(args), args) == 0)
		return false;
	added->version = DatumGetInt32(catalog_result(1, &isnull));
	model->event = DatumGetInt32(catalog_result(2, &isnull));
	model->experiment_id = *DatumGetUUIDP(catalog_result(3, &isnull));
	text_to_cstring_buffer(DatumGetTextPP(catalog_result(4, &isnull)), model->name, sizeof(model->name));
	added->run_uuid = *DatumGetUUIDP(catalog_result(5, &isnull));
	return true;
}

static void
record_run(const NewVersion *version, const AddedVersion *added, const LockedModel *model, Oid user)
{
	char	   *run_name = psprintf("%s/%d", model->name, added->version);
	CatalogArg	run[] = {
		arg_uuid(&added->run_uuid), arg_text(run_name), arg_role(user), arg_time(version->started),
		arg_text(MLOPS_VERSION), arg_uuid(&model->experiment_id), arg_text(version->arguments_json),
		arg_text(version->environment)
	};
	CatalogArg	params[] = {arg_uuid(&added->run_uuid), arg_text(version->params_json)};
	CatalogArg	tags[] = {arg_uuid(&added->run_uuid), arg_text(version->tags_json)};
	Datum	   *names = palloc(sizeof(Datum) * Max(version->nmetrics, 1));
	Datum	   *values = palloc(sizeof(Datum) * Max(version->nmetrics, 1));
	CatalogArg	metrics[3];

	catalog_execute("INSERT INTO mlops.runs (run_uuid, name, entry_point_name, user_id, status, start_time, end_time, "
					"source_version, experiment_id, arguments, environment) "
					"VALUES ($1, $2, 'mlops.train', $3, 'FINISHED', $4, pg_catalog.clock_timestamp(), "
					"$5, $6, $7::pg_catalog.jsonb, $8)", lengthof(run), run);
	catalog_execute("INSERT INTO mlops.params (run_uuid, key, value) "
					"SELECT $1, j.key, COALESCE(j.value, 'null') FROM pg_catalog.jsonb_each_text($2::pg_catalog.jsonb) j",
					lengthof(params), params);
	catalog_execute("INSERT INTO mlops.tags (run_uuid, key, value) "
					"SELECT $1, j.key, j.value FROM pg_catalog.jsonb_each_text($2::pg_catalog.jsonb) j "
					"WHERE j.value IS NOT NULL", lengthof(tags), tags);

	for (int i = 0; i < version->nmetrics; i++)
	{
		names[i] = CStringGetTextDatum(version->metrics[i].name);
		values[i] = Float8GetDatum(version->metrics[i].value);
	}
	metrics[0] = arg_uuid(&added->run_uuid);
	metrics[1] = (CatalogArg) {
		TEXTARRAYOID,
		PointerGetDatum(construct_array(names, version->nmetrics, TEXTOID, -1, false, TYPALIGN_INT)), false
	};
	metrics[2] = (CatalogArg) {
		FLOAT8ARRAYOID,
		PointerGetDatum(construct_array(values, version->nmetrics, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
										TYPALIGN_DOUBLE)), false
	};
	catalog_execute("INSERT INTO mlops.metrics (run_uuid, key, value, is_nan) "
					"SELECT $1, m.key, CASE WHEN m.value = 'NaN' THEN 0 ELSE m.value END, m.value = 'NaN' "
					"FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS m (key, value)", lengthof(metrics), metrics);
}

static void
record_dataset(const NewVersion *version, const AddedVersion *added, const LockedModel *model)
{
	CatalogArg	args[] = {
		arg_uuid(&model->experiment_id), arg_text(model->name), arg_text(version->digest), arg_text(version->source),
		arg_text(version->schema_json), arg_text(version->profile_json), arg_text(version->relations_json),
		arg_text(version->search_path), arg_uuid(&added->run_uuid)
	};

	catalog_execute("WITH d AS (INSERT INTO mlops.datasets (experiment_id, name, digest, dataset_source, dataset_schema, "
					"dataset_profile, source_relations, search_path) "
					"VALUES ($1, $2, $3, $4, $5::pg_catalog.jsonb, $6::pg_catalog.jsonb, $7::pg_catalog.jsonb, $8) "
					"RETURNING dataset_uuid) "
					"INSERT INTO mlops.inputs (run_uuid, dataset_uuid) SELECT $9, d.dataset_uuid FROM d",
					lengthof(args), args);
}

static void
record_version(const NewVersion *version, const AddedVersion *added, const uint8 digest[32], Oid user, int32 event)
{
	CatalogArg	row[] = {
		arg_uuid(&added->model_id), arg_int4(added->version), arg_uuid(&added->run_uuid), arg_bytea(digest, 32),
		arg_int8((int64) version->length), arg_text(version->algorithm), arg_text(version->task),
		arg_text(version->source), arg_text(version->target), arg_text(version->key), arg_role(user),
		arg_int8(version->rows_train), arg_int8(version->rows_test), arg_int8(version->rows_skipped),
		arg_float8(version->seconds)
	};
	CatalogArg	tags[] = {arg_uuid(&added->model_id), arg_int4(added->version), arg_text(version->tags_json)};
	CatalogArg	history[] = {
		arg_uuid(&added->model_id), arg_int4(event), arg_int4(added->version), arg_role(user)
	};

	catalog_execute("INSERT INTO mlops.model_versions (model_id, version, run_id, model_sha256, model_bytes, algorithm, task, "
					"source, target, key, user_id, rows_train, rows_test, rows_skipped, seconds) "
					"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)", lengthof(row), row);
	catalog_execute("INSERT INTO mlops.version_tags (model_id, version, key, value) "
					"SELECT $1, $2, j.key, j.value FROM pg_catalog.jsonb_each_text($3::pg_catalog.jsonb) j "
					"WHERE j.value IS NOT NULL", lengthof(tags), tags);
	catalog_execute("INSERT INTO mlops.stage_history (model_id, event, version, action, from_stage, to_stage, changed_by) "
					"VALUES ($1, $2, $3, 'register', 'None', 'None', $4)", lengthof(history), history);
}

void
catalog_add_version(const NewVersion *version, AddedVersion *added)
{
	Oid			user = GetUserId();
	ModelRow	found;
	LockedModel model;
	CatalogWork work;
	uint8		digest[32];
	bool		locked = false;

	if (version->length == 0 || version->length > MODEL_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" needs %zu bytes; a model has at most %zu MB", version->model, version->length,
						(size_t) (MODEL_MAX_BYTES / (1024 * 1024)))));
	catalog_check_model_name(version->model);
	catalog_sha256(version->bytes, version->length, digest);

	catalog_begin(&work);
	store_blob(digest, version->bytes, version->length);
	catalog_end(&work);

	/* a model that was dropped between the look and the lock is made anew: no training is lost for it */
	while (!locked)
	{
		find_or_create_model(version->model, user, &found);
		added->model_id = found.model_id;
		catalog_begin(&work);
		locked = take_number(added, &model, version->number);
		if (!locked)
			catalog_end(&work);
	}
	if (version->run != NULL)
		added->run_uuid = *version->run;
	else
	{
		record_run(version, added, &model, user);
		record_dataset(version, added, &model);
	}
	record_version(version, added, digest, user, model.event);
	catalog_audit(user, version->action != NULL ? version->action : "train", &added->model_id, model.name, added->version, NULL);
	catalog_end(&work);
}

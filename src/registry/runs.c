/*
 * runs.c
 *	  Runs from start to end; see tracking.h.
 *
 * A run belongs to the role that started it.  Whether the caller may write to it
 * is asked before its row is locked.  Logging takes a share lock: many sessions
 * may log to one run, and none after it has ended.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/params.h"
#include "pg/params_json.h"
#include "registry/registry.h"
#include "registry/tracking.h"

#define MAX_KEY JSON_MAX_KEY
#define PARENT_TAG "mlflow.parentRunId"
#define NOTE_TAG "mlflow.note.content"

PG_FUNCTION_INFO_V1(mlops_start_run);
PG_FUNCTION_INFO_V1(mlops_end_run);
PG_FUNCTION_INFO_V1(mlops_delete_run);
PG_FUNCTION_INFO_V1(mlops_set_run_tag);
PG_FUNCTION_INFO_V1(mlops_log_note);

static char *
run_text(const pg_uuid_t *run)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(run)));
}

char *
tracked_key(FunctionCallInfo fcinfo, int argno)
{
	char	   *key = registry_text(fcinfo, argno, "key");

	if (key[0] == '\0' || pg_mbstrlen(key) > MAX_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a key has 1 to %d characters", MAX_KEY)));
	return key;
}

char *
tracked_object(FunctionCallInfo fcinfo, int argno, const char *name)
{
	Jsonb	   *value;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	value = PG_GETARG_JSONB_P(argno);
	if (!JB_ROOT_IS_OBJECT(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a JSON object", name),
				 errhint("Write it like '{\"key\": 1}'.")));
	json_check_keys(value);
	return JsonbToCString(NULL, &value->root, VARSIZE(value));
}

/* Owner of a run, checked against the caller; between catalog_begin and catalog_end. */
static void
require_own_run(const pg_uuid_t *run, Oid user)
{
	CatalogArg	id = arg_uuid(run);
	bool		isnull;

	if (catalog_execute("SELECT user_id FROM mlops.runs WHERE run_uuid = $1", 1, &id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("run %s does not exist", run_text(run)),
				 errhint("mlops.start_run starts runs; the view mlops.mlflow_runs lists yours.")));
	if (!has_privs_of_role(user, DatumGetObjectId(catalog_result(1, &isnull))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for run %s", run_text(run)),
				 errdetail("A run belongs to the role that started it.")));
}

/* Locks the run's row and returns its status: FOR KEY SHARE while it must not go, FOR SHARE while it must not end. */
static char *
lock_run(TrackedRun *run, const char *sql)
{
	CatalogArg	id = arg_uuid(&run->run_uuid);
	bool		isnull;

	require_own_run(&run->run_uuid, run->user);
	if (catalog_execute(sql, 1, &id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("run %s does not exist", run_text(&run->run_uuid)),
				 errdetail("It was deleted just now.")));
	run->experiment_id = *DatumGetUUIDP(catalog_result(2, &isnull));
	run->started = DatumGetTimestampTz(catalog_result(3, &isnull));
	return TextDatumGetCString(catalog_result(1, &isnull));
}

static void
refuse_ended(const TrackedRun *run, const char *status)
{
	if (strcmp(status, "RUNNING") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("run %s has ended with status %s", run_text(&run->run_uuid), status),
				 errhint("What a run did is recorded while it runs; tags and notes can be added later.")));
}

static void
run_argument(FunctionCallInfo fcinfo, const char *function, TrackedRun *run)
{
	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"run\" must not be null")));
	memset(run, 0, sizeof(*run));
	run->run_uuid = *PG_GETARG_UUID_P(0);
	run->user = GetUserId();
}

void
tracked_run_open(FunctionCallInfo fcinfo, const char *function, bool must_run, TrackedRun *run)
{
	CatalogWork work;
	char	   *status;

	run_argument(fcinfo, function, run);
	catalog_begin(&work);
	status = lock_run(run, "SELECT status, experiment_id, start_time FROM mlops.runs WHERE run_uuid = $1 FOR SHARE");
	if (must_run)
		refuse_ended(run, status);
	catalog_end(&work);
}

/* Tags given with a new run. */
static void
add_tags(const pg_uuid_t *run, const char *tags)
{
	CatalogArg	args[] = {arg_uuid(run), arg_text(tags), arg_text(PARENT_TAG)};

	if (catalog_execute("SELECT 1 FROM pg_catalog.jsonb_each_text($1::pg_catalog.jsonb) j WHERE j.key = $2", 2, args + 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tag \"%s\" is not for setting", PARENT_TAG),
				 errhint("Name the run that this one is part of as argument \"parent\".")));
	catalog_execute("INSERT INTO mlops.tags (run_uuid, key, value) SELECT $1, j.key, j.value "
					"FROM pg_catalog.jsonb_each_text($2::pg_catalog.jsonb) j WHERE j.value IS NOT NULL", 2, args);
}

static void
set_tag(const pg_uuid_t *run, const char *key, const char *value)
{
	CatalogArg	args[] = {arg_uuid(run), arg_text(key), arg_text(value)};

	if (value == NULL)
		catalog_execute("DELETE FROM mlops.tags WHERE run_uuid = $1 AND key = $2", 2, args);
	else
		catalog_execute("INSERT INTO mlops.tags (run_uuid, key, value) VALUES ($1, $2, $3) "
						"ON CONFLICT (run_uuid, key) DO UPDATE SET value = EXCLUDED.value", 3, args);
}

/* The experiment of that name, made when there is none; nobody removes it before this transaction ends. */
static pg_uuid_t
experiment_id(const char *name)
{
	CatalogArg	arg = arg_text(name);
	bool		isnull;

	while (catalog_execute("SELECT experiment_id FROM mlops.experiments WHERE name = $1 FOR KEY SHARE", 1, &arg) == 0)
	{
		CHECK_FOR_INTERRUPTS();
		catalog_execute("INSERT INTO mlops.experiments (name) VALUES ($1) ON CONFLICT DO NOTHING", 1, &arg);
	}
	return *DatumGetUUIDP(catalog_result(1, &isnull));
}

/* start_run(experiment, name, parent, tags, source_name, source_type) */
Datum
mlops_start_run(PG_FUNCTION_ARGS)
{
	char	   *experiment = registry_text(fcinfo, 0, "experiment");
	char	   *name = PG_ARGISNULL(1) ? NULL : registry_text(fcinfo, 1, "name");
	pg_uuid_t  *parent = PG_ARGISNULL(2) ? NULL : PG_GETARG_UUID_P(2);
	char	   *tags = tracked_object(fcinfo, 3, "tags");
	char	   *source_name = PG_ARGISNULL(4) ? NULL : registry_text(fcinfo, 4, "source_name");
	char	   *source_type = registry_text(fcinfo, 5, "source_type");
	Oid			user = GetUserId();
	CatalogWork work;
	pg_uuid_t	run;
	pg_uuid_t  *result = palloc(sizeof(pg_uuid_t));
	bool		isnull;

	PreventCommandIfReadOnly("mlops.start_run()");
	PreventCommandIfParallelMode("mlops.start_run()");
	if (experiment[0] == '\0' || pg_mbstrlen(experiment) > MAX_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an experiment's name has 1 to %d characters", MAX_KEY)));

	catalog_begin(&work);
	if (parent != NULL)
	{
		TrackedRun	whole = {.run_uuid = *parent, .user = user};

		(void) lock_run(&whole, "SELECT status, experiment_id, start_time FROM mlops.runs WHERE run_uuid = $1 FOR KEY SHARE");
	}
	{
		pg_uuid_t	id = experiment_id(experiment);
		CatalogArg	args[] = {
			arg_text(name), arg_text(source_type), arg_text(source_name), arg_role(user), arg_text(MLOPS_VERSION), arg_uuid(&id)
		};

		catalog_execute("INSERT INTO mlops.runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
						"start_time, source_version, experiment_id) "
						"SELECT u.id, COALESCE($1, 'run-' || pg_catalog.left(u.id::pg_catalog.text, 8)), $2, $3, "
						"'mlops.start_run', $4, 'RUNNING', pg_catalog.clock_timestamp(), $5, $6 "
						"FROM (SELECT pg_catalog.gen_random_uuid() AS id OFFSET 0) u RETURNING run_uuid", lengthof(args), args);
		run = *DatumGetUUIDP(catalog_result(1, &isnull));
	}
	add_tags(&run, tags);
	if (parent != NULL)
	{
		CatalogArg	args[] = {arg_uuid(&run), arg_text(PARENT_TAG), arg_uuid(parent)};

		catalog_execute("INSERT INTO mlops.tags (run_uuid, key, value) "
						"VALUES ($1, $2, pg_catalog.replace($3::pg_catalog.text, '-', ''))", lengthof(args), args);
	}
	catalog_end(&work);
	*result = run;
	PG_RETURN_UUID_P(result);
}

static const char *
final_status(const char *word)
{
	static const char *const statuses[] = {"FINISHED", "FAILED", "KILLED"};

	for (size_t i = 0; i < lengthof(statuses); i++)
		if (pg_strcasecmp(word, statuses[i]) == 0)
			return statuses[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a run cannot end with status \"%s\"", word),
			 errhint("It ends FINISHED, FAILED or KILLED.")));
}

/* end_run(run, status) */
Datum
mlops_end_run(PG_FUNCTION_ARGS)
{
	const char *status = final_status(registry_text(fcinfo, 1, "status"));
	TrackedRun	run;
	CatalogWork work;

	run_argument(fcinfo, "mlops.end_run()", &run);
	catalog_begin(&work);
	refuse_ended(&run, lock_run(&run, "SELECT status, experiment_id, start_time FROM mlops.runs WHERE run_uuid = $1 "
								"FOR NO KEY UPDATE"));
	{
		CatalogArg	args[] = {arg_uuid(&run.run_uuid), arg_text(status)};

		catalog_execute("UPDATE mlops.runs SET status = $2, end_time = pg_catalog.clock_timestamp() WHERE run_uuid = $1",
						lengthof(args), args);
	}
	catalog_end(&work);
	PG_RETURN_VOID();
}

/* delete_run(run) */
Datum
mlops_delete_run(PG_FUNCTION_ARGS)
{
	TrackedRun	run;
	CatalogWork work;
	CatalogArg	id;
	bool		isnull;

	run_argument(fcinfo, "mlops.delete_run()", &run);
	catalog_begin(&work);
	(void) lock_run(&run, "SELECT status, experiment_id, start_time FROM mlops.runs WHERE run_uuid = $1 FOR UPDATE");
	id = arg_uuid(&run.run_uuid);
	if (catalog_execute("SELECT m.name || '/' || v.version FROM mlops.model_versions v "
						"JOIN mlops.registered_models m USING (model_id) WHERE v.run_id = $1 ORDER BY 1 LIMIT 1", 1, &id) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("run %s made the version %s", run_text(&run.run_uuid), TextDatumGetCString(catalog_result(1, &isnull))),
				 errhint("Delete the version with mlops.delete_version first.")));
	registry_remove_runs(&run.run_uuid, 1);
	/* whoever logs takes a share lock only */
	registry_require_gone("SELECT FROM mlops.model_versions WHERE run_id = $1 UNION ALL SELECT FROM mlops.params WHERE run_uuid = $1 "
						  "UNION ALL SELECT FROM mlops.metrics WHERE run_uuid = $1 UNION ALL SELECT FROM mlops.tags WHERE run_uuid = $1 "
						  "UNION ALL SELECT FROM mlops.inputs WHERE run_uuid = $1 UNION ALL SELECT FROM mlops.tags WHERE key = 'mlflow.parentRunId' "
						  "AND value = pg_catalog.replace($1::pg_catalog.text, '-', '') LIMIT 1", id);
	catalog_end(&work);
	PG_RETURN_VOID();
}

/* set_run_tag(run, key, value); NULL removes */
Datum
mlops_set_run_tag(PG_FUNCTION_ARGS)
{
	char	   *key = tracked_key(fcinfo, 1);
	char	   *value = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "value");
	TrackedRun	run;
	CatalogWork work;

	if (strcmp(key, PARENT_TAG) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tag \"%s\" is not for setting", PARENT_TAG),
				 errhint("Name the run that a run is part of when it starts: mlops.start_run(parent => ...).")));
	tracked_run_open(fcinfo, "mlops.set_run_tag()", false, &run);
	catalog_begin(&work);
	set_tag(&run.run_uuid, key, value);
	catalog_end(&work);
	PG_RETURN_VOID();
}

/* log_note(run, note); NULL removes */
Datum
mlops_log_note(PG_FUNCTION_ARGS)
{
	char	   *note = PG_ARGISNULL(1) ? NULL : registry_text(fcinfo, 1, "note");
	TrackedRun	run;
	CatalogWork work;

	tracked_run_open(fcinfo, "mlops.log_note()", false, &run);
	catalog_begin(&work);
	set_tag(&run.run_uuid, NOTE_TAG, note);
	catalog_end(&work);
	PG_RETURN_VOID();
}

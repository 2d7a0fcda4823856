/*
 * models.c
 *	  Models and versions as wholes: aliases, names, descriptions, tags, removal.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/catalog_scan.h"
#include "pg/subtransaction.h"
#include "registry/registry.h"
#include "registry/tracking.h"

PG_FUNCTION_INFO_V1(mlops_set_alias);
PG_FUNCTION_INFO_V1(mlops_drop_alias);
PG_FUNCTION_INFO_V1(mlops_rename_model);
PG_FUNCTION_INFO_V1(mlops_set_description);
PG_FUNCTION_INFO_V1(mlops_set_tag);
PG_FUNCTION_INFO_V1(mlops_delete_version);
PG_FUNCTION_INFO_V1(mlops_drop_model);

/* set_alias(model, alias, version) */
Datum
mlops_set_alias(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	char	   *alias = registry_text(fcinfo, 1, "alias");
	int32		version = registry_version(fcinfo, 2);
	Registered	target;
	CatalogWork work;

	catalog_check_alias_name(alias);
	registry_lock("mlops.set_alias()", reference, version, BARE_NAME_ERROR, PRIVILEGE_WRITE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {
			arg_uuid(&target.model.model_id), arg_text(alias), arg_int4(target.version.version)
		};

		catalog_execute("INSERT INTO mlops.aliases (model_id, alias, version) VALUES ($1, $2, $3) "
						"ON CONFLICT (model_id, alias) DO UPDATE SET version = EXCLUDED.version", lengthof(args), args);
		catalog_audit(target.user, "set_alias", &target.model.model_id, target.model.name, target.version.version,
					  registry_detail("alias", alias));
	}
	catalog_end(&work);
	registry_changed();
	registry_tell_stale(&target, false);
	PG_RETURN_VOID();
}

/* drop_alias(model, alias) */
Datum
mlops_drop_alias(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	char	   *alias = registry_text(fcinfo, 1, "alias");
	Registered	target;
	CatalogWork work;
	bool		isnull;

	registry_lock("mlops.drop_alias()", name, 0, BARE_NAME_MODEL, PRIVILEGE_WRITE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {arg_uuid(&target.model.model_id), arg_text(alias)};

		if (catalog_execute("DELETE FROM mlops.aliases WHERE model_id = $1 AND alias = $2 RETURNING version",
							lengthof(args), args) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" has no alias \"%s\"", target.model.name, alias),
					 errhint("The view mlops.versions lists them in its column aliases.")));
		catalog_audit(target.user, "drop_alias", &target.model.model_id, target.model.name,
					  DatumGetInt32(catalog_result(1, &isnull)), registry_detail("alias", alias));
	}
	catalog_end(&work);
	registry_changed();
	PG_RETURN_VOID();
}

typedef struct Renaming
{
	const Registered *target;
	const char *new_name;
} Renaming;

static void
rename_row(void *context)
{
	const Renaming *renaming = context;
	CatalogArg	args[] = {arg_uuid(&renaming->target->model.model_id), arg_text(renaming->new_name)};
	CatalogWork work;

	catalog_begin(&work);
	catalog_execute("UPDATE mlops.registered_models SET name = $2, last_updated_time = pg_catalog.now() "
					"WHERE model_id = $1", lengthof(args), args);
	catalog_end(&work);
}

static void
rename_experiment(void *context)
{
	const Renaming *renaming = context;
	CatalogArg	args[] = {
		arg_uuid(&renaming->target->model.model_id), arg_text(renaming->new_name), arg_text(renaming->target->model.name)
	};
	CatalogWork work;

	catalog_begin(&work);
	catalog_execute("UPDATE mlops.experiments e SET name = $2, last_update_time = pg_catalog.now() "
					"FROM mlops.registered_models m WHERE m.model_id = $1 AND e.experiment_id = m.experiment_id "
					"AND e.name = $3 AND NOT EXISTS (SELECT FROM mlops.experiments o WHERE o.name = $2)",
					lengthof(args), args);
	catalog_end(&work);
}

/*
 * rename_model(model, new_name); the experiment follows if its name is still
 * the model's.  Whether the name is free is for the index to say: it waits for
 * sessions that are taking the same name.
 */
Datum
mlops_rename_model(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	char	   *new_name = registry_text(fcinfo, 1, "new_name");
	Registered	target;
	Renaming	renaming = {&target, new_name};
	CatalogWork work;
	ErrorData  *error;

	catalog_check_model_name(new_name);
	registry_lock("mlops.rename_model()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	error = strcmp(new_name, target.model.name) == 0 ? NULL : subtransaction_run(rename_row, &renaming);
	if (strcmp(new_name, target.model.name) == 0 || (error != NULL && error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", new_name)));
	if (error != NULL)
		ReThrowError(error);
	/* an experiment of that name, which somebody made just now: then this one keeps its own */
	error = subtransaction_run(rename_experiment, &renaming);
	if (error != NULL && error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		ReThrowError(error);
	catalog_begin(&work);
	catalog_audit(target.user, "rename", &target.model.model_id, new_name, 0,
				  registry_detail("old_name", target.model.name));
	catalog_end(&work);
	registry_changed();
	PG_RETURN_VOID();
}

/* set_description(model, description): of the model, or with 'churn/3' of the version */
Datum
mlops_set_description(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.set_description()", reference, 0, BARE_NAME_MODEL, PRIVILEGE_WRITE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {
			arg_uuid(&target.model.model_id), arg_text(PG_ARGISNULL(1) ? NULL : registry_text(fcinfo, 1, "description")),
			arg_int4(target.version.version)
		};

		if (target.version.version == 0)
			catalog_execute("UPDATE mlops.registered_models SET description = $2, last_updated_time = pg_catalog.now() "
							"WHERE model_id = $1", 2, args);
		else
			catalog_execute("UPDATE mlops.model_versions SET description = $2, last_updated_time = pg_catalog.now() "
							"WHERE model_id = $1 AND version = $3", lengthof(args), args);
	}
	catalog_end(&work);
	PG_RETURN_VOID();
}

/* set_tag(model, key, value): of the model, or with 'churn/3' of the version; NULL removes it */
Datum
mlops_set_tag(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	char	   *key = tracked_key(fcinfo, 1);
	char	   *value = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "value");
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.set_tag()", reference, 0, BARE_NAME_MODEL, PRIVILEGE_WRITE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {
			arg_uuid(&target.model.model_id), arg_text(key), arg_text(value), arg_int4(target.version.version)
		};
		CatalogArg	old[] = {args[0], args[1], args[3]};

		if (target.version.version == 0 && value == NULL)
			catalog_execute("DELETE FROM mlops.model_tags WHERE model_id = $1 AND key = $2", 2, old);
		else if (target.version.version == 0)
			catalog_execute("INSERT INTO mlops.model_tags (model_id, key, value) VALUES ($1, $2, $3) "
							"ON CONFLICT (model_id, key) DO UPDATE SET value = EXCLUDED.value", 3, args);
		else if (value == NULL)
			catalog_execute("DELETE FROM mlops.version_tags WHERE model_id = $1 AND key = $2 AND version = $3", 3, old);
		else
			catalog_execute("INSERT INTO mlops.version_tags (model_id, version, key, value) VALUES ($1, $4, $2, $3) "
							"ON CONFLICT (model_id, version, key) DO UPDATE SET value = EXCLUDED.value", 4, args);
	}
	catalog_end(&work);
	PG_RETURN_VOID();
}

void
registry_remove_runs(const pg_uuid_t *runs, int count)
{
	static const char *const parts[] = {
		"DELETE FROM mlops.params WHERE run_uuid = ANY ($1)",
		"DELETE FROM mlops.metrics WHERE run_uuid = ANY ($1)",
		"DELETE FROM mlops.tags WHERE run_uuid = ANY ($1)",
		"DELETE FROM mlops.runs WHERE run_uuid = ANY ($1)"
	};
	Datum	   *ids = palloc(sizeof(Datum) * Max(count, 1));
	CatalogArg	arg;

	for (int i = 0; i < count; i++)
		ids[i] = UUIDPGetDatum(&runs[i]);
	arg = (CatalogArg) {
		UUIDARRAYOID, PointerGetDatum(construct_array(ids, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR)), false
	};
	catalog_execute("WITH gone AS (DELETE FROM mlops.inputs WHERE run_uuid = ANY ($1) RETURNING dataset_uuid), "
					"unread AS (DELETE FROM mlops.datasets d USING gone WHERE d.dataset_uuid = gone.dataset_uuid "
					"AND NOT EXISTS (SELECT FROM mlops.inputs i WHERE i.dataset_uuid = d.dataset_uuid "
					"AND i.run_uuid <> ALL ($1)) RETURNING d.dataset_uuid) "
					"DELETE FROM mlops.erasures e USING unread u WHERE e.dataset_uuid = u.dataset_uuid", 1, &arg);
	/* runs that were part of one of these stand alone now */
	catalog_execute("DELETE FROM mlops.tags t USING pg_catalog.unnest($1) AS r (run) WHERE t.key = 'mlflow.parentRunId' "
					"AND t.value = pg_catalog.replace(r.run::pg_catalog.text, '-', '')", 1, &arg);
	for (size_t i = 0; i < lengthof(parts); i++)
		catalog_execute(parts[i], 1, &arg);
}

/*
 * Runs that belonged to removed versions.  `runs` is the result (uuid[] or
 * NULL) of the statement that removed the versions.  Runs that somebody started
 * (mlops.start_run) are his to delete; a run may also have made other versions.
 */
static void
remove_runs(void)
{
	CatalogArg	runs = {UUIDARRAYOID, (Datum) 0, false};
	Datum		result = catalog_result(1, &runs.isnull);
	SPITupleTable *found;
	uint64		count;
	pg_uuid_t  *ids;

	if (runs.isnull)
		return;
	/* the next statement frees the result */
	runs.value = PointerGetDatum(PG_DETOAST_DATUM_COPY(result));
	count = catalog_execute("SELECT r.run_uuid FROM mlops.runs r WHERE r.run_uuid = ANY ($1) "
							"AND r.entry_point_name IS DISTINCT FROM 'mlops.start_run' "
							"AND NOT EXISTS (SELECT FROM mlops.model_versions v WHERE v.run_id = r.run_uuid)", 1, &runs);
	found = SPI_tuptable;
	ids = palloc(sizeof(pg_uuid_t) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;

		ids[i] = *DatumGetUUIDP(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull));
	}
	registry_remove_runs(ids, (int) count);
}

/* Whether any version has these bytes, as of now and not of the transaction's snapshot. */
static bool
blob_is_needed(Datum digest)
{
	CatalogQuery query = {
		.table = "model_versions", .index = "model_versions_sha256",
		.nkeys = 1, .keys = {{"model_sha256", BYTEAOID, digest}},
		.ncolumns = 1, .columns = {"version"}
	};
	Datum		version;
	bool		isnull;
	bool		found;

	PushActiveSnapshot(GetLatestSnapshot());
	found = catalog_scan_first(&query, &version, &isnull);
	PopActiveSnapshot();
	return found;
}

/*
 * Removes bytes that no version refers to.  A session that has just found bytes
 * in the store and is about to add a version keeps them locked: those are
 * passed over, never waited for (it may be waiting for our lock on the model),
 * and fall to the next removal if it rolls back.  Whether they are needed is
 * asked after the lock, under a new snapshot even in REPEATABLE READ: that
 * session may have committed in between.
 */
static void
remove_orphaned_blobs(void)
{
	SPITupleTable *orphans;
	uint64		norphans;

	norphans = catalog_execute("SELECT b.sha256 FROM mlops.model_blobs b WHERE b.chunk_no = 0 "
							   "AND NOT EXISTS (SELECT FROM mlops.model_versions v WHERE v.model_sha256 = b.sha256) "
							   "FOR UPDATE SKIP LOCKED", 0, NULL);
	orphans = SPI_tuptable;
	for (uint64 i = 0; i < norphans; i++)
	{
		CatalogArg	digest = {BYTEAOID, (Datum) 0, false};

		CHECK_FOR_INTERRUPTS();
		digest.value = SPI_getbinval(orphans->vals[i], orphans->tupdesc, 1, &digest.isnull);
		if (!blob_is_needed(digest.value))
			catalog_execute("DELETE FROM mlops.model_blobs WHERE sha256 = $1", 1, &digest);
	}
	SPI_freetuptable(orphans);
}

static void
refuse_production(const Registered *target)
{
	VersionRow	production;
	bool		found;

	catalog_push_snapshot();
	found = catalog_find_production(&target->model.model_id, &production);
	catalog_pop_snapshot();
	if (found && (target->version.version == 0 || target->version.version == production.version))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("version %d of model \"%s\" is in Production", production.version, target->model.name),
				 errhint("Take it out of Production first: SELECT mlops.promote('%s/%d', stage => 'Archived').",
						 target->model.name, production.version)));
}

static void
refuse_aliased(const Registered *target)
{
	CatalogArg	args[] = {arg_uuid(&target->model.model_id), arg_int4(target->version.version)};
	bool		isnull;

	if (catalog_execute("SELECT alias FROM mlops.aliases WHERE model_id = $1 AND version = $2 ORDER BY alias LIMIT 1",
						lengthof(args), args) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("version %d of model \"%s\" has the alias \"%s\"", target->version.version, target->model.name,
						TextDatumGetCString(catalog_result(1, &isnull))),
				 errhint("Move the alias with mlops.set_alias or remove it with mlops.drop_alias first.")));
}

/* Removes target->version, which is neither in Production nor under an alias; between catalog_begin and catalog_end. */
void
registry_delete_version(const Registered *target)
{
	static const char *const parts[] = {
		"DELETE FROM mlops.version_tags WHERE model_id = $1 AND version = $2",
		"DELETE FROM mlops.approvals WHERE model_id = $1 AND version = $2",
		"DELETE FROM mlops.gate_checks WHERE model_id = $1 AND version = $2",
		"WITH gone AS (DELETE FROM mlops.tunings WHERE model_id = $1 AND version = $2 RETURNING tuning_id) "
		"DELETE FROM mlops.tuning_trials t USING gone WHERE t.tuning_id = gone.tuning_id"
	};
	CatalogArg	args[] = {arg_uuid(&target->model.model_id), arg_int4(target->version.version)};

	for (size_t i = 0; i < lengthof(parts); i++)
		catalog_execute(parts[i], lengthof(args), args);
	catalog_execute("WITH gone AS (DELETE FROM mlops.model_versions WHERE model_id = $1 AND version = $2 RETURNING run_id) "
					"SELECT pg_catalog.array_agg(run_id) FROM gone", lengthof(args), args);
	remove_runs();
	remove_orphaned_blobs();
	catalog_execute("UPDATE mlops.registered_models SET last_updated_time = pg_catalog.now() WHERE model_id = $1", 1, args);
	catalog_audit(target->user, "delete_version", &target->model.model_id, target->model.name, target->version.version, NULL);
}

/* delete_version(model, version); its number is not used again */
Datum
mlops_delete_version(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	int32		version = registry_version(fcinfo, 1);
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.delete_version()", reference, version, BARE_NAME_ERROR, PRIVILEGE_MANAGE, &target);
	refuse_production(&target);
	catalog_begin(&work);
	refuse_aliased(&target);
	registry_delete_version(&target);
	catalog_end(&work);
	registry_changed();
	PG_RETURN_VOID();
}

/*
 * The experiment of a model that has gone, unless something else is in it.
 * Whoever adds a run or a model holds a lock on its row: then it stays.  It
 * stays, too, where this transaction would not see what was added just now.
 */
static void
remove_experiment(CatalogArg experiment)
{
	if (IsolationUsesXactSnapshot() ||
		catalog_execute("SELECT 1 FROM mlops.experiments WHERE experiment_id = $1 FOR UPDATE SKIP LOCKED", 1, &experiment) == 0)
		return;
	if (catalog_execute("DELETE FROM mlops.experiments e WHERE e.experiment_id = $1 "
						"AND NOT EXISTS (SELECT FROM mlops.registered_models m WHERE m.experiment_id = e.experiment_id) "
						"AND NOT EXISTS (SELECT FROM mlops.runs r WHERE r.experiment_id = e.experiment_id) "
						"AND NOT EXISTS (SELECT FROM mlops.datasets d WHERE d.experiment_id = e.experiment_id)",
						1, &experiment) > 0)
		catalog_execute("DELETE FROM mlops.experiment_tags WHERE experiment_id = $1", 1, &experiment);
}

/* drop_model(model): with all versions, runs, grants and history; the audit log keeps its rows */
Datum
mlops_drop_model(PG_FUNCTION_ARGS)
{
	static const char *const parts[] = {
		"DELETE FROM mlops.version_tags WHERE model_id = $1",
		"DELETE FROM mlops.aliases WHERE model_id = $1",
		"DELETE FROM mlops.model_tags WHERE model_id = $1",
		"DELETE FROM mlops.stage_history WHERE model_id = $1",
		"DELETE FROM mlops.model_grants WHERE model_id = $1",
		"DELETE FROM mlops.approvals WHERE model_id = $1",
		"DELETE FROM mlops.model_gates WHERE model_id = $1",
		"DELETE FROM mlops.gate_checks WHERE model_id = $1",
		"WITH gone AS (DELETE FROM mlops.tunings WHERE model_id = $1 RETURNING tuning_id) "
		"DELETE FROM mlops.tuning_trials t USING gone WHERE t.tuning_id = gone.tuning_id",
		"DELETE FROM mlops.registered_models WHERE model_id = $1",
		/* last: whoever fills a table holds a lock on the model */
		"DELETE FROM mlops.scored_tables WHERE model_id = $1"
	};
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.drop_model()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	refuse_production(&target);
	catalog_begin(&work);
	{
		CatalogArg	id = arg_uuid(&target.model.model_id);
		CatalogArg	experiment = id;
		bool		isnull;

		catalog_execute("SELECT experiment_id FROM mlops.registered_models WHERE model_id = $1", 1, &id);
		experiment = arg_uuid(memcpy(palloc(UUID_LEN), DatumGetUUIDP(catalog_result(1, &isnull)), UUID_LEN));
		catalog_execute("WITH gone AS (DELETE FROM mlops.model_versions WHERE model_id = $1 RETURNING run_id) "
						"SELECT pg_catalog.array_agg(run_id) FROM gone", 1, &id);
		remove_runs();
		for (size_t i = 0; i < lengthof(parts); i++)
			catalog_execute(parts[i], 1, &id);
		remove_orphaned_blobs();
		registry_require_gone("SELECT FROM mlops.scored_tables WHERE model_id = $1 LIMIT 1", id);
		remove_experiment(experiment);
		catalog_audit(target.user, "drop", &target.model.model_id, target.model.name, 0, NULL);
	}
	catalog_end(&work);
	registry_changed();
	PG_RETURN_VOID();
}

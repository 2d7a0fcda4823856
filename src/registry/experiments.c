/*
 * experiments.c
 *	  Labels of experiments.
 *
 * An experiment has no owner.  One that is a model's is labelled by those who
 * may write to the model: anybody can start a run in it.  Any other is shared by
 * whoever has runs in it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "registry/registry.h"
#include "registry/tracking.h"

PG_FUNCTION_INFO_V1(mlops_set_experiment_tag);
PG_FUNCTION_INFO_V1(mlops_set_experiment_tags);

typedef struct Experiment
{
	const char *name;
	pg_uuid_t	id;
	bool		own_run;		/* the caller has a run in it */
	int			nmodels;
	ModelRow   *models;			/* whose experiment it is */
} Experiment;

static void
read_models(Experiment *experiment, MemoryContext caller)
{
	CatalogArg	id = arg_uuid(&experiment->id);
	bool		isnull;

	experiment->nmodels = (int) catalog_execute("SELECT model_id, owner::pg_catalog.oid FROM mlops.registered_models "
												"WHERE experiment_id = $1", 1, &id);
	experiment->models = MemoryContextAllocZero(caller, sizeof(ModelRow) * Max(experiment->nmodels, 1));
	for (int i = 0; i < experiment->nmodels; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];

		experiment->models[i].model_id = *DatumGetUUIDP(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
		experiment->models[i].owner = DatumGetObjectId(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
	}
}

static bool
may_write(const Experiment *experiment)
{
	if (experiment->nmodels == 0)
		return experiment->own_run;
	for (int i = 0; i < experiment->nmodels; i++)
		if (access_allowed(&experiment->models[i].model_id, experiment->models[i].owner, PRIVILEGE_WRITE))
			return true;
	return false;
}

/* Checks that it exists and that the caller may label it. */
static void
open_experiment(const char *function, const char *name, Experiment *experiment)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	args[] = {arg_text(name), arg_role(GetUserId())};
	CatalogWork work;
	bool		isnull;

	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	memset(experiment, 0, sizeof(*experiment));
	experiment->name = name;
	catalog_begin(&work);
	if (catalog_execute("SELECT e.experiment_id, EXISTS (SELECT FROM mlops.runs r WHERE r.experiment_id = e.experiment_id "
						"AND pg_catalog.pg_has_role($2::pg_catalog.oid, r.user_id::pg_catalog.oid, 'USAGE')) "
						"FROM mlops.experiments e WHERE e.name = $1", lengthof(args), args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("experiment \"%s\" does not exist", name),
				 errhint("mlops.start_run makes experiments; the view mlops.mlflow_experiments lists those that you may see.")));
	experiment->id = *DatumGetUUIDP(catalog_result(1, &isnull));
	experiment->own_run = DatumGetBool(catalog_result(2, &isnull));
	read_models(experiment, caller);
	catalog_end(&work);

	if (may_write(experiment))
		return;
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" was denied writing to experiment \"%s\"", GetUserNameFromId(GetUserId(), false), name)));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for experiment \"%s\"", name),
			 experiment->nmodels > 0 ? errdetail("It is the experiment of a model that you may not write to.") :
			 errdetail("You have no run in it.")));
}

/* A null value removes the label. */
static void
set_tags(const Experiment *experiment, const char *object)
{
	CatalogArg	args[] = {arg_uuid(&experiment->id), arg_text(object)};
	CatalogWork work;

	catalog_begin(&work);
	/* the row first: an experiment that goes meanwhile takes its labels along */
	if (catalog_execute("UPDATE mlops.experiments SET last_update_time = pg_catalog.now() WHERE experiment_id = $1", 1, args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("experiment \"%s\" does not exist", experiment->name),
				 errdetail("It was removed just now.")));
	catalog_execute("DELETE FROM mlops.experiment_tags t USING pg_catalog.jsonb_each_text($2::pg_catalog.jsonb) j "
					"WHERE t.experiment_id = $1 AND t.key = j.key AND j.value IS NULL", lengthof(args), args);
	catalog_execute("INSERT INTO mlops.experiment_tags (experiment_id, key, value) SELECT $1, j.key, j.value "
					"FROM pg_catalog.jsonb_each_text($2::pg_catalog.jsonb) j WHERE j.value IS NOT NULL "
					"ON CONFLICT (experiment_id, key) DO UPDATE SET value = EXCLUDED.value", lengthof(args), args);
	catalog_end(&work);
}

/* set_experiment_tag(experiment, key, value) */
Datum
mlops_set_experiment_tag(PG_FUNCTION_ARGS)
{
	char	   *name = registry_text(fcinfo, 0, "experiment");
	char	   *key = tracked_key(fcinfo, 1);
	char	   *value = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "value");
	Experiment	experiment;

	open_experiment("mlops.set_experiment_tag()", name, &experiment);
	set_tags(&experiment, registry_detail(key, value));
	PG_RETURN_VOID();
}

/* set_experiment_tags(experiment, tags) */
Datum
mlops_set_experiment_tags(PG_FUNCTION_ARGS)
{
	char	   *name = registry_text(fcinfo, 0, "experiment");
	char	   *tags = tracked_object(fcinfo, 1, "tags");
	Experiment	experiment;

	open_experiment("mlops.set_experiment_tags()", name, &experiment);
	set_tags(&experiment, tags);
	PG_RETURN_VOID();
}

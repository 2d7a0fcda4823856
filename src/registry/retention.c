/*
 * retention.c
 *	  What was live when, and which versions may go.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_version_at);
PG_FUNCTION_INFO_V1(mlops_prune);

/*
 * version_at(model, at): the last event up to that time that touched Production
 * tells.  A promotion archives its predecessor with an event of lower number
 * and the same time.
 */
Datum
mlops_version_at(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	ModelRow	model;
	CatalogWork work;
	int32		version = 0;
	bool		isnull;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"at\" must not be null")));
	if (!catalog_find_model(name, &model))
		catalog_unknown_model(name);
	if (access_mask(&model.model_id, model.owner) == 0)
		access_require(&model.model_id, model.name, model.owner, PRIVILEGE_PREDICT);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {arg_uuid(&model.model_id), arg_time(PG_GETARG_TIMESTAMPTZ(1))};

		if (catalog_execute("SELECT CASE WHEN h.to_stage = 'Production' THEN h.version ELSE 0 END FROM mlops.stage_history h "
							"WHERE h.model_id = $1 AND h.changed_at <= $2 AND 'Production' IN (h.from_stage, h.to_stage) "
							"ORDER BY h.event DESC LIMIT 1", lengthof(args), args) > 0)
			version = DatumGetInt32(catalog_result(1, &isnull));
	}
	catalog_end(&work);
	if (version == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(version);
}

/*
 * Versions older than the newest `keep`, but those that are served, named, or
 * next on the stack that rollback goes down.
 */
#define SUPERFLUOUS \
	"WITH RECURSIVE stack (event, version, below) AS (" \
	"SELECT h.event, h.version, h.below FROM mlops.registered_models m JOIN mlops.stage_history h " \
	"ON h.model_id = m.model_id AND h.event = m.production_event WHERE m.model_id = $1 " \
	"UNION ALL SELECT h.event, h.version, h.below FROM stack s JOIN mlops.stage_history h " \
	"ON h.model_id = $1 AND h.event = s.below), " \
	"earlier AS (SELECT s.version FROM stack s JOIN mlops.model_versions v ON v.model_id = $1 AND v.version = s.version " \
	"WHERE v.stage <> 'Production' ORDER BY s.event DESC LIMIT 1) " \
	"SELECT o.version, o.stage, o.creation_time, o.model_bytes FROM (SELECT v.*, " \
	"pg_catalog.row_number() OVER (ORDER BY v.version DESC) AS age FROM mlops.model_versions v WHERE v.model_id = $1) o " \
	"WHERE o.age > $2 AND o.stage NOT IN ('Production', 'Staging') AND o.version NOT IN (SELECT e.version FROM earlier e) " \
	"AND NOT EXISTS (SELECT FROM mlops.aliases a WHERE a.model_id = $1 AND a.version = o.version) ORDER BY o.version"

/* prune(model, keep, dry_run) */
Datum
mlops_prune(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	int32		keep = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	bool		dry_run = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	ReturnSetInfo *set;
	Registered	target;
	CatalogWork work;
	SPITupleTable *versions;
	uint64		count;

	if (keep < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"keep\" must be positive"),
				 errhint("It is the number of newest versions that stay.")));
	InitMaterializedSRF(fcinfo, 0);
	set = (ReturnSetInfo *) fcinfo->resultinfo;
	registry_lock("mlops.prune()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {arg_uuid(&target.model.model_id), arg_int8(keep)};

		count = catalog_execute(SUPERFLUOUS, lengthof(args), args);
	}
	versions = SPI_tuptable;
	for (uint64 i = 0; i < count; i++)
	{
		Datum		values[4];
		bool		nulls[4];

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < 4; k++)
			values[k] = SPI_getbinval(versions->vals[i], versions->tupdesc, k + 1, &nulls[k]);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		target.version.version = DatumGetInt32(values[0]);
		if (!dry_run)
			registry_delete_version(&target);
	}
	catalog_end(&work);
	if (count > 0 && !dry_run)
		registry_changed();
	return (Datum) 0;
}

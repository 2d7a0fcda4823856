/*
 * registry.c
 *	  What the functions that change the registry have in common; see registry.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/snapmgr.h"

#include "pg/access.h"
#include "pg/extension.h"
#include "registry/registry.h"

char *
registry_text(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

int32
registry_version(FunctionCallInfo fcinfo, int argno)
{
	int32		version;

	if (PG_ARGISNULL(argno))
		return 0;
	version = PG_GETARG_INT32(argno);
	if (version <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version %d is not a version number", version),
				 errhint("Versions are numbered from 1.")));
	return version;
}

char *
registry_bare_name(const char *reference)
{
	ModelRef	ref;

	model_ref_parse(reference, &ref);
	if (ref.kind != REF_PRODUCTION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" names a version where a model is wanted", reference),
				 errhint("Write the model's name alone: '%s'.", ref.name)));
	return pstrdup(ref.name);
}

/* The reference that says what `reference`, `version` and `bare` mean together; NULL: the model itself. */
static char *
complete_reference(const char *reference, const ModelRef *ref, int32 version, BareName bare, bool *newest)
{
	*newest = false;
	if (ref->kind != REF_PRODUCTION)
	{
		if (version != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" names a version, and argument \"version\" does too", reference),
					 errhint("Write the one or the other.")));
		return pstrdup(reference);
	}
	if (version != 0)
		return psprintf("%s/%d", ref->name, version);
	switch (bare)
	{
		case BARE_NAME_MODEL:
			return NULL;
		case BARE_NAME_NEWEST:
			*newest = true;
			return psprintf("%s/latest", ref->name);
		case BARE_NAME_ERROR:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("which version of model \"%s\" is meant?", ref->name),
			 errhint("Name it: '%s/1'.", ref->name)));
}

/* Under a new snapshot: model, privilege and version as they are now. */
static void
look_up(const ModelRef *ref, const char *full, Privilege privilege, Registered *target)
{
	catalog_push_snapshot();
	if (!catalog_find_model(ref->name, &target->model))
		catalog_unknown_model(ref->name);
	access_require(&target->model.model_id, target->model.name, target->model.owner, privilege);
	memset(&target->version, 0, sizeof(target->version));
	if (full != NULL)
	{
		ModelRef	wanted;

		model_ref_parse(full, &wanted);
		if (wanted.kind == REF_VERSION)
		{
			if (!catalog_find_version(&target->model.model_id, wanted.version, &target->version))
				catalog_unknown_version(&target->model, wanted.version);
		}
		else
		{
			ResolvedModel resolved;

			model_ref_resolve(full, privilege, &resolved);
			target->version = resolved.version;
		}
	}
	catalog_pop_snapshot();
}

/*
 * False when the model has gone since its id was read.  An UPDATE, though it
 * changes nothing: whoever decides from an older snapshot (REPEATABLE READ),
 * such as that a version has no alias, must fail and not merely wait.
 */
static bool
lock_row(Registered *target)
{
	CatalogWork work;
	CatalogArg	id = arg_uuid(&target->model.model_id);
	bool		found;
	bool		isnull;

	catalog_begin(&work);
	found = catalog_execute("UPDATE mlops.registered_models SET last_event = last_event WHERE model_id = $1 "
							"RETURNING last_event, production_event", 1, &id) > 0;
	if (found)
	{
		target->last_event = DatumGetInt32(catalog_result(1, &isnull));
		target->production_event = DatumGetInt32(catalog_result(2, &isnull));
		target->has_production_event = !isnull;
	}
	catalog_end(&work);
	return found;
}

void
registry_lock(const char *function, const char *reference, int32 version, BareName bare, Privilege privilege,
			  Registered *target)
{
	ModelRef	ref;
	char	   *full;

	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	model_ref_parse(reference, &ref);

	memset(target, 0, sizeof(*target));
	target->user = GetUserId();
	/* that the model is not there, or closed, comes before how it is named */
	if (bare == BARE_NAME_ERROR && ref.kind == REF_PRODUCTION && version == 0)
		look_up(&ref, NULL, privilege, target);
	full = complete_reference(reference, &ref, version, bare, &target->newest);
	for (;;)
	{
		pg_uuid_t	locked;

		CHECK_FOR_INTERRUPTS();
		/* the privilege first: who has none may not even wait for the lock, or make others wait */
		look_up(&ref, full, privilege, target);
		locked = target->model.model_id;
		if (!lock_row(target))
			continue;
		/* once more: while we waited, the name may have gone to another model, the privilege, the version */
		look_up(&ref, full, privilege, target);
		if (memcmp(&locked, &target->model.model_id, sizeof(locked)) == 0)
			return;
	}
}

void
registry_require_gone(const char *query, CatalogArg id)
{
	uint64		left;

	if (!IsolationUsesXactSnapshot())
		return;
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	left = catalog_read(query, 1, &id);
	PopActiveSnapshot();
	if (left > 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Something was added that this transaction does not see.")));
}

void
registry_changed(void)
{
	CacheInvalidateRelcacheByRelid(extension_relation("model_versions"));
}

char *
registry_detail(const char *key, const char *value)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	escape_json(&json, key);
	appendStringInfoString(&json, ": ");
	if (value == NULL)
		appendStringInfoString(&json, "null");
	else
		escape_json(&json, value);
	appendStringInfoChar(&json, '}');
	return json.data;
}

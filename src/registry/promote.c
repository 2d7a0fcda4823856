/*
 * promote.c
 *	  Moving versions between stages, and back.
 *
 * stage_history is the record and the stack: each event that put a version
 * into Production points `below` to the event that was on top before, and
 * registered_models.production_event is the top.  A rollback is such an event
 * too; it points below the one it restored, so a second rollback goes one
 * further back.  A version that promote takes out of Production (to another
 * stage) leaves the stack: rollback never restores what somebody removed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "registry/approvals.h"
#include "registry/gates.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_promote);
PG_FUNCTION_INFO_V1(mlops_promote_text);
PG_FUNCTION_INFO_V1(mlops_rollback);
PG_FUNCTION_INFO_V1(mlops_archive);

typedef struct StageChange
{
	Registered *target;
	TimestampTz now;			/* one time for all events of a call */
	const char *comment;
	bool		forced;
} StageChange;

static void
set_stage(const StageChange *change, int32 version, const char *stage)
{
	CatalogArg	args[] = {
		arg_uuid(&change->target->model.model_id), arg_int4(version), arg_text(stage)
	};

	catalog_execute("UPDATE mlops.model_versions SET stage = $3, last_updated_time = pg_catalog.now() "
					"WHERE model_id = $1 AND version = $2", lengthof(args), args);
}

/* Returns the new event's number. */
static int32
add_event(const StageChange *change, int32 version, const char *action, const char *from_stage, const char *to_stage,
		  const CatalogArg *below)
{
	Registered *target = change->target;
	bool		displaced = strcmp(action, "archive") == 0;
	CatalogArg	args[] = {
		arg_uuid(&target->model.model_id), arg_int4(++target->last_event), arg_int4(version), arg_text(action),
		arg_text(from_stage), arg_text(to_stage), *below, arg_time(change->now), arg_role(target->user),
		arg_bool(change->forced && !displaced), arg_text(displaced ? NULL : change->comment)
	};

	catalog_execute("INSERT INTO mlops.stage_history (model_id, event, version, action, from_stage, to_stage, below, "
					"changed_at, changed_by, forced, comment) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
					lengthof(args), args);
	return target->last_event;
}

static CatalogArg
no_event(void)
{
	CatalogArg	none = arg_int4(0);

	none.isnull = true;
	return none;
}

static CatalogArg
stack_top(const Registered *target)
{
	return target->has_production_event ? arg_int4(target->production_event) : no_event();
}

static void
save_stack(const Registered *target, CatalogArg top)
{
	CatalogArg	args[] = {arg_uuid(&target->model.model_id), arg_int4(target->last_event), top};

	catalog_execute("UPDATE mlops.registered_models SET last_event = $2, production_event = $3, "
					"last_updated_time = pg_catalog.now() WHERE model_id = $1", lengthof(args), args);
}

/* The version in Production leaves it for Archived; 0 if there is none. */
static int32
archive_production(const StageChange *change)
{
	CatalogArg	id = arg_uuid(&change->target->model.model_id);
	CatalogArg	none = no_event();
	int32		version;
	bool		isnull;

	if (catalog_execute("UPDATE mlops.model_versions SET stage = 'Archived', last_updated_time = pg_catalog.now() "
						"WHERE model_id = $1 AND stage = 'Production' RETURNING version", 1, &id) == 0)
		return 0;
	version = DatumGetInt32(catalog_result(1, &isnull));
	add_event(change, version, "archive", "Production", "Archived", &none);
	return version;
}

/* An event's version and what lies below it. */
static bool
read_event(const Registered *target, CatalogArg event, int32 *version, bool *exists, CatalogArg *below)
{
	CatalogArg	args[] = {arg_uuid(&target->model.model_id), event};
	bool		isnull;

	if (event.isnull ||
		catalog_execute("SELECT h.version, h.below, EXISTS (SELECT FROM mlops.model_versions v "
						"WHERE v.model_id = h.model_id AND v.version = h.version) "
						"FROM mlops.stage_history h WHERE h.model_id = $1 AND h.event = $2", lengthof(args), args) == 0)
		return false;
	*version = DatumGetInt32(catalog_result(1, &isnull));
	*below = arg_int4(DatumGetInt32(catalog_result(2, &isnull)));
	below->isnull = isnull;
	*exists = DatumGetBool(catalog_result(3, &isnull));
	return true;
}

/* Returns the version that was in Production before, or 0. */
static int32
move_to_stage(const StageChange *change, const char *stage)
{
	Registered *target = change->target;
	VersionRow *version = &target->version;
	CatalogArg	none = no_event();
	CatalogArg	top = stack_top(target);
	int32		previous = 0;

	if (strcmp(stage, "Production") == 0)
	{
		CatalogArg	below = top;

		previous = archive_production(change);
		set_stage(change, version->version, stage);
		top = arg_int4(add_event(change, version->version, "promote", version->stage, stage, &below));
	}
	else
	{
		set_stage(change, version->version, stage);
		if (strcmp(version->stage, "Production") == 0)
		{
			int32		ignored;
			bool		exists;

			previous = version->version;
			if (!read_event(target, stack_top(target), &ignored, &exists, &top))
				top = no_event();
		}
		add_event(change, version->version, "promote", version->stage, stage, &none);
	}
	save_stack(target, top);
	return previous;
}

static char *
stage_detail(const char *from_stage, const char *to_stage, bool forced)
{
	return psprintf("{\"from_stage\": \"%s\", \"to_stage\": \"%s\", \"forced\": %s}", from_stage, to_stage,
					forced ? "true" : "false");
}

static Datum
result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/* What must hold before a version enters Production; outside catalog_begin. */
typedef struct Admission
{
	List	   *results;		/* GateResults */
	char	   *failures;		/* of enabled gates; NULL: none */
	bool		unapproved;
} Admission;

/* ERROR unless the version may enter, or the caller forces it. */
static void
ask_admission(const Registered *target, bool force, Admission *admission)
{
	const char *name = target->model.name;
	int32		version = target->version.version;
	char	   *warnings;

	admission->unapproved = !approval_satisfied(target);
	if (admission->unapproved && !force)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" is not approved", version, name),
				 errdetail("The model requires an approval from somebody else than the version's author."),
				 errhint("Ask a role with the privilege approve to run SELECT mlops.approve('%s', %d).", name, version)));
	admission->results = gates_evaluate(target, gates_read(target));
	admission->failures = gates_failures(admission->results, "enabled");
	if (admission->failures != NULL && !force)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" does not pass its gates", version, name),
				 errdetail_internal("%s", admission->failures),
				 errhint("SELECT * FROM mlops.check_gates('%s', %d) shows and records every result; force => true passes them.",
						 name, version)));
	warnings = gates_failures(admission->results, "dry_run");
	if (warnings != NULL)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" does not pass gates that are in mode dry_run", version, name),
				 errdetail_internal("%s", warnings)));
}

/* Results of gates, and the mark of a promotion against them; between catalog_begin and catalog_end. */
static void
record_admission(const Registered *target, const Admission *admission, bool force)
{
	StringInfoData detail;

	gates_record(target, admission->results, force ? "force" : "promote");
	if (!force || (admission->failures == NULL && !admission->unapproved))
		return;
	initStringInfo(&detail);
	appendStringInfo(&detail, "{\"approved\": %s, \"failures\": ", admission->unapproved ? "false" : "true");
	if (admission->failures == NULL)
		appendStringInfoString(&detail, "null");
	else
		escape_json(&detail, admission->failures);
	appendStringInfoChar(&detail, '}');
	catalog_audit(target->user, "force", &target->model.model_id, target->model.name, target->version.version, detail.data);
}

static char *
question(const char *column, const char *task)
{
	return column != NULL ? psprintf("predicts column \"%s\" (%s)", column, task) : psprintf("has task %s", task);
}

/* Whoever reads scores by the model's name gets answers to another question now; between catalog_begin and catalog_end. */
static void
tell_other_question(const Registered *target, int32 previous)
{
	CatalogArg	args[] = {arg_uuid(&target->model.model_id), arg_int4(target->version.version), arg_int4(previous)};
	char	   *facts[4];

	if (previous == 0 ||
		catalog_execute("SELECT n.target, n.task, p.target, p.task FROM mlops.model_versions n JOIN mlops.model_versions p USING (model_id) "
						"WHERE n.model_id = $1 AND n.version = $2 AND p.version = $3 "
						"AND (n.task <> p.task OR n.target <> p.target)", lengthof(args), args) == 0)
		return;
	for (int i = 0; i < 4; i++)
	{
		bool		isnull;
		Datum		value = catalog_result(i + 1, &isnull);

		facts[i] = isnull ? NULL : TextDatumGetCString(value);
	}
	ereport(NOTICE,
			(errmsg("version %d of model \"%s\" answers another question than version %d, which was in Production",
					target->version.version, target->model.name, previous),
			 errdetail("Version %d %s, version %d %s.", target->version.version, question(facts[0], facts[1]), previous,
					   question(facts[2], facts[3])),
			 errhint("mlops.rollback('%s') puts version %d back; another question is better asked of another model.",
					 target->model.name, previous)));
}

/* version 0: as `reference` says. */
static Datum
promote(FunctionCallInfo fcinfo, const char *reference, int32 number, const char *stage)
{
	char	   *comment = PG_ARGISNULL(3) ? NULL : registry_text(fcinfo, 3, "comment");
	bool		force = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	Registered	target;
	VersionRow *version = &target.version;
	int32		previous = 0;
	Datum		values[5];
	bool		nulls[5] = {false};

	registry_lock("mlops.promote()", reference, number, BARE_NAME_NEWEST, PRIVILEGE_MANAGE, &target);
	if (target.newest)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" is meant, its newest", version->version, target.model.name)));

	if (strcmp(version->stage, stage) == 0)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" is in stage %s already", version->version, target.model.name, stage)));
	else
	{
		StageChange change = {&target, GetCurrentTimestamp(), comment, force};
		CatalogWork work;
		Admission	admission = {0};

		if (strcmp(stage, "Production") == 0)
			ask_admission(&target, force, &admission);
		catalog_begin(&work);
		record_admission(&target, &admission, force);
		previous = move_to_stage(&change, stage);
		if (strcmp(stage, "Production") == 0)
			tell_other_question(&target, previous);
		catalog_audit(target.user, "promote", &target.model.model_id, target.model.name, version->version,
					  stage_detail(version->stage, stage, force));
		catalog_end(&work);
		registry_changed();
		registry_tell_stale(&target, strcmp(stage, "Production") == 0 && previous != 0);
	}

	values[0] = CStringGetTextDatum(target.model.name);
	values[1] = Int32GetDatum(version->version);
	values[2] = CStringGetTextDatum(version->stage);
	values[3] = CStringGetTextDatum(stage);
	values[4] = Int32GetDatum(previous);
	nulls[4] = previous == 0;
	return result_row(fcinfo, values, nulls);
}

/* promote(model, version, stage, comment, force) */
Datum
mlops_promote(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	int32		number = registry_version(fcinfo, 1);

	return promote(fcinfo, reference, number, stage_canonical(registry_text(fcinfo, 2, "stage")));
}

/*
 * The same with the version as a text: promote('churn', 'Staging') would else
 * be an error of the integer type.  A number is that version; a stage is where
 * the newest version goes.
 */
Datum
mlops_promote_text(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	char	   *version = PG_ARGISNULL(1) ? NULL : registry_text(fcinfo, 1, "version");
	char	   *stage = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "stage");
	char	   *end;
	long		number;

	if (version == NULL)
		return promote(fcinfo, reference, 0, stage_canonical(stage != NULL ? stage : "Production"));
	errno = 0;
	number = strtol(version, &end, 10);
	if (end != version && *end == '\0')
	{
		if (errno != 0 || number <= 0 || number > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("version %s is not a version number", version),
					 errhint("Versions are numbered from 1.")));
		return promote(fcinfo, reference, (int32) number, stage_canonical(stage != NULL ? stage : "Production"));
	}
	if (stage != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a version number", version),
				 errhint("Name versions by number, or in the reference: 'churn/Staging', 'churn@champion'.")));
	if (pg_strcasecmp(version, "latest") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is neither a version number nor a stage", version),
				 errhint("The reference says which version is meant: mlops.promote('%s/latest').", reference)));
	return promote(fcinfo, reference, 0, stage_canonical(version));
}

/* archive(model, version, comment) */
Datum
mlops_archive(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	int32		number = registry_version(fcinfo, 1);
	char	   *comment = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "comment");
	Registered	target;

	registry_lock("mlops.archive()", reference, number, BARE_NAME_ERROR, PRIVILEGE_MANAGE, &target);
	if (strcmp(target.version.stage, "Archived") != 0)
	{
		StageChange change = {&target, GetCurrentTimestamp(), comment, false};
		CatalogWork work;

		catalog_begin(&work);
		(void) move_to_stage(&change, "Archived");
		catalog_audit(target.user, "archive", &target.model.model_id, target.model.name, target.version.version,
					  stage_detail(target.version.stage, "Archived", false));
		catalog_end(&work);
		registry_changed();
		registry_tell_stale(&target, false);
	}
	PG_RETURN_VOID();
}

static void
read_stage(const Registered *target, int32 version, char *stage, size_t size)
{
	CatalogArg	args[] = {arg_uuid(&target->model.model_id), arg_int4(version)};
	bool		isnull;

	catalog_execute("SELECT stage FROM mlops.model_versions WHERE model_id = $1 AND version = $2", lengthof(args), args);
	text_to_cstring_buffer(DatumGetTextPP(catalog_result(1, &isnull)), stage, size);
}

/*
 * Puts the nearest version below into Production.  Versions that were deleted
 * are passed over, and so is the one that is in Production now.
 */
static int32
pop_stack(const StageChange *change, int32 *from)
{
	Registered *target = change->target;
	CatalogArg	event = stack_top(target);
	CatalogArg	below;
	int32		version;
	bool		exists;
	char		stage[16];

	*from = archive_production(change);
	for (;; event = below)
	{
		CHECK_FOR_INTERRUPTS();
		if (!read_event(target, event, &version, &exists, &below))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("model \"%s\" has no earlier Production version to roll back to", target->model.name),
					 errhint("The view mlops.history shows its stages; mlops.promote puts any version into Production.")));
		if (exists && version != *from)
			break;
	}

	read_stage(target, version, stage, sizeof(stage));
	set_stage(change, version, "Production");
	save_stack(target, arg_int4(add_event(change, version, "rollback", stage, "Production", &below)));
	return version;
}

/* rollback(model, comment) */
Datum
mlops_rollback(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	char	   *comment = PG_ARGISNULL(1) ? NULL : registry_text(fcinfo, 1, "comment");
	Registered	target;
	StageChange change = {.target = &target, .comment = comment};
	CatalogWork work;
	int32		from;
	int32		to;
	Datum		values[2];
	bool		nulls[2] = {false};

	registry_lock("mlops.rollback()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	change.now = GetCurrentTimestamp();

	catalog_begin(&work);
	to = pop_stack(&change, &from);
	catalog_audit(target.user, "rollback", &target.model.model_id, target.model.name, to,
				  from == 0 ? NULL : psprintf("{\"from_version\": %d}", from));
	catalog_end(&work);
	registry_changed();
	registry_tell_stale(&target, true);

	values[0] = Int32GetDatum(from);
	nulls[0] = from == 0;
	values[1] = Int32GetDatum(to);
	return result_row(fcinfo, values, nulls);
}

/*
 * gates.c
 *	  Setting, dropping and checking gates, and requiring approvals; see gates.h.
 *
 * Source, slice, query and condition are analysed when the gate is set, as the
 * caller; whenever the gate is evaluated they have the rights of that role and
 * the search_path of that time, and may only read.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/params.h"
#include "pg/source.h"
#include "registry/gates.h"

PG_FUNCTION_INFO_V1(mlops_set_gate);
PG_FUNCTION_INFO_V1(mlops_drop_gate);
PG_FUNCTION_INFO_V1(mlops_check_gates);

static const struct
{
	const char *name;
	bool		higher_is_better;
}			metrics[] = {
	{"precision", true}, {"recall", true}, {"accuracy", true}, {"f1_score", true}, {"log_loss", false},
	{"roc_auc", true}, {"average_precision", true}, {"brier_score", false},
	{"mean_absolute_error", false}, {"mean_squared_error", false}, {"root_mean_squared_error", false},
	{"mean_squared_log_error", false}, {"median_absolute_error", false},
	{"mean_absolute_percentage_error", false}, {"r2_score", true}, {"explained_variance", true}
};

/* False when no metric has that name. */
static bool
metric_direction(const char *metric, bool *higher_is_better)
{
	for (size_t i = 0; i < lengthof(metrics); i++)
	{
		if (strcmp(metrics[i].name, metric) == 0)
		{
			*higher_is_better = metrics[i].higher_is_better;
			return true;
		}
	}
	return false;
}

static void
unknown_metric(const char *metric)
{
	const char *names[lengthof(metrics)];
	const char *nearest;

	for (size_t i = 0; i < lengthof(metrics); i++)
		names[i] = metrics[i].name;
	nearest = nearest_word(metric, names, lengthof(metrics));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown metric \"%s\"", metric),
			 nearest != NULL ? errhint("Perhaps you meant %s.", nearest) :
			 errhint("The metrics are those of mlops.evaluate; for anything else give a condition.")));
}

static const char *
gate_mode(const char *word)
{
	static const char *const modes[] = {"disabled", "dry_run", "enabled"};
	const char *nearest;

	for (size_t i = 0; i < lengthof(modes); i++)
		if (pg_strcasecmp(word, modes[i]) == 0)
			return modes[i];
	nearest = nearest_word(word, modes, lengthof(modes));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown gate mode \"%s\"", word),
			 nearest != NULL ? errhint("Perhaps you meant %s. The modes are disabled, dry_run and enabled.", nearest) :
			 errhint("The modes are disabled, dry_run and enabled.")));
}

static char *
optional_text(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

static GateLimit
limit_argument(FunctionCallInfo fcinfo, int argno, const char *name)
{
	GateLimit		limit = {!PG_ARGISNULL(argno), PG_ARGISNULL(argno) ? 0 : PG_GETARG_FLOAT8(argno)};

	if (limit.given && !isfinite(limit.value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", name)));
	return limit;
}

static void
refuse_arguments(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 errhint("%s", hint)));
}

static void
check_metric_gate(FunctionCallInfo fcinfo, Gate *gate)
{
	if (gate->condition != NULL || gate->query != NULL)
		refuse_arguments("a gate has a metric or a condition, not both", "Set two gates.");
	if (!metric_direction(gate->metric, &gate->higher_is_better))
		unknown_metric(gate->metric);
	if (!PG_ARGISNULL(5))
		gate->higher_is_better = PG_GETARG_BOOL(5);
	if ((gate->slice != NULL) != gate->max_slice_loss.given)
		refuse_arguments("slice and max_slice_loss belong together",
						 "Give the expression that makes the segments and how much each may lose at most.");
	if (gate->max_slice_loss.given && gate->max_slice_loss.value < 0)
		refuse_arguments("max_slice_loss must not be negative", "It is the largest loss that a segment may have.");
	if (gate->min_slice_rows < 1)
		refuse_arguments("min_slice_rows must be positive", "Segments with fewer rows are not judged.");
	if (!gate->threshold.given && !gate->min_absolute_change.given && !gate->min_relative_change.given &&
		!gate->max_slice_loss.given)
		refuse_arguments(psprintf("the gate on %s asks for nothing", gate->metric),
						 "Give threshold, min_absolute_change, min_relative_change, or slice and max_slice_loss.");
	if (gate->slice != NULL && gate->source == NULL)
		refuse_arguments("a gate with slices needs a source", "The slice is an expression over the columns of argument \"source\".");
	if (gate->source != NULL)
		source_close(gate->slice == NULL ? source_open(gate->source) :
					 source_open_extended(gate->source, gate->slice));
}

static void
check_condition_gate(const Gate *gate, const char *model)
{
	Source	   *query;

	if (gate->condition == NULL)
		refuse_arguments("a gate needs a metric or a condition",
						 "Write mlops.set_gate(model, 'roc_auc', threshold => 0.8), or condition => '...' with query => 'SELECT ...'.");
	if (gate->threshold.given || gate->min_absolute_change.given || gate->min_relative_change.given ||
		gate->slice != NULL || gate->max_slice_loss.given || gate->source != NULL)
		refuse_arguments("a gate with a condition takes no limits, slice or source", "Write them into the condition and its query.");
	source_check_expression(gate->condition);
	query = source_open(gate_condition_query(gate, psprintf("%s/1", model), NULL, "{}", NULL));
	if (TupleDescAttr(source_descriptor(query), 0)->atttypid != BOOLOID || source_descriptor(query)->natts != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the condition of a gate must be boolean"),
				 errhint("Compare something: condition => 'n < 100'.")));
	source_close(query);
}

static CatalogArg
arg_limit(GateLimit limit)
{
	CatalogArg	arg = arg_float8(limit.value);

	arg.isnull = !limit.given;
	return arg;
}

static CatalogArg
arg_when(CatalogArg arg, bool given)
{
	arg.isnull = !given;
	return arg;
}

static void
store_gate(const Registered *target, const Gate *gate)
{
	bool		metric = gate->metric != NULL;
	CatalogArg	args[] = {
		arg_uuid(&target->model.model_id), arg_text(gate->name), arg_text(gate->mode), arg_text(gate->metric),
		arg_limit(gate->threshold), arg_when(arg_bool(gate->higher_is_better), metric),
		arg_limit(gate->min_absolute_change), arg_limit(gate->min_relative_change), arg_text(gate->slice),
		arg_limit(gate->max_slice_loss), arg_when(arg_int8(gate->min_slice_rows), gate->slice != NULL),
		arg_text(gate->source), arg_text(gate->query), arg_text(gate->condition), arg_role(gate->author),
		arg_text(gate->search_path)
	};

	catalog_execute("DELETE FROM mlops.model_gates WHERE model_id = $1 AND gate = $2", 2, args);
	catalog_execute("INSERT INTO mlops.model_gates (model_id, gate, mode, metric, threshold, higher_is_better, "
					"min_absolute_change, min_relative_change, slice, max_slice_loss, min_slice_rows, source, query, "
					"condition, author, search_path) "
					"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)", lengthof(args), args);
	catalog_execute("INSERT INTO mlops.audit_log (role, action, model_id, model, detail) "
					"SELECT g.author, 'set_gate', m.model_id, m.name, pg_catalog.jsonb_strip_nulls("
					"pg_catalog.to_jsonb(g) - '{model_id,author,search_path,created_at}'::pg_catalog.text[]) "
					"FROM mlops.model_gates g JOIN mlops.registered_models m USING (model_id) "
					"WHERE g.model_id = $1 AND g.gate = $2", 2, args);
}

/*
 * set_gate(model, metric, threshold, min_absolute_change, min_relative_change, higher_is_better, source, slice,
 *			max_slice_loss, min_slice_rows, query, condition, mode, gate)
 */
Datum
mlops_set_gate(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	Gate		gate = {0};
	Registered	target;
	CatalogWork work;

	gate.metric = optional_text(fcinfo, 1);
	gate.threshold = limit_argument(fcinfo, 2, "threshold");
	gate.min_absolute_change = limit_argument(fcinfo, 3, "min_absolute_change");
	gate.min_relative_change = limit_argument(fcinfo, 4, "min_relative_change");
	gate.source = optional_text(fcinfo, 6);
	gate.slice = optional_text(fcinfo, 7);
	gate.max_slice_loss = limit_argument(fcinfo, 8, "max_slice_loss");
	gate.min_slice_rows = PG_ARGISNULL(9) ? 30 : PG_GETARG_INT64(9);
	gate.query = optional_text(fcinfo, 10);
	gate.condition = optional_text(fcinfo, 11);
	gate.mode = pstrdup(gate_mode(registry_text(fcinfo, 12, "mode")));
	gate.name = PG_ARGISNULL(13) ? gate.metric != NULL ? gate.metric : pstrdup("condition") :
		registry_text(fcinfo, 13, "gate");
	gate.author = GetUserId();
	gate.search_path = namespace_search_path;
	if (gate.name[0] == '\0')
		refuse_arguments("a gate's name must not be empty", "Leave it out, and the metric names the gate.");

	registry_lock("mlops.set_gate()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	if (gate.metric != NULL)
		check_metric_gate(fcinfo, &gate);
	else
		check_condition_gate(&gate, target.model.name);
	catalog_begin(&work);
	store_gate(&target, &gate);
	catalog_end(&work);
	PG_RETURN_VOID();
}

/* drop_gate(model, gate) */
Datum
mlops_drop_gate(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	char	   *gate = registry_text(fcinfo, 1, "gate");
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.drop_gate()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {arg_uuid(&target.model.model_id), arg_text(gate)};

		if (catalog_execute("DELETE FROM mlops.model_gates WHERE model_id = $1 AND gate = $2", lengthof(args), args) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" has no gate \"%s\"", target.model.name, gate),
					 errhint("The view mlops.gates lists them.")));
		catalog_audit(target.user, "drop_gate", &target.model.model_id, target.model.name, 0, registry_detail("gate", gate));
	}
	catalog_end(&work);
	PG_RETURN_VOID();
}

static char *
text_column(HeapTuple row, int column)
{
	char	   *value = SPI_getvalue(row, SPI_tuptable->tupdesc, column);

	return value;
}

static GateLimit
limit_column(HeapTuple row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &isnull);

	return (GateLimit) {!isnull, isnull ? 0 : DatumGetFloat8(value)};
}

static Gate *
gate_from_row(HeapTuple row)
{
	Gate	   *gate = palloc0(sizeof(Gate));
	TupleDesc	descriptor = SPI_tuptable->tupdesc;
	bool		isnull;

	gate->name = text_column(row, 1);
	gate->mode = text_column(row, 2);
	gate->metric = text_column(row, 3);
	gate->threshold = limit_column(row, 4);
	gate->higher_is_better = DatumGetBool(SPI_getbinval(row, descriptor, 5, &isnull));
	gate->min_absolute_change = limit_column(row, 6);
	gate->min_relative_change = limit_column(row, 7);
	gate->slice = text_column(row, 8);
	gate->max_slice_loss = limit_column(row, 9);
	gate->min_slice_rows = DatumGetInt64(SPI_getbinval(row, descriptor, 10, &isnull));
	gate->source = text_column(row, 11);
	gate->query = text_column(row, 12);
	gate->condition = text_column(row, 13);
	gate->author = DatumGetObjectId(SPI_getbinval(row, descriptor, 14, &isnull));
	gate->search_path = text_column(row, 15);
	return gate;
}

List *
gates_read(const Registered *target)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	id = arg_uuid(&target->model.model_id);
	CatalogWork work;
	List	   *gates = NIL;
	uint64		count;

	catalog_begin(&work);
	count = catalog_execute("SELECT gate, mode, metric, threshold, COALESCE(higher_is_better, true), min_absolute_change, "
							"min_relative_change, slice, max_slice_loss, COALESCE(min_slice_rows, 0), source, query, condition, "
							"author, search_path FROM mlops.model_gates WHERE model_id = $1 AND mode <> 'disabled' "
							"ORDER BY gate", 1, &id);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		gates = lappend(gates, gate_from_row(SPI_tuptable->vals[i]));
		MemoryContextSwitchTo(spi);
	}
	catalog_end(&work);
	return gates;
}

void
gates_record(const Registered *target, List *results, const char *purpose)
{
	ListCell   *cell;

	foreach(cell, results)
	{
		const GateResult *result = lfirst(cell);
		CatalogArg	args[] = {
			arg_uuid(&target->model.model_id), arg_int4(target->version.version), arg_text(result->gate->name),
			arg_text(result->gate->mode), arg_text(result->gate->metric), arg_text(result->slice),
			arg_when(arg_float8(result->value), !isnan(result->value)),
			arg_when(arg_float8(result->baseline), !isnan(result->baseline)),
			arg_when(arg_int4(result->baseline_version), result->baseline_version != 0), arg_int8(result->rows),
			arg_bool(result->passed), arg_text(result->message), arg_text(purpose), arg_role(target->user)
		};

		catalog_execute("INSERT INTO mlops.gate_checks (model_id, version, gate, mode, metric, slice, value, baseline, "
						"baseline_version, rows_checked, passed, message, purpose, checked_by) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", lengthof(args), args);
	}
}

char *
gates_failures(List *results, const char *mode)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, results)
	{
		const GateResult *result = lfirst(cell);

		if (result->passed || strcmp(result->gate->mode, mode) != 0)
			continue;
		appendStringInfo(&text, "%sGate \"%s\": %s.", text.len > 0 ? "\n" : "", result->gate->name, result->message);
	}
	return text.len > 0 ? text.data : NULL;
}

static void
put_result(ReturnSetInfo *set, const GateResult *result)
{
	Datum		values[10];
	bool		nulls[10] = {false};

	values[0] = CStringGetTextDatum(result->gate->name);
	values[1] = CStringGetTextDatum(result->gate->mode);
	nulls[2] = result->gate->metric == NULL;
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(result->gate->metric);
	nulls[3] = result->slice == NULL;
	values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(result->slice);
	nulls[4] = isnan(result->value);
	values[4] = Float8GetDatum(result->value);
	nulls[5] = isnan(result->baseline);
	values[5] = Float8GetDatum(result->baseline);
	nulls[6] = result->baseline_version == 0;
	values[6] = Int32GetDatum(result->baseline_version);
	values[7] = Int64GetDatum(result->rows);
	values[8] = BoolGetDatum(result->passed);
	values[9] = CStringGetTextDatum(result->message);
	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

/* check_gates(model, version): evaluates and records without promoting */
Datum
mlops_check_gates(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	int32		number = registry_version(fcinfo, 1);
	Registered	target;
	CatalogWork work;
	List	   *results;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	registry_lock("mlops.check_gates()", reference, number, BARE_NAME_NEWEST, PRIVILEGE_WRITE, &target);
	access_require(&target.model.model_id, target.model.name, target.model.owner, PRIVILEGE_READ);
	results = gates_evaluate(&target, gates_read(&target));
	catalog_begin(&work);
	gates_record(&target, results, "check");
	catalog_end(&work);
	foreach(cell, results)
		put_result((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
	return (Datum) 0;
}

/*
 * explain.c
 *	  explain, explain_class, reasons, global_explain: which features made a prediction what it is.
 *
 * Attributions are on the margin scale (core/explain.h), of the positive class
 * for two classes, of the predicted class for several, or of a class that the
 * caller chooses.  Texts of values do not
 * depend on settings of the session, so that the forms by value are IMMUTABLE.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/exact_sum.h"
#include "core/explain.h"
#include "core/row_plan.h"
#include "pg/compat.h"
#include "pg/pg_env.h"
#include "pg/recorded_source.h"
#include "pg/value_text.h"
#include "score/score.h"

PG_FUNCTION_INFO_V1(mlops_explain);
PG_FUNCTION_INFO_V1(mlops_explain_class);
PG_FUNCTION_INFO_V1(mlops_reasons);
PG_FUNCTION_INFO_V1(mlops_global_explain);

#define BASELINE "(baseline)"
#define VALUE_CHARACTERS 60		/* of a value in a reason */
#define MAX_REASONS 1000
#define LISTED_CLASSES 20		/* in an error's detail */

/* Hangs on the model at a call site. */
typedef struct Explanation
{
	Explainer  *explainer;
	double	   *attribution;	/* [schema.count] */
	int		   *order;			/* the same, by size of attribution */
} Explanation;

/* ---------- texts of values ---------- */

static char *
number_text(double number, bool single)
{
	if (number == rint(number) && fabs(number) < 1e15)
		return psprintf(INT64_FORMAT, (int64) number);
	if (!isfinite(number))
		return pstrdup(isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
	return single ? float_to_shortest_decimal((float) number) : double_to_shortest_decimal(number);
}

/* ISO 8601; midnights of dates without the time. */
static char *
time_text(const Feature *feature, int64 time)
{
	char		text[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fraction;

	if (TIMESTAMP_NOT_FINITE(time) || timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		return pstrdup(time > 0 ? "infinity" : "-infinity");
	if (feature->type_name != NULL && strcmp(feature->type_name, "date") == 0)
		EncodeDateOnly(&tm, USE_ISO_DATES, text);
	else
		EncodeDateTime(&tm, fraction, false, 0, NULL, USE_ISO_DATES, text);
	return pstrdup(text);
}

/* NULL for a missing value; intervals are seconds. */
static char *
value_text(const Feature *feature, const FeatureValue *value)
{
	StringInfoData list;

	if (value->missing)
		return NULL;
	switch (feature->kind)
	{
		case FEATURE_NUMERIC:
			return number_text(value->number, feature_is_single(feature));
		case FEATURE_BOOLEAN:
			return pstrdup(value->number != 0 ? "true" : "false");
		case FEATURE_CATEGORICAL:
			return pg_any_to_server(pnstrdup(value->text, value->text_length), value->text_length, PG_UTF8);
		case FEATURE_TIMESTAMP:
			return time_text(feature, value->time);
		case FEATURE_VECTOR:
			break;
	}
	initStringInfo(&list);
	for (int i = 0; i < feature->width; i++)
		appendStringInfo(&list, "%c%s", i == 0 ? '{' : ',', number_text(value->vector[i], feature_is_single(feature)));
	appendStringInfoChar(&list, '}');
	return list.data;
}

/* ---------- attributions ---------- */

static Explanation *
explanation_create(const Model *model, const char *name, MemoryContext context)
{
	Explanation *explanation;
	PgEnv		env;

	explanation = MemoryContextAllocZero(context, sizeof(Explanation));
	pg_env_init(&env, context, 0, name);
	pg_env_check(&env.core, explainer_create(&env.core, model, &explanation->explainer));
	explanation->attribution = MemoryContextAlloc(context, sizeof(double) * Max(model->schema.count, 1));
	explanation->order = MemoryContextAlloc(context, sizeof(int) * Max(model->schema.count, 1));
	return explanation;
}

/* The class that is explained, or -1. */
static int
explained_class(const Model *model, const double *response)
{
	switch (model->task)
	{
		case TASK_BINARY:
			return model->target.positive;
		case TASK_MULTICLASS:
			return isnan(response[0]) ? 0 : model_class(model, response);
		default:
			return -1;
	}
}

/* The class with that label. */
static int
class_of(const Model *model, const char *name, const char *label)
{
	StringInfoData list;

	if (model->task != TASK_BINARY && model->task != TASK_MULTICLASS)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has no classes: its task is %s", name, task_name(model->task)),
				 errhint("Use mlops.explain().")));
	initStringInfo(&list);
	for (int k = 0; k < model->target.nclasses; k++)
	{
		if (strcmp(model->target.classes[k], label) == 0)
			return k;
		if (k < LISTED_CLASSES)
			appendStringInfo(&list, "%s\"%s\"", k > 0 ? ", " : "", model->target.classes[k]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" has no class \"%s\"", name, label),
			 model->target.nclasses > LISTED_CLASSES ?
			 errdetail("Its classes are %s and %d more; mlops.classes() lists them.", list.data, model->target.nclasses - LISTED_CLASSES) :
			 errdetail("Its classes are %s.", list.data)));
}

/* The margin that belongs to a class: two classes have one, that of the positive class. */
static int
output_of(const Model *model, int class)
{
	return model->task == TASK_MULTICLASS ? class : 0;
}

static bool
is_opposite(const Model *model, int class)
{
	return model->task == TASK_BINARY && class != model->target.positive;
}

static int
compare_attributions(const void *a, const void *b, void *context)
{
	const double *attribution = context;
	int			i = *(const int *) a;
	int			j = *(const int *) b;
	double		x = fabs(attribution[i]);
	double		y = fabs(attribution[j]);

	if (x != y && !(isnan(x) && isnan(y)))
		return x > y || isnan(y) ? -1 : 1;
	return i < j ? -1 : 1;
}

/* What is known of one prediction. */
typedef struct Explained
{
	Scored		scored;
	Explanation *explanation;	/* with attributions in place, and their order */
	double		baseline;
	const char *label;			/* of the class, or NULL */
} Explained;

/* `label` NULL: the class that is predicted, of two the positive one.  False when model or row are NULL. */
static bool
explain_call(FunctionCallInfo fcinfo, int first, const char *label, Explained *result)
{
	Scored	   *scored = &result->scored;
	const Model *model;
	Explanation *explanation;
	int			class;

	if (!score_call(fcinfo, first, InvalidOid, NULL, scored))
		return false;
	model = scored->model;
	if (*scored->derived == NULL)
		*scored->derived = explanation_create(model, scored->handle->name, scored->handle->context);
	explanation = result->explanation = *scored->derived;
	class = label != NULL ? class_of(model, scored->handle->name, label) : explained_class(model, scored->response);
	result->label = class < 0 ? NULL : model->target.classes[class];
	result->baseline = explainer_baseline(explanation->explainer, output_of(model, class));
	explainer_attribute(explanation->explainer, scored->terms, output_of(model, class), explanation->attribution);
	if (is_opposite(model, class))
	{
		/* log-odds change their sign; shares add up to one */
		result->baseline = (model->link == LINK_IDENTITY ? 1 : 0) - result->baseline;
		for (int i = 0; i < model->schema.count; i++)
			explanation->attribution[i] = 0 - explanation->attribution[i];
	}
	for (int i = 0; i < model->schema.count; i++)
		explanation->order[i] = i;
	qsort_arg(explanation->order, model->schema.count, sizeof(int), compare_attributions, explanation->attribution);
	return true;
}

static void
put_row(ReturnSetInfo *result, const char *feature, const char *value, double attribution)
{
	Datum		values[3] = {CStringGetTextDatum(feature), 0, Float8GetDatum(attribution)};
	bool		nulls[3] = {false, value == NULL, isnan(attribution)};

	if (value != NULL)
		values[1] = CStringGetTextDatum(value);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* First the baseline, with the class that is explained as its value; then features, those that count most first. */
static void
put_explanation(FunctionCallInfo fcinfo, int first, const char *label)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Explained	explained;

	InitMaterializedSRF(fcinfo, 0);
	if (!explain_call(fcinfo, first, label, &explained))
		return;
	put_row(result, BASELINE, explained.label, explained.baseline);
	for (int k = 0; k < explained.scored.model->schema.count; k++)
	{
		int			i = explained.explanation->order[k];
		const Feature *feature = &explained.scored.model->schema.features[i];

		put_row(result, feature->name, value_text(feature, &explained.scored.values[i]), explained.explanation->attribution[i]);
	}
}

Datum
mlops_explain(PG_FUNCTION_ARGS)
{
	put_explanation(fcinfo, 1, NULL);
	return (Datum) 0;
}

/* explain_class(model, class, features): no rows without a class. */
Datum
mlops_explain_class(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
		InitMaterializedSRF(fcinfo, 0);
	else
		put_explanation(fcinfo, 2, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	return (Datum) 0;
}

/* "contract = Month-to-month (+0.83)", "income is missing (-0.10)" */
static char *
reason_text(const Feature *feature, const FeatureValue *value, double attribution)
{
	char	   *text = value_text(feature, value);

	if (text == NULL)
		return psprintf("%s is missing (%+.2f)", feature->name, attribution);
	if (pg_mbstrlen(text) > VALUE_CHARACTERS)
	{
		text[pg_mbcharcliplen(text, (int) strlen(text), VALUE_CHARACTERS - 3)] = '\0';
		text = psprintf("%s...", text);
	}
	return psprintf("%s = %s (%+.2f)", feature->name, text, attribution);
}

/* reasons(model, k, features): no more than k, none that counts nothing. */
Datum
mlops_reasons(PG_FUNCTION_ARGS)
{
	Explained	explained;
	const Model *model;
	const double *attribution;
	int			wanted;
	int			count = 0;
	Datum	   *reasons;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	wanted = PG_GETARG_INT32(1);
	if (wanted < 1 || wanted > MAX_REASONS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of reasons must be between 1 and %d, not %d", MAX_REASONS, wanted)));
	if (!explain_call(fcinfo, 2, NULL, &explained))
		PG_RETURN_NULL();
	model = explained.scored.model;
	attribution = explained.explanation->attribution;
	wanted = Min(wanted, model->schema.count);
	reasons = palloc(sizeof(Datum) * Max(wanted, 1));
	for (; count < wanted; count++)
	{
		int			i = explained.explanation->order[count];

		if (attribution[i] == 0 || isnan(attribution[i]))
			break;
		reasons[count] = CStringGetTextDatum(reason_text(&model->schema.features[i], &explained.scored.values[i], attribution[i]));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(reasons, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* ---------- over a source ---------- */

typedef struct GlobalState
{
	const Model *model;
	Explanation *explanation;
	RowBinding *binding;
	RowPlan    *plan;
	double	   *scratch;
	double	   *response;
	ExactSum   *sums;			/* [schema.count] of absolute attributions */
	int64		rows;
} GlobalState;

static bool
add_row(TupleTableSlot *slot, void *context)
{
	GlobalState *state = context;
	const Model *model = state->model;
	double	   *attribution = state->explanation->attribution;

	row_binding_read_slot(state->binding, slot);
	row_plan_terms(state->plan, state->binding->values, state->scratch);
	model_response_terms(model, state->scratch, state->scratch, state->response);
	explainer_attribute(state->explanation->explainer, state->scratch,
						output_of(model, explained_class(model, state->response)), attribution);
	for (int i = 0; i < model->schema.count; i++)
		exact_sum_add(&state->sums[i], fabs(attribution[i]));
	state->rows++;
	return true;
}

/* global_explain(model, source): means of absolute attributions, the largest first. */
Datum
mlops_global_explain(PG_FUNCTION_ARGS)
{
	const ModelHandle *handle;
	const Model *model;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			count;
	GivenSource given;
	GlobalState state = {0};
	PgEnv		env;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	handle = model_ref_call(fcinfo, 0, PRIVILEGE_PREDICT, &fcinfo->flinfo->fn_extra);
	model = state.model = handle->model;
	count = model->schema.count;
	given_source_open(handle, PG_GETARG_DATUM(1), PG_ARGISNULL(1), &given);
	pg_env_init(&env, CurrentMemoryContext, 0, handle->name);
	state.explanation = explanation_create(model, handle->name, CurrentMemoryContext);
	state.binding = row_binding_create_for(model, handle->name, source_descriptor(given.source));
	pg_env_check(&env.core, row_plan_create(&env.core, model->transform, &state.plan));
	state.scratch = palloc_extended(sizeof(double) * (Size) Max(model_scratch_size(model), 1), MCXT_ALLOC_HUGE);
	state.response = palloc(sizeof(double) * (Size) model_response_count(model));
	state.sums = palloc(sizeof(ExactSum) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		exact_sum_init(&state.sums[i]);
		state.explanation->order[i] = i;
	}
	source_run(given.source, add_row, &state);
	given_source_close(&given);
	for (int i = 0; i < count; i++)
		state.explanation->attribution[i] = exact_sum_value(&state.sums[i]) / (double) state.rows;
	qsort_arg(state.explanation->order, count, sizeof(int), compare_attributions, state.explanation->attribution);
	for (int k = 0; k < count && state.rows > 0; k++)
	{
		int			i = state.explanation->order[k];
		Datum		values[2] = {CStringGetTextDatum(model->schema.features[i].name), Float8GetDatum(state.explanation->attribution[i])};
		bool		nulls[2] = {false, isnan(state.explanation->attribution[i])};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * predict_json.c
 *	  predict_json: everything about one row's score as one jsonb, for drivers.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "pg/compat.h"
#include "score/score.h"

PG_FUNCTION_INFO_V1(mlops_predict_json);

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = (int) strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue	value;

	push_key(state, key);
	value.type = jbvNull;
	if (text != NULL)
	{
		value.type = jbvString;
		value.val.string.val = unconstify(char *, text);
		value.val.string.len = (int) strlen(text);
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* The shortest decimal that reads back as the same double; null when it is not finite. */
static void
push_number(JsonbParseState **state, const char *key, double number)
{
	JsonbValue	value;

	push_key(state, key);
	value.type = jbvNull;
	if (isfinite(number))
	{
		char	   *text = double_to_shortest_decimal(number);

		value.type = jbvNumeric;
		value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
																ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_probabilities(JsonbParseState **state, const Model *model, const double *response)
{
	push_key(state, "probabilities");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < model->target.nclasses; i++)
		push_number(state, model->target.classes[i], response[i]);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * label: the class or cluster; score: what predict() gives, for several classes
 * the label's probability; probabilities: by class; model and version: what the
 * reference meant.  Keys that do not apply are null.
 */
Datum
mlops_predict_json(PG_FUNCTION_ARGS)
{
	Scored		scored;
	const Model *model;
	JsonbParseState *state = NULL;
	JsonbValue *result;
	bool		classes;
	int			class;
	const char *label = NULL;
	double		score;

	if (!score_call(fcinfo, 1, JSONBOID, NULL, &scored))
		PG_RETURN_NULL();
	model = scored.model;
	classes = model->task == TASK_BINARY || model->task == TASK_MULTICLASS;
	class = isnan(scored.response[0]) ? -1 : model_class(model, scored.response);
	if (classes && class >= 0)
		label = model->target.classes[class];
	else if (model->task == TASK_CLUSTERING && class >= 0)
		label = psprintf("%d", class);
	score = scored.response[model->task == TASK_BINARY ? model->target.positive : model->task == TASK_MULTICLASS ? Max(class, 0) : 0];

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "label", label);
	push_number(&state, "score", score);
	if (classes)
		push_probabilities(&state, model, scored.response);
	else
		push_text(&state, "probabilities", NULL);
	push_text(&state, "model", scored.handle->by_value ? NULL : scored.handle->resolved.model.name);
	push_number(&state, "version", scored.handle->by_value ? NAN : scored.handle->resolved.version.version);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(result));
}

/*
 * inspect.c
 *	  What is inside one model: classes, features, coefficients, statistics, loss
 *	  curve, parameters, the value itself.
 *
 * Every function takes a reference or a value.  What only tells how to call the
 * model needs the privilege to predict; what carries training values, such as
 * coefficients, needs read.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/algorithm.h"
#include "pg/compat.h"
#include "pg/model_cache.h"
#include "pg/model_ref.h"
#include "pg/params_json.h"
#include "pg/pg_env.h"
#include "pg/value_text.h"

PG_FUNCTION_INFO_V1(mlops_classes);
PG_FUNCTION_INFO_V1(mlops_features);
PG_FUNCTION_INFO_V1(mlops_coefficients);
PG_FUNCTION_INFO_V1(mlops_fit_statistics);
PG_FUNCTION_INFO_V1(mlops_training_info);
PG_FUNCTION_INFO_V1(mlops_model_params);
PG_FUNCTION_INFO_V1(mlops_model_value);
PG_FUNCTION_INFO_V1(mlops_model_cache);

#define MAX_COLUMNS 8

/* A row of a result, filled from left to right. */
typedef struct OutputRow
{
	ReturnSetInfo *result;
	int			count;
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} OutputRow;

static void
output_begin(FunctionCallInfo fcinfo, OutputRow *row)
{
	InitMaterializedSRF(fcinfo, 0);
	row->result = (ReturnSetInfo *) fcinfo->resultinfo;
	row->count = 0;
}

static void
output_datum(OutputRow *row, Datum value, bool isnull)
{
	Assert(row->count < MAX_COLUMNS);
	row->values[row->count] = value;
	row->nulls[row->count++] = isnull;
}

static void
output_text(OutputRow *row, const char *text)
{
	output_datum(row, text != NULL ? CStringGetTextDatum(text) : (Datum) 0, text == NULL);
}

static void
output_integer(OutputRow *row, int value)
{
	output_datum(row, Int32GetDatum(value), false);
}

/* NaN stands for "not defined" in models and becomes NULL. */
static void
output_number(OutputRow *row, double value)
{
	output_datum(row, Float8GetDatum(value), isnan(value));
}

static void
output_end(OutputRow *row)
{
	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(row->result->setResult, row->result->setDesc, row->values, row->nulls);
	row->count = 0;
}

static const ModelHandle *
argument_model(FunctionCallInfo fcinfo, Privilege privilege)
{
	return model_ref_call(fcinfo, 0, privilege, &fcinfo->flinfo->fn_extra);
}

/* Labels in the order of predict_proba; empty for models without classes. */
Datum
mlops_classes(PG_FUNCTION_ARGS)
{
	const TargetInfo *target = &argument_model(fcinfo, PRIVILEGE_PREDICT)->model->target;
	Datum	   *labels = palloc(sizeof(Datum) * Max(target->nclasses, 1));

	for (int i = 0; i < target->nclasses; i++)
		labels[i] = CStringGetTextDatum(target->classes[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(labels, target->nclasses, TEXTOID, -1, false, TYPALIGN_INT));
}

/* ---------- features ---------- */

static const char *
impute_text(const FeatureTransform *transform)
{
	switch (transform->impute)
	{
		case IMPUTE_MEAN:
			return "missing as mean";
		case IMPUTE_MEDIAN:
			return "missing as median";
		case IMPUTE_MODE:
			return "missing as mode";
		case IMPUTE_CONSTANT:
			return "missing as constant";
		case IMPUTE_AUTO:
		case IMPUTE_NONE:
			break;
	}
	return NULL;
}

static const char *
map_text(const FeatureTransform *transform)
{
	switch (transform->map)
	{
		case MAP_LOG:
			return "log";
		case MAP_LOG1P:
			return "log1p";
		case MAP_BINS:
			return psprintf("%d bins", transform->nedges + 1);
		case MAP_NONE:
			break;
	}
	return NULL;
}

static const char *
scale_text(const FeatureTransform *transform)
{
	switch (transform->scale)
	{
		case SCALE_STANDARD:
			return "standardised";
		case SCALE_MINMAX:
			return "scaled to 0..1";
		case SCALE_ROBUST:
			return "scaled by quartiles";
		case SCALE_AUTO:
		case SCALE_NONE:
			break;
	}
	return NULL;
}

static const char *
encode_text(const FeatureTransform *transform)
{
	int			levels = transform->nlevels + transform->has_other + transform->has_missing;

	switch (transform->encode)
	{
		case ENCODE_REFERENCE:
			return psprintf("reference coding of %d levels", levels);
		case ENCODE_ONEHOT:
			return psprintf("one-hot coding of %d levels", levels);
		case ENCODE_ORDINAL:
			return psprintf("ordinal coding of %d levels", levels);
		case ENCODE_TARGET:
			return psprintf("target encoding of %d levels", levels);
		case ENCODE_CODE:
			return psprintf("codes of %d levels", levels);
		case ENCODE_AUTO:
			break;
	}
	return NULL;
}

static const char *
part_text(const FeatureTransform *transform)
{
	static const char *const names[TIME_PARTS] = {
		"year", "quarter", "month", "day", "weekday", "day of the year", "hour", "weekend", "age in days", "days since 2000"
	};

	for (int i = 0; i < TIME_PARTS; i++)
	{
		if (transform->parts == 1u << i)
			return names[i];
	}
	return NULL;
}

/* "month, one-hot coding of 12 levels; age in days, missing as median": methods only, nothing that was learned. */
static char *
feature_transforms(const Model *model, int feature, int *nterms)
{
	StringInfoData text;

	initStringInfo(&text);
	*nterms = 0;
	for (int i = 0; i < model->transform->nfeatures; i++)
	{
		const FeatureTransform *transform = &model->transform->features[i];
		const char *parts[6];
		bool		first = true;

		if (transform->feature != feature)
			continue;
		*nterms += transform->nterms;
		parts[0] = part_text(transform);
		parts[1] = impute_text(transform);
		parts[2] = map_text(transform);
		parts[3] = scale_text(transform);
		parts[4] = encode_text(transform);
		parts[5] = transform->indicator ? "indicator of missing" : NULL;
		for (size_t j = 0; j < lengthof(parts); j++)
		{
			if (parts[j] == NULL)
				continue;
			appendStringInfo(&text, "%s%s", !first ? ", " : text.len > 0 ? "; " : "", parts[j]);
			first = false;
		}
	}
	if (text.len == 0)
		appendStringInfoString(&text, *nterms > 0 ? "as is" : "not used");
	return text.data;
}

Datum
mlops_features(PG_FUNCTION_ARGS)
{
	const Model *model = argument_model(fcinfo, PRIVILEGE_PREDICT)->model;
	OutputRow	row;

	output_begin(fcinfo, &row);
	for (int i = 0; i < model->schema.count; i++)
	{
		const Feature *feature = &model->schema.features[i];
		int			nterms;
		char	   *transforms = feature_transforms(model, i, &nterms);

		output_integer(&row, i + 1);
		output_text(&row, feature->name);
		output_text(&row, feature_kind_name(feature->kind));
		output_text(&row, feature->type_name);
		output_integer(&row, feature->width);
		output_integer(&row, nterms);
		output_text(&row, transforms);
		output_end(&row);
	}
	return (Datum) 0;
}

/* ---------- the fit ---------- */

Datum
mlops_coefficients(PG_FUNCTION_ARGS)
{
	const ModelHandle *handle = argument_model(fcinfo, PRIVILEGE_READ);
	PgEnv		env;
	Coefficient *table;
	int			count;
	OutputRow	row;

	pg_env_init(&env, CurrentMemoryContext, 0, "mlops.coefficients");
	pg_env_check(&env.core, model_coefficients(&env.core, handle->model, PG_GETARG_FLOAT8(1), &table, &count));
	output_begin(fcinfo, &row);
	for (int i = 0; i < count; i++)
	{
		output_text(&row, table[i].class_name);
		output_text(&row, table[i].term);
		output_number(&row, table[i].estimate);
		output_number(&row, table[i].std_error);
		output_number(&row, table[i].statistic);
		output_number(&row, table[i].p_value);
		output_number(&row, table[i].conf_low);
		output_number(&row, table[i].conf_high);
		output_end(&row);
	}
	return (Datum) 0;
}

static void
output_statistic(OutputRow *row, const char *name, double value)
{
	output_text(row, name);
	output_number(row, value);
	output_end(row);
}

static bool
find_number(const Model *model, const char *name, double *value)
{
	for (int i = 0; i < model->nnumbers; i++)
	{
		if (strcmp(model->numbers[i].name, name) == 0)
		{
			*value = model->numbers[i].value;
			return true;
		}
	}
	return false;
}

/* Size and fit first, then what the algorithm adds, in its order. */
Datum
mlops_fit_statistics(PG_FUNCTION_ARGS)
{
	static const char *const leading[] = {
		"rows", "weight", "r_squared", "adjusted_r_squared", "mcfadden_r_squared", "residual_sd", "f_statistic", "f_p_value",
		"df_model", "df_residual", "df_error", "df_null", "deviance", "null_deviance", "dispersion",
		"log_likelihood", "aic", "bic", "condition_number", "iterations", "converged", "separation",
	};
	const Model *model = argument_model(fcinfo, PRIVILEGE_READ)->model;
	OutputRow	row;

	output_begin(fcinfo, &row);
	for (size_t i = 0; i < lengthof(leading); i++)
	{
		double		value;

		if (strcmp(leading[i], "rows") == 0)
			output_statistic(&row, leading[i], (double) model->rows_train);
		else if (strcmp(leading[i], "weight") == 0)
			output_statistic(&row, leading[i], model->weight_train);
		else if (find_number(model, leading[i], &value))
			output_statistic(&row, leading[i], value);
	}
	for (int j = 0; j < model->nnumbers; j++)
	{
		bool		shown = false;

		for (size_t i = 0; i < lengthof(leading); i++)
			shown = shown || strcmp(model->numbers[j].name, leading[i]) == 0;
		if (!shown)
			output_statistic(&row, model->numbers[j].name, model->numbers[j].value);
	}
	return (Datum) 0;
}

/* Element i of an array of doubles that a model may have; NaN without it. */
static double
curve_value(const Model *model, const char *name, int64 i)
{
	const ModelArray *array = model_array(model, name);

	if (array == NULL || array->type != ARRAY_F64 || i >= array->rows * array->cols)
		return NAN;
	return ((const double *) array->data)[i];
}

/* One row for each pass that the algorithm recorded; times are not part of a model. */
Datum
mlops_training_info(PG_FUNCTION_ARGS)
{
	const Model *model = argument_model(fcinfo, PRIVILEGE_READ)->model;
	const ModelArray *loss = model_array(model, "training_loss");
	double		learning_rate = params_find(&model->params, "learning_rate") != NULL ? params_number(&model->params, "learning_rate") : NAN;
	OutputRow	row;

	output_begin(fcinfo, &row);
	if (loss == NULL || loss->type != ARRAY_F64)
		return (Datum) 0;
	for (int64 i = 0; i < loss->rows * loss->cols; i++)
	{
		output_integer(&row, 0);
		output_integer(&row, (int) i + 1);
		output_number(&row, curve_value(model, "training_loss", i));
		output_number(&row, curve_value(model, "eval_loss", i));
		output_number(&row, learning_rate);
		output_number(&row, NAN);
		output_end(&row);
	}
	return (Datum) 0;
}

/* Where the value comes from; one that equals the default counts as that. */
static const char *
param_origin(const ParamSpec *spec, const ParamValue *value)
{
	bool		is_default = value->number == spec->default_number || (isnan(value->number) && isnan(spec->default_number));

	if (value->chosen)
		return "chosen";
	if (spec->type == PARAM_TEXT)
		is_default = value->text == NULL;
	else if (spec->type == PARAM_REAL_LIST)
		is_default = value->list_length == 0;
	return is_default ? "default" : "given";
}

/* A parameter's value as text; NULL where there is none. */
static char *
param_text(const ParamSpec *spec, const ParamValue *value)
{
	StringInfoData text;

	switch (spec->type)
	{
		case PARAM_BOOLEAN:
			return isnan(value->number) ? NULL : pstrdup(value->number != 0 ? "true" : "false");
		case PARAM_CHOICE:
		case PARAM_TEXT:
			return value->text;
		case PARAM_INTEGER:
		case PARAM_REAL:
			if (isnan(value->number))
				return NULL;
			return double_to_shortest_decimal(value->number);
		case PARAM_REAL_LIST:
			break;
		case PARAM_WEIGHTS:
			if (value->text != NULL)
				return value->text;
			break;
	}
	initStringInfo(&text);
	param_to_json(&text, spec, value);
	return text.data;
}

Datum
mlops_model_params(PG_FUNCTION_ARGS)
{
	const Model *model = argument_model(fcinfo, PRIVILEGE_READ)->model;
	OutputRow	row;

	output_begin(fcinfo, &row);
	for (int i = 0; i < model->params.count; i++)
	{
		const ParamSpec *spec = &model->params.specs[i];

		output_text(&row, spec->name);
		output_text(&row, param_text(spec, &model->params.values[i]));
		output_text(&row, param_origin(spec, &model->params.values[i]));
		output_text(&row, spec->summary);
		output_end(&row);
	}
	return (Datum) 0;
}

/* The bytes as they are stored. That somebody took them is worth a line in the server's log. */
Datum
mlops_model_value(PG_FUNCTION_ARGS)
{
	ResolvedModel resolved;
	uint8	   *bytes;
	Size		length;
	struct varlena *value;

	model_ref_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)), PRIVILEGE_READ, &resolved);
	bytes = catalog_read_blob(resolved.version.sha256, &length);
	value = palloc(length + VARHDRSZ);
	SET_VARSIZE(value, length + VARHDRSZ);
	memcpy(VARDATA(value), bytes, length);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" read version %d of model \"%s\" as a value",
					GetUserNameFromId(GetUserId(), false), resolved.version.version, resolved.model.name)));
	PG_RETURN_POINTER(value);
}

/* Of this session. */
Datum
mlops_model_cache(PG_FUNCTION_ARGS)
{
	ModelCacheStats stats = model_cache_stats();
	TupleDesc	descriptor;
	Datum		values[5] = {
		Int64GetDatum(stats.models), Int64GetDatum(stats.bytes), Int64GetDatum(stats.pinned), Int64GetDatum(stats.hits),
		Int64GetDatum(stats.decodes)
	};
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "mlops.model_cache returns a row");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/*
 * features.c
 *	  The arguments of predict() as one row of features; see features.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "pg/compat.h"
#include "pg/value_category.h"
#include "pg/value_text.h"
#include "score/features.h"

#define LISTED_FEATURES 20		/* in an error's detail */

void
features_check_count(const Features *features, int given)
{
	const FeatureSchema *schema = &features->model->schema;
	StringInfoData list;

	if (given == schema->count)
		return;
	initStringInfo(&list);
	for (int i = 0; i < schema->count && i < LISTED_FEATURES; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", schema->features[i].name);
	if (schema->count > LISTED_FEATURES)
		appendStringInfo(&list, ", … (mlops.features() lists all %d)", schema->count);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" needs %d feature%s, but %d value%s given", features->model_name, schema->count,
					schema->count == 1 ? "" : "s", given, given == 1 ? " was" : "s were"),
			 errdetail_internal("In order: %s.", list.data),
			 errhint("Pass one row or one jsonb object to match features by name; text that holds JSON needs a cast to jsonb.")));
}

/* ---------- by position ---------- */

static void pg_attribute_noreturn()
unfit_type(const Features *features, int i, Oid type)
{
	const Feature *feature = &features->model->schema.features[i];

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s cannot be given as %s", features->what[i], value_type_name(type, -1)),
			 errdetail("It was %s at training; expected is %s.", feature_type_name(feature), feature_expectation(feature)),
			 type_is_rowtype(type) ? errhint("A row must be the only argument after the model.") : 0));
}

/* Decides how values of `type` become feature i; `parse`: they are text, to be parsed whatever the feature. */
static void
position_init(Features *features, int i, Oid type, bool parse)
{
	const Feature *feature = &features->model->schema.features[i];
	PositionReader *position = &features->positions[i];
	FeatureKind kind;

	if (type == UNKNOWNOID)
	{
		position->code = POSITION_LITERAL;
		return;
	}
	if (parse)
	{
		position->code = POSITION_TEXT;
		return;
	}
	if (feature_accepts(feature, type))
	{
		position->code = POSITION_VALUE;
		value_reader_init(&position->reader, type, -1, feature->time_zone, features->what[i]);
		if (feature->kind == FEATURE_CATEGORICAL)
			(void) value_reader_as_category_of(feature, &position->reader);
		position->reader.width = feature->width;
		return;
	}
	if ((feature->kind != FEATURE_BOOLEAN && !feature_is_boolean_category(feature)) || !value_supported(type, &kind) || kind != FEATURE_NUMERIC ||
		getBaseType(type) == INTERVALOID)
		unfit_type(features, i, type);
	position->code = POSITION_FLAG;
	value_reader_init(&position->reader, type, -1, NULL, features->what[i]);
}

/* A value that is not NULL. */
static void
position_read_value(Features *features, int i, Datum datum)
{
	const Feature *feature = &features->model->schema.features[i];
	PositionReader *position = &features->positions[i];
	FeatureValue *value = &features->values[i];
	const char *what = features->what[i];

	switch (position->code)
	{
		case POSITION_VALUE:
			value_read(&position->reader, datum, false, features->scratch[i], value, what);
			break;
		case POSITION_TEXT:
			value_from_text(feature, TextDatumGetCString(datum), features->scratch[i], value, what);
			break;
		case POSITION_LITERAL:
			value_from_text(feature, DatumGetCString(datum), features->scratch[i], value, what);
			break;
		case POSITION_FLAG:
			value_read(&position->reader, datum, false, NULL, value, what);
			if (value->number != 0 && value->number != 1)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("%s is boolean and cannot be %g", what, value->number),
						 errhint("Pass true or false, or 1 or 0.")));
			if (feature->kind == FEATURE_CATEGORICAL && !value->missing)
				category_from_boolean(value->number != 0, value);
			break;
	}
}

static inline void
position_read(Features *features, int i, Datum datum, bool isnull)
{
	const PositionReader *position = &features->positions[i];
	FeatureValue *value = &features->values[i];

	value->missing = isnull;
	if (!isnull && !(position->code == POSITION_VALUE && value_read_number(&position->reader, datum, &value->number)))
		position_read_value(features, i, datum);
}

static const FeatureValue *
read_array(Features *features, Datum datum)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	const bits8 *bitmap = ARR_NULLBITMAP(array);
	char	   *at = ARR_DATA_PTR(array);
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features of model \"%s\" cannot be given as an array of %d dimensions", features->model_name, ARR_NDIM(array))));
	features_check_count(features, count);

	if (features->all_numeric && features->element_type == FLOAT8OID && bitmap == NULL)
	{
		for (int i = 0; i < count; i++)
		{
			/* it may have been in an earlier array */
			features->values[i].missing = false;
			features->values[i].number = ((const float8 *) at)[i] + 0.0;
		}
		return features->values;
	}
	for (int i = 0; i < count; i++)
	{
		if (bitmap != NULL && (bitmap[i / 8] & (1 << (i % 8))) == 0)
		{
			position_read(features, i, (Datum) 0, true);
			continue;
		}
		position_read(features, i, fetch_att(at, features->element_by_value, features->element_length), false);
		at = att_addlength_pointer(at, features->element_length, at);
		at = (char *) att_align_nominal(at, features->element_align);
	}
	return features->values;
}

/* A pgvector value for a model of as many numbers. */
static const FeatureValue *
read_vector(Features *features, Datum datum)
{
	FeatureValue vector;

	features_check_count(features, value_vector_length(features->vector, datum, "vector of features"));
	value_read(features->vector, datum, false, features->numbers, &vector, "vector of features");
	for (int i = 0; i < features->model->schema.count; i++)
		features->values[i].number = features->numbers[i];
	return features->values;
}

/* ---------- rows ---------- */

/* The binding for the row's type; types are matched again after they changed. */
static RowShape *
find_shape(Features *features, Oid type, int32 typmod)
{
	RowShape	fresh;
	TupleDesc	descriptor;
	MemoryContext old;

	for (int i = 0; i < features->nshapes; i++)
	{
		RowShape   *shape = &features->shapes[i];

		if (shape->type == type && shape->typmod == typmod &&
			(shape->entry == NULL || shape->entry->tupDesc_identifier == shape->identifier))
			return shape;
	}

	fresh.type = type;
	fresh.typmod = typmod;
	fresh.entry = NULL;
	fresh.identifier = 0;
	fresh.context = AllocSetContextCreate(CurrentMemoryContext, "mlops row type", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(fresh.context);
	descriptor = lookup_rowtype_tupdesc(type, typmod);
	fresh.descriptor = CreateTupleDescCopyConstr(descriptor);
	ReleaseTupleDesc(descriptor);
	if (type != RECORDOID)
	{
		fresh.entry = lookup_type_cache(type, TYPECACHE_TUPDESC);
		fresh.identifier = fresh.entry->tupDesc_identifier;
	}
	fresh.binding = row_binding_create_for(features->model, features->model_name, fresh.descriptor);
	MemoryContextSwitchTo(old);

	/* what failed before this point went with the current context */
	if (features->nshapes == ROW_SHAPES)
	{
		MemoryContextDelete(features->shapes[0].context);
		memmove(&features->shapes[0], &features->shapes[1], sizeof(RowShape) * --features->nshapes);
	}
	MemoryContextSetParent(fresh.context, features->context);
	features->shapes[features->nshapes] = fresh;
	return &features->shapes[features->nshapes++];
}

static const FeatureValue *
read_row(Features *features, Datum datum)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(datum);
	RowShape   *shape = find_shape(features, HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));

	row_binding_read_header(shape->binding, row, shape->descriptor);
	return shape->binding->values;
}

/* ---------- one untyped literal ---------- */

/* Whether text that starts with { is a JSON object rather than an array literal: {} or {"key": */
static bool
looks_like_object(const char *text)
{
	text += strspn(text, " \t\r\n") + 1;
	text += strspn(text, " \t\r\n");
	if (*text == '}')
		return true;
	if (*text++ != '"')
		return false;
	for (; *text != '"'; text++)
	{
		if (*text == '\\' && text[1] != '\0')
			text++;
		if (*text == '\0')
			return false;
	}
	text++;
	return text[strspn(text, " \t\r\n")] == ':';
}

static const FeatureValue *
read_literal(Features *features, char *text)
{
	const FeatureSchema *schema = &features->model->schema;
	char		first = text[strspn(text, " \t\r\n")];
	bool		one_vector = schema->count == 1 && schema->features[0].kind == FEATURE_VECTOR;
	bool		object = first == '{' && looks_like_object(text);

	if (object || (first == '[' && !one_vector))
		return features_read_jsonb(features, DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text))));
	if (first == '{' && !one_vector)
	{
		Datum		elements = OidFunctionCall3(F_ARRAY_IN, CStringGetDatum(text), ObjectIdGetDatum(TEXTOID), Int32GetDatum(-1));

		return read_array(features, elements);
	}
	features_check_count(features, 1);
	value_from_text(&schema->features[0], text, features->scratch[0], &features->values[0], features->what[0]);
	return features->values;
}

/* ---------- forms ---------- */

/* feature "x" of model "m" */
static char *
describe_feature(const Features *features, const Feature *feature)
{
	Size		name = strlen(feature->name);
	Size		model = strlen(features->model_name);
	char	   *what = palloc(name + model + sizeof("feature \"\" of model \"\""));
	char	   *at = what;

	/* built for each feature of each call site: formatting would be most of the cost of a single prediction */
	memcpy(at, "feature \"", 9);
	memcpy(at += 9, feature->name, name);
	memcpy(at += name, "\" of model \"", 12);
	memcpy(at += 12, features->model_name, model);
	memcpy(at + model, "\"", 2);
	return what;
}

static void
prepare_values(Features *features)
{
	const FeatureSchema *schema = &features->model->schema;

	features->values = palloc0(sizeof(FeatureValue) * schema->count);
	features->scratch = palloc0(sizeof(double *) * schema->count);
	features->what = palloc0(sizeof(char *) * schema->count);
	features->positions = palloc0(sizeof(PositionReader) * schema->count);
	features->all_numeric = true;
	for (int i = 0; i < schema->count; i++)
	{
		const Feature *feature = &schema->features[i];

		features->what[i] = describe_feature(features, feature);
		if (feature->kind == FEATURE_VECTOR)
			features->scratch[i] = palloc0(sizeof(double) * feature->width);
		if (feature->kind != FEATURE_NUMERIC || feature_is_interval(feature))
			features->all_numeric = false;
	}
}

static void
prepare_array(Features *features, Oid element_type)
{
	Oid			base = getBaseType(element_type);
	bool		text = base == TEXTOID || base == VARCHAROID;

	features->form = FORM_ARRAY;
	features->element_type = element_type;
	get_typlenbyvalalign(element_type, &features->element_length, &features->element_by_value, &features->element_align);
	for (int i = 0; i < features->model->schema.count; i++)
		position_init(features, i, element_type, text);
}

static void
prepare_only_argument(Features *features, Oid type)
{
	const FeatureSchema *schema = &features->model->schema;
	Oid			base = getBaseType(type);
	bool		one_vector = schema->count == 1 && schema->features[0].kind == FEATURE_VECTOR;
	FeatureKind kind;

	if (type_is_rowtype(type))
		features->form = FORM_ROW;
	else if (base == JSONBOID)
		features->form = FORM_JSONB;
	else if (base == JSONOID)
		features->form = FORM_JSON;
	else if (type == UNKNOWNOID)
	{
		prepare_array(features, TEXTOID);
		features->form = FORM_LITERAL;
	}
	else if (!one_vector && OidIsValid(get_element_type(base)))
		prepare_array(features, get_element_type(base));
	else if (!one_vector && features->all_numeric && value_supported(type, &kind) && kind == FEATURE_VECTOR)
	{
		features->form = FORM_VECTOR;
		features->vector = palloc0(sizeof(ValueReader));
		value_reader_init(features->vector, type, -1, NULL, "vector of features");
		features->vector->width = schema->count;
		features->numbers = palloc0(sizeof(double) * schema->count);
	}
	else
	{
		features->form = FORM_VALUES;
		features_check_count(features, 1);
		position_init(features, 0, type, false);
	}
}

static Oid
argument_type(FunctionCallInfo fcinfo, int argno)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argno);

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine the type of argument %d", argno + 1),
				 errhint("Cast it, for example $%d::jsonb for a JSON object with all features.", argno + 1)));
	return type;
}

Features *
features_create(FunctionCallInfo fcinfo, int first, const ModelHandle *handle, Oid forced_type)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops features", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Features   *features = palloc0(sizeof(Features));

	features->model = handle->model;
	features->model_name = handle->name;
	features->context = context;
	features->first = first;
	features->nargs = PG_NARGS() - first;
	prepare_values(features);
	if (OidIsValid(forced_type))
		prepare_only_argument(features, forced_type);
	else if (features->nargs == 1)
		prepare_only_argument(features, argument_type(fcinfo, first));
	else
	{
		features->form = FORM_VALUES;
		features_check_count(features, features->nargs);
		for (int i = 0; i < features->nargs; i++)
			position_init(features, i, argument_type(fcinfo, first + i), false);
	}
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, handle->context);
	return features;
}

const FeatureValue *
features_read(Features *features, FunctionCallInfo fcinfo)
{
	int			first = features->first;

	if (features->form == FORM_VALUES)
	{
		for (int i = 0; i < features->nargs; i++)
			position_read(features, i, PG_GETARG_DATUM(first + i), PG_ARGISNULL(first + i));
		return features->values;
	}
	if (PG_ARGISNULL(first))
		return NULL;
	switch (features->form)
	{
		case FORM_ROW:
			return read_row(features, PG_GETARG_DATUM(first));
		case FORM_JSONB:
			return features_read_jsonb(features, PG_GETARG_JSONB_P(first));
		case FORM_JSON:
			return features_read_jsonb(features, DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
																					CStringGetDatum(TextDatumGetCString(PG_GETARG_DATUM(first))))));
		case FORM_ARRAY:
			return read_array(features, PG_GETARG_DATUM(first));
		case FORM_VECTOR:
			return read_vector(features, PG_GETARG_DATUM(first));
		case FORM_LITERAL:
			return read_literal(features, PG_GETARG_CSTRING(first));
		case FORM_VALUES:
			break;
	}
	return NULL;
}

/*
 * row_binding.c
 *	  Matching the columns of a row to the features of a model, by name; see
 *	  row_binding.h.
 *
 * Names are matched once for each row type; reading a row then deforms it up to
 * the last column in use and converts those in use.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/params.h"
#include "pg/row_binding.h"
#include "pg/value_category.h"
#include "pg/value_text.h"

const char *
feature_expectation(const Feature *feature)
{
	switch (feature->kind)
	{
		case FEATURE_NUMERIC:
			return feature_is_interval(feature) ? "an interval" : "a number";
		case FEATURE_BOOLEAN:
			return "boolean";
		case FEATURE_CATEGORICAL:
			return feature_is_number_category(feature) ? "a number" : feature_is_boolean_category(feature) ? "boolean" : "text or an enum";
		case FEATURE_TIMESTAMP:
			return feature->time_zone == NULL ? "a date or a timestamp without time zone" : "a date or a timestamp";
		case FEATURE_VECTOR:
			return "an array of numbers";
	}
	return "a value";
}

/* The same for types that everybody has, without looking into the catalog. */
static bool
accepts_known(const Feature *feature, Oid type, bool *accepts)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			*accepts = (feature->kind == FEATURE_NUMERIC && !feature_is_interval(feature)) || feature_is_number_category(feature);
			return true;
		case BOOLOID:
			*accepts = feature->kind == FEATURE_BOOLEAN || feature_is_boolean_category(feature);
			return true;
		case TEXTOID:
		case VARCHAROID:
			*accepts = feature->kind == FEATURE_CATEGORICAL && !feature_is_number_category(feature) && !feature_is_boolean_category(feature);
			return true;
		default:
			return false;
	}
}

bool
feature_accepts(const Feature *feature, Oid type)
{
	FeatureKind kind;
	Oid			base;
	bool		accepts;

	if (accepts_known(feature, type, &accepts))
		return accepts;
	base = getBaseType(type);
	if (base != type)
		return feature_accepts(feature, base);

	if (!value_supported(base, &kind) || kind != feature->kind)
		return false;
	if (kind == FEATURE_CATEGORICAL)
		return !feature_is_number_category(feature) && !feature_is_boolean_category(feature);
	if (kind == FEATURE_NUMERIC)
		return feature_is_interval(feature) == (base == INTERVALOID);
	/* without a zone in the model the value would depend on the session */
	if (kind == FEATURE_TIMESTAMP && base == TIMESTAMPTZOID)
		return feature->time_zone != NULL;
	return true;
}

static char *
subject(const char *name)
{
	return name != NULL ? psprintf("model \"%s\"", name) : pstrdup("the model");
}

static bool
is_bound(const RowBinding *binding, int attribute)
{
	for (int i = 0; i < binding->model->schema.count; i++)
		if (binding->attribute[i] == attribute)
			return true;
	return false;
}

/* Whether the source of the training had it beside the features. */
static bool
is_other_role(const Model *model, const char *name)
{
	if (model->target.name != NULL && strcmp(model->target.name, name) == 0)
		return true;
	return model->split.key != NULL && strstr(model->split.key, name) != NULL;
}

/*
 * Nearest name, case mistakes included, of a column that is no other feature;
 * else the only one that could take the feature's place; NULL if there is none.
 */
static const char *
nearest_column(const RowBinding *binding, const Feature *feature, TupleDesc descriptor)
{
	const char *name = feature->name;
	const char **names = palloc(sizeof(char *) * Max(descriptor->natts, 1));
	const char *only = NULL;
	int			count = 0;
	int			possible = 0;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped || is_bound(binding, i + 1))
			continue;
		if (pg_strcasecmp(NameStr(attribute->attname), name) == 0)
			return NameStr(attribute->attname);
		names[count++] = NameStr(attribute->attname);
		if (is_other_role(binding->model, NameStr(attribute->attname)) || !feature_accepts(feature, attribute->atttypid))
			continue;
		only = NameStr(attribute->attname);
		possible++;
	}
	name = nearest_word(name, names, count);
	return name != NULL ? name : possible == 1 ? only : NULL;
}

/* ROW(1, 2) and the like name their columns f1, f2, … */
static bool
names_are_made_up(TupleDesc descriptor)
{
	return descriptor->natts > 0 && strcmp(NameStr(TupleDescAttr(descriptor, 0)->attname), "f1") == 0;
}

static void pg_attribute_noreturn()
missing_columns(const RowBinding *binding, const char *name, TupleDesc descriptor)
{
	const FeatureSchema *schema = &binding->model->schema;
	StringInfoData list;
	const Feature *first = NULL;
	const char *nearest;
	int			count = 0;

	initStringInfo(&list);
	for (int i = 0; i < schema->count; i++)
	{
		if (binding->attribute[i] > 0)
			continue;
		if (first == NULL)
			first = &schema->features[i];
		appendStringInfo(&list, "%s\"%s\"", count++ > 0 ? ", " : "", schema->features[i].name);
	}
	nearest = count == 1 ? nearest_column(binding, first, descriptor) : NULL;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 count == 1 ? errmsg("row has no column %s, which %s needs", list.data, subject(name)) :
			 errmsg("row lacks %d columns that %s needs: %s", count, subject(name), list.data),
			 names_are_made_up(descriptor) ?
			 errhint("A row is matched by column names, which ROW(...) does not have: pass the row of a FROM item, a jsonb object, or the values alone in the order of mlops.features().") :
			 nearest != NULL ? errhint("Perhaps you meant column \"%s\".", nearest) :
			 errhint("mlops.check_source() compares a table or query with what a model needs.")));
}

static void
check_types(const RowBinding *binding, const char *name, TupleDesc descriptor)
{
	const FeatureSchema *schema = &binding->model->schema;
	StringInfoData detail;
	const Feature *first = NULL;
	int			count = 0;

	initStringInfo(&detail);
	for (int i = 0; i < schema->count; i++)
	{
		const Feature *feature = &schema->features[i];
		Form_pg_attribute attribute = TupleDescAttr(descriptor, binding->attribute[i] - 1);

		if (feature_accepts(feature, attribute->atttypid))
			continue;
		if (first == NULL)
			first = feature;
		appendStringInfo(&detail, "%sColumn \"%s\" is of type %s, but was %s at training; expected is %s.",
						 count++ > 0 ? " " : "", feature->name,
						 value_type_name(attribute->atttypid, attribute->atttypmod), feature_type_name(feature),
						 feature_expectation(feature));
	}
	if (count == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 count == 1 ? errmsg("column \"%s\" has a type that %s cannot use", first->name, subject(name)) :
			 errmsg("%d columns have types that %s cannot use", count, subject(name)),
			 errdetail_internal("%s", detail.data),
			 errhint("Cast in a sub-select: (SELECT ..., %s::%s FROM ...) AS c.", quote_identifier(first->name), feature_type_name(first))));
}

/* Attribute number of a column, looked for from attribute `start` (0-based) on and around; 0 when there is none. */
static int
find_column(TupleDesc descriptor, const char *name, int start)
{
	for (int k = 0; k < descriptor->natts; k++)
	{
		int			j = (start + k) % descriptor->natts;
		Form_pg_attribute attribute = TupleDescAttr(descriptor, j);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return j + 1;
	}
	return 0;
}

static void
match_names(RowBinding *binding, const char *name, TupleDesc descriptor)
{
	const FeatureSchema *schema = &binding->model->schema;
	int			next = 0;
	int			missing = 0;

	for (int i = 0; i < schema->count; i++)
	{
		/* columns mostly come in the order of the features */
		int			found = find_column(descriptor, schema->features[i].name, next);

		binding->attribute[i] = found;
		if (found == 0)
		{
			missing++;
			continue;
		}
		next = found;
		/* only the row of a subselect can have a name twice */
		if (descriptor->tdtypeid == RECORDOID && find_column(descriptor, schema->features[i].name, next) != found)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("row has two columns \"%s\", which %s needs", schema->features[i].name, subject(name)),
					 errhint("Give them different names in a subselect.")));
	}
	if (missing > 0)
		missing_columns(binding, name, descriptor);
	check_types(binding, name, descriptor);
}

RowBinding *
row_binding_create_for(const Model *model, const char *name, TupleDesc descriptor)
{
	RowBinding *binding = palloc0(sizeof(RowBinding));
	int			count = model->schema.count;

	binding->model = model;
	binding->nfeatures = count;
	binding->attribute = palloc0(sizeof(int) * count);
	match_names(binding, name, descriptor);

	binding->readers = palloc0(sizeof(ValueReader) * count);
	binding->scratch = palloc0(sizeof(double *) * count);
	binding->values = palloc0(sizeof(FeatureValue) * count);
	binding->what = palloc0(sizeof(char *) * count);
	binding->natts = descriptor->natts;
	binding->datums = palloc(sizeof(Datum) * descriptor->natts);
	binding->nulls = palloc(sizeof(bool) * descriptor->natts);
	for (int i = 0; i < count; i++)
	{
		const Feature *feature = &model->schema.features[i];
		Form_pg_attribute attribute = TupleDescAttr(descriptor, binding->attribute[i] - 1);

		binding->what[i] = psprintf("column \"%s\"", feature->name);
		value_reader_init(&binding->readers[i], attribute->atttypid, attribute->atttypmod, feature->time_zone, binding->what[i]);
		if (feature->kind == FEATURE_CATEGORICAL)
			(void) value_reader_as_category_of(feature, &binding->readers[i]);
		binding->readers[i].width = feature->width;
		if (feature->kind == FEATURE_VECTOR)
			binding->scratch[i] = palloc0(sizeof(double) * feature->width);
		binding->last = Max(binding->last, binding->attribute[i]);
	}
	return binding;
}

static void
read_values(RowBinding *binding, const Datum *datums, const bool *nulls)
{
	for (int i = 0; i < binding->nfeatures; i++)
	{
		int			column = binding->attribute[i] - 1;
		FeatureValue *value = &binding->values[i];

		value->missing = nulls[column];
		if (value->missing || value_read_number(&binding->readers[i], datums[column], &value->number))
			continue;
		value_read(&binding->readers[i], datums[column], false, binding->scratch[i], value, binding->what[i]);
	}
}

void
row_binding_read_slot(RowBinding *binding, TupleTableSlot *slot)
{
	slot_getsomeattrs(slot, binding->last);
	read_values(binding, slot->tts_values, slot->tts_isnull);
}

void
row_binding_read_header(RowBinding *binding, HeapTupleHeader row, TupleDesc descriptor)
{
	HeapTupleData tuple;

	Assert(descriptor->natts == binding->natts);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, descriptor, binding->datums, binding->nulls);
	read_values(binding, binding->datums, binding->nulls);
}

/*
 * dataset_choose.c
 *	  Which columns of a source are read, and as what; see dataset_internal.h.
 *
 * Every process that reads comes to the same choice from the request and the
 * source's columns; what is wrong with the request is found here.
 */
#include "postgres.h"

#include "pg/column_names.h"
#include "pg/dataset_internal.h"
#include "pg/encoding.h"
#include "pg/value_category.h"

int
find_attribute(const DatasetBuild *build, const char *name, const char *purpose)
{
	TupleDesc	descriptor = build->descriptor;
	const char **names;
	const char *nearest;
	int			found = -1;

	for (int i = 0; i < descriptor->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(descriptor, i)->attname), name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("%s column \"%s\" occurs twice in the source", purpose, name),
					 errhint("Give the columns of the SELECT different names.")));
		found = i;
	}
	if (found >= 0)
		return found;

	names = palloc(sizeof(char *) * Max(descriptor->natts, 1));
	for (int i = 0; i < descriptor->natts; i++)
		names[i] = NameStr(TupleDescAttr(descriptor, i)->attname);
	nearest = nearest_word(name, names, descriptor->natts);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s column \"%s\" does not exist in the source", purpose, name),
			 nearest != NULL ? errhint("Perhaps \"%s\" is meant.", nearest) :
			 errhint("mlops.describe() lists the columns of a source.")));
}

static const char *
category_hint(FeatureKind kind)
{
	if (kind == FEATURE_TIMESTAMP)
		return "Its parts can be: write {\"parts\": [\"month\", \"weekday\"]}, or cast it to text in the source query.";
	if (kind == FEATURE_VECTOR)
		return "Its elements can be where the source query makes columns of them.";
	return "Cast it to text in the source query.";
}

/* Numbers and booleans are categories where transform says so. */
static void
settle_kind(const DatasetRequest *request, RawColumn *column)
{
	if (!column_names_contain(request->categories, request->ncategories, column->name))
		return;
	column->listed = true;
	if (column->reader.kind == FEATURE_CATEGORICAL)
		return;
	if (!value_reader_as_category(&column->reader))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s of type %s cannot be categorical", column->what, column->type_name),
				 errhint("%s", category_hint(column->reader.kind))));
	/* not a domain's name: it tells models that their levels are numbers */
	column->type_name = value_type_name(column->reader.base_type, column->reader.typmod);
}

static RawColumn *
add_column(DatasetBuild *build, int attribute, ColumnRole role)
{
	Form_pg_attribute form = TupleDescAttr(build->descriptor, attribute);
	RawColumn  *column = &build->columns[build->ncolumns++];

	memset(column, 0, sizeof(*column));
	column->name = pstrdup(NameStr(form->attname));
	column->what = psprintf("column \"%s\"", column->name);
	column->type_name = value_type_name(form->atttypid, form->atttypmod);
	column->attribute = attribute;
	column->role = role;
	if (role == COLUMN_GROUP)
		value_hasher_init(&column->reader, form->atttypid, form->atttypmod);
	else
		value_reader_init(&column->reader, form->atttypid, form->atttypmod, NULL, column->what);
	if (role == COLUMN_FEATURE)
		settle_kind(build->request, column);
	return column;
}

static void
require_kind(const RawColumn *column, const char *purpose, FeatureKind kind, FeatureKind other, const char *hint)
{
	if (column->reader.kind != kind && column->reader.kind != other)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s of type %s cannot be the %s", column->what, column->type_name, purpose),
				 errhint("%s", hint)));
}

/* Roles of attributes that are no features; each attribute has at most one. */
static void
claim(bool *claimed, int attribute, const DatasetBuild *build, const char *purpose)
{
	if (claimed[attribute])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be the %s and have another role as well",
						NameStr(TupleDescAttr(build->descriptor, attribute)->attname), purpose)));
	claimed[attribute] = true;
}

static void
add_split_column(DatasetBuild *build, bool *claimed)
{
	const SplitSpec *spec = build->request->split;
	const char *name = spec->column;
	int			attribute;

	if (spec->method != SPLIT_GROUP && spec->method != SPLIT_TIME && spec->method != SPLIT_COLUMN)
		return;
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split method \"%s\" needs a column", split_method_name(spec->method))));
	attribute = find_attribute(build, name, "split");
	claim(claimed, attribute, build, "split column");
	if (spec->method == SPLIT_GROUP)
		add_column(build, attribute, COLUMN_GROUP);
	else if (spec->method == SPLIT_TIME)
		require_kind(add_column(build, attribute, COLUMN_TIME), "time of a split", FEATURE_TIMESTAMP, FEATURE_TIMESTAMP,
					 "Use a date or timestamp column.");
	else
		require_kind(add_column(build, attribute, COLUMN_FLAG), "flag of a split", FEATURE_BOOLEAN, FEATURE_NUMERIC,
					 "Use a boolean column, true in the rows to hold out.");
}

static void
check_target_type(const DatasetBuild *build, int attribute)
{
	Form_pg_attribute form = TupleDescAttr(build->descriptor, attribute);
	FeatureKind kind;
	bool		supported = value_supported(form->atttypid, &kind);

	if (supported && kind != FEATURE_TIMESTAMP && kind != FEATURE_VECTOR)
		return;
	ereport(ERROR,
			(errcode(supported ? ERRCODE_DATATYPE_MISMATCH : ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("target column \"%s\" of type %s cannot be predicted", NameStr(form->attname),
					value_type_name(form->atttypid, form->atttypmod)),
			 supported && kind == FEATURE_TIMESTAMP ?
			 errhint("Predict a number, such as EXTRACT(EPOCH FROM ...), a boolean or a text.") :
			 errhint("Predict a number, a boolean or a text that the source makes of it.")));
}

static void
add_special_columns(DatasetBuild *build, bool *claimed)
{
	const DatasetRequest *request = build->request;
	int			attribute;

	if (request->target != NULL)
	{
		attribute = find_attribute(build, request->target, "target");
		claim(claimed, attribute, build, "target");
		check_target_type(build, attribute);
		add_column(build, attribute, COLUMN_TARGET);
	}
	if (request->weight != NULL)
	{
		attribute = find_attribute(build, request->weight, "weight");
		claim(claimed, attribute, build, "weight");
		require_kind(add_column(build, attribute, COLUMN_WEIGHT), "weight", FEATURE_NUMERIC, FEATURE_NUMERIC,
					 "Weights are numbers.");
	}
	if (request->offset != NULL)
	{
		attribute = find_attribute(build, request->offset, "offset");
		claim(claimed, attribute, build, "offset");
		require_kind(add_column(build, attribute, COLUMN_OFFSET), "offset", FEATURE_NUMERIC, FEATURE_NUMERIC,
					 "Offsets are numbers.");
	}
	add_split_column(build, claimed);
}

/* Keys may serve as group, time or flag of the split, but as nothing else. */
static void
add_keys(DatasetBuild *build, bool *claimed)
{
	const DatasetRequest *request = build->request;

	if (request->nkeys == 0)
		return;
	build->key_readers = palloc0(sizeof(ValueReader) * request->nkeys);
	build->key_attributes = palloc(sizeof(int) * request->nkeys);
	for (int i = 0; i < request->nkeys; i++)
	{
		int			attribute = find_attribute(build, request->keys[i], "key");
		Form_pg_attribute form = TupleDescAttr(build->descriptor, attribute);
		bool		splits = request->split->column != NULL && strcmp(request->split->column, request->keys[i]) == 0;

		if (!splits)
			claim(claimed, attribute, build, "key");
		build->key_attributes[i] = attribute;
		value_hasher_init(&build->key_readers[i], form->atttypid, form->atttypmod);
	}
}

void
omit_column(DatasetBuild *build, const char *name, const char *reason, int64 nulls, int64 distinct)
{
	DatasetResult *result = build->result;
	CoreEnv    *env = &build->env->core;

	result->omitted[result->nomitted].name = env_strdup(env, name);
	result->omitted[result->nomitted].reason = env_strdup(env, reason);
	result->omitted[result->nomitted].nulls = nulls;
	result->omitted[result->nomitted].distinct = distinct;
	result->nomitted++;
}

static void
add_listed_features(DatasetBuild *build, const bool *claimed)
{
	const DatasetRequest *request = build->request;
	bool	   *seen = palloc0(sizeof(bool) * build->descriptor->natts);

	for (int i = 0; i < request->nfeatures; i++)
	{
		int			attribute = find_attribute(build, request->features[i], "feature");

		if (claimed[attribute])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be a feature: it is the target, key, weight, offset or split column",
							request->features[i])));
		if (column_names_contain(request->exclude, request->nexclude, request->features[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is both in features and in exclude", request->features[i])));
		if (seen[attribute])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("feature \"%s\" is listed twice", request->features[i])));
		seen[attribute] = true;
		add_column(build, attribute, COLUMN_FEATURE)->listed = true;
	}
}

static void
add_all_features(DatasetBuild *build, const bool *claimed)
{
	for (int i = 0; i < build->descriptor->natts; i++)
	{
		Form_pg_attribute form = TupleDescAttr(build->descriptor, i);
		const char *name = NameStr(form->attname);
		FeatureKind kind;

		if (claimed[i] || column_names_contain(build->request->exclude, build->request->nexclude, name))
			continue;
		if (!value_supported(form->atttypid, &kind))
		{
			omit_column(build, name, psprintf("type %s cannot be a feature", value_type_name(form->atttypid, form->atttypmod)), -1, -1);
			continue;
		}
		(void) find_attribute(build, name, "feature");	/* unique */
		add_column(build, i, COLUMN_FEATURE);
	}
}

static int
compare_columns(const void *a, const void *b)
{
	/* the same order, and so the same hashes of rows, in every database */
	return strcmp(encoding_text_to_utf8(((const RawColumn *) a)->name), encoding_text_to_utf8(((const RawColumn *) b)->name));
}

static void
describe_row_hash(DatasetBuild *build)
{
	SplitSpec  *spec = build->request->split;
	char	  **names;

	spec->row_columns = NULL;
	if (build->request->nkeys > 0)
		return;
	names = palloc(sizeof(char *) * build->ncolumns);
	for (int i = 0; i < build->ncolumns; i++)
		names[i] = build->columns[i].name;
	spec->row_columns = env_strdup(&build->env->core, column_names_join(names, build->ncolumns));
}

void
choose_columns(DatasetBuild *build)
{
	const DatasetRequest *request = build->request;
	int			natts = build->descriptor->natts;
	bool	   *claimed = palloc0(sizeof(bool) * Max(natts, 1));

	build->columns = palloc0(sizeof(RawColumn) * Max(natts, 1));
	build->result->omitted = env_alloc(&build->env->core, Max(natts, 1), sizeof(OmittedColumn));
	for (int i = 0; i < request->nexclude; i++)
		(void) find_attribute(build, request->exclude[i], "excluded");
	add_special_columns(build, claimed);
	add_keys(build, claimed);
	if (request->features != NULL)
		add_listed_features(build, claimed);
	else
		add_all_features(build, claimed);
	qsort(build->columns, build->ncolumns, sizeof(RawColumn), compare_columns);

	build->converted = palloc(sizeof(int) * Max(build->ncolumns, 1));
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];

		column_init(build, column);
		if (column->converted)
			build->converted[build->nconverted++] = i;
		switch (column->role)
		{
			case COLUMN_TARGET:
				build->target = column;
				break;
			case COLUMN_WEIGHT:
				build->weight = column;
				break;
			case COLUMN_OFFSET:
				build->offset = column;
				break;
			case COLUMN_GROUP:
			case COLUMN_TIME:
			case COLUMN_FLAG:
				build->split = column;
				break;
			case COLUMN_FEATURE:
				break;
		}
	}
	describe_row_hash(build);
}

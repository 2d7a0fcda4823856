/*
 * train_key.c
 *	  The key of the rows where none is given; see train.h.
 *
 * A number that was counted up, as a feature, teaches what does not hold for new
 * rows: where rows were stored in the order of the target, such a model is
 * excellent and worthless.  A primary key of one column that is a number, a text
 * or a uuid names rows and is taken as their key.  Keys of several columns and
 * dates may tell something (shop, article and day): they stay features, and a
 * NOTICE asks.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/column_names.h"
#include "train/train.h"

static bool
same_name(const char *name, const char *other)
{
	return other != NULL && strcmp(name, other) == 0;
}

/* Whether the call gives the column a part that a key cannot have. */
static bool
has_part(const TrainArguments *arguments, const char *name)
{
	DatasetRequest request;
	SplitSpec	split = arguments->split;

	train_request(arguments, &split, &request);
	return column_names_contain(request.features, request.nfeatures, name) ||
		column_names_contain(request.references, request.nreferences, name) ||
		column_names_contain(request.categories, request.ncategories, name) || same_name(name, request.target) ||
		same_name(name, request.weight) || same_name(name, request.offset) || same_name(name, split.column);
}

/* Whether values of the column's type are names and nothing else. */
static bool
names_rows(const Source *source, const char *name)
{
	TupleDesc	descriptor = source_descriptor(source);

	switch (getBaseType(TupleDescAttr(descriptor, column_number_by_name(descriptor, name) - 1)->atttypid))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}

static void
settle_key(CoreEnv *env, const Source *source, TrainInput *input, TrainArguments *arguments)
{
	char	   *key = arguments->nkeys > 0 ? NULL : source_primary_key(source);
	char	  **names;
	int			count;

	if (key == NULL)
		return;
	names = column_names_split(key, &count);
	if (count == 1 && has_part(arguments, names[0]))
		return;
	if (count == 1 && names_rows(source, names[0]))
	{
		ereport(NOTICE,
				(errmsg("the primary key %s of the source is taken as key", key),
				 errdetail("Rows are split by it, and it is no feature."),
				 errhint("Pass key => %s to say so, or name it in features if it is one.", quote_literal_cstr(key))));
		train_input_set(input, TRAIN_ARG_KEY, CStringGetTextDatum(key));
		train_arguments_read(env, input, arguments);
		return;
	}
	if (arguments->nfeatures == 0 && arguments->nexclude == 0)
		ereport(NOTICE,
				(errmsg("the primary key %s of the source is taken like any other column", key),
				 errhint("Pass key => %s: rows are then split by it, and it is no feature.", quote_literal_cstr(key))));
}

Source *
train_open_source(CoreEnv *env, TrainInput *input, TrainArguments *arguments)
{
	Source	   *source = source_open(arguments->source);

	settle_key(env, source, input, arguments);
	return source;
}

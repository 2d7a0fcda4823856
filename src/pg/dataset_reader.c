/*
 * dataset_reader.c
 *	  From a source to a core Dataset; see dataset_reader.h.
 *
 * One pass over the source: rows are gathered in small batches, converted and
 * hashed column by column, and appended to growing columns; then roles, order
 * and the copy (dataset_order.c).  About 0.4 us a row of 28 float4 columns.
 *
 * Without a key a row is its own key: it is hashed over all columns that are
 * read, in byte order of their names, so that neither the order of rows nor
 * that of columns matters.  The list is recorded in the split (row_columns).
 */
#include "postgres.h"

#include "core/params.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "pg/column_names.h"
#include "pg/dataset_internal.h"
#include "pg/encoding.h"
#include "pg/progress.h"

#define MAX_ROWS PG_INT32_MAX
#define IDENTIFIER_SHARE 0.9	/* distinct texts per row from which a column is an identifier */
#define IDENTIFIER_ROWS 50
#define PROGRESS_BATCHES 64

/* ---------- which columns ---------- */

static int
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
			 nearest != NULL ? errhint("Perhaps \"%s\" is meant.", nearest) : 0));
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

static void
omit(DatasetBuild *build, const char *name, const char *reason, int64 nulls, int64 distinct)
{
	DatasetResult *result = build->result;
	CoreEnv    *env = &build->env->core;

	result->omitted[result->nomitted].name = env_strdup(env, name);
	result->omitted[result->nomitted].reason = env_strdup(env, reason);
	result->omitted[result->nomitted].nulls = nulls;
	result->omitted[result->nomitted].distinct = distinct;
	result->nomitted++;
}

static bool
is_excluded(const DatasetRequest *request, const char *name)
{
	for (int i = 0; i < request->nexclude; i++)
	{
		if (strcmp(request->exclude[i], name) == 0)
			return true;
	}
	return false;
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
		if (is_excluded(request, request->features[i]))
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

		if (claimed[i] || is_excluded(build->request, name))
			continue;
		if (!value_supported(form->atttypid, &kind))
		{
			omit(build, name, psprintf("type %s cannot be a feature", value_type_name(form->atttypid, form->atttypmod)), -1, -1);
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

static void
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

/* ---------- rows ---------- */

/* Leaves only the sampled rows in the batch. */
static void
sample_batch(DatasetBuild *build)
{
	SplitSpec	sample = *build->request->split;
	int			kept = 0;

	sample.method = SPLIT_NONE;
	for (int i = 0; i < build->batch_count; i++)
	{
		if (split_role(&sample, build->batch_key[i], 0, 0, false, -1) == ROLE_SKIPPED)
			continue;
		if (kept != i)
		{
			memcpy(build->batch_values + (Size) kept * build->stride, build->batch_values + (Size) i * build->stride,
				   sizeof(Datum) * build->natts);
			memcpy(build->batch_nulls + (Size) kept * build->stride, build->batch_nulls + (Size) i * build->stride,
				   sizeof(bool) * build->natts);
			for (int k = 0; k < build->nconverted; k++)
			{
				RawColumn  *column = &build->columns[build->converted[k]];

				if (column->batch_vector != NULL)
					memcpy(column->batch_vector + (Size) kept * column->width,
						   column->batch_vector + (Size) i * column->width, sizeof(double) * column->width);
			}
			build->batch_key[kept] = build->batch_key[i];
		}
		kept++;
	}
	build->result->rows_unsampled += build->batch_count - kept;
	build->batch_count = kept;
}

static void
flush_batch(DatasetBuild *build)
{
	if (build->printer != NULL)
		fingerprint_batch(build);
	if (build->request->nkeys == 0)
	{
		for (int i = 0; i < build->batch_count; i++)
			build->batch_key[i] = hash_row_init();
		for (int i = 0; i < build->ncolumns; i++)
			column_hash_batch(build, &build->columns[i]);
		for (int i = 0; i < build->batch_count; i++)
			build->batch_key[i] = hash_row_final(build->batch_key[i]);
	}
	if (build->request->split->sample < 1)
		sample_batch(build);
	if (build->nrows + build->batch_count > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the source has more than %d rows", MAX_ROWS),
				 errhint("Use \"sample\" in the split.")));

	for (int i = 0; i < build->ncolumns; i++)
		column_append_batch(build, &build->columns[i], build->nrows);
	grow_reserve(build, &build->hash, build->nrows + build->batch_count);
	for (int i = 0; i < build->batch_count; i++)
		ELEMENT(&build->hash, uint64, build->nrows + i) = build->batch_key[i];

	build->nrows += build->batch_count;
	build->batch_count = 0;
	build->batch_has_null = false;
	if (++build->batches % PROGRESS_BATCHES == 0)
		progress_update(build->result->rows_seen);
}

static uint64
key_hash(const DatasetBuild *build, const TupleTableSlot *slot)
{
	uint64		hash = hash_row_init();

	for (int i = 0; i < build->request->nkeys; i++)
	{
		int			attribute = build->key_attributes[i];

		hash = hash_row_add(hash, value_hash(&build->key_readers[i], slot->tts_values[attribute], slot->tts_isnull[attribute]));
	}
	return hash_row_final(hash);
}

static bool
receive_row(TupleTableSlot *slot, void *context)
{
	DatasetBuild *build = context;
	int			row = build->batch_count;
	bool	   *nulls = build->batch_nulls + (Size) row * build->stride;
	bool		has_null = false;

	slot_getallattrs(slot);
	build->result->rows_seen++;
	if (build->target != NULL &&
		target_skips(build, slot->tts_values[build->target->attribute], slot->tts_isnull[build->target->attribute]))
	{
		if (build->printer != NULL)
			fingerprint_skipped(build, slot);
		return true;
	}

	memcpy(build->batch_values + (Size) row * build->stride, slot->tts_values, sizeof(Datum) * build->natts);
	memcpy(nulls, slot->tts_isnull, sizeof(bool) * build->natts);
	for (int i = 0; i < build->natts; i++)
		has_null |= nulls[i];
	build->batch_has_null |= has_null;
	if (build->request->nkeys > 0)
		build->batch_key[row] = key_hash(build, slot);
	if (build->printer != NULL)
		fingerprint_row(build, slot, row);
	for (int k = 0; k < build->nconverted; k++)
		column_convert(build, &build->columns[build->converted[k]], row, build->request->nkeys == 0);

	if (++build->batch_count >= build->batch_limit)
		flush_batch(build);
	return true;
}

/* The planner's estimate and some more, within a quarter of the memory. */
static int64
expected_rows(const DatasetBuild *build, const Source *source)
{
	double		estimate = source_estimate(source) * 1.02 + 1024;
	double		row_bytes = sizeof(double) * (build->descriptor->natts + 1);
	double		budget = build->env->budget > 0 ? (double) build->env->budget : 1e9;

	return (int64) Min(Min(estimate * build->request->split->sample, budget / 4 / row_bytes), MAX_ROWS);
}

static void
read_rows(DatasetBuild *build, Source *source)
{
	build->natts = build->descriptor->natts;
	build->stride = build->natts | 1;	/* odd, so that columns of a batch do not share cache sets */
	build->batch_limit = BATCH_ROWS;
	build->batch_values = build_alloc(build, (Size) BATCH_ROWS * build->stride, sizeof(Datum));
	build->batch_nulls = build_alloc(build, (Size) BATCH_ROWS * build->stride, sizeof(bool));
	grow_init(&build->hash, sizeof(uint64), build->expected_rows);

	progress_phase("reading rows", (int64) source_estimate(source));
	(void) source_run(source, receive_row, build);
	if (build->batch_count > 0)
		flush_batch(build);
	build_free(build, build->batch_values, (Size) BATCH_ROWS * build->stride, sizeof(Datum));
	build_free(build, build->batch_nulls, (Size) BATCH_ROWS * build->stride, sizeof(bool));
}

/* ---------- after reading ---------- */

static void
report_rows(DatasetBuild *build)
{
	DatasetResult *result = build->result;

	result->rows_skipped = build->null_targets + build->nonfinite_targets;
	if (build->null_targets > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " rows left out: target \"%s\" is NULL", build->null_targets, build->target->name)));
	if (build->nonfinite_targets > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " rows left out: target \"%s\" is NaN or infinite", build->nonfinite_targets,
						build->target->name)));
	if (build->nrows > 0)
		return;
	if (result->rows_seen == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the source has no rows"),
				 errhint("Rows that row-level security hides are not read.")));
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("no row of the source can be used"),
			 errdetail(INT64_FORMAT " rows were read, " INT64_FORMAT " have no usable target, " INT64_FORMAT " are outside the sample.",
					   result->rows_seen, result->rows_skipped, result->rows_unsampled)));
}

static void
check_weights(const DatasetBuild *build)
{
	const RawColumn *weight = build->weight;

	if (weight != NULL && !weight->varies && weight->first == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight %s is 0 in every row", weight->what)));
}

static bool
is_identifier(const DatasetBuild *build, const RawColumn *column)
{
	int64		values = build->nrows + build->result->rows_unsampled - column->nnulls;

	return column->storage == STORAGE_CODE && !column->listed && column->reader.code != VALUE_ENUM &&
		values >= IDENTIFIER_ROWS && column->dictionary->count > IDENTIFIER_SHARE * (double) values;
}

/* One NOTICE for each reason; columns that cannot be features by type were found before. */
static void
report_omitted(const DatasetBuild *build, const char *reason, const char *message, const char *hint)
{
	const DatasetResult *result = build->result;
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < result->nomitted; i++)
	{
		bool		by_type = strncmp(result->omitted[i].reason, "type ", 5) == 0;

		if (reason == NULL ? !by_type : strcmp(result->omitted[i].reason, reason) != 0)
			continue;
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", result->omitted[i].name);
	}
	if (list.len > 0)
		ereport(NOTICE,
				(errmsg("%s: %s", message, list.data),
				 errhint("%s", hint)));
}

/* A snapshot date is the same in all training rows, and another one when the model scores. */
static bool
is_reference(const DatasetRequest *request, const char *name)
{
	for (int i = 0; i < request->nreferences; i++)
	{
		if (strcmp(request->references[i], name) == 0)
			return true;
	}
	return false;
}

static void
omit_columns(DatasetBuild *build)
{
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];
		int64		distinct = -1;

		if (column->role != COLUMN_FEATURE)
			continue;
		if (column->omitted == NULL && column_is_constant(column, build->nrows) &&
			!is_reference(build->request, column->name))
			column->omitted = "constant";
		else if (column->omitted == NULL && is_identifier(build, column))
			column->omitted = "identifier";
		if (column->omitted == NULL)
			continue;
		if (column->dictionary != NULL)
			distinct = column->dictionary->count;
		else if (column->storage != STORAGE_CODE)
			distinct = column->nnulls < build->nrows ? 1 : 0;
		omit(build, column->name, column->omitted, distinct >= 0 ? column->nnulls : -1, distinct);
		column_free(build, column);
		if (column->dictionary != NULL)
			dictionary_free(build, column->dictionary, true);
		column->dictionary = NULL;
	}
	if (build->request->quiet)
		return;
	report_omitted(build, "constant", "columns left out because they are constant", "A constant tells nothing about the target.");
	report_omitted(build, "identifier", "columns left out because they look like identifiers",
				   "Name the column that identifies a row as key; list a column in features to use it all the same.");
	report_omitted(build, "text too long for a category", "columns left out because they hold long texts",
				   "Derive features from them in the source, for example length(x) or x ~ 'word'.");
	report_omitted(build, NULL, "columns left out because of their type", "Cast them in the source to use them.");
}

static RawColumn *
find_column(const DatasetBuild *build, int attribute)
{
	for (int i = 0; i < build->ncolumns; i++)
	{
		if (build->columns[i].attribute == attribute)
			return &build->columns[i];
	}
	return NULL;
}

/* Features in the order of the list, or of the source. */
static void
collect_features(DatasetBuild *build)
{
	const DatasetRequest *request = build->request;
	int			count = request->features != NULL ? request->nfeatures : build->descriptor->natts;

	build->features = palloc(sizeof(RawColumn *) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		int			attribute = request->features != NULL ? find_attribute(build, request->features[i], "feature") : i;
		RawColumn  *column = find_column(build, attribute);

		if (column != NULL && column->role == COLUMN_FEATURE && column->omitted == NULL)
			build->features[build->result->data.schema.count++] = column;
	}
	if (build->result->data.schema.count == 0 && !request->quiet)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no column of the source can be a feature"),
				 errhint("Constants, identifiers and the target, key, weight and split columns are no features.")));
}

static void
build_schema(DatasetBuild *build)
{
	CoreEnv    *env = &build->env->core;
	Dataset    *data = &build->result->data;

	data->schema.features = env_alloc(env, data->schema.count, sizeof(Feature));
	data->columns = env_alloc(env, data->schema.count, sizeof(Column));
	for (int i = 0; i < data->schema.count; i++)
	{
		RawColumn  *raw = build->features[i];
		Feature    *feature = &data->schema.features[i];

		feature->name = env_strdup(env, raw->name);
		feature->kind = raw->reader.kind;
		feature->type_name = env_strdup(env, raw->type_name);
		feature->time_zone = raw->reader.time_zone != NULL ? env_strdup(env, raw->reader.time_zone) : NULL;
		feature->width = raw->width;
		data->columns[i].feature = feature;
		if (raw->dictionary != NULL)
			dictionary_rank(build, raw->dictionary, &data->columns[i]);
	}
}

/* A cutoff is given as local time; the times of a timestamptz column are instants. */
static void
settle_cutoff(DatasetBuild *build)
{
	SplitSpec  *spec = build->request->split;

	if (build->split == NULL || build->split->role != COLUMN_TIME || spec->test > 0)
		return;
	if (build->split->reader.code == VALUE_TIMESTAMPTZ)
		spec->cutoff = value_instant_microseconds(&build->split->reader, spec->cutoff);
}

void
dataset_read(PgEnv *env, Source *source, const DatasetRequest *request, DatasetResult *result)
{
	DatasetBuild *build;
	MemoryContext scratch = AllocSetContextCreate(env->context, "mlops rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);

	memset(result, 0, sizeof(*result));
	build = palloc0(sizeof(DatasetBuild));
	build->env = env;
	build->request = request;
	build->result = result;
	build->descriptor = source_descriptor(source);
	build->scratch = scratch;

	build->expected_rows = expected_rows(build, source);
	choose_columns(build);
	if (request->fingerprint)
		fingerprint_begin(build);
	read_rows(build, source);
	if (build->printer != NULL)
		fingerprint_finish(build);
	report_rows(build);
	check_weights(build);
	omit_columns(build);
	collect_features(build);

	progress_phase("ordering rows", result->data.schema.count);
	target_analyse(build);
	settle_cutoff(build);
	order_assign_roles(build);
	build_schema(build);
	order_sort(build);
	order_gather(build);

	MemoryContextSwitchTo(old);
	pg_env_unaccount(env, build->scratch_bytes);
	MemoryContextDelete(scratch);
}

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

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "pg/dataset_internal.h"
#include "pg/progress.h"

#define IDENTIFIER_SHARE 0.9	/* distinct texts per row from which a column is an identifier */
#define IDENTIFIER_ROWS 50
#define PROGRESS_BATCHES 64

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

void
dataset_too_many_rows(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the source has more than %d rows", MAX_ROWS),
			 errhint("Use \"sample\" in the split.")));
}

void
dataset_flush(DatasetBuild *build)
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
		dataset_too_many_rows();

	if (build->part != NULL)
		part_make_room(build);
	for (int i = 0; i < build->ncolumns; i++)
		column_append_batch(build, &build->columns[i], build->nrows);
	grow_reserve(build, &build->hash, build->nrows + build->batch_count);
	for (int i = 0; i < build->batch_count; i++)
		ELEMENT(&build->hash, uint64, build->nrows + i) = build->batch_key[i];

	build->nrows += build->batch_count;
	build->batch_count = 0;
	build->batch_has_null = false;
	if (build->part != NULL)
		part_flushed(build);
	else if (++build->batches % PROGRESS_BATCHES == 0)
		progress_update(build->result->rows_seen);
}

static uint64
key_hash(const DatasetBuild *build, const Datum *values, const bool *nulls)
{
	uint64		hash = hash_row_init();

	for (int i = 0; i < build->request->nkeys; i++)
	{
		int			attribute = build->key_attributes[i];

		hash = hash_row_add(hash, value_hash(&build->key_readers[i], values[attribute], nulls[attribute]));
	}
	return hash_row_final(hash);
}

void
dataset_add_row(DatasetBuild *build)
{
	int			row = build->batch_count;
	Datum	   *values = build->batch_values + (Size) row * build->stride;
	bool	   *nulls = build->batch_nulls + (Size) row * build->stride;

	build->result->rows_seen++;
	if (build->target != NULL && target_skips(build, values[build->target->attribute], nulls[build->target->attribute]))
	{
		if (build->printer != NULL)
			fingerprint_skipped(build, values, nulls);
		return;
	}
	build->batch_has_null |= memchr(nulls, true, build->natts) != NULL;
	if (build->request->nkeys > 0)
		build->batch_key[row] = key_hash(build, values, nulls);
	if (build->printer != NULL)
		fingerprint_row(build, values, nulls, row);
	for (int k = 0; k < build->nconverted; k++)
		column_convert(build, &build->columns[build->converted[k]], row, build->request->nkeys == 0);

	if (++build->batch_count >= build->batch_limit)
		dataset_flush(build);
}

static bool
receive_row(TupleTableSlot *slot, void *context)
{
	DatasetBuild *build = context;
	Size		place = (Size) build->batch_count * build->stride;

	slot_getallattrs(slot);
	memcpy(build->batch_values + place, slot->tts_values, sizeof(Datum) * build->natts);
	memcpy(build->batch_nulls + place, slot->tts_isnull, sizeof(bool) * build->natts);
	dataset_add_row(build);
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

void
dataset_begin_rows(DatasetBuild *build)
{
	build->natts = build->descriptor->natts;
	build->stride = build->natts | 1;	/* odd, so that columns of a batch do not share cache sets */
	build->batch_limit = BATCH_ROWS;
	build->batch_values = build_alloc(build, (Size) BATCH_ROWS * build->stride, sizeof(Datum));
	build->batch_nulls = build_alloc(build, (Size) BATCH_ROWS * build->stride, sizeof(bool));
}

void
dataset_end_rows(DatasetBuild *build)
{
	if (build->batch_count > 0)
		dataset_flush(build);
	build_free(build, build->batch_values, (Size) BATCH_ROWS * build->stride, sizeof(Datum));
	build_free(build, build->batch_nulls, (Size) BATCH_ROWS * build->stride, sizeof(bool));
}

static void
read_rows(DatasetBuild *build, Source *source)
{
	progress_phase("reading rows", (int64) source_estimate(source));
	if (dataset_read_parallel(build, source))
		return;
	if (build->request->fingerprint)
		fingerprint_begin(build);
	grow_init(&build->hash, sizeof(uint64), build->expected_rows);
	dataset_begin_rows(build);
	(void) source_run(source, receive_row, build);
	dataset_end_rows(build);
	if (build->printer != NULL)
		fingerprint_finish(build);
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
		omit_column(build, column->name, column->omitted, distinct >= 0 ? column->nnulls : -1, distinct);
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
	report_omitted(build, TEXT_TOO_LONG, "columns left out because they hold long texts",
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
		{
			column->place = build->result->data.schema.count++;
			build->features[column->place] = column;
		}
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
	read_rows(build, source);
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
	if (build->read_arena != NULL && build->arena == NULL)
		shared_arena_release(build->read_arena);

	MemoryContextSwitchTo(old);
	pg_env_unaccount(env, build->scratch_bytes);
	MemoryContextDelete(scratch);
}

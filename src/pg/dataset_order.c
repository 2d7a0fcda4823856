/*
 * dataset_order.c
 *	  Roles, and the copy into the final columns in canonical order; see dataset_internal.h.
 *
 * dataset_sort.c finds the order.  Columns are copied one after the other; each
 * leaves its memory to the next.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "pg/dataset_internal.h"
#include "pg/parallel_fit.h"
#include "pg/progress.h"

#define PREFETCH 128				/* rows ahead in the copy, into the second-level cache */

#define GROUPS_FOR_FOLDS 20

/* ---------- roles ---------- */

static int64 *
split_times(DatasetBuild *build)
{
	int64	   *times = build_alloc(build, build->nrows, sizeof(int64));

	for (int64 row = 0; row < build->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		times[row] = ELEMENT(&build->split->values, int64, row);
	}
	return times;
}

static uint64 *
row_hashes(DatasetBuild *build)
{
	uint64	   *hashes = build_alloc(build, build->nrows, sizeof(uint64));

	for (int64 row = 0; row < build->nrows; row++)
	{
		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		hashes[row] = ELEMENT(&build->hash, uint64, row);
	}
	return hashes;
}

/* What the split has to learn from all rows. */
static void
learn_split(DatasetBuild *build)
{
	CoreEnv    *env = &build->env->core;
	SplitSpec  *spec = build->request->split;

	if (spec->method == SPLIT_STRATIFIED)
	{
		uint64	   *hashes;

		if (build->classes == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a stratified split needs a target with classes"),
					 errhint("Use split => '{\"method\": \"hash\"}', or task => 'classification'.")));
		hashes = row_hashes(build);
		pg_env_check(env, split_learn_strata(env, spec, hashes, build->classes, build->nrows,
											 build->result->target.nclasses));
		build_free(build, hashes, build->nrows, sizeof(uint64));
	}
	else if (spec->method == SPLIT_TIME && spec->test > 0)
	{
		int64	   *times = split_times(build);

		pg_env_check(env, split_learn_cutoff(env, spec, times, build->nrows));
		build_free(build, times, build->nrows, sizeof(int64));
	}
}

static void
check_shares(DatasetBuild *build)
{
	const SplitSpec *spec = build->request->split;
	int64		train = build->role_count[ROLE_TRAIN];
	int64		test = build->role_count[ROLE_TEST];
	double		share = (double) test / (double) Max(train + test, 1);

	if (train == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the split leaves no row to train on"),
				 errdetail("All " INT64_FORMAT " rows are held out by method \"%s\".", test, split_method_name(spec->method)),
				 errhint("Use more rows, a smaller test share, or split => '\"none\"'.")));
	if (spec->method != SPLIT_NONE && test == 0 && !build->request->keep_split)
		ereport(NOTICE,
				(errmsg("no row is held out: there will be no metrics"),
				 errhint("Use more rows or another split.")));
	else if (spec->test > 0 && fabs(share - spec->test) > 0.2 * spec->test)
		ereport(NOTICE,
				(errmsg("%.1f %% of the rows are held out, not %.1f %%", 100 * share, 100 * spec->test),
				 errdetail(INT64_FORMAT " rows train and " INT64_FORMAT " are held out: shares are met on average, and rows of one key, group or time stay together.",
						   train, test)));
}

static void
assign_by_split(DatasetBuild *build)
{
	const RawColumn *split = build->split;

	for (int64 row = 0; row < build->nrows; row++)
	{
		uint64		group = 0;
		int64		time = 0;
		bool		flag = false;
		RowRole		role;

		if (row % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (split != NULL && split->role == COLUMN_GROUP)
			group = ELEMENT(&split->values, uint64, row);
		else if (split != NULL && split->role == COLUMN_TIME)
			time = ELEMENT(&split->values, int64, row);
		else if (split != NULL)
			flag = ELEMENT(&split->values, int8, row) != 0;
		role = split_role(build->request->split, ELEMENT(&build->hash, uint64, row), group, time, flag,
						  build->classes != NULL ? build->classes[row] : -1);
		build->roles[row] = (uint8) role;
		build->role_count[role]++;
	}
}

void
order_assign_roles(DatasetBuild *build)
{
	const SplitSpec *spec = build->request->split;

	learn_split(build);
	build->roles = build_alloc(build, build->nrows, sizeof(uint8));
	if (spec->method == SPLIT_NONE && spec->sample >= 1)
	{
		memset(build->roles, ROLE_TRAIN, (Size) build->nrows);
		build->role_count[ROLE_TRAIN] = build->nrows;
	}
	else
		assign_by_split(build);
	if (build->classes != NULL)
		target_drop_unseen(build);
	check_shares(build);
}

/* ---------- memory of the final columns ---------- */

/* The narrowest storage that holds every value exactly. */
static ColumnStorage
narrowest(const RawColumn *column)
{
	int64		min = column->min;
	int64		max = column->max;

	if (column->reader.kind != FEATURE_NUMERIC || column->storage == STORAGE_F32)
		return column->storage;
	if (column->storage == STORAGE_F64)
	{
		if (!column->integral)
			return STORAGE_F64;
		min = (int64) column->low;
		max = (int64) column->high;
	}
	if (min >= PG_INT8_MIN && max <= PG_INT8_MAX)
		return STORAGE_I8;
	if (min >= PG_INT16_MIN && max <= PG_INT16_MAX)
		return STORAGE_I16;
	if (min >= PG_INT32_MIN && max <= PG_INT32_MAX)
		return STORAGE_I32;
	return STORAGE_I64;
}

static Size
null_words(Size nrows)
{
	return (nrows + 63) / 64;
}

static Size
final_row_bytes(const RawColumn *raw)
{
	return raw->reader.kind == FEATURE_VECTOR ? raw->values.element : storage_size(narrowest(raw));
}

static bool
keeps_split(const DatasetBuild *build)
{
	return build->split != NULL &&
		(build->split->role == COLUMN_GROUP || (build->split->role == COLUMN_TIME && build->request->keep_split));
}

/* Arrays for what is not a feature, in the order in which they will be asked for; returns how many. */
static int
special_sizes(const DatasetBuild *build, Size nrows, Size *sizes)
{
	int			n = 0;

	sizes[n++] = nrows * sizeof(uint64);	/* hash */
	if (build->target != NULL)
		sizes[n++] = nrows * sizeof(double);
	if (build->weight != NULL)
		sizes[n++] = nrows * sizeof(double);
	if (build->offset != NULL)
		sizes[n++] = nrows * sizeof(double);
	if (keeps_split(build))
		sizes[n++] = nrows * sizeof(int64);
	return n;
}

/*
 * Shared memory for the data set: all of its arrays, or none.  Rows that were read into shared memory make room for
 * their final columns as these go from the widest to the narrowest, so that only the first needs more.
 */
static bool
reserve_memory(DatasetBuild *build, Size nrows)
{
	int			nfeatures = build->result->data.schema.count;
	Size	   *sizes = palloc(sizeof(Size) * (2 * nfeatures + 5));
	int			n = special_sizes(build, nrows, sizes);
	bool		has_nulls = false;
	bool		reserved;

	for (int i = 0; i < nfeatures; i++)
	{
		const RawColumn *raw = build->gather_order[i];
		bool		first_nulls = raw->nnulls > 0 && !has_nulls;

		has_nulls |= raw->nnulls > 0;
		if (i == 0 || build->read_arena == NULL)
			sizes[n++] = nrows * final_row_bytes(raw);
		if (first_nulls || (raw->nnulls > 0 && build->read_arena == NULL))
			sizes[n++] = null_words(nrows) * sizeof(uint64);
	}
	reserved = shared_arena_reserve(build->arena, sizes, n);
	pfree(sizes);
	return reserved;
}

static void
choose_memory(DatasetBuild *build, Size nrows)
{
	double		values = 0;

	if (build->request->quiet || build->request->private_memory)
		return;
	if (build->read_arena != NULL)
	{
		/* without room for the first ones, these take memory of their own: the others fit all the same */
		build->arena = build->read_arena;
		(void) reserve_memory(build, nrows);
		return;
	}
	for (int i = 0; i < build->result->data.schema.count; i++)
		values += (double) nrows * build->features[i]->width;
	if (!parallel_fit_plausible((int64) nrows, values))
		return;
	build->arena = shared_arena_create(build->env->context, 0);
	if (!reserve_memory(build, nrows))
		build->arena = NULL;
}

static int
compare_width(const void *a, const void *b)
{
	const RawColumn *x = *(RawColumn *const *) a;
	const RawColumn *y = *(RawColumn *const *) b;
	Size		xsize = final_row_bytes(x);
	Size		ysize = final_row_bytes(y);

	if (xsize != ysize)
		return xsize > ysize ? -1 : 1;
	return x < y ? -1 : x > y;
}

void
order_sort(DatasetBuild *build)
{
	Dataset    *data = &build->result->data;
	int64		kept = build->role_count[ROLE_TRAIN] + build->role_count[ROLE_TEST];

	build->gather_order = palloc(sizeof(RawColumn *) * Max(data->schema.count, 1));
	memcpy(build->gather_order, build->features, sizeof(RawColumn *) * data->schema.count);
	qsort(build->gather_order, data->schema.count, sizeof(RawColumn *), compare_width);
	choose_memory(build, (Size) kept);
	build->order = build_alloc(build, kept, sizeof(uint32));
	data->hash = final_alloc(build, kept, sizeof(uint64));
	order_rows(build, kept);
	data->ntrain = build->role_count[ROLE_TRAIN];
	data->nrows = kept;
	build->nordered = kept;
	build_free(build, build->roles, build->nrows, sizeof(uint8));
	build->roles = NULL;
	grow_free(build, &build->hash);
}

/* ---------- the copy ---------- */

#define GATHER(from_type, to_type, expression) \
	do { \
		to_type    *out = values; \
		for (int64 i = 0; i < count; i++) \
		{ \
			from_type	value; \
			if (i % POLL_ROWS == 0) \
				CHECK_FOR_INTERRUPTS(); \
			if (i + PREFETCH < count) \
				__builtin_prefetch(&((const from_type *) from->data)[order[i + PREFETCH]], 0, 2); \
			value = ELEMENT(from, from_type, order[i]); \
			out[i] = (to_type) (expression); \
		} \
	} while (0)

#define GATHER_TO_INTEGER(from_type) \
	do { \
		if (storage == STORAGE_I8) \
			GATHER(from_type, int8, value); \
		else if (storage == STORAGE_I16) \
			GATHER(from_type, int16, value); \
		else if (storage == STORAGE_I32) \
			GATHER(from_type, int32, value); \
		else \
			GATHER(from_type, int64, value); \
	} while (0)

static void
gather_vectors(const DatasetBuild *build, const RawColumn *column, char *values)
{
	Size		size = column->values.element;

	for (int64 i = 0; i < build->nordered; i++)
	{
		int64		row = build->order[i];

		CHECK_FOR_INTERRUPTS();
		if (raw_is_null(column, row))
			memset(values + (Size) i * size, 0, size);
		else
			memcpy(values + (Size) i * size, element_at(&column->values, row), size);
	}
}

static void
gather_values(const DatasetBuild *build, const RawColumn *column, ColumnStorage storage, void *values)
{
	const GrowArray *from = &column->values;
	const uint32 *order = build->order;
	const int64 count = build->nordered;

	switch (column->storage)
	{
		case STORAGE_I8:
			GATHER(int8, int8, value);
			break;
		case STORAGE_I16:
			GATHER_TO_INTEGER(int16);
			break;
		case STORAGE_I32:
			GATHER_TO_INTEGER(int32);
			break;
		case STORAGE_I64:
			GATHER_TO_INTEGER(int64);
			break;
		case STORAGE_F32:
			GATHER(float, float, value);
			break;
		case STORAGE_F64:
			if (storage == STORAGE_F64)
				GATHER(double, double, value);
			else
				GATHER_TO_INTEGER(double);
			break;
		case STORAGE_CODE:
			{
				const uint32 *rank = column->dictionary->rank;

				GATHER(uint32, uint32, raw_is_null(column, order[i]) ? 0 : rank[value]);
				break;
			}
	}
}

static uint64 *
gather_nulls(DatasetBuild *build, const RawColumn *column, int64 *nnulls)
{
	Size		words = null_words((Size) build->nordered);
	uint64	   *nulls;

	*nnulls = 0;
	if (column->nnulls == 0)
		return NULL;
	nulls = final_alloc(build, words, sizeof(uint64));
	memset(nulls, 0, words * sizeof(uint64));
	for (int64 i = 0; i < build->nordered; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (raw_is_null(column, build->order[i]))
		{
			nulls[i >> 6] |= UINT64CONST(1) << (i & 63);
			(*nnulls)++;
		}
	}
	return nulls;
}

static void
gather_column(DatasetBuild *build, RawColumn *raw, Column *column)
{
	Size		count = (Size) build->nordered;

	column->storage = narrowest(raw);
	column->values = final_alloc(build, count, final_row_bytes(raw));
	if (raw->reader.kind == FEATURE_VECTOR)
		gather_vectors(build, raw, column->values);
	else
		gather_values(build, raw, column->storage, column->values);
	column->nulls = gather_nulls(build, raw, &column->nnulls);
	column_free(build, raw);
	if (raw->dictionary != NULL)
	{
		dictionary_free(build, raw->dictionary, false);
		raw->dictionary = NULL;
	}
}

static double *
gather_doubles(DatasetBuild *build, RawColumn *raw)
{
	double	   *values = final_alloc(build, (Size) build->nordered, sizeof(double));

	for (int64 i = 0; i < build->nordered; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		values[i] = raw_number(raw, build->order[i]);
	}
	column_free(build, raw);
	return values;
}

static double *
gather_classes(DatasetBuild *build)
{
	const TargetInfo *target = &build->result->target;
	bool		binary = build->result->task == TASK_BINARY;
	double	   *values = final_alloc(build, (Size) build->nordered, sizeof(double));

	for (int64 i = 0; i < build->nordered; i++)
	{
		int32		class_index = build->classes[build->order[i]];

		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		values[i] = binary ? (class_index == target->positive ? 1 : 0) : class_index;
	}
	column_free(build, build->target);
	return values;
}

/* Groups and times are 64-bit words. */
static int64 *
gather_split(DatasetBuild *build)
{
	int64	   *values = final_alloc(build, (Size) build->nordered, sizeof(int64));

	for (int64 i = 0; i < build->nordered; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		values[i] = ELEMENT(&build->split->values, int64, build->order[i]);
	}
	return values;
}

/* Folds of fewer groups might hold no row, or all rows of a class. */
static bool
enough_groups(const uint64 *group, int64 nrows)
{
	uint64		seen[GROUPS_FOR_FOLDS];
	int			count = 0;

	for (int64 i = 0; i < nrows; i++)
	{
		int			known = 0;

		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		while (known < count && seen[known] != group[i])
			known++;
		if (known < count)
			continue;
		seen[count++] = group[i];
		if (count == GROUPS_FOR_FOLDS)
			return true;
	}
	return false;
}

void
order_gather(DatasetBuild *build)
{
	Dataset    *data = &build->result->data;

	if (build->classes != NULL)
		data->target = gather_classes(build);
	else if (build->target != NULL)
		data->target = gather_doubles(build, build->target);
	if (build->weight != NULL)
		data->weight = gather_doubles(build, build->weight);
	if (build->offset != NULL)
		data->offset = gather_doubles(build, build->offset);
	if (keeps_split(build))
	{
		int64	   *values = gather_split(build);

		if (build->split->role == COLUMN_GROUP && enough_groups((uint64 *) values, data->ntrain))
			data->group = (uint64 *) values;
		build->result->split_values = values;
	}
	for (int i = 0; i < data->schema.count; i++)
	{
		RawColumn  *raw = build->gather_order[i];

		progress_update(i);
		gather_column(build, raw, &data->columns[raw->place]);
	}
	spares_free(build);
}

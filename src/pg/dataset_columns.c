/*
 * dataset_columns.c
 *	  Columns of rows as they arrive: conversion, hashing; see dataset_internal.h.
 *
 * Types that are passed by value are converted from a batch of rows in one
 * tight loop for each column (about 1 ns a value); the others when their row
 * arrives, while the tuple is valid.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/dataset_internal.h"

#define MAX_LABEL_BYTES 1024	/* longer texts are documents, not categories */
#define VECTOR_BATCH_BYTES (4 * 1024 * 1024)
#define VECTOR_INITIAL_BYTES (64 * 1024 * 1024)

/* ---------- setting up ---------- */

static ColumnStorage
column_storage(const RawColumn *column)
{
	switch (column->role)
	{
		case COLUMN_WEIGHT:
		case COLUMN_OFFSET:
			return STORAGE_F64;
		case COLUMN_GROUP:
		case COLUMN_TIME:
			return STORAGE_I64;
		case COLUMN_FLAG:
			return STORAGE_I8;
		case COLUMN_FEATURE:
		case COLUMN_TARGET:
			break;
	}
	switch ((ValueCode) column->reader.code)
	{
		case VALUE_BOOL:
			return STORAGE_I8;
		case VALUE_INT2:
			return STORAGE_I16;
		case VALUE_INT4:
			return STORAGE_I32;
		case VALUE_INT8:
		case VALUE_DATE:
		case VALUE_TIMESTAMP:
		case VALUE_TIMESTAMPTZ:
			return STORAGE_I64;
		case VALUE_FLOAT4:
			return STORAGE_F32;
		case VALUE_FLOAT8:
		case VALUE_NUMERIC:
		case VALUE_INTERVAL:
			return STORAGE_F64;
		case VALUE_TEXT:
		case VALUE_BPCHAR:
		case VALUE_NAME:
		case VALUE_ENUM:
		case VALUE_UUID:
		case VALUE_CATEGORY:
			return STORAGE_CODE;
		case VALUE_ARRAY:
			return column->reader.element_type == FLOAT4OID ? STORAGE_F32 : STORAGE_F64;
		case VALUE_PGVECTOR:
			return STORAGE_F32;
		case VALUE_BYTEA:
		case VALUE_OTHER:
			break;
	}
	elog(ERROR, "%s cannot be stored", column->what);
}

void
column_init(DatasetBuild *build, RawColumn *column)
{
	ColumnStorage storage = column_storage(column);
	bool		vector = column->reader.kind == FEATURE_VECTOR && column->role == COLUMN_FEATURE;

	column->storage = storage;
	column->width = vector ? 0 : 1;
	column->integral = true;
	column->min = PG_INT64_MAX;
	column->max = PG_INT64_MIN;
	column->low = INFINITY;
	column->high = -INFINITY;
	grow_init(&column->values, storage_size(storage), build->expected_rows);
	grow_init(&column->nulls, sizeof(uint64), build->expected_rows / 64);
	column->nulls.zeroed = true;
	if (storage == STORAGE_CODE)
		column->dictionary = dictionary_create(build);

	switch ((ValueCode) column->reader.code)
	{
		case VALUE_BOOL:
		case VALUE_INT2:
		case VALUE_INT4:
		case VALUE_INT8:
		case VALUE_FLOAT4:
		case VALUE_FLOAT8:
		case VALUE_DATE:
		case VALUE_TIMESTAMP:
		case VALUE_TIMESTAMPTZ:
			column->converted = column->role != COLUMN_FEATURE && column->role != COLUMN_TARGET;
			break;
		default:
			column->converted = true;
	}
	if (column->converted)
		column->batch_hash = MemoryContextAlloc(build->scratch, sizeof(uint64) * BATCH_ROWS);
}

/* The first vector fixes the length; batches shrink where vectors are long. */
static void
vector_init(DatasetBuild *build, RawColumn *column, int width)
{
	Size		row_bytes = (Size) width * sizeof(double);
	Size		element = (Size) width * storage_size(column->storage);

	if (width == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s holds an empty array", column->what),
				 errhint("All vectors of one feature must have one length.")));
	column->width = width;
	column->reader.width = width;
	grow_init(&column->values, element, Min(build->expected_rows, (int64) (VECTOR_INITIAL_BYTES / element)));
	build->batch_limit = Max(build->batch_count + 1, Min(build->batch_limit, (int) (VECTOR_BATCH_BYTES / row_bytes)));
	column->batch_vector = build_alloc(build, (Size) BATCH_ROWS * width, sizeof(double));
}

/* ---------- rows as they arrive ---------- */

void
column_abandon(DatasetBuild *build, RawColumn *column, const char *reason)
{
	column->omitted = reason;
	if (column->dictionary != NULL)
		dictionary_free(build, column->dictionary, true);
	column->dictionary = NULL;
	grow_free(build, &column->values);
	grow_free(build, &column->nulls);
}

void
column_too_many_levels(DatasetBuild *build, RawColumn *column)
{
	if (column->role == COLUMN_TARGET)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target %s has more than %d distinct values", column->what, MAX_LEVELS),
				 errhint("A text target names a class; choose another column or group the labels.")));
	column_abandon(build, column, "identifier");
}

static Datum
convert_text(DatasetBuild *build, RawColumn *column, const FeatureValue *value, uint64 *hash)
{
	uint32		code;

	*hash = hash_bytes(value->text, value->text_length);
	/* the reason must not depend on which row comes first */
	if (value->text_length > MAX_LABEL_BYTES && column->role == COLUMN_FEATURE)
		column_abandon(build, column, TEXT_TOO_LONG);
	if (column->omitted != NULL)
		return (Datum) 0;
	code = dictionary_add(build, column->dictionary, value->text, value->text_length, *hash);
	if (column->dictionary->count > MAX_LEVELS)
	{
		column_too_many_levels(build, column);
		return (Datum) 0;
	}
	return UInt32GetDatum(code);
}

/* A number or boolean as a category; NaN becomes NULL. */
static Datum
convert_category(DatasetBuild *build, RawColumn *column, const FeatureValue *value, Size place)
{
	uint64		hash;

	if (!value->missing)
		return convert_text(build, column, value, &hash);
	build->batch_nulls[place] = true;
	build->batch_has_null = true;
	return (Datum) 0;
}

static double
convert_number(const RawColumn *column, Datum datum, bool isnull)
{
	const char *role = column->role == COLUMN_WEIGHT ? "weight" : "offset";
	FeatureValue value;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s %s is NULL in some row", role, column->what),
				 errhint("Leave such rows out of the source, or use coalesce().")));
	value_read(&column->reader, datum, false, NULL, &value, column->what);
	if (!isfinite(value.number) || (column->role == COLUMN_WEIGHT && value.number < 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %s is %g in some row", role, column->what, value.number),
				 errhint(column->role == COLUMN_WEIGHT ? "Weights must be finite and not negative." :
						 "Offsets must be finite.")));
	return value.number;
}

static int64
convert_time(const RawColumn *column, Datum datum, bool isnull)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("split %s is NULL in some row", column->what),
				 errhint("A split by time needs a time in every row: leave the others out of the source.")));
	return value_split_time(&column->reader, datum);
}

static bool
convert_flag(const RawColumn *column, Datum datum, bool isnull)
{
	FeatureValue value;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("split %s is NULL in some row", column->what),
				 errhint("Rows where it is true are held out, the others train: use coalesce().")));
	value_read(&column->reader, datum, false, NULL, &value, column->what);
	if (value.number != 0 && value.number != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split %s is %g in some row", column->what, value.number),
				 errhint("The column must be boolean, or 0 and 1.")));
	return value.number == 1;
}

static void
convert_vector(DatasetBuild *build, RawColumn *column, Datum datum, int batch_row)
{
	FeatureValue value;

	if (column->width == 0)
		vector_init(build, column, value_vector_length(&column->reader, datum, column->what));
	value_read(&column->reader, datum, false, column->batch_vector + (Size) batch_row * column->width, &value, column->what);
}

void
column_convert(DatasetBuild *build, RawColumn *column, int batch_row, bool needs_hash)
{
	Size		place = (Size) batch_row * build->stride + column->attribute;
	Datum	   *datum = &build->batch_values[place];
	bool		isnull = build->batch_nulls[place];
	uint64		hash = hash_null();

	/* texts are hashed on their way into the dictionary; a number is the same number when it is a category */
	if (!isnull && (column->storage != STORAGE_CODE || column->reader.code == VALUE_CATEGORY) &&
		(needs_hash || column->role == COLUMN_GROUP))
		hash = value_hash(&column->reader, *datum, false);

	switch (column->role)
	{
		case COLUMN_WEIGHT:
		case COLUMN_OFFSET:
			*datum = Float8GetDatum(convert_number(column, *datum, isnull));
			break;
		case COLUMN_GROUP:
			*datum = Int64GetDatum((int64) hash);
			build->batch_nulls[place] = false;
			break;
		case COLUMN_TIME:
			*datum = Int64GetDatum(convert_time(column, *datum, isnull));
			break;
		case COLUMN_FLAG:
			*datum = BoolGetDatum(convert_flag(column, *datum, isnull));
			break;
		case COLUMN_FEATURE:
		case COLUMN_TARGET:
			if (isnull)
				*datum = (Datum) 0;
			else if (column->reader.kind == FEATURE_VECTOR)
				convert_vector(build, column, *datum, batch_row);
			else
			{
				FeatureValue value;

				value_read(&column->reader, *datum, false, NULL, &value, column->what);
				if (column->reader.code == VALUE_CATEGORY)
					*datum = convert_category(build, column, &value, place);
				else if (column->storage == STORAGE_CODE)
					*datum = convert_text(build, column, &value, &hash);
				else
					*datum = Float8GetDatum(value.number);
			}
			break;
	}
	column->batch_hash[batch_row] = hash;
}

/* ---------- batches ---------- */

#define HASH_LOOP(expression) \
	do { \
		for (int i = 0; i < count; i++) \
		{ \
			Datum		datum = base[(Size) i * stride]; \
			hash[i] = hash_row_add(hash[i], nulls[(Size) i * stride] ? null_hash : (expression)); \
		} \
	} while (0)

void
column_hash_batch(DatasetBuild *build, RawColumn *column)
{
	const Datum *base = build->batch_values + column->attribute;
	const bool *nulls = build->batch_nulls + column->attribute;
	const int	stride = build->stride;
	const int	count = build->batch_count;
	const uint64 null_hash = hash_null();
	uint64	   *hash = build->batch_key;

	if (column->converted)
	{
		for (int i = 0; i < count; i++)
			hash[i] = hash_row_add(hash[i], column->batch_hash[i]);
		return;
	}
	switch ((ValueCode) column->reader.code)
	{
		case VALUE_BOOL:
			HASH_LOOP(hash_bool(DatumGetBool(datum)));
			break;
		case VALUE_INT2:
			HASH_LOOP(hash_int64(DatumGetInt16(datum)));
			break;
		case VALUE_INT4:
			HASH_LOOP(hash_int64(DatumGetInt32(datum)));
			break;
		case VALUE_INT8:
			HASH_LOOP(hash_int64(DatumGetInt64(datum)));
			break;
		case VALUE_FLOAT4:
			HASH_LOOP(hash_double(DatumGetFloat4(datum)));
			break;
		case VALUE_FLOAT8:
			HASH_LOOP(hash_double(DatumGetFloat8(datum)));
			break;
		case VALUE_DATE:
			HASH_LOOP(hash_time(value_date_microseconds(DatumGetDateADT(datum))));
			break;
		default:
			HASH_LOOP(hash_time(DatumGetTimestamp(datum)));
			break;
	}
}

/* Sets the NULL bits of rows that go to first_row ..; their datums become zero. */
static void
append_nulls(DatasetBuild *build, RawColumn *column, int64 first_row)
{
	Datum	   *base = build->batch_values + column->attribute;
	const bool *nulls = build->batch_nulls + column->attribute;

	for (int i = 0; i < build->batch_count; i++)
	{
		int64		row = first_row + i;

		if (!nulls[(Size) i * build->stride])
			continue;
		base[(Size) i * build->stride] = (Datum) 0;
		if (column->batch_vector != NULL)
			memset(column->batch_vector + (Size) i * column->width, 0, sizeof(double) * column->width);
		grow_reserve(build, &column->nulls, (row >> 6) + 1);
		ELEMENT(&column->nulls, uint64, row >> 6) |= UINT64CONST(1) << (row & 63);
		column->nnulls++;
	}
}

#define APPEND_INTEGERS(type, expression) \
	do { \
		type	   *out = (type *) to; \
		int64		min = column->min; \
		int64		max = column->max; \
		for (int i = 0; i < count; i++) \
		{ \
			Datum		datum = base[(Size) i * stride]; \
			type		value = (expression); \
			*out++ = value; \
			min = Min(min, value); \
			max = Max(max, value); \
		} \
		column->min = min; \
		column->max = max; \
	} while (0)

/* adding zero turns -0 into 0 */
#define APPEND_FLOATS(type, expression) \
	do { \
		type	   *out = (type *) to; \
		type		first; \
		bool		varies = column->varies; \
		if (!column->seen) \
		{ \
			Datum		datum = base[0]; \
			column->first = (type) ((expression) + (type) 0); \
			column->seen = true; \
		} \
		first = (type) column->first; \
		for (int i = 0; i < count; i++) \
		{ \
			Datum		datum = base[(Size) i * stride]; \
			type		value = (expression) + (type) 0; \
			*out++ = value; \
			varies |= value != first; \
		} \
		column->varies = varies; \
	} while (0)

/* Whether all doubles so far are integers of at most 32 bits. */
static void
note_integral(RawColumn *column, const double *values, int count)
{
	double		low = column->low;
	double		high = column->high;
	bool		integral = column->integral;

	if (!integral)
		return;
	for (int i = 0; i < count; i++)
	{
		double		value = values[i];

		integral &= fabs(value) <= PG_INT32_MAX && value == (double) (int32) value;
		if (!integral)
			break;
		low = Min(low, value);
		high = Max(high, value);
	}
	column->low = low;
	column->high = high;
	column->integral = integral;
}

static void
append_vectors(RawColumn *column, char *to, int rows)
{
	Size		count = (Size) rows * column->width;
	const double *values = column->batch_vector;

	if (!column->varies)
	{
		/* compared with the first row of all, once it is stored */
		const char *first = column->seen ? column->values.data : to;

		for (Size i = 0; i < count; i++)
		{
			if (column->storage == STORAGE_F32)
				((float *) to)[i] = (float) values[i];
			else
				((double *) to)[i] = values[i];
		}
		for (int i = 0; i < rows && !column->varies; i++)
			column->varies = memcmp(to + (Size) i * column->values.element, first, column->values.element) != 0;
		column->seen = true;
		return;
	}
	if (column->storage == STORAGE_F32)
	{
		float	   *out = (float *) to;

		for (Size i = 0; i < count; i++)
			out[i] = (float) values[i];
	}
	else
		memcpy(to, values, count * sizeof(double));
}

static void
append_values(DatasetBuild *build, RawColumn *column, char *to)
{
	const Datum *base = build->batch_values + column->attribute;
	const int	stride = build->stride;
	const int	count = build->batch_count;

	if (column->reader.kind == FEATURE_VECTOR && column->role == COLUMN_FEATURE)
	{
		append_vectors(column, to, count);
		return;
	}
	switch (column->storage)
	{
		case STORAGE_I8:
			APPEND_INTEGERS(int8, DatumGetBool(datum) ? 1 : 0);
			break;
		case STORAGE_I16:
			APPEND_INTEGERS(int16, DatumGetInt16(datum));
			break;
		case STORAGE_I32:
			APPEND_INTEGERS(int32, DatumGetInt32(datum));
			break;
		case STORAGE_I64:
			if (column->converted)
				APPEND_INTEGERS(int64, DatumGetInt64(datum));
			else if (column->reader.code == VALUE_DATE)
				APPEND_INTEGERS(int64, value_date_microseconds(DatumGetDateADT(datum)));
			else if (column->reader.code == VALUE_TIMESTAMPTZ)
				APPEND_INTEGERS(int64, value_local_microseconds(&column->reader, DatumGetTimestampTz(datum)));
			else
				APPEND_INTEGERS(int64, DatumGetInt64(datum));
			break;
		case STORAGE_F32:
			APPEND_FLOATS(float, DatumGetFloat4(datum));
			break;
		case STORAGE_F64:
			APPEND_FLOATS(double, DatumGetFloat8(datum));
			note_integral(column, (const double *) to, count);
			break;
		case STORAGE_CODE:
			for (int i = 0; i < count; i++)
				((uint32 *) to)[i] = DatumGetUInt32(base[(Size) i * stride]);
			break;
	}
}

void
column_append_batch(DatasetBuild *build, RawColumn *column, int64 first_row)
{
	if (column->omitted != NULL || build->batch_count == 0)
		return;
	if (build->batch_has_null)
		append_nulls(build, column, first_row);
	if (column->width == 0)
		return;					/* vectors, all NULL so far: their length is not known */

	grow_reserve(build, &column->values, first_row + build->batch_count);
	append_values(build, column, element_at(&column->values, first_row));
}

/* ---------- what was collected ---------- */

double
raw_number(const RawColumn *column, int64 row)
{
	const char *element = element_at(&column->values, row);

	switch (column->storage)
	{
		case STORAGE_I8:
			return *(const int8 *) element;
		case STORAGE_I16:
			return *(const int16 *) element;
		case STORAGE_I32:
			return *(const int32 *) element;
		case STORAGE_I64:
			return (double) *(const int64 *) element;
		case STORAGE_F32:
			return *(const float *) element;
		case STORAGE_F64:
			return *(const double *) element;
		case STORAGE_CODE:
			break;
	}
	elog(ERROR, "%s holds no numbers", column->what);
}

bool
column_is_constant(const RawColumn *column, int64 nrows)
{
	if (column->nnulls == nrows)
		return true;
	if (column->nnulls > 0)
		return false;			/* whether it is NULL may tell something */
	if (column->width != 1 || column->storage == STORAGE_F32 || column->storage == STORAGE_F64)
		return !column->varies;
	if (column->storage == STORAGE_CODE)
		return column->dictionary != NULL && column->dictionary->count <= 1;
	return column->min == column->max;
}

void
column_free(DatasetBuild *build, RawColumn *column)
{
	grow_free(build, &column->values);
	grow_free(build, &column->nulls);
	if (column->batch_vector != NULL)
	{
		build_free(build, column->batch_vector, (Size) BATCH_ROWS * column->width, sizeof(double));
		column->batch_vector = NULL;
	}
}

/*
 * dataset.c
 *	  Reading values out of a resident data set; see dataset.h.
 *
 * column_number and column_value look at one element; column_numbers converts
 * a run of rows with the storage switch outside the loop, about 1 ns a value.
 */
#include "core/dataset.h"

#include <math.h>
#include <string.h>

size_t
storage_size(ColumnStorage storage)
{
	switch (storage)
	{
		case STORAGE_I8:
			return 1;
		case STORAGE_I16:
			return 2;
		case STORAGE_I32:
		case STORAGE_F32:
		case STORAGE_CODE:
			return 4;
		case STORAGE_I64:
		case STORAGE_F64:
			return 8;
	}
	return 0;
}

static double
stored_number(const Column *column, int64_t index)
{
	switch (column->storage)
	{
		case STORAGE_I8:
			return ((const int8_t *) column->values)[index];
		case STORAGE_I16:
			return ((const int16_t *) column->values)[index];
		case STORAGE_I32:
			return ((const int32_t *) column->values)[index];
		case STORAGE_I64:
			return (double) ((const int64_t *) column->values)[index];
		case STORAGE_F32:
			return ((const float *) column->values)[index];
		case STORAGE_F64:
			return ((const double *) column->values)[index];
		case STORAGE_CODE:
			break;
	}
	return NAN;
}

double
column_number(const Column *column, int64_t row, int element)
{
	if (column_is_null(column, row))
		return NAN;
	return stored_number(column, row * column->feature->width + element);
}

#define CONVERT(type) \
	do { \
		const type *values = (const type *) column->values + first; \
		for (int i = 0; i < count; i++) \
			out[i] = (double) values[i]; \
	} while (0)

void
column_numbers(const Column *column, int64_t first, int count, double *out)
{
	switch (column->storage)
	{
		case STORAGE_I8:
			CONVERT(int8_t);
			break;
		case STORAGE_I16:
			CONVERT(int16_t);
			break;
		case STORAGE_I32:
			CONVERT(int32_t);
			break;
		case STORAGE_I64:
			CONVERT(int64_t);
			break;
		case STORAGE_F32:
			CONVERT(float);
			break;
		case STORAGE_F64:
			memcpy(out, (const double *) column->values + first, (size_t) count * sizeof(double));
			break;
		case STORAGE_CODE:
			CONVERT(uint32_t);
			break;
	}
	if (column->nulls != NULL)
	{
		for (int i = 0; i < count; i++)
		{
			if (column_is_null(column, first + i))
				out[i] = NAN;
		}
	}
}

void
column_value(const Column *column, int64_t row, double *scratch, FeatureValue *value)
{
	const Feature *feature = column->feature;

	memset(value, 0, sizeof(*value));
	value->missing = column_is_null(column, row);
	if (value->missing)
		return;

	switch (feature->kind)
	{
		case FEATURE_NUMERIC:
		case FEATURE_BOOLEAN:
			value->number = stored_number(column, row);
			break;
		case FEATURE_CATEGORICAL:
			{
				uint32_t	code = ((const uint32_t *) column->values)[row];

				value->text = column->levels[code];
				value->text_length = column->level_lengths[code];
				break;
			}
		case FEATURE_TIMESTAMP:
			value->time = ((const int64_t *) column->values)[row];
			break;
		case FEATURE_VECTOR:
			for (int i = 0; i < feature->width; i++)
				scratch[i] = stored_number(column, row * feature->width + i);
			value->vector = scratch;
			break;
	}
}

/*
 * dataset.h
 *	  A resident training set: typed columns, rows in canonical order.
 *
 * Rows 0 .. ntrain-1 are the training rows and ntrain .. nrows-1 the held-out
 * rows, each part in canonical order: (hash of key, canonical row, ordinal
 * among equals).  Everything learned from data reads training rows only.
 * Columns hold raw values in the narrowest exact type; a NULL is a bit in
 * `nulls`, apart from NaN.  Memory belongs to whoever built the set.
 */
#ifndef CORE_DATASET_H
#define CORE_DATASET_H

#include "core/schema.h"

typedef enum ColumnStorage
{
	STORAGE_I8 = 1,
	STORAGE_I16,
	STORAGE_I32,
	STORAGE_I64,				/* also TIMESTAMP microseconds */
	STORAGE_F32,
	STORAGE_F64,
	STORAGE_CODE				/* uint32 index into `levels` */
} ColumnStorage;

typedef struct Column
{
	const Feature *feature;
	ColumnStorage storage;
	void	   *values;			/* nrows * feature->width elements, row-major within the column */
	uint64_t   *nulls;			/* bit i set: row i is NULL; NULL pointer: none is */
	int64_t		nnulls;
	/* STORAGE_CODE: distinct values of all rows read, sorted by bytes (memcmp, then length) */
	int			nlevels;
	char	  **levels;			/* zero-terminated for convenience */
	int		   *level_lengths;
} Column;

typedef struct Dataset
{
	int64_t		nrows;
	int64_t		ntrain;
	FeatureSchema schema;
	Column	   *columns;		/* schema.count of them */
	double	   *target;			/* regression: value; classification: class index (binary: 1 = positive) */
	double	   *weight;			/* NULL: all 1 */
	double	   *offset;			/* NULL: all 0 */
	uint64_t   *hash;			/* canonical hash of key (or row), unseeded */
	uint64_t   *group;			/* hash of the group of a split by group; NULL: rows are on their own */
} Dataset;

/* What folds inside the training rows are drawn by: rows of one group stay together there, too. */
static inline const uint64_t *
dataset_fold_hash(const Dataset *data)
{
	return data->group != NULL ? data->group : data->hash;
}

static inline bool
column_is_null(const Column *column, int64_t row)
{
	return column->nulls != NULL && (column->nulls[row >> 6] >> (row & 63)) & 1;
}

/* Element `element` of row `row` as a double; NaN where NULL. Not for codes. */
extern double column_number(const Column *column, int64_t row, int element);
/* Rows first .. first+count-1 of a width-1 numeric column as doubles, NaN where NULL. */
extern void column_numbers(const Column *column, int64_t first, int count, double *out);
/* The row as scoring would see it; text points into the dictionary, vector into `scratch`. */
extern void column_value(const Column *column, int64_t row, double *scratch, FeatureValue *value);
extern size_t storage_size(ColumnStorage storage);

#endif							/* CORE_DATASET_H */

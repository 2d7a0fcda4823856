/*
 * rows.h: data sets made in memory, for tests of what learns from rows.
 */
#ifndef MLOPS_TEST_ROWS_H
#define MLOPS_TEST_ROWS_H

#include <string.h>

#include "core/dataset.h"
#include "core/transform.h"

#define ROWS_MAX_COLUMNS 64

/* `data` is ready after each call; memory of the environment it was made in. */
typedef struct Rows
{
	CoreEnv    *env;
	Dataset		data;
	Feature		features[ROWS_MAX_COLUMNS];
	Column		columns[ROWS_MAX_COLUMNS];
} Rows;

/* `nrows` rows, all for training, target 0, hashes that differ. */
extern void rows_init(Rows *rows, CoreEnv *env, int64_t nrows);
/* A column of zeros; its index. */
extern int	rows_add(Rows *rows, const char *name, FeatureKind kind, ColumnStorage storage, int width);
/* A STORAGE_F64 numeric column with these values. */
extern int	rows_add_numbers(Rows *rows, const char *name, const double *values);
/* A categorical column; texts[nrows], NULL is missing. The dictionary is made from them. */
extern int	rows_add_texts(Rows *rows, const char *name, const char *const *texts);
extern void rows_set_null(Rows *rows, int column, int64_t row);
/* An element of a column that is not of codes; rounded to the storage. */
extern void rows_put(Rows *rows, int column, int64_t row, int element, double value);

/* Learns with default options where `options` is NULL; fails the test on error. */
extern Transform *rows_learn(Rows *rows, const FeatureOptions *options, TransformProfile profile, int nclasses);
/* Terms of all rows by transform_block, column-major with leading dimension nrows. */
extern double *rows_terms(Rows *rows, const Transform *transform, bool training);
/* Index of a term by name, or -1. */
extern int	rows_term(const Transform *transform, const char *name);
/* Fails unless transform_row gives every row the bits that transform_block gives it. */
extern void rows_assert_paths_agree(Rows *rows, const Transform *transform);
/* A term of one row of raw values, by name. */
extern double rows_score_term(const Transform *transform, const FeatureValue *values, const char *name);

static inline FeatureValue
raw_number(double x)
{
	return (FeatureValue) {.number = x};
}

static inline FeatureValue
raw_time(int64_t x)
{
	return (FeatureValue) {.time = x};
}

static inline FeatureValue
raw_text(const char *x)
{
	return (FeatureValue) {.text = x, .text_length = (int) strlen(x)};
}

#define raw_missing ((FeatureValue) {.missing = true})

#endif							/* MLOPS_TEST_ROWS_H */

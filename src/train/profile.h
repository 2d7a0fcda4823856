/*
 * profile.h
 *	  What a training has read, in figures, as JSON for datasets.dataset_profile.
 */
#ifndef TRAIN_PROFILE_H
#define TRAIN_PROFILE_H

#include "postgres.h"

#include "pg/dataset_reader.h"

/*
 * An array: first an object for the whole table (column_name ":table": rows,
 * settings), then one for each column of the source in its order.  Names as in
 * Databricks' monitoring.  count, num_nulls, avg, stddev, min, max, num_zeros,
 * num_nan are exact over the rows used; quantiles, median, distinct_count of
 * numbers and frequent_items come from the first PROFILE_SAMPLE rows by hash.
 * Columns that are no features have type, role and fingerprint only.
 * Call before the fit, which changes the data set.  In CurrentMemoryContext.
 */
extern char *profile_json(PgEnv *env, TupleDesc descriptor, const DatasetResult *rows);

#define PROFILE_SAMPLE 10000

#endif							/* TRAIN_PROFILE_H */

/*
 * dataset_reader.h
 *	  From a source to a core Dataset: typed columns, canonical order, split.
 */
#ifndef PG_DATASET_READER_H
#define PG_DATASET_READER_H

#include "postgres.h"

#include "core/dataset.h"
#include "core/fingerprint.h"
#include "core/model.h"
#include "pg/pg_env.h"
#include "pg/source.h"

typedef struct DatasetRequest
{
	const char *target;			/* NULL: unsupervised */
	const char *weight;
	const char *offset;
	char	  **keys;			/* key columns */
	int			nkeys;
	char	  **features;		/* NULL: all usable columns but the others named here */
	int			nfeatures;
	char	  **exclude;
	int			nexclude;
	char	  **references;		/* columns that ages refer to: kept even where they are constant */
	int			nreferences;
	char	  **categories;		/* columns of numbers and booleans that are to be categories */
	int			ncategories;
	Task		task;			/* 0: infer; MULTICLASS becomes BINARY with two classes; BINARY with more is an error */
	unsigned	tasks;			/* 1 << Task of what the algorithm does, for numbers that may be classes; 0: everything */
	const char *positive;		/* NULL: infer */
	SplitSpec  *split;			/* method, column, fractions, seed given; cutoff, limits, row_columns filled in */
	const char *group_or_time_column;	/* = split->column when the method needs one */
	bool		keep_split;		/* for folds: split_values of times, too, and holding out nothing is no NOTICE */
	bool		fingerprint;	/* of all rows and columns of the source */
	bool		private_memory; /* nothing of the rows in shared memory: they outlive the transaction, or are not fitted */
	bool		quiet;			/* no NOTICEs, and a source without features is no error */
} DatasetRequest;

/* A feature column that was left out, and why. */
typedef struct OmittedColumn
{
	const char *name;
	const char *reason;			/* "constant", "identifier", "type json cannot be a feature", … */
	int64		nulls;			/* -1: the column was not read to its end */
	int64		distinct;
} OmittedColumn;

typedef struct DatasetResult
{
	Dataset		data;
	Task		task;			/* given or inferred */
	TargetInfo	target;			/* name, type, classes, positive filled in */
	Fingerprint fingerprint;	/* all rows seen; what mlops.fingerprint(row) gives */
	uint64	   *column_prints;	/* of each column of the source: the sum of its cells */
	int64	   *split_values;	/* of each row, hash of its group or, with keep_split, time; NULL: no such column */
	int64		rows_seen;
	int64		rows_skipped;	/* NULL target, NaN or infinite regression target */
	int64		rows_unsampled;
	OmittedColumn *omitted;
	int			nomitted;
} DatasetResult;

/*
 * Reads the source once.  Raises NOTICEs: task and positive class inferred,
 * columns left out (constant, identifier: text with nearly as many values as
 * rows), rows skipped, test share off its target by more than 20 %.  ERRORs:
 * unknown columns (nearest name as hint), no usable feature, no rows, one
 * class, weights that are NULL, negative or not finite, memory over
 * mlops.train_memory (both figures and what to do).  Memory in env->context.
 */
/*
 * A time split's cutoff is given in local time; for a timestamptz column it
 * becomes the instant, in which the column's times are compared too.
 */
extern void dataset_read(PgEnv *env, Source *source, const DatasetRequest *request, DatasetResult *result);

/*
 * SHA-256 of the rows as a fit sees them, in hexadecimal: features (name, kind,
 * values), target, weight, offset, key and role of each row in canonical
 * order.  Equal for any physical order of rows.  About 5 ns a value.
 */
extern char *dataset_digest(PgEnv *env, const Dataset *data);

#endif							/* PG_DATASET_READER_H */

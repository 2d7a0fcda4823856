/*
 * dataset_internal.h
 *	  What the files behind dataset_reader.h share: rows as they arrive.
 *
 * Rows are collected in order of arrival, by column; when the source ends they
 * are given roles, put in canonical order and copied column by column into the
 * Dataset.  A raw column that has been copied gives its memory to the next
 * copy, so the peak is the rows plus one column.
 */
#ifndef PG_DATASET_INTERNAL_H
#define PG_DATASET_INTERNAL_H

#include "pg/dataset_reader.h"
#include "pg/shared_arena.h"
#include "pg/value.h"

#define BATCH_ROWS 128			/* rows converted column by column at a time */
#define MAX_ROWS PG_INT32_MAX
#define MAX_LEVELS 1000000		/* more distinct texts than this are not categories */
#define TEXT_TOO_LONG "text too long for a category"
#define POLL_ROWS 65536			/* rows between polls in loops of a few ns a row */

/* An array that grows by half; accounted before it is taken. */
typedef struct GrowArray
{
	Size		element;		/* bytes */
	int64		initial;		/* elements to begin with */
	int64		capacity;		/* elements */
	bool		zeroed;			/* new elements are zero */
	bool		shared;			/* lies in an arena, which frees it */
	char	   *data;
} GrowArray;

/* Memory of a raw column that a final one may take over. */
typedef struct SpareBuffer
{
	char	   *data;
	Size		bytes;
	bool		shared;
} SpareBuffer;

#define MAX_SPARES 16
#define MIN_SPARE_BYTES (1024 * 1024)

/* Distinct texts, numbered in order of arrival. */
typedef struct Dictionary
{
	uint32		count;
	uint32		nslots;			/* a power of two */
	uint32	   *slots;			/* code + 1; 0: free */
	GrowArray	hashes;			/* uint64 by code */
	GrowArray	texts;			/* char * by code, zero-terminated */
	GrowArray	lengths;		/* int by code */
	char	   *block;			/* where the next text goes */
	Size		block_left;
	List	   *blocks;
	Size		block_bytes;	/* of all blocks */
	uint32	   *rank;			/* after dictionary_rank: place of each code in byte order */
} Dictionary;

typedef enum ColumnRole
{
	COLUMN_FEATURE,
	COLUMN_TARGET,
	COLUMN_WEIGHT,
	COLUMN_OFFSET,
	COLUMN_GROUP,				/* stored as the hash of the value */
	COLUMN_TIME,				/* stored as microseconds; timestamptz as the instant */
	COLUMN_FLAG					/* stored as 0 or 1 */
} ColumnRole;

typedef struct RawColumn
{
	char	   *name;
	char	   *what;			/* column "name" */
	char	   *type_name;
	int			attribute;		/* 0-based, in the source */
	ColumnRole	role;
	bool		listed;			/* the user named it as a feature */
	ValueReader reader;
	bool		converted;		/* read when the row arrives; else from the batch, column by column */
	ColumnStorage storage;		/* as collected */
	int			width;			/* elements per row; 0: vector of unknown length, all NULL so far */
	GrowArray	values;
	GrowArray	nulls;			/* uint64 words, up to the last one with a NULL */
	int64		nnulls;
	int64		min;			/* integers */
	int64		max;
	double		first;			/* floating point: first value, whether others differ, whether all are integers */
	double		low;
	double		high;
	bool		seen;
	bool		varies;
	bool		integral;
	Dictionary *dictionary;
	const char *omitted;		/* why it is no feature, or NULL */
	int			place;			/* among the features */
	uint64	   *batch_hash;		/* [BATCH_ROWS] of converted values */
	double	   *batch_vector;	/* [BATCH_ROWS * width] */
} RawColumn;

typedef struct DatasetPrinter DatasetPrinter;	/* dataset_fingerprint.c */
typedef struct ReadPart ReadPart;	/* dataset_part.c */

typedef struct DatasetBuild
{
	PgEnv	   *env;
	const DatasetRequest *request;
	DatasetResult *result;
	TupleDesc	descriptor;
	MemoryContext scratch;		/* raw columns and everything else that dies with the build */
	Size		scratch_bytes;	/* accounted, but not part of the data set */
	int64		expected_rows;	/* at a guess, and no more than memory allows */
	int			nspares;
	SpareBuffer spares[MAX_SPARES];

	RawColumn  *columns;		/* by name: the order in which an unkeyed row is hashed */
	int			ncolumns;
	int		   *converted;		/* indexes of columns that are converted as rows arrive */
	int			nconverted;
	RawColumn  *target;
	RawColumn  *weight;
	RawColumn  *offset;
	RawColumn  *split;			/* group, time or flag */
	ValueReader *key_readers;
	int		   *key_attributes;

	/* the batch, row-major with stride `stride` */
	int			natts;
	int			stride;
	int			batch_limit;
	int			batch_count;
	Datum	   *batch_values;
	bool	   *batch_nulls;
	bool		batch_has_null;
	uint64		batch_key[BATCH_ROWS];	/* hash of key or row */

	DatasetPrinter *printer;	/* NULL: no fingerprint is wanted */
	ReadPart   *part;			/* NULL: this process reads all rows */

	int64		nrows;			/* kept so far */
	GrowArray	hash;			/* uint64 */
	int64		null_targets;
	int64		nonfinite_targets;
	int64		batches;

	/* after reading, in order of arrival */
	int32	   *classes;		/* class of each row, or NULL: regression and unsupervised */
	uint8	   *roles;			/* RowRole */
	int64		role_count[3];
	uint32	   *order;			/* [kept rows] row numbers in canonical order */
	int64		nordered;
	SharedArena *read_arena;	/* of the rows as read; NULL: read by one process */
	SharedArena *arena;			/* for the final columns; NULL: no workers expected */
	RawColumn **features;		/* [schema.count], in the order of the schema */
	RawColumn **gather_order;	/* the same, in the order in which they are copied: widest first */
} DatasetBuild;

static inline char *
element_at(const GrowArray *array, int64 index)
{
	return array->data + index * (int64) array->element;
}

#define ELEMENT(array, type, index) (((type *) (array)->data)[index])

static inline bool
raw_is_null(const RawColumn *column, int64 row)
{
	int64		word = row >> 6;

	return word < column->nulls.capacity && (ELEMENT(&column->nulls, uint64, word) >> (row & 63)) & 1;
}

/* dataset_choose.c */
extern void choose_columns(DatasetBuild *build);
/* Number of the attribute of that name; an ERROR that names its purpose when there is none, or more than one. */
extern int	find_attribute(const DatasetBuild *build, const char *name, const char *purpose);
extern void omit_column(DatasetBuild *build, const char *name, const char *reason, int64 nulls, int64 distinct);

/* dataset_reader.c: for each row, once it is in place batch_count of the batch */
extern void dataset_begin_rows(DatasetBuild *build);
extern void dataset_add_row(DatasetBuild *build);
extern void dataset_flush(DatasetBuild *build);
extern void dataset_end_rows(DatasetBuild *build);
extern void dataset_too_many_rows(void) pg_attribute_noreturn();

/* dataset_parallel.c: reads all rows with parallel workers; false: nothing has happened, one process does it */
extern bool dataset_read_parallel(DatasetBuild *build, Source *source);

/* dataset_part.c: room for the batch, and what is to be done when it has been appended */
extern void part_make_room(DatasetBuild *build);
extern void part_flushed(DatasetBuild *build);

/* dataset_memory.c: accounted memory that is not limited to 1 GB and not zeroed */
extern void *build_alloc(DatasetBuild *build, Size count, Size size);
extern void build_free(DatasetBuild *build, void *pointer, Size count, Size size);
extern void grow_init(GrowArray *array, Size element, int64 initial);
/* Room for `count` elements in all. */
extern void grow_reserve(DatasetBuild *build, GrowArray *array, int64 count);
extern void grow_free(DatasetBuild *build, GrowArray *array);
/* An array that lies in an arena, for `capacity` elements. */
extern void grow_place(DatasetBuild *build, GrowArray *array, char *data, int64 capacity);
/* Lives as long as the data set; shared, recycled or new. */
extern void *final_alloc(DatasetBuild *build, Size count, Size size);
/* Frees what final columns have not taken over. */
extern void spares_free(DatasetBuild *build);

/* dataset_columns.c: columns as they arrive */
extern void column_init(DatasetBuild *build, RawColumn *column);
/* Converts the value of the row that is being put into the batch. */
extern void column_convert(DatasetBuild *build, RawColumn *column, int batch_row, bool needs_hash);
/* Hashes the batch into batch_key, appends `count` rows (after selection) to the column. */
extern void column_hash_batch(DatasetBuild *build, RawColumn *column);
extern void column_append_batch(DatasetBuild *build, RawColumn *column, int64 first_row);
/* A value as double; for numbers and booleans. */
extern double raw_number(const RawColumn *column, int64 row);
extern bool column_is_constant(const RawColumn *column, int64 nrows);
/* A text column is no feature after all. */
extern void column_abandon(DatasetBuild *build, RawColumn *column, const char *reason);
extern void column_too_many_levels(DatasetBuild *build, RawColumn *column);
extern void column_free(DatasetBuild *build, RawColumn *column);

/* dataset_fingerprint.c: for each row of the batch fingerprint_row, then once fingerprint_batch */
extern void fingerprint_begin(DatasetBuild *build);
extern void fingerprint_row(DatasetBuild *build, const Datum *values, const bool *nulls, int batch_row);
extern void fingerprint_batch(DatasetBuild *build);
/* A row that goes into no batch. */
extern void fingerprint_skipped(DatasetBuild *build, const Datum *values, const bool *nulls);
extern void fingerprint_finish(DatasetBuild *build);

/* dataset_dictionary.c */
extern Dictionary *dictionary_create(DatasetBuild *build);
extern uint32 dictionary_add(DatasetBuild *build, Dictionary *dictionary, const char *text, int length, uint64 hash);
/* Without its texts when levels of a Column point to them. */
extern void dictionary_free(DatasetBuild *build, Dictionary *dictionary, bool with_texts);
/* Fills `rank` and, unless NULL, the levels of a column in byte order. */
extern void dictionary_rank(DatasetBuild *build, Dictionary *dictionary, Column *column);

/* dataset_target.c */
extern bool target_skips(DatasetBuild *build, Datum datum, bool isnull);
extern void target_analyse(DatasetBuild *build);	/* task, classes, positive class */
extern void target_drop_unseen(DatasetBuild *build);	/* classes without training rows */

/* dataset_sort.c: order and final hashes of the `count` rows that are kept */
extern void order_rows(DatasetBuild *build, int64 count);

/* dataset_order.c */
extern void order_assign_roles(DatasetBuild *build);
extern void order_sort(DatasetBuild *build);
extern void order_gather(DatasetBuild *build);

#endif							/* PG_DATASET_INTERNAL_H */

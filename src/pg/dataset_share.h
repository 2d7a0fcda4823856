/*
 * dataset_share.h
 *	  What the processes of a parallel read share.
 *
 * One control segment: the request, where the columns lie, which block of rows
 * was filled by whom, and what each part has found out about its rows.  Column
 * arrays lie in an arena of the leader.  A part fills whole blocks of rows in
 * every array; rows for which there is no block left go to temporary files.
 */
#ifndef PG_DATASET_SHARE_H
#define PG_DATASET_SHARE_H

#include "port/atomics.h"
#include "storage/sharedfileset.h"

#include "pg/dataset_internal.h"

#define SHARE_BLOCK_ROWS 8192	/* a multiple of BATCH_ROWS and of 64 */
#define FILE_BLOCK_ROWS 4096	/* rows of a record in a file of rows, at most; a multiple of 64 */
#define SHARE_SECRET_BYTES 16

typedef struct SharedPlace
{
	dsm_handle	segment;
	Size		offset;
} SharedPlace;

typedef enum PartOmitted
{
	PART_KEPT = 0,
	PART_TOO_LONG,				/* holds a text too long for a category */
	PART_TOO_MANY				/* holds too many texts */
} PartOmitted;

/* What a part knows of a column: see RawColumn. */
typedef struct PartColumn
{
	int64		nnulls;
	int64		min;
	int64		max;
	double		first;
	double		low;
	double		high;
	bool		seen;
	bool		varies;
	bool		integral;
	PartOmitted omitted;
	uint32		levels;			/* in the file of texts, in order of code: length, bytes */
} PartColumn;

typedef struct PartSummary
{
	bool		finished;
	int			worker;			/* -1: the leader */
	int64		rows_seen;
	int64		rows_unsampled;
	int64		null_targets;
	int64		nonfinite_targets;
	int64		file_rows;		/* in the file of rows */
	bool		has_texts;		/* there is a file of texts */
	Fingerprint fingerprint;
} PartSummary;

/* A block of rows in every array. */
typedef struct ShareBlock
{
	int32		part;
	int32		rows;			/* when it is closed */
} ShareBlock;

/* At the start of the control segment; offsets are from there. */
typedef struct ReadShare
{
	uint32		magic;
	int			leader_pid;
	uint8		secret[SHARE_SECRET_BYTES];
	bool		as_row;			/* columns come as one row */
	bool		fingerprint;
	int			natts;
	int			ncolumns;
	int			nparts;			/* room for */
	uint32		nblocks;
	Size		request_bytes;
	Size		request;		/* dataset_request_write */
	Size		places;			/* SharedPlace: hash, then values and nulls of each column */
	Size		blocks;			/* ShareBlock [nblocks] */
	Size		parts;			/* of nparts: PartSummary, PartColumn [ncolumns], uint64 [natts] */
	Size		part_bytes;
	pg_atomic_uint32 next_part;
	pg_atomic_uint32 next_block;
	SharedPlace counter;		/* pg_atomic_uint64: rows seen by all, where progress is shown or here: */
	pg_atomic_uint64 rows_seen;
	SharedFileSet files;
} ReadShare;

/* The aggregate's first argument: who has it may take part. */
typedef struct ReadToken
{
	dsm_handle	segment;
	uint8		secret[SHARE_SECRET_BYTES];
} ReadToken;

/* Everything a process needs to make the leader's choices again. */
typedef struct ReadRequest
{
	DatasetRequest request;
	SplitSpec	split;
	TupleDesc	descriptor;
	Size		budget;
	Size		used;			/* by the leader */
	char	   *object;
} ReadRequest;

/* Size of the control segment; fills in the sizes and offsets of `share` from its counts. */
extern Size share_layout(ReadShare *share);
extern SharedPlace *share_places(ReadShare *share);
extern ShareBlock *share_blocks(ReadShare *share);
extern PartSummary *share_part(ReadShare *share, int number);
extern PartColumn *share_part_columns(ReadShare *share, int number);
extern uint64 *share_part_prints(ReadShare *share, int number);
extern bool share_is_valid(const ReadShare *share, Size size);

extern void dataset_request_write(const DatasetBuild *build, StringInfo out);
/* Memory in CurrentMemoryContext. */
extern ReadRequest *dataset_request_read(const char *bytes, Size length);

/* Names of a part's files. */
extern void share_file_name(char *name, Size size, const char *what, int part);

#endif							/* PG_DATASET_SHARE_H */

/*
 * dataset_parallel.c
 *	  A source read by parallel workers; see dataset_internal.h.
 *
 * The planner is asked for `SELECT mlops.read_rows(token, columns) FROM
 * (source)`.  Where it answers with partial aggregates below a Gather, shared
 * memory is taken for as many rows as it expects, and every process fills
 * blocks of it (dataset_part.c): reading, converting, hashing and fingerprints
 * are shared, and no row is copied between processes.  What is left for the
 * leader is to number texts alike, to close the gaps that the last block of each part leaves, and to append rows
 * that came through files because the planner had expected fewer.
 *
 * Privileges, row security, joins and which functions may run in workers are
 * the planner's and the executor's business, as in any query.  Nothing in the
 * result depends on who read what.
 */
#include "postgres.h"

#include <math.h>
#include <fcntl.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "parser/parse_func.h"
#include "postmaster/bgworker_internals.h"
#include "storage/buffile.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "pg/dataset_share.h"
#include "pg/guc.h"
#include "pg/parallel_fit.h"
#include "pg/progress.h"
#include "pg/shared_segment.h"

#define AUTO_VALUES 1e6			/* rows x columns from which workers are worth starting */
#define MOST_ARGUMENTS 98		/* of an aggregate, beside its state and the token */

/* The leader's view of a read. */
typedef struct ParallelRead
{
	DatasetBuild *build;
	int			nworkers;		/* planned */
	bool		as_row;
	dsm_segment *segment;
	ReadShare  *share;
	int			nparts;			/* that there were */
	uint32	   *maps;			/* codes of one part's texts in the leader's dictionaries, column after column */
	Size		nmaps;
	Size	   *map_of;			/* [ncolumns]: where a column's begin */
} ParallelRead;

/* ---------- whether ---------- */

/* The aggregate, where this user may call it. */
static Oid
find_aggregate(void)
{
	Oid			types[2] = {BYTEAOID, ANYOID};
	Oid			aggregate = LookupFuncName(list_make2(makeString(pstrdup("mlops")), makeString(pstrdup("read_rows"))), 2, types, true);

	if (!OidIsValid(aggregate) || compat_function_aclcheck(aggregate, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		return InvalidOid;
	return aggregate;
}

static int
allowed_workers(void)
{
	if (!IsUnderPostmaster || IsInParallelMode())
		return 0;
	return Min(guc_train_workers >= 0 ? guc_train_workers : MAX_PARALLEL_WORKER_LIMIT,
			   Min(max_parallel_workers, max_parallel_workers_per_gather));
}

static bool
is_plausible(const DatasetBuild *build, const Source *source)
{
	if (allowed_workers() == 0)
		return false;
	if (guc_train_workers <= 0 && source_estimate(source) * build->descriptor->natts < AUTO_VALUES)
		return false;
	/* the length of a vector is known when the first is read */
	for (int i = 0; i < build->ncolumns; i++)
	{
		if (build->columns[i].width != 1)
			return false;
	}
	/* its planner cannot combine an aggregate of any arguments over distributed tables */
	return !OidIsValid(get_extension_oid("citus", true));
}

/* ---------- memory ---------- */

static Size
value_bytes(const RawColumn *column, uint32 nblocks)
{
	return (Size) nblocks * SHARE_BLOCK_ROWS * column->values.element;
}

static Size
null_bytes(uint32 nblocks)
{
	return (Size) nblocks * SHARE_BLOCK_ROWS / 8;
}

/* Blocks for the rows that are expected, and one more for each process. */
static uint32
expected_blocks(const ParallelRead *read, const Source *source)
{
	double		rows = Min((source_estimate(source) * 1.02 + 1024) * read->build->request->split->sample, MAX_ROWS - 1);

	return Min((uint32) ceil(rows / SHARE_BLOCK_ROWS) + read->nworkers + 1, MAX_ROWS / SHARE_BLOCK_ROWS);
}

/* Takes shared memory for all arrays; false when there is not enough of it, or not within the budget. */
static bool
reserve_arrays(ParallelRead *read, uint32 nblocks)
{
	DatasetBuild *build = read->build;
	PgEnv	   *env = build->env;
	Size	   *sizes = palloc(sizeof(Size) * (1 + 2 * build->ncolumns));
	bool		copied = build->request->quiet || build->request->private_memory;
	Size		total = 0;
	int			n = 0;
	bool		reserved;

	sizes[n++] = (Size) nblocks * SHARE_BLOCK_ROWS * sizeof(uint64);
	for (int i = 0; i < build->ncolumns; i++)
	{
		sizes[n++] = value_bytes(&build->columns[i], nblocks);
		sizes[n++] = null_bytes(nblocks);
	}
	for (int i = 0; i < n; i++)
	{
		if (sizes[i] > SHARED_SEGMENT_MAX)
			return false;
		total += sizes[i];
	}
	/* ordering takes memory too: see dataset_order.c */
	if (env->budget > 0 && (double) total * (copied ? 2.2 : 1.3) > (double) (env->budget - Min(env->used, env->budget)))
		return false;
	if (temp_file_limit >= 0 && (double) temp_file_limit * 1024 < (double) total)
		return false;
	build->read_arena = shared_arena_create(env->context, 0);
	reserved = shared_arena_reserve(build->read_arena, sizes, n) && shared_segment_fits(SERVER_SEGMENT_BYTES);
	if (!reserved)
	{
		shared_arena_release(build->read_arena);
		build->read_arena = NULL;
	}
	pfree(sizes);
	return reserved;
}

static char *
place_array(DatasetBuild *build, Size bytes, SharedPlace *place)
{
	char	   *array = shared_arena_alloc(build->read_arena, bytes);

	if (array == NULL || !shared_arena_locate(array, bytes, &place->segment, &place->offset))
		elog(ERROR, "an array that was reserved is not there");
	return array;
}

static void
place_arrays(DatasetBuild *build, uint32 nblocks, SharedPlace *places)
{
	int64		capacity = (int64) nblocks * SHARE_BLOCK_ROWS;

	grow_init(&build->hash, sizeof(uint64), capacity);
	grow_place(build, &build->hash, place_array(build, capacity * sizeof(uint64), &places[0]), capacity);
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];

		grow_place(build, &column->values, place_array(build, value_bytes(column, nblocks), &places[1 + 2 * i]), capacity);
		grow_place(build, &column->nulls, place_array(build, null_bytes(nblocks), &places[2 + 2 * i]), capacity / 64);
	}
}

/* The control segment; false when there is no room for it. */
static bool
create_share(ParallelRead *read, uint32 nblocks)
{
	DatasetBuild *build = read->build;
	SharedPlace *places = palloc(sizeof(SharedPlace) * (1 + 2 * build->ncolumns));
	ReadShare	header;
	StringInfoData request;
	Size		size;

	place_arrays(build, nblocks, places);
	initStringInfo(&request);
	dataset_request_write(build, &request);

	memset(&header, 0, sizeof(header));
	header.leader_pid = MyProcPid;
	header.as_row = read->as_row;
	header.fingerprint = build->request->fingerprint;
	header.natts = build->descriptor->natts;
	header.ncolumns = build->ncolumns;
	header.nparts = read->nworkers + 1;
	header.nblocks = nblocks;
	header.request_bytes = (Size) request.len;
	if (!pg_strong_random(header.secret, SHARE_SECRET_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bytes")));
	size = share_layout(&header);
	read->segment = size <= SHARED_SEGMENT_MAX ? shared_segment_create(size) : NULL;
	if (read->segment == NULL)
		return false;

	read->share = dsm_segment_address(read->segment);
	memset(read->share, 0, size);
	memcpy(read->share, &header, sizeof(header));
	pg_atomic_init_u32(&read->share->next_part, 0);
	pg_atomic_init_u32(&read->share->next_block, 0);
	pg_atomic_init_u64(&read->share->rows_seen, 0);
	if (!progress_counter(&read->share->counter.segment, &read->share->counter.offset))
	{
		read->share->counter.segment = dsm_segment_handle(read->segment);
		read->share->counter.offset = offsetof(ReadShare, rows_seen);
	}
	SharedFileSetInit(&read->share->files, read->segment);
	memcpy((char *) read->share + header.request, request.data, header.request_bytes);
	memcpy(share_places(read->share), places, sizeof(SharedPlace) * (1 + 2 * build->ncolumns));
	pfree(request.data);
	pfree(places);
	return true;
}

/* As if nothing had happened: arrays of this process, that grow. */
static void
forget_arrays(DatasetBuild *build)
{
	grow_free(build, &build->hash);
	for (int i = 0; i < build->ncolumns; i++)
	{
		grow_free(build, &build->columns[i].values);
		grow_free(build, &build->columns[i].nulls);
	}
	shared_arena_release(build->read_arena);
	build->read_arena = NULL;
}

static bytea *
make_token(const ParallelRead *read)
{
	ReadToken	token;
	bytea	   *argument = palloc(VARHDRSZ + sizeof(token));

	memset(&token, 0, sizeof(token));
	token.segment = dsm_segment_handle(read->segment);
	memcpy(token.secret, read->share->secret, SHARE_SECRET_BYTES);
	SET_VARSIZE(argument, VARHDRSZ + sizeof(token));
	memcpy(VARDATA(argument), &token, sizeof(token));
	return argument;
}

/* ---------- what the parts have found out ---------- */

static void
add_column_facts(RawColumn *column, const PartColumn *part)
{
	column->nnulls += part->nnulls;
	column->min = Min(column->min, part->min);
	column->max = Max(column->max, part->max);
	column->low = Min(column->low, part->low);
	column->high = Max(column->high, part->high);
	column->integral &= part->integral;
	column->varies |= part->varies;
	if (!part->seen)
		return;
	if (!column->seen)
		column->first = part->first;
	else if (column->first != part->first)
		column->varies = true;
	column->seen = true;
}

static void
add_facts(ParallelRead *read)
{
	DatasetBuild *build = read->build;
	DatasetResult *result = build->result;

	if (read->share->fingerprint)
		result->column_prints = env_alloc(&build->env->core, Max(read->share->natts, 1), sizeof(uint64));
	for (int p = 0; p < read->nparts; p++)
	{
		const PartSummary *part = share_part(read->share, p);
		const PartColumn *columns = share_part_columns(read->share, p);

		if (!part->finished)
			elog(ERROR, "part %d of a parallel read did not finish", p);
		result->rows_seen += part->rows_seen;
		result->rows_unsampled += part->rows_unsampled;
		build->null_targets += part->null_targets;
		build->nonfinite_targets += part->nonfinite_targets;
		for (int i = 0; i < build->ncolumns; i++)
			add_column_facts(&build->columns[i], &columns[i]);
		if (!read->share->fingerprint)
			continue;
		fingerprint_merge(&result->fingerprint, &part->fingerprint);
		for (int i = 0; i < read->share->natts; i++)
			result->column_prints[i] += share_part_prints(read->share, p)[i];
	}
}

/* Columns that some process had to give up; a text that is too long is the better reason. */
static void
abandon_columns(ParallelRead *read)
{
	DatasetBuild *build = read->build;

	for (int i = 0; i < build->ncolumns; i++)
	{
		PartOmitted omitted = PART_KEPT;

		for (int p = 0; p < read->nparts; p++)
		{
			PartOmitted reason = share_part_columns(read->share, p)[i].omitted;

			if (reason != PART_KEPT && omitted != PART_TOO_LONG)
				omitted = reason;
		}
		if (omitted == PART_TOO_LONG)
			column_abandon(build, &build->columns[i], TEXT_TOO_LONG);
		else if (omitted == PART_TOO_MANY)
			column_too_many_levels(build, &build->columns[i]);
	}
}

/* ---------- texts ---------- */

static BufFile *
open_file(ParallelRead *read, const char *what, int part)
{
	char		name[NAMEDATALEN];

	share_file_name(name, sizeof(name), what, part);
	return BufFileOpenFileSet(&read->share->files.fs, name, O_RDONLY, false);
}

static void
read_bytes(BufFile *file, void *bytes, Size size)
{
	if (BufFileRead(file, bytes, size) != size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read rows from a temporary file")));
}

/* Numbers a part's texts of one column as the leader's dictionary does. */
static void
map_texts(ParallelRead *read, BufFile *file, RawColumn *column, uint32 levels, uint32 *map, StringInfo text)
{
	for (uint32 code = 0; code < levels; code++)
	{
		int32		length;

		if (code % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		read_bytes(file, &length, sizeof(length));
		resetStringInfo(text);
		enlargeStringInfo(text, length);
		read_bytes(file, text->data, (Size) length);
		map[code] = 0;
		if (column->dictionary == NULL)
			continue;
		map[code] = dictionary_add(read->build, column->dictionary, text->data, length, hash_bytes(text->data, length));
		if (column->dictionary->count > MAX_LEVELS)
			column_too_many_levels(read->build, column);
	}
}

static void
map_part(ParallelRead *read, int p)
{
	DatasetBuild *build = read->build;
	const PartColumn *columns = share_part_columns(read->share, p);
	StringInfoData text;
	BufFile    *file;

	read->nmaps = 0;
	for (int i = 0; i < build->ncolumns; i++)
	{
		read->map_of[i] = read->nmaps;
		read->nmaps += columns[i].levels;
	}
	read->maps = build_alloc(build, read->nmaps, sizeof(uint32));
	if (!share_part(read->share, p)->has_texts)
		return;
	initStringInfo(&text);
	file = open_file(read, "texts", p);
	for (int i = 0; i < build->ncolumns; i++)
		map_texts(read, file, &build->columns[i], columns[i].levels, read->maps + read->map_of[i], &text);
	BufFileClose(file);
	pfree(text.data);
}

static void
translate_codes(const ParallelRead *read, int p, int column, uint32 *codes, int64 count)
{
	const uint32 *map = read->maps + read->map_of[column];
	uint32		levels = share_part_columns(read->share, p)[column].levels;

	/* rows with NULL have code 0, texts or not */
	for (int64 i = 0; i < count && levels > 0; i++)
		codes[i] = map[codes[i]];
}

static void
translate_blocks(ParallelRead *read, int p, uint32 nblocks)
{
	DatasetBuild *build = read->build;
	const ShareBlock *blocks = share_blocks(read->share);

	for (uint32 b = 0; b < nblocks; b++)
	{
		if (blocks[b].part != p)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < build->ncolumns; i++)
		{
			RawColumn  *column = &build->columns[i];

			if (column->dictionary != NULL)
				translate_codes(read, p, i, &ELEMENT(&column->values, uint32, (int64) b * SHARE_BLOCK_ROWS), blocks[b].rows);
		}
	}
}

/* ---------- one run of rows ---------- */

static void
set_null(const RawColumn *column, int64 row, bool isnull)
{
	uint64	   *word = &ELEMENT(&column->nulls, uint64, row >> 6);
	uint64		bit = UINT64CONST(1) << (row & 63);

	*word = isnull ? *word | bit : *word & ~bit;
}

static void
move_rows(DatasetBuild *build, int64 from, int64 to, int64 count)
{
	memcpy(element_at(&build->hash, to), element_at(&build->hash, from), count * sizeof(uint64));
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];

		if (column->omitted != NULL)
			continue;
		memcpy(element_at(&column->values, to), element_at(&column->values, from), count * column->values.element);
		for (int64 row = 0; row < count && column->nnulls > 0; row++)
			set_null(column, to + row, raw_is_null(column, from + row));
	}
}

/* Fills blocks that were not filled with rows of the last ones. */
static void
close_gaps(ParallelRead *read, uint32 nblocks)
{
	ShareBlock *blocks = share_blocks(read->share);
	int64		front = 0;
	int64		back = (int64) nblocks - 1;

	for (uint32 b = 0; b < nblocks; b++)
		read->build->nrows += blocks[b].rows;
	for (;;)
	{
		int32		count;

		CHECK_FOR_INTERRUPTS();
		while (front < back && blocks[front].rows == SHARE_BLOCK_ROWS)
			front++;
		while (front < back && blocks[back].rows == 0)
			back--;
		if (front >= back)
			break;
		count = Min(SHARE_BLOCK_ROWS - blocks[front].rows, blocks[back].rows);
		move_rows(read->build, back * SHARE_BLOCK_ROWS + blocks[back].rows - count,
				  front * SHARE_BLOCK_ROWS + blocks[front].rows, count);
		blocks[front].rows += count;
		blocks[back].rows -= count;
	}
}

/* ---------- rows that came through files ---------- */

static void
append_column(ParallelRead *read, int p, int index, BufFile *file, int32 count)
{
	DatasetBuild *build = read->build;
	RawColumn  *column = &build->columns[index];
	int64		first = build->nrows;
	uint64		nulls[FILE_BLOCK_ROWS / 64];
	uint8		flag;

	read_bytes(file, &flag, 1);
	if (!flag)
		return;					/* given up: the leader knows */
	grow_reserve(build, &column->values, first + count);
	read_bytes(file, element_at(&column->values, first), column->values.element * count);
	if (column->dictionary != NULL)
		translate_codes(read, p, index, &ELEMENT(&column->values, uint32, first), count);
	if (column->nnulls > 0)
	{
		grow_reserve(build, &column->nulls, (first + count + 63) / 64);
		for (int32 row = 0; row < count; row++)
			set_null(column, first + row, false);
	}
	read_bytes(file, &flag, 1);
	if (!flag)
		return;
	read_bytes(file, nulls, sizeof(nulls));
	for (int32 row = 0; row < count && column->nnulls > 0; row++)
	{
		if ((nulls[row / 64] >> (row % 64)) & 1)
			set_null(column, first + row, true);
	}
}

static void
append_file(ParallelRead *read, int p)
{
	DatasetBuild *build = read->build;
	int64		left = share_part(read->share, p)->file_rows;
	BufFile    *file;

	if (left == 0)
		return;
	file = open_file(read, "rows", p);
	while (left > 0)
	{
		int32		count;

		CHECK_FOR_INTERRUPTS();
		read_bytes(file, &count, sizeof(count));
		if (build->nrows + count > MAX_ROWS)
			dataset_too_many_rows();
		grow_reserve(build, &build->hash, build->nrows + count);
		read_bytes(file, element_at(&build->hash, build->nrows), sizeof(uint64) * count);
		for (int i = 0; i < build->ncolumns; i++)
			append_column(read, p, i, file, count);
		build->nrows += count;
		left -= count;
	}
	BufFileClose(file);
}

/* ---------- all of it ---------- */

static void
report_parts(const ParallelRead *read)
{
	StringInfoData workers;
	int64		leader = 0;
	int64		in_files = 0;

	initStringInfo(&workers);
	for (int p = 0; p < read->nparts; p++)
	{
		const PartSummary *part = share_part(read->share, p);

		in_files += part->file_rows;
		if (part->worker < 0)
			leader = part->rows_seen;
		else
			appendStringInfo(&workers, ", " INT64_FORMAT, part->rows_seen);
	}
	ereport(DEBUG1,
			(errmsg_internal("rows read by the leader and by workers: " INT64_FORMAT "%s; through files: " INT64_FORMAT,
							 leader, workers.data, in_files)));
	pfree(workers.data);
}

static void
join_parts(ParallelRead *read)
{
	DatasetBuild *build = read->build;
	uint32		nblocks = Min(pg_atomic_read_u32(&read->share->next_block), read->share->nblocks);
	bool		in_files = false;

	read->nparts = (int) pg_atomic_read_u32(&read->share->next_part);
	add_facts(read);
	abandon_columns(read);
	read->map_of = palloc(sizeof(Size) * Max(build->ncolumns, 1));
	for (int p = 0; p < read->nparts; p++)
	{
		map_part(read, p);
		translate_blocks(read, p, nblocks);
		in_files |= share_part(read->share, p)->file_rows > 0;
		build_free(build, read->maps, read->nmaps, sizeof(uint32));
	}
	close_gaps(read, nblocks);
	for (int p = 0; p < read->nparts && in_files; p++)
	{
		map_part(read, p);
		append_file(read, p);
		build_free(build, read->maps, read->nmaps, sizeof(uint32));
	}
	for (int i = 0; i < build->ncolumns; i++)
	{
		if (build->columns[i].nnulls == 0)
			grow_free(build, &build->columns[i].nulls);
	}
	report_parts(read);
}

bool
dataset_read_parallel(DatasetBuild *build, Source *source)
{
	ParallelRead read = {0};
	Oid			aggregate;
	uint32		nblocks;

	read.build = build;
	if (!is_plausible(build, source))
		return false;
	aggregate = find_aggregate();
	read.as_row = build->descriptor->natts > MOST_ARGUMENTS;
	if (OidIsValid(aggregate))
		read.nworkers = source_plan_aggregate(source, aggregate, read.as_row, allowed_workers());
	if (read.nworkers == 0)
		return false;
	nblocks = expected_blocks(&read, source);
	if (!reserve_arrays(&read, nblocks))
		return false;
	if (!create_share(&read, nblocks))
	{
		forget_arrays(build);
		return false;
	}
	progress_workers(read.nworkers);
	source_run_aggregate(source, make_token(&read));
	progress_workers(0);
	join_parts(&read);
	dsm_detach(read.segment);
	return true;
}

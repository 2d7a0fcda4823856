/*
 * dataset_part.c
 *	  The aggregate mlops.read_rows: one process' part of a parallel read.
 *
 * The planner puts it below a Gather: every process collects its rows with the
 * reader's own code, into blocks of the shared columns that it draws by a
 * counter.  When its input ends (the serial function is called), it closes its last
 * block and leaves in the control segment what it knows about its columns; texts go through a temporary file, and
 * so do rows for which no block was left, because the planner had expected fewer.  Nothing travels through the
 * tuple queues but a mark; the leader puts the parts together (dataset_parallel.c).
 *
 * The aggregate is of no use by hand: the first argument names a control
 * segment by its handle and a random secret, the segment names its leader's
 * process, and the other arguments must have the types that were planned.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "pg/dataset_share.h"
#include "pg/progress.h"
#include "pg/shared_segment.h"

#define PROGRESS_BATCHES 64
#define FIRST_ARGUMENT 2		/* of the transition function: after state and token */

struct ReadPart
{
	DatasetBuild build;
	DatasetResult result;
	PgEnv		env;
	MemoryContext context;
	dsm_segment *segment;
	List	   *mapped;			/* segments that were mapped for this part */
	ReadShare  *share;
	int			number;
	int64		block_start;	/* rows of the current block; none when equal */
	int64		block_end;
	int			block;			/* -1: rows go to the file */
	int64		file_rows;
	pg_atomic_uint64 *counter;	/* of rows seen by all */
	int64		reported;		/* rows seen that are counted there */
	bool		in_file;		/* no block was left */
	bool		attached;		/* to the set of files */
	BufFile    *rows;
	Oid			row_type;		/* as_row */
	int32		row_typmod;
};

PG_FUNCTION_INFO_V1(mlops_read_rows_accumulate);
PG_FUNCTION_INFO_V1(mlops_read_rows_combine);
PG_FUNCTION_INFO_V1(mlops_read_rows_serialize);
PG_FUNCTION_INFO_V1(mlops_read_rows_deserialize);
PG_FUNCTION_INFO_V1(mlops_read_rows_final);

/* ---------- joining ---------- */

static void
refuse(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("mlops.read_rows cannot be called directly"),
			 errhint("It is what mlops.train reads rows with, where parallel workers help.")));
}

static int
leader_pid(void)
{
	return MyProc->lockGroupLeader != NULL && IsParallelWorker() ? MyProc->lockGroupLeader->pid : MyProcPid;
}

/* The control segment that the token stands for.  Nothing is believed before it has been checked. */
static dsm_segment *
find_share(bytea *argument, bool *attached)
{
	ReadToken	token;
	dsm_segment *segment;
	ReadShare  *share;

	if (VARSIZE_ANY_EXHDR(argument) != sizeof(token))
		refuse();
	memcpy(&token, VARDATA_ANY(argument), sizeof(token));
	segment = dsm_find_mapping(token.segment);
	*attached = segment == NULL;
	if (*attached)
		segment = dsm_attach(token.segment);
	if (segment == NULL)
		refuse();
	share = dsm_segment_address(segment);
	if (!share_is_valid(share, dsm_segment_map_length(segment)) || share->leader_pid != leader_pid() ||
		memcmp(share->secret, token.secret, SHARE_SECRET_BYTES) != 0)
	{
		if (*attached)
			dsm_detach(segment);
		refuse();
	}
	return segment;
}

static void
check_arguments(FunctionCallInfo fcinfo, const ReadShare *share, TupleDesc descriptor)
{
	int			given = PG_NARGS() - FIRST_ARGUMENT;

	if (share->as_row)
	{
		if (given != 1 || get_fn_expr_argtype(fcinfo->flinfo, FIRST_ARGUMENT) != RECORDOID)
			refuse();
		return;
	}
	if (given != descriptor->natts)
		refuse();
	for (int i = 0; i < given; i++)
	{
		if (get_fn_expr_argtype(fcinfo->flinfo, FIRST_ARGUMENT + i) != TupleDescAttr(descriptor, i)->atttypid)
			refuse();
	}
}

static char *
map_place(ReadPart *part, const SharedPlace *place)
{
	return shared_segment_map(&part->mapped, place->segment) + place->offset;
}

static void
map_columns(ReadPart *part)
{
	DatasetBuild *build = &part->build;
	const SharedPlace *places = share_places(part->share);
	int64		capacity = (int64) part->share->nblocks * SHARE_BLOCK_ROWS;

	grow_place(build, &build->hash, map_place(part, &places[0]), capacity);
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];

		grow_place(build, &column->values, map_place(part, &places[1 + 2 * i]), capacity);
		grow_place(build, &column->nulls, map_place(part, &places[2 + 2 * i]), capacity / 64);
	}
}

static ReadPart *
part_begin(FunctionCallInfo fcinfo, MemoryContext aggregate_context)
{
	bool		attached;
	dsm_segment *segment = find_share(PG_GETARG_BYTEA_PP(1), &attached);
	ReadShare  *share = dsm_segment_address(segment);
	MemoryContext context = AllocSetContextCreate(aggregate_context, "mlops rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ReadRequest *request = dataset_request_read((char *) share + share->request, share->request_bytes);
	ReadPart   *part = palloc0(sizeof(ReadPart));
	DatasetBuild *build = &part->build;

	check_arguments(fcinfo, share, request->descriptor);
	part->context = context;
	part->segment = segment;
	if (attached)
		part->mapped = list_make1(segment);
	part->share = share;
	part->number = (int) pg_atomic_fetch_add_u32(&share->next_part, 1);
	if (part->number >= share->nparts)
		elog(ERROR, "a parallel read has more than %d parts", share->nparts);

	/* no limit while the columns are mapped: the leader has accounted for them */
	pg_env_init(&part->env, context, 0, request->object);
	build->env = &part->env;
	build->request = &request->request;
	build->result = &part->result;
	build->descriptor = request->descriptor;
	build->scratch = context;
	build->part = part;
	choose_columns(build);
	if (build->ncolumns != share->ncolumns)
		elog(ERROR, "a process of a parallel read chose other columns than its leader");
	if (share->fingerprint)
		fingerprint_begin(build);
	map_columns(part);
	part->counter = (pg_atomic_uint64 *) map_place(part, &share->counter);
	dataset_begin_rows(build);
	part->env.used = request->used;
	part->env.budget = request->budget;
	MemoryContextSwitchTo(old);
	return part;
}

/* ---------- room for rows ---------- */

/* Arrays of this process' own for the rows of one record. */
static void
start_file(ReadPart *part)
{
	DatasetBuild *build = &part->build;

	part->in_file = true;
	grow_init(&build->hash, sizeof(uint64), FILE_BLOCK_ROWS);
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];

		grow_init(&column->values, column->values.element, FILE_BLOCK_ROWS);
		grow_init(&column->nulls, sizeof(uint64), FILE_BLOCK_ROWS / 64);
		column->nulls.zeroed = true;
	}
	part->block_start = 0;
	part->block_end = 0;
	build->nrows = 0;
}

static BufFile *
create_file(ReadPart *part, const char *what)
{
	MemoryContext old = MemoryContextSwitchTo(part->context);
	char		name[NAMEDATALEN];
	BufFile    *file;

	if (!part->attached && IsParallelWorker())
		SharedFileSetAttach(&part->share->files, part->segment);
	part->attached = true;
	share_file_name(name, sizeof(name), what, part->number);
	file = BufFileCreateFileSet(&part->share->files.fs, name);
	MemoryContextSwitchTo(old);
	return file;
}

/* Rows of the record: their number, hashes; of each column whether it is there, values, whether NULLs are, NULLs. */
static void
write_record(ReadPart *part)
{
	DatasetBuild *build = &part->build;
	int32		count = (int32) build->nrows;

	if (count == 0)
		return;
	if (part->rows == NULL)
		part->rows = create_file(part, "rows");
	BufFileWrite(part->rows, &count, sizeof(count));
	BufFileWrite(part->rows, build->hash.data, sizeof(uint64) * count);
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];
		uint8		present = column->omitted == NULL ? 1 : 0;
		uint8		has_nulls = column->nulls.data != NULL ? 1 : 0;

		CHECK_FOR_INTERRUPTS();
		BufFileWrite(part->rows, &present, 1);
		if (!present)
			continue;
		BufFileWrite(part->rows, column->values.data, column->values.element * count);
		BufFileWrite(part->rows, &has_nulls, 1);
		if (!has_nulls)
			continue;
		BufFileWrite(part->rows, column->nulls.data, FILE_BLOCK_ROWS / 8);
		memset(column->nulls.data, 0, FILE_BLOCK_ROWS / 8);
	}
	part->file_rows += count;
	build->nrows = 0;
}

static void
take_block(ReadPart *part)
{
	DatasetBuild *build = &part->build;
	uint32		block = pg_atomic_fetch_add_u32(&part->share->next_block, 1);

	if (block >= part->share->nblocks)
	{
		start_file(part);
		part->block_end = FILE_BLOCK_ROWS;
		return;
	}
	part->block = (int) block;
	part->block_start = (int64) block * SHARE_BLOCK_ROWS;
	part->block_end = part->block_start + SHARE_BLOCK_ROWS;
	build->nrows = part->block_start;
	share_blocks(part->share)[block].part = part->number;
	shared_segment_touch(&ELEMENT(&build->hash, uint64, build->nrows), SHARE_BLOCK_ROWS * sizeof(uint64));
	for (int i = 0; i < build->ncolumns; i++)
	{
		RawColumn  *column = &build->columns[i];

		if (column->omitted != NULL)
			continue;
		shared_segment_touch(element_at(&column->values, build->nrows), SHARE_BLOCK_ROWS * column->values.element);
		memset(element_at(&column->nulls, build->nrows / 64), 0, SHARE_BLOCK_ROWS / 8);
	}
}

static void
close_block(ReadPart *part)
{
	if (part->in_file)
		write_record(part);
	else if (part->block_end > part->block_start)
		share_blocks(part->share)[part->block].rows = (int32) (part->build.nrows - part->block_start);
}

/* A batch never spans blocks: part_flushed sees to its size. */
void
part_make_room(DatasetBuild *build)
{
	ReadPart   *part = build->part;

	if (build->batch_count == 0 || build->nrows < part->block_end)
		return;
	close_block(part);
	if (!part->in_file)
		take_block(part);
}

static void
report_progress(ReadPart *part)
{
	int64		seen = part->result.rows_seen;
	uint64		before = pg_atomic_fetch_add_u64(part->counter, (uint64) (seen - part->reported));

	/* what the leader says; workers only count */
	progress_update((int64) before + seen - part->reported);
	part->reported = seen;
}

void
part_flushed(DatasetBuild *build)
{
	ReadPart   *part = build->part;
	int64		room = part->block_end - build->nrows;

	build->batch_limit = room > 0 ? (int) Min(BATCH_ROWS, room) : BATCH_ROWS;
	if (++build->batches % PROGRESS_BATCHES == 0)
		report_progress(part);
}

/* ---------- the end of a part ---------- */

static void
write_texts(ReadPart *part, BufFile *file)
{
	const DatasetBuild *build = &part->build;

	for (int i = 0; i < build->ncolumns; i++)
	{
		const Dictionary *dictionary = build->columns[i].dictionary;

		for (uint32 code = 0; dictionary != NULL && code < dictionary->count; code++)
		{
			int32		length = ELEMENT(&dictionary->lengths, int, code);

			if (code % 1024 == 0)
				CHECK_FOR_INTERRUPTS();
			BufFileWrite(file, &length, sizeof(length));
			BufFileWrite(file, ELEMENT(&dictionary->texts, char *, code), (Size) length);
		}
	}
}

static bool
describe_columns(ReadPart *part)
{
	PartColumn *columns = share_part_columns(part->share, part->number);
	bool		has_texts = false;

	for (int i = 0; i < part->build.ncolumns; i++)
	{
		const RawColumn *column = &part->build.columns[i];
		PartColumn *to = &columns[i];

		to->nnulls = column->nnulls;
		to->min = column->min;
		to->max = column->max;
		to->first = column->first;
		to->low = column->low;
		to->high = column->high;
		to->seen = column->seen;
		to->varies = column->varies;
		to->integral = column->integral;
		to->omitted = column->omitted == NULL ? PART_KEPT :
			strcmp(column->omitted, TEXT_TOO_LONG) == 0 ? PART_TOO_LONG : PART_TOO_MANY;
		to->levels = column->dictionary != NULL ? column->dictionary->count : 0;
		has_texts |= to->levels > 0;
	}
	return has_texts;
}

static void
export_file(BufFile *file)
{
	BufFileExportFileSet(file);
	BufFileClose(file);
}

static void
part_finish(ReadPart *part)
{
	MemoryContext old = MemoryContextSwitchTo(part->context);
	DatasetBuild *build = &part->build;
	PartSummary *summary = share_part(part->share, part->number);

	dataset_end_rows(build);
	close_block(part);
	report_progress(part);
	if (build->printer != NULL)
	{
		fingerprint_finish(build);
		memcpy(share_part_prints(part->share, part->number), part->result.column_prints, sizeof(uint64) * build->natts);
		summary->fingerprint = part->result.fingerprint;
	}
	summary->has_texts = describe_columns(part);
	if (summary->has_texts)
	{
		BufFile    *file = create_file(part, "texts");

		write_texts(part, file);
		export_file(file);
	}
	if (part->rows != NULL)
		export_file(part->rows);
	summary->worker = ParallelWorkerNumber;
	summary->rows_seen = part->result.rows_seen;
	summary->rows_unsampled = part->result.rows_unsampled;
	summary->null_targets = build->null_targets;
	summary->nonfinite_targets = build->nonfinite_targets;
	summary->file_rows = part->file_rows;
	summary->finished = true;
	shared_segment_unmap(part->mapped);
	part->mapped = NIL;
	MemoryContextSwitchTo(old);
}

/* ---------- the aggregate ---------- */

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		refuse();
	return context;
}

static void
take_row(ReadPart *part, HeapTupleHeader row, Datum *values, bool *nulls)
{
	HeapTupleData tuple;
	Oid			type = HeapTupleHeaderGetTypeId(row);
	int32		typmod = HeapTupleHeaderGetTypMod(row);

	if (type != part->row_type || typmod != part->row_typmod)
	{
		TupleDesc	given = lookup_rowtype_tupdesc(type, typmod);
		bool		same = given->natts == part->build.natts;

		for (int i = 0; same && i < given->natts; i++)
			same = TupleDescAttr(given, i)->atttypid == TupleDescAttr(part->build.descriptor, i)->atttypid;
		ReleaseTupleDesc(given);
		if (!same)
			refuse();
		part->row_type = type;
		part->row_typmod = typmod;
	}
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, part->build.descriptor, values, nulls);
}

Datum
mlops_read_rows_accumulate(PG_FUNCTION_ARGS)
{
	ReadPart   *part;
	Datum	   *values;
	bool	   *nulls;

	if (PG_ARGISNULL(0))
	{
		MemoryContext context = aggregate_context(fcinfo);

		if (PG_ARGISNULL(1))
			refuse();
		part = part_begin(fcinfo, context);
	}
	else
		part = (ReadPart *) PG_GETARG_POINTER(0);

	values = part->build.batch_values + (Size) part->build.batch_count * part->build.stride;
	nulls = part->build.batch_nulls + (Size) part->build.batch_count * part->build.stride;
	if (part->share->as_row)
	{
		if (PG_ARGISNULL(FIRST_ARGUMENT))
			refuse();
		take_row(part, PG_GETARG_HEAPTUPLEHEADER(FIRST_ARGUMENT), values, nulls);
	}
	else
	{
		const NullableDatum *arguments = &fcinfo->args[FIRST_ARGUMENT];

		for (int i = 0; i < part->build.natts; i++)
		{
			values[i] = arguments[i].value;
			nulls[i] = arguments[i].isnull;
		}
	}
	dataset_add_row(&part->build);
	PG_RETURN_POINTER(part);
}

/* The mark says that there was a part: everything else is in shared memory and files. */
Datum
mlops_read_rows_serialize(PG_FUNCTION_ARGS)
{
	bytea	   *mark;

	(void) aggregate_context(fcinfo);
	part_finish((ReadPart *) PG_GETARG_POINTER(0));
	mark = palloc(VARHDRSZ);
	SET_VARSIZE(mark, VARHDRSZ);
	PG_RETURN_BYTEA_P(mark);
}

Datum
mlops_read_rows_deserialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_POINTER(palloc0(sizeof(int64)));
}

Datum
mlops_read_rows_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);

	if (!PG_ARGISNULL(0))
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(MemoryContextAllocZero(context, sizeof(int64)));
}

Datum
mlops_read_rows_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!PG_ARGISNULL(0));
}

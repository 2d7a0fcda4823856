/*
 * dataset_share.c
 *	  The control segment of a parallel read; see dataset_share.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "pg/dataset_share.h"

#define SHARE_MAGIC 0x6d6c7264	/* "mlrd" */

/* ---------- layout ---------- */

static Size
place_area(Size *total, Size bytes)
{
	Size		offset = MAXALIGN(*total);

	*total = offset + bytes;
	return offset;
}

Size
share_layout(ReadShare *share)
{
	Size		total = sizeof(ReadShare);

	share->magic = SHARE_MAGIC;
	share->part_bytes = MAXALIGN(sizeof(PartSummary)) + MAXALIGN(sizeof(PartColumn) * share->ncolumns) +
		MAXALIGN(sizeof(uint64) * share->natts);
	share->request = place_area(&total, share->request_bytes);
	share->places = place_area(&total, sizeof(SharedPlace) * (1 + 2 * (Size) share->ncolumns));
	share->blocks = place_area(&total, sizeof(ShareBlock) * share->nblocks);
	share->parts = place_area(&total, share->part_bytes * share->nparts);
	return total;
}

SharedPlace *
share_places(ReadShare *share)
{
	return (SharedPlace *) ((char *) share + share->places);
}

ShareBlock *
share_blocks(ReadShare *share)
{
	return (ShareBlock *) ((char *) share + share->blocks);
}

PartSummary *
share_part(ReadShare *share, int number)
{
	return (PartSummary *) ((char *) share + share->parts + share->part_bytes * number);
}

PartColumn *
share_part_columns(ReadShare *share, int number)
{
	return (PartColumn *) ((char *) share_part(share, number) + MAXALIGN(sizeof(PartSummary)));
}

uint64 *
share_part_prints(ReadShare *share, int number)
{
	return (uint64 *) ((char *) share_part_columns(share, number) + MAXALIGN(sizeof(PartColumn) * share->ncolumns));
}

bool
share_is_valid(const ReadShare *share, Size size)
{
	return size >= sizeof(ReadShare) && share->magic == SHARE_MAGIC;
}

void
share_file_name(char *name, Size size, const char *what, int part)
{
	snprintf(name, size, "%s.%d", what, part);
}

/* ---------- the request ---------- */

static void
put(StringInfo out, const void *bytes, Size size)
{
	appendBinaryStringInfo(out, bytes, (int) size);
}

static void
put_text(StringInfo out, const char *text)
{
	int32		length = text != NULL ? (int32) strlen(text) : -1;

	put(out, &length, sizeof(length));
	if (text != NULL)
		put(out, text, (Size) length);
}

static void
put_texts(StringInfo out, char *const *texts, int count)
{
	int32		given = texts != NULL ? count : -1;

	put(out, &given, sizeof(given));
	for (int i = 0; i < given; i++)
		put_text(out, texts[i]);
}

static const char *
take(const char **from, const char *end, Size size)
{
	const char *bytes = *from;

	if ((Size) (end - bytes) < size)
		elog(ERROR, "the request of a parallel read is cut short");
	*from = bytes + size;
	return bytes;
}

static int32
take_int(const char **from, const char *end)
{
	int32		value;

	memcpy(&value, take(from, end, sizeof(value)), sizeof(value));
	return value;
}

static char *
take_text(const char **from, const char *end)
{
	int32		length = take_int(from, end);

	return length < 0 ? NULL : pnstrdup(take(from, end, (Size) length), length);
}

static char **
take_texts(const char **from, const char *end, int *count)
{
	int32		given = take_int(from, end);
	char	  **texts;

	*count = Max(given, 0);
	if (given < 0)
		return NULL;
	texts = palloc(sizeof(char *) * Max(given, 1));
	for (int i = 0; i < given; i++)
		texts[i] = take_text(from, end);
	return texts;
}

/* Structures go as they are: the processes run one library.  Pointers follow. */
void
dataset_request_write(const DatasetBuild *build, StringInfo out)
{
	const DatasetRequest *request = build->request;
	const SplitSpec *split = request->split;
	TupleDesc	descriptor = build->descriptor;

	put(out, request, sizeof(*request));
	put(out, split, sizeof(*split));
	put(out, &build->env->budget, sizeof(Size));
	put(out, &build->env->used, sizeof(Size));
	put_text(out, build->env->object);
	put_text(out, request->target);
	put_text(out, request->weight);
	put_text(out, request->offset);
	put_texts(out, request->keys, request->nkeys);
	put_texts(out, request->features, request->nfeatures);
	put_texts(out, request->exclude, request->nexclude);
	put_texts(out, request->categories, request->ncategories);
	put_text(out, split->column);
	put(out, &descriptor->natts, sizeof(descriptor->natts));
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		put_text(out, NameStr(attribute->attname));
		put(out, &attribute->atttypid, sizeof(Oid));
		put(out, &attribute->atttypmod, sizeof(int32));
	}
}

ReadRequest *
dataset_request_read(const char *bytes, Size length)
{
	const char *from = bytes;
	const char *end = bytes + length;
	ReadRequest *read = palloc0(sizeof(ReadRequest));
	DatasetRequest *request = &read->request;
	int			natts;

	memcpy(request, take(&from, end, sizeof(*request)), sizeof(*request));
	memcpy(&read->split, take(&from, end, sizeof(read->split)), sizeof(read->split));
	memcpy(&read->budget, take(&from, end, sizeof(Size)), sizeof(Size));
	memcpy(&read->used, take(&from, end, sizeof(Size)), sizeof(Size));
	read->object = take_text(&from, end);
	request->target = take_text(&from, end);
	request->weight = take_text(&from, end);
	request->offset = take_text(&from, end);
	request->keys = take_texts(&from, end, &request->nkeys);
	request->features = take_texts(&from, end, &request->nfeatures);
	request->exclude = take_texts(&from, end, &request->nexclude);
	request->categories = take_texts(&from, end, &request->ncategories);
	request->references = NULL; /* the rest is the leader's business */
	request->nreferences = 0;
	request->positive = NULL;
	request->group_or_time_column = NULL;
	request->split = &read->split;
	read->split.column = take_text(&from, end);
	read->split.key = NULL;
	read->split.row_columns = NULL;
	read->split.limits = NULL;
	read->split.nstrata = 0;

	natts = take_int(&from, end);
	read->descriptor = CreateTemplateTupleDesc(natts);
	for (int i = 0; i < natts; i++)
	{
		char	   *name = take_text(&from, end);
		Oid			type;

		memcpy(&type, take(&from, end, sizeof(Oid)), sizeof(Oid));
		TupleDescInitEntry(read->descriptor, (AttrNumber) (i + 1), name, type, take_int(&from, end), 0);
	}
	return read;
}

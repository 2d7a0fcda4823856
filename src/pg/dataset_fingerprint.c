/*
 * dataset_fingerprint.c
 *	  The fingerprint of a source's rows, taken on the way while they are read.
 *
 * It is that of all rows and columns of the source as they are, used or not, so
 * that plain SQL finds the same: SELECT mlops.fingerprint(s) FROM (source) s.
 * Values that stay in the batch as they came are added column by column, texts
 * with the hash that the dictionary needs anyway; only the others are looked at
 * one by one.  About 2 ns a number.
 */
#include "postgres.h"

#include "utils/date.h"
#include "utils/timestamp.h"

#include "pg/dataset_internal.h"
#include "pg/row_fingerprint.h"

typedef enum WordSource
{
	WORD_DROPPED,
	WORD_BATCH,					/* passed by value, in the batch as it came */
	WORD_NUMBER,				/* converted: a double in the batch */
	WORD_TEXT,					/* converted: hashed for the dictionary */
	WORD_ROW					/* taken from the row when it arrives */
} WordSource;

struct DatasetPrinter
{
	RowPrinter	rows;
	WordSource *sources;		/* [natts] */
	RawColumn **columns;		/* [natts]; of WORD_TEXT */
	uint64	  **words;			/* [natts][BATCH_ROWS] of WORD_ROW */
	int		   *looked_at;		/* attributes of WORD_ROW */
	int			nlooked_at;
	uint64		cells[BATCH_ROWS];
};

static WordSource
word_source(const DatasetBuild *build, int attribute, const RawColumn *column)
{
	Form_pg_attribute form = TupleDescAttr(build->descriptor, attribute);

	if (form->attisdropped)
		return WORD_DROPPED;
	if (column != NULL && column->converted)
	{
		if (column->role != COLUMN_FEATURE && column->role != COLUMN_TARGET)
			return WORD_ROW;
		if (column->reader.code == VALUE_CATEGORY)
			return WORD_ROW;
		if (column->storage == STORAGE_CODE)
			return WORD_TEXT;
		return column->reader.kind == FEATURE_NUMERIC ? WORD_NUMBER : WORD_ROW;
	}
	return form->attbyval ? WORD_BATCH : WORD_ROW;
}

void
fingerprint_begin(DatasetBuild *build)
{
	DatasetPrinter *printer = palloc0(sizeof(DatasetPrinter));
	int			natts = build->descriptor->natts;

	row_printer_init(&printer->rows, build->descriptor);
	printer->sources = palloc0(sizeof(WordSource) * Max(natts, 1));
	printer->columns = palloc0(sizeof(RawColumn *) * Max(natts, 1));
	printer->words = palloc0(sizeof(uint64 *) * Max(natts, 1));
	printer->looked_at = palloc0(sizeof(int) * Max(natts, 1));
	for (int i = 0; i < build->ncolumns; i++)
		printer->columns[build->columns[i].attribute] = &build->columns[i];
	for (int i = 0; i < natts; i++)
	{
		printer->sources[i] = word_source(build, i, printer->columns[i]);
		if (printer->sources[i] != WORD_ROW)
			continue;
		printer->words[i] = palloc(sizeof(uint64) * BATCH_ROWS);
		printer->looked_at[printer->nlooked_at++] = i;
	}
	build->printer = printer;
}

void
fingerprint_row(DatasetBuild *build, const Datum *values, const bool *nulls, int batch_row)
{
	DatasetPrinter *printer = build->printer;

	for (int k = 0; k < printer->nlooked_at; k++)
	{
		int			i = printer->looked_at[k];

		printer->words[i][batch_row] = value_word(&printer->rows.readers[i], values[i], nulls[i]);
	}
}

void
fingerprint_skipped(DatasetBuild *build, const Datum *values, const bool *nulls)
{
	row_printer_add(&build->printer->rows, values, nulls);
}

#define PRINT_ROWS(word_of_row) \
	for (int i = 0; i < count; i++) \
	{ \
		Datum		datum = base[(Size) i * stride]; \
		uint64		cell = fingerprint_cell(column, (word_of_row)); \
		cells[i] += cell; \
		sum += cell; \
	}

/* most batches hold no NULL at all */
#define PRINT_LOOP(expression) \
	do { \
		if (build->batch_has_null) \
			PRINT_ROWS(nulls[(Size) i * stride] ? null_word : (expression)) \
		else \
			PRINT_ROWS(expression) \
	} while (0)

static void
print_values(const DatasetBuild *build, int attribute)
{
	DatasetPrinter *printer = build->printer;
	const ValueReader *reader = &printer->rows.readers[attribute];
	const Datum *base = build->batch_values + attribute;
	const bool *nulls = build->batch_nulls + attribute;
	const int	stride = build->stride;
	const int	count = build->batch_count;
	const uint64 null_word = hash_null();
	const uint64 column = printer->rows.columns[attribute];
	uint64	   *cells = printer->cells;
	uint64		sum = 0;

	if (printer->sources[attribute] == WORD_NUMBER)
		PRINT_LOOP(fingerprint_number(DatumGetFloat8(datum)));
	else if (reader->code == VALUE_FLOAT4)
		PRINT_LOOP(fingerprint_number(DatumGetFloat4(datum)));
	else if (reader->code == VALUE_FLOAT8)
		PRINT_LOOP(fingerprint_number(DatumGetFloat8(datum)));
	else if (reader->code == VALUE_INT4)
		PRINT_LOOP(fingerprint_number(DatumGetInt32(datum)));
	else if (reader->code == VALUE_INT2)
		PRINT_LOOP(fingerprint_number(DatumGetInt16(datum)));
	else if (reader->code == VALUE_INT8)
		PRINT_LOOP(fingerprint_integer(DatumGetInt64(datum)));
	else
		PRINT_LOOP(value_word(reader, datum, false));
	printer->rows.sums[attribute] += sum;
}

static void
print_words(const DatasetBuild *build, int attribute, const uint64 *words)
{
	DatasetPrinter *printer = build->printer;
	const uint64 column = printer->rows.columns[attribute];
	uint64		sum = 0;

	for (int i = 0; i < build->batch_count; i++)
	{
		uint64		cell = fingerprint_cell(column, words[i]);

		printer->cells[i] += cell;
		sum += cell;
	}
	printer->rows.sums[attribute] += sum;
}

void
fingerprint_batch(DatasetBuild *build)
{
	DatasetPrinter *printer = build->printer;

	memset(printer->cells, 0, sizeof(uint64) * build->batch_count);
	for (int i = 0; i < printer->rows.natts; i++)
	{
		switch (printer->sources[i])
		{
			case WORD_DROPPED:
				break;
			case WORD_BATCH:
			case WORD_NUMBER:
				print_values(build, i);
				break;
			case WORD_TEXT:
				print_words(build, i, printer->columns[i]->batch_hash);
				break;
			case WORD_ROW:
				print_words(build, i, printer->words[i]);
				break;
		}
	}
	for (int i = 0; i < build->batch_count; i++)
		fingerprint_add_row(&printer->rows.total, printer->cells[i]);
}

void
fingerprint_finish(DatasetBuild *build)
{
	const RowPrinter *rows = &build->printer->rows;
	DatasetResult *result = build->result;

	result->fingerprint = rows->total;
	result->column_prints = env_alloc(&build->env->core, Max(rows->natts, 1), sizeof(uint64));
	memcpy(result->column_prints, rows->sums, sizeof(uint64) * rows->natts);
}

/*
 * row_fingerprint.c
 *	  Fingerprints of SQL rows; see row_fingerprint.h.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/timestamp.h"

#include "pg/encoding.h"
#include "pg/row_fingerprint.h"

void
row_printer_init(RowPrinter *printer, TupleDesc descriptor)
{
	memset(printer, 0, sizeof(*printer));
	printer->natts = descriptor->natts;
	printer->readers = palloc0(sizeof(ValueReader) * Max(descriptor->natts, 1));
	printer->columns = palloc0(sizeof(uint64) * Max(descriptor->natts, 1));
	printer->sums = palloc0(sizeof(uint64) * Max(descriptor->natts, 1));
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		const char *name;
		int			length;

		if (attribute->attisdropped)
			continue;
		value_hasher_init(&printer->readers[i], attribute->atttypid, attribute->atttypmod);
		name = encoding_to_utf8(NameStr(attribute->attname), (int) strlen(NameStr(attribute->attname)), &length);
		printer->columns[i] = fingerprint_column(name, length);
	}
}

uint64
value_word(const ValueReader *reader, Datum datum, bool isnull)
{
	double		number;
	int64		integer;

	if (isnull)
		return hash_null();
	switch ((ValueCode) reader->code)
	{
		case VALUE_INT2:
			return fingerprint_number(DatumGetInt16(datum));
		case VALUE_INT4:
			return fingerprint_number(DatumGetInt32(datum));
		case VALUE_INT8:
			return fingerprint_integer(DatumGetInt64(datum));
		case VALUE_FLOAT4:
			return fingerprint_number(DatumGetFloat4(datum));
		case VALUE_FLOAT8:
			return fingerprint_number(DatumGetFloat8(datum));
		case VALUE_NUMERIC:
			(void) value_numeric(datum, &number, &integer);
			return fingerprint_number(number);
		case VALUE_INTERVAL:
			return fingerprint_number(value_interval_seconds(datum));
		default:
			return value_hash(reader, datum, false);
	}
}

void
row_printer_add(RowPrinter *printer, const Datum *values, const bool *nulls)
{
	uint64		row = 0;

	for (int i = 0; i < printer->natts; i++)
	{
		uint64		cell;

		if (!OidIsValid(printer->readers[i].type))
			continue;
		cell = fingerprint_cell(printer->columns[i], value_word(&printer->readers[i], values[i], nulls[i]));
		printer->sums[i] += cell;
		row += cell;
	}
	fingerprint_add_row(&printer->total, row);
}

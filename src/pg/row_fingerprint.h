/*
 * row_fingerprint.h
 *	  Fingerprints (core/fingerprint.h) of SQL rows.
 */
#ifndef PG_ROW_FINGERPRINT_H
#define PG_ROW_FINGERPRINT_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "core/fingerprint.h"
#include "pg/value.h"

typedef struct RowPrinter
{
	int			natts;
	ValueReader *readers;		/* [natts]; .type InvalidOid: dropped */
	uint64	   *columns;		/* [natts] identities */
	uint64	   *sums;			/* [natts] sums of the cells of each column */
	Fingerprint total;
} RowPrinter;

/* In CurrentMemoryContext. */
extern void row_printer_init(RowPrinter *printer, TupleDesc descriptor);
/* The word of one value. */
extern uint64 value_word(const ValueReader *reader, Datum datum, bool isnull);
/* Adds a row as it is; memory for detoasting comes from CurrentMemoryContext. */
extern void row_printer_add(RowPrinter *printer, const Datum *values, const bool *nulls);

#endif							/* PG_ROW_FINGERPRINT_H */

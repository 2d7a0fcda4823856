/*
 * catalog_scan.h
 *	  Reading rows of one of the extension's tables by key.
 *
 * The rows are those of the active snapshot, never of the catalog snapshot:
 * what a statement sees of the registry follows the statement.  A plain table
 * is read through its index, without SPI, without a write and without a
 * transaction id, so it works in parallel workers and on hot standbys.  On a
 * worker of Citus, after mlops.citus_share(), the shard of the table's copy is
 * read in the same way: a task may not run SQL over a distributed table, and
 * the table itself is empty there.
 *
 * No privilege is checked here: callers check the model's (access.h).
 * Cost: about 1 us and one index descent for a plain table.
 */
#ifndef PG_CATALOG_SCAN_H
#define PG_CATALOG_SCAN_H

#include "postgres.h"

#define CATALOG_SCAN_COLUMNS 8	/* most that any scan asks for */
#define CATALOG_SCAN_KEYS 2

typedef struct CatalogKey
{
	const char *column;
	Oid			type;			/* UUIDOID, TEXTOID, INT4OID or BYTEAOID */
	Datum		value;
} CatalogKey;

typedef struct CatalogQuery
{
	const char *table;			/* in schema mlops */
	const char *index;			/* on the key columns, then `order` */
	int			nkeys;
	CatalogKey	keys[CATALOG_SCAN_KEYS];	/* column = value, in the index's order */
	int			ncolumns;
	const char *columns[CATALOG_SCAN_COLUMNS];	/* wanted */
	const char *order;			/* index column that follows the keys; NULL: any order */
	bool		descending;
} CatalogQuery;

typedef struct CatalogScan CatalogScan;

/* Whether workers of Citus have copies of this node's registry. */
extern bool catalog_is_copied(void);

/* Whether this node is a worker of Citus that reads copies of the coordinator's registry. */
extern bool catalog_is_copy(void);

/* Several scans may be open; they must end in reverse order of their begin. */
extern CatalogScan *catalog_scan_begin(const CatalogQuery *query);

/*
 * Fills values[ncolumns] and isnull[ncolumns]; false past the end.  Values
 * passed by reference are valid until the next call, and may be toasted.
 */
extern bool catalog_scan_next(CatalogScan *scan, Datum *values, bool *isnull);
extern void catalog_scan_end(CatalogScan *scan);

/* Only the first row, if there is one, with its values copied into CurrentMemoryContext. */
extern bool catalog_scan_first(const CatalogQuery *query, Datum *values, bool *isnull);

#endif							/* PG_CATALOG_SCAN_H */

/*
 * catalog_scan.c
 *	  Reading rows of the extension's tables by key; see catalog_scan.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/access.h"
#include "pg/catalog_scan.h"

/* Citus' table of distributed and reference tables, in schema pg_catalog. */
#define CITUS_TABLE "pg_dist_partition"
#define CITUS_TABLE_KEY "logicalrelid"

struct CatalogScan
{
	const CatalogQuery *query;

	/* plain tables */
	Relation	table;
	Relation	index;			/* ordered scans only */
	SysScanDesc scan;
	AttrNumber	attributes[CATALOG_SCAN_COLUMNS];

	/* Citus tables */
	SPITupleTable *rows;
	uint64		nrows;
	uint64		next;
};

static AttrNumber
column_number(Relation table, const char *column)
{
	TupleDesc	descriptor = RelationGetDescr(table);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), column) == 0)
			return attribute->attnum;
	}
	elog(ERROR, "table mlops.%s has no column %s", RelationGetRelationName(table), column);
}

static RegProcedure
equality_procedure(Oid type)
{
	switch (type)
	{
		case UUIDOID:
			return F_UUID_EQ;
		case TEXTOID:
			return F_TEXTEQ;
		case INT4OID:
			return F_INT4EQ;
		case BYTEAOID:
			return F_BYTEAEQ;
		default:
			elog(ERROR, "no catalog key of type %u", type);
	}
}

static Snapshot
reading_snapshot(void)
{
	if (!ActiveSnapshotSet())
		elog(ERROR, "reading the model registry needs an active snapshot");
	return GetActiveSnapshot();
}

/* Whether Citus keeps this table as a distributed or reference table. */
static bool
is_citus_table(Oid table)
{
	Oid			partitions = get_relname_relid(CITUS_TABLE, PG_CATALOG_NAMESPACE);
	Relation	relation;
	SysScanDesc scan;
	ScanKeyData key;
	bool		found;

	if (!OidIsValid(partitions))
		return false;

	relation = table_open(partitions, AccessShareLock);
	ScanKeyInit(&key, column_number(relation, CITUS_TABLE_KEY), BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(table));
	/* Citus' catalogs are read like the server's: with the newest snapshot */
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

static void
begin_index_scan(CatalogScan *scan, Oid table)
{
	const CatalogQuery *query = scan->query;
	ScanKeyData keys[CATALOG_SCAN_KEYS];

	scan->table = table_open(table, AccessShareLock);
	for (int i = 0; i < query->ncolumns; i++)
		scan->attributes[i] = column_number(scan->table, query->columns[i]);

	for (int i = 0; i < query->nkeys; i++)
	{
		AttrNumber	attribute = column_number(scan->table, query->keys[i].column);

		ScanKeyEntryInitialize(&keys[i], 0, attribute, BTEqualStrategyNumber, InvalidOid,
							   TupleDescAttr(RelationGetDescr(scan->table), attribute - 1)->attcollation,
							   equality_procedure(query->keys[i].type), query->keys[i].value);
	}

	if (query->order != NULL)
	{
		scan->index = index_open(access_relation(query->index), AccessShareLock);
		scan->scan = systable_beginscan_ordered(scan->table, scan->index, reading_snapshot(),
												query->nkeys, keys);
	}
	else if (query->nkeys > 0)
		scan->scan = systable_beginscan(scan->table, access_relation(query->index), true,
										reading_snapshot(), query->nkeys, keys);
	else
		scan->scan = systable_beginscan(scan->table, InvalidOid, false, reading_snapshot(), 0, NULL);
}

static char *
query_text(const CatalogQuery *query)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < query->ncolumns; i++)
		appendStringInfo(&sql, "%s%s", i == 0 ? "SELECT " : ", ", query->columns[i]);
	appendStringInfo(&sql, " FROM mlops.%s", query->table);
	for (int i = 0; i < query->nkeys; i++)
		appendStringInfo(&sql, "%s%s OPERATOR(pg_catalog.=) $%d", i == 0 ? " WHERE " : " AND ",
						 query->keys[i].column, i + 1);
	if (query->order != NULL)
		appendStringInfo(&sql, " ORDER BY %s%s", query->order, query->descending ? " DESC" : "");
	return sql.data;
}

/* The connection stays open until the scan ends, with the caller's memory context in place. */
static void
begin_spi_scan(CatalogScan *scan)
{
	const CatalogQuery *query = scan->query;
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[CATALOG_SCAN_KEYS];
	Datum		values[CATALOG_SCAN_KEYS];
	AccessSwitch owner;

	for (int i = 0; i < query->nkeys; i++)
	{
		types[i] = query->keys[i].type;
		values[i] = query->keys[i].value;
	}
	SPI_connect();
	access_switch(&owner);
	if (SPI_execute_with_args(query_text(query), query->nkeys, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "reading mlops.%s failed", query->table);
	access_restore(&owner);
	scan->rows = SPI_tuptable;
	scan->nrows = SPI_processed;
	MemoryContextSwitchTo(caller);
}

CatalogScan *
catalog_scan_begin(const CatalogQuery *query)
{
	CatalogScan *scan = palloc0(sizeof(CatalogScan));
	Oid			table = access_relation(query->table);

	scan->query = query;
	if (is_citus_table(table))
		begin_spi_scan(scan);
	else
		begin_index_scan(scan, table);
	return scan;
}

bool
catalog_scan_next(CatalogScan *scan, Datum *values, bool *isnull)
{
	const CatalogQuery *query = scan->query;
	HeapTuple	tuple;

	if (scan->rows != NULL)
	{
		if (scan->next >= scan->nrows)
			return false;
		tuple = scan->rows->vals[scan->next++];
		for (int i = 0; i < query->ncolumns; i++)
			values[i] = SPI_getbinval(tuple, scan->rows->tupdesc, i + 1, &isnull[i]);
		return true;
	}

	if (scan->index == NULL)
		tuple = systable_getnext(scan->scan);
	else
		tuple = systable_getnext_ordered(scan->scan, query->descending ? BackwardScanDirection
										 : ForwardScanDirection);
	if (!HeapTupleIsValid(tuple))
		return false;
	for (int i = 0; i < query->ncolumns; i++)
		values[i] = heap_getattr(tuple, scan->attributes[i], RelationGetDescr(scan->table), &isnull[i]);
	return true;
}

void
catalog_scan_end(CatalogScan *scan)
{
	if (scan->rows != NULL)
		SPI_finish();
	else
	{
		if (scan->index == NULL)
			systable_endscan(scan->scan);
		else
		{
			systable_endscan_ordered(scan->scan);
			index_close(scan->index, AccessShareLock);
		}
		table_close(scan->table, AccessShareLock);
	}
	pfree(scan);
}

bool
catalog_scan_first(const CatalogQuery *query, Datum *values, bool *isnull)
{
	CatalogScan *scan = catalog_scan_begin(query);
	bool		found = catalog_scan_next(scan, values, isnull);

	for (int i = 0; found && i < query->ncolumns; i++)
	{
		TupleDesc	descriptor = scan->rows != NULL ? scan->rows->tupdesc : RelationGetDescr(scan->table);
		Form_pg_attribute attribute =
			TupleDescAttr(descriptor, (scan->rows != NULL ? i + 1 : scan->attributes[i]) - 1);

		if (!isnull[i])
			values[i] = datumCopy(values[i], attribute->attbyval, attribute->attlen);
	}
	catalog_scan_end(scan);
	return found;
}

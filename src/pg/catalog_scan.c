/*
 * catalog_scan.c
 *	  Reading rows of the extension's tables by key; see catalog_scan.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_type_d.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/extension.h"
#include "pg/catalog_scan.h"

/*
 * On a worker of Citus a table is read from its copy, a reference table of this
 * prefix that mlops.citus_share() makes; what lies on the worker is its shard.
 */
#define COPY_PREFIX "shared_"

/* Citus' catalogs, in schema pg_catalog */
#define CITUS_GROUP "pg_dist_local_group"	/* one row: 0 on the coordinator */
#define CITUS_SHARD "pg_dist_shard"
#define CITUS_SHARD_INDEX "pg_dist_shard_logicalrelid_index"

/* In copies roles have names: the same role has another OID on each node.  This is nobody's. */
#define NO_ROLE ((Oid) 1)
#define PUBLIC_NAME "public"

struct CatalogScan
{
	const CatalogQuery *query;
	int64		shard;			/* of the copy that is read; 0: the table itself is */
	Relation	table;
	Relation	index;			/* ordered scans only */
	SysScanDesc scan;
	AttrNumber	attributes[CATALOG_SCAN_COLUMNS];
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

/* A column of the one row that `key` finds in a table of Citus, read like the server's catalogs: with the newest snapshot. */
static bool
citus_value(const char *table, const char *index, const char *key, Oid value, const char *column, Datum *result)
{
	Oid			oid = get_relname_relid(table, PG_CATALOG_NAMESPACE);
	Oid			index_oid = index == NULL ? InvalidOid : get_relname_relid(index, PG_CATALOG_NAMESPACE);
	Relation	relation;
	SysScanDesc scan;
	ScanKeyData scan_key;
	HeapTuple	tuple;
	bool		isnull = true;

	if (!OidIsValid(oid))
		return false;
	relation = table_open(oid, AccessShareLock);
	if (key != NULL)
		ScanKeyInit(&scan_key, column_number(relation, key), BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	scan = systable_beginscan(relation, index_oid, OidIsValid(index_oid), NULL, key != NULL ? 1 : 0, &scan_key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		*result = heap_getattr(tuple, column_number(relation, column), RelationGetDescr(relation), &isnull);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return !isnull;
}

/* The shard of the table's copy, where this node is a worker of Citus that has one; else 0. */
static int64
copy_shard(const char *table)
{
	Oid			copy;
	Datum		value;

	if (!OidIsValid(get_relname_relid(CITUS_GROUP, PG_CATALOG_NAMESPACE)))
		return 0;
	copy = get_relname_relid(psprintf(COPY_PREFIX "%s", table), extension_schema());
	if (!OidIsValid(copy) || !citus_value(CITUS_GROUP, NULL, NULL, InvalidOid, "groupid", &value) ||
		DatumGetInt32(value) == 0)
		return 0;
	return citus_value(CITUS_SHARD, CITUS_SHARD_INDEX, "logicalrelid", copy, "shardid", &value) ? DatumGetInt64(value) : 0;
}

bool
catalog_is_copied(void)
{
	return OidIsValid(get_relname_relid(CITUS_GROUP, PG_CATALOG_NAMESPACE)) &&
		OidIsValid(get_relname_relid(COPY_PREFIX "registered_models", extension_schema())) && !catalog_is_copy();
}

bool
catalog_is_copy(void)
{
	return copy_shard("registered_models") != 0;
}

/* A table of the extension or one of its indexes, or what stands for it in the copy. */
static Oid
relation_read(const CatalogScan *scan, const char *name)
{
	return extension_relation(scan->shard == 0 ? name :
						   psprintf(COPY_PREFIX "%s_" INT64_FORMAT, name, scan->shard));
}

static Oid
role_named(const char *name)
{
	Oid			role;

	if (strcmp(name, PUBLIC_NAME) == 0)
		return ACL_ID_PUBLIC;
	role = get_role_oid(name, true);
	return OidIsValid(role) ? role : NO_ROLE;
}

static void
begin_scan(CatalogScan *scan)
{
	const CatalogQuery *query = scan->query;
	ScanKeyData keys[CATALOG_SCAN_KEYS];

	scan->table = table_open(relation_read(scan, query->table), AccessShareLock);
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
		scan->index = index_open(relation_read(scan, query->index), AccessShareLock);
		scan->scan = systable_beginscan_ordered(scan->table, scan->index, reading_snapshot(),
												query->nkeys, keys);
	}
	else if (query->nkeys > 0)
		scan->scan = systable_beginscan(scan->table, relation_read(scan, query->index), true,
										reading_snapshot(), query->nkeys, keys);
	else
		scan->scan = systable_beginscan(scan->table, InvalidOid, false, reading_snapshot(), 0, NULL);
}

CatalogScan *
catalog_scan_begin(const CatalogQuery *query)
{
	CatalogScan *scan = palloc0(sizeof(CatalogScan));

	scan->query = query;
	scan->shard = copy_shard(query->table);
	begin_scan(scan);
	return scan;
}

static Form_pg_attribute
result_attribute(const CatalogScan *scan, int i)
{
	return TupleDescAttr(RelationGetDescr(scan->table), scan->attributes[i] - 1);
}

static bool
is_role_name(const CatalogScan *scan, int i)
{
	return scan->shard != 0 && result_attribute(scan, i)->atttypid == NAMEOID;
}

bool
catalog_scan_next(CatalogScan *scan, Datum *values, bool *isnull)
{
	const CatalogQuery *query = scan->query;
	HeapTuple	tuple;

	if (scan->index == NULL)
		tuple = systable_getnext(scan->scan);
	else
		tuple = systable_getnext_ordered(scan->scan, query->descending ? BackwardScanDirection
										 : ForwardScanDirection);
	if (!HeapTupleIsValid(tuple))
		return false;
	for (int i = 0; i < query->ncolumns; i++)
	{
		values[i] = heap_getattr(tuple, scan->attributes[i], RelationGetDescr(scan->table), &isnull[i]);
		if (!isnull[i] && is_role_name(scan, i))
			values[i] = ObjectIdGetDatum(role_named(NameStr(*DatumGetName(values[i]))));
	}
	return true;
}

void
catalog_scan_end(CatalogScan *scan)
{
	if (scan->index == NULL)
		systable_endscan(scan->scan);
	else
	{
		systable_endscan_ordered(scan->scan);
		index_close(scan->index, AccessShareLock);
	}
	table_close(scan->table, AccessShareLock);
	pfree(scan);
}

bool
catalog_scan_first(const CatalogQuery *query, Datum *values, bool *isnull)
{
	CatalogScan *scan = catalog_scan_begin(query);
	bool		found = catalog_scan_next(scan, values, isnull);

	for (int i = 0; found && i < query->ncolumns; i++)
	{
		Form_pg_attribute attribute = result_attribute(scan, i);

		if (!isnull[i] && !is_role_name(scan, i))
			values[i] = datumCopy(values[i], attribute->attbyval, attribute->attlen);
	}
	catalog_scan_end(scan);
	return found;
}

/*
 * extension.c
 *	  Where the extension's tables are and working as their owner; see extension.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/extension.h"

#define SCHEMA_NAME "mlops"

Oid
extension_schema(void)
{
	Oid			schema = get_namespace_oid(SCHEMA_NAME, true);

	if (!OidIsValid(schema))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist", SCHEMA_NAME),
				 errhint("Run CREATE EXTENSION mlops in this database.")));
	return schema;
}

/*
 * System cache lookups: their invalidation makes this right after DROP
 * EXTENSION and CREATE EXTENSION without a cache of our own.
 */
Oid
extension_relation(const char *name)
{
	Oid			relation = get_relname_relid(name, extension_schema());

	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", SCHEMA_NAME, name),
				 errhint("Run CREATE EXTENSION mlops in this database.")));
	return relation;
}

Oid
extension_owner_of(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * The role that owns the tables.  CREATE EXTENSION makes that the extension's
 * owner; an administrator who gives the tables to a role with fewer rights
 * makes all catalog work run as that role.
 */
Oid
extension_owner(void)
{
	return extension_owner_of(extension_relation("registered_models"));
}

void
extension_enter(RoleSwitch *save)
{
	Oid			owner = extension_owner();

	GetUserIdAndSecContext(&save->user, &save->context);
	SetUserIdAndSecContext(owner, save->context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	save->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	/* what is stored and compared as text or jsonb must be the number itself */
	if (extra_float_digits <= 0)
		(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
extension_leave(const RoleSwitch *save)
{
	AtEOXact_GUC(false, save->guc_level);
	SetUserIdAndSecContext(save->user, save->context);
}

/*
 * access.c
 *	  Privileges on models and switching to the extension's owner; see access.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/access.h"
#include "pg/catalog_scan.h"

#define SCHEMA_NAME "mlops"

static const struct
{
	const char *name;
	Privilege	privilege;
	unsigned	implied;		/* what a grant of it gives, itself included */
}			privileges[] = {
	/* whoever may read a model's value can score with it */
	{"read", PRIVILEGE_READ, PRIVILEGE_READ | PRIVILEGE_PREDICT},
	{"predict", PRIVILEGE_PREDICT, PRIVILEGE_PREDICT},
	{"write", PRIVILEGE_WRITE, PRIVILEGE_WRITE},
	/* nobody can judge what he may not see */
	{"approve", PRIVILEGE_APPROVE, PRIVILEGE_APPROVE | PRIVILEGE_READ | PRIVILEGE_PREDICT},
	/* whoever may grant could grant himself the rest */
	{"manage", PRIVILEGE_MANAGE, PRIVILEGE_ALL},
};

Oid
access_schema(void)
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
access_relation(const char *name)
{
	Oid			relation = get_relname_relid(name, access_schema());

	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", SCHEMA_NAME, name),
				 errhint("Run CREATE EXTENSION mlops in this database.")));
	return relation;
}

/*
 * The role that owns the tables.  CREATE EXTENSION makes that the extension's
 * owner; an administrator who gives the tables to a role with fewer rights
 * makes all catalog work run as that role.
 */
Oid
access_extension_owner(void)
{
	Oid			relation = access_relation("registered_models");
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
access_switch(AccessSwitch *save)
{
	Oid			owner = access_extension_owner();

	GetUserIdAndSecContext(&save->user, &save->context);
	SetUserIdAndSecContext(owner, save->context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	save->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
access_restore(const AccessSwitch *save)
{
	AtEOXact_GUC(false, save->guc_level);
	SetUserIdAndSecContext(save->user, save->context);
}

const char *
privilege_name(Privilege privilege)
{
	for (size_t i = 0; i < lengthof(privileges); i++)
		if (privileges[i].privilege == privilege)
			return privileges[i].name;
	elog(ERROR, "unknown privilege %d", (int) privilege);
}

bool
privilege_lookup(const char *name, Privilege *privilege)
{
	for (size_t i = 0; i < lengthof(privileges); i++)
	{
		if (pg_strcasecmp(privileges[i].name, name) == 0)
		{
			*privilege = privileges[i].privilege;
			return true;
		}
	}
	return false;
}

unsigned
access_mask(const pg_uuid_t *model_id, Oid owner)
{
	Oid			user = GetUserId();
	unsigned	mask = 0;
	CatalogQuery query = {
		.table = "model_grants", .index = "model_grants_pkey",
		.nkeys = 1, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(model_id)}},
		.ncolumns = 2, .columns = {"grantee", "privilege"}
	};
	CatalogScan *scan;
	Datum		values[2];
	bool		isnull[2];

	/* true for superusers, whether or not the owner still exists */
	if (has_privs_of_role(user, owner))
		return PRIVILEGE_ALL;

	scan = catalog_scan_begin(&query);
	while (mask != PRIVILEGE_ALL && catalog_scan_next(scan, values, isnull))
	{
		Oid			grantee = DatumGetObjectId(values[0]);
		char	   *name = TextDatumGetCString(values[1]);

		/* no role is a member of one that was dropped, so dangling grants are void */
		if (grantee == ACL_ID_PUBLIC || has_privs_of_role(user, grantee))
			for (size_t i = 0; i < lengthof(privileges); i++)
				if (strcmp(privileges[i].name, name) == 0)
					mask |= privileges[i].implied;
		pfree(name);
	}
	catalog_scan_end(scan);
	return mask;
}

bool
access_allowed(const pg_uuid_t *model_id, Oid owner, Privilege privilege)
{
	return (access_mask(model_id, owner) & privilege) != 0;
}

void
access_require(const pg_uuid_t *model_id, const char *name, Oid owner, Privilege privilege)
{
	char	   *role;

	if (access_allowed(model_id, owner, privilege))
		return;

	/* an EXCEPTION block keeps the ERROR out of the server's log; this stays */
	role = GetUserNameFromId(GetUserId(), false);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" was denied \"%s\" on model \"%s\"", role, privilege_name(privilege), name)));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for model \"%s\"", name),
			 errdetail("Role \"%s\" does not have the privilege \"%s\" on this model.",
					   role, privilege_name(privilege)),
			 errhint("Its owner can grant it: SELECT mlops.grant_access(%s, %s, %s).",
					 quote_literal_cstr(name), quote_literal_cstr(role),
					 quote_literal_cstr(privilege_name(privilege)))));
}

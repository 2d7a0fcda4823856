/*
 * access.c
 *	  Privileges on models; see access.h.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/access.h"
#include "pg/catalog_scan.h"

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

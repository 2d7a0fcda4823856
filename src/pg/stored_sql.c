/*
 * stored_sql.c
 *	  Running SQL that somebody stored; see stored_sql.h.
 *
 * The transaction is read-only meanwhile: functions of the stored text cannot
 * write either, and they cannot make it read-write again, since it has a
 * snapshot.  Versions from 18 on refuse to set transaction_read_only for the
 * length of a function, so its variable is set; the abort of a transaction or
 * subtransaction restores it as it does the setting.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "pg/stored_sql.h"

void
stored_sql_begin(RoleSwitch *save, Oid author, const char *search_path, const char *what)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(author)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the author of %s does not exist any more", what),
				 errdetail("Stored queries run with the rights of the role that stored them.")));
	GetUserIdAndSecContext(&save->user, &save->context);
	SetUserIdAndSecContext(author, save->context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	save->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", search_path != NULL ? search_path : "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	save->read_only = XactReadOnly;
	XactReadOnly = true;
}

void
stored_sql_end(const RoleSwitch *save)
{
	XactReadOnly = save->read_only;
	extension_leave(save);
}

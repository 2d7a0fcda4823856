/*
 * extension.h
 *	  Where the extension's tables are, and working as their owner.
 *
 * Catalog work runs as the extension's owner between extension_enter and
 * extension_leave, with an empty search_path (pg_catalog, pg_temp last), under
 * SECURITY_RESTRICTED_OPERATION, and with numbers written in full.  On error the
 * transaction machinery restores user and settings at (sub)abort: PG_TRY is not
 * needed.
 */
#ifndef PG_EXTENSION_H
#define PG_EXTENSION_H

#include "postgres.h"

typedef struct RoleSwitch
{
	Oid			user;
	int			context;
	int			guc_level;
	bool		read_only;		/* stored_sql.h: the transaction was so before */
} RoleSwitch;

extern Oid	extension_owner(void);
extern Oid	extension_owner_of(Oid relation);	/* of any relation */
extern Oid	extension_schema(void);	/* OID of schema mlops */
extern Oid	extension_relation(const char *name);	/* OID of mlops.<name>; ERROR if absent */

extern void extension_enter(RoleSwitch *save);
extern void extension_leave(const RoleSwitch *save);

#endif							/* PG_EXTENSION_H */

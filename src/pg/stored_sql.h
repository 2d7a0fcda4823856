/*
 * stored_sql.h
 *	  Running SQL that somebody stored: sources of versions, gates.
 */
#ifndef PG_STORED_SQL_H
#define PG_STORED_SQL_H

#include "postgres.h"

#include "pg/extension.h"

/*
 * What is analysed and run between the two calls has the rights of the role
 * that stored it, whoever asks, with the search_path of then; it cannot write,
 * change the role or settings of the session, or make temporary objects.  An
 * ERROR leaves restoring to the (sub)transaction's abort.
 *
 * ERROR 42704 when the author is no more; `what` names the text in messages.
 */
extern void stored_sql_begin(RoleSwitch *save, Oid author, const char *search_path, const char *what);
extern void stored_sql_end(const RoleSwitch *save);

#endif							/* PG_STORED_SQL_H */

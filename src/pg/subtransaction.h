/*
 * subtransaction.h
 *	  Work that may fail without failing the statement.
 */
#ifndef PG_SUBTRANSACTION_H
#define PG_SUBTRANSACTION_H

#include "postgres.h"

/*
 * Runs body(context) in a subtransaction.  NULL when it came to its end;
 * otherwise its error, copied into CurrentMemoryContext, after everything it
 * did was rolled back: throw it again with ReThrowError, or go on.
 */
extern ErrorData *subtransaction_run(void (*body) (void *context), void *context);

#endif							/* PG_SUBTRANSACTION_H */

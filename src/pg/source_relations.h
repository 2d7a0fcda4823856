/*
 * source_relations.h
 *	  The relations behind a query, with their definitions, as JSON.
 */
#ifndef PG_SOURCE_RELATIONS_H
#define PG_SOURCE_RELATIONS_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/*
 * A JSON array with an object for each relation that the analysed (not yet
 * rewritten) query names, directly or through views, in order of first
 * mention: relation (quoted, schema-qualified), kind, columns (name, type) and,
 * for views, the definition with every name qualified.  In CurrentMemoryContext.
 */
extern char *relations_json(Query *query);

/* See source_primary_key. */
extern char *relations_primary_key(Query *query);

#endif							/* PG_SOURCE_RELATIONS_H */

/*
 * source.h
 *	  Reading "a table, view or SELECT" as the caller, through the executor.
 */
#ifndef PG_SOURCE_H
#define PG_SOURCE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"

typedef struct Source Source;

/*
 * Accepts a relation name (schema-qualified or on the search path; tables,
 * partitioned and foreign tables, views, materialised views) or exactly one
 * read-only SELECT/VALUES/TABLE/WITH; rejects data-modifying CTEs, INTO, row
 * locks, parameters and several statements with a hint.  Analysed with the
 * caller's rights; nothing runs yet.  Lives in CurrentMemoryContext.
 */
extern Source *source_open(const char *text);
/* The same with a last column: an expression over the source's columns, as text. */
extern Source *source_open_extended(const char *text, const char *expression);
/* ERROR 42601 or 22023 unless the text alone is one expression: it may then stand in parentheses. */
extern void source_check_expression(const char *expression);
/* A relation name or SELECT, checked as by source_open, as a SELECT that can stand in parentheses. */
extern char *source_subquery(const char *text);
extern TupleDesc source_descriptor(const Source *source);
extern const char *source_query(const Source *source);	/* the SELECT that is run */
/* Relations that the query names, with their definitions, as jsonb text. */
extern char *source_relations_json(const Source *source);
/* Planner's row estimate. */
extern double source_estimate(const Source *source);

/*
 * Names under which the source delivers the primary key of the one table that
 * it reads, as given to mlops.train's key; NULL when it reads more than one
 * relation, the table has no primary key, or not all of it is delivered.
 */
extern char *source_primary_key(const Source *source);

/* Called for each row in a context that is reset after it; return false to stop early. */
typedef bool (*SourceRowFn) (TupleTableSlot *slot, void *context);

/*
 * Plans and runs under the active snapshot, with parallel plans allowed; no
 * materialisation.  Returns rows seen.
 */
extern int64 source_run(Source *source, SourceRowFn receive, void *context);

/*
 * Plans `SELECT aggregate(config, columns) FROM (source)`, the columns as
 * arguments of their own (`as_row` false) or as one row.  The number of workers
 * when it is to be computed in parts by parallel workers, at most `workers`; 0
 * otherwise.  The aggregate takes (bytea, VARIADIC "any").
 */
extern int	source_plan_aggregate(Source *source, Oid aggregate, bool as_row, int workers);
/* Runs what was planned; its result is not looked at. */
extern void source_run_aggregate(Source *source, bytea *config);
extern void source_close(Source *source);

#endif							/* PG_SOURCE_H */

/*
 * gates.h
 *	  What a version must pass before it enters Production.
 */
#ifndef REGISTRY_GATES_H
#define REGISTRY_GATES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "registry/registry.h"

/* A number that may be absent. */
typedef struct GateLimit
{
	bool		given;
	double		value;
} GateLimit;

typedef struct Gate
{
	char	   *name;
	char	   *mode;			/* dry_run or enabled */
	char	   *metric;			/* NULL: a condition */
	bool		higher_is_better;
	GateLimit		threshold;
	GateLimit		min_absolute_change;	/* improvements, so negative ones allow a loss */
	GateLimit		min_relative_change;
	char	   *slice;			/* NULL: none */
	GateLimit		max_slice_loss;
	int64		min_slice_rows;
	char	   *source;			/* NULL: the version's recorded source */
	char	   *query;
	char	   *condition;
	Oid			author;
	char	   *search_path;
} Gate;

/* Outcome of a gate, or of one slice of it. */
typedef struct GateResult
{
	const Gate *gate;
	char	   *slice;
	double		value;			/* NaN: none */
	double		baseline;		/* NaN: none */
	int32		baseline_version;	/* 0: none */
	int64		rows;
	bool		passed;
	char	   *message;
} GateResult;

/* Gates of a model that are not disabled, by name; in CurrentMemoryContext. */
extern List *gates_read(const Registered *target);

/*
 * Evaluates them for target->version: GateResults, in CurrentMemoryContext.  An
 * ERROR inside a gate, but for a cancel and the like, makes it fail.
 */
extern List *gates_evaluate(const Registered *target, List *gates);

/* The text that a condition becomes; candidate and production are references, metrics are jsonb texts; NULL: none. */
extern char *gate_condition_query(const Gate *gate, const char *candidate, const char *production, const char *metrics,
								  const char *production_metrics);

/* Rows of mlops.gate_checks; between catalog_begin and catalog_end. */
extern void gates_record(const Registered *target, List *results, const char *purpose);

/* Failures of gates that are enabled, one line each; NULL when there are none. */
extern char *gates_failures(List *results, const char *mode);

#endif							/* REGISTRY_GATES_H */

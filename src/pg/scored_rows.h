/*
 * scored_rows.h
 *	  Rows of a source, scored by one or two models, beside what really happened.
 */
#ifndef PG_SCORED_ROWS_H
#define PG_SCORED_ROWS_H

#include "postgres.h"

#include "core/model.h"
#include "pg/model_ref.h"
#include "pg/pg_env.h"

#define SCORED_MODELS 2
#define SCORED_SLICES 1000		/* most distinct values of a slice expression */

typedef enum EvaluationRows
{
	ROWS_HELDOUT,				/* rows that none of the models was trained on */
	ROWS_ALL
} EvaluationRows;

typedef struct ScoringRequest
{
	int			nmodels;
	const ModelHandle *handles[SCORED_MODELS];	/* two: they must have the same target and classes */
	const char *source;			/* NULL: the one recorded with the first model */
	EvaluationRows which;
	bool		without_target; /* rows are wanted whatever their target is; y stays NULL */
	const char *slice;			/* SQL expression over the source's columns, or NULL */
	bool		keys;			/* the text of each row's key is wanted */
	bool		terms;			/* the first model's terms of each row are wanted */
	bool		quiet;			/* no NOTICEs, no ERROR when no row is left */
} ScoringRequest;

typedef struct ScoredRows
{
	int64		count;
	int			nresponse;
	double	   *response;		/* [count x nresponse] as model_response gives it, of the first model */
	double	   *other;			/* the same of the second */
	double	   *terms;			/* [count x nterms] of the first model; NULL: not wanted */
	double	   *offset;			/* added to its first margin; NULL: all 0 */
	double	   *y;				/* as Dataset.target: value, class index, or 1 = positive */
	double	   *w;				/* NULL: all 1 */
	int32	   *slice;			/* [count] index into slices; NULL: no slices */
	char	  **slices;			/* distinct values of the slice expression; NULL is "(null)" */
	int			nslices;
	char	  **key;			/* [count] values of the key columns, comma-separated; NULL: none wanted, or the model has no key */
	int64		rows_trained;	/* left out because a model was trained on them */
	int64		rows_skipped;	/* target NULL, not finite, or of a class the model does not know */
} ScoredRows;

/*
 * Reads and scores.  A source that is given is read with the rights and
 * search_path in force; without one the source recorded with the version is
 * read as its recorded author (stored_sql.h), with its recorded weight column.
 * Memory in env->context, within its budget.  NOTICEs for rows left out and
 * skipped; ERRORs when the source lacks a feature, the target or what a split
 * needs, when models differ in their target, and when no row is left.
 */
extern void scored_rows_collect(PgEnv *env, const ScoringRequest *request, ScoredRows *rows);

/* The same for one model, without slices and keys. */
extern void scored_rows_read(PgEnv *env, const ModelHandle *handle, const char *source, EvaluationRows which,
							 ScoredRows *rows);

/* The column that the fit added to the margin, or NULL. */
extern const char *scored_offset_column(const Model *model);

#endif							/* PG_SCORED_ROWS_H */

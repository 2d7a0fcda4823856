/*
 * scored_rows.h
 *	  Rows of a source, scored by a model, beside what really happened.
 */
#ifndef EVALUATE_SCORED_ROWS_H
#define EVALUATE_SCORED_ROWS_H

#include "postgres.h"

#include "core/model.h"
#include "pg/model_ref.h"
#include "pg/pg_env.h"

typedef enum EvaluationRows
{
	ROWS_HELDOUT,				/* rows that the version was not trained on */
	ROWS_ALL
} EvaluationRows;

typedef struct ScoredRows
{
	int64		count;
	int			nresponse;
	double	   *response;		/* [count x nresponse] as model_response gives it */
	double	   *y;				/* as Dataset.target: value, class index, or 1 = positive */
	double	   *w;				/* NULL: all 1 */
	int64		rows_trained;	/* left out because the version was trained on them */
	int64		rows_skipped;	/* target NULL, not finite, or of a class the model does not know */
} ScoredRows;

/*
 * Reads and scores.  source NULL: the source recorded with the version, read
 * with the caller's rights under the recorded search_path, with its recorded
 * weight column.  Memory in env->context, within its budget.  NOTICEs for rows
 * left out and skipped; ERRORs when the source lacks a feature, the target or
 * what the split needs, and when no row is left.
 */
extern void scored_rows_read(PgEnv *env, const ModelHandle *handle, const char *source, EvaluationRows which,
							 ScoredRows *rows);

#endif							/* EVALUATE_SCORED_ROWS_H */

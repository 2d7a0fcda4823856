/*
 * row_binding.h
 *	  Matching the columns of a row to the features of a model, by name.
 */
#ifndef PG_ROW_BINDING_H
#define PG_ROW_BINDING_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"

#include "core/model.h"
#include "pg/value.h"

typedef struct RowBinding
{
	const Model *model;
	int			nfeatures;
	int		   *attribute;		/* [nfeatures] 1-based attribute number */
	ValueReader *readers;		/* [nfeatures] */
	double	  **scratch;		/* [nfeatures] vector buffers */
	FeatureValue *values;		/* [nfeatures] filled by the functions below */
	char	  **what;			/* [nfeatures] `column "x"` for messages */
	int			natts;			/* of the descriptor */
	int			last;			/* highest attribute number in use */
	Datum	   *datums;			/* [natts] for rows that come as a header */
	bool	   *nulls;
} RowBinding;

/*
 * ERROR 42703 naming every missing feature, 42804 naming each column whose type
 * cannot stand for the feature (feature_accepts), 42702 for a feature's name
 * that two columns have.  Extra columns are ignored.  Lives in
 * CurrentMemoryContext; `model` must live as long.  `name` is the model's in
 * messages, NULL: "the model".
 */
extern RowBinding *row_binding_create_for(const Model *model, const char *name, TupleDesc descriptor);
/* Memory for detoasting comes from CurrentMemoryContext: reset it per row. */
extern void row_binding_read_slot(RowBinding *binding, TupleTableSlot *slot);
extern void row_binding_read_header(RowBinding *binding, HeapTupleHeader row, TupleDesc descriptor);

/*
 * Whether values of a type can stand for a feature: any number for NUMERIC, but
 * an interval only for an interval; boolean; text, enums and uuid for
 * CATEGORICAL, but numbers or boolean where it was made of these; date and timestamps, but timestamptz only where the model holds
 * the time zone; arrays of numbers and pgvector values for VECTOR.
 */
extern bool feature_accepts(const Feature *feature, Oid type);
/* What it accepts, for messages: "a number", "text or an enum", … */
extern const char *feature_expectation(const Feature *feature);

#endif							/* PG_ROW_BINDING_H */

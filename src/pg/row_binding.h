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
} RowBinding;

/*
 * ERROR 42703 naming every missing feature, 42804 naming each column whose type
 * cannot stand for the feature's kind (any number for NUMERIC; boolean; text
 * and enums for CATEGORICAL; date and timestamps).  Extra columns are ignored.
 */
extern RowBinding *row_binding_create(const Model *model, TupleDesc descriptor);
extern void row_binding_read_slot(RowBinding *binding, TupleTableSlot *slot);
extern void row_binding_read_header(RowBinding *binding, HeapTupleHeader row, TupleDesc descriptor);

#endif							/* PG_ROW_BINDING_H */

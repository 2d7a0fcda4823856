/*
 * features.h
 *	  The arguments of predict() as one row of features.
 *
 * Forms (docs/PREDICT.md):
 *	- one row, by name; NULL: no row
 *	- one jsonb (or json) object, by name; an array, by position; NULL or null: no row
 *	- one array, by position; NULL: no row.  For a model with one vector feature it is that vector.
 *	- plain values, by position
 *	- one untyped literal: a JSON object, JSON array or array literal is read as such, anything else as the one value
 *
 * The form is decided once for a call site and model; reading a row then
 * allocates nothing but what detoasting and JSON need.
 */
#ifndef SCORE_FEATURES_H
#define SCORE_FEATURES_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/typcache.h"

#include "core/model.h"
#include "pg/model_ref.h"
#include "pg/row_binding.h"

/* How one value given by position becomes a feature. */
typedef enum PositionCode
{
	POSITION_VALUE,				/* by its type */
	POSITION_TEXT,				/* text datum, parsed for the feature */
	POSITION_LITERAL,			/* untyped literal: a C string, parsed */
	POSITION_FLAG				/* number 0 or 1 for a boolean feature */
} PositionCode;

typedef struct PositionReader
{
	PositionCode code;
	ValueReader reader;
} PositionReader;

typedef enum FeaturesForm
{
	FORM_ROW,
	FORM_JSONB,
	FORM_JSON,
	FORM_ARRAY,
	FORM_VECTOR,				/* a pgvector value for as many numbers */
	FORM_LITERAL,				/* one untyped literal */
	FORM_VALUES
} FeaturesForm;

/* A row type met at this call site. */
typedef struct RowShape
{
	Oid			type;
	int32		typmod;
	TypeCacheEntry *entry;		/* named types: its identifier changes with the type */
	uint64		identifier;
	TupleDesc	descriptor;
	MemoryContext context;
	RowBinding *binding;
} RowShape;

#define ROW_SHAPES 4			/* partitions and shards of one table have types of their own */

typedef struct Features
{
	const Model *model;
	const char *model_name;
	MemoryContext context;		/* lives as long as the model at this call site */
	FeaturesForm form;
	int			first;			/* number of the first feature argument */
	int			nargs;

	/* by position and jsonb */
	FeatureValue *values;		/* [schema.count] */
	double	  **scratch;		/* [schema.count] vector buffers */
	char	  **what;			/* [schema.count] for messages */
	PositionReader *positions;	/* [schema.count] VALUES, ARRAY */
	bool		all_numeric;	/* every feature is a plain number */

	/* ARRAY */
	Oid			element_type;
	int16		element_length;
	bool		element_by_value;
	char		element_align;
	ValueReader *vector;		/* VECTOR */
	double	   *numbers;

	/* ROW */
	RowShape	shapes[ROW_SHAPES];
	int			nshapes;
} Features;

/*
 * Decides the form for arguments first .. of this call.  forced_type: the type
 * of the only argument when it is known without a parse tree, else InvalidOid.
 */
extern Features *features_create(FunctionCallInfo fcinfo, int first, const ModelHandle *handle, Oid forced_type);

/* The row of this call, parallel to the schema; NULL when the row itself is NULL. */
extern const FeatureValue *features_read(Features *features, FunctionCallInfo fcinfo);

/* features_json.c: by name from an object, by position from an array; NULL for the JSON null. */
extern const FeatureValue *features_read_jsonb(Features *features, Jsonb *json);

/* ERROR 22023 unless `given` values are as many as the features. */
extern void features_check_count(const Features *features, int given);

#endif							/* SCORE_FEATURES_H */

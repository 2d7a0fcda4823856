/*
 * schema.h
 *	  Features as a model knows them: names, kinds, and one row of raw values.
 *
 * Missing values.  SQL NULL is `missing`.  A NaN in a numeric feature is
 * treated as missing by every transform that imputes; +-infinity is replaced by
 * the largest/smallest finite training value there.  Tree algorithms see NaN
 * as missing and infinities as they are.
 */
#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include "core/env.h"

typedef enum FeatureKind
{
	FEATURE_NUMERIC = 1,		/* int2/4/8, float4/8, numeric, interval (seconds) */
	FEATURE_BOOLEAN = 2,		/* 0 or 1 */
	FEATURE_CATEGORICAL = 3,	/* text, varchar, char (blanks trimmed), enum label, uuid; numbers on request */
	FEATURE_TIMESTAMP = 4,		/* date, timestamp, timestamptz (as local time in time_zone) */
	FEATURE_VECTOR = 5			/* float4[]/float8[]/int[]/numeric[]/pgvector, all of one length */
} FeatureKind;

typedef struct Feature
{
	char	   *name;			/* column name */
	FeatureKind kind;
	char	   *type_name;		/* SQL type as format_type prints it */
	char	   *time_zone;		/* timestamptz: zone in force at training; else NULL */
	int			width;			/* elements of a vector; 1 for the other kinds */
} Feature;

typedef struct FeatureSchema
{
	int			count;
	Feature    *features;
} FeatureSchema;

/* One raw value of one row, as scoring sees it. */
typedef struct FeatureValue
{
	bool		missing;		/* SQL NULL */
	double		number;			/* NUMERIC, BOOLEAN */
	int64_t		time;			/* TIMESTAMP: microseconds since 2000-01-01; INT64_MIN/MAX are +-infinity */
	const char *text;			/* CATEGORICAL: not terminated */
	int			text_length;
	const double *vector;		/* VECTOR: `width` elements, NaN where an element is NULL */
} FeatureValue;

/* Index by exact name, or -1. */
extern int	schema_find(const FeatureSchema *schema, const char *name);
extern const char *feature_kind_name(FeatureKind kind);

#endif							/* CORE_SCHEMA_H */

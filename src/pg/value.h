/*
 * value.h
 *	  SQL values as features and as canonical hashes; shared by training and scoring.
 *
 * Treatment of special values: NULL is `missing`.  NaN (float4, float8,
 * numeric) stays NaN and is missing to every transform that imputes.
 * Infinities stay infinities; dates and timestamps beyond the range of a
 * timestamp are +-infinity.  -0 and 0 are one value.
 */
#ifndef PG_VALUE_H
#define PG_VALUE_H

#include "postgres.h"

#include "utils/array.h"

#include "core/hash.h"
#include "core/schema.h"

/* How a value is stored by its type; domains are looked through. */
typedef enum ValueCode
{
	VALUE_BOOL = 1,
	VALUE_INT2,
	VALUE_INT4,
	VALUE_INT8,
	VALUE_FLOAT4,
	VALUE_FLOAT8,
	VALUE_NUMERIC,
	VALUE_INTERVAL,				/* as seconds, like EXTRACT(EPOCH FROM x) */
	VALUE_TEXT,					/* text, varchar and types that are text inside, such as citext */
	VALUE_BPCHAR,				/* trailing blanks do not count */
	VALUE_NAME,
	VALUE_ENUM,					/* its label */
	VALUE_UUID,					/* its canonical text */
	VALUE_DATE,
	VALUE_TIMESTAMP,
	VALUE_TIMESTAMPTZ,			/* feature: local time in the reader's zone; hash: the instant */
	VALUE_ARRAY,				/* one-dimensional, of int2/4/8, float4/8 or numeric */
	VALUE_PGVECTOR,				/* pgvector's vector and halfvec, through their cast to real[] */
	VALUE_CATEGORY,				/* a number or boolean as a category (value_category.h); hash: as number_code */
	VALUE_BYTEA,				/* hash only */
	VALUE_OTHER					/* hash only: the text form */
} ValueCode;

/* How to read one column or argument of a given type; build once, read many. */
typedef struct ValueReader
{
	Oid			type;			/* as declared; domains are looked through */
	Oid			base_type;
	int32		typmod;
	FeatureKind kind;			/* 0: the type can only be hashed (value_hasher_init) */
	int			width;			/* FEATURE_VECTOR: expected length; 0: not yet known */
	int			code;			/* a ValueCode */
	int			number_code;	/* VALUE_CATEGORY: that of the number */
	bool		single;			/* VALUE_CATEGORY: the feature was real at training, so numbers are rounded as its column would */
	char	   *label;			/* VALUE_CATEGORY: where its text goes */
	const char *time_zone;		/* timestamptz: zone for local time */
	void	   *zone;			/* private: pg_tz */
	Oid			cast_function;	/* private: vector -> float4[], or the output function of VALUE_OTHER */
	struct FmgrInfo *cast_info;
	Oid			element_type;	/* VALUE_ARRAY */
	char	  **enum_labels;	/* parallel to enum_oids */
	Oid		   *enum_oids;		/* ascending */
	float	   *enum_order;		/* the type's own order of labels */
	int			enum_count;
} ValueReader;

/* Whether a column of this type can be a feature at all (bytea, json, … cannot). */
extern bool value_supported(Oid type, FeatureKind *kind);

/*
 * time_zone NULL: the session's TimeZone is looked up and recorded in
 * reader->time_zone.  ERROR 0A000 naming `what` ("column \"x\"") when the type
 * cannot be a feature.  Allocates in CurrentMemoryContext.
 */
extern void value_reader_init(ValueReader *reader, Oid type, int32 typmod, const char *time_zone, const char *what);

/* For keys and groups: accepts every type; those that cannot be features are hashed by bytes or text form. */
extern void value_hasher_init(ValueReader *reader, Oid type, int32 typmod);

/*
 * Reads a value.  Text points into the (detoasted) datum, vectors into
 * `scratch` (reader->width doubles, may be NULL when kind is not VECTOR).
 * Memory for detoasting comes from CurrentMemoryContext: reset it per row.
 * ERROR naming `what` when a vector's length is not width.
 */
extern void value_read(const ValueReader *reader, Datum datum, bool isnull, double *scratch, FeatureValue *value, const char *what);

/*
 * A number of a type that needs no more than a conversion: what value_read
 * gives, without a call.  False for every other type.
 */
static inline bool
value_read_number(const ValueReader *reader, Datum datum, double *number)
{
	switch (reader->code)
	{
		case VALUE_FLOAT4:
			/* adding zero turns -0 into 0 */
			*number = DatumGetFloat4(datum) + 0.0;
			return true;
		case VALUE_FLOAT8:
			*number = DatumGetFloat8(datum) + 0.0;
			return true;
		case VALUE_INT4:
			*number = DatumGetInt32(datum);
			return true;
		case VALUE_INT8:
			*number = (double) DatumGetInt64(datum);
			return true;
		case VALUE_INT2:
			*number = DatumGetInt16(datum);
			return true;
		case VALUE_BOOL:
			*number = DatumGetBool(datum) ? 1 : 0;
			return true;
		default:
			return false;
	}
}

/* Number of elements of a vector; ERROR naming `what` for arrays of several dimensions. */
extern int	value_vector_length(const ValueReader *reader, Datum datum, const char *what);

/*
 * The elements of a one-dimensional array of int2/4/8, float4/8 or numeric
 * without NULLs as doubles, `stride` doubles apart.
 */
extern void value_array_numbers(const ArrayType *array, double *numbers, size_t stride);

/* Canonical hash of any hashable column type (features, keys, groups): see core/hash.h. */
extern uint64 value_hash(const ValueReader *reader, Datum datum, bool isnull);

/*
 * A numeric as a double, correctly rounded.  Returns true, and sets *integer,
 * when the value is integral and within int64.
 */
extern bool value_numeric(Datum datum, double *number, int64 *integer);

/* As EXTRACT(EPOCH FROM x). */
extern double value_interval_seconds(Datum datum);

/* Microseconds since 2000-01-01, INT64_MIN and MAX for infinities: a date at midnight; an instant in the reader's zone. */
extern int64 value_date_microseconds(int32 date);
extern int64 value_local_microseconds(const ValueReader *reader, int64 instant);
/* The reverse: a local time of the reader's zone as an instant. */
extern int64 value_instant_microseconds(const ValueReader *reader, int64 local);

/* What a split by time compares: as above, but a timestamptz as its instant, whatever the time zone. */
extern int64 value_split_time(const ValueReader *reader, Datum datum);

/* SQL type name for messages and schemas. */
extern char *value_type_name(Oid type, int32 typmod);

#endif							/* PG_VALUE_H */

/*
 * value.h
 *	  SQL values as features and as canonical hashes; shared by training and scoring.
 */
#ifndef PG_VALUE_H
#define PG_VALUE_H

#include "postgres.h"

#include "core/hash.h"
#include "core/schema.h"

/* How to read one column or argument of a given type; build once, read many. */
typedef struct ValueReader
{
	Oid			type;			/* as declared; domains are looked through */
	Oid			base_type;
	int32		typmod;
	FeatureKind kind;
	int			width;			/* FEATURE_VECTOR: expected length; 0: not yet known */
	int			code;			/* private: which conversion */
	const char *time_zone;		/* timestamptz: zone for local time */
	void	   *zone;			/* private: pg_tz */
	Oid			cast_function;	/* private: e.g. vector -> float4[] */
	struct FmgrInfo *cast_info;
	char	  **enum_labels;	/* private */
	Oid		   *enum_oids;
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

/*
 * Reads a value.  Text points into the (detoasted) datum, vectors into
 * `scratch` (reader->width doubles, may be NULL when kind is not VECTOR).
 * Memory for detoasting comes from CurrentMemoryContext: reset it per row.
 * ERROR naming `what` when a vector's length is not width.
 */
extern void value_read(const ValueReader *reader, Datum datum, bool isnull, double *scratch, FeatureValue *value, const char *what);

/* Canonical hash of any hashable column type (features, keys, groups): see core/hash.h. */
extern uint64 value_hash(const ValueReader *reader, Datum datum, bool isnull);

/* SQL type name for messages and schemas. */
extern char *value_type_name(Oid type, int32 typmod);

#endif							/* PG_VALUE_H */

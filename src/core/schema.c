/*
 * schema.c
 *	  Look-ups in a feature schema; see schema.h.
 *
 * Schemas have tens to a few thousand features and are searched once for each
 * name of a binding, so a linear scan is enough.
 */
#include "core/schema.h"

#include <string.h>

int
schema_find(const FeatureSchema *schema, const char *name)
{
	for (int i = 0; i < schema->count; i++)
	{
		if (strcmp(schema->features[i].name, name) == 0)
			return i;
	}
	return -1;
}

const char *
feature_kind_name(FeatureKind kind)
{
	switch (kind)
	{
		case FEATURE_NUMERIC:
			return "numeric";
		case FEATURE_BOOLEAN:
			return "boolean";
		case FEATURE_CATEGORICAL:
			return "categorical";
		case FEATURE_TIMESTAMP:
			return "timestamp";
		case FEATURE_VECTOR:
			return "vector";
	}
	return "unknown";
}

/*
 * params_json.h
 *	  Parameters between jsonb and a core ParamSet.
 */
#ifndef PG_PARAMS_JSON_H
#define PG_PARAMS_JSON_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "core/params.h"

/*
 * Sets every member of the object in `set`: numbers, booleans, strings and
 * arrays of numbers; null keeps the default.  ERROR 22023 for anything the
 * table of parameters does not allow, and when `params` is not an object.
 */
extern void params_from_jsonb(CoreEnv *env, ParamSet *set, Jsonb *params);

/* A flat JSON object of all parameters as used. Parameters without a value are left out. */
extern void params_to_json(StringInfo out, const ParamSet *set);
/* One value, which is not NULL. */
extern void param_to_json(StringInfo out, const ParamSpec *spec, const ParamValue *value);

/* ERROR 22023 unless every key of the object has 1 to JSON_MAX_KEY characters. */
#define JSON_MAX_KEY 250		/* as MLflow */
extern void json_check_keys(Jsonb *object);

/* A double as a JSON number, or null when it is not finite. */
extern void json_append_number(StringInfo out, double value);

#endif							/* PG_PARAMS_JSON_H */

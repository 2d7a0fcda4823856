/*
 * transform_options.h
 *	  The `transform` argument of mlops.train.
 */
#ifndef TRAIN_TRANSFORM_OPTIONS_H
#define TRAIN_TRANSFORM_OPTIONS_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "core/transform.h"
#include "pg/dataset_reader.h"

/*
 * Options of each feature of the schema, in arena memory; `transform` NULL:
 * all defaults.  Options of columns that were left out for what they hold, as
 * constants are, mean nothing.  ERROR 22023 naming column, option, allowed values and the
 * nearest name for unknown ones; "@target" is an error unless the task is regression.
 */
extern void transform_options_parse(CoreEnv *env, Jsonb *transform, const DatasetResult *rows,
									FeatureOptions **options, TargetMap *target_map);

/* Names that "age" options refer to, before anything is known about the columns; checked by transform_options_parse. */
extern char **transform_options_references(Jsonb *transform, int *count);

/* Columns that are to be categories whatever their type, in the same way; the reader of the rows refuses types that cannot. */
extern char **transform_options_categories(Jsonb *transform, int *count);

/* For transform_options_parse.  The columns that ages refer to must be features, and times. */
extern void transform_check_reference(const FeatureSchema *schema, int feature, FeatureOptions *options, bool by_default);
/* What learning compares with levels and with names of the model.  Columns may share what their kind has. */
extern void transform_options_to_utf8(FeatureOptions *options);

#endif							/* TRAIN_TRANSFORM_OPTIONS_H */

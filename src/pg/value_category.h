/*
 * value_category.h
 *	  Numbers and booleans as categories, where transform asks for that.
 *
 * Equal numbers are one level, whatever their type: 3, 3.0 and "3" are level
 * "3"; fractions are written with the fewest digits that give the number again,
 * without an exponent.  NaN is missing.  Booleans are "true" and "false", as
 * casts to text write them.  The model remembers by the SQL type of the
 * categorical feature that its values are numbers.
 */
#ifndef PG_VALUE_CATEGORY_H
#define PG_VALUE_CATEGORY_H

#include "postgres.h"

#include "utils/numeric.h"

#include "pg/value.h"

/* Whether a categorical feature holds numbers, or booleans. */
extern bool feature_is_number_category(const Feature *feature);
extern bool feature_is_boolean_category(const Feature *feature);

/* Makes a reader of numbers or booleans one of categories; false: its type is neither. */
extern bool value_reader_as_category(ValueReader *reader);
/* The same for values that stand for a feature of a model. */
extern bool value_reader_as_category_of(const Feature *feature, ValueReader *reader);

/* For value_read: a value that is not NULL.  Text lives in the reader, until its next value, or in the current context. */
extern void category_read(const ValueReader *reader, Datum datum, FeatureValue *value);

/* The same value from elsewhere, in the current context. */
extern void category_from_numeric(const Feature *feature, Numeric numeric, FeatureValue *value);
extern void category_from_boolean(bool boolean, FeatureValue *value);
/* Text that number_from_text accepts, and as what number. */
extern void category_from_text(const Feature *feature, char *text, double number, FeatureValue *value);

#endif							/* PG_VALUE_CATEGORY_H */

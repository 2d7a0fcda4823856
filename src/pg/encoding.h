/*
 * encoding.h
 *	  Text between the database's encoding and UTF-8, which models hold.
 *
 * Values of categories, labels and keys are UTF-8 as soon as they are read
 * (value.h), so that levels have one order and rows one hash whatever the
 * database; names of columns and classes are in the database's encoding
 * wherever they are shown or looked up, and UTF-8 in a model that is fitted or
 * stored.  In a database of encoding UTF8 or SQL_ASCII nothing is converted;
 * what SQL_ASCII holds must be UTF-8 already.
 */
#ifndef PG_ENCODING_H
#define PG_ENCODING_H

#include "postgres.h"

#include "core/model.h"

/* The text itself where nothing changes; else memory of CurrentMemoryContext. */
extern const char *encoding_to_utf8(const char *text, int length, int *converted_length);
/* NULL stays NULL. */
extern char *encoding_text_to_utf8(char *text);
extern char *encoding_text_from_utf8(char *text);
/* A message in which names are UTF-8, or are not. */
extern const char *encoding_message(const char *message);

/* Names, labels, parameters and columns of the split; in place, arrays included.  Levels and names of transforms are UTF-8 in both. */
extern void model_text_from_utf8(Model *model);
/* The same of parameters alone, whose values are a copy already. */
extern void params_text_to_utf8(ParamSet *params);
extern void params_text_from_utf8(ParamSet *params);
extern void split_text_to_utf8(SplitSpec *split);

#endif							/* PG_ENCODING_H */

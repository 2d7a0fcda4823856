/*
 * param_words.h
 *	  What users of other libraries write for parameters and their words.
 */
#ifndef CORE_PARAM_WORDS_H
#define CORE_PARAM_WORDS_H

#include "core/params.h"

/* What to do instead of a parameter that there is none of because it is said elsewhere; NULL: nothing is known. */
extern const char *param_advice(const ParamSet *set, const char *name);

/* The choice that a word of another library means, e.g. squared_error for reg:squarederror; NULL: none. */
extern const char *param_choice_meaning(const ParamSpec *spec, const char *word);

#endif							/* CORE_PARAM_WORDS_H */

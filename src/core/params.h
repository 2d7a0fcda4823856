/*
 * params.h
 *	  Parameters of algorithms: declared once, in a table; parsed, validated,
 *	  listed and documented from it.
 */
#ifndef CORE_PARAMS_H
#define CORE_PARAMS_H

#include "core/env.h"

typedef enum ParamType
{
	PARAM_INTEGER,
	PARAM_REAL,
	PARAM_BOOLEAN,
	PARAM_CHOICE,				/* one of `choices` */
	PARAM_TEXT,					/* free text, e.g. a column name; default NULL */
	PARAM_REAL_LIST,			/* array of numbers; default empty */
	PARAM_WEIGHTS				/* one of `choices`, or a number for each of some names */
} ParamType;

typedef struct ParamSpec
{
	const char *name;			/* scikit-learn's, XGBoost's or LightGBM's name */
	ParamType	type;
	double		default_number; /* number, 0/1, or index into choices; NAN: chosen from the data */
	double		min;			/* inclusive range of numbers (and list elements) */
	double		max;			/* of numbers, list elements and weights */
	const char *choices;		/* "a|b|c" for PARAM_CHOICE and PARAM_WEIGHTS; PARAM_REAL: words that stand for -1, -2, ..., else NULL */
	const char *synonyms;		/* "eta|shrinkage", reported under `name` */
	const char *summary;		/* one sentence for mlops.algorithms and the reference page */
} ParamSpec;						/* a table ends with name == NULL */

typedef struct ParamValue
{
	bool		given;			/* set by the user */
	bool		chosen;			/* the fit found the value in the data */
	double		number;			/* INTEGER, REAL, BOOLEAN (0/1), CHOICE and WEIGHTS (index of the word; -1: weights) */
	char	   *text;			/* TEXT; for CHOICE and WEIGHTS the word */
	char	  **names;			/* WEIGHTS without a word: what the numbers of `list` are of */
	double	   *list;			/* REAL_LIST, WEIGHTS */
	int			list_length;
} ParamValue;

typedef struct ParamSet
{
	const char *owner;			/* algorithm name, for messages */
	const ParamSpec *specs;
	int			count;
	ParamValue *values;			/* parallel to specs, defaults filled in */
} ParamSet;

/* All defaults. `specs` must outlive the set (it is static). */
extern CoreStatus params_init(CoreEnv *env, ParamSet *set, const char *owner, const ParamSpec *specs);

/*
 * Set one parameter.  Unknown name: CORE_INVALID with a hint naming the nearest
 * known one; out of range: the message names parameter, value and range; a
 * synonym and its name both given: error.
 */
extern CoreStatus params_set_number(CoreEnv *env, ParamSet *set, const char *name, double number);
extern CoreStatus params_set_boolean(CoreEnv *env, ParamSet *set, const char *name, bool value);
extern CoreStatus params_set_text(CoreEnv *env, ParamSet *set, const char *name, const char *text);
extern CoreStatus params_set_list(CoreEnv *env, ParamSet *set, const char *name, const double *list, int length);
extern CoreStatus params_set_weights(CoreEnv *env, ParamSet *set, const char *name, const char *const *names, const double *list, int length);

/* A set of the same values, whose values can change by themselves. */
extern CoreStatus params_copy(CoreEnv *env, const ParamSet *from, ParamSet *set);
/* Records what the data made of a parameter that was not given, or what a given one came to. */
extern void params_record(ParamSet *set, const char *name, double number);
/* The same for one of the parameter's words. */
extern CoreStatus params_record_word(CoreEnv *env, ParamSet *set, const char *name, const char *word);
/* Records a value that was given in the words of another parameter. */
extern void params_imply(ParamSet *set, const char *name, double number);

/* What a name or a synonym means; NULL: nothing. */
extern const ParamSpec *params_find(const ParamSet *set, const char *name);
/* Reading; the name must exist in the table (asserted). */
extern const ParamValue *params_get(const ParamSet *set, const char *name);
extern double params_number(const ParamSet *set, const char *name);
extern int	params_integer(const ParamSet *set, const char *name);
extern bool params_boolean(const ParamSet *set, const char *name);
extern const char *params_choice(const ParamSet *set, const char *name);
extern bool params_given(const ParamSet *set, const char *name);

/* Index of `word` in "a|b|c", in any case of letters, or -1. */
extern int	word_in_list(const char *list, const char *word);

/* Nearest of `count` words by edit distance, else one that has it as a part (tenure, tenure_months); NULL if none is near. */
extern const char *nearest_word(const char *word, const char *const *words, int count);

#endif							/* CORE_PARAMS_H */

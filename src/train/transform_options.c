/*
 * transform_options.c
 *	  The `transform` argument of mlops.train: from jsonb to FeatureOptions.
 *
 * Keys are feature columns, or "@numeric", "@boolean", "@categorical",
 * "@timestamp" and "@vector" for the defaults of a kind, or "@target".  Options
 * of a column replace those of its kind one by one.  docs/TRANSFORMS.md is the
 * reference; the tables below are what is accepted.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "core/params.h"
#include "core/transform_time.h"
#include "pg/pg_env.h"
#include "pg/value_category.h"
#include "pg/value_text.h"
#include "train/transform_options.h"

#define KIND(kind) (1 << (kind))
#define NUMBERS (KIND(FEATURE_NUMERIC) | KIND(FEATURE_VECTOR))
#define ALL_KINDS (NUMBERS | KIND(FEATURE_BOOLEAN) | KIND(FEATURE_CATEGORICAL) | KIND(FEATURE_TIMESTAMP))

#define MAX_BINS 256

/* A word that an option takes, and the kinds of columns it is for. */
typedef struct OptionWord
{
	const char *word;
	int			value;
	int			kinds;
} OptionWord;

/* Columns have been read as what they are to be: any other word is a mistake. */
static const OptionWord kind_words[] = {
	{"numeric", FEATURE_NUMERIC, KIND(FEATURE_NUMERIC)},
	{"boolean", FEATURE_BOOLEAN, KIND(FEATURE_BOOLEAN)},
	{"timestamp", FEATURE_TIMESTAMP, KIND(FEATURE_TIMESTAMP)},
	{"vector", FEATURE_VECTOR, KIND(FEATURE_VECTOR)},
	{"categorical", FEATURE_CATEGORICAL, KIND(FEATURE_NUMERIC) | KIND(FEATURE_BOOLEAN) | KIND(FEATURE_CATEGORICAL)},
	{NULL}
};

static const OptionWord impute_words[] = {
	{"mean", IMPUTE_MEAN, NUMBERS | KIND(FEATURE_BOOLEAN) | KIND(FEATURE_TIMESTAMP)},
	{"median", IMPUTE_MEDIAN, NUMBERS | KIND(FEATURE_BOOLEAN) | KIND(FEATURE_TIMESTAMP)},
	{"mode", IMPUTE_MODE, ALL_KINDS},
	{"constant", IMPUTE_CONSTANT, ALL_KINDS & ~KIND(FEATURE_TIMESTAMP)},
	{"none", IMPUTE_NONE, ALL_KINDS},
	{NULL}
};

static const OptionWord scale_words[] = {
	{"standard", SCALE_STANDARD, NUMBERS | KIND(FEATURE_TIMESTAMP)},
	{"minmax", SCALE_MINMAX, NUMBERS | KIND(FEATURE_TIMESTAMP)},
	{"robust", SCALE_ROBUST, NUMBERS | KIND(FEATURE_TIMESTAMP)},
	{"none", SCALE_NONE, NUMBERS | KIND(FEATURE_TIMESTAMP)},
	{NULL}
};

static const OptionWord map_words[] = {
	{"log", MAP_LOG, NUMBERS},
	{"log1p", MAP_LOG1P, NUMBERS},
	{"bins", MAP_BINS, KIND(FEATURE_NUMERIC)},
	{"none", MAP_NONE, NUMBERS},
	{NULL}
};

static const OptionWord encode_words[] = {
	{"reference", ENCODE_REFERENCE, KIND(FEATURE_NUMERIC) | KIND(FEATURE_CATEGORICAL) | KIND(FEATURE_TIMESTAMP)},
	{"onehot", ENCODE_ONEHOT, KIND(FEATURE_NUMERIC) | KIND(FEATURE_CATEGORICAL) | KIND(FEATURE_TIMESTAMP)},
	{"ordinal", ENCODE_ORDINAL, KIND(FEATURE_NUMERIC) | KIND(FEATURE_CATEGORICAL) | KIND(FEATURE_TIMESTAMP)},
	{"target", ENCODE_TARGET, KIND(FEATURE_CATEGORICAL)},
	{NULL}
};

static const OptionWord part_words[] = {
	{"year", PART_YEAR, KIND(FEATURE_TIMESTAMP)},
	{"quarter", PART_QUARTER, KIND(FEATURE_TIMESTAMP)},
	{"month", PART_MONTH, KIND(FEATURE_TIMESTAMP)},
	{"day", PART_DAY, KIND(FEATURE_TIMESTAMP)},
	{"weekday", PART_WEEKDAY, KIND(FEATURE_TIMESTAMP)},
	{"yearday", PART_YEARDAY, KIND(FEATURE_TIMESTAMP)},
	{"hour", PART_HOUR, KIND(FEATURE_TIMESTAMP)},
	{"weekend", PART_WEEKEND, KIND(FEATURE_TIMESTAMP)},
	{"age", PART_AGE, KIND(FEATURE_TIMESTAMP)},
	{"epoch", PART_EPOCH, KIND(FEATURE_TIMESTAMP)},
	{NULL}
};

static const OptionWord target_words[] = {
	{"log", TARGET_LOG, 0},
	{"log1p", TARGET_LOG1P, 0},
	{"yeo_johnson", TARGET_YEO_JOHNSON, 0},
	{"none", TARGET_NONE, 0},
	{NULL}
};

/* The options of one key being read. */
typedef struct OptionReader
{
	CoreEnv    *env;
	const DatasetResult *rows;
	const FeatureSchema *schema;
	const char *key;			/* as the user wrote it */
	const Feature *feature;		/* NULL: the defaults of a kind */
	FeatureKind kind;
	FeatureOptions *options;
	bool		has_value;		/* "value" was given */
	bool		has_constant;	/* a constant was given in either way */
} OptionReader;

typedef void (*OptionRead) (OptionReader *reader, const char *name, const JsonbValue *value);

static void read_kind(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_impute(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_value(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_indicator(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_scale(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_map(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_bins(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_encode(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_order(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_min_count(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_max_levels(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_smoothing(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_parts(OptionReader *reader, const char *name, const JsonbValue *value);
static void read_age(OptionReader *reader, const char *name, const JsonbValue *value);

typedef struct OptionSpec
{
	const char *name;
	int			kinds;
	OptionRead	read;
} OptionSpec;

static const OptionSpec option_specs[] = {
	{"kind", ALL_KINDS, read_kind},
	{"impute", ALL_KINDS, read_impute},
	{"value", ALL_KINDS & ~KIND(FEATURE_TIMESTAMP), read_value},
	{"indicator", ALL_KINDS, read_indicator},
	{"scale", NUMBERS | KIND(FEATURE_TIMESTAMP), read_scale},
	{"map", NUMBERS, read_map},
	{"bins", KIND(FEATURE_NUMERIC), read_bins},
	{"encode", KIND(FEATURE_NUMERIC) | KIND(FEATURE_CATEGORICAL) | KIND(FEATURE_TIMESTAMP), read_encode},
	{"order", KIND(FEATURE_CATEGORICAL), read_order},
	{"min_count", KIND(FEATURE_CATEGORICAL) | KIND(FEATURE_TIMESTAMP), read_min_count},
	{"max_levels", KIND(FEATURE_CATEGORICAL) | KIND(FEATURE_TIMESTAMP), read_max_levels},
	{"smoothing", KIND(FEATURE_CATEGORICAL), read_smoothing},
	{"parts", KIND(FEATURE_TIMESTAMP), read_parts},
	{"age", KIND(FEATURE_TIMESTAMP), read_age}
};

/* ---------------------------------------------------------------- messages */

static char *
join_words(const char *const *words, int count)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < count; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", words[i]);
	return list.data;
}

/* Hint for a word that is not one of these. */
static char *
word_hint(const char *word, const char *const *words, int count)
{
	const char *near = nearest_word(word, words, count);

	if (near != NULL)
		return psprintf("Did you mean \"%s\"? Allowed are %s.", near, join_words(words, count));
	return psprintf("Allowed are %s.", join_words(words, count));
}

static char *
text_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
fail_form(const OptionReader *reader, const char *name, const char *form)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" of \"%s\" in argument \"transform\" must be %s", name, reader->key, form)));
}

/* ----------------------------------------------------------- single values */

static const OptionWord *
find_word(const OptionWord *words, int kinds, const char *word)
{
	for (; words->word != NULL; words++)
	{
		if (strcmp(words->word, word) == 0 && (words->kinds == 0 || (words->kinds & kinds) != 0))
			return words;
	}
	return NULL;
}

/* Words of a table that are for a kind. */
static int
collect_words(const OptionWord *table, int kinds, const char **words)
{
	int			count = 0;

	for (; table->word != NULL; table++)
	{
		if (table->kinds == 0 || (table->kinds & kinds) != 0)
			words[count++] = table->word;
	}
	return count;
}

static int
read_word(const OptionReader *reader, const char *name, const JsonbValue *value, const OptionWord *table)
{
	const OptionWord *found;
	const char *words[16];
	char	   *word;

	if (value->type != jbvString)
		fail_form(reader, name, "a string");
	word = text_of(value);
	found = find_word(table, KIND(reader->kind), word);
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of \"%s\" in argument \"transform\" cannot be \"%s\"", name, reader->key, word),
				 errhint("%s", word_hint(word, words, collect_words(table, KIND(reader->kind), words)))));
	return found->value;
}

static double
read_number(const OptionReader *reader, const char *name, const JsonbValue *value)
{
	double		number = 0;

	if (value->type != jbvNumeric)
		fail_form(reader, name, "a number");
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!isfinite(number))
		fail_form(reader, name, "a finite number");
	return number;
}

static int
read_integer(const OptionReader *reader, const char *name, const JsonbValue *value, int low, int high)
{
	double		number = read_number(reader, name, value);

	if (number != floor(number) || number < low || number > high)
		fail_form(reader, name, psprintf("a whole number from %d to %d", low, high));
	return (int) number;
}

static char *
read_text(const OptionReader *reader, const char *name, const JsonbValue *value)
{
	char	   *text;

	if (value->type != jbvString)
		fail_form(reader, name, "a string");
	text = env_strndup(reader->env, value->val.string.val, value->val.string.len);
	if (text == NULL)
		pg_env_check(reader->env, CORE_NO_MEMORY);
	return text;
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* A level, in the form in which the column's values are levels. */
static char *
read_level(const OptionReader *reader, const char *name, const JsonbValue *value)
{
	FeatureValue level = {0};
	char	   *text;

	if (reader->feature == NULL || (!feature_is_number_category(reader->feature) && !feature_is_boolean_category(reader->feature)))
		return read_text(reader, name, value);
	if (value->type == jbvNumeric && feature_is_number_category(reader->feature))
		category_from_numeric(reader->feature, value->val.numeric, &level);
	else if (value->type == jbvBool && feature_is_boolean_category(reader->feature))
		category_from_boolean(value->val.boolean, &level);
	else if (value->type == jbvString)
		value_from_text(reader->feature, text_of(value), NULL, &level, psprintf("option \"%s\" of \"%s\"", name, reader->key));
	else
		fail_form(reader, name, feature_is_number_category(reader->feature) ? "of numbers" : "of true and false");
	if (level.missing)
		fail_form(reader, name, "of values that are not missing");
	text = env_strndup(reader->env, level.text, level.text_length);
	if (text == NULL)
		pg_env_check(reader->env, CORE_NO_MEMORY);
	return text;
}

/* ----------------------------------------------------------------- options */

/* What the rows were read as already says so. */
static void
read_kind(OptionReader *reader, const char *name, const JsonbValue *value)
{
	if (reader->feature == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" in argument \"transform\" does not apply to \"%s\"", name, reader->key),
				 errhint("Write it for each column: {\"column\": {\"kind\": \"categorical\"}}.")));
	(void) read_word(reader, name, value, kind_words);
}

/* The constant that replaces missing values, in the form of the column's kind. */
static void
read_constant(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->has_constant = true;
	if (reader->kind == FEATURE_CATEGORICAL)
		reader->options->impute_text = read_level(reader, name, value);
	else if (reader->kind == FEATURE_BOOLEAN && value->type == jbvBool)
		reader->options->impute_number = value->val.boolean ? 1 : 0;
	else
		reader->options->impute_number = read_number(reader, name, value);
}

/* "mean", or {"constant": 0} */
static void
read_impute(OptionReader *reader, const char *name, const JsonbValue *value)
{
	JsonbValue	buffer;
	JsonbValue *constant;

	if (!is_object(value))
	{
		reader->options->impute = read_word(reader, name, value, impute_words);
		return;
	}
	constant = getKeyJsonValueFromContainer(value->val.binary.data, "constant", strlen("constant"), &buffer);
	if (constant == NULL || JsonContainerSize(value->val.binary.data) != 1 || reader->kind == FEATURE_TIMESTAMP)
		fail_form(reader, name, reader->kind == FEATURE_TIMESTAMP ? "a word: the parts of a time have no common constant" :
				  "a word or {\"constant\": value}");
	reader->options->impute = IMPUTE_CONSTANT;
	read_constant(reader, name, constant);
}

static void
read_value(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->has_value = true;
	read_constant(reader, name, value);
}

static void
read_indicator(OptionReader *reader, const char *name, const JsonbValue *value)
{
	if (value->type != jbvBool)
		fail_form(reader, name, "true or false");
	reader->options->indicator = value->val.boolean ? 1 : -1;
}

static void
read_scale(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->scale = read_word(reader, name, value, scale_words);
}

static void
read_map(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->map = read_word(reader, name, value, map_words);
}

static void
read_bins(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->bins = read_integer(reader, name, value, 2, MAX_BINS);
}

static void
read_encode(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->encode = read_word(reader, name, value, encode_words);
}

static void
read_order(OptionReader *reader, const char *name, const JsonbValue *value)
{
	FeatureOptions *options = reader->options;
	int			count;

	if (!is_array(value) || JsonContainerSize(value->val.binary.data) < 2)
		fail_form(reader, name, "an array of at least two levels, from low to high");
	count = JsonContainerSize(value->val.binary.data);
	options->order = env_alloc(reader->env, count, sizeof(char *));
	if (options->order == NULL)
		pg_env_check(reader->env, CORE_NO_MEMORY);
	options->order_length = count;
	for (int i = 0; i < count; i++)
	{
		options->order[i] = read_level(reader, name, getIthJsonbValueFromContainer(value->val.binary.data, i));
		for (int k = 0; k < i; k++)
		{
			if (strcmp(options->order[k], options->order[i]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("option \"%s\" of \"%s\" in argument \"transform\" has \"%s\" twice", name, reader->key, options->order[i])));
		}
	}
}

static void
read_min_count(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->min_count = read_integer(reader, name, value, 1, INT32_MAX);
}

static void
read_max_levels(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->max_levels = read_integer(reader, name, value, 1, INT32_MAX);
}

static void
read_smoothing(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->smoothing = read_number(reader, name, value);
	if (reader->options->smoothing <= 0)
		fail_form(reader, name, "a positive number of rows");
}

/* "month", or an array of such words; an empty array: no terms at all. */
static void
read_parts(OptionReader *reader, const char *name, const JsonbValue *value)
{
	unsigned	parts = PART_NONE;

	if (!is_array(value))
	{
		reader->options->parts = read_word(reader, name, value, part_words);
		return;
	}
	for (uint32 i = 0; i < JsonContainerSize(value->val.binary.data); i++)
		parts |= read_word(reader, name, getIthJsonbValueFromContainer(value->val.binary.data, i), part_words);
	reader->options->parts = parts;
}

static void
read_age(OptionReader *reader, const char *name, const JsonbValue *value)
{
	reader->options->reference = read_text(reader, name, value);
}

/* ---------------------------------------------------------------- one key */

static void
fail_option(const OptionReader *reader, const char *name)
{
	const char *known[lengthof(option_specs)];
	int			nknown = 0;

	for (size_t i = 0; i < lengthof(option_specs); i++)
	{
		if (option_specs[i].kinds & KIND(reader->kind))
			known[nknown++] = option_specs[i].name;
	}
	if (strcmp(name, "drop") == 0 || strcmp(name, "exclude") == 0 || strcmp(name, "ignore") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of \"%s\" in argument \"transform\" does not exist", name, reader->key),
				 errhint("Name the column in argument \"exclude\" of mlops.train.")));
	for (size_t i = 0; i < lengthof(option_specs); i++)
	{
		if (strcmp(option_specs[i].name, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" in argument \"transform\" does not apply to \"%s\", which is %s",
							name, reader->key, feature_kind_name(reader->kind)),
					 errhint("A %s column takes %s.", feature_kind_name(reader->kind), join_words(known, nknown))));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" of \"%s\" in argument \"transform\" is not known", name, reader->key),
			 errhint("%s", word_hint(name, known, nknown))));
}

static void
read_option(OptionReader *reader, const char *name, const JsonbValue *value)
{
	for (size_t i = 0; i < lengthof(option_specs); i++)
	{
		if (strcmp(option_specs[i].name, name) == 0 && (option_specs[i].kinds & KIND(reader->kind)) != 0)
		{
			if (value->type != jbvNull)
				option_specs[i].read(reader, name, value);
			return;
		}
	}
	fail_option(reader, name);
}

/* Options that need or exclude each other. */
static void
check_options(OptionReader *reader)
{
	FeatureOptions *options = reader->options;

	if (options->impute == IMPUTE_CONSTANT && !reader->has_constant)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"impute\" of \"%s\" in argument \"transform\" needs a constant", reader->key),
				 errhint("Write {\"impute\": {\"constant\": value}}.")));
	if (reader->has_value && options->impute != IMPUTE_CONSTANT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"value\" of \"%s\" in argument \"transform\" needs \"impute\": \"constant\"", reader->key)));
	if (options->order_length > 0 && options->encode != ENCODE_AUTO && options->encode != ENCODE_ORDINAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"order\" of \"%s\" in argument \"transform\" needs \"encode\": \"ordinal\"", reader->key)));
	if (options->bins > 0 && options->map == MAP_NONE)
		options->map = MAP_BINS;
	if (options->map == MAP_BINS && options->scale != SCALE_AUTO && options->scale != SCALE_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"scale\" of \"%s\" in argument \"transform\" does not go with bins", reader->key)));
	if (reader->kind == FEATURE_NUMERIC && options->encode != ENCODE_AUTO && options->map != MAP_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"encode\" of \"%s\" in argument \"transform\" needs \"map\": \"bins\", because the column is numeric", reader->key),
				 errhint("To treat numbers as categories, add \"kind\": \"categorical\".")));
	if (reader->kind == FEATURE_TIMESTAMP && (options->parts & PART_AGE) && options->reference == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("part \"age\" of \"%s\" in argument \"transform\" needs a column to refer to", reader->key),
				 errhint("Write {\"age\": \"reference column\"}.")));
}

/* The option that a word alone can only mean, e.g. "log". */
static void
read_shorthand(OptionReader *reader, const JsonbValue *value)
{
	static const struct
	{
		const char *option;
		const OptionWord *words;
	}			tables[] = {
		{"kind", kind_words},
		{"impute", impute_words},
		{"scale", scale_words},
		{"map", map_words},
		{"encode", encode_words},
		{"parts", part_words}
	};
	const char *words[32];
	int			nwords = 0;
	char	   *word = text_of(value);
	const char *option = NULL;

	for (size_t i = 0; i < lengthof(tables); i++)
	{
		const char *of_table[16];
		int			count = collect_words(tables[i].words, KIND(reader->kind), of_table);

		for (int k = 0; k < count; k++)
		{
			/* these need more than a word; the encoding of a number needs bins */
			if (strcmp(of_table[k], "none") == 0 || strcmp(of_table[k], "constant") == 0 || strcmp(of_table[k], "age") == 0 ||
				(reader->feature == NULL && tables[i].words == kind_words) ||
				(reader->kind == FEATURE_NUMERIC && tables[i].words == encode_words))
				continue;
			words[nwords++] = of_table[k];
			if (strcmp(of_table[k], word) == 0)
				option = tables[i].option;
		}
	}
	if (option == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" for \"%s\" in argument \"transform\" does not say which option is meant", word, reader->key),
				 errhint("%s For other options write an object: {\"option\": value}.", word_hint(word, words, nwords))));
	read_option(reader, option, value);
}

/* Everything that one key says, on top of what `options` holds. */
static void
read_key(OptionReader *reader, const JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	name;
	JsonbValue	member;

	reader->has_value = false;
	reader->has_constant = reader->options->impute == IMPUTE_CONSTANT;
	if (value->type == jbvNull)
		return;
	if (value->type == jbvString)
		read_shorthand(reader, value);
	else if (is_object(value))
	{
		iterator = JsonbIteratorInit(value->val.binary.data);
		while ((token = JsonbIteratorNext(&iterator, &name, true)) != WJB_DONE)
		{
			if (token != WJB_KEY)
				continue;
			(void) JsonbIteratorNext(&iterator, &member, true);
			read_option(reader, text_of(&name), &member);
		}
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" in argument \"transform\" must be an object of options or a word", reader->key)));
	check_options(reader);
}

/* ------------------------------------------------------------- all the keys */

static FeatureKind
kind_of_key(const char *key)
{
	static const FeatureKind kinds[] = {FEATURE_NUMERIC, FEATURE_BOOLEAN, FEATURE_CATEGORICAL, FEATURE_TIMESTAMP, FEATURE_VECTOR};

	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (key[0] == '@' && strcmp(key + 1, feature_kind_name(kinds[i])) == 0)
			return kinds[i];
	}
	return 0;
}

static void
fail_key(const FeatureSchema *schema, const char *key)
{
	static const char *const reserved[] = {"@numeric", "@boolean", "@categorical", "@timestamp", "@vector", "@target"};
	const char **names = palloc(sizeof(char *) * (schema->count + 1));
	const char *near;

	if (key[0] == '@')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not known in argument \"transform\"", key),
				 errhint("%s", word_hint(key, reserved, lengthof(reserved)))));
	for (int i = 0; i < schema->count; i++)
		names[i] = schema->features[i].name;
	near = nearest_word(key, names, schema->count);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" in argument \"transform\" is not a feature", key),
			 near != NULL ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Features are the columns of the source but target, key, weight, split and excluded ones.")));
}

/*
 * Whether the column is no feature for what it holds, which a NOTICE has said:
 * one that is constant in these rows need not be in those of the next training.
 */
static bool
is_left_out(const DatasetResult *rows, const char *key)
{
	for (int i = 0; i < rows->nomitted; i++)
	{
		const OmittedColumn *column = &rows->omitted[i];

		if (strcmp(column->name, key) != 0)
			continue;
		if (strncmp(column->reason, "type ", 5) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" in argument \"transform\" is not a feature: %s", key, column->reason),
					 errhint("Cast it in the source to use it.")));
		return true;
	}
	return false;
}

static void
read_target_map(Jsonb *transform, bool regression, TargetMap *target_map)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&transform->root, "@target", strlen("@target"), &buffer);
	const char *words[8];
	const OptionWord *found;

	*target_map = TARGET_NONE;
	if (value == NULL || value->type == jbvNull)
		return;
	found = value->type == jbvString ? find_word(target_words, 0, text_of(value)) : NULL;
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"@target\" in argument \"transform\" must be the name of a map"),
				 errhint("%s", word_hint(value->type == jbvString ? text_of(value) : "", words, collect_words(target_words, 0, words)))));
	if (!regression && found->value != TARGET_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"@target\" in argument \"transform\" is for regression only"),
				 errhint("The classes of a classification have nothing to map.")));
	*target_map = found->value;
}

/* The defaults of each kind, and that every key is known. */
static void
read_kind_defaults(OptionReader *reader, Jsonb *transform, FeatureOptions *defaults)
{
	JsonbIterator *iterator = JsonbIteratorInit(&transform->root);
	JsonbIteratorToken token;
	JsonbValue	name;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &name, true)) != WJB_DONE)
	{
		char	   *key;
		FeatureKind kind;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		key = text_of(&name);
		kind = kind_of_key(key);
		if (kind != 0)
		{
			reader->key = key;
			reader->feature = NULL;
			reader->kind = kind;
			reader->options = &defaults[kind];
			read_key(reader, &value);
		}
		else if (strcmp(key, "@target") != 0 && schema_find(reader->schema, key) < 0 && !is_left_out(reader->rows, key))
			fail_key(reader->schema, key);
	}
}

void
transform_options_parse(CoreEnv *env, Jsonb *transform, const DatasetResult *rows, FeatureOptions **options, TargetMap *target_map)
{
	const FeatureSchema *schema = &rows->data.schema;
	FeatureOptions defaults[FEATURE_VECTOR + 1] = {0};
	OptionReader reader = {.env = env, .rows = rows, .schema = schema};

	*target_map = TARGET_NONE;
	*options = env_alloc(env, schema->count, sizeof(FeatureOptions));
	if (*options == NULL)
		pg_env_check(env, CORE_NO_MEMORY);
	if (transform == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(transform))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"transform\" must be a JSON object"),
				 errhint("Write {\"column\": {\"option\": value}}.")));
	read_target_map(transform, rows->task == TASK_REGRESSION, target_map);
	read_kind_defaults(&reader, transform, defaults);
	for (int i = 0; i < schema->count; i++)
	{
		const Feature *feature = &schema->features[i];
		const char *inherited = defaults[feature->kind].reference;
		JsonbValue	buffer;
		JsonbValue *value = getKeyJsonValueFromContainer(&transform->root, feature->name, strlen(feature->name), &buffer);

		(*options)[i] = defaults[feature->kind];
		if (value != NULL)
		{
			reader.key = feature->name;
			reader.feature = feature;
			reader.kind = feature->kind;
			reader.options = &(*options)[i];
			read_key(&reader, value);
		}
		transform_check_reference(schema, i, &(*options)[i], (*options)[i].reference == inherited);
	}
	for (int i = 0; i < schema->count; i++)
		transform_options_to_utf8(&(*options)[i]);
}

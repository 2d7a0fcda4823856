/*
 * model_decode.c
 *	  A model from untrusted bytes; docs/MODEL_FORMAT.md is the specification and
 *	  model_encode.c the writer.
 *
 * Anyone may forge bytes, with a good checksum.  So: every count is compared
 * with the bytes that are left before memory is taken for it; every enum,
 * index, length and string is checked (here what reading needs, then in
 * model_check, transform_validate and algorithm_bind); only then is the model
 * handed out.  Time and memory are linear in the length of the bytes, apart
 * from at most MODEL_MAX_TERMS names of terms.
 */
#include "format/model_format.h"

#include <math.h>
#include <string.h>

#include "core/algorithm.h"
#include "format/sections.h"

/* Smallest encodings, to bound counts by the bytes that are left. */
#define FEATURE_MIN_BYTES 17
#define FEATURE_TRANSFORM_MIN_BYTES 41
#define STRING_MIN_BYTES 4
#define PARAM_MIN_BYTES 6
#define WEIGHT_MIN_BYTES 12
#define ARRAY_MIN_BYTES 21
#define NUMBER_MIN_BYTES 12

/* A count of at most `limit` elements. */
static int
read_limited(ByteReader *in, size_t element_size, uint32_t limit)
{
	uint32_t	count = read_count(in, element_size);

	if (count > limit)
		reader_fail(in);
	return in->failed ? 0 : (int) count;
}

/* An enum or flag of at most `limit`. */
static int
read_choice(ByteReader *in, int limit)
{
	int			value = read_u8(in);

	if (value > limit)
		reader_fail(in);
	return in->failed ? 0 : value;
}

/* `count` doubles of our own; NULL when count is 0 or reading failed. */
static double *
read_doubles(ByteReader *in, CoreEnv *env, size_t count)
{
	size_t		bytes;
	double	   *values;

	if (count == 0)
		return NULL;
	if (!size_multiply(count, sizeof(double), &bytes) || bytes > reader_left(in))
	{
		reader_fail(in);
		return NULL;
	}
	values = env_alloc(env, count, sizeof(double));
	if (values == NULL)
	{
		in->no_memory = true;
		reader_fail(in);
		return NULL;
	}
	read_f64_array(in, env, count, values);
	return values;
}

/* `count` flags of our own, one byte each; NULL when reading failed. */
static bool *
read_flags(ByteReader *in, CoreEnv *env, size_t count)
{
	const uint8_t *span = read_span(in, count);
	bool	   *flags;

	if (span == NULL)
		return NULL;
	flags = env_alloc(env, count, sizeof(bool));
	if (flags == NULL)
	{
		in->no_memory = true;
		reader_fail(in);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
	{
		if (span[i] > 1)
			reader_fail(in);
		flags[i] = span[i] == 1;
	}
	return flags;
}

static CoreStatus
decode_head(Frame *frame, ByteReader *in, Model *model)
{
	char	   *name = read_string(in, frame->env);

	if (in->failed || name == NULL)
		return frame_fail(frame, in, "its algorithm has no name");
	model->algorithm = algorithm_find(name);
	if (model->algorithm == NULL)
	{
		env_fail(frame->env, CORE_UNSUPPORTED, "model was fitted by algorithm \"%.100s\", which this version of mlops does not have", name);
		return env_hint(frame->env, CORE_UNSUPPORTED, "Update the mlops extension on this server.");
	}
	model->task = (Task) read_u8(in);
	model->link = (Link) read_u8(in);
	model->noutputs = read_i32(in);
	model->seed = read_u64(in);
	model->rows_train = read_i64(in);
	model->weight_train = read_f64(in);
	return CORE_OK;
}

static CoreStatus
decode_schema(Frame *frame, ByteReader *in, Model *model)
{
	FeatureSchema *schema = &model->schema;
	int			count = read_limited(in, FEATURE_MIN_BYTES, MODEL_MAX_FEATURES);
	int64_t		elements = 0;

	CORE_ALLOC(frame->env, schema->features, count);
	schema->count = count;
	for (int i = 0; i < count && !in->failed; i++)
	{
		Feature    *feature = &schema->features[i];

		feature->name = read_string(in, frame->env);
		feature->kind = (FeatureKind) read_u8(in);
		feature->width = read_i32(in);
		feature->type_name = read_string(in, frame->env);
		feature->time_zone = read_string(in, frame->env);
		/* the transform's arrays are sized by widths: bound them now */
		elements += feature->width;
		if (feature->width < 1 || elements > MODEL_MAX_TERMS)
			return frame_fail(frame, in, "feature %d has width %d", i, feature->width);
	}
	return CORE_OK;
}

static void
decode_feature_arrays(Frame *frame, ByteReader *in, FeatureTransform *feature, int width)
{
	CoreEnv    *env = frame->env;
	int			mask = read_choice(in, TRANSFORM_HAS_ALL);
	size_t		count = (size_t) width;

	if (mask & TRANSFORM_HAS_IMPUTE)
		feature->impute_value = read_doubles(in, env, count);
	if (mask & TRANSFORM_HAS_LOW)
		feature->low = read_doubles(in, env, count);
	if (mask & TRANSFORM_HAS_HIGH)
		feature->high = read_doubles(in, env, count);
	if (mask & TRANSFORM_HAS_CENTER)
		feature->center = read_doubles(in, env, count);
	if (mask & TRANSFORM_HAS_SPREAD)
		feature->spread = read_doubles(in, env, count);
	if (mask & TRANSFORM_HAS_DROPPED)
		feature->dropped = read_flags(in, env, count);
	feature->bin_encode = (Encoding) read_choice(in, ENCODE_CODE);
}

static CoreStatus
decode_feature_transform(Frame *frame, ByteReader *in, const FeatureSchema *schema, FeatureTransform *feature)
{
	size_t		ncodes;

	feature->feature = read_i32(in);
	if (in->failed || feature->feature < 0 || feature->feature >= schema->count)
		return frame_fail(frame, in, "a transform is of feature %d, which it does not have", feature->feature);
	feature->first_term = read_i32(in);
	feature->nterms = read_i32(in);
	feature->impute = (ImputeMethod) read_choice(in, IMPUTE_CONSTANT);
	feature->indicator = read_choice(in, 1);
	feature->map = (NumericMap) read_choice(in, MAP_BINS);
	feature->scale = (ScaleMethod) read_choice(in, SCALE_ROBUST);
	decode_feature_arrays(frame, in, feature, schema->features[feature->feature].width);
	feature->nedges = read_limited(in, sizeof(double), INT32_MAX);
	feature->edges = read_doubles(in, frame->env, (size_t) feature->nedges);
	feature->encode = (Encoding) read_choice(in, ENCODE_CODE);
	feature->has_other = read_choice(in, 1);
	feature->has_missing = read_choice(in, 1);
	feature->nlevels = read_limited(in, STRING_MIN_BYTES, INT32_MAX);
	read_string_list(in, frame->env, (uint32_t) feature->nlevels, &feature->levels, &feature->level_lengths);
	feature->ncodes = (int) read_u32(in);
	if (feature->ncodes < 0 || feature->ncodes > MODEL_MAX_TERMS ||
		!size_multiply((size_t) feature->nlevels + 3, (size_t) feature->ncodes, &ncodes))
		return frame_fail(frame, in, "a transform has %d codes a level", feature->ncodes);
	feature->codes = read_doubles(in, frame->env, ncodes);
	feature->parts = read_u32(in);
	feature->reference = read_i32(in);
	return CORE_OK;
}

static CoreStatus
decode_transform(Frame *frame, ByteReader *in, Model *model)
{
	Transform  *transform;

	CORE_ALLOC(frame->env, transform, 1);
	model->transform = transform;
	transform->nterms = (int) read_u32(in);
	transform->nfeatures = read_limited(in, FEATURE_TRANSFORM_MIN_BYTES, MODEL_MAX_TRANSFORMS);
	CORE_ALLOC(frame->env, transform->features, transform->nfeatures);
	for (int i = 0; i < transform->nfeatures; i++)
	{
		env_poll(frame->env);
		CORE_TRY(decode_feature_transform(frame, in, &model->schema, &transform->features[i]));
	}
	return CORE_OK;
}

static CoreStatus
decode_target(Frame *frame, ByteReader *in, Model *model)
{
	TargetInfo *target = &model->target;

	target->name = read_string(in, frame->env);
	target->type_name = read_string(in, frame->env);
	target->nclasses = read_limited(in, STRING_MIN_BYTES, MODEL_MAX_CLASSES);
	read_string_list(in, frame->env, (uint32_t) target->nclasses, &target->classes, NULL);
	target->positive = read_i32(in);
	target->threshold = read_f64(in);
	target->map = (TargetMap) read_choice(in, TARGET_YEO_JOHNSON);
	target->lambda = read_f64(in);
	return CORE_OK;
}

static CoreStatus
decode_calibration(Frame *frame, ByteReader *in, Model *model)
{
	Calibration *calibration = &model->calibration;

	calibration->method = (CalibrationMethod) read_choice(in, CALIBRATE_ISOTONIC);
	calibration->slope = read_f64(in);
	calibration->intercept = read_f64(in);
	calibration->nknots = read_limited(in, 2 * sizeof(double), INT32_MAX);
	calibration->x = read_doubles(in, frame->env, (size_t) calibration->nknots);
	calibration->y = read_doubles(in, frame->env, (size_t) calibration->nknots);
	return CORE_OK;
}

static CoreStatus
decode_split(Frame *frame, ByteReader *in, Model *model)
{
	SplitSpec  *split = &model->split;

	split->method = (SplitMethod) read_choice(in, SPLIT_COLUMN);
	split->test = read_f64(in);
	split->sample = read_f64(in);
	split->refit = read_choice(in, 1);
	split->seed = read_u64(in);
	split->key = read_string(in, frame->env);
	split->row_columns = read_string(in, frame->env);
	split->column = read_string(in, frame->env);
	split->cutoff = read_i64(in);
	split->nstrata = read_limited(in, sizeof(double), MODEL_MAX_CLASSES);
	split->limits = read_doubles(in, frame->env, (size_t) split->nstrata);
	return CORE_OK;
}

/* Index of `word` in "a|b|c", or -1. */
static int
choice_index(const char *choices, const char *word)
{
	size_t		length = strlen(word);
	int			index = 0;

	for (const char *p = choices; p != NULL && *p != '\0'; index++)
	{
		const char *end = strchr(p, '|');
		size_t		width = end != NULL ? (size_t) (end - p) : strlen(p);

		if (width == length && memcmp(p, word, length) == 0)
			return index;
		p += width + (end != NULL ? 1 : 0);
	}
	return -1;
}

/* Index of the parameter of that name, which may have become a synonym since; or -1. */
static int
param_index(const ParamSet *params, const char *name)
{
	for (int i = 0; i < params->count; i++)
	{
		if (strcmp(params->specs[i].name, name) == 0)
			return i;
	}
	for (int i = 0; i < params->count; i++)
	{
		if (params->specs[i].synonyms != NULL && choice_index(params->specs[i].synonyms, name) >= 0)
			return i;
	}
	return -1;
}

static bool
number_allowed(const ParamSpec *spec, double number)
{
	if (isnan(number))
		return isnan(spec->default_number) && spec->type != PARAM_REAL_LIST;
	if (!isfinite(number) || (spec->type == PARAM_INTEGER && number != floor(number)))
		return false;
	return number >= spec->min && number <= spec->max;
}

static bool
decode_param_list(ByteReader *in, CoreEnv *env, const ParamSpec *spec, ParamValue *value)
{
	value->list_length = read_limited(in, sizeof(double), INT32_MAX);
	value->list = read_doubles(in, env, (size_t) value->list_length);
	if (in->failed)
		return false;
	for (int i = 0; i < value->list_length; i++)
	{
		if (!number_allowed(spec, value->list[i]))
			return false;
	}
	return true;
}

static bool
decode_weights(ByteReader *in, CoreEnv *env, const ParamSpec *spec, ParamValue *value)
{
	int			length = read_limited(in, WEIGHT_MIN_BYTES, MODEL_MAX_CLASSES);

	value->list = env_alloc(env, (size_t) length, sizeof(double));
	value->names = env_alloc(env, (size_t) length, sizeof(char *));
	if (in->failed || length == 0 || value->list == NULL || value->names == NULL)
		return false;
	for (int i = 0; i < length; i++)
	{
		value->names[i] = read_string(in, env);
		value->list[i] = read_f64(in);
		if (in->failed || value->names[i] == NULL || !number_allowed(spec, value->list[i]))
			return false;
	}
	value->list_length = length;
	value->number = -1;
	value->text = NULL;
	return true;
}

/* False when the value cannot be one of this parameter's, or its bytes are of another type. */
static bool
decode_param(ByteReader *in, CoreEnv *env, const ParamSpec *spec, ParamValue *value)
{
	uint8_t		wire = read_u8(in);

	value->chosen = (wire & PARAM_CHOSEN_BIT) != 0;
	wire &= (uint8_t) ~PARAM_CHOSEN_BIT;
	if (value->chosen && spec->type != PARAM_INTEGER && spec->type != PARAM_REAL && spec->type != PARAM_CHOICE)
		return false;
	if (wire != (uint8_t) spec->type && !(spec->type == PARAM_WEIGHTS && wire == PARAM_CHOICE))
		return false;
	switch ((ParamType) wire)
	{
		case PARAM_INTEGER:
		case PARAM_REAL:
			value->number = read_f64(in);
			return number_allowed(spec, value->number);
		case PARAM_BOOLEAN:
			value->number = read_choice(in, 1);
			return true;
		case PARAM_CHOICE:
			value->text = read_string(in, env);
			value->number = value->text != NULL ? choice_index(spec->choices, value->text) : -1;
			return value->number >= 0;
		case PARAM_TEXT:
			value->text = read_string(in, env);
			return true;
		case PARAM_REAL_LIST:
			return decode_param_list(in, env, spec, value);
		case PARAM_WEIGHTS:
			return decode_weights(in, env, spec, value);
	}
	return false;
}

static CoreStatus
decode_params(Frame *frame, ByteReader *in, Model *model)
{
	ParamSet   *params = &model->params;
	int			count = read_limited(in, PARAM_MIN_BYTES, MODEL_MAX_PARAMS);
	bool	   *seen;

	CORE_TRY(params_init(frame->env, params, model->algorithm->name, model->algorithm->params));
	CORE_ALLOC(frame->env, seen, params->count);
	for (int i = 0; i < count; i++)
	{
		char	   *name = read_string(in, frame->env);
		int			index;

		if (name == NULL || in->failed)
			return frame_fail(frame, in, "a parameter has no name");
		index = param_index(params, name);
		if (index < 0)
		{
			env_fail(frame->env, CORE_UNSUPPORTED, "model has parameter \"%.100s\", which algorithm \"%s\" of this version of mlops does not have",
					 name, model->algorithm->name);
			return env_hint(frame->env, CORE_UNSUPPORTED, "Update the mlops extension on this server.");
		}
		if (seen[index] ||
			!decode_param(in, frame->env, &params->specs[index], &params->values[index]) || in->failed)
			return frame_fail(frame, in, "parameter \"%.100s\" has a value that it cannot have", name);
		seen[index] = true;
	}
	env_release(frame->env, seen);
	return CORE_OK;
}

/* A name of at most size - 1 bytes into a fixed, zero-padded buffer. */
static void
read_name(ByteReader *in, char *name, size_t size)
{
	uint32_t	length = read_u32(in);
	const uint8_t *span = length < size ? read_span(in, length) : NULL;

	if (span == NULL)
		reader_fail(in);
	else
		memcpy(name, span, length);
}

static void
read_elements(ByteReader *in, CoreEnv *env, const ModelArray *array, size_t count)
{
	const uint8_t *span;

	switch (array->type)
	{
		case ARRAY_U8:
			if ((span = read_span(in, count)) != NULL && count > 0)
				memcpy(array->data, span, count);
			break;
		case ARRAY_I32:
			read_u32_array(in, env, count, array->data);
			break;
		case ARRAY_I64:
			read_u64_array(in, env, count, array->data);
			break;
		case ARRAY_F32:
			read_f32_array(in, env, count, array->data);
			break;
		case ARRAY_F64:
			read_f64_array(in, env, count, array->data);
			break;
	}
}

static CoreStatus
decode_array(Frame *frame, ByteReader *in, ModelArray *array)
{
	size_t		count;
	size_t		bytes;

	read_name(in, array->name, sizeof(array->name));
	array->type = (ModelArrayType) read_u8(in);
	array->rows = read_i64(in);
	array->cols = read_i64(in);
	if (in->failed || array->type < ARRAY_U8 || array->type > ARRAY_F64 || array->rows < 0 || array->cols < 0 ||
		!size_multiply((size_t) array->rows, (size_t) array->cols, &count) ||
		!size_multiply(count, array_type_size(array->type), &bytes) || bytes > reader_left(in))
		return frame_fail(frame, in, "an array has a wrong type, shape or length");
	array->data = env_alloc(frame->env, count, array_type_size(array->type));
	if (array->data == NULL)
		return CORE_NO_MEMORY;
	read_elements(in, frame->env, array, count);
	return CORE_OK;
}

static CoreStatus
decode_arrays(Frame *frame, ByteReader *in, Model *model)
{
	model->narrays = read_limited(in, ARRAY_MIN_BYTES, MODEL_MAX_ARRAYS);
	CORE_ALLOC(frame->env, model->arrays, model->narrays);
	for (int i = 0; i < model->narrays; i++)
		CORE_TRY(decode_array(frame, in, &model->arrays[i]));
	return CORE_OK;
}

static CoreStatus
decode_numbers(Frame *frame, ByteReader *in, Model *model)
{
	model->nnumbers = read_limited(in, NUMBER_MIN_BYTES, MODEL_MAX_NUMBERS);
	CORE_ALLOC(frame->env, model->numbers, model->nnumbers);
	for (int i = 0; i < model->nnumbers; i++)
	{
		read_name(in, model->numbers[i].name, sizeof(model->numbers[i].name));
		model->numbers[i].value = read_f64(in);
	}
	return CORE_OK;
}

/* In the order of the format: later sections rely on earlier ones. */
static const struct
{
	uint32_t	tag;
	CoreStatus	(*decode) (Frame *frame, ByteReader *in, Model *model);
}			sections[] =
{
	{SECTION_HEAD, decode_head},
	{SECTION_SCHEMA, decode_schema},
	{SECTION_TRANSFORM, decode_transform},
	{SECTION_TARGET, decode_target},
	{SECTION_CALIBRATION, decode_calibration},
	{SECTION_SPLIT, decode_split},
	{SECTION_PARAMS, decode_params},
	{SECTION_ARRAYS, decode_arrays},
	{SECTION_NUMBERS, decode_numbers},
};

CoreStatus
model_decode(CoreEnv *env, const uint8_t *bytes, size_t length, bool skip_checksum, Model **result)
{
	Frame		frame;
	ByteReader	in;
	Model	   *model;

	CORE_TRY(frame_open(env, &frame, "model", model_magic, bytes, length, skip_checksum));
	CORE_ALLOC(env, model, 1);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
	{
		CORE_TRY(frame_section(&frame, sections[i].tag, &in));
		CORE_TRY(sections[i].decode(&frame, &in, model));
		CORE_TRY(frame_section_done(&frame, sections[i].tag, &in));
	}
	CORE_TRY(frame_close(&frame));
	CORE_TRY(model_check(env, model, CORE_CORRUPT, "invalid model"));
	CORE_TRY(frame_explain(&frame, transform_validate(env, model->transform, &model->schema)));
	CORE_TRY(transform_name_terms(env, model->transform, &model->schema));
	CORE_TRY(frame_explain(&frame, algorithm_bind(env, model)));
	*result = model;
	return CORE_OK;
}

int
model_peek(const uint8_t *bytes, size_t length)
{
	ByteReader	in;

	if (length < FRAME_HEADER_BYTES || memcmp(bytes, model_magic, FRAME_MAGIC_BYTES) != 0)
		return 0;
	reader_init(&in, bytes, length);
	read_span(&in, FRAME_MAJOR_AT);
	return read_u16(&in);
}

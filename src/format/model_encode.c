/*
 * model_encode.c
 *	  The bytes of a model; docs/MODEL_FORMAT.md is the specification and
 *	  model_decode.c the reader.
 *
 * The sections stand in one fixed order and hold nothing that the model does
 * not: no padding, no pointer, no learning-only field, one bit pattern for NaN,
 * so equal models give equal bytes.  A model that decoding would refuse is
 * refused here, before it is stored.  Linear in the size of the model.
 */
#include "format/model_format.h"

#include <string.h>

#include "core/algorithm.h"
#include "format/sections.h"

static void
write_head(ByteWriter *writer, const Model *model)
{
	write_string(writer, model->algorithm->name);
	write_u8(writer, (uint8_t) model->task);
	write_u8(writer, (uint8_t) model->link);
	write_i32(writer, model->noutputs);
	write_u64(writer, model->seed);
	write_i64(writer, model->rows_train);
	write_f64(writer, model->weight_train);
}

static void
write_schema(ByteWriter *writer, const FeatureSchema *schema)
{
	write_u32(writer, (uint32_t) schema->count);
	for (int i = 0; i < schema->count; i++)
	{
		const Feature *feature = &schema->features[i];

		write_string(writer, feature->name);
		write_u8(writer, (uint8_t) feature->kind);
		write_i32(writer, feature->width);
		write_string(writer, feature->type_name);
		write_string(writer, feature->time_zone);
	}
}

static void
write_width_array(ByteWriter *writer, const double *values, int width)
{
	if (values != NULL)
		write_f64_array(writer, values, (size_t) width);
}

static void
write_levels(ByteWriter *writer, const FeatureTransform *feature)
{
	write_u32(writer, (uint32_t) feature->nlevels);
	for (int i = 0; i < feature->nlevels; i++)
	{
		write_u32(writer, (uint32_t) feature->level_lengths[i]);
		write_bytes(writer, feature->levels[i], (size_t) feature->level_lengths[i]);
	}
}

static void
write_feature_transform(ByteWriter *writer, const FeatureTransform *feature, int width)
{
	uint8_t		mask = 0;

	write_i32(writer, feature->feature);
	write_i32(writer, feature->first_term);
	write_i32(writer, feature->nterms);
	write_u8(writer, (uint8_t) feature->impute);
	write_u8(writer, feature->indicator);
	write_u8(writer, (uint8_t) feature->map);
	write_u8(writer, (uint8_t) feature->scale);
	if (feature->impute_value != NULL)
		mask |= TRANSFORM_HAS_IMPUTE;
	if (feature->low != NULL)
		mask |= TRANSFORM_HAS_LOW;
	if (feature->high != NULL)
		mask |= TRANSFORM_HAS_HIGH;
	if (feature->center != NULL)
		mask |= TRANSFORM_HAS_CENTER;
	if (feature->spread != NULL)
		mask |= TRANSFORM_HAS_SPREAD;
	if (feature->dropped != NULL)
		mask |= TRANSFORM_HAS_DROPPED;
	write_u8(writer, mask);
	write_width_array(writer, feature->impute_value, width);
	write_width_array(writer, feature->low, width);
	write_width_array(writer, feature->high, width);
	write_width_array(writer, feature->center, width);
	write_width_array(writer, feature->spread, width);
	for (int i = 0; feature->dropped != NULL && i < width; i++)
		write_u8(writer, feature->dropped[i]);
	write_u8(writer, (uint8_t) feature->bin_encode);
	write_u32(writer, (uint32_t) feature->nedges);
	write_f64_array(writer, feature->edges, (size_t) feature->nedges);
	write_u8(writer, (uint8_t) feature->encode);
	write_u8(writer, feature->has_other);
	write_u8(writer, feature->has_missing);
	write_levels(writer, feature);
	write_u32(writer, (uint32_t) feature->ncodes);
	write_f64_array(writer, feature->codes, ((size_t) feature->nlevels + 3) * (size_t) feature->ncodes);
	write_u32(writer, feature->parts);
	write_i32(writer, feature->reference);
}

static void
write_transform(ByteWriter *writer, const Model *model)
{
	const Transform *transform = model->transform;

	write_u32(writer, (uint32_t) transform->nterms);
	write_u32(writer, (uint32_t) transform->nfeatures);
	for (int i = 0; i < transform->nfeatures; i++)
	{
		const FeatureTransform *feature = &transform->features[i];

		env_poll(writer->env);
		write_feature_transform(writer, feature, model->schema.features[feature->feature].width);
	}
}

/* Fields that the task does not use have fixed values, whatever they are in memory. */
static void
write_target(ByteWriter *writer, const TargetInfo *target, Task task)
{
	write_string(writer, target->name);
	write_string(writer, target->type_name);
	write_u32(writer, (uint32_t) target->nclasses);
	for (int i = 0; i < target->nclasses; i++)
		write_string(writer, target->classes[i]);
	write_i32(writer, task == TASK_BINARY ? target->positive : -1);
	write_f64(writer, task == TASK_BINARY ? target->threshold : 0);
	write_u8(writer, (uint8_t) target->map);
	write_f64(writer, target->map == TARGET_YEO_JOHNSON ? target->lambda : 0);
}

static void
write_calibration(ByteWriter *writer, const Calibration *calibration)
{
	write_u8(writer, (uint8_t) calibration->method);
	write_f64(writer, calibration->slope);
	write_f64(writer, calibration->intercept);
	write_u32(writer, (uint32_t) calibration->nknots);
	write_f64_array(writer, calibration->x, (size_t) calibration->nknots);
	write_f64_array(writer, calibration->y, (size_t) calibration->nknots);
}

static void
write_split(ByteWriter *writer, const SplitSpec *split)
{
	write_u8(writer, (uint8_t) split->method);
	write_f64(writer, split->test);
	write_f64(writer, split->sample);
	write_u8(writer, split->refit);
	write_u64(writer, split->seed);
	write_string(writer, split->key);
	write_string(writer, split->row_columns);
	write_string(writer, split->column);
	write_i64(writer, split->cutoff);
	write_u32(writer, (uint32_t) split->nstrata);
	write_f64_array(writer, split->limits, (size_t) split->nstrata);
}

/* The type of a parameter's bytes: a word among weights is that of a choice. */
static uint8_t
param_wire_type(const ParamSpec *spec, const ParamValue *value)
{
	if (spec->type == PARAM_WEIGHTS)
		return value->text != NULL ? PARAM_CHOICE : PARAM_WEIGHTS;
	return (uint8_t) (spec->type | (value->chosen ? PARAM_CHOSEN_BIT : 0));
}

static void
write_weights(ByteWriter *writer, const ParamValue *value)
{
	if (value->text != NULL)
	{
		write_string(writer, value->text);
		return;
	}
	write_u32(writer, (uint32_t) value->list_length);
	for (int i = 0; i < value->list_length; i++)
	{
		write_string(writer, value->names[i]);
		write_f64(writer, value->list[i]);
	}
}

/* Values as used; whether the user gave them or took the default makes no other model. */
static void
write_params(ByteWriter *writer, const ParamSet *params)
{
	write_u32(writer, (uint32_t) params->count);
	for (int i = 0; i < params->count; i++)
	{
		const ParamSpec *spec = &params->specs[i];
		const ParamValue *value = &params->values[i];

		write_string(writer, spec->name);
		write_u8(writer, param_wire_type(spec, value));
		switch (spec->type)
		{
			case PARAM_INTEGER:
			case PARAM_REAL:
				write_f64(writer, value->number);
				break;
			case PARAM_BOOLEAN:
				write_u8(writer, value->number != 0);
				break;
			case PARAM_CHOICE:
			case PARAM_TEXT:
				write_string(writer, value->text);
				break;
			case PARAM_REAL_LIST:
				write_u32(writer, (uint32_t) value->list_length);
				write_f64_array(writer, value->list, (size_t) value->list_length);
				break;
			case PARAM_WEIGHTS:
				write_weights(writer, value);
				break;
		}
	}
}

static void
write_array(ByteWriter *writer, const ModelArray *array)
{
	size_t		count = (size_t) array->rows * (size_t) array->cols;

	write_string(writer, array->name);
	write_u8(writer, (uint8_t) array->type);
	write_i64(writer, array->rows);
	write_i64(writer, array->cols);
	switch (array->type)
	{
		case ARRAY_U8:
			write_bytes(writer, array->data, count);
			break;
		case ARRAY_I32:
			write_u32_array(writer, array->data, count);
			break;
		case ARRAY_I64:
			write_u64_array(writer, array->data, count);
			break;
		case ARRAY_F32:
			write_f32_array(writer, array->data, count);
			break;
		case ARRAY_F64:
			write_f64_array(writer, array->data, count);
			break;
	}
}

static void
write_arrays(ByteWriter *writer, const Model *model)
{
	write_u32(writer, (uint32_t) model->narrays);
	for (int i = 0; i < model->narrays; i++)
		write_array(writer, &model->arrays[i]);
}

static void
write_numbers(ByteWriter *writer, const Model *model)
{
	write_u32(writer, (uint32_t) model->nnumbers);
	for (int i = 0; i < model->nnumbers; i++)
	{
		write_string(writer, model->numbers[i].name);
		write_f64(writer, model->numbers[i].value);
	}
}

CoreStatus
model_encode(CoreEnv *env, const Model *model, size_t prefix, uint8_t **bytes, size_t *length)
{
	ByteWriter	writer;
	size_t		position;

	CORE_TRY(model_check(env, model, CORE_INVALID, "model cannot be stored"));
	frame_begin(&writer, env, prefix, model_magic);

#define SECTION(tag, statement) \
	do { \
		position = section_begin(&writer, (tag)); \
		statement; \
		section_end(&writer, position); \
	} while (0)

	SECTION(SECTION_HEAD, write_head(&writer, model));
	SECTION(SECTION_SCHEMA, write_schema(&writer, &model->schema));
	SECTION(SECTION_TRANSFORM, write_transform(&writer, model));
	SECTION(SECTION_TARGET, write_target(&writer, &model->target, model->task));
	SECTION(SECTION_CALIBRATION, write_calibration(&writer, &model->calibration));
	SECTION(SECTION_SPLIT, write_split(&writer, &model->split));
	SECTION(SECTION_PARAMS, write_params(&writer, &model->params));
	SECTION(SECTION_ARRAYS, write_arrays(&writer, model));
	SECTION(SECTION_NUMBERS, write_numbers(&writer, model));
#undef SECTION

	CORE_TRY(frame_end(&writer, 9));
	*bytes = writer.data;
	*length = writer.length;
	return CORE_OK;
}

/*
 * class_label.c
 *	  Which class a value is; see class_label.h.  Cost: one text, and a comparison for each class.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"

#include "pg/class_label.h"
#include "pg/encoding.h"

StaticAssertDecl(CLASS_NUMBER_BYTES >= DOUBLE_SHORTEST_DECIMAL_LEN, "labels must hold any number");

void
class_label_of_number(double value, char *text)
{
	if (value == rint(value) && fabs(value) < 9e15)
		snprintf(text, CLASS_NUMBER_BYTES, INT64_FORMAT, (int64) value);
	else
		double_to_shortest_decimal_buf(value, text);
}

/* NULL: values of this kind are no classes. */
static const char *
value_label(FeatureKind kind, const FeatureValue *value, char *number)
{
	switch (kind)
	{
		case FEATURE_CATEGORICAL:
			return encoding_text_from_utf8(pnstrdup(value->text, value->text_length));
		case FEATURE_BOOLEAN:
			return value->number != 0 ? "true" : "false";
		case FEATURE_NUMERIC:
			class_label_of_number(value->number, number);
			return number;
		default:
			return NULL;
	}
}

int
class_of_value(const TargetInfo *target, FeatureKind kind, const FeatureValue *value)
{
	char		number[CLASS_NUMBER_BYTES];
	const char *label = value->missing ? NULL : value_label(kind, value, number);

	for (int i = 0; label != NULL && i < target->nclasses; i++)
		if (strcmp(target->classes[i], label) == 0)
			return i;
	return -1;
}

/*
 * class_label.h
 *	  Which class of a model a value of its target is.
 *
 * Training makes labels of the values that value_read gives (dataset_target.c):
 * numbers in the fewest digits, true and false, text without the padding of
 * char(n).  The type's own output function need not give the same.
 */
#ifndef PG_CLASS_LABEL_H
#define PG_CLASS_LABEL_H

#include "postgres.h"

#include "core/model.h"

#define CLASS_NUMBER_BYTES 32

/* The label of a number, into text[CLASS_NUMBER_BYTES]. */
extern void class_label_of_number(double value, char *text);

/* Index into target->classes; -1: the value is missing, or of no class that training saw.  Leaves a text in CurrentMemoryContext. */
extern int	class_of_value(const TargetInfo *target, FeatureKind kind, const FeatureValue *value);

#endif							/* PG_CLASS_LABEL_H */

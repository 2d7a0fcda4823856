/*
 * column_names.h
 *	  Lists of column names as users write them, and columns of a row by name.
 */
#ifndef PG_COLUMN_NAMES_H
#define PG_COLUMN_NAMES_H

#include "postgres.h"

#include "access/tupdesc.h"

/*
 * "a, b" into names; a name in double quotes may contain commas and blanks.
 * ERROR 22023 for empty names, 54000 for more names than a row has columns.
 */
extern char **column_names_split(const char *list, int *count);
/* The reverse: names with anything but letters, digits and underscores are quoted. */
extern char *column_names_join(char **names, int count);

extern bool column_names_contain(char **names, int count, const char *name);

/*
 * 1-based number of the column, or an ERROR 42703 "column "x" of the source does
 * not exist" that names the nearest one.
 */
extern int	column_number_by_name(TupleDesc descriptor, const char *name);

#endif							/* PG_COLUMN_NAMES_H */

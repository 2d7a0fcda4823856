/*
 * names.h
 *	  Lists of column names as one text: a, b, "with, comma".
 *
 * Names are exact (case counts, nothing is folded); a name with anything but
 * letters, digits and underscores is in double quotes, quotes inside doubled.
 */
#ifndef PG_NAMES_H
#define PG_NAMES_H

#include "postgres.h"

extern char *names_join(char **names, int count);
/* The reverse; ERROR 22023 on an empty name.  In CurrentMemoryContext. */
extern char **names_split(const char *list, int *count);

#endif							/* PG_NAMES_H */

/*
 * names.c
 *	  Lists of column names as one text; see names.h.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"

#include "pg/names.h"

static bool
is_plain(const char *name)
{
	if (*name == '\0')
		return false;
	for (; *name != '\0'; name++)
	{
		if (!isalnum((unsigned char) *name) && *name != '_')
			return false;
	}
	return true;
}

char *
names_join(char **names, int count)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(&list, ", ");
		if (is_plain(names[i]))
		{
			appendStringInfoString(&list, names[i]);
			continue;
		}
		appendStringInfoChar(&list, '"');
		for (const char *p = names[i]; *p != '\0'; p++)
		{
			if (*p == '"')
				appendStringInfoChar(&list, '"');
			appendStringInfoChar(&list, *p);
		}
		appendStringInfoChar(&list, '"');
	}
	return list.data;
}

/* One name from *p, which moves behind it. */
static char *
next_name(const char **p)
{
	StringInfoData name;
	const char *c = *p;

	initStringInfo(&name);
	if (*c == '"')
	{
		for (c++; *c != '\0' && (c[0] != '"' || c[1] == '"'); c++)
		{
			if (*c == '"')
				c++;
			appendStringInfoChar(&name, *c);
		}
		if (*c == '"')
			c++;
		while (isspace((unsigned char) *c))
			c++;
	}
	else
	{
		for (; *c != '\0' && *c != ','; c++)
			appendStringInfoChar(&name, *c);
		while (name.len > 0 && isspace((unsigned char) name.data[name.len - 1]))
			name.data[--name.len] = '\0';
	}
	*p = c;
	return name.data;
}

char **
names_split(const char *list, int *count)
{
	const char *p = list;
	int			capacity = 8;
	char	  **names = palloc(sizeof(char *) * capacity);

	*count = 0;
	for (;;)
	{
		while (isspace((unsigned char) *p))
			p++;
		if (*count == capacity)
		{
			capacity *= 2;
			names = repalloc(names, sizeof(char *) * capacity);
		}
		names[*count] = next_name(&p);
		if (names[*count][0] == '\0' || (*p != '\0' && *p != ','))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid list of column names: %s", list),
					 errhint("Separate names by single commas; put names with commas in double quotes.")));
		(*count)++;
		if (*p == '\0')
			return names;
		p++;
	}
}

/*
 * term_list.c
 *	  Lists of term names in messages; see term_list.h.
 */
#include "core/term_list.h"

#include <stdio.h>
#include <string.h>

#define TAIL_LENGTH 24			/* " and 2147483647 more" */

int
term_list(const FitInput *input, const bool *chosen, char *text, size_t size)
{
	int			count = 0;
	int			shown = 0;
	size_t		length = 0;

	text[0] = '\0';
	for (int j = 0; j <= input->nterms; j++)
		count += chosen[j];
	for (int j = 0; j <= input->nterms; j++)
	{
		const char *name = j == 0 ? "(Intercept)" : input->terms[j - 1].name;

		if (!chosen[j])
			continue;
		if (length + strlen(name) + TAIL_LENGTH > size)
		{
			snprintf(text + length, size - length, "%s%d more", shown > 0 ? " and " : "", count - shown);
			break;
		}
		length += (size_t) snprintf(text + length, size - length, "%s\"%s\"", shown > 0 ? ", " : "", name);
		shown++;
	}
	return count;
}

CoreStatus
term_list_report_aliased(CoreEnv *env, const FitInput *input, const int32_t *kept, int nkept)
{
	bool	   *chosen;
	char		names[TERM_LIST_SIZE];
	int			count;

	if (nkept == input->nterms)
		return CORE_OK;
	CORE_ALLOC(env, chosen, (size_t) input->nterms + 1);
	for (int j = 1; j <= input->nterms; j++)
		chosen[j] = true;
	for (int k = 0; k < nkept; k++)
		chosen[1 + kept[k]] = false;
	count = term_list(input, chosen, names, sizeof(names));
	env_log(env, CORE_NOTICE, "%d term%s left out as linear combinations of earlier ones: %s", count, count == 1 ? "" : "s", names);
	env_release(env, chosen);
	return CORE_OK;
}

/*
 * term_list.c
 *	  Lists of term names in messages; see term_list.h.
 */
#include "core/term_list.h"

#include <stdio.h>
#include <string.h>

#include "core/linear_scorer.h"

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
	bool	   *aliased;
	CoreStatus	status;

	CORE_ALLOC(env, aliased, (size_t) input->nterms);
	for (int j = 0; j < input->nterms; j++)
		aliased[j] = true;
	for (int k = 0; k < nkept; k++)
		aliased[kept[k]] = false;
	status = linear_report_aliased(env, input->terms, input->nterms, aliased);
	env_release(env, aliased);
	return status;
}

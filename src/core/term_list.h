/*
 * term_list.h
 *	  Lists of term names in messages.
 */
#ifndef CORE_TERM_LIST_H
#define CORE_TERM_LIST_H

#include "core/algorithm.h"

#define TERM_LIST_SIZE 320

/*
 * "a", "b" and 7 more: the terms that `chosen` marks ([1 + nterms], the
 * intercept first), as many as fit.  Returns how many are marked.
 */
extern int	term_list(const FitInput *input, const bool *chosen, char *text, size_t size);

/* A NOTICE that names the terms missing from kept[nkept], ascending indexes; none when all are there. */
extern CoreStatus term_list_report_aliased(CoreEnv *env, const FitInput *input, const int32_t *kept, int nkept);

#endif							/* CORE_TERM_LIST_H */

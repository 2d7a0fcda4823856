/*
 * tune_space.h
 *	  What a search tries: the `space` argument of mlops.tune as a list of trials.
 */
#ifndef TRAIN_TUNE_SPACE_H
#define TRAIN_TUNE_SPACE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "core/algorithm.h"

typedef enum SearchStrategy
{
	SEARCH_GRID,
	SEARCH_RANDOM
} SearchStrategy;

typedef struct TrialList
{
	int			count;
	char	  **params;			/* each a JSON object with a value for every searched parameter */
} TrialList;

/* ERROR 22023 naming the two unless the word is one of them. */
extern SearchStrategy search_strategy(const char *word);

/*
 * `space`: {"name": [values …] | {"min": a, "max": b, "scale": "linear" | "log",
 * "steps": n}}.  GRID: every combination, the last name varying fastest.
 * RANDOM: n_trials different draws that follow from seed, name and number of
 * the draw alone, so that a longer search begins with the trials of a shorter;
 * every combination where there are no more than n_trials of them.  n_trials (0
 * to TUNE_MAX_TRIALS) 0: all of a grid, 20 draws.  ERROR 22023 naming what is wrong.
 */
#define TUNE_MAX_TRIALS 1000

extern void tune_space_trials(Jsonb *space, const Algorithm *algorithm, SearchStrategy strategy, int n_trials,
							  uint64 seed, TrialList *trials);

#endif							/* TRAIN_TUNE_SPACE_H */

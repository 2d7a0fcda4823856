/*
 * pair.h
 *	  Two doubles at a time, for loops that compilers do not make fast by
 *	  themselves: every 64-bit machine we know has registers of two.
 *
 * Arithmetic is element by element, so a loop over pairs has the bits of a loop
 * over as many running sums.
 */
#ifndef CORE_PAIR_H
#define CORE_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef double Pair __attribute__((vector_size(16)));
typedef int64_t PairBits __attribute__((vector_size(16)));

static inline Pair
pair_load(const double *x)
{
	Pair		pair;

	memcpy(&pair, x, sizeof(pair));
	return pair;
}

static inline void
pair_store(double *x, Pair pair)
{
	memcpy(x, &pair, sizeof(pair));
}

static inline Pair
pair_of(double x)
{
	return (Pair) {x, x};
}

/* a < b ? a : b in each half: b where one is NaN. */
static inline Pair
pair_min(Pair a, Pair b)
{
#ifdef __SSE2__
	return (Pair) _mm_min_pd((__m128d) a, (__m128d) b);
#else
	return (Pair) {a[0] < b[0] ? a[0] : b[0], a[1] < b[1] ? a[1] : b[1]};
#endif
}

/* a > b ? a : b in each half: b where one is NaN. */
static inline Pair
pair_max(Pair a, Pair b)
{
#ifdef __SSE2__
	return (Pair) _mm_max_pd((__m128d) a, (__m128d) b);
#else
	return (Pair) {a[0] > b[0] ? a[0] : b[0], a[1] > b[1] ? a[1] : b[1]};
#endif
}

/* Whether no value is NaN or infinite. */
static inline bool
pair_all_finite(const double *x, int n)
{
	Pair		zero[4] = {{0}};	/* NaN once a value is not finite */
	double		rest = 0;
	int			i = 0;

	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 4; k++)
			zero[k] += pair_load(x + i + 2 * k) * 0;
	for (; i < n; i++)
		rest += x[i] * 0;
	zero[0] += (zero[1] + zero[2]) + zero[3];
	return zero[0][0] + zero[0][1] + rest == 0;
}

#endif							/* CORE_PAIR_H */

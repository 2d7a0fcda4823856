/*
 * real.h
 *	  Transcendentals of our own: the same bits on every machine.
 *
 * glibc chooses variants by CPU (with and without FMA) that differ in the last
 * place; predictions may not.  Compiled without contraction.  Errors below
 * 1 ulp (real_exp, real_log, real_log1p, real_expm1) and 2 ulp (real_pow).
 */
#ifndef CORE_REAL_H
#define CORE_REAL_H

#include <stdint.h>
#include <string.h>

extern double real_exp(double x);
extern double real_expm1(double x);
extern double real_log(double x);
extern double real_log1p(double x);
extern double real_pow(double x, double y);
/* 1 / (1 + exp(-x)) without overflow; accurate in both tails. */
extern double real_logistic(double x);
/* log(1 + exp(x)) without overflow. */
extern double real_softplus(double x);
/* In place softmax of k margins, max-shifted, summed in index order. */
extern void real_softmax(double *margins, int k);
extern double real_normal_cdf(double x);	/* also the inverse probit link */
extern double real_normal_upper(double z);	/* P(Z > z); both to about 1e-15 relative in the lower tail of the result */

/* distributions.c: for p-values and limits; relative accuracy 1e-12 or better away from 0 tails */
extern double normal_two_sided(double z);	/* P(|Z| >= |z|) */
extern double normal_quantile(double p);
extern double student_two_sided(double t, double df);
extern double student_quantile(double p, double df);
extern double f_upper(double f, double df1, double df2);
extern double chi_squared_upper(double x, double df);
extern double log_gamma(double x);
extern double digamma(double x);

/* condition < 0 ? a : b, in bits, of which no compiler makes a branch: loops over it become vectors. */
static inline __attribute__((always_inline)) double
real_choose_by_sign(double condition, double a, double b)
{
	uint64_t	mask;
	uint64_t	first;
	uint64_t	second;

	memcpy(&mask, &condition, sizeof(mask));
	memcpy(&first, &a, sizeof(first));
	memcpy(&second, &b, sizeof(second));
	mask = -(mask >> 63);
	first = (first & mask) | (second & ~mask);
	memcpy(&a, &first, sizeof(a));
	return a;
}

#endif							/* CORE_REAL_H */

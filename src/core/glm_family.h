/*
 * glm_family.h
 *	  Families and links of generalized linear models, row by row and by chunks.
 *
 * A family fixes the variance function V(mu) and the unit deviance d(y, mu); a
 * link g maps the mean to the linear predictor, eta = g(mu).  One step of
 * iteratively reweighted least squares regresses the working residual
 * (y - mu) / mu'(eta) with weights w mu'(eta)^2 / V(mu).
 *
 * Both tails of a probability are carried (mu and 1 - mu), so fits far out on
 * the scale keep their relative accuracy.
 */
#ifndef CORE_GLM_FAMILY_H
#define CORE_GLM_FAMILY_H

#include "core/model.h"

typedef enum GlmFamily
{
	GLM_GAUSSIAN = 0,			/* V = 1 */
	GLM_BINOMIAL,				/* V = mu (1 - mu); y a proportion in [0, 1] of `weight` trials */
	GLM_POISSON,				/* V = mu; y >= 0 */
	GLM_GAMMA,					/* V = mu^2; y > 0 */
	GLM_INVERSE_GAUSSIAN		/* V = mu^3; y > 0 */
} GlmFamily;

#define GLM_FAMILY_CHOICES "gaussian|binomial|poisson|gamma|inverse_gaussian"

typedef struct GlmSpec
{
	GlmFamily	family;
	Link		link;
} GlmSpec;

/* What one chunk of rows adds to the sums of a pass. */
typedef struct GlmSums
{
	double		deviance;		/* sum of w d(y, mu) */
	double		pearson;		/* sum of w (y - mu)^2 / V(mu) */
	double		scale;			/* sum of working weight times eta^2 + 1 (eta^2 for power links) */
	double		max_eta;		/* largest |eta| */
	bool		invalid;		/* some mean is outside the family's range */
	bool		not_finite;		/* some eta is NaN or infinite */
} GlmSums;

extern const char *glm_family_name(GlmFamily family);
extern Link glm_canonical_link(GlmFamily family);
/* The links that R offers for the family, without cauchit. */
extern bool glm_link_allowed(GlmFamily family, Link link);
/* Whether the dispersion is estimated (t statistics) or 1 (z statistics). */
extern bool glm_dispersion_estimated(GlmFamily family);
/* NULL, or what is wrong with this target value: "a negative value". */
extern const char *glm_domain_error(GlmFamily family, double y);

/* g(mu); NaN where the link is not defined. */
extern double glm_link(Link link, double mean);
/* The mean that the first step starts from, as in R; `mean` stands in where that has no link. */
extern double glm_start_mean(const GlmSpec *spec, double y, double weight, double mean);

/*
 * Chunk of n rows: from eta, y and weights w to the square roots of the working
 * weights and to the working residuals; adds to `sums`.  Rows of weight zero
 * get zeros and add nothing.  One exp and one log a row for most families.
 *
 * A binomial row far on the wrong side has hardly any working weight and a huge
 * residual, in whose rounding errors a least squares fit would lose the other
 * rows.  Beyond 1e12 the residual is cut and the weight raised by as much: their
 * product, the row's score, stays, and the information of the rows that
 * balance it is larger by twelve digits.
 */
extern void glm_rows(const GlmSpec *spec, int n, const double *eta, const double *y, const double *w, double *root_weight, double *residual, GlmSums *sums);
/*
 * The rows' shares in the observed information, minus the second derivative of
 * the log-likelihood by eta (as dispersion 1); may be negative.  Means must be
 * in range.
 */
extern void glm_curvature(const GlmSpec *spec, int n, const double *eta, const double *y, const double *w, double *curvature);

/* One row at a common linear predictor, for the null model: adds w d(y, mu), the score and the information. */
typedef struct GlmNull
{
	double		deviance;
	double		score;
	double		information;
	bool		invalid;
} GlmNull;

extern void glm_null_row(const GlmSpec *spec, double eta, double y, double w, GlmNull *null);

/*
 * Which way eta of this row may go for ever without loss of likelihood: +1, -1,
 * or 0 where it may not move.  Only for specs that glm_can_separate.
 */
extern bool glm_can_separate(const GlmSpec *spec);
extern int	glm_recession_sign(const GlmSpec *spec, double y);

/* The part of the log-likelihood that no parameter changes; add over rows. */
extern double glm_likelihood_constant(const GlmSpec *spec, double y, double w);
/*
 * Log-likelihood as in R's logLik.glm, with the dispersion at deviance / weight
 * where it is estimated.  `constant`: sum of glm_likelihood_constant.
 */
extern double glm_log_likelihood(const GlmSpec *spec, double deviance, double weight, double rows, double constant);

#endif							/* CORE_GLM_FAMILY_H */

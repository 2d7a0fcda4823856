/*
 * glm_family.c
 *	  Families and links of generalized linear models; see glm_family.h.
 *
 * Definitions after McCullagh and Nelder, Generalized Linear Models (1989);
 * starting values, links allowed and likelihoods agree with R's stats::glm.
 * Where R bounds means away from 0 and 1 by the machine epsilon, tails are
 * computed here with full relative accuracy instead.
 */
#include "core/glm_family.h"

#include <math.h>

#include "core/real.h"

#define LOG_LIMIT 700.0			/* exp stays finite and positive */
#define PROBIT_LIMIT 37.0		/* the normal tail stays above 1e-299 */
#define CLOGLOG_LIMIT 6.5		/* exp(-exp(6.5)) is about 1e-288 */
#define LEAST_HIT 1e-12			/* working residuals of binomial rows stay below its inverse; glm_family.h */
#define TWO_PI 6.283185307179586476925287
#define ROOT_TWO_PI 2.506628274631000502415765

typedef struct GlmMean
{
	double		mean;
	double		complement;		/* 1 - mean, for BINOMIAL */
	double		slope;			/* d mean / d eta */
} GlmMean;

const char *
glm_family_name(GlmFamily family)
{
	switch (family)
	{
		case GLM_GAUSSIAN:
			return "gaussian";
		case GLM_BINOMIAL:
			return "binomial";
		case GLM_POISSON:
			return "poisson";
		case GLM_GAMMA:
			return "gamma";
		case GLM_INVERSE_GAUSSIAN:
			return "inverse_gaussian";
	}
	return "unknown";
}

Link
glm_canonical_link(GlmFamily family)
{
	switch (family)
	{
		case GLM_BINOMIAL:
			return LINK_LOGIT;
		case GLM_POISSON:
			return LINK_LOG;
		case GLM_GAMMA:
			return LINK_INVERSE;
		case GLM_INVERSE_GAUSSIAN:
			return LINK_INVERSE_SQUARE;
		default:
			return LINK_IDENTITY;
	}
}

bool
glm_link_allowed(GlmFamily family, Link link)
{
	switch (family)
	{
		case GLM_GAUSSIAN:
		case GLM_GAMMA:
			return link == LINK_IDENTITY || link == LINK_LOG || link == LINK_INVERSE;
		case GLM_BINOMIAL:
			return link == LINK_LOGIT || link == LINK_PROBIT || link == LINK_CLOGLOG || link == LINK_LOG;
		case GLM_POISSON:
			return link == LINK_LOG || link == LINK_IDENTITY || link == LINK_SQRT;
		case GLM_INVERSE_GAUSSIAN:
			return link == LINK_INVERSE_SQUARE || link == LINK_INVERSE || link == LINK_IDENTITY || link == LINK_LOG;
	}
	return false;
}

bool
glm_dispersion_estimated(GlmFamily family)
{
	return family != GLM_BINOMIAL && family != GLM_POISSON;
}

const char *
glm_domain_error(GlmFamily family, double y)
{
	if (!isfinite(y))
		return "a value that is not finite";
	switch (family)
	{
		case GLM_BINOMIAL:
			if (y < 0.0)
				return "a negative value";
			return y > 1.0 ? "a value above 1" : NULL;
		case GLM_POISSON:
			return y < 0.0 ? "a negative value" : NULL;
		case GLM_GAMMA:
		case GLM_INVERSE_GAUSSIAN:
			if (y < 0.0)
				return "a negative value";
			return y == 0.0 ? "the value 0" : NULL;
		default:
			return NULL;
	}
}

double
glm_link(Link link, double mean)
{
	switch (link)
	{
		case LINK_IDENTITY:
			return mean;
		case LINK_LOG:
			return mean > 0.0 ? real_log(mean) : NAN;
		case LINK_LOGIT:
			return mean > 0.0 && mean < 1.0 ? real_log(mean) - real_log1p(-mean) : NAN;
		case LINK_PROBIT:
			return mean > 0.0 && mean < 1.0 ? normal_quantile(mean) : NAN;
		case LINK_CLOGLOG:
			return mean > 0.0 && mean < 1.0 ? real_log(-real_log1p(-mean)) : NAN;
		case LINK_INVERSE:
			return mean != 0.0 ? 1.0 / mean : NAN;
		case LINK_SQRT:
			return mean >= 0.0 ? sqrt(mean) : NAN;
		case LINK_INVERSE_SQUARE:
			return mean > 0.0 ? 1.0 / (mean * mean) : NAN;
		default:
			return NAN;
	}
}

double
glm_start_mean(const GlmSpec *spec, double y, double weight, double mean)
{
	switch (spec->family)
	{
		case GLM_BINOMIAL:
			return (weight * y + 0.5) / (weight + 1.0);
		case GLM_POISSON:
			return y + 0.1;
		default:
			return isfinite(glm_link(spec->link, y)) ? y : mean;
	}
}

static inline double
clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

static inline void
logit_mean(double eta, GlmMean *m)
{
	double		e = real_exp(-fabs(eta));
	double		large = 1.0 / (1.0 + e);
	double		small = e * large;

	m->mean = eta >= 0.0 ? large : small;
	m->complement = eta >= 0.0 ? small : large;
	m->slope = large * small;
}

/* False where the mean is outside the range of the family. */
static bool
inverse_link(const GlmSpec *spec, double eta, GlmMean *m)
{
	double		t;

	m->complement = NAN;
	switch (spec->link)
	{
		case LINK_IDENTITY:
			m->mean = eta;
			m->slope = 1.0;
			break;
		case LINK_LOG:
			t = clamp(eta, -LOG_LIMIT, LOG_LIMIT);
			m->mean = m->slope = real_exp(t);
			m->complement = -real_expm1(t);
			break;
		case LINK_LOGIT:
			logit_mean(clamp(eta, -LOG_LIMIT, LOG_LIMIT), m);
			break;
		case LINK_PROBIT:
			t = clamp(eta, -PROBIT_LIMIT, PROBIT_LIMIT);
			m->mean = real_normal_cdf(t);
			m->complement = real_normal_cdf(-t);
			m->slope = real_exp(-0.5 * t * t) / ROOT_TWO_PI;
			break;
		case LINK_CLOGLOG:
			t = real_exp(clamp(eta, -LOG_LIMIT, CLOGLOG_LIMIT));
			m->complement = real_exp(-t);
			m->mean = -real_expm1(-t);
			m->slope = t * m->complement;
			break;
		case LINK_INVERSE:
			m->mean = 1.0 / eta;
			m->slope = -m->mean * m->mean;
			break;
		case LINK_SQRT:
			if (eta <= 0.0)
				return false;
			m->mean = eta * eta;
			m->slope = 2.0 * eta;
			break;
		case LINK_INVERSE_SQUARE:
			if (eta <= 0.0)
				return false;
			m->mean = 1.0 / sqrt(eta);
			m->slope = -0.5 * m->mean / eta;
			break;
		default:
			return false;
	}
	if (!isfinite(m->mean) || !isfinite(m->slope))
		return false;
	if (spec->family == GLM_BINOMIAL)
		return m->mean > 0.0 && m->complement > 0.0;
	return spec->family == GLM_GAUSSIAN || m->mean > 0.0;
}

static inline double
variance(GlmFamily family, const GlmMean *m)
{
	switch (family)
	{
		case GLM_BINOMIAL:
			return m->mean * m->complement;
		case GLM_POISSON:
			return m->mean;
		case GLM_GAMMA:
			return m->mean * m->mean;
		case GLM_INVERSE_GAUSSIAN:
			return m->mean * m->mean * m->mean;
		default:
			return 1.0;
	}
}

/* y - mean without cancellation where y is 0 or 1. */
static inline double
response_residual(GlmFamily family, double y, const GlmMean *m)
{
	if (family == GLM_BINOMIAL && y == 1.0)
		return m->complement;
	return y - m->mean;
}

/* log of a probability of which the complement is known too. */
static inline double
log_probability(double p, double complement)
{
	return p < 0.5 ? real_log(p) : real_log1p(-complement);
}

/* y log y + (1 - y) log(1 - y): the log-likelihood of one trial fitted exactly. */
static double
proportion_entropy(double y)
{
	if (y <= 0.0 || y >= 1.0)
		return 0.0;
	return y * real_log(y) + (1.0 - y) * real_log1p(-y);
}

static double
unit_deviance(GlmFamily family, double y, const GlmMean *m)
{
	double		r;
	double		d;

	switch (family)
	{
		case GLM_BINOMIAL:
			if (y == 1.0)
				return -2.0 * log_probability(m->mean, m->complement);
			if (y == 0.0)
				return -2.0 * log_probability(m->complement, m->mean);
			d = proportion_entropy(y) - y * log_probability(m->mean, m->complement)
				- (1.0 - y) * log_probability(m->complement, m->mean);
			break;
		case GLM_POISSON:
			d = (y > 0.0 ? y * real_log(y / m->mean) : 0.0) - (y - m->mean);
			break;
		case GLM_GAMMA:
			r = (y - m->mean) / m->mean;
			d = r - real_log(y / m->mean);
			break;
		case GLM_INVERSE_GAUSSIAN:
			r = (y - m->mean) / m->mean;
			return r * r / y;
		default:
			r = y - m->mean;
			return r * r;
	}
	return d > 0.0 ? 2.0 * d : 0.0;
}

static inline bool
power_link(Link link)
{
	return link == LINK_IDENTITY || link == LINK_INVERSE || link == LINK_SQRT || link == LINK_INVERSE_SQUARE;
}

static inline void
note_eta(GlmSums *sums, double eta)
{
	double		size = fabs(eta);

	if (size > sums->max_eta)
		sums->max_eta = size;
	else if (!(size <= sums->max_eta))
		sums->not_finite = true;
}

/* The commonest spec: 0/1 target, logit link; one exp and one log1p a row. */
static void
logit_rows(int n, const double *eta, const double *y, const double *w, double *root_weight, double *residual, GlmSums *sums)
{
	for (int i = 0; i < n; i++)
	{
		double		t = clamp(eta[i], -LOG_LIMIT, LOG_LIMIT);
		double		e = real_exp(-fabs(t));
		double		large = 1.0 / (1.0 + e);
		double		small = e * large;
		bool		likely = (t >= 0.0) == (y[i] > 0.5);
		double		hit = likely ? large : small;	/* probability of what was observed */
		double		miss = likely ? small : large;
		double		floor = hit < LEAST_HIT * miss ? LEAST_HIT * miss : hit;
		double		working = w[i] * floor * miss;

		if (w[i] == 0.0)
		{
			root_weight[i] = residual[i] = 0.0;
			continue;
		}
		note_eta(sums, eta[i]);
		root_weight[i] = sqrt(working);
		residual[i] = (y[i] > 0.5 ? 1.0 : -1.0) / floor;
		sums->deviance += 2.0 * w[i] * (real_log1p(e) + (likely ? 0.0 : fabs(t)));
		sums->pearson += w[i] * (miss / hit);
		sums->scale += working * (t * t + 1.0);
	}
}

void
glm_rows(const GlmSpec *spec, int n, const double *eta, const double *y, const double *w, double *root_weight, double *residual, GlmSums *sums)
{
	double		unit = power_link(spec->link) ? 0.0 : 1.0;
	bool		zero_one = spec->family == GLM_BINOMIAL && spec->link == LINK_LOGIT;

	for (int i = 0; i < n && zero_one; i++)
		zero_one = y[i] == 0.0 || y[i] == 1.0;
	if (zero_one)
	{
		logit_rows(n, eta, y, w, root_weight, residual, sums);
		return;
	}

	for (int i = 0; i < n; i++)
	{
		GlmMean		m;
		double		v;
		double		difference;
		double		working;

		root_weight[i] = residual[i] = 0.0;
		if (w[i] == 0.0)
			continue;
		note_eta(sums, eta[i]);
		if (!inverse_link(spec, eta[i], &m))
		{
			sums->invalid = true;
			continue;
		}
		v = variance(spec->family, &m);
		difference = response_residual(spec->family, y[i], &m);
		working = w[i] * (m.slope / v) * m.slope;
		if (!isfinite(working))
		{
			sums->invalid = true;
			continue;
		}
		residual[i] = working > 0.0 ? difference / m.slope : 0.0;
		if (spec->family == GLM_BINOMIAL && fabs(residual[i]) * LEAST_HIT > 1.0)
		{
			working *= fabs(residual[i]) * LEAST_HIT;
			residual[i] = copysign(1.0 / LEAST_HIT, residual[i]);
		}
		root_weight[i] = sqrt(working);
		sums->deviance += w[i] * unit_deviance(spec->family, y[i], &m);
		sums->pearson += w[i] * (difference / v) * difference;
		sums->scale += working * (eta[i] * eta[i] + unit);
	}
}

/* Second derivative of the mean by eta. */
static double
mean_bend(Link link, double eta, const GlmMean *m)
{
	switch (link)
	{
		case LINK_LOG:
			return m->mean;
		case LINK_LOGIT:
			return m->slope * (m->complement - m->mean);
		case LINK_PROBIT:
			return -eta * m->slope;
		case LINK_CLOGLOG:
			return m->slope * (1.0 - real_exp(clamp(eta, -LOG_LIMIT, CLOGLOG_LIMIT)));
		case LINK_INVERSE:
			return 2.0 * m->mean * m->mean * m->mean;
		case LINK_SQRT:
			return 2.0;
		case LINK_INVERSE_SQUARE:
			return 0.75 * m->mean / (eta * eta);
		default:
			return 0.0;
	}
}

/* Relative change of the variance with the mean, V'(mu) / V(mu). */
static double
variance_growth(GlmFamily family, const GlmMean *m)
{
	switch (family)
	{
		case GLM_BINOMIAL:
			return 1.0 / m->mean - 1.0 / m->complement;
		case GLM_POISSON:
			return 1.0 / m->mean;
		case GLM_GAMMA:
			return 2.0 / m->mean;
		case GLM_INVERSE_GAUSSIAN:
			return 3.0 / m->mean;
		default:
			return 0.0;
	}
}

/*
 * The score by eta is w (y - mu) h with h = mu' / V, so the curvature is
 * w (mu' h - (y - mu) h'), h' = (mu'' - mu'^2 V' / V) / V.
 */
void
glm_curvature(const GlmSpec *spec, int n, const double *eta, const double *y, const double *w, double *curvature)
{
	for (int i = 0; i < n; i++)
	{
		GlmMean		m;
		double		v;
		double		bend;
		double		value;

		curvature[i] = 0.0;
		if (w[i] == 0.0 || !inverse_link(spec, eta[i], &m))
			continue;
		v = variance(spec->family, &m);
		bend = (mean_bend(spec->link, eta[i], &m) - m.slope * m.slope * variance_growth(spec->family, &m)) / v;
		value = w[i] * (m.slope / v * m.slope - response_residual(spec->family, y[i], &m) * bend);
		curvature[i] = isfinite(value) ? value : w[i] * (m.slope / v * m.slope);
	}
}

void
glm_null_row(const GlmSpec *spec, double eta, double y, double w, GlmNull *null)
{
	GlmMean		m;
	double		v;

	if (w == 0.0)
		return;
	if (!inverse_link(spec, eta, &m))
	{
		null->invalid = true;
		return;
	}
	v = variance(spec->family, &m);
	null->deviance += w * unit_deviance(spec->family, y, &m);
	null->score += w * (m.slope / v) * response_residual(spec->family, y, &m);
	null->information += w * (m.slope / v) * m.slope;
}

bool
glm_can_separate(const GlmSpec *spec)
{
	if (spec->family == GLM_BINOMIAL)
		return spec->link != LINK_LOG;
	return spec->family == GLM_POISSON && spec->link == LINK_LOG;
}

int
glm_recession_sign(const GlmSpec *spec, double y)
{
	if (y == 0.0)
		return -1;
	return spec->family == GLM_BINOMIAL && y == 1.0 ? 1 : 0;
}

double
glm_likelihood_constant(const GlmSpec *spec, double y, double w)
{
	double		successes = w * y;

	if (w == 0.0)
		return 0.0;
	switch (spec->family)
	{
		case GLM_GAUSSIAN:
			return real_log(w);
		case GLM_BINOMIAL:
			if (y == 0.0 || y == 1.0)
				return 0.0;
			return log_gamma(w + 1.0) - log_gamma(successes + 1.0) - log_gamma(w - successes + 1.0)
				+ w * proportion_entropy(y);
		case GLM_POISSON:
			return w * ((y > 0.0 ? y * real_log(y) : 0.0) - y - log_gamma(y + 1.0));
		default:
			return w * real_log(y);
	}
}

/*
 * BINOMIAL and POISSON: the log-likelihood of a perfect fit minus half the
 * deviance.  The others follow from inserting deviance / weight (GAUSSIAN:
 * deviance / rows) for the dispersion in the density and adding up; the means
 * then enter through the deviance only.
 */
double
glm_log_likelihood(const GlmSpec *spec, double deviance, double weight, double rows, double constant)
{
	double		dispersion = deviance / weight;
	double		shape = 1.0 / dispersion;

	switch (spec->family)
	{
		case GLM_BINOMIAL:
		case GLM_POISSON:
			return constant - 0.5 * deviance;
		case GLM_GAUSSIAN:
			return 0.5 * (constant - rows * (real_log(TWO_PI * deviance / rows) + 1.0));
		case GLM_GAMMA:
			return -0.5 * shape * deviance - shape * weight
				- weight * (shape * real_log(dispersion) + log_gamma(shape)) - constant;
		case GLM_INVERSE_GAUSSIAN:
			return -0.5 * (weight * (real_log(TWO_PI * dispersion) + 1.0) + 3.0 * constant);
	}
	return NAN;
}

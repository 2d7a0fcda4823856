/*
 * term_moments.c
 *	  Means and spreads of a linear model's terms; see term_moments.h.
 *
 * The fit records them block by block while it has the block at hand; what it
 * did not read as it is scored is read here.
 */
#include "postgres.h"

#include "core/term_moments.h"
#include "pg/parallel_fit.h"
#include "train/term_moments.h"

void
train_want_term_moments(PgEnv *env, FitJob *job)
{
	if (job->algorithm->fit_rows != NULL)
		return;
	job->moments = env_alloc(&env->core, (size_t) fit_job_blocks(job), term_moments_doubles(job->transform->nterms) * sizeof(double));
	if (job->moments == NULL)
		pg_env_check(&env->core, CORE_NO_MEMORY);
}

void
train_add_term_moments(PgEnv *env, FitJob *job, Model *model)
{
	CoreEnv    *core = &env->core;
	int			nterms = job->transform->nterms;
	double	   *mean;
	double	   *spread;

	if (job->moments == NULL)
		return;
	if (model_array(model, "estimate") != NULL)
	{
		pg_env_check(core, model_add_array(core, model, "term_mean", ARRAY_F64, nterms, 1, (void **) &mean));
		pg_env_check(core, model_add_array(core, model, "term_sd", ARRAY_F64, nterms, 1, (void **) &spread));
		fit_blocks_complete_moments(env, job);
		term_moments_join(job->moments, fit_job_blocks(job), nterms, mean, spread);
	}
	env_release(core, job->moments);
	job->moments = NULL;
}

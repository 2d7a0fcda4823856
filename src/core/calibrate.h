/*
 * calibrate.h
 *	  Fitting probability calibration and decision thresholds on out-of-fold scores.
 */
#ifndef CORE_CALIBRATE_H
#define CORE_CALIBRATE_H

#include "core/model.h"

/* p[n] uncalibrated P(positive) out of fold, y[n] 0/1, w NULL or weights. */
extern CoreStatus calibrate_platt(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, Calibration *calibration);
extern CoreStatus calibrate_isotonic(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, Calibration *calibration);

/* Threshold that maximises F1, or minimises cost_fp * FP + cost_fn * FN; ties: the larger threshold. */
extern CoreStatus threshold_f1(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, double *threshold);
extern CoreStatus threshold_cost(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, double cost_fp, double cost_fn, double *threshold);

#endif							/* CORE_CALIBRATE_H */

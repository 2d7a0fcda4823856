/*
 * pin.h
 *	  References in queries that Citus may send to its workers.
 */
#ifndef SCORE_PIN_H
#define SCORE_PIN_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "nodes/primnodes.h"

/* The call with its reference naming the version that it means now; NULL where it stays as it is. */
extern FuncExpr *pin_call(PlannerInfo *root, const FuncExpr *call);

#endif							/* SCORE_PIN_H */

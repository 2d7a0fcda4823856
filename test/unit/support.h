/*
 * support.h: what every unit test includes: cmocka and the headers it wants first.
 */
#ifndef MLOPS_TEST_SUPPORT_H
#define MLOPS_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif /* MLOPS_TEST_SUPPORT_H */

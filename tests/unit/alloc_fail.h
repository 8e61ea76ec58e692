/*
 * Memory that runs out on purpose. A test that links alloc_fail.c (otk_alloc_test in
 * base.cmake) has malloc, calloc, realloc and strdup of our own code pass through here.
 *
 *	for (long n = 0; alloc_fail_next(n); n++) { ... the operation fails cleanly or works ...
 *}
 *
 * runs the body with the n-th allocation failing, until a run makes fewer than n.
 */
#ifndef OTKLIK_TESTS_ALLOC_FAIL_H
#define OTKLIK_TESTS_ALLOC_FAIL_H

#include <stdbool.h>

/* Lets the n-th allocation from now (0: the next) fail, once. -1: none. */
void alloc_fail_at(long n);

/* Whether the failure that alloc_fail_at asked for has happened. */
bool alloc_failed(void);

/* False once run n - 1 came to its end without reaching its failure; then none fails. */
bool alloc_fail_next(long n);

#endif

/* cmocka with the headers it needs, in the order it needs them. */
#ifndef OTKLIK_TESTS_CMOCKA_TEST_H
#define OTKLIK_TESTS_CMOCKA_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#endif

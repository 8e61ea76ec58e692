/* Currencies of ISO 4217 and amounts of them. */
#ifndef OTKLIK_CORE_CURRENCY_H
#define OTKLIK_CORE_CURRENCY_H

#include <stdint.h>

#include "base/status.h"

enum { AMOUNT_TEXT_SIZE = 32 };

/* The greatest amount, in whole units. */
#define AMOUNT_MAX INT64_C(1000000000000)

/* Digits behind the point (0, 2, 3, 4); -1 for what is no currency in use. */
int currency_digits(const char *code);

/*
 * "1500", "1500.5" → the smallest units of the currency. 0 or -OTK_INVALID_ARGUMENT: no number,
 * negative, too great, or with more digits than the currency has.
 */
int amount_parse(const char *text, int digits, int64_t *out);
const char *amount_format(int64_t amount, int digits, char out[AMOUNT_TEXT_SIZE]);

/* "month", "quarter", "year" and its months; NULL and 0 for anything else. */
const char *period_name(int months);
int period_months(const char *name);

#endif

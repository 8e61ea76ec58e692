/* Instants and durations as text: RFC 3339 and "15m", "4h", "2bd", "90s". */
#ifndef OTKLIK_BASE_TIME_TEXT_H
#define OTKLIK_BASE_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TIME_TEXT_SIZE = 40 };

/*
 * Days since 1970-01-01 of a proleptic Gregorian date, and back (algorithm: Howard Hinnant,
 * "chrono-compatible low-level date algorithms", days_from_civil).
 */
int64_t time_days_from_civil(int64_t year, int month, int day);
void time_civil_from_days(int64_t days, int64_t *year, int *month, int *day);

/* "2013-03-21T10:30:00Z", with up to six decimals only where they are not zero. */
const char *time_format_utc(int64_t us, char out[TIME_TEXT_SIZE]);

/*
 * Parses RFC 3339 date-times, years 1970 to 2100: "2013-03-21T10:30:00Z", "+02:00", a space
 * for "T", fractions to the microsecond. With `is_local` not NULL a time without a zone is
 * accepted too and told by *is_local = 1: then *us is the civil time read as if it were UTC.
 * 0, or -OTK_INVALID_ARGUMENT.
 */
int time_parse(const char *text, int64_t *us, int *is_local);

/* Parses "2015-09-22" to days since 1970-01-01. 0, or -OTK_INVALID_ARGUMENT. */
int time_parse_date(const char *text, int64_t *days);

#endif

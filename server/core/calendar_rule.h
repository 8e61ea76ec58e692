/*
 * Holidays as rules, for those that come every year: written once, worked out for 1970 to 2100.
 *
 *   jan 1                a date, or a run of them: jan 1-8, dec 30-jan 2
 *   last mon of may      the n-th weekday of a month: 1st 2nd 3rd 4th 5th last
 *   easter+1             days from Western Easter Sunday: easter, easter-2, easter+39
 *   orthodox easter+1    the same from the Easter of the Julian calendar
 *
 * Any of them may be moved by days (`4th thu of nov +1`) and end with what happens on a
 * weekend, Saturday or Sunday; the day itself stays a holiday too:
 *
 *   observed next weekday     also the next Monday to Friday that is no holiday by a rule
 *   observed monday           also the Monday after it
 *   observed nearest weekday  also the Friday before a Saturday, the Monday after a Sunday
 *
 * `feb 29` and a fifth weekday come only in the years that have them.
 */
#ifndef OTKLIK_CORE_CALENDAR_RULE_H
#define OTKLIK_CORE_CALENDAR_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum {
	RULES_MAX = 64,        /* a calendar */
	RULE_DAYS_MAX = 31,    /* a run of dates */
	RULE_OFFSET_MAX = 366, /* days */
	RULE_TEXT_MAX = 100,   /* bytes of one */
	RULES_TEXT_MAX = RULES_MAX * (RULE_TEXT_MAX + 2),
};

enum rule_kind { RULE_DATE, RULE_WEEKDAY, RULE_EASTER, RULE_ORTHODOX_EASTER };

enum rule_observed {
	OBSERVED_ITSELF,
	OBSERVED_NEXT_WEEKDAY,
	OBSERVED_MONDAY,
	OBSERVED_NEAREST_WEEKDAY
};

struct holiday_rule {
	enum rule_kind kind;
	enum rule_observed observed;
	int8_t month;      /* 1..12: date and weekday */
	int8_t day;        /* date */
	int8_t last_month; /* date: of the last of the run */
	int8_t last_day;
	int8_t nth;     /* weekday: 1..5, -1: the last */
	int8_t weekday; /* Monday 0 */
	int16_t offset; /* days */
};

/*
 * Reads one rule. On failure `err` has a violation of `field`. 0, -OTK_INVALID_ARGUMENT.
 */
int rule_parse(
        const char *text, const char *field, struct holiday_rule *out, struct otk_error *err);

/* The canonical text, which parses to the same rule. 0, -OTK_RESOURCE_EXHAUSTED. */
int rule_format(const struct holiday_rule *rule, struct buf *out);

bool rule_equals(const struct holiday_rule *a, const struct holiday_rule *b);

/* Every holiday that some rules make, years 1969 to 2101. */
struct rule_days;

/* NULL: out of memory. */
struct rule_days *rule_days_new(const struct holiday_rule *rules, size_t count);
void rule_days_free(struct rule_days *days);
bool rule_days_has(const struct rule_days *days, int64_t date);

/*
 * By which of the rules of which the days were made a date is a holiday: the first that says so
 * itself, else the one that is observed then; -1: by none.
 */
int rule_days_origin(const struct rule_days *days, const struct holiday_rule *rules,
        size_t count, int64_t date);

/* Easter Sunday as days since 1970-01-01, years 1900 to 2199. */
int64_t rule_easter(int64_t year, bool orthodox);

#endif

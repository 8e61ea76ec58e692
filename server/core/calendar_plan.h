/*
 * A service calendar as it is written: zone, weekly spans, holidays and special working days.
 * Plain data and its text forms; calendar.h computes with it.
 *
 *   week:       mon-fri 08:00-13:00,14:00-18:00; sat 10:00-12:00        or: always
 *   exceptions: 2025-12-25,2026-01-01; 2025-12-24 09:00-13:00; 2026-01-02..2026-01-08
 *
 * Days are mon tue wed thu fri sat sun, single, in ranges (also fri-mon) and lists. A span ends
 * at 24:00 at the latest, or past midnight when its end is before its start: 22:00-06:00
 * belongs to the date on which it starts. An exception without spans is a holiday: no span
 * starts on it; one with spans is a special working day: they stand in for those of the week.
 * Holidays that come every year are rules (calendar_rule.h); an exception overrides them.
 *
 * Exceptions and rules may have names. They change nothing but what people are told, so they
 * are a text of their own, an entry a line:
 *
 *   2026-12-24: Christmas Eve
 *   2026-01-02..2026-01-08: New Year holidays
 *   may 9: Victory Day
 */
#ifndef OTKLIK_CORE_CALENDAR_PLAN_H
#define OTKLIK_CORE_CALENDAR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/tz.h"
#include "core/calendar_rule.h"

enum {
	PLAN_SPANS_MAX = 24,        /* a day */
	PLAN_EXCEPTIONS_MAX = 4096, /* dates */
	PLAN_WEEK_TEXT_MAX = 4096,  /* bytes */
	PLAN_NAME_MAX = 120,        /* bytes */
	/* As many as that many dates with that many spans each take: what can be kept can be
	   read again. */
	PLAN_EXCEPTION_TEXT_MAX = PLAN_EXCEPTIONS_MAX * (13 + 12 * PLAN_SPANS_MAX), /* bytes */
	PLAN_NAMES_TEXT_MAX = PLAN_EXCEPTIONS_MAX * (13 + PLAN_NAME_MAX) +
	                      RULES_MAX * (RULE_TEXT_MAX + PLAN_NAME_MAX + 3),
};

/* Local seconds from midnight of the date on which it starts: 0 <= start < end <= 48 h. */
struct plan_span {
	int32_t start;
	int32_t end;
};

struct plan_day {
	size_t count;
	struct plan_span spans[PLAN_SPANS_MAX]; /* ascending, no two equal */
};

struct plan_exception {
	int64_t date; /* days since 1970-01-01 */
	struct plan_day
	        *day; /* NULL: a holiday; owned by the plan, only as long as its spans */
	char *name;   /* NULL: none; owned by the plan */
};

struct calendar_plan {
	char zone[TZ_NAME_MAX + 1];
	const struct tz
	        *tz; /* the zone as it then was; NULL: as this machine has it. Borrowed */
	char zone_version[TZ_VERSION_MAX + 1]; /* of the database it is from; "": not known */
	bool always;                       /* truly always: week and exceptions do not apply */
	struct plan_day week[7];           /* Monday first */
	struct plan_exception *exceptions; /* ascending, one a date */
	size_t exception_count;
	struct holiday_rule rules[RULES_MAX]; /* in the order written, no two equal */
	size_t rule_count;
	char *rule_names[RULES_MAX]; /* of each rule; NULL: none; owned */
};

/*
 * Reads a plan. `exceptions` may be NULL or "". On failure nothing is left to free and `err`
 * has violations of "zone", "week" or "exceptions" that tell place and remedy.
 * 0, -OTK_INVALID_ARGUMENT, -OTK_RESOURCE_EXHAUSTED.
 */
int plan_parse(const char *zone, const char *week, const char *exceptions,
        struct calendar_plan *out, struct otk_error *err);

/* The two parts of plan_parse alone, into a plan that was zero or parsed before. */
int plan_parse_week(const char *text, struct calendar_plan *plan, struct otk_error *err);
int plan_parse_exceptions(const char *text, struct calendar_plan *plan, struct otk_error *err);

/*
 * Adds the rules of a text, parted by `;`; one that is there already is refused. As plan_parse,
 * of "rules".
 */
int plan_parse_rules(const char *text, struct calendar_plan *plan, struct otk_error *err);

/*
 * Names the exceptions and rules of a plan that has them; as plan_parse, of "names". `text` may
 * be NULL.
 */
int plan_parse_names(const char *text, struct calendar_plan *plan, struct otk_error *err);

/*
 * A name that may be kept: UTF-8 on one line without control characters, not blank, at most
 * PLAN_NAME_MAX bytes. 0, or -OTK_INVALID_ARGUMENT with a violation of `field`.
 */
int plan_name_check(const char *name, const char *field, struct otk_error *err);

/* What can be kept of a name that others wrote (UTF-8); "" where nothing can. */
void plan_name_clean(const char *text, char out[PLAN_NAME_MAX + 1]);

/* Names the exception of a date, or a rule. Copies; NULL or "": no name. 0, -OTK_NOT_FOUND,
 * -OTK_RESOURCE_EXHAUSTED. */
int plan_set_name(struct calendar_plan *plan, int64_t date, const char *name);
int plan_set_rule_name(struct calendar_plan *plan, size_t rule, const char *name);

/* The exception of a date; NULL: none. */
const struct plan_exception *plan_exception_on(const struct calendar_plan *plan, int64_t date);

/*
 * Refuses spans that overlap, within a day or from one day into the next: "week" says which.
 * The engine merges them; who writes them has most likely mistyped one.
 */
int plan_check_spans(const struct calendar_plan *plan, struct otk_error *err);

/* Canonical texts: parsing them gives the same plan, and equal plans give equal texts. */
int plan_format_week(const struct calendar_plan *plan, struct buf *out);
int plan_format_exceptions(const struct calendar_plan *plan, struct buf *out);
int plan_format_rules(const struct calendar_plan *plan, struct buf *out);
int plan_format_names(const struct calendar_plan *plan, struct buf *out);

/* Adds or replaces the exception of one date, without a name; `day` NULL: a holiday. Copies. 0,
 * -OTK_OUT_OF_RANGE past PLAN_EXCEPTIONS_MAX, -OTK_RESOURCE_EXHAUSTED. */
int plan_set_exception(struct calendar_plan *plan, int64_t date, const struct plan_day *day);

/* What holds on a date: NULL when a holiday removes its spans. `days` are those of the plan's
 * rules, NULL where it has none. */
const struct plan_day *plan_on(
        const struct calendar_plan *plan, const struct rule_days *days, int64_t date);

/* Monday 0 to Sunday 6, of days since 1970-01-01. */
size_t plan_weekday(int64_t date);

int plan_copy(const struct calendar_plan *plan, struct calendar_plan *out);
void plan_clear_exceptions(struct calendar_plan *plan);
void plan_release(struct calendar_plan *plan); /* frees what it owns, leaves it zero */

#endif

/*
 * Service time: the open spans of a plan as instants, built a year at a time when first asked
 * for and kept with running sums, so that every question is a binary search.
 *
 * Rules (domain.md, "SLA clocks"): spans are half-open and run between the instants of their
 * local ends; overlapping results merge, inverted ones are empty. Instants are microseconds
 * UTC within [CALENDAR_START, CALENDAR_END]; outside of it, and where an answer would lie
 * outside, functions return -OTK_OUT_OF_RANGE. -OTK_RESOURCE_EXHAUSTED: out of memory.
 */
#ifndef OTKLIK_CORE_CALENDAR_H
#define OTKLIK_CORE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "core/calendar_plan.h"

#define CALENDAR_START INT64_C(0)              /* 1970-01-01T00:00:00Z */
#define CALENDAR_END INT64_C(4133980800000000) /* 2101-01-01T00:00:00Z */
#define CALENDAR_NEVER INT64_MAX /* an end that is not known, a due that never comes */

/* One edition of a calendar. Holds a cache, so even questions change it: one thread. */
struct calendar;

/* Copies the plan. The zone must exist; -OTK_NOT_FOUND with a violation of "zone". */
int calendar_new(
        const struct calendar_plan *plan, struct calendar **out, struct otk_error *err);
void calendar_free(struct calendar *calendar);
const struct calendar_plan *calendar_plan_of(const struct calendar *calendar);
const struct tz *calendar_zone(const struct calendar *calendar);

/*
 * Refuses what must not be applied: a calendar that is never open, and `always` together with
 * exceptions, which it would ignore. -OTK_INVALID_ARGUMENT with a violation.
 */
int calendar_validate(struct calendar *calendar, struct otk_error *err);

struct interval {
	int64_t from;
	int64_t to; /* not included */
};

/* Open time within [from, to), 0 if to <= from. */
int calendar_open_between(struct calendar *calendar, int64_t from, int64_t to, int64_t *us);

/*
 * Walks forward from `from`, not past `limit`, until `us` of open time has passed: *at is the
 * earliest such instant and *left 0 (us = 0: `from` itself), or *at = limit and *left > 0 is
 * what is missing.
 */
int calendar_advance(struct calendar *calendar, int64_t from, int64_t us, int64_t limit,
        int64_t *at, int64_t *left);

/* As calendar_advance backwards; of several instants any one. */
int calendar_retreat(struct calendar *calendar, int64_t from, int64_t us, int64_t limit,
        int64_t *at, int64_t *left);

/* The first open instant in [at, limit): 1 and *open_at, 0 if there is none, or an error. */
int calendar_next_open(struct calendar *calendar, int64_t at, int64_t limit, int64_t *open_at);

/* The last instant in (limit, at] that ends open time: 1 and *closed_at, 0, or an error. */
int calendar_previous_closing(
        struct calendar *calendar, int64_t at, int64_t limit, int64_t *closed_at);

/* The first open interval that reaches into [at, limit), cut to it: 1, 0, or an error. */
int calendar_open_after(
        struct calendar *calendar, int64_t at, int64_t limit, struct interval *out);

/* As calendar_open_after for the spans that holidays removed; open time is not taken out. */
int calendar_holiday_after(
        struct calendar *calendar, int64_t at, int64_t limit, struct interval *out);

/*
 * The days that its rules make, worked out when first asked for. 0 and NULL where it has none;
 * -OTK_RESOURCE_EXHAUSTED.
 */
int calendar_rule_days(struct calendar *calendar, const struct rule_days **out);

/* A calendar without a plan that is always open, shared by the process; NULL: no memory. */
struct calendar *calendar_always(void);

#endif

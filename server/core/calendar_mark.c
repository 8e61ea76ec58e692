/* Names found by the spans that a piece of time comes from. */
#include "core/calendar_mark.h"

#include <string.h>

#define DAY_US INT64_C(86400000000)
#define SECOND_US INT64_C(1000000)

/* A span lasts two days at most; a day more for what a transition moves. */
enum { DAYS_BACK = 2, DAYS_AHEAD = 1 };

static int64_t local_date(const struct tz *tz, int64_t at)
{
	int64_t local = tz_to_local(tz, at);

	return local / DAY_US - (local % DAY_US < 0);
}

int calendar_mark_date(struct calendar *calendar, int64_t date, struct calendar_mark *out)
{
	const struct calendar_plan *plan = calendar_plan_of(calendar);
	const struct plan_exception *exception = plan_exception_on(plan, date);
	const struct rule_days *days;
	int rc = calendar_rule_days(calendar, &days);
	int rule;

	if (rc < 0)
		return rc;
	*out = (struct calendar_mark){.date = date, .name = ""};
	rule = rule_days_origin(days, plan->rules, plan->rule_count, date);
	if (exception == NULL && !rule_days_has(days, date))
		return 0;
	out->kind = exception != NULL && exception->day != NULL ? MARK_SPECIAL : MARK_HOLIDAY;
	if (exception != NULL && exception->name != NULL)
		out->name = exception->name;
	else if (out->kind == MARK_HOLIDAY && rule >= 0 && plan->rule_names[rule] != NULL)
		out->name = plan->rule_names[rule];
	return 0;
}

/* Whether some date in [first, last] is a special working day. */
static bool has_special(const struct calendar_plan *plan, int64_t first, int64_t last)
{
	for (size_t i = 0; i < plan->exception_count; i++) {
		const struct plan_exception *e = &plan->exceptions[i];

		if (e->date > last)
			return false;
		if (e->date >= first && e->day != NULL)
			return true;
	}
	return false;
}

/* Closed time has no span: the date on which it begins or ends may have shorter hours. */
static int mark_closed(
        struct calendar *calendar, int64_t at, int64_t to, struct calendar_mark *out)
{
	const struct tz *tz = calendar_zone(calendar);
	int rc = calendar_mark_date(calendar, local_date(tz, at), out);

	if (rc == 0 && out->kind != MARK_SPECIAL)
		rc = calendar_mark_date(calendar, local_date(tz, to - 1), out);
	if (rc == 0 && out->kind != MARK_SPECIAL)
		*out = (struct calendar_mark){.name = ""};
	out->until = to;
	return rc;
}

/* The spans of a date that make open time, or that a holiday took out. */
static const struct plan_day *spans_of(const struct calendar_plan *plan,
        const struct rule_days *days, enum calendar_kind kind, int64_t date)
{
	const struct plan_day *day = plan_on(plan, days, date);

	if (kind == CALENDAR_OPEN)
		return day;
	return day == NULL ? &plan->week[plan_weekday(date)] : NULL;
}

static void nearer(int64_t *until, int64_t at, int64_t candidate)
{
	if (candidate > at && candidate < *until)
		*until = candidate;
}

/* The mark at an instant alone, up to the next end of a span. */
static int mark_at(struct calendar *calendar, enum calendar_kind kind, int64_t at, int64_t to,
        struct calendar_mark *out)
{
	const struct calendar_plan *plan = calendar_plan_of(calendar);
	const struct tz *tz = calendar_zone(calendar);
	const struct rule_days *days;
	int64_t today = local_date(tz, at);
	int64_t until = to;
	int rc = calendar_rule_days(calendar, &days);

	*out = (struct calendar_mark){.name = ""};
	for (int64_t date = today - DAYS_BACK; rc == 0 && date <= today + DAYS_AHEAD; date++) {
		const struct plan_day *day = spans_of(plan, days, kind, date);

		for (size_t i = 0; rc == 0 && day != NULL && i < day->count; i++) {
			int64_t from = tz_from_local(
			        tz, date * DAY_US + day->spans[i].start * SECOND_US);
			int64_t end = tz_from_local(
			        tz, date * DAY_US + day->spans[i].end * SECOND_US);

			nearer(&until, at, from);
			nearer(&until, at, end);
			if (from <= at && at < end && out->kind == MARK_NONE)
				rc = calendar_mark_date(calendar, date, out);
		}
	}
	out->until = until;
	return rc;
}

static bool is_same(const struct calendar_mark *a, const struct calendar_mark *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

int history_mark(const struct calendar_history *history, enum calendar_kind kind, int64_t at,
        int64_t to, struct calendar_mark *out)
{
	struct calendar *calendar = history_at(history, at);
	const struct calendar_plan *plan = calendar == NULL ? NULL : calendar_plan_of(calendar);
	struct calendar_mark mark, next;
	int rc;

	*out = (struct calendar_mark){.name = "", .until = to};
	if (plan == NULL || plan->always || to <= at)
		return 0;
	if (kind != CALENDAR_HOLIDAY &&
	        !has_special(plan, local_date(calendar_zone(calendar), at) - DAYS_BACK,
	                local_date(calendar_zone(calendar), to) + DAYS_AHEAD))
		return 0;
	if (kind == CALENDAR_CLOSED)
		return mark_closed(calendar, at, to, out);
	rc = mark_at(calendar, kind, at, to, &mark);
	while (rc == 0 && mark.until < to) {
		rc = mark_at(calendar, kind, mark.until, to, &next);
		if (rc != 0 || !is_same(&mark, &next))
			break;
		mark.until = next.until;
	}
	if (rc == 0)
		*out = mark;
	return rc;
}

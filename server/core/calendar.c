/* Calendars: the cache of years and the walks over it. */
#include "core/calendar.h"

#include <stdlib.h>

#include "base/time_text.h"
#include "core/calendar_span.h"

enum { YEAR_FIRST = 1970, YEARS = 131 };

#define DAY_US INT64_C(86400000000)

struct year {
	int64_t from;
	int64_t to;
	struct span_list open;
	struct span_list holidays;
};

struct calendar {
	struct calendar_plan plan;
	const struct tz *tz;    /* NULL only when always open */
	struct rule_days *days; /* of the plan's rules; NULL until a year asks, or without */
	struct year *years[YEARS];
};

int calendar_new(const struct calendar_plan *plan, struct calendar **out, struct otk_error *err)
{
	const struct tz *tz = plan->tz;
	struct otk_error cause;
	struct calendar *calendar;
	int rc = tz == NULL ? tz_find(plan->zone, &tz, &cause) : 0;

	if (rc != 0) {
		(void)error_field(err, "zone", "%s", cause.message);
		return rc;
	}
	calendar = calloc(1, sizeof *calendar);
	if (calendar == NULL || plan_copy(plan, &calendar->plan) != 0) {
		free(calendar);
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	}
	calendar->tz = tz;
	*out = calendar;
	return 0;
}

struct calendar *calendar_always(void)
{
	static struct calendar *shared;

	if (shared == NULL) {
		shared = calloc(1, sizeof *shared);
		if (shared != NULL)
			shared->plan.always = true;
	}
	return shared;
}

void calendar_free(struct calendar *calendar)
{
	if (calendar == NULL)
		return;
	for (size_t i = 0; i < YEARS; i++) {
		if (calendar->years[i] != NULL) {
			span_list_free(&calendar->years[i]->open);
			span_list_free(&calendar->years[i]->holidays);
			free(calendar->years[i]);
		}
	}
	rule_days_free(calendar->days);
	plan_release(&calendar->plan);
	free(calendar);
}

const struct calendar_plan *calendar_plan_of(const struct calendar *calendar)
{
	return &calendar->plan;
}

const struct tz *calendar_zone(const struct calendar *calendar)
{
	return calendar->tz;
}

int calendar_validate(struct calendar *calendar, struct otk_error *err)
{
	int64_t open_at;
	int rc;

	if (calendar->plan.always &&
	        (calendar->plan.exception_count > 0 || calendar->plan.rule_count > 0))
		return error_field(err,
		        calendar->plan.exception_count > 0 ? "exceptions" : "rules",
		        "`always` is open on every date; to have holidays write the week as "
		        "mon-sun 00:00-24:00");
	rc = calendar_next_open(calendar, CALENDAR_START, CALENDAR_END, &open_at);
	if (rc < 0)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (rc == 0)
		return error_field(err, "week",
		        "the calendar is never open; give at least one span, such as mon-fri "
		        "09:00-17:00");
	return 0;
}

static bool instant_is_valid(int64_t at)
{
	return at >= CALENDAR_START && at <= CALENDAR_END;
}

static int64_t year_start(size_t index)
{
	return time_days_from_civil(YEAR_FIRST + (int64_t)index, 1, 1) * DAY_US;
}

/* The year that holds a valid instant; the end of all belongs to the last. */
static size_t year_index(int64_t at)
{
	int64_t year;
	int month;
	int day;

	time_civil_from_days(at / DAY_US, &year, &month, &day);
	return year - YEAR_FIRST < YEARS ? (size_t)(year - YEAR_FIRST) : YEARS - 1;
}

int calendar_rule_days(struct calendar *calendar, const struct rule_days **out)
{
	if (calendar->days == NULL && calendar->plan.rule_count > 0) {
		calendar->days = rule_days_new(calendar->plan.rules, calendar->plan.rule_count);
		if (calendar->days == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	*out = calendar->days;
	return 0;
}

static int year_get(struct calendar *calendar, size_t index, const struct year **out)
{
	struct year *year = calendar->years[index];
	const struct rule_days *days;
	int rc;

	if (year != NULL) {
		*out = year;
		return 0;
	}
	rc = calendar_rule_days(calendar, &days);
	if (rc != 0)
		return rc;
	year = calloc(1, sizeof *year);
	if (year == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	year->from = year_start(index);
	year->to = year_start(index + 1);
	rc = plan_materialise(&calendar->plan, days, calendar->tz, year->from, year->to,
	        &year->open, &year->holidays);
	if (rc != 0) {
		span_list_free(&year->open);
		span_list_free(&year->holidays);
		free(year);
		return rc;
	}
	span_list_settle(&year->open);
	span_list_settle(&year->holidays);
	calendar->years[index] = year;
	*out = year;
	return 0;
}

int calendar_open_between(struct calendar *calendar, int64_t from, int64_t to, int64_t *us)
{
	int64_t sum = 0;

	if (!instant_is_valid(from) || !instant_is_valid(to))
		return -OTK_OUT_OF_RANGE;
	for (size_t i = year_index(from); from < to; i++) {
		const struct year *year;
		int rc = year_get(calendar, i, &year);
		int64_t end;

		if (rc != 0)
			return rc;
		end = to < year->to ? to : year->to;
		sum += span_list_sum(&year->open, end) - span_list_sum(&year->open, from);
		from = end;
	}
	*us = sum;
	return 0;
}

int calendar_advance(struct calendar *calendar, int64_t from, int64_t us, int64_t limit,
        int64_t *at, int64_t *left)
{
	int64_t end = limit < CALENDAR_END ? limit : CALENDAR_END;

	if (!instant_is_valid(from) || us < 0)
		return -OTK_OUT_OF_RANGE;
	for (size_t i = year_index(from); us > 0 && from < end; i++) {
		const struct year *year;
		int rc = year_get(calendar, i, &year);
		int64_t stop;
		int64_t counted;
		int64_t there;

		if (rc != 0)
			return rc;
		stop = end < year->to ? end : year->to;
		counted = span_list_sum(&year->open, from);
		there = span_list_sum(&year->open, stop);
		if (there - counted >= us) {
			from = span_list_reach(&year->open, counted + us);
			us = 0;
		} else {
			us -= there - counted;
			from = stop;
		}
	}
	if (us > 0 && limit > CALENDAR_END)
		return -OTK_OUT_OF_RANGE;
	*at = from;
	*left = us;
	return 0;
}

int calendar_retreat(struct calendar *calendar, int64_t from, int64_t us, int64_t limit,
        int64_t *at, int64_t *left)
{
	int64_t end = limit > CALENDAR_START ? limit : CALENDAR_START;

	if (!instant_is_valid(from) || us < 0)
		return -OTK_OUT_OF_RANGE;
	for (size_t i = from == 0 ? 0 : year_index(from - 1); us > 0 && from > end; i--) {
		const struct year *year;
		int rc = year_get(calendar, i, &year);
		int64_t stop;
		int64_t counted;
		int64_t there;

		if (rc != 0)
			return rc;
		stop = end > year->from ? end : year->from;
		counted = span_list_sum(&year->open, from);
		there = span_list_sum(&year->open, stop);
		if (counted - there > us) {
			from = span_list_reach(&year->open, counted - us);
			us = 0;
		} else {
			us -= counted - there;
			from = stop;
		}
	}
	if (us > 0 && limit < CALENDAR_START)
		return -OTK_OUT_OF_RANGE;
	*at = from;
	*left = us;
	return 0;
}

/* Which list of a year a walk looks at. */
static const struct span_list *list_of(const struct year *year, bool holidays)
{
	return holidays ? &year->holidays : &year->open;
}

/* The first span that reaches into [at, limit), cut to it but not joined over the years. */
static int span_after(struct calendar *calendar, bool holidays, int64_t at, int64_t limit,
        struct interval *out)
{
	if (!instant_is_valid(at))
		return -OTK_OUT_OF_RANGE;
	if (limit > CALENDAR_END)
		limit = CALENDAR_END;
	for (size_t i = year_index(at); i < YEARS && year_start(i) < limit; i++) {
		const struct year *year;
		const struct span_list *list;
		size_t k;
		int rc = year_get(calendar, i, &year);

		if (rc != 0)
			return rc;
		list = list_of(year, holidays);
		k = span_list_find(list, at);
		if (k == list->count)
			continue;
		if (list->items[k].from >= limit)
			return 0;
		out->from = list->items[k].from > at ? list->items[k].from : at;
		out->to = list->items[k].to < limit ? list->items[k].to : limit;
		return out->from < out->to;
	}
	return 0;
}

static int joined_after(struct calendar *calendar, bool holidays, int64_t at, int64_t limit,
        struct interval *out)
{
	struct interval found;
	struct interval next;
	int rc = span_after(calendar, holidays, at, limit, &found);

	if (rc != 1)
		return rc;
	while (found.to < limit && found.to < CALENDAR_END &&
	        found.to == year_start(year_index(found.to))) {
		rc = span_after(calendar, holidays, found.to, limit, &next);
		if (rc < 0)
			return rc;
		if (rc == 0 || next.from != found.to)
			break;
		found.to = next.to;
	}
	*out = found;
	return 1;
}

int calendar_next_open(struct calendar *calendar, int64_t at, int64_t limit, int64_t *open_at)
{
	struct interval found;
	int rc = span_after(calendar, false, at, limit, &found);

	if (rc == 1)
		*open_at = found.from;
	return rc;
}

int calendar_open_after(
        struct calendar *calendar, int64_t at, int64_t limit, struct interval *out)
{
	return joined_after(calendar, false, at, limit, out);
}

int calendar_holiday_after(
        struct calendar *calendar, int64_t at, int64_t limit, struct interval *out)
{
	return joined_after(calendar, true, at, limit, out);
}

int calendar_previous_closing(
        struct calendar *calendar, int64_t at, int64_t limit, int64_t *closed_at)
{
	int64_t open_at;

	if (!instant_is_valid(at))
		return -OTK_OUT_OF_RANGE;
	for (size_t i = year_index(at) + 1; i-- > 0;) {
		const struct year *year;
		size_t k;
		int rc = year_get(calendar, i, &year);

		if (rc != 0)
			return rc;
		k = span_list_find(&year->open, at);
		/* A span that ends with the year may go on in the next. */
		if (k > 0 && year->open.items[k - 1].to == year->to && i + 1 < YEARS) {
			rc = calendar_next_open(calendar, year->to, year->to + 1, &open_at);
			if (rc < 0)
				return rc;
			k -= (size_t)rc;
		}
		if (k > 0 && year->open.items[k - 1].to <= limit)
			return 0;
		if (k > 0) {
			*closed_at = year->open.items[k - 1].to;
			return 1;
		}
		if (year->from <= limit)
			return 0;
	}
	return 0;
}

/* GetCalendar: what a calendar says of days, by the edition in force at an instant. */
#include <string.h>

#include "base/time_text.h"
#include "core/calendar_mark.h"
#include "desk/desk.h"
#include "otklik/v1/calendar.pb-c.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"

enum { DAYS_MAX = 3660, DATE_LENGTH = 10 };
#define DAY_US INT64_C(86400000000)

struct view {
	struct request *r;
	const struct ref_calendar *from;
	struct calendar *calendar; /* in force */
	Otklik__V1__CalendarView *out;
};

static char *kept(struct request *r, struct buf *text)
{
	char *copy = text->failed ? NULL : arena_strdup(r->arena, buf_text(text));

	buf_free(text);
	return copy;
}

static char *date_text(struct request *r, int64_t date)
{
	char text[TIME_TEXT_SIZE];

	(void)time_format_utc(date * DAY_US, text);
	text[DATE_LENGTH] = '\0';
	return arena_strdup(r->arena, text);
}

/* The spans of a special working day alone: the canonical text without its date. */
static char *spans_text(struct request *r, const struct plan_exception *exception)
{
	struct calendar_plan one = {0};
	struct buf text = {0};
	char *spans;

	if (plan_set_exception(&one, exception->date, exception->day) < 0 ||
	        plan_format_exceptions(&one, &text) < 0)
		text.failed = 1;
	plan_release(&one);
	spans = kept(r, &text);
	return spans == NULL || strlen(spans) <= DATE_LENGTH ? spans : spans + DATE_LENGTH + 1;
}

/* The rule that makes a date a holiday; "" where an exception does. */
static char *rule_text(const struct view *v, int64_t date)
{
	const struct calendar_plan *plan = calendar_plan_of(v->calendar);
	const struct rule_days *days = NULL;
	struct buf text = {0};
	int rule = -1;

	if (calendar_rule_days(v->calendar, &days) < 0)
		return NULL;
	if (plan_exception_on(plan, date) == NULL)
		rule = rule_days_origin(days, plan->rules, plan->rule_count, date);
	if (rule >= 0)
		(void)rule_format(&plan->rules[rule], &text);
	return kept(v->r, &text);
}

static int day_add(struct view *v, const struct calendar_mark *mark)
{
	Otklik__V1__CalendarDay *day = arena_alloc(v->r->arena, sizeof *day);

	if (day == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	otklik__v1__calendar_day__init(day);
	day->kind = mark->kind == MARK_SPECIAL
	                    ? OTKLIK__V1__CALENDAR_DAY_KIND__CALENDAR_DAY_KIND_SPECIAL
	                    : OTKLIK__V1__CALENDAR_DAY_KIND__CALENDAR_DAY_KIND_HOLIDAY;
	day->date = date_text(v->r, mark->date);
	day->name = arena_strdup(v->r->arena, mark->name);
	if (mark->kind == MARK_SPECIAL)
		day->spans = spans_text(
		        v->r, plan_exception_on(calendar_plan_of(v->calendar), mark->date));
	else
		day->rule = rule_text(v, mark->date);
	if (day->date == NULL || day->name == NULL || day->spans == NULL || day->rule == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	v->out->days[v->out->n_days++] = day;
	return 0;
}

static int days_add(struct view *v, int64_t first, int64_t last)
{
	int rc = 0;

	v->out->days =
	        arena_calloc(v->r->arena, (size_t)(last - first + 1), sizeof *v->out->days);
	if (v->out->days == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int64_t date = first; rc == 0 && date <= last; date++) {
		struct calendar_mark mark;

		rc = calendar_mark_date(v->calendar, date, &mark);
		if (rc == 0 && mark.kind != MARK_NONE)
			rc = day_add(v, &mark);
	}
	return rc;
}

/* Zone, week and edition at an instant. */
static int view_fill(struct view *v, int64_t at)
{
	const struct calendar_history *history = v->from->history;
	const struct calendar_plan *plan;
	struct buf week = {0};
	size_t edition = 0;

	while (edition + 1 < history->count && history->editions[edition + 1].from_at <= at)
		edition++;
	otklik__v1__calendar_view__init(v->out);
	v->calendar = history->editions[edition].calendar;
	plan = calendar_plan_of(v->calendar);
	v->out->code = (char *)(uintptr_t)v->from->code;
	v->out->zone = (char *)(uintptr_t)plan->zone;
	v->out->zone_version = (char *)(uintptr_t)plan->zone_version;
	(void)plan_format_week(plan, &week);
	v->out->week = kept(v->r, &week);
	v->out->edition = (uint32_t)edition + 1;
	v->out->editions = (uint32_t)history->count;
	v->out->since_us = edition == 0 ? 0 : history->editions[edition].from_at;
	return v->out->week == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;
}

/* The dates that are asked for, by the zone in force. */
static void check_dates(const struct view *v, const Otklik__V1__GetCalendarRequest *in,
        int64_t at, int64_t *first, int64_t *last, struct otk_error *err)
{
	*first = tz_to_local(calendar_zone(v->calendar), at) / DAY_US;
	if (*in->from != '\0' && time_parse_date(in->from, first) < 0)
		error_field(err, "from", "must be a date such as 2026-01-01");
	*last = *first + 365;
	if (*in->to != '\0' && time_parse_date(in->to, last) < 0)
		error_field(err, "to", "must be a date such as 2026-12-31");
	else if (*last < *first || *last - *first >= DAYS_MAX)
		error_field(err, "to", "must not lie before `from`, nor ten years behind it");
}

static const struct ref_calendar *calendar_find(const struct reference *ref, const char *code)
{
	for (size_t i = 0; i < ref->calendar_count; i++) {
		if (strcmp(ref->calendars[i].code, code) == 0)
			return &ref->calendars[i];
	}
	return NULL;
}

static enum step all_reply(struct request *r, const struct reference *ref, int64_t at)
{
	Otklik__V1__GetCalendarResponse out = OTKLIK__V1__GET_CALENDAR_RESPONSE__INIT;

	out.calendars = arena_calloc(r->arena, ref->calendar_count + 1, sizeof *out.calendars);
	for (size_t i = 0; out.calendars != NULL && i < ref->calendar_count; i++) {
		struct view v = {.r = r, .from = &ref->calendars[i]};

		if (v.from->history->count == 0)
			continue;
		v.out = arena_alloc(r->arena, sizeof *v.out);
		if (v.out == NULL || view_fill(&v, at) < 0)
			return request_no_memory(r);
		out.calendars[out.n_calendars++] = v.out;
	}
	return out.calendars == NULL ? request_no_memory(r) : get_calendar_reply(r, &out);
}

static enum step one_reply(struct request *r, const Otklik__V1__GetCalendarRequest *in,
        const struct ref_calendar *calendar, int64_t at)
{
	Otklik__V1__GetCalendarResponse out = OTKLIK__V1__GET_CALENDAR_RESPONSE__INIT;
	Otklik__V1__CalendarView view;
	Otklik__V1__CalendarView *views[1] = {&view};
	struct view v = {.r = r, .from = calendar, .out = &view};
	struct otk_error err = {0};
	int64_t first, last;

	if (view_fill(&v, at) < 0)
		return request_no_memory(r);
	check_dates(&v, in, at, &first, &last, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (days_add(&v, first, last) < 0)
		return request_no_memory(r);
	out.calendars = views;
	out.n_calendars = 1;
	return get_calendar_reply(r, &out);
}

enum step get_calendar_begin(struct request *r, const Otklik__V1__GetCalendarRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct ref_calendar *calendar;
	struct otk_error err = {0};
	int64_t at = in->at_us != 0 ? in->at_us : r->now;

	if (ref == NULL)
		return caller_no_reference(r);
	if (r->principal->kind != PRINCIPAL_PERSON || r->principal->customer_id != 0)
		return request_error(r, OTK_PERMISSION_DENIED, "PROVIDER_ONLY",
		        "calendars are the provider's own business; explanations tell what "
		        "they did");
	if (at < CALENDAR_START || at >= CALENDAR_END)
		error_field(&err, "at_us", "must lie in the years 1970 to 2100");
	if (*in->code == '\0' && (*in->from != '\0' || *in->to != '\0'))
		error_field(&err, "from", "days are told of one calendar: name it");
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (*in->code == '\0')
		return all_reply(r, ref, at);
	calendar = calendar_find(ref, in->code);
	if (calendar == NULL || calendar->history->count == 0)
		return request_error(r, OTK_NOT_FOUND, "NO_SUCH_CALENDAR",
		        "there is no calendar '%.64s'", in->code);
	return one_reply(r, in, calendar, at);
}

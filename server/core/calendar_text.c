/* The text forms of a plan: parser with places in its errors, and canonical writer. */
#include "core/calendar_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/time_text.h"

enum { DAY_SECONDS = 86400 };

static const char *const DAY_NAMES[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* A text being read and where its errors go. */
struct reader {
	const char *text;
	const char *p;
	const char *field;
	struct otk_error *err;
};

static void blanks_skip(struct reader *r)
{
	while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')
		r->p++;
}

/* "at 17: `25:00`: what is right" */
static int reader_error(struct reader *r, const char *at, const char *right)
{
	int length = (int)strcspn(at, ";\n\r");

	if (length > 40)
		length = 40;
	if (*at == '\0')
		return error_field(r->err, r->field, "at the end: %s", right);
	return error_field(r->err, r->field, "at character %zu, `%.*s`: %s",
	        (size_t)(at - r->text) + 1, length, at, right);
}

static bool day_read(struct reader *r, size_t *day)
{
	for (size_t i = 0; i < 7; i++) {
		if (strncasecmp(r->p, DAY_NAMES[i], 3) == 0) {
			r->p += 3;
			*day = i;
			return true;
		}
	}
	return false;
}

/* "mon-fri,sun" as a set of bits. */
static int days_read(struct reader *r, unsigned *days)
{
	static const char RIGHT[] =
	        "expected days (mon tue wed thu fri sat sun, mon-fri, mon,wed), or the whole "
	        "week as `always`";
	*days = 0;
	for (;;) {
		const char *at = r->p;
		size_t first;
		size_t last;

		if (!day_read(r, &first))
			return reader_error(r, at, RIGHT);
		last = first;
		blanks_skip(r);
		if (*r->p == '-') {
			r->p++;
			blanks_skip(r);
			if (!day_read(r, &last))
				return reader_error(r, at, RIGHT);
			blanks_skip(r);
		}
		for (size_t i = first;; i = (i + 1) % 7) {
			*days |= 1U << i;
			if (i == last)
				break;
		}
		if (*r->p != ',')
			return 0;
		r->p++;
		blanks_skip(r);
	}
}

/* "hh:mm" up to 24:00, as seconds. */
static bool time_read(struct reader *r, int32_t *seconds)
{
	const char *p = r->p;
	int hours = 0;
	int minutes = 0;
	int digits = 0;

	for (; *p >= '0' && *p <= '9' && digits < 2; digits++)
		hours = hours * 10 + (*p++ - '0');
	if (digits == 0 || *p++ != ':')
		return false;
	for (digits = 0; *p >= '0' && *p <= '9' && digits < 2; digits++)
		minutes = minutes * 10 + (*p++ - '0');
	if (digits != 2 || minutes > 59 || hours * 60 + minutes > 24 * 60)
		return false;
	*seconds = hours * 3600 + minutes * 60;
	r->p = p;
	return true;
}

/* Keeps the spans in order; a span that is there already changes nothing. */
static int span_insert(struct plan_day *day, struct plan_span span)
{
	size_t i = 0;

	while (i < day->count &&
	        (day->spans[i].start < span.start ||
	                (day->spans[i].start == span.start && day->spans[i].end < span.end)))
		i++;
	if (i < day->count && day->spans[i].start == span.start &&
	        day->spans[i].end == span.end)
		return 0;
	if (day->count == PLAN_SPANS_MAX)
		return -OTK_OUT_OF_RANGE;
	memmove(day->spans + i + 1, day->spans + i, (day->count - i) * sizeof *day->spans);
	day->spans[i] = span;
	day->count++;
	return 0;
}

/* "08:00-13:00,14:00-18:00" */
static int spans_read(struct reader *r, struct plan_day *day)
{
	for (;;) {
		const char *at = r->p;
		struct plan_span span;

		if (!time_read(r, &span.start) || span.start == DAY_SECONDS)
			return reader_error(r, at, "expected a span such as 09:00-17:00");
		blanks_skip(r);
		if (*r->p != '-')
			return reader_error(r, at, "expected a span such as 09:00-17:00");
		r->p++;
		blanks_skip(r);
		if (!time_read(r, &span.end))
			return reader_error(
			        r, at, "expected a span such as 09:00-17:00, up to 24:00");
		if (span.end == span.start)
			return reader_error(
			        r, at, "the span is empty; the whole day is 00:00-24:00");
		if (span.end < span.start)
			span.end += DAY_SECONDS;
		if (span_insert(day, span) != 0)
			return reader_error(r, at, "a day has at most 24 spans");
		blanks_skip(r);
		if (*r->p != ',')
			return 0;
		r->p++;
		blanks_skip(r);
	}
}

/* The end of an entry: `;` or the end of the text. */
static int entry_end(struct reader *r)
{
	if (*r->p != '\0' && *r->p != ';')
		return reader_error(
		        r, r->p, "expected `,` and another span, or `;` and another entry");
	if (*r->p == ';')
		r->p++;
	blanks_skip(r);
	return 0;
}

int plan_parse_week(const char *text, struct calendar_plan *plan, struct otk_error *err)
{
	struct reader r = {text, text, "week", err};
	struct plan_day week[7] = {0};

	if (strlen(text) > PLAN_WEEK_TEXT_MAX)
		return error_field(
		        err, "week", "the text is longer than %d bytes", PLAN_WEEK_TEXT_MAX);
	blanks_skip(&r);
	if (strncasecmp(r.p, "always", 6) == 0) {
		r.p += 6;
		blanks_skip(&r);
		if (*r.p != '\0')
			return reader_error(&r, r.p, "nothing may follow `always`");
		memset(plan->week, 0, sizeof plan->week);
		plan->always = true;
		return 0;
	}
	while (*r.p != '\0') {
		struct plan_day day = {0};
		unsigned days;
		int rc = days_read(&r, &days);

		if (rc == 0)
			rc = spans_read(&r, &day);
		if (rc == 0)
			rc = entry_end(&r);
		if (rc != 0)
			return rc;
		for (size_t i = 0; i < 7 * day.count; i++) {
			if ((days & 1U << i % 7) != 0 &&
			        span_insert(&week[i % 7], day.spans[i / 7]) != 0)
				return error_field(err, "week", "%s has more than %d spans",
				        DAY_NAMES[i % 7], PLAN_SPANS_MAX);
		}
	}
	memcpy(plan->week, week, sizeof week);
	plan->always = false;
	return 0;
}

static bool date_read(struct reader *r, int64_t *date)
{
	char text[11];

	if (strnlen(r->p, 10) < 10)
		return false;
	memcpy(text, r->p, 10);
	text[10] = '\0';
	if (time_parse_date(text, date) != 0)
		return false;
	r->p += 10;
	return true;
}

/* Dates of one entry before it is known what holds on them. */
struct date_range {
	int64_t first;
	int64_t last;
};

struct date_list {
	struct date_range *items;
	size_t count;
	int64_t dates;
};

static bool date_follows(const struct reader *r)
{
	return r->p[0] >= '0' && r->p[0] <= '9' && r->p[1] >= '0' && r->p[1] <= '9' &&
	       r->p[2] >= '0' && r->p[2] <= '9';
}

/* "2025-12-25,2025-12-29..2026-01-02"; the list has room for PLAN_EXCEPTIONS_MAX. */
static int dates_read(struct reader *r, struct date_list *list)
{
	for (;;) {
		const char *at = r->p;
		struct date_range range;

		if (!date_read(r, &range.first))
			return reader_error(r, at, "expected a date such as 2025-12-31");
		range.last = range.first;
		blanks_skip(r);
		if (strncmp(r->p, "..", 2) == 0) {
			r->p += 2;
			blanks_skip(r);
			if (!date_read(r, &range.last) || range.last < range.first)
				return reader_error(r, at,
				        "expected a range of dates such as "
				        "2025-12-29..2026-01-02");
			blanks_skip(r);
		}
		list->dates += range.last - range.first + 1;
		if (list->dates > PLAN_EXCEPTIONS_MAX)
			return reader_error(r, at, "at most 4096 dates can be exceptions");
		list->items[list->count++] = range;
		if (*r->p != ',')
			return 0;
		r->p++;
		blanks_skip(r);
	}
}

static int range_apply(struct reader *r, struct calendar_plan *plan, struct date_range range,
        const struct plan_day *day, const char *at)
{
	for (int64_t date = range.first; date <= range.last; date++) {
		size_t before = plan->exception_count;
		int rc = plan_set_exception(plan, date, day);

		if (rc == -OTK_RESOURCE_EXHAUSTED)
			return error_set(
			        r->err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		if (rc != 0)
			return reader_error(r, at, "at most 4096 dates can be exceptions");
		if (plan->exception_count == before) {
			char stamp[TIME_TEXT_SIZE];

			(void)time_format_utc(date * DAY_SECONDS * INT64_C(1000000), stamp);
			return error_field(r->err, r->field,
			        "%.10s is listed twice; keep one entry for a date", stamp);
		}
	}
	return 0;
}

static int exception_read(struct reader *r, struct date_list *list, struct calendar_plan *plan)
{
	const char *at = r->p;
	struct plan_day day = {0};
	bool special;
	int rc;

	list->count = 0;
	list->dates = 0;
	rc = dates_read(r, list);
	special = rc == 0 && *r->p != '\0' && *r->p != ';';
	if (special && date_follows(r))
		rc = reader_error(r, r->p, "dates are separated by `,` or `;`");
	else if (special)
		rc = spans_read(r, &day);
	if (rc == 0)
		rc = entry_end(r);
	for (size_t i = 0; rc == 0 && i < list->count; i++)
		rc = range_apply(r, plan, list->items[i], special ? &day : NULL, at);
	return rc;
}

int plan_parse_exceptions(const char *text, struct calendar_plan *plan, struct otk_error *err)
{
	struct reader r = {text, text, "exceptions", err};
	struct calendar_plan fresh = {0};
	struct date_list list = {0};
	int rc = 0;

	if (text == NULL)
		text = r.text = r.p = "";
	if (strlen(text) > PLAN_EXCEPTION_TEXT_MAX)
		return error_field(err, "exceptions", "the text is longer than %d bytes",
		        PLAN_EXCEPTION_TEXT_MAX);
	list.items = calloc(PLAN_EXCEPTIONS_MAX, sizeof *list.items);
	if (list.items == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	blanks_skip(&r);
	while (rc == 0 && *r.p != '\0')
		rc = exception_read(&r, &list, &fresh);
	free(list.items);
	if (rc != 0) {
		plan_clear_exceptions(&fresh);
		return rc;
	}
	plan_clear_exceptions(plan);
	plan->exceptions = fresh.exceptions;
	plan->exception_count = fresh.exception_count;
	return 0;
}

static int rule_add(struct calendar_plan *plan, const char *text, struct otk_error *err)
{
	struct holiday_rule rule;
	int rc = rule_parse(text, "rules", &rule, err);

	for (size_t i = 0; rc == 0 && i < plan->rule_count; i++) {
		if (rule_equals(&plan->rules[i], &rule))
			rc = error_field(err, "rules", "`%.60s` is listed twice", text);
	}
	if (rc == 0 && plan->rule_count == RULES_MAX)
		rc = error_field(err, "rules", "at most %d rules", RULES_MAX);
	if (rc == 0)
		plan->rules[plan->rule_count++] = rule;
	return rc;
}

int plan_parse_rules(const char *text, struct calendar_plan *plan, struct otk_error *err)
{
	int rc = 0;

	while (rc == 0 && text != NULL && *text != '\0') {
		char one[RULE_TEXT_MAX + 1];
		size_t length = strcspn(text, ";");
		size_t blank = strspn(text, " \t\r\n");

		if (length > blank && length - blank > RULE_TEXT_MAX)
			return error_field(
			        err, "rules", "a rule is longer than %d bytes", RULE_TEXT_MAX);
		if (length > blank) {
			memcpy(one, text + blank, length - blank);
			one[length - blank] = '\0';
			rc = rule_add(plan, one, err);
		}
		text += text[length] == ';' ? length + 1 : length;
	}
	return rc;
}

/* Whether a span of a day reaches into a later one of it, or of the day after. */
static const struct plan_span *span_overlapped(
        const struct plan_day *day, size_t i, const struct plan_day *next)
{
	for (size_t k = i + 1; k < day->count; k++) {
		if (day->spans[k].start < day->spans[i].end)
			return &day->spans[k];
	}
	for (size_t k = 0; k < next->count; k++) {
		if (next->spans[k].start + DAY_SECONDS < day->spans[i].end)
			return &next->spans[k];
	}
	return NULL;
}

static void span_write(const struct plan_span *span, char *out, size_t size)
{
	int end = span->end > DAY_SECONDS ? span->end - DAY_SECONDS : span->end;

	(void)snprintf(out, size, "%02d:%02d-%02d:%02d", span->start / 3600,
	        span->start / 60 % 60, end / 3600, end / 60 % 60);
}

static int day_check(const struct plan_day *day, const struct plan_day *next, const char *name,
        const char *field, struct otk_error *err)
{
	for (size_t i = 0; i < day->count; i++) {
		const struct plan_span *other = span_overlapped(day, i, next);
		char one[16], two[16];

		if (other == NULL)
			continue;
		span_write(&day->spans[i], one, sizeof one);
		span_write(other, two, sizeof two);
		return error_field(err, field,
		        "%s of %s overlaps %s; spans of a day, and those that reach into it "
		        "past "
		        "midnight, must not overlap",
		        one, name, two);
	}
	return 0;
}

int plan_check_spans(const struct calendar_plan *plan, struct otk_error *err)
{
	static const struct plan_day NOTHING;
	int rc = 0;

	for (size_t d = 0; rc == 0 && d < 7; d++)
		rc = day_check(
		        &plan->week[d], &plan->week[(d + 1) % 7], DAY_NAMES[d], "week", err);
	for (size_t i = 0; rc == 0 && i < plan->exception_count; i++) {
		if (plan->exceptions[i].day != NULL)
			rc = day_check(plan->exceptions[i].day, &NOTHING, "this date",
			        "exceptions", err);
	}
	return rc;
}

int plan_parse(const char *zone, const char *week, const char *exceptions,
        struct calendar_plan *out, struct otk_error *err)
{
	struct calendar_plan plan = {0};
	const struct tz *tz;
	struct otk_error cause;
	int rc;

	rc = tz_find(zone, &tz, &cause);
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (rc != 0)
		return error_field(err, "zone", "%s", cause.message);
	(void)snprintf(plan.zone, sizeof plan.zone, "%s", zone);
	rc = plan_parse_week(week, &plan, err);
	if (rc == 0)
		rc = plan_parse_exceptions(exceptions, &plan, err);
	if (rc == 0)
		*out = plan;
	return rc;
}

/* Past dates of edited calendars, and the clocks that they would have touched. */
#include "desk/installation_past.h"

#include <inttypes.h>
#include <string.h>

#include "base/time_text.h"
#include "base/tz.h"
#include "core/calendar_plan.h"
#include "db/rows.h"
#include "sql/statements.h"

#define DAY_US INT64_C(86400000000)

/* What is said of each day of the window: NULL nothing, "" a holiday, else its spans. */
struct days {
	int64_t first;
	size_t count;
	const char **said;
};

enum { DATE_LENGTH = 10, WINDOW = PAST_YEARS * 366 };

/* "2026-12-24" at the head of a text that goes on with a comma, a blank or not at all. */
static bool date_at(const char *text, int64_t *date)
{
	char head[DATE_LENGTH + 1] = "";

	if (strnlen(text, DATE_LENGTH) < DATE_LENGTH)
		return false;
	memcpy(head, text, DATE_LENGTH);
	return time_parse_date(head, date) == 0;
}

/* Holidays "d,d" or special days "d spans,spans,d spans", as things hold them. */
static int days_read(struct arena *arena, const char *text, struct days *days)
{
	while (*text != '\0') {
		const char *end = text;
		char *spans;
		int64_t date, next;

		if (!date_at(text, &date)) /* not ours: nothing is said */
			return 0;
		/* Up to the comma that another date follows. */
		do
			end += strcspn(end + 1, ",") + 1;
		while (*end != '\0' && !date_at(end + 1, &next));
		text += DATE_LENGTH;
		spans = arena_printf(arena, "%.*s", (int)(end - text), text);
		if (spans == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		if (date >= days->first && (size_t)(date - days->first) < days->count)
			days->said[date - days->first] = spans;
		text = *end == '\0' ? end : end + 1;
	}
	return 0;
}

static int rules_read(const char *text, struct days *days)
{
	struct calendar_plan plan = {0};
	struct rule_days *made;

	if (*text == '\0' || plan_parse_rules(text, &plan, NULL) < 0)
		return 0;
	made = rule_days_new(plan.rules, plan.rule_count);
	if (made == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < days->count; i++) {
		if (rule_days_has(made, days->first + (int64_t)i))
			days->said[i] = "";
	}
	rule_days_free(made);
	return 0;
}

static int thing_days(struct arena *arena, const struct thing *thing, struct days *days)
{
	int rc = 0;

	days->said = arena_calloc(arena, days->count, sizeof *days->said);
	if (days->said == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	/* Of one day the exceptions have the last word. */
	rc = rules_read(thing_text(thing, CALENDAR_RULES), days);
	if (rc == 0)
		rc = days_read(arena, thing_text(thing, CALENDAR_HOLIDAYS), days);
	if (rc == 0)
		rc = days_read(arena, thing_text(thing, CALENDAR_SPECIAL_DAYS), days);
	return rc;
}

static bool says_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The days on which the two differ, as runs. */
static void compare(const struct days *was, const struct days *is, const struct tz *tz,
        int64_t now, struct past *past)
{
	int64_t before = INT64_MIN;

	for (size_t i = 0; i < is->count; i++) {
		int64_t date = is->first + (int64_t)i;
		int64_t from = tz_from_local(tz, date * DAY_US);
		int64_t to = tz_from_local(tz, (date + 1) * DAY_US);

		if (from >= now || says_same(was->said[i], is->said[i]))
			continue;
		if (past->dates++ == 0)
			past->first = date;
		past->last = date;
		if (date != before + 1)
			past->from[past->runs++] = from;
		past->to[past->runs - 1] = to < now ? to : now;
		before = date;
	}
}

/* Whether anything but zone and week is written otherwise. */
static bool days_differ(const struct thing_change *change)
{
	static const int TEXTS[] = {CALENDAR_HOLIDAYS, CALENDAR_SPECIAL_DAYS, CALENDAR_RULES};

	for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
		if (strcmp(thing_text(change->stored, TEXTS[i]),
		            thing_text(change->declared, TEXTS[i])) != 0)
			return true;
	}
	return false;
}

static int past_of(
        struct arena *arena, const struct thing_change *change, int64_t now, struct past *past)
{
	struct days was = {.first = now / DAY_US - WINDOW, .count = WINDOW + 2};
	const struct tz *tz;
	struct days is;
	int rc;

	if (was.first < 0)
		was.first = 0;
	is = was;
	if (tz_find(thing_text(change->declared, CALENDAR_ZONE), &tz, NULL) < 0)
		return 0;
	past->from = arena_calloc(arena, is.count, sizeof *past->from);
	past->to = arena_calloc(arena, is.count, sizeof *past->to);
	if (past->from == NULL || past->to == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	rc = thing_days(arena, change->stored, &was);
	if (rc == 0)
		rc = thing_days(arena, change->declared, &is);
	if (rc == 0)
		compare(&was, &is, tz, now, past);
	return rc;
}

int past_find(struct arena *arena, const struct thing_change *changes, size_t count,
        int64_t now, struct past **out, size_t *found)
{
	struct past *past = arena_calloc(arena, count + 1, sizeof *past);
	int rc = past == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;

	*found = 0;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct thing_change *change = &changes[i];

		if (change->declared == NULL || change->stored == NULL ||
		        change->declared->kind != THING_CALENDAR || !days_differ(change))
			continue;
		past[*found] = (struct past){.change = i};
		rc = past_of(arena, change, now, &past[*found]);
		if (past[*found].dates > 0)
			(*found)++;
	}
	*out = past;
	return rc;
}

void past_calls(struct db_unit *unit, const struct past *past, size_t count,
        const struct thing_change *changes, int64_t now)
{
	db_unit_scope(unit, "*");
	for (size_t i = 0; i < count; i++) {
		struct db_array *times;

		db_call(unit, SQL_INSTALLATION_PAST);
		db_put_text(unit, changes[past[i].change].declared->code);
		times = db_put_array(unit, DB_TIME, past[i].runs);
		for (size_t k = 0; k < past[i].runs; k++)
			db_add_time(times, past[i].from[k]);
		times = db_put_array(unit, DB_TIME, past[i].runs);
		for (size_t k = 0; k < past[i].runs; k++)
			db_add_time(times, past[i].to[k]);
		db_put_time(unit, now);
	}
}

int past_remark(struct arena *arena, const struct db_unit *unit, const struct past *past,
        size_t count, struct thing_change *changes)
{
	for (size_t i = 0; i < count; i++) {
		const struct db_rows *rows = db_unit_rows(unit, i);
		char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
		const char *detail;

		(void)time_format_utc(past[i].first * DAY_US, first);
		(void)time_format_utc(past[i].last * DAY_US, last);
		detail = arena_printf(arena,
		        "%s; %zu date%s that %s over (%.10s%s%.10s) change%s nothing: %" PRId64
		        " clocks of %" PRId64 " tickets ran then",
		        changes[past[i].change].detail, past[i].dates,
		        past[i].dates == 1 ? "" : "s", past[i].dates == 1 ? "is" : "are", first,
		        past[i].dates == 1 ? "" : " to ", past[i].dates == 1 ? "" : last,
		        past[i].dates == 1 ? "s" : "", db_get_int(rows, 0, 0),
		        db_get_int(rows, 0, 1));
		if (detail == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		changes[past[i].change].detail = detail;
	}
	return 0;
}

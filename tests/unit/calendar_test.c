/* Service time: materialised spans, walks, editions, due times, business days, intervals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "alloc_fail.h"
#include "base/time_text.h"
#include "core/calendar_history.h"

#define HOUR INT64_C(3600000000)
#define MINUTE INT64_C(60000000)

static int64_t at(const char *text)
{
	int64_t us = 0;

	assert_int_equal(time_parse(text, &us, NULL), 0);
	return us;
}

static const char *utc(int64_t us)
{
	static char text[TIME_TEXT_SIZE];

	return time_format_utc(us, text);
}

static struct calendar *calendar_of(const char *zone, const char *week, const char *exceptions)
{
	struct calendar_plan plan;
	struct calendar *calendar = NULL;
	struct otk_error err = {0};

	assert_int_equal(plan_parse(zone, week, exceptions, &plan, &err), 0);
	assert_int_equal(calendar_new(&plan, &calendar, &err), 0);
	plan_release(&plan);
	return calendar;
}

static struct target target_of(const char *text)
{
	struct target target;
	struct otk_error err = {0};

	assert_int_equal(target_parse(text, "target", &target, &err), 0);
	return target;
}

static void due_times_are_exact(void **state)
{
	static const struct {
		const char *zone;
		const char *week;
		const char *exceptions;
		const char *start;
		const char *target;
		const char *due;
	} CASES[] = {
	        /* a closing, not the next opening */
	        {"UTC", "mon-fri 09:00-17:00", "", "2026-03-02T09:00:00Z", "8h",
	                "2026-03-02T17:00:00Z"},
	        {"UTC", "mon-fri 09:00-17:00", "", "2026-03-02T17:00:00Z", "1s",
	                "2026-03-03T09:00:01Z"},
	        /* target 0: the start itself, also while closed */
	        {"UTC", "mon-fri 09:00-17:00", "", "2026-03-01T03:00:00Z", "0s",
	                "2026-03-01T03:00:00Z"},
	        /* always loses no minute at midnight or at a change of the offset */
	        {"America/Sao_Paulo", "always", "", "2015-10-18T01:00:00Z", "7h",
	                "2015-10-18T08:00:00Z"},
	        {"Europe/Berlin", "mon-sun 00:00-24:00", "", "2026-03-28T12:00:00Z", "24h",
	                "2026-03-29T12:00:00Z"},
	        /* a span across midnight belongs to its first date; the holiday leaves it */
	        {"UTC", "mon-sun 22:00-06:00", "2026-03-03", "2026-03-02T22:00:00Z", "9h",
	                "2026-03-04T23:00:00Z"},
	        /* special working day */
	        {"UTC", "mon-fri 09:00-17:00", "2026-03-07 10:00-12:00", "2026-03-06T16:00:00Z",
	                "2h", "2026-03-07T11:00:00Z"},
	        /* start in a gap: 02:30 is 03:30 summer time; the span 02:00-03:00 is empty */
	        {"Europe/Berlin", "sun 02:00-03:00", "", "2026-03-28T00:00:00Z", "30m",
	                "2026-04-05T00:30:00Z"},
	        /* in an overlap the second 02:30 counts */
	        {"Europe/Berlin", "sun 02:30-04:00", "", "2026-10-24T12:00:00Z", "1h",
	                "2026-10-25T02:30:00Z"},
	        /* a date that Apia left out is half of nothing */
	        {"Pacific/Apia", "fri 09:00-17:00", "", "2011-12-29T00:00:00Z", "9h",
	                "2012-01-05T20:00:00Z"},
	        /* over the turn of a year */
	        {"UTC", "mon-sun 00:00-24:00", "", "2025-12-31T23:00:00Z", "2h",
	                "2026-01-01T01:00:00Z"},
	        {"UTC", "wed 23:00-02:00", "", "2025-12-31T23:30:00Z", "2h30m",
	                "2026-01-01T02:00:00Z"},
	        {"UTC", "mon-fri 09:00-17:00", "", "2026-03-02T16:00:00Z", "4h calendar",
	                "2026-03-02T20:00:00Z"},
	        /* years */
	        {"UTC", "mon 09:00-10:00", "", "2026-03-02T09:00:00Z", "520h",
	                "2036-02-11T10:00:00Z"},
	        {"UTC", "always", "", "2026-03-02T09:00:00Z", "87600h", "2036-02-28T09:00:00Z"},
	        /* business days: rolled to the opening, then the same local time */
	        {"Europe/Berlin", "mon-fri 09:00-17:00", "", "2026-03-27T13:00:00Z", "1bd",
	                "2026-03-30T12:00:00Z"},
	        {"UTC", "mon-fri 09:00-17:00", "", "2026-03-01T13:00:00Z", "2bd",
	                "2026-03-04T09:00:00Z"},
	        {"UTC", "mon-fri 09:00-17:00", "2026-03-03", "2026-03-02T10:00:00Z", "1bd",
	                "2026-03-04T10:00:00Z"},
	        /* closed at that time: back to the closing, else the first opening */
	        {"UTC", "mon 09:00-17:00; tue 08:00-12:00", "", "2026-03-02T16:00:00Z", "1bd",
	                "2026-03-03T12:00:00Z"},
	        {"UTC", "mon 09:00-17:00; tue 14:00-17:00", "", "2026-03-02T10:00:00Z", "1bd",
	                "2026-03-03T14:00:00Z"},
	        {"UTC", "mon-fri 09:00-12:00,13:00-17:00; sat 09:00-11:00", "",
	                "2026-03-06T14:00:00Z", "1bd", "2026-03-07T11:00:00Z"},
	        /* Saturday morning is open time of Friday's span, so Saturday is a day */
	        {"UTC", "mon-fri 22:00-06:00", "", "2026-03-06T23:00:00Z", "1bd",
	                "2026-03-07T06:00:00Z"},
	        /* the closing of midnight is that of the day before */
	        {"UTC", "mon 18:00-24:00; tue 20:00-22:00", "", "2026-03-02T19:00:00Z", "1bd",
	                "2026-03-03T20:00:00Z"},
	        {"UTC", "always", "", "2026-03-06T23:00:00Z", "3bd", "2026-03-09T23:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct calendar_edition edition = {
		        0, calendar_of(CASES[i].zone, CASES[i].week, CASES[i].exceptions)};
		struct calendar_history history = {&edition, 1};
		struct target target = target_of(CASES[i].target);
		int64_t due = 0;
		int64_t us = 0;
		int64_t consumed = 0;

		assert_int_equal(
		        history_due(&history, at(CASES[i].start), &target, NULL, 0, &due), 0);
		assert_string_equal(utc(due), CASES[i].due);
		assert_int_equal(
		        history_target_us(&history, at(CASES[i].start), &target, &us), 0);
		assert_int_equal(history_consumed(&history, at(CASES[i].start), due,
		                         target.wall, NULL, 0, &consumed),
		        0);
		assert_int_equal(consumed, us);
		calendar_free(edition.calendar);
	}
	calendar_free(NULL);
}

static void pauses_do_not_count(void **state)
{
	struct calendar_edition edition = {0, calendar_of("UTC", "mon-fri 09:00-17:00", "")};
	struct calendar_history history = {&edition, 1};
	int64_t start = at("2026-03-02T09:00:00Z");
	/* unsorted, overlapping, empty, inverted, in closed time */
	struct interval pauses[] = {
	        {start + 5 * HOUR, start + 6 * HOUR},
	        {start + HOUR, start + 3 * HOUR},
	        {start + 2 * HOUR, start + 2 * HOUR + MINUTE},
	        {start + 4 * HOUR, start + 4 * HOUR},
	        {start + 8 * HOUR, start + 2 * HOUR},
	        {start + 10 * HOUR, start + 12 * HOUR},
	        {start - 5 * HOUR, start - 4 * HOUR},
	};
	struct interval endless[] = {{start + HOUR, CALENDAR_NEVER}, {start, start + MINUTE}};
	struct interval shut[] = {{start + 9 * HOUR, start + 10 * HOUR}};
	struct target target = target_of("6h");
	struct target hour = target_of("1h");
	struct target days = target_of("1bd");
	struct target wall = target_of("6h calendar");
	struct target none = target_of("0s");
	struct target backward = {.us = -1};
	int64_t due;
	int64_t us;

	(void)state;
	assert_int_equal(history_due(&history, start, &target, pauses, 7, &due), 0);
	assert_string_equal(utc(due), "2026-03-03T10:00:00Z");
	assert_int_equal(history_consumed(&history, start, due, false, pauses, 7, &us), 0);
	assert_int_equal(us, 6 * HOUR);
	assert_int_equal(history_due(&history, start, &wall, pauses, 7, &due), 0);
	assert_string_equal(utc(due), "2026-03-02T18:00:00Z");
	assert_int_equal(history_consumed(&history, start, due, true, pauses, 7, &us), 0);
	assert_int_equal(us, 6 * HOUR);

	/* reached at the instant the pause begins, or never */
	assert_int_equal(history_due(&history, start, &hour, endless, 1, &due), 0);
	assert_int_equal(due, start + HOUR);
	assert_int_equal(history_due(&history, start, &hour, endless, 2, &due), 0);
	assert_int_equal(due, CALENDAR_NEVER);
	assert_int_equal(history_due(&history, start, &wall, endless, 1, &due), 0);
	assert_int_equal(due, CALENDAR_NEVER);
	assert_int_equal(history_due(&history, start + 2 * HOUR, &none, endless, 1, &due), 0);
	assert_int_equal(due, start + 2 * HOUR);
	assert_int_equal(
	        history_consumed(&history, start, start + 5 * HOUR, false, endless, 2, &us), 0);
	assert_int_equal(us, 59 * MINUTE);

	/* business days move only by pauses that took service time */
	assert_int_equal(history_due(&history, start, &days, shut, 1, &due), 0);
	assert_string_equal(utc(due), "2026-03-03T09:00:00Z");
	assert_int_equal(history_due(&history, start, &days, pauses, 7, &due), 0);
	assert_string_equal(utc(due), "2026-03-03T12:00:00Z");

	assert_int_equal(
	        history_due(&history, start, &backward, NULL, 0, &due), -OTK_OUT_OF_RANGE);
	calendar_free(edition.calendar);
}

static void an_edition_acts_from_its_instant(void **state)
{
	struct calendar *day = calendar_of("UTC", "mon-fri 09:00-17:00", "");
	struct calendar *night = calendar_of("Europe/Berlin", "mon-fri 20:00-24:00", "");
	struct calendar_edition editions[] = {
	        {at("2026-03-01T00:00:00Z"), day},
	        {at("2026-03-03T12:00:00Z"), night},
	        {at("2026-03-05T11:00:00Z"), night},
	        {at("2026-03-05T11:00:00Z"), day},
	};
	struct calendar_history history = {editions, 4};
	const struct tz *tz;
	int64_t us;
	int64_t found;
	int64_t left;
	bool open;

	(void)state;
	assert_ptr_equal(history_at(&history, 0), day);
	assert_ptr_equal(history_at(&history, at("2026-03-03T12:00:00Z") - 1), day);
	assert_ptr_equal(history_at(&history, at("2026-03-03T12:00:00Z")), night);
	assert_ptr_equal(history_at(&history, at("2026-03-05T11:00:00Z")), day);
	assert_int_equal(history_zone(&history, at("2026-03-04T00:00:00Z"), &tz), 0);
	assert_string_equal(tz_name(tz), "Europe/Berlin");

	/* Tue 9-12, Tue and Wed 19-23 UTC, Thu 11-17 */
	assert_int_equal(history_open_between(&history, at("2026-03-03T00:00:00Z"),
	                         at("2026-03-06T00:00:00Z"), &us),
	        0);
	assert_int_equal(us, (3 + 4 + 4 + 6) * HOUR);
	assert_int_equal(
	        history_after(&history, at("2026-03-03T10:00:00Z"), 3 * HOUR, &found), 0);
	assert_string_equal(utc(found), "2026-03-03T20:00:00Z");
	assert_int_equal(
	        history_after(&history, at("2026-03-03T10:00:00Z"), 2 * HOUR, &found), 0);
	assert_string_equal(utc(found), "2026-03-03T12:00:00Z");
	assert_int_equal(
	        history_before(&history, at("2026-03-03T20:00:00Z"), 3 * HOUR, &found), 0);
	assert_string_equal(utc(found), "2026-03-03T10:00:00Z");
	/* an edit can close and open */
	assert_int_equal(
	        history_previous_closing(&history, at("2026-03-03T18:00:00Z"), &found), 0);
	assert_string_equal(utc(found), "2026-03-03T12:00:00Z");
	assert_int_equal(
	        history_previous_closing(&history, at("2026-03-05T12:00:00Z"), &found), 0);
	assert_string_equal(utc(found), "2026-03-04T23:00:00Z");
	assert_int_equal(history_next_open(&history, at("2026-03-05T00:00:00Z"), &found), 0);
	assert_string_equal(utc(found), "2026-03-05T11:00:00Z");
	assert_int_equal(history_is_open(&history, at("2026-03-03T12:00:00Z"), &open), 0);
	assert_false(open);
	assert_int_equal(
	        history_before(&history, at("2026-03-03T19:30:00Z"), HOUR / 2, &found), 0);
	assert_string_equal(utc(found), "2026-03-03T12:00:00Z");
	assert_int_equal(history_advance(&history, at("2026-03-03T10:00:00Z"), 9 * HOUR,
	                         at("2026-03-03T20:00:00Z"), &found, &left),
	        0);
	assert_int_equal(left, 6 * HOUR);
	calendar_free(day);
	calendar_free(night);
}

static void no_editions_are_open_always(void **state)
{
	struct calendar_history history = {NULL, 0};
	struct target target = target_of("90s");
	const struct tz *tz;
	int64_t due;
	int64_t us;

	(void)state;
	assert_null(history_at(&history, 0));
	assert_int_equal(history_due(&history, 5, &target, NULL, 0, &due), 0);
	assert_int_equal(due, 90000005);
	assert_int_equal(history_open_between(&history, 10, 5, &us), 0);
	assert_int_equal(us, 0);
	assert_int_equal(history_zone(&history, 0, &tz), 0);
	assert_string_equal(tz_name(tz), "UTC");
}

static void going_back_finds_the_earliest_instant(void **state)
{
	struct calendar_edition edition = {0, calendar_of("UTC", "mon-fri 09:00-17:00", "")};
	struct calendar_history history = {&edition, 1};
	static const struct {
		const char *to;
		int64_t us;
		const char *from;
	} CASES[] = {
	        {"2026-03-03T10:00:00Z", 30 * MINUTE, "2026-03-03T09:30:00Z"},
	        {"2026-03-03T09:30:00Z", 30 * MINUTE, "2026-03-02T17:00:00Z"},
	        {"2026-03-03T09:30:00Z", 0, "2026-03-03T09:30:00Z"},
	        {"2026-03-02T09:30:00Z", 60 * MINUTE, "2026-02-27T16:30:00Z"},
	        {"2026-01-01T10:00:00Z", 60 * MINUTE, "2025-12-31T17:00:00Z"},
	        {"2026-01-01T09:30:00Z", 60 * MINUTE, "2025-12-31T16:30:00Z"},
	        {"2026-03-07T00:00:00Z", 8 * HOUR, "2026-03-05T17:00:00Z"},
	        {"1970-01-01T10:00:00Z", 60 * MINUTE, "1970-01-01T09:00:00Z"},
	};
	int64_t found;
	int64_t left;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		assert_int_equal(
		        history_before(&history, at(CASES[i].to), CASES[i].us, &found), 0);
		assert_string_equal(utc(found), CASES[i].from);
	}
	assert_int_equal(history_before(&history, at("1970-01-01T10:00:00Z"), 2 * HOUR, &found),
	        -OTK_OUT_OF_RANGE);
	assert_int_equal(history_before(&history, HOUR, -1, &found), -OTK_OUT_OF_RANGE);
	assert_int_equal(history_after(&history, HOUR, -1, &found), -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_retreat(edition.calendar, at("2026-03-03T10:00:00Z"),
	                         9 * HOUR, at("2026-03-02T16:00:00Z"), &found, &left),
	        0);
	assert_string_equal(utc(found), "2026-03-02T16:00:00Z");
	assert_int_equal(left, 7 * HOUR);
	assert_int_equal(calendar_advance(edition.calendar, at("2026-03-03T10:00:00Z"),
	                         9 * HOUR, at("2026-03-04T09:30:00Z"), &found, &left),
	        0);
	assert_string_equal(utc(found), "2026-03-04T09:30:00Z");
	assert_int_equal(left, HOUR + HOUR / 2);
	calendar_free(edition.calendar);
}

static void answers_outside_the_years_are_refused(void **state)
{
	struct calendar *calendar = calendar_of("UTC", "mon-fri 09:00-17:00", "");
	struct calendar_edition edition = {0, calendar};
	struct calendar_history history = {&edition, 1};
	struct calendar_history always = {NULL, 0};
	struct calendar_iter iter;
	struct calendar_interval interval;
	struct interval found;
	struct target day = target_of("1bd");
	struct target hour = target_of("1h");
	struct target wall = target_of("1h calendar");
	struct interval pause = {CALENDAR_END - 5, CALENDAR_END + 5};
	int64_t us = 77;
	int64_t left = 77;
	bool open = false;

	(void)state;
	assert_int_equal(calendar_open_between(calendar, -1, 5, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(
	        calendar_open_between(calendar, 0, CALENDAR_END + 1, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_advance(calendar, -1, 5, 10, &us, &left), -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_advance(calendar, CALENDAR_END - HOUR, 5 * HOUR,
	                         CALENDAR_NEVER, &us, &left),
	        -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_retreat(calendar, -1, 5, 0, &us, &left), -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_next_open(calendar, -1, 5, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_open_after(calendar, -1, 5, &found), -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_previous_closing(calendar, -1, -9, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(calendar_previous_closing(calendar, 5, -9, &us), 0);
	assert_int_equal(calendar_next_open(calendar, CALENDAR_END, CALENDAR_NEVER, &us), 0);
	assert_int_equal(history_is_open(&history, -1, &open), -OTK_OUT_OF_RANGE);
	assert_int_equal(history_open_between(&history, -1, 5, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(history_next_open(&history, -1, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(
	        history_next_open(&history, CALENDAR_END - HOUR, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(history_previous_closing(&history, HOUR, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(
	        history_previous_closing(&history, CALENDAR_END + 9, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(history_due(&history, CALENDAR_END - HOUR, &day, NULL, 0, &us),
	        -OTK_OUT_OF_RANGE);
	assert_int_equal(history_due(&history, CALENDAR_END - 20 * HOUR, &day, NULL, 0, &us),
	        -OTK_OUT_OF_RANGE);
	assert_int_equal(history_due(&history, -5, &hour, NULL, 0, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(history_due(&history, CALENDAR_END - 5, &wall, NULL, 0, &us),
	        -OTK_OUT_OF_RANGE);
	assert_int_equal(history_due(&always, -5, &wall, NULL, 0, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(history_due(&always, CALENDAR_END - HOUR / 2, &hour, &pause, 1, &us),
	        -OTK_OUT_OF_RANGE);
	pause = (struct interval){HOUR, 2 * HOUR};
	assert_int_equal(history_due(&always, -5, &hour, &pause, 1, &us), -OTK_OUT_OF_RANGE);
	assert_int_equal(
	        history_consumed(&history, -5, 5, false, &pause, 1, &us), -OTK_OUT_OF_RANGE);
	calendar_iter_start(&iter, &history, -5, 5);
	assert_int_equal(calendar_iter_next(&iter, &interval), -OTK_OUT_OF_RANGE);
	calendar_iter_start(&iter, &history, 0, CALENDAR_END + 1);
	assert_int_equal(calendar_iter_next(&iter, &interval), -OTK_OUT_OF_RANGE);
	assert_int_equal(us, 77);

	/* the last instant itself is fine */
	assert_int_equal(history_due(&always, CALENDAR_END - HOUR, &hour, NULL, 0, &us), 0);
	assert_int_equal(us, CALENDAR_END);
	assert_int_equal(history_due(&always, CALENDAR_END - HOUR, &wall, NULL, 0, &us), 0);
	assert_int_equal(us, CALENDAR_END);
	assert_int_equal(calendar_open_between(calendar, 0, CALENDAR_END, &us), 0);
	assert_int_equal(us, INT64_C(34177) * 8 * HOUR);
	calendar_free(calendar);
}

static void closings_are_found_across_years(void **state)
{
	struct calendar *nights = calendar_of("UTC", "mon-sun 22:00-06:00", "");
	struct calendar *whole = calendar_of("UTC", "mon-sun 00:00-24:00", "");
	struct calendar *rare = calendar_of("UTC", "", "2026-06-01 09:00-10:00");
	struct interval found;
	int64_t us = 0;

	(void)state;
	assert_int_equal(
	        calendar_previous_closing(nights, at("2026-01-01T05:00:00Z"), 0, &us), 1);
	assert_string_equal(utc(us), "2025-12-31T06:00:00Z");
	assert_int_equal(
	        calendar_previous_closing(nights, at("2026-01-01T06:00:00Z"), 0, &us), 1);
	assert_string_equal(utc(us), "2026-01-01T06:00:00Z");
	assert_int_equal(
	        calendar_previous_closing(nights, at("2026-01-01T00:00:00Z"), 0, &us), 1);
	assert_string_equal(utc(us), "2025-12-31T06:00:00Z");
	assert_int_equal(calendar_previous_closing(nights, at("2026-01-01T05:00:00Z"),
	                         at("2025-12-31T06:00:00Z"), &us),
	        0);
	assert_int_equal(calendar_previous_closing(whole, at("2026-01-01T05:00:00Z"),
	                         at("2024-12-31T06:00:00Z"), &us),
	        0);
	assert_int_equal(
	        calendar_previous_closing(rare, at("2030-01-01T05:00:00Z"), 0, &us), 1);
	assert_string_equal(utc(us), "2026-06-01T10:00:00Z");
	assert_int_equal(calendar_previous_closing(rare, at("2030-01-01T05:00:00Z"),
	                         at("2028-01-01T00:00:00Z"), &us),
	        0);
	assert_int_equal(calendar_open_after(nights, at("2025-12-31T12:00:00Z"),
	                         at("2026-01-02T00:00:00Z"), &found),
	        1);
	assert_string_equal(utc(found.from), "2025-12-31T22:00:00Z");
	assert_string_equal(utc(found.to), "2026-01-01T06:00:00Z");
	assert_int_equal(calendar_open_after(whole, 0, CALENDAR_NEVER, &found), 1);
	assert_int_equal(found.to, CALENDAR_END);
	assert_int_equal(calendar_next_open(rare, 0, CALENDAR_END, &us), 1);
	assert_string_equal(utc(us), "2026-06-01T09:00:00Z");
	assert_int_equal(calendar_next_open(rare, 0, us, &us), 0);
	calendar_free(nights);
	calendar_free(whole);
	calendar_free(rare);
}

static void intervals_tile_time_and_name_holidays(void **state)
{
	struct calendar *day = calendar_of("UTC", "mon-sun 09:00-17:00", "2026-03-03");
	struct calendar *nights =
	        calendar_of("UTC", "mon-sun 22:00-06:00", "2025-12-31..2026-01-01");
	struct calendar_edition editions[] = {{0, nights}, {at("2026-03-01T00:00:00Z"), day}};
	struct calendar_history history = {editions, 2};
	static const struct {
		const char *to;
		enum calendar_kind kind;
	} EXPECTED[] = {
	        {"2026-03-01T00:00:00Z", CALENDAR_OPEN},
	        {"2026-03-01T09:00:00Z", CALENDAR_CLOSED},
	        {"2026-03-01T17:00:00Z", CALENDAR_OPEN},
	        {"2026-03-02T09:00:00Z", CALENDAR_CLOSED},
	        {"2026-03-02T17:00:00Z", CALENDAR_OPEN},
	        {"2026-03-03T09:00:00Z", CALENDAR_CLOSED},
	        {"2026-03-03T17:00:00Z", CALENDAR_HOLIDAY},
	        {"2026-03-04T09:00:00Z", CALENDAR_CLOSED},
	        {"2026-03-04T12:00:00Z", CALENDAR_OPEN},
	};
	struct calendar_iter iter;
	struct calendar_interval interval;
	int64_t from = at("2026-02-28T23:00:00Z");

	(void)state;
	calendar_iter_start(&iter, &history, from, at("2026-03-04T12:00:00Z"));
	for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
		assert_int_equal(calendar_iter_next(&iter, &interval), 1);
		assert_int_equal(interval.from, from);
		assert_string_equal(utc(interval.to), EXPECTED[i].to);
		assert_int_equal(interval.kind, EXPECTED[i].kind);
		from = interval.to;
	}
	assert_int_equal(calendar_iter_next(&iter, &interval), 0);

	/* one holiday over the turn of the year is one interval */
	calendar_iter_start(
	        &iter, &history, at("2025-12-31T23:00:00Z"), at("2026-01-01T12:00:00Z"));
	assert_int_equal(calendar_iter_next(&iter, &interval), 1);
	assert_int_equal(interval.kind, CALENDAR_HOLIDAY);
	assert_string_equal(utc(interval.to), "2026-01-01T06:00:00Z");
	assert_int_equal(calendar_iter_next(&iter, &interval), 1);
	assert_int_equal(interval.kind, CALENDAR_CLOSED);
	assert_int_equal(calendar_iter_next(&iter, &interval), 0);
	calendar_iter_start(&iter, &history, 5, 5);
	assert_int_equal(calendar_iter_next(&iter, &interval), 0);
	calendar_free(day);
	calendar_free(nights);
}

static void impossible_calendars_are_refused(void **state)
{
	struct calendar *never = calendar_of("UTC", "", "");
	struct calendar *shut = calendar_of("UTC", "", "2026-01-01..2026-02-01");
	struct calendar *gap = calendar_of("Europe/Berlin", "", "2026-03-29 02:00-03:00");
	struct calendar *once = calendar_of("UTC", "", "2026-01-01 09:00-10:00");
	struct calendar *both = calendar_of("UTC", "always", "2026-01-01");
	struct calendar_plan plan = {.zone = "Nowhere/Land"};
	struct calendar *calendar = NULL;
	struct otk_error err = {0};

	(void)state;
	assert_int_equal(calendar_validate(never, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "week");
	assert_int_equal(calendar_validate(shut, NULL), -OTK_INVALID_ARGUMENT);
	assert_int_equal(calendar_validate(gap, NULL), -OTK_INVALID_ARGUMENT);
	error_clear(&err);
	assert_int_equal(calendar_validate(both, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "exceptions");
	assert_int_equal(calendar_validate(once, &err), 0);
	assert_string_equal(tz_name(calendar_zone(gap)), "Europe/Berlin");
	assert_true(calendar_plan_of(both)->always);
	error_clear(&err);
	assert_int_equal(calendar_new(&plan, &calendar, &err), -OTK_NOT_FOUND);
	assert_string_equal(err.violations[0].field, "zone");
	calendar_free(never);
	calendar_free(shut);
	calendar_free(gap);
	calendar_free(once);
	calendar_free(both);
}

/* Everything a clock asks, over a holiday at the turn of a year and an edition. */
static int everything(struct calendar_history *history, const struct interval *pauses)
{
	int64_t start = at("2025-12-31T10:00:00Z");
	struct target days = {.business_days = 3};
	struct target hours = {.us = 20 * HOUR};
	struct calendar_iter iter;
	struct calendar_interval interval;
	int64_t us;
	bool open;
	int rc = history_due(history, start, &days, pauses, 2, &us);

	if (rc == 0)
		rc = history_due(history, start, &hours, pauses, 2, &us);
	if (rc == 0)
		rc = history_consumed(history, start, us, false, pauses, 2, &us);
	if (rc == 0)
		rc = history_before(history, start, 40 * HOUR, &us);
	if (rc == 0)
		rc = history_is_open(history, start, &open);
	if (rc == 0)
		rc = history_previous_closing(history, at("2024-01-01T00:00:00Z"), &us);
	if (rc == 0)
		rc = history_open_between(history, start - 9000 * HOUR, start, &us);
	calendar_iter_start(&iter, history, start, start + 200 * HOUR);
	while (rc == 0 && (rc = calendar_iter_next(&iter, &interval)) == 1)
		rc = 0;
	return rc;
}

static void clocks_survive_memory_running_out(void **state)
{
	struct calendar_plan plan;
	struct otk_error err = {0};

	(void)state;
	assert_int_equal(plan_parse("UTC", "mon-sun 09:00-17:00,22:00-06:00",
	                         "2026-01-01 09:00-10:00; 2025-12-30", &plan, &err),
	        0);
	for (long n = 0; alloc_fail_next(n); n++) {
		struct interval pauses[] = {
		        {at("2026-01-01T09:00:00Z"), at("2026-01-01T09:30:00Z")},
		        {at("2026-01-02T09:00:00Z"), at("2026-01-02T09:30:00Z")}};
		struct calendar_edition editions[2] = {
		        {0, NULL}, {at("2026-01-01T12:00:00Z"), NULL}};
		struct calendar_history history = {editions, 2};
		int rc = calendar_new(&plan, &editions[0].calendar, &err);

		if (rc == 0)
			rc = calendar_new(&plan, &editions[1].calendar, &err);
		if (rc == 0)
			rc = calendar_validate(editions[0].calendar, &err);
		if (rc == 0)
			rc = everything(&history, pauses);
		/* What could not be given back is kept: shrinking may fail unseen. */
		if (!alloc_failed())
			assert_int_equal(rc, 0);
		else
			assert_true(rc == 0 || rc == -OTK_RESOURCE_EXHAUSTED);
		calendar_free(editions[0].calendar);
		calendar_free(editions[1].calendar);
	}
	plan_release(&plan);
}

/* Before any other test: later the shared calendar is there. */
static void the_empty_history_survives_memory_running_out(void **state)
{
	struct calendar_history history = {NULL, 0};
	struct calendar_iter iter;
	struct calendar_interval interval;
	struct interval pause = {5, 6};
	struct target hour = {.us = HOUR};
	int64_t us;
	bool open;

	(void)state;
	alloc_fail_at(0);
	assert_int_equal(history_is_open(&history, 0, &open), -OTK_RESOURCE_EXHAUSTED);
	alloc_fail_at(0);
	assert_int_equal(history_open_between(&history, 0, 1, &us), -OTK_RESOURCE_EXHAUSTED);
	alloc_fail_at(0);
	assert_int_equal(history_next_open(&history, 0, &us), -OTK_RESOURCE_EXHAUSTED);
	alloc_fail_at(0);
	assert_int_equal(history_previous_closing(&history, 5, &us), -OTK_RESOURCE_EXHAUSTED);
	alloc_fail_at(0);
	assert_int_equal(history_after(&history, 5, 1, &us), -OTK_RESOURCE_EXHAUSTED);
	alloc_fail_at(0);
	assert_int_equal(history_before(&history, 5, 1, &us), -OTK_RESOURCE_EXHAUSTED);
	alloc_fail_at(0);
	calendar_iter_start(&iter, &history, 0, 5);
	assert_int_equal(calendar_iter_next(&iter, &interval), -OTK_RESOURCE_EXHAUSTED);
	for (long n = 0; n < 2; n++) {
		alloc_fail_at(n);
		assert_int_equal(history_due(&history, 0, &hour, &pause, 1, &us),
		        -OTK_RESOURCE_EXHAUSTED);
		alloc_fail_at(n);
		assert_int_equal(history_consumed(&history, 0, HOUR, false, &pause, 1, &us),
		        -OTK_RESOURCE_EXHAUSTED);
	}
	alloc_fail_at(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_empty_history_survives_memory_running_out),
	        cmocka_unit_test(due_times_are_exact),
	        cmocka_unit_test(pauses_do_not_count),
	        cmocka_unit_test(an_edition_acts_from_its_instant),
	        cmocka_unit_test(no_editions_are_open_always),
	        cmocka_unit_test(going_back_finds_the_earliest_instant),
	        cmocka_unit_test(answers_outside_the_years_are_refused),
	        cmocka_unit_test(closings_are_found_across_years),
	        cmocka_unit_test(intervals_tile_time_and_name_holidays),
	        cmocka_unit_test(impossible_calendars_are_refused),
	        cmocka_unit_test(clocks_survive_memory_running_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

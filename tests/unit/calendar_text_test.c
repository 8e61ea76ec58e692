/* Plans and durations as text: what is read, what is refused and how it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc_fail.h"
#include "base/time_text.h"
#include "core/calendar_plan.h"
#include "core/duration.h"

static int64_t day_of(const char *text)
{
	int64_t date = 0;

	assert_int_equal(time_parse_date(text, &date), 0);
	return date;
}

static void week_text_has_one_canonical_form(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
	} CASES[] = {
	        {"always", "always"},
	        {" Always ", "always"},
	        {"", ""},
	        {"mon-fri 09:00-17:00", "mon-fri 09:00-17:00"},
	        {"mon-fri 8:00-13:00,14:00-18:00; sat 10:00-12:00;",
	                "mon-fri 08:00-13:00,14:00-18:00; sat 10:00-12:00"},
	        {"mon 10:30-19:00; tue-fri 08:30-19:00",
	                "mon 10:30-19:00; tue-fri 08:30-19:00"},
	        {"FRI-mon 00:00 - 24:00", "mon,fri-sun 00:00-24:00"},
	        {"mon , wed,fri 22:00-06:00", "mon,wed,fri 22:00-06:00"},
	        {"sat-sun 10:00-12:00", "sat,sun 10:00-12:00"},
	        {"mon 14:00-18:00,08:00-13:00", "mon 08:00-13:00,14:00-18:00"},
	        {"mon 08:00-13:00; mon 14:00-18:00; mon 08:00-13:00",
	                "mon 08:00-13:00,14:00-18:00"},
	        {"mon 08:00-13:00,08:00-12:00,08:00-13:00", "mon 08:00-12:00,08:00-13:00"},
	        {"mon 08:00-00:00", "mon 08:00-24:00"},
	        {"mon 00:01-00:00; tue 23:59-24:00", "mon 00:01-24:00; tue 23:59-24:00"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct calendar_plan plan = {0};
		struct calendar_plan again = {0};
		struct otk_error err = {0};
		struct buf out = {0};

		assert_int_equal(plan_parse_week(CASES[i].text, &plan, &err), 0);
		assert_int_equal(plan_format_week(&plan, &out), 0);
		assert_string_equal(buf_text(&out), CASES[i].canonical);
		assert_int_equal(plan_parse_week(buf_text(&out), &again, &err), 0);
		for (size_t k = 0; k < 7; k++) {
			assert_int_equal(plan.week[k].count, again.week[k].count);
			assert_memory_equal(plan.week[k].spans, again.week[k].spans,
			        plan.week[k].count * sizeof plan.week[k].spans[0]);
		}
		buf_free(&out);
	}
}

static void a_bad_week_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		const char *place;
	} CASES[] = {
	        {"monday 09:00-17:00", "at character 4"},
	        {"x", "at character 1"},
	        {"mon-", "at character 1"},
	        {"mon", "at the end: expected a span"},
	        {"mon 9-17", "at character 5"},
	        {"mon 09:0-17:00", "at character 5"},
	        {"mon 25:00-26:00", "at character 5"},
	        {"mon 24:00-24:00", "at character 5"},
	        {"mon 09:60-17:00", "at character 5"},
	        {"mon 09:00", "at character 5"},
	        {"mon 09:00-24:01", "at character 5"},
	        {"mon 09:00-09:00", "the span is empty"},
	        {"mon 09:00-17:00 tue 09:00-17:00", "at character 17"},
	        {"mon 09:00-17:00,", "at the end"},
	        {"mon,", "at the end"},
	        {"always mon 09:00-17:00", "nothing may follow"},
	        {"mon 09:00-17:00; always", "at character 18"},
	        {"mon 00:00-00:01,00:00-00:02,00:00-00:03,00:00-00:04,00:00-00:05,00:00-00:06,"
	         "00:00-00:07,00:00-00:08,00:00-00:09,00:00-00:10,00:00-00:11,00:00-00:12,"
	         "00:00-00:13,00:00-00:14,00:00-00:15,00:00-00:16,00:00-00:17,00:00-00:18,"
	         "00:00-00:19,00:00-00:20,00:00-00:21,00:00-00:22,00:00-00:23,00:00-00:24,"
	         "00:00-00:25",
	                "at most 24 spans"},
	        {"mon 00:00-00:01,00:00-00:02,00:00-00:03,00:00-00:04,00:00-00:05,00:00-00:06,"
	         "00:00-00:07,00:00-00:08,00:00-00:09,00:00-00:10,00:00-00:11,00:00-00:12,"
	         "00:00-00:13,00:00-00:14,00:00-00:15,00:00-00:16,00:00-00:17,00:00-00:18,"
	         "00:00-00:19,00:00-00:20,00:00-00:21,00:00-00:22,00:00-00:23,00:00-00:24; "
	         "mon 09:00-10:00",
	                "mon has more than 24 spans"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct calendar_plan plan = {.always = true};
		struct otk_error err = {0};

		assert_int_equal(
		        plan_parse_week(CASES[i].text, &plan, &err), -OTK_INVALID_ARGUMENT);
		assert_string_equal(err.violations[0].field, "week");
		assert_non_null(strstr(err.violations[0].description, CASES[i].place));
		assert_true(plan.always); /* untouched */
	}
}

static void texts_that_are_too_long_are_refused_unread(void **state)
{
	struct calendar_plan plan = {0};
	struct otk_error err = {0};
	char *text = malloc(PLAN_EXCEPTION_TEXT_MAX + 2);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', PLAN_EXCEPTION_TEXT_MAX + 1);
	text[PLAN_EXCEPTION_TEXT_MAX + 1] = '\0';
	assert_int_equal(plan_parse_week(text, &plan, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(plan_parse_exceptions(text, &plan, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(plan_parse_exceptions(text + 1, &plan, &err), 0);
	assert_int_equal(plan.exception_count, 0);
	free(text);
}

static void exceptions_text_has_one_canonical_form(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
	} CASES[] = {
	        {NULL, ""},
	        {" ", ""},
	        {"2025-12-25", "2025-12-25"},
	        {"2026-01-01,2025-12-25", "2025-12-25; 2026-01-01"},
	        {"2025-12-25, 2025-12-26;2025-12-27", "2025-12-25..2025-12-27"},
	        {"2025-12-24 09:00-13:00; 2025-12-25", "2025-12-24 09:00-13:00; 2025-12-25"},
	        {"2025-12-24,2025-12-31 09:00-11:00 , 12:00-13:00",
	                "2025-12-24 09:00-11:00,12:00-13:00; "
	                "2025-12-31 09:00-11:00,12:00-13:00"},
	        {"2025-12-29 .. 2026-01-02 22:00-02:00", "2025-12-29..2026-01-02 22:00-02:00"},
	        {"2025-12-24 09:00-13:00;2025-12-25 09:00-14:00",
	                "2025-12-24 09:00-13:00; 2025-12-25 09:00-14:00"},
	        {"1970-01-01..1970-01-02,2100-12-31", "1970-01-01..1970-01-02; 2100-12-31"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct calendar_plan plan = {0};
		struct otk_error err = {0};
		struct buf out = {0};
		struct buf again = {0};

		assert_int_equal(plan_parse_exceptions(CASES[i].text, &plan, &err), 0);
		assert_int_equal(plan_format_exceptions(&plan, &out), 0);
		assert_string_equal(buf_text(&out), CASES[i].canonical);
		assert_int_equal(plan_parse_exceptions(buf_text(&out), &plan, &err), 0);
		assert_int_equal(plan_format_exceptions(&plan, &again), 0);
		assert_string_equal(buf_text(&again), CASES[i].canonical);
		buf_free(&out);
		buf_free(&again);
		plan_release(&plan);
	}
}

static void a_bad_exception_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		const char *place;
	} CASES[] = {
	        {"tomorrow", "at character 1, `tomorrow`: expected a date"},
	        {"2025-02-29", "expected a date"},
	        {"2025-1-1", "expected a date"},
	        {"2025-12-25,", "at the end"},
	        {"2025-12-25 2025-12-26", "dates are separated"},
	        {"2025-12-25 closed", "expected a span"},
	        {"2025-12-25 09:00-13:00 x", "expected `,`"},
	        {"2025-12-25..x", "expected a range"},
	        {"2025-12-25..2025-12-24", "expected a range"},
	        {"2025-12-25; 2025-12-25 09:00-12:00", "2025-12-25 is listed twice"},
	        {"2025-12-25,2025-12-20..2025-12-28", "2025-12-25 is listed twice"},
	        {"1970-01-01..2100-12-31", "at most 4096 dates"},
	        {"2000-01-01..2009-12-31; 2010-01-01..2019-12-31", "at most 4096 dates"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct calendar_plan plan = {0};
		struct otk_error err = {0};

		assert_int_equal(plan_parse_exceptions(CASES[i].text, &plan, &err),
		        -OTK_INVALID_ARGUMENT);
		assert_string_equal(err.violations[0].field, "exceptions");
		assert_non_null(strstr(err.violations[0].description, CASES[i].place));
		assert_null(plan.exceptions);
	}
}

static void a_plan_names_the_part_that_is_wrong(void **state)
{
	struct calendar_plan plan;
	struct otk_error err = {0};

	(void)state;
	assert_int_equal(
	        plan_parse("Mars/Olympus", "always", "", &plan, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "zone");
	error_clear(&err);
	assert_int_equal(plan_parse("UTC", "?", "", &plan, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "week");
	error_clear(&err);
	assert_int_equal(
	        plan_parse("UTC", "mon 09:00-10:00", "?", &plan, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "exceptions");
	assert_int_equal(plan_parse("UTC", "mon 09:00-10:00", NULL, &plan, NULL), 0);
	assert_string_equal(plan.zone, "UTC");
	plan_release(&plan);
}

static void exceptions_are_set_replaced_and_bounded(void **state)
{
	struct calendar_plan plan = {0};
	struct plan_day day = {1, {{32400, 36000}}};

	(void)state;
	for (int64_t date = PLAN_EXCEPTIONS_MAX; date > 0; date--)
		assert_int_equal(plan_set_exception(&plan, date, date % 2 ? &day : NULL), 0);
	assert_int_equal(plan_set_exception(&plan, 0, &day), -OTK_OUT_OF_RANGE);
	assert_int_equal(plan.exception_count, PLAN_EXCEPTIONS_MAX);
	assert_null(plan_on(&plan, NULL, 2));
	assert_int_equal(plan_on(&plan, NULL, 3)->spans[0].start, 32400);
	assert_int_equal(plan_set_exception(&plan, 3, NULL), 0);
	assert_null(plan_on(&plan, NULL, 3));
	assert_int_equal(plan_set_exception(&plan, 2, &day), 0);
	assert_int_equal(plan_on(&plan, NULL, 2)->count, 1);
	assert_ptr_equal(plan_on(&plan, NULL, 0), &plan.week[3]);
	assert_ptr_equal(plan_on(&plan, NULL, PLAN_EXCEPTIONS_MAX + 1),
	        &plan.week[plan_weekday(PLAN_EXCEPTIONS_MAX + 1)]);
	plan_release(&plan);
}

/* What a declaration may hold is read again by every process. */
static void the_most_that_can_be_kept_can_be_read(void **state)
{
	struct calendar_plan plan = {0}, again = {0};
	struct plan_day day = {0};
	struct buf out = {0};
	char name[PLAN_NAME_MAX + 1];

	(void)state;
	for (int32_t i = 0; i < PLAN_SPANS_MAX; i++)
		day.spans[day.count++] = (struct plan_span){i * 3600, i * 3600 + 1800};
	for (int64_t date = 0; date < PLAN_EXCEPTIONS_MAX; date++) {
		day.spans[0].end = 600 + (int32_t)(date % 2) * 60; /* no two days alike */
		memset(name, 'a' + (int)(date % 2), PLAN_NAME_MAX);
		name[PLAN_NAME_MAX] = '\0';
		assert_int_equal(plan_set_exception(&plan, date, &day), 0);
		assert_int_equal(plan_set_name(&plan, date, name), 0);
	}
	assert_int_equal(plan_format_exceptions(&plan, &out), 0);
	assert_int_equal(plan_parse_exceptions(buf_text(&out), &again, NULL), 0);
	assert_int_equal(again.exception_count, PLAN_EXCEPTIONS_MAX);
	buf_reset(&out);
	assert_int_equal(plan_format_names(&plan, &out), 0);
	assert_int_equal(plan_parse_names(buf_text(&out), &again, NULL), 0);
	assert_string_equal(again.exceptions[PLAN_EXCEPTIONS_MAX - 1].name, name);
	buf_free(&out);
	plan_release(&plan);
	plan_release(&again);
}

static void weekdays_are_right_before_and_after_1970(void **state)
{
	(void)state;
	assert_int_equal(plan_weekday(0), 3);
	assert_int_equal(plan_weekday(-1), 2);
	assert_int_equal(plan_weekday(-4), 6);
	assert_int_equal(plan_weekday(day_of("2026-11-22")), 6);
}

static void a_plan_survives_memory_running_out(void **state)
{
	(void)state;
	for (long n = 0; alloc_fail_next(n); n++) {
		struct calendar_plan plan = {0};
		struct calendar_plan copy = {0};
		struct otk_error err = {0};
		struct buf out = {0};
		int rc;

		tz_forget_all();
		rc = plan_parse("Europe/Berlin", "mon 09:00-17:00",
		        "2025-12-24 09:00-13:00; 2025-12-25..2025-12-27; 2026-01-01", &plan,
		        &err);
		if (rc == 0)
			rc = plan_copy(&plan, &copy);
		if (rc == 0)
			rc = plan_format_week(&copy, &out);
		if (rc == 0)
			rc = plan_format_exceptions(&copy, &out);
		assert_int_equal(rc, alloc_failed() ? -OTK_RESOURCE_EXHAUSTED : 0);
		buf_free(&out);
		plan_release(&plan);
		plan_release(&copy);
	}
	tz_forget_all();
}

static void durations_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		const char *canonical;
	} CASES[] = {
	        {"0s", 0, "0s"},
	        {"90s", 90, "1m30s"},
	        {"15m", 900, "15m"},
	        {"4h", 14400, "4h"},
	        {"1h30m", 5400, "1h30m"},
	        {"1h0m5s", 3605, "1h5s"},
	        {"90m30s", 5430, "1h30m30s"},
	        {"87672h", 315619200, "87672h"},
	};
	static const char *const BAD[] = {"", "h", "15", "15x", "1m1h", "1h1h", "1h 30m", "-1h",
	        "+1h", "1.5h", "87672h1s", "99999999999999999999h", " 1h", "1h ", "1H", "1bd",
	        "1h calendar"};
	char out[DURATION_TEXT_SIZE];
	struct otk_error err = {0};
	int64_t us = 7;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		assert_int_equal(duration_parse(CASES[i].text, "f", &us, &err), 0);
		assert_int_equal(us, CASES[i].seconds * 1000000);
		assert_string_equal(duration_format(us, out), CASES[i].canonical);
	}
	us = 7;
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		error_clear(&err);
		assert_int_equal(duration_parse(BAD[i], "f", &us, &err), -OTK_INVALID_ARGUMENT);
		assert_string_equal(err.violations[0].field, "f");
		assert_int_equal(us, 7);
	}
	assert_string_equal(duration_format(-5400000000, out), "-1h30m");
	assert_string_equal(duration_format(-999999, out), "0s");
	assert_string_equal(duration_format(999999, out), "0s");
	assert_string_equal(duration_format(1999999, out), "1s");
	assert_string_equal(duration_format(INT64_MIN, out), "-2562047788h54s");
	assert_string_equal(duration_format(INT64_MAX, out), "2562047788h54s");
}

static void offsets_need_a_sign(void **state)
{
	struct otk_error err = {0};
	int64_t us = 7;

	(void)state;
	assert_int_equal(duration_parse_offset("-30m", "level", &us, &err), 0);
	assert_int_equal(us, -1800000000);
	assert_int_equal(duration_parse_offset("+2h", "level", &us, &err), 0);
	assert_int_equal(us, 7200000000);
	assert_int_equal(
	        duration_parse_offset("2h", "level", &us, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(duration_parse_offset("-", "level", &us, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(us, 7200000000);
}

static void targets_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int32_t days;
		bool wall;
		const char *canonical;
	} CASES[] = {
	        {"60m", 3600, 0, false, "1h"},
	        {"48h calendar", 172800, 0, true, "48h calendar"},
	        {"2bd", 0, 2, false, "2bd"},
	        {"2600bd", 0, 2600, false, "2600bd"},
	};
	static const struct {
		const char *text;
		const char *reason;
	} BAD[] = {
	        {"", "is not a target"},
	        {"soon", "is not a target"},
	        {"0bd", "from 1bd"},
	        {"2601bd", "from 1bd"},
	        {"2bd calendar", "cannot be wall time"},
	        {"2d", "48h calendar"},
	        {"5000w", "24h calendar"},
	        {"4h Calendar", "is not a target"},
	        {"87673h", "is too long"},
	};
	char out[DURATION_TEXT_SIZE];
	struct otk_error err = {0};
	struct target target;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		assert_int_equal(target_parse(CASES[i].text, "target", &target, &err), 0);
		assert_int_equal(target.us, CASES[i].seconds * 1000000);
		assert_int_equal(target.business_days, CASES[i].days);
		assert_int_equal(target.wall, CASES[i].wall);
		assert_string_equal(target_format(&target, out), CASES[i].canonical);
	}
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		error_clear(&err);
		assert_int_equal(target_parse(BAD[i].text, "target", &target, &err),
		        -OTK_INVALID_ARGUMENT);
		assert_non_null(strstr(err.violations[0].description, BAD[i].reason));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(week_text_has_one_canonical_form),
	        cmocka_unit_test(a_bad_week_is_told_with_its_place),
	        cmocka_unit_test(texts_that_are_too_long_are_refused_unread),
	        cmocka_unit_test(exceptions_text_has_one_canonical_form),
	        cmocka_unit_test(a_bad_exception_is_told_with_its_place),
	        cmocka_unit_test(a_plan_names_the_part_that_is_wrong),
	        cmocka_unit_test(exceptions_are_set_replaced_and_bounded),
	        cmocka_unit_test(the_most_that_can_be_kept_can_be_read),
	        cmocka_unit_test(weekdays_are_right_before_and_after_1970),
	        cmocka_unit_test(a_plan_survives_memory_running_out),
	        cmocka_unit_test(durations_are_read_and_written),
	        cmocka_unit_test(offsets_need_a_sign),
	        cmocka_unit_test(targets_are_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

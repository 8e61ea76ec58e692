/* Holiday rules: their text, and the days that they make. */
#include "core/calendar_rule.h"

#include <string.h>

#include "alloc_fail.h"
#include "base/time_text.h"
#include "core/calendar.h"
#include "cmocka_test.h"

static int64_t day_of(const char *text)
{
	int64_t date = 0;

	assert_int_equal(time_parse_date(text, &date), 0);
	return date;
}

static void text_has_one_canonical_form(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
	} CASES[] = {
	        {"jan 1", "jan 1"},
	        {" JAN  1 ", "jan 1"},
	        {"jan 1-8", "jan 1-8"},
	        {"jan 1-jan 8", "jan 1-8"},
	        {"dec 30-jan 2", "dec 30-jan 2"},
	        {"jan 8 -1", "jan 8 -1"},
	        {"feb 29", "feb 29"},
	        {"last mon of may", "last mon of may"},
	        {"2nd Tue of Nov", "2nd tue of nov"},
	        {"4th thu of nov +1", "4th thu of nov +1"},
	        {"5th fri of oct", "5th fri of oct"},
	        {"easter", "easter"},
	        {"Easter + 1", "easter+1"},
	        {"easter-2", "easter-2"},
	        {"orthodox easter +1", "orthodox easter+1"},
	        {"dec 25-26 observed  next weekday", "dec 25-26 observed next weekday"},
	        {"jul 4 observed nearest weekday", "jul 4 observed nearest weekday"},
	        {"may 1 observed monday", "may 1 observed monday"},
	        {"easter+366", "easter+366"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct holiday_rule rule, again;
		struct otk_error err = {0};
		struct buf out = {0};

		assert_int_equal(rule_parse(CASES[i].text, "rules", &rule, &err), 0);
		assert_int_equal(rule_format(&rule, &out), 0);
		assert_string_equal(buf_text(&out), CASES[i].canonical);
		assert_int_equal(rule_parse(buf_text(&out), "rules", &again, &err), 0);
		assert_true(rule_equals(&rule, &again));
		buf_free(&out);
	}
}

static void what_is_no_rule_is_refused(void **state)
{
	static const char *const CASES[] = {"", "jan", "jan 0", "jan 32", "apr 31", "feb 30",
	        "jan 1-", "jan 8-1", "jan 1-feb 2", "january 1", "1 jan", "6th mon of may",
	        "last may", "last mon may", "mon of may", "easter+367", "easter+", "easterly",
	        "orthodox", "orthodox christmas", "jan 1 observed", "jan 1 observed tuesday",
	        "jan 1 observed next", "jan 1 2026", "jan 1; jan 2", "99999999999999999999",
	        "jan 99999999999999999999", "easter+99999999999999999999",
	        "jan 1 observed monday and then there is more of it, so much that it is longer "
	        "than any rule can be"};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct holiday_rule rule;
		struct otk_error err = {0};

		assert_int_equal(
		        rule_parse(CASES[i], "rules", &rule, &err), -OTK_INVALID_ARGUMENT);
		assert_string_equal(err.violations[0].field, "rules");
	}
}

/* Every holiday of a year, "mm-dd" parted by blanks. */
static void assert_year(const char *rules, int64_t year, const char *expected)
{
	struct calendar_plan plan = {0};
	struct otk_error err = {0};
	struct rule_days *days;
	struct buf out = {0};

	assert_int_equal(plan_parse_rules(rules, &plan, &err), 0);
	days = rule_days_new(plan.rules, plan.rule_count);
	assert_non_null(days);
	for (int64_t date = time_days_from_civil(year, 1, 1);
	        date < time_days_from_civil(year + 1, 1, 1); date++) {
		int64_t civil;
		int month, day;

		if (!rule_days_has(days, date))
			continue;
		time_civil_from_days(date, &civil, &month, &day);
		(void)buf_printf(&out, "%s%02d-%02d", out.len > 0 ? " " : "", month, day);
	}
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	rule_days_free(days);
	plan_release(&plan);
}

static void rules_make_the_days_that_people_know(void **state)
{
	static const struct {
		const char *rules;
		int64_t year;
		const char *days;
	} CASES[] = {
	        {"jan 1", 2026, "01-01"},
	        {"jan 1-8", 2026, "01-01 01-02 01-03 01-04 01-05 01-06 01-07 01-08"},
	        {"dec 30-jan 2", 2026, "01-01 01-02 12-30 12-31"},
	        {"feb 29", 2028, "02-29"},
	        {"feb 29", 2026, ""},
	        {"feb 27-29", 2026, "02-27 02-28"},
	        {"feb 27-mar 1", 2028, "02-27 02-28 02-29 03-01"},
	        {"feb 27-mar 1", 2026, "02-27 02-28 03-01"},
	        {"feb 29-mar 1", 2026, "03-01"},
	        {"last mon of may", 2026, "05-25"},
	        {"2nd tue of nov", 2026, "11-10"},
	        {"1st sun of feb; last sun of feb", 2026, "02-01 02-22"},
	        {"5th fri of oct", 2026, "10-30"},
	        {"5th fri of sep", 2026, ""},
	        {"4th thu of nov +1", 2026, "11-27"},
	        /* Easter tables: Western 2024-03-31, 2025-04-20 and both; Orthodox 2024-05-05
	         */
	        {"easter-2;easter+1;easter+39;easter+50", 2024, "03-29 04-01 05-09 05-20"},
	        {"easter; orthodox easter", 2025, "04-20"},
	        {"orthodox easter+1", 2024, "05-06"},
	        {"orthodox easter", 2100, "05-02"},
	        /* Christmas in Britain: 2021 on Saturday and Sunday, 2022 on Sunday and Monday
	         */
	        {"dec 25-26 observed next weekday", 2021, "12-25 12-26 12-27 12-28"},
	        {"dec 25-26 observed next weekday", 2022, "12-25 12-26 12-27"},
	        {"dec 25-26 observed next weekday", 2023, "12-25 12-26"},
	        /* New Year's Eve and Day both ask, across the year */
	        {"dec 31 observed next weekday; jan 1 observed next weekday", 2023,
	                "01-01 01-02 01-03 12-31"},
	        {"jul 4 observed nearest weekday", 2026, "07-03 07-04"},
	        {"jul 4 observed nearest weekday", 2027, "07-04 07-05"},
	        {"jul 4 observed nearest weekday", 2028, "07-04"},
	        {"jan 1 observed nearest weekday", 2021, "01-01 12-31"},
	        {"may 1 observed monday", 2027, "05-01 05-03"},
	        {"may 1 observed monday", 2026, "05-01"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_year(CASES[i].rules, CASES[i].year, CASES[i].days);
}

static void a_list_of_rules_is_bounded_and_without_repeats(void **state)
{
	struct calendar_plan plan = {0};
	struct otk_error err = {0};
	struct buf many = {0};
	struct buf out = {0};

	(void)state;
	assert_int_equal(plan_parse_rules(" jan 1 ;; easter+1; ", &plan, &err), 0);
	assert_int_equal(plan.rule_count, 2);
	assert_int_equal(plan_format_rules(&plan, &out), 0);
	assert_string_equal(buf_text(&out), "jan 1; easter+1");
	assert_int_equal(plan_parse_rules("easter +1", &plan, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "rules");
	plan.rule_count = 0;
	for (int i = 0; i <= RULES_MAX; i++)
		(void)buf_printf(&many, "easter+%d;", i + 1);
	error_clear(&err);
	assert_int_equal(plan_parse_rules(buf_text(&many), &plan, &err), -OTK_INVALID_ARGUMENT);
	buf_reset(&many);
	for (int i = 0; i < RULE_TEXT_MAX + 1; i++)
		(void)buf_putc(&many, 'x');
	error_clear(&err);
	assert_int_equal(plan_parse_rules(buf_text(&many), &plan, &err), -OTK_INVALID_ARGUMENT);
	buf_free(&many);
	buf_free(&out);
}

static struct calendar *calendar_of(const char *exceptions, const char *rules)
{
	struct calendar_plan plan;
	struct calendar *calendar;
	struct otk_error err = {0};

	assert_int_equal(plan_parse("UTC", "mon-sun 09:00-17:00", exceptions, &plan, &err), 0);
	assert_int_equal(plan_parse_rules(rules, &plan, &err), 0);
	assert_int_equal(calendar_new(&plan, &calendar, &err), 0);
	plan_release(&plan);
	return calendar;
}

static int64_t hours_on(struct calendar *calendar, const char *date)
{
	int64_t at = day_of(date) * INT64_C(86400000000);
	int64_t us;

	assert_int_equal(
	        calendar_open_between(calendar, at, at + INT64_C(86400000000), &us), 0);
	return us / INT64_C(3600000000);
}

static void an_exception_overrides_a_rule(void **state)
{
	struct calendar *calendar = calendar_of(
	        "2026-01-01 10:00-12:00; 2026-01-03", "jan 1-2; easter+1 observed monday");
	struct interval found;

	(void)state;
	assert_int_equal(hours_on(calendar, "2026-01-01"), 2);
	assert_int_equal(hours_on(calendar, "2026-01-02"), 0);
	assert_int_equal(hours_on(calendar, "2026-01-03"), 0);
	assert_int_equal(hours_on(calendar, "2026-01-04"), 8);
	assert_int_equal(hours_on(calendar, "2026-04-06"), 0);
	assert_int_equal(hours_on(calendar, "1970-01-01"), 0);
	assert_int_equal(hours_on(calendar, "2100-01-02"), 0);
	/* It is told as a holiday. */
	assert_int_equal(
	        calendar_holiday_after(calendar, day_of("2026-04-05") * INT64_C(86400000000),
	                day_of("2026-04-10") * INT64_C(86400000000), &found),
	        1);
	assert_int_equal(found.from / INT64_C(86400000000), day_of("2026-04-06"));
	calendar_free(calendar);
}

static void a_calendar_that_rules_close_for_ever_is_refused(void **state)
{
	struct calendar_plan plan;
	struct calendar *calendar;
	struct otk_error err = {0};

	(void)state;
	assert_int_equal(plan_parse("UTC", "always", NULL, &plan, &err), 0);
	assert_int_equal(plan_parse_rules("jan 1", &plan, &err), 0);
	assert_int_equal(calendar_new(&plan, &calendar, &err), 0);
	assert_int_equal(calendar_validate(calendar, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "rules");
	calendar_free(calendar);
	plan_release(&plan);
}

static void overlapping_spans_are_told(void **state)
{
	static const struct {
		const char *week;
		const char *told; /* NULL: right */
	} CASES[] = {
	        {"mon-fri 08:00-13:00,14:00-18:00", NULL},
	        {"mon-fri 08:00-13:00,13:00-18:00", NULL},
	        {"mon-sun 22:00-06:00,06:00-10:00", NULL},
	        {"always", NULL},
	        {"mon 08:00-13:00,12:00-18:00", "08:00-13:00 of mon overlaps 12:00-18:00"},
	        {"mon 08:00-18:00; mon-fri 09:00-10:00", "08:00-18:00 of mon overlaps"},
	        {"fri 22:00-06:00; sat 05:00-12:00", "22:00-06:00 of fri overlaps 05:00-12:00"},
	        {"sun 22:00-06:00; mon 00:00-24:00", "22:00-06:00 of sun overlaps 00:00-24:00"},
	        {"mon 22:00-06:00,23:00-24:00", "22:00-06:00 of mon overlaps 23:00-24:00"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct calendar_plan plan = {0};
		struct otk_error err = {0};

		assert_int_equal(plan_parse_week(CASES[i].week, &plan, &err), 0);
		assert_int_equal(plan_check_spans(&plan, &err),
		        CASES[i].told == NULL ? 0 : -OTK_INVALID_ARGUMENT);
		if (CASES[i].told != NULL) {
			assert_string_equal(err.violations[0].field, "week");
			assert_non_null(strstr(err.violations[0].description, CASES[i].told));
		}
	}
}

static void special_days_overlap_within_themselves(void **state)
{
	struct calendar_plan plan = {0};
	struct otk_error err = {0};

	(void)state;
	assert_int_equal(
	        plan_parse_exceptions("2026-12-24 09:00-13:00,12:00-14:00", &plan, &err), 0);
	assert_int_equal(plan_check_spans(&plan, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "exceptions");
	plan_release(&plan);
}

static void memory_that_ends_is_told(void **state)
{
	struct holiday_rule rule = {.kind = RULE_EASTER};

	(void)state;
	for (long n = 0; n < 3; n++) {
		alloc_fail_at(n);
		assert_null(rule_days_new(&rule, 1));
		alloc_fail_at(-1);
	}
	rule_days_free(NULL);
	assert_false(rule_days_has(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(text_has_one_canonical_form),
	        cmocka_unit_test(what_is_no_rule_is_refused),
	        cmocka_unit_test(rules_make_the_days_that_people_know),
	        cmocka_unit_test(a_list_of_rules_is_bounded_and_without_repeats),
	        cmocka_unit_test(an_exception_overrides_a_rule),
	        cmocka_unit_test(a_calendar_that_rules_close_for_ever_is_refused),
	        cmocka_unit_test(overlapping_spans_are_told),
	        cmocka_unit_test(special_days_overlap_within_themselves),
	        cmocka_unit_test(memory_that_ends_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

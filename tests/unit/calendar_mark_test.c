/* Names of holidays and special working days: their text, and what a piece of time is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc_fail.h"
#include "base/time_text.h"
#include "core/calendar_mark.h"

static int64_t at(const char *text)
{
	int64_t us = 0;

	assert_int_equal(time_parse(text, &us, NULL), 0);
	return us;
}

static int plan_make(const char *week, const char *exceptions, const char *rules,
        const char *names, struct calendar_plan *plan)
{
	int rc = plan_parse("Europe/Berlin", week, exceptions, plan, NULL);

	if (rc == 0)
		rc = plan_parse_rules(rules, plan, NULL);
	if (rc == 0)
		rc = plan_parse_names(names, plan, NULL);
	return rc;
}

static void names_have_one_canonical_form(void **state)
{
	static const char NAMES[] =
	        "2026-01-01: Новый год\n2026-01-02..2026-01-04: Каникулы: \"все\"; ещё\n"
	        "2026-12-26: Рабочая суббота\nmay 9: День Победы";
	struct calendar_plan plan = {0}, copy;
	struct buf out = {0};

	(void)state;
	assert_int_equal(plan_make("mon-fri 09:00-17:00",
	                         "2026-01-01..2026-01-06; 2026-12-26 09:00-17:00",
	                         "jan 7; may 9", NAMES, &plan),
	        0);
	assert_int_equal(plan_copy(&plan, &copy), 0);
	plan_release(&plan);
	assert_int_equal(plan_format_names(&copy, &out), 0);
	assert_string_equal(buf_text(&out), NAMES);
	assert_string_equal(plan_exception_on(&copy, 20454)->name, "Новый год");
	/* What replaces a day is another day; names of it are not of this one. */
	assert_int_equal(plan_set_exception(&copy, 20454, NULL), 0);
	assert_null(plan_exception_on(&copy, 20454)->name);
	assert_int_equal(plan_set_name(&copy, 1, "x"), -OTK_NOT_FOUND);
	assert_int_equal(plan_set_rule_name(&copy, 2, "x"), -OTK_NOT_FOUND);
	buf_free(&out);
	plan_release(&copy);
}

static void names_of_nothing_and_bad_names_are_refused(void **state)
{
	static const char *const BAD[] = {"2026-01-02: Nobody's day",
	        "jan 7: Orthodox Christmas", "2026-01-01",
	        "2026-01-01:", "2026-01-01: ", "2026-01-01: a\x1b[2J", "x: y",
	        "2026-01-01: \xff", "2026-01-01..2026-01-09: too far", "2026-01-32: none"};
	char text[PLAN_NAME_MAX + 20] = "2026-01-01: ";

	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		struct calendar_plan plan = {0};
		struct otk_error err = {0};

		assert_int_equal(
		        plan_make("mon 09:00-17:00", "2026-01-01", "jan 6", NULL, &plan), 0);
		assert_int_equal(plan_parse_names(BAD[i], &plan, &err), -OTK_INVALID_ARGUMENT);
		assert_string_equal(err.violations[0].field, "names");
		plan_release(&plan);
	}
	memset(text + 12, 'x', PLAN_NAME_MAX + 1);
	for (int more = 1; more >= 0; more--) {
		struct calendar_plan plan = {0};

		text[12 + PLAN_NAME_MAX + more] = '\0';
		assert_int_equal(plan_make("mon 09:00-17:00", "2026-01-01", "", text, &plan),
		        more == 1 ? -OTK_INVALID_ARGUMENT : 0);
		plan_release(&plan);
	}
}

static void names_of_others_are_made_fit(void **state)
{
	static const struct {
		const char *text;
		const char *clean;
	} CASES[] = {
	        {"", ""},
	        {"Новый год", "Новый год"},
	        {"  a\n\tb\r\n c ", "a b c"},
	        {"\x1b[31mred\x07", "[31mred"},
	        {"\xe2\x80\xae"
	         "evil\xe2\x80\xac",
	                "evil"},
	        {" \n\xe2\x80\x8b", ""},
	};
	char out[PLAN_NAME_MAX + 1];
	char text[2 * PLAN_NAME_MAX + 2] = "x";

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		plan_name_clean(CASES[i].text, out);
		assert_string_equal(out, CASES[i].clean);
	}
	/* Cut where a letter ends: an odd byte stands first. */
	for (size_t i = 0; i < PLAN_NAME_MAX; i++)
		(void)strcat(text, "я");
	plan_name_clean(text, out);
	assert_int_equal(strlen(out), PLAN_NAME_MAX - 1);
	assert_int_equal(plan_name_check(out, "f", NULL), 0);
}

/* Marks of an interval, as "from kind date name". */
static void assert_marks(const char *week, const char *exceptions, const char *rules,
        const char *names, const char *from, const char *to, enum calendar_kind kind,
        const char *expected)
{
	static const char *const KINDS[] = {"-", "holiday", "special"};
	struct calendar_plan plan = {0};
	struct calendar_edition edition = {0};
	struct calendar_history history = {&edition, 1};
	struct buf out = {0};

	assert_int_equal(plan_make(week, exceptions, rules, names, &plan), 0);
	assert_int_equal(calendar_new(&plan, &edition.calendar, NULL), 0);
	for (int64_t us = at(from); us < at(to);) {
		struct calendar_mark mark;
		char date[TIME_TEXT_SIZE], begins[TIME_TEXT_SIZE];

		assert_int_equal(history_mark(&history, kind, us, at(to), &mark), 0);
		assert_true(mark.until > us && mark.until <= at(to));
		(void)time_format_utc(us, begins);
		(void)time_format_utc(mark.date * 86400 * INT64_C(1000000), date);
		(void)buf_printf(
		        &out, "%s%.16s %s", out.len > 0 ? "; " : "", begins, KINDS[mark.kind]);
		if (mark.kind != MARK_NONE)
			(void)buf_printf(&out, " %.10s %s", date, mark.name);
		us = mark.until;
	}
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	calendar_free(edition.calendar);
	plan_release(&plan);
}

static void time_is_called_by_the_date_of_its_span(void **state)
{
	(void)state;
	/* A night belongs to the date on which it starts, also when asked about after midnight.
	 */
	assert_marks("mon-sun 22:00-06:00", "2026-05-01", "", "2026-05-01: May Day",
	        "2026-05-01T23:00:00Z", "2026-05-02T04:00:00Z", CALENDAR_HOLIDAY,
	        "2026-05-01T23:00 holiday 2026-05-01 May Day");
	/* Days that touch are told apart where their names differ, and only there. */
	assert_marks("mon-sun 00:00-24:00", "2026-05-01..2026-05-03", "",
	        "2026-05-01..2026-05-02: A\n2026-05-03: B", "2026-04-30T22:00:00Z",
	        "2026-05-03T22:00:00Z", CALENDAR_HOLIDAY,
	        "2026-04-30T22:00 holiday 2026-05-01 A; 2026-05-02T22:00 holiday 2026-05-03 B");
	assert_marks("mon-sun 00:00-24:00", "2026-05-01..2026-05-03", "", "",
	        "2026-04-30T22:00:00Z", "2026-05-03T22:00:00Z", CALENDAR_HOLIDAY,
	        "2026-04-30T22:00 holiday 2026-05-01 ");
	/* A rule's name; a date's own name goes before, and one without leaves the rule's. */
	assert_marks("mon-sun 00:00-24:00", "2026-05-02; 2026-05-03", "may 1-3",
	        "2026-05-02: Mine\nmay 1-3: Rule", "2026-05-01T00:00:00Z",
	        "2026-05-03T10:00:00Z", CALENDAR_HOLIDAY,
	        "2026-05-01T00:00 holiday 2026-05-01 Rule; 2026-05-01T22:00 holiday 2026-05-02 "
	        "Mine; 2026-05-02T22:00 holiday 2026-05-03 Rule");
	/* Open on a special working day, within open time that goes on before and after. */
	assert_marks("mon-sun 00:00-24:00", "2026-05-02 00:00-24:00", "", "2026-05-02: Moved",
	        "2026-05-01T00:00:00Z", "2026-05-03T10:00:00Z", CALENDAR_OPEN,
	        "2026-05-01T00:00 -; 2026-05-01T22:00 special 2026-05-02 Moved; "
	        "2026-05-02T22:00 -");
	/* Closed early: the afternoon before a holiday. */
	assert_marks("mon-fri 09:00-17:00", "2026-12-31 09:00-12:00", "", "2026-12-31: Short",
	        "2026-12-31T11:00:00Z", "2027-01-01T08:00:00Z", CALENDAR_CLOSED,
	        "2026-12-31T11:00 special 2026-12-31 Short");
	assert_marks("mon-fri 09:00-17:00", "2026-12-31 12:00-17:00", "", "",
	        "2026-12-30T16:00:00Z", "2026-12-31T11:00:00Z", CALENDAR_CLOSED,
	        "2026-12-30T16:00 special 2026-12-31 ");
	assert_marks("mon-fri 09:00-17:00", "2026-12-31 12:00-17:00", "", "",
	        "2026-12-29T16:00:00Z", "2026-12-30T08:00:00Z", CALENDAR_CLOSED,
	        "2026-12-29T16:00 -");
}

static void what_is_observed_is_called_by_its_rule(void **state)
{
	static const struct {
		const char *rules;
		const char *date;
		int rule;
	} CASES[] = {
	        {"jan 1; may 9", "2026-05-09", 1},
	        {"jan 1; may 9", "2026-05-11", -1},
	        {"jan 1; may 9 observed next weekday", "2026-05-11", 1},
	        {"dec 25 observed next weekday; dec 26 observed next weekday", "2027-12-27", 0},
	        {"dec 25 observed next weekday; dec 26 observed next weekday", "2027-12-28", 1},
	        {"dec 26 observed next weekday; dec 25 observed next weekday", "2027-12-28", 0},
	        {"jul 4 observed nearest weekday", "2026-07-03", 0},
	        {"jul 4 observed nearest weekday", "2027-07-05", 0},
	        {"jan 1 observed monday; jan 3", "2028-01-03", 1},
	        {"dec 30-jan 2", "2027-01-02", 0},
	        {"dec 31 +1", "2027-01-01", 0},
	        {"easter-2; easter+1", "2027-03-29", 1},
	        {"feb 29", "2028-02-29", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct calendar_plan plan = {0};
		struct rule_days *days;
		int64_t date = 0;

		assert_int_equal(plan_parse_rules(CASES[i].rules, &plan, NULL), 0);
		assert_int_equal(time_parse_date(CASES[i].date, &date), 0);
		days = rule_days_new(plan.rules, plan.rule_count);
		assert_non_null(days);
		assert_int_equal(rule_days_origin(days, plan.rules, plan.rule_count, date),
		        CASES[i].rule);
		rule_days_free(days);
	}
}

/* Every day that rules make has one that it comes from. */
static void no_holiday_is_without_an_origin(void **state)
{
	struct calendar_plan plan = {0};
	struct rule_days *days;

	(void)state;
	assert_int_equal(
	        plan_parse_rules("jan 1-8 observed next weekday; last mon of may; easter-2; "
	                         "orthodox easter+1; dec 25 observed next weekday; dec 26 "
	                         "observed next weekday; jul 4 observed nearest weekday; "
	                         "nov 11 observed monday; feb 27-mar 1; dec 28-jan 3 +2",
	                &plan, NULL),
	        0);
	days = rule_days_new(plan.rules, plan.rule_count);
	for (int64_t date = 0; date < 47847; date++) {
		int rule = rule_days_origin(days, plan.rules, plan.rule_count, date);

		assert_int_equal(rule >= 0, rule_days_has(days, date));
	}
	rule_days_free(days);
}

static void names_survive_memory_running_out(void **state)
{
	(void)state;
	for (long n = 0; alloc_fail_next(n); n++) {
		struct calendar_plan plan = {0}, copy = {0};
		struct buf out = {0};
		int rc;

		tz_forget_all();
		rc = plan_make("mon 09:00-17:00", "2026-01-01; 2026-01-02", "jan 7",
		        "2026-01-01: A\njan 7: B", &plan);
		if (rc == 0)
			rc = plan_copy(&plan, &copy);
		if (rc == 0)
			rc = plan_format_names(&copy, &out);
		assert_int_equal(rc, alloc_failed() ? -OTK_RESOURCE_EXHAUSTED : 0);
		buf_free(&out);
		plan_release(&plan);
		plan_release(&copy);
	}
	tz_forget_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_have_one_canonical_form),
	        cmocka_unit_test(names_of_nothing_and_bad_names_are_refused),
	        cmocka_unit_test(names_of_others_are_made_fit),
	        cmocka_unit_test(time_is_called_by_the_date_of_its_span),
	        cmocka_unit_test(what_is_observed_is_called_by_its_rule),
	        cmocka_unit_test(no_holiday_is_without_an_origin),
	        cmocka_unit_test(names_survive_memory_running_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

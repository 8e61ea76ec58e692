/* Which days that are over an edit of a calendar speaks of otherwise than before. */
#include "desk/installation_past.h"

#include "base/time_text.h"
#include "cmocka_test.h"

static int64_t at(const char *text)
{
	int64_t us = 0;

	assert_int_equal(time_parse(text, &us, NULL), 0);
	return us;
}

static struct thing calendar(const char *holidays, const char *specials, const char *rules)
{
	struct thing thing = {.kind = THING_CALENDAR, .code = "office"};

	thing.texts[CALENDAR_ZONE] = "Europe/Berlin";
	thing.texts[CALENDAR_HOLIDAYS] = holidays;
	thing.texts[CALENDAR_SPECIAL_DAYS] = specials;
	thing.texts[CALENDAR_RULES] = rules;
	return thing;
}

static void days_that_are_over_are_found_as_runs(void **state)
{
	static const struct {
		const char *was[3], *is[3];
		size_t dates, runs;
		const char *from, *to; /* of the first run */
	} CASES[] = {
	        {{"", "", ""}, {"", "", ""}, 0, 0, NULL, NULL},
	        {{"", "", ""}, {"2026-12-25", "", ""}, 0, 0, NULL, NULL},
	        {{"2026-06-01,2026-06-02", "", ""}, {"2026-06-02", "", ""}, 1, 1,
	                "2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z"},
	        {{"", "", ""}, {"2026-06-01,2026-06-02,2026-06-04", "", ""}, 3, 2,
	                "2026-05-31T22:00:00Z", "2026-06-02T22:00:00Z"},
	        {{"", "2026-06-01 09:00-12:00,13:00-14:00,2026-06-03 09:00-10:00", ""},
	                {"", "2026-06-01 09:00-12:00,13:00-15:00,2026-06-03 09:00-10:00", ""},
	                1, 1, "2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z"},
	        {{"2026-06-01", "", ""}, {"", "2026-06-01 09:00-10:00", ""}, 1, 1,
	                "2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z"},
	        /* A rule says what a date said; of a rule the last years are looked at. */
	        {{"2026-06-01", "", ""}, {"", "", "jun 1"}, 4, 4, "2022-05-31T22:00:00Z",
	                "2022-06-01T22:00:00Z"},
	        /* Today, as far as it is over. */
	        {{"", "", ""}, {"2026-11-22", "", ""}, 1, 1, "2026-11-21T23:00:00Z",
	                "2026-11-22T12:00:00Z"},
	        {{"", "", ""}, {"nonsense", "", ""}, 0, 0, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct arena *arena = arena_new(1 << 20);
		struct thing was = calendar(CASES[i].was[0], CASES[i].was[1], CASES[i].was[2]);
		struct thing is = calendar(CASES[i].is[0], CASES[i].is[1], CASES[i].is[2]);
		struct thing_change changes[2] = {{.action = ACTION_ADD, .declared = &is},
		        {.action = ACTION_CHANGE, .declared = &is, .stored = &was}};
		struct past *past;
		size_t found;

		assert_int_equal(
		        past_find(arena, changes, 2, at("2026-11-22T12:00:00Z"), &past, &found),
		        0);
		assert_int_equal(found, CASES[i].dates > 0);
		if (found > 0) {
			assert_int_equal(past[0].change, 1);
			assert_int_equal(past[0].dates, CASES[i].dates);
			assert_int_equal(past[0].runs, CASES[i].runs);
			assert_int_equal(past[0].from[0], at(CASES[i].from));
			assert_int_equal(past[0].to[0], at(CASES[i].to));
		}
		arena_free(arena);
	}
}

static void memory_that_ends_is_told(void **state)
{
	struct arena *arena = arena_new(1024);
	struct thing was = calendar("", "", ""), is = calendar("2026-06-01", "", "");
	struct thing_change change = {.action = ACTION_CHANGE, .declared = &is, .stored = &was};
	struct past *past;
	size_t found;

	(void)state;
	assert_int_equal(
	        past_find(arena, &change, 1, at("2026-11-22T12:00:00Z"), &past, &found),
	        -OTK_RESOURCE_EXHAUSTED);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(days_that_are_over_are_found_as_runs),
	        cmocka_unit_test(memory_that_ends_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

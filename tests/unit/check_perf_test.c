/* Performance data and ranges of plugins. */
#include "agent/check_perf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_range_alerts_as_the_plugin_guidelines_say(void **state)
{
	static const struct {
		const char *range;
		double value;
		bool alert;
	} CASES[] = {
	        {"10", -0.1, true},
	        {"10", 0, false},
	        {"10", 10, false},
	        {"10", 10.1, true},
	        {"10:", 9.9, true},
	        {"10:", 10, false},
	        {"10:", 1e300, false},
	        {"~:10", -1e300, false},
	        {"~:10", 10, false},
	        {"~:10", 11, true},
	        {"10:20", 9, true},
	        {"10:20", 15, false},
	        {"10:20", 21, true},
	        {"@10:20", 9, false},
	        {"@10:20", 10, true},
	        {"@10:20", 20, true},
	        {"@10:20", 21, false},
	        {":5", 6, true},
	        {":5", -1, true},
	        {"-5:-1", -3, false},
	        {"@5", 5, true},
	        {"@5", 6, false},
	        {"", 1, false},
	        {":", -1, true},
	        {":", 7, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct perf_range range;

		assert_int_equal(
		        perf_range_parse(CASES[i].range, strlen(CASES[i].range), &range), 0);
		if (perf_range_alerts(&range, CASES[i].value) != CASES[i].alert)
			fail_msg("range %s, value %g", CASES[i].range, CASES[i].value);
	}
}

static void a_range_outside_the_grammar_is_refused(void **state)
{
	static const char *const CASES[] = {"x", "1:2:3", "20:10", "@", "~", "5:~", "1-2",
	        "--1", "1e3", "1,5", "@@1", " 1"};
	struct perf_range range = {.start = 7};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		if (perf_range_parse(CASES[i], strlen(CASES[i]), &range) == 0)
			fail_msg("accepted %s", CASES[i]);
	}
	assert_true(range.start == 7);
}

static void items_are_read_field_by_field(void **state)
{
	const char *text =
	        "/=2643MB;5948;@5958:~;0;5968 'it''s a = b'=-1.5;~:3;;; load1=U 'x'=.5c";
	struct perf_item items[8];
	size_t dropped;

	(void)state;
	/* the first item has an impossible range "@5958:~" and costs only itself */
	assert_int_equal(perf_parse(text, strlen(text), items, 8, &dropped), 3);
	assert_int_equal(dropped, 1);
	assert_string_equal(items[0].label, "it's a = b");
	assert_true(items[0].known && items[0].value == -1.5);
	assert_true(items[0].warn.set && isinf(items[0].warn.start) && items[0].warn.end == 3);
	assert_false(items[0].crit.set);
	assert_string_equal(items[1].label, "load1");
	assert_false(items[1].known);
	assert_string_equal(items[2].label, "x");
	assert_string_equal(items[2].uom, "c");
	text = "/=2643MB;5948;5958;0;5968";
	assert_int_equal(perf_parse(text, strlen(text), items, 8, &dropped), 1);
	assert_string_equal(items[0].label, "/");
	assert_string_equal(items[0].uom, "MB");
	assert_true(items[0].value == 2643 && items[0].warn.end == 5948);
	assert_true(
	        items[0].crit.end == 5958 && items[0].min.set && items[0].max.value == 5968);
}

static void malformed_items_cost_only_themselves(void **state)
{
	static const struct {
		const char *text;
		size_t good;
		size_t dropped;
	} CASES[] = {
	        {"", 0, 0},
	        {"   \t ", 0, 0},
	        {"a=1", 1, 0},
	        {"a", 0, 1},
	        {"=1", 0, 1},
	        {"a= b=2", 1, 1},
	        {"a=1;2;3;4;5;6 b=2", 1, 1},
	        {"a=1;;;;;", 1, 0},
	        {"'open=1 b=2", 0, 1},
	        {"'a'b=1 c=2", 1, 1},
	        {"a'b=1", 0, 1},
	        {"a=1x2 b=1", 1, 1},
	        {"a=1 a=1 a=1", 3, 0},
	        {"a=Us", 0, 1},
	        {"a=1;x b=2", 1, 1},
	        {"a=1;;;x b=2", 1, 1},
	        {"a=1;;;;y b=2", 1, 1},
	        {"a=1\nb=2\r\nc=3", 3, 0},
	        {"\xFF=1 b=2", 1, 1},
	        {"b=1\xFF", 0, 1},
	        {"a=1abcdefghijklmnop", 0, 1},
	        {"t=12345678901234567890123456789012345678901", 0, 1},
	        {"a=%", 0, 1},
	        {"a=5%", 1, 0},
	        {"a=..", 0, 1},
	        {"a=1;1:x", 0, 1},
	};
	struct perf_item items[8];
	size_t dropped;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		const char *text = CASES[i].text;
		size_t good = perf_parse(text, strlen(text), items, 8, &dropped);

		if (good != CASES[i].good || dropped != CASES[i].dropped)
			fail_msg("[%s]: %zu good, %zu dropped", text, good, dropped);
	}
}

static void items_past_the_bound_are_counted_not_stored(void **state)
{
	struct perf_item items[2];
	char label[200];
	size_t dropped;

	(void)state;
	assert_int_equal(perf_parse("a=1 b=2 c=3 d=4", 15, items, 2, &dropped), 2);
	assert_int_equal(dropped, 2);
	memset(label, 'x', sizeof label);
	memcpy(label + 190, "=1 b=2", 7);
	assert_int_equal(perf_parse(label, 196, items, 2, &dropped), 1);
	assert_int_equal(dropped, 1);
	assert_string_equal(items[0].label, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_range_alerts_as_the_plugin_guidelines_say),
	        cmocka_unit_test(a_range_outside_the_grammar_is_refused),
	        cmocka_unit_test(items_are_read_field_by_field),
	        cmocka_unit_test(malformed_items_cost_only_themselves),
	        cmocka_unit_test(items_past_the_bound_are_counted_not_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Output of plugins: cleaning and cutting. */
#include "agent/check_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void output_splits_into_text_long_text_and_perfdata(void **state)
{
	static const struct {
		const char *raw;
		const char *text;
		const char *long_text;
		const char *perfdata;
	} CASES[] = {
	        {"", "", "", ""},
	        {"DISK OK\n", "DISK OK", "", ""},
	        {"DISK OK - free\n", "DISK OK - free", "", ""},
	        {"OK | a=1\n", "OK", "", "a=1"},
	        {"OK | a=1\nline 2\nline 3 | b=2\nc=3\n", "OK", "line 2\nline 3",
	                "a=1  b=2 c=3"},
	        {"OK\nl1\nl2|x=1\ny=2 | z=3", "OK", "l1\nl2", "x=1 y=2 | z=3"},
	        {"OK|a=1 | b=2", "OK", "", "a=1 | b=2"},
	        {"\n\nlate", "", "late", ""},
	        {"OK\r\nmore\r\n", "OK", "more", ""},
	        {"|only=1", "", "", "only=1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct check_output out;

		output_parse(CASES[i].raw, strlen(CASES[i].raw), &out);
		assert_string_equal(out.text, CASES[i].text);
		assert_string_equal(out.long_text, CASES[i].long_text);
		if (strstr(out.perfdata, CASES[i].perfdata) == NULL &&
		        strcmp(out.perfdata + strspn(out.perfdata, " "), CASES[i].perfdata) !=
		                0)
			fail_msg("[%s]: perfdata [%s]", CASES[i].raw, out.perfdata);
	}
}

static void what_is_not_utf8_or_printable_is_replaced(void **state)
{
	static const char RAW[] = "a\xFF\x00z\x1B[31m\xD0\xBE\xD1\xE2\x82";
	char out[CHECK_OUTPUT_MAX + 1];

	(void)state;
	(void)output_clean(RAW, sizeof RAW - 1, out);
	assert_string_equal(out, "a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD[31m\xD0\xBE"
	                         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void cleaned_output_never_exceeds_the_cap_and_stays_utf8(void **state)
{
	static char raw[CHECK_OUTPUT_MAX];
	static struct check_output parsed;
	char out[CHECK_OUTPUT_MAX + 1];
	size_t n;

	(void)state;
	memset(raw, 0xFE, sizeof raw);
	n = output_clean(raw, sizeof raw, out);
	assert_in_range(n, CHECK_OUTPUT_MAX - 2, CHECK_OUTPUT_MAX);
	assert_true(text_is_utf8(out, n));
	memset(raw, '|', sizeof raw);
	output_parse(raw, sizeof raw, &parsed);
	assert_int_equal(strlen(parsed.perfdata), CHECK_OUTPUT_MAX - 1);
	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = i % 2 == 0 ? '\n' : '|';
	output_parse(raw, sizeof raw, &parsed);
	assert_in_range(strlen(parsed.perfdata), 1, CHECK_OUTPUT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(output_splits_into_text_long_text_and_perfdata),
	        cmocka_unit_test(what_is_not_utf8_or_printable_is_replaced),
	        cmocka_unit_test(cleaned_output_never_exceeds_the_cap_and_stays_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

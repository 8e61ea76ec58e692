/* Text from outside on a terminal. */
#include <string.h>

#include "cli/clean.h"
#include "cli_capture.h"
#include "cmocka_test.h"

static const struct {
	const char *text;
	const char *clean;
} CASES[] = {
        {"", ""}, {"Принтер молчит", "Принтер молчит"}, {"日本 😀", "日本 😀"},
        {"\033]0;owned\007", "?]0;owned?"}, {"a\nb\tc\rd", "a b c d"}, {"\x7F", "?"},
        {"\xC2\x9B"
         "31m",
                "?31m"},          /* U+009B, CSI of C1 */
        {"\xC2\xA0", "\xC2\xA0"}, /* no-break space stays */
        {"\xE2\x80\xAE"
         "exe.fdp",
                "?exe.fdp"},                  /* right-to-left override */
        {"\xE2\x81\xA6x\xE2\x81\xA9", "?x?"}, /* isolates */
        {"\xE2\x80\xA8", "?"},                /* line separator */
        {"\xE2\x80\x94", "\xE2\x80\x94"},     /* a dash stays */
        {"\xFFok\xC3", "?ok?"},               /* no UTF-8 */
        {"\xE2\x80", "??"},                   /* cut short */
        {"\xED\xA0\x80", "???"},              /* a surrogate */
};

static void what_drives_a_terminal_is_replaced_and_what_is_text_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "%s", CASES[i].text);
		clean_text(text);
		assert_string_equal(text, CASES[i].clean);
	}
}

static void printing_cleans_the_whole_piece(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	clean_print(stdout, "a\033b");
	clean_printf(stdout, "|%s|%d", "\xE2\x80\xAE", 7);
	capture_end(&c);
	assert_string_equal(c.out, "a?b|?|7");
}

static void lines_stay_lines_and_each_is_cleaned(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	clean_print_lines(stdout, "one\r\n\ntwo\033\tx\nthree");
	clean_print_lines(stdout, "");
	capture_end(&c);
	assert_string_equal(c.out, "one\n\ntwo? x\nthree\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_drives_a_terminal_is_replaced_and_what_is_text_stays),
	        cmocka_unit_test(printing_cleans_the_whole_piece),
	        cmocka_unit_test(lines_stay_lines_and_each_is_cleaned),
	};

	return cmocka_run_group_tests_name("cli_clean", tests, NULL, NULL);
}

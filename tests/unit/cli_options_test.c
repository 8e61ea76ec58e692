/* The command line of a verb. */
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli_capture.h"
#include "cmocka_test.h"

struct values {
	int64_t ticket;
	const char *text;
	int64_t count;
	bool quiet;
	struct option_list list;
	int64_t at;
};

static struct capture captured;
static struct values v;
static struct cli cli;

/* Runs "verb …"; words split at spaces, "_" standing for a space inside one. */
static int run(const char *line)
{
	static char copy[4096];
	char *argv[64] = {(char *)(uintptr_t) "verb"};
	char *save = NULL;
	int argc = 1;
	int rc;
	const struct cli_option options[] = {
	        {"<ticket>", 0, OPTION_NUMBER, &v.ticket, "number", true, 1, 1000},
	        {"<rest>", 0, OPTION_LIST, &v.list, "more", false, 0, 0},
	        {"text", 't', OPTION_TEXT, &v.text, "what", false, 0, 0},
	        {"count", 'n', OPTION_NUMBER, &v.count, "how many", false, 0, 5},
	        {"quiet", 'q', OPTION_FLAG, &v.quiet, "say nothing", false, 0, 0},
	        {"state", 0, OPTION_LIST, &v.list, "words", false, 0, 0},
	        {"at", 0, OPTION_TIME, &v.at, "when", false, 0, 0},
	        {.name = NULL},
	};

	memset(&v, 0, sizeof v);
	cli = (struct cli){.format = FORMAT_TABLE};
	(void)snprintf(copy, sizeof copy, "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word != NULL;
	        word = strtok_r(NULL, " ", &save)) {
		for (char *p = word; *p != '\0'; p++)
			*p = *p == '_' ? ' ' : *p;
		argv[argc++] = word;
	}
	capture_begin(&captured);
	rc = options_read(&cli, "verb", "does it", "  otklik verb 1\n", options, argc, argv);
	capture_end(&captured);
	return rc;
}

static void values_of_every_kind_are_read(void **state)
{
	(void)state;
	assert_int_equal(run("7 --text=a_b -n 3 -q --state x,y --state z --at "
	                     "2026-01-02T03:04:05Z --format json --color always --profile p"),
	        0);
	assert_int_equal(v.ticket, 7);
	assert_string_equal(v.text, "a b");
	assert_int_equal(v.count, 3);
	assert_true(v.quiet);
	assert_int_equal(v.list.count, 3);
	assert_string_equal(v.list.items[2], "z");
	assert_int_equal(v.at, INT64_C(1767323045000000));
	assert_int_equal(cli.format, FORMAT_JSON);
	assert_true(cli.color);
	assert_string_equal(cli.profile_name, "p");
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(run("7 -- --text -"), 0);
	assert_int_equal(v.list.count, 2);
	assert_string_equal(v.list.items[0], "--text");
	assert_string_equal(v.list.items[1], "-");
}

static void local_times_are_those_of_the_zone(void **state)
{
	(void)state;
	assert_int_equal(run("7 --at 2026-01-02T10:00 --zone Asia/Vladivostok"), 0);
	assert_int_equal(v.at, INT64_C(1767312000000000));
	assert_int_equal(run("7 --zone=Europe/Lisbon --at 2026-01-02"), 0);
	assert_int_equal(v.at, INT64_C(1767312000000000));
}

static const struct {
	const char *line;
	const char *said;
} WRONG[] = {
        {"", "<ticket> is needed: number"},
        {"x", "<ticket>: 'x' must be a whole number from 1 to 1000"},
        {"1001", "from 1 to 1000"},
        {"99999999999999999999", "from 1 to 1000"},
        {"7 --count", "--count needs a value"},
        {"7 --count 6", "count: '6' must be a whole number from 0 to 5"},
        {"7 --nothing", "there is no option --nothing"},
        {"7 -x", "there is no option -x"},
        {"7 --quiet=1", "there is no option --quiet=1"},
        {"7 --state ,", "state names nothing"},
        {"7 --state \xFF", "state is not UTF-8 text"},
        {"7 --text \xC3", "text is not UTF-8 text"},
        {"7 --at tomorrow", "'tomorrow' is no time"},
        {"7 --at 2026-13-01", "is no time"},
        {"7 --format xml", "--format must be table, json or csv"},
        {"7 --format", "--format needs a value"},
        {"7 --color blue", "--color must be auto, always or never"},
        {"7 --zone Moon/Base", "--zone: "},
        {"7 --zone ../../etc/passwd", "--zone: "},
        {"7 --state 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,"
         "28,29,30,31,32,33",
                "at most 32 values"},
};

static void mistakes_are_told_with_what_helps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
		int rc = run(WRONG[i].line);

		if (rc != EXIT_USAGE || strstr(captured.err, WRONG[i].said) == NULL ||
		        strstr(captured.err, "--help` explains\n") == NULL)
			fail_msg("'%s' gave %d: %s", WRONG[i].line, rc, captured.err);
	}
}

static void help_shows_options_and_examples(void **state)
{
	(void)state;
	assert_int_equal(run("--help"), -1);
	assert_non_null(strstr(captured.out, "Usage: otklik verb <ticket> [<rest>] [option]"));
	assert_non_null(strstr(captured.out, "-t, --text ..."));
	assert_non_null(strstr(captured.out, "-q, --quiet "));
	assert_non_null(strstr(captured.out, "number (required)"));
	assert_non_null(strstr(captured.out, "Examples:\n  otklik verb 1\n"));
	assert_int_equal(run("7 -h"), -1);
}

static void completion_gets_the_names(void **state)
{
	(void)state;
	options_list_only = true;
	assert_int_equal(run(""), -1);
	options_list_only = false;
	assert_string_equal(captured.out, "--text\n--count\n--quiet\n--state\n--at\n");
}

static int global(int argc, char **argv)
{
	int rc;

	cli = (struct cli){.format = FORMAT_TABLE};
	capture_begin(&captured);
	rc = options_global(&cli, argc, argv);
	capture_end(&captured);
	return rc;
}

static void global_options_stand_at_the_head(void **state)
{
	char *good[] = {(char *)(uintptr_t) "--profile", (char *)(uintptr_t) "x",
	        (char *)(uintptr_t) "--format=csv", (char *)(uintptr_t) "ticket"};
	char *bad[] = {(char *)(uintptr_t) "--format=html"};
	char *other[] = {(char *)(uintptr_t) "--formatted"};

	(void)state;
	assert_int_equal(global(4, good), 3);
	assert_int_equal(cli.format, FORMAT_CSV);
	assert_int_equal(global(1, bad), -EXIT_USAGE);
	assert_int_equal(global(1, other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(values_of_every_kind_are_read),
	        cmocka_unit_test(two_dashes_end_the_options),
	        cmocka_unit_test(local_times_are_those_of_the_zone),
	        cmocka_unit_test(mistakes_are_told_with_what_helps),
	        cmocka_unit_test(help_shows_options_and_examples),
	        cmocka_unit_test(completion_gets_the_names),
	        cmocka_unit_test(global_options_stand_at_the_head),
	};

	return cmocka_run_group_tests_name("cli_options", tests, NULL, NULL);
}

/* `otklik calendar due`, called in process with its streams in files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/calendar_due.h"

enum { ARGUMENTS_MAX = 24 };

static char output[16384];
static char errors[16384];
static char batch_path[64];

static void stream_read(FILE *file, char *text, size_t size)
{
	size_t n;

	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	(void)fclose(file);
}

/* Runs the verb with arguments up to NULL; texts are left in output and errors. */
static int due(const char *first, ...)
{
	char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "due", (char *)(uintptr_t)first};
	int argc = first == NULL ? 1 : 2;
	FILE *out = tmpfile();
	FILE *err = tmpfile();
	int saved_out = dup(STDOUT_FILENO);
	int saved_err = dup(STDERR_FILENO);
	va_list args;
	int code;

	va_start(args, first);
	while (first != NULL && (argv[argc] = va_arg(args, char *)) != NULL)
		argc++;
	va_end(args);
	(void)fflush(stdout);
	(void)dup2(fileno(out), STDOUT_FILENO);
	(void)dup2(fileno(err), STDERR_FILENO);
	code = cmd_calendar_due(argc, argv);
	(void)fflush(stdout);
	(void)dup2(saved_out, STDOUT_FILENO);
	(void)dup2(saved_err, STDERR_FILENO);
	(void)close(saved_out);
	(void)close(saved_err);
	stream_read(out, output, sizeof output);
	stream_read(err, errors, sizeof errors);
	return code;
}

static int batch(const char *text, size_t length)
{
	FILE *file = fopen(batch_path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return due("--batch", batch_path, NULL);
}

#define WEEK "--tz", "Europe/Berlin", "--week", "mon-fri 09:00-17:00"

static void one_case_prints_its_due(void **state)
{
	(void)state;
	assert_int_equal(
	        due(WEEK, "--start", "2026-03-02T16:00:00", "--target", "2h", NULL), EX_OK);
	assert_string_equal(output, "2026-03-03T09:00:00Z\n");
	assert_string_equal(errors, "");
	assert_int_equal(
	        due(WEEK, "--start", "2026-03-02T16:00:00", "--target", "2h", "--holidays",
	                "2026-03-03", "--holidays", "2026-03-04 12:00-13:00", "--pause",
	                "2026-03-04T12:00:00/2026-03-04T12:30:00", "--pause",
	                "2026-03-02T15:00:00Z/2026-03-02T15:30:00Z", NULL),
	        EX_OK);
	assert_string_equal(output, "2026-03-05T09:00:00Z\n");
	assert_int_equal(due(WEEK, "--start", "2026-03-02T09:00:00", "--target", "2h",
	                         "--pause", "2026-03-02T09:30:00/", NULL),
	        EX_OK);
	assert_string_equal(output, "never\n");
	assert_int_equal(due("--tz=UTC", "--week=always", "--start=2026-03-02T09:00:00",
	                         "--target=2h", "--holidays=2026-03-02", NULL),
	        EX_OK);
	assert_string_equal(output, "2026-03-02T11:00:00Z\n");
	assert_non_null(strstr(errors, "open on holidays too"));
}

static void a_wrong_command_line_is_told(void **state)
{
	(void)state;
	assert_int_equal(due(NULL), EX_USAGE);
	assert_non_null(strstr(errors, "--tz is missing"));
	assert_int_equal(due(WEEK, "--start", "2026-03-02T16:00:00", NULL), EX_USAGE);
	assert_non_null(strstr(errors, "--target is missing"));
	assert_int_equal(due("--nonsense", NULL), EX_USAGE);
	assert_int_equal(due("word", NULL), EX_USAGE);
	assert_int_equal(due(WEEK, "--batch", "x", NULL), EX_USAGE);
	assert_int_equal(due("--batch", "/nowhere/at/all", NULL), EX_NOINPUT);
	assert_int_equal(due("--batch", "/tmp", NULL), EX_NOINPUT);
	assert_int_equal(due("--help", NULL), EX_OK);
	assert_non_null(strstr(output, "Examples:"));
}

static void a_wrong_value_names_its_column(void **state)
{
	static const struct {
		const char *tz, *week, *holidays, *start, *target, *pause, *part;
	} CASES[] = {
	        {"Mars", "always", "", "2026-03-02T16:00:00", "2h", "", "tz: there is no"},
	        {"UTC", "daily", "", "2026-03-02T16:00:00", "2h", "", "week: at character 1"},
	        {"UTC", "mon 09:00-10:00", "x", "2026-03-02T16:00:00", "2h", "", "holidays: "},
	        {"UTC", "always", "", "now", "2h", "", "start: `now` is not a time"},
	        {"UTC", "always", "", "2026-03-02T16:00:00", "soon", "", "target: `soon`"},
	        {"UTC", "always", "", "2026-03-02T16:00:00", "2h", "x", "pauses: `x`"},
	        {"UTC", "always", "", "2026-03-02T16:00:00", "2h", "x/y", "pauses: `x`"},
	        {"UTC", "always", "", "2026-03-02T16:00:00", "2h", "2026-03-02T16:00:00/y",
	                "pauses: `y`"},
	        {"UTC", "always", "", "2026-03-02T16:00:00", "2h",
	                "2026-03-02T16:00:00/2026-03-02T15:00:00", "ends before it begins"},
	        {"UTC", "always", "", "2100-12-31T23:00:00", "2h", "", "past the year 2100"},
	        {"UTC", "", "", "2026-03-02T16:00:00", "2h", "",
	                "week: the calendar is never open"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		assert_int_equal(
		        due("--tz", CASES[i].tz, "--week", CASES[i].week, "--holidays",
		                CASES[i].holidays, "--start", CASES[i].start, "--target",
		                CASES[i].target, "--pause", CASES[i].pause, NULL),
		        EX_DATAERR);
		assert_non_null(strstr(errors, CASES[i].part));
		assert_string_equal(output, "");
	}
}

static void a_bad_row_does_not_stop_the_others(void **state)
{
	static const char TEXT[] =
	        "due\tpauses\ttarget\tstart\tweek\ttz\tid\n"
	        "?\t\t60m\t2026-03-02T09:00:00\tmon-fri 09:00-17:00\tUTC\ta\r\n"
	        "\n"
	        "?\t\tsoon\t2026-03-02T09:00:00\tmon-fri 09:00-17:00\tUTC\tb\n"
	        "?\t\t60m\t2026-03-02T09:00:00\tmon-fri 09:00-17:00\tUTC\tc\tmore\n"
	        "?\t2026-03-02T09:00:00/2026-03-02T09:30:00,,\t60m\t2026-03-02T09:00:00\t"
	        "mon-fri 09:00-17:00\tUTC\td\n"
	        "?\t2026-03-02T09:00:00/\t60m\t2026-03-02T09:00:00\talways\tUTC\te";
	static const char NUL[] = "id\ttz\tweek\tstart\ttarget\na\0b\tUTC\n";

	(void)state;
	assert_int_equal(batch(TEXT, sizeof TEXT - 1), EX_DATAERR);
	assert_string_equal(
	        output, "a\t2026-03-02T10:00:00Z\nd\t2026-03-02T10:30:00Z\ne\tnever\n");
	assert_non_null(strstr(errors, ":4: target: `soon`"));
	assert_non_null(strstr(errors, ":5: row: it has 8 columns, the header 7"));
	assert_int_equal(batch(NUL, sizeof NUL - 1), EX_DATAERR);
	assert_non_null(strstr(errors, ":2: row: a line is text"));
	assert_int_equal(batch("", 0), EX_DATAERR);
	assert_non_null(strstr(errors, "empty"));
	assert_int_equal(batch("id\ttz\tweek\tstart\n", 17), EX_DATAERR);
	assert_non_null(strstr(errors, "target: the header lacks"));
	assert_int_equal(batch("id\tid\n", 6), EX_DATAERR);
	assert_non_null(strstr(errors, "twice"));
}

static void too_many_pauses_are_refused(void **state)
{
	enum { ONE = 22 };
	char *text = malloc(4097 * ONE + 1);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 4097; i++)
		memcpy(text + i * ONE, "2026-03-02T09:00:00Z/,", ONE);
	text[4097 * ONE] = '\0';
	assert_int_equal(due(WEEK, "--start", "2026-03-02T16:00:00", "--target", "2h",
	                         "--pause", text, NULL),
	        EX_DATAERR);
	assert_non_null(strstr(errors, "at most 4096 pauses"));
	free(text);
}

static int path_make(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(batch_path, sizeof batch_path, "/tmp/calendar_due_test.XXXXXX");
	fd = mkstemp(batch_path);
	return fd < 0 ? -1 : close(fd);
}

static int path_remove(void **state)
{
	(void)state;
	return unlink(batch_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_case_prints_its_due),
	        cmocka_unit_test(a_wrong_command_line_is_told),
	        cmocka_unit_test(a_wrong_value_names_its_column),
	        cmocka_unit_test(a_bad_row_does_not_stop_the_others),
	        cmocka_unit_test(too_many_pauses_are_refused),
	};

	return cmocka_run_group_tests(tests, path_make, path_remove);
}

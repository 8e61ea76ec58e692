/* Rows in the three formats. */
#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/table.h"
#include "cli_capture.h"
#include "cmocka_test.h"

static struct capture captured;

enum { AT = 1772442000 }; /* 2026-03-02T09:00:00Z */

static void columns_add(struct table *t)
{
	table_column(t, "id", TABLE_RIGHT);
	table_column(t, "first_reply", 0);
	table_column(t, "share", 0);
	table_column(t, "at", 0);
	table_column(t, "length", TABLE_RIGHT);
	table_column(t, "title", TABLE_CUT);
}

static void row_add(struct table *t, int64_t id, const char *title)
{
	table_row(t);
	table_number(t, id);
	table_absent(t);
	table_real(t, 0.12345, 2);
	table_time(t, (int64_t)AT * 1000000);
	table_duration(t, INT64_C(5025500000));
	table_text(t, title);
	table_color(t, "red");
	table_text(t, "one cell too many");
}

static int print(enum cli_format format, bool flush)
{
	struct cli cli = {.format = format};
	struct table *t = table_new(&cli);
	int rc;

	columns_add(t);
	row_add(t, 1, "say \"так\", \033[31m\nthen go");
	capture_begin(&captured);
	rc = flush ? table_flush(t, stdout) : 0;
	row_add(t, INT64_MAX, NULL);
	if (rc == 0)
		rc = table_print(t, stdout);
	capture_end(&captured);
	table_free(t);
	return rc;
}

static void people_see_local_times_and_clean_text(void **state)
{
	(void)state;
	assert_int_equal(print(FORMAT_TABLE, false), 0);
	assert_non_null(strstr(captured.out, "FIRST REPLY"));
	assert_non_null(strstr(captured.out, "2026-03-02 19:00:00 +1000"));
	assert_non_null(strstr(captured.out, "1h 23m"));
	assert_non_null(strstr(captured.out, "9223372036854775807"));
	assert_non_null(strstr(captured.out, "say \"так\", ?[31m then go"));
	assert_null(strchr(captured.out, '\033'));
}

static void csv_is_rfc_4180_with_utc(void **state)
{
	static const char WANT[] =
	        "id,first_reply,share,at,length,title\r\n"
	        "1,,0.12,2026-03-02T09:00:00Z,5025.5,\"say \"\"так\"\", \033[31m\nthen go\"\r\n"
	        "9223372036854775807,,0.12,2026-03-02T09:00:00Z,5025.5,\r\n";

	(void)state;
	assert_int_equal(print(FORMAT_CSV, false), 0);
	assert_string_equal(captured.out, WANT);
	assert_int_equal(print(FORMAT_CSV, true), 0);
	assert_string_equal(captured.out, WANT);
}

/* A title is a customer's word; a manager opens the file in a spreadsheet. */
static void csv_runs_no_formula(void **state)
{
	static const char *const CASES[][2] = {
	        {"=1+1", "'=1+1"},
	        {"=HYPERLINK(\"http://x\",\"y\")",
	                "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
	        {"@SUM(A1)", "'@SUM(A1)"},
	        {"+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"},
	        {"-2+SUM(A1)", "'-2+SUM(A1)"},
	        {"\t=1", "'\t=1"},
	        {"-5m", "-5m"},
	        {"+2h", "+2h"},
	        {"+7 495 1234567", "+7 495 1234567"},
	        {"a=b", "a=b"},
	        {"- item", "- item"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct cli cli = {.format = FORMAT_CSV};
		struct table *t = table_new(&cli);
		char want[120];

		(void)snprintf(want, sizeof want, "title\r\n%s\r\n", CASES[i][1]);
		table_column(t, "title", 0);
		table_row(t);
		table_text(t, CASES[i][0]);
		capture_begin(&captured);
		assert_int_equal(table_print(t, stdout), 0);
		capture_end(&captured);
		table_free(t);
		assert_string_equal(captured.out, want);
	}
}

static void json_is_an_array_of_objects(void **state)
{
	(void)state;
	for (int flush = 0; flush < 2; flush++) {
		json_t *rows;

		assert_int_equal(print(FORMAT_JSON, flush != 0), 0);
		rows = json_loads(captured.out, 0, NULL);
		assert_non_null(rows);
		assert_int_equal(json_array_size(rows), 2);
		assert_true(
		        json_is_null(json_object_get(json_array_get(rows, 0), "first_reply")));
		assert_string_equal(
		        json_string_value(json_object_get(json_array_get(rows, 0), "title")),
		        "say \"так\", \033[31m\nthen go");
		assert_int_equal(
		        json_integer_value(json_object_get(json_array_get(rows, 1), "id")),
		        INT64_MAX);
		assert_null(strchr(captured.out, '\033'));
		json_decref(rows);
	}
}

static void an_empty_answer_has_its_form(void **state)
{
	static const struct {
		enum cli_format format;
		const char *text;
	} FORMS[] = {{FORMAT_JSON, "[]\n"}, {FORMAT_CSV, "a\r\n"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cli cli = {.format = FORMS[i].format};
		struct table *t = table_new(&cli);

		table_column(t, "a", 0);
		capture_begin(&captured);
		assert_int_equal(table_print(t, stdout), 0);
		capture_end(&captured);
		assert_string_equal(captured.out, FORMS[i].text);
		table_free(t);
	}
}

static void flushed_tables_do_not_repeat_rows(void **state)
{
	const char *first;

	(void)state;
	assert_int_equal(print(FORMAT_TABLE, true), 0);
	first = strstr(captured.out, "say");
	assert_non_null(first);
	assert_null(strstr(first + 1, "say"));
	assert_non_null(strstr(captured.out, "9223372036854775807"));
}

static void more_columns_than_there_can_be_are_left_out(void **state)
{
	struct cli cli = {.format = FORMAT_CSV};
	struct table *t = table_new(&cli);

	(void)state;
	for (int i = 0; i < TABLE_COLUMNS_MAX + 9; i++)
		table_column(t, "x\033", 0);
	table_row(t);
	for (int i = 0; i < TABLE_COLUMNS_MAX + 9; i++)
		table_number(t, i);
	capture_begin(&captured);
	assert_int_equal(table_print(t, stdout), 0);
	capture_end(&captured);
	assert_non_null(strstr(captured.out, ",x?\r\n"));
	table_free(t);
}

static void a_full_disk_is_told(void **state)
{
	struct cli cli = {.format = FORMAT_JSON};
	struct table *t = table_new(&cli);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	if (full == NULL)
		skip();
	table_column(t, "a", 0);
	capture_begin(&captured);
	assert_int_equal(table_print(t, full), EXIT_IO);
	capture_end(&captured);
	assert_non_null(strstr(captured.err, "cannot be written: No space left"));
	(void)fclose(full);
	table_free(t);
}

static const struct {
	int64_t us;
	const char *text;
} DURATIONS[] = {
        {0, "0s"},
        {INT64_C(59999999), "59s"},
        {INT64_C(750) * 1000000, "12m 30s"},
        {INT64_C(-300) * 1000000, "-5m 00s"},
        {INT64_C(101100) * 1000000, "1d 4h 05m"},
        {INT64_MIN, "-106751991d 4h 00m"},
};

static void durations_in_words(void **state)
{
	char out[TABLE_TIME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof DURATIONS / sizeof DURATIONS[0]; i++)
		assert_string_equal(
		        table_duration_text(DURATIONS[i].us, out), DURATIONS[i].text);
	assert_string_equal(table_service_text(INT64_C(101100) * 1000000, out), "28h 05m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(people_see_local_times_and_clean_text),
	        cmocka_unit_test(csv_is_rfc_4180_with_utc),
	        cmocka_unit_test(csv_runs_no_formula),
	        cmocka_unit_test(json_is_an_array_of_objects),
	        cmocka_unit_test(an_empty_answer_has_its_form),
	        cmocka_unit_test(flushed_tables_do_not_repeat_rows),
	        cmocka_unit_test(more_columns_than_there_can_be_are_left_out),
	        cmocka_unit_test(a_full_disk_is_told),
	        cmocka_unit_test(durations_in_words),
	};

	(void)setenv("TZ", "Asia/Vladivostok", 1);
	tzset();
	(void)setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests_name("cli_table", tests, NULL, NULL);
}

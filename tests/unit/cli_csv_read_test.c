/* Rows of CSV, plain and compressed, good and bad. */
#include <lzma.h>
#include <string.h>

#include "cli/csv_read.h"
#include "cli_capture.h"
#include "cmocka_test.h"

/* Reads all rows as "field|field;"; a wrong one as "!message;", an end by damage as "#". */
static void rows_of(const void *data, size_t size, char *out, size_t room)
{
	char *path = temporary_file(data, size);
	struct otk_error err;
	struct csv_row row;
	struct csv *csv = csv_open(path, &err);
	int rc;

	assert_non_null(csv);
	out[0] = '\0';
	while ((rc = csv_next(csv, &row, &err)) != 0) {
		size_t used = strlen(out);

		if (rc == 1) {
			for (size_t i = 0; i < row.count; i++)
				(void)snprintf(out + strlen(out), room - strlen(out), "%s%s",
				        i > 0 ? "|" : "", row.fields[i]);
		} else if (rc == -OTK_INVALID_ARGUMENT) {
			(void)snprintf(out + used, room - used, "!%s", err.message);
		} else {
			(void)snprintf(out + used, room - used, "#");
			break;
		}
		(void)snprintf(out + strlen(out), room - strlen(out), ";");
	}
	if (rc == 0)
		assert_true(csv_progress(csv) > 0.99);
	csv_close(csv);
	temporary_remove(path);
}

static const struct {
	const char *name;
	const char *text;
	size_t size; /* 0: strlen */
	const char *rows;
} CASES[] = {
        {"plain", "a,b\r\nc,d\r\n", 0, "a|b;c|d;"},
        {"no line end at the end", "a,b\nc,d", 0, "a|b;c|d;"},
        {"empty fields", ",\n,,x\n", 0, "|;||x;"},
        {"empty lines are passed over", "a\n\n\r\nb\n", 0, "a;b;"},
        {"quoted comma, quote, line end", "\"a,b\",\"c\"\"d\",\"e\r\nf\"\r\n", 0,
                "a,b|c\"d|e\r\nf;"},
        {"empty quoted", "\"\",\"\"\n", 0, "|;"},
        {"a quote inside a bare field is a letter", "5\" disk,x\ny,z\n", 0, "5\" disk|x;y|z;"},
        {"text after a quote", "\"a\"b,c\nd,e\n", 0,
                "!text follows a closing quote in column 1;d|e;"},
        {"never closed", "a,\"b\nc,d\n", 0, "!a quote is never closed;"},
        {"byte order mark", "\xEF\xBB\xBF\"a\",b\n", 0, "a|b;"},
        {"a mark elsewhere is text",
                "a\n\xEF\xBB\xBF"
                "b\n",
                0,
                "a;\xEF\xBB\xBF"
                "b;"},
        {"NUL", "a,b\0c\nd,e\n", 10, "!the row has a NUL character;d|e;"},
        {"no UTF-8", "a,\xFF\nd,e\n", 0, "!the row is not UTF-8;d|e;"},
        {"Cyrillic", "принтер,\"второй \"\"этаж\"\"\"\n", 0, "принтер|второй \"этаж\";"},
        {"nothing", "", 0, ""},
};

static void rfc_4180_in_cases(void **state)
{
	char rows[4096];

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		size_t size = CASES[i].size > 0 ? CASES[i].size : strlen(CASES[i].text);

		rows_of(CASES[i].text, size, rows, sizeof rows);
		if (strcmp(rows, CASES[i].rows) != 0)
			fail_msg("%s: %s", CASES[i].name, rows);
	}
}

static void rows_know_their_lines(void **state)
{
	static const char TEXT[] = "a\n\"b\nb\"\nc\n";
	char *path = temporary_file(TEXT, sizeof TEXT - 1);
	static const uint64_t LINES[] = {1, 2, 4};
	struct otk_error err;
	struct csv_row row;
	struct csv *csv = csv_open(path, &err);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(csv_next(csv, &row, &err), 1);
		assert_int_equal(row.line, LINES[i]);
	}
	csv_close(csv);
	temporary_remove(path);
}

static void a_wrong_row_gives_the_fields_before_its_mistake(void **state)
{
	static const char TEXT[] = "7,x,\"y\"z,w\n";
	char *path = temporary_file(TEXT, sizeof TEXT - 1);
	struct otk_error err;
	struct csv_row row;
	struct csv *csv = csv_open(path, &err);

	(void)state;
	assert_int_equal(csv_next(csv, &row, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(row.count, 2);
	assert_string_equal(row.fields[0], "7");
	assert_string_equal(row.raw, "7,x,\"y\"z,w");
	csv_close(csv);
	temporary_remove(path);
}

static void a_quote_never_closed_costs_a_bounded_part_of_the_file(void **state)
{
	size_t size = 3 * CSV_ROW_MAX;
	char *text = malloc(size);
	struct otk_error err;
	struct csv_row row;
	struct csv *csv;
	char *path;
	int good = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < size; i += 8)
		memcpy(text + i, "aaaa,bb\n", 8);
	text[8] = '"';
	path = temporary_file(text, size);
	csv = csv_open(path, &err);
	assert_int_equal(csv_next(csv, &row, &err), 1);
	assert_int_equal(csv_next(csv, &row, &err), -OTK_INVALID_ARGUMENT);
	assert_non_null(strstr(err.message, "at most 1048576 bytes"));
	while (csv_next(csv, &row, &err) == 1)
		good++;
	assert_true(good > 200000);
	csv_close(csv);
	temporary_remove(path);
	free(text);
}

static void too_many_columns_are_a_wrong_row(void **state)
{
	char text[CSV_COLUMNS_MAX + 2];
	char rows[256];

	(void)state;
	memset(text, ',', sizeof text);
	text[sizeof text - 1] = '\n';
	rows_of(text, sizeof text, rows, sizeof rows);
	assert_string_equal(rows, "!more than 256 columns;");
}

static size_t compress(const char *text, uint8_t *out, size_t room)
{
	size_t used = 0;

	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL,
	                         (const uint8_t *)text, strlen(text), out, &used, room),
	        LZMA_OK);
	return used;
}

static void xz_is_read_whole_or_told_damaged(void **state)
{
	uint8_t packed[4096];
	char rows[1024];
	size_t n = compress("a,b\nc,d\n", packed, sizeof packed);

	(void)state;
	rows_of(packed, n, rows, sizeof rows);
	assert_string_equal(rows, "a|b;c|d;");
	n += compress("e,f\n", packed + n, sizeof packed - n);
	rows_of(packed, n, rows, sizeof rows);
	assert_string_equal(rows, "a|b;c|d;e|f;");
	rows_of(packed, n - 9, rows, sizeof rows);
	assert_non_null(strchr(rows, '#'));
	packed[30] ^= 0x55;
	rows_of(packed, n, rows, sizeof rows);
	assert_non_null(strchr(rows, '#'));
}

static void a_missing_file_is_told(void **state)
{
	struct otk_error err;

	(void)state;
	assert_null(csv_open("/tmp/there/is/no/such.csv", &err));
	assert_int_equal(err.code, OTK_NOT_FOUND);
	csv_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rfc_4180_in_cases),
	        cmocka_unit_test(rows_know_their_lines),
	        cmocka_unit_test(a_wrong_row_gives_the_fields_before_its_mistake),
	        cmocka_unit_test(a_quote_never_closed_costs_a_bounded_part_of_the_file),
	        cmocka_unit_test(too_many_columns_are_a_wrong_row),
	        cmocka_unit_test(xz_is_read_whole_or_told_damaged),
	        cmocka_unit_test(a_missing_file_is_told),
	};

	return cmocka_run_group_tests_name("cli_csv_read", tests, NULL, NULL);
}

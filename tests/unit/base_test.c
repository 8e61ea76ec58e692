/* The small facilities of proto/base: arena, buffer, clock, status, text, time as text, UUID.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc_fail.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/text.h"
#include "base/time_text.h"
#include "base/uuid.h"

static void an_arena_keeps_its_budget(void **state)
{
	struct arena *arena = arena_new(1000);
	char *text;

	(void)state;
	assert_non_null(arena);
	assert_non_null(arena_alloc(arena, 0));
	assert_non_null(arena_alloc(arena, 900));
	assert_false(arena_exhausted(arena));
	assert_null(arena_alloc(arena, 100));
	assert_true(arena_exhausted(arena));
	assert_int_equal(arena_used(arena), 901);
	assert_null(arena_alloc(arena, SIZE_MAX));
	assert_null(arena_calloc(arena, SIZE_MAX / 2, 3));
	assert_null(arena_memdup(arena, "x", 200));
	assert_null(arena_strndup(arena, "x", 200));
	assert_null(arena_strndup(arena, "x", SIZE_MAX));
	assert_null(arena_printf(arena, "%200d", 1));
	arena_reset(arena);
	assert_int_equal(arena_used(arena), 0);
	assert_false(arena_exhausted(arena));
	text = arena_printf(arena, "%s-%d", "a", 7);
	assert_string_equal(text, "a-7");
	assert_string_equal(arena_strdup(arena, "b"), "b");
	assert_null(arena_strdup(arena, NULL));
	assert_string_equal(arena_strndup(arena, "abc", 2), "ab");
	assert_string_equal(arena_strndup(arena, NULL, 0), "");
	assert_memory_equal(arena_memdup(arena, "xyz", 3), "xyz", 3);
	assert_non_null(arena_memdup(arena, NULL, 0));
	arena_free(arena);
	arena_free(NULL);
}

static void arena_memory_is_aligned_and_apart(void **state)
{
	struct arena *arena = arena_new(10 * 1024 * 1024);
	unsigned char *last = NULL;

	(void)state;
	for (size_t i = 1; i < 2000; i++) {
		unsigned char *p = arena_calloc(arena, i, 2);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_int_equal(p[0], 0);
		assert_int_equal(p[2 * i - 1], 0);
		memset(p, 0xFF, 2 * i);
		if (last != NULL)
			assert_int_equal(last[0], 0xFF);
		last = p;
	}
	arena_reset(arena);
	arena_reset(arena);
	assert_non_null(arena_alloc(arena, 1024 * 1024)); /* larger than any block */
	arena_free(arena);
}

static void base_survives_memory_running_out(void **state)
{
	struct buf b = {0};

	(void)state;
	for (long n = 0; alloc_fail_next(n); n++) {
		struct arena *arena = arena_new(100);
		void *p = arena == NULL ? NULL : arena_alloc(arena, 10);

		if (alloc_failed())
			assert_null(p);
		arena_free(arena);
	}
	alloc_fail_at(0);
	assert_int_equal(buf_puts(&b, "x"), -OTK_RESOURCE_EXHAUSTED);
	assert_int_equal(buf_puts(&b, "x"), -OTK_RESOURCE_EXHAUSTED);
	assert_int_equal(buf_printf(&b, "x"), -OTK_RESOURCE_EXHAUSTED);
	assert_true(b.failed);
	buf_reset(&b);
	assert_int_equal(buf_puts(&b, "x"), 0);
	assert_int_equal(buf_append(&b, "x", SIZE_MAX - 1), -OTK_RESOURCE_EXHAUSTED);
	assert_string_equal(buf_text(&b), "x");
	buf_free(&b);
	alloc_fail_at(0);
	assert_null(clock_new_real());
	alloc_fail_at(0);
	assert_null(clock_open_virtual("/tmp/never", 0));
	alloc_fail_at(-1);
}

static void a_buffer_is_always_text(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_append(&b, NULL, 0), 0);
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_printf(&b, "%d,", i), 0);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(strlen(buf_text(&b)), b.len);
	buf_reset(&b);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_putc(&b, 'a'), 0);
	assert_int_equal(buf_puts(&b, "b"), 0);
	assert_string_equal(buf_text(&b), "ab");
	buf_free(&b);
	buf_reset(&b);
	assert_null(b.data);
}

static void a_virtual_clock_is_shared_and_goes_forward(void **state)
{
	char folder[] = "/tmp/base_test.XXXXXX";
	char path[64];
	struct otk_clock *mine;
	struct otk_clock *theirs;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/clock", folder);
	mine = clock_open_virtual(path, 1000);
	theirs = clock_open_virtual(path, 5000);
	assert_non_null(mine);
	assert_non_null(theirs);
	assert_true(clock_is_virtual(mine));
	assert_int_equal(clock_now(theirs), 1000);
	assert_int_equal(clock_move(mine, 2000), 0);
	assert_int_equal(clock_now(theirs), 2000);
	assert_int_equal(clock_move(theirs, 1999), -OTK_INVALID_ARGUMENT);
	assert_int_equal(clock_now(mine), 2000);
	clock_free(mine);
	clock_free(theirs);
	(void)unlink(path);
	assert_null(clock_open_virtual(folder, 0)); /* a folder, no file */
	(void)rmdir(folder);
	assert_null(clock_open_virtual(path, 0)); /* nowhere to make it */
}

static void a_short_clock_file_is_refused(void **state)
{
	char path[] = "/tmp/base_test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_null(clock_open_virtual(path, 0));
	(void)close(fd);
	(void)unlink(path);
}

static void the_real_clock_does_not_go_back(void **state)
{
	struct otk_clock *clock = clock_new_real();
	int64_t before = clock_now(clock);
	int64_t steady = clock_monotonic();

	(void)state;
	assert_false(clock_is_virtual(clock));
	assert_true(before > INT64_C(1600000000) * CLOCK_SECOND);
	assert_true(clock_now(clock) >= before);
	assert_true(clock_monotonic() >= steady);
	assert_int_equal(clock_move(clock, INT64_MAX), -OTK_INVALID_ARGUMENT);
	clock_free(clock);
	clock_free(NULL);
}

static void errors_are_cut_between_characters(void **state)
{
	struct otk_error err = {0};
	char text[700];

	(void)state;
	assert_string_equal(status_name(OTK_OK), "OK");
	assert_string_equal(status_name(OTK_UNAUTHENTICATED), "UNAUTHENTICATED");
	assert_string_equal(status_name((enum otk_status)17), "UNKNOWN");
	assert_string_equal(status_name((enum otk_status) - 1), "UNKNOWN");
	memset(text, 'a', sizeof text);
	memcpy(text + OTK_MESSAGE_SIZE - 2, "\xD0\x9E", 2); /* the cut would split it */
	text[sizeof text - 1] = '\0';
	assert_int_equal(error_set(&err, OTK_NOT_FOUND, "NOTHING", "%s", text), -OTK_NOT_FOUND);
	assert_int_equal(strlen(err.message), OTK_MESSAGE_SIZE - 2);
	assert_string_equal(err.reason, "NOTHING");
	(void)error_set(
	        &err, OTK_NOT_FOUND, "NOTHING", "'%.3s' is \xff not", "\xD0\x9E\xD0\x9E");
	assert_string_equal(err.message, "'\xD0\x9E' is  not");
	(void)error_field(&err, "f", "'%.2s'", "a\xD0\x9E");
	assert_string_equal(err.violations[0].description, "'a'");
	assert_int_equal(error_set(NULL, OTK_ABORTED, "X", "x"), -OTK_ABORTED);
	error_clear(&err);
	assert_int_equal(err.code, OTK_OK);
	assert_int_equal(error_field(NULL, "f", "x"), -OTK_INVALID_ARGUMENT);
	for (int i = 0; i < OTK_VIOLATIONS_MAX + 3; i++)
		assert_int_equal(
		        error_field(&err, "title", "wrong %d", i), -OTK_INVALID_ARGUMENT);
	assert_int_equal(err.violation_count, OTK_VIOLATIONS_MAX);
	assert_string_equal(err.message, "title: wrong 0");
	assert_string_equal(err.violations[7].description, "wrong 7");
}

static void utf8_is_judged_strictly(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} CASES[] = {
	        {"", true},
	        {"abc", true},
	        {"\xD0\x9E\xD1\x82", true},
	        {"\xE2\x82\xAC", true},
	        {"\xF0\x9F\x98\x80", true},
	        {"\xF4\x8F\xBF\xBF", true},
	        {"\xED\x9F\xBF", true},
	        {"\x80", false},
	        {"\xC0\xAF", false},
	        {"\xC1\xBF", false},
	        {"\xC2", false},
	        {"\xC2\x41", false},
	        {"\xE0\x9F\xBF", false},
	        {"\xED\xA0\x80", false},
	        {"\xE2\x82", false},
	        {"\xE2\x82\x41", false},
	        {"\xF0\x8F\xBF\xBF", false},
	        {"\xF4\x90\x80\x80", false},
	        {"\xF5\x80\x80\x80", false},
	        {"\xFF", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_int_equal(
		        text_is_utf8(CASES[i].text, strlen(CASES[i].text)), CASES[i].good);
	assert_true(text_is_utf8("a\0b", 3));
	assert_int_equal(text_utf8_count("\xD0\x9E\xE2\x82\xAC"
	                                 "a",
	                         6),
	        3);
}

static void what_leads_a_screen_astray_is_unwanted(void **state)
{
	static const struct {
		const char *text;
		size_t in_line;
		size_t in_text;
	} CASES[] = {
	        {"", 1, 1}, /* the end itself: callers stop before it */
	        {"a", 0, 0},
	        {" ", 0, 0},
	        {"\t", 1, 0},
	        {"\n", 1, 0},
	        {"\r", 1, 0},
	        {"\x1b[2J", 1, 1},
	        {"\x7f", 1, 1},
	        {"\xC2\x80", 2, 2},
	        {"\xC2\x9B", 2, 2},
	        {"\xC2\xA0", 0, 0},
	        {"\xD0\x96", 0, 0},
	        {"\xE2\x80\xA6", 0, 0}, /* … */
	        {"\xE2\x80\xA8", 3, 0},
	        {"\xE2\x80\xAA", 3, 0},
	        {"\xE2\x80\xAD", 3, 3},
	        {"\xE2\x80\xAE", 3, 3},
	        {"\xE2\x80\xAF", 0, 0},
	        {"\xE2\x81\xA5", 0, 0},
	        {"\xE2\x81\xA6", 3, 0},
	        {"\xE2\x81\xA9", 3, 0},
	        {"\xE2\x81\xAA", 0, 0},
	        {"\xF0\x9F\x92\xA1", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
		assert_int_equal(text_unwanted(CASES[i].text, true), CASES[i].in_line);
		assert_int_equal(text_unwanted(CASES[i].text, false), CASES[i].in_text);
	}
}

static void what_cannot_be_seen_is_blank(void **state)
{
	(void)state;
	assert_true(text_is_blank(""));
	assert_true(text_is_blank(" \t\r\n\xC2\xA0\xE2\x80\x8B\xEF\xBB\xBF"));
	assert_false(text_is_blank("\xE2\x80\x8B."));
	assert_false(text_is_blank(" \xD0\x96 "));
}

static void text_is_cut_between_characters(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *cut;
	} CASES[] = {
	        {"abc", 5, "abc"},
	        {"abc", 2, "ab"},
	        {"abc", 0, ""},
	        {"a\xD0\x9E", 2, "a"},
	        {"a\xD0\x9E", 3, "a\xD0\x9E"},
	        {"\xF0\x9F\x98\x80", 3, ""},
	        {"\xE2\x82\xAC\xE2\x82\xAC", 5, "\xE2\x82\xAC"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char text[16];

		(void)snprintf(text, sizeof text, "%s", CASES[i].text);
		text_cut_utf8(text, CASES[i].max);
		assert_string_equal(text, CASES[i].cut);
	}
}

static void numbers_are_whole_and_bounded(void **state)
{
	static const char *const BAD[] = {"", " 1", "+1", "1 ", "1x", "0x1", "-", "--1", "11",
	        "-11", "99999999999999999999", "1.0"};
	int64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
		assert_int_equal(text_to_i64(BAD[i], -10, 10, &value), -OTK_INVALID_ARGUMENT);
	assert_int_equal(text_to_i64(NULL, -10, 10, &value), -OTK_INVALID_ARGUMENT);
	assert_int_equal(value, 7);
	assert_int_equal(text_to_i64("-10", -10, 10, &value), 0);
	assert_int_equal(value, -10);
	assert_int_equal(text_to_i64("9223372036854775807", INT64_MIN, INT64_MAX, &value), 0);
	assert_int_equal(value, INT64_MAX);
}

static void dates_convert_both_ways(void **state)
{
	int64_t before = time_days_from_civil(1600, 2, 29);

	(void)state;
	assert_int_equal(time_days_from_civil(1970, 1, 1), 0);
	assert_int_equal(time_days_from_civil(2000, 3, 1), 11017);
	assert_int_equal(time_days_from_civil(-1, 3, 1), -719834);
	for (int64_t day = before; day < 200000; day += 17) {
		int64_t year;
		int month;
		int date;

		time_civil_from_days(day, &year, &month, &date);
		assert_int_equal(time_days_from_civil(year, month, date), day);
	}
	time_civil_from_days(-719834, &before, &(int){0}, &(int){0});
	assert_int_equal(before, -1);
}

static void times_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
		int is_local;
	} CASES[] = {
	        {"2013-03-21T10:30:00Z", "2013-03-21T10:30:00Z", 0},
	        {"2013-03-21t10:30:00z", "2013-03-21T10:30:00Z", 0},
	        {"2013-03-21 10:30:00+02:00", "2013-03-21T08:30:00Z", 0},
	        {"2013-03-21T10:30-23:59", "2013-03-22T10:29:00Z", 0},
	        {"2013-03-21T10:30", "2013-03-21T10:30:00Z", 1},
	        {"2013-03-21T10:30:01.5Z", "2013-03-21T10:30:01.5Z", 0},
	        {"2013-03-21T10:30:01.000001Z", "2013-03-21T10:30:01.000001Z", 0},
	        {"2013-03-21T10:30:01.1234567899Z", "2013-03-21T10:30:01.123456Z", 0},
	        {"2012-02-29T00:00:00Z", "2012-02-29T00:00:00Z", 0},
	        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z", 0},
	        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0},
	        {"1970-01-01T00:00:00+01:00", "1969-12-31T23:00:00Z", 0},
	        {"1970-01-01T00:00:00.25+01:00", "1969-12-31T23:00:00.25Z", 0},
	        {"2100-12-31T23:59:59Z", "2100-12-31T23:59:59Z", 0},
	};
	static const char *const BAD[] = {"", "2013", "2013-03-21", "2013-3-21T10:30:00Z",
	        "2013-03-21X10:30:00Z", "2013-13-21T10:30:00Z", "2013-00-21T10:30:00Z",
	        "2013-02-29T10:30:00Z", "2100-02-29T10:30:00Z", "2013-04-31T10:30:00Z",
	        "2013-04-00T10:30:00Z", "1969-12-31T23:59:59Z", "2101-01-01T00:00:00Z",
	        "2013-03-21T24:00:00Z", "2013-03-21T10:60:00Z", "2013-03-21T10:30:60Z",
	        "2013-03-21T10:30:0Z", "2013-03-21T10.30Z", "2013-03-21T10:30:00.Z",
	        "2013-03-21T10:30:00+2:00", "2013-03-21T10:30:00+24:00",
	        "2013-03-21T10:30:00+02:60", "2013-03-21T10:30:00+0200",
	        "2013-03-21T10:30:00Zx", "2013-03-21T10:30:00 Z"};
	char text[TIME_TEXT_SIZE];
	int64_t us = 7;
	int local = 7;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		assert_int_equal(time_parse(CASES[i].text, &us, &local), 0);
		assert_int_equal(local, CASES[i].is_local);
		assert_string_equal(time_format_utc(us, text), CASES[i].canonical);
	}
	us = 7;
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
		assert_int_equal(time_parse(BAD[i], &us, &local), -OTK_INVALID_ARGUMENT);
	assert_int_equal(time_parse(NULL, &us, NULL), -OTK_INVALID_ARGUMENT);
	assert_int_equal(time_parse("2013-03-21T10:30", &us, NULL), -OTK_INVALID_ARGUMENT);
	assert_int_equal(us, 7);
	assert_string_equal(time_format_utc(-1, text), "1969-12-31T23:59:59.999999Z");
}

static void instants_of_any_size_fit_their_text(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	assert_string_equal(time_format_utc(INT64_MAX, text), "294247-01-10T04:00:54.775807Z");
	assert_true(strlen(time_format_utc(INT64_MIN, text)) < TIME_TEXT_SIZE);
}

static void dates_are_read(void **state)
{
	int64_t days = 7;

	(void)state;
	assert_int_equal(time_parse_date("1970-01-02", &days), 0);
	assert_int_equal(days, 1);
	assert_int_equal(time_parse_date("1970-01-02x", &days), -OTK_INVALID_ARGUMENT);
	assert_int_equal(time_parse_date("1970-01", &days), -OTK_INVALID_ARGUMENT);
	assert_int_equal(time_parse_date(NULL, &days), -OTK_INVALID_ARGUMENT);
}

static void uuids_are_random_or_named(void **state)
{
	static const struct uuid DNS = {{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80,
	        0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};
	static const char *const BAD[] = {"", "886313e1-3b8a-5372-9b90-0c9aee199e5",
	        "886313e1x3b8a-5372-9b90-0c9aee199e5d", "886313e1-3b8a-5372-9b90-0c9aee199e5g",
	        "g86313e1-3b8a-5372-9b90-0c9aee199e5d",
	        "886313e1-3b8a-5372-9b90-0c9aee199e5d0"};
	struct uuid a;
	struct uuid b;
	char text[UUID_TEXT_SIZE];

	(void)state;
	uuid_v5(&DNS, "python.org", 10, &a);
	assert_string_equal(uuid_format(&a, text), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
	assert_int_equal(uuid_parse("886313E1-3B8A-5372-9B90-0C9AEE199E5D", &b), 0);
	assert_memory_equal(&a, &b, sizeof a);
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
		assert_int_equal(uuid_parse(BAD[i], &b), -OTK_INVALID_ARGUMENT);
	assert_int_equal(uuid_parse(NULL, &b), -OTK_INVALID_ARGUMENT);
	assert_int_equal(uuid_v4(&a), 0);
	assert_int_equal(uuid_v4(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof a);
	assert_int_equal(a.bytes[6] >> 4, 4);
	assert_int_equal(a.bytes[8] >> 6, 2);
	assert_false(uuid_is_nil(&a));
	memset(&a, 0, sizeof a);
	assert_true(uuid_is_nil(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_arena_keeps_its_budget),
	        cmocka_unit_test(arena_memory_is_aligned_and_apart),
	        cmocka_unit_test(base_survives_memory_running_out),
	        cmocka_unit_test(a_buffer_is_always_text),
	        cmocka_unit_test(a_virtual_clock_is_shared_and_goes_forward),
	        cmocka_unit_test(a_short_clock_file_is_refused),
	        cmocka_unit_test(the_real_clock_does_not_go_back),
	        cmocka_unit_test(errors_are_cut_between_characters),
	        cmocka_unit_test(utf8_is_judged_strictly),
	        cmocka_unit_test(text_is_cut_between_characters),
	        cmocka_unit_test(what_leads_a_screen_astray_is_unwanted),
	        cmocka_unit_test(what_cannot_be_seen_is_blank),
	        cmocka_unit_test(numbers_are_whole_and_bounded),
	        cmocka_unit_test(dates_convert_both_ways),
	        cmocka_unit_test(times_are_read_and_written),
	        cmocka_unit_test(instants_of_any_size_fit_their_text),
	        cmocka_unit_test(dates_are_read),
	        cmocka_unit_test(uuids_are_random_or_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

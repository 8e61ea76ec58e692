/* iCalendar files: the days they make, what is passed over, and bombs. */
#include "cli/ics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/time_text.h"
#include "cmocka_test.h"

enum { QUICK_S = 40 }; /* two of processor time, on a machine that does much else */

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	return arena == NULL;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

#define CALENDAR(events) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" events "END:VCALENDAR\r\n"
#define EVENT(lines) "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:x\r\n" lines "END:VEVENT\r\n"
#define START "DTSTART;VALUE=DATE:20260105\r\n"

static void assert_days(const char *text, const char *expected)
{
	struct otk_error err = {0};
	struct buf days = {0};
	struct ics ics;

	if (ics_read(arena, "f.ics", text, strlen(text), NULL, &ics, &err) != 0)
		fail_msg("%s: %s", text, err.message);
	for (size_t i = 0; i < ics.count && i < 20; i++) {
		int64_t year;
		int month, day;

		time_civil_from_days(ics.days[i].date, &year, &month, &day);
		(void)buf_printf(
		        &days, "%s%04d%02d%02d", i > 0 ? " " : "", (int)year, month, day);
	}
	assert_string_equal(buf_text(&days), expected);
	buf_free(&days);
}

static void events_make_their_days(void **state)
{
	static const struct {
		const char *text;
		const char *days;
	} CASES[] = {
	        {CALENDAR(""), ""},
	        {CALENDAR(EVENT(START)), "20260105"},
	        {"\xef\xbb\xbf" CALENDAR(EVENT(START)), "20260105"},
	        {CALENDAR(EVENT(START "DTEND;VALUE=DATE:20260108\r\n")),
	                "20260105 20260106 20260107"},
	        {CALENDAR(EVENT(START "DTEND;VALUE=DATE:20260105\r\n")), "20260105"},
	        {CALENDAR(EVENT(START "DURATION:P2D\r\n")), "20260105 20260106"},
	        {CALENDAR(EVENT(START "DURATION:P1W\r\n")),
	                "20260105 20260106 20260107 20260108 20260109 20260110 20260111"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=YEARLY;COUNT=3\r\n")),
	                "20260105 20270105 20280105"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=3\r\n")),
	                "20260105 20260525 20270531 20280529"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=WEEKLY;UNTIL=20260119\r\n")),
	                "20260105 20260112 20260119"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=YEARLY;COUNT=3\r\n"
	                              "EXDATE;VALUE=DATE:20270105,20280105\r\n")),
	                "20260105"},
	        {CALENDAR(EVENT(START "RDATE;VALUE=DATE:20260201,20260203\r\n"
	                              "DURATION:P2D\r\n")),
	                "20260105 20260106 20260201 20260202 20260203 20260204"},
	        {CALENDAR(EVENT(START) EVENT(START)), "20260105"},
	        /* One occurrence moved */
	        {CALENDAR(EVENT(START "RRULE:FREQ=YEARLY;COUNT=2\r\n")
	                         EVENT("RECURRENCE-ID;VALUE=DATE:20270105\r\n"
	                               "DTSTART;VALUE=DATE:20270107\r\n")),
	                "20260105 20270107"},
	        /* Folded, in a component within, in another component, properties of no matter
	         */
	        {CALENDAR(EVENT("DTSTART;VALUE=\r\n DATE:202601\r\n 05\r\n")), "20260105"},
	        {CALENDAR(EVENT(START "BEGIN:VALARM\r\nDTSTART:bad\r\nEND:VALARM\r\n")),
	                "20260105"},
	        {CALENDAR("BEGIN:VTODO\r\n" START "END:VTODO\r\n"), ""},
	        {CALENDAR(EVENT(START "X-WHATEVER:\r\nGEO:nonsense\r\n")), "20260105"},
	        /* Folded within a letter; quoted parameters hold what else parts a line */
	        {CALENDAR(EVENT(START "SUMMARY:Новый го\xd0\r\n \xb4\r\n")), "20260105"},
	        {CALENDAR(EVENT(START
	                 "RRULE:FREQ=YEARLY;COUNT=3\r\n"
	                 "EXDATE;X-A=\"(UTC+01:00) Rome, Bern\";VALUE=DATE:20270105,20280105"
	                 "\r\n")),
	                "20260105"},
	        /* Public holidays do not make busy in what most publish */
	        {CALENDAR(EVENT(START "TRANSP:TRANSPARENT\r\n")), "20260105"},
	        /* Passed over */
	        {CALENDAR(EVENT("DTSTART:20260105T100000Z\r\n")), ""},
	        {CALENDAR(EVENT(START "STATUS:CANCELLED\r\n")), ""},
	        {CALENDAR(
	                 EVENT("DTSTART;VALUE=DATE:19691231\r\nDTEND;VALUE=DATE:19700102\r\n")),
	                "19700101"},
	        {CALENDAR(EVENT("DTSTART;VALUE=DATE:20991231\r\nRRULE:FREQ=YEARLY\r\n")),
	                "20991231 21001231"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_days(CASES[i].text, CASES[i].days);
}

static void what_is_passed_over_is_told(void **state)
{
	static const char TEXT[] = CALENDAR(EVENT("DTSTART:20260105T100000Z\r\n") EVENT(
	        START "STATUS:CANCELLED\r\n") EVENT("DTSTART;VALUE=DATE:21010101\r\n"));
	static const char *const TOLD[] = {"time of day", "cancelled", "1970 to 2100"};
	static const unsigned LINES[] = {3, 8, 14};
	struct otk_error err = {0};
	struct ics ics;

	(void)state;
	assert_int_equal(ics_read(arena, "f.ics", TEXT, strlen(TEXT), NULL, &ics, &err), 0);
	assert_int_equal(ics.note_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(ics.notes[i].line, LINES[i]);
		assert_non_null(strstr(ics.notes[i].text, TOLD[i]));
	}
}

static void what_is_wrong_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *told;
	} CASES[] = {
	        {"", "f.ics:1: is no iCalendar"},
	        {"hello\n", "f.ics:1: is no iCalendar"},
	        {"BEGIN:VEVENT\nEND:VEVENT\n", "f.ics:1: BEGIN:VCALENDAR"},
	        {"BEGIN:VCALENDAR\nBEGIN:VCALENDAR\n", "f.ics:2: BEGIN:VCALENDAR"},
	        {"BEGIN:VCALENDAR\n", "f.ics:1: ends while VCALENDAR is open"},
	        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n",
	                "f.ics:3: END:VCALENDAR, but"},
	        {"BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR\n", "f.ics:3: END:VCALENDAR"},
	        {"BEGIN:VCALENDAR\n\xff\n", "f.ics:2: is not UTF-8"},
	        {CALENDAR(EVENT("")), "f.ics:3: x: has no DTSTART"},
	        {CALENDAR(EVENT("DTSTART;VALUE=DATE:2026\r\n")), "f.ics:3: x:"},
	        {CALENDAR(EVENT("DTSTART;VALUE=DATE:20261301\r\n")), "f.ics:3: x:"},
	        {CALENDAR(EVENT(START "DTEND:20260106T100000Z\r\n")), "f.ics:3: x: DTEND"},
	        {CALENDAR(EVENT(START "DTEND;VALUE=DATE:20260104\r\n")), "ends before"},
	        {CALENDAR(EVENT(START "DTEND;VALUE=DATE:20270108\r\n")), "longer than 366"},
	        {CALENDAR(EVENT(START "DURATION:PT5H\r\n")), "whole days"},
	        {CALENDAR(EVENT(START "DURATION:-P1D\r\n")), "whole days"},
	        {CALENDAR(EVENT(START "DURATION:P2147483647W\r\n")), "f.ics:3: x:"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=SECONDLY\r\n")), "must repeat by days"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=HOURLY;COUNT=2\r\n")), "must repeat by days"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=DAILY;BYHOUR=1,2\r\n")), "BYHOUR"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=DAILY\r\n")), "more than 4000 days"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=DAILY;COUNT=2000000000\r\n")),
	                "more than 4000 days"},
	        {CALENDAR(EVENT("DTSTART;VALUE=DATE:00010101\r\nRRULE:FREQ=DAILY\r\n")),
	                "too long before 1970"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=YEARLY\r\nRRULE:FREQ=MONTHLY\r\n")),
	                "one RRULE"},
	        {CALENDAR(EVENT(START "EXRULE:FREQ=YEARLY\r\n")), "no EXRULE"},
	        {CALENDAR(EVENT(START "RRULE:BOGUS\r\n")), "f.ics:3: x:"},
	        {CALENDAR(EVENT(START "RDATE:20260205T100000Z\r\n")), "RDATE must list dates"},
	        {CALENDAR(EVENT(START START)), "more than one DTSTART"},
	        {CALENDAR(EVENT(START "DTEND;VALUE=DATE:20260106\r\nDURATION:P5D\r\n")),
	                "more than one end"},
	        {CALENDAR(EVENT(START "RRULE:FREQ=YEARLY;COUNT=4\r\n") EVENT(
	                 "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20270105\r\n"
	                 "DTSTART;VALUE=DATE:20270107\r\n")),
	                "f.ics:9: x: RECURRENCE-ID with a RANGE"},
	        {CALENDAR("METHOD:CANCEL\r\n" EVENT(START)), "f.ics:3: is a cancellation"},
	        {CALENDAR(EVENT(START "SUMMARY:a\r\n \xd0\r\n")), "f.ics:7: is not UTF-8"},
	        {CALENDAR(EVENT(START "RDATE;VALUE=PERIOD:20260101T100000Z/PT5H\r\n")),
	                "RDATE"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct otk_error err = {0};
		struct ics ics;
		int rc = ics_read(
		        arena, "f.ics", CASES[i].text, strlen(CASES[i].text), NULL, &ics, &err);

		if (rc != -OTK_INVALID_ARGUMENT || strstr(err.message, CASES[i].told) == NULL)
			fail_msg("%s\ngives %d: %s", CASES[i].text, rc, err.message);
	}
}

/* ---- bombs ------------------------------------------------------------------------------ */

static char path[] = "/tmp/otklik-ics-XXXXXX";

static void assert_refused_quickly(const struct buf *text, const char *told)
{
	struct otk_error err = {0};
	int64_t started = clock_monotonic();
	struct ics ics;
	FILE *file = fopen(path, "we");
	int rc;

	assert_non_null(file);
	assert_int_equal(fwrite(text->data, 1, text->len, file), text->len);
	assert_int_equal(fclose(file), 0);
	rc = ics_file_read(arena, path, &ics, &err);
	if (rc != -OTK_INVALID_ARGUMENT || strstr(err.message, told) == NULL)
		fail_msg("`%s` was expected, not %d: %s", told, rc, err.message);
	assert_memory_equal(err.message, path, strlen(path));
	assert_true(err.message[strlen(path)] == ':' && err.message[strlen(path) + 1] >= '1' &&
	            err.message[strlen(path) + 1] <= '9'); /* a line */
	assert_true(clock_monotonic() - started < QUICK_S * CLOCK_SECOND);
}

static void repeat(struct buf *out, const char *piece, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)buf_puts(out, piece);
}

static void bombs_are_refused_quickly(void **state)
{
	static const struct {
		const char *head, *piece;
		size_t count;
		const char *told;
	} BOMBS[] = {
	        {"BEGIN:VCALENDAR\n", "X:1\n", 30000, ":20001: has more than 20000 lines"},
	        {"BEGIN:VCALENDAR\n", "BEGIN:VEVENT\n", 10, ":5: components are nested deeper"},
	        {"BEGIN:VCALENDAR\n", "BEGIN:A\nEND:A\n", 10000, "more than 10000 components"},
	        {"BEGIN:VCALENDAR\nSUMMARY:", "xxxxxxxx", 100000, ":2: a line"},
	        {"BEGIN:VCALENDAR\nSUMMARY:", "xxxxxxxx\n ", 10000, ":2: a line"},
	        {"BEGIN:VCALENDAR\n", "xxxxxxxx", 200000, "at most 1048576 bytes"},
	        /* Each makes a thousand days. */
	        {"BEGIN:VCALENDAR\n",
	                "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260101\n"
	                "RRULE:FREQ=DAILY;COUNT=1000\nEND:VEVENT\n",
	                10, "more than 4000 days"},
	        /* Each is looked through to the end of time in vain. */
	        {"BEGIN:VCALENDAR\n",
	                "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260101\n"
	                "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\nEND:VEVENT\n",
	                2000, ": takes longer"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof BOMBS / sizeof BOMBS[0]; i++) {
		struct buf text = {0};

		(void)buf_puts(&text, BOMBS[i].head);
		repeat(&text, BOMBS[i].piece, BOMBS[i].count);
		assert_refused_quickly(&text, BOMBS[i].told);
		buf_free(&text);
	}
}

static void a_nul_is_refused(void **state)
{
	static const char TEXT[] = "BEGIN:VCALENDAR\nX:\0\nEND:VCALENDAR\n";
	struct buf text = {0};

	(void)state;
	(void)buf_append(&text, TEXT, sizeof TEXT - 1);
	assert_refused_quickly(&text, ":2: has a NUL");
	buf_free(&text);
}

static void a_child_gives_what_reading_gives(void **state)
{
	static const char TEXT[] = CALENDAR(EVENT(START "RRULE:FREQ=YEARLY;COUNT=2\r\n")
	                EVENT("DTSTART:20260105T100000Z\r\n"));
	struct otk_error err = {0};
	struct ics ics;
	FILE *file = fopen(path, "we");

	(void)state;
	assert_non_null(file);
	(void)fputs(TEXT, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(ics_file_read(arena, path, &ics, &err), 0);
	assert_int_equal(ics.count, 2);
	assert_int_equal(ics.days[1].date - ics.days[0].date, 365);
	assert_string_equal(ics.days[0].summary, "x");
	assert_int_equal(ics.days[0].line, 3);
	assert_int_equal(ics.note_count, 1);
	assert_non_null(strstr(ics.notes[0].text, "time of day"));
	assert_int_equal(ics_file_read(arena, "/nowhere/at.ics", &ics, &err), -OTK_NOT_FOUND);
	assert_int_equal(ics_file_read(arena, "/dev/zero", &ics, &err), -OTK_INVALID_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(events_make_their_days, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_is_passed_over_is_told, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                what_is_wrong_is_refused_with_its_line, setup, teardown),
	        cmocka_unit_test_setup_teardown(bombs_are_refused_quickly, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_nul_is_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                a_child_gives_what_reading_gives, setup, teardown),
	};
	int fd = mkstemp(path);
	int failed;

	if (fd < 0)
		return 1;
	(void)close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	return failed;
}

/* Times as people say them. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/status.h"
#include "base/time_text.h"
#include "cli/when.h"
#include "cmocka_test.h"

#define NOW "2026-03-04T20:15:30Z" /* a Wednesday: 23:15:30 in Moscow, 21:15:30 in Berlin */

static void set_zone(const char *name)
{
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
}

static const struct {
	const char *zone;
	const char *text;
	const char *utc; /* NULL: refused */
	const char *says;
} CASES[] = {
        {"Europe/Moscow", "2026-03-05T18:00:00Z", "2026-03-05T18:00:00Z", NULL},
        {"Europe/Moscow", "2026-03-05 18:00:00+05:00", "2026-03-05T13:00:00Z", NULL},
        {"Europe/Moscow", "2026-03-05 18:00", "2026-03-05T15:00:00Z", NULL},
        {"Europe/Moscow", "2026-03-05T18:00:30", "2026-03-05T15:00:30Z", NULL},
        {"Europe/Moscow", "23:59", "2026-03-04T20:59:00Z", NULL},
        {"Europe/Moscow", "today 23:59:59", "2026-03-04T20:59:59Z", NULL},
        {"Europe/Moscow", "tomorrow 18:00", "2026-03-05T15:00:00Z", NULL},
        {"Europe/Moscow", "завтра 18:00", "2026-03-05T15:00:00Z", NULL},
        {"Europe/Moscow", "Fri 12:00", "2026-03-06T09:00:00Z", NULL},
        {"Europe/Moscow", "пт 12:00", "2026-03-06T09:00:00Z", NULL},
        {"Europe/Moscow", "wednesday 12:00", "2026-03-11T09:00:00Z", NULL},
        {"Europe/Moscow", "tue 12:00", "2026-03-10T09:00:00Z", NULL},
        {"Europe/Moscow", "+4h", "2026-03-05T00:15:30Z", NULL},
        {"Europe/Moscow", "+90m", "2026-03-04T21:45:30Z", NULL},
        {"Europe/Moscow", "+1d2h30m", "2026-03-05T22:45:30Z", NULL},
        /* Clocks change: 29 March 02:00 to 03:00, 25 October 03:00 to 02:00. */
        {"Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59:00Z", NULL},
        {"Europe/Berlin", "2026-03-29 02:30", NULL, "does not exist here"},
        {"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T01:30:00Z", NULL},
        {"Europe/Moscow", "", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "soon", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "someday 12:00", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "tomorrow", NULL, "lacks the time of day"},
        {"Europe/Moscow", "2026-03-05", NULL, "lacks the time of day"},
        {"Europe/Moscow", "tomorrow 24:00", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "tomorrow 18:60", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "tomorrow 18:00:x", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "tomorrow 18:00 sharp", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "+", NULL, "write 2026-12-31 18:00"},
        {"Europe/Moscow", "+4", NULL, "no length of time"},
        {"Europe/Moscow", "+4w", NULL, "no length of time"},
        {"Europe/Moscow", "+9999999h", NULL, "no length of time"},
};

static void a_time_is_read_where_the_viewer_is(void **state)
{
	int64_t now;

	(void)state;
	assert_int_equal(time_parse(NOW, &now, NULL), 0);
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char error[WHEN_ERROR_SIZE] = "";
		char text[TIME_TEXT_SIZE];
		int64_t at = 0;
		int rc;

		set_zone(CASES[i].zone);
		rc = when_parse(CASES[i].text, now, &at, error);
		if (CASES[i].utc == NULL) {
			assert_int_equal(rc, -OTK_INVALID_ARGUMENT);
			if (strstr(error, CASES[i].says) == NULL)
				fail_msg("%s: %s", CASES[i].text, error);
		} else if (rc != 0 || strcmp(time_format_utc(at, text), CASES[i].utc) != 0) {
			fail_msg("%s: %s %s", CASES[i].text, rc == 0 ? text : "", error);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_time_is_read_where_the_viewer_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

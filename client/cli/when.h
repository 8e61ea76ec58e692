/* A time as people say it: "tomorrow 18:00", "+4h", "fri 12:00", "2026-03-02 18:00". */
#ifndef OTKLIK_CLI_WHEN_H
#define OTKLIK_CLI_WHEN_H

#include <stddef.h>
#include <stdint.h>

enum { WHEN_ERROR_SIZE = 160 };

/*
 * Reads `text` in the viewer's zone (the process's, see tzset) as of `now_us`:
 *
 *	2026-03-02T18:00:00Z, …+03:00	an instant (RFC 3339)
 *	2026-03-02 18:00[:30]		local
 *	[today|tomorrow|fri] 18:00	local; a weekday is the next such day after today
 *	+4h, +1d2h30m			from now; a day is 24 hours
 *
 * Words are English or Russian. Of a local time that happens twice (clocks go back) it is the
 * second, as everywhere in otklik. 0; or -OTK_INVALID_ARGUMENT with what is wrong in `error`:
 * also a local time that does not exist.
 */
int when_parse(const char *text, int64_t now_us, int64_t *us, char error[WHEN_ERROR_SIZE]);

#endif

/*
 * Holidays out of iCalendar files (RFC 5545): the dates of their all-day events.
 *
 *	file → ics_file_read: a child process with limits → ics_scan: lines, bounds, nesting
 *	     → an event's lines → libical → its days, in ics_read
 *
 * What is taken: VEVENT with a DTSTART that is a date; DTEND or DURATION in days; RRULE, RDATE,
 * EXDATE, RECURRENCE-ID. What is passed over, and told: events with a time of day, cancelled
 *ones, days outside of 1970 to 2100. What is refused, with file and line: everything else that
 *would make days, and whatever exceeds a limit.
 */
#ifndef OTKLIK_CLI_ICS_H
#define OTKLIK_CLI_ICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

enum {
	ICS_FILE_MAX = 1024 * 1024, /* bytes */
	ICS_LINES_MAX = 20000,      /* as they stand in the file */
	ICS_LINE_MAX = 8192,        /* bytes, unfolded */
	ICS_COMPONENTS_MAX = 10000,
	ICS_DEPTH_MAX = 4,        /* VCALENDAR is 1 */
	ICS_DAYS_MAX = 4000,      /* that all events make, before repeats are dropped */
	ICS_EVENT_DAYS_MAX = 366, /* of one occurrence */
	ICS_SUMMARY_MAX = 200,    /* bytes kept */
	ICS_NOTES_MAX = 100,      /* what was passed over: told one by one up to here */
	ICS_SECONDS_MAX = 2,      /* of processor time for one file */
	ICS_MEMORY_MAX = 256 * 1024 * 1024, /* bytes of address space of the child */
};

struct ics_day {
	int64_t date;        /* days since 1970-01-01 */
	unsigned line;       /* of its event */
	const char *summary; /* as the file has it; "": none */
};

struct ics_note {
	unsigned line;
	const char *text; /* what was passed over, and why */
};

struct ics {
	struct ics_day *days; /* ascending, one a date */
	size_t count;
	struct ics_note *notes;
	size_t note_count; /* may exceed ICS_NOTES_MAX: then only so many are there */
};

/*
 * Reads a text in this process: for ics_file_read and tests. `name` begins messages; *at_line
 * (unless NULL) is the line of the event that is being read. 0, -OTK_INVALID_ARGUMENT
 * ("name:line: …"), -OTK_RESOURCE_EXHAUSTED.
 */
int ics_read(struct arena *arena, const char *name, const char *text, size_t size,
        volatile unsigned *at_line, struct ics *out, struct otk_error *err);

/*
 * Reads a file in a child process that has little time and memory and may not write: what goes
 * wrong in it is an error here. As ics_read, and -OTK_NOT_FOUND.
 */
int ics_file_read(
        struct arena *arena, const char *path, struct ics *out, struct otk_error *err);

#endif

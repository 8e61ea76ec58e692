/* The lines of an iCalendar text within bounds, event by event; not for other rooms. */
#ifndef OTKLIK_CLI_ICS_SCAN_H
#define OTKLIK_CLI_ICS_SCAN_H

#include "base/buf.h"
#include "cli/ics.h"

struct ics_scan {
	const char *name; /* begins messages */
	const char *p;
	const char *end;
	unsigned line;      /* the last one read */
	unsigned starts_at; /* where the content line at hand begins */
	unsigned components;
	unsigned depth;
	char open[ICS_DEPTH_MAX][32]; /* names of the components that are open */
	struct buf content;           /* the content line at hand, unfolded */
	struct otk_error *err;
};

/* Checks the size. 0 or as ics_read. */
int ics_scan_start(struct ics_scan *scan, const char *name, const char *text, size_t size,
        struct otk_error *err);
void ics_scan_free(struct ics_scan *scan);

/*
 * The next VEVENT: *line where it begins, `event` its own lines (BEGIN to END) without those of
 * components within it and without properties that make no days. 1, 0 at the end, or negative.
 */
int ics_scan_event(struct ics_scan *scan, struct buf *event, unsigned *line);

/* "name:line: …" */
int ics_scan_fail(const struct ics_scan *scan, unsigned line, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif

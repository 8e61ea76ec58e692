/* Content lines: unfolded, counted, nested rightly; and the lines of one event. */
#include "cli/ics_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Properties by which an event makes days. EXRULE is taken to be refused: it would unmake some.
 */
static const char *const WANTED[] = {"DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE",
        "EXDATE", "RECURRENCE-ID", "UID", "STATUS", "SUMMARY"};

int ics_scan_fail(const struct ics_scan *scan, unsigned line, const char *format, ...)
{
	char text[OTK_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(scan->err, OTK_INVALID_ARGUMENT, "BAD_FILE", "%.200s:%u: %s",
	        scan->name, line, text);
}

static int no_memory(const struct ics_scan *scan)
{
	return error_set(scan->err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY",
	        "%.200s: does not fit into memory", scan->name);
}

static unsigned line_at(const char *text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

int ics_scan_start(struct ics_scan *scan, const char *name, const char *text, size_t size,
        struct otk_error *err)
{
	const char *nul = memchr(text, '\0', size);

	*scan = (struct ics_scan){.name = name, .p = text, .end = text + size, .err = err};
	if (size > ICS_FILE_MAX)
		return ics_scan_fail(scan, 1, "is longer than %d bytes, the most that is read",
		        ICS_FILE_MAX);
	if (nul != NULL)
		return ics_scan_fail(
		        scan, line_at(text, (size_t)(nul - text)), "has a NUL character");
	/* A byte order mark says nothing here. */
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		scan->p += 3;
	return 0;
}

void ics_scan_free(struct ics_scan *scan)
{
	buf_free(&scan->content);
}

/* One line as it stands, without its end. */
static int physical_line(struct ics_scan *scan, const char **text, size_t *length)
{
	const char *end = memchr(scan->p, '\n', (size_t)(scan->end - scan->p));
	const char *next = end == NULL ? scan->end : end + 1;

	if (end == NULL)
		end = scan->end;
	if (end > scan->p && end[-1] == '\r')
		end--;
	if (++scan->line > ICS_LINES_MAX)
		return ics_scan_fail(scan, scan->line, "has more than %d lines", ICS_LINES_MAX);
	*text = scan->p;
	*length = (size_t)(end - scan->p);
	scan->p = next;
	return 0;
}

/* Appends to the content line; it may not become too long. */
static int content_add(struct ics_scan *scan, const char *text, size_t length)
{
	if (scan->content.len + length > ICS_LINE_MAX)
		return ics_scan_fail(scan, scan->starts_at,
		        "a line with what is folded into it is longer than %d bytes",
		        ICS_LINE_MAX);
	return buf_append(&scan->content, text, length) < 0 ? no_memory(scan) : 0;
}

/* 1 and the next content line in scan->content, 0 at the end. */
static int content_line(struct ics_scan *scan)
{
	const char *text;
	size_t length;
	int rc;

	buf_reset(&scan->content);
	do {
		if (scan->p >= scan->end)
			return 0;
		rc = physical_line(scan, &text, &length);
		if (rc < 0)
			return rc;
	} while (length == 0);
	scan->starts_at = scan->line;
	rc = content_add(scan, text, length);
	while (rc == 0 && scan->p < scan->end && (*scan->p == ' ' || *scan->p == '\t')) {
		rc = physical_line(scan, &text, &length);
		if (rc == 0)
			rc = content_add(scan, text + 1, length > 0 ? length - 1 : 0);
	}
	/* Only now: some fold within a letter (RFC 5545, 3.1). */
	if (rc == 0 && !text_is_utf8(scan->content.data, scan->content.len))
		rc = ics_scan_fail(scan, scan->starts_at, "is not UTF-8 text");
	return rc < 0 ? rc : 1;
}

/* "BEGIN:VEVENT" → "VEVENT"; NULL where the line is something else. */
static const char *after(const char *content, const char *word)
{
	size_t length = strlen(word);

	return strncasecmp(content, word, length) == 0 ? content + length : NULL;
}

static int component_begins(struct ics_scan *scan, const char *kind)
{
	if (++scan->components > ICS_COMPONENTS_MAX)
		return ics_scan_fail(scan, scan->starts_at, "has more than %d components",
		        ICS_COMPONENTS_MAX);
	if (scan->depth == ICS_DEPTH_MAX)
		return ics_scan_fail(scan, scan->starts_at,
		        "components are nested deeper than %d", ICS_DEPTH_MAX);
	if (strlen(kind) >= sizeof scan->open[0])
		return ics_scan_fail(scan, scan->starts_at, "there is no such component");
	if ((scan->depth == 0) != (strcasecmp(kind, "VCALENDAR") == 0))
		return ics_scan_fail(scan, scan->starts_at,
		        "BEGIN:VCALENDAR must begin the file, and nothing within it");
	(void)strcpy(scan->open[scan->depth++], kind);
	return 0;
}

static int component_ends(struct ics_scan *scan, const char *kind)
{
	if (scan->depth == 0 || strcasecmp(scan->open[scan->depth - 1], kind) != 0)
		return ics_scan_fail(scan, scan->starts_at, "END:%.40s, but %s is open", kind,
		        scan->depth == 0 ? "nothing" : scan->open[scan->depth - 1]);
	scan->depth--;
	return 0;
}

static bool is_wanted(const char *content)
{
	size_t length = strcspn(content, ":;");

	for (size_t i = 0; i < sizeof WANTED / sizeof WANTED[0]; i++) {
		if (strlen(WANTED[i]) == length && strncasecmp(content, WANTED[i], length) == 0)
			return true;
	}
	return false;
}

static bool is_list(const char *content)
{
	return strncasecmp(content, "RDATE", 5) == 0 || strncasecmp(content, "EXDATE", 6) == 0;
}

/* Length of name and parameters, whose quoted values may hold anything: TZID="(UTC+01:00)". */
static size_t head_length(const char *content)
{
	bool quoted = false;
	size_t i = 0;

	for (; content[i] != '\0' && (quoted || content[i] != ':'); i++) {
		if (content[i] == '"')
			quoted = !quoted;
	}
	return i;
}

/* A list of dates as a property for each: the library takes the first alone. */
static int property_add(struct buf *event, const char *content)
{
	size_t head = head_length(content);
	const char *value = content + head;

	if (!is_list(content) || *value == '\0')
		return buf_printf(event, "%s\r\n", content);
	do {
		size_t length = strcspn(++value, ",");

		(void)buf_printf(
		        event, "%.*s:%.*s\r\n", (int)head, content, (int)length, value);
		value += length;
	} while (*value != '\0');
	return event->failed ? -OTK_RESOURCE_EXHAUSTED : 0;
}

/* The depth at which an event's own lines stand: BEGIN:VEVENT directly in the calendar. */
enum { EVENT_DEPTH = 2 };

static bool in_event(const struct ics_scan *scan)
{
	return scan->depth >= EVENT_DEPTH && strcasecmp(scan->open[1], "VEVENT") == 0;
}

/* One content line: 1 when it ends an event. */
static int line_take(struct ics_scan *scan, struct buf *event, unsigned *line)
{
	const char *content = buf_text(&scan->content);
	const char *begins = after(content, "BEGIN:");
	const char *ends = after(content, "END:");
	bool own;
	int rc;

	if (begins != NULL) {
		rc = component_begins(scan, begins);
		if (rc == 0 && scan->depth == EVENT_DEPTH && in_event(scan)) {
			*line = scan->starts_at;
			buf_reset(event);
			rc = buf_puts(event, "BEGIN:VEVENT\r\n") < 0 ? no_memory(scan) : 0;
		}
		return rc;
	}
	own = in_event(scan) && scan->depth == EVENT_DEPTH;
	if (ends != NULL) {
		rc = component_ends(scan, ends);
		if (rc < 0 || !own)
			return rc;
		return buf_puts(event, "END:VEVENT\r\n") < 0 ? no_memory(scan) : 1;
	}
	if (scan->depth == 0)
		return ics_scan_fail(
		        scan, scan->starts_at, "is no iCalendar: BEGIN:VCALENDAR is missing");
	if (scan->depth == 1 && strcasecmp(content, "METHOD:CANCEL") == 0)
		return ics_scan_fail(scan, scan->starts_at,
		        "is a cancellation of events, no calendar of holidays");
	if (own && is_wanted(content))
		return property_add(event, content) < 0 ? no_memory(scan) : 0;
	return 0;
}

int ics_scan_event(struct ics_scan *scan, struct buf *event, unsigned *line)
{
	int rc;

	while ((rc = content_line(scan)) == 1) {
		rc = line_take(scan, event, line);
		if (rc != 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	if (scan->depth > 0)
		return ics_scan_fail(
		        scan, scan->line, "ends while %s is open", scan->open[scan->depth - 1]);
	if (scan->components == 0)
		return ics_scan_fail(scan, 1, "is no iCalendar: BEGIN:VCALENDAR is missing");
	return 0;
}

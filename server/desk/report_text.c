/* The words of reports: titles and texts of tickets, and what a report's row keeps. */
#include "desk/report.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "base/time_text.h"

enum { OUTPUT_MAX = 16 * 1024 };

/* Below this nobody asks how late a report was. */
#define LATE_US INT64_C(60000000)

const char *check_state_name(int state)
{
	static const char *const NAMES[CHECK_STATE_COUNT] = {
	        "unspecified", "OK", "WARNING", "CRITICAL", "UNKNOWN"};

	return state >= 0 && state < CHECK_STATE_COUNT ? NAMES[state] : NAMES[0];
}

/* Programs on site may send what no screen should get. */
static char *cleaned(char *text, bool one_line)
{
	for (char *c = text; text != NULL && *c != '\0'; c++) {
		size_t unwanted = text_unwanted(c, true);

		if (one_line && (*c == '\n' || *c == '\r')) {
			*c = '\0';
			break;
		}
		if (unwanted > 0 && *c != '\n')
			memset(c, ' ', unwanted);
	}
	return text;
}

static void cut_points(char *text, size_t max)
{
	size_t points = 0;

	for (char *c = text; *c != '\0'; c++) {
		if (((unsigned char)*c & 0xc0) != 0x80 && points++ == max) {
			*c = '\0';
			return;
		}
	}
}

const char *report_title(struct arena *arena, const struct report *r)
{
	const char *first = *r->title != '\0' ? r->title : r->output;
	char *title = *first != '\0'
	                      ? arena_printf(arena, "%s: %s: %s", r->host, r->check, first)
	                      : arena_printf(arena, "%s: %s is %s", r->host, r->check,
	                                check_state_name(r->state));

	if (cleaned(title, true) == NULL)
		return NULL;
	if (text_utf8_count(title, strlen(title)) > TITLE_MAX) {
		cut_points(title, TITLE_MAX - 1);
		title = arena_printf(arena, "%s…", title);
	}
	return title;
}

/* By the agent's monotonic clock where it told one: its wall clock may be wrong. */
static int64_t delay_of(const struct report *r, int64_t received_at)
{
	int64_t delay = r->age_us > 0 ? r->age_us : received_at - r->occurred_at;

	return r->occurred_at > 0 && delay > LATE_US ? delay : 0;
}

/* "" where the report came in good time. */
static const char *late_text(struct arena *arena, const struct report *r, int64_t received_at)
{
	char at[TIME_TEXT_SIZE];
	int64_t delay = delay_of(r, received_at) / LATE_US;

	if (delay == 0)
		return "";
	return arena_printf(arena,
	        "\n(Happened %s by the clock on site; received %" PRId64 " h %" PRId64
	        " min later.)",
	        time_format_utc(r->occurred_at, at), delay / 60, delay % 60);
}

const char *report_check_text(struct arena *arena, const struct report *r, int64_t received_at)
{
	const char *late = late_text(arena, r, received_at);
	char *output = arena_strdup(arena, r->output);

	if (late == NULL || output == NULL)
		return NULL;
	text_cut_utf8(output, OUTPUT_MAX);
	return cleaned(arena_printf(arena, "%s on %s is %s%s.\n%s%s", r->check, r->host,
	                       check_state_name(r->state), r->flapping ? " (flapping)" : "",
	                       output, late),
	        false);
}

const char *report_person_text(struct arena *arena, const struct report *r, int64_t received_at,
        const char *requester, const char *service)
{
	const char *late = late_text(arena, r, received_at);

	if (late == NULL)
		return NULL;
	return cleaned(arena_printf(arena, "%s%s%s%s%s%s", r->text,
	                       *requester != '\0' ? "\nReported by: " : "", requester,
	                       *service != '\0' ? "\nService: " : "", service, late),
	        false);
}

static const char *refusal_kept(struct arena *arena, const struct report *r)
{
	char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];

	return arena_printf(arena, "refused %" PRId64 " from %s to %s%s%s", r->refused,
	        time_format_utc(r->refused_from, from), time_format_utc(r->refused_to, to),
	        *r->text != '\0' ? ": " : "", r->text);
}

const char *report_kept(struct arena *arena, const struct report *r)
{
	switch (r->kind) {
	case REPORT_REFUSAL:
		return refusal_kept(arena, r);
	case REPORT_CHECK:
		return r->output;
	case REPORT_STARTED:
		return r->text;
	case REPORT_PERSON:
		/* A filed one says it in its ticket; one that was not must not be lost. */
		return r->outcome == REPORT_FILED
		               ? r->title
		               : arena_printf(arena, "%s\n%s", r->title, r->text);
	}
	return r->text;
}

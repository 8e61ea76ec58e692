/* What the events of an iCalendar text make holidays, by libical's understanding of them. */
#include "cli/ics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libical/ical.h>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/ics_scan.h"

enum { YEAR_FIRST = 1970, YEAR_LAST = 2100 };

/* A day of an event, or one that another event takes from the events of its UID. */
struct found {
	struct ics_day day;
	const char *uid;
	bool replaces; /* comes from an event with a RECURRENCE-ID */
};

struct reading {
	struct arena *arena;
	struct ics_scan scan;
	struct found *found;
	size_t count;
	struct found *taken; /* what RECURRENCE-IDs name */
	size_t taken_count;
	struct ics *out;
	/* the event at hand */
	icalcomponent *event;
	unsigned line;
	const char *summary; /* for messages, never "" */
	const char *name;
	const char *uid;
	struct icaltimetype start;
	int length; /* days */
	bool replaces;
	bool outside; /* some of its days lie outside of the years */
	int64_t *excluded;
	size_t excluded_count;
};

static int no_memory(const struct reading *r)
{
	return error_set(r->scan.err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY",
	        "%.200s: does not fit into memory", r->scan.name);
}

static int note(struct reading *r, const char *why)
{
	struct ics_note *n = &r->out->notes[r->out->note_count];

	if (r->out->note_count++ >= ICS_NOTES_MAX)
		return 0;
	n->line = r->line;
	n->text = arena_printf(r->arena, "%s: %s", r->summary, why);
	return n->text == NULL ? no_memory(r) : 0;
}

static int64_t date_of(struct icaltimetype t)
{
	return time_days_from_civil(t.year, t.month, t.day);
}

/* The library takes 30 February as it comes. */
static bool is_real(struct icaltimetype t)
{
	return !icaltime_is_null_time(t) && t.month >= 1 && t.month <= 12 && t.day >= 1 &&
	       t.day <= icaltime_days_in_month(t.month, t.year);
}

static const char *kept(struct reading *r, const char *text, const char *otherwise)
{
	char cut[ICS_SUMMARY_MAX + 4];

	if (text == NULL || *text == '\0')
		text = otherwise;
	(void)snprintf(cut, sizeof cut, "%s", text);
	text_cut_utf8(cut, ICS_SUMMARY_MAX);
	return arena_strdup(r->arena, cut);
}

/* ---- days ------------------------------------------------------------------------------- */

/* First of all: a walk over one kind of properties ends a walk over another. */
static int excluded_read(struct reading *r)
{
	r->excluded_count = 0;
	for (icalproperty *p = icalcomponent_get_first_property(r->event, ICAL_EXDATE_PROPERTY);
	        p != NULL;
	        p = icalcomponent_get_next_property(r->event, ICAL_EXDATE_PROPERTY)) {
		struct icaltimetype not = icalproperty_get_exdate(p);

		if (!is_real(not ))
			return ics_scan_fail(
			        &r->scan, r->line, "%.60s: EXDATE must list dates", r->summary);
		if (r->excluded_count == ICS_DAYS_MAX)
			return ics_scan_fail(&r->scan, r->line, "%.60s: more than %d EXDATEs",
			        r->summary, ICS_DAYS_MAX);
		r->excluded[r->excluded_count++] = date_of(not );
	}
	return 0;
}

static bool is_excluded(const struct reading *r, struct icaltimetype at)
{
	int64_t date = date_of(at);

	for (size_t i = 0; i < r->excluded_count; i++) {
		if (r->excluded[i] == date)
			return true;
	}
	return false;
}

/* One occurrence: as many days as the event is long. */
static int occurrence_add(struct reading *r, struct icaltimetype at)
{
	if (is_excluded(r, at))
		return 0;
	for (int i = 0; i < r->length; i++) {
		struct found *f = &r->found[r->count];
		int64_t date = date_of(at) + i;
		int64_t year;
		int month, day;

		time_civil_from_days(date, &year, &month, &day);
		if (year < YEAR_FIRST || year > YEAR_LAST) {
			r->outside = true;
			continue;
		}
		if (r->count == ICS_DAYS_MAX)
			return ics_scan_fail(&r->scan, r->line,
			        "%.60s: with it the events make more than %d days", r->summary,
			        ICS_DAYS_MAX);
		*f = (struct found){.day = {.date = date, .line = r->line, .summary = r->name},
		        .uid = r->uid,
		        .replaces = r->replaces};
		r->count++;
	}
	return 0;
}

/* Rules that make days: by day or more, and nothing of hours. */
static int rule_check(const struct reading *r, const struct icalrecurrencetype *rule)
{
	if (rule->freq != ICAL_DAILY_RECURRENCE && rule->freq != ICAL_WEEKLY_RECURRENCE &&
	        rule->freq != ICAL_MONTHLY_RECURRENCE && rule->freq != ICAL_YEARLY_RECURRENCE)
		return ics_scan_fail(&r->scan, r->line,
		        "%.60s: RRULE must repeat by days, weeks, months or years", r->summary);
	if (rule->by_hour[0] != ICAL_RECURRENCE_ARRAY_MAX ||
	        rule->by_minute[0] != ICAL_RECURRENCE_ARRAY_MAX ||
	        rule->by_second[0] != ICAL_RECURRENCE_ARRAY_MAX)
		return ics_scan_fail(&r->scan, r->line,
		        "%.60s: RRULE of whole days cannot have BYHOUR, BYMINUTE or BYSECOND",
		        r->summary);
	return 0;
}

static int rule_add(struct reading *r, icalproperty *property)
{
	struct icalrecurrencetype rule = icalproperty_get_rrule(property);
	struct icaltimetype at;
	icalrecur_iterator *iterator;
	int rc = rule_check(r, &rule);
	size_t before = r->count;
	unsigned seen = 0;

	if (rc < 0)
		return rc;
	iterator = icalrecur_iterator_new(rule, r->start);
	if (iterator == NULL)
		return ics_scan_fail(
		        &r->scan, r->line, "%.60s: RRULE cannot be understood", r->summary);
	for (at = icalrecur_iterator_next(iterator);
	        rc == 0 && !icaltime_is_null_time(at) && at.year <= YEAR_LAST;
	        at = icalrecur_iterator_next(iterator)) {
		rc = occurrence_add(r, at);
		/* Those before 1970 or excluded make no day, and must end nevertheless. */
		if (rc == 0 && ++seen - (r->count - before) > ICS_LINES_MAX)
			rc = ics_scan_fail(&r->scan, r->line,
			        "%.60s: RRULE begins too long before 1970", r->summary);
	}
	icalrecur_iterator_free(iterator);
	return rc;
}

static int days_add(struct reading *r)
{
	int rules = icalcomponent_count_properties(r->event, ICAL_RRULE_PROPERTY);
	int rc = excluded_read(r);

	if (rc < 0)
		return rc;
	if (rules > 1 || icalcomponent_count_properties(r->event, ICAL_EXRULE_PROPERTY) > 0)
		return ics_scan_fail(&r->scan, r->line,
		        "%.60s: one RRULE and no EXRULE is what an event may have", r->summary);
	/* The start counts, whether or not the rule comes to it. */
	if (rules == 1)
		rc = rule_add(
		        r, icalcomponent_get_first_property(r->event, ICAL_RRULE_PROPERTY));
	if (rc == 0)
		rc = occurrence_add(r, r->start);
	for (icalproperty *p = icalcomponent_get_first_property(r->event, ICAL_RDATE_PROPERTY);
	        rc == 0 && p != NULL;
	        p = icalcomponent_get_next_property(r->event, ICAL_RDATE_PROPERTY)) {
		struct icaldatetimeperiodtype more = icalproperty_get_rdate(p);

		if (!is_real(more.time) || !more.time.is_date)
			rc = ics_scan_fail(
			        &r->scan, r->line, "%.60s: RDATE must list dates", r->summary);
		else
			rc = occurrence_add(r, more.time);
	}
	if (rc == 0 && r->outside)
		rc = note(r, "its days outside of 1970 to 2100 are passed over");
	return rc;
}

/* ---- events ----------------------------------------------------------------------------- */

/* Whole days from DTSTART to DTEND, or as DURATION says; one where neither is. */
static int length_read(struct reading *r)
{
	icalproperty *end = icalcomponent_get_first_property(r->event, ICAL_DTEND_PROPERTY);
	icalproperty *length =
	        icalcomponent_get_first_property(r->event, ICAL_DURATION_PROPERTY);
	int64_t days = 1;

	if (end != NULL) {
		struct icaltimetype to = icalproperty_get_dtend(end);

		if (!is_real(to) || !to.is_date)
			return ics_scan_fail(&r->scan, r->line,
			        "%.60s: DTEND must be a date as DTSTART is", r->summary);
		days = date_of(to) - date_of(r->start);
		if (days < 0)
			return ics_scan_fail(
			        &r->scan, r->line, "%.60s: ends before it begins", r->summary);
		if (days == 0) /* some write the same date for one day */
			days = 1;
	} else if (length != NULL) {
		struct icaldurationtype d = icalproperty_get_duration(length);

		if (d.is_neg || d.hours != 0 || d.minutes != 0 || d.seconds != 0 ||
		        d.days + d.weeks == 0)
			return ics_scan_fail(&r->scan, r->line,
			        "%.60s: DURATION must be whole days, such as P1D", r->summary);
		days = (int64_t)d.days + (int64_t)d.weeks * 7;
	}
	if (days > ICS_EVENT_DAYS_MAX)
		return ics_scan_fail(&r->scan, r->line, "%.60s: is longer than %d days",
		        r->summary, ICS_EVENT_DAYS_MAX);
	r->length = (int)days;
	return 0;
}

/* A RECURRENCE-ID takes one occurrence from the event of its UID. */
static int replaced_read(struct reading *r)
{
	icalproperty *p =
	        icalcomponent_get_first_property(r->event, ICAL_RECURRENCEID_PROPERTY);
	struct icaltimetype at;

	r->replaces = p != NULL;
	if (p == NULL)
		return 0;
	/* It would move all that come after, too. */
	if (icalproperty_get_first_parameter(p, ICAL_RANGE_PARAMETER) != NULL)
		return ics_scan_fail(&r->scan, r->line,
		        "%.60s: RECURRENCE-ID with a RANGE is not understood; write the dates "
		        "of each",
		        r->summary);
	at = icalproperty_get_recurrenceid(p);
	if (!is_real(at))
		return ics_scan_fail(
		        &r->scan, r->line, "%.60s: RECURRENCE-ID is no date", r->summary);
	if (r->taken_count == ICS_DAYS_MAX)
		return ics_scan_fail(&r->scan, r->line,
		        "more than %d events have a RECURRENCE-ID", ICS_DAYS_MAX);
	r->taken[r->taken_count++] =
	        (struct found){.day = {.date = date_of(at)}, .uid = r->uid};
	return 0;
}

/* What contradicts itself is not for us to choose from. */
static int once_check(const struct reading *r)
{
	int ends = icalcomponent_count_properties(r->event, ICAL_DTEND_PROPERTY) +
	           icalcomponent_count_properties(r->event, ICAL_DURATION_PROPERTY);

	if (icalcomponent_count_properties(r->event, ICAL_DTSTART_PROPERTY) > 1)
		return ics_scan_fail(
		        &r->scan, r->line, "%.60s: has more than one DTSTART", r->summary);
	if (ends > 1)
		return ics_scan_fail(&r->scan, r->line,
		        "%.60s: has more than one end; write DTEND or DURATION", r->summary);
	return 0;
}

static int event_take(struct reading *r)
{
	icalproperty *start = icalcomponent_get_first_property(r->event, ICAL_DTSTART_PROPERTY);
	icalproperty *wrong =
	        icalcomponent_get_first_property(r->event, ICAL_XLICERROR_PROPERTY);
	icalproperty *status = icalcomponent_get_first_property(r->event, ICAL_STATUS_PROPERTY);
	int rc;

	r->summary = kept(r, icalcomponent_get_summary(r->event), "(no name)");
	r->name = kept(r, icalcomponent_get_summary(r->event), "");
	r->uid = kept(r, icalcomponent_get_uid(r->event), "");
	r->outside = false;
	if (r->summary == NULL || r->name == NULL || r->uid == NULL)
		return no_memory(r);
	if (wrong != NULL)
		return ics_scan_fail(&r->scan, r->line, "%.60s: %.120s", r->summary,
		        icalproperty_get_xlicerror(wrong));
	if (start == NULL)
		return ics_scan_fail(&r->scan, r->line, "%.60s: has no DTSTART", r->summary);
	rc = once_check(r);
	if (rc < 0)
		return rc;
	r->start = icalproperty_get_dtstart(start);
	if (!is_real(r->start))
		return ics_scan_fail(
		        &r->scan, r->line, "%.60s: DTSTART is no date", r->summary);
	rc = replaced_read(r);
	if (rc < 0)
		return rc;
	if (!r->start.is_date)
		return note(r, "has a time of day; only whole days are holidays: passed over");
	if (status != NULL && icalproperty_get_status(status) == ICAL_STATUS_CANCELLED)
		return note(r, "is cancelled: passed over");
	rc = length_read(r);
	return rc < 0 ? rc : days_add(r);
}

static int event_read(struct reading *r, const char *text)
{
	int rc;

	r->event = icalparser_parse_string(text);
	if (r->event == NULL)
		return ics_scan_fail(&r->scan, r->line, "the event cannot be understood");
	rc = icalcomponent_isa(r->event) == ICAL_VEVENT_COMPONENT
	             ? event_take(r)
	             : ics_scan_fail(&r->scan, r->line, "the event cannot be understood");
	icalcomponent_free(r->event);
	r->event = NULL;
	return rc;
}

/* ---- the whole -------------------------------------------------------------------------- */

static int compare_taken(const void *a, const void *b)
{
	const struct found *left = a, *right = b;
	int order = strcmp(left->uid, right->uid);

	return order != 0 ? order
	                  : (left->day.date > right->day.date) -
	                            (left->day.date < right->day.date);
}

static int compare_days(const void *a, const void *b)
{
	const struct ics_day *left = a, *right = b;

	if (left->date != right->date)
		return left->date < right->date ? -1 : 1;
	return (left->line > right->line) - (left->line < right->line);
}

/* Drops what was replaced and what repeats; the rest in order. */
static void days_settle(struct reading *r)
{
	struct ics *out = r->out;
	size_t count = 0;

	qsort(r->taken, r->taken_count, sizeof *r->taken, compare_taken);
	for (size_t i = 0; i < r->count; i++) {
		if (r->found[i].replaces || r->taken_count == 0 ||
		        bsearch(&r->found[i], r->taken, r->taken_count, sizeof *r->taken,
		                compare_taken) == NULL)
			out->days[count++] = r->found[i].day;
	}
	qsort(out->days, count, sizeof *out->days, compare_days);
	for (size_t i = 0; i < count; i++) {
		if (out->count == 0 || out->days[out->count - 1].date != out->days[i].date)
			out->days[out->count++] = out->days[i];
	}
}

int ics_read(struct arena *arena, const char *name, const char *text, size_t size,
        volatile unsigned *at_line, struct ics *out, struct otk_error *err)
{
	struct ics made = {0};
	struct reading r = {.arena = arena, .out = &made};
	struct buf event = {0};
	int rc = ics_scan_start(&r.scan, name, text, size, err);

	icalerror_set_errors_are_fatal(0);
	r.found = arena_calloc(arena, ICS_DAYS_MAX + 1, sizeof *r.found);
	r.excluded = arena_calloc(arena, ICS_DAYS_MAX, sizeof *r.excluded);
	r.taken = arena_calloc(arena, ICS_DAYS_MAX, sizeof *r.taken);
	made.days = arena_calloc(arena, ICS_DAYS_MAX, sizeof *made.days);
	made.notes = arena_calloc(arena, ICS_NOTES_MAX + 1, sizeof *made.notes);
	if (rc == 0 && (r.found == NULL || r.taken == NULL || r.excluded == NULL ||
	                       made.days == NULL || made.notes == NULL))
		rc = no_memory(&r);
	while (rc == 0 && (rc = ics_scan_event(&r.scan, &event, &r.line)) == 1) {
		if (at_line != NULL)
			*at_line = r.line;
		rc = event_read(&r, buf_text(&event));
	}
	ics_scan_free(&r.scan);
	buf_free(&event);
	if (rc < 0)
		return rc;
	days_settle(&r);
	*out = made;
	return 0;
}

/* Calendars that nobody has stored, as the rules see them. */
#include <string.h>

#include "base/buf.h"
#include "base/time_text.h"
#include "compute/draft.h"
#include "core/calendar_history.h"
#include "core/calendar_plan.h"
#include "rpc/installation_declare.h"

int draft_calendars_declare(Otklik__V1__Calendar *const *calendars, size_t count,
        struct thing_list *stored, struct thing_list *out, struct otk_error *err)
{
	Otklik__V1__Installation in = OTKLIK__V1__INSTALLATION__INIT;
	int rc;

	if (count == 0)
		return 0;
	in.calendars = (Otklik__V1__Calendar **)(uintptr_t)calendars;
	in.n_calendars = count;
	rc = installation_declare(&in, out, err);
	for (size_t i = 0; rc == 0 && i < out->count; i++) {
		const char *code = out->things[i].code;
		const struct thing *found = thing_find(stored, THING_CALENDAR, code);
		struct thing *here = found != NULL ? (struct thing *)(uintptr_t)found
		                                   : thing_add(stored, THING_CALENDAR, code);

		if (here == NULL)
			return error_set(
			        err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		*here = out->things[i];
		thing_sort(stored);
	}
	return rc;
}

/* Holidays and special days as plan_parse takes them. */
static void exceptions_text(const struct thing *thing, struct buf *out)
{
	const struct calendar_terms *terms = thing->terms.calendar;

	buf_printf(out, "%s", thing_text(thing, CALENDAR_HOLIDAYS));
	for (size_t i = 0; i < terms->special_count; i++) {
		int64_t year;
		int month, day;

		time_civil_from_days(terms->special_dates[i], &year, &month, &day);
		buf_printf(out, "%s%04d-%02d-%02d %s", out->len > 0 ? "; " : "", (int)year,
		        month, day, terms->special_spans[i]);
	}
}

static int make_calendar(const struct thing *thing, struct calendar **out)
{
	struct buf exceptions = {0};
	struct calendar_plan plan = {0};
	struct otk_error why; /* nothing is: it was checked when it was declared */
	int rc;

	exceptions_text(thing, &exceptions);
	rc = exceptions.failed ? -OTK_RESOURCE_EXHAUSTED
	                       : plan_parse(thing_text(thing, CALENDAR_ZONE),
	                                 thing_text(thing, CALENDAR_WEEK),
	                                 buf_text(&exceptions), &plan, &why);
	buf_free(&exceptions);
	if (rc < 0)
		return rc;
	rc = plan_parse_rules(thing_text(thing, CALENDAR_RULES), &plan, &why);
	if (rc == 0)
		rc = calendar_new(&plan, out, &why);
	plan_release(&plan);
	return rc;
}

/* One that has always been as it is. */
static int make_history(
        const struct thing *thing, struct arena *arena, struct ref_calendar *calendar)
{
	struct calendar_edition *edition = arena_calloc(arena, 1, sizeof *edition);
	int rc;

	calendar->history = arena_calloc(arena, 1, sizeof *calendar->history);
	calendar->zone = arena_strdup(arena, thing_text(thing, CALENDAR_ZONE));
	if (edition == NULL || calendar->history == NULL || calendar->zone == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	rc = make_calendar(thing, &edition->calendar);
	if (rc < 0)
		return rc;
	*calendar->history = (struct calendar_history){.editions = edition, .count = 1};
	strncpy(calendar->code, thing->code, CODE_MAX);
	return 0;
}

int draft_calendars_make(const struct reference *live, const struct thing_list *calendars,
        struct arena *arena, struct draft *out)
{
	size_t count = live->calendar_count;
	struct ref_calendar *all =
	        arena_calloc(arena, count + calendars->count + 1, sizeof *all);
	int32_t last = count == 0 ? 0 : live->calendars[count - 1].id;

	if (all == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	if (count > 0)
		memcpy(all, live->calendars, count * sizeof *all);
	out->calendars = &all[count];
	for (size_t i = 0; i < calendars->count; i++) {
		struct ref_calendar *calendar = &all[count + i];
		int rc;

		calendar->id = ++last;
		rc = make_history(&calendars->things[i], arena, calendar);
		if (rc < 0)
			return rc;
		out->calendar_count++;
	}
	out->ref.calendars = all;
	out->ref.calendar_count = count + calendars->count;
	return 0;
}

const struct ref_calendar *draft_calendar(const struct draft *draft, const char *code)
{
	/* The draft's own come last and are meant first. */
	for (size_t i = draft->ref.calendar_count; i-- > 0;) {
		if (strcmp(draft->ref.calendars[i].code, code) == 0)
			return &draft->ref.calendars[i];
	}
	return NULL;
}

void draft_free(struct draft *draft)
{
	for (size_t i = 0; i < draft->calendar_count; i++)
		calendar_free(draft->calendars[i].history->editions[0].calendar);
	draft->calendar_count = 0;
}

/*
 * ExplainClock: how a clock came to its due time, from the ticket's whole journal.
 *
 *	explain_clock_begin → ticket_found → journal_read
 */
#include <string.h>

#include "base/time_text.h"
#include "base/tz.h"
#include "core/calendar_history.h"
#include "core/explain.h"
#include "core/lifecycle.h"
#include "core/sla.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"

/* A journal longer than this is not explained: no ticket of a person's making has one. */
enum { JOURNAL_MAX = 20000 };

struct explain {
	struct change change;
	struct event *events;
	size_t count;
	int64_t now;
	bool provider;
};

static enum step ticket_found(struct request *r);
static enum step journal_read(struct request *r);

enum step explain_clock_begin(struct request *r, const Otklik__V1__ExplainClockRequest *in)
{
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	struct otk_error err = {0};

	field_ticket_id(&err, "ticket_id", in->ticket_id);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	if (scope == NULL || unit == NULL || request_state(r, sizeof(struct explain)) == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, scope);
	load_calls(unit, &in->ticket_id, 1);
	return request_query(r, unit, ticket_found);
}

static enum step ticket_found(struct request *r)
{
	const Otklik__V1__ExplainClockRequest *in = (const void *)r->message;
	struct load_cursor rows = load_rows(r->unit, 0);
	struct explain *state = r->state;
	const struct ticket *ticket = &state->change.ticket;
	int rc = load_next(&rows, r->arena, desk_reference(r->service->desk), &state->change);
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (rc == 0)
		return caller_ticket_not_found(r, in->ticket_id);
	if (rc < 0 || unit == NULL)
		return request_no_memory(r);
	state->provider = caller_is_provider(r->principal, ticket->customer_id);
	db_unit_scope(
	        unit, desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ));
	/* All of it, the internal too: the sum must come out. What is told is sifted below. */
	db_call(unit, SQL_EVENT_JOURNAL);
	db_put_int(unit, ticket->customer_id);
	db_put_int(unit, ticket->ticket_id);
	db_put_int(unit, ticket->version);
	db_put_int(unit, JOURNAL_MAX + 1);
	return request_query(r, unit, journal_read);
}

/* ---- one clock ------------------------------------------------------------------------- */

static const char *actor_code(const struct reference *ref, int32_t id)
{
	const struct ref_principal *actor = id == 0 ? NULL : reference_principal(ref, id);

	return actor == NULL ? "system" : actor->code;
}

/* "holiday 2026-01-01: New Year", "special working day 2026-12-26". */
static char *day_text(struct request *r, const struct explain_interval *interval)
{
	const char *name = interval->name == NULL ? "" : interval->name;
	int64_t year;
	int month, day;

	time_civil_from_days(interval->date, &year, &month, &day);
	return arena_printf(r->arena, "%s%s %04d-%02d-%02d%s%s",
	        interval->kind == INTERVAL_CLOSED ? "outside of service hours; " : "",
	        interval->mark == MARK_SPECIAL ? "special working day" : "holiday", (int)year,
	        month, day, *name == '\0' ? "" : ": ", name);
}

static char *why(struct request *r, const struct explain_interval *interval)
{
	if (interval->mark != MARK_NONE)
		return day_text(r, interval);
	switch (interval->kind) {
	case INTERVAL_COUNTED:
		return (char *)(uintptr_t) "";
	case INTERVAL_CLOSED:
		return arena_strdup(r->arena, "outside of service hours");
	case INTERVAL_HOLIDAY:
		return arena_strdup(r->arena, "holiday");
	case INTERVAL_PAUSED:
		return arena_printf(
		        r->arena, "pending: %s", pending_reason_name(interval->pause));
	case INTERVAL_RESOLVED:
		break;
	}
	if (explain_silent(interval))
		return arena_strdup(r->arena, "nothing promised");
	return arena_strdup(r->arena, "resolved");
}

static int fill_intervals(
        struct request *r, const struct explanation *from, Otklik__V1__ClockExplanation *out)
{
	struct explain *state = r->state;
	Otklik__V1__ClockInterval *intervals =
	        arena_calloc(r->arena, from->count + 1, sizeof *intervals);

	out->intervals = arena_calloc(r->arena, from->count + 1, sizeof *out->intervals);
	if (intervals == NULL || out->intervals == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < from->count; i++) {
		const struct explain_interval *interval = &from->intervals[i];
		Otklik__V1__ClockInterval *to = &intervals[i];

		otklik__v1__clock_interval__init(to);
		to->kind = (Otklik__V1__IntervalKind)interval->kind;
		to->from_us = interval->from;
		to->to_us = interval->to;
		to->consumed_us = interval->consumed_us;
		to->why = why(r, interval);
		if (interval->mark != MARK_NONE && interval->name != NULL)
			to->day_name = arena_strdup(r->arena, interval->name);
		if (to->why == NULL || to->day_name == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		if (interval->kind == INTERVAL_PAUSED || interval->kind == INTERVAL_RESOLVED)
			to->actor = (char *)(uintptr_t)actor_code(
			        state->change.ref, interval->actor_id);
		out->intervals[out->n_intervals++] = to;
	}
	return 0;
}

static const char *level_state(const struct sla_clock *clock, const struct clock_level *level)
{
	if (level->state == LEVEL_FIRED)
		return "fired";
	if (level->state == LEVEL_SKIPPED)
		return "skipped";
	return clock_is_open(clock) ? "armed" : "void";
}

static int64_t fired_at(const struct explain *state, enum clock_kind kind, int number)
{
	for (size_t i = state->count; i-- > 0;) {
		const struct event *e = &state->events[i];

		if (e->kind == EVENT_LEVEL_FIRED && e->clock == (int)kind && e->level == number)
			return e->occurred_at;
	}
	return 0;
}

static int fill_levels(
        struct request *r, const struct sla_clock *clock, Otklik__V1__ClockExplanation *out)
{
	const struct explain *state = r->state;
	Otklik__V1__ClockLevel *levels = arena_calloc(r->arena, LEVELS_MAX, sizeof *levels);

	out->levels = arena_calloc(r->arena, LEVELS_MAX, sizeof *out->levels);
	if (levels == NULL || out->levels == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int i = 0; i < clock->level_count; i++) {
		const struct clock_level *level = &clock->levels[i];
		const struct ref_level *written = sla_level(&state->change, clock->kind, i + 1);

		if (written == NULL) /* of a version that it was under before */
			continue;
		otklik__v1__clock_level__init(&levels[i]);
		levels[i].number = (uint32_t)i + 1;
		levels[i].spec = written == NULL ? levels[i].spec : written->text;
		levels[i].at_us = level->at;
		levels[i].state = (char *)(uintptr_t)level_state(clock, level);
		if (level->state == LEVEL_FIRED)
			levels[i].fired_at_us = fired_at(state, clock->kind, i + 1);
		out->levels[out->n_levels++] = &levels[i];
	}
	return 0;
}

static bool tells_of_due(const struct event *e, enum clock_kind kind)
{
	return e->clock == (int)kind &&
	       ((e->kind >= EVENT_CLOCK_STARTED && e->kind <= EVENT_CLOCK_VOIDED) ||
	               e->kind == EVENT_CLOCK_WAIVED);
}

/* What its life says of this clock's due and breach, as far as the caller may read it. */
static int fill_events(
        struct request *r, enum clock_kind kind, Otklik__V1__ClockExplanation *out)
{
	const struct explain *state = r->state;
	const struct ticket *ticket = &state->change.ticket;

	out->events = arena_calloc(r->arena, state->count + 1, sizeof *out->events);
	if (out->events == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < state->count; i++) {
		const struct event *e = &state->events[i];
		Otklik__V1__TicketEvent *event;

		if (!tells_of_due(e, kind) || (!e->is_public && !state->provider))
			continue;
		event = arena_alloc(r->arena, sizeof *event);
		if (event == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		otklik__v1__ticket_event__init(event);
		convert_event(
		        state->change.ref, ticket->customer_id, ticket->ticket_id, e, event);
		out->events[out->n_events++] = event;
	}
	return 0;
}

static int fill_clock(
        struct request *r, const struct sla_clock *clock, Otklik__V1__ClockExplanation *out)
{
	const struct explain *state = r->state;
	const struct reference *ref = state->change.ref;
	const struct ref_calendar *calendar = reference_calendar(ref, clock->calendar_id);
	struct explanation explanation;
	int rc = explain_clock(&state->change, clock->kind, state->events, state->count,
	        state->now, r->arena, &explanation);

	if (rc < 0)
		return rc;
	out->clock = arena_alloc(r->arena, sizeof *out->clock);
	if (out->clock == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	otklik__v1__clock__init(out->clock);
	rc = convert_clock(r->arena, clock, state->provider, out->clock);
	if (rc < 0)
		return rc;
	out->clock->consumed_us = explanation.consumed_us;
	out->calendar = calendar == NULL ? out->calendar : (char *)(uintptr_t)calendar->code;
	out->zone = calendar == NULL || calendar->zone == NULL ? out->zone : calendar->zone;
	out->until_us = explanation.until;
	out->added_due_us = explanation.due_at;
	rc = fill_intervals(r, &explanation, out);
	if (rc == 0 && state->provider)
		rc = fill_levels(r, clock, out);
	return rc < 0 ? rc : fill_events(r, clock->kind, out);
}

/* ---- the reply ------------------------------------------------------------------------- */

static int read_events(struct request *r, const struct db_rows *rows)
{
	struct explain *state = r->state;

	state->count = db_rows_count(rows);
	state->events = arena_calloc(r->arena, state->count + 1, sizeof *state->events);
	if (state->events == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < state->count; i++)
		load_event(rows, i, &state->events[i]);
	return 0;
}

static int fill(struct request *r, Otklik__V1__ExplainClockResponse *out)
{
	const Otklik__V1__ExplainClockRequest *in = (const void *)r->message;
	const struct explain *state = r->state;
	const struct change *change = &state->change;

	out->now_us = state->now;
	out->ticket = convert_ticket(
	        r->arena, change->ref, &change->ticket, change->clocks, state->provider);
	out->clocks = arena_calloc(r->arena, CLOCK_KIND_COUNT, sizeof *out->clocks);
	if (out->ticket == NULL || out->clocks == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int kind = 1; kind < CLOCK_KIND_COUNT; kind++) {
		Otklik__V1__ClockExplanation *clock;
		int rc;

		if (change->clocks[kind].state == CLOCK_NONE ||
		        (kind > CLOCK_RESOLUTION && !state->provider) ||
		        (in->clock != 0 && (int)in->clock != kind))
			continue;
		clock = arena_alloc(r->arena, sizeof *clock);
		if (clock == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		otklik__v1__clock_explanation__init(clock);
		rc = fill_clock(r, &change->clocks[kind], clock);
		if (rc < 0)
			return rc;
		out->clocks[out->n_clocks++] = clock;
	}
	return 0;
}

static enum step journal_read(struct request *r)
{
	struct explain *state = r->state;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__ExplainClockResponse out = OTKLIK__V1__EXPLAIN_CLOCK_RESPONSE__INIT;
	int rc;

	if (db_rows_count(rows) > JOURNAL_MAX)
		return request_error(r, OTK_OUT_OF_RANGE, "JOURNAL_TOO_LONG",
		        "the ticket has more than %d journal entries", JOURNAL_MAX);
	state->now = r->now > state->change.ticket.updated_at ? r->now
	                                                      : state->change.ticket.updated_at;
	rc = read_events(r, rows);
	if (rc == 0)
		rc = fill(r, &out);
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return request_no_memory(r);
	if (rc < 0)
		return request_error(r, (enum otk_status) - rc, "NOT_EXPLAINED",
		        "the clock cannot be explained: %s",
		        status_name((enum otk_status) - rc));
	return explain_clock_reply(r, &out);
}

/*
 * SimulateContract: the draft is read as an apply would read it, then every ticket of the span
 * is lived again under it and under what it was under.
 *
 *	simulation_begin → stored_read → counted → events_read (row by row) → told
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "compute/draft.h"
#include "compute/past.h"
#include "compute/run.h"
#include "compute/tell.h"
#include "core/simulate.h"
#include "core/simulation.h"
#include "db/pool.h"
#include "rpc/installation_declare.h"
#include "sql/statements.h"

enum { TICKETS_MAX = 1000000, PROGRESS_EVERY = 256, HISTORY_DAYS = 90, READ_MS = 60000 };
#define PROGRESS_US INT64_C(500000)
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)
#define TICKET_BUDGET ((size_t)256 * 1024 * 1024)

struct simulating {
	struct run *run;
	const Otklik__V1__SimulateContractRequest *in;
	struct draft draft;
	struct past past;
	struct arena *arena; /* of one ticket */
	struct simulation by_draft;
	struct simulation by_in_force;
	struct told told;
	Otklik__V1__SimulationSummary summary;
	int64_t done;
	int64_t total;
	int64_t told_at;
	int64_t left_out;
};

static void stored_read(void *context, struct db_unit *unit);
static void counted(struct run *run);
static void events_read(struct run *run);

void simulation_free(struct run *run)
{
	struct simulating *s = run->state;

	if (s == NULL)
		return;
	simulation_clear(&s->by_draft);
	simulation_clear(&s->by_in_force);
	draft_free(&s->draft);
	past_free(&s->past);
	arena_free(s->arena);
	free(s);
	run->state = NULL;
}

static int64_t from_of(int64_t to, int64_t history)
{
	if (history == 0)
		history = HISTORY_DAYS * DAY_US;
	return to > history ? to - history : 0;
}

void simulation_begin(struct run *run)
{
	struct simulating *s = calloc(1, sizeof *s);
	struct db_unit *unit = db_unit_new(run->arena, DB_READ);

	run->state = s;
	if (s == NULL || unit == NULL) {
		run_no_memory(run);
		return;
	}
	s->run = run;
	s->in = (const void *)run->job->message;
	s->arena = arena_new(TICKET_BUDGET);
	otklik__v1__simulation_summary__init(&s->summary);
	s->summary.to_us = s->in->to_us != 0 ? s->in->to_us : run->job->now;
	s->summary.from_us = s->in->from_us;
	if (s->summary.from_us == 0)
		s->summary.from_us = from_of(s->summary.to_us, s->in->history_us);
	if (s->arena == NULL) {
		run_no_memory(run);
		return;
	}
	installation_read_calls(unit, NULL, 0);
	db_pool_submit(run->pool, unit, READ_MS, stored_read, s);
}

/* --- the draft ---------------------------------------------------------------------------- */

static void note(struct simulating *s, const char *text)
{
	if (text != NULL)
		s->summary.notes[s->summary.n_notes++] = (char *)(uintptr_t)text;
}

/* Room for all that is remarked: what the contract lacks, its calendar, what was left out. */
static int make_notes(struct simulating *s, const struct declare_warning *warnings,
        size_t count, const struct thing *contract)
{
	struct arena *arena = s->run->arena;

	s->summary.notes = arena_calloc(arena, count + 2, sizeof *s->summary.notes);
	if (s->summary.notes == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count; i++)
		note(s, arena_printf(arena, "%s: %s", warnings[i].field, warnings[i].text));
	if (s->in->n_calendars > 0)
		note(s, arena_printf(arena,
		                "calendar: '%s' is the draft's own; apply it before the "
		                "contract",
		                thing_text(contract, CONTRACT_CALENDAR)));
	return 0;
}

/* Calendars that the contract does not count by would say nothing. */
static int check_used(
        const struct thing_list *calendars, const struct thing *contract, struct otk_error *err)
{
	const char *code = thing_text(contract, CONTRACT_CALENDAR);

	for (size_t i = 0; i < calendars->count; i++) {
		if (strcmp(calendars->things[i].code, code) == 0)
			return 0;
	}
	return calendars->count == 0 ? 0
	                             : error_field(err, "calendars",
	                                       "the contract counts by '%s', which is none of "
	                                       "these",
	                                       code);
}

static int make_draft(struct simulating *s, const struct db_unit *unit, struct otk_error *err)
{
	struct run *run = s->run;
	struct thing_list stored = {.arena = run->arena}, declared = {.arena = run->arena};
	struct thing_list calendars = {.arena = run->arena};
	const struct declare_warning *warnings;
	size_t count;
	int64_t epoch;
	const char *name;
	int rc = installation_read(unit, 0, &stored, &epoch, &name, err);

	if (rc == 0) {
		thing_sort(&stored);
		rc = draft_calendars_declare(
		        s->in->calendars, s->in->n_calendars, &stored, &calendars, err);
	}
	if (rc == 0)
		rc = contract_declare(
		        s->in->contract, &stored, &declared, &warnings, &count, err);
	if (rc == 0)
		rc = check_used(&calendars, &declared.things[0], err);
	if (rc != 0)
		return rc;
	if (make_notes(s, warnings, count, &declared.things[0]) != 0)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return draft_make(
	        run->ref, &declared.things[0], &calendars, run->arena, &s->draft, err);
}

/* The draft and what its customer had or has are laid side by side. */
static int tell_apart(struct simulating *s)
{
	const struct reference *ref = &s->draft.ref;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ref->contract_count; i++) {
		if (ref->contracts[i].customer_id != s->draft.contract->customer_id)
			continue;
		rc = simulation_tell_apart(&s->by_draft, &ref->contracts[i]);
		if (rc == 0)
			rc = simulation_tell_apart(&s->by_in_force, &ref->contracts[i]);
	}
	return rc;
}

static struct db_unit *span_unit(struct simulating *s, int statement)
{
	struct db_unit *unit = run_unit(s->run, statement);

	if (unit == NULL)
		return NULL;
	db_put_int(unit, s->draft.contract->customer_id);
	db_put_time(unit, s->summary.from_us);
	db_put_time(unit, s->summary.to_us);
	return unit;
}

static void count_came(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct run *run = context;
	struct simulating *s = run->state;

	(void)stream;
	s->total = db_get_int(rows, 0, 0);
}

static void stored_read(void *context, struct db_unit *unit)
{
	struct simulating *s = context;
	struct run *run = s->run;
	struct otk_error err = *db_unit_error(unit);

	if (err.code == OTK_OK && make_draft(s, unit, &err) != 0 && err.code == OTK_OK)
		(void)error_set(&err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (err.code != OTK_OK) {
		run_fail(run, &err);
		return;
	}
	if (tell_apart(s) != 0) {
		run_no_memory(run);
		return;
	}
	s->told.draft = &s->draft;
	run_query(run, span_unit(s, SQL_SIMULATION_COUNT), count_came, counted);
}

/* --- the past ----------------------------------------------------------------------------- */

/* Begun under a version (0: none), told as of a contract. */
static int add(struct simulating *s, struct simulation *sum, int32_t version,
        const struct ref_contract *contract, struct otk_error *err)
{
	struct simulated ticket;
	int rc;

	arena_reset(s->arena);
	rc = simulate_ticket(&s->draft.ref, version, s->past.events, s->past.count,
	        s->summary.to_us, s->arena, &ticket, err);
	if (rc == 0 && simulation_add(sum, &s->draft.ref, contract, &ticket) != 0)
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "HISTORY_TOO_LONG",
		        "there is more history than a simulation can hold; ask for less of it");
	return rc;
}

static void note_in_force(struct simulating *s, const struct ref_contract *contract)
{
	s->told.in_force_differ = s->told.in_force_differ ||
	                          (s->told.in_force != NULL && s->told.in_force != contract);
	if (s->told.in_force == NULL || contract->id > s->told.in_force->id)
		s->told.in_force = contract;
}

/* Lives the gathered ticket again, under both. */
static void ticket_gathered(struct simulating *s)
{
	struct run *run = s->run;
	const struct ref_contract *in_force;
	const struct event *created = s->past.events;
	int32_t version;
	struct otk_error err = {0};
	int rc = 0;

	if (s->past.ticket_id == 0 || run->over)
		return;
	s->done++;
	if (s->past.too_long) {
		s->left_out++;
		return;
	}
	if (!draft_covers(&s->draft, created->site_id, created->service_id, run->job->now)) {
		s->summary.uncovered++;
		return;
	}
	rc = add(s, &s->by_draft, s->draft.contract->id, s->draft.contract, &err);
	in_force = draft_in_force(&s->draft, run->ref, created, run->job->now);
	version = in_force == NULL ? 0 : in_force->id;
	if (in_force == NULL)
		in_force = draft_applied(&s->draft, s->past.events, s->past.count);
	if (rc == 0 && in_force != NULL) {
		note_in_force(s, in_force);
		rc = add(s, &s->by_in_force, version, in_force, &err);
	}
	if (rc != 0)
		run_fail(run, &err);
}

static void tell_progress(struct simulating *s)
{
	Otklik__V1__SimulateContractResponse item =
	        OTKLIK__V1__SIMULATE_CONTRACT_RESPONSE__INIT;
	int64_t now = clock_monotonic();

	if (now - s->told_at < PROGRESS_US)
		return;
	s->told_at = now;
	item.tickets_done = s->done;
	item.tickets_total = s->total;
	(void)run_tell(s->run, &item.base);
}

static void event_came(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct run *run = context;
	struct simulating *s = run->state;
	int64_t ticket = past_ticket(rows);

	(void)stream;
	if (ticket != s->past.ticket_id) {
		ticket_gathered(s);
		past_begin(&s->past, ticket);
		if (s->done % PROGRESS_EVERY == 0)
			tell_progress(s);
	}
	if (!run->over && past_add(&s->past, rows) != 0)
		run_no_memory(run);
}

static void counted(struct run *run)
{
	struct simulating *s = run->state;
	struct otk_error err;

	if (s->total == 0) {
		(void)error_set(&err, OTK_FAILED_PRECONDITION, "NO_HISTORY",
		        "the customer has no tickets of that time: there is nothing to live "
		        "again; look further back");
		run_fail(run, &err);
		return;
	}
	if (s->total > TICKETS_MAX) {
		(void)error_set(&err, OTK_OUT_OF_RANGE, "HISTORY_TOO_LONG",
		        "%lld tickets were made in that time; at most %d are simulated",
		        (long long)s->total, TICKETS_MAX);
		run_fail(run, &err);
		return;
	}
	s->told_at = clock_monotonic();
	run_query(run, span_unit(s, SQL_SIMULATION_EVENTS), event_came, events_read);
}

static void events_read(struct run *run)
{
	struct simulating *s = run->state;

	ticket_gathered(s);
	if (run->over)
		return;
	if (s->left_out > 0)
		note(s, arena_printf(run->arena,
		                "%lld tickets with more than %d entries are left out",
		                (long long)s->left_out, PAST_EVENTS_MAX));
	simulation_finish(&s->by_draft);
	simulation_finish(&s->by_in_force);
	s->told.by_draft = &s->by_draft;
	s->told.by_in_force = &s->by_in_force;
	s->told.summary = &s->summary;
	tell_simulation(run, &s->told);
}

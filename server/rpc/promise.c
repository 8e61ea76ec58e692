/*
 * PromiseTicket, and GetPromiseRecord: what was promised, how often such promises were kept,
 * and what another one would be.
 *
 *	promise_ticket_begin → ticket_command.c → promise_reply
 *	get_promise_record_begin → ticket_found → record_read
 */
#include <string.h>

#include "base/text.h"
#include "core/lifecycle.h"
#include "core/promise.h"
#include "core/statistics.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "rpc/ticket_command.h"
#include "rpc/ticket_write.h"
#include "sql/statements.h"

#define RECORD_SPAN_US (INT64_C(366) * 86400 * 1000000)

/* Of the ledger and of each group of tickets at most so many, the newest; of too few tickets a
 * share says little. */
enum { LEDGER_MAX = 500, GROUP_MAX = 300, ENOUGH = 10 };

/* ---- entries --------------------------------------------------------------------------- */

static char *borrow(const char *text)
{
	return (char *)(uintptr_t)(text == NULL ? "" : text);
}

static Otklik__V1__PromiseMove move_of(const struct event *e)
{
	if (e->until_at == 0)
		return OTKLIK__V1__PROMISE_MOVE__PROMISE_MOVE_WITHDRAWN;
	if ((e->flags & PROMISE_FIRST) != 0)
		return OTKLIK__V1__PROMISE_MOVE__PROMISE_MOVE_FIRST;
	if ((e->flags & PROMISE_LATER) != 0)
		return OTKLIK__V1__PROMISE_MOVE__PROMISE_MOVE_LATER;
	return (e->flags & PROMISE_EARLIER) != 0
	               ? OTKLIK__V1__PROMISE_MOVE__PROMISE_MOVE_EARLIER
	               : OTKLIK__V1__PROMISE_MOVE__PROMISE_MOVE_AGAIN;
}

static void fill_promised(const struct event *e, bool provider, Otklik__V1__PromiseEntry *out)
{
	out->move = move_of(e);
	out->promise_at_us = e->until_at;
	out->old_promise_at_us = e->old_due_at;
	out->lead_us = e->old_due_at == 0 ? 0 : e->old_due_at - e->occurred_at;
	out->by_customer = e->cause == CAUSE_CUSTOMER_ASKED;
	out->cited_seq = e->related_id > 0 ? e->related_id : 0;
	out->offensive = (e->flags & PROMISE_OFFENSIVE) != 0;
	out->after_date = (e->flags & PROMISE_AFTER_DATE) != 0;
	out->warn_at_us = provider ? e->due_at : 0;
	out->reason = borrow(e->text);
}

static Otklik__V1__PromiseEntry *entry_new(
        struct arena *arena, const struct reference *ref, const struct event *e, bool provider)
{
	const struct ref_principal *actor =
	        e->actor_id == 0 ? NULL : reference_principal(ref, e->actor_id);
	Otklik__V1__PromiseEntry *out = arena_alloc(arena, sizeof *out);

	if (out == NULL)
		return NULL;
	otklik__v1__promise_entry__init(out);
	out->seq = e->seq;
	out->kind = (Otklik__V1__EventKind)e->kind;
	out->occurred_at_us = e->occurred_at;
	out->actor = borrow(actor == NULL ? "system" : actor->code);
	if (e->kind == EVENT_PROMISED)
		fill_promised(e, provider, out);
	else
		out->old_promise_at_us = e->old_due_at;
	return out;
}

static const struct event *last_promised(const struct change *c)
{
	for (size_t i = c->event_count; i-- > 0;) {
		if (c->events[i].kind == EVENT_PROMISED)
			return &c->events[i];
	}
	return NULL;
}

/* ---- PromiseTicket --------------------------------------------------------------------- */

static enum step promise_reply(struct request *r, Otklik__V1__Ticket *ticket)
{
	Otklik__V1__PromiseTicketResponse out = OTKLIK__V1__PROMISE_TICKET_RESPONSE__INIT;
	const struct ticket_write *write = r->state;
	const struct event *e = last_promised(&write->change);

	out.ticket = ticket;
	if (e != NULL) {
		out.entry = entry_new(r->arena, write->change.ref, e, true);
		if (out.entry == NULL)
			return request_no_memory(r);
	}
	return promise_ticket_reply(r, &out);
}

enum step promise_ticket_begin(struct request *r, const Otklik__V1__PromiseTicketRequest *in)
{
	struct ticket_call call = {
	        .ticket_id = in->ticket_id,
	        .expected_version = in->expected_version,
	        .command = {.verb = VERB_PROMISE,
	                .text = text_is_blank(in->text) ? NULL : in->text,
	                .promise_at = in->promise_at_us,
	                .withdraw = in->withdraw,
	                .cited_seq = in->at_request_seq},
	        .reply = promise_reply,
	};
	const struct otk_error err = {0};

	return ticket_command(r, &call, &err);
}

/* ---- GetPromiseRecord ------------------------------------------------------------------ */

struct record {
	struct change change;
	struct event cited; /* seq 0: there is none */
	bool provider;
};

/* Of the first unit, behind load_calls; of the second. */
enum { CALL_CITED = LOAD_CALLS, CALL_LEDGER = 0, CALL_RECORD = 1 };

/* Columns of promise_record. */
enum { COL_PLACE, COL_FIRST_N, COL_FIRST_KEPT, COL_LAST_N, COL_LAST_KEPT, COL_SLIP };

static enum step ticket_found(struct request *r);
static enum step record_read(struct request *r);

static struct db_unit *scoped_unit(struct request *r)
{
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);
	struct db_unit *unit = scope == NULL ? NULL : db_unit_new(r->arena, DB_READ);

	if (unit != NULL)
		db_unit_scope(unit, scope);
	return unit;
}

enum step get_promise_record_begin(
        struct request *r, const Otklik__V1__GetPromiseRecordRequest *in)
{
	struct db_unit *unit = scoped_unit(r);
	struct otk_error err = {0};

	field_ticket_id(&err, "ticket_id", in->ticket_id);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	if (unit == NULL || request_state(r, sizeof(struct record)) == NULL)
		return request_no_memory(r);
	load_calls(unit, &in->ticket_id, 1);
	db_call(unit, SQL_EVENT_CITED);
	db_put_int(unit, in->ticket_id);
	db_put_int(unit, in->at_request_seq);
	return request_query(r, unit, ticket_found);
}

/* What the move would be: the rule itself, in memory. */
static int preview(
        struct request *r, Otklik__V1__GetPromiseRecordResponse *out, struct otk_error *err)
{
	const Otklik__V1__GetPromiseRecordRequest *in = (const void *)r->message;
	struct record *state = r->state;
	struct change after = state->change;
	const struct ticket *t = &state->change.ticket;
	struct command command = {
	        .verb = VERB_PROMISE,
	        .actor = caller_actor(r->principal, t->customer_id),
	        .text = "?", /* the reason may still come */
	        .promise_at = in->promise_at_us,
	        .withdraw = in->withdraw,
	        .cited_seq = in->at_request_seq,
	        .cited = state->cited.seq == 0 ? NULL : &state->cited,
	};
	int64_t now = ticket_write_now(r, t);
	const struct event *e;
	int rc = lifecycle_apply(&after, &command, now, err);

	if (rc < 0)
		return rc;
	e = last_promised(&after);
	out->preview = entry_new(r->arena, after.ref, e, state->provider);
	if (out->preview == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
		        "out of memory for this request");
	out->preview->seq = 0;
	out->preview->reason = borrow(NULL);
	if (e->old_due_at != 0)
		out->preview->notice_us = promise_notice_us(e->old_due_at - t->promise_given_at,
		        promise_cadence(&state->change, now));
	return 0;
}

/* How tickets like it fared, as far as the caller may see them. */
static void ask_record(struct request *r, struct db_unit *unit, const struct ticket *t)
{
	const struct access *access = &r->principal->access;
	bool all = access_is_global(access, PERMISSION_TICKET_READ);
	int32_t ids[ACCESS_GRANTS_MAX];
	int64_t customers[ACCESS_GRANTS_MAX];
	size_t count;

	db_call(unit, all ? SQL_PROMISE_RECORD : SQL_PROMISE_RECORD_OF);
	db_put_int(unit, t->type);
	db_put_int(unit, t->priority);
	db_put_int_if(unit, t->service_id != 0, t->service_id);
	db_put_int_if(unit, t->team_id != 0, t->team_id);
	db_put_int(unit, t->ticket_id);
	db_put_time(unit, r->now - RECORD_SPAN_US);
	db_put_time(unit, r->now);
	db_put_int(unit, GROUP_MAX);
	if (all)
		return;
	count = access_customers(access, PERMISSION_TICKET_READ, ids, ACCESS_GRANTS_MAX);
	for (size_t i = 0; i < count; i++)
		customers[i] = ids[i];
	db_put_ints(unit, DB_INT4, customers, count);
}

static enum step ticket_found(struct request *r)
{
	const Otklik__V1__GetPromiseRecordRequest *in = (const void *)r->message;
	struct load_cursor rows = load_rows(r->unit, 0);
	struct record *state = r->state;
	const struct ticket *t = &state->change.ticket;
	int rc = load_next(&rows, r->arena, desk_reference(r->service->desk), &state->change);
	struct db_unit *unit = scoped_unit(r);

	if (rc == 0)
		return caller_ticket_not_found(r, in->ticket_id);
	if (rc < 0 || unit == NULL)
		return request_no_memory(r);
	if (db_rows_count(db_unit_rows(r->unit, CALL_CITED)) > 0)
		load_event(db_unit_rows(r->unit, CALL_CITED), 0, &state->cited);
	state->provider = caller_is_provider(r->principal, t->customer_id);
	if ((in->promise_at_us != 0 || in->withdraw) &&
	        !access_may(&r->principal->access, PERMISSION_TICKET_WORK, t->customer_id))
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "you may read this ticket, but not promise anything of it");
	db_call(unit, SQL_PROMISE_LEDGER);
	db_put_int(unit, t->customer_id);
	db_put_int(unit, t->ticket_id);
	db_put_int(unit, LEDGER_MAX);
	db_put_bool(unit, state->provider);
	if (state->provider)
		ask_record(r, unit, t);
	return request_query(r, unit, record_read);
}

static int fill_ledger(struct request *r, Otklik__V1__GetPromiseRecordResponse *out)
{
	const struct record *state = r->state;
	const struct db_rows *rows = db_unit_rows(r->unit, CALL_LEDGER);
	size_t count = db_rows_count(rows);

	out->entries = arena_calloc(r->arena, count + 1, sizeof *out->entries);
	if (out->entries == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = count; i-- > 0;) { /* they come newest first */
		struct event e;
		Otklik__V1__PromiseEntry *entry;

		load_event(rows, i, &e);
		entry = entry_new(r->arena, state->change.ref, &e, state->provider);
		if (entry == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		out->entries[out->n_entries++] = entry;
	}
	out->truncated = count > 0 && state->change.ticket.promise_first_at != 0 &&
	                 out->entries[0]->move != OTKLIK__V1__PROMISE_MOVE__PROMISE_MOVE_FIRST;
	return 0;
}

/* The narrowest group that says enough, else that of most tickets; SIZE_MAX: none. */
static size_t choose_group(const struct db_rows *rows)
{
	size_t chosen = SIZE_MAX;
	int64_t most = 0;

	for (size_t i = 0; i < db_rows_count(rows); i++) {
		int64_t n = db_get_int(rows, i, COL_FIRST_N);

		if (n <= most)
			continue;
		chosen = i;
		most = n;
		if (n >= ENOUGH)
			break;
	}
	return chosen;
}

static char *describe(struct request *r, Otklik__V1__PromiseGroup group)
{
	const struct record *state = r->state;
	const struct reference *ref = state->change.ref;
	const struct ticket *t = &state->change.ticket;
	const struct ref_service *service = reference_service(ref, t->service_id);
	const struct ref_team *team = reference_team(ref, t->team_id);
	const char *type = ticket_type_name(t->type);

	switch (group) {
	case OTKLIK__V1__PROMISE_GROUP__PROMISE_GROUP_SERVICE:
		return arena_printf(r->arena, "%s P%d of service %s", type, (int)t->priority,
		        service == NULL ? "?" : service->code);
	case OTKLIK__V1__PROMISE_GROUP__PROMISE_GROUP_TEAM:
		return arena_printf(r->arena, "%s P%d of team %s", type, (int)t->priority,
		        team == NULL ? "?" : team->code);
	case OTKLIK__V1__PROMISE_GROUP__PROMISE_GROUP_PRIORITY:
		return arena_printf(r->arena, "%s P%d", type, (int)t->priority);
	default:
		return arena_printf(r->arena, "%s of any priority", type);
	}
}

static int fill_record(struct request *r, Otklik__V1__GetPromiseRecordResponse *out)
{
	const struct db_rows *rows = db_unit_rows(r->unit, CALL_RECORD);
	size_t i = choose_group(rows);
	struct share_interval first;
	struct share_interval last;
	Otklik__V1__PromiseRecord *record;

	if (i == SIZE_MAX)
		return 0;
	record = arena_alloc(r->arena, sizeof *record);
	if (record == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	otklik__v1__promise_record__init(record);
	record->group = (Otklik__V1__PromiseGroup)db_get_int(rows, i, COL_PLACE);
	record->description = describe(r, record->group);
	record->first_n = (uint32_t)db_get_int(rows, i, COL_FIRST_N);
	record->first_kept = (uint32_t)db_get_int(rows, i, COL_FIRST_KEPT);
	record->last_n = (uint32_t)db_get_int(rows, i, COL_LAST_N);
	record->last_kept = (uint32_t)db_get_int(rows, i, COL_LAST_KEPT);
	record->median_slip_us = db_get_int(rows, i, COL_SLIP);
	record->too_few = record->first_n < ENOUGH;
	record->since_us = r->now - RECORD_SPAN_US;
	first = wilson_interval(record->first_kept, record->first_n);
	last = wilson_interval(record->last_kept, record->last_n);
	record->first_low = first.low;
	record->first_high = first.high;
	record->last_low = last.low;
	record->last_high = last.high;
	out->record = record;
	return record->description == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;
}

static enum step record_read(struct request *r)
{
	const Otklik__V1__GetPromiseRecordRequest *in = (const void *)r->message;
	const struct record *state = r->state;
	const struct change *change = &state->change;
	Otklik__V1__GetPromiseRecordResponse out =
	        OTKLIK__V1__GET_PROMISE_RECORD_RESPONSE__INIT;
	struct otk_error err = {0};

	out.now_us = ticket_write_now(r, &change->ticket);
	out.state = (Otklik__V1__PromiseState)promise_state_of(&change->ticket, out.now_us);
	out.ticket = convert_ticket(
	        r->arena, change->ref, &change->ticket, change->clocks, state->provider);
	if (out.ticket == NULL || fill_ledger(r, &out) < 0 ||
	        (state->provider && fill_record(r, &out) < 0))
		return request_no_memory(r);
	if ((in->promise_at_us != 0 || in->withdraw) && preview(r, &out, &err) < 0)
		return request_fail(r, &err);
	return get_promise_record_reply(r, &out);
}

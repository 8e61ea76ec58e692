/*
 * ApplyContractToTickets: open tickets put under another version, a page a call. The preview is
 * the same rule in memory, not saved; a ticket that is under the version already is passed
 *over, so a run that broke off is simply run again.
 *
 *	begin → page_read → tickets_read → tickets_saved
 *	                         ↑_______________| others were faster
 */
#include <stdlib.h>
#include <string.h>

#include "core/lifecycle.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "desk/save.h"
#include "otklik/v1/contract.pb-c.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { PAGE = SAVE_ITEMS_MAX, TICKETS_MAX = 1000, ATTEMPTS_MAX = 32 };

/* One ticket of the page and what becomes of it. */
struct move {
	int64_t ticket_id;
	bool decided; /* nothing more is to be done */
	struct change change;
	struct save save;
	Otklik__V1__TicketMove out;
};

struct page {
	struct otk_error err;
	struct move moves[PAGE];
	size_t count;
	int64_t total;
	int64_t next; /* behind which the next page begins; 0: this was the last */
	char code[CODE_MAX + 1];
	int32_t version;
	struct desk_wait wait;
	unsigned attempts;
};

static enum step page_read(struct request *r);
static enum step tickets_load(struct request *r);
static enum step tickets_read(struct request *r);
static enum step tickets_saved(struct request *r);

/* A text of the schema is not const, though nobody writes to it. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static const struct ref_contract *target_of(const struct request *r)
{
	const struct page *page = r->state;
	const struct reference *ref = desk_reference(r->service->desk);

	return reference_contract_version(ref, page->code, page->version, r->now);
}

static int compare_ids(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* The page of the tickets that the caller named. */
static enum step named_page(
        struct request *r, const Otklik__V1__ApplyContractToTicketsRequest *in)
{
	struct page *page = r->state;
	int64_t *ids = arena_memdup(
	        r->arena, in->ticket_ids, in->n_ticket_ids * sizeof *in->ticket_ids);

	if (ids == NULL)
		return request_no_memory(r);
	qsort(ids, in->n_ticket_ids, sizeof *ids, compare_ids);
	for (size_t i = 0; i < in->n_ticket_ids; i++) {
		if (i > 0 && ids[i] == ids[i - 1])
			continue;
		page->total++;
		if (ids[i] <= in->after_ticket_id)
			continue;
		if (page->count == PAGE)
			page->next = page->moves[PAGE - 1].ticket_id;
		else
			page->moves[page->count++].ticket_id = ids[i];
	}
	return request_go(r, tickets_load);
}

/* The page of all open tickets under other versions of the contract. */
static enum step found_page(
        struct request *r, const struct ref_contract *contract, int64_t after)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_ADMIN);
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	int64_t *versions = arena_calloc(r->arena, ref->contract_count + 1, sizeof *versions);
	size_t count = 0;

	if (unit == NULL || scope == NULL || versions == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < ref->contract_count; i++) {
		const struct ref_contract *other = &ref->contracts[i];

		if (other != contract && strcmp(other->code, contract->code) == 0)
			versions[count++] = other->id;
	}
	db_unit_scope(unit, scope);
	db_call(unit, SQL_TICKET_UNDER_CONTRACTS);
	db_put_int(unit, contract->customer_id);
	db_put_ints(unit, DB_INT4, versions, count);
	db_put_int(unit, after);
	db_put_int(unit, PAGE + 1);
	return request_query(r, unit, page_read);
}

enum step apply_contract_to_tickets_begin(
        struct request *r, const Otklik__V1__ApplyContractToTicketsRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct page *page = request_state(r, sizeof *page);
	const struct ref_contract *contract;
	struct otk_error err = {0};

	if (ref == NULL)
		return caller_no_reference(r);
	if (page == NULL)
		return request_no_memory(r);
	if (in->n_ticket_ids > TICKETS_MAX)
		error_field(&err, "ticket_ids", "at most %d", TICKETS_MAX);
	for (size_t i = 0; i < in->n_ticket_ids && i < TICKETS_MAX; i++)
		field_ticket_id(&err, "ticket_ids", in->ticket_ids[i]);
	if (in->after_ticket_id < 0)
		error_field(&err, "after_ticket_id", "must be a ticket's number, or 0");
	field_text(&err, "reason", in->reason, TEXT_MAX);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	contract = reference_contract_version(ref, in->code, (int32_t)in->version, r->now);
	if (contract == NULL ||
	        !access_may(&r->principal->access, PERMISSION_ADMIN, contract->customer_id))
		return request_error(r, OTK_NOT_FOUND, "CONTRACT_NOT_FOUND",
		        "there is no contract '%.64s' with such a version", in->code);
	memcpy(page->code, contract->code, sizeof page->code);
	page->version = contract->version;
	if (in->n_ticket_ids > 0)
		return named_page(r, in);
	return found_page(r, contract, in->after_ticket_id);
}

static enum step page_read(struct request *r)
{
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct page *page = r->state;

	page->count = db_rows_count(rows);
	if (page->count > 0)
		page->total = db_get_int(rows, 0, 1);
	if (page->count > PAGE) {
		page->count = PAGE;
		page->next = db_get_int(rows, PAGE - 1, 0);
	}
	for (size_t i = 0; i < page->count; i++)
		page->moves[i].ticket_id = db_get_int(rows, i, 0);
	return request_go(r, tickets_load);
}

/* --- what becomes of a ticket ------------------------------------------------------------ */

static char *contract_name(struct request *r, const struct ref_contract *contract)
{
	return contract == NULL
	               ? text_of("")
	               : arena_printf(r->arena, "%s %d", contract->code, contract->version);
}

static const char *what_of(enum event_kind kind)
{
	return kind == EVENT_CLOCK_STARTED  ? "started"
	       : kind == EVENT_CLOCK_VOIDED ? "void"
	                                    : "retargeted";
}

/* The clocks that the change touched, with their dues before and after it. */
static int clocks_told(struct request *r, struct move *move, const struct sla_clock *before)
{
	const struct change *c = &move->change;
	Otklik__V1__ClockMove *items = arena_calloc(r->arena, CLOCK_KIND_COUNT, sizeof *items);

	move->out.n_clocks = 0;
	move->out.clocks = arena_calloc(r->arena, CLOCK_KIND_COUNT, sizeof *move->out.clocks);
	if (items == NULL || move->out.clocks == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		Otklik__V1__ClockMove *item = &items[kind];
		bool touched = false;

		otklik__v1__clock_move__init(item);
		for (size_t i = 0; i < c->event_count; i++) {
			const struct event *e = &c->events[i];

			if (e->clock != (int16_t)kind || e->cause != CAUSE_CONTRACT)
				continue;
			touched = true;
			item->what = text_of(what_of(e->kind));
		}
		item->clock = (Otklik__V1__ClockKind)kind;
		item->old_due_us = before[kind].due_at;
		item->new_due_us =
		        c->clocks[kind].state == CLOCK_VOID ? 0 : c->clocks[kind].due_at;
		item->breached =
		        before[kind].breached_at == 0 && c->clocks[kind].breached_at != 0;
		if (touched)
			move->out.clocks[move->out.n_clocks++] = item;
	}
	return 0;
}

static void skip(struct request *r, struct move *move, const char *why)
{
	move->decided = true;
	move->out.skipped = arena_strdup(r->arena, why);
	if (move->out.skipped == NULL)
		move->out.skipped = text_of("");
}

/* Applies the rule to a loaded ticket. 0 or -OTK_RESOURCE_EXHAUSTED. */
static int decide(struct request *r, struct move *move)
{
	const Otklik__V1__ApplyContractToTicketsRequest *in = (const void *)r->message;
	const struct ref_contract *to = target_of(r);
	struct change *c = &move->change;
	struct command command = {.verb = VERB_APPLY_CONTRACT,
	        .actor = caller_actor(r->principal, c->ticket.customer_id),
	        .text = *in->reason == '\0' ? NULL : in->reason,
	        .contract_id = to == NULL ? 0 : to->id};
	int64_t now = r->now > c->ticket.updated_at ? r->now : c->ticket.updated_at;
	struct sla_clock before[CLOCK_KIND_COUNT];
	struct otk_error err = {0};

	memcpy(before, c->clocks, sizeof before);
	move->out.title = c->ticket.title;
	move->out.from = contract_name(r, reference_contract(c->ref, c->ticket.contract_id));
	if (move->out.from == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	if (to == NULL || to->customer_id != c->ticket.customer_id)
		skip(r, move, "the contract is another customer's");
	else if (c->ticket.contract_id == to->id)
		skip(r, move, "it is under this version already");
	else if (lifecycle_apply(c, &command, now, &err) < 0)
		skip(r, move, err.message);
	else
		return clocks_told(r, move, before);
	return 0;
}

/* --- a page ------------------------------------------------------------------------------ */

static enum step answer(struct request *r)
{
	struct page *page = r->state;
	Otklik__V1__ApplyContractToTicketsResponse out =
	        OTKLIK__V1__APPLY_CONTRACT_TO_TICKETS_RESPONSE__INIT;

	out.tickets = arena_calloc(r->arena, page->count + 1, sizeof *out.tickets);
	if (out.tickets == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < page->count; i++)
		out.tickets[out.n_tickets++] = &page->moves[i].out;
	out.next_after_ticket_id = page->next;
	out.total = page->total;
	out.version = (uint32_t)page->version;
	return apply_contract_to_tickets_reply(r, &out);
}

/* Reads those of the page of which it is not decided yet. */
static enum step tickets_load(struct request *r)
{
	struct page *page = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_ADMIN);
	int64_t ids[PAGE];
	size_t count = 0;

	for (size_t i = 0; i < page->count; i++) {
		if (!page->moves[i].decided)
			ids[count++] = page->moves[i].ticket_id;
	}
	if (count == 0)
		return answer(r);
	if (++page->attempts > ATTEMPTS_MAX)
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the tickets; try again");
	if (unit == NULL || scope == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, scope);
	load_calls(unit, ids, count);
	return request_query(r, unit, tickets_read);
}

static struct move *move_of(struct page *page, int64_t ticket_id)
{
	for (size_t i = 0; i < page->count; i++) {
		if (page->moves[i].ticket_id == ticket_id)
			return &page->moves[i];
	}
	return NULL;
}

static void prepare_save(const struct request *r, struct move *move)
{
	memset(&move->save, 0, sizeof move->save);
	move->save.change = &move->change;
	move->save.principal_id = r->principal->id;
}

static enum step tickets_save(struct request *r)
{
	struct page *page = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_WRITE);
	struct save *saves[PAGE];
	size_t count = 0;

	for (size_t i = 0; i < page->count; i++) {
		if (page->moves[i].decided)
			continue;
		prepare_save(r, &page->moves[i]);
		saves[count++] = &page->moves[i].save;
	}
	if (count == 0)
		return answer(r);
	if (unit == NULL || save_call(unit, saves, count, false) < 0)
		return request_no_memory(r);
	return request_query(r, unit, tickets_saved);
}

static enum step tickets_read(struct request *r)
{
	const Otklik__V1__ApplyContractToTicketsRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	struct load_cursor rows = load_rows(r->unit, 0);
	struct page *page = r->state;
	struct change change;
	int rc;

	while ((rc = load_next(&rows, r->arena, ref, &change)) == 1) {
		struct move *move = move_of(page, change.ticket.ticket_id);

		if (move == NULL)
			continue;
		otklik__v1__ticket_move__init(&move->out);
		move->out.ticket_id = move->ticket_id;
		move->change = change;
		if (decide(r, move) < 0)
			return request_no_memory(r);
		move->decided = move->decided || in->dry_run;
	}
	if (rc < 0)
		return request_no_memory(r);
	for (size_t i = 0; i < page->count; i++) {
		struct move *move = &page->moves[i];

		if (move->out.ticket_id != 0)
			continue;
		otklik__v1__ticket_move__init(&move->out);
		move->out.ticket_id = move->ticket_id;
		skip(r, move, "there is no such ticket");
	}
	return in->dry_run ? answer(r) : tickets_save(r);
}

static void unlink_wait(struct request *r)
{
	struct page *page = r->state;

	desk_wait_leave(&page->wait);
}

static void woken(void *context)
{
	request_wake(context);
}

static enum step tickets_saved(struct request *r)
{
	struct page *page = r->state;
	struct save *saves[PAGE];
	struct move *moves[PAGE];
	bool stale = false;
	size_t count = 0;

	for (size_t i = 0; i < page->count; i++) {
		if (page->moves[i].decided)
			continue;
		moves[count] = &page->moves[i];
		saves[count++] = &page->moves[i].save;
	}
	save_outcomes(r->unit, 0, saves, count);
	for (size_t i = 0; i < count; i++) {
		switch (saves[i]->outcome) {
		case SAVE_DONE:
		case SAVE_DUPLICATE:
			moves[i]->decided = true;
			break;
		case SAVE_FOREIGN:
			skip(r, moves[i], "you may not do this for this customer any more");
			break;
		case SAVE_STALE_REFERENCE:
			stale = true;
			break;
		default:
			break;
		}
	}
	if (!stale)
		return request_go(r, tickets_load);
	request_on_cancel(r, unlink_wait);
	desk_reference_renew(r->service->desk, &page->wait, woken, r);
	return request_wait(r, tickets_load);
}

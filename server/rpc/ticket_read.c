/* GetTicket and ListEvents: what the caller may see of one ticket. */
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"
#include "wire/limits.h"

enum { EVENTS_DEFAULT = 200, EVENTS_MAX = 1000 };
/* Of a page, with room for what is around the entries; event_list reads little more. */
enum { REPLY_BYTES = WIRE_PAYLOAD_MAX - 1024, EVENT_FRAME_BYTES = 8 };

/* A read unit under the caller's scope; NULL when the arena is out. */
static struct db_unit *scoped_unit(struct request *r)
{
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);
	struct db_unit *unit = scope == NULL ? NULL : db_unit_new(r->arena, DB_READ);

	if (unit != NULL)
		db_unit_scope(unit, scope);
	return unit;
}

static enum step query_ticket(struct request *r, int64_t ticket_id, request_step *next)
{
	struct db_unit *unit = scoped_unit(r);

	if (unit == NULL)
		return request_no_memory(r);
	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	load_calls(unit, &ticket_id, 1);
	return request_query(r, unit, next);
}

/* ---- GetTicket ------------------------------------------------------------------------- */

static enum step ticket_found(struct request *r)
{
	const Otklik__V1__GetTicketRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	Otklik__V1__GetTicketResponse out = OTKLIK__V1__GET_TICKET_RESPONSE__INIT;
	struct load_cursor rows = load_rows(r->unit, 0);
	struct change change;
	int rc = load_next(&rows, r->arena, ref, &change);

	if (rc == 0)
		return caller_ticket_not_found(r, in->ticket_id);
	if (rc > 0)
		out.ticket = convert_ticket(r->arena, ref, &change.ticket, change.clocks,
		        caller_is_provider(r->principal, change.ticket.customer_id));
	if (out.ticket == NULL)
		return request_no_memory(r);
	return get_ticket_reply(r, &out);
}

enum step get_ticket_begin(struct request *r, const Otklik__V1__GetTicketRequest *in)
{
	struct otk_error err = {0};

	field_ticket_id(&err, "ticket_id", in->ticket_id);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	return query_ticket(r, in->ticket_id, ticket_found);
}

/* ---- ListEvents ------------------------------------------------------------------------ */

static uint32_t page_size(const Otklik__V1__ListEventsRequest *in)
{
	return in->page_size == 0 ? EVENTS_DEFAULT : in->page_size;
}

static enum step events_found(struct request *r)
{
	const Otklik__V1__ListEventsRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	const int32_t *customer_id = r->state;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__ListEventsResponse out = OTKLIK__V1__LIST_EVENTS_RESPONSE__INIT;
	Otklik__V1__TicketEvent *events;
	size_t count = db_rows_count(rows);
	size_t room;

	if (count > page_size(in))
		count = page_size(in);
	room = REPLY_BYTES;
	out.events = arena_calloc(r->arena, count + 1, sizeof *out.events);
	events = arena_calloc(r->arena, count + 1, sizeof *events);
	if (out.events == NULL || events == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		struct event event;
		size_t size;

		load_event(rows, i, &event);
		otklik__v1__ticket_event__init(&events[i]);
		convert_event(ref, *customer_id, in->ticket_id, &event, &events[i]);
		size = protobuf_c_message_get_packed_size(&events[i].base) + EVENT_FRAME_BYTES;
		/* Long texts make short pages; one entry always fits. */
		if (size > room && i > 0)
			count = i;
		else
			out.events[out.n_events++] = &events[i];
		room -= size < room ? size : room;
	}
	if (db_rows_count(rows) > count)
		out.next_after_seq = events[count - 1].seq;
	return list_events_reply(r, &out);
}

/* The ticket is there: its customer says what may be seen. */
static enum step events_ticket_found(struct request *r)
{
	const Otklik__V1__ListEventsRequest *in = (const void *)r->message;
	const struct db_rows *tickets = db_unit_rows(r->unit, 0);
	int32_t *customer_id = request_state(r, sizeof *customer_id);
	struct db_unit *unit;
	struct ticket ticket;

	if (db_rows_count(tickets) == 0)
		return caller_ticket_not_found(r, in->ticket_id);
	unit = scoped_unit(r);
	if (load_ticket(tickets, 0, r->arena, &ticket) < 0 || unit == NULL ||
	        customer_id == NULL)
		return request_no_memory(r);
	*customer_id = ticket.customer_id;
	db_call(unit, SQL_EVENT_LIST);
	db_put_int(unit, ticket.customer_id);
	db_put_int(unit, ticket.ticket_id);
	db_put_int(unit, in->after_seq);
	db_put_int(unit, (int64_t)page_size(in) + 1);
	db_put_bool(unit, caller_is_provider(r->principal, ticket.customer_id));
	return request_query(r, unit, events_found);
}

enum step list_events_begin(struct request *r, const Otklik__V1__ListEventsRequest *in)
{
	struct otk_error err = {0};

	field_ticket_id(&err, "ticket_id", in->ticket_id);
	if (in->after_seq < 0)
		error_field(&err, "after_seq", "must not be negative");
	if (in->page_size > EVENTS_MAX)
		error_field(&err, "page_size", "must be at most %d", EVENTS_MAX);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	return query_ticket(r, in->ticket_id, events_ticket_found);
}

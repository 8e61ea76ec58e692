/*
 * ListTickets: first the numbers of a page in its order, then the tickets themselves.
 *
 *	list_tickets_begin → page_found → tickets_found
 */
#include <string.h>

#include "db/rows.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/cursor.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"
#include "wire/limits.h"

enum { CALL_PAGE = 1 }; /* behind plan_by_values */
enum { PAGE_DEFAULT = 50, PAGE_MAX = 500, STATES_MAX = 16 };

struct list {
	int32_t customer_id; /* 0: all of the caller's */
	int32_t team_id;
	int32_t assignee_id;
	int32_t site_id;
	uint32_t page_size;
	bool by_due;
	struct cursor after; /* id 0: the first page */
	const char *scope;
	/* the page */
	int64_t *ids;
	int64_t *dues; /* where by_due, else 0 */
	size_t count;
	bool more;
	struct cursor last;
};

static enum step page_found(struct request *r);
static enum step tickets_found(struct request *r);

/*
 * An assignee need not work there any more, but nobody learns here who the people of other
 * customers are.
 */
static int32_t assignee_of(const struct access *access, struct otk_error *err,
        const struct reference *ref, const char *code)
{
	const struct ref_principal *principal =
	        *code == '\0' ? NULL : reference_principal_by_code(ref, code);

	if (principal != NULL && principal->customer_id != 0 &&
	        !access_may(access, PERMISSION_TICKET_READ, principal->customer_id))
		principal = NULL;

	if (*code != '\0' && principal == NULL)
		error_field(err, "assignee", "there is nobody called '%s'", code);
	return principal == NULL ? 0 : principal->id;
}

/* The request without what changes from page to page tells one list from another. */
static int bind_cursor(
        struct request *r, const Otklik__V1__ListTicketsRequest *in, struct cursor_binding *out)
{
	Otklik__V1__ListTicketsRequest same = *in;
	uint8_t *packed;

	same.cursor = (ProtobufCBinaryData){0};
	same.page_size = 0;
	packed = arena_alloc(r->arena, protobuf_c_message_get_packed_size(&same.base) + 1);
	if (packed == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	*out = (struct cursor_binding){.principal_id = r->principal->id,
	        .filter = packed,
	        .filter_size = protobuf_c_message_pack(&same.base, packed)};
	out->secret = desk_secret(r->service->desk, &out->secret_size);
	return 0;
}

static void resolve(struct request *r, const struct reference *ref,
        const Otklik__V1__ListTicketsRequest *in, struct list *list, struct otk_error *err)
{
	const struct access *access = &r->principal->access;
	int32_t ids[ACCESS_GRANTS_MAX];
	const struct ref_customer *customer;

	if (*in->customer != '\0') {
		if (caller_customer(
		            r, ref, in->customer, PERMISSION_TICKET_READ, &customer, err) < 0)
			return;
		list->customer_id = customer->id;
	} else if (!access_is_global(access, PERMISSION_TICKET_READ) &&
	           access_customers(access, PERMISSION_TICKET_READ, ids, ACCESS_GRANTS_MAX) ==
	                   1) {
		/* said in the query too, or its plan would not start from the customer */
		list->customer_id = ids[0];
	}
	list->team_id = field_team(err, "team", ref, in->team);
	list->assignee_id = assignee_of(access, err, ref, in->assignee);
	if (*in->site != '\0' && list->customer_id == 0)
		error_field(err, "site", "name the customer too");
	else
		list->site_id = field_site(err, "site", ref, list->customer_id, in->site);
	if (in->priority > 5)
		error_field(err, "priority", "must be 1 to 5, or 0 for any");
	if (in->page_size > PAGE_MAX)
		error_field(err, "page_size", "must be at most %d", PAGE_MAX);
	if (in->n_states > STATES_MAX)
		error_field(err, "states", "must be at most %d", STATES_MAX);
	list->page_size = in->page_size == 0 ? PAGE_DEFAULT : in->page_size;
	list->by_due = in->by_due;
}

static void put_filter(struct request *r, struct db_unit *unit,
        const Otklik__V1__ListTicketsRequest *in, const struct list *list)
{
	struct db_array *states;

	(void)r;
	db_put_int_if(unit, list->customer_id != 0, list->customer_id);
	if (in->n_states == 0) {
		db_put_null(unit);
	} else {
		states = db_put_array(unit, DB_INT2, in->n_states);
		for (size_t i = 0; i < in->n_states; i++)
			db_add_int(states, (int64_t)in->states[i]);
	}
	db_put_bool(unit, in->open_only);
	db_put_int_if(unit, list->team_id != 0, list->team_id);
	db_put_int_if(unit, list->assignee_id != 0, list->assignee_id);
	db_put_int_if(unit, list->site_id != 0, list->site_id);
	db_put_int_if(unit, in->priority != 0, in->priority);
	db_put_int_if(unit, in->type != 0, (int64_t)in->type);
	db_put_int_if(unit, list->after.id != 0, list->after.id);
	db_put_int(unit, (int64_t)list->page_size + 1);
	if (list->by_due)
		db_put_time_if(unit, list->after.id != 0, list->after.at);
}

enum step list_tickets_begin(struct request *r, const Otklik__V1__ListTicketsRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct list *list = request_state(r, sizeof *list);
	struct cursor_binding binding;
	struct otk_error err = {0};
	struct db_unit *unit;

	if (ref == NULL)
		return caller_no_reference(r);
	if (list == NULL || bind_cursor(r, in, &binding) < 0)
		return request_no_memory(r);
	resolve(r, ref, in, list, &err);
	if (in->cursor.len > 0 &&
	        cursor_read(&list->after, &binding, in->cursor.data, in->cursor.len) < 0)
		error_field(&err, "cursor", "is not of this list; begin without one");
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	list->scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);
	unit = db_unit_new(r->arena, DB_READ);
	if (list->scope == NULL || unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, list->scope);
	db_call(unit, SQL_PLAN_BY_VALUES);
	db_call(unit, list->by_due             ? SQL_TICKET_LIST_DUE
	              : list->customer_id != 0 ? SQL_TICKET_LIST_CUSTOMER
	                                       : SQL_TICKET_LIST_ALL);
	put_filter(r, unit, in, list);
	return request_query(r, unit, page_found);
}

static enum step page_found(struct request *r)
{
	const struct db_rows *rows = db_unit_rows(r->unit, CALL_PAGE);
	struct list *list = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	list->count = db_rows_count(rows);
	list->more = list->count > list->page_size;
	if (list->more)
		list->count = list->page_size;
	list->ids = arena_calloc(r->arena, list->count + 1, sizeof *list->ids);
	list->dues = arena_calloc(r->arena, list->count + 1, sizeof *list->dues);
	if (list->ids == NULL || list->dues == NULL || unit == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < list->count; i++) {
		list->ids[i] = db_get_int(rows, i, 0);
		list->dues[i] = list->by_due ? db_get_time(rows, i, 1) : 0;
	}
	if (list->count > 0)
		list->last = (struct cursor){
		        .id = list->ids[list->count - 1], .at = list->dues[list->count - 1]};
	db_unit_scope(unit, list->scope);
	load_calls(unit, list->ids, list->count);
	return request_query(r, unit, tickets_found);
}

/* Tickets came in the order of their numbers; each goes to its place on the page. */
static int fill(
        struct request *r, const struct list *list, Otklik__V1__ListTicketsResponse *out)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct load_cursor rows = load_rows(r->unit, 0);
	struct change change;
	int rc;

	out->tickets = arena_calloc(r->arena, list->count + 1, sizeof(Otklik__V1__Ticket *));
	if (out->tickets == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	while ((rc = load_next(&rows, r->arena, ref, &change)) == 1) {
		Otklik__V1__Ticket *ticket =
		        convert_ticket(r->arena, ref, &change.ticket, change.clocks,
		                caller_is_provider(r->principal, change.ticket.customer_id));

		if (ticket == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		for (size_t i = 0; i < list->count; i++) {
			if (list->ids[i] == ticket->id)
				out->tickets[i] = ticket;
		}
	}
	for (size_t i = 0; i < list->count; i++) {
		if (out->tickets[i] != NULL)
			out->tickets[out->n_tickets++] = out->tickets[i];
	}
	return rc;
}

/* Long titles make a short page. */
static void fit(struct list *list, Otklik__V1__ListTicketsResponse *out)
{
	size_t room = WIRE_PAYLOAD_MAX - 1024;
	size_t kept = 0;

	while (kept < out->n_tickets) {
		size_t size = protobuf_c_message_get_packed_size(&out->tickets[kept]->base) + 8;

		if (size > room)
			break;
		room -= size;
		kept++;
	}
	if (kept == out->n_tickets)
		return;
	out->n_tickets = kept;
	for (size_t i = 0; i < list->count; i++) {
		if (list->ids[i] == out->tickets[kept - 1]->id)
			list->last = (struct cursor){.id = list->ids[i], .at = list->dues[i]};
	}
	list->more = true;
}

static enum step tickets_found(struct request *r)
{
	const Otklik__V1__ListTicketsRequest *in = (const void *)r->message;
	struct list *list = r->state;
	Otklik__V1__ListTicketsResponse out = OTKLIK__V1__LIST_TICKETS_RESPONSE__INIT;
	struct cursor_binding binding;

	if (fill(r, list, &out) < 0)
		return request_no_memory(r);
	fit(list, &out);
	if (list->more) {
		out.next_cursor.data = arena_alloc(r->arena, CURSOR_SIZE);
		out.next_cursor.len = CURSOR_SIZE;
		if (out.next_cursor.data == NULL || bind_cursor(r, in, &binding) < 0)
			return request_no_memory(r);
		if (cursor_write(&list->last, &binding, out.next_cursor.data) < 0)
			return request_error(
			        r, OTK_INTERNAL, "CURSOR", "the cursor could not be made");
	}
	return list_tickets_reply(r, &out);
}

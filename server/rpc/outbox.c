/* ListOutbox and ReplayOutbox: notices under way, and those put aside. */
#include "core/notification.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "otklik/v1/outbox.pb-c.h"
#include "rpc/caller.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 500, IDS_MAX = 1000 };

static enum step page_read(struct request *r);
static enum step replayed(struct request *r);

/*
 * A unit in the caller's scope; *customer_id 0: all of it. NULL with *answer, the step to
 * return.
 */
static struct db_unit *unit_begin(struct request *r, enum db_mode mode, const char *code,
        int32_t *customer_id, struct otk_error *err, enum step *answer)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct ref_customer *customer = NULL;
	struct db_unit *unit = db_unit_new(r->arena, mode);
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_ADMIN);

	if (ref == NULL) {
		*answer = caller_no_reference(r);
		return NULL;
	}
	if (unit == NULL || scope == NULL) {
		*answer = request_no_memory(r);
		return NULL;
	}
	if (*code != '\0')
		(void)caller_customer(r, ref, code, PERMISSION_ADMIN, &customer, err);
	if (err->code != OTK_OK) {
		*answer = request_fail(r, err);
		return NULL;
	}
	*customer_id = customer == NULL ? 0 : customer->id;
	db_unit_scope(unit, scope);
	return unit;
}

enum step list_outbox_begin(struct request *r, const Otklik__V1__ListOutboxRequest *in)
{
	struct otk_error err = {0};
	enum step answer = STEP_DONE;
	struct db_unit *unit;
	int32_t customer_id;

	if (in->page_size > PAGE_MAX)
		error_field(&err, "page_size", "must be at most %d", PAGE_MAX);
	unit = unit_begin(r, DB_READ, in->customer, &customer_id, &err, &answer);
	if (unit == NULL)
		return answer;
	db_call(unit, SQL_OUTBOX_LIST);
	db_put_int(unit, in->after_id);
	db_put_int(unit, (in->page_size == 0 ? PAGE_DEFAULT : in->page_size) + INT64_C(1));
	db_put_int_if(unit, customer_id != 0, customer_id);
	db_put_int(unit, (int64_t)in->state);
	return request_query(r, unit, page_read);
}

static char *text_of(const struct db_rows *rows, size_t i, int column)
{
	return (char *)(uintptr_t)db_get_text_or_empty(rows, i, column);
}

static void notice_fill(const struct db_rows *rows, size_t i, Otklik__V1__OutboxNotice *out)
{
	otklik__v1__outbox_notice__init(out);
	out->id = db_get_int(rows, i, 0);
	out->customer = text_of(rows, i, 1);
	out->ticket_id = db_get_int(rows, i, 2);
	out->kind = (char *)(uintptr_t)notice_name((enum notice)db_get_int(rows, i, 3));
	out->channel = (char *)(uintptr_t)(db_get_int(rows, i, 4) == 1 ? "mail" : "webhook");
	out->person = text_of(rows, i, 5);
	out->recipient = text_of(rows, i, 6);
	out->state = (Otklik__V1__OutboxState)db_get_int(rows, i, 7);
	out->message = db_get_int(rows, i, 8);
	out->attempts = (uint32_t)db_get_int(rows, i, 9);
	out->created_at_us = db_get_time(rows, i, 10);
	out->next_at_us = db_get_time(rows, i, 11);
	out->sent_at_us = db_get_time(rows, i, 12);
	out->last_error = text_of(rows, i, 13);
	out->reason = text_of(rows, i, 14);
}

static enum step page_read(struct request *r)
{
	const Otklik__V1__ListOutboxRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__ListOutboxResponse out = OTKLIK__V1__LIST_OUTBOX_RESPONSE__INIT;
	size_t page = in->page_size == 0 ? PAGE_DEFAULT : in->page_size;
	size_t count = db_rows_count(rows);
	Otklik__V1__OutboxNotice *notices;

	if (count > page) {
		count = page;
		out.next_after_id = db_get_int(rows, count - 1, 0);
	}
	notices = arena_calloc(r->arena, count + 1, sizeof *notices);
	out.notices = arena_calloc(r->arena, count + 1, sizeof *out.notices);
	if (notices == NULL || out.notices == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		notice_fill(rows, i, &notices[i]);
		out.notices[out.n_notices++] = &notices[i];
	}
	return list_outbox_reply(r, &out);
}

enum step replay_outbox_begin(struct request *r, const Otklik__V1__ReplayOutboxRequest *in)
{
	struct otk_error err = {0};
	enum step answer = STEP_DONE;
	struct db_unit *unit;
	int32_t customer_id;

	if (in->n_ids > IDS_MAX)
		error_field(&err, "ids", "must be at most %d", IDS_MAX);
	if (in->n_ids > 0 && *in->customer != '\0')
		error_field(&err, "customer", "goes without ids");
	/* Done twice it finds nothing the second time: no key is kept. */
	unit = unit_begin(r, DB_REPLAY, in->customer, &customer_id, &err, &answer);
	if (unit == NULL)
		return answer;
	db_call(unit, SQL_OUTBOX_REPLAY);
	db_put_time(unit, r->now);
	db_put_ints(unit, DB_INT8, in->ids, in->n_ids);
	db_put_int_if(unit, customer_id != 0, customer_id);
	return request_query(r, unit, replayed);
}

static enum step replayed(struct request *r)
{
	Otklik__V1__ReplayOutboxResponse out = OTKLIK__V1__REPLAY_OUTBOX_RESPONSE__INIT;

	out.replayed = (int64_t)db_rows_affected(db_unit_rows(r->unit, 0));
	return replay_outbox_reply(r, &out);
}

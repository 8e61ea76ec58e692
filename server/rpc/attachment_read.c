/*
 * ListAttachments and GetAttachment. A file goes down piece by piece as the client's credit
 * allows: a piece is read when it can be sent, in an arena of its own.
 */
#include <string.h>

#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "rpc/attachment_convert.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/mail_check.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { PAGE_DEFAULT = 200, PAGE_MAX = 500, PIECE_MS = 30000 };
enum {
	COL_SEQ,
	COL_HASH,
	COL_KIND,
	COL_NAME,
	COL_TYPE,
	COL_SIZE,
	COL_PUBLIC,
	COL_ACTOR,
	COL_AT
};

#define PIECE_BUDGET ((size_t)4 * CONTENT_PIECE)

void attachment_convert(const struct reference *ref, int64_t ticket_id,
        const struct db_rows *rows, size_t row, Otklik__V1__Attachment *out,
        Otklik__V1__MailAttachment *file)
{
	const struct ref_principal *actor =
	        reference_principal(ref, (int32_t)db_get_int(rows, row, COL_ACTOR));
	size_t size;

	otklik__v1__mail_attachment__init(file);
	file->hash.data = (uint8_t *)(uintptr_t)db_get_bytes(rows, row, COL_HASH, &size);
	file->hash.len = size;
	file->kind = (Otklik__V1__AttachmentKind)db_get_int(rows, row, COL_KIND);
	file->name = (char *)(uintptr_t)db_get_text_or_empty(rows, row, COL_NAME);
	file->media_type = (char *)(uintptr_t)db_get_text_or_empty(rows, row, COL_TYPE);
	file->size = db_get_int(rows, row, COL_SIZE);
	otklik__v1__attachment__init(out);
	out->ticket_id = ticket_id;
	out->seq = db_get_int(rows, row, COL_SEQ);
	out->file = file;
	out->internal = !db_get_bool(rows, row, COL_PUBLIC);
	out->actor = (char *)(uintptr_t)(actor == NULL ? "" : actor->code);
	out->attached_at_us = db_get_time(rows, row, COL_AT);
}

/* ---- ListAttachments ------------------------------------------------------------------- */

static enum step list_ticket_found(struct request *r);
static enum step list_found(struct request *r);

static enum step ticket_query(struct request *r, int64_t ticket_id, request_step *next)
{
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);
	struct db_unit *unit = scope == NULL ? NULL : db_unit_new(r->arena, DB_READ);

	if (unit == NULL)
		return request_no_memory(r);
	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	db_unit_scope(unit, scope);
	load_calls(unit, &ticket_id, 1);
	return request_query(r, unit, next);
}

/* The next rows of the ticket that was found. NULL when the arena is out. */
static struct db_unit *list_unit(
        struct request *r, const struct ticket *ticket, int64_t after, int64_t limit)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (unit == NULL)
		return NULL;
	db_unit_scope(
	        unit, desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ));
	db_call(unit, SQL_ATTACHMENT_LIST);
	db_put_int(unit, ticket->customer_id);
	db_put_int(unit, ticket->ticket_id);
	db_put_int(unit, after);
	db_put_int(unit, limit);
	db_put_bool(unit, caller_is_provider(r->principal, ticket->customer_id));
	return unit;
}

static size_t page_of(const Otklik__V1__ListAttachmentsRequest *in)
{
	return in->page_size == 0 ? PAGE_DEFAULT : in->page_size;
}

enum step list_attachments_begin(
        struct request *r, const Otklik__V1__ListAttachmentsRequest *in)
{
	struct otk_error err = {0};

	field_ticket_id(&err, "ticket_id", in->ticket_id);
	if (in->after_seq < 0)
		error_field(&err, "after_seq", "must not be negative");
	if (in->page_size > PAGE_MAX)
		error_field(&err, "page_size", "must be at most %d", PAGE_MAX);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	return ticket_query(r, in->ticket_id, list_ticket_found);
}

static enum step list_ticket_found(struct request *r)
{
	const Otklik__V1__ListAttachmentsRequest *in = (const void *)r->message;
	const struct db_rows *tickets = db_unit_rows(r->unit, 0);
	struct ticket ticket;

	if (db_rows_count(tickets) == 0)
		return caller_ticket_not_found(r, in->ticket_id);
	if (load_ticket(tickets, 0, r->arena, &ticket) < 0)
		return request_no_memory(r);
	return request_query(
	        r, list_unit(r, &ticket, in->after_seq, (int64_t)page_of(in) + 1), list_found);
}

static enum step list_found(struct request *r)
{
	const Otklik__V1__ListAttachmentsRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__ListAttachmentsResponse out = OTKLIK__V1__LIST_ATTACHMENTS_RESPONSE__INIT;
	size_t count = db_rows_count(rows);
	Otklik__V1__Attachment *items;
	Otklik__V1__MailAttachment *files;

	if (count > page_of(in)) {
		count = page_of(in);
		out.next_after_seq = db_get_int(rows, count - 1, COL_SEQ);
	}
	items = arena_calloc(r->arena, count + 1, sizeof *items);
	files = arena_calloc(r->arena, count + 1, sizeof *files);
	out.attachments = arena_calloc(r->arena, count + 1, sizeof *out.attachments);
	if (items == NULL || files == NULL || out.attachments == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		attachment_convert(ref, in->ticket_id, rows, i, &items[i], &files[i]);
		out.attachments[out.n_attachments++] = &items[i];
	}
	return list_attachments_reply(r, &out);
}

/* ---- GetAttachment --------------------------------------------------------------------- */

struct download {
	struct request *request;
	struct arena *arena; /* of the piece under way */
	struct db_unit *unit;
	bool reading;
	const char *scope;
	struct ticket ticket;
	uint8_t hash[MAIL_HASH_BYTES];
	int64_t size;
	int64_t sent;
};

static enum step get_ticket_known(struct request *r);
static enum step get_found(struct request *r);
static enum step piece_want(struct request *r);
static enum step piece_read(struct request *r);
static enum step piece_send(struct request *r);

static void download_release(struct request *r)
{
	struct download *d = r->state;

	if (d->reading)
		db_pool_detach(r->service->pool, d->unit);
	d->reading = false;
	arena_free(d->arena);
	d->arena = NULL;
}

static enum step download_fail(struct request *r, const struct otk_error *err)
{
	struct otk_error copy = *err;

	request_on_cancel(r, NULL);
	download_release(r);
	return request_fail(r, &copy);
}

enum step get_attachment_begin(struct request *r, const Otklik__V1__GetAttachmentRequest *in)
{
	struct download *d = request_state(r, sizeof *d);
	struct otk_error err = {0};

	if (d == NULL)
		return request_no_memory(r);
	d->request = r;
	field_ticket_id(&err, "ticket_id", in->ticket_id);
	if (in->seq < 1)
		error_field(&err, "seq", "must be the number of an attachment");
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	return ticket_query(r, in->ticket_id, get_ticket_known);
}

static enum step get_ticket_known(struct request *r)
{
	const Otklik__V1__GetAttachmentRequest *in = (const void *)r->message;
	const struct db_rows *tickets = db_unit_rows(r->unit, 0);
	struct download *d = r->state;

	if (db_rows_count(tickets) == 0)
		return caller_ticket_not_found(r, in->ticket_id);
	if (load_ticket(tickets, 0, r->arena, &d->ticket) < 0)
		return request_no_memory(r);
	return request_query(r, list_unit(r, &d->ticket, in->seq - 1, 1), get_found);
}

static enum step get_found(struct request *r)
{
	const Otklik__V1__GetAttachmentRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct download *d = r->state;
	Otklik__V1__GetAttachmentResponse item = OTKLIK__V1__GET_ATTACHMENT_RESPONSE__INIT;
	Otklik__V1__Attachment attachment;
	Otklik__V1__MailAttachment file;

	if (db_rows_count(rows) == 0 || db_get_int(rows, 0, COL_SEQ) != in->seq)
		return request_error(r, OTK_NOT_FOUND, "ATTACHMENT_NOT_FOUND",
		        "ticket %lld has no attachment %lld", (long long)in->ticket_id,
		        (long long)in->seq);
	attachment_convert(
	        desk_reference(r->service->desk), in->ticket_id, rows, 0, &attachment, &file);
	item.attachment = &attachment;
	if (get_attachment_item(r, &item) < 0)
		return request_wait_credit(r, get_found);
	memcpy(d->hash, file.hash.data, sizeof d->hash);
	d->size = file.size;
	d->scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);
	if (d->scope == NULL)
		return request_no_memory(r);
	request_on_cancel(r, download_release);
	request_long_lived(r); /* a slow line may take its time */
	return request_go(r, piece_want);
}

/* Nothing is read that could not be sent. */
static enum step piece_want(struct request *r)
{
	struct download *d = r->state;

	if (d->sent < d->size)
		return request_wait_credit(r, piece_read);
	request_on_cancel(r, NULL);
	download_release(r);
	return request_stream_end(r);
}

static void piece_came(void *context, struct db_unit *unit)
{
	struct download *d = context;

	(void)unit;
	d->reading = false;
	request_wake(d->request);
}

static enum step piece_read(struct request *r)
{
	static const struct otk_error NO_MEMORY = {.code = OTK_RESOURCE_EXHAUSTED,
	        .reason = "NO_MEMORY",
	        .message = "out of memory"};
	struct download *d = r->state;

	d->arena = arena_new(PIECE_BUDGET);
	d->unit = d->arena == NULL ? NULL : db_unit_new(d->arena, DB_READ);
	if (d->unit == NULL)
		return download_fail(r, &NO_MEMORY);
	db_unit_scope(d->unit, d->scope);
	db_call(d->unit, SQL_ATTACHMENT_PIECE);
	db_put_int(d->unit, d->ticket.customer_id);
	db_put_bytes(d->unit, d->hash, sizeof d->hash);
	db_put_int(d->unit, d->sent / CONTENT_PIECE);
	d->reading = true;
	db_pool_submit(r->service->pool, d->unit, PIECE_MS, piece_came, d);
	return request_wait(r, piece_send);
}

static enum step piece_send(struct request *r)
{
	struct download *d = r->state;
	const struct otk_error *err = db_unit_error(d->unit);
	const struct db_rows *rows = db_unit_rows(d->unit, 0);
	Otklik__V1__GetAttachmentResponse item = OTKLIK__V1__GET_ATTACHMENT_RESPONSE__INIT;
	struct otk_error gone;
	size_t size;

	if (err->code != OTK_OK)
		return download_fail(r, err);
	if (db_rows_count(rows) != 1) {
		(void)error_set(&gone, OTK_DATA_LOSS, "CONTENT_GONE",
		        "the content of this attachment is not there any more: was it erased?");
		return download_fail(r, &gone);
	}
	item.data.data = (uint8_t *)(uintptr_t)db_get_bytes(rows, 0, 0, &size);
	item.data.len = size;
	if (get_attachment_item(r, &item) < 0)
		return request_wait_credit(r, piece_send);
	d->sent += (int64_t)size;
	/* who gives no credit keeps no piece in memory */
	arena_free(d->arena);
	d->arena = NULL;
	return request_go(r, piece_want);
}

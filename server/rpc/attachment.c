/* PutContent and AttachFile: a file's content in pieces, then its place on a ticket. */
#include "rpc/attachment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/mail_rules.h"
#include "db/rows.h"
#include "desk/load.h"
#include "rpc/attachment_convert.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/mail_check.h"
#include "rpc/service.h"
#include "rpc/ticket_write.h"
#include "sql/statements.h"

/* Content that hangs nowhere yet, of one customer: what is being put, and what was given up. */
#define LOOSE_MOST (INT64_C(1) << 30)

enum { PUT_MORE = 0, PUT_WHOLE = 1, PUT_WRONG = 2, PUT_FULL = 3 };

/* ---- on the ticket --------------------------------------------------------------------- */

/* "plan.pdf (application/pdf, 4711 bytes, SHA-256 …)": the journal proves what was attached. */
static const char *words_of(struct arena *arena, const Otklik__V1__MailAttachment *file)
{
	char hex[2 * MAIL_HASH_BYTES + 1];

	for (size_t i = 0; i < MAIL_HASH_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", file->hash.data[i]);
	return arena_printf(arena, "%s (%s, %" PRId64 " bytes, SHA-256 %s)", file->name,
	        file->media_type, file->size, hex);
}

int attachment_events(struct change *change, const struct actor *actor, bool is_public,
        Otklik__V1__MailAttachment *const *files, size_t count, int64_t now,
        struct otk_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const char *words = words_of(change->arena, files[i]);
		int64_t seq;

		if (words == NULL)
			return error_set(
			        err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		rc = mail_attach(change, actor, is_public, words, now, &seq, err);
	}
	return rc;
}

void attachment_link_call(struct db_unit *unit, const struct change *change,
        Otklik__V1__MailAttachment *const *files, size_t count)
{
	static const enum db_type TYPES[] = {
	        DB_INT8, DB_BYTEA, DB_INT2, DB_TEXT, DB_TEXT, DB_BOOL};
	enum { COLUMNS = sizeof TYPES / sizeof TYPES[0] };
	struct db_array *c[COLUMNS];
	const struct event *last =
	        change->event_count == 0 ? NULL : &change->events[change->event_count - 1];
	size_t next = 0;

	if (count == 0 || last == NULL)
		return;
	db_call(unit, SQL_ATTACHMENT_LINK);
	db_put_int(unit, change->ticket.customer_id);
	db_put_int(unit, change->ticket.ticket_id);
	db_put_int_if(unit, last->actor_id != 0, last->actor_id);
	db_put_time(unit, last->occurred_at);
	for (int k = 0; k < COLUMNS; k++)
		c[k] = db_put_array(unit, TYPES[k], count);
	for (size_t i = 0; i < change->event_count && next < count; i++) {
		const struct event *e = &change->events[i];
		const Otklik__V1__MailAttachment *file = files[next];

		if (e->kind != EVENT_ATTACHED)
			continue;
		db_add_int(c[0], e->seq);
		db_add_bytes(c[1], file->hash.data, file->hash.len);
		db_add_int(c[2], (int64_t)file->kind);
		db_add_text(c[3], file->name);
		db_add_text(c[4], file->media_type);
		db_add_bool(c[5], e->is_public);
		next++;
	}
}

/* ---- PutContent ------------------------------------------------------------------------ */

static enum step content_put(struct request *r);

static void check_piece(const Otklik__V1__PutContentRequest *in, struct otk_error *err)
{
	int64_t from = (int64_t)in->index * CONTENT_PIECE;
	int64_t left = in->size - from;

	if (in->hash.len != MAIL_HASH_BYTES)
		error_field(err, "hash", "must have %d bytes", MAIL_HASH_BYTES);
	if (in->size < 1 || in->size > CONTENT_MOST)
		error_field(err, "size", "must be 1 to %" PRId64 " bytes", CONTENT_MOST);
	else if (left <= 0)
		error_field(err, "index", "lies behind the end");
	else if ((int64_t)in->data.len != (left < CONTENT_PIECE ? left : CONTENT_PIECE))
		error_field(err, "data", "must have %d bytes, of the last piece what is left",
		        CONTENT_PIECE);
}

enum step put_content_begin(struct request *r, const Otklik__V1__PutContentRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct access *access = &r->principal->access;
	const struct ref_customer *customer;
	struct otk_error err = {0};
	struct db_unit *unit;
	enum permission permission = access_may_any(access, PERMISSION_MAIL)
	                                     ? PERMISSION_MAIL
	                                     : PERMISSION_TICKET_REPLY;

	if (ref == NULL)
		return caller_no_reference(r);
	check_piece(in, &err);
	if (err.code == OTK_OK)
		(void)caller_customer(r, ref, in->customer, permission, &customer, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	/* Put again it finds itself: content is known by its hash. */
	unit = db_unit_new(r->arena, DB_REPLAY);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, desk_scope(r->arena, access, permission));
	db_call(unit, SQL_ATTACHMENT_PUT);
	db_put_int(unit, customer->id);
	db_put_bytes(unit, in->hash.data, in->hash.len);
	db_put_int(unit, in->size);
	db_put_int(unit, in->index);
	db_put_bytes(unit, in->data.data, in->data.len);
	db_put_time(unit, r->now);
	db_put_int(unit, LOOSE_MOST);
	return request_query(r, unit, content_put);
}

static enum step content_put(struct request *r)
{
	Otklik__V1__PutContentResponse out = OTKLIK__V1__PUT_CONTENT_RESPONSE__INIT;

	switch (db_get_int(db_unit_rows(r->unit, 0), 0, 0)) {
	case PUT_WHOLE:
		out.complete = true;
		break;
	case PUT_WRONG:
		return request_error(r, OTK_ABORTED, "CONTENT_WRONG",
		        "the pieces do not give the hash that was stated; put all of them "
		        "again");
	case PUT_FULL:
		return request_error(r, OTK_RESOURCE_EXHAUSTED, "CONTENT_FULL",
		        "too much content of this customer waits to be attached; try later");
	default:
		break;
	}
	return put_content_reply(r, &out);
}

/* ---- AttachFile ------------------------------------------------------------------------ */

struct attach {
	struct ticket_write write; /* first: see ticket_write.c */
	const char *scope;
	bool provider;
	int64_t seq;
};

enum { CALL_KEY = LOAD_CALLS };

static enum step attach_read(struct request *r);
static enum step attach_loaded(struct request *r);
static enum step attach_judged(struct request *r);
static enum step attach_saved(struct request *r);

enum step attach_file_begin(struct request *r, const Otklik__V1__AttachFileRequest *in)
{
	struct attach *s = request_state(r, sizeof *s);
	struct otk_error err = {0};

	if (s == NULL)
		return request_no_memory(r);
	field_ticket_id(&err, "ticket_id", in->ticket_id);
	if (in->file == NULL)
		error_field(&err, "file", "say which file");
	else
		mail_check_file(in->file, "file", &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	s->scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_REPLY);
	if (s->scope == NULL)
		return request_no_memory(r);
	return request_go(r, attach_read);
}

static enum step attach_read(struct request *r)
{
	const Otklik__V1__AttachFileRequest *in = (const void *)r->message;
	struct attach *s = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, s->scope);
	load_calls(unit, &in->ticket_id, 1);
	db_call(unit, SQL_IDEMPOTENCY_OF_TICKET);
	db_put_int(unit, in->ticket_id);
	db_put_int(unit, r->principal->id);
	db_put_uuid(unit, &r->key);
	return request_query(r, unit, attach_loaded);
}

static enum step attach_reply(struct request *r, int64_t seq)
{
	const Otklik__V1__AttachFileRequest *in = (const void *)r->message;
	Otklik__V1__AttachFileResponse out = OTKLIK__V1__ATTACH_FILE_RESPONSE__INIT;
	Otklik__V1__Attachment attachment = OTKLIK__V1__ATTACHMENT__INIT;
	const struct attach *s = r->state;

	attachment.ticket_id = in->ticket_id;
	attachment.seq = seq;
	attachment.file = in->file;
	attachment.internal = in->internal && s->provider;
	attachment.actor = (char *)(uintptr_t)r->principal->code;
	attachment.attached_at_us = s->write.change.ticket.updated_at;
	out.attachment = &attachment;
	return attach_file_reply(r, &out);
}

static enum step attach_loaded(struct request *r)
{
	const Otklik__V1__AttachFileRequest *in = (const void *)r->message;
	const struct db_rows *key = db_unit_rows(r->unit, CALL_KEY);
	struct load_cursor rows = load_rows(r->unit, 0);
	struct attach *s = r->state;
	struct change *change = &s->write.change;
	struct db_unit *unit;
	struct db_array *hashes;
	int rc = load_next(&rows, r->arena, desk_reference(r->service->desk), change);

	if (rc < 0)
		return request_no_memory(r);
	if (rc == 0)
		return caller_ticket_not_found(r, in->ticket_id);
	s->provider = caller_is_provider(r->principal, change->ticket.customer_id);
	if (db_rows_count(key) > 0) {
		size_t size;
		const void *hash = db_get_bytes(key, 0, 0, &size);

		if (size != sizeof r->hash || memcmp(hash, r->hash, size) != 0)
			return ticket_write_other_hash(r);
		return attach_reply(r, db_get_int(key, 0, 2));
	}
	unit = db_unit_new(r->arena, DB_READ);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, s->scope);
	db_call(unit, SQL_MAIL_MISSING);
	db_put_int(unit, change->ticket.customer_id);
	hashes = db_put_array(unit, DB_BYTEA, 1);
	db_add_bytes(hashes, in->file->hash.data, in->file->hash.len);
	return request_query(r, unit, attach_judged);
}

static enum step attach_judged(struct request *r)
{
	const Otklik__V1__AttachFileRequest *in = (const void *)r->message;
	Otklik__V1__AttachFileResponse out = OTKLIK__V1__ATTACH_FILE_RESPONSE__INIT;
	struct attach *s = r->state;
	struct change *change = &s->write.change;
	struct save *save = &s->write.save;
	struct actor actor = caller_actor(r->principal, change->ticket.customer_id);
	const struct ref_customer *customer =
	        reference_customer(change->ref, change->ticket.customer_id);
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	struct otk_error err = {0};

	if (unit == NULL)
		return request_no_memory(r);
	if (db_rows_count(db_unit_rows(r->unit, 0)) > 0) {
		out.needs_content = true;
		out.customer = (char *)(uintptr_t)(customer == NULL ? "" : customer->code);
		return attach_file_reply(r, &out);
	}
	if (attachment_events(change, &actor, !(in->internal && s->provider), &in->file, 1,
	            ticket_write_now(r, &change->ticket), &err) < 0)
		return request_fail(r, &err);
	s->seq = change->ticket.version;
	memset(save, 0, sizeof *save);
	save->change = change;
	save->principal_id = r->principal->id;
	save->has_key = r->has_key;
	save->key = r->key;
	memcpy(save->hash, r->hash, sizeof save->hash);
	db_unit_scope(unit, s->scope);
	if (save_call(unit, &(struct save *){save}, 1, true) < 0)
		return request_no_memory(r);
	attachment_link_call(unit, change, &in->file, 1);
	return request_query_any(r, unit, attach_saved);
}

static enum step attach_saved(struct request *r)
{
	const struct otk_error *err = db_unit_error(r->unit);
	struct attach *s = r->state;

	if (err->code == OTK_OK) {
		save_outcomes(r->unit, 0, &(struct save *){&s->write.save}, 1);
		return attach_reply(r, s->seq);
	}
	if (err->code != OTK_ABORTED && err->code != OTK_ALREADY_EXISTS)
		return request_fail(r, err);
	s->write.save.outcome = strcmp(err->reason, "STALE_REFERENCE") == 0
	                                ? SAVE_STALE_REFERENCE
	                                : SAVE_CONFLICT;
	return ticket_write_again(r, &s->write, attach_read);
}

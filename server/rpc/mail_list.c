/* ListMail: messages of machines, which are nobody's words. */
#include "db/rows.h"
#include "desk/desk.h"
#include "rpc/caller.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 500 };

static enum step page_read(struct request *r);

static size_t page_of(const Otklik__V1__ListMailRequest *in)
{
	return in->page_size == 0 ? PAGE_DEFAULT : in->page_size;
}

enum step list_mail_begin(struct request *r, const Otklik__V1__ListMailRequest *in)
{
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_ADMIN);
	struct db_unit *unit = scope == NULL ? NULL : db_unit_new(r->arena, DB_READ);
	struct otk_error err = {0};

	if (in->after_id < 0)
		error_field(&err, "after_id", "must not be negative");
	if (in->page_size > PAGE_MAX)
		error_field(&err, "page_size", "must be at most %d", PAGE_MAX);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, scope);
	db_call(unit, SQL_MAIL_LIST);
	db_put_int(unit, in->after_id);
	db_put_int(unit, (int64_t)page_of(in) + 1);
	return request_query(r, unit, page_read);
}

static char *text_of(const struct db_rows *rows, size_t i, int column)
{
	return (char *)(uintptr_t)db_get_text_or_empty(rows, i, column);
}

static enum step page_read(struct request *r)
{
	const Otklik__V1__ListMailRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__ListMailResponse out = OTKLIK__V1__LIST_MAIL_RESPONSE__INIT;
	size_t count = db_rows_count(rows);
	Otklik__V1__ReceivedMail *mails;

	if (count > page_of(in)) {
		count = page_of(in);
		out.next_after_id = db_get_int(rows, count - 1, 0);
	}
	mails = arena_calloc(r->arena, count + 1, sizeof *mails);
	out.mails = arena_calloc(r->arena, count + 1, sizeof *out.mails);
	if (mails == NULL || out.mails == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		otklik__v1__received_mail__init(&mails[i]);
		mails[i].id = db_get_int(rows, i, 0);
		mails[i].customer = text_of(rows, i, 1);
		mails[i].outcome = (Otklik__V1__MailOutcome)db_get_int(rows, i, 2);
		mails[i].from = text_of(rows, i, 3);
		mails[i].subject = text_of(rows, i, 4);
		mails[i].why = text_of(rows, i, 5);
		mails[i].ticket_id = db_get_int(rows, i, 6);
		mails[i].received_at_us = db_get_time(rows, i, 7);
		out.mails[out.n_mails++] = &mails[i];
	}
	return list_mail_reply(r, &out);
}

/* PreviewTemplate and ListTemplates: the words of notices, shown before anybody gets them. */
#include <string.h>

#include "core/notification.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "notice/message.h"
#include "notice/template.h"
#include "otklik/v1/notice.pb-c.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/installation_declare.h"
#include "rpc/service.h"
#include "sql/statements.h"

static enum step facts_read(struct request *r);
static enum step list_read(struct request *r);

/* The entry of a journal that such a notice tells of; a summary is shown by the filing. */
static int event_of(int template)
{
	static const enum event_kind KINDS[NOTICE_COUNT] = {[NOTICE_CREATED] = EVENT_CREATED,
	        [NOTICE_REPLIED] = EVENT_REPLIED,
	        [NOTICE_ANSWERED] = EVENT_REPLIED,
	        [NOTICE_QUESTION] = EVENT_STATE_CHANGED,
	        [NOTICE_RESOLVED] = EVENT_STATE_CHANGED,
	        [NOTICE_REOPENED] = EVENT_STATE_CHANGED,
	        [NOTICE_LEVEL] = EVENT_LEVEL_FIRED,
	        [NOTICE_PROMISED] = EVENT_PROMISED,
	        [NOTICE_PROMISE_WARNED] = EVENT_PROMISE_WARNED,
	        [NOTICE_PROMISE_BROKEN] = EVENT_PROMISE_BROKEN,
	        [NOTICE_ASKED] = EVENT_ASKED,
	        [NOTICE_MERGED] = EVENT_MERGED,
	        [NOTICE_UNMERGED] = EVENT_UNMERGED};

	return template <NOTICE_COUNT ? (int)KINDS[template] : (int)EVENT_CREATED;
}

enum step preview_template_begin(
        struct request *r, const Otklik__V1__PreviewTemplateRequest *in)
{
	struct otk_error err = {0};
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_ADMIN);
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	int template = template_find(in->name);

	if (unit == NULL || scope == NULL)
		return request_no_memory(r);
	if (template <0)
		error_field(&err, "name", "'%.32s' is no notice; see `otklik template list`",
		        in->name);
	field_ticket_id(&err, "ticket_id", in->ticket_id);
	field_line(&err, "language", in->language, 35);
	if (in->draft != NULL)
		template_check_fields(in->draft, "draft.", &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	db_unit_scope(unit, scope);
	db_call(unit, SQL_NOTICE_FACTS);
	db_put_int(unit, in->ticket_id);
	db_put_int(unit, event_of(template));
	db_call(unit, SQL_TEMPLATE_LIST);
	return request_query(r, unit, facts_read);
}

/* Columns of notice_facts. */
static struct notice_item item_of(const struct db_rows *rows, enum notice kind)
{
	return (struct notice_item){.kind = kind,
	        .customer_id = (int32_t)db_get_int(rows, 0, 0),
	        .ticket_id = db_get_int(rows, 0, 1),
	        .customer_code = db_get_text_or_empty(rows, 0, 5),
	        .customer = db_get_text_or_empty(rows, 0, 6),
	        .title = db_get_text_or_empty(rows, 0, 7),
	        .priority = (int)db_get_int(rows, 0, 8),
	        .occurred_at = db_get_time(rows, 0, 9),
	        .actor = db_get_text(rows, 0, 10),
	        .text = db_get_text(rows, 0, 11),
	        .clock = (int)db_get_int(rows, 0, 12),
	        .level = db_get_text(rows, 0, 13),
	        .clock_due = db_get_time(rows, 0, 14),
	        .response_due = db_get_time(rows, 0, 15),
	        .resolution_due = db_get_time(rows, 0, 16),
	        .promise = db_get_time(rows, 0, 17),
	        .old_promise = db_get_time(rows, 0, 18),
	        .other = db_is_null(rows, 0, 19) ? 0 : db_get_int(rows, 0, 19)};
}

/* What is declared, and the draft, which beats all of it. */
static struct own_template *own_templates(struct request *r, const struct db_rows *rows,
        const Otklik__V1__PreviewTemplateRequest *in, const char *language, int32_t customer,
        size_t *count)
{
	struct own_template *own = arena_calloc(r->arena, db_rows_count(rows) + 1, sizeof *own);

	*count = 0;
	for (size_t i = 0; own != NULL && i < db_rows_count(rows); i++) {
		const char *name = db_get_text_or_empty(rows, i, 0);

		if (in->draft != NULL && strcmp(name, in->draft->name) == 0)
			continue;
		own[(*count)++] =
		        (struct own_template){.customer_id = (int32_t)db_get_int(rows, i, 5),
		                .language = db_get_text_or_empty(rows, i, 1),
		                .name = name,
		                .subject = db_get_text_or_empty(rows, i, 3),
		                .body = db_get_text_or_empty(rows, i, 4)};
	}
	if (own != NULL && in->draft != NULL)
		own[(*count)++] = (struct own_template){.customer_id = customer,
		        .language = language,
		        .name = in->draft->name,
		        .subject = in->draft->subject,
		        .body = in->draft->text};
	return own;
}

static enum step preview_reply(struct request *r, const struct message *m, int template)
{
	Otklik__V1__PreviewTemplateResponse out = OTKLIK__V1__PREVIEW_TEMPLATE_RESPONSE__INIT;
	struct buf subject = {0};
	struct buf text = {0};
	struct buf html = {0};
	enum step answer;
	int rc = template <NOTICE_COUNT ? message_write(m, &subject, &text)
	                                : message_part(m, template, &subject, &text);

	if (rc == 0)
		rc = message_html(buf_text(&text), &html);
	out.subject = (char *)(uintptr_t)buf_text(&subject);
	out.text = (char *)(uintptr_t)buf_text(&text);
	out.html = (char *)(uintptr_t)buf_text(&html);
	answer = rc < 0 ? request_no_memory(r) : preview_template_reply(r, &out);
	buf_free(&html);
	buf_free(&text);
	buf_free(&subject);
	return answer;
}

/* In the words of a customer that was named: as if the ticket were his. */
static bool as_customer_of(struct request *r, const char *code, struct notice_item *item)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct ref_customer *customer;

	if (*code == '\0')
		return true;
	customer = ref == NULL ? NULL : reference_customer_by_code(ref, code);
	if (customer == NULL ||
	        !access_may(&r->principal->access, PERMISSION_ADMIN, customer->id))
		return false;
	item->customer_id = customer->id;
	item->customer_code = customer->code;
	item->customer = customer->name;
	return true;
}

static enum step facts_read(struct request *r)
{
	const Otklik__V1__PreviewTemplateRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	int template = template_find(in->name);
	struct notice_item item;
	struct message m;

	if (db_rows_count(rows) != 1)
		return caller_ticket_not_found(r, in->ticket_id);
	item = item_of(rows, template <NOTICE_COUNT ? (enum notice) template : NOTICE_CREATED);
	if (!as_customer_of(r, in->customer, &item))
		return request_error(r, OTK_NOT_FOUND, "NO_SUCH_CUSTOMER",
		        "there is no customer '%.64s'", in->customer);
	m = (struct message){.name = db_get_text_or_empty(rows, 0, 2),
	        .language =
	                *in->language != '\0' ? in->language : db_get_text_or_empty(rows, 0, 3),
	        .zone = db_get_text_or_empty(rows, 0, 4),
	        .items = &item,
	        .count = 1};
	m.own = own_templates(
	        r, db_unit_rows(r->unit, 1), in, m.language, item.customer_id, &m.own_count);
	if (m.own == NULL)
		return request_no_memory(r);
	return preview_reply(r, &m, template);
}

/* --- list -------------------------------------------------------------------------------- */

enum step list_templates_begin(struct request *r, const Otklik__V1__ListTemplatesRequest *in)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	(void)in;
	if (unit == NULL)
		return request_no_memory(r);
	if (!access_is_global(&r->principal->access, PERMISSION_ADMIN))
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "only an administrator of every customer may do this");
	db_call(unit, SQL_TEMPLATE_LIST);
	return request_query(r, unit, list_read);
}

static bool template_add(struct request *r, Otklik__V1__ListTemplatesResponse *out,
        const struct own_template *own, const char *customer, bool built_in)
{
	Otklik__V1__TemplateInForce *item = arena_alloc(r->arena, sizeof *item);
	Otklik__V1__Template *template = arena_alloc(r->arena, sizeof *template);

	if (item == NULL || template == NULL)
		return false;
	otklik__v1__template_in_force__init(item);
	otklik__v1__template__init(template);
	template->name = (char *)(uintptr_t)own->name;
	template->language = (char *)(uintptr_t)own->language;
	template->customer = (char *)(uintptr_t)customer;
	template->subject = (char *)(uintptr_t)own->subject;
	template->text = (char *)(uintptr_t)own->body;
	item->template_ = template;
	item->built_in = built_in;
	out->templates[out->n_templates++] = item;
	return true;
}

static bool built_in_add(struct request *r, Otklik__V1__ListTemplatesResponse *out)
{
	for (size_t l = 0; language_at(l) != NULL; l++) {
		for (int t = NOTICE_CREATED; t < TEMPLATE_COUNT; t++) {
			const struct language *language = language_at(l);
			struct own_template own = {.language = language->code,
			        .name = template_name(t),
			        .subject = language->templates[t].subject,
			        .body = language->templates[t].body};

			if (!template_add(r, out, &own, "", true))
				return false;
		}
	}
	return true;
}

static enum step list_read(struct request *r)
{
	const Otklik__V1__ListTemplatesRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__ListTemplatesResponse out = OTKLIK__V1__LIST_TEMPLATES_RESPONSE__INIT;
	size_t count = db_rows_count(rows);

	out.templates =
	        arena_calloc(r->arena, count + 4 * TEMPLATE_COUNT, sizeof *out.templates);
	if (out.templates == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		struct own_template own = {.name = db_get_text_or_empty(rows, i, 0),
		        .language = db_get_text_or_empty(rows, i, 1),
		        .subject = db_get_text_or_empty(rows, i, 3),
		        .body = db_get_text_or_empty(rows, i, 4)};

		if (!template_add(r, &out, &own, db_get_text_or_empty(rows, i, 2), false))
			return request_no_memory(r);
	}
	if (in->built_in && !built_in_add(r, &out))
		return request_no_memory(r);
	return list_templates_reply(r, &out);
}

/* Notices as words in the recipient's language and zone. */
#include "notify/message.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "notify/template.h"

enum { SUMMARY_LINES = 200 };

/* What a template may ask for. */
struct facts {
	const struct language *language;
	const struct message *message;
	const struct notice_item *item;
	size_t count;
	size_t tickets;
};

int message_time(struct buf *out, int64_t at, const char *zone)
{
	char text[TIME_TEXT_SIZE];
	const struct tz *tz;
	struct otk_error err;

	if (at == 0)
		return buf_puts(out, "—");
	if (zone == NULL || tz_find(zone, &tz, &err) != 0) {
		zone = "UTC";
		tz = NULL;
	}
	(void)time_format_utc(tz == NULL ? at : tz_to_local(tz, at), text);
	/* 2026-11-22T14:05:… */
	return buf_printf(out, "%.10s %.5s (%s)", text, text + 11, zone);
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static void put_due(const struct facts *f, int64_t at, struct buf *out)
{
	if (at == 0)
		(void)buf_puts(out, f->language->none);
	else
		(void)message_time(out, at, f->message->zone);
}

enum variable {
	VAR_TICKET,
	VAR_TITLE,
	VAR_CUSTOMER,
	VAR_ACTOR,
	VAR_TEXT,
	VAR_PRIORITY,
	VAR_RESPONSE_DUE,
	VAR_RESOLUTION_DUE,
	VAR_CLOCK,
	VAR_LEVEL,
	VAR_DUE,
	VAR_AT,
	VAR_KIND,
	VAR_COUNT,
	VAR_TICKETS,
	VARIABLES
};

static const char *const VARIABLE_NAMES[VARIABLES] = {"ticket", "title", "customer", "actor",
        "text", "priority", "response_due", "resolution_due", "clock", "level", "due", "at",
        "kind", "count", "tickets"};

static const char *clock_text(const struct facts *f)
{
	int clock = f->item->clock;

	return clock > 0 && clock < CLOCK_KIND_COUNT ? f->language->clocks[clock] : "";
}

static void put(const struct facts *f, enum variable variable, struct buf *out)
{
	const struct notice_item *i = f->item;

	switch (variable) {
	case VAR_TICKET:
		(void)buf_printf(out, "%" PRId64, i->ticket_id);
		break;
	case VAR_PRIORITY:
		(void)buf_printf(out, "%d", i->priority);
		break;
	case VAR_COUNT:
		(void)buf_printf(out, "%zu", f->count);
		break;
	case VAR_TICKETS:
		(void)buf_printf(out, "%zu", f->tickets);
		break;
	case VAR_RESPONSE_DUE:
		put_due(f, i->response_due, out);
		break;
	case VAR_RESOLUTION_DUE:
		put_due(f, i->resolution_due, out);
		break;
	case VAR_DUE:
		put_due(f, i->clock_due, out);
		break;
	case VAR_AT:
		put_due(f, i->occurred_at, out);
		break;
	case VAR_TITLE:
		(void)buf_puts(out, or_empty(i->title));
		break;
	case VAR_CUSTOMER:
		(void)buf_puts(out, or_empty(i->customer));
		break;
	case VAR_TEXT:
		(void)buf_puts(out, or_empty(i->text));
		break;
	case VAR_LEVEL:
		(void)buf_puts(out, or_empty(i->level));
		break;
	case VAR_ACTOR:
		(void)buf_puts(out, i->actor == NULL ? f->language->nobody : i->actor);
		break;
	case VAR_CLOCK:
		(void)buf_puts(out, clock_text(f));
		break;
	case VAR_KIND:
		(void)buf_puts(out, f->language->kinds[i->kind]);
		break;
	case VARIABLES:
	default:
		break;
	}
}

static bool look_up(void *context, const char *name, size_t length, struct buf *out)
{
	for (int v = 0; v < VARIABLES; v++) {
		if (strlen(VARIABLE_NAMES[v]) == length &&
		        memcmp(VARIABLE_NAMES[v], name, length) == 0) {
			if (context != NULL)
				put(context, (enum variable)v, out);
			return true;
		}
	}
	return false;
}

int template_try(const char *text, struct otk_error *err)
{
	struct buf out = {0};
	int rc = text == NULL ? -OTK_INVALID_ARGUMENT
	                      : template_render(text, look_up, NULL, &out);

	buf_free(&out);
	if (rc != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_TEMPLATE",
		        "the template \"%s\" has a variable that there is not",
		        text == NULL ? "(none)" : text);
	return 0;
}

static int render(
        struct facts *f, const struct notice_item *item, const char *text, struct buf *out)
{
	f->item = item;
	return template_render(text, look_up, f, out);
}

static bool same_ticket(const struct notice_item *a, const struct notice_item *b)
{
	return a->customer_id == b->customer_id && a->ticket_id == b->ticket_id;
}

static size_t tickets_count(const struct message *m)
{
	size_t tickets = 0;

	for (size_t i = 0; i < m->count; i++) {
		size_t before = 0;

		while (before < i && !same_ticket(&m->items[before], &m->items[i]))
			before++;
		tickets += before == i;
	}
	return tickets;
}

/* Which of several notices gives the message its subject. */
static const struct notice_item *weightiest(const struct message *m)
{
	static const int WEIGHTS[NOTICE_COUNT] = {[NOTICE_CREATED] = 1,
	        [NOTICE_LEVEL] = 2,
	        [NOTICE_REPLIED] = 3,
	        [NOTICE_ANSWERED] = 3,
	        [NOTICE_REOPENED] = 4,
	        [NOTICE_QUESTION] = 5,
	        [NOTICE_RESOLVED] = 6};
	const struct notice_item *best = &m->items[0];

	for (size_t i = 1; i < m->count; i++) {
		if (WEIGHTS[m->items[i].kind] >= WEIGHTS[best->kind])
			best = &m->items[i];
	}
	return best;
}

static int one_ticket(struct facts *f, struct buf *subject, struct buf *text)
{
	const struct message *m = f->message;
	const struct notice_item *best = weightiest(m);
	int rc = render(f, best, f->language->templates[best->kind].subject, subject);

	for (size_t i = 0; rc == 0 && i < m->count; i++) {
		if (i > 0)
			(void)buf_putc(text, '\n');
		rc = render(
		        f, &m->items[i], f->language->templates[m->items[i].kind].body, text);
	}
	return rc;
}

static int summary(struct facts *f, struct buf *subject, struct buf *text)
{
	const struct template *templates = f->language->templates;
	const struct message *m = f->message;
	size_t lines = m->count < SUMMARY_LINES ? m->count : SUMMARY_LINES;
	int rc = render(f, &m->items[0], templates[TEMPLATE_SUMMARY].subject, subject);

	if (rc == 0)
		rc = render(f, &m->items[0], templates[TEMPLATE_SUMMARY].body, text);
	for (size_t i = 0; rc == 0 && i < lines; i++)
		rc = render(f, &m->items[i], templates[TEMPLATE_SUMMARY_LINE].body, text);
	f->count = m->count - lines;
	if (rc == 0 && f->count > 0)
		rc = render(f, &m->items[0], templates[TEMPLATE_REST].body, text);
	return rc;
}

int message_write(const struct message *m, struct buf *subject, struct buf *text)
{
	struct facts f = {.language = language_find(m->language),
	        .message = m,
	        .count = m->count,
	        .tickets = tickets_count(m)};
	int rc = f.tickets == 1 ? one_ticket(&f, subject, text) : summary(&f, subject, text);

	if (rc == 0 && (subject->failed || text->failed))
		rc = -OTK_RESOURCE_EXHAUSTED;
	return rc;
}

int message_html(const char *text, struct buf *html)
{
	(void)buf_puts(html, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>"
	                     "<body>\n<p>");
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '&')
			(void)buf_puts(html, "&amp;");
		else if (*c == '<')
			(void)buf_puts(html, "&lt;");
		else if (*c == '>')
			(void)buf_puts(html, "&gt;");
		else if (*c == '\n' && c[1] == '\n')
			(void)buf_puts(html, "</p>\n<p>");
		else if (*c == '\n' && c > text && c[-1] != '\n')
			(void)buf_puts(html, "<br>\n");
		else if (*c != '\n')
			(void)buf_putc(html, *c);
	}
	return buf_puts(html, "</p>\n</body></html>\n");
}

/* Notices as words in the recipient's language and zone. */
#include "notice/message.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "notice/template.h"

enum {
	SUMMARY_LINES = 200,
	TEXT_MOST = 256 * 1024, /* bytes after which the rest is only counted: mail servers take
	                           letters of some MB, and this one comes in two forms */
};

/* What a template may ask for. */
struct facts {
	const struct language *language;
	const struct message *message;
	const struct notice_item *item;
	size_t count;
	size_t tickets;
	bool subject; /* what is being written */
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
	VAR_PROMISE,
	VAR_OLD_PROMISE,
	VAR_OTHER,
	VAR_KIND,
	VAR_COUNT,
	VAR_TICKETS,
	VARIABLES
};

static const char *const VARIABLE_NAMES[VARIABLES] = {"ticket", "title", "customer", "actor",
        "text", "priority", "response_due", "resolution_due", "clock", "level", "due", "at",
        "promise", "old_promise", "other", "kind", "count", "tickets"};

#define VARIABLES_TEXT                                                                         \
	"ticket, title, customer, actor, text, priority, response_due, resolution_due, "       \
	"clock, "                                                                              \
	"level, due, at, promise, old_promise, other, kind, count, tickets"

static const char *clock_text(const struct facts *f)
{
	int clock = f->item->clock;

	return clock > 0 && clock < CLOCK_KIND_COUNT ? f->language->clocks[clock] : "";
}

/* In a subject the names of all levels that the message is about, else the item's own. */
static void put_levels(const struct facts *f, struct buf *out)
{
	const struct message *m = f->message;
	bool any = false;

	if (!f->subject) {
		(void)buf_puts(out, or_empty(f->item->level));
		return;
	}
	for (size_t i = 0; i < m->count; i++) {
		size_t before = 0;

		if (m->items[i].kind != NOTICE_LEVEL || m->items[i].level == NULL)
			continue;
		while (before < i &&
		        (m->items[before].level == NULL ||
		                strcmp(m->items[before].level, m->items[i].level) != 0))
			before++;
		if (before < i)
			continue;
		(void)buf_printf(out, "%s%s", any ? ", " : "", m->items[i].level);
		any = true;
	}
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
	case VAR_PROMISE:
		put_due(f, i->promise, out);
		break;
	case VAR_OLD_PROMISE:
		put_due(f, i->old_promise, out);
		break;
	case VAR_OTHER:
		(void)buf_printf(out, "%" PRId64, i->other);
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
		put_levels(f, out);
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

/* Whose values are never looked at: only whether there is such a variable. */
int template_try(const char *text, struct otk_error *err)
{
	if (text == NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_TEMPLATE", "there is no text");
	while (*text != '\0') {
		const char *brace = text + strcspn(text, "{}");
		size_t length = *brace == '{' ? strcspn(brace + 1, "{}") : 0;

		if (*brace == '\0')
			return 0;
		if (*brace == '}')
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_TEMPLATE",
			        "a } has no { before it");
		if (brace[1 + length] != '}')
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_TEMPLATE",
			        "a { has no } after it");
		if (!look_up(NULL, brace + 1, length, NULL))
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_TEMPLATE",
			        "there is no variable {%.*s}; there are: %s",
			        length > 40 ? 40 : (int)length, brace + 1, VARIABLES_TEXT);
		text = brace + length + 2;
	}
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
	        [NOTICE_RESOLVED] = 6,
	        [NOTICE_PROMISED] = 4,
	        [NOTICE_PROMISE_WARNED] = 4,
	        [NOTICE_PROMISE_BROKEN] = 5,
	        [NOTICE_ASKED] = 3,
	        [NOTICE_MERGED] = 6,
	        [NOTICE_UNMERGED] = 5};
	const struct notice_item *best = &m->items[0];

	for (size_t i = 1; i < m->count; i++) {
		if (WEIGHTS[m->items[i].kind] >= WEIGHTS[best->kind])
			best = &m->items[i];
	}
	return best;
}

static struct template words(const struct facts *f, const struct notice_item *item, int which)
{
	const struct message *m = f->message;

	return template_choose(m->own, m->own_count, item->customer_id, m->language, which);
}

static int subject_write(
        struct facts *f, const struct notice_item *item, int which, struct buf *subject)
{
	int rc;

	f->subject = true;
	rc = render(f, item, words(f, item, which).subject, subject);
	f->subject = false;
	return rc;
}

static int one_ticket(struct facts *f, struct buf *subject, struct buf *text)
{
	const struct message *m = f->message;
	const struct notice_item *best = weightiest(m);
	int rc = subject_write(f, best, (int)best->kind, subject);

	for (size_t i = 0; rc == 0 && i < m->count; i++) {
		const struct notice_item *item = &m->items[i];

		if (i > 0)
			(void)buf_putc(text, '\n');
		if (text->len > TEXT_MOST) {
			f->count = m->count - i;
			return render(f, item, words(f, item, TEMPLATE_REST).body, text);
		}
		rc = render(f, item, words(f, item, (int)item->kind).body, text);
	}
	return rc;
}

static int summary(struct facts *f, struct buf *subject, struct buf *text)
{
	const struct message *m = f->message;
	const struct notice_item *first = &m->items[0];
	size_t lines = m->count < SUMMARY_LINES ? m->count : SUMMARY_LINES;
	int which = m->digest ? TEMPLATE_DIGEST : TEMPLATE_SUMMARY;
	int rc = subject_write(f, first, which, subject);

	if (rc == 0)
		rc = render(f, first, words(f, first, which).body, text);
	for (size_t i = 0; rc == 0 && i < lines; i++) {
		const struct notice_item *item = &m->items[i];

		rc = render(f, item, words(f, item, TEMPLATE_SUMMARY_LINE).body, text);
		if (text->len > TEXT_MOST)
			lines = i + 1;
	}
	f->count = m->count - lines;
	if (rc == 0 && f->count > 0)
		rc = render(f, first, words(f, first, TEMPLATE_REST).body, text);
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

int message_part(const struct message *m, int template, struct buf *subject, struct buf *text)
{
	struct facts f = {.language = language_find(m->language),
	        .message = m,
	        .count = m->count,
	        .tickets = tickets_count(m)};
	int rc = subject_write(&f, &m->items[0], template, subject);

	if (rc == 0)
		rc = render(&f, &m->items[0], words(&f, &m->items[0], template).body, text);
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

/*
 * One message at a time: leased in a short transaction, sent with none open, marked in another.
 * Sending blocks this process and nobody else. A process that dies in between leaves a lease;
 * when it has ended the message is sent again under the same id.
 */
#include "notify/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/rand.h>

#include "base/log.h"
#include "base/time_text.h"
#include "core/lifecycle.h"
#include "core/webhook_url.h"
#include "desk/desk.h"
#include "desk/mail_token.h"
#include "jobs/job.h"
#include "notice/message.h"
#include "notice/template.h"
#include "notify/silence.h"
#include "notify/webhook.h"
#include "sql/statements.h"

enum {
	DELIVER_ARENA = 48 * 1024 * 1024, /* ROWS_MAX texts of 4,000 characters */
	DELIVER_TIMEOUT_MS = 30000,
	ROWS_MAX = 1000,
	CHANNELS = 3,
	DOWN_MOST_S = 60,
	ID_SIZE = 400,
	WEBHOOK_SIZE = sizeof "https://" + WEBHOOK_URL_MAX,
};
#define DELIVER_IDLE_US INT64_C(250000)
#define DELIVER_VIRTUAL_US INT64_C(20000)

enum { ROW_WAITING = 1, ROW_SENT = 2, ROW_DEAD = 3 };

/* Columns of outbox_message. */
enum {
	COL_BATCH,
	COL_ATTEMPTS,
	COL_CUSTOMER,
	COL_TICKET,
	COL_KIND,
	COL_CHANNEL,
	COL_RECIPIENT,
	COL_NAME,
	COL_LANGUAGE,
	COL_ZONE,
	COL_CODE,
	COL_CUSTOMER_NAME,
	COL_TITLE,
	COL_PRIORITY,
	COL_AT,
	COL_ACTOR,
	COL_TEXT,
	COL_CLOCK,
	COL_LEVEL,
	COL_DUE,
	COL_RESPONSE,
	COL_RESOLUTION,
	COL_PROMISE,
	COL_OLD_PROMISE,
	COL_DIGEST,
	COL_SECRET,
	COL_PERSON,
	COL_OTHER,
};

struct deliver {
	struct job job;
	struct deliver_options options;
	struct mailer *mailer;   /* NULL: no e-mail */
	struct webhook *webhook; /* NULL: none */
	int64_t up_at[CHANNELS]; /* a channel is not tried before; by the server's clock */
	int failures[CHANNELS];  /* in a row, of the channel itself */
	struct silence silence;  /* of customers' webhooks, which are no channel */
	/* What is to be marked: survives a database that is away. */
	bool unmarked;
	int64_t batch;
	int attempts;
	int64_t next_at;
	int state;
	char error[DELIVERY_ERROR_SIZE];
	char silent[WEBHOOK_SIZE]; /* the webhook whose other messages wait too; "": none */
	int64_t silent_until;
};

static uint32_t random_number(void)
{
	uint32_t value = 0;

	(void)RAND_bytes((unsigned char *)&value, sizeof value);
	return value;
}

/* ---- rows to messages ------------------------------------------------------------------ */

static void item_read(const struct db_rows *rows, size_t i, struct notice_item *out)
{
	int64_t kind = db_get_int(rows, i, COL_KIND);

	*out = (struct notice_item){
	        .kind = kind > 0 && kind < NOTICE_COUNT ? (enum notice)kind : NOTICE_REPLIED,
	        .customer_id = (int32_t)db_get_int(rows, i, COL_CUSTOMER),
	        .ticket_id = db_get_int(rows, i, COL_TICKET),
	        .customer = db_get_text_or_empty(rows, i, COL_CUSTOMER_NAME),
	        .customer_code = db_get_text_or_empty(rows, i, COL_CODE),
	        .title = db_get_text_or_empty(rows, i, COL_TITLE),
	        .priority = (int)db_get_int(rows, i, COL_PRIORITY),
	        .actor = db_get_text(rows, i, COL_ACTOR),
	        .text = db_get_text(rows, i, COL_TEXT),
	        .occurred_at = db_get_time(rows, i, COL_AT),
	        .response_due = db_get_time(rows, i, COL_RESPONSE),
	        .resolution_due = db_get_time(rows, i, COL_RESOLUTION),
	        .clock = (int)db_get_int(rows, i, COL_CLOCK),
	        .level = db_get_text(rows, i, COL_LEVEL),
	        .clock_due = db_get_time(rows, i, COL_DUE),
	        .promise = db_get_time(rows, i, COL_PROMISE),
	        .old_promise = db_get_time(rows, i, COL_OLD_PROMISE),
	        .other = db_is_null(rows, i, COL_OTHER) ? 0 : db_get_int(rows, i, COL_OTHER)};
}

static int message_read(const struct db_rows *rows, const struct db_rows *templates,
        struct arena *arena, struct message *out)
{
	size_t count = db_rows_count(rows);
	size_t own_count = db_rows_count(templates);
	struct notice_item *items = arena_calloc(arena, count, sizeof *items);
	struct own_template *own = arena_calloc(arena, own_count + 1, sizeof *own);

	if (items == NULL || own == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < own_count; i++)
		own[i] = (struct own_template){
		        .customer_id = (int32_t)db_get_int(templates, i, 0),
		        .language = db_get_text_or_empty(templates, i, 1),
		        .name = db_get_text_or_empty(templates, i, 2),
		        .subject = db_get_text_or_empty(templates, i, 3),
		        .body = db_get_text_or_empty(templates, i, 4)};
	for (size_t i = 0; i < count; i++)
		item_read(rows, i, &items[i]);
	*out = (struct message){.batch = db_get_int(rows, 0, COL_BATCH),
	        .name = db_get_text_or_empty(rows, 0, COL_NAME),
	        .language = db_get_text_or_empty(rows, 0, COL_LANGUAGE),
	        .zone = db_get_text_or_empty(rows, 0, COL_ZONE),
	        .person = (int32_t)db_get_int(rows, 0, COL_PERSON),
	        .items = items,
	        .count = count,
	        .digest = db_get_bool(rows, 0, COL_DIGEST),
	        .own = own,
	        .own_count = own_count};
	return 0;
}

/* ---- channels -------------------------------------------------------------------------- */

static bool one_ticket(const struct message *m)
{
	for (size_t i = 1; i < m->count; i++) {
		if (m->items[i].ticket_id != m->items[0].ticket_id)
			return false;
	}
	return true;
}

/* "notice.1041.tag.demo@provider.example": proves to mail intake that it was ours. */
static int id_write(
        const struct deliver *d, enum mail_token_kind kind, int64_t number, char out[ID_SIZE])
{
	const struct mail_token token = {.kind = kind, .number = number};
	char text[MAIL_TOKEN_SIZE];
	size_t size;
	const void *secret = desk_secret(d->options.jobs.desk, &size);

	if (mail_token_write(secret, size, &token, text) != 0)
		return -OTK_INTERNAL;
	(void)snprintf(out, ID_SIZE, "%s.%s.%s@%s",
	        kind == MAIL_TOKEN_NOTICE ? "notice" : "ticket", text, d->options.installation,
	        mailer_domain(d->mailer));
	return 0;
}

/* "desk+1041.17.tag@provider.example": an answer finds the ticket, and from whom it comes is
 * known. "" where no mail is taken. */
static void reply_to_write(
        const struct deliver *d, int64_t ticket_id, int32_t person, char out[ID_SIZE])
{
	const struct mail_token token = {
	        .kind = MAIL_TOKEN_REPLY, .number = ticket_id, .who = person};
	const struct reference *ref = desk_reference(d->options.jobs.desk);
	const char *address = ref == NULL ? "" : ref->mail_address;
	size_t local = strcspn(address, "@");
	char text[MAIL_TOKEN_SIZE];
	size_t size;
	const void *secret = desk_secret(d->options.jobs.desk, &size);

	out[0] = '\0';
	if (address[0] != '\0' && mail_token_write(secret, size, &token, text) == 0)
		(void)snprintf(
		        out, ID_SIZE, "%.*s+%s%s", (int)local, address, text, address + local);
}

static void mail_message(
        struct deliver *d, const struct message *m, const char *to, struct delivery *result)
{
	struct buf subject = {0};
	struct buf text = {0};
	struct buf html = {0};
	char id[ID_SIZE];
	char thread[ID_SIZE];
	char reply_to[ID_SIZE];
	struct letter letter = {
	        .to = to, .to_name = m->name, .message_id = id, .at = clock_now(d->job.clock)};

	if (id_write(d, MAIL_TOKEN_NOTICE, m->batch, id) != 0 ||
	        id_write(d, MAIL_TOKEN_TICKET, m->items[0].ticket_id, thread) != 0) {
		delivery_fail(result, TRY_LATER, "its message id cannot be signed");
		return;
	}
	if (one_ticket(m)) {
		letter.thread_id = thread;
		reply_to_write(d, m->items[0].ticket_id, m->person, reply_to);
		letter.reply_to = reply_to;
	}
	if (message_write(m, &subject, &text) != 0 ||
	        message_html(buf_text(&text), &html) != 0) {
		delivery_fail(result, TRY_LATER, "out of memory");
	} else {
		letter.subject = buf_text(&subject);
		letter.text = buf_text(&text);
		letter.html = buf_text(&html);
		mail_send(d->mailer, &letter, result);
	}
	buf_free(&html);
	buf_free(&text);
	buf_free(&subject);
}

static json_t *time_json(int64_t at)
{
	char text[TIME_TEXT_SIZE];

	return at == 0 ? json_null() : json_string(time_format_utc(at, text));
}

/* The body of a webhook; to be freed, NULL when memory is out. */
static char *hook_body(const char *id, const struct notice_item *i)
{
	json_t *o = json_object();
	bool level = i->kind == NOTICE_LEVEL;
	char *text;

	(void)json_object_set_new(o, "id", json_string(id));
	(void)json_object_set_new(o, "kind", json_string(notice_name(i->kind)));
	(void)json_object_set_new(o, "ticket", json_integer(i->ticket_id));
	(void)json_object_set_new(o, "customer", json_string(i->customer_code));
	(void)json_object_set_new(o, "title", json_string(i->title));
	(void)json_object_set_new(o, "priority", json_integer(i->priority));
	(void)json_object_set_new(o, "occurred_at", time_json(i->occurred_at));
	(void)json_object_set_new(
	        o, "actor", i->actor == NULL ? json_null() : json_string(i->actor));
	(void)json_object_set_new(
	        o, "text", i->text == NULL ? json_null() : json_string(i->text));
	(void)json_object_set_new(o, "response_due", time_json(i->response_due));
	(void)json_object_set_new(o, "resolution_due", time_json(i->resolution_due));
	if (i->kind == NOTICE_PROMISED || i->kind == NOTICE_PROMISE_WARNED ||
	        i->kind == NOTICE_PROMISE_BROKEN) {
		(void)json_object_set_new(o, "promise", time_json(i->promise));
		(void)json_object_set_new(o, "promise_before", time_json(i->old_promise));
	}
	if (i->kind == NOTICE_MERGED || i->kind == NOTICE_UNMERGED)
		(void)json_object_set_new(o, "other", json_integer(i->other));
	if (level) {
		(void)json_object_set_new(
		        o, "clock", json_string(clock_kind_name((enum clock_kind)i->clock)));
		(void)json_object_set_new(
		        o, "level", json_string(i->level == NULL ? "" : i->level));
	}
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

/* `secret`: the customer's, by name; NULL: that of the installation. */
static void hook_message(struct deliver *d, const struct message *m, const char *url,
        const char *secret, struct delivery *result)
{
	char id[ID_SIZE];
	char *body;

	(void)snprintf(
	        id, sizeof id, "notice.%" PRId64 ".%s", m->batch, d->options.installation);
	if (secret == NULL && strcmp(url, d->options.jobs.webhook_url) != 0) {
		delivery_fail(result, REFUSED, "this webhook is not declared any more");
		return;
	}
	body = hook_body(id, &m->items[0]);
	if (body == NULL)
		delivery_fail(result, TRY_LATER, "out of memory");
	else
		webhook_send(
		        d->webhook, url, secret, id, clock_now(d->job.clock), body, result);
	free(body);
}

/* ---- what came of it ------------------------------------------------------------------- */

static void channel_judge(
        struct deliver *d, enum channel channel, const struct delivery *result)
{
	int64_t wait;

	if (result->outcome != CHANNEL_DOWN) {
		if (d->failures[channel] > 0)
			log_info("channel works again", "channel",
			        channel == CHANNEL_MAIL ? "mail" : "webhook");
		d->failures[channel] = 0;
		return;
	}
	if (d->failures[channel]++ == 0)
		log_warn("channel is down; messages wait", "channel",
		        channel == CHANNEL_MAIL ? "mail" : "webhook", "why", result->error);
	wait = delivery_retry_us(d->failures[channel], random_number());
	if (wait > DOWN_MOST_S * CLOCK_SECOND)
		wait = DOWN_MOST_S * CLOCK_SECOND;
	d->up_at[channel] = clock_now(d->job.clock) + wait;
}

/* A customer's webhook that does not answer keeps its own messages waiting, and no others'. */
static void silence_judge(
        struct deliver *d, const struct db_rows *rows, const struct delivery *result)
{
	const char *url = db_get_text_or_empty(rows, 0, COL_RECIPIENT);
	int64_t wait;

	if (result->outcome != CHANNEL_DOWN) {
		silence_broken(&d->silence, url);
		return;
	}
	wait = delivery_retry_us(silence_failed(&d->silence, url), random_number());
	(void)snprintf(d->silent, sizeof d->silent, "%s", url);
	d->silent_until = clock_now(d->job.clock) + wait;
}

static void result_keep(
        struct deliver *d, const struct db_rows *rows, const struct delivery *result)
{
	int64_t now = clock_now(d->job.clock);

	d->batch = db_get_int(rows, 0, COL_BATCH);
	d->attempts = (int)db_get_int(rows, 0, COL_ATTEMPTS);
	d->unmarked = true;
	d->next_at = now;
	(void)snprintf(d->error, sizeof d->error, "%s", result->error);
	/* A server's words may be in any encoding; the database takes UTF-8 only. */
	for (char *c = d->error; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	}
	if (result->outcome == DELIVERED) {
		d->state = ROW_SENT;
	} else if (result->outcome == REFUSED || d->attempts >= d->options.attempts) {
		d->state = ROW_DEAD;
		/* the address of a webhook may hold what lets one call it: the log names its
		 * owner */
		if (db_get_int(rows, 0, COL_CHANNEL) == CHANNEL_WEBHOOK)
			log_warn("a message is put aside", "webhook_of",
			        db_is_null(rows, 0, COL_SECRET)
			                ? "installation"
			                : db_get_text_or_empty(rows, 0, COL_CODE),
			        "why", d->error);
		else
			log_warn("a message is put aside", "recipient",
			        db_get_text_or_empty(rows, 0, COL_RECIPIENT), "why", d->error);
	} else {
		d->state = ROW_WAITING;
		d->next_at = now + delivery_retry_us(d->attempts, random_number());
		if (d->silent[0] != '\0' && d->next_at < d->silent_until)
			d->next_at = d->silent_until;
	}
}

/* ---- the loop -------------------------------------------------------------------------- */

static void marked(void *context, struct db_unit *unit)
{
	struct deliver *d = context;

	(void)unit;
	if (!job_succeeded(&d->job))
		return; /* tried again: it stays unmarked */
	d->unmarked = false;
	d->silent[0] = '\0';
	job_sleep(&d->job, 0);
}

static void mark(struct deliver *d)
{
	db_call(d->job.unit, SQL_OUTBOX_MARK);
	db_put_int(d->job.unit, d->batch);
	db_put_int(d->job.unit, d->state);
	db_put_time(d->job.unit, d->next_at);
	db_put_text(d->job.unit, d->state == ROW_SENT ? NULL : d->error);
	db_put_int(d->job.unit, d->attempts);
	if (d->silent[0] != '\0') {
		db_call(d->job.unit, SQL_OUTBOX_WAIT);
		db_put_text(d->job.unit, d->silent);
		db_put_time(d->job.unit, d->silent_until);
	}
	job_submit(&d->job, DELIVER_TIMEOUT_MS, marked, d);
}

static void claimed(void *context, struct db_unit *unit)
{
	struct deliver *d = context;
	const struct db_rows *rows = db_unit_rows(unit, 1);
	struct delivery result = {.outcome = TRY_LATER};
	struct message message;
	enum channel channel;
	const char *recipient;

	if (!job_succeeded(&d->job))
		return;
	if (db_rows_count(rows) == 0) {
		job_sleep(&d->job,
		        clock_is_virtual(d->job.clock) ? DELIVER_VIRTUAL_US : DELIVER_IDLE_US);
		return;
	}
	channel = (enum channel)db_get_int(rows, 0, COL_CHANNEL);
	recipient = db_get_text_or_empty(rows, 0, COL_RECIPIENT);
	if (message_read(rows, db_unit_rows(unit, 2), d->job.arena, &message) != 0)
		delivery_fail(&result, TRY_LATER, "out of memory");
	else if (channel == CHANNEL_MAIL)
		mail_message(d, &message, recipient, &result);
	else
		hook_message(d, &message, recipient, db_get_text(rows, 0, COL_SECRET), &result);
	if (channel == CHANNEL_WEBHOOK && !db_is_null(rows, 0, COL_SECRET))
		silence_judge(d, rows, &result);
	else
		channel_judge(d, channel, &result);
	result_keep(d, rows, &result);
	if (job_next(&d->job, DB_REPLAY) != NULL)
		mark(d);
}

static void run(void *arg)
{
	struct deliver *d = arg;
	int64_t now = clock_now(d->job.clock);
	int64_t channels[CHANNELS];
	size_t count = 0;

	if (d->mailer != NULL && now >= d->up_at[CHANNEL_MAIL])
		channels[count++] = CHANNEL_MAIL;
	if (d->webhook != NULL && now >= d->up_at[CHANNEL_WEBHOOK])
		channels[count++] = CHANNEL_WEBHOOK;
	/* Before the installation's secret is there no message can be named. */
	if (desk_reference(d->options.jobs.desk) == NULL) {
		job_sleep(&d->job, DELIVER_IDLE_US);
		return;
	}
	/* A claim that was lost with its connection is a lease that runs out. */
	if (job_begin(&d->job, d->unmarked ? DB_REPLAY : DB_WRITE) == NULL)
		return;
	if (d->unmarked) {
		mark(d);
		return;
	}
	db_call(d->job.unit, SQL_OUTBOX_CLAIM);
	db_put_time(d->job.unit, now);
	db_put_time(d->job.unit, now + DELIVERY_LEASE_S * CLOCK_SECOND);
	db_put_ints(d->job.unit, DB_INT2, channels, count);
	db_put_int(d->job.unit, d->options.burst);
	db_put_int(d->job.unit, d->options.window_us);
	db_put_int(d->job.unit, ROWS_MAX);
	db_call(d->job.unit, SQL_OUTBOX_MESSAGE);
	db_call(d->job.unit, SQL_OUTBOX_TEMPLATES);
	job_submit(&d->job, DELIVER_TIMEOUT_MS, claimed, d);
}

struct deliver *deliver_new(const struct deliver_options *options, struct otk_error *err)
{
	struct deliver *d;

	if (template_check(err) != 0)
		return NULL;
	d = calloc(1, sizeof *d);
	if (d == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto no_memory;
	d->options = *options;
	if (options->mail.url[0] != '\0') {
		d->mailer = mailer_new(&options->mail, err);
		if (d->mailer == NULL)
			goto out_free;
	}
	if (options->jobs.webhook_url[0] != '\0' || options->jobs.customer_hooks) {
		d->webhook = webhook_new(options->jobs.webhook_url[0] != '\0'
		                                 ? options->webhook_secret_file
		                                 : "",
		        options->webhook_secret_dir, options->webhook_allow_private, err);
		if (d->webhook == NULL)
			goto out_free;
	}
	if (job_init(&d->job, "notify", &options->jobs, DELIVER_ARENA, run, d) < 0)
		goto no_memory;
	job_sleep(&d->job, 0);
	return d;

no_memory:
	(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
out_free:
	deliver_free(d);
	return NULL;
}

void deliver_free(struct deliver *d)
{
	if (d == NULL)
		return;
	if (d->job.loop != NULL)
		job_release(&d->job);
	webhook_free(d->webhook);
	mailer_free(d->mailer);
	free(d);
	curl_global_cleanup();
}

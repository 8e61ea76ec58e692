/*
 * E-mail, one message at a time: leased in a short transaction, sent with none open, marked in
 * another. A process that dies in between leaves a lease; when it has ended the message is sent
 * again under the same id.
 */
#include "notify/letters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/lifecycle.h"
#include "desk/desk.h"
#include "desk/mail_token.h"
#include "jobs/job.h"
#include "notice/message.h"
#include "notify/rows.h"
#include "sql/statements.h"

enum {
	LETTERS_ARENA = 48 * 1024 * 1024, /* ROWS_MAX texts of 4,000 characters */
	LETTERS_TIMEOUT_MS = 30000,
	ROWS_MAX = 1000,
	DOWN_MOST_S = 60,
	ID_SIZE = 400,
};
#define LETTERS_IDLE_US INT64_C(250000)
#define LETTERS_VIRTUAL_US INT64_C(20000)

struct letters {
	struct job job;
	struct deliver_options options;
	struct mailer *mailer;
	int64_t up_at; /* no letter is tried before; by the server's clock */
	int failures;  /* in a row, of the server itself */
	bool sending;
	bool draining;
	void (*drained)(void *context);
	void *drained_context;
	/* What is to be marked: survives a database that is away. */
	bool unmarked;
	struct mark mark;
	char recipient[256];
};

static void sent(void *context, const struct delivery *result);

/* ---- a message ------------------------------------------------------------------------- */

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
        const struct letters *d, enum mail_token_kind kind, int64_t number, char out[ID_SIZE])
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
        const struct letters *d, int64_t ticket_id, int32_t person, char out[ID_SIZE])
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

/* Begins to send a message; false: `failed` says why not. */
static bool message_start(
        struct letters *d, const struct message *m, const char *to, struct delivery *failed)
{
	bool begun = false;
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
		delivery_fail(failed, TRY_LATER, "its message id cannot be signed");
		return false;
	}
	if (one_ticket(m)) {
		letter.thread_id = thread;
		reply_to_write(d, m->items[0].ticket_id, m->person, reply_to);
		letter.reply_to = reply_to;
	}
	if (message_write(m, &subject, &text) != 0 ||
	        message_html(buf_text(&text), &html) != 0) {
		delivery_fail(failed, TRY_LATER, "out of memory");
	} else {
		letter.subject = buf_text(&subject);
		letter.text = buf_text(&text);
		letter.html = buf_text(&html);
		begun = mail_start(d->mailer, &letter, sent, d, failed);
	}
	buf_free(&html);
	buf_free(&text);
	buf_free(&subject);
	return begun;
}

/* ---- what came of it ------------------------------------------------------------------- */

static void server_judge(struct letters *d, const struct delivery *result)
{
	int64_t wait;

	if (result->outcome != CHANNEL_DOWN) {
		if (d->failures > 0)
			log_info("channel works again", "channel", "mail");
		d->failures = 0;
		return;
	}
	if (d->failures++ == 0)
		log_warn("channel is down; messages wait", "channel", "mail", "why",
		        result->error);
	wait = delivery_retry_us(d->failures, random_number());
	if (wait > DOWN_MOST_S * CLOCK_SECOND)
		wait = DOWN_MOST_S * CLOCK_SECOND;
	d->up_at = clock_now(d->job.clock) + wait;
}

static void judge(struct letters *d, const struct delivery *result)
{
	server_judge(d, result);
	mark_judge(&d->mark, result, d->options.attempts, clock_now(d->job.clock));
	if (d->mark.state == ROW_DEAD)
		log_warn("a message is put aside", "recipient", d->recipient, "why",
		        d->mark.error);
	d->unmarked = true;
}

/* ---- the loop -------------------------------------------------------------------------- */

static void marked(void *context, struct db_unit *unit)
{
	struct letters *d = context;

	(void)unit;
	if (!job_succeeded(&d->job))
		return; /* tried again: it stays unmarked */
	d->unmarked = false;
	job_sleep(&d->job, 0);
}

static void mark(struct letters *d)
{
	const struct mark *const marks[] = {&d->mark};

	marks_put(d->job.unit, marks, 1);
	job_submit(&d->job, LETTERS_TIMEOUT_MS, marked, d);
}

static void sent(void *context, const struct delivery *result)
{
	struct letters *d = context;

	d->sending = false;
	judge(d, result);
	job_sleep(&d->job, 0);
}

static void claimed(void *context, struct db_unit *unit)
{
	struct letters *d = context;
	const struct db_rows *rows = db_unit_rows(unit, 1);
	struct delivery failed = {.outcome = TRY_LATER};
	struct message message;

	if (!job_succeeded(&d->job))
		return;
	if (db_rows_count(rows) == 0) {
		job_sleep(&d->job,
		        clock_is_virtual(d->job.clock) ? LETTERS_VIRTUAL_US : LETTERS_IDLE_US);
		return;
	}
	d->mark.batch = db_get_int(rows, 0, COL_BATCH);
	d->mark.attempts = (int)db_get_int(rows, 0, COL_ATTEMPTS);
	(void)snprintf(d->recipient, sizeof d->recipient, "%s",
	        db_get_text_or_empty(rows, 0, COL_RECIPIENT));
	if (rows_message(rows, db_unit_rows(unit, 2), d->job.arena, &message) != 0)
		delivery_fail(&failed, TRY_LATER, "out of memory");
	else
		d->sending = message_start(
		        d, &message, db_get_text_or_empty(rows, 0, COL_RECIPIENT), &failed);
	if (d->sending)
		return;
	judge(d, &failed);
	job_sleep(&d->job, 0);
}

static void claim(struct letters *d, int64_t now)
{
	db_call(d->job.unit, SQL_OUTBOX_CLAIM);
	db_put_time(d->job.unit, now);
	db_put_time(d->job.unit, now + DELIVERY_LEASE_S * CLOCK_SECOND);
	db_put_int(d->job.unit, d->options.burst);
	db_put_int(d->job.unit, d->options.window_us);
	db_put_int(d->job.unit, ROWS_MAX);
	db_call(d->job.unit, SQL_OUTBOX_MESSAGE);
	db_call(d->job.unit, SQL_OUTBOX_TEMPLATES);
	job_submit(&d->job, LETTERS_TIMEOUT_MS, claimed, d);
}

static void run(void *arg)
{
	struct letters *d = arg;
	int64_t now = clock_now(d->job.clock);

	if (d->sending)
		return;
	if (d->draining && !d->unmarked) {
		d->drained(d->drained_context);
		return;
	}
	/* Before the installation's secret is there no message can be named. */
	if (desk_reference(d->options.jobs.desk) == NULL || (!d->unmarked && now < d->up_at)) {
		job_sleep(&d->job,
		        clock_is_virtual(d->job.clock) ? LETTERS_VIRTUAL_US : LETTERS_IDLE_US);
		return;
	}
	/* A claim that was lost with its connection is a lease that runs out. */
	if (job_begin(&d->job, d->unmarked ? DB_REPLAY : DB_WRITE) == NULL)
		return;
	if (d->unmarked)
		mark(d);
	else
		claim(d, now);
}

struct letters *letters_new(const struct deliver_options *options, struct transfers *transfers,
        struct otk_error *err)
{
	struct letters *d = calloc(1, sizeof *d);

	if (d == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	d->options = *options;
	d->mailer = mailer_new(&options->mail, transfers, err);
	if (d->mailer == NULL) {
		letters_free(d);
		return NULL;
	}
	if (job_init(&d->job, "notify mail", &options->jobs, LETTERS_ARENA, run, d) < 0) {
		letters_free(d);
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	job_sleep(&d->job, 0);
	return d;
}

void letters_drain(struct letters *d, void (*drained)(void *context), void *context)
{
	d->draining = true;
	d->drained = drained;
	d->drained_context = context;
	if (!d->job.under_way && !d->sending)
		job_sleep(&d->job, 0);
}

void letters_free(struct letters *d)
{
	if (d == NULL)
		return;
	if (d->job.loop != NULL)
		job_release(&d->job);
	mailer_free(d->mailer);
	free(d);
}

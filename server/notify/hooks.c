/*
 * Webhooks, many at a time: what is due is leased some tens at once, posted side by side, and
 * what came of it is written some tens at once. Nobody waits for a slow one: of a destination
 * only a few posts are under way, of one that failed only one, and of one that is not known to
 * be quick no more are leased than begin at once. Of a ticket a destination hears in order.
 *
 * A process that dies in between leaves leases; when they have ended the same messages are
 * posted again under the same ids. An entry that has not begun when its post might outlast the
 * lease is given back.
 */
#include "notify/hooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "desk/desk.h"
#include "jobs/job.h"
#include "notify/hook_body.h"
#include "notify/rows.h"
#include "notify/silence.h"
#include "notify/webhook.h"
#include "sql/statements.h"

enum {
	HOOKS_ARENA = 8 * 1024 * 1024, /* CLAIM_MOST texts of 4,000 characters, and marks */
	HOOKS_TIMEOUT_MS = 30000,
	ENTRIES_MAX = 256, /* leased, under way or not yet marked */
	CLAIM_MOST = 64,   /* in one transaction */
	CLAIM_QUICK = 32,  /* of these to one destination that is quick */
	FLIGHTS_EACH = 4,  /* to one destination at once */
	QUICK_MAX = 32,    /* destinations known to be quick */
	MARK_MANY = 32,    /* are marked at once */
	DOWN_MOST_S = 60,  /* of the installation's own webhook */
	ID_SIZE = 200,
};
#define HOOKS_IDLE_US INT64_C(250000)
#define HOOKS_VIRTUAL_US INT64_C(20000)
#define MARK_GATHER_US INT64_C(10000)
#define QUICK_US INT64_C(500000)
/* How long after its lease a post may begin. */
#define BEGIN_US ((DELIVERY_LEASE_S - DELIVERY_TIMEOUT_S - 10) * INT64_C(1000000))

enum entry_state { ENTRY_QUEUED, ENTRY_FLYING, ENTRY_DONE };

/* A message, from its lease to its mark. */
struct entry {
	struct hooks *hooks;
	enum entry_state state;
	bool marking; /* in the unit that is under way */
	struct mark mark;
	uint64_t key; /* of its destination */
	char *url;
	char *secret; /* NULL: the installation's */
	char *customer;
	char *body;
	char id[ID_SIZE];
	int64_t ticket_id;
	int64_t begin_by; /* loop's time */
	int64_t begun_at;
	int failures; /* of the destination, when it began */
	struct webhook_call *call;
	int64_t silent_until; /* the destination's other messages wait too; 0: they need not */
};

struct hooks {
	struct job job;
	struct deliver_options options;
	struct webhook *webhook;
	struct silence silence;
	struct entry *entries[ENTRIES_MAX]; /* in order of their leases */
	size_t count;
	char *quick[QUICK_MAX]; /* the least lately used is overwritten */
	size_t quick_next;
	char *after;   /* the destination whose turn was last; NULL: none yet */
	int64_t up_at; /* of the installation's own; by the server's clock */
	bool hurried;  /* the timer is set to mark */
	bool draining;
	void (*drained)(void *context);
	void *drained_context;
};

/* ---- entries --------------------------------------------------------------------------- */

static void entry_free(struct entry *e)
{
	if (e == NULL)
		return;
	if (e->call != NULL)
		webhook_stop(e->call);
	free(e->url);
	free(e->secret);
	free(e->customer);
	free(e->body);
	free(e);
}

static struct entry *entry_new(struct hooks *h, const struct db_rows *rows, size_t i)
{
	const char *secret = db_get_text(rows, i, COL_SECRET);
	struct entry *e = calloc(1, sizeof *e);
	struct notice_item item;

	if (e == NULL)
		return NULL;
	row_item(rows, i, &item);
	e->hooks = h;
	e->mark.batch = db_get_int(rows, i, COL_BATCH);
	e->mark.attempts = (int)db_get_int(rows, i, COL_ATTEMPTS);
	(void)snprintf(e->id, sizeof e->id, "notice.%" PRId64 ".%s", e->mark.batch,
	        h->options.installation);
	e->url = strdup(db_get_text_or_empty(rows, i, COL_RECIPIENT));
	e->secret = secret == NULL ? NULL : strdup(secret);
	e->customer = strdup(item.customer_code);
	e->body = hook_body(e->id, &item);
	e->ticket_id = item.ticket_id;
	e->begin_by = loop_now(h->job.loop) + BEGIN_US;
	if (e->url == NULL || e->customer == NULL || e->body == NULL ||
	        (secret != NULL && e->secret == NULL)) {
		entry_free(e);
		return NULL;
	}
	e->key = silence_key(e->url);
	return e;
}

static bool same_destination(const struct entry *a, const struct entry *b)
{
	return a->key == b->key && strcmp(a->url, b->url) == 0;
}

static bool is_own(const struct hooks *h, const char *url)
{
	return strcmp(url, h->options.jobs.webhook_url) == 0;
}

/* To one that failed last one at a time, which tells whether it is back. */
static size_t flights_most(const struct hooks *h, const char *url)
{
	return silence_failures(&h->silence, url) > 0 ? 1 : FLIGHTS_EACH;
}

/* Not more of a destination at once, of a ticket one after another. */
static bool may_begin(const struct hooks *h, size_t at)
{
	const struct entry *e = h->entries[at];
	size_t flights = 0;

	for (size_t i = 0; i < h->count; i++) {
		const struct entry *other = h->entries[i];

		if (i == at || other->state == ENTRY_DONE || !same_destination(e, other))
			continue;
		if (i < at && other->ticket_id == e->ticket_id)
			return false;
		flights += other->state == ENTRY_FLYING;
	}
	return flights < flights_most(h, e->url);
}

/* ---- destinations that are quick ------------------------------------------------------- */

static void quick_set(struct hooks *h, const char *url, bool quick)
{
	for (size_t i = 0; i < QUICK_MAX; i++) {
		if (h->quick[i] == NULL || strcmp(h->quick[i], url) != 0)
			continue;
		if (!quick) {
			free(h->quick[i]);
			h->quick[i] = NULL;
		}
		return;
	}
	if (!quick)
		return;
	free(h->quick[h->quick_next]);
	h->quick[h->quick_next] = strdup(url); /* NULL: it is forgotten */
	h->quick_next = (h->quick_next + 1) % QUICK_MAX;
}

/* ---- what came of it ------------------------------------------------------------------- */

static void give_back(struct entry *e, int64_t at)
{
	mark_give_back(&e->mark, at);
	e->state = ENTRY_DONE;
}

/*
 * It does not answer: its other messages wait, longer each time, and no others. Of posts that
 * were under way together only the first to fail counts.
 */
static void destination_failed(struct hooks *h, struct entry *e, const char *why)
{
	bool own = is_own(h, e->url);
	int64_t wait;

	if (silence_failures(&h->silence, e->url) != e->failures)
		return;
	if (own && e->failures == 0)
		log_warn("channel is down; messages wait", "channel", "webhook", "why", why);
	wait = delivery_retry_us(silence_failed(&h->silence, e->url), random_number());
	if (own && wait > DOWN_MOST_S * CLOCK_SECOND)
		wait = DOWN_MOST_S * CLOCK_SECOND;
	if (own)
		h->up_at = clock_now(h->job.clock) + wait;
	else
		e->silent_until = clock_now(h->job.clock) + wait;
	for (size_t i = 0; i < h->count; i++) {
		if (h->entries[i]->state == ENTRY_QUEUED && same_destination(h->entries[i], e))
			give_back(h->entries[i], clock_now(h->job.clock) + wait);
	}
}

static void destination_judge(
        struct hooks *h, struct entry *e, const struct delivery *result, int64_t took_us)
{
	quick_set(h, e->url, result->outcome == DELIVERED && took_us < QUICK_US);
	if (result->outcome == CHANNEL_DOWN) {
		destination_failed(h, e, result->error);
		return;
	}
	if (is_own(h, e->url) && silence_failures(&h->silence, e->url) > 0)
		log_info("channel works again", "channel", "webhook");
	silence_broken(&h->silence, e->url);
}

static void settle(struct entry *e, const struct delivery *result)
{
	struct hooks *h = e->hooks;
	int64_t now = clock_now(h->job.clock);

	e->state = ENTRY_DONE;
	mark_judge(&e->mark, result, h->options.attempts, now);
	if (e->mark.state == ROW_WAITING && e->mark.next_at < e->silent_until)
		e->mark.next_at = e->silent_until;
	/* the address of a webhook may hold what lets one call it: the log names its owner */
	if (e->mark.state == ROW_DEAD)
		log_warn("a message is put aside", "webhook_of",
		        e->secret == NULL ? "installation" : e->customer, "why", e->mark.error);
}

/* Marks soon; at once when there is much, or nothing more to come. */
static void hurry(struct hooks *h)
{
	size_t done = 0;

	if (h->job.under_way)
		return;
	for (size_t i = 0; i < h->count; i++)
		done += h->entries[i]->state == ENTRY_DONE;
	if (done == 0)
		return;
	if (done >= MARK_MANY || done == h->count)
		job_sleep(&h->job, 0);
	else if (!h->hurried)
		job_sleep(&h->job, MARK_GATHER_US);
	h->hurried = true;
}

static void begin_what_may(struct hooks *h);

static void posted(void *context, const struct delivery *result)
{
	struct entry *e = context;
	struct hooks *h = e->hooks;

	e->call = NULL;
	destination_judge(h, e, result, loop_now(h->job.loop) - e->begun_at);
	settle(e, result);
	begin_what_may(h);
	hurry(h);
}

/* ---- posting --------------------------------------------------------------------------- */

static void begin(struct entry *e)
{
	struct hooks *h = e->hooks;
	const struct webhook_post post = {.url = e->url,
	        .secret = e->secret,
	        .id = e->id,
	        .at = clock_now(h->job.clock),
	        .body = e->body};
	struct delivery failed = {.outcome = TRY_LATER};

	e->failures = silence_failures(&h->silence, e->url);
	e->begun_at = loop_now(h->job.loop);
	if (e->secret == NULL && !is_own(h, e->url))
		delivery_fail(&failed, REFUSED, "this webhook is not declared any more");
	else
		e->call = webhook_start(h->webhook, &post, posted, e, &failed);
	if (e->call != NULL)
		e->state = ENTRY_FLYING;
	else
		settle(e, &failed);
}

static void begin_what_may(struct hooks *h)
{
	for (size_t i = 0; i < h->count; i++) {
		struct entry *e = h->entries[i];

		if (e->state != ENTRY_QUEUED)
			continue;
		if (h->draining || loop_now(h->job.loop) > e->begin_by)
			give_back(e, clock_now(h->job.clock));
		else if (may_begin(h, i))
			begin(e);
	}
}

/* ---- marking --------------------------------------------------------------------------- */

static void marked(void *context, struct db_unit *unit)
{
	struct hooks *h = context;
	bool saved = job_succeeded(&h->job);
	size_t kept = 0;

	(void)unit;
	for (size_t i = 0; i < h->count; i++) {
		struct entry *e = h->entries[i];

		if (saved && e->marking) {
			entry_free(e);
			continue;
		}
		e->marking = false; /* tried again */
		h->entries[kept++] = e;
	}
	h->count = kept;
	if (saved)
		job_sleep(&h->job, 0);
}

/* What was never tried of those that do not answer. */
static void wait_put(struct hooks *h)
{
	struct db_array *urls, *until;
	size_t count = 0;

	for (size_t i = 0; i < h->count; i++)
		count += h->entries[i]->marking && h->entries[i]->silent_until != 0;
	if (count == 0)
		return;
	db_call(h->job.unit, SQL_OUTBOX_WAIT);
	urls = db_put_array(h->job.unit, DB_TEXT, count);
	until = db_put_array(h->job.unit, DB_TIME, count);
	for (size_t i = 0; i < h->count; i++) {
		const struct entry *e = h->entries[i];

		if (!e->marking || e->silent_until == 0)
			continue;
		db_add_text(urls, e->url);
		db_add_time(until, e->silent_until);
	}
	db_put_time(h->job.unit, clock_now(h->job.clock));
}

/* False: there is nothing to mark. */
static bool mark(struct hooks *h)
{
	const struct mark *marks[ENTRIES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < h->count; i++)
		count += h->entries[i]->state == ENTRY_DONE;
	if (count == 0)
		return false;
	if (job_begin(&h->job, DB_REPLAY) == NULL)
		return true;
	count = 0;
	for (size_t i = 0; i < h->count; i++) {
		if (h->entries[i]->state != ENTRY_DONE)
			continue;
		h->entries[i]->marking = true;
		marks[count++] = &h->entries[i]->mark;
	}
	marks_put(h->job.unit, marks, count);
	wait_put(h);
	job_submit(&h->job, HOOKS_TIMEOUT_MS, marked, h);
	return true;
}

/* ---- leasing --------------------------------------------------------------------------- */

static void idle(struct hooks *h)
{
	job_sleep(&h->job, clock_is_virtual(h->job.clock) ? HOOKS_VIRTUAL_US : HOOKS_IDLE_US);
}

/* The last destination in the order in which they were asked, from `after` on and around. */
static void turn_keep(struct hooks *h, const struct db_rows *rows)
{
	const char *last = NULL;
	const char *after = h->after == NULL ? "" : h->after;
	char *kept;

	for (size_t i = 0; i < db_rows_count(rows); i++) {
		const char *url = db_get_text_or_empty(rows, i, COL_RECIPIENT);
		bool around = strcmp(url, after) <= 0;

		if (last == NULL || (around && strcmp(last, after) > 0) ||
		        (around == (strcmp(last, after) <= 0) && strcmp(url, last) > 0))
			last = url;
	}
	kept = last == NULL ? NULL : strdup(last);
	if (kept == NULL)
		return;
	free(h->after);
	h->after = kept;
}

static void claimed(void *context, struct db_unit *unit)
{
	struct hooks *h = context;
	const struct db_rows *rows = db_unit_rows(unit, 1);

	if (!job_succeeded(&h->job))
		return;
	turn_keep(h, rows);
	for (size_t i = 0; i < db_rows_count(rows) && h->count < ENTRIES_MAX; i++) {
		struct entry *e = entry_new(h, rows, i);

		if (e != NULL) /* else its lease runs out */
			h->entries[h->count++] = e;
	}
	begin_what_may(h);
	if (db_rows_count(rows) == 0)
		idle(h);
	else
		job_sleep(&h->job, 0);
	h->hurried = false;
	hurry(h);
}

/* Destinations that have as much as they may, or wait. */
static void busy_put(struct hooks *h, int64_t now)
{
	struct db_array *busy = db_put_array(h->job.unit, DB_TEXT, 0);

	if (now < h->up_at)
		db_add_text(busy, h->options.jobs.webhook_url);
	for (size_t i = 0; i < h->count; i++) {
		const struct entry *e = h->entries[i];
		size_t flights = 0;

		if (e->state == ENTRY_QUEUED) {
			db_add_text(busy, e->url);
			continue;
		}
		for (size_t k = 0; k < h->count; k++)
			flights += h->entries[k]->state == ENTRY_FLYING &&
			           same_destination(h->entries[k], e);
		if (e->state == ENTRY_FLYING && flights >= flights_most(h, e->url))
			db_add_text(busy, e->url);
	}
}

static void claim(struct hooks *h, int64_t now)
{
	size_t room = ENTRIES_MAX - h->count;
	struct db_array *quick;

	/* A claim that was lost with its connection is leases that run out. */
	if (job_begin(&h->job, DB_WRITE) == NULL)
		return;
	db_call(h->job.unit, SQL_OUTBOX_CLAIM_HOOKS);
	db_put_time(h->job.unit, now);
	db_put_time(h->job.unit, now + DELIVERY_LEASE_S * CLOCK_SECOND);
	busy_put(h, now);
	quick = db_put_array(h->job.unit, DB_TEXT, QUICK_MAX);
	for (size_t i = 0; i < QUICK_MAX; i++) {
		if (h->quick[i] != NULL)
			db_add_text(quick, h->quick[i]);
	}
	db_put_text(h->job.unit, h->after == NULL ? "" : h->after);
	db_put_int(h->job.unit, room < CLAIM_MOST ? (int64_t)room : CLAIM_MOST);
	db_put_int(h->job.unit, FLIGHTS_EACH);
	db_put_int(h->job.unit, CLAIM_QUICK);
	db_call(h->job.unit, SQL_OUTBOX_MESSAGE);
	job_submit(&h->job, HOOKS_TIMEOUT_MS, claimed, h);
}

static void run(void *arg)
{
	struct hooks *h = arg;

	h->hurried = false;
	if (mark(h))
		return;
	if (h->draining) {
		if (h->count == 0)
			h->drained(h->drained_context);
		return;
	}
	/* Before reference data are there, nothing is known of the installation. */
	if (desk_reference(h->options.jobs.desk) == NULL || h->count == ENTRIES_MAX) {
		idle(h);
		return;
	}
	claim(h, clock_now(h->job.clock));
}

struct hooks *hooks_new(const struct deliver_options *options, struct transfers *transfers,
        struct otk_error *err)
{
	struct hooks *h = calloc(1, sizeof *h);
	const char *secret_file =
	        options->jobs.webhook_url[0] == '\0' ? "" : options->webhook_secret_file;

	if (h == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	h->options = *options;
	h->webhook = webhook_new(secret_file, options->webhook_secret_dir,
	        options->webhook_allow_private, transfers, err);
	if (h->webhook == NULL) {
		hooks_free(h);
		return NULL;
	}
	if (job_init(&h->job, "notify webhooks", &options->jobs, HOOKS_ARENA, run, h) < 0) {
		hooks_free(h);
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	job_sleep(&h->job, 0);
	return h;
}

void hooks_drain(struct hooks *h, void (*drained)(void *context), void *context)
{
	h->draining = true;
	h->drained = drained;
	h->drained_context = context;
	begin_what_may(h);
	if (!h->job.under_way)
		job_sleep(&h->job, 0);
}

void hooks_free(struct hooks *h)
{
	if (h == NULL)
		return;
	if (h->job.loop != NULL)
		job_release(&h->job);
	for (size_t i = 0; i < h->count; i++)
		entry_free(h->entries[i]);
	for (size_t i = 0; i < QUICK_MAX; i++)
		free(h->quick[i]);
	webhook_free(h->webhook);
	free(h->after);
	free(h);
}

/*
 * The dispatch job. One round: read what lies behind the watermark, let the rules say who is
 * told, file the notices and move the watermark in one transaction, which does nothing if
 * another process was there first. The journal entry is what promises a notice; nothing is
 * added to the transaction that wrote it.
 */
#include "jobs/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "core/action.h"
#include "core/change.h"
#include "core/notification.h"
#include "core/rota.h"
#include "desk/desk.h"
#include "jobs/job.h"
#include "sql/statements.h"

enum {
	DISPATCH_EVENTS = 1000, /* of the feed, in one round */
	DISPATCH_ARENA = 8 * 1024 * 1024,
	DISPATCH_TIMEOUT_MS = 30000,
};
/* After a word that the feed has grown: as many rounds as words would cost more than they tell.
 */
#define DISPATCH_GATHER_US INT64_C(100000)
/* For a word that was lost. */
#define DISPATCH_IDLE_US INT64_C(1000000)
#define DISPATCH_FOLLOW_US INT64_C(5000000)

struct dispatch {
	struct job job;
	struct desk *desk;
	bool mail;
	bool customer_hooks;
	char *webhook_url; /* "": none */
	bool more;
};

static void round_saved(void *context, struct db_unit *unit)
{
	struct dispatch *d = context;
	bool saved;

	if (!job_succeeded(&d->job))
		return;
	saved = db_get_bool(db_unit_rows(unit, 0), 0, 0);
	if (d->more || !saved)
		job_sleep(&d->job, 0);
	else
		job_idle(&d->job, DISPATCH_IDLE_US);
}

/* What a row of dispatch_read says, judged. */
static struct notification judge(const struct db_rows *rows, size_t i)
{
	static const struct actor NOBODY = {0};
	struct event e;

	event_init(&e, (enum event_kind)db_get_int(rows, i, 5), &NOBODY, 0);
	e.cause = (enum event_cause)db_get_int(rows, i, 6);
	e.side = (enum actor_side)db_get_int(rows, i, 7);
	e.is_public = db_get_bool(rows, i, 8);
	if (!db_is_null(rows, i, 9))
		e.state = (int16_t)db_get_int(rows, i, 9);
	if (!db_is_null(rows, i, 10))
		e.pending_reason = (int16_t)db_get_int(rows, i, 10);
	if (!db_is_null(rows, i, 17))
		e.clock = (int16_t)db_get_int(rows, i, 17);
	return notification_of(&e, db_get_bool(rows, i, 12), db_get_text(rows, i, 13));
}

/* The arrays of outbox_dispatch: a row a notice, and whom levels name behind each other. */
struct notices {
	struct db_array *columns[10];
	struct db_array *named;
	size_t named_count;
	struct db_array *breach;
};

enum notice_column {
	COLUMN_CUSTOMER,
	COLUMN_TICKET,
	COLUMN_SEQ,
	COLUMN_KIND,
	COLUMN_AUDIENCE,
	COLUMN_ACTOR,
	COLUMN_QUIET,
	COLUMN_ON_CALL,
	COLUMN_NAMED_FROM,
	COLUMN_NAMED_TO,
};

/* Who answers for a team now: of the first layer that has somebody. */
static int32_t on_call(const struct dispatch *d, const struct reference *ref, int32_t team_id)
{
	int layers = rota_layers(ref, team_id);

	for (int layer = 1; layer <= layers; layer++) {
		int32_t id = rota_person(ref, team_id, layer, clock_now(d->job.clock));
		const struct ref_principal *person = reference_principal(ref, id);

		if (person != NULL && !person->disabled)
			return id;
	}
	return 0;
}

/* What a level's actions say beyond its audience: people by name, and quiet hours. */
static void level_put(
        struct dispatch *d, struct notices *n, const struct db_rows *rows, size_t i)
{
	const struct reference *ref = desk_reference(d->desk);
	const char *actions = db_get_text(rows, i, 13);
	enum quiet_policy quiet = QUIET_WAIT;
	size_t before = n->named_count;
	struct action action;

	while (action_next(&actions, &action)) {
		const struct ref_principal *person = NULL;

		if (action.verb == ACTION_QUIET)
			quiet = action.quiet;
		if (action.verb == ACTION_NOTIFY && action.audience == 0)
			person = action_person(ref, &action);
		if (person == NULL)
			continue;
		db_add_int(n->named, person->id);
		n->named_count++;
	}
	db_add_int(n->columns[COLUMN_QUIET], (int64_t)quiet);
	db_add_int(
	        n->columns[COLUMN_ON_CALL], on_call(d, ref, (int32_t)db_get_int(rows, i, 14)));
	db_add_int(n->columns[COLUMN_NAMED_FROM], (int64_t)before + 1);
	db_add_int(n->columns[COLUMN_NAMED_TO], (int64_t)n->named_count);
}

static void notice_put(
        struct dispatch *d, struct notices *n, const struct db_rows *rows, size_t i)
{
	struct notification what = judge(rows, i);

	if (what.kind == NOTICE_NONE)
		return;
	db_add_int(n->columns[COLUMN_CUSTOMER], db_get_int(rows, i, 2));
	db_add_int(n->columns[COLUMN_TICKET], db_get_int(rows, i, 3));
	db_add_int(n->columns[COLUMN_SEQ], db_get_int(rows, i, 4));
	db_add_int(n->columns[COLUMN_KIND], (int64_t)what.kind);
	db_add_int(n->columns[COLUMN_AUDIENCE], (int64_t)what.audience);
	db_add_int_if(
	        n->columns[COLUMN_ACTOR], !db_is_null(rows, i, 11), db_get_int(rows, i, 11));
	db_add_bool(n->breach,
	        what.kind == NOTICE_LEVEL && notification_is_breach(db_get_text(rows, i, 15)));
	if (what.kind == NOTICE_LEVEL) {
		level_put(d, n, rows, i);
		return;
	}
	db_add_int(n->columns[COLUMN_QUIET], QUIET_WAIT);
	db_add_int(n->columns[COLUMN_ON_CALL], 0);
	db_add_int(n->columns[COLUMN_NAMED_FROM], 1);
	db_add_int(n->columns[COLUMN_NAMED_TO], 0);
}

static void notices_put(struct dispatch *d, struct db_unit *save, const struct db_rows *rows)
{
	static const enum db_type TYPES[] = {DB_INT4, DB_INT8, DB_INT8, DB_INT2, DB_INT4,
	        DB_INT4, DB_INT2, DB_INT4, DB_INT4, DB_INT4};
	enum { COLUMNS = sizeof TYPES / sizeof TYPES[0] };
	struct notices n = {.named_count = 0};
	size_t count = db_rows_count(rows);

	db_call(save, SQL_OUTBOX_DISPATCH);
	db_put_int(save, db_get_int(rows, 0, 0));
	db_put_int(save, db_get_int(rows, 0, 1));
	db_put_time(save, clock_now(d->job.clock));
	db_put_bool(save, d->mail);
	db_put_text(save, d->webhook_url);
	for (int k = 0; k < COLUMNS; k++)
		n.columns[k] = db_put_array(save, TYPES[k], count);
	n.named = db_put_array(save, DB_INT4, 0);
	n.breach = db_put_array(save, DB_BOOL, count);
	db_put_bool(save, d->customer_hooks);
	for (size_t i = 0; i < count; i++) {
		if (!db_is_null(rows, i, 5))
			notice_put(d, &n, rows, i);
	}
}

static void stretch_read(void *context, struct db_unit *unit)
{
	struct dispatch *d = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);
	struct db_unit *save;

	if (!job_succeeded(&d->job))
		return;
	if (db_rows_count(rows) == 0 || db_is_null(rows, 0, 1)) {
		job_idle(&d->job, DISPATCH_IDLE_US);
		return;
	}
	d->more = db_get_bool(rows, 0, 16);
	save = job_next(&d->job, DB_REPLAY);
	if (save == NULL)
		return;
	notices_put(d, save, rows);
	job_submit(&d->job, DISPATCH_TIMEOUT_MS, round_saved, d);
}

static void followed(void *context, struct db_unit *unit)
{
	struct dispatch *d = context;

	(void)unit;
	if (job_succeeded(&d->job))
		job_sleep(&d->job, DISPATCH_FOLLOW_US);
}

static void round_start(void *arg)
{
	struct dispatch *d = arg;
	bool works = d->mail || d->customer_hooks || d->webhook_url[0] != '\0';

	if (works && desk_reference(d->desk) == NULL) {
		job_sleep(&d->job, DISPATCH_IDLE_US);
		return;
	}
	if (job_begin(&d->job, works ? DB_READ : DB_REPLAY) == NULL)
		return;
	db_call(d->job.unit, works ? SQL_DISPATCH_READ : SQL_DISPATCH_FOLLOW);
	if (works)
		db_put_int(d->job.unit, DISPATCH_EVENTS);
	job_submit(&d->job, DISPATCH_TIMEOUT_MS, works ? stretch_read : followed, d);
}

struct dispatch *dispatch_new(const struct jobs_options *options)
{
	struct dispatch *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->desk = options->desk;
	d->mail = options->mail;
	d->customer_hooks = options->customer_hooks;
	d->webhook_url = strdup(options->webhook_url == NULL ? "" : options->webhook_url);
	if (job_init(&d->job, "dispatch", options, DISPATCH_ARENA, round_start, d) < 0 ||
	        d->webhook_url == NULL) {
		dispatch_free(d);
		return NULL;
	}
	job_sleep(&d->job, 0);
	return d;
}

void dispatch_wake(struct dispatch *d)
{
	job_wake(&d->job, DISPATCH_GATHER_US);
}

void dispatch_free(struct dispatch *d)
{
	if (d == NULL)
		return;
	job_release(&d->job);
	free(d->webhook_url);
	free(d);
}

/*
 * The fold job. One round: read what lies behind the watermark together with what is remembered
 * of those tickets, fold in memory, save contributions, states and watermark in one
 * transaction. A round that finds less than a full stretch waits to be poked, or a moment.
 *
 * Rollups of an older edition of the rules are completed first: ticket after ticket is folded
 * again from the journal for the measures that are new, the others stand. Figures lag meanwhile
 * and are never wrong.
 */
#include "jobs/fold.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "core/kpi_fold.h"
#include "desk/kpi_rows.h"
#include "jobs/job.h"
#include "sql/statements.h"

enum {
	FOLD_EVENTS = 1000, /* in one round: a few milliseconds of folding */
	COMPLETE_EVENTS = 4000,
	FOLD_ARENA = 64 * 1024 * 1024,
	FOLD_TIMEOUT_MS = 30000,
	FOLD_HOURS_KEPT = 15 * 24,
};
/* After a word that the feed has grown: as many rounds as words would cost more than they fold.
 */
#define FOLD_GATHER_US INT64_C(100000)
/* For a word that was lost. */
#define FOLD_IDLE_US INT64_C(5000000)
#define FOLD_FAILED_US INT64_C(2000000)
#define HOUR_US (INT64_C(3600) * CLOCK_SECOND)

/* A ticket that occurs in this round. */
struct folded {
	int32_t customer_id;
	int64_t ticket_id;
	int64_t completed; /* folded again: where that ends; 0: with the state */
	struct kpi_state state;
};

struct fold {
	struct job job;
	bool full;              /* the stretch was full: there is more */
	struct folded *tickets; /* in the round's arena */
	size_t ticket_count;
	struct db_array *columns[11]; /* of the save, as contribution() fills them */
	int32_t customer_id;          /* of the ticket being folded */
	int rules;                    /* measures of these are counted already; 0: none */
	bool completing;              /* said in the log once */
};

static void tickets_drop(struct fold *fold)
{
	for (size_t i = 0; i < fold->ticket_count; i++)
		kpi_fold_end(&fold->tickets[i].state);
	fold->ticket_count = 0;
}

static void round_saved(void *context, struct db_unit *unit)
{
	struct fold *fold = context;
	bool saved;

	tickets_drop(fold);
	if (!job_succeeded(&fold->job))
		return;
	/* False: another process folded this stretch. Nothing is lost, look again. */
	saved = db_get_bool(db_unit_rows(unit, 0), 0, 0);
	if (fold->full || !saved)
		job_sleep(&fold->job, 0);
	else
		job_idle(&fold->job, FOLD_IDLE_US);
}

static void contribution(void *context, const struct kpi_delta *delta)
{
	struct fold *fold = context;
	struct db_array **c = fold->columns;

	if (kpi_metric_since(delta->key.metric) <= fold->rules)
		return;
	db_add_int(c[0], fold->customer_id);
	db_add_date(c[1], delta->key.day);
	db_add_int(c[2], delta->key.quarter);
	db_add_int(c[3], delta->key.site_id);
	db_add_int(c[4], delta->key.team_id);
	db_add_int(c[5], delta->key.priority);
	db_add_int(c[6], delta->key.type);
	db_add_int(c[7], delta->key.metric);
	db_add_int(c[8], delta->key.bucket);
	db_add_int(c[9], delta->n);
	db_add_int(c[10], delta->value);
}

static struct folded *ticket_find(struct fold *fold, int32_t customer_id, int64_t ticket_id)
{
	/* Neighbours in the feed are mostly the same ticket. */
	for (size_t i = fold->ticket_count; i-- > 0;) {
		struct folded *t = &fold->tickets[i];

		if (t->ticket_id == ticket_id && t->customer_id == customer_id)
			return t;
	}
	return NULL;
}

static struct folded *ticket_add(struct fold *fold, int32_t customer_id, int64_t ticket_id)
{
	struct folded *t = &fold->tickets[fold->ticket_count++];

	t->customer_id = customer_id;
	t->ticket_id = ticket_id;
	kpi_fold_begin(&t->state);
	return t;
}

static void gap_log(const struct kpi_event_row *row, const struct kpi_state *state)
{
	char ticket[24];
	char seq[24];
	char expected[24];

	(void)snprintf(ticket, sizeof ticket, "%lld", (long long)row->ticket_id);
	(void)snprintf(seq, sizeof seq, "%lld", (long long)row->event.seq);
	(void)snprintf(expected, sizeof expected, "%lld", (long long)state->seq + 1);
	log_error("the journal has a gap", "ticket", ticket, "seq", seq, "expected", expected);
}

/* Columns of kpi_fold_read and kpi_complete_read behind those of the event. */
enum { COL_FIRST = 26, COL_REMEMBERED = 27, COL_RULES = 28 };
enum { COL_FOLDED = 28, COL_UP_CUSTOMER = 29, COL_UP_TICKET = 30, COL_UP_SEQ = 31 };

/* The ticket of the row's event: with what is remembered of it where it comes first. */
static int ticket_of(struct fold *fold, const struct db_rows *rows, size_t i,
        const struct kpi_event_row *row, struct folded **out)
{
	const void *bytes;
	size_t size;

	if (!db_get_bool(rows, i, COL_FIRST)) {
		*out = ticket_find(fold, row->customer_id, row->ticket_id);
		return *out == NULL ? -OTK_DATA_LOSS : 0;
	}
	*out = ticket_add(fold, row->customer_id, row->ticket_id);
	if (fold->rules != 0)
		(*out)->completed = db_get_int(rows, i, COL_FOLDED);
	bytes = db_get_bytes(rows, i, COL_REMEMBERED, &size);
	return bytes == NULL ? 0 : kpi_state_decode(&(*out)->state, bytes, size);
}

/* Folds all events of the stretch into the open columns. 0 or negative. */
static int events_fold(struct fold *fold, const struct db_rows *rows, size_t events)
{
	fold->tickets = arena_calloc(fold->job.arena, events + 1, sizeof *fold->tickets);
	if (fold->tickets == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < events; i++) {
		struct kpi_event_row row;
		struct folded *t;
		int rc;

		kpi_event_row_read(rows, i, &row);
		rc = ticket_of(fold, rows, i, &row, &t);
		if (rc != 0)
			return rc;
		fold->customer_id = row.customer_id;
		rc = kpi_fold_event(&t->state, &row.event, contribution, fold);
		if (rc == -OTK_DATA_LOSS)
			gap_log(&row, &t->state);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The arrays of the states: opened before the contributions, filled after them. */
struct state_columns {
	struct db_array *customer;
	struct db_array *ticket;
	struct db_array *seq;
	struct db_array *state;
};

static void state_columns_open(struct state_columns *c, struct db_unit *unit, size_t expected)
{
	c->customer = db_put_array(unit, DB_INT4, expected);
	c->ticket = db_put_array(unit, DB_INT8, expected);
	c->seq = db_put_array(unit, DB_INT8, expected);
	c->state = db_put_array(unit, DB_BYTEA, expected);
}

static int state_columns_fill(const struct fold *fold, const struct state_columns *c)
{
	struct buf bytes = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < fold->ticket_count; i++) {
		const struct folded *t = &fold->tickets[i];

		buf_reset(&bytes);
		rc = kpi_state_encode(&t->state, &bytes);
		db_add_int(c->customer, t->customer_id);
		db_add_int(c->ticket, t->ticket_id);
		db_add_int(c->seq, t->completed != 0 ? t->completed : t->state.seq);
		db_add_bytes(c->state, bytes.data, bytes.len);
	}
	buf_free(&bytes);
	return rc;
}

/* Types of the columns that contribution() fills, in its order. */
static const enum db_type COLUMN_TYPES[] = {DB_INT4, DB_DATE, DB_INT4, DB_INT4, DB_INT4,
        DB_INT2, DB_INT2, DB_INT2, DB_INT4, DB_INT4, DB_INT8};

/* Opens the arrays behind the parameters already put, and folds the rows into them. */
static int save_fill(struct fold *fold, struct db_unit *save, const struct db_rows *rows)
{
	size_t events = db_is_null(rows, 0, 2) ? 0 : db_rows_count(rows);
	/* Of what is folded again little is new, and the journals are long. */
	size_t expected = fold->rules != 0 ? events / 8 : events * 4;
	struct state_columns states;
	int rc;

	state_columns_open(&states, save, fold->rules != 0 ? events / 8 : events);
	for (size_t i = 0; i < sizeof COLUMN_TYPES / sizeof COLUMN_TYPES[0]; i++)
		fold->columns[i] = db_put_array(save, COLUMN_TYPES[i], expected);
	rc = events_fold(fold, rows, events);
	if (rc == 0)
		rc = state_columns_fill(fold, &states);
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		log_error("fold round failed", "step", "fold", "error", "out of memory");
	return rc;
}

/* The save of everything read, or NULL when it cannot be made. */
static struct db_unit *save_build(struct fold *fold, const struct db_rows *rows)
{
	struct db_unit *save = job_next(&fold->job, DB_REPLAY);
	int64_t now = clock_now(fold->job.clock);

	if (save == NULL)
		return NULL;
	db_call(save, SQL_KPI_FOLD_SAVE);
	db_put_int(save, KPI_RULES);
	db_put_int(save, db_get_int(rows, 0, 0));
	db_put_int(save, db_get_int(rows, db_rows_count(rows) - 1, 2));
	db_put_time(save, now - now % HOUR_US - FOLD_HOURS_KEPT * HOUR_US);
	fold->rules = 0;
	return save_fill(fold, save, rows) == 0 ? save : NULL;
}

static void stretch_fails(struct fold *fold)
{
	log_error("the fold cannot go on: a state or the journal cannot be read; "
	          "`otklik kpi verify` tells what differs");
	tickets_drop(fold);
	job_sleep(&fold->job, FOLD_FAILED_US);
}

/* --- completing what an older edition of the rules made ----------------------------------- */

static struct db_unit *completion_build(struct fold *fold, const struct db_rows *rows)
{
	struct db_unit *save = job_next(&fold->job, DB_REPLAY);
	size_t last = db_rows_count(rows) - 1;

	if (save == NULL)
		return NULL;
	db_call(save, SQL_KPI_FOLD_COMPLETE);
	db_put_int(save, db_get_int(rows, 0, 0));
	db_put_int(save, KPI_RULES);
	db_put_int(save, db_get_int(rows, 0, COL_UP_CUSTOMER));
	db_put_int(save, db_get_int(rows, 0, COL_UP_TICKET));
	db_put_int(save, db_get_int(rows, 0, COL_UP_SEQ));
	db_put_int(save, db_get_int(rows, last, 3));
	db_put_int(save, db_get_int(rows, last, 4));
	db_put_int(save, db_get_int(rows, last, 5));
	fold->rules = (int)db_get_int(rows, 0, 0);
	return save_fill(fold, save, rows) == 0 ? save : NULL;
}

static void completion_read(void *context, struct db_unit *unit)
{
	struct fold *fold = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);

	if (!job_succeeded(&fold->job))
		return;
	fold->full = true; /* what follows is looked at at once */
	if (db_get_int(rows, 0, 0) >= KPI_RULES) {
		job_sleep(&fold->job, 0); /* another process completed it */
		return;
	}
	if (!fold->completing || db_is_null(rows, 0, 2))
		log_info(fold->completing ? "the figures are complete"
		                          : "completing the figures of an older release");
	fold->completing = !db_is_null(rows, 0, 2);
	if (completion_build(fold, rows) != NULL)
		job_submit(&fold->job, FOLD_TIMEOUT_MS, round_saved, fold);
	else
		stretch_fails(fold);
}

static void completion_start(struct fold *fold)
{
	struct db_unit *read = job_next(&fold->job, DB_READ);

	if (read == NULL)
		return;
	db_call(read, SQL_KPI_COMPLETE_READ);
	db_put_int(read, COMPLETE_EVENTS);
	job_submit(&fold->job, FOLD_TIMEOUT_MS, completion_read, fold);
}

/* --- going on ------------------------------------------------------------------------------
 */

static void stretch_read(void *context, struct db_unit *unit)
{
	struct fold *fold = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);

	int64_t rules;

	if (!job_succeeded(&fold->job))
		return;
	rules = db_get_int(rows, 0, COL_RULES);
	if (rules < KPI_RULES) {
		completion_start(fold);
		return;
	}
	if (rules > KPI_RULES) { /* a newer release has taken over */
		job_sleep(&fold->job, FOLD_IDLE_US);
		return;
	}
	fold->full = db_rows_count(rows) >= FOLD_EVENTS;
	if (db_rows_count(rows) == 0 || db_is_null(rows, 0, 2)) {
		job_idle(&fold->job, FOLD_IDLE_US);
		return;
	}
	if (save_build(fold, rows) != NULL) {
		job_submit(&fold->job, FOLD_TIMEOUT_MS, round_saved, fold);
		return;
	}
	stretch_fails(fold);
}

static void round_start(void *arg)
{
	struct fold *fold = arg;

	if (job_begin(&fold->job, DB_READ) == NULL)
		return;
	db_call(fold->job.unit, SQL_KPI_FOLD_READ);
	db_put_int(fold->job.unit, FOLD_EVENTS);
	job_submit(&fold->job, FOLD_TIMEOUT_MS, stretch_read, fold);
}

struct fold *fold_new(const struct jobs_options *options)
{
	struct fold *fold = calloc(1, sizeof *fold);

	if (fold == NULL)
		return NULL;
	if (job_init(&fold->job, "fold", options, FOLD_ARENA, round_start, fold) < 0) {
		fold_free(fold);
		return NULL;
	}
	job_sleep(&fold->job, 0);
	return fold;
}

void fold_wake(struct fold *fold)
{
	job_wake(&fold->job, FOLD_GATHER_US);
}

void fold_free(struct fold *fold)
{
	if (fold == NULL)
		return;
	tickets_drop(fold);
	job_release(&fold->job);
	free(fold);
}

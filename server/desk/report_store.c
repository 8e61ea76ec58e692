/* Rows of server/sql/report.sql ↔ struct report_batch; the batch that saves. */
#include "desk/report_store.h"

#include <string.h>

#include "db/rows.h"
#include "desk/desk_internal.h"
#include "desk/load.h"
#include "desk/save.h"
#include "sql/statements.h"

enum { CALL_POSITION, CALL_STORED, CALL_CHECKS, CALL_TICKETS };

/* customer, agent, epoch, lane */
static void put_queue(struct db_unit *unit, const struct report_batch *b)
{
	db_put_int(unit, b->customer_id);
	db_put_int(unit, b->agent_id);
	db_put_uuid(unit, &b->epoch);
	db_put_int(unit, b->lane);
}

void report_mark_call(struct db_unit *unit, const struct report_batch *b)
{
	db_call(unit, SQL_REPORT_MARK);
	put_queue(unit, b);
	db_put_int(unit, b->head);
	db_put_time(unit, b->now);
}

void report_quarantine_call(struct db_unit *unit, const struct report_batch *b, const char *why)
{
	db_call(unit, SQL_REPORT_QUARANTINE);
	put_queue(unit, b);
	db_put_text(unit, why);
	db_put_time(unit, b->now);
}

/* Of the check reports: hosts and names in parallel. */
static void put_checks(struct db_unit *unit, const struct report_batch *b)
{
	struct db_array *hosts, *names;

	db_put_int(unit, b->customer_id);
	db_put_int(unit, b->agent_id);
	hosts = db_put_array(unit, DB_TEXT, b->count);
	names = db_put_array(unit, DB_TEXT, b->count);
	for (size_t i = 0; i < b->count; i++) {
		if (b->reports[i].kind != REPORT_CHECK)
			continue;
		db_add_text(hosts, b->reports[i].host);
		db_add_text(names, b->reports[i].check);
	}
}

void report_load_calls(struct db_unit *unit, const struct report_batch *b)
{
	db_call(unit, SQL_REPORT_POSITION);
	put_queue(unit, b);
	db_call(unit, SQL_REPORT_STORED);
	put_queue(unit, b);
	db_put_int(unit, b->reports[0].seq);
	db_put_int(unit, b->reports[b->count - 1].seq);
	db_call(unit, SQL_REPORT_CHECKS);
	put_checks(unit, b);
	db_call(unit, SQL_REPORT_TICKETS);
	put_checks(unit, b);
	db_call(unit, SQL_REPORT_CLOCKS);
	put_checks(unit, b);
}

struct report_position report_load_position(const struct db_unit *unit)
{
	const struct db_rows *rows = db_unit_rows(unit, CALL_POSITION);

	if (db_rows_count(rows) == 0)
		return (struct report_position){0};
	return (struct report_position){.known = true,
	        .mark = db_get_int(rows, 0, 0),
	        .quarantined = db_get_text(rows, 0, 1)};
}

bool report_load_stored(const struct db_unit *unit, struct report *r, int64_t *occurred_at)
{
	const struct db_rows *rows = db_unit_rows(unit, CALL_STORED);

	for (size_t i = 0; i < db_rows_count(rows); i++) {
		if (db_get_int(rows, i, 0) != r->seq)
			continue;
		r->outcome = (enum report_outcome)db_get_int(rows, i, 1);
		r->ticket_id = db_get_int(rows, i, 2);
		r->reason = db_get_text(rows, i, 3);
		*occurred_at = db_get_time(rows, i, 4);
		return true;
	}
	return false;
}

static struct report_wait wait_of(const struct db_rows *rows, size_t i)
{
	struct report_wait wait = {.stored = true,
	        .waits = true,
	        .counter = db_get_int(rows, i, 6),
	        .state = (int)db_get_int(rows, i, 7)};

	wait.last = db_get_bytes(rows, i, 8, &wait.last_size);
	if (!db_is_null(rows, i, 9))
		wait.began = db_get_bytes(rows, i, 9, &wait.began_size);
	return wait;
}

void report_waiting_call(struct db_unit *unit, const struct report_batch *b)
{
	db_call(unit, SQL_REPORT_WAITING);
	db_put_int(unit, b->customer_id);
	db_put_int(unit, b->agent_id);
	db_put_int(unit, REPORT_BATCH_MAX);
}

int report_load_waiting(const struct db_unit *unit, size_t call, struct report_batch *b)
{
	const struct db_rows *rows = db_unit_rows(unit, call);

	b->reports = arena_calloc(b->arena, db_rows_count(rows) + 1, sizeof *b->reports);
	b->count = 0;
	if (b->reports == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < db_rows_count(rows); i++) {
		size_t size;
		const void *last = db_get_bytes(rows, i, 0, &size);

		if (b->unpack(b->arena, last, size, &b->reports[b->count]))
			b->count++;
	}
	return 0;
}

bool report_batch_waits(const struct report_batch *b)
{
	for (size_t i = 0; i < b->check_count; i++) {
		if (b->checks[i].wait.waits)
			return true;
	}
	return false;
}

int report_load_rows(const struct db_unit *unit, struct report_batch *b)
{
	const struct db_rows *checks = db_unit_rows(unit, CALL_CHECKS);
	struct load_cursor tickets = load_rows(unit, CALL_TICKETS);
	size_t ticket_count = db_rows_count(tickets.tickets);
	int rc;

	b->checks = arena_calloc(b->arena, db_rows_count(checks) + b->count, sizeof *b->checks);
	b->changes = arena_calloc(b->arena, ticket_count + b->count, sizeof *b->changes);
	b->change_count = 0;
	b->check_count = db_rows_count(checks);
	if (b->checks == NULL || b->changes == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < b->check_count; i++) {
		struct report_check *check = &b->checks[i];

		*check = (struct report_check){.host = db_get_text(checks, i, 0),
		        .name = db_get_text(checks, i, 1),
		        .stored = !db_is_null(checks, i, 2),
		        .before = db_get_int(checks, i, 2),
		        .state = (int)db_get_int(checks, i, 3),
		        .changed_at = db_get_time(checks, i, 4),
		        .ticket_id = db_get_int(checks, i, 5)};
		check->counter = check->before;
		if (!db_is_null(checks, i, 6))
			check->wait = wait_of(checks, i);
	}
	do
		rc = load_next(&tickets, b->arena, b->ref, &b->changes[b->change_count]);
	while (rc == 1 && ++b->change_count < ticket_count);
	return rc < 0 ? rc : 0;
}

/* saving --------------------------------------------------------------------------------- */

static const char *given(const char *text)
{
	return *text != '\0' ? text : NULL;
}

static void put_reports(struct db_unit *unit, const struct report_batch *b)
{
	struct db_array *kind = db_put_array(unit, DB_INT2, b->count);
	struct db_array *outcome = db_put_array(unit, DB_INT2, b->count);
	struct db_array *reason = db_put_array(unit, DB_TEXT, b->count);
	struct db_array *ticket = db_put_array(unit, DB_INT8, b->count);
	struct db_array *host = db_put_array(unit, DB_TEXT, b->count);
	struct db_array *check = db_put_array(unit, DB_TEXT, b->count);
	struct db_array *state = db_put_array(unit, DB_INT2, b->count);
	struct db_array *counter = db_put_array(unit, DB_INT8, b->count);
	struct db_array *kept = db_put_array(unit, DB_TEXT, b->count);
	struct db_array *occurred = db_put_array(unit, DB_TIME, b->count);
	struct db_array *age = db_put_array(unit, DB_INT8, b->count);
	struct db_array *boot = db_put_array(unit, DB_TEXT, b->count);

	for (size_t i = 0; i < b->count; i++) {
		const struct report *r = &b->reports[i];
		bool checks = r->kind == REPORT_CHECK;

		db_add_int(kind, r->kind);
		db_add_int(outcome, r->outcome);
		db_add_text(reason, r->reason);
		db_add_int_if(ticket, r->ticket_id != 0, r->ticket_id);
		db_add_text(host, given(r->host));
		db_add_text(check, given(r->check));
		db_add_int_if(state, checks, r->state);
		db_add_int_if(counter, checks, r->counter);
		db_add_text(kept, given(r->kept));
		db_add_time(occurred, r->occurred_at);
		db_add_int(age, r->age_us);
		db_add_text(boot, given(r->boot_id));
	}
}

static void put_moved_checks(struct db_unit *unit, const struct report_batch *b)
{
	struct db_array *host = db_put_array(unit, DB_TEXT, b->check_count);
	struct db_array *name = db_put_array(unit, DB_TEXT, b->check_count);
	struct db_array *before = db_put_array(unit, DB_INT8, b->check_count);
	struct db_array *counter = db_put_array(unit, DB_INT8, b->check_count);
	struct db_array *state = db_put_array(unit, DB_INT2, b->check_count);
	struct db_array *changed = db_put_array(unit, DB_TIME, b->check_count);
	struct db_array *ticket = db_put_array(unit, DB_INT8, b->check_count);

	for (size_t i = 0; i < b->check_count; i++) {
		const struct report_check *c = &b->checks[i];

		if (!c->moved)
			continue;
		db_add_text(host, c->host);
		db_add_text(name, c->name);
		db_add_int_if(before, c->stored, c->before);
		db_add_int(counter, c->counter);
		db_add_int(state, c->state);
		db_add_time(changed, c->changed_at);
		db_add_int_if(ticket, c->ticket_id != 0, c->ticket_id);
	}
}

/* What waits from now on, and what has served (no counter). */
static void put_waits(struct db_unit *unit, const struct report_batch *b)
{
	struct db_array *host, *name, *counter, *state, *last, *seq, *began, *outcome, *ticket;
	size_t moved = 0;

	for (size_t i = 0; i < b->check_count; i++)
		moved += b->checks[i].wait.moved;
	if (moved == 0)
		return;
	db_call(unit, SQL_REPORT_WAIT);
	put_queue(unit, b);
	host = db_put_array(unit, DB_TEXT, moved);
	name = db_put_array(unit, DB_TEXT, moved);
	counter = db_put_array(unit, DB_INT8, moved);
	state = db_put_array(unit, DB_INT2, moved);
	last = db_put_array(unit, DB_BYTEA, moved);
	seq = db_put_array(unit, DB_INT8, moved);
	began = db_put_array(unit, DB_BYTEA, moved);
	outcome = db_put_array(unit, DB_INT2, moved);
	ticket = db_put_array(unit, DB_INT8, moved);
	for (size_t i = 0; i < b->check_count; i++) {
		const struct report_check *c = &b->checks[i];

		if (!c->wait.moved)
			continue;
		db_add_text(host, c->host);
		db_add_text(name, c->name);
		db_add_int_if(counter, c->wait.waits, c->wait.counter);
		db_add_int(state, c->wait.state);
		db_add_bytes(last, c->wait.last, c->wait.last_size);
		db_add_int(seq, c->wait.last_seq);
		db_add_bytes(began, c->wait.began, c->wait.began_size);
		db_add_int_if(outcome, c->wait.outcome != 0, c->wait.outcome);
		db_add_int_if(ticket, c->wait.ticket_id != 0, c->wait.ticket_id);
	}
}

static int put_batch(struct db_unit *unit, const struct report_batch *b)
{
	struct save saves[SAVE_ITEMS_MAX];
	struct save *list[SAVE_ITEMS_MAX];
	size_t count = 0;

	db_call(unit, SQL_REPORT_SAVE);
	put_queue(unit, b);
	db_put_int(unit, b->mark);
	db_put_int(unit, b->head);
	db_put_time(unit, b->now);
	put_reports(unit, b);
	put_moved_checks(unit, b);
	put_waits(unit, b);
	for (size_t i = 0; i < b->change_count && count < SAVE_ITEMS_MAX; i++) {
		if (b->changes[i].event_count == 0)
			continue;
		saves[count] =
		        (struct save){.change = &b->changes[i], .principal_id = b->agent_id};
		list[count] = &saves[count];
		count++;
	}
	return count == 0 ? 0 : save_call(unit, list, count, true);
}

static struct report_save *save_of(struct db_batch_item *item)
{
	return (struct report_save *)((char *)item - offsetof(struct report_save, item));
}

static int encode(
        void *context, struct db_unit *unit, struct db_batch_item *const items[], size_t count)
{
	int rc = 0;

	(void)context;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = put_batch(unit, save_of(items[i])->batch);
	return rc;
}

/* Committed is all there is to say. */
static void decode(void *context, const struct db_unit *unit,
        struct db_batch_item *const items[], size_t count)
{
	desk_saved(context);
	(void)unit;
	(void)items;
	(void)count;
}

const struct db_batch_ops REPORT_SAVE_BATCH = {
        .name = "report_save", .encode = encode, .decode = decode};

static void batch_done(void *context, struct db_batch_item *item, const struct otk_error *err)
{
	struct report_save *save = save_of(item);

	(void)context;
	save->done(save->context, save, err);
}

/* Numbers of queues for the lanes of the batch: never 0, which would be none. */
static uint64_t batch_lane(const struct report_batch *b)
{
	return ((uint64_t)(uint32_t)b->agent_id << 16 | (uint16_t)b->lane) + 1;
}

int report_save_join(struct desk *desk, struct report_save *save,
        void (*done)(void *context, struct report_save *save, const struct otk_error *err),
        void *context, struct otk_error *err)
{
	save->done = done;
	save->context = context;
	return db_batch_join(
	        desk->reports, &save->item, batch_lane(save->batch), batch_done, NULL, err);
}

void report_save_leave(struct desk *desk, struct report_save *save)
{
	db_batch_leave(desk->reports, &save->item);
}

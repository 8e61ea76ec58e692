/*
 * Watch: the feed pushed to a client, from a token or from now on.
 *
 *	watch_begin → watch_positioned → watch_send ⇄ watch_read … → waits in the hub
 *
 * What is read next lies in (after, head]. A read takes at most WINDOW entries of the feed,
 * whether the watcher may see them or not, so a narrow filter on a long feed never makes a long
 * statement. A stream may live for weeks: each read has the arena of the stream, cleared
 *before, and goes to the pool directly, so that a cancelled stream can drop it.
 */
#include "rpc/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/uuid.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "loop/loop.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/handlers.h"
#include "sql/statements.h"

enum { WINDOW = 1000, READ_MS = 30000, EVENT_COLUMNS = 35, HUB_MS = 10000 };
/* columns of feed_read behind those of an event */
enum { COLUMN_REV = EVENT_COLUMNS, COLUMN_CUSTOMER, COLUMN_TICKET, COLUMN_TITLE };

#define READ_BUDGET ((size_t)64 << 20)
#define HUB_BUDGET ((size_t)16 << 10)
#define HUB_US INT64_C(1000000)
#define RETRY_US INT64_C(500000)

struct watch {
	struct watch *next; /* in the hub, while it waits for more */
	struct watch *prev;
	bool waiting;
	struct request *request;
	struct arena *arena; /* of the read, and of what is being sent */
	struct db_unit *unit;
	bool reading;
	char *epoch;
	int64_t after; /* the last entry dealt with */
	int64_t bound; /* where the rows being sent end */
	size_t row;    /* the next of them */
	int32_t customer_id;
	int64_t ticket_id;
	const char *scope;
	int internal_count; /* -1: sees everybody's internal entries */
	int64_t internal[ACCESS_GRANTS_MAX];
};

struct watch_hub {
	struct service *service;
	struct loop_timer *timer;
	struct arena *arena;
	struct db_unit *unit; /* NULL: nothing under way */
	struct watch *first;
	int64_t head; /* as far as is known */
};

static enum step watch_positioned(struct request *r);
static enum step watch_read(struct request *r);
static enum step watch_send(struct request *r);

/* ---- the hub --------------------------------------------------------------------------- */

static void hub_leave(struct watch_hub *hub, struct watch *watch)
{
	if (!watch->waiting)
		return;
	watch->waiting = false;
	if (watch->next != NULL)
		watch->next->prev = watch->prev;
	if (watch->prev != NULL)
		watch->prev->next = watch->next;
	else
		hub->first = watch->next;
}

static void hub_join(struct watch_hub *hub, struct watch *watch)
{
	watch->waiting = true;
	watch->prev = NULL;
	watch->next = hub->first;
	if (hub->first != NULL)
		hub->first->prev = watch;
	hub->first = watch;
	if (hub->unit == NULL && !loop_timer_is_set(hub->timer))
		loop_timer_set(hub->timer, HUB_US);
}

static void hub_moved(struct watch_hub *hub, int64_t head)
{
	if (head > hub->head)
		hub->head = head;
	for (struct watch *watch = hub->first, *next; watch != NULL; watch = next) {
		next = watch->next;
		if (watch->after >= hub->head)
			continue;
		hub_leave(hub, watch);
		request_wake(watch->request);
	}
}

static void head_read(void *context, struct db_unit *unit)
{
	struct watch_hub *hub = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);
	int64_t head = db_rows_count(rows) == 1 ? db_get_int(rows, 0, 0) : 0;

	hub->unit = NULL;
	if (hub->first != NULL)
		loop_timer_set(hub->timer, HUB_US);
	hub_moved(hub, head);
}

static void look(void *arg)
{
	struct watch_hub *hub = arg;

	if (hub->unit != NULL)
		return;
	arena_reset(hub->arena);
	hub->unit = db_unit_new(hub->arena, DB_READ);
	if (hub->unit == NULL) {
		loop_timer_set(hub->timer, HUB_US);
		return;
	}
	db_call(hub->unit, SQL_FEED_HEAD);
	db_pool_submit(hub->service->pool, hub->unit, HUB_MS, head_read, hub);
}

/* NULL: listening began anew and something may have been missed. */
static void notified(void *context, const char *channel, const char *payload)
{
	struct watch_hub *hub = context;

	(void)channel;
	if (payload == NULL)
		look(hub);
	else
		hub_moved(hub, strtoll(payload, NULL, 10));
}

struct watch_hub *watch_hub_new(struct service *service)
{
	struct watch_hub *hub = calloc(1, sizeof *hub);

	if (hub == NULL)
		return NULL;
	hub->service = service;
	hub->timer = loop_timer_new(service->loop, look, hub);
	hub->arena = arena_new(HUB_BUDGET);
	if (hub->timer == NULL || hub->arena == NULL ||
	        db_pool_listen(service->pool, "otklik_feed", notified, hub) < 0) {
		watch_hub_free(hub);
		return NULL;
	}
	return hub;
}

void watch_hub_free(struct watch_hub *hub)
{
	if (hub == NULL)
		return;
	if (hub->unit != NULL)
		db_pool_detach(hub->service->pool, hub->unit);
	loop_timer_free(hub->timer);
	arena_free(hub->arena);
	free(hub);
}

/* ---- one stream ------------------------------------------------------------------------ */

/* Everything that outlives a step; before every reply that ends the stream, and on cancel. */
static void watch_release(struct request *r)
{
	struct watch *watch = r->state;

	hub_leave(r->service->watches, watch);
	if (watch->reading)
		db_pool_detach(r->service->pool, watch->unit);
	watch->reading = false;
	arena_free(watch->arena);
	watch->arena = NULL;
}

static enum step watch_fail(struct request *r, const struct otk_error *err)
{
	struct otk_error copy = *err;

	request_on_cancel(r, NULL);
	watch_release(r);
	return request_fail(r, &copy);
}

static enum step watch_no_memory(struct request *r)
{
	request_on_cancel(r, NULL);
	watch_release(r);
	return request_no_memory(r);
}

static void unit_done(void *context, struct db_unit *unit)
{
	struct watch *watch = context;

	(void)unit;
	watch->reading = false;
	request_wake(watch->request);
}

/* An empty unit in the cleared arena; NULL when the arena is out. */
static struct db_unit *watch_unit(struct watch *watch)
{
	arena_reset(watch->arena);
	watch->unit = db_unit_new(watch->arena, DB_READ);
	if (watch->unit != NULL)
		db_unit_scope(watch->unit, watch->scope);
	return watch->unit;
}

static enum step watch_query(struct request *r, request_step *next)
{
	struct watch *watch = r->state;

	watch->reading = true;
	db_pool_submit(r->service->pool, watch->unit, READ_MS, unit_done, watch);
	return request_wait(r, next);
}

static int resolve(struct request *r, const Otklik__V1__WatchRequest *in, struct otk_error *err)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct watch *watch = r->state;
	const struct ref_customer *customer;
	int32_t internal[ACCESS_GRANTS_MAX];

	if (in->ticket_id < 0)
		error_field(err, "ticket_id", "must be the number of a ticket, or 0 for all");
	if (in->after_rev < 0 || (in->after_rev > 0 && *in->feed_epoch == '\0'))
		error_field(err, "after_rev", "must come with feed_epoch, from the last item");
	if (err->code != OTK_OK)
		return -OTK_INVALID_ARGUMENT;
	if (*in->customer != '\0') {
		int rc = caller_customer(
		        r, ref, in->customer, PERMISSION_TICKET_READ, &customer, err);

		if (rc < 0)
			return rc;
		watch->customer_id = customer->id;
	}
	watch->ticket_id = in->ticket_id;
	watch->internal_count = caller_internal_scope(r->principal, internal);
	for (int i = 0; i < watch->internal_count; i++)
		watch->internal[i] = internal[i];
	return 0;
}

enum step watch_begin(struct request *r, const Otklik__V1__WatchRequest *in)
{
	struct watch *watch = request_state(r, sizeof *watch);
	struct otk_error err = {0};

	if (watch == NULL)
		return request_no_memory(r);
	watch->request = r;
	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	if (resolve(r, in, &err) < 0)
		return request_fail(r, &err);
	watch->scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);
	watch->arena = arena_new(READ_BUDGET);
	if (watch->scope == NULL || watch->arena == NULL || watch_unit(watch) == NULL)
		return watch_no_memory(r);
	request_on_cancel(r, watch_release);
	request_long_lived(r);
	db_call(watch->unit, SQL_FEED_POSITION);
	if (watch->ticket_id != 0)
		load_calls(watch->unit, &watch->ticket_id, 1);
	return watch_query(r, watch_positioned);
}

/* Whether the stream can begin behind `after`; fills err with RELIST if not. */
static int judge_token(const Otklik__V1__WatchRequest *in, const char *epoch,
        const struct db_rows *position, struct otk_error *err)
{
	int64_t head = db_get_int(position, 0, 1);
	bool empty = db_is_null(position, 0, 2);
	int64_t oldest = db_get_int(position, 0, 2);

	if (strcmp(in->feed_epoch, epoch) != 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "RELIST",
		        "the feed began anew since; list what you need and watch from now on");
	if (in->after_rev > head)
		return error_set(err, OTK_FAILED_PRECONDITION, "RELIST",
		        "the feed ends at %" PRId64 ", before %" PRId64
		        "; list what you need and watch from now on",
		        head, in->after_rev);
	if (empty ? in->after_rev < head : in->after_rev < oldest - 1)
		return error_set(err, OTK_FAILED_PRECONDITION, "RELIST",
		        "the feed does not go back to %" PRId64
		        " any more; list what you need and watch from now on",
		        in->after_rev);
	return 0;
}

/* The first item says where the watch begins. */
static enum step watch_started(struct request *r)
{
	struct watch *watch = r->state;
	Otklik__V1__WatchResponse item = OTKLIK__V1__WATCH_RESPONSE__INIT;

	item.feed_epoch = watch->epoch;
	item.rev = watch->after;
	if (watch_item(r, &item) < 0)
		return request_wait_credit(r, watch_started);
	return request_go(r, watch_read);
}

static enum step watch_positioned(struct request *r)
{
	const Otklik__V1__WatchRequest *in = (const void *)r->message;
	struct watch *watch = r->state;
	const struct db_rows *position = db_unit_rows(watch->unit, 0);
	char text[UUID_TEXT_SIZE];
	struct otk_error err = *db_unit_error(watch->unit);
	struct uuid epoch;

	if (err.code != OTK_OK)
		return watch_fail(r, &err);
	if (db_rows_count(position) != 1)
		return watch_no_memory(r);
	if (watch->ticket_id != 0 && db_rows_count(db_unit_rows(watch->unit, 1)) == 0) {
		request_on_cancel(r, NULL);
		watch_release(r);
		return caller_ticket_not_found(r, in->ticket_id);
	}
	db_get_uuid(position, 0, 0, &epoch);
	uuid_format(&epoch, text);
	watch->epoch = arena_strdup(r->arena, text);
	if (watch->epoch == NULL)
		return watch_no_memory(r);
	watch->after = db_get_int(position, 0, 1);
	if (*in->feed_epoch != '\0') {
		if (judge_token(in, watch->epoch, position, &err) < 0)
			return watch_fail(r, &err);
		watch->after = in->after_rev;
	}
	if (db_get_int(position, 0, 1) > r->service->watches->head)
		r->service->watches->head = db_get_int(position, 0, 1);
	return request_go(r, watch_started);
}

/* Reads the next window, or waits in the hub when there is none. */
static enum step watch_read(struct request *r)
{
	struct watch *watch = r->state;
	struct watch_hub *hub = r->service->watches;

	if (watch->after >= hub->head) {
		/* nothing is held while nothing happens: a reset keeps the last block, of up to
		 * 256 KiB */
		arena_free(watch->arena);
		watch->arena = arena_new(READ_BUDGET);
		if (watch->arena == NULL)
			return watch_no_memory(r);
		hub_join(hub, watch);
		return request_wait(r, watch_read);
	}
	if (watch_unit(watch) == NULL)
		return watch_no_memory(r);
	watch->bound = hub->head - watch->after > WINDOW ? watch->after + WINDOW : hub->head;
	watch->row = 0;
	db_call(watch->unit, SQL_FEED_READ);
	db_put_int(watch->unit, watch->after);
	db_put_int(watch->unit, watch->bound);
	db_put_int_if(watch->unit, watch->customer_id != 0, watch->customer_id);
	db_put_int_if(watch->unit, watch->ticket_id != 0, watch->ticket_id);
	if (watch->internal_count < 0)
		db_put_null(watch->unit);
	else
		db_put_ints(
		        watch->unit, DB_INT4, watch->internal, (size_t)watch->internal_count);
	return watch_query(r, watch_send);
}

static int send_row(struct request *r, const struct db_rows *rows, size_t row)
{
	struct watch *watch = r->state;
	Otklik__V1__WatchResponse item = OTKLIK__V1__WATCH_RESPONSE__INIT;
	Otklik__V1__TicketEvent event = OTKLIK__V1__TICKET_EVENT__INIT;
	struct event from;

	load_event(rows, row, &from);
	convert_event(desk_reference(r->service->desk),
	        (int32_t)db_get_int(rows, row, COLUMN_CUSTOMER),
	        db_get_int(rows, row, COLUMN_TICKET), &from, &event);
	item.feed_epoch = watch->epoch;
	item.rev = db_get_int(rows, row, COLUMN_REV);
	item.event = &event;
	item.title = (char *)(uintptr_t)db_get_text_or_empty(rows, row, COLUMN_TITLE);
	return watch_item(r, &item);
}

static enum step watch_send(struct request *r)
{
	struct watch *watch = r->state;
	const struct otk_error *err = db_unit_error(watch->unit);
	const struct db_rows *rows = db_unit_rows(watch->unit, 0);

	if (err->code != OTK_OK)
		return watch_fail(r, err);
	for (; watch->row < db_rows_count(rows); watch->row++) {
		if (send_row(r, rows, watch->row) < 0)
			return request_wait_credit(r, watch_send);
	}
	watch->after = watch->bound;
	return request_go(r, watch_read);
}

/*
 * Smart batching. A run is one unit under way with its items; items of one lane that is on its
 * way wait. A unit refused for the data or guard of one item (class 22, 23, OT) is cut in two
 * until the item stands alone; everything else is the pool's to repeat or the whole unit's
 * failure.
 */
#include "db/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "loop/loop.h"

enum {
	ITEMS_MAX = 64,
	ITEMS_LIMIT = 1024,
	RUNS_MAX = 2,
	RUNS_LIMIT = 16,
	WAITING_MAX = 4096,
	TIMEOUT_MS = 10000,
	CUTS_MAX = 12, /* log2(ITEMS_LIMIT) + 2 */
	BUSY_MS = 100
};
#define ARENA_BUDGET ((size_t)16 * 1024 * 1024)

enum item_state { ITEM_FREE, ITEM_WAITING, ITEM_RUNNING };

struct range {
	size_t from;
	size_t to;
};

struct db_batch_run {
	struct db_batch *batch;
	bool busy;
	struct arena *arena;
	struct db_unit *unit;     /* in flight, else NULL */
	struct loop_task refused; /* completes what encode refused */
	struct otk_error err;     /* of that */
	size_t count;
	struct db_batch_item **items; /* NULL where the caller left */
	uint64_t *lanes;              /* by original place, held until the run ends */
	struct range now;             /* the part in flight */
	struct range cuts[CUTS_MAX];  /* parts still to do, last first */
	size_t cut_count;
};

struct db_batch {
	struct loop *loop;
	struct db_pool *pool;
	const struct db_batch_ops *ops;
	void *context;
	struct db_batch_options options;
	struct db_batch_item waiting; /* head of a ring */
	unsigned waiting_count;
	struct db_batch_run *runs;
	struct loop_task form;
	struct db_batch_stats stats;
};

static void batch_form(void *arg);
static void run_next(struct db_batch_run *run);
static void run_refused(void *arg);

static void run_release(struct db_batch_run *run)
{
	loop_unpost(run->batch->loop, &run->refused);
	arena_free(run->arena);
	free(run->items);
	free(run->lanes);
}

static int run_make(struct db_batch *batch, struct db_batch_run *run)
{
	run->batch = batch;
	loop_task_init(&run->refused, run_refused, run);
	run->arena = arena_new(batch->options.arena_budget);
	run->items = calloc(batch->options.items_max, sizeof(struct db_batch_item *));
	run->lanes = calloc(batch->options.items_max, sizeof *run->lanes);
	return run->arena == NULL || run->items == NULL || run->lanes == NULL
	               ? -OTK_RESOURCE_EXHAUSTED
	               : 0;
}

static unsigned option_or(unsigned value, unsigned fallback, unsigned limit)
{
	if (value == 0)
		value = fallback;
	return value > limit ? limit : value;
}

struct db_batch *db_batch_new(struct loop *loop, struct db_pool *pool,
        const struct db_batch_ops *ops, void *context, const struct db_batch_options *options)
{
	struct db_batch *batch = calloc(1, sizeof *batch);

	if (batch == NULL)
		return NULL;
	batch->loop = loop;
	batch->pool = pool;
	batch->ops = ops;
	batch->context = context;
	if (options != NULL)
		batch->options = *options;
	options = &batch->options;
	batch->options.items_max = option_or(options->items_max, ITEMS_MAX, ITEMS_LIMIT);
	batch->options.runs_max = option_or(options->runs_max, RUNS_MAX, RUNS_LIMIT);
	batch->options.waiting_max = option_or(options->waiting_max, WAITING_MAX, UINT32_MAX);
	batch->options.timeout_ms = option_or(options->timeout_ms, TIMEOUT_MS, UINT32_MAX);
	if (options->arena_budget == 0)
		batch->options.arena_budget = ARENA_BUDGET;
	if (options->mode == DB_READ)
		batch->options.mode = DB_REPLAY;
	batch->waiting.next = batch->waiting.prev = &batch->waiting;
	loop_task_init(&batch->form, batch_form, batch);
	batch->runs = calloc(options->runs_max, sizeof *batch->runs);
	for (unsigned i = 0; batch->runs != NULL && i < options->runs_max; i++) {
		if (run_make(batch, &batch->runs[i]) < 0) {
			db_batch_free(batch);
			return NULL;
		}
	}
	if (batch->runs == NULL) {
		free(batch);
		return NULL;
	}
	return batch;
}

void db_batch_free(struct db_batch *batch)
{
	if (batch == NULL)
		return;
	loop_unpost(batch->loop, &batch->form);
	for (unsigned i = 0; i < batch->options.runs_max; i++) {
		struct db_batch_run *run = &batch->runs[i];

		if (run->batch == NULL) /* making it failed before */
			continue;
		if (run->unit != NULL)
			db_pool_detach(batch->pool, run->unit);
		run_release(run);
	}
	free(batch->runs);
	free(batch);
}

/* ---- Items ---- */

static void item_unlink(struct db_batch *batch, struct db_batch_item *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	item->next = item->prev = NULL;
	item->state = ITEM_FREE;
	batch->waiting_count--;
}

int db_batch_join(struct db_batch *batch, struct db_batch_item *item, uint64_t lane,
        void (*done)(void *context, struct db_batch_item *item, const struct otk_error *err),
        void *context, struct otk_error *err)
{
	if (batch->waiting_count >= batch->options.waiting_max) {
		int status = error_set(err, OTK_RESOURCE_EXHAUSTED, "DB_BUSY",
		        "too many requests wait for the database");

		if (err != NULL)
			err->retry_after_ms = BUSY_MS;
		return status;
	}
	item->lane = lane;
	item->done = done;
	item->context = context;
	item->run = NULL;
	item->state = ITEM_WAITING;
	item->prev = batch->waiting.prev;
	item->next = &batch->waiting;
	item->prev->next = item->next->prev = item;
	batch->waiting_count++;
	/* Formed at the end of the turn: all that arrive within it go together. */
	loop_post(batch->loop, &batch->form);
	return 0;
}

void db_batch_leave(struct db_batch *batch, struct db_batch_item *item)
{
	if (item->state == ITEM_WAITING)
		item_unlink(batch, item);
	else if (item->state == ITEM_RUNNING)
		item->run->items[item->index] = NULL;
	item->state = ITEM_FREE;
	item->run = NULL;
}

/* Tells the item's owner; the item is theirs again from here on. */
static void item_finish(struct db_batch_run *run, size_t index, const struct otk_error *err)
{
	struct db_batch_item *item = run->items[index];

	run->batch->stats.items++;
	if (item == NULL)
		return;
	run->items[index] = NULL;
	item->run = NULL;
	item->state = ITEM_FREE;
	item->done(item->context, item, err);
}

/* ---- Forming ---- */

static bool lane_is_taken(const struct db_batch *batch, uint64_t lane)
{
	if (lane == 0)
		return false;
	for (unsigned r = 0; r < batch->options.runs_max; r++) {
		const struct db_batch_run *run = &batch->runs[r];

		for (size_t i = 0; i < run->count; i++)
			if (run->lanes[i] == lane)
				return true;
	}
	return false;
}

/* Takes waiting items in their order, passing over those whose lane is taken. */
static void run_gather(struct db_batch *batch, struct db_batch_run *run)
{
	struct db_batch_item *next;

	for (struct db_batch_item *item = batch->waiting.next;
	        item != &batch->waiting && run->count < batch->options.items_max; item = next) {
		next = item->next;
		if (lane_is_taken(batch, item->lane))
			continue;
		item_unlink(batch, item);
		item->state = ITEM_RUNNING;
		item->run = run;
		item->index = run->count;
		run->items[run->count] = item;
		run->lanes[run->count++] = item->lane;
	}
}

static void batch_form(void *arg)
{
	struct db_batch *batch = arg;

	for (unsigned i = 0; i < batch->options.runs_max && batch->waiting_count > 0; i++) {
		struct db_batch_run *run = &batch->runs[i];

		if (run->busy)
			continue;
		run_gather(batch, run);
		if (run->count == 0)
			return;
		run->busy = true;
		batch->stats.runs++;
		if (run->count > batch->stats.items_top)
			batch->stats.items_top = (unsigned)run->count;
		run->cuts[0] = (struct range){0, run->count};
		run->cut_count = 1;
		run_next(run);
	}
}

/* ---- Running ---- */

/* Whether the failure may be that of one item among several. */
static bool is_divisible(const struct db_unit *unit)
{
	const char *sqlstate = db_unit_sqlstate(unit);

	return strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0 ||
	       strcmp(sqlstate, "OT010") == 0 || strcmp(sqlstate, "OT009") == 0 ||
	       strcmp(db_unit_error(unit)->reason, "DB_MEMORY") == 0 ||
	       (*sqlstate == '\0' && db_unit_error(unit)->code == OTK_INVALID_ARGUMENT);
}

static void run_cut(struct db_batch_run *run)
{
	size_t half = (run->now.to - run->now.from) / 2;

	run->batch->stats.bisected++;
	run->cuts[run->cut_count++] = (struct range){run->now.from + half, run->now.to};
	run->cuts[run->cut_count++] = (struct range){run->now.from, run->now.from + half};
}

static void range_finish(struct db_batch_run *run, const struct otk_error *err)
{
	for (size_t i = run->now.from; i < run->now.to; i++)
		item_finish(run, i, err);
}

static void run_done(void *context, struct db_unit *unit)
{
	struct db_batch_run *run = context;
	struct db_batch *batch = run->batch;
	struct otk_error err = *db_unit_error(unit);
	struct range now = run->now;

	run->unit = NULL;
	if (err.code == OTK_OK) {
		batch->ops->decode(
		        batch->context, unit, run->items + now.from, now.to - now.from);
		range_finish(run, &err);
	} else if (now.to - now.from > 1 && is_divisible(unit)) {
		run_cut(run);
	} else {
		log_debug("database batch failed", "batch", batch->ops->name, "reason",
		        err.reason);
		range_finish(run, &err);
	}
	run_next(run);
}

static void run_refused(void *arg)
{
	struct db_batch_run *run = arg;
	struct otk_error err = run->err;

	range_finish(run, &err);
	run_next(run);
}

/* Moves those still attached to the front of the range and drops the rest of it. */
static void range_compact(struct db_batch_run *run, struct range *range)
{
	size_t to = range->from;

	for (size_t i = range->from; i < range->to; i++) {
		struct db_batch_item *item = run->items[i];

		run->items[i] = NULL;
		if (item == NULL)
			continue;
		run->items[to] = item;
		item->index = to++;
	}
	range->to = to;
}

static void run_send(struct db_batch_run *run)
{
	struct db_batch *batch = run->batch;
	struct db_unit *unit;
	int status = -OTK_RESOURCE_EXHAUSTED;

	arena_reset(run->arena);
	unit = db_unit_new(run->arena, batch->options.mode);
	if (unit != NULL)
		status = batch->ops->encode(batch->context, unit, run->items + run->now.from,
		        run->now.to - run->now.from);
	if (status < 0) {
		error_set(&run->err, (enum otk_status) - status, "DB_ENCODE",
		        "the request cannot be put to the database");
		loop_post(batch->loop, &run->refused);
		return;
	}
	run->unit = unit;
	batch->stats.units++;
	db_pool_submit(batch->pool, unit, batch->options.timeout_ms, run_done, run);
}

/* The next part, or the end of the run. */
static void run_next(struct db_batch_run *run)
{
	struct db_batch *batch = run->batch;

	while (run->cut_count > 0) {
		run->now = run->cuts[--run->cut_count];
		range_compact(run, &run->now);
		if (run->now.to > run->now.from) {
			run_send(run);
			return;
		}
	}
	run->count = 0;
	run->busy = false;
	batch->stats.runs--;
	if (batch->waiting_count > 0)
		loop_post(batch->loop, &batch->form);
}

void db_batch_stats(const struct db_batch *batch, struct db_batch_stats *out)
{
	*out = batch->stats;
	out->waiting = batch->waiting_count;
}

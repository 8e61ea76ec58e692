/*
 * Smart batching: mutations of one kind gather while earlier ones are under way and go
 * together as one unit; no artificial delay; one alone takes the same path.
 *
 *	static int saves_encode(void *context, struct db_unit *unit,
 *	        struct db_batch_item *const items[], size_t count);
 *	static void saves_decode(void *context, const struct db_unit *unit,
 *	        struct db_batch_item *const items[], size_t count);
 *
 * An item is embedded in the caller's request. In a handler: fill the request, batch_join,
 * return WAIT; `done` queues the next step.
 */
#ifndef OTKLIK_DB_BATCH_H
#define OTKLIK_DB_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "db/pool.h"

struct db_batch;

/* Zero-initialise; touch nothing while it is joined. */
struct db_batch_item {
	/* private */
	struct db_batch_item *next;
	struct db_batch_item *prev;
	struct db_batch_run *run; /* the batch it travels in, NULL while it waits */
	size_t index;
	uint64_t lane;
	int state;
	void (*done)(void *context, struct db_batch_item *item, const struct otk_error *err);
	void *context;
};

struct db_batch_ops {
	const char *name; /* for logs and statistics */
	/*
	 * Adds the statement(s) that carry the items; copies what it needs from them (the
	 * unit's arena is the batch's own). Called again for a part of the items after a
	 * bisection. 0, or a negative status: fails all of them with it.
	 */
	int (*encode)(void *context, struct db_unit *unit, struct db_batch_item *const items[],
	        size_t count);
	/*
	 * The unit is committed: copies each item's outcome out of the rows. items[i] is in the
	 * order of encode, and NULL where the caller has left meanwhile.
	 */
	void (*decode)(void *context, const struct db_unit *unit,
	        struct db_batch_item *const items[], size_t count);
};

struct db_batch_options {
	/* zero: the default in brackets */
	unsigned items_max;   /* in one unit [64] */
	unsigned runs_max;    /* units under way at once [2] */
	unsigned waiting_max; /* items waiting [4096] */
	unsigned timeout_ms;  /* of one unit [10000] */
	size_t arena_budget;  /* bytes of parameters and rows of one unit [16 MiB] */
	enum db_mode mode;    /* DB_READ (0) is taken as DB_REPLAY: a batch replays by key */
};

/* ops and context must outlive it; options may be NULL. NULL when memory is out. */
struct db_batch *db_batch_new(struct loop *loop, struct db_pool *pool,
        const struct db_batch_ops *ops, void *context, const struct db_batch_options *options);

/* Items still joined are forgotten. NULL is harmless. Free it before its pool. */
void db_batch_free(struct db_batch *batch);

/*
 * Joins the next unit. Items of one lane (0: none) go in the order they came, never two at
 * once. `done` comes exactly once, from the loop, never from inside this call, unless
 * db_batch_leave comes first; err->code is OTK_OK after decode, else the failure of this item
 * alone (errors of class 22 and 23, and refusals by our own guards, are pinned to
 * their item by bisection) or of the whole unit.
 * 0, or -OTK_RESOURCE_EXHAUSTED with retry_after_ms when too many wait (then no `done`).
 */
int db_batch_join(struct db_batch *batch, struct db_batch_item *item, uint64_t lane,
        void (*done)(void *context, struct db_batch_item *item, const struct otk_error *err),
        void *context, struct otk_error *err);

/* The caller is gone: unlinks a waiting item, detaches one under way. Harmless when not joined.
 */
void db_batch_leave(struct db_batch *batch, struct db_batch_item *item);

struct db_batch_stats {
	unsigned waiting;
	unsigned runs;      /* under way */
	uint64_t units;     /* sent */
	uint64_t items;     /* completed */
	uint64_t bisected;  /* units cut in two */
	unsigned items_top; /* greatest number of items in one unit */
};
void db_batch_stats(const struct db_batch *batch, struct db_batch_stats *out);

#endif

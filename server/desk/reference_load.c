/* Keeps the reference data fresh: load, swap, let the old one live out its borrowers. */
#include "desk/reference_load.h"

#include <stdlib.h>

#include "base/log.h"
#include "db/rows.h"
#include "db/unit.h"
#include "desk/desk_internal.h"
#include "loop/loop.h"
#include "sql/statements.h"

enum { LOAD_MS = 60000, POLL_MS = 10000, POLL_SMALL = 16 * 1024 };
enum { EPOCH_SECRET = 2, EPOCH_ADDITIONS = 3 }; /* columns of reference_epoch */

#define POLL_US INT64_C(1000000)
/* What was only added can wait: an import adds much, and nothing is decided by it. */
#define ADDITIONS_US INT64_C(5000000)
#define RETRY_US INT64_C(200000)
#define LOAD_BUDGET ((size_t)1 << 30)

/* One load and what became of it; its arena also holds the rows it was made of. */
struct edition {
	struct reference *ref;
	struct arena *arena;
	const void *secret;
	size_t secret_size;
	int64_t additions;
	int64_t loaded_at;   /* monotonic */
	int64_t replaced_at; /* monotonic */
	struct edition *next;
};

struct reference_store {
	struct loop *loop;
	struct db_pool *pool;
	struct loop_timer *timer;
	struct edition *current;
	struct edition *replaced; /* newest first */
	struct arena *arena;      /* of the load or poll under way */
	struct db_unit *unit;     /* NULL: nothing is under way */
	bool again;               /* asked for while one was under way */
	struct wait_list waiters;
	void (*ready)(void *context);
	void *ready_context;
};

static void load(struct reference_store *store);

static void edition_free(struct edition *edition)
{
	if (edition == NULL)
		return;
	reference_release(edition->ref);
	arena_free(edition->arena);
	free(edition);
}

/* Frees those whose borrowers must have ended. */
static void forget_old(struct reference_store *store)
{
	struct edition **link = &store->replaced;

	while (*link != NULL &&
	        loop_now(store->loop) - (*link)->replaced_at < REFERENCE_GRACE_US)
		link = &(*link)->next;
	while (*link != NULL) {
		struct edition *old = *link;

		*link = old->next;
		edition_free(old);
	}
}

/* Takes over store->arena. 0, or negative with the arena left where it is. */
static int swap_in(struct reference_store *store, struct db_unit *unit, struct otk_error *err)
{
	struct edition *edition = calloc(1, sizeof *edition);
	int rc;

	if (edition == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	rc = reference_build(unit, store->arena, &edition->ref, err);
	if (rc < 0) {
		free(edition);
		return rc;
	}
	edition->secret =
	        db_get_bytes(db_unit_rows(unit, 0), 0, EPOCH_SECRET, &edition->secret_size);
	edition->additions = db_get_int(db_unit_rows(unit, 0), 0, EPOCH_ADDITIONS);
	edition->loaded_at = loop_now(store->loop);
	edition->arena = store->arena;
	store->arena = NULL;
	if (store->current != NULL) {
		store->current->replaced_at = loop_now(store->loop);
		store->current->next = store->replaced;
		store->replaced = store->current;
	}
	store->current = edition;
	forget_old(store);
	return 0;
}

static void end_load(struct reference_store *store)
{
	arena_free(store->arena);
	store->arena = NULL;
	store->unit = NULL;
}

static void loaded(void *context, struct db_unit *unit)
{
	struct reference_store *store = context;
	struct otk_error err = *db_unit_error(unit);
	void (*ready)(void *) = store->ready;

	if (err.code == OTK_OK && swap_in(store, unit, &err) == 0)
		error_clear(&err);
	end_load(store);
	if (err.code != OTK_OK && err.code != OTK_ABORTED)
		log_error("reference data were not loaded", "reason", err.reason, "message",
		        err.message);
	if (err.code == OTK_ABORTED || store->again) {
		load(store);
		return;
	}
	loop_timer_set(store->timer, err.code == OTK_OK ? POLL_US : RETRY_US);
	if (err.code == OTK_OK && ready != NULL) {
		store->ready = NULL;
		ready(store->ready_context);
	}
	wait_tell(&store->waiters);
}

/* Submits `store->unit`, or tries again a little later. */
static void submit(struct reference_store *store, size_t budget,
        void (*fill)(struct db_unit *unit), unsigned timeout_ms, db_unit_done *done)
{
	store->arena = arena_new(budget);
	store->unit = store->arena == NULL ? NULL : db_unit_new(store->arena, DB_READ);
	if (store->unit == NULL) {
		end_load(store);
		loop_timer_set(store->timer, RETRY_US);
		return;
	}
	fill(store->unit);
	loop_timer_clear(store->timer);
	db_pool_submit(store->pool, store->unit, timeout_ms, done, store);
}

static void load(struct reference_store *store)
{
	store->again = false;
	submit(store, LOAD_BUDGET, reference_calls, LOAD_MS, loaded);
}

static void polled(void *context, struct db_unit *unit)
{
	struct reference_store *store = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);
	bool got = db_unit_error(unit)->code == OTK_OK && db_rows_count(rows) == 1;
	bool moved = got && db_get_int(rows, 0, 0) != store->current->ref->epoch;

	if (got && db_get_int(rows, 0, EPOCH_ADDITIONS) != store->current->additions &&
	        loop_now(store->loop) - store->current->loaded_at >= ADDITIONS_US)
		moved = true;

	end_load(store);
	if (moved || store->again) {
		load(store);
		return;
	}
	forget_old(store);
	loop_timer_set(store->timer, POLL_US);
}

static void poll_call(struct db_unit *unit)
{
	db_call(unit, SQL_REFERENCE_EPOCH);
}

static void tick(void *context)
{
	struct reference_store *store = context;

	if (store->unit != NULL)
		return;
	if (store->current == NULL)
		load(store);
	else
		submit(store, POLL_SMALL, poll_call, POLL_MS, polled);
}

/* Reads the data again, now or when what is under way has ended. */
static void load_soon(struct reference_store *store)
{
	if (store->unit != NULL)
		store->again = true;
	else
		load(store);
}

static void notified(void *context, const char *channel, const char *payload)
{
	(void)channel;
	(void)payload;
	load_soon(context);
}

struct reference_store *reference_store_new(struct loop *loop, struct db_pool *pool)
{
	struct reference_store *store = calloc(1, sizeof *store);

	if (store == NULL)
		return NULL;
	store->loop = loop;
	store->pool = pool;
	store->timer = loop_timer_new(loop, tick, store);
	if (store->timer == NULL ||
	        db_pool_listen(pool, "otklik_reference", notified, store) < 0) {
		reference_store_free(store);
		return NULL;
	}
	load(store);
	return store;
}

void reference_store_free(struct reference_store *store)
{
	if (store == NULL)
		return;
	if (store->unit != NULL)
		db_pool_detach(store->pool, store->unit);
	loop_timer_free(store->timer);
	arena_free(store->arena);
	edition_free(store->current);
	while (store->replaced != NULL) {
		struct edition *old = store->replaced;

		store->replaced = old->next;
		edition_free(old);
	}
	free(store);
}

const struct reference *reference_store_get(const struct reference_store *store)
{
	return store->current == NULL ? NULL : store->current->ref;
}

const void *reference_store_secret(const struct reference_store *store, size_t *size)
{
	*size = store->current == NULL ? 0 : store->current->secret_size;
	return store->current == NULL ? NULL : store->current->secret;
}

void reference_store_on_ready(
        struct reference_store *store, void (*ready)(void *context), void *context)
{
	store->ready = ready;
	store->ready_context = context;
}

void reference_store_renew(struct reference_store *store, struct desk_wait *wait,
        void (*done)(void *context), void *context)
{
	wait_join(&store->waiters, wait, done, context);
	load_soon(store);
}

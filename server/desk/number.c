/* Fetches more when half of what was fetched last is used; the more often it runs dry the more.
 */
#include "desk/number.h"

#include <stdbool.h>
#include <stdlib.h>

#include "db/rows.h"
#include "db/unit.h"
#include "desk/desk_internal.h"
#include "sql/statements.h"

enum { BLOCK = 64, BLOCKS_MAX = 32, FETCH_MS = 10000 };

struct number_store {
	struct db_pool *pool;
	struct arena *arena; /* of the fetch under way */
	struct db_unit *unit;
	bool fetching;
	unsigned want; /* blocks in the next fetch */
	unsigned count;
	unsigned used;                  /* numbers taken of blocks[0] */
	int64_t blocks[2 * BLOCKS_MAX]; /* first number of each */
	struct wait_list waiters;
};

struct number_store *number_store_new(struct db_pool *pool)
{
	struct number_store *store = calloc(1, sizeof *store);

	if (store == NULL)
		return NULL;
	store->pool = pool;
	store->want = 1;
	store->arena = arena_new(64 * 1024);
	if (store->arena == NULL) {
		free(store);
		return NULL;
	}
	return store;
}

void number_store_free(struct number_store *store)
{
	if (store == NULL)
		return;
	if (store->fetching)
		db_pool_detach(store->pool, store->unit);
	arena_free(store->arena);
	free(store);
}

static unsigned left(const struct number_store *store)
{
	return store->count * BLOCK - store->used;
}

static void fetched(void *context, struct db_unit *unit)
{
	struct number_store *store = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);

	store->fetching = false;
	if (store->waiters.first != NULL && store->want < BLOCKS_MAX)
		store->want *= 2;
	for (size_t i = 0; i < db_rows_count(rows) && store->count < 2 * BLOCKS_MAX; i++)
		store->blocks[store->count++] = db_get_int(rows, i, 0);
	/* also after a failure: whoever waits asks again, and its deadline ends that */
	wait_tell(&store->waiters);
}

static void fetch(struct number_store *store)
{
	arena_reset(store->arena);
	store->unit = db_unit_new(store->arena, DB_READ);
	if (store->unit == NULL)
		return;
	db_call(store->unit, SQL_TICKET_NUMBERS);
	db_put_int(store->unit, store->want);
	store->fetching = true;
	db_pool_submit(store->pool, store->unit, FETCH_MS, fetched, store);
}

int64_t number_take(struct number_store *store)
{
	int64_t number = 0;

	if (store->count > 0) {
		number = store->blocks[0] + store->used++;
		if (store->used == BLOCK) {
			store->used = 0;
			store->count--;
			for (unsigned i = 0; i < store->count; i++)
				store->blocks[i] = store->blocks[i + 1];
		}
	}
	if (left(store) <= store->want * BLOCK / 2 && !store->fetching)
		fetch(store);
	return number;
}

void number_wait(struct number_store *store, struct desk_wait *wait,
        void (*done)(void *context), void *context)
{
	wait_join(&store->waiters, wait, done, context);
	if (!store->fetching)
		fetch(store);
}

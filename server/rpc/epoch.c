/* The watch over the database: is it there, and have people or grants changed? */
#include "rpc/epoch.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "db/pool.h"
#include "db/rows.h"
#include "loop/loop.h"
#include "rpc/session.h"
#include "sql/statements.h"

enum {
	EPOCH_EVERY_MS = 500,
	EPOCH_TIMEOUT_MS = 5000,
	EPOCH_BUDGET = 64 * 1024,
	/* A failover takes two to three seconds, which requests may spend waiting. */
	AWAY_AFTER_MS = 4000
};

struct epoch_watch {
	struct service *service;
	struct loop_timer *timer;
	struct arena *arena;
	struct db_unit *unit;
	int64_t epoch;   /* 0: not known yet */
	int64_t seen_at; /* the database was last seen up, us of the loop */
};

static void availability_look(struct epoch_watch *watch)
{
	struct service *service = watch->service;
	int64_t now = loop_now(service->loop);
	struct db_pool_stats stats;
	bool away;

	db_pool_stats(service->pool, &stats);
	if (stats.ready > 0)
		watch->seen_at = now;
	away = now - watch->seen_at >= AWAY_AFTER_MS * INT64_C(1000);
	if (away != service->database_away)
		log_warn(away ? "the database is away" : "the database is back");
	service->database_away = away;
	if (away)
		sessions_database_away(service);
}

static void epoch_read(void *context, struct db_unit *unit)
{
	struct epoch_watch *watch = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);

	watch->unit = NULL;
	if (db_unit_error(unit)->code != OTK_OK || db_rows_count(rows) != 1)
		return;
	if (db_get_int(rows, 0, 0) != watch->epoch)
		sessions_recheck(watch->service);
	else
		sessions_recheck_unsure(watch->service);
	watch->epoch = db_get_int(rows, 0, 0);
}

static void look(void *arg)
{
	struct epoch_watch *watch = arg;

	loop_timer_set(watch->timer, EPOCH_EVERY_MS * 1000);
	availability_look(watch);
	if (watch->unit != NULL)
		return;
	arena_reset(watch->arena);
	watch->unit = db_unit_new(watch->arena, DB_READ);
	if (watch->unit == NULL)
		return;
	db_call(watch->unit, SQL_PRINCIPAL_EPOCH);
	db_pool_submit(watch->service->pool, watch->unit, EPOCH_TIMEOUT_MS, epoch_read, watch);
}

struct epoch_watch *epoch_watch_new(struct service *service)
{
	struct epoch_watch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		return NULL;
	watch->service = service;
	watch->arena = arena_new(EPOCH_BUDGET);
	watch->timer = loop_timer_new(service->loop, look, watch);
	if (watch->arena == NULL || watch->timer == NULL) {
		epoch_watch_free(watch);
		return NULL;
	}
	watch->seen_at = loop_now(service->loop);
	loop_timer_set(watch->timer, 0);
	return watch;
}

void epoch_watch_free(struct epoch_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->unit != NULL)
		db_pool_detach(watch->service->pool, watch->unit);
	if (watch->timer != NULL)
		loop_timer_free(watch->timer);
	arena_free(watch->arena);
	free(watch);
}

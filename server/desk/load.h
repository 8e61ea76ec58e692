/*
 * Reading tickets and their clocks into struct change.
 *
 *	load_calls(unit, ids, n);              two calls of the unit
 *	db_pool_submit(…)
 *	struct load_cursor rows = load_rows(unit, first_call);
 *	while ((rc = load_next(&rows, arena, ref, &change)) == 1) …
 */
#ifndef OTKLIK_DESK_LOAD_H
#define OTKLIK_DESK_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "core/change.h"
#include "db/rows.h"
#include "db/unit.h"

enum { LOAD_CALLS = 2 };

/* Tickets by number, as far as the unit's scope reaches; `ids` is copied. */
void load_calls(struct db_unit *unit, const int64_t *ids, size_t count);

/* Tickets in the order of their rows, clocks ordered by ticket: where a walk stands. */
struct load_cursor {
	const struct db_rows *tickets;
	const struct db_rows *clocks;
	size_t ticket;
	size_t clock;
};

struct load_cursor load_rows(const struct db_unit *unit, size_t first_call);

/*
 * The next ticket with its clocks. Texts stay in the unit's arena, which must live as long as
 * the change; events will be taken from `arena`. 1, 0 at the end, -OTK_RESOURCE_EXHAUSTED.
 */
int load_next(struct load_cursor *cursor, struct arena *arena, const struct reference *ref,
        struct change *out);

/* One row with the columns of ticket_load. 0, or -OTK_RESOURCE_EXHAUSTED. */
int load_ticket(
        const struct db_rows *rows, size_t row, struct arena *arena, struct ticket *out);

/* One row with the columns of clock_load. 0, or -OTK_RESOURCE_EXHAUSTED. */
int load_clock(
        const struct db_rows *rows, size_t row, struct arena *arena, struct sla_clock *out);

/* One row with the columns of event_list (server/sql/event.sql). */
void load_event(const struct db_rows *rows, size_t row, struct event *out);

#endif

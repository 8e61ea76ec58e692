/*
 * A change: one ticket taken through one or more commands in memory. Rules mutate the ticket
 * and its clocks and append events; server/desk loads it before and saves it after, in one
 * transaction, guarded by loaded_version. Nothing here does I/O or reads a clock.
 */
#ifndef OTKLIK_CORE_CHANGE_H
#define OTKLIK_CORE_CHANGE_H

#include "base/arena.h"
#include "base/status.h"
#include "core/reference.h"
#include "core/ticket.h"

struct change {
	struct arena *arena; /* owns every text below */
	const struct reference *ref;
	int64_t loaded_version; /* 0: the ticket is new */
	struct ticket ticket;
	struct sla_clock clocks[CLOCK_KIND_COUNT]; /* by kind; state CLOCK_NONE = absent */
	struct event *events;
	size_t event_count;
	size_t event_cap;
};

void change_init(struct change *c, struct arena *arena, const struct reference *ref);

/* An event that touches nothing. */
void event_init(struct event *e, enum event_kind kind, const struct actor *actor, int64_t now);

/*
 * Appends a copy of *e with the next seq, sets ticket.version and updated_at; texts must
 * already be in the arena. NULL when memory is out.
 */
struct event *change_append(struct change *c, const struct event *e);

/*
 * The next instant at which time itself acts on the ticket: the next unfired level or
 * unbroken due of an open clock, pending_until, auto_close_at, recheck_at, an edit of the
 * calendar or a withdrawal of the contract not yet acted upon. 0 = none.
 * The sweep acts when that instant has passed (now > at): at one instant commands come first.
 */
int64_t change_next_timer(const struct change *c);

#endif

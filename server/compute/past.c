/* Rows of simulation_events as events. */
#include "compute/past.h"

#include <stdlib.h>

#include "core/change.h"

enum column {
	COL_TICKET,
	COL_SEQ,
	COL_KIND,
	COL_CAUSE,
	COL_ACTOR,
	COL_SIDE,
	COL_PUBLIC,
	COL_OCCURRED,
	COL_STATE,
	COL_REASON,
	COL_TYPE,
	COL_IMPACT,
	COL_URGENCY,
	COL_PRIORITY,
	COL_SITE,
	COL_SERVICE,
	COL_TEAM,
	COL_CONTRACT,
	COL_CLOCK,
};

int64_t past_ticket(const struct db_rows *rows)
{
	return db_get_int(rows, 0, COL_TICKET);
}

void past_begin(struct past *past, int64_t ticket_id)
{
	past->ticket_id = ticket_id;
	past->count = 0;
	past->too_long = false;
}

/* -1 where the event does not touch it. */
static int64_t touched(const struct db_rows *rows, enum column column)
{
	return db_is_null(rows, 0, column) ? -1 : db_get_int(rows, 0, column);
}

static struct event *room(struct past *past)
{
	size_t cap = past->cap == 0 ? 64 : past->cap * 2;
	struct event *grown;

	if (past->count == past->cap) {
		grown = realloc(past->events, cap * sizeof *grown);
		if (grown == NULL)
			return NULL;
		past->events = grown;
		past->cap = cap;
	}
	return &past->events[past->count++];
}

int past_add(struct past *past, const struct db_rows *rows)
{
	const struct actor nobody = {0};
	struct event *e;

	if (past->count >= PAST_EVENTS_MAX) {
		past->too_long = true;
		return 0;
	}
	e = room(past);
	if (e == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	event_init(e, (enum event_kind)db_get_int(rows, 0, COL_KIND), &nobody,
	        db_get_time(rows, 0, COL_OCCURRED));
	e->seq = db_get_int(rows, 0, COL_SEQ);
	e->cause = (enum event_cause)db_get_int(rows, 0, COL_CAUSE);
	e->actor_id = (int32_t)db_get_int(rows, 0, COL_ACTOR);
	e->side = (enum actor_side)db_get_int(rows, 0, COL_SIDE);
	e->is_public = db_get_bool(rows, 0, COL_PUBLIC);
	e->state = (int16_t)touched(rows, COL_STATE);
	e->pending_reason = (int16_t)touched(rows, COL_REASON);
	e->type = (int16_t)touched(rows, COL_TYPE);
	e->impact = (int16_t)touched(rows, COL_IMPACT);
	e->urgency = (int16_t)touched(rows, COL_URGENCY);
	e->priority = (int16_t)touched(rows, COL_PRIORITY);
	e->site_id = (int32_t)touched(rows, COL_SITE);
	e->service_id = (int32_t)touched(rows, COL_SERVICE);
	e->team_id = (int32_t)touched(rows, COL_TEAM);
	e->contract_id = (int32_t)touched(rows, COL_CONTRACT);
	if (!db_is_null(rows, 0, COL_CLOCK))
		e->clock = (int16_t)db_get_int(rows, 0, COL_CLOCK);
	return 0;
}

void past_free(struct past *past)
{
	free(past->events);
	*past = (struct past){0};
}

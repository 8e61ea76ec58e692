/* Journals as the simulation reads them, row by row, gathered ticket by ticket. */
#ifndef OTKLIK_COMPUTE_PAST_H
#define OTKLIK_COMPUTE_PAST_H

#include <stddef.h>

#include "core/ticket.h"
#include "db/rows.h"

/* More events than this are not replayed: the ticket is left out and counted. */
enum { PAST_EVENTS_MAX = 20000 };

struct past {
	int64_t ticket_id; /* 0: none yet */
	struct event *events;
	size_t count;
	size_t cap;
	bool too_long;
};

/* The ticket of a row of simulation_events. */
int64_t past_ticket(const struct db_rows *rows);

/* Forgets the ticket before and begins with that of the row. */
void past_begin(struct past *past, int64_t ticket_id);

/* Adds the row. 0 or -OTK_RESOURCE_EXHAUSTED. */
int past_add(struct past *past, const struct db_rows *rows);
void past_free(struct past *past);

#endif

/*
 * The journal makes the ticket: every change of ticket and clocks is the projection of one
 * event. Commands go through here, so a rebuild from the journal cannot come out differently.
 *
 * Not from the journal, because fixed at intake or erasable: customer_id, ticket_id, title
 * (followed where the text is at hand), channel, external_ref.
 */
#ifndef OTKLIK_CORE_PROJECTION_H
#define OTKLIK_CORE_PROJECTION_H

#include "core/change.h"

/* How long after a resolve a check that is still bad reopens: 30 minutes. */
#define RECHECK_AFTER_US (INT64_C(30) * 60 * 1000000)

/*
 * Applies the next event to c->ticket and c->clocks; c->ref gives the contract's targets and
 * levels and the calendar. Texts are borrowed from the event. 0 or a negative status.
 */
int projection_apply(struct change *c, const struct event *e);

#endif

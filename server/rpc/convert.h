/* Structs of core → messages of the schema: the only place where the two meet. */
#ifndef OTKLIK_RPC_CONVERT_H
#define OTKLIK_RPC_CONVERT_H

#include "base/arena.h"
#include "core/change.h"
#include "wire/schema.h"

/*
 * Ticket and clocks (by kind, CLOCK_NONE: absent) as the given side may see them. Texts are
 * borrowed from ticket, reference and arena. NULL when the arena is out.
 */
Otklik__V1__Ticket *convert_ticket(struct arena *arena, const struct reference *ref,
        const struct ticket *ticket, const struct sla_clock clocks[CLOCK_KIND_COUNT],
        bool provider);

/* Fills *out, which the caller has initialised. 0, or -OTK_RESOURCE_EXHAUSTED. */
int convert_clock(struct arena *arena, const struct sla_clock *clock, bool provider,
        Otklik__V1__Clock *out);
void convert_event(const struct reference *ref, int32_t customer_id, int64_t ticket_id,
        const struct event *event, Otklik__V1__TicketEvent *out);

#endif

/* A contract as its message: what a file would say that makes it. */
#ifndef OTKLIK_RPC_CONTRACT_MESSAGE_H
#define OTKLIK_RPC_CONTRACT_MESSAGE_H

#include "base/tz.h"
#include "desk/installation.h"
#include "otklik/v1/installation.pb-c.h"

/*
 * A stored or declared contract, defaults left out, dates in the calendar's zone (NULL: UTC);
 * NULL when the arena is out.
 */
Otklik__V1__Contract *contract_message(
        struct arena *arena, const struct thing *thing, const struct tz *zone);

/* Takes out what the customer does not see: all that is said of the provider's own clocks. */
void contract_message_outside(Otklik__V1__Contract *contract);

#endif

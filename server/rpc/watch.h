/*
 * Who waits for the feed. One hub a process: it listens for "otklik_feed", which the sequencer
 * sends after its commit, and looks at the head itself now and then, should one be missed.
 */
#ifndef OTKLIK_RPC_WATCH_H
#define OTKLIK_RPC_WATCH_H

#include "rpc/service.h"

struct watch_hub;

/* Call before the loop runs. NULL: no memory, or listening is refused. */
struct watch_hub *watch_hub_new(struct service *service);
void watch_hub_free(struct watch_hub *hub); /* after all requests have ended */

#endif

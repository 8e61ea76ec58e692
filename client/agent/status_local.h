/* The queue's state as the message that `status` shows. */
#ifndef OTKLIK_AGENT_STATUS_LOCAL_H
#define OTKLIK_AGENT_STATUS_LOCAL_H

#include "agent/queue.h"
#include "base/arena.h"
#include "otklik/v1/local.pb-c.h"

/* Allocated in the arena, without checks and connection. NULL when memory is out. */
Otklik__V1__AgentStatus *status_local(const struct queue_state *state, struct arena *arena);

#endif

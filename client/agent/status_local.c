/* Status of the queue. */
#include "agent/status_local.h"

Otklik__V1__AgentStatus *status_local(const struct queue_state *state, struct arena *arena)
{
	Otklik__V1__AgentStatus *status = arena_alloc(arena, sizeof *status);

	if (status == NULL)
		return NULL;
	otklik__v1__agent_status__init(status);
	status->agent = arena_strdup(arena, state->agent);
	status->queue_epoch.data =
	        arena_memdup(arena, state->epoch.bytes, sizeof state->epoch.bytes);
	status->queue_epoch.len = sizeof state->epoch.bytes;
	status->mark = (uint64_t)state->mark;
	status->head = (uint64_t)state->head;
	status->oldest_waiting_us = state->oldest_unacked_at;
	status->used_bytes = (uint64_t)state->used_bytes;
	status->cap_bytes = (uint64_t)state->cap_bytes;
	status->refused = (uint64_t)state->refusal.count;
	status->gaps = (uint64_t)state->gaps;
	return status->agent == NULL || status->queue_epoch.data == NULL ? NULL : status;
}

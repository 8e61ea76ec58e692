/*
 * Observed history as a ticket: what another system's audit trail tells about one case becomes
 * a journal, without transition guard, and without clocks or timers unless it is armed. Pure.
 */
#ifndef OTKLIK_DESK_IMPORT_CASE_H
#define OTKLIK_DESK_IMPORT_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "core/change.h"

/* All that was true of the case at an instant. Ids and levels 0, texts NULL or "": nothing. */
struct import_observation {
	int64_t at; /* us */
	enum ticket_state state;
	enum pending_reason pending_reason;
	int32_t team_id;
	int32_t assignee_id;
	int32_t site_id;
	int32_t requester_id;
	int16_t priority; /* 0: of impact and urgency */
	int16_t impact;
	int16_t urgency;
	const char *category;
	const char *subcategory;
};

struct import_case {
	int32_t customer_id;
	int64_t ticket_id;
	const char *ref;
	const char *title;
	const char *channel;
	const char *zone; /* whose days it is counted in */
	enum ticket_type type;
	int64_t created_at;                            /* us */
	const struct import_observation *observations; /* ascending by time, at least one */
	size_t count;
	int32_t arm; /* contract version that an open case is armed under; 0: none */
};

/*
 * Fills an initialised change: CREATED with what the first observation knows, then an event for
 * each difference, at the time it was observed; `now` is when they were recorded. Texts are
 * borrowed. A case that the last observation leaves open is armed where `arm` says so (see
 * lifecycle_arm). 0; -OTK_RESOURCE_EXHAUSTED; -OTK_OUT_OF_RANGE.
 */
int import_case_build(
        struct change *c, const struct import_case *in, const struct actor *actor, int64_t now);

#endif

/*
 * What if: the past of one ticket lived again under another contract. The journal tells what
 * people did and when; its clocks are thrown away and made anew by the rules that every ticket
 * is under (clocks.h, lifecycle_tick), so there is no second arithmetic of clocks.
 */
#ifndef OTKLIK_CORE_SIMULATE_H
#define OTKLIK_CORE_SIMULATE_H

#include "base/arena.h"
#include "base/status.h"
#include "core/reference.h"
#include "core/ticket.h"

/* Time in which a clock counted while nothing about its ticket changed. */
struct simulated_stretch {
	int64_t from;
	int64_t to;
	int64_t counted_us; /* not more than to − from */
	enum ticket_state state;
	enum pending_reason reason;
	int32_t team_id;
	int32_t site_id;
};

/* What became of one clock, of one round where a clock has several. */
struct simulated_outcome {
	enum clock_kind clock;
	enum clock_state state; /* MET, LATE, VOID; RUNNING, PAUSED: not over by `until` */
	int64_t started_at;
	int64_t ended_at; /* 0: not over */
	int64_t due_at;
	int64_t breached_at; /* 0: it was not */
	bool waived;         /* the breach was forgiven, as it was in truth */
	int64_t consumed_us;
	int64_t paused_us; /* what it would have consumed besides, had nothing paused it */
	int64_t target_us;
	bool wall;
	int32_t calendar_id;
	enum ticket_type type; /* of the ticket when it ended */
	int16_t priority;
	int32_t service_id;
	int32_t site_id;
	int32_t team_id;
	struct simulated_stretch *stretches;
	size_t stretch_count;
};

struct simulated {
	struct simulated_outcome *outcomes;
	size_t count;
	int64_t created_at;
	bool observed;  /* imported: nobody knows when it was answered, so only resolution runs
	                 */
	bool cancelled; /* by the end: of no account */
	bool self_recovered;
};

/*
 * The journal of a ticket, in order of seq and without gaps in what is not a clock's (events of
 * clocks and levels may be left out), under the contract `contract_id` of `ref`, until an
 * instant; where that is the one it was made under, versions applied to it later are followed.
 * Everything of `out` is the arena's. Levels should be taken out of the contracts:
 * they would be fired for nobody. 0; -OTK_DATA_LOSS for a journal that does not begin with
 * CREATED; -OTK_RESOURCE_EXHAUSTED; -OTK_OUT_OF_RANGE.
 */
int simulate_ticket(const struct reference *ref, int32_t contract_id,
        const struct event *events, size_t count, int64_t until, struct arena *arena,
        struct simulated *out, struct otk_error *err);

#endif

/*
 * Why a clock stands where it stands: intervals that tile its life, each counted or not and
 * why, so that consumed and due follow from them by addition.
 */
#ifndef OTKLIK_CORE_EXPLAIN_H
#define OTKLIK_CORE_EXPLAIN_H

#include "base/arena.h"
#include "base/status.h"
#include "core/calendar_mark.h"
#include "core/change.h"

/* Values are those of otklik.v1.IntervalKind. */
enum interval_kind {
	INTERVAL_COUNTED = 1,
	INTERVAL_CLOSED = 2,
	INTERVAL_HOLIDAY = 3,
	INTERVAL_PAUSED = 4,
	INTERVAL_RESOLVED = 5, /* between resolve and reopen, or without a target */
};

struct explain_interval {
	enum interval_kind kind;
	int64_t from;
	int64_t to;                /* not included */
	int64_t consumed_us;       /* by the end of it */
	enum pending_reason pause; /* INTERVAL_PAUSED */
	enum event_cause cause;    /* INTERVAL_RESOLVED: why it was silenced, if it was */
	int32_t actor_id;          /* who paused or resolved; 0: the system */
	enum actor_side side;
	int32_t calendar_id; /* counted, closed, holiday: by which calendar */
	/* And on which of its days, where that is a holiday or a special working day. */
	enum mark_kind mark;
	int64_t date;     /* days since 1970 in the calendar's zone: the first of them */
	const char *name; /* NULL or "": it has none; as long as the reference data */
};

struct explanation {
	enum clock_kind clock;
	int64_t from;
	int64_t until; /* when it stopped, else the instant asked for */
	int64_t target_us;
	int64_t consumed_us; /* the sum of what is counted */
	int64_t due_at;      /* by addition, what would follow had it not stopped; 0 while
	                        nobody can know (paused short of it) */
	struct explain_interval *intervals;
	size_t count;
};

/* Whether nothing was promised then: the clock had fallen silent, and ran on later. */
bool explain_silent(const struct explain_interval *interval);

/*
 * Explains one clock from the whole journal of the ticket, in order of seq; c is the ticket as
 * it stands (clocks, reference). An update clock is explained in its last round. Memory is the
 * arena's. 0; -OTK_NOT_FOUND where the ticket has no such clock; -OTK_RESOURCE_EXHAUSTED;
 * -OTK_OUT_OF_RANGE.
 */
int explain_clock(const struct change *c, enum clock_kind kind, const struct event *events,
        size_t event_count, int64_t now, struct arena *arena, struct explanation *out);

#endif

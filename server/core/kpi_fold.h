/*
 * The fold: what one ticket's journal contributes to the rollups. Events go in one by one in
 * order of seq, contributions come out; what a later event takes back comes out negated. The
 * state between two events is small and has a byte form, so a fold can stop after any event
 * and go on elsewhere. Rebuilding is folding again from nothing: both must agree exactly.
 *
 * Rules (see the KPI catalogue): a duration is counted on the day of its end event, in the
 * ticket's zone, under the site, team, priority and type it had then. A reopen takes back the
 * resolve and its met outcome. A cancel takes back everything. Self-recovered tickets count
 * as such and not in durations or compliance, breaches excepted. A promise is judged where the
 * ticket is resolved, or where its date passes before; a reopen takes back what was kept, and a
 * new date what the last one broke (kpi_promise.h).
 */
#ifndef OTKLIK_CORE_KPI_FOLD_H
#define OTKLIK_CORE_KPI_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/kpi_metric.h"
#include "core/ticket.h"

enum { KPI_ZONE_MAX = 64 };

/*
 * Edition of the rules. Grows when measures are added; kpi_metric_since() says which are new.
 * What an older edition remembers of a ticket is not read: the ticket is folded again for the
 * new measures (server/jobs/fold.c).
 */
enum { KPI_RULES = 3 };

/* Address of one rollup cell, by day and by quarter-hour. */
struct kpi_cell_key {
	int32_t day;     /* days since 1970-01-01 in the ticket's zone */
	int32_t quarter; /* quarter-hours since 1970 UTC */
	int32_t site_id;
	int32_t team_id;
	int16_t priority;
	int16_t type;
	int16_t metric;
	int32_t bucket;
};

/* One contribution: n times `value` (milliseconds, or 1 for counts); n is negative to retract.
 */
struct kpi_delta {
	struct kpi_cell_key key;
	int32_t n;
	int64_t value;
};

struct kpi_state {
	int64_t seq;
	char zone[KPI_ZONE_MAX + 1];
	int64_t created_at;
	int32_t site_id;
	int32_t team_id;
	int32_t team_last;   /* as team_id, but kept where the team is cleared */
	int32_t team_before; /* another one, before team_last */
	int16_t priority;
	int16_t type;
	int16_t state;
	int16_t pending_reason;
	bool observed;
	bool cancelled;
	bool merged; /* its notes are taken back until the merge is undone */
	bool acknowledged;
	bool replied;
	bool resolved_once;
	bool reopened;
	bool pended;
	bool response_clock;
	bool resolution_clock;
	bool resolution_breached;
	bool response_breached;
	/* Clocks, by kind: the target in force, and bits 1 << kind of the current round. */
	int64_t target_us[CLOCK_KIND_COUNT];
	int16_t broken;
	int16_t waived;
	int16_t overrun;   /* its overrun is counted */
	int32_t held_team; /* whose round the operational clock measures */
	int16_t escalated; /* bits 1 << metric - KPI_ESCALATED: counted as such */
	/* Effective time where no resolution clock runs: 24×7 without pauses and resolved time.
	 */
	int64_t running_since; /* 0: standing still */
	int64_t consumed_us;
	struct kpi_cell_key cohort; /* of the last resolve */
	struct {
		int64_t first_at; /* 0: none was ever given */
		int64_t last_at;  /* the date that counts; 0: none, or withdrawn in time */
		int64_t half_at;  /* half of the first one's span */
		int64_t at_half;  /* the date in force then; 0: none */
		int64_t churn_us;
		bool first_broken;
		bool last_broken;
	} promise;
	/* What may be taken back: everything but states, merged by cell and value. */
	size_t note_count;
	size_t note_cap;
	struct kpi_delta *notes;
};

/* A ticket that has no history yet. */
void kpi_fold_begin(struct kpi_state *s);

/* Frees the notes; the state can begin again. */
void kpi_fold_end(struct kpi_state *s);

/* Called for every contribution of an event. */
typedef void kpi_emit(void *context, const struct kpi_delta *delta);

/*
 * Folds one event; its seq must be s->seq + 1. 0; -OTK_DATA_LOSS when it is not, or when the
 * first event is not CREATED; -OTK_RESOURCE_EXHAUSTED when memory is out. After an error the
 * state and what was emitted must be thrown away.
 */
int kpi_fold_event(struct kpi_state *s, const struct event *e, kpi_emit *emit, void *context);

/*
 * Byte form, appended to `out`; and back into a begun state, with checks: -OTK_DATA_LOSS for
 * bytes that are none. Both may fail with -OTK_RESOURCE_EXHAUSTED.
 * States of other editions of the rules are none.
 */
struct buf;
int kpi_state_encode(const struct kpi_state *s, struct buf *out);
int kpi_state_decode(struct kpi_state *s, const void *data, size_t size);

#endif

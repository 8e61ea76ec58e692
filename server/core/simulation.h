/*
 * What a simulation tells: outcomes of many tickets gathered by target, by month and by where
 * the time of those that broke went. Memory is bounded; nothing here reads a clock or a file.
 */
#ifndef OTKLIK_CORE_SIMULATION_H
#define OTKLIK_CORE_SIMULATION_H

#include "core/simulate.h"

/* More than this is not gathered: the history asked for is too long. */
enum {
	SIMULATION_OUTCOMES_MAX = 4000000,
	SIMULATION_CELLS_MAX = 4000,
	SIMULATION_REASONS_MAX = 20000
};

/* Reasons of which there is a place for each: hours of the week, states with their reasons. */
enum {
	SIMULATION_HOURS = 168,
	SIMULATION_STATES = TICKET_STATE_COUNT * PENDING_REASON_COUNT,
	SIMULATION_PLACES = SIMULATION_HOURS + SIMULATION_STATES
};

struct simulation_key {
	enum clock_kind clock;
	enum ticket_type type;
	int16_t priority;
	int32_t service_id; /* 0 where no target tells services apart */
	int32_t team_id;    /* of operational clocks; 0 where no target tells teams apart */
};

struct simulation_cell {
	struct simulation_key key;
	int64_t target_us; /* of the last outcome; a change of target on the way counts here */
	bool wall;
	int64_t met;
	int64_t breached;
	int64_t waived; /* broken and forgiven: of no account */
	int64_t silent; /* void: of no account */
	int64_t open;   /* not over and not broken: of no account yet */
	int64_t breach_us;
	/* Of those of account: what they consumed, and what pauses took out. */
	int64_t consumed_us;
	int64_t paused_us;
	int64_t *consumed; /* of those that ended; sorted by simulation_finish */
	size_t count;
	size_t cap;
	int64_t *lasting; /* what those that had not ended had consumed when last seen */
	size_t lasting_count;
	size_t lasting_cap;
};

/* Outcomes by month of their breach, else of their stop, in the calendar's zone. */
struct simulation_month {
	int32_t month; /* year × 12 + month − 1 */
	struct simulation_key key;
	int64_t met;
	int64_t breached;
};

/* A month as a whole, of what is promised to the customer. */
struct simulation_sum {
	int32_t month;
	int64_t met;
	int64_t breached;
	int32_t credit_share; /* 1/10000 of the month's part of the fee */
	int64_t credit;       /* in the currency's smallest unit, rounded to the nearest */
};

enum simulation_reason_kind {
	REASON_STATE = 1, /* id: state; sub: pending reason */
	REASON_TEAM,      /* id: team */
	REASON_SITE,      /* id: site */
	REASON_HOUR,      /* id: weekday from Monday 0, × 24 + hour in the calendar's zone */
};

/* Where the counted time of broken clocks of one kind went. */
struct simulation_reason {
	enum clock_kind clock;
	enum simulation_reason_kind kind;
	int32_t id;
	int32_t sub;
	int64_t counted_us;
	int64_t clocks; /* broken ones with some of their time there; of teams and sites how
	                   often it came there */
};

/* Services and teams of targets, ascending. */
struct simulation_ids {
	int32_t *ids;
	size_t count;
	size_t cap;
};

struct simulation {
	struct simulation_ids services; /* told apart */
	struct simulation_ids teams;
	int64_t tickets; /* of account */
	int64_t cancelled;
	int64_t self_recovered;
	int64_t observed;  /* of account, but imported: resolution alone is known */
	int64_t uncovered; /* no contract covers them */
	int64_t outcomes;
	int64_t broken_us[CLOCK_KIND_COUNT]; /* counted time of broken clocks */
	struct simulation_cell *cells;
	size_t cell_count;
	size_t cell_cap;
	struct simulation_month *months;
	size_t month_count;
	size_t month_cap;
	struct simulation_reason *reasons;
	size_t reason_count;
	size_t reason_cap;
	int32_t places[CLOCK_KIND_COUNT][SIMULATION_PLACES]; /* 1 + index into reasons */
};

/* Frees what it gathered; it can gather again. */
void simulation_clear(struct simulation *s);

/*
 * Tells the services and teams of the contract's targets and credits apart, whatever contract
 * tickets are added under: two simulations that are laid side by side need the same keys. To be
 * called before the first ticket. 0 or -OTK_RESOURCE_EXHAUSTED.
 */
int simulation_tell_apart(struct simulation *s, const struct ref_contract *contract);

/*
 * Adds one ticket's outcomes under a contract of `ref`. Cancelled and self-recovered tickets
 * are counted apart. 0; -OTK_RESOURCE_EXHAUSTED, also past the bounds above; -OTK_OUT_OF_RANGE.
 */
int simulation_add(struct simulation *s, const struct reference *ref,
        const struct ref_contract *contract, const struct simulated *ticket);

/* Sorts cells, their times, months, and reasons by what they took. */
void simulation_finish(struct simulation *s);

/* The cell of a finished simulation, or NULL. */
const struct simulation_cell *simulation_find(
        const struct simulation *s, const struct simulation_key *key);

/*
 * A target that `percent` of a hundred would have kept, by Kaplan–Meier: those that have not
 * ended count as long as they were seen. 1; 0 where too many have not ended to tell; or
 * -OTK_RESOURCE_EXHAUSTED.
 */
int simulation_safe(const struct simulation_cell *cell, int percent, int64_t *us);

/* Whether [from, to) has the whole of the month in the zone of the calendar. */
bool simulation_month_whole(const struct reference *ref, int32_t calendar_id, int32_t month,
        int64_t from, int64_t to);

/*
 * The months of a finished simulation, ascending, with what the contract gives back for each:
 * of the steps of one clock, type, priority and service the lowest that holds, all together not
 * more than the cap. At most `cap` are written; how many there are.
 */
size_t simulation_sums(const struct simulation *s, const struct ref_contract *contract,
        struct simulation_sum *out, size_t cap);

#endif

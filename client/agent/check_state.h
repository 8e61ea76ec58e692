/*
 * The life of one check between runs: soft and hard states, attempts, flapping. Pure rules;
 * time never enters them except as the interval until the next run.
 */
#ifndef OTKLIK_AGENT_CHECK_STATE_H
#define OTKLIK_AGENT_CHECK_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* Exit codes of the plugin API. */
enum check_state { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };
enum { CHECK_STATES = 4, CHECK_RING = 21 };

struct check_rules {
	uint32_t max_attempts;      /* 1..100: this many bad runs in a row make a state hard */
	int64_t check_interval;     /* microseconds while the state is hard */
	int64_t retry_interval;     /* microseconds while a problem is soft */
	uint32_t flap_start_permil; /* flapping starts at this percentage × 10, e.g. 300 */
	uint32_t flap_stop_permil;  /* and stops at this one, e.g. 200; below the start */
};

/* Zero-initialise: a check that never ran. */
struct check_life {
	bool ran;               /* false until the first result */
	enum check_state state; /* of the last run */
	bool hard;              /* whether it counts */
	uint32_t attempt;       /* 1..max_attempts of the present problem; 1 while OK */
	bool known;             /* whether hard_state was ever set */
	enum check_state hard_state;
	bool flapping;
	uint32_t ring_count;      /* states in the ring, at most CHECK_RING */
	uint8_t ring[CHECK_RING]; /* oldest first */
};

/* What one result changed. */
struct check_change {
	bool hard_changed; /* the hard state is new (first hard state included) */
	bool soft_recovery;
	bool flap_started;
	bool flap_stopped;
	bool moved;              /* anything besides one more equal state in the ring changed */
	enum check_state before; /* hard state before; CHECK_OK if there was none */
};

/* "OK", "WARNING", "CRITICAL", "UNKNOWN". */
const char *check_state_name(enum check_state state);

/*
 * Applies one result. A problem turns hard after max_attempts bad runs in a row, whatever mix
 * of bad states they are; a hard problem that changes to another bad state stays hard; OK is
 * always hard, and from a soft problem it is a soft recovery that changes no hard state. The
 * ring takes hard states and soft recoveries only.
 */
struct check_change check_life_apply(
        struct check_life *life, const struct check_rules *rules, enum check_state result);

/* Microseconds until the next run. */
int64_t check_life_interval(const struct check_life *life, const struct check_rules *rules);

/*
 * Percent state change of a full ring h[0] (oldest) to h[20]:
 * 100/20 × Σ over x = 1..20 with h[x] ≠ h[x−1] of (0.75 + (x−1) × 0.5/19).
 */
double flap_percent(const uint8_t ring[CHECK_RING]);

#endif

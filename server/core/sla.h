/*
 * Arithmetic of one clock: its target, what it has consumed, when it is due, where its levels
 * lie. Nothing here writes the journal (clocks.h does). Instants in microseconds UTC.
 *
 * Whatever is computed for an instant uses the editions of the calendar known by then, so that
 * a later rebuild comes to the same answer. Without a contract time is open always.
 */
#ifndef OTKLIK_CORE_SLA_H
#define OTKLIK_CORE_SLA_H

#include "core/calendar_history.h"
#include "core/change.h"

/* Whether the clock is still going: RUNNING or PAUSED. */
bool clock_is_open(const struct sla_clock *clock);

/* The contract a ticket is pinned to, or NULL. */
const struct ref_contract *sla_contract(const struct change *c);

/* The editions of a calendar known at an instant; empty (open always) for calendar 0. */
struct calendar_history sla_history(
        const struct reference *ref, int32_t calendar_id, int64_t at);

/*
 * The target written for the ticket as it is now, or NULL: the most specific by team
 * (operational targets), then service, then priority, then type; of equals the first written. A
 * contract promises nothing once withdrawn.
 */
const struct ref_target *sla_target(const struct change *c, enum clock_kind kind, int64_t at);

/*
 * Sets target_us, target_bd, wall and calendar_id of a clock that started at `started_at`.
 * 1; 0 where the contract has no target for it; or a negative status.
 */
int sla_aim(const struct change *c, enum clock_kind kind, int64_t started_at, int64_t at,
        struct sla_clock *clock);

/* Consumed time at an instant not before anchor_at. */
int sla_consumed(
        const struct change *c, const struct sla_clock *clock, int64_t at, int64_t *us);

/*
 * The due time of a clock that runs from `at` on with `consumed` behind it: when consumed
 * equals target, or `at` where it already does. Past the year 2100: CALENDAR_END.
 */
int sla_due(const struct change *c, const struct sla_clock *clock, int64_t consumed, int64_t at,
        int64_t *due);

/* True when the contract's levels of this clock rest because somebody took the ticket up. */
bool sla_ladder_stopped(const struct change *c, enum clock_kind kind);

/* Number of levels the contract hangs on this clock, and one of them (1..) or NULL. */
int sla_level_count(const struct change *c, enum clock_kind kind);
const struct ref_level *sla_level(const struct change *c, enum clock_kind kind, int number);

/* What must be consumed for the level to fire: may be negative. */
int64_t sla_level_threshold(const struct sla_clock *clock, const struct ref_level *level);

/*
 * Places every armed level of a clock whose anchor_at and consumed_us hold at `at`. With
 * `rearm`, fired and skipped ones whose instant now lies in the future are armed again; on a
 * stopped ladder none is armed.
 */
int sla_place_levels(const struct change *c, struct sla_clock *clock, int64_t at, bool rearm);

/*
 * The instant of the first calendar edition that moved the due or the levels of an open clock
 * since they were placed, or the length of its business days, or from which its site counts by
 * another calendar; 0 if there is none.
 */
int sla_edited_at(const struct change *c, const struct sla_clock *clock, int64_t *at);

#endif

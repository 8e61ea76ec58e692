/*
 * What clocks contribute to the rollups. Private to the fold, which calls these with the event
 * at hand; see kpi_fold.h.
 *
 * An outcome counts on the day of the stop where it is met, of the breach where it is not. What
 * a clock ran over its target (the overrun: consumed - target) counts once it has stopped or is
 * void, on that day, every breach once; a clock that runs on takes it back, so does a waiver.
 * Outcomes of the operational clock are those of the team that held the round. Rounds of the
 * past of an imported ticket are nobody's: a log does not tell under what terms a team worked.
 */
#ifndef OTKLIK_CORE_KPI_CLOCK_H
#define OTKLIK_CORE_KPI_CLOCK_H

#include <stdint.h>

struct fold; /* one event being folded: kpi_booking.h */

/* Events of the kinds CLOCK_STARTED to CLOCK_VOIDED, and CLOCK_WAIVED. */
void kpi_clock_event(struct fold *f);

/* Service time of a resolve, from the clock that stopped or, without one, from the fold. */
void kpi_clock_resolved(struct fold *f, int64_t consumed_us);

#endif

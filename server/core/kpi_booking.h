/*
 * What the parts of the fold write with: contributions of the event at hand, and notes of them
 * in the ticket's state, so that they can be taken back. Private to the fold (kpi_fold.h).
 */
#ifndef OTKLIK_CORE_KPI_BOOKING_H
#define OTKLIK_CORE_KPI_BOOKING_H

#include "core/kpi_fold.h"

struct tz;

/* One event being folded. After a failure rc is negative and nothing more is booked. */
struct fold {
	struct kpi_state *s;
	const struct event *e;
	const struct tz *tz; /* NULL: UTC */
	kpi_emit *emit;
	void *context;
	int rc;
};

/* The cell of the event's instant, where the ticket stands. */
struct kpi_cell_key kpi_cell_here(const struct fold *f, int metric, int64_t value);

/* A contribution without a note. */
void kpi_put(const struct fold *f, const struct kpi_cell_key *key, int32_t n, int64_t value);

/* Count one, revocably. A cancelled or merged ticket contributes nothing any more. */
void kpi_book_at(struct fold *f, const struct kpi_cell_key *key, int64_t value);
void kpi_book(struct fold *f, int metric, int64_t value);
void kpi_book_count(struct fold *f, int metric);
void kpi_book_duration(struct fold *f, int metric, int64_t us);

/* Takes back every noted contribution to the metric; 0: to all. */
void kpi_retract(struct fold *f, int metric);

/* All that is noted, taken back (-1) or given again (1); the notes stay: a merge can be undone.
 */
void kpi_put_notes(const struct fold *f, int32_t sign);

/*
 * The last note of a metric, or note_count where there is none. Equal contributions share a
 * note, but for outcomes of rounds (kpi_metric_is_of_round), where the last is the newest.
 */
size_t kpi_note_last(const struct kpi_state *s, int metric);

/* Takes one of a note back. Of a merged ticket only the note goes: the rest is taken back. */
void kpi_note_take(struct fold *f, size_t at);

/* The opposite: a contribution that a merged ticket only notes, for an undo. */
void kpi_note_give(struct fold *f, const struct kpi_cell_key *key, int64_t value);

#endif

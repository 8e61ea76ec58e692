/*
 * What promises contribute to the rollups. Private to the fold, which calls these with the
 * event at hand; see kpi_fold.h.
 *
 * Kept or broken is known of the first date and of the last one in force: at the resolve, or
 * when the date passes before; a first date that was moved away is judged at the resolve, or
 * when a date not before it passes. A breach of the first date stays for ever, one of the last
 * until another date is given; a date withdrawn in time is not judged, one withdrawn after it
 * passed stays broken. Slip, churn and accuracy belong to the resolve.
 */
#ifndef OTKLIK_CORE_KPI_PROMISE_H
#define OTKLIK_CORE_KPI_PROMISE_H

#include "core/kpi_fold.h"

struct fold; /* one event being folded: kpi_booking.h */

void kpi_promise_given(struct fold *f, struct kpi_state *s, const struct event *e);
void kpi_promise_broken(struct fold *f, struct kpi_state *s, const struct event *e);
void kpi_promise_resolved(struct fold *f, struct kpi_state *s, const struct event *e);
void kpi_promise_reopened(struct fold *f);

#endif

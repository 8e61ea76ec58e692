/*
 * The sweep: journals what time owes to tickets (breaches, levels, the end of pending, closing)
 * when nobody touches them. Commands do the same for the ticket they touch, by the same rule
 * (lifecycle_tick), so an outcome never depends on when a sweep ran.
 */
#ifndef OTKLIK_JOBS_SWEEP_H
#define OTKLIK_JOBS_SWEEP_H

#include "jobs/jobs.h"

struct sweep;

/* NULL with err. */
struct sweep *sweep_new(const struct jobs_options *options, struct otk_error *err);
/* Somebody may have made a timer that comes before the one slept for. */
void sweep_wake(struct sweep *sweep);
void sweep_free(struct sweep *sweep);

#endif

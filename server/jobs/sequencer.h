/* Puts the journal into the order of commits (feed_sequence) and wakes who reads it. */
#ifndef OTKLIK_JOBS_SEQUENCER_H
#define OTKLIK_JOBS_SEQUENCER_H

#include "jobs/jobs.h"

struct sequencer;

/* Several may run: one at a time holds the feed's row, the others pass by. NULL: no memory. */
struct sequencer *sequencer_new(const struct jobs_options *options);
/* The journal has grown. */
void sequencer_wake(struct sequencer *sequencer);
void sequencer_free(struct sequencer *sequencer);

#endif

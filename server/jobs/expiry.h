/* Removes what is kept for a time only: idempotency keys, the old end of the feed, sent
 * messages, files that were put and never attached. */
#ifndef OTKLIK_JOBS_EXPIRY_H
#define OTKLIK_JOBS_EXPIRY_H

#include "jobs/jobs.h"

struct expiry;

/* Keys are kept 7 days. A client that replays later does its mutation anew. */
#define EXPIRY_KEYS_US (INT64_C(7) * 86400 * CLOCK_SECOND)
/* Feed entries are kept 35 days, and until they are folded. A watch that resumes from further
 * back is told to list anew. */
#define EXPIRY_FEED_US (INT64_C(35) * 86400 * CLOCK_SECOND)

/* Messages that were sent are kept 35 days; those put aside, until somebody sends them again.
 */
#define EXPIRY_OUTBOX_US (INT64_C(35) * 86400 * CLOCK_SECOND)

/* Content of files that hang nowhere: an upload that was broken off goes on within a day. */
#define EXPIRY_CONTENT_US (INT64_C(1) * 86400 * CLOCK_SECOND)

struct expiry *expiry_new(const struct jobs_options *options); /* NULL: no memory */
void expiry_free(struct expiry *expiry);

#endif

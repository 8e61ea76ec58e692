/* The dispatch job: from the feed into the outbox, each entry once. */
#ifndef OTKLIK_JOBS_DISPATCH_H
#define OTKLIK_JOBS_DISPATCH_H

#include "jobs/jobs.h"

struct dispatch;

/* Starts at once. Without any channel configured the watermark follows the feed and nothing is
 * filed. NULL when memory is out. */
struct dispatch *dispatch_new(const struct jobs_options *options);
/* The feed has grown. */
void dispatch_wake(struct dispatch *dispatch);
void dispatch_free(struct dispatch *dispatch);

#endif

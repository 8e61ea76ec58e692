/* The fold job: takes the feed into the rollups, each journal row exactly once. */
#ifndef OTKLIK_JOBS_FOLD_H
#define OTKLIK_JOBS_FOLD_H

#include "jobs/jobs.h"

struct fold;

/*
 * Any number may run against one database: the watermark lets only one of them save each
 * stretch. NULL: no memory.
 */
struct fold *fold_new(const struct jobs_options *options);
/* The feed has grown. */
void fold_wake(struct fold *fold);
void fold_free(struct fold *fold);

#endif

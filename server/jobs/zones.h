/* A change of the IANA time zones is an edit of the calendars that are in them. */
#ifndef OTKLIK_JOBS_ZONES_H
#define OTKLIK_JOBS_ZONES_H

#include "jobs/jobs.h"

struct zones;

struct zones *zones_new(const struct jobs_options *options); /* NULL: no memory */
void zones_free(struct zones *zones);

#endif

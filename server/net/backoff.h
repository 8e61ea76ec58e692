/* How long to wait before a dead child is started again. Pure. */
#ifndef OTKLIK_NET_BACKOFF_H
#define OTKLIK_NET_BACKOFF_H

#include <stdint.h>

/* A child that lived this long was healthy: its death starts the count anew. */
#define BACKOFF_HEALTHY_US (INT64_C(60) * 1000000)
#define BACKOFF_FIRST_US (INT64_C(50) * 1000)
#define BACKOFF_LAST_US (INT64_C(30) * 1000000)

/* Zero-initialised at first. */
struct backoff {
	unsigned deaths; /* quick ones in a row */
};

/*
 * A child that lived `lived_us` died: how long to wait. 50 ms, then twice as long each time, at
 * most 30 s, so that one accident costs nothing and a broken configuration no processor.
 */
int64_t backoff_next(struct backoff *backoff, int64_t lived_us);

#endif

/*
 * Which child gets the next connection. Pure: counts in, an index out; the master keeps the
 * counts and moves the descriptors.
 */
#ifndef OTKLIK_NET_DEAL_H
#define OTKLIK_NET_DEAL_H

#include <stdbool.h>
#include <stddef.h>

/* Dealt but not yet taken by a child's loop: a stuck child holds up at most this many. */
enum { DEAL_UNCONFIRMED_MAX = 4 };

/* One seat per child slot of the master. */
struct deal_seat {
	bool ready;           /* its loop runs and it takes connections */
	bool draining;        /* of an old generation, or stopping */
	unsigned live;        /* dealt and not closed */
	unsigned unconfirmed; /* of these, not yet confirmed */
};

/*
 * The ready seat with the fewest live connections that has room for one more unconfirmed;
 * among equals the first after `last`, so that idle children take turns. -1: nobody, keep the
 * connection until somebody confirms.
 */
int deal_choose(const struct deal_seat *seats, size_t count, size_t last);

#endif

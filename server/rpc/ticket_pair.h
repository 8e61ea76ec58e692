/*
 * Two tickets changed together: read with the request's key, decided in memory, saved in one
 * transaction or not at all. r->state is a struct that begins with struct ticket_pair.
 *
 *	ticket_pair_read → ticket_pair_loaded → (rules) → ticket_pair_save → ticket_pair_saved
 *	       ↑_______________________________________________________________| 0: again
 */
#ifndef OTKLIK_RPC_TICKET_PAIR_H
#define OTKLIK_RPC_TICKET_PAIR_H

#include "rpc/ticket_write.h"

/* The first is the one that the request is about: its save carries the key. */
struct ticket_pair {
	struct ticket_write write; /* first: see ticket_write.c; attempts and waiting */
	int64_t ids[2];            /* 0: none to read */
	bool there[2];
	struct change changes[2];
	struct save saves[2];
};

/* Reads those that have a number, and whether the key was used with the customer of either. */
enum step ticket_pair_read(
        struct request *r, struct ticket_pair *pair, enum permission scope, request_step *next);

/*
 * Takes what was read. 1: the key is new; 0: used by this request before, on *done (0 where it
 * is not known); -OTK_FAILED_PRECONDITION: used by another; -OTK_RESOURCE_EXHAUSTED.
 */
int ticket_pair_loaded(const struct request *r, struct ticket_pair *pair, int64_t *done);

enum step ticket_pair_save(
        struct request *r, struct ticket_pair *pair, enum permission scope, request_step *next);

/* Whether both are saved; else *out is the step to return: `again`, or an answer. */
bool ticket_pair_saved(
        struct request *r, struct ticket_pair *pair, request_step *again, enum step *out);

#endif

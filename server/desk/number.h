/* Ticket numbers: blocks of 64 from the sequence, fetched ahead of need. */
#ifndef OTKLIK_DESK_NUMBER_H
#define OTKLIK_DESK_NUMBER_H

#include <stdint.h>

#include "desk/desk.h"

struct number_store;

/* Fetches the first block when it is first asked for a number. */
struct number_store *number_store_new(struct db_pool *pool);
void number_store_free(struct number_store *store);

/* See desk_number and desk_number_wait. */
int64_t number_take(struct number_store *store);
void number_wait(struct number_store *store, struct desk_wait *wait,
        void (*done)(void *context), void *context);

#endif

/* What the files of this room share. */
#ifndef OTKLIK_DESK_DESK_INTERNAL_H
#define OTKLIK_DESK_DESK_INTERNAL_H

#include "db/batch.h"
#include "desk/desk.h"

struct number_store;
struct reference_store;

struct desk {
	struct loop *loop;
	struct db_pool *pool;
	struct otk_clock *clock;
	struct db_batch *saves;
	struct db_batch *reports;
	struct reference_store *references;
	struct number_store *numbers;
	void (*saved)(void *context); /* NULL: nobody asked */
	void *saved_context;
};

/* A list of waiters: those who wait now are told together, later ones join the next round. */
struct wait_list {
	struct desk_wait *first;
};
void wait_join(struct wait_list *list, struct desk_wait *wait, void (*done)(void *context),
        void *context);
void wait_tell(struct wait_list *list);

#endif

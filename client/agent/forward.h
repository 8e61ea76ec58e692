/*
 * Brings the queue to the server, in order, exactly once: the server's mark is asked for at
 * every connect and after every failure, then batches go from there, one in flight.
 */
#ifndef OTKLIK_AGENT_FORWARD_H
#define OTKLIK_AGENT_FORWARD_H

#include <stdbool.h>

#include "agent/queue.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "otklik/v1/agent.pb-c.h"

struct forward;

/* A reply lives until `done` returns; exactly one of reply and err is set. */
typedef void forward_mark_done(
        void *arg, const Otklik__V1__GetMarkResponse *reply, const struct otk_error *err);
typedef void forward_submit_done(
        void *arg, const Otklik__V1__SubmitReportsResponse *reply, const struct otk_error *err);

/*
 * The way to the server: libotklik, or a fake in tests. At most one call is open; `done` comes
 * once, from the loop, never from inside the call. A negative return means done never comes.
 */
struct forward_link {
	int (*mark)(void *link, const Otklik__V1__GetMarkRequest *request,
	        forward_mark_done *done, void *arg, struct otk_error *err);
	int (*submit)(void *link, const Otklik__V1__SubmitReportsRequest *request,
	        forward_submit_done *done, void *arg, struct otk_error *err);
	/* Gives up the open call, if any; its `done` does not come. */
	void (*cancel)(void *link);
};

struct forward_options {
	struct loop *loop;
	struct queue *queue;
	struct otk_clock *clock;
	const struct forward_link *link;
	void *link_arg;
};

/* NULL when memory is out. Does nothing until forward_online. */
struct forward *forward_new(const struct forward_options *options);
void forward_free(struct forward *forward);

/* The link has a new connection, or lost it. */
void forward_online(struct forward *forward);
void forward_offline(struct forward *forward);

/* Something was put into the queue. */
void forward_poke(struct forward *forward);

/* Whether the server was reached at the last attempt; else why not ("" before the first). */
bool forward_is_online(const struct forward *forward);
const char *forward_error(const struct forward *forward);
void forward_error_note(struct forward *forward, const char *message);

#endif

/* What the real and the fake loop share. */
#ifndef OTKLIK_LOOP_LOOP_PRIVATE_H
#define OTKLIK_LOOP_LOOP_PRIVATE_H

#include "loop/loop.h"

struct event;

/* The driver seam: the public functions go through this table. `attach` returns 0 or -1. */
struct loop_driver {
	void (*destroy)(struct loop *loop);
	int (*turn)(struct loop *loop, bool may_wait);
	int64_t (*now)(struct loop *loop);
	struct event_base *(*base)(struct loop *loop);
	void (*wake)(struct loop *loop); /* the queue is to be run in the next turn */
	int (*timer_attach)(struct loop_timer *timer);
	void (*timer_set)(struct loop_timer *timer, int64_t delay_us);
	void (*timer_clear)(struct loop_timer *timer);
	void (*timer_detach)(struct loop_timer *timer);
	int (*watch_attach)(struct loop_watch *watch);
	int (*watch_set)(struct loop_watch *watch, unsigned events);
	void (*watch_detach)(struct loop_watch *watch);
	int (*signal_attach)(struct loop_signal *signal);
	void (*signal_detach)(struct loop_signal *signal);
};

/* Each driver's own struct starts with this one. */
struct loop {
	const struct loop_driver *driver;
	struct loop_task queue; /* head of the ring of posted tasks */
	bool stopped;
};

struct loop_timer {
	struct loop *loop;
	void (*run)(void *arg);
	void *arg;
	bool is_set;
	int64_t due;
	struct event *event;     /* real */
	struct loop_timer *next; /* fake: those set, by due */
};

struct loop_watch {
	struct loop *loop;
	void (*run)(void *arg, unsigned events);
	void *arg;
	int fd;
	unsigned events;
	struct event *event;     /* real */
	struct loop_watch *next; /* fake: all */
};

struct loop_signal {
	struct loop *loop;
	void (*run)(void *arg, int signo);
	void *arg;
	int signo;
	struct event *event;      /* real */
	struct loop_signal *next; /* fake: all */
};

void loop_init(struct loop *loop, const struct loop_driver *driver);

/* Runs the tasks that were posted before the call. */
void loop_run_posted(struct loop *loop);
bool loop_has_posted(const struct loop *loop);

#endif

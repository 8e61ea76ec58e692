/*
 * The event loop: descriptors, one-shot timers, signals and a queue of completions, over
 * libevent; or a fake one whose time and descriptors a test moves. One process runs one loop
 * in one thread, so nothing here locks.
 *
 * Callbacks run one after another from loop_run, never from inside another loop_ call. A
 * callback may free any handle, its own included. Times are microseconds of the monotonic
 * clock (or of the fake one).
 */
#ifndef OTKLIK_LOOP_LOOP_H
#define OTKLIK_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_watch;
struct loop_signal;
struct event_base;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* NULL when memory or descriptors are out. */
struct loop *loop_new(void);
/* All handles of the loop must be freed before it. loop_free(NULL) is harmless. */
void loop_free(struct loop *loop);

/* Runs until loop_stop. 0, or -OTK_INTERNAL. May be run again. */
int loop_run(struct loop *loop);
/* One turn: waits for the first thing to happen (or not, when !may_wait), handles what is due.
 */
int loop_turn(struct loop *loop, bool may_wait);
void loop_stop(struct loop *loop);

/* Now, on the monotonic clock; for a fake loop, its own time. */
int64_t loop_now(struct loop *loop);

/* For those who need libevent itself (bufferevents, evdns); NULL for a fake loop. */
struct event_base *loop_base(struct loop *loop);

/*
 * A completion: part of its owner's struct, so posting cannot fail. `run(arg)` is called once
 * in the next turn, in order of posting. Posting a task that is queued already does nothing.
 */
struct loop_task {
	void (*run)(void *arg);
	void *arg;
	struct loop_task *next; /* private, NULL when not queued */
	struct loop_task *prev;
};

static inline void loop_task_init(struct loop_task *task, void (*run)(void *arg), void *arg)
{
	*task = (struct loop_task){.run = run, .arg = arg};
}
void loop_post(struct loop *loop, struct loop_task *task);
/* Takes it off the queue again, if it is there. */
void loop_unpost(struct loop *loop, struct loop_task *task);

/* A timer, not set; never early. NULL when memory is out. Setting one that is set moves it. */
struct loop_timer *loop_timer_new(struct loop *loop, void (*run)(void *arg), void *arg);
void loop_timer_free(struct loop_timer *timer);
void loop_timer_set(struct loop_timer *timer, int64_t delay_us);
void loop_timer_clear(struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/*
 * A descriptor, watched for nothing yet; level-triggered. `run(arg, events)` gets the LOOP_READ
 * and LOOP_WRITE that are ready. The descriptor stays the caller's and must outlive the watch.
 */
struct loop_watch *loop_watch_new(
        struct loop *loop, int fd, void (*run)(void *arg, unsigned events), void *arg);
void loop_watch_free(struct loop_watch *watch);
/* 0, or -OTK_INTERNAL when the kernel refuses the descriptor. */
int loop_watch_set(struct loop_watch *watch, unsigned events);

/* Calls run(arg, signo) from the loop each time the signal comes. NULL on failure. */
struct loop_signal *loop_signal_new(
        struct loop *loop, int signo, void (*run)(void *arg, int signo), void *arg);
void loop_signal_free(struct loop_signal *signal);

/*
 * The fake: time stands still at `now_us` until a test moves it. loop_fake_move runs what is
 * posted and every timer that comes due on the way, in order of time. loop_run goes from timer
 * to timer by itself until it is stopped or nothing is left.
 */
struct loop *loop_new_fake(int64_t now_us);
void loop_fake_move(struct loop *loop, int64_t by_us);
/* As if the descriptor were ready now: those of `events` that it is watched for are reported.
 */
void loop_fake_ready(struct loop *loop, int fd, unsigned events);
void loop_fake_signal(struct loop *loop, int signo);

#endif

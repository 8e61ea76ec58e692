/* Runs the checks on time and turns their hard states into reports. */
#ifndef OTKLIK_AGENT_WATCHER_H
#define OTKLIK_AGENT_WATCHER_H

#include "agent/check_file.h"
#include "agent/queue.h"
#include "base/clock.h"
#include "loop/loop.h"

struct watcher;

struct watcher_options {
	struct loop *loop;
	struct queue *queue;
	struct otk_clock *clock;
	const struct check_list *checks; /* must outlive the watcher */
	size_t concurrency;              /* plugins that run at once */
	void (*reported)(void *arg);     /* something new is in the queue */
	void *arg;
};

/* What `status` shows of one check. */
struct watcher_look {
	const struct check_spec *spec;
	const struct queue_check *check;
	int64_t ran_at; /* wall clock; 0: not yet */
	const char *output;
};

/*
 * Loads the saved life of each check and starts: first runs are spread over the check's
 * interval (at most a minute), so that a restart is no stampede. Intervals follow the
 * monotonic clock, or the virtual one. NULL with err filled.
 */
struct watcher *watcher_new(const struct watcher_options *options, struct otk_error *err);

/* Kills the plugins that run. watcher_free(NULL) is harmless. */
void watcher_free(struct watcher *watcher);

size_t watcher_count(const struct watcher *watcher);
void watcher_look(const struct watcher *watcher, size_t index, struct watcher_look *out);

#endif

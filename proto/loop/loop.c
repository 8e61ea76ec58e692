/* Handles, the completion queue and the run of turns: what both drivers share. */
#include "loop/loop.h"

#include <stdlib.h>

#include "base/status.h"
#include "loop/loop_private.h"

void loop_init(struct loop *loop, const struct loop_driver *driver)
{
	loop->driver = driver;
	loop->queue.next = &loop->queue;
	loop->queue.prev = &loop->queue;
	loop->stopped = false;
}

void loop_free(struct loop *loop)
{
	if (loop != NULL)
		loop->driver->destroy(loop);
}

int loop_turn(struct loop *loop, bool may_wait)
{
	return loop->driver->turn(loop, may_wait);
}

int loop_run(struct loop *loop)
{
	int rc = 0;

	loop->stopped = false;
	while (rc == 0 && !loop->stopped)
		rc = loop_turn(loop, true);
	return rc;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

int64_t loop_now(struct loop *loop)
{
	return loop->driver->now(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->driver->base(loop);
}

bool loop_has_posted(const struct loop *loop)
{
	return loop->queue.next != &loop->queue;
}

static void task_link(struct loop_task *task, struct loop_task *before)
{
	task->prev = before->prev;
	task->next = before;
	before->prev->next = task;
	before->prev = task;
}

static void task_unlink(struct loop_task *task)
{
	task->prev->next = task->next;
	task->next->prev = task->prev;
	task->next = NULL;
	task->prev = NULL;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	if (task->next != NULL)
		return;
	if (!loop_has_posted(loop))
		loop->driver->wake(loop);
	task_link(task, &loop->queue);
}

void loop_unpost(struct loop *loop, struct loop_task *task)
{
	(void)loop;
	if (task->next != NULL)
		task_unlink(task);
}

/*
 * A mark at the end of the queue separates what was posted before from what the tasks
 * themselves post, so that one turn always ends and descriptors get their share.
 */
void loop_run_posted(struct loop *loop)
{
	struct loop_task mark = {0};

	task_link(&mark, &loop->queue);
	while (loop->queue.next != &mark) {
		struct loop_task *task = loop->queue.next;

		task_unlink(task);
		task->run(task->arg);
	}
	task_unlink(&mark);
	if (loop_has_posted(loop))
		loop->driver->wake(loop);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof *timer);

	if (timer == NULL)
		return NULL;
	timer->loop = loop;
	timer->run = run;
	timer->arg = arg;
	if (loop->driver->timer_attach(timer) < 0) {
		free(timer);
		return NULL;
	}
	return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	timer->loop->driver->timer_detach(timer);
	free(timer);
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_us)
{
	timer->loop->driver->timer_set(timer, delay_us < 0 ? 0 : delay_us);
}

void loop_timer_clear(struct loop_timer *timer)
{
	if (timer->is_set)
		timer->loop->driver->timer_clear(timer);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->is_set;
}

struct loop_watch *loop_watch_new(
        struct loop *loop, int fd, void (*run)(void *arg, unsigned events), void *arg)
{
	struct loop_watch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		return NULL;
	watch->loop = loop;
	watch->fd = fd;
	watch->run = run;
	watch->arg = arg;
	if (loop->driver->watch_attach(watch) < 0) {
		free(watch);
		return NULL;
	}
	return watch;
}

void loop_watch_free(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	watch->loop->driver->watch_detach(watch);
	free(watch);
}

int loop_watch_set(struct loop_watch *watch, unsigned events)
{
	int rc;

	if (watch->events == events)
		return 0;
	rc = watch->loop->driver->watch_set(watch, events);
	if (rc < 0)
		return -OTK_INTERNAL;
	watch->events = events;
	return 0;
}

struct loop_signal *loop_signal_new(
        struct loop *loop, int signo, void (*run)(void *arg, int signo), void *arg)
{
	struct loop_signal *signal = calloc(1, sizeof *signal);

	if (signal == NULL)
		return NULL;
	signal->loop = loop;
	signal->signo = signo;
	signal->run = run;
	signal->arg = arg;
	if (loop->driver->signal_attach(signal) < 0) {
		free(signal);
		return NULL;
	}
	return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
	if (signal == NULL)
		return;
	signal->loop->driver->signal_detach(signal);
	free(signal);
}

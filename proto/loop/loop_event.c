/* The real loop: libevent. */
#include <stdlib.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/status.h"
#include "loop/loop_private.h"

struct loop_real {
	struct loop loop;
	struct event_base *base;
	struct event *posted; /* fires at once in the next turn while tasks are queued */
};

static struct loop_real *real(struct loop *loop)
{
	return (struct loop_real *)loop;
}

static void on_posted(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_run_posted(arg);
}

static void real_destroy(struct loop *loop)
{
	struct loop_real *self = real(loop);

	if (self->posted != NULL)
		event_free(self->posted);
	if (self->base != NULL)
		event_base_free(self->base);
	free(self);
}

static int real_turn(struct loop *loop, bool may_wait)
{
	int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (may_wait ? 0 : EVLOOP_NONBLOCK);

	return event_base_loop(real(loop)->base, flags) < 0 ? -OTK_INTERNAL : 0;
}

static int64_t real_now(struct loop *loop)
{
	(void)loop;
	return clock_monotonic();
}

static struct event_base *real_base(struct loop *loop)
{
	return real(loop)->base;
}

static struct timeval timeval_of(int64_t us)
{
	return (struct timeval){
	        .tv_sec = us / CLOCK_SECOND, .tv_usec = (suseconds_t)(us % CLOCK_SECOND)};
}

static void real_wake(struct loop *loop)
{
	struct timeval at_once = timeval_of(0);

	(void)event_add(real(loop)->posted, &at_once);
}

static void real_timer_set(struct loop_timer *timer, int64_t delay_us)
{
	struct timeval delay = timeval_of(delay_us);

	timer->due = clock_monotonic() + delay_us;
	timer->is_set = event_add(timer->event, &delay) == 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;
	int64_t now = clock_monotonic();

	(void)fd;
	(void)what;
	/* libevent reckons from a coarse clock, and from the beginning of the turn. */
	if (now < timer->due) {
		real_timer_set(timer, timer->due - now);
		return;
	}
	timer->is_set = false;
	timer->run(timer->arg);
}

static int real_timer_attach(struct loop_timer *timer)
{
	timer->event = event_new(real(timer->loop)->base, -1, 0, on_timer, timer);
	return timer->event == NULL ? -1 : 0;
}

static void real_timer_clear(struct loop_timer *timer)
{
	(void)event_del(timer->event);
	timer->is_set = false;
}

static void real_timer_detach(struct loop_timer *timer)
{
	event_free(timer->event);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *watch = arg;
	unsigned events = ((what & EV_READ) != 0 ? LOOP_READ : 0u) |
	                  ((what & EV_WRITE) != 0 ? LOOP_WRITE : 0u);

	(void)fd;
	watch->run(watch->arg, events);
}

static int real_watch_attach(struct loop_watch *watch)
{
	watch->event = event_new(
	        real(watch->loop)->base, watch->fd, EV_READ | EV_PERSIST, on_ready, watch);
	return watch->event == NULL ? -1 : 0;
}

static int real_watch_set(struct loop_watch *watch, unsigned events)
{
	int what = EV_PERSIST | ((events & LOOP_READ) != 0 ? EV_READ : 0) |
	           ((events & LOOP_WRITE) != 0 ? EV_WRITE : 0);

	(void)event_del(watch->event);
	if (events == 0)
		return 0;
	if (event_assign(watch->event, real(watch->loop)->base, watch->fd, (short)what,
	            on_ready, watch) < 0)
		return -1;
	return event_add(watch->event, NULL);
}

static void real_watch_detach(struct loop_watch *watch)
{
	event_free(watch->event);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *signal = arg;

	(void)what;
	signal->run(signal->arg, (int)signo);
}

static int real_signal_attach(struct loop_signal *signal)
{
	signal->event =
	        evsignal_new(real(signal->loop)->base, signal->signo, on_signal, signal);
	if (signal->event == NULL)
		return -1;
	if (event_add(signal->event, NULL) == 0)
		return 0;
	event_free(signal->event);
	return -1;
}

static void real_signal_detach(struct loop_signal *signal)
{
	event_free(signal->event);
}

static const struct loop_driver REAL = {
        .destroy = real_destroy,
        .turn = real_turn,
        .now = real_now,
        .base = real_base,
        .wake = real_wake,
        .timer_attach = real_timer_attach,
        .timer_set = real_timer_set,
        .timer_clear = real_timer_clear,
        .timer_detach = real_timer_detach,
        .watch_attach = real_watch_attach,
        .watch_set = real_watch_set,
        .watch_detach = real_watch_detach,
        .signal_attach = real_signal_attach,
        .signal_detach = real_signal_detach,
};

struct loop *loop_new(void)
{
	struct loop_real *self = calloc(1, sizeof *self);

	if (self == NULL)
		return NULL;
	loop_init(&self->loop, &REAL);
	self->base = event_base_new();
	if (self->base != NULL)
		self->posted = event_new(self->base, -1, 0, on_posted, &self->loop);
	if (self->posted == NULL) {
		real_destroy(&self->loop);
		return NULL;
	}
	return &self->loop;
}

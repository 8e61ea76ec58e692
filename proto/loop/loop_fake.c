/* The fake loop: a test moves its time and says which descriptors are ready. */
#include <stdlib.h>

#include "base/status.h"
#include "loop/loop_private.h"

struct loop_fake {
	struct loop loop;
	int64_t now;
	struct loop_timer *timers; /* those set, by due, then by order of setting */
	struct loop_watch *watches;
	struct loop_signal *signals;
};

static struct loop_fake *fake(struct loop *loop)
{
	return (struct loop_fake *)loop;
}

static void fake_destroy(struct loop *loop)
{
	free(fake(loop));
}

static int64_t fake_now(struct loop *loop)
{
	return fake(loop)->now;
}

static struct event_base *fake_base(struct loop *loop)
{
	(void)loop;
	return NULL;
}

static void fake_wake(struct loop *loop)
{
	(void)loop;
}

static int fake_timer_attach(struct loop_timer *timer)
{
	(void)timer;
	return 0;
}

static void fake_timer_clear(struct loop_timer *timer)
{
	struct loop_timer **at = &fake(timer->loop)->timers;

	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	timer->is_set = false;
}

static void fake_timer_set(struct loop_timer *timer, int64_t delay_us)
{
	struct loop_timer **at = &fake(timer->loop)->timers;

	if (timer->is_set)
		fake_timer_clear(timer);
	timer->due = fake(timer->loop)->now + delay_us;
	while (*at != NULL && (*at)->due <= timer->due)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	timer->is_set = true;
}

static void fake_timer_detach(struct loop_timer *timer)
{
	if (timer->is_set)
		fake_timer_clear(timer);
}

static int fake_watch_attach(struct loop_watch *watch)
{
	watch->next = fake(watch->loop)->watches;
	fake(watch->loop)->watches = watch;
	return 0;
}

static int fake_watch_set(struct loop_watch *watch, unsigned events)
{
	(void)watch;
	(void)events;
	return 0;
}

static void fake_watch_detach(struct loop_watch *watch)
{
	struct loop_watch **at = &fake(watch->loop)->watches;

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
}

static int fake_signal_attach(struct loop_signal *signal)
{
	signal->next = fake(signal->loop)->signals;
	fake(signal->loop)->signals = signal;
	return 0;
}

static void fake_signal_detach(struct loop_signal *signal)
{
	struct loop_signal **at = &fake(signal->loop)->signals;

	while (*at != signal)
		at = &(*at)->next;
	*at = signal->next;
}

/* Runs the first timer if it is due by `until`; time goes to its due. */
static bool run_first_timer(struct loop_fake *self, int64_t until)
{
	struct loop_timer *timer = self->timers;

	if (timer == NULL || timer->due > until)
		return false;
	if (timer->due > self->now)
		self->now = timer->due;
	fake_timer_clear(timer);
	timer->run(timer->arg);
	return true;
}

static int fake_turn(struct loop *loop, bool may_wait)
{
	struct loop_fake *self = fake(loop);

	if (loop_has_posted(loop))
		loop_run_posted(loop);
	else if (!run_first_timer(self, may_wait ? INT64_MAX : self->now) && may_wait)
		loop_stop(loop);
	return 0;
}

static const struct loop_driver FAKE = {
        .destroy = fake_destroy,
        .turn = fake_turn,
        .now = fake_now,
        .base = fake_base,
        .wake = fake_wake,
        .timer_attach = fake_timer_attach,
        .timer_set = fake_timer_set,
        .timer_clear = fake_timer_clear,
        .timer_detach = fake_timer_detach,
        .watch_attach = fake_watch_attach,
        .watch_set = fake_watch_set,
        .watch_detach = fake_watch_detach,
        .signal_attach = fake_signal_attach,
        .signal_detach = fake_signal_detach,
};

struct loop *loop_new_fake(int64_t now_us)
{
	struct loop_fake *self = calloc(1, sizeof *self);

	if (self == NULL)
		return NULL;
	loop_init(&self->loop, &FAKE);
	self->now = now_us;
	return &self->loop;
}

void loop_fake_move(struct loop *loop, int64_t by_us)
{
	struct loop_fake *self = fake(loop);
	int64_t until = self->now + by_us;

	do {
		while (loop_has_posted(loop))
			loop_run_posted(loop);
	} while (run_first_timer(self, until));
	self->now = until;
}

void loop_fake_ready(struct loop *loop, int fd, unsigned events)
{
	struct loop_watch *watch = fake(loop)->watches;

	while (watch != NULL) {
		struct loop_watch *next = watch->next;

		if (watch->fd == fd && (watch->events & events) != 0)
			watch->run(watch->arg, watch->events & events);
		watch = next;
	}
}

void loop_fake_signal(struct loop *loop, int signo)
{
	struct loop_signal *signal = fake(loop)->signals;

	while (signal != NULL) {
		struct loop_signal *next = signal->next;

		if (signal->signo == signo)
			signal->run(signal->arg, signo);
		signal = next;
	}
}

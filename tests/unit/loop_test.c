/* The loop, real and fake. Callbacks record; the tests look afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "loop/loop.h"

struct note {
	struct loop *loop;
	char text[64];
	struct loop_task task;
	struct loop_timer *timer;
	struct loop_watch *watch;
	int count;
	unsigned events;
};

static void add(struct note *note, char c)
{
	size_t n = strlen(note->text);

	note->text[n] = c;
	note->text[n + 1] = '\0';
}

static void on_a(void *arg)
{
	add(arg, 'a');
}

static void on_b(void *arg)
{
	add(arg, 'b');
}

static void on_stop(void *arg)
{
	struct note *note = arg;

	add(note, 's');
	loop_stop(note->loop);
}

static void on_repost(void *arg)
{
	struct note *note = arg;

	if (++note->count < 3)
		loop_post(note->loop, &note->task);
}

static void on_free_self(void *arg)
{
	struct note *note = arg;

	loop_timer_free(note->timer);
	note->timer = NULL;
	add(note, 'f');
}

static void on_ready(void *arg, unsigned events)
{
	struct note *note = arg;

	note->events |= events;
	add(note, 'r');
	loop_watch_free(note->watch);
	note->watch = NULL;
	loop_stop(note->loop);
}

static void on_signal(void *arg, int signo)
{
	struct note *note = arg;

	note->count = signo;
	loop_stop(note->loop);
}

static struct loop *make(bool is_fake)
{
	struct loop *loop = is_fake ? loop_new_fake(1000) : loop_new();

	assert_non_null(loop);
	return loop;
}

static void posted_tasks_run_later_in_order_and_once(void **state)
{
	(void)state;
	for (int is_fake = 0; is_fake < 2; is_fake++) {
		struct note note = {.loop = make(is_fake != 0)};
		struct loop_task a, b, gone;

		loop_task_init(&a, on_a, &note);
		loop_task_init(&b, on_b, &note);
		loop_task_init(&gone, on_a, &note);
		loop_post(note.loop, &gone);
		loop_post(note.loop, &b);
		loop_post(note.loop, &a);
		loop_post(note.loop, &b);
		loop_unpost(note.loop, &gone);
		loop_unpost(note.loop, &gone);
		assert_string_equal(note.text, "");
		assert_int_equal(loop_turn(note.loop, false), 0);
		assert_string_equal(note.text, "ba");
		assert_int_equal(loop_turn(note.loop, false), 0);
		assert_string_equal(note.text, "ba");
		loop_free(note.loop);
	}
}

static void a_task_posted_by_a_task_waits_for_the_next_turn(void **state)
{
	(void)state;
	for (int is_fake = 0; is_fake < 2; is_fake++) {
		struct note note = {.loop = make(is_fake != 0)};

		loop_task_init(&note.task, on_repost, &note);
		loop_post(note.loop, &note.task);
		for (int turn = 1; turn <= 3; turn++) {
			assert_int_equal(loop_turn(note.loop, true), 0);
			assert_int_equal(note.count, turn);
		}
		loop_free(note.loop);
	}
}

static void timers_fire_in_order_of_time_until_stopped(void **state)
{
	(void)state;
	for (int is_fake = 0; is_fake < 2; is_fake++) {
		struct note note = {.loop = make(is_fake != 0)};
		struct loop_timer *a = loop_timer_new(note.loop, on_a, &note);
		struct loop_timer *b = loop_timer_new(note.loop, on_b, &note);
		struct loop_timer *cleared = loop_timer_new(note.loop, on_b, &note);
		struct loop_timer *stop = loop_timer_new(note.loop, on_stop, &note);
		int64_t before = loop_now(note.loop);

		loop_timer_set(stop, 9000);
		loop_timer_set(a, 5000);
		loop_timer_set(cleared, 3000);
		loop_timer_set(b, 8000);
		loop_timer_set(b, -1);
		assert_true(loop_timer_is_set(b));
		loop_timer_clear(cleared);
		loop_timer_clear(cleared);
		assert_false(loop_timer_is_set(cleared));
		assert_int_equal(loop_run(note.loop), 0);
		assert_string_equal(note.text, "bas");
		assert_true(loop_now(note.loop) - before >= 9000);
		assert_false(loop_timer_is_set(stop));
		loop_timer_set(a, 1);
		loop_timer_free(a);
		loop_timer_free(b);
		loop_timer_free(cleared);
		loop_timer_free(stop);
		loop_timer_free(NULL);
		loop_free(note.loop);
	}
}

static void a_timer_may_free_itself(void **state)
{
	(void)state;
	for (int is_fake = 0; is_fake < 2; is_fake++) {
		struct note note = {.loop = make(is_fake != 0)};

		note.timer = loop_timer_new(note.loop, on_free_self, &note);
		loop_timer_set(note.timer, 0);
		assert_int_equal(loop_turn(note.loop, true), 0);
		assert_string_equal(note.text, "f");
		loop_free(note.loop);
	}
}

static void a_ready_descriptor_is_told_and_its_watch_may_free_itself(void **state)
{
	(void)state;
	for (int is_fake = 0; is_fake < 2; is_fake++) {
		struct note note = {.loop = make(is_fake != 0)};
		int fds[2];

		assert_int_equal(pipe(fds), 0);
		note.watch = loop_watch_new(note.loop, fds[0], on_ready, &note);
		assert_int_equal(loop_watch_set(note.watch, LOOP_READ | LOOP_WRITE), 0);
		assert_int_equal(loop_watch_set(note.watch, LOOP_READ), 0);
		assert_int_equal(loop_watch_set(note.watch, LOOP_READ), 0);
		assert_int_equal(write(fds[1], "x", 1), 1);
		if (is_fake != 0) {
			loop_fake_ready(note.loop, fds[1], LOOP_READ);
			loop_fake_ready(note.loop, fds[0], LOOP_WRITE);
			assert_string_equal(note.text, "");
			loop_fake_ready(note.loop, fds[0], LOOP_READ | LOOP_WRITE);
		} else {
			assert_int_equal(loop_run(note.loop), 0);
		}
		assert_string_equal(note.text, "r");
		assert_int_equal(note.events, LOOP_READ);
		loop_free(note.loop);
		assert_int_equal(close(fds[0]) | close(fds[1]), 0);
	}
}

static void a_watch_of_nothing_is_silent(void **state)
{
	struct note note = {.loop = make(false)};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	note.watch = loop_watch_new(note.loop, fds[1], on_ready, &note);
	assert_int_equal(loop_watch_set(note.watch, LOOP_WRITE), 0);
	assert_int_equal(loop_watch_set(note.watch, 0), 0);
	assert_int_equal(loop_turn(note.loop, false), 0);
	assert_string_equal(note.text, "");
	loop_watch_free(note.watch);
	loop_watch_free(NULL);
	loop_free(note.loop);
	loop_free(NULL);
	assert_int_equal(close(fds[0]) | close(fds[1]), 0);
}

static void signals_come_through_the_loop(void **state)
{
	(void)state;
	for (int is_fake = 0; is_fake < 2; is_fake++) {
		struct note note = {.loop = make(is_fake != 0)};
		struct loop_signal *other =
		        loop_signal_new(note.loop, SIGUSR2, on_signal, &note);
		struct loop_signal *sig = loop_signal_new(note.loop, SIGUSR1, on_signal, &note);

		assert_non_null(sig);
		if (is_fake != 0) {
			loop_fake_signal(note.loop, SIGUSR1);
		} else {
			assert_int_equal(raise(SIGUSR1), 0);
			assert_int_equal(loop_run(note.loop), 0);
		}
		assert_int_equal(note.count, SIGUSR1);
		loop_signal_free(other);
		loop_signal_free(sig);
		loop_signal_free(NULL);
		loop_free(note.loop);
	}
}

static void the_fake_moves_time_only_when_told(void **state)
{
	struct note note = {.loop = loop_new_fake(500)};
	struct loop_timer *a = loop_timer_new(note.loop, on_a, &note);
	struct loop_timer *b = loop_timer_new(note.loop, on_b, &note);

	(void)state;
	loop_timer_set(a, 100);
	loop_timer_set(b, 100);
	assert_null(loop_base(note.loop));
	assert_int_equal(loop_turn(note.loop, false), 0);
	assert_string_equal(note.text, "");
	loop_fake_move(note.loop, 99);
	assert_string_equal(note.text, "");
	loop_task_init(&note.task, on_stop, &note);
	loop_post(note.loop, &note.task);
	loop_fake_move(note.loop, 1000);
	assert_string_equal(note.text, "sab");
	assert_int_equal(loop_now(note.loop), 500 + 99 + 1000);
	/* Nothing is left: loop_run ends by itself. */
	assert_int_equal(loop_run(note.loop), 0);
	loop_timer_free(a);
	loop_timer_free(b);
	loop_free(note.loop);
}

static void the_real_loop_shows_its_base(void **state)
{
	struct loop *loop = loop_new();

	(void)state;
	assert_non_null(loop_base(loop));
	loop_free(loop);
}

static void without_memory_nothing_is_made_and_nothing_breaks(void **state)
{
	(void)state;
	for (int is_fake = 0; is_fake < 2; is_fake++) {
		struct note note = {0};

		for (long n = 0; alloc_fail_next(n); n++) {
			struct loop *loop = is_fake != 0 ? loop_new_fake(0) : loop_new();
			struct loop_timer *timer;
			struct loop_watch *watch;
			struct loop_signal *sig;

			if (loop == NULL)
				continue;
			timer = loop_timer_new(loop, on_a, &note);
			watch = loop_watch_new(loop, 0, on_ready, &note);
			sig = loop_signal_new(loop, SIGUSR1, on_signal, &note);
			assert_int_equal(
			        alloc_failed(), timer == NULL || watch == NULL || sig == NULL);
			loop_timer_free(timer);
			loop_watch_free(watch);
			loop_signal_free(sig);
			loop_free(loop);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(posted_tasks_run_later_in_order_and_once),
	        cmocka_unit_test(a_task_posted_by_a_task_waits_for_the_next_turn),
	        cmocka_unit_test(timers_fire_in_order_of_time_until_stopped),
	        cmocka_unit_test(a_timer_may_free_itself),
	        cmocka_unit_test(a_ready_descriptor_is_told_and_its_watch_may_free_itself),
	        cmocka_unit_test(a_watch_of_nothing_is_silent),
	        cmocka_unit_test(signals_come_through_the_loop),
	        cmocka_unit_test(the_fake_moves_time_only_when_told),
	        cmocka_unit_test(the_real_loop_shows_its_base),
	        cmocka_unit_test(without_memory_nothing_is_made_and_nothing_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

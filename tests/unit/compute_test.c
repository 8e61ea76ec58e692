/*
 * What an api process does with the process that computes for it: this binary is both, started
 * again as "otklikd --role compute" with the name of a scene for its configuration.
 */
#include "cmocka_test.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "rpc/compute.h"
#include "rpc/compute_frame.h"
#include "rpc/service.h"
#include "wire/methods.h"
#include "wire/schema.h"

/* --- the process ---------------------------------------------------------------------------
 */

static int tell_items(int count)
{
	Otklik__V1__ForecastSlaResponse item = OTKLIK__V1__FORECAST_SLA_RESPONSE__INIT;

	for (int i = 0; count < 0 || i < count; i++) {
		item.clocks = i;
		if (compute_tell_item(COMPUTE_ANSWER_FD, &item.base) != 0)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* Slower in all than one may stand still, but it moves. */
static int tell_slowly(void)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < 10; i++) {
		(void)usleep(60000);
		rc = tell_items(1);
	}
	return rc == 0 ? compute_tell_end(COMPUTE_ANSWER_FD) : rc;
}

static int compute(const char *scene)
{
	if (strcmp(scene, "ends") == 0)
		return tell_items(3) == 0 ? compute_tell_end(COMPUTE_ANSWER_FD) : EXIT_FAILURE;
	if (strcmp(scene, "dies") == 0) {
		(void)tell_items(1);
		(void)raise(SIGKILL);
	}
	if (strcmp(scene, "slow") == 0)
		return tell_slowly();
	if (strcmp(scene, "floods") == 0)
		return tell_items(-1);
	(void)tell_items(1);
	for (;;) /* hangs */
		(void)pause();
}

/* --- the life of a request, as far as this needs one
 * ------------------------------------------
 */

static struct {
	struct service service;
	struct request request;
	const struct method *method;
	struct arena *arena;
	request_step *next;
	request_cancel *cancel;
	bool queued;
	bool over;
	int credit;
	int items;
	struct otk_error err;
} life;

void *request_state(struct request *r, size_t size)
{
	r->state = arena_calloc(r->arena, 1, size);
	return r->state;
}

static enum step later(request_step *next, enum step step)
{
	life.next = next;
	return step;
}

enum step request_go(struct request *r, request_step *next)
{
	(void)r;
	return later(next, STEP_MORE);
}

enum step request_wait(struct request *r, request_step *next)
{
	(void)r;
	return later(next, STEP_WAIT);
}

enum step request_wait_credit(struct request *r, request_step *next)
{
	(void)r;
	return later(next, STEP_WAIT);
}

void request_wake(struct request *r)
{
	(void)r;
	life.queued = true;
}

void request_on_cancel(struct request *r, request_cancel *cancel)
{
	(void)r;
	life.cancel = cancel;
}

void request_long_lived(struct request *r)
{
	(void)r;
}

int request_stream_item(struct request *r, const ProtobufCMessage *item)
{
	(void)r;
	(void)item;
	if (life.credit == 0)
		return -OTK_RESOURCE_EXHAUSTED;
	life.credit--;
	life.items++;
	return 0;
}

enum step request_fail(struct request *r, const struct otk_error *err)
{
	(void)r;
	life.err = *err;
	life.over = true;
	return STEP_DONE;
}

enum step request_error(
        struct request *r, enum otk_status code, const char *reason, const char *format, ...)
{
	struct otk_error err;

	(void)format;
	(void)error_set(&err, code, reason, "told");
	return request_fail(r, &err);
}

enum step request_no_memory(struct request *r)
{
	return request_error(r, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", "memory");
}

enum step request_stream_end(struct request *r)
{
	(void)r;
	error_clear(&life.err);
	life.over = true;
	return STEP_DONE;
}

static void steps_run(void)
{
	while (life.queued && !life.over) {
		enum step step;

		life.queued = false;
		step = life.next(&life.request);
		life.queued = life.queued || step == STEP_MORE;
	}
}

/* --- scenes ----------------------------------------------------------------------------------
 */

static enum step begin(struct request *r)
{
	return compute_run(r, "{1}");
}

static void ask(const char *scene, int credit)
{
	static Otklik__V1__ForecastSlaRequest in = OTKLIK__V1__FORECAST_SLA_REQUEST__INIT;

	life.service.config = scene;
	life.arena = arena_new(1 << 20);
	life.request = (struct request){.arena = life.arena,
	        .service = &life.service,
	        .method = method_find(METHOD_FORECAST_SLA),
	        .message = &in.base};
	life.next = begin;
	life.cancel = NULL;
	life.queued = true;
	life.over = false;
	life.credit = credit;
	life.items = 0;
	steps_run();
}

static void answer_awaited(enum otk_status code, const char *reason)
{
	int64_t end = clock_monotonic() + 20 * CLOCK_SECOND;

	while (!life.over && clock_monotonic() < end) {
		(void)loop_turn(life.service.loop, true);
		steps_run();
	}
	assert_true(life.over);
	assert_int_equal(life.err.code, code);
	if (reason != NULL)
		assert_string_equal(life.err.reason, reason);
	assert_int_equal(life.service.computing, 0);
	assert_null(life.cancel);
	arena_free(life.arena);
}

static int make(void **state)
{
	(void)state;
	life.service = (struct service){.loop = loop_new(),
	        .compute_max = 1,
	        .compute_timeout = 60 * CLOCK_SECOND,
	        .compute_stall = 60 * CLOCK_SECOND};
	return life.service.loop == NULL;
}

static int unmake(void **state)
{
	(void)state;
	loop_free(life.service.loop);
	return 0;
}

static void what_is_computed_is_passed_on_to_its_end(void **state)
{
	(void)state;
	ask("ends", 10);
	assert_int_equal(life.service.computing, 1);
	answer_awaited(OTK_OK, NULL);
	assert_int_equal(life.items, 3);
}

static void a_process_that_dies_frees_its_slot_and_the_client_may_come_again(void **state)
{
	(void)state;
	ask("dies", 10);
	answer_awaited(OTK_UNAVAILABLE, "COMPUTE_GONE");
	assert_true(life.err.retry_after_ms > 0);
}

static void a_process_that_comes_no_further_is_ended(void **state)
{
	(void)state;
	life.service.compute_stall = CLOCK_SECOND / 10;
	ask("hangs", 10);
	answer_awaited(OTK_DEADLINE_EXCEEDED, "COMPUTE_STALLED");
}

static void a_client_that_does_not_read_keeps_no_slot(void **state)
{
	(void)state;
	life.service.compute_stall = CLOCK_SECOND / 10;
	ask("floods", 5);
	answer_awaited(OTK_DEADLINE_EXCEEDED, "NOT_READ");
	assert_int_equal(life.items, 5);
	ask("ends", 10);
	answer_awaited(OTK_OK, NULL);
}

static void nothing_is_computed_longer_than_the_bound_however_it_moves(void **state)
{
	(void)state;
	life.service.compute_timeout = CLOCK_SECOND / 5;
	life.service.compute_stall = CLOCK_SECOND / 10;
	ask("floods", 1 << 30);
	answer_awaited(OTK_DEADLINE_EXCEEDED, "COMPUTE_TOO_LONG");
	assert_true(life.items > 0);
}

static void a_slow_one_that_moves_has_its_time(void **state)
{
	(void)state;
	life.service.compute_stall = CLOCK_SECOND / 2;
	ask("slow", 100);
	answer_awaited(OTK_OK, NULL);
	assert_int_equal(life.items, 10);
}

static void who_goes_away_takes_the_process_along(void **state)
{
	(void)state;
	ask("hangs", 10);
	assert_int_equal(life.service.computing, 1);
	assert_non_null(life.cancel);
	life.cancel(&life.request);
	assert_int_equal(life.service.computing, 0);
	arena_free(life.arena);
	ask("ends", 10);
	answer_awaited(OTK_OK, NULL);
}

static void past_the_bound_one_is_told_to_come_again(void **state)
{
	(void)state;
	life.service.computing = 1;
	ask("ends", 10);
	assert_true(life.over);
	assert_int_equal(life.err.code, OTK_RESOURCE_EXHAUSTED);
	assert_true(life.err.retry_after_ms > 0);
	arena_free(life.arena);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        SCENE(what_is_computed_is_passed_on_to_its_end),
	        SCENE(a_process_that_dies_frees_its_slot_and_the_client_may_come_again),
	        SCENE(a_process_that_comes_no_further_is_ended),
	        SCENE(a_client_that_does_not_read_keeps_no_slot),
	        SCENE(nothing_is_computed_longer_than_the_bound_however_it_moves),
	        SCENE(a_slow_one_that_moves_has_its_time),
	        SCENE(who_goes_away_takes_the_process_along),
	        SCENE(past_the_bound_one_is_told_to_come_again),
	};

	if (argc == 5 && strcmp(argv[1], "--role") == 0)
		return compute(argv[4]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

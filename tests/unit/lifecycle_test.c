/* The commands: which is allowed when, to whom, and what it journals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

/* A ticket of acme filed on Monday 2026-03-02 at 10:00 Moscow time. */
#define MONDAY_10 "2026-03-02T10:00:00+03:00"

struct life {
	struct world *world;
	struct arena *arena;
	struct change c;
	struct otk_error err;
};

static int begin(void **state)
{
	struct life *life = calloc(1, sizeof *life);

	if (life == NULL)
		return -1;
	life->world = world_new();
	life->arena = arena_new(1 << 22);
	change_init(&life->c, life->arena, &life->world->ref);
	*state = life;
	return 0;
}

static int end(void **state)
{
	struct life *life = *state;

	world_free(life->world);
	arena_free(life->arena);
	free(life);
	return 0;
}

static void file(struct life *life)
{
	struct new_ticket in = world_incident();

	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err), 0);
}

static int apply(struct life *life, const char *when, struct command cmd)
{
	error_clear(&life->err);
	return lifecycle_apply(&life->c, &cmd, at(when), &life->err);
}

static void a_new_ticket_has_its_clocks_and_its_priority(void **state)
{
	struct life *life = *state;

	file(life);
	assert_int_equal(life->c.ticket.priority, 3);
	assert_int_equal(life->c.ticket.state, TICKET_NEW);
	assert_int_equal(
	        life->c.clocks[CLOCK_RESPONSE].due_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(
	        life->c.clocks[CLOCK_RESOLUTION].due_at, at("2026-03-04T10:00:00+03:00"));
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].target_us, 18 * HOUR);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_NONE);
	assert_int_equal(life->c.ticket.version, 3);
	assert_string_equal(life->c.ticket.zone, "Europe/Moscow");
}

static void reply_and_pend_in_one_command_stops_the_response(void **state)
{
	struct life *life = *state;

	file(life);
	assert_int_equal(apply(life, "2026-03-02T10:30:00+03:00",
	                         (struct command){.verb = VERB_REPLY,
	                                 .actor = VERA,
	                                 .text = "which floor?",
	                                 .pend = PENDING_CUSTOMER}),
	        0);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_MET);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_PAUSED);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].consumed_us, 30 * MINUTE);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_PAUSED);
	assert_int_equal(
	        apply(life, "2026-03-03T10:00:00+03:00",
	                (struct command){
	                        .verb = VERB_REPLY, .actor = ANNA, .text = "the third"}),
	        0);
	assert_int_equal(life->c.ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(
	        life->c.clocks[CLOCK_RESOLUTION].due_at, at("2026-03-05T09:30:00+03:00"));
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].due_at, at("2026-03-03T14:00:00+03:00"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                a_new_ticket_has_its_clocks_and_its_priority, begin, end),
	        cmocka_unit_test_setup_teardown(
	                reply_and_pend_in_one_command_stops_the_response, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

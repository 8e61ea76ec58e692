/* The provider's own clocks: how long a team keeps a ticket, how long a supplier takes. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "core/explain.h"
#include "core/sla.h"
#include "world.h"

#define OPERATIONAL(life) (&(life)->c.clocks[CLOCK_OPERATIONAL])
#define SUPPLIER(life) (&(life)->c.clocks[CLOCK_SUPPLIER])

/* Any team 2 h, the networks 30 minutes; a supplier 4 h. */
static struct ref_target own_targets[] = {
        {.clock = CLOCK_RESPONSE, .target_us = HOUR},
        {.clock = CLOCK_RESOLUTION, .target_us = 8 * HOUR},
        {.clock = CLOCK_OPERATIONAL, .target_us = 2 * HOUR},
        {.clock = CLOCK_OPERATIONAL, .team_id = TEAM_NET, .target_us = 30 * MINUTE},
        {.clock = CLOCK_SUPPLIER, .target_us = 4 * HOUR},
};
static struct ref_level own_levels[] = {
        {.clock = CLOCK_OPERATIONAL, .number = 1, .percent = 100, .text = "100%"},
        {.clock = CLOCK_SUPPLIER, .number = 1, .percent = 50, .text = "50%"},
};

static int begin(void **state)
{
	struct life *life;
	int rc = life_begin(state);

	if (rc != 0)
		return rc;
	life = *state;
	life->world->acme->targets = own_targets;
	life->world->acme->target_count = sizeof own_targets / sizeof *own_targets;
	life->world->acme->levels = own_levels;
	life->world->acme->level_count = sizeof own_levels / sizeof *own_levels;
	life->world->acme->pauses[CLOCK_OPERATIONAL] =
	        1 << PENDING_CUSTOMER | 1 << PENDING_SUPPLIER;
	return 0;
}

static void file(struct life *life, int32_t team_id)
{
	struct new_ticket in = world_incident();

	in.team_id = team_id;
	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err), 0);
}

static void run(struct life *life, const char *when, struct command cmd)
{
	cmd.actor = cmd.actor.principal_id == 0 ? VERA : cmd.actor;
	if (life_apply(life, when, cmd) != 0)
		fail_msg("%s", life->err.message);
}

static struct command assign(int32_t team_id)
{
	return (struct command){.verb = VERB_ASSIGN, .team_id = team_id};
}

static struct command pend(enum pending_reason reason)
{
	return (struct command){.verb = VERB_PEND, .pend = reason, .text = "waiting"};
}

static const struct command RESUME = {.verb = VERB_RESUME};
static const struct command RESOLVE = {.verb = VERB_RESOLVE, .text = "done"};

static void a_team_has_its_own_time_from_hand_over_to_hand_over(void **state)
{
	struct life *life = *state;

	file(life, TEAM_NET);
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_RUNNING);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T10:30:00+03:00"));
	run(life, "2026-03-02T10:30:00+03:00", assign(TEAM_OFFICE));
	assert_int_equal(life_last(life, EVENT_CLOCK_STOPPED)->clock_state, CLOCK_MET);
	assert_int_equal(life_last(life, EVENT_CLOCK_STARTED)->cause, CAUSE_HANDED_OFF);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T12:30:00+03:00"));
	run(life, "2026-03-02T13:00:00+03:00", RESOLVE);
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_LATE);
	assert_int_equal(OPERATIONAL(life)->breached_at, at("2026-03-02T12:30:00+03:00"));
	assert_int_equal(life_last(life, EVENT_LEVEL_FIRED)->clock, CLOCK_OPERATIONAL);
	/* What is promised to the customer stands apart. */
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_MET);
}

static void without_a_team_or_a_change_of_it_nothing_goes_round(void **state)
{
	struct life *life = *state;

	file(life, 0);
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_NONE);
	run(life, "2026-03-02T10:05:00+03:00", (struct command){.verb = VERB_TAKE});
	assert_int_equal(life->c.ticket.team_id, TEAM_NET); /* Vera's own */
	assert_int_equal(OPERATIONAL(life)->started_at, at("2026-03-02T10:05:00+03:00"));
	run(life, "2026-03-02T10:20:00+03:00",
	        (struct command){.verb = VERB_ASSIGN, .assignee_id = PERSON_GLEB});
	assert_int_equal(OPERATIONAL(life)->started_at, at("2026-03-02T10:05:00+03:00"));
	assert_int_equal(life_count(life, EVENT_CLOCK_STOPPED), 0);
}

static void who_takes_what_was_given_to_them_brings_it_to_their_team(void **state)
{
	struct life *life = *state;

	file(life, 0);
	run(life, "2026-03-02T10:05:00+03:00",
	        (struct command){.verb = VERB_ASSIGN, .assignee_id = VERA.principal_id});
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_NONE);
	run(life, "2026-03-02T10:10:00+03:00", (struct command){.verb = VERB_TAKE});
	assert_int_equal(life->c.ticket.team_id, TEAM_NET);
	assert_int_equal(OPERATIONAL(life)->started_at, at("2026-03-02T10:10:00+03:00"));
}

static void a_pause_of_the_contract_stops_the_team_s_clock(void **state)
{
	struct life *life = *state;

	file(life, TEAM_NET);
	run(life, "2026-03-02T10:10:00+03:00", pend(PENDING_CUSTOMER));
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_PAUSED);
	assert_int_equal(SUPPLIER(life)->state, CLOCK_NONE);
	run(life, "2026-03-02T15:00:00+03:00", RESUME);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T15:20:00+03:00"));
	/* Handed over while it is paused, the next team's is paused from its beginning. */
	run(life, "2026-03-02T15:05:00+03:00", pend(PENDING_CUSTOMER));
	run(life, "2026-03-02T15:06:00+03:00", assign(TEAM_OFFICE));
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_PAUSED);
	assert_int_equal(OPERATIONAL(life)->consumed_us, 0);
	run(life, "2026-03-02T16:00:00+03:00", RESUME);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T18:00:00+03:00"));
}

static void a_supplier_is_waited_for_each_time_anew(void **state)
{
	struct life *life = *state;

	file(life, TEAM_NET);
	run(life, "2026-03-02T11:00:00+03:00", pend(PENDING_SUPPLIER));
	assert_int_equal(SUPPLIER(life)->due_at, at("2026-03-02T15:00:00+03:00"));
	assert_int_equal(life_tick(life, "2026-03-02T13:00:01+03:00"), 0);
	assert_int_equal(life_last(life, EVENT_LEVEL_FIRED)->clock, CLOCK_SUPPLIER);
	run(life, "2026-03-02T14:00:00+03:00", RESUME);
	assert_int_equal(SUPPLIER(life)->state, CLOCK_MET);
	assert_int_equal(SUPPLIER(life)->consumed_us, 3 * HOUR);
	run(life, "2026-03-02T17:00:00+03:00", pend(PENDING_SUPPLIER));
	assert_int_equal(SUPPLIER(life)->started_at, at("2026-03-02T17:00:00+03:00"));
	assert_int_equal(SUPPLIER(life)->due_at, at("2026-03-03T12:00:00+03:00"));
	run(life, "2026-03-03T13:00:00+03:00", pend(PENDING_CUSTOMER));
	assert_int_equal(SUPPLIER(life)->state, CLOCK_LATE);
	assert_int_equal(SUPPLIER(life)->breached_at, at("2026-03-03T12:00:00+03:00"));
	run(life, "2026-03-03T14:00:00+03:00", RESOLVE);
	assert_int_equal(SUPPLIER(life)->stopped_at, at("2026-03-03T13:00:00+03:00"));
}

static void a_supplier_s_clock_that_ends_is_not_paused_before(void **state)
{
	struct life *life = *state;

	life->world->acme->pauses[CLOCK_SUPPLIER] = 1 << PENDING_CUSTOMER;
	file(life, TEAM_NET);
	run(life, "2026-03-02T11:00:00+03:00", pend(PENDING_SUPPLIER));
	run(life, "2026-03-02T12:00:00+03:00", pend(PENDING_CUSTOMER));
	assert_int_equal(SUPPLIER(life)->state, CLOCK_MET);
	assert_int_equal(SUPPLIER(life)->due_at, at("2026-03-02T15:00:00+03:00"));
	assert_int_not_equal(life_last(life, EVENT_CLOCK_PAUSED)->clock, CLOCK_SUPPLIER);
}

static void reopening_gives_the_team_its_time_again_and_cancel_voids(void **state)
{
	struct life *life = *state;

	file(life, TEAM_NET);
	run(life, "2026-03-02T10:10:00+03:00", RESOLVE);
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_MET);
	run(life, "2026-03-02T12:00:00+03:00",
	        (struct command){.verb = VERB_REOPEN, .actor = ANNA});
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_RUNNING);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T12:30:00+03:00"));
	run(life, "2026-03-02T12:10:00+03:00",
	        (struct command){.verb = VERB_CANCEL, .text = "no"});
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_VOID);
	assert_int_equal(OPERATIONAL(life)->breached_at, 0);
}

static void a_change_of_priority_or_contract_aims_them_too(void **state)
{
	static struct ref_target targets[] = {
	        {.clock = CLOCK_OPERATIONAL, .target_us = 2 * HOUR},
	        {.clock = CLOCK_OPERATIONAL, .priority = 1, .target_us = HOUR},
	};
	struct life *life = *state;

	life->world->acme->targets = targets;
	life->world->acme->target_count = 2;
	file(life, TEAM_OFFICE);
	assert_true(life->c.ticket.no_sla); /* nothing is promised to the customer */
	run(life, "2026-03-02T10:30:00+03:00",
	        (struct command){.verb = VERB_CLASSIFY, .priority = 1, .text = "so"});
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CLOCK_RETARGETED)->clock, CLOCK_OPERATIONAL);
	run(life, "2026-03-02T10:40:00+03:00",
	        (struct command){.verb = VERB_APPLY_CONTRACT, .contract_id = 0});
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_VOID);
	run(life, "2026-03-02T10:50:00+03:00",
	        (struct command){.verb = VERB_APPLY_CONTRACT, .contract_id = CONTRACT_ACME});
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_RUNNING);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T11:50:00+03:00"));
}

static void a_priority_may_bring_the_team_s_clock_into_being(void **state)
{
	static struct ref_target targets[] = {
	        {.clock = CLOCK_RESOLUTION, .target_us = 8 * HOUR},
	        {.clock = CLOCK_OPERATIONAL, .team_id = TEAM_NET, .target_us = HOUR},
	        {.clock = CLOCK_OPERATIONAL, .priority = 1, .target_us = HOUR},
	};
	const struct command raise = {.verb = VERB_CLASSIFY, .priority = 1, .text = "so"};
	const struct command lower = {.verb = VERB_CLASSIFY, .priority = 4, .text = "so"};
	struct life *life = *state;

	life->world->acme->targets = targets;
	life->world->acme->target_count = 3;
	file(life, TEAM_NET);
	/* What is left of the team before does not stand in the way. */
	run(life, "2026-03-02T10:20:00+03:00", assign(TEAM_OFFICE));
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_MET);
	run(life, "2026-03-02T10:30:00+03:00", raise);
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_RUNNING);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T11:30:00+03:00"));
	run(life, "2026-03-02T10:40:00+03:00", lower);
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_VOID);
	run(life, "2026-03-02T10:50:00+03:00", raise);
	assert_int_equal(OPERATIONAL(life)->due_at, at("2026-03-02T11:50:00+03:00"));
	run(life, "2026-03-02T11:00:00+03:00", RESOLVE);
	run(life, "2026-03-02T11:10:00+03:00", lower);
	run(life, "2026-03-02T11:20:00+03:00", raise);
	assert_int_equal(OPERATIONAL(life)->state, CLOCK_MET);
}

static void nothing_is_public(const struct change *c)
{
	for (size_t i = 0; i < c->event_count; i++) {
		if (c->events[i].clock > CLOCK_RESOLUTION)
			assert_false(c->events[i].is_public);
	}
}

static void nothing_of_them_is_public_and_explain_adds_up(void **state)
{
	struct life *life = *state;
	struct explanation x;

	file(life, TEAM_NET);
	run(life, "2026-03-02T10:10:00+03:00", pend(PENDING_SUPPLIER));
	run(life, "2026-03-02T12:00:00+03:00", RESUME);
	run(life, "2026-03-02T12:40:00+03:00", RESOLVE);
	nothing_is_public(&life->c);
	assert_int_equal(
	        explain_clock(&life->c, CLOCK_OPERATIONAL, life->c.events, life->c.event_count,
	                at("2026-03-02T18:00:00+03:00"), life->arena, &x),
	        0);
	assert_int_equal(x.consumed_us, 50 * MINUTE);
	assert_int_equal(x.due_at, OPERATIONAL(life)->due_at);
	assert_int_equal(x.due_at, at("2026-03-02T12:20:00+03:00"));
}

static void an_undone_merge_or_a_raise_does_not_tell_of_them(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();
	struct change older;

	own_levels[0].actions = "raise priority";
	in.ticket_id = 1;
	change_init(&older, life->arena, &life->world->ref);
	assert_int_equal(lifecycle_create(&older, &in, &ANNA, at("2026-03-02T09:30:00+03:00"),
	                         &life->err),
	        0);
	file(life, TEAM_NET);
	assert_int_equal(lifecycle_merge(&life->c, &older, &VERA, NULL,
	                         at("2026-03-02T10:10:00+03:00"), &life->err),
	        0);
	assert_int_equal(lifecycle_unmerge(&life->c, &older, &VERA, NULL,
	                         at("2026-03-02T10:20:00+03:00"), &life->err),
	        0);
	assert_int_equal(life_last(life, EVENT_CLOCK_RESUMED)->clock, CLOCK_OPERATIONAL);
	assert_int_equal(life_tick(life, "2026-03-02T10:40:00+03:00"), 0);
	assert_int_equal(life_last(life, EVENT_CLASSIFIED)->clock, CLOCK_OPERATIONAL);
	assert_int_equal(life->c.ticket.raised, 1 << CLOCK_OPERATIONAL);
	nothing_is_public(&life->c);
	own_levels[0].actions = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, life_end)
	const struct CMUnitTest tests[] = {
	        TEST(a_team_has_its_own_time_from_hand_over_to_hand_over),
	        TEST(without_a_team_or_a_change_of_it_nothing_goes_round),
	        TEST(who_takes_what_was_given_to_them_brings_it_to_their_team),
	        TEST(a_pause_of_the_contract_stops_the_team_s_clock),
	        TEST(a_supplier_is_waited_for_each_time_anew),
	        TEST(a_supplier_s_clock_that_ends_is_not_paused_before),
	        TEST(reopening_gives_the_team_its_time_again_and_cancel_voids),
	        TEST(a_change_of_priority_or_contract_aims_them_too),
	        TEST(a_priority_may_bring_the_team_s_clock_into_being),
	        TEST(nothing_of_them_is_public_and_explain_adds_up),
	        TEST(an_undone_merge_or_a_raise_does_not_tell_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

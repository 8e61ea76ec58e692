/* Imported tickets under a contract: what their clocks would have done by now. */
#include "cmocka_test.h"

#include <string.h>

#include "core/explain.h"
#include "core/notification.h"
#include "desk/import_case.h"
#include "world.h"

static const struct actor ADMIN = {.principal_id = PERSON_GLEB, .side = SIDE_PROVIDER};

/* Filed on Monday at ten; imported and armed at `now`. */
static void import(struct life *life, const struct import_observation *seen, size_t count,
        int32_t contract_id, const char *now)
{
	struct import_case in = {.customer_id = WORLD_ACME,
	        .ticket_id = 1000,
	        .ref = "A1",
	        .title = "A title",
	        .zone = "Europe/Moscow",
	        .type = TICKET_INCIDENT,
	        .created_at = at(MONDAY_10),
	        .observations = seen,
	        .count = count,
	        .arm = contract_id};

	change_init(&life->c, life->arena, &life->world->ref);
	assert_int_equal(import_case_build(&life->c, &in, &ADMIN, at(now)), 0);
	for (size_t i = 0; i < life->c.event_count; i++) {
		const struct event *e = &life->c.events[i];

		assert_int_equal(
		        notification_of(e, life->c.ticket.observed, "notify lead").kind,
		        NOTICE_NONE);
		assert_int_equal(e->recorded_at, at(now));
	}
}

static struct import_observation seen(
        const char *when, enum ticket_state state, enum pending_reason reason)
{
	return (struct import_observation){
	        .at = at(when), .state = state, .pending_reason = reason, .priority = 3};
}

static void an_open_case_runs_from_its_creation(void **state)
{
	struct life *life = *state;
	const struct change *c = &life->c;
	const struct import_observation one = seen(MONDAY_10, TICKET_NEW, PENDING_NONE);

	import(life, &one, 1, CONTRACT_ACME, "2026-03-02T10:30:00+03:00");
	assert_false(c->ticket.observed);
	assert_false(c->ticket.no_sla);
	assert_int_equal(c->ticket.contract_id, CONTRACT_ACME);
	assert_int_equal(c->clocks[CLOCK_RESPONSE].due_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].due_at, at("2026-03-04T10:00:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CONTRACT_APPLIED)->cause, CAUSE_ARMED);
	assert_int_equal(life_last(life, EVENT_CLOCK_STARTED)->cause, CAUSE_ARMED);
	assert_int_equal(life_last(life, EVENT_CLOCK_STARTED)->occurred_at, at(MONDAY_10));
	assert_int_equal(change_next_timer(c), at("2026-03-02T10:48:00+03:00"));
	/* from here on levels fire */
	assert_int_equal(life_tick(life, "2026-03-02T10:50:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 1);
}

static void what_has_passed_is_broken_at_its_due_and_skipped(void **state)
{
	struct life *life = *state;
	const struct change *c = &life->c;
	const struct import_observation two[] = {seen(MONDAY_10, TICKET_NEW, PENDING_NONE),
	        seen("2026-03-02T10:10:00+03:00", TICKET_ASSIGNED, PENDING_NONE)};

	import(life, two, 2, CONTRACT_ACME, "2026-03-03T12:00:00+03:00");
	assert_int_equal(
	        c->clocks[CLOCK_RESPONSE].breached_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(
	        c->clocks[CLOCK_RESPONSE].detected_at, at("2026-03-03T12:00:00+03:00"));
	assert_int_equal(c->clocks[CLOCK_RESPONSE].levels[0].state, LEVEL_SKIPPED);
	/* 11 of 18 hours: half is passed, the rest is to come */
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].levels[0].state, LEVEL_SKIPPED);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].levels[1].state, LEVEL_ARMED);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 0);
	assert_int_equal(life_last(life, EVENT_LEVEL_SKIPPED)->cause, CAUSE_ARMED);
	assert_true(change_next_timer(c) > at("2026-03-03T12:00:00+03:00"));
}

static void its_pauses_and_changes_are_those_of_its_past(void **state)
{
	struct life *life = *state;
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	struct import_observation past[] = {
	        seen(MONDAY_10, TICKET_NEW, PENDING_NONE),
	        seen("2026-03-02T11:00:00+03:00", TICKET_PENDING, PENDING_CUSTOMER),
	        seen("2026-03-02T13:00:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE),
	        seen("2026-03-02T14:00:00+03:00", TICKET_RESOLVED, PENDING_NONE),
	        seen("2026-03-02T16:00:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE),
	        seen("2026-03-02T17:00:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE),
	};
	struct explanation x;

	past[5].priority = 2; /* 8 h */
	import(life, past, 6, CONTRACT_ACME, "2026-03-02T17:30:00+03:00");
	assert_int_equal(clock->target_us, 8 * HOUR);
	/* one hour, one hour, and from four o'clock on */
	assert_int_equal(clock->consumed_us, 3 * HOUR);
	assert_int_equal(clock->anchor_at, at("2026-03-02T17:00:00+03:00"));
	assert_int_equal(clock->due_at, at("2026-03-03T13:00:00+03:00"));
	/* somebody has begun: nobody knows when it was answered */
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_VOID);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_NONE);
	assert_int_equal(life->c.ticket.reopen_count, 1);
	assert_int_equal(
	        explain_clock(&life->c, CLOCK_RESOLUTION, life->c.events, life->c.event_count,
	                at("2026-03-02T17:30:00+03:00"), life->arena, &x),
	        0);
	assert_int_equal(x.consumed_us, 3 * HOUR + 30 * MINUTE);
	assert_int_equal(x.due_at, clock->due_at);
	for (size_t i = 1; i < x.count; i++)
		assert_int_equal(x.intervals[i].from, x.intervals[i - 1].to);
}

/* What a team may keep a case begins where the log first knows the team. */
static void the_team_s_own_clock_runs_from_the_first_entry(void **state)
{
	static struct ref_target targets[] = {
	        {.clock = CLOCK_RESOLUTION, .target_us = 8 * HOUR},
	        {.clock = CLOCK_OPERATIONAL, .target_us = 2 * HOUR},
	};
	static const struct {
		int32_t first, second;
		const char *started;
	} cases[] = {
	        {0, 0, NULL},
	        {TEAM_NET, TEAM_NET, MONDAY_10},
	        {TEAM_NET, TEAM_OFFICE, "2026-03-02T10:30:00+03:00"},
	        {0, TEAM_OFFICE, "2026-03-02T10:30:00+03:00"},
	};
	struct life *life = *state;
	const struct sla_clock *clock = &life->c.clocks[CLOCK_OPERATIONAL];

	life->world->acme->targets = targets;
	life->world->acme->target_count = 2;
	life->world->acme->level_count = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct import_observation two[] = {seen(MONDAY_10, TICKET_NEW, PENDING_NONE),
		        seen("2026-03-02T10:30:00+03:00", TICKET_ASSIGNED, PENDING_NONE)};

		two[0].team_id = cases[i].first;
		two[1].team_id = cases[i].second;
		import(life, two, 2, CONTRACT_ACME, "2026-03-02T11:00:00+03:00");
		assert_int_equal(
		        clock->state, cases[i].started == NULL ? CLOCK_NONE : CLOCK_RUNNING);
		if (cases[i].started != NULL)
			assert_int_equal(clock->started_at, at(cases[i].started));
	}
}

static void a_paused_case_is_armed_paused(void **state)
{
	struct life *life = *state;
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	const struct import_observation past[] = {
	        seen(MONDAY_10, TICKET_IN_PROGRESS, PENDING_NONE),
	        seen("2026-03-02T11:00:00+03:00", TICKET_PENDING, PENDING_CUSTOMER)};

	import(life, past, 2, CONTRACT_ACME, "2026-03-20T11:00:00+03:00");
	assert_int_equal(clock->state, CLOCK_PAUSED);
	assert_int_equal(clock->consumed_us, HOUR);
	assert_int_equal(clock->breached_at, 0);
}

static void what_was_seen_before_the_creation_counts_from_it(void **state)
{
	struct life *life = *state;
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	const struct import_observation past[] = {
	        seen("2026-03-02T09:00:00+03:00", TICKET_PENDING, PENDING_CUSTOMER),
	        seen("2026-03-02T09:30:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE)};

	import(life, past, 2, CONTRACT_ACME, "2026-03-02T12:00:00+03:00");
	assert_int_equal(clock->started_at, at(MONDAY_10));
	assert_int_equal(clock->anchor_at, at(MONDAY_10));
	assert_int_equal(clock->due_at, at("2026-03-04T10:00:00+03:00"));
}

static void a_cancelled_case_that_came_back_runs_on(void **state)
{
	struct life *life = *state;
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	const struct import_observation past[] = {
	        seen(MONDAY_10, TICKET_IN_PROGRESS, PENDING_NONE),
	        seen("2026-03-02T11:00:00+03:00", TICKET_CANCELLED, PENDING_NONE),
	        seen("2026-03-02T12:00:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE)};

	import(life, past, 3, CONTRACT_ACME, "2026-03-02T12:30:00+03:00");
	assert_int_equal(clock->state, CLOCK_RUNNING);
	assert_int_equal(clock->consumed_us, HOUR);
}

static void ended_cases_and_those_without_a_contract_stay_observed(void **state)
{
	struct life *life = *state;
	const struct import_observation open = seen(MONDAY_10, TICKET_NEW, PENDING_NONE);
	const struct import_observation done = seen(MONDAY_10, TICKET_RESOLVED, PENDING_NONE);

	import(life, &done, 1, CONTRACT_ACME, "2026-03-02T12:30:00+03:00");
	assert_true(life->c.ticket.observed);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_NONE);
	import(life, &open, 1, 0, "2026-03-02T12:30:00+03:00");
	assert_true(life->c.ticket.observed);
	assert_int_equal(change_next_timer(&life->c), 0);
}

static void an_armed_ticket_is_like_any_other(void **state)
{
	struct life *life = *state;
	const struct import_observation one = seen(MONDAY_10, TICKET_NEW, PENDING_NONE);

	import(life, &one, 1, CONTRACT_ACME, "2026-03-02T10:30:00+03:00");
	assert_int_equal(
	        life_apply(life, "2026-03-02T10:40:00+03:00",
	                (struct command){.verb = VERB_REPLY, .actor = VERA, .text = "here"}),
	        0);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_MET);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_RUNNING);
	assert_int_equal(
	        life_apply(life, "2026-03-02T12:00:00+03:00",
	                (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"}),
	        0);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_MET);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].consumed_us, 2 * HOUR);
}

/* Imported before, armed now: the clocks are as if both had been done at once. */
static void a_stored_import_is_armed_likewise(void **state)
{
	struct life *life = *state;
	const char *now = "2026-03-02T17:30:00+03:00";
	struct import_observation past[] = {
	        seen(MONDAY_10, TICKET_NEW, PENDING_NONE),
	        seen("2026-03-02T11:00:00+03:00", TICKET_PENDING, PENDING_CUSTOMER),
	        seen("2026-03-02T13:00:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE),
	        seen("2026-03-02T14:00:00+03:00", TICKET_RESOLVED, PENDING_NONE),
	        seen("2026-03-02T16:00:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE),
	        seen("2026-03-02T17:00:00+03:00", TICKET_IN_PROGRESS, PENDING_NONE),
	};
	struct change lived, stored, touched;
	struct explanation x;

	past[5].priority = 2;
	import(life, past, 6, CONTRACT_ACME, now);
	lived = life->c;
	import(life, past, 6, 0, now);
	stored = touched = life->c;
	assert_int_equal(lifecycle_arm_stored(&stored, &lived, &life->err), 1);
	assert_false(stored.ticket.observed);
	assert_int_equal(stored.ticket.version, lived.ticket.version);
	assert_memory_equal(stored.clocks, lived.clocks, sizeof stored.clocks);
	assert_int_equal(change_next_timer(&stored), change_next_timer(&lived));
	assert_int_equal(explain_clock(&stored, CLOCK_RESOLUTION, stored.events,
	                         stored.event_count, at(now), life->arena, &x),
	        0);
	assert_int_equal(x.consumed_us, 3 * HOUR + 30 * MINUTE);
	assert_int_equal(x.due_at, stored.clocks[CLOCK_RESOLUTION].due_at);
	/* not twice, not after somebody worked on it, not without a contract */
	assert_int_equal(lifecycle_arm_stored(&stored, &lived, &life->err), 0);
	touched.ticket.version++;
	assert_int_equal(lifecycle_arm_stored(&touched, &lived, &life->err), 0);
	touched = life->c;
	assert_int_equal(lifecycle_arm_stored(&touched, &life->c, &life->err), 0);
	touched.ticket.state = TICKET_RESOLVED;
	assert_int_equal(lifecycle_arm_stored(&touched, &lived, &life->err), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_begin, life_end)
	const struct CMUnitTest tests[] = {
	        TEST(an_open_case_runs_from_its_creation),
	        TEST(what_has_passed_is_broken_at_its_due_and_skipped),
	        TEST(its_pauses_and_changes_are_those_of_its_past),
	        TEST(the_team_s_own_clock_runs_from_the_first_entry),
	        TEST(a_paused_case_is_armed_paused),
	        TEST(what_was_seen_before_the_creation_counts_from_it),
	        TEST(a_cancelled_case_that_came_back_runs_on),
	        TEST(ended_cases_and_those_without_a_contract_stay_observed),
	        TEST(an_armed_ticket_is_like_any_other),
	        TEST(a_stored_import_is_armed_likewise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Another contract version on an open ticket: what is re-aimed, what stays, what it says. */
#include "cmocka_test.h"

#include <string.h>

#include "core/explain.h"
#include "world.h"

#define MONDAY_12 "2026-03-02T12:00:00+03:00"

static const struct command TO_BAR = {.verb = VERB_APPLY_CONTRACT,
        .actor = {.principal_id = PERSON_VERA, .side = SIDE_PROVIDER},
        .contract_id = CONTRACT_BAR};

/* Acme has the 24×7 contract as well: 10 h for the resolution, 1 h for the response. */
static struct life *begin(void **state)
{
	struct life *life = *state;

	life->world->bar->customer_id = WORLD_ACME;
	assert_int_equal(life_file(life), 0);
	return life;
}

static void do_or_fail(struct life *life, const char *when, struct command cmd)
{
	if (life_apply(life, when, cmd) != 0)
		fail_msg("%s", life->err.message);
}

static void open_clocks_take_the_new_target_and_calendar(void **state)
{
	struct life *life = begin(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	const struct event *e;

	do_or_fail(life, "2026-03-02T17:00:00+03:00",
	        (struct command){.verb = VERB_REPLY, .actor = VERA, .text = "looking"});
	do_or_fail(life, "2026-03-02T18:30:00+03:00", TO_BAR);
	assert_int_equal(life->c.ticket.contract_id, CONTRACT_BAR);
	assert_int_equal(clock->calendar_id, CALENDAR_ALWAYS);
	/* eight office hours are behind it; two more, day and night */
	assert_int_equal(clock->consumed_us, 8 * HOUR);
	assert_int_equal(clock->due_at, at("2026-03-02T20:30:00+03:00"));
	e = life_last(life, EVENT_CONTRACT_APPLIED);
	assert_int_equal(e->contract_id, CONTRACT_BAR);
	assert_int_equal(e->cause, CAUSE_CONTRACT);
	assert_true(e->is_public);
	e = life_last(life, EVENT_CLOCK_RETARGETED);
	assert_int_equal(e->cause, CAUSE_CONTRACT);
	assert_int_equal(e->old_due_at, at("2026-03-04T10:00:00+03:00"));
	/* the stopped response is not re-aimed */
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].target_us, HOUR);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].calendar_id, CALENDAR_OFFICE);
}

static void exceeded_is_broken_now(void **state)
{
	struct life *life = begin(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];

	do_or_fail(life, "2026-03-03T13:00:00+03:00", TO_BAR);
	assert_int_equal(clock->consumed_us, 12 * HOUR);
	assert_int_equal(clock->breached_at, at("2026-03-03T13:00:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CLOCK_BREACHED)->cause, CAUSE_RETARGET);
}

static void levels_of_the_version_are_placed_anew(void **state)
{
	struct life *life = begin(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];

	life->world->bar->level_count = 3; /* of the resolution: 50 %, -30m */
	do_or_fail(life, "2026-03-02T17:00:00+03:00", TO_BAR);
	/* the two that it does not have rest */
	for (int i = 2; i < 4; i++) {
		assert_int_equal(clock->levels[i].state, LEVEL_ARMED);
		assert_int_equal(clock->levels[i].at, 0);
	}
	/* 50 % is passed after seven of ten hours: the highest of those passed acts */
	assert_int_equal(clock->levels[0].state, LEVEL_FIRED);
	assert_int_equal(clock->levels[1].at, at("2026-03-02T19:30:00+03:00"));
	do_or_fail(life, "2026-03-02T17:10:00+03:00",
	        (struct command){.verb = VERB_APPLY_CONTRACT,
	                .actor = VERA,
	                .contract_id = CONTRACT_ACME,
	                .text = "a mistake"});
	/* 50 % of 18 h lies ahead again */
	assert_int_equal(clock->levels[0].state, LEVEL_ARMED);
	assert_int_equal(clock->levels[3].state, LEVEL_ARMED);
	assert_int_equal(clock->due_at, at("2026-03-04T10:00:00+03:00"));
	assert_false(life_last(life, EVENT_CONTRACT_APPLIED)->is_public);
	assert_string_equal(life_last(life, EVENT_CONTRACT_APPLIED)->text, "a mistake");
}

static void without_a_contract_clocks_fall_silent_and_come_back(void **state)
{
	struct life *life = begin(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	struct command none = TO_BAR;

	none.contract_id = 0;
	do_or_fail(life, MONDAY_12, none);
	assert_int_equal(clock->state, CLOCK_VOID);
	assert_int_equal(life_last(life, EVENT_CLOCK_VOIDED)->cause, CAUSE_CONTRACT);
	assert_int_equal(
	        life->c.clocks[CLOCK_RESPONSE].breached_at, at("2026-03-02T11:00:00+03:00"));
	do_or_fail(life, "2026-03-02T20:00:00+03:00", TO_BAR);
	assert_int_equal(clock->state, CLOCK_RUNNING);
	assert_int_equal(clock->consumed_us, 2 * HOUR);
	assert_int_equal(clock->due_at, at("2026-03-03T04:00:00+03:00"));
	/* the response does not restart */
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_VOID);
}

static void pauses_are_those_of_the_new_version(void **state)
{
	struct life *life = begin(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];

	life->world->bar->pauses[CLOCK_RESOLUTION] = 1 << PENDING_SUPPLIER;
	do_or_fail(life, "2026-03-02T11:00:00+03:00",
	        (struct command){.verb = VERB_PEND,
	                .actor = VERA,
	                .pend = PENDING_CUSTOMER,
	                .text = "which one?"});
	assert_int_equal(clock->state, CLOCK_PAUSED);
	do_or_fail(life, MONDAY_12, TO_BAR);
	assert_int_equal(clock->state, CLOCK_RUNNING);
	assert_int_equal(clock->consumed_us, HOUR);
	assert_int_equal(clock->due_at, at("2026-03-02T21:00:00+03:00"));
}

static void a_reopen_runs_by_the_version_applied_while_resolved(void **state)
{
	struct life *life = begin(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];

	do_or_fail(life, MONDAY_12,
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "put out"});
	do_or_fail(life, "2026-03-02T13:00:00+03:00", TO_BAR);
	assert_int_equal(clock->state, CLOCK_MET);
	assert_int_equal(clock->calendar_id, CALENDAR_OFFICE);
	do_or_fail(life, "2026-03-02T20:00:00+03:00",
	        (struct command){.verb = VERB_REOPEN, .actor = ANNA});
	assert_int_equal(clock->calendar_id, CALENDAR_ALWAYS);
	assert_int_equal(clock->due_at, at("2026-03-03T04:00:00+03:00"));
}

static void it_is_no_work_on_the_ticket(void **state)
{
	struct life *life = begin(state);

	do_or_fail(life, MONDAY_12, TO_BAR);
	assert_false(life->c.ticket.human_touched);
	assert_int_equal(life->c.ticket.priority, 3);
	assert_string_equal(life->c.ticket.zone, "Europe/Moscow");
}

static void it_is_refused(void **state)
{
	static const struct {
		int32_t contract_id;
		enum actor_side side;
		enum verb before; /* brings it out of reach */
		int64_t withdrawn_at;
		enum otk_status status;
	} cases[] = {
	        {CONTRACT_ACME, SIDE_PROVIDER, 0, 0, OTK_FAILED_PRECONDITION},
	        {999, SIDE_PROVIDER, 0, 0, OTK_INVALID_ARGUMENT},
	        {CONTRACT_BAR, SIDE_PROVIDER, 0, 1, OTK_INVALID_ARGUMENT},
	        {CONTRACT_BAR, SIDE_CUSTOMER, 0, 0, OTK_PERMISSION_DENIED},
	        {CONTRACT_BAR, SIDE_PROVIDER, VERB_CANCEL, 0, OTK_FAILED_PRECONDITION},
	};
	struct life *life = begin(state);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct command cmd = {.verb = VERB_APPLY_CONTRACT,
		        .contract_id = cases[i].contract_id,
		        .actor = {.principal_id = PERSON_VERA, .side = cases[i].side}};

		if (cases[i].before != 0)
			do_or_fail(life, "2026-03-02T10:30:00+03:00",
			        (struct command){.verb = cases[i].before, .actor = VERA});
		life->world->bar->withdrawn_at = cases[i].withdrawn_at;
		assert_int_equal(life_apply(life, MONDAY_12, cmd), -(int)cases[i].status);
	}
}

static void another_customers_contract_is_refused(void **state)
{
	struct life *life = *state;

	assert_int_equal(life_file(life), 0);
	assert_int_equal(life_apply(life, MONDAY_12, TO_BAR), -OTK_INVALID_ARGUMENT);
}

/* Office hours up to the change, day and night after it; the sum is what the clock says. */
static void explain_counts_each_stretch_by_its_own_calendar(void **state)
{
	struct life *life = begin(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	int64_t now = at("2026-03-02T19:30:00+03:00");
	struct explanation x;

	do_or_fail(life, "2026-03-02T18:30:00+03:00", TO_BAR);
	assert_int_equal(explain_clock(&life->c, CLOCK_RESOLUTION, life->c.events,
	                         life->c.event_count, now, life->arena, &x),
	        0);
	assert_int_equal(x.consumed_us, 9 * HOUR);
	assert_int_equal(x.due_at, clock->due_at);
	assert_int_equal(x.count, 3);
	assert_int_equal(x.intervals[1].kind, INTERVAL_CLOSED);
	for (size_t i = 1; i < x.count; i++)
		assert_int_equal(x.intervals[i].from, x.intervals[i - 1].to);
}

/* Between two contracts nothing was promised, nor after a withdrawal; a resolve is another
 * case. */
static void explain_knows_silence_from_a_resolve(void **state)
{
	static const struct {
		enum verb verb;
		bool withdrawn;
		bool silent;
	} cases[] = {{VERB_APPLY_CONTRACT, false, true}, {VERB_NOTE, true, true},
	        {VERB_RESOLVE, false, false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct life *life = begin(state);
		struct command end = {
		        .verb = cases[i].verb, .actor = TO_BAR.actor, .text = "so"};
		struct command back = {.verb = VERB_REOPEN, .actor = TO_BAR.actor};
		struct explanation x;

		life->world->acme->withdrawn_at = cases[i].withdrawn ? at(MONDAY_12) : 0;
		do_or_fail(life, MONDAY_12, end);
		do_or_fail(life, "2026-03-02T13:00:00+03:00", cases[i].silent ? TO_BAR : back);
		assert_int_equal(explain_clock(&life->c, CLOCK_RESOLUTION, life->c.events,
		                         life->c.event_count, at("2026-03-02T14:00:00+03:00"),
		                         life->arena, &x),
		        0);
		assert_int_equal(x.count, 3);
		assert_int_equal(x.intervals[1].kind, INTERVAL_RESOLVED);
		assert_int_equal(explain_silent(&x.intervals[1]), cases[i].silent);
		assert_false(explain_silent(&x.intervals[0]));
		assert_int_equal(x.consumed_us, 3 * HOUR);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_begin, life_end)
	const struct CMUnitTest tests[] = {
	        TEST(open_clocks_take_the_new_target_and_calendar),
	        TEST(exceeded_is_broken_now),
	        TEST(levels_of_the_version_are_placed_anew),
	        TEST(without_a_contract_clocks_fall_silent_and_come_back),
	        TEST(pauses_are_those_of_the_new_version),
	        TEST(a_reopen_runs_by_the_version_applied_while_resolved),
	        TEST(it_is_no_work_on_the_ticket),
	        TEST(it_is_refused),
	        TEST(another_customers_contract_is_refused),
	        TEST(explain_counts_each_stretch_by_its_own_calendar),
	        TEST(explain_knows_silence_from_a_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The past lived again comes to the clocks that the ticket had, or would have had. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "core/simulate.h"
#include "core/simulation.h"
#include "world.h"

static void do_or_fail(struct life *life, const char *when, struct command cmd)
{
	if (life_apply(life, when, cmd) != 0)
		fail_msg("%s", life->err.message);
}

static const struct command REPLY = {
        .verb = VERB_REPLY, .actor = {PERSON_VERA, SIDE_PROVIDER, false}, .text = "news"};
static const struct command ASK = {.verb = VERB_PEND,
        .actor = {PERSON_VERA, SIDE_PROVIDER, false},
        .text = "which?",
        .pend = PENDING_CUSTOMER};
static const struct command ANSWER = {
        .verb = VERB_REPLY, .actor = {PERSON_ANNA, SIDE_CUSTOMER, false}, .text = "this"};
static const struct command RESOLVE = {
        .verb = VERB_RESOLVE, .actor = {PERSON_VERA, SIDE_PROVIDER, false}, .text = "done"};
static const struct command REOPEN = {
        .verb = VERB_REOPEN, .actor = {PERSON_ANNA, SIDE_CUSTOMER, false}};
static const struct command RAISE = {
        .verb = VERB_CLASSIFY, .actor = {PERSON_VERA, SIDE_PROVIDER, false}, .urgency = 1};
static const struct command CANCEL = {
        .verb = VERB_CANCEL, .actor = {PERSON_VERA, SIDE_PROVIDER, false}};

/* A life with everything that moves clocks, until Thursday. */
static void live(struct life *life)
{
	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T11:00:00+03:00", REPLY);
	do_or_fail(life, "2026-03-02T12:00:00+03:00", RAISE);
	do_or_fail(life, "2026-03-02T13:00:00+03:00", ASK);
	do_or_fail(life, "2026-03-03T10:00:00+03:00", ANSWER);
	do_or_fail(life, "2026-03-03T17:30:00+03:00", RESOLVE);
	do_or_fail(life, "2026-03-04T09:30:00+03:00", REOPEN);
	do_or_fail(life, "2026-03-04T10:30:00+03:00", REPLY);
	do_or_fail(life, "2026-03-05T12:00:00+03:00", RESOLVE);
}

static struct simulated replay(struct life *life, int32_t contract, const char *until)
{
	struct simulated out;

	if (simulate_ticket(&life->world->ref, contract, life->c.events, life->c.event_count,
	            at(until), life->arena, &out, &life->err) != 0)
		fail_msg("%s", life->err.message);
	return out;
}

static const struct simulated_outcome *last_of(const struct simulated *s, enum clock_kind kind)
{
	for (size_t i = s->count; i-- > 0;) {
		if (s->outcomes[i].clock == kind)
			return &s->outcomes[i];
	}
	return NULL;
}

static size_t count_of(const struct simulated *s, enum clock_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += s->outcomes[i].clock == kind;
	return n;
}

static void under_its_own_contract_a_ticket_has_the_clocks_it_had(void **state)
{
	struct life *life = *state;
	struct simulated s;

	live(life);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	assert_int_equal(count_of(&s, CLOCK_RESPONSE), 1);
	assert_int_equal(count_of(&s, CLOCK_RESOLUTION), 1);
	assert_int_equal(count_of(&s, CLOCK_UPDATE), life_count(life, EVENT_CLOCK_STARTED) - 2);
	for (int kind = 1; kind <= CLOCK_RESOLUTION; kind++) {
		const struct sla_clock *clock = &life->c.clocks[kind];
		const struct simulated_outcome *o = last_of(&s, (enum clock_kind)kind);

		assert_int_equal(o->state, clock->state);
		assert_int_equal(o->consumed_us, clock->consumed_us);
		assert_int_equal(o->target_us, clock->target_us);
		assert_int_equal(o->breached_at, clock->breached_at);
		assert_int_equal(o->due_at, clock->due_at);
		assert_int_equal(o->ended_at, clock->stopped_at);
	}
}

static void stretches_add_up_to_what_was_consumed(void **state)
{
	struct life *life = *state;
	struct simulated s;

	live(life);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	for (size_t i = 0; i < s.count; i++) {
		const struct simulated_outcome *o = &s.outcomes[i];
		int64_t sum = 0;

		for (size_t k = 0; k < o->stretch_count; k++) {
			assert_true(o->stretches[k].from < o->stretches[k].to);
			assert_true(k == 0 || o->stretches[k - 1].to <= o->stretches[k].from);
			sum += o->stretches[k].counted_us;
		}
		assert_int_equal(sum, o->consumed_us);
	}
}

static void another_contract_makes_other_outcomes_and_keeps_what_people_did(void **state)
{
	struct life *life = *state;
	struct simulated s;
	const struct simulated_outcome *o;

	live(life);
	life->world->bar->customer_id = WORLD_ACME;
	s = replay(life, CONTRACT_BAR, "2026-03-06T00:00:00+03:00");
	o = last_of(&s, CLOCK_RESOLUTION);
	assert_non_null(o);
	/* Round the clock: all but the pause and the time between resolve and reopen. */
	assert_int_equal(o->consumed_us,
	        at("2026-03-05T12:00:00+03:00") - at(MONDAY_10) - 21 * HOUR - 16 * HOUR);
	assert_int_equal(o->calendar_id, CALENDAR_ALWAYS);
}

static void an_open_clock_is_told_as_of_the_end(void **state)
{
	struct life *life = *state;
	struct simulated s;
	const struct simulated_outcome *o;

	assert_int_equal(life_file(life), 0);
	s = replay(life, CONTRACT_ACME, "2026-03-02T10:20:00+03:00");
	o = last_of(&s, CLOCK_RESOLUTION);
	assert_int_equal(o->state, CLOCK_RUNNING);
	assert_int_equal(o->ended_at, 0);
	assert_int_equal(o->breached_at, 0);
	assert_int_equal(o->consumed_us, 20 * MINUTE);
	/* Much later it is broken, at its due. */
	s = replay(life, CONTRACT_ACME, "2026-03-30T10:00:00+03:00");
	o = last_of(&s, CLOCK_RESOLUTION);
	assert_int_equal(o->state, CLOCK_RUNNING);
	assert_int_equal(o->breached_at, o->due_at);
}

static void a_cancelled_ticket_is_of_no_account(void **state)
{
	struct life *life = *state;
	struct simulation sum = {0};
	struct simulated s;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T11:00:00+03:00", CANCEL);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	assert_true(s.cancelled);
	assert_int_equal(simulation_add(&sum, &life->world->ref, life->world->acme, &s), 0);
	assert_int_equal(sum.cancelled, 1);
	assert_int_equal(sum.tickets, 0);
	simulation_clear(&sum);
}

static void of_an_imported_ticket_only_the_resolution_is_known(void **state)
{
	struct life *life = *state;
	struct simulated s;

	live(life);
	life->c.events[0].cause = CAUSE_IMPORT;
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	assert_true(s.observed);
	assert_int_equal(count_of(&s, CLOCK_RESPONSE), 0);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->consumed_us,
	        life->c.clocks[CLOCK_RESOLUTION].consumed_us);
}

static void a_journal_without_a_beginning_is_refused(void **state)
{
	struct life *life = *state;
	struct simulated s;

	live(life);
	assert_int_equal(
	        simulate_ticket(&life->world->ref, CONTRACT_ACME, life->c.events + 1,
	                life->c.event_count - 1, at(MONDAY_10), life->arena, &s, &life->err),
	        -OTK_DATA_LOSS);
	assert_int_equal(simulate_ticket(&life->world->ref, CONTRACT_ACME, NULL, 0,
	                         at(MONDAY_10), life->arena, &s, &life->err),
	        -OTK_DATA_LOSS);
}

static void another_matrix_makes_the_priority_anew_unless_somebody_decided(void **state)
{
	struct life *life = *state;
	struct simulated s;

	live(life);
	for (int i = 0; i < 9; i++)
		life->world->bar->matrix[i] = 5;
	s = replay(life, CONTRACT_BAR, "2026-03-06T00:00:00+03:00");
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->priority, 5);
	for (size_t i = 0; i < life->c.event_count; i++) {
		if (life->c.events[i].kind == EVENT_CLASSIFIED)
			life->c.events[i].cause = CAUSE_OVERRIDE;
	}
	s = replay(life, CONTRACT_BAR, "2026-03-06T00:00:00+03:00");
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->priority, life->c.ticket.priority);
}

static void outcomes_gather_by_target_month_and_reason(void **state)
{
	struct life *life = *state;
	struct simulation sum = {0};
	struct simulation_key key = {.clock = CLOCK_RESOLUTION, .type = TICKET_INCIDENT};
	const struct simulation_cell *cell;
	struct simulated s;
	int64_t by_kind[5] = {0};

	live(life);
	key.priority = life->c.ticket.priority;
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		        simulation_add(&sum, &life->world->ref, life->world->acme, &s), 0);
	simulation_finish(&sum);
	cell = simulation_find(&sum, &key);
	assert_non_null(cell);
	assert_int_equal(cell->met + cell->breached, 3);
	assert_int_equal(cell->count, 3);
	assert_int_equal(cell->consumed[0], life->c.clocks[CLOCK_RESOLUTION].consumed_us);
	assert_int_equal(sum.tickets, 3);
	assert_true(sum.month_count > 0);
	assert_int_equal(sum.months[0].month, 2026 * 12 + 2);
	/* Each kind of reason tells of all the time that broken clocks counted. */
	for (size_t i = 0; i < sum.reason_count; i++) {
		if (sum.reasons[i].clock == CLOCK_RESOLUTION)
			by_kind[sum.reasons[i].kind] += sum.reasons[i].counted_us;
	}
	assert_true(sum.broken_us[CLOCK_RESOLUTION] > 0);
	for (int kind = REASON_STATE; kind <= REASON_HOUR; kind++)
		assert_int_equal(by_kind[kind], sum.broken_us[CLOCK_RESOLUTION]);
	simulation_clear(&sum);
	assert_null(sum.cells);
}

static void what_a_check_files_and_recovers_has_no_outcome(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();
	enum check_effect effect;
	struct simulated s;

	in.machine_filed = true;
	in.requester_id = 0;
	error_clear(&life->err);
	assert_int_equal(
	        lifecycle_create(&life->c, &in, &ACME_AGENT, at(MONDAY_10), &life->err), 0);
	assert_int_equal(life_check(life, "2026-03-02T11:30:00+03:00", false, &effect), 0);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	assert_true(s.self_recovered);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->state, CLOCK_VOID);
	/* A breach stays. */
	assert_int_equal(last_of(&s, CLOCK_RESPONSE)->breached_at,
	        life->c.clocks[CLOCK_RESPONSE].breached_at);
	/* Failing again runs the resolution on. */
	assert_int_equal(life_check(life, "2026-03-02T12:30:00+03:00", true, &effect), 0);
	s = replay(life, CONTRACT_ACME, "2026-03-02T13:00:00+03:00");
	assert_false(s.self_recovered);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->state, CLOCK_RUNNING);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->consumed_us, 2 * HOUR);
}

static void a_question_arms_the_update_clock(void **state)
{
	struct life *life = *state;
	struct simulated s;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T11:00:00+03:00",
	        (struct command){.verb = VERB_ASK, .actor = ANNA, .text = "well?"});
	s = replay(life, CONTRACT_ACME, "2026-03-02T11:30:00+03:00");
	assert_int_equal(count_of(&s, CLOCK_UPDATE), 1);
	assert_int_equal(
	        last_of(&s, CLOCK_UPDATE)->started_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(
	        last_of(&s, CLOCK_UPDATE)->due_at, life->c.clocks[CLOCK_UPDATE].due_at);
	/* Another one while it runs changes nothing. */
	do_or_fail(life, "2026-03-02T11:10:00+03:00",
	        (struct command){.verb = VERB_ASK, .actor = ANNA, .text = "and?"});
	s = replay(life, CONTRACT_ACME, "2026-03-02T11:30:00+03:00");
	assert_int_equal(count_of(&s, CLOCK_UPDATE), 1);
}

static void asked_while_an_appointment_is_waited_for_nothing_runs(void **state)
{
	struct life *life = *state;
	struct simulated s;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T11:00:00+03:00",
	        (struct command){.verb = VERB_PEND,
	                .actor = VERA,
	                .pend = PENDING_SCHEDULED,
	                .until = at("2026-03-04T10:00:00+03:00")});
	do_or_fail(life, "2026-03-02T11:30:00+03:00",
	        (struct command){.verb = VERB_ASK, .actor = ANNA, .text = "well?"});
	assert_int_equal(life_tick(life, "2026-03-03T18:00:00+03:00"), 0);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_PAUSED);
	s = replay(life, CONTRACT_ACME, "2026-03-03T18:00:00+03:00");
	assert_int_equal(last_of(&s, CLOCK_UPDATE)->state, CLOCK_PAUSED);
	assert_int_equal(last_of(&s, CLOCK_UPDATE)->breached_at, 0);
}

static void a_record_of_a_backlog_has_no_clocks(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();
	struct simulated s;

	in.machine_filed = true;
	in.requester_id = 0;
	error_clear(&life->err);
	assert_int_equal(lifecycle_backlog(&life->c, &in, "it is well again", &ACME_AGENT,
	                         at(MONDAY_10), &life->err),
	        0);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	assert_true(s.self_recovered);
	assert_int_equal(s.count, 0);
}

static void a_merge_that_is_undone_never_stopped_a_clock(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();
	struct change older;
	struct simulated s;

	in.ticket_id = 1;
	change_init(&older, life->arena, &life->world->ref);
	assert_int_equal(lifecycle_create(&older, &in, &ANNA, at("2026-03-02T09:30:00+03:00"),
	                         &life->err),
	        0);
	assert_int_equal(life_file(life), 0);
	assert_int_equal(lifecycle_merge(&life->c, &older, &VERA, "the same",
	                         at("2026-03-02T11:00:00+03:00"), &life->err),
	        0);
	s = replay(life, CONTRACT_ACME, "2026-03-02T12:00:00+03:00");
	assert_true(s.cancelled);
	assert_int_equal(lifecycle_unmerge(&life->c, &older, &VERA, NULL,
	                         at("2026-03-02T12:00:00+03:00"), &life->err),
	        0);
	do_or_fail(life, "2026-03-02T13:00:00+03:00", RESOLVE);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	assert_false(s.cancelled);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->consumed_us, 3 * HOUR);
	assert_int_equal(last_of(&s, CLOCK_RESPONSE)->breached_at,
	        life->c.clocks[CLOCK_RESPONSE].breached_at);
}

static void a_version_applied_later_is_followed_by_its_own_past_alone(void **state)
{
	struct life *life = *state;
	struct simulated s;

	assert_int_equal(life_file(life), 0);
	life->world->bar->customer_id = WORLD_ACME;
	do_or_fail(life, "2026-03-02T12:00:00+03:00",
	        (struct command){.verb = VERB_APPLY_CONTRACT,
	                .actor = {PERSON_VERA, SIDE_PROVIDER, true},
	                .contract_id = CONTRACT_BAR});
	s = replay(life, CONTRACT_ACME, "2026-03-03T08:00:00+03:00");
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->calendar_id, CALENDAR_ALWAYS);
	assert_int_equal(
	        last_of(&s, CLOCK_RESOLUTION)->due_at, life->c.clocks[CLOCK_RESOLUTION].due_at);
}

/* Made under nothing, it was promised something from noon on. */
static void a_contract_that_came_later_is_followed_from_nothing(void **state)
{
	struct life *life = *state;
	struct simulated s;

	life->world->acme->withdrawn = true;
	life->world->bar->customer_id = WORLD_ACME;
	life->world->bar->withdrawn = true;
	assert_int_equal(life_file(life), 0);
	life->world->bar->withdrawn = false;
	assert_int_equal(life->c.ticket.contract_id, 0);
	s = replay(life, 0, "2026-03-02T11:00:00+03:00");
	assert_int_equal(s.count, 0);
	do_or_fail(life, "2026-03-02T12:00:00+03:00",
	        (struct command){.verb = VERB_APPLY_CONTRACT,
	                .actor = {PERSON_VERA, SIDE_PROVIDER, true},
	                .contract_id = CONTRACT_BAR});
	s = replay(life, 0, "2026-03-03T08:00:00+03:00");
	assert_non_null(last_of(&s, CLOCK_RESOLUTION));
	assert_int_equal(
	        last_of(&s, CLOCK_RESOLUTION)->due_at, life->c.clocks[CLOCK_RESOLUTION].due_at);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->started_at,
	        life->c.clocks[CLOCK_RESOLUTION].started_at);
}

static void a_promise_answers_as_a_reply_does(void **state)
{
	struct life *life = *state;
	struct simulated s;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T10:20:00+03:00",
	        (struct command){.verb = VERB_PROMISE,
	                .actor = VERA,
	                .promise_at = at("2026-03-02T12:00:00+03:00")});
	s = replay(life, CONTRACT_ACME, "2026-03-02T14:00:00+03:00");
	assert_int_equal(last_of(&s, CLOCK_RESPONSE)->state, CLOCK_MET);
	assert_int_equal(count_of(&s, CLOCK_UPDATE), 1);
	assert_int_equal(
	        last_of(&s, CLOCK_UPDATE)->due_at, life->c.clocks[CLOCK_UPDATE].due_at);
}

/* Each team's holding is a round of the operational clock, each wait one of the supplier's. */
static void teams_and_suppliers_have_their_rounds(void **state)
{
	struct life *life = *state;
	struct ref_contract *acme = life->world->acme;
	struct ref_target targets[16];
	struct command assign = {.verb = VERB_ASSIGN, .actor = VERA};
	struct simulated s;

	memcpy(targets, acme->targets, acme->target_count * sizeof targets[0]);
	targets[acme->target_count++] =
	        (struct ref_target){.clock = CLOCK_OPERATIONAL, .target_us = 2 * HOUR};
	targets[acme->target_count++] =
	        (struct ref_target){.clock = CLOCK_SUPPLIER, .target_us = HOUR};
	acme->targets = targets;
	assert_int_equal(life_file(life), 0);
	assign.team_id = TEAM_OFFICE; /* passed on at once: no round */
	do_or_fail(life, "2026-03-02T11:00:00+03:00", assign);
	assign.team_id = TEAM_NET;
	do_or_fail(life, "2026-03-02T11:00:00+03:00", assign);
	assign.team_id = TEAM_OFFICE;
	do_or_fail(life, "2026-03-02T14:00:00+03:00", assign);
	do_or_fail(life, "2026-03-02T14:30:00+03:00",
	        (struct command){.verb = VERB_PEND, .actor = VERA, .pend = PENDING_SUPPLIER});
	do_or_fail(life, "2026-03-02T15:00:00+03:00", RESOLVE);
	s = replay(life, CONTRACT_ACME, "2026-03-03T00:00:00+03:00");
	for (int kind = CLOCK_OPERATIONAL; kind <= CLOCK_SUPPLIER; kind++) {
		const struct sla_clock *clock = &life->c.clocks[kind];
		const struct simulated_outcome *o = last_of(&s, (enum clock_kind)kind);

		assert_non_null(o);
		assert_int_equal(o->state, clock->state);
		assert_int_equal(o->consumed_us, clock->consumed_us);
		assert_int_equal(o->breached_at, clock->breached_at);
	}
	assert_int_equal(count_of(&s, CLOCK_OPERATIONAL), 2);
	for (size_t i = 0; i < s.count; i++) {
		if (s.outcomes[i].clock == CLOCK_OPERATIONAL &&
		        s.outcomes[i].team_id == TEAM_NET) {
			assert_int_equal(s.outcomes[i].state, CLOCK_LATE);
			assert_int_equal(s.outcomes[i].consumed_us, 3 * HOUR);
		}
	}
}

/* Whoever simulates takes a contract without levels: what they did is told. */
static void what_levels_did_comes_after_what_was_owed_at_that_instant(void **state)
{
	static struct ref_target targets[] = {
	        {.clock = CLOCK_RESPONSE, .target_us = 2 * HOUR},
	        {.clock = CLOCK_RESOLUTION, .target_us = 2 * HOUR},
	        {.clock = CLOCK_RESOLUTION, .priority = 2, .target_us = 8 * HOUR},
	};
	static struct ref_level levels[] = {
	        {.clock = CLOCK_RESPONSE,
	                .number = 1,
	                .percent = 100,
	                .actions = "raise priority, assign team office"},
	};
	struct life *life = *state;
	struct ref_contract *acme = life->world->acme;
	struct simulated s;

	acme->targets = targets;
	acme->target_count = 3;
	acme->levels = levels;
	acme->level_count = 1;
	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T13:00:00+03:00", RESOLVE);
	assert_int_equal(life->c.ticket.priority, 2);
	acme->level_count = 0;
	s = replay(life, CONTRACT_ACME, "2026-03-03T00:00:00+03:00");
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->breached_at,
	        life->c.clocks[CLOCK_RESOLUTION].breached_at);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->priority, 2);
	assert_int_equal(last_of(&s, CLOCK_RESOLUTION)->team_id, TEAM_OFFICE);
}

static void what_was_forgiven_stays_forgiven_and_pauses_are_told(void **state)
{
	struct life *life = *state;
	struct command waive = {.verb = VERB_WAIVE,
	        .actor = {PERSON_GLEB, SIDE_PROVIDER, true},
	        .clock = CLOCK_RESOLUTION,
	        .text = "storm"};
	struct simulated s;
	const struct simulated_outcome *o;

	live(life);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	o = last_of(&s, CLOCK_RESOLUTION);
	/* Asked on Monday at 13, answered on Tuesday at 10: six office hours, and two of
	 * resolved time on Wednesday morning, which is no pause. */
	assert_int_equal(o->paused_us, 6 * HOUR);
	assert_true(o->breached_at != 0);
	assert_false(o->waived);
	do_or_fail(life, "2026-03-05T13:00:00+03:00", waive);
	s = replay(life, CONTRACT_ACME, "2026-03-06T00:00:00+03:00");
	assert_true(last_of(&s, CLOCK_RESOLUTION)->waived);
	/* Before it was, and where there is no breach, nothing is forgiven. */
	s = replay(life, CONTRACT_ACME, "2026-03-05T12:30:00+03:00");
	assert_false(last_of(&s, CLOCK_RESOLUTION)->waived);
	assert_false(last_of(&s, CLOCK_RESPONSE)->waived);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, life_begin, life_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        LIFE(under_its_own_contract_a_ticket_has_the_clocks_it_had),
	        LIFE(stretches_add_up_to_what_was_consumed),
	        LIFE(another_contract_makes_other_outcomes_and_keeps_what_people_did),
	        LIFE(an_open_clock_is_told_as_of_the_end),
	        LIFE(a_cancelled_ticket_is_of_no_account),
	        LIFE(of_an_imported_ticket_only_the_resolution_is_known),
	        LIFE(a_journal_without_a_beginning_is_refused),
	        LIFE(another_matrix_makes_the_priority_anew_unless_somebody_decided),
	        LIFE(outcomes_gather_by_target_month_and_reason),
	        LIFE(what_a_check_files_and_recovers_has_no_outcome),
	        LIFE(a_question_arms_the_update_clock),
	        LIFE(asked_while_an_appointment_is_waited_for_nothing_runs),
	        LIFE(a_record_of_a_backlog_has_no_clocks),
	        LIFE(a_merge_that_is_undone_never_stopped_a_clock),
	        LIFE(a_version_applied_later_is_followed_by_its_own_past_alone),
	        LIFE(a_contract_that_came_later_is_followed_from_nothing),
	        LIFE(a_promise_answers_as_a_reply_does),
	        LIFE(teams_and_suppliers_have_their_rounds),
	        LIFE(what_levels_did_comes_after_what_was_owed_at_that_instant),
	        LIFE(what_was_forgiven_stays_forgiven_and_pauses_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

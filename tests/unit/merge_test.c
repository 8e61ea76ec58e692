/* Merging a ticket into an older one, and undoing it as if it had never been. */
#include "cmocka_test.h"

#include <string.h>

#include "core/explain.h"
#include "core/promise.h"
#include "world.h"

/* Two tickets of acme; `c` of the life is the younger, filed an hour later. */
struct pair {
	struct life *life;
	struct change older;
};

#define MONDAY_11 "2026-03-02T11:00:00+03:00"
#define MERGED_AT "2026-03-02T11:30:00+03:00"

static void do_or_fail(struct life *life, const char *when, struct command cmd)
{
	if (life_apply(life, when, cmd) != 0)
		fail_msg("%s", life->err.message);
}

static void file(struct life *life, struct change *c, int64_t id, const char *when)
{
	struct new_ticket in = world_incident();

	in.ticket_id = id;
	change_init(c, life->arena, &life->world->ref);
	assert_int_equal(lifecycle_create(c, &in, &ANNA, at(when), &life->err), 0);
}

static struct pair begin(void **state)
{
	struct pair pair = {.life = *state};

	file(pair.life, &pair.older, 900, MONDAY_10);
	file(pair.life, &pair.life->c, 1000, MONDAY_11);
	return pair;
}

static int merge(struct pair *pair, const char *when)
{
	error_clear(&pair->life->err);
	return lifecycle_merge(&pair->life->c, &pair->older, &VERA, "the same printer",
	        at(when), &pair->life->err);
}

static int unmerge(struct pair *pair, const char *when)
{
	error_clear(&pair->life->err);
	return lifecycle_unmerge(
	        &pair->life->c, &pair->older, &VERA, NULL, at(when), &pair->life->err);
}

static void merge_or_fail(struct pair *pair)
{
	if (merge(pair, MERGED_AT) != 0)
		fail_msg("%s", pair->life->err.message);
}

static void undo_or_fail(struct pair *pair, const char *when)
{
	if (unmerge(pair, when) != 0)
		fail_msg("%s", pair->life->err.message);
}

static void the_younger_goes_into_the_older(void **state)
{
	struct pair pair = begin(state);
	const struct change *c = &pair.life->c;
	const struct event *e;

	merge_or_fail(&pair);
	assert_int_equal(c->ticket.state, TICKET_CANCELLED);
	assert_int_equal(c->ticket.merged_into, 900);
	assert_int_equal(c->ticket.merged_at, at(MERGED_AT));
	assert_int_equal(c->clocks[CLOCK_RESPONSE].state, CLOCK_VOID);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].state, CLOCK_VOID);
	assert_int_equal(life_last(pair.life, EVENT_CLOCK_VOIDED)->cause, CAUSE_MERGED);
	assert_int_equal(change_next_timer(c), 0);
	e = life_last(pair.life, EVENT_MERGED);
	assert_int_equal(e->related_id, 900);
	assert_int_equal(e->cause, CAUSE_MERGED);
	assert_string_equal(e->text, "the same printer");
	assert_false(e->is_public);
	e = &pair.older.events[pair.older.event_count - 1];
	assert_int_equal(e->kind, EVENT_MERGED);
	assert_int_equal(e->related_id, 1000);
	assert_true(e->is_public);
	assert_null(e->text);
	assert_int_equal(pair.older.ticket.merged_into, 0);
	assert_int_equal(pair.older.ticket.state, TICKET_NEW);
	assert_int_equal(pair.older.clocks[CLOCK_RESOLUTION].state, CLOCK_RUNNING);
}

static void a_merged_ticket_names_where_to_go_on(void **state)
{
	static const enum verb verbs[] = {
	        VERB_REPLY, VERB_REOPEN, VERB_TAKE, VERB_CANCEL, VERB_ASK};
	struct pair pair = begin(state);

	merge_or_fail(&pair);
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		struct command cmd = {.verb = verbs[i],
		        .actor = verbs[i] == VERB_ASK ? ANNA : VERA,
		        .text = "?"};

		assert_int_equal(life_apply(pair.life, "2026-03-02T12:00:00+03:00", cmd),
		        -OTK_FAILED_PRECONDITION);
		assert_string_equal(pair.life->err.reason, "MERGED");
		assert_non_null(strstr(pair.life->err.message, "900"));
	}
}

static void a_breach_before_the_merge_stays(void **state)
{
	struct pair pair = begin(state);
	const struct sla_clock *clock = &pair.life->c.clocks[CLOCK_RESPONSE];

	assert_int_equal(merge(&pair, "2026-03-02T12:30:00+03:00"), 0);
	assert_int_equal(clock->breached_at, at("2026-03-02T12:00:00+03:00"));
	assert_int_equal(clock->state, CLOCK_VOID);
	undo_or_fail(&pair, "2026-03-02T13:00:00+03:00");
	assert_int_equal(clock->state, CLOCK_RUNNING);
	assert_int_equal(life_count(pair.life, EVENT_CLOCK_BREACHED), 1);
}

static void an_undo_runs_on_as_if_never_stopped(void **state)
{
	struct pair pair = begin(state);
	const struct change *c = &pair.life->c;
	struct sla_clock before;

	do_or_fail(pair.life, "2026-03-02T11:10:00+03:00",
	        (struct command){.verb = VERB_TAKE, .actor = VERA});
	before = c->clocks[CLOCK_RESOLUTION];
	merge_or_fail(&pair);
	undo_or_fail(&pair, "2026-03-02T11:40:00+03:00");
	assert_int_equal(c->ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(c->ticket.merged_into, 0);
	assert_int_equal(c->ticket.merged_clocks, 0);
	assert_int_equal(c->ticket.updated_at, at("2026-03-02T11:40:00+03:00"));
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].state, CLOCK_RUNNING);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].due_at, before.due_at);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].stopped_at, 0);
	for (int i = 0; i < before.level_count; i++) {
		assert_int_equal(c->clocks[CLOCK_RESOLUTION].levels[i].at, before.levels[i].at);
		assert_int_equal(c->clocks[CLOCK_RESOLUTION].levels[i].state, LEVEL_ARMED);
	}
	assert_int_equal(life_last(pair.life, EVENT_UNMERGED)->related_id, 900);
	assert_int_equal(pair.older.events[pair.older.event_count - 1].kind, EVENT_UNMERGED);
}

static void what_passed_meanwhile_broke_at_its_due_and_levels_are_skipped(void **state)
{
	struct pair pair = begin(state);
	const struct change *c = &pair.life->c;
	const struct sla_clock *response = &c->clocks[CLOCK_RESPONSE];
	const struct event *e;

	merge_or_fail(&pair);
	undo_or_fail(&pair, "2026-03-03T18:30:00+03:00");
	assert_int_equal(response->state, CLOCK_RUNNING);
	assert_int_equal(response->breached_at, at("2026-03-02T12:00:00+03:00"));
	assert_int_equal(response->detected_at, at("2026-03-03T18:30:00+03:00"));
	/* 80 % of the response, 50 % and -30m... of the resolution's 18 h lie behind */
	assert_int_equal(life_count(pair.life, EVENT_LEVEL_FIRED), 0);
	assert_int_equal(response->levels[0].state, LEVEL_SKIPPED);
	assert_int_equal(response->levels[0].at, at("2026-03-02T11:48:00+03:00"));
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].levels[0].state, LEVEL_SKIPPED);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].levels[1].state, LEVEL_ARMED);
	e = life_last(pair.life, EVENT_LEVEL_SKIPPED);
	assert_int_equal(e->cause, CAUSE_UNMERGED);
	/* from now on they fire again */
	assert_int_equal(life_tick(pair.life, "2026-03-04T12:00:00+03:00"), 0);
	assert_int_equal(life_count(pair.life, EVENT_LEVEL_FIRED), 2);
}

static void a_paused_clock_comes_back_paused(void **state)
{
	struct pair pair = begin(state);
	const struct change *c = &pair.life->c;

	do_or_fail(pair.life, "2026-03-02T11:10:00+03:00",
	        (struct command){.verb = VERB_PEND,
	                .actor = VERA,
	                .pend = PENDING_CUSTOMER,
	                .text = "which one?"});
	merge_or_fail(&pair);
	assert_int_equal(c->ticket.state, TICKET_CANCELLED);
	undo_or_fail(&pair, "2026-03-03T11:00:00+03:00");
	assert_int_equal(c->ticket.state, TICKET_PENDING);
	assert_int_equal(c->ticket.pending_reason, PENDING_CUSTOMER);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].state, CLOCK_PAUSED);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].consumed_us, 10 * MINUTE);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].due_at, 0);
	assert_int_equal(c->clocks[CLOCK_RESPONSE].state, CLOCK_MET);
	do_or_fail(pair.life, "2026-03-03T11:20:00+03:00",
	        (struct command){.verb = VERB_REPLY, .actor = ANNA, .text = "that one"});
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].state, CLOCK_RUNNING);
}

static void an_appointment_that_passed_meanwhile_resumed_then(void **state)
{
	struct pair pair = begin(state);
	const struct change *c = &pair.life->c;

	do_or_fail(pair.life, "2026-03-02T11:10:00+03:00",
	        (struct command){.verb = VERB_PEND,
	                .actor = VERA,
	                .pend = PENDING_SCHEDULED,
	                .until = at("2026-03-02T13:00:00+03:00")});
	merge_or_fail(&pair);
	assert_int_equal(change_next_timer(c), 0);
	undo_or_fail(&pair, "2026-03-02T15:00:00+03:00");
	assert_int_equal(c->ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(c->ticket.pending_until, 0);
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].consumed_us, 10 * MINUTE);
	assert_int_equal(
	        c->clocks[CLOCK_RESOLUTION].anchor_at, at("2026-03-02T13:00:00+03:00"));
}

static void what_fell_silent_before_the_merge_stays_silent(void **state)
{
	struct pair pair = begin(state);
	const struct change *c = &pair.life->c;

	pair.life->world->acme->withdrawn_at = at("2026-03-02T11:20:00+03:00");
	merge_or_fail(&pair);
	undo_or_fail(&pair, "2026-03-02T15:00:00+03:00");
	assert_int_equal(c->clocks[CLOCK_RESOLUTION].state, CLOCK_VOID);
	assert_int_equal(
	        c->clocks[CLOCK_RESOLUTION].stopped_at, at("2026-03-02T11:20:00+03:00"));
}

static void merged_again_it_can_be_undone_again(void **state)
{
	struct pair pair = begin(state);

	for (int round = 0; round < 2; round++) {
		assert_int_equal(
		        merge(&pair, round == 0 ? MERGED_AT : "2026-03-02T11:40:00+03:00"), 0);
		undo_or_fail(&pair,
		        round == 0 ? "2026-03-02T11:35:00+03:00" : "2026-03-02T11:45:00+03:00");
	}
	assert_int_equal(
	        pair.life->c.clocks[CLOCK_RESOLUTION].due_at, at("2026-03-04T11:00:00+03:00"));
}

static void explain_tiles_through_an_undone_merge(void **state)
{
	struct pair pair = begin(state);
	const struct change *c = &pair.life->c;
	struct explanation x;

	merge_or_fail(&pair);
	assert_int_equal(explain_clock(c, CLOCK_RESOLUTION, c->events, c->event_count,
	                         at("2026-03-02T13:00:00+03:00"), pair.life->arena, &x),
	        0);
	assert_int_equal(x.until, at(MERGED_AT));
	assert_int_equal(x.consumed_us, 30 * MINUTE);
	undo_or_fail(&pair, "2026-03-02T12:30:00+03:00");
	assert_int_equal(explain_clock(c, CLOCK_RESOLUTION, c->events, c->event_count,
	                         at("2026-03-02T13:00:00+03:00"), pair.life->arena, &x),
	        0);
	assert_int_equal(x.consumed_us, 2 * HOUR);
	assert_int_equal(x.due_at, c->clocks[CLOCK_RESOLUTION].due_at);
	for (size_t i = 1; i < x.count; i++)
		assert_int_equal(x.intervals[i].from, x.intervals[i - 1].to);
}

/* A rebuild from the journals comes to the same tickets. */
static void the_journal_makes_the_same_again(void **state)
{
	struct pair pair = begin(state);
	struct change again;

	do_or_fail(pair.life, "2026-03-02T11:10:00+03:00",
	        (struct command){.verb = VERB_PEND, .actor = VERA, .pend = PENDING_SUPPLIER});
	merge_or_fail(&pair);
	for (int round = 0; round < 2; round++) {
		const struct change *c = &pair.life->c;

		change_init(&again, pair.life->arena, &pair.life->world->ref);
		for (size_t i = 0; i < c->event_count; i++)
			assert_int_equal(projection_apply(&again, &c->events[i]), 0);
		assert_int_equal(again.ticket.state, c->ticket.state);
		assert_int_equal(again.ticket.merged_into, c->ticket.merged_into);
		assert_int_equal(again.ticket.merged_state, c->ticket.merged_state);
		assert_int_equal(again.ticket.merged_clocks, c->ticket.merged_clocks);
		assert_memory_equal(again.clocks, c->clocks, sizeof again.clocks);
		if (round == 0)
			undo_or_fail(&pair, "2026-03-02T15:00:00+03:00");
	}
}

/* refusals ------------------------------------------------------------------------------ */

static void refused(struct pair *pair, enum otk_status status, const char *reason)
{
	struct pair copy = *pair;

	assert_int_equal(merge(&copy, "2026-03-02T12:00:00+03:00"), -(int)status);
	if (reason != NULL)
		assert_string_equal(pair->life->err.reason, reason);
}

static void a_merge_is_refused(void **state)
{
	struct pair pair = begin(state);
	struct change younger = pair.life->c, older = pair.older;
	struct pair turned = pair;

	turned.life->c = older;
	turned.older = younger;
	refused(&turned, OTK_FAILED_PRECONDITION, "YOUNGER");
	turned.older = older;
	refused(&turned, OTK_INVALID_ARGUMENT, NULL);
	pair.life->c = younger;
	pair.older.ticket.customer_id = WORLD_BAR;
	refused(&pair, OTK_INVALID_ARGUMENT, NULL);
	pair.older = older;
	pair.older.ticket.state = TICKET_CLOSED;
	refused(&pair, OTK_FAILED_PRECONDITION, "WRONG_STATE");
	pair.older.ticket.state = TICKET_CANCELLED;
	pair.older.ticket.merged_into = 1;
	refused(&pair, OTK_FAILED_PRECONDITION, "MERGED");
	pair.older = older;
	pair.life->c.ticket.state = TICKET_RESOLVED;
	refused(&pair, OTK_FAILED_PRECONDITION, "WRONG_STATE");
	pair.life->c.ticket.state = TICKET_CANCELLED;
	pair.life->c.ticket.merged_into = 900;
	refused(&pair, OTK_FAILED_PRECONDITION, "MERGED");
	pair.life->c = younger;
	assert_int_equal(lifecycle_merge(&pair.life->c, &pair.older, &ANNA, NULL, at(MERGED_AT),
	                         &pair.life->err),
	        -OTK_PERMISSION_DENIED);
}

static void of_two_at_one_instant_the_lower_number_is_older(void **state)
{
	struct pair pair = {.life = *state};

	file(pair.life, &pair.older, 1001, MONDAY_10);
	file(pair.life, &pair.life->c, 1000, MONDAY_10);
	assert_int_equal(merge(&pair, MERGED_AT), -OTK_FAILED_PRECONDITION);
	assert_string_equal(pair.life->err.reason, "YOUNGER");
}

static void an_undo_is_refused(void **state)
{
	struct pair pair = begin(state);
	struct otk_error *err = &pair.life->err;

	assert_int_equal(unmerge(&pair, MERGED_AT), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err->reason, "NOT_MERGED");
	merge_or_fail(&pair);
	assert_int_equal(lifecycle_unmerge(&pair.life->c, &pair.older, &BORIS, NULL,
	                         at("2026-03-02T12:00:00+03:00"), err),
	        -OTK_PERMISSION_DENIED);
	pair.older.ticket.ticket_id = 901;
	assert_int_equal(unmerge(&pair, "2026-03-02T12:00:00+03:00"), -OTK_INTERNAL);
}

static void a_merged_ticket_hears_of_its_check(void **state)
{
	struct pair pair = {.life = *state};
	struct new_ticket in = world_incident();
	enum check_effect effect;

	file(pair.life, &pair.older, 900, MONDAY_10);
	in.machine_filed = true;
	change_init(&pair.life->c, pair.life->arena, &pair.life->world->ref);
	assert_int_equal(lifecycle_create(&pair.life->c, &in, &ACME_AGENT, at(MONDAY_11),
	                         &pair.life->err),
	        0);
	merge_or_fail(&pair);
	assert_int_equal(life_check(pair.life, "2026-03-02T12:00:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_NOTHING);
	assert_int_equal(life_check(pair.life, "2026-03-02T12:10:00+03:00", false, &effect), 0);
	assert_int_equal(effect, CHECK_NOTED);
	assert_int_equal(pair.life->c.ticket.state, TICKET_CANCELLED);
	assert_int_equal(life_check(pair.life, "2026-03-02T12:20:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_NOTED);
	assert_true(pair.life->c.ticket.check_bad);
}

static void a_promise_ends_without_an_outcome_and_comes_back(void **state)
{
	struct pair pair = begin(state);
	struct life *life = pair.life;
	const char *date = "2026-03-02T15:00:00+03:00";

	do_or_fail(life, "2026-03-02T11:10:00+03:00",
	        (struct command){.verb = VERB_PROMISE, .actor = VERA, .promise_at = at(date)});
	merge_or_fail(&pair);
	assert_int_equal(promise_state_of(&life->c.ticket, at(date) + HOUR), PROMISE_VOID);
	assert_int_equal(change_next_timer(&life->c), 0);
	undo_or_fail(&pair, "2026-03-02T16:00:00+03:00");
	assert_int_equal(life_count(life, EVENT_PROMISE_WARNED), 1);
	assert_int_equal(life_last(life, EVENT_PROMISE_BROKEN)->occurred_at, at(date));
	assert_int_equal(promise_state_of(&life->c.ticket, at(date) + HOUR), PROMISE_BROKEN);
}

/* links --------------------------------------------------------------------------------- */

static void a_linked_ticket_is_named_in_both(void **state)
{
	struct pair pair = begin(state);
	const struct change *newer = &pair.life->c;

	assert_int_equal(lifecycle_link(&pair.life->c, &pair.older, &ANNA,
	                         at("2026-03-02T13:00:00+03:00"), &pair.life->err),
	        0);
	assert_int_equal(life_last(pair.life, EVENT_LINKED)->related_id, 900);
	assert_int_equal(newer->ticket.merged_into, 0);
	assert_false(pair.older.ticket.human_touched);
	/* what time owed the older comes first */
	assert_int_equal(
	        pair.older.clocks[CLOCK_RESPONSE].breached_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(pair.older.events[pair.older.event_count - 1].kind, EVENT_LINKED);
	assert_int_equal(pair.older.events[pair.older.event_count - 1].related_id, 1000);
	pair.older.ticket.customer_id = WORLD_BAR;
	assert_int_equal(lifecycle_link(&pair.life->c, &pair.older, &ANNA,
	                         at("2026-03-02T14:00:00+03:00"), &pair.life->err),
	        -OTK_INVALID_ARGUMENT);
}

static void reasons_have_a_limit(void **state)
{
	static char words[TEXT_MAX + 2];
	struct pair pair = begin(state);

	memset(words, 'x', sizeof words - 1);
	assert_int_equal(lifecycle_merge(&pair.life->c, &pair.older, &VERA, words,
	                         at(MERGED_AT), &pair.life->err),
	        -OTK_INVALID_ARGUMENT);
	words[TEXT_MAX] = '\0';
	assert_int_equal(lifecycle_merge(&pair.life->c, &pair.older, &VERA, words,
	                         at(MERGED_AT), &pair.life->err),
	        0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_begin, life_end)
	const struct CMUnitTest tests[] = {
	        TEST(the_younger_goes_into_the_older),
	        TEST(a_merged_ticket_names_where_to_go_on),
	        TEST(a_breach_before_the_merge_stays),
	        TEST(an_undo_runs_on_as_if_never_stopped),
	        TEST(what_passed_meanwhile_broke_at_its_due_and_levels_are_skipped),
	        TEST(a_paused_clock_comes_back_paused),
	        TEST(an_appointment_that_passed_meanwhile_resumed_then),
	        TEST(what_fell_silent_before_the_merge_stays_silent),
	        TEST(merged_again_it_can_be_undone_again),
	        TEST(explain_tiles_through_an_undone_merge),
	        TEST(the_journal_makes_the_same_again),
	        TEST(a_merge_is_refused),
	        TEST(of_two_at_one_instant_the_lower_number_is_older),
	        TEST(an_undo_is_refused),
	        TEST(a_merged_ticket_hears_of_its_check),
	        TEST(a_promise_ends_without_an_outcome_and_comes_back),
	        TEST(a_linked_ticket_is_named_in_both),
	        TEST(reasons_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

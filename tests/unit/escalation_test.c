/* Actions of escalation levels: their grammar, what they do to a ticket, what stops them. */
#include "cmocka_test.h"

#include <stdio.h>
#include <string.h>

#include "core/action.h"
#include "core/notification.h"
#include "world.h"

static void the_grammar_takes_what_the_header_says_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		enum action_verb verb;
		unsigned audience;
		const char *code;
	} CASES[] = {
	        {"notify assignee", ACTION_NOTIFY, TELL_ASSIGNEE, ""},
	        {"notify contact", ACTION_NOTIFY, TELL_REQUESTER, ""},
	        {"notify watchers", ACTION_NOTIFY, TELL_WATCHERS, ""},
	        {" notify \t on-call ", ACTION_NOTIFY, TELL_ON_CALL, ""},
	        {"notify vera", ACTION_NOTIFY, 0, "vera"},
	        {"notify person lead", ACTION_NOTIFY, 0, "lead"},
	        {"notify team net", ACTION_UNKNOWN, 0, ""},
	        {"notify", ACTION_UNKNOWN, 0, ""},
	        {"assign net", ACTION_ASSIGN, 0, "net"},
	        {"assign team net", ACTION_ASSIGN, 0, "net"},
	        {"assign person vera", ACTION_ASSIGN, 0, "vera"},
	        {"assign to vera", ACTION_UNKNOWN, 0, ""},
	        {"assign person vera now", ACTION_UNKNOWN, 0, ""},
	        {"raise priority", ACTION_RAISE, 0, ""},
	        {"raise", ACTION_UNKNOWN, 0, ""},
	        {"raise priority twice", ACTION_UNKNOWN, 0, ""},
	        {"watch gleb", ACTION_WATCH, 0, "gleb"},
	        {"watch team net", ACTION_UNKNOWN, 0, ""},
	        {"webhook", ACTION_WEBHOOK, 0, ""},
	        {"webhook https://example.org", ACTION_UNKNOWN, 0, ""},
	        {"quiet on-call", ACTION_QUIET, 0, ""},
	        {"quiet please", ACTION_UNKNOWN, 0, ""},
	        {"notify "
	         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	                ACTION_UNKNOWN, 0, ""},
	};
	const char *two = ", notify lead ,, raise priority,";
	const char *none = NULL;
	struct action action;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		const char *text = CASES[i].text;

		assert_true(action_next(&text, &action));
		assert_int_equal(action.verb, CASES[i].verb);
		if (action.verb != ACTION_UNKNOWN) {
			assert_int_equal(action.audience, CASES[i].audience);
			assert_string_equal(action.code, CASES[i].code);
		}
		assert_false(action_next(&text, &action));
	}
	assert_true(action_next(&two, &action));
	assert_int_equal(action.audience, TELL_LEAD);
	assert_true(action_next(&two, &action));
	assert_int_equal(action.verb, ACTION_RAISE);
	assert_false(action_next(&two, &action));
	assert_false(action_next(&none, &action));
}

static void quiet_hours_have_three_policies(void **state)
{
	static const enum quiet_policy POLICIES[] = {QUIET_WAIT, QUIET_ON_CALL, QUIET_SEND};
	const char *text = "quiet wait, quiet on-call, quiet send";
	struct action action;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(action_next(&text, &action));
		assert_int_equal(action.verb, ACTION_QUIET);
		assert_int_equal(action.quiet, POLICIES[i]);
	}
}

/* One ladder for the test: response at 50 % and 100 % of what P3 has, an hour. */
static char half[256], full[256], resolution[256];
static struct ref_level ladder[] = {
        {.clock = CLOCK_RESPONSE, .number = 1, .percent = 50, .actions = half},
        {.clock = CLOCK_RESPONSE, .number = 2, .percent = 100, .actions = full},
        {.clock = CLOCK_RESOLUTION, .number = 1, .percent = 90, .actions = resolution},
};

static void climb(struct life *life, const char *first, const char *second)
{
	(void)snprintf(half, sizeof half, "%s", first);
	(void)snprintf(full, sizeof full, "%s", second);
	(void)snprintf(resolution, sizeof resolution, "raise priority");
	life->world->acme->levels = ladder;
	life->world->acme->level_count = 3;
	assert_int_equal(life_file(life), 0);
}

static size_t fired(const struct life *life, enum event_kind kind, enum event_cause cause)
{
	size_t count = 0;

	for (size_t i = 0; i < life->c.event_count; i++)
		count += life->c.events[i].kind == kind && life->c.events[i].cause == cause;
	return count;
}

static void a_level_hands_the_ticket_to_a_team_at_its_own_instant(void **state)
{
	struct life *life = *state;
	const struct event *e;

	climb(life, "assign office, notify team", "assign person gleb");
	assert_int_equal(life_tick(life, "2026-03-02T12:00:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 2);
	assert_int_equal(fired(life, EVENT_ASSIGNED, CAUSE_ESCALATED), 2);
	e = life_last(life, EVENT_ASSIGNED);
	assert_int_equal(e->assignee_id, PERSON_GLEB);
	assert_int_equal(e->occurred_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(e->recorded_at, at("2026-03-02T12:00:00+03:00"));
	assert_int_equal(e->side, SIDE_SYSTEM);
	assert_int_equal(life->c.ticket.team_id, TEAM_OFFICE);
	assert_int_equal(life->c.ticket.state, TICKET_ASSIGNED);
	assert_false(life->c.ticket.human_touched);
}

static void work_that_another_team_takes_over_is_nobodys_until_taken(void **state)
{
	struct life *life = *state;

	climb(life, "assign office", "notify lead");
	assert_int_equal(life_apply(life, "2026-03-02T10:05:00+03:00",
	                         (struct command){.verb = VERB_TAKE, .actor = VERA}),
	        0);
	assert_int_equal(life_tick(life, "2026-03-02T10:40:00+03:00"), 0);
	assert_int_equal(life->c.ticket.team_id, TEAM_OFFICE);
	assert_int_equal(life->c.ticket.assignee_id, 0);
	assert_int_equal(life->c.ticket.state, TICKET_ASSIGNED);
}

static void what_cannot_be_done_is_noted_and_what_is_so_already_left_alone(void **state)
{
	static const struct {
		const char *action;
		const char *words; /* of the note; NULL: nothing at all happens */
	} CASES[] = {
	        {"assign dasha", "dasha: is disabled"},
	        {"assign anna", "anna: may not work"},
	        {"assign nowhere", "no such team or person"},
	        {"assign person net", "no such team or person"},
	        {"assign team vera", "no such team or person"},
	        {"assign telex", "retired"},
	        {"watch dasha", "dasha: is disabled"},
	        {"watch nobody", "no such person"},
	        {"notify lead, webhook, quiet send", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		void *other = NULL;
		struct life *life;

		assert_int_equal(life_begin(&other), 0);
		life = other;
		climb(life, CASES[i].action, "");
		assert_int_equal(life_tick(life, "2026-03-02T10:40:00+03:00"), 0);
		assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 1);
		assert_int_equal(life_count(life, EVENT_ASSIGNED), 0);
		assert_int_equal(life_count(life, EVENT_WATCHER), 0);
		assert_int_equal(life_count(life, EVENT_NOTED), CASES[i].words != NULL);
		if (CASES[i].words != NULL &&
		        strstr(life_last(life, EVENT_NOTED)->text, CASES[i].words) == NULL)
			fail_msg("%s", life_last(life, EVENT_NOTED)->text);
		(void)life_end(&other);
	}
}

static void whoever_watches_is_added_once(void **state)
{
	struct life *life = *state;

	climb(life, "watch gleb", "watch person gleb, watch vera");
	assert_int_equal(life_tick(life, "2026-03-02T12:00:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_WATCHER), 2);
	assert_int_equal(life->c.ticket.watcher_count, 2);
	assert_int_equal(life->c.ticket.watchers[0], PERSON_VERA);
}

/*
 * 10:30 raises to P2, whose half hour is over then: the response is broken at that instant and
 * its 100 % level acts at once. That one raises for the same clock no more.
 */
static void a_raised_priority_retargets_once_a_clock_and_never_loops(void **state)
{
	struct life *life = *state;
	const struct sla_clock *response = &life->c.clocks[CLOCK_RESPONSE];

	climb(life, "raise priority", "raise priority, notify lead");
	assert_int_equal(life_tick(life, "2026-03-02T10:31:00+03:00"), 0);
	assert_int_equal(life->c.ticket.priority, 2);
	assert_true(life->c.ticket.priority_overridden);
	assert_int_equal(life->c.ticket.raised, 1 << CLOCK_RESPONSE);
	assert_int_equal(response->target_us, 30 * MINUTE);
	assert_int_equal(response->breached_at, at("2026-03-02T10:30:00+03:00"));
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 2);
	assert_int_equal(life_count(life, EVENT_CLASSIFIED), 1);
	assert_int_equal(life_last(life, EVENT_CLASSIFIED)->cause, CAUSE_ESCALATED);
	/* The resolution's own level raises once more, and there it ends: P1. */
	assert_int_equal(life_tick(life, "2026-03-05T10:31:00+03:00"), 0);
	assert_int_equal(life->c.ticket.priority, 1);
	assert_int_equal(life->c.ticket.raised, 1 << CLOCK_RESPONSE | 1 << CLOCK_RESOLUTION);
	assert_int_equal(life_count(life, EVENT_CLASSIFIED), 2);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 3);
}

static void the_journal_makes_the_same_ticket_with_its_raised_bits(void **state)
{
	struct life *life = *state;
	struct change again;

	climb(life, "raise priority, watch gleb, assign net", "raise priority");
	assert_int_equal(life_tick(life, "2026-03-05T10:31:00+03:00"), 0);
	change_init(&again, life->arena, &life->world->ref);
	again.ticket.customer_id = WORLD_ACME;
	again.ticket.ticket_id = life->c.ticket.ticket_id;
	for (size_t i = 0; i < life->c.event_count; i++)
		assert_int_equal(projection_apply(&again, &life->c.events[i]), 0);
	assert_int_equal(again.ticket.raised, life->c.ticket.raised);
	assert_int_equal(again.ticket.priority, life->c.ticket.priority);
	assert_int_equal(again.ticket.team_id, TEAM_NET);
	assert_int_equal(again.ticket.watcher_count, 1);
	assert_memory_equal(again.clocks, life->c.clocks, sizeof again.clocks);
}

static void sweeps_in_between_make_the_same_journal(void **state)
{
	static const char *const STOPS[] = {"2026-03-02T10:30:00+03:00",
	        "2026-03-02T10:30:01+03:00", "2026-03-02T11:00:00+03:00",
	        "2026-03-03T09:00:00+03:00", "2026-03-03T16:12:00+03:00"};
	struct life *life = *state;
	void *other = NULL;
	struct life *lazy;

	assert_int_equal(life_begin(&other), 0);
	lazy = other;
	climb(life, "raise priority, assign net", "raise priority, assign office");
	climb(lazy, "raise priority, assign net", "raise priority, assign office");
	for (size_t i = 0; i < sizeof STOPS / sizeof STOPS[0]; i++)
		assert_int_equal(life_tick(life, STOPS[i]), 0);
	assert_int_equal(life_tick(life, "2026-03-09T10:31:00+03:00"), 0);
	assert_int_equal(life_tick(lazy, "2026-03-09T10:31:00+03:00"), 0);
	assert_int_equal(life->c.event_count, lazy->c.event_count);
	for (size_t i = 0; i < life->c.event_count; i++) {
		assert_int_equal(life->c.events[i].kind, lazy->c.events[i].kind);
		assert_int_equal(life->c.events[i].occurred_at, lazy->c.events[i].occurred_at);
		assert_int_equal(life->c.events[i].due_at, lazy->c.events[i].due_at);
	}
	(void)life_end(&other);
}

static const struct command TAKE = {
        .verb = VERB_TAKE, .actor = {PERSON_VERA, SIDE_PROVIDER, false}};

static void an_acknowledgement_stops_the_ladders_that_the_contract_names(void **state)
{
	struct life *life = *state;

	life->world->acme->ack_stops = 1 << CLOCK_RESPONSE;
	climb(life, "notify team", "notify lead");
	assert_int_equal(life_apply(life, "2026-03-02T10:40:00+03:00", TAKE), 0);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 1);
	assert_int_equal(fired(life, EVENT_LEVEL_SKIPPED, CAUSE_ACKNOWLEDGED), 1);
	assert_int_equal(life_last(life, EVENT_LEVEL_SKIPPED)->clock, CLOCK_RESPONSE);
	assert_int_equal(life_last(life, EVENT_LEVEL_SKIPPED)->level, 2);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].levels[1].state, LEVEL_SKIPPED);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].levels[0].state, LEVEL_ARMED);
	/* The clock itself runs on and breaks; only its ladder rests. */
	assert_int_equal(life_tick(life, "2026-03-02T12:00:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 1);
	assert_true(life->c.clocks[CLOCK_RESPONSE].breached_at != 0);
}

static void a_stopped_ladder_is_not_armed_again(void **state)
{
	struct life *life = *state;
	struct command lower = {
	        .verb = VERB_CLASSIFY, .actor = VERA, .priority = 4, .text = "not so bad"};
	struct command resolve = {.verb = VERB_RESOLVE, .actor = VERA, .text = "done"};
	struct command reopen = {.verb = VERB_REOPEN, .actor = ANNA};

	life->world->acme->ack_stops =
	        1 << CLOCK_RESPONSE | 1 << CLOCK_RESOLUTION | 1 << CLOCK_UPDATE;
	climb(life, "notify team", "notify lead");
	assert_int_equal(life_apply(life, "2026-03-02T10:10:00+03:00", TAKE), 0);
	assert_int_equal(fired(life, EVENT_LEVEL_SKIPPED, CAUSE_ACKNOWLEDGED), 3);
	assert_int_equal(life_apply(life, "2026-03-02T10:20:00+03:00", lower), 0);
	assert_int_equal(life_apply(life, "2026-03-02T10:30:00+03:00", resolve), 0);
	assert_int_equal(life_apply(life, "2026-03-02T10:40:00+03:00", reopen), 0);
	assert_int_equal(life_tick(life, "2026-03-20T12:00:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 0);
	assert_int_equal(life_count(life, EVENT_LEVEL_SKIPPED), 3);
}

static void a_public_reply_stops_ladders_too_and_without_the_policy_nothing_does(void **state)
{
	struct life *life = *state;
	struct command reply = {.verb = VERB_REPLY, .actor = VERA, .text = "we look"};

	life->world->acme->ack_stops = 1 << CLOCK_RESOLUTION;
	climb(life, "notify team", "notify lead");
	assert_int_equal(life_apply(life, "2026-03-02T10:10:00+03:00", reply), 0);
	assert_int_equal(fired(life, EVENT_LEVEL_SKIPPED, CAUSE_ACKNOWLEDGED), 1);
	assert_int_equal(life_last(life, EVENT_LEVEL_SKIPPED)->clock, CLOCK_RESOLUTION);
	assert_int_equal(life_tick(life, "2026-03-20T12:00:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, life_begin, life_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_grammar_takes_what_the_header_says_and_nothing_else),
	        cmocka_unit_test(quiet_hours_have_three_policies),
	        TEST(a_level_hands_the_ticket_to_a_team_at_its_own_instant),
	        TEST(work_that_another_team_takes_over_is_nobodys_until_taken),
	        cmocka_unit_test(
	                what_cannot_be_done_is_noted_and_what_is_so_already_left_alone),
	        TEST(whoever_watches_is_added_once),
	        TEST(a_raised_priority_retargets_once_a_clock_and_never_loops),
	        TEST(the_journal_makes_the_same_ticket_with_its_raised_bits),
	        TEST(sweeps_in_between_make_the_same_journal),
	        TEST(an_acknowledgement_stops_the_ladders_that_the_contract_names),
	        TEST(a_stopped_ladder_is_not_armed_again),
	        TEST(a_public_reply_stops_ladders_too_and_without_the_policy_nothing_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

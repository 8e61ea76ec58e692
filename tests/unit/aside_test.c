/* Waived breaches, questions of the customer, people who follow a ticket. */
#include "cmocka_test.h"

#include <string.h>

#include "world.h"

static const struct actor LEAD = {
        .principal_id = PERSON_GLEB, .side = SIDE_PROVIDER, .lead = true};

static void do_or_fail(struct life *life, const char *when, struct command cmd)
{
	if (life_apply(life, when, cmd) != 0)
		fail_msg("%s", life->err.message);
}

/* waive --------------------------------------------------------------------------------- */

static const struct command WAIVE = {.verb = VERB_WAIVE,
        .actor = {.principal_id = PERSON_GLEB, .side = SIDE_PROVIDER, .lead = true},
        .clock = CLOCK_RESPONSE,
        .text = "a power cut in the whole town"};

/* The response broke at eleven. */
static struct life *breached(void **state)
{
	struct life *life = *state;

	assert_int_equal(life_file(life), 0);
	assert_int_equal(life_tick(life, "2026-03-02T11:30:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_CLOCK_BREACHED), 1);
	return life;
}

static void a_lead_waives_a_breach_once(void **state)
{
	struct life *life = breached(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESPONSE];
	const struct event *e;

	do_or_fail(life, "2026-03-02T12:00:00+03:00", WAIVE);
	e = life_last(life, EVENT_CLOCK_WAIVED);
	assert_int_equal(clock->waived_at, at("2026-03-02T12:00:00+03:00"));
	assert_int_equal(clock->breached_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(clock->state, CLOCK_RUNNING);
	assert_int_equal(e->clock, CLOCK_RESPONSE);
	assert_int_equal(e->old_due_at, clock->breached_at);
	assert_string_equal(e->text, WAIVE.text);
	assert_false(e->is_public);
	assert_false(life->c.ticket.human_touched);
	assert_int_equal(
	        life_apply(life, "2026-03-02T12:05:00+03:00", WAIVE), -OTK_FAILED_PRECONDITION);
	assert_string_equal(life->err.reason, "NOTHING_TO_DO");
	do_or_fail(life, "2026-03-02T12:10:00+03:00",
	        (struct command){.verb = VERB_REPLY, .actor = VERA, .text = "here"});
	assert_int_equal(clock->state, CLOCK_LATE);
	assert_int_equal(clock->waived_at, at("2026-03-02T12:00:00+03:00"));
}

static void a_waiver_is_refused(void **state)
{
	static const struct {
		struct actor actor;
		enum clock_kind clock;
		const char *text;
		enum otk_status status;
		const char *reason;
	} cases[] = {
	        {{PERSON_VERA, SIDE_PROVIDER, false}, CLOCK_RESPONSE, "why",
	                OTK_PERMISSION_DENIED, "LEAD_ONLY"},
	        {{PERSON_ANNA, SIDE_CUSTOMER, true}, CLOCK_RESPONSE, "why",
	                OTK_PERMISSION_DENIED, "PROVIDER_ONLY"},
	        {{PERSON_GLEB, SIDE_PROVIDER, true}, CLOCK_RESPONSE, "", OTK_INVALID_ARGUMENT,
	                NULL},
	        {{PERSON_GLEB, SIDE_PROVIDER, true}, CLOCK_RESOLUTION, "why",
	                OTK_FAILED_PRECONDITION, "NOT_BREACHED"},
	        {{PERSON_GLEB, SIDE_PROVIDER, true}, CLOCK_UPDATE, "why",
	                OTK_FAILED_PRECONDITION, "NO_SUCH_CLOCK"},
	        {{PERSON_GLEB, SIDE_PROVIDER, true}, (enum clock_kind)0, "why",
	                OTK_INVALID_ARGUMENT, NULL},
	        {{PERSON_GLEB, SIDE_PROVIDER, true}, (enum clock_kind)CLOCK_KIND_COUNT, "why",
	                OTK_INVALID_ARGUMENT, NULL},
	};
	struct life *life = breached(state);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct command cmd = {.verb = VERB_WAIVE,
		        .actor = cases[i].actor,
		        .clock = cases[i].clock,
		        .text = cases[i].text};

		assert_int_equal(life_apply(life, "2026-03-02T12:00:00+03:00", cmd),
		        -(int)cases[i].status);
		if (cases[i].reason != NULL)
			assert_string_equal(life->err.reason, cases[i].reason);
	}
}

static void a_waived_resolution_stays_waived_through_a_reopen(void **state)
{
	struct life *life = breached(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_RESOLUTION];
	struct command waive = WAIVE;

	waive.clock = CLOCK_RESOLUTION;
	do_or_fail(life, "2026-03-04T12:00:00+03:00",
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"});
	do_or_fail(life, "2026-03-04T13:00:00+03:00", waive);
	do_or_fail(life, "2026-03-04T14:00:00+03:00",
	        (struct command){.verb = VERB_REOPEN, .actor = ANNA});
	assert_int_equal(clock->state, CLOCK_RUNNING);
	assert_int_equal(clock->waived_at, at("2026-03-04T13:00:00+03:00"));
}

static void a_round_of_the_update_clock_has_its_own_waiver(void **state)
{
	struct life *life = breached(state);
	const struct sla_clock *clock = &life->c.clocks[CLOCK_UPDATE];
	struct command waive = WAIVE;

	waive.clock = CLOCK_UPDATE;
	do_or_fail(life, "2026-03-02T12:00:00+03:00",
	        (struct command){.verb = VERB_REPLY, .actor = VERA, .text = "here"});
	do_or_fail(life, "2026-03-02T17:00:00+03:00", waive);
	assert_int_not_equal(clock->waived_at, 0);
	do_or_fail(life, "2026-03-02T17:10:00+03:00",
	        (struct command){.verb = VERB_REPLY, .actor = VERA, .text = "still"});
	assert_int_equal(clock->waived_at, 0);
	assert_int_equal(clock->breached_at, 0);
}

/* ask ----------------------------------------------------------------------------------- */

static const struct command ASK = {.verb = VERB_ASK,
        .actor = {.principal_id = PERSON_BORIS, .side = SIDE_CUSTOMER},
        .text = "how does it stand?"};

static void a_question_arms_the_update_clock(void **state)
{
	struct life *life = *state;
	const struct sla_clock *clock = &life->c.clocks[CLOCK_UPDATE];

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T10:30:00+03:00", ASK);
	assert_int_equal(clock->state, CLOCK_RUNNING);
	assert_int_equal(clock->due_at, at("2026-03-02T14:30:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CLOCK_STARTED)->cause, CAUSE_ASKED);
	assert_true(life_last(life, EVENT_ASKED)->is_public);
	assert_int_equal(life->c.ticket.first_reply_at, 0);
	/* a second one changes nothing of it */
	do_or_fail(life, "2026-03-02T11:30:00+03:00", ASK);
	assert_int_equal(clock->due_at, at("2026-03-02T14:30:00+03:00"));
	assert_int_equal(life_count(life, EVENT_ASKED), 2);
	/* the answer stops the response and begins a round */
	do_or_fail(life, "2026-03-02T13:00:00+03:00",
	        (struct command){.verb = VERB_REPLY, .actor = VERA, .text = "soon"});
	assert_int_equal(clock->started_at, at("2026-03-02T13:00:00+03:00"));
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_LATE);
}

static void a_question_answers_one(void **state)
{
	static const struct {
		enum pending_reason reason;
		enum ticket_state after;
		enum clock_state update;
	} cases[] = {
	        {PENDING_CUSTOMER, TICKET_IN_PROGRESS, CLOCK_RUNNING},
	        {PENDING_SUPPLIER, TICKET_PENDING, CLOCK_RUNNING},
	        {PENDING_SCHEDULED, TICKET_PENDING, CLOCK_PAUSED},
	};
	struct life *life = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct command pend = {.verb = VERB_PEND,
		        .actor = VERA,
		        .pend = cases[i].reason,
		        .text = cases[i].reason == PENDING_CUSTOMER ? "which?" : NULL};

		if (cases[i].reason == PENDING_SCHEDULED)
			pend.until = at("2026-03-02T16:00:00+03:00");
		change_init(&life->c, life->arena, &life->world->ref);
		assert_int_equal(life_file(life), 0);
		do_or_fail(life, "2026-03-02T10:20:00+03:00", pend);
		do_or_fail(life, "2026-03-02T10:30:00+03:00", ASK);
		assert_int_equal(life->c.ticket.state, cases[i].after);
		assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, cases[i].update);
	}
}

static void a_question_is_the_customers_before_the_resolve(void **state)
{
	struct life *life = *state;
	struct command ours = ASK;

	ours.actor = LEAD;
	assert_int_equal(life_file(life), 0);
	assert_int_equal(
	        life_apply(life, "2026-03-02T10:30:00+03:00", ours), -OTK_PERMISSION_DENIED);
	assert_string_equal(life->err.reason, "CUSTOMER_ONLY");
	do_or_fail(life, "2026-03-02T10:40:00+03:00",
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"});
	assert_int_equal(
	        life_apply(life, "2026-03-02T10:50:00+03:00", ASK), -OTK_FAILED_PRECONDITION);
}

/* follow, unfollow ---------------------------------------------------------------------- */

static struct command follow(enum verb verb, struct actor actor, int32_t person_id)
{
	return (struct command){.verb = verb, .actor = actor, .person_id = person_id};
}

static void followers_are_kept_in_order(void **state)
{
	struct life *life = *state;
	const struct ticket *t = &life->c.ticket;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, MONDAY_10, follow(VERB_FOLLOW, VERA, PERSON_GLEB));
	do_or_fail(life, MONDAY_10, follow(VERB_FOLLOW, VERA, 0));
	do_or_fail(life, MONDAY_10, follow(VERB_FOLLOW, ANNA, 0));
	assert_int_equal(t->watcher_count, 3);
	assert_int_equal(t->watchers[0], PERSON_ANNA);
	assert_int_equal(t->watchers[1], PERSON_VERA);
	assert_int_equal(t->watchers[2], PERSON_GLEB);
	assert_true(life_last(life, EVENT_WATCHER)->is_public);
	assert_false(t->human_touched);
	assert_int_equal(life_apply(life, MONDAY_10, follow(VERB_FOLLOW, VERA, 0)),
	        -OTK_FAILED_PRECONDITION);
	do_or_fail(life, MONDAY_10, follow(VERB_UNFOLLOW, GLEB, PERSON_VERA));
	assert_int_equal(t->watcher_count, 2);
	assert_int_equal(t->watchers[1], PERSON_GLEB);
	assert_int_equal(t->watchers[2], 0);
	assert_int_equal(life_last(life, EVENT_WATCHER)->flags, WATCHER_REMOVED);
	assert_int_equal(life_apply(life, MONDAY_10, follow(VERB_UNFOLLOW, VERA, 0)),
	        -OTK_FAILED_PRECONDITION);
}

static void following_is_refused(void **state)
{
	static const struct {
		enum actor_side side;
		int32_t actor, person;
		enum verb verb;
	} cases[] = {
	        {SIDE_CUSTOMER, PERSON_ANNA, PERSON_BORIS, VERB_FOLLOW},
	        {SIDE_CUSTOMER, PERSON_ANNA, PERSON_VERA, VERB_UNFOLLOW},
	        {SIDE_PROVIDER, PERSON_VERA, AGENT_ACME, VERB_FOLLOW},
	        {SIDE_PROVIDER, PERSON_VERA, PERSON_DASHA, VERB_FOLLOW},
	        {SIDE_PROVIDER, PERSON_VERA, 999, VERB_FOLLOW},
	};
	struct life *life = *state;
	struct new_ticket bars = world_incident();

	assert_int_equal(life_file(life), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct actor actor = {.principal_id = cases[i].actor, .side = cases[i].side};

		assert_int_equal(life_apply(life, MONDAY_10,
		                         follow(cases[i].verb, actor, cases[i].person)),
		        -OTK_INVALID_ARGUMENT);
	}
	change_init(&life->c, life->arena, &life->world->ref);
	bars.customer_id = WORLD_BAR;
	bars.site_id = 0;
	assert_int_equal(
	        lifecycle_create(&life->c, &bars, &VERA, at(MONDAY_10), &life->err), 0);
	assert_int_equal(life_apply(life, MONDAY_10, follow(VERB_FOLLOW, VERA, PERSON_ANNA)),
	        -OTK_INVALID_ARGUMENT);
}

static void followers_have_a_limit(void **state)
{
	struct life *life = *state;
	struct ticket *t = &life->c.ticket;

	assert_int_equal(life_file(life), 0);
	for (t->watcher_count = 0; t->watcher_count < WATCHERS_MAX; t->watcher_count++)
		t->watchers[t->watcher_count] = 100 + t->watcher_count;
	assert_int_equal(life_apply(life, MONDAY_10, follow(VERB_FOLLOW, VERA, 0)),
	        -OTK_FAILED_PRECONDITION);
	assert_string_equal(life->err.reason, "TOO_MANY_WATCHERS");
}

/* A journal from elsewhere cannot write outside of the array, nor twice. */
static void a_damaged_journal_keeps_the_array_whole(void **state)
{
	struct life *life = *state;
	struct ticket *t = &life->c.ticket;
	struct event e;

	assert_int_equal(life_file(life), 0);
	event_init(&e, EVENT_WATCHER, &VERA, at(MONDAY_10));
	e.flags = WATCHER_ADDED;
	for (int32_t i = 0; i < 2 * WATCHERS_MAX; i++) {
		e.person_id = 1000 - i / 2;
		assert_int_equal(projection_apply(&life->c, &e), 0);
	}
	assert_int_equal(t->watcher_count, WATCHERS_MAX);
	for (int i = 1; i < t->watcher_count; i++)
		assert_true(t->watchers[i - 1] < t->watchers[i]);
	e.person_id = 1;
	assert_int_equal(projection_apply(&life->c, &e), 0);
	assert_int_equal(t->watcher_count, WATCHERS_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_begin, life_end)
	const struct CMUnitTest tests[] = {
	        TEST(a_lead_waives_a_breach_once),
	        TEST(a_waiver_is_refused),
	        TEST(a_waived_resolution_stays_waived_through_a_reopen),
	        TEST(a_round_of_the_update_clock_has_its_own_waiver),
	        TEST(a_question_arms_the_update_clock),
	        TEST(a_question_answers_one),
	        TEST(a_question_is_the_customers_before_the_resolve),
	        TEST(followers_are_kept_in_order),
	        TEST(following_is_refused),
	        TEST(followers_have_a_limit),
	        TEST(a_damaged_journal_keeps_the_array_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

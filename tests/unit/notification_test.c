/* Who is told what of each journal entry. */
#include "cmocka_test.h"

#include "core/change.h"
#include "core/notification.h"

static struct event event_of(enum event_kind kind, enum actor_side side)
{
	const struct actor actor = {.principal_id = 1, .side = side};
	struct event e;

	event_init(&e, kind, &actor, 1000);
	return e;
}

static void a_level_tells_whom_its_actions_name(void **state)
{
	static const struct {
		const char *actions;
		unsigned audience;
	} CASES[] = {
	        {NULL, 0},
	        {"", 0},
	        {"notify lead", TELL_LEAD},
	        {"notify assignee,notify team", TELL_ASSIGNEE | TELL_TEAM},
	        {" notify  lead , notify manager ", TELL_LEAD | TELL_MANAGER},
	        {"notify requester, notify contact", TELL_REQUESTER},
	        {"raise priority, notify team", TELL_TEAM},
	        {"notify", 0},
	        {"notify nobody", 0},
	        {"notifylead", 0},
	        {"notify leads", 0},
	        {",,notify team,", TELL_TEAM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct event e = event_of(EVENT_LEVEL_FIRED, SIDE_SYSTEM);
		struct notification n = notification_of(&e, false, CASES[i].actions);

		assert_int_equal(n.kind, NOTICE_LEVEL);
		assert_int_equal(n.audience, CASES[i].audience | TELL_ACTOR);
	}
}

static void words_go_to_the_other_side(void **state)
{
	struct event e = event_of(EVENT_REPLIED, SIDE_PROVIDER);

	(void)state;
	e.is_public = true;
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_REPLIED);
	assert_int_equal(notification_of(&e, false, NULL).audience, TELL_REQUESTER);
	e.side = SIDE_CUSTOMER;
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_ANSWERED);
	assert_int_equal(notification_of(&e, false, NULL).audience, TELL_ASSIGNEE);
	e.is_public = false;
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_NONE);
}

static void states_that_concern_the_requester_are_told(void **state)
{
	static const struct {
		int state;
		int reason;
		enum event_cause cause;
		enum notice kind;
	} CASES[] = {
	        {TICKET_PENDING, PENDING_CUSTOMER, CAUSE_NONE, NOTICE_QUESTION},
	        {TICKET_PENDING, PENDING_SUPPLIER, CAUSE_NONE, NOTICE_NONE},
	        {TICKET_RESOLVED, -1, CAUSE_NONE, NOTICE_RESOLVED},
	        {TICKET_RESOLVED, -1, CAUSE_RECOVERY, NOTICE_RESOLVED},
	        {TICKET_IN_PROGRESS, -1, CAUSE_NONE, NOTICE_NONE},
	        {TICKET_IN_PROGRESS, -1, CAUSE_REOPEN, NOTICE_REOPENED},
	        {TICKET_IN_PROGRESS, -1, CAUSE_FAILED_AGAIN, NOTICE_REOPENED},
	        {TICKET_IN_PROGRESS, -1, CAUSE_STILL_BAD, NOTICE_REOPENED},
	        {TICKET_CLOSED, -1, CAUSE_AUTO_CLOSE, NOTICE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct event e = event_of(EVENT_STATE_CHANGED, SIDE_PROVIDER);

		e.state = (int16_t)CASES[i].state;
		e.pending_reason = (int16_t)CASES[i].reason;
		e.cause = CASES[i].cause;
		assert_int_equal(notification_of(&e, false, NULL).kind, CASES[i].kind);
	}
}

static void filing_is_acknowledged_and_history_is_silent(void **state)
{
	struct event e = event_of(EVENT_CREATED, SIDE_CUSTOMER);

	(void)state;
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_CREATED);
	assert_int_equal(
	        notification_of(&e, false, NULL).audience, TELL_REQUESTER | TELL_ACTOR);
	assert_int_equal(notification_of(&e, true, NULL).kind, NOTICE_NONE);
	e.cause = CAUSE_IMPORT;
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_NONE);
	e = event_of(EVENT_NOTED, SIDE_PROVIDER);
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_NONE);
}

static void every_notice_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(notice_name(NOTICE_NONE), "");
	assert_string_equal(notice_name((enum notice)99), "");
	for (int kind = NOTICE_CREATED; kind < NOTICE_COUNT; kind++)
		assert_string_not_equal(notice_name((enum notice)kind), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_level_tells_whom_its_actions_name),
	        cmocka_unit_test(words_go_to_the_other_side),
	        cmocka_unit_test(states_that_concern_the_requester_are_told),
	        cmocka_unit_test(filing_is_acknowledged_and_history_is_silent),
	        cmocka_unit_test(every_notice_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

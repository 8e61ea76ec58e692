/* Who is told what of each journal entry. */
#include "cmocka_test.h"

#include <string.h>

#include "core/change.h"
#include "core/notification.h"
#include "core/webhook_url.h"

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

static void levels_of_the_provider_s_own_clocks_stay_inside(void **state)
{
	(void)state;
	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		struct event e = event_of(EVENT_LEVEL_FIRED, SIDE_SYSTEM);
		struct notification n;

		e.clock = (int16_t)kind;
		n = notification_of(&e, false, "notify watchers, webhook");
		assert_int_equal(n.audience & (TELL_WATCHERS | TELL_WEBHOOK),
		        TELL_WATCHERS | TELL_WEBHOOK);
		assert_int_equal((n.audience & TELL_INSIDE) != 0,
		        kind == CLOCK_OPERATIONAL || kind == CLOCK_SUPPLIER);
	}
}

static void words_go_to_the_other_side(void **state)
{
	struct event e = event_of(EVENT_REPLIED, SIDE_PROVIDER);

	(void)state;
	e.is_public = true;
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_REPLIED);
	assert_int_equal(
	        notification_of(&e, false, NULL).audience, TELL_REQUESTER | TELL_WATCHERS);
	e.side = SIDE_CUSTOMER;
	assert_int_equal(notification_of(&e, false, NULL).kind, NOTICE_ANSWERED);
	assert_int_equal(
	        notification_of(&e, false, NULL).audience, TELL_ASSIGNEE | TELL_WATCHERS);
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

static void a_promise_and_a_question_are_told(void **state)
{
	static const struct {
		enum event_kind kind;
		enum notice notice;
		unsigned audience;
	} CASES[] = {
	        {EVENT_PROMISED, NOTICE_PROMISED, TELL_REQUESTER | TELL_WATCHERS},
	        {EVENT_PROMISE_WARNED, NOTICE_PROMISE_WARNED,
	                TELL_ASSIGNEE | TELL_ACTOR | TELL_INSIDE},
	        {EVENT_PROMISE_BROKEN, NOTICE_PROMISE_BROKEN,
	                TELL_ASSIGNEE | TELL_LEAD | TELL_ACTOR | TELL_INSIDE},
	        {EVENT_ASKED, NOTICE_ASKED, TELL_ASSIGNEE | TELL_WATCHERS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct event e = event_of(CASES[i].kind, SIDE_CUSTOMER);

		assert_int_equal(notification_of(&e, false, NULL).kind, CASES[i].notice);
		assert_int_equal(notification_of(&e, false, NULL).audience, CASES[i].audience);
		assert_int_equal(notification_of(&e, true, NULL).kind, NOTICE_NONE);
		assert_int_equal(notice_find(notice_name(CASES[i].notice)), CASES[i].notice);
	}
	assert_int_equal(notice_find("news"), NOTICE_NONE);
	assert_int_equal(notice_find(""), NOTICE_NONE);
}

static void a_merge_is_told_on_the_younger_ticket(void **state)
{
	static const struct {
		enum event_kind kind;
		enum event_cause cause;
		enum notice notice;
	} CASES[] = {
	        {EVENT_MERGED, CAUSE_MERGED, NOTICE_MERGED},
	        {EVENT_MERGED, CAUSE_NONE, NOTICE_NONE},
	        {EVENT_UNMERGED, CAUSE_UNMERGED, NOTICE_UNMERGED},
	        {EVENT_UNMERGED, CAUSE_NONE, NOTICE_NONE},
	        {EVENT_STATE_CHANGED, CAUSE_MERGED, NOTICE_NONE},
	        {EVENT_STATE_CHANGED, CAUSE_UNMERGED, NOTICE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct event e = event_of(CASES[i].kind, SIDE_PROVIDER);
		struct notification n;

		e.cause = CASES[i].cause;
		if (e.kind == EVENT_STATE_CHANGED)
			e.state = TICKET_CANCELLED;
		n = notification_of(&e, false, NULL);
		assert_int_equal(n.kind, CASES[i].notice);
		assert_int_equal(
		        n.audience, n.kind == NOTICE_NONE ? 0 : TELL_REQUESTER | TELL_WATCHERS);
	}
}

static void levels_at_due_and_after_are_breaches(void **state)
{
	static const struct {
		const char *at;
		bool breach;
	} CASES[] = {{NULL, false}, {"50%", false}, {"100%", true}, {"150%", true},
	        {"-30m", false}, {"+2h", true}, {"+0m", true}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_int_equal(notification_is_breach(CASES[i].at), CASES[i].breach);
	assert_int_equal(
	        notification_actions("webhook, notify lead"), TELL_WEBHOOK | TELL_LEAD);
}

static void webhooks_may_not_lead_inside(void **state)
{
	static const struct {
		const char *url;
		const char *wrong; /* part of what is said; NULL: good */
		bool allowed;      /* where private ones are */
	} CASES[] = {
	        {"https://example.org/in?x=1", NULL, true},
	        {"http://example.org:8080", NULL, true},
	        {"https://93.184.216.34/", NULL, true},
	        {"https://[2606:2800:220:1::1]:443/x", NULL, true},
	        {"ftp://example.org/", "begin with", false},
	        {"file:///etc/passwd", "begin with", false},
	        {"", "begin with", false},
	        {"https://", "no host", false},
	        {"https:///x", "no host", false},
	        {"https://a b/", "characters", false},
	        {"https://a.example/#f", "characters", false},
	        {"https://a@b.example/", "user", false},
	        {"https://a.example:0/", "port", false},
	        {"https://a.example:99999/", "port", false},
	        {"https://a.example:1x/", "no host", false},
	        {"https://[::1/", "no host", false},
	        {"https://[zz]/", "IPv6", false},
	        {"https://a_b.example/", "no host", false},
	        {"http://localhost/x", "loopback", true},
	        {"http://LOCALHOST./x", "loopback", true},
	        {"http://db.internal/", "private", true},
	        {"http://printer.local/", "private", true},
	        {"http://x.localhost/", "private", true},
	        {"http://127.0.0.1:9/", "loopback", true},
	        {"http://10.1.2.3/", "private", true},
	        {"http://169.254.169.254/latest/meta-data/", "private", true},
	        {"http://[::1]/", "loopback", true},
	        {"http://[::ffff:10.0.0.1]/", "private", true},
	        {"http://[fe80::1]/", "private", true},
	        {"http://127.1/", "number", false},
	        {"http://2130706433/", "number", false},
	        {"http://0x7f000001/", "number", false},
	        {"http://0177.0.0.1/", "number", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		const char *wrong = webhook_url_check(CASES[i].url, false);

		if (CASES[i].wrong == NULL && wrong != NULL)
			fail_msg("%s: %s", CASES[i].url, wrong);
		if (CASES[i].wrong != NULL &&
		        (wrong == NULL || strstr(wrong, CASES[i].wrong) == NULL))
			fail_msg("%s: %s, not %s", CASES[i].url, wrong, CASES[i].wrong);
		assert_int_equal(
		        webhook_url_check(CASES[i].url, true) == NULL, CASES[i].allowed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_promise_and_a_question_are_told),
	        cmocka_unit_test(a_merge_is_told_on_the_younger_ticket),
	        cmocka_unit_test(levels_at_due_and_after_are_breaches),
	        cmocka_unit_test(webhooks_may_not_lead_inside),
	        cmocka_unit_test(a_level_tells_whom_its_actions_name),
	        cmocka_unit_test(levels_of_the_provider_s_own_clocks_stay_inside),
	        cmocka_unit_test(words_go_to_the_other_side),
	        cmocka_unit_test(states_that_concern_the_requester_are_told),
	        cmocka_unit_test(filing_is_acknowledged_and_history_is_silent),
	        cmocka_unit_test(every_notice_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

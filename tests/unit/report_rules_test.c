/* What each report of an agent does to which ticket, and the words that come of it. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "desk/report.h"
#include "world.h"

enum { OK = 1, WARNING = 2, CRITICAL = 3 };

struct site {
	struct world *world;
	struct arena *arena;
	struct report_batch batch;
	struct report reports[8];
	struct report_check checks[16];
	struct change changes[16];
	int64_t numbers; /* how many are left */
	struct otk_error err;
};

static int64_t next_number(void *context)
{
	struct site *site = context;

	return site->numbers > 0 ? 1000 + site->numbers-- : 0;
}

static int site_begin_with(void **state, size_t budget)
{
	struct site *site = calloc(1, sizeof *site);

	if (site == NULL)
		return -1;
	site->world = world_new();
	site->arena = arena_new(budget);
	site->numbers = 100;
	site->batch = (struct report_batch){.arena = site->arena,
	        .ref = &site->world->ref,
	        .customer_id = WORLD_ACME,
	        .agent_id = AGENT_ACME,
	        .site_id = SITE_ACME,
	        .team_id = TEAM_NET,
	        .now = at(MONDAY_10),
	        .reports = site->reports,
	        .checks = site->checks,
	        .changes = site->changes,
	        .number = next_number,
	        .number_context = site};
	*state = site;
	return 0;
}

static int site_begin(void **state)
{
	return site_begin_with(state, 1 << 20);
}

static int site_end(void **state)
{
	struct site *site = *state;

	arena_free(site->arena);
	world_free(site->world);
	free(site);
	return 0;
}

static struct report blank(enum report_kind kind)
{
	return (struct report){.kind = kind,
	        .occurred_at = at(MONDAY_10),
	        .boot_id = "",
	        .host = "",
	        .check = "",
	        .output = "",
	        .title = "",
	        .text = "",
	        .service = "",
	        .category = "",
	        .requester = ""};
}

static struct report checked(int state, int64_t counter)
{
	struct report report = blank(REPORT_CHECK);

	report.host = "web1";
	report.check = "http";
	report.state = state;
	report.counter = counter;
	report.output = "HTTP CRITICAL - no answer";
	return report;
}

static struct report said(const char *title)
{
	struct report report = blank(REPORT_PERSON);

	report.title = title;
	return report;
}

/* Decides one batch; what the changes brought stays loaded for the next. */
static void decide(struct site *site, const struct report *reports, size_t count)
{
	memcpy(site->reports, reports, count * sizeof *reports);
	site->batch.count = count;
	if (report_decide(&site->batch, &site->err) != 0)
		fail_msg("%s", site->err.message);
}

static enum report_outcome outcome(struct site *site, struct report report)
{
	decide(site, &report, 1);
	return site->reports[0].outcome;
}

/* As if saved and loaded again. */
static void forget_events(struct site *site)
{
	for (size_t i = 0; i < site->batch.change_count; i++) {
		site->changes[i].event_count = 0;
		site->changes[i].loaded_version = site->changes[i].ticket.version;
	}
}

static void a_batch_files_moves_and_recovers_one_ticket(void **state)
{
	struct site *site = *state;
	struct report reports[] = {checked(OK, 1), checked(CRITICAL, 2), checked(WARNING, 3),
	        checked(WARNING, 4), checked(CRITICAL, 3), checked(OK, 5),
	        checked(CRITICAL, 6)};
	static const enum report_outcome wanted[] = {REPORT_STORED, REPORT_FILED, REPORT_NOTED,
	        REPORT_STORED, REPORT_STORED, REPORT_RESOLVED, REPORT_REOPENED};

	decide(site, reports, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(site->reports[i].outcome, wanted[i]);
	assert_int_equal(site->batch.change_count, 1);
	assert_int_equal(site->batch.check_count, 1);
	assert_int_equal(site->checks[0].counter, 6);
	assert_int_equal(site->checks[0].state, CRITICAL);
	assert_int_equal(site->checks[0].ticket_id, site->changes[0].ticket.ticket_id);
	assert_false(site->checks[0].stored);
	assert_true(site->changes[0].ticket.machine_filed);
	assert_int_equal(site->changes[0].ticket.site_id, SITE_ACME);
	assert_int_equal(site->changes[0].ticket.team_id, TEAM_NET);
	assert_string_equal(
	        site->changes[0].ticket.title, "web1: http: HTTP CRITICAL - no answer");
	assert_string_equal(site->changes[0].events[0].text,
	        "http on web1 is CRITICAL.\nHTTP CRITICAL - no answer");
}

static void past_the_window_a_new_one_is_filed_and_the_old_one_left_to_time(void **state)
{
	struct site *site = *state;
	struct report reports[] = {checked(CRITICAL, 1), checked(OK, 2)};

	decide(site, reports, 2);
	forget_events(site);
	site->batch.now += 30 * DAY; /* auto-close is owed, too */
	assert_int_equal(outcome(site, checked(CRITICAL, 3)), REPORT_FILED);
	assert_int_equal(site->batch.change_count, 2);
	assert_int_equal(site->changes[0].event_count, 0);
	assert_int_equal(site->checks[0].ticket_id, site->changes[1].ticket.ticket_id);
}

static void an_older_clock_of_another_host_does_not_go_back(void **state)
{
	struct site *site = *state;

	assert_int_equal(outcome(site, checked(CRITICAL, 1)), REPORT_FILED);
	forget_events(site);
	site->batch.now -= MINUTE;
	assert_int_equal(outcome(site, checked(WARNING, 2)), REPORT_NOTED);
	assert_int_equal(site->changes[0].ticket.updated_at, at(MONDAY_10));
}

static void what_cannot_be_right_is_refused_for_ever(void **state)
{
	struct site *site = *state;
	char title[TITLE_MAX + 2];
	struct report wrong[] = {said(" \t"), said("level"), said(title), said("type"),
	        checked(0, 1), checked(5, 1), checked(OK, 0), blank((enum report_kind)9)};

	memset(title, 'x', sizeof title);
	title[sizeof title - 1] = '\0';
	wrong[1].urgency = 4;
	wrong[3].type = 7;
	decide(site, wrong, 8);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(site->reports[i].outcome, REPORT_REFUSED);
		assert_non_null(site->reports[i].reason);
		assert_int_equal(site->reports[i].ticket_id, 0);
	}
	assert_string_equal(site->reports[1].kept, "level\n");
	assert_int_equal(site->batch.change_count, 0);
	wrong[0] = checked(CRITICAL, 1);
	wrong[0].host = "";
	wrong[1] = checked(CRITICAL, 1);
	wrong[1].check = title;
	wrong[2] = checked(CRITICAL, 1);
	wrong[2].category = title; /* more than a category may have */
	decide(site, wrong, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(site->reports[i].outcome, REPORT_REFUSED);
	assert_int_equal(site->checks[0].counter, 0);
}

static void a_persons_words_name_whom_the_desk_does_not_know(void **state)
{
	struct site *site = *state;
	struct report reports[] = {said("No light"), said("No heat"), said("No water")};

	reports[0].text = "In room 4\x01";
	reports[0].requester = "anna";
	reports[0].service = "mail";
	reports[1].requester = "vera"; /* the provider's */
	reports[1].service = "tea";
	reports[1].type = TICKET_SERVICE_REQUEST;
	reports[2].occurred_at -= 90 * MINUTE;
	decide(site, reports, 3);
	assert_int_equal(site->changes[0].ticket.requester_id, PERSON_ANNA);
	assert_int_equal(site->changes[0].ticket.service_id, SERVICE_MAIL);
	assert_string_equal(site->changes[0].events[0].text, "In room 4 ");
	assert_false(site->changes[0].ticket.machine_filed);
	assert_int_equal(site->changes[1].ticket.requester_id, 0);
	assert_int_equal(site->changes[1].ticket.type, TICKET_SERVICE_REQUEST);
	assert_string_equal(
	        site->changes[1].events[0].text, "\nReported by: vera\nService: tea");
	assert_string_equal(site->changes[2].events[0].text,
	        "\n(Happened 2026-03-02T05:30:00Z by the clock on site; received 1 h 30 min "
	        "later.)");
	assert_int_equal(site->changes[2].ticket.created_at, at(MONDAY_10));
	assert_string_equal(site->reports[0].kept, "No light");
}

static void what_the_agent_says_of_itself_is_kept(void **state)
{
	struct site *site = *state;
	struct report reports[] = {blank(REPORT_REFUSAL), blank(REPORT_STARTED)};

	reports[0].refused = 3;
	reports[0].refused_from = reports[0].refused_to = at(MONDAY_10);
	reports[0].text = "full";
	reports[1].text = "otklik-agent/1";
	decide(site, reports, 2);
	assert_int_equal(site->reports[0].outcome, REPORT_STORED);
	assert_string_equal(site->reports[0].kept,
	        "refused 3 from 2026-03-02T07:00:00Z to 2026-03-02T07:00:00Z: full");
	assert_string_equal(site->reports[1].kept, "otklik-agent/1");
	assert_int_equal(site->batch.change_count, 0);
}

static void titles_are_one_line_and_bounded(void **state)
{
	struct site *site = *state;
	struct report report = checked(CRITICAL, 1);
	char output[1000];
	const char *title;

	report.output = "first\tline\nsecond";
	assert_string_equal(report_title(site->arena, &report), "web1: http: first line");
	report.output = "";
	assert_string_equal(report_title(site->arena, &report), "web1: http is CRITICAL");
	for (size_t i = 0; i + 2 < sizeof output; i += 2)
		memcpy(output + i, "ж", 3);
	report.output = output;
	title = report_title(site->arena, &report);
	assert_int_equal(strlen(title), 12 + (TITLE_MAX - 13) * 2 + strlen("…"));
	report.age_us = 2 * HOUR;
	report.flapping = true;
	assert_non_null(strstr(report_check_text(site->arena, &report, at(MONDAY_10)),
	        "CRITICAL (flapping).\n"));
	assert_non_null(strstr(
	        report_check_text(site->arena, &report, at(MONDAY_10)), "received 2 h 0 min"));
	assert_string_equal(check_state_name(99), "unspecified");
}

static void without_numbers_or_memory_nothing_is_decided(void **state)
{
	struct site *site = *state;
	struct report reports[] = {said("one"), checked(CRITICAL, 1)};

	site->numbers = 0;
	memcpy(site->reports, reports, sizeof reports);
	site->batch.count = 1;
	assert_int_equal(report_decide(&site->batch, &site->err), -OTK_UNAVAILABLE);
	assert_string_equal(site->err.reason, "NO_NUMBER");
	/* Whatever runs out, and wherever: it is told, and nothing is read past its end. */
	for (size_t budget = 0; budget < 8192; budget += 64) {
		void *other;
		struct site *small;
		int rc;

		assert_int_equal(site_begin_with(&other, budget), 0);
		small = other;
		memcpy(small->reports, reports, sizeof reports);
		small->batch.count = 2;
		rc = report_decide(&small->batch, &small->err);
		assert_true(rc == 0 || rc == -OTK_RESOURCE_EXHAUSTED);
		(void)site_end(&other);
	}
}

/* Backlogs ------------------------------------------------------------------------------- */

/* Tests keep a report as it is: what the server packs comes back by this. */
static bool unpack(struct arena *arena, const void *packed, size_t size, struct report *out)
{
	(void)arena;
	if (size != sizeof *out)
		return false;
	memcpy(out, packed, size);
	out->packed = NULL;
	return true;
}

/* The next report of the queue: `backlog` reports stand before its head. */
static struct report queued(struct site *site, int64_t seq, int state)
{
	struct report report = checked(state, seq);

	report.seq = seq;
	report.output = state == OK ? "fine" : state == WARNING ? "slow" : "gone";
	site->batch.unpack = unpack;
	report.packed = arena_memdup(site->arena, &report, sizeof report);
	report.packed_size = sizeof report;
	return report;
}

static void settle(struct site *site)
{
	site->reports[0] = checked(OK, 1);
	site->batch.count = 1;
	assert_int_equal(report_settle(&site->batch, &site->err), 0);
	assert_false(site->checks[0].wait.waits);
	assert_true(site->checks[0].wait.moved);
}

/* States in a backlog, and what they must come to. */
static void of_a_backlog_records_come_of_what_passed_and_the_last_state_acts(void **state)
{
	static const struct {
		int before; /* state of the check when the agent went away, 0: never seen */
		int states[6];
		size_t records;
		bool filed; /* by the last state */
	} CASES[] = {
	        {0, {OK}, 0, false},
	        {0, {CRITICAL}, 0, true},
	        {0, {CRITICAL, OK}, 1, false},
	        {OK, {CRITICAL, OK}, 1, false},
	        {OK, {WARNING, CRITICAL, OK}, 1, false},
	        {OK, {CRITICAL, OK, CRITICAL, OK}, 2, false},
	        {OK, {CRITICAL, OK, WARNING}, 1, true},
	        {OK, {CRITICAL, WARNING, CRITICAL}, 0, true},
	        {OK, {OK, OK}, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		void *other = NULL;
		struct site *site;
		size_t records = 0;
		int64_t seq = 0;

		assert_int_equal(site_begin(&other), 0);
		site = other;
		if (CASES[i].before != 0)
			(void)outcome(site, checked(CASES[i].before, ++seq));
		site->batch.head = 100;
		for (size_t k = 0; k < 6 && CASES[i].states[k] != 0; k++)
			records += outcome(site, queued(site, ++seq, CASES[i].states[k])) ==
			           REPORT_RESOLVED;
		assert_int_equal(records, CASES[i].records);
		assert_int_equal(site->batch.change_count, records);
		for (size_t k = 0; k < records; k++) {
			const struct change *c = &site->changes[k];

			assert_int_equal(c->ticket.state, TICKET_CLOSED);
			assert_true(c->ticket.self_recovered && c->ticket.machine_filed);
			assert_int_equal(c->ticket.auto_close_at, 0);
			for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++)
				assert_int_equal(c->clocks[kind].state, CLOCK_NONE);
			assert_int_equal(c->event_count, 4);
			assert_int_equal(change_next_timer(c), 0);
		}
		settle(site);
		assert_int_equal(site->batch.change_count, records + CASES[i].filed);
		assert_int_equal(site->checks[0].counter, seq);
		assert_int_equal(site->checks[0].wait.last_seq, seq);
		assert_int_equal(site->checks[0].wait.outcome,
		        CASES[i].filed ? REPORT_FILED : REPORT_STORED);
		if (CASES[i].filed) {
			const struct change *c = &site->changes[records];

			assert_int_equal(c->ticket.state, TICKET_NEW);
			assert_int_equal(c->clocks[CLOCK_RESPONSE].started_at, at(MONDAY_10));
			assert_int_equal(site->checks[0].ticket_id, c->ticket.ticket_id);
			assert_int_equal(site->checks[0].wait.ticket_id, c->ticket.ticket_id);
		}
		(void)site_end(&other);
	}
}

static void an_incident_from_before_the_backlog_meets_the_last_state_only(void **state)
{
	struct site *site = *state;

	assert_int_equal(outcome(site, checked(CRITICAL, 1)), REPORT_FILED);
	forget_events(site);
	site->batch.head = 100;
	assert_int_equal(outcome(site, queued(site, 2, OK)), REPORT_STORED);
	assert_int_equal(outcome(site, queued(site, 3, CRITICAL)), REPORT_STORED);
	assert_int_equal(outcome(site, queued(site, 4, OK)), REPORT_RESOLVED);
	assert_int_equal(site->batch.change_count, 2);
	assert_int_equal(site->changes[0].event_count, 0);
	assert_string_equal(site->changes[1].ticket.title, "web1: http: gone");
	assert_int_equal(outcome(site, queued(site, 5, WARNING)), REPORT_STORED);
	settle(site);
	/* It is bad as it was, in another state: noted. */
	assert_int_equal(site->batch.change_count, 2);
	assert_int_equal(site->changes[0].ticket.state, TICKET_NEW);
	assert_int_equal(site->changes[0].event_count, 1);
	assert_int_equal(site->checks[0].state, WARNING);
	assert_int_equal(site->checks[0].wait.last_seq, 5);
	assert_int_equal(site->checks[0].wait.outcome, REPORT_NOTED);
	assert_int_equal(site->checks[0].wait.ticket_id, site->changes[0].ticket.ticket_id);
	/* And live again. */
	assert_int_equal(outcome(site, queued(site, 101, OK)), REPORT_RESOLVED);
	assert_int_equal(site->changes[0].ticket.state, TICKET_RESOLVED);
}

static void older_reports_and_unreadable_ones_change_nothing(void **state)
{
	struct site *site = *state;
	struct report old = queued(site, 3, CRITICAL);

	assert_int_equal(outcome(site, checked(OK, 5)), REPORT_STORED);
	site->batch.head = 100;
	assert_int_equal(outcome(site, old), REPORT_STORED);
	assert_false(site->checks[0].wait.waits);
	assert_int_equal(outcome(site, queued(site, 8, CRITICAL)), REPORT_STORED);
	old.counter = 7;
	old.state = OK;
	assert_int_equal(outcome(site, old), REPORT_STORED);
	assert_int_equal(site->checks[0].wait.counter, 8);
	site->checks[0].wait.began_size = 1;
	assert_int_equal(outcome(site, queued(site, 9, OK)), REPORT_STORED);
	site->checks[0].wait.last_size = 1;
	settle(site);
	assert_int_equal(site->batch.change_count, 0);
	assert_int_equal(site->checks[0].counter, 5);
	assert_int_equal(site->checks[0].wait.outcome, 0);
}

int main(void)
{
#define SITE(test) cmocka_unit_test_setup_teardown(test, site_begin, site_end)
	const struct CMUnitTest tests[] = {
	        SITE(a_batch_files_moves_and_recovers_one_ticket),
	        SITE(past_the_window_a_new_one_is_filed_and_the_old_one_left_to_time),
	        SITE(an_older_clock_of_another_host_does_not_go_back),
	        SITE(what_cannot_be_right_is_refused_for_ever),
	        SITE(a_persons_words_name_whom_the_desk_does_not_know),
	        SITE(what_the_agent_says_of_itself_is_kept),
	        SITE(titles_are_one_line_and_bounded),
	        SITE(without_numbers_or_memory_nothing_is_decided),
	        cmocka_unit_test(
	                of_a_backlog_records_come_of_what_passed_and_the_last_state_acts),
	        SITE(an_incident_from_before_the_backlog_meets_the_last_state_only),
	        SITE(older_reports_and_unreadable_ones_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

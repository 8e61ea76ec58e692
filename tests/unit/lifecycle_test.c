/* The commands: which is allowed when, to whom, and what it journals. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "world.h"

#define TUESDAY_10 "2026-03-03T10:00:00+03:00"

static void do_or_fail(struct life *life, const char *when, struct command cmd)
{
	if (life_apply(life, when, cmd) != 0)
		fail_msg("%s", life->err.message);
}

/* Brings a fresh ticket into a state, by ten past ten. */
static void bring_into(struct life *life, enum ticket_state state)
{
	const char *when = "2026-03-02T10:10:00+03:00";

	assert_int_equal(life_file(life), 0);
	switch (state) {
	case TICKET_ASSIGNED:
		do_or_fail(life, when,
		        (struct command){
		                .verb = VERB_ASSIGN, .actor = GLEB, .team_id = TEAM_NET});
		break;
	case TICKET_IN_PROGRESS:
		do_or_fail(life, when, (struct command){.verb = VERB_TAKE, .actor = VERA});
		break;
	case TICKET_PENDING:
		do_or_fail(life, when,
		        (struct command){
		                .verb = VERB_PEND, .actor = VERA, .pend = PENDING_SUPPLIER});
		break;
	case TICKET_RESOLVED:
	case TICKET_CLOSED:
		do_or_fail(life, when,
		        (struct command){
		                .verb = VERB_RESOLVE, .actor = VERA, .text = "put out"});
		if (state == TICKET_CLOSED)
			do_or_fail(life, when,
			        (struct command){.verb = VERB_CLOSE, .actor = ANNA});
		break;
	case TICKET_CANCELLED:
		do_or_fail(life, when, (struct command){.verb = VERB_CANCEL, .actor = ANNA});
		break;
	default:
		break;
	}
	assert_int_equal(life->c.ticket.state, state);
}

static void a_new_ticket_has_its_clocks_and_its_priority(void **state)
{
	struct life *life = *state;

	assert_int_equal(life_file(life), 0);
	assert_int_equal(life->c.ticket.priority, 3);
	assert_int_equal(life->c.ticket.state, TICKET_NEW);
	assert_int_equal(
	        life->c.clocks[CLOCK_RESPONSE].due_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(
	        life->c.clocks[CLOCK_RESOLUTION].due_at, at("2026-03-04T10:00:00+03:00"));
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].target_us, 18 * HOUR);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_NONE);
	assert_int_equal(life->c.ticket.version, 3);
	assert_string_equal(life->c.ticket.zone, "Europe/Moscow");
	assert_string_equal(life->c.events[0].text, "smoke everywhere");
	assert_false(life->c.ticket.no_sla);
}

static void without_a_contract_a_ticket_is_accepted_without_clocks(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	in.customer_id = WORLD_DACHA;
	in.site_id = SITE_DACHA;
	in.impact = in.urgency = 0;
	assert_int_equal(lifecycle_create(&life->c, &in, &VERA, at(MONDAY_10), &life->err), 0);
	assert_true(life->c.ticket.no_sla);
	assert_int_equal(life->c.ticket.priority, 4);
	assert_int_equal(life->c.event_count, 1);
	assert_string_equal(life->c.ticket.zone, "Asia/Tomsk");
	/* Three days of wall time stand in for business days. */
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"});
	assert_int_equal(life->c.ticket.auto_close_at, at(MONDAY_10) + 3 * DAY);
	assert_int_equal(life_last(life, EVENT_REPLIED)->consumed_us, -1);
}

static void the_zone_falls_back_to_the_customer_and_then_to_utc(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	in.customer_id = WORLD_DACHA;
	in.site_id = 0;
	assert_int_equal(lifecycle_create(&life->c, &in, &VERA, at(MONDAY_10), &life->err), 0);
	assert_string_equal(life->c.ticket.zone, "Asia/Omsk");
	change_init(&life->c, life->arena, &life->world->ref);
	in.customer_id = 999;
	assert_int_equal(lifecycle_create(&life->c, &in, &VERA, at(MONDAY_10), &life->err), 0);
	assert_string_equal(life->c.ticket.zone, "UTC");
}

static void live_contact_is_answered_at_creation(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	in.live_contact = true;
	assert_int_equal(lifecycle_create(&life->c, &in, &VERA, at(MONDAY_10), &life->err), 0);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_MET);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_RUNNING);
	assert_int_equal(life->c.ticket.first_reply_at, at(MONDAY_10));
	assert_int_equal(life->c.events[0].cause, CAUSE_LIVE_CONTACT);
	change_init(&life->c, life->arena, &life->world->ref);
	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err),
	        -OTK_INVALID_ARGUMENT);
	assert_string_equal(life->err.violations[0].field, "live_contact");
}

static char *repeat(struct life *life, const char *what, size_t times)
{
	char *text = arena_calloc(life->arena, times * strlen(what) + 1, 1);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * strlen(what), what, strlen(what));
	return text;
}

static void every_wrong_field_of_a_new_ticket_is_named_with_its_limit(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	/* Code points count, not bytes. */
	in.title = repeat(life, "ж", TITLE_MAX);
	in.text = repeat(life, "x", TEXT_MAX);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err), 0);
	in.title = repeat(life, "ж", TITLE_MAX + 1);
	in.text = repeat(life, "x", TEXT_MAX + 1);
	in.category = repeat(life, "c", CATEGORY_MAX + 1);
	in.impact = 4;
	in.urgency = -1;
	in.type = (enum ticket_type)9;
	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err),
	        -OTK_INVALID_ARGUMENT);
	assert_int_equal(life->err.violation_count, 6);
	assert_non_null(strstr(life->err.violations[0].description, "200"));
	assert_non_null(strstr(life->err.violations[1].description, "32768"));
	in = world_incident();
	in.title = "";
	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err),
	        -OTK_INVALID_ARGUMENT);
	assert_string_equal(life->err.violations[0].field, "title");
}

/* From each state, which commands of the provider pass: rows by verb, one letter a state. */
static const struct {
	enum verb verb;
	const char *from; /* new assigned in_progress pending resolved closed cancelled */
} PASSES[] = {
        {VERB_TAKE, "yyyynnn"},
        {VERB_ASSIGN, "yyyynnn"},
        {VERB_REPLY, "yyyyynn"},
        {VERB_NOTE, "yyyyyyy"},
        {VERB_PEND, "yyyynnn"},
        {VERB_RESUME, "nnnynnn"},
        {VERB_RESOLVE, "yyyynnn"},
        {VERB_CLOSE, "nnnnynn"},
        {VERB_REOPEN, "nnnnyyn"},
        {VERB_CANCEL, "yyyynnn"},
        {VERB_CLASSIFY, "yyyyynn"},
        {VERB_PROMISE, "yyyynnn"},
};

static void commands_pass_exactly_from_the_states_of_the_table(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof PASSES / sizeof *PASSES; row++) {
		for (int from = TICKET_NEW; from < TICKET_STATE_COUNT; from++) {
			struct command cmd = {
			        .verb = PASSES[row].verb,
			        .actor = GLEB,
			        .text = "words",
			};
			void *fixture;
			struct life *life;
			int wanted = PASSES[row].from[from - 1] == 'y'
			                     ? 0
			                     : -OTK_FAILED_PRECONDITION;

			if (cmd.verb == VERB_PEND)
				cmd.pend = PENDING_CHANGE;
			if (cmd.verb == VERB_ASSIGN)
				cmd.assignee_id = PERSON_GLEB;
			if (cmd.verb == VERB_CLASSIFY)
				cmd.impact = 1;
			if (cmd.verb == VERB_PROMISE)
				cmd.promise_at = at("2026-03-02T18:00:00+03:00");
			life_begin(&fixture);
			life = fixture;
			bring_into(life, (enum ticket_state)from);
			assert_int_equal(
			        life_apply(life, "2026-03-02T11:30:00+03:00", cmd), wanted);
			if (wanted == 0) {
				int to = life->c.ticket.state;

				assert_true(to == from ||
				            (LIFECYCLE_ALLOWED[from] & 1U << to) != 0);
			} else {
				assert_string_equal(life->err.reason, "WRONG_STATE");
				assert_non_null(strstr(life->err.message,
				        ticket_state_name((enum ticket_state)from)));
			}
			life_end(&fixture);
		}
	}
}

struct refusal {
	const char *why;
	enum ticket_state state;
	struct command cmd;
	int status;
	const char *reason; /* or the field of the first violation */
};

#define BY_VERA .actor = {PERSON_VERA, SIDE_PROVIDER, false}
#define BY_ANNA .actor = {PERSON_ANNA, SIDE_CUSTOMER, false}
#define BY_BORIS .actor = {PERSON_BORIS, SIDE_CUSTOMER, false}
#define FAR INT64_C(2000000000000000)

static const struct refusal REFUSALS[] = {
        {"an unknown verb", TICKET_NEW, {.verb = (enum verb)99, BY_VERA}, OTK_INVALID_ARGUMENT,
                "UNKNOWN_VERB"},
        {"taking what one has", TICKET_IN_PROGRESS, {.verb = VERB_TAKE, BY_VERA},
                OTK_FAILED_PRECONDITION, "NOTHING_TO_DO"},
        {"a customer takes", TICKET_NEW, {.verb = VERB_TAKE, BY_ANNA}, OTK_PERMISSION_DENIED,
                "PROVIDER_ONLY"},
        {"assigning the same team", TICKET_ASSIGNED,
                {.verb = VERB_ASSIGN, BY_VERA, .team_id = TEAM_NET}, OTK_FAILED_PRECONDITION,
                "NOTHING_TO_DO"},
        {"assigning the same person", TICKET_IN_PROGRESS,
                {.verb = VERB_ASSIGN, BY_VERA, .assignee_id = PERSON_VERA},
                OTK_FAILED_PRECONDITION, "NOTHING_TO_DO"},
        {"clearing nobody", TICKET_NEW, {.verb = VERB_ASSIGN, BY_VERA, .clear_assignee = true},
                OTK_FAILED_PRECONDITION, "NOTHING_TO_DO"},
        {"assigning to nothing", TICKET_NEW, {.verb = VERB_ASSIGN, BY_VERA},
                OTK_INVALID_ARGUMENT, "team"},
        {"giving and clearing", TICKET_NEW,
                {.verb = VERB_ASSIGN,
                        BY_VERA,
                        .assignee_id = PERSON_VERA,
                        .clear_assignee = true},
                OTK_INVALID_ARGUMENT, "assignee"},
        {"assigning to a machine", TICKET_NEW,
                {.verb = VERB_ASSIGN, BY_VERA, .assignee_id = AGENT_ACME}, OTK_INVALID_ARGUMENT,
                "assignee"},
        {"assigning to a customer", TICKET_NEW,
                {.verb = VERB_ASSIGN, BY_VERA, .assignee_id = PERSON_ANNA},
                OTK_INVALID_ARGUMENT, "assignee"},
        {"assigning to one who left", TICKET_NEW,
                {.verb = VERB_ASSIGN, BY_VERA, .assignee_id = PERSON_DASHA},
                OTK_INVALID_ARGUMENT, "assignee"},
        {"an unknown team", TICKET_NEW, {.verb = VERB_ASSIGN, BY_VERA, .team_id = 999},
                OTK_INVALID_ARGUMENT, "team"},
        {"a retired team", TICKET_NEW, {.verb = VERB_ASSIGN, BY_VERA, .team_id = TEAM_RETIRED},
                OTK_INVALID_ARGUMENT, "team"},
        {"an empty reply", TICKET_NEW, {.verb = VERB_REPLY, BY_ANNA}, OTK_INVALID_ARGUMENT,
                "text"},
        {"a customer pends", TICKET_NEW,
                {.verb = VERB_REPLY, BY_ANNA, .text = "x", .pend = PENDING_SUPPLIER},
                OTK_INVALID_ARGUMENT, "pend"},
        {"until without a reason", TICKET_NEW,
                {.verb = VERB_REPLY, BY_VERA, .text = "x", .until = FAR}, OTK_INVALID_ARGUMENT,
                "until"},
        {"pending for no reason", TICKET_NEW, {.verb = VERB_PEND, BY_VERA},
                OTK_INVALID_ARGUMENT, "reason"},
        {"a question without words", TICKET_NEW,
                {.verb = VERB_PEND, BY_VERA, .pend = PENDING_CUSTOMER}, OTK_INVALID_ARGUMENT,
                "text"},
        {"scheduled without until", TICKET_NEW,
                {.verb = VERB_PEND, BY_VERA, .pend = PENDING_SCHEDULED}, OTK_INVALID_ARGUMENT,
                "until"},
        {"until in the past", TICKET_NEW,
                {.verb = VERB_PEND, BY_VERA, .pend = PENDING_SCHEDULED, .until = 1},
                OTK_INVALID_ARGUMENT, "until"},
        {"until in two years", TICKET_NEW,
                {.verb = VERB_PEND, BY_VERA, .pend = PENDING_SCHEDULED, .until = FAR},
                OTK_INVALID_ARGUMENT, "until"},
        {"until with another reason", TICKET_NEW,
                {.verb = VERB_PEND, BY_VERA, .pend = PENDING_SUPPLIER, .until = FAR},
                OTK_INVALID_ARGUMENT, "until"},
        {"pending as it is", TICKET_PENDING,
                {.verb = VERB_PEND, BY_VERA, .pend = PENDING_SUPPLIER}, OTK_FAILED_PRECONDITION,
                "NOTHING_TO_DO"},
        {"pending a resolved one by reply", TICKET_RESOLVED,
                {.verb = VERB_REPLY, BY_VERA, .text = "x", .pend = PENDING_SUPPLIER},
                OTK_FAILED_PRECONDITION, "WRONG_STATE"},
        {"a resolve without words", TICKET_NEW, {.verb = VERB_RESOLVE, BY_VERA},
                OTK_INVALID_ARGUMENT, "text"},
        {"a colleague confirms", TICKET_RESOLVED, {.verb = VERB_CLOSE, BY_BORIS},
                OTK_PERMISSION_DENIED, "REQUESTER_ONLY"},
        {"a colleague cancels", TICKET_NEW, {.verb = VERB_CANCEL, BY_BORIS},
                OTK_PERMISSION_DENIED, "REQUESTER_ONLY"},
        {"cancelling begun work", TICKET_IN_PROGRESS, {.verb = VERB_CANCEL, BY_ANNA},
                OTK_FAILED_PRECONDITION, "WRONG_STATE"},
        {"a reply to a cancelled one", TICKET_CANCELLED,
                {.verb = VERB_REPLY, BY_ANNA, .text = "x"}, OTK_FAILED_PRECONDITION,
                "WRONG_STATE"},
        {"classifying nothing", TICKET_NEW, {.verb = VERB_CLASSIFY, BY_VERA},
                OTK_FAILED_PRECONDITION, "NOTHING_TO_DO"},
        {"classifying the same", TICKET_NEW,
                {.verb = VERB_CLASSIFY,
                        BY_VERA,
                        .impact = 2,
                        .category = "hardware",
                        .title = "the printer is on fire"},
                OTK_FAILED_PRECONDITION, "NOTHING_TO_DO"},
        {"an override without a reason", TICKET_NEW,
                {.verb = VERB_CLASSIFY, BY_VERA, .priority = 1}, OTK_INVALID_ARGUMENT, "text"},
        {"a sixth priority", TICKET_NEW,
                {.verb = VERB_CLASSIFY, BY_VERA, .priority = 6, .text = "x"},
                OTK_INVALID_ARGUMENT, "priority"},
        {"a third type", TICKET_NEW, {.verb = VERB_CLASSIFY, BY_VERA, .type = 3},
                OTK_INVALID_ARGUMENT, "type"},
        {"a foreign site", TICKET_NEW, {.verb = VERB_CLASSIFY, BY_VERA, .site_id = SITE_DACHA},
                OTK_INVALID_ARGUMENT, "site"},
        {"a foreign service", TICKET_NEW,
                {.verb = VERB_CLASSIFY, BY_VERA, .service_id = SERVICE_OTHER},
                OTK_INVALID_ARGUMENT, "service"},
};

static void what_is_refused_is_told_by_reason_or_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++) {
		const struct refusal *refusal = &REFUSALS[i];
		void *fixture;
		struct life *life;
		const char *told;

		life_begin(&fixture);
		life = fixture;
		bring_into(life, refusal->state);
		if (life_apply(life, "2026-03-02T10:20:00+03:00", refusal->cmd) !=
		        -refusal->status)
			fail_msg("%s: %s", refusal->why, life->err.message);
		told = life->err.violation_count > 0 ? life->err.violations[0].field
		                                     : life->err.reason;
		if (strcmp(told, refusal->reason) != 0)
			fail_msg("%s: told %s (%s)", refusal->why, told, life->err.message);
		life_end(&fixture);
	}
}

static void take_acknowledges_assigns_and_begins(void **state)
{
	struct life *life = *state;

	bring_into(life, TICKET_IN_PROGRESS);
	assert_int_equal(life->c.ticket.assignee_id, PERSON_VERA);
	assert_int_equal(life->c.ticket.team_id, TEAM_NET);
	assert_int_equal(life->c.ticket.acknowledged_at, at("2026-03-02T10:10:00+03:00"));
	assert_int_equal(life_last(life, EVENT_ACKNOWLEDGED)->consumed_us, 10 * MINUTE);
	/* Taking over does not acknowledge again. */
	do_or_fail(life, TUESDAY_10, (struct command){.verb = VERB_TAKE, .actor = GLEB});
	assert_int_equal(life->c.ticket.assignee_id, PERSON_GLEB);
	assert_int_equal(life_count(life, EVENT_ACKNOWLEDGED), 1);
}

static void a_hand_off_to_another_person_goes_back_to_assigned(void **state)
{
	struct life *life = *state;

	bring_into(life, TICKET_IN_PROGRESS);
	do_or_fail(life, TUESDAY_10,
	        (struct command){.verb = VERB_ASSIGN,
	                .actor = VERA,
	                .team_id = TEAM_OFFICE,
	                .text = "yours"});
	assert_int_equal(life->c.ticket.state, TICKET_IN_PROGRESS);
	assert_false(life_last(life, EVENT_ASSIGNED)->is_public);
	do_or_fail(life, TUESDAY_10,
	        (struct command){
	                .verb = VERB_ASSIGN, .actor = VERA, .assignee_id = PERSON_GLEB});
	assert_int_equal(life->c.ticket.state, TICKET_ASSIGNED);
	assert_true(life_last(life, EVENT_ASSIGNED)->is_public);
	assert_int_equal(life->c.ticket.team_id, TEAM_OFFICE);
}

static void a_ticket_that_nobody_has_is_new_again(void **state)
{
	struct life *life = *state;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, TUESDAY_10,
	        (struct command){
	                .verb = VERB_ASSIGN, .actor = VERA, .assignee_id = PERSON_GLEB});
	assert_int_equal(life->c.ticket.state, TICKET_ASSIGNED);
	do_or_fail(life, TUESDAY_10,
	        (struct command){.verb = VERB_ASSIGN, .actor = VERA, .clear_assignee = true});
	assert_int_equal(life->c.ticket.state, TICKET_NEW);
	assert_int_equal(life->c.ticket.assignee_id, 0);
}

static void scheduled_pending_ends_by_itself_at_its_instant(void **state)
{
	struct life *life = *state;

	bring_into(life, TICKET_IN_PROGRESS);
	do_or_fail(life, "2026-03-02T10:30:00+03:00",
	        (struct command){.verb = VERB_PEND,
	                .actor = VERA,
	                .pend = PENDING_SCHEDULED,
	                .until = at(TUESDAY_10)});
	assert_int_equal(change_next_timer(&life->c), at("2026-03-02T10:48:00+03:00"));
	/* At its very instant commands come first. */
	assert_int_equal(life_tick(life, TUESDAY_10), 0);
	assert_int_equal(life->c.ticket.state, TICKET_PENDING);
	assert_int_equal(life_tick(life, "2026-03-05T10:00:00+03:00"), 0);
	assert_int_equal(life->c.ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(life_last(life, EVENT_STATE_CHANGED)->occurred_at, at(TUESDAY_10));
	assert_int_equal(life_last(life, EVENT_STATE_CHANGED)->cause, CAUSE_UNTIL_REACHED);
	assert_int_equal(life_last(life, EVENT_STATE_CHANGED)->recorded_at,
	        at("2026-03-05T10:00:00+03:00"));
}

static void another_question_while_pending_is_only_a_reply(void **state)
{
	struct life *life = *state;

	bring_into(life, TICKET_PENDING);
	do_or_fail(life, TUESDAY_10,
	        (struct command){.verb = VERB_PEND,
	                .actor = VERA,
	                .pend = PENDING_SUPPLIER,
	                .text = "still waiting for the part"});
	assert_int_equal(life_count(life, EVENT_STATE_CHANGED), 1);
	do_or_fail(life, TUESDAY_10,
	        (struct command){.verb = VERB_REPLY,
	                .actor = VERA,
	                .text = "which colour?",
	                .spoken = true,
	                .pend = PENDING_CUSTOMER});
	assert_int_equal(life->c.ticket.pending_reason, PENDING_CUSTOMER);
	assert_int_equal(life_last(life, EVENT_REPLIED)->cause, CAUSE_SPOKEN);
	do_or_fail(life, TUESDAY_10,
	        (struct command){.verb = VERB_REPLY, .actor = BORIS, .text = "black"});
	assert_int_equal(life->c.ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(life_last(life, EVENT_STATE_CHANGED)->cause, CAUSE_ANSWERED);
}

static void a_resolved_ticket_closes_after_three_business_days(void **state)
{
	struct life *life = *state;

	bring_into(life, TICKET_RESOLVED);
	assert_int_equal(life->c.ticket.auto_close_at, at("2026-03-05T10:10:00+03:00"));
	assert_int_equal(change_next_timer(&life->c), at("2026-03-05T10:10:00+03:00"));
	assert_int_equal(life_tick(life, "2026-03-09T10:00:00+03:00"), 0);
	assert_int_equal(life->c.ticket.state, TICKET_CLOSED);
	assert_int_equal(life->c.ticket.closed_at, at("2026-03-05T10:10:00+03:00"));
	assert_int_equal(life_last(life, EVENT_STATE_CHANGED)->cause, CAUSE_AUTO_CLOSE);
	assert_int_equal(change_next_timer(&life->c), 0);
}

static void a_contract_may_close_after_wall_time(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	in.customer_id = WORLD_BAR;
	in.site_id = 0;
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err), 0);
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"});
	assert_int_equal(life->c.ticket.auto_close_at, at(MONDAY_10) + 2 * DAY);
	life->world->bar->auto_close_us = 0;
	do_or_fail(life, MONDAY_10, (struct command){.verb = VERB_REOPEN, .actor = ANNA});
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"});
	assert_int_equal(life->c.ticket.auto_close_at, at(MONDAY_10) + 3 * DAY);
}

static void the_requester_confirms(void **state)
{
	struct life *life = *state;

	bring_into(life, TICKET_RESOLVED);
	do_or_fail(life, TUESDAY_10,
	        (struct command){.verb = VERB_CLOSE, .actor = ANNA, .text = "thanks"});
	assert_int_equal(life_last(life, EVENT_STATE_CHANGED)->cause, CAUSE_CONFIRMED);
	assert_string_equal(life_last(life, EVENT_REPLIED)->text, "thanks");
	assert_int_equal(
	        life_apply(life, TUESDAY_10,
	                (struct command){.verb = VERB_REPLY, .actor = ANNA, .text = "and?"}),
	        -OTK_FAILED_PRECONDITION);
	assert_non_null(strstr(life->err.message, "reopen"));
}

static void reopening_is_possible_for_ten_days_and_then_points_to_a_new_ticket(void **state)
{
	struct life *life = *state;

	bring_into(life, TICKET_CLOSED);
	do_or_fail(life, "2026-03-12T10:10:00+03:00",
	        (struct command){.verb = VERB_REOPEN, .actor = ANNA, .text = "it burns"});
	assert_int_equal(life->c.ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(life->c.ticket.reopen_count, 1);
	assert_int_equal(life->c.ticket.resolved_at, 0);
	do_or_fail(life, "2026-03-12T10:20:00+03:00",
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "again"});
	assert_int_equal(life_apply(life, "2026-03-22T10:20:00.000001+03:00",
	                         (struct command){.verb = VERB_REOPEN, .actor = VERA}),
	        -OTK_FAILED_PRECONDITION);
	assert_string_equal(life->err.reason, "REOPEN_TOO_LATE");
	assert_non_null(strstr(life->err.message, "1000"));
	life->world->acme->reopen_window_us = 0; /* not said: ten days */
	do_or_fail(life, "2026-03-22T10:20:00+03:00",
	        (struct command){.verb = VERB_REOPEN, .actor = VERA});
}

static void classifying_moves_the_priority_by_the_matrix_unless_overridden(void **state)
{
	struct life *life = *state;
	const struct ticket *t = &life->c.ticket;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_CLASSIFY,
	                .actor = VERA,
	                .priority = 1,
	                .text = "the boss's printer"});
	assert_int_equal(t->priority, 1);
	assert_true(t->priority_overridden);
	assert_false(life_last(life, EVENT_CLASSIFIED)->is_public);
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_CLASSIFY, .actor = VERA, .urgency = 3});
	assert_int_equal(t->priority, 4);
	assert_false(t->priority_overridden);
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_CLASSIFY,
	                .actor = VERA,
	                .category = "fire",
	                .subcategory = "smoke",
	                .title = "fire on the third floor",
	                .site_id = SITE_ACME,
	                .service_id = SERVICE_MAIL,
	                .type = TICKET_SERVICE_REQUEST});
	assert_string_equal(t->title, "fire on the third floor");
	assert_string_equal(t->category, "fire");
	assert_string_equal(t->subcategory, "smoke");
	assert_int_equal(t->type, TICKET_SERVICE_REQUEST);
	assert_int_equal(t->service_id, SERVICE_MAIL);
	/* The title alone. */
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_CLASSIFY, .actor = VERA, .title = "fire"});
	assert_int_equal(life_last(life, EVENT_CLASSIFIED)->cause, CAUSE_TITLE);
}

static void the_text_of_a_note_stays_inside(void **state)
{
	struct life *life = *state;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, MONDAY_10,
	        (struct command){.verb = VERB_NOTE, .actor = VERA, .text = "not again"});
	assert_false(life_last(life, EVENT_NOTED)->is_public);
	assert_string_equal(life_last(life, EVENT_NOTED)->text, "not again");
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_RUNNING);
}

/* Checks -------------------------------------------------------------------------------- */

static void file_by_check(struct life *life)
{
	struct new_ticket in = world_incident();

	in.machine_filed = true;
	in.requester_id = 0;
	error_clear(&life->err);
	assert_int_equal(
	        lifecycle_create(&life->c, &in, &ACME_AGENT, at(MONDAY_10), &life->err), 0);
	assert_true(life->c.ticket.machine_filed && life->c.ticket.check_bad);
	assert_false(life->c.ticket.human_touched);
}

static void recovery_resolves_a_ticket_that_no_human_touched(void **state)
{
	struct life *life = *state;
	enum check_effect effect;

	file_by_check(life);
	assert_int_equal(life_check(life, "2026-03-02T10:05:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_NOTHING);
	assert_int_equal(life_check(life, "2026-03-02T11:30:00+03:00", false, &effect), 0);
	assert_int_equal(effect, CHECK_RESOLVED);
	assert_true(life->c.ticket.self_recovered);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_VOID);
	assert_int_equal(
	        life->c.clocks[CLOCK_RESPONSE].breached_at, at("2026-03-02T11:00:00+03:00"));
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_VOID);
	assert_int_equal(life_check(life, "2026-03-02T11:31:00+03:00", false, &effect), 0);
	assert_int_equal(effect, CHECK_NOTHING);
	/* Failing again inside the window reopens and runs the resolution on. */
	assert_int_equal(life_check(life, "2026-03-02T12:30:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_REOPENED);
	assert_false(life->c.ticket.self_recovered);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_RUNNING);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].consumed_us, 90 * MINUTE);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_VOID);
}

static void recovery_is_noted_on_a_touched_ticket_and_closes_a_resolved_one(void **state)
{
	struct life *life = *state;
	enum check_effect effect;

	file_by_check(life);
	do_or_fail(life, "2026-03-02T10:10:00+03:00",
	        (struct command){.verb = VERB_TAKE, .actor = VERA});
	assert_int_equal(life_check(life, "2026-03-02T10:20:00+03:00", false, &effect), 0);
	assert_int_equal(effect, CHECK_NOTED);
	assert_int_equal(life->c.ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(life_check(life, "2026-03-02T10:25:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_NOTED);
	do_or_fail(life, "2026-03-02T10:30:00+03:00",
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "restarted"});
	assert_int_equal(life_check(life, "2026-03-02T10:40:00+03:00", false, &effect), 0);
	assert_int_equal(effect, CHECK_CLOSED);
	assert_int_equal(life->c.ticket.state, TICKET_CLOSED);
	assert_int_equal(life->c.ticket.recheck_at, 0);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_MET);
	/* Past the reopen window another ticket is filed. */
	assert_int_equal(life_check(life, "2026-03-13T10:40:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_FILES_NEW);
}

static void a_check_still_bad_half_an_hour_after_a_resolve_reopens(void **state)
{
	struct life *life = *state;
	enum check_effect effect;

	file_by_check(life);
	do_or_fail(life, "2026-03-02T10:10:00+03:00",
	        (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "surely fine"});
	assert_int_equal(change_next_timer(&life->c), at("2026-03-02T10:40:00+03:00"));
	assert_int_equal(life_check(life, "2026-03-02T10:40:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_NOTHING);
	assert_int_equal(life_tick(life, "2026-03-02T12:00:00+03:00"), 0);
	assert_int_equal(life->c.ticket.state, TICKET_IN_PROGRESS);
	assert_int_equal(life_last(life, EVENT_STATE_CHANGED)->cause, CAUSE_STILL_BAD);
	assert_int_equal(
	        life->c.clocks[CLOCK_RESOLUTION].anchor_at, at("2026-03-02T10:40:00+03:00"));
}

static void a_check_leaves_a_cancelled_ticket_alone(void **state)
{
	struct life *life = *state;
	enum check_effect effect;

	file_by_check(life);
	do_or_fail(life, "2026-03-02T10:10:00+03:00",
	        (struct command){
	                .verb = VERB_CANCEL, .actor = VERA, .text = "a test of the alarm"});
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_MET);
	assert_int_equal(life->c.clocks[CLOCK_RESOLUTION].state, CLOCK_VOID);
	assert_int_equal(life_check(life, "2026-03-02T10:20:00+03:00", false, &effect), 0);
	assert_int_equal(effect, CHECK_NOTHING);
	assert_int_equal(life_check(life, "2026-03-02T10:20:00+03:00", true, &effect), 0);
	assert_int_equal(effect, CHECK_FILES_NEW);
}

static void every_allocation_may_fail(void **state)
{
	struct life *life = *state;

	for (size_t budget = 64; budget < 40000; budget += 200) {
		struct arena *small = arena_new(budget);
		struct new_ticket in = world_incident();
		struct command commands[] = {
		        {.verb = VERB_CLASSIFY,
		                .actor = VERA,
		                .category = "fire",
		                .title = "fire",
		                .urgency = 1},
		        {.verb = VERB_RESOLVE, .actor = VERA, .text = "done"},
		        {.verb = VERB_REOPEN, .actor = VERA, .text = "not"},
		        {.verb = VERB_CANCEL, .actor = VERA, .text = "enough"},
		};
		struct change c;
		enum check_effect effect;
		int rc;

		assert_non_null(small);
		change_init(&c, small, &life->world->ref);
		error_clear(&life->err);
		in.machine_filed = true;
		rc = lifecycle_create(&c, &in, &ACME_AGENT, at(MONDAY_10), &life->err);
		for (size_t i = 0; rc == 0 && i < 4; i++)
			rc = lifecycle_apply(&c, &commands[i], at(TUESDAY_10), &life->err);
		if (rc == 0)
			rc = lifecycle_check(&c, false, "OK", &ACME_AGENT, at(TUESDAY_10),
			        &effect, &life->err);
		assert_true(rc == 0 || rc == -OTK_RESOURCE_EXHAUSTED);
		if (rc != 0)
			assert_string_equal(life->err.reason, "OUT_OF_MEMORY");
		arena_free(small);
	}
}

static void names_are_known_and_strangers_are_not(void **state)
{
	(void)state;
	assert_string_equal(ticket_state_name(TICKET_IN_PROGRESS), "in_progress");
	assert_string_equal(ticket_state_name((enum ticket_state)0), "unknown");
	assert_string_equal(ticket_state_name((enum ticket_state)77), "unknown");
	assert_string_equal(pending_reason_name(PENDING_SUPPLIER), "supplier");
	assert_string_equal(ticket_type_name(TICKET_SERVICE_REQUEST), "service_request");
	assert_string_equal(clock_kind_name(CLOCK_UPDATE), "update");
	assert_string_equal(clock_state_name(CLOCK_LATE), "late");
	assert_string_equal(event_kind_name(EVENT_LEVEL_SKIPPED), "level_skipped");
	assert_string_equal(event_cause_name(CAUSE_NONE), "");
	assert_string_equal(event_cause_name(CAUSE_UPDATE), "update");
	assert_string_equal(event_cause_name(CAUSE_CUSTOMER_ASKED), "customer_asked");
	assert_string_equal(event_kind_name(EVENT_MAIL_RECEIVED), "mail_received");
	assert_string_equal(clock_kind_name(CLOCK_SUPPLIER), "supplier");
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, life_begin, life_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        LIFE(a_new_ticket_has_its_clocks_and_its_priority),
	        LIFE(without_a_contract_a_ticket_is_accepted_without_clocks),
	        LIFE(the_zone_falls_back_to_the_customer_and_then_to_utc),
	        LIFE(live_contact_is_answered_at_creation),
	        LIFE(every_wrong_field_of_a_new_ticket_is_named_with_its_limit),
	        cmocka_unit_test(commands_pass_exactly_from_the_states_of_the_table),
	        cmocka_unit_test(what_is_refused_is_told_by_reason_or_field),
	        LIFE(take_acknowledges_assigns_and_begins),
	        LIFE(a_hand_off_to_another_person_goes_back_to_assigned),
	        LIFE(a_ticket_that_nobody_has_is_new_again),
	        LIFE(scheduled_pending_ends_by_itself_at_its_instant),
	        LIFE(another_question_while_pending_is_only_a_reply),
	        LIFE(a_resolved_ticket_closes_after_three_business_days),
	        LIFE(a_contract_may_close_after_wall_time),
	        LIFE(the_requester_confirms),
	        LIFE(reopening_is_possible_for_ten_days_and_then_points_to_a_new_ticket),
	        LIFE(classifying_moves_the_priority_by_the_matrix_unless_overridden),
	        LIFE(the_text_of_a_note_stays_inside),
	        LIFE(recovery_resolves_a_ticket_that_no_human_touched),
	        LIFE(recovery_is_noted_on_a_touched_ticket_and_closes_a_resolved_one),
	        LIFE(a_check_still_bad_half_an_hour_after_a_resolve_reopens),
	        LIFE(a_check_leaves_a_cancelled_ticket_alone),
	        LIFE(every_allocation_may_fail),
	        cmocka_unit_test(names_are_known_and_strangers_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

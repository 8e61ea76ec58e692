/* The clocks: start, pause, stop, reopen, retarget, void, levels, edits of the calendar. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "core/explain.h"
#include "core/sla.h"
#include "world.h"

#define RESOLUTION(life) (&(life)->c.clocks[CLOCK_RESOLUTION])
#define RESPONSE(life) (&(life)->c.clocks[CLOCK_RESPONSE])
#define UPDATE(life) (&(life)->c.clocks[CLOCK_UPDATE])

static void do_or_fail(struct life *life, const char *when, struct command cmd)
{
	if (life_apply(life, when, cmd) != 0)
		fail_msg("%s", life->err.message);
}

/* P2: 30 minutes to answer, 2 h cadence, 8 h to resolve: due Tuesday 09:00. */
static void file_p2(struct life *life)
{
	struct new_ticket in = world_incident();

	in.urgency = 1;
	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err), 0);
	assert_int_equal(life->c.ticket.priority, 2);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T18:00:00+03:00"));
}

static struct command override(int16_t priority)
{
	return (struct command){
	        .verb = VERB_CLASSIFY, .actor = VERA, .priority = priority, .text = "so"};
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

static void due_is_the_closing_and_a_stop_at_it_is_met(void **state)
{
	struct life *life = *state;

	file_p2(life);
	do_or_fail(life, "2026-03-02T18:00:00+03:00", RESOLVE);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_MET);
	assert_int_equal(RESOLUTION(life)->breached_at, 0);
	assert_int_equal(RESPONSE(life)->state, CLOCK_LATE);
	assert_int_equal(RESPONSE(life)->breached_at, at("2026-03-02T10:30:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CLOCK_STOPPED)->consumed_us, 8 * HOUR);
}

static void a_breach_is_dated_when_it_was_due_however_late_the_sweep(void **state)
{
	struct life *life = *state;

	file_p2(life);
	assert_int_equal(life_tick(life, "2026-03-02T18:00:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->breached_at, 0);
	assert_int_equal(life_tick(life, "2026-03-09T12:00:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->breached_at, at("2026-03-02T18:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->detected_at, at("2026-03-09T12:00:00+03:00"));
	/* 80 % of the response; 50 %, -30m, 100 % and +2h of the resolution. */
	assert_int_equal(life_count(life, EVENT_LEVEL_FIRED), 5);
	assert_int_equal(RESOLUTION(life)->levels[3].at, at("2026-03-03T11:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->levels[1].at, at("2026-03-02T17:30:00+03:00"));
}

static void waiting_for_the_customer_pauses_and_keeps_what_was_consumed(void **state)
{
	struct life *life = *state;

	file_p2(life);
	do_or_fail(life, "2026-03-02T12:00:00+03:00", ASK);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_PAUSED);
	assert_int_equal(RESOLUTION(life)->due_at, 0);
	assert_int_equal(RESOLUTION(life)->levels[0].at, 0);
	assert_int_equal(UPDATE(life)->state, CLOCK_PAUSED);
	assert_int_equal(change_next_timer(&life->c), 0);
	do_or_fail(life, "2026-03-05T12:00:00+03:00", override(1)); /* 4 h */
	assert_int_equal(RESOLUTION(life)->state, CLOCK_PAUSED);
	assert_int_equal(RESOLUTION(life)->consumed_us, 2 * HOUR);
	/* Half of four hours is behind it: the level at 50 % acts at once. */
	assert_int_equal(RESOLUTION(life)->levels[0].state, LEVEL_FIRED);
	do_or_fail(life, "2026-03-06T12:00:00+03:00", ANSWER);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-06T14:00:00+03:00"));
	assert_int_equal(UPDATE(life)->due_at, at("2026-03-06T13:00:00+03:00"));
}

static void a_clock_paused_at_its_very_due_is_broken_there(void **state)
{
	struct life *life = *state;

	file_p2(life);
	do_or_fail(life, "2026-03-02T18:00:00+03:00", ASK);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T18:00:00+03:00"));
	assert_int_equal(life_tick(life, "2026-03-03T18:00:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_PAUSED);
	assert_int_equal(RESOLUTION(life)->breached_at, at("2026-03-02T18:00:00+03:00"));
	do_or_fail(life, "2026-03-04T10:00:00+03:00", ANSWER);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T18:00:00+03:00"));
}

static void exceeding_a_new_target_breaks_the_clock_now(void **state)
{
	struct life *life = *state;

	file_p2(life);
	do_or_fail(life, "2026-03-02T15:00:00+03:00", override(1));
	assert_int_equal(RESOLUTION(life)->consumed_us, 5 * HOUR);
	assert_int_equal(RESOLUTION(life)->breached_at, at("2026-03-02T15:00:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CLOCK_BREACHED)->cause, CAUSE_RETARGET);
	assert_int_equal(life_last(life, EVENT_CLOCK_RETARGETED)->old_due_at,
	        at("2026-03-02T18:00:00+03:00"));
	/* 50 % had fired at 14:00; of -30m and 100 % only the higher acts. */
	assert_int_equal(RESOLUTION(life)->levels[0].state, LEVEL_FIRED);
	assert_int_equal(RESOLUTION(life)->levels[1].state, LEVEL_SKIPPED);
	assert_int_equal(RESOLUTION(life)->levels[2].state, LEVEL_FIRED);
	assert_int_equal(RESOLUTION(life)->levels[3].state, LEVEL_ARMED);
	assert_int_equal(RESOLUTION(life)->levels[3].at, at("2026-03-02T16:00:00+03:00"));
	/* The breach stays under a longer target; levels ahead are armed again. */
	do_or_fail(life, "2026-03-02T15:30:00+03:00", override(2));
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T18:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->breached_at, at("2026-03-02T15:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->levels[0].state, LEVEL_FIRED);
	assert_int_equal(RESOLUTION(life)->levels[1].state, LEVEL_ARMED);
	assert_int_equal(RESOLUTION(life)->levels[2].state, LEVEL_ARMED);
	do_or_fail(life, "2026-03-02T17:00:00+03:00", RESOLVE);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_LATE);
}

static void a_reopen_resumes_where_the_clock_stopped(void **state)
{
	struct life *life = *state;

	file_p2(life);
	do_or_fail(life, "2026-03-02T14:00:00+03:00", RESOLVE);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_MET);
	do_or_fail(life, "2026-03-04T10:00:00+03:00", REOPEN);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_RUNNING);
	assert_int_equal(RESOLUTION(life)->stopped_at, 0);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-04T14:00:00+03:00"));
	assert_int_equal(RESPONSE(life)->state, CLOCK_LATE);
	assert_int_equal(UPDATE(life)->due_at, at("2026-03-04T12:00:00+03:00"));
	assert_int_equal(life_tick(life, "2026-03-05T10:00:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->breached_at, at("2026-03-04T14:00:00+03:00"));
	do_or_fail(life, "2026-03-05T10:00:00+03:00", RESOLVE);
	do_or_fail(life, "2026-03-05T10:30:00+03:00", REOPEN);
	/* A breach stays, and does not happen twice. */
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-04T14:00:00+03:00"));
	assert_int_equal(life_count(life, EVENT_CLOCK_BREACHED), 3);
}

static void a_resolved_clock_is_aimed_anew_when_it_reopens(void **state)
{
	struct life *life = *state;

	file_p2(life);
	do_or_fail(life, "2026-03-02T15:00:00+03:00", RESOLVE);
	do_or_fail(life, "2026-03-02T15:10:00+03:00", override(1));
	assert_int_equal(RESOLUTION(life)->target_us, 8 * HOUR);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_MET);
	do_or_fail(life, "2026-03-02T16:00:00+03:00", REOPEN);
	assert_int_equal(RESOLUTION(life)->target_us, 4 * HOUR);
	assert_int_equal(RESOLUTION(life)->breached_at, at("2026-03-02T16:00:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CLOCK_BREACHED)->cause, CAUSE_RETARGET);
}

static void each_public_word_of_a_human_ends_a_round_of_the_update_clock(void **state)
{
	struct life *life = *state;

	file_p2(life);
	assert_int_equal(UPDATE(life)->state, CLOCK_NONE);
	do_or_fail(life, "2026-03-02T10:10:00+03:00", REPLY);
	assert_int_equal(UPDATE(life)->due_at, at("2026-03-02T12:10:00+03:00"));
	do_or_fail(life, "2026-03-02T11:00:00+03:00", ANSWER); /* not ours: no update */
	assert_int_equal(UPDATE(life)->due_at, at("2026-03-02T12:10:00+03:00"));
	do_or_fail(life, "2026-03-02T12:10:00+03:00", REPLY);
	assert_int_equal(life_last(life, EVENT_CLOCK_STOPPED)->clock_state, CLOCK_MET);
	assert_int_equal(UPDATE(life)->due_at, at("2026-03-02T14:10:00+03:00"));
	do_or_fail(life, "2026-03-02T17:00:00+03:00", REPLY);
	assert_int_equal(life_last(life, EVENT_CLOCK_STOPPED)->clock_state, CLOCK_LATE);
	assert_int_equal(UPDATE(life)->breached_at, 0);
	/* Suspended by scheduled, a full cadence at resume; the round has no outcome. */
	do_or_fail(life, "2026-03-02T17:30:00+03:00",
	        (struct command){.verb = VERB_PEND,
	                .actor = VERA,
	                .pend = PENDING_SCHEDULED,
	                .until = at("2026-03-03T10:00:00+03:00")});
	assert_int_equal(UPDATE(life)->state, CLOCK_PAUSED);
	do_or_fail(life, "2026-03-03T09:30:00+03:00",
	        (struct command){.verb = VERB_RESUME, .actor = VERA});
	assert_int_equal(life_count(life, EVENT_CLOCK_VOIDED), 1);
	assert_int_equal(UPDATE(life)->due_at, at("2026-03-03T11:30:00+03:00"));
	/* It runs while a supplier is waited for. */
	do_or_fail(life, "2026-03-03T10:00:00+03:00",
	        (struct command){.verb = VERB_PEND, .actor = VERA, .pend = PENDING_SUPPLIER});
	assert_int_equal(UPDATE(life)->state, CLOCK_RUNNING);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_RUNNING);
	do_or_fail(life, "2026-03-03T11:00:00+03:00", RESOLVE);
	assert_int_equal(UPDATE(life)->state, CLOCK_MET);
}

static void a_contract_may_pause_the_response(void **state)
{
	struct life *life = *state;

	life->world->acme->pauses[CLOCK_RESPONSE] = 1 << PENDING_SUPPLIER;
	file_p2(life);
	do_or_fail(life, "2026-03-02T10:10:00+03:00",
	        (struct command){.verb = VERB_PEND, .actor = VERA, .pend = PENDING_SUPPLIER});
	assert_int_equal(RESPONSE(life)->state, CLOCK_PAUSED);
	do_or_fail(life, "2026-03-02T16:00:00+03:00",
	        (struct command){.verb = VERB_RESUME, .actor = VERA});
	assert_int_equal(RESPONSE(life)->due_at, at("2026-03-02T16:20:00+03:00"));
}

static void a_priority_without_a_target_silences_and_one_with_it_wakes(void **state)
{
	struct life *life = *state;

	file_p2(life);
	do_or_fail(life, "2026-03-02T11:00:00+03:00", REPLY);
	do_or_fail(life, "2026-03-02T12:00:00+03:00", override(5));
	assert_int_equal(RESOLUTION(life)->state, CLOCK_VOID);
	assert_int_equal(UPDATE(life)->state, CLOCK_VOID);
	do_or_fail(life, "2026-03-02T14:00:00+03:00", override(1));
	assert_int_equal(RESOLUTION(life)->state, CLOCK_RUNNING);
	assert_int_equal(RESOLUTION(life)->consumed_us, 2 * HOUR);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T16:00:00+03:00"));
	assert_int_equal(UPDATE(life)->due_at, at("2026-03-02T15:00:00+03:00"));
}

static void a_ticket_that_had_no_target_gets_clocks_with_its_priority(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	in.impact = in.urgency = 3;
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err), 0);
	assert_true(life->c.ticket.no_sla);
	do_or_fail(life, "2026-03-02T12:00:00+03:00", override(2));
	assert_false(life->c.ticket.no_sla);
	assert_int_equal(RESPONSE(life)->due_at, at("2026-03-02T12:30:00+03:00"));
	assert_int_equal(RESOLUTION(life)->started_at, at("2026-03-02T12:00:00+03:00"));
	assert_int_equal(UPDATE(life)->state, CLOCK_NONE);
	/* Silenced before an answer it does not start again. */
	do_or_fail(life, "2026-03-02T12:10:00+03:00", override(5));
	do_or_fail(life, "2026-03-02T12:20:00+03:00", override(2));
	assert_int_equal(RESPONSE(life)->state, CLOCK_VOID);
	do_or_fail(life, "2026-03-02T12:30:00+03:00", override(5));
	do_or_fail(life, "2026-03-02T12:40:00+03:00", RESOLVE);
	do_or_fail(life, "2026-03-02T12:50:00+03:00", REOPEN);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_VOID);
}

static void the_closest_target_wins_and_wall_time_ignores_hours(void **state)
{
	struct life *life = *state;
	struct command mail = {
	        .verb = VERB_CLASSIFY, .actor = VERA, .service_id = SERVICE_MAIL};
	struct command request = {
	        .verb = VERB_CLASSIFY, .actor = VERA, .type = TICKET_SERVICE_REQUEST};

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T17:00:00+03:00", request);
	assert_true(RESOLUTION(life)->wall);
	assert_int_equal(RESOLUTION(life)->breached_at, at("2026-03-02T17:00:00+03:00"));
	do_or_fail(life, "2026-03-02T17:30:00+03:00", mail);
	assert_false(RESOLUTION(life)->wall);
	assert_int_equal(RESOLUTION(life)->target_us, 6 * HOUR);
}

static void an_edit_of_the_calendar_acts_from_its_instant(void **state)
{
	struct life *life = *state;
	int64_t edit = at("2026-03-02T14:00:00+03:00");

	file_p2(life);
	world_edit_office(life->world, edit, "mon-fri 09:00-16:00");
	do_or_fail(life, "2026-03-02T10:15:00+03:00", REPLY);
	assert_int_equal(life_tick(life, "2026-03-02T13:59:00+03:00"), 0);
	assert_int_equal(change_next_timer(&life->c), edit);
	/* However late somebody looks, the journal has the edit at its instant. */
	assert_int_equal(life_tick(life, "2026-03-03T09:30:00+03:00"), 0);
	assert_int_equal(life_last(life, EVENT_CLOCK_RETARGETED)->occurred_at, edit);
	assert_int_equal(life_last(life, EVENT_CLOCK_RETARGETED)->cause, CAUSE_CALENDAR);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-03T11:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->levels[1].at, at("2026-03-03T10:30:00+03:00"));
	assert_int_equal(life_tick(life, "2026-03-03T09:31:00+03:00"), 0);
	assert_int_equal(life_count(life, EVENT_CLOCK_RETARGETED), 1);
}

static void an_edit_that_moves_only_a_level_of_a_late_clock_keeps_its_due(void **state)
{
	struct life *life = *state;

	file_p2(life);
	world_edit_office(life->world, at("2026-03-02T19:00:00+03:00"), "mon-fri 12:00-18:00");
	assert_int_equal(life_tick(life, "2026-03-04T09:30:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T18:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->levels[3].at, at("2026-03-03T14:00:00+03:00"));
}

static void a_withdrawn_contract_falls_silent(void **state)
{
	struct life *life = *state;

	file_p2(life);
	life->world->acme->withdrawn = true;
	life->world->acme->withdrawn_at = at("2026-03-02T12:00:00+03:00");
	assert_int_equal(life_tick(life, "2026-03-02T11:59:00+03:00"), 0);
	assert_int_equal(change_next_timer(&life->c), at("2026-03-02T12:00:00+03:00"));
	assert_int_equal(life_tick(life, "2026-03-05T12:00:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_VOID);
	assert_int_equal(RESOLUTION(life)->stopped_at, at("2026-03-02T12:00:00+03:00"));
	assert_int_equal(RESPONSE(life)->breached_at, at("2026-03-02T10:30:00+03:00"));
	assert_int_equal(life_last(life, EVENT_CLOCK_VOIDED)->cause, CAUSE_WITHDRAWN);
	do_or_fail(life, "2026-03-05T13:00:00+03:00", REPLY);
	assert_int_equal(UPDATE(life)->state, CLOCK_NONE);
}

static void a_contract_withdrawn_before_an_event_silences_from_that_event(void **state)
{
	struct life *life = *state;

	file_p2(life);
	life->world->acme->withdrawn_at = at("2026-03-01T12:00:00+03:00");
	assert_int_equal(life_tick(life, "2026-03-05T12:00:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->stopped_at, at(MONDAY_10));
}

static void business_days_that_lost_nothing_are_due_at_their_place(void **state)
{
	struct life *life = *state;

	life->world->acme->level_count = 4; /* up to 100 % */
	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T12:00:00+03:00", ASK);
	do_or_fail(life, "2026-03-02T14:00:00+03:00", ANSWER);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-04T12:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->levels[2].at, RESOLUTION(life)->due_at);
}

/*
 * Filed before the office opens on Friday, 2bd are over when it opens on Tuesday: their service
 * time has passed by Monday's closing, but neither due nor the level at 100 % has come then.
 */
static void the_whole_of_business_days_is_reached_at_due_not_before(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();
	const struct clock_level *whole = &RESOLUTION(life)->levels[2];
	int64_t due = at("2026-03-10T09:00:00+03:00");

	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at("2026-03-06T08:00:00+03:00"),
	                         &life->err),
	        0);
	assert_int_equal(RESOLUTION(life)->due_at, due);
	do_or_fail(life, "2026-03-09T20:00:00+03:00", ASK);
	assert_int_equal(RESOLUTION(life)->consumed_us, RESOLUTION(life)->target_us);
	assert_int_equal(whole->state, LEVEL_ARMED);
	assert_int_equal(whole->at, 0);
	do_or_fail(life, "2026-03-09T21:00:00+03:00", ANSWER);
	assert_int_equal(whole->state, LEVEL_ARMED);
	assert_int_equal(whole->at, due);
	assert_int_equal(RESOLUTION(life)->due_at, due);
	/* Another target and back: what a change finds not reached is not passed. */
	do_or_fail(life, "2026-03-09T22:00:00+03:00", override(2));
	assert_int_equal(whole->state, LEVEL_SKIPPED);
	do_or_fail(life, "2026-03-09T23:00:00+03:00", override(3));
	assert_int_equal(whole->state, LEVEL_ARMED);
	assert_int_equal(whole->at, due);
}

static void a_paused_clock_does_not_fall_due_where_its_business_days_end(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();
	struct ref_target *p4 = &life->world->acme->targets[10];
	int32_t days = p4->target_bd;

	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at("2026-03-06T08:00:00+03:00"),
	                         &life->err),
	        0);
	p4->target_bd = 3;
	do_or_fail(life, "2026-03-06T08:01:00+03:00", override(4));
	do_or_fail(life, "2026-03-09T20:00:00+03:00", ASK);
	do_or_fail(life, "2026-03-09T21:00:00+03:00", override(3)); /* until Tuesday 09:00 */
	assert_int_equal(life_tick(life, "2026-03-11T12:00:00+03:00"), 0);
	p4->target_bd = days;
	assert_int_equal(RESOLUTION(life)->consumed_us, RESOLUTION(life)->target_us);
	assert_int_equal(RESOLUTION(life)->due_at, 0);
	assert_int_equal(RESOLUTION(life)->breached_at, 0);
}

/* Broken under a shorter target, then paused before the end of its business days: what runs has
 * a due. */
static void a_broken_clock_that_runs_on_has_a_due(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at("2026-03-06T08:00:00+03:00"),
	                         &life->err),
	        0);
	do_or_fail(life, "2026-03-06T08:01:00+03:00", override(2));
	do_or_fail(life, "2026-03-09T20:00:00+03:00", override(3)); /* until Tuesday 09:00 */
	assert_int_not_equal(RESOLUTION(life)->breached_at, 0);
	assert_int_equal(RESOLUTION(life)->consumed_us, RESOLUTION(life)->target_us);
	do_or_fail(life, "2026-03-09T20:01:00+03:00", ASK);
	assert_int_equal(RESOLUTION(life)->due_at, 0);
	do_or_fail(life, "2026-03-11T12:00:00+03:00", ANSWER);
	assert_int_equal(RESOLUTION(life)->state, CLOCK_RUNNING);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-11T12:00:00+03:00"));
}

static void an_edit_of_the_calendar_also_moves_business_days_that_are_paused(void **state)
{
	struct life *life = *state;

	assert_int_equal(life_file(life), 0);
	do_or_fail(life, "2026-03-02T12:00:00+03:00", ASK);
	assert_int_equal(RESOLUTION(life)->target_us, 18 * HOUR);
	world_edit_office(life->world, at("2026-03-03T08:00:00+03:00"), "mon-fri 09:00-15:00");
	assert_int_equal(life_tick(life, "2026-03-03T12:00:00+03:00"), 0);
	assert_int_equal(RESOLUTION(life)->target_us, 15 * HOUR);
	assert_int_equal(RESOLUTION(life)->due_at, 0);
	assert_int_equal(life_last(life, EVENT_CLOCK_RETARGETED)->occurred_at,
	        at("2026-03-03T08:00:00+03:00"));
	/* 2 h consumed, 13 h to come */
	do_or_fail(life, "2026-03-03T14:00:00+03:00", ANSWER);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-05T15:00:00+03:00"));
}

static void a_due_beyond_the_years_is_the_end_of_them(void **state)
{
	struct life *life = *state;
	struct ref_target *targets = life->world->acme->targets;
	int64_t p3 = targets[6].target_us;

	targets[6].target_us = INT64_C(3653) * 86400 * SECOND * 20;
	assert_int_equal(life_file(life), 0);
	targets[6].target_us = p3;
	assert_int_equal(RESPONSE(life)->due_at, CALENDAR_END);
}

static void a_level_that_the_contract_lost_rests(void **state)
{
	struct life *life = *state;
	size_t count = life->world->acme->level_count;

	file_p2(life);
	life->world->acme->level_count = 1;
	do_or_fail(life, "2026-03-02T10:10:00+03:00", override(1));
	assert_int_equal(RESOLUTION(life)->levels[0].state, LEVEL_ARMED);
	assert_int_equal(RESOLUTION(life)->levels[0].at, 0);
	life->world->acme->level_count = count;
}

static void time_outside_the_years_is_refused(void **state)
{
	struct life *life = *state;
	struct new_ticket in = world_incident();

	error_clear(&life->err);
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, CALENDAR_END + 1, &life->err),
	        -OTK_OUT_OF_RANGE);
	assert_string_equal(life->err.reason, "TIME_OUT_OF_RANGE");
}

/* Projection ---------------------------------------------------------------------------- */

static void damaged_events_are_refused(void **state)
{
	struct life *life = *state;
	struct event e;
	static const struct {
		enum event_kind kind;
		int16_t state, clock, level;
	} CASES[] = {
	        {EVENT_STATE_CHANGED, -1, -1, -1},
	        {EVENT_STATE_CHANGED, TICKET_STATE_COUNT, -1, -1},
	        {EVENT_CLOCK_STARTED, -1, 0, -1},
	        {EVENT_CLOCK_PAUSED, -1, CLOCK_KIND_COUNT, -1},
	        {EVENT_LEVEL_FIRED, -1, 1, 0},
	        {EVENT_LEVEL_SKIPPED, -1, 1, LEVELS_MAX + 1},
	};

	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
		event_init(&e, CASES[i].kind, &VERA, at(MONDAY_10));
		e.state = CASES[i].state;
		e.clock = CASES[i].clock;
		e.level = CASES[i].level;
		assert_int_equal(projection_apply(&life->c, &e), -OTK_DATA_LOSS);
	}
}

static void imported_history_may_skip_states(void **state)
{
	struct life *life = *state;
	struct ticket *t = &life->c.ticket;
	static const struct actor SYSTEM = {0};
	struct event e;

	event_init(&e, EVENT_CREATED, &SYSTEM, 1000);
	e.cause = CAUSE_IMPORT;
	assert_int_equal(projection_apply(&life->c, &e), 0);
	assert_true(t->observed && t->no_sla);
	event_init(&e, EVENT_STATE_CHANGED, &SYSTEM, 2000);
	e.state = TICKET_CLOSED;
	assert_int_equal(projection_apply(&life->c, &e), 0);
	assert_int_equal(t->resolved_at, 2000);
	assert_int_equal(t->closed_at, 2000);
	e.occurred_at = 3000;
	e.state = TICKET_RESOLVED;
	assert_int_equal(projection_apply(&life->c, &e), 0);
	assert_int_equal(t->resolved_at, 2000);
	assert_int_equal(t->reopen_count, 0);
}

/* Explain ------------------------------------------------------------------------------- */

static void explain_tells_who_paused_and_where_a_holiday_was(void **state)
{
	struct life *life = *state;
	struct explanation x;
	static const enum interval_kind KINDS[] = {INTERVAL_COUNTED, INTERVAL_PAUSED,
	        INTERVAL_COUNTED, INTERVAL_CLOSED, INTERVAL_HOLIDAY, INTERVAL_CLOSED,
	        INTERVAL_COUNTED};
	struct new_ticket in = world_incident();

	in.urgency = 1;
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at("2025-12-31T12:00:00+03:00"),
	                         &life->err),
	        0);
	do_or_fail(life, "2025-12-31T13:00:00+03:00", ASK);
	do_or_fail(life, "2025-12-31T16:00:00+03:00", ANSWER);
	assert_int_equal(
	        explain_clock(&life->c, CLOCK_RESOLUTION, life->c.events, life->c.event_count,
	                at("2026-01-02T11:00:00+03:00"), life->arena, &x),
	        0);
	assert_int_equal(x.count, sizeof KINDS / sizeof *KINDS);
	for (size_t i = 0; i < x.count; i++)
		assert_int_equal(x.intervals[i].kind, KINDS[i]);
	assert_int_equal(x.intervals[1].pause, PENDING_CUSTOMER);
	assert_int_equal(x.intervals[1].actor_id, PERSON_VERA);
	assert_int_equal(x.consumed_us, 5 * HOUR);
	assert_int_equal(x.due_at, at("2026-01-02T14:00:00+03:00"));
	assert_int_equal(x.due_at, RESOLUTION(life)->due_at);
	assert_int_equal(
	        explain_clock(&life->c, CLOCK_RESPONSE, life->c.events, life->c.event_count,
	                at("2026-01-02T11:00:00+03:00"), life->arena, &x),
	        0);
	assert_int_equal(x.until, at("2025-12-31T13:00:00+03:00"));
}

static void explain_keeps_resolved_time_apart_and_knows_only_its_clocks(void **state)
{
	struct life *life = *state;
	struct arena *small = arena_new(600);
	struct explanation x;

	file_p2(life);
	assert_int_equal(explain_clock(&life->c, CLOCK_UPDATE, life->c.events,
	                         life->c.event_count, at(MONDAY_10), life->arena, &x),
	        -OTK_NOT_FOUND);
	do_or_fail(life, "2026-03-02T14:00:00+03:00", RESOLVE);
	do_or_fail(life, "2026-03-02T16:00:00+03:00", REOPEN);
	assert_int_equal(
	        explain_clock(&life->c, CLOCK_RESOLUTION, life->c.events, life->c.event_count,
	                at("2026-05-02T16:00:00+03:00"), small, &x),
	        -OTK_RESOURCE_EXHAUSTED);
	arena_free(small);
	assert_int_equal(
	        explain_clock(&life->c, CLOCK_RESOLUTION, life->c.events, life->c.event_count,
	                at("2026-03-02T17:00:00+03:00"), life->arena, &x),
	        0);
	assert_int_equal(x.count, 3);
	assert_int_equal(x.intervals[1].kind, INTERVAL_RESOLVED);
	assert_int_equal(x.intervals[1].to, at("2026-03-02T16:00:00+03:00"));
	assert_int_equal(x.consumed_us, 5 * HOUR);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, life_begin, life_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        LIFE(due_is_the_closing_and_a_stop_at_it_is_met),
	        LIFE(a_breach_is_dated_when_it_was_due_however_late_the_sweep),
	        LIFE(waiting_for_the_customer_pauses_and_keeps_what_was_consumed),
	        LIFE(a_clock_paused_at_its_very_due_is_broken_there),
	        LIFE(exceeding_a_new_target_breaks_the_clock_now),
	        LIFE(a_reopen_resumes_where_the_clock_stopped),
	        LIFE(a_resolved_clock_is_aimed_anew_when_it_reopens),
	        LIFE(each_public_word_of_a_human_ends_a_round_of_the_update_clock),
	        LIFE(a_contract_may_pause_the_response),
	        LIFE(a_priority_without_a_target_silences_and_one_with_it_wakes),
	        LIFE(a_ticket_that_had_no_target_gets_clocks_with_its_priority),
	        LIFE(the_closest_target_wins_and_wall_time_ignores_hours),
	        LIFE(an_edit_of_the_calendar_acts_from_its_instant),
	        LIFE(an_edit_that_moves_only_a_level_of_a_late_clock_keeps_its_due),
	        LIFE(a_withdrawn_contract_falls_silent),
	        LIFE(a_contract_withdrawn_before_an_event_silences_from_that_event),
	        LIFE(business_days_that_lost_nothing_are_due_at_their_place),
	        LIFE(the_whole_of_business_days_is_reached_at_due_not_before),
	        LIFE(a_paused_clock_does_not_fall_due_where_its_business_days_end),
	        LIFE(a_broken_clock_that_runs_on_has_a_due),
	        LIFE(an_edit_of_the_calendar_also_moves_business_days_that_are_paused),
	        LIFE(a_due_beyond_the_years_is_the_end_of_them),
	        LIFE(a_level_that_the_contract_lost_rests),
	        LIFE(time_outside_the_years_is_refused),
	        LIFE(damaged_events_are_refused),
	        LIFE(imported_history_may_skip_states),
	        LIFE(explain_tells_who_paused_and_where_a_holiday_was),
	        LIFE(explain_keeps_resolved_time_apart_and_knows_only_its_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

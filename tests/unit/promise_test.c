/* Promises: which moves offend, when time speaks, and what reopen and cancel make of them. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "core/promise.h"
#include "world.h"

/* Arithmetic ---------------------------------------------------------------------------- */

/* In minutes; a promise given at 0 for 100. */
static const struct move_case {
	const char *name;
	int old_at, given_at, new_at, now, cadence;
	bool first, asked;
	int flags;
} MOVES[] = {
        {"the first one", 0, 0, 100, 0, 0, true, false, PROMISE_FIRST},
        {"one after a withdrawn one", 0, 0, 100, 0, 0, false, false, 0},
        {"earlier never offends", 100, 0, 99, 98, 0, false, false, PROMISE_EARLIER},
        {"later, a fifth of the span before", 100, 0, 120, 80, 0, false, false, PROMISE_LATER},
        {"later, a moment less than a fifth before", 100, 0, 120, 81, 0, false, false,
                PROMISE_LATER | PROMISE_OFFENSIVE},
        {"later, a cadence before where that is longer", 100, 0, 120, 70, 30, false, false,
                PROMISE_LATER},
        {"later, less than a cadence before", 100, 0, 120, 71, 30, false, false,
                PROMISE_LATER | PROMISE_OFFENSIVE},
        {"later, late, but the customer asked", 100, 0, 120, 99, 30, false, true,
                PROMISE_LATER},
        {"later at the very date", 100, 0, 120, 100, 0, false, false,
                PROMISE_LATER | PROMISE_OFFENSIVE},
        {"after the date", 100, 0, 120, 101, 0, false, false,
                PROMISE_LATER | PROMISE_OFFENSIVE | PROMISE_AFTER_DATE},
        {"after the date, whoever asks", 100, 0, 120, 101, 0, false, true,
                PROMISE_LATER | PROMISE_OFFENSIVE | PROMISE_AFTER_DATE},
        {"the span is of the date in force", 100, 90, 120, 98, 0, false, false, PROMISE_LATER},
        {"withdrawn in time", 100, 0, 0, 80, 0, false, false, 0},
        {"withdrawn too late", 100, 0, 0, 81, 0, false, false, PROMISE_OFFENSIVE},
        {"withdrawn late because the customer asked", 100, 0, 0, 81, 0, false, true, 0},
        {"withdrawn after the date", 100, 0, 0, 101, 0, false, false,
                PROMISE_OFFENSIVE | PROMISE_AFTER_DATE},
};

static void a_move_offends_where_it_comes_too_late(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof MOVES / sizeof *MOVES; i++) {
		const struct move_case *m = &MOVES[i];
		struct promise_move move = {m->old_at * MINUTE, m->given_at * MINUTE,
		        m->new_at * MINUTE, m->now * MINUTE, m->cadence * MINUTE, m->first,
		        m->asked};

		if (promise_flags(&move) != m->flags)
			fail_msg("%s: %d instead of %d", m->name, promise_flags(&move),
			        m->flags);
	}
}

static void the_owner_is_warned_while_the_date_can_still_be_moved(void **state)
{
	static const struct {
		int span, cadence, lead;
	} CASES[] = {{100, 0, 30}, {100, 20, 30}, {100, 30, 45}, {100, 50, 50}, {10, 240, 5},
	        {1, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
		int64_t given_at = 1000 * DAY;
		int64_t date = given_at + CASES[i].span * MINUTE;
		int64_t warn = promise_warn_at(given_at, date, CASES[i].cadence * MINUTE);
		int64_t notice = promise_notice_us(date - given_at, CASES[i].cadence * MINUTE);

		assert_int_equal((date - warn) / MINUTE, CASES[i].lead);
		assert_true(warn > given_at && warn < date);
		if (notice < date - given_at - notice)
			assert_true(date - warn > notice);
	}
}

/* Commands ------------------------------------------------------------------------------ */

#define T(hour_minute) "2026-03-02T" hour_minute ":00+03:00"
#define TUESDAY(hour_minute) "2026-03-03T" hour_minute ":00+03:00"

static int promise(struct life *life, const char *when, const char *date, const char *why)
{
	return life_apply(life, when,
	        (struct command){.verb = VERB_PROMISE,
	                .actor = VERA,
	                .promise_at = date == NULL ? 0 : at(date),
	                .withdraw = date == NULL,
	                .text = why});
}

static void must(int rc, const struct life *life)
{
	if (rc != 0)
		fail_msg("%s %s", life->err.message, life->err.violations[0].description);
}

static void a_promise_is_given_moved_and_withdrawn(void **state)
{
	struct life *life = *state;
	const struct ticket *t = &life->c.ticket;
	const struct event *e;

	must(life_file(life), life);
	assert_int_equal(promise_state_of(t, at(T("10:30"))), PROMISE_NONE);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	e = life_last(life, EVENT_PROMISED);
	assert_int_equal(e->flags, PROMISE_FIRST);
	assert_int_equal(e->until_at, at(T("18:10")));
	assert_int_equal(e->old_due_at, 0);
	assert_true(e->is_public);
	/* P3: τ of four hours is longer than a fifth of eight; half of the span at most. */
	assert_int_equal(t->promise_warn_at, at(T("14:10")));
	assert_int_equal(promise_state_of(t, at(T("10:30"))), PROMISE_OPEN);
	must(promise(life, T("10:20"), T("17:00"), NULL), life);
	e = life_last(life, EVENT_PROMISED);
	assert_int_equal(e->flags, PROMISE_EARLIER);
	assert_int_equal(e->old_due_at, at(T("18:10")));
	must(promise(life, T("10:30"), T("19:00"), "the part is late"), life);
	e = life_last(life, EVENT_PROMISED);
	assert_int_equal(e->flags, PROMISE_LATER);
	assert_string_equal(e->text, "the part is late");
	must(promise(life, T("18:30"), NULL, "nobody knows"), life);
	e = life_last(life, EVENT_PROMISED);
	assert_int_equal(e->flags, PROMISE_OFFENSIVE);
	assert_int_equal(e->until_at, 0);
	assert_int_equal(t->promise_at, 0);
	assert_int_equal(t->promise_first_at, at(T("18:10")));
	assert_int_equal(t->promise_changes, 3);
	assert_int_equal(promise_state_of(t, at(T("10:30"))), PROMISE_WITHDRAWN);
	must(promise(life, T("18:40"), T("20:00"), NULL), life);
	assert_int_equal(life_last(life, EVENT_PROMISED)->flags, 0);
}

static void a_promise_answers_the_customer(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	assert_int_equal(life->c.clocks[CLOCK_RESPONSE].state, CLOCK_MET);
	assert_int_equal(life->c.clocks[CLOCK_UPDATE].state, CLOCK_RUNNING);
	assert_int_equal(life->c.ticket.first_reply_at, at(T("10:10")));
	assert_int_equal(life->c.ticket.acknowledged_at, at(T("10:10")));
	assert_int_equal(life_last(life, EVENT_PROMISED)->consumed_us, 10 * MINUTE);
}

static const struct refusal {
	const char *name;
	const char *when;
	const char *date; /* NULL: as the command says */
	struct command cmd;
	enum otk_status code;
	const char *says; /* the field, or the reason */
} REFUSALS[] = {
        {"a date that has passed", T("12:00"), T("11:59"), {.text = "so"}, OTK_INVALID_ARGUMENT,
                "promise_at"},
        {"this very instant", T("12:00"), T("12:00"), {.text = "so"}, OTK_INVALID_ARGUMENT,
                "promise_at"},
        {"more than two years ahead", T("12:00"), "2028-03-03T12:00:00+03:00", {.text = "so"},
                OTK_INVALID_ARGUMENT, "promise_at"},
        {"no date at all", T("12:00"), NULL, {.text = NULL}, OTK_INVALID_ARGUMENT,
                "promise_at"},
        {"a date and its withdrawal", T("12:00"), T("19:00"), {.withdraw = true, .text = "so"},
                OTK_INVALID_ARGUMENT, "promise_at"},
        {"the same date", T("12:00"), T("18:10"), {.text = "so"}, OTK_FAILED_PRECONDITION,
                "NOTHING_TO_DO"},
        {"later without a reason", T("12:00"), T("18:11"), {.text = NULL}, OTK_INVALID_ARGUMENT,
                "text"},
        {"withdrawn without a reason", T("12:00"), NULL, {.withdraw = true},
                OTK_INVALID_ARGUMENT, "text"},
        {"an entry that is not there", T("12:00"), T("19:00"),
                {.text = "so", .cited_seq = 1000}, OTK_INVALID_ARGUMENT, "at_request"},
        {"by the customer", T("12:00"), T("17:00"), {.actor.side = SIDE_CUSTOMER},
                OTK_PERMISSION_DENIED, "PROVIDER_ONLY"},
};

static void what_a_promise_cannot_be_is_refused(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++) {
		const struct refusal *r = &REFUSALS[i];
		struct command cmd = r->cmd;

		cmd.verb = VERB_PROMISE;
		cmd.actor = cmd.actor.side == SIDE_CUSTOMER ? ANNA : VERA;
		if (r->date != NULL)
			cmd.promise_at = at(r->date);
		if (life_apply(life, r->when, cmd) != -(int)r->code)
			fail_msg("%s: %s", r->name, life->err.message);
		if (strcmp(r->code == OTK_INVALID_ARGUMENT ? life->err.violations[0].field
		                                           : life->err.reason,
		            r->says) != 0)
			fail_msg("%s: %s", r->name, life->err.message);
	}
}

static void nothing_is_promised_of_what_is_done(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	assert_int_equal(promise(life, T("10:01"), NULL, "so"), -OTK_FAILED_PRECONDITION);
	assert_string_equal(life->err.reason, "NOTHING_TO_DO");
	must(life_apply(life, T("10:10"),
	             (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"}),
	        life);
	assert_int_equal(promise(life, T("10:20"), T("18:10"), NULL), -OTK_FAILED_PRECONDITION);
	assert_string_equal(life->err.reason, "WRONG_STATE");
}

static int ask_to_move(struct life *life, const char *when, int64_t seq, const struct event *e)
{
	return life_apply(life, when,
	        (struct command){.verb = VERB_PROMISE,
	                .actor = VERA,
	                .promise_at = at(TUESDAY("12:00")),
	                .text = "as you wish",
	                .cited_seq = seq,
	                .cited = e});
}

static void only_the_customers_words_since_then_make_it_their_wish(void **state)
{
	struct life *life = *state;
	struct event e;
	int64_t seq;

	must(life_file(life), life);
	must(life_apply(life, T("10:05"),
	             (struct command){.verb = VERB_REPLY, .actor = ANNA, .text = "when?"}),
	        life);
	e = *life_last(life, EVENT_REPLIED);
	assert_int_equal(ask_to_move(life, T("10:06"), e.seq, &e), -OTK_INVALID_ARGUMENT);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	assert_int_equal(ask_to_move(life, T("18:00"), e.seq, &e), -OTK_INVALID_ARGUMENT);
	assert_non_null(strstr(life->err.violations[0].description, "older"));
	assert_int_equal(ask_to_move(life, T("18:00"), e.seq, NULL), -OTK_INVALID_ARGUMENT);
	must(life_apply(life, T("18:01"),
	             (struct command){.verb = VERB_REPLY, .actor = VERA, .text = "well"}),
	        life);
	e = *life_last(life, EVENT_REPLIED);
	assert_int_equal(ask_to_move(life, T("18:02"), e.seq, &e), -OTK_INVALID_ARGUMENT);
	must(life_apply(life, T("18:03"),
	             (struct command){.verb = VERB_REPLY, .actor = BORIS, .text = "tomorrow"}),
	        life);
	e = *life_last(life, EVENT_REPLIED);
	seq = e.seq;
	must(ask_to_move(life, T("18:04"), seq, &e), life);
	assert_int_equal(life_last(life, EVENT_PROMISED)->flags, PROMISE_LATER);
	assert_int_equal(life_last(life, EVENT_PROMISED)->cause, CAUSE_CUSTOMER_ASKED);
	assert_int_equal(life_last(life, EVENT_PROMISED)->related_id, seq);
}

/* Time ---------------------------------------------------------------------------------- */

static void time_warns_the_owner_and_breaks_the_promise(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	must(life_tick(life, T("14:10")), life); /* strictly after */
	assert_int_equal(life_count(life, EVENT_PROMISE_WARNED), 0);
	must(life_tick(life, T("23:00")), life);
	assert_int_equal(life_count(life, EVENT_PROMISE_WARNED), 1);
	assert_int_equal(life_last(life, EVENT_PROMISE_WARNED)->occurred_at, at(T("14:10")));
	assert_false(life_last(life, EVENT_PROMISE_WARNED)->is_public);
	assert_int_equal(life_count(life, EVENT_PROMISE_BROKEN), 1);
	assert_int_equal(life_last(life, EVENT_PROMISE_BROKEN)->occurred_at, at(T("18:10")));
	assert_int_equal(life_last(life, EVENT_PROMISE_BROKEN)->recorded_at, at(T("23:00")));
	assert_true(life_last(life, EVENT_PROMISE_BROKEN)->is_public);
	assert_int_equal(
	        promise_state_of(&life->c.ticket, life->c.ticket.updated_at), PROMISE_BROKEN);
	/* Another date is another promise; that it comes after is told. */
	must(promise(life, TUESDAY("09:00"), TUESDAY("12:00"), "sorry"), life);
	assert_int_equal(life_last(life, EVENT_PROMISED)->flags,
	        PROMISE_LATER | PROMISE_OFFENSIVE | PROMISE_AFTER_DATE);
	assert_false(life->c.ticket.promise_broken);
	must(life_tick(life, TUESDAY("13:00")), life);
	assert_int_equal(life_count(life, EVENT_PROMISE_BROKEN), 2);
}

static void resolve(struct life *life, const char *when)
{
	must(life_apply(life, when,
	             (struct command){.verb = VERB_RESOLVE, .actor = VERA, .text = "done"}),
	        life);
}

static void reopen(struct life *life, const char *when)
{
	must(life_apply(life, when,
	             (struct command){.verb = VERB_REOPEN, .actor = ANNA, .text = "no"}),
	        life);
}

static void a_resolve_at_the_very_date_keeps_it(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	resolve(life, T("18:10"));
	must(life_tick(life, TUESDAY("10:00")), life);
	assert_int_equal(life_count(life, EVENT_PROMISE_BROKEN), 0);
	assert_int_equal(
	        promise_state_of(&life->c.ticket, life->c.ticket.updated_at), PROMISE_KEPT);
}

static void a_reopen_after_the_date_breaks_what_was_kept(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	resolve(life, T("12:00"));
	must(life_tick(life, TUESDAY("09:00")), life);
	assert_int_equal(life_count(life, EVENT_PROMISE_WARNED), 0);
	reopen(life, TUESDAY("10:00"));
	assert_int_equal(life_count(life, EVENT_PROMISE_BROKEN), 1);
	assert_int_equal(
	        life_last(life, EVENT_PROMISE_BROKEN)->occurred_at, at(TUESDAY("10:00")));
	assert_int_equal(life_last(life, EVENT_PROMISE_BROKEN)->cause, CAUSE_REOPEN);
	resolve(life, TUESDAY("11:00"));
	assert_int_equal(
	        promise_state_of(&life->c.ticket, life->c.ticket.updated_at), PROMISE_BROKEN);
}

static void a_reopen_before_the_date_goes_on(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	resolve(life, T("12:00"));
	reopen(life, T("17:00"));
	assert_int_equal(
	        promise_state_of(&life->c.ticket, life->c.ticket.updated_at), PROMISE_OPEN);
	must(life_tick(life, T("17:01")), life);
	assert_int_equal(/* the warning fell into the time it was resolved */
	        life_last(life, EVENT_PROMISE_WARNED)->occurred_at, at(T("17:00")));
	must(life_tick(life, T("18:11")), life);
	assert_int_equal(life_count(life, EVENT_PROMISE_BROKEN), 1);
}

static void a_cancel_ends_it_without_an_outcome(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	must(life_apply(life, T("12:00"),
	             (struct command){.verb = VERB_CANCEL, .actor = VERA, .text = "twice"}),
	        life);
	assert_int_equal(change_next_timer(&life->c), 0);
	must(life_tick(life, TUESDAY("10:00")), life);
	assert_int_equal(life_count(life, EVENT_PROMISE_BROKEN), 0);
	assert_int_equal(
	        promise_state_of(&life->c.ticket, life->c.ticket.updated_at), PROMISE_VOID);
}

static void pauses_do_not_stop_it(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	must(life_apply(life, T("10:20"),
	             (struct command){.verb = VERB_PEND,
	                     .actor = VERA,
	                     .pend = PENDING_CUSTOMER,
	                     .text = "which?"}),
	        life);
	assert_int_equal(change_next_timer(&life->c), at(T("14:10")));
	must(life_tick(life, T("18:11")), life);
	assert_int_equal(life_count(life, EVENT_PROMISE_BROKEN), 1);
}

static void nobody_believes_the_thousandth_change(void **state)
{
	struct life *life = *state;

	must(life_file(life), life);
	must(promise(life, T("10:10"), T("18:10"), NULL), life);
	life->c.ticket.promise_changes = 1000;
	assert_int_equal(promise(life, T("10:20"), T("17:10"), NULL), -OTK_FAILED_PRECONDITION);
	assert_string_equal(life->err.reason, "TOO_MANY_CHANGES");
}

static void the_cadence_is_that_of_the_update_clock(void **state)
{
	struct life *life = *state;
	struct ref_target *targets = life->world->acme->targets;

	must(life_file(life), life);
	assert_int_equal(promise_cadence(&life->c, at(MONDAY_10)), 4 * HOUR);
	life->c.ticket.priority = 4; /* has none */
	assert_int_equal(promise_cadence(&life->c, at(MONDAY_10)), 0);
	life->c.ticket.priority = 3;
	for (size_t i = 0; i < life->world->acme->target_count; i++) {
		struct ref_target kept = targets[i];

		if (kept.clock != CLOCK_UPDATE || kept.priority != 3)
			continue;
		targets[i].target_us = 0;
		targets[i].target_bd = 2;
		assert_int_equal(promise_cadence(&life->c, at(MONDAY_10)), 2 * DAY);
		targets[i] = kept;
	}
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(promise_state_name(PROMISE_NONE), "none");
	assert_string_equal(promise_state_name(PROMISE_WITHDRAWN), "withdrawn");
	assert_string_equal(promise_state_name((enum promise_state)77), "unknown");
}

#define WITH_LIFE(test) cmocka_unit_test_setup_teardown(test, life_begin, life_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_move_offends_where_it_comes_too_late),
	        cmocka_unit_test(the_owner_is_warned_while_the_date_can_still_be_moved),
	        WITH_LIFE(a_promise_is_given_moved_and_withdrawn),
	        WITH_LIFE(a_promise_answers_the_customer),
	        WITH_LIFE(what_a_promise_cannot_be_is_refused),
	        WITH_LIFE(nothing_is_promised_of_what_is_done),
	        WITH_LIFE(only_the_customers_words_since_then_make_it_their_wish),
	        WITH_LIFE(time_warns_the_owner_and_breaks_the_promise),
	        WITH_LIFE(a_resolve_at_the_very_date_keeps_it),
	        WITH_LIFE(a_reopen_after_the_date_breaks_what_was_kept),
	        WITH_LIFE(a_reopen_before_the_date_goes_on),
	        WITH_LIFE(a_cancel_ends_it_without_an_outcome),
	        WITH_LIFE(pauses_do_not_stop_it),
	        WITH_LIFE(nobody_believes_the_thousandth_change),
	        WITH_LIFE(the_cadence_is_that_of_the_update_clock),
	        cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

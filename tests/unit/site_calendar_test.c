/* Clocks of tickets of a site that counts by a calendar of its own. */
#include "cmocka_test.h"

#include "core/explain.h"
#include "core/lifecycle.h"
#include "core/sla.h"
#include "world.h"

#define RESOLUTION(life) (&(life)->c.clocks[CLOCK_RESOLUTION])

static struct ref_site_calendar spells[3];

static struct ref_site *site_of(const struct life *life)
{
	struct ref_site *site = life->world->ref.sites;

	while (site->id != SITE_ACME)
		site++;
	return site;
}

/* The sites are the same for every world of the program. */
static int begin(void **state)
{
	int rc = life_begin(state);

	if (rc == 0)
		site_of(*state)->calendar_count = 0;
	return rc;
}

/* From when on the site counts by which calendar. */
static void site_counts_by(struct life *life, int64_t from_at, int32_t calendar_id)
{
	struct ref_site *site = site_of(life);

	site->calendars = spells;
	spells[site->calendar_count++] =
	        (struct ref_site_calendar){.from_at = from_at, .calendar_id = calendar_id};
}

/* P2, 8 hours to resolve: Tuesday 14:00 by office hours, 23:00 today by the clock. */
static void file_at_15(struct life *life)
{
	struct new_ticket in = world_incident();

	in.urgency = 1;
	assert_int_equal(lifecycle_create(&life->c, &in, &ANNA, at("2026-03-02T15:00:00+03:00"),
	                         &life->err),
	        0);
	assert_int_equal(life->c.ticket.priority, 2);
}

static const struct event *last_retarget(const struct life *life)
{
	const struct event *found = NULL;

	for (size_t i = 0; i < life->c.event_count; i++) {
		if (life->c.events[i].kind == EVENT_CLOCK_RETARGETED &&
		        life->c.events[i].clock == CLOCK_RESOLUTION)
			found = &life->c.events[i];
	}
	return found;
}

static void explained_due_is_the_clock_s(struct life *life, const char *now)
{
	struct explanation x;

	assert_int_equal(explain_clock(&life->c, CLOCK_RESOLUTION, life->c.events,
	                         life->c.event_count, at(now), life->arena, &x),
	        0);
	assert_int_equal(x.due_at, RESOLUTION(life)->due_at);
}

static void a_site_counts_by_its_own_calendar(void **state)
{
	struct life *life = *state;

	site_counts_by(life, at("2026-01-01T00:00:00Z"), CALENDAR_ALWAYS);
	file_at_15(life);
	assert_int_equal(RESOLUTION(life)->calendar_id, CALENDAR_ALWAYS);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T23:00:00+03:00"));
	explained_due_is_the_clock_s(life, "2026-03-02T20:00:00+03:00");
}

static void which_calendar_holds_is_told_by_its_instant(void **state)
{
	struct life *life = *state;
	const struct reference *ref = &life->world->ref;
	const struct ref_contract *contract = life->world->acme;

	assert_int_equal(reference_calendar_at(ref, contract, 0, 5), CALENDAR_OFFICE);
	assert_int_equal(reference_calendar_at(ref, contract, SITE_ACME, 5), CALENDAR_OFFICE);
	assert_int_equal(reference_calendar_at(ref, contract, 999, 5), CALENDAR_OFFICE);
	site_counts_by(life, 10, CALENDAR_ALWAYS);
	site_counts_by(life, 20, 0);
	site_counts_by(life, 20, CALENDAR_ALWAYS);
	assert_int_equal(reference_calendar_at(ref, contract, SITE_ACME, 9), CALENDAR_OFFICE);
	assert_int_equal(reference_calendar_at(ref, contract, SITE_ACME, 10), CALENDAR_ALWAYS);
	assert_int_equal(reference_calendar_at(ref, contract, SITE_ACME, 20), CALENDAR_ALWAYS);
	spells[2].calendar_id = 0;
	assert_int_equal(reference_calendar_at(ref, contract, SITE_ACME, 20), CALENDAR_OFFICE);
}

static void another_calendar_acts_from_its_instant_however_late_the_sweep(void **state)
{
	struct life *life = *state;
	int64_t there = at("2026-03-02T17:00:00+03:00");
	int64_t back = at("2026-03-02T20:00:00+03:00");

	file_at_15(life);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-03T14:00:00+03:00"));
	site_counts_by(life, there, CALENDAR_ALWAYS);
	assert_int_equal(life_tick(life, "2026-03-02T19:00:00+03:00"), 0);
	assert_int_equal(last_retarget(life)->occurred_at, there);
	assert_int_equal(last_retarget(life)->cause, CAUSE_CALENDAR);
	assert_int_equal(last_retarget(life)->consumed_us, 2 * HOUR);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T23:00:00+03:00"));
	/* Back to the contract's: five hours were counted, three are left of tomorrow. */
	site_counts_by(life, back, 0);
	assert_int_equal(life_tick(life, "2026-03-03T10:00:00+03:00"), 0);
	assert_int_equal(last_retarget(life)->occurred_at, back);
	assert_int_equal(last_retarget(life)->consumed_us, 5 * HOUR);
	assert_int_equal(RESOLUTION(life)->calendar_id, CALENDAR_OFFICE);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-03T12:00:00+03:00"));
	explained_due_is_the_clock_s(life, "2026-03-03T11:00:00+03:00");
	assert_int_equal(life_tick(life, "2026-03-03T11:00:00+03:00"), 0);
	assert_int_equal(last_retarget(life)->occurred_at, back);
}

static void one_that_came_too_late_for_an_entry_acts_at_that_entry(void **state)
{
	struct life *life = *state;

	file_at_15(life);
	site_counts_by(life, at("2026-03-02T14:59:59+03:00"), CALENDAR_ALWAYS);
	assert_int_equal(life_tick(life, "2026-03-02T16:00:00+03:00"), 0);
	assert_int_equal(last_retarget(life)->occurred_at, at("2026-03-02T15:00:00+03:00"));
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-02T23:00:00+03:00"));
}

static void a_paused_clock_goes_on_by_the_other_calendar(void **state)
{
	struct life *life = *state;
	const struct command ask = {
	        .verb = VERB_PEND, .actor = VERA, .text = "which?", .pend = PENDING_CUSTOMER};
	const struct command answer = {.verb = VERB_REPLY, .actor = ANNA, .text = "this"};

	file_at_15(life);
	assert_int_equal(life_apply(life, "2026-03-02T16:00:00+03:00", ask), 0);
	site_counts_by(life, at("2026-03-02T17:00:00+03:00"), CALENDAR_ALWAYS);
	assert_int_equal(life_apply(life, "2026-03-02T20:00:00+03:00", answer), 0);
	assert_int_equal(RESOLUTION(life)->calendar_id, CALENDAR_ALWAYS);
	assert_int_equal(RESOLUTION(life)->consumed_us, HOUR);
	assert_int_equal(RESOLUTION(life)->due_at, at("2026-03-03T03:00:00+03:00"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, life_end)
	const struct CMUnitTest tests[] = {
	        TEST(a_site_counts_by_its_own_calendar),
	        TEST(which_calendar_holds_is_told_by_its_instant),
	        TEST(another_calendar_acts_from_its_instant_however_late_the_sweep),
	        TEST(one_that_came_too_late_for_an_entry_acts_at_that_entry),
	        TEST(a_paused_clock_goes_on_by_the_other_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

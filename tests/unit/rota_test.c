/* On-call: turns over changes of daylight saving, coverage, overrides, gaps, layers. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/tz.h"
#include "core/calendar.h"
#include "core/rota.h"
#include "world.h"

enum { TEAM = TEAM_NET, ANN = 1, BOB = 2, CID = 3, DAN = 4, EVE = 5 };

static int32_t PEOPLE[] = {ANN, BOB, CID};

static struct ref_rota rota(const char *zone, const char *period, const char *hand_over,
        const char *start, const char *coverage)
{
	struct ref_rota out = {
	        .team_id = TEAM, .layer = 1, .people = PEOPLE, .person_count = 3};
	struct rota_text text = {zone, period, hand_over, start, coverage};
	struct otk_error err = {0};

	if (rota_parse(&text, &out, &err) != 0)
		fail_msg("%s: %s", err.violations[0].field, err.violations[0].description);
	return out;
}

static void turns_change_at_the_local_time_on_both_sides_of_daylight_saving(void **state)
{
	static const struct {
		const char *at;
		int32_t person;
		const char *until;
	} CASES[] = {
	        /* Weeks from Monday 2026-03-16 09:00 in Berlin; 2026-03-29 is an hour short. */
	        {"2026-03-16T07:59:00Z", 0, "2026-03-16T08:00:00Z"},
	        {"2026-03-16T08:00:00Z", ANN, "2026-03-23T08:00:00Z"},
	        {"2026-03-23T08:00:00Z", BOB, "2026-03-30T07:00:00Z"},
	        {"2026-03-30T06:59:00Z", BOB, "2026-03-30T07:00:00Z"},
	        {"2026-03-30T07:00:00Z", CID, "2026-04-06T07:00:00Z"},
	        {"2026-04-06T07:00:00Z", ANN, "2026-04-13T07:00:00Z"},
	        /* The autumn week is an hour longer. */
	        {"2026-10-19T07:00:00Z", BOB, "2026-10-26T08:00:00Z"},
	        {"2026-10-26T07:59:59Z", BOB, "2026-10-26T08:00:00Z"},
	        {"2026-10-26T08:00:00Z", CID, "2026-11-02T08:00:00Z"},
	};
	struct ref_rota weeks = rota("Europe/Berlin", "1w", "mon 09:00", "2026-03-16", "");
	struct reference ref = {.rotas = &weeks, .rota_count = 1};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct duty duty;

		assert_int_equal(rota_duty(&ref, TEAM, 1, at(CASES[i].at),
		                         at(CASES[i].at) + 30 * DAY, &duty),
		        0);
		assert_int_equal(duty.person_id, CASES[i].person);
		assert_int_equal(duty.until, at(CASES[i].until));
		assert_ptr_equal(duty.rota, CASES[i].person != 0 ? &weeks : NULL);
	}
	rota_release(&weeks);
}

static void a_hand_over_that_falls_into_a_gap_or_twice_happens_once(void **state)
{
	/* 02:30 is skipped on 2026-03-29 and comes twice on 2026-10-25 in Berlin. */
	struct ref_rota days = rota("Europe/Berlin", "1d", "02:30", "2026-03-27", "");
	struct reference ref = {.rotas = &days, .rota_count = 1};
	int64_t when = at("2026-03-27T01:30:00Z");
	int changes = 0;

	(void)state;
	while (when < at("2026-11-01T00:00:00Z")) {
		struct duty duty;
		int32_t person = rota_person(&ref, TEAM, 1, when);

		assert_int_equal(rota_duty(&ref, TEAM, 1, when, when + 3 * DAY, &duty), 0);
		assert_true(duty.until - when >= 23 * HOUR && duty.until - when <= 25 * HOUR);
		assert_int_equal(rota_person(&ref, TEAM, 1, duty.until), person % 3 + 1);
		when = duty.until;
		changes++;
	}
	assert_int_equal(changes, 219);
	rota_release(&days);
}

static void nights_have_gaps_by_day_that_are_named(void **state)
{
	struct ref_rota nights = rota("Europe/Moscow", "1w", "mon 08:00", "2026-03-02",
	        "mon 00:00-08:00,18:00-08:00; tue-fri 18:00-08:00; sat,sun 00:00-24:00");
	struct reference ref = {.rotas = &nights, .rota_count = 1};
	struct duty duty;

	(void)state;
	assert_int_equal(rota_duty(&ref, TEAM, 1, at("2026-03-03T12:00:00+03:00"),
	                         at("2026-04-03T12:00:00+03:00"), &duty),
	        0);
	assert_int_equal(duty.person_id, 0);
	assert_int_equal(duty.until, at("2026-03-03T18:00:00+03:00"));
	assert_int_equal(rota_duty(&ref, TEAM, 1, duty.until, duty.until + 30 * DAY, &duty), 0);
	assert_int_equal(duty.person_id, ANN);
	assert_int_equal(duty.until, at("2026-03-04T08:00:00+03:00"));
	/* From Friday's evening over the weekend up to the hand-over of Monday. */
	assert_int_equal(rota_duty(&ref, TEAM, 1, at("2026-03-06T18:00:00+03:00"),
	                         at("2026-04-03T12:00:00+03:00"), &duty),
	        0);
	assert_int_equal(duty.until, at("2026-03-09T08:00:00+03:00"));
	rota_release(&nights);
}

static void an_override_wins_and_the_later_made_of_two(void **state)
{
	struct ref_rota nights =
	        rota("UTC", "1w", "mon 00:00", "2026-03-02", "mon-sun 18:00-24:00");
	struct ref_override overrides[] = {
	        {.id = 1,
	                .team_id = TEAM,
	                .layer = 1,
	                .person_id = DAN,
	                .from = at("2026-03-03T10:00:00Z"),
	                .to = at("2026-03-03T20:00:00Z")},
	        {.id = 2,
	                .team_id = TEAM,
	                .layer = 1,
	                .person_id = EVE,
	                .from = at("2026-03-03T12:00:00Z"),
	                .to = at("2026-03-03T13:00:00Z")},
	        {.id = 3,
	                .team_id = TEAM,
	                .layer = 2,
	                .person_id = BOB,
	                .from = at("2026-03-03T00:00:00Z"),
	                .to = at("2026-03-04T00:00:00Z")},
	        {.id = 4,
	                .team_id = TEAM_OFFICE,
	                .layer = 1,
	                .person_id = BOB,
	                .from = at("2026-03-03T00:00:00Z"),
	                .to = at("2026-03-04T00:00:00Z")},
	};
	static const struct {
		const char *at;
		int32_t person;
		const char *until;
	} CASES[] = {
	        {"2026-03-03T09:00:00Z", 0, "2026-03-03T10:00:00Z"},
	        {"2026-03-03T10:00:00Z", DAN, "2026-03-03T12:00:00Z"},
	        {"2026-03-03T12:00:00Z", EVE, "2026-03-03T13:00:00Z"},
	        {"2026-03-03T13:00:00Z", DAN, "2026-03-03T20:00:00Z"},
	        {"2026-03-03T20:00:00Z", ANN, "2026-03-04T00:00:00Z"},
	        {"2026-03-04T00:00:00Z", 0, "2026-03-04T18:00:00Z"},
	};
	struct reference ref = {
	        .rotas = &nights, .rota_count = 1, .overrides = overrides, .override_count = 4};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct duty duty;

		assert_int_equal(rota_duty(&ref, TEAM, 1, at(CASES[i].at),
		                         at(CASES[i].at) + 30 * DAY, &duty),
		        0);
		assert_int_equal(duty.person_id, CASES[i].person);
		assert_int_equal(duty.until, at(CASES[i].until));
	}
	assert_int_equal(rota_person(&ref, TEAM, 2, at("2026-03-03T10:00:00Z")), BOB);
	assert_int_equal(rota_layers(&ref, TEAM), 2);
	assert_int_equal(rota_layers(&ref, TEAM_OFFICE), 1);
	assert_int_equal(rota_layers(&ref, TEAM_RETIRED), 0);
	rota_release(&nights);
}

static void of_two_rotas_the_first_by_code_that_covers_serves(void **state)
{
	struct ref_rota rotas[] = {
	        rota("UTC", "1d", "00:00", "2026-03-02", "mon-sun 08:00-20:00"),
	        rota("UTC", "1d", "00:00", "2026-03-02", ""),
	};
	int32_t others[] = {DAN};
	struct reference ref = {.rotas = rotas, .rota_count = 2};
	struct duty duty;

	(void)state;
	rotas[1].people = others;
	rotas[1].person_count = 1;
	assert_int_equal(rota_duty(&ref, TEAM, 1, at("2026-03-02T07:00:00Z"),
	                         at("2026-04-02T07:00:00Z"), &duty),
	        0);
	assert_int_equal(duty.person_id, DAN);
	assert_int_equal(duty.until, at("2026-03-02T08:00:00Z"));
	assert_int_equal(rota_person(&ref, TEAM, 1, at("2026-03-02T08:00:00Z")), ANN);
	assert_int_equal(rota_person(&ref, TEAM, 1, at("2026-03-02T20:00:00Z")), DAN);
	rota_release(&rotas[0]);
	rota_release(&rotas[1]);
}

static void an_edited_rota_says_at_each_time_what_was_in_force_then(void **state)
{
	struct ref_rota rotas[] = {
	        rota("UTC", "1d", "09:00", "2026-03-02", ""),
	        rota("UTC", "1d", "09:00", "2026-03-02", "mon-sun 09:00-21:00"),
	        rota("UTC", "1d", "09:00", "2026-03-02", ""),
	};
	int32_t others[] = {DAN, BOB, EVE};
	struct reference ref = {.rotas = rotas, .rota_count = 3};
	static const struct {
		const char *at;
		int32_t person;
		const char *until;
	} CASES[] = {
	        {"2026-03-02T00:00:00Z", 0, "2026-03-02T10:00:00Z"}, /* not declared yet */
	        {"2026-03-02T10:00:00Z", ANN, "2026-03-03T09:00:00Z"},
	        /* The edit in the middle of a turn leaves Bob his, but for the night. */
	        {"2026-03-03T09:00:00Z", BOB, "2026-03-03T21:00:00Z"},
	        {"2026-03-03T21:00:00Z", 0, "2026-03-04T09:00:00Z"},
	        {"2026-03-04T09:00:00Z", CID, "2026-03-04T12:00:00Z"},
	        {"2026-03-04T12:00:00Z", EVE, "2026-03-05T09:00:00Z"}, /* other people */
	        {"2026-03-05T09:00:00Z", DAN, "2026-03-05T10:00:00Z"},
	        {"2026-03-05T10:00:00Z", 0, "2026-04-01T00:00:00Z"}, /* retired */
	};

	(void)state;
	rotas[2].people = others;
	rotas[0].since = at("2026-03-02T10:00:00Z");
	rotas[0].until = rotas[1].since = at("2026-03-03T12:00:00Z");
	rotas[1].until = rotas[2].since = at("2026-03-04T12:00:00Z");
	rotas[2].until = at("2026-03-05T10:00:00Z");
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct duty duty;

		assert_int_equal(rota_duty(&ref, TEAM, 1, at(CASES[i].at),
		                         at("2026-04-01T00:00:00Z"), &duty),
		        0);
		assert_int_equal(duty.person_id, CASES[i].person);
		assert_int_equal(duty.until, at(CASES[i].until));
	}
	for (size_t i = 0; i < 3; i++)
		rota_release(&rotas[i]);
}

static void what_is_asked_outside_the_calendars_years_is_refused(void **state)
{
	struct reference ref = {0};
	struct duty duty;

	(void)state;
	assert_int_equal(rota_duty(&ref, TEAM, 1, -1, 10, &duty), -OTK_OUT_OF_RANGE);
	assert_int_equal(rota_duty(&ref, TEAM, 1, 10, 10, &duty), -OTK_OUT_OF_RANGE);
	assert_int_equal(
	        rota_duty(&ref, TEAM, 1, 10, CALENDAR_END + 1, &duty), -OTK_OUT_OF_RANGE);
	assert_int_equal(rota_person(&ref, TEAM, 1, -1), 0);
	assert_int_equal(rota_duty(&ref, TEAM, 1, 10, 20, &duty), 0);
	assert_int_equal(duty.person_id, 0);
	assert_int_equal(duty.until, 20);
}

static void texts_that_are_wrong_are_told_by_field(void **state)
{
	static const struct {
		struct rota_text text;
		const char *field;
		const char *words;
	} CASES[] = {
	        {{"Mars/Base", "1w", "mon 09:00", "2026-01-05", ""}, "zone", "no time zone"},
	        {{"", "1m", "09:00", "2026-01-05", ""}, "period", "days or weeks"},
	        {{"", "0d", "09:00", "2026-01-05", ""}, "period", "days or weeks"},
	        {{"", "53w", "09:00", "2026-01-05", ""}, "period", "366d"},
	        {{"", "", "09:00", "2026-01-05", ""}, "period", "days or weeks"},
	        {{"", "1w", "9:00", "2026-01-05", ""}, "hand_over", "mon 09:00"},
	        {{"", "1w", "mon 24:00", "2026-01-05", ""}, "hand_over", "mon 09:00"},
	        {{"", "1w", "mo 09:00", "2026-01-05", ""}, "hand_over", "mon 09:00"},
	        {{"", "1w", "", "2026-01-05", ""}, "hand_over", "mon 09:00"},
	        {{"", "10d", "mon 09:00", "2026-01-05", ""}, "hand_over", "whole weeks"},
	        {{"", "1w", "mon 09:00", "2026-01-06", ""}, "start", "2026-01-12"},
	        {{"", "1w", "09:00", "soon", ""}, "start", "2026-01-05"},
	        {{"", "1w", "09:00", "1969-01-05", ""}, "start", "no date"},
	        {{"", "1w", "09:00", "2026-01-05", "mon 9-5"}, "coverage", ""},
	        {{"", "1w", "09:00", "2026-01-05", "mon 09:00-09:60"}, "coverage", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct ref_rota out = {0};
		struct otk_error err = {0};

		assert_int_equal(rota_parse(&CASES[i].text, &out, &err), -OTK_INVALID_ARGUMENT);
		assert_int_equal(err.violation_count, 1);
		assert_string_equal(err.violations[0].field, CASES[i].field);
		if (strstr(err.violations[0].description, CASES[i].words) == NULL)
			fail_msg("%s", err.violations[0].description);
		rota_release(&out);
	}
}

/*
 * The slow way: turns counted one by one from the first, coverage read off the local wall
 * clock. Edges of coverage lie away from the hours that transitions skip or repeat.
 */
static int32_t slow_person(const struct ref_rota *r, bool nights, int64_t when)
{
	int64_t local = tz_to_local(r->tz, when);
	int64_t minute = local / MINUTE % (24 * 60);
	int32_t turn = -1;

	for (int64_t day = r->start_date;; day += r->period_days, turn++) {
		if (tz_from_local(r->tz, day * DAY + r->hand_over_s * SECOND) > when)
			break;
	}
	if (turn < 0 || (nights && minute >= 8 * 60 && minute < 18 * 60))
		return 0;
	return r->people[(size_t)turn % r->person_count];
}

static void minutes_of_a_year_agree_with_the_slow_way_in_six_zones(void **state)
{
	static const char *const ZONES[] = {"Europe/Berlin", "America/New_York", "Asia/Tehran",
	        "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Chatham"};

	(void)state;
	srand(20261122);
	for (size_t z = 0; z < sizeof ZONES / sizeof ZONES[0]; z++) {
		for (int nights = 0; nights < 2; nights++) {
			struct ref_rota r =
			        rota(ZONES[z], nights ? "1w" : "1d", nights ? "09:00" : "02:30",
			                "2021-03-01", nights ? "mon-sun 18:00-08:00" : "");
			struct reference ref = {.rotas = &r, .rota_count = 1};
			int64_t when = at("2021-02-28T00:00:00Z");

			while (when < at("2022-03-01T00:00:00Z")) {
				int32_t person = slow_person(&r, nights, when);
				struct duty duty;

				assert_int_equal(rota_person(&ref, TEAM, 1, when), person);
				assert_int_equal(
				        rota_duty(&ref, TEAM, 1, when, when + 30 * DAY, &duty),
				        0);
				assert_int_equal(duty.person_id, person);
				assert_int_equal(
				        slow_person(&r, nights, duty.until - MINUTE), person);
				when += MINUTE * (1 + rand() % 300);
				if (when > duty.until)
					when = duty.until;
			}
			rota_release(&r);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                turns_change_at_the_local_time_on_both_sides_of_daylight_saving),
	        cmocka_unit_test(a_hand_over_that_falls_into_a_gap_or_twice_happens_once),
	        cmocka_unit_test(nights_have_gaps_by_day_that_are_named),
	        cmocka_unit_test(an_override_wins_and_the_later_made_of_two),
	        cmocka_unit_test(of_two_rotas_the_first_by_code_that_covers_serves),
	        cmocka_unit_test(an_edited_rota_says_at_each_time_what_was_in_force_then),
	        cmocka_unit_test(what_is_asked_outside_the_calendars_years_is_refused),
	        cmocka_unit_test(texts_that_are_wrong_are_told_by_field),
	        cmocka_unit_test(minutes_of_a_year_agree_with_the_slow_way_in_six_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

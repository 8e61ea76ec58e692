/* What a simulation adds up: cells, months, credits, bounds. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "core/simulation.h"
#include "world.h"

/* One ticket with one resolution, over at `ended`, broken or met, in the summer of 2026. */
static int try_one(struct simulation *s, struct world *world, int month, int16_t priority,
        bool broken, int64_t consumed)
{
	struct simulated_outcome o = {.clock = CLOCK_RESOLUTION,
	        .state = broken ? CLOCK_LATE : CLOCK_MET,
	        .started_at = at("2026-06-01T00:00:00Z"),
	        .ended_at = at("2026-06-10T12:00:00Z") + (int64_t)(month - 6) * 31 * DAY,
	        .consumed_us = consumed,
	        .target_us = 4 * HOUR,
	        .type = TICKET_INCIDENT,
	        .priority = priority,
	        .service_id = SERVICE_MAIL,
	        .calendar_id = CALENDAR_OFFICE};
	struct simulated ticket = {.outcomes = &o, .count = 1};

	o.breached_at = broken ? o.ended_at : 0;
	return simulation_add(s, &world->ref, world->acme, &ticket);
}

static void add_one(struct simulation *s, struct world *world, int month, int16_t priority,
        bool broken, int64_t consumed)
{
	assert_int_equal(try_one(s, world, month, priority, broken, consumed), 0);
}

static void set_fee(struct world *world, struct ref_credit *credits, size_t count)
{
	world->acme->fee = 300000;
	world->acme->period = 3;
	world->acme->credits = credits;
	world->acme->credit_count = count;
	world->acme->credit_cap = 10000;
}

static void the_lowest_step_that_holds_is_given_back(void **state)
{
	struct life *life = *state;
	struct ref_credit credits[] = {
	        {.clock = CLOCK_RESOLUTION, .below = 9500, .credit = 500},
	        {.clock = CLOCK_RESOLUTION, .below = 9000, .credit = 1000},
	        {.clock = CLOCK_RESOLUTION, .below = 5000, .credit = 5000},
	        {.clock = CLOCK_RESPONSE, .below = 9900, .credit = 2000},
	};
	struct simulation s = {0};
	struct simulation_sum sums[4];

	set_fee(life->world, credits, 4);
	/* June: 8 of 10 kept; July: 19 of 20, which is not below 95 %; August: 1 of 4. */
	for (int i = 0; i < 10; i++)
		add_one(&s, life->world, 6, 3, i < 2, HOUR);
	for (int i = 0; i < 20; i++)
		add_one(&s, life->world, 7, 3, i < 1, HOUR);
	for (int i = 0; i < 4; i++)
		add_one(&s, life->world, 8, 3, i < 3, HOUR);
	simulation_finish(&s);
	assert_int_equal(simulation_sums(&s, life->world->acme, sums, 4), 3);
	assert_int_equal(sums[0].month, 2026 * 12 + 5);
	assert_int_equal(sums[0].credit_share, 1000);
	assert_int_equal(sums[0].credit, 10000);
	assert_int_equal(sums[1].credit_share, 0);
	assert_int_equal(sums[2].credit_share, 5000);
	assert_int_equal(sums[2].credit, 50000);
	assert_int_equal(sums[2].breached, 3);
	/* Without a contract nothing is given back; fewer are written where there is less room.
	 */
	assert_int_equal(simulation_sums(&s, NULL, sums, 1), 3);
	assert_int_equal(sums[0].credit_share, 0);
	simulation_clear(&s);
}

static void steps_of_several_groups_add_up_to_the_cap(void **state)
{
	struct life *life = *state;
	struct ref_credit credits[] = {
	        {.clock = CLOCK_RESOLUTION, .priority = 1, .below = 9000, .credit = 2000},
	        {.clock = CLOCK_RESOLUTION, .priority = 2, .below = 9000, .credit = 2500},
	        {.clock = CLOCK_RESOLUTION,
	                .service_id = SERVICE_MAIL,
	                .below = 9000,
	                .credit = 100},
	        {.clock = CLOCK_RESOLUTION,
	                .type = TICKET_SERVICE_REQUEST,
	                .below = 9000,
	                .credit = 7000},
	};
	struct simulation s = {0};
	struct simulation_sum sum;

	set_fee(life->world, credits, 4);
	add_one(&s, life->world, 6, 1, true, HOUR);
	add_one(&s, life->world, 6, 2, true, HOUR);
	simulation_finish(&s);
	assert_int_equal(simulation_sums(&s, life->world->acme, &sum, 1), 1);
	assert_int_equal(sum.credit_share, 4600);
	life->world->acme->credit_cap = 3000;
	(void)simulation_sums(&s, life->world->acme, &sum, 1);
	assert_int_equal(sum.credit_share, 3000);
	assert_int_equal(sum.credit, 30000);
	simulation_clear(&s);
}

static void cells_are_by_clock_type_priority_and_service(void **state)
{
	struct life *life = *state;
	struct simulation_key key = {.clock = CLOCK_RESOLUTION,
	        .type = TICKET_INCIDENT,
	        .priority = 2,
	        .service_id = SERVICE_MAIL};
	struct simulation s = {0};
	const struct simulation_cell *cell;

	for (int i = 10; i > 0; i--)
		add_one(&s, life->world, 6, 2, i > 8, i * HOUR);
	add_one(&s, life->world, 6, 1, false, HOUR);
	simulation_finish(&s);
	assert_int_equal(s.cell_count, 2);
	assert_int_equal(s.cells[0].key.priority, 1);
	cell = simulation_find(&s, &key);
	assert_non_null(cell);
	assert_int_equal(cell->met, 8);
	assert_int_equal(cell->breached, 2);
	assert_int_equal(cell->breach_us, (5 + 6) * HOUR);
	for (int i = 0; i < 10; i++)
		assert_int_equal(cell->consumed[i], (i + 1) * HOUR);
	key.priority = 5;
	assert_null(simulation_find(&s, &key));
	simulation_clear(&s);
}

/* Void and open outcomes are told, but are of no account. */
static void what_has_no_outcome_counts_neither_way(void **state)
{
	struct life *life = *state;
	struct simulated_outcome o[] = {
	        {.clock = CLOCK_UPDATE,
	                .state = CLOCK_VOID,
	                .type = TICKET_INCIDENT,
	                .priority = 3},
	        {.clock = CLOCK_UPDATE,
	                .state = CLOCK_RUNNING,
	                .type = TICKET_INCIDENT,
	                .priority = 3},
	};
	struct simulated ticket = {
	        .outcomes = o, .count = 2, .observed = true, .self_recovered = true};
	struct simulation s = {0};

	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	simulation_finish(&s);
	assert_int_equal(s.cells[0].silent, 1);
	assert_int_equal(s.cells[0].open, 1);
	assert_int_equal(s.cells[0].count, 0);
	assert_int_equal(s.month_count, 0);
	assert_int_equal(s.observed, 1);
	assert_int_equal(s.self_recovered, 1);
	simulation_clear(&s);
}

/* Weeks of wall time spread over the hours of the week evenly; office hours only over theirs.
 */
static void time_goes_to_the_hours_in_which_it_was_counted(void **state)
{
	struct life *life = *state;
	struct simulated_stretch stretch = {.from = at("2026-03-02T00:00:00+03:00"),
	        .to = at("2026-03-16T00:00:00+03:00"),
	        .counted_us = 14 * DAY,
	        .state = TICKET_PENDING,
	        .reason = PENDING_SUPPLIER,
	        .team_id = TEAM_NET};
	struct simulated_outcome o = {.clock = CLOCK_RESOLUTION,
	        .state = CLOCK_RUNNING,
	        .breached_at = stretch.to,
	        .wall = true,
	        .type = TICKET_INCIDENT,
	        .priority = 3,
	        .calendar_id = CALENDAR_OFFICE,
	        .stretches = &stretch,
	        .stretch_count = 1};
	struct simulated ticket = {.outcomes = &o, .count = 1};
	struct simulation s = {0};
	int hours = 0;

	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	for (size_t i = 0; i < s.reason_count; i++) {
		if (s.reasons[i].kind != REASON_HOUR)
			continue;
		hours++;
		assert_int_equal(s.reasons[i].counted_us, 2 * HOUR);
	}
	assert_int_equal(hours, 168);
	simulation_clear(&s);
	o.wall = false;
	stretch.counted_us = 10 * 9 * HOUR;
	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	simulation_finish(&s);
	hours = 0;
	for (size_t i = 0; i < s.reason_count; i++) {
		const struct simulation_reason *reason = &s.reasons[i];

		if (reason->kind == REASON_HOUR) {
			hours++;
			assert_true(reason->id / 24 < 5);
			assert_in_range(reason->id % 24, 9, 17);
		} else if (reason->kind == REASON_STATE) {
			assert_int_equal(reason->id, TICKET_PENDING);
			assert_int_equal(reason->sub, PENDING_SUPPLIER);
		} else {
			assert_int_equal(
			        reason->id, reason->kind == REASON_TEAM ? TEAM_NET : 0);
		}
	}
	assert_int_equal(hours, 45);
	simulation_clear(&s);
}

/* At the bound where a cell's array was just about to grow. */
static void past_the_bound_nothing_is_gathered_and_all_can_be_freed(void **state)
{
	struct life *life = *state;
	struct simulation s = {0};

	for (int i = 0; i < 16; i++)
		add_one(&s, life->world, 6, 3, false, HOUR);
	assert_int_equal(s.cells[0].count, s.cells[0].cap);
	s.outcomes = SIMULATION_OUTCOMES_MAX;
	assert_int_equal(try_one(&s, life->world, 6, 3, false, HOUR), -OTK_RESOURCE_EXHAUSTED);
	assert_int_equal(s.cells[0].count, 16);
	assert_int_equal(s.cells[0].consumed[15], HOUR);
	simulation_clear(&s);
}

static void a_fee_is_parted_exactly_and_halves_go_up(void **state)
{
	static const struct {
		int64_t fee;
		int16_t period;
		int16_t share;
		int64_t credit;
	} CASES[] = {
	        {100, 3, 10000, 33}, /* 33.33 */
	        {200, 3, 10000, 67}, /* 66.67 */
	        {100, 1, 150, 2},    /* 1.5 */
	        {99, 1, 150, 1},     /* 1.485 */
	        {100000, 12, 1, 1},  /* 0.83 */
	        {50000, 12, 1, 0},   /* 0.42 */
	        {60000, 12, 1, 1},   /* 0.5 */
	        {INT64_C(10000000000000000), 1, 9999, INT64_C(9999000000000000)},
	        {INT64_C(9999999999999999), 12, 10000, INT64_C(833333333333333)},
	};
	struct life *life = *state;

	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct ref_credit credit = {
		        .clock = CLOCK_RESOLUTION, .below = 9000, .credit = CASES[i].share};
		struct simulation s = {0};
		struct simulation_sum sum;

		set_fee(life->world, &credit, 1);
		life->world->acme->fee = CASES[i].fee;
		life->world->acme->period = CASES[i].period;
		add_one(&s, life->world, 6, 1, true, HOUR);
		simulation_finish(&s);
		(void)simulation_sums(&s, life->world->acme, &sum, 1);
		assert_int_equal(sum.credit, CASES[i].credit);
		simulation_clear(&s);
	}
}

/* Open ones have lasted at least so long: a target under that would not have been kept. */
static void a_safe_target_takes_account_of_those_that_last(void **state)
{
	struct simulated_outcome o = {.clock = CLOCK_RESOLUTION,
	        .state = CLOCK_RUNNING,
	        .breached_at = 1,
	        .consumed_us = 24 * HOUR,
	        .target_us = 4 * HOUR,
	        .type = TICKET_INCIDENT,
	        .priority = 3};
	struct simulated ticket = {.outcomes = &o, .count = 1};
	struct life *life = *state;
	struct simulation s = {0};
	int64_t us = 0;

	for (int i = 1; i <= 10; i++)
		add_one(&s, life->world, 6, 3, i > 4, i * HOUR);
	simulation_finish(&s);
	assert_int_equal(simulation_safe(&s.cells[0], 90, &us), 1);
	assert_int_equal(us, 9 * HOUR);
	assert_int_equal(simulation_safe(&s.cells[0], 99, &us), 1);
	assert_int_equal(us, 10 * HOUR);
	/* Nine of ten are over by nine hours, but of eleven only by ten. */
	o.service_id = SERVICE_MAIL;
	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	assert_int_equal(s.cell_count, 1);
	assert_int_equal(simulation_safe(&s.cells[0], 90, &us), 1);
	assert_int_equal(us, 10 * HOUR);
	assert_int_equal(simulation_safe(&s.cells[0], 99, &us), 0);
	/* One that was lost sight of after two hours says nothing of later ones. */
	o.breached_at = 0;
	o.consumed_us = 2 * HOUR;
	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	assert_int_equal(simulation_safe(&s.cells[0], 90, &us), 1);
	assert_int_equal(us, 10 * HOUR);
	simulation_clear(&s);
}

static void a_forgiven_breach_counts_neither_way(void **state)
{
	struct simulated_outcome o = {.clock = CLOCK_RESOLUTION,
	        .state = CLOCK_LATE,
	        .breached_at = 1,
	        .ended_at = 1,
	        .waived = true,
	        .consumed_us = 24 * HOUR,
	        .target_us = 4 * HOUR,
	        .type = TICKET_INCIDENT,
	        .priority = 3};
	struct simulated ticket = {.outcomes = &o, .count = 1};
	struct life *life = *state;
	struct simulation s = {0};

	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	assert_int_equal(s.cells[0].waived, 1);
	assert_int_equal(s.cells[0].breached, 0);
	assert_int_equal(s.cells[0].breach_us, 0);
	assert_int_equal(s.month_count, 0);
	assert_int_equal(s.reason_count, 0);
	assert_int_equal(s.cells[0].count, 1); /* it took what it took */
	simulation_clear(&s);
}

/* Laid side by side, two contracts have the same rows, though one names teams and the other
 * does not. */
static void teams_are_told_apart_where_either_contract_does(void **state)
{
	struct ref_target targets[] = {
	        {.clock = CLOCK_OPERATIONAL, .target_us = HOUR},
	        {.clock = CLOCK_OPERATIONAL, .team_id = TEAM_NET, .target_us = 2 * HOUR},
	};
	struct simulated_outcome o[] = {
	        {.clock = CLOCK_OPERATIONAL, .state = CLOCK_MET, .team_id = TEAM_NET},
	        {.clock = CLOCK_OPERATIONAL, .state = CLOCK_MET, .team_id = TEAM_OFFICE},
	        {.clock = CLOCK_RESOLUTION, .state = CLOCK_MET, .team_id = TEAM_NET},
	};
	struct simulated ticket = {.outcomes = o, .count = 3};
	struct life *life = *state;
	struct simulation s = {0};

	life->world->acme->targets = targets;
	life->world->acme->target_count = 2;
	assert_int_equal(simulation_tell_apart(&s, life->world->acme), 0);
	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->bar, &ticket), 0);
	simulation_finish(&s);
	assert_int_equal(s.cell_count, 3);
	assert_int_equal(s.cells[0].key.team_id, 0); /* a resolution is nobody's alone */
	assert_int_equal(s.cells[1].key.team_id, 0);
	assert_int_equal(s.cells[2].key.team_id, TEAM_NET);
	simulation_clear(&s);
}

/* Berlin puts its clocks forward on 29 March 2026 at two. */
static void hours_are_those_of_the_wall_on_both_sides_of_a_change(void **state)
{
	struct simulated_stretch stretch = {.from = at("2026-03-28T09:00:00+01:00"),
	        .to = at("2026-03-30T11:00:00+02:00"),
	        .counted_us = 49 * HOUR,
	        .state = TICKET_NEW};
	struct simulated_outcome o = {.clock = CLOCK_RESOLUTION,
	        .state = CLOCK_RUNNING,
	        .breached_at = stretch.to,
	        .wall = true,
	        .type = TICKET_INCIDENT,
	        .priority = 3,
	        .calendar_id = CALENDAR_ALWAYS,
	        .stretches = &stretch,
	        .stretch_count = 1};
	struct simulated ticket = {.outcomes = &o, .count = 1};
	struct life *life = *state;
	struct simulation s = {0};
	int64_t hours[168] = {0};

	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	for (size_t i = 0; i < s.reason_count; i++) {
		if (s.reasons[i].kind == REASON_HOUR)
			hours[s.reasons[i].id] = s.reasons[i].counted_us;
	}
	for (int hour = 0; hour < 24; hour++) {
		assert_int_equal(hours[5 * 24 + hour], hour < 9 ? 0 : HOUR);
		assert_int_equal(hours[6 * 24 + hour], hour == 2 ? 0 : HOUR);
		assert_int_equal(hours[hour], hour < 11 ? HOUR : 0);
	}
	simulation_clear(&s);
	/* Over the weeks around it: the hour that was left out is missing, no other. */
	stretch.from = at("2026-03-02T00:00:00+01:00");
	stretch.to = at("2026-04-27T00:00:00+02:00");
	assert_int_equal(simulation_add(&s, &life->world->ref, life->world->acme, &ticket), 0);
	for (size_t i = 0; i < s.reason_count; i++) {
		if (s.reasons[i].kind == REASON_HOUR)
			assert_int_equal(s.reasons[i].counted_us,
			        s.reasons[i].id == 6 * 24 + 2 ? 7 * HOUR : 8 * HOUR);
	}
	simulation_clear(&s);
}

static void a_month_is_whole_in_its_own_zone(void **state)
{
	struct life *life = *state;
	const struct reference *ref = &life->world->ref;
	int32_t march = 2026 * 12 + 2;

	assert_true(simulation_month_whole(ref, CALENDAR_OFFICE, march,
	        at("2026-03-01T00:00:00+03:00"), at("2026-04-01T00:00:00+03:00")));
	assert_false(simulation_month_whole(ref, CALENDAR_OFFICE, march,
	        at("2026-03-01T00:00:01+03:00"), at("2026-04-01T00:00:00+03:00")));
	assert_false(simulation_month_whole(ref, CALENDAR_OFFICE, march,
	        at("2026-02-28T00:00:00+03:00"), at("2026-03-31T23:59:59+03:00")));
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, life_begin, life_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        LIFE(the_lowest_step_that_holds_is_given_back),
	        LIFE(steps_of_several_groups_add_up_to_the_cap),
	        LIFE(cells_are_by_clock_type_priority_and_service),
	        LIFE(what_has_no_outcome_counts_neither_way),
	        LIFE(time_goes_to_the_hours_in_which_it_was_counted),
	        LIFE(past_the_bound_nothing_is_gathered_and_all_can_be_freed),
	        LIFE(a_fee_is_parted_exactly_and_halves_go_up),
	        LIFE(a_safe_target_takes_account_of_those_that_last),
	        LIFE(a_forgiven_breach_counts_neither_way),
	        LIFE(teams_are_told_apart_where_either_contract_does),
	        LIFE(hours_are_those_of_the_wall_on_both_sides_of_a_change),
	        LIFE(a_month_is_whole_in_its_own_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

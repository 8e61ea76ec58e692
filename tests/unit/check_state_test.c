/* Soft and hard states, intervals, flapping. */
#include "agent/check_state.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct check_rules RULES = {
        .max_attempts = 3,
        .check_interval = 300,
        .retry_interval = 60,
        .flap_start_permil = 300,
        .flap_stop_permil = 200,
};

/*
 * A script is results as letters O W C U; what is expected after each is h (hard,
 * unchanged), H (hard state changed), s (soft), r (soft recovery), R (the same as first state).
 */
static void states_turn_hard_after_max_attempts(void **state)
{
	static const struct {
		uint32_t max_attempts;
		const char *results;
		const char *expected;
		const char *attempts;
	} CASES[] = {
	        {3, "OOO", "Hhh", "111"},
	        {1, "OCCO", "HHhH", "1111"},
	        {3, "OCCCO", "HssHH", "11231"},
	        {3, "OCCOC", "Hssrs", "11211"},
	        {3, "OWCUO", "HssHH", "11231"},
	        {3, "OCCCWC", "HssHHH", "112333"},
	        {3, "CCC", "ssH", "123"},
	        {3, "CCO", "ssR", "121"},
	        {2, "OCCCCO", "HsHhhH", "112221"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct check_rules rules = RULES;
		struct check_life life = {0};

		rules.max_attempts = CASES[i].max_attempts;
		for (size_t k = 0; CASES[i].results[k] != '\0'; k++) {
			const char *letter = strchr("OWCU", CASES[i].results[k]);
			enum check_state result = (enum check_state)(letter - "OWCU");
			struct check_change change = check_life_apply(&life, &rules, result);
			char got = !life.hard ? 's' : change.hard_changed ? 'H' : 'h';

			if (change.soft_recovery)
				got = change.hard_changed ? 'R' : 'r';
			if (got != CASES[i].expected[k] ||
			        life.attempt != (uint32_t)(CASES[i].attempts[k] - '0'))
				fail_msg("%s step %zu: %c attempt %u", CASES[i].results, k, got,
				        life.attempt);
		}
	}
}

static void a_soft_problem_is_retried_sooner(void **state)
{
	struct check_life life = {0};

	(void)state;
	assert_int_equal(check_life_interval(&life, &RULES), 300);
	(void)check_life_apply(&life, &RULES, CHECK_CRITICAL);
	assert_int_equal(check_life_interval(&life, &RULES), 60);
	(void)check_life_apply(&life, &RULES, CHECK_CRITICAL);
	(void)check_life_apply(&life, &RULES, CHECK_CRITICAL);
	assert_int_equal(check_life_interval(&life, &RULES), 300);
}

static void percent_state_change_matches_the_vectors(void **state)
{
	uint8_t ring[CHECK_RING] = {0};

	(void)state;
	assert_true(flap_percent(ring) == 0);
	ring[20] = CHECK_CRITICAL;
	assert_true(fabs(flap_percent(ring) - 6.25) < 1e-9);
	memset(ring, CHECK_WARNING, sizeof ring);
	ring[0] = CHECK_OK;
	assert_true(fabs(flap_percent(ring) - 3.75) < 1e-9);
	for (int i = 0; i < CHECK_RING; i++)
		ring[i] = i % 2 == 0 ? CHECK_OK : CHECK_CRITICAL;
	assert_true(fabs(flap_percent(ring) - 100) < 1e-9);
}

static void flapping_starts_and_stops_at_its_thresholds(void **state)
{
	struct check_rules rules = RULES;
	struct check_life life = {0};
	int starts = 0;
	int stops = 0;

	(void)state;
	rules.max_attempts = 1;
	for (int i = 0; i < 21; i++)
		starts +=
		        check_life_apply(&life, &rules, i % 2 == 0 ? CHECK_OK : CHECK_CRITICAL)
		                .flap_started;
	assert_int_equal(starts, 1);
	assert_true(life.flapping);
	for (int i = 0; i < 21 && life.flapping; i++) {
		stops += check_life_apply(&life, &rules, CHECK_OK).flap_stopped;
	}
	assert_int_equal(stops, 1);
	assert_true(flap_percent(life.ring) <= 20.0);
}

static void soft_problems_do_not_enter_the_ring_but_soft_recoveries_do(void **state)
{
	struct check_life life = {0};
	uint8_t before[CHECK_RING];

	(void)state;
	(void)check_life_apply(&life, &RULES, CHECK_OK);
	memcpy(before, life.ring, sizeof before);
	(void)check_life_apply(&life, &RULES, CHECK_CRITICAL);
	assert_int_equal(life.ring_count, 1);
	assert_memory_equal(life.ring, before, sizeof before);
	(void)check_life_apply(&life, &RULES, CHECK_OK);
	assert_int_equal(life.ring_count, 2);
}

static void only_a_real_move_asks_to_be_saved(void **state)
{
	struct check_life life = {0};

	(void)state;
	assert_true(check_life_apply(&life, &RULES, CHECK_OK).moved);
	assert_false(check_life_apply(&life, &RULES, CHECK_OK).moved);
	assert_true(check_life_apply(&life, &RULES, CHECK_WARNING).moved);
	assert_true(check_life_apply(&life, &RULES, CHECK_WARNING).moved);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(check_state_name(CHECK_CRITICAL), "CRITICAL");
	assert_string_equal(check_state_name((enum check_state)9), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(states_turn_hard_after_max_attempts),
	        cmocka_unit_test(a_soft_problem_is_retried_sooner),
	        cmocka_unit_test(percent_state_change_matches_the_vectors),
	        cmocka_unit_test(flapping_starts_and_stops_at_its_thresholds),
	        cmocka_unit_test(soft_problems_do_not_enter_the_ring_but_soft_recoveries_do),
	        cmocka_unit_test(only_a_real_move_asks_to_be_saved),
	        cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

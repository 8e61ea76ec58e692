/* Kaplan–Meier against a table worked by hand and a naive count; shares and ranks. */
#include "cmocka_test.h"

#include <math.h>
#include <stdlib.h>

#include "core/statistics.h"
#include "core/survival.h"

static void near(double found, double expected)
{
	if (fabs(found - expected) > 1e-6)
		fail_msg("found %.9f, expected %.9f", found, expected);
}

/* Remission of leukaemia under 6-MP (Freireich 1963), the table of every textbook. */
static void the_known_table_comes_out(void **state)
{
	static const struct survival_time TIMES[] = {{6, true}, {6, true}, {6, true},
	        {6, false}, {7, true}, {9, false}, {10, true}, {10, false}, {11, false},
	        {13, true}, {16, true}, {17, false}, {19, false}, {20, false}, {22, true},
	        {23, true}, {25, false}, {32, false}, {32, false}, {34, false}, {35, false}};
	static const struct {
		int64_t us;
		double survival;
		double error; /* Greenwood's */
	} TABLE[] = {{6, 0.857142857, 0.076360}, {7, 0.806722689, 0.086935},
	        {10, 0.752941176, 0.096350}, {13, 0.690196078, 0.106815},
	        {16, 0.627450980, 0.114054}, {22, 0.537815126, 0.128234},
	        {23, 0.448179272, 0.134591}};
	struct survival_time times[21];
	struct survival s;

	(void)state;
	for (size_t i = 0; i < 21; i++)
		times[i] = TIMES[20 - i];
	assert_int_equal(survival_make(times, 21, &s), 0);
	assert_int_equal(s.count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(s.steps[i].us, TABLE[i].us);
		near(s.steps[i].survival, TABLE[i].survival);
		assert_true(fabs(s.steps[i].survival * sqrt(s.steps[i].variance_sum) -
		                    TABLE[i].error) < 1e-5);
		near(survival_at(&s, TABLE[i].us), TABLE[i].survival);
		near(survival_at(&s, TABLE[i].us - 1),
		        i == 0 ? 1 : survival_at(&s, TABLE[i - 1].us));
	}
	near(survival_at(&s, 5), 1);
	near(survival_at(&s, 1000), 0.448179272);
	survival_free(&s);
	assert_null(s.steps);
}

/* Without censoring it is a count: of those that passed `consumed`, the share past `target`. */
static void without_censoring_it_is_the_share(void **state)
{
	enum { N = 400 };
	struct survival_time times[N];
	int64_t values[N];
	struct survival s;

	(void)state;
	srand(7);
	for (int i = 0; i < N; i++) {
		values[i] = rand() % 100;
		times[i] = (struct survival_time){.us = values[i], .ended = true};
	}
	assert_int_equal(survival_make(times, N, &s), 0);
	for (int64_t consumed = 0; consumed < 99; consumed += 7) {
		for (int64_t target = consumed + 1; target < 105; target += 9) {
			struct survival_forecast f = survival_forecast(&s, consumed, target);
			size_t risk = 0, past = 0;

			for (int i = 0; i < N; i++) {
				risk += values[i] > consumed;
				past += values[i] > target;
			}
			assert_int_equal(f.at_risk, risk);
			if (risk == 0)
				continue;
			near(f.probability, (double)past / (double)risk);
			assert_true(f.low <= f.probability + 1e-9);
			assert_true(f.high >= f.probability - 1e-9);
			assert_true(f.low >= 0 && f.high <= 1);
		}
	}
	survival_free(&s);
}

static void what_nobody_lasted_is_not_known(void **state)
{
	struct survival_time times[] = {{10, true}, {20, false}};
	struct survival none, s;
	struct survival_forecast f;

	(void)state;
	assert_int_equal(survival_make(NULL, 0, &none), 0);
	f = survival_forecast(&none, 0, 10);
	assert_true(f.beyond);
	near(f.low, 0);
	near(f.high, 1);
	assert_int_equal(survival_make(times, 2, &s), 0);
	f = survival_forecast(&s, 20, 30);
	assert_true(f.beyond);
	assert_int_equal(f.at_risk, 0);
	f = survival_forecast(&s, 30, 30);
	near(f.probability, 1);
	near(f.low, 1);
	/* None ended between: as sure as two of two can make it. */
	f = survival_forecast(&s, 0, 5);
	near(f.probability, 1);
	near(f.low, wilson_interval(2, 2).low);
	survival_free(&s);
	survival_free(&none);
}

static void shares_have_wilsons_interval(void **state)
{
	static const struct {
		int64_t part, n;
		double low, high;
	} CASES[] = {{0, 0, 0, 1}, {8, 10, 0.490162, 0.943318}, {0, 10, 0, 0.277533},
	        {10, 10, 0.722467, 1}, {950, 1000, 0.934686, 0.961874}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct share_interval found = wilson_interval(CASES[i].part, CASES[i].n);

		assert_true(fabs(found.low - CASES[i].low) < 1e-5);
		assert_true(fabs(found.high - CASES[i].high) < 1e-5);
	}
}

static void ranks_are_those_of_percentile_disc(void **state)
{
	int64_t values[] = {5, 1, 4, 2, 3, 10, 9, 8, 7, 6};

	(void)state;
	sort_i64(values, 10);
	assert_int_equal(sorted_quantile(values, 10, 50), 5);
	assert_int_equal(sorted_quantile(values, 10, 90), 9);
	assert_int_equal(sorted_quantile(values, 10, 91), 10);
	assert_int_equal(sorted_quantile(values, 10, 100), 10);
	assert_int_equal(sorted_quantile(values, 10, 1), 1);
	assert_int_equal(sorted_quantile(values, 0, 50), 0);
}

static void targets_are_rounded_up_to_what_one_would_write(void **state)
{
#define M (INT64_C(60) * 1000000)
#define H (60 * M)
	static const int64_t CASES[][2] = {{0, 5 * M}, {1, 5 * M}, {5 * M, 5 * M},
	        {5 * M + 1, 10 * M}, {H, H}, {H + 1, H + 15 * M}, {4 * H + 1, 4 * H + 30 * M},
	        {12 * H + 1, 13 * H}, {48 * H + 1, 52 * H}, {168 * H + 1, 192 * H}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_int_equal(round_up_target(CASES[i][0]), CASES[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_known_table_comes_out),
	        cmocka_unit_test(without_censoring_it_is_the_share),
	        cmocka_unit_test(what_nobody_lasted_is_not_known),
	        cmocka_unit_test(shares_have_wilsons_interval),
	        cmocka_unit_test(ranks_are_those_of_percentile_disc),
	        cmocka_unit_test(targets_are_rounded_up_to_what_one_would_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Histogram buckets, the catalogue's arithmetic and the set of cells. */
#include "cmocka_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kpi_bucket.h"
#include "core/kpi_catalogue.h"
#include "core/kpi_cells.h"

static void a_bucket_holds_its_value_and_is_narrow(void **state)
{
	(void)state;
	for (int64_t v = 0; v < INT64_C(400) * 366 * 86400 * 1000; v += v / 97 + 1) {
		int32_t b = kpi_bucket_of(v);

		assert_true(kpi_bucket_low(b) <= v && v <= kpi_bucket_high(b));
		assert_true(kpi_bucket_high(b) - kpi_bucket_low(b) <= v / 128);
		assert_int_equal(kpi_bucket_of(kpi_bucket_low(b)), b);
		assert_int_equal(kpi_bucket_of(kpi_bucket_high(b)), b);
		assert_int_equal(kpi_bucket_of(kpi_bucket_high(b) + 1), b + 1);
		if (v > 0)
			assert_true(fabs(kpi_bucket_middle(b) - (double)v) / (double)v < 0.004);
	}
}

static void negative_values_have_the_same_buckets_mirrored(void **state)
{
	(void)state;
	assert_int_equal(kpi_bucket_of(-5), -5);
	assert_int_equal(kpi_bucket_of(INT64_MIN), kpi_bucket_of(-INT64_MAX));
	assert_true(kpi_bucket_low(kpi_bucket_of(-INT64_MAX)) == -INT64_MAX);
	assert_true(kpi_bucket_high(kpi_bucket_of(INT64_MAX)) == INT64_MAX);
	for (int64_t v = 1; v < INT64_C(1) << 40; v = v * 5 / 4 + 1) {
		int32_t b = kpi_bucket_of(-v);

		assert_int_equal(b, -kpi_bucket_of(v));
		assert_true(kpi_bucket_low(b) <= -v && -v <= kpi_bucket_high(b));
		assert_int_equal(kpi_bucket_of(kpi_bucket_low(b)), b);
		assert_int_equal(kpi_bucket_of(kpi_bucket_high(b)), b);
		assert_true(kpi_bucket_of(-v - 1) <= b);
	}
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void quantiles_agree_with_order_statistics_within_one_percent(void **state)
{
	enum { N = 5000 };
	static int64_t values[N];
	static struct kpi_count counts[N];
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 20; round++) {
		size_t count = 0;

		for (int i = 0; i < N; i++) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			values[i] = (int64_t)exp((double)(seed >> 40) / 16777216.0 * 22);
		}
		qsort(values, N, sizeof values[0], by_value);
		for (int i = 0; i < N; i++) {
			int32_t b = kpi_bucket_of(values[i]);

			if (count == 0 || counts[count - 1].bucket != b)
				counts[count++] = (struct kpi_count){.bucket = b, .n = 0};
			counts[count - 1].n++;
		}
		for (double q = 0; q <= 1; q += 0.05) {
			double position = q * (N - 1);
			int k = (int)position;
			double low = (double)values[k];
			double high = (double)values[k + 1 < N ? k + 1 : k];
			double exact = low + (high - low) * (position - k);
			double got = kpi_quantile(counts, count, N, q);

			assert_true(fabs(got - exact) <= exact * 0.01 + 0.5);
		}
	}
}

static void the_quantile_of_one_value_is_that_value(void **state)
{
	struct kpi_count one = {.bucket = kpi_bucket_of(42), .n = 1};

	(void)state;
	assert_true(kpi_quantile(&one, 1, 1, 0) == 42);
	assert_true(kpi_quantile(&one, 1, 1, 1) == 42);
}

static const struct kpi_column_spec *column(const struct kpi_spec *spec, const char *name)
{
	for (size_t i = 0; i < KPI_COLUMNS_MAX && spec->columns[i].name != NULL; i++) {
		if (strcmp(spec->columns[i].name, name) == 0)
			return &spec->columns[i];
	}
	fail_msg("no column %s", name);
	return NULL;
}

static void nothing_over_nothing_is_absent_never_zero(void **state)
{
	const struct kpi_spec *spec = kpi_spec_find("compliance");
	struct kpi_group group = {.count = 0};
	struct kpi_value v = kpi_evaluate(spec, column(spec, "response"), &group);

	(void)state;
	assert_int_equal(v.kind, KPI_ABSENT);
	spec = kpi_spec_find("mttr");
	v = kpi_evaluate(spec, column(spec, "mean_s"), &group);
	assert_int_equal(v.kind, KPI_ABSENT);
	v = kpi_evaluate(spec, column(spec, "n"), &group);
	assert_int_equal(v.kind, KPI_INTEGER);
	assert_int_equal(v.integer, 0);
}

static void what_a_log_cannot_tell_is_not_derivable(void **state)
{
	const struct kpi_spec *spec = kpi_spec_find("mtta");
	struct kpi_group group = {.count = 0};

	(void)state;
	group.n[KPI_ARRIVALS] = 10;
	group.n[KPI_OBSERVED] = 10;
	assert_int_equal(
	        kpi_evaluate(spec, column(spec, "p50_s"), &group).kind, KPI_NOT_DERIVABLE);
	/* One ticket that was measured makes it a figure. */
	group.n[KPI_ARRIVALS] = 11;
	assert_int_equal(kpi_evaluate(spec, column(spec, "p50_s"), &group).kind, KPI_ABSENT);
	spec = kpi_spec_find("mttr-wall");
	group.n[KPI_ARRIVALS] = 10;
	assert_int_equal(kpi_evaluate(spec, column(spec, "p50_s"), &group).kind, KPI_ABSENT);
}

static void every_formula_computes(void **state)
{
	const struct kpi_spec *spec = kpi_spec_find("mttr");
	struct kpi_count counts[] = {{kpi_bucket_of(10000), 1}, {kpi_bucket_of(30000), 3}};
	struct kpi_group group = {.counts = counts, .count = 2};

	(void)state;
	group.n[KPI_MTTR] = 4;
	group.sum[KPI_MTTR] = 100000;
	assert_true(kpi_evaluate(spec, column(spec, "mean_s"), &group).real == 25);
	assert_true(kpi_evaluate(spec, column(spec, "sum_s"), &group).real == 100);
	assert_true(fabs(kpi_evaluate(spec, column(spec, "p50_s"), &group).real - 30) < 0.3);
	assert_true(fabs(kpi_evaluate(spec, column(spec, "min_s"), &group).real - 10) < 0.1);
	assert_true(fabs(kpi_evaluate(spec, column(spec, "max_s"), &group).real - 30) < 0.3);
	assert_string_equal(kpi_column_unit(column(spec, "max_s")), "seconds");
	spec = kpi_spec_find("net-flow");
	group.n[KPI_ARRIVALS] = 3;
	group.n[KPI_RESOLVES] = 5;
	assert_int_equal(kpi_evaluate(spec, column(spec, "net"), &group).integer, -2);
	assert_string_equal(kpi_column_unit(column(spec, "net")), "count");
	spec = kpi_spec_find("compliance");
	group.n[KPI_RESPONSE_MET] = 3;
	group.n[KPI_RESPONSE_BREACHED] = 1;
	assert_true(kpi_evaluate(spec, column(spec, "response"), &group).real == 0.75);
	assert_string_equal(kpi_column_unit(column(spec, "response")), "ratio");
	spec = kpi_spec_find("handoffs");
	group.n[KPI_HANDOFFS] = 6;
	assert_true(kpi_evaluate(spec, column(spec, "per_ticket"), &group).real == 2);
	spec = kpi_spec_find("backlog");
	for (int s = 1; s <= 7; s++)
		group.n[KPI_STATE_BASE + s] = s;
	assert_int_equal(kpi_evaluate(spec, column(spec, "open"), &group).integer, 10);
}

static void time_over_the_target_is_of_ended_and_of_open_clocks(void **state)
{
	const struct kpi_spec *spec = kpi_spec_find("breach-minutes");
	struct kpi_group group = {.count = 0};

	(void)state;
	group.n[KPI_OVERRUN_BASE + 1] = 2;
	group.sum[KPI_OVERRUN_BASE + 1] = 90000;
	group.n[KPI_OPEN_OVERRUN_BASE + 1] = 1;
	group.sum[KPI_OPEN_OVERRUN_BASE + 1] = 60000;
	assert_int_equal(kpi_evaluate(spec, column(spec, "response_n"), &group).integer, 3);
	assert_true(kpi_evaluate(spec, column(spec, "response_minutes"), &group).real == 2.5);
	assert_true(
	        kpi_evaluate(spec, column(spec, "response_open_minutes"), &group).real == 1);
	assert_string_equal(kpi_column_unit(column(spec, "response_minutes")), "minutes");
}

static void what_is_the_providers_own_is_marked(void **state)
{
	static const struct {
		const char *kpi, *column;
		bool internal;
	} CASES[] = {{"compliance", "resolution", false}, {"handoffs", "handoffs", false},
	        {"breach-minutes", "update_minutes", false},
	        {"breach-minutes", "operational_minutes", true},
	        {"breach-minutes", "supplier_open_minutes", true},
	        {"at-risk", "resolution_at_risk", false},
	        {"at-risk", "operational_at_risk", true}, {"at-risk", "supplier_open", true},
	        {"at-risk", "supplier_broken", true}, {"supplier-compliance", "met", true},
	        {"operational-compliance", "waived", true}, {"escalation", "rate", true},
	        {"escalation", "automatic", true}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		const struct kpi_spec *spec = kpi_spec_find(CASES[i].kpi);

		assert_int_equal(kpi_column_is_internal(column(spec, CASES[i].column)),
		        CASES[i].internal);
	}
	/* Where a share is the provider's, the whole figure is. */
	for (const struct kpi_spec *s = KPI_CATALOGUE; s->name != NULL; s++) {
		for (size_t i = 0; i < KPI_COLUMNS_MAX && s->columns[i].name != NULL; i++) {
			if (s->columns[i].formula == KPI_SHARE ||
			        s->columns[i].formula == KPI_RATE)
				assert_true(!kpi_column_is_internal(&s->columns[i]) ||
				            (s->flags & KPI_INTERNAL) != 0);
		}
	}
}

static void each_kpi_reads_known_measures_and_one_distribution_at_most(void **state)
{
	(void)state;
	assert_null(kpi_spec_find("no-such"));
	for (const struct kpi_spec *s = KPI_CATALOGUE; s->name != NULL; s++) {
		int metrics[KPI_METRIC_MAX];
		size_t n = kpi_spec_metrics(s, metrics);
		int distribution = kpi_spec_distribution(s);

		assert_true(n > 0 && n <= KPI_METRIC_MAX);
		assert_ptr_equal(kpi_spec_find(s->name), s);
		for (size_t i = 0; i < n; i++)
			assert_true(!kpi_metric_is_distribution(metrics[i]) ||
			            metrics[i] == distribution);
	}
}

static void cells_add_up_at_their_addresses(void **state)
{
	struct kpi_cells *cells = kpi_cells_new();
	size_t position = 0;
	size_t count = 0;
	int64_t n = 0;
	const struct kpi_cell *c;

	(void)state;
	for (int32_t i = 0; i < 5000; i++) {
		struct kpi_delta d = {.key = {.day = i % 1500, .quarter = i, .metric = 9},
		        .n = 2,
		        .value = 3};

		assert_int_equal(kpi_cells_add_day(cells, 1, &d), 0);
		assert_int_equal(kpi_cells_add_quarter(cells, 2, &d), 0);
	}
	while ((c = kpi_cells_next(cells, &position)) != NULL) {
		count++;
		n += c->n;
		assert_true(c->sum == c->n * 3);
		assert_true(c->sum2 == c->n * 9);
	}
	assert_int_equal(count, 1500 + 5000);
	assert_int_equal(n, 20000);
	kpi_cells_free(cells);
	kpi_cells_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_bucket_holds_its_value_and_is_narrow),
	        cmocka_unit_test(negative_values_have_the_same_buckets_mirrored),
	        cmocka_unit_test(quantiles_agree_with_order_statistics_within_one_percent),
	        cmocka_unit_test(the_quantile_of_one_value_is_that_value),
	        cmocka_unit_test(nothing_over_nothing_is_absent_never_zero),
	        cmocka_unit_test(what_a_log_cannot_tell_is_not_derivable),
	        cmocka_unit_test(every_formula_computes),
	        cmocka_unit_test(time_over_the_target_is_of_ended_and_of_open_clocks),
	        cmocka_unit_test(what_is_the_providers_own_is_marked),
	        cmocka_unit_test(each_kpi_reads_known_measures_and_one_distribution_at_most),
	        cmocka_unit_test(cells_add_up_at_their_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

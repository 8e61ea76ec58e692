/* Small statistics that reports share: intervals of shares, ranks, figures for people. */
#ifndef OTKLIK_CORE_STATISTICS_H
#define OTKLIK_CORE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* Of the normal distribution, for intervals of 95 %. */
#define Z_95 1.959963984540054

struct share_interval {
	double low;
	double high;
};

/* Wilson's score interval of `part` of `n` at 95 %; {0, 1} of nothing. */
struct share_interval wilson_interval(int64_t part, int64_t n);

/* Sorts in place, ascending. */
void sort_i64(int64_t *values, size_t count);

/*
 * The least of the sorted values that at least `percent` (1 to 100) of them do not exceed;
 * 0 of none. What PostgreSQL calls percentile_disc.
 */
int64_t sorted_quantile(const int64_t *sorted, size_t count, int percent);

/*
 * A length of time that a contract would name, not less than `us`: whole 5 minutes up to an
 * hour, quarter-hours up to 4 h, half-hours up to 12 h, hours up to 2 days, 4 hours up to a
 * week, then days.
 */
int64_t round_up_target(int64_t us);

#endif

/*
 * Histogram buckets for whole numbers: exact below 256, then 128 buckets for each power of two,
 * so a bucket is at most 1/128 of its values wide and its middle within 0.4 % of any of them.
 * Negative numbers have the same buckets mirrored, below 0. Additive and retractable: a
 * distribution is a count for each bucket, merged by addition. (The idea of a fixed log-linear
 * layout: G. Tene, HdrHistogram.)
 */
#ifndef OTKLIK_CORE_KPI_BUCKET_H
#define OTKLIK_CORE_KPI_BUCKET_H

#include <stddef.h>
#include <stdint.h>

/* Bucket of a value, ascending with the value; INT64_MIN counts as -INT64_MAX. */
int32_t kpi_bucket_of(int64_t value);

/* Smallest and greatest value of a bucket, and its middle. */
int64_t kpi_bucket_low(int32_t bucket);
int64_t kpi_bucket_high(int32_t bucket);
double kpi_bucket_middle(int32_t bucket);

struct kpi_count {
	int32_t bucket;
	int64_t n;
};

/*
 * The q-quantile (0..1) by linear interpolation between order statistics at q × (n - 1), each
 * taken as evenly spread within its bucket. `counts` ascend by bucket with n > 0 and total > 0
 * in all.
 */
double kpi_quantile(const struct kpi_count *counts, size_t count, int64_t total, double q);

#endif

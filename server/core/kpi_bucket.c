/* Histogram buckets. */
#include "core/kpi_bucket.h"

enum { EXACT = 256, PER_OCTAVE = 128, OCTAVE_SHIFT = 7 };

int32_t kpi_bucket_of(int64_t value)
{
	int top;
	int shift;

	if (value < 0)
		return -kpi_bucket_of(value == INT64_MIN ? INT64_MAX : -value);
	if (value < EXACT)
		return (int32_t)value;
	top = 63 - __builtin_clzll((unsigned long long)value); /* >= 8 */
	shift = top - OCTAVE_SHIFT;                            /* value >> shift is 128..255 */
	return (int32_t)((shift + 1) * PER_OCTAVE + (int)(value >> shift) - PER_OCTAVE);
}

int64_t kpi_bucket_low(int32_t bucket)
{
	int shift;

	if (bucket < 0)
		return -kpi_bucket_high(-bucket);
	if (bucket < EXACT)
		return bucket;
	shift = bucket / PER_OCTAVE - 1;
	return (int64_t)(bucket % PER_OCTAVE + PER_OCTAVE) << shift;
}

int64_t kpi_bucket_high(int32_t bucket)
{
	if (bucket < 0)
		return -kpi_bucket_low(-bucket);
	if (bucket < EXACT)
		return bucket;
	return kpi_bucket_low(bucket) + ((INT64_C(1) << (bucket / PER_OCTAVE - 1)) - 1);
}

double kpi_bucket_middle(int32_t bucket)
{
	return ((double)kpi_bucket_low(bucket) + (double)kpi_bucket_high(bucket)) / 2;
}

/* The k-th smallest value (k from 0), spread evenly within its bucket. */
static double order_statistic(const struct kpi_count *counts, size_t count, int64_t k)
{
	for (size_t i = 0; i < count; i++) {
		double low;
		double width;

		if (k >= counts[i].n) {
			k -= counts[i].n;
			continue;
		}
		low = (double)kpi_bucket_low(counts[i].bucket);
		width = (double)kpi_bucket_high(counts[i].bucket) - low;
		return low + width * ((double)k + 0.5) / (double)counts[i].n;
	}
	return kpi_bucket_middle(counts[count - 1].bucket);
}

double kpi_quantile(const struct kpi_count *counts, size_t count, int64_t total, double q)
{
	double position = q * (double)(total - 1);
	int64_t k = (int64_t)position;
	double below = order_statistic(counts, count, k);
	double above = k + 1 < total ? order_statistic(counts, count, k + 1) : below;

	return below + (above - below) * (position - (double)k);
}

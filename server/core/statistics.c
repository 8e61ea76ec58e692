/* Small statistics that reports share. */
#include "core/statistics.h"

#include <math.h>
#include <stdlib.h>

#define MINUTE_US (INT64_C(60) * 1000000)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

struct share_interval wilson_interval(int64_t part, int64_t n)
{
	struct share_interval out = {0, 1};
	double p, z2, centre, half;

	if (n <= 0)
		return out;
	p = (double)part / (double)n;
	z2 = Z_95 * Z_95 / (double)n;
	centre = (p + z2 / 2) / (1 + z2);
	half = sqrt(p * (1 - p) * z2 + z2 * z2 / 4) / (1 + z2);
	out.low = centre > half ? centre - half : 0;
	out.high = centre + half < 1 ? centre + half : 1;
	return out;
}

static int compare_i64(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

void sort_i64(int64_t *values, size_t count)
{
	if (count > 1)
		qsort(values, count, sizeof *values, compare_i64);
}

int64_t sorted_quantile(const int64_t *sorted, size_t count, int percent)
{
	size_t rank = (count * (size_t)percent + 99) / 100;

	if (count == 0)
		return 0;
	return sorted[rank == 0 ? 0 : rank - 1];
}

int64_t round_up_target(int64_t us)
{
	static const struct {
		int64_t up_to;
		int64_t step;
	} STEPS[] = {
	        {HOUR_US, 5 * MINUTE_US},
	        {4 * HOUR_US, 15 * MINUTE_US},
	        {12 * HOUR_US, 30 * MINUTE_US},
	        {2 * DAY_US, HOUR_US},
	        {7 * DAY_US, 4 * HOUR_US},
	};
	int64_t step = DAY_US;

	for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
		if (us <= STEPS[i].up_to) {
			step = STEPS[i].step;
			break;
		}
	}
	if (us <= 0)
		return step;
	return (us + step - 1) / step * step;
}

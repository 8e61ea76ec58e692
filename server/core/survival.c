/* Kaplan–Meier with Greenwood's variance. */
#include "core/survival.h"

#include <math.h>
#include <stdlib.h>

#include "core/statistics.h"

/* At one time those that end come before those that were last seen then. */
static int compare_times(const void *a, const void *b)
{
	const struct survival_time *x = a, *y = b;

	if (x->us != y->us)
		return x->us < y->us ? -1 : 1;
	return (int)y->ended - (int)x->ended;
}

static size_t ended_at(const struct survival_time *times, size_t count, size_t first)
{
	size_t n = 0;

	while (first + n < count && times[first + n].us == times[first].us &&
	        times[first + n].ended)
		n++;
	return n;
}

int survival_make(struct survival_time *times, size_t count, struct survival *out)
{
	double survival = 1, variance = 0;

	*out = (struct survival){.n = count};
	if (count == 0)
		return 0;
	qsort(times, count, sizeof *times, compare_times);
	out->steps = calloc(count, sizeof *out->steps);
	out->times = calloc(count, sizeof *out->times);
	if (out->steps == NULL || out->times == NULL) {
		survival_free(out);
		return -OTK_RESOURCE_EXHAUSTED;
	}
	for (size_t i = 0; i < count; i++)
		out->times[i] = times[i].us;
	for (size_t i = 0; i < count;) {
		size_t ended = ended_at(times, count, i);
		double risk = (double)(count - i);

		if (ended == 0) {
			i++;
			continue;
		}
		survival *= 1 - (double)ended / risk;
		if (count - i > ended) /* else none is left, and nothing is uncertain */
			variance += (double)ended / (risk * (risk - (double)ended));
		out->steps[out->count++] = (struct survival_step){.us = times[i].us,
		        .at_risk = (int64_t)(count - i),
		        .ended = (int64_t)ended,
		        .survival = ended == count - i ? 0 : survival,
		        .variance_sum = variance};
		i += ended;
	}
	return 0;
}

void survival_free(struct survival *s)
{
	free(s->steps);
	free(s->times);
	*s = (struct survival){0};
}

/* The last step at or before `us`; NULL: none yet. */
static const struct survival_step *step_at(const struct survival *s, int64_t us)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->steps[middle].us <= us)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? NULL : &s->steps[low - 1];
}

double survival_at(const struct survival *s, int64_t us)
{
	const struct survival_step *step = step_at(s, us);

	return step == NULL ? 1 : step->survival;
}

bool survival_quantile(const struct survival *s, int percent, int64_t *us)
{
	/* Products of fractions come as close as this to the fraction they mean. */
	double left = (100 - percent) / 100.0 + 1e-9;

	for (size_t i = 0; i < s->count; i++) {
		if (s->steps[i].survival <= left) {
			*us = s->steps[i].us;
			return true;
		}
	}
	return false;
}

/* How many lasted longer. */
static size_t at_risk_after(const struct survival *s, int64_t us)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->times[middle] <= us)
			low = middle + 1;
		else
			high = middle;
	}
	return s->n - low;
}

/*
 * Given that it passed `consumed`, the estimate begins anew there: S(target) / S(consumed),
 * with the variance that came since.
 */
struct survival_forecast survival_forecast(
        const struct survival *s, int64_t consumed_us, int64_t target_us)
{
	struct survival_forecast out = {.probability = 0.5, .low = 0, .high = 1};
	const struct survival_step *from = step_at(s, consumed_us);
	const struct survival_step *to = step_at(s, target_us);
	double variance, centre, half;

	out.at_risk = at_risk_after(s, consumed_us);
	if (consumed_us >= target_us) {
		out.probability = out.low = 1;
		return out;
	}
	if (s->n == 0 || out.at_risk == 0) {
		out.beyond = true;
		return out;
	}
	out.probability = (to == NULL ? 1 : to->survival) / (from == NULL ? 1 : from->survival);
	variance =
	        (to == NULL ? 0 : to->variance_sum) - (from == NULL ? 0 : from->variance_sum);
	if (out.probability <= 0 || out.probability >= 1) {
		/* No step between, or all ended: as of a share of those at risk. */
		struct share_interval share = wilson_interval(
		        out.probability >= 1 ? (int64_t)out.at_risk : 0, (int64_t)out.at_risk);

		out.low = share.low;
		out.high = share.high;
		return out;
	}
	centre = log(-log(out.probability));
	half = Z_95 * sqrt(variance) / fabs(log(out.probability));
	out.low = exp(-exp(centre + half));
	out.high = exp(-exp(centre - half));
	return out;
}

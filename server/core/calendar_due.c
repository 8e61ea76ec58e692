/* Due and consumed time of a clock: targets, business days and pauses. */
#include "core/calendar_history.h"

#include <stdlib.h>

#define DAY_US INT64_C(86400000000)

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t greatest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Where a business day ends up on a date that has open time within [midnight, next). */
static int place_within(
        const struct calendar_history *history, int64_t wanted, int64_t midnight, int64_t *at)
{
	int64_t closing;
	bool open;
	int rc = history_is_open(history, wanted, &open);

	if (rc != 0)
		return rc;
	if (open) {
		*at = wanted;
		return 0;
	}
	rc = history_previous_closing(history, wanted, &closing);
	if (rc != 0 && rc != -OTK_OUT_OF_RANGE)
		return rc;
	if (rc == 0 && closing > midnight) {
		*at = closing;
		return 0;
	}
	return history_next_open(history, wanted, at);
}

int history_business_days(const struct calendar_history *history, int64_t from, int32_t days,
        int64_t *at, int64_t *target)
{
	const struct tz *tz;
	int64_t first;
	int64_t local;
	int64_t date;
	int64_t midnight;
	int64_t next;
	int64_t place;
	int64_t us;
	int rc = history_next_open(history, from, &first);

	if (rc == 0)
		rc = history_zone(history, first, &tz);
	if (rc != 0)
		return rc;
	local = tz_to_local(tz, first);
	date = local / DAY_US - (local % DAY_US < 0);
	next = tz_from_local(tz, (date + 1) * DAY_US);
	for (int32_t left = days; left > 0;) {
		date++;
		midnight = next;
		next = tz_from_local(tz, (date + 1) * DAY_US);
		rc = history_open_between(history, midnight, next, &us);
		if (rc != 0)
			return rc;
		if (us > 0)
			left--;
	}
	midnight = tz_from_local(tz, date * DAY_US);
	rc = place_within(history,
	        tz_from_local(tz, date * DAY_US + (local % DAY_US + DAY_US) % DAY_US), midnight,
	        &place);
	if (rc == 0)
		rc = history_open_between(history, from, place, &us);
	if (rc != 0)
		return rc;
	*at = place;
	*target = us;
	return 0;
}

int history_target_us(const struct calendar_history *history, int64_t from,
        const struct target *target, int64_t *us)
{
	int64_t at;

	if (target->business_days > 0)
		return history_business_days(history, from, target->business_days, &at, us);
	*us = target->us;
	return 0;
}

static int interval_compare(const void *a, const void *b)
{
	const struct interval *x = a;
	const struct interval *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* A sorted copy of the pauses, overlapping ones merged; to be freed. */
static int pauses_merge(
        const struct interval *pauses, size_t count, struct interval **out, size_t *out_count)
{
	struct interval *merged;
	size_t kept = 0;

	*out = NULL;
	*out_count = 0;
	if (count == 0)
		return 0;
	merged = calloc(count, sizeof *merged);
	if (merged == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count; i++) {
		if (pauses[i].from < pauses[i].to)
			merged[kept++] = pauses[i];
	}
	qsort(merged, kept, sizeof *merged, interval_compare);
	for (size_t i = 0; i < kept; i++) {
		struct interval *last = merged + (*out_count > 0 ? *out_count - 1 : 0);

		if (*out_count > 0 && merged[i].from <= last->to)
			last->to = greatest(last->to, merged[i].to);
		else
			merged[(*out_count)++] = merged[i];
	}
	*out = merged;
	return 0;
}

/* history_advance, or the same for wall time. */
static int count_forward(const struct calendar_history *history, bool wall, int64_t from,
        int64_t us, int64_t limit, int64_t *at, int64_t *left)
{
	int64_t end = least(limit, CALENDAR_END);

	if (!wall)
		return history_advance(history, from, us, limit, at, left);
	if (from < CALENDAR_START || from > CALENDAR_END ||
	        (us > end - from && limit > CALENDAR_END))
		return -OTK_OUT_OF_RANGE;
	*at = us <= end - from ? from + us : end;
	*left = us <= end - from ? 0 : us - (end - from);
	return 0;
}

/* Due with pauses that are sorted and apart. */
static int due_count(const struct calendar_history *history, bool wall, int64_t from,
        int64_t us, const struct interval *pauses, size_t count, int64_t *due)
{
	int64_t at = from;
	int64_t left = us;
	int rc;

	for (size_t i = 0; left > 0 && i < count; i++) {
		if (pauses[i].to <= at)
			continue;
		if (pauses[i].from > at) {
			rc = count_forward(history, wall, at, left, pauses[i].from, &at, &left);
			if (rc != 0)
				return rc;
		}
		if (left > 0)
			at = pauses[i].to;
		if (at == CALENDAR_NEVER) {
			*due = CALENDAR_NEVER;
			return 0;
		}
	}
	rc = count_forward(history, wall, at, left, CALENDAR_NEVER, &at, &left);
	if (rc == 0)
		*due = at;
	return rc;
}

/* Time not in pauses; sorted and apart. */
static int consumed_count(const struct calendar_history *history, bool wall, int64_t from,
        int64_t to, const struct interval *pauses, size_t count, int64_t *us)
{
	int64_t sum = 0;

	for (size_t i = 0; i <= count && from < to; i++) {
		int64_t end = i < count ? least(to, pauses[i].from) : to;
		int64_t part = 0;
		int rc = 0;

		if (wall && end > from)
			part = end - from;
		else if (!wall)
			rc = history_open_between(history, from, end, &part);
		if (rc != 0)
			return rc;
		sum += part;
		if (i < count)
			from = greatest(from, pauses[i].to);
	}
	*us = sum;
	return 0;
}

int history_consumed(const struct calendar_history *history, int64_t from, int64_t to,
        bool wall, const struct interval *pauses, size_t pause_count, int64_t *us)
{
	struct interval *merged;
	size_t count;
	int rc = pauses_merge(pauses, pause_count, &merged, &count);

	if (rc != 0)
		return rc;
	rc = consumed_count(history, wall, from, to, merged, count, us);
	free(merged);
	return rc;
}

int history_due(const struct calendar_history *history, int64_t from,
        const struct target *target, const struct interval *pauses, size_t pause_count,
        int64_t *due)
{
	struct interval *merged;
	size_t count;
	int64_t us = target->us;
	int64_t place = CALENDAR_NEVER;
	int64_t counted = 0;
	int rc = pauses_merge(pauses, pause_count, &merged, &count);

	if (rc != 0)
		return rc;
	if (us < 0)
		rc = -OTK_OUT_OF_RANGE;
	if (target->business_days > 0) {
		rc = history_business_days(history, from, target->business_days, &place, &us);
		if (rc == 0)
			rc = consumed_count(
			        history, false, from, place, merged, count, &counted);
	}
	if (rc == 0 && place != CALENDAR_NEVER && counted == us)
		*due = place;
	else if (rc == 0)
		rc = due_count(history, target->wall, from, us, merged, count, due);
	free(merged);
	return rc;
}

/* Lists of spans, and how a plan becomes one. */
#include "core/calendar_span.h"

#include <stdlib.h>

#define DAY_US INT64_C(86400000000)
#define SECOND_US INT64_C(1000000)

int span_list_add(struct span_list *list, int64_t from, int64_t to, int64_t low, int64_t high)
{
	if (from < low)
		from = low;
	if (to > high)
		to = high;
	if (from >= to)
		return 0;
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 64 : list->cap * 2;
		struct span *items = realloc(list->items, cap * sizeof *items);

		if (items == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count].from = from;
	list->items[list->count].to = to;
	list->count++;
	return 0;
}

static int span_compare(const void *a, const void *b)
{
	const struct span *x = a;
	const struct span *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

void span_list_settle(struct span_list *list)
{
	size_t kept = 0;
	int64_t sum = 0;

	if (list->count == 0)
		return;
	qsort(list->items, list->count, sizeof *list->items, span_compare);
	for (size_t i = 1; i < list->count; i++) {
		struct span *last = &list->items[kept];

		if (list->items[i].from > last->to)
			list->items[++kept] = list->items[i];
		else if (list->items[i].to > last->to)
			last->to = list->items[i].to;
	}
	list->count = kept + 1;
	for (size_t i = 0; i < list->count; i++) {
		list->items[i].before = sum;
		sum += list->items[i].to - list->items[i].from;
	}
	list->total = sum;
	if (list->cap > list->count) {
		struct span *items = realloc(list->items, list->count * sizeof *items);

		if (items != NULL) {
			list->items = items;
			list->cap = list->count;
		}
	}
}

void span_list_free(struct span_list *list)
{
	free(list->items);
	*list = (struct span_list){0};
}

size_t span_list_find(const struct span_list *list, int64_t at)
{
	size_t lo = 0;
	size_t hi = list->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (list->items[mid].to <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int64_t span_list_sum(const struct span_list *list, int64_t at)
{
	size_t i = span_list_find(list, at);
	const struct span *span;

	if (i == list->count)
		return list->total;
	span = &list->items[i];
	return span->before + (at > span->from ? at - span->from : 0);
}

int64_t span_list_reach(const struct span_list *list, int64_t sum)
{
	size_t lo = 0;
	size_t hi = list->count - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct span *span = &list->items[mid];

		if (span->before + (span->to - span->from) < sum)
			lo = mid + 1;
		else
			hi = mid;
	}
	return list->items[lo].from + (sum - list->items[lo].before);
}

static int day_add(const struct plan_day *day, int64_t date, const struct tz *tz, int64_t low,
        int64_t high, struct span_list *list)
{
	for (size_t i = 0; i < day->count; i++) {
		int64_t from =
		        tz_from_local(tz, date * DAY_US + day->spans[i].start * SECOND_US);
		int64_t to = tz_from_local(tz, date * DAY_US + day->spans[i].end * SECOND_US);
		int rc = span_list_add(list, from, to, low, high);

		if (rc != 0)
			return rc;
	}
	return 0;
}

int plan_materialise(const struct calendar_plan *plan, const struct rule_days *days,
        const struct tz *tz, int64_t low, int64_t high, struct span_list *open,
        struct span_list *holidays)
{
	/* A span lasts two days at most and local time is at most 26 h off. */
	int64_t first = low / DAY_US - 4;
	int64_t last = high / DAY_US + 2;

	if (plan->always)
		return span_list_add(open, low, high, low, high);
	for (int64_t date = first; date <= last; date++) {
		const struct plan_day *day = plan_on(plan, days, date);
		int rc;

		if (day != NULL)
			rc = day_add(day, date, tz, low, high, open);
		else
			rc = day_add(
			        &plan->week[plan_weekday(date)], date, tz, low, high, holidays);
		if (rc != 0)
			return rc;
	}
	return 0;
}

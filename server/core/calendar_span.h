/* A year of open spans: the list that calendar.c searches; not for other rooms. */
#ifndef OTKLIK_CORE_CALENDAR_SPAN_H
#define OTKLIK_CORE_CALENDAR_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/calendar.h"

struct span {
	int64_t from;
	int64_t to;
	int64_t before; /* sum of the spans before it in the list */
};

/* After span_list_settle: ascending, disjoint, not touching. */
struct span_list {
	struct span *items;
	size_t count;
	size_t cap;
	int64_t total;
};

/* Adds what lies within [low, high); an empty span is dropped. 0, -OTK_RESOURCE_EXHAUSTED. */
int span_list_add(struct span_list *list, int64_t from, int64_t to, int64_t low, int64_t high);

/* Sorts, merges, sums and gives back spare memory. */
void span_list_settle(struct span_list *list);
void span_list_free(struct span_list *list);

/* Index of the first span with to > at; count if there is none. */
size_t span_list_find(const struct span_list *list, int64_t at);

/* Sum of the spans before `at`. */
int64_t span_list_sum(const struct span_list *list, int64_t at);

/* The earliest instant at which the sum is `sum`, 0 < sum <= total. */
int64_t span_list_reach(const struct span_list *list, int64_t sum);

/* Adds the spans of the plan that lie in [low, high), and those that holidays remove. */
int plan_materialise(const struct calendar_plan *plan, const struct rule_days *days,
        const struct tz *tz, int64_t low, int64_t high, struct span_list *open,
        struct span_list *holidays);

#endif

/* Performance data and threshold ranges of Nagios plugins. Pure: text in, numbers out. */
#ifndef OTKLIK_AGENT_CHECK_PERF_H
#define OTKLIK_AGENT_CHECK_PERF_H

#include <stdbool.h>
#include <stddef.h>

enum { PERF_LABEL_SIZE = 128, PERF_UOM_SIZE = 16, PERF_ITEMS_MAX = 64 };

/* A threshold range of the plugin guidelines: ["@"] [start ":"] [end]. */
struct perf_range {
	bool set;
	bool inside;  /* "@": alert when start <= value <= end, else when outside */
	double start; /* -INFINITY for "~" */
	double end;   /* INFINITY when absent */
};

/* A minimum or maximum that may be absent. */
struct perf_bound {
	bool set;
	double value;
};

struct perf_item {
	char label[PERF_LABEL_SIZE]; /* unquoted, never empty */
	bool known;                  /* false: the plugin said "U", value is 0 */
	double value;
	char uom[PERF_UOM_SIZE]; /* "" when absent */
	struct perf_range warn;
	struct perf_range crit;
	struct perf_bound min;
	struct perf_bound max;
};

/*
 * Parses one range of `length` bytes; empty text gives an unset one. 0, or
 * -OTK_INVALID_ARGUMENT (not the grammar, or start > end) with *out untouched.
 */
int perf_range_parse(const char *text, size_t length, struct perf_range *out);

/* Whether `value` raises an alert; never for an unset range. */
bool perf_range_alerts(const struct perf_range *range, double value);

/*
 * Parses perfdata items separated by white space into `items` (at most `max`). Malformed items
 * and those past `max` are left out and counted in *dropped. Returns how many were stored.
 * Items are independent: one that is malformed costs only itself.
 */
size_t perf_parse(
        const char *text, size_t length, struct perf_item *items, size_t max, size_t *dropped);

#endif

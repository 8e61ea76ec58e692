/*
 * The KPIs that can be asked for: each a few columns computed from stored measures. Adding one
 * is adding a row to the table in kpi_catalogue.c.
 */
#ifndef OTKLIK_CORE_KPI_CATALOGUE_H
#define OTKLIK_CORE_KPI_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/kpi_bucket.h"
#include "core/kpi_metric.h"

enum kpi_formula {
	KPI_COUNT,    /* n of `a`, and of `b` where there is one */
	KPI_SHARE,    /* n of a / (n of a + n of b) */
	KPI_RATE,     /* n of a / n of b */
	KPI_NET,      /* n of a - n of b */
	KPI_MEAN,     /* of distribution a, seconds */
	KPI_SUM,      /* seconds */
	KPI_QUANTILE, /* q per cent of distribution a, seconds */
	KPI_MIN,
	KPI_MAX,
	KPI_SHARE_LOW, /* the 95 % interval of KPI_SHARE (core/statistics.h) */
	KPI_SHARE_HIGH,
	KPI_MINUTES, /* sum of a and b, milliseconds */
};

struct kpi_column_spec {
	const char *name;
	enum kpi_formula formula;
	int a;
	int b;
	int q;
};

enum { KPI_COLUMNS_MAX = 16 };

enum kpi_flag {
	KPI_STOCK = 1,    /* a stock at the end of each period, not a flow within it */
	KPI_MEASURED = 2, /* needs what an imported log cannot give */
	KPI_COHORT = 4,   /* rows whose reopen window has not passed are marked immature */
	KPI_INTERNAL = 8, /* the provider's alone */
	KPI_OPEN = 16,    /* reads the clocks that are open now */
	KPI_NOW = 32,     /* is of now: knows no periods */
};

struct kpi_spec {
	const char *name;
	const char *title;
	unsigned flags; /* enum kpi_flag */
	struct kpi_column_spec columns[KPI_COLUMNS_MAX];
};

/* All KPIs, ended by a row without a name; and one by name, or NULL. */
extern const struct kpi_spec KPI_CATALOGUE[];
const struct kpi_spec *kpi_spec_find(const char *name);

/* The distribution a KPI reads, or 0: a KPI reads at most one. */
int kpi_spec_distribution(const struct kpi_spec *spec);

/* Writes the measures a KPI reads, at most KPI_METRIC_MAX; returns how many. */
size_t kpi_spec_metrics(const struct kpi_spec *spec, int *out);

/* Sums of one group of cells. Zero-initialise. */
struct kpi_group {
	int64_t n[KPI_METRIC_MAX + 1];
	int64_t sum[KPI_METRIC_MAX + 1]; /* of n times the value */
	struct kpi_count
	        *counts; /* of the distribution, ascending by bucket; owned by the caller */
	size_t count;
};

enum kpi_value_kind { KPI_ABSENT, KPI_INTEGER, KPI_REAL, KPI_NOT_DERIVABLE };

struct kpi_value {
	enum kpi_value_kind kind;
	int64_t integer;
	double real;
};

/* The figure of one column for one group. A denominator of 0 gives KPI_ABSENT. */
struct kpi_value kpi_evaluate(const struct kpi_spec *spec, const struct kpi_column_spec *column,
        const struct kpi_group *group);

/* "count", "ratio", "seconds" or "minutes". */
const char *kpi_column_unit(const struct kpi_column_spec *column);

/* True where the customer's side does not see the column. */
bool kpi_column_is_internal(const struct kpi_column_spec *column);

#endif

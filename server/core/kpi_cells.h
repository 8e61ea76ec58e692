/* A set of rollup cells in memory: contributions added up, for a rebuild to be compared. */
#ifndef OTKLIK_CORE_KPI_CELLS_H
#define OTKLIK_CORE_KPI_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "core/kpi_fold.h"

/* Wide enough for sums of squared milliseconds; ISO C has no name for it. */
__extension__ typedef __int128 kpi_wide;

struct kpi_cells;

/* One cell. `period` is a day, or a quarter-hour where the set is of those. */
struct kpi_cell {
	int32_t customer_id;
	int32_t period;
	int32_t site_id;
	int32_t team_id;
	int16_t priority;
	int16_t type;
	int16_t metric;
	int32_t bucket;
	int64_t n;
	int64_t sum;
	kpi_wide sum2;
};

struct kpi_cells *kpi_cells_new(void);
void kpi_cells_free(struct kpi_cells *cells);

/*
 * The cell of the same address as *key, added with zeros if it is not there yet. NULL when
 * memory is out. Valid until the next call.
 */
struct kpi_cell *kpi_cells_at(struct kpi_cells *cells, const struct kpi_cell *key);

/* Adds one contribution to its cell, by day or by quarter-hour. 0 or -OTK_RESOURCE_EXHAUSTED.
 */
int kpi_cells_add_day(
        struct kpi_cells *cells, int32_t customer_id, const struct kpi_delta *delta);
int kpi_cells_add_quarter(
        struct kpi_cells *cells, int32_t customer_id, const struct kpi_delta *delta);

/* Iteration: *position starts at 0; NULL at the end. */
struct kpi_cell *kpi_cells_next(struct kpi_cells *cells, size_t *position);

#endif

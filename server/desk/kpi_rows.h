/* Rows of the fold's statements (server/sql/kpi.sql) as the rules of core want them. */
#ifndef OTKLIK_DESK_KPI_ROWS_H
#define OTKLIK_DESK_KPI_ROWS_H

#include <stdint.h>

#include "core/kpi_cells.h"
#include "core/ticket.h"
#include "db/rows.h"

/* The event of a row of kpi_fold_read, kpi_complete_read or kpi_verify_events; texts point into
 * the rows. */
struct kpi_event_row {
	int64_t rev; /* 0: the row has no event */
	int32_t customer_id;
	int64_t ticket_id;
	struct event event; /* only what the fold reads */
};
void kpi_event_row_read(const struct db_rows *rows, size_t row, struct kpi_event_row *out);

/* A row of kpi_verify_cells or kpi_verify_quarters. 0, or -OTK_DATA_LOSS. */
int kpi_cell_row_read(const struct db_rows *rows, size_t row, struct kpi_cell *out);

#endif

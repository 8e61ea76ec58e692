/* Rows of the fold's statements. The column numbers are those of server/sql/kpi.sql. */
#include "desk/kpi_rows.h"

#include <string.h>

#include "base/status.h"
#include "core/change.h"

enum {
	COL_EVENT_REV = 2,
	COL_CUSTOMER,
	COL_TICKET,
	COL_SEQ,
	COL_KIND,
	COL_CAUSE,
	COL_SIDE,
	COL_PUBLIC,
	COL_OCCURRED,
	COL_STATE,
	COL_PENDING,
	COL_TYPE,
	COL_PRIORITY,
	COL_SITE,
	COL_TEAM,
	COL_CONTRACT,
	COL_ZONE,
	COL_CLOCK,
	COL_CLOCK_STATE,
	COL_CONSUMED,
	COL_UNTIL,
	COL_OLD_DUE,
	COL_FLAGS,
	COL_TARGET,
};

/* -1 for NULL: the event did not touch it. */
static int64_t int_or_untouched(const struct db_rows *rows, size_t row, int column)
{
	return db_is_null(rows, row, column) ? -1 : db_get_int(rows, row, column);
}

static int64_t time_or_untouched(const struct db_rows *rows, size_t row, int column)
{
	return db_is_null(rows, row, column) ? -1 : db_get_time(rows, row, column);
}

void kpi_event_row_read(const struct db_rows *rows, size_t row, struct kpi_event_row *out)
{
	struct event *e = &out->event;

	memset(out, 0, sizeof *out);
	out->rev = db_get_int(rows, row, COL_EVENT_REV);
	out->customer_id = (int32_t)db_get_int(rows, row, COL_CUSTOMER);
	out->ticket_id = db_get_int(rows, row, COL_TICKET);
	e->seq = db_get_int(rows, row, COL_SEQ);
	e->kind = (enum event_kind)db_get_int(rows, row, COL_KIND);
	e->cause = (enum event_cause)db_get_int(rows, row, COL_CAUSE);
	e->side = (enum actor_side)db_get_int(rows, row, COL_SIDE);
	e->is_public = db_get_bool(rows, row, COL_PUBLIC);
	e->occurred_at = db_get_time(rows, row, COL_OCCURRED);
	e->state = (int16_t)int_or_untouched(rows, row, COL_STATE);
	e->pending_reason = (int16_t)int_or_untouched(rows, row, COL_PENDING);
	e->type = (int16_t)int_or_untouched(rows, row, COL_TYPE);
	e->priority = (int16_t)int_or_untouched(rows, row, COL_PRIORITY);
	e->site_id = (int32_t)int_or_untouched(rows, row, COL_SITE);
	e->team_id = (int32_t)int_or_untouched(rows, row, COL_TEAM);
	e->contract_id = (int32_t)int_or_untouched(rows, row, COL_CONTRACT);
	e->zone = (char *)(uintptr_t)db_get_text(rows, row, COL_ZONE);
	e->clock = (int16_t)int_or_untouched(rows, row, COL_CLOCK);
	e->clock_state = (int16_t)int_or_untouched(rows, row, COL_CLOCK_STATE);
	e->consumed_us = int_or_untouched(rows, row, COL_CONSUMED);
	e->until_at = time_or_untouched(rows, row, COL_UNTIL);
	e->old_due_at = time_or_untouched(rows, row, COL_OLD_DUE);
	e->flags = (int16_t)int_or_untouched(rows, row, COL_FLAGS);
	e->target_us = int_or_untouched(rows, row, COL_TARGET);
}

/* Decimal text of PostgreSQL's numeric without a fraction. */
static int wide_read(const char *text, kpi_wide *out)
{
	kpi_wide value = 0;
	bool negative = text != NULL && *text == '-';

	if (text == NULL)
		return -OTK_DATA_LOSS;
	for (text += negative; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -OTK_DATA_LOSS;
		value = value * 10 + (*text - '0');
	}
	*out = negative ? -value : value;
	return 0;
}

int kpi_cell_row_read(const struct db_rows *rows, size_t row, struct kpi_cell *out)
{
	kpi_wide sum;

	memset(out, 0, sizeof *out);
	out->customer_id = (int32_t)db_get_int(rows, row, 0);
	out->period = (int32_t)db_get_int(rows, row, 1);
	out->site_id = (int32_t)db_get_int(rows, row, 2);
	out->team_id = (int32_t)db_get_int(rows, row, 3);
	out->priority = (int16_t)db_get_int(rows, row, 4);
	out->type = (int16_t)db_get_int(rows, row, 5);
	out->metric = (int16_t)db_get_int(rows, row, 6);
	out->bucket = (int32_t)db_get_int(rows, row, 7);
	out->n = db_get_int(rows, row, 8);
	if (wide_read(db_get_text(rows, row, 9), &sum) != 0 ||
	        wide_read(db_get_text(rows, row, 10), &out->sum2) != 0)
		return -OTK_DATA_LOSS;
	out->sum = (int64_t)sum;
	return 0;
}

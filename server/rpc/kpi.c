/*
 * QueryKpi: a figure of the catalogue by dimensions and period, from the rollups, and from the
 * clocks that are open now where it asks for them.
 * Request → filters resolved within the caller's scope → open clocks (kpi_open) → one read of
 * sums by group → columns computed by core/kpi_catalogue → rows.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/time_text.h"
#include "db/rows.h"
#include "db/unit.h"
#include "desk/desk.h"
#include "rpc/caller.h"
#include "rpc/handlers.h"
#include "rpc/kpi_query.h"
#include "rpc/service.h"

enum { KPI_ROWS_MAX = 20000 };
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)

/* --- answering ------------------------------------------------------------------------- */

/* Where the columns of both statements stand. */
enum { COL_PERIOD = 5, COL_METRIC = 6, COL_BUCKET = 7, COL_N = 8, COL_SUM = 9 };

static Otklik__V1__KpiCell *cell_new(struct request *r)
{
	Otklik__V1__KpiCell *cell = arena_alloc(r->arena, sizeof *cell);

	if (cell != NULL)
		otklik__v1__kpi_cell__init(cell);
	return cell;
}

static Otklik__V1__KpiCell *cell_text(struct request *r, const char *text)
{
	Otklik__V1__KpiCell *cell = cell_new(r);

	if (cell != NULL) {
		cell->value_case = OTKLIK__V1__KPI_CELL__VALUE_TEXT;
		cell->text = arena_strdup(r->arena, text);
	}
	return cell != NULL && cell->text != NULL ? cell : NULL;
}

static Otklik__V1__KpiCell *cell_value(struct request *r, const struct kpi_value *value)
{
	Otklik__V1__KpiCell *cell = cell_new(r);

	if (cell == NULL)
		return NULL;
	switch (value->kind) {
	case KPI_INTEGER:
		cell->value_case = OTKLIK__V1__KPI_CELL__VALUE_INTEGER;
		cell->integer = value->integer;
		break;
	case KPI_REAL:
		cell->value_case = OTKLIK__V1__KPI_CELL__VALUE_REAL;
		cell->real = value->real;
		break;
	case KPI_ABSENT:
		cell->value_case = OTKLIK__V1__KPI_CELL__VALUE_ABSENT;
		cell->absent = true;
		break;
	case KPI_NOT_DERIVABLE:
		cell->value_case = OTKLIK__V1__KPI_CELL__VALUE_NOT_DERIVABLE;
		cell->not_derivable = true;
		break;
	}
	return cell;
}

/* A group under construction: the keys are those of its first row. */
struct group {
	size_t first_row;
	int64_t period; /* days or an instant */
	struct kpi_group sums;
	size_t cap;
};

static const char *period_text(const struct kpi_query *q, int64_t period, char *out)
{
	int64_t year;
	int month;
	int day;

	if (kpi_query_by_hour(q))
		return time_format_utc(period, out);
	time_civil_from_days(period, &year, &month, &day);
	if (strcmp(q->period, "month") == 0)
		(void)snprintf(out, TIME_TEXT_SIZE, "%04d-%02d", (int)year, month);
	else
		(void)snprintf(out, TIME_TEXT_SIZE, "%04d-%02d-%02d", (int)year, month, day);
	return out;
}

static Otklik__V1__KpiCell *key_cell(const struct kpi_query *q, struct request *r,
        const struct group *group, enum kpi_dimension dimension)
{
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	int32_t id = (int32_t)(dimension == BY_PERIOD
	                               ? 0
	                               : db_get_int(rows, group->first_row, (int)dimension));
	char text[TIME_TEXT_SIZE];

	switch (dimension) {
	case BY_CUSTOMER: {
		const struct ref_customer *customer = reference_customer(q->ref, id);

		return cell_text(r, customer == NULL ? "?" : customer->code);
	}
	case BY_SITE: {
		const struct ref_site *site = reference_site(q->ref, id);

		return cell_text(r, site == NULL ? "" : site->code);
	}
	case BY_TEAM: {
		const struct ref_team *team = reference_team(q->ref, id);

		return cell_text(r, team == NULL ? "" : team->code);
	}
	case BY_PRIORITY:
		(void)snprintf(text, sizeof text, "P%d", (int)id);
		return cell_text(r, text);
	case BY_TYPE:
		return cell_text(
		        r, id == TICKET_SERVICE_REQUEST ? "service_request" : "incident");
	case BY_PERIOD:
	case BY_COUNT:
		break;
	}
	return cell_text(r, period_text(q, group->period, text));
}

/* The next column from `i` on that the caller sees, or NULL at the end. */
static const struct kpi_column_spec *column_next(const struct kpi_query *q, size_t *i)
{
	while (*i < KPI_COLUMNS_MAX && q->spec->columns[*i].name != NULL) {
		const struct kpi_column_spec *column = &q->spec->columns[(*i)++];

		if (q->internal || !kpi_column_is_internal(column))
			return column;
	}
	return NULL;
}

static int row_add(struct kpi_query *q, struct request *r, const struct group *group)
{
	Otklik__V1__KpiRow *row = arena_alloc(r->arena, sizeof *row);
	const struct kpi_column_spec *column;
	size_t n = 0, at = 0;

	if (row == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	otklik__v1__kpi_row__init(row);
	row->cells = arena_calloc(r->arena, BY_COUNT + KPI_COLUMNS_MAX, sizeof *row->cells);
	if (row->cells == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < q->order_count; i++)
		row->cells[n++] = key_cell(q, r, group, q->order[i]);
	while ((column = column_next(q, &at)) != NULL) {
		struct kpi_value value = kpi_evaluate(q->spec, column, &group->sums);

		row->cells[n++] = cell_value(r, &value);
	}
	for (size_t i = 0; i < n; i++) {
		if (row->cells[i] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	row->n_cells = n;
	q->out.rows[q->out.n_rows++] = row;
	return 0;
}

static bool same_keys(const struct db_rows *rows, size_t a, size_t b)
{
	for (int column = 0; column < COL_PERIOD; column++) {
		if (db_is_null(rows, a, column) != db_is_null(rows, b, column) ||
		        db_get_int(rows, a, column) != db_get_int(rows, b, column))
			return false;
	}
	return true;
}

static int64_t period_of(const struct kpi_query *q, const struct db_rows *rows, size_t row)
{
	if (q->period == NULL || db_is_null(rows, row, COL_PERIOD))
		return INT64_MIN; /* all in one, or before the range */
	return kpi_query_by_hour(q) ? db_get_time(rows, row, COL_PERIOD)
	                            : db_get_date(rows, row, COL_PERIOD);
}

/* Adds a row's sums; buckets of the distribution come in ascending order. */
static int group_add(struct group *g, struct request *r, const struct kpi_query *q,
        const struct db_rows *rows, size_t row)
{
	int metric = (int)db_get_int(rows, row, COL_METRIC);
	int64_t n = db_get_int(rows, row, COL_N);

	if (metric < 1 || metric > KPI_METRIC_MAX)
		return 0;
	g->sums.n[metric] += n;
	g->sums.sum[metric] += db_get_int(rows, row, COL_SUM);
	if (metric != kpi_spec_distribution(q->spec))
		return 0;
	if (g->sums.count == g->cap) {
		size_t cap = g->cap == 0 ? 64 : g->cap * 2;
		struct kpi_count *counts = arena_alloc(r->arena, cap * sizeof *counts);

		if (counts == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		if (g->sums.count > 0)
			memcpy(counts, g->sums.counts, g->sums.count * sizeof *counts);
		g->sums.counts = counts;
		g->cap = cap;
	}
	g->sums.counts[g->sums.count++] = (struct kpi_count){
	        .bucket = (int32_t)db_get_int(rows, row, COL_BUCKET),
	        .n = n,
	};
	return 0;
}

/* Starts the group of the row; a stock carries over what stood before, period by period. */
static void group_start(struct group *g, const struct kpi_query *q, const struct db_rows *rows,
        size_t row, bool same_series)
{
	struct kpi_group carried = g->sums;

	memset(g, 0, sizeof *g);
	if ((q->spec->flags & KPI_STOCK) != 0 && same_series)
		g->sums = carried;
	g->first_row = row;
	g->period = period_of(q, rows, row);
}

static int groups_build(struct kpi_query *q, struct request *r, struct otk_error *err)
{
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	size_t count = db_rows_count(rows);
	struct group group = {.first_row = 0};
	int rc = 0;

	q->out.rows = arena_calloc(r->arena, count + 1, sizeof *q->out.rows);
	if (q->out.rows == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		bool same_series = i > 0 && same_keys(rows, group.first_row, i);

		if (i == 0 || !same_series || period_of(q, rows, i) != group.period) {
			/* What stood before the range is no row of its own. */
			if (i > 0 && (q->period == NULL || group.period != INT64_MIN))
				rc = row_add(q, r, &group);
			group_start(&group, q, rows, i, same_series);
		}
		if (rc == 0)
			rc = group_add(&group, r, q, rows, i);
		if (q->out.n_rows > KPI_ROWS_MAX)
			return error_set(err, OTK_OUT_OF_RANGE, "TOO_MANY_ROWS",
			        "the answer has more than %d rows; ask for fewer dimensions or "
			        "a "
			        "shorter range",
			        KPI_ROWS_MAX);
	}
	/* Without dimensions there is always one row, even of nothing. */
	if (rc == 0 && (count > 0 ? q->period == NULL || group.period != INT64_MIN
	                          : q->order_count == 0))
		rc = row_add(q, r, &group);
	return rc;
}

static Otklik__V1__KpiColumn *column_new(struct request *r, const char *name, const char *unit)
{
	Otklik__V1__KpiColumn *column = arena_alloc(r->arena, sizeof *column);

	if (column != NULL) {
		otklik__v1__kpi_column__init(column);
		column->name = (char *)(uintptr_t)name;
		column->unit = (char *)(uintptr_t)unit;
	}
	return column;
}

static int columns_build(struct kpi_query *q, struct request *r)
{
	const struct kpi_column_spec *column;
	size_t n = 0, at = 0;

	q->out.columns =
	        arena_calloc(r->arena, BY_COUNT + KPI_COLUMNS_MAX, sizeof *q->out.columns);
	if (q->out.columns == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < q->order_count; i++) {
		enum kpi_dimension d = q->order[i];

		q->out.columns[n++] = column_new(r, kpi_query_dimension(q, d), "key");
	}
	while ((column = column_next(q, &at)) != NULL)
		q->out.columns[n++] = column_new(r, column->name, kpi_column_unit(column));
	for (size_t i = 0; i < n; i++) {
		if (q->out.columns[i] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	q->out.n_columns = n;
	return 0;
}

/* Whether the rollups are of rules that did not count all of this yet. */
static bool is_incomplete(const struct kpi_query *q, const struct request *r)
{
	int64_t rules = db_get_int(db_unit_rows(r->unit, 1), 0, 2);
	int metrics[KPI_METRIC_MAX];
	size_t count = kpi_spec_metrics(q->spec, metrics);

	for (size_t i = 0; i < count; i++) {
		if (kpi_metric_since(metrics[i]) > rules)
			return true;
	}
	return false;
}

/* What a reader must know: stocks repeat only where something changed, cohorts ripen. */
static int notes_build(struct kpi_query *q, struct request *r)
{
	int64_t today = r->now / DAY_US;

	q->out.notes = arena_calloc(r->arena, 3, sizeof *q->out.notes);
	if (q->out.notes == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	if ((q->spec->flags & KPI_STOCK) != 0 && q->period != NULL)
		q->out.notes[q->out.n_notes++] =
		        "periods in which nothing changed are left out: the row before stands";
	if ((q->spec->flags & KPI_COHORT) != 0 && q->to > today - 10)
		q->out.notes[q->out.n_notes++] =
		        "resolves of the last 10 days may still be reopened: immature";
	if (is_incomplete(q, r))
		q->out.notes[q->out.n_notes++] =
		        "these figures are being completed from the journal after an upgrade";
	return 0;
}

static enum step kpi_read(struct request *r)
{
	struct kpi_query *q = r->state;
	struct otk_error err;
	bool hours = kpi_query_by_hour(q);
	int rc;

	error_clear(&err);
	rc = groups_build(q, r, &err);
	if (rc == 0)
		rc = columns_build(q, r);
	if (rc == 0)
		rc = notes_build(q, r);
	if (rc != 0)
		return err.code != OTK_OK ? request_fail(r, &err) : request_no_memory(r);
	q->out.title = (char *)(uintptr_t)q->spec->title;
	q->out.zone = (char *)(uintptr_t)(hours ? q->zone : "contract");
	q->out.as_of_rev = db_get_int(db_unit_rows(r->unit, 1), 0, 0);
	return query_kpi_reply(r, &q->out);
}

static void query_cancel(struct request *r)
{
	struct kpi_query *q = r->state;

	kpi_open_end(&q->open);
}

/* The open clocks are added up: on to the rollups. */
static enum step open_read(struct request *r)
{
	struct kpi_query *q = r->state;
	struct otk_error err = q->open.err;
	struct db_unit *unit = err.code == OTK_OK ? kpi_query_unit(q, r) : NULL;

	kpi_open_end(&q->open);
	request_on_cancel(r, NULL);
	return err.code == OTK_OK ? request_query(r, unit, kpi_read) : request_fail(r, &err);
}

static enum step open_ask(struct request *r)
{
	struct kpi_query *q = r->state;
	struct otk_error err;

	if (kpi_open_start(&q->open, r, q->ref, kpi_query_open_unit(q, r)) != 0) {
		err = q->open.err;
		kpi_open_end(&q->open);
		return request_fail(r, &err);
	}
	request_on_cancel(r, query_cancel);
	return request_wait(r, open_read);
}

enum step query_kpi_begin(struct request *r, const Otklik__V1__QueryKpiRequest *in)
{
	struct kpi_query *q = request_state(r, sizeof *q);
	struct otk_error err;

	if (q == NULL)
		return request_no_memory(r);
	otklik__v1__query_kpi_response__init(&q->out);
	q->ref = desk_reference(r->service->desk);
	if (q->ref == NULL)
		return caller_no_reference(r);
	error_clear(&err);
	if (kpi_query_read(q, r, in, &err) != 0)
		return request_fail(r, &err);
	if ((q->spec->flags & KPI_OPEN) != 0)
		return open_ask(r);
	return request_query(r, kpi_query_unit(q, r), kpi_read);
}

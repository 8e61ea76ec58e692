/*
 * VerifyKpi: folds the whole journal again, ticket by ticket, in one snapshot, and compares
 * with the stored rollups. Rows come by a stream of their own; between them the loop runs on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "core/kpi_cells.h"
#include "core/kpi_fold.h"
#include "db/stream.h"
#include "db/unit.h"
#include "desk/kpi_rows.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { DIFFERENCES_DEFAULT = 100, DIFFERENCES_MAX = 10000, PROGRESS_EVENTS = 20000 };
enum { DIFFERENCE_TEXT = 160 };

struct difference {
	char cell[DIFFERENCE_TEXT];
	char stored[DIFFERENCE_TEXT];
	char rebuilt[DIFFERENCE_TEXT];
};

struct verify {
	struct request *r;
	struct db_stream *stream;
	struct db_unit *unit;
	struct kpi_cells *days;
	struct kpi_cells *quarters;
	int32_t customer_id;
	int64_t ticket_id; /* being folded; 0 before the first */
	struct kpi_state state;
	int64_t rev;
	int32_t quarter_from;
	int64_t total;
	int64_t folded;
	int64_t told; /* progress already sent */
	int64_t compared;
	int64_t differing;
	size_t limit;
	struct difference *differences; /* those kept */
	size_t kept;
	size_t sent;
	bool by_quarter; /* which table is being read */
	struct otk_error err;
};

static void verify_release(struct verify *v)
{
	db_stream_close(v->stream);
	v->stream = NULL;
	kpi_cells_free(v->days);
	kpi_cells_free(v->quarters);
	v->days = NULL;
	v->quarters = NULL;
	kpi_fold_end(&v->state);
	free(v->differences);
	v->differences = NULL;
}

static void verify_cancel(struct request *r)
{
	verify_release(r->state);
}

/* --- telling --------------------------------------------------------------------------- */

static enum step verify_fail(struct request *r)
{
	struct verify *v = r->state;

	verify_release(v);
	request_on_cancel(r, NULL);
	return request_fail(r, &v->err);
}

/* Differences one by one, then the summary, as the client's credit allows. */
static enum step verify_told(struct request *r)
{
	struct verify *v = r->state;
	Otklik__V1__VerifyKpiResponse item = OTKLIK__V1__VERIFY_KPI_RESPONSE__INIT;

	while (v->sent < v->kept) {
		struct difference *d = &v->differences[v->sent];
		Otklik__V1__KpiDifference out = OTKLIK__V1__KPI_DIFFERENCE__INIT;

		out.cell = d->cell;
		out.stored = d->stored;
		out.rebuilt = d->rebuilt;
		item.difference = &out;
		if (verify_kpi_item(r, &item) != 0)
			return request_wait_credit(r, verify_told);
		v->sent++;
	}
	item.difference = NULL;
	item.done = true;
	item.events_folded = v->folded;
	item.events_total = v->total;
	item.cells_compared = v->compared;
	item.differences = v->differing;
	item.as_of_rev = v->rev;
	if (verify_kpi_item(r, &item) != 0)
		return request_wait_credit(r, verify_told);
	verify_release(v);
	request_on_cancel(r, NULL);
	return request_stream_end(r);
}

static void progress_tell(struct verify *v)
{
	Otklik__V1__VerifyKpiResponse item = OTKLIK__V1__VERIFY_KPI_RESPONSE__INIT;

	if (v->folded - v->told < PROGRESS_EVENTS)
		return;
	item.events_folded = v->folded;
	item.events_total = v->total;
	/* Without credit the next one will do. */
	if (verify_kpi_item(v->r, &item) == 0)
		v->told = v->folded;
}

static void cell_name(const struct kpi_cell *c, bool by_quarter, char *out)
{
	char when[TIME_TEXT_SIZE];

	(void)time_format_utc((int64_t)c->period * (by_quarter ? 900 : 86400) * 1000000, when);
	(void)snprintf(out, DIFFERENCE_TEXT,
	        "%s %.20s customer=%d site=%d team=%d priority=%d type=%d metric=%d bucket=%d",
	        by_quarter ? "quarter" : "day", when, (int)c->customer_id, (int)c->site_id,
	        (int)c->team_id, c->priority, c->type, c->metric, (int)c->bucket);
}

static void difference_add(struct verify *v, const struct kpi_cell *where, int64_t stored_n,
        int64_t stored_sum, int64_t rebuilt_n, int64_t rebuilt_sum)
{
	struct difference *d;

	v->differing++;
	if (v->kept == v->limit)
		return;
	d = &v->differences[v->kept++];
	cell_name(where, v->by_quarter, d->cell);
	(void)snprintf(d->stored, sizeof d->stored, "n=%lld sum=%lld", (long long)stored_n,
	        (long long)stored_sum);
	(void)snprintf(d->rebuilt, sizeof d->rebuilt, "n=%lld sum=%lld", (long long)rebuilt_n,
	        (long long)rebuilt_sum);
}

/* --- comparing ------------------------------------------------------------------------- */

static void query_start(
        struct verify *v, int statement, db_stream_row *row, db_stream_done *done);

static void finish(struct verify *v)
{
	request_wake(v->r);
}

static void fail(struct verify *v, const struct otk_error *err)
{
	if (v->err.code == OTK_OK)
		v->err = *err;
	finish(v);
}

static void out_of_memory(struct verify *v)
{
	if (v->err.code == OTK_OK)
		(void)error_set(&v->err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY",
		        "the rebuilt cells do not fit into memory");
}

/* A stored cell: subtracted from the rebuilt one, so that equal ones become zero. */
static void cell_read(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct verify *v = context;
	struct kpi_cell stored;
	struct kpi_cell *rebuilt;

	(void)stream;
	if (v->err.code != OTK_OK)
		return;
	if (kpi_cell_row_read(rows, 0, &stored) != 0) {
		(void)error_set(
		        &v->err, OTK_DATA_LOSS, "BAD_CELL", "a stored sum is no number");
		return;
	}
	rebuilt = kpi_cells_at(v->by_quarter ? v->quarters : v->days, &stored);
	if (rebuilt == NULL) {
		out_of_memory(v);
		return;
	}
	v->compared++;
	if (rebuilt->n != stored.n || rebuilt->sum != stored.sum ||
	        rebuilt->sum2 != stored.sum2)
		difference_add(v, &stored, stored.n, stored.sum, rebuilt->n, rebuilt->sum);
	rebuilt->n = 0;
	rebuilt->sum = 0;
	rebuilt->sum2 = 0;
}

/* What is left in the rebuilt set has no stored cell. */
static void leftovers(struct verify *v)
{
	struct kpi_cells *cells = v->by_quarter ? v->quarters : v->days;
	size_t position = 0;
	const struct kpi_cell *c;

	while ((c = kpi_cells_next(cells, &position)) != NULL) {
		if (c->n != 0 || c->sum != 0 || c->sum2 != 0)
			difference_add(v, c, 0, 0, c->n, c->sum);
	}
}

static void cells_done(void *context, struct db_stream *stream, const struct otk_error *err)
{
	struct verify *v = context;

	(void)stream;
	if (err->code != OTK_OK || v->err.code != OTK_OK) {
		fail(v, err);
		return;
	}
	leftovers(v);
	if (v->by_quarter) {
		finish(v);
		return;
	}
	v->by_quarter = true;
	query_start(v, SQL_KPI_VERIFY_QUARTERS, cell_read, cells_done);
}

/* --- rebuilding ------------------------------------------------------------------------ */

static void contribution(void *context, const struct kpi_delta *delta)
{
	struct verify *v = context;

	if (kpi_cells_add_day(v->days, v->customer_id, delta) != 0 ||
	        (delta->key.quarter >= v->quarter_from &&
	                kpi_cells_add_quarter(v->quarters, v->customer_id, delta) != 0))
		out_of_memory(v);
}

static void event_read(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct verify *v = context;
	struct kpi_event_row row;

	(void)stream;
	if (v->err.code != OTK_OK)
		return;
	kpi_event_row_read(rows, 0, &row);
	if (row.ticket_id != v->ticket_id || row.customer_id != v->customer_id) {
		kpi_fold_end(&v->state);
		kpi_fold_begin(&v->state);
		v->ticket_id = row.ticket_id;
		v->customer_id = row.customer_id;
	}
	if (kpi_fold_event(&v->state, &row.event, contribution, v) != 0)
		(void)error_set(&v->err, OTK_DATA_LOSS, "JOURNAL_GAP",
		        "the journal of ticket %lld does not go on with entry %lld",
		        (long long)row.ticket_id, (long long)row.event.seq);
	v->folded++;
	progress_tell(v);
}

static void events_done(void *context, struct db_stream *stream, const struct otk_error *err)
{
	struct verify *v = context;

	(void)stream;
	if (err->code != OTK_OK || v->err.code != OTK_OK)
		fail(v, err);
	else
		query_start(v, SQL_KPI_VERIFY_CELLS, cell_read, cells_done);
}

static void position_read(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct verify *v = context;

	(void)stream;
	v->rev = db_get_int(rows, 0, 0);
	v->quarter_from = (int32_t)(db_get_time(rows, 0, 1) / (INT64_C(900) * 1000000));
	v->total = db_get_int(rows, 0, 2);
	if (db_get_int(rows, 0, 3) != KPI_RULES)
		(void)error_set(&v->err, OTK_FAILED_PRECONDITION, "KPI_INCOMPLETE",
		        "the figures are being completed from the journal after an upgrade; "
		        "try "
		        "again when that is done");
}

static void position_done(void *context, struct db_stream *stream, const struct otk_error *err)
{
	struct verify *v = context;

	(void)stream;
	if (err->code != OTK_OK || v->err.code != OTK_OK)
		fail(v, err);
	else
		query_start(v, SQL_KPI_VERIFY_EVENTS, event_read, events_done);
}

static void query_start(
        struct verify *v, int statement, db_stream_row *row, db_stream_done *done)
{
	struct db_unit *unit = db_unit_new(v->r->arena, DB_READ);
	struct otk_error err;

	if (unit != NULL) {
		db_unit_scope(unit, "*");
		db_call(unit, statement);
		if (db_stream_query(v->stream, sql_statements, unit, row, done, v) == 0)
			return;
	}
	(void)error_set(&err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	fail(v, &err);
}

static enum step verify_compared(struct request *r)
{
	struct verify *v = r->state;

	return v->err.code == OTK_OK ? request_go(r, verify_told) : verify_fail(r);
}

enum step verify_kpi_begin(struct request *r, const Otklik__V1__VerifyKpiRequest *in)
{
	struct verify *v = request_state(r, sizeof *v);

	if (v == NULL)
		return request_no_memory(r);
	if (!access_is_global(&r->principal->access, PERMISSION_ADMIN))
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "only an administrator of every customer may do this");
	v->r = r;
	v->limit = in->limit == 0 ? DIFFERENCES_DEFAULT : in->limit;
	if (v->limit > DIFFERENCES_MAX)
		return request_error(r, OTK_INVALID_ARGUMENT, "INVALID_FIELD",
		        "limit: at most %d differences are listed", DIFFERENCES_MAX);
	kpi_fold_begin(&v->state);
	v->days = kpi_cells_new();
	v->quarters = kpi_cells_new();
	v->differences = calloc(v->limit, sizeof *v->differences);
	if (v->days == NULL || v->quarters == NULL || v->differences == NULL) {
		verify_release(v);
		return request_no_memory(r);
	}
	v->stream = db_stream_open(r->service->loop, r->service->database, &v->err);
	if (v->stream == NULL)
		return verify_fail(r);
	request_long_lived(r);
	request_on_cancel(r, verify_cancel);
	query_start(v, SQL_KPI_VERIFY_START, position_read, position_done);
	return request_wait(r, verify_compared);
}

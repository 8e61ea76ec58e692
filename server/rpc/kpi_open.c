/* Clocks that are open now, as cells beside the rollups. */
#include "rpc/kpi_open.h"

#include "base/clock.h"
#include "base/tz.h"
#include "core/kpi_metric.h"
#include "core/sla.h"
#include "db/rows.h"
#include "db/stream.h"
#include "db/unit.h"
#include "rpc/service.h"
#include "sql/statements.h"

#define QUARTER_US (INT64_C(900) * CLOCK_SECOND)
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)

/* Columns of kpi_open_clocks. */
enum {
	COL_CUSTOMER,
	COL_SITE,
	COL_TEAM,
	COL_PRIORITY,
	COL_TYPE,
	COL_ZONE,
	COL_KIND,
	COL_STATE,
	COL_WALL,
	COL_TARGET,
	COL_CONSUMED,
	COL_ANCHOR,
	COL_CALENDAR,
	COL_BREACHED,
	COL_WAIVED,
};

static void fail(struct kpi_open *o, enum otk_status code, const char *reason, const char *text)
{
	if (o->err.code == OTK_OK)
		(void)error_set(&o->err, code, reason, "%s", text);
}

static int32_t period_now(const struct kpi_open *o, const struct db_rows *rows)
{
	const struct tz *tz = NULL;
	int64_t now = o->r->now;

	if (o->by_quarter)
		return (int32_t)(now / QUARTER_US);
	/* As the fold: a zone that is not there any more counts in UTC. */
	(void)tz_find(db_get_text_or_empty(rows, 0, COL_ZONE), &tz, NULL);
	return (int32_t)((tz == NULL ? now : tz_to_local(tz, now)) / DAY_US);
}

static void add(struct kpi_open *o, struct kpi_cell *key, int metric, int64_t value)
{
	struct kpi_cell *cell;

	key->metric = (int16_t)metric;
	cell = kpi_cells_at(o->cells, key);
	if (cell == NULL) {
		fail(o, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return;
	}
	cell->n++;
	cell->sum += value;
}

static void clock_came(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct kpi_open *o = context;
	const struct change c = {.ref = o->ref};
	const struct sla_clock clock = {
	        .state = (enum clock_state)db_get_int(rows, 0, COL_STATE),
	        .wall = db_get_bool(rows, 0, COL_WALL),
	        .target_us = db_get_int(rows, 0, COL_TARGET),
	        .consumed_us = db_get_int(rows, 0, COL_CONSUMED),
	        .anchor_at = db_get_time(rows, 0, COL_ANCHOR),
	        .calendar_id = (int32_t)db_get_int(rows, 0, COL_CALENDAR)};
	struct kpi_cell key = {.customer_id = (int32_t)db_get_int(rows, 0, COL_CUSTOMER),
	        .period = period_now(o, rows),
	        .site_id = (int32_t)db_get_int(rows, 0, COL_SITE),
	        .team_id = (int32_t)db_get_int(rows, 0, COL_TEAM),
	        .priority = (int16_t)db_get_int(rows, 0, COL_PRIORITY),
	        .type = (int16_t)db_get_int(rows, 0, COL_TYPE)};
	int kind = (int)db_get_int(rows, 0, COL_KIND);
	int64_t consumed = clock.consumed_us;
	int64_t over;
	bool broken;

	(void)stream;
	if (o->err.code != OTK_OK || kind < CLOCK_RESPONSE || kind >= CLOCK_KIND_COUNT)
		return;
	(void)sla_consumed(&c, &clock, o->r->now, &consumed); /* outside of time it stands */
	over = consumed - clock.target_us;
	broken = over > 0 || db_get_bool(rows, 0, COL_BREACHED);
	add(o, &key, KPI_OPEN_BASE + kind, 1);
	if (broken)
		add(o, &key, KPI_OPEN_BROKEN_BASE + kind, 1);
	else if (-over * 5 < clock.target_us)
		add(o, &key, KPI_OPEN_AT_RISK_BASE + kind, 1);
	if (broken && !db_get_bool(rows, 0, COL_WAIVED))
		add(o, &key, KPI_OPEN_OVERRUN_BASE + kind, over > 0 ? over / 1000 : 0);
}

static void clocks_came(void *context, struct db_stream *stream, const struct otk_error *err)
{
	struct kpi_open *o = context;

	(void)stream;
	if (o->err.code == OTK_OK)
		o->err = *err;
	request_wake(o->r);
}

int kpi_open_start(struct kpi_open *o, struct request *r, const struct reference *ref,
        struct db_unit *unit)
{
	o->r = r;
	o->ref = ref;
	error_clear(&o->err);
	o->cells = kpi_cells_new();
	if (o->cells == NULL || unit == NULL) {
		fail(o, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return -OTK_RESOURCE_EXHAUSTED;
	}
	o->stream = db_stream_open(r->service->loop, r->service->database, &o->err);
	if (o->stream == NULL)
		return -(int)o->err.code;
	if (db_stream_query(o->stream, sql_statements, unit, clock_came, clocks_came, o) == 0)
		return 0;
	fail(o, OTK_INTERNAL, "STREAM", "the open clocks cannot be read");
	return -OTK_INTERNAL;
}

void kpi_open_end(struct kpi_open *o)
{
	db_stream_close(o->stream);
	kpi_cells_free(o->cells);
	o->stream = NULL;
	o->cells = NULL;
}

void kpi_open_put(const struct kpi_open *o, struct db_unit *unit)
{
	struct db_array *c[9];
	const struct kpi_cell *cell;
	size_t position = 0;

	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
		c[i] = db_put_array(unit, DB_INT8, 0);
	while (o->cells != NULL && (cell = kpi_cells_next(o->cells, &position)) != NULL) {
		db_add_int(c[0], cell->customer_id);
		db_add_int(c[1], cell->period);
		db_add_int(c[2], cell->site_id);
		db_add_int(c[3], cell->team_id);
		db_add_int(c[4], cell->priority);
		db_add_int(c[5], cell->type);
		db_add_int(c[6], cell->metric);
		db_add_int(c[7], cell->n);
		db_add_int(c[8], cell->sum);
	}
}

/*
 * QueryKpi: a figure of the catalogue by dimensions and period, from the rollups alone.
 * Request → filters resolved within the caller's scope → one read of sums by group → columns
 * computed by core/kpi_catalogue → rows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "core/kpi_catalogue.h"
#include "db/rows.h"
#include "db/unit.h"
#include "desk/desk.h"
#include "rpc/caller.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum kpi_dimension { BY_CUSTOMER, BY_SITE, BY_TEAM, BY_PRIORITY, BY_TYPE, BY_PERIOD, BY_COUNT };

enum { KPI_ROWS_MAX = 20000, SCOPE_MAX = 256, DAYS_MAX = 366 * 20 };
#define HOUR_US (INT64_C(3600) * CLOCK_SECOND)
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)

static const char *const DIMENSION_NAMES[BY_PERIOD] = {
        [BY_CUSTOMER] = "customer",
        [BY_SITE] = "site",
        [BY_TEAM] = "team",
        [BY_PRIORITY] = "priority",
        [BY_TYPE] = "type",
};

/* What is asked, resolved. */
struct kpi_query {
	const struct kpi_spec *spec;
	const struct reference *ref;
	enum kpi_dimension order[BY_COUNT]; /* columns of the answer */
	size_t order_count;
	bool by[BY_COUNT];
	const char *period; /* "month", "week", "day", "hour" or NULL */
	int64_t from;       /* days, or instants by hour */
	int64_t to;
	const char *zone;
	bool all_customers;
	int64_t customers[SCOPE_MAX];
	size_t customer_count;
	int32_t site_id;
	int32_t team_id;
	int32_t priority;
	int32_t type;
	Otklik__V1__QueryKpiResponse out;
};

/* --- reading the request -------------------------------------------------------------- */

static int by_read(
        struct kpi_query *q, const Otklik__V1__QueryKpiRequest *in, struct otk_error *err)
{
	for (size_t i = 0; i < in->n_by; i++) {
		const char *name = in->by[i];
		size_t d = 0;

		while (d < BY_PERIOD && strcmp(DIMENSION_NAMES[d], name) != 0)
			d++;
		if (d == BY_PERIOD) {
			if (strcmp(name, "month") != 0 && strcmp(name, "week") != 0 &&
			        strcmp(name, "day") != 0 && strcmp(name, "hour") != 0)
				return error_field(err, "by",
				        "'%.40s' is no dimension; use customer, site, team, "
				        "priority, type and one of month, week, day, hour",
				        name);
			q->period = name;
		}
		if (q->by[d])
			return error_field(err, "by",
			        "'%.40s' is one too many: each dimension "
			        "once, and one period",
			        name);
		q->by[d] = true;
		q->order[q->order_count++] = (enum kpi_dimension)d;
	}
	return 0;
}

static int spec_read(
        struct kpi_query *q, const Otklik__V1__QueryKpiRequest *in, struct otk_error *err)
{
	char names[OTK_VIOLATION_SIZE] = "";
	size_t used = 0;

	q->spec = kpi_spec_find(in->name);
	if (q->spec != NULL)
		return 0;
	for (const struct kpi_spec *s = KPI_CATALOGUE; s->name != NULL; s++) {
		int n = snprintf(names + used, sizeof names - used, "%s%s",
		        used == 0 ? "" : ", ", s->name);

		if (n < 0 || (size_t)n >= sizeof names - used)
			break;
		used += (size_t)n;
	}
	return error_field(err, "name", "there is no such KPI; there are %s", names);
}

static int range_read(struct kpi_query *q, const Otklik__V1__QueryKpiRequest *in, int64_t now,
        struct otk_error *err)
{
	bool hours = q->period != NULL && strcmp(q->period, "hour") == 0;
	const struct tz *tz;
	int64_t unit = hours ? 1 : DAY_US;
	int64_t from = hours ? now - now % HOUR_US - 15 * DAY_US : 0;
	int64_t to = hours ? now - now % HOUR_US + HOUR_US : now + 2 * DAY_US;

	q->zone = in->zone[0] == '\0' ? "UTC" : in->zone;
	if (!hours && in->zone[0] != '\0')
		return error_field(err, "zone",
		        "goes with hour only; days are days of the "
		        "contract's zone");
	if (tz_find(q->zone, &tz, NULL) != 0)
		return error_field(
		        err, "zone", "is no IANA time zone; for example Europe/Riga");
	for (int end = 0; end < 2; end++) {
		const char *text = end == 0 ? in->from : in->to;
		int64_t *value = end == 0 ? &from : &to;
		int64_t days;
		int local = 0;

		if (text[0] == '\0')
			continue;
		if (time_parse_date(text, &days) == 0) {
			*value = hours ? tz_from_local(tz, days * DAY_US) : days * DAY_US;
			continue;
		}
		if (!hours || time_parse(text, value, &local) != 0)
			return error_field(err, end == 0 ? "from" : "to",
			        hours ? "must be a date or an instant, as 2026-01-31 or "
			                "2026-01-31T12:00:00Z"
			              : "must be a date, as 2026-01-31");
		if (local)
			*value = tz_from_local(tz, *value);
	}
	q->from = from / unit;
	q->to = to / unit;
	if (q->from >= q->to)
		return error_field(err, "to", "must be after `from`; the range is half-open");
	if (hours && from < now - 15 * DAY_US - HOUR_US)
		return error_field(err, "from", "hours are kept for 15 days; ask by day");
	if (hours && q->spec->stock)
		return error_field(err, "by", "a stock is not kept by hour; ask by day");
	return 0;
}

/* The customers asked for, within those the caller may see. */
static int scope_read(
        struct kpi_query *q, const struct request *r, const char *code, struct otk_error *err)
{
	const struct access *access = &r->principal->access;
	int32_t mine[ACCESS_GRANTS_MAX];

	q->all_customers = access_is_global(access, PERMISSION_KPI_READ);
	if (code[0] != '\0') {
		const struct ref_customer *customer = reference_customer_by_code(q->ref, code);

		if (customer == NULL || !access_may(access, PERMISSION_KPI_READ, customer->id))
			return error_set(err, OTK_NOT_FOUND, "CUSTOMER_NOT_FOUND",
			        "there is no customer %.64s", code);
		q->all_customers = false;
		q->customers[0] = customer->id;
		q->customer_count = 1;
		return 0;
	}
	if (q->all_customers)
		return 0;
	q->customer_count =
	        access_customers(access, PERMISSION_KPI_READ, mine, ACCESS_GRANTS_MAX);
	for (size_t i = 0; i < q->customer_count; i++)
		q->customers[i] = mine[i];
	return 0;
}

static int filters_read(
        struct kpi_query *q, const Otklik__V1__QueryKpiRequest *in, struct otk_error *err)
{
	if (in->site[0] != '\0') {
		const struct ref_site *site;

		if (q->customer_count != 1)
			return error_field(err, "site",
			        "needs `customer`: sites are named within "
			        "theirs");
		site = reference_site_by_code(q->ref, (int32_t)q->customers[0], in->site);
		if (site == NULL)
			return error_field(
			        err, "site", "the customer has no site of this code");
		q->site_id = site->id;
	}
	if (in->team[0] != '\0') {
		const struct ref_team *team = reference_team_by_code(q->ref, in->team);

		if (team == NULL)
			return error_field(err, "team", "there is no team of this code");
		q->team_id = team->id;
	}
	if (in->priority > 5)
		return error_field(err, "priority", "must be 1 to 5");
	q->priority = (int32_t)in->priority;
	if (strcmp(in->type, "incident") == 0)
		q->type = TICKET_INCIDENT;
	else if (strcmp(in->type, "service_request") == 0)
		q->type = TICKET_SERVICE_REQUEST;
	else if (in->type[0] != '\0')
		return error_field(err, "type", "must be incident or service_request");
	return 0;
}

/* --- asking ---------------------------------------------------------------------------- */

static void filters_put(const struct kpi_query *q, struct db_unit *unit)
{
	if (q->all_customers)
		db_put_null(unit);
	else
		db_put_ints(unit, DB_INT4, q->customers, q->customer_count);
	db_put_int_if(unit, q->site_id != 0, q->site_id);
	db_put_int_if(unit, q->team_id != 0, q->team_id);
	db_put_int_if(unit, q->priority != 0, q->priority);
	db_put_int_if(unit, q->type != 0, q->type);
}

static struct db_unit *unit_build(const struct kpi_query *q, struct request *r)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	bool hours = q->period != NULL && strcmp(q->period, "hour") == 0;
	int metrics[KPI_METRIC_MAX];
	int64_t wide[KPI_METRIC_MAX];
	size_t count = kpi_spec_metrics(q->spec, metrics);

	if (unit == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		wide[i] = metrics[i];
	db_unit_scope(unit, desk_scope(r->arena, &r->principal->access, PERMISSION_KPI_READ));
	db_call(unit, hours ? SQL_KPI_BY_HOUR : SQL_KPI_BY_DAY);
	for (size_t d = 0; d < BY_PERIOD; d++)
		db_put_bool(unit, q->by[d]);
	db_put_text(unit, hours ? q->zone : q->period);
	db_put_ints(unit, DB_INT2, wide, count);
	if (hours) {
		db_put_time(unit, q->from);
		db_put_time(unit, q->to);
	} else {
		db_put_date(unit, q->from);
		db_put_date(unit, q->to);
		db_put_bool(unit, q->spec->stock);
	}
	filters_put(q, unit);
	db_call(unit, SQL_KPI_POSITION);
	return unit;
}

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

	if (strcmp(q->period, "hour") == 0)
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

static bool column_is_set(const struct kpi_spec *spec, size_t i)
{
	return i < KPI_COLUMNS_MAX && spec->columns[i].name != NULL;
}

static int row_add(struct kpi_query *q, struct request *r, const struct group *group)
{
	Otklik__V1__KpiRow *row = arena_alloc(r->arena, sizeof *row);
	size_t n = 0;

	if (row == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	otklik__v1__kpi_row__init(row);
	row->cells = arena_calloc(r->arena, BY_COUNT + KPI_COLUMNS_MAX, sizeof *row->cells);
	if (row->cells == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < q->order_count; i++)
		row->cells[n++] = key_cell(q, r, group, q->order[i]);
	for (size_t i = 0; column_is_set(q->spec, i); i++) {
		struct kpi_value value =
		        kpi_evaluate(q->spec, &q->spec->columns[i], &group->sums);

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
	return strcmp(q->period, "hour") == 0 ? db_get_time(rows, row, COL_PERIOD)
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
	if (metric != kpi_spec_distribution(q->spec))
		return 0;
	g->sums.sum_ms += db_get_int(rows, row, COL_SUM);
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
	if (q->spec->stock && same_series)
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
	size_t n = 0;

	q->out.columns =
	        arena_calloc(r->arena, BY_COUNT + KPI_COLUMNS_MAX, sizeof *q->out.columns);
	if (q->out.columns == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < q->order_count; i++) {
		enum kpi_dimension d = q->order[i];

		q->out.columns[n++] =
		        column_new(r, d == BY_PERIOD ? q->period : DIMENSION_NAMES[d], "key");
	}
	for (size_t i = 0; column_is_set(q->spec, i); i++)
		q->out.columns[n++] = column_new(
		        r, q->spec->columns[i].name, kpi_column_unit(&q->spec->columns[i]));
	for (size_t i = 0; i < n; i++) {
		if (q->out.columns[i] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	q->out.n_columns = n;
	return 0;
}

/* What a reader must know: stocks repeat only where something changed, cohorts ripen. */
static int notes_build(struct kpi_query *q, struct request *r)
{
	int64_t today = r->now / DAY_US;

	q->out.notes = arena_calloc(r->arena, 2, sizeof *q->out.notes);
	if (q->out.notes == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	if (q->spec->stock && q->period != NULL)
		q->out.notes[q->out.n_notes++] =
		        "periods in which nothing changed are left out: the row before stands";
	if (q->spec->cohort && q->to > today - 10)
		q->out.notes[q->out.n_notes++] =
		        "resolves of the last 10 days may still be reopened: immature";
	return 0;
}

static enum step kpi_read(struct request *r)
{
	struct kpi_query *q = r->state;
	struct otk_error err;
	bool hours = q->period != NULL && strcmp(q->period, "hour") == 0;
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
	if (spec_read(q, in, &err) != 0 || by_read(q, in, &err) != 0 ||
	        range_read(q, in, r->now, &err) != 0 ||
	        scope_read(q, r, in->customer, &err) != 0 || filters_read(q, in, &err) != 0)
		return request_fail(r, &err);
	return request_query(r, unit_build(q, r), kpi_read);
}

/* Reading a question about figures, and what it asks the database. */
#include "rpc/kpi_query.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "db/unit.h"
#include "desk/desk.h"
#include "rpc/caller.h"
#include "rpc/service.h"
#include "sql/statements.h"

#define HOUR_US (INT64_C(3600) * CLOCK_SECOND)
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)

static const char *const DIMENSION_NAMES[BY_PERIOD] = {
        [BY_CUSTOMER] = "customer",
        [BY_SITE] = "site",
        [BY_TEAM] = "team",
        [BY_PRIORITY] = "priority",
        [BY_TYPE] = "type",
};

const char *kpi_query_dimension(const struct kpi_query *q, enum kpi_dimension dimension)
{
	return dimension == BY_PERIOD ? q->period : DIMENSION_NAMES[dimension];
}

bool kpi_query_by_hour(const struct kpi_query *q)
{
	return q->period != NULL && strcmp(q->period, "hour") == 0;
}

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
	bool hours = kpi_query_by_hour(q);
	const struct tz *tz;
	int64_t unit = hours ? 1 : DAY_US;
	int64_t from = hours ? now - now % HOUR_US - 15 * DAY_US : 0;
	int64_t to = hours ? now - now % HOUR_US + HOUR_US : now + 2 * DAY_US;

	if ((q->spec->flags & KPI_NOW) != 0 &&
	        (q->period != NULL || in->from[0] != '\0' || in->to[0] != '\0'))
		return error_field(err, q->period != NULL ? "by" : "from",
		        "%s is of now: it has no periods", q->spec->name);
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
	if (hours && (q->spec->flags & KPI_STOCK) != 0)
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

/*
 * What is the provider's own is only for whoever is the provider to every customer asked about;
 * where nobody was named, those to whom the caller is.
 */
static int side_read(struct kpi_query *q, const struct request *r, struct otk_error *err)
{
	bool narrow = (q->spec->flags & KPI_INTERNAL) != 0;
	int32_t ours[ACCESS_GRANTS_MAX];
	size_t kept = 0;

	q->internal = caller_internal_scope(r->principal, ours) < 0;
	for (size_t i = 0; !q->all_customers && i < q->customer_count; i++) {
		int64_t id = q->customers[i];
		bool is_ours = caller_is_provider(r->principal, (int32_t)id);

		if (is_ours && narrow)
			q->customers[kept] = id;
		kept += is_ours ? 1 : 0;
	}
	if (!q->all_customers && kept > 0 && (narrow || kept == q->customer_count)) {
		q->internal = true;
		q->customer_count = kept;
	}
	if (q->internal || (q->spec->flags & KPI_INTERNAL) == 0)
		return 0;
	return error_set(err, OTK_PERMISSION_DENIED, "PROVIDER_ONLY",
	        "%s tells how the provider works inside; it is for the provider's people",
	        q->spec->name);
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

int kpi_query_read(struct kpi_query *q, const struct request *r,
        const Otklik__V1__QueryKpiRequest *in, struct otk_error *err)
{
	int rc = spec_read(q, in, err);

	if (rc == 0)
		rc = by_read(q, in, err);
	if (rc == 0)
		rc = range_read(q, in, r->now, err);
	if (rc == 0)
		rc = scope_read(q, r, in->customer, err);
	if (rc == 0)
		rc = side_read(q, r, err);
	if (rc == 0)
		rc = filters_read(q, in, err);
	q->open.by_quarter = rc == 0 && kpi_query_by_hour(q);
	return rc;
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

struct db_unit *kpi_query_unit(const struct kpi_query *q, struct request *r)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	bool hours = kpi_query_by_hour(q);
	int metrics[KPI_METRIC_MAX];
	int64_t wide[KPI_METRIC_MAX];
	size_t wanted = kpi_spec_metrics(q->spec, metrics);
	size_t count = 0;

	if (unit == NULL)
		return NULL;
	for (size_t i = 0; i < wanted; i++) {
		if (q->internal || !kpi_metric_is_internal(metrics[i]))
			wide[count++] = metrics[i];
	}
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
		db_put_bool(unit, (q->spec->flags & KPI_STOCK) != 0);
	}
	filters_put(q, unit);
	kpi_open_put(&q->open, unit);
	db_call(unit, SQL_KPI_POSITION);
	return unit;
}

/* The read of open clocks: near their end only where nothing else is asked. */
struct db_unit *kpi_query_open_unit(const struct kpi_query *q, struct request *r)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (unit == NULL)
		return NULL;
	db_unit_scope(unit, desk_scope(r->arena, &r->principal->access, PERMISSION_KPI_READ));
	db_call(unit, SQL_KPI_OPEN_CLOCKS);
	filters_put(q, unit);
	db_put_int(unit, q->internal ? CLOCK_KIND_COUNT - 1 : CLOCK_RESOLUTION);
	db_put_time_if(unit, (q->spec->flags & KPI_NOW) == 0, r->now);
	return unit;
}

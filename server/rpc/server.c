/* Calls about the server itself: who is asking, and how the server is. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/pool.h"
#include "db/rows.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/migration.h"
#include "sql/statements.h"

/* ---- WhoAmI ---------------------------------------------------------------------------- */

static enum step customers_read(struct request *r);

enum step who_am_i_begin(struct request *r, const Otklik__V1__WhoAmIRequest *in)
{
	const struct principal *who = r->principal;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	int64_t ids[ACCESS_GRANTS_MAX + 1];
	size_t count = 0;

	(void)in;
	if (unit == NULL)
		return request_no_memory(r);
	ids[count++] = who->customer_id;
	for (size_t i = 0; i < who->access.count; i++)
		ids[count++] = who->access.grants[i].customer_id;
	db_call(unit, SQL_PRINCIPAL_CUSTOMERS);
	db_put_ints(unit, DB_INT4, ids, count);
	return request_query(r, unit, customers_read);
}

/* "" for the provider and for every customer. */
static char *customer_code(const struct db_rows *rows, int32_t id)
{
	for (size_t i = 0; id != 0 && i < db_rows_count(rows); i++) {
		if (db_get_int(rows, i, 0) == id)
			return (char *)db_get_text(rows, i, 1);
	}
	return (char *)"";
}

static enum step customers_read(struct request *r)
{
	struct principal *who = r->principal;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__WhoAmIResponse out = OTKLIK__V1__WHO_AM_IRESPONSE__INIT;
	Otklik__V1__PrincipalGrant *grants;

	grants = arena_calloc(r->arena, who->access.count + 1, sizeof *grants);
	out.grants = arena_calloc(r->arena, who->access.count + 1, sizeof *out.grants);
	if (grants == NULL || out.grants == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < who->access.count; i++) {
		const struct access_grant *grant = &who->access.grants[i];
		const char *role = role_name(grant->role);

		otklik__v1__principal_grant__init(&grants[i]);
		grants[i].role = (char *)(role == NULL ? "unknown" : role);
		grants[i].customer = customer_code(rows, grant->customer_id);
		out.grants[out.n_grants++] = &grants[i];
	}
	out.principal = who->uri;
	out.name = who->name;
	out.kind = (char *)(who->kind == PRINCIPAL_AGENT ? "agent" : "person");
	out.customer = customer_code(rows, who->customer_id);
	out.zone = who->zone;
	return who_am_i_reply(r, &out);
}

/* ---- GetServerStatus ------------------------------------------------------------------- */

static enum step status_read(struct request *r);

/* What the process knows by itself. */
static void status_fill(struct request *r, Otklik__V1__GetServerStatusResponse *out)
{
	const struct service *service = r->service;
	struct db_pool_stats pool;

	db_pool_stats(service->pool, &pool);
	out->build = (char *)service->build;
	out->server_time_us = clock_now(service->clock);
	out->virtual_clock = clock_is_virtual(service->clock);
	out->schema_version = migration_count == 0 ? 0 : migrations[migration_count - 1].number;
	out->database_up = pool.ready > 0;
	out->connections = service->connections;
	out->requests_in_flight = service->in_flight;
	out->requests_total = service->requests_total;
	out->pid = getpid();
}

enum step get_server_status_begin(
        struct request *r, const Otklik__V1__GetServerStatusRequest *in)
{
	Otklik__V1__GetServerStatusResponse out = OTKLIK__V1__GET_SERVER_STATUS_RESPONSE__INIT;
	struct db_unit *unit;

	(void)in;
	status_fill(r, &out);
	/* While the database is away this still answers, and says so. */
	if (!out.database_up)
		return get_server_status_reply(r, &out);
	unit = db_unit_new(r->arena, DB_READ);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, "*"); /* counts only, of no customer in particular */
	db_call(unit, SQL_SERVER_STATUS);
	db_put_time(unit, r->now);
	return request_query_any(r, unit, status_read);
}

static enum step status_read(struct request *r)
{
	Otklik__V1__GetServerStatusResponse out = OTKLIK__V1__GET_SERVER_STATUS_RESPONSE__INIT;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);

	status_fill(r, &out);
	if (db_unit_error(r->unit)->code != OTK_OK || db_rows_count(rows) != 1) {
		out.database_up = false;
		return get_server_status_reply(r, &out);
	}
	out.feed_epoch = (char *)db_get_text_or_empty(rows, 0, 0);
	out.feed_rev = db_get_int(rows, 0, 1);
	out.fold_rev = db_get_int(rows, 0, 2);
	out.due_timers = db_get_int(rows, 0, 3);
	out.oldest_due_us = db_get_time(rows, 0, 4);
	return get_server_status_reply(r, &out);
}

/* Principals: read from the database, counted, compared. */
#include "rpc/principal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "db/rows.h"
#include "db/unit.h"
#include "sql/statements.h"

struct db_unit *principal_unit(struct arena *arena, const char *uri)
{
	struct db_unit *unit = db_unit_new(arena, DB_READ);

	if (unit != NULL) {
		db_call(unit, SQL_PRINCIPAL_BY_URI);
		db_put_text(unit, uri);
	}
	return unit;
}

static void text_copy(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
	text_cut_utf8(out, size - 1);
}

/* Grants past ACCESS_GRANTS_MAX are left out: too few rights are better than too many. */
static int grants_read(const struct db_rows *rows, struct principal *p)
{
	struct arena *arena = arena_new(64 * 1024);
	int64_t *roles = NULL;
	int64_t *customers = NULL;
	size_t role_count = 0;
	size_t customer_count = 0;
	int rc = -OTK_RESOURCE_EXHAUSTED;

	if (arena != NULL && db_get_ints(rows, 0, 9, arena, &roles, &role_count) == 0 &&
	        db_get_ints(rows, 0, 10, arena, &customers, &customer_count) == 0) {
		rc = 0;
		if (role_count > ACCESS_GRANTS_MAX)
			log_warn("principal has too many grants; the rest is ignored",
			        "principal", p->code);
		for (size_t i = 0; i < role_count && i < customer_count; i++) {
			if (p->access.count == ACCESS_GRANTS_MAX)
				break;
			p->access.grants[p->access.count++] =
			        (struct access_grant){.role = (enum role)roles[i],
			                .customer_id = (int32_t)customers[i]};
		}
	}
	arena_free(arena);
	return rc;
}

struct principal *principal_read(
        const struct db_unit *unit, const char *uri, struct otk_error *err)
{
	const struct db_rows *rows = db_unit_rows(unit, 0);
	struct principal *p;

	if (db_unit_error(unit)->code != OTK_OK) {
		*err = *db_unit_error(unit);
		return NULL;
	}
	if (db_rows_count(rows) != 1) {
		(void)error_set(err, OTK_UNAUTHENTICATED, "PRINCIPAL_UNKNOWN",
		        "%s is not known here; ask an administrator to add it to the "
		        "installation",
		        uri);
		return NULL;
	}
	if (db_get_bool(rows, 0, 8)) {
		(void)error_set(err, OTK_UNAUTHENTICATED, "PRINCIPAL_DISABLED",
		        "%s is disabled; ask an administrator", uri);
		return NULL;
	}
	p = calloc(1, sizeof *p);
	if (p == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
		        "the server is out of memory");
		return NULL;
	}
	p->holders = 1;
	p->id = (int32_t)db_get_int(rows, 0, 0);
	p->kind = (enum principal_kind)db_get_int(rows, 0, 1);
	p->customer_id = (int32_t)db_get_int(rows, 0, 2);
	p->site_id = (int32_t)db_get_int(rows, 0, 3);
	p->team_id = (int32_t)db_get_int(rows, 0, 4);
	text_copy(p->code, sizeof p->code, db_get_text_or_empty(rows, 0, 5));
	text_copy(p->name, sizeof p->name, db_get_text_or_empty(rows, 0, 6));
	text_copy(p->zone, sizeof p->zone, db_get_text_or_empty(rows, 0, 7));
	text_copy(p->uri, sizeof p->uri, uri);
	if (p->kind == PRINCIPAL_AGENT) {
		/* What an agent may do follows from what it is: nothing can be granted to it.
		 */
		p->access.grants[0] = (struct access_grant){
		        .role = ROLE_AGENT, .customer_id = p->customer_id};
		p->access.count = 1;
	} else if (grants_read(rows, p) != 0) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
		        "the server is out of memory");
		free(p);
		return NULL;
	}
	return p;
}

struct principal *principal_hold(struct principal *principal)
{
	principal->holders++;
	return principal;
}

void principal_release(struct principal *principal)
{
	if (principal != NULL && --principal->holders == 0)
		free(principal);
}

bool principal_equal(const struct principal *a, const struct principal *b)
{
	if (a->id != b->id || a->kind != b->kind || a->customer_id != b->customer_id ||
	        a->site_id != b->site_id || a->team_id != b->team_id ||
	        strcmp(a->code, b->code) != 0 || strcmp(a->name, b->name) != 0 ||
	        strcmp(a->zone, b->zone) != 0 || a->access.count != b->access.count)
		return false;
	for (size_t i = 0; i < a->access.count; i++) {
		if (a->access.grants[i].role != b->access.grants[i].role ||
		        a->access.grants[i].customer_id != b->access.grants[i].customer_id)
			return false;
	}
	return true;
}

/* Migrations by command, and the first administrator of an empty database. */
#include "migrate.h"

#include <stdio.h>

#include "base/arena.h"
#include "db/migrate.h"
#include "db/pool.h"
#include "db/rows.h"
#include "loop/loop.h"
#include "sql/migration.h"
#include "sql/statements.h"

enum { BOOTSTRAP_MS = 30000, URI_SIZE = 256 };

static void bootstrapped(void *context, struct db_unit *unit)
{
	(void)unit;
	loop_stop(context);
}

static int bootstrap_unit(struct loop *loop, struct db_pool *pool,
        const struct settings *settings, struct arena *arena, struct otk_error *err)
{
	char uri[URI_SIZE];
	struct db_unit *unit = db_unit_new(arena, DB_REPLAY);

	if (unit == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	(void)snprintf(uri, sizeof uri, "otklik://%s/person/%s", settings->installation,
	        settings->bootstrap_admin);
	db_call(unit, 0);
	db_put_text(unit, settings->bootstrap_admin);
	db_put_text(unit, uri);
	db_put_text(unit, settings->installation);
	db_pool_submit(pool, unit, BOOTSTRAP_MS, bootstrapped, loop);
	if (loop_run(loop) != 0)
		return error_set(err, OTK_INTERNAL, "LOOP", "the event loop failed");
	if (db_unit_error(unit)->code != OTK_OK) {
		*err = *db_unit_error(unit);
		return -(int)err->code;
	}
	if (db_rows_affected(db_unit_rows(unit, 0)) > 0)
		(void)printf("%s is administrator\n", uri);
	return 0;
}

static int bootstrap(
        const struct settings *settings, const char *conninfo, struct otk_error *err)
{
	const struct db_pool_options options = {.conninfo = conninfo,
	        .statements = &sql_statements[SQL_PRINCIPAL_BOOTSTRAP],
	        .statement_count = 1,
	        .application_name = "otklikd migrate",
	        .connections = 1};
	struct arena *arena = arena_new(64 * 1024);
	struct loop *loop = loop_new();
	struct db_pool *pool = NULL;
	int rc;

	if (arena == NULL || loop == NULL) {
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		goto out_free;
	}
	pool = db_pool_new(loop, &options, err);
	rc = pool == NULL ? -OTK_INVALID_ARGUMENT
	                  : bootstrap_unit(loop, pool, settings, arena, err);
out_free:
	db_pool_free(pool);
	loop_free(loop);
	arena_free(arena);
	return rc;
}

int migrate_run(const struct settings *settings, struct otk_error *err)
{
	const char *conninfo = settings->migrate_database[0] != '\0'
	                               ? settings->migrate_database
	                               : settings->database;
	const struct db_migrate_options options = {.conninfo = conninfo,
	        .list = migrations,
	        .count = migration_count,
	        .progress = stdout};
	int rc = db_migrate(&options, err);

	if (rc == 0 && settings->bootstrap_admin[0] != '\0')
		rc = bootstrap(settings, conninfo, err);
	return rc;
}

/*
 * The migration runner: brings a database to the schema of this binary. Blocking; used by
 * `otklikd migrate`, by the server's check at start, and by tests.
 */
#ifndef OTKLIK_DB_MIGRATE_H
#define OTKLIK_DB_MIGRATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "sql/migration.h"

struct db_migrate_options {
	const char *conninfo; /* a login that owns the schema and bypasses row security */
	const struct migration *list; /* ascending; usually `migrations` of sql/migration.h */
	size_t count;
	FILE *progress;           /* a line a migration; may be NULL */
	unsigned lock_timeout_ms; /* of one attempt at a table lock [2000] */
	unsigned attempts;        /* at one migration when locks are held by others [30] */
	int last;                 /* stop after this number; 0: all */
};

/*
 * Applies what is missing, in order, each in a transaction of its own unless one of its lines
 * is `-- no-transaction` (then statement by statement; such a file must be repeatable). Holds
 * an advisory lock, so several may start at once. Verifies the SHA-256 of the applied ones.
 *   FAILED_PRECONDITION  MIGRATION_CHANGED   an applied file has another checksum now
 *   FAILED_PRECONDITION  MIGRATION_UNKNOWN   the database is ahead of this binary
 *   FAILED_PRECONDITION  MIGRATION_FAILED    with the server's message and the line
 *   UNAVAILABLE          MIGRATION_LOCKED    others held the locks through all attempts
 *   UNAVAILABLE          DB_DOWN             no connection
 */
int db_migrate(const struct db_migrate_options *options, struct otk_error *err);

/* The number of the last applied migration; 0 for an empty database. */
int db_schema_version(const char *conninfo, int *version, struct otk_error *err);

/*
 * Whether a server that needs migrations least..most may run: FAILED_PRECONDITION, reason
 * SCHEMA_TOO_OLD or SCHEMA_TOO_NEW, with what to do.
 */
int db_schema_check(const char *conninfo, int least, int most, struct otk_error *err);

#endif

/*
 * The runner. Its journal is table schema_migration, made by the runner itself before the
 * first migration and readable by everybody, so that a server may check what it finds.
 */
#include "db/migrate.h"

#include <libpq-fe.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/migrate_split.h"

enum { LOCK_TIMEOUT_MS = 2000, ATTEMPTS = 30, HEX_SIZE = 2 * SHA256_DIGEST_LENGTH + 1 };

/* Key of the advisory lock: "otklmigr" in ASCII. */
#define LOCK_KEY "8030040518227519346"

static const char journal_sql[] =
        "CREATE TABLE IF NOT EXISTS public.schema_migration ("
        " number int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now(), took_ms bigint NOT NULL);"
        "COMMENT ON TABLE public.schema_migration IS"
        " 'class: coordinator. Applied migrations and the checksums of their files.';"
        "GRANT SELECT ON public.schema_migration TO PUBLIC";

struct run {
	const struct db_migrate_options *options;
	PGconn *pg;
	int applied; /* number of the last one in the database */
	struct otk_error *err;
};

static void hash_hex(const char *text, size_t length, char out[HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)text, length, hash);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[HEX_SIZE - 1] = '\0';
}

static void progress(const struct run *run, const char *name, const char *what)
{
	if (run->options->progress == NULL)
		return;
	fprintf(run->options->progress, "%s: %s\n", name, what);
	fflush(run->options->progress);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void quiet(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static int open_database(const char *conninfo, PGconn **out, struct otk_error *err)
{
	/* The string comes last: what it says wins. */
	const char *const keywords[] = {"connect_timeout", "application_name", "dbname", NULL};
	const char *const values[] = {"10", "otklikd migrate", conninfo, NULL};
	PGconn *pg = PQconnectdbParams(keywords, values, 1);
	char message[300];

	if (PQstatus(pg) == CONNECTION_OK) {
		PQsetNoticeReceiver(pg, quiet, NULL);
		*out = pg;
		return 0;
	}
	snprintf(message, sizeof message, "%s",
	        pg == NULL ? "out of memory" : PQerrorMessage(pg));
	message[strcspn(message, "\n")] = '\0';
	PQfinish(pg);
	return error_set(err, OTK_UNAVAILABLE, "DB_DOWN", "no database: %s", message);
}

static bool is_ok(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_COMMAND_OK ||
	       PQresultStatus(result) == PGRES_TUPLES_OK;
}

static int execute(struct run *run, const char *sql)
{
	PGresult *result = PQexec(run->pg, sql);
	int status = 0;

	if (!is_ok(result))
		status = error_set(run->err, OTK_UNAVAILABLE, "DB_DOWN", "database: %s",
		        PQerrorMessage(run->pg));
	PQclear(result);
	return status;
}

/* Line of the text on which its position-th character (from 1, in characters) stands. */
static int line_of(const char *text, const char *position)
{
	long at = position == NULL ? 0 : strtol(position, NULL, 10);
	int line = 1;

	for (; at > 1 && *text != '\0'; text++) {
		line += *text == '\n';
		at -= (*(text + 1) & 0xC0) != 0x80;
	}
	return line;
}

/* Fills the error of a migration; `before` lines of the file stand before `text`. */
static int migration_failed(struct run *run, const struct migration *migration,
        const PGresult *result, const char *text, int before)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);

	if (message == NULL)
		return error_set(run->err, OTK_UNAVAILABLE, "DB_DOWN", "%s: %s",
		        migration->name, PQerrorMessage(run->pg));
	if (position != NULL)
		return error_set(run->err, OTK_FAILED_PRECONDITION, "MIGRATION_FAILED",
		        "%s.sql:%d: %s (%s)", migration->name, before + line_of(text, position),
		        message, sqlstate);
	return error_set(run->err, OTK_FAILED_PRECONDITION, "MIGRATION_FAILED",
	        "%s.sql: %s (%s)%s%s%s%s", migration->name, message, sqlstate,
	        detail == NULL ? "" : ": ", detail == NULL ? "" : detail,
	        context == NULL ? "" : "; ", context == NULL ? "" : context);
}

/* ---- One migration ---- */

static int record(struct run *run, const struct migration *migration, int64_t took_ms)
{
	char hash[HEX_SIZE], number[16], took[24];
	const char *values[] = {number, migration->name, hash, took};
	PGresult *result;
	int status;

	/* A migration may have taken another role for what it makes. */
	status = execute(run, "RESET ROLE");
	if (status < 0)
		return status;
	hash_hex(migration->text, migration->length, hash);
	snprintf(number, sizeof number, "%d", migration->number);
	snprintf(took, sizeof took, "%lld", (long long)took_ms);
	result = PQexecParams(run->pg,
	        "INSERT INTO public.schema_migration (number, name, sha256, took_ms)"
	        " VALUES ($1::int, $2, $3, $4::bigint)",
	        4, NULL, values, NULL, NULL, 0);
	if (!is_ok(result))
		status = migration_failed(run, migration, result, "", 0);
	PQclear(result);
	return status;
}

static bool is_lock_timeout(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return sqlstate != NULL &&
	       (strcmp(sqlstate, "55P03") == 0 || strcmp(sqlstate, "40P01") == 0);
}

/* All of it in one transaction. *locked: others hold a lock, worth another attempt. */
static int apply_whole(struct run *run, const struct migration *migration, bool *locked)
{
	int64_t start = now_ms();
	PGresult *result;
	int status;

	status = execute(run, "BEGIN");
	if (status < 0)
		return status;
	result = PQexec(run->pg, migration->text);
	if (!is_ok(result)) {
		*locked = is_lock_timeout(result);
		status = migration_failed(run, migration, result, migration->text, 0);
	} else if (PQtransactionStatus(run->pg) != PQTRANS_INTRANS) {
		status = error_set(run->err, OTK_FAILED_PRECONDITION, "MIGRATION_FAILED",
		        "%s.sql ends its transaction itself; mark it `-- no-transaction`",
		        migration->name);
	} else {
		status = record(run, migration, now_ms() - start);
	}
	PQclear(result);
	if (status == 0)
		return execute(run, "COMMIT");
	PQclear(PQexec(run->pg, "ROLLBACK"));
	return status;
}

/* Statement by statement, each in its own transaction. */
static int apply_bare(struct run *run, const struct migration *migration, bool *locked)
{
	int64_t start = now_ms();
	const char *statement;
	size_t at = 0, length;
	int status = 0;

	while (status == 0 && migrate_split(migration->text, &at, &statement, &length)) {
		char *copy = strndup(statement, length);
		PGresult *result = copy == NULL ? NULL : PQexec(run->pg, copy);
		int before = 0;

		for (const char *c = migration->text; c < statement; c++)
			before += *c == '\n';
		if (!is_ok(result)) {
			*locked = is_lock_timeout(result);
			status = migration_failed(run, migration, result, copy, before);
		}
		PQclear(result);
		free(copy);
	}
	return status < 0 ? status : record(run, migration, now_ms() - start);
}

static void sleep_ms(long ms)
{
	struct timespec rest = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&rest, NULL);
}

static int apply(struct run *run, const struct migration *migration)
{
	unsigned attempts = run->options->attempts == 0 ? ATTEMPTS : run->options->attempts;
	bool bare = migrate_is_bare(migration->text);
	int status = 0;

	for (unsigned attempt = 1; attempt <= attempts; attempt++) {
		bool locked = false;

		status = bare ? apply_bare(run, migration, &locked)
		              : apply_whole(run, migration, &locked);
		if (status == 0)
			progress(run, migration->name, "applied");
		if (!locked)
			return status;
		progress(run, migration->name, "waits for locks of others");
		/* Longer and longer, so that those who queue behind us get through. */
		sleep_ms(attempt < 10 ? 100L * attempt : 1000);
	}
	return error_set(run->err, OTK_UNAVAILABLE, "MIGRATION_LOCKED",
	        "%s: other sessions held the locks it needs through %u attempts",
	        migration->name, attempts);
}

/* ---- The whole ---- */

static const struct migration *find(const struct db_migrate_options *options, int number)
{
	for (size_t i = 0; i < options->count; i++)
		if (options->list[i].number == number)
			return &options->list[i];
	return NULL;
}

static int verify_one(struct run *run, int number, const char *name, const char *sha256)
{
	const struct migration *migration = find(run->options, number);
	char hash[HEX_SIZE];

	if (migration == NULL)
		return error_set(run->err, OTK_FAILED_PRECONDITION, "MIGRATION_UNKNOWN",
		        "the database has migration %s, which this program does not know: "
		        "use a newer one",
		        name);
	hash_hex(migration->text, migration->length, hash);
	if (strcmp(hash, sha256) != 0)
		return error_set(run->err, OTK_FAILED_PRECONDITION, "MIGRATION_CHANGED",
		        "migration %s was applied with checksum %.12s…, its file now has "
		        "%.12s…: "
		        "an applied migration must not change",
		        migration->name, sha256, hash);
	return 0;
}

/* Those before `number` that follow on the last one known to be applied: later ones may rest on
 * them, so that to apply one now, or never, would be a guess. */
static int refuse_holes(struct run *run, int number)
{
	for (size_t i = 0; i < run->options->count; i++) {
		const struct migration *migration = &run->options->list[i];

		if (migration->number > run->applied && migration->number < number)
			return error_set(run->err, OTK_FAILED_PRECONDITION, "MIGRATION_MISSING",
			        "the database has migration %04d and not %s, which comes "
			        "before "
			        "it: it was made by another version of the program; restore a "
			        "backup of a released one, or make it anew",
			        number, migration->name);
	}
	return 0;
}

static int verify(struct run *run)
{
	PGresult *result = PQexec(run->pg,
	        "SELECT number, name, sha256 FROM public.schema_migration ORDER BY number");
	int status = 0;

	if (!is_ok(result))
		status = error_set(
		        run->err, OTK_UNAVAILABLE, "DB_DOWN", "%s", PQerrorMessage(run->pg));
	for (int i = 0; status == 0 && i < PQntuples(result); i++) {
		int number = atoi(PQgetvalue(result, i, 0));

		status = verify_one(
		        run, number, PQgetvalue(result, i, 1), PQgetvalue(result, i, 2));
		if (status == 0)
			status = refuse_holes(run, number);
		run->applied = number;
	}
	PQclear(result);
	return status;
}

/* Waits for another runner by trying, so that its wait shows and holds no snapshot. */
static int take_lock(struct run *run)
{
	for (unsigned attempt = 0;; attempt++) {
		PGresult *result = PQexec(run->pg, "SELECT pg_try_advisory_lock(" LOCK_KEY ")");
		bool ok = is_ok(result), taken = ok && *PQgetvalue(result, 0, 0) == 't';

		PQclear(result);
		if (taken)
			return 0;
		if (!ok)
			return error_set(run->err, OTK_UNAVAILABLE, "DB_DOWN", "%s",
			        PQerrorMessage(run->pg));
		if (attempt == 0)
			progress(run, "migrate", "waits for another one");
		sleep_ms(50);
	}
}

static int set_session(struct run *run)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	        "SET row_security = off; SET lock_timeout = %u; SET statement_timeout = 0;"
	        "SET idle_in_transaction_session_timeout = 0; SET client_encoding = 'UTF8'",
	        run->options->lock_timeout_ms == 0 ? LOCK_TIMEOUT_MS
	                                           : run->options->lock_timeout_ms);
	return execute(run, sql);
}

int db_migrate(const struct db_migrate_options *options, struct otk_error *err)
{
	struct run run = {.options = options, .err = err};
	int status = open_database(options->conninfo, &run.pg, err);

	if (status == 0)
		status = set_session(&run);
	if (status == 0)
		status = take_lock(&run);
	if (status == 0)
		status = execute(&run, journal_sql);
	if (status == 0)
		status = verify(&run);
	for (size_t i = 0; status == 0 && i < options->count; i++) {
		const struct migration *migration = &options->list[i];

		if (migration->number <= run.applied)
			continue;
		if (options->last != 0 && migration->number > options->last)
			break;
		status = apply(&run, migration);
	}
	/* A session that ends gives its lock back only some time after its client has gone. */
	PQclear(PQexec(run.pg, "SELECT pg_advisory_unlock_all()"));
	PQfinish(run.pg);
	return status;
}

int db_schema_version(const char *conninfo, int *version, struct otk_error *err)
{
	PGconn *pg;
	PGresult *result;
	const char *sqlstate;
	int status = open_database(conninfo, &pg, err);

	if (status < 0)
		return status;
	result = PQexec(pg, "SELECT coalesce(max(number), 0) FROM public.schema_migration");
	sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (is_ok(result))
		*version = atoi(PQgetvalue(result, 0, 0));
	else if (sqlstate != NULL && strcmp(sqlstate, "42P01") == 0)
		*version = 0;
	else
		status = error_set(err, OTK_UNAVAILABLE, "DB_DOWN", "%s", PQerrorMessage(pg));
	PQclear(result);
	PQfinish(pg);
	return status;
}

int db_schema_check(const char *conninfo, int least, int most, struct otk_error *err)
{
	int version;
	int status = db_schema_version(conninfo, &version, err);

	if (status < 0)
		return status;
	if (version < least)
		return error_set(err, OTK_FAILED_PRECONDITION, "SCHEMA_TOO_OLD",
		        "the database is at migration %d, this program needs %d: "
		        "run `otklikd migrate`",
		        version, least);
	if (version > most)
		return error_set(err, OTK_FAILED_PRECONDITION, "SCHEMA_TOO_NEW",
		        "the database is at migration %d, this program knows up to %d: "
		        "install a newer one",
		        version, most);
	return 0;
}

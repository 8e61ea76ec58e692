/* Staging of an event log in a temporary SQLite file. */
#include "cli/import_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

struct stage {
	sqlite3 *db;
	sqlite3_stmt *add;
	sqlite3_stmt *refuse;
	sqlite3_stmt *cases;
	sqlite3_stmt *refused;
	sqlite3_stmt *found;
};

static int stage_error(struct stage *s, struct otk_error *err)
{
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "STAGING",
	        "staging the log in the folder for temporary files failed: %s",
	        s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db));
}

static const char SCHEMA[] =
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16384;"
        "CREATE TABLE row (ref TEXT NOT NULL, created INTEGER NOT NULL, observed INTEGER NOT "
        "NULL,"
        " ord INTEGER NOT NULL, line INTEGER NOT NULL, raw TEXT NOT NULL,"
        " t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11);"
        "CREATE TABLE refused (ref TEXT, line INTEGER NOT NULL, raw TEXT NOT NULL, reason TEXT "
        "NOT "
        "NULL);"
        "BEGIN;";

static int prepare(struct stage *s, const char *sql, sqlite3_stmt **out, struct otk_error *err)
{
	return sqlite3_prepare_v2(s->db, sql, -1, out, NULL) == SQLITE_OK ? 0
	                                                                  : stage_error(s, err);
}

struct stage *stage_new(struct otk_error *err)
{
	struct stage *s = calloc(1, sizeof *s);

	/* The empty name is a temporary file of SQLite's own, gone when it is closed. */
	if (s == NULL || sqlite3_open("", &s->db) != SQLITE_OK ||
	        sqlite3_exec(s->db, SCHEMA, NULL, NULL, NULL) != SQLITE_OK) {
		if (s != NULL)
			(void)stage_error(s, err);
		else
			(void)error_set(
			        err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		stage_free(s);
		return NULL;
	}
	if (prepare(s,
	            "INSERT INTO row VALUES "
	            "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,"
	            "?16,?17,?18)",
	            &s->add, err) != 0 ||
	        prepare(s, "INSERT INTO refused VALUES (?1,?2,?3,?4)", &s->refuse, err) != 0) {
		stage_free(s);
		return NULL;
	}
	return s;
}

void stage_free(struct stage *s)
{
	if (s == NULL)
		return;
	(void)sqlite3_finalize(s->add);
	(void)sqlite3_finalize(s->refuse);
	(void)sqlite3_finalize(s->cases);
	(void)sqlite3_finalize(s->refused);
	(void)sqlite3_finalize(s->found);
	(void)sqlite3_close(s->db);
	free(s);
}

static void bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
	if (text == NULL)
		(void)sqlite3_bind_null(stmt, i);
	else
		(void)sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}

static int step_once(struct stage *s, sqlite3_stmt *stmt, struct otk_error *err)
{
	int rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : stage_error(s, err);

	(void)sqlite3_reset(stmt);
	return rc;
}

int stage_add(struct stage *s, const struct stage_row *row, struct otk_error *err)
{
	bind_text(s->add, 1, row->ref);
	(void)sqlite3_bind_int64(s->add, 2, row->created_at);
	(void)sqlite3_bind_int64(s->add, 3, row->observed_at);
	(void)sqlite3_bind_int64(s->add, 4, row->order);
	(void)sqlite3_bind_int64(s->add, 5, (sqlite3_int64)row->line);
	bind_text(s->add, 6, row->raw);
	for (int i = 0; i < STAGE_TEXTS; i++)
		bind_text(s->add, 7 + i, row->texts[i]);
	return step_once(s, s->add, err);
}

int stage_refuse(struct stage *s, const char *ref, uint64_t line, const char *raw,
        const char *reason, struct otk_error *err)
{
	bind_text(s->refuse, 1, ref);
	(void)sqlite3_bind_int64(s->refuse, 2, (sqlite3_int64)line);
	bind_text(s->refuse, 3, raw);
	bind_text(s->refuse, 4, reason);
	return step_once(s, s->refuse, err);
}

int stage_sort(struct stage *s, struct otk_error *err)
{
	/* Cases with a wrong row, with two times of creation, or too long, are held back whole.
	 */
	static const char SQL[] =
	        "CREATE INDEX row_ref ON row (ref);"
	        "CREATE TEMP TABLE torn AS SELECT ref, 'another row of this case is wrong' AS "
	        "reason"
	        " FROM refused WHERE ref IS NOT NULL GROUP BY ref;"
	        "INSERT INTO torn SELECT ref, 'the rows of this case differ in its time of "
	        "creation'"
	        " FROM row WHERE ref NOT IN (SELECT ref FROM torn)"
	        " GROUP BY ref HAVING min(created) <> max(created);"
	        "INSERT INTO torn SELECT ref, 'a case has at most 1000 observations'"
	        " FROM row WHERE ref NOT IN (SELECT ref FROM torn) GROUP BY ref HAVING "
	        "count(*) > 1000;"
	        "INSERT INTO refused SELECT row.ref, line, raw, reason FROM row JOIN torn "
	        "USING (ref);"
	        "DELETE FROM row WHERE ref IN (SELECT ref FROM torn);"
	        "COMMIT;";

	if (sqlite3_exec(s->db, SQL, NULL, NULL, NULL) != SQLITE_OK)
		return stage_error(s, err);
	if (prepare(s, "SELECT line, raw FROM row WHERE ref = ?1 ORDER BY line", &s->found,
	            err) != 0)
		return -OTK_RESOURCE_EXHAUSTED;
	if (prepare(s, "SELECT * FROM row ORDER BY created, ref, observed, ord, line",
	            &s->cases, err) != 0)
		return -OTK_RESOURCE_EXHAUSTED;
	return prepare(
	        s, "SELECT line, raw, reason FROM refused ORDER BY line", &s->refused, err);
}

static int64_t count_of(struct stage *s, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	        sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return n;
}

int64_t stage_cases(struct stage *s)
{
	return count_of(s, "SELECT count(DISTINCT ref) FROM row");
}

int64_t stage_refused(struct stage *s)
{
	return count_of(s, "SELECT count(*) FROM refused");
}

static const char *text_at(sqlite3_stmt *stmt, int i)
{
	return (const char *)sqlite3_column_text(stmt, i);
}

int stage_next(struct stage *s, struct stage_row *row, struct otk_error *err)
{
	int rc = sqlite3_step(s->cases);

	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return stage_error(s, err);
	row->ref = text_at(s->cases, 0);
	row->created_at = sqlite3_column_int64(s->cases, 1);
	row->observed_at = sqlite3_column_int64(s->cases, 2);
	row->order = sqlite3_column_int64(s->cases, 3);
	row->line = (uint64_t)sqlite3_column_int64(s->cases, 4);
	row->raw = text_at(s->cases, 5);
	for (int i = 0; i < STAGE_TEXTS; i++)
		row->texts[i] = text_at(s->cases, 6 + i);
	return 1;
}

int stage_next_refused(struct stage *s, struct stage_row *row, struct otk_error *err)
{
	int rc = sqlite3_step(s->refused);

	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return stage_error(s, err);
	row->line = (uint64_t)sqlite3_column_int64(s->refused, 0);
	row->raw = text_at(s->refused, 1);
	row->texts[0] = text_at(s->refused, 2);
	return 1;
}

void stage_find(struct stage *s, const char *ref)
{
	(void)sqlite3_reset(s->found);
	(void)sqlite3_bind_text(s->found, 1, ref, -1, SQLITE_TRANSIENT);
}

int stage_next_row(struct stage *s, struct stage_row *row, struct otk_error *err)
{
	int rc = sqlite3_step(s->found);

	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return stage_error(s, err);
	row->line = (uint64_t)sqlite3_column_int64(s->found, 0);
	row->raw = text_at(s->found, 1);
	return 1;
}

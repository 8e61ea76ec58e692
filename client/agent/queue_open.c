/* Opening the queue's file: tables, locks, setting a corrupt file aside. */
#include "agent/queue_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { QUEUE_PAGE_SIZE = 4096, QUEUE_CAP_LEAST = 256 * 1024, QUEUE_FORMAT = 1 };

/* `ack` remembers when each mark was reached, so that an ack is one row whatever it covers. */
static const char SCHEMA[] =
        "CREATE TABLE IF NOT EXISTS meta (id INTEGER PRIMARY KEY CHECK (id = 1),"
        " agent TEXT NOT NULL, epoch BLOB NOT NULL, created_at INTEGER NOT NULL,"
        " mark INTEGER NOT NULL, head INTEGER NOT NULL) STRICT;"
        "CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY, severity INTEGER NOT NULL,"
        " queued_at INTEGER NOT NULL, mono_at INTEGER NOT NULL, boot BLOB NOT NULL,"
        " payload BLOB NOT NULL) STRICT;"
        "CREATE TABLE IF NOT EXISTS ack (mark INTEGER PRIMARY KEY, acked_at INTEGER NOT NULL)"
        " STRICT;"
        "CREATE TABLE IF NOT EXISTS refusal (severity INTEGER PRIMARY KEY,"
        " count INTEGER NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL) STRICT;"
        "CREATE TABLE IF NOT EXISTS gap (id INTEGER PRIMARY KEY, epoch BLOB NOT NULL,"
        " from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL, noted_at INTEGER NOT NULL,"
        " reason TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE TABLE IF NOT EXISTS check_state (host TEXT NOT NULL, name TEXT NOT NULL,"
        " counter INTEGER NOT NULL, reported INTEGER NOT NULL, reported_state INTEGER NOT NULL,"
        " changed_at INTEGER NOT NULL, state INTEGER NOT NULL, hard INTEGER NOT NULL,"
        " attempt INTEGER NOT NULL, known INTEGER NOT NULL, hard_state INTEGER NOT NULL,"
        " flapping INTEGER NOT NULL, ring BLOB NOT NULL, PRIMARY KEY (host, name)) STRICT;";

static bool code_is_corruption(int code)
{
	code &= 0xFF;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static int file_run(struct queue *queue, const char *sql, struct otk_error *err)
{
	if (sqlite3_exec(queue->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return queue_sql_error(queue, "open", err);
	return 0;
}

/*
 * Turns a new file to WAL. That needs the file for oneself for a moment, and SQLite does not
 * wait for it as it does for other locks: when daemon and `report` make the queue at the same
 * time one of them is told that it is busy, and tries again for up to 5 s.
 */
static int file_set_wal(struct queue *queue, struct otk_error *err)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	for (int i = 0; i < 250; i++) {
		int code =
		        sqlite3_exec(queue->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

		if ((code & 0xFF) != SQLITE_BUSY && (code & 0xFF) != SQLITE_LOCKED)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return file_run(queue, "PRAGMA journal_mode = WAL", err);
}

static void file_close(struct queue *queue)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		(void)sqlite3_finalize(queue->statements[i]);
		queue->statements[i] = NULL;
	}
	(void)sqlite3_close(queue->db);
	queue->db = NULL;
}

static int file_verify(struct queue *queue, struct otk_error *err)
{
	sqlite3_stmt *check = NULL;
	int rc = -OTK_DATA_LOSS;

	if (sqlite3_prepare_v2(queue->db, "PRAGMA quick_check(1)", -1, &check, NULL) !=
	        SQLITE_OK)
		return queue_sql_error(queue, "verify", err);
	if (sqlite3_step(check) == SQLITE_ROW &&
	        strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0)
		rc = 0;
	else
		(void)error_set(err, OTK_DATA_LOSS, "QUEUE_CORRUPT", "%s is corrupt: %.200s",
		        queue->path, sqlite3_errmsg(queue->db));
	(void)sqlite3_finalize(check);
	return rc;
}

/* The budgets of the header: SQLite itself refuses to grow past them. */
static int file_limits(struct queue *queue, struct otk_error *err)
{
	char sql[256];
	int64_t pages = queue->cap_bytes / queue->page_size;

	(void)snprintf(sql, sizeof sql,
	        "PRAGMA max_page_count = %lld; PRAGMA wal_autocheckpoint = %lld;"
	        "PRAGMA journal_size_limit = %lld",
	        (long long)(pages + 32), (long long)(pages / 14 < 1000 ? pages / 14 : 1000),
	        (long long)(queue->cap_bytes / 14));
	return file_run(queue, sql, err);
}

static int meta_create(struct queue *queue, int64_t now, struct otk_error *err)
{
	sqlite3_stmt *insert;
	struct uuid epoch;
	int rc = uuid_v4(&epoch);

	if (rc != 0)
		return error_set(err, OTK_INTERNAL, "RANDOM", "no randomness for an epoch");
	if (sqlite3_prepare_v2(queue->db,
	            "INSERT OR IGNORE INTO meta (id, agent, epoch, created_at, mark, head)"
	            " VALUES (1, ?, ?, ?, 0, 0)",
	            -1, &insert, NULL) != SQLITE_OK)
		return queue_sql_error(queue, "open", err);
	(void)sqlite3_bind_text(insert, 1, queue->agent, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(insert, 2, epoch.bytes, sizeof epoch.bytes, SQLITE_STATIC);
	(void)sqlite3_bind_int64(insert, 3, now);
	if (sqlite3_step(insert) != SQLITE_DONE)
		rc = queue_sql_error(queue, "open", err);
	(void)sqlite3_finalize(insert);
	return rc;
}

static int schema_create(struct queue *queue, int64_t now, struct otk_error *err)
{
	char version[64];
	int rc = file_run(queue, "BEGIN IMMEDIATE", err);

	if (rc != 0)
		return rc;
	rc = file_run(queue, SCHEMA, err);
	if (rc == 0)
		rc = meta_create(queue, now, err);
	(void)snprintf(version, sizeof version, "PRAGMA user_version = %d", QUEUE_FORMAT);
	if (rc == 0)
		rc = file_run(queue, version, err);
	if (rc == 0)
		return file_run(queue, "COMMIT", err);
	(void)sqlite3_exec(queue->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* The format of an existing file; 0 for a new one. */
static int format_read(struct queue *queue, int *format, struct otk_error *err)
{
	sqlite3_stmt *read;
	int rc = 0;

	if (sqlite3_prepare_v2(queue->db, "PRAGMA user_version", -1, &read, NULL) != SQLITE_OK)
		return queue_sql_error(queue, "open", err);
	if (sqlite3_step(read) == SQLITE_ROW)
		*format = sqlite3_column_int(read, 0);
	else
		rc = queue_sql_error(queue, "open", err);
	(void)sqlite3_finalize(read);
	return rc;
}

/* A new name in the directory is durable only after this. */
static void directory_sync(const struct queue *queue)
{
	int fd = open(queue->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		(void)close(fd);
	}
}

int queue_file_open(struct queue *queue, bool verify, int64_t now, struct otk_error *err)
{
	int format = 0;
	int rc;

	if (sqlite3_open_v2(queue->path, &queue->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	            NULL) != SQLITE_OK) {
		rc = queue_sql_error(queue, "open", err);
		goto fail;
	}
	(void)sqlite3_busy_timeout(queue->db, 5000);
	(void)sqlite3_extended_result_codes(queue->db, 1);
	rc = file_run(queue, "PRAGMA page_size = 4096", err);
	if (rc == 0)
		rc = file_set_wal(queue, err);
	if (rc == 0)
		rc = file_run(queue,
		        "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
		        "PRAGMA cell_size_check = ON",
		        err);
	if (rc == 0)
		rc = format_read(queue, &format, err);
	if (rc == 0 && format > QUEUE_FORMAT) {
		rc = error_set(err, OTK_FAILED_PRECONDITION, "QUEUE_FORMAT",
		        "%s has format %d, made by a newer otklik-agent; this one knows %d",
		        queue->path, format, QUEUE_FORMAT);
		goto fail;
	}
	if (rc == 0 && verify)
		rc = file_verify(queue, err);
	if (rc == 0 && format < QUEUE_FORMAT)
		rc = schema_create(queue, now, err);
	if (rc == 0)
		rc = file_limits(queue, err);
	if (rc == 0) {
		struct queue_meta meta;

		rc = queue_meta_read(queue, &meta, err);
	}
	if (rc == 0) {
		directory_sync(queue);
		return 0;
	}
fail:
	file_close(queue);
	return rc;
}

/* Waits up to 5 s for the sole use of the queue: nobody may write into a renamed file. */
static int lock_exclusive(struct queue *queue)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	for (int i = 0; i < 250; i++) {
		if (flock(queue->lock_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return -OTK_UNAVAILABLE;
}

/*
 * Copies the unacked reports that are still readable. Without a readable mark nothing is
 * copied: a person's report would be filed twice.
 */
static int64_t salvage_reports(struct queue *queue, const char *aside)
{
	sqlite3 *old = NULL;
	sqlite3_stmt *read = NULL;
	int64_t count = 0;
	int rc = 0;

	if (sqlite3_open_v2(aside, &old, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	        sqlite3_prepare_v2(old,
	                "SELECT severity, queued_at, mono_at, boot, payload FROM entry"
	                " WHERE seq > (SELECT mark FROM meta WHERE id = 1) ORDER BY seq",
	                -1, &read, NULL) != SQLITE_OK ||
	        queue_begin(queue, NULL) != 0)
		goto out_close;
	while (rc == 0 && sqlite3_step(read) == SQLITE_ROW) {
		struct queue_entry entry = {
		        .severity = (enum queue_severity)sqlite3_column_int(read, 0),
		        .queued_at = sqlite3_column_int64(read, 1),
		        .mono_at = sqlite3_column_int64(read, 2),
		        .payload = sqlite3_column_blob(read, 4),
		        .size = (size_t)sqlite3_column_bytes(read, 4),
		};

		if (sqlite3_column_bytes(read, 3) == (int)sizeof entry.boot.bytes)
			memcpy(entry.boot.bytes, sqlite3_column_blob(read, 3),
			        sizeof entry.boot.bytes);
		rc = queue_insert(queue, count + 1, &entry, NULL);
		count += rc == 0;
	}
	rc = queue_head_set(queue, count, NULL);
	if (queue_end(queue, rc, NULL) != 0)
		count = 0;
out_close:
	(void)sqlite3_finalize(read);
	(void)sqlite3_close(old);
	return count;
}

static int files_rename(struct queue *queue, int64_t now, char *aside, size_t size)
{
	char from[4200];
	char to[4200];
	struct stat st;

	for (int n = 0; n < 1000; n++) {
		(void)snprintf(aside, size, "%s.corrupt-%lld-%d", queue->path,
		        (long long)(now / CLOCK_SECOND), n);
		if (stat(aside, &st) != 0)
			break;
	}
	if (rename(queue->path, aside) != 0)
		return -OTK_INTERNAL;
	(void)snprintf(from, sizeof from, "%s-wal", queue->path);
	(void)snprintf(to, sizeof to, "%s-wal", aside);
	(void)rename(from, to);
	(void)snprintf(from, sizeof from, "%s-shm", queue->path);
	(void)unlink(from);
	directory_sync(queue);
	return 0;
}

int queue_set_aside(struct queue *queue, int64_t now, struct otk_error *err)
{
	char aside[4100];
	char number[24];
	struct queue_gap gap = {.noted_at = now};
	int rc;

	if (queue->db != NULL)
		file_close(queue);
	if (lock_exclusive(queue) != 0) {
		(void)flock(queue->lock_fd, LOCK_SH);
		return error_set(err, OTK_UNAVAILABLE, "QUEUE_CORRUPT",
		        "%s is corrupt, and another otklik-agent has it open: stop it first",
		        queue->path);
	}
	/* Another process may have set it aside while this one waited. */
	if (queue_file_open(queue, true, now, err) == 0) {
		(void)flock(queue->lock_fd, LOCK_SH);
		return 0;
	}
	if (files_rename(queue, now, aside, sizeof aside) != 0) {
		rc = error_set(err, OTK_INTERNAL, "QUEUE_CORRUPT",
		        "%s is corrupt and cannot be renamed: %s", queue->path,
		        strerror(errno));
		goto out_unlock;
	}
	rc = queue_file_open(queue, false, now, err);
	if (rc != 0)
		goto out_unlock;
	(void)snprintf(number, sizeof number, "%lld", (long long)salvage_reports(queue, aside));
	log_error("the queue file was corrupt and is set aside; a new epoch begins", "aside",
	        aside, "reports_saved", number);
	(void)snprintf(
	        gap.reason, sizeof gap.reason, "queue file corrupt; %s reports saved", number);
	rc = queue_gap_add(queue, &gap, err);
out_unlock:
	(void)flock(queue->lock_fd, LOCK_SH);
	return rc;
}

static int lock_open(struct queue *queue, struct otk_error *err)
{
	char path[4200];

	(void)snprintf(path, sizeof path, "%s/queue.lock", queue->dir);
	queue->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (queue->lock_fd < 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "QUEUE_DIR", "%.300s: %s", path,
		        strerror(errno));
	while (flock(queue->lock_fd, LOCK_SH) != 0) {
		if (errno != EINTR)
			return error_set(err, OTK_INTERNAL, "QUEUE_DIR", "%.300s: %s", path,
			        strerror(errno));
	}
	return 0;
}

static int agent_check(struct queue *queue, int64_t now, struct otk_error *err)
{
	struct queue_meta meta;
	int rc = queue_meta_read(queue, &meta, err);

	if (rc != 0 || strcmp(meta.agent, queue->agent) == 0)
		return rc;
	log_warn("the queue belonged to another agent; a new epoch begins", "was", meta.agent,
	        "is", queue->agent);
	return queue_begin_epoch(queue, "agent renamed", now, err);
}

int queue_open(const struct queue_options *options, int64_t now, struct queue **out,
        struct otk_error *err)
{
	struct queue *queue;
	size_t size = strlen(options->dir) + 16;
	int rc;

	if (strlen(options->dir) > 4000 || strlen(options->agent) >= QUEUE_AGENT_SIZE)
		return error_set(err, OTK_INVALID_ARGUMENT, "QUEUE_DIR",
		        "data_dir or agent name is too long");
	if (options->cap_bytes < QUEUE_CAP_LEAST)
		return error_set(err, OTK_INVALID_ARGUMENT, "QUEUE_CAP",
		        "the queue's cap must be at least %d bytes", QUEUE_CAP_LEAST);
	queue = calloc(1, sizeof *queue);
	if (queue == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	queue->lock_fd = -1;
	queue->page_size = QUEUE_PAGE_SIZE;
	queue->cap_bytes = options->cap_bytes - options->cap_bytes / 8;
	(void)snprintf(queue->agent, sizeof queue->agent, "%s", options->agent);
	queue->dir = strdup(options->dir);
	queue->path = malloc(size);
	if (queue->dir == NULL || queue->path == NULL) {
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
		goto fail;
	}
	(void)snprintf(queue->path, size, "%s/queue.db", options->dir);
	if (mkdir(options->dir, 0750) != 0 && errno != EEXIST) {
		rc = error_set(err, OTK_FAILED_PRECONDITION, "QUEUE_DIR", "data_dir %.300s: %s",
		        options->dir, strerror(errno));
		goto fail;
	}
	rc = lock_open(queue, err);
	if (rc == 0)
		rc = queue_file_open(queue, options->verify, now, err);
	if (rc == -OTK_DATA_LOSS)
		rc = queue_set_aside(queue, now, err);
	if (rc == 0)
		rc = agent_check(queue, now, err);
	if (rc == 0) {
		*out = queue;
		return 0;
	}
fail:
	queue_close(queue);
	return rc;
}

void queue_close(struct queue *queue)
{
	if (queue == NULL)
		return;
	file_close(queue);
	if (queue->lock_fd >= 0)
		(void)close(queue->lock_fd);
	free(queue->dir);
	free(queue->path);
	free(queue);
}

int queue_sql_error(struct queue *queue, const char *what, struct otk_error *err)
{
	int code = queue->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(queue->db);
	const char *text = queue->db == NULL ? "out of memory" : sqlite3_errmsg(queue->db);
	enum otk_status status = OTK_INTERNAL;
	const char *reason = "QUEUE";

	if (code_is_corruption(code)) {
		status = OTK_DATA_LOSS;
		reason = "QUEUE_CORRUPT";
	} else if ((code & 0xFF) == SQLITE_FULL) {
		status = OTK_RESOURCE_EXHAUSTED;
		reason = "QUEUE_FULL";
	} else if ((code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED) {
		status = OTK_UNAVAILABLE;
		reason = "QUEUE_BUSY";
	}
	return error_set(
	        err, status, reason, "queue %.200s: %s: %.150s", queue->path, what, text);
}

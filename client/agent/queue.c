/* The queue's transactions: put, read, mark, trim. */
#include "agent/queue_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* What a row costs besides its payload, roughly: cell, columns, its share of the tree. */
enum { ROW_COST = 128, TRIM_ROWS = 256 };

static const char *const SQL[STATEMENT_COUNT] = {
        [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
        [STATEMENT_COMMIT] = "COMMIT",
        [STATEMENT_ROLLBACK] = "ROLLBACK",
        [STATEMENT_META] = "SELECT agent, epoch, created_at, mark, head FROM meta WHERE id = 1",
        [STATEMENT_PAGES] = "PRAGMA page_count",
        [STATEMENT_FREE_PAGES] = "PRAGMA freelist_count",
        [STATEMENT_INSERT] = "INSERT INTO entry (seq, severity, queued_at, mono_at, boot,"
                             " payload) VALUES (?, ?, ?, ?, ?, ?)",
        [STATEMENT_SET_HEAD] = "UPDATE meta SET head = ? WHERE id = 1",
        [STATEMENT_READ] = "SELECT seq, severity, queued_at, mono_at, boot, payload FROM entry"
                           " WHERE seq > ? ORDER BY seq LIMIT ?",
        [STATEMENT_SET_MARK] = "UPDATE meta SET mark = ? WHERE id = 1",
        [STATEMENT_ACK_ADD] = "INSERT OR REPLACE INTO ack (mark, acked_at) VALUES (?, ?)",
        [STATEMENT_ACK_FORGET] = "DELETE FROM ack WHERE mark > ?",
        [STATEMENT_ACK_BEFORE] = "SELECT max(mark) FROM ack WHERE acked_at < ?",
        [STATEMENT_ACK_DELETE] = "DELETE FROM ack WHERE mark <"
                                 " coalesce((SELECT min(seq) FROM entry), 9223372036854775807)",
        [STATEMENT_TRIM] = "DELETE FROM entry WHERE seq IN"
                           " (SELECT seq FROM entry WHERE seq <= ? ORDER BY seq LIMIT ?)",
        [STATEMENT_OLDEST] = "SELECT min(seq) FROM entry",
        [STATEMENT_OLDEST_UNACKED] = "SELECT queued_at FROM entry WHERE seq > ?"
                                     " ORDER BY seq LIMIT 1",
        [STATEMENT_REFUSAL] = "SELECT severity, count, from_at, to_at FROM refusal",
        [STATEMENT_REFUSAL_SET] = "INSERT INTO refusal (severity, count, from_at, to_at)"
                                  " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (severity) DO UPDATE"
                                  " SET count = count + ?2, from_at = min(from_at, ?3),"
                                  " to_at = max(to_at, ?4)",
        [STATEMENT_REFUSAL_CLEAR] = "DELETE FROM refusal",
        [STATEMENT_GAP_ADD] = "INSERT INTO gap (epoch, from_seq, to_seq, noted_at, reason)"
                              " VALUES (?, ?, ?, ?, ?)",
        [STATEMENT_GAP_FIRST] = "SELECT id, epoch, from_seq, to_seq, noted_at, reason FROM gap"
                                " WHERE told = 0 ORDER BY id LIMIT 1",
        [STATEMENT_GAP_TOLD] = "UPDATE gap SET told = 1 WHERE id = ? AND told = 0",
        [STATEMENT_GAP_COUNT] = "SELECT count(*) FROM gap WHERE told = 0",
        [STATEMENT_EPOCH_CLEAR] = "DELETE FROM entry WHERE seq <= ?",
        [STATEMENT_EPOCH_SHIFT] = "UPDATE entry SET seq = seq - ?",
        [STATEMENT_EPOCH_SET] = "UPDATE meta SET agent = ?, epoch = ?, created_at = ?,"
                                " mark = 0, head = ? WHERE id = 1",
        [STATEMENT_CHECK_LOAD] = "SELECT counter, reported, reported_state, changed_at, state,"
                                 " hard, attempt, known, hard_state, flapping, ring"
                                 " FROM check_state WHERE host = ? AND name = ?",
        [STATEMENT_CHECK_SAVE] =
                "INSERT OR REPLACE INTO check_state (host, name, counter,"
                " reported, reported_state, changed_at, state, hard, attempt, known,"
                " hard_state, flapping, ring) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
};

sqlite3_stmt *queue_statement(
        struct queue *queue, enum queue_statement which, struct otk_error *err)
{
	sqlite3_stmt **slot = &queue->statements[which];

	if (*slot == NULL && sqlite3_prepare_v3(queue->db, SQL[which], -1,
	                             SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK) {
		(void)queue_sql_error(queue, "prepare", err);
		return NULL;
	}
	(void)sqlite3_reset(*slot);
	return *slot;
}

/* After queue_statement failed: what it put into the connection's error state. */
static int prepare_failed(struct queue *queue)
{
	return queue_sql_error(queue, "prepare", NULL);
}

int queue_step(
        struct queue *queue, sqlite3_stmt *statement, const char *what, struct otk_error *err)
{
	int rc = 0;

	if (sqlite3_step(statement) != SQLITE_DONE)
		rc = queue_sql_error(queue, what, err);
	(void)sqlite3_reset(statement);
	return rc;
}

/* Binds up to two integers and steps. */
static int run_with(struct queue *queue, enum queue_statement which, int64_t first,
        int64_t second, struct otk_error *err)
{
	sqlite3_stmt *statement = queue_statement(queue, which, err);

	if (statement == NULL)
		return prepare_failed(queue);
	if (sqlite3_bind_parameter_count(statement) > 0)
		(void)sqlite3_bind_int64(statement, 1, first);
	if (sqlite3_bind_parameter_count(statement) > 1)
		(void)sqlite3_bind_int64(statement, 2, second);
	return queue_step(queue, statement, "write", err);
}

/* The integer of a one-row query; `fallback` for no row or NULL. */
static int read_integer(struct queue *queue, enum queue_statement which, int64_t parameter,
        int64_t fallback, int64_t *out, struct otk_error *err)
{
	sqlite3_stmt *statement = queue_statement(queue, which, err);
	int rc = 0;
	int step;

	if (statement == NULL)
		return prepare_failed(queue);
	if (sqlite3_bind_parameter_count(statement) > 0)
		(void)sqlite3_bind_int64(statement, 1, parameter);
	step = sqlite3_step(statement);
	if (step == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		*out = sqlite3_column_int64(statement, 0);
	else if (step == SQLITE_ROW || step == SQLITE_DONE)
		*out = fallback;
	else
		rc = queue_sql_error(queue, "read", err);
	(void)sqlite3_reset(statement);
	return rc;
}

int queue_begin(struct queue *queue, struct otk_error *err)
{
	/* A file that was set aside and could not be replaced stays closed. */
	if (queue->db == NULL)
		return error_set(err, OTK_UNAVAILABLE, "QUEUE_CORRUPT",
		        "queue %.200s is closed", queue->path);
	return run_with(queue, STATEMENT_BEGIN, 0, 0, err);
}

int queue_end(struct queue *queue, int rc, struct otk_error *err)
{
	if (rc == 0)
		rc = run_with(queue, STATEMENT_COMMIT, 0, 0, err);
	if (rc != 0 && sqlite3_get_autocommit(queue->db) == 0)
		(void)run_with(queue, STATEMENT_ROLLBACK, 0, 0, NULL);
	return rc;
}

int queue_meta_read(struct queue *queue, struct queue_meta *out, struct otk_error *err)
{
	sqlite3_stmt *statement = queue_statement(queue, STATEMENT_META, err);
	int rc = 0;
	int step;

	if (statement == NULL)
		return prepare_failed(queue);
	step = sqlite3_step(statement);
	if (step == SQLITE_ROW &&
	        sqlite3_column_bytes(statement, 1) == (int)sizeof out->epoch.bytes) {
		(void)strncpy(out->agent, (const char *)sqlite3_column_text(statement, 0),
		        sizeof out->agent - 1);
		out->agent[sizeof out->agent - 1] = '\0';
		memcpy(out->epoch.bytes, sqlite3_column_blob(statement, 1),
		        sizeof out->epoch.bytes);
		out->created_at = sqlite3_column_int64(statement, 2);
		out->mark = sqlite3_column_int64(statement, 3);
		out->head = sqlite3_column_int64(statement, 4);
	} else if (step == SQLITE_ROW || step == SQLITE_DONE) {
		rc = error_set(err, OTK_DATA_LOSS, "QUEUE_CORRUPT",
		        "queue %.300s has lost its identity row", queue->path);
	} else {
		rc = queue_sql_error(queue, "read", err);
	}
	(void)sqlite3_reset(statement);
	return rc;
}

int queue_insert(struct queue *queue, int64_t seq, const struct queue_entry *entry,
        struct otk_error *err)
{
	sqlite3_stmt *insert = queue_statement(queue, STATEMENT_INSERT, err);

	if (insert == NULL)
		return prepare_failed(queue);
	(void)sqlite3_bind_int64(insert, 1, seq);
	(void)sqlite3_bind_int(insert, 2, (int)entry->severity);
	(void)sqlite3_bind_int64(insert, 3, entry->queued_at);
	(void)sqlite3_bind_int64(insert, 4, entry->mono_at);
	(void)sqlite3_bind_blob(
	        insert, 5, entry->boot.bytes, sizeof entry->boot.bytes, SQLITE_STATIC);
	(void)sqlite3_bind_blob(insert, 6, entry->size > 0 ? entry->payload : "",
	        (int)entry->size, SQLITE_STATIC);
	return queue_step(queue, insert, "put", err);
}

int queue_head_set(struct queue *queue, int64_t head, struct otk_error *err)
{
	return run_with(queue, STATEMENT_SET_HEAD, head, 0, err);
}

static int used_bytes(struct queue *queue, int64_t *out, struct otk_error *err)
{
	int64_t pages = 0;
	int64_t unused = 0;
	int rc = read_integer(queue, STATEMENT_PAGES, 0, 0, &pages, err);

	if (rc == 0)
		rc = read_integer(queue, STATEMENT_FREE_PAGES, 0, 0, &unused, err);
	if (rc == 0)
		*out = (pages - unused) * queue->page_size;
	return rc;
}

static int64_t severity_cap(const struct queue *queue, enum queue_severity severity)
{
	static const int PERCENT[] = {
	        [QUEUE_LOW] = 80, [QUEUE_NORMAL] = 90, [QUEUE_HIGH] = 100};

	return queue->cap_bytes / 100 * PERCENT[severity];
}

/* Makes room from the oldest acked reports. *fits tells whether the entry may come in. */
static int room_make(struct queue *queue, const struct queue_entry *entry, int64_t mark,
        bool *fits, struct otk_error *err)
{
	int64_t need = (int64_t)entry->size + ROW_COST;
	int64_t cap = severity_cap(queue, entry->severity);
	int64_t used = 0;

	for (;;) {
		int rc = used_bytes(queue, &used, err);

		if (rc != 0)
			return rc;
		*fits = used + need <= cap;
		if (*fits)
			return 0;
		rc = run_with(queue, STATEMENT_TRIM, mark, TRIM_ROWS, err);
		if (rc != 0 || sqlite3_changes(queue->db) == 0)
			return rc;
	}
}

static int refusal_add(
        struct queue *queue, enum queue_severity severity, int64_t now, struct otk_error *err)
{
	sqlite3_stmt *set = queue_statement(queue, STATEMENT_REFUSAL_SET, err);

	if (set == NULL)
		return prepare_failed(queue);
	(void)sqlite3_bind_int(set, 1, (int)severity);
	(void)sqlite3_bind_int64(set, 2, 1);
	(void)sqlite3_bind_int64(set, 3, now);
	(void)sqlite3_bind_int64(set, 4, now);
	return queue_step(queue, set, "refuse", err);
}

/* Refusals that a full disk kept from being written. */
static int refusal_flush(struct queue *queue, struct otk_error *err)
{
	const struct queue_refusal *unsaved = &queue->unsaved;
	int rc = 0;

	for (int s = QUEUE_LOW; s <= QUEUE_HIGH && rc == 0; s++) {
		sqlite3_stmt *set;

		if (unsaved->by_severity[s] == 0)
			continue;
		set = queue_statement(queue, STATEMENT_REFUSAL_SET, err);
		if (set == NULL)
			return prepare_failed(queue);
		(void)sqlite3_bind_int(set, 1, s);
		(void)sqlite3_bind_int64(set, 2, unsaved->by_severity[s]);
		(void)sqlite3_bind_int64(set, 3, unsaved->from_at);
		(void)sqlite3_bind_int64(set, 4, unsaved->to_at);
		rc = queue_step(queue, set, "refuse", err);
	}
	return rc;
}

static void refusal_remember(struct queue *queue, enum queue_severity severity, int64_t now)
{
	struct queue_refusal *unsaved = &queue->unsaved;

	if (unsaved->count++ == 0)
		unsaved->from_at = now;
	unsaved->to_at = now;
	unsaved->by_severity[severity]++;
}

/* Something more to do in the transaction of a put. */
typedef int put_extra(struct queue *queue, const void *what, struct otk_error *err);

static int put_inside(struct queue *queue, const struct queue_entry *entry, put_extra *extra,
        const void *what, int64_t now, bool *refused, int64_t *seq, struct otk_error *err)
{
	struct queue_meta meta = {.head = 0};
	bool fits = false;
	int rc = queue_meta_read(queue, &meta, err);

	if (rc == 0)
		rc = refusal_flush(queue, err);
	if (rc == 0)
		rc = room_make(queue, entry, meta.mark, &fits, err);
	if (rc != 0)
		return rc;
	*refused = !fits;
	if (!fits)
		return entry->again ? 0 : refusal_add(queue, entry->severity, now, err);
	*seq = meta.head + 1;
	rc = queue_insert(queue, *seq, entry, err);
	if (rc == 0)
		rc = queue_head_set(queue, *seq, err);
	return rc == 0 && extra != NULL ? extra(queue, what, err) : rc;
}

static int put_once(struct queue *queue, const struct queue_entry *entry, put_extra *extra,
        const void *what, int64_t now, bool *refused, int64_t *seq, struct otk_error *err)
{
	int rc = queue_begin(queue, err);

	if (rc != 0)
		return rc;
	rc = put_inside(queue, entry, extra, what, now, refused, seq, err);
	return queue_end(queue, rc, err);
}

static int put_with(struct queue *queue, const struct queue_entry *entry, put_extra *extra,
        const void *what, int64_t now, int64_t *seq, struct otk_error *err)
{
	bool refused = false;
	int64_t number = 0;
	int rc;

	if (entry->size > QUEUE_PAYLOAD_MAX)
		return error_set(err, OTK_INVALID_ARGUMENT, "REPORT_TOO_LARGE",
		        "a report may have at most %d bytes, this one has %zu",
		        QUEUE_PAYLOAD_MAX, entry->size);
	rc = put_once(queue, entry, extra, what, now, &refused, &number, err);
	if (rc == -OTK_DATA_LOSS) {
		rc = queue_set_aside(queue, now, err);
		if (rc == 0)
			rc = put_once(queue, entry, extra, what, now, &refused, &number, err);
	}
	/* A full disk, a failing one, a lock never given: refused, though not for the cap. */
	if ((rc == -OTK_RESOURCE_EXHAUSTED || rc == -OTK_INTERNAL || rc == -OTK_UNAVAILABLE) &&
	        !entry->again)
		refusal_remember(queue, entry->severity, now);
	if (rc != 0)
		return rc;
	queue->unsaved = (struct queue_refusal){0};
	if (refused)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "QUEUE_FULL",
		        "the queue is at its cap of %lld bytes: the report was refused; it is "
		        "sent on as soon as the server is reached again",
		        (long long)queue->cap_bytes);
	*seq = number;
	return 0;
}

static int extra_check(struct queue *queue, const void *what, struct otk_error *err)
{
	return queue_check_save(queue, what, err);
}

int queue_put(struct queue *queue, const struct queue_entry *entry,
        const struct queue_check *check, int64_t now, int64_t *seq, struct otk_error *err)
{
	return put_with(queue, entry, check != NULL ? extra_check : NULL, check, now, seq, err);
}

static int refusal_read(struct queue *queue, struct queue_refusal *out, struct otk_error *err)
{
	sqlite3_stmt *read = queue_statement(queue, STATEMENT_REFUSAL, err);
	int step;

	*out = (struct queue_refusal){0};
	if (read == NULL)
		return prepare_failed(queue);
	while ((step = sqlite3_step(read)) == SQLITE_ROW) {
		int severity = sqlite3_column_int(read, 0);
		int64_t count = sqlite3_column_int64(read, 1);
		int64_t from = sqlite3_column_int64(read, 2);
		int64_t to = sqlite3_column_int64(read, 3);

		if (severity < QUEUE_LOW || severity > QUEUE_HIGH)
			continue;
		if (out->count == 0 || from < out->from_at)
			out->from_at = from;
		if (to > out->to_at)
			out->to_at = to;
		out->count += count;
		out->by_severity[severity] = count;
	}
	(void)sqlite3_reset(read);
	return step == SQLITE_DONE ? 0 : queue_sql_error(queue, "read", err);
}

static int extra_refusal(struct queue *queue, const void *what, struct otk_error *err)
{
	const struct queue_refusal *told = what;
	struct queue_refusal now = {0};
	int rc = refusal_read(queue, &now, err);

	if (rc != 0)
		return rc;
	if (now.count != told->count)
		return error_set(
		        err, OTK_ABORTED, "REFUSAL_CHANGED", "refused again meanwhile");
	return run_with(queue, STATEMENT_REFUSAL_CLEAR, 0, 0, err);
}

int queue_put_refusal(struct queue *queue, const struct queue_entry *entry,
        const struct queue_refusal *told, int64_t now, int64_t *seq, struct otk_error *err)
{
	return put_with(queue, entry, extra_refusal, told, now, seq, err);
}

static int extra_gap(struct queue *queue, const void *what, struct otk_error *err)
{
	int rc = run_with(queue, STATEMENT_GAP_TOLD, *(const int64_t *)what, 0, err);

	if (rc == 0 && sqlite3_changes(queue->db) == 0)
		return error_set(err, OTK_ABORTED, "GAP_TOLD", "another process told this gap");
	return rc;
}

int queue_put_gap(struct queue *queue, const struct queue_entry *entry, int64_t gap_id,
        int64_t now, int64_t *seq, struct otk_error *err)
{
	return put_with(queue, entry, extra_gap, &gap_id, now, seq, err);
}

int queue_trim(struct queue *queue, int64_t now, struct otk_error *err)
{
	int64_t until = 0;
	int rc = queue_begin(queue, err);

	if (rc != 0)
		return rc;
	rc = read_integer(queue, STATEMENT_ACK_BEFORE, now - QUEUE_KEEP_ACKED, 0, &until, err);
	if (rc == 0 && until > 0)
		rc = run_with(queue, STATEMENT_TRIM, until, TRIM_ROWS, err);
	if (rc == 0)
		rc = run_with(queue, STATEMENT_ACK_DELETE, 0, 0, err);
	return queue_end(queue, rc, err);
}

int queue_look(struct queue *queue, struct queue_state *out, struct otk_error *err)
{
	struct queue_meta meta = {.head = 0};
	int rc;

	memset(out, 0, sizeof *out);
	if (queue->db == NULL)
		return error_set(err, OTK_UNAVAILABLE, "QUEUE_CORRUPT",
		        "queue %.200s is closed", queue->path);
	rc = queue_meta_read(queue, &meta, err);
	if (rc != 0)
		return rc;
	memcpy(out->agent, meta.agent, sizeof out->agent);
	out->epoch = meta.epoch;
	out->created_at = meta.created_at;
	out->mark = meta.mark;
	out->head = meta.head;
	out->cap_bytes = queue->cap_bytes;
	rc = read_integer(queue, STATEMENT_OLDEST, 0, meta.head + 1, &out->oldest, err);
	if (rc == 0)
		rc = read_integer(queue, STATEMENT_OLDEST_UNACKED, meta.mark, 0,
		        &out->oldest_unacked_at, err);
	if (rc == 0)
		rc = used_bytes(queue, &out->used_bytes, err);
	if (rc == 0)
		rc = refusal_read(queue, &out->refusal, err);
	if (rc == 0)
		rc = read_integer(queue, STATEMENT_GAP_COUNT, 0, 0, &out->gaps, err);
	return rc;
}

int queue_recover(struct queue *queue, int64_t now, struct otk_error *err)
{
	return queue_set_aside(queue, now, err);
}

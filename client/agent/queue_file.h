/* Inside of the queue, shared by queue.c, queue_mark.c and queue_open.c only. */
#ifndef OTKLIK_AGENT_QUEUE_FILE_H
#define OTKLIK_AGENT_QUEUE_FILE_H

#include <sqlite3.h>

#include "agent/queue.h"

enum queue_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_META,
	STATEMENT_PAGES,
	STATEMENT_FREE_PAGES,
	STATEMENT_INSERT,
	STATEMENT_SET_HEAD,
	STATEMENT_READ,
	STATEMENT_SET_MARK,
	STATEMENT_ACK_ADD,
	STATEMENT_ACK_FORGET,
	STATEMENT_ACK_BEFORE,
	STATEMENT_ACK_DELETE,
	STATEMENT_TRIM,
	STATEMENT_OLDEST,
	STATEMENT_OLDEST_UNACKED,
	STATEMENT_REFUSAL,
	STATEMENT_REFUSAL_SET,
	STATEMENT_REFUSAL_CLEAR,
	STATEMENT_GAP_ADD,
	STATEMENT_GAP_FIRST,
	STATEMENT_GAP_TOLD,
	STATEMENT_GAP_COUNT,
	STATEMENT_EPOCH_CLEAR,
	STATEMENT_EPOCH_SHIFT,
	STATEMENT_EPOCH_SET,
	STATEMENT_CHECK_LOAD,
	STATEMENT_CHECK_SAVE,
	STATEMENT_COUNT
};

/* The one row of `meta`. */
struct queue_meta {
	char agent[QUEUE_AGENT_SIZE];
	struct uuid epoch;
	int64_t created_at;
	int64_t mark;
	int64_t head;
};

struct queue {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	int lock_fd; /* queue.lock: shared while open, exclusive to set the file aside */
	char *dir;
	char *path;
	char agent[QUEUE_AGENT_SIZE];
	int64_t cap_bytes;
	int64_t page_size;
	struct queue_refusal unsaved; /* refused while the disk was full */
};

/* The prepared statement, reset; NULL with err filled. */
sqlite3_stmt *queue_statement(
        struct queue *queue, enum queue_statement which, struct otk_error *err);

/* Translates the last SQLite error of `what` to a status; resets nothing. */
int queue_sql_error(struct queue *queue, const char *what, struct otk_error *err);

/* Steps a statement that returns no rows, and resets it. */
int queue_step(
        struct queue *queue, sqlite3_stmt *statement, const char *what, struct otk_error *err);

int queue_begin(struct queue *queue, struct otk_error *err);
/* Commits if rc is 0, else rolls back; returns the first failure. */
int queue_end(struct queue *queue, int rc, struct otk_error *err);

int queue_meta_read(struct queue *queue, struct queue_meta *out, struct otk_error *err);

/* Stores one row; the caller holds the transaction. */
int queue_insert(struct queue *queue, int64_t seq, const struct queue_entry *entry,
        struct otk_error *err);
int queue_head_set(struct queue *queue, int64_t head, struct otk_error *err);
int queue_gap_add(struct queue *queue, const struct queue_gap *gap, struct otk_error *err);

/* Opens the database at queue->path, creating its tables; queue_open.c. */
int queue_file_open(struct queue *queue, bool verify, int64_t now, struct otk_error *err);

/* Sets a corrupt file aside and opens a new one; queue_open.c. */
int queue_set_aside(struct queue *queue, int64_t now, struct otk_error *err);

#endif

/*
 * The durable queue of reports: one SQLite file, WAL, synchronous=FULL. What queue_put
 * accepted survives kill -9 and power loss; it is deleted only after the server's ack.
 *
 * A report is put (its number allotted in the same transaction) → read in order above the mark
 * → acked when the server's mark passes it → kept 7 days to refill a restored server → trimmed.
 * Several processes may use one queue. Payloads are opaque bytes.
 */
#ifndef OTKLIK_AGENT_QUEUE_H
#define OTKLIK_AGENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/check_state.h"
#include "base/status.h"
#include "base/uuid.h"

struct queue;

enum {
	QUEUE_LANE = 1,
	QUEUE_PAYLOAD_MAX = 64 * 1024,
	QUEUE_AGENT_SIZE = 128,
	QUEUE_NAME_SIZE = 128
};

#define QUEUE_KEEP_ACKED (INT64_C(7) * 24 * 3600 * 1000000) /* microseconds */

/* At the cap the low ones are refused first: LOW from 80 %, NORMAL from 90 %, HIGH at 100 %. */
enum queue_severity { QUEUE_LOW, QUEUE_NORMAL, QUEUE_HIGH };

struct queue_options {
	const char *dir;   /* must exist or be creatable in its parent */
	const char *agent; /* name of this agent; another name begins a new epoch */
	int64_t cap_bytes; /* 7/8 for the file, 1/8 for its write-ahead log; at least 256 KiB */
	bool verify;       /* reads the whole file for corruption at open */
};

/* One report. `payload` is borrowed in queue_put and owned by the batch in queue_read. */
struct queue_entry {
	int64_t seq;
	enum queue_severity severity;
	int64_t queued_at; /* wall clock */
	int64_t mono_at;   /* monotonic clock of boot `boot`, for the age of the report */
	struct uuid boot;
	const void *payload;
	size_t size;
	bool again; /* queue_put: a repetition; if refused it is not counted anew */
};

struct queue_batch {
	size_t count;
	struct queue_entry *entries;
};

/* What must outlive a restart of one check; saved with the report that it caused. */
struct queue_check {
	char host[QUEUE_NAME_SIZE];
	char name[QUEUE_NAME_SIZE];
	uint64_t counter; /* of reports of this check; grows over epochs too */
	bool reported;    /* whether reported_state was ever queued */
	enum check_state reported_state;
	int64_t changed_at; /* wall clock of the last hard change */
	struct check_life life;
};

/* Reports that were refused at the cap and are not reported yet. */
struct queue_refusal {
	int64_t count;
	int64_t from_at;
	int64_t to_at;
	int64_t by_severity[3];
};

/* Numbers that cannot be sent any more. */
struct queue_gap {
	int64_t id;
	struct uuid epoch; /* in which the numbers were allotted */
	int64_t from_seq;  /* 0–0: unknown, the file was unreadable */
	int64_t to_seq;
	int64_t noted_at;
	char reason[128];
};

struct queue_state {
	char agent[QUEUE_AGENT_SIZE];
	struct uuid epoch;
	int64_t created_at;        /* of the epoch */
	int64_t mark;              /* acked up to here */
	int64_t head;              /* last number allotted, 0: none */
	int64_t oldest;            /* least number still stored, head + 1 when none is */
	int64_t oldest_unacked_at; /* wall clock; 0: none waits */
	int64_t used_bytes;
	int64_t cap_bytes; /* for the file */
	struct queue_refusal refusal;
	int64_t gaps; /* not yet reported */
};

/*
 * Opens or creates the queue. A corrupt file is renamed to `queue.db.corrupt-…`, logged as an
 * error, and a new epoch begun with the unacked reports that could still be read.
 */
int queue_open(const struct queue_options *options, int64_t now, struct queue **out,
        struct otk_error *err);
void queue_close(struct queue *queue);

/*
 * Appends a report and, if `check` is not NULL, saves that check in the same transaction.
 * Returns after fsync with the number in *seq. -OTK_RESOURCE_EXHAUSTED: at the cap, or the disk
 * is full; the refusal is recorded durably and nothing else changed.
 */
int queue_put(struct queue *queue, const struct queue_entry *entry,
        const struct queue_check *check, int64_t now, int64_t *seq, struct otk_error *err);

/*
 * Up to `limit` reports with numbers above `after`, in order, of at most `max_bytes` payload
 * together (but at least one). Free with queue_batch_free, also after failure.
 */
int queue_read(struct queue *queue, int64_t after, size_t limit, size_t max_bytes,
        struct queue_batch *out, struct otk_error *err);
void queue_batch_free(struct queue_batch *batch);

/*
 * The server holds everything up to `mark`. A mark below ours means a restored server: its
 * missing reports wait again. -OTK_OUT_OF_RANGE for a mark beyond the head (this queue was
 * restored or cloned; see queue_begin_epoch). If some of the missing are trimmed already,
 * *gap_to is the last missing number (else 0) and the gap is recorded.
 */
int queue_mark(
        struct queue *queue, int64_t mark, int64_t now, int64_t *gap_to, struct otk_error *err);

/* Begins a new epoch with the unacked reports renumbered from 1; records `reason`. */
int queue_begin_epoch(
        struct queue *queue, const char *reason, int64_t now, struct otk_error *err);

/* Deletes acked reports past their keeping time, a bounded number per call. */
int queue_trim(struct queue *queue, int64_t now, struct otk_error *err);

int queue_look(struct queue *queue, struct queue_state *out, struct otk_error *err);

/*
 * After -OTK_DATA_LOSS of anything but queue_put, which does it itself: reads the whole file
 * and, if it is corrupt, sets it aside as queue_open does.
 */
int queue_recover(struct queue *queue, int64_t now, struct otk_error *err);

/*
 * Puts the report that tells of the refusals `told` and takes them off the record, in one
 * transaction. -OTK_ABORTED: the record changed meanwhile; look again.
 */
int queue_put_refusal(struct queue *queue, const struct queue_entry *entry,
        const struct queue_refusal *told, int64_t now, int64_t *seq, struct otk_error *err);

/* The oldest gap not yet reported, -OTK_NOT_FOUND if none; and the report that tells of it. */
int queue_gap_first(struct queue *queue, struct queue_gap *out, struct otk_error *err);
int queue_put_gap(struct queue *queue, const struct queue_entry *entry, int64_t gap_id,
        int64_t now, int64_t *seq, struct otk_error *err);

/*
 * Loads what is stored of the check named in *check; leaves a fresh one (counter starting at
 * the epoch's creation in seconds, so that it stays above that of lost epochs) if nothing is.
 */
int queue_check_load(struct queue *queue, struct queue_check *check, struct otk_error *err);
int queue_check_save(
        struct queue *queue, const struct queue_check *check, struct otk_error *err);

#endif

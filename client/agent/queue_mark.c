/* The queue's order: reading above the mark, acks, rewinds, epochs, gaps; states of checks. */
#include "agent/queue_file.h"

#include <stdlib.h>
#include <string.h>

static int entry_copy(sqlite3_stmt *read, struct queue_entry *entry)
{
	size_t size = (size_t)sqlite3_column_bytes(read, 5);
	void *payload = malloc(size > 0 ? size : 1);

	if (payload == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	memset(entry, 0, sizeof *entry);
	entry->seq = sqlite3_column_int64(read, 0);
	entry->severity = (enum queue_severity)sqlite3_column_int(read, 1);
	entry->queued_at = sqlite3_column_int64(read, 2);
	entry->mono_at = sqlite3_column_int64(read, 3);
	if (sqlite3_column_bytes(read, 4) == (int)sizeof entry->boot.bytes)
		memcpy(entry->boot.bytes, sqlite3_column_blob(read, 4),
		        sizeof entry->boot.bytes);
	if (size > 0)
		memcpy(payload, sqlite3_column_blob(read, 5), size);
	entry->payload = payload;
	entry->size = size;
	return 0;
}

void queue_batch_free(struct queue_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free((void *)(uintptr_t)batch->entries[i].payload);
	free(batch->entries);
	*batch = (struct queue_batch){0};
}

int queue_read(struct queue *queue, int64_t after, size_t limit, size_t max_bytes,
        struct queue_batch *out, struct otk_error *err)
{
	sqlite3_stmt *read = queue_statement(queue, STATEMENT_READ, err);
	size_t bytes = 0;
	int step = SQLITE_ROW;
	int rc = 0;

	*out = (struct queue_batch){0};
	if (read == NULL)
		return queue_sql_error(queue, "read", NULL);
	out->entries = calloc(limit, sizeof *out->entries);
	if (out->entries == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	(void)sqlite3_bind_int64(read, 1, after);
	(void)sqlite3_bind_int64(read, 2, (int64_t)limit);
	while (rc == 0 && (step = sqlite3_step(read)) == SQLITE_ROW) {
		struct queue_entry *entry = &out->entries[out->count];

		bytes += (size_t)sqlite3_column_bytes(read, 5);
		if (out->count > 0 && bytes > max_bytes)
			break;
		rc = entry_copy(read, entry);
		if (rc != 0)
			(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
		out->count += rc == 0;
	}
	if (rc == 0 && step != SQLITE_ROW && step != SQLITE_DONE)
		rc = queue_sql_error(queue, "read", err);
	(void)sqlite3_reset(read);
	return rc;
}

static int step_two(struct queue *queue, enum queue_statement which, int64_t first,
        int64_t second, struct otk_error *err)
{
	sqlite3_stmt *statement = queue_statement(queue, which, err);

	if (statement == NULL)
		return queue_sql_error(queue, "prepare", NULL);
	(void)sqlite3_bind_int64(statement, 1, first);
	if (sqlite3_bind_parameter_count(statement) > 1)
		(void)sqlite3_bind_int64(statement, 2, second);
	return queue_step(queue, statement, "write", err);
}

static int oldest_read(struct queue *queue, int64_t *out, struct otk_error *err)
{
	sqlite3_stmt *read = queue_statement(queue, STATEMENT_OLDEST, err);
	int rc = 0;

	*out = 0;
	if (read == NULL)
		return queue_sql_error(queue, "prepare", NULL);
	if (sqlite3_step(read) == SQLITE_ROW)
		*out = sqlite3_column_int64(read, 0); /* NULL reads as 0: nothing is stored */
	else
		rc = queue_sql_error(queue, "read", err);
	(void)sqlite3_reset(read);
	return rc;
}

int queue_gap_add(struct queue *queue, const struct queue_gap *gap, struct otk_error *err)
{
	sqlite3_stmt *add = queue_statement(queue, STATEMENT_GAP_ADD, err);

	if (add == NULL)
		return queue_sql_error(queue, "prepare", NULL);
	(void)sqlite3_bind_blob(
	        add, 1, gap->epoch.bytes, sizeof gap->epoch.bytes, SQLITE_STATIC);
	(void)sqlite3_bind_int64(add, 2, gap->from_seq);
	(void)sqlite3_bind_int64(add, 3, gap->to_seq);
	(void)sqlite3_bind_int64(add, 4, gap->noted_at);
	(void)sqlite3_bind_text(add, 5, gap->reason, -1, SQLITE_STATIC);
	return queue_step(queue, add, "gap", err);
}

/* The server lost what it had: wait again from its mark, and note what is trimmed already. */
static int mark_rewind(struct queue *queue, const struct queue_meta *meta, int64_t mark,
        int64_t now, int64_t *gap_to, struct otk_error *err)
{
	struct queue_gap gap = {.epoch = meta->epoch, .from_seq = mark + 1, .noted_at = now};
	int64_t oldest = 0;
	int rc = oldest_read(queue, &oldest, err);

	if (rc == 0)
		rc = step_two(queue, STATEMENT_ACK_FORGET, mark, 0, err);
	if (rc == 0)
		rc = step_two(queue, STATEMENT_SET_MARK, mark, 0, err);
	if (rc == 0)
		rc = step_two(queue, STATEMENT_ACK_ADD, mark, now, err);
	if (rc != 0)
		return rc;
	gap.to_seq = oldest > 0 ? oldest - 1 : meta->head;
	if (gap.to_seq < gap.from_seq)
		return 0;
	*gap_to = gap.to_seq;
	(void)strcpy(gap.reason, "server restored to before what is kept");
	return queue_gap_add(queue, &gap, err);
}

static int mark_inside(
        struct queue *queue, int64_t mark, int64_t now, int64_t *gap_to, struct otk_error *err)
{
	struct queue_meta meta = {.head = 0};
	int rc = queue_meta_read(queue, &meta, err);

	if (rc != 0 || mark == meta.mark)
		return rc;
	if (mark > meta.head || mark < 0)
		return error_set(err, OTK_OUT_OF_RANGE, "MARK_BEYOND_HEAD",
		        "the server holds reports up to %lld, this queue made only %lld: it "
		        "was "
		        "restored from a copy, or another machine uses its identity",
		        (long long)mark, (long long)meta.head);
	if (mark < meta.mark)
		return mark_rewind(queue, &meta, mark, now, gap_to, err);
	rc = step_two(queue, STATEMENT_SET_MARK, mark, 0, err);
	return rc == 0 ? step_two(queue, STATEMENT_ACK_ADD, mark, now, err) : rc;
}

int queue_mark(
        struct queue *queue, int64_t mark, int64_t now, int64_t *gap_to, struct otk_error *err)
{
	int64_t gap = 0;
	int rc = queue_begin(queue, err);

	if (rc != 0)
		return rc;
	rc = queue_end(queue, mark_inside(queue, mark, now, &gap, err), err);
	if (rc == 0)
		*gap_to = gap;
	return rc;
}

static int epoch_set(struct queue *queue, const struct uuid *epoch, int64_t now, int64_t head,
        struct otk_error *err)
{
	sqlite3_stmt *set = queue_statement(queue, STATEMENT_EPOCH_SET, err);

	if (set == NULL)
		return queue_sql_error(queue, "prepare", NULL);
	(void)sqlite3_bind_text(set, 1, queue->agent, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(set, 2, epoch->bytes, sizeof epoch->bytes, SQLITE_STATIC);
	(void)sqlite3_bind_int64(set, 3, now);
	(void)sqlite3_bind_int64(set, 4, head);
	return queue_step(queue, set, "epoch", err);
}

static int epoch_inside(struct queue *queue, const struct uuid *epoch, const char *reason,
        int64_t now, struct otk_error *err)
{
	struct queue_meta meta = {.head = 0};
	struct queue_gap gap = {.noted_at = now};
	int64_t oldest = 0;
	int rc = queue_meta_read(queue, &meta, err);

	if (rc == 0)
		rc = step_two(queue, STATEMENT_EPOCH_CLEAR, meta.mark, 0, err);
	if (rc == 0)
		rc = oldest_read(queue, &oldest, err);
	if (rc == 0 && oldest > 1)
		rc = step_two(queue, STATEMENT_EPOCH_SHIFT, oldest - 1, 0, err);
	if (rc == 0)
		rc = step_two(queue, STATEMENT_ACK_FORGET, -1, 0, err);
	if (rc == 0)
		rc = epoch_set(queue, epoch, now, oldest > 0 ? meta.head - oldest + 1 : 0, err);
	if (rc != 0)
		return rc;
	gap.epoch = meta.epoch;
	(void)strncpy(gap.reason, reason, sizeof gap.reason - 1);
	return queue_gap_add(queue, &gap, err);
}

int queue_begin_epoch(
        struct queue *queue, const char *reason, int64_t now, struct otk_error *err)
{
	struct uuid epoch;
	int rc;

	if (uuid_v4(&epoch) != 0)
		return error_set(err, OTK_INTERNAL, "RANDOM", "no randomness for an epoch");
	rc = queue_begin(queue, err);
	if (rc != 0)
		return rc;
	return queue_end(queue, epoch_inside(queue, &epoch, reason, now, err), err);
}

int queue_gap_first(struct queue *queue, struct queue_gap *out, struct otk_error *err)
{
	sqlite3_stmt *read = queue_statement(queue, STATEMENT_GAP_FIRST, err);
	int rc = -OTK_NOT_FOUND;
	int step;

	if (read == NULL)
		return queue_sql_error(queue, "prepare", NULL);
	step = sqlite3_step(read);
	if (step == SQLITE_ROW) {
		memset(out, 0, sizeof *out);
		out->id = sqlite3_column_int64(read, 0);
		if (sqlite3_column_bytes(read, 1) == (int)sizeof out->epoch.bytes)
			memcpy(out->epoch.bytes, sqlite3_column_blob(read, 1),
			        sizeof out->epoch.bytes);
		out->from_seq = sqlite3_column_int64(read, 2);
		out->to_seq = sqlite3_column_int64(read, 3);
		out->noted_at = sqlite3_column_int64(read, 4);
		(void)strncpy(out->reason, (const char *)sqlite3_column_text(read, 5),
		        sizeof out->reason - 1);
		rc = 0;
	} else if (step != SQLITE_DONE) {
		rc = queue_sql_error(queue, "read", err);
	}
	(void)sqlite3_reset(read);
	return rc;
}

static void check_row_read(sqlite3_stmt *row, struct queue_check *check)
{
	struct check_life *life = &check->life;

	check->counter = (uint64_t)sqlite3_column_int64(row, 0);
	check->reported = sqlite3_column_int(row, 1) != 0;
	check->reported_state = (enum check_state)(sqlite3_column_int(row, 2) & 3);
	check->changed_at = sqlite3_column_int64(row, 3);
	life->ran = true;
	life->state = (enum check_state)(sqlite3_column_int(row, 4) & 3);
	life->hard = sqlite3_column_int(row, 5) != 0;
	life->attempt = (uint32_t)sqlite3_column_int(row, 6);
	life->known = sqlite3_column_int(row, 7) != 0;
	life->hard_state = (enum check_state)(sqlite3_column_int(row, 8) & 3);
	life->flapping = sqlite3_column_int(row, 9) != 0;
	if (sqlite3_column_bytes(row, 10) == CHECK_RING) {
		memcpy(life->ring, sqlite3_column_blob(row, 10), CHECK_RING);
		life->ring_count = CHECK_RING;
	}
}

int queue_check_load(struct queue *queue, struct queue_check *check, struct otk_error *err)
{
	sqlite3_stmt *load = queue_statement(queue, STATEMENT_CHECK_LOAD, err);
	struct queue_meta meta;
	int rc = 0;
	int step;

	if (load == NULL)
		return queue_sql_error(queue, "prepare", NULL);
	(void)sqlite3_bind_text(load, 1, check->host, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(load, 2, check->name, -1, SQLITE_STATIC);
	step = sqlite3_step(load);
	check->reported = false;
	check->changed_at = 0;
	check->life = (struct check_life){0};
	if (step == SQLITE_ROW) {
		check_row_read(load, check);
	} else if (step == SQLITE_DONE) {
		rc = queue_meta_read(queue, &meta, err);
		if (rc == 0)
			check->counter = (uint64_t)meta.created_at / 1000000;
	} else {
		rc = queue_sql_error(queue, "read", err);
	}
	(void)sqlite3_reset(load);
	return rc;
}

int queue_check_save(
        struct queue *queue, const struct queue_check *check, struct otk_error *err)
{
	sqlite3_stmt *save = queue_statement(queue, STATEMENT_CHECK_SAVE, err);
	const struct check_life *life = &check->life;

	if (save == NULL)
		return queue_sql_error(queue, "prepare", NULL);
	(void)sqlite3_bind_text(save, 1, check->host, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(save, 2, check->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(save, 3, (int64_t)check->counter);
	(void)sqlite3_bind_int(save, 4, check->reported);
	(void)sqlite3_bind_int(save, 5, (int)check->reported_state);
	(void)sqlite3_bind_int64(save, 6, check->changed_at);
	(void)sqlite3_bind_int(save, 7, (int)life->state);
	(void)sqlite3_bind_int(save, 8, life->hard);
	(void)sqlite3_bind_int(save, 9, (int)life->attempt);
	(void)sqlite3_bind_int(save, 10, life->known);
	(void)sqlite3_bind_int(save, 11, (int)life->hard_state);
	(void)sqlite3_bind_int(save, 12, life->flapping);
	(void)sqlite3_bind_blob(
	        save, 13, life->ring, life->ring_count > 0 ? CHECK_RING : 0, SQLITE_STATIC);
	return queue_step(queue, save, "check", err);
}

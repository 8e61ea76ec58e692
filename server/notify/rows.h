/* The outbox as the database has it: messages read from its rows, and what came of them. */
#ifndef OTKLIK_NOTIFY_ROWS_H
#define OTKLIK_NOTIFY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "db/rows.h"
#include "db/unit.h"
#include "notice/message.h"
#include "notify/delivery.h"

/* Columns of outbox_message. */
enum {
	COL_BATCH,
	COL_ATTEMPTS,
	COL_CUSTOMER,
	COL_TICKET,
	COL_KIND,
	COL_CHANNEL,
	COL_RECIPIENT,
	COL_NAME,
	COL_LANGUAGE,
	COL_ZONE,
	COL_CODE,
	COL_CUSTOMER_NAME,
	COL_TITLE,
	COL_PRIORITY,
	COL_AT,
	COL_ACTOR,
	COL_TEXT,
	COL_CLOCK,
	COL_LEVEL,
	COL_DUE,
	COL_RESPONSE,
	COL_RESOLUTION,
	COL_PROMISE,
	COL_OLD_PROMISE,
	COL_DIGEST,
	COL_SECRET,
	COL_PERSON,
	COL_OTHER,
};

/* One row; its texts are those of the rows. */
void row_item(const struct db_rows *rows, size_t row, struct notice_item *out);

/* All rows as one message, with the words of outbox_templates, in the arena. 0, or
 * -OTK_RESOURCE_EXHAUSTED. */
int rows_message(const struct db_rows *rows, const struct db_rows *templates,
        struct arena *arena, struct message *out);

enum row_state { ROW_WAITING = 1, ROW_SENT = 2, ROW_DEAD = 3 };

/* What is to be written of one message. */
struct mark {
	int64_t batch;
	int attempts; /* this one included */
	enum row_state state;
	int64_t next_at; /* not before, or when it was sent */
	bool untried;    /* given back as it was */
	char error[DELIVERY_ERROR_SIZE];
};

/*
 * What came of an attempt, of at most `attempts_most`: batch and attempts are set before, the
 * rest is filled in.
 */
void mark_judge(
        struct mark *mark, const struct delivery *result, int attempts_most, int64_t now);

/* Given back, as if nobody had taken it; not before `at`. */
void mark_give_back(struct mark *mark, int64_t at);

/* Adds the call that writes `count` of them, which it reads at once. */
void marks_put(struct db_unit *unit, const struct mark *const *marks, size_t count);

/* For back-off. */
uint32_t random_number(void);

#endif

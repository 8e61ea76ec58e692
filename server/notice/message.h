/* What is delivered: the rows of one outbox batch with what the journal says of them, as words.
 */
#ifndef OTKLIK_NOTICE_MESSAGE_H
#define OTKLIK_NOTICE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/notification.h"

struct own_template;

/* One notice. Texts may be NULL where empty; instants are microseconds UTC, 0 = none. */
struct notice_item {
	enum notice kind;
	int32_t customer_id;
	int64_t ticket_id;
	const char *customer; /* its name */
	const char *customer_code;
	const char *title;
	int priority;
	const char *actor; /* who did it; NULL: the system */
	const char *text;  /* what was said; NULL also when erased */
	int64_t occurred_at;
	int64_t response_due;
	int64_t resolution_due;
	int clock;         /* of a level: enum clock_kind */
	const char *level; /* its name */
	int64_t clock_due;
	int64_t promise;     /* 0: none, or taken back */
	int64_t old_promise; /* of a promise that moves: the one before */
	int64_t other;       /* of a merge: the other ticket */
};

/* At least one item, in order; all for one recipient. */
struct message {
	int64_t batch;
	int32_t person;       /* the recipient; 0: a program */
	const char *name;     /* of the recipient */
	const char *language; /* "ru", "en-GB"; what is not known is English */
	const char *zone;     /* IANA */
	const struct notice_item *items;
	size_t count;
	bool digest; /* was kept for the reader, not more than there was room for */
	const struct own_template *own;
	size_t own_count;
};

/*
 * Writes subject (one line) and plain text (lines ended by \n): of one ticket, everything in
 * order; of several, a summary. 0, or -OTK_RESOURCE_EXHAUSTED.
 */
int message_write(const struct message *m, struct buf *subject, struct buf *text);

/* One template alone, for the first item. 0, or -OTK_RESOURCE_EXHAUSTED. */
int message_part(const struct message *m, int template, struct buf *subject, struct buf *text);

/* The same text as HTML. 0, or -OTK_RESOURCE_EXHAUSTED. */
int message_html(const char *text, struct buf *html);

/* "2026-11-22 14:05 (Europe/Moscow)" appended; "—" for 0. */
int message_time(struct buf *out, int64_t at, const char *zone);

#endif

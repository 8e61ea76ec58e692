/*
 * Reports of site agents: what each does to which ticket. Pure: what was loaded goes in,
 * changed tickets and outcomes come out; desk/report_store.h loads before and saves after.
 */
#ifndef OTKLIK_DESK_REPORT_H
#define OTKLIK_DESK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/uuid.h"
#include "core/change.h"

/* Numbers are those of otklik.v1 (agent.proto) and of the database. */
enum report_kind {
	REPORT_CHECK = 1,
	REPORT_PERSON = 2,
	REPORT_REFUSAL = 3,
	REPORT_STARTED = 4
};
enum { CHECK_STATE_OK = 1, CHECK_STATE_COUNT = 5 };
enum report_outcome {
	REPORT_FILED = 1, /* 0: not decided */
	REPORT_NOTED = 2,
	REPORT_RESOLVED = 3,
	REPORT_CLOSED = 4,
	REPORT_REOPENED = 5,
	REPORT_STORED = 6,
	REPORT_REFUSED = 8,
};

enum { REPORT_BATCH_MAX = 64, REPORT_NAME_MAX = 128 };

/* One report as it came. Texts are never NULL; 0 is "not given". */
struct report {
	int64_t seq;
	enum report_kind kind;
	int64_t occurred_at; /* the agent's wall clock */
	int64_t age_us;      /* by its monotonic clock, when it was sent; 0: not known */
	const char *boot_id;
	const char *host;
	const char *check;
	int state; /* otklik.v1.CheckState */
	int64_t counter;
	const char *output;
	uint32_t attempt;
	bool flapping;
	const char *title;
	const char *text;
	uint32_t impact;
	uint32_t urgency;
	const char *service;
	const char *category;
	const char *requester;
	int type;
	int64_t refused;
	int64_t refused_from;
	int64_t refused_to;
	const void *packed; /* of a check's report in a backlog: itself, to be kept */
	size_t packed_size;

	/* out */
	enum report_outcome outcome;
	int64_t ticket_id;  /* 0: none */
	const char *reason; /* of a refusal, else NULL */
	const char *kept;   /* what the report's row keeps as its words */
};

/*
 * What the backlog of a queue says of a check, until all of it is stored: its last report,
 * which alone may move tickets, and the report with which it began to fail (none: it did not,
 * or fails since before). Reports are kept packed.
 */
struct report_wait {
	bool stored; /* a row exists */
	bool moved;  /* by this batch */
	bool waits;  /* false with `moved`: the row has served */
	int64_t counter;
	int state;
	const void *last;
	size_t last_size;
	int64_t last_seq;  /* its number; 0 of one that was loaded */
	const void *began; /* NULL: none */
	size_t began_size;
	/* When it has served: what became of the last report. */
	enum report_outcome outcome; /* 0: it could not be read */
	int64_t ticket_id;           /* 0: none */
	const char *reason;          /* of a refusal, else NULL */
};

/* The last hard state of one check of the agent. */
struct report_check {
	const char *host;
	const char *name;
	bool stored;    /* a row exists, … */
	int64_t before; /* … with this counter */
	bool moved;     /* by this batch */
	int64_t counter;
	int state; /* 0: never seen */
	int64_t changed_at;
	int64_t ticket_id; /* the incident last filed for it, 0: none */
	struct report_wait wait;
};

/* Reports of one queue in their order, above its mark, and what they meet. */
struct report_batch {
	struct arena *arena;
	const struct reference *ref;
	/* From the agent's principal, never from its messages. */
	int32_t customer_id;
	int32_t agent_id;
	int32_t site_id;
	int32_t team_id;
	struct uuid epoch;
	int16_t lane;
	int64_t head; /* announced at reconnect: up to here it is backlog */
	int64_t now;  /* receipt: from here clocks run */

	struct report *reports;
	size_t count;

	int64_t mark; /* reports[0].seq - 1 */
	struct report_check *checks;
	size_t check_count; /* room for `count` more */
	struct change *changes;
	size_t change_count; /* room for `count` more */

	int64_t (*number)(void *context); /* a new ticket's; 0: none just now */
	void *number_context;
	/* A kept report in the arena; false: it cannot be read. */
	bool (*unpack)(
	        struct arena *arena, const void *packed, size_t size, struct report *out);
};

/*
 * Takes the reports in order: outcome, ticket and words of each; the changes with events are to
 * be saved, at most one a report. 0; -OTK_UNAVAILABLE, reason NO_NUMBER, when numbers have run
 * out; else a negative status with err. After a failure load anew.
 */
int report_decide(struct report_batch *batch, struct otk_error *err);

/* Reports of checks up to the head wait; a batch holds either such or none. */
bool report_in_backlog(const struct report_batch *batch, const struct report *report);

/*
 * The backlog is whole: batch->reports are the last ones of checks that wait, and move tickets
 * as any report does. As report_decide; their numbers are not the queue's.
 */
int report_settle(struct report_batch *batch, struct otk_error *err);

/* report_text.c: what tickets and rows say. In the arena; NULL without memory. */

/* "host: check: first words", one line of at most TITLE_MAX characters. */
const char *report_title(struct arena *arena, const struct report *report);
/* A check's result, with how late it came where that is worth saying. */
const char *report_check_text(
        struct arena *arena, const struct report *report, int64_t received_at);
/* A person's words; `requester` and `service` where they are no codes of the customer. */
const char *report_person_text(struct arena *arena, const struct report *report,
        int64_t received_at, const char *requester, const char *service);
/* What is kept of a report in its row. */
const char *report_kept(struct arena *arena, const struct report *report);

const char *check_state_name(int state);

#endif

/*
 * The nouns of the desk as plain data: ticket, clock, event. Values of the enums are those of
 * proto/otklik/v1/ticket.proto and of the database; they never change meaning.
 */
#ifndef OTKLIK_CORE_TICKET_H
#define OTKLIK_CORE_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ticket_type { TICKET_INCIDENT = 1, TICKET_SERVICE_REQUEST = 2 };
enum { TICKET_TYPE_COUNT = 3 };

enum ticket_state {
	TICKET_NEW = 1,
	TICKET_ASSIGNED = 2,
	TICKET_IN_PROGRESS = 3,
	TICKET_PENDING = 4,
	TICKET_RESOLVED = 5,
	TICKET_CLOSED = 6,
	TICKET_CANCELLED = 7,
};
enum { TICKET_STATE_COUNT = 8 };

enum pending_reason {
	PENDING_NONE = 0,
	PENDING_CUSTOMER = 1,
	PENDING_SCHEDULED = 2,
	PENDING_SUPPLIER = 3,
	PENDING_CHANGE = 4,
};
enum { PENDING_REASON_COUNT = 5 };

/*
 * The first three are promised to the customer. The provider's own: how long one team may keep
 * a ticket (operational), how long a supplier may (underpinning).
 */
enum clock_kind {
	CLOCK_RESPONSE = 1,
	CLOCK_UPDATE = 2,
	CLOCK_RESOLUTION = 3,
	CLOCK_OPERATIONAL = 4,
	CLOCK_SUPPLIER = 5,
};
enum { CLOCK_KIND_COUNT = 6 };

enum clock_state {
	CLOCK_NONE = 0,
	CLOCK_RUNNING = 1,
	CLOCK_PAUSED = 2,
	CLOCK_MET = 3,
	CLOCK_LATE = 4,
	CLOCK_VOID = 5,
};

enum level_state { LEVEL_ARMED = 0, LEVEL_FIRED = 1, LEVEL_SKIPPED = 2 };

enum event_kind {
	EVENT_CREATED = 1,
	EVENT_STATE_CHANGED = 2,
	EVENT_ASSIGNED = 3,
	EVENT_REPLIED = 4,
	EVENT_NOTED = 5,
	EVENT_CLASSIFIED = 6,
	EVENT_ACKNOWLEDGED = 7,
	EVENT_CLOCK_STARTED = 8,
	EVENT_CLOCK_PAUSED = 9,
	EVENT_CLOCK_RESUMED = 10,
	EVENT_CLOCK_STOPPED = 11,
	EVENT_CLOCK_BREACHED = 12,
	EVENT_CLOCK_RETARGETED = 13,
	EVENT_CLOCK_VOIDED = 14,
	EVENT_LEVEL_FIRED = 15,
	EVENT_LEVEL_SKIPPED = 16,
	EVENT_CHECK_REPORTED = 17,
	EVENT_CLOCK_WAIVED = 18, /* a breach is forgiven */
	EVENT_PROMISED = 19, /* until_at: the date, 0 withdrawn; old_due_at: the one before */
	EVENT_PROMISE_WARNED = 20,
	EVENT_PROMISE_BROKEN = 21,
	EVENT_ASKED = 22,            /* the customer asks how it stands */
	EVENT_MERGED = 23,           /* related_id: the other ticket */
	EVENT_UNMERGED = 24,         /* related_id: the other ticket */
	EVENT_LINKED = 25,           /* related_id: the other ticket */
	EVENT_WATCHER = 26,          /* person_id, flags: enum watcher_flag */
	EVENT_CONTRACT_APPLIED = 27, /* contract_id: another version, 0 none */
	EVENT_ATTACHED = 28,         /* related_id: the attachment */
	EVENT_MAIL_RECEIVED = 29,    /* of a program: not taken as anybody's words */
};

/* Why an event happened, where its kind and actor do not say it all. Stored as a number. */
enum event_cause {
	CAUSE_NONE = 0,
	CAUSE_RECOVERY = 1,     /* a check recovered */
	CAUSE_FAILED_AGAIN = 2, /* a check failed inside the reopen window */
	CAUSE_STILL_BAD = 3,    /* a check still bad 30 minutes after a resolve */
	CAUSE_AUTO_CLOSE = 4,
	CAUSE_CONFIRMED = 5,     /* the requester confirmed */
	CAUSE_UNTIL_REACHED = 6, /* pending(scheduled) ended */
	CAUSE_ANSWERED = 7,      /* pending(customer) ended by the requester's message */
	CAUSE_RETARGET = 8,
	CAUSE_REOPEN = 9,
	CAUSE_CANCEL = 10,
	CAUSE_SPOKEN = 11, /* a reply given by voice */
	CAUSE_LIVE_CONTACT = 12,
	CAUSE_IMPORT = 13,
	CAUSE_OVERRIDE = 14, /* priority set against the matrix */
	CAUSE_SELF_RECOVERED = 15,
	CAUSE_CALENDAR = 16,     /* the calendar was edited */
	CAUSE_WITHDRAWN = 17,    /* the contract was withdrawn */
	CAUSE_CHECK = 18,        /* CREATED: a check filed it */
	CAUSE_TITLE = 19,        /* CLASSIFIED: text is the new title */
	CAUSE_UPDATE = 20,       /* the update clock goes round */
	CAUSE_ESCALATED = 21,    /* an action of an escalation level */
	CAUSE_ACKNOWLEDGED = 22, /* LEVEL_SKIPPED: somebody took it up */
	CAUSE_CONTRACT = 23,     /* another contract version was applied */
	CAUSE_AUTOMATIC_MAIL = 24,
	CAUSE_BOUNCE = 25,
	CAUSE_ASKED = 26,    /* the update clock is armed by a question */
	CAUSE_MERGED = 27,   /* into an older ticket */
	CAUSE_UNMERGED = 28, /* a merge was undone */
	CAUSE_BACKLOG = 29,  /* an episode wholly inside an offline backlog */
	CAUSE_ARMED = 30,    /* clocks of an imported ticket */
	CAUSE_BY_MAIL = 31,
	CAUSE_HANDED_OFF = 32,     /* the operational clock goes round */
	CAUSE_CUSTOMER_ASKED = 33, /* PROMISED: at the customer's own request */
};

/* Who acts. Ids are principal ids; a machine or the system acts for nobody. */
enum actor_side { SIDE_SYSTEM = 0, SIDE_PROVIDER = 1, SIDE_CUSTOMER = 2, SIDE_AGENT = 3 };

struct actor {
	int32_t principal_id; /* 0: the system itself */
	enum actor_side side;
	bool lead; /* may waive and override */
};

enum { TITLE_MAX = 200, TEXT_MAX = 32768, CATEGORY_MAX = 100, LEVELS_MAX = 8 };
enum { WATCHERS_MAX = 50 };

/* Bits of an event's flags. */
enum promise_flag {
	PROMISE_FIRST = 1,
	PROMISE_LATER = 2,
	PROMISE_EARLIER = 4,
	PROMISE_OFFENSIVE = 8,
	PROMISE_AFTER_DATE = 16,
};
enum level_flag { LEVEL_TELLS_ABOVE = 1 }; /* LEVEL_FIRED: a lead or a manager is told */
enum watcher_flag { WATCHER_ADDED = 1, WATCHER_REMOVED = 2 };

/*
 * A ticket as its journal made it. Texts belong to the arena it was loaded or built in and
 * may be NULL where empty. Instants are microseconds UTC, 0 = none; ids 0 = none.
 */
struct ticket {
	int32_t customer_id;
	int64_t ticket_id;
	int64_t version; /* seq of the last event; 0 for one not yet stored */
	enum ticket_type type;
	enum ticket_state state;
	enum pending_reason pending_reason;
	int64_t pending_until;
	int16_t impact;
	int16_t urgency;
	int16_t priority; /* 1..5 */
	bool priority_overridden;
	char *title;
	char *category;
	char *subcategory;
	char *channel;
	char *external_ref;
	char *zone; /* IANA: whose days its figures are counted in: contract, else site,
	               customer */
	int32_t site_id;
	int32_t service_id;
	int32_t team_id;
	int32_t assignee_id;
	int32_t requester_id;
	int32_t contract_id; /* pinned contract version: contract_version_id, 0 = none */
	int64_t created_at;
	int64_t updated_at;
	int64_t acknowledged_at; /* first take or public reply by a provider's human */
	int64_t first_reply_at;
	int64_t first_resolved_at;
	int64_t resolved_at; /* last resolve; kept while closed, cleared by reopen */
	int64_t closed_at;
	int64_t auto_close_at; /* while resolved */
	int64_t recheck_at;    /* machine-filed and resolved: when a still bad check reopens */
	int16_t reopen_count;
	bool machine_filed;
	bool human_touched; /* a provider's human acted on it */
	bool self_recovered;
	bool observed; /* imported: no clocks */
	bool no_sla;
	bool check_bad;      /* machine-filed: the check's last hard state is not OK */
	int64_t merged_into; /* the older ticket this one went into */
	int64_t merged_at;
	/* What an undo of the merge goes back to; pending_reason and pending_until stay. */
	enum ticket_state merged_state;
	int16_t merged_clocks; /* bits 1 << clock: ran, 256 << clock: was paused */
	int64_t promise_at;    /* the date given to the customer, in force */
	int64_t promise_given_at;
	int64_t promise_first_at; /* the first date ever given */
	int64_t promise_warn_at;  /* when the owner is warned of it; 0: was, or never */
	bool promise_broken;
	int16_t promise_changes;
	int16_t raised; /* bits 1 << clock: a level of it has raised the priority */
	int16_t watcher_count;
	int32_t watchers[WATCHERS_MAX]; /* principals, ascending */
};

struct clock_level {
	int64_t at; /* armed: when it will fire, 0 while that cannot be known; else when it did
	             */
	enum level_state state;
};

/*
 * One clock of a ticket. While RUNNING consumed_us is true at anchor_at and grows by service
 * time from there; otherwise it stands still. due_at is the instant at which consumed equals
 * target if nothing pauses it any more; 0 while paused, unless it was reached before. Where a
 * change finds the new target already exceeded, it is the instant of that change.
 */
struct sla_clock {
	enum clock_kind kind;
	enum clock_state state;
	int64_t target_us; /* service time, or wall time where `wall` */
	int32_t target_bd; /* business days the contract wrote, 0 = none; target_us follows */
	bool wall;
	int32_t calendar_id;
	int64_t started_at;
	int64_t anchor_at;
	int64_t consumed_us;
	int64_t due_at;
	int64_t breached_at; /* = the due time it broke; 0 = not broken */
	int64_t detected_at;
	int64_t stopped_at;
	int64_t waived_at; /* its breach is out of compliance since; 0 = is not */
	int level_count;
	struct clock_level levels[LEVELS_MAX];
};

/*
 * One journal entry. Only what the event sets is filled: numbers use -1 and texts NULL for
 * "not touched" (0 and "" mean cleared), instants and durations -1 likewise.
 * event_init() in change.h gives an untouched one.
 */
struct event {
	int64_t seq;
	enum event_kind kind;
	enum event_cause cause;
	int32_t actor_id;
	enum actor_side side;
	bool is_public;
	int64_t occurred_at;
	int64_t recorded_at;
	int16_t state;
	int16_t pending_reason;
	int64_t until_at;
	int16_t type;
	int16_t impact;
	int16_t urgency;
	int16_t priority;
	int32_t site_id;
	int32_t service_id;
	int32_t team_id;
	int32_t assignee_id;
	int32_t requester_id;
	int32_t contract_id;
	char *category;
	char *subcategory;
	char *zone; /* CREATED only */
	int16_t clock;
	int16_t level;
	int16_t clock_state; /* CLOCK_STOPPED: MET or LATE */
	int64_t target_us;
	int64_t consumed_us;
	int64_t due_at;
	int64_t old_due_at;
	int64_t related_id; /* another ticket, an entry's seq or an attachment: see the kinds */
	int16_t flags;      /* bits, by kind */
	int32_t person_id;  /* whom it is about */
	char *text;         /* content, stored apart from the journal */
};

#endif

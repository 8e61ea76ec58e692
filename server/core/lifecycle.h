/*
 * The life of a ticket: which command is allowed when, and what it does to state, journal and
 * clocks. The transition table and the default priority matrix are data (transitions.c,
 * priority.c). See "Tickets" and "SLA clocks" of the domain description in the README.
 */
#ifndef OTKLIK_CORE_LIFECYCLE_H
#define OTKLIK_CORE_LIFECYCLE_H

#include "core/change.h"

enum verb {
	VERB_TAKE = 1,
	VERB_ASSIGN,
	VERB_REPLY,
	VERB_NOTE,
	VERB_PEND,
	VERB_RESUME,
	VERB_RESOLVE,
	VERB_CLOSE,
	VERB_REOPEN,
	VERB_CANCEL,
	VERB_CLASSIFY,
	VERB_PROMISE,
	VERB_APPLY_CONTRACT,
	VERB_WAIVE,
	VERB_ASK,
	VERB_FOLLOW,
	VERB_UNFOLLOW,
};

/* Limits: title and categories in code points, text in bytes (TITLE_MAX and so on). */

/* A new ticket. Impact and urgency 0: the defaults of priority.h. Ids are already resolved and
 * belong to the customer; texts may be NULL. */
struct new_ticket {
	int32_t customer_id;
	int64_t ticket_id;
	int32_t site_id;
	int32_t service_id;
	int32_t team_id;
	int32_t requester_id;
	enum ticket_type type;
	int16_t impact;
	int16_t urgency;
	const char *title;
	const char *text;
	const char *category;
	const char *subcategory;
	const char *channel;
	bool live_contact;
	bool machine_filed;
};

/* A command on a ticket. Zero and NULL mean "not given". */
struct command {
	enum verb verb;
	struct actor actor;
	const char *text;
	enum pending_reason pend;
	int64_t until;
	bool spoken;
	int32_t team_id;
	int32_t assignee_id;
	bool clear_assignee;
	int16_t impact;
	int16_t urgency;
	int16_t priority;
	int16_t type;
	int32_t service_id;
	int32_t site_id;
	const char *category;
	const char *subcategory;
	const char *title;
	int64_t promise_at; /* VERB_PROMISE: the date, or `withdraw` */
	bool withdraw;
	int64_t cited_seq;         /* the customer's message that asks for the move */
	const struct event *cited; /* that entry of the journal; NULL: there is none */
	enum clock_kind clock;     /* VERB_WAIVE */
	int32_t person_id;         /* VERB_FOLLOW, VERB_UNFOLLOW; 0: who acts */
	int32_t contract_id; /* VERB_APPLY_CONTRACT: a version of the customer's; 0: none */
};

/*
 * VERB_APPLY_CONTRACT pins a ticket that is not closed or cancelled to any version of any of
 * its customer's contracts that is not withdrawn, or to none: CONTRACT_APPLIED, and then what a
 * retarget does, with cause CONTRACT. Every open clock is re-aimed, also where its due stays,
 * as the new version may hang other levels on it: level n takes over what became of level n,
 * and what the new version has no level for rests until another has.
 * Clocks without a target fall void, those that the new version promises start now or run on.
 * Priority, zone and the instants already agreed (auto-close) stay. It does not count as work
 * on the ticket (human_touched). The version it has already: -OTK_FAILED_PRECONDITION,
 * NOTHING_TO_DO.
 */

/*
 * VERB_WAIVE takes the breach of a clock out of compliance: by a lead of the provider, with a
 * reason, in any state, once (CLOCK_WAIVED, internal; old_due_at is when it broke). Of the
 * update clock it is the breach of the round at hand. A waived breach stays waived: the clock
 * keeps breached_at and is LATE when it stops; the next round of the update clock is a new one.
 *
 * VERB_ASK is the customer's side asking how it stands (ASKED, public, with text) before the
 * ticket is resolved. It takes a ticket out of pending(customer) as a reply does, and then arms
 * the update clock with cause ASKED where it does not run or wait already, answered before or
 * not.
 *
 * VERB_FOLLOW and VERB_UNFOLLOW keep ticket.watchers (WATCHER), in any state: the provider's
 * people for anybody who may read the ticket, the customer's for themselves. At most
 * WATCHERS_MAX. It does not count as work on the ticket. The entry is public where it is about
 * one of the customer's people.
 */

/*
 * Merges `younger` into `older`, both loaded, of one customer: the provider's only. The younger
 * (by created_at, then number) must not be resolved, the older not closed or cancelled. The
 * younger becomes cancelled and its open clocks void, all with cause MERGED; breaches stay.
 * Both get a MERGED entry with the other's number; that of the younger has cause MERGED and the
 * text, and is internal where it has one.
 */
int lifecycle_merge(struct change *younger, struct change *older, const struct actor *actor,
        const char *text, int64_t now, struct otk_error *err);

/*
 * A ticket that follows another of its customer, in any state (a reopen came too late, say):
 * LINKED in both, with the other's number.
 */
int lifecycle_link(struct change *newer, struct change *older, const struct actor *actor,
        int64_t now, struct otk_error *err);

/*
 * Undoes a merge, whatever became of the older meanwhile. The younger is in the state it was
 * in, as of the instant of the merge, and its clocks run on as if they had never stopped: then
 * all that time has owed since is journalled, breaches at their due; levels reached meanwhile
 * are skipped. Entries have cause UNMERGED and occurred when they would have; the last ones,
 * UNMERGED in both, occur now.
 */
int lifecycle_unmerge(struct change *younger, struct change *older, const struct actor *actor,
        const char *text, int64_t now, struct otk_error *err);

/*
 * Fills an initialised change with a new ticket: CREATED, clocks started as the contract says
 * (CLOCK_STARTED each), priority from the matrix. 0 or a negative status with *err filled.
 */
int lifecycle_create(struct change *c, const struct new_ticket *in, const struct actor *actor,
        int64_t now, struct otk_error *err);

/*
 * Fills an initialised change with the record of a check that failed and recovered while nobody
 * could hear of it: created by `in`, recovered with the words `recovered`, resolved and closed,
 * all at server time now and with cause BACKLOG. No clock runs and nobody is told.
 */
int lifecycle_backlog(struct change *c, const struct new_ticket *in, const char *recovered,
        const struct actor *actor, int64_t now, struct otk_error *err);

/*
 * Journals what time already owes (strictly before now), then applies the command.
 * -OTK_FAILED_PRECONDITION names the state and what is allowed; -OTK_INVALID_ARGUMENT a field.
 * On error the change must be thrown away.
 */
int lifecycle_apply(
        struct change *c, const struct command *cmd, int64_t now, struct otk_error *err);

/*
 * Arms an imported ticket just created (projected, nothing else): its past is lived again under
 * a contract, and from `now` on it is a ticket like any other (observed is cleared).
 *
 *	lifecycle_arm → lifecycle_observed (each further entry, in order of time) →
 *	lifecycle_armed
 *
 * The resolution starts at the ticket's creation and pauses, stops and runs on as the entries
 * say; the response likewise where `response` says so: no log tells when somebody answered,
 * so it is for tickets that nobody has begun, and of others void from the start. There is no
 * update clock until somebody answers; what a team may keep the ticket runs from where the log
 * first names one. Breaches occurred at their due; levels reached by `now` are skipped with
 * cause ARMED. CONTRACT_APPLIED and the clocks' first entries have that cause too. 0 or a
 * negative status.
 */
int lifecycle_arm(struct change *c, int32_t contract_id, bool response,
        const struct actor *actor, int64_t now, struct otk_error *err);
int lifecycle_observed(struct change *c, const struct event *e, struct otk_error *err);
int lifecycle_armed(struct change *c, int64_t now, struct otk_error *err);

/*
 * Arms a stored ticket as `lived` was armed: the same import built anew, in memory. Its entries
 * about contract and clocks are appended, with the instants at which they would have occurred.
 * 1; 0 where the ticket is none that could be: armed before, resolved, or changed here since.
 */
int lifecycle_arm_stored(
        struct change *stored, const struct change *lived, struct otk_error *err);

/*
 * What time owes strictly before `now`, in order of instant: breaches, levels, the end of
 * pending(scheduled), auto-close; edits of the calendar and a withdrawal of the contract also
 * at `now` itself. Used by the sweep, before every command, and on the tickets that new
 * reference data touches. 0 or negative.
 */
int lifecycle_tick(struct change *c, int64_t now, struct otk_error *err);

/* What a hard check state does to the check's ticket (see "Machine-filed incidents"). */
enum check_effect {
	CHECK_FILES_NEW = 1, /* the caller files a new ticket by lifecycle_create */
	CHECK_NOTED,
	CHECK_RESOLVED,
	CHECK_CLOSED,
	CHECK_REOPENED,
	CHECK_NOTHING,
};

/*
 * Applies a report `bad` or recovered, at server time now, to the loaded ticket of the check.
 * *effect is CHECK_FILES_NEW where the ticket can no longer take it (closed or cancelled, or
 * past the reopen window). `text` is the check's output.
 */
int lifecycle_check(struct change *c, bool bad, const char *text, const struct actor *agent,
        int64_t now, enum check_effect *effect, struct otk_error *err);

/* A check that stays bad, but in another state: journalled on its ticket after lifecycle_check.
 */
int lifecycle_check_moved(struct change *c, const char *text, const struct actor *agent,
        int64_t now, struct otk_error *err);

/* The transition table as data: bit (1 << to) of allowed targets from each state. */
extern const uint16_t LIFECYCLE_ALLOWED[TICKET_STATE_COUNT];
const char *ticket_state_name(enum ticket_state state);
const char *pending_reason_name(enum pending_reason reason);
const char *ticket_type_name(enum ticket_type type);
const char *clock_kind_name(enum clock_kind kind);
const char *clock_state_name(enum clock_state state);
const char *event_kind_name(enum event_kind kind);
const char *event_cause_name(enum event_cause cause);

#endif

/* What commands and time do to a promise, as events. */
#include "core/promise_steps.h"

#include "base/time_text.h"
#include "core/promise.h"

enum { CHANGES_MAX = 1000 };

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

int promise_check(
        const struct change *c, const struct command *cmd, int64_t now, struct otk_error *err)
{
	char limit[TIME_TEXT_SIZE];

	if (cmd->withdraw && cmd->promise_at != 0)
		return error_field(err, "promise_at", "contradicts withdrawing the promise");
	if (cmd->cited_seq < 0 || cmd->cited_seq > c->ticket.version)
		return error_field(err, "at_request",
		        "is %lld; the journal has entries 1 to %lld", (long long)cmd->cited_seq,
		        (long long)c->ticket.version);
	if (cmd->withdraw)
		return 0;
	if (cmd->promise_at <= now)
		return error_field(err, "promise_at", "must lie in the future; it is %s now",
		        time_format_utc(now, limit));
	if (cmd->promise_at - now > PROMISE_AHEAD_MAX_US)
		return error_field(err, "promise_at", "must lie within two years: by %s",
		        time_format_utc(now + PROMISE_AHEAD_MAX_US, limit));
	return 0;
}

/* The customer's own words, said since the date was given: only they ask for another. */
static int check_cited(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	const struct event *e = cmd->cited;
	long long seq = (long long)cmd->cited_seq;

	if (cmd->cited_seq == 0)
		return 0;
	if (t->promise_at == 0)
		return error_field(act->err, "at_request",
		        "goes with a change of a promise; there is none to change");
	if (e == NULL || e->side != SIDE_CUSTOMER || !e->is_public ||
	        (e->kind != EVENT_REPLIED && e->kind != EVENT_ASKED))
		return error_field(act->err, "at_request",
		        "entry %lld is no public message of the customer", seq);
	if (e->occurred_at < t->promise_given_at)
		return error_field(act->err, "at_request",
		        "entry %lld is older than the promise that it would change", seq);
	return 0;
}

static int check_move(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	char date[TIME_TEXT_SIZE];
	int rc;

	if (cmd->withdraw && t->promise_at == 0)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        "no promise is in force that could be withdrawn");
	if (!cmd->withdraw && cmd->promise_at == t->promise_at)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        "%s is promised already", time_format_utc(t->promise_at, date));
	if (t->promise_changes >= CHANGES_MAX)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "TOO_MANY_CHANGES",
		        "the promise was changed %d times; nobody believes another date",
		        CHANGES_MAX);
	rc = check_cited(act, cmd);
	if (rc != 0)
		return rc;
	if (given(cmd->text) || t->promise_at == 0 ||
	        (!cmd->withdraw && cmd->promise_at < t->promise_at))
		return 0;
	return error_field(act->err, "text", "must give the reason for %s the promise of %s",
	        cmd->withdraw ? "withdrawing" : "moving", time_format_utc(t->promise_at, date));
}

int promise_event(const struct act *act, const struct command *cmd, struct event *e)
{
	const struct ticket *t = &act->c->ticket;
	struct promise_move move = {
	        .old_at = t->promise_at,
	        .given_at = t->promise_given_at,
	        .new_at = cmd->withdraw ? 0 : cmd->promise_at,
	        .now = act->at,
	        .cadence_us = promise_cadence(act->c, act->at),
	        .first = t->promise_first_at == 0,
	        .asked = cmd->cited_seq != 0,
	};
	int rc = check_move(act, cmd);

	if (rc != 0)
		return rc;
	*e = act_event(act, EVENT_PROMISED);
	e->flags = promise_flags(&move);
	e->until_at = move.new_at;
	e->old_due_at = move.old_at;
	e->due_at =
	        move.new_at == 0 ? 0 : promise_warn_at(act->at, move.new_at, move.cadence_us);
	if (move.asked) {
		e->cause = CAUSE_CUSTOMER_ASKED;
		e->related_id = cmd->cited_seq;
	}
	return 0;
}

int64_t promise_warning_due(const struct ticket *t)
{
	return promise_is_open(t) && !t->promise_broken ? t->promise_warn_at : 0;
}

int64_t promise_breach_due(const struct ticket *t)
{
	return promise_is_open(t) && !t->promise_broken ? t->promise_at : 0;
}

static int promise_passes(
        const struct act *act, enum event_kind kind, enum event_cause cause, bool is_public)
{
	struct event e = act_event(act, kind);

	e.cause = cause;
	e.old_due_at = act->c->ticket.promise_at;
	e.is_public = is_public;
	return act_emit(act, &e);
}

int promise_warn(const struct act *act)
{
	return promise_passes(act, EVENT_PROMISE_WARNED, CAUSE_NONE, false);
}

int promise_break(const struct act *act, enum event_cause cause)
{
	return promise_passes(act, EVENT_PROMISE_BROKEN, cause, true);
}

int promise_reopened(const struct act *act)
{
	int64_t date = promise_breach_due(&act->c->ticket);

	return date != 0 && date < act->at ? promise_break(act, CAUSE_REOPEN) : 0;
}

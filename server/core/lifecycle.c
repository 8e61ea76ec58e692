/* Commands on a ticket: who may, from which state, and what they journal. */
#include "core/lifecycle.h"

#include <string.h>

#include "base/text.h"
#include "core/aside.h"
#include "core/clocks.h"
#include "core/lifecycle_rules.h"
#include "core/lifecycle_steps.h"
#include "core/priority.h"
#include "core/promise_steps.h"
#include "core/sla.h"

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* The first answer tells what the response had consumed by then. */
static int first_answer(const struct act *act, struct event *e)
{
	const struct sla_clock *response = &act->c->clocks[CLOCK_RESPONSE];
	int rc = 0;

	if (act->c->ticket.first_reply_at == 0 &&
	        (clock_is_open(response) || response->state == CLOCK_MET ||
	                response->state == CLOCK_LATE))
		rc = sla_consumed(act->c, response, act->at, &e->consumed_us);
	return rc == 0 ? 0 : act_fail(act, rc);
}

/*
 * Public words. Those of a provider's human answer the customer, whatever command has them;
 * `goes_on`: the next update is owed after them.
 */
static int say(const struct act *act, const char *text, bool spoken, bool goes_on)
{
	struct event e = act_event(act, EVENT_REPLIED);
	bool answers = act->actor.side == SIDE_PROVIDER;
	int rc = answers ? first_answer(act, &e) : 0;

	e.cause = spoken ? CAUSE_SPOKEN : CAUSE_NONE;
	if (rc == 0)
		rc = step_emit_text(act, &e, text);
	return rc == 0 && answers ? clocks_answered(act, goes_on) : rc;
}

static int say_if_given(const struct act *act, const char *text)
{
	return given(text) ? say(act, text, false, true) : 0;
}

/* take ---------------------------------------------------------------------------------- */

static int acknowledge(const struct act *act)
{
	const struct sla_clock *response = &act->c->clocks[CLOCK_RESPONSE];
	struct event e = act_event(act, EVENT_ACKNOWLEDGED);
	int rc = 0;

	if (act->c->ticket.acknowledged_at != 0)
		return 0;
	if (response->state != CLOCK_NONE && response->state != CLOCK_VOID)
		rc = sla_consumed(act->c, response, act->at, &e.consumed_us);
	return rc == 0 ? act_emit(act, &e) : act_fail(act, rc);
}

static int do_take(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	int32_t self = act->actor.principal_id;
	const struct ref_principal *person = reference_principal(act->c->ref, self);
	struct event e = act_event(act, EVENT_ASSIGNED);
	int rc;

	(void)cmd;
	if (t->assignee_id == self && t->state == TICKET_IN_PROGRESS)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        "the ticket is yours and in progress already");
	rc = acknowledge(act);
	if (rc != 0)
		return rc;
	if (t->team_id == 0 && person != NULL && person->team_id != 0)
		e.team_id = person->team_id;
	if (t->assignee_id != self)
		e.assignee_id = self;
	if (e.assignee_id > 0 || e.team_id > 0) /* somebody else may have given it to me */
		rc = act_emit(act, &e);
	return rc == 0 ? step_move(act, TICKET_IN_PROGRESS, CAUSE_NONE) : rc;
}

/* assign -------------------------------------------------------------------------------- */

static int do_assign(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	int32_t team = cmd->team_id != 0 ? cmd->team_id : t->team_id;
	int32_t person = cmd->clear_assignee     ? 0
	                 : cmd->assignee_id != 0 ? cmd->assignee_id
	                                         : t->assignee_id;
	bool person_changed = person != t->assignee_id;
	struct event e = act_event(act, EVENT_ASSIGNED);
	int rc;

	if (team == t->team_id && !person_changed)
		return rules_assigned_already(act->c, cmd, act->err);
	if (team != t->team_id)
		e.team_id = team;
	if (person_changed)
		e.assignee_id = person;
	e.is_public = !given(cmd->text); /* the words are for colleagues */
	rc = step_emit_text(act, &e, cmd->text);
	return rc == 0 ? step_assigned(act, person_changed) : rc;
}

/* pend, resume -------------------------------------------------------------------------- */

static int pend(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	struct event e = act_event(act, EVENT_STATE_CHANGED);
	int rc = 0;

	if (t->state == TICKET_PENDING && t->pending_reason == cmd->pend &&
	        t->pending_until == cmd->until) {
		if (!given(cmd->text))
			return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
			        "the ticket is pending (%s) already",
			        pending_reason_name(cmd->pend));
		return 0;
	}
	e.state = TICKET_PENDING;
	e.pending_reason = (int16_t)cmd->pend;
	e.until_at = cmd->until;
	rc = act_emit(act, &e);
	return rc == 0 ? clocks_follow_state(act) : rc;
}

static int do_pend(const struct act *act, const struct command *cmd)
{
	int rc = say_if_given(act, cmd->text);

	return rc == 0 ? pend(act, cmd) : rc;
}

static int do_resume(const struct act *act, const struct command *cmd)
{
	int rc = say_if_given(act, cmd->text);

	return rc == 0 ? step_move(act, TICKET_IN_PROGRESS, CAUSE_NONE) : rc;
}

/* reply, note --------------------------------------------------------------------------- */

static int do_reply(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	int rc = say(act, cmd->text, cmd->spoken, true);

	if (rc != 0)
		return rc;
	if (cmd->pend != PENDING_NONE)
		return pend(act, cmd);
	if (act->actor.side == SIDE_CUSTOMER && t->state == TICKET_PENDING &&
	        t->pending_reason == PENDING_CUSTOMER)
		return step_move(act, TICKET_IN_PROGRESS, CAUSE_ANSWERED);
	return 0;
}

static int do_note(const struct act *act, const struct command *cmd)
{
	struct event e = act_event(act, EVENT_NOTED);

	e.is_public = false;
	return step_emit_text(act, &e, cmd->text);
}

/* resolve, close, reopen, cancel --------------------------------------------------------- */

static int do_resolve(const struct act *act, const struct command *cmd)
{
	int rc = say(act, cmd->text, false, false);

	if (rc == 0)
		rc = step_resolve(act, CAUSE_NONE);
	return rc == 0 ? clocks_resolved(act) : rc;
}

static int do_close(const struct act *act, const struct command *cmd)
{
	bool confirmed = act->actor.side == SIDE_CUSTOMER;
	int rc = say_if_given(act, cmd->text);

	if (rc != 0)
		return rc;
	return step_to(act, TICKET_CLOSED, confirmed ? CAUSE_CONFIRMED : CAUSE_NONE);
}

static int do_reopen(const struct act *act, const struct command *cmd)
{
	int rc = rules_reopen_window(act->c, act->at, act->err);

	if (rc == 0)
		rc = step_reopen(act, CAUSE_REOPEN);
	return rc == 0 ? say_if_given(act, cmd->text) : rc;
}

static int do_cancel(const struct act *act, const struct command *cmd)
{
	int rc = given(cmd->text) ? say(act, cmd->text, false, false) : 0;

	if (rc == 0)
		rc = step_to(act, TICKET_CANCELLED, CAUSE_CANCEL);
	return rc == 0 ? clocks_void(act, CAUSE_CANCEL) : rc;
}

/* classify ------------------------------------------------------------------------------ */

static void set_if_other(int16_t *field, int16_t wanted, int16_t has, bool *changed)
{
	if (wanted == 0 || wanted == has)
		return;
	*field = wanted;
	*changed = true;
}

static void set_id_if_other(int32_t *field, int32_t wanted, int32_t has, bool *changed)
{
	if (wanted == 0 || wanted == has)
		return;
	*field = wanted;
	*changed = true;
}

static int set_text_if_other(
        const struct act *act, char **field, const char *wanted, const char *has, bool *changed)
{
	if (!given(wanted) || (has != NULL && strcmp(wanted, has) == 0))
		return 0;
	*changed = true;
	return step_keep_text(act, wanted, field);
}

/*
 * Impact and urgency make the priority anew, also where it had been overridden: they are a
 * newer judgement. A priority that the matrix gives is no override.
 */
static void classify_priority(
        const struct act *act, const struct command *cmd, struct event *e, bool *changed)
{
	const struct ticket *t = &act->c->ticket;
	int16_t impact = e->impact > 0 ? e->impact : t->impact;
	int16_t urgency = e->urgency > 0 ? e->urgency : t->urgency;
	int16_t matrix = priority_of(sla_contract(act->c), impact, urgency);
	int16_t wanted = t->priority;
	bool overridden = t->priority_overridden;

	if (cmd->priority != 0) {
		wanted = cmd->priority;
		overridden = wanted != matrix;
	} else if (e->impact > 0 || e->urgency > 0) {
		wanted = matrix;
		overridden = false;
	}
	if (wanted == t->priority && overridden == t->priority_overridden)
		return;
	e->priority = wanted;
	e->cause = overridden ? CAUSE_OVERRIDE : CAUSE_NONE;
	*changed = true;
}

static int classify_title(const struct act *act, const struct command *cmd, bool *changed)
{
	struct event e = act_event(act, EVENT_CLASSIFIED);
	int rc = set_text_if_other(act, &e.text, cmd->title, act->c->ticket.title, changed);

	e.cause = CAUSE_TITLE;
	return rc == 0 && e.text != NULL ? act_emit(act, &e) : rc;
}

static int do_classify(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	struct event e = act_event(act, EVENT_CLASSIFIED);
	bool changed = false;
	bool titled = false;
	int rc = set_text_if_other(act, &e.category, cmd->category, t->category, &changed);

	if (rc == 0)
		rc = set_text_if_other(
		        act, &e.subcategory, cmd->subcategory, t->subcategory, &changed);
	if (rc != 0)
		return rc;
	set_if_other(&e.type, cmd->type, (int16_t)t->type, &changed);
	set_if_other(&e.impact, cmd->impact, t->impact, &changed);
	set_if_other(&e.urgency, cmd->urgency, t->urgency, &changed);
	set_id_if_other(&e.site_id, cmd->site_id, t->site_id, &changed);
	set_id_if_other(&e.service_id, cmd->service_id, t->service_id, &changed);
	classify_priority(act, cmd, &e, &changed);
	rc = classify_title(act, cmd, &titled);
	if (rc != 0)
		return rc;
	if (!changed && !titled)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        "the ticket is classified so already; state what shall change");
	if (!changed)
		return 0;
	e.is_public = !given(cmd->text); /* the words are for colleagues */
	rc = step_emit_text(act, &e, cmd->text);
	return rc == 0 ? clocks_retarget(act, CAUSE_RETARGET) : rc;
}

/* promise ------------------------------------------------------------------------------- */

/* The customer learns of the date by it: it answers as a reply does. */
static int do_promise(const struct act *act, const struct command *cmd)
{
	struct event e;
	int rc = promise_event(act, cmd, &e);

	if (rc == 0)
		rc = first_answer(act, &e);
	if (rc == 0)
		rc = step_emit_text(act, &e, cmd->text);
	return rc == 0 ? clocks_answered(act, true) : rc;
}

/* another contract version -------------------------------------------------------------- */

static int do_apply_contract(const struct act *act, const struct command *cmd)
{
	struct event e = act_event(act, EVENT_CONTRACT_APPLIED);
	int rc;

	if (cmd->contract_id == act->c->ticket.contract_id)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        "the ticket is under this version already");
	e.contract_id = cmd->contract_id;
	e.cause = CAUSE_CONTRACT;
	e.is_public = !given(cmd->text); /* the words are for colleagues */
	rc = step_emit_text(act, &e, cmd->text);
	return rc == 0 ? clocks_retarget(act, CAUSE_CONTRACT) : rc;
}

/* --------------------------------------------------------------------------------------- */

static int (*const DO[])(const struct act *, const struct command *) = {
        [VERB_TAKE] = do_take,
        [VERB_ASSIGN] = do_assign,
        [VERB_REPLY] = do_reply,
        [VERB_NOTE] = do_note,
        [VERB_PEND] = do_pend,
        [VERB_RESUME] = do_resume,
        [VERB_RESOLVE] = do_resolve,
        [VERB_CLOSE] = do_close,
        [VERB_REOPEN] = do_reopen,
        [VERB_CANCEL] = do_cancel,
        [VERB_CLASSIFY] = do_classify,
        [VERB_PROMISE] = do_promise,
        [VERB_APPLY_CONTRACT] = do_apply_contract,
        [VERB_WAIVE] = aside_waive,
        [VERB_ASK] = aside_ask,
        [VERB_FOLLOW] = aside_follow,
        [VERB_UNFOLLOW] = aside_follow,
};

int lifecycle_apply(
        struct change *c, const struct command *cmd, int64_t now, struct otk_error *err)
{
	struct act act = {.c = c, .actor = cmd->actor, .at = now, .now = now, .err = err};
	int rc = rules_check_fields(c, cmd, now, err);

	if (rc == 0)
		rc = lifecycle_tick(c, now, err);
	if (rc == 0)
		rc = rules_check_actor(c, cmd, err);
	if (rc == 0)
		rc = rules_check_state(c, cmd, now, err);
	return rc == 0 ? DO[cmd->verb](&act, cmd) : rc;
}

/* Steps of a ticket's life that commands, checks and time share. */
#include "core/lifecycle_steps.h"

#include "core/promise_steps.h"
#include "core/sla.h"

int step_to(const struct act *act, enum ticket_state state, enum event_cause cause)
{
	struct event e = act_event(act, EVENT_STATE_CHANGED);

	e.state = (int16_t)state;
	e.cause = cause;
	return act_emit(act, &e);
}

int step_move(const struct act *act, enum ticket_state state, enum event_cause cause)
{
	int rc = 0;

	if (act->c->ticket.state != state)
		rc = step_to(act, state, cause);
	return rc == 0 ? clocks_follow_state(act) : rc;
}

int step_keep_text(const struct act *act, const char *text, char **out)
{
	*out = NULL;
	if (text == NULL || text[0] == '\0')
		return 0;
	*out = arena_strdup(act->c->arena, text);
	return *out == NULL ? act_fail(act, -OTK_RESOURCE_EXHAUSTED) : 0;
}

int step_emit_text(const struct act *act, struct event *e, const char *text)
{
	int rc = step_keep_text(act, text, &e->text);

	return rc == 0 ? act_emit(act, e) : rc;
}

/* Business days of the contract's calendar; wall days where there is none. */
static int auto_close_at(const struct act *act, int64_t *at)
{
	const struct ref_contract *contract = sla_contract(act->c);
	struct calendar_history history = {0};
	int32_t days = AUTO_CLOSE_DAYS;
	int64_t target;

	if (contract != NULL) {
		if (contract->auto_close_us != 0) {
			*at = act->at + contract->auto_close_us;
			return 0;
		}
		if (contract->auto_close_bd != 0)
			days = contract->auto_close_bd;
		history = sla_history(act->c->ref, contract->calendar_id, act->at);
	}
	if (history.count == 0) {
		*at = act->at + days * INT64_C(86400000000);
		return 0;
	}
	return history_business_days(&history, act->at, days, at, &target);
}

int step_resolve(const struct act *act, enum event_cause cause)
{
	struct event e = act_event(act, EVENT_STATE_CHANGED);
	int rc = auto_close_at(act, &e.until_at);

	if (rc != 0)
		return act_fail(act, rc);
	e.state = TICKET_RESOLVED;
	e.cause = cause;
	return act_emit(act, &e);
}

int step_assigned(const struct act *act, bool person_changed)
{
	const struct ticket *t = &act->c->ticket;
	bool nobody = t->team_id == 0 && t->assignee_id == 0;

	if (t->state == TICKET_NEW && !nobody)
		return step_move(act, TICKET_ASSIGNED, CAUSE_NONE);
	if (t->state == TICKET_ASSIGNED && nobody)
		return step_move(act, TICKET_NEW, CAUSE_NONE);
	if (t->state == TICKET_IN_PROGRESS && person_changed)
		return step_move(act, TICKET_ASSIGNED, CAUSE_NONE);
	return 0;
}

int step_reopen(const struct act *act, enum event_cause cause)
{
	int rc = step_to(act, TICKET_IN_PROGRESS, cause);

	if (rc == 0)
		rc = promise_reopened(act);
	return rc == 0 ? clocks_reopened(act) : rc;
}

int64_t reopen_until(const struct change *c)
{
	const struct ref_contract *contract = sla_contract(c);
	int64_t window = contract != NULL && contract->reopen_window_us != 0
	                         ? contract->reopen_window_us
	                         : REOPEN_WINDOW_US;

	return c->ticket.resolved_at + window;
}

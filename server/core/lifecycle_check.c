/*
 * What a check's hard state does to the check's ticket: recovery resolves one that no
 * provider's human touched, is noted on a touched one, closes a resolved one; failing again
 * inside the reopen window reopens. (A check still bad after a resolve: lifecycle_tick.)
 */
#include "core/lifecycle.h"

#include "core/clocks.h"
#include "core/lifecycle_steps.h"

static int report(const struct act *act, enum event_cause cause, const char *text)
{
	struct event e = act_event(act, EVENT_CHECK_REPORTED);

	e.cause = cause;
	if (text != NULL && text[0] != '\0') {
		e.text = arena_strdup(act->c->arena, text);
		if (e.text == NULL)
			return act_fail(act, -OTK_RESOURCE_EXHAUSTED);
	}
	return act_emit(act, &e);
}

/* Nobody was needed: the clocks have no outcome, breaches stay. */
static int resolve_alone(const struct act *act)
{
	int rc = step_resolve(act, CAUSE_SELF_RECOVERED);

	return rc == 0 ? clocks_void(act, CAUSE_SELF_RECOVERED) : rc;
}

static int recovered(const struct act *act, const char *text, enum check_effect *effect)
{
	const struct ticket *t = &act->c->ticket;
	int rc;

	/* One that was merged still hears of its check: an undo may bring it back. */
	if (!t->check_bad || (t->state == TICKET_CANCELLED && t->merged_into == 0)) {
		*effect = CHECK_NOTHING;
		return 0;
	}
	rc = report(act, CAUSE_RECOVERY, text);
	if (rc != 0)
		return rc;
	if (t->state == TICKET_RESOLVED) {
		*effect = CHECK_CLOSED;
		return step_to(act, TICKET_CLOSED, CAUSE_RECOVERY);
	}
	if (t->state >= TICKET_CLOSED || t->human_touched) {
		*effect = CHECK_NOTED;
		return 0;
	}
	*effect = CHECK_RESOLVED;
	return resolve_alone(act);
}

static int failed(const struct act *act, const char *text, enum check_effect *effect)
{
	const struct ticket *t = &act->c->ticket;
	bool ended = t->state == TICKET_RESOLVED || t->state == TICKET_CLOSED;
	int rc;

	if ((t->state == TICKET_CANCELLED && t->merged_into == 0) ||
	        (ended && act->at > reopen_until(act->c))) {
		*effect = CHECK_FILES_NEW;
		return 0;
	}
	/* Still bad: told once. After a resolve it is time that reopens (recheck_at). */
	if (t->check_bad) {
		*effect = CHECK_NOTHING;
		return 0;
	}
	rc = report(act, CAUSE_FAILED_AGAIN, text);
	if (rc != 0)
		return rc;
	*effect = ended ? CHECK_REOPENED : CHECK_NOTED;
	return ended ? step_reopen(act, CAUSE_FAILED_AGAIN) : 0;
}

int lifecycle_check(struct change *c, bool bad, const char *text, const struct actor *agent,
        int64_t now, enum check_effect *effect, struct otk_error *err)
{
	struct act act = {.c = c, .actor = *agent, .at = now, .now = now, .err = err};
	int rc = lifecycle_tick(c, now, err);

	if (rc != 0)
		return rc;
	return bad ? failed(&act, text, effect) : recovered(&act, text, effect);
}

int lifecycle_check_moved(struct change *c, const char *text, const struct actor *agent,
        int64_t now, struct otk_error *err)
{
	struct act act = {.c = c, .actor = *agent, .at = now, .now = now, .err = err};

	return report(&act, CAUSE_NONE, text);
}

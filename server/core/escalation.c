/* What the actions of an escalation level do to the ticket. Who is told: notification.c. */
#include "core/escalation.h"

#include "core/access.h"
#include "core/action.h"
#include "core/lifecycle_steps.h"
#include "core/notification.h"

/* What could not be done is said where people look. */
static int note(const struct act *act, const char *what, const char *code, const char *why)
{
	struct event e = act_event(act, EVENT_NOTED);

	e.cause = CAUSE_ESCALATED;
	e.is_public = false;
	e.text = arena_printf(act->c->arena, "Escalation: %s %s: %s", what, code, why);
	return e.text == NULL ? act_fail(act, -OTK_RESOURCE_EXHAUSTED) : act_emit(act, &e);
}

/* What levels of the provider's own clocks do is public as little as those are. */
static int assign_team(const struct act *act, enum clock_kind kind, const struct ref_team *team)
{
	const struct ticket *t = &act->c->ticket;
	struct event e = act_event(act, EVENT_ASSIGNED);
	bool leaves = t->assignee_id != 0;
	int rc;

	if (t->team_id == team->id)
		return 0;
	if (team->retired)
		return note(act, "assign", team->code, "the team is retired");
	e.cause = CAUSE_ESCALATED;
	e.is_public = kind <= CLOCK_RESOLUTION;
	e.team_id = team->id;
	if (leaves) /* whoever had it is not of the team that takes over */
		e.assignee_id = 0;
	rc = act_emit(act, &e);
	return rc == 0 ? step_assigned(act, leaves) : rc;
}

static int assign_person(
        const struct act *act, enum clock_kind kind, const struct ref_principal *person)
{
	const struct ticket *t = &act->c->ticket;
	struct event e = act_event(act, EVENT_ASSIGNED);
	int rc;

	if (t->assignee_id == person->id)
		return 0;
	if (person->disabled)
		return note(act, "assign", person->code, "is disabled");
	if (!access_may(&person->access, PERMISSION_TICKET_WORK, t->customer_id))
		return note(act, "assign", person->code,
		        "may not work on tickets of this customer");
	e.cause = CAUSE_ESCALATED;
	e.is_public = kind <= CLOCK_RESOLUTION;
	e.assignee_id = person->id;
	if (person->team_id != 0 && person->team_id != t->team_id)
		e.team_id = person->team_id;
	rc = act_emit(act, &e);
	return rc == 0 ? step_assigned(act, true) : rc;
}

static int assign(const struct act *act, enum clock_kind kind, const struct action *action)
{
	const struct ref_team *team = action_team(act->c->ref, action);
	const struct ref_principal *person = action_person(act->c->ref, action);

	if (team != NULL)
		return assign_team(act, kind, team);
	if (person != NULL)
		return assign_person(act, kind, person);
	return note(act, "assign", action->code, "there is no such team or person");
}

/*
 * One step, once for each clock: the bit is the projection's. The targets of the new priority
 * hold from here on; levels that this finds passed settle before the next action.
 */
static int raise_priority(const struct act *act, enum clock_kind kind)
{
	const struct ticket *t = &act->c->ticket;
	struct event e = act_event(act, EVENT_CLASSIFIED);
	int rc;

	if (t->priority <= 1 || (t->raised & 1 << kind) != 0)
		return 0;
	e.cause = CAUSE_ESCALATED;
	e.priority = (int16_t)(t->priority - 1);
	e.clock = (int16_t)kind;
	e.is_public = kind <= CLOCK_RESOLUTION;
	rc = act_emit(act, &e);
	return rc == 0 ? clocks_retarget(act, CAUSE_RETARGET) : rc;
}

static int watch(const struct act *act, const struct action *action)
{
	const struct ticket *t = &act->c->ticket;
	const struct ref_principal *person = action_person(act->c->ref, action);
	struct event e = act_event(act, EVENT_WATCHER);

	if (person == NULL)
		return note(act, "watch", action->code, "there is no such person");
	if (person->disabled)
		return note(act, "watch", action->code, "is disabled");
	for (int i = 0; i < t->watcher_count; i++) {
		if (t->watchers[i] == person->id)
			return 0;
	}
	if (t->watcher_count >= WATCHERS_MAX)
		return note(act, "watch", action->code, "too many follow this ticket already");
	e.cause = CAUSE_ESCALATED;
	e.is_public = false;
	e.person_id = person->id;
	e.flags = WATCHER_ADDED;
	return act_emit(act, &e);
}

int escalation_effects(const struct act *act, enum clock_kind kind, const char *actions)
{
	struct act own = *act;
	struct action action;
	int rc = 0;

	own.actor = (struct actor){.side = SIDE_SYSTEM}; /* not whoever's command found it */
	while (rc == 0 && action_next(&actions, &action)) {
		if (action.verb == ACTION_ASSIGN)
			rc = assign(&own, kind, &action);
		else if (action.verb == ACTION_RAISE)
			rc = raise_priority(&own, kind);
		else if (action.verb == ACTION_WATCH)
			rc = watch(&own, &action);
	}
	return rc;
}

bool escalation_tells_above(const struct ref_level *level)
{
	const char *actions = level == NULL ? NULL : level->actions;
	struct action action;

	while (action_next(&actions, &action)) {
		if (action.verb == ACTION_NOTIFY &&
		        (action.audience & (TELL_LEAD | TELL_MANAGER)) != 0)
			return true;
	}
	return false;
}

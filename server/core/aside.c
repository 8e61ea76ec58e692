/* Waived breaches, questions of the customer, people who follow a ticket. */
#include "core/aside.h"

#include "core/lifecycle_steps.h"
#include "core/sla.h"

/* waive --------------------------------------------------------------------------------- */

int aside_check_waive(const struct command *cmd, struct otk_error *err)
{
	if (cmd->clock < CLOCK_RESPONSE || (int)cmd->clock >= CLOCK_KIND_COUNT)
		return error_field(err, "clock",
		        "must be response, update, resolution, operational or supplier");
	return 0;
}

int aside_waive(const struct act *act, const struct command *cmd)
{
	const struct sla_clock *clock = &act->c->clocks[cmd->clock];
	struct event e = act_event(act, EVENT_CLOCK_WAIVED);
	const char *name = clock_kind_name(cmd->clock);

	if (clock->state == CLOCK_NONE)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NO_SUCH_CLOCK",
		        "the ticket has no %s clock", name);
	if (clock->breached_at == 0)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOT_BREACHED",
		        "the %s clock is not breached: there is nothing to waive", name);
	if (clock->waived_at != 0)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        "the breach of the %s clock is waived already", name);
	e.clock = (int16_t)cmd->clock;
	e.old_due_at = clock->breached_at;
	e.is_public = false;
	return step_emit_text(act, &e, cmd->text);
}

/* ask ----------------------------------------------------------------------------------- */

int aside_ask(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	struct event e = act_event(act, EVENT_ASKED);
	int rc = step_emit_text(act, &e, cmd->text);

	if (rc == 0 && t->state == TICKET_PENDING && t->pending_reason == PENDING_CUSTOMER)
		rc = step_move(act, TICKET_IN_PROGRESS, CAUSE_ANSWERED);
	if (rc == 0 && !clock_is_open(&act->c->clocks[CLOCK_UPDATE]))
		rc = clock_start(act, CLOCK_UPDATE, CAUSE_ASKED);
	return rc == 0 ? clocks_follow_state(act) : rc;
}

/* follow, unfollow ---------------------------------------------------------------------- */

static int32_t follower(const struct command *cmd)
{
	return cmd->person_id != 0 ? cmd->person_id : cmd->actor.principal_id;
}

int aside_check_follow(const struct change *c, const struct command *cmd, struct otk_error *err)
{
	const struct ref_principal *person = reference_principal(c->ref, follower(cmd));

	if (cmd->actor.side == SIDE_CUSTOMER && follower(cmd) != cmd->actor.principal_id)
		return error_field(err, "person",
		        "must be yourself: for others the provider's people do it");
	if (person == NULL || person->kind != PRINCIPAL_PERSON)
		return error_field(err, "person", "is not a person");
	if (cmd->verb == VERB_UNFOLLOW)
		return 0;
	if (person->disabled)
		return error_field(err, "person", "%s is disabled", person->code);
	if (!access_may(&person->access, PERMISSION_TICKET_READ, c->ticket.customer_id))
		return error_field(err, "person", "%s may not read tickets of this customer",
		        person->code);
	return 0;
}

static bool follows(const struct ticket *t, int32_t person_id)
{
	for (int i = 0; i < t->watcher_count; i++) {
		if (t->watchers[i] == person_id)
			return true;
	}
	return false;
}

int aside_follow(const struct act *act, const struct command *cmd)
{
	const struct ticket *t = &act->c->ticket;
	const struct ref_principal *person = reference_principal(act->c->ref, follower(cmd));
	struct event e = act_event(act, EVENT_WATCHER);
	bool add = cmd->verb == VERB_FOLLOW;

	if (follows(t, person->id) == add)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        add ? "%s follows the ticket already" : "%s does not follow the ticket",
		        person->code);
	if (add && t->watcher_count >= WATCHERS_MAX)
		return error_set(act->err, OTK_FAILED_PRECONDITION, "TOO_MANY_WATCHERS",
		        "%d people follow the ticket; more cannot", WATCHERS_MAX);
	e.person_id = person->id;
	e.flags = add ? WATCHER_ADDED : WATCHER_REMOVED;
	e.is_public = person->customer_id == t->customer_id;
	return step_emit_text(act, &e, cmd->text);
}

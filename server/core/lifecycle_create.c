/* How a ticket begins: its contract, its priority, its first event and its clocks. */
#include "core/lifecycle.h"

#include "core/clocks.h"
#include "core/lifecycle_rules.h"
#include "core/lifecycle_steps.h"
#include "core/priority.h"
#include "core/sla.h"

/* Whose days the ticket's figures are counted in: contract, else site, else customer. */
static const char *zone_for(const struct reference *ref, const struct new_ticket *in,
        const struct ref_contract *contract)
{
	const struct ref_calendar *calendar =
	        contract != NULL ? reference_calendar(ref, contract->calendar_id) : NULL;
	const struct ref_site *site = reference_site(ref, in->site_id);
	const struct ref_customer *customer = reference_customer(ref, in->customer_id);

	if (calendar != NULL && calendar->zone != NULL)
		return calendar->zone;
	if (site != NULL && site->zone != NULL)
		return site->zone;
	if (customer != NULL && customer->zone != NULL)
		return customer->zone;
	return "UTC";
}

static int copy(const struct act *act, const char *text, char **out)
{
	*out = NULL;
	if (text == NULL || text[0] == '\0')
		return 0;
	*out = arena_strdup(act->c->arena, text);
	return *out == NULL ? act_fail(act, -OTK_RESOURCE_EXHAUSTED) : 0;
}

static int copy_texts(
        const struct act *act, const struct new_ticket *in, struct event *e, const char *zone)
{
	struct ticket *t = &act->c->ticket;
	int rc = copy(act, in->title, &t->title);

	if (rc == 0)
		rc = copy(act, in->channel, &t->channel);
	if (rc == 0)
		rc = copy(act, in->text, &e->text);
	if (rc == 0)
		rc = copy(act, in->category, &e->category);
	if (rc == 0)
		rc = copy(act, in->subcategory, &e->subcategory);
	return rc == 0 ? copy(act, zone, &e->zone) : rc;
}

static int start_clocks(const struct act *act, bool live_contact)
{
	int rc = clock_start(act, CLOCK_RESPONSE, CAUSE_NONE);

	if (rc == 0)
		rc = clock_start(act, CLOCK_RESOLUTION, CAUSE_NONE);
	if (rc == 0)
		rc = clock_hold(act, CAUSE_NONE);
	return rc == 0 && live_contact ? clocks_answered(act, true) : rc;
}

static int created(const struct act *act, const struct new_ticket *in, enum event_cause cause)
{
	struct change *c = act->c;
	const struct ref_contract *contract = reference_contract_for(
	        c->ref, in->customer_id, in->site_id, in->service_id, act->at);
	struct event e = act_event(act, EVENT_CREATED);
	int rc = copy_texts(act, in, &e, zone_for(c->ref, in, contract));

	if (rc != 0)
		return rc;
	c->ticket.customer_id = in->customer_id;
	c->ticket.ticket_id = in->ticket_id;
	e.cause = cause;
	e.type = (int16_t)in->type;
	e.impact = in->impact != 0 ? in->impact : IMPACT_DEFAULT;
	e.urgency = in->urgency != 0 ? in->urgency : URGENCY_DEFAULT;
	e.priority = priority_of(contract, e.impact, e.urgency);
	e.state = TICKET_NEW;
	e.site_id = in->site_id;
	e.service_id = in->service_id;
	e.team_id = in->team_id;
	e.assignee_id = 0;
	e.requester_id = in->requester_id;
	e.contract_id = contract != NULL ? contract->id : 0;
	return act_emit(act, &e);
}

int lifecycle_create(struct change *c, const struct new_ticket *in, const struct actor *actor,
        int64_t now, struct otk_error *err)
{
	struct act act = {.c = c, .actor = *actor, .at = now, .now = now, .err = err};
	enum event_cause cause = in->machine_filed  ? CAUSE_CHECK
	                         : in->live_contact ? CAUSE_LIVE_CONTACT
	                                            : CAUSE_NONE;
	int rc = rules_check_new(in, actor, err);

	if (rc == 0)
		rc = created(&act, in, cause);
	return rc == 0 ? start_clocks(&act, in->live_contact) : rc;
}

int lifecycle_backlog(struct change *c, const struct new_ticket *in, const char *recovered,
        const struct actor *actor, int64_t now, struct otk_error *err)
{
	struct act act = {.c = c, .actor = *actor, .at = now, .now = now, .err = err};
	struct event e = act_event(&act, EVENT_CHECK_REPORTED);
	int rc = rules_check_new(in, actor, err);

	if (rc == 0)
		rc = created(&act, in, CAUSE_BACKLOG);
	if (rc == 0)
		rc = copy(&act, recovered, &e.text);
	if (rc != 0)
		return rc;
	e.cause = CAUSE_RECOVERY;
	rc = act_emit(&act, &e);
	if (rc == 0)
		rc = step_to(&act, TICKET_RESOLVED, CAUSE_BACKLOG);
	return rc == 0 ? step_to(&act, TICKET_CLOSED, CAUSE_BACKLOG) : rc;
}

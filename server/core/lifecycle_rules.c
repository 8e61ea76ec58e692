/* What a command must satisfy: sides and states as data, fields with their limits. */
#include "core/lifecycle_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time_text.h"
#include "core/aside.h"
#include "core/lifecycle_steps.h"
#include "core/priority.h"
#include "core/promise_steps.h"

#define IN(state) (1U << (state))
#define BEFORE_RESOLVE                                                                         \
	(IN(TICKET_NEW) | IN(TICKET_ASSIGNED) | IN(TICKET_IN_PROGRESS) | IN(TICKET_PENDING))
#define UNFINISHED (BEFORE_RESOLVE | IN(TICKET_RESOLVED))
#define ANY_STATE (UNFINISHED | IN(TICKET_CLOSED) | IN(TICKET_CANCELLED))
#define UNTIL_MAX_US (INT64_C(366) * 86400 * 1000000)

/* One row a verb: from which states, whether the customer's side may too, and if words are due.
 */
static const struct verb_rule {
	const char *name;
	uint32_t from;
	uint32_t customer_from; /* 0: the provider's only */
	bool requester_only;    /* of the customer's side only who asked */
	bool needs_text;
	bool lead_only;
	bool aside; /* not worth naming as what could be done instead */
} VERBS[] = {
        [VERB_TAKE] = {"take", BEFORE_RESOLVE, 0, false, false},
        [VERB_ASSIGN] = {"assign", BEFORE_RESOLVE, 0, false, false},
        [VERB_REPLY] = {"reply", UNFINISHED, UNFINISHED, false, true},
        [VERB_NOTE] = {"note", ANY_STATE, 0, false, true},
        [VERB_PEND] = {"pend", BEFORE_RESOLVE, 0, false, false},
        [VERB_RESUME] = {"resume", IN(TICKET_PENDING), 0, false, false},
        [VERB_RESOLVE] = {"resolve", BEFORE_RESOLVE, 0, false, true},
        [VERB_CLOSE] = {"close", IN(TICKET_RESOLVED), IN(TICKET_RESOLVED), true, false},
        [VERB_REOPEN] = {"reopen", IN(TICKET_RESOLVED) | IN(TICKET_CLOSED),
                IN(TICKET_RESOLVED) | IN(TICKET_CLOSED), true, false},
        [VERB_CANCEL] = {"cancel", BEFORE_RESOLVE, IN(TICKET_NEW) | IN(TICKET_ASSIGNED), true,
                false},
        [VERB_CLASSIFY] = {"classify", UNFINISHED, 0, false, false},
        [VERB_PROMISE] = {"promise", BEFORE_RESOLVE, 0, false, false},
        [VERB_APPLY_CONTRACT] = {"contract apply-to", UNFINISHED, 0, false, false, false, true},
        [VERB_WAIVE] = {"waive", ANY_STATE, 0, false, true, true, true},
        [VERB_ASK] = {"ask", 0, BEFORE_RESOLVE, false, true, false, false},
        [VERB_FOLLOW] = {"follow", ANY_STATE, ANY_STATE, false, false, false, true},
        [VERB_UNFOLLOW] = {"unfollow", ANY_STATE, ANY_STATE, false, false, false, true},
};
enum { VERB_COUNT = sizeof VERBS / sizeof *VERBS };

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* Fields -------------------------------------------------------------------------------- */

static int check_bytes(
        const char *text, size_t max, const char *field, bool needed, struct otk_error *err)
{
	if (!given(text))
		return needed ? error_field(err, field, "must not be empty") : 0;
	if (strlen(text) > max)
		return error_field(err, field, "has %zu bytes; at most %zu are allowed",
		        strlen(text), max);
	return 0;
}

static int check_points(
        const char *text, size_t max, const char *field, bool needed, struct otk_error *err)
{
	size_t count;

	if (!given(text))
		return needed ? error_field(err, field, "must not be empty") : 0;
	count = text_utf8_count(text, strlen(text));
	if (count > max)
		return error_field(
		        err, field, "has %zu characters; at most %zu are allowed", count, max);
	return 0;
}

static int check_range(int value, int max, const char *field, struct otk_error *err)
{
	if (value >= 0 && value <= max)
		return 0;
	return error_field(err, field, "is %d; 1 to %d are allowed", value, max);
}

/* 0 or INVALID_ARGUMENT: every wrong field is told, not only the first. */
static int worst(int a, int b)
{
	return a != 0 ? a : b;
}

int rules_check_new(
        const struct new_ticket *in, const struct actor *actor, struct otk_error *err)
{
	int rc = check_points(in->title, TITLE_MAX, "title", true, err);

	rc = worst(rc, check_bytes(in->text, TEXT_MAX, "text", false, err));
	rc = worst(rc, check_points(in->category, CATEGORY_MAX, "category", false, err));
	rc = worst(rc, check_points(in->subcategory, CATEGORY_MAX, "subcategory", false, err));
	rc = worst(rc, check_points(in->channel, CATEGORY_MAX, "channel", false, err));
	rc = worst(rc, check_range(in->impact, SCALE_MAX, "impact", err));
	rc = worst(rc, check_range(in->urgency, SCALE_MAX, "urgency", err));
	if (in->type != TICKET_INCIDENT && in->type != TICKET_SERVICE_REQUEST)
		rc = worst(rc, error_field(err, "type", "must be incident or service_request"));
	if (in->live_contact && actor->side != SIDE_PROVIDER)
		rc = worst(rc, error_field(err, "live_contact",
		                       "is for the provider's people who speak with the "
		                       "customer while they file"));
	return rc;
}

static int check_until(
        enum pending_reason reason, int64_t until, int64_t now, struct otk_error *err)
{
	if (reason != PENDING_SCHEDULED)
		return until == 0 ? 0
		                  : error_field(err, "until",
		                            "goes with the reason scheduled only");
	if (until == 0)
		return error_field(err, "until", "is needed with the reason scheduled");
	if (until <= now)
		return error_field(err, "until", "must lie in the future");
	if (until - now > UNTIL_MAX_US)
		return error_field(err, "until", "must lie within one year");
	return 0;
}

static int check_pend(const struct command *cmd, int64_t now, struct otk_error *err)
{
	int rc = 0;

	if (cmd->verb != VERB_PEND && cmd->pend == PENDING_NONE)
		return cmd->until == 0
		               ? 0
		               : error_field(err, "until", "needs a reason to wait (pend)");
	if (cmd->verb != VERB_PEND && cmd->actor.side == SIDE_CUSTOMER)
		return error_field(
		        err, "pend", "only the provider's people set a ticket pending");
	if (cmd->pend < PENDING_CUSTOMER || cmd->pend > PENDING_CHANGE)
		return error_field(
		        err, "reason", "must be customer, scheduled, supplier or change");
	if (cmd->pend == PENDING_CUSTOMER && !given(cmd->text))
		rc = error_field(err, "text", "must ask the customer a question: it is public");
	return worst(rc, check_until(cmd->pend, cmd->until, now, err));
}

static int check_classify(
        const struct change *c, const struct command *cmd, struct otk_error *err)
{
	const struct ref_site *site = reference_site(c->ref, cmd->site_id);
	const struct ref_service *service = reference_service(c->ref, cmd->service_id);
	int rc = check_range(cmd->impact, SCALE_MAX, "impact", err);

	rc = worst(rc, check_range(cmd->urgency, SCALE_MAX, "urgency", err));
	rc = worst(rc, check_range(cmd->priority, PRIORITY_MAX, "priority", err));
	rc = worst(rc, check_range(cmd->type, TICKET_TYPE_COUNT - 1, "type", err));
	rc = worst(rc, check_points(cmd->category, CATEGORY_MAX, "category", false, err));
	rc = worst(rc, check_points(cmd->subcategory, CATEGORY_MAX, "subcategory", false, err));
	rc = worst(rc, check_points(cmd->title, TITLE_MAX, "title", false, err));
	if (cmd->priority != 0 && !given(cmd->text))
		rc = worst(
		        rc, error_field(err, "text",
		                    "must give the reason for setting the priority by hand"));
	if (cmd->site_id != 0 && (site == NULL || site->customer_id != c->ticket.customer_id))
		rc = worst(rc, error_field(err, "site", "is not one of this customer"));
	if (cmd->service_id != 0 &&
	        (service == NULL || service->customer_id != c->ticket.customer_id))
		rc = worst(rc, error_field(err, "service", "is not one of this customer"));
	return rc;
}

static int check_assignee(
        const struct change *c, const struct command *cmd, struct otk_error *err)
{
	const struct ref_principal *person = reference_principal(c->ref, cmd->assignee_id);

	if (cmd->assignee_id == 0)
		return 0;
	if (cmd->clear_assignee)
		return error_field(err, "assignee", "cannot be given and cleared at once");
	if (person == NULL || person->kind != PRINCIPAL_PERSON)
		return error_field(err, "assignee", "is not a person");
	if (person->disabled)
		return error_field(err, "assignee", "%s is disabled", person->code);
	if (!access_may(&person->access, PERMISSION_TICKET_WORK, c->ticket.customer_id))
		return error_field(err, "assignee",
		        "%s may not work on tickets of this customer", person->code);
	return 0;
}

static int check_assign(
        const struct change *c, const struct command *cmd, struct otk_error *err)
{
	const struct ref_team *team = reference_team(c->ref, cmd->team_id);
	int rc = check_assignee(c, cmd, err);

	if (cmd->team_id == 0 && cmd->assignee_id == 0 && !cmd->clear_assignee)
		return error_field(err, "team", "a team, a person or both must be given");
	if (cmd->team_id != 0 && team == NULL)
		rc = worst(rc, error_field(err, "team", "is not a team"));
	else if (cmd->team_id != 0 && team->retired)
		rc = worst(rc, error_field(err, "team", "%s is retired", team->code));
	return rc;
}

static int check_contract(
        const struct change *c, const struct command *cmd, int64_t now, struct otk_error *err)
{
	const struct ref_contract *contract = reference_contract(c->ref, cmd->contract_id);

	if (cmd->contract_id == 0)
		return 0;
	if (contract == NULL || contract->customer_id != c->ticket.customer_id)
		return error_field(err, "contract", "is not one of this customer");
	if (contract->withdrawn_at != 0 && contract->withdrawn_at <= now)
		return error_field(err, "contract", "%s, version %d is withdrawn",
		        contract->code, (int)contract->version);
	return 0;
}

int rules_check_fields(
        const struct change *c, const struct command *cmd, int64_t now, struct otk_error *err)
{
	int rc;

	if (cmd->verb < VERB_TAKE || (int)cmd->verb >= VERB_COUNT)
		return error_set(
		        err, OTK_INVALID_ARGUMENT, "UNKNOWN_VERB", "there is no such command");
	rc = check_bytes(cmd->text, TEXT_MAX, "text", VERBS[cmd->verb].needs_text, err);
	if (cmd->verb == VERB_PEND || cmd->verb == VERB_REPLY)
		rc = worst(rc, check_pend(cmd, now, err));
	if (cmd->verb == VERB_CLASSIFY)
		rc = worst(rc, check_classify(c, cmd, err));
	if (cmd->verb == VERB_ASSIGN)
		rc = worst(rc, check_assign(c, cmd, err));
	if (cmd->verb == VERB_PROMISE)
		rc = worst(rc, promise_check(c, cmd, now, err));
	if (cmd->verb == VERB_WAIVE)
		rc = worst(rc, aside_check_waive(cmd, err));
	if (cmd->verb == VERB_FOLLOW || cmd->verb == VERB_UNFOLLOW)
		rc = worst(rc, aside_check_follow(c, cmd, err));
	if (cmd->verb == VERB_APPLY_CONTRACT)
		rc = worst(rc, check_contract(c, cmd, now, err));
	return rc;
}

/* Sides --------------------------------------------------------------------------------- */

int rules_check_actor(const struct change *c, const struct command *cmd, struct otk_error *err)
{
	const struct verb_rule *rule = &VERBS[cmd->verb];

	if (cmd->actor.side == SIDE_PROVIDER && rule->from == 0)
		return error_set(err, OTK_PERMISSION_DENIED, "CUSTOMER_ONLY",
		        "only the customer's people %s; look at the ticket, or reply",
		        rule->name);
	if (cmd->actor.side == SIDE_PROVIDER && rule->lead_only && !cmd->actor.lead)
		return error_set(err, OTK_PERMISSION_DENIED, "LEAD_ONLY", "only a lead may %s",
		        rule->name);
	if (cmd->actor.side == SIDE_PROVIDER)
		return 0;
	if (cmd->actor.side != SIDE_CUSTOMER || rule->customer_from == 0)
		return error_set(err, OTK_PERMISSION_DENIED, "PROVIDER_ONLY",
		        "only the provider's people may %s a ticket", rule->name);
	if (rule->requester_only && c->ticket.requester_id != 0 &&
	        c->ticket.requester_id != cmd->actor.principal_id)
		return error_set(err, OTK_PERMISSION_DENIED, "REQUESTER_ONLY",
		        "of the customer's people only the requester may %s the ticket",
		        rule->name);
	return 0;
}

/* States -------------------------------------------------------------------------------- */

/* "reply, note, reopen": what this side could do instead. */
static void list_verbs(
        const struct change *c, const struct actor *actor, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (int verb = VERB_TAKE; verb < VERB_COUNT; verb++) {
		const struct verb_rule *rule = &VERBS[verb];
		uint32_t from = actor->side == SIDE_CUSTOMER ? rule->customer_from : rule->from;
		int length;

		if ((from & IN(c->ticket.state)) == 0 || rule->aside || used >= size)
			continue;
		length = snprintf(
		        out + used, size - used, "%s%s", used > 0 ? ", " : "", rule->name);
		used += (size_t)length;
	}
	if (used == 0)
		snprintf(out, size, "nothing");
}

int rules_check_state(
        const struct change *c, const struct command *cmd, int64_t now, struct otk_error *err)
{
	const struct verb_rule *rule = &VERBS[cmd->verb];
	bool customer = cmd->actor.side == SIDE_CUSTOMER;
	uint32_t from = customer ? rule->customer_from : rule->from;
	enum ticket_state state = c->ticket.state;
	char allowed[256];

	(void)now;
	if (cmd->verb == VERB_REPLY && cmd->pend != PENDING_NONE)
		from = BEFORE_RESOLVE;
	if ((from & IN(state)) != 0)
		return 0;
	if (cmd->verb == VERB_REPLY && state == TICKET_CLOSED)
		return error_set(err, OTK_FAILED_PRECONDITION, "WRONG_STATE",
		        "the ticket is closed: reopen it, or file another that names it");
	if (c->ticket.merged_into != 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "MERGED",
		        "the ticket was merged into %lld: go on there, or undo the merge",
		        (long long)c->ticket.merged_into);
	list_verbs(c, &cmd->actor, allowed, sizeof allowed);
	return error_set(err, OTK_FAILED_PRECONDITION, "WRONG_STATE",
	        "%s is not possible while the ticket is %s; possible: %s", rule->name,
	        ticket_state_name(state), allowed);
}

int rules_reopen_window(const struct change *c, int64_t now, struct otk_error *err)
{
	char until[TIME_TEXT_SIZE];

	if (now <= reopen_until(c))
		return 0;
	return error_set(err, OTK_FAILED_PRECONDITION, "REOPEN_TOO_LATE",
	        "the ticket could be reopened until %s; file another that is "
	        "linked to it: otklik ticket create --linked %lld",
	        time_format_utc(reopen_until(c), until), (long long)c->ticket.ticket_id);
}

int rules_assigned_already(
        const struct change *c, const struct command *cmd, struct otk_error *err)
{
	const struct ref_principal *person = reference_principal(c->ref, c->ticket.assignee_id);
	const struct ref_team *team = reference_team(c->ref, c->ticket.team_id);

	if (cmd->clear_assignee)
		return error_set(err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
		        "the ticket is assigned to nobody already");
	return error_set(err, OTK_FAILED_PRECONDITION, "NOTHING_TO_DO",
	        "the ticket is assigned to %s%s%s already",
	        person != NULL && cmd->assignee_id != 0 ? person->code : "",
	        person != NULL && cmd->assignee_id != 0 && cmd->team_id != 0 ? " of " : "",
	        team != NULL && (cmd->team_id != 0 || person == NULL) ? team->code : "");
}

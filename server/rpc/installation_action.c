/* Actions of a declared contract's escalation levels: the grammar, and that whom they name is.
 */
#include <string.h>

#include "base/buf.h"
#include "core/action.h"
#include "core/lifecycle.h"
#include "core/notification.h"
#include "rpc/installation_contract_internal.h"

enum { ACTIONS_MAX = 8 };

/* Where the declaration is, or with a contract alone what is stored. */
static const struct thing *find_thing(
        const struct declare *d, enum thing_kind kind, const char *code)
{
	const struct thing_list *list = d->stored != NULL ? d->stored : d->list;

	for (size_t i = 0; i < list->count; i++) {
		const struct thing *thing = &list->things[i];

		if (thing->kind == kind && !thing->retired && !thing->placeholder &&
		        strcmp(thing->code, code) == 0)
			return thing;
	}
	return NULL;
}

/* The provider's people work; of others only the contract's customer is told. */
static void check_person(const struct contract_reading *r, const struct action *action,
        const struct thing *person, const char *path)
{
	const char *customer = thing_text(person, PERSON_CUSTOMER);

	if (*thing_text(person, PERSON_DISABLED) != '\0')
		error_field(r->d->err, path, "'%s' is disabled", person->code);
	else if (*customer != '\0' && action->verb == ACTION_ASSIGN)
		error_field(r->d->err, path,
		        "'%s' is a customer's person and cannot be assigned", person->code);
	else if (*customer != '\0' && strcmp(customer, r->in->customer) != 0)
		error_field(r->d->err, path, "'%s' belongs to another customer, '%s'",
		        person->code, customer);
}

static void check_named(
        const struct contract_reading *r, const struct action *action, const char *path)
{
	const struct thing *team = NULL, *person = NULL;

	if (action->code[0] == '\0')
		return;
	if (!action->team)
		person = find_thing(r->d, THING_PERSON, action->code);
	if (action->verb == ACTION_ASSIGN && !action->person)
		team = find_thing(r->d, THING_TEAM, action->code);
	if (person != NULL && team != NULL)
		error_field(r->d->err, path,
		        "'%s' is a team and a person: write assign team %s or assign person %s",
		        action->code, action->code, action->code);
	else if (person != NULL)
		check_person(r, action, person, path);
	else if (team == NULL)
		error_field(r->d->err, path, "no %s '%s' is declared",
		        action->verb != ACTION_ASSIGN || action->person ? "person"
		        : action->team                                  ? "team"
		                                                        : "team or person",
		        action->code);
}

static bool has_rota(const struct declare *d)
{
	if (d->stored == NULL)
		return d->in->n_rotas > 0;
	for (size_t i = 0; i < d->stored->count; i++) {
		if (d->stored->things[i].kind == THING_ROTA && !d->stored->things[i].retired)
			return true;
	}
	return false;
}

/* Allowed, for a rota may come later: until then the lead is told. */
static void check_on_call(
        const struct contract_reading *r, const struct action *action, const char *path)
{
	bool asks = (action->audience & TELL_ON_CALL) != 0 || action->quiet == QUIET_ON_CALL;

	if (asks && !has_rota(r->d))
		contract_warn(r, path, "no rota is declared, so nobody is ever on call: %s",
		        action->verb == ACTION_NOTIFY ? "the lead is told"
		                                      : "what meets quiet hours waits");
}

/* Whether the customer's side would hear of a level by it. */
static bool tells_customer(const struct contract_reading *r, const struct action *action)
{
	const struct thing *person =
	        action->code[0] == '\0' ? NULL : find_thing(r->d, THING_PERSON, action->code);

	if (action->verb == ACTION_WEBHOOK || (action->audience & TELL_REQUESTER) != 0)
		return true;
	return action->verb == ACTION_NOTIFY && person != NULL &&
	       *thing_text(person, PERSON_CUSTOMER) != '\0';
}

/* The provider's own clocks are nothing that the customer is told of. */
static void check_told(const struct contract_reading *r, const char *clock,
        const struct action *action, const char *path)
{
	if (strcmp(clock, clock_kind_name(CLOCK_OPERATIONAL)) != 0 &&
	        strcmp(clock, clock_kind_name(CLOCK_SUPPLIER)) != 0)
		return;
	if (tells_customer(r, action))
		error_field(r->d->err, path,
		        "the %s clock is the provider's own: the customer is not told of it",
		        clock);
}

static void check_action(const struct contract_reading *r, const char *clock, const char *text,
        const char *path, bool *quiet)
{
	struct action action;
	const char *rest = text;

	if (strlen(text) > ACTION_TEXT_MAX || strchr(text, ',') != NULL ||
	        !action_next(&rest, &action) || action.verb == ACTION_UNKNOWN) {
		error_field(r->d->err, path,
		        "'%.60s' must be notify assignee, team, lead, manager, contact, "
		        "watchers, "
		        "on-call or a person; assign a team or a person; raise priority; watch "
		        "a "
		        "person; webhook; quiet wait, on-call or send",
		        text);
		return;
	}
	if (action.verb == ACTION_QUIET && *quiet)
		error_field(r->d->err, path, "what quiet hours do is said twice");
	*quiet = *quiet || action.verb == ACTION_QUIET;
	check_on_call(r, &action, path);
	check_named(r, &action, path);
	check_told(r, clock, &action, path);
}

static bool is_repeated(const Otklik__V1__Level *in, size_t at)
{
	for (size_t k = 0; k < at; k++) {
		if (strcmp(in->actions[k], in->actions[at]) == 0)
			return true;
	}
	return false;
}

const char *contract_read_actions(const struct contract_reading *r, size_t i)
{
	const Otklik__V1__Level *in = r->in->levels[i];
	struct buf text = {0};
	const char *copy;
	bool quiet = false;

	if (in->n_actions == 0)
		contract_warn(r, contract_path(r, "levels[%zu]", i),
		        "has no actions: nobody is told, the journal alone knows");
	if (in->n_actions > ACTIONS_MAX)
		error_field(r->d->err, contract_path(r, "levels[%zu].actions", i), "at most %d",
		        ACTIONS_MAX);
	for (size_t k = 0; k < in->n_actions && k < ACTIONS_MAX; k++) {
		check_action(r, in->clock, in->actions[k],
		        contract_path(r, "levels[%zu].actions[%zu]", i, k), &quiet);
		if (is_repeated(in, k))
			contract_warn(r, contract_path(r, "levels[%zu].actions[%zu]", i, k),
			        "'%.60s' is said before: it acts once", in->actions[k]);
		buf_printf(&text, "%s%s", k > 0 ? ", " : "", in->actions[k]);
	}
	copy = text.failed ? NULL : arena_strdup(r->d->arena, buf_text(&text));
	buf_free(&text);
	if (copy == NULL)
		r->d->no_memory = true;
	return copy;
}

/* ApplyContract, GetContract, ListContracts: contracts as files of their own, by version. */
#include <string.h>

#include "base/time_text.h"
#include "core/calendar_history.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "otklik/v1/contract.pb-c.h"
#include "rpc/caller.h"
#include "rpc/contract_message.h"
#include "rpc/handlers.h"
#include "rpc/installation_change.h"
#include "rpc/installation_declare.h"
#include "rpc/service.h"
#include "sql/statements.h"

/* A text of the schema is not const, though nobody writes to it. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* --- applying ---------------------------------------------------------------------------- */

struct apply {
	struct installation_change change; /* first: see installation_change.h */
	const struct declare_warning *warnings;
	size_t warning_count;
	Otklik__V1__Contract *contract;
};

static const struct tz *zone_of(const struct thing_list *stored, const char *calendar)
{
	const struct tz *zone = NULL;

	for (size_t i = 0; i < stored->count; i++) {
		const struct thing *thing = &stored->things[i];

		if (thing->kind == THING_CALENDAR && strcmp(thing->code, calendar) == 0 &&
		        tz_find(thing_text(thing, CALENDAR_ZONE), &zone, NULL) == 0)
			return zone;
	}
	return NULL;
}

/* Leaves of what is stored the contract of this code alone. */
static int narrow(struct thing_list *stored, const char *code)
{
	struct thing_list one = {.arena = stored->arena};

	for (size_t i = 0; i < stored->count; i++) {
		const struct thing *thing = &stored->things[i];
		struct thing *kept;

		if (thing->kind != THING_CONTRACT || strcmp(thing->code, code) != 0)
			continue;
		kept = thing_add(&one, THING_CONTRACT, thing->code);
		if (kept == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		*kept = *thing;
	}
	*stored = one;
	return 0;
}

static int no_memory(struct otk_error *err)
{
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
	        "the contract does not fit in the memory of one request");
}

/* Who may not see a customer is not told that a code is its contract's, only that it is taken.
 */
static int check_taken(const struct request *r, const struct thing_list *stored,
        const Otklik__V1__Contract *in, struct otk_error *err)
{
	for (size_t i = 0; i < stored->count; i++) {
		const struct thing *thing = &stored->things[i];

		if (thing->kind == THING_CONTRACT && strcmp(thing->code, in->code) == 0 &&
		        strcmp(thing_text(thing, CONTRACT_CUSTOMER), in->customer) != 0 &&
		        !access_is_global(&r->principal->access, PERMISSION_ADMIN))
			return error_field(err, "code", "is taken: use another");
	}
	return 0;
}

static int decide_withdrawal(
        struct installation_change *change, const char *code, struct otk_error *err)
{
	if (narrow(&change->stored, code) < 0)
		return no_memory(err);
	if (change->stored.count == 0)
		return error_set(err, OTK_NOT_FOUND, "CONTRACT_NOT_FOUND",
		        "there is no contract '%.64s'", code);
	change->stored.things[0].separate = false; /* named, if only to be withdrawn */
	return 0;
}

static int warn(struct request *r, const char *field, const char *text)
{
	struct apply *state = r->state;
	struct declare_warning *all =
	        arena_calloc(r->arena, state->warning_count + 1, sizeof *all);

	if (all == NULL || text == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	if (state->warning_count > 0)
		memcpy(all, state->warnings, state->warning_count * sizeof *all);
	all[state->warning_count++] = (struct declare_warning){field, text};
	state->warnings = all;
	return 0;
}

/* Validity that meets with that of the last version, or is over. */
static int check_validity(struct request *r, const struct installation_change *change)
{
	const struct contract_terms *new = change->declared.things[0].terms.contract;
	const struct contract_terms *last =
	        change->stored.count == 0 ? NULL : change->stored.things[0].terms.contract;
	char at[TIME_TEXT_SIZE];
	int rc = 0;

	if (new->valid_until != 0 && new->valid_until <= r->now)
		rc = warn(r, "valid_until", "it has ended already: no ticket will take it");
	if (rc == 0 && last != NULL && !change->stored.things[0].retired &&
	        last->valid_from > r->now && new->valid_from < last->valid_from)
		rc = warn(r, "valid_from",
		        arena_printf(r->arena,
		                "version %d, applied to begin %s, will never come into force: "
		                "this one begins before it",
		                last->version, time_format_utc(last->valid_from, at)));
	return rc;
}

static int decide(struct request *r, struct installation_change *change, const char *name,
        struct otk_error *err)
{
	const Otklik__V1__ApplyContractRequest *in = (const void *)r->message;
	struct apply *state = r->state;
	const struct tz *zone;
	int rc;

	(void)name;
	change->declared = (struct thing_list){.arena = r->arena};
	if (*in->withdraw != '\0')
		return decide_withdrawal(change, in->withdraw, err);
	rc = check_taken(r, &change->stored, in->contract, err);
	if (rc == 0)
		rc = contract_declare(in->contract, &change->stored, &change->declared,
		        &state->warnings, &state->warning_count, err);
	if (rc < 0)
		return rc;
	zone = zone_of(&change->stored, in->contract->calendar);
	state->contract = contract_message(r->arena, &change->declared.things[0], zone);
	if (state->contract == NULL || narrow(&change->stored, in->contract->code) < 0 ||
	        check_validity(r, change) < 0)
		return no_memory(err);
	return 0;
}

static enum step answer(
        struct request *r, const struct installation_change *change, bool applied)
{
	const struct apply *state = r->state;
	Otklik__V1__ApplyContractResponse out = OTKLIK__V1__APPLY_CONTRACT_RESPONSE__INIT;
	Otklik__V1__ContractWarning *warnings =
	        arena_calloc(r->arena, state->warning_count + 1, sizeof *warnings);

	out.warnings = arena_calloc(r->arena, state->warning_count + 1, sizeof *out.warnings);
	if (warnings == NULL || out.warnings == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < state->warning_count; i++) {
		otklik__v1__contract_warning__init(&warnings[i]);
		warnings[i].field = text_of(state->warnings[i].field);
		warnings[i].text = text_of(state->warnings[i].text);
		out.warnings[out.n_warnings++] = &warnings[i];
	}
	out.changes = change->items;
	out.n_changes = change->count;
	out.applied = applied;
	out.contract = state->contract;
	return apply_contract_reply(r, &out);
}

enum step apply_contract_begin(struct request *r, const Otklik__V1__ApplyContractRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct apply *state = request_state(r, sizeof *state);
	const struct ref_customer *customer = NULL;
	const char *code = in->contract != NULL ? in->contract->customer : "";
	struct otk_error err = {0};

	if (ref == NULL)
		return caller_no_reference(r);
	if (state == NULL)
		return request_no_memory(r);
	if ((in->contract != NULL) == (*in->withdraw != '\0')) {
		error_field(
		        &err, "contract", "give a contract, or the code of one to withdraw");
		return request_fail(r, &err);
	}
	/* Who may not see a customer is not told whether it is there. */
	customer = reference_customer_by_code(ref, code);
	if (!access_is_global(&r->principal->access, PERMISSION_ADMIN) &&
	        (customer == NULL ||
	                !access_may(&r->principal->access, PERMISSION_ADMIN, customer->id)))
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "only an administrator of the customer may do this");
	state->change.dry_run = in->dry_run;
	state->change.decide = decide;
	state->change.answer = answer;
	return request_go(r, installation_change);
}

/* --- reading ----------------------------------------------------------------------------- */

static bool may_read(const struct request *r, const struct ref_contract *contract)
{
	return access_may(&r->principal->access, PERMISSION_KPI_READ, contract->customer_id);
}

static enum step not_found(struct request *r, const char *code, uint32_t version)
{
	if (version != 0)
		return request_error(r, OTK_NOT_FOUND, "CONTRACT_NOT_FOUND",
		        "there is no contract '%.64s' with a version %u", code, version);
	return request_error(
	        r, OTK_NOT_FOUND, "CONTRACT_NOT_FOUND", "there is no contract '%.64s'", code);
}

/* The call that reads versions: all of a code, and those of the ids. */
static void versions_call(
        struct db_unit *unit, const char *code, const int64_t *ids, size_t count)
{
	db_call(unit, SQL_CONTRACT_VERSIONS);
	db_put_text(unit, code);
	db_put_ints(unit, DB_INT4, ids, count);
}

static Otklik__V1__ContractState state_of(const struct ref_contract *contract, int64_t now)
{
	if (contract->withdrawn)
		return OTKLIK__V1__CONTRACT_STATE__CONTRACT_STATE_WITHDRAWN;
	if (contract_in_force(contract, now))
		return OTKLIK__V1__CONTRACT_STATE__CONTRACT_STATE_IN_FORCE;
	if (contract->valid_until != 0 && contract->valid_until <= now)
		return OTKLIK__V1__CONTRACT_STATE__CONTRACT_STATE_ENDED;
	if (contract->valid_from > now && contract->current &&
	        (contract->superseded_at == 0 ||
	                contract->superseded_at > contract->valid_from))
		return OTKLIK__V1__CONTRACT_STATE__CONTRACT_STATE_TO_COME;
	return OTKLIK__V1__CONTRACT_STATE__CONTRACT_STATE_REPLACED;
}

static void fill_version(struct request *r, const struct reference *ref,
        const struct db_rows *rows, size_t i, Otklik__V1__ContractVersion *out)
{
	const struct ref_contract *contract =
	        reference_contract(ref, (int32_t)db_get_int(rows, i, 2));
	const struct ref_customer *customer =
	        contract == NULL ? NULL : reference_customer(ref, contract->customer_id);

	otklik__v1__contract_version__init(out);
	out->code = text_of(db_get_text_or_empty(rows, i, 0));
	out->customer = text_of(customer == NULL ? "" : customer->code);
	out->version = (uint32_t)db_get_int(rows, i, 1);
	out->valid_from_us = db_get_time(rows, i, 3);
	out->valid_until_us = db_get_time(rows, i, 4);
	out->withdrawn_us = db_get_time(rows, i, 5);
	out->applied_us = db_get_time(rows, i, 6);
	out->applied_by = text_of(db_get_text_or_empty(rows, i, 7));
	out->separate = db_get_bool(rows, i, 8);
	/* What changed may be the provider's own. */
	if (contract != NULL && caller_is_provider(r->principal, contract->customer_id))
		out->changes = text_of(db_get_text_or_empty(rows, i, 9));
	out->open_tickets = db_get_int(rows, i, 10);
	out->in_force = contract != NULL && contract_in_force(contract, r->now);
	if (contract != NULL)
		out->state = state_of(contract, r->now);
}

static enum step contract_found(struct request *r);
static enum step versions_found(struct request *r);

static struct db_unit *unit_begin(struct request *r)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_KPI_READ);

	if (unit == NULL || scope == NULL)
		return NULL;
	db_unit_scope(unit, scope);
	return unit;
}

enum step get_contract_begin(struct request *r, const Otklik__V1__GetContractRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct ref_contract *contract;
	struct db_unit *unit = unit_begin(r);
	int64_t id;

	if (ref == NULL)
		return caller_no_reference(r);
	if (unit == NULL)
		return request_no_memory(r);
	contract = reference_contract_version(ref, in->code, (int32_t)in->version, r->now);
	if (contract == NULL || !may_read(r, contract))
		return not_found(r, in->code, in->version);
	id = contract->id;
	contract_read_call(unit, contract->code, contract->version);
	versions_call(unit, "", &id, 1);
	return request_query(r, unit, contract_found);
}

static enum step contract_found(struct request *r)
{
	const Otklik__V1__GetContractRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	Otklik__V1__GetContractResponse out = OTKLIK__V1__GET_CONTRACT_RESPONSE__INIT;
	const struct db_rows *rows = db_unit_rows(r->unit, 1);
	struct thing_list list = {.arena = r->arena};
	Otklik__V1__ContractVersion version;
	const struct ref_contract *contract;
	const struct ref_calendar *calendar;
	const struct tz *zone = NULL;

	if (contract_read(r->unit, 0, &list) < 0)
		return request_no_memory(r);
	if (list.count != 1 || db_rows_count(rows) != 1)
		return not_found(r, in->code, in->version);
	fill_version(r, ref, rows, 0, &version);
	contract = reference_contract(ref, (int32_t)db_get_int(rows, 0, 2));
	calendar = contract == NULL ? NULL : reference_calendar(ref, contract->calendar_id);
	if (calendar != NULL)
		(void)tz_find(calendar->zone, &zone, NULL);
	out.contract = contract_message(r->arena, &list.things[0], zone);
	out.version = &version;
	if (out.contract == NULL)
		return request_no_memory(r);
	if (contract == NULL || !caller_is_provider(r->principal, contract->customer_id))
		contract_message_outside(out.contract);
	return get_contract_reply(r, &out);
}

enum step list_contracts_begin(struct request *r, const Otklik__V1__ListContractsRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct db_unit *unit = unit_begin(r);
	const struct ref_contract *contract;
	int64_t *ids;
	size_t count = 0;

	if (ref == NULL)
		return caller_no_reference(r);
	ids = arena_calloc(r->arena, ref->contract_count + 1, sizeof *ids);
	if (unit == NULL || ids == NULL)
		return request_no_memory(r);
	contract = reference_contract_version(ref, in->code, 0, r->now);
	if (*in->code != '\0' && (contract == NULL || !may_read(r, contract)))
		return not_found(r, in->code, 0);
	for (size_t i = 0; *in->code == '\0' && i < ref->contract_count; i++) {
		contract = &ref->contracts[i];
		if (may_read(r, contract) &&
		        reference_contract_version(ref, contract->code, 0, r->now) == contract)
			ids[count++] = contract->id;
	}
	versions_call(unit, in->code, ids, count);
	return request_query(r, unit, versions_found);
}

static enum step versions_found(struct request *r)
{
	const struct reference *ref = desk_reference(r->service->desk);
	Otklik__V1__ListContractsResponse out = OTKLIK__V1__LIST_CONTRACTS_RESPONSE__INIT;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	size_t count = db_rows_count(rows);
	Otklik__V1__ContractVersion *versions =
	        arena_calloc(r->arena, count + 1, sizeof *versions);

	out.versions = arena_calloc(r->arena, count + 1, sizeof *out.versions);
	if (versions == NULL || out.versions == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		fill_version(r, ref, rows, i, &versions[i]);
		out.versions[out.n_versions++] = &versions[i];
	}
	return list_contracts_reply(r, &out);
}

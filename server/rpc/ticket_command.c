/*
 *	ticket_command → ticket_loaded → ticket_saved
 *	                      ↑______________| others were faster and the caller named no
 *version
 *
 * Whatever happened between reading and saving is told by the version guard of desk_save: then
 * all is read again, so a used key, a newer version and a lost race have one answer each.
 */
#include "rpc/ticket_command.h"

#include <inttypes.h>
#include <string.h>

#include "db/rows.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/field.h"
#include "rpc/service.h"
#include "rpc/ticket_changes.h"
#include "rpc/ticket_write.h"
#include "sql/statements.h"
#include "wire/methods.h"

struct command_state {
	struct ticket_write write; /* first: see ticket_write.c */
	struct ticket_call call;
	struct event cited; /* by call.command.cited_seq */
	bool provider;
};

enum { CALL_KEY = LOAD_CALLS, CALL_CITED, CHANGES_MAX = 20 };

static enum step ticket_read(struct request *r);
static enum step ticket_loaded(struct request *r);
static enum step ticket_saved(struct request *r);
static enum step changes_read(struct request *r);

enum step ticket_command(
        struct request *r, const struct ticket_call *call, const struct otk_error *err)
{
	struct command_state *state = request_state(r, sizeof *state);
	struct otk_error all = *err;

	if (state == NULL)
		return request_no_memory(r);
	field_ticket_id(&all, "ticket_id", call->ticket_id);
	if (call->expected_version < 0)
		error_field(&all, "expected_version", "must be a version, or 0 for any");
	field_text(&all, "text", call->command.text, TEXT_MAX);
	if (all.code != OTK_OK)
		return request_fail(r, &all);
	state->call = *call;
	return request_go(r, ticket_read);
}

static enum step ticket_read(struct request *r)
{
	const struct command_state *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ);

	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	if (unit == NULL || scope == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, scope);
	load_calls(unit, &state->call.ticket_id, 1);
	db_call(unit, SQL_IDEMPOTENCY_OF_TICKET);
	db_put_int(unit, state->call.ticket_id);
	db_put_int(unit, r->principal->id);
	db_put_uuid(unit, &r->key);
	if (state->call.command.cited_seq > 0) {
		db_call(unit, SQL_EVENT_CITED);
		db_put_int(unit, state->call.ticket_id);
		db_put_int(unit, state->call.command.cited_seq);
	}
	return request_query(r, unit, ticket_loaded);
}

static enum step reply(struct request *r)
{
	const struct command_state *state = r->state;
	const struct change *change = &state->write.change;
	Otklik__V1__Ticket *ticket = convert_ticket(
	        r->arena, change->ref, &change->ticket, change->clocks, state->provider);

	if (ticket == NULL)
		return request_no_memory(r);
	return state->call.reply(r, ticket);
}

/* 1: the key is new; 0: done before; negative: used by another request. */
static int judge_key(const struct request *r)
{
	const struct db_rows *rows = db_unit_rows(r->unit, CALL_KEY);
	const void *hash;
	size_t size;

	if (db_rows_count(rows) == 0)
		return 1;
	hash = db_get_bytes(rows, 0, 0, &size);
	return size == sizeof r->hash && memcmp(hash, r->hash, size) == 0
	               ? 0
	               : -OTK_FAILED_PRECONDITION;
}

/* Whom it is about. Who the provider's people are is not for a customer to find out. */
static int32_t resolve_person(const struct request *r, const struct reference *ref,
        const char *code, struct otk_error *err)
{
	const struct command_state *state = r->state;
	const struct ref_principal *person;

	if (code == NULL || *code == '\0')
		return 0;
	person = reference_principal_by_code(ref, code);
	if (!state->provider && (person == NULL || person->id != r->principal->id)) {
		error_field(err, "person",
		        "must be yourself: for others the provider's people do it");
		return 0;
	}
	if (person == NULL)
		error_field(err, "person", "there is nobody of the code '%.64s'", code);
	return person == NULL ? 0 : person->id;
}

/* Fills what the rule needs; violations in err. */
static struct command resolve(const struct request *r, const struct reference *ref,
        int32_t customer_id, struct otk_error *err)
{
	const struct ticket_call *call = &((const struct command_state *)r->state)->call;
	struct command command = call->command;

	command.team_id = field_team(err, "team", ref, call->team);
	command.assignee_id = field_assignee(err, "assignee", ref, customer_id, call->assignee);
	command.service_id = field_service(err, "service", ref, customer_id, call->service);
	command.person_id = resolve_person(r, ref, call->person, err);
	command.site_id = field_site(err, "site", ref, customer_id, call->site);
	return command;
}

/* The journal entry that the command cites, or NULL. */
static const struct event *cited(const struct request *r)
{
	struct command_state *state = r->state;
	const struct db_rows *rows = db_unit_rows(r->unit, CALL_CITED);

	if (state->call.command.cited_seq <= 0 || db_rows_count(rows) == 0)
		return NULL;
	load_event(rows, 0, &state->cited);
	return &state->cited;
}

/* Reads what happened after the version the caller knows. */
static enum step tell_changes(struct request *r)
{
	const struct command_state *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(
	        unit, desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ));
	db_call(unit, SQL_EVENT_LIST);
	db_put_int(unit, state->write.change.ticket.customer_id);
	db_put_int(unit, state->call.ticket_id);
	db_put_int(unit, state->call.expected_version);
	db_put_int(unit, CHANGES_MAX);
	db_put_bool(unit, state->provider);
	return request_query(r, unit, changes_read);
}

static enum step ticket_loaded(struct request *r)
{
	struct command_state *state = r->state;
	struct change *change = &state->write.change;
	const struct reference *ref = desk_reference(r->service->desk);
	struct load_cursor rows = load_rows(r->unit, 0);
	struct otk_error err = {0};
	struct command command;
	int rc = load_next(&rows, r->arena, ref, change);

	if (rc < 0)
		return request_no_memory(r);
	if (rc == 0)
		return caller_ticket_not_found(r, state->call.ticket_id);
	state->provider = caller_is_provider(r->principal, change->ticket.customer_id);
	if (!access_may(&r->principal->access, (enum permission)r->method->permission,
	            change->ticket.customer_id))
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "you may read this ticket, but not do this to it");
	rc = judge_key(r);
	if (rc <= 0)
		return rc == 0 ? reply(r) : ticket_write_other_hash(r);
	if (state->call.expected_version != 0 &&
	        state->call.expected_version != change->ticket.version)
		return tell_changes(r);
	command = resolve(r, ref, change->ticket.customer_id, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	command.actor = caller_actor(r->principal, change->ticket.customer_id);
	command.cited = cited(r);
	if (lifecycle_apply(change, &command, ticket_write_now(r, &change->ticket), &err) < 0)
		return request_fail(r, &err);
	if (change->event_count == 0)
		return reply(r);
	return ticket_write_save(r, &state->write, ticket_saved);
}

static enum step ticket_saved(struct request *r)
{
	struct command_state *state = r->state;

	if (state->write.err.code != OTK_OK)
		return request_fail(r, &state->write.err);
	switch (state->write.save.outcome) {
	case SAVE_DONE:
		return reply(r);
	case SAVE_OTHER_HASH:
		return ticket_write_other_hash(r);
	case SAVE_FOREIGN:
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "you may not do this for this customer any more");
	case SAVE_DUPLICATE:
	case SAVE_CONFLICT:
	case SAVE_STALE_REFERENCE:
		break;
	}
	return ticket_write_again(r, &state->write, ticket_read);
}

static enum step changes_read(struct request *r)
{
	const struct command_state *state = r->state;
	const struct ticket *ticket = &state->write.change.ticket;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__Status status = OTKLIK__V1__STATUS__INIT;
	/* What else there is shows by its number only where the rows were cut, not sifted. */
	int64_t told_to = db_rows_count(rows) < CHANGES_MAX ? 0 : ticket->version;

	status.code = OTK_ABORTED;
	status.reason = (char[]){"STALE_VERSION"};
	status.message = arena_printf(r->arena,
	        "ticket %" PRId64 " is at version %" PRId64 " and you knew version %" PRId64
	        ": look at it and try again",
	        ticket->ticket_id, ticket->version, state->call.expected_version);
	status.current_version = ticket->version;
	status.changes = ticket_changes(r->arena, state->write.change.ref, rows,
	        state->call.expected_version, told_to, &status.n_changes);
	if (status.message == NULL || status.changes == NULL)
		return request_no_memory(r);
	return request_fail_status(r, &status.base);
}

/*
 * ApplyInstallation: compares a declaration with what is stored and makes the difference, in
 *one transaction that holds only if nobody changed reference data since they were read.
 *
 *	apply_installation_begin → apply_read → stored_read [→ past_read] → changes_written →
 *reference_renewed
 */
#include <string.h>

#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/installation.h"
#include "desk/installation_past.h"
#include "rpc/handlers.h"
#include "rpc/installation_declare.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { APPLY_ATTEMPTS = 5 };

struct apply {
	struct thing_list declared;
	struct thing_list stored;
	const char **people; /* codes */
	struct thing_change *changes;
	size_t count;
	unsigned attempts;
	int64_t epoch;
	struct past *past;
	size_t past_count;
	struct desk_wait wait;
};

static enum step apply_read(struct request *r);
static enum step stored_read(struct request *r);
static enum step past_read(struct request *r);
static enum step changes_write(struct request *r);
static enum step changes_written(struct request *r);
static enum step reference_renewed(struct request *r);

/* Nobody may saw off the branch on which the whole installation sits. */
static void check_self(
        const struct request *r, const Otklik__V1__Installation *in, struct otk_error *err)
{
	for (size_t i = 0; i < in->n_people; i++) {
		const Otklik__V1__Person *person = in->people[i];

		if (strcmp(person->code, r->principal->code) != 0)
			continue;
		for (size_t k = 0; k < person->n_grants && !person->disabled; k++) {
			if (strcmp(person->grants[k]->role, "admin") == 0 &&
			        *person->grants[k]->customer == '\0')
				return;
		}
		break;
	}
	error_field(err, "people",
	        "must declare you, '%s', with the role admin for every customer: nobody may "
	        "take administration from himself",
	        r->principal->code);
}

enum step apply_installation_begin(
        struct request *r, const Otklik__V1__ApplyInstallationRequest *in)
{
	struct apply *state = request_state(r, sizeof *state);
	struct otk_error err = {0};

	if (state == NULL)
		return request_no_memory(r);
	if (in->installation == NULL) {
		error_field(&err, "installation", "declare an installation");
		return request_fail(r, &err);
	}
	if (!access_is_global(&r->principal->access, PERMISSION_ADMIN))
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "only an administrator of every customer may do this");
	state->declared.arena = r->arena;
	if (installation_declare(in->installation, &state->declared, &err) < 0)
		return request_fail(r, &err);
	check_self(r, in->installation, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	state->people =
	        arena_calloc(r->arena, in->installation->n_people + 1, sizeof *state->people);
	if (state->people == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < in->installation->n_people; i++)
		state->people[i] = in->installation->people[i]->code;
	return request_go(r, apply_read);
}

static enum step apply_read(struct request *r)
{
	const Otklik__V1__ApplyInstallationRequest *in = (const void *)r->message;
	struct apply *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (++state->attempts > APPLY_ATTEMPTS)
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the installation; try again");
	if (unit == NULL)
		return request_no_memory(r);
	installation_read_calls(unit, state->people, in->installation->n_people);
	db_call(unit, SQL_INSTALLATION_APPLIED);
	db_put_int(unit, r->principal->id);
	db_put_uuid(unit, &r->key);
	return request_query(r, unit, stored_read);
}

static enum step reply(
        struct request *r, Otklik__V1__InstallationChange *items, size_t count, bool applied)
{
	Otklik__V1__ApplyInstallationResponse out =
	        OTKLIK__V1__APPLY_INSTALLATION_RESPONSE__INIT;

	out.changes =
	        arena_calloc(r->arena, count + 1, sizeof(Otklik__V1__InstallationChange *));
	if (out.changes == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++)
		out.changes[i] = &items[i];
	out.n_changes = count;
	out.applied = applied;
	return apply_installation_reply(r, &out);
}

static Otklik__V1__InstallationChange *items_new(struct request *r, size_t count)
{
	Otklik__V1__InstallationChange *items =
	        arena_calloc(r->arena, count + 1, sizeof *items);

	for (size_t i = 0; items != NULL && i < count; i++)
		otklik__v1__installation_change__init(&items[i]);
	return items;
}

/* A text of the schema is not const, though nobody writes to it. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static const struct thing *thing_of(const struct thing_change *change)
{
	return change->declared != NULL ? change->declared : change->stored;
}

static enum step reply_changes(struct request *r, bool applied)
{
	struct apply *state = r->state;
	Otklik__V1__InstallationChange *items = items_new(r, state->count);

	if (items == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < state->count; i++) {
		const struct thing_change *change = &state->changes[i];
		const struct thing *thing = thing_of(change);

		items[i].action = text_of(change_action_name(change->action));
		items[i].kind = text_of(thing_kind_name(thing->kind));
		items[i].code = text_of(thing->code);
		items[i].detail = text_of(change->detail);
	}
	return reply(r, items, state->count, applied);
}

/* The key was used before: the same request gets the same answer. */
static enum step reply_again(struct request *r, const struct db_rows *rows)
{
	const char **texts[4];
	Otklik__V1__InstallationChange *items;
	size_t size, count = 0;
	const void *hash = db_get_bytes(rows, 0, 0, &size);

	if (size != sizeof r->hash || memcmp(hash, r->hash, size) != 0)
		return request_error(r, OTK_FAILED_PRECONDITION, "KEY_REUSED",
		        "this idempotency key was used by another request; make a new one");
	for (int i = 0; i < 4; i++) {
		if (db_get_texts(rows, 0, i + 1, r->arena, &texts[i], &count) < 0)
			return request_no_memory(r);
	}
	items = items_new(r, count);
	if (items == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		items[i].action = text_of(texts[0][i]);
		items[i].kind = text_of(texts[1][i]);
		items[i].code = text_of(texts[2][i]);
		items[i].detail = text_of(texts[3][i]);
	}
	return reply(r, items, count, true);
}

static void record_call(struct request *r, struct db_unit *unit)
{
	struct apply *state = r->state;
	struct db_array *columns[4];

	db_call(unit, SQL_INSTALLATION_RECORD);
	db_put_int(unit, r->principal->id);
	db_put_uuid(unit, &r->key);
	db_put_bytes(unit, r->hash, sizeof r->hash);
	db_put_time(unit, r->now);
	for (int i = 0; i < 4; i++)
		columns[i] = db_put_array(unit, DB_TEXT, state->count);
	for (size_t i = 0; i < state->count; i++) {
		const struct thing *thing = thing_of(&state->changes[i]);

		db_add_text(columns[0], change_action_name(state->changes[i].action));
		db_add_text(columns[1], thing_kind_name(thing->kind));
		db_add_text(columns[2], thing->code);
		db_add_text(columns[3], state->changes[i].detail);
	}
}

static enum step stored_read(struct request *r)
{
	const Otklik__V1__ApplyInstallationRequest *in = (const void *)r->message;
	const struct db_rows *applied = db_unit_rows(r->unit, INSTALLATION_READ_CALLS - 1);
	struct apply *state = r->state;
	struct otk_error err = {0};
	struct db_unit *unit;
	const char *name;
	int rc;

	if (db_rows_count(applied) == 1)
		return reply_again(r, applied);
	state->stored = (struct thing_list){.arena = r->arena};
	rc = installation_read(r->unit, 0, &state->stored, &state->epoch, &name, &err);
	if (rc == -OTK_ABORTED)
		return request_go(r, apply_read);
	if (rc == 0 && strcmp(name, in->installation->name) != 0)
		rc = error_field(&err, "name",
		        "this is the installation '%s'; its name stands in every certificate",
		        name);
	if (rc == 0)
		rc = declare_ties(&state->declared, &state->stored, true, &err);
	if (rc == 0)
		rc = installation_diff(&state->declared, &state->stored, r->now,
		        &state->changes, &state->count, &err);
	if (rc < 0)
		return request_fail(r, &err);
	if (past_find(r->arena, state->changes, state->count, r->now, &state->past,
	            &state->past_count) < 0)
		return request_no_memory(r);
	if (state->past_count == 0)
		return changes_write(r);
	unit = db_unit_new(r->arena, DB_READ);
	if (unit == NULL)
		return request_no_memory(r);
	past_calls(unit, state->past, state->past_count, state->changes, r->now);
	return request_query(r, unit, past_read);
}

static enum step past_read(struct request *r)
{
	struct apply *state = r->state;

	if (past_remark(r->arena, r->unit, state->past, state->past_count, state->changes) < 0)
		return request_no_memory(r);
	return changes_write(r);
}

static enum step changes_write(struct request *r)
{
	const Otklik__V1__ApplyInstallationRequest *in = (const void *)r->message;
	struct apply *state = r->state;
	struct db_unit *unit;

	if (in->dry_run || state->count == 0)
		return reply_changes(r, !in->dry_run);
	/* Run again after a lost connection it finds its own record, or an epoch that moved. */
	unit = db_unit_new(r->arena, DB_REPLAY);
	if (unit == NULL)
		return request_no_memory(r);
	installation_write_calls(unit, r->arena,
	        &(struct installation_author){
	                .principal_id = r->principal->id, .epoch = state->epoch, .now = r->now},
	        state->changes, state->count);
	record_call(r, unit);
	return request_query_any(r, unit, changes_written);
}

static void unlink_wait(struct request *r)
{
	struct apply *state = r->state;

	desk_wait_leave(&state->wait);
}

static void woken(void *context)
{
	request_wake(context);
}

static enum step changes_written(struct request *r)
{
	struct apply *state = r->state;
	const struct otk_error *err = db_unit_error(r->unit);

	if (err->code == OTK_ABORTED)
		return request_go(r, apply_read);
	if (err->code != OTK_OK)
		return request_fail(r, err);
	/* Whoever asks this process next shall see it. */
	request_on_cancel(r, unlink_wait);
	desk_reference_renew(r->service->desk, &state->wait, woken, r);
	return request_wait(r, reference_renewed);
}

static enum step reference_renewed(struct request *r)
{
	return reply_changes(r, true);
}

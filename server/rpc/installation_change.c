/* Changes of the installation, decided on what is stored and made all at once. */
#include "rpc/installation_change.h"

#include <string.h>

#include "db/pool.h"
#include "db/rows.h"
#include "desk/installation_past.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { APPLY_ATTEMPTS = 5 };

static enum step stored_read(struct request *r);
static enum step past_read(struct request *r);
static enum step changes_write(struct request *r);
static enum step changes_written(struct request *r);
static enum step reference_renewed(struct request *r);

enum step installation_change(struct request *r)
{
	struct installation_change *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (++state->attempts > APPLY_ATTEMPTS)
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the installation; try again");
	if (unit == NULL)
		return request_no_memory(r);
	installation_read_calls(unit, state->people, state->people_count);
	db_call(unit, SQL_INSTALLATION_APPLIED);
	db_put_int(unit, r->principal->id);
	db_put_uuid(unit, &r->key);
	return request_query(r, unit, stored_read);
}

/* Room for the items of an answer. */
static bool items_new(struct request *r, size_t count)
{
	struct installation_change *state = r->state;
	Otklik__V1__InstallationChange *items =
	        arena_calloc(r->arena, count + 1, sizeof *items);

	state->items = arena_calloc(r->arena, count + 1, sizeof *state->items);
	if (items == NULL || state->items == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		otklik__v1__installation_change__init(&items[i]);
		state->items[i] = &items[i];
	}
	state->count = count;
	return true;
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

static enum step answer_changes(struct request *r, bool applied)
{
	struct installation_change *state = r->state;

	if (!items_new(r, state->count))
		return request_no_memory(r);
	for (size_t i = 0; i < state->count; i++) {
		const struct thing_change *change = &state->changes[i];
		const struct thing *thing = thing_of(change);

		state->items[i]->action = text_of(change_action_name(change->action));
		state->items[i]->kind = text_of(thing_kind_name(thing->kind));
		state->items[i]->code = text_of(thing->code);
		state->items[i]->detail = text_of(change->detail);
	}
	return state->answer(r, state, applied);
}

/* The key was used before: the same request gets the same answer. */
static enum step answer_again(struct request *r, const struct db_rows *rows)
{
	struct installation_change *state = r->state;
	const char **texts[4];
	size_t size, count = 0;
	const void *hash = db_get_bytes(rows, 0, 0, &size);

	if (size != sizeof r->hash || memcmp(hash, r->hash, size) != 0)
		return request_error(r, OTK_FAILED_PRECONDITION, "KEY_REUSED",
		        "this idempotency key was used by another request; make a new one");
	for (int i = 0; i < 4; i++) {
		if (db_get_texts(rows, 0, i + 1, r->arena, &texts[i], &count) < 0)
			return request_no_memory(r);
	}
	if (!items_new(r, count))
		return request_no_memory(r);
	for (size_t i = 0; i < count; i++) {
		state->items[i]->action = text_of(texts[0][i]);
		state->items[i]->kind = text_of(texts[1][i]);
		state->items[i]->code = text_of(texts[2][i]);
		state->items[i]->detail = text_of(texts[3][i]);
	}
	return state->answer(r, state, true);
}

static void record_call(struct request *r, struct db_unit *unit)
{
	struct installation_change *state = r->state;
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
	const struct db_rows *applied = db_unit_rows(r->unit, INSTALLATION_READ_CALLS - 1);
	struct installation_change *state = r->state;
	struct otk_error err = {0};
	struct db_unit *unit;
	const char *name;
	int rc;

	state->stored = (struct thing_list){.arena = r->arena};
	rc = installation_read(r->unit, 0, &state->stored, &state->epoch, &name, &err);
	if (rc == -OTK_ABORTED)
		return request_go(r, installation_change);
	if (rc == 0)
		rc = state->decide(r, state, name, &err);
	if (db_rows_count(applied) == 1)
		return answer_again(r, applied);
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
	struct installation_change *state = r->state;

	if (past_remark(r->arena, r->unit, state->past, state->past_count, state->changes) < 0)
		return request_no_memory(r);
	return changes_write(r);
}

static enum step changes_write(struct request *r)
{
	struct installation_change *state = r->state;
	const struct installation_author author = {
	        .principal_id = r->principal->id, .epoch = state->epoch, .now = r->now};
	struct db_unit *unit;

	if (state->dry_run || state->count == 0)
		return answer_changes(r, !state->dry_run);
	/* Run again after a lost connection it finds its own record, or an epoch that moved. */
	unit = db_unit_new(r->arena, DB_REPLAY);
	if (unit == NULL)
		return request_no_memory(r);
	installation_write_calls(unit, r->arena, &author, state->changes, state->count);
	record_call(r, unit);
	return request_query_any(r, unit, changes_written);
}

static void unlink_wait(struct request *r)
{
	struct installation_change *state = r->state;

	desk_wait_leave(&state->wait);
}

static void woken(void *context)
{
	request_wake(context);
}

static enum step changes_written(struct request *r)
{
	struct installation_change *state = r->state;
	const struct otk_error *err = db_unit_error(r->unit);

	if (err->code == OTK_ABORTED)
		return request_go(r, installation_change);
	if (err->code != OTK_OK)
		return request_fail(r, err);
	/* Whoever asks this process next shall see it. */
	request_on_cancel(r, unlink_wait);
	desk_reference_renew(r->service->desk, &state->wait, woken, r);
	return request_wait(r, reference_renewed);
}

static enum step reference_renewed(struct request *r)
{
	return answer_changes(r, true);
}

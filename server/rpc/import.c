/*
 * ImportCases: observed history of another system. Cases that were taken before are told apart
 * first; of the others the names become ids, and then all are saved in one transaction with the
 * record that they were taken, so whoever asks twice gets one ticket.
 *
 *	import_cases_begin → cases_find → cases_found → names_found → import_cases_ready →
 *	import_cases_save → cases_saved
 *
 * With `arm`, cases that were taken before are read as well and armed where nobody has touched
 * them since: import_arm.c, which ends in import_cases_save again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/tz.h"
#include "db/pool.h"
#include "db/rows.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/import_internal.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { IMPORT_ATTEMPTS = 8 };

static enum step cases_find(struct request *r);
static enum step cases_found(struct request *r);
static enum step names_found(struct request *r);
static enum step cases_saved(struct request *r);

/* A text of the schema is not const, though nobody writes to it. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

bool import_is_open(const struct import_item *item)
{
	return item->result.outcome == OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNSPECIFIED;
}

void import_decide(struct import_item *item, Otklik__V1__ImportOutcome outcome,
        int64_t ticket_id, const char *reason)
{
	item->result.outcome = outcome;
	item->result.ticket_id = ticket_id;
	item->result.reason = text_of(reason);
}

static void refuse(struct import_item *item, const char *reason)
{
	import_decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_REFUSED, 0, reason);
}

/* --- what was sent ----------------------------------------------------------------------- */

static bool is_source(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return length >= 1 && length <= IMPORT_SOURCE_MAX && text[length] == '\0';
}

static int check_request(struct request *r, const Otklik__V1__ImportCasesRequest *in,
        const struct reference *ref, const struct ref_customer **customer,
        struct otk_error *err)
{
	const struct tz *tz;
	int rc;

	if (!is_source(in->source))
		error_field(
		        err, "source", "must be 1 to %d of a-z 0-9 . _ -", IMPORT_SOURCE_MAX);
	if (in->n_cases > IMPORT_CASES_MAX)
		error_field(err, "cases", "at most %d in one request", IMPORT_CASES_MAX);
	if (*in->zone != '\0' && tz_find(in->zone, &tz, NULL) < 0)
		error_field(err, "zone",
		        "'%.64s' is no time zone; write one such as Europe/Berlin", in->zone);
	if (*in->customer == '\0')
		error_field(err, "customer", "name the customer whose cases they are");
	if (err->code != OTK_OK)
		return -(int)err->code;
	rc = caller_customer(r, ref, in->customer, PERMISSION_IMPORT, customer, err);
	if (rc == -OTK_NOT_FOUND)
		return error_set(err, OTK_NOT_FOUND, "CUSTOMER_NOT_FOUND",
		        "there is no customer '%s': add it to the installation and apply that "
		        "first",
		        in->customer);
	if (rc == 0 && (*customer)->retired)
		return error_field(err, "customer", "'%s' is retired", in->customer);
	if (rc == 0 && (*customer)->id == 0)
		return error_field(err, "customer", "name a customer, not the provider");
	return rc;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp((*(struct import_item *const *)a)->in->ref,
	        (*(struct import_item *const *)b)->in->ref);
}

/* Cases by number, to find the repeated ones. NULL when the arena is out. */
static struct import_item **sort_items(struct request *r, struct import *state)
{
	struct import_item **sorted = arena_calloc(r->arena, state->count + 1, sizeof *sorted);

	for (size_t i = 0; sorted != NULL && i < state->count; i++)
		sorted[i] = &state->items[i];
	if (sorted != NULL)
		qsort(sorted, state->count, sizeof *sorted, compare_items);
	return sorted;
}

static int take_items(
        struct request *r, struct import *state, const Otklik__V1__ImportCasesRequest *in)
{
	struct import_item **sorted;

	state->items = arena_calloc(r->arena, in->n_cases + 1, sizeof *state->items);
	if (state->items == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	state->count = in->n_cases;
	for (size_t i = 0; i < in->n_cases; i++) {
		struct import_item *item = &state->items[i];
		const char *wrong;

		otklik__v1__import_result__init(&item->result);
		item->in = in->cases[i];
		item->result.ref = item->in->ref;
		wrong = import_check(r->arena, item->in, r->now);
		if (wrong != NULL)
			refuse(item, wrong);
		if (import_hash(item->in, in->zone, item->hash) < 0)
			return -OTK_INTERNAL;
	}
	sorted = sort_items(r, state);
	if (sorted == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 1; i < state->count; i++) {
		if (compare_items(&sorted[i - 1], &sorted[i]) == 0)
			refuse(sorted[i], "this number stands twice in one request");
	}
	return 0;
}

enum step import_cases_begin(struct request *r, const Otklik__V1__ImportCasesRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct import *state = request_state(r, sizeof *state);
	const struct ref_customer *customer = NULL;
	struct otk_error err = {0};
	int rc;

	if (state == NULL)
		return request_no_memory(r);
	if (ref == NULL)
		return caller_no_reference(r);
	if (check_request(r, in, ref, &customer, &err) < 0)
		return request_fail(r, &err);
	state->customer_id = customer->id;
	state->zone = *in->zone != '\0' ? in->zone : arena_strdup(r->arena, customer->zone);
	state->scope = desk_scope(r->arena, &r->principal->access, PERMISSION_IMPORT);
	rc = take_items(r, state, in);
	if (rc == -OTK_INTERNAL)
		return request_error(r, OTK_INTERNAL, "HASH_FAILED", "cases cannot be hashed");
	if (rc < 0 || state->zone == NULL || state->scope == NULL)
		return request_no_memory(r);
	return request_go(r, cases_find);
}

/* --- what was taken before --------------------------------------------------------------- */

enum step import_finish(struct request *r)
{
	struct import *state = r->state;
	Otklik__V1__ImportCasesResponse out = OTKLIK__V1__IMPORT_CASES_RESPONSE__INIT;

	out.results =
	        arena_calloc(r->arena, state->count + 1, sizeof(Otklik__V1__ImportResult *));
	if (out.results == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < state->count; i++)
		out.results[i] = &state->items[i].result;
	out.n_results = state->count;
	return import_cases_reply(r, &out);
}

static enum step cases_find(struct request *r)
{
	const Otklik__V1__ImportCasesRequest *in = (const void *)r->message;
	struct import *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	struct db_array *refs;
	size_t open = 0;

	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, state->scope);
	db_call(unit, SQL_IMPORT_FIND);
	db_put_int(unit, state->customer_id);
	db_put_text(unit, in->source);
	refs = db_put_array(unit, DB_TEXT, state->count);
	for (size_t i = 0; i < state->count; i++) {
		if (!import_is_open(&state->items[i]))
			continue;
		db_add_text(refs, state->items[i].in->ref);
		open++;
	}
	return open == 0 ? import_finish(r) : request_query(r, unit, cases_found);
}

/* One that we saved ourselves, without having heard of it, is created and not unchanged. */
static void found(
        struct import_item *item, int64_t ticket_id, const void *hash, size_t size, bool arm)
{
	if (size != sizeof item->hash || memcmp(hash, item->hash, size) != 0)
		import_decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CONFLICT,
		        ticket_id, "imported before with other content; nothing was changed");
	else if (ticket_id == item->ticket_id)
		import_decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CREATED,
		        ticket_id, "");
	else if (arm)
		item->stored_id = ticket_id;
	else
		import_decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNCHANGED,
		        ticket_id, "");
}

static enum step cases_found(struct request *r)
{
	const Otklik__V1__ImportCasesRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct import *state = r->state;
	struct import_item **sorted = sort_items(r, state);
	size_t open = 0;

	if (sorted == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < db_rows_count(rows); i++) {
		Otklik__V1__ImportedCase key = {.ref = text_of(db_get_text(rows, i, 0))};
		struct import_item wanted = {.in = &key}, *address = &wanted;
		struct import_item **at =
		        bsearch(&address, sorted, state->count, sizeof *sorted, compare_items);
		size_t size;
		const void *hash = db_get_bytes(rows, i, 2, &size);

		/* of two with one number only the first is open */
		while (at != NULL && at > sorted && compare_items(&at[-1], &address) == 0)
			at--;
		for (; at != NULL && at < sorted + state->count &&
		        compare_items(at, &address) == 0;
		        at++) {
			if (import_is_open(*at))
				found(*at, db_get_int(rows, i, 1), hash, size, in->arm);
		}
	}
	for (size_t i = 0; i < state->count; i++)
		open += import_is_open(&state->items[i]) ? 1 : 0;
	if (open == 0)
		return import_finish(r);
	if (state->names != NULL)
		return request_go(r, import_cases_ready);
	if (import_names_gather(r, state, in->source) < 0)
		return request_no_memory(r);
	return state->name_count == 0
	               ? request_go(r, import_cases_ready)
	               : request_query(r, import_names_unit(r, state), names_found);
}

static enum step names_found(struct request *r)
{
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct import *state = r->state;

	if (db_rows_count(rows) != state->name_count)
		return request_error(
		        r, OTK_INTERNAL, "NAMES_LOST", "names could not be resolved");
	for (size_t i = 0; i < state->name_count; i++)
		state->names[i].id = (int32_t)db_get_int(rows, i, 0);
	return request_go(r, import_cases_ready);
}

/* --- saving ------------------------------------------------------------------------------ */

static void unlink_wait(struct request *r)
{
	struct import *state = r->state;

	desk_wait_leave(&state->wait);
}

static void woken(void *context)
{
	request_wake(context);
}

/* Claims the cases and saves their tickets, or neither. */
static struct db_unit *save_unit(struct request *r, struct import *state, const char *source)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	struct save *saves[SAVE_ITEMS_MAX];
	struct db_array *refs, *tickets, *hashes;
	size_t count = 0;

	if (unit == NULL)
		return NULL;
	db_unit_scope(unit, state->scope);
	db_call(unit, SQL_IMPORT_CLAIM);
	db_put_int(unit, state->customer_id);
	db_put_text(unit, source);
	refs = db_put_array(unit, DB_TEXT, state->count);
	tickets = db_put_array(unit, DB_INT8, state->count);
	hashes = db_put_array(unit, DB_BYTEA, state->count);
	for (size_t i = 0; i < state->count; i++) {
		const struct import_item *item = &state->items[i];

		if (!import_is_open(item) || item->stored_id != 0)
			continue;
		db_add_text(refs, item->in->ref);
		db_add_int(tickets, item->ticket_id);
		db_add_bytes(hashes, item->hash, sizeof item->hash);
	}
	for (size_t i = 0; i < state->count; i++) {
		if (import_is_open(&state->items[i]))
			saves[count++] = &state->items[i].save;
		if (count == SAVE_ITEMS_MAX || (i + 1 == state->count && count > 0)) {
			if (save_call(unit, saves, count, true) < 0)
				return NULL;
			count = 0;
		}
	}
	return unit;
}

enum step import_cases_save(struct request *r)
{
	const Otklik__V1__ImportCasesRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	struct import *state = r->state;

	if (++state->attempts > IMPORT_ATTEMPTS * (IMPORT_CASES_MAX / 64 + 2))
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the installation; try again");
	for (size_t i = 0; i < state->count; i++) {
		struct import_item *item = &state->items[i];

		if (!import_is_open(item) || item->ticket_id != 0 || item->stored_id != 0)
			continue;
		item->ticket_id = desk_number(r->service->desk);
		if (item->ticket_id == 0) {
			request_on_cancel(r, unlink_wait);
			desk_number_wait(r->service->desk, &state->wait, woken, r);
			return request_wait(r, import_cases_save);
		}
	}
	for (size_t i = 0; i < state->count; i++) {
		struct import_item *item = &state->items[i];
		int rc = import_is_open(item) && item->stored_id == 0
		                 ? import_build(r, state, item, ref)
		                 : 0;

		if (rc < 0)
			return import_build_failed(r, item, rc);
	}
	return request_query_any(r, save_unit(r, state, in->source), cases_saved);
}

static enum step cases_saved(struct request *r)
{
	struct import *state = r->state;
	const struct otk_error *err = db_unit_error(r->unit);

	if (err->code == OTK_ABORTED && strcmp(err->reason, "STALE_REFERENCE") == 0) {
		request_on_cancel(r, unlink_wait);
		desk_reference_renew(r->service->desk, &state->wait, woken, r);
		return request_wait(r, import_cases_ready);
	}
	if (err->code == OTK_ABORTED)
		return request_go(r, cases_find);
	if (err->code != OTK_OK)
		return request_fail(r, err);
	for (size_t i = 0; i < state->count; i++) {
		struct import_item *item = &state->items[i];

		if (!import_is_open(item))
			continue;
		if (item->stored_id != 0)
			import_decide(item,
			        OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNCHANGED,
			        item->stored_id, "");
		else
			import_decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CREATED,
			        item->ticket_id, "");
		item->result.armed = !item->change.ticket.observed;
	}
	return import_finish(r);
}

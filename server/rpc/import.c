/*
 * ImportCases: observed history of another system. Cases that were taken before are told apart
 * first; of the others the names become ids, and then all are saved in one transaction with the
 * record that they were taken, so whoever asks twice gets one ticket.
 *
 *	import_cases_begin → cases_find → cases_found → names_found → cases_save → cases_saved
 *
 * With `arm`, cases that were taken before are read as well (stored_read → stored_found, before
 * cases_save) and armed where nobody has touched them since.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/tz.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/import_case.h"
#include "desk/load.h"
#include "core/lifecycle.h"
#include "desk/save.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/import_check.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { IMPORT_ATTEMPTS = 8, NAMES_A_ROW = 4 };

/* A case on its way. */
struct item {
	const Otklik__V1__ImportedCase *in;
	Otklik__V1__ImportResult result;
	uint8_t hash[IMPORT_HASH_SIZE];
	int64_t ticket_id; /* ours, given once */
	int64_t stored_id; /* taken before, to be armed; 0: not so */
	struct import_observation *observations;
	struct change change;
	struct change lived; /* of a stored one: its past under the contract */
	struct save save;
};

/* One name that the cases use, and what it means. */
struct name {
	enum import_name_kind kind;
	const char *text;
	int32_t id;
	char slug[CODE_MAX + 1];
	char hashed[CODE_MAX + 1];
};

struct import {
	int32_t customer_id;
	const char *zone;
	const char *scope;
	struct item *items;
	size_t count;
	struct name *names; /* sorted by kind and text */
	size_t name_count;
	unsigned attempts;
	struct desk_wait wait;
};

static enum step cases_find(struct request *r);
static enum step cases_found(struct request *r);
static enum step names_found(struct request *r);
static enum step cases_save(struct request *r);
static enum step cases_ready(struct request *r);
static enum step stored_found(struct request *r);
static enum step cases_saved(struct request *r);

/* A text of the schema is not const, though nobody writes to it. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static bool is_open(const struct item *item)
{
	return item->result.outcome == OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNSPECIFIED;
}

static void decide(struct item *item, Otklik__V1__ImportOutcome outcome, int64_t ticket_id,
        const char *reason)
{
	item->result.outcome = outcome;
	item->result.ticket_id = ticket_id;
	item->result.reason = text_of(reason);
}

static void refuse(struct item *item, const char *reason)
{
	decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_REFUSED, 0, reason);
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
	return strcmp((*(struct item *const *)a)->in->ref, (*(struct item *const *)b)->in->ref);
}

/* Cases by number, to find the repeated ones. NULL when the arena is out. */
static struct item **sort_items(struct request *r, struct import *state)
{
	struct item **sorted = arena_calloc(r->arena, state->count + 1, sizeof *sorted);

	for (size_t i = 0; sorted != NULL && i < state->count; i++)
		sorted[i] = &state->items[i];
	if (sorted != NULL)
		qsort(sorted, state->count, sizeof *sorted, compare_items);
	return sorted;
}

static int take_items(
        struct request *r, struct import *state, const Otklik__V1__ImportCasesRequest *in)
{
	struct item **sorted;

	state->items = arena_calloc(r->arena, in->n_cases + 1, sizeof *state->items);
	if (state->items == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	state->count = in->n_cases;
	for (size_t i = 0; i < in->n_cases; i++) {
		struct item *item = &state->items[i];
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

static enum step finish(struct request *r)
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
		if (!is_open(&state->items[i]))
			continue;
		db_add_text(refs, state->items[i].in->ref);
		open++;
	}
	return open == 0 ? finish(r) : request_query(r, unit, cases_found);
}

/* One that we saved ourselves, without having heard of it, is created and not unchanged. */
static void found(struct item *item, int64_t ticket_id, const void *hash, size_t size, bool arm)
{
	if (size != sizeof item->hash || memcmp(hash, item->hash, size) != 0)
		decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CONFLICT, ticket_id,
		        "imported before with other content; nothing was changed");
	else if (ticket_id == item->ticket_id)
		decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CREATED, ticket_id, "");
	else if (arm)
		item->stored_id = ticket_id;
	else
		decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNCHANGED, ticket_id,
		        "");
}

static int compare_names(const void *a, const void *b)
{
	const struct name *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return strcmp(left->text, right->text);
}

static void add_name(struct import *state, enum import_name_kind kind, const char *text)
{
	const struct name *last =
	        state->name_count == 0 ? NULL : &state->names[state->name_count - 1];

	if (*text == '\0' ||
	        (last != NULL && last->kind == kind && strcmp(last->text, text) == 0))
		return;
	state->names[state->name_count++] = (struct name){.kind = kind, .text = text};
}

/* Each name once, by kind and text. */
static int gather_names(struct request *r, struct import *state, const char *source)
{
	size_t rows = 0, kept = 0;
	int rc = 0;

	for (size_t i = 0; i < state->count; i++)
		rows += is_open(&state->items[i]) ? state->items[i].in->n_observations : 0;
	state->names = malloc((rows * NAMES_A_ROW + 1) * sizeof *state->names);
	if (state->names == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	state->name_count = 0;
	for (int kind = IMPORT_TEAM; kind <= IMPORT_ASSIGNEE; kind++) {
		for (size_t i = 0; i < state->count; i++) {
			const Otklik__V1__ImportedCase *in = state->items[i].in;

			for (size_t k = 0; is_open(&state->items[i]) && k < in->n_observations;
			        k++) {
				const Otklik__V1__Observation *o = in->observations[k];
				const char *const texts[] = {
				        NULL, o->team, o->site, o->requester, o->assignee};

				add_name(state, (enum import_name_kind)kind, texts[kind]);
			}
		}
	}
	qsort(state->names, state->name_count, sizeof *state->names, compare_names);
	for (size_t i = 0; i < state->name_count; i++) {
		if (i == 0 || compare_names(&state->names[kept - 1], &state->names[i]) != 0)
			state->names[kept++] = state->names[i];
	}
	state->name_count = kept;
	for (size_t i = 0; rc == 0 && i < kept; i++)
		rc = import_slug(state->names[i].kind, state->customer_id, source,
		        state->names[i].text, state->names[i].slug, state->names[i].hashed);
	if (rc == 0) {
		struct name *own =
		        arena_memdup(r->arena, state->names, (kept + 1) * sizeof *own);

		free(state->names);
		state->names = own;
		return own == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;
	}
	free(state->names);
	return rc;
}

static enum step names_find(struct request *r)
{
	struct import *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	struct db_array *kinds, *texts, *slugs, *hashed;

	if (unit == NULL)
		return request_no_memory(r);
	db_call(unit, SQL_IMPORT_NAMES);
	db_put_int(unit, state->customer_id);
	kinds = db_put_array(unit, DB_INT2, state->name_count);
	texts = db_put_array(unit, DB_TEXT, state->name_count);
	slugs = db_put_array(unit, DB_TEXT, state->name_count);
	hashed = db_put_array(unit, DB_TEXT, state->name_count);
	for (size_t i = 0; i < state->name_count; i++) {
		db_add_int(kinds, state->names[i].kind);
		db_add_text(texts, state->names[i].text);
		db_add_text(slugs, state->names[i].slug);
		db_add_text(hashed, state->names[i].hashed);
	}
	return request_query(r, unit, names_found);
}

static enum step cases_found(struct request *r)
{
	const Otklik__V1__ImportCasesRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct import *state = r->state;
	struct item **sorted = sort_items(r, state);
	size_t open = 0;

	if (sorted == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < db_rows_count(rows); i++) {
		Otklik__V1__ImportedCase key = {.ref = text_of(db_get_text(rows, i, 0))};
		struct item wanted = {.in = &key}, *address = &wanted;
		struct item **at =
		        bsearch(&address, sorted, state->count, sizeof *sorted, compare_items);
		size_t size;
		const void *hash = db_get_bytes(rows, i, 2, &size);

		/* of two with one number only the first is open */
		while (at != NULL && at > sorted && compare_items(&at[-1], &address) == 0)
			at--;
		for (; at != NULL && at < sorted + state->count &&
		        compare_items(at, &address) == 0;
		        at++) {
			if (is_open(*at))
				found(*at, db_get_int(rows, i, 1), hash, size, in->arm);
		}
	}
	for (size_t i = 0; i < state->count; i++)
		open += is_open(&state->items[i]) ? 1 : 0;
	if (open == 0)
		return finish(r);
	if (state->names != NULL)
		return request_go(r, cases_ready);
	if (gather_names(r, state, in->source) < 0)
		return request_no_memory(r);
	return state->name_count == 0 ? request_go(r, cases_ready) : names_find(r);
}

/* --- from names to ids ------------------------------------------------------------------- */

static int32_t id_of(const struct import *state, enum import_name_kind kind, const char *text)
{
	struct name key = {.kind = kind, .text = text};
	const struct name *name = *text == '\0' ? NULL
	                                        : bsearch(&key, state->names, state->name_count,
	                                                  sizeof *state->names, compare_names);

	return name == NULL ? 0 : name->id;
}

static int resolve(struct request *r, const struct import *state, struct item *item)
{
	const Otklik__V1__ImportedCase *in = item->in;

	item->observations =
	        arena_calloc(r->arena, in->n_observations, sizeof *item->observations);
	if (item->observations == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < in->n_observations; i++) {
		const Otklik__V1__Observation *o = in->observations[i];

		item->observations[i] = (struct import_observation){.at = o->at_us,
		        .state = (enum ticket_state)o->state,
		        .pending_reason = (enum pending_reason)o->pending_reason,
		        .team_id = id_of(state, IMPORT_TEAM, o->team),
		        .assignee_id = id_of(state, IMPORT_ASSIGNEE, o->assignee),
		        .site_id = id_of(state, IMPORT_SITE, o->site),
		        .requester_id = id_of(state, IMPORT_REQUESTER, o->requester),
		        .priority = (int16_t)o->priority,
		        .impact = (int16_t)o->impact,
		        .urgency = (int16_t)o->urgency,
		        .category = o->category,
		        .subcategory = o->subcategory};
	}
	return 0;
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
	return request_go(r, cases_ready);
}

/* --- what is stored and to be armed ------------------------------------------------------- */

/* Its observations as a journal; of a new case the ticket itself. */
static int build(struct request *r, const struct import *state, struct item *item,
        const struct reference *ref)
{
	struct change *change = item->stored_id != 0 ? &item->lived : &item->change;
	bool arm = ((const Otklik__V1__ImportCasesRequest *)(const void *)r->message)->arm;
	struct actor actor = caller_actor(r->principal, state->customer_id);
	struct import_case in = {.customer_id = state->customer_id,
	        .ticket_id = item->ticket_id,
	        .ref = item->in->ref,
	        .title = item->in->title,
	        .channel = item->in->channel,
	        .zone = state->zone,
	        .type = (enum ticket_type)item->in->type,
	        .created_at = item->in->created_at_us,
	        .count = item->in->n_observations};

	if (item->observations == NULL && resolve(r, state, item) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	in.observations = item->observations;
	if (arm) {
		const struct ref_contract *contract = reference_contract_for(ref,
		        in.customer_id, item->observations[in.count - 1].site_id, 0, r->now);

		in.arm = contract == NULL ? 0 : contract->id;
	}
	change_init(change, r->arena, ref);
	item->save = (struct save){.change = &item->change, .principal_id = r->principal->id};
	return import_case_build(change, &in, &actor, r->now);
}

/* 1; 0 where it cannot be armed any more, or has no contract. */
static int arm_stored(struct request *r, const struct import *state, struct item *item,
        const struct reference *ref)
{
	struct otk_error err = {0};
	int rc;

	if (item->change.ticket.ticket_id != item->stored_id)
		return 0;
	rc = build(r, state, item, ref);
	return rc < 0 ? rc : lifecycle_arm_stored(&item->change, &item->lived, &err);
}

static enum step build_failed(struct request *r, const struct item *item, int rc)
{
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return request_no_memory(r);
	return request_error(r, (enum otk_status) - rc, "NOT_ARMED",
	        "case %.100s cannot be armed: its times lie outside of what calendars know",
	        item->in->ref);
}

static enum step cases_ready(struct request *r)
{
	struct import *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	int64_t ids[IMPORT_CASES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < state->count; i++) {
		if (is_open(&state->items[i]) && state->items[i].stored_id != 0)
			ids[count++] = state->items[i].stored_id;
	}
	if (count == 0)
		return request_go(r, cases_save);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, state->scope);
	load_calls(unit, ids, count);
	return request_query(r, unit, stored_found);
}

static enum step stored_found(struct request *r)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct import *state = r->state;
	struct load_cursor rows = load_rows(r->unit, 0);
	struct change change;
	size_t open = 0;
	int rc;

	while ((rc = load_next(&rows, r->arena, ref, &change)) == 1) {
		for (size_t i = 0; i < state->count; i++) {
			if (state->items[i].stored_id == change.ticket.ticket_id)
				state->items[i].change = change;
		}
	}
	if (rc < 0)
		return request_no_memory(r);
	for (size_t i = 0; i < state->count; i++) {
		struct item *item = &state->items[i];

		if (!is_open(item))
			continue;
		rc = item->stored_id != 0 ? arm_stored(r, state, item, ref) : 1;
		if (rc < 0)
			return build_failed(r, item, rc);
		if (rc == 0)
			decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNCHANGED,
			        item->stored_id, "");
		open += rc == 1;
	}
	return open == 0 ? finish(r) : request_go(r, cases_save);
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
		const struct item *item = &state->items[i];

		if (!is_open(item) || item->stored_id != 0)
			continue;
		db_add_text(refs, item->in->ref);
		db_add_int(tickets, item->ticket_id);
		db_add_bytes(hashes, item->hash, sizeof item->hash);
	}
	for (size_t i = 0; i < state->count; i++) {
		if (is_open(&state->items[i]))
			saves[count++] = &state->items[i].save;
		if (count == SAVE_ITEMS_MAX || (i + 1 == state->count && count > 0)) {
			if (save_call(unit, saves, count, true) < 0)
				return NULL;
			count = 0;
		}
	}
	return unit;
}

static enum step cases_save(struct request *r)
{
	const Otklik__V1__ImportCasesRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	struct import *state = r->state;

	if (++state->attempts > IMPORT_ATTEMPTS * (IMPORT_CASES_MAX / 64 + 2))
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the installation; try again");
	for (size_t i = 0; i < state->count; i++) {
		struct item *item = &state->items[i];

		if (!is_open(item) || item->ticket_id != 0 || item->stored_id != 0)
			continue;
		item->ticket_id = desk_number(r->service->desk);
		if (item->ticket_id == 0) {
			request_on_cancel(r, unlink_wait);
			desk_number_wait(r->service->desk, &state->wait, woken, r);
			return request_wait(r, cases_save);
		}
	}
	for (size_t i = 0; i < state->count; i++) {
		struct item *item = &state->items[i];
		int rc = is_open(item) && item->stored_id == 0 ? build(r, state, item, ref) : 0;

		if (rc < 0)
			return build_failed(r, item, rc);
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
		return request_wait(r, cases_ready);
	}
	if (err->code == OTK_ABORTED)
		return request_go(r, cases_find);
	if (err->code != OTK_OK)
		return request_fail(r, err);
	for (size_t i = 0; i < state->count; i++) {
		struct item *item = &state->items[i];

		if (!is_open(item))
			continue;
		if (item->stored_id != 0)
			decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNCHANGED,
			        item->stored_id, "");
		else
			decide(item, OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CREATED,
			        item->ticket_id, "");
		item->result.armed = !item->change.ticket.observed;
	}
	return finish(r);
}

/* Names in imported cases: each once, with the codes it may get, and their ids afterwards. */
#include <stdlib.h>
#include <string.h>

#include "db/unit.h"
#include "rpc/import_internal.h"
#include "sql/statements.h"

enum { NAMES_A_ROW = 4 };

static int compare_names(const void *a, const void *b)
{
	const struct import_name *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return strcmp(left->text, right->text);
}

static void add_name(struct import *state, enum import_name_kind kind, const char *text)
{
	const struct import_name *last =
	        state->name_count == 0 ? NULL : &state->names[state->name_count - 1];

	if (*text == '\0' ||
	        (last != NULL && last->kind == kind && strcmp(last->text, text) == 0))
		return;
	state->names[state->name_count++] = (struct import_name){.kind = kind, .text = text};
}

int import_names_gather(struct request *r, struct import *state, const char *source)
{
	size_t rows = 0, kept = 0;
	int rc = 0;

	for (size_t i = 0; i < state->count; i++)
		rows += import_is_open(&state->items[i]) ? state->items[i].in->n_observations
		                                         : 0;
	state->names = malloc((rows * NAMES_A_ROW + 1) * sizeof *state->names);
	if (state->names == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	state->name_count = 0;
	for (int kind = IMPORT_TEAM; kind <= IMPORT_ASSIGNEE; kind++) {
		for (size_t i = 0; i < state->count; i++) {
			const Otklik__V1__ImportedCase *in = state->items[i].in;

			for (size_t k = 0;
			        import_is_open(&state->items[i]) && k < in->n_observations;
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
		struct import_name *own =
		        arena_memdup(r->arena, state->names, (kept + 1) * sizeof *own);

		free(state->names);
		state->names = own;
		return own == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;
	}
	free(state->names);
	return rc;
}

struct db_unit *import_names_unit(struct request *r, const struct import *state)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	struct db_array *kinds, *texts, *slugs, *hashed;

	if (unit == NULL)
		return NULL;
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
	return unit;
}

static int32_t id_of(const struct import *state, enum import_name_kind kind, const char *text)
{
	struct import_name key = {.kind = kind, .text = text};
	const struct import_name *name =
	        *text == '\0' ? NULL
	                      : bsearch(&key, state->names, state->name_count,
	                                sizeof *state->names, compare_names);

	return name == NULL ? 0 : name->id;
}

int import_resolve(struct request *r, const struct import *state, struct import_item *item)
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

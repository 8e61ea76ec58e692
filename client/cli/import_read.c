/* From rows to observations, from observations to cases. */
#include "cli/import_read.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/time_text.h"
#include "base/tz.h"

enum { IMPORT_TEXT_MAX = 1000 };

/* --- rows ------------------------------------------------------------------------------ */

static int column_find(const struct csv_row *header, const char *name, bool required,
        const char *key, int *out, struct otk_error *err)
{
	*out = -1;
	if (name[0] == '\0') {
		if (required)
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_MAP",
			        "the map must name the column of `columns.%s`", key);
		return 0;
	}
	for (size_t i = 0; i < header->count; i++) {
		if (strcmp(header->fields[i], name) == 0) {
			*out = (int)i;
			return 0;
		}
	}
	return error_set(err, OTK_INVALID_ARGUMENT, "BAD_MAP",
	        "the log has no column %.60s, which the map names for `columns.%s`", name, key);
}

int import_columns_find(const Otklik__V1__ImportMap *map, const struct csv_row *header,
        struct import_columns *columns, struct otk_error *err)
{
	const Otklik__V1__ImportColumns *c = map->columns;
	const struct {
		const char *name;
		const char *key;
		bool required;
		int *out;
	} wanted[] = {
	        {c->number, "number", true, &columns->number},
	        {c->created, "created", true, &columns->created},
	        {c->observed, "observed", true, &columns->observed},
	        {c->order, "order", false, &columns->order},
	        {c->state, "state", true, &columns->texts[STAGE_STATE]},
	        {c->team, "team", false, &columns->texts[STAGE_TEAM]},
	        {c->assignee, "assignee", false, &columns->texts[STAGE_ASSIGNEE]},
	        {c->site, "site", false, &columns->texts[STAGE_SITE]},
	        {c->priority, "priority", false, &columns->texts[STAGE_PRIORITY]},
	        {c->impact, "impact", false, &columns->texts[STAGE_IMPACT]},
	        {c->urgency, "urgency", false, &columns->texts[STAGE_URGENCY]},
	        {c->category, "category", false, &columns->texts[STAGE_CATEGORY]},
	        {c->subcategory, "subcategory", false, &columns->texts[STAGE_SUBCATEGORY]},
	        {c->channel, "channel", false, &columns->texts[STAGE_CHANNEL]},
	        {c->requester, "requester", false, &columns->texts[STAGE_REQUESTER]},
	        {c->title, "title", false, &columns->texts[STAGE_TITLE]},
	};

	columns->count = header->count;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		int rc = column_find(header, wanted[i].name, wanted[i].required, wanted[i].key,
		        wanted[i].out, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The field, or NULL where it is empty or one of the words for nothing. */
static const char *field_of(
        const Otklik__V1__ImportMap *map, const struct csv_row *row, int column)
{
	const char *text;

	if (column < 0 || (size_t)column >= row->count)
		return NULL;
	text = row->fields[column];
	if (text[0] == '\0')
		return NULL;
	for (size_t i = 0; i < map->n_empty; i++) {
		if (strcmp(map->empty[i], text) == 0)
			return NULL;
	}
	return text;
}

static int instant_read(const Otklik__V1__ImportMap *map, const char *text, const char *what,
        int64_t *out, struct otk_error *err)
{
	int local = 0;

	if (text == NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW", "%s is empty", what);
	if (time_parse(text, out, &local) != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
		        "%s: '%.40s' is no time; it must look like 2016-02-29T01:16:00Z", what,
		        text);
	if (local) {
		const struct tz *tz;

		if (tz_find(map->zone[0] != '\0' ? map->zone : "UTC", &tz, err) != 0)
			return -OTK_INVALID_ARGUMENT;
		*out = tz_from_local(tz, *out);
	}
	return 0;
}

static const Otklik__V1__ImportState *state_find(
        const Otklik__V1__ImportMap *map, const char *text)
{
	for (size_t i = 0; i < map->n_states; i++) {
		if (strcmp(map->states[i]->from, text) == 0)
			return map->states[i];
	}
	return NULL;
}

static int level_check(const char *text, const char *what, int64_t max, struct otk_error *err)
{
	int64_t value;

	if (text != NULL && text_to_i64(text, 1, max, &value) != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
		        "%s: '%.40s' must be a number from 1 to %lld", what, text,
		        (long long)max);
	return 0;
}

static int row_check(const Otklik__V1__ImportMap *map, const struct import_columns *columns,
        const struct csv_row *row, struct stage_row *out, struct otk_error *err)
{
	const char *order;
	int rc;

	if (row->count != columns->count)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
		        "the row has %zu columns, the header %zu", row->count, columns->count);
	for (int i = 0; i < STAGE_TEXTS; i++) {
		out->texts[i] = field_of(map, row, columns->texts[i]);
		if (out->texts[i] != NULL && strlen(out->texts[i]) > IMPORT_TEXT_MAX)
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
			        "column %d: a text is at most %d bytes", columns->texts[i] + 1,
			        IMPORT_TEXT_MAX);
	}
	if (out->ref == NULL)
		return error_set(
		        err, OTK_INVALID_ARGUMENT, "BAD_ROW", "the case has no number");
	if (strlen(out->ref) > 100)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
		        "the number of a case is at most 100 bytes");
	rc = instant_read(map, field_of(map, row, columns->created), "the time of creation",
	        &out->created_at, err);
	if (rc == 0)
		rc = instant_read(map, field_of(map, row, columns->observed),
		        "the time of observation", &out->observed_at, err);
	if (rc != 0)
		return rc;
	order = field_of(map, row, columns->order);
	if (order != NULL && text_to_i64(order, INT64_MIN, INT64_MAX, &out->order) != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
		        "'%.40s' is no number to order by", order);
	if (out->texts[STAGE_STATE] != NULL && state_find(map, out->texts[STAGE_STATE]) == NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
		        "the map does not say what the state '%.60s' is",
		        out->texts[STAGE_STATE]);
	rc = level_check(out->texts[STAGE_PRIORITY], "priority", 5, err);
	if (rc == 0)
		rc = level_check(out->texts[STAGE_IMPACT], "impact", 3, err);
	if (rc == 0)
		rc = level_check(out->texts[STAGE_URGENCY], "urgency", 3, err);
	return rc;
}

int import_row_broken(const struct import_columns *columns, const struct csv_row *row,
        struct stage *stage, const char *reason, struct otk_error *err)
{
	const char *ref =
	        (size_t)columns->number < row->count ? row->fields[columns->number] : NULL;

	if (ref != NULL && (ref[0] == '\0' || !text_is_utf8(ref, strlen(ref))))
		ref = NULL;
	return stage_refuse(stage, ref, row->line, row->raw, reason, err);
}

int import_row(const Otklik__V1__ImportMap *map, const struct import_columns *columns,
        const struct csv_row *row, struct stage *stage, struct otk_error *err)
{
	struct stage_row out = {.line = row->line, .raw = row->raw};
	struct otk_error wrong;

	error_clear(&wrong);
	out.ref = field_of(map, row, columns->number);
	if (row_check(map, columns, row, &out, &wrong) != 0)
		return stage_refuse(stage, out.ref, row->line, row->raw, wrong.message, err);
	return stage_add(stage, &out, err);
}

/* --- cases ----------------------------------------------------------------------------- */

struct carried {
	char *texts[STAGE_TEXTS];
	Otklik__V1__TicketState state;
	Otklik__V1__PendingReason reason;
};

/* The value now in force: the row's, or the one before where the map carries forward. */
static int carry(const Otklik__V1__ImportMap *map, const struct stage_row *row,
        struct carried *now, struct arena *arena)
{
	for (int i = 0; i < STAGE_TEXTS; i++) {
		if (row->texts[i] == NULL) {
			if (!map->carry_forward)
				now->texts[i] = NULL;
			continue;
		}
		now->texts[i] = arena_strdup(arena, row->texts[i]);
		if (now->texts[i] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	if (row->texts[STAGE_STATE] != NULL) {
		const Otklik__V1__ImportState *state = state_find(map, row->texts[STAGE_STATE]);

		if (!state->keep) {
			now->state = state->state;
			now->reason = state->reason;
		}
	}
	return 0;
}

static char *text_or_empty(char *text)
{
	return text == NULL ? (char *)(uintptr_t) "" : text;
}

static uint32_t number_of(const char *text)
{
	int64_t value = 0;

	if (text != NULL)
		(void)text_to_i64(text, 1, 5, &value);
	return (uint32_t)value;
}

static Otklik__V1__Observation *observation_new(
        const struct stage_row *row, const struct carried *now, struct arena *arena)
{
	Otklik__V1__Observation *o = arena_alloc(arena, sizeof *o);

	if (o == NULL)
		return NULL;
	otklik__v1__observation__init(o);
	o->at_us = row->observed_at;
	o->state = now->state;
	o->pending_reason = now->reason;
	o->team = text_or_empty(now->texts[STAGE_TEAM]);
	o->assignee = text_or_empty(now->texts[STAGE_ASSIGNEE]);
	o->site = text_or_empty(now->texts[STAGE_SITE]);
	o->priority = number_of(now->texts[STAGE_PRIORITY]);
	o->impact = number_of(now->texts[STAGE_IMPACT]);
	o->urgency = number_of(now->texts[STAGE_URGENCY]);
	o->category = text_or_empty(now->texts[STAGE_CATEGORY]);
	o->subcategory = text_or_empty(now->texts[STAGE_SUBCATEGORY]);
	o->requester = text_or_empty(now->texts[STAGE_REQUESTER]);
	return o;
}

static Otklik__V1__ImportedCase *case_new(
        const Otklik__V1__ImportMap *map, const struct stage_row *row, struct arena *arena)
{
	Otklik__V1__ImportedCase *c = arena_alloc(arena, sizeof *c);

	if (c == NULL)
		return NULL;
	otklik__v1__imported_case__init(c);
	c->ref = arena_strdup(arena, row->ref);
	c->created_at_us = row->created_at;
	c->type = map->type;
	c->observations = arena_calloc(arena, 1000, sizeof(Otklik__V1__Observation *));
	return c->ref == NULL || c->observations == NULL ? NULL : c;
}

int import_case_next(const Otklik__V1__ImportMap *map, struct stage *stage,
        struct import_ahead *ahead, struct arena *arena, Otklik__V1__ImportedCase **out,
        struct otk_error *err)
{
	struct carried now = {.state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_NEW};
	Otklik__V1__ImportedCase *c = NULL;
	int rc = ahead->ready;

	if (rc < 0)
		return 0;
	if (rc == 0)
		rc = stage_next(stage, &ahead->row, err);
	while (rc == 1) {
		struct stage_row *row = &ahead->row;

		if (c == NULL)
			c = case_new(map, row, arena);
		else if (strcmp(c->ref, row->ref) != 0)
			break;
		if (c == NULL || carry(map, row, &now, arena) != 0)
			goto out_of_memory;
		c->observations[c->n_observations] = observation_new(row, &now, arena);
		if (c->observations[c->n_observations++] == NULL)
			goto out_of_memory;
		rc = stage_next(stage, row, err);
	}
	if (rc < 0)
		return rc;
	ahead->ready = rc == 1 ? 1 : -1;
	if (c == NULL)
		return 0;
	c->channel = text_or_empty(now.texts[STAGE_CHANNEL]);
	c->title = text_or_empty(now.texts[STAGE_TITLE]);
	if (c->title[0] == '\0')
		c->title = arena_printf(arena, "%s %s", map->source, c->ref);
	if (c->title != NULL) {
		*out = c;
		return 1;
	}
out_of_memory:
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "a case does not fit");
}

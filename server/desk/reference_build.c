/* Makes struct reference of the rows of a load. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/calendar_history.h"
#include "core/calendar_plan.h"
#include "core/duration.h"
#include "core/rota.h"
#include "db/rows.h"
#include "db/unit.h"
#include "desk/reference_load.h"
#include "sql/statements.h"

/* The calls of a load, in order. */
enum reference_call {
	CALL_EPOCH,
	CALL_CUSTOMERS,
	CALL_SITES,
	CALL_SITE_CALENDARS,
	CALL_TEAMS,
	CALL_SERVICES,
	CALL_PRINCIPALS,
	CALL_GRANTS,
	CALL_CALENDARS,
	CALL_ZONES,
	CALL_EDITIONS,
	CALL_CONTRACTS,
	CALL_TARGETS,
	CALL_LEVELS,
	CALL_CREDITS,
	CALL_ROTAS,
	CALL_OVERRIDES,
	CALL_EPOCH_AFTER,
	CALL_COUNT
};

static const int STATEMENTS[CALL_COUNT] = {
        [CALL_EPOCH] = SQL_REFERENCE_EPOCH,
        [CALL_CUSTOMERS] = SQL_REFERENCE_CUSTOMERS,
        [CALL_SITES] = SQL_REFERENCE_SITES,
        [CALL_SITE_CALENDARS] = SQL_REFERENCE_SITE_CALENDARS,
        [CALL_TEAMS] = SQL_REFERENCE_TEAMS,
        [CALL_SERVICES] = SQL_REFERENCE_SERVICES,
        [CALL_PRINCIPALS] = SQL_REFERENCE_PRINCIPALS,
        [CALL_GRANTS] = SQL_REFERENCE_GRANTS,
        [CALL_CALENDARS] = SQL_REFERENCE_CALENDARS,
        [CALL_ZONES] = SQL_REFERENCE_ZONES,
        [CALL_EDITIONS] = SQL_REFERENCE_EDITIONS,
        [CALL_CONTRACTS] = SQL_REFERENCE_CONTRACTS,
        [CALL_TARGETS] = SQL_REFERENCE_TARGETS,
        [CALL_LEVELS] = SQL_REFERENCE_LEVELS,
        [CALL_CREDITS] = SQL_REFERENCE_CREDITS,
        [CALL_ROTAS] = SQL_REFERENCE_ROTAS,
        [CALL_OVERRIDES] = SQL_REFERENCE_OVERRIDES,
        [CALL_EPOCH_AFTER] = SQL_REFERENCE_EPOCH,
};

void reference_calls(struct db_unit *unit)
{
	for (int call = 0; call < CALL_COUNT; call++)
		db_call(unit, STATEMENTS[call]);
}

/* One build: where rows come from and memory goes. */
struct build {
	const struct db_unit *unit;
	struct arena *arena;
	struct reference *ref;
	struct otk_error *err;
	bool no_memory;
};

static void *take(struct build *b, size_t count, size_t size)
{
	void *memory = arena_calloc(b->arena, count > 0 ? count : 1, size);

	if (memory == NULL)
		b->no_memory = true;
	return memory;
}

static char *text_of(struct build *b, const struct db_rows *rows, size_t row, int column)
{
	char *text = arena_strdup(b->arena, db_get_text_or_empty(rows, row, column));

	if (text == NULL)
		b->no_memory = true;
	return text;
}

static void code_of(char out[CODE_MAX + 1], const struct db_rows *rows, size_t row, int column)
{
	strncpy(out, db_get_text_or_empty(rows, row, column), CODE_MAX);
	out[CODE_MAX] = '\0';
}

static int32_t id_of(const struct db_rows *rows, size_t row, int column)
{
	return (int32_t)db_get_int(rows, row, column);
}

/* Both lists are ordered by site. */
static void build_site_calendars(struct build *b)
{
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_SITE_CALENDARS);
	struct ref_site_calendar *all = take(b, db_rows_count(rows), sizeof *all);
	size_t row = 0;

	for (size_t i = 0; !b->no_memory && i < b->ref->site_count; i++) {
		struct ref_site *site = &b->ref->sites[i];

		while (row < db_rows_count(rows) && db_get_int(rows, row, 0) < site->id)
			row++;
		site->calendars = &all[row];
		for (; row < db_rows_count(rows) && db_get_int(rows, row, 0) == site->id; row++)
			site->calendars[site->calendar_count++] =
			        (struct ref_site_calendar){.from_at = db_get_time(rows, row, 1),
			                .calendar_id = id_of(rows, row, 2)};
	}
}

static void build_places(struct build *b)
{
	struct reference *ref = b->ref;
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_CUSTOMERS);

	ref->customers = take(b, db_rows_count(rows), sizeof *ref->customers);
	for (size_t i = 0; !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_customer *customer = &ref->customers[ref->customer_count++];

		customer->id = id_of(rows, i, 0);
		code_of(customer->code, rows, i, 1);
		customer->name = text_of(b, rows, i, 2);
		customer->zone = text_of(b, rows, i, 3);
		customer->retired = db_get_bool(rows, i, 4);
	}
	rows = db_unit_rows(b->unit, CALL_SITES);
	ref->sites = take(b, db_rows_count(rows), sizeof *ref->sites);
	for (size_t i = 0; !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_site *site = &ref->sites[ref->site_count++];

		site->id = id_of(rows, i, 0);
		site->customer_id = id_of(rows, i, 1);
		code_of(site->code, rows, i, 2);
		site->name = text_of(b, rows, i, 3);
		site->zone = text_of(b, rows, i, 4);
		site->retired = db_get_bool(rows, i, 5);
	}
	rows = db_unit_rows(b->unit, CALL_SERVICES);
	ref->services = take(b, db_rows_count(rows), sizeof *ref->services);
	for (size_t i = 0; !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_service *service = &ref->services[ref->service_count++];

		service->id = id_of(rows, i, 0);
		service->customer_id = id_of(rows, i, 1);
		code_of(service->code, rows, i, 2);
		service->retired = db_get_bool(rows, i, 3);
	}
}

/* Both lists are ordered by principal. */
static void build_access(struct build *b, struct ref_principal *principal, size_t *grant)
{
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_GRANTS);
	struct access *access = &principal->access;

	if (principal->kind == PRINCIPAL_AGENT)
		access->grants[access->count++] = (struct access_grant){
		        .role = ROLE_AGENT, .customer_id = principal->customer_id};
	for (; *grant < db_rows_count(rows) && db_get_int(rows, *grant, 0) <= principal->id;
	        (*grant)++) {
		if (db_get_int(rows, *grant, 0) == principal->id &&
		        access->count < ACCESS_GRANTS_MAX)
			access->grants[access->count++] = (struct access_grant){
			        .role = (enum role)db_get_int(rows, *grant, 1),
			        .customer_id = id_of(rows, *grant, 2)};
	}
}

static void build_people(struct build *b)
{
	struct reference *ref = b->ref;
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_TEAMS);
	size_t grant = 0;

	ref->teams = take(b, db_rows_count(rows), sizeof *ref->teams);
	for (size_t i = 0; !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_team *team = &ref->teams[ref->team_count++];

		team->id = id_of(rows, i, 0);
		code_of(team->code, rows, i, 1);
		team->name = text_of(b, rows, i, 2);
		team->retired = db_get_bool(rows, i, 3);
	}
	rows = db_unit_rows(b->unit, CALL_PRINCIPALS);
	ref->principals = take(b, db_rows_count(rows), sizeof *ref->principals);
	for (size_t i = 0; !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_principal *principal = &ref->principals[ref->principal_count++];

		principal->id = id_of(rows, i, 0);
		principal->kind = (enum principal_kind)db_get_int(rows, i, 1);
		principal->customer_id = id_of(rows, i, 2);
		code_of(principal->code, rows, i, 3);
		principal->name = text_of(b, rows, i, 4);
		principal->zone = text_of(b, rows, i, 5);
		principal->uri = db_is_null(rows, i, 6) ? NULL : text_of(b, rows, i, 6);
		principal->site_id = id_of(rows, i, 7);
		principal->team_id = id_of(rows, i, 8);
		principal->disabled = db_get_bool(rows, i, 9);
		build_access(b, principal, &grant);
	}
}

static int bad_row(struct build *b, const char *what, const char *code, const char *text)
{
	return error_set(b->err, OTK_DATA_LOSS, "REFERENCE_DAMAGED",
	        "%s of %s cannot be understood: %s", what, code, text);
}

/* The zone as it was when the edition began, where that was kept. */
static int build_zone(struct build *b, const struct db_rows *editions, size_t row,
        struct calendar_plan *plan, struct otk_error *err)
{
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_ZONES);

	for (size_t i = 0; i < db_rows_count(rows); i++) {
		size_t size;
		const void *data = db_get_bytes(rows, i, 3, &size);

		if (strcmp(db_get_text_or_empty(rows, i, 0), plan->zone) != 0 ||
		        db_get_int(rows, i, 1) != db_get_int(editions, row, 7))
			continue;
		(void)snprintf(plan->zone_version, sizeof plan->zone_version, "%s",
		        db_get_text_or_empty(rows, i, 2));
		if (tz_keep(plan->zone, data, size, &plan->tz) != 0)
			return error_set(err, OTK_DATA_LOSS, "BAD_TIME_ZONE_FILE",
			        "the data of zone %s, edition %d, cannot be used", plan->zone,
			        (int)db_get_int(rows, i, 1));
		return 0;
	}
	return 0;
}

/* Both lists are ordered by calendar. */
static int build_history(struct build *b, struct ref_calendar *calendar, size_t *row)
{
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_EDITIONS);
	struct calendar_edition *editions;
	size_t first, count = 0;

	while (*row < db_rows_count(rows) && db_get_int(rows, *row, 0) < calendar->id)
		(*row)++;
	first = *row;
	while (*row < db_rows_count(rows) && db_get_int(rows, *row, 0) == calendar->id)
		(*row)++;
	calendar->history = take(b, 1, sizeof *calendar->history);
	editions = take(b, *row - first, sizeof *editions);
	if (b->no_memory)
		return -OTK_RESOURCE_EXHAUSTED;
	calendar->history->editions = editions;
	for (size_t i = first; i < *row; i++) {
		struct calendar_plan plan = {0};
		struct otk_error why = {0};
		int rc = plan_parse(db_get_text_or_empty(rows, i, 2),
		        db_get_text_or_empty(rows, i, 3), db_get_text_or_empty(rows, i, 4),
		        &plan, &why);

		if (rc == 0)
			rc = plan_parse_rules(db_get_text_or_empty(rows, i, 5), &plan, &why);
		if (rc == 0)
			rc = plan_parse_names(db_get_text_or_empty(rows, i, 6), &plan, &why);
		if (rc == 0)
			rc = build_zone(b, rows, i, &plan, &why);
		if (rc == 0)
			rc = calendar_new(&plan, &editions[count].calendar, &why);
		plan_release(&plan);
		if (rc < 0)
			return bad_row(b, "calendar", calendar->code, why.message);
		editions[count].from_at = db_get_time(rows, i, 1);
		calendar->history->count = ++count;
		calendar->zone = text_of(b, rows, i, 2);
	}
	return 0;
}

static int build_calendars(struct build *b)
{
	struct reference *ref = b->ref;
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_CALENDARS);
	size_t edition = 0;

	ref->calendars = take(b, db_rows_count(rows), sizeof *ref->calendars);
	for (size_t i = 0; !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_calendar *calendar = &ref->calendars[ref->calendar_count++];
		int rc;

		calendar->id = id_of(rows, i, 0);
		code_of(calendar->code, rows, i, 1);
		rc = build_history(b, calendar, &edition);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int ids_of(struct build *b, const struct db_rows *rows, size_t row, int column,
        int32_t **out, size_t *count)
{
	int64_t *wide;

	if (db_get_ints(rows, row, column, b->arena, &wide, count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	*out = take(b, *count, sizeof **out);
	if (*out == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (int32_t)wide[i];
	return 0;
}

/* "10d" is wall time; anything else as a target writes it. */
static int parse_span(const char *text, struct target *out)
{
	char digits[16];
	size_t length = strlen(text);
	int64_t days;

	if (length > 1 && length < sizeof digits && text[length - 1] == 'd' &&
	        text[length - 2] != 'b') {
		memcpy(digits, text, length - 1);
		digits[length - 1] = '\0';
		if (text_to_i64(digits, 0, 3653, &days) < 0)
			return -OTK_INVALID_ARGUMENT;
		*out = (struct target){.us = days * 86400 * INT64_C(1000000), .wall = true};
		return 0;
	}
	return target_parse(text, "text", out, NULL);
}

static int build_contract(
        struct build *b, const struct db_rows *rows, size_t row, struct ref_contract *contract)
{
	struct target auto_close, reopen;
	int64_t *numbers;
	size_t count;

	contract->id = id_of(rows, row, 0);
	contract->version = id_of(rows, row, 1);
	contract->customer_id = id_of(rows, row, 2);
	code_of(contract->code, rows, row, 3);
	contract->calendar_id = id_of(rows, row, 4);
	contract->valid_from = db_get_time(rows, row, 5);
	contract->withdrawn = db_get_bool(rows, row, 6);
	contract->withdrawn_at = db_get_time(rows, row, 14);
	if (ids_of(b, rows, row, 7, &contract->site_ids, &contract->site_count) < 0 ||
	        ids_of(b, rows, row, 8, &contract->service_ids, &contract->service_count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	if (db_get_ints(rows, row, 9, b->arena, &numbers, &count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count && i < 9; i++)
		contract->matrix[i] = (int16_t)numbers[i];
	if (db_get_ints(rows, row, 10, b->arena, &numbers, &count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count && i < CLOCK_KIND_COUNT; i++)
		contract->pauses[i] = (uint8_t)numbers[i];
	if (parse_span(db_get_text_or_empty(rows, row, 11), &auto_close) < 0)
		return bad_row(
		        b, "auto_close", contract->code, db_get_text_or_empty(rows, row, 11));
	contract->auto_close_bd = auto_close.business_days;
	contract->auto_close_us = auto_close.us;
	if (parse_span(db_get_text_or_empty(rows, row, 12), &reopen) < 0)
		return bad_row(b, "reopen_window", contract->code,
		        db_get_text_or_empty(rows, row, 12));
	contract->reopen_window_us = reopen.us;
	contract->valid_until = db_get_time(rows, row, 15);
	contract->ack_stops = (uint8_t)db_get_int(rows, row, 16);
	contract->fee = db_get_int(rows, row, 17);
	(void)snprintf(contract->currency, sizeof contract->currency, "%s",
	        db_get_text_or_empty(rows, row, 18));
	contract->period = (int16_t)db_get_int(rows, row, 19);
	contract->credit_cap = (int32_t)db_get_int(rows, row, 20);
	return 0;
}

/* How many rows, from *row on, belong to the version `id`. */
static size_t rows_of(const struct db_rows *rows, size_t *row, int32_t id)
{
	size_t end;

	while (*row < db_rows_count(rows) && db_get_int(rows, *row, 0) < id)
		(*row)++;
	for (end = *row; end < db_rows_count(rows) && db_get_int(rows, end, 0) == id;)
		end++;
	return end - *row;
}

static int build_targets(struct build *b, struct ref_contract *contract, size_t *row)
{
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_TARGETS);
	size_t count = rows_of(rows, row, contract->id);

	contract->targets = take(b, count, sizeof *contract->targets);
	for (size_t i = 0; !b->no_memory && i < count; i++, (*row)++) {
		struct ref_target *target = &contract->targets[contract->target_count++];
		struct target length;

		target->type = (int16_t)db_get_int(rows, *row, 1);
		target->priority = (int16_t)db_get_int(rows, *row, 2);
		target->service_id = id_of(rows, *row, 3);
		target->clock = (enum clock_kind)db_get_int(rows, *row, 4);
		target->text = text_of(b, rows, *row, 5);
		target->team_id = id_of(rows, *row, 6);
		if (target->text == NULL)
			break;
		if (target_parse(target->text, "target", &length, NULL) < 0)
			return bad_row(b, "target", contract->code, target->text);
		target->target_us = length.us;
		target->target_bd = length.business_days;
		target->wall = length.wall;
	}
	return 0;
}

static int parse_level(const char *text, struct ref_level *level)
{
	char digits[8];
	size_t length = strlen(text);
	int64_t percent;

	if (length > 1 && length < sizeof digits && text[length - 1] == '%') {
		memcpy(digits, text, length - 1);
		digits[length - 1] = '\0';
		if (text_to_i64(digits, 1, 1000, &percent) < 0)
			return -OTK_INVALID_ARGUMENT;
		level->percent = (int16_t)percent;
		return 0;
	}
	return duration_parse_offset(text, "at", &level->offset_us, NULL);
}

static int build_levels(struct build *b, struct ref_contract *contract, size_t *row)
{
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_LEVELS);
	size_t count = rows_of(rows, row, contract->id);

	contract->levels = take(b, count, sizeof *contract->levels);
	for (size_t i = 0; !b->no_memory && i < count; i++, (*row)++) {
		struct ref_level *level = &contract->levels[contract->level_count++];

		level->clock = (enum clock_kind)db_get_int(rows, *row, 1);
		level->number = (int)db_get_int(rows, *row, 2);
		level->text = text_of(b, rows, *row, 3);
		level->name = text_of(b, rows, *row, 4);
		level->actions = text_of(b, rows, *row, 5);
		if (level->text != NULL && parse_level(level->text, level) < 0)
			return bad_row(b, "level", contract->code, level->text);
	}
	return 0;
}

static void build_credits(struct build *b, struct ref_contract *contract, size_t *row)
{
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_CREDITS);
	size_t count = rows_of(rows, row, contract->id);

	contract->credits = take(b, count, sizeof *contract->credits);
	for (size_t i = 0; !b->no_memory && i < count; i++, (*row)++)
		contract->credits[contract->credit_count++] =
		        (struct ref_credit){.type = (int16_t)db_get_int(rows, *row, 1),
		                .priority = (int16_t)db_get_int(rows, *row, 2),
		                .service_id = id_of(rows, *row, 3),
		                .clock = (enum clock_kind)db_get_int(rows, *row, 4),
		                .below = (int32_t)db_get_int(rows, *row, 5),
		                .credit = (int32_t)db_get_int(rows, *row, 6)};
}

/*
 * Until when each version serves new tickets: a later one of the same contract takes over where
 * it becomes valid, whatever it covers. Versions are few and come in the order of their ids.
 */
static void mark_superseded(struct reference *ref)
{
	for (size_t i = 0; i < ref->contract_count; i++) {
		struct ref_contract *old = &ref->contracts[i];

		for (size_t k = i + 1; k < ref->contract_count; k++) {
			const struct ref_contract *new = &ref->contracts[k];

			if (new->version > old->version && strcmp(new->code, old->code) == 0 &&
			        (old->superseded_at == 0 ||
			                new->valid_from < old->superseded_at))
				old->superseded_at = new->valid_from > 0 ? new->valid_from : 1;
		}
	}
}

static int build_contracts(struct build *b)
{
	struct reference *ref = b->ref;
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_CONTRACTS);
	size_t target = 0, level = 0, credit = 0;
	int rc = 0;

	ref->contracts = take(b, db_rows_count(rows), sizeof *ref->contracts);
	for (size_t i = 0; rc == 0 && !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_contract *contract = &ref->contracts[ref->contract_count++];

		contract->current = !db_get_bool(rows, i, 6);
		rc = build_contract(b, rows, i, contract);
		if (rc == 0)
			rc = build_targets(b, contract, &target);
		if (rc == 0)
			rc = build_levels(b, contract, &level);
		if (rc == 0)
			build_credits(b, contract, &credit);
	}
	mark_superseded(ref);
	return rc;
}

static int build_rota(
        struct build *b, const struct db_rows *rows, size_t row, struct ref_rota *rota)
{
	struct rota_text text = {.zone = db_get_text_or_empty(rows, row, 5),
	        .period = db_get_text_or_empty(rows, row, 6),
	        .hand_over = db_get_text_or_empty(rows, row, 7),
	        .start = db_get_text_or_empty(rows, row, 8),
	        .coverage = db_get_text_or_empty(rows, row, 9)};
	struct otk_error why = {0};
	int rc;

	rota->id = id_of(rows, row, 0);
	code_of(rota->code, rows, row, 1);
	rota->team_id = id_of(rows, row, 2);
	rota->layer = (int16_t)db_get_int(rows, row, 3);
	if (ids_of(b, rows, row, 4, &rota->people, &rota->person_count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	rc = rota_parse(&text, rota, &why);
	return rc == 0 ? 0 : bad_row(b, "rota", rota->code, why.message);
}

static int build_rotas(struct build *b)
{
	struct reference *ref = b->ref;
	const struct db_rows *rows = db_unit_rows(b->unit, CALL_ROTAS);
	int rc = 0;

	ref->rotas = take(b, db_rows_count(rows), sizeof *ref->rotas);
	for (size_t i = 0; rc == 0 && !b->no_memory && i < db_rows_count(rows); i++)
		rc = build_rota(b, rows, i, &ref->rotas[ref->rota_count++]);
	rows = db_unit_rows(b->unit, CALL_OVERRIDES);
	ref->overrides = take(b, db_rows_count(rows), sizeof *ref->overrides);
	for (size_t i = 0; !b->no_memory && i < db_rows_count(rows); i++) {
		struct ref_override *o = &ref->overrides[ref->override_count++];

		o->id = db_get_int(rows, i, 0);
		o->team_id = id_of(rows, i, 1);
		o->layer = (int16_t)db_get_int(rows, i, 2);
		o->person_id = id_of(rows, i, 3);
		o->from = db_get_time(rows, i, 4);
		o->to = db_get_time(rows, i, 5);
		o->reason = text_of(b, rows, i, 6);
		o->made_by = id_of(rows, i, 7);
		o->in_place_of = id_of(rows, i, 8);
	}
	return rc;
}

int reference_build(const struct db_unit *unit, struct arena *arena, struct reference **out,
        struct otk_error *err)
{
	struct build b = {.unit = unit, .arena = arena, .err = err};
	const struct db_rows *before = db_unit_rows(unit, CALL_EPOCH);
	int rc;

	if (db_get_int(before, 0, 0) != db_get_int(db_unit_rows(unit, CALL_EPOCH_AFTER), 0, 0))
		return error_set(err, OTK_ABORTED, "REFERENCE_CHANGING",
		        "reference data changed while they were read");
	b.ref = take(&b, 1, sizeof *b.ref);
	if (b.ref == NULL)
		goto no_memory;
	b.ref->epoch = db_get_int(before, 0, 0);
	b.ref->installation = text_of(&b, before, 0, 1);
	b.ref->mail_address = text_of(&b, before, 0, 4);
	build_places(&b);
	build_site_calendars(&b);
	build_people(&b);
	rc = build_calendars(&b);
	if (rc == 0)
		rc = build_contracts(&b);
	if (rc == 0)
		rc = build_rotas(&b);
	if (rc == 0 && b.no_memory)
		goto no_memory;
	if (rc == 0)
		rc = reference_index(b.ref);
	if (rc < 0) {
		reference_release(b.ref);
		return rc;
	}
	*out = b.ref;
	return 0;

no_memory:
	reference_release(b.ref);
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY",
	        "reference data do not fit in memory");
}

void reference_release(struct reference *ref)
{
	if (ref == NULL)
		return;
	reference_index_free(ref);
	for (size_t i = 0; i < ref->rota_count; i++)
		rota_release(&ref->rotas[i]);
	for (size_t i = 0; i < ref->calendar_count; i++) {
		const struct calendar_history *history = ref->calendars[i].history;

		for (size_t j = 0; history != NULL && j < history->count; j++)
			calendar_free(history->editions[j].calendar);
	}
}

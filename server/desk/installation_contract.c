/* Stored contracts as things, with the terms that they are made of. */
#include "base/time_text.h"
#include "db/rows.h"
#include "desk/installation.h"

/* Columns of installation_contracts. */
enum {
	COL_CODE,
	COL_IN_USE,
	COL_CUSTOMER,
	COL_CALENDAR,
	COL_VALID_FROM,
	COL_SITES,
	COL_SERVICES,
	COL_MATRIX,
	COL_PAUSES,
	COL_AUTO_CLOSE,
	COL_REOPEN_WINDOW,
	COL_TARGET_TYPES,
	COL_TARGET_PRIORITIES,
	COL_TARGET_SERVICES,
	COL_TARGET_CLOCKS,
	COL_TARGET_TARGETS,
	COL_LEVEL_CLOCKS,
	COL_LEVEL_ATS,
	COL_LEVEL_NAMES,
	COL_LEVEL_ACTIONS,
	COL_TARGET_TEAMS,
	COL_VALID_UNTIL,
	COL_ACK_STOPS,
	COL_FEE,
	COL_CURRENCY,
	COL_PERIOD,
	COL_CREDIT_CAP,
	COL_CREDIT_TYPES,
	COL_CREDIT_PRIORITIES,
	COL_CREDIT_SERVICES,
	COL_CREDIT_CLOCKS,
	COL_CREDIT_BELOWS,
	COL_CREDIT_CREDITS,
	COL_SEPARATE,
	COL_VERSION,
};

/* One row being read. */
struct reading {
	const struct db_rows *rows;
	size_t row;
	struct arena *arena;
	struct contract_terms *terms;
	bool no_memory;
};

static size_t get_texts(struct reading *r, int column, const char ***out)
{
	size_t count = 0;

	if (db_get_texts(r->rows, r->row, column, r->arena, out, &count) < 0)
		r->no_memory = true;
	return r->no_memory ? 0 : count;
}

static size_t get_ints(struct reading *r, int column, int64_t **out)
{
	size_t count = 0;

	if (db_get_ints(r->rows, r->row, column, r->arena, out, &count) < 0)
		r->no_memory = true;
	return r->no_memory ? 0 : count;
}

static void *take(struct reading *r, size_t count, size_t size)
{
	void *memory = arena_calloc(r->arena, count + 1, size);

	if (memory == NULL)
		r->no_memory = true;
	return memory;
}

static void load_targets(struct reading *r)
{
	struct contract_terms *terms = r->terms;
	int64_t *types, *priorities, *clocks;
	const char **services, **texts, **teams;
	size_t count = get_ints(r, COL_TARGET_TYPES, &types);

	(void)get_ints(r, COL_TARGET_PRIORITIES, &priorities);
	(void)get_texts(r, COL_TARGET_SERVICES, &services);
	(void)get_ints(r, COL_TARGET_CLOCKS, &clocks);
	(void)get_texts(r, COL_TARGET_TARGETS, &texts);
	(void)get_texts(r, COL_TARGET_TEAMS, &teams);
	terms->targets = take(r, count, sizeof *terms->targets);
	for (size_t i = 0; !r->no_memory && i < count; i++)
		terms->targets[terms->target_count++] =
		        (struct term_target){.type = (int16_t)types[i],
		                .priority = (int16_t)priorities[i],
		                .service = services[i],
		                .clock = (enum clock_kind)clocks[i],
		                .target = texts[i],
		                .team = teams[i]};
}

static void load_levels(struct reading *r)
{
	struct contract_terms *terms = r->terms;
	int64_t *clocks;
	const char **ats, **names, **actions;
	size_t count = get_ints(r, COL_LEVEL_CLOCKS, &clocks);

	(void)get_texts(r, COL_LEVEL_ATS, &ats);
	(void)get_texts(r, COL_LEVEL_NAMES, &names);
	(void)get_texts(r, COL_LEVEL_ACTIONS, &actions);
	terms->levels = take(r, count, sizeof *terms->levels);
	for (size_t i = 0; !r->no_memory && i < count; i++)
		terms->levels[terms->level_count++] =
		        (struct term_level){.clock = (enum clock_kind)clocks[i],
		                .at = ats[i],
		                .name = names[i],
		                .actions = actions[i]};
}

static void load_credits(struct reading *r)
{
	struct contract_terms *terms = r->terms;
	int64_t *types, *priorities, *clocks, *belows, *credits;
	const char **services;
	size_t count = get_ints(r, COL_CREDIT_TYPES, &types);

	(void)get_ints(r, COL_CREDIT_PRIORITIES, &priorities);
	(void)get_texts(r, COL_CREDIT_SERVICES, &services);
	(void)get_ints(r, COL_CREDIT_CLOCKS, &clocks);
	(void)get_ints(r, COL_CREDIT_BELOWS, &belows);
	(void)get_ints(r, COL_CREDIT_CREDITS, &credits);
	terms->credits = take(r, count, sizeof *terms->credits);
	for (size_t i = 0; !r->no_memory && i < count; i++)
		terms->credits[terms->credit_count++] =
		        (struct term_credit){.type = (int16_t)types[i],
		                .priority = (int16_t)priorities[i],
		                .service = services[i],
		                .clock = (enum clock_kind)clocks[i],
		                .below = (int16_t)belows[i],
		                .credit = (int16_t)credits[i]};
}

static void load_numbers(struct reading *r)
{
	struct contract_terms *terms = r->terms;
	int64_t *numbers;
	size_t count = get_ints(r, COL_MATRIX, &numbers);

	for (size_t i = 0; i < count && i < 9; i++)
		terms->matrix[i] = (int16_t)numbers[i];
	count = get_ints(r, COL_PAUSES, &numbers);
	for (size_t i = 0; i < count && i < CLOCK_KIND_COUNT; i++)
		terms->pauses[i] = (uint8_t)numbers[i];
	terms->valid_from = db_get_time(r->rows, r->row, COL_VALID_FROM);
	terms->valid_until = db_get_time(r->rows, r->row, COL_VALID_UNTIL);
	terms->ack_stops = (uint8_t)db_get_int(r->rows, r->row, COL_ACK_STOPS);
	terms->fee = db_get_int(r->rows, r->row, COL_FEE);
	terms->currency = db_get_text_or_empty(r->rows, r->row, COL_CURRENCY);
	terms->period = (int16_t)db_get_int(r->rows, r->row, COL_PERIOD);
	terms->credit_cap = (int16_t)db_get_int(r->rows, r->row, COL_CREDIT_CAP);
}

static const char *instant(struct reading *r, int64_t at)
{
	char text[TIME_TEXT_SIZE];

	return at == 0 ? "" : arena_strdup(r->arena, time_format_utc(at, text));
}

static void load_contract(struct reading *r, struct thing *thing)
{
	struct contract_terms *terms = r->terms;

	thing->retired = !db_get_bool(r->rows, r->row, COL_IN_USE);
	thing->separate = db_get_bool(r->rows, r->row, COL_SEPARATE);
	terms->version = (int32_t)db_get_int(r->rows, r->row, COL_VERSION);
	terms->site_count = get_texts(r, COL_SITES, &terms->sites);
	terms->service_count = get_texts(r, COL_SERVICES, &terms->services);
	load_numbers(r);
	load_targets(r);
	load_levels(r);
	load_credits(r);
	if (r->no_memory)
		return;
	thing->terms.contract = terms;
	thing->texts[CONTRACT_CUSTOMER] = db_get_text_or_empty(r->rows, r->row, COL_CUSTOMER);
	thing->texts[CONTRACT_CALENDAR] = db_get_text_or_empty(r->rows, r->row, COL_CALENDAR);
	thing->texts[CONTRACT_VALID_FROM] = instant(r, terms->valid_from);
	thing->texts[CONTRACT_VALID_UNTIL] = instant(r, terms->valid_until);
	thing->texts[CONTRACT_AUTO_CLOSE] =
	        db_get_text_or_empty(r->rows, r->row, COL_AUTO_CLOSE);
	thing->texts[CONTRACT_REOPEN_WINDOW] =
	        db_get_text_or_empty(r->rows, r->row, COL_REOPEN_WINDOW);
	if (terms_texts(r->arena, terms, thing) < 0 ||
	        thing->texts[CONTRACT_VALID_FROM] == NULL ||
	        thing->texts[CONTRACT_VALID_UNTIL] == NULL)
		r->no_memory = true;
}

int contract_read(const struct db_unit *unit, size_t call, struct thing_list *out)
{
	struct reading r = {.rows = db_unit_rows(unit, call), .arena = out->arena};

	for (; r.row < db_rows_count(r.rows); r.row++) {
		struct thing *thing = thing_add(
		        out, THING_CONTRACT, db_get_text_or_empty(r.rows, r.row, COL_CODE));

		r.terms = arena_calloc(out->arena, 1, sizeof *r.terms);
		if (thing == NULL || r.terms == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		load_contract(&r, thing);
		if (r.no_memory)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	return 0;
}

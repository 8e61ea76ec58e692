/* The stored installation as things. */
#include <string.h>

#include "base/time_text.h"
#include "db/rows.h"
#include "desk/installation.h"
#include "sql/statements.h"

enum read_call {
	CALL_EPOCH,
	CALL_CUSTOMERS,
	CALL_SITES,
	CALL_TEAMS,
	CALL_SERVICES,
	CALL_PRINCIPALS,
	CALL_CALENDARS,
	CALL_CONTRACTS,
	CALL_ROTAS,
	CALL_MAIL,
	CALL_PREFERENCES,
	CALL_TEMPLATES,
	CALL_WEBHOOKS,
	CALL_EPOCH_AFTER,
	CALL_COUNT
};

_Static_assert(CALL_COUNT + 1 == INSTALLATION_READ_CALLS, "one more is the caller's");

void installation_read_calls(struct db_unit *unit, const char *const *codes, size_t count)
{
	db_call(unit, SQL_REFERENCE_EPOCH);
	db_call(unit, SQL_INSTALLATION_CUSTOMERS);
	db_call(unit, SQL_INSTALLATION_SITES);
	db_call(unit, SQL_INSTALLATION_TEAMS);
	db_call(unit, SQL_INSTALLATION_SERVICES);
	db_call(unit, SQL_INSTALLATION_PRINCIPALS);
	db_put_texts(unit, codes, count);
	db_call(unit, SQL_INSTALLATION_CALENDARS);
	contract_read_call(unit, "", 0);
	db_call(unit, SQL_INSTALLATION_ROTAS);
	db_call(unit, SQL_MAIL_POLICY);
	db_call(unit, SQL_PREFERENCE_ALL);
	db_call(unit, SQL_TEMPLATE_ALL);
	db_call(unit, SQL_WEBHOOK_ALL);
	db_call(unit, SQL_REFERENCE_EPOCH);
}

void contract_read_call(struct db_unit *unit, const char *code, int64_t version)
{
	db_call(unit, SQL_INSTALLATION_CONTRACTS);
	db_put_text(unit, code);
	db_put_int(unit, version);
}

struct loading {
	const struct db_unit *unit;
	size_t first;
	struct thing_list *list;
	bool no_memory;
};

/* A thing from a row: its code in column `code`, its texts in the columns from `texts` on. */
static struct thing *load_thing(struct loading *l, enum thing_kind kind,
        const struct db_rows *rows, size_t row, int code, int texts, int count)
{
	struct thing *thing = thing_add(l->list, kind, db_get_text_or_empty(rows, row, code));

	if (thing == NULL) {
		l->no_memory = true;
		return NULL;
	}
	for (int i = 0; i < count; i++)
		thing->texts[i] = db_get_text_or_empty(rows, row, texts + i);
	return thing;
}

/* Kinds whose rows are code, texts, in use, and perhaps imported. */
static void load_simple(
        struct loading *l, enum read_call call, enum thing_kind kind, int texts, bool imports)
{
	const struct db_rows *rows = db_unit_rows(l->unit, l->first + call);

	for (size_t i = 0; !l->no_memory && i < db_rows_count(rows); i++) {
		struct thing *thing = load_thing(l, kind, rows, i, 0, 1, texts);

		if (thing == NULL)
			return;
		thing->retired = !db_get_bool(rows, i, texts + 1);
		thing->imported = imports && db_get_bool(rows, i, texts + 2);
	}
}

static const char *kept(struct loading *l, const char *text)
{
	if (text == NULL)
		l->no_memory = true;
	return text;
}

static size_t get_texts(struct loading *l, const struct db_rows *rows, size_t row, int column,
        const char ***out)
{
	size_t count = 0;

	if (db_get_texts(rows, row, column, l->list->arena, out, &count) < 0)
		l->no_memory = true;
	return l->no_memory ? 0 : count;
}

static size_t get_ints(
        struct loading *l, const struct db_rows *rows, size_t row, int column, int64_t **out)
{
	size_t count = 0;

	if (db_get_ints(rows, row, column, l->list->arena, out, &count) < 0)
		l->no_memory = true;
	return l->no_memory ? 0 : count;
}

static void load_person(
        struct loading *l, const struct db_rows *rows, size_t row, struct thing *thing)
{
	struct arena *arena = l->list->arena;
	struct person_terms terms = {0};
	int64_t *roles;

	terms.grant_count = get_ints(l, rows, row, 10, &roles);
	terms.roles = arena_calloc(arena, terms.grant_count + 1, sizeof *terms.roles);
	if (terms.roles == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < terms.grant_count; i++)
		terms.roles[i] = (int16_t)roles[i];
	(void)get_texts(l, rows, row, 11, &terms.customers);
	terms.team_count = get_texts(l, rows, row, 12, &terms.teams);
	if (l->no_memory)
		return;
	thing->placeholder = db_get_int(rows, row, 0) == 3;
	thing->texts[PERSON_GRANTS] = kept(l, terms_grants(arena, &terms));
	thing->texts[PERSON_TEAMS] = kept(l, terms_join(arena, terms.teams, terms.team_count));
	thing->texts[PERSON_DISABLED] = db_get_bool(rows, row, 7) ? "yes" : "";
}

static void load_principals(struct loading *l)
{
	const struct db_rows *rows = db_unit_rows(l->unit, l->first + CALL_PRINCIPALS);

	for (size_t i = 0; !l->no_memory && i < db_rows_count(rows); i++) {
		if (db_get_int(rows, i, 0) == 2) {
			struct thing *agent = load_thing(l, THING_AGENT, rows, i, 1, 8, 2);

			if (agent != NULL)
				agent->texts[AGENT_DISABLED] =
				        db_get_bool(rows, i, 7) ? "yes" : "";
		} else {
			/* name, email, customer, zone, language */
			struct thing *person = load_thing(l, THING_PERSON, rows, i, 1, 2, 5);

			if (person != NULL)
				load_person(l, rows, i, person);
		}
	}
}

static void load_calendars(struct loading *l)
{
	const struct db_rows *rows = db_unit_rows(l->unit, l->first + CALL_CALENDARS);

	for (size_t i = 0; !l->no_memory && i < db_rows_count(rows); i++) {
		struct thing *thing = load_thing(l, THING_CALENDAR, rows, i, 0, 2, 2);
		const char **texts;
		size_t count;

		if (thing == NULL)
			return;
		thing->retired = !db_get_bool(rows, i, 1);
		count = get_texts(l, rows, i, 4, &texts);
		thing->texts[CALENDAR_HOLIDAYS] =
		        kept(l, terms_join(l->list->arena, texts, count));
		count = get_texts(l, rows, i, 5, &texts);
		thing->texts[CALENDAR_SPECIAL_DAYS] =
		        kept(l, terms_join(l->list->arena, texts, count));
		thing->texts[CALENDAR_RULES] = db_get_text_or_empty(rows, i, 6);
		thing->texts[CALENDAR_NAMES] = db_get_text_or_empty(rows, i, 7);
	}
}

static void load_contracts(struct loading *l)
{
	if (!l->no_memory && contract_read(l->unit, l->first + CALL_CONTRACTS, l->list) ==
	                             -OTK_RESOURCE_EXHAUSTED)
		l->no_memory = true;
}

static void load_mail(struct loading *l)
{
	const struct db_rows *rows = db_unit_rows(l->unit, l->first + CALL_MAIL);
	struct thing *thing;

	if (l->no_memory || db_rows_count(rows) == 0)
		return;
	thing = thing_add(l->list, THING_MAIL, "intake");
	for (int i = 0; thing != NULL && i < MAIL_TEXTS; i++)
		thing->texts[i] = db_get_text_or_empty(rows, 0, i);
	l->no_memory = thing == NULL;
}

static void load_rotas(struct loading *l)
{
	const struct db_rows *rows = db_unit_rows(l->unit, l->first + CALL_ROTAS);

	for (size_t i = 0; !l->no_memory && i < db_rows_count(rows); i++) {
		struct thing *thing = load_thing(l, THING_ROTA, rows, i, 0, 2, ROTA_TEXTS);

		if (thing != NULL)
			thing->retired = !db_get_bool(rows, i, 1);
	}
}

int installation_read(const struct db_unit *unit, size_t first_call, struct thing_list *out,
        int64_t *epoch, const char **name, struct otk_error *err)
{
	struct loading l = {.unit = unit, .first = first_call, .list = out};
	const struct db_rows *before = db_unit_rows(unit, first_call + CALL_EPOCH);
	const struct db_rows *after = db_unit_rows(unit, first_call + CALL_EPOCH_AFTER);

	if (db_rows_count(before) != 1 || db_get_int(before, 0, 0) != db_get_int(after, 0, 0))
		return error_set(err, OTK_ABORTED, "REFERENCE_CHANGING",
		        "reference data changed while they were read");
	load_simple(&l, CALL_CUSTOMERS, THING_CUSTOMER, 3, false);
	load_simple(&l, CALL_SITES, THING_SITE, 3, true);
	load_simple(&l, CALL_TEAMS, THING_TEAM, 1, true);
	load_simple(&l, CALL_SERVICES, THING_SERVICE, 1, false);
	load_principals(&l);
	load_calendars(&l);
	load_contracts(&l);
	load_rotas(&l);
	load_mail(&l);
	if (!l.no_memory &&
	        (preferences_read(db_unit_rows(unit, first_call + CALL_PREFERENCES), out) < 0 ||
	                templates_read(db_unit_rows(unit, first_call + CALL_TEMPLATES), out) <
	                        0 ||
	                webhooks_read(db_unit_rows(unit, first_call + CALL_WEBHOOKS), out) < 0))
		l.no_memory = true;
	if (l.no_memory)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
		        "the stored installation does not fit in the memory of one request");
	*epoch = db_get_int(before, 0, 0);
	*name = db_get_text_or_empty(before, 0, 1);
	return 0;
}

/* Changes of the installation as calls of one unit, in the order in which they refer. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/tz.h"
#include "desk/installation.h"
#include "sql/statements.h"

struct writing {
	struct db_unit *unit;
	struct arena *arena;
	const struct thing_change *changes;
	size_t count;
	const struct installation_author *author;
	int64_t now;
};

/* The things of a kind that are added or changed, one after another. */
static const struct thing *next_put(const struct writing *w, enum thing_kind kind, size_t *at)
{
	while (*at < w->count) {
		const struct thing *thing = w->changes[(*at)++].declared;

		if (thing != NULL && thing->kind == kind)
			return thing;
	}
	return NULL;
}

static bool has_put(const struct writing *w, enum thing_kind kind)
{
	size_t at = 0;

	return next_put(w, kind, &at) != NULL;
}

static bool has_retired(const struct writing *w, enum thing_kind kind)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->changes[i].action == ACTION_RETIRE && w->changes[i].stored->kind == kind)
			return true;
	}
	return false;
}

/* The codes of the things of a kind that are retired. */
static void retire_calls(const struct writing *w, enum thing_kind kind, int statement)
{
	struct db_array *codes;

	if (!has_retired(w, kind))
		return;
	db_call(w->unit, statement);
	codes = db_put_array(w->unit, DB_TEXT, w->count);
	for (size_t i = 0; i < w->count; i++) {
		if (w->changes[i].action == ACTION_RETIRE && w->changes[i].stored->kind == kind)
			db_add_text(codes, w->changes[i].stored->code);
	}
	if (kind == THING_CONTRACT || kind == THING_ROTA)
		db_put_time(w->unit, w->now);
}

/* Puts things of a kind by code and its first texts; codes "a/b" are put as two columns. */
static void put_simple(const struct writing *w, enum thing_kind kind, int statement, int texts)
{
	bool divided = kind == THING_SITE || kind == THING_SERVICE;
	struct db_array *columns[THING_TEXTS_MAX + 2];
	const struct thing *thing;
	size_t at = 0;
	int count = texts + (divided ? 2 : 1);

	if (!has_put(w, kind))
		return;
	db_call(w->unit, statement);
	for (int i = 0; i < count; i++)
		columns[i] = db_put_array(w->unit, DB_TEXT, w->count);
	while ((thing = next_put(w, kind, &at)) != NULL) {
		size_t length = divided ? strcspn(thing->code, "/") : 0;

		if (divided)
			db_add_text_n(columns[0], thing->code, length);
		db_add_text(columns[divided ? 1 : 0], thing->code + (divided ? length + 1 : 0));
		for (int i = 0; i < texts; i++)
			db_add_text(columns[count - texts + i], thing_text(thing, i));
	}
}

static void put_people(const struct writing *w)
{
	static const int TEXTS[] = {
	        -1, PERSON_NAME, PERSON_EMAIL, PERSON_ZONE, PERSON_LANGUAGE};
	struct db_array *columns[6], *disabled;
	const struct thing *thing;
	size_t at = 0;

	if (!has_put(w, THING_PERSON))
		return;
	db_call(w->unit, SQL_INSTALLATION_PUT_PEOPLE);
	for (int i = 0; i < 6; i++)
		columns[i] = db_put_array(w->unit, DB_TEXT, w->count);
	disabled = db_put_array(w->unit, DB_BOOL, w->count);
	while ((thing = next_put(w, THING_PERSON, &at)) != NULL) {
		db_add_text(columns[0], thing_text(thing, PERSON_CUSTOMER));
		db_add_text(columns[1], thing->code);
		for (int i = 1; i < 5; i++)
			db_add_text(columns[i + 1], thing_text(thing, TEXTS[i]));
		db_add_bool(disabled, *thing_text(thing, PERSON_DISABLED) != '\0');
	}
}

static void put_codes(const struct writing *w, enum thing_kind kind, int statement)
{
	struct db_array *codes;
	const struct thing *thing;
	size_t at = 0;

	db_call(w->unit, statement);
	codes = db_put_array(w->unit, DB_TEXT, w->count);
	while ((thing = next_put(w, kind, &at)) != NULL)
		db_add_text(codes, thing->code);
}

/* Grants and memberships are few: those of everybody who changed are put anew. */
static void put_grants(const struct writing *w)
{
	struct db_array *codes, *roles, *customers, *teams;
	const struct thing *thing;
	size_t at = 0;

	if (!has_put(w, THING_PERSON))
		return;
	put_codes(w, THING_PERSON, SQL_INSTALLATION_CLEAR_GRANTS);
	db_call(w->unit, SQL_INSTALLATION_PUT_GRANTS);
	codes = db_put_array(w->unit, DB_TEXT, w->count);
	roles = db_put_array(w->unit, DB_INT2, w->count);
	customers = db_put_array(w->unit, DB_TEXT, w->count);
	while ((thing = next_put(w, THING_PERSON, &at)) != NULL) {
		const struct person_terms *terms = thing->terms.person;

		for (size_t i = 0; i < terms->grant_count; i++) {
			db_add_text(codes, thing->code);
			db_add_int(roles, terms->roles[i]);
			db_add_text(customers, terms->customers[i]);
		}
	}
	put_codes(w, THING_PERSON, SQL_INSTALLATION_CLEAR_MEMBERS);
	db_call(w->unit, SQL_INSTALLATION_PUT_MEMBERS);
	codes = db_put_array(w->unit, DB_TEXT, w->count);
	teams = db_put_array(w->unit, DB_TEXT, w->count);
	at = 0;
	while ((thing = next_put(w, THING_PERSON, &at)) != NULL) {
		const struct person_terms *terms = thing->terms.person;

		for (size_t i = 0; i < terms->team_count; i++) {
			db_add_text(codes, thing->code);
			db_add_text(teams, terms->teams[i]);
		}
	}
}

static void put_agents(const struct writing *w)
{
	struct db_array *codes, *sites, *teams, *disabled;
	const struct thing *thing;
	size_t at = 0;

	if (!has_put(w, THING_AGENT))
		return;
	db_call(w->unit, SQL_INSTALLATION_PUT_AGENTS);
	codes = db_put_array(w->unit, DB_TEXT, w->count);
	sites = db_put_array(w->unit, DB_TEXT, w->count);
	teams = db_put_array(w->unit, DB_TEXT, w->count);
	disabled = db_put_array(w->unit, DB_BOOL, w->count);
	while ((thing = next_put(w, THING_AGENT, &at)) != NULL) {
		db_add_text(codes, thing->code);
		db_add_text(sites, thing_text(thing, AGENT_SITE));
		db_add_text(teams, thing_text(thing, AGENT_TEAM));
		db_add_bool(disabled, *thing_text(thing, AGENT_DISABLED) != '\0');
	}
}

/* The zone as this machine has it, unless one is known: server/jobs/zones.c. */
static void put_zone(const struct writing *w, const char *zone)
{
	char version[TZ_VERSION_MAX + 1];
	void *data;
	size_t size;

	if (tz_read(zone, &data, &size, NULL) != 0)
		return; /* it was there when it was checked; the jobs look again */
	tz_version(version);
	db_call(w->unit, SQL_ZONE_PUT);
	db_add_text(db_put_array(w->unit, DB_TEXT, 1), zone);
	db_add_int(db_put_array(w->unit, DB_INT4, 1), 1);
	db_add_text(db_put_array(w->unit, DB_TEXT, 1), version);
	db_add_bytes(db_put_array(w->unit, DB_BYTEA, 1), data, size);
	db_put_time(w->unit, w->now);
	free(data);
}

static void put_calendar(const struct writing *w, const struct thing *thing)
{
	const struct calendar_terms *terms = thing->terms.calendar;

	put_zone(w, thing_text(thing, CALENDAR_ZONE));
	db_call(w->unit, SQL_INSTALLATION_PUT_CALENDAR);
	db_put_text(w->unit, thing->code);
	db_put_time(w->unit, w->now);
	db_put_text(w->unit, thing_text(thing, CALENDAR_ZONE));
	db_put_text(w->unit, thing_text(thing, CALENDAR_WEEK));
	db_put_ints(w->unit, DB_DATE, terms->holidays, terms->holiday_count);
	db_put_ints(w->unit, DB_DATE, terms->special_dates, terms->special_count);
	db_put_texts(w->unit, terms->special_spans, terms->special_count);
	db_put_texts(w->unit, terms->rules, terms->rule_count);
	db_put_text(w->unit, thing_text(thing, CALENDAR_NAMES));
}

/* After the calendars, which they name. */
static void put_site_calendars(const struct writing *w)
{
	struct db_array *sites, *calendars;
	const struct thing *thing;
	size_t at = 0;

	if (!has_put(w, THING_SITE))
		return;
	db_call(w->unit, SQL_INSTALLATION_PUT_SITE_CALENDARS);
	sites = db_put_array(w->unit, DB_TEXT, w->count);
	calendars = db_put_array(w->unit, DB_TEXT, w->count);
	while ((thing = next_put(w, THING_SITE, &at)) != NULL) {
		db_add_text(sites, thing->code);
		db_add_text(calendars, thing_text(thing, SITE_CALENDAR));
	}
	db_put_time(w->unit, w->now);
}

static void put_credits(struct db_unit *unit, const struct contract_terms *terms)
{
	struct db_array *a[6];

	for (int i = 0; i < 6; i++)
		a[i] = db_put_array(unit, i == 2 ? DB_TEXT : DB_INT2, terms->credit_count);
	for (size_t i = 0; i < terms->credit_count; i++) {
		const struct term_credit *credit = &terms->credits[i];

		db_add_int(a[0], credit->type);
		db_add_int(a[1], credit->priority);
		db_add_text(a[2], credit->service);
		db_add_int(a[3], credit->clock);
		db_add_int(a[4], credit->below);
		db_add_int(a[5], credit->credit);
	}
}

static void put_contract(const struct writing *w, const struct thing *thing)
{
	const struct contract_terms *terms = thing->terms.contract;
	struct db_unit *unit = w->unit;
	struct db_array *a[5];

	db_call(unit, SQL_INSTALLATION_PUT_CONTRACT);
	db_put_text(unit, thing->code);
	db_put_text(unit, thing_text(thing, CONTRACT_CUSTOMER));
	db_put_text(unit, thing_text(thing, CONTRACT_CALENDAR));
	db_put_time(unit, terms->valid_from != 0 ? terms->valid_from : w->now);
	db_put_time(unit, w->now);
	db_put_texts(unit, terms->sites, terms->site_count);
	db_put_texts(unit, terms->services, terms->service_count);
	a[0] = db_put_array(unit, DB_INT2, 9);
	for (int i = 0; i < 9; i++)
		db_add_int(a[0], terms->matrix[i]);
	a[0] = db_put_array(unit, DB_INT2, CLOCK_KIND_COUNT);
	for (int i = 0; i < CLOCK_KIND_COUNT; i++)
		db_add_int(a[0], terms->pauses[i]);
	db_put_text(unit, thing_text(thing, CONTRACT_AUTO_CLOSE));
	db_put_text(unit, thing_text(thing, CONTRACT_REOPEN_WINDOW));
	a[0] = db_put_array(unit, DB_INT2, terms->target_count);
	a[1] = db_put_array(unit, DB_INT2, terms->target_count);
	a[2] = db_put_array(unit, DB_TEXT, terms->target_count);
	a[3] = db_put_array(unit, DB_INT2, terms->target_count);
	a[4] = db_put_array(unit, DB_TEXT, terms->target_count);
	for (size_t i = 0; i < terms->target_count; i++) {
		db_add_int(a[0], terms->targets[i].type);
		db_add_int(a[1], terms->targets[i].priority);
		db_add_text(a[2], terms->targets[i].service);
		db_add_int(a[3], terms->targets[i].clock);
		db_add_text(a[4], terms->targets[i].target);
	}
	a[0] = db_put_array(unit, DB_INT2, terms->level_count);
	a[1] = db_put_array(unit, DB_INT2, terms->level_count);
	a[2] = db_put_array(unit, DB_TEXT, terms->level_count);
	a[3] = db_put_array(unit, DB_TEXT, terms->level_count);
	a[4] = db_put_array(unit, DB_TEXT, terms->level_count);
	for (size_t i = 0; i < terms->level_count; i++) {
		db_add_int(a[0], terms->levels[i].clock);
		db_add_int(a[1], terms->levels[i].number);
		db_add_text(a[2], terms->levels[i].at);
		db_add_text(a[3], terms->levels[i].name);
		db_add_text(a[4], terms->levels[i].actions);
	}
	db_put_time_if(unit, terms->valid_until != 0, terms->valid_until);
	db_put_int(unit, terms->ack_stops);
	db_put_int(unit, terms->fee);
	db_put_text(unit, terms->currency);
	db_put_int(unit, terms->period);
	db_put_int(unit, terms->credit_cap);
	db_put_int_if(unit, w->author->principal_id != 0, w->author->principal_id);
	put_credits(unit, terms);
	db_put_bool(unit, thing->separate);
	a[0] = db_put_array(unit, DB_TEXT, terms->target_count);
	for (size_t i = 0; i < terms->target_count; i++)
		db_add_text(a[0], terms->targets[i].team);
}

static void put_mail(const struct writing *w)
{
	const struct thing *thing;
	size_t at = 0;

	if (has_retired(w, THING_MAIL))
		db_call(w->unit, SQL_MAIL_POLICY_CLEAR);
	thing = next_put(w, THING_MAIL, &at);
	if (thing == NULL)
		return;
	db_call(w->unit, SQL_MAIL_POLICY_PUT);
	for (int i = 0; i < MAIL_TEXTS; i++)
		db_put_text(w->unit, thing_text(thing, i));
}

void installation_write_calls(struct db_unit *unit, struct arena *arena,
        const struct installation_author *author, const struct thing_change *changes,
        size_t count)
{
	struct writing w = {.unit = unit,
	        .arena = arena,
	        .changes = changes,
	        .count = count,
	        .author = author,
	        .now = author->now};
	const struct thing *thing;
	size_t at = 0;

	db_call(unit, SQL_INSTALLATION_BEGIN);
	db_put_int(unit, author->epoch);
	put_simple(&w, THING_CUSTOMER, SQL_INSTALLATION_PUT_CUSTOMERS, 3);
	put_simple(&w, THING_SITE, SQL_INSTALLATION_PUT_SITES, 2);
	put_simple(&w, THING_TEAM, SQL_INSTALLATION_PUT_TEAMS, 1);
	put_simple(&w, THING_SERVICE, SQL_INSTALLATION_PUT_SERVICES, 1);
	put_people(&w);
	put_grants(&w);
	put_agents(&w);
	while ((thing = next_put(&w, THING_CALENDAR, &at)) != NULL)
		put_calendar(&w, thing);
	put_site_calendars(&w);
	at = 0;
	while ((thing = next_put(&w, THING_CONTRACT, &at)) != NULL)
		put_contract(&w, thing);
	put_mail(&w);
	put_simple(&w, THING_ROTA, SQL_INSTALLATION_PUT_ROTAS, ROTA_TEXTS);
	if (has_put(&w, THING_ROTA))
		db_put_time(unit, author->now);
	put_simple(&w, THING_PREFERENCE, SQL_PREFERENCE_DECLARE, PREFERENCE_TEXTS);
	if (has_put(&w, THING_PREFERENCE)) {
		db_put_time(unit, author->now);
		db_put_int_if(unit, author->principal_id != 0, author->principal_id);
	}
	retire_calls(&w, THING_PREFERENCE, SQL_PREFERENCE_RETIRE);
	put_simple(&w, THING_TEMPLATE, SQL_TEMPLATE_PUT, TEMPLATE_TEXTS);
	retire_calls(&w, THING_TEMPLATE, SQL_TEMPLATE_RETIRE);
	put_simple(&w, THING_WEBHOOK, SQL_WEBHOOK_PUT, WEBHOOK_TEXTS);
	retire_calls(&w, THING_WEBHOOK, SQL_WEBHOOK_RETIRE);
	retire_calls(&w, THING_ROTA, SQL_INSTALLATION_RETIRE_ROTAS);
	retire_calls(&w, THING_CONTRACT, SQL_INSTALLATION_RETIRE_CONTRACTS);
	retire_calls(&w, THING_CALENDAR, SQL_INSTALLATION_RETIRE_CALENDARS);
	retire_calls(&w, THING_AGENT, SQL_INSTALLATION_RETIRE_PRINCIPALS);
	retire_calls(&w, THING_PERSON, SQL_INSTALLATION_RETIRE_PRINCIPALS);
	retire_calls(&w, THING_SERVICE, SQL_INSTALLATION_RETIRE_SERVICES);
	retire_calls(&w, THING_TEAM, SQL_INSTALLATION_RETIRE_TEAMS);
	retire_calls(&w, THING_SITE, SQL_INSTALLATION_RETIRE_SITES);
	retire_calls(&w, THING_CUSTOMER, SQL_INSTALLATION_RETIRE_CUSTOMERS);
}

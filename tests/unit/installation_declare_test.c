/* Every wrong declaration is refused at its place; a right one becomes canonical texts. */
#include "rpc/installation_declare.h"

#include <stdio.h>
#include <string.h>

#include "cmocka_test.h"
#include "core/calendar_rule.h"

/* A small installation that is right, to be bent by one change at a time. */
static struct {
	Otklik__V1__Installation all;
	Otklik__V1__Customer customers[2], *customer_list[2];
	Otklik__V1__Site sites[2], *site_list[2];
	Otklik__V1__Team team, *team_list[2];
	Otklik__V1__Grant grants[2], *grant_list[2][2];
	Otklik__V1__Person people[2], *person_list[2];
	Otklik__V1__Agent agent, *agent_list[1];
	Otklik__V1__Service service, *service_list[2];
	Otklik__V1__Calendar calendar, *calendar_list[2];
	Otklik__V1__SpecialDay special, *special_list[2];
	Otklik__V1__Contract contracts[2], *contract_list[2];
	Otklik__V1__Target targets[3], *target_list[3];
	Otklik__V1__Pause pause, *pause_list[1];
	Otklik__V1__Level levels[10], *level_list[10];
	char *holidays[2], *teams[2], *codes[2], *clocks[1], *actions[2];
	uint32_t matrix[9];
} w;

#define T(constant) ((char *)(uintptr_t)(constant))

static void reset_contracts(void)
{
	for (int i = 0; i < 2; i++) {
		otklik__v1__contract__init(&w.contracts[i]);
		w.contract_list[i] = &w.contracts[i];
		w.contracts[i].code = T(i == 0 ? "standard" : "special");
		w.contracts[i].customer = T("acme");
		w.contracts[i].calendar = T("office");
	}
	for (int i = 0; i < 3; i++) {
		otklik__v1__target__init(&w.targets[i]);
		w.target_list[i] = &w.targets[i];
		w.targets[i].clock = T(i == 0 ? "response" : "resolution");
		w.targets[i].target = T(i == 0 ? "15m" : "4h");
		w.targets[i].type = T(i == 2 ? "incident" : "");
	}
	for (int i = 0; i < 10; i++) {
		static const char *const AT[] = {
		        "50%", "100%", "-30m", "+2h", "10%", "20%", "30%", "40%", "60%", "70%"};

		otklik__v1__level__init(&w.levels[i]);
		w.level_list[i] = &w.levels[i];
		w.levels[i].clock = T("response");
		w.levels[i].at = T(AT[i]);
		w.levels[i].actions = w.actions;
		w.levels[i].n_actions = 1;
	}
	w.actions[0] = T("notify lead");
	w.actions[1] = T("notify team");
	otklik__v1__pause__init(&w.pause);
	w.pause_list[0] = &w.pause;
	w.pause.reason = T("supplier");
	w.clocks[0] = T("resolution");
	w.pause.clocks = w.clocks;
	w.pause.n_clocks = 1;
	w.contracts[0].targets = w.target_list;
	w.contracts[0].n_targets = 3;
	w.contracts[0].levels = w.level_list;
	w.contracts[0].n_levels = 2;
	w.contracts[0].pauses = w.pause_list;
	w.codes[0] = T("hq");
	w.codes[1] = T("hq");
	w.contracts[0].priority_matrix = w.matrix;
	for (uint32_t i = 0; i < 9; i++)
		w.matrix[i] = 1 + i % 5;
	w.all.contracts = w.contract_list;
	w.all.n_contracts = 1;
}

static void reset_people(void)
{
	for (int i = 0; i < 2; i++) {
		otklik__v1__person__init(&w.people[i]);
		otklik__v1__grant__init(&w.grants[i]);
		w.person_list[i] = &w.people[i];
		w.grant_list[i][0] = &w.grants[i];
		w.grant_list[i][1] = &w.grants[i];
		w.people[i].grants = w.grant_list[i];
		w.people[i].n_grants = 1;
		w.people[i].name = T("Somebody");
		w.people[i].teams = w.teams;
	}
	w.people[0].code = T("vera");
	w.grants[0].role = T("engineer");
	w.people[0].n_teams = 1;
	w.teams[0] = T("network");
	w.teams[1] = T("network");
	w.people[1].code = T("olga");
	w.people[1].customer = T("acme");
	w.grants[1].role = T("requester");
	w.grants[1].customer = T("acme");
	w.all.people = w.person_list;
	w.all.n_people = 2;
	otklik__v1__agent__init(&w.agent);
	w.agent_list[0] = &w.agent;
	w.agent.code = T("probe");
	w.agent.site = T("hq");
	w.all.agents = w.agent_list;
	w.all.n_agents = 1;
}

static void reset_calendar(void)
{
	otklik__v1__calendar__init(&w.calendar);
	otklik__v1__special_day__init(&w.special);
	w.calendar.code = T("office");
	w.calendar.zone = T("Europe/Moscow");
	w.calendar.week = T("tue-fri 09:00-18:00; mon 09:00-18:00");
	w.holidays[0] = T("2026-05-01");
	w.holidays[1] = T("2026-01-01");
	w.calendar.holidays = w.holidays;
	w.calendar.n_holidays = 2;
	w.special.date = T("2026-12-31");
	w.special.spans = T("09:00-13:00");
	w.special_list[0] = w.special_list[1] = &w.special;
	w.calendar.special_days = w.special_list;
	w.calendar.n_special_days = 1;
	w.calendar_list[0] = w.calendar_list[1] = &w.calendar;
	w.all.calendars = w.calendar_list;
	w.all.n_calendars = 1;
}

static void reset(void)
{
	memset(&w, 0, sizeof w);
	otklik__v1__installation__init(&w.all);
	for (int i = 0; i < 2; i++) {
		otklik__v1__customer__init(&w.customers[i]);
		otklik__v1__site__init(&w.sites[i]);
		w.customer_list[i] = &w.customers[i];
		w.site_list[i] = &w.sites[i];
		w.customers[i].name = T("Somebody");
		w.sites[i].name = T("Somewhere");
	}
	w.customers[0].code = T("acme");
	w.customers[0].zone = T("Europe/Moscow");
	w.customers[1].code = T("bravo");
	w.sites[0].code = T("hq");
	w.sites[0].customer = T("acme");
	w.sites[1].code = T("shed");
	w.sites[1].customer = T("bravo");
	w.all.customers = w.customer_list;
	w.all.n_customers = 2;
	w.all.sites = w.site_list;
	w.all.n_sites = 2;
	otklik__v1__team__init(&w.team);
	w.team.code = T("network");
	w.team.name = T("Networks");
	w.team_list[0] = w.team_list[1] = &w.team;
	w.all.teams = w.team_list;
	w.all.n_teams = 1;
	otklik__v1__service__init(&w.service);
	w.service.code = T("mail");
	w.service.name = T("Mail");
	w.service_list[0] = w.service_list[1] = &w.service;
	w.all.services = w.service_list;
	w.all.n_services = 1;
	reset_people();
	reset_calendar();
	reset_contracts();
}

/* What it says of the installation as it is now; resets it. "": all is well. */
static void says(const char *field, const char *words, int line)
{
	struct thing_list list = {.arena = arena_new(1 << 20)};
	struct otk_error err = {0};
	int rc = installation_declare(&w.all, &list, &err);
	bool found = false;

	for (size_t i = 0; i < err.violation_count; i++)
		found = found || (strcmp(err.violations[i].field, field) == 0 &&
		                         strstr(err.violations[i].description, words) != NULL);
	if (*field == '\0' ? rc != 0 : !found)
		fail_msg("line %d: %s: %s", line, err.violations[0].field,
		        err.violations[0].description);
	arena_free(list.arena);
	reset();
}

#define WRONG(change, field, words)                                                            \
	do {                                                                                   \
		change;                                                                        \
		says(field, words, __LINE__);                                                  \
	} while (0)

static void people_and_places_are_checked(void **state)
{
	(void)state;
	reset();
	WRONG((void)0, "", "");
	WRONG(w.customers[0].code = T("Acme"), "customers[0].code", "a-z 0-9");
	WRONG(w.customers[1].code = T("acme"), "customers[1].code", "twice");
	WRONG(w.customers[1].code = T("provider"), "customers[1].code", "provider");
	WRONG(w.customers[0].zone = T("Mars/Base"), "customers[0].zone", "time zone");
	WRONG(w.customers[0].name = T(""), "customers[0].name", "needed");
	WRONG(w.customers[0].language = T("en us"), "customers[0].language", "pt-BR");
	WRONG(w.sites[1].customer = T("zulu"), "sites[1].customer", "no customer 'zulu'");
	WRONG(w.sites[0].code = T("a b"), "sites[0].code", "a-z");
	WRONG((w.sites[1].code = T("hq"), w.sites[1].customer = T("acme")), "sites[1].code",
	        "twice");
	WRONG(w.all.n_teams = 2, "teams[1].code", "twice");
	WRONG(w.service.customer = T("zulu"), "services[0].customer", "zulu");
	WRONG(w.service.code = T(""), "services[0].code", "a-z");
	WRONG(w.all.n_services = 2, "services[1].code", "twice");
	WRONG(w.people[0].email = T("nobody"), "people[0].email", "@");
	WRONG(w.people[0].customer = T("zulu"), "people[0].customer", "zulu");
	WRONG(w.people[1].code = T("vera"), "people[1].code", "twice");
	WRONG(w.agent.code = T("vera"), "agents[0].code", "twice");
	WRONG(w.grants[0].role = T("boss"), "people[0].grants[0].role", "boss");
	WRONG(w.grants[0].role = T("agent"), "people[0].grants[0].role", "agent");
	WRONG(w.grants[1].role = T("engineer"), "people[1].grants[0].role",
	        "requester or manager");
	WRONG(w.grants[1].customer = T(""), "people[1].grants[0].customer", "acme");
	WRONG(w.grants[0].customer = T("zulu"), "people[0].grants[0].customer", "zulu");
	WRONG(w.people[0].n_grants = 2, "people[0].grants[1].customer", "twice");
	WRONG(w.teams[0] = T("zulu"), "people[0].teams[0]", "zulu");
	WRONG(w.people[0].n_teams = 2, "people[0].teams[1]", "twice");
	WRONG(w.people[1].n_teams = 1, "people[1].teams", "provider's");
	WRONG(w.people[0].zone = T("Nowhere"), "people[0].zone", "time zone");
	WRONG(w.agent.site = T("nowhere"), "agents[0].site", "no site 'nowhere'");
	WRONG(w.agent.site = T("bravo/hq"), "agents[0].site", "bravo/hq");
	WRONG(w.sites[1].code = T("hq"), "agents[0].site", "customer/site");
	WRONG(w.agent.team = T("zulu"), "agents[0].team", "zulu");
	WRONG(w.agent.site = T("bravo/shed"), "", "");
}

static void calendars_are_checked(void **state)
{
	(void)state;
	reset();
	WRONG(w.calendar.zone = T("Mars"), "calendars[0].zone", "Mars");
	WRONG(w.calendar.week = T("mon 9-18"), "calendars[0].week", "9-18");
	WRONG((w.calendar.week = T(""), w.calendar.n_special_days = 0), "calendars[0].week",
	        "");
	WRONG(w.holidays[1] = T("2026-13-01"), "calendars[0].holidays[1]", "2026-12-25");
	WRONG(w.holidays[1] = T("2026-05-01"), "calendars[0].holidays[1]", "twice");
	WRONG(w.special.date = T("soon"), "calendars[0].special_days[0].date", "2026-12-31");
	WRONG(w.special.spans = T("all day"), "calendars[0].special_days[0].spans", "");
	WRONG(w.special.spans = T(""), "calendars[0].special_days[0].spans", "such as");
	WRONG(w.calendar.n_special_days = 2, "calendars[0].special_days[1].date", "twice");
	WRONG(w.calendar.week = T("always"), "calendars[0].exceptions", "");
	WRONG(w.all.n_calendars = 2, "calendars[1].code", "twice");
	WRONG(w.calendar.week = T("mon-fri 09:00-17:00,16:00-18:00"), "calendars[0].week",
	        "overlaps");
	WRONG(w.special.spans = T("09:00-12:00,11:00-13:00"),
	        "calendars[0].special_days[0].spans", "overlaps");
	WRONG((w.calendar.ics = w.holidays, w.calendar.n_ics = 1), "calendars[0].ics[0]",
	        "command line");
}

static char *rules[RULES_MAX + 1];

static void put_rules(const char *first, const char *second, size_t count)
{
	for (size_t i = 0; i < RULES_MAX + 1; i++)
		rules[i] = T(second);
	rules[0] = T(first);
	w.calendar.rules = rules;
	w.calendar.n_rules = count;
}

static void rules_and_bases_are_checked(void **state)
{
	static Otklik__V1__Calendar derived;

	(void)state;
	reset();
	WRONG(put_rules("jan 1", "easter+1", 2), "", "");
	WRONG(put_rules("jan 1", "6th mon of may", 2), "calendars[0].rules[1]", "no rule");
	WRONG(put_rules("jan 1", "jan 1", 2), "calendars[0].rules[1]", "twice");
	WRONG(put_rules("jan 1; jan 2", "", 1), "calendars[0].rules[0]", "one rule");
	WRONG(put_rules("jan 1", " ", 2), "calendars[0].rules[1]", "empty");
	WRONG(put_rules("jan 1", "easter", RULES_MAX + 1), "calendars[0].rules", "at most 64");
	WRONG((put_rules("jan 1", "easter", 1), w.calendar.n_holidays = 0,
	              w.calendar.n_special_days = 0, w.calendar.week = T("always")),
	        "calendars[0].rules", "every date");
	WRONG(w.calendar.based_on = T("zulu"), "calendars[0].based_on", "no calendar 'zulu'");
	WRONG(w.calendar.based_on = T("office"), "calendars[0].based_on", "itself");
	WRONG(w.sites[0].calendar = T("zulu"), "sites[0].calendar", "no calendar 'zulu'");
	WRONG(w.sites[0].calendar = T("office"), "", "");
	otklik__v1__calendar__init(&derived);
	derived.code = T("shop");
	derived.based_on = T("office");
	for (int i = 0; i < 2; i++) {
		w.calendar_list[1] = &derived;
		w.all.n_calendars = 2;
		says("", "", __LINE__);
	}
}

/* A calendar takes over what it does not say itself. */
static void a_calendar_takes_over_what_its_base_says(void **state)
{
	static Otklik__V1__Calendar derived;
	static char *own[] = {T("2026-12-31"), T("2026-03-08")}, *own_rules[] = {T("mar 8")};
	struct thing_list list = {.arena = arena_new(1 << 20)};
	struct otk_error err = {0};
	const struct thing *shop;

	(void)state;
	reset();
	put_rules("jan 1", "easter+1", 2);
	otklik__v1__calendar__init(&derived);
	derived.code = T("shop");
	derived.based_on = T("office");
	derived.holidays = own;
	derived.n_holidays = 2;
	derived.rules = own_rules;
	derived.n_rules = 1;
	w.calendar_list[1] = &derived;
	w.all.n_calendars = 2;
	assert_int_equal(installation_declare(&w.all, &list, &err), 0);
	thing_sort(&list);
	shop = thing_find(&list, THING_CALENDAR, "shop");
	assert_string_equal(thing_text(shop, CALENDAR_ZONE), w.calendar.zone);
	assert_string_equal(thing_text(shop, CALENDAR_WEEK),
	        thing_text(thing_find(&list, THING_CALENDAR, "office"), CALENDAR_WEEK));
	assert_string_equal(thing_text(shop, CALENDAR_RULES), "mar 8; jan 1; easter+1");
	assert_non_null(strstr(thing_text(shop, CALENDAR_HOLIDAYS), "2026-03-08"));
	assert_non_null(strstr(thing_text(shop, CALENDAR_HOLIDAYS), w.holidays[0]));
	arena_free(list.arena);
}

static void contracts_are_checked(void **state)
{
	(void)state;
	reset();
	WRONG(w.contracts[0].customer = T("zulu"), "contracts[0].customer", "zulu");
	WRONG(w.contracts[0].calendar = T(""), "contracts[0].calendar", "name a calendar");
	WRONG((w.contracts[0].sites = w.codes, w.contracts[0].n_sites = 2),
	        "contracts[0].sites[1]", "twice");
	WRONG((w.codes[0] = T("shed"), w.contracts[0].sites = w.codes,
	              w.contracts[0].n_sites = 1),
	        "contracts[0].sites[0]", "acme/shed");
	WRONG(w.targets[0].type = T("problem"), "contracts[0].targets[0].type", "incident");
	WRONG(w.targets[0].priority = 6, "contracts[0].targets[0].priority", "1 to 5");
	WRONG(w.targets[0].service = T("fax"), "contracts[0].targets[0].service", "fax");
	WRONG(w.targets[0].clock = T("speed"), "contracts[0].targets[0].clock", "speed");
	WRONG(w.targets[0].target = T("4 hours"), "contracts[0].targets[0].target", "");
	WRONG(w.targets[2].type = T(""), "contracts[0].targets[2].target", "already");
	WRONG((w.contracts[0].n_pauses = 1, w.pause.reason = T("lunch")),
	        "contracts[0].pauses[0].reason", "lunch");
	WRONG((w.contracts[0].n_pauses = 1, w.clocks[0] = T("all")),
	        "contracts[0].pauses[0].clocks[0]", "all");
	WRONG((w.contracts[0].n_pauses = 1, w.pause.n_clocks = 0),
	        "contracts[0].pauses[0].clocks", "name");
	WRONG(w.levels[0].at = T("0%"), "contracts[0].levels[0].at", "percentage");
	WRONG(w.levels[0].at = T("30m"), "contracts[0].levels[0].at", "-30m");
	WRONG(w.levels[1].at = T("50%"), "contracts[0].levels[1].at", "already");
	WRONG(w.levels[1].clock = T("x"), "contracts[0].levels[1].clock", "resolution");
	WRONG(w.actions[0] = T("shout"), "contracts[0].levels[0].actions[0]", "notify");
	WRONG(w.actions[0] = T("notify nobody"), "contracts[0].levels[0].actions[0]",
	        "no person 'nobody'");
	WRONG(w.actions[0] = T("assign nobody"), "contracts[0].levels[0].actions[0]",
	        "no team or person 'nobody'");
	WRONG(w.actions[0] = T("assign team vera"), "contracts[0].levels[0].actions[0]",
	        "no team 'vera'");
	WRONG(w.actions[0] = T("assign olga"), "contracts[0].levels[0].actions[0]",
	        "customer's person");
	WRONG((w.actions[0] = T("watch vera"), w.people[0].disabled = true),
	        "contracts[0].levels[0].actions[0]", "disabled");
	WRONG((w.actions[0] = T("assign vera"), w.team.code = T("vera"),
	              w.teams[0] = T("vera")),
	        "contracts[0].levels[0].actions[0]", "assign team vera");
	WRONG(w.actions[0] = T("notify lead, notify team"), "contracts[0].levels[0].actions[0]",
	        "must be");
	WRONG(w.actions[0] = T("raise the priority"), "contracts[0].levels[0].actions[0]",
	        "raise priority");
	WRONG((w.actions[0] = T("quiet wait"), w.actions[1] = T("quiet send"),
	              w.levels[0].n_actions = 2),
	        "contracts[0].levels[0].actions[1]", "twice");
	static Otklik__V1__Team night;
	otklik__v1__team__init(&night);
	night.code = T("night");
	night.name = T("Night");
	WRONG((w.team_list[1] = &night, w.all.n_teams = 2, w.actions[0] = T("assign network"),
	              w.actions[1] = T("assign  team night"),
	              w.levels[1].actions = w.actions + 1, w.levels[0].clock = T("operational"),
	              w.levels[1].clock = T("operational")),
	        "contracts[0].levels[1].actions", "circular");
	w.levels[2].at = T("110%");
	w.levels[3].at = T("+1h");
	w.levels[4].at = T("+2h");
	WRONG(w.contracts[0].n_levels = 10, "contracts[0].levels[8]", "8 levels");
	WRONG(w.contracts[0].n_priority_matrix = 8, "contracts[0].priority_matrix", "nine");
	WRONG((w.contracts[0].n_priority_matrix = 9, w.matrix[4] = 0),
	        "contracts[0].priority_matrix[4]", "1 to 5");
	WRONG(w.contracts[0].valid_from = T("now"), "contracts[0].valid_from", "2026-01-01");
	WRONG(w.contracts[0].auto_close = T("soon"), "contracts[0].auto_close", "3bd");
	WRONG(w.contracts[0].reopen_window = T("3bd"), "contracts[0].reopen_window", "10d");
	WRONG(w.all.n_contracts = 2, "contracts[1].code", "default");
	WRONG((w.all.n_contracts = 2, w.contracts[1].code = T("standard")), "contracts[1].code",
	        "twice");
	for (int i = 0; i < 2; i++) {
		w.all.n_contracts = 2;
		w.contracts[i].sites = w.codes;
		w.contracts[i].n_sites = 1;
	}
	says("contracts[1].sites", "same site", __LINE__);
	w.all.n_contracts = 2;
	w.contracts[1].sites = w.codes;
	w.contracts[1].n_sites = 1;
	says("", "", __LINE__);
}

/* Operational and supplier targets, fee and credits of the first contract. */
static struct {
	Otklik__V1__Target targets[2], *target_list[5];
	Otklik__V1__ServiceCredit credits[2], *credit_list[2];
	char *stops[2];
} more;

static void add_terms(void)
{
	Otklik__V1__Contract *c = &w.contracts[0];

	memset(&more, 0, sizeof more);
	for (int i = 0; i < 3; i++)
		more.target_list[i] = &w.targets[i];
	for (int i = 0; i < 2; i++) {
		otklik__v1__target__init(&more.targets[i]);
		otklik__v1__service_credit__init(&more.credits[i]);
		more.target_list[3 + i] = &more.targets[i];
		more.credit_list[i] = &more.credits[i];
		more.targets[i].clock = T(i == 0 ? "operational" : "supplier");
		more.targets[i].target = T("30m");
		more.credits[i].clock = T("resolution");
		more.credits[i].below = T(i == 0 ? "95%" : "90%");
		more.credits[i].credit = T(i == 0 ? "5%" : "12.5%");
	}
	more.targets[0].team = T("network");
	more.stops[0] = T("response");
	more.stops[1] = T("update");
	c->targets = more.target_list;
	c->n_targets = 5;
	c->credits = more.credit_list;
	c->n_credits = 2;
	c->fee = T("1500.5");
	c->currency = T("EUR");
	c->period = T("quarter");
	c->acknowledge_stops = more.stops;
	c->n_acknowledge_stops = 2;
	c->valid_from = T("2026-02-01");
	c->valid_until = T("2026-12-31");
	c->credit_cap = T("25%");
}

#define TERMS(change, field, words) WRONG((add_terms(), change), "contracts[0]." field, words)

static void terms_beyond_targets_are_checked(void **state)
{
	(void)state;
	reset();
	WRONG(add_terms(), "", "");
	TERMS(more.targets[0].team = T("zulu"), "targets[3].team", "no team 'zulu'");
	TERMS(w.targets[0].team = T("network"), "targets[0].team", "operational");
	TERMS(w.contracts[0].fee = T("12.345"), "fee", "amount of EUR");
	TERMS(w.contracts[0].fee = T("-5"), "fee", "amount");
	TERMS(w.contracts[0].fee = T(""), "fee", "amount such as");
	TERMS(w.contracts[0].currency = T("EURO"), "currency", "ISO 4217");
	TERMS(w.contracts[0].currency = T("XYZ"), "currency", "ISO 4217");
	TERMS(w.contracts[0].period = T("week"), "period", "month, quarter or year");
	TERMS((w.contracts[0].fee = T(""), w.contracts[0].currency = T(""),
	              w.contracts[0].period = T("")),
	        "credits", "write fee");
	TERMS(more.credits[1].credit = T("4%"), "credits[1].credit", "more for less");
	TERMS(more.credits[1].below = T("95%"), "credits[1].below", "already");
	TERMS(more.credits[0].below = T("101%"), "credits[0].below", "at most 100%");
	TERMS(more.credits[0].below = T("0%"), "credits[0].below", "above 0%");
	TERMS(more.credits[0].below = T("95.555%"), "credits[0].below", "part");
	TERMS(more.credits[0].clock = T("supplier"), "credits[0].clock",
	        "customer was promised");
	TERMS(more.credits[0].clock = T("update"), "credits[0].clock", "no target promises");
	TERMS(w.contracts[0].credit_cap = T("101%"), "credit_cap", "at most 100%");
	TERMS(w.contracts[0].credit_cap = T("10%"), "credits[1].credit", "credit_cap of 10%");
	TERMS(w.contracts[0].valid_until = T("2026-01-15"), "valid_until", "before valid_from");
	TERMS(w.contracts[0].valid_until = T("soon"), "valid_until", "no end");
	TERMS(more.stops[1] = T("response"), "acknowledge_stops[1]", "twice");
	TERMS(more.stops[1] = T("lunch"), "acknowledge_stops[1]", "lunch");
	TERMS((w.contracts[0].n_pauses = 1, w.clocks[0] = T("supplier")), "pauses[0].clocks[0]",
	        "cannot pause");
}

static void contradictions_are_refused(void **state)
{
	(void)state;
	reset();
	TERMS(w.targets[0].target = T("5h"), "targets[0].target",
	        "response target 5h is longer than the resolution target 4h");
	TERMS((w.targets[0].target = T("3h"), w.targets[1].priority = 2,
	              w.targets[1].target = T("2h"), w.targets[2].type = T("")),
	        "targets[0].target", "longer than the resolution target 2h");
	TERMS((w.targets[0].clock = T("update"), w.targets[0].target = T("5h")),
	        "targets[0].target", "update target 5h is longer");
	TERMS((w.targets[1].target = T("2bd"), w.targets[0].target = T("3bd"),
	              w.targets[2].target = T("3bd")),
	        "targets[0].target", "3bd is longer");
	/* Wall time passes faster: these may be met. */
	WRONG((add_terms(), w.targets[0].target = T("5h calendar")), "", "");
	TERMS((w.targets[0].target = T("5h"), w.targets[2].target = T("4h calendar")),
	        "targets[0].target", "longer");
	TERMS((w.calendar.week = T("mon 09:00-09:01"), w.targets[1].target = T("10h")),
	        "targets[1].target", "more than ten years");
	TERMS(w.calendar.week = T(""), "targets[0].target", "no week, and is never open after");
	WRONG((w.calendar.week = T(""), w.targets[0].target = T("15m calendar"),
	              w.targets[1].target = T("4h calendar"),
	              w.targets[2].target = T("4h calendar")),
	        "", "");
	TERMS(w.levels[0].at = T("-15m"), "levels[0].at", "before the start");
	TERMS((w.targets[0].target = T("1bd"), w.targets[1].target = T("2bd"),
	              w.targets[2].target = T("2bd"), w.levels[0].at = T("-25h")),
	        "levels[0].at", "before the start");
	WRONG((add_terms(), w.targets[0].target = T("1bd"), w.targets[1].target = T("2bd"),
	              w.targets[2].target = T("2bd"), w.levels[0].at = T("-24h")),
	        "", "");
	TERMS(w.levels[1].at = T("40%"), "levels[1].at", "does not come after");
	TERMS((w.levels[0].at = T("100%"), w.levels[1].at = T("-5m")), "levels[1].at",
	        "does not come after");
	TERMS((w.levels[0].at = T("-7m"), w.levels[1].at = T("50%")), "levels[1].at",
	        "does not come after");
	TERMS((w.levels[0].clock = T("operational"), w.levels[1].clock = T("operational"),
	              w.actions[0] = T("notify contact")),
	        "levels[0].actions[0]", "provider's own");
	TERMS((w.levels[0].clock = T("operational"), w.levels[1].clock = T("operational"),
	              w.actions[0] = T(" notify  requester")),
	        "levels[0].actions[0]", "provider's own");
	TERMS((w.levels[0].clock = T("supplier"), w.levels[1].clock = T("supplier"),
	              w.actions[0] = T("webhook")),
	        "levels[0].actions[0]", "provider's own");
	TERMS((w.levels[0].clock = T("supplier"), w.levels[1].clock = T("supplier"),
	              w.actions[0] = T("notify olga")),
	        "levels[0].actions[0]", "provider's own");
}

static void a_shared_address_is_told(void **state)
{
	struct thing_list list = {.arena = arena_new(1 << 20)};
	struct otk_error err = {0};

	(void)state;
	reset();
	w.people[0].email = T("Team@acme.example");
	w.people[1].email = T("team@acme.example");
	assert_int_equal(installation_declare(&w.all, &list, &err), 0);
	thing_sort(&list);
	assert_string_equal(thing_find(&list, THING_PERSON, "vera")->note,
	        "warning: 'olga' has this address too: mail from it is refused");
	assert_string_equal(thing_find(&list, THING_PERSON, "olga")->note,
	        "warning: 'vera' has this address too: mail from it is refused");
	arena_free(list.arena);
}

static void what_is_missing_is_told(void **state)
{
	struct thing_list list = {.arena = arena_new(1 << 20)};
	struct otk_error err = {0};
	const struct thing *thing;

	(void)state;
	reset();
	w.targets[1].priority = 1; /* "any" of requests only P1 is left */
	assert_int_equal(installation_declare(&w.all, &list, &err), 0);
	thing_sort(&list);
	thing = thing_find(&list, THING_CONTRACT, "standard");
	assert_string_equal(thing->note,
	        "warning: missing: no resolution target for service_request P2 P3 P4 P5");
	arena_free(list.arena);
	reset();
	list = (struct thing_list){.arena = arena_new(1 << 20)};
	w.actions[1] = w.actions[0];
	w.levels[0].n_actions = 2;
	w.levels[1].n_actions = 0;
	assert_int_equal(installation_declare(&w.all, &list, &err), 0);
	thing_sort(&list);
	thing = thing_find(&list, THING_CONTRACT, "standard");
	assert_string_equal(thing->note,
	        "warning: 'notify lead' is said before: it acts once; warning: has no actions: "
	        "nobody is told, the journal alone knows");
	arena_free(list.arena);
}

/* Alone against what is stored: the same rules, paths of the contract's own. */
static void a_contract_alone_is_held_against_what_is_stored(void **state)
{
	struct thing_list stored = {.arena = arena_new(1 << 20)};
	struct thing_list out = {.arena = stored.arena};
	const struct declare_warning *warnings;
	struct otk_error err = {0};
	size_t count;

	(void)state;
	reset();
	w.contracts[1].services = w.codes;
	w.contracts[1].n_services = 1;
	w.codes[0] = T("mail");
	w.all.n_contracts = 2;
	assert_int_equal(installation_declare(&w.all, &stored, &err), 0);
	add_terms();
	assert_int_equal(
	        contract_declare(&w.contracts[0], &stored, &out, &warnings, &count, &err), 0);
	assert_true(out.things[0].separate);
	assert_string_equal(thing_text(&out.things[0], CONTRACT_FEE), "1500.50 EUR a quarter");
	assert_string_equal(thing_text(&out.things[0], CONTRACT_CREDITS),
	        "any resolution below 95%: 5%; any resolution below 90%: 12.5%");
	assert_string_equal(
	        thing_text(&out.things[0], CONTRACT_VALID_UNTIL), "2026-12-31T21:00:00Z");
	out.count = 0;
	w.contracts[0].code = T("other");
	w.contracts[0].services = w.codes;
	w.contracts[0].n_services = 1;
	assert_int_equal(
	        contract_declare(&w.contracts[0], &stored, &out, &warnings, &count, &err),
	        -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "services");
	assert_non_null(strstr(err.violations[0].description, "ties with 'special'"));
	/* Not at the same time: no tie. */
	out.count = 0;
	error_clear(&err);
	((struct contract_terms *)(uintptr_t)thing_find(&stored, THING_CONTRACT, "special")
	                ->terms.contract)
	        ->valid_until = INT64_C(1735689600000000);
	assert_int_equal(
	        contract_declare(&w.contracts[0], &stored, &out, &warnings, &count, &err), 0);
	out.count = 0;
	w.contracts[0].calendar = T("moon");
	assert_int_equal(
	        contract_declare(&w.contracts[0], &stored, &out, &warnings, &count, &err),
	        -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "calendar");
	arena_free(stored.arena);
}

static void several_faults_are_told_at_once(void **state)
{
	struct thing_list list = {.arena = arena_new(1 << 20)};
	struct otk_error err = {0};

	(void)state;
	reset();
	w.customers[0].zone = T("x y");
	w.grants[0].role = T("boss");
	w.targets[0].target = T("?");
	assert_int_equal(installation_declare(&w.all, &list, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(err.violation_count, 3);
	arena_free(list.arena);
}

/* What a level's actions say is told where nobody could ever hear it. */
static void an_on_call_that_nobody_ever_is_is_told(void **state)
{
	static const char *const ACTIONS[] = {"notify on-call", "quiet on-call", "notify lead"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct thing_list list = {.arena = arena_new(1 << 20)};
		struct otk_error err = {0};
		const struct thing *thing;

		reset();
		w.actions[0] = T(ACTIONS[i]);
		assert_int_equal(installation_declare(&w.all, &list, &err), 0);
		thing_sort(&list);
		thing = thing_find(&list, THING_CONTRACT, "standard");
		assert_non_null(thing);
		assert_true((thing->note != NULL && strstr(thing->note, "no rota") != NULL) ==
		            (i < 2));
		arena_free(list.arena);
	}
}

static void texts_are_canonical(void **state)
{
	struct thing_list list = {.arena = arena_new(1 << 20)};
	struct otk_error err = {0};
	const struct thing *thing;

	(void)state;
	reset();
	w.contracts[0].n_pauses = 1;
	w.contracts[0].valid_from = T("2026-02-01");
	w.targets[0].target = T("90m");
	w.targets[1].target = T("2h");
	assert_int_equal(installation_declare(&w.all, &list, &err), 0);
	thing_sort(&list);
	thing = thing_find(&list, THING_CALENDAR, "office");
	assert_string_equal(thing_text(thing, CALENDAR_WEEK), "mon-fri 09:00-18:00");
	assert_string_equal(thing_text(thing, CALENDAR_HOLIDAYS), "2026-01-01,2026-05-01");
	assert_string_equal(thing_text(thing, CALENDAR_SPECIAL_DAYS), "2026-12-31 09:00-13:00");
	assert_int_equal(thing->terms.calendar->holiday_count, 2);
	thing = thing_find(&list, THING_SERVICE, "bravo/mail");
	assert_non_null(thing);
	assert_non_null(thing_find(&list, THING_SERVICE, "acme/mail"));
	assert_null(thing_find(&list, THING_SERVICE, "mail"));
	thing = thing_find(&list, THING_SITE, "acme/hq");
	assert_string_equal(thing_text(thing, SITE_ZONE), "Europe/Moscow");
	thing = thing_find(&list, THING_PERSON, "olga");
	assert_string_equal(thing_text(thing, PERSON_GRANTS), "requester@acme");
	thing = thing_find(&list, THING_AGENT, "probe");
	assert_string_equal(thing_text(thing, AGENT_SITE), "acme/hq");
	thing = thing_find(&list, THING_CONTRACT, "standard");
	assert_string_equal(thing_text(thing, CONTRACT_TARGETS),
	        "any response 1h30m; any resolution 2h; incident resolution 4h");
	assert_string_equal(thing_text(thing, CONTRACT_PAUSES),
	        "update by customer, update by scheduled, resolution by supplier");
	assert_string_equal(thing_text(thing, CONTRACT_VALID_FROM), "2026-01-31T21:00:00Z");
	assert_string_equal(thing_text(thing, CONTRACT_AUTO_CLOSE), "3bd");
	assert_null(thing->note);
	arena_free(list.arena);
}

static void a_small_arena_is_told(void **state)
{
	(void)state;
	for (size_t budget = 16; budget < 6000; budget += 200) {
		struct thing_list list = {.arena = arena_new(budget)};
		struct otk_error err = {0};

		reset();
		assert_int_equal(
		        installation_declare(&w.all, &list, &err), -OTK_RESOURCE_EXHAUSTED);
		arena_free(list.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(people_and_places_are_checked),
	        cmocka_unit_test(calendars_are_checked),
	        cmocka_unit_test(rules_and_bases_are_checked),
	        cmocka_unit_test(a_calendar_takes_over_what_its_base_says),
	        cmocka_unit_test(contracts_are_checked),
	        cmocka_unit_test(terms_beyond_targets_are_checked),
	        cmocka_unit_test(contradictions_are_refused),
	        cmocka_unit_test(a_shared_address_is_told),
	        cmocka_unit_test(what_is_missing_is_told),
	        cmocka_unit_test(a_contract_alone_is_held_against_what_is_stored),
	        cmocka_unit_test(several_faults_are_told_at_once),
	        cmocka_unit_test(an_on_call_that_nobody_ever_is_is_told),
	        cmocka_unit_test(texts_are_canonical),
	        cmocka_unit_test(a_small_arena_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

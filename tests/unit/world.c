/* A small installation for tests of the rules. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"

const struct actor ANNA = {PERSON_ANNA, SIDE_CUSTOMER, false};
const struct actor BORIS = {PERSON_BORIS, SIDE_CUSTOMER, false};
const struct actor VERA = {PERSON_VERA, SIDE_PROVIDER, false};
const struct actor GLEB = {PERSON_GLEB, SIDE_PROVIDER, false};
const struct actor ACME_AGENT = {AGENT_ACME, SIDE_AGENT, false};

#define OFFICE_WEEK "mon-fri 09:00-18:00"

static struct ref_customer customers[] = {
        {.id = WORLD_PROVIDER, .code = "provider", .zone = "Europe/Moscow"},
        {.id = WORLD_ACME, .code = "acme", .zone = "Europe/Moscow"},
        {.id = WORLD_DACHA, .code = "dacha", .zone = "Asia/Omsk"},
        {.id = WORLD_BAR, .code = "bar", .zone = "Europe/Berlin"},
};
static struct ref_site sites[] = {
        {.id = SITE_ACME, .customer_id = WORLD_ACME, .code = "hq", .zone = "Europe/Samara"},
        {.id = SITE_DACHA, .customer_id = WORLD_DACHA, .code = "hq", .zone = "Asia/Tomsk"},
};
static struct ref_team teams[] = {
        {.id = TEAM_NET, .code = "net"},
        {.id = TEAM_OFFICE, .code = "office"},
        {.id = TEAM_RETIRED, .code = "telex", .retired = true},
};
static struct ref_service services[] = {
        {.id = SERVICE_MAIL, .customer_id = WORLD_ACME, .code = "mail"},
        {.id = SERVICE_OTHER, .customer_id = WORLD_DACHA, .code = "mail"},
};

#define GRANT(role_, customer_)                                                                \
	{                                                                                      \
		.count = 1, .grants = { {.role = (role_), .customer_id = (customer_)} }        \
	}

static struct ref_principal principals[] = {
        {.id = PERSON_ANNA,
                .kind = PRINCIPAL_PERSON,
                .customer_id = WORLD_ACME,
                .code = "anna",
                .uri = "otklik://test/person/anna",
                .access = GRANT(ROLE_REQUESTER, WORLD_ACME)},
        {.id = PERSON_BORIS,
                .kind = PRINCIPAL_PERSON,
                .customer_id = WORLD_ACME,
                .code = "boris",
                .access = GRANT(ROLE_REQUESTER, WORLD_ACME)},
        {.id = PERSON_VERA,
                .kind = PRINCIPAL_PERSON,
                .code = "vera",
                .uri = "otklik://test/person/vera",
                .team_id = TEAM_NET,
                .access = GRANT(ROLE_ENGINEER, ACCESS_ALL_CUSTOMERS)},
        {.id = PERSON_GLEB,
                .kind = PRINCIPAL_PERSON,
                .code = "gleb",
                .access = GRANT(ROLE_ENGINEER, ACCESS_ALL_CUSTOMERS)},
        {.id = PERSON_DASHA,
                .kind = PRINCIPAL_PERSON,
                .code = "dasha",
                .disabled = true,
                .access = GRANT(ROLE_ENGINEER, ACCESS_ALL_CUSTOMERS)},
        {.id = AGENT_ACME,
                .kind = PRINCIPAL_AGENT,
                .customer_id = WORLD_ACME,
                .code = "agent-hq",
                .uri = "otklik://test/agent/hq",
                .access = GRANT(ROLE_AGENT, WORLD_ACME)},
};

/* P1 15m/1h/4h, P2 30m/2h/8h, P3 1h/4h/2bd, P4 2h/-/1bd, P5: no target at all. */
#define TARGET(p, c, us)                                                                       \
	{                                                                                      \
		.priority = (p), .clock = (c), .target_us = (us)                               \
	}

static struct ref_target acme_targets[] = {
        TARGET(1, CLOCK_RESPONSE, 15 * MINUTE),
        TARGET(1, CLOCK_UPDATE, HOUR),
        TARGET(1, CLOCK_RESOLUTION, 4 * HOUR),
        TARGET(2, CLOCK_RESPONSE, 30 * MINUTE),
        TARGET(2, CLOCK_UPDATE, 2 * HOUR),
        TARGET(2, CLOCK_RESOLUTION, 8 * HOUR),
        TARGET(3, CLOCK_RESPONSE, HOUR),
        TARGET(3, CLOCK_UPDATE, 4 * HOUR),
        {.priority = 3, .clock = CLOCK_RESOLUTION, .target_bd = 2},
        TARGET(4, CLOCK_RESPONSE, 2 * HOUR),
        {.priority = 4, .clock = CLOCK_RESOLUTION, .target_bd = 1},
        {.priority = 3,
                .service_id = SERVICE_MAIL,
                .clock = CLOCK_RESOLUTION,
                .target_us = 6 * HOUR},
        {.priority = 3,
                .type = TICKET_SERVICE_REQUEST,
                .clock = CLOCK_RESOLUTION,
                .target_us = 5 * HOUR,
                .wall = true},
};
static struct ref_target bar_targets[] = {
        TARGET(0, CLOCK_RESPONSE, HOUR),
        TARGET(0, CLOCK_UPDATE, 2 * HOUR),
        TARGET(0, CLOCK_RESOLUTION, 10 * HOUR),
        TARGET(1, CLOCK_RESOLUTION, 2 * HOUR),
};
static struct ref_level levels[] = {
        {.clock = CLOCK_RESPONSE, .number = 1, .percent = 80, .text = "80%"},
        {.clock = CLOCK_RESOLUTION, .number = 1, .percent = 50, .text = "50%"},
        {.clock = CLOCK_RESOLUTION, .number = 2, .offset_us = -30 * MINUTE, .text = "-30m"},
        {.clock = CLOCK_RESOLUTION, .number = 3, .percent = 100, .text = "100%"},
        {.clock = CLOCK_RESOLUTION, .number = 4, .offset_us = 2 * HOUR, .text = "+2h"},
        {.clock = CLOCK_UPDATE, .number = 1, .percent = 90, .text = "90%"},
};

#define PAUSES                                                                                 \
	{                                                                                      \
		0, 0, 1 << PENDING_CUSTOMER | 1 << PENDING_SCHEDULED,                          \
		        1 << PENDING_CUSTOMER | 1 << PENDING_SCHEDULED                         \
	}

static const struct ref_contract contracts[] = {
        {.id = CONTRACT_ACME,
                .version = 1,
                .customer_id = WORLD_ACME,
                .code = "acme-2026",
                .calendar_id = CALENDAR_OFFICE,
                .current = true,
                .pauses = PAUSES,
                .targets = acme_targets,
                .target_count = sizeof acme_targets / sizeof *acme_targets,
                .levels = levels,
                .level_count = sizeof levels / sizeof *levels,
                .auto_close_bd = 3,
                .reopen_window_us = 10 * DAY},
        {.id = CONTRACT_BAR,
                .version = 1,
                .customer_id = WORLD_BAR,
                .code = "bar-2026",
                .calendar_id = CALENDAR_ALWAYS,
                .current = true,
                .pauses = PAUSES,
                .targets = bar_targets,
                .target_count = sizeof bar_targets / sizeof *bar_targets,
                .levels = levels,
                .level_count = sizeof levels / sizeof *levels,
                .auto_close_us = 2 * DAY},
};

static void *must(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "world: out of memory\n");
		abort();
	}
	return memory;
}

static struct calendar *calendar_of(const char *zone, const char *week, const char *exceptions)
{
	struct calendar_plan plan = {0};
	struct calendar *calendar = NULL;
	struct otk_error err;

	error_clear(&err);
	if (plan_parse(zone, week, exceptions, &plan, &err) != 0 ||
	        calendar_new(&plan, &calendar, &err) != 0) {
		fprintf(stderr, "world: %s\n", err.message);
		abort();
	}
	plan_release(&plan);
	return calendar;
}

struct world *world_new(void)
{
	struct world *world = must(calloc(1, sizeof *world));
	struct ref_contract *own;
	struct ref_calendar *calendars;

	world->arena = must(arena_new(1 << 24));
	own = must(arena_memdup(world->arena, contracts, sizeof contracts));
	calendars = must(arena_calloc(world->arena, 2, sizeof *calendars));
	world->acme = &own[0];
	world->bar = &own[1];
	world->calendars[0] = calendar_of("Europe/Moscow", OFFICE_WEEK, "2026-01-01");
	world->calendars[1] = calendar_of("Europe/Berlin", "always", "");
	for (int i = 0; i < 2; i++) {
		world->editions[i][0].calendar = world->calendars[i];
		world->histories[i] = (struct calendar_history){world->editions[i], 1};
		calendars[i].id = CALENDAR_OFFICE + i;
		calendars[i].history = &world->histories[i];
	}
	calendars[0].zone = "Europe/Moscow";
	calendars[1].zone = "Europe/Berlin";
	world->ref = (struct reference){
	        .epoch = 1,
	        .customers = customers,
	        .customer_count = sizeof customers / sizeof *customers,
	        .sites = sites,
	        .site_count = sizeof sites / sizeof *sites,
	        .teams = teams,
	        .team_count = sizeof teams / sizeof *teams,
	        .services = services,
	        .service_count = sizeof services / sizeof *services,
	        .principals = principals,
	        .principal_count = sizeof principals / sizeof *principals,
	        .calendars = calendars,
	        .calendar_count = 2,
	        .contracts = own,
	        .contract_count = 2,
	};
	if (reference_index(&world->ref) != 0)
		abort();
	return world;
}

void world_edit_office(struct world *world, int64_t from_at, const char *week)
{
	world->calendars[2] = calendar_of("Europe/Moscow", week, "2026-01-01");
	world->editions[0][1] = (struct calendar_edition){from_at, world->calendars[2]};
	world->histories[0].count = 2;
}

void world_free(struct world *world)
{
	reference_index_free(&world->ref);
	for (int i = 0; i < 3; i++)
		calendar_free(world->calendars[i]);
	arena_free(world->arena);
	free(world);
}

int64_t at(const char *text)
{
	int64_t us;

	if (time_parse(text, &us, NULL) != 0) {
		fprintf(stderr, "world: %s is no instant\n", text);
		abort();
	}
	return us;
}

struct new_ticket world_incident(void)
{
	return (struct new_ticket){
	        .customer_id = WORLD_ACME,
	        .ticket_id = 1000,
	        .site_id = SITE_ACME,
	        .requester_id = PERSON_ANNA,
	        .type = TICKET_INCIDENT,
	        .impact = 2,
	        .urgency = 2,
	        .title = "the printer is on fire",
	        .text = "smoke everywhere",
	        .category = "hardware",
	        .channel = "portal",
	};
}

int life_begin(void **state)
{
	struct life *life = must(calloc(1, sizeof *life));

	life->world = world_new();
	life->arena = must(arena_new(1 << 22));
	change_init(&life->c, life->arena, &life->world->ref);
	*state = life;
	return 0;
}

int life_end(void **state)
{
	struct life *life = *state;

	world_free(life->world);
	arena_free(life->arena);
	free(life);
	return 0;
}

int life_file(struct life *life)
{
	struct new_ticket in = world_incident();

	error_clear(&life->err);
	return lifecycle_create(&life->c, &in, &ANNA, at(MONDAY_10), &life->err);
}

/* A refused command leaves the ticket as it was. */
int life_apply(struct life *life, const char *when, struct command cmd)
{
	struct change before = life->c;
	int rc;

	error_clear(&life->err);
	rc = lifecycle_apply(&life->c, &cmd, at(when), &life->err);
	if (rc != 0)
		life->c = before;
	return rc;
}

int life_tick(struct life *life, const char *when)
{
	error_clear(&life->err);
	return lifecycle_tick(&life->c, at(when), &life->err);
}

int life_check(struct life *life, const char *when, bool bad, enum check_effect *effect)
{
	error_clear(&life->err);
	return lifecycle_check(&life->c, bad, bad ? "CRITICAL" : "OK", &ACME_AGENT, at(when),
	        effect, &life->err);
}

const struct event *life_last(const struct life *life, enum event_kind kind)
{
	for (size_t i = life->c.event_count; i > 0; i--) {
		if (life->c.events[i - 1].kind == kind)
			return &life->c.events[i - 1];
	}
	return NULL;
}

size_t life_count(const struct life *life, enum event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < life->c.event_count; i++)
		count += life->c.events[i].kind == kind;
	return count;
}

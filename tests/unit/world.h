/* A small installation for tests of the rules: one provider, two customers, two contracts. */
#ifndef OTKLIK_TEST_WORLD_H
#define OTKLIK_TEST_WORLD_H

#include "core/calendar_history.h"
#include "core/lifecycle.h"
#include "core/projection.h"

enum {
	WORLD_PROVIDER = 0,
	WORLD_ACME = 1,  /* office hours, Moscow, all clocks */
	WORLD_DACHA = 2, /* no contract */
	WORLD_BAR = 3,   /* 24×7 */
	SITE_ACME = 11,
	SITE_DACHA = 12,
	TEAM_NET = 21,
	TEAM_OFFICE = 22,
	TEAM_RETIRED = 23,
	SERVICE_MAIL = 31,
	SERVICE_OTHER = 32, /* of dacha */
	PERSON_ANNA = 41,   /* requester, acme */
	PERSON_BORIS = 42,  /* requester, acme */
	PERSON_VERA = 43,   /* engineer, team net */
	PERSON_GLEB = 44,   /* engineer, no team */
	PERSON_DASHA = 45,  /* disabled engineer */
	AGENT_ACME = 46,
	CALENDAR_OFFICE = 51, /* mon-fri 09:00-18:00 Europe/Moscow; holiday 2026-01-01 */
	CALENDAR_ALWAYS = 52,
	CONTRACT_ACME = 61,
	CONTRACT_BAR = 62,
};

#define SECOND INT64_C(1000000)
#define MINUTE (INT64_C(60) * SECOND)
#define HOUR (INT64_C(60) * MINUTE)
#define DAY (INT64_C(24) * HOUR)

struct world {
	struct reference ref;
	struct arena *arena;
	struct calendar *calendars[3];
	struct calendar_edition editions[2][3];
	struct calendar_history histories[2];
	struct ref_contract *acme; /* to be bent by a test */
	struct ref_contract *bar;
};

/* Aborts the test program where memory is out or a plan is wrong. */
struct world *world_new(void);
void world_free(struct world *world);

/* Adds an edition of the office hours that acts from an instant. */
void world_edit_office(struct world *world, int64_t from_at, const char *week);

/* Instants are written as RFC 3339. */
int64_t at(const char *text);

extern const struct actor ANNA, BORIS, VERA, GLEB, ACME_AGENT;

/* An incident of acme, P3 unless impact and urgency are changed. */
struct new_ticket world_incident(void);

/* One ticket in a world of its own. */
struct life {
	struct world *world;
	struct arena *arena;
	struct change c;
	struct otk_error err; /* of the last call */
};

/* For cmocka_unit_test_setup_teardown. */
int life_begin(void **state);
int life_end(void **state);

/* Files world_incident() by Anna on MONDAY_10, and applies commands; both return the status. */
#define MONDAY_10 "2026-03-02T10:00:00+03:00"
int life_file(struct life *life);
int life_apply(struct life *life, const char *when, struct command cmd);
int life_tick(struct life *life, const char *when);
int life_check(struct life *life, const char *when, bool bad, enum check_effect *effect);

/* How many events of a kind the journal has, and the last one of it (NULL: none). */
size_t life_count(const struct life *life, enum event_kind kind);
const struct event *life_last(const struct life *life, enum event_kind kind);

#endif

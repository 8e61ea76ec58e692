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

#endif

/*
 * Reference data as the rules see it: customers, sites, teams, people, calendars, contracts,
 * loaded whole and immutable. A new edition of anything makes a new struct reference; `epoch`
 * tells them apart and every write says which one it was decided under.
 */
#ifndef OTKLIK_CORE_REFERENCE_H
#define OTKLIK_CORE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/access.h"
#include "core/ticket.h"

struct calendar_history; /* core/calendar.h */
struct ref_rota;         /* core/rota.h */
struct ref_override;

enum { CODE_MAX = 64, NAME_TEXT_MAX = 200 };

struct ref_customer {
	int32_t id; /* 0: the provider */
	char code[CODE_MAX + 1];
	char *name;
	char *zone;
	bool retired;
};

/* From when on which calendar counts at a site; 0: that of the contract. */
struct ref_site_calendar {
	int64_t from_at;
	int32_t calendar_id;
};

struct ref_site {
	int32_t id;
	int32_t customer_id;
	char code[CODE_MAX + 1];
	char *name;
	char *zone;
	bool retired;
	struct ref_site_calendar *calendars; /* ascending; of equal instants the last holds */
	size_t calendar_count;
};

struct ref_team {
	int32_t id;
	char code[CODE_MAX + 1];
	char *name;
	bool retired;
};

struct ref_service {
	int32_t id;
	int32_t customer_id;
	char code[CODE_MAX + 1];
	bool retired;
};

enum principal_kind { PRINCIPAL_PERSON = 1, PRINCIPAL_AGENT = 2, PRINCIPAL_PLACEHOLDER = 3 };

struct ref_principal {
	int32_t id;
	enum principal_kind kind;
	int32_t customer_id; /* 0: the provider's own */
	char code[CODE_MAX + 1];
	char *name;
	char *zone;
	char *uri;       /* URI SAN of the certificate; NULL for placeholders */
	int32_t site_id; /* agents */
	int32_t team_id; /* agents: where incidents go; people: first team */
	bool disabled;
	struct access access; /* grants */
};

struct ref_calendar {
	int32_t id;
	char code[CODE_MAX + 1];
	char *zone;
	struct calendar_history *history;
};

struct ref_target {
	int16_t type;     /* 0: any */
	int16_t priority; /* 0: any */
	int32_t service_id;
	int32_t team_id; /* operational targets; 0: any */
	enum clock_kind clock;
	int64_t target_us; /* or 0 with target_bd */
	int32_t target_bd;
	bool wall;
	char *text; /* as written */
};

/* A level hangs at `percent` of the target, or at `offset_us` of service time from due. */
struct ref_level {
	enum clock_kind clock;
	int number;      /* 1.. in the order written for this clock */
	int16_t percent; /* 0: use offset_us */
	int64_t offset_us;
	char *text; /* "50%", "-30m" */
	char *name;
	char *actions; /* comma separated */
};

/* What is given back for a month whose compliance is below; parts are in 1/10000. */
struct ref_credit {
	int16_t type;     /* 0: any */
	int16_t priority; /* 0: any */
	int32_t service_id;
	enum clock_kind clock;
	int32_t below;
	int32_t credit; /* of the month's part of the fee */
};

/* One version of one contract: what a ticket is pinned to. */
struct ref_contract {
	int32_t id; /* contract_version_id */
	int32_t version;
	int32_t customer_id;
	char code[CODE_MAX + 1];
	int32_t calendar_id;
	int64_t valid_from;
	bool current;          /* the version that new tickets take */
	int64_t superseded_at; /* a later version is valid from here on; 0: none is */
	int64_t valid_until;   /* takes no new tickets from here on; 0: no end */
	bool withdrawn;
	int64_t withdrawn_at; /* clocks fall silent then; 0: not withdrawn */
	int32_t *site_ids;
	size_t site_count;
	int32_t *service_ids;
	size_t service_count;
	int16_t matrix[9];                /* impact 1..3 × urgency 1..3 */
	uint8_t pauses[CLOCK_KIND_COUNT]; /* bit 1 << pending_reason */
	uint8_t ack_stops;  /* bit 1 << clock: its levels rest once acknowledged */
	int64_t fee;        /* in the currency's smallest unit, a period */
	char currency[4];   /* ISO 4217; "": no fee is written */
	int16_t period;     /* months: 1, 3, 12; 0 without a fee */
	int32_t credit_cap; /* 1/10000 of a month's fee */
	struct ref_credit *credits;
	size_t credit_count;
	struct ref_target *targets;
	size_t target_count;
	struct ref_level *levels;
	size_t level_count;
	int32_t auto_close_bd;    /* business days */
	int64_t auto_close_us;    /* or wall time */
	int64_t reopen_window_us; /* wall time */
};

/* Arrays are sorted by id. Built by server/desk/reference_load; freed with its arena. */
struct reference {
	int64_t epoch;
	char *installation;
	char *mail_address; /* to which people write; "": mail is not taken */
	struct ref_customer *customers;
	size_t customer_count;
	struct ref_site *sites;
	size_t site_count;
	struct ref_team *teams;
	size_t team_count;
	struct ref_service *services;
	size_t service_count;
	struct ref_principal *principals;
	size_t principal_count;
	struct ref_calendar *calendars;
	size_t calendar_count;
	struct ref_contract *contracts;
	size_t contract_count;
	struct ref_rota *rotas; /* by code */
	size_t rota_count;
	struct ref_override *overrides; /* of duties; withdrawn ones left out */
	size_t override_count;
	struct ref_index *by_code; /* private to reference.c */
};

/* Builds the code indexes; call once after filling. 0 or -OTK_RESOURCE_EXHAUSTED. */
int reference_index(struct reference *ref);
void reference_index_free(struct reference *ref);

/* By id, or NULL. */
const struct ref_customer *reference_customer(const struct reference *ref, int32_t id);
const struct ref_site *reference_site(const struct reference *ref, int32_t id);
const struct ref_team *reference_team(const struct reference *ref, int32_t id);
const struct ref_service *reference_service(const struct reference *ref, int32_t id);
const struct ref_principal *reference_principal(const struct reference *ref, int32_t id);
const struct ref_calendar *reference_calendar(const struct reference *ref, int32_t id);
const struct ref_contract *reference_contract(const struct reference *ref, int32_t id);

/* By code, or NULL; sites and services within their customer. O(1). */
const struct ref_customer *reference_customer_by_code(
        const struct reference *ref, const char *code);
const struct ref_site *reference_site_by_code(
        const struct reference *ref, int32_t customer_id, const char *code);
const struct ref_team *reference_team_by_code(const struct reference *ref, const char *code);
const struct ref_service *reference_service_by_code(
        const struct reference *ref, int32_t customer_id, const char *code);
const struct ref_principal *reference_principal_by_code(
        const struct reference *ref, const char *code);
const struct ref_principal *reference_principal_by_uri(
        const struct reference *ref, const char *uri, size_t length);

/* Do new tickets take this version now? */
bool contract_in_force(const struct ref_contract *contract, int64_t now);

/*
 * A version of the contract with that code; 0: the one new tickets take at `now`, else the
 * last. NULL: there is none.
 */
const struct ref_contract *reference_contract_version(
        const struct reference *ref, const char *code, int32_t version, int64_t now);

/*
 * The contract version in force for a new ticket: one that covers the site and the service,
 * else the customer's default (no sites, no services); NULL: no SLA.
 */
const struct ref_contract *reference_contract_for(const struct reference *ref,
        int32_t customer_id, int32_t site_id, int32_t service_id, int64_t now);

/*
 * The calendar in which a contract's clocks count at a site, by what was known at an instant:
 * the site's own, else the contract's.
 */
int32_t reference_calendar_at(const struct reference *ref, const struct ref_contract *contract,
        int32_t site_id, int64_t at);

#endif

/*
 * An installation as it is declared and as it is stored, both as a list of things with named
 * texts, so that comparing the two is one plain rule for customers and contracts alike.
 *
 *	declaration (rpc) ─┐
 *	                   ├─ installation_diff → changes → installation_write_calls
 *	installation_load ─┘
 */
#ifndef OTKLIK_DESK_INSTALLATION_H
#define OTKLIK_DESK_INSTALLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "core/ticket.h"
#include "db/unit.h"

/* In the order in which changes are listed and written: what is referred to comes first. */
enum thing_kind {
	THING_CUSTOMER,
	THING_SITE, /* code "customer/site" */
	THING_TEAM,
	THING_SERVICE, /* code "customer/service" */
	THING_PERSON,
	THING_AGENT,
	THING_CALENDAR,
	THING_CONTRACT,
	THING_ROTA,
	THING_MAIL,       /* at most one, of code "intake" */
	THING_PREFERENCE, /* code of the person; `imported` where the person wished it himself
	                   */
	THING_TEMPLATE,   /* code "name/language" or "name/language/customer" */
	THING_WEBHOOK,    /* code of the customer */
	THING_KIND_COUNT
};

/* Texts of a thing, by kind. */
enum { CUSTOMER_NAME, CUSTOMER_ZONE, CUSTOMER_LANGUAGE };
enum { SITE_NAME, SITE_ZONE, SITE_CALENDAR };
enum { TEAM_NAME };
enum { SERVICE_NAME };
enum {
	PERSON_NAME,
	PERSON_EMAIL,
	PERSON_CUSTOMER,
	PERSON_ZONE,
	PERSON_LANGUAGE,
	PERSON_GRANTS,
	PERSON_TEAMS,
	PERSON_DISABLED
};
enum { AGENT_SITE, AGENT_TEAM, AGENT_DISABLED };
enum {
	CALENDAR_ZONE,
	CALENDAR_WEEK,
	CALENDAR_HOLIDAYS,
	CALENDAR_SPECIAL_DAYS,
	CALENDAR_RULES, /* as plan_format_rules */
	CALENDAR_NAMES  /* as plan_format_names */
};
enum {
	CONTRACT_CUSTOMER,
	CONTRACT_SITES,
	CONTRACT_SERVICES,
	CONTRACT_CALENDAR,
	CONTRACT_TARGETS,
	CONTRACT_PAUSES,
	CONTRACT_LEVELS,
	CONTRACT_MATRIX,
	CONTRACT_VALID_FROM, /* as time_format_utc; "" in a declaration: at once */
	CONTRACT_AUTO_CLOSE,
	CONTRACT_REOPEN_WINDOW,
	CONTRACT_VALID_UNTIL, /* the instant that ends it, as time_format_utc; "": no end */
	CONTRACT_ACKNOWLEDGE_STOPS,
	CONTRACT_FEE, /* "1500.50 EUR month" */
	CONTRACT_CREDITS,
	CONTRACT_CREDIT_CAP
};
enum {
	ROTA_TEAM,
	ROTA_LAYER,
	ROTA_ZONE,
	ROTA_PEOPLE, /* in order, joined by "," */
	ROTA_PERIOD,
	ROTA_HAND_OVER,
	ROTA_START,
	ROTA_COVERAGE,
	ROTA_TEXTS
};
enum {
	MAIL_ADDRESS,
	MAIL_UNKNOWN,
	MAIL_UNKNOWN_REPLY,
	MAIL_AUTHSERV_ID,
	MAIL_UNVERIFIED,
	MAIL_TEXTS
};
enum {
	PREFERENCE_CHANNEL,
	PREFERENCE_DIGEST,
	PREFERENCE_QUIET,
	PREFERENCE_MUTE, /* names joined by "," */
	PREFERENCE_LEVELS,
	/* The same as numbers, for the writer: not compared. */
	PREFERENCE_NUMBERS,
	PREFERENCE_TEXTS = PREFERENCE_NUMBERS + 7
};
enum { TEMPLATE_SUBJECT, TEMPLATE_TEXT, TEMPLATE_TEXTS };
enum { WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_NOTICES, WEBHOOK_NUMBERS, WEBHOOK_TEXTS };
enum { THING_TEXTS_MAX = 16 };

/* What the texts of some kinds are made of, for the writer. */
struct person_terms {
	int16_t *roles;
	const char **customers; /* "": every customer */
	size_t grant_count;
	const char **teams;
	size_t team_count;
};

struct calendar_terms {
	int64_t *holidays; /* days since 1970 */
	size_t holiday_count;
	int64_t *special_dates;
	const char **special_spans;
	size_t special_count;
	const char **rules;
	size_t rule_count;
};

struct term_target {
	int16_t type; /* 0: any */
	int16_t priority;
	const char *service; /* "": any */
	enum clock_kind clock;
	const char *target;
	const char *team; /* "": any */
};

struct term_credit {
	int16_t type; /* 0: any */
	int16_t priority;
	const char *service; /* "": any */
	enum clock_kind clock;
	int16_t below; /* 1/10000 */
	int16_t credit;
};

struct term_level {
	enum clock_kind clock;
	int16_t number;
	const char *at;
	const char *name;
	const char *actions;
};

struct contract_terms {
	const char **sites;
	size_t site_count;
	const char **services;
	size_t service_count;
	int16_t matrix[9];
	uint8_t pauses[CLOCK_KIND_COUNT]; /* bit 1 << pending_reason */
	struct term_target *targets;
	size_t target_count;
	struct term_level *levels;
	size_t level_count;
	int64_t valid_from;   /* us; 0: at once */
	int64_t valid_until;  /* us; 0: no end */
	uint8_t ack_stops;    /* bit 1 << clock */
	int64_t fee;          /* in the currency's smallest unit, a period */
	const char *currency; /* "": no fee */
	int16_t period;       /* months */
	int16_t credit_cap;   /* 1/10000 */
	int32_t version;      /* stored: which one this is */
	struct term_credit *credits;
	size_t credit_count;
};

struct thing {
	enum thing_kind kind;
	const char *code;
	const char *texts[THING_TEXTS_MAX]; /* NULL: "" */
	bool retired;                       /* stored: not in use any more */
	bool imported;    /* stored: made by an import, so that no declaration has to name it */
	bool placeholder; /* stored person: known from imported history only */
	bool separate;    /* contract: kept by a file of its own */
	const char *where; /* declared contract: what its fields' paths begin with */
	const char *note;  /* declared: a remark for whoever applies it; may be NULL */
	union {
		const struct person_terms *person;
		const struct calendar_terms *calendar;
		const struct contract_terms *contract;
	} terms; /* declared people and calendars, contracts of both sides */
};

struct thing_list {
	struct arena *arena;
	struct thing *things;
	size_t count;
	size_t cap;
};

/* Appends a cleared thing; NULL when the arena is out. Earlier pointers become invalid. */
struct thing *thing_add(struct thing_list *list, enum thing_kind kind, const char *code);
/* By kind, then code. */
void thing_sort(struct thing_list *list);
const struct thing *thing_find(
        const struct thing_list *sorted, enum thing_kind kind, const char *code);
const char *thing_text(const struct thing *thing, int text); /* never NULL */

/* "customer", "site" … ; the name of a text, NULL past the last one. */
const char *thing_kind_name(enum thing_kind kind);
const char *thing_text_name(enum thing_kind kind, int text);

/* --- texts of terms, the same for both sides; NULL when the arena is out ----------------- */

/* Sorts the texts in place and joins them by ",". */
const char *terms_join(struct arena *arena, const char **texts, size_t count);
const char *terms_grants(struct arena *arena, const struct person_terms *terms);
const char *terms_targets(struct arena *arena, const struct contract_terms *terms);
const char *terms_levels(struct arena *arena, const struct contract_terms *terms);
const char *terms_pauses(struct arena *arena, const struct contract_terms *terms);
const char *terms_matrix(struct arena *arena, const struct contract_terms *terms);
const char *terms_acknowledge(struct arena *arena, const struct contract_terms *terms);
const char *terms_fee(struct arena *arena, const struct contract_terms *terms);
const char *terms_credits(struct arena *arena, const struct contract_terms *terms);
/* "12.5%" of 1250. */
const char *terms_part(struct arena *arena, int parts);
/* All of these as texts of a contract. 0 or -OTK_RESOURCE_EXHAUSTED. */
int terms_texts(struct arena *arena, const struct contract_terms *terms, struct thing *out);

/* --- difference -------------------------------------------------------------------------- */

enum change_action { ACTION_ADD, ACTION_CHANGE, ACTION_RETIRE };

struct thing_change {
	enum change_action action;
	const struct thing *declared; /* NULL: retired */
	const struct thing *stored;   /* NULL: added */
	const char *detail;
};

const char *change_action_name(enum change_action action);

/*
 * What makes the stored things the declared ones, by kind and code; sorts both lists.
 * Placeholders and what an import made are left alone where they are not declared. `now`: of a
 * contract in force already, "at once" is no change. 0; -OTK_RESOURCE_EXHAUSTED;
 * -OTK_FAILED_PRECONDITION with violations where a thing may not become what is declared.
 */
int installation_diff(struct thing_list *declared, struct thing_list *stored, int64_t now,
        struct thing_change **out, size_t *count, struct otk_error *err);

/* --- database ---------------------------------------------------------------------------- */

/* How a read of everything begins: adds its calls; `codes` are those of declared people. */
void installation_read_calls(struct db_unit *unit, const char *const *codes, size_t count);

/*
 * The rows as things, and the epoch and name they belong to. 0; -OTK_ABORTED when the data
 * changed while they were read; -OTK_RESOURCE_EXHAUSTED.
 */
int installation_read(const struct db_unit *unit, size_t first_call, struct thing_list *out,
        int64_t *epoch, const char **name, struct otk_error *err);

enum { INSTALLATION_READ_CALLS = 15 };

/*
 * One contract ("": all) at a version (0: the last) as a call, and its rows as things. 0 or
 * -OTK_RESOURCE_EXHAUSTED.
 */
void contract_read_call(struct db_unit *unit, const char *code, int64_t version);
int contract_read(const struct db_unit *unit, size_t call, struct thing_list *out);

struct db_rows;
struct preference;

/* Wishes as the texts of a thing. 0 or -OTK_RESOURCE_EXHAUSTED. */
int preference_texts(struct arena *arena, const struct preference *wishes, struct thing *out);
/* A row's columns from `first` on, as preference_all has them: channel … breaches_only. */
void preference_read(const struct db_rows *rows, size_t row, int first, struct preference *out);
/* Names of notices by bits, joined by ","; and their numbers as "{1,2}". NULL: no memory. */
const char *notices_text(struct arena *arena, uint32_t bits);
const char *notices_numbers(struct arena *arena, uint32_t bits);

/* Rows of preference_all, template_all, webhook_all as things. 0 or -OTK_RESOURCE_EXHAUSTED. */
int preferences_read(const struct db_rows *rows, struct thing_list *out);
int templates_read(const struct db_rows *rows, struct thing_list *out);
int webhooks_read(const struct db_rows *rows, struct thing_list *out);

/* Who changes the installation, and how. */
struct installation_author {
	int32_t principal_id;
	int64_t epoch; /* under which the changes were decided */
	int64_t now;
};

/*
 * Adds the calls that make the changes, begun under the author's epoch: the unit fails with
 * ABORTED, STALE_REFERENCE when that is not in force any more.
 */
void installation_write_calls(struct db_unit *unit, struct arena *arena,
        const struct installation_author *author, const struct thing_change *changes,
        size_t count);

#endif

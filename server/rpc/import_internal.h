/* What the files of ImportCases share; nobody else includes this. */
#ifndef OTKLIK_RPC_IMPORT_INTERNAL_H
#define OTKLIK_RPC_IMPORT_INTERNAL_H

#include "desk/desk.h"
#include "desk/import_case.h"
#include "desk/save.h"
#include "rpc/import_check.h"
#include "rpc/request.h"

/* A case on its way. */
struct import_item {
	const Otklik__V1__ImportedCase *in;
	Otklik__V1__ImportResult result;
	uint8_t hash[IMPORT_HASH_SIZE];
	int64_t ticket_id; /* ours, given once */
	int64_t stored_id; /* taken before, to be armed; 0: not so */
	struct import_observation *observations;
	struct change change;
	struct change lived; /* of a stored one: its past under the contract */
	struct save save;
};

/* One name that the cases use, and what it means. */
struct import_name {
	enum import_name_kind kind;
	const char *text;
	int32_t id;
	char slug[CODE_MAX + 1];
	char hashed[CODE_MAX + 1];
};

struct import {
	int32_t customer_id;
	const char *zone;
	const char *scope;
	struct import_item *items;
	size_t count;
	struct import_name *names; /* sorted by kind and text */
	size_t name_count;
	unsigned attempts;
	struct desk_wait wait;
};

/* --- import.c ---------------------------------------------------------------------------- */

/* Whether nothing is decided about it yet. */
bool import_is_open(const struct import_item *item);

/* Its answer; the reason is borrowed. */
void import_decide(struct import_item *item, Otklik__V1__ImportOutcome outcome,
        int64_t ticket_id, const char *reason);

/* Saves what is open: a step, also to be gone to after a wait. */
enum step import_cases_save(struct request *r);

/* Answers with what was decided about each case. */
enum step import_finish(struct request *r);

/* --- import_names.c ---------------------------------------------------------------------- */

/* state->names of the open cases, each once, with its codes, in the arena. 0,
 * -OTK_RESOURCE_EXHAUSTED or -OTK_INTERNAL. */
int import_names_gather(struct request *r, struct import *state, const char *source);

/* A unit that asks for the ids of state->names, a row each in their order; NULL: no memory. */
struct db_unit *import_names_unit(struct request *r, const struct import *state);

/* item->observations with ids in the place of names. 0 or -OTK_RESOURCE_EXHAUSTED. */
int import_resolve(struct request *r, const struct import *state, struct import_item *item);

/* --- import_arm.c ------------------------------------------------------------------------ */

/*
 * Its observations as a journal in item->change, of a stored one in item->lived; armed where
 * that is asked for and a contract covers it. 0, -OTK_RESOURCE_EXHAUSTED, or the negative
 * status with which its clocks cannot be.
 */
int import_build(struct request *r, const struct import *state, struct import_item *item,
        const struct reference *ref);

/* Ends the request with what import_build gave. */
enum step import_build_failed(struct request *r, const struct import_item *item, int rc);

/* The step after names are known: reads and arms stored cases, then saves. */
enum step import_cases_ready(struct request *r);

#endif

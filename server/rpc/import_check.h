/* Imported cases: what may be taken, what makes two of them the same, what names become. */
#ifndef OTKLIK_RPC_IMPORT_CHECK_H
#define OTKLIK_RPC_IMPORT_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/reference.h"
#include "wire/schema.h"

enum { IMPORT_REF_MAX = 100, IMPORT_OBSERVATIONS_MAX = 1000, IMPORT_CASES_MAX = 200 };
enum { IMPORT_SOURCE_MAX = 32, IMPORT_HASH_SIZE = 32 };

/* Why a case cannot be taken, in the arena; NULL when it can. */
const char *import_check(struct arena *arena, const Otklik__V1__ImportedCase *in, int64_t now);

/*
 * SHA-256 of the case and the zone it was sent with. Format 1: a byte 1, then each field in the
 * order of the schema, numbers as i64 big-endian, texts as their length (u32 big-endian) and
 * bytes, lists as their count (i64) and elements. 0, or -OTK_INTERNAL.
 */
int import_hash(
        const Otklik__V1__ImportedCase *in, const char *zone, uint8_t out[IMPORT_HASH_SIZE]);

enum import_name_kind {
	IMPORT_TEAM = 1,
	IMPORT_SITE = 2,
	IMPORT_REQUESTER = 3, /* of the customer */
	IMPORT_ASSIGNEE = 4   /* of the provider */
};

/*
 * The code that a name gets: "Group 24" → "group-24", people with `prefix` (the source) before
 * it; and one that only this name of this kind and customer can have, for where another name
 * had the first. Where nothing of the name can stand in a code the two are the same. 0, or
 * -OTK_INTERNAL.
 */
int import_slug(enum import_name_kind kind, int32_t customer_id, const char *prefix,
        const char *name, char slug[CODE_MAX + 1], char hashed[CODE_MAX + 1]);

#endif

/*
 * IANA time zones from TZif files (RFC 8536): instants to local time and back. Years 1970 to
 * 2100; local times are civil times read as if they were UTC, in microseconds.
 */
#ifndef OTKLIK_BASE_TZ_H
#define OTKLIK_BASE_TZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { TZ_NAME_MAX = 64, TZ_VERSION_MAX = 15 };

struct tz;

/* The zoneinfo folder used by tz_find; NULL: /usr/share/zoneinfo. Not copied. */
void tz_use_folder(const char *folder);

/*
 * The zone `name` ("Europe/Berlin"), read once per process and kept for its life; the caller
 * does not free it. 0; -OTK_INVALID_ARGUMENT: not a name; -OTK_NOT_FOUND: no such zone;
 * -OTK_DATA_LOSS: the file is damaged or counts leap seconds; -OTK_RESOURCE_EXHAUSTED.
 */
int tz_find(const char *name, const struct tz **out, struct otk_error *err);

/* Frees every zone that tz_find gave out, for tests of leaks and before a change of folder. */
void tz_forget_all(void);

/* As tz_find, from `folder` and without the cache; the caller frees with tz_free. */
int tz_load(const char *folder, const char *name, struct tz **out, struct otk_error *err);

/*
 * The bytes of a zone's file as it is now in the folder of tz_find, whatever that one keeps;
 * malloced. Errors as tz_find.
 */
int tz_read(const char *name, void **data, size_t *size, struct otk_error *err);

/*
 * A zone by the bytes that its file had, on this machine or another; kept like those of
 * tz_find, and the same bytes give the same zone. Errors as tz_parse.
 */
int tz_keep(const char *name, const void *data, size_t size, const struct tz **out);

/* The edition of the IANA database in the folder of tz_find, such as "2026a", which sorts as
 * text; "" where `tzdata.zi` does not tell. */
void tz_version(char out[TZ_VERSION_MAX + 1]);

/*
 * Whether a zone's file with its edition of the IANA database ("": not told) replaces another:
 * only one with other transitions that is not of an earlier edition does, or machines with
 * different ones would take turns. false for what is no TZif file.
 */
bool tz_replaces(const void *data, size_t size, const char *version, const void *other,
        size_t other_size, const char *other_version);

/* A zone from the bytes of a TZif file of version 2 or later. 0, -OTK_DATA_LOSS,
 * -OTK_RESOURCE_EXHAUSTED. */
int tz_parse(const void *data, size_t size, struct tz **out);
void tz_free(struct tz *tz);

const char *tz_name(const struct tz *tz);

/* Seconds east of UTC at an instant. */
int32_t tz_offset_at(const struct tz *tz, int64_t us);

int64_t tz_to_local(const struct tz *tz, int64_t us);

/*
 * The instant of a local time, as PostgreSQL's AT TIME ZONE: in a gap the offset before the
 * transition, in an overlap the offset after it.
 */
int64_t tz_from_local(const struct tz *tz, int64_t local_us);

/* The first transition after an instant: false when there is none. */
bool tz_next_transition(const struct tz *tz, int64_t us, int64_t *at);

/* FNV-1a of the transitions: differs when tzdata changed the zone. */
uint64_t tz_fingerprint(const struct tz *tz);

#endif

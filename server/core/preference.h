/* What a person wishes to be told of, and when. Read from words; kept by them and applied by
 * outbox_dispatch() of the database. */
#ifndef OTKLIK_CORE_PREFERENCE_H
#define OTKLIK_CORE_PREFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum preference_channel { PREFERENCE_MAIL = 1, PREFERENCE_NONE = 2 };
enum preference_digest { DIGEST_IMMEDIATE = 0, DIGEST_HOURLY = 1, DIGEST_DAILY = 2 };

struct preference {
	enum preference_channel channel;
	enum preference_digest digest;
	int digest_at;      /* daily: minute of the day in the person's zone */
	int quiet_from;     /* minute of the day */
	int quiet_to;       /* as quiet_from: never quiet */
	uint32_t mute;      /* bits 1 << enum notice */
	bool breaches_only; /* of escalation levels those at due and after */
};

struct preference_words {
	const char *channel;     /* "mail", "none" */
	const char *digest;      /* "immediate", "hourly", "daily 08:00" */
	const char *quiet;       /* "22:00-07:00", "" */
	const char *const *mute; /* names of notices */
	size_t mute_count;
	const char *levels; /* "all", "breach" */
};

/*
 * "" is as without a wish. 0; -OTK_INVALID_ARGUMENT with violations of the fields channel,
 * digest, quiet_hours, mute[i], levels.
 */
int preference_parse(
        const struct preference_words *in, struct preference *out, struct otk_error *err);

enum { PREFERENCE_TEXT = 16 };

const char *preference_channel_name(const struct preference *p);
const char *preference_levels_name(const struct preference *p);
/* Into out[PREFERENCE_TEXT], which they return. */
const char *preference_digest_text(const struct preference *p, char *out);
const char *preference_quiet_text(const struct preference *p, char *out);

/* Bits 1 << notice of names; a wrong one is a violation of "field[i]". */
uint32_t notice_bits(
        const char *const *names, size_t count, const char *field, struct otk_error *err);

#endif

/* Lengths of time as people write them: "90s", "15m", "1h30m", "4h calendar", "2bd". */
#ifndef OTKLIK_CORE_DURATION_H
#define OTKLIK_CORE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { DURATION_TEXT_SIZE = 48, TARGET_BUSINESS_DAYS_MAX = 2600 };

/* Ten years, the greatest length of a target or an offset. */
#define DURATION_MAX (INT64_C(3653) * 86400 * 1000000)

/* What a clock is given: service time, wall time (`wall`), or business days (not 0). */
struct target {
	int64_t us;            /* when business_days is 0 */
	int32_t business_days; /* 1 to TARGET_BUSINESS_DAYS_MAX */
	bool wall;             /* "calendar": hours are ignored, pauses are not */
};

/*
 * Numbers with units in falling order, each once: h, m, s. No sign. 0, or
 * -OTK_INVALID_ARGUMENT with a violation of `field` that tells what is right.
 */
int duration_parse(const char *text, const char *field, int64_t *us, struct otk_error *err);

/* As duration_parse with a required sign: "-30m", "+2h", the place of an escalation level. */
int duration_parse_offset(
        const char *text, const char *field, int64_t *us, struct otk_error *err);

/* "1h30m"; whole seconds, a rest is cut; a negative one begins with "-". */
const char *duration_format(int64_t us, char out[DURATION_TEXT_SIZE]);

/* A duration, one followed by " calendar", or business days: "2bd". */
int target_parse(
        const char *text, const char *field, struct target *out, struct otk_error *err);
const char *target_format(const struct target *target, char out[DURATION_TEXT_SIZE]);

#endif

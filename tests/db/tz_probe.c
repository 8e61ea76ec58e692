/*
 * Prints what base/tz makes of the zones named on standard input, for comparison with
 * PostgreSQL: zone, whether the question is a local time, question and answer in microseconds.
 * Probes stand around every transition from 1970 to 2100, in its gap or overlap, and at
 * samples.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/tz.h"

#define END INT64_C(4133980800000000) /* 2101-01-01 */
#define SAMPLE_STEP (INT64_C(97) * 86400 * CLOCK_SECOND + 5 * 3600 * CLOCK_SECOND + 123456)

static void probe_local(const struct tz *tz, int64_t local)
{
	if (local >= 0 && local < END)
		printf("%s\tt\t%" PRId64 "\t%" PRId64 "\n", tz_name(tz), local,
		        tz_from_local(tz, local));
}

static void probe_utc(const struct tz *tz, int64_t at)
{
	if (at >= 0 && at < END)
		printf("%s\tf\t%" PRId64 "\t%" PRId64 "\n", tz_name(tz), at,
		        tz_to_local(tz, at));
}

static void probe_transition(const struct tz *tz, int64_t at)
{
	static const int STEPS[] = {
	        -93600, -86400, -3600, -1800, -1, 0, 1, 900, 1800, 3599, 3600, 86400};
	int64_t before = at + tz_offset_at(tz, at - 1) * CLOCK_SECOND;
	int64_t after = at + tz_offset_at(tz, at) * CLOCK_SECOND;

	for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
		probe_local(tz, before + STEPS[i] * CLOCK_SECOND);
		if (after != before)
			probe_local(tz, after + STEPS[i] * CLOCK_SECOND);
	}
	probe_utc(tz, at - 1);
	probe_utc(tz, at);
	probe_utc(tz, at + CLOCK_SECOND);
}

int main(void)
{
	char name[256];

	while (fgets(name, sizeof name, stdin) != NULL) {
		const struct tz *tz;
		struct otk_error err;
		int64_t at = -1;

		name[strcspn(name, "\n")] = '\0';
		if (tz_find(name, &tz, &err) != 0) {
			fprintf(stderr, "%s\n", err.message);
			return 1;
		}
		while (tz_next_transition(tz, at, &at) && at < END)
			probe_transition(tz, at);
		for (at = 0; at < END; at += SAMPLE_STEP) {
			probe_local(tz, at);
			probe_utc(tz, at);
		}
	}
	return 0;
}

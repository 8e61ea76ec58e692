/*
 * iCalendar texts, in this process: what is read has its days in order and within the years,
 * and an error begins with the name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "cli/ics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(64 * 1024 * 1024);
	struct otk_error err;
	struct ics ics;

	error_clear(&err);
	if (arena == NULL)
		return 0;
	if (ics_read(arena, "in.ics", (const char *)data, size, NULL, &ics, &err) == 0) {
		for (size_t i = 0; i < ics.count; i++) {
			if (ics.days[i].date < 0 ||
			        ics.days[i].date >= time_days_from_civil(2101, 1, 1) ||
			        (i > 0 && ics.days[i - 1].date >= ics.days[i].date) ||
			        strlen(ics.days[i].summary) > ICS_SUMMARY_MAX)
				abort();
		}
	} else if (strncmp(err.message, "in.ics:", 7) != 0) {
		abort();
	}
	arena_free(arena);
	return 0;
}

/* Inside of a zone, shared by the reader of TZif files and the search; not for other rooms. */
#ifndef OTKLIK_BASE_TZ_FILE_H
#define OTKLIK_BASE_TZ_FILE_H

#include "base/tz.h"

struct tz_transition {
	int64_t at;     /* seconds since 1970 */
	int32_t offset; /* seconds east of UTC from then on */
};

struct tz {
	char name[TZ_NAME_MAX + 1];
	struct tz_transition
	        *transitions; /* ascending, also those without a change of offset */
	size_t count;
	int32_t first_offset; /* before the first transition */
	struct tz *next;      /* in the cache */
};

/* A rule of a POSIX TZ string: day of the year by one of three forms, and a time of that day.
 */
struct tz_rule {
	char form; /* 'M': month.week.weekday, 'J': day 1..365 without 29 February, '0': 0..365
	            */
	int month;
	int week;
	int day;
	int32_t time; /* local seconds from midnight, -167 h to 167 h */
};

struct tz_footer {
	int32_t standard; /* seconds east of UTC */
	int32_t summer;
	bool has_summer;
	struct tz_rule start;
	struct tz_rule end;
};

/* Parses a TZ string as RFC 8536 3.3 extends POSIX. 0, or -OTK_DATA_LOSS. */
int tz_footer_parse(const char *text, struct tz_footer *out);

/* The instant, in seconds, at which a rule acts in `year`, `offset` being in force before. */
int64_t tz_rule_at(const struct tz_rule *rule, int64_t year, int32_t offset);

#endif

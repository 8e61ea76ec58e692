/* A time as people say it. */
#include "cli/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/time_text.h"

static const char HELP[] =
        "is no time: write 2026-12-31 18:00, tomorrow 18:00, fri 18:00, +4h, or "
        "2026-12-31T18:00:00+03:00";

static int refuse(char *error, const char *text, const char *why)
{
	(void)snprintf(error, WHEN_ERROR_SIZE, "'%.60s' %s", text, why);
	return -OTK_INVALID_ARGUMENT;
}

/* The days of a word after today: 0 for today; -1: no such word. */
static int days_ahead(const char *word, size_t length, int weekday)
{
	static const struct {
		const char *word;
		int day; /* of the week; 7: today, 8: tomorrow */
	} WORDS[] = {
	        {"today", 7},
	        {"сегодня", 7},
	        {"tomorrow", 8},
	        {"завтра", 8},
	        {"sun", 0},
	        {"mon", 1},
	        {"tue", 2},
	        {"wed", 3},
	        {"thu", 4},
	        {"fri", 5},
	        {"sat", 6},
	        {"sunday", 0},
	        {"monday", 1},
	        {"tuesday", 2},
	        {"wednesday", 3},
	        {"thursday", 4},
	        {"friday", 5},
	        {"saturday", 6},
	        {"вс", 0},
	        {"пн", 1},
	        {"вт", 2},
	        {"ср", 3},
	        {"чт", 4},
	        {"пт", 5},
	        {"сб", 6},
	};

	for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
		if (strlen(WORDS[i].word) != length ||
		        strncasecmp(WORDS[i].word, word, length) != 0)
			continue;
		if (WORDS[i].day >= 7)
			return WORDS[i].day - 7;
		return (WORDS[i].day - weekday + 6) % 7 + 1;
	}
	return -1;
}

/* "18:00" and "18:00:30". */
static bool clock_read(const char *text, struct tm *tm)
{
	int used = 0;

	tm->tm_sec = 0;
	if (sscanf(text, "%2d:%2d%n", &tm->tm_hour, &tm->tm_min, &used) != 2)
		return false;
	if (text[used] == ':') {
		int more = 0;

		if (sscanf(text + used, ":%2d%n", &tm->tm_sec, &more) != 1)
			return false;
		used += more;
	}
	return text[used] == '\0' && tm->tm_hour >= 0 && tm->tm_hour < 24 && tm->tm_min >= 0 &&
	       tm->tm_min < 60 && tm->tm_sec >= 0 && tm->tm_sec < 60;
}

/* mktime mends what does not exist: then the clock shows something else. */
static int local_to_utc(const struct tm *wanted, const char *text, int64_t *us, char *error)
{
	time_t best = (time_t)-1;

	for (int dst = 0; dst <= 1; dst++) {
		struct tm tm = *wanted;
		time_t t;

		tm.tm_isdst = dst;
		t = mktime(&tm);
		if (t == (time_t)-1 || tm.tm_isdst != dst || tm.tm_hour != wanted->tm_hour ||
		        tm.tm_min != wanted->tm_min)
			continue;
		if (best == (time_t)-1 || t > best)
			best = t;
	}
	if (best == (time_t)-1)
		return refuse(error, text, "does not exist here: clocks go forward over it");
	*us = (int64_t)best * CLOCK_SECOND;
	return 0;
}

static int relative(const char *text, int64_t now_us, int64_t *us, char *error)
{
	int64_t total = 0;
	const char *p = text + 1;

	if (*p == '\0')
		return refuse(error, text, HELP);
	while (*p != '\0') {
		static const char UNITS[] = "dhm";
		static const int64_t SECONDS[] = {86400, 3600, 60};
		int64_t n = 0;
		const char *unit;
		int digits = 0;

		while (*p >= '0' && *p <= '9' && digits < 6) {
			n = n * 10 + (*p++ - '0');
			digits++;
		}
		unit = *p == '\0' ? NULL : strchr(UNITS, *p);
		if (digits == 0 || unit == NULL)
			return refuse(
			        error, text, "is no length of time; write +4h, +90m, +1d2h");
		total += n * SECONDS[unit - UNITS] * CLOCK_SECOND;
		p++;
	}
	*us = now_us + total;
	return 0;
}

/* "fri 18:00" and "18:00". */
static int named(const char *text, int64_t now_us, int64_t *us, char *error)
{
	time_t now = (time_t)(now_us / CLOCK_SECOND);
	const char *blank = strchr(text, ' ');
	struct tm tm;
	int days = 0;

	if (localtime_r(&now, &tm) == NULL)
		return refuse(error, text, "cannot be placed: the clock is wrong");
	if (blank != NULL)
		days = days_ahead(text, (size_t)(blank - text), tm.tm_wday);
	if (days < 0 || !clock_read(blank == NULL ? text : blank + 1, &tm))
		return refuse(error, text,
		        blank == NULL && days_ahead(text, strlen(text), tm.tm_wday) >= 0
		                ? "lacks the time of day: tomorrow 18:00"
		                : HELP);
	tm.tm_mday += days;
	return local_to_utc(&tm, text, us, error);
}

int when_parse(const char *text, int64_t now_us, int64_t *us, char error[WHEN_ERROR_SIZE])
{
	int local = 0;
	int64_t days;
	int64_t at;
	struct tm tm = {.tm_sec = 0};
	int64_t year;

	if (text[0] == '+')
		return relative(text, now_us, us, error);
	if (time_parse_date(text, &days) == 0)
		return refuse(error, text, "lacks the time of day: 2026-12-31 18:00");
	if (time_parse(text, &at, &local) != 0)
		return named(text, now_us, us, error);
	if (!local) {
		*us = at;
		return 0;
	}
	time_civil_from_days(at / CLOCK_SECOND / 86400, &year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_year = (int)(year - 1900);
	tm.tm_mon -= 1;
	tm.tm_hour = (int)(at / CLOCK_SECOND % 86400 / 3600);
	tm.tm_min = (int)(at / CLOCK_SECOND % 3600 / 60);
	tm.tm_sec = (int)(at / CLOCK_SECOND % 60);
	return local_to_utc(&tm, text, us, error);
}

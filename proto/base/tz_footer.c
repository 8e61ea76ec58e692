/* The POSIX TZ string at the end of a TZif file: "CET-1CEST,M3.5.0,M10.5.0/3". */
#include "base/tz_file.h"

#include "base/time_text.h"

#define DAY_SECONDS INT64_C(86400)

/* A number of at most three digits within [min, max]; false if there is none. */
static bool number_read(const char **p, int min, int max, int *out)
{
	int value = 0;
	int digits = 0;

	for (; **p >= '0' && **p <= '9' && digits < 3; digits++)
		value = value * 10 + (*(*p)++ - '0');
	if (digits == 0 || value < min || value > max)
		return false;
	*out = value;
	return true;
}

/* [+-]hh[:mm[:ss]] as seconds. */
static bool time_read(const char **p, int hours_max, int32_t *out)
{
	int sign = 1;
	int hours;
	int minutes = 0;
	int seconds = 0;

	if (**p == '+' || **p == '-')
		sign = *(*p)++ == '-' ? -1 : 1;
	if (!number_read(p, 0, hours_max, &hours))
		return false;
	if (**p == ':') {
		(*p)++;
		if (!number_read(p, 0, 59, &minutes))
			return false;
		if (**p == ':') {
			(*p)++;
			if (!number_read(p, 0, 59, &seconds))
				return false;
		}
	}
	*out = sign * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

static bool abbreviation_skip(const char **p)
{
	const char *start = *p;

	if (**p == '<') {
		while (**p != '\0' && **p != '>')
			(*p)++;
		return *(*p)++ == '>';
	}
	while ((**p >= 'a' && **p <= 'z') || (**p >= 'A' && **p <= 'Z'))
		(*p)++;
	return *p - start >= 3;
}

static bool rule_read(const char **p, struct tz_rule *rule)
{
	if (*(*p)++ != ',')
		return false;
	rule->form = '0';
	rule->time = 2 * 3600;
	if (**p == 'M') {
		rule->form = *(*p)++;
		if (!number_read(p, 1, 12, &rule->month) || *(*p)++ != '.' ||
		        !number_read(p, 1, 5, &rule->week) || *(*p)++ != '.' ||
		        !number_read(p, 0, 6, &rule->day))
			return false;
	} else if (**p == 'J') {
		rule->form = *(*p)++;
		if (!number_read(p, 1, 365, &rule->day))
			return false;
	} else if (!number_read(p, 0, 365, &rule->day)) {
		return false;
	}
	if (**p != '/')
		return true;
	(*p)++;
	return time_read(p, 167, &rule->time);
}

int tz_footer_parse(const char *text, struct tz_footer *out)
{
	struct tz_footer f = {.has_summer = false};
	int32_t west;

	if (!abbreviation_skip(&text) || !time_read(&text, 24, &west))
		return -OTK_DATA_LOSS;
	f.standard = -west;
	if (*text != '\0') {
		f.has_summer = true;
		f.summer = f.standard + 3600;
		if (!abbreviation_skip(&text))
			return -OTK_DATA_LOSS;
		if (*text != ',') {
			if (!time_read(&text, 24, &west))
				return -OTK_DATA_LOSS;
			f.summer = -west;
		}
		if (!rule_read(&text, &f.start) || !rule_read(&text, &f.end) || *text != '\0')
			return -OTK_DATA_LOSS;
	}
	*out = f;
	return 0;
}

static bool year_is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t tz_rule_at(const struct tz_rule *rule, int64_t year, int32_t offset)
{
	int64_t day = time_days_from_civil(year, 1, 1);

	if (rule->form == 'J') {
		day += rule->day - 1 + (year_is_leap(year) && rule->day >= 60);
	} else if (rule->form == '0') {
		day += rule->day;
	} else {
		int64_t next = rule->month == 12
		                       ? time_days_from_civil(year + 1, 1, 1)
		                       : time_days_from_civil(year, rule->month + 1, 1);
		int64_t weekday;

		day = time_days_from_civil(year, rule->month, 1);
		weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday; Sunday is 0 */
		if (weekday < 0)
			weekday += 7;
		day += (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
		while (day >= next)
			day -= 7;
	}
	return day * DAY_SECONDS + rule->time - offset;
}

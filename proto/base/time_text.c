/* Instants as text. */
#include "base/time_text.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"

#define DAY_SECONDS INT64_C(86400)

int64_t time_days_from_civil(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

void time_civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

const char *time_format_utc(int64_t us, char out[TIME_TEXT_SIZE])
{
	int64_t seconds = us / CLOCK_SECOND;
	int64_t fraction = us % CLOCK_SECOND;
	int64_t days;
	int64_t year;
	int month;
	int day;
	int n;

	if (fraction < 0) {
		fraction += CLOCK_SECOND;
		seconds--;
	}
	days = seconds / DAY_SECONDS;
	seconds %= DAY_SECONDS;
	if (seconds < 0) {
		seconds += DAY_SECONDS;
		days--;
	}
	time_civil_from_days(days, &year, &month, &day);
	n = snprintf(out, TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, month,
	        day, (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
	if (fraction != 0) {
		n += snprintf(out + n, TIME_TEXT_SIZE - (size_t)n, ".%06d", (int)fraction);
		while (out[n - 1] == '0')
			n--;
	}
	out[n] = 'Z';
	out[n + 1] = '\0';
	return out;
}

/* Reads exactly `digits` decimal digits; -1 if there are not that many. */
static int digits_read(const char **p, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + (*(*p)++ - '0');
	}
	return value;
}

static int month_days(int year, int month)
{
	static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return DAYS[month - 1];
}

static int date_read(const char **p, int64_t *days)
{
	int year = digits_read(p, 4);
	int month;
	int day;

	if (year < 1970 || year > 2100 || *(*p)++ != '-')
		return -OTK_INVALID_ARGUMENT;
	month = digits_read(p, 2);
	if (month < 1 || month > 12 || *(*p)++ != '-')
		return -OTK_INVALID_ARGUMENT;
	day = digits_read(p, 2);
	if (day < 1 || day > month_days(year, month))
		return -OTK_INVALID_ARGUMENT;
	*days = time_days_from_civil(year, month, day);
	return 0;
}

int time_parse_date(const char *text, int64_t *days)
{
	int64_t result;

	if (text == NULL || date_read(&text, &result) != 0 || *text != '\0')
		return -OTK_INVALID_ARGUMENT;
	*days = result;
	return 0;
}

/* Reads "Z", "+hh:mm" or nothing; the offset in seconds. */
static int zone_read(const char **p, int *offset, int *is_local)
{
	int sign;
	int hours;
	int minutes;

	*offset = 0;
	*is_local = 0;
	if (**p == '\0') {
		*is_local = 1;
		return 0;
	}
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		return 0;
	}
	if (**p != '+' && **p != '-')
		return -OTK_INVALID_ARGUMENT;
	sign = *(*p)++ == '+' ? 1 : -1;
	hours = digits_read(p, 2);
	if (hours < 0 || hours > 23 || *(*p)++ != ':')
		return -OTK_INVALID_ARGUMENT;
	minutes = digits_read(p, 2);
	if (minutes < 0 || minutes > 59)
		return -OTK_INVALID_ARGUMENT;
	*offset = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int time_parse(const char *text, int64_t *us, int *is_local)
{
	const char *p = text;
	int64_t days;
	int64_t fraction = 0;
	int hour;
	int minute;
	int second;
	int offset;
	int local;

	if (p == NULL || date_read(&p, &days) != 0 || (*p != 'T' && *p != 't' && *p != ' '))
		return -OTK_INVALID_ARGUMENT;
	p++;
	hour = digits_read(&p, 2);
	if (hour < 0 || hour > 23 || *p++ != ':')
		return -OTK_INVALID_ARGUMENT;
	minute = digits_read(&p, 2);
	if (minute < 0 || minute > 59)
		return -OTK_INVALID_ARGUMENT;
	second = 0;
	if (*p == ':') {
		p++;
		second = digits_read(&p, 2);
		if (second < 0 || second > 59)
			return -OTK_INVALID_ARGUMENT;
	}
	if (*p == '.') {
		int64_t unit = CLOCK_SECOND / 10;

		p++;
		if (*p < '0' || *p > '9')
			return -OTK_INVALID_ARGUMENT;
		for (; *p >= '0' && *p <= '9'; p++, unit /= 10)
			fraction += (*p - '0') * unit;
	}
	if (zone_read(&p, &offset, &local) != 0 || *p != '\0' || (local && is_local == NULL))
		return -OTK_INVALID_ARGUMENT;
	*us = (days * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset) *
	              CLOCK_SECOND +
	      fraction;
	if (is_local != NULL)
		*is_local = local;
	return 0;
}

/* Holiday rules: their text, and the days that they make. */
#include "core/calendar_rule.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/time_text.h"

enum { FIRST_YEAR = 1969, LAST_YEAR = 2101, DAY_BITS = 8 };

static const char *const MONTH_NAMES[13] = {
        "", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const WEEKDAY_NAMES[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const NTH_NAMES[7] = {"", "1st", "2nd", "3rd", "4th", "5th", "last"};
static const char *const OBSERVED_NAMES[4] = {
        "", " observed next weekday", " observed monday", " observed nearest weekday"};
static const int8_t MONTH_DAYS[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/* ---- text ------------------------------------------------------------------------------- */

struct reader {
	const char *text;
	const char *p;
};

static void blanks_skip(struct reader *r)
{
	r->p += strspn(r->p, " \t\r\n");
}

/* A word that no letter or digit follows. */
static bool word_read(struct reader *r, const char *word)
{
	size_t length = strlen(word);
	unsigned char next;

	blanks_skip(r);
	if (strncasecmp(r->p, word, length) != 0)
		return false;
	next = (unsigned char)r->p[length];
	if ((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
	        (next >= '0' && next <= '9'))
		return false;
	r->p += length;
	return true;
}

/* Which of `names`, from `first` on; -1: none. */
static int name_read(struct reader *r, const char *const *names, int first, int count)
{
	for (int i = first; i < count; i++) {
		if (word_read(r, names[i]))
			return i;
	}
	return -1;
}

static bool number_read(struct reader *r, int max, int *out)
{
	int value = 0;

	blanks_skip(r);
	if (*r->p < '0' || *r->p > '9')
		return false;
	for (; *r->p >= '0' && *r->p <= '9'; r->p++) {
		value = value * 10 + (*r->p - '0');
		if (value > max)
			return false;
	}
	*out = value;
	return true;
}

/* "+1", "-2" or nothing. */
static bool offset_read(struct reader *r, struct holiday_rule *rule)
{
	int days = 0;
	char sign;

	blanks_skip(r);
	sign = *r->p;
	if (sign != '+' && sign != '-')
		return true;
	r->p++;
	if (!number_read(r, RULE_OFFSET_MAX, &days))
		return false;
	rule->offset = (int16_t)(sign == '-' ? -days : days);
	return true;
}

static bool day_read(struct reader *r, int month, int8_t *day)
{
	int number;

	if (!number_read(r, MONTH_DAYS[month], &number) || number < 1)
		return false;
	*day = (int8_t)number;
	return true;
}

/* Days from the first of a run to its last, of a year without or with a 29 February. */
static int64_t run_length(const struct holiday_rule *rule, int64_t year)
{
	int64_t first = time_days_from_civil(year, rule->month, rule->day);
	int64_t last = time_days_from_civil(year, rule->last_month, rule->last_day);

	if (last < first)
		last = time_days_from_civil(year + 1, rule->last_month, rule->last_day);
	return last - first;
}

/* What follows the month: "1", "1-8", "30-jan 2". A minus that a month or day follows. */
static bool date_read(struct reader *r, struct holiday_rule *rule)
{
	int month;

	rule->kind = RULE_DATE;
	if (!day_read(r, rule->month, &rule->day))
		return false;
	rule->last_month = rule->month;
	rule->last_day = rule->day;
	if (*r->p != '-') /* no blank before it: "jan 8 -1" is moved by a day */
		return true;
	r->p++;
	month = name_read(r, MONTH_NAMES, 1, 13);
	if (month > 0)
		rule->last_month = (int8_t)month;
	if (!day_read(r, rule->last_month, &rule->last_day))
		return false;
	/* Without a month the run does not leave its own. */
	return (month > 0 || rule->last_day >= rule->day) &&
	       run_length(rule, 2000) < RULE_DAYS_MAX;
}

static bool weekday_read(struct reader *r, struct holiday_rule *rule)
{
	int weekday;
	int month;

	rule->kind = RULE_WEEKDAY;
	weekday = name_read(r, WEEKDAY_NAMES, 0, 7);
	if (weekday < 0 || !word_read(r, "of"))
		return false;
	month = name_read(r, MONTH_NAMES, 1, 13);
	rule->weekday = (int8_t)weekday;
	rule->month = (int8_t)month;
	return month > 0;
}

static bool subject_read(struct reader *r, struct holiday_rule *rule)
{
	int nth = name_read(r, NTH_NAMES, 1, 7);
	int month = nth > 0 ? 0 : name_read(r, MONTH_NAMES, 1, 13);
	bool orthodox;

	if (nth > 0) {
		rule->nth = (int8_t)(nth == 6 ? -1 : nth);
		return weekday_read(r, rule);
	}
	if (month > 0) {
		rule->month = (int8_t)month;
		return date_read(r, rule);
	}
	orthodox = word_read(r, "orthodox");
	rule->kind = orthodox ? RULE_ORTHODOX_EASTER : RULE_EASTER;
	return word_read(r, "easter");
}

static bool observed_read(struct reader *r, struct holiday_rule *rule)
{
	if (!word_read(r, "observed"))
		return true;
	if (word_read(r, "monday"))
		rule->observed = OBSERVED_MONDAY;
	else if (word_read(r, "next") && word_read(r, "weekday"))
		rule->observed = OBSERVED_NEXT_WEEKDAY;
	else if (word_read(r, "nearest") && word_read(r, "weekday"))
		rule->observed = OBSERVED_NEAREST_WEEKDAY;
	else
		return false;
	return true;
}

int rule_parse(
        const char *text, const char *field, struct holiday_rule *out, struct otk_error *err)
{
	struct holiday_rule rule = {0};
	struct reader r = {text, text};
	bool good = strlen(text) <= RULE_TEXT_MAX && subject_read(&r, &rule) &&
	            offset_read(&r, &rule) && observed_read(&r, &rule);

	blanks_skip(&r);
	if (!good || *r.p != '\0')
		return error_field(err, field,
		        "`%.60s` is no rule for holidays at character %zu: write `jan 1`, `jan "
		        "1-8`, `last mon of may`, `easter+1` or `orthodox easter`, and perhaps "
		        "`observed next weekday`, `observed monday`, `observed nearest "
		        "weekday`",
		        text, (size_t)(r.p - text) + 1);
	*out = rule;
	return 0;
}

static void subject_write(const struct holiday_rule *rule, struct buf *out)
{
	switch (rule->kind) {
	case RULE_DATE:
		(void)buf_printf(out, "%s %d", MONTH_NAMES[rule->month], rule->day);
		if (rule->last_month != rule->month)
			(void)buf_printf(
			        out, "-%s %d", MONTH_NAMES[rule->last_month], rule->last_day);
		else if (rule->last_day != rule->day)
			(void)buf_printf(out, "-%d", rule->last_day);
		break;
	case RULE_WEEKDAY:
		(void)buf_printf(out, "%s %s of %s", NTH_NAMES[rule->nth < 0 ? 6 : rule->nth],
		        WEEKDAY_NAMES[rule->weekday], MONTH_NAMES[rule->month]);
		break;
	default:
		(void)buf_puts(
		        out, rule->kind == RULE_ORTHODOX_EASTER ? "orthodox easter" : "easter");
		break;
	}
}

int rule_format(const struct holiday_rule *rule, struct buf *out)
{
	bool easter = rule->kind == RULE_EASTER || rule->kind == RULE_ORTHODOX_EASTER;

	subject_write(rule, out);
	if (rule->offset != 0)
		(void)buf_printf(out, "%s%+d", easter ? "" : " ", rule->offset);
	(void)buf_puts(out, OBSERVED_NAMES[rule->observed]);
	return out->failed ? -OTK_RESOURCE_EXHAUSTED : 0;
}

bool rule_equals(const struct holiday_rule *a, const struct holiday_rule *b)
{
	return a->kind == b->kind && a->observed == b->observed && a->month == b->month &&
	       a->day == b->day && a->last_month == b->last_month &&
	       a->last_day == b->last_day && a->nth == b->nth && a->weekday == b->weekday &&
	       a->offset == b->offset;
}

/* ---- days ------------------------------------------------------------------------------- */

/*
 * Western: the anonymous Gregorian algorithm (Meeus, "Astronomical Algorithms", ch. 8).
 * Orthodox: Meeus's Julian algorithm; the Julian date is 13 days behind from 1900 to 2099, and
 * 14 after February 2100.
 */
int64_t rule_easter(int64_t year, bool orthodox)
{
	int64_t a = year % 19;
	int64_t d, e, n;

	if (orthodox) {
		d = (19 * a + 15) % 30;
		e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7;
		n = d + e + 114;
		return time_days_from_civil(year, (int)(n / 31), (int)(n % 31) + 1) +
		       (year < 2100 ? 13 : 14);
	}
	int64_t b = year / 100;
	int64_t c = year % 100;
	int64_t h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
	int64_t l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
	int64_t m = (a + 11 * h + 22 * l) / 451;

	n = h + l - 7 * m + 114;
	return time_days_from_civil(year, (int)(n / 31), (int)(n % 31) + 1);
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int weekday_of(int64_t date)
{
	int64_t weekday = (date + 3) % 7; /* 1970-01-01 was a Thursday */

	return (int)(weekday < 0 ? weekday + 7 : weekday);
}

/* False where the year has no such weekday. */
static bool nth_weekday(const struct holiday_rule *rule, int64_t year, int64_t *date)
{
	int64_t first = time_days_from_civil(year, rule->month, 1);
	int length = MONTH_DAYS[rule->month] - (rule->month == 2 && !is_leap(year) ? 1 : 0);
	int day = (rule->weekday - weekday_of(first) + 7) % 7;

	if (rule->nth < 0)
		day += (length - 1 - day) / 7 * 7;
	else
		day += (rule->nth - 1) * 7;
	*date = first + day;
	return day < length;
}

/* The first and last day of a rule in a year, before it is moved; false: none. */
static bool run_of(const struct holiday_rule *rule, int64_t year, int64_t *first, int64_t *last)
{
	switch (rule->kind) {
	case RULE_DATE:
		if (rule->month == 2 && rule->day == 29 && !is_leap(year) &&
		        rule->last_month == 2)
			return false;
		*first = time_days_from_civil(year, rule->month, rule->day);
		*last = *first + run_length(rule, year);
		/* A run to 29 February ends a day earlier where there is none. */
		if (rule->last_month == 2 && rule->last_day == 29 &&
		        !is_leap(rule->month > 2 ? year + 1 : year))
			(*last)--;
		return true;
	case RULE_WEEKDAY:
		if (!nth_weekday(rule, year, first))
			return false;
		break;
	default:
		*first = rule_easter(year, rule->kind == RULE_ORTHODOX_EASTER);
		break;
	}
	*last = *first;
	return true;
}

/* A weekday that is free in place of a day of the weekend. */
struct given {
	int64_t date;
	int64_t for_date;
};

/* A bit a day; `asks`: weekends that want the next weekday. */
struct rule_days {
	int64_t first;
	int64_t count;
	uint8_t *asks;
	size_t ask_count;
	struct given *given; /* ascending by for_date */
	size_t given_count;
	uint8_t days[];
};

static void bit_set(const struct rule_days *days, uint8_t *bits, int64_t date)
{
	int64_t at = date - days->first;

	if (at >= 0 && at < days->count)
		bits[at / DAY_BITS] = (uint8_t)(bits[at / DAY_BITS] | 1U << at % DAY_BITS);
}

static bool bit_has(const struct rule_days *days, const uint8_t *bits, int64_t date)
{
	int64_t at = date - days->first;

	return at >= 0 && at < days->count && (bits[at / DAY_BITS] >> at % DAY_BITS & 1) != 0;
}

static void day_add(struct rule_days *days, const struct holiday_rule *rule, int64_t date)
{
	int weekday = weekday_of(date);

	bit_set(days, days->days, date);
	if (weekday < 5)
		return;
	if (rule->observed == OBSERVED_NEXT_WEEKDAY) {
		if (!bit_has(days, days->asks, date))
			days->ask_count++;
		bit_set(days, days->asks, date);
	} else if (rule->observed == OBSERVED_MONDAY || (rule->observed != 0 && weekday == 6))
		bit_set(days, days->days, date + 7 - weekday);
	else if (rule->observed == OBSERVED_NEAREST_WEEKDAY) {
		bit_set(days, days->days, date - 1);
	}
}

static void rule_add(struct rule_days *days, const struct holiday_rule *rule)
{
	/* A year more on either side: what an offset moves across New Year. */
	for (int64_t year = FIRST_YEAR - 1; year <= LAST_YEAR + 1; year++) {
		int64_t first, last;

		if (!run_of(rule, year, &first, &last))
			continue;
		for (int64_t date = first; date <= last; date++)
			day_add(days, rule, date + rule->offset);
	}
}

/* In order of date, so that a Saturday gets its weekday before the Sunday behind it. */
static void weekdays_give(struct rule_days *days)
{
	for (int64_t date = days->first; date < days->first + days->count; date++) {
		int64_t given = date + 1;

		if (!bit_has(days, days->asks, date))
			continue;
		while (weekday_of(given) >= 5 || bit_has(days, days->days, given))
			given++;
		bit_set(days, days->days, given);
		days->given[days->given_count++] = (struct given){given, date};
	}
}

struct rule_days *rule_days_new(const struct holiday_rule *rules, size_t count)
{
	int64_t first = time_days_from_civil(FIRST_YEAR, 1, 1);
	int64_t length = time_days_from_civil(LAST_YEAR + 1, 1, 1) - first;
	size_t bytes = (size_t)(length / DAY_BITS) + 1;
	struct rule_days *days = calloc(1, sizeof *days + bytes);
	uint8_t *asks = calloc(1, bytes);

	if (days == NULL || asks == NULL) {
		free(days);
		free(asks);
		return NULL;
	}
	days->first = first;
	days->count = length;
	days->asks = asks;
	for (size_t i = 0; i < count; i++)
		rule_add(days, &rules[i]);
	days->given = calloc(days->ask_count + 1, sizeof *days->given);
	if (days->given != NULL)
		weekdays_give(days);
	days->asks = NULL;
	free(asks);
	if (days->given == NULL) {
		free(days);
		return NULL;
	}
	return days;
}

void rule_days_free(struct rule_days *days)
{
	if (days != NULL)
		free(days->given);
	free(days);
}

bool rule_days_has(const struct rule_days *days, int64_t date)
{
	return days != NULL && bit_has(days, days->days, date);
}

/* Which day of the weekend, by the rule's own word, is observed on another; 0: it is not. */
static int observed_shift(const struct holiday_rule *rule, int64_t date)
{
	int weekday = weekday_of(date);

	if (weekday < 5 || rule->observed == OBSERVED_ITSELF ||
	        rule->observed == OBSERVED_NEXT_WEEKDAY)
		return 0;
	if (rule->observed == OBSERVED_MONDAY || weekday == 6)
		return 7 - weekday;
	return -1;
}

/* Whether a rule makes a date a holiday: `observed`, in place of another day. */
static bool rule_makes(const struct holiday_rule *rule, int64_t date, bool observed)
{
	int64_t year, first, last;
	int month, day;

	time_civil_from_days(date - rule->offset, &year, &month, &day);
	for (int64_t y = year - 1; y <= year + 1; y++) {
		if (!run_of(rule, y, &first, &last))
			continue;
		first += rule->offset;
		last += rule->offset;
		if (!observed && date >= first && date <= last)
			return true;
		for (int64_t d = first; observed && d <= last; d++) {
			int shift = observed_shift(rule, d);

			if (shift != 0 && d + shift == date)
				return true;
		}
	}
	return false;
}

static int origin_of(
        const struct holiday_rule *rules, size_t count, int64_t date, bool observed)
{
	for (size_t i = 0; i < count; i++) {
		if (rule_makes(&rules[i], date, observed))
			return (int)i;
	}
	return -1;
}

int rule_days_origin(const struct rule_days *days, const struct holiday_rule *rules,
        size_t count, int64_t date)
{
	int found;

	if (!rule_days_has(days, date))
		return -1;
	found = origin_of(rules, count, date, false);
	for (size_t i = 0; found < 0 && i < days->given_count; i++) {
		if (days->given[i].date != date)
			continue;
		for (size_t k = 0; found < 0 && k < count; k++) {
			if (rules[k].observed == OBSERVED_NEXT_WEEKDAY &&
			        rule_makes(&rules[k], days->given[i].for_date, false))
				found = (int)k;
		}
	}
	return found >= 0 ? found : origin_of(rules, count, date, true);
}

/* Durations and targets as text. */
#include "core/duration.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static const struct {
	char letter;
	int64_t us;
} UNITS[] = {{'h', 3600 * SECOND_US}, {'m', 60 * SECOND_US}, {'s', SECOND_US}};

enum { UNIT_COUNT = sizeof UNITS / sizeof UNITS[0] };

/* Digits up to a value beyond every bound; -1 if there are none. */
static int64_t number_read(const char **p)
{
	int64_t value = 0;

	if (**p < '0' || **p > '9')
		return -1;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (value <= DURATION_MAX)
			value = value * 10 + (**p - '0');
	}
	return value;
}

/* Units in falling order up to the end or a space. False: not that; *too_long tells why. */
static bool units_read(const char **p, int64_t *us, bool *too_long)
{
	int64_t sum = 0;
	size_t unit = 0;

	do {
		int64_t number = number_read(p);

		while (unit < UNIT_COUNT && UNITS[unit].letter != **p)
			unit++;
		if (number < 0 || unit == UNIT_COUNT)
			return false;
		if (number > DURATION_MAX / UNITS[unit].us ||
		        sum + number * UNITS[unit].us > DURATION_MAX) {
			*too_long = true;
			return false;
		}
		sum += number * UNITS[unit++].us;
		(*p)++;
	} while (**p != '\0' && **p != ' ');
	*us = sum;
	return true;
}

static int form_error(
        const char *text, const char *field, bool too_long, bool target, struct otk_error *err)
{
	if (too_long)
		return error_field(err, field,
		        "`%.60s` is too long: at most ten years (87672h, or %dbd)", text,
		        TARGET_BUSINESS_DAYS_MAX);
	if (target)
		return error_field(err, field,
		        "`%.60s` is not a target: write 90s, 15m, 4h, 1h30m (service time), "
		        "the "
		        "same with ` calendar` (wall time), or 2bd (business days)",
		        text);
	return error_field(
	        err, field, "`%.60s` is not a duration: write 90s, 15m, 4h, 1h30m", text);
}

int duration_parse(const char *text, const char *field, int64_t *us, struct otk_error *err)
{
	const char *p = text;
	bool too_long = false;
	int64_t value;

	if (!units_read(&p, &value, &too_long) || *p != '\0')
		return form_error(text, field, too_long, false, err);
	*us = value;
	return 0;
}

int duration_parse_offset(
        const char *text, const char *field, int64_t *us, struct otk_error *err)
{
	int64_t value;
	int rc;

	if (*text != '-' && *text != '+')
		return error_field(err, field,
		        "`%.60s` has no sign: write -30m (before due) or +2h (after it)", text);
	rc = duration_parse(text + 1, field, &value, err);
	if (rc != 0)
		return rc;
	*us = *text == '-' ? -value : value;
	return 0;
}

const char *duration_format(int64_t us, char out[DURATION_TEXT_SIZE])
{
	size_t length = 0;
	uint64_t rest = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;

	if (us <= -SECOND_US)
		out[length++] = '-';
	if (rest < (uint64_t)SECOND_US) {
		(void)snprintf(out, DURATION_TEXT_SIZE, "0s");
		return out;
	}
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		uint64_t number = rest / (uint64_t)UNITS[i].us;

		rest %= (uint64_t)UNITS[i].us;
		if (number > 0)
			length += (size_t)snprintf(out + length, DURATION_TEXT_SIZE - length,
			        "%llu%c", (unsigned long long)number, UNITS[i].letter);
	}
	return out;
}

int target_parse(const char *text, const char *field, struct target *out, struct otk_error *err)
{
	struct target target = {.us = 0};
	const char *p = text;
	bool too_long = false;
	int64_t number = number_read(&p);

	if (number >= 0 && strcmp(p, "bd") == 0) {
		if (number < 1 || number > TARGET_BUSINESS_DAYS_MAX)
			return error_field(err, field,
			        "`%.60s`: business days go from 1bd to %dbd", text,
			        TARGET_BUSINESS_DAYS_MAX);
		target.business_days = (int32_t)number;
		*out = target;
		return 0;
	}
	if (number >= 0 && strcmp(p, "bd calendar") == 0)
		return error_field(err, field,
		        "`%.60s`: business days cannot be wall time; write 48h calendar", text);
	if (number >= 0 && (*p == 'd' || *p == 'w'))
		return error_field(err, field,
		        "`%.60s`: a day is either %lldh calendar (wall time) or %lldbd "
		        "(business "
		        "days); say which",
		        text, (long long)(number < 1000 ? number * 24 : 24),
		        (long long)(number < 1000 ? number : 1));
	p = text;
	if (!units_read(&p, &target.us, &too_long))
		return form_error(text, field, too_long, true, err);
	if (strcmp(p, " calendar") == 0)
		target.wall = true;
	else if (*p != '\0')
		return form_error(text, field, false, true, err);
	*out = target;
	return 0;
}

const char *target_format(const struct target *target, char out[DURATION_TEXT_SIZE])
{
	if (target->business_days > 0) {
		(void)snprintf(out, DURATION_TEXT_SIZE, "%dbd", target->business_days);
		return out;
	}
	(void)duration_format(target->us, out);
	if (target->wall)
		strcat(out, " calendar");
	return out;
}

/* See preference.h. */
#include "core/preference.h"

#include <stdio.h>
#include <string.h>

#include "core/notification.h"

enum { HOUR = 60, DAY = 24 * HOUR };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "07:30" at the beginning of text as a minute of the day; -1. */
static int minute_read(const char *text)
{
	int minute;

	for (int i = 0; i < 5; i++) {
		if (i == 2 ? text[i] != ':' : !is_digit(text[i]))
			return -1;
	}
	minute = ((text[0] - '0') * 10 + text[1] - '0') * HOUR + (text[3] - '0') * 10 +
	         text[4] - '0';
	return minute < DAY && text[3] < '6' ? minute : -1;
}

static void digest_read(const char *text, struct preference *out, struct otk_error *err)
{
	if (*text == '\0' || strcmp(text, "immediate") == 0) {
		out->digest = DIGEST_IMMEDIATE;
	} else if (strcmp(text, "hourly") == 0) {
		out->digest = DIGEST_HOURLY;
	} else {
		int at = strncmp(text, "daily ", 6) == 0 ? minute_read(text + 6) : -1;

		if (at < 0 || text[11] != '\0') {
			error_field(err, "digest",
			        "must be immediate, hourly or daily and a time, such as 'daily "
			        "08:00'");
			return;
		}
		out->digest = DIGEST_DAILY;
		out->digest_at = at;
	}
}

static void quiet_read(const char *text, struct preference *out, struct otk_error *err)
{
	int from, to = -1;

	if (*text == '\0')
		return;
	from = minute_read(text);
	if (from >= 0 && text[5] == '-')
		to = minute_read(text + 6);
	if (to < 0 || text[11] != '\0') {
		error_field(err, "quiet_hours", "must be two times such as 22:00-07:00");
		return;
	}
	if (from == to) {
		error_field(err, "quiet_hours",
		        "begins when it ends; for none at all use channel none");
		return;
	}
	out->quiet_from = from;
	out->quiet_to = to;
}

uint32_t notice_bits(
        const char *const *names, size_t count, const char *field, struct otk_error *err)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < count; i++) {
		enum notice kind = notice_find(names[i]);
		char path[OTK_FIELD_SIZE];

		if (kind != NOTICE_NONE) {
			bits |= UINT32_C(1) << kind;
			continue;
		}
		(void)snprintf(path, sizeof path, "%s[%zu]", field, i);
		error_field(err, path,
		        "'%.32s' is no notice; there are created, replied, answered, question, "
		        "resolved, reopened, level, promised, promise-warned, promise-broken, "
		        "asked, merged, unmerged",
		        names[i]);
	}
	return bits;
}

int preference_parse(
        const struct preference_words *in, struct preference *out, struct otk_error *err)
{
	struct preference p = {.channel = PREFERENCE_MAIL};
	struct otk_error wrong = {0};

	if (strcmp(in->channel, "none") == 0)
		p.channel = PREFERENCE_NONE;
	else if (*in->channel != '\0' && strcmp(in->channel, "mail") != 0)
		error_field(&wrong, "channel", "must be mail or none");
	digest_read(in->digest, &p, &wrong);
	quiet_read(in->quiet, &p, &wrong);
	p.mute = notice_bits(in->mute, in->mute_count, "mute", &wrong);
	if (strcmp(in->levels, "breach") == 0)
		p.breaches_only = true;
	else if (*in->levels != '\0' && strcmp(in->levels, "all") != 0)
		error_field(&wrong, "levels", "must be all or breach");
	if (wrong.code != OTK_OK) {
		*err = wrong;
		return -(int)wrong.code;
	}
	*out = p;
	return 0;
}

const char *preference_channel_name(const struct preference *p)
{
	return p->channel == PREFERENCE_NONE ? "none" : "mail";
}

const char *preference_levels_name(const struct preference *p)
{
	return p->breaches_only ? "breach" : "all";
}

const char *preference_digest_text(const struct preference *p, char *out)
{
	if (p->digest == DIGEST_DAILY)
		(void)snprintf(out, PREFERENCE_TEXT, "daily %02d:%02d",
		        p->digest_at / HOUR % 24, p->digest_at % HOUR);
	else
		(void)snprintf(out, PREFERENCE_TEXT, "%s",
		        p->digest == DIGEST_HOURLY ? "hourly" : "immediate");
	return out;
}

const char *preference_quiet_text(const struct preference *p, char *out)
{
	if (p->quiet_from == p->quiet_to)
		out[0] = '\0';
	else
		(void)snprintf(out, PREFERENCE_TEXT, "%02d:%02d-%02d:%02d",
		        p->quiet_from / HOUR % 24, p->quiet_from % HOUR,
		        p->quiet_to / HOUR % 24, p->quiet_to % HOUR);
	return out;
}

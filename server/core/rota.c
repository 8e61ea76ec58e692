/* On-call rotas: turns, coverage, overrides. */
#include "core/rota.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "core/calendar.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US (INT64_C(86400) * SECOND_US)

/* Far more than lie in the longest stretch that is asked for: a fault must not hang. */
enum { STEPS_MAX = 200000 };

static const char *const DAYS[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* --- texts ------------------------------------------------------------------------------- */

static int parse_period(const char *text, int32_t *days, struct otk_error *err)
{
	size_t length = strlen(text);
	char digits[8];
	int64_t value;

	if (length >= 2 && length <= sizeof digits &&
	        (text[length - 1] == 'd' || text[length - 1] == 'w')) {
		int32_t unit = text[length - 1] == 'w' ? 7 : 1;

		memcpy(digits, text, length - 1);
		digits[length - 1] = '\0';
		if (text_to_i64(digits, 1, ROTA_PERIOD_MAX / unit, &value) == 0) {
			*days = (int32_t)value * unit;
			return 0;
		}
	}
	return error_field(err, "period",
	        "'%.40s' is no period: write days or weeks, 1d, 14d, 1w, at most %dd", text,
	        ROTA_PERIOD_MAX);
}

/* "mon 09:00" or "09:00": *weekday -1 where none is written. */
static int parse_hand_over(
        const char *text, int *weekday, int32_t *seconds, struct otk_error *err)
{
	const char *time = text;
	int hour = 0, minute = 0, used = 0;

	*weekday = -1;
	for (int i = 0; i < 7; i++) {
		if (strncmp(text, DAYS[i], 3) == 0 && text[3] == ' ') {
			*weekday = i;
			time = text + 4;
		}
	}
	if (strlen(time) != 5 || strspn(time, "0123456789:") != 5 ||
	        sscanf(time, "%2d:%2d%n", &hour, &minute, &used) != 2 || used != 5 ||
	        hour > 23 || minute > 59)
		return error_field(err, "hand_over",
		        "'%.40s' is no hand-over: write 09:00, or mon 09:00", text);
	*seconds = hour * 3600 + minute * 60;
	return 0;
}

static int parse_start(
        const char *text, int weekday, int32_t period, int64_t *date, struct otk_error *err)
{
	int64_t year;
	int month, day, ahead;

	if (time_parse_date(text, date) < 0)
		return error_field(err, "start",
		        "'%.40s' is no date: write the day of the first hand-over, 2026-01-05",
		        text);
	if (weekday < 0)
		return 0;
	if (period % 7 != 0)
		return error_field(err, "hand_over",
		        "a weekday goes with whole weeks: with this period write the time "
		        "alone");
	ahead = (weekday - (int)plan_weekday(*date) + 7) % 7;
	if (ahead == 0)
		return 0;
	time_civil_from_days(*date + ahead, &year, &month, &day);
	return error_field(err, "start",
	        "%s is a %s, hand-over is on %s: the first is %04lld-%02d-%02d", text,
	        DAYS[plan_weekday(*date)], DAYS[weekday], (long long)year, month, day);
}

static int parse_coverage(
        const char *zone, const char *text, struct calendar **out, struct otk_error *err)
{
	struct calendar_plan plan = {0};
	struct otk_error why = {0};
	struct calendar *calendar = NULL;
	int rc = plan_parse(zone, *text == '\0' ? "always" : text, NULL, &plan, &why);

	if (rc == 0)
		rc = calendar_new(&plan, &calendar, &why);
	if (rc == 0)
		rc = calendar_validate(calendar, &why);
	plan_release(&plan);
	if (rc == 0) {
		*out = calendar;
		return 0;
	}
	calendar_free(calendar);
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return rc;
	return error_field(err, "coverage", "%s",
	        why.violation_count > 0 ? why.violations[0].description : why.message);
}

int rota_parse(const struct rota_text *text, struct ref_rota *out, struct otk_error *err)
{
	const char *zone = *text->zone == '\0' ? "UTC" : text->zone;
	struct otk_error why = {0};
	int weekday = -1;
	int rc = tz_find(zone, &out->tz, &why);

	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return rc;
	if (rc < 0)
		return error_field(err, "zone",
		        "'%.64s' is no time zone; write one such as Europe/Berlin", zone);
	rc = parse_period(text->period, &out->period_days, err);
	if (rc == 0)
		rc = parse_hand_over(text->hand_over, &weekday, &out->hand_over_s, err);
	if (rc == 0)
		rc = parse_start(text->start, weekday, out->period_days, &out->start_date, err);
	if (rc == 0)
		rc = parse_coverage(zone, text->coverage, &out->coverage, err);
	out->since = INT64_MIN;
	out->until = INT64_MAX;
	return rc;
}

void rota_release(struct ref_rota *rota)
{
	calendar_free(rota->coverage);
	rota->coverage = NULL;
}

/* --- turns ------------------------------------------------------------------------------- */

/* When turn n begins. */
static int64_t turn_start(const struct ref_rota *rota, int64_t n)
{
	int64_t date = rota->start_date + n * rota->period_days;

	return tz_from_local(rota->tz, date * DAY_US + rota->hand_over_s * SECOND_US);
}

/* The turn that holds at an instant; negative before the first. */
static int64_t turn_at(const struct ref_rota *rota, int64_t at)
{
	int64_t local = tz_to_local(rota->tz, at) - rota->start_date * DAY_US -
	                rota->hand_over_s * SECOND_US;
	int64_t n = local / (rota->period_days * DAY_US) - (local < 0 ? 1 : 0);

	/* Around a transition the local time may mislead by one. */
	while (turn_start(rota, n) > at)
		n--;
	while (turn_start(rota, n + 1) <= at)
		n++;
	return n;
}

static bool serves(const struct ref_rota *rota, int32_t team_id, int layer)
{
	return rota->team_id == team_id && rota->layer == layer && rota->person_count > 0;
}

/* 1: the rota is on duty at `at`; 0: not. *until: the next instant at which that may change. */
static int covers(const struct ref_rota *rota, int64_t at, int64_t limit, int64_t *until)
{
	int64_t first = turn_start(rota, 0);
	struct interval open;
	int rc;

	if (at >= rota->until) {
		*until = limit;
		return 0;
	}
	if (at < rota->since || at < first) {
		*until = first > rota->since ? first : rota->since;
		return 0;
	}
	rc = calendar_open_after(rota->coverage, at, limit, &open);
	if (rc < 0)
		return rc;
	*until = rc == 0 ? limit : open.from > at ? open.from : open.to;
	if (rota->until < *until)
		*until = rota->until;
	if (rc == 0 || open.from > at)
		return 0;
	first = turn_start(rota, turn_at(rota, at) + 1);
	if (first < *until)
		*until = first;
	return 1;
}

/* --- duty -------------------------------------------------------------------------------- */

static void nearer(int64_t *until, int64_t candidate)
{
	if (candidate < *until)
		*until = candidate;
}

static const struct ref_override *override_at(
        const struct reference *ref, int32_t team_id, int layer, int64_t at, int64_t *until)
{
	const struct ref_override *found = NULL;

	for (size_t i = 0; i < ref->override_count; i++) {
		const struct ref_override *o = &ref->overrides[i];

		if (o->team_id != team_id || o->layer != layer || o->to <= at)
			continue;
		if (o->from > at) {
			nearer(until, o->from);
			continue;
		}
		nearer(until, o->to);
		if (found == NULL || o->id > found->id)
			found = o;
	}
	return found;
}

/* As rota_duty, but `until` may be an instant at which the same goes on. */
static int duty_at(const struct reference *ref, int32_t team_id, int layer, int64_t at,
        int64_t limit, struct duty *out)
{
	*out = (struct duty){.until = limit};
	out->override = override_at(ref, team_id, layer, at, &out->until);
	if (out->override != NULL) {
		out->person_id = out->override->person_id;
		return 0;
	}
	for (size_t i = 0; i < ref->rota_count; i++) {
		const struct ref_rota *rota = &ref->rotas[i];
		int64_t until;
		int rc;

		if (!serves(rota, team_id, layer))
			continue;
		rc = covers(rota, at, limit, &until);
		if (rc < 0)
			return rc;
		nearer(&out->until, until);
		if (rc == 0)
			continue;
		out->rota = rota;
		out->person_id = rota->people[(size_t)turn_at(rota, at) % rota->person_count];
		return 0;
	}
	return 0;
}

/* A turn that passes to the same person again is a new one; an edit in its middle is none. */
static bool goes_on(const struct duty *a, const struct duty *b, int64_t at, int64_t from)
{
	if (a->person_id != b->person_id || a->override != b->override)
		return false;
	if (a->rota == NULL || b->rota == NULL)
		return a->rota == b->rota;
	return a->rota->id == b->rota->id && turn_start(a->rota, turn_at(a->rota, from)) ==
	                                             turn_start(b->rota, turn_at(b->rota, at));
}

int rota_duty(const struct reference *ref, int32_t team_id, int layer, int64_t at,
        int64_t limit, struct duty *out)
{
	struct duty first, next;
	int rc;

	if (at < CALENDAR_START || limit > CALENDAR_END || limit <= at)
		return -OTK_OUT_OF_RANGE;
	rc = duty_at(ref, team_id, layer, at, limit, &first);
	for (int step = 0; rc == 0 && first.until < limit && step < STEPS_MAX; step++) {
		rc = duty_at(ref, team_id, layer, first.until, limit, &next);
		if (rc != 0 || !goes_on(&first, &next, first.until, at))
			break;
		first.until = next.until;
	}
	if (rc == 0)
		*out = first;
	return rc;
}

int32_t rota_person(const struct reference *ref, int32_t team_id, int layer, int64_t at)
{
	struct duty duty;

	if (at < CALENDAR_START || at + 1 > CALENDAR_END ||
	        duty_at(ref, team_id, layer, at, at + 1, &duty) < 0)
		return 0;
	return duty.person_id;
}

int rota_layers(const struct reference *ref, int32_t team_id)
{
	int layers = 0;

	for (size_t i = 0; i < ref->rota_count; i++) {
		if (ref->rotas[i].team_id == team_id && ref->rotas[i].layer > layers)
			layers = ref->rotas[i].layer;
	}
	for (size_t i = 0; i < ref->override_count; i++) {
		if (ref->overrides[i].team_id == team_id && ref->overrides[i].layer > layers)
			layers = ref->overrides[i].layer;
	}
	return layers;
}

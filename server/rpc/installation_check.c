/* What a declared contract lacks, where it contradicts itself, and what cannot be met. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/action.h"
#include "core/calendar_history.h"
#include "core/calendar_plan.h"
#include "core/duration.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "rpc/installation_contract_internal.h"

enum { SERVICES_MAX = 64 };

/* A target may take this long of wall time; it is also the longest that can be written. */
#define TARGET_WALL_MAX DURATION_MAX
/* Where targets are tried when the contract does not say from when: a Monday. */
#define TRIED_FROM INT64_C(1704067200000000)

/* Names a target in texts: "incident P1 response 15m". */
static const char *target_name(const struct contract_reading *r, const struct term_target *t)
{
	char priority[16] = "";
	const char *name;

	if (t->priority != 0)
		(void)snprintf(priority, sizeof priority, " P%d", t->priority);
	name = arena_printf(r->d->arena, "%s%s%s%s",
	        t->type == 0 ? "any type" : ticket_type_name((enum ticket_type)t->type),
	        priority, *t->service != '\0' ? " " : "", t->service);
	if (name == NULL)
		r->d->no_memory = true;
	return name == NULL ? "" : name;
}

static const char *target_path(const struct contract_reading *r, const struct term_target *t)
{
	return contract_path(r, "targets[%zu].target", (size_t)(t - r->terms->targets));
}

static struct target length_of(const struct term_target *t)
{
	struct target length = {0};

	(void)target_parse(t->target, "target", &length, NULL);
	return length;
}

/* Certainly longer, whatever the calendar: wall time passes at least as fast as service time.
 */
static bool is_longer(const struct term_target *a, const struct term_target *b)
{
	struct target left = length_of(a), right = length_of(b);

	if (left.business_days != 0 || right.business_days != 0)
		return left.business_days > right.business_days && right.business_days != 0;
	return (!left.wall || right.wall) && left.us > right.us;
}

/* --- missing and contradictory ----------------------------------------------------------- */

/* Services that tickets under the contract may have; "" stands for all that none names. */
static size_t services_of(const struct contract_terms *terms, const char *out[SERVICES_MAX])
{
	size_t count = 0;

	if (terms->service_count == 0)
		out[count++] = "";
	for (size_t i = 0; i < terms->service_count && count < SERVICES_MAX; i++)
		out[count++] = terms->services[i];
	for (size_t i = 0; i < terms->target_count && count < SERVICES_MAX; i++) {
		const char *service = terms->targets[i].service;
		size_t k = 0;

		while (k < count && strcmp(out[k], service) != 0)
			k++;
		if (k == count && terms->service_count == 0)
			out[count++] = service;
	}
	return count;
}

static void compare(const struct contract_reading *r, const struct term_target *t,
        const struct term_target *resolution, bool *told)
{
	size_t at;

	if (t == NULL || resolution == NULL || !is_longer(t, resolution))
		return;
	at = (size_t)(t - r->terms->targets);
	if (told[at])
		return;
	told[at] = true;
	error_field(r->d->err, target_path(r, t),
	        "the %s target %s is longer than the resolution target %s of the same tickets "
	        "(%s)",
	        clock_kind_name(t->clock), t->target, resolution->target,
	        target_name(r, resolution));
}

/* Warns of the priorities, a bit each, that nothing is promised for. */
static void missing(const struct contract_reading *r, enum clock_kind clock, int16_t type,
        const char *service, unsigned priorities)
{
	char text[32] = "";
	bool all = priorities == ((1U << (PRIORITY_MAX + 1)) - 2);

	for (int p = 1; p <= PRIORITY_MAX && !all; p++) {
		size_t used = strlen(text);

		if ((priorities & 1U << p) != 0)
			(void)snprintf(text + used, sizeof text - used, " P%d", p);
	}
	if (priorities != 0)
		contract_warn(r, contract_path(r, "targets"),
		        "missing: no %s target for %s%s%s%s", clock_kind_name(clock),
		        ticket_type_name((enum ticket_type)type), text,
		        *service != '\0' ? " of " : "", service);
}

static void check_tickets(
        const struct contract_reading *r, int16_t type, const char *service, bool *told)
{
	const struct contract_terms *terms = r->terms;
	unsigned no_response = 0, no_resolution = 0;

	for (int16_t p = 1; p <= PRIORITY_MAX; p++) {
		const struct term_target *response =
		        contract_target(terms, CLOCK_RESPONSE, type, p, service);
		const struct term_target *update =
		        contract_target(terms, CLOCK_UPDATE, type, p, service);
		const struct term_target *resolution =
		        contract_target(terms, CLOCK_RESOLUTION, type, p, service);

		compare(r, response, resolution, told);
		compare(r, update, resolution, told);
		no_response |= response == NULL ? 1U << p : 0;
		no_resolution |= resolution == NULL ? 1U << p : 0;
	}
	missing(r, CLOCK_RESPONSE, type, service, no_response);
	missing(r, CLOCK_RESOLUTION, type, service, no_resolution);
}

static void check_targets(const struct contract_reading *r)
{
	const char *services[SERVICES_MAX];
	size_t count = services_of(r->terms, services);
	bool *told = declare_take(r->d, r->terms->target_count, sizeof *told);

	if (r->terms->target_count == 0) {
		contract_warn(r, contract_path(r, "targets"),
		        "missing: it promises nothing, for it has no targets");
		return;
	}
	for (size_t i = 0; told != NULL && i < count; i++) {
		check_tickets(r, TICKET_INCIDENT, services[i], told);
		check_tickets(r, TICKET_SERVICE_REQUEST, services[i], told);
	}
}

/* --- what cannot be met ------------------------------------------------------------------ */

static void check_reach(const struct contract_reading *r, const struct term_target *t,
        const struct calendar_history *history)
{
	int64_t from = r->terms->valid_from != 0 ? r->terms->valid_from : TRIED_FROM;
	struct target length = length_of(t);
	int64_t at = 0, us;
	int rc;

	if (length.wall)
		return;
	if (length.business_days != 0)
		rc = history_business_days(history, from, length.business_days, &at, &us);
	else
		rc = history_after(history, from, length.us, &at);
	if (rc == -OTK_OUT_OF_RANGE || (rc == 0 && at - from > TARGET_WALL_MAX))
		error_field(r->d->err, target_path(r, t),
		        "%s cannot be met: the calendar '%s' is open so seldom that it would "
		        "take more than ten years",
		        t->target, r->in->calendar);
}

/* Open on some days only, and never after the last of them. */
static void check_special_days(const struct contract_reading *r)
{
	for (size_t i = 0; i < r->terms->target_count; i++) {
		const struct term_target *t = &r->terms->targets[i];

		if (!length_of(t).wall)
			error_field(r->d->err, target_path(r, t),
			        "%s cannot be met: the calendar '%s' has no week, and is never "
			        "open after the last of its special days",
			        t->target, r->in->calendar);
	}
}

/* The week alone: exceptions of single days do not make a target possible. */
static void check_calendar(const struct contract_reading *r)
{
	const struct thing *thing = declare_calendar_thing(r->d, r->in->calendar);
	struct calendar_edition edition = {0};
	struct calendar_history history = {.editions = &edition, .count = 1};
	struct calendar_plan plan = {0};

	if (thing == NULL)
		return;
	if (*thing_text(thing, CALENDAR_WEEK) == '\0' &&
	        *thing_text(thing, CALENDAR_SPECIAL_DAYS) != '\0') {
		check_special_days(r);
		return;
	}
	if (*thing_text(thing, CALENDAR_WEEK) == '\0' ||
	        plan_parse(thing_text(thing, CALENDAR_ZONE), thing_text(thing, CALENDAR_WEEK),
	                NULL, &plan, NULL) < 0)
		return;
	if (calendar_new(&plan, &edition.calendar, NULL) == 0) {
		for (size_t i = 0; i < r->terms->target_count; i++)
			check_reach(r, &r->terms->targets[i], &history);
		calendar_free(edition.calendar);
	}
	plan_release(&plan);
}

/* --- levels ------------------------------------------------------------------------------ */

/* Where a level lies: a part of the target, or an offset from due. */
struct place {
	int64_t percent; /* 0: use offset */
	int64_t offset;
};

static struct place place_of(const char *at)
{
	struct place place = {0};
	char digits[8] = "";
	size_t size = strlen(at);

	if (size > 1 && size < sizeof digits && at[size - 1] == '%') {
		memcpy(digits, at, size - 1);
		(void)text_to_i64(digits, 1, INT32_MAX, &place.percent);
	} else {
		(void)duration_parse_offset(at, "at", &place.offset, NULL);
	}
	return place;
}

static int64_t threshold(const struct place *place, int64_t target)
{
	return place->percent != 0
	               ? target / 100 * place->percent + target % 100 * place->percent / 100
	               : target + place->offset;
}

/* -1, 0, 1; 0 also where the target, in business days, does not tell. */
static int order(const struct place *a, const struct place *b, const struct target *length)
{
	int64_t left, right;

	if (length->business_days == 0) {
		left = threshold(a, length->us);
		right = threshold(b, length->us);
	} else if ((a->percent != 0) == (b->percent != 0)) {
		left = a->percent + a->offset;
		right = b->percent + b->offset;
		return (left > right) - (left < right);
	} else {
		/* Before due or after it, which is 100 %. */
		left = a->percent != 0 ? a->percent - 100 : a->offset;
		right = b->percent != 0 ? b->percent - 100 : b->offset;
		return (left > 0 && right <= 0) - (left <= 0 && right > 0);
	}
	return (left > right) - (left < right);
}

/* An offset is a number of hours of the calendar, of which n business days have at most n × 25.
 */
static bool before_start(const struct place *place, const struct target *length)
{
	const int64_t day = 25 * INT64_C(3600000000);

	if (length->business_days == 0)
		return threshold(place, length->us) <= 0;
	return place->percent == 0 && -place->offset >= length->business_days * day;
}

/* A level of the message with the one of its clock that is written before it. */
static void check_level(const struct contract_reading *r, size_t at, size_t before)
{
	const Otklik__V1__Level *in = r->in->levels[at];
	const char *path = contract_path(r, "levels[%zu].at", at);
	struct place place = place_of(in->at);
	bool promised = false;

	for (size_t i = 0; i < r->terms->target_count; i++) {
		const struct term_target *t = &r->terms->targets[i];
		struct target length = length_of(t);
		struct place earlier;

		if (strcmp(clock_kind_name(t->clock), in->clock) != 0)
			continue;
		promised = true;
		if (before_start(&place, &length)) {
			error_field(r->d->err, path,
			        "%s lies before the start of the target %s (%s): it could "
			        "never warn in time",
			        in->at, t->target, target_name(r, t));
			return;
		}
		if (before == at)
			continue;
		earlier = place_of(r->in->levels[before]->at);
		if (order(&earlier, &place, &length) >= 0 &&
		        (length.business_days == 0 || order(&earlier, &place, &length) > 0)) {
			error_field(r->d->err, path,
			        "%s does not come after %s of levels[%zu] for the target %s "
			        "(%s): write the levels of a clock in the order in which they "
			        "act",
			        in->at, r->in->levels[before]->at, before, t->target,
			        target_name(r, t));
			return;
		}
	}
	if (!promised)
		contract_warn(
		        r, path, "no %s target is promised: this level never acts", in->clock);
}

/* Whom a level hands the ticket to last, or NULL. */
static const char *assigned(const struct contract_reading *r, const Otklik__V1__Level *level)
{
	for (size_t i = level->n_actions; i > 0; i--) {
		const char *text = level->actions[i - 1];
		struct action action;

		if (action_next(&text, &action) && action.verb == ACTION_ASSIGN)
			return arena_strdup(r->d->arena, action.code);
	}
	return NULL;
}

/* Each hand-over starts the operational clock and its ladder anew: two of them never end. */
static void check_rounds(const struct contract_reading *r, size_t at, size_t before,
        const char *first, const char *then)
{
	const struct names *teams = &r->d->teams;

	if (strcmp(r->in->levels[at]->clock, clock_kind_name(CLOCK_OPERATIONAL)) == 0 &&
	        declare_is_known(teams, first) && declare_is_known(teams, then))
		error_field(r->d->err, contract_path(r, "levels[%zu].actions", at),
		        "circular: levels[%zu] assigns to %s, this one to %s, and each "
		        "hand-over "
		        "starts the operational clock and these levels anew",
		        before, first, then);
}

/* A ladder that hands a ticket back to whom an earlier level took it from goes in a circle. */
static void check_circle(const struct contract_reading *r, size_t at)
{
	const Otklik__V1__Level *level = r->in->levels[at];
	const char *to = assigned(r, level);
	const char *between = NULL;

	for (size_t i = at; to != NULL && i > 0; i--) {
		const char *other = strcmp(r->in->levels[i - 1]->clock, level->clock) == 0
		                            ? assigned(r, r->in->levels[i - 1])
		                            : NULL;

		if (other == NULL)
			continue;
		if (strcmp(other, to) != 0) {
			between = between == NULL ? other : between;
			check_rounds(r, at, i - 1, other, to);
			continue;
		}
		if (between != NULL)
			error_field(r->d->err, contract_path(r, "levels[%zu].actions", at),
			        "circular: levels[%zu] assigns to %s already, and a level "
			        "between takes the ticket away to %s",
			        i - 1, to, between);
		return;
	}
}

static void check_levels(const struct contract_reading *r)
{
	for (size_t i = 0; i < r->in->n_levels; i++) {
		size_t before = i;

		for (size_t k = 0; k < i; k++) {
			if (strcmp(r->in->levels[k]->clock, r->in->levels[i]->clock) == 0)
				before = k;
		}
		check_level(r, i, before);
		check_circle(r, i);
	}
}

void contract_check(const struct contract_reading *r)
{
	check_targets(r);
	check_calendar(r);
	check_levels(r);
}

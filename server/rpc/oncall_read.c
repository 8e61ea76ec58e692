/*
 * GetOnCall: who is on call, was, and will be. What lies ahead is told from memory, what began
 *in the past from the editions of rotas and the overrides that were in force then.
 *
 *	get_on_call_begin → past_read
 */
#include "core/calendar.h"
#include "desk/desk.h"
#include "desk/oncall_past.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/oncall_internal.h"
#include "rpc/service.h"

struct duties {
	const struct reference *ref;
	struct request *r;
	Otklik__V1__Duty **items;
	size_t count;
};

/* A request whose stretch of time began in the past. */
struct past {
	int32_t team_id;
	int64_t from;
	int64_t to;
	size_t most; /* duties of a team and layer */
};

static enum step past_read(struct request *r);

/* Fields of the schema are not const, though nobody writes to them. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

bool oncall_is_provider(const struct request *r)
{
	return r->principal->kind == PRINCIPAL_PERSON && r->principal->customer_id == 0;
}

enum step oncall_provider_only(struct request *r)
{
	return request_error(r, OTK_PERMISSION_DENIED, "PROVIDER_ONLY",
	        "who is on call is the provider's own business");
}

static const char *code_of(const struct reference *ref, int32_t id)
{
	const struct ref_principal *person = id == 0 ? NULL : reference_principal(ref, id);

	return person == NULL ? "" : person->code;
}

static void duty_fill(const struct duties *d, const struct ref_team *team, int layer,
        int64_t from, const struct duty *duty, Otklik__V1__Duty *out)
{
	const struct ref_principal *person = reference_principal(d->ref, duty->person_id);

	otklik__v1__duty__init(out);
	out->team = text_of(team->code);
	out->layer = (uint32_t)layer;
	out->from_us = from;
	out->until_us = duty->until;
	if (duty->rota != NULL)
		out->rota = text_of(duty->rota->code);
	if (duty->override != NULL) {
		out->override_id = duty->override->id;
		out->reason = duty->override->reason;
		out->arranged_by = text_of(code_of(d->ref, duty->override->made_by));
		out->in_place_of = text_of(code_of(d->ref, duty->override->in_place_of));
	}
	if (duty->person_id == 0 || person == NULL)
		return;
	out->person = text_of(person->code);
	out->person_name = person->name;
	out->disabled = person->disabled;
}

/* The duties of a team and layer in [from, to), at most `most` of them. */
static int duties_add(struct duties *d, const struct ref_team *team, int layer, int64_t from,
        int64_t to, size_t most)
{
	for (size_t i = 0; i < most && from < to; i++) {
		Otklik__V1__Duty *item = arena_alloc(d->r->arena, sizeof *item);
		struct duty duty;
		int rc = rota_duty(d->ref, team->id, layer, from, to, &duty);

		if (rc < 0)
			return rc;
		if (item == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		if (d->count == ONCALL_DUTIES_MAX)
			return -OTK_INVALID_ARGUMENT;
		duty_fill(d, team, layer, from, &duty, item);
		d->items[d->count++] = item;
		from = duty.until;
	}
	return 0;
}

static int teams_add(struct duties *d, int32_t team_id, int64_t from, int64_t to, size_t most)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->ref->team_count; i++) {
		const struct ref_team *team = &d->ref->teams[i];
		int layers = rota_layers(d->ref, team->id);

		if (team_id != 0 ? team->id != team_id : team->retired)
			continue;
		for (int layer = 1; rc == 0 && layer <= layers; layer++)
			rc = duties_add(d, team, layer, from, to, most);
	}
	return rc;
}

static void check_times(const Otklik__V1__GetOnCallRequest *in, struct otk_error *err)
{
	if (in->at_us < 0 || in->at_us >= CALENDAR_END)
		error_field(err, "at_us", "must lie in the years 1970 to 2100");
	if (in->from_us < 0 || in->from_us >= CALENDAR_END)
		error_field(err, "from_us", "must lie in the years 1970 to 2100");
	if ((in->from_us != 0) != (in->to_us != 0))
		error_field(err, "to_us", "goes with a beginning");
	else if (in->from_us != 0 && (in->to_us <= in->from_us || in->to_us > CALENDAR_END ||
	                                     in->to_us - in->from_us > ONCALL_YEAR_US))
		error_field(err, "to_us", "must lie after the beginning, at most a year");
	if (in->from_us != 0 && in->at_us != 0)
		error_field(err, "at_us", "goes without a stretch of time");
}

static enum step duties_reply(
        struct request *r, const struct reference *ref, const struct past *stretch)
{
	Otklik__V1__GetOnCallResponse out = OTKLIK__V1__GET_ON_CALL_RESPONSE__INIT;
	struct duties d = {.ref = ref, .r = r};
	int rc;

	d.items = arena_calloc(r->arena, ONCALL_DUTIES_MAX, sizeof(Otklik__V1__Duty *));
	if (d.items == NULL)
		return request_no_memory(r);
	rc = teams_add(&d, stretch->team_id, stretch->from, stretch->to, stretch->most);
	if (rc == -OTK_INVALID_ARGUMENT)
		return request_error(r, OTK_INVALID_ARGUMENT, "TOO_MANY_DUTIES",
		        "more than %d duties: ask for one team, or a shorter time",
		        ONCALL_DUTIES_MAX);
	if (rc == -OTK_OUT_OF_RANGE)
		return request_error(r, OTK_OUT_OF_RANGE, "TIME_OUT_OF_RANGE",
		        "a time lies outside the years 1970 to 2100");
	if (rc < 0)
		return request_no_memory(r);
	out.duties = d.items;
	out.n_duties = d.count;
	return get_on_call_reply(r, &out);
}

/* A list, or who is then and who is next, as far as a year ahead. */
static struct past stretch_of(const struct request *r, const Otklik__V1__GetOnCallRequest *in)
{
	int64_t at = in->at_us != 0 ? in->at_us : r->now;

	if (in->from_us != 0)
		return (struct past){
		        .from = in->from_us, .to = in->to_us, .most = ONCALL_DUTIES_MAX};
	return (struct past){.from = at,
	        .to = at < CALENDAR_END - ONCALL_YEAR_US ? at + ONCALL_YEAR_US : CALENDAR_END,
	        .most = 2};
}

enum step get_on_call_begin(struct request *r, const Otklik__V1__GetOnCallRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct past stretch = stretch_of(r, in);
	struct otk_error err = {0};
	struct db_unit *unit;
	struct past *state;

	if (ref == NULL)
		return caller_no_reference(r);
	if (!oncall_is_provider(r))
		return oncall_provider_only(r);
	stretch.team_id = field_team(&err, "team", ref, in->team);
	check_times(in, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (stretch.from >= r->now)
		return duties_reply(r, ref, &stretch);
	state = request_state(r, sizeof *state);
	unit = db_unit_new(r->arena, DB_READ);
	if (state == NULL || unit == NULL)
		return request_no_memory(r);
	*state = stretch;
	oncall_past_calls(unit, stretch.team_id, stretch.from, stretch.to);
	return request_query(r, unit, past_read);
}

static enum step past_read(struct request *r)
{
	const struct past *stretch = r->state;
	struct otk_error err = {0};
	struct reference past;
	enum step step;

	if (oncall_past_read(
	            r->unit, 0, r->arena, desk_reference(r->service->desk), &past, &err) < 0)
		return request_fail(r, &err);
	step = duties_reply(r, &past, stretch);
	oncall_past_release(&past);
	return step;
}

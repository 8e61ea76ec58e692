/*
 * GetOnCall, SetOnCallOverride, DeleteOnCallOverride: who is on call, and who takes over.
 *
 *	set_on_call_override_begin → override_start → override_looked → override_written →
 *renewed ↑_________________________________| others were faster
 *
 * Overrides are reference data: every process knows them before it says who is told.
 */
#include <string.h>

#include "core/calendar.h"
#include "core/rota.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "otklik/v1/oncall.pb-c.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { DUTIES_MAX = 5000, OVERRIDES_MAX = 1000, ATTEMPTS_MAX = 5, REASON_MAX = 200 };
#define YEAR_US (INT64_C(366) * 86400 * 1000000)

struct oncall {
	struct ref_override made; /* id: the one to withdraw */
	bool withdraws;
	int64_t override_id;
	bool changed;
	unsigned attempts;
	struct desk_wait wait;
};

struct duties {
	const struct reference *ref;
	struct request *r;
	Otklik__V1__Duty **items;
	size_t count;
};

static enum step override_start(struct request *r);
static enum step override_looked(struct request *r);
static enum step override_written(struct request *r);
static enum step override_known(struct request *r);
static enum step override_stale(struct request *r);

/* Fields of the schema are not const, though nobody writes to them. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static bool is_provider(const struct request *r)
{
	return r->principal->kind == PRINCIPAL_PERSON && r->principal->customer_id == 0;
}

static enum step provider_only(struct request *r)
{
	return request_error(r, OTK_PERMISSION_DENIED, "PROVIDER_ONLY",
	        "who is on call is the provider's own business");
}

/* --- reading ----------------------------------------------------------------------------- */

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
		if (d->count == DUTIES_MAX)
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

/* A list, or who is now and who is next, as far as a year ahead. */
static int duties_find(
        struct duties *d, const Otklik__V1__GetOnCallRequest *in, int32_t team_id)
{
	int64_t at = in->at_us != 0 ? in->at_us : d->r->now;
	int64_t end = at + YEAR_US < CALENDAR_END ? at + YEAR_US : CALENDAR_END;

	if (in->from_us != 0)
		return teams_add(d, team_id, in->from_us, in->to_us, DUTIES_MAX);
	return teams_add(d, team_id, at, end, 2);
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
	                                     in->to_us - in->from_us > YEAR_US))
		error_field(err, "to_us", "must lie after the beginning, at most a year");
	if (in->from_us != 0 && in->at_us != 0)
		error_field(err, "at_us", "goes without a stretch of time");
}

enum step get_on_call_begin(struct request *r, const Otklik__V1__GetOnCallRequest *in)
{
	Otklik__V1__GetOnCallResponse out = OTKLIK__V1__GET_ON_CALL_RESPONSE__INIT;
	struct duties d = {.ref = desk_reference(r->service->desk), .r = r};
	struct otk_error err = {0};
	int32_t team_id;
	int rc;

	if (d.ref == NULL)
		return caller_no_reference(r);
	if (!is_provider(r))
		return provider_only(r);
	team_id = field_team(&err, "team", d.ref, in->team);
	check_times(in, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	d.items = arena_calloc(r->arena, DUTIES_MAX, sizeof(Otklik__V1__Duty *));
	if (d.items == NULL)
		return request_no_memory(r);
	rc = duties_find(&d, in, team_id);
	if (rc == -OTK_INVALID_ARGUMENT)
		return request_error(r, OTK_INVALID_ARGUMENT, "TOO_MANY_DUTIES",
		        "more than %d duties: ask for one team, or a shorter time", DUTIES_MAX);
	if (rc == -OTK_OUT_OF_RANGE)
		return request_error(r, OTK_OUT_OF_RANGE, "TIME_OUT_OF_RANGE",
		        "a time lies outside the years 1970 to 2100");
	if (rc < 0)
		return request_no_memory(r);
	out.duties = d.items;
	out.n_duties = d.count;
	return get_on_call_reply(r, &out);
}

/* --- writing ----------------------------------------------------------------------------- */

/* Leads arrange anybody's duties; everybody may take one over himself. */
static bool may_arrange(const struct request *r, int32_t person_id)
{
	return access_may_any(&r->principal->access, PERMISSION_TICKET_LEAD) ||
	       person_id == r->principal->id;
}

static enum step lead_only(struct request *r)
{
	return request_error(r, OTK_PERMISSION_DENIED, "LEAD_ONLY",
	        "leads arrange the duties of others; you may take one over yourself");
}

static int32_t field_person(
        struct otk_error *err, const struct reference *ref, const char *code)
{
	const struct ref_principal *person = reference_principal_by_code(ref, code);

	if (person == NULL || person->kind != PRINCIPAL_PERSON || person->customer_id != 0)
		error_field(err, "person", "'%.64s' is none of the provider's people", code);
	else if (person->disabled)
		error_field(err, "person", "'%s' is disabled", code);
	else
		return person->id;
	return 0;
}

/* Every process holds them all, and looks at each to say who is on call. */
static bool are_many(const struct reference *ref, int64_t now)
{
	size_t count = 0;

	for (size_t i = 0; i < ref->override_count; i++)
		count += ref->overrides[i].to > now;
	return count >= OVERRIDES_MAX;
}

enum step set_on_call_override_begin(
        struct request *r, const Otklik__V1__SetOnCallOverrideRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct oncall *state = request_state(r, sizeof *state);
	struct otk_error err = {0};
	struct ref_override *made;

	if (state == NULL)
		return request_no_memory(r);
	if (ref == NULL)
		return caller_no_reference(r);
	if (!is_provider(r))
		return provider_only(r);
	made = &state->made;
	made->team_id = field_team(&err, "team", ref, in->team);
	if (*in->team == '\0')
		error_field(&err, "team", "name a team");
	made->person_id = field_person(&err, ref, in->person);
	made->from = in->from_us > r->now ? in->from_us : r->now;
	made->to = in->to_us;
	made->reason = in->reason;
	made->layer = (int16_t)(in->layer == 0 ? 1 : in->layer);
	if (in->layer > ROTA_LAYERS_MAX)
		error_field(&err, "layer", "must be 1 to %d", ROTA_LAYERS_MAX);
	if (made->to <= made->from)
		error_field(&err, "to_us", "must lie in the future and after the beginning");
	else if (made->to - made->from > YEAR_US || made->to > CALENDAR_END)
		error_field(&err, "to_us", "must lie within a year of the beginning");
	field_line(&err, "reason", in->reason, REASON_MAX);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (!may_arrange(r, made->person_id))
		return lead_only(r);
	return request_go(r, override_start);
}

enum step delete_on_call_override_begin(
        struct request *r, const Otklik__V1__DeleteOnCallOverrideRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct oncall *state = request_state(r, sizeof *state);
	const struct ref_override *found = NULL;

	if (state == NULL)
		return request_no_memory(r);
	if (ref == NULL)
		return caller_no_reference(r);
	if (!is_provider(r))
		return provider_only(r);
	for (size_t i = 0; i < ref->override_count; i++) {
		if (ref->overrides[i].id == in->override_id)
			found = &ref->overrides[i];
	}
	if (!may_arrange(r, found == NULL ? 0 : found->person_id))
		return lead_only(r);
	state->withdraws = true;
	state->made.id = in->override_id;
	return request_go(r, override_start);
}

static enum step override_start(struct request *r)
{
	struct oncall *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (++state->attempts > ATTEMPTS_MAX)
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the installation; try again");
	if (unit == NULL)
		return request_no_memory(r);
	db_call(unit, SQL_ONCALL_OVERRIDE_MADE);
	db_put_int(unit, r->principal->id);
	db_put_uuid(unit, &r->key);
	return request_query(r, unit, override_looked);
}

static enum step reply(struct request *r)
{
	struct oncall *state = r->state;

	if (state->withdraws) {
		Otklik__V1__DeleteOnCallOverrideResponse out =
		        OTKLIK__V1__DELETE_ON_CALL_OVERRIDE_RESPONSE__INIT;

		out.withdrawn = state->changed;
		return delete_on_call_override_reply(r, &out);
	}
	Otklik__V1__SetOnCallOverrideResponse out =
	        OTKLIK__V1__SET_ON_CALL_OVERRIDE_RESPONSE__INIT;

	out.override_id = state->override_id;
	return set_on_call_override_reply(r, &out);
}

static void add_call(struct request *r, struct db_unit *unit)
{
	const struct oncall *state = r->state;

	db_call(unit, SQL_ONCALL_OVERRIDE_ADD);
	db_put_int(unit, state->made.team_id);
	db_put_int(unit, state->made.layer);
	db_put_int(unit, state->made.person_id);
	db_put_time(unit, state->made.from);
	db_put_time(unit, state->made.to);
	db_put_text(unit, state->made.reason);
	db_put_int(unit, r->principal->id);
	db_put_time(unit, r->now);
	db_put_uuid(unit, &r->key);
	db_put_bytes(unit, r->hash, sizeof r->hash);
}

/* Nobody made it under this key yet: under the epoch that this process knows. */
static enum step override_looked(struct request *r)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct oncall *state = r->state;
	struct db_unit *unit;
	size_t size;

	if (db_rows_count(rows) == 1) {
		const void *hash = db_get_bytes(rows, 0, 0, &size);

		if (size != sizeof r->hash || memcmp(hash, r->hash, size) != 0)
			return request_error(r, OTK_FAILED_PRECONDITION, "KEY_REUSED",
			        "this idempotency key was used by another request; make a new "
			        "one");
		state->override_id = db_get_int(rows, 0, 1);
		return reply(r);
	}
	if (!state->withdraws && are_many(ref, r->now))
		return request_error(r, OTK_FAILED_PRECONDITION, "TOO_MANY_OVERRIDES",
		        "%d overrides lie ahead already: withdraw some, or change the rota",
		        OVERRIDES_MAX);
	unit = db_unit_new(r->arena, DB_REPLAY);
	if (unit == NULL)
		return request_no_memory(r);
	db_call(unit, SQL_INSTALLATION_BEGIN);
	db_put_int(unit, ref->epoch);
	if (state->withdraws) {
		db_call(unit, SQL_ONCALL_OVERRIDE_WITHDRAW);
		db_put_int(unit, state->made.id);
		db_put_int(unit, r->principal->id);
		db_put_time(unit, r->now);
	} else {
		add_call(r, unit);
	}
	return request_query_any(r, unit, override_written);
}

static void unlink_wait(struct request *r)
{
	struct oncall *state = r->state;

	desk_wait_leave(&state->wait);
}

static void woken(void *context)
{
	request_wake(context);
}

static enum step override_written(struct request *r)
{
	struct oncall *state = r->state;
	const struct otk_error *err = db_unit_error(r->unit);
	bool stale = err->code == OTK_ABORTED;

	if (err->code != OTK_OK && !stale)
		return request_fail(r, err);
	if (!stale && state->withdraws)
		state->changed = db_rows_affected(db_unit_rows(r->unit, 1)) > 0;
	else if (!stale)
		state->override_id = db_get_int(db_unit_rows(r->unit, 1), 0, 0);
	/* Whoever asks this process next shall see it. */
	request_on_cancel(r, unlink_wait);
	desk_reference_renew(r->service->desk, &state->wait, woken, r);
	return request_wait(r, stale ? override_stale : override_known);
}

static enum step override_known(struct request *r)
{
	return reply(r);
}

static enum step override_stale(struct request *r)
{
	request_on_cancel(r, NULL);
	return request_go(r, override_start);
}

/*
 * SetOnCallOverride, DeleteOnCallOverride, SwapOnCall: who takes whose duty over.
 *
 *	…_begin → override_start → override_looked → override_written → override_known
 *	              ↑_________________________________| others were faster
 *
 * Overrides are reference data: every process knows them before it says who is told.
 */
#include <string.h>

#include "core/calendar.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "rpc/caller.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/oncall_internal.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { OVERRIDES_MAX = 1000, ATTEMPTS_MAX = 5, REASON_MAX = 200, SWAPS_MAX = 200 };

/* One override that is made: all have team, layer and reason in common. */
struct part {
	int32_t person_id;
	int32_t in_place_of; /* 0: whoever it would be */
	int64_t from;
	int64_t to;
	int64_t id;
};

enum act { ACT_SET, ACT_WITHDRAW, ACT_SWAP };

struct oncall {
	enum act act;
	struct ref_override made; /* what the parts have in common; id: the one to withdraw */
	struct part *parts;
	size_t count;
	bool changed; /* withdrawn */
	unsigned attempts;
	struct desk_wait wait;
	/* a swap */
	int32_t with;
	bool take_over;
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

static bool is_lead(const struct request *r)
{
	return access_may_any(&r->principal->access, PERMISSION_TICKET_LEAD);
}

/* Leads arrange anybody's duties; everybody may take one over himself. */
static bool may_arrange(const struct request *r, int32_t person_id)
{
	return is_lead(r) || person_id == r->principal->id;
}

static enum step lead_only(struct request *r)
{
	return request_error(r, OTK_PERMISSION_DENIED, "LEAD_ONLY",
	        "leads arrange the duties of others; you may take one over yourself");
}

static int32_t field_person(
        struct otk_error *err, const char *field, const struct reference *ref, const char *code)
{
	const struct ref_principal *person = reference_principal_by_code(ref, code);

	if (person == NULL || person->kind != PRINCIPAL_PERSON || person->customer_id != 0)
		error_field(err, field, "'%.64s' is none of the provider's people", code);
	else if (person->disabled)
		error_field(err, field, "'%s' is disabled", code);
	else
		return person->id;
	return 0;
}

/* Every process holds them all, and looks at each to say who is on call. */
static bool are_many(const struct reference *ref, int64_t now, size_t more)
{
	size_t count = more;

	for (size_t i = 0; i < ref->override_count; i++)
		count += ref->overrides[i].to > now;
	return count > OVERRIDES_MAX;
}

/* Team, layer, time and reason, of an override and of a swap. */
static void check_common(struct request *r, struct otk_error *err, const struct reference *ref,
        const char *team, uint32_t layer, int64_t from, int64_t to, char *reason,
        struct ref_override *made)
{
	made->team_id = field_team(err, "team", ref, team);
	if (*team == '\0')
		error_field(err, "team", "name a team");
	made->from = from > r->now ? from : r->now;
	made->to = to;
	made->reason = reason;
	made->layer = (int16_t)(layer == 0 ? 1 : layer);
	if (layer > ROTA_LAYERS_MAX)
		error_field(err, "layer", "must be 1 to %d", ROTA_LAYERS_MAX);
	if (made->to <= made->from)
		error_field(err, "to_us", "must lie in the future and after the beginning");
	else if (made->to - made->from > ONCALL_YEAR_US || made->to > CALENDAR_END)
		error_field(err, "to_us", "must lie within a year of the beginning");
	field_line(err, "reason", reason, REASON_MAX);
}

enum step set_on_call_override_begin(
        struct request *r, const Otklik__V1__SetOnCallOverrideRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct oncall *state = request_state(r, sizeof *state);
	struct otk_error err = {0};

	if (state == NULL)
		return request_no_memory(r);
	if (ref == NULL)
		return caller_no_reference(r);
	if (!oncall_is_provider(r))
		return oncall_provider_only(r);
	state->parts = arena_calloc(r->arena, 1, sizeof *state->parts);
	if (state->parts == NULL)
		return request_no_memory(r);
	check_common(r, &err, ref, in->team, in->layer, in->from_us, in->to_us, in->reason,
	        &state->made);
	state->count = 1;
	state->parts[0] =
	        (struct part){.person_id = field_person(&err, "person", ref, in->person),
	                .from = state->made.from,
	                .to = state->made.to};
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (!may_arrange(r, state->parts[0].person_id))
		return lead_only(r);
	return request_go(r, override_start);
}

enum step delete_on_call_override_begin(
        struct request *r, const Otklik__V1__DeleteOnCallOverrideRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct oncall *state = request_state(r, sizeof *state);

	if (state == NULL)
		return request_no_memory(r);
	if (ref == NULL)
		return caller_no_reference(r);
	if (!oncall_is_provider(r))
		return oncall_provider_only(r);
	/* One that this process does not know is for the statement to judge. */
	for (size_t i = 0; i < ref->override_count; i++) {
		if (ref->overrides[i].id == in->override_id &&
		        !may_arrange(r, ref->overrides[i].person_id))
			return lead_only(r);
	}
	state->act = ACT_WITHDRAW;
	state->made.id = in->override_id;
	return request_go(r, override_start);
}

/* --- swaps ------------------------------------------------------------------------------- */

/* A duty of one of the two becomes the other's; one that touches the last goes on in it. */
static int swap_add(
        struct oncall *state, int32_t from_person, int32_t to_person, int64_t from, int64_t to)
{
	struct part *last = state->count > 0 ? &state->parts[state->count - 1] : NULL;

	if (last != NULL && last->to == from && last->in_place_of == from_person) {
		last->to = to;
		return 0;
	}
	if (state->count == SWAPS_MAX)
		return -OTK_INVALID_ARGUMENT;
	state->parts[state->count++] = (struct part){
	        .person_id = to_person, .in_place_of = from_person, .from = from, .to = to};
	return 0;
}

/* What the swap makes by the duties as they are known now. 0, -OTK_INVALID_ARGUMENT: too many,
 * or as rota_duty. */
static int swap_find(struct oncall *state, const struct reference *ref)
{
	int32_t person = state->made.person_id;
	int rc = 0;

	state->count = 0;
	for (int64_t at = state->made.from; rc == 0 && at < state->made.to;) {
		struct duty duty;

		rc = rota_duty(
		        ref, state->made.team_id, state->made.layer, at, state->made.to, &duty);
		if (rc == 0 && duty.person_id == person)
			rc = swap_add(state, person, state->with, at, duty.until);
		else if (rc == 0 && duty.person_id == state->with && !state->take_over)
			rc = swap_add(state, state->with, person, at, duty.until);
		if (rc == 0)
			at = duty.until;
	}
	return rc;
}

static bool gives(const struct oncall *state, int32_t person_id)
{
	for (size_t i = 0; i < state->count; i++) {
		if (state->parts[i].in_place_of == person_id)
			return true;
	}
	return false;
}

static const char *code_of(const struct reference *ref, int32_t id)
{
	const struct ref_principal *person = id == 0 ? NULL : reference_principal(ref, id);

	return person == NULL ? "" : person->code;
}

/* STEP_MORE where the swap can be made; else what is wrong is answered. */
static enum step swap_judge(struct request *r, const struct reference *ref)
{
	struct oncall *state = r->state;
	int rc = swap_find(state, ref);
	int32_t idle = !gives(state, state->made.person_id)              ? state->made.person_id
	               : !state->take_over && !gives(state, state->with) ? state->with
	                                                                 : 0;

	if (rc == -OTK_INVALID_ARGUMENT)
		return request_error(r, OTK_INVALID_ARGUMENT, "TOO_MANY_DUTIES",
		        "more than %d duties lie in that time: take a shorter one", SWAPS_MAX);
	if (rc == -OTK_OUT_OF_RANGE)
		return request_error(r, OTK_OUT_OF_RANGE, "TIME_OUT_OF_RANGE",
		        "a time lies outside the years 1970 to 2100");
	if (rc < 0)
		return request_no_memory(r);
	if (idle != 0)
		return request_error(r, OTK_FAILED_PRECONDITION, "NO_DUTY",
		        "%s has no duty there in that time%s", code_of(ref, idle),
		        idle == state->with ? ": to take over without giving, say so" : "");
	return STEP_MORE;
}

static enum step swap_reply(struct request *r, bool applied)
{
	const struct reference *ref = desk_reference(r->service->desk);
	Otklik__V1__SwapOnCallResponse out = OTKLIK__V1__SWAP_ON_CALL_RESPONSE__INIT;
	const struct oncall *state = r->state;
	Otklik__V1__DutySwap *swaps = arena_calloc(r->arena, state->count + 1, sizeof *swaps);

	out.swaps = arena_calloc(r->arena, state->count + 1, sizeof *out.swaps);
	if (swaps == NULL || out.swaps == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < state->count; i++) {
		const struct part *part = &state->parts[i];

		otklik__v1__duty_swap__init(&swaps[i]);
		swaps[i].from_us = part->from;
		swaps[i].until_us = part->to;
		swaps[i].in_place_of = text_of(code_of(ref, part->in_place_of));
		swaps[i].person = text_of(code_of(ref, part->person_id));
		swaps[i].override_id = part->id;
		out.swaps[out.n_swaps++] = &swaps[i];
	}
	out.applied = applied;
	return swap_on_call_reply(r, &out);
}

enum step swap_on_call_begin(struct request *r, const Otklik__V1__SwapOnCallRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct oncall *state = request_state(r, sizeof *state);
	struct otk_error err = {0};
	enum step step;

	if (state == NULL)
		return request_no_memory(r);
	if (ref == NULL)
		return caller_no_reference(r);
	if (!oncall_is_provider(r))
		return oncall_provider_only(r);
	state->act = ACT_SWAP;
	check_common(r, &err, ref, in->team, in->layer, in->from_us, in->to_us, in->reason,
	        &state->made);
	state->made.person_id = field_person(&err, "person", ref, in->person);
	state->with = field_person(&err, "with", ref, in->with);
	state->take_over = in->take_over;
	if (state->with != 0 && state->with == state->made.person_id)
		error_field(&err, "with", "must be somebody else");
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	/* An exchange gives a duty to both, so neither can make it for the other. */
	if (!is_lead(r) && !(in->take_over && state->with == r->principal->id))
		return lead_only(r);
	state->parts = arena_calloc(r->arena, SWAPS_MAX, sizeof *state->parts);
	if (state->parts == NULL)
		return request_no_memory(r);
	if (!in->dry_run)
		return request_go(r, override_start);
	step = swap_judge(r, ref);
	return step == STEP_MORE ? swap_reply(r, false) : step;
}

/* --- the common way ---------------------------------------------------------------------- */

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

	if (state->act == ACT_SWAP)
		return swap_reply(r, true);
	if (state->act == ACT_WITHDRAW) {
		Otklik__V1__DeleteOnCallOverrideResponse out =
		        OTKLIK__V1__DELETE_ON_CALL_OVERRIDE_RESPONSE__INIT;

		out.withdrawn = state->changed;
		return delete_on_call_override_reply(r, &out);
	}
	Otklik__V1__SetOnCallOverrideResponse out =
	        OTKLIK__V1__SET_ON_CALL_OVERRIDE_RESPONSE__INIT;

	out.override_id = state->parts[0].id;
	return set_on_call_override_reply(r, &out);
}

static void add_call(struct request *r, struct db_unit *unit)
{
	const struct oncall *state = r->state;
	struct db_array *people, *places, *from, *to;

	db_call(unit, SQL_ONCALL_OVERRIDE_ADD);
	db_put_int(unit, state->made.team_id);
	db_put_int(unit, state->made.layer);
	people = db_put_array(unit, DB_INT4, state->count);
	places = db_put_array(unit, DB_INT4, state->count);
	from = db_put_array(unit, DB_TIME, state->count);
	to = db_put_array(unit, DB_TIME, state->count);
	for (size_t i = 0; i < state->count; i++) {
		const struct part *part = &state->parts[i];

		db_add_int(people, part->person_id);
		db_add_int_if(places, part->in_place_of != 0, part->in_place_of);
		db_add_time(from, part->from);
		db_add_time(to, part->to);
	}
	db_put_text(unit, state->made.reason);
	db_put_int(unit, r->principal->id);
	db_put_time(unit, r->now);
	db_put_uuid(unit, &r->key);
	db_put_bytes(unit, r->hash, sizeof r->hash);
}

/* Made under this key before: the same again. */
static enum step made_before(struct request *r, const struct db_rows *rows)
{
	struct oncall *state = r->state;
	size_t size;
	const void *hash = db_get_bytes(rows, 0, 0, &size);

	if (size != sizeof r->hash || memcmp(hash, r->hash, size) != 0 ||
	        state->act == ACT_WITHDRAW)
		return request_error(r, OTK_FAILED_PRECONDITION, "KEY_REUSED",
		        "this idempotency key was used by another request; make a new one");
	state->count = db_rows_count(rows);
	state->parts = arena_calloc(r->arena, state->count, sizeof *state->parts);
	if (state->parts == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < state->count; i++)
		state->parts[i] = (struct part){.id = db_get_int(rows, i, 1),
		        .person_id = (int32_t)db_get_int(rows, i, 2),
		        .in_place_of = (int32_t)db_get_int(rows, i, 3),
		        .from = db_get_time(rows, i, 4),
		        .to = db_get_time(rows, i, 5)};
	return reply(r);
}

/* Nobody made it under this key yet: under the epoch that this process knows. */
static enum step override_looked(struct request *r)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct oncall *state = r->state;
	struct db_unit *unit;

	if (db_rows_count(rows) > 0)
		return made_before(r, rows);
	if (state->act == ACT_SWAP) {
		enum step step = swap_judge(r, ref);

		if (step != STEP_MORE)
			return step;
	}
	if (state->act != ACT_WITHDRAW && are_many(ref, r->now, state->count))
		return request_error(r, OTK_FAILED_PRECONDITION, "TOO_MANY_OVERRIDES",
		        "%d overrides lie ahead already: withdraw some, or change the rota",
		        OVERRIDES_MAX);
	unit = db_unit_new(r->arena, DB_REPLAY);
	if (unit == NULL)
		return request_no_memory(r);
	db_call(unit, SQL_INSTALLATION_BEGIN);
	db_put_int(unit, ref->epoch);
	if (state->act == ACT_WITHDRAW) {
		db_call(unit, SQL_ONCALL_OVERRIDE_WITHDRAW);
		db_put_int(unit, state->made.id);
		db_put_int(unit, r->principal->id);
		db_put_time(unit, r->now);
		db_put_bool(unit, is_lead(r));
	} else {
		add_call(r, unit);
		db_call(unit, SQL_ONCALL_OVERRIDE_OVER);
		db_put_time(unit, r->now);
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

static void written_read(struct request *r)
{
	struct oncall *state = r->state;
	const struct db_rows *rows = db_unit_rows(r->unit, 1);

	if (state->act == ACT_WITHDRAW) {
		state->changed = db_rows_affected(rows) > 0;
		return;
	}
	for (size_t i = 0; i < db_rows_count(rows); i++) {
		size_t part = (size_t)db_get_int(rows, i, 0);

		if (part >= 1 && part <= state->count)
			state->parts[part - 1].id = db_get_int(rows, i, 1);
	}
}

static enum step override_written(struct request *r)
{
	struct oncall *state = r->state;
	const struct otk_error *err = db_unit_error(r->unit);
	bool stale = err->code == OTK_ABORTED;

	if (err->code != OTK_OK && !stale)
		return request_fail(r, err);
	if (!stale)
		written_read(r);
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

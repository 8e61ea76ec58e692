/* GetPreference and SetPreference: what a person wishes to be told, by himself or for him. */
#include <string.h>

#include "core/preference.h"
#include "db/pool.h"
#include "db/rows.h"
#include "desk/desk.h"
#include "desk/installation.h"
#include "otklik/v1/notice.pb-c.h"
#include "rpc/caller.h"
#include "rpc/handlers.h"
#include "rpc/installation_declare.h"
#include "rpc/service.h"
#include "sql/statements.h"

static enum step wishes_read(struct request *r);
static enum step wishes_put(struct request *r);

static bool may_name(struct request *r, const char *person)
{
	return *person == '\0' || strcmp(person, r->principal->code) == 0 ||
	       access_is_global(&r->principal->access, PERMISSION_ADMIN);
}

static enum step not_yours(struct request *r)
{
	return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
	        "only an administrator of every customer may do this for somebody else");
}

static void person_put(struct db_unit *unit, const struct request *r, const char *person)
{
	db_put_text(unit, *person == '\0' ? NULL : person);
	db_put_int(unit, r->principal->id);
}

static enum step nobody(struct request *r, const char *person)
{
	return request_error(r, OTK_NOT_FOUND, "PERSON_UNKNOWN", "there is no person '%s'",
	        *person == '\0' ? r->principal->code : person);
}

/* Wishes as a message in the request's arena; NULL when that is out. */
static Otklik__V1__Preference *message_of(struct request *r, const struct preference *wishes)
{
	Otklik__V1__Preference *out = arena_alloc(r->arena, sizeof *out);
	struct thing thing = {.kind = THING_PREFERENCE};
	char *names, *next;

	if (out == NULL || preference_texts(r->arena, wishes, &thing) < 0)
		return NULL;
	otklik__v1__preference__init(out);
	out->channel = (char *)(uintptr_t)thing.texts[PREFERENCE_CHANNEL];
	out->digest = (char *)(uintptr_t)thing.texts[PREFERENCE_DIGEST];
	out->quiet_hours = (char *)(uintptr_t)thing.texts[PREFERENCE_QUIET];
	out->levels = (char *)(uintptr_t)thing.texts[PREFERENCE_LEVELS];
	names = arena_strdup(r->arena, thing.texts[PREFERENCE_MUTE]);
	out->mute = arena_calloc(r->arena, 33, sizeof *out->mute);
	if (names == NULL || out->mute == NULL)
		return NULL;
	for (char *name = strtok_r(names, ",", &next); name != NULL;
	        name = strtok_r(NULL, ",", &next))
		out->mute[out->n_mute++] = name;
	return out;
}

enum step get_preference_begin(struct request *r, const Otklik__V1__GetPreferenceRequest *in)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (unit == NULL)
		return request_no_memory(r);
	if (!may_name(r, in->person))
		return not_yours(r);
	db_call(unit, SQL_PREFERENCE_GET);
	person_put(unit, r, in->person);
	return request_query(r, unit, wishes_read);
}

static enum step wishes_read(struct request *r)
{
	const Otklik__V1__GetPreferenceRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__GetPreferenceResponse out = OTKLIK__V1__GET_PREFERENCE_RESPONSE__INIT;
	struct preference wishes = {.channel = PREFERENCE_MAIL};

	if (db_rows_count(rows) != 1)
		return nobody(r, in->person);
	out.person = (char *)(uintptr_t)db_get_text_or_empty(rows, 0, 0);
	out.email = (char *)(uintptr_t)db_get_text_or_empty(rows, 0, 1);
	out.zone = (char *)(uintptr_t)db_get_text_or_empty(rows, 0, 2);
	out.by_default = db_is_null(rows, 0, 3);
	if (!out.by_default) {
		out.declared = db_get_bool(rows, 0, 3);
		preference_read(rows, 0, 4, &wishes);
	}
	out.preference = message_of(r, &wishes);
	if (out.preference == NULL)
		return request_no_memory(r);
	return get_preference_reply(r, &out);
}

enum step set_preference_begin(struct request *r, const Otklik__V1__SetPreferenceRequest *in)
{
	static const Otklik__V1__Preference NONE = OTKLIK__V1__PREFERENCE__INIT;
	struct preference *wishes = request_state(r, sizeof *wishes);
	/* Done twice it wishes the same: no key is kept. */
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	struct otk_error err = {0};
	const char *mute;

	if (wishes == NULL || unit == NULL)
		return request_no_memory(r);
	if (!may_name(r, in->person))
		return not_yours(r);
	if (wishes_parse(in->preference == NULL ? &NONE : in->preference, wishes, &err) < 0)
		return request_fail(r, &err);
	mute = notices_numbers(r->arena, wishes->mute);
	if (mute == NULL)
		return request_no_memory(r);
	db_call(unit, SQL_PREFERENCE_PUT);
	person_put(unit, r, in->person);
	db_put_int(unit, wishes->channel);
	db_put_int(unit, wishes->digest);
	db_put_int(unit, wishes->digest_at);
	db_put_int(unit, wishes->quiet_from);
	db_put_int(unit, wishes->quiet_to);
	db_put_text(unit, mute);
	db_put_bool(unit, wishes->breaches_only);
	db_put_time(unit, r->now);
	db_put_int(unit, r->principal->id);
	return request_query(r, unit, wishes_put);
}

static enum step wishes_put(struct request *r)
{
	const Otklik__V1__SetPreferenceRequest *in = (const void *)r->message;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	Otklik__V1__SetPreferenceResponse out = OTKLIK__V1__SET_PREFERENCE_RESPONSE__INIT;

	if (db_rows_count(rows) != 1)
		return nobody(r, in->person);
	out.person = (char *)(uintptr_t)db_get_text_or_empty(rows, 0, 0);
	out.preference = message_of(r, r->state);
	if (out.preference == NULL)
		return request_no_memory(r);
	return set_preference_reply(r, &out);
}

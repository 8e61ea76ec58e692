/* See hook_body.h. */
#include "notify/hook_body.h"

#include <jansson.h>

#include "base/time_text.h"
#include "core/lifecycle.h"

static json_t *time_json(int64_t at)
{
	char text[TIME_TEXT_SIZE];

	return at == 0 ? json_null() : json_string(time_format_utc(at, text));
}

char *hook_body(const char *id, const struct notice_item *i)
{
	json_t *o = json_object();
	bool level = i->kind == NOTICE_LEVEL;
	char *text;

	(void)json_object_set_new(o, "id", json_string(id));
	(void)json_object_set_new(o, "kind", json_string(notice_name(i->kind)));
	(void)json_object_set_new(o, "ticket", json_integer(i->ticket_id));
	(void)json_object_set_new(o, "customer", json_string(i->customer_code));
	(void)json_object_set_new(o, "title", json_string(i->title));
	(void)json_object_set_new(o, "priority", json_integer(i->priority));
	(void)json_object_set_new(o, "occurred_at", time_json(i->occurred_at));
	(void)json_object_set_new(
	        o, "actor", i->actor == NULL ? json_null() : json_string(i->actor));
	(void)json_object_set_new(
	        o, "text", i->text == NULL ? json_null() : json_string(i->text));
	(void)json_object_set_new(o, "response_due", time_json(i->response_due));
	(void)json_object_set_new(o, "resolution_due", time_json(i->resolution_due));
	if (i->kind == NOTICE_PROMISED || i->kind == NOTICE_PROMISE_WARNED ||
	        i->kind == NOTICE_PROMISE_BROKEN) {
		(void)json_object_set_new(o, "promise", time_json(i->promise));
		(void)json_object_set_new(o, "promise_before", time_json(i->old_promise));
	}
	if (i->kind == NOTICE_MERGED || i->kind == NOTICE_UNMERGED)
		(void)json_object_set_new(o, "other", json_integer(i->other));
	if (level) {
		(void)json_object_set_new(
		        o, "clock", json_string(clock_kind_name((enum clock_kind)i->clock)));
		(void)json_object_set_new(
		        o, "level", json_string(i->level == NULL ? "" : i->level));
	}
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

/* Encodes changes as the parallel arrays of desk_save. */
#include "desk/save.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/time_text.h"
#include "db/rows.h"
#include "desk/content.h"
#include "desk/desk_internal.h"
#include "sql/statements.h"

enum save_column {
#define SAVE_COLUMN(name, type) name,
#include "desk/save_columns.h"
#undef SAVE_COLUMN
	SAVE_COLUMN_COUNT
};

static const enum db_type TYPES[SAVE_COLUMN_COUNT] = {
#define SAVE_COLUMN(name, type) [name] = type,
#include "desk/save_columns.h"
#undef SAVE_COLUMN
};

/*
 * The arrays being filled. Most of an event's columns are NULL in most rows: a NULL is only
 * counted until a value follows, so a column without values travels as an empty array and
 * desk_save reads the missing end as NULL.
 */
struct writer {
	struct db_array *arrays[SAVE_COLUMN_COUNT];
	unsigned nulls[SAVE_COLUMN_COUNT];
	int32_t events;
	int32_t levels;
	int status;
};

static struct db_array *next(struct writer *w, enum save_column column)
{
	for (; w->nulls[column] > 0; w->nulls[column]--)
		db_add_null(w->arrays[column]);
	return w->arrays[column];
}

static void put_null(struct writer *w, enum save_column column)
{
	w->nulls[column]++;
}

static void put_int_if(struct writer *w, enum save_column column, bool present, int64_t value)
{
	if (present)
		db_add_int(next(w, column), value);
	else
		put_null(w, column);
}

static void put_int(struct writer *w, enum save_column column, int64_t value)
{
	db_add_int(next(w, column), value);
}

/* 0 is NULL: ids, instants and counts of the ticket and its clocks. */
static void put_id(struct writer *w, enum save_column column, int64_t id)
{
	put_int_if(w, column, id != 0, id);
}

static void put_at(struct writer *w, enum save_column column, int64_t at)
{
	if (at != 0)
		db_add_time(next(w, column), at);
	else
		put_null(w, column);
}

/* -1 is "not touched": what an event sets. */
static void put_set(struct writer *w, enum save_column column, int64_t value)
{
	put_int_if(w, column, value >= 0, value);
}

static void put_set_at(struct writer *w, enum save_column column, int64_t at)
{
	if (at >= 0)
		db_add_time(next(w, column), at);
	else
		put_null(w, column);
}

static void put_bool(struct writer *w, enum save_column column, bool value)
{
	if (value)
		db_add_bool(next(w, column), true);
	else
		put_null(w, column);
}

static void put_text(struct writer *w, enum save_column column, const char *text)
{
	if (text != NULL)
		db_add_text(next(w, column), text);
	else
		put_null(w, column);
}

static void put_bytes(struct writer *w, enum save_column column, const void *data, size_t size)
{
	db_add_bytes(next(w, column), data, size);
}

static void write_item(struct writer *w, const struct save *save)
{
	const struct change *c = save->change;

	put_int(w, ITEM_CUSTOMER, c->ticket.customer_id);
	put_int(w, ITEM_TICKET, c->ticket.ticket_id);
	put_int(w, ITEM_LOADED, c->loaded_version);
	put_int(w, ITEM_EPOCH, c->ref->epoch);
	put_id(w, ITEM_PRINCIPAL, save->principal_id);
	if (save->has_key) {
		db_add_uuid(next(w, ITEM_KEY), &save->key);
		put_bytes(w, ITEM_HASH, save->hash, sizeof save->hash);
	} else {
		put_null(w, ITEM_KEY);
		put_null(w, ITEM_HASH);
	}
	put_at(w, ITEM_TIMER, change_next_timer(c));
}

/* Bits as desk_save lists them. */
static int ticket_flags(const struct ticket *t)
{
	return (t->priority_overridden ? 1 : 0) | (t->machine_filed ? 2 : 0) |
	       (t->human_touched ? 4 : 0) | (t->self_recovered ? 8 : 0) |
	       (t->observed ? 16 : 0) | (t->no_sla ? 32 : 0) | (t->check_bad ? 64 : 0) |
	       (t->promise_broken ? 128 : 0);
}

/* Adds `"name":"instant"` to an object that may be empty so far. */
static void more_at(struct buf *out, const char *name, int64_t at)
{
	char text[TIME_TEXT_SIZE];

	if (at != 0)
		(void)buf_printf(out, ",\"%s\":\"%s\"", name, time_format_utc(at, text));
}

static void more_number(struct buf *out, const char *name, int64_t value)
{
	if (value != 0)
		(void)buf_printf(out, ",\"%s\":%" PRId64, name, value);
}

/* What few tickets have travels as one JSON object; most have none. */
static void write_more(struct writer *w, const struct ticket *t)
{
	struct buf out = {0};

	more_number(&out, "merged_into", t->merged_into);
	more_at(&out, "merged_at", t->merged_at);
	more_number(&out, "merged_state", t->merged_state);
	more_number(&out, "merged_clocks", t->merged_clocks);
	more_at(&out, "promise_at", t->promise_at);
	more_at(&out, "promise_given_at", t->promise_given_at);
	more_at(&out, "promise_first_at", t->promise_first_at);
	more_at(&out, "promise_warn_at", t->promise_warn_at);
	more_number(&out, "promise_changes", t->promise_changes);
	more_number(&out, "raised", t->raised);
	for (int i = 0; i < t->watcher_count; i++)
		(void)buf_printf(
		        &out, "%s%" PRId32, i == 0 ? ",\"watchers\":[" : ",", t->watchers[i]);
	if (t->watcher_count > 0)
		(void)buf_puts(&out, "]");
	if (out.len == 0) {
		put_null(w, TICKET_MORE);
	} else {
		(void)buf_puts(&out, "}");
		out.data[0] = '{';
		db_add_text_n(next(w, TICKET_MORE), (const char *)out.data, out.len);
	}
	if (out.failed)
		w->status = -OTK_RESOURCE_EXHAUSTED;
	buf_free(&out);
}

static void write_ticket(struct writer *w, const struct ticket *t)
{
	put_int(w, TICKET_VERSION, t->version);
	put_int(w, TICKET_TYPE, t->type);
	put_int(w, TICKET_STATE, t->state);
	put_id(w, TICKET_PENDING_REASON, t->pending_reason);
	put_at(w, TICKET_PENDING_UNTIL, t->pending_until);
	put_int(w, TICKET_IMPACT, t->impact);
	put_int(w, TICKET_URGENCY, t->urgency);
	put_int(w, TICKET_PRIORITY, t->priority);
	put_int(w, TICKET_FLAGS, ticket_flags(t));
	put_text(w, TICKET_TITLE, t->title != NULL ? t->title : "");
	put_text(w, TICKET_CATEGORY, t->category);
	put_text(w, TICKET_SUBCATEGORY, t->subcategory);
	put_text(w, TICKET_CHANNEL, t->channel);
	put_text(w, TICKET_EXTERNAL_REF, t->external_ref);
	put_text(w, TICKET_ZONE, t->zone != NULL ? t->zone : "UTC");
	put_id(w, TICKET_SITE, t->site_id);
	put_id(w, TICKET_SERVICE, t->service_id);
	put_id(w, TICKET_TEAM, t->team_id);
	put_id(w, TICKET_ASSIGNEE, t->assignee_id);
	put_id(w, TICKET_REQUESTER, t->requester_id);
	put_id(w, TICKET_CONTRACT, t->contract_id);
	put_at(w, TICKET_CREATED, t->created_at);
	put_at(w, TICKET_UPDATED, t->updated_at);
	put_at(w, TICKET_ACKNOWLEDGED, t->acknowledged_at);
	put_at(w, TICKET_FIRST_REPLY, t->first_reply_at);
	put_at(w, TICKET_FIRST_RESOLVED, t->first_resolved_at);
	put_at(w, TICKET_RESOLVED_AT, t->resolved_at);
	put_at(w, TICKET_CLOSED_AT, t->closed_at);
	put_at(w, TICKET_AUTO_CLOSE, t->auto_close_at);
	put_at(w, TICKET_RECHECK, t->recheck_at);
	put_id(w, TICKET_REOPEN_COUNT, t->reopen_count);
	write_more(w, t);
}

static void write_content(struct writer *w, const char *text)
{
	uint8_t salt[CONTENT_SALT_SIZE], hash[CONTENT_HASH_SIZE];
	size_t size = strlen(text);
	int rc = content_seal(text, size, salt, hash);

	if (rc < 0) {
		w->status = rc;
		return;
	}
	put_bytes(w, EVENT_CONTENT_HASH, hash, sizeof hash);
	put_int(w, CONTENT_EVENT, w->events);
	put_bytes(w, CONTENT_SALT, salt, sizeof salt);
	db_add_text_n(next(w, CONTENT_TEXT), text, size);
}

static void write_event(struct writer *w, int32_t item, const struct event *e)
{
	w->events++;
	put_int(w, EVENT_ITEM, item);
	put_int(w, EVENT_SEQ, e->seq);
	put_int(w, EVENT_KIND, e->kind);
	put_id(w, EVENT_CAUSE, e->cause);
	put_id(w, EVENT_ACTOR, e->actor_id);
	put_int(w, EVENT_SIDE, e->side);
	db_add_bool(next(w, EVENT_PUBLIC), e->is_public);
	db_add_time(next(w, EVENT_OCCURRED), e->occurred_at);
	db_add_time(next(w, EVENT_RECORDED), e->recorded_at);
	put_set(w, EVENT_STATE, e->state);
	put_set(w, EVENT_PENDING_REASON, e->pending_reason);
	put_set_at(w, EVENT_UNTIL, e->until_at);
	put_set(w, EVENT_TYPE, e->type);
	put_set(w, EVENT_IMPACT, e->impact);
	put_set(w, EVENT_URGENCY, e->urgency);
	put_set(w, EVENT_PRIORITY, e->priority);
	put_set(w, EVENT_SITE, e->site_id);
	put_set(w, EVENT_SERVICE, e->service_id);
	put_set(w, EVENT_TEAM, e->team_id);
	put_set(w, EVENT_ASSIGNEE, e->assignee_id);
	put_set(w, EVENT_REQUESTER, e->requester_id);
	put_set(w, EVENT_CONTRACT, e->contract_id);
	put_text(w, EVENT_CATEGORY, e->category);
	put_text(w, EVENT_SUBCATEGORY, e->subcategory);
	put_text(w, EVENT_ZONE, e->zone);
	put_set(w, EVENT_CLOCK, e->clock);
	put_set(w, EVENT_LEVEL, e->level);
	put_set(w, EVENT_CLOCK_STATE, e->clock_state);
	put_set(w, EVENT_TARGET, e->target_us);
	put_set(w, EVENT_CONSUMED, e->consumed_us);
	put_set_at(w, EVENT_DUE, e->due_at);
	put_set_at(w, EVENT_OLD_DUE, e->old_due_at);
	put_set(w, EVENT_RELATED, e->related_id);
	put_set(w, EVENT_FLAGS, e->flags);
	put_set(w, EVENT_PERSON, e->person_id);
	if (e->text != NULL && *e->text != '\0')
		write_content(w, e->text);
	else
		put_null(w, EVENT_CONTENT_HASH);
}

static void write_clock(struct writer *w, int32_t item, const struct sla_clock *clock)
{
	put_int(w, SLA_ITEM, item);
	put_int(w, SLA_KIND, clock->kind);
	put_int(w, SLA_STATE, clock->state);
	put_int(w, SLA_TARGET, clock->target_us);
	put_id(w, SLA_TARGET_BD, clock->target_bd);
	put_bool(w, SLA_WALL, clock->wall);
	put_int(w, SLA_CALENDAR, clock->calendar_id);
	put_at(w, SLA_STARTED, clock->started_at);
	put_at(w, SLA_ANCHOR, clock->anchor_at);
	put_int(w, SLA_CONSUMED, clock->consumed_us);
	put_at(w, SLA_DUE, clock->due_at);
	put_at(w, SLA_BREACHED, clock->breached_at);
	put_at(w, SLA_DETECTED, clock->detected_at);
	put_at(w, SLA_STOPPED, clock->stopped_at);
	put_at(w, SLA_WAIVED, clock->waived_at);
	put_int(w, SLA_LEVEL_FROM, w->levels + 1);
	for (int i = 0; i < clock->level_count; i++) {
		put_at(w, LEVEL_AT, clock->levels[i].at);
		put_int(w, LEVEL_STATE, clock->levels[i].state);
	}
	w->levels += clock->level_count;
	put_int(w, SLA_LEVEL_TO, w->levels);
}

int save_call(
        struct db_unit *unit, struct save *const saves[], size_t count, bool all_or_nothing)
{
	struct writer w = {0};

	db_call(unit, SQL_DESK_SAVE);
	for (size_t i = 0; i < SAVE_COLUMN_COUNT; i++) {
		/* two clocks and three events are what a new ticket brings */
		size_t expected = i < EVENT_ITEM      ? count
		                  : i < CONTENT_EVENT ? 3 * count
		                                      : 2 * count;

		w.arrays[i] = db_put_array(unit, TYPES[i], expected);
	}
	db_put_bool(unit, all_or_nothing);
	for (size_t i = 0; i < count; i++) {
		const struct change *c = saves[i]->change;
		int32_t item = (int32_t)i + 1;

		write_item(&w, saves[i]);
		write_ticket(&w, &c->ticket);
		for (size_t e = 0; e < c->event_count; e++)
			write_event(&w, item, &c->events[e]);
		for (int kind = 0; kind < CLOCK_KIND_COUNT; kind++) {
			if (c->clocks[kind].state != CLOCK_NONE)
				write_clock(&w, item, &c->clocks[kind]);
		}
	}
	/* A slice past the end of its array comes out short: say the trailing NULLs. */
	next(&w, LEVEL_AT);
	return w.status;
}

void save_outcomes(
        const struct db_unit *unit, size_t call, struct save *const saves[], size_t count)
{
	const struct db_rows *rows = db_unit_rows(unit, call);

	for (size_t i = 0; i < count && i < db_rows_count(rows); i++) {
		if (saves[i] == NULL)
			continue;
		saves[i]->outcome = (enum save_outcome)db_get_int(rows, i, 0);
		saves[i]->ticket_id = db_get_int(rows, i, 1);
		saves[i]->version = db_get_int(rows, i, 2);
	}
}

static struct save *save_of(struct db_batch_item *item)
{
	return item == NULL ? NULL
	                    : (struct save *)((char *)item - offsetof(struct save, batch));
}

static int batch_encode(
        void *context, struct db_unit *unit, struct db_batch_item *const items[], size_t count)
{
	struct save *saves[SAVE_ITEMS_MAX];

	(void)context;
	for (size_t i = 0; i < count; i++)
		saves[i] = save_of(items[i]);
	return save_call(unit, saves, count, false);
}

static void batch_decode(void *context, const struct db_unit *unit,
        struct db_batch_item *const items[], size_t count)
{
	struct save *saves[SAVE_ITEMS_MAX];

	for (size_t i = 0; i < count; i++)
		saves[i] = save_of(items[i]);
	save_outcomes(unit, 0, saves, count);
	desk_saved(context);
}

const struct db_batch_ops SAVE_BATCH = {
        .name = "desk_save", .encode = batch_encode, .decode = batch_decode};

static void batch_done(void *context, struct db_batch_item *item, const struct otk_error *err)
{
	struct save *save = save_of(item);

	(void)context;
	save->done(save->context, save, err);
}

int save_join(struct desk *desk, struct save *save,
        void (*done)(void *context, struct save *save, const struct otk_error *err),
        void *context, struct otk_error *err)
{
	const struct change *c = save->change;
	uint64_t lane = c->loaded_version > 0 ? (uint64_t)c->ticket.ticket_id : 0;

	save->done = done;
	save->context = context;
	return db_batch_join(desk->saves, &save->batch, lane, batch_done, NULL, err);
}

void save_leave(struct desk *desk, struct save *save)
{
	db_batch_leave(desk->saves, &save->batch);
}

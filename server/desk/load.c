/* Rows → structs. Column numbers are those of server/sql/ticket.sql and event.sql. */
#include "desk/load.h"

#include "sql/statements.h"

void load_calls(struct db_unit *unit, const int64_t *ids, size_t count)
{
	db_call(unit, SQL_TICKET_LOAD);
	db_put_ints(unit, DB_INT8, ids, count);
	db_call(unit, SQL_CLOCK_LOAD);
	db_put_ints(unit, DB_INT8, ids, count);
}

struct load_cursor load_rows(const struct db_unit *unit, size_t first_call)
{
	return (struct load_cursor){.tickets = db_unit_rows(unit, first_call),
	        .clocks = db_unit_rows(unit, first_call + 1)};
}

/* Walks the columns of one row in order. */
struct reader {
	const struct db_rows *rows;
	size_t row;
	int column;
};

static int64_t number(struct reader *r)
{
	return db_get_int(r->rows, r->row, r->column++);
}

static int32_t id(struct reader *r)
{
	return (int32_t)number(r);
}

static int16_t small(struct reader *r)
{
	return (int16_t)number(r);
}

static int64_t at(struct reader *r)
{
	return db_get_time(r->rows, r->row, r->column++);
}

static bool flag(struct reader *r)
{
	return db_get_bool(r->rows, r->row, r->column++);
}

/* Rules write into a ticket's texts only by replacing the pointer. */
static char *text(struct reader *r)
{
	return (char *)(uintptr_t)db_get_text(r->rows, r->row, r->column++);
}

/* Of what an event sets: NULL is -1. */
static int64_t set_number(struct reader *r)
{
	if (db_is_null(r->rows, r->row, r->column)) {
		r->column++;
		return -1;
	}
	return number(r);
}

static int64_t set_at(struct reader *r)
{
	if (db_is_null(r->rows, r->row, r->column)) {
		r->column++;
		return -1;
	}
	return at(r);
}

static int watchers(struct reader *r, struct arena *arena, struct ticket *t)
{
	int64_t *ids;
	size_t count;

	t->watcher_count = 0;
	if (db_get_ints(r->rows, r->row, r->column++, arena, &ids, &count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count && i < WATCHERS_MAX; i++)
		t->watchers[t->watcher_count++] = (int32_t)ids[i];
	return 0;
}

int load_ticket(const struct db_rows *rows, size_t row, struct arena *arena, struct ticket *t)
{
	struct reader r = {.rows = rows, .row = row};

	t->customer_id = id(&r);
	t->ticket_id = number(&r);
	t->version = number(&r);
	t->type = (enum ticket_type)number(&r);
	t->state = (enum ticket_state)number(&r);
	t->pending_reason = (enum pending_reason)number(&r);
	t->pending_until = at(&r);
	t->impact = small(&r);
	t->urgency = small(&r);
	t->priority = small(&r);
	t->priority_overridden = flag(&r);
	t->title = text(&r);
	t->category = text(&r);
	t->subcategory = text(&r);
	t->channel = text(&r);
	t->external_ref = text(&r);
	t->zone = text(&r);
	t->site_id = id(&r);
	t->service_id = id(&r);
	t->team_id = id(&r);
	t->assignee_id = id(&r);
	t->requester_id = id(&r);
	t->contract_id = id(&r);
	t->created_at = at(&r);
	t->updated_at = at(&r);
	t->acknowledged_at = at(&r);
	t->first_reply_at = at(&r);
	t->first_resolved_at = at(&r);
	t->resolved_at = at(&r);
	t->closed_at = at(&r);
	t->auto_close_at = at(&r);
	t->recheck_at = at(&r);
	t->reopen_count = small(&r);
	t->machine_filed = flag(&r);
	t->human_touched = flag(&r);
	t->self_recovered = flag(&r);
	t->observed = flag(&r);
	t->no_sla = flag(&r);
	t->check_bad = flag(&r);
	t->merged_into = number(&r);
	t->merged_at = at(&r);
	t->merged_state = (enum ticket_state)number(&r);
	t->merged_clocks = small(&r);
	t->promise_at = at(&r);
	t->promise_given_at = at(&r);
	t->promise_first_at = at(&r);
	t->promise_warn_at = at(&r);
	t->promise_broken = flag(&r);
	t->promise_changes = small(&r);
	t->raised = small(&r);
	return watchers(&r, arena, t);
}

int load_clock(
        const struct db_rows *rows, size_t row, struct arena *arena, struct sla_clock *clock)
{
	/* column 0 is the ticket's number, by which the rows are dealt out */
	struct reader r = {.rows = rows, .row = row, .column = 1};
	int64_t *levels, *states;
	size_t count, state_count;

	*clock = (struct sla_clock){.kind = (enum clock_kind)number(&r)};
	clock->state = (enum clock_state)number(&r);
	clock->target_us = number(&r);
	clock->target_bd = id(&r);
	clock->wall = flag(&r);
	clock->calendar_id = id(&r);
	clock->started_at = at(&r);
	clock->anchor_at = at(&r);
	clock->consumed_us = number(&r);
	clock->due_at = at(&r);
	clock->breached_at = at(&r);
	clock->detected_at = at(&r);
	clock->stopped_at = at(&r);
	clock->waived_at = at(&r);
	if (db_get_ints(rows, row, r.column, arena, &levels, &count) < 0 ||
	        db_get_ints(rows, row, r.column + 1, arena, &states, &state_count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count && i < state_count && i < LEVELS_MAX; i++) {
		clock->levels[i].at = levels[i];
		clock->levels[i].state = (enum level_state)states[i];
		clock->level_count++;
	}
	return 0;
}

int load_next(struct load_cursor *cursor, struct arena *arena, const struct reference *ref,
        struct change *out)
{
	int64_t ticket_id;
	int rc;

	if (cursor->ticket >= db_rows_count(cursor->tickets))
		return 0;
	change_init(out, arena, ref);
	rc = load_ticket(cursor->tickets, cursor->ticket++, arena, &out->ticket);
	if (rc < 0)
		return rc;
	out->loaded_version = out->ticket.version;
	ticket_id = out->ticket.ticket_id;
	while (cursor->clock < db_rows_count(cursor->clocks) &&
	        db_get_int(cursor->clocks, cursor->clock, 0) < ticket_id)
		cursor->clock++;
	for (; cursor->clock < db_rows_count(cursor->clocks) &&
	        db_get_int(cursor->clocks, cursor->clock, 0) == ticket_id;
	        cursor->clock++) {
		int64_t kind = db_get_int(cursor->clocks, cursor->clock, 1);

		if (kind < 1 || kind >= CLOCK_KIND_COUNT)
			continue;
		rc = load_clock(cursor->clocks, cursor->clock, arena, &out->clocks[kind]);
		if (rc < 0)
			return rc;
	}
	return 1;
}

void load_event(const struct db_rows *rows, size_t row, struct event *e)
{
	struct reader r = {.rows = rows, .row = row};

	*e = (struct event){.seq = number(&r)};
	e->kind = (enum event_kind)number(&r);
	e->cause = (enum event_cause)number(&r);
	e->actor_id = id(&r);
	e->side = (enum actor_side)number(&r);
	e->is_public = flag(&r);
	e->occurred_at = at(&r);
	e->recorded_at = at(&r);
	e->state = (int16_t)set_number(&r);
	e->pending_reason = (int16_t)set_number(&r);
	e->until_at = set_at(&r);
	e->type = (int16_t)set_number(&r);
	e->impact = (int16_t)set_number(&r);
	e->urgency = (int16_t)set_number(&r);
	e->priority = (int16_t)set_number(&r);
	e->site_id = (int32_t)set_number(&r);
	e->service_id = (int32_t)set_number(&r);
	e->team_id = (int32_t)set_number(&r);
	e->assignee_id = (int32_t)set_number(&r);
	e->requester_id = (int32_t)set_number(&r);
	e->contract_id = (int32_t)set_number(&r);
	e->category = text(&r);
	e->subcategory = text(&r);
	e->zone = text(&r);
	e->clock = (int16_t)set_number(&r);
	e->level = (int16_t)set_number(&r);
	e->clock_state = (int16_t)set_number(&r);
	e->target_us = set_number(&r);
	e->consumed_us = set_number(&r);
	e->due_at = set_at(&r);
	e->old_due_at = set_at(&r);
	e->related_id = set_number(&r);
	e->flags = (int16_t)set_number(&r);
	e->person_id = (int32_t)set_number(&r);
	e->text = text(&r);
}

/* See rows.h. */
#include "notify/rows.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/status.h"
#include "notice/template.h"
#include "sql/statements.h"

uint32_t random_number(void)
{
	uint32_t value = 0;

	(void)RAND_bytes((unsigned char *)&value, sizeof value);
	return value;
}

/* ---- rows to messages ------------------------------------------------------------------ */

void row_item(const struct db_rows *rows, size_t i, struct notice_item *out)
{
	int64_t kind = db_get_int(rows, i, COL_KIND);

	*out = (struct notice_item){
	        .kind = kind > 0 && kind < NOTICE_COUNT ? (enum notice)kind : NOTICE_REPLIED,
	        .customer_id = (int32_t)db_get_int(rows, i, COL_CUSTOMER),
	        .ticket_id = db_get_int(rows, i, COL_TICKET),
	        .customer = db_get_text_or_empty(rows, i, COL_CUSTOMER_NAME),
	        .customer_code = db_get_text_or_empty(rows, i, COL_CODE),
	        .title = db_get_text_or_empty(rows, i, COL_TITLE),
	        .priority = (int)db_get_int(rows, i, COL_PRIORITY),
	        .actor = db_get_text(rows, i, COL_ACTOR),
	        .text = db_get_text(rows, i, COL_TEXT),
	        .occurred_at = db_get_time(rows, i, COL_AT),
	        .response_due = db_get_time(rows, i, COL_RESPONSE),
	        .resolution_due = db_get_time(rows, i, COL_RESOLUTION),
	        .clock = (int)db_get_int(rows, i, COL_CLOCK),
	        .level = db_get_text(rows, i, COL_LEVEL),
	        .clock_due = db_get_time(rows, i, COL_DUE),
	        .promise = db_get_time(rows, i, COL_PROMISE),
	        .old_promise = db_get_time(rows, i, COL_OLD_PROMISE),
	        .other = db_is_null(rows, i, COL_OTHER) ? 0 : db_get_int(rows, i, COL_OTHER)};
}

int rows_message(const struct db_rows *rows, const struct db_rows *templates,
        struct arena *arena, struct message *out)
{
	size_t count = db_rows_count(rows);
	size_t own_count = db_rows_count(templates);
	struct notice_item *items = arena_calloc(arena, count, sizeof *items);
	struct own_template *own = arena_calloc(arena, own_count + 1, sizeof *own);

	if (items == NULL || own == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < own_count; i++)
		own[i] = (struct own_template){
		        .customer_id = (int32_t)db_get_int(templates, i, 0),
		        .language = db_get_text_or_empty(templates, i, 1),
		        .name = db_get_text_or_empty(templates, i, 2),
		        .subject = db_get_text_or_empty(templates, i, 3),
		        .body = db_get_text_or_empty(templates, i, 4)};
	for (size_t i = 0; i < count; i++)
		row_item(rows, i, &items[i]);
	*out = (struct message){.batch = db_get_int(rows, 0, COL_BATCH),
	        .name = db_get_text_or_empty(rows, 0, COL_NAME),
	        .language = db_get_text_or_empty(rows, 0, COL_LANGUAGE),
	        .zone = db_get_text_or_empty(rows, 0, COL_ZONE),
	        .person = (int32_t)db_get_int(rows, 0, COL_PERSON),
	        .items = items,
	        .count = count,
	        .digest = db_get_bool(rows, 0, COL_DIGEST),
	        .own = own,
	        .own_count = own_count};
	return 0;
}

/* ---- what came of it ------------------------------------------------------------------- */

void mark_judge(struct mark *m, const struct delivery *result, int attempts_most, int64_t now)
{
	m->untried = false;
	m->next_at = now;
	(void)snprintf(m->error, sizeof m->error, "%s", result->error);
	/* A server's words may be in any encoding; the database takes UTF-8 only. */
	for (char *c = m->error; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	}
	if (result->outcome == DELIVERED) {
		m->state = ROW_SENT;
	} else if (result->outcome == REFUSED || m->attempts >= attempts_most) {
		m->state = ROW_DEAD;
	} else {
		m->state = ROW_WAITING;
		m->next_at = now + delivery_retry_us(m->attempts, random_number());
	}
}

void mark_give_back(struct mark *m, int64_t at)
{
	m->untried = true;
	m->state = ROW_WAITING;
	m->next_at = at;
	m->error[0] = '\0';
}

void marks_put(struct db_unit *unit, const struct mark *const *marks, size_t count)
{
	static const enum db_type TYPES[] = {
	        DB_INT8, DB_INT2, DB_TIME, DB_TEXT, DB_INT2, DB_BOOL};
	enum { COLUMNS = sizeof TYPES / sizeof TYPES[0] };
	struct db_array *columns[COLUMNS];

	db_call(unit, SQL_OUTBOX_MARK);
	for (int k = 0; k < COLUMNS; k++)
		columns[k] = db_put_array(unit, TYPES[k], count);
	for (size_t i = 0; i < count; i++) {
		const struct mark *m = marks[i];

		db_add_int(columns[0], m->batch);
		db_add_int(columns[1], (int64_t)m->state);
		db_add_time(columns[2], m->next_at);
		db_add_text(columns[3], m->state == ROW_SENT ? NULL : m->error);
		db_add_int(columns[4], m->attempts);
		db_add_bool(columns[5], m->untried);
	}
}

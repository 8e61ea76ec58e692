/* Makes and unmakes the desk; waiting lists; the scope of a reader. */
#include "desk/desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "desk/desk_internal.h"
#include "desk/number.h"
#include "desk/reference_load.h"
#include "desk/report_store.h"
#include "desk/save.h"

/* An item is up to 64 reports with their texts, so few go together. */
enum { REPORT_ITEMS = 8 };
#define REPORT_BUDGET ((size_t)64 << 20)

struct desk *desk_new(
        struct loop *loop, struct db_pool *pool, struct otk_clock *clock, struct otk_error *err)
{
	struct desk *desk = calloc(1, sizeof *desk);

	if (desk == NULL)
		goto no_memory;
	desk->loop = loop;
	desk->pool = pool;
	desk->clock = clock;
	desk->saves = db_batch_new(loop, pool, &SAVE_BATCH, desk,
	        &(struct db_batch_options){.items_max = SAVE_ITEMS_MAX});
	desk->reports = db_batch_new(loop, pool, &REPORT_SAVE_BATCH, desk,
	        &(struct db_batch_options){
	                .items_max = REPORT_ITEMS, .arena_budget = REPORT_BUDGET});
	desk->references = reference_store_new(loop, pool);
	desk->numbers = number_store_new(pool);
	if (desk->saves == NULL || desk->reports == NULL || desk->references == NULL ||
	        desk->numbers == NULL)
		goto no_memory;
	return desk;

no_memory:
	desk_free(desk);
	error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "there is no memory for the desk");
	return NULL;
}

void desk_free(struct desk *desk)
{
	if (desk == NULL)
		return;
	db_batch_free(desk->saves);
	db_batch_free(desk->reports);
	number_store_free(desk->numbers);
	reference_store_free(desk->references);
	free(desk);
}

void desk_on_saved(struct desk *desk, void (*saved)(void *context), void *context)
{
	desk->saved = saved;
	desk->saved_context = context;
}

void desk_saved(struct desk *desk)
{
	if (desk->saved != NULL)
		desk->saved(desk->saved_context);
}

void desk_on_ready(struct desk *desk, void (*ready)(void *context), void *context)
{
	reference_store_on_ready(desk->references, ready, context);
}

const struct reference *desk_reference(const struct desk *desk)
{
	return reference_store_get(desk->references);
}

const void *desk_secret(const struct desk *desk, size_t *size)
{
	return reference_store_secret(desk->references, size);
}

void desk_reference_renew(
        struct desk *desk, struct desk_wait *wait, void (*done)(void *context), void *context)
{
	reference_store_renew(desk->references, wait, done, context);
}

int64_t desk_number(struct desk *desk)
{
	return number_take(desk->numbers);
}

void desk_number_wait(
        struct desk *desk, struct desk_wait *wait, void (*done)(void *context), void *context)
{
	number_wait(desk->numbers, wait, done, context);
}

const char *desk_scope(
        struct arena *arena, const struct access *access, enum permission permission)
{
	int32_t customers[ACCESS_GRANTS_MAX];
	struct buf text = {0};
	const char *scope;
	size_t count;

	if (access_is_global(access, permission))
		return "*";
	count = access_customers(access, permission, customers, ACCESS_GRANTS_MAX);
	buf_putc(&text, '{');
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%d", i > 0 ? "," : "", customers[i]);
	buf_putc(&text, '}');
	scope = text.failed ? NULL : arena_strdup(arena, buf_text(&text));
	buf_free(&text);
	return scope;
}

void wait_join(struct wait_list *list, struct desk_wait *wait, void (*done)(void *context),
        void *context)
{
	*wait = (struct desk_wait){
	        .list = list, .next = list->first, .done = done, .context = context};
	if (list->first != NULL)
		list->first->prev = wait;
	list->first = wait;
}

void desk_wait_leave(struct desk_wait *wait)
{
	if (wait->list == NULL)
		return;
	if (wait->next != NULL)
		wait->next->prev = wait->prev;
	if (wait->prev != NULL)
		wait->prev->next = wait->next;
	else
		wait->list->first = wait->next;
	wait->list = NULL;
}

/* Each is told after it has left, and may join again; one told may make another one leave. */
void wait_tell(struct wait_list *list)
{
	struct wait_list told = *list;

	list->first = NULL;
	for (struct desk_wait *wait = told.first; wait != NULL; wait = wait->next)
		wait->list = &told;
	while (told.first != NULL) {
		struct desk_wait *wait = told.first;

		desk_wait_leave(wait);
		wait->done(wait->context);
	}
}

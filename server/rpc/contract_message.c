/* Terms of a contract written back as the message that declares them. */
#include "rpc/contract_message.h"

#include <string.h>

#include "core/currency.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "base/time_text.h"

#define DAY_US INT64_C(86400000000)

struct writing {
	struct arena *arena;
	const struct contract_terms *terms;
	const struct tz *zone;
	Otklik__V1__Contract *out;
	bool no_memory;
};

static void *take(struct writing *w, size_t count, size_t size)
{
	void *memory = arena_calloc(w->arena, count + 1, size);

	if (memory == NULL)
		w->no_memory = true;
	return memory;
}

/* Texts of the schema are not const, though nobody writes to them. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static char *made(struct writing *w, const char *text)
{
	if (text == NULL)
		w->no_memory = true;
	return text_of(text == NULL ? "" : text);
}

static char *type_of(int16_t type)
{
	return text_of(type == 0 ? "" : ticket_type_name((enum ticket_type)type));
}

/* An array of `count` initialised messages of a size, and pointers to them. */
#define MESSAGES(w, list, items, count, kind)                                                  \
	do {                                                                                   \
		(items) = take(w, count, sizeof *(items));                                     \
		(list) = take(w, count, sizeof *(list));                                       \
		for (size_t n = 0; !(w)->no_memory && n < (count); n++) {                      \
			otklik__v1__##kind##__init(&(items)[n]);                               \
			(list)[n] = &(items)[n];                                               \
		}                                                                              \
	} while (0)

static void write_targets(struct writing *w)
{
	const struct contract_terms *terms = w->terms;
	Otklik__V1__Target *items;

	MESSAGES(w, w->out->targets, items, terms->target_count, target);
	for (size_t i = 0; !w->no_memory && i < terms->target_count; i++) {
		const struct term_target *t = &terms->targets[i];

		items[i].type = type_of(t->type);
		items[i].priority = (uint32_t)t->priority;
		items[i].service = text_of(t->service);
		items[i].clock = text_of(clock_kind_name(t->clock));
		items[i].target = text_of(t->target);
		items[i].team = text_of(t->team);
		w->out->n_targets++;
	}
}

/* The names of the clocks that a set of bits names. */
static size_t clocks_of(struct writing *w, unsigned bits, char ***out)
{
	size_t count = 0;

	*out = take(w, CLOCK_KIND_COUNT, sizeof **out);
	for (int kind = CLOCK_RESPONSE; !w->no_memory && kind < CLOCK_KIND_COUNT; kind++) {
		if ((bits & 1U << kind) != 0)
			(*out)[count++] = text_of(clock_kind_name((enum clock_kind)kind));
	}
	return count;
}

static bool has_default_pauses(const struct contract_terms *terms)
{
	const uint8_t waiting = 1U << PENDING_CUSTOMER | 1U << PENDING_SCHEDULED;

	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		bool paused = kind == CLOCK_UPDATE || kind == CLOCK_RESOLUTION ||
		              kind == CLOCK_OPERATIONAL;

		if (terms->pauses[kind] != (paused ? waiting : 0))
			return false;
	}
	return true;
}

static void write_pauses(struct writing *w)
{
	Otklik__V1__Pause *items;

	if (has_default_pauses(w->terms))
		return;
	MESSAGES(w, w->out->pauses, items, PENDING_REASON_COUNT, pause);
	for (int reason = PENDING_CUSTOMER; !w->no_memory && reason < PENDING_REASON_COUNT;
	        reason++) {
		Otklik__V1__Pause *pause = &items[w->out->n_pauses];
		unsigned bits = 0;

		for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++)
			bits |= (w->terms->pauses[kind] & 1U << reason) != 0 ? 1U << kind : 0;
		if (bits == 0)
			continue;
		pause->reason = text_of(pending_reason_name((enum pending_reason)reason));
		pause->n_clocks = clocks_of(w, bits, &pause->clocks);
		w->out->n_pauses++;
	}
}

/* "a, b" as a list. */
static size_t split(struct writing *w, const char *text, char ***out)
{
	size_t count = 0, most = 1;

	for (const char *at = text; *at != '\0'; at++)
		most += *at == ',';
	*out = take(w, most, sizeof **out);
	while (!w->no_memory && *text != '\0') {
		size_t length = strcspn(text, ",");

		(*out)[count++] = made(w, arena_strndup(w->arena, text, length));
		text += length;
		text += strspn(text, ", ");
	}
	return count;
}

static void write_levels(struct writing *w)
{
	const struct contract_terms *terms = w->terms;
	Otklik__V1__Level *items;

	MESSAGES(w, w->out->levels, items, terms->level_count, level);
	for (size_t i = 0; !w->no_memory && i < terms->level_count; i++) {
		const struct term_level *l = &terms->levels[i];

		items[i].clock = text_of(clock_kind_name(l->clock));
		items[i].at = text_of(l->at);
		items[i].name = text_of(strcmp(l->name, l->at) == 0 ? "" : l->name);
		items[i].n_actions = split(w, l->actions, &items[i].actions);
		w->out->n_levels++;
	}
	w->out->n_acknowledge_stops =
	        clocks_of(w, terms->ack_stops, &w->out->acknowledge_stops);
}

static void write_fee(struct writing *w)
{
	const struct contract_terms *terms = w->terms;
	char amount[AMOUNT_TEXT_SIZE];
	Otklik__V1__ServiceCredit *items;

	if (*terms->currency != '\0') {
		w->out->fee =
		        made(w, arena_strdup(w->arena,
		                        amount_format(terms->fee,
		                                currency_digits(terms->currency), amount)));
		w->out->currency = text_of(terms->currency);
		w->out->period = text_of(period_name(terms->period));
	}
	MESSAGES(w, w->out->credits, items, terms->credit_count, service_credit);
	for (size_t i = 0; !w->no_memory && i < terms->credit_count; i++) {
		const struct term_credit *c = &terms->credits[i];

		items[i].type = type_of(c->type);
		items[i].priority = (uint32_t)c->priority;
		items[i].service = text_of(c->service);
		items[i].clock = text_of(clock_kind_name(c->clock));
		items[i].below = made(w, terms_part(w->arena, c->below));
		items[i].credit = made(w, terms_part(w->arena, c->credit));
		w->out->n_credits++;
	}
	if (terms->credit_cap < 10000)
		w->out->credit_cap = made(w, terms_part(w->arena, terms->credit_cap));
}

static void write_matrix(struct writing *w)
{
	bool same = true;

	for (int i = 0; i < 9; i++)
		same = same && w->terms->matrix[i] == PRIORITY_MATRIX[i];
	if (same)
		return;
	w->out->priority_matrix = take(w, 9, sizeof *w->out->priority_matrix);
	for (size_t i = 0; !w->no_memory && i < 9; i++)
		w->out->priority_matrix[w->out->n_priority_matrix++] =
		        (uint32_t)w->terms->matrix[i];
}

/*
 * The date that begins at an instant, `before` days back; "" where none does: a contract that
 * was applied at once began at the instant of that.
 */
static char *date_of(struct writing *w, int64_t at, int before)
{
	int64_t local, days, year;
	int month, day;

	if (at == 0)
		return text_of("");
	local = w->zone == NULL ? at : tz_to_local(w->zone, at);
	days = (local - (local % DAY_US + DAY_US) % DAY_US) / DAY_US;
	if (w->zone != NULL && tz_from_local(w->zone, days * DAY_US) != at)
		return text_of("");
	time_civil_from_days(days - before, &year, &month, &day);
	return made(w, arena_printf(w->arena, "%04d-%02d-%02d", (int)year, month, day));
}

static char *unless(const char *text, const char *fallback)
{
	return text_of(strcmp(text, fallback) == 0 ? "" : text);
}

Otklik__V1__Contract *contract_message(
        struct arena *arena, const struct thing *thing, const struct tz *zone)
{
	struct writing w = {.arena = arena, .terms = thing->terms.contract, .zone = zone};

	w.out = take(&w, 1, sizeof *w.out);
	if (w.out == NULL)
		return NULL;
	otklik__v1__contract__init(w.out);
	w.out->code = text_of(thing->code);
	w.out->customer = text_of(thing_text(thing, CONTRACT_CUSTOMER));
	w.out->calendar = text_of(thing_text(thing, CONTRACT_CALENDAR));
	w.out->n_sites = split(&w, thing_text(thing, CONTRACT_SITES), &w.out->sites);
	w.out->n_services = split(&w, thing_text(thing, CONTRACT_SERVICES), &w.out->services);
	w.out->auto_close = unless(thing_text(thing, CONTRACT_AUTO_CLOSE), "3bd");
	w.out->reopen_window = unless(thing_text(thing, CONTRACT_REOPEN_WINDOW), "10d");
	w.out->valid_from = date_of(&w, w.terms->valid_from, 0);
	w.out->valid_until = date_of(&w, w.terms->valid_until, 1);
	write_targets(&w);
	write_pauses(&w);
	write_levels(&w);
	write_fee(&w);
	write_matrix(&w);
	return w.no_memory ? NULL : w.out;
}

/* --- for the customer --------------------------------------------------------------------- */

static bool is_inside(const char *clock)
{
	return strcmp(clock, clock_kind_name(CLOCK_OPERATIONAL)) == 0 ||
	       strcmp(clock, clock_kind_name(CLOCK_SUPPLIER)) == 0;
}

static size_t outside(char **clocks, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_inside(clocks[i]))
			clocks[kept++] = clocks[i];
	}
	return kept;
}

void contract_message_outside(Otklik__V1__Contract *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n_targets; i++) {
		if (!is_inside(c->targets[i]->clock))
			c->targets[kept++] = c->targets[i];
	}
	c->n_targets = kept;
	kept = 0;
	for (size_t i = 0; i < c->n_levels; i++) {
		if (!is_inside(c->levels[i]->clock))
			c->levels[kept++] = c->levels[i];
	}
	c->n_levels = kept;
	kept = 0;
	for (size_t i = 0; i < c->n_pauses; i++) {
		Otklik__V1__Pause *pause = c->pauses[i];

		pause->n_clocks = outside(pause->clocks, pause->n_clocks);
		if (pause->n_clocks > 0)
			c->pauses[kept++] = pause;
	}
	c->n_pauses = kept;
	c->n_acknowledge_stops = outside(c->acknowledge_stops, c->n_acknowledge_stops);
}

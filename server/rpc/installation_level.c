/* Pauses and escalation levels of a declared contract. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/duration.h"
#include "core/lifecycle.h"
#include "rpc/field.h"
#include "rpc/installation_contract_internal.h"

enum { LEVEL_PERCENT_MAX = 1000 };

/* --- pauses ------------------------------------------------------------------------------ */

static int reason_of(const char *text)
{
	for (int reason = PENDING_CUSTOMER; reason < PENDING_REASON_COUNT; reason++) {
		if (strcmp(text, pending_reason_name((enum pending_reason)reason)) == 0)
			return reason;
	}
	return 0;
}

static void read_pause(const struct contract_reading *r, size_t i)
{
	const Otklik__V1__Pause *in = r->in->pauses[i];
	int reason = reason_of(in->reason);

	if (reason == 0)
		error_field(r->d->err, contract_path(r, "pauses[%zu].reason", i),
		        "'%.40s' must be customer, scheduled, supplier or change", in->reason);
	if (in->n_clocks == 0)
		error_field(r->d->err, contract_path(r, "pauses[%zu].clocks", i),
		        "name the clocks that it pauses");
	for (size_t k = 0; k < in->n_clocks; k++) {
		enum clock_kind kind;

		const char *path = contract_path(r, "pauses[%zu].clocks[%zu]", i, k);

		if (!contract_clock(r->d, path, in->clocks[k], &kind))
			continue;
		if (kind == CLOCK_SUPPLIER && reason == PENDING_SUPPLIER)
			error_field(r->d->err, path,
			        "the supplier clock runs while the supplier is waited for: "
			        "it cannot pause then");
		r->terms->pauses[kind] |= (uint8_t)(1U << reason);
	}
}

/* The update clock always rests while the customer or a date is waited for. */
void contract_read_pauses(const struct contract_reading *r)
{
	const uint8_t waiting = 1U << PENDING_CUSTOMER | 1U << PENDING_SCHEDULED;

	r->terms->pauses[CLOCK_UPDATE] = waiting;
	if (r->in->n_pauses == 0) {
		r->terms->pauses[CLOCK_RESOLUTION] = waiting;
		r->terms->pauses[CLOCK_OPERATIONAL] = waiting;
	}
	for (size_t i = 0; i < r->in->n_pauses; i++)
		read_pause(r, i);
}

/* Clocks whose ladder an acknowledgement stops. */
void contract_read_acknowledge(const struct contract_reading *r)
{
	for (size_t i = 0; i < r->in->n_acknowledge_stops; i++) {
		const char *path = contract_path(r, "acknowledge_stops[%zu]", i);
		enum clock_kind kind;

		if (!contract_clock(r->d, path, r->in->acknowledge_stops[i], &kind))
			continue;
		if ((r->terms->ack_stops & 1U << kind) != 0)
			error_field(r->d->err, path, "'%s' is named twice",
			        r->in->acknowledge_stops[i]);
		r->terms->ack_stops |= (uint8_t)(1U << kind);
	}
}

/* --- levels ------------------------------------------------------------------------------ */

/* "50%", or an offset: as the server reads it from the database. */
static bool level_at(struct declare *d, const char *text, const char *path, const char **out)
{
	char digits[8], length[DURATION_TEXT_SIZE];
	size_t size = strlen(text);
	int64_t number;

	if (size > 1 && size < sizeof digits && text[size - 1] == '%') {
		memcpy(digits, text, size - 1);
		digits[size - 1] = '\0';
		if (text_to_i64(digits, 1, LEVEL_PERCENT_MAX, &number) == 0) {
			*out = arena_printf(d->arena, "%d%%", (int)number);
			return true;
		}
	}
	if (duration_parse_offset(text, path, &number, NULL) < 0) {
		error_field(d->err, path,
		        "'%.40s' must be a percentage from 1%% to %d%% of the target, or a "
		        "time "
		        "from due such as -30m or +2h",
		        text, LEVEL_PERCENT_MAX);
		return false;
	}
	*out = arena_printf(
	        d->arena, "%s%s", number < 0 ? "" : "+", duration_format(number, length));
	return true;
}

static void read_level(const struct contract_reading *r, size_t i)
{
	const Otklik__V1__Level *in = r->in->levels[i];
	const char *prefix = contract_path(r, "levels[%zu]", i);
	struct term_level level = {.number = 1};
	struct declare *d = r->d;

	field_line(d->err, declare_path(d, "%s.name", prefix), in->name, NAME_TEXT_MAX);
	level.actions = contract_read_actions(r, i);
	if (!contract_clock(d, declare_path(d, "%s.clock", prefix), in->clock, &level.clock))
		return;
	if (!level_at(d, in->at, declare_path(d, "%s.at", prefix), &level.at))
		return;
	level.name = *in->name == '\0' ? level.at : in->name;
	if (level.at == NULL || level.actions == NULL) {
		d->no_memory = true;
		return;
	}
	for (size_t k = 0; k < r->terms->level_count; k++) {
		const struct term_level *other = &r->terms->levels[k];

		if (other->clock != level.clock)
			continue;
		level.number++;
		if (strcmp(other->at, level.at) == 0)
			error_field(d->err, declare_path(d, "%s.at", prefix),
			        "this clock has a level at %s already", level.at);
	}
	if (level.number > LEVELS_MAX)
		error_field(d->err, prefix, "at most %d levels a clock", LEVELS_MAX);
	r->terms->levels[r->terms->level_count++] = level;
}

static int compare_levels(const void *a, const void *b)
{
	const struct term_level *left = a, *right = b;

	if (left->clock != right->clock)
		return left->clock < right->clock ? -1 : 1;
	return left->number - right->number;
}

/* Ordered by clock, as they are stored. */
void contract_read_levels(const struct contract_reading *r)
{
	enum { MOST = LEVELS_MAX * CLOCK_KIND_COUNT };

	r->terms->levels = declare_take(r->d, r->in->n_levels, sizeof *r->terms->levels);
	if (r->in->n_levels > MOST)
		error_field(r->d->err, contract_path(r, "levels"), "at most %d levels a clock",
		        LEVELS_MAX);
	for (size_t i = 0; !r->d->no_memory && i < r->in->n_levels && i < MOST; i++)
		read_level(r, i);
	if (r->terms->level_count > 1)
		qsort(r->terms->levels, r->terms->level_count, sizeof *r->terms->levels,
		        compare_levels);
}

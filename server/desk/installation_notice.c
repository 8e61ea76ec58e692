/* Wishes, templates and webhooks of an installation as things. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "core/notification.h"
#include "core/preference.h"
#include "db/rows.h"
#include "desk/installation.h"

static const char *bits_text(struct arena *arena, uint32_t bits, bool numbers)
{
	struct buf text = {0};
	const char *made;

	for (int kind = 1; kind < NOTICE_COUNT; kind++) {
		if ((bits & UINT32_C(1) << kind) == 0)
			continue;
		if (text.len > 0)
			(void)buf_putc(&text, ',');
		if (numbers)
			(void)buf_printf(&text, "%d", kind);
		else
			(void)buf_puts(&text, notice_name((enum notice)kind));
	}
	made = text.failed ? NULL
	       : numbers   ? arena_printf(arena, "{%s}", buf_text(&text))
	                   : arena_strdup(arena, buf_text(&text));
	buf_free(&text);
	return made;
}

const char *notices_text(struct arena *arena, uint32_t bits)
{
	return bits_text(arena, bits, false);
}

const char *notices_numbers(struct arena *arena, uint32_t bits)
{
	return bits_text(arena, bits, true);
}

int preference_texts(struct arena *arena, const struct preference *wishes, struct thing *out)
{
	char digest[PREFERENCE_TEXT];
	char quiet[PREFERENCE_TEXT];
	const int numbers[] = {wishes->channel, wishes->digest, wishes->digest_at,
	        wishes->quiet_from, wishes->quiet_to};
	enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

	out->texts[PREFERENCE_CHANNEL] = preference_channel_name(wishes);
	out->texts[PREFERENCE_DIGEST] =
	        arena_strdup(arena, preference_digest_text(wishes, digest));
	out->texts[PREFERENCE_QUIET] =
	        arena_strdup(arena, preference_quiet_text(wishes, quiet));
	out->texts[PREFERENCE_MUTE] = notices_text(arena, wishes->mute);
	out->texts[PREFERENCE_LEVELS] = preference_levels_name(wishes);
	for (int i = 0; i < NUMBERS; i++)
		out->texts[PREFERENCE_NUMBERS + i] = arena_printf(arena, "%d", numbers[i]);
	out->texts[PREFERENCE_NUMBERS + NUMBERS] = notices_numbers(arena, wishes->mute);
	out->texts[PREFERENCE_NUMBERS + NUMBERS + 1] = wishes->breaches_only ? "t" : "f";
	for (int i = 0; i < PREFERENCE_TEXTS; i++) {
		if (out->texts[i] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	return 0;
}

void preference_read(const struct db_rows *rows, size_t row, int first, struct preference *out)
{
	*out = (struct preference){
	        .channel = (enum preference_channel)db_get_int(rows, row, first),
	        .digest = (enum preference_digest)db_get_int(rows, row, first + 1),
	        .digest_at = (int)db_get_int(rows, row, first + 2),
	        .quiet_from = (int)db_get_int(rows, row, first + 3),
	        .quiet_to = (int)db_get_int(rows, row, first + 4),
	        .mute = (uint32_t)db_get_int(rows, row, first + 5),
	        .breaches_only = db_get_bool(rows, row, first + 6)};
}

int preferences_read(const struct db_rows *rows, struct thing_list *out)
{
	for (size_t i = 0; i < db_rows_count(rows); i++) {
		struct thing *thing =
		        thing_add(out, THING_PREFERENCE, db_get_text_or_empty(rows, i, 0));
		struct preference wishes;

		if (thing == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		preference_read(rows, i, 2, &wishes);
		thing->imported = !db_get_bool(rows, i, 1);
		if (preference_texts(out->arena, &wishes, thing) < 0)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	return 0;
}

int templates_read(const struct db_rows *rows, struct thing_list *out)
{
	for (size_t i = 0; i < db_rows_count(rows); i++) {
		struct thing *thing =
		        thing_add(out, THING_TEMPLATE, db_get_text_or_empty(rows, i, 0));

		if (thing == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		thing->texts[TEMPLATE_SUBJECT] = db_get_text_or_empty(rows, i, 1);
		thing->texts[TEMPLATE_TEXT] = db_get_text_or_empty(rows, i, 2);
	}
	return 0;
}

int webhooks_read(const struct db_rows *rows, struct thing_list *out)
{
	for (size_t i = 0; i < db_rows_count(rows); i++) {
		struct thing *thing =
		        thing_add(out, THING_WEBHOOK, db_get_text_or_empty(rows, i, 0));

		if (thing == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		thing->texts[WEBHOOK_URL] = db_get_text_or_empty(rows, i, 1);
		thing->texts[WEBHOOK_SECRET] = db_get_text_or_empty(rows, i, 2);
		thing->texts[WEBHOOK_NOTICES] =
		        notices_text(out->arena, (uint32_t)db_get_int(rows, i, 3));
		if (thing->texts[WEBHOOK_NOTICES] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	return 0;
}

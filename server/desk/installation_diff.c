/* Compares what is declared with what is stored. Pure: no I/O, no clock of its own. */
#include "desk/installation.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/time_text.h"

/* What differs is cut before the remarks are: they tell what the change does. */
enum { SHOWN_MAX = 160, TEXTS_MAX = 1200, DETAIL_MAX = 2400 };

struct diff {
	struct arena *arena;
	struct thing_change *changes;
	size_t count;
	size_t cap;
	const char *now;
	struct otk_error *err;
	bool no_memory;
};

const char *change_action_name(enum change_action action)
{
	static const char *const NAMES[] = {"add", "change", "retire"};

	return NAMES[action];
}

static bool differs(const struct diff *d, const struct thing *declared,
        const struct thing *stored, int text)
{
	const char *to = thing_text(declared, text), *from = thing_text(stored, text);

	/* "At once" has come true for a contract that is in force. */
	if (declared->kind == THING_CONTRACT && text == CONTRACT_VALID_FROM && *to == '\0')
		return strcmp(from, d->now) > 0;
	return strcmp(to, from) != 0;
}

/* A long text is cut: the detail is for reading, the file has the whole. */
static void shown(struct buf *out, const char *text)
{
	char part[SHOWN_MAX + 4];

	if (*text == '\0') {
		buf_puts(out, "nothing");
		return;
	}
	if (strlen(text) <= SHOWN_MAX) {
		buf_printf(out, "'%s'", text);
		return;
	}
	memcpy(part, text, SHOWN_MAX);
	part[SHOWN_MAX] = '\0';
	text_cut_utf8(part, SHOWN_MAX);
	buf_printf(out, "'%s…'", part);
}

static void cut(struct buf *out, size_t max)
{
	if (out->failed || out->len <= max)
		return;
	text_cut_utf8(out->data, max);
	out->len = strlen(out->data);
	buf_puts(out, "…");
}

static void remark(struct buf *out, const char *text)
{
	buf_printf(out, "%s%s", out->len > 0 ? "; " : "", text);
}

static void emit(struct diff *d, enum change_action action, const struct thing *declared,
        const struct thing *stored, struct buf *detail)
{
	struct thing_change *change;

	if (d->count == d->cap) {
		size_t cap = d->cap == 0 ? 64 : d->cap * 2;
		struct thing_change *changes = arena_alloc(d->arena, cap * sizeof *changes);

		if (changes == NULL) {
			d->no_memory = true;
			goto out_of_memory;
		}
		if (d->count > 0)
			memcpy(changes, d->changes, d->count * sizeof *changes);
		d->changes = changes;
		d->cap = cap;
	}
	change = &d->changes[d->count++];
	*change =
	        (struct thing_change){.action = action, .declared = declared, .stored = stored};
	cut(detail, DETAIL_MAX);
	change->detail = detail->failed ? NULL : arena_strdup(d->arena, buf_text(detail));
	if (change->detail == NULL)
		d->no_memory = true;

out_of_memory:
	buf_free(detail);
}

static void add(struct diff *d, const struct thing *declared, const struct thing *stored)
{
	struct buf detail = {0};

	if (stored != NULL)
		remark(&detail, "in use again");
	else if (*thing_text(declared, 0) != '\0' && declared->kind < THING_CALENDAR)
		remark(&detail, thing_text(declared, 0));
	if (declared->note != NULL)
		remark(&detail, declared->note);
	emit(d, ACTION_ADD, declared, stored, &detail);
}

/* What belongs to another customer has its history there. */
static void check_owner(
        struct diff *d, const struct thing *declared, const struct thing *stored)
{
	const char *to = thing_text(
	        declared, declared->kind == THING_AGENT ? AGENT_SITE : CONTRACT_CUSTOMER);
	const char *from = thing_text(
	        stored, stored->kind == THING_AGENT ? AGENT_SITE : CONTRACT_CUSTOMER);
	size_t length = strcspn(to, "/");

	if (length == strcspn(from, "/") && strncmp(to, from, length) == 0)
		return;
	error_field(d->err, declared->kind == THING_AGENT ? "agents" : "contracts",
	        "%s '%s' belongs to customer '%.*s' and cannot move to '%.*s': use another "
	        "code",
	        thing_kind_name(declared->kind), declared->code, (int)strcspn(from, "/"), from,
	        (int)length, to);
}

static void compare(struct diff *d, const struct thing *declared, const struct thing *stored)
{
	struct buf detail = {0};
	const char *name;

	if (declared->kind == THING_AGENT || declared->kind == THING_CONTRACT)
		check_owner(d, declared, stored);
	if (stored->retired) {
		add(d, declared, stored);
		return;
	}
	if (stored->separate && !declared->separate)
		remark(&detail, "kept by its own file until now, declared from now on");
	if (stored->imported && stored->kind == THING_PREFERENCE)
		remark(&detail, "wished by the person himself, declared from now on");
	else if (stored->imported)
		remark(&detail, "made by an import, declared from now on");
	if (stored->placeholder)
		remark(&detail, "a placeholder becomes a person");
	for (int i = 0; (name = thing_text_name(declared->kind, i)) != NULL; i++) {
		if (!differs(d, declared, stored, i))
			continue;
		buf_printf(&detail, "%s%s: ", detail.len > 0 ? "; " : "", name);
		shown(&detail, thing_text(stored, i));
		buf_puts(&detail, " → ");
		shown(&detail, thing_text(declared, i));
	}
	if (detail.len == 0) {
		buf_free(&detail);
		return;
	}
	cut(&detail, TEXTS_MAX);
	if (declared->kind == THING_CALENDAR)
		remark(&detail, "time from now on is counted by it, what was counted stays");
	if (!stored->separate && declared->separate)
		remark(&detail,
		        "declared by the installation: its next apply puts back what it says");
	if (declared->kind == THING_CONTRACT)
		remark(&detail, "a new version for new tickets, those filed keep theirs");
	if (declared->note != NULL)
		remark(&detail, declared->note);
	emit(d, ACTION_CHANGE, declared, stored, &detail);
}

static bool is_principal(const struct thing *thing)
{
	return thing->kind == THING_PERSON || thing->kind == THING_AGENT;
}

static void retire(struct diff *d, const struct thing *stored)
{
	struct buf detail = {0};
	int disabled = stored->kind == THING_PERSON ? PERSON_DISABLED : AGENT_DISABLED;

	if (stored->retired || stored->imported || stored->placeholder || stored->separate ||
	        (is_principal(stored) && *thing_text(stored, disabled) != '\0'))
		return;
	if (is_principal(stored))
		remark(&detail, "not declared any more: may not connect");
	else if (stored->kind == THING_CONTRACT)
		remark(&detail, "not declared any more: its clocks fall silent");
	else
		remark(&detail, "not declared any more");
	emit(d, ACTION_RETIRE, NULL, stored, &detail);
}

int installation_diff(struct thing_list *declared, struct thing_list *stored, int64_t now,
        struct thing_change **out, size_t *count, struct otk_error *err)
{
	char text[TIME_TEXT_SIZE];
	struct otk_error wrong = {0};
	struct diff d = {
	        .arena = declared->arena, .now = time_format_utc(now, text), .err = &wrong};
	size_t i = 0, j = 0;

	thing_sort(declared);
	thing_sort(stored);
	while (i < declared->count || j < stored->count) {
		const struct thing *to = i < declared->count ? &declared->things[i] : NULL;
		const struct thing *from = j < stored->count ? &stored->things[j] : NULL;
		int order = to == NULL ? 1 : from == NULL ? -1 : 0;

		if (order == 0 && to->kind != from->kind)
			order = to->kind < from->kind ? -1 : 1;
		else if (order == 0)
			order = strcmp(to->code, from->code);
		if (order < 0)
			add(&d, to, NULL);
		else if (order > 0)
			retire(&d, from);
		else
			compare(&d, to, from);
		i += order <= 0 ? 1 : 0;
		j += order >= 0 ? 1 : 0;
	}
	if (d.no_memory)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
		        "the installation is too large");
	if (wrong.code != OTK_OK) {
		if (err != NULL)
			*err = wrong;
		return -(int)wrong.code;
	}
	*out = d.changes;
	*count = d.count;
	return 0;
}

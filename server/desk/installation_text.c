/* Things and their terms as texts that can be compared and shown. */
#include "desk/installation.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/access.h"
#include "core/currency.h"
#include "core/lifecycle.h"

static const char *const KIND_NAMES[THING_KIND_COUNT] = {"customer", "site", "team", "service",
        "person", "agent", "calendar", "contract", "rota", "mail", "preference", "template",
        "webhook"};

static const char *const TEXT_NAMES[THING_KIND_COUNT][THING_TEXTS_MAX + 1] = {
        [THING_CUSTOMER] = {"name", "zone", "language"},
        [THING_SITE] = {"name", "zone", "calendar"},
        [THING_TEAM] = {"name"},
        [THING_SERVICE] = {"name"},
        [THING_PERSON] = {"name", "email", "customer", "zone", "language", "grants", "teams",
                "disabled"},
        [THING_AGENT] = {"site", "team", "disabled"},
        [THING_CALENDAR] = {"zone", "week", "holidays", "special_days", "rules", "names"},
        [THING_CONTRACT] = {"customer", "sites", "services", "calendar", "targets", "pauses",
                "levels", "priority_matrix", "valid_from", "auto_close", "reopen_window",
                "valid_until", "acknowledge_stops", "fee", "credits", "credit_cap"},
        [THING_MAIL] = {"address", "unknown", "unknown_reply", "authserv_id", "unverified"},
        [THING_PREFERENCE] = {"channel", "digest", "quiet_hours", "mute", "levels"},
        [THING_TEMPLATE] = {"subject", "text"},
        [THING_WEBHOOK] = {"url", "secret", "notices"},
        [THING_ROTA] = {"team", "layer", "zone", "people", "period", "hand_over", "start",
                "coverage"},
};

const char *thing_kind_name(enum thing_kind kind)
{
	return KIND_NAMES[kind];
}

const char *thing_text_name(enum thing_kind kind, int text)
{
	return TEXT_NAMES[kind][text];
}

const char *thing_text(const struct thing *thing, int text)
{
	return thing->texts[text] == NULL ? "" : thing->texts[text];
}

struct thing *thing_add(struct thing_list *list, enum thing_kind kind, const char *code)
{
	struct thing *thing;

	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 64 : list->cap * 2;
		struct thing *things = arena_alloc(list->arena, cap * sizeof *things);

		if (things == NULL)
			return NULL;
		if (list->count > 0)
			memcpy(things, list->things, list->count * sizeof *things);
		list->things = things;
		list->cap = cap;
	}
	thing = &list->things[list->count++];
	*thing = (struct thing){.kind = kind, .code = code};
	return thing;
}

static int compare_things(const void *a, const void *b)
{
	const struct thing *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return strcmp(left->code, right->code);
}

void thing_sort(struct thing_list *list)
{
	if (list->count > 0)
		qsort(list->things, list->count, sizeof *list->things, compare_things);
}

const struct thing *thing_find(
        const struct thing_list *sorted, enum thing_kind kind, const char *code)
{
	struct thing key = {.kind = kind, .code = code};

	if (sorted->count == 0)
		return NULL;
	return bsearch(
	        &key, sorted->things, sorted->count, sizeof *sorted->things, compare_things);
}

static const char *finish(struct arena *arena, struct buf *text)
{
	const char *copy = text->failed ? NULL : arena_strdup(arena, buf_text(text));

	buf_free(text);
	return copy;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *terms_join(struct arena *arena, const char **texts, size_t count)
{
	struct buf text = {0};

	if (count > 1)
		qsort(texts, count, sizeof *texts, compare_texts);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i > 0 ? "," : "", texts[i]);
	return finish(arena, &text);
}

const char *terms_grants(struct arena *arena, const struct person_terms *terms)
{
	const char **grants = arena_calloc(
	        arena, terms->grant_count > 0 ? terms->grant_count : 1, sizeof *grants);

	if (grants == NULL)
		return NULL;
	for (size_t i = 0; i < terms->grant_count; i++) {
		const char *role = role_name((enum role)terms->roles[i]);
		const char *customer = terms->customers[i];

		grants[i] = arena_printf(
		        arena, "%s%s%s", role, *customer != '\0' ? "@" : "", customer);
		if (grants[i] == NULL)
			return NULL;
	}
	return terms_join(arena, grants, terms->grant_count);
}

const char *terms_targets(struct arena *arena, const struct contract_terms *terms)
{
	struct buf text = {0};

	for (size_t i = 0; i < terms->target_count; i++) {
		const struct term_target *t = &terms->targets[i];

		buf_printf(&text, "%s%s", i > 0 ? "; " : "",
		        t->type == 0 ? "any" : ticket_type_name((enum ticket_type)t->type));
		if (t->priority != 0)
			buf_printf(&text, " P%d", t->priority);
		if (*t->service != '\0')
			buf_printf(&text, " %s", t->service);
		if (*t->team != '\0')
			buf_printf(&text, " of %s", t->team);
		buf_printf(&text, " %s %s", clock_kind_name(t->clock), t->target);
	}
	return finish(arena, &text);
}

const char *terms_levels(struct arena *arena, const struct contract_terms *terms)
{
	struct buf text = {0};

	for (size_t i = 0; i < terms->level_count; i++) {
		const struct term_level *l = &terms->levels[i];

		buf_printf(&text, "%s%s %s '%s': %s", i > 0 ? "; " : "",
		        clock_kind_name(l->clock), l->at, l->name, l->actions);
	}
	return finish(arena, &text);
}

const char *terms_pauses(struct arena *arena, const struct contract_terms *terms)
{
	struct buf text = {0};
	bool first = true;

	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		for (int reason = PENDING_CUSTOMER; reason < PENDING_REASON_COUNT; reason++) {
			if ((terms->pauses[kind] & 1U << reason) == 0)
				continue;
			buf_printf(&text, "%s%s by %s", first ? "" : ", ",
			        clock_kind_name((enum clock_kind)kind),
			        pending_reason_name((enum pending_reason)reason));
			first = false;
		}
	}
	return finish(arena, &text);
}

const char *terms_matrix(struct arena *arena, const struct contract_terms *terms)
{
	struct buf text = {0};

	for (int i = 0; i < 9; i++)
		buf_printf(&text, "%s%d", i > 0 ? " " : "", terms->matrix[i]);
	return finish(arena, &text);
}

const char *terms_acknowledge(struct arena *arena, const struct contract_terms *terms)
{
	struct buf text = {0};

	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		if ((terms->ack_stops & 1U << kind) != 0)
			buf_printf(&text, "%s%s", text.len > 0 ? "," : "",
			        clock_kind_name((enum clock_kind)kind));
	}
	return finish(arena, &text);
}

const char *terms_fee(struct arena *arena, const struct contract_terms *terms)
{
	char amount[AMOUNT_TEXT_SIZE];

	if (*terms->currency == '\0')
		return "";
	return arena_printf(arena, "%s %s a %s",
	        amount_format(terms->fee, currency_digits(terms->currency), amount),
	        terms->currency, period_name(terms->period));
}

const char *terms_part(struct arena *arena, int parts)
{
	if (parts % 100 == 0)
		return arena_printf(arena, "%d%%", parts / 100);
	if (parts % 10 == 0)
		return arena_printf(arena, "%d.%d%%", parts / 100, parts / 10 % 10);
	return arena_printf(arena, "%d.%02d%%", parts / 100, parts % 100);
}

const char *terms_credits(struct arena *arena, const struct contract_terms *terms)
{
	struct buf text = {0};

	for (size_t i = 0; i < terms->credit_count; i++) {
		const struct term_credit *c = &terms->credits[i];
		const char *below = terms_part(arena, c->below);
		const char *credit = terms_part(arena, c->credit);

		if (below == NULL || credit == NULL) {
			buf_free(&text);
			return NULL;
		}
		buf_printf(&text, "%s%s", i > 0 ? "; " : "",
		        c->type == 0 ? "any" : ticket_type_name((enum ticket_type)c->type));
		if (c->priority != 0)
			buf_printf(&text, " P%d", c->priority);
		if (*c->service != '\0')
			buf_printf(&text, " %s", c->service);
		buf_printf(&text, " %s below %s: %s", clock_kind_name(c->clock), below, credit);
	}
	return finish(arena, &text);
}

int terms_texts(struct arena *arena, const struct contract_terms *terms, struct thing *out)
{
	static const int MADE[] = {CONTRACT_SITES, CONTRACT_SERVICES, CONTRACT_TARGETS,
	        CONTRACT_PAUSES, CONTRACT_LEVELS, CONTRACT_MATRIX, CONTRACT_ACKNOWLEDGE_STOPS,
	        CONTRACT_FEE, CONTRACT_CREDITS, CONTRACT_CREDIT_CAP};
	const char **texts = out->texts;

	texts[CONTRACT_SITES] = terms_join(arena, terms->sites, terms->site_count);
	texts[CONTRACT_SERVICES] = terms_join(arena, terms->services, terms->service_count);
	texts[CONTRACT_TARGETS] = terms_targets(arena, terms);
	texts[CONTRACT_PAUSES] = terms_pauses(arena, terms);
	texts[CONTRACT_LEVELS] = terms_levels(arena, terms);
	texts[CONTRACT_MATRIX] = terms_matrix(arena, terms);
	texts[CONTRACT_ACKNOWLEDGE_STOPS] = terms_acknowledge(arena, terms);
	texts[CONTRACT_FEE] = terms_fee(arena, terms);
	texts[CONTRACT_CREDITS] = terms_credits(arena, terms);
	texts[CONTRACT_CREDIT_CAP] =
	        terms->credit_cap == 10000 ? "" : terms_part(arena, terms->credit_cap);
	for (size_t i = 0; i < sizeof MADE / sizeof *MADE; i++) {
		if (texts[MADE[i]] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	return 0;
}

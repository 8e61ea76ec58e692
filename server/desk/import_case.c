/* Observations → journal: what differs from one to the next, and nothing else. */
#include "desk/import_case.h"

#include <string.h>

#include "core/lifecycle.h"
#include "core/priority.h"
#include "core/projection.h"

struct building {
	struct change *c;
	const struct actor *actor;
	int64_t now;
	bool armed; /* each entry moves the clocks */
};

static struct event event_at(const struct building *b, enum event_kind kind, int64_t at)
{
	struct event e;

	event_init(&e, kind, b->actor, at);
	e.recorded_at = b->now;
	e.cause = CAUSE_IMPORT;
	e.is_public = kind != EVENT_ASSIGNED;
	return e;
}

static int emit(const struct building *b, const struct event *e)
{
	struct event *kept;
	struct otk_error err = {0};

	if (b->armed)
		return lifecycle_observed(b->c, e, &err);
	kept = change_append(b->c, e);
	return kept == NULL ? -OTK_RESOURCE_EXHAUSTED : projection_apply(b->c, kept);
}

/* A text of a journal is not const, though nobody writes to it. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)(text == NULL ? "" : text);
}

static bool texts_differ(const char *a, const char *b)
{
	return strcmp(text_of(a), text_of(b)) != 0;
}

/* Levels as they hold: what the log does not say is the ordinary one. */
static struct import_observation complete(const struct import_observation *o)
{
	struct import_observation full = *o;

	if (full.impact == 0)
		full.impact = IMPACT_DEFAULT;
	if (full.urgency == 0)
		full.urgency = URGENCY_DEFAULT;
	if (full.priority == 0)
		full.priority = priority_of(NULL, full.impact, full.urgency);
	if (full.state != TICKET_PENDING)
		full.pending_reason = PENDING_NONE;
	return full;
}

static int create(const struct building *b, const struct import_case *in,
        const struct import_observation *first)
{
	struct ticket *t = &b->c->ticket;
	struct event e = event_at(b, EVENT_CREATED, in->created_at);

	t->customer_id = in->customer_id;
	t->ticket_id = in->ticket_id;
	t->title = text_of(in->title);
	t->channel = in->channel == NULL || *in->channel == '\0' ? NULL : text_of(in->channel);
	t->external_ref = text_of(in->ref);
	e.state = TICKET_NEW;
	e.type = (int16_t)in->type;
	e.impact = first->impact;
	e.urgency = first->urgency;
	e.priority = first->priority;
	e.site_id = first->site_id;
	e.service_id = 0;
	e.team_id = first->team_id;
	e.assignee_id = first->assignee_id;
	e.requester_id = first->requester_id;
	e.contract_id = 0;
	e.category = text_of(first->category);
	e.subcategory = text_of(first->subcategory);
	e.zone = text_of(in->zone);
	return emit(b, &e);
}

static int assigned(const struct building *b, const struct import_observation *before,
        const struct import_observation *o)
{
	struct event e = event_at(b, EVENT_ASSIGNED, o->at);

	if (o->team_id == before->team_id && o->assignee_id == before->assignee_id)
		return 0;
	if (o->team_id != before->team_id)
		e.team_id = o->team_id;
	if (o->assignee_id != before->assignee_id)
		e.assignee_id = o->assignee_id;
	return emit(b, &e);
}

static int classified(const struct building *b, const struct import_observation *before,
        const struct import_observation *o)
{
	struct event e = event_at(b, EVENT_CLASSIFIED, o->at);
	bool differs = false;

#define SET_IF(name)                                                                           \
	do {                                                                                   \
		if (o->name != before->name) {                                                 \
			e.name = o->name;                                                      \
			differs = true;                                                        \
		}                                                                              \
	} while (0)
	SET_IF(impact);
	SET_IF(urgency);
	SET_IF(priority);
	SET_IF(site_id);
	SET_IF(requester_id);
#undef SET_IF
	if (texts_differ(o->category, before->category)) {
		e.category = text_of(o->category);
		differs = true;
	}
	if (texts_differ(o->subcategory, before->subcategory)) {
		e.subcategory = text_of(o->subcategory);
		differs = true;
	}
	return differs ? emit(b, &e) : 0;
}

static int state_changed(const struct building *b, const struct import_observation *o)
{
	const struct ticket *t = &b->c->ticket;
	struct event e = event_at(b, EVENT_STATE_CHANGED, o->at);

	if (o->state == t->state && o->pending_reason == t->pending_reason)
		return 0;
	e.state = (int16_t)o->state;
	if (o->state == TICKET_PENDING || t->pending_reason != PENDING_NONE)
		e.pending_reason = (int16_t)o->pending_reason;
	return emit(b, &e);
}

/* Texts that are "" mean cleared in a journal and nothing in a ticket. */
static void tidy(struct ticket *t)
{
	if (t->category != NULL && *t->category == '\0')
		t->category = NULL;
	if (t->subcategory != NULL && *t->subcategory == '\0')
		t->subcategory = NULL;
}

/* Nobody knows when it was answered; one that nobody has begun was not. */
static bool is_begun(const struct import_case *in)
{
	for (size_t i = 0; i < in->count; i++) {
		if (in->observations[i].state > TICKET_ASSIGNED)
			return true;
	}
	return false;
}

static int arm(struct building *b, const struct import_case *in)
{
	struct otk_error err = {0};

	if (in->arm == 0 || in->observations[in->count - 1].state >= TICKET_RESOLVED)
		return 0;
	b->armed = true;
	return lifecycle_arm(b->c, in->arm, !is_begun(in), b->actor, b->now, &err);
}

int import_case_build(
        struct change *c, const struct import_case *in, const struct actor *actor, int64_t now)
{
	struct building b = {.c = c, .actor = actor, .now = now};
	struct import_observation before = complete(&in->observations[0]);
	struct otk_error err = {0};
	int rc = create(&b, in, &before);

	if (rc == 0)
		rc = arm(&b, in);

	for (size_t i = 0; rc == 0 && i < in->count; i++) {
		struct import_observation o = complete(&in->observations[i]);

		/* Who and what first: a resolve counts for the team that is there then. */
		rc = assigned(&b, &before, &o);
		if (rc == 0)
			rc = classified(&b, &before, &o);
		if (rc == 0)
			rc = state_changed(&b, &o);
		before = o;
	}
	if (rc == 0 && b.armed)
		rc = lifecycle_armed(c, now, &err);
	if (rc == 0)
		tidy(&c->ticket);
	return rc;
}

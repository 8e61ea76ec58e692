/*
 * The rules of reports. Each check has at most one incident while it stays bad; several reports
 * of a batch may move the same ticket, whose one change collects all.
 *
 * Of the backlog that an agent brings after it was offline nothing moves a ticket until all of
 * it is stored: then the last state of each check does (report_settle). A failure that began
 * and ended in it becomes a record that nobody is told of, at its recovery.
 */
#include "desk/report.h"

#include <string.h>

#include "core/lifecycle.h"

#define CHANNEL "agent"

static struct actor agent_of(const struct report_batch *b)
{
	return (struct actor){.principal_id = b->agent_id, .side = SIDE_AGENT};
}

static int no_memory(struct otk_error *err)
{
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
	        "the reports need more memory than one request may have; send fewer");
}

/* Never before what the ticket says already: clocks of two hosts may differ. */
static int64_t now_for(const struct report_batch *b, const struct change *c)
{
	return b->now > c->ticket.updated_at ? b->now : c->ticket.updated_at;
}

static struct report_check *check_of(struct report_batch *b, const struct report *r)
{
	struct report_check *check;

	for (size_t i = 0; i < b->check_count; i++) {
		check = &b->checks[i];
		if (strcmp(check->name, r->check) == 0 && strcmp(check->host, r->host) == 0)
			return check;
	}
	check = &b->checks[b->check_count++];
	*check = (struct report_check){.host = r->host, .name = r->check};
	return check;
}

static struct change *change_of(struct report_batch *b, int64_t ticket_id)
{
	for (size_t i = 0; ticket_id != 0 && i < b->change_count; i++) {
		if (b->changes[i].ticket.ticket_id == ticket_id)
			return &b->changes[i];
	}
	return NULL;
}

static int refuse(struct report *r, const char *reason)
{
	r->outcome = REPORT_REFUSED;
	r->reason = reason;
	return 0;
}

/* A new ticket; one that breaks a rule refuses the report for ever. `recovered`: of a record.
 */
static int file_as(struct report_batch *b, struct report *r, const struct new_ticket *in,
        const char *recovered, struct otk_error *err)
{
	struct change *c = &b->changes[b->change_count];
	struct actor actor = agent_of(b);
	struct new_ticket new = *in;
	int rc;

	new.customer_id = b->customer_id;
	new.site_id = b->site_id;
	new.team_id = b->team_id;
	new.channel = CHANNEL;
	new.ticket_id = b->number(b->number_context);
	if (new.ticket_id == 0)
		return error_set(err, OTK_UNAVAILABLE, "NO_NUMBER",
		        "there is no ticket number just now; try again");
	change_init(c, b->arena, b->ref);
	rc = recovered == NULL ? lifecycle_create(c, &new, &actor, b->now, err)
	                       : lifecycle_backlog(c, &new, recovered, &actor, b->now, err);
	if (rc == -OTK_INVALID_ARGUMENT) {
		const char *reason = arena_strdup(b->arena, err->message);

		error_clear(err);
		return reason == NULL ? no_memory(err) : refuse(r, reason);
	}
	if (rc != 0)
		return rc;
	b->change_count++;
	r->outcome = recovered == NULL ? REPORT_FILED : REPORT_RESOLVED;
	r->ticket_id = new.ticket_id;
	return 0;
}

static int file(struct report_batch *b, struct report *r, const struct new_ticket *in,
        struct otk_error *err)
{
	return file_as(b, r, in, NULL, err);
}

/* checks -------------------------------------------------------------------------------- */

static int32_t service_of(const struct report_batch *b, const char *code)
{
	const struct ref_service *service =
	        *code == '\0' ? NULL : reference_service_by_code(b->ref, b->customer_id, code);

	return service == NULL || service->retired ? 0 : service->id;
}

/* Graver than 3 there is; what is out of bounds is as good as not said. */
static int16_t scale(uint32_t value)
{
	return value <= 3 ? (int16_t)value : 0;
}

static struct new_ticket incident_of(
        const struct report_batch *b, const struct report *r, const char *text)
{
	return (struct new_ticket){.type = TICKET_INCIDENT,
	        .service_id = service_of(b, r->service),
	        .impact = scale(r->impact),
	        .urgency = scale(r->urgency),
	        .title = report_title(b->arena, r),
	        .text = text,
	        .category = *r->category != '\0' ? r->category : NULL,
	        .machine_filed = true};
}

static int file_incident(struct report_batch *b, struct report *r, struct report_check *check,
        const char *text, struct otk_error *err)
{
	struct new_ticket in = incident_of(b, r, text);
	int rc;

	if (in.title == NULL)
		return no_memory(err);
	rc = file(b, r, &in, err);
	if (rc == 0 && r->outcome == REPORT_FILED)
		check->ticket_id = r->ticket_id;
	return rc;
}

static enum report_outcome outcome_of(enum check_effect effect)
{
	switch (effect) {
	case CHECK_NOTED:
		return REPORT_NOTED;
	case CHECK_RESOLVED:
		return REPORT_RESOLVED;
	case CHECK_CLOSED:
		return REPORT_CLOSED;
	case CHECK_REOPENED:
		return REPORT_REOPENED;
	case CHECK_FILES_NEW:
	case CHECK_NOTHING:
		break;
	}
	return REPORT_STORED;
}

/* The check's ticket takes the report, or *effect says that a new one is due. */
static int meet(struct report_batch *b, struct report *r, struct change *c, bool changed,
        const char *text, enum check_effect *effect, struct otk_error *err)
{
	struct actor actor = agent_of(b);
	size_t before = c->event_count;
	bool bad = r->state != CHECK_STATE_OK;
	int64_t now = now_for(b, c);
	int rc = lifecycle_check(c, bad, text, &actor, now, effect, err);

	if (rc == 0 && *effect == CHECK_NOTHING && bad && changed) {
		*effect = CHECK_NOTED;
		rc = lifecycle_check_moved(c, text, &actor, now, err);
	}
	if (rc != 0)
		return rc;
	/* A ticket of the past, untouched but by time: that is the sweep's work, not ours. */
	if (*effect == CHECK_FILES_NEW && before == 0)
		c->event_count = 0;
	r->ticket_id = c->ticket.ticket_id;
	r->outcome = outcome_of(*effect);
	return 0;
}

static int check_fields(struct report *r)
{
	if (*r->host == '\0' || strlen(r->host) > REPORT_NAME_MAX)
		return refuse(r, "host: must have 1 to 128 bytes");
	if (*r->check == '\0' || strlen(r->check) > REPORT_NAME_MAX)
		return refuse(r, "check: must have 1 to 128 bytes");
	if (r->state < CHECK_STATE_OK || r->state >= CHECK_STATE_COUNT)
		return refuse(r, "state: must be OK, WARNING, CRITICAL or UNKNOWN");
	if (r->counter <= 0)
		return refuse(r, "counter: must be positive");
	r->outcome = REPORT_STORED;
	return 0;
}

static int act_on(struct report_batch *b, struct report *r, struct report_check *check,
        struct otk_error *err)
{
	enum check_effect effect = CHECK_FILES_NEW;
	const char *text;
	struct change *c;
	bool changed;
	int rc = 0;

	if (r->counter <= check->counter)
		return 0; /* older than what is known */
	text = report_check_text(b->arena, r, b->now);
	if (text == NULL)
		return no_memory(err);
	changed = check->state != r->state;
	c = change_of(b, check->ticket_id);
	if (c != NULL)
		rc = meet(b, r, c, changed, text, &effect, err);
	if (rc == 0 && r->state != CHECK_STATE_OK && effect == CHECK_FILES_NEW)
		rc = file_incident(b, r, check, text, err);
	if (rc != 0)
		return rc;
	if (r->outcome == REPORT_REFUSED)
		return 0; /* the check waits for a report that can be understood */
	check->moved = true;
	check->counter = r->counter;
	if (changed)
		check->changed_at = b->now;
	check->state = r->state;
	return 0;
}

/* backlog ------------------------------------------------------------------------------- */

bool report_in_backlog(const struct report_batch *b, const struct report *r)
{
	return r->kind == REPORT_CHECK && r->seq > 0 && r->seq <= b->head;
}

/* It failed and recovered unheard: the words of both. One that cannot be read is let go. */
static int file_record(struct report_batch *b, struct report *r, const struct report_wait *wait,
        struct otk_error *err)
{
	struct report began;
	struct new_ticket in;
	const char *text, *recovered;

	if (!b->unpack(b->arena, wait->began, wait->began_size, &began))
		return 0;
	text = report_check_text(b->arena, &began, b->now);
	recovered = report_check_text(b->arena, r, b->now);
	in = incident_of(b, &began, text);
	if (text == NULL || recovered == NULL || in.title == NULL)
		return no_memory(err);
	return file_as(b, r, &in, recovered, err);
}

static int wait_with(struct report_batch *b, struct report *r, struct report_check *check,
        struct otk_error *err)
{
	struct report_wait *wait = &check->wait;
	int state = wait->waits ? wait->state : check->state;
	bool was_bad = state != 0 && state != CHECK_STATE_OK;
	bool bad = r->state != CHECK_STATE_OK;
	int rc = 0;

	if (r->counter <= check->counter || (wait->waits && r->counter <= wait->counter))
		return 0;
	if (!wait->waits)
		wait->began = NULL;
	if (bad && !was_bad) {
		wait->began = r->packed;
		wait->began_size = r->packed_size;
	} else if (!bad && wait->began != NULL) {
		rc = file_record(b, r, wait, err);
		wait->began = NULL;
	}
	wait->waits = wait->moved = true;
	wait->counter = r->counter;
	wait->state = r->state;
	wait->last = r->packed;
	wait->last_size = r->packed_size;
	wait->last_seq = r->seq;
	return rc;
}

static int settle_check(
        struct report_batch *b, struct report_check *check, struct otk_error *err)
{
	struct report_wait *wait = &check->wait;
	struct report last;
	int rc;

	if (!wait->waits)
		return 0;
	wait->waits = false;
	wait->moved = true;
	if (!b->unpack(b->arena, wait->last, wait->last_size, &last) ||
	        check_fields(&last) != 0 || last.outcome == REPORT_REFUSED)
		return 0;
	rc = act_on(b, &last, check, err);
	wait->outcome = last.outcome;
	wait->ticket_id = last.ticket_id;
	wait->reason = last.reason;
	return rc;
}

static int take_check(struct report_batch *b, struct report *r, struct otk_error *err)
{
	struct report_check *check;
	int rc = check_fields(r);

	if (rc != 0 || r->outcome == REPORT_REFUSED)
		return rc;
	check = check_of(b, r);
	if (report_in_backlog(b, r) && r->packed != NULL)
		return wait_with(b, r, check, err);
	return act_on(b, r, check, err);
}

int report_settle(struct report_batch *b, struct otk_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->count; i++)
		rc = settle_check(b, check_of(b, &b->reports[i]), err);
	return rc;
}

/* people -------------------------------------------------------------------------------- */

static int32_t requester_of(const struct report_batch *b, const char *code)
{
	const struct ref_principal *person =
	        *code == '\0' ? NULL : reference_principal_by_code(b->ref, code);

	return person == NULL || person->disabled || person->kind == PRINCIPAL_AGENT ||
	                       person->customer_id != b->customer_id
	               ? 0
	               : person->id;
}

static int take_person(struct report_batch *b, struct report *r, struct otk_error *err)
{
	struct new_ticket in = {
	        .type = r->type == 0 ? TICKET_INCIDENT : (enum ticket_type)r->type,
	        .service_id = service_of(b, r->service),
	        .requester_id = requester_of(b, r->requester),
	        .title = r->title,
	        .category = *r->category != '\0' ? r->category : NULL};

	if (r->title[strspn(r->title, " \t\r\n")] == '\0')
		return refuse(r, "title: must say in a few words what is wrong");
	if (r->impact > 3 || r->urgency > 3)
		return refuse(r, "impact and urgency: must be 1 (greatest) to 3");
	in.impact = scale(r->impact);
	in.urgency = scale(r->urgency);
	in.text = report_person_text(b->arena, r, b->now,
	        in.requester_id == 0 ? r->requester : "", in.service_id == 0 ? r->service : "");
	if (in.text == NULL)
		return no_memory(err);
	return file(b, r, &in, err);
}

/* --------------------------------------------------------------------------------------- */

static int take(struct report_batch *b, struct report *r, struct otk_error *err)
{
	switch (r->kind) {
	case REPORT_CHECK:
		return take_check(b, r, err);
	case REPORT_PERSON:
		return take_person(b, r, err);
	case REPORT_REFUSAL:
	case REPORT_STARTED:
		r->outcome = REPORT_STORED;
		return 0;
	}
	return refuse(r, "kind: is none that this server knows");
}

int report_decide(struct report_batch *b, struct otk_error *err)
{
	for (size_t i = 0; i < b->count; i++) {
		struct report *r = &b->reports[i];
		int rc;

		r->ticket_id = 0;
		r->reason = NULL;
		rc = take(b, r, err);
		if (rc != 0)
			return rc;
		r->kept = report_kept(b->arena, r);
		if (r->kept == NULL)
			return no_memory(err);
	}
	return 0;
}

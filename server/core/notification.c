/* See notification.h. */
#include "core/notification.h"

#include <string.h>

static const struct {
	const char *word;
	unsigned audience;
} WHOM[] = {
        {"requester", TELL_REQUESTER},
        {"contact", TELL_REQUESTER},
        {"assignee", TELL_ASSIGNEE},
        {"team", TELL_TEAM},
        {"lead", TELL_LEAD},
        {"manager", TELL_MANAGER},
};

static const char NOTIFY[] = "notify";

/* Of one action, `length` bytes without surrounding blanks. */
static unsigned action_audience(const char *action, size_t length)
{
	size_t verb = sizeof NOTIFY - 1;

	if (length <= verb || strncmp(action, NOTIFY, verb) != 0 || action[verb] != ' ')
		return 0;
	while (verb < length && action[verb] == ' ')
		verb++;
	for (size_t i = 0; i < sizeof WHOM / sizeof WHOM[0]; i++) {
		if (strlen(WHOM[i].word) == length - verb &&
		        memcmp(action + verb, WHOM[i].word, length - verb) == 0)
			return WHOM[i].audience;
	}
	return 0;
}

unsigned notification_actions(const char *actions)
{
	unsigned audience = 0;

	while (actions != NULL && *actions != '\0') {
		size_t blanks = strspn(actions, ", \t");
		size_t length = strcspn(actions += blanks, ",");
		size_t used = length;

		while (used > 0 && (actions[used - 1] == ' ' || actions[used - 1] == '\t'))
			used--;
		audience |= action_audience(actions, used);
		actions += length;
	}
	return audience;
}

static struct notification of_state(const struct event *e)
{
	if (e->state == TICKET_PENDING && e->pending_reason == PENDING_CUSTOMER)
		return (struct notification){NOTICE_QUESTION, TELL_REQUESTER};
	if (e->state == TICKET_RESOLVED)
		return (struct notification){NOTICE_RESOLVED, TELL_REQUESTER};
	if (e->cause == CAUSE_REOPEN || e->cause == CAUSE_FAILED_AGAIN ||
	        e->cause == CAUSE_STILL_BAD)
		return (struct notification){NOTICE_REOPENED, TELL_REQUESTER | TELL_ASSIGNEE};
	return (struct notification){NOTICE_NONE, 0};
}

struct notification notification_of(const struct event *e, bool observed, const char *actions)
{
	if (observed || e->cause == CAUSE_IMPORT)
		return (struct notification){NOTICE_NONE, 0};
	switch (e->kind) {
	case EVENT_CREATED:
		return (struct notification){NOTICE_CREATED, TELL_REQUESTER | TELL_ACTOR};
	case EVENT_REPLIED:
		if (!e->is_public)
			return (struct notification){NOTICE_NONE, 0};
		return e->side == SIDE_CUSTOMER
		               ? (struct notification){NOTICE_ANSWERED, TELL_ASSIGNEE}
		               : (struct notification){NOTICE_REPLIED, TELL_REQUESTER};
	case EVENT_STATE_CHANGED:
		return of_state(e);
	case EVENT_LEVEL_FIRED:
		return (struct notification){
		        NOTICE_LEVEL, notification_actions(actions) | TELL_ACTOR};
	default:
		return (struct notification){NOTICE_NONE, 0};
	}
}

const char *notice_name(enum notice kind)
{
	static const char *const NAMES[NOTICE_COUNT] = {"", "created", "replied", "answered",
	        "question", "resolved", "reopened", "level"};

	return (int)kind > 0 && (int)kind < NOTICE_COUNT ? NAMES[kind] : "";
}

/* See notification.h. */
#include "core/notification.h"

#include <stdlib.h>
#include <string.h>

#include "core/action.h"

unsigned notification_actions(const char *actions)
{
	struct action action;
	unsigned audience = 0;

	while (action_next(&actions, &action)) {
		if (action.verb == ACTION_NOTIFY)
			audience |= action.audience;
		else if (action.verb == ACTION_WEBHOOK)
			audience |= TELL_WEBHOOK;
	}
	return audience;
}

static struct notification of_state(const struct event *e)
{
	if (e->cause == CAUSE_UNMERGED) /* nothing that was not told before */
		return (struct notification){NOTICE_NONE, 0};
	if (e->state == TICKET_PENDING && e->pending_reason == PENDING_CUSTOMER)
		return (struct notification){NOTICE_QUESTION, TELL_REQUESTER};
	if (e->state == TICKET_RESOLVED)
		return (struct notification){NOTICE_RESOLVED, TELL_REQUESTER | TELL_WATCHERS};
	if (e->cause == CAUSE_REOPEN || e->cause == CAUSE_FAILED_AGAIN ||
	        e->cause == CAUSE_STILL_BAD)
		return (struct notification){
		        NOTICE_REOPENED, TELL_REQUESTER | TELL_ASSIGNEE | TELL_WATCHERS};
	return (struct notification){NOTICE_NONE, 0};
}

/* The older ticket's journal has the entry too, without a cause: its people are told nothing.
 */
static struct notification of_merge(const struct event *e)
{
	if (e->cause == CAUSE_MERGED)
		return (struct notification){NOTICE_MERGED, TELL_REQUESTER | TELL_WATCHERS};
	if (e->cause == CAUSE_UNMERGED)
		return (struct notification){NOTICE_UNMERGED, TELL_REQUESTER | TELL_WATCHERS};
	return (struct notification){NOTICE_NONE, 0};
}

struct notification notification_of(const struct event *e, bool observed, const char *actions)
{
	if (observed || e->cause == CAUSE_IMPORT || e->cause == CAUSE_BACKLOG)
		return (struct notification){NOTICE_NONE, 0};
	switch (e->kind) {
	case EVENT_CREATED:
		return (struct notification){NOTICE_CREATED, TELL_REQUESTER | TELL_ACTOR};
	case EVENT_REPLIED:
		if (!e->is_public)
			return (struct notification){NOTICE_NONE, 0};
		return e->side == SIDE_CUSTOMER ? (struct notification){NOTICE_ANSWERED,
		                                          TELL_ASSIGNEE | TELL_WATCHERS}
		                                : (struct notification){NOTICE_REPLIED,
		                                          TELL_REQUESTER | TELL_WATCHERS};
	case EVENT_STATE_CHANGED:
		return of_state(e);
	case EVENT_LEVEL_FIRED:
		return (struct notification){
		        NOTICE_LEVEL, notification_actions(actions) | TELL_ACTOR |
		                              (e->clock > CLOCK_RESOLUTION ? TELL_INSIDE : 0)};
	case EVENT_PROMISED:
		return (struct notification){NOTICE_PROMISED, TELL_REQUESTER | TELL_WATCHERS};
	case EVENT_PROMISE_WARNED:
		return (struct notification){
		        NOTICE_PROMISE_WARNED, TELL_ASSIGNEE | TELL_ACTOR | TELL_INSIDE};
	case EVENT_PROMISE_BROKEN:
		return (struct notification){NOTICE_PROMISE_BROKEN,
		        TELL_ASSIGNEE | TELL_LEAD | TELL_ACTOR | TELL_INSIDE};
	case EVENT_ASKED:
		return (struct notification){NOTICE_ASKED, TELL_ASSIGNEE | TELL_WATCHERS};
	case EVENT_MERGED:
	case EVENT_UNMERGED:
		return of_merge(e);
	default:
		return (struct notification){NOTICE_NONE, 0};
	}
}

bool notification_is_breach(const char *at)
{
	if (at == NULL || *at == '-')
		return false;
	return strchr(at, '%') == NULL || strtol(at, NULL, 10) >= 100;
}

const char *notice_name(enum notice kind)
{
	static const char *const NAMES[NOTICE_COUNT] = {"", "created", "replied", "answered",
	        "question", "resolved", "reopened", "level", "promised", "promise-warned",
	        "promise-broken", "asked", "merged", "unmerged"};

	return (int)kind > 0 && (int)kind < NOTICE_COUNT ? NAMES[kind] : "";
}

enum notice notice_find(const char *name)
{
	for (int kind = 1; kind < NOTICE_COUNT; kind++) {
		if (strcmp(notice_name((enum notice)kind), name) == 0)
			return (enum notice)kind;
	}
	return NOTICE_NONE;
}

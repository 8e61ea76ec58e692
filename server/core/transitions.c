/* The transition table and the names of states, kinds and causes: data, nothing else. */
#include "core/lifecycle.h"

#define TO(state) (1U << (state))
#define OPEN_WORK (TO(TICKET_PENDING) | TO(TICKET_RESOLVED) | TO(TICKET_CANCELLED))

const uint16_t LIFECYCLE_ALLOWED[TICKET_STATE_COUNT] = {
        [TICKET_NEW] = TO(TICKET_ASSIGNED) | TO(TICKET_IN_PROGRESS) | OPEN_WORK,
        [TICKET_ASSIGNED] = TO(TICKET_NEW) | TO(TICKET_IN_PROGRESS) | OPEN_WORK,
        [TICKET_IN_PROGRESS] = TO(TICKET_ASSIGNED) | OPEN_WORK,
        [TICKET_PENDING] = TO(TICKET_IN_PROGRESS) | TO(TICKET_ASSIGNED) | OPEN_WORK,
        [TICKET_RESOLVED] = TO(TICKET_CLOSED) | TO(TICKET_IN_PROGRESS),
        [TICKET_CLOSED] = TO(TICKET_IN_PROGRESS),
};

static const char *const STATES[] = {
        [TICKET_NEW] = "new",
        [TICKET_ASSIGNED] = "assigned",
        [TICKET_IN_PROGRESS] = "in_progress",
        [TICKET_PENDING] = "pending",
        [TICKET_RESOLVED] = "resolved",
        [TICKET_CLOSED] = "closed",
        [TICKET_CANCELLED] = "cancelled",
};
static const char *const REASONS[] = {
        [PENDING_NONE] = "none",
        [PENDING_CUSTOMER] = "customer",
        [PENDING_SCHEDULED] = "scheduled",
        [PENDING_SUPPLIER] = "supplier",
        [PENDING_CHANGE] = "change",
};
static const char *const TYPES[] = {
        [TICKET_INCIDENT] = "incident",
        [TICKET_SERVICE_REQUEST] = "service_request",
};
static const char *const CLOCKS[] = {
        [CLOCK_RESPONSE] = "response",
        [CLOCK_UPDATE] = "update",
        [CLOCK_RESOLUTION] = "resolution",
        [CLOCK_OPERATIONAL] = "operational",
        [CLOCK_SUPPLIER] = "supplier",
};
static const char *const CLOCK_STATES[] = {
        [CLOCK_NONE] = "none",
        [CLOCK_RUNNING] = "running",
        [CLOCK_PAUSED] = "paused",
        [CLOCK_MET] = "met",
        [CLOCK_LATE] = "late",
        [CLOCK_VOID] = "void",
};
static const char *const EVENTS[] = {
        [EVENT_CREATED] = "created",
        [EVENT_STATE_CHANGED] = "state_changed",
        [EVENT_ASSIGNED] = "assigned",
        [EVENT_REPLIED] = "replied",
        [EVENT_NOTED] = "noted",
        [EVENT_CLASSIFIED] = "classified",
        [EVENT_ACKNOWLEDGED] = "acknowledged",
        [EVENT_CLOCK_STARTED] = "clock_started",
        [EVENT_CLOCK_PAUSED] = "clock_paused",
        [EVENT_CLOCK_RESUMED] = "clock_resumed",
        [EVENT_CLOCK_STOPPED] = "clock_stopped",
        [EVENT_CLOCK_BREACHED] = "clock_breached",
        [EVENT_CLOCK_RETARGETED] = "clock_retargeted",
        [EVENT_CLOCK_VOIDED] = "clock_voided",
        [EVENT_LEVEL_FIRED] = "level_fired",
        [EVENT_LEVEL_SKIPPED] = "level_skipped",
        [EVENT_CHECK_REPORTED] = "check_reported",
        [EVENT_CLOCK_WAIVED] = "clock_waived",
        [EVENT_PROMISED] = "promised",
        [EVENT_PROMISE_WARNED] = "promise_warned",
        [EVENT_PROMISE_BROKEN] = "promise_broken",
        [EVENT_ASKED] = "asked",
        [EVENT_MERGED] = "merged",
        [EVENT_UNMERGED] = "unmerged",
        [EVENT_LINKED] = "linked",
        [EVENT_WATCHER] = "watcher",
        [EVENT_CONTRACT_APPLIED] = "contract_applied",
        [EVENT_ATTACHED] = "attached",
        [EVENT_MAIL_RECEIVED] = "mail_received",
};
static const char *const CAUSES[] = {
        [CAUSE_NONE] = "",
        [CAUSE_RECOVERY] = "recovery",
        [CAUSE_FAILED_AGAIN] = "failed_again",
        [CAUSE_STILL_BAD] = "still_bad",
        [CAUSE_AUTO_CLOSE] = "auto_close",
        [CAUSE_CONFIRMED] = "confirmed",
        [CAUSE_UNTIL_REACHED] = "until_reached",
        [CAUSE_ANSWERED] = "answered",
        [CAUSE_RETARGET] = "retarget",
        [CAUSE_REOPEN] = "reopen",
        [CAUSE_CANCEL] = "cancel",
        [CAUSE_SPOKEN] = "spoken",
        [CAUSE_LIVE_CONTACT] = "live_contact",
        [CAUSE_IMPORT] = "import",
        [CAUSE_OVERRIDE] = "override",
        [CAUSE_SELF_RECOVERED] = "self_recovered",
        [CAUSE_CALENDAR] = "calendar",
        [CAUSE_WITHDRAWN] = "withdrawn",
        [CAUSE_CHECK] = "check",
        [CAUSE_TITLE] = "title",
        [CAUSE_UPDATE] = "update",
        [CAUSE_ESCALATED] = "escalated",
        [CAUSE_ACKNOWLEDGED] = "acknowledged",
        [CAUSE_CONTRACT] = "contract",
        [CAUSE_AUTOMATIC_MAIL] = "automatic_mail",
        [CAUSE_BOUNCE] = "bounce",
        [CAUSE_ASKED] = "asked",
        [CAUSE_MERGED] = "merged",
        [CAUSE_UNMERGED] = "unmerged",
        [CAUSE_BACKLOG] = "backlog",
        [CAUSE_ARMED] = "armed",
        [CAUSE_BY_MAIL] = "by_mail",
        [CAUSE_HANDED_OFF] = "handed_off",
        [CAUSE_CUSTOMER_ASKED] = "customer_asked",
};

/* A value from outside its enum (a newer peer, a damaged row) has a name as well. */
#define NAME_IN(table, value)                                                                  \
	((size_t)(value) < sizeof(table) / sizeof *(table) && (table)[value] != NULL           \
	                ? (table)[value]                                                       \
	                : "unknown")

const char *ticket_state_name(enum ticket_state state)
{
	return NAME_IN(STATES, state);
}

const char *pending_reason_name(enum pending_reason reason)
{
	return NAME_IN(REASONS, reason);
}

const char *ticket_type_name(enum ticket_type type)
{
	return NAME_IN(TYPES, type);
}

const char *clock_kind_name(enum clock_kind kind)
{
	return NAME_IN(CLOCKS, kind);
}

const char *clock_state_name(enum clock_state state)
{
	return NAME_IN(CLOCK_STATES, state);
}

const char *event_kind_name(enum event_kind kind)
{
	return NAME_IN(EVENTS, kind);
}

const char *event_cause_name(enum event_cause cause)
{
	return NAME_IN(CAUSES, cause);
}

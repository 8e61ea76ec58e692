/* Who is to be told of a journal entry, and what. Pure: people are found by desk and database.
 */
#ifndef OTKLIK_CORE_NOTIFICATION_H
#define OTKLIK_CORE_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/ticket.h"

/* What is told. Stored in the outbox: values never change meaning. */
enum notice {
	NOTICE_NONE = 0,
	NOTICE_CREATED = 1,  /* the ticket is filed, these are its dues */
	NOTICE_REPLIED = 2,  /* the provider spoke */
	NOTICE_ANSWERED = 3, /* the customer spoke */
	NOTICE_QUESTION = 4, /* it waits for the customer */
	NOTICE_RESOLVED = 5,
	NOTICE_REOPENED = 6,
	NOTICE_LEVEL = 7,          /* an escalation level of a clock fired */
	NOTICE_PROMISED = 8,       /* a date was promised, moved or taken back */
	NOTICE_PROMISE_WARNED = 9, /* it comes near */
	NOTICE_PROMISE_BROKEN = 10,
	NOTICE_ASKED = 11,    /* the customer asks what is happening */
	NOTICE_MERGED = 12,   /* it became part of an older ticket */
	NOTICE_UNMERGED = 13, /* and is one of its own again */
};
enum { NOTICE_COUNT = 14 };

/* Whom: bits, known to outbox_dispatch() of the database too. */
enum audience {
	TELL_REQUESTER = 1,
	TELL_ASSIGNEE = 2, /* where there is none, the team */
	TELL_TEAM = 4,
	TELL_LEAD = 8, /* of the ticket's team; where it has none, all of the customer's */
	TELL_MANAGER = 16,
	TELL_ACTOR = 32, /* the one who did it is told too: otherwise he knows */
	TELL_WATCHERS = 64,
	TELL_ON_CALL = 128,  /* for the ticket's team, when it is told: see core/rota */
	TELL_WEBHOOK = 1024, /* the customer's own, of a level */
	/* The provider's own: nobody hears of it who is not of the provider's side there. */
	TELL_INSIDE = 2048,
};

struct notification {
	enum notice kind;  /* NOTICE_NONE: nobody is told */
	unsigned audience; /* may be empty: then only webhooks hear of it */
};

/*
 * `actions` are those of the level that fired ("notify lead, notify manager", as the contract
 * has them; NULL or "" where none), read only for EVENT_LEVEL_FIRED. Imported history
 * (`observed`) tells nobody anything.
 */
struct notification notification_of(const struct event *e, bool observed, const char *actions);

/* The audience that a level's actions name; what is not a notify action is not its business. */
unsigned notification_actions(const char *actions);

/* Does a level "100%", "+2h" lie at due or after it? */
bool notification_is_breach(const char *at);

/* "created" …; "" for NOTICE_NONE and unknown ones. */
const char *notice_name(enum notice kind);

/* The kind of that name; NOTICE_NONE where there is none. */
enum notice notice_find(const char *name);

#endif

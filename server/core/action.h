/*
 * What an escalation level does, as the contract writes it: actions separated by commas.
 *
 *   notify assignee|team|lead|manager|contact|watchers|on-call|PERSON
 *   assign TEAM|PERSON      functional: the ticket changes hands
 *   raise priority          hierarchical: one step, once a clock
 *   watch PERSON            follows the ticket from then on
 *   webhook                 programs hear of it (they hear of every level)
 *   quiet wait|on-call|send what a notice does that meets somebody's quiet hours: waits for
 *                           their end (as without this word), goes to whoever is on call
 *                           instead, goes at once. On a P1 ticket it goes at once.
 *
 * Where a code is also a word of this table, `person CODE` and `team CODE` say what is meant.
 */
#ifndef OTKLIK_CORE_ACTION_H
#define OTKLIK_CORE_ACTION_H

#include "core/reference.h"

enum action_verb {
	ACTION_UNKNOWN = 0,
	ACTION_NOTIFY,
	ACTION_ASSIGN,
	ACTION_RAISE,
	ACTION_WATCH,
	ACTION_WEBHOOK,
	ACTION_QUIET,
};

enum quiet_policy { QUIET_WAIT = 0, QUIET_ON_CALL = 1, QUIET_SEND = 2 };

struct action {
	enum action_verb verb;
	unsigned audience; /* NOTIFY by role: bits of enum audience; 0: the one named */
	enum quiet_policy quiet;
	bool person;             /* the code is a person's, whatever else has it */
	bool team;               /* likewise a team's */
	char code[CODE_MAX + 1]; /* NOTIFY, ASSIGN, WATCH: "" where none is named */
};

enum { ACTION_TEXT_MAX = 100 };

/*
 * The next action of a text; moves *text past it. False at the end. One that is not in the
 * grammar is ACTION_UNKNOWN. NULL is a text without actions.
 */
bool action_next(const char **text, struct action *out);

/* By the codes of people and teams; NULL where there is none or a word forbids it. */
const struct ref_principal *action_person(
        const struct reference *ref, const struct action *action);
const struct ref_team *action_team(const struct reference *ref, const struct action *action);

#endif

/* The grammar of escalation actions. Effects: escalation.c. */
#include "core/action.h"

#include <string.h>

#include "core/notification.h"

/* A word of a text that is not its own string. */
struct word {
	const char *text;
	size_t length;
};

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
        {"watchers", TELL_WATCHERS},
        {"on-call", TELL_ON_CALL},
};

static const struct {
	const char *word;
	enum quiet_policy policy;
} QUIET[] = {{"wait", QUIET_WAIT}, {"on-call", QUIET_ON_CALL}, {"send", QUIET_SEND}};

static bool is(struct word word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

/* Splits an action into at most four words; more are told by the count. */
static size_t split(const char *text, size_t length, struct word words[4])
{
	size_t count = 0, at = 0;

	while (at < length) {
		size_t start;

		while (at < length && (text[at] == ' ' || text[at] == '\t'))
			at++;
		if (at == length)
			break;
		start = at;
		while (at < length && text[at] != ' ' && text[at] != '\t')
			at++;
		if (count < 4)
			words[count] = (struct word){text + start, at - start};
		count++;
	}
	return count;
}

static bool keep_code(struct action *out, struct word word)
{
	if (word.length == 0 || word.length > CODE_MAX)
		return false;
	memcpy(out->code, word.text, word.length);
	out->code[word.length] = '\0';
	return true;
}

/* "CODE", "person CODE" or, where a team may stand, "team CODE". */
static bool read_code(struct action *out, const struct word *words, size_t count, bool teams)
{
	if (count == 1)
		return keep_code(out, words[0]);
	if (count != 2)
		return false;
	out->person = is(words[0], "person");
	out->team = teams && is(words[0], "team");
	return (out->person || out->team) && keep_code(out, words[1]);
}

static bool read_notify(struct action *out, const struct word *words, size_t count)
{
	for (size_t i = 0; count == 1 && i < sizeof WHOM / sizeof WHOM[0]; i++) {
		if (is(words[0], WHOM[i].word)) {
			out->audience = WHOM[i].audience;
			return true;
		}
	}
	return read_code(out, words, count, false);
}

static bool read_quiet(struct action *out, const struct word *words, size_t count)
{
	for (size_t i = 0; count == 1 && i < sizeof QUIET / sizeof QUIET[0]; i++) {
		if (is(words[0], QUIET[i].word)) {
			out->quiet = QUIET[i].policy;
			return true;
		}
	}
	return false;
}

static enum action_verb read_action(struct action *out, const struct word *words, size_t count)
{
	if (count == 1 && is(words[0], "webhook"))
		return ACTION_WEBHOOK;
	if (count == 2 && is(words[0], "raise") && is(words[1], "priority"))
		return ACTION_RAISE;
	if (count < 2 || count > 3)
		return ACTION_UNKNOWN;
	if (is(words[0], "notify") && read_notify(out, words + 1, count - 1))
		return ACTION_NOTIFY;
	if (is(words[0], "assign") && read_code(out, words + 1, count - 1, true))
		return ACTION_ASSIGN;
	if (is(words[0], "watch") && read_code(out, words + 1, count - 1, false))
		return ACTION_WATCH;
	if (is(words[0], "quiet") && read_quiet(out, words + 1, count - 1))
		return ACTION_QUIET;
	return ACTION_UNKNOWN;
}

bool action_next(const char **text, struct action *out)
{
	struct word words[4];
	size_t length, count;

	if (*text == NULL)
		return false;
	*text += strspn(*text, ", \t");
	if (**text == '\0')
		return false;
	length = strcspn(*text, ",");
	*out = (struct action){.verb = ACTION_UNKNOWN};
	count = split(*text, length, words);
	out->verb = read_action(out, words, count);
	*text += length;
	return true;
}

const struct ref_principal *action_person(
        const struct reference *ref, const struct action *action)
{
	const struct ref_principal *person;

	if (action->team || action->code[0] == '\0')
		return NULL;
	person = reference_principal_by_code(ref, action->code);
	return person != NULL && person->kind == PRINCIPAL_PERSON ? person : NULL;
}

const struct ref_team *action_team(const struct reference *ref, const struct action *action)
{
	if (action->verb != ACTION_ASSIGN || action->person || action->code[0] == '\0')
		return NULL;
	return reference_team_by_code(ref, action->code);
}

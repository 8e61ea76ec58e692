/* otklik preference show and set: what somebody wishes to be told, and when. */
#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "otklik/v1/notice.pb-c.h"

static const char *const COLUMNS[] = {"person", "email", "zone", "channel", "digest",
        "quiet_hours", "mute", "levels", "from"};

/* Names joined by ",". */
static const char *mute_text(struct cli *cli, const Otklik__V1__Preference *p)
{
	const char *text = "";

	for (size_t i = 0; i < p->n_mute; i++) {
		const char *longer =
		        arena_printf(cli->arena, "%s%s%s", text, i > 0 ? "," : "", p->mute[i]);

		text = longer == NULL ? text : longer;
	}
	return text;
}

static int fetch(
        struct cli *cli, const char *person, const Otklik__V1__GetPreferenceResponse **out)
{
	Otklik__V1__GetPreferenceRequest in = OTKLIK__V1__GET_PREFERENCE_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	int rc;

	in.person = (char *)(uintptr_t)person;
	rc = cli_call(cli, METHOD_GET_PREFERENCE, &in.base, &reply);
	*out = (const Otklik__V1__GetPreferenceResponse *)(const void *)reply;
	return rc;
}

static void text_or_absent(struct table *t, const char *text)
{
	if (*text == '\0')
		table_absent(t);
	else
		table_text(t, text);
}

static int print(struct cli *cli, const Otklik__V1__GetPreferenceResponse *found)
{
	const Otklik__V1__Preference *p = found->preference;
	struct table *t = table_new(cli);
	int rc;

	for (size_t i = 0; i < sizeof COLUMNS / sizeof COLUMNS[0]; i++)
		table_column(t, COLUMNS[i], 0);
	table_row(t);
	table_text(t, found->person);
	text_or_absent(t, found->email);
	table_text(t, found->zone);
	table_text(t, p->channel);
	table_text(t, p->digest);
	text_or_absent(t, p->quiet_hours);
	text_or_absent(t, mute_text(cli, p));
	table_text(t, p->levels);
	table_text(t, found->by_default ? "default"
	              : found->declared ? "installation"
	                                : "person");
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_preference_show(struct cli *cli, int argc, char **argv)
{
	const Otklik__V1__GetPreferenceResponse *found;
	const char *person = "";
	const struct cli_option options[] = {
	        {"<person>", 0, OPTION_TEXT, &person, "whose (default: yours)", false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "preference show", "what you wish to be told, and when",
	        "  otklik preference show\n"
	        "  otklik --profile admin preference show olga --format json\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = fetch(cli, person, &found);
	return rc != 0 ? rc : print(cli, found);
}

/* The names of a text "a,b" in place of those of the message. */
static void mute_set(struct cli *cli, Otklik__V1__Preference *p, const char *text)
{
	char *names = arena_strdup(cli->arena, text);
	char *next = NULL;

	p->n_mute = 0;
	p->mute = arena_calloc(cli->arena, OPTION_LIST_MAX, sizeof *p->mute);
	if (names == NULL || p->mute == NULL)
		return;
	for (char *name = strtok_r(names, ", ", &next);
	        name != NULL && p->n_mute < OPTION_LIST_MAX; name = strtok_r(NULL, ", ", &next))
		p->mute[p->n_mute++] = name;
}

int verb_preference_set(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__SetPreferenceRequest in = OTKLIK__V1__SET_PREFERENCE_REQUEST__INIT;
	const Otklik__V1__GetPreferenceResponse *found;
	const ProtobufCMessage *reply = NULL;
	Otklik__V1__Preference wishes;
	const char *person = "", *channel = NULL, *digest = NULL, *quiet = NULL;
	const char *mute = NULL, *levels = NULL;
	const struct cli_option options[] = {
	        {"<person>", 0, OPTION_TEXT, &person, "whose (default: yours)", false, 0, 0},
	        {"channel", 0, OPTION_TEXT, &channel,
	                "mail, or none: only breaches of P1 tickets", false, 0, 0},
	        {"digest", 0, OPTION_TEXT, &digest,
	                "immediate, hourly, or 'daily 08:00' in your zone", false, 0, 0},
	        {"quiet", 0, OPTION_TEXT, &quiet, "22:00-07:00 in your zone; '' for none",
	                false, 0, 0},
	        {"mute", 0, OPTION_TEXT, &mute,
	                "notices that do not come: created, replied, answered, question, "
	                "resolved, reopened, level, promised, promise-warned, promise-broken, "
	                "asked, merged, unmerged; '' for none",
	                false, 0, 0},
	        {"levels", 0, OPTION_TEXT, &levels,
	                "of escalation levels: all, or breach for those at due and after",
	                false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "preference set",
	        "wish to be told less, later or all at once; the rest stays as it is",
	        "  otklik preference set --digest 'daily 08:00' --quiet 22:00-07:00\n"
	        "  otklik preference set --mute created,replied --levels breach\n"
	        "  otklik --profile admin preference set olga --channel none\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (channel == NULL && digest == NULL && quiet == NULL && mute == NULL &&
	        levels == NULL)
		return cli_usage("preference set",
		        "say what: --channel, --digest, --quiet, --mute "
		        "or --levels");
	rc = fetch(cli, person, &found);
	if (rc != 0)
		return rc;
	wishes = *found->preference;
	if (channel != NULL)
		wishes.channel = (char *)(uintptr_t)channel;
	if (digest != NULL)
		wishes.digest = (char *)(uintptr_t)digest;
	if (quiet != NULL)
		wishes.quiet_hours = (char *)(uintptr_t)quiet;
	if (levels != NULL)
		wishes.levels = (char *)(uintptr_t)levels;
	if (mute != NULL)
		mute_set(cli, &wishes, mute);
	in.person = (char *)(uintptr_t)person;
	in.preference = &wishes;
	rc = cli_call(cli, METHOD_SET_PREFERENCE, &in.base, &reply);
	if (rc != 0)
		return rc;
	if (found->declared)
		(void)fprintf(stderr, "the installation's file says otherwise: its next apply "
		                      "puts that back\n");
	rc = fetch(cli, person, &found);
	return rc != 0 ? rc : print(cli, found);
}

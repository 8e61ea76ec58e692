/* otklik: the command line. Finds the verb, runs it, answers with an exit code. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/options.h"

enum { RUN_ARENA = 256 * 1024 * 1024 };

static const char HEAD[] =
        "otklik: service desk and promises, from the command line\n\n"
        "Usage: otklik [--profile NAME] [--format table|json|csv] COMMAND [option]...\n\n";

static const char TAIL[] =
        "\n`otklik COMMAND --help` explains a command, with examples.\n\n"
        "Exit codes: 0 done; 1 refused by the server (state, version, precondition); 2 not "
        "found;\n"
        "64 command line; 65 wrong value or data; 66 unreadable file; 69 server unavailable;\n"
        "70 internal fault; 74 output; 75 try again later; 77 not allowed; 78 profile.\n";

static void help(FILE *out)
{
	(void)fputs(HEAD, out);
	for (const struct cli_verb *v = CLI_VERBS; v->words != NULL; v++)
		(void)fprintf(out, "  %-20s %s\n", v->words, v->summary);
	(void)fputs(TAIL, out);
}

/* How many arguments the verb's words take here, 0 when it is another one. */
static int verb_matches(const struct cli_verb *verb, int argc, char **argv)
{
	const char *space = strchr(verb->words, ' ');
	size_t n = space == NULL ? strlen(verb->words) : (size_t)(space - verb->words);

	if (argc < 1 || strlen(argv[0]) != n || strncmp(argv[0], verb->words, n) != 0)
		return 0;
	if (space == NULL)
		return 1;
	return argc >= 2 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

/* "otklik ticket" alone or with a wrong second word: names what there is. */
static int verb_unknown(const char *word)
{
	size_t n = strlen(word);
	bool group = false;

	for (const struct cli_verb *v = CLI_VERBS; v->words != NULL; v++) {
		if (strncmp(v->words, word, n) == 0 && v->words[n] == ' ') {
			if (!group)
				(void)fprintf(stderr,
				        "otklik: '%s' needs one of these after it:\n", word);
			group = true;
			(void)fprintf(stderr, "  %-20s %s\n", v->words, v->summary);
		}
	}
	if (!group)
		(void)fprintf(stderr,
		        "otklik: there is no command '%s'; `otklik --help` lists them\n", word);
	return EXIT_USAGE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	int taken = options_global(cli, argc, argv);

	if (taken < 0)
		return -taken;
	argc -= taken;
	argv += taken;
	if (argc == 0) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
	        strcmp(argv[0], "help") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(argv[0], "--version") == 0) {
		(void)printf("otklik %s\n", OTKLIK_VERSION);
		return 0;
	}
	for (const struct cli_verb *v = CLI_VERBS; v->words != NULL; v++) {
		int words = verb_matches(v, argc, argv);

		if (words > 0)
			return v->run(cli, argc - words + 1, argv + words - 1);
	}
	return verb_unknown(argv[0]);
}

int main(int argc, char **argv)
{
	struct cli cli = {.format = FORMAT_TABLE};
	int rc;

	(void)setlocale(LC_ALL, "");
	/* Texts are UTF-8. Where no locale is set, as in containers and cron, tables would show
	 * every other alphabet as \x escapes. */
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	/* JSON and CSV are for programs: numbers never take the locale's decimal comma. */
	(void)setlocale(LC_NUMERIC, "C");
	(void)signal(SIGPIPE, SIG_IGN);
	cli.color = isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == NULL;
	cli.arena = arena_new(RUN_ARENA);
	if (cli.arena == NULL) {
		(void)fputs("otklik: out of memory\n", stderr);
		return EXIT_SOFTWARE;
	}
	rc = run(&cli, argc - 1, argv + 1);
	/* Verbs that print without a table end here: what is lost must not look like done. */
	if (rc == 0)
		rc = output_check(stdout);
	client_free(cli.client);
	loop_free(cli.loop);
	if (cli.profile_loaded)
		profile_release(&cli.profile);
	arena_free(cli.arena);
	return rc;
}

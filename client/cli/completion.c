/* otklik completion bash: a script that asks this program what comes next. */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/verbs.h"
#include "core/kpi_catalogue.h"

/* Bash makes words of "--format=json" at the equals sign; they are put together again. */
static const char SCRIPT[] =
        "# bash completion for otklik; load it with: source <(otklik completion bash)\n"
        "_otklik() {\n"
        "	local cur=${COMP_WORDS[COMP_CWORD]} i word words=()\n"
        "	for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "		[[ ${COMP_WORDS[i]} == = ]] || words+=(\"${COMP_WORDS[i]}\")\n"
        "	done\n"
        "	[[ $cur == = ]] && cur=\n"
        "	COMPREPLY=()\n"
        "	while IFS= read -r word; do\n"
        "		[[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$word\")\n"
        "	done < <(otklik completion words \"${words[@]}\" 2>/dev/null)\n"
        "}\n"
        "complete -o default -F _otklik otklik\n";

static const struct {
	const char *option;
	const char *values; /* NULL: anything */
} GLOBALS[] = {
        {"--profile", NULL},
        {"--format", "table\njson\ncsv\n"},
        {"--color", "auto\nalways\nnever\n"},
        {"--zone", NULL},
};

enum { GLOBAL_COUNT = sizeof GLOBALS / sizeof GLOBALS[0] };

static int global_at(const char *word)
{
	for (int i = 0; i < GLOBAL_COUNT; i++) {
		if (strcmp(word, GLOBALS[i].option) == 0)
			return i;
	}
	return -1;
}

static void globals_print(void)
{
	for (int i = 0; i < GLOBAL_COUNT; i++)
		(void)printf("%s\n", GLOBALS[i].option);
	(void)printf("--help\n");
}

static void first_words_print(void)
{
	for (const struct cli_verb *v = CLI_VERBS; v->words != NULL; v++) {
		size_t head = strcspn(v->words, " ");

		/* Groups come together in the table: each first word once. */
		if (v == CLI_VERBS || strcspn(v[-1].words, " ") != head ||
		        strncmp(v[-1].words, v->words, head) != 0)
			(void)printf("%.*s\n", (int)head, v->words);
	}
	globals_print();
}

static void options_print(struct cli *cli, const struct cli_verb *v, char *word)
{
	char *alone[] = {word, NULL};

	options_list_only = true;
	(void)v->run(cli, 1, alone);
	options_list_only = false;
	globals_print();
}

/* Prints what may follow the words typed so far. */
static int words_print(struct cli *cli, int argc, char **argv)
{
	size_t n;

	if (argc > 0 && global_at(argv[argc - 1]) >= 0) {
		const char *values = GLOBALS[global_at(argv[argc - 1])].values;

		(void)fputs(values == NULL ? "" : values, stdout);
		return 0;
	}
	while (argc > 0 && argv[0][0] == '-') {
		int taken = global_at(argv[0]) >= 0 && argc > 1 ? 2 : 1;

		argc -= taken;
		argv += taken;
	}
	if (argc == 0) {
		first_words_print();
		return 0;
	}
	n = strlen(argv[0]);
	for (const struct cli_verb *v = CLI_VERBS; v->words != NULL; v++) {
		const char *second = v->words[strcspn(v->words, " ")] == ' '
		                             ? v->words + strcspn(v->words, " ") + 1
		                             : NULL;

		if (strcspn(v->words, " ") != n || strncmp(v->words, argv[0], n) != 0)
			continue;
		if (second != NULL && argc == 1) {
			(void)printf("%s\n", second);
		} else if (second == NULL || strcmp(argv[1], second) == 0) {
			for (const struct kpi_spec *k = KPI_CATALOGUE;
			        argc == 1 && v->run == verb_kpi && k->name != NULL; k++)
				(void)printf("%s\n", k->name);
			options_print(cli, v, argv[0]);
			return 0;
		}
	}
	return 0;
}

int verb_completion(struct cli *cli, int argc, char **argv)
{
	if (options_list_only) {
		(void)printf("bash\n");
		return 0;
	}
	if (argc >= 2 && strcmp(argv[1], "words") == 0)
		return words_print(cli, argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "bash") == 0)
		return fputs(SCRIPT, stdout) < 0 ? EXIT_IO : 0;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		(void)printf("otklik completion: prints a completion script for bash\n\n"
		             "Usage: otklik completion bash\n\n"
		             "Examples:\n  source <(otklik completion bash)\n");
		return 0;
	}
	return cli_usage("completion", "give the shell: bash");
}

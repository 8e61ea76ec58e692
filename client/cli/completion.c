/* otklik completion bash: a script that asks this program what comes next. */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/verbs.h"

static const char SCRIPT[] =
        "# bash completion for otklik; load it with: source <(otklik completion bash)\n"
        "_otklik() {\n"
        "	local cur=${COMP_WORDS[COMP_CWORD]}\n"
        "	COMPREPLY=()\n"
        "	while IFS= read -r word; do\n"
        "		[[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$word\")\n"
        "	done < <(otklik completion words \"${COMP_WORDS[@]:1:COMP_CWORD-1}\" "
        "2>/dev/null)\n"
        "}\n"
        "complete -o default -F _otklik otklik\n";

/* Prints what may follow the words typed so far. */
static int words_print(struct cli *cli, int argc, char **argv)
{
	const char *first;
	size_t n;

	while (argc > 0 && strncmp(argv[0], "--", 2) == 0) {
		argc -= argc > 1 ? 2 : 1;
		argv += argc > 0 ? 2 : 1;
	}
	first = argc > 0 ? argv[0] : "";
	n = strlen(first);
	for (const struct cli_verb *v = CLI_VERBS; v->words != NULL; v++) {
		const char *space = strchr(v->words, ' ');
		size_t head = space == NULL ? strlen(v->words) : (size_t)(space - v->words);

		if (argc == 0) {
			/* Groups come together in the table: each first word once. */
			if (v == CLI_VERBS || strncmp(v[-1].words, v->words, head) != 0)
				(void)printf("%.*s\n", (int)head, v->words);
		} else if (head == n && strncmp(v->words, first, n) == 0) {
			if (argc == 1 && space != NULL)
				(void)printf("%s\n", space + 1);
			else if (space == NULL || strcmp(argv[1], space + 1) == 0) {
				char *alone[] = {argv[0], NULL};

				options_list_only = true;
				(void)v->run(cli, 1, alone);
				options_list_only = false;
				(void)printf("--profile\n--format\n--color\n--zone\n--help\n");
				return 0;
			}
		}
	}
	return 0;
}

int verb_completion(struct cli *cli, int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "words") == 0)
		return words_print(cli, argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "bash") == 0)
		return fputs(SCRIPT, stdout) < 0 ? EXIT_IO : 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)printf("otklik completion: prints a completion script for bash\n\n"
		             "Examples:\n  source <(otklik completion bash)\n");
		return 0;
	}
	return cli_usage("completion", "give the shell: bash");
}

/* otklik-agent: the command line. One verb is one row of the table and one function. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "agent/verbs.h"

static const struct verb VERBS[] = {
        {"run", "Run the checks and forward reports, until stopped.", verb_run},
        {"report", "Report something to the service desk from this site.", verb_report},
        {"status", "Show the queue, the connection and the checks.", verb_status},
        {"check-config", "Check the settings and the file of checks.", verb_check_config},
        {"run-check", "Run one check now and show what comes of it.", verb_run_check},
        {"new-queue", "Begin anew after the server has refused the queue.", verb_new_queue},
};

enum { VERB_COUNT = sizeof VERBS / sizeof VERBS[0] };

static void usage(FILE *out)
{
	(void)fputs("usage: otklik-agent VERB [options]\n\n", out);
	for (size_t i = 0; i < VERB_COUNT; i++)
		(void)fprintf(out, "  %-13s %s\n", VERBS[i].name, VERBS[i].prose);
	(void)fputs("\n`otklik-agent VERB --help` tells the options and gives examples.\n"
	            "Every verb takes --config FILE (default " SETTINGS_PATH ").\n",
	        out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	(void)umask(0007); /* the service's group may report, nobody else may read */
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(name, "--version") == 0) {
		(void)puts("otklik-agent " OTKLIK_VERSION);
		return 0;
	}
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(name, VERBS[i].name) == 0)
			return VERBS[i].run(argc - 1, argv + 1);
	}
	if (*name != '\0')
		(void)fprintf(stderr, "otklik-agent: there is no verb `%s`\n", name);
	usage(stderr);
	return EX_USAGE;
}

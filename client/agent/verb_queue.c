/* `otklik-agent new-queue`: what an operator does after the server has refused the old one. */
#include "agent/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "agent/daemon.h"
#include "agent/queue.h"
#include "base/clock.h"

/* What waits is renumbered and sent once more from the beginning of the new epoch. */
static int begin(
        const struct settings *settings, struct queue_state *out, struct otk_error *err)
{
	struct otk_clock *clock = settings_clock(settings, err);
	struct queue *queue = NULL;
	int64_t now;
	int rc;

	if (clock == NULL)
		return -OTK_FAILED_PRECONDITION;
	now = clock_now(clock);
	rc = daemon_queue_open(settings, false, now, &queue, err);
	if (rc == 0)
		rc = queue_begin_epoch(queue, "begun anew by the operator", now, err);
	if (rc == 0)
		rc = queue_look(queue, out, err);
	queue_close(queue);
	clock_free(clock);
	return rc;
}

int verb_new_queue(int argc, char **argv)
{
	static const char HELP[] =
	        "usage: otklik-agent new-queue [--config FILE]\n\n"
	        "Begins a new queue with the reports that wait in the present one. For an "
	        "agent\n"
	        "whose queue the server does not take any more (QUEUE_QUARANTINED), such as\n"
	        "after its machine was restored from a copy. See first that no other agent\n"
	        "runs under this one's name. A running agent goes on with the new queue.\n\n"
	        "example: otklik-agent new-queue --config /etc/otklik/agent.conf\n";
	struct settings settings;
	struct check_list checks;
	struct queue_state state;
	struct otk_error err = {0};
	const char *config;
	char **operands;
	int code = verb_options(argc, argv, NULL, 0, HELP, &config, &operands);

	if (code >= 0)
		return code;
	if (*operands != NULL) {
		(void)fprintf(
		        stderr, "otklik-agent new-queue: `%s` is one too many\n", *operands);
		return EX_USAGE;
	}
	code = verb_load(config, &settings, &checks);
	if (code != 0)
		return code;
	if (begin(&settings, &state, &err) != 0)
		code = verb_fail(&err);
	else
		(void)printf("a new queue begins; reports waiting in it: %" PRId64 "\n",
		        state.head - state.mark);
	check_list_free(&checks);
	settings_release(&settings);
	return code;
}

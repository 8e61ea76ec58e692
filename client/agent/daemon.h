/* `otklik-agent run`: checks, intake, queue and forwarder around one loop. */
#ifndef OTKLIK_AGENT_DAEMON_H
#define OTKLIK_AGENT_DAEMON_H

#include "agent/check_file.h"
#include "agent/settings.h"

/* Runs until SIGTERM or SIGINT. 0, or a negative status with err filled. */
int daemon_run(const struct settings *settings, const struct check_list *checks,
        struct otk_error *err);

/* The queue of the settings; `verify` as in queue_open. */
struct queue;
int daemon_queue_open(const struct settings *settings, bool verify, int64_t now,
        struct queue **out, struct otk_error *err);

#endif

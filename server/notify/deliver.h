/* What a notify process does: letters and webhooks go out, neither waiting for the other. */
#ifndef OTKLIK_NOTIFY_DELIVER_H
#define OTKLIK_NOTIFY_DELIVER_H

#include "base/status.h"
#include "jobs/jobs.h"
#include "notify/mail.h"

struct deliver;

struct deliver_options {
	struct jobs_options jobs;
	const char *installation;
	struct mailer_options mail; /* url "": no e-mail */
	const char *webhook_secret_file;
	const char *webhook_secret_dir; /* "": customers have none */
	bool webhook_allow_private;
	int attempts;
	int burst;
	int64_t window_us;
};

/* Texts must outlive it. NULL with err: a secret that cannot be read, a bad template. */
struct deliver *deliver_new(const struct deliver_options *options, struct otk_error *err);
/* What is under way is broken off and comes again when its lease has ended. */
void deliver_free(struct deliver *deliver);

/* Begins nothing more; `drained` is called, from the loop, when all that was begun is marked.
 */
void deliver_drain(struct deliver *deliver, void (*drained)(void *context), void *context);

#endif

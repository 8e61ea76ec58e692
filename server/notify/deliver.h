/* The delivery loop of a notify process: lease a message, send it, say what came of it. */
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
void deliver_free(struct deliver *deliver);

#endif

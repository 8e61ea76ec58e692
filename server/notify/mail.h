/* E-mail by SMTP: MIME with text and HTML, threaded by ticket. One letter at a time. */
#ifndef OTKLIK_NOTIFY_MAIL_H
#define OTKLIK_NOTIFY_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "notify/delivery.h"

struct mailer;
struct transfers;

struct mailer_options {
	const char *url;  /* smtp://host:port, smtps://host:port */
	const char *from; /* address */
	const char *user; /* "": no login */
	const char *password_file;
	const char *tls; /* none, try, require */
};

struct letter {
	const char *to;
	const char *to_name; /* NULL or "": the address alone */
	const char *subject; /* UTF-8 */
	const char *text;    /* lines ended by \n */
	const char *html;
	const char *message_id; /* without brackets; the same in every attempt */
	const char *reply_to;   /* address; NULL or "": the sender's */
	const char *thread_id;  /* of the ticket, without brackets; NULL: no thread */
	int64_t at;             /* its Date */
};

/* Called once, from the loop. */
typedef void mail_done(void *context, const struct delivery *result);

/* NULL with err. The options' texts and the transfers must live as long as the mailer. */
struct mailer *mailer_new(const struct mailer_options *options, struct transfers *transfers,
        struct otk_error *err);
/* A letter under way is broken off. */
void mailer_free(struct mailer *mailer);

/*
 * Begins to send a letter, of which nothing need outlive the call; not while another is under
 * way. False: `done` is not called, `failed` says why.
 */
bool mail_start(struct mailer *mailer, const struct letter *letter, mail_done *done,
        void *context, struct delivery *failed);

/* The part of the sender's address behind the @. */
const char *mailer_domain(const struct mailer *mailer);

/*
 * Appends text as a header value: as it is when it is plain ASCII, else in encoded words of
 * RFC 2047 (UTF-8, B), folded. Control characters become blanks. 0, or -OTK_RESOURCE_EXHAUSTED.
 */
int mail_header_text(struct buf *out, const char *text);

/* May it stand in an envelope and a header? One @, no blanks, controls, brackets, quotes. */
bool mail_address_ok(const char *address);

#endif

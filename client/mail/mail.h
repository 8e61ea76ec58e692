/*
 * One e-mail message, read: who wrote it, what it says, what it answers, what hangs on it, and
 * whether a person or a machine sent it. Everything in it came from outside: mail_parse bounds
 * it before it believes it, texts are UTF-8 without NUL, and nothing here is trusted by the
 * server.
 *
 *	struct mail *mail = mail_parse(data, size, &MAIL_LIMITS, &err);
 *	for (size_t i = 0; i < mail->attachment_count; i++)
 *		mail_attachment_read(mail, i, sink, arg);
 *	mail_free(mail);
 */
#ifndef OTKLIK_CLIENT_MAIL_H
#define OTKLIK_CLIENT_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mail_limits {
	size_t bytes;            /* of the whole message */
	size_t head_bytes;       /* of its own header */
	size_t head_lines;       /* of its own header */
	size_t field_bytes;      /* of one Content- field of a part */
	int parts;               /* of all levels, multiparts counted */
	int depth;               /* of multiparts */
	int attachments;         /* what hangs on it */
	size_t attachment_bytes; /* decoded, of one; MAIL_ATTACHMENT_MOST at most */
	size_t text_bytes;       /* decoded text of all its parts; the rest is cut */
};
#define MAIL_ATTACHMENT_MOST ((size_t)64 << 20)
extern const struct mail_limits MAIL_LIMITS;

enum {
	MAIL_HASH_SIZE = 32,
	MAIL_REFERENCES_MAX = 50,
	MAIL_RECIPIENTS_MAX = 50,
	MAIL_RESULTS_MAX = 5,
	MAIL_SUBJECT_MAX = 200 /* code points */
};

enum mail_kind {
	MAIL_PERSON = 1,
	MAIL_AUTOMATIC = 2, /* a machine's: never answered, files nothing */
	MAIL_BOUNCE = 3     /* a letter of ours did not arrive */
};

/* Why a part is an attachment. */
enum mail_attachment_kind {
	MAIL_ATTACHED = 1,
	MAIL_ORIGINAL = 2 /* the text as it was, where what is shown was cut from it */
};

struct mail_attachment {
	enum mail_attachment_kind kind;
	const char *name;       /* "" where it has none; may hold anything but controls */
	const char *media_type; /* "image/png" */
	size_t size;            /* decoded */
	uint8_t hash[MAIL_HASH_SIZE];
};

/* Texts are never NULL. */
struct mail {
	enum mail_kind kind;
	const char *kind_why;   /* "Auto-Submitted: auto-replied"; "" for a person's */
	const char *message_id; /* without brackets, "" for none */
	const char *from;       /* address */
	const char *from_name;
	const char *subject; /* one line */
	int64_t sent_at;     /* us, 0 where it does not say */
	const char *text;    /* what was written, without history and signature */
	bool folded;         /* something was cut out of it; all of it is attached */
	size_t reference_count;
	const char *references[MAIL_REFERENCES_MAX]; /* the nearest first, without brackets */
	size_t recipient_count;
	const char *recipients[MAIL_RECIPIENTS_MAX]; /* addresses of To, Cc, Delivered-To… */
	size_t result_count;
	const char *results[MAIL_RESULTS_MAX]; /* Authentication-Results, the topmost first */
	/* Of a bounce. */
	const char *bounced_id;        /* Message-ID of ours that did not arrive, or "" */
	const char *bounced_recipient; /* address, or "" */
	const char *bounced_status;    /* "5.1.1", or "" */
	const char *bounced_why;       /* the other server's words */
	size_t attachment_count;
	struct mail_attachment *attachments;
	struct mail_source *source; /* private */
};

/*
 * NULL with err: INVALID_ARGUMENT, reason MAIL_TOO_LARGE, MAIL_TOO_COMPLEX, MAIL_TOO_MANY (of
 * attachments), MAIL_BROKEN (no sender, no header); RESOURCE_EXHAUSTED. `data` need not outlive
 * the call.
 */
struct mail *mail_parse(
        const void *data, size_t size, const struct mail_limits *limits, struct otk_error *err);
void mail_free(struct mail *mail); /* NULL is harmless */

/*
 * Decodes an attachment into pieces of at most 64 KiB; may be repeated and gives the same
 * bytes. `sink` stops it by a value other than 0, which is returned.
 */
int mail_attachment_read(const struct mail *mail, size_t index,
        int (*sink)(void *arg, const void *data, size_t size), void *arg);

#endif

/* What the files of this room share while a message is being read. */
#ifndef OTKLIK_CLIENT_MAIL_PRIVATE_H
#define OTKLIK_CLIENT_MAIL_PRIVATE_H

#include <gmime/gmime.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mail/mail.h"

enum { MAIL_ATTACHMENTS_MOST = 100 };

/* Where the bytes of an attachment are. */
struct mail_piece {
	GMimeObject *part; /* of the message; NULL: `data` */
	const char *data;
	size_t size;
};

struct mail_source {
	struct arena *arena;
	GMimeMessage *message;
	struct mail_limits limits;
	struct mail_piece pieces[MAIL_ATTACHMENTS_MOST];
};

struct reading {
	struct mail *mail;
	struct mail_source *source;
	struct otk_error *err;
	struct buf text;    /* as it was, parts one below the other */
	struct buf html;    /* what the text was made of, if it was made of HTML */
	const char *report; /* "delivery-status" and so on: of a multipart/report, or NULL */
	int parts;
	size_t attachments_cap;
};

/* ---- mail_scan.c: bounds that are kept before anything is parsed ---- */

/* 0, or -OTK_INVALID_ARGUMENT with err. */
int mail_scan(
        const char *data, size_t size, const struct mail_limits *limits, struct otk_error *err);

/* ---- mail_text.c ---- */

/* Text in that charset (NULL or unknown: guessed) appended as UTF-8, line ends as \n. */
void mail_text_decode(const char *charset, const void *data, size_t size, struct buf *out);

/* A copy that is valid UTF-8 of one line, blanks at the ends taken off, at most `max` points.
 */
const char *mail_line(struct arena *arena, const char *text, size_t max);

/* ---- mail_part.c: the tree of parts ---- */

/* Walks the parts: text, attachments, the reports of mail servers. 0, or negative with err. */
int mail_parts_read(struct reading *r);

/* Decodes a part into `sink` as mail_attachment_read does. */
int mail_part_decode(
        GMimeObject *part, int (*sink)(void *arg, const void *data, size_t size), void *arg);

/* Adds bytes of our own as an attachment. 0, or negative with err. */
int mail_attachment_add(struct reading *r, enum mail_attachment_kind kind, const char *name,
        const char *media_type, const struct mail_piece *piece);

/* ---- mail_kind.c: who sent it ---- */

/* Judges by the header, after the parts were read. */
void mail_kind_judge(struct reading *r);

/* Fields of a message/delivery-status part. */
void mail_status_read(struct reading *r, const char *text);

/* The header, or the start, of the letter that came back. */
void mail_returned_read(struct reading *r, const char *text);

#endif

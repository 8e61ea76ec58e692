/*
 * What a letter carries so that its answer finds back: a number with a tag that only this
 * installation can make, in Message-IDs, References and the address for replies.
 *
 *	desk+1041.17.t5k…@provider.example    reply to ticket 1041, written to person 17
 *	<ticket.1041.m2c….demo@provider.example>
 *
 * The tag is 100 bits of HMAC-SHA256 under the installation's secret, in lower-case base 32:
 * mail programs change the case of addresses.
 */
#ifndef OTKLIK_DESK_MAIL_TOKEN_H
#define OTKLIK_DESK_MAIL_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mail_token_kind {
	MAIL_TOKEN_REPLY = 1,  /* number: ticket; who: the person it was written to, or 0 */
	MAIL_TOKEN_TICKET = 2, /* number: ticket */
	MAIL_TOKEN_NOTICE = 3, /* number: message of the outbox */
};

enum { MAIL_TAG_LENGTH = 20, MAIL_TOKEN_SIZE = 64 };

struct mail_token {
	enum mail_token_kind kind;
	int64_t number;
	int32_t who; /* of a reply */
};

/* "1041.17.tag", "1041.tag". 0, or -OTK_INTERNAL without a hash function. */
int mail_token_write(const void *secret, size_t size, const struct mail_token *token,
        char out[MAIL_TOKEN_SIZE]);

/* What stands at the beginning of `text`, up to '.', '@' or its end; false: not ours. */
bool mail_token_read(const void *secret, size_t size, enum mail_token_kind kind,
        const char *text, struct mail_token *out);

/* As above, of a whole address "desk+TOKEN@…", and of a Message-ID "ticket.TOKEN…" or
 * "notice.TOKEN…". */
bool mail_token_of_address(
        const void *secret, size_t size, const char *address, struct mail_token *out);
bool mail_token_of_id(const void *secret, size_t size, const char *id, struct mail_token *out);

#endif

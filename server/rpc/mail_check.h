/* What the server asks of a message that a gateway hands in; the gateway's word is not enough.
 */
#ifndef OTKLIK_RPC_MAIL_CHECK_H
#define OTKLIK_RPC_MAIL_CHECK_H

#include <stdint.h>

#include "base/status.h"
#include "wire/schema.h"

enum {
	MAIL_HASH_BYTES = 32,
	MAIL_ATTACHMENTS_MAX = 52,
	MAIL_REFERENCES_MOST = 50,
	MAIL_RECIPIENTS_MOST = 50,
	MAIL_RESULTS_MOST = 5,
	CONTENT_PIECE = 256 * 1024,
};
#define CONTENT_MOST (INT64_C(64) << 20)

/* Fields of a message, and of one file ("file", "attachments[3]"). Violations in err. */
void mail_check(const Otklik__V1__IntakeMailRequest *in, struct otk_error *err);
void mail_check_file(
        const Otklik__V1__MailAttachment *file, const char *path, struct otk_error *err);

/*
 * SHA-256 of Message-ID and content: two messages with one hash are one message. A Message-ID
 * alone is not enough: broken programs use one twice. 0 or -OTK_INTERNAL.
 */
int mail_hash(const Otklik__V1__IntakeMailRequest *in, uint8_t out[MAIL_HASH_BYTES]);

/* SHA-256 of a Message-ID. 0 or -OTK_INTERNAL. */
int mail_id_hash(const char *id, uint8_t out[MAIL_HASH_BYTES]);

#endif

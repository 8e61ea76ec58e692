/*
 * Webhooks: a signed POST of JSON. Blocks while it sends.
 *
 *	Otklik-Delivery: <id>          the same in every attempt
 *	Otklik-Timestamp: <seconds>    since 1970
 *	Otklik-Signature: v1=<hex>     HMAC-SHA256(secret, timestamp "." body)
 */
#ifndef OTKLIK_NOTIFY_WEBHOOK_H
#define OTKLIK_NOTIFY_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "notify/delivery.h"

struct webhook;

/* The installation's secret ("" where it has no webhook of its own), and the folder of those of
 * customers. NULL with err. */
struct webhook *webhook_new(const char *secret_file, const char *secret_dir, bool allow_private,
        struct otk_error *err);
void webhook_free(struct webhook *hook);

/* `secret`: a customer's, by the name of its file, which is read anew; NULL: the
 * installation's. */
void webhook_send(struct webhook *hook, const char *url, const char *secret, const char *id,
        int64_t at, const char *body, struct delivery *result);

enum { WEBHOOK_SIGNATURE_SIZE = 3 + 64 + 1 };

/* "v1=…" 0, or -OTK_INTERNAL when OpenSSL fails. */
int webhook_sign(const char *secret, int64_t timestamp_s, const char *body,
        char out[WEBHOOK_SIGNATURE_SIZE]);

#endif

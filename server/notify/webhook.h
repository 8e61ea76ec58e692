/*
 * Webhooks: a signed POST of JSON, any number of them at once.
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

struct transfers;
struct webhook;
struct webhook_call;

/* Called once, from the loop, when the call is over and freed. */
typedef void webhook_done(void *context, const struct delivery *result);

/* The installation's secret ("" where it has no webhook of its own), and the folder of those of
 * customers. NULL with err. The transfers must outlive it. */
struct webhook *webhook_new(const char *secret_file, const char *secret_dir, bool allow_private,
        struct transfers *transfers, struct otk_error *err);
/* No call may be under way. */
void webhook_free(struct webhook *hook);

/* One POST; nothing of it need outlive the call of webhook_start. */
struct webhook_post {
	const char *url;
	const char *secret; /* a customer's, by the name of its file, which is read anew; NULL:
	                       the installation's */
	const char *id;
	int64_t at; /* of its timestamp */
	const char *body;
};

/* NULL: it could not begin, `failed` says why and `done` is not called. */
struct webhook_call *webhook_start(struct webhook *hook, const struct webhook_post *post,
        webhook_done *done, void *context, struct delivery *failed);

/* Breaks it off; `done` is not called. */
void webhook_stop(struct webhook_call *call);

enum { WEBHOOK_SIGNATURE_SIZE = 3 + 64 + 1 };

/* "v1=…" 0, or -OTK_INTERNAL when OpenSSL fails. */
int webhook_sign(const char *secret, int64_t timestamp_s, const char *body,
        char out[WEBHOOK_SIGNATURE_SIZE]);

#endif

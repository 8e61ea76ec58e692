/* See webhook.h. */
#include "notify/webhook.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/webhook_url.h"
#include "notify/transfer.h"

enum { ANSWER_MAX = 65536, HEADERS = 4, HEADER_SIZE = 256 };

struct webhook {
	char *secret; /* NULL: none */
	char *secret_dir;
	bool allow_private;
	struct transfers *transfers;
};

struct webhook_call {
	struct webhook *hook;
	struct transfer transfer;
	struct curl_slist *headers;
	webhook_done *done;
	void *context;
	bool forbidden;
	size_t answered;
	char error[CURL_ERROR_SIZE];
};

/* Looks at the address that was resolved, so a name that leads inside does not help. */
static curl_socket_t socket_open(
        void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct webhook_call *call = context;

	(void)purpose;
	if (!call->hook->allow_private && !webhook_address_public(&address->addr)) {
		call->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- sending --------------------------------------------------------------------------- */

int webhook_sign(const char *secret, int64_t timestamp_s, const char *body,
        char out[WEBHOOK_SIGNATURE_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	size_t length = strlen(body);
	char *text = malloc(length + 32);
	int head;

	if (text == NULL)
		return -OTK_INTERNAL;
	head = snprintf(text, 32, "%" PRId64 ".", timestamp_s);
	memcpy(text + head, body, length);
	if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text,
	            (size_t)head + length, digest, &size) == NULL) {
		free(text);
		return -OTK_INTERNAL;
	}
	free(text);
	memcpy(out, "v1=", 3);
	for (unsigned int i = 0; i < 32; i++)
		(void)snprintf(out + 3 + 2 * (size_t)i, 3, "%02x", digest[i]);
	return 0;
}

/* What it answers is not read, headers neither, but it may not talk without end. */
static size_t answer_take(char *data, size_t size, size_t count, void *context)
{
	struct webhook_call *call = context;

	(void)data;
	call->answered += size * count;
	return call->answered > ANSWER_MAX ? 0 : size * count;
}

static struct curl_slist *headers_make(
        const char *secret, const char *id, int64_t timestamp_s, const char *body)
{
	char lines[HEADERS][HEADER_SIZE];
	char signature[WEBHOOK_SIGNATURE_SIZE];
	struct curl_slist *list = NULL;

	if (webhook_sign(secret, timestamp_s, body, signature) != 0)
		return NULL;
	(void)snprintf(lines[0], HEADER_SIZE, "Content-Type: application/json");
	(void)snprintf(lines[1], HEADER_SIZE, "Otklik-Delivery: %s", id);
	(void)snprintf(lines[2], HEADER_SIZE, "Otklik-Timestamp: %" PRId64, timestamp_s);
	(void)snprintf(lines[3], HEADER_SIZE, "Otklik-Signature: %s", signature);
	for (int i = 0; i < HEADERS; i++) {
		struct curl_slist *longer = curl_slist_append(list, lines[i]);

		if (longer == NULL) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = longer;
	}
	return list;
}

static CURLcode options_set(struct webhook_call *call, const struct webhook_post *post)
{
	CURL *c = call->transfer.easy;
	CURLcode code = curl_easy_setopt(c, CURLOPT_URL, post->url);

#define SET(option, value)                                                                     \
	if (code == CURLE_OK)                                                                  \
	code = curl_easy_setopt(c, option, value)
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* nobody waits for a name server that is silent */
	SET(CURLOPT_TIMEOUT, (long)DELIVERY_TIMEOUT_S);
	SET(CURLOPT_CONNECTTIMEOUT, 10L);
	SET(CURLOPT_ERRORBUFFER, call->error);
	SET(CURLOPT_OPENSOCKETFUNCTION, socket_open);
	SET(CURLOPT_OPENSOCKETDATA, call);
	SET(CURLOPT_WRITEFUNCTION, answer_take);
	SET(CURLOPT_WRITEDATA, call);
	SET(CURLOPT_HEADERFUNCTION, answer_take);
	SET(CURLOPT_HEADERDATA, call);
	SET(CURLOPT_USERAGENT, "otklik/" OTKLIK_VERSION);
	SET(CURLOPT_HTTPHEADER, call->headers);
	SET(CURLOPT_POSTFIELDSIZE, (long)strlen(post->body));
	SET(CURLOPT_COPYPOSTFIELDS, post->body);
#undef SET
	return code;
}

static void outcome_of(struct webhook_call *call, CURLcode code, struct delivery *result)
{
	const char *why = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
	long answer = 0;

	(void)curl_easy_getinfo(call->transfer.easy, CURLINFO_RESPONSE_CODE, &answer);
	if (code == CURLE_OK && answer >= 200 && answer < 300)
		*result = (struct delivery){.outcome = DELIVERED};
	else if (code == CURLE_OK)
		delivery_fail(result, TRY_LATER, "it answered %ld", answer);
	else if (call->forbidden)
		delivery_fail(result, REFUSED,
		        "it leads to a loopback, private or reserved address, and "
		        "webhook_allow_private is not set");
	else if (call->answered > ANSWER_MAX)
		delivery_fail(result, TRY_LATER, "it answered more than %d bytes", ANSWER_MAX);
	else if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
	         code == CURLE_OPERATION_TIMEDOUT)
		delivery_fail(result, CHANNEL_DOWN, "%s", why);
	else
		delivery_fail(result, TRY_LATER, "%s", why);
}

/* Malloced; NULL with errno. */
static char *secret_of(const struct webhook *hook, const char *name)
{
	char path[PATH_MAX];

	if (name == NULL)
		return hook->secret == NULL ? NULL : strdup(hook->secret);
	if (snprintf(path, sizeof path, "%s/%s", hook->secret_dir, name) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return delivery_secret(path);
}

static void call_free(struct webhook_call *call)
{
	curl_easy_cleanup(call->transfer.easy);
	curl_slist_free_all(call->headers);
	free(call);
}

static void call_done(void *context, CURLcode code)
{
	struct webhook_call *call = context;
	webhook_done *done = call->done;
	void *whose = call->context;
	struct delivery result;

	outcome_of(call, code, &result);
	call_free(call);
	done(whose, &result);
}

struct webhook_call *webhook_start(struct webhook *hook, const struct webhook_post *post,
        webhook_done *done, void *context, struct delivery *failed)
{
	char *key = secret_of(hook, post->secret);
	struct webhook_call *call;

	if (key == NULL) {
		delivery_fail(failed, TRY_LATER, "the secret '%s': %s",
		        post->secret == NULL ? "" : post->secret, strerror(errno));
		return NULL;
	}
	call = calloc(1, sizeof *call);
	if (call != NULL) {
		call->hook = hook;
		call->done = done;
		call->context = context;
		call->transfer = (struct transfer){curl_easy_init(), call_done, call};
		call->headers = headers_make(key, post->id, post->at / 1000000, post->body);
	}
	free(key);
	if (call != NULL && call->transfer.easy != NULL && call->headers != NULL &&
	        options_set(call, post) == CURLE_OK &&
	        transfer_start(hook->transfers, &call->transfer) == 0)
		return call;
	if (call != NULL)
		call_free(call);
	delivery_fail(failed, TRY_LATER, "out of memory");
	return NULL;
}

void webhook_stop(struct webhook_call *call)
{
	transfer_stop(call->hook->transfers, &call->transfer);
	call_free(call);
}

struct webhook *webhook_new(const char *secret_file, const char *secret_dir, bool allow_private,
        struct transfers *transfers, struct otk_error *err)
{
	struct webhook *hook = calloc(1, sizeof *hook);

	if (hook != NULL)
		hook->secret_dir = strdup(secret_dir);
	if (hook == NULL || hook->secret_dir == NULL) {
		webhook_free(hook);
		error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	hook->allow_private = allow_private;
	hook->transfers = transfers;
	if (*secret_file == '\0')
		return hook;
	hook->secret = delivery_secret(secret_file);
	if (hook->secret == NULL) {
		error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "webhook_secret_file = %s: %s", secret_file, strerror(errno));
		webhook_free(hook);
		return NULL;
	}
	return hook;
}

void webhook_free(struct webhook *hook)
{
	if (hook == NULL)
		return;
	free(hook->secret_dir);
	free(hook->secret);
	free(hook);
}

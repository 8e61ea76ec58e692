/* The handlers' table, expanded from the method table of the schema. */
#include "rpc/dispatch.h"

#include <string.h>

#include <openssl/evp.h>

#include "rpc/handlers.h"
#include "wire/limits.h"

/* Typed thunks, and proof that the server's permissions have the schema's numbers. */
#define METHOD(id_, name_, NAME_, In_, in_, Out_, out_, permission_, timeout_, flags_)         \
	_Static_assert((int)permission_ == (int)WIRE_##permission_, #permission_);             \
	static enum step name_##_thunk(struct request *r)                                      \
	{                                                                                      \
		return name_##_begin(r, (const In_ *)(const void *)r->message);                \
	}
#include "wire/methods.inc"
#undef METHOD

static request_step *const FIRST[] = {
#define METHOD(id_, name_, NAME_, In_, in_, Out_, out_, permission_, timeout_, flags_)         \
	[id_] = name_##_thunk,
#include "wire/methods.inc"
#undef METHOD
};

request_step *dispatch_first(const struct method *method)
{
	return FIRST[method->id];
}

int dispatch_judge(const struct principal *principal, const struct frame_header *header,
        const struct method **method, struct otk_error *err)
{
	static const uint8_t NO_KEY[FRAME_KEY_SIZE];
	const struct method *found = method_find(header->method);

	if (found == NULL)
		return error_set(err, OTK_UNIMPLEMENTED, "UNKNOWN_METHOD",
		        "this server has no method %u; is the client newer than the server?",
		        header->method);
	if (!access_may_any(&principal->access, (enum permission)found->permission))
		return error_set(err, OTK_PERMISSION_DENIED, "PERMISSION_DENIED",
		        "%s may not call %s; ask an administrator for the role it needs",
		        principal->code, found->name);
	if ((found->flags & METHOD_MUTATION) != 0 &&
	        memcmp(header->key, NO_KEY, sizeof NO_KEY) == 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REQUIRED",
		        "%s changes data: its frame must bear an idempotency key", found->name);
	*method = found;
	return 0;
}

uint32_t dispatch_timeout_ms(const struct method *method, uint32_t stated_ms)
{
	uint32_t most = method->timeout_ms;

	if (most == 0 && stated_ms == 0)
		return 0;
	if (most == 0 || most > WIRE_DEADLINE_MAX_MS)
		most = WIRE_DEADLINE_MAX_MS;
	if (stated_ms == 0 || stated_ms > most)
		return most;
	return stated_ms;
}

int dispatch_hash(
        uint16_t method, const uint8_t *payload, size_t size, uint8_t out[REQUEST_HASH_SIZE])
{
	/* Fetched once: looking an algorithm up costs more than hashing a small message. */
	static EVP_MD *sha256;
	static EVP_MD_CTX *context;
	const uint8_t id[2] = {(uint8_t)(method >> 8), (uint8_t)method};

	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (context == NULL)
		context = EVP_MD_CTX_new();
	if (sha256 == NULL || context == NULL ||
	        EVP_DigestInit_ex2(context, sha256, NULL) != 1 ||
	        EVP_DigestUpdate(context, id, sizeof id) != 1 ||
	        EVP_DigestUpdate(context, payload, size) != 1 ||
	        EVP_DigestFinal_ex(context, out, NULL) != 1)
		return -OTK_INTERNAL;
	return 0;
}

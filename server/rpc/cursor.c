/* Layout and authentication of cursors. */
#include "rpc/cursor.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { FORMAT = 1, BODY_SIZE = 17, TAG_SIZE = 16 };

static void put_i64(uint8_t *out, int64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

static int64_t get_i64(const uint8_t *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | in[i];
	return (int64_t)value;
}

/*
 * The key of this use and caller: HMAC(secret, "cursor", principal, filter). The filter has no
 * fixed length but comes last, so no two bindings give the same bytes.
 */
static int binding_key(const struct cursor_binding *to, uint8_t key[EVP_MAX_MD_SIZE])
{
	uint8_t head[14] = "cursor";
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size;

	put_i64(head + 6, to->principal_id);
	if (EVP_Digest(to->filter, to->filter_size, digest, &size, EVP_sha256(), NULL) != 1)
		return -OTK_INTERNAL;
	memmove(digest + sizeof head, digest, size);
	memcpy(digest, head, sizeof head);
	if (HMAC(EVP_sha256(), to->secret, (int)to->secret_size, digest, sizeof head + size,
	            key, &size) == NULL)
		return -OTK_INTERNAL;
	return 0;
}

static int tag_of(const uint8_t body[BODY_SIZE], const struct cursor_binding *to,
        uint8_t tag[EVP_MAX_MD_SIZE])
{
	uint8_t key[EVP_MAX_MD_SIZE];
	unsigned size;
	int rc = binding_key(to, key);

	if (rc < 0)
		return rc;
	return HMAC(EVP_sha256(), key, 32, body, BODY_SIZE, tag, &size) == NULL ? -OTK_INTERNAL
	                                                                        : 0;
}

int cursor_write(
        const struct cursor *cursor, const struct cursor_binding *to, uint8_t out[CURSOR_SIZE])
{
	uint8_t tag[EVP_MAX_MD_SIZE];
	int rc;

	out[0] = FORMAT;
	put_i64(out + 1, cursor->id);
	put_i64(out + 9, cursor->at);
	rc = tag_of(out, to, tag);
	if (rc < 0)
		return rc;
	memcpy(out + BODY_SIZE, tag, TAG_SIZE);
	return 0;
}

int cursor_read(
        struct cursor *out, const struct cursor_binding *to, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t tag[EVP_MAX_MD_SIZE];
	int rc;

	if (size != CURSOR_SIZE || bytes[0] != FORMAT)
		return -OTK_INVALID_ARGUMENT;
	rc = tag_of(bytes, to, tag);
	if (rc < 0)
		return rc;
	if (CRYPTO_memcmp(tag, bytes + BODY_SIZE, TAG_SIZE) != 0)
		return -OTK_INVALID_ARGUMENT;
	*out = (struct cursor){.id = get_i64(bytes + 1), .at = get_i64(bytes + 9)};
	return 0;
}

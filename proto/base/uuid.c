/* UUIDs. */
#include "base/uuid.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/status.h"

static void uuid_stamp(struct uuid *id, unsigned version)
{
	id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0F) | version << 4);
	id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3F) | 0x80);
}

int uuid_v4(struct uuid *out)
{
	struct uuid id;

	if (getrandom(id.bytes, sizeof id.bytes, 0) != (ssize_t)sizeof id.bytes)
		return -OTK_INTERNAL;
	uuid_stamp(&id, 4);
	*out = id;
	return 0;
}

void uuid_v5(const struct uuid *space, const void *name, size_t length, struct uuid *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	memset(digest, 0, sizeof digest);
	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 &&
	        EVP_DigestUpdate(ctx, space->bytes, sizeof space->bytes) == 1 &&
	        EVP_DigestUpdate(ctx, name, length) == 1)
		(void)EVP_DigestFinal_ex(ctx, digest, NULL);
	EVP_MD_CTX_free(ctx);
	memcpy(out->bytes, digest, sizeof out->bytes);
	uuid_stamp(out, 5);
}

int uuid_is_nil(const struct uuid *id)
{
	static const struct uuid NIL;

	return memcmp(id, &NIL, sizeof NIL) == 0;
}

const char *uuid_format(const struct uuid *id, char out[UUID_TEXT_SIZE])
{
	static const char HEX[] = "0123456789abcdef";
	char *p = out;

	for (size_t i = 0; i < sizeof id->bytes; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = HEX[id->bytes[i] >> 4];
		*p++ = HEX[id->bytes[i] & 15];
	}
	*p = '\0';
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int uuid_parse(const char *text, struct uuid *out)
{
	struct uuid id;

	if (text == NULL || strlen(text) != UUID_TEXT_SIZE - 1)
		return -OTK_INVALID_ARGUMENT;
	for (size_t i = 0; i < sizeof id.bytes; i++) {
		int hi;
		int lo;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return -OTK_INVALID_ARGUMENT;
		hi = hex_value(*text++);
		lo = hi < 0 ? -1 : hex_value(*text++);
		if (lo < 0)
			return -OTK_INVALID_ARGUMENT;
		id.bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	*out = id;
	return 0;
}

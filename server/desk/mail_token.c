/* See mail_token.h. */
#include "desk/mail_token.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/status.h"

static int tag_make(const void *secret, size_t size, const struct mail_token *token,
        char tag[MAIL_TAG_LENGTH + 1])
{
	static const char DIGITS[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t mac[EVP_MAX_MD_SIZE];
	char text[80];
	unsigned length;
	int n = snprintf(text, sizeof text, "mail %d %" PRId64 " %" PRId32, (int)token->kind,
	        token->number, token->who);

	if (size == 0 || HMAC(EVP_sha256(), secret, (int)size, (const unsigned char *)text,
	                         (size_t)n, mac, &length) == NULL)
		return -OTK_INTERNAL;
	for (unsigned i = 0; i < MAIL_TAG_LENGTH; i++) {
		unsigned bit = i * 5;
		unsigned pair = (unsigned)mac[bit / 8] << 8 | mac[bit / 8 + 1];

		tag[i] = DIGITS[pair >> (11 - bit % 8) & 31];
	}
	tag[MAIL_TAG_LENGTH] = '\0';
	return 0;
}

int mail_token_write(const void *secret, size_t size, const struct mail_token *token,
        char out[MAIL_TOKEN_SIZE])
{
	char tag[MAIL_TAG_LENGTH + 1];
	int rc = tag_make(secret, size, token, tag);

	if (rc != 0)
		return rc;
	if (token->kind == MAIL_TOKEN_REPLY)
		(void)snprintf(out, MAIL_TOKEN_SIZE, "%" PRId64 ".%" PRId32 ".%s",
		        token->number, token->who, tag);
	else
		(void)snprintf(out, MAIL_TOKEN_SIZE, "%" PRId64 ".%s", token->number, tag);
	return 0;
}

/* A number and the point behind it; NULL where there is none. */
static const char *number_read(const char *text, int64_t max, int64_t *out)
{
	int64_t value = 0;
	size_t digits = 0;

	for (; *text >= '0' && *text <= '9' && digits < 18; text++, digits++)
		value = value * 10 + (*text - '0');
	if (digits == 0 || value > max || *text != '.')
		return NULL;
	*out = value;
	return text + 1;
}

bool mail_token_read(const void *secret, size_t size, enum mail_token_kind kind,
        const char *text, struct mail_token *out)
{
	struct mail_token token = {.kind = kind};
	char want[MAIL_TAG_LENGTH + 1];
	char have[MAIL_TAG_LENGTH + 1];
	int64_t who = 0;
	size_t n = 0;

	text = number_read(text, INT64_MAX, &token.number);
	if (text != NULL && kind == MAIL_TOKEN_REPLY)
		text = number_read(text, INT32_MAX, &who);
	if (text == NULL)
		return false;
	token.who = (int32_t)who;
	for (; n < MAIL_TAG_LENGTH && isalnum((unsigned char)text[n]); n++)
		have[n] = (char)tolower((unsigned char)text[n]);
	if (n < MAIL_TAG_LENGTH || strchr(".@", text[n]) == NULL ||
	        tag_make(secret, size, &token, want) != 0 ||
	        CRYPTO_memcmp(want, have, MAIL_TAG_LENGTH) != 0)
		return false;
	*out = token;
	return true;
}

bool mail_token_of_address(
        const void *secret, size_t size, const char *address, struct mail_token *out)
{
	const char *plus = strchr(address, '+');

	return plus != NULL && mail_token_read(secret, size, MAIL_TOKEN_REPLY, plus + 1, out);
}

bool mail_token_of_id(const void *secret, size_t size, const char *id, struct mail_token *out)
{
	if (strncmp(id, "ticket.", 7) == 0)
		return mail_token_read(secret, size, MAIL_TOKEN_TICKET, id + 7, out);
	if (strncmp(id, "notice.", 7) == 0)
		return mail_token_read(secret, size, MAIL_TOKEN_NOTICE, id + 7, out);
	return false;
}

/* SHA-256 by OpenSSL; the digest is fetched once for the process. */
#include "desk/content.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/status.h"

int content_hash(const uint8_t salt[CONTENT_SALT_SIZE], const void *text, size_t size,
        uint8_t hash[CONTENT_HASH_SIZE])
{
	static EVP_MD *sha256;
	static EVP_MD_CTX *ctx;

	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (ctx == NULL)
		ctx = EVP_MD_CTX_new();
	if (sha256 == NULL || ctx == NULL)
		return -OTK_INTERNAL;
	if (EVP_DigestInit_ex2(ctx, sha256, NULL) != 1 ||
	        EVP_DigestUpdate(ctx, salt, CONTENT_SALT_SIZE) != 1 ||
	        EVP_DigestUpdate(ctx, text, size) != 1 ||
	        EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
		return -OTK_INTERNAL;
	return 0;
}

int content_seal(const void *text, size_t size, uint8_t salt[CONTENT_SALT_SIZE],
        uint8_t hash[CONTENT_HASH_SIZE])
{
	if (RAND_bytes(salt, CONTENT_SALT_SIZE) != 1)
		return -OTK_INTERNAL;
	return content_hash(salt, text, size, hash);
}

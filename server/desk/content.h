/* Texts of the journal: the salt and hash by which an erased or altered one is told. */
#ifndef OTKLIK_DESK_CONTENT_H
#define OTKLIK_DESK_CONTENT_H

#include <stddef.h>
#include <stdint.h>

enum { CONTENT_SALT_SIZE = 32, CONTENT_HASH_SIZE = 32 };

/* SHA-256(salt ‖ text). 0, or -OTK_INTERNAL when OpenSSL fails. */
int content_hash(const uint8_t salt[CONTENT_SALT_SIZE], const void *text, size_t size,
        uint8_t hash[CONTENT_HASH_SIZE]);

/* A random salt, and the hash under it. 0, or -OTK_INTERNAL. */
int content_seal(const void *text, size_t size, uint8_t salt[CONTENT_SALT_SIZE],
        uint8_t hash[CONTENT_HASH_SIZE]);

#endif

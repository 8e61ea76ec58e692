/* UUIDs: random (v4) and derived from a name (v5). RFC 9562. */
#ifndef OTKLIK_BASE_UUID_H
#define OTKLIK_BASE_UUID_H

#include <stddef.h>
#include <stdint.h>

enum { UUID_TEXT_SIZE = 37 };

struct uuid {
	uint8_t bytes[16];
};

/* Random version 4. 0, or -OTK_INTERNAL when the system gives no randomness. */
int uuid_v4(struct uuid *out);

/* Version 5 of `name` (length bytes) within the namespace `space`. */
void uuid_v5(const struct uuid *space, const void *name, size_t length, struct uuid *out);

int uuid_is_nil(const struct uuid *id);
const char *uuid_format(const struct uuid *id, char out[UUID_TEXT_SIZE]);

/* The 8-4-4-4-12 form, either case. 0, or -OTK_INVALID_ARGUMENT. */
int uuid_parse(const char *text, struct uuid *out);

#endif

/*
 * Cursors of lists: where a page ended, as bytes that only this installation can make and only
 * the same caller can use for the same list.
 */
#ifndef OTKLIK_RPC_CURSOR_H
#define OTKLIK_RPC_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* What a keyset cursor stands on; what the numbers mean is the list's own. */
struct cursor {
	int64_t id;
	int64_t at;
};

/* What it is bound to. `filter` are bytes that tell one list from another. */
struct cursor_binding {
	const void *secret;
	size_t secret_size;
	int32_t principal_id;
	const void *filter;
	size_t filter_size;
};

/* Format 1: u8 version, i64 id, i64 at (big-endian), 16 bytes of HMAC-SHA256. */
enum { CURSOR_SIZE = 33 };

/* 0, or -OTK_INTERNAL when OpenSSL fails. */
int cursor_write(
        const struct cursor *cursor, const struct cursor_binding *to, uint8_t out[CURSOR_SIZE]);

/*
 * 0; -OTK_INVALID_ARGUMENT for bytes that are no cursor of this caller and list; -OTK_INTERNAL.
 */
int cursor_read(
        struct cursor *out, const struct cursor_binding *to, const void *data, size_t size);

#endif

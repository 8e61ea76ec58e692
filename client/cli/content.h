/* Files on their way to and from the server. */
#ifndef OTKLIK_CLI_CONTENT_H
#define OTKLIK_CLI_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

enum { CONTENT_PIECE = 256 * 1024, CONTENT_HASH = 32 };

/*
 * One upload. Bytes come in pieces of any length and go out in pieces of the protocol's length.
 * `customer` and `hash` must live until content_put_end.
 */
struct content_put {
	struct cli *cli;
	const char *customer;
	const uint8_t *hash;
	int64_t size;
	uint32_t index;
	size_t length;
	uint8_t piece[CONTENT_PIECE];
};

/* Of the size of a sink of mail_attachment_read: 0, or negative with *err filled. */
int content_put_bytes(
        struct content_put *put, const void *data, size_t size, struct otk_error *err);
int content_put_end(struct content_put *put, struct otk_error *err);

/*
 * A name from outside as a file of the current folder: its last part, without what a terminal,
 * a shell or a file system may trip over, never empty, never beginning with a dot or a dash.
 */
void content_name(const char *name, char out[256]);

#endif

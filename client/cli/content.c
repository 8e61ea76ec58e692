/* See content.h. */
#include "cli/content.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "otklik/v1/mail.pb-c.h"

static int piece_send(struct content_put *put, struct otk_error *err)
{
	Otklik__V1__PutContentRequest in = OTKLIK__V1__PUT_CONTENT_REQUEST__INIT;
	int rc;

	in.customer = (char *)(uintptr_t)put->customer;
	in.hash.data = (uint8_t *)(uintptr_t)put->hash;
	in.hash.len = CONTENT_HASH;
	in.size = put->size;
	in.index = put->index;
	in.data.data = put->piece;
	in.data.len = put->length;
	rc = client_call(put->cli->client, METHOD_PUT_CONTENT, &in.base, NULL, err);
	put->index++;
	put->length = 0;
	return rc;
}

int content_put_bytes(
        struct content_put *put, const void *data, size_t size, struct otk_error *err)
{
	const uint8_t *bytes = data;
	int rc = 0;

	while (rc == 0 && size > 0) {
		size_t room = sizeof put->piece - put->length;
		size_t n = size < room ? size : room;

		memcpy(put->piece + put->length, bytes, n);
		put->length += n;
		bytes += n;
		size -= n;
		if (put->length == sizeof put->piece)
			rc = piece_send(put, err);
	}
	return rc;
}

int content_put_end(struct content_put *put, struct otk_error *err)
{
	return put->length > 0 ? piece_send(put, err) : 0;
}

void content_name(const char *name, char out[256])
{
	const char *last = name;
	size_t n = 0;

	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '/' || *c == '\\')
			last = c + 1;
	}
	for (const char *c = last; *c != '\0' && n < 250;) {
		size_t unwanted = text_unwanted(c, true);

		if (unwanted > 0 || strchr(":*?\"<>|$`'!;&", *c) != NULL) {
			out[n++] = '_';
			c += unwanted > 0 ? unwanted : 1;
			continue;
		}
		if (n == 0 && (*c == '.' || *c == '-' || *c == ' ')) {
			out[n++] = '_';
			c++;
			continue;
		}
		out[n++] = *c++;
	}
	out[n] = '\0';
	text_cut_utf8(out, 200);
	if (text_is_blank(out))
		(void)snprintf(out, 256, "attachment");
}

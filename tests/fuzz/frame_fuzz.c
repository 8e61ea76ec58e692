/*
 * The frame decoder: any bytes, in any pieces. The first byte says how they are cut. However
 * they come, the same frames come out; nothing is written past a payload's place.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "wire/frame.h"
#include "wire/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A number that tells the frames and the end that came out of the bytes. */
static uint64_t run(const uint8_t *data, size_t size, size_t chunk)
{
	const unsigned all = FRAMES_BEFORE_HELLO | FRAMES_FROM_CLIENT | FRAMES_FROM_SERVER;
	struct frame_decoder decoder;
	uint64_t seen = 1;
	uint8_t *payload = NULL;
	size_t at = 0;

	frame_decoder_init(&decoder, all, 4096);
	while (at < size) {
		size_t left = size - at < chunk ? size - at : chunk;

		while (left > 0) {
			struct otk_error err;
			size_t used;
			int rc = frame_decode(&decoder, data + at, left, &used, &err);

			at += used;
			left -= used;
			if (rc < 0) {
				free(payload);
				return seen * 31 + (uint64_t)-rc;
			}
			if (rc == FRAME_AT_HEADER) {
				free(payload);
				/* Of its exact size, so that the sanitizer sees an overrun. */
				payload = malloc(decoder.header.length + 1u);
				if (payload == NULL)
					abort();
				frame_decoder_place(&decoder, payload);
				/* A frame without payload is complete without more bytes. */
				if (left == 0 && decoder.header.length == 0)
					rc = frame_decode(&decoder, data, 0, &used, &err);
			}
			if (rc == FRAME_COMPLETE)
				seen = seen * 31 + decoder.header.type +
				       decoder.header.request_id + decoder.header.length;
		}
	}
	free(payload);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (run(data + 1, size - 1, (size_t)data[0] + 1) != run(data + 1, size - 1, SIZE_MAX))
		abort();
	return 0;
}

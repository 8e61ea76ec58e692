/*
 * Decoding of untrusted messages: the first byte chooses the method, the second request or
 * reply, the rest are the bytes. What was judged good unpacks, within the budget, and can be
 * packed and judged good again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/methods.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct method *method;
	const ProtobufCMessageDescriptor *type;
	ProtobufCMessage *message = NULL;
	struct otk_error err;
	struct arena *arena;
	uint8_t *again;
	size_t packed;
	int rc;

	if (size < 2)
		return 0;
	method = method_at(data[0] % method_count());
	type = (data[1] & 1) != 0 ? method->out : method->in;
	arena = arena_new(WIRE_DECODE_BUDGET);
	if (arena == NULL)
		abort();
	rc = decode_message(type, data + 2, size - 2, arena, &message, &err);
	if ((rc == 0) != (message != NULL) || arena_used(arena) > WIRE_DECODE_BUDGET)
		abort();
	if (rc == 0) {
		packed = protobuf_c_message_get_packed_size(message);
		again = malloc(packed + 1);
		if (again == NULL)
			abort();
		if (protobuf_c_message_pack(message, again) != packed ||
		        decode_check(type, again, packed, &err) != 0)
			abort();
		free(again);
	}
	arena_free(arena);
	return 0;
}

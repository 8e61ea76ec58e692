/* Judging encoded messages against the schema, then unpacking them into an arena. */
#include "wire/decode.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/limits.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

/* Bytes not read yet. */
struct span {
	const uint8_t *at;
	const uint8_t *end;
};

/* One message being judged; the chain of them up to the root is the path in an error. */
struct level {
	const struct level *parent;
	const ProtobufCMessageDescriptor *type;
	const ProtobufCFieldDescriptor *field; /* the one at hand; NULL: none known */
	uint32_t index;                        /* of the element at hand, if repeated */
	uint32_t counts[WIRE_FIELDS_MAX];      /* occurrences or elements so far, per field */
};

struct judge {
	struct otk_error *err;
	uint32_t elements;
	uint32_t unknown;
	unsigned depth;
};

/* "items[3].title" of the field at hand; cut where it does not fit. */
static void path_write(const struct level *level, char out[OTK_FIELD_SIZE])
{
	const struct level *chain[WIRE_DEPTH_MAX + 1];
	size_t n = 0, at = 0;

	for (; level != NULL; level = level->parent) {
		if (level->field != NULL)
			chain[n++] = level;
	}
	out[0] = '\0';
	while (n > 0 && at < OTK_FIELD_SIZE) {
		const struct level *one = chain[--n];
		int wrote = one->field->label == PROTOBUF_C_LABEL_REPEATED
		                    ? snprintf(out + at, OTK_FIELD_SIZE - at, "%s%s[%u]",
		                              at == 0 ? "" : ".", one->field->name, one->index)
		                    : snprintf(out + at, OTK_FIELD_SIZE - at, "%s%s",
		                              at == 0 ? "" : ".", one->field->name);

		at += (size_t)wrote;
	}
}

static int malformed(const struct judge *judge, const struct level *level, const char *what)
{
	char path[OTK_FIELD_SIZE];

	path_write(level, path);
	return error_set(judge->err, OTK_INVALID_ARGUMENT, "MALFORMED_MESSAGE",
	        "%s is not a well-formed protobuf message: %s%s%s", level->type->name, what,
	        path[0] == '\0' ? "" : " at ", path);
}

static int too_complex(const struct judge *judge, const char *what, unsigned long limit)
{
	return error_set(judge->err, OTK_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
	        "the message has more than %lu %s; send it in smaller parts", limit, what);
}

/* 0, or -1 at the end of the bytes or past ten of them. */
static int read_varint(struct span *span, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 70 && span->at < span->end; shift += 7) {
		uint8_t byte = *span->at++;

		if (shift == 63 && byte > 1)
			return -1;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*out = value;
			return 0;
		}
	}
	return -1;
}

static int read_skip(struct span *span, uint64_t size)
{
	if (size > (uint64_t)(span->end - span->at))
		return -1;
	span->at += size;
	return 0;
}

/* The bytes of a length-delimited value. */
static int read_inner(struct span *span, struct span *inner)
{
	uint64_t size;

	if (read_varint(span, &size) < 0)
		return -1;
	inner->at = span->at;
	if (read_skip(span, size) < 0)
		return -1;
	inner->end = span->at;
	return 0;
}

static enum wire_type wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_FIXED32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_LENGTH;
	default:
		return WIRE_VARINT;
	}
}

/* A varint must fit its type, and an enum value be one the schema names. */
static int judge_varint(const struct judge *judge, const struct level *level, uint64_t value)
{
	const ProtobufCFieldDescriptor *field = level->field;
	int64_t as_signed = (int64_t)value;
	char path[OTK_FIELD_SIZE];

	switch (field->type) {
	case PROTOBUF_C_TYPE_ENUM:
		if (as_signed >= INT32_MIN && as_signed <= INT32_MAX &&
		        protobuf_c_enum_descriptor_get_value(
		                field->descriptor, (int)as_signed) != NULL)
			return 0;
		path_write(level, path);
		return error_field(judge->err, path,
		        "%lld is not a value of %s that this side knows", (long long)as_signed,
		        ((const ProtobufCEnumDescriptor *)field->descriptor)->short_name);
	case PROTOBUF_C_TYPE_INT32:
		if (as_signed >= INT32_MIN && as_signed <= INT32_MAX)
			return 0;
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_SINT32:
		if (value <= UINT32_MAX)
			return 0;
		break;
	case PROTOBUF_C_TYPE_BOOL:
		if (value <= 1)
			return 0;
		break;
	default:
		return 0;
	}
	path_write(level, path);
	return error_field(judge->err, path, "the number does not fit the type of the field");
}

static int judge_length(
        const struct judge *judge, const struct level *level, size_t size, size_t general)
{
	size_t limit = general;
	char path[OTK_FIELD_SIZE];

	if (size <= WIRE_CAP_LEAST)
		return 0;
	limit = limits_length_max(level->type->name, level->field->name, general);
	if (size <= limit)
		return 0;
	path_write(level, path);
	return error_field(judge->err, path, "%zu bytes; at most %zu are taken", size, limit);
}

static int judge_string(
        const struct judge *judge, const struct level *level, const struct span *text)
{
	size_t size = (size_t)(text->end - text->at);
	int rc = judge_length(judge, level, size, WIRE_STRING_MAX);
	char path[OTK_FIELD_SIZE];

	if (rc < 0 || size == 0)
		return rc;
	if (memchr(text->at, '\0', size) != NULL) {
		path_write(level, path);
		return error_field(judge->err, path, "text must not contain a zero byte");
	}
	if (!text_is_utf8((const char *)text->at, size)) {
		path_write(level, path);
		return error_field(judge->err, path, "text must be well-formed UTF-8");
	}
	return 0;
}

static int judge_message(struct judge *judge, const struct level *parent,
        const ProtobufCMessageDescriptor *type, struct span span);

/* One value of the field at hand, of its own wire type. */
static int judge_value(struct judge *judge, struct level *level, struct span *span)
{
	const ProtobufCFieldDescriptor *field = level->field;
	struct span inner;
	uint64_t number;

	switch (wire_type_of(field->type)) {
	case WIRE_VARINT:
		if (read_varint(span, &number) < 0)
			return malformed(judge, level, "a number is cut or too long");
		return judge_varint(judge, level, number);
	case WIRE_FIXED32:
		return read_skip(span, 4) < 0 ? malformed(judge, level, "a number is cut") : 0;
	case WIRE_FIXED64:
		return read_skip(span, 8) < 0 ? malformed(judge, level, "a number is cut") : 0;
	default:
		break;
	}
	if (read_inner(span, &inner) < 0)
		return malformed(judge, level, "a length runs past the end");
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return judge_message(judge, level, field->descriptor, inner);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return judge_string(judge, level, &inner);
	return judge_length(judge, level, (size_t)(inner.end - inner.at), WIRE_BYTES_MAX);
}

/* Counts one more value of the field at hand. */
static int judge_count(struct judge *judge, struct level *level)
{
	const ProtobufCFieldDescriptor *field = level->field;
	uint32_t *count = &level->counts[field - level->type->fields];
	char path[OTK_FIELD_SIZE];

	level->index = (*count)++;
	if (++judge->elements > WIRE_ELEMENTS_MAX)
		return too_complex(judge, "fields", WIRE_ELEMENTS_MAX);
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return *count == 1 ? 0
		                   : malformed(judge, level, "a singular field occurs twice");
	if (*count > WIRE_COUNT_CAP_LEAST) {
		size_t limit =
		        limits_count_max(level->type->name, field->name, WIRE_REPEATED_MAX);

		if (*count > limit) {
			path_write(level, path);
			return error_field(
			        judge->err, path, "at most %zu elements are taken", limit);
		}
	}
	return 0;
}

static int judge_packed(struct judge *judge, struct level *level, struct span *span)
{
	struct span inner;
	int rc = 0;

	if (read_inner(span, &inner) < 0)
		return malformed(judge, level, "a length runs past the end");
	while (rc == 0 && inner.at < inner.end) {
		rc = judge_count(judge, level);
		if (rc == 0)
			rc = judge_value(judge, level, &inner);
	}
	return rc;
}

static int judge_unknown(
        struct judge *judge, struct level *level, struct span *span, unsigned wire_type)
{
	struct span inner;
	uint64_t number;
	int rc = -1;

	if (++judge->unknown > WIRE_UNKNOWN_MAX)
		return too_complex(judge, "unknown fields", WIRE_UNKNOWN_MAX);
	if (wire_type == WIRE_VARINT)
		rc = read_varint(span, &number);
	else if (wire_type == WIRE_FIXED64)
		rc = read_skip(span, 8);
	else if (wire_type == WIRE_LENGTH)
		rc = read_inner(span, &inner);
	else if (wire_type == WIRE_FIXED32)
		rc = read_skip(span, 4);
	return rc < 0 ? malformed(judge, level, "an unknown field is cut or of an unknown kind")
	              : 0;
}

static int judge_field(struct judge *judge, struct level *level, struct span *span)
{
	const ProtobufCFieldDescriptor *field;
	uint64_t tag;
	unsigned wire_type;
	int rc;

	level->field = NULL;
	if (read_varint(span, &tag) < 0 || tag > UINT32_MAX || tag >> 3 == 0)
		return malformed(judge, level, "a field number is cut or out of range");
	wire_type = (unsigned)(tag & 7);
	field = protobuf_c_message_descriptor_get_field(level->type, (unsigned)(tag >> 3));
	if (field == NULL)
		return judge_unknown(judge, level, span, wire_type);
	level->field = field;
	if (wire_type == (unsigned)wire_type_of(field->type)) {
		rc = judge_count(judge, level);
		return rc < 0 ? rc : judge_value(judge, level, span);
	}
	if (wire_type == WIRE_LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED)
		return judge_packed(judge, level, span);
	return malformed(judge, level, "a field is not of its declared kind");
}

static int judge_message(struct judge *judge, const struct level *parent,
        const ProtobufCMessageDescriptor *type, struct span span)
{
	struct level level;
	int rc = 0;

	if (type->n_fields > WIRE_FIELDS_MAX || judge->depth >= WIRE_DEPTH_MAX)
		return too_complex(judge, "nested messages", WIRE_DEPTH_MAX);
	level.parent = parent;
	level.type = type;
	memset(level.counts, 0, type->n_fields * sizeof level.counts[0]);
	judge->depth++;
	while (rc == 0 && span.at < span.end)
		rc = judge_field(judge, &level, &span);
	judge->depth--;
	return rc;
}

int decode_check(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size,
        struct otk_error *err)
{
	struct otk_error ignored;
	struct judge judge = {.err = err == NULL ? &ignored : err};
	struct span span = {.at = data, .end = size == 0 ? data : data + size};

	error_clear(judge.err);
	return judge_message(&judge, NULL, type, span);
}

static void *allocator_alloc(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void allocator_free(void *arena, void *pointer)
{
	(void)arena;
	(void)pointer;
}

ProtobufCAllocator decode_allocator(struct arena *arena)
{
	return (ProtobufCAllocator){
	        .alloc = allocator_alloc, .free = allocator_free, .allocator_data = arena};
}

int decode_message(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size,
        struct arena *arena, ProtobufCMessage **out, struct otk_error *err)
{
	ProtobufCAllocator allocator = decode_allocator(arena);
	ProtobufCMessage *message;
	int rc = decode_check(type, data, size, err);

	if (rc < 0)
		return rc;
	message = protobuf_c_message_unpack(type, &allocator, size, data);
	if (message != NULL) {
		*out = message;
		return 0;
	}
	if (arena_exhausted(arena))
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
		        "the message needs more memory than one request may use; send it in "
		        "smaller parts");
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
	        "memory is out while reading a %s", type->name);
}

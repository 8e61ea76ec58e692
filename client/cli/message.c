/* Filling protobuf messages by field name. */
#include "cli/message.h"

#include <stdio.h>
#include <stdlib.h>

ProtobufCMessage *message_new(struct arena *arena, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = arena_alloc(arena, type->sizeof_message);

	if (message != NULL)
		protobuf_c_message_init(type, message);
	return message;
}

static void *place(const ProtobufCMessage *message, const char *field,
        const ProtobufCFieldDescriptor **found)
{
	const ProtobufCFieldDescriptor *f =
	        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, field);

	if (f == NULL) {
		(void)fprintf(stderr, "otklik: %s has no field %s\n", message->descriptor->name,
		        field);
		abort();
	}
	*found = f;
	return (char *)(uintptr_t)message + f->offset;
}

void message_set_text(ProtobufCMessage *message, const char *field, const char *text)
{
	const ProtobufCFieldDescriptor *f;
	char **at = place(message, field, &f);

	*at = (char *)(uintptr_t)text;
}

void message_set_number(ProtobufCMessage *message, const char *field, int64_t value)
{
	const ProtobufCFieldDescriptor *f;
	void *at = place(message, field, &f);

	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		*(int64_t *)at = value;
		break;
	default: /* int32, uint32, enum */
		*(int32_t *)at = (int32_t)value;
		break;
	}
}

void message_set_flag(ProtobufCMessage *message, const char *field, bool value)
{
	const ProtobufCFieldDescriptor *f;
	protobuf_c_boolean *at = place(message, field, &f);

	*at = value;
}

bool message_has(const ProtobufCMessage *message, const char *field)
{
	return protobuf_c_message_descriptor_get_field_by_name(message->descriptor, field) !=
	       NULL;
}

const ProtobufCMessage *message_get(const ProtobufCMessage *message, const char *field)
{
	const ProtobufCFieldDescriptor *f;

	return *(const ProtobufCMessage *const *)place(message, field, &f);
}

/* Filling protobuf messages by field name: from options and from YAML files. */
#ifndef OTKLIK_CLI_MESSAGE_H
#define OTKLIK_CLI_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/* A new, empty message of the type; NULL when memory is out. */
ProtobufCMessage *message_new(struct arena *arena, const ProtobufCMessageDescriptor *type);

/* Sets a scalar field that the type has; a mistake in the name aborts. Text is not copied. */
void message_set_text(ProtobufCMessage *message, const char *field, const char *text);
void message_set_number(ProtobufCMessage *message, const char *field, int64_t value);
void message_set_flag(ProtobufCMessage *message, const char *field, bool value);

/* True where the type has the field. */
bool message_has(const ProtobufCMessage *message, const char *field);

/* The message in a field of message type, or NULL. */
const ProtobufCMessage *message_get(const ProtobufCMessage *message, const char *field);

#endif

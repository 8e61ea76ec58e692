/* Protobuf messages as JSON, by reflection. */
#ifndef OTKLIK_CLI_JSON_H
#define OTKLIK_CLI_JSON_H

#include <stdio.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/*
 * An object with the message's fields under their names. Enums become lower-case words without
 * their prefix ("in_progress", unspecified is null), instants `x_us` become `x` in RFC 3339 UTC
 * (0 is null), durations consumed_us, target_us and age_us become `x_s` in seconds, bytes hex.
 * A new reference, or NULL when memory is out.
 */
json_t *json_of_message(const ProtobufCMessage *message);

/* Prints it with a newline. 0 or EXIT_IO. */
int json_print_message(const ProtobufCMessage *message, FILE *out);

/* The lower-case word of an enum value: "pending", "" for unspecified or unknown. */
void json_enum_word(const ProtobufCEnumDescriptor *type, int value, char *out, size_t size);

/* The value of a word, or -1: json_enum_word backwards. */
int json_enum_value(const ProtobufCEnumDescriptor *type, const char *word);

#endif

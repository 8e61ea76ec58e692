/* Protobuf messages as JSON, by reflection. */
#ifndef OTKLIK_CLI_JSON_H
#define OTKLIK_CLI_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/*
 * An object with the message's fields under their names. Enums become lower-case words without
 * their prefix ("in_progress", unspecified is null), instants `x_us` become `x` in RFC 3339 UTC
 * (0 is null), durations (consumed_us, target_us, age_us, lead_us, notice_us, median_slip_us)
 * become `x_s` in seconds, bytes hex.
 * A new reference, or NULL when memory is out.
 */
json_t *json_of_message(const ProtobufCMessage *message);

/* Prints it with a newline. 0 or EXIT_IO. */
int json_print_message(const ProtobufCMessage *message, FILE *out);

/*
 * Prints a value and takes the reference; indented by two where `pretty`, else in one line.
 * Controls and bidi marks are written as \u escapes: a terminal may show what comes out. No
 * newline is added. 0 or EXIT_IO, nothing being told.
 */
int json_put(json_t *value, bool pretty, FILE *out);

/* An array written object by object, one a line, so that it never has to be in memory. */
struct json_list {
	FILE *out;
	bool any;
};
void json_list_add(struct json_list *list, json_t *value); /* takes the reference */
void json_list_end(struct json_list *list);

/* 0; or EXIT_IO, the reason being printed, when what was written did not arrive. */
int output_check(FILE *out);

/* The lower-case word of an enum value: "pending", "" for unspecified or unknown. */
void json_enum_word(const ProtobufCEnumDescriptor *type, int value, char *out, size_t size);

/* The value of a word, or -1: json_enum_word backwards. */
int json_enum_value(const ProtobufCEnumDescriptor *type, const char *word);

#endif

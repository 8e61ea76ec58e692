/* A protobuf message as YAML that yaml_message.h reads back. */
#ifndef OTKLIK_CLI_YAML_WRITE_H
#define OTKLIK_CLI_YAML_WRITE_H

#include <stdio.h>

#include <protobuf-c/protobuf-c.h>

/*
 * Fields by number under their names, empty ones left out; messages in a list one a line where
 * they fit. Texts of others are quoted and their controls escaped. 0 or EXIT_IO.
 */
int yaml_write_message(const ProtobufCMessage *message, FILE *out);

#endif

/* A YAML file read into a protobuf message: keys are field names, errors name file and line. */
#ifndef OTKLIK_CLI_YAML_MESSAGE_H
#define OTKLIK_CLI_YAML_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"

enum { YAML_FILE_MAX = 4 * 1024 * 1024, YAML_DEPTH_MAX = 16, YAML_NODES_MAX = 200000 };

struct yaml_lines; /* which line each field came from */

/*
 * Reads the file into a new message in the arena. Mappings are messages, sequences repeated
 * fields (a single scalar stands for a sequence of one), scalars texts, numbers, true/false or
 * words of an enum. Unknown and repeated keys, aliases, wrong kinds and sizes are errors that
 * say "file:line: path: what would be right". *lines (may be NULL) lives in the arena. 0 or a
 * negative status.
 */
int yaml_message_read(struct arena *arena, const char *path,
        const ProtobufCMessageDescriptor *type, ProtobufCMessage **message,
        struct yaml_lines **lines, struct otk_error *err);

/* The line of a field path such as "contracts[1].targets[0].target", or of its nearest parent.
 */
unsigned yaml_line_of(const struct yaml_lines *lines, const char *path);

#endif

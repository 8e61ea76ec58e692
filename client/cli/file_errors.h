/* Mistakes that the server found in what came from a file: told with file and line. */
#ifndef OTKLIK_CLI_FILE_ERRORS_H
#define OTKLIK_CLI_FILE_ERRORS_H

#include "cli/yaml_message.h"

/*
 * Prints "otklik: file:line: path: what is wrong" for each violation; of paths that begin with
 * `prefix` ("installation.") that is left out; what came from an option is told without a line.
 * Returns the exit code of the status.
 */
int file_errors_print(const char *file, const struct yaml_lines *lines, const char *prefix,
        const struct otk_error *err);

#endif

/*
 * Configuration files of the programs: lines of `name = value`, `#` comments. One table row
 * per option holds name, type, bounds, default and prose; it reads the file, checks it and
 * documents it.
 */
#ifndef OTKLIK_BASE_CONF_H
#define OTKLIK_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum conf_type { CONF_TEXT, CONF_INT, CONF_BOOL };

struct conf_option {
	const char *name;
	enum conf_type type;
	size_t offset;        /* of the field in the settings struct: char *, int64_t or bool */
	const char *fallback; /* default as text; NULL: required */
	int64_t min;          /* CONF_INT */
	int64_t max;          /* CONF_INT; CONF_TEXT: greatest length, 0 = 4096 */
	const char *prose;
};

/* Sets every option of `settings` to its default (required ones to NULL/0). Texts are malloced.
 */
int conf_defaults(const struct conf_option *options, size_t count, void *settings);

/*
 * Reads the file over the defaults. An unknown name, a repeated one, a bad value or a missing
 * required option is an error that names file, line, option and what would be right. Lines are
 * at most 8 KiB, files 1 MiB. On error `settings` still must be given to conf_release.
 */
int conf_load(const struct conf_option *options, size_t count, const char *path, void *settings,
        struct otk_error *err);

/* Frees the texts and sets them to NULL. */
void conf_release(const struct conf_option *options, size_t count, void *settings);

/* Prints an annotated file with the values of `settings`. */
void conf_print(
        const struct conf_option *options, size_t count, const void *settings, FILE *out);

#endif

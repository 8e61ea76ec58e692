/* Configuration files. */
#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { CONF_LINE_MAX = 8192, CONF_FILE_MAX = 1024 * 1024, CONF_TEXT_MAX = 4096 };

static void *field_of(const struct conf_option *option, void *settings)
{
	return (char *)settings + option->offset;
}

/* 0; -OTK_INVALID_ARGUMENT for a bad value; -OTK_RESOURCE_EXHAUSTED when memory is out. */
static int option_set(const struct conf_option *option, void *settings, const char *value)
{
	switch (option->type) {
	case CONF_TEXT: {
		size_t max = option->max > 0 ? (size_t)option->max : CONF_TEXT_MAX;
		char **field = field_of(option, settings);
		char *copy;

		if (strlen(value) > max || !text_is_utf8(value, strlen(value)))
			return -OTK_INVALID_ARGUMENT;
		copy = strdup(value);
		if (copy == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		free(*field);
		*field = copy;
		return 0;
	}
	case CONF_INT:
		return text_to_i64(
		        value, option->min, option->max, (int64_t *)field_of(option, settings));
	case CONF_BOOL: {
		bool *field = field_of(option, settings);

		if (strcmp(value, "yes") == 0)
			*field = true;
		else if (strcmp(value, "no") == 0)
			*field = false;
		else
			return -OTK_INVALID_ARGUMENT;
		return 0;
	}
	}
	return -OTK_INTERNAL;
}

int conf_defaults(const struct conf_option *options, size_t count, void *settings)
{
	for (size_t i = 0; i < count; i++) {
		if (options[i].type == CONF_TEXT)
			*(char **)field_of(&options[i], settings) = NULL;
		if (options[i].fallback != NULL) {
			int rc = option_set(&options[i], settings, options[i].fallback);

			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

static char *trimmed(char *text)
{
	size_t n;

	while (*text == ' ' || *text == '\t')
		text++;
	n = strlen(text);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	return text;
}

static int value_error(const struct conf_option *option, const char *path, size_t number,
        const char *value, struct otk_error *err)
{
	switch (option->type) {
	case CONF_INT:
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s:%zu: %s = %.100s: must be a whole number from %lld to %lld", path,
		        number, option->name, value, (long long)option->min,
		        (long long)option->max);
	case CONF_BOOL:
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s:%zu: %s = %.100s: must be yes or no", path, number, option->name,
		        value);
	case CONF_TEXT:
		break;
	}
	return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
	        "%s:%zu: %s: must be UTF-8 text of at most %lld bytes", path, number,
	        option->name, (long long)(option->max > 0 ? option->max : CONF_TEXT_MAX));
}

static int line_apply(const struct conf_option *options, size_t count, bool *seen,
        const char *path, size_t number, char *line, void *settings, struct otk_error *err)
{
	char *name = trimmed(line);
	char *equals;
	char *value;

	if (*name == '\0' || *name == '#')
		return 0;
	equals = strchr(name, '=');
	if (equals == NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_LINE",
		        "%s:%zu: a line must be `name = value`", path, number);
	*equals = '\0';
	name = trimmed(name);
	value = trimmed(equals + 1);
	for (size_t i = 0; i < count; i++) {
		int rc;

		if (strcmp(options[i].name, name) != 0)
			continue;
		if (seen[i])
			return error_set(err, OTK_INVALID_ARGUMENT, "REPEATED_OPTION",
			        "%s:%zu: %s is set twice; keep one", path, number, name);
		seen[i] = true;
		rc = option_set(&options[i], settings, value);
		if (rc == -OTK_INVALID_ARGUMENT)
			return value_error(&options[i], path, number, value, err);
		if (rc != 0)
			return error_set(
			        err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return 0;
	}
	return error_set(err, OTK_INVALID_ARGUMENT, "UNKNOWN_OPTION",
	        "%s:%zu: there is no option named %.100s", path, number, name);
}

static int lines_read(FILE *file, const struct conf_option *options, size_t count, bool *seen,
        const char *path, void *settings, struct otk_error *err)
{
	char line[CONF_LINE_MAX];
	size_t number = 0;
	size_t total = 0;

	while (fgets(line, sizeof line, file) != NULL) {
		size_t length = strlen(line);
		int rc;

		number++;
		total += length;
		if ((length == sizeof line - 1 && line[length - 1] != '\n') ||
		        total > CONF_FILE_MAX)
			return error_set(err, OTK_INVALID_ARGUMENT, "TOO_LONG",
			        "%s:%zu: a line is at most %d bytes, a file %d", path, number,
			        CONF_LINE_MAX - 2, CONF_FILE_MAX);
		rc = line_apply(options, count, seen, path, number, line, settings, err);
		if (rc != 0)
			return rc;
	}
	if (ferror(file))
		return error_set(
		        err, OTK_NOT_FOUND, "UNREADABLE", "%s: %s", path, strerror(errno));
	return 0;
}

int conf_load(const struct conf_option *options, size_t count, const char *path, void *settings,
        struct otk_error *err)
{
	FILE *file;
	bool *seen;
	int rc;

	rc = conf_defaults(options, count, settings);
	if (rc != 0)
		return error_set(err, OTK_INTERNAL, "BAD_DEFAULT", "a default does not fit");
	file = fopen(path, "re");
	if (file == NULL)
		return error_set(
		        err, OTK_NOT_FOUND, "UNREADABLE", "%s: %s", path, strerror(errno));
	seen = calloc(count, sizeof *seen);
	if (seen == NULL) {
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		goto out_close;
	}
	rc = lines_read(file, options, count, seen, path, settings, err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (options[i].fallback == NULL && !seen[i])
			rc = error_set(err, OTK_INVALID_ARGUMENT, "MISSING_OPTION",
			        "%s: %s is required: %s", path, options[i].name,
			        options[i].prose);
	}
	free(seen);
out_close:
	(void)fclose(file);
	return rc;
}

void conf_release(const struct conf_option *options, size_t count, void *settings)
{
	for (size_t i = 0; i < count; i++) {
		if (options[i].type == CONF_TEXT) {
			char **field = field_of(&options[i], settings);

			free(*field);
			*field = NULL;
		}
	}
}

void conf_print(
        const struct conf_option *options, size_t count, const void *settings, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		const char *field = (const char *)settings + options[i].offset;

		(void)fprintf(out, "# %s\n%s = ", options[i].prose, options[i].name);
		switch (options[i].type) {
		case CONF_TEXT: {
			const char *text = *(char *const *)(const void *)field;

			(void)fprintf(out, "%s\n\n", text == NULL ? "" : text);
			break;
		}
		case CONF_INT:
			(void)fprintf(out, "%lld\n\n",
			        (long long)*(const int64_t *)(const void *)field);
			break;
		case CONF_BOOL:
			(void)fprintf(out, "%s\n\n",
			        *(const bool *)(const void *)field ? "yes" : "no");
			break;
		}
	}
}

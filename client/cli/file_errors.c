/* Violations of fields, found again in the file they came from. */
#include "cli/file_errors.h"

#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/cli.h"

int file_errors_print(const char *file, const struct yaml_lines *lines, const char *prefix,
        const struct otk_error *err)
{
	if (err->violation_count == 0)
		return cli_fail(err);
	for (size_t i = 0; i < err->violation_count; i++) {
		const char *path = err->violations[i].field;
		size_t length = strlen(path);

		/* An instant or a span of the request: those come from options, never from
		 * files. */
		if (length > 3 && strcmp(path + length - 3, "_us") == 0) {
			clean_printf(stderr, "otklik: --%.*s: %s", (int)(length - 3), path,
			        err->violations[i].description);
			(void)fputc('\n', stderr);
			continue;
		}
		if (strncmp(path, prefix, strlen(prefix)) == 0)
			path += strlen(prefix);
		clean_printf(stderr, "otklik: %s:%u: %s: %s", file, yaml_line_of(lines, path),
		        path, err->violations[i].description);
		(void)fputc('\n', stderr);
	}
	if (err->violation_count == OTK_VIOLATIONS_MAX)
		(void)fputs("otklik: there may be more: these are told first\n", stderr);
	return cli_exit_code(err->code);
}

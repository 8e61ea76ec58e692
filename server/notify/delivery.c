/* See delivery.h. */
#include "notify/delivery.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

enum { FIRST_S = 10, MOST_S = 3600, JITTER_PERCENT = 20 };

int64_t delivery_retry_us(int attempt, uint32_t random)
{
	int64_t seconds = FIRST_S;
	int64_t jitter =
	        (int64_t)(random % (2 * JITTER_PERCENT * 10 + 1)) - JITTER_PERCENT * 10;

	for (int i = 1; i < attempt && seconds < MOST_S; i++)
		seconds *= 2;
	if (seconds > MOST_S)
		seconds = MOST_S;
	return seconds * (SECOND_US / 1000) * (1000 + jitter);
}

void delivery_fail(struct delivery *d, enum outcome outcome, const char *format, ...)
{
	va_list args;

	d->outcome = outcome;
	va_start(args, format);
	(void)vsnprintf(d->error, sizeof d->error, format, args);
	va_end(args);
}

char *delivery_secret(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (file == NULL)
		return NULL;
	length = getline(&line, &size, file);
	(void)fclose(file);
	if (length > 0)
		line[strcspn(line, "\r\n")] = '\0';
	if (length <= 0 || line[0] == '\0') {
		free(line);
		errno = ENODATA;
		return NULL;
	}
	return line;
}

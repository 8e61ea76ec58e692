/* Structured log. */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/time_text.h"

enum { LOG_LINE_SIZE = 2048 };

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

static struct {
	int fd;
	enum log_level least;
	enum log_format format;
	const char *program;
	const char *role;
} settings = {STDERR_FILENO, LOG_INFO_LEVEL, LOG_LOGFMT, "otklik", ""};

void log_setup(int fd, enum log_level least, enum log_format format, const char *program,
        const char *role)
{
	settings.fd = fd;
	settings.least = least;
	settings.format = format;
	settings.program = program;
	settings.role = role;
}

struct line {
	char text[LOG_LINE_SIZE];
	size_t len;
};

static void line_put(struct line *line, char c)
{
	if (line->len < LOG_LINE_SIZE - 3) /* keeps room for `}` and the newline */
		line->text[line->len++] = c;
}

static void line_escaped(struct line *line, const char *value)
{
	static const char HEX[] = "0123456789abcdef";

	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '"' || c == '\\') {
			line_put(line, '\\');
			line_put(line, (char)c);
		} else if (c == '\n') {
			line_put(line, '\\');
			line_put(line, 'n');
		} else if (c < 0x20 || c == 0x7F) {
			line_put(line, '\\');
			line_put(line, 'u');
			line_put(line, '0');
			line_put(line, '0');
			line_put(line, HEX[c >> 4]);
			line_put(line, HEX[c & 15]);
		} else {
			line_put(line, (char)c);
		}
	}
}

static bool value_is_bare(const char *value)
{
	if (*value == '\0')
		return false;
	for (; *value != '\0'; value++) {
		if ((unsigned char)*value <= ' ' || *value == '"' || *value == '=' ||
		        *value == '\\' || (unsigned char)*value == 0x7F)
			return false;
	}
	return true;
}

static void line_pair(struct line *line, const char *key, const char *value)
{
	bool json = settings.format == LOG_JSON;
	bool quoted;

	if (value == NULL)
		value = "";
	quoted = json || !value_is_bare(value);
	if (line->len > 0)
		line_put(line, json ? ',' : ' ');
	if (json) {
		if (line->len == 0)
			line_put(line, '{');
		line_put(line, '"');
	}
	line_escaped(line, key);
	if (json)
		line_put(line, '"');
	line_put(line, json ? ':' : '=');
	if (quoted)
		line_put(line, '"');
	line_escaped(line, value);
	if (quoted)
		line_put(line, '"');
}

void log_kv(enum log_level level, const char *msg, ...)
{
	struct line line = {.len = 0};
	char number[24];
	char stamp[TIME_TEXT_SIZE];
	struct timespec ts;
	va_list args;
	const char *key;

	if (level < settings.least)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	line_pair(&line, "time",
	        time_format_utc(ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000, stamp));
	line_pair(&line, "level", LEVEL_NAMES[level]);
	line_pair(&line, "program", settings.program);
	if (settings.role[0] != '\0')
		line_pair(&line, "role", settings.role);
	(void)snprintf(number, sizeof number, "%ld", (long)getpid());
	line_pair(&line, "pid", number);
	line_pair(&line, "msg", msg);
	va_start(args, msg);
	while ((key = va_arg(args, const char *)) != NULL)
		line_pair(&line, key, va_arg(args, const char *));
	va_end(args);
	if (settings.format == LOG_JSON)
		line.text[line.len++] = '}';
	line.text[line.len++] = '\n';
	/* One write per line keeps lines of several processes whole; a full pipe loses it. */
	if (write(settings.fd, line.text, line.len) < 0)
		return;
}

int log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < sizeof LEVEL_NAMES / sizeof LEVEL_NAMES[0]; i++) {
		if (strcmp(text, LEVEL_NAMES[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -OTK_INVALID_ARGUMENT;
}

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
#include "base/text.h"
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

enum { LINE_END_SIZE = 3 }; /* kept free for a closing quote, `}` and the newline */

/* Puts all of it or nothing; false when the line is full. */
static bool line_put(struct line *line, const char *text, size_t size)
{
	if (line->len + size > LOG_LINE_SIZE - LINE_END_SIZE)
		return false;
	memcpy(line->text + line->len, text, size);
	line->len += size;
	return true;
}

/* How a byte is written; `raw` lets bytes from 0x80 pass. */
static size_t byte_escape(unsigned char c, bool raw, char out[8])
{
	if (c == '\n')
		return (size_t)snprintf(out, 8, "\\n");
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, 8, "\\%c", c);
	if (c < 0x20 || c == 0x7F || (c >= 0x80 && !raw))
		return (size_t)snprintf(out, 8, "\\u%04x", c);
	out[0] = (char)c;
	return 1;
}

static size_t sequence_length(unsigned char lead)
{
	return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Cuts a value that does not fit between characters. Bytes that are not UTF-8 are escaped. */
static void line_escaped(struct line *line, const char *value)
{
	bool raw = text_is_utf8(value, strlen(value));
	char escaped[8];

	while (*value != '\0') {
		unsigned char c = (unsigned char)*value;
		size_t n = raw ? sequence_length(c) : 1;

		if (n > 1 ? !line_put(line, value, n)
		          : !line_put(line, escaped, byte_escape(c, raw, escaped)))
			return;
		value += n;
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
	const char *quote = json ? "\"" : "";
	const char *separator = line->len == 0 ? (json ? "{" : "") : (json ? "," : " ");
	size_t start = line->len;
	bool quoted;

	if (value == NULL)
		value = "";
	quoted = json || !value_is_bare(value);
	/* A pair whose key does not fit is left out. */
	if (!line_put(line, separator, strlen(separator)) ||
	        !line_put(line, quote, strlen(quote)) || !line_put(line, key, strlen(key)) ||
	        !line_put(line, quote, strlen(quote)) || !line_put(line, json ? ":" : "=", 1) ||
	        !line_put(line, "\"", quoted ? 1 : 0)) {
		line->len = start;
		return;
	}
	line_escaped(line, value);
	if (quoted) /* there is room left for it: LINE_END_SIZE */
		line->text[line->len++] = '"';
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

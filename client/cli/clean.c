/* Text from outside made fit for a terminal. */
#include "cli/clean.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Bytes of the UTF-8 sequence that a lead byte announces; 0: no lead byte. */
static size_t sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead < 0xE0)
		return 2;
	if (lead >= 0xE0 && lead < 0xF0)
		return 3;
	return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

static unsigned point_of(const char *p, size_t n)
{
	static const unsigned char LEAD_BITS[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	unsigned point = (unsigned char)p[0] & LEAD_BITS[n];

	for (size_t i = 1; i < n; i++)
		point = point << 6 | ((unsigned char)p[i] & 0x3F);
	return point;
}

/* Controls, bidi marks with an effect on their neighbours, separators that end a line. */
static bool is_bad(unsigned point)
{
	return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x061C ||
	       point == 0x200E || point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
	       (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
}

size_t clean_bad(const char *p, size_t left, unsigned *point)
{
	size_t n = sequence_length((unsigned char)p[0]);

	if (n == 0 || n > left || !text_is_utf8(p, n)) {
		*point = 0xFFFD;
		return 1;
	}
	*point = point_of(p, n);
	return is_bad(*point) ? n : 0;
}

void clean_text(char *text)
{
	size_t left = strlen(text);
	char *to = text;

	for (const char *p = text; left > 0;) {
		unsigned point;
		size_t bad = clean_bad(p, left, &point);
		size_t n = bad > 0 ? bad : sequence_length((unsigned char)*p);

		if (bad > 0) {
			*to++ = (char)(*p == '\n' || *p == '\t' || *p == '\r' ? ' ' : '?');
		} else {
			memmove(to, p, n);
			to += n;
		}
		p += n;
		left -= n;
	}
	*to = '\0';
}

void clean_print(FILE *out, const char *text)
{
	clean_printf(out, "%s", text);
}

void clean_print_lines(FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		size_t shown = n > 0 && text[n - 1] == '\r' ? n - 1 : n;

		clean_printf(out, "%.*s", (int)shown, text);
		(void)fputc('\n', out);
		text += text[n] == '\n' ? n + 1 : n;
	}
}

void clean_printf(FILE *out, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		(void)fputs("(out of memory)", out);
		return;
	}
	clean_text(text);
	(void)fputs(text, out);
	free(text);
}

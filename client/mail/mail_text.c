/* Charsets to UTF-8: what is declared, what it must be, and what it may be. */
#include <iconv.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "mail/mail_private.h"

/*
 * Bytes above 127 without a charset are Russian of one of two kinds: of its small letters,
 * which most letters are, KOI8-R has the lower half and Windows-1251 the upper one.
 */
static const char *guess(const unsigned char *data, size_t size)
{
	size_t lower = 0;
	size_t upper = 0;

	for (size_t i = 0; i < size; i++) {
		lower += data[i] >= 0xc0 && data[i] < 0xe0;
		upper += data[i] >= 0xe0;
	}
	return lower > upper ? "KOI8-R" : "WINDOWS-1251";
}

/* Line ends to \n; NUL and other controls fall away. */
static void put_clean(struct buf *out, const char *text, size_t size)
{
	size_t from = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t')
			continue;
		(void)buf_append(out, text + from, i - from);
		from = i + 1;
		if (c == '\r' && (i + 1 == size || text[i + 1] != '\n'))
			(void)buf_putc(out, '\n');
	}
	(void)buf_append(out, text + from, size - from);
}

static void convert(iconv_t to_utf8, const char *data, size_t size, struct buf *out)
{
	char piece[4096];
	char *in = (char *)(uintptr_t)data;
	size_t left = size;

	while (left > 0) {
		char *at = piece;
		size_t room = sizeof piece;
		size_t rc = iconv(to_utf8, &in, &left, &at, &room);

		(void)buf_append(out, piece, sizeof piece - room);
		if (rc != (size_t)-1)
			continue;
		if (errno == E2BIG && room < sizeof piece)
			continue;
		/* what is no character is shown as such, and the rest is read */
		(void)buf_puts(out, "\xef\xbf\xbd");
		in++;
		left--;
	}
}

void mail_text_decode(const char *charset, const void *data, size_t size, struct buf *out)
{
	struct buf utf8 = {0};
	iconv_t to_utf8 = (iconv_t)-1;
	bool plain = charset == NULL || charset[0] == '\0' ||
	             strcasecmp(charset, "us-ascii") == 0 || strcasecmp(charset, "utf-8") == 0;

	/* Many say us-ascii or nothing and mean UTF-8; what is UTF-8 by chance is rare. */
	if (plain && text_is_utf8(data, size)) {
		put_clean(out, data, size);
		return;
	}
	if (!plain || strcasecmp(charset == NULL ? "" : charset, "utf-8") == 0) {
		const char *name = g_mime_charset_iconv_name(charset);

		to_utf8 = iconv_open("UTF-8", name == NULL ? charset : name);
	}
	if (to_utf8 == (iconv_t)-1)
		to_utf8 = iconv_open(
		        "UTF-8", text_is_utf8(data, size) ? "UTF-8" : guess(data, size));
	if (to_utf8 == (iconv_t)-1)
		return;
	convert(to_utf8, data, size, &utf8);
	(void)iconv_close(to_utf8);
	put_clean(out, buf_text(&utf8), utf8.len);
	buf_free(&utf8);
}

const char *mail_line(struct arena *arena, const char *text, size_t max)
{
	struct buf utf8 = {0};
	struct buf line = {0};
	size_t points = 0;
	bool space = false;
	char *copy;

	if (text != NULL)
		mail_text_decode(NULL, text, strlen(text), &utf8);
	for (const char *c = buf_text(&utf8); *c != '\0' && points < max;) {
		size_t unwanted = text_unwanted(c, true);
		size_t n = 1;

		if (unwanted > 0 || *c == ' ') {
			space = line.len > 0;
			c += unwanted > 0 ? unwanted : 1;
			continue;
		}
		if (space && points + 1 < max) {
			(void)buf_putc(&line, ' ');
			points++;
		}
		space = false;
		while (((unsigned char)c[n] & 0xc0) == 0x80)
			n++;
		(void)buf_append(&line, c, n);
		points++;
		c += n;
	}
	copy = line.failed || utf8.failed ? NULL : arena_strdup(arena, buf_text(&line));
	buf_free(&utf8);
	buf_free(&line);
	return copy == NULL ? "" : copy;
}

/* Text that came from outside. */
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* Length of the well-formed sequence at s (1..4), or 0. Table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
	unsigned char lo = 0x80;
	unsigned char hi = 0xBF;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		n = 2;
	else if (s[0] >= 0xE0 && s[0] <= 0xEF)
		n = 3;
	else if (s[0] >= 0xF0 && s[0] <= 0xF4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xE0)
		lo = 0xA0;
	else if (s[0] == 0xED)
		hi = 0x9F;
	else if (s[0] == 0xF0)
		lo = 0x90;
	else if (s[0] == 0xF4)
		hi = 0x8F;
	if (left < n || s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	}
	return n;
}

bool text_is_utf8(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length) {
		size_t n = utf8_sequence((const unsigned char *)text + i, length - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

void text_drop_broken(char *text)
{
	size_t left = strlen(text);
	char *to = text;

	while (left > 0) {
		size_t n = utf8_sequence((const unsigned char *)text, left);

		if (n > 0)
			memmove(to, text, n);
		to += n;
		n = n > 0 ? n : 1;
		text += n;
		left -= n;
	}
	*to = '\0';
}

size_t text_utf8_count(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++) {
		if (((unsigned char)text[i] & 0xC0) != 0x80)
			count++;
	}
	return count;
}

void text_cut_utf8(char *text, size_t max)
{
	size_t length = strlen(text);

	if (length > max)
		length = max;
	text[length] = '\0';
	/* Step back over a sequence that is now incomplete. */
	for (size_t back = 1; back <= 4 && back <= length; back++) {
		unsigned char c = (unsigned char)text[length - back];

		if ((c & 0xC0) == 0x80)
			continue;
		if (utf8_sequence((const unsigned char *)text + length - back, back) != back)
			text[length - back] = '\0';
		return;
	}
}

size_t text_unwanted(const char *at, bool one_line)
{
	const unsigned char *c = (const unsigned char *)at;

	if (c[0] < 0x20)
		return one_line || (c[0] != '\t' && c[0] != '\n' && c[0] != '\r') ? 1 : 0;
	if (c[0] == 0x7F)
		return 1;
	if (c[0] == 0xC2)
		return c[1] >= 0x80 && c[1] <= 0x9F ? 2 : 0;
	if (c[0] != 0xE2)
		return 0;
	/* U+202A..202E embed and override, U+2066..2069 isolate, U+2028 and U+2029 separate. */
	if (c[1] == 0x80 && (c[2] == 0xAD || c[2] == 0xAE))
		return 3;
	if (one_line && ((c[1] == 0x80 && c[2] >= 0xA8 && c[2] <= 0xAC) ||
	                        (c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9)))
		return 3;
	return 0;
}

bool text_is_blank(const char *text)
{
	static const char *const UNSEEN[] = {" ", "\t", "\r", "\n", "\xC2\xA0", "\xC2\xAD",
	        "\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D", "\xE2\x80\x8E", "\xE2\x80\x8F",
	        "\xE2\x81\xA0", "\xE3\x80\x80", "\xEF\xBB\xBF"};

	while (*text != '\0') {
		size_t length = 0;

		for (size_t i = 0; length == 0 && i < sizeof UNSEEN / sizeof *UNSEEN; i++) {
			if (strncmp(text, UNSEEN[i], strlen(UNSEEN[i])) == 0)
				length = strlen(UNSEEN[i]);
		}
		if (length == 0)
			return false;
		text += length;
	}
	return true;
}

int text_to_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long value;

	if (text == NULL || !((*text >= '0' && *text <= '9') || *text == '-'))
		return -OTK_INVALID_ARGUMENT;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
		return -OTK_INVALID_ARGUMENT;
	*out = value;
	return 0;
}

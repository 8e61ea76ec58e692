/* Output of plugins. */
#include "agent/check_output.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

static const char REPLACEMENT[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Length of the well-formed UTF-8 sequence at `at`, 0 if there is none. */
static size_t sequence_length(const char *at, size_t left)
{
	for (size_t n = 1; n <= 4 && n <= left; n++) {
		if (text_is_utf8(at, n))
			return n;
	}
	return 0;
}

static bool char_is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x80 || (u >= 0x20 && u != 0x7F) || c == '\n' || c == '\t';
}

size_t output_clean(const char *raw, size_t length, char out[CHECK_OUTPUT_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < length;) {
		size_t size = sequence_length(raw + i, length - i);
		const char *from = raw + i;
		size_t step = size;

		if (raw[i] == '\r' && i + 1 < length && raw[i + 1] == '\n') {
			i++;
			continue;
		}
		if (size == 0 || !char_is_plain(raw[i])) {
			from = REPLACEMENT;
			size = sizeof REPLACEMENT - 1;
			step = 1;
		}
		if (n + size > CHECK_OUTPUT_MAX)
			break;
		memcpy(out + n, from, size);
		n += size;
		i += step;
	}
	out[n] = '\0';
	return n;
}

/* Appends at most what fits; the sources together are no longer than the destination. */
static void part_add(char *part, const char *from, size_t length, char separator)
{
	size_t n = strlen(part);

	if (n > 0 && n < CHECK_OUTPUT_MAX)
		part[n++] = separator;
	if (length > CHECK_OUTPUT_MAX - n)
		length = CHECK_OUTPUT_MAX - n;
	memcpy(part + n, from, length);
	part[n + length] = '\0';
}

static void part_trim(char *part)
{
	size_t n = strlen(part);

	while (n > 0 && (part[n - 1] == ' ' || part[n - 1] == '\t' || part[n - 1] == '\n'))
		part[--n] = '\0';
}

void output_parse(const char *raw, size_t length, struct check_output *out)
{
	char clean[CHECK_OUTPUT_MAX + 1];
	size_t left = output_clean(raw, length, clean);
	const char *line = clean;
	bool first = true;
	bool in_perf = false; /* past the "|" of a later line */

	out->text[0] = out->long_text[0] = out->perfdata[0] = '\0';
	while (left > 0) {
		const char *newline = memchr(line, '\n', left);
		size_t size = newline == NULL ? left : (size_t)(newline - line);
		const char *bar = in_perf ? NULL : memchr(line, '|', size);
		size_t head = bar == NULL ? size : (size_t)(bar - line);

		if (in_perf)
			part_add(out->perfdata, line, size, ' ');
		else
			part_add(first ? out->text : out->long_text, line, head, '\n');
		if (bar != NULL) {
			part_add(out->perfdata, bar + 1, size - head - 1, ' ');
			in_perf = !first;
		}
		first = false;
		size += newline == NULL ? 0 : 1;
		line += size;
		left -= size;
	}
	part_trim(out->text);
	part_trim(out->long_text);
	part_trim(out->perfdata);
}

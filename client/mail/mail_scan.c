/*
 * Bounds before parsing. A parser's work and memory grow with the number of parts, with their
 * depth and with the length of their fields, and each can be had for a few bytes: so boundaries
 * are read first, their lines counted, and fields measured, by one pass over the bytes.
 */
#include <string.h>
#include <strings.h>

#include "mail/mail_private.h"

enum {
	BOUNDARY_MAX = 200,
	BOUNDARIES_MAX = 64,
	MESSAGES_MAX = 32,
	COLONS_MAX = 1000, /* in one field: addresses in groups within groups */
	INNER_HEADS = 4 /* all headers of parts may be so much longer than the message's own */
};

struct scan {
	const struct mail_limits *limits;
	struct otk_error *err;
	bool in_head;
	size_t head_bytes;
	size_t head_lines;
	size_t field_bytes; /* of the Content- field we are in; 0: in none */
	size_t fields;
	size_t messages; /* parts that are messages */
	bool in_inner;   /* in the header of a part, or of a message within */
	bool in_field;   /* in a field of one */
	size_t inner_bytes;
	size_t inner_lines;
	size_t colons;     /* in the field we are in */
	bool type_follows; /* Content-Type whose value stands on the next line */
	bool is_message;   /* the header we are in is of a message's part */
	bool digest;       /* parts may be messages without saying so */
	bool second;       /* in a digest: the header of the part itself is over */
	size_t delimiters;
	size_t boundary_count;
	struct {
		const char *at;
		size_t length;
	} boundaries[BOUNDARIES_MAX];
};

static int too_complex(const struct scan *s, const char *what, size_t limit)
{
	return error_set(s->err, OTK_INVALID_ARGUMENT, "MAIL_TOO_COMPLEX",
	        "the message has more than %zu %s: it is not read", limit, what);
}

static const char *find_word(const char *line, size_t length, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= length; i++) {
		if ((line[i] | 0x20) == word[0] && strncasecmp(line + i, word, n) == 0)
			return line + i;
	}
	return NULL;
}

/* boundary="…" somewhere in a line of a Content-Type field. */
static int boundary_read(struct scan *s, const char *line, size_t length)
{
	const char *end = line + length;
	const char *p = find_word(line, length, "boundary");
	const char *start;

	if (p == NULL)
		return 0;
	p += strlen("boundary");
	/* continued and encoded ones (RFC 2231) nobody needs, but who hides */
	if (p < end && *p == '*')
		return too_complex(s, "boundaries in pieces", 0);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p != '=')
		return 0;
	for (p++; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	if (p < end && *p == '"') {
		start = ++p;
		while (p < end && *p != '"' && *p != '\\')
			p++;
	} else {
		start = p;
		while (p < end && strchr(" \t;\r(", *p) == NULL)
			p++;
	}
	if (p == start)
		return 0;
	if (s->boundary_count == BOUNDARIES_MAX)
		return too_complex(s, "multiparts", BOUNDARIES_MAX);
	s->boundaries[s->boundary_count].at = start;
	s->boundaries[s->boundary_count++].length =
	        p - start > BOUNDARY_MAX ? BOUNDARY_MAX : (size_t)(p - start);
	return 0;
}

static bool is_delimiter(const struct scan *s, const char *line, size_t length)
{
	if (length < 3 || line[0] != '-' || line[1] != '-')
		return false;
	for (size_t i = 0; i < s->boundary_count; i++) {
		size_t n = s->boundaries[i].length;

		if (length - 2 >= n && memcmp(line + 2, s->boundaries[i].at, n) == 0)
			return true;
	}
	return false;
}

static int head_line(struct scan *s, size_t length)
{
	s->head_bytes += length + 1;
	if (s->head_bytes > s->limits->head_bytes)
		return too_complex(s, "bytes in its header", s->limits->head_bytes);
	if (++s->head_lines > s->limits->head_lines)
		return too_complex(s, "lines in its header", s->limits->head_lines);
	return 0;
}

/*
 * Does a Content-Type say that the part is a message? A comment and blanks may stand before and
 * behind the word; a comment that goes on in the next line hides something.
 */
static void type_judge(struct scan *s, const char *line, size_t length)
{
	const char *end = line + length;
	size_t comments = 0;

	for (; line < end; line++) {
		if (*line == '(')
			comments++;
		else if (*line == ')' && comments > 0)
			comments--;
		else if (comments == 0 && strchr(" \t\r\"", *line) == NULL)
			break;
	}
	s->type_follows = line == end && comments == 0;
	if (comments > 0 ||
	        (line < end && find_word(line, (size_t)(end - line), "message") == line)) {
		s->is_message = true;
		s->messages++;
	}
	if (line < end && find_word(line, (size_t)(end - line), "digest") != NULL)
		s->digest = true;
}

/* Where the value of a field begins, if the line looks like one: no blank in its name. */
static const char *field_value(const char *line, size_t length)
{
	size_t i = 0;

	while (i < length && strchr(" \t\r:", line[i]) == NULL)
		i++;
	while (i < length && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return i < length && line[i] == ':' ? line + i + 1 : NULL;
}

/* A line of any header: how much a parser makes of it. */
static int header_line(struct scan *s, const char *line, size_t length)
{
	bool continued = length > 0 && (line[0] == ' ' || line[0] == '\t');

	if (!continued) {
		s->in_field = field_value(line, length) != NULL;
		s->colons = 0;
	}
	if (!s->in_field)
		return 0;
	for (size_t i = 0; i < length; i++)
		s->colons += line[i] == ':';
	if (s->colons > COLONS_MAX)
		return too_complex(s, "colons in a field of a header", COLONS_MAX);
	if (s->in_head)
		return 0;
	s->inner_bytes += length + 1;
	if (s->inner_bytes > INNER_HEADS * s->limits->head_bytes)
		return too_complex(s, "bytes in the headers of its parts",
		        INNER_HEADS * s->limits->head_bytes);
	if (++s->inner_lines > INNER_HEADS * s->limits->head_lines)
		return too_complex(s, "lines in the headers of its parts",
		        INNER_HEADS * s->limits->head_lines);
	return 0;
}

/* A header is over: the one of a message within may follow. */
static void header_end(struct scan *s)
{
	s->in_inner = s->is_message || (s->digest && s->in_inner && !s->second);
	s->second = s->in_inner && !s->is_message;
	s->is_message = false;
	s->in_field = false;
	s->type_follows = false;
}

/* A line of a Content- field, first or continued, anywhere: also where it is only text. */
static int field_line(struct scan *s, const char *line, size_t length)
{
	bool continued = length > 0 && (line[0] == ' ' || line[0] == '\t');

	if (!continued) {
		s->field_bytes = 0;
		if (length < 8 || (line[0] | 0x20) != 'c' ||
		        strncasecmp(line, "content-", 8) != 0)
			return 0;
		s->fields++;
		if (s->fields > 8 * (size_t)s->limits->parts)
			return too_complex(s, "fields of parts", 8 * (size_t)s->limits->parts);
	} else if (s->field_bytes == 0) {
		return 0;
	}
	s->field_bytes += length + 1;
	if (s->field_bytes > s->limits->field_bytes)
		return too_complex(s, "bytes in a field of a part", s->limits->field_bytes);
	if (continued && s->type_follows)
		type_judge(s, line, length);
	else if (!continued && find_word(line, length, "content-type") == line &&
	         field_value(line, length) != NULL)
		type_judge(s, field_value(line, length),
		        length - (size_t)(field_value(line, length) - line));
	if (s->messages > MESSAGES_MAX)
		return too_complex(s, "messages within it", MESSAGES_MAX);
	return boundary_read(s, line, length);
}

static int line_judge(struct scan *s, const char *line, size_t length)
{
	int rc = field_line(s, line, length);

	if (rc == 0 && (s->in_head || s->in_inner))
		rc = header_line(s, line, length);
	if (rc == 0 && s->in_head)
		rc = head_line(s, length);
	if (length == 0 && (s->in_head || s->in_inner)) {
		header_end(s);
		s->in_head = false;
	}
	if (rc != 0 || !is_delimiter(s, line, length))
		return rc;
	/* opening and closing delimiters, of multiparts within multiparts too */
	if (++s->delimiters > 2 * (size_t)s->limits->parts)
		return too_complex(s, "parts", (size_t)s->limits->parts);
	s->in_inner = !s->in_head;
	s->second = false;
	s->is_message = false;
	s->in_field = false;
	return 0;
}

int mail_scan(
        const char *data, size_t size, const struct mail_limits *limits, struct otk_error *err)
{
	struct scan s = {.limits = limits, .err = err, .in_head = true};
	const char *end = data + size;
	int rc = 0;

	if (size > limits->bytes)
		return error_set(err, OTK_INVALID_ARGUMENT, "MAIL_TOO_LARGE",
		        "the message is larger than %zu bytes", limits->bytes);
	for (const char *line = data; rc == 0 && line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((stop == NULL ? end : stop) - line);
		size_t text = length > 0 && line[length - 1] == '\r' ? length - 1 : length;

		rc = line_judge(&s, line, text);
		line += length + 1;
	}
	return rc;
}

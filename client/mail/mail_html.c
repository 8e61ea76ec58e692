/* One pass over the bytes: tags become line ends and marks, entities characters. */
#include "mail/mail_html.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TAG_NAME_MAX = 15, HREF_MAX = 500, QUOTE_MOST = 9 };

struct state {
	struct buf *out;
	size_t max;
	size_t start; /* of the output */
	int newlines; /* at its end; many at its beginning */
	bool space;   /* a blank is owed */
	int quote;    /* depth of blockquote */
	int pre;
	bool no_tags;            /* nothing ends a tag from here on */
	char href[HREF_MAX + 1]; /* of the link we are in */
	size_t link_at;          /* where its words begin */
};

struct tag {
	char name[TAG_NAME_MAX + 1];
	bool closes;
	const char *attributes;
	size_t attributes_length;
};

static bool is_full(const struct state *s)
{
	return s->out->len - s->start >= s->max;
}

static void line_begin(struct state *s)
{
	for (int i = 0; i < s->quote; i++)
		(void)buf_puts(s->out, "> ");
}

/* At least `count` line ends. */
static void break_line(struct state *s, int count)
{
	s->space = false;
	if (s->out->len == s->start)
		return;
	while (s->newlines < count && !is_full(s)) {
		if (s->newlines > 0)
			line_begin(s); /* an empty line of a quotation is quoted too */
		(void)buf_putc(s->out, '\n');
		s->newlines++;
	}
}

static void put(struct state *s, const char *bytes, size_t length)
{
	if (is_full(s))
		return;
	if (s->newlines > 0 || s->out->len == s->start)
		line_begin(s);
	else if (s->space)
		(void)buf_putc(s->out, ' ');
	s->space = false;
	s->newlines = 0;
	(void)buf_append(s->out, bytes, length);
}

static void put_point(struct state *s, uint32_t point)
{
	char bytes[4];
	size_t n = 0;

	if (point == 0xa0)
		point = ' ';
	if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point > 0x10ffff ||
	        (point >= 0xd800 && point <= 0xdfff))
		return;
	if (point < 0x80) {
		bytes[n++] = (char)point;
	} else if (point < 0x800) {
		bytes[n++] = (char)(0xc0 | point >> 6);
	} else if (point < 0x10000) {
		bytes[n++] = (char)(0xe0 | point >> 12);
		bytes[n++] = (char)(0x80 | (point >> 6 & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | point >> 18);
		bytes[n++] = (char)(0x80 | (point >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (point >> 6 & 0x3f));
	}
	if (point >= 0x80)
		bytes[n++] = (char)(0x80 | (point & 0x3f));
	put(s, bytes, n);
}

/* "&amp;" at p: how many bytes it takes, 0 when it is none; *point what it means. */
static size_t entity(const char *p, size_t left, uint32_t *point)
{
	static const struct {
		const char *name;
		uint32_t point;
	} NAMES[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''},
	        {"nbsp", 0xa0}, {"laquo", 0xab}, {"raquo", 0xbb}, {"mdash", 0x2014},
	        {"ndash", 0x2013}, {"hellip", 0x2026}, {"copy", 0xa9}, {"reg", 0xae},
	        {"trade", 0x2122}, {"euro", 0x20ac}, {"bull", 0x2022}, {"middot", 0xb7},
	        {"ldquo", 0x201c}, {"rdquo", 0x201d}, {"lsquo", 0x2018}, {"rsquo", 0x2019},
	        {"bdquo", 0x201e}, {"deg", 0xb0}, {"times", 0xd7}, {"sect", 0xa7},
	        {"thinsp", ' '}, {"ensp", ' '}, {"emsp", ' '}, {"shy", 0}, {"zwnj", 0},
	        {"auml", 0xe4}, {"ouml", 0xf6}, {"uuml", 0xfc}, {"Auml", 0xc4}, {"Ouml", 0xd6},
	        {"Uuml", 0xdc}, {"szlig", 0xdf}, {"eacute", 0xe9}, {"egrave", 0xe8},
	        {"agrave", 0xe0}, {"ccedil", 0xe7}};
	size_t n = 1;

	while (n < left && n < 12 && p[n] != ';' && p[n] != '<' && p[n] != '&' && p[n] > ' ')
		n++;
	if (n >= left || p[n] != ';' || n == 1)
		return 0;
	if (p[1] == '#') {
		char digits[12];
		bool hex = n > 2 && (p[2] == 'x' || p[2] == 'X');
		unsigned long value;

		(void)snprintf(digits, sizeof digits, "%.*s", (int)(n - 2), p + 2);
		value = strtoul(digits + hex, NULL, hex ? 16 : 10);
		*point = value > 0x10ffff ? 0 : (uint32_t)value;
		return n + 1;
	}
	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
		if (strlen(NAMES[i].name) == n - 1 &&
		        memcmp(NAMES[i].name, p + 1, n - 1) == 0) {
			*point = NAMES[i].point;
			return n + 1;
		}
	}
	return 0;
}

/* The tag at p ('<'): its length; a '>' inside quotes does not end it. 0 when it has no end. */
static size_t tag_read(const char *p, size_t left, struct tag *out)
{
	size_t i = 1;
	size_t n = 0;
	char quote = '\0';

	memset(out, 0, sizeof *out);
	if (i < left && p[i] == '/') {
		out->closes = true;
		i++;
	}
	while (i < left && n < TAG_NAME_MAX &&
	        ((p[i] | 0x20) >= 'a' ? (p[i] | 0x20) <= 'z' : p[i] >= '0' && p[i] <= '9'))
		out->name[n++] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i++] | 0x20) : p[i++];
	out->attributes = p + i;
	for (; i < left; i++) {
		if (quote != '\0')
			quote = p[i] == quote ? '\0' : quote;
		else if ((p[i] == '"' || p[i] == '\'') && p[i - 1] == '=')
			quote = p[i];
		else if (p[i] == '>')
			break;
	}
	if (i >= left) {
		/* a quotation mark that has no other: the tag ends at the first '>' there is */
		const char *end = memchr(p, '>', left);

		if (end == NULL)
			return 0;
		i = (size_t)(end - p);
	}
	if (out->attributes > p + i)
		out->attributes = p + i;
	out->attributes_length = (size_t)(p + i - out->attributes);
	return i + 1;
}

static bool is_any(const char *name, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* href="http…" of a link, cleaned of what would end a line; "" for others. */
static void href_read(const struct tag *tag, char out[HREF_MAX + 1])
{
	const char *end = tag->attributes + tag->attributes_length;
	size_t n = 0;

	out[0] = '\0';
	for (const char *p = tag->attributes; p + 6 < end; p++) {
		char quote;

		if (strncasecmp(p, "href=", 5) != 0)
			continue;
		p += 5;
		quote = *p == '"' || *p == '\'' ? *p++ : ' ';
		while (p < end && *p != quote && (unsigned char)*p > ' ' && n < HREF_MAX)
			out[n++] = *p++;
		out[n] = '\0';
		break;
	}
	if (strncasecmp(out, "http://", 7) != 0 && strncasecmp(out, "https://", 8) != 0)
		out[0] = '\0';
}

static void link_end(struct state *s)
{
	size_t n = strlen(s->href);
	const char *words = s->out->data == NULL ? "" : s->out->data + s->link_at;

	if (n > 0 && s->out->len >= s->link_at && strstr(words, s->href) == NULL) {
		put(s, " <", 2);
		put(s, s->href, n);
		put(s, ">", 1);
	}
	s->href[0] = '\0';
}

static void tag_act(struct state *s, const struct tag *tag)
{
	static const char *const BLOCKS[] = {"div", "tr", "table", "ul", "ol", "dl", "dt", "dd",
	        "section", "article", "header", "footer", "form", "center", "address", "pre",
	        "body", NULL};
	static const char *const PARAGRAPHS[] = {"p", "h1", "h2", "h3", "h4", "h5", "h6", NULL};
	const char *name = tag->name;

	if (strcmp(name, "br") == 0) {
		s->space = false;
		if (s->out->len > s->start && !is_full(s) && s->newlines < 2) {
			if (s->newlines > 0)
				line_begin(s);
			(void)buf_putc(s->out, '\n');
			s->newlines++;
		}
	} else if (strcmp(name, "hr") == 0) {
		break_line(s, 1);
		put(s, "________________", 16);
		break_line(s, 1);
	} else if (strcmp(name, "li") == 0 && !tag->closes) {
		break_line(s, 1);
		put(s, "- ", 2);
	} else if (strcmp(name, "td") == 0 || strcmp(name, "th") == 0) {
		s->space = s->newlines == 0;
	} else if (strcmp(name, "blockquote") == 0) {
		break_line(s, 1);
		if (tag->closes)
			s->quote -= s->quote > 0;
		else
			s->quote += s->quote < QUOTE_MOST;
	} else if (strcmp(name, "a") == 0) {
		if (tag->closes) {
			link_end(s);
		} else {
			href_read(tag, s->href);
			s->link_at = s->out->len;
		}
	} else if (is_any(name, PARAGRAPHS)) {
		break_line(s, 2);
	} else if (is_any(name, BLOCKS)) {
		break_line(s, 1);
		if (strcmp(name, "pre") == 0)
			s->pre = tag->closes ? 0 : 1;
	}
}

/* Of an element whose content is no text: where it ends. */
static size_t skip_element(const char *html, size_t length, size_t i, const char *name)
{
	size_t n = strlen(name);

	for (; i < length; i++) {
		const char *p = memchr(html + i, '<', length - i);

		if (p == NULL)
			return length;
		i = (size_t)(p - html);
		if (length - i > n + 2 && html[i + 1] == '/' &&
		        strncasecmp(html + i + 2, name, n) == 0)
			return i;
	}
	return length;
}

static size_t markup(struct state *s, const char *html, size_t length, size_t i)
{
	static const char *const SILENT[] = {
	        "script", "style", "head", "title", "object", "noscript", "template", NULL};
	struct tag tag;
	size_t n;

	if (length - i >= 4 && memcmp(html + i, "<!--", 4) == 0) {
		const char *end = memmem(html + i + 4, length - i - 4, "-->", 3);

		return end == NULL ? length : (size_t)(end + 3 - html);
	}
	if (s->no_tags || i + 1 == length || strchr(" \t\n=<", html[i + 1]) != NULL) {
		put(s, "<", 1);
		return i + 1;
	}
	n = tag_read(html + i, length - i, &tag);
	if (n == 0) {
		s->no_tags = true;
		put(s, "<", 1);
		return i + 1;
	}
	i += n;
	if (!tag.closes && is_any(tag.name, SILENT))
		return skip_element(html, length, i, tag.name);
	tag_act(s, &tag);
	return i;
}

void mail_html_text(const char *html, size_t length, size_t max, struct buf *out)
{
	struct state s = {.out = out, .max = max, .start = out->len};
	size_t i = 0;

	while (i < length && !is_full(&s) && !out->failed) {
		char c = html[i];
		uint32_t point;
		size_t n;

		if (c == '<') {
			i = markup(&s, html, length, i);
		} else if (c == '&' && (n = entity(html + i, length - i, &point)) > 0) {
			put_point(&s, point);
			i += n;
		} else if (c == '\n' && s.pre) {
			break_line(&s, s.newlines + 1 > 2 ? 2 : s.newlines + 1);
			i++;
		} else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			if (s.pre && c == ' ')
				put(&s, " ", 1);
			else
				s.space = s.newlines == 0 && out->len > s.start;
			i++;
		} else {
			/* a run of plain bytes at once */
			for (n = 1; i + n < length && strchr("<& \t\n\r", html[i + n]) == NULL;
			        n++)
				;
			put(&s, html + i, n);
			i += n;
		}
	}
	while (out->len > s.start && strchr("\n> ", out->data[out->len - 1]) != NULL &&
	        (out->data[out->len - 1] == '\n' || s.newlines > 0))
		out->data[--out->len] = '\0';
	if (out->len > s.start)
		(void)buf_putc(out, '\n');
}

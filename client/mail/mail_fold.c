/* By lines: each is judged once by how it begins and ends, then the cut is looked for. */
#include "mail/mail_fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"

enum { INNER_KEPT = 2, INNER_MOST = 6, SIGNATURE_LINES = 15, INTRODUCTION_LINES = 4 };

struct line {
	const char *at;
	size_t length; /* without its end */
};

struct lines {
	struct line *line;
	size_t count;
};

static int lines_split(const char *text, struct lines *out)
{
	size_t count = 1;
	size_t n = 0;

	for (const char *c = text; *c != '\0'; c++)
		count += *c == '\n';
	out->line = calloc(count, sizeof *out->line);
	if (out->line == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (const char *c = text; *c != '\0';) {
		const char *end = strchr(c, '\n');
		size_t length = end == NULL ? strlen(c) : (size_t)(end - c);

		out->line[n].at = c;
		out->line[n].length = length > 0 && c[length - 1] == '\r' ? length - 1 : length;
		n++;
		c += length + (end != NULL);
	}
	out->count = n;
	return 0;
}

/* Without blanks at either end. */
static struct line trimmed(const struct line *line)
{
	struct line t = *line;

	while (t.length > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
		t.at++;
		t.length--;
	}
	while (t.length > 0 && (t.at[t.length - 1] == ' ' || t.at[t.length - 1] == '\t'))
		t.length--;
	return t;
}

static bool is_blank(const struct line *line)
{
	struct line t = trimmed(line);

	/* a no-break space alone is what some programs write into an empty line */
	return t.length == 0 || (t.length == 2 && memcmp(t.at, "\xc2\xa0", 2) == 0);
}

static bool is_quoted(const struct line *line)
{
	struct line t = trimmed(line);

	return t.length > 0 && t.at[0] == '>';
}

static bool begins(const struct line *line, const char *with)
{
	size_t n = strlen(with);

	return line->length >= n && strncasecmp(line->at, with, n) == 0;
}

static bool begins_any(const struct line *line, const char *const *with)
{
	for (; *with != NULL; with++) {
		if (begins(line, *with))
			return true;
	}
	return false;
}

static bool contains_any(const struct line *line, const char *const *what)
{
	for (; *what != NULL; what++) {
		if (memmem(line->at, line->length, *what, strlen(*what)) != NULL)
			return true;
	}
	return false;
}

/* "-----Original Message-----" and its like. */
static bool is_original_mark(const struct line *line)
{
	static const char *const WORDS[] = {"Original Message", "Original message",
	        "original message", "Исходное сообщение", "исходное сообщение",
	        "Оригинальное сообщение", "Ursprüngliche Nachricht", "Message d'origine",
	        "Reply message", NULL};
	struct line t = trimmed(line);

	return t.length < 120 && begins(&t, "--") && contains_any(&t, WORDS);
}

/* "From: …" with "Sent: …" and "To: …" or "Subject: …" right below: Outlook's introduction. */
static bool is_outlook_head(const struct lines *l, size_t i)
{
	static const char *const FROM[] = {
	        "From:", "*From:*", "От:", "*От:*", "Von:", "De :", NULL};
	static const char *const SENT[] = {"Sent:", "*Sent:*", "Date:", "*Date:*",
	        "Отправлено:", "*Отправлено:*", "Дата:", "Gesendet:", "Envoyé :", NULL};
	static const char *const TO[] = {"To:", "*To:*", "Subject:", "*Subject:*",
	        "Кому:", "*Кому:*", "Тема:", "*Тема:*", "An:", "Betreff:", NULL};
	bool sent = false;
	bool to = false;

	struct line t = trimmed(&l->line[i]);

	if (!begins_any(&t, FROM))
		return false;
	for (size_t k = i + 1; k < l->count && k <= i + 5; k++) {
		t = trimmed(&l->line[k]);
		sent = sent || begins_any(&t, SENT);
		to = to || begins_any(&t, TO);
	}
	return sent && to;
}

/* "On Monday Anna wrote:", maybe broken into several lines: how many, 0 for none. */
static size_t introduction(const struct lines *l, size_t i)
{
	static const char *const WROTE[] = {
	        "wrote:", "писал(а):", "писал:", "писала:", "написал(а):", "написал:",
	        "написала:", "пишет:", "schrieb:", "a écrit :", "a écrit:", "escribió:", NULL};

	static const char *const WHEN[] = {"On ", "Am ", "Le ", "El ", NULL};
	const struct line first = trimmed(&l->line[i]);
	size_t most =
	        begins_any(&first, WHEN) || memmem(first.at, first.length, "20", 2) != NULL
	                ? INTRODUCTION_LINES
	                : 1;

	for (size_t n = 1; n <= most && i + n <= l->count; n++) {
		const struct line *line = &l->line[i + n - 1];
		struct line t = trimmed(line);

		if (is_blank(line) || is_quoted(line) || t.length > 300)
			return 0;
		if (t.at[t.length - 1] == ':' && contains_any(&t, WROTE))
			return n;
	}
	return 0;
}

/* "12.05.2026 10:00, Anna пишет:" has no such word in every program, but what it introduces
 * is quoted: a line that ends with a colon and holds an address or a year. */
static bool introduces(const struct line *line)
{
	struct line t = trimmed(line);

	return t.length > 0 && t.at[t.length - 1] == ':' && t.length <= 300 &&
	       (memchr(t.at, '@', t.length) != NULL || memmem(t.at, t.length, "20", 2) != NULL);
}

static size_t skip_blank(const struct lines *l, size_t i)
{
	while (i < l->count && is_blank(&l->line[i]))
		i++;
	return i;
}

/* The end of the run of quoted lines at i, blank ones among them. */
static size_t quotation_end(const struct lines *l, size_t i)
{
	size_t end = i;

	while (i < l->count && (is_quoted(&l->line[i]) || is_blank(&l->line[i]))) {
		i++;
		if (is_quoted(&l->line[i - 1]))
			end = i;
	}
	return end;
}

static bool is_signature(const struct lines *l, size_t i)
{
	const struct line *line = &l->line[i];
	size_t most = i + SIGNATURE_LINES;
	size_t below = i + 1;

	if (line->length < 2 || memcmp(line->at, "--", 2) != 0 ||
	        !(line->length == 2 || (line->length == 3 && line->at[2] == ' ')))
		return false;
	/* "--" is also a rule across the page: a signature is short, and history may follow it
	 */
	while (below < l->count && below <= most && !is_quoted(&l->line[below]) &&
	        introduction(l, below) == 0 && !is_original_mark(&l->line[below]) &&
	        !is_outlook_head(l, below))
		below++;
	return below <= most;
}

/* Does nothing new stand at or after i? */
static bool ends_at(const struct lines *l, size_t i)
{
	i = skip_blank(l, i);
	return i == l->count || is_signature(l, i);
}

/* Underscores above Outlook's introduction. */
static bool is_rule(const struct line *line)
{
	struct line t = trimmed(line);

	if (t.length < 10)
		return false;
	for (size_t i = 0; i < t.length; i++) {
		if (t.at[i] != '_' && t.at[i] != '-')
			return false;
	}
	return true;
}

/* "The user wrote:" introduces a report as well: history says when, or an address. */
static bool says_when_or_who(const struct lines *l, size_t i, size_t count)
{
	for (size_t k = i; k < i + count; k++) {
		if (memchr(l->line[k].at, '@', l->line[k].length) != NULL ||
		        memmem(l->line[k].at, l->line[k].length, "20", 2) != NULL)
			return true;
	}
	return false;
}

/* History from i to the end of the text: true; else false. */
static bool history_to_end(const struct lines *l, size_t i)
{
	size_t introduced;
	bool dated;

	if (is_original_mark(&l->line[i]) || is_outlook_head(l, i))
		return true;
	if (is_rule(&l->line[i])) {
		size_t next = skip_blank(l, i + 1);

		return next < l->count && is_outlook_head(l, next);
	}
	introduced = introduction(l, i);
	dated = introduced > 0 && says_when_or_who(l, i, introduced);
	if (introduced == 0 && introduces(&l->line[i]) && !is_quoted(&l->line[i]))
		introduced = 1;
	if (introduced > 0) {
		size_t next = skip_blank(l, i + introduced);

		if (next < l->count && is_quoted(&l->line[next]))
			return ends_at(l, quotation_end(l, next));
		/* not quoted by marks: all below it is the letter it introduces */
		return dated && next < l->count;
	}
	return is_quoted(&l->line[i]) && ends_at(l, quotation_end(l, i));
}

static void line_put(struct buf *out, const struct line *line)
{
	(void)buf_append(out, line->at, line->length);
	(void)buf_putc(out, '\n');
}

/* A quotation that is answered below it: its first lines tell which one it is. */
static bool inner_put(const struct lines *l, size_t from, size_t to, struct buf *out)
{
	bool cut = to - from > INNER_MOST;
	size_t shown = cut ? from + INNER_KEPT : to;

	for (size_t i = from; i < shown; i++)
		line_put(out, &l->line[i]);
	if (cut)
		(void)buf_printf(out, "> [… %zu]\n", to - shown);
	return cut;
}

static bool fold(const struct lines *l, struct buf *out)
{
	bool cut = false;

	for (size_t i = 0; i < l->count;) {
		if (history_to_end(l, i) || is_signature(l, i))
			return true;
		if (is_quoted(&l->line[i])) {
			size_t end = quotation_end(l, i);

			cut = inner_put(l, i, end, out) || cut;
			i = end;
			continue;
		}
		line_put(out, &l->line[i++]);
	}
	return cut;
}

bool mail_fold(const char *text, struct buf *out)
{
	struct lines l = {0};
	struct buf kept = {0};
	bool cut = false;

	if (lines_split(text, &l) == 0)
		cut = fold(&l, &kept);
	while (kept.len > 0 && strchr(" \t\n", kept.data[kept.len - 1]) != NULL)
		kept.data[--kept.len] = '\0';
	if (cut && !kept.failed && !text_is_blank(buf_text(&kept))) {
		(void)buf_puts(out, buf_text(&kept));
	} else {
		(void)buf_puts(out, text);
		cut = false;
	}
	buf_free(&kept);
	free(l.line);
	return cut;
}

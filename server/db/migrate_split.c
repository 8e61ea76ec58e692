/* A small SQL lexer: only far enough to see where a statement ends. */
#include "db/migrate_split.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Past a quoted thing that starts at `at`; doubled quotes stand for one. */
static size_t skip_quoted(const char *text, size_t at, char quote, bool escapes)
{
	for (at++; text[at] != '\0'; at++) {
		if (escapes && text[at] == '\\' && text[at + 1] != '\0')
			at++;
		else if (text[at] == quote && text[at + 1] == quote)
			at++;
		else if (text[at] == quote)
			return at + 1;
	}
	return at;
}

static size_t skip_comment(const char *text, size_t at)
{
	int depth = 0;

	while (text[at] != '\0') {
		if (text[at] == '/' && text[at + 1] == '*') {
			depth++;
			at += 2;
		} else if (text[at] == '*' && text[at + 1] == '/') {
			at += 2;
			if (--depth == 0)
				return at;
		} else {
			at++;
		}
	}
	return at;
}

/* Past $tag$…$tag$; past the dollar alone if it opens nothing. */
static size_t skip_dollar(const char *text, size_t at)
{
	size_t end = at + 1;
	const char *close;

	if (isdigit((unsigned char)text[end]))
		return end;
	while (is_word(text[end]))
		end++;
	if (text[end] != '$')
		return at + 1;
	end++;
	for (close = strchr(text + end, '$'); close != NULL; close = strchr(close + 1, '$'))
		if (strncmp(close, text + at, end - at) == 0)
			return (size_t)(close - text) + (end - at);
	return strlen(text);
}

/* Past one token, comment or character. */
static size_t skip_token(const char *text, size_t at)
{
	char c = text[at];

	if (c == '\'')
		return skip_quoted(text, at, c, false);
	if ((c == 'E' || c == 'e') && text[at + 1] == '\'')
		return skip_quoted(text, at + 1, '\'', true);
	if (c == '"')
		return skip_quoted(text, at, c, false);
	if (c == '-' && text[at + 1] == '-')
		return at + strcspn(text + at, "\n");
	if (c == '/' && text[at + 1] == '*')
		return skip_comment(text, at);
	if (c == '$')
		return skip_dollar(text, at);
	if (!is_word(c))
		return at + 1;
	while (is_word(text[at]) || text[at] == '$')
		at++;
	return at;
}

static bool is_blank(const char *text, size_t at)
{
	return isspace((unsigned char)text[at]) || (text[at] == '-' && text[at + 1] == '-') ||
	       (text[at] == '/' && text[at + 1] == '*') || text[at] == ';';
}

bool migrate_split(const char *text, size_t *at, const char **statement, size_t *length)
{
	size_t from = *at, to;

	while (text[from] != '\0' && is_blank(text, from))
		from = skip_token(text, from);
	if (text[from] == '\0')
		return false;
	for (to = from; text[to] != '\0' && text[to] != ';';)
		to = skip_token(text, to);
	*statement = text + from;
	*length = to - from;
	*at = to;
	return true;
}

bool migrate_is_bare(const char *text)
{
	static const char marker[] = "-- no-transaction";

	for (const char *at = strstr(text, marker); at != NULL; at = strstr(at + 1, marker)) {
		const char *end = at + sizeof marker - 1;

		if ((at == text || at[-1] == '\n') &&
		        (*end == '\0' || *end == '\n' || *end == '\r'))
			return true;
	}
	return false;
}

/* Filling in {variables}. */
#include "notice/template.h"

#include <string.h>
#include <strings.h>

int template_render(const char *text, template_lookup *lookup, void *context, struct buf *out)
{
	while (*text != '\0') {
		size_t plain = strcspn(text, "{}");
		const char *end;

		(void)buf_append(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		end = *text == '{' ? strchr(text, '}') : NULL;
		if (end == NULL || !lookup(context, text + 1, (size_t)(end - text - 1), out))
			return -OTK_INVALID_ARGUMENT;
		text = end + 1;
	}
	return out->failed ? -OTK_RESOURCE_EXHAUSTED : 0;
}

const char *template_name(int template)
{
	static const char *const NAMES[] = {"summary", "digest", "line", "rest"};

	if (template <TEMPLATE_SUMMARY)
		return notice_name((enum notice) template);
	return template <TEMPLATE_COUNT ? NAMES[template - TEMPLATE_SUMMARY] : "";
}

int template_find(const char *name)
{
	for (int t = NOTICE_CREATED; t < TEMPLATE_COUNT; t++) {
		if (strcmp(template_name(t), name) == 0)
			return t;
	}
	return -1;
}

/* How well a tag of a template fits a reader's: 2 wholly, 1 by its first part, 0 not. */
static int language_fit(const char *own, const char *wanted)
{
	size_t first = strcspn(wanted, "-_");

	if (strcasecmp(own, wanted) == 0)
		return 2;
	return strlen(own) == first && strncasecmp(own, wanted, first) == 0 ? 1 : 0;
}

struct template template_choose(const struct own_template *own, size_t count,
        int32_t customer_id, const char *language, int template)
{
	struct template built = language_find(language)->templates[template];
	const struct own_template *best = NULL;
	int most = 0;

	for (size_t i = 0; i < count; i++) {
		int fit = language_fit(own[i].language, language == NULL ? "en" : language);

		if (fit == 0 || strcmp(own[i].name, template_name(template)) != 0 ||
		        (own[i].customer_id != 0 && own[i].customer_id != customer_id))
			continue;
		fit += own[i].customer_id != 0 ? 2 : 0;
		if (fit > most) {
			most = fit;
			best = &own[i];
		}
	}
	if (best == NULL)
		return built;
	return (struct template){*best->subject == '\0' ? built.subject : best->subject,
	        *best->body == '\0' ? built.body : best->body};
}

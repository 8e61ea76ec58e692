/* Filling in {variables}. */
#include "notify/template.h"

#include <string.h>

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

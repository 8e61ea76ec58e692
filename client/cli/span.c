/* Spans of time as options of verbs. */
#include "cli/span.h"

#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "core/duration.h"

#define DAY_US (INT64_C(86400) * 1000000)

int cli_span_read(const char *words, const char *option, const char *text, int64_t *us)
{
	size_t length = strlen(text);
	char number[8];
	int64_t n;

	if (length > 1 && length < sizeof number &&
	        (text[length - 1] == 'd' || text[length - 1] == 'w')) {
		memcpy(number, text, length - 1);
		number[length - 1] = '\0';
		if (text_to_i64(number, 1, 7300, &n) == 0) {
			*us = n * DAY_US * (text[length - 1] == 'w' ? 7 : 1);
			return 0;
		}
	}
	if (duration_parse(text, option, us, NULL) == 0 && *us > 0)
		return 0;
	return cli_usage(
	        words, "--%s must be such as 90d, 2w, 8h or 30m, not '%.40s'", option, text);
}

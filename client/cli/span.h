/* Spans of time as options of verbs: "90d", "2w", "8h", "30m". */
#ifndef OTKLIK_CLI_SPAN_H
#define OTKLIK_CLI_SPAN_H

#include <stdint.h>

/* Days, weeks or a duration, not 0. 0; or EXIT_USAGE, the error being printed for the option of
 * the verb `words`. */
int cli_span_read(const char *words, const char *option, const char *text, int64_t *us);

#endif

/* What a plugin printed, made safe and cut into text, long text and perfdata. Pure. */
#ifndef OTKLIK_AGENT_CHECK_OUTPUT_H
#define OTKLIK_AGENT_CHECK_OUTPUT_H

#include <stddef.h>

/* Greatest output of a plugin that is kept; the rest is read and thrown away. */
enum { CHECK_OUTPUT_MAX = 8192 };

struct check_output {
	char text[CHECK_OUTPUT_MAX + 1];      /* first line before "|" */
	char long_text[CHECK_OUTPUT_MAX + 1]; /* later lines, up to one with "|" */
	char perfdata[CHECK_OUTPUT_MAX +
	              1]; /* everything after a "|", lines joined by spaces */
};

/*
 * Copies `length` raw bytes to `out` as valid UTF-8 of at most CHECK_OUTPUT_MAX bytes: what is
 * not UTF-8, NUL and other control characters (not tab and newline) become U+FFFD, CR before
 * LF disappears. Returns the length; out is NUL-terminated.
 */
size_t output_clean(const char *raw, size_t length, char out[CHECK_OUTPUT_MAX + 1]);

/*
 * Cleans and splits. Line 1 is TEXT[|PERF]; later lines are long text until one contains "|",
 * from there on everything is perfdata (Nagios plugin API 3.0).
 */
void output_parse(const char *raw, size_t length, struct check_output *out);

#endif

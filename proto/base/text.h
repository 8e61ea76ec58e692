/* Text that came from outside: UTF-8 checks, cutting, bounded number parsing. */
#ifndef OTKLIK_BASE_TEXT_H
#define OTKLIK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the bytes are well-formed UTF-8 (RFC 3629: no overlongs, surrogates, > U+10FFFF). */
bool text_is_utf8(const char *text, size_t length);

/* Number of code points in well-formed UTF-8. */
size_t text_utf8_count(const char *text, size_t length);

/* Terminates text at or before `max` bytes without splitting a UTF-8 sequence. */
void text_cut_utf8(char *text, size_t max);

/* Whole-string decimal parse; 0, or -OTK_INVALID_ARGUMENT (not a number, out of range). */
int text_to_i64(const char *text, int64_t min, int64_t max, int64_t *out);

#endif

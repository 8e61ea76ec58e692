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

/* Takes out the bytes that belong to no well-formed character. */
void text_drop_broken(char *text);

/*
 * Bytes of what stands at `at` in well-formed UTF-8 and could lead a reader's screen astray, 0
 * for an ordinary character: control characters (C1 too, and tabs and line ends where it is to
 * be one line), overrides of the writing direction, and in one line everything that breaks it
 * or turns its direction round.
 */
size_t text_unwanted(const char *at, bool one_line);

/* True for "" and for nothing but white space and characters that cannot be seen. */
bool text_is_blank(const char *text);

/* Whole-string decimal parse; 0, or -OTK_INVALID_ARGUMENT (not a number, out of range). */
int text_to_i64(const char *text, int64_t min, int64_t max, int64_t *out);

#endif

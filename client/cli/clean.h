/*
 * Text from outside made fit for a terminal. A title, a name or an error message may carry
 * escape sequences that move the cursor, or marks that turn the reading direction: what a
 * person sees must be what is there.
 */
#ifndef OTKLIK_CLI_CLEAN_H
#define OTKLIK_CLI_CLEAN_H

#include <stdio.h>

/*
 * In place; never longer. Line ends and tabs become spaces; C0 and C1 controls, DEL, bidi
 * embeddings, overrides and isolates, line separators and bytes that are no UTF-8 become "?".
 */
void clean_text(char *text);

/* Length of the sequence at p that a terminal must not get (0: harmless), and its code point.
 */
size_t clean_bad(const char *p, size_t left, unsigned *point);

/* Prints text cleaned. */
void clean_print(FILE *out, const char *text);

/* Prints text of several lines, each cleaned; the last one ends too. Nothing for no text. */
void clean_print_lines(FILE *out, const char *text);

/* As fprintf, for a piece of a line: the whole result is cleaned, its line ends too. */
void clean_printf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

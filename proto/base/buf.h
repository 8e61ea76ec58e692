/* Growable byte buffer; always NUL-terminated so that text can be read in place. */
#ifndef OTKLIK_BASE_BUF_H
#define OTKLIK_BASE_BUF_H

#include <stddef.h>

/* Zero-initialise to start: `struct buf b = {0};`. */
struct buf {
	char *data; /* NULL while empty */
	size_t len;
	size_t cap;
	int failed; /* set once memory ran out; later appends do nothing */
};

/* Appends; return 0, or -OTK_RESOURCE_EXHAUSTED when memory is out (b->failed stays set). */
int buf_append(struct buf *b, const void *data, size_t size);
int buf_puts(struct buf *b, const char *text);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text so far; "" while empty. Valid until the next append. */
const char *buf_text(const struct buf *b);
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_free(struct buf *b);  /* frees, leaves it zero */

#endif

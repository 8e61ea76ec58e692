/* Arena: memory that lives as long as one request, with a hard budget. */
#ifndef OTKLIK_BASE_ARENA_H
#define OTKLIK_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * A new arena that hands out at most `budget` bytes in all. NULL when memory is out.
 * Under AddressSanitizer every allocation is a block of its own, so overruns show.
 */
struct arena *arena_new(size_t budget);

/* Frees everything handed out. arena_free(NULL) is harmless. */
void arena_free(struct arena *arena);

/* Forgets everything handed out; keeps one block for reuse. */
void arena_reset(struct arena *arena);

/* `size` bytes aligned for any type, not cleared; NULL past the budget or out of memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* As arena_alloc, for count × size, cleared; NULL also on overflow. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* Copies; NULL as arena_alloc. arena_strdup(a, NULL) is NULL. */
void *arena_memdup(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far, and whether a request was ever refused for the budget. */
size_t arena_used(const struct arena *arena);
int arena_exhausted(const struct arena *arena);

#endif
